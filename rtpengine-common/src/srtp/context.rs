//! Session keys of one direction, and what they do to packets (media-plane.md 9.3).

use std::fmt;

use hmac::{Hmac, Mac};
use sha1::Sha1;
use thiserror::Error;

use super::cipher::Cipher;
use super::keys::{KeyError, MAX_SALT, Mki, Parameters, SessionParameters};
use super::suite::{CipherKind, Suite, SuiteInfo};
use crate::rtp::{PacketIndex, RtpPacket};

type HmacSha1 = Hmac<Sha1>;

/// Length of an HMAC-SHA1 key.
const AUTH_KEY_LEN: usize = 20;
/// Fixed part of an RTCP packet that is never encrypted.
const RTCP_HEADER_LEN: usize = 8;
/// Length of the word with E bit and SRTCP index.
const RTCP_INDEX_LEN: usize = 4;
/// The E bit of that word.
const E_BIT: u32 = 0x8000_0000;

/// Why a packet could not be protected or unprotected. The texts are those operators match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SrtpError {
    /// Header, tag and MKI do not fit into the packet.
    #[error("Invalid SRTP/SRTCP packet received (short packet)")]
    Short,
    /// Too short for an RTCP header.
    #[error("Discarded invalid SRTCP packet: short packet")]
    ShortRtcp,
    /// No rollover counter makes the RTP tag right.
    #[error("Discarded invalid SRTP packet: authentication failed")]
    RtpAuthentication,
    /// No rollover counter makes the AEAD tag right.
    #[error("Discarded SRTP packet: decryption failed")]
    RtpDecryption,
    /// The RTCP tag is wrong.
    #[error("Discarded invalid SRTCP packet: authentication failed")]
    RtcpAuthentication,
    /// Not an RTP or RTCP packet, so there is nothing to protect.
    #[error("SRTP output wanted, but the packet is not valid")]
    NotRtp,
    /// Tag and MKI do not fit behind the packet.
    #[error("no room for SRTP tag")]
    NoRoom,
}

/// An unprotected RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unprotected {
    /// Its length.
    pub len: usize,
    /// The index it authenticated under. When this differs from the one asked for, the rollover counter
    /// was re-synchronised: the caller stores it and logs
    /// `Detected unexpected SRTP ROC reset (from A to B)`.
    pub index: PacketIndex,
    /// A tag vouched for the packet. Without one (session parameters) anybody may have sent it, so that it must move no replay
    /// window.
    pub authentic: bool,
}

/// An unprotected RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnprotectedRtcp {
    /// Its length.
    pub len: usize,
    /// The SRTCP index it carried, 31 bits.
    pub index: u32,
    /// A tag vouched for the packet; not so for one that came with E = 0 under an AEAD suite (media-plane.md 9.3 rule 3).
    pub authentic: bool,
}

/// Cipher, salt and authentication of RTP or of RTCP.
struct Session {
    cipher: Cipher,
    salt: [u8; MAX_SALT],
    mac: Option<HmacSha1>,
}

impl Session {
    /// `labels`: cipher key, authentication key, salt.
    fn derive(parameters: &Parameters, labels: [u8; 3]) -> Result<Self, KeyError> {
        let info = parameters.suite.info();
        let (mut key, mut auth, mut salt) = ([0; 32], [0; AUTH_KEY_LEN], [0; MAX_SALT]);
        let wrong = KeyError::Length {
            length: parameters.key.key().len() + parameters.key.salt().len(),
            expected: parameters.suite.key_and_salt_len(),
        };
        if parameters.key.key().len() != info.key_len || parameters.key.salt().len() != info.salt_len {
            return Err(wrong);
        }
        let key = key.get_mut(..info.key_len).ok_or(wrong)?;
        parameters.key.derive(labels[0], key);
        parameters.key.derive(labels[1], &mut auth);
        parameters.key.derive(labels[2], salt.get_mut(..info.salt_len).ok_or(wrong)?);
        Ok(Self::from_session_keys(info, key, &auth, salt))
    }

