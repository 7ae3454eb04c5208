//! Flags and options with an effect on the state of a call (ng-control.md §7.2), and what `debug` and its kin leave behind.

use super::super::super::media::MediaFlags;
use super::super::super::party::PartyFlags;
use super::super::super::signalling::CallFlags;
use super::super::attributes;
use super::*;

/// The marks of the first media of the party at a position.
fn marks(desk: &Desk, at: usize) -> MediaFlags {
    desk.call.signalling.media(desk.call.signalling.parties[at].medias[0]).flags
}

fn flag(name: &str) -> String {
    format!("\"flags\":[\"{name}\"]")
}

const ICE: &str = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\n";

#[test]
fn ng_7_2_reset_takes_ice_and_protocol_afresh() {
    let mut desk = Desk::new();
    let first = desk.offer("a", &(caller() + ICE), "");
    desk.answer("a", "b", &(callee() + ICE), "");
    let second = re_offer(&mut desk, "a", "b", &(caller() + ICE), "");
    assert_eq!(attributes(&first, 0, "ice-ufrag"), attributes(&second, 0, "ice-ufrag"));
    let third = re_offer(&mut desk, "a", "b", &(caller() + ICE), &flag("reset"));
    assert_ne!(attributes(&first, 0, "ice-ufrag"), attributes(&third, 0, "ice-ufrag"));
    // Only in offers.
    let mut desk = Desk::new();
    desk.offer("a", &(caller() + ICE), "");
    let first = desk.answer("a", "b", &(callee() + ICE), "");
    let second = desk.answer("a", "b", &(callee() + ICE), &flag("reset"));
    assert_eq!(attributes(&first, 0, "ice-ufrag"), attributes(&second, 0, "ice-ufrag"));
}

#[test]
fn ng_7_2_what_a_message_does_not_say_is_cleared() {
    let rows = [
        ("strict-source", MediaFlags::STRICT_SOURCE),
        ("media-handover", MediaFlags::MEDIA_HANDOVER),
        ("asymmetric", MediaFlags::ASYMMETRIC),
        ("unidirectional", MediaFlags::UNIDIRECTIONAL),
    ];
    for (name, mark) in rows {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), &flag(name));
        assert!(marks(&desk, 0).contains(mark), "{name}: the sender's");
        assert!(!marks(&desk, 1).contains(mark), "{name}: not the other side's");
        desk.answer("a", "b", &callee(), "");
        assert!(marks(&desk, 0).contains(mark), "{name}: the answer is about the other side");
        re_offer(&mut desk, "a", "b", &caller(), "");
        assert!(!marks(&desk, 0).contains(mark), "{name}: absent is cleared");
    }
    // The last two of a section that is there.
    for (name, mark) in &rows[2..] {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), &flag(name));
        desk.answer("a", "b", &callee(), "");
        re_offer(&mut desk, "a", "b", &audio("10.0.0.1", 0), "");
        assert!(marks(&desk, 0).contains(*mark), "{name}: port 0 says nothing about it");
    }
}

#[test]
fn ng_7_2_strict_source_with_media_handover_is_a_warning() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"flags\":[\"strict-source\",\"media-handover\"]");
    assert!(
        desk.log
            .iter()
            .any(|line| line.level == crate::flow::Level::Warning && line.text.contains("media handover"))
    );
}

#[test]
fn ng_7_2_media_echo_persists_until_it_is_changed() {
    let (echo, hole) = (MediaFlags::ECHO, MediaFlags::BLACKHOLE);
    let words: &[(&[&str], MediaFlags, MediaFlags)] = &[
        (&["blackhole", "sinkhole"], hole, hole),
        (&["forward", "fwd", "fw"], hole, echo),
        (&["backward", "backwards", "reverse", "back", "bkw", "bk"], echo, hole),
        (&["both"], echo, echo),
    ];
    for (names, sender, receiver) in words {
        for name in *names {
            let mut desk = Desk::new();
            desk.offer("a", &caller(), &format!("\"media-echo\":\"{name}\""));
            let shown = |desk: &Desk, at| marks(desk, at) & (echo | hole);
            assert_eq!([shown(&desk, 0), shown(&desk, 1)], [*sender, *receiver], "{name}");
            desk.answer("a", "b", &callee(), "");
            assert_eq!([shown(&desk, 0), shown(&desk, 1)], [*sender, *receiver], "{name}");
            re_offer(&mut desk, "a", "b", &caller(), "\"media echo\":\"both\"");
            assert_eq!([shown(&desk, 0), shown(&desk, 1)], [echo, echo], "{name}");
        }
    }
}

