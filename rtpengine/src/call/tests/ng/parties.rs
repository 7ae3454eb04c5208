//! Calls, parties, tags, branches and labels (ng-control.md §10.1 to §10.4).

use super::super::super::{CloseReason, Fate};
use super::*;

#[test]
fn ng_10_1_creation_time_stays_and_signals_move_the_other() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    let first = desk.query();
    desk.pass(7);
    // None of these is a signal.
    for command in ["query", "block media", "silence media", "start recording", "start forwarding"] {
        desk.ask(command, "");
    }
    let second = desk.query();
    desk.answer("a", "b", &callee(), "");
    let third = desk.query();
    for key in ["created", "created_us", "created_ts"] {
        assert_eq!(first.int(key), third.int(key), "{key}");
    }
    assert_eq!(first.int("last signal"), second.int("last signal"));
    assert_eq!(third.int("last signal"), first.int("last signal").map(|at| at + 7));
    desk.pass(2);
    re_offer(&mut desk, "a", "b", &caller(), "");
    assert_eq!(desk.query().int("last signal"), first.int("last signal").map(|at| at + 9));
}

#[test]
fn ng_10_1_a_call_that_never_got_a_party_is_removed_again() {
    let rows = [
        ("nonsense\n", "Failed to parse SDP"),
        ("v=0\nm=audio 4000 RTP/AVP 0\n", "Incomplete SDP specification"),
    ];
    for (sdp, error) in rows {
        for command in ["offer", "publish"] {
            let mut desk = Desk::new();
            let done = desk.exchange(command, "\"from-tag\":\"a\"", sdp, "");
            assert_eq!(Desk::error(&done), error, "{command}");
            assert_eq!(done.fate, Fate::Destroy(CloseReason::Regular), "{command}");
        }
    }
}

#[test]
fn ng_10_2_1_every_tag_of_a_party_finds_it() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    desk.answer("a", "b1", &callee(), "");
    desk.answer("a", "b2", &callee(), "");
    assert_eq!(names(&mut desk), ["a", "b2"]);
    for tag in ["b1", "b2"] {
        let members = format!("\"from-tag\":\"{tag}\",\"flags\":[\"directional\"]");
        assert_eq!(desk.refused("block media", &members), "none", "{tag}");
        let only = desk.ask("query", &format!("\"from-tag\":\"{tag}\"")).reply;
        assert_eq!(keys(only.to_dict().dict("tags").expect("tags")), ["b2", "a"], "{tag}");
    }
}

#[test]
fn ng_10_2_2_a_new_tag_becomes_the_primary_one() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    desk.answer("a", "b1", &callee(), "");
    desk.answer("a", "b2", &callee(), "");
    let b = party(&mut desk, "b2");
    assert_eq!(b.text("tag"), Some("b2"));
    assert_eq!(texts(&b, "tag-aliases"), ["b1"]);
    // An alias that comes back finds the party and stays an alias.
    desk.answer("a", "b1", &callee(), "");
    assert_eq!(names(&mut desk), ["a", "b2"]);
}

#[test]
fn ng_10_2_3_the_branch_belongs_to_the_other_side_and_the_last_one_holds() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    assert_eq!(party(&mut desk, "a").text("via-branch"), None);
    assert_eq!(party(&mut desk, "<untagged 1>").text("via-branch"), Some("b1"));
    desk.answer("a", "b", &callee(), "\"via-branch\":\"b1\"");
    assert_eq!(party(&mut desk, "b").text("via-branch"), Some("b1"));
    re_offer(&mut desk, "a", "b", &caller(), "\"via-branch\":\"b2\"");
    assert_eq!(names(&mut desk), ["a", "b"]);
    assert_eq!(party(&mut desk, "b").text("via-branch"), Some("b2"));
    re_offer(&mut desk, "a", "b", &caller(), "");
    assert_eq!(party(&mut desk, "b").text("via-branch"), Some("b2"), "a message without a branch leaves it");
}

#[test]
fn ng_10_2_4_the_last_one_to_take_a_label_owns_it() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"label\":\"x\"");
    assert_eq!(party(&mut desk, "a").text("label"), Some("x"));
    desk.answer("a", "b", &callee(), "\"label\":\"x\"");
    assert_eq!(party(&mut desk, "b").text("label"), Some("x"));
    assert_eq!(desk.refused("block media", "\"label\":\"x\""), "none");
    let blocked = |desk: &Desk, tag: &str| {
        let party = desk.call.signalling.by_tag(tag.as_bytes()).expect("a party");
        desk.call.signalling.party(party).flags.contains(PartyFlags::BLOCK_MEDIA)
    };
    assert!(blocked(&desk, "b") && !blocked(&desk, "a"));
    re_offer(&mut desk, "a", "b", &caller(), "\"label\":\"y\"");
    assert_eq!(party(&mut desk, "a").text("label"), Some("y"), "a new label replaces the old one");
    assert_eq!(party(&mut desk, "b").text("label"), Some("x"));
}

