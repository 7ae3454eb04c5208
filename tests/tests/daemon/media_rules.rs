//! Rules of `media-plane.md` that no other test of the daemon looks at.

use rtpengine_tests::phone::{MediaPlan, PhoneBuilder};
use rtpengine_tests::prelude::*;

#[test]
fn rule_3_5_1_the_loop_check_ends_with_an_address_that_is_not_ours() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let own = daemon.network().relay(0).to_string();
    let looks = |call: &Call<'_>| {
        let query = call.query();
        query.at(&["tags", "alice", "medias", "0", "flags"]).items().contains(&"loop check".into())
    };
    let here = alice.media[0].rtp_address().port();
    let ports = daemon.ports();
    // On our address, in the range, below it, above it; and elsewhere.
    for (address, port, checked) in [
        (&own, ports.last - 1, true),
        (&own, ports.first, true),
        (&own, ports.first - 2, false),
        (&own, ports.last - 1, true),
        (&alice.address.to_string(), ports.last - 1, false),
    ] {
        let sdp = alice.offer_sdp().replace(&alice.address.to_string(), address);
        let sdp = sdp.replace(&format!("m=audio {here} "), &format!("m=audio {port} "));
        let reply = daemon.request(&call.ask("offer").set("from-tag", "alice").set("sdp", sdp)).ok();
        bob.takes(reply.sdp());
        assert_eq!(looks(&call), checked, "{address}:{port}");
    }
}

#[test]
fn section_3_1_a_packet_that_fills_the_buffer_is_told() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    alice.speaks_to(&mut bob);
    assert!(!daemon.log().contains("truncated"));
    alice.media[0].rtp_socket().send_to(&vec![0x80; 9000], alice.remote().rtp()).unwrap();
    daemon.logs("UDP packet possibly truncated");
    bob.drains();
    alice.speaks_to(&mut bob);
}

#[test]
fn rule_11_10_4_fragments_that_fit_nothing_are_told() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let ice = |plan: MediaPlan, ufrag: &str| {
        plan.attribute(&format!("ice-ufrag:{ufrag}")).attribute(&format!("ice-pwd:{}", "password".repeat(3)))
    };
    let trickles = ice(MediaPlan::audio(), "first").attribute("ice-options:trickle");
    let plan = [trickles, ice(MediaPlan::video(), "other"), MediaPlan::audio()];
    let mut alice = plan.into_iter().fold(call.phone(0, "alice"), PhoneBuilder::media).build();
    let offer = call.ask("offer").set("from-tag", "alice").set("sdp", alice.offer_sdp());
    let _ = daemon.request(&offer).ok();
    let fragment = |ufrag: &str, section: &str, number: usize| {
        let kind = if number == 1 { "video" } else { "audio" };
        let empty = "m=audio 9 RTP/AVP 0\r\n".repeat(number);
        let sdp = format!(
            "{empty}m={kind} 9 RTP/AVP 0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{}\r\n{section}\
             a=candidate:1 1 UDP 2130706431 192.0.2.9 7000 typ host\r\n",
            "password".repeat(3)
        );
        let request = call.ask("offer").set("from-tag", "alice").flag("fragment").set("sdp", sdp);
        let reply = daemon.request(&request).ok();
        assert!(!reply.at(&[]).keys().iter().any(|key| key == "sdp"));
    };
    let candidates = || call.query().at(&["tags", "alice", "medias", "0"]).get("ICE candidates").is_some();
    let before = candidates();
    fragment("first", "", 0);
    for text in ["No matching media", "is not ICE-enabled", "is not trickle-ICE-enabled"] {
        assert!(!daemon.log().contains(text), "{text}: {}", daemon.log());
    }
    // Of another generation, and of a section that is not there.
    fragment("elder", "", 0);
    daemon.logs("No matching media for trickle ICE update found");
    fragment("other", "", 1);
    daemon.logs("Media for trickle ICE update is not trickle-ICE-enabled");
    fragment("third", "", 2);
    daemon.logs("Media for trickle ICE update is not ICE-enabled");
    assert_eq!(candidates(), before);
}

#[test]
fn rule_21_4_a_packet_to_superseded_ports_moves_nothing_back() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let old = bob.remote().rtp();
    alice.moves_to(daemon.network().phone(5));
    call.offer(&mut alice, &mut bob);
    call.answer(&mut bob, &mut alice);
    assert_ne!(bob.remote().rtp(), old);
    // Bob still sends to where he was told before.
    let packet = bob.next_packet(0);
    bob.media[0].rtp_socket().send_to(&packet.encode(), old).unwrap();
    alice.hears(&packet);
    daemon.logs(&format!("Not switching from local socket {} to {old} (not in list)", bob.remote().rtp()));
    // What Bob hears comes from the new ones.
    alice.speaks_to(&mut bob);
}
