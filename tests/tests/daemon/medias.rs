//! Several medias, rejected and missing ones, directions, rtcp-mux, and what may be sent at all.

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;

fn audio_and_video(call: &Call<'_>) -> (Phone, Phone) {
    let phone =
        |number, tag| call.phone(number, tag).media(MediaPlan::audio()).media(MediaPlan::video()).build();
    (phone(0, "alice"), phone(1, "bob"))
}

#[test]
fn audio_and_video_flow_on_their_own_ports() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = audio_and_video(&call);
    call.connects(&mut alice, &mut bob);
    for media in [0, 1, 0] {
        alice.speaks_on(media, &mut bob);
        bob.speaks_on(media, &mut alice);
    }
    let query = call.query();
    assert_eq!(query.at(&["tags", "alice", "medias", "1", "type"]).text(), Some("video"));
}

#[test]
fn a_rejected_media_stays_rejected_while_the_other_flows() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = audio_and_video(&call);
    call.offer(&mut alice, &mut bob);
    bob.media[1].rejected = true;
    let answer = call.answer(&mut bob, &mut alice);
    let section = &Sdp::parse(answer.sdp()).sections[1];
    // The inactive form: rows 1 to 7 of sdp.md section 5, with the raw format text.
    assert_eq!(section.lines, ["m=video 0 RTP/AVP 96", "c=IN IP4 0.0.0.0"]);
    alice.speaks_on(0, &mut bob);
    bob.speaks_on(0, &mut alice);
}

#[test]
fn a_media_offered_as_rejected_passes_as_rejected() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = audio_and_video(&call);
    alice.media[0].rejected = true;
    let offer = call.offer(&mut alice, &mut bob);
    assert_eq!(Sdp::parse(offer.sdp()).sections[0].port(), 0);
    bob.media[0].rejected = true;
    call.answer(&mut bob, &mut alice);
    alice.speaks_on(1, &mut bob);
    bob.speaks_on(1, &mut alice);
}

#[test]
fn a_media_that_was_rejected_comes_back() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = audio_and_video(&call);
    call.connects(&mut alice, &mut bob);
    let before = bob.media[1].remote().port();
    alice.media[1].rejected = true;
    bob.media[1].rejected = true;
    call.connects(&mut alice, &mut bob);
    assert_eq!(bob.media[1].remote().port(), 0);
    alice.media[1].rejected = false;
    bob.media[1].rejected = false;
    call.connects(&mut alice, &mut bob);
    assert_eq!(bob.media[1].remote().port(), before, "the port set was kept (ng-control.md 10.5.3)");
    alice.speaks_on(1, &mut bob);
    bob.speaks_on(1, &mut alice);
}

#[test]
fn an_answer_with_fewer_sections_leaves_the_rest_without_address() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = audio_and_video(&call);
    call.offer(&mut alice, &mut bob);
    bob.media.pop();
    let answer = call.answer(&mut bob, &mut alice);
    let sections = Sdp::parse(answer.sdp()).sections;
    assert_eq!(sections.len(), 2);
    assert_ne!(sections[1].port(), 0);
    assert!(sections[1].address().is_unspecified(), "sdp.md 7.1");
    alice.speaks_on(0, &mut bob);
}

#[test]
fn a_re_offer_can_add_a_media() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = audio_and_video(&call);
    let (alice_video, bob_video) = (alice.media.pop().unwrap(), bob.media.pop().unwrap());
    call.connects(&mut alice, &mut bob);
    alice.speaks_to(&mut bob);
    alice.media.push(alice_video);
    bob.media.push(bob_video);
    call.connects(&mut alice, &mut bob);
    for media in [0, 1] {
        alice.speaks_on(media, &mut bob);
        bob.speaks_on(media, &mut alice);
    }
}

