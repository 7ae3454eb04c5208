//! Local ports of offers and answers (ng-control.md §10.6).

use super::super::super::{CloseReason, Fate};
use super::super::port;
use super::*;

#[test]
fn ng_10_6_1_the_receivers_ports_belong_to_the_senders_address_and_the_senders_to_whom_answers() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    let endpoint = |desk: &Desk, at: usize| {
        let media = desk.call.signalling.media(desk.call.signalling.parties[at].medias[0]);
        media.ports.current().expect("ports").endpoint.map(|address| address.to_string())
    };
    assert_eq!(endpoint(&desk, 1).as_deref(), Some("10.0.0.1:4000"));
    assert_eq!(endpoint(&desk, 0), None, "a wildcard");
    desk.answer("a", "b", &callee(), "");
    assert_eq!(endpoint(&desk, 0).as_deref(), Some("10.0.0.2:5000"));
}

#[test]
fn ng_10_6_2_latching_goes_before_the_address() {
    let moved = audio("10.0.0.9", 4444);
    let rows = [
        (moved.clone(), "", false),
        (moved.clone(), "\"flags\":[\"port-latching\"]", true),
        (moved.clone() + "a=sendonly\n", "", true),
        (moved.clone() + "a=inactive\n", "", true),
        (moved.clone() + "a=recvonly\n", "", false),
        (moved.clone() + "a=sendonly\n", "\"flags\":[\"no-port-latching\"]", false),
        (moved + "a=sendonly\n", "\"flags\":[\"no-port-latching\",\"port-latching\"]", true),
        (audio("0.0.0.0", 4000), "", true),
    ];
    for (sdp, more, kept) in rows {
        let mut desk = Desk::new();
        let first = desk.offer("a", &caller(), "");
        desk.answer("a", "b", &callee(), "");
        let second = re_offer(&mut desk, "a", "b", &sdp, more);
        assert_eq!(port(&first, 0) == port(&second, 0), kept, "{sdp} {more}");
    }
}

#[test]
fn ng_10_6_2_with_ice_the_ports_stay_unless_that_is_refused() {
    let ice = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\n";
    for (more, kept) in [("", true), ("\"flags\":[\"no-port-latching\"]", false)] {
        let mut desk = Desk::new();
        let first = desk.offer("a", &(caller() + ice), "");
        desk.answer("a", "b", &(callee() + ice), "");
        let second = re_offer(&mut desk, "a", "b", &(audio("10.0.0.9", 4444) + ice), more);
        assert_eq!(port(&first, 0) == port(&second, 0), kept, "{more}");
    }
}

#[test]
fn ng_10_6_3_an_address_gets_its_ports_back() {
    let mut desk = Desk::new();
    let first = desk.offer("a", &caller(), "");
    let back = desk.answer("a", "b", &callee(), "");
    let other = re_offer(&mut desk, "a", "b", &audio("10.0.0.9", 4444), "");
    assert_ne!(port(&other, 0), port(&first, 0));
    let again = re_offer(&mut desk, "a", "b", &caller(), "");
    assert_eq!(port(&again, 0), port(&first, 0));
    // The same for the other side.
    let moved = desk.answer("a", "b", &audio("10.0.0.8", 5555), "");
    assert_ne!(port(&moved, 0), port(&back, 0));
    assert_eq!(port(&desk.answer("a", "b", &callee(), ""), 0), port(&back, 0));
    // A former tag as well.
    desk.answer("a", "b2", &audio("10.0.0.8", 5555), "");
    assert_eq!(port(&desk.answer("a", "b", &callee(), ""), 0), port(&back, 0));
}

#[test]
fn ng_10_6_4_how_many_ports_a_media_gets() {
    let mux = caller() + "a=rtcp-mux\n";
    let rows = [
        (caller(), "", 4, 4),
        (mux.clone(), "", 4, 2),
        (mux.clone(), "\"rtcp-mux\":[\"require\"]", 3, 2),
        (mux.clone(), "\"rtcp-mux\":[\"demux\"]", 3, 3),
        (mux.clone(), "\"rtcp-mux\":[\"accept\"]", 3, 2),
        (caller().replace("4000", "4000/3"), "", 12, 12),
    ];
    for (sdp, more, offered, answered) in rows {
        let mut desk = Desk::new();
        let body = desk.offer("a", &sdp, more);
        assert_eq!(desk.ports.open.len(), offered, "{sdp} {more}");
        let muxed = body.contains("a=rtcp-mux");
        let answer = if muxed { callee() + "a=rtcp-mux\n" } else { callee() };
        let answer = if sdp.contains("/3") { answer.replace("5000", "5000/3") } else { answer };
        desk.answer("a", "b", &answer, "");
        assert_eq!(desk.ports.open.len(), answered, "{sdp} {more}: the surplus is closed");
    }
    // Two records always exist, however many sockets.
    let mut desk = Desk::new();
    desk.offer("a", &mux, "\"rtcp-mux\":[\"require\"]");
    assert_eq!(media(&mut desk, "a").list("streams").map(<[_]>::len), Some(2));
    // More than 16 ports for one media.
    let mut desk = Desk::new();
    let done = desk.exchange("offer", "\"from-tag\":\"a\"", &caller().replace("4000", "4000/9"), "");
    assert_eq!(Desk::error(&done), "Ran out of ports");
    assert!(matches!(done.fate, Fate::Destroy(_)));
}

#[test]
fn ng_10_6_5_every_address_of_the_interface_with_ice_only() {
    let two = &["if/192.0.2.200", "if/192.0.2.201"];
    let mut desk = Desk::on(two);
    desk.offer("a", &caller(), "");
    assert_eq!(desk.ports.open.len(), 4);
    let mut desk = Desk::on(two);
    desk.offer("a", &caller(), "\"ICE\":\"force\"");
    assert_eq!(desk.ports.open.len(), 6, "the receiver has ICE, the sender has none");
    let mut desk = Desk::on(two);
    desk.settings.save_interface_ports = true;
    desk.offer("a", &caller(), "\"ICE\":\"force\"");
    assert_eq!(desk.ports.open.len(), 4);
}

#[test]
fn ng_10_6_6_a_destroyed_party_stays_listed_without_ports() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    let before = desk.ports.open.len();
    desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b1\",\"delete-delay\":0");
    assert_eq!(names(&mut desk), ["a", "<untagged 1>", "<untagged 2>"]);
    assert_eq!(local_port(&mut desk, "<untagged 1>"), None);
    assert!(local_port(&mut desk, "<untagged 2>").is_some());
    assert_eq!(desk.ports.open.len(), before - 2);
}

#[test]
fn ng_10_6_7_without_ports_the_whole_call_ends() {
    let mut desk = Desk::talk();
    desk.ports.limit = desk.ports.open.len();
    let members = "\"from-tag\":\"a\",\"to-tag\":\"b\"";
    let done = desk.exchange("offer", members, &audio("10.0.0.9", 4444), "");
    assert_eq!(Desk::error(&done), "Ran out of ports");
    assert_eq!(done.fate, Fate::Destroy(CloseReason::Forced));
    assert!(desk.ports.open.is_empty());
}
