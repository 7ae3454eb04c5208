//! §8: the audio player, into which everything for a party is mixed.

use rtpengine_common::rtp::RtpHeader;

use super::super::audio;
use super::super::stage::{Left, Stage, in_order, markers};
use crate::call::settings::AudioPlayerMode;
use crate::flow::Component;

/// PCMU: a loud sample, and silence.
const LOUD: u8 = 0x90;
const SILENCE: u8 = 0xff;

fn address(tag: &str) -> String {
    let (host, port) = if tag == "a" { ("10.0.0.1", 4000) } else { ("10.0.0.2", 5000) };
    audio(host, port)
}

/// A call of which each side has one codec, so that both directions are transcoded.
fn transcoded(stage: &mut Stage, offer: &str, answer: &str) {
    let codec = "\"codec\":{\"transcode\":[\"PCMA\"],\"mask\":[\"PCMU\"]}";
    let comma = if offer.is_empty() { "" } else { "," };
    stage.offer("a", &address("a").replace("0 8", "0"), &format!("{codec}{comma}{offer}"));
    stage.answer("a", "b", &address("b").replace("0 8", "8"), answer);
}

/// Packets in 200 ms to each side: who has an audio player.
fn constant(stage: &mut Stage) -> [bool; 2] {
    stage.forgets();
    stage.runs(200);
    [stage.hears("a"), stage.hears("b")].map(|heard| heard.len() == 10)
}

/// §8.1, the option.
#[test]
fn rule_8_1_values_of_the_option() {
    for (mode, plain, coded) in [
        (AudioPlayerMode::OnDemand, [false; 2], [false; 2]),
        (AudioPlayerMode::PlayMedia, [false; 2], [false; 2]),
        (AudioPlayerMode::Transcoding, [false; 2], [true; 2]),
        (AudioPlayerMode::Always, [true; 2], [true; 2]),
    ] {
        let mut stage = Stage::new();
        stage.settings.audio_player = mode;
        stage.connects("", "");
        assert_eq!(constant(&mut stage), plain, "{mode:?}");
        let mut stage = Stage::new();
        stage.settings.audio_player = mode;
        transcoded(&mut stage, "", "");
        assert_eq!(constant(&mut stage), coded, "{mode:?}, transcoded");
    }
}

/// §8.1, the key: who gets a player in calls that are transcoded and in others.
#[test]
fn rule_8_1_values_of_the_key() {
    let key = |value: &str| format!("\"audio-player\":\"{value}\"");
    // Force: towards whom the message comes from.
    for word in ["force", "Forced", "ALWAYS", "everything"] {
        let mut stage = Stage::new();
        stage.connects(&key(word), "");
        assert_eq!(constant(&mut stage), [true, false], "{word}");
        let mut stage = Stage::new();
        stage.connects("", &key(word));
        assert_eq!(constant(&mut stage), [false, true], "{word}");
    }
    // Transcoding: both directions of a transcoded call.
    for word in ["transcoding", "on", "yes", "enable", "enabled", "transcode"] {
        let mut stage = Stage::new();
        transcoded(&mut stage, &key(word), &key(word));
        assert_eq!(constant(&mut stage), [true; 2], "{word}");
        let mut stage = Stage::new();
        stage.connects(&key(word), &key(word));
        assert_eq!(constant(&mut stage), [false; 2], "{word}, nothing is transcoded");
    }
    // In the list of flags.
    let flag = |name: &str| format!("\"flags\":[\"{name}\"]");
    for (name, has) in [
        ("audio-player", true),
        ("player", true),
        ("audio player", true),
        ("no-audio-player", false),
        ("no player", false),
    ] {
        let mut stage = Stage::new();
        stage.settings.audio_player = AudioPlayerMode::Transcoding;
        let option = if has { AudioPlayerMode::OnDemand } else { AudioPlayerMode::Transcoding };
        stage.settings.audio_player = option;
        transcoded(&mut stage, &flag(name), &flag(name));
        assert_eq!(constant(&mut stage), [has; 2], "{name}");
    }
}

