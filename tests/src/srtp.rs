//! SRTP as the phones speak it (RFC 3711 with the suites `AES_CM_128_HMAC_SHA1_80` and `_32` of RFC 4568), written for
//! the tests alone.

use std::collections::HashMap;

use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, Mac};
use sha1::Sha1;

type Cipher = ctr::Ctr128BE<Aes128>;

/// Bytes of the master key and the master salt together.
pub const MASTER: usize = 30;

/// Bytes of the tag of SRTCP, in both suites.
const RTCP_TAG: usize = 10;

/// What one side needs to protect its packets, or to open those of the other.
#[derive(Clone, Debug)]
pub struct Srtp {
    rtp: Keys,
    rtcp: Keys,
    tag: usize,
    /// Per source the roll-over counter and the highest sequence number seen.
    rollover: HashMap<u32, (u32, u16)>,
    rtcp_index: u32,
}

#[derive(Clone, Debug)]
struct Keys {
    cipher: [u8; 16],
    salt: [u8; 14],
    auth: [u8; 20],
}

impl Keys {
    /// The session keys for three neighbouring labels (RFC 3711 4.3.1).
    fn derive(master: &[u8; MASTER], first_label: u8) -> Self {
        let part = |label: u8, out: &mut [u8]| {
            let mut iv = [0; 16];
            iv[..14].copy_from_slice(&master[16..]);
            iv[7] ^= label;
            let mut key = [0; 16];
            key.copy_from_slice(&master[..16]);
            Cipher::new(&key.into(), &iv.into()).apply_keystream(out);
        };
        let mut keys = Self { cipher: [0; 16], salt: [0; 14], auth: [0; 20] };
        part(first_label, &mut keys.cipher);
        part(first_label + 1, &mut keys.auth);
        part(first_label + 2, &mut keys.salt);
        keys
    }

    fn crypt(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        for (place, byte) in iv[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
            *place ^= byte;
        }
        for (place, byte) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *place ^= byte;
        }
        Cipher::new(&self.cipher.into(), &iv.into()).apply_keystream(data);
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 20] {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.auth).expect("a key of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl Srtp {
    /// The context for a suite and its master key and salt; `None` for a suite that the phones do not speak.
    #[must_use]
    pub fn new(suite: &str, master: &[u8; MASTER]) -> Option<Self> {
        let tag = match suite {
            "AES_CM_128_HMAC_SHA1_80" => 10,
            "AES_CM_128_HMAC_SHA1_32" => 4,
            _ => return None,
        };
        let (rtp, rtcp) = (Keys::derive(master, 0), Keys::derive(master, 3));
        Some(Self { rtp, rtcp, tag, rollover: HashMap::new(), rtcp_index: 0 })
    }

    /// The context of the value of an `a=crypto` line, with its tag and suite.
    #[must_use]
    pub fn from_line(line: &str) -> Option<(u32, String, Self)> {
        let mut words = line.split(' ');
        let (tag, suite, key) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        let key = key.strip_prefix("inline:")?.split('|').next()?;
        let master = STANDARD_NO_PAD.decode(key).ok()?;
        Some((tag, suite.to_string(), Self::new(suite, master.as_slice().try_into().ok()?)?))
    }

    /// The key parameter of an `a=crypto` line.
    #[must_use]
    pub fn inline(master: &[u8; MASTER]) -> String {
        format!("inline:{}", STANDARD_NO_PAD.encode(master))
    }

    /// Encrypts and signs an RTP packet.
    ///
    /// # Panics
    /// When it is no RTP packet.
    #[must_use]
    pub fn protect(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut out = packet.to_vec();
        let (ssrc, sequence_number, payload) = header(packet).expect("an RTP packet");
        let rollover = self.advance(ssrc, sequence_number);
        self.rtp.crypt(ssrc, u64::from(rollover) << 16 | u64::from(sequence_number), &mut out[payload..]);
        let tag = self.rtp.tag(&[&out, &rollover.to_be_bytes()]);
        out.extend_from_slice(&tag[..self.tag]);
        out
    }

    /// Checks and decrypts an SRTP packet; `None` if it is none of ours.
    #[must_use]
    pub fn unprotect(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (body, tag) = packet.split_at_checked(packet.len().checked_sub(self.tag)?)?;
        let (ssrc, sequence_number, payload) = header(body)?;
        let rollover = self.advance(ssrc, sequence_number);
        if self.rtp.tag(&[body, &rollover.to_be_bytes()])[..self.tag] != *tag {
            return None;
        }
        let mut out = body.to_vec();
        self.rtp.crypt(ssrc, u64::from(rollover) << 16 | u64::from(sequence_number), &mut out[payload..]);
        Some(out)
    }

    /// The roll-over counter of a packet. The phones never reorder across a roll-over.
    fn advance(&mut self, ssrc: u32, sequence_number: u16) -> u32 {
        let (rollover, highest) = self.rollover.entry(ssrc).or_insert((0, sequence_number));
        if sequence_number < 0x4000 && *highest > 0xc000 {
            *rollover += 1;
        }
        *highest = sequence_number;
        *rollover
    }

    /// Encrypts and signs a compound RTCP packet.
    ///
    /// # Panics
    /// When it is no RTCP packet.
    #[must_use]
    pub fn protect_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut out = packet.to_vec();
        let ssrc = u32::from_be_bytes(packet[4..8].try_into().expect("four bytes"));
        let index = self.rtcp_index;
        self.rtcp_index += 1;
        self.rtcp.crypt(ssrc, u64::from(index), &mut out[8..]);
        out.extend_from_slice(&(0x8000_0000 | index).to_be_bytes());
        let tag = self.rtcp.tag(&[&out]);
        out.extend_from_slice(&tag[..RTCP_TAG]);
        out
    }

    /// Checks and decrypts a compound SRTCP packet; `None` if it is none of ours.
    #[must_use]
    pub fn unprotect_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (body, tag) = packet.split_at_checked(packet.len().checked_sub(RTCP_TAG)?)?;
        if self.rtcp.tag(&[body])[..RTCP_TAG] != *tag {
            return None;
        }
        let (body, index) = body.split_at_checked(body.len().checked_sub(4)?)?;
        let index = u32::from_be_bytes(index.try_into().ok()?);
        let ssrc = u32::from_be_bytes(body.get(4..8)?.try_into().ok()?);
        let mut out = body.to_vec();
        if index & 0x8000_0000 != 0 {
            self.rtcp.crypt(ssrc, u64::from(index & 0x7fff_ffff), &mut out[8..]);
        }
        Some(out)
    }
}

