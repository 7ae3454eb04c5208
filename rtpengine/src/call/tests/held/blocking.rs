//! §17: blocking, silencing, dropping. Who is selected is looked at in `block.rs`.

use rtpengine_common::rtp::RtpHeader;

use super::super::audio;
use super::super::stage::{Left, Stage};
use crate::flow::{Component, Stream};

const EVENTS: &str = "a=rtpmap:101 telephone-event/8000\n";

fn address(tag: &str, formats: &str) -> String {
    let (host, port) = if tag == "a" { ("10.0.0.1", 4000) } else { ("10.0.0.2", 5000) };
    audio(host, port).replace("0 8", formats)
}

/// A talk of which both or only the caller have events.
fn talk(events_of_b: bool) -> Stage {
    let mut stage = Stage::new();
    stage.offer("a", &(address("a", "0 101") + EVENTS), "");
    let answer = if events_of_b { address("b", "0 101") + EVENTS } else { address("b", "0") };
    stage.answer("a", "b", &answer, "");
    stage
}

fn packet(payload_type: u8, number: u16) -> RtpHeader {
    let timestamp = u32::from(number) * 160;
    RtpHeader { marker: number == 3, payload_type, sequence_number: number, timestamp, ssrc: 77 }
}

fn sent(stage: &mut Stage, header: RtpHeader, payload: &[u8]) -> Vec<Left> {
    stage.sends("a", header, payload);
    stage.hears("b")
}

fn packets_of(stage: &Stage, tag: &str) -> u64 {
    stage.call.plane.stream(stage.rtp(tag, 0)).expect("a stream").counters_in().packets
}

/// Blocked by call, tag and flow: audio goes, events to whoever has them and RTCP do not; it is counted as received and keeps the
/// call alive.
#[test]
fn block_media_lets_events_and_rtcp_pass() {
    for (target, both_ways) in [
        ("", true),
        ("\"from-tag\":\"a\",\"flags\":[\"directional\"]", false),
        ("\"from-tag\":\"a\",\"to-tag\":\"b\",\"flags\":[\"directional\"]", false),
    ] {
        for events in [true, false] {
            let mut stage = talk(events);
            stage.does("block media", target);
            assert!(sent(&mut stage, packet(0, 1), &[7; 160]).is_empty(), "{target}");
            assert_eq!(
                sent(&mut stage, packet(101, 2), &[1, 10, 0, 160]).len(),
                usize::from(events),
                "{target}"
            );
            assert_eq!(packets_of(&stage, "a"), 2, "it counts as received");
            stage.says("b", 9);
            assert_eq!(stage.hears("a").is_empty(), both_ways, "{target}");
            let report = [&[0x80, 201, 0, 1][..], &77u32.to_be_bytes()].concat();
            stage.arrives("a", Component::Rtcp, &report);
            assert_eq!(stage.hears_rtcp("b").len(), 1, "{target}: RTCP passes");
            for _ in 0..70 {
                stage.ticks();
                stage.sends("a", packet(0, 3), &[7; 160]);
                stage.says("b", 9);
            }
            assert!(stage.timeout_is_far(), "received media keeps the call");
            stage.does("block DTMF", "\"from-tag\":\"a\",\"flags\":[\"directional\"]");
            stage.hears("b");
            assert!(
                sent(&mut stage, packet(101, 5), &[1, 10, 0, 160]).is_empty(),
                "{target}: now events stop too"
            );
            stage.does("unblock media", target);
            assert_eq!(sent(&mut stage, packet(0, 6), &[7; 160]).len(), 1, "{target}");
        }
    }
}

/// Learning goes on while media is blocked: the peer's new address is where packets go afterwards.
#[test]
fn block_media_does_not_stop_learning() {
    let mut stage = talk(true);
    stage.runs(5000);
    stage.does("block media", "");
    let stream = stage.rtp("a", 0);
    stage.sends_from("a", "10.9.9.9:4321", packet(0, 1), &[7; 160]);
    stage.runs(4000);
    stage.sends_from("a", "10.9.9.9:4321", packet(0, 2), &[7; 160]);
    let endpoint = stage.call.plane.stream(stream).and_then(Stream::endpoint);
    assert_eq!(endpoint, Some("10.9.9.9:4321".parse().expect("an address")));
}

/// Silenced: the codec's own silence, of the same length, behind the same header; a codec without one is left alone.
#[test]
fn silence_media_keeps_header_and_length() {
    let rows: &[(&str, &str, u8, Option<u8>)] =
        &[("0", "", 0, Some(0xff)), ("8", "", 8, Some(0xd5)), ("96", "a=rtpmap:96 strange/8000\n", 96, None)];
    for (formats, maps, payload_type, pattern) in rows {
        for target in ["", "\"from-tag\":\"a\"", "\"from-tag\":\"a\",\"to-tag\":\"b\"", "\"all\":\"all\""] {
            let mut stage = Stage::new();
            stage.offer("a", &(address("a", formats) + maps), "");
            stage.answer("a", "b", &(address("b", formats) + maps), "");
            stage.does("silence media", target);
            for length in [160, 7, 1] {
                let header = packet(*payload_type, 3);
                let heard = sent(&mut stage, header, &vec![0x10; length]);
                assert_eq!(heard.len(), 1);
                assert_eq!(heard[0].header, header, "{formats} {target}");
                assert_eq!(heard[0].payload, vec![pattern.unwrap_or(0x10); length], "{formats} {target}");
            }
            let undo = if target.contains("to-tag") { target } else { "\"all\":\"all\"" };
            stage.does("unsilence media", undo);
            assert_eq!(sent(&mut stage, packet(*payload_type, 4), &[0x10; 9])[0].payload, [0x10; 9]);
        }
    }
    // Events are no media to be silenced into noise.
    let mut stage = talk(true);
    stage.does("silence media", "");
    assert_eq!(sent(&mut stage, packet(101, 1), &[1, 10, 0, 160])[0].payload, [1, 10, 0, 160]);
}

