//! Links beyond offer and answer: blocking and silencing, publish and subscribe, connect and mesh
//! (`ng-control.md` 11.7, 11.9, 11.10), with real packets.

use std::time::Duration;

use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;
use rtpengine_tests::rtp::Rtp;

fn talk<'d>(daemon: &'d Daemon, names: [&str; 2]) -> (Call<'d>, Phone, Phone) {
    let call = Call::new(daemon);
    let mut first = call.phone(0, names[0]).build();
    let mut second = call.phone(1, names[1]).build();
    call.connects(&mut first, &mut second);
    (call, first, second)
}

/// Waits for a packet without asking from where it came.
#[track_caller]
fn gets(phone: &Phone, packet: &Rtp) {
    let heard = receive(phone.media[0].rtp_socket(), SOON).and_then(|(data, _)| Rtp::parse(&data));
    assert_eq!(heard.as_ref(), Some(packet), "{} hears something else", phone.tag);
}

#[test]
fn blocked_media_stops_and_rtcp_goes_on() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon, ["alice", "bob"]);
    let _ = daemon.request(&call.ask("block media")).ok();
    alice.sends();
    bob.hears_nothing();
    let report = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&report);
    // A blocked packet still counts as received.
    let query = call.query();
    assert_eq!(query.int(&["tags", "alice", "medias", "0", "streams", "0", "stats", "packets"]), 1);
    let _ = daemon.request(&call.ask("unblock media")).ok();
    alice.speaks_to(&mut bob);
}

#[test]
fn one_participant_is_blocked_with_directional_or_a_label() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("label", "one"));
    call.answer_with(&mut bob, &mut alice, &Request::empty().set("label", "two"));
    let by_tag = Request::empty().set("from-tag", "alice").flag("directional");
    let by_label = Request::empty().set("label", "one");
    let by_address = Request::empty().set("address", alice.address.to_string());
    for selector in [by_tag, by_label, by_address] {
        let _ = daemon.request(&call.ask("block media").with(&selector)).ok();
        alice.sends();
        bob.hears_nothing();
        bob.speaks_to(&mut alice);
        let _ = daemon.request(&call.ask("unblock media").with(&selector)).ok();
        alice.speaks_to(&mut bob);
    }
    // Without `directional` the tag is ignored and the whole call is meant.
    let _ = daemon.request(&call.ask("block media").set("from-tag", "alice")).ok();
    bob.sends();
    alice.hears_nothing();
}

#[test]
fn selectors_that_select_nobody() {
    let daemon = Daemon::start();
    let (call, ..) = talk(&daemon, ["alice", "bob"]);
    let error =
        |options: Request| daemon.request(&call.ask("block media").with(&options)).error().to_string();
    let directional = || Request::empty().flag("directional");
    assert_eq!(error(directional().set("from-tag", "x")), "From-tag given, but no such tag exists");
    assert_eq!(error(Request::empty().set("label", "x")), "No monologue matching the given label");
    assert_eq!(error(Request::empty().set("address", "x")), "Failed to parse network address");
    assert_eq!(error(Request::empty().set("address", "192.0.2.1")), "Failed to match address to any tag");
    let from = || directional().set("from-tag", "alice");
    assert_eq!(error(from().set("to-tag", "x")), "Media flow not found (to-tag not found)");
    assert_eq!(error(from().set("to-label", "x")), "Media flow not found (to-label not found)");
    assert_eq!(error(from().set("all", "not-offer-answer")), "No eligible media subscriptions found");
}

#[test]
fn silenced_media_keeps_its_headers() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon, ["alice", "bob"]);
    let _ = daemon.request(&call.ask("silence media").set("from-tag", "alice")).ok();
    for (payload_type, silence) in [(0, 0xff), (8, 0xd5)] {
        alice.media[0].next.payload_type = payload_type;
        let mut packet = alice.sends();
        packet.payload.fill(silence);
        bob.hears(&packet);
    }
    bob.speaks_to(&mut alice);
    let _ = daemon.request(&call.ask("unsilence media").set("from-tag", "alice")).ok();
    alice.speaks_to(&mut bob);
}

/// Subscribes a listening phone to what `sources` says.
#[track_caller]
fn subscribes(daemon: &Daemon, call: &Call<'_>, phone: &mut Phone, sources: &Request) -> Reply {
    let request = call.ask("subscribe request").set("to-tag", &phone.tag).with(sources);
    let reply = daemon.request(&request).ok();
    phone.takes(reply.sdp());
    for media in &mut phone.media {
        media.set_direction("recvonly");
    }
    let answer = call.ask("subscribe answer").set("to-tag", &phone.tag).set("sdp", phone.answer_sdp());
    let _ = daemon.request(&answer).ok();
    reply
}