#[test]
fn ng_10_2_5_untagged_parties_have_their_position_as_a_name() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b3\"");
    assert_eq!(names(&mut desk), ["a", "<untagged 1>", "<untagged 2>", "<untagged 3>"]);
    desk.answer("a", "b", &callee(), "\"via-branch\":\"b2\"");
    assert_eq!(names(&mut desk), ["a", "<untagged 1>", "b", "<untagged 3>"]);
    assert_eq!(party(&mut desk, "<untagged 3>").text("tag"), Some(""));
}

#[test]
fn ng_10_3_1_an_unknown_sender_is_made_with_an_untagged_other_side() {
    for more in ["", "\"to-tag\":\"\"", "\"to-tag\":\"nobody\""] {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), more);
        assert_eq!(names(&mut desk), ["a", "<untagged 1>"], "{more}");
        let a = party(&mut desk, "a");
        assert_eq!(tags_of(&a, "subscribers"), [""], "{more}");
    }
}

#[test]
fn ng_10_3_1_2_an_unknown_other_tag_opens_another_branch() {
    let mut desk = Desk::talk();
    re_offer(&mut desk, "a", "c", &caller(), "\"via-branch\":\"b7\"");
    // It does not get the tag yet; the answer gives it.
    assert_eq!(names(&mut desk), ["a", "b", "<untagged 2>"]);
    assert_eq!(party(&mut desk, "<untagged 2>").text("via-branch"), Some("b7"));
    desk.answer("a", "c", &callee(), "\"via-branch\":\"b7\"");
    assert_eq!(names(&mut desk), ["a", "b", "c"]);
}

#[test]
fn ng_10_3_1_3_without_tag_and_branch_the_present_partner_is_meant() {
    let mut desk = Desk::talk();
    desk.offer("a", &caller(), "");
    assert_eq!(names(&mut desk), ["a", "b"]);
    desk.offer("b", &callee(), "");
    assert_eq!(names(&mut desk), ["a", "b"]);
    // Nobody to mean: the publisher has no offer/answer partner.
    let mut desk = Desk::new();
    desk.sdp("publish", "\"from-tag\":\"p\"", &caller(), "");
    let done = desk.exchange("offer", "\"from-tag\":\"p\"", &caller(), "");
    assert_eq!(Desk::error(&done), "Invalid dialogue association");
    assert_eq!(done.fate, Fate::Keep);
}

#[test]
fn ng_10_3_1_4_a_branch_finds_its_party_or_makes_one() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    assert_eq!(names(&mut desk), ["a", "<untagged 1>"]);
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    assert_eq!(names(&mut desk), ["a", "<untagged 1>", "<untagged 2>"]);
}

#[test]
fn ng_10_3_2_1_a_known_sender_is_used_whoever_it_talked_to() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    desk.answer("a", "b", &callee(), "");
    re_offer(&mut desk, "c", "", &audio("10.0.0.3", 6000), "");
    let before = names(&mut desk);
    assert_eq!(before, ["a", "b", "c", "<untagged 3>"]);
    // c has not talked to b yet.
    re_offer(&mut desk, "c", "b", &audio("10.0.0.3", 6000), "");
    assert_eq!(names(&mut desk), before);
    assert_eq!(tags_of(&party(&mut desk, "b"), "subscriptions"), ["c"]);
}

#[test]
fn ng_10_3_2_2_an_unknown_sender_is_looked_for_by_branch_then_by_link() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    desk.answer("a", "late", &callee(), "\"via-branch\":\"b2\"");
    assert_eq!(names(&mut desk), ["a", "<untagged 1>", "late"]);
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.answer("a", "b", &callee(), "");
    assert_eq!(names(&mut desk), ["a", "b"], "without a branch the first link leads to it");
}

#[test]
fn ng_10_3_2_3_an_answer_re_tags_and_an_offer_never_does() {
    let mut desk = Desk::talk();
    desk.answer("a", "b2", &callee(), "");
    assert_eq!(names(&mut desk), ["a", "b2"]);
    // An offer from somebody unknown to somebody known makes a party.
    re_offer(&mut desk, "c", "a", &audio("10.0.0.3", 6000), "");
    assert_eq!(names(&mut desk), ["a", "b2", "c"]);
    // No candidate at all: the publisher has no partner.
    let mut desk = Desk::new();
    desk.sdp("publish", "\"from-tag\":\"p\"", &caller(), "");
    desk.answer("p", "q", &callee(), "");
    assert_eq!(names(&mut desk), ["p", "q"]);
}

