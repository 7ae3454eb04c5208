//! §1 `play media` and §2 `stop media`: who hears what, and what is answered.

use std::path::PathBuf;

use rtpengine_common::ng::{Defaults, Message, Request};

use super::super::stage::{Stage, frames, in_order, markers};
use super::super::{Fate, audio};
use crate::player::source::Position;
use crate::player::{OpenError, Plan, Source};

const FILE: &str = "\"file\":\"x.wav\"";

fn request(members: &str) -> Box<Request> {
    let text = format!("{{\"command\":\"play media\",\"call-id\":\"call\",{members}}}");
    Request::parse(&Message::decode(text.as_bytes()).expect("a dictionary"), &Defaults::default())
        .expect("a request")
}

/// What has to be opened for a request.
fn asks_for(stage: &mut Stage, members: &str) -> Vec<Source> {
    stage.call.take_answers();
    stage.call.questions(&request(members))
}

fn file(path: &str) -> Source {
    Source::File(PathBuf::from(path))
}

#[test]
fn rule_1_1_keys_make_the_plan() {
    let mut stage = Stage::talk();
    let played = stage.tape("x.wav", 5);
    let none = Plan::default();
    let rows = [
        ("", none),
        ("\"repeat-times\":3", Plan { times: 3, ..none }),
        ("\"repeat-times\":0", none),
        ("\"repeat-times\":-4", none),
        ("\"repeat-duration\":700", Plan { budget_ms: Some(700), ..none }),
        ("\"repeat-duration\":-1", none),
        ("\"repeat-duration\":0", Plan { budget_ms: Some(0), ..none }),
        ("\"start-pos\":160", Plan { from: Position::Ticks(160), ..none }),
        ("\"to-tag\":\"a\"", none),
        ("\"to-tag\":\"nobody\"", none),
    ];
    for (members, plan) in rows {
        stage.plays("b", members);
        let (_, asked) = played.lock().pop().expect("it was played");
        let from =
            |plan: &Plan| if plan.from == Position::Ticks(0) { Position::Beginning } else { plan.from };
        assert_eq!(
            (asked.times, asked.budget_ms, from(&asked)),
            (plan.times, plan.budget_ms, plan.from),
            "{members}"
        );
        stage.runs(500);
        assert!(!stage.hears("b").is_empty(), "{members}: whom it is for is not changed");
        assert!(stage.hears("a").is_empty(), "{members}");
    }
}

#[test]
fn rule_1_1_sources_by_key() {
    let mut stage = Stage::talk();
    let blob = |octets: &[u8]| Source::Blob(octets.into());
    let to_b = |source: &str| format!("\"from-tag\":\"b\",{source}");
    let rows = [
        ("\"file\":\"/tmp/x.wav\"", vec![file("/tmp/x.wav")]),
        ("\"blob\":\"RIFF\"", vec![blob(b"RIFF")]),
        ("\"blob64\":\"UklGRg==\"", vec![blob(b"RIFF")]),
        ("\"blob\":\"RIFF\",\"blob64\":\"AAAA\"", vec![blob(b"RIFF")]),
        ("\"blob\":\"\",\"blob64\":\"UklGRg==\"", vec![blob(b"RIFF")]),
        ("\"db-id\":7", vec![Source::Database(7)]),
        ("\"db-id\":\"7\"", vec![Source::Database(7)]),
        // Precedence, rule 1 of §1.2.
        ("\"db-id\":7,\"blob\":\"RIFF\",\"file\":\"x\"", vec![file("x")]),
        ("\"db-id\":7,\"blob\":\"RIFF\"", vec![blob(b"RIFF")]),
        ("\"repeat-times\":2", vec![]),
        ("\"db-id\":0", vec![]),
        ("\"db-id\":-3", vec![]),
        ("\"file\":\"\"", vec![]),
        ("\"blob\":\"\"", vec![]),
        ("\"file\":\"\",\"db-id\":7", vec![Source::Database(7)]),
    ];
    for (source, expected) in rows {
        assert_eq!(asks_for(&mut stage, &to_b(source)), expected, "{source}");
        if expected.is_empty() {
            assert_eq!(stage.refused("play media", &to_b(source)), "No media file specified", "{source}");
        }
    }
    assert!(asks_for(&mut stage, FILE).is_empty(), "nobody would hear it");
    assert!(asks_for(&mut stage, "\"from-tag\":\"x\",\"file\":\"x\"").is_empty());
}

