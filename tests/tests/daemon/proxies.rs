//! What the SIP proxies' modules put on the wire, as scripted exchanges (`ng-control.md` 15 and 16).

use std::time::Duration;

use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;

const WAIT: Duration = Duration::from_secs(3);

/// What Kamailio's module adds to every request about a call.
fn kamailio(call: &Call<'_>, command: &str, message: &str) -> Request {
    Request::empty()
        .list("supports", ["load limit"])
        .set("call-id", &call.id)
        .set("sip-message-type", message)
        .set("command", command)
}

#[test]
fn kamailio_probes_with_the_literal_ping() {
    let daemon = Daemon::start();
    let client = daemon.client();
    client.send_raw(b"1234_567_8 d7:command4:pinge").unwrap();
    assert_eq!(client.receive_raw(WAIT).unwrap().unwrap(), b"1234_567_8 d6:result4:ponge");
}

#[test]
fn kamailio_places_a_call_with_flags_it_parsed() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    // rtpengine_manage("replace-origin RTP/AVP ICE=remove via-branch=1 TOS=184 label=x trust-address")
    let offer = kamailio(&call, "offer", "sip_request")
        .set("from-tag", "alice")
        .set("via-branch", "z9hG4bK776asdhds0")
        .list("received-from", ["IP4", "198.51.100.77"])
        .list("flags", ["trust-address"])
        .list("replace", ["origin"])
        .set("transport-protocol", "RTP/AVP")
        .set("ICE", "remove")
        .set("TOS", 184)
        .set("label", "x")
        .set("sdp", alice.offer_sdp());
    bob.takes(daemon.request(&offer).ok().sdp());
    let answer = kamailio(&call, "answer", "sip_reply")
        .set("from-tag", "alice")
        .set("to-tag", "bob")
        .set("via-branch", "z9hG4bK776asdhds0")
        .list("received-from", ["IP4", "198.51.100.78"])
        .list("flags", ["trust-address"])
        .list("replace", ["origin"])
        .set("transport-protocol", "RTP/AVP")
        .set("ICE", "remove")
        .set("sdp", bob.answer_sdp());
    alice.takes(daemon.request(&answer).ok().sdp());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    // The query reads totals/RTP and RTCP, and medias/*/streams as non-empty lists.
    let query = daemon.request(&kamailio(&call, "query", "sip_request")).ok();
    assert_eq!(query.int(&["totals", "RTP", "packets"]), 10);
    assert_eq!(query.int(&["totals", "RTCP", "errors"]), 0);
    assert_eq!(query.at(&["tags", "alice", "label"]).text(), Some("x"));
    assert_eq!(query.at(&["tags", "bob", "medias", "0", "streams"]).items().len(), 2);
    // delete: the delay as integer and again as string, and a to-tag only when asked for.
    let delete = kamailio(&call, "delete", "sip_request")
        .set("from-tag", "alice")
        .again("delete delay", 0)
        .again("delete-delay", "0");
    let _ = daemon.request(&delete).ok();
    assert!(!call.exists());
}

#[test]
fn kamailio_places_a_call_with_flags_for_the_daemon() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let flags = "replace-origin RTP/AVP ICE=remove trust-address TOS=184 rtcp-mux-demux";
    let ask = |command: &str, message: &str| {
        kamailio(&call, command, message)
            .set("rtpp-flags", flags)
            .set("via-branch", "b1")
            .set("from-tag", "alice")
    };
    // In this mode the to-tag is always there; in the first offer it is absent or empty.
    let offer = ask("offer", "sip_request").set("to-tag", "").set("sdp", alice.offer_sdp());
    bob.takes(daemon.request(&offer).ok().sdp());
    let answer = ask("answer", "sip_reply").set("to-tag", "bob").set("sdp", bob.answer_sdp());
    alice.takes(daemon.request(&answer).ok().sdp());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    // The flag to-tag is not there, so the to-tag of this delete does not count, and the branch does.
    let delete = ask("delete", "sip_request").set("to-tag", "stranger").set("delete-delay", 0);
    let _ = daemon.request(&delete).ok();
    assert!(!call.exists());
}

#[test]
fn kamailio_offers_in_a_reply_and_answers_in_an_ack() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    // The INVITE had no body: Bob offers in his 200 OK; the module has swapped the tags already.
    let offer = kamailio(&call, "offer", "sip_reply").set("from-tag", "bob").set("to-tag", "alice");
    alice.takes(daemon.request(&offer.set("sdp", bob.offer_sdp())).ok().sdp());
    let answer = kamailio(&call, "answer", "sip_request").set("from-tag", "bob").set("to-tag", "alice");
    bob.takes(daemon.request(&answer.set("sdp", alice.answer_sdp())).ok().sdp());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
}

