//! `play media` and `stop media`: what phones hear (players.md §§1–3).

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rtpengine_tests::dtls::{Begins, Identity};
use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;
use rtpengine_tests::secure::{encrypted, plan, shake};

use super::*;

#[test]
fn a_file_is_heard_at_its_pace() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 1000);
    let (call, mut alice, bob) = Call::connected(&daemon);
    let reply = daemon.request(&play(&call, &bob).set("file", &file)).ok();
    assert_eq!(reply.int(&["duration"]), 1000);
    let started = Instant::now();
    let packets = listens(&bob, 50);
    let took = started.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_millis(3000)).contains(&took), "{took:?}");
    assert_eq!(markers(&packets), [0]);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    assert!(packets.iter().all(|packet| packet.payload_type == 0 && packet.payload.len() == 160));
    assert!((hertz(&packets) - 440.0).abs() < 2.0, "{}", hertz(&packets));
    let report = bob.receives_rtcp().0;
    let Rtcp::Sr { ssrc, packets: 1, timestamp, .. } = &report[0] else { panic!("{report:?}") };
    assert_eq!(
        (*ssrc, *timestamp),
        (packets[0].ssrc, packets[0].timestamp),
        "directly behind the first packet"
    );
    assert!(matches!(&report[1], Rtcp::Sdes { ssrc, .. } if *ssrc == packets[0].ssrc));
    is_silent(&bob);
    is_silent(&alice);
    let spoken = alice.sends();
    bob.hears(&spoken);
    assert_ne!(spoken.ssrc, packets[0].ssrc);
}

/// players.md §3, the worked example, with far-side media in between.
#[test]
fn a_player_keeps_its_numbers_over_restarts() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 60);
    let (call, _alice, bob) = Call::connected(&daemon);
    let reply = daemon.request(&play(&call, &bob).set("file", &file).set("repeat-times", 2)).ok();
    assert_eq!(reply.int(&["duration"]), 60);
    let first = listens(&bob, 6);
    assert_eq!(markers(&first), [0], "no marker at the repetition");
    let last = Instant::now();
    for pair in first.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    is_silent(&bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let second = listens(&bob, 3);
    let passed = last.elapsed();
    assert_eq!(markers(&second), [0]);
    assert_eq!(second[0].ssrc, first[0].ssrc);
    assert_eq!(second[0].sequence_number, first[5].sequence_number.wrapping_add(1));
    let step = second[0].timestamp.wrapping_sub(first[5].timestamp);
    let wall = passed.as_millis() as u32 * 8;
    assert!(step <= wall + 800 && step + 1600 >= wall, "{step} units in {passed:?}");
}

#[test]
fn stopping_and_going_on() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 5000);
    let (call, _alice, bob) = Call::connected(&daemon);
    assert_eq!(daemon.request(&stop(&call, &bob)).error(), "Not currently playing media");
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let first = listens(&bob, 50);
    let reply = daemon.request(&stop(&call, &bob)).ok();
    let position = reply.int(&["last-frame-pos"]);
    // The frames of a WAV file are up to 2048 samples long.
    assert!((5500..=8900).contains(&position), "{position}");
    bob.drains();
    is_silent(&bob);
    assert_eq!(daemon.request(&stop(&call, &bob)).error(), "Not currently playing media");
    let rest = (40_000 - position) as usize / 160;
    daemon.request(&play(&call, &bob).set("file", &file).set("start-pos", position)).ok();
    let packets = listens(&bob, rest);
    assert_eq!(packets[0].ssrc, first[0].ssrc);
    is_silent(&bob);
}

#[test]
fn far_side_media_goes_on_or_is_suppressed() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 400);
    let (call, mut alice, bob) = Call::connected(&daemon);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    listens(&bob, 3);
    let spoken = alice.sends();
    let heard: Vec<Rtp> = (0..18).map(|_| bob.receives().0).collect();
    assert_eq!(heard.iter().filter(|packet| **packet == spoken).count(), 1, "no mixing");
    bob.drains();
    daemon.request(&play(&call, &bob).set("file", &file).flag("block-egress")).ok();
    let mut played = listens(&bob, 3);
    let suppressed = alice.sends();
    let query = call.query();
    assert!(format!("{query:?}").contains("block egress"));
    played.extend(listens(&bob, 17));
    assert!(!played.contains(&suppressed));
    let spoken = until("the far side is heard again", SOON, || {
        let spoken = alice.sends();
        let heard = rtpengine_tests::phone::receive(bob.media[0].rtp_socket(), QUIET)?;
        (Rtp::parse(&heard.0)? == spoken).then_some(spoken)
    });
    assert!(spoken.sequence_number > suppressed.sequence_number, "its own numbering");
}

