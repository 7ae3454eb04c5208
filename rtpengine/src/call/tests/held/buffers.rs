//! §18: what holds packets back, seen from the call. The jitter buffer itself is looked at in `flow/jitter_tests.rs`.

use std::time::Duration;

use rtpengine_common::rtp::RtpHeader;

use super::super::audio;
use super::super::stage::{Stage, frames, in_order};
use crate::flow::{Component, JitterSettings};

const EVENTS: &str = "a=rtpmap:101 telephone-event/8000\n";
const SIDE: &str = "\"from-tag\":\"a\",\"flags\":[\"directional\"]";

fn delay(stage: &mut Stage, ms: i64) {
    stage.does("block DTMF", &format!("{SIDE},\"DTMF-security\":\"off\",\"delay-buffer\":{ms}"));
}

/// §18.2 rules 1 and 2: each packet of the side, RTP and RTCP, leaves at its arrival plus the delay; the other side is not delayed.
#[test]
fn rule_18_2_2_each_packet_after_its_time() {
    let mut stage = Stage::talk();
    stage.says("a", 1);
    assert_eq!(stage.hears("b").len(), 1);
    delay(&mut stage, 2000);
    for octet in 2..12 {
        stage.says("a", octet);
        stage.runs(20);
    }
    stage.says("b", 99);
    assert_eq!(frames(&stage.hears("a")), [(200, 99)]);
    stage.runs(1750);
    assert!(stage.hears("b").is_empty());
    stage.runs(1000);
    let expected: Vec<_> = (0..10).map(|n| (2000 + n * 20, n as u8 + 2)).collect();
    let heard = stage.hears("b");
    assert_eq!(frames(&heard), expected);
    in_order(&heard);
}

/// §18.2 rule 1: also in `unblock DTMF`; 0 is the direct path again, once nothing waits.
#[test]
fn rule_18_2_1_requests_that_set_it() {
    let mut stage = Stage::talk();
    stage.does("unblock DTMF", &format!("{SIDE},\"delay-buffer\":100"));
    stage.says("a", 1);
    stage.runs(50);
    stage.does("unblock DTMF", SIDE);
    assert!(stage.hears("b").is_empty(), "not mentioned: it stays");
    stage.runs(60);
    assert_eq!(frames(&stage.hears("b")), [(100, 1)]);
    delay(&mut stage, 0);
    stage.says("a", 2);
    assert_eq!(frames(&stage.hears("b")), [(110, 2)], "at once");
    // Of a call without selector: both sides.
    stage.does("block DTMF", "\"DTMF-security\":\"off\",\"delay-buffer\":50");
    stage.says("a", 3);
    stage.says("b", 4);
    stage.runs(49);
    assert!(stage.hears("b").is_empty());
    stage.runs(1);
    assert_eq!(stage.hears("b").len(), 1);
}

