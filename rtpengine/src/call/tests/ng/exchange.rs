//! Offer and answer as commands, trickle fragments, `query`, stand-by (ng-control.md §11.1 to §11.5, §14).

use super::super::super::signalling::CallFlags;
use super::super::super::{Fate, fragment};
use super::super::lines;
use super::*;

#[test]
fn ng_11_1_all_goes_before_label_address_and_tag() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"label\":\"x\"");
    desk.answer("a", "b", &callee(), "");
    let blocked = |desk: &Desk| {
        let party = |tag: &str| {
            let id = desk.call.signalling.by_tag(tag.as_bytes()).expect("a party");
            desk.call.signalling.party(id).flags.contains(PartyFlags::BLOCK_MEDIA)
        };
        [desk.call.signalling.flags.contains(CallFlags::BLOCK_MEDIA), party("a"), party("b")]
    };
    let directional = "\"flags\":[\"directional\"]";
    for (members, expected) in [
        ("\"all\":\"all\",\"label\":\"nobody\"".to_owned(), [true, false, false]),
        ("\"label\":\"x\",\"address\":\"10.0.0.2\",\"from-tag\":\"b\"".to_owned(), [false, true, false]),
        (format!("\"address\":\"10.0.0.1\",\"from-tag\":\"b\",{directional}"), [false, true, false]),
        (format!("\"from-tag\":\"b\",{directional}"), [false, false, true]),
        ("\"from-tag\":\"b\"".to_owned(), [true, false, false]),
        (String::new(), [true, false, false]),
    ] {
        assert_eq!(desk.refused("block media", &members), "none", "{members}");
        assert_eq!(blocked(&desk), expected, "{members}");
        desk.ask("unblock media", "\"all\":\"all\"");
        assert_eq!(blocked(&desk), [false; 3], "{members}");
    }
}

#[test]
fn ng_11_1_set_label_labels_whom_the_selector_found() {
    let mut desk = Desk::talk();
    desk.ask("block media", "\"address\":\"10.0.0.2\",\"set-label\":\"callee\"");
    assert_eq!(party(&mut desk, "b").text("label"), Some("callee"));
    // Not for offers: there it is no selector.
    re_offer(&mut desk, "a", "b", &caller(), "\"set-label\":\"other\"");
    assert_eq!(party(&mut desk, "a").text("label"), None);
    assert_eq!(party(&mut desk, "b").text("label"), Some("callee"));
}

#[test]
fn ng_11_2_the_checks_have_an_order() {
    // Each row lacks one thing more than the one below.
    let sdp = "\"sdp\":\"nonsense\"";
    let rows: [(&str, String, &str); 5] = [
        ("answer", String::new(), "No SDP body in message"),
        ("answer", sdp.into(), "No call-id in message"),
        ("answer", format!("{sdp},\"call-id\":\"call\""), "No from-tag in message"),
        ("answer", format!("{sdp},\"call-id\":\"call\",\"from-tag\":\"a\""), "No to-tag in message"),
        (
            "answer",
            format!("{sdp},\"call-id\":\"call\",\"from-tag\":\"a\",\"to-tag\":\"b\""),
            "Failed to parse SDP",
        ),
    ];
    for (command, members, text) in rows {
        let comma = if members.is_empty() { "" } else { "," };
        let done = Desk::talk().request(&format!("\"command\":\"{command}\"{comma}{members}"));
        assert_eq!(Desk::error(&done), text, "{members}");
    }
    // An empty SDP is there, and has no media.
    let done = Desk::talk().exchange("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", "", "");
    assert_eq!(Desk::error(&done), "none", "the receiver's sections are printed as they are");
}

#[test]
fn ng_11_2_a_foreign_call_is_taken_over_with_active_switchover() {
    let foreign = |desk: &Desk| desk.call.signalling.flags.contains(CallFlags::FOREIGN);
    for command in ["offer", "answer"] {
        for switchover in [false, true] {
            let mut desk = Desk::talk();
            desk.call.signalling.flags.insert(CallFlags::FOREIGN);
            desk.settings.active_switchover = switchover;
            desk.ask("query", "");
            assert!(foreign(&desk), "other commands do not take it over");
            desk.sdp(command, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &caller(), "");
            assert_eq!(foreign(&desk), !switchover, "{command}");
        }
    }
}

const TRICKLE: &str = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=ice-options:trickle\n";
const FRAGMENT: &str = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\nm=audio 9 RTP/AVP 0\na=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\n";

fn candidates(desk: &Desk, tag: &str) -> usize {
    desk.call.signalling.media(desk.media(tag, 0)).section.candidates.len()
}

#[test]
fn ng_11_3_a_fragment_changes_ice_only() {
    let mut desk = Desk::new();
    desk.offer("a", &(caller() + TRICKLE), "");
    assert_eq!(candidates(&desk, "a"), 0);
    let done = desk.exchange("offer", "\"from-tag\":\"a\"", FRAGMENT, "\"flags\":[\"fragment\"]");
    assert_eq!(keys(&done.reply.to_dict()), ["result"]);
    assert_eq!(candidates(&desk, "a"), 1);
    assert_eq!(names(&mut desk), ["a", "<untagged 1>"]);
    // In an answer the flag means nothing: this is no whole SDP.
    let done =
        desk.exchange("answer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", FRAGMENT, "\"flags\":[\"fragment\"]");
    assert_eq!(Desk::error(&done), "Failed to parse SDP");
}

