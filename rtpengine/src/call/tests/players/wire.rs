//! §3: what a player sends, and what becomes of it when the call changes.

use super::super::stage::{Left, Stage, frames, in_order, markers};
use super::super::{Desk, audio};
use crate::player::Source;
use crate::player::source::Position;

fn timestamps(packets: &[Left]) -> Vec<u32> {
    let first = packets[0].header.timestamp;
    packets.iter().map(|packet| packet.header.timestamp.wrapping_sub(first)).collect()
}

/// §3, the worked example, to the number: rules 1 to 5.
#[test]
fn rule_3_the_worked_example() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 3);
    stage.plays("b", "\"repeat-times\":2");
    stage.runs(1100);
    let first = stage.hears("b");
    in_order(&first);
    let paced = [(0, 1), (20, 2), (40, 3), (60, 1), (80, 2), (100, 3)];
    assert_eq!((frames(&first), markers(&first)), (paced.to_vec(), vec![0]));
    assert_eq!(timestamps(&first), [0, 160, 320, 480, 640, 800]);
    // The next packet would have been due at 120 ms; it is 1120 ms now.
    stage.runs(20);
    stage.plays("b", "");
    stage.runs(100);
    let second = stage.hears("b");
    assert_eq!((frames(&second)[0], markers(&second)), ((1120, 1), vec![0]));
    let both = [first.clone(), second].concat();
    in_order(&both);
    assert_eq!(timestamps(&both)[6..], [800 + 160 + 8000, 9120, 9280]);
}

/// §3 rule 4: a repetition out of the cache is marked, and timestamps go on.
#[test]
fn rule_3_4_repetitions_of_cached_sound_are_marked() {
    let mut stage = Stage::talk();
    stage.put(Source::File("x.wav".into()), 3, true);
    stage.plays("b", "\"repeat-times\":3");
    stage.runs(500);
    let heard = stage.hears("b");
    in_order(&heard);
    assert_eq!((heard.len(), markers(&heard)), (9, vec![0, 3, 6]));
    assert_eq!(timestamps(&heard), (0..9).map(|n| n * 160).collect::<Vec<_>>());
    assert_eq!(heard[8].at, 160, "no gap between them");
}

/// §3 rules 2 and 3: a restart in the middle.
#[test]
fn rule_3_2_a_restart_goes_on_with_the_numbers() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 50);
    stage.plays("b", "");
    stage.runs(45);
    stage.plays("b", "");
    stage.runs(45);
    stage.does("stop media", "\"from-tag\":\"b\"");
    stage.runs(500);
    stage.plays("b", "");
    stage.runs(5);
    let heard = stage.hears("b");
    in_order(&heard);
    assert_eq!(frames(&heard), [(0, 1), (20, 2), (40, 3), (45, 1), (65, 2), (85, 3), (590, 1)]);
    assert_eq!(markers(&heard), [0, 3, 6]);
    let steps = timestamps(&heard);
    assert!(steps.windows(2).all(|pair| pair[1] > pair[0]), "{steps:?}");
    // Stopped at 90 ms, when the next was due at 105; 485 ms later.
    assert_eq!(steps[6] - steps[5], 160 + 485 * 8);
}

/// §3 rule 5: packets leave at their media time, whatever else happens.
#[test]
fn rule_3_5_the_packet_time_of_the_list() {
    let mut stage = Stage::new();
    stage.offer("a", &audio("10.0.0.1", 4000), "");
    stage.answer("a", "b", &(audio("10.0.0.2", 5000) + "a=ptime:30\n"), "");
    stage.tape("x.wav", 5);
    stage.plays("b", "");
    stage.runs(500);
    let heard = stage.hears("b");
    assert_eq!(frames(&heard), [(0, 1), (30, 2), (60, 3)], "100 ms at 30 ms: three");
    assert!(heard.iter().all(|packet| packet.payload.len() == 240));
}