    fn from_session_keys(
        info: &SuiteInfo,
        key: &[u8],
        auth: &[u8; AUTH_KEY_LEN],
        salt: [u8; MAX_SALT],
    ) -> Self {
        let authenticated = info.cipher != CipherKind::AesGcm;
        Self {
            cipher: Cipher::new(info.cipher, key, &salt),
            salt,
            // HMAC takes keys of any length.
            mac: authenticated.then(|| HmacSha1::new_from_slice(auth).ok()).flatten(),
        }
    }

    /// Counter mode IV: (salt << 16) XOR (SSRC << 64) XOR (index << 16).
    fn counter_iv(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = self.salt;
        let salt = u128::from_be_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, 0, 0]);
        (salt ^ (u128::from(ssrc) << 64) ^ (u128::from(index) << 16)).to_be_bytes()
    }

    /// AEAD nonce: salt XOR (00 00, SSRC, six bytes of index).
    fn nonce(&self, ssrc: u32, index: u64) -> [u8; 12] {
        let [_, _, i @ ..] = index.to_be_bytes();
        let s = ssrc.to_be_bytes();
        let words = [0, 0, s[0], s[1], s[2], s[3], i[0], i[1], i[2], i[3], i[4], i[5]];
        std::array::from_fn(|n| self.salt[n] ^ words[n])
    }

    /// Enciphers or deciphers RTP without AEAD.
    fn apply_rtp(&self, header: &[u8; 12], payload: &mut [u8], index: PacketIndex) {
        match &self.cipher {
            Cipher::F8(f8) => {
                let mut iv = [0; 16];
                iv[..12].copy_from_slice(header);
                iv[0] = 0;
                iv[12..].copy_from_slice(&u32::from(index.roc()).to_be_bytes());
                f8.apply(iv, payload);
            }
            cipher => {
                let iv = self.counter_iv(ssrc_of(header), u64::from(index.raw()));
                cipher.apply_counter_mode(iv, payload);
            }
        }
    }

    /// Enciphers or deciphers RTCP without AEAD; `word` has the E bit set.
    fn apply_rtcp(&self, header: [u8; RTCP_HEADER_LEN], body: &mut [u8], word: u32) {
        match &self.cipher {
            Cipher::F8(f8) => {
                let mut iv = [0; 16];
                iv[4..8].copy_from_slice(&word.to_be_bytes());
                iv[8..].copy_from_slice(&header);
                f8.apply(iv, body);
            }
            cipher => {
                let iv = self.counter_iv(rtcp_ssrc(header), u64::from(word & !E_BIT));
                cipher.apply_counter_mode(iv, body);
            }
        }
    }
}

fn ssrc_of(header: &[u8; 12]) -> u32 {
    let [_, _, _, _, _, _, _, _, ssrc @ ..] = header;
    u32::from_be_bytes(*ssrc)
}

fn rtcp_ssrc(header: [u8; RTCP_HEADER_LEN]) -> u32 {
    let [_, _, _, _, ssrc @ ..] = header;
    u32::from_be_bytes(ssrc)
}

/// Session keys of one direction of a stream.
///
/// Re-keying replaces the context and leaves the indices alone.
pub struct Context {
    info: &'static SuiteInfo,
    session: SessionParameters,
    mki: Mki,
    rtp: Session,
    rtcp: Session,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("suite", &self.info.name).finish_non_exhaustive()
    }
}

impl Context {
    /// Derives the session keys.
    ///
    /// # Errors
    /// [`KeyError::Length`] when the key is not one of the suite's.
    pub fn new(parameters: &Parameters) -> Result<Self, KeyError> {
        Ok(Self {
            info: parameters.suite.info(),
            session: parameters.session,
            mki: parameters.mki.clone(),
            rtp: Session::derive(parameters, [0, 1, 2])?,
            rtcp: Session::derive(parameters, [3, 4, 5])?,
        })
    }

