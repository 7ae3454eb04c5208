//! Handshakes on the media ports: DTLS (`media-plane.md` 10) and ICE (11), with phones that do both.

use std::net::{SocketAddr, UdpSocket};

use rtpengine_common::stun::{Class, IntegrityKey, Message, MessageBuilder};
use rtpengine_tests::dtls::{Association, Begins, Identity};
use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;
use rtpengine_tests::secure::{HANDSHAKE, encrypted, plan, shake, talk};

#[test]
fn a_callee_that_begins_gets_keys() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&identity, "active")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    assert_eq!(bob.remote().value("fingerprint"), Some(keys.fingerprint.as_str()));
    daemon.logs("DTLS: Peer certificate accepted");
    daemon.logs("DTLS-SRTP successfully negotiated using AES_CM_128_HMAC_SHA1_80");
    talk(&mut alice, &mut bob, &mut keys);
    let query = call.query();
    let stream = query.at(&["tags", "bob", "medias", "0", "streams", "0"]);
    assert_eq!(stream.get("crypto suite").and_then(Value::text), Some("AES_CM_128_HMAC_SHA1_80"));
    let flags: Vec<_> = stream.get("flags").unwrap().items().iter().filter_map(Value::text).collect();
    assert!(flags.contains(&"DTLS fingerprint verified"), "{flags:?}");
    let _ = daemon.request(&call.ask("delete").set("delete-delay", 0)).ok();
    assert!(keys.is_closed_within(HANDSHAKE), "told before the socket closes");
}

#[test]
fn the_daemon_begins_where_the_peer_wants_it() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&identity, "passive")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    let mut keys = shake(&bob, &identity, Begins::Other).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
}

#[test]
fn an_offerer_with_both_roles_is_called_at_once() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").media(plan(&identity, "actpass")).build();
    let mut bob = call.phone(1, "bob").build();
    let options = Request::empty().set("transport-protocol", "RTP/AVP");
    call.offer_with(&mut alice, &mut bob, &options);
    // Before the answer the first flight is already there.
    let (hello, from) = receive(alice.media[0].rtp_socket(), SOON).expect("a ClientHello");
    assert_eq!(hello[..11], [0x16, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    call.answer(&mut bob, &mut alice);
    assert_eq!(alice.remote().rtp(), from);
    assert_eq!(alice.remote().value("setup"), Some("active"));
    let mut keys = shake(&alice, &identity, Begins::Other).expect("a handshake");
    talk(&mut bob, &mut alice, &mut keys);
}

#[test]
fn a_wrong_fingerprint_is_refused() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (identity, other) = (Identity::new(), Identity::new());
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&other, "active")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    assert!(shake(&bob, &identity, Begins::Phone).is_none());
    daemon.logs("DTLS: Peer certificate rejected - fingerprint mismatch");
    alice.sends();
    bob.hears_nothing();
}

/// What ICE says in a section.
struct Ice {
    ufrag: String,
    pwd: String,
}

impl Ice {
    fn of(section: &Section) -> Self {
        let value = |name| section.value(name).unwrap_or_else(|| panic!("no {name}")).to_string();
        Self { ufrag: value("ice-ufrag"), pwd: value("ice-pwd") }
    }
}

const UFRAG: &str = "phone123";
const PWD: &str = "phonephonephonephonephone1";

fn with_ice(plan: MediaPlan) -> MediaPlan {
    plan.attribute(&format!("ice-ufrag:{UFRAG}")).attribute(&format!("ice-pwd:{PWD}")).mux()
}

