//! Events that are seen, and digits put into what is forwarded.

use std::sync::Arc;

use rtpengine_common::codec::dtmf::{Cover, Digit, Mode, Policy, Seen};

use super::super::tests::*;
use super::super::*;
use crate::call::ids::EdgeId;

fn fixture() -> Fixture {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| {
        let types = PayloadTypes::new([(PCMU, 8000), (EVENT, 8000)]).with_events([EVENT]);
        spec.payload_types = Some(Arc::new(types));
    });
    call
}

/// An event packet whose timestamp is that of packet `start`.
fn event(sequence: u16, start: u16, payload: [u8; 4]) -> Vec<u8> {
    let mut bytes = rtp(EVENT, sequence, &payload);
    bytes[4..8].copy_from_slice(&(u32::from(start) * 160).to_be_bytes());
    bytes
}

fn injection(event: u8) -> Injection {
    Injection {
        stream: A_RTP,
        edge: EdgeId(0),
        ssrc: SSRC,
        payload_type: 97,
        clock: 8000,
        frame: 160,
        digit: Digit { event, volume: 8, duration_ms: 100, pause_ms: 100 },
    }
}

/// Second byte, sequence number and payload of what was sent.
fn sent(all: &[Sent]) -> Vec<(u8, u16, &[u8])> {
    let number = |bytes: &[u8]| u16::from_be_bytes([bytes[2], bytes[3]]);
    all.iter().map(|packet| (packet.bytes[1], number(&packet.bytes), &packet.bytes[12..])).collect()
}

fn drop_events(call: &mut Fixture) {
    call.change(A_RTP, |spec| {
        let table = PtTable { rules: vec![(EVENT, PtAction::Drop)], ..PtTable::default() };
        spec.rtp[0].actions = Some(Arc::new(table));
    });
}

/// codecs.md §18.6: seen where they arrive, also when they are not forwarded.
#[test]
fn codecs_18_6_events_are_seen() {
    let mut call = fixture();
    drop_events(&mut call);
    assert!(!call.plane.has_dtmf());
    assert!(call.receive(A_RTP, &event(1, 1, [5, 10, 0, 160])).is_empty());
    for _ in 0..3 {
        call.receive(A_RTP, &event(2, 1, [5, 0x8a, 3, 32]));
    }
    call.receive(A_RTP, &event(3, 9, [16, 10, 0, 160]));
    call.receive(A_RTP, &event(3, 10, [5, 10, 0, 0])[..14]);
    let all = call.plane.take_dtmf();
    let started = Seen::Started { event: 5, volume: 10, timestamp: 160 };
    let ended = Seen::Ended { event: 5, volume: 10, timestamp: 160, duration: 800 };
    assert_eq!(all.iter().map(|n| n.seen).collect::<Vec<_>>(), [started, ended]);
    assert!(all.iter().all(|n| (n.stream, n.from, n.clock) == (A_RTP, Some(at(PEERS[0])), 8000)));
    assert!(!call.plane.has_dtmf());
}

/// codecs.md §18.5(2), (5): in what is forwarded, also while events are blocked.
#[test]
fn codecs_18_5_digits_in_forwarded_streams() {
    let mut call = fixture();
    call.receive(A_RTP, &rtp(PCMU, 1, &[1; 160]));
    call.plane.inject(&injection(7)).unwrap();
    let mut all = Vec::new();
    for n in 2..8 {
        all.extend(call.receive(A_RTP, &rtp(PCMU, n, &[1; 160])));
    }
    let expected: [(u8, u16, &[u8]); 8] = [
        (97 | 0x80, 2, &[7, 8, 0, 160]),
        (97, 3, &[7, 8, 1, 64]),
        (97, 4, &[7, 8, 1, 224]),
        (97, 5, &[7, 8, 2, 128]),
        (97, 6, &[7, 0x88, 3, 32]),
        (97, 7, &[7, 0x88, 3, 32]),
        (97, 8, &[7, 0x88, 3, 32]),
        (PCMU, 9, &[1; 160]),
    ];
    assert_eq!(sent(&all), expected);
    assert!(all[..7].iter().all(|packet| packet.bytes[4..8] == 320u32.to_be_bytes()));
    assert_eq!(call.plane.take_dtmf().iter().filter(|notice| notice.injected).count(), 2);
    drop_events(&mut call);
    assert!(call.receive(A_RTP, &event(8, 8, [1, 10, 0, 160])).is_empty());
    let after = call.receive(A_RTP, &rtp(PCMU, 9, b"x"));
    assert_eq!(sent(&after), [(PCMU, 11, &b"x"[..])], "what is dropped leaves a gap");
    let mut other = rtp(PCMU, 9, b"x");
    other[8] = 9;
    assert_eq!(call.receive(A_RTP, &other)[0].bytes, other, "another source is not touched");
}

#[test]
fn media_17_blocked_audio_takes_no_digits() {
    let mut call = fixture();
    call.change(A_RTP, |spec| {
        let table = PtTable { default: PtAction::Drop, ..PtTable::default() };
        spec.rtp[0].actions = Some(Arc::new(table));
    });
    call.plane.inject(&injection(7)).unwrap();
    assert!(call.receive(A_RTP, &rtp(PCMU, 2, &[1; 160])).is_empty());
}

/// The digits of a source are known to what hides them, whatever its links do.
#[test]
fn codecs_18_7_digits_are_noted_when_they_arrive() {
    let mut call = fixture();
    let policy = Policy { mode: Mode::Tone, buffer_ms: 20, ..Policy::default() };
    let dtmf = DtmfSpec { policy, clock: 8000, listen: Vec::new() };
    call.change(A_RTP, |spec| spec.dtmf = Some(Arc::new(dtmf)));
    call.receive(A_RTP, &event(5, 5, [5, 10, 0, 160]));
    call.receive(A_RTP, &event(6, 5, [5, 0x8a, 1, 64]));
    let hidden = |call: &Fixture| {
        let mask = call.stream(A_RTP).rare.as_ref().and_then(|rare| rare.hidden.mask.clone());
        let is_hidden =
            |mask: &rtpengine_common::codec::dtmf::Mask, n: u32| mask.cover(n * 160, false) != Cover::Nothing;
        mask.map(|mask| (3..10).filter(|n| is_hidden(&mask, *n)).collect::<Vec<_>>())
    };
    assert_eq!(hidden(&call), Some(vec![4, 5, 6, 7]));
    call.change(A_RTP, |spec| spec.dtmf = None);
    assert_eq!(hidden(&call), None);
}
