//! SRTP through the plane (media-plane.md §2.1, §9).

use std::sync::Arc;

use rtpengine_common::rtp::PacketIndex;
use rtpengine_common::srtp::{Context, MasterKey, Mki, Parameters, SUITES, SessionParameters, Suite};

use crate::call::ids::{MediaId, StreamId};

use super::tests::*;
use super::*;

fn parameters(suite: Suite, seed: u8) -> Parameters {
    Parameters::plain(suite, MasterKey::generate(suite, |bytes| bytes.fill(seed)))
}

fn crypto(parameters: &Parameters) -> Option<Arc<Crypto>> {
    Crypto::new(parameters.clone()).ok()
}

/// Makes one side SRTP with keys made of two seeds: what its peer sends with, and what we send with.
fn secure(call: &mut Fixture, side: [StreamId; 2], incoming: &Parameters, outgoing: &Parameters) {
    for stream in side {
        call.change(stream, |spec| spec.srtp = true);
        call.plane.set_keys(stream, Keys { incoming: crypto(incoming), outgoing: crypto(outgoing) });
    }
}

const A: [StreamId; 2] = [A_RTP, A_RTCP];
const B: [StreamId; 2] = [B_RTP, B_RTCP];

/// The phone at the other end.
struct Phone {
    context: Context,
    index: PacketIndex,
}

impl Phone {
    fn new(parameters: &Parameters) -> Self {
        Self { context: Context::new(parameters).expect("key fits"), index: PacketIndex::default() }
    }

    fn protect(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut room = packet.to_vec();
        room.resize(packet.len() + 300, 0);
        let index = self.index.update(u16::from_be_bytes([packet[2], packet[3]]));
        let len = self.context.protect_rtp(&mut room, packet.len(), index).expect("protects");
        room.truncate(len);
        room
    }

    fn unprotect(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut room = packet.to_vec();
        let index = self.index.update(u16::from_be_bytes([packet[2], packet[3]]));
        let unprotected = self.context.unprotect_rtp(&mut room, index).ok()?;
        self.index = unprotected.index;
        room.truncate(unprotected.len);
        Some(room)
    }

    fn protect_rtcp(&self, packet: &[u8], index: u32) -> Vec<u8> {
        let mut room = packet.to_vec();
        room.resize(packet.len() + 300, 0);
        let len = self.context.protect_rtcp(&mut room, packet.len(), index).expect("protects");
        room.truncate(len);
        room
    }

    fn unprotect_rtcp(&self, packet: &[u8]) -> (Vec<u8>, u32) {
        let mut room = packet.to_vec();
        let unprotected = self.context.unprotect_rtcp(&mut room).expect("authentic");
        room.truncate(unprotected.len);
        (room, unprotected.index)
    }
}

#[test]
fn rule_2_1_srtp_to_rtp_and_back_for_every_suite() {
    for info in SUITES {
        let (from_a, to_a) = (parameters(info.suite, 1), parameters(info.suite, 2));
        let mut call = Fixture::new();
        secure(&mut call, A, &from_a, &to_a);
        let (mut sender, mut listener) = (Phone::new(&from_a), Phone::new(&to_a));
        for sequence in 1..4 {
            let plain = rtp(PCMU, sequence, &[7; 160]);
            assert_eq!(call.receive(A_RTP, &sender.protect(&plain))[0].bytes, plain, "{}", info.name);
            let sent = call.receive(B_RTP, &plain);
            assert_ne!(sent[0].bytes, plain);
            assert_eq!(listener.unprotect(&sent[0].bytes).as_ref(), Some(&plain), "{}", info.name);
        }
        let report = rtcp(201, 2);
        assert_eq!(call.receive(A_RTCP, &sender.protect_rtcp(&report, 9))[0].bytes, report);
        for index in 0..3 {
            let sent = call.receive(B_RTCP, &report);
            assert_eq!(listener.unprotect_rtcp(&sent[0].bytes), (report.clone(), index), "rule 9.4.6");
        }
    }
}

