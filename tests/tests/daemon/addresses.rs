//! Address families, named interfaces, advertised addresses, traffic class.

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;
use rtpengine_tests::sys;

#[test]
fn a_call_over_ipv6() {
    let network = Network::enter();
    let Some(relay) = network.relay_v6(0, "a call over IPv6") else { return };
    let daemon = Daemon::builder().interface(&relay).start();
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").address(network.phone_v6(0)).build();
    let mut bob = call.phone(1, "bob").address(network.phone_v6(1)).build();
    call.connects(&mut alice, &mut bob);
    assert_eq!(bob.remote().address(), relay);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let report = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&report);
}

#[test]
fn ipv4_and_ipv6_are_bridged_both_ways() {
    let network = Network::enter();
    let Some(relay) = network.relay_v6(0, "bridging between IPv4 and IPv6") else { return };
    let daemon = Daemon::builder().interface(&network.relay(0)).interface(&relay).start();
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").address(network.phone_v6(1)).build();
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("address-family", "IP6"));
    assert_eq!(bob.remote().address(), relay);
    call.answer(&mut bob, &mut alice);
    assert_eq!(alice.remote().address(), network.relay(0));
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    // The families are remembered: a re-offer from the other side needs no word about them.
    call.offer(&mut bob, &mut alice);
    assert_eq!(alice.remote().address(), network.relay(0));
    call.answer(&mut alice, &mut bob);
    assert_eq!(bob.remote().address(), relay);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
}

#[test]
fn internal_and_external_mean_the_families_of_old() {
    let network = Network::enter();
    let Some(relay) = network.relay_v6(0, "the directions internal and external") else { return };
    let daemon = Daemon::builder().interface(&network.relay(0)).interface(&relay).start();
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").address(network.phone_v6(1)).build();
    call.offer_with(&mut alice, &mut bob, &Request::empty().list("direction", ["internal", "external"]));
    assert_eq!(bob.remote().address(), relay);
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
}

fn two_interfaces() -> Daemon {
    let network = Network::enter();
    let builder = Daemon::builder().interface(&format!("priv/{}", network.relay(0)));
    builder.interface(&format!("pub/{}", network.relay(1))).interface(&"inside=priv").start()
}

#[test]
fn the_direction_chooses_the_interfaces() {
    let daemon = two_interfaces();
    let (private, public) = (daemon.network().relay(0), daemon.network().relay(1));
    let rows: [(&[&str], _, _); 4] = [
        (&["priv", "pub"], private, public),
        (&["pub", "priv"], public, private),
        (&["pub", "pub"], public, public),
        (&["inside", "pub"], private, public),
    ];
    for (direction, towards_alice, towards_bob) in rows {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = call.phones();
        call.offer_with(&mut alice, &mut bob, &Request::empty().list("direction", direction.iter().copied()));
        call.answer(&mut bob, &mut alice);
        assert_eq!(bob.remote().address(), towards_bob, "{direction:?}");
        assert_eq!(alice.remote().address(), towards_alice, "{direction:?}");
        alice.speaks_to(&mut bob);
        bob.speaks_to(&mut alice);
        // They stay without being named again.
        call.connects(&mut bob, &mut alice);
        assert_eq!(bob.remote().address(), towards_bob, "{direction:?}");
        assert_eq!(alice.remote().address(), towards_alice, "{direction:?}");
    }
}

#[test]
fn from_and_to_interface_are_another_spelling() {
    let daemon = two_interfaces();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let options = Request::empty().set("from-interface", "priv").set("to interface", "pub");
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    assert_eq!(bob.remote().address(), daemon.network().relay(1));
    assert_eq!(alice.remote().address(), daemon.network().relay(0));
}

#[test]
fn an_unknown_interface_means_the_first() {
    let daemon = two_interfaces();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &Request::empty().list("direction", ["nowhere", "pub"]));
    call.answer(&mut bob, &mut alice);
    assert_eq!(alice.remote().address(), daemon.network().relay(0));
    assert_eq!(bob.remote().address(), daemon.network().relay(1));
    alice.speaks_to(&mut bob);
}

#[test]
fn a_media_added_later_is_opened_on_the_interface_of_its_party() {
    let daemon = two_interfaces();
    let call = Call::new(&daemon);
    let plans =
        |number, tag| call.phone(number, tag).media(MediaPlan::audio()).media(MediaPlan::video()).build();
    let (mut alice, mut bob) = (plans(0, "alice"), plans(1, "bob"));
    let (alice_video, bob_video) = (alice.media.pop().unwrap(), bob.media.pop().unwrap());
    call.offer_with(&mut alice, &mut bob, &Request::empty().list("direction", ["priv", "pub"]));
    call.answer(&mut bob, &mut alice);
    alice.media.push(alice_video);
    bob.media.push(bob_video);
    call.connects(&mut alice, &mut bob);
    assert_eq!(bob.media[1].remote().address(), daemon.network().relay(1));
    assert_eq!(alice.media[1].remote().address(), daemon.network().relay(0));
    alice.speaks_on(1, &mut bob);
}