/// SSRC, sequence number and where the payload begins.
fn header(packet: &[u8]) -> Option<(u32, u16, usize)> {
    let fixed = packet.get(..12)?;
    let mut payload = 12 + usize::from(fixed[0] & 15) * 4;
    if fixed[0] & 0x10 != 0 {
        let length = packet.get(payload + 2..payload + 4)?;
        payload += 4 + usize::from(u16::from_be_bytes([length[0], length[1]])) * 4;
    }
    let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
    (payload <= packet.len()).then_some((ssrc, u16::from_be_bytes([fixed[2], fixed[3]]), payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_derivation_of_rfc_3711_appendix_b3() {
        let mut master = [0; MASTER];
        master[..16].copy_from_slice(&0xE1F9_7A0D_3E01_8BE0_D64F_A32C_06DE_4139_u128.to_be_bytes());
        master[16..].copy_from_slice(&0x0EC6_75AD_498A_FEEB_B696_0B3A_ABE6_u128.to_be_bytes()[2..]);
        let keys = Keys::derive(&master, 0);
        assert_eq!(keys.cipher, 0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087_u128.to_be_bytes());
        assert_eq!(keys.salt, 0x30CB_BC08_863D_8C85_D49D_B34A_9AE1_u128.to_be_bytes()[2..]);
        assert_eq!(keys.auth[..4], [0xCE, 0xBE, 0x32, 0x1F]);
    }

    #[test]
    fn what_is_protected_opens_again_over_a_rollover() {
        let master = [7; MASTER];
        for suite in ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"] {
            let (mut one, mut other) =
                (Srtp::new(suite, &master).unwrap(), Srtp::new(suite, &master).unwrap());
            for sequence_number in [65534_u16, 65535, 0, 1] {
                let mut packet = vec![0x80, 0];
                packet.extend(sequence_number.to_be_bytes());
                packet.extend([1; 30]);
                let sealed = one.protect(&packet);
                assert_ne!(sealed[12..34], packet[12..]);
                assert_eq!(other.unprotect(&sealed), Some(packet));
            }
            let report = [0x80, 201, 0, 1, 1, 2, 3, 4];
            assert_eq!(other.unprotect_rtcp(&one.protect_rtcp(&report)), Some(report.to_vec()));
            assert_eq!(other.unprotect(&[0x80; 40]), None);
        }
    }
}
