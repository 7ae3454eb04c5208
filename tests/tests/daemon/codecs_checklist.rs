//! The checklist of codecs.md 22, and what of codecs.md is the program's: its answer to `--codecs`, its configuration.

use std::process::Command;

use rtpengine_tests::daemon::binary;
use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;

fn phone(call: &Call<'_>, number: u8, tag: &str, formats: &[(u8, &str)]) -> Phone {
    let plan = MediaPlan::new("audio", "RTP/AVP");
    let plan = formats.iter().fold(plan, |plan, (number, rtpmap)| plan.format(*number, rtpmap));
    call.phone(number, tag).media(plan).build()
}

fn transcode(names: &[&str]) -> Request {
    Request::empty().set("codec", dict([("transcode", list(names.iter().copied()))]))
}

/// Alice offers `from`, with codecs added; bob answers with `to`.
fn connect(call: &Call<'_>, from: &[(u8, &str)], added: &[&str], to: &[(u8, &str)]) -> (Phone, Phone) {
    let (mut alice, mut bob) = (phone(call, 0, "alice", from), phone(call, 1, "bob", to));
    call.offer_with(&mut alice, &mut bob, &transcode(added));
    call.answer(&mut bob, &mut alice);
    (alice, bob)
}

/// The lines of the section that a phone was shown: formats and what is said of them.
fn shown(phone: &Phone) -> Vec<String> {
    let about = |line: &&String| ["rtpmap:", "fmtp:"].iter().any(|name| line.contains(name));
    phone.remote().lines.iter().filter(about).map(|line| line.trim_start_matches("a=").to_owned()).collect()
}

/// A 20 ms frame of the digit 5 in A-law (ITU-T Q.23), the `at`-th.
fn digit(at: usize) -> Vec<u8> {
    let sample = |n: usize| {
        let angle = |hertz: f64| (std::f64::consts::TAU * hertz * (at * 160 + n) as f64 / 8000.0).sin();
        ((angle(770.0) + angle(1336.0)) * 5000.0) as i32
    };
    (0..160).map(sample).map(a_law).collect()
}

/// ITU-T G.711 by its definition.
fn a_law(sample: i32) -> u8 {
    let (sign, magnitude) = if sample >= 0 { (0x80, sample) } else { (0, -sample - 1) };
    let magnitude = magnitude.min(32767) >> 4;
    let segment = (magnitude >> 5).checked_ilog2().map_or(0, |n| n + 1);
    let step = if segment == 0 { magnitude >> 1 } else { magnitude >> segment } & 15;
    (sign | (segment as u8) << 4 | step as u8) ^ 0x55
}

#[test]
fn codecs_22_2_a_codec_string_with_options_reaches_sdp_and_encoder() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let mut alice = phone(&call, 0, "alice", &[(0, "PCMU/8000")]);
    let plan =
        MediaPlan::new("audio", "RTP/AVP").format(96, "AMR-WB/16000").attribute("fmtp:96 mode-set=0,2,4");
    let mut bob = call.phone(1, "bob").media(plan).build();
    let string = "AMR-WB/16000/1/15850//mode-set--0,2,4/CMR-interval--300";
    call.offer_with(&mut alice, &mut bob, &transcode(&[string]));
    assert_eq!(shown(&bob), ["rtpmap:0 PCMU/8000", "rtpmap:96 AMR-WB/16000", "fmtp:96 mode-set=0,2,4"]);
    call.answer(&mut bob, &mut alice);
    for _ in 0..3 {
        alice.says(&[0x10; 160], 160);
    }
    let heard = bob.receives().0;
    assert_eq!((heard.payload_type, heard.payload.len()), (96, 41), "10 bits and the 317 of mode 4");
}