/// §8.1: `transcoding` is for its message alone, `force` is remembered, `off` removes it and keeps the option away.
#[test]
fn rule_8_1_what_is_remembered() {
    let again = |stage: &mut Stage, more: &str| {
        stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &address("a"), more);
        stage.answer("a", "b", &address("b"), "");
    };
    let mut stage = Stage::new();
    stage.connects("\"audio-player\":\"force\"", "");
    again(&mut stage, "");
    assert_eq!(constant(&mut stage), [true, false], "remembered");
    again(&mut stage, "\"audio-player\":\"default\"");
    assert_eq!(constant(&mut stage), [true, false], "as the option says, and what was asked for stays");
    again(&mut stage, "\"audio-player\":\"off\"");
    assert_eq!(constant(&mut stage), [false, false], "removed");
    again(&mut stage, "\"player\":\"strange\"");
    assert_eq!(constant(&mut stage), [false, false]);
    // Not remembered.
    let key = "\"audio-player\":\"on\"";
    let mut stage = Stage::new();
    transcoded(&mut stage, key, key);
    assert_eq!(constant(&mut stage), [true; 2]);
    let codec = "\"codec\":{\"transcode\":[\"PCMA\"],\"mask\":[\"PCMU\"]}";
    stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &address("a").replace("0 8", "0"), codec);
    stage.answer("a", "b", &address("b").replace("0 8", "8"), "");
    assert_eq!(constant(&mut stage), [false; 2], "not remembered");
    // Off against the option.
    let mut stage = Stage::new();
    stage.settings.audio_player = AudioPlayerMode::Transcoding;
    transcoded(&mut stage, "\"audio-player\":\"off\"", "\"audio-player\":\"off\"");
    assert_eq!(constant(&mut stage), [false; 2]);
}

/// §8.2 rules 2 and 3: when it begins, and that it never pauses.
#[test]
fn rule_8_2_2_start_and_pace() {
    let mut stage = Stage::new();
    stage.offer("a", &address("a"), "\"audio-player\":\"force\"");
    stage.runs(100);
    assert!(stage.hears("a").is_empty(), "not before the answer");
    stage.answer("a", "b", &address("b"), "");
    stage.runs(1000);
    let heard = stage.hears("a");
    in_order(&heard);
    assert_eq!(
        heard.iter().map(|p| p.at).collect::<Vec<_>>(),
        (1..=50).map(|n| 100 + n * 20).collect::<Vec<_>>()
    );
    assert_eq!(markers(&heard), [0]);
    assert!(heard.windows(2).all(|p| p[1].header.timestamp == p[0].header.timestamp.wrapping_add(160)));
    assert!(heard.iter().all(|packet| packet.payload == [SILENCE; 160]));
    // An answer or offer again leaves it alone.
    stage.answer("a", "b", &address("b"), "");
    stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &address("a"), "");
    stage.answer("a", "b", &address("b"), "");
    stage.runs(100);
    let more = stage.hears("a");
    assert_eq!((more.len(), markers(&more)), (5, vec![]));
    in_order(&[heard, more].concat());
}

/// §8.2 rule 2: `early media` starts it at the offer, and so does audio that arrives.
#[test]
fn rule_8_2_2_early_starts() {
    let mut stage = Stage::new();
    stage.offer("a", &address("a"), "\"audio-player\":\"force\",\"flags\":[\"early media\"]");
    stage.runs(100);
    let heard = stage.hears("a");
    assert_eq!(heard.iter().map(|packet| packet.at).collect::<Vec<_>>(), [20, 40, 60, 80, 100]);
    stage.answer("a", "b", &address("b"), "");
    stage.runs(40);
    in_order(&[heard, stage.hears("a")].concat());
    // The other side is known from before, and talks before it answers.
    let mut stage = Stage::talk();
    stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &address("a"), "\"audio-player\":\"force\"");
    stage.runs(15);
    stage.says("b", LOUD);
    stage.runs(100);
    assert_eq!(stage.hears("a").iter().map(|packet| packet.at).collect::<Vec<_>>(), [35, 55, 75, 95, 115]);
}

/// §8.2 rule 2: one packet every packet time of the media.
#[test]
fn rule_8_2_2_the_packet_time_of_the_media() {
    let mut stage = Stage::new();
    stage.offer("a", &(address("a") + "a=ptime:40\n"), "\"audio-player\":\"force\"");
    stage.answer("a", "b", &address("b"), "");
    stage.runs(200);
    let heard = stage.hears("a");
    assert_eq!(heard.iter().map(|packet| packet.at).collect::<Vec<_>>(), [40, 80, 120, 160, 200]);
    assert!(heard.iter().all(|packet| packet.payload.len() == 320));
}