#[test]
fn ng_10_3_2_3_new_branch_and_final_responses_stop_re_tagging() {
    let final_reply = "\"sip-message-type\":\"sip-reply\",\"sip-code\":200";
    let rows = [
        ("", "", true),
        ("", "\"flags\":[\"new-branch\"]", false),
        (final_reply, "", false),
        (final_reply, "\"flags\":[\"provisional\"]", true),
        (final_reply, "\"flags\":[\"provisional\",\"new-branch\"]", false),
        ("\"sip-message-type\":\"sip-reply\",\"sip-code\":183", "", true),
        ("\"sip-message-type\":\"request\",\"sip-code\":200", "", true),
        ("\"sip-code\":200", "", true),
        ("\"sip-message-type\":\"sip-reply\"", "", true),
    ];
    for (first, second, re_tagged) in rows {
        let mut desk = Desk::new();
        desk.offer("a", &caller(), "");
        desk.answer("a", "b1", &callee(), first);
        desk.answer("a", "b2", &callee(), second);
        let expected: &[&str] = if re_tagged { &["a", "b2"] } else { &["a", "b1", "b2"] };
        assert_eq!(names(&mut desk), expected, "{first:?} then {second:?}");
    }
    // An offer takes the final state back.
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    desk.answer("a", "b1", &callee(), final_reply);
    re_offer(&mut desk, "a", "b1", &caller(), "");
    desk.answer("a", "b2", &callee(), "");
    assert_eq!(names(&mut desk), ["a", "b2"]);
}

#[test]
fn ng_10_3_2_4_nobody_talks_to_himself() {
    let mut desk = Desk::talk();
    let before = desk.query();
    for command in ["offer", "answer"] {
        let done = desk.exchange(command, "\"from-tag\":\"a\",\"to-tag\":\"a\"", &caller(), "");
        assert_eq!(Desk::error(&done), "Invalid dialogue association", "{command}");
        assert_eq!(done.fate, Fate::Keep);
    }
    assert_eq!(desk.query(), before, "the call is as it was");
}

#[test]
fn ng_10_3_2_5_the_candidate_gets_the_senders_tag() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    assert_eq!(names(&mut desk), ["a", "<untagged 1>"]);
    desk.answer("a", "b", &callee(), "");
    assert_eq!(party(&mut desk, "b").text("tag"), Some("b"));
    assert_eq!(party(&mut desk, "b").list("tag-aliases"), None, "it had none before");
}

#[test]
fn ng_10_3_a_message_cancels_scheduled_deletions_of_both() {
    let mut desk = Desk::talk();
    desk.ask("delete", "\"delete-delay\":5");
    re_offer(&mut desk, "a", "b", &caller(), "");
    assert_eq!(desk.call.signalling.deletion, None);
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b1\",\"delete-delay\":5");
    let due = |desk: &Desk| desk.call.signalling.parties.iter().filter(|p| p.deletion.is_some()).count();
    assert_eq!(due(&desk), 1);
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    assert_eq!(due(&desk), 0);
}

#[test]
fn ng_10_3_a_message_has_both_sides_confirmed_anew() {
    use crate::flow::Learning;
    let mut desk = Desk::talk();
    let now = desk.now;
    for tag in ["a", "b"] {
        let stream = desk.rtp(tag, 0);
        desk.call.plane.fill(stream, "10.0.0.9:7000".parse().expect("an address"), Learning::Off, now);
    }
    re_offer(&mut desk, "a", "b", &caller(), "");
    for tag in ["a", "b"] {
        let stream = desk.call.plane.stream(desk.rtp(tag, 0)).expect("a stream");
        assert!(!stream.confirmed(), "{tag}");
    }
}

#[test]
fn ng_10_4_the_same_sdp_or_address_finds_an_unknown_sender() {
    for (name, again, found) in [
        ("SDP", caller(), true),
        ("sdp", caller(), true),
        ("SDP", caller().replace("s=t", "s=u"), false),
        ("address", caller().replace("s=t", "s=u"), true),
        ("endpoint", audio("10.0.0.1", 4000), true),
        ("address", audio("10.0.0.1", 4002), false),
        ("none", caller(), false),
        ("off", caller(), false),
    ] {
        let key = format!("\"alias-key\":\"{name}\"");
        let mut desk = Desk::new();
        desk.offer("a", &caller(), &key);
        desk.offer("a2", &again, &key);
        if found {
            assert_eq!(names(&mut desk), ["a2", "<untagged 1>"], "{name}");
            assert_eq!(texts(&party(&mut desk, "a2"), "tag-aliases"), ["a"]);
        } else {
            assert_eq!(names(&mut desk), ["a", "<untagged 1>", "a2", "<untagged 3>"], "{name}");
        }
    }
    // Both messages have to ask for it, and a port of 0 is no address.
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    desk.offer("a2", &caller(), "\"alias-key\":\"sdp\"");
    assert_eq!(names(&mut desk).len(), 4);
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 0), "\"alias-key\":\"address\"");
    desk.offer("a2", &audio("10.0.0.1", 0), "\"alias-key\":\"address\"");
    assert_eq!(names(&mut desk).len(), 4);
}