#[test]
fn a_publisher_reaches_every_subscriber() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let mut speaker = call.phone(0, "speaker").build();
    speaker.media[0].set_direction("sendonly");
    let publish = call.ask("publish").set("from-tag", "speaker").set("sdp", speaker.offer_sdp());
    let reply = daemon.request(&publish).ok();
    assert_eq!(reply.value.keys(), ["call-id", "from-tag", "sdp", "result"]);
    speaker.takes(reply.sdp());
    assert_eq!(speaker.remote().direction(), Some("recvonly"));
    let mut listeners: Vec<_> = (1..4).map(|n| call.phone(n, &format!("listener-{n}")).build()).collect();
    for listener in &mut listeners {
        let reply = subscribes(&daemon, &call, listener, &Request::empty().set("from-tag", "speaker"));
        assert_eq!(reply.text("from-tag"), "speaker");
        assert_eq!(*reply.at(&["from-tags"]), list(["speaker"]));
        assert_eq!(reply.text("to-tag"), listener.tag);
        assert_eq!(listener.remote().direction(), Some("sendonly"));
    }
    for _ in 0..5 {
        let packet = speaker.sends();
        for listener in &listeners {
            listener.hears(&packet);
        }
    }
    // What a subscriber sends goes nowhere.
    listeners[0].sends();
    speaker.hears_nothing();
    let _ = daemon.request(&call.ask("unsubscribe").set("to-tag", "listener-1")).ok();
    let packet = speaker.sends();
    listeners[1].hears(&packet);
    listeners[0].hears_nothing();
    let query = call.query();
    let links = query.at(&["tags", "speaker", "subscribers"]);
    assert_eq!(
        *links,
        list([2, 3].map(|n| {
            Value::Dict(vec![
                (b"tag".to_vec(), format!("listener-{n}").into()),
                (b"type".to_vec(), "pub/sub".into()),
            ])
        }))
    );
}

#[test]
fn publish_without_names_makes_them() {
    let daemon = Daemon::start();
    let mut speaker = Phone::builder(daemon.network(), 0, "speaker").build();
    let reply = daemon.request(&Request::new("publish").set("sdp", speaker.offer_sdp())).ok();
    for key in ["call-id", "from-tag"] {
        let text = reply.text(key);
        assert_eq!(text.len(), 64, "{key}");
        assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    }
}

#[test]
fn a_subscription_does_not_touch_the_call() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon, ["alice", "bob"]);
    let mut recorder = call.phone(4, "recorder").build();
    subscribes(&daemon, &call, &mut recorder, &Request::empty().set("from-tag", "alice"));
    let packet = alice.sends();
    bob.hears(&packet);
    recorder.hears(&packet);
    // A re-offer leaves it as it is.
    call.connects(&mut alice, &mut bob);
    let packet = alice.sends();
    bob.hears(&packet);
    recorder.hears(&packet);
    // One blocked flow: the recorder goes on.
    let block = call.ask("block media").set("from-tag", "alice").set("to-tag", "bob").flag("directional");
    let _ = daemon.request(&block).ok();
    let packet = alice.sends();
    recorder.hears(&packet);
    bob.hears_nothing();
}

#[test]
fn errors_of_subscriptions() {
    let daemon = Daemon::start();
    let (call, ..) = talk(&daemon, ["alice", "bob"]);
    let sdp = Phone::builder(daemon.network(), 3, "x").build().offer_sdp();
    let error = |request: Request| daemon.request(&request).error().to_string();
    assert_eq!(error(Request::new("subscribe request")), "No call-id in message");
    assert_eq!(error(Request::new("subscribe request").set("call-id", "x")), "Unknown call-ID(s)");
    assert_eq!(error(call.ask("subscribe request")), "No medias found (no monologues matched)");
    let answer = || call.ask("subscribe answer");
    assert_eq!(error(answer()), "No SDP body in message");
    assert_eq!(error(answer().set("sdp", &sdp)), "No to-tag in message");
    assert_eq!(error(answer().set("sdp", &sdp).set("to-tag", "x")), "To-tag not found");
    assert_eq!(error(call.ask("unsubscribe")), "No to-tag in message");
    assert_eq!(error(call.ask("unsubscribe").set("to-tag", "x")), "To-tag not found");
    assert_eq!(error(call.ask("connect").set("from-tag", "alice")), "No to-tag in message");
}