#[test]
fn ng_7_2_drop_traffic_holds_until_stop() {
    let mut desk = Desk::new();
    let drops = |desk: &Desk| desk.call.signalling.flags.contains(CallFlags::DROP_TRAFFIC);
    desk.offer("a", &caller(), "\"drop-traffic\":\"start\"");
    assert!(drops(&desk));
    desk.answer("a", "b", &callee(), "");
    assert!(drops(&desk));
    re_offer(&mut desk, "a", "b", &caller(), "\"drop-traffic\":\"stop\"");
    assert!(!drops(&desk));
    re_offer(&mut desk, "a", "b", &caller(), "\"drop-traffic\":\"stop\",\"drop traffic\":\"start\"");
    assert!(!drops(&desk), "stop has priority");
}

#[test]
fn ng_7_2_options_of_both_medias_persist() {
    let rows = [
        (flag("generate-RTCP"), "\"generate-RTCP\":\"off\"", MediaFlags::RTCP_GENERATOR, true),
        ("\"generate RTCP\":\"on\"".into(), "\"generate-rtcp\":\"off\"", MediaFlags::RTCP_GENERATOR, true),
        (flag("recrypt"), "", MediaFlags::RECRYPT, false),
        (flag("passthrough"), "\"passthrough\":\"off\"", MediaFlags::PASSTHROUGH, true),
        ("\"passthrough\":\"on\"".into(), "\"flags\":[\"no-passthrough\"]", MediaFlags::PASSTHROUGH, true),
    ];
    for (on, off, mark, goes) in rows {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), &on);
        assert!(marks(&desk, 0).contains(mark) && marks(&desk, 1).contains(mark), "{on}");
        desk.answer("a", "b", &callee(), "");
        assert!(marks(&desk, 0).contains(mark) && marks(&desk, 1).contains(mark), "{on}: persistent");
        re_offer(&mut desk, "a", "b", &caller(), off);
        assert_eq!(marks(&desk, 0).contains(mark), !goes, "{on} then {off:?}");
    }
}

#[test]
fn ng_7_2_marks_of_parties_persist() {
    let rows = [
        ("exclude-recording", PartyFlags::EXCLUDE_RECORDING, [true, true]),
        ("block-short", PartyFlags::BLOCK_SHORT, [true, false]),
        ("block-shorts", PartyFlags::BLOCK_SHORT, [true, false]),
        ("block short packets", PartyFlags::BLOCK_SHORT, [true, false]),
        ("inject-DTMF", PartyFlags::INJECT_DTMF, [true, false]),
        ("detect-DTMF", PartyFlags::DETECT_DTMF, [true, false]),
    ];
    for (name, mark, expected) in rows {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), &flag(name));
        desk.answer("a", "b", &callee(), "");
        re_offer(&mut desk, "a", "b", &caller(), "");
        let shown = [0, 1].map(|at: usize| desk.call.signalling.parties[at].flags.contains(mark));
        assert_eq!(shown, expected, "{name}");
    }
    let mut desk = Desk::new();
    desk.sdp("publish", "\"from-tag\":\"p\"", &caller(), &flag("exclude-recording"));
    assert!(desk.call.signalling.parties[0].flags.contains(PartyFlags::EXCLUDE_RECORDING));
}

#[test]
fn ng_7_2_marks_of_the_call_persist() {
    for (name, mark) in [
        ("debug", CallFlags::DEBUG),
        ("debugging", CallFlags::DEBUG),
        ("no-jitter-buffer", CallFlags::NO_JITTER_BUFFER),
    ] {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), &flag(name));
        desk.answer("a", "b", &callee(), "");
        assert!(desk.call.signalling.flags.contains(mark), "{name}");
    }
}

