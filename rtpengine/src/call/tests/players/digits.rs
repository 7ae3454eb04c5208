//! §6: `play DTMF`, and the packets of codecs.md §18.5.

use super::super::audio;
use super::super::stage::{Left, Stage, in_order};

const EVENTS: &str = "a=rtpmap:101 telephone-event/8000\n";

fn address(tag: &str) -> String {
    let (host, port) = match tag {
        "a" => ("10.0.0.1", 4000),
        "b" => ("10.0.0.2", 5000),
        _ => ("10.0.0.3", 6000),
    };
    audio(host, port).replace("0 8", "0 101") + EVENTS
}

/// Both sides have events and take injected digits.
fn with_events() -> Stage {
    let mut stage = Stage::new();
    let inject = "\"flags\":[\"inject DTMF\"]";
    stage.offer("a", &address("a"), inject);
    stage.answer("a", "b", &address("b"), inject);
    stage
}

fn says(stage: &mut Stage, tag: &str, times: u32) -> Vec<Left> {
    let other = if tag == "a" { "b" } else { "a" };
    for _ in 0..times {
        stage.says(tag, 0x10);
        stage.runs(20);
    }
    stage.hears(other)
}

/// Event, end and level, duration, and marker of the event packets.
fn events(packets: &[Left]) -> Vec<(u8, u8, u16, bool)> {
    let of = packets.iter().filter(|packet| packet.header.payload_type == 101);
    of.map(|p| {
        (p.payload[0], p.payload[1], u16::from_be_bytes([p.payload[2], p.payload[3]]), p.header.marker)
    })
    .collect()
}

/// §6.1: what each value of the keys makes, seen in the packets.
#[test]
fn rule_6_1_keys() {
    let rows: &[(&str, u8, u32, u8)] = &[
        ("\"code\":5,\"duration\":100", 5, 100, 8),
        ("\"digit\":\"5\",\"duration\":100", 5, 100, 8),
        ("\"code\":\"#\",\"duration\":100", 11, 100, 8),
        ("\"code\":\"*\",\"duration\":100", 10, 100, 8),
        ("\"code\":\"10\",\"duration\":100", 10, 100, 8),
        ("\"code\":\"D\",\"duration\":100", 15, 100, 8),
        ("\"code\":15,\"duration\":100", 15, 100, 8),
        ("\"code\":0,\"duration\":100", 0, 100, 8),
        ("\"code\":5", 5, 250, 8),
        ("\"code\":5,\"duration\":0,\"pause\":0", 5, 250, 8),
        ("\"code\":5,\"duration\":20", 5, 100, 8),
        ("\"code\":5,\"duration\":9000", 5, 5000, 8),
        ("\"code\":5,\"duration\":100,\"volume\":-20", 5, 100, 20),
        ("\"code\":5,\"duration\":100,\"volume\":20", 5, 100, 20),
        ("\"code\":5,\"duration\":100,\"volume\":0", 5, 100, 0),
        ("\"code\":5,\"duration\":100,\"volume\":99", 5, 100, 63),
    ];
    for (members, event, duration, level) in rows {
        let mut stage = with_events();
        says(&mut stage, "a", 1);
        let reply = stage.does("play DTMF", &format!("\"from-tag\":\"a\",{members}")).to_dict().into_owned();
        assert_eq!(reply.iter().count(), 1, "rule 4: `ok` alone: {reply:?}");
        let clamped = [100, 5000].contains(duration) && !members.contains("\"duration\":100");
        assert_eq!(stage.logged("specified for 'duration'"), clamped, "{members}");
        let heard = events(&says(&mut stage, "a", 260));
        let ends: Vec<_> = heard.iter().filter(|event| event.1 & 0x80 != 0).collect();
        // In whole frames: codecs.md §18.4 rule 3.
        let end = (*event, 0x80 | level, (duration.div_ceil(20) * 160) as u16, false);
        assert_eq!(ends, [&end; 3], "{members}");
        assert_eq!(heard.len() as u32, duration.div_ceil(20) + 2, "{members}");
    }
    for members in
        ["\"code\":16", "\"code\":-1", "\"code\":\"x\"", "\"code\":\"16\"", "\"code\":\"\"", "\"volume\":8"]
    {
        let mut stage = with_events();
        says(&mut stage, "a", 1);
        let refused = stage.refused("play DTMF", &format!("\"from-tag\":\"a\",{members}"));
        assert_eq!(refused, "Out of range 'code' specified", "{members}");
    }
}