#[test]
fn with_rtcp_mux_everything_shares_a_port() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let phone = |number, tag| call.phone(number, tag).media(MediaPlan::audio().mux()).build();
    let (mut alice, mut bob) = (phone(0, "alice"), phone(1, "bob"));
    call.offer(&mut alice, &mut bob);
    assert!(bob.remote().has("rtcp-mux"));
    assert_eq!(bob.remote().rtcp().port(), bob.remote().port() + 1, "an offer keeps the fallback port");
    call.answer(&mut bob, &mut alice);
    assert!(alice.remote().has("rtcp-mux"));
    assert_eq!(alice.remote().rtcp().port(), alice.remote().port());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let report = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&report);
    let report = bob.sends_rtcp(&bob.sender_report());
    alice.hears_rtcp(&report);
    let query = call.query();
    let flags = |stream| query.at(&["tags", "alice", "medias", "0", "streams", stream, "flags"]).clone();
    assert_eq!(flags("0").items()[..2], [Value::from("RTP"), Value::from("RTCP")]);
    assert_eq!(flags("1").items()[..2], [Value::from("RTCP"), Value::from("fallback RTCP")]);
}

#[test]
fn rtcp_mux_is_ended_at_the_daemon_by_demux() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").media(MediaPlan::audio().mux()).build();
    let mut bob = call.phone(1, "bob").build();
    call.offer_with(&mut alice, &mut bob, &Request::empty().list("rtcp-mux", ["demux"]));
    assert!(!bob.remote().has("rtcp-mux"));
    call.answer(&mut bob, &mut alice);
    assert!(alice.remote().has("rtcp-mux"));
    alice.speaks_to(&mut bob);
    let report = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&report);
    let report = bob.sends_rtcp(&bob.sender_report());
    alice.hears_rtcp(&report);
}

/// One row of the table in `sdp.md` 9.2: mux offered, options, mux answered; then mux and separate RTCP port in the
/// offer to the receiver, and mux in the answer to the sender.
type MuxRow = (bool, &'static [&'static str], bool, (bool, bool), bool);

const MUX: &[MuxRow] = &[
    (false, &[], false, (false, true), false),
    (false, &["accept"], false, (false, true), false),
    (false, &["reject"], false, (false, true), false),
    (false, &["demux"], false, (false, true), false),
    (false, &["offer"], true, (true, true), false),
    (false, &["offer"], false, (true, true), false),
    (false, &["require"], true, (true, false), false),
    (false, &["require"], false, (true, false), false),
    (true, &[], true, (true, true), true),
    (true, &[], false, (true, true), false),
    (true, &["offer"], true, (true, true), true),
    (true, &["offer"], false, (true, true), false),
    (true, &["require"], true, (true, false), true),
    (true, &["require"], false, (true, false), false),
    (true, &["demux"], true, (false, true), true),
    (true, &["demux"], false, (false, true), true),
    (true, &["demux", "reject"], false, (false, true), false),
    (true, &["accept"], false, (true, true), true),
    (true, &["accept", "require"], true, (true, false), true),
    (true, &["reject"], true, (true, true), false),
    (true, &["reject", "require"], true, (true, false), false),
];

#[test]
fn the_rtcp_mux_table_holds_row_by_row() {
    let daemon = Daemon::start();
    for (number, &(offered, options, answered, (passed, separate), returned)) in MUX.iter().enumerate() {
        let call = Call::new(&daemon);
        let plan = |mux: bool| if mux { MediaPlan::audio().mux() } else { MediaPlan::audio() };
        let mut alice = call.phone(0, "alice").media(plan(offered)).build();
        let mut bob = call.phone(1, "bob").media(plan(answered)).build();
        call.offer_with(&mut alice, &mut bob, &Request::empty().list("rtcp-mux", options.iter().copied()));
        let section = bob.remote();
        assert_eq!(section.has("rtcp-mux"), passed, "row {number}: mux in the offer {section:?}");
        assert_eq!(section.rtcp() != section.rtp(), separate, "row {number}: RTCP port in {section:?}");
        call.answer(&mut bob, &mut alice);
        let section = alice.remote();
        assert_eq!(section.has("rtcp-mux"), returned, "row {number}: mux in the answer {section:?}");
        assert_eq!(section.rtcp() == section.rtp(), returned, "row {number}: RTCP port in {section:?}");
        call.hangs_up(&alice);
    }
}