/// §8.2 rule 4: what silence is in each codec.
#[test]
fn rule_8_2_4_silence_in_the_codec() {
    for (formats, payload_type, octet) in [("0 8", 0, 0xff), ("8 0", 8, 0xd5)] {
        let mut stage = Stage::new();
        stage.offer("a", &address("a").replace("0 8", formats), "\"audio-player\":\"force\"");
        stage.answer("a", "b", &address("b").replace("0 8", formats), "");
        stage.runs(60);
        for packet in stage.hears("a") {
            assert_eq!((packet.header.payload_type, packet.payload), (payload_type, vec![octet; 160]));
        }
    }
}

fn forced() -> Stage {
    let mut stage = Stage::new();
    stage.connects("", "\"audio-player\":\"force\"");
    stage.runs(50);
    stage.hears("b");
    stage
}

fn samples(packets: &[Left]) -> Vec<u8> {
    packets.iter().flat_map(|packet| packet.payload.clone()).collect()
}

/// §8.2 rules 3, 5 and 11: a source begins with the delay, and its numbers are not seen.
#[test]
fn rule_8_2_5_a_source_begins_after_the_delay() {
    let mut stage = forced();
    let first = stage.says("a", LOUD);
    stage.runs(20);
    stage.says("a", 0xa0);
    stage.runs(60);
    let heard = stage.hears("b");
    let expected = [vec![SILENCE; 40], vec![LOUD; 160], vec![0xa0; 160], vec![SILENCE; 280]].concat();
    assert_eq!(samples(&heard), expected);
    assert!(heard.iter().all(|packet| packet.header.ssrc != first.ssrc));
    in_order(&heard);
    // It fell behind: it starts anew with the delay.
    stage.runs(100);
    stage.hears("b");
    stage.says("a", LOUD);
    stage.runs(40);
    assert_eq!(samples(&stage.hears("b")), [vec![SILENCE; 40], vec![LOUD; 160], vec![SILENCE; 120]].concat());
}

/// §8.2 rule 5: length and delay of the buffer are options.
#[test]
fn rule_8_2_5_options_of_the_buffer() {
    let mut stage = Stage::new();
    stage.settings.audio_delay = std::time::Duration::from_millis(10);
    stage.settings.audio_buffer = std::time::Duration::from_millis(1);
    stage.connects("", "\"audio-player\":\"force\"");
    stage.runs(10);
    // Of five packets at once those fit that the least buffer of two frames holds.
    (0..5).for_each(|_| {
        stage.says("a", LOUD);
    });
    stage.runs(90);
    let heard = samples(&stage.hears("b"));
    assert_eq!(heard[..80], [SILENCE; 80]);
    assert_eq!(heard.iter().filter(|octet| **octet == LOUD).count(), 240, "40 ms less the delay");
}

/// §8.2 rule 6: `play media` is one more source; with `block-egress` the only one.
#[test]
fn rule_8_2_6_playback_is_mixed() {
    for (flags, both) in [("", true), ("\"flags\":[\"block-egress\"]", false)] {
        let mut stage = forced();
        stage.tape("x.wav", 5);
        stage.plays("b", flags);
        // The tape is read to its end after 50 ms.
        for _ in 0..2 {
            stage.says("a", LOUD);
            stage.runs(20);
        }
        stage.runs(100);
        let heard = stage.hears("b");
        in_order(&heard);
        assert!(markers(&heard).is_empty(), "the numbers of the audio player");
        let loud = |octet: &&u8| **octet < 0xa0;
        assert_eq!(samples(&heard).iter().filter(loud).count() == 320, both, "{flags}");
        // 100 × n for packet n: something is heard of the tape either way.
        let quiet = samples(&heard).iter().filter(|octet| **octet != SILENCE && **octet >= 0xb0).count();
        assert_eq!(quiet, if both { 480 } else { 800 }, "{flags}");
        stage.says("a", LOUD);
        stage.runs(40);
        assert!(stage.hears("b").iter().any(|packet| packet.payload.contains(&LOUD)), "back again");
    }
}