/// §1.1: `codec` with `set`; §1.2 rule 7: parameters of the list entry, then of `set`.
#[test]
fn rule_1_2_7_the_encoder_is_set_by_the_list_and_then_by_the_request() {
    let mut stage = Stage::new();
    let opus = "m=audio 4000 RTP/AVP 96 0\na=rtpmap:96 opus/48000/2\na=fmtp:96 maxaveragebitrate=20000\na=ptime:40\n";
    let sdp = |address: &str| {
        let head = audio(address, 4000);
        head.split("m=audio").next().expect("a head").to_owned() + opus
    };
    stage.offer("a", &sdp("10.0.0.1"), "");
    stage.answer("a", "b", &sdp("10.0.0.2"), "");
    let played = stage.tape("x.wav", 10);
    stage.plays("b", "");
    let (output, _) = played.lock().pop().expect("played");
    assert_eq!((output.payload_type, output.ptime, &*output.codec.name), (96, 40, "opus"));
    let of_list = output.codec.bitrate;
    stage.plays("b", "\"codec\":{\"set\":[\"opus/48000/2/36000\"]}");
    let (output, _) = played.lock().pop().expect("played");
    assert_eq!(output.codec.bitrate, 36_000, "{of_list} without");
    assert_ne!(of_list, 36_000);
    stage.plays("b", "\"codec\":{\"transcode\":[\"PCMA\"]}");
    let (output, _) = played.lock().pop().expect("played");
    assert_eq!(
        (output.payload_type, output.codec.bitrate),
        (96, of_list),
        "transcode is read and means nothing"
    );
}

/// §1.2 rule 7: supplemental codecs and those without implementation are passed over.
#[test]
fn rule_1_2_7_the_first_codec_that_can_be_encoded() {
    let mut stage = Stage::new();
    let sdp = |address: &str, formats: &str| {
        let maps = "a=rtpmap:101 telephone-event/8000\na=rtpmap:13 CN/8000\na=rtpmap:99 strange/8000\n";
        audio(address, 4000).replace("0 8", formats) + maps
    };
    stage.offer("a", &sdp("10.0.0.1", "101 13 99 8 0"), "");
    stage.answer("a", "b", &sdp("10.0.0.2", "101 13 99 8 0"), "");
    stage.tape("x.wav", 1);
    stage.plays("a", "");
    stage.runs(100);
    assert!(stage.hears("a").iter().all(|packet| packet.header.payload_type == 8));
    let mut stage = Stage::new();
    stage.offer("a", &sdp("10.0.0.1", "101 99"), "");
    stage.answer("a", "b", &sdp("10.0.0.2", "101 99"), "");
    stage.tape("x.wav", 1);
    let refused = stage.refused("play media", &format!("\"from-tag\":\"a\",{FILE}"));
    assert_eq!(refused, "Failed to start media playback from file");
    assert!(stage.logged("No supported output codec found in SDP"));
}

#[test]
fn rule_1_2_2_all_hear_it() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 3);
    stage.does("play media", &format!("\"all\":\"all\",{FILE}"));
    stage.runs(100);
    let (a, b) = (stage.hears("a"), stage.hears("b"));
    assert_eq!((frames(&a), frames(&b)), (vec![(0, 1), (20, 2), (40, 3)], vec![(0, 1), (20, 2), (40, 3)]));
    assert_ne!(a[0].header.ssrc, b[0].header.ssrc, "§3 rule 1: one SSRC per player");
}