#[test]
fn rule_2_1_mixed_suites_are_deciphered_and_enciphered() {
    let gcm = [parameters(Suite::AeadAes128Gcm, 1), parameters(Suite::AeadAes128Gcm, 2)];
    let cm = [parameters(Suite::AesCm128HmacSha1_32, 3), parameters(Suite::AesCm128HmacSha1_32, 4)];
    let mut call = Fixture::new();
    secure(&mut call, A, &gcm[0], &gcm[1]);
    secure(&mut call, B, &cm[0], &cm[1]);
    let (mut sender, mut listener) = (Phone::new(&gcm[0]), Phone::new(&cm[1]));
    let plain = rtp(PCMU, 1, b"secret");
    let sent = call.receive(A_RTP, &sender.protect(&plain));
    assert_eq!(listener.unprotect(&sent[0].bytes), Some(plain));
}

/// Both sides with the same keys, as SDES passthrough makes them.
fn passthrough() -> (Fixture, Parameters) {
    let suite = Suite::AesCm128HmacSha1_80;
    let (from_a, from_b) = (parameters(suite, 1), parameters(suite, 2));
    let mut call = Fixture::new();
    secure(&mut call, A, &from_a, &from_b);
    secure(&mut call, B, &from_b, &from_a);
    (call, from_a)
}

#[test]
fn rule_21_8_equal_keys_pass_byte_for_byte_even_what_would_not_authenticate() {
    let (mut call, from_a) = passthrough();
    let mut forged = Phone::new(&from_a).protect(&rtp(PCMU, 1, b"secret"));
    *forged.last_mut().expect("has a tag") ^= 1;
    assert_eq!(call.receive(A_RTP, &forged)[0].bytes, forged);
    let no_rtp = b"neither RTP nor SRTP".to_vec();
    assert_eq!(call.receive(A_RTP, &no_rtp)[0].bytes, no_rtp);
}

#[test]
fn rule_2_1_rtcp_is_recrypted_even_where_rtp_is_untouched() {
    let (mut call, from_a) = passthrough();
    let phone = Phone::new(&from_a);
    let report = rtcp(201, 2);
    let sent = call.receive(A_RTCP, &phone.protect_rtcp(&report, 77));
    assert_eq!(phone.unprotect_rtcp(&sent[0].bytes), (report, 0));
}

#[test]
fn rule_2_1_2_reasons_to_decipher_in_spite_of_equal_keys() {
    let changes: [fn(&mut FlowSpec); 4] = [
        |spec| spec.recrypt = true,
        |spec| spec.rtp.push(SinkSpec::forward(None, A_RTP)),
        |spec| spec.rtp[0].actions = Some(Arc::default()),
        |spec| spec.rtp[0].mirrors.push(MirrorSpec { edge: None, to: A_RTP }),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (mut call, from_a) = passthrough();
        let mut forged = Phone::new(&from_a).protect(&rtp(PCMU, 1, b"secret"));
        call.change(A_RTP, change);
        assert_eq!(call.receive(A_RTP, &forged)[0].bytes, forged, "the same keys make the same bytes");
        *forged.last_mut().expect("has a tag") ^= 1;
        assert!(call.receive(A_RTP, &forged).is_empty(), "change {number}");
    }
    let (mut call, _) = passthrough();
    let other = parameters(Suite::AesCm128HmacSha1_80, 9);
    let keys = Keys { incoming: crypto(&other), outgoing: crypto(&other) };
    assert!(call.plane.set_keys(B_RTP, keys.clone()) && !call.plane.set_keys(B_RTP, keys));
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, &[0; 40])).is_empty());
}