#[test]
fn codecs_22_3_the_first_packet_of_a_higher_rate_comes_with_the_second() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[(0, "PCMU/8000")], &["G722"], &[(9, "G722/8000")]);
    let first = alice.says(&[0x10; 160], 160);
    bob.hears_nothing();
    for n in 0..3_u16 {
        alice.says(&[0x10; 160], 160);
        let heard = bob.receives().0;
        let numbers = (heard.sequence_number, heard.timestamp, heard.ssrc, heard.payload.len());
        let sequence = first.sequence_number.wrapping_add(n);
        assert_eq!(numbers, (sequence, first.timestamp.wrapping_add(160 * u32::from(n)), first.ssrc, 160));
    }
}

#[test]
fn codecs_22_4_events_follow_the_clock_rates() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let offered = [(0, "PCMU/8000"), (98, "foo/32000"), (101, "telephone-event/8000")];
    let (mut alice, mut bob) = (phone(&call, 0, "alice", &offered), phone(&call, 1, "bob", &offered[..1]));
    call.offer_with(&mut alice, &mut bob, &transcode(&["opus"]));
    assert_eq!(
        shown(&bob),
        [
            "rtpmap:0 PCMU/8000",
            "rtpmap:98 foo/32000",
            "rtpmap:96 opus/48000/2",
            "fmtp:96 useinbandfec=1",
            "rtpmap:97 telephone-event/48000",
            "fmtp:97 0-15",
            "rtpmap:101 telephone-event/8000",
        ]
    );
    // Accepting events touches all rates, that of the unsupported codec too.
    let call = Call::new(&daemon);
    let (mut alice, mut bob) =
        (phone(&call, 0, "alice", &offered[..2]), phone(&call, 1, "bob", &offered[..1]));
    call.offer_with(&mut alice, &mut bob, &transcode(&["telephone-event"]));
    assert_eq!(
        shown(&bob),
        [
            "rtpmap:0 PCMU/8000",
            "rtpmap:98 foo/32000",
            "rtpmap:97 telephone-event/32000",
            "fmtp:97 0-15",
            "rtpmap:96 telephone-event/8000",
            "fmtp:96 0-15",
        ]
    );
}

#[test]
fn codecs_22_5_opus_in_the_answer_and_on_the_wire() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let plan = MediaPlan::new("audio", "RTP/AVP").format(96, "opus/48000/2").attribute("fmtp:96 stereo=1");
    let mut alice = call.phone(0, "alice").media(plan).build();
    let mut bob = phone(&call, 1, "bob", &[(9, "G722/8000")]);
    call.offer_with(&mut alice, &mut bob, &transcode(&["G722"]));
    call.answer(&mut bob, &mut alice);
    let lines = ["rtpmap:96 opus/48000/2", "fmtp:96 stereo=0; sprop-stereo=1; useinbandfec=1"];
    assert_eq!(shown(&alice), lines);
    let first = bob.says(&[0x10; 160], 160);
    bob.says(&[0x10; 160], 160);
    let heard = alice.receives().0;
    let numbers = (heard.payload_type, heard.sequence_number, heard.timestamp);
    assert_eq!(numbers, (96, first.sequence_number, first.timestamp));
    assert!(heard.payload[0] & 4 != 0, "stereo, as alice wants to receive it");
}

#[test]
fn codecs_22_6_tones_end_with_three_packets() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let to = [(8, "PCMA/8000"), (96, "telephone-event/8000")];
    let (mut alice, bob) = connect(&call, &[(8, "PCMA/8000")], &["telephone-event"], &to);
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(alice.says(&digit(n), 160));
    }
    for _ in 0..10 {
        sent.push(alice.says(&[0xd5; 160], 160));
    }
    // Two more packets than were sent: the end comes three times.
    let heard: Vec<Rtp> = (0..sent.len() + 2).map(|_| bob.receives().0).collect();
    for (n, packet) in heard.iter().enumerate() {
        assert_eq!(packet.sequence_number, sent[0].sequence_number.wrapping_add(n as u16), "{heard:?}");
    }
    let events: Vec<&Rtp> = heard.iter().filter(|packet| packet.payload_type == 96).collect();
    let ends: Vec<&&Rtp> = events.iter().filter(|packet| packet.payload[1] & 0x80 != 0).collect();
    assert_eq!((ends.len(), events[0].marker, events[1].marker), (3, true, false));
    assert!(events.iter().all(|packet| packet.timestamp == events[0].timestamp && packet.payload[0] == 5));
    assert_eq!(ends[0].payload, ends[2].payload);
    let duration = u32::from(u16::from_be_bytes([ends[0].payload[2], ends[0].payload[3]]));
    let after =
        heard.iter().skip_while(|p| p.payload_type == 8).find(|p| p.payload_type == 8).expect("audio");
    assert_eq!(after.timestamp, events[0].timestamp.wrapping_add(duration));
}