/// Sends a check to the daemon and answers its checks until its reply came and it was answered `answers` times.
#[track_caller]
fn checks(socket: &UdpSocket, remote: SocketAddr, ice: &Ice, nominate: bool, answers: usize) {
    let request = |id: u8| {
        let request = MessageBuilder::new(Class::Request, [id; 12])
            .username(&format!("{}:{UFRAG}", ice.ufrag))
            .role(nominate, 7)
            .priority(1_853_817_087);
        let request = if nominate { request.use_candidate() } else { request };
        request.finish(&IntegrityKey::new(ice.pwd.as_bytes()))
    };
    socket.send_to(&request(1), remote).unwrap();
    let (mut accepted, mut answered) = (false, 0);
    while !accepted || answered < answers {
        let (bytes, from) = receive(socket, SOON).expect("STUN");
        let message = Message::parse(&bytes).expect("STUN");
        match message.class() {
            Class::Success => {
                assert_eq!(message.mapped_address(), Some(socket.local_addr().unwrap()));
                accepted = true;
            }
            // The others do not get through.
            Class::Request if from != remote => {}
            Class::Request => {
                assert_eq!(message.username(), Some(format!("{UFRAG}:{}", ice.ufrag).as_bytes()));
                let reply = MessageBuilder::reply(&message, Class::Success).mapped_address(from);
                socket.send_to(&reply.finish(&IntegrityKey::new(PWD.as_bytes())), from).unwrap();
                answered += 1;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_browser_offers_and_gets_through() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").media(with_ice(plan(&identity, "actpass"))).build();
    let mut bob = call.phone(1, "bob").build();
    let options = Request::empty().set("transport-protocol", "RTP/AVP").set("ICE", "remove");
    call.offer_with(&mut alice, &mut bob, &options.set("rtcp-mux", list(["demux"])));
    assert!(!bob.remote().has("ice-ufrag") && !bob.remote().has("fingerprint"));
    call.answer(&mut bob, &mut alice);
    let ice = Ice::of(alice.remote());
    // No handshake before a pair is known to work.
    let socket = alice.media[0].rtp_socket().try_clone().unwrap();
    assert!(receive(&socket, QUIET).is_none_or(|(bytes, _)| bytes[0] < 4), "nothing but STUN");
    checks(&socket, alice.remote().rtp(), &ice, true, 1);
    daemon.logs("ICE negotiated: new peer for component 1 is");
    let mut keys = shake(&alice, &identity, Begins::Other).expect("a handshake");
    talk(&mut bob, &mut alice, &mut keys);
}

#[test]
fn with_ice_only_who_passed_a_check_is_heard() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let plan = with_ice(MediaPlan::audio());
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan).build();
    let options = Request::empty().set("ICE", "force").set("rtcp-mux", list(["offer"]));
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    bob.sends();
    alice.hears_nothing();
    let ice = Ice::of(bob.remote());
    let socket = bob.media[0].rtp_socket().try_clone().unwrap();
    checks(&socket, bob.remote().rtp(), &ice, false, 1);
    bob.speaks_to(&mut alice);
    alice.speaks_to(&mut bob);
}

#[test]
fn a_reinvite_keeps_the_association() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&identity, "active")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    let first = bob.remote().value("tls-id").map(str::to_string);
    bob.drains();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    assert_eq!(bob.remote().value("tls-id").map(str::to_string), first);
    bob.hears_nothing();
    talk(&mut alice, &mut bob, &mut keys);
}

/// The daemon has begun; an offer of its own leaves both roles open, and with that the association as it is.
#[test]
fn an_offer_back_keeps_the_role_in_force() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").media(plan(&identity, "actpass")).build();
    let mut bob = call.phone(1, "bob").build();
    let plain = Request::empty().set("transport-protocol", "RTP/AVP");
    call.offer_with(&mut alice, &mut bob, &plain);
    call.answer(&mut bob, &mut alice);
    let mut keys = shake(&alice, &identity, Begins::Other).expect("a handshake");
    talk(&mut bob, &mut alice, &mut keys);
    let first = alice.remote().value("tls-id").map(str::to_string);
    alice.drains();
    call.offer_with(&mut bob, &mut alice, &encrypted());
    assert_eq!(alice.remote().value("setup"), Some("actpass"));
    assert_eq!(alice.remote().value("tls-id").map(str::to_string), first);
    alice.hears_nothing();
    talk(&mut bob, &mut alice, &mut keys);
    let sdp = alice.answer_sdp().replace("setup:actpass", "setup:passive");
    let answer = call.answer_request(&mut alice, &bob, &plain).set("sdp", sdp);
    bob.takes(daemon.request(&answer).ok().sdp());
    talk(&mut bob, &mut alice, &mut keys);
}

#[test]
fn another_fingerprint_makes_another_association() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (identity, other) = (Identity::new(), Identity::new());
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&identity, "active")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    let mut before = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut before);
    call.offer_with(&mut alice, &mut bob, &encrypted());
    let sdp = bob.answer_sdp().replace(&identity.fingerprint(), &other.fingerprint());
    let answer = call.answer_request(&mut bob, &alice, &Request::empty()).set("sdp", sdp);
    alice.takes(daemon.request(&answer).ok().sdp());
    assert!(before.is_closed_within(HANDSHAKE), "the old one is closed");
    let mut after = shake(&bob, &other, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut after);
}