#[test]
fn a_one_way_media_flows_one_way() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    alice.media[0].set_direction("sendonly");
    bob.media[0].set_direction("recvonly");
    call.connects(&mut alice, &mut bob);
    assert_eq!(bob.remote().direction(), Some("sendonly"));
    assert_eq!(alice.remote().direction(), Some("recvonly"));
    alice.speaks_to(&mut bob);
    bob.sends();
    alice.hears_nothing();
    let report = bob.sends_rtcp(&bob.sender_report());
    alice.hears_rtcp(&report);
}

#[test]
fn an_inactive_media_does_not_flow() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    alice.media[0].set_direction("inactive");
    bob.media[0].set_direction("inactive");
    call.connects(&mut alice, &mut bob);
    alice.sends();
    bob.sends();
    alice.hears_nothing();
    bob.hears_nothing();
}

#[test]
fn nat_wait_holds_media_until_the_peer_has_sent() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let option = Request::empty().flag("NAT-wait");
    call.offer_with(&mut alice, &mut bob, &option);
    call.answer_with(&mut bob, &mut alice, &option);
    alice.sends();
    bob.hears_nothing();
    bob.sends();
    alice.drains();
    alice.speaks_to(&mut bob);
}

#[test]
fn pierce_nat_sends_the_dummy_packet_until_the_peer_has_sent() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &Request::empty().flag("pierce-NAT"));
    // At every signalling message, and once a second.
    let dummy = rtpengine_tests::phone::receive(bob.media[0].rtp_socket(), SOON * 2);
    let mut expected = vec![0x80, 0x7f, 0xff, 0xff];
    expected.resize(12, 0);
    assert_eq!(dummy.map(|(data, _)| data), Some(expected));
}

#[test]
fn media_echo_sends_back_what_came() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &Request::empty().set("media-echo", "both"));
    for phone in [&mut alice, &mut bob] {
        let packet = phone.sends();
        phone.hears(&packet);
    }
    alice.hears_nothing();
    bob.hears_nothing();
}

#[test]
fn drop_traffic_drops_everything_until_it_stops() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("drop-traffic", "start"));
    call.answer(&mut bob, &mut alice);
    alice.sends();
    bob.hears_nothing();
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("drop-traffic", "stop"));
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
}

#[test]
fn an_unknown_protocol_is_carried_raw_on_both_ports() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let plan = || MediaPlan::new("application", "UDP/FOO");
    let mut alice = call.phone(0, "alice").media(plan()).build();
    let mut bob = call.phone(1, "bob").media(plan()).build();
    let offer = call.offer(&mut alice, &mut bob);
    assert!(offer.sdp().contains(&format!("m=application {} UDP/FOO *\r\n", bob.remote().port())));
    call.answer(&mut bob, &mut alice);
    let socket = alice.media[0].rtp_socket();
    socket.send_to(b"anything at all", alice.remote().rtp()).unwrap();
    let heard = rtpengine_tests::phone::receive(bob.media[0].rtp_socket(), SOON);
    assert_eq!(heard, Some((b"anything at all".to_vec(), bob.remote().rtp())));
}

#[test]
fn identical_packets_of_a_loop_are_cut_off_after_thirty() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    // Alice advertises a port in the daemon's own range on the daemon's own address, hence the loop check.
    let own = format!("{}", daemon.network().relay(0));
    let port = daemon.ports().last - 1;
    let offer = alice.offer_sdp().replace(&alice.address.to_string(), &own);
    let here = alice.media[0].rtp_address().port();
    let offer = offer.replace(&format!("m=audio {here} "), &format!("m=audio {port} "));
    let reply = daemon.request(&call.ask("offer").set("from-tag", "alice").set("sdp", offer)).ok();
    bob.takes(reply.sdp());
    call.answer(&mut bob, &mut alice);
    let query = call.query();
    let flags = query.at(&["tags", "alice", "medias", "0", "flags"]);
    assert!(flags.items().contains(&"loop check".into()), "{flags:?}");
    let packet = alice.next_packet(0);
    for _ in 0..40 {
        alice.media[0].rtp_socket().send_to(&packet.encode(), alice.remote().rtp()).unwrap();
    }
    for _ in 0..31 {
        bob.hears(&packet);
    }
    bob.hears_nothing();
}