/// codecs.md §18.5 rule 2: marker, timestamps, durations, ends; numbers go on and are two higher afterwards.
#[test]
fn rule_6_3_packets_of_an_event() {
    let mut stage = with_events();
    let first = says(&mut stage, "a", 1).remove(0);
    stage.does("play DTMF", "\"from-tag\":\"a\",\"code\":1,\"duration\":100,\"pause\":200,\"volume\":-10");
    let heard = says(&mut stage, "a", 7);
    in_order(&[vec![first.clone()], heard.clone()].concat());
    let expected = [
        (1, 10, 160, true),
        (1, 10, 320, false),
        (1, 10, 480, false),
        (1, 10, 640, false),
        (1, 0x8a, 800, false),
        (1, 0x8a, 800, false),
        (1, 0x8a, 800, false),
    ];
    assert_eq!(events(&heard), expected);
    let begin = first.header.timestamp.wrapping_add(160);
    assert!(
        heard[..7]
            .iter()
            .all(|packet| packet.header.timestamp == begin && packet.header.ssrc == first.header.ssrc)
    );
    let after: Vec<u32> =
        heard[7..].iter().map(|packet| packet.header.timestamp.wrapping_sub(begin)).collect();
    assert_eq!(after, [800, 960], "the audio goes on where it is");
    assert_eq!(
        heard[7].header.sequence_number,
        first.header.sequence_number.wrapping_add(8),
        "5 packets and 2 more"
    );
}

/// codecs.md §18.5 rules 1 and 4: nothing leaves while no audio arrives, and digits wait for each other.
#[test]
fn rule_6_3_digits_wait_for_audio_and_for_each_other() {
    let mut stage = with_events();
    says(&mut stage, "a", 1);
    for code in [1, 2] {
        stage
            .does("play DTMF", &format!("\"from-tag\":\"a\",\"code\":{code},\"duration\":100,\"pause\":200"));
    }
    stage.runs(1000);
    assert!(stage.hears("b").is_empty());
    let heard = says(&mut stage, "a", 30);
    in_order(&heard);
    let kinds: Vec<u8> =
        heard.iter().map(|p| if p.header.payload_type == 101 { p.payload[0] } else { 0 }).collect();
    assert_eq!(kinds[..7], [1; 7]);
    assert_eq!(kinds[7..17], [0; 10], "200 ms of audio between them");
    assert_eq!(kinds[17..24], [2; 7]);
    assert!(kinds[24..].iter().all(|kind| *kind == 0));
}

/// §6.1: in the name of a party, to those who hear it; with `all` in everybody's.
#[test]
fn rule_6_1_in_whose_name() {
    for (selector, [to_a, to_b]) in
        [("\"from-tag\":\"a\"", [0, 7]), ("\"address\":\"10.0.0.2\"", [7, 0]), ("\"all\":\"all\"", [7, 7])]
    {
        let mut stage = with_events();
        says(&mut stage, "a", 1);
        says(&mut stage, "b", 1);
        stage.does("play DTMF", &format!("{selector},\"code\":3,\"duration\":100"));
        for _ in 0..7 {
            stage.says("a", 1);
            stage.says("b", 1);
            stage.runs(20);
        }
        let (a, b) = (stage.hears("a"), stage.hears("b"));
        assert_eq!([events(&a).len(), events(&b).len()], [to_a, to_b], "{selector}");
    }
}

/// §6.2, row by row.
#[test]
fn rule_6_2_errors() {
    let ask = |stage: &mut Stage, tag: &str| {
        stage.refused("play DTMF", &format!("\"from-tag\":\"{tag}\",\"code\":1"))
    };
    let mut stage = with_events();
    assert_eq!(stage.refused("play DTMF", "\"from-tag\":\"a\""), "Out of range 'code' specified");
    assert_eq!(ask(&mut stage, "a"), "No SSRC context present for DTMF injection");
    // Without audio; with nobody who receives; without a stream.
    let video = address("v").replace("m=audio 6000 RTP/AVP 0 101", "m=video 6000 RTP/AVP 31");
    stage.sdp("publish", "\"from-tag\":\"v\"", &video, "");
    assert_eq!(ask(&mut stage, "v"), "Monologue has no media capable of DTMF injection");
    stage.sdp("publish", "\"from-tag\":\"p\"", &address("p"), "");
    assert_eq!(ask(&mut stage, "p"), "There is no sink media capable of DTMF playback");
    let mut stage = Stage::new();
    stage.offer("a", &address("a").replace("4000", "0"), "");
    stage.answer("a", "b", &address("b").replace("5000", "0"), "");
    assert_eq!(ask(&mut stage, "a"), "Media doesn't have an RTP stream");
    // Plain passthrough, without events at the sink.
    let mut stage = Stage::talk();
    stage.says("a", 1);
    assert_eq!(ask(&mut stage, "a"), "No matching codec handler");
    // Only events were sent.
    let mut stage = with_events();
    let header = rtpengine_common::rtp::RtpHeader {
        marker: true,
        payload_type: 101,
        sequence_number: 1,
        timestamp: 0,
        ssrc: 7,
    };
    stage.sends("a", header, &[5, 10, 0, 160]);
    assert_eq!(ask(&mut stage, "a"), "No RTP payload type found to be in use");
}
