use proptest::prelude::*;

use super::cipher::{Cipher, F8};
use super::*;
use crate::rtp::{PacketIndex, RtpHeader};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

fn parameters(suite: Suite) -> Parameters {
    let mut next = 0;
    let key = MasterKey::generate(suite, |bytes| {
        for byte in bytes {
            next += 1;
            *byte = next;
        }
    });
    Parameters::plain(suite, key)
}

fn context(suite: Suite) -> Context {
    Context::new(&parameters(suite)).unwrap()
}

fn rtp(sequence_number: u16, payload: &[u8]) -> Vec<u8> {
    let header = RtpHeader { sequence_number, ssrc: 0xcafe_babe, payload_type: 8, ..RtpHeader::default() };
    [&header.to_bytes()[..], payload].concat()
}

fn rtcp() -> Vec<u8> {
    let mut out = Vec::new();
    crate::rtcp::write_receiver_report(&mut out, 0xcafe_babe, &[]);
    crate::rtcp::write_sdes(&mut out, &[(1, &[(crate::rtcp::SdesItemType::Cname, b"0123456789ab")])]);
    out
}

fn with_room(packet: &[u8]) -> Vec<u8> {
    [packet, &[0; MAX_OVERHEAD]].concat()
}

fn protected(context: &Context, packet: &[u8], index: PacketIndex) -> Vec<u8> {
    let mut room = with_room(packet);
    let len = context.protect_rtp(&mut room, packet.len(), index).unwrap();
    room.truncate(len);
    room
}

/// RFC 3711 appendix B.1.
#[test]
fn f8_vector() {
    let cipher = F8::new(&hex("234829008467be186c3de14aae72d62c"), &hex("32f2870d"));
    let mut payload = b"pseudorandomness is the next best thing".to_vec();
    cipher.apply(array("006e5cba50681de55c621599d462564a"), &mut payload);
    let expected = "019ce7a26e7854014a6366aa95d4eefd1ad4172a14f9faf455b7f1d4b62bd08f562c0eef7c4802";
    assert_eq!(payload, hex(expected));
}

/// RFC 3711 appendix B.2.
#[test]
fn counter_mode_vector() {
    let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let cipher = Cipher::new(CipherKind::AesCm, &key, &[]);
    let mut stream = vec![0; 16 * 0xff02];
    cipher.apply_counter_mode(array("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"), &mut stream);
    let blocks = [
        (0, "e03ead0935c95e80e166b16dd92b4eb4"),
        (1, "d23513162b02d0f72a43a2fe4a5f97ab"),
        (2, "41e95b3bb0a2e8dd477901e4fca894c0"),
        (0xfeff, "ec8cdf7398607cb0f2d21675ea9ea1e4"),
        (0xff00, "362b7c3c6773516318a077d7fc5073ae"),
        (0xff01, "6a2cc3787889374fbeb4c81b17ba6c44"),
    ];
    for (block, expected) in blocks {
        assert_eq!(stream[16 * block..][..16], hex(expected), "block {block:x}");
    }
}

/// RFC 3711 appendix B.3.
#[test]
fn derivation_vector() {
    let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let key = MasterKey::from_bytes(Suite::AesCm128HmacSha1_80, &master).unwrap();
    let derive = |label, len| {
        let mut out = vec![0; len];
        key.derive(label, &mut out);
        out
    };
    assert_eq!(derive(0, 16), hex("c61e7a93744f39ee10734afe3ff7a087"));
    assert_eq!(derive(1, 20), hex("cebe321f6ff7716b6fd4ab49af256a156d38baa4"));
    assert_eq!(derive(2, 14), hex("30cbbc08863d8c85d49db34a9ae1"));
}