/// §11.1 of ng-control.md, as used by §1.1: label, address, tag.
#[test]
fn rule_1_1_the_selector_says_who_hears() {
    let mut stage = Stage::new();
    stage.connects("\"label\":\"one\"", "\"label\":\"two\"");
    stage.tape("x.wav", 1);
    for (selector, heard) in [
        ("\"label\":\"two\"", [0, 1]),
        ("\"address\":\"10.0.0.1\"", [1, 0]),
        ("\"from-tag\":\"b\"", [0, 1]),
        ("\"from-tag\":\"a\",\"address\":\"10.0.0.2\"", [0, 1]),
        ("\"from-tag\":\"a\",\"address\":\"10.0.0.1\",\"label\":\"two\"", [0, 1]),
        ("\"from-tag\":\"a\",\"label\":\"two\",\"flags\":[\"all\"]", [1, 1]),
    ] {
        stage.does("play media", &format!("{selector},{FILE}"));
        stage.runs(100);
        assert_eq!([stage.hears("a").len(), stage.hears("b").len()], heard, "{selector}");
    }
    for (selector, text) in [
        ("\"label\":\"x\"", "No monologue matching the given label"),
        ("\"address\":\"x\"", "Failed to parse network address"),
        ("\"address\":\"10.9.9.9\"", "Failed to match address to any tag"),
        ("\"from-tag\":\"x\"", "From-tag given, but no such tag exists"),
        ("\"to-tag\":\"a\"", "No participant party specified"),
    ] {
        for command in ["play media", "stop media"] {
            assert_eq!(stage.refused(command, &format!("{selector},{FILE}")), text, "{command} {selector}");
        }
    }
}

/// §1.2 rule 3: a new source takes the place of the old one.
#[test]
fn rule_1_2_3_another_source_replaces_what_plays() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 50);
    stage.tape("y.wav", 2);
    stage.plays("b", "");
    stage.runs(50);
    stage.does("play media", "\"from-tag\":\"b\",\"file\":\"y.wav\"");
    stage.runs(500);
    let heard = stage.hears("b");
    assert_eq!(frames(&heard), [(0, 1), (20, 2), (40, 3), (50, 1), (70, 2)]);
    in_order(&heard);
    assert_eq!(markers(&heard), [0, 3]);
}

/// §1.2 rule 3: the first party that cannot be played to ends the command; those before it go on.
#[test]
fn rule_1_2_3_all_ends_with_the_first_failure() {
    let mut stage = Stage::new();
    stage.offer("a", &audio("10.0.0.1", 4000), "");
    stage.answer("a", "b", &(audio("10.0.0.2", 5000) + "a=sendonly\n"), "");
    stage.tape("x.wav", 3);
    let refused = stage.refused("play media", &format!("\"all\":\"all\",{FILE}"));
    assert_eq!(refused, "Failed to start media playback from file");
    assert!(stage.logged("No suitable SDP section for media playback"));
    stage.runs(100);
    assert_eq!((stage.hears("a").len(), stage.hears("b").len()), (3, 0));
}

#[test]
fn rule_1_2_4_error_texts() {
    let mut stage = Stage::talk();
    let fails = |what: &str| Err(OpenError(what.into()));
    for (source, opened, text) in [
        ("\"file\":\"x\"", file("x"), "Failed to start media playback from file"),
        ("\"blob\":\"x\"", Source::Blob(b"x".as_slice().into()), "Failed to start media playback from blob"),
        ("\"db-id\":7", Source::Database(7), "Failed to start media playback from database"),
    ] {
        stage.call.answer_questions(vec![(opened, fails("not there"))]);
        for selector in ["\"from-tag\":\"b\"", "\"all\":\"all\""] {
            assert_eq!(stage.refused("play media", &format!("{selector},{source}")), text);
            assert!(stage.logged("not there"), "why is for the log");
        }
    }
    assert_eq!(stage.refused("play media", FILE), "No participant party specified");
    assert_eq!(stage.refused("play media", "\"from-tag\":\"b\""), "No media file specified");
}

