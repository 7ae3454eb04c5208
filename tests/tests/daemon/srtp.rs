//! SRTP with keys in the SDP: ended at the daemon, passed through, keyed anew.

use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;

const LONG: &str = "AES_CM_128_HMAC_SHA1_80";
const SHORT: &str = "AES_CM_128_HMAC_SHA1_32";

fn phone(call: &Call<'_>, number: u8, tag: &str, suite: Option<&str>) -> Phone {
    let plan = MediaPlan::audio();
    call.phone(number, tag).media(suite.map_or(plan.clone(), |suite| plan.secure(suite))).build()
}

fn options(protocol: &str) -> Request {
    Request::empty().set("DTLS", "off").set("transport-protocol", protocol)
}

/// Connects two phones that speak these suites, or none.
fn talk<'d>(daemon: &'d Daemon, alice: Option<&str>, bob: Option<&str>) -> (Call<'d>, Phone, Phone) {
    let call = Call::new(daemon);
    let mut alice = phone(&call, 0, "alice", alice);
    let mut bob_phone = phone(&call, 1, "bob", bob);
    let protocol = if bob.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
    call.offer_with(&mut alice, &mut bob_phone, &options(protocol));
    call.answer(&mut bob_phone, &mut alice);
    (call, alice, bob_phone)
}

#[test]
fn every_pairing_of_plain_and_secure_speaks_and_reports() {
    let daemon = Daemon::start();
    for (one, other) in [
        (Some(LONG), None),
        (None, Some(LONG)),
        (Some(SHORT), None),
        (Some(LONG), Some(LONG)),
        (Some(LONG), Some(SHORT)),
        (Some(SHORT), Some(LONG)),
    ] {
        let (call, mut alice, mut bob) = talk(&daemon, one, other);
        alice.speaks_to(&mut bob);
        bob.speaks_to(&mut alice);
        let report = alice.sends_rtcp(&alice.sender_report());
        bob.hears_rtcp(&report);
        let report = bob.sends_rtcp(&bob.sender_report());
        alice.hears_rtcp(&report);
        alice.speaks_to(&mut bob);
        let query = call.query();
        for (tag, suite) in [("alice", one), ("bob", other)] {
            let stream = query.at(&["tags", tag, "medias", "0", "streams", "0"]);
            assert_eq!(stream.get("crypto suite").and_then(Value::text), suite, "{tag} {one:?} {other:?}");
        }
        call.hangs_up(&alice);
    }
}

#[test]
fn sequence_numbers_roll_over() {
    let daemon = Daemon::start();
    for (one, other) in [(Some(LONG), None), (None, Some(LONG)), (Some(LONG), Some(SHORT))] {
        let (_call, mut alice, mut bob) = talk(&daemon, one, other);
        alice.media[0].next.sequence_number = 65532;
        for _ in 0..3 {
            alice.speaks_to(&mut bob);
        }
    }
}

#[test]
fn forged_packets_are_dropped_and_counted() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon, Some(LONG), None);
    alice.speaks_to(&mut bob);
    // Of the right length and header, with a tag from nowhere.
    let mut forged = alice.next_packet(0).encode();
    forged.extend([0xab; 10]);
    alice.media[0].rtp_socket().send_to(&forged, alice.remote().rtp()).unwrap();
    bob.hears_nothing();
    let query = call.query();
    assert_eq!(query.int(&["tags", "alice", "medias", "0", "streams", "0", "stats", "errors"]), 1);
    alice.speaks_to(&mut bob);
}

#[test]
fn plain_packets_on_a_secure_side_are_dropped() {
    let daemon = Daemon::start();
    let (_call, mut alice, mut bob) = talk(&daemon, Some(LONG), None);
    alice.speaks_to(&mut bob);
    let plain = alice.next_packet(0).encode();
    alice.media[0].rtp_socket().send_to(&plain, alice.remote().rtp()).unwrap();
    bob.hears_nothing();
}

#[test]
fn with_equal_keys_packets_pass_untouched_unless_recrypt_is_asked_for() {
    let daemon = Daemon::start();
    for recrypt in [false, true] {
        let call = Call::new(&daemon);
        let mut alice = phone(&call, 0, "alice", Some(LONG));
        let mut bob = phone(&call, 1, "bob", Some(LONG));
        let mut options = options("RTP/SAVP");
        if recrypt {
            options = options.flag("recrypt");
        }
        call.offer_with(&mut alice, &mut bob, &options);
        call.answer(&mut bob, &mut alice);
        alice.speaks_to(&mut bob);
        // Untouched means not authenticated either (media-plane.md 2.1(3)).
        let mut forged = alice.next_packet(0).encode();
        forged.extend([0xab; 10]);
        alice.media[0].rtp_socket().send_to(&forged, alice.remote().rtp()).unwrap();
        let passed =
            receive(bob.media[0].rtp_socket(), if recrypt { QUIET } else { SOON }).map(|(data, _)| data);
        assert_eq!(passed, (!recrypt).then_some(forged));
    }
}

#[test]
fn a_re_offer_keeps_keys_and_counters() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon, Some(LONG), Some(SHORT));
    alice.media[0].next.sequence_number = 65533;
    alice.speaks_to(&mut bob);
    let key_of = |phone: &Phone, suite: &str| {
        let lines = phone.remote().values("crypto");
        let line = lines.into_iter().find(|line| line.contains(suite));
        line.and_then(|line| line.split_once(" inline:")).map(|(_, key)| key.to_string())
    };
    let keys = (key_of(&alice, LONG), key_of(&bob, SHORT));
    call.offer(&mut alice, &mut bob);
    let suites: Vec<_> =
        bob.remote().values("crypto").iter().filter_map(|line| line.split(' ').nth(1)).collect();
    // Rule 12.4(3) of sdp.md: what Alice offers, then what Bob accepted, with its key.
    assert_eq!(suites[..2], [LONG, SHORT]);
    call.answer(&mut bob, &mut alice);
    assert_eq!((key_of(&alice, LONG), key_of(&bob, SHORT)), keys);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
}

#[test]
fn a_subscriber_gets_keys_of_its_own() {
    let daemon = Daemon::start();
    let (call, mut alice, bob) = talk(&daemon, Some(LONG), None);
    let mut recorder = call.phone(4, "recorder").build();
    let request = call.ask("subscribe request").set("to-tag", "recorder").set("from-tag", "alice");
    let reply = daemon.request(&request.set("transport-protocol", "RTP/AVP")).ok();
    recorder.takes(reply.sdp());
    recorder.media[0].set_direction("recvonly");
    let answer = call.ask("subscribe answer").set("to-tag", "recorder").set("sdp", recorder.answer_sdp());
    let _ = daemon.request(&answer).ok();
    let packet = alice.sends();
    bob.hears(&packet);
    recorder.hears(&packet);
}