    /// The suite in use.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.info.suite
    }

    /// Protects the RTP packet at `room[..len]` in place and returns its new length. `room` goes on
    /// behind the packet for at least [`MAX_OVERHEAD`](super::MAX_OVERHEAD) bytes; `index` is that of
    /// the packet's SSRC; its rollover counter counts, the sequence number is the packet's own.
    ///
    /// # Errors
    /// [`SrtpError::NotRtp`], [`SrtpError::NoRoom`]; the packet is of no more use.
    pub fn protect_rtp(&self, room: &mut [u8], len: usize, index: PacketIndex) -> Result<usize, SrtpError> {
        let packet = room.get_mut(..len).ok_or(SrtpError::NoRoom)?;
        let view = RtpPacket::parse(packet).map_err(|_| SrtpError::NotRtp)?;
        let (start, index) = (view.payload_start(), index.with_sequence_number(view.sequence_number()));
        let (head, payload) = packet.split_at_mut_checked(start).ok_or(SrtpError::NotRtp)?;
        let header = *head.first_chunk::<12>().ok_or(SrtpError::NotRtp)?;
        let plain = self.session.unencrypted_srtp;
        let Some(mac) = &self.rtp.mac else {
            if plain {
                return append(room, len, &[self.mki.as_bytes()]);
            }
            let nonce = self.rtp.nonce(ssrc_of(&header), u64::from(index.raw()));
            let tag = self.rtp.cipher.seal(nonce, head, payload).ok_or(SrtpError::NoRoom)?;
            // The tag is part of the ciphertext, so the MKI comes behind it (RFC 7714 section 8.1).
            return append(room, len, &[&tag, self.mki.as_bytes()]);
        };
        if !plain {
            self.rtp.apply_rtp(&header, payload, index);
        }
        if self.session.unauthenticated_srtp {
            return append(room, len, &[self.mki.as_bytes()]);
        }
        let mut mac = mac.clone();
        mac.update(packet);
        mac.update(&u32::from(index.roc()).to_be_bytes());
        let tag = mac.finalize().into_bytes();
        append(room, len, &[self.mki.as_bytes(), tag.get(..self.info.rtp_tag_len).unwrap_or_default()])
    }

    /// Authenticates and deciphers an RTP packet in place. `index` is the estimate for this packet
    /// ([`PacketIndex::update`]); when it fails, other rollover counters are tried
    /// (media-plane.md 9.4 rule 3).
    ///
    /// # Errors
    /// [`SrtpError::Short`], [`SrtpError::RtpAuthentication`], [`SrtpError::RtpDecryption`]; the packet
    /// is unchanged.
    pub fn unprotect_rtp(&self, packet: &mut [u8], index: PacketIndex) -> Result<Unprotected, SrtpError> {
        let view = RtpPacket::parse(packet).map_err(|_| SrtpError::Short)?;
        let (start, index) = (view.payload_start(), index.with_sequence_number(view.sequence_number()));
        match &self.rtp.mac {
            None => self.open_rtp(packet, start, index),
            Some(mac) => self.verify_rtp(mac, packet, start, index),
        }
    }

    fn open_rtp(
        &self,
        packet: &mut [u8],
        start: usize,
        index: PacketIndex,
    ) -> Result<Unprotected, SrtpError> {
        let without_mki = cut(packet.len(), self.mki.as_bytes().len(), start)?;
        if self.session.unencrypted_srtp {
            return Ok(Unprotected { len: without_mki, index, authentic: false });
        }
        let end = cut(without_mki, self.info.rtp_tag_len, start)?;
        let tag = *packet.get(end..).and_then(<[u8]>::first_chunk::<16>).ok_or(SrtpError::Short)?;
        let (head, payload) =
            packet.get_mut(..end).and_then(|p| p.split_at_mut_checked(start)).ok_or(SrtpError::Short)?;
        let ssrc = ssrc_of(head.first_chunk().ok_or(SrtpError::Short)?);
        let hit = candidates(index).find(|index| {
            let nonce = self.rtp.nonce(ssrc, u64::from(index.raw()));
            self.rtp.cipher.open(nonce, head, payload, &tag).is_some()
        });
        hit.map(|index| Unprotected { len: end, index, authentic: true }).ok_or(SrtpError::RtpDecryption)
    }

    fn verify_rtp(
        &self,
        mac: &HmacSha1,
        packet: &mut [u8],
        start: usize,
        mut index: PacketIndex,
    ) -> Result<Unprotected, SrtpError> {
        let tag_len = if self.session.unauthenticated_srtp { 0 } else { self.info.rtp_tag_len };
        let tag_start = cut(packet.len(), tag_len, start)?;
        let end = cut(tag_start, self.mki.as_bytes().len(), start)?;
        if tag_len != 0 {
            let (covered, tag) = (packet.get(..end), packet.get(tag_start..));
            let (covered, tag) = (covered.unwrap_or_default(), tag.unwrap_or_default());
            let mut mac = mac.clone();
            mac.update(covered);
            let hit = candidates(index).find(|index| {
                let mut mac = mac.clone();
                mac.update(&u32::from(index.roc()).to_be_bytes());
                mac.verify_truncated_left(tag).is_ok()
            });
            index = hit.ok_or(SrtpError::RtpAuthentication)?;
        }
        if !self.session.unencrypted_srtp {
            let (head, payload) =
                packet.get_mut(..end).and_then(|p| p.split_at_mut_checked(start)).ok_or(SrtpError::Short)?;
            self.rtp.apply_rtp(head.first_chunk().ok_or(SrtpError::Short)?, payload, index);
        }
        Ok(Unprotected { len: end, index, authentic: tag_len != 0 })
    }

    /// Protects the RTCP packet at `room[..len]` in place and returns its new length. `index` is the
    /// sender's SRTCP index of which 31 bits count; the caller adds one per packet.
    ///
    /// # Errors
    /// [`SrtpError::NotRtp`], [`SrtpError::NoRoom`]; the packet is of no more use.
    pub fn protect_rtcp(&self, room: &mut [u8], len: usize, index: u32) -> Result<usize, SrtpError> {
        let packet = room.get_mut(..len).ok_or(SrtpError::NoRoom)?;
        let (header, body) = packet.split_first_chunk_mut::<RTCP_HEADER_LEN>().ok_or(SrtpError::NotRtp)?;
        let plain = self.session.unencrypted_srtcp;
        let word = (index & !E_BIT) | if plain { 0 } else { E_BIT };
        let word_bytes = word.to_be_bytes();
        let Some(mac) = &self.rtcp.mac else {
            if plain {
                return append(room, len, &[&word_bytes, self.mki.as_bytes()]);
            }
            let nonce = self.rtcp.nonce(rtcp_ssrc(*header), u64::from(index & !E_BIT));
            let tag =
                self.rtcp.cipher.seal(nonce, &rtcp_aad(*header, word), body).ok_or(SrtpError::NoRoom)?;
            return append(room, len, &[&tag, &word_bytes, self.mki.as_bytes()]);
        };
        if !plain {
            self.rtcp.apply_rtcp(*header, body, word);
        }
        let mut mac = mac.clone();
        mac.update(packet);
        mac.update(&word_bytes);
        let tag = mac.finalize().into_bytes();
        let tag = tag.get(..self.info.rtcp_tag_len).unwrap_or_default();
        append(room, len, &[&word_bytes, self.mki.as_bytes(), tag])
    }

    /// Authenticates and deciphers an RTCP packet in place.
    ///
    /// # Errors
    /// [`SrtpError::Short`], [`SrtpError::ShortRtcp`], [`SrtpError::RtcpAuthentication`]; the packet is
    /// unchanged.
    pub fn unprotect_rtcp(&self, packet: &mut [u8]) -> Result<UnprotectedRtcp, SrtpError> {
        let header = *packet.first_chunk::<RTCP_HEADER_LEN>().ok_or(SrtpError::ShortRtcp)?;
        let mki_len = self.mki.as_bytes().len();
        let Some(mac) = &self.rtcp.mac else {
            let without_mki = cut(packet.len(), mki_len, RTCP_HEADER_LEN)?;
            let (word, end) = index_word(packet, without_mki)?;
            return self.open_rtcp(packet, header, word, end);
        };
        let tag_start = cut(packet.len(), self.info.rtcp_tag_len, RTCP_HEADER_LEN)?;
        let without_mki = cut(tag_start, mki_len, RTCP_HEADER_LEN)?;
        let (word, end) = index_word(packet, without_mki)?;
        let mut mac = mac.clone();
        mac.update(packet.get(..without_mki).unwrap_or_default());
        let tag = packet.get(tag_start..).unwrap_or_default();
        mac.verify_truncated_left(tag).map_err(|_| SrtpError::RtcpAuthentication)?;
        if word & E_BIT != 0 {
            let body = packet.get_mut(RTCP_HEADER_LEN..end).unwrap_or_default();
            self.rtcp.apply_rtcp(header, body, word);
        }
        Ok(UnprotectedRtcp { len: end, index: word & !E_BIT, authentic: true })
    }

    fn open_rtcp(
        &self,
        packet: &mut [u8],
        header: [u8; RTCP_HEADER_LEN],
        word: u32,
        end: usize,
    ) -> Result<UnprotectedRtcp, SrtpError> {
        let index = word & !E_BIT;
        if word & E_BIT == 0 {
            // Sent without the AEAD step, hence without tag (media-plane.md 9.3 rules 2 and 3).
            return Ok(UnprotectedRtcp { len: end, index, authentic: false });
        }
        let end = cut(end, self.info.rtcp_tag_len, RTCP_HEADER_LEN)?;
        let tag = *packet.get(end..).and_then(<[u8]>::first_chunk::<16>).ok_or(SrtpError::Short)?;
        let body = packet.get_mut(RTCP_HEADER_LEN..end).unwrap_or_default();
        let nonce = self.rtcp.nonce(rtcp_ssrc(header), u64::from(index));
        let opened = self.rtcp.cipher.open(nonce, &rtcp_aad(header, word), body, &tag);
        opened.ok_or(SrtpError::RtcpAuthentication)?;
        Ok(UnprotectedRtcp { len: end, index, authentic: true })
    }
}