#[test]
fn rule_1_2_5_the_reply_tells_the_length() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 5);
    stage.tape("none.wav", 0);
    let length = |stage: &mut Stage, members: &str| {
        let reply = stage.does("play media", members).to_dict().into_owned();
        let keys: Vec<String> =
            reply.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
        (keys, reply.int("duration"))
    };
    let known = (vec!["duration".to_owned(), "result".to_owned()], Some(100));
    assert_eq!(length(&mut stage, &format!("\"from-tag\":\"b\",{FILE}")), known);
    assert_eq!(length(&mut stage, &format!("\"all\":\"all\",{FILE}")), known);
    let unknown = (vec!["result".to_owned()], None);
    assert_eq!(length(&mut stage, "\"from-tag\":\"b\",\"file\":\"none.wav\""), unknown);
}

/// §1.2 rule 6.
#[test]
fn rule_1_2_6_the_first_audio_media_that_may_be_sent_to() {
    let mut stage = Stage::new();
    let sdp = |address: &str, first: &str| {
        let head = audio(address, 4000);
        let head = head.split("m=audio").next().expect("a head").to_owned();
        format!(
            "{head}m=video 4000 RTP/AVP 31\nm=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 0\na={first}\nm=audio 4004 RTP/AVP 8\n"
        )
    };
    stage.offer("a", &sdp("10.0.0.1", "sendrecv"), "");
    stage.answer("a", "b", &sdp("10.0.0.2", "sendrecv"), "");
    stage.tape("x.wav", 2);
    stage.plays("b", "");
    stage.runs(100);
    let heard: Vec<_> = (0..4).filter(|n| *n != 1).map(|n| stage.hears_on("b", n).len()).collect();
    assert_eq!(heard, [0, 2, 0]);
    // One that only sends is passed over.
    stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &sdp("10.0.0.1", "recvonly"), "");
    stage.answer("a", "b", &sdp("10.0.0.2", "sendonly"), "");
    stage.plays("b", "");
    stage.runs(100);
    let heard: Vec<_> = (0..4).filter(|n| *n != 1).map(|n| stage.hears_on("b", n).len()).collect();
    assert_eq!(heard, [0, 0, 2]);
    // None.
    let mut stage = Stage::new();
    let video = audio("10.0.0.1", 4000).replace("m=audio 4000 RTP/AVP 0 8", "m=video 4000 RTP/AVP 31");
    stage.offer("a", &video, "");
    stage.tape("x.wav", 2);
    let refused = stage.refused("play media", &format!("\"from-tag\":\"a\",{FILE}"));
    assert_eq!(refused, "Failed to start media playback from file");
    assert!(stage.logged("No suitable SDP section for media playback"));
}

/// §1.2 rule 8: an offer is enough, with its codecs, from the port that faces the offerer.
#[test]
fn rule_1_2_8_a_party_needs_no_peer() {
    let mut stage = Stage::new();
    stage.offer("a", &audio("10.0.0.1", 4000), "");
    stage.tape("x.wav", 2);
    stage.plays("a", "");
    stage.runs(100);
    let early = stage.hears("a");
    assert_eq!((early.len(), early[0].header.payload_type), (2, 0));
    let answer = stage.answer("a", "b", &audio("10.0.0.2", 5000), "");
    assert_eq!(early[0].port, u32::from(super::super::port(&answer, 0)), "the port that the answer shows");
    // Left alone by the other one.
    stage.ask("delete", "\"from-tag\":\"b\",\"delete-delay\":0");
    stage.ticks();
    stage.plays("a", "");
    stage.runs(100);
    assert_eq!(stage.hears("a").len(), 2);
    // No address, no media.
    let mut stage = Stage::new();
    stage.offer("a", &audio("0.0.0.0", 4000).replace("IN IP4 0.0.0.0", "IN IP4 10.0.0.1"), "");
    stage.tape("x.wav", 2);
    stage.plays("a", "");
}