#[test]
fn contents_in_the_request_and_other_formats() {
    let daemon = Daemon::start();
    let (folder, file) = folder(44_100, 400);
    let (call, alice, _bob) = Call::connected(&daemon);
    let reply = daemon.request(&play(&call, &alice).set("blob", wav(16_000, 440.0, 400).as_slice())).ok();
    assert_eq!(reply.int(&["duration"]), 400);
    let packets = listens(&alice, 20);
    assert!((hertz(&packets) - 440.0).abs() < 5.0);
    for format in ["flac", "ogg", "au", "gsm"] {
        let other = folder.path().join("tone").with_extension(format);
        let status =
            Command::new("sox").args([&file, "-c", "2"].map(std::ffi::OsStr::new)).arg(&other).status();
        let status = if format == "gsm" {
            let arguments = [&file, "-r", "8000", "-c", "1"].map(std::ffi::OsStr::new);
            Command::new("sox").args(arguments).arg(&other).status()
        } else {
            status
        };
        assert!(status.expect("sox is installed").success());
        daemon.request(&play(&call, &alice).set("file", other.to_str().unwrap())).ok();
        let packets = listens(&alice, 19);
        assert!((hertz(&packets) - 440.0).abs() < 5.0, "{format}: {}", hertz(&packets));
        alice.drains();
    }
}

#[test]
fn everybody_hears_and_commands_keep_their_order() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 200);
    let (call, alice, bob) = Call::connected(&daemon);
    // Two requests on their way at once: the second one is answered after the first.
    let client = daemon.client();
    let first = call.ask("play media").set("all", "all").set("file", &file);
    let second = stop(&call, &alice);
    for (cookie, request) in [("one", &first), ("two", &second)] {
        let mut datagram = format!("{cookie} ").into_bytes();
        datagram.extend(request.encode());
        client.send_raw(&datagram).unwrap();
    }
    for cookie in ["one", "two"] {
        let reply = client.reply_to(cookie, SOON).unwrap().expect("an answer");
        assert!(String::from_utf8_lossy(&reply).contains("2:ok"), "{cookie}: {}", reply.escape_ascii());
    }
    listens(&bob, 10);
    is_silent(&bob);
    let _ = daemon.request(&call.ask("stop media").set("all", "all")).error();
}

#[test]
fn an_offer_alone_is_enough() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    daemon.request(&play(&call, &alice).set("file", &file)).ok();
    let packets = listens(&alice, 5);
    assert_eq!(markers(&packets), [0]);
    call.answer(&mut bob, &mut alice);
    // A party that is left alone still hears.
    daemon.request(&call.ask("delete").set("from-tag", &bob.tag).set("delete-delay", 0)).ok();
    if call.exists() {
        daemon.request(&play(&call, &alice).set("file", &file)).ok();
        listens(&alice, 5);
    }
}

#[test]
fn an_encrypted_phone_hears_under_its_own_keys() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 200);
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").build();
    let secure = MediaPlan::audio().secure("AES_CM_128_HMAC_SHA1_80");
    let mut bob = call.phone(1, "bob").media(secure).build();
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("transport-protocol", "RTP/SAVP"));
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let packets = listens(&bob, 10);
    assert!((hertz(&packets) - 440.0).abs() < 5.0);
    let report = bob.receives_rtcp().0;
    assert!(matches!(&report[0], Rtcp::Sr { ssrc, .. } if *ssrc == packets[0].ssrc));
    alice.speaks_to(&mut bob);
}

