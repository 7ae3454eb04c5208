//! How a call grows, forks and ends.

use super::super::{CloseReason, Fate};
use super::{Desk, audio, port};

#[test]
fn ng_18_serial_fork() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "\"via-branch\":\"b1\"");
    desk.offer("a", &audio("10.0.0.1", 4000), "\"via-branch\":\"b2\"");
    let deleted = desk.request(
        "\"command\":\"delete\",\"call-id\":\"call\",\"from-tag\":\"a\",\"via-branch\":\"b1\",\"delete-delay\":0",
    );
    assert_eq!(deleted.fate, Fate::Keep);
    desk.answer("a", "y", &audio("10.0.0.3", 6000), "\"via-branch\":\"b2\"");
    let query = desk.query();
    let tags: Vec<_> = query
        .dict("tags")
        .expect("tags")
        .iter()
        .map(|(key, _)| String::from_utf8_lossy(key).into_owned())
        .collect();
    assert_eq!(tags, ["a", "<untagged 1>", "y"]);
}

#[test]
fn ng_10_7_deleting_without_a_tag_ends_the_call_and_closes_its_ports() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    assert_eq!(desk.ports.open.len(), 4);
    let done = desk.request("\"command\":\"delete\",\"call-id\":\"call\",\"delete-delay\":0");
    assert_eq!(done.fate, Fate::Destroy(CloseReason::Regular));
    assert!(desk.ports.open.is_empty());
    let delayed = {
        let mut desk = Desk::new();
        desk.offer("a", &audio("10.0.0.1", 4000), "");
        desk.request("\"command\":\"delete\",\"call-id\":\"call\"").fate
    };
    assert_eq!(delayed, Fate::Keep, "the default delay is 30 s");
}

#[test]
fn ng_10_7_deleting_by_a_tag_of_two_ends_the_call() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let members = "\"command\":\"delete\",\"call-id\":\"call\",\"delete-delay\":0,\"from-tag\":";
    let unknown = desk.request(&format!("{members}\"nobody\""));
    assert_eq!(unknown.fate, Fate::Keep);
    assert!(unknown.reply.to_dict().text("warning").is_some());
    assert_eq!(desk.request(&format!("{members}\"b\"")).fate, Fate::Destroy(CloseReason::Regular));
}

#[test]
fn mp_1_5_a_call_without_ports_ends() {
    let mut desk = Desk::new();
    desk.ports.limit = 3;
    let done = desk.exchange("offer", "\"from-tag\":\"a\"", &audio("10.0.0.1", 4000), "");
    assert_eq!(Desk::error(&done), "Ran out of ports");
    assert_eq!(done.fate, Fate::Destroy(CloseReason::Forced));
    assert!(desk.ports.open.is_empty());
}

#[test]
fn ng_13_bad_sdp_leaves_no_call() {
    let mut desk = Desk::new();
    let done = desk.exchange("offer", "\"from-tag\":\"a\"", "nonsense\n", "");
    assert_eq!(Desk::error(&done), "Failed to parse SDP");
    assert!(matches!(done.fate, Fate::Destroy(_)));
    let done = desk.exchange("offer", "\"from-tag\":\"a\"", "v=0\nm=audio 4000 RTP/AVP 0\n", "");
    assert_eq!(Desk::error(&done), "Incomplete SDP specification");
}

#[test]
fn ng_10_5_a_media_that_comes_back_gets_its_ports_again() {
    let mut desk = Desk::new();
    let first = desk.offer("a", &audio("10.0.0.1", 4000), "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let more = "";
    desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 0), more);
    let back = desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4000), more);
    assert_eq!(port(&first, 0), port(&back, 0));
}

#[test]
fn ng_10_11_the_address_of_the_callback_is_kept() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "\"xmlrpc-callback\":\"192.0.2.9\"");
    desk.offer("a", &audio("10.0.0.1", 4000), "");
    assert_eq!(desk.call.signalling.xmlrpc_callback, "192.0.2.9".parse().ok());
}