/// The estimate first, then ROC + 1, ROC - 1 if there is one, ROC 0.
fn candidates(index: PacketIndex) -> impl Iterator<Item = PacketIndex> {
    let roc = index.roc();
    let others = [Some(roc.wrapping_add(1)), roc.checked_sub(1), Some(0)];
    std::iter::once(index).chain(others.into_iter().flatten().map(move |roc| index.with_roc(roc)))
}

/// Length without the last `tail` bytes, which must leave the header whole.
fn cut(len: usize, tail: usize, header: usize) -> Result<usize, SrtpError> {
    len.checked_sub(tail).filter(|&len| len >= header).ok_or(SrtpError::Short)
}

/// The word with E bit and index that ends at `end`, and where it begins.
fn index_word(packet: &[u8], end: usize) -> Result<(u32, usize), SrtpError> {
    let start = cut(end, RTCP_INDEX_LEN, RTCP_HEADER_LEN)?;
    let word = packet.get(start..).and_then(<[u8]>::first_chunk).ok_or(SrtpError::Short)?;
    Ok((u32::from_be_bytes(*word), start))
}

/// RTCP header and index word (RFC 7714 section 9.2).
fn rtcp_aad(header: [u8; RTCP_HEADER_LEN], word: u32) -> [u8; 12] {
    let mut aad = [0; 12];
    aad[..RTCP_HEADER_LEN].copy_from_slice(&header);
    aad[RTCP_HEADER_LEN..].copy_from_slice(&word.to_be_bytes());
    aad
}

/// Writes the parts behind the packet and gives the new length.
fn append(room: &mut [u8], len: usize, parts: &[&[u8]]) -> Result<usize, SrtpError> {
    let mut end = len;
    for part in parts {
        room.get_mut(end..end + part.len()).ok_or(SrtpError::NoRoom)?.copy_from_slice(part);
        end += part.len();
    }
    Ok(end)
}
