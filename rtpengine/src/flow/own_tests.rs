//! Packets of the daemon's own, at once and later.

use std::time::Duration;

use rtpengine_common::rtp::RtpHeader;
use smallvec::smallvec;

use super::tests::*;
use super::*;
use crate::call::ids::{EdgeId, StreamId};

const HEADER: RtpHeader =
    RtpHeader { marker: true, payload_type: 8, sequence_number: 7, timestamp: 1600, ssrc: 0xabcd };

fn packet(sequence_number: u16) -> OwnPacket {
    OwnPacket {
        from: None,
        edge: Some(EdgeId(0)),
        to: smallvec![B_RTP],
        header: RtpHeader { sequence_number, ..HEADER },
        extension: None,
        payload: vec![1, 2, 3],
    }
}

const WAKE: Wake = Wake { purpose: Purpose::Player, place: Place::Stream(A_RTP) };

/// Wake-ups and sequence numbers sent, in order.
fn run(call: &mut Fixture) -> (Vec<Wake>, Vec<u8>) {
    call.out.sent.clear();
    let mut turn =
        Turn { now: call.now, out: &mut call.out, events: &mut call.events, spare: &mut call.spare };
    let wakes = std::iter::from_fn(|| call.plane.run_due(&mut turn)).collect();
    (wakes, call.out.sent.iter().map(|sent| sent.bytes[3]).collect())
}

fn plan(call: &mut Fixture, after_ms: u64, sequence: u16) {
    let at = call.now.instant + Duration::from_millis(after_ms);
    let mut turn =
        Turn { now: call.now, out: &mut call.out, events: &mut call.events, spare: &mut call.spare };
    call.plane.send_media_at(&mut turn, at, packet(sequence));
}

#[test]
fn an_own_packet_is_sent_and_counted_like_any_other() {
    let mut call = Fixture::new();
    let mut turn =
        Turn { now: call.now, out: &mut call.out, events: &mut call.events, spare: &mut call.spare };
    assert!(call.plane.send_media(&mut turn, (None, B_RTP), &HEADER, None, &[1, 2, 3]));
    let [sent] = call.out.sent.as_slice() else { panic!("{:?}", call.out.sent) };
    assert_eq!((sent.from, sent.to), (socket(2).key, at(PEERS[2])));
    assert_eq!(sent.bytes, [0x80, 0x88, 0, 7, 0, 0, 6, 64, 0, 0, 0xab, 0xcd, 1, 2, 3]);
    let counters = call.plane.stream(B_RTP).expect("exists").counters_out();
    assert_eq!((counters.packets, counters.bytes), (1, 15));
    let media = call.plane.stream(B_RTP).expect("exists").media();
    let entry = call.plane.media(media).and_then(|media| media.ssrc_out.get(0xabcd)).expect("counted");
    assert_eq!((entry.packets(), entry.bytes(), entry.last_timestamp()), (1, 15, 1600));
}

#[test]
fn planned_packets_and_wake_ups_come_in_order_of_time() {
    let mut call = Fixture::new();
    assert_eq!(call.plane.next_due(), None);
    let start = call.now.instant;
    let ms = |ms| start + Duration::from_millis(ms);
    plan(&mut call, 30, 3);
    assert_eq!(call.plane.alarm_due(), Some(ms(30)));
    plan(&mut call, 10, 1);
    call.plane.wake_at(ms(10), WAKE);
    plan(&mut call, 10, 2);
    assert_eq!(call.plane.alarm_due(), Some(ms(10)), "an earlier moment");
    assert_eq!(call.plane.alarm_due(), None, "the shard knows");
    call.after(9);
    assert_eq!(run(&mut call), (vec![], vec![]));
    call.after(1);
    assert_eq!(run(&mut call), (vec![WAKE], vec![1, 2]));
    assert_eq!(call.plane.alarm_due(), Some(ms(30)));
    plan(&mut call, 0, 9);
    assert_eq!(call.out.sent.last().map(|sent| sent.bytes[3]), Some(9), "its time has come");
    call.after(100);
    assert_eq!(run(&mut call), (vec![], vec![3]));
    assert_eq!(call.plane.next_due(), None);
}

#[test]
fn who_wants_to_be_woken_at_once_is_woken_with_the_next_millisecond() {
    let mut call = Fixture::new();
    let start = call.now.instant;
    call.plane.wake_at(start, WAKE);
    let mut turn =
        Turn { now: call.now, out: &mut call.out, events: &mut call.events, spare: &mut call.spare };
    let mut woken = 0;
    while call.plane.run_due(&mut turn).is_some() {
        woken += 1;
        call.plane.wake_at(start, WAKE);
    }
    assert_eq!((woken, call.plane.next_due()), (1, Some(start + Duration::from_millis(1))));
}

#[test]
fn packets_are_taken_back_by_their_link_and_go_along_with_a_merge() {
    let (mut call, mut other) = (Fixture::new(), Fixture::new());
    plan(&mut other, 20, 5);
    other.plane.wake_at(other.now.instant, WAKE);
    other.plane.alarm_due();
    call.plane.merge(other.plane, 0, 4);
    assert!(call.plane.alarm_due().is_some(), "the shard is told anew");
    call.after(100);
    let shifted = Wake { place: Place::Stream(StreamId(4)), ..WAKE };
    assert_eq!(run(&mut call), (vec![shifted], vec![5]));
    assert_eq!(call.out.sent[0].from, socket(2).key);
    plan(&mut call, 20, 6);
    call.plane.cancel_packets(|packet| packet.edge == Some(EdgeId(0)));
    assert_eq!(call.plane.next_due(), None);
}