#[test]
fn an_advertised_address_is_printed_and_the_bound_one_used() {
    let network = Network::enter();
    let advertised = "192.0.2.77";
    let daemon = Daemon::builder().interface(&format!("{}!{advertised}", network.relay(0))).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let offer = call.offer_with(&mut alice, &mut bob, &Request::empty().list("replace", ["origin"]));
    assert_eq!(bob.remote().address().to_string(), advertised);
    let origin = Sdp::parse(offer.sdp()).line('o').map(str::to_string).unwrap();
    assert!(origin.ends_with(&format!("IN IP4 {advertised}")), "{origin}");
    let answer = call.answer(&mut bob, &mut alice);
    let packet = alice.next_packet(0);
    let port = Sdp::parse(answer.sdp()).sections[0].port();
    alice.media[0].rtp_socket().send_to(&packet.encode(), (network.relay(0), port)).unwrap();
    let (heard, from) = bob.receives();
    assert_eq!((heard, from.ip()), (packet, network.relay(0)));
}

#[test]
fn a_round_robin_group_takes_turns() {
    let network = Network::enter();
    let builder = Daemon::builder().interface(&format!("one/{}", network.relay(2)));
    let builder = builder.interface(&format!("ring:a/{}", network.relay(0)));
    let daemon = builder.interface(&format!("ring:b/{}", network.relay(1))).start();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = call.phones();
        call.offer_with(&mut alice, &mut bob, &Request::empty().list("direction", ["one", "ring"]));
        seen.push(bob.remote().address());
        call.answer(&mut bob, &mut alice);
        assert_eq!(alice.remote().address(), network.relay(2));
        alice.speaks_to(&mut bob);
    }
    assert_eq!((seen[0], seen[1]), (seen[2], seen[3]));
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn the_media_address_is_put_into_the_sdp() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let options = Request::empty().set("media-address", "192.0.2.9").flag("full-rtcp-attribute");
    call.offer_with(&mut alice, &mut bob, &options);
    assert_eq!(bob.remote().address().to_string(), "192.0.2.9");
    let wanted = format!("{} IN IP4 192.0.2.9", bob.remote().port() + 1);
    assert_eq!(bob.remote().value("rtcp"), Some(&wanted[..]));
}

#[test]
fn the_sip_source_address_replaces_the_one_in_the_sdp() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let real = alice.address.to_string();
    let sdp = alice.offer_sdp().replace(&real, "192.0.2.250");
    let offer = call.ask("offer").set("from-tag", "alice").set("sdp", sdp).flag("SIP-source-address");
    let without = daemon.request(&offer);
    assert_eq!(without.error(), "Incomplete SDP specification");
    let reply = daemon.request(&offer.list("received-from", ["IP4", &real])).ok();
    bob.takes(reply.sdp());
    call.answer(&mut bob, &mut alice);
    bob.speaks_to(&mut alice);
}

/// Sends one packet from Alice to Bob and returns the traffic class with which it reached him.
fn class_seen_by(alice: &mut Phone, bob: &Phone) -> Option<u8> {
    let socket = bob.media[0].rtp_socket();
    sys::receive_class(socket, bob.address.is_ipv6()).unwrap();
    let packet = alice.sends();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let seen = sys::receive_with_class(socket).unwrap();
    assert_eq!(seen.data, packet.encode());
    seen.class
}

#[test]
fn the_traffic_class_is_the_configured_or_the_requested_one() {
    let daemon = Daemon::builder().arg("--tos=184").start();
    // Set, unchanged (negative), default (256 or more), default (absent); numbers may come as strings.
    let rows = [
        (None, 184),
        (Some(Value::from(72)), 72),
        (Some(Value::from("96")), 96),
        (Some(Value::from(256)), 184),
    ];
    for (tos, expected) in rows {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = call.phones();
        let options = tos.clone().map_or(Request::empty(), |tos| Request::empty().set("TOS", tos));
        call.offer_with(&mut alice, &mut bob, &options);
        call.answer(&mut bob, &mut alice);
        assert_eq!(class_seen_by(&mut alice, &bob), Some(expected), "{tos:?}");
    }
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    for (tos, expected) in [(72, 72), (-1, 72), (8, 8), (300, 184)] {
        call.offer_with(&mut alice, &mut bob, &Request::empty().set("tos", tos));
        call.answer(&mut bob, &mut alice);
        assert_eq!(class_seen_by(&mut alice, &bob), Some(expected), "{tos}");
    }
}

#[test]
fn the_traffic_class_holds_for_ipv6_too() {
    let network = Network::enter();
    let Some(relay) = network.relay_v6(0, "the traffic class of IPv6 packets") else { return };
    let daemon = Daemon::builder().interface(&relay).arg("--tos=104").start();
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").address(network.phone_v6(0)).build();
    let mut bob = call.phone(1, "bob").address(network.phone_v6(1)).build();
    call.connects(&mut alice, &mut bob);
    assert_eq!(class_seen_by(&mut alice, &bob), Some(104));
}