/// §3 rule 7: both are heard, each under its own numbers.
#[test]
fn rule_3_7_the_far_side_is_heard_beside_it() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 10);
    stage.plays("b", "");
    let mut said = Vec::new();
    for _ in 0..5 {
        stage.runs(30);
        said.push(stage.says("a", 99));
    }
    let (far, own): (Vec<_>, Vec<_>) =
        stage.hears("b").into_iter().partition(|packet| packet.header.ssrc == u32::from(b'a'));
    assert_eq!(far.iter().map(|packet| packet.header).collect::<Vec<_>>(), said);
    assert!(far.iter().all(|packet| packet.payload == [99; 160]), "no mixing");
    in_order(&own);
    assert_eq!(own.len(), 8);
    assert!(stage.hears("a").is_empty(), "whoever hears it sends nothing by that");
}

/// §3 rule 7: with `block-egress` the far side is left out, and is back by itself with its own numbers.
#[test]
fn rule_3_7_block_egress_ends_with_the_playback() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 3);
    stage.plays("b", "\"flags\":[\"block-egress\"]");
    stage.runs(30);
    stage.says("a", 99);
    stage.runs(25);
    stage.says("a", 99);
    let heard = stage.hears("b");
    assert_eq!(frames(&heard), [(0, 1), (20, 2), (40, 3)]);
    stage.runs(10);
    let said = stage.says("a", 98);
    assert_eq!(stage.hears("b").iter().map(|packet| packet.header).collect::<Vec<_>>(), [said]);
    // The other direction was never touched.
    stage.plays("b", "\"flags\":[\"block-egress\"]");
    stage.says("b", 97);
    assert_eq!(frames(&stage.hears("a")), [(65, 97)]);
}

/// §3 rule 8: whatever starts playing empties the delay buffers towards the party.
#[test]
fn rule_3_8_delay_buffers_are_emptied_at_the_start() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 2);
    stage.does(
        "block DTMF",
        "\"from-tag\":\"a\",\"flags\":[\"directional\"],\"DTMF-security\":\"off\",\"delay-buffer\":300",
    );
    stage.says("a", 99);
    stage.runs(100);
    stage.plays("b", "");
    stage.says("a", 98);
    stage.runs(1000);
    assert_eq!(frames(&stage.hears("b")), [(100, 1), (120, 2), (400, 98)], "the one held back is gone");
    // Music on hold is a player too.
    stage.says("a", 97);
    stage.sdp(
        "offer",
        "\"from-tag\":\"a\",\"to-tag\":\"b\"",
        &(audio("10.0.0.1", 4000) + "a=sendonly\n"),
        "\"moh\":{\"file\":\"x.wav\"}",
    );
    stage.runs(20);
    stage.offer("a", &audio("10.0.0.1", 4000), "\"to-tag\":\"b\"");
    stage.runs(1000);
    assert!(stage.hears("b").iter().all(|packet| packet.payload[0] != 97));
}

/// §3 rule 10.
#[test]
fn rule_3_10_sender_reports_of_the_player() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 1500);
    stage.says("b", 1);
    stage.plays("b", "");
    stage.runs(29_000);
    let reports = stage.hears_rtcp("b");
    let heard = stage.hears("b");
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four"));
    let (first_at, first) = &reports[0];
    assert_eq!(*first_at, 0, "directly behind the first packet");
    assert_eq!(
        (first[0], first[1], word(first, 4)),
        (0x81, 200, heard[0].header.ssrc),
        "with a report block"
    );
    assert_eq!((word(first, 16), word(first, 20)), (heard[0].header.timestamp, 1), "one packet");
    assert_eq!(word(first, 24), 172, "whole packets: media-plane.md §13.5 rule 3");
    assert_eq!(word(first, 28), u32::from(b'b'), "about what that party sends");
    let length = 4 * (usize::from(u16::from_be_bytes([first[2], first[3]])) + 1);
    assert_eq!(first[length + 1], 202, "SDES in the same compound");
    for pair in reports.windows(2) {
        let step = pair[1].0 - pair[0].0;
        assert!((5000..=7020).contains(&step), "{step} ms");
    }
    assert!((4..=6).contains(&reports.len()), "{}", reports.len());
    // Where RTCP comes with RTP it goes there.
    let mut stage = Stage::new();
    stage.offer("a", &(audio("10.0.0.1", 4000) + "a=rtcp-mux\n"), "");
    stage.answer("a", "b", &(audio("10.0.0.2", 5000) + "a=rtcp-mux\n"), "");
    stage.tape("x.wav", 1);
    stage.plays("b", "");
    stage.runs(100);
    let types: Vec<u8> = stage.datagrams("b").iter().map(|bytes| bytes[1]).collect();
    assert_eq!(types, [0x80, 200]);
}