#[test]
fn rule_2_stop_tells_where() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 100);
    assert_eq!(stage.refused("stop media", "\"from-tag\":\"b\""), "Not currently playing media");
    stage.plays("b", "");
    stage.runs(1000);
    let position = |stage: &mut Stage, members: &str| {
        let reply = stage.does("stop media", members).to_dict().into_owned();
        reply.int("last-frame-pos").expect("a position")
    };
    // Reading is 50 ms ahead: the packet that begins at 1040 ms is the last one read.
    assert_eq!(position(&mut stage, "\"from-tag\":\"b\""), 52 * 160);
    assert_eq!(stage.refused("stop media", "\"from-tag\":\"b\""), "Not currently playing media");
    stage.hears("b");
    stage.runs(500);
    assert!(stage.hears("b").is_empty(), "what was not due is discarded");
    // With `all` the last one's position.
    stage.plays("a", "");
    stage.runs(200);
    stage.plays("b", "");
    stage.runs(100);
    assert_eq!(position(&mut stage, "\"all\":\"all\""), 7 * 160);
    assert_eq!(stage.refused("stop media", "\"all\":\"all\""), "Not currently playing media");
}

/// §2: the numbers of discarded packets are used again, and `block-egress` ends.
#[test]
fn rule_2_stop_gives_back_numbers_and_the_way() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 100);
    stage.plays("b", "\"flags\":[\"block-egress\"]");
    stage.runs(95);
    stage.says("a", 7);
    let first = stage.hears("b");
    assert_eq!(frames(&first).len(), 5, "the far side is suppressed");
    stage.does("stop media", "\"from-tag\":\"b\"");
    let spoken = stage.says("a", 8);
    assert_eq!(stage.hears("b").pop().expect("the far side is back").header, spoken);
    stage.plays("b", "");
    stage.runs(10);
    let again = stage.hears("b").remove(0);
    let last = first.last().expect("five");
    assert_eq!(again.header.ssrc, last.header.ssrc);
    assert_eq!(again.header.sequence_number, last.header.sequence_number.wrapping_add(1));
    assert!(again.header.marker);
}

/// ng-control.md §10.7 rule 5: whoever is to be deleted, now or later, hears nothing more, also when it is the whole call.
#[test]
fn a_deletion_ends_what_plays_at_once() {
    for (target, goes_on) in [
        ("", false),
        ("\"from-tag\":\"b\"", false),
        ("\"from-tag\":\"a\"", false),
        ("\"from-tag\":\"c\"", true),
    ] {
        for delay in [0, 10] {
            let mut stage = Stage::talk();
            stage.sdp("offer", "\"from-tag\":\"a\",\"via-branch\":\"two\"", &audio("10.0.0.1", 4000), "");
            stage.sdp(
                "answer",
                "\"from-tag\":\"a\",\"to-tag\":\"c\",\"via-branch\":\"two\"",
                &audio("10.0.0.3", 5000),
                "",
            );
            stage.tape("x.wav", 100);
            stage.plays("a", "\"flags\":[\"block-egress\"]");
            stage.plays("c", "");
            stage.runs(50);
            let to_c = "10.0.0.3:5000".parse().expect("an address");
            stage.forgets();
            let comma = if target.is_empty() { "" } else { "," };
            let done = stage.ask("delete", &format!("{target}{comma}\"delete-delay\":{delay}"));
            stage.runs(100);
            assert!(stage.heard_at(to_c).is_empty() || target.contains("\"b\""), "{target} {delay}");
            if done.fate == Fate::Keep {
                let plays = goes_on || target.contains("\"b\"");
                assert_eq!(!stage.hears("a").is_empty(), plays, "{target} {delay}");
            }
        }
    }
}