/// §8.2 rules 7 and 10: in mode `play-media` a source of 100 ms makes two packets, 20 and 40 ms after the request; forwarded packets pass
/// from 50 ms on.
#[test]
fn rule_8_2_7_for_the_time_of_a_playback() {
    let mut stage = Stage::new();
    stage.settings.audio_player = AudioPlayerMode::PlayMedia;
    stage.connects("", "");
    stage.says("a", LOUD);
    assert_eq!(stage.hears("b").len(), 1, "forwarded before");
    stage.tape("x.wav", 5);
    stage.plays("b", "");
    stage.runs(49);
    let played = stage.hears("b");
    assert_eq!(played.iter().map(|packet| packet.at).collect::<Vec<_>>(), [20, 40]);
    in_order(&played);
    assert_eq!(played[0].payload[..40], [SILENCE; 40]);
    assert!(played[0].payload[40..].iter().chain(&played[1].payload).all(|octet| *octet != SILENCE));
    assert_eq!(markers(&played), [0]);
    stage.runs(2);
    let said = stage.says("a", LOUD);
    stage.runs(300);
    assert_eq!(stage.hears("b").iter().map(|packet| packet.header).collect::<Vec<_>>(), [said]);
    // Stopped by hand it ends as well.
    stage.plays("b", "\"repeat-times\":10");
    stage.runs(100);
    stage.does("stop media", "\"from-tag\":\"b\"");
    stage.hears("b");
    let said = stage.says("a", LOUD);
    stage.runs(300);
    assert_eq!(stage.hears("b").iter().map(|packet| packet.header).collect::<Vec<_>>(), [said]);
}

/// §8.2 rule 8: reports of the sources go no further; the player has its own.
#[test]
fn rule_8_2_8_rtcp_of_sources_is_consumed() {
    let mut stage = forced();
    stage.says("a", LOUD);
    stage.hears_rtcp("b");
    let report = [&[0x80, 200, 0, 6][..], &u32::from(b'a').to_be_bytes(), &[0; 20]].concat();
    stage.arrives("a", Component::Rtcp, &report);
    assert!(stage.hears_rtcp("b").is_empty(), "not passed on");
    stage.runs(8000);
    let own = stage.hears("b").remove(0).header.ssrc;
    let reports = stage.hears_rtcp("b");
    assert!(!reports.is_empty());
    for (_, bytes) in reports {
        assert_eq!((bytes[1], u32::from_be_bytes(bytes[4..8].try_into().expect("four"))), (200, own));
    }
}

/// §8.2 rule 9: events pass beside the mix, in its numbers.
#[test]
fn rule_8_2_9_events_pass_beside_the_mix() {
    let mut stage = Stage::new();
    let with_events =
        |tag: &str| address(tag).replace("0 8", "0 101") + "a=rtpmap:101 telephone-event/8000\n";
    stage.offer("a", &with_events("a"), "");
    stage.answer("a", "b", &with_events("b"), "\"audio-player\":\"force\"");
    stage.runs(50);
    for n in 1..=2u16 {
        let header =
            RtpHeader { marker: n == 1, payload_type: 101, sequence_number: n, timestamp: 0, ssrc: 7 };
        stage.sends("a", header, &[5, 10, 0, 160]);
        stage.runs(20);
    }
    let heard = stage.hears("b");
    in_order(&heard);
    let events: Vec<_> = heard.iter().filter(|packet| packet.header.payload_type == 101).collect();
    assert_eq!(events.iter().map(|packet| packet.header.marker).collect::<Vec<_>>(), [true, false]);
    assert!(events.iter().all(|packet| packet.payload == [5, 10, 0, 160]));
}

/// §8.2 rule 2: to the end of the call, or of the party.
#[test]
fn rule_8_2_2_it_ends_with_the_party() {
    let mut stage = forced();
    stage.ask("delete", "\"from-tag\":\"b\",\"delete-delay\":1");
    stage.runs(500);
    assert!(!stage.hears("b").is_empty(), "until it is due");
}

/// §8.2 rule 1: with another preferred codec it goes on in that one.
#[test]
fn rule_8_2_1_the_preferred_codec_of_the_party() {
    let mut stage = Stage::new();
    stage.offer("a", &address("a").replace("0 8", "0"), "\"codec\":{\"transcode\":[\"PCMA\"]}");
    stage.answer("a", "b", &address("b").replace("0 8", "8 0"), "\"audio-player\":\"force\"");
    stage.runs(50);
    stage.hears("b");
    stage.says("a", LOUD);
    stage.runs(40);
    let heard = stage.hears("b");
    assert!(heard.iter().all(|packet| packet.header.payload_type == 8), "{heard:?}");
    // PCMA of the same sample, behind the delay.
    assert!(heard[0].payload[40..].iter().all(|octet| *octet != 0xd5));
    let (before, numbers) = (heard.last().cloned().expect("two"), heard.len());
    stage.sdp("offer", "\"from-tag\":\"b\",\"to-tag\":\"a\"", &address("b").replace("0 8", "0"), "");
    stage.answer("b", "a", &address("a").replace("0 8", "0"), "");
    stage.runs(40);
    let after = stage.hears("b");
    assert!(after.iter().all(|packet| packet.header.payload_type == 0), "{numbers}");
    in_order(&[vec![before], after].concat());
}