/// §3 rule 13: another codec, another packet time; the player goes on where it was.
#[test]
fn rule_3_13_another_codec_rebuilds_the_player() {
    let mut stage = Stage::talk();
    let played = stage.tape("x.wav", 100);
    stage.plays("b", "\"repeat-times\":2");
    stage.runs(205);
    let before = stage.hears("b");
    let again = |stage: &mut Stage, sdp: &str| {
        stage.sdp("offer", "\"from-tag\":\"b\",\"to-tag\":\"a\"", sdp, "");
        stage.answer("b", "a", &audio("10.0.0.1", 4000).replace("0 8", "8 0"), "");
    };
    again(&mut stage, &audio("10.0.0.2", 5000).replace("0 8", "8 0"));
    stage.runs(100);
    let after = stage.hears("b");
    assert!(after.iter().all(|packet| packet.header.payload_type == 8), "{:?}", after.first());
    in_order(&[before.clone(), after.clone()].concat());
    assert_eq!(markers(&after), [0]);
    let (_, plan) = played.lock().last().cloned().expect("played again");
    let Position::After(place) = plan.from else { panic!("{plan:?}") };
    assert_eq!((place.as_millis(), plan.times), (220, 2), "what was heard is not heard again");
    // The same codec in other packets.
    again(&mut stage, &(audio("10.0.0.2", 5000).replace("0 8", "8 0") + "a=ptime:40\n"));
    stage.runs(100);
    let slower = stage.hears("b");
    assert!(slower.iter().all(|packet| packet.payload.len() == 320));
    // Nothing new: it goes on undisturbed.
    let count = played.lock().len();
    again(&mut stage, &(audio("10.0.0.2", 5000).replace("0 8", "8 0") + "a=ptime:40\n"));
    stage.runs(100);
    assert_eq!((played.lock().len(), markers(&stage.hears("b"))), (count, vec![]));
}

/// §3 rule 13: a media that cannot be played to any more.
#[test]
fn rule_3_13_an_unusable_media_ends_the_player() {
    for sdp in [
        audio("10.0.0.2", 0),
        audio("10.0.0.2", 5000) + "a=sendonly\n",
        audio("10.0.0.2", 5000).replace("0 8", "101") + "a=rtpmap:101 telephone-event/8000\n",
    ] {
        let mut stage = Stage::talk();
        stage.tape("x.wav", 100);
        stage.plays("b", "\"flags\":[\"block-egress\"]");
        stage.runs(100);
        stage.sdp("offer", "\"from-tag\":\"b\",\"to-tag\":\"a\"", &sdp, "");
        stage.answer("b", "a", &audio("10.0.0.1", 4000), "");
        stage.heard_at("10.0.0.2:5000".parse().expect("an address"));
        stage.runs(100);
        let left = stage.heard_at("10.0.0.2:5000".parse().expect("an address"));
        assert!(left.is_empty(), "{sdp}: {left:?}");
        assert_eq!(stage.refused("stop media", "\"from-tag\":\"b\""), "Not currently playing media", "{sdp}");
    }
}