#[test]
fn what_cannot_be_authenticated_is_dropped_and_counted() {
    let keys = [parameters(Suite::AesCm128HmacSha1_80, 1), parameters(Suite::AesCm128HmacSha1_80, 2)];
    let mut call = Fixture::new();
    secure(&mut call, A, &keys[0], &keys[1]);
    let outcome = call.receive_from(A_RTP, PEERS[0], &rtp(PCMU, 1, &[0; 40]));
    assert_eq!(outcome, Outcome::Dropped(DropCause::Crypto));
    assert_eq!(call.stream(A_RTP).counters_in(), Counters { packets: 0, bytes: 0, errors: 1 });
    assert!(!call.stream(A_RTP).confirmed(), "a forged packet teaches nothing");
    assert_eq!(call.texts(), ["Discarded invalid SRTP packet: authentication failed"]);
    assert!(call.receive(A_RTP, b"not RTP at all").is_empty());
    assert!(call.receive(A_RTCP, &rtcp(201, 6)).is_empty());
    assert_eq!(call.texts(), ["Discarded invalid SRTCP packet: authentication failed"]);
}

#[test]
fn rule_9_3_5_without_keys_packets_are_dropped_with_an_error() {
    let mut call = Fixture::new();
    for stream in A {
        call.change(stream, |spec| spec.srtp = true);
    }
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, &[0; 40])).is_empty());
    assert!(call.receive(B_RTP, &rtp(PCMU, 1, &[0; 40])).is_empty());
    assert!(call.receive(B_RTCP, &rtcp(201, 2)).is_empty());
    let texts = call.texts();
    let wanted = "SRTP output wanted, but no crypto suite was negotiated";
    assert_eq!(texts.iter().filter(|text| *text == wanted).count(), 3, "for RTCP too: {texts:?}");
}

#[test]
fn rule_9_4_8_the_plain_phase_gives_the_roll_over_counter() {
    let keys = [parameters(Suite::AesCm128HmacSha1_80, 1), parameters(Suite::AesCm128HmacSha1_80, 2)];
    let mut call = Fixture::new();
    for sequence in [65_000, 65_535, 1, 2] {
        call.receive(B_RTP, &rtp(PCMU, sequence, b"x"));
        call.receive(A_RTP, &rtp(PCMU, sequence, b"x"));
    }
    secure(&mut call, A, &keys[0], &keys[1]);
    let one_cycle = PacketIndex::from_raw(0x1_0002);
    let mut listener = Phone { index: one_cycle, ..Phone::new(&keys[1]) };
    let sent = call.receive(B_RTP, &rtp(PCMU, 3, b"after"));
    assert_eq!(listener.unprotect(&sent[0].bytes), Some(rtp(PCMU, 3, b"after")));
    assert_eq!(listener.index.roc(), 1);
    let mut sender = Phone { index: one_cycle, ..Phone::new(&keys[0]) };
    assert_eq!(call.receive(A_RTP, &sender.protect(&rtp(PCMU, 3, b"after"))).len(), 1);
    assert!(!call.texts().iter().any(|text| text.contains("ROC reset")));
}

#[test]
fn rule_9_4_3_an_unexpected_roll_over_counter_is_found_and_logged() {
    let keys = [parameters(Suite::AesCm128HmacSha1_80, 1), parameters(Suite::AesCm128HmacSha1_80, 2)];
    let mut call = Fixture::new();
    secure(&mut call, A, &keys[0], &keys[1]);
    let mut sender = Phone { index: PacketIndex::from_raw(0x1_0001), ..Phone::new(&keys[0]) };
    assert_eq!(call.receive(A_RTP, &sender.protect(&rtp(PCMU, 2, b"x"))).len(), 1);
    assert!(call.texts().contains(&"Detected unexpected SRTP ROC reset (from 0 to 1)".into()));
    assert_eq!(call.receive(A_RTP, &sender.protect(&rtp(PCMU, 3, b"x"))).len(), 1);
    assert!(!call.texts().iter().any(|text| text.contains("ROC reset")));
}