#[test]
fn codecs_22_7_jumps_in_time_do_not_show() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[(0, "PCMU/8000")], &["PCMA"], &[(8, "PCMA/8000")]);
    let first = alice.says(&[0; 160], 160);
    let mut heard = vec![bob.receives().0];
    for jump in [0_u32, 500_000, 0_u32.wrapping_sub(900_000), 160] {
        let next = &mut alice.media[0].next;
        next.timestamp = next.timestamp.wrapping_add(jump);
        alice.says(&[0; 160], 160);
        heard.push(bob.receives().0);
    }
    for (n, packet) in heard.iter().enumerate() {
        let (sequence, time) =
            (first.sequence_number.wrapping_add(n as u16), first.timestamp.wrapping_add(160 * n as u32));
        assert_eq!((packet.sequence_number, packet.timestamp, packet.ssrc), (sequence, time, first.ssrc));
        assert_eq!(packet.payload, [0x2a; 160]);
    }
}

#[test]
fn codecs_1_3_the_option_codecs_lists_them() {
    let run = Command::new(binary()).arg("--codecs").output().expect("it runs");
    assert!(run.status.success());
    let text = String::from_utf8(run.stdout).expect("text");
    for (name, verdict) in [
        ("PCMA", "fully supported"),
        ("PCMU", "fully supported"),
        ("telephone-event", "fully supported"),
        ("EVS", "not supported"),
        ("red", "not supported"),
    ] {
        let line = format!("{name:>20}: {verdict}");
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
    assert_eq!(text.lines().count(), 33, "{text}");
}

#[test]
fn codecs_16_4_payloads_and_times_of_the_options() {
    for (option, error) in [
        ("--cn-payload=200", "Invalid CN payload specified (--cn-payload)"),
        ("--dtx-cn-params=128", "Invalid CN payload specified (--dtx-cn-params)"),
        ("--dtx-delay=-1", "Invalid negative"),
    ] {
        let run = Command::new(binary()).args([option, "--listen-ng=127.0.0.1:0"]).output().expect("it runs");
        let text = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
        assert!(!run.status.success() && text.contains(error), "{option}: {text}");
    }
}

#[test]
fn codecs_11_1_preferences_of_the_configuration_choose_the_codec() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rtpengine.conf");
    let relay = Network::enter().relay(0);
    let rule = "[tc-one]\nsource = GSM\ndestination = PCMA\npreference = 5\n";
    let text = format!("[rtpengine]\ninterface = {relay}\ntranscode-config = tc\n{rule}");
    std::fs::write(&file, text).expect("written");
    let daemon = Daemon::builder().configuration(&file).start();
    let call = Call::new(&daemon);
    let from = [(0, "PCMU/8000"), (8, "PCMA/8000")];
    let (mut alice, mut bob) = connect(&call, &from, &["GSM"], &[(3, "GSM/8000")]);
    assert_eq!(shown(&alice), ["rtpmap:8 PCMA/8000"], "the first would be PCMU");
    let mut frame = vec![0xd2];
    frame.resize(33, 0);
    bob.says(&frame, 160);
    assert_eq!(alice.receives().0.payload_type, 8);
    alice.media[0].next.payload_type = 8;
    alice.says(&[0xd5; 160], 160);
    assert_eq!(bob.receives().0.payload_type, 3);
}