#[test]
fn connect_hands_a_party_over_to_another_call() {
    let daemon = Daemon::start();
    let (first, mut alice, bob) = talk(&daemon, ["alice", "bob"]);
    let (second, mut carol, dave) = talk(&daemon, ["carol", "dave"]);
    let connect =
        first.ask("connect").set("from-tag", "alice").set("to-call-id", &second.id).set("to-tag", "carol");
    let _ = daemon.request(&connect).ok();
    let packet = alice.sends();
    gets(&carol, &packet);
    let packet = carol.sends();
    gets(&alice, &packet);
    bob.hears_nothing();
    dave.hears_nothing();
    // Both ids lead to the one call now.
    for call in [&first, &second] {
        let mut tags = call.query().at(&["tags"]).keys();
        tags.sort();
        assert_eq!(tags, ["alice", "bob", "carol", "dave"]);
    }
    let listed = daemon.request(&Request::new("list")).ok();
    assert_eq!(listed.at(&["calls"]).items().len(), 2);
}

#[test]
fn merging_two_calls_loses_no_packet() {
    let daemon = Daemon::builder().arg("--num-threads=4").start();
    let client = daemon.client();
    for round in 0..10 {
        let names = |name: &str| format!("{name}-{round}");
        let (first, mut alice, mut bob) = talk(&daemon, [&names("alice"), &names("bob")]);
        let (second, mut carol, mut dave) = talk(&daemon, [&names("carol"), &names("dave")]);
        alice.speaks_to(&mut bob);
        carol.speaks_to(&mut dave);
        // A one-way link from Alice to Carol merges the calls and leaves the old links as they are.
        let connect = first.ask("connect").set("from-tag", &alice.tag).set("to-call-id", &second.id);
        let connect = connect.set("to-tag", &carol.tag).flag("directional");
        let cookie = rtpengine_tests::ng::fresh_cookie();
        let mut sent = (Vec::new(), Vec::new());
        for number in 0..60 {
            if number == 20 {
                client.send_raw(&[cookie.as_bytes(), b" ", &connect.encode()].concat()).unwrap();
            }
            sent.0.push(alice.sends());
            sent.1.push(carol.sends());
        }
        let reply = client.reply_to(&cookie, Duration::from_secs(3)).unwrap().unwrap();
        assert_eq!(Reply::decode(&reply).result(), "ok");
        for packet in &sent.0 {
            bob.hears(packet);
        }
        for packet in &sent.1 {
            dave.hears(packet);
        }
        carol.drains();
        let packet = alice.sends();
        bob.hears(&packet);
        gets(&carol, &packet);
        let _ = daemon.request(&first.ask("delete").set("delete-delay", 0)).ok();
    }
}

#[test]
fn calls_with_a_common_tag_cannot_be_merged() {
    let daemon = Daemon::start();
    let (first, mut alice, mut bob) = talk(&daemon, ["alice", "bob"]);
    let (second, ..) = talk(&daemon, ["alice", "dave"]);
    let connect =
        first.ask("connect").set("from-tag", "alice").set("to-call-id", &second.id).set("to-tag", "dave");
    assert_eq!(daemon.request(&connect).error(), "Failed to merge two calls into one (tag collision)");
    let mesh = Request::new("mesh").list("calls", [&first.id, &second.id]);
    assert_eq!(daemon.request(&mesh).error(), "Failed to merge calls (tag collision)");
    alice.speaks_to(&mut bob);
}

#[test]
fn a_mesh_links_everybody_who_is_named() {
    let daemon = Daemon::start();
    let (first, mut alice, bob) = talk(&daemon, ["alice", "bob"]);
    let (second, carol, dave) = talk(&daemon, ["carol", "dave"]);
    let tags = Value::List(vec![Value::Dict(vec![
        (b"from".to_vec(), "alice".into()),
        (b"to".to_vec(), list(["carol", "dave"])),
    ])]);
    let mesh = Request::new("mesh").list("calls", [&first.id, &second.id]).set("tags", tags);
    let _ = daemon.request(&mesh).ok();
    let packet = alice.sends();
    for phone in [&bob, &carol, &dave] {
        gets(phone, &packet);
    }
}

#[test]
fn deleting_one_id_of_a_merged_call_leaves_the_other() {
    let daemon = Daemon::start();
    let (first, mut alice, mut bob) = talk(&daemon, ["alice", "bob"]);
    let (second, mut carol, mut dave) = talk(&daemon, ["carol", "dave"]);
    let _ = daemon.request(&Request::new("mesh").list("calls", [&first.id, &second.id])).ok();
    alice.speaks_to(&mut bob);
    carol.speaks_to(&mut dave);
    let _ = daemon.request(&second.ask("delete").set("delete-delay", 0)).ok();
    alice.speaks_to(&mut bob);
    let _ = daemon.request(&first.ask("delete").set("delete-delay", 0)).ok();
    assert!(!first.exists());
}