#[test]
fn a_later_offer_shows_only_what_ice_chose() {
    let network = Network::enter();
    let addresses = [network.relay(0), network.relay(1)];
    let daemon = Daemon::builder().interface(&addresses[0]).interface(&addresses[1]).start();
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(with_ice(MediaPlan::audio())).build();
    let options = Request::empty().set("ICE", "force").set("rtcp-mux", list(["offer"]));
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    let candidate = |phone: &Phone, address: std::net::IpAddr| {
        let lines = phone.remote().values("candidate").into_iter().map(str::to_string);
        let words: Vec<Vec<_>> = lines.map(|l| l.split(' ').map(str::to_string).collect()).collect();
        words.into_iter().find(|words| words[1] == "1" && words[4] == address.to_string())
    };
    assert!(candidate(&bob, addresses[0]).is_some());
    let second = candidate(&bob, addresses[1]).expect("both addresses are offered");
    let remote = SocketAddr::new(addresses[1], second[5].parse().unwrap());
    let ice = Ice::of(bob.remote());
    // The check in return, and the one that nominates.
    let socket = bob.media[0].rtp_socket().try_clone().unwrap();
    checks(&socket, remote, &ice, false, 2);
    daemon.logs(&format!("ICE negotiated: local interface {}", addresses[1]));
    until("the offer names the pair", SOON, || {
        call.offer_with(&mut alice, &mut bob, &options);
        bob.remote().has("remote-candidates").then_some(())
    });
    let own = bob.media[0].rtp_address();
    let expected = format!("1 {} {}", own.ip(), own.port());
    assert_eq!(bob.remote().value("remote-candidates"), Some(expected.as_str()));
    assert_eq!(bob.remote().rtp(), remote);
    assert_eq!(candidate(&bob, addresses[1]), Some(second));
    assert_eq!(candidate(&bob, addresses[0]), None);
    assert_eq!(Ice::of(bob.remote()).ufrag, ice.ufrag);
}

#[test]
fn a_bundle_shakes_hands_once() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let audio = with_ice(plan(&identity, "actpass")).attribute("mid:0");
    let video = MediaPlan::new("video", "UDP/TLS/RTP/SAVPF").format(96, "VP8/90000").attribute("mid:1");
    let video = with_ice(video)
        .attribute("setup:actpass")
        .attribute(&format!("fingerprint:{}", identity.fingerprint()));
    let mut alice = call.phone(0, "alice").media(audio).media(video).build();
    alice.extra.push("a=group:BUNDLE 0 1".into());
    let mut bob = call.phone(1, "bob").media(MediaPlan::audio()).media(MediaPlan::video()).build();
    let options = Request::empty().set("transport-protocol", "RTP/AVP").set("ICE", "remove");
    let options = options.set("bundle", list(["accept"])).set("rtcp-mux", list(["demux"]));
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    let (head, member) = (alice.media[0].remote().clone(), alice.media[1].remote().clone());
    assert_eq!(head.rtp(), member.rtp());
    assert_eq!(head.value("ice-ufrag"), member.value("ice-ufrag"));
    assert_eq!(head.value("tls-id"), member.value("tls-id"));
    let socket = alice.media[0].rtp_socket().try_clone().unwrap();
    checks(&socket, head.rtp(), &Ice::of(&head), true, 1);
    let mut keys = shake(&alice, &identity, Begins::Other).expect("a handshake");
    for index in 0..2 {
        let packet = alice.next_packet(index);
        socket.send_to(&keys.outbound.protect(&packet.encode()), head.rtp()).unwrap();
        bob.hears_on(index, &packet);
        let answer = bob.sends_on(index);
        let (bytes, from) = receive(&socket, SOON).expect("a packet");
        assert_eq!(from, head.rtp());
        assert_eq!(Rtp::parse(&keys.inbound.unprotect(&bytes).expect("authentic")), Some(answer));
    }
}