/// RFC 6188 section 7.
#[test]
fn large_aes_vectors() {
    let stream = |key: &str| {
        let cipher = Cipher::new(CipherKind::AesCm, &hex(key), &[]);
        let mut stream = vec![0; 48];
        cipher.apply_counter_mode(array("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"), &mut stream);
        stream
    };
    assert_eq!(
        stream("57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98"),
        hex(
            "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31"
        ),
    );
    assert_eq!(
        stream("eab234764e517b2d3d160d587d8c86219740f65f99b6bcf7")[..32],
        hex("35096cba4610028dc1b57503804ce37c 5de986291dcce161d5165ec4568f5c9a"),
    );
    let master =
        "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2";
    let key = MasterKey::from_bytes(Suite::Aes256CmHmacSha1_80, &hex(master)).unwrap();
    let derive = |label, len| {
        let mut out = vec![0; len];
        key.derive(label, &mut out);
        out
    };
    assert_eq!(derive(0, 32), hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"));
    assert_eq!(derive(2, 14), hex("fa31791685ca444a9e07c6c64e93"));
    assert_eq!(derive(1, 20), hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
}

/// RFC 7714 sections 16.1 and 16.2, with the session keys given there.
#[test]
fn gcm_vectors() {
    let aad = hex("8040f17b8041f8d35501a0b2");
    let plain = b"Gallia est omnis divisa in partes tres";
    let salt = hex("517569642070726f2071756f");
    let cases = [
        (
            "000102030405060708090a0b0c0d0e0f",
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833",
            "899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b",
            "7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ];
    for (key, expected, tag) in cases {
        let cipher = Cipher::new(CipherKind::AesGcm, &hex(key), &salt);
        let mut data = plain.to_vec();
        let sealed = cipher.seal(array("51753c6580c2726f20718414"), &aad, &mut data).unwrap();
        assert_eq!((data.clone(), sealed.to_vec()), (hex(expected), hex(tag)));
        cipher.open(array("51753c6580c2726f20718414"), &aad, &mut data, &sealed).unwrap();
        assert_eq!(data, plain);
    }
}

/// Whole packets under the key of RFC 3711 appendix B.3, as other implementations produce them.
#[test]
fn whole_packets_under_the_rfc_key() {
    let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let suite = Suite::AesCm128HmacSha1_80;
    let key = MasterKey::from_bytes(suite, &master).unwrap();
    let context = Context::new(&Parameters::plain(suite, key)).unwrap();
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    let sent = protected(&context, &plain, PacketIndex::from_raw(0x1234));
    let expected = "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb";
    assert_eq!(sent, hex(expected));
    let plain = hex("81c8000bcafebabe abababababababababababababababab");
    let mut room = with_room(&plain);
    let len = context.protect_rtcp(&mut room, plain.len(), 1).unwrap();
    let expected = "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798";
    assert_eq!(room[..len], hex(expected));
}

#[test]
fn table_is_consistent() {
    for (position, info) in SUITES.iter().enumerate() {
        assert_eq!(info.suite as usize, position);
        assert_eq!(Suite::from_name(&info.name.to_lowercase()), Some(info.suite));
        if let Some((name, _)) = info.dtls_profile {
            assert_eq!(Suite::from_dtls_profile(name), Some(info.suite));
        }
    }
    let profiles =
        "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32";
    assert_eq!(Suite::dtls_profiles(), profiles);
    assert_eq!(Suite::from_name("AES_CM_128_HMAC_SHA1_81"), None);
    assert_eq!(Suite::AesCm128HmacSha1_80.key_and_salt_len(), 30);
    assert_eq!(Suite::AeadAes256Gcm.key_and_salt_len(), 44);
}

#[test]
fn keys_must_fit_the_suite() {
    let suite = Suite::AeadAes128Gcm;
    let wrong = KeyError::Length { length: 30, expected: 28 };
    assert_eq!(MasterKey::from_bytes(suite, &[0; 30]), Err(wrong));
    assert!(MasterKey::from_bytes(suite, &[0; 3]).is_err());
    let other = MasterKey::generate(Suite::AesCm128HmacSha1_80, |bytes| bytes.fill(1));
    assert!(Context::new(&Parameters::plain(suite, other.clone())).is_err());
    assert_eq!(Mki::new(&[0; 256]), Err(KeyError::MkiLength));
    assert_eq!(format!("{other:?}"), "MasterKey(..)", "keys stay out of logs");
}

#[test]
fn dtls_material_is_split_between_the_sides() {
    let exported: Vec<u8> = (0..60).collect();
    let (client, server) = MasterKey::from_dtls(Suite::AesCm128HmacSha1_32, &exported).unwrap();
    assert_eq!(client.to_bytes()[..], [&exported[..16], &exported[32..46]].concat());
    assert_eq!(server.to_bytes()[..], [&exported[16..32], &exported[46..]].concat());
    assert!(MasterKey::from_dtls(Suite::AesCm128HmacSha1_32, &exported[1..]).is_err());
    assert!(MasterKey::from_dtls(Suite::AesCm128HmacSha1_32, &[0; 61]).is_err());
}

/// Lengths and plainness of the parts for each suite with each set of parameters.
#[test]
fn layout_follows_the_specification() {
    for info in &SUITES {
        for bits in 0..16 {
            let session = SessionParameters {
                unencrypted_srtp: bits & 1 != 0,
                unencrypted_srtcp: bits & 2 != 0,
                unauthenticated_srtp: bits & 4 != 0,
            };
            let mki: &[u8] = if bits & 8 != 0 { b"key1!" } else { b"" };
            let parameters = Parameters { mki: Mki::new(mki).unwrap(), session, ..parameters(info.suite) };
            let context = Context::new(&parameters).unwrap();
            check_rtp(&context, info, session, mki);
            check_rtcp(&context, info, session, mki);
        }
    }
}

fn check_rtp(context: &Context, info: &SuiteInfo, session: SessionParameters, mki: &[u8]) {
    let aead = info.cipher == CipherKind::AesGcm;
    let tag = match (aead, session.unencrypted_srtp, session.unauthenticated_srtp) {
        (true, true, _) | (false, _, true) => 0,
        _ => info.rtp_tag_len,
    };
    let plain = rtp(9, &[0x55; 160]);
    let index = PacketIndex::from_raw(0x3_0009);
    let mut packet = protected(context, &plain, index);
    assert_eq!(packet.len(), plain.len() + tag + mki.len(), "{}", info.name);
    assert_eq!(packet[..12], plain[..12]);
    let is_plain = packet[12..172] == plain[12..];
    assert_eq!(is_plain, session.unencrypted_srtp || info.cipher == CipherKind::Null, "{}", info.name);
    let mki_start = if aead { packet.len() - mki.len() } else { plain.len() };
    assert_eq!(&packet[mki_start..][..mki.len()], mki);
    let done = context.unprotect_rtp(&mut packet, index).unwrap();
    assert_eq!(done, Unprotected { len: plain.len(), index, authentic: tag != 0 });
    assert_eq!(packet[..done.len], plain);
}

fn check_rtcp(context: &Context, info: &SuiteInfo, session: SessionParameters, mki: &[u8]) {
    let aead = info.cipher == CipherKind::AesGcm;
    let tag = if aead && session.unencrypted_srtcp { 0 } else { info.rtcp_tag_len };
    let plain = rtcp();
    let mut packet = with_room(&plain);
    let len = context.protect_rtcp(&mut packet, plain.len(), 0x8000_0007).unwrap();
    packet.truncate(len);
    assert_eq!(len, plain.len() + 4 + tag + mki.len(), "{}", info.name);
    let word = if aead { len - mki.len() - 4 } else { plain.len() };
    let expected = if session.unencrypted_srtcp { [0, 0, 0, 7] } else { [0x80, 0, 0, 7] };
    assert_eq!(packet[word..word + 4], expected, "{}", info.name);
    let done = context.unprotect_rtcp(&mut packet).unwrap();
    assert_eq!(done, UnprotectedRtcp { len: plain.len(), index: 7, authentic: tag != 0 });
    assert_eq!(packet[..done.len], plain);
}

#[test]
fn every_changed_bit_is_noticed() {
    for suite in
        [Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_32, Suite::F8_128HmacSha1_80, Suite::NullHmacSha1_80]
    {
        let context = context(suite);
        let index = PacketIndex::from_raw(9);
        let packet = protected(&context, &rtp(9, &[1, 2, 3, 4]), index);
        for bit in 0..8 * packet.len() {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let before = forged.clone();
            assert!(context.unprotect_rtp(&mut forged, index).is_err(), "{suite:?} bit {bit}");
            assert_eq!(forged, before, "a refused packet is left as it was");
        }
        let plain = rtcp();
        let mut room = with_room(&plain);
        let len = context.protect_rtcp(&mut room, plain.len(), 3).unwrap();
        // The E bit of an AEAD packet says whether there is a tag at all.
        let e_bit = 8 * (len - 4) + 7;
        for bit in (0..8 * len).filter(|&bit| suite != Suite::AeadAes128Gcm || bit != e_bit) {
            let mut forged = room[..len].to_vec();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(context.unprotect_rtcp(&mut forged).is_err(), "{suite:?} bit {bit}");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    for suite in SUITES.iter().map(|info| info.suite) {
        let mki = Mki::new(b"0123").unwrap();
        let context = Context::new(&Parameters { mki, ..parameters(suite) }).unwrap();
        let index = PacketIndex::from_raw(9);
        let packet = protected(&context, &rtp(9, &[1]), index);
        for len in 0..packet.len() {
            assert!(context.unprotect_rtp(&mut packet[..len].to_vec(), index).is_err());
        }
        assert_eq!(context.unprotect_rtp(&mut packet[..12].to_vec(), index), Err(SrtpError::Short));
        let plain = rtcp();
        let mut room = with_room(&plain);
        let len = context.protect_rtcp(&mut room, plain.len(), 3).unwrap();
        assert_eq!(context.unprotect_rtcp(&mut room[..7].to_vec()), Err(SrtpError::ShortRtcp));
        assert_eq!(context.unprotect_rtcp(&mut room[..15].to_vec()), Err(SrtpError::Short));
        if suite != Suite::AeadAes128Gcm && suite != Suite::AeadAes256Gcm {
            assert!((0..len).all(|len| context.unprotect_rtcp(&mut room[..len].to_vec()).is_err()));
        }
    }
}

#[test]
fn missing_room_is_no_panic() {
    let context = context(Suite::AesCm128HmacSha1_80);
    let mut packet = rtp(1, &[0; 20]);
    let len = packet.len();
    assert_eq!(context.protect_rtp(&mut packet, len, PacketIndex::default()), Err(SrtpError::NoRoom));
    assert_eq!(context.protect_rtp(&mut packet, len + 1, PacketIndex::default()), Err(SrtpError::NoRoom));
    assert_eq!(context.protect_rtp(&mut [1; 300], 20, PacketIndex::default()), Err(SrtpError::NotRtp));
    assert_eq!(context.protect_rtcp(&mut [0; 300], 7, 0), Err(SrtpError::NotRtp));
}

/// media-plane.md 9.4 rule 3: ROC + 1, ROC - 1 and 0 are tried, in suites with and without AEAD.
#[test]
fn rollover_counter_is_found_again() {
    for suite in [Suite::AesCm128HmacSha1_80, Suite::AeadAes256Gcm] {
        let context = context(suite);
        let plain = rtp(100, &[7; 20]);
        let unprotect = |sent: u32, assumed: u32| {
            let mut packet = protected(&context, &plain, PacketIndex::from_raw(sent << 16));
            let done = context.unprotect_rtp(&mut packet, PacketIndex::from_raw((assumed << 16) | 100))?;
            assert_eq!(packet[..done.len], plain);
            Ok::<_, SrtpError>(done.index.roc())
        };
        assert_eq!(unprotect(5, 5), Ok(5));
        assert_eq!(unprotect(6, 5), Ok(6));
        assert_eq!(unprotect(4, 5), Ok(4));
        assert_eq!(unprotect(0, 5), Ok(0));
        assert_eq!(unprotect(1, 0), Ok(1));
        assert!(unprotect(7, 5).is_err());
        assert!(unprotect(3, 5).is_err());
    }
}

#[test]
fn rekeying_keeps_the_index() {
    let (old, mut new) = (parameters(Suite::AesCm128HmacSha1_80), parameters(Suite::AesCm128HmacSha1_80));
    new.key = MasterKey::generate(new.suite, |bytes| bytes.fill(0x77));
    assert_ne!(old, new);
    let mut index = PacketIndex::default();
    for number in [0xfffe_u16, 0xffff, 0, 1] {
        let parameters = if number == 0 { &new } else { &old };
        let context = Context::new(parameters).unwrap();
        let packet = protected(&context, &rtp(number, b"audio"), index.update(number));
        let done = context.unprotect_rtp(&mut packet.clone(), index).unwrap();
        assert_eq!(done.index.roc(), u16::from(number < 0x8000));
    }
}

#[test]
fn window_tells_replayed_packets() {
    let mut window = ReplayWindow::new(100);
    assert_eq!(window.size(), 128);
    assert_eq!(window.check(1000), Replay::New);
    window.accept(1000);
    assert_eq!(window.check(1000), Replay::Replayed);
    assert_eq!(window.check(873), Replay::New);
    assert_eq!(window.check(872), Replay::TooOld);
    window.accept(872);
    assert_eq!(window.check(1000), Replay::Replayed, "too old changes nothing");
    window.accept(1100);
    assert_eq!(window.check(1000), Replay::Replayed);
    assert_eq!(window.check(999), Replay::New);
    window.accept(u32::MAX);
    assert_eq!((window.check(u32::MAX), window.check(u32::MAX - 5)), (Replay::Replayed, Replay::New));
    window.reset();
    assert_eq!(window.check(1000), Replay::New);
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    /// Bytes that get past the header checks.
    #[test]
    fn foreign_packets_never_panic(choice: u8, count: u8, kind: u8, rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        exercise(&[&[choice, 0x80 | (count & 0x3f), kind][..], &rest].concat());
    }

    #[test]
    fn packets_round_trip(
        suite in 0..12_usize,
        index: u32,
        extension: bool,
        payload in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let context = context(SUITES[suite].suite);
        let mut plain = rtp(index as u16, &[]);
        if extension {
            plain[0] |= 0x10;
            plain.extend([0xbe, 0xde, 0, 1, 0x10, 9, 0, 0]);
        }
        plain.extend(payload);
        let index = PacketIndex::from_raw(index);
        let mut packet = protected(&context, &plain, index);
        let done = context.unprotect_rtp(&mut packet, index).unwrap();
        prop_assert_eq!(done.index, index);
        prop_assert_eq!(&packet[..done.len], &plain);
    }

    /// The window agrees with a set of all indices seen.
    #[test]
    fn window_agrees_with_a_set(indices in proptest::collection::vec(0..400_u32, 1..300)) {
        let mut window = ReplayWindow::new(64);
        let mut seen = std::collections::BTreeSet::new();
        for index in indices {
            let highest = seen.last().copied();
            let expected = match highest {
                Some(highest) if index + 64 <= highest => Replay::TooOld,
                _ if seen.contains(&index) => Replay::Replayed,
                _ => Replay::New,
            };
            prop_assert_eq!(window.check(index), expected);
            if expected == Replay::New {
                window.accept(index);
                seen.insert(index);
            }
        }
    }
}