/// players.md §3 rule 9: a player's SSRC is one more under the keys that DTLS made.
#[test]
fn a_phone_with_dtls_hears_under_its_keys() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&identity, "active")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    for round in 0..2 {
        daemon.request(&play(&call, &bob).set("file", &file)).ok();
        let mut heard = Vec::new();
        while heard.len() < 5 {
            let (bytes, _) =
                rtpengine_tests::phone::receive(bob.media[0].rtp_socket(), SOON).expect("a packet");
            heard.extend(keys.inbound.unprotect(&bytes).as_deref().and_then(Rtp::parse));
        }
        assert_eq!(markers(&heard), [0], "{round}");
        assert!((hertz(&heard) - 440.0).abs() < 20.0);
    }
}

#[test]
fn the_receivers_codec_is_used() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(16_000, 200);
    let call = Call::new(&daemon);
    let plan = || {
        let audio = MediaPlan::new("audio", "RTP/AVP").format(9, "G722/8000").format(96, "opus/48000/2");
        audio.attribute("ptime:20")
    };
    let mut alice = call.phone(0, "alice").media(plan()).build();
    let mut bob = call.phone(1, "bob").media(plan()).build();
    call.connects(&mut alice, &mut bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let packets = listens(&bob, 10);
    assert!(packets.iter().all(|packet| packet.payload_type == 9 && packet.payload.len() == 160));
    // The next offer has another codec: the player goes on with it.
    bob.drains();
    daemon.request(&play(&call, &bob).set("file", &file).set("repeat-times", 100)).ok();
    let before = listens(&bob, 5);
    let opus = || MediaPlan::new("audio", "RTP/AVP").format(96, "opus/48000/2");
    let mut alice = call.phone(0, "alice").media(opus()).build();
    let mut bob = call.phone(1, "bob").media(opus()).build();
    call.connects(&mut alice, &mut bob);
    let after = until("the other codec", SOON, || {
        let packet = bob.receives().0;
        (packet.payload_type == 96).then_some(packet)
    });
    assert_eq!(after.ssrc, before[0].ssrc);
    let next = listens(&bob, 3);
    assert_eq!(next[1].timestamp.wrapping_sub(next[0].timestamp), 960);
}

#[test]
fn a_recording_is_announced() {
    let spool = tempfile::tempdir().unwrap();
    let daemon = Daemon::builder().arg(format!("--recording-dir={}", spool.path().display())).start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let announcement = Request::empty().set("file", &file).flag("recording-announcement");
    call.offer_with(&mut alice, &mut bob, &announcement);
    call.answer(&mut bob, &mut alice);
    is_silent(&alice);
    daemon.request(&call.ask("start recording")).ok();
    let packets = listens(&alice, 5);
    assert_eq!(markers(&packets), [0]);
    is_silent(&bob);
    call.connects(&mut alice, &mut bob);
    // One that cannot be opened is only logged.
    let missing = Request::empty().set("file", "/nowhere.wav").flag("recording-announcement");
    call.offer_with(&mut alice, &mut bob, &missing);
    daemon.logs("Failed to add media player for recording announcement");
}

/// media-plane.md §18.2 rule 4.
#[test]
fn playing_empties_the_delay_buffer() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 100);
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    let delay = |ms: i64| {
        let request = call.ask("block DTMF").set("from-tag", "alice").set("DTMF-security", "off");
        daemon.request(&request.set("delay-buffer", ms)).ok();
    };
    delay(60_000);
    let received = || call.query().int(&["tags", "alice", "medias", "0", "streams", "0", "stats", "packets"]);
    let before = received();
    let delayed: Vec<Rtp> = (0..3).map(|_| alice.sends()).collect();
    until("they are held back", SOON, || (received() == before + 3).then_some(()));
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    delay(0);
    let played = listens(&bob, 5);
    assert_ne!(played[0].ssrc, delayed[0].ssrc);
    is_silent(&bob);
    alice.speaks_to(&mut bob);
}

#[test]
fn many_restarts_are_harmless() {
    let daemon = Daemon::builder().arg("--player-cache").start();
    let (folder, file) = folder(8000, 1000);
    let (call, alice, _bob) = Call::connected(&daemon);
    for _ in 0..50 {
        daemon.request(&play(&call, &alice).set("file", &file)).ok();
    }
    let first = alice.receives().0;
    assert!(Path::new(&file).starts_with(folder.path()));
    call.hangs_up(&alice);
    assert!(!call.exists());
    assert_eq!(first.payload_type, 0);
}