#[test]
fn ng_11_3_a_fragment_waits_three_seconds_for_its_party() {
    for (seconds, found) in [(2, 1), (3, 0)] {
        let mut desk = Desk::new();
        let done = desk.exchange("offer", "\"from-tag\":\"a\"", FRAGMENT, "\"flags\":[\"fragment\"]");
        assert_eq!(Desk::error(&done), "none");
        assert_eq!(done.fate, Fate::Keep);
        desk.pass(seconds);
        desk.offer("a", &(caller() + TRICKLE), "");
        assert_eq!(candidates(&desk, "a"), found, "after {seconds} s");
    }
    // A call that nothing else came for goes with it.
    let mut desk = Desk::new();
    desk.exchange("offer", "\"from-tag\":\"a\"", FRAGMENT, "\"flags\":[\"fragment\"]");
    assert!(!desk.call.expire_fragments(desk.now));
    desk.pass(3);
    assert!(desk.call.expire_fragments(desk.now));
}

#[test]
fn ng_11_3_fragments_that_wait_are_bounded() {
    let mut desk = Desk::new();
    for _ in 0..fragment::MAX_WAITING + 10 {
        desk.exchange("offer", "\"from-tag\":\"a\"", FRAGMENT, "\"flags\":[\"fragment\"]");
    }
    let dropped = desk.log.iter().filter(|line| line.text.contains("Too many trickle ICE fragments")).count();
    assert_eq!(dropped, 10);
}

#[test]
fn ng_11_4_a_to_tag_counts_with_the_flag_or_without_a_flag_string() {
    for (members, counts) in [
        ("\"to-tag\":\"nobody\"", true),
        ("\"to-tag\":\"nobody\",\"flags\":[\"to-tag\"]", true),
        ("\"to-tag\":\"nobody\",\"rtpp-flags\":\"x\"", false),
        ("\"to-tag\":\"nobody\",\"rtpp-flags\":\"to-tag\"", true),
        ("\"rtpp-flags\":\"to-tag=nobody\"", true),
    ] {
        let mut desk = Desk::talk();
        let done = desk.ask("delete", &format!("\"from-tag\":\"a\",\"delete-delay\":0,{members}"));
        let warned = done.reply.to_dict().text("warning").is_some();
        assert_eq!(warned, counts, "{members}");
    }
}

#[test]
fn ng_11_4_fast_and_partial_replies() {
    let mut desk = Desk::talk();
    let done = desk.ask("delete", "\"flags\":[\"fast\"]");
    assert_eq!(keys(&done.reply.to_dict()), ["result"]);
    // A party destroyed at once is no longer found.
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.answer("a", "b", &callee(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    let done = desk.ask("delete", "\"from-tag\":\"b\",\"delete-delay\":0");
    assert_eq!(done.reply.to_dict().dict("tags").map(Dict::len), Some(0));
}

#[test]
fn ng_11_5_query_reports_one_party_and_its_sources() {
    let mut desk = Desk::talk();
    desk.ask("subscribe request", "\"from-tag\":\"a\",\"to-tag\":\"s\"");
    let reported = |desk: &mut Desk, members: &str| {
        let reply = desk.ask("query", members).reply;
        let dict = reply.to_dict().into_owned();
        assert_eq!(dict.text("result"), Some("ok"), "{members}");
        keys(dict.dict("tags").expect("tags"))
    };
    assert_eq!(reported(&mut desk, ""), ["a", "b", "s"]);
    assert_eq!(reported(&mut desk, "\"from-tag\":\"s\""), ["s", "a"]);
    assert_eq!(
        reported(&mut desk, "\"from-tag\":\"s\",\"to-tag\":\"b\""),
        ["b", "a"],
        "the to-tag goes first"
    );
    assert_eq!(
        reported(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"\""),
        ["a", "b"],
        "an empty one does not"
    );
    assert_eq!(reported(&mut desk, "\"from-tag\":\"nobody\""), [""; 0]);
    // Only these spellings.
    assert_eq!(reported(&mut desk, "\"from tag\":\"s\""), ["a", "b", "s"]);
}

#[test]
fn ng_9_3_and_11_2_an_offer_prints_all_sections_of_the_receiver() {
    let mut desk = Desk::new();
    desk.offer("a", &(caller() + "m=audio 4002 RTP/AVP 0\n"), "");
    desk.answer("a", "b", &(callee() + "m=audio 5002 RTP/AVP 0\n"), "");
    // Fewer sections in a later offer: the other one's are not forgotten.
    let body = re_offer(&mut desk, "a", "b", &caller(), "");
    assert_eq!(lines(&body).iter().filter(|line| line.starts_with("m=")).count(), 2);
}