/// §18.2 rule 3: a shorter delay lets what waits go earlier, in order; numbers changed by events that were dropped stay in order too.
#[test]
fn rule_18_2_3_a_shorter_delay_keeps_the_order() {
    let mut stage = Stage::talk();
    delay(&mut stage, 1000);
    for octet in 1..=5 {
        stage.says("a", octet);
        stage.runs(20);
    }
    delay(&mut stage, 60);
    stage.runs(500);
    let heard = stage.hears("b");
    in_order(&heard);
    assert_eq!(heard.iter().map(|packet| packet.payload[0]).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(heard[..2].iter().all(|packet| (100..=102).contains(&packet.at)), "{:?}", frames(&heard));
    assert_eq!(heard[4].at, 140);
    // Digits that are put in while packets wait: what follows is two numbers higher, and nothing is out of order.
    let mut stage = Stage::new();
    let sdp = |host: &str| audio(host, 4000).replace("0 8", "0 101") + EVENTS;
    let inject = "\"flags\":[\"inject DTMF\"]";
    stage.offer("a", &sdp("10.0.0.1"), inject);
    stage.answer("a", "b", &sdp("10.0.0.2"), inject);
    stage.says("a", 1);
    stage.hears("b");
    delay(&mut stage, 100);
    for n in 0..30 {
        if n == 3 {
            stage.does("play DTMF", "\"from-tag\":\"a\",\"code\":1,\"duration\":100");
        }
        stage.says("a", 2);
        stage.runs(20);
    }
    stage.runs(200);
    let heard = stage.hears("b");
    in_order(&heard);
    assert_eq!(heard.len(), 32, "30 packets and two ends more");
}

/// §18.1: only RTP, only calls that want it, and what the flag says.
#[test]
fn rule_18_1_which_streams_have_a_jitter_buffer() {
    let settings = JitterSettings { packets: 5, clock_drift: false, adaptive: None };
    for (flag, holds) in [("", true), ("\"flags\":[\"no jitter buffer\"]", false)] {
        let mut stage = Stage::new();
        stage.settings.jitter = Some(settings);
        stage.connects(flag, "");
        for _ in 0..35 {
            stage.says("a", 1);
            stage.runs(20);
        }
        assert_eq!(stage.hears("b").len(), 35);
        // Two that come early wait for their time; RTCP does not.
        (0..3).for_each(|_| {
            stage.says("a", 2);
        });
        let at_once = stage.hears("b").len();
        assert_eq!(at_once == 3, !holds, "{flag}: {at_once}");
        let report = [&[0x80, 201, 0, 1][..], &u32::from(b'a').to_be_bytes()].concat();
        stage.arrives("a", Component::Rtcp, &report);
        assert_eq!(stage.hears_rtcp("b").len(), 1);
        stage.runs(1000);
        assert_eq!(at_once + stage.hears("b").len(), 3, "rule 9: all of them, within a second");
    }
}

/// §18.1 and §18.2 together: first the jitter buffer, then the delay.
#[test]
fn both_buffers_in_a_row() {
    let mut stage = Stage::new();
    stage.settings.jitter = Some(JitterSettings {
        packets: 5,
        clock_drift: false,
        adaptive: Some((Duration::ZERO, Duration::from_millis(100))),
    });
    stage.connects("", "");
    delay(&mut stage, 200);
    let mut said = 0;
    for n in 0..60 {
        stage.says("a", n);
        said += 1;
        stage.runs(20);
    }
    stage.runs(1500);
    let heard = stage.hears("b");
    in_order(&heard);
    assert_eq!(heard.len(), said);
}

/// What `a` sends, one packet every 20 ms.
struct Line {
    stage: Stage,
    number: u16,
    stamp: u32,
}

impl Line {
    fn sends(&mut self, payload_type: u8, marker: bool, payload: &[u8]) {
        self.number += 1;
        let (sequence_number, timestamp) = (self.number, self.stamp);
        self.stage.sends(
            "a",
            RtpHeader { marker, payload_type, sequence_number, timestamp, ssrc: 7 },
            payload,
        );
    }

    fn speaks(&mut self, packets: u32) {
        for _ in 0..packets {
            self.sends(0, false, &[0x10; 160]);
            self.stamp += 160;
            self.stage.runs(20);
        }
    }

    /// An event of so many packets; its end comes three times.
    fn presses(&mut self, event: u8, packets: u16) {
        for n in 1..=packets {
            let [high, low] = (n * 160).to_be_bytes();
            let (times, end) = if n == packets { (3, 0x80) } else { (1, 0) };
            (0..times).for_each(|_| self.sends(101, n == 1, &[event, 10 | end, high, low]));
            self.stage.runs(20);
        }
        self.stamp += u32::from(packets) * 160;
    }
}

/// §18.2 rule 6: the event is masked by silence, and sent later in place of audio: marker first, durations growing, three ends, numbers
/// two higher afterwards.
#[test]
fn rule_18_2_6_delayed_digits() {
    let mut stage = Stage::new();
    let sdp = |host: &str| audio(host, 4000).replace("0 8", "0 101") + EVENTS;
    stage.offer("a", &sdp("10.0.0.1"), "");
    stage.answer("a", "b", &sdp("10.0.0.2"), "");
    stage.does(
        "block DTMF",
        &format!("{SIDE},\"DTMF-security\":\"off\",\"delay-buffer\":0,\"DTMF-delay\":200"),
    );
    let mut line = Line { stage, number: 0, stamp: 0 };
    line.speaks(5);
    let begin = line.stamp;
    line.presses(5, 4);
    line.speaks(30);
    let mut stage = line.stage;
    let heard = stage.hears("b");
    in_order(&heard);
    let events: Vec<_> = heard.iter().filter(|packet| packet.header.payload_type == 101).collect();
    let seen: Vec<_> = events
        .iter()
        .map(|p| {
            (p.header.marker, p.payload[1] & 0x80 != 0, u16::from_be_bytes([p.payload[2], p.payload[3]]))
        })
        .collect();
    assert_eq!(seen[0], (true, false, 160), "{seen:?}");
    assert!(seen.iter().skip(1).all(|(marker, ..)| !marker));
    assert_eq!(seen.iter().filter(|(_, end, _)| *end).count(), 3);
    let steps: Vec<u16> = seen.iter().map(|(.., duration)| *duration).collect();
    // The end is one frame longer than the original: codecs.md §18.7(8).
    assert_eq!(steps, [160, 320, 480, 640, 800, 800, 800], "{seen:?}");
    let first = events[0];
    assert_eq!(first.header.timestamp.wrapping_sub(begin), 1600, "later by the delay");
    // Until then there is silence in its place.
    let masked = heard.iter().find(|packet| packet.header.timestamp == begin).expect("a packet in its place");
    assert_eq!(masked.header.payload_type, 0);
    assert!(masked.payload.iter().all(|octet| *octet == 0xff || *octet == 0x7f), "{:?}", masked.payload);
}