#[test]
fn rule_9_4_7_another_signalled_endpoint_starts_indices_anew_and_the_same_does_not() {
    let mut call = Fixture::new();
    for sequence in [65_000, 65_535, 1] {
        call.receive(A_RTP, &rtp(PCMU, sequence, b"x"));
    }
    let roc = |call: &Fixture| {
        call.plane
            .media(MediaId(0))
            .and_then(|media| media.ssrc_in.get(SSRC))
            .map(|entry| entry.index().roc())
    };
    call.plane.fill(A_RTP, at(PEERS[0]), Learning::Heuristic, call.now);
    assert_eq!(roc(&call), Some(1));
    call.plane.fill(A_RTP, at("192.0.2.1:4444"), Learning::Heuristic, call.now);
    assert_eq!(roc(&call), Some(0));
}

#[test]
fn mki_and_session_parameters_are_those_of_their_direction() {
    let mki = Mki::new(&[1, 2, 3, 4]).expect("fits");
    let session = SessionParameters { unencrypted_srtp: true, ..SessionParameters::default() };
    let from_a = Parameters { mki, ..parameters(Suite::AesCm128HmacSha1_80, 1) };
    let to_a = Parameters { session, ..parameters(Suite::AesCm128HmacSha1_80, 2) };
    let mut call = Fixture::new();
    secure(&mut call, A, &from_a, &to_a);
    let plain = rtp(PCMU, 1, b"visible");
    let ciphered = Phone::new(&from_a).protect(&plain);
    assert_eq!(ciphered.len(), plain.len() + 4 + 10);
    assert_eq!(call.receive(A_RTP, &ciphered)[0].bytes, plain);
    let sent = &call.receive(B_RTP, &plain)[0].bytes;
    assert_eq!((&sent[..plain.len()], sent.len()), (&plain[..], plain.len() + 10));
}

#[test]
fn fan_out_enciphers_for_each_sink_on_its_own() {
    let keys = [1, 2, 3].map(|seed| parameters(Suite::AesCm128HmacSha1_80, seed));
    let mut call = Fixture::new();
    secure(&mut call, A, &keys[0], &keys[1]);
    secure(&mut call, B, &keys[2], &keys[2]);
    call.change(A_RTP, |spec| {
        spec.rtp.push(SinkSpec::forward(None, A_RTP));
        spec.rtp[0].mirrors.push(MirrorSpec { edge: None, to: A_RTCP });
    });
    let plain = rtp(PCMU, 1, b"to everyone");
    let sent = call.receive(A_RTP, &Phone::new(&keys[0]).protect(&plain));
    let heard: Vec<_> = sent
        .iter()
        .zip([2, 1, 1])
        .map(|(packet, key)| Phone::new(&keys[key]).unprotect(&packet.bytes))
        .collect();
    assert_eq!(heard, [Some(plain.clone()), Some(plain.clone()), Some(plain)]);
}

#[test]
fn rule_9_4_4_duplicates_pass_unless_replay_protection_is_on() {
    let keys = [parameters(Suite::AesCm128HmacSha1_80, 1), parameters(Suite::AesCm128HmacSha1_80, 2)];
    for (window, passed) in [(0, [1, 1, 1, 1, 1, 1]), (64, [1, 0, 1, 1, 0, 0])] {
        let mut call = Fixture::new();
        call.plane.set_replay_window(window);
        secure(&mut call, A, &keys[0], &keys[1]);
        let mut sender = Phone::new(&keys[0]);
        let packets = [100, 101, 300].map(|sequence| sender.protect(&rtp(PCMU, sequence, b"x")));
        let order = [1, 1, 0, 2, 1, 0].map(|at| call.receive(A_RTP, &packets[at]).len());
        assert_eq!(order, passed, "window {window}");
        let report = sender.protect_rtcp(&rtcp(201, 2), 5);
        let reports = [0, 1].map(|_| call.receive(A_RTCP, &report).len());
        assert_eq!(reports, if window == 0 { [1, 1] } else { [1, 0] });
    }
}