/// `drop-traffic`: nothing is processed at all; `stop` wins.
#[test]
fn drop_traffic_drops_before_anything_else() {
    let mut stage = talk(true);
    let again = |stage: &mut Stage, more: &str| {
        stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &(address("a", "0 101") + EVENTS), more);
        stage.answer("a", "b", &(address("b", "0 101") + EVENTS), "");
    };
    again(&mut stage, "\"drop-traffic\":\"start\"");
    let before = packets_of(&stage, "a");
    assert!(sent(&mut stage, packet(0, 1), &[7; 160]).is_empty());
    assert!(sent(&mut stage, packet(101, 2), &[1, 10, 0, 160]).is_empty());
    stage.says("b", 1);
    assert!(stage.hears("a").is_empty());
    assert_eq!(packets_of(&stage, "a"), before, "before any processing");
    again(&mut stage, "");
    assert!(sent(&mut stage, packet(0, 3), &[7; 160]).is_empty(), "it stays");
    again(&mut stage, "\"drop-traffic\":\"stop\"");
    assert_eq!(sent(&mut stage, packet(0, 4), &[7; 160]).len(), 1);
    again(&mut stage, "\"flags\":[\"drop-traffic-start\",\"drop-traffic-stop\"]");
    assert_eq!(sent(&mut stage, packet(0, 5), &[7; 160]).len(), 1, "stop wins");
}

/// Blocked and silenced at once, and one after the other: each is taken back by itself.
#[test]
fn blocking_and_silencing_are_independent() {
    let mut stage = talk(true);
    stage.does("silence media", "");
    stage.does("block media", "");
    assert!(sent(&mut stage, packet(0, 1), &[7; 160]).is_empty());
    stage.does("unblock media", "");
    assert_eq!(sent(&mut stage, packet(0, 2), &[7; 160])[0].payload, [0xff; 160]);
    stage.does("unsilence media", "");
    assert_eq!(sent(&mut stage, packet(0, 3), &[7; 160])[0].payload, [7; 160]);
    // A re-offer leaves what was blocked as it is.
    stage.does("block media", "\"from-tag\":\"a\",\"flags\":[\"directional\"]");
    stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &(address("a", "0 101") + EVENTS), "");
    stage.answer("a", "b", &(address("b", "0 101") + EVENTS), "");
    assert!(sent(&mut stage, packet(0, 4), &[7; 160]).is_empty());
}

/// Transcoded media can be blocked and silenced like any other.
#[test]
fn transcoded_media_is_blocked_and_silenced() {
    let mut stage = Stage::new();
    stage.offer("a", &address("a", "0"), "\"codec\":{\"transcode\":[\"PCMA\"],\"mask\":[\"PCMU\"]}");
    stage.answer("a", "b", &address("b", "8"), "");
    let mut number = 0;
    let mut heard = |stage: &mut Stage| {
        let mut all = Vec::new();
        for _ in 0..5 {
            number += 1;
            stage.sends("a", packet(0, number), &[0x10; 160]);
            stage.runs(20);
            all.extend(stage.hears("b"));
        }
        all
    };
    assert!(
        heard(&mut stage).iter().all(|packet| packet.header.payload_type == 8 && packet.payload[0] != 0xd5)
    );
    stage.does("block media", "");
    assert!(heard(&mut stage).is_empty());
    stage.does("unblock media", "");
    stage.does("silence media", "");
    let silent = heard(&mut stage);
    assert!(!silent.is_empty());
    assert!(silent[1..].iter().all(|packet| packet.payload == [0xd5; 160]), "{silent:?}");
    stage.does("unsilence media", "");
    assert!(heard(&mut stage).iter().skip(1).all(|packet| packet.payload[0] != 0xd5));
}

/// A call-level DTMF mode overrides the side's own.
#[test]
fn the_mode_of_the_call_overrides_that_of_a_side() {
    let mut stage = talk(true);
    let press = |stage: &mut Stage, number: u16| sent(stage, packet(101, number), &[5, 10, 0, 160]);
    let side = "\"from-tag\":\"a\",\"flags\":[\"directional\"]";
    stage.does("block DTMF", &format!("{side},\"DTMF-security\":\"zero\""));
    sent(&mut stage, packet(0, 1), &[0x10; 160]);
    let changed = press(&mut stage, 2);
    assert_eq!(changed.first().map(|packet| packet.payload[0]), Some(0), "the side's own");
    stage.does("block DTMF", "\"DTMF-security\":\"drop\"");
    assert!(press(&mut stage, 3).iter().all(|packet| packet.header.payload_type != 101));
    stage.does("unblock DTMF", "");
    assert_eq!(press(&mut stage, 4).first().map(|packet| packet.payload[0]), Some(0), "it is still there");
}
