//! SRTP under attack (`media-plane.md` 9.3, 9.4): what is wrong is counted, logged once, and disturbs nobody.

use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;

const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// Alice speaks SRTP, Bob plain RTP.
fn connected(daemon: &Daemon) -> (Call<'_>, Phone, Phone) {
    let call = Call::new(daemon);
    let mut alice = call.phone(0, "alice").media(MediaPlan::audio().secure(SUITE)).build();
    let mut bob = call.phone(1, "bob").build();
    let options = Request::empty().set("DTLS", "off").set("transport-protocol", "RTP/AVP");
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    (call, alice, bob)
}

fn errors(call: &Call<'_>, stream: &str) -> i64 {
    call.query().int(&["tags", "alice", "medias", "0", "streams", stream, "stats", "errors"])
}

fn lines(daemon: &Daemon, text: &str) -> usize {
    daemon.log().matches(text).count()
}

/// Sends what Alice would never send, from her own sockets, a few at a time with a real packet behind.
fn floods(alice: &mut Phone, bob: &mut Phone, rounds: u32, forge: impl Fn(&Rtp, u32) -> Vec<u8>) {
    for round in 0..rounds {
        let model = alice.media[0].next.clone();
        for number in 0..20 {
            let packet = Rtp { payload: vec![round as u8; 160], ..model.clone() };
            let forged = forge(&packet, round * 20 + number);
            alice.media[0].rtp_socket().send_to(&forged, alice.remote().rtp()).unwrap();
        }
        let packet = alice.sends();
        bob.hears(&packet);
        let packet = bob.sends();
        alice.hears(&packet);
    }
}

#[test]
fn floods_are_counted_logged_once_and_pass_by() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = connected(&daemon);
    alice.media[0].next.sequence_number = 65_400;
    alice.speaks_to(&mut bob);
    let wrong_tag = |packet: &Rtp, _: u32| [packet.encode(), vec![0xab; 10]].concat();
    let plain = |packet: &Rtp, _: u32| packet.encode();
    let truncated = |packet: &Rtp, number: u32| packet.encode()[..12 + number as usize % 10].to_vec();
    let other_source =
        |packet: &Rtp, number: u32| Rtp { ssrc: 0xbad0_0000 + number, ..packet.clone() }.encode();
    let reserved = |_: &Rtp, number: u32| vec![0xff; number as usize % 60 + 1];
    // Over a roll-over of the sequence numbers, so that the counter must survive all that.
    floods(&mut alice, &mut bob, 40, wrong_tag);
    floods(&mut alice, &mut bob, 40, plain);
    floods(&mut alice, &mut bob, 40, other_source);
    floods(&mut alice, &mut bob, 40, truncated);
    floods(&mut alice, &mut bob, 40, reserved);
    assert_eq!(errors(&call, "0"), 5 * 40 * 20);
    assert_eq!(lines(&daemon, "Discarded invalid SRTP packet: authentication failed"), 1);
    assert_eq!(lines(&daemon, "Invalid SRTP/SRTCP packet received (short packet)"), 1);
    // Sources that were never authentic are not listed.
    let query = call.query();
    let listed = query.at(&["SSRC"]).keys();
    assert!(
        !listed.iter().any(|ssrc| ssrc.parse().is_ok_and(|ssrc: u32| ssrc >> 16 == 0xbad0)),
        "{listed:?}"
    );
}

#[test]
fn srtcp_floods_too() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = connected(&daemon);
    alice.speaks_to(&mut bob);
    for round in 0..20 {
        for number in 0..20_usize {
            let mut forged = Rtcp::encode(&alice.sender_report());
            // Long enough in some cases only, with and without the E bit.
            forged.extend(vec![if number % 2 == 0 { 0x80 } else { 0 }; number]);
            alice.media[0].rtcp_socket().send_to(&forged, alice.media[0].rtcp_remote()).unwrap();
        }
        let report = alice.sends_rtcp(&alice.sender_report());
        bob.hears_rtcp(&report);
        if round == 0 {
            alice.speaks_to(&mut bob);
        }
    }
    assert_eq!(errors(&call, "1"), 20 * 20);
    assert_eq!(lines(&daemon, "Discarded invalid SRTCP packet: authentication failed"), 1);
}

#[test]
fn replayed_packets_are_dropped_on_request_only() {
    for (arguments, passes) in [(vec![], true), (vec!["--srtp-replay-window=64"], false)] {
        let daemon = Daemon::builder().args(arguments).start();
        let (call, mut alice, mut bob) = connected(&daemon);
        let mut eve = call.phone(0, "alice").media(MediaPlan::audio().secure(SUITE)).build();
        // Eve has the same keys and numbers, as if she had recorded Alice.
        for _ in 0..3 {
            let packet = alice.sends();
            bob.hears(&packet);
        }
        let to = alice.remote().rtp();
        for _ in 0..3 {
            let packet = eve.next_packet(0);
            let sealed = eve.media[0].sealed(&packet);
            alice.media[0].rtp_socket().send_to(&sealed, to).unwrap();
            if passes {
                bob.hears(&packet);
            }
        }
        // Late is not replayed, but too late cannot be told from it.
        let (late, too_late) = (alice.next_packet(0), alice.next_packet(0));
        let [late_sealed, too_late_sealed] = [&late, &too_late].map(|packet| alice.media[0].sealed(packet));
        for _ in 0..10 {
            let packet = alice.sends();
            bob.hears(&packet);
        }
        alice.media[0].rtp_socket().send_to(&late_sealed, to).unwrap();
        bob.hears(&late);
        for _ in 0..64 {
            let packet = alice.sends();
            bob.hears(&packet);
        }
        alice.media[0].rtp_socket().send_to(&too_late_sealed, to).unwrap();
        if passes {
            bob.hears(&too_late);
        }
        let report = alice.sender_report();
        let sealed = alice.media[0].sealed_rtcp(&report);
        for round in 0..2 {
            alice.media[0].rtcp_socket().send_to(&sealed, alice.media[0].rtcp_remote()).unwrap();
            if passes || round == 0 {
                bob.hears_rtcp(&report);
            }
        }
        assert!(receive(bob.media[0].rtp_socket(), QUIET).is_none());
        assert!(receive(bob.media[0].rtcp_socket(), QUIET).is_none());
        assert_eq!(errors(&call, "0"), if passes { 0 } else { 4 });
        assert_eq!(errors(&call, "1"), i64::from(!passes));
        assert_eq!(lines(&daemon, "Discarded replayed SRTP packet"), usize::from(!passes));
        // A re-offer with the same keys opens nothing.
        call.offer_with(&mut alice, &mut bob, &Request::empty().set("transport-protocol", "RTP/AVP"));
        call.answer(&mut bob, &mut alice);
        alice.media[0].rtp_socket().send_to(&late_sealed, alice.remote().rtp()).unwrap();
        if passes {
            bob.hears(&late);
        }
        alice.speaks_to(&mut bob);
    }
}

#[test]
fn a_forged_packet_moves_no_peer() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = connected(&daemon);
    let eve = std::net::UdpSocket::bind((daemon.network().phone(5), 0)).unwrap();
    for _ in 0..5 {
        let forged = [alice.media[0].next.encode(), vec![1; 170]].concat();
        eve.send_to(&forged, alice.remote().rtp()).unwrap();
    }
    until("they are counted", SOON, || (errors(&call, "0") == 5).then_some(()));
    bob.speaks_to(&mut alice);
    assert!(receive(&eve, QUIET).is_none());
    alice.speaks_to(&mut bob);
}