#[test]
fn ng_7_2_pierce_nat_and_nat_wait_are_set_with_the_address() {
    for (name, mark) in [("pierce-NAT", MediaFlags::PIERCE_NAT), ("NAT-wait", MediaFlags::NAT_WAIT)] {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), &flag(name));
        assert!(marks(&desk, 0).contains(mark), "{name}");
    }
}

#[test]
fn ng_7_2_the_sip_source_replaces_the_addresses_until_ice() {
    let source = "\"received-from\":[\"IP4\",\"198.51.100.7\"],\"flags\":[\"SIP-source-address\"]";
    let endpoint = |desk: &Desk, n: usize| {
        let stream = desk.call.plane.stream(desk.rtp("a", n)).and_then(crate::flow::Stream::advertised);
        stream.expect("an address").to_string()
    };
    let mut desk = Desk::new();
    desk.offer("a", &caller(), source);
    assert_eq!(endpoint(&desk, 0), "198.51.100.7:4000");
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"received-from\":\"198.51.100.7\",\"flags\":[\"SIP source address\"]");
    assert_eq!(endpoint(&desk, 0), "198.51.100.7:4000", "an address alone");
    // From the first media with ICE on the SDP is trusted again; that one's own address is still the source.
    let mut desk = Desk::new();
    desk.offer("a", &(caller() + ICE + "m=audio 4002 RTP/AVP 0\n"), source);
    assert_eq!([endpoint(&desk, 0), endpoint(&desk, 1)], ["198.51.100.7:4000", "10.0.0.1:4002"]);
    for bad in [
        "",
        "\"received-from\":[],",
        "\"received-from\":[\"IP4\",\"nowhere\"],",
        "\"received-from\":[\"IP9\",\"198.51.100.7\"],",
    ] {
        let mut desk = Desk::new();
        let members = format!("{bad}\"flags\":[\"SIP-source-address\"]");
        let done = desk.exchange("offer", "\"from-tag\":\"a\"", &caller(), &members);
        assert_eq!(Desk::error(&done), "Incomplete SDP specification", "{bad}");
    }
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"received-from\":[\"IP4\",\"198.51.100.7\"],\"flags\":[\"trust-address\"]");
    assert_eq!(endpoint(&desk, 0), "10.0.0.1:4000");
}

#[test]
fn ng_7_2_loop_protect_marks_the_sdp_and_knows_the_mark() {
    let mut desk = Desk::new();
    let body = desk.offer("a", &caller(), &flag("loop-protect"));
    assert!(body.contains("a=rtpengine:000000000000\r\n"), "{body}");
    assert!(!desk.answer("a", "b", &callee(), "").contains("a=rtpengine:"));
    // What comes back is returned as it is, and nothing else happens.
    let before = format!("{:?}", desk.call.signalling);
    let looped = body.replace("\r\n", "\n");
    assert_eq!(re_offer(&mut desk, "a", "b", &looped, &flag("loop-protect")), body);
    assert!(format!("{:?}", desk.call.signalling) == before);
    assert_ne!(re_offer(&mut desk, "a", "b", &looped, ""), body, "only with the flag");
}

#[test]
fn ng_7_2_block_egress_and_block_dtmf_belong_to_media_and_party() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), &flag("block-egress"));
    assert!(texts(&media(&mut desk, "a"), "flags").iter().any(|f| f == "block egress"));
    let mut desk = Desk::new();
    desk.offer("a", &caller(), &flag("block-DTMF"));
    assert!(desk.call.signalling.parties[0].dtmf.is_some());
    assert!(desk.call.signalling.parties[1].dtmf.is_none());
}

#[test]
fn ng_12_3_a_packet_time_that_an_option_set_is_marked_on_both_medias() {
    for option in ["\"ptime\":40", "\"ptime-reverse\":30"] {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), "");
        assert!(!texts(&media(&mut desk, "a"), "flags").contains(&"ptime-override".to_owned()));
        desk.offer("a", &caller(), option);
        desk.answer("a", "b", &callee(), "");
        for tag in ["a", "b"] {
            assert!(
                texts(&media(&mut desk, tag), "flags").contains(&"ptime-override".to_owned()),
                "{tag} {option}"
            );
        }
    }
}