#[test]
fn kamailio_repeats_the_identical_datagram() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let call = Call::new(&daemon);
    let (mut alice, _) = call.phones();
    let offer =
        kamailio(&call, "offer", "sip_request").set("from-tag", "alice").set("sdp", alice.offer_sdp());
    let datagram = [b"17_9_42 ", &offer.encode()[..]].concat();
    let mut replies = Vec::new();
    for _ in 0..5 {
        client.send_raw(&datagram).unwrap();
        replies.push(client.receive_raw(WAIT).unwrap().unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
}

#[test]
fn kamailio_goes_to_the_next_node_on_these_texts() {
    let daemon = Daemon::builder().arg("--max-sessions=0").start();
    let call = Call::new(&daemon);
    let (mut alice, _) = call.phones();
    let offer =
        kamailio(&call, "offer", "sip_request").set("from-tag", "alice").set("sdp", alice.offer_sdp());
    let reply = daemon.request(&offer);
    assert_eq!((reply.result(), reply.text("message")), ("load limit", "Parallel session limit reached"));
}

/// What the OpenSIPS module sends with every request: `received-from` may be an empty list.
fn opensips(call: &Call<'_>, command: &str) -> Request {
    Request::empty()
        .set("call-id", &call.id)
        .set("received-from", Value::List(Vec::new()))
        .set("command", command)
}

#[test]
fn opensips_places_a_call() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    // rtpengine_offer("trust-address replace-origin replace-session-connection ICE=remove symmetric …")
    let options = Request::empty()
        .list("flags", ["trust-address", "symmetric", "force", "loop-protect"])
        .list("replace", ["origin", "session-connection", "SDP version", "session name", "username"])
        .list("rtcp-mux", ["accept"])
        .set("transport-protocol", "RTP/AVP")
        .set("ICE", "remove")
        .set("address family", "IP4")
        .set("repacketize", 30)
        .set("TOS", "184");
    let offer =
        opensips(&call, "offer").set("sdp", alice.offer_sdp()).set("from-tag", "alice").with(&options);
    bob.takes(daemon.request(&offer).ok().sdp());
    let answer = opensips(&call, "answer").set("sdp", bob.answer_sdp()).set("from-tag", "alice");
    alice.takes(daemon.request(&answer.set("to-tag", "bob").with(&options)).ok().sdp());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    // The delete of a BYE carries no from-tag: the whole call goes. Its statistics are kept for the dialogue.
    let reply = daemon.request(&opensips(&call, "delete").set("delete-delay", 0)).ok();
    assert_eq!(reply.int(&["totals", "RTP", "packets"]), 10);
    assert!(reply.int(&["created"]) > 0);
    assert_eq!(reply.at(&["SSRC"]).keys().len(), 2);
    for tag in ["alice", "bob"] {
        assert!(reply.int(&["tags", tag, "medias", "0", "streams", "0", "SSRC"]) > 0);
    }
    assert!(!call.exists());
}

#[test]
fn opensips_with_several_nodes_sees_the_error_text() {
    let daemon = Daemon::builder().arg("--max-sessions=0").start();
    let call = Call::new(&daemon);
    let (mut alice, _) = call.phones();
    let offer = opensips(&call, "offer").set("sdp", alice.offer_sdp()).set("from-tag", "alice");
    // It does not announce support for load limits.
    assert_eq!(daemon.request(&offer).error(), "Parallel session limit reached");
}

#[test]
fn opensips_blocks_and_unblocks_media() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    let _ = daemon.request(&opensips(&call, "block media")).ok();
    alice.sends();
    bob.sends();
    bob.hears_nothing();
    alice.hears_nothing();
    let _ = daemon.request(&opensips(&call, "unblock media")).ok();
    alice.speaks_to(&mut bob);
    // One participant only, with `directional` as the script wrote it.
    let one = |command| opensips(&call, command).set("from-tag", "alice").flag("directional");
    let _ = daemon.request(&one("block media")).ok();
    alice.sends();
    bob.hears_nothing();
    bob.speaks_to(&mut alice);
    let _ = daemon.request(&one("unblock media")).ok();
    alice.speaks_to(&mut bob);
}

#[test]
fn opensips_forks_a_call_to_a_recorder() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    let mut recorder = call.phone(4, "recorder").media(rtpengine_tests::phone::MediaPlan::audio()).build();
    recorder.media.push(call.phone(4, "recorder2").build().media.remove(0));
    for media in &mut recorder.media {
        media.set_direction("recvonly");
    }
    // rtpengine_subscribe_request("all SIPREC"): both participants.
    let subscribe = opensips(&call, "subscribe request").list("flags", ["all", "SIPREC"]);
    let reply = daemon.request(&subscribe).ok();
    recorder.takes(reply.sdp());
    let to_tag = reply.text("to-tag").to_string();
    assert_eq!(to_tag.len(), 64, "a random tag");
    let sections = Sdp::parse(reply.sdp()).sections;
    assert_eq!(sections.iter().map(Section::direction).collect::<Vec<_>>(), [Some("sendonly"); 2]);
    let labels: Vec<_> = sections.iter().filter_map(|section| section.value("label")).collect();
    assert_eq!(labels.len(), 2);
    let tags = reply.at(&["tag-medias"]).items();
    assert_eq!(
        tags.iter().map(|entry| entry.get("tag").and_then(Value::text)).collect::<Vec<_>>(),
        [Some("alice"), Some("bob")]
    );
    for (number, label) in labels.iter().enumerate() {
        let entry = reply.at(&["tag-medias", &number.to_string(), "medias", "0"]);
        assert_eq!(entry.keys(), ["index", "type", "label", "mode"]);
        assert_eq!(entry.get("label").and_then(Value::text), Some(*label));
        assert_eq!(entry.get("mode").and_then(Value::text), Some("sendrecv"));
    }
    let answer = opensips(&call, "subscribe answer").set("to-tag", &to_tag).set("sdp", recorder.answer_sdp());
    let _ = daemon.request(&answer).ok();
    for (number, (from, to)) in [(0, 1), (1, 0)].into_iter().enumerate() {
        let phones = [&mut alice, &mut bob];
        let packet = phones[from].sends();
        phones[to].hears(&packet);
        let copy = receive(recorder.media[number].rtp_socket(), SOON).map(|(data, _)| data);
        assert_eq!(copy, Some(packet.encode()));
    }
    let _ = daemon.request(&opensips(&call, "unsubscribe").set("to-tag", &to_tag)).ok();
    alice.speaks_to(&mut bob);
    assert_eq!(receive(recorder.media[0].rtp_socket(), QUIET), None);
}