#[test]
fn rule_9_3_3_srtcp_that_nobody_vouches_for_passes_under_aead_unless_replay_protection_is_on() {
    let from_a = parameters(Suite::AeadAes128Gcm, 1);
    let plain = SessionParameters { unencrypted_srtcp: true, ..SessionParameters::default() };
    let agreed = Parameters { session: plain, ..from_a.clone() };
    // With an index that would shut the window for all that follows.
    let report = Phone::new(&agreed).protect_rtcp(&rtcp(201, 2), 0x7fff_fff0);
    for (window, negotiated, passed) in [(0, &from_a, 1), (64, &from_a, 0), (64, &agreed, 1)] {
        let mut call = Fixture::new();
        call.plane.set_replay_window(window);
        secure(&mut call, A, negotiated, &from_a);
        assert_eq!(call.receive(A_RTCP, &report).len(), passed, "window {window}");
        let genuine = Phone::new(&from_a).protect_rtcp(&rtcp(201, 2), 3);
        assert_eq!(call.receive(A_RTCP, &genuine).len(), 1, "window {window}");
    }
}

#[test]
fn packets_without_tag_move_no_replay_window() {
    let session = SessionParameters { unauthenticated_srtp: true, ..SessionParameters::default() };
    let from_a = Parameters { session, ..parameters(Suite::AesCm128HmacSha1_80, 1) };
    let mut call = Fixture::new();
    call.plane.set_replay_window(64);
    secure(&mut call, A, &from_a, &from_a);
    let mut sender = Phone::new(&from_a);
    let packets = [60_000, 100, 100].map(|sequence| sender.protect(&rtp(PCMU, sequence, b"x")));
    assert_eq!(packets.map(|packet| call.receive(A_RTP, &packet).len()), [1, 1, 1]);
}

#[test]
fn forged_sources_push_no_real_one_out() {
    let keys = [parameters(Suite::AesCm128HmacSha1_80, 1), parameters(Suite::AesCm128HmacSha1_80, 2)];
    let mut call = Fixture::new();
    secure(&mut call, A, &keys[0], &keys[1]);
    // Three cycles in: without its entry the roll-over counter could not be guessed.
    let mut sender = Phone::new(&keys[0]);
    for sequence in [60_000, 10_000, 40_000, 60_000, 10_000, 40_000, 60_000, 10_000] {
        assert_eq!(call.receive(A_RTP, &sender.protect(&rtp(PCMU, sequence, b"x"))).len(), 1);
    }
    for ssrc in 0..200_u8 {
        let mut forged = rtp(PCMU, 7, &[0; 40]);
        forged[8..12].copy_from_slice(&[1, 1, 1, ssrc]);
        assert!(call.receive(A_RTP, &forged).is_empty());
    }
    assert_eq!(call.receive(A_RTP, &sender.protect(&rtp(PCMU, 10_001, b"x"))).len(), 1);
    let sources = &call.plane.media(MediaId(0)).expect("exists").ssrc_in;
    assert_eq!(sources.by_recency().len(), 1, "none of them is listed");
    assert!(!call.texts().iter().any(|text| text.contains("ROC reset")));
}

#[test]
fn no_srtcp_index_comes_twice_when_sources_make_room() {
    let keys = [parameters(Suite::AeadAes128Gcm, 1), parameters(Suite::AeadAes128Gcm, 2)];
    let mut call = Fixture::new();
    secure(&mut call, A, &keys[0], &keys[1]);
    let listener = Phone::new(&keys[1]);
    let mut seen = Vec::new();
    for turn in 0..3 {
        for ssrc in 0..30_u8 {
            let mut report = rtcp(201, 2);
            report[4..8].copy_from_slice(&[9, 9, 9, ssrc]);
            let sent = call.receive(B_RTCP, &report);
            let (_, index) = listener.unprotect_rtcp(&sent[0].bytes);
            assert!(!seen.contains(&(ssrc, index)), "turn {turn}");
            assert!(turn > 0 || ssrc >= 20 || index == 0, "starts at 0");
            seen.push((ssrc, index));
        }
    }
}