/// A re-offer that changes nothing disturbs no player, and one that moves the party takes it along.
#[test]
fn rule_3_13_the_player_follows_the_party() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 100);
    stage.plays("b", "");
    stage.runs(50);
    let before = stage.hears("b");
    stage.sdp("offer", "\"from-tag\":\"b\",\"to-tag\":\"a\"", &audio("10.0.0.9", 6000), "");
    stage.answer("b", "a", &audio("10.0.0.1", 4000), "");
    stage.runs(50);
    let after = stage.heard_at("10.0.0.9:6000".parse().expect("an address"));
    in_order(&[before, after.clone()].concat());
    assert!(after.len() >= 2 && markers(&after).is_empty());
}

/// §3.1: it is prepared with the message and started each time recording starts, for the sender of the message alone.
#[test]
fn rule_3_1_an_announcement_starts_with_each_recording() {
    let mut stage = Stage::new();
    stage.settings.records = true;
    let played = stage.tape("x.wav", 5);
    stage.connects(
        "\"flags\":[\"recording announcement\",\"block-egress\"],\"file\":\"x.wav\",\"repeat-times\":2,\"start-pos\":160",
        "",
    );
    stage.runs(200);
    assert!(stage.hears("a").is_empty(), "nothing is recorded yet");
    stage.does("start recording", "");
    stage.runs(50);
    stage.says("b", 99);
    stage.runs(500);
    let first = stage.hears("a");
    assert_eq!(first.len(), 10, "twice, and the other side is left out");
    assert_eq!(played.lock()[0].1.from, Position::Ticks(160));
    assert!(stage.hears("b").is_empty());
    stage.does("start recording", "");
    stage.runs(500);
    assert!(stage.hears("a").is_empty(), "it was running already");
    stage.does("stop recording", "");
    stage.does("start recording", "");
    stage.runs(500);
    let second = stage.hears("a");
    in_order(&[first.clone(), second.clone()].concat());
    assert_eq!(markers(&second), [0]);
    // Beside `play media`, with numbers of its own; `stop media` is not about it.
    stage.does("stop recording", "");
    stage.does("start recording", "");
    stage.plays("a", "");
    stage.does("stop media", "\"from-tag\":\"a\"");
    stage.runs(500);
    assert_eq!(
        stage.hears("a").iter().filter(|packet| packet.header.ssrc == first[0].header.ssrc).count(),
        10
    );
    assert_eq!(stage.refused("stop media", "\"from-tag\":\"a\""), "Not currently playing media");
}

#[test]
fn rule_3_1_failures_are_only_logged() {
    let mut stage = Stage::new();
    stage.settings.records = true;
    stage.connects("\"flags\":[\"recording-announcement\"],\"file\":\"none.wav\"", "");
    assert!(stage.logged("Failed to add media player for recording announcement"));
    stage.tape("x.wav", 5);
    stage.sdp(
        "offer",
        "\"from-tag\":\"a\",\"to-tag\":\"b\"",
        &(audio("10.0.0.1", 4000) + "a=sendonly\n"),
        "\"flags\":[\"recording-announcement\"],\"file\":\"x.wav\"",
    );
    assert_eq!(Desk::error(&stage.ask("start recording", "")), "none");
    assert!(stage.logged("Failed to start media player for recording announcement"));
}

/// §3 rule 7 and §1.2 rule 2: players of both directions at once do not touch each other.
#[test]
fn both_directions_at_once() {
    let mut stage = Stage::talk();
    stage.tape("x.wav", 50);
    stage.tape("y.wav", 5);
    stage.plays("a", "\"flags\":[\"block-egress\"]");
    stage.runs(10);
    stage.does("play media", "\"from-tag\":\"b\",\"file\":\"y.wav\"");
    stage.runs(200);
    stage.says("a", 99);
    stage.says("b", 98);
    let (a, b) = (stage.hears("a"), stage.hears("b"));
    in_order(&a);
    assert!(frames(&a).iter().all(|(_, octet)| *octet != 98), "a hears its player alone");
    assert_eq!(frames(&b), [(10, 1), (30, 2), (50, 3), (70, 4), (90, 5), (210, 99)]);
}