#[test]
fn without_multiplexing_rtcp_has_a_handshake_of_its_own() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&identity, "active")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    let socket = bob.media[0].rtcp_socket().try_clone().unwrap();
    let remote = bob.remote().rtcp();
    let keys = Association::shake(&identity, &socket, remote, Begins::Phone, HANDSHAKE);
    let mut keys = keys.expect("a handshake");
    let sent = alice.sends_rtcp(&[Rtcp::Bye { ssrc: 5 }]);
    let (bytes, from) = receive(&socket, SOON).expect("SRTCP");
    assert_eq!(from, remote);
    assert_eq!(Rtcp::parse(&keys.inbound.unprotect_rtcp(&bytes).expect("authentic")), Some(sent));
}

#[test]
fn a_lost_first_flight_is_repeated() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(&identity, "passive")).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    let (hello, _) = receive(bob.media[0].rtp_socket(), SOON).expect("a ClientHello");
    assert_eq!(hello[0], 0x16);
    // The phone was not listening; by the timer the daemon says it again.
    let mut keys = shake(&bob, &identity, Begins::Other).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
}

#[test]
fn a_party_that_leaves_a_living_call_is_told() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let mut alice = call.phone(0, "alice").build();
    let connected = |alice: &mut Phone, tag: &str, number: u8, branch: &str| {
        let options = encrypted().set("via-branch", branch);
        let mut phone = call.phone(number, tag).media(plan(&identity, "active")).build();
        let offer = call.ask("offer").set("from-tag", "alice").set("sdp", alice.offer_sdp()).with(&options);
        phone.takes(daemon.request(&offer).ok().sdp());
        let options = Request::empty().set("via-branch", branch);
        alice.takes(daemon.request(&call.answer_request(&mut phone, alice, &options)).ok().sdp());
        let keys = shake(&phone, &identity, Begins::Phone).expect("a handshake");
        (phone, keys)
    };
    let (_, mut first) = connected(&mut alice, "bob", 1, "one");
    let (mut carol, mut second) = connected(&mut alice, "carol", 2, "two");
    // Without a delay, and after one, by the timer.
    let leave = |tag: &str, delay: i64| {
        let request = call.ask("delete").set("from-tag", tag).set("delete-delay", delay);
        let _ = daemon.request(&request).ok();
    };
    leave("bob", 0);
    assert!(first.is_closed_within(HANDSHAKE), "told before the socket closes");
    assert!(call.exists());
    talk(&mut alice, &mut carol, &mut second);
    let (_, mut third) = connected(&mut alice, "dave", 3, "three");
    leave("carol", 1);
    assert!(second.is_closed_within(HANDSHAKE), "told by the timer");
    assert!(call.exists());
    leave("alice", 0);
    assert!(third.is_closed_within(HANDSHAKE));
}

#[test]
fn associations_outlive_a_merge() {
    let daemon = Daemon::builder().arg("--num-threads=4").start();
    let identity = Identity::new();
    let connected = |tags: [&str; 2]| {
        let call = Call::new(&daemon);
        let mut plain = call.phone(0, tags[0]).build();
        let mut secure = call.phone(1, tags[1]).media(plan(&identity, "active")).build();
        call.offer_with(&mut plain, &mut secure, &encrypted());
        call.answer(&mut secure, &mut plain);
        let keys = shake(&secure, &identity, Begins::Phone).expect("a handshake");
        (call, plain, secure, keys)
    };
    let (first, mut alice, mut bob, mut to_bob) = connected(["alice", "bob"]);
    let (second, mut carol, mut dave, mut to_dave) = connected(["carol", "dave"]);
    talk(&mut alice, &mut bob, &mut to_bob);
    talk(&mut carol, &mut dave, &mut to_dave);
    let connect = first.ask("connect").set("from-tag", "alice").set("to-call-id", &second.id);
    let _ = daemon.request(&connect.set("to-tag", "carol").flag("directional")).ok();
    carol.drains();
    talk(&mut carol, &mut dave, &mut to_dave);
    talk(&mut alice, &mut bob, &mut to_bob);
    // She hears Alice as well.
    carol.drains();
    // Only the first call's parties go; with the others the call ends.
    let _ = daemon.request(&first.ask("delete").set("delete-delay", 0)).ok();
    talk(&mut carol, &mut dave, &mut to_dave);
    let _ = daemon.request(&second.ask("delete").set("delete-delay", 0)).ok();
    assert!(to_dave.is_closed_within(HANDSHAKE));
}
