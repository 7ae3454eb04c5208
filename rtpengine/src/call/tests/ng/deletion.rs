//! Deletion, TOS and time-outs (ng-control.md §10.7, §10.9, §10.10).

use super::super::super::{CloseReason, Fate};
use super::*;

const NOT_FOUND: &str = "Call-ID not found or tags didn't match";

fn forked() -> Desk {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    desk
}

#[test]
fn ng_10_7_2_without_a_from_tag_the_entire_call_goes() {
    for members in ["", "\"from-tag\":\"\"", "\"to-tag\":\"b\"", "\"via-branch\":\"b1\""] {
        let mut desk = forked();
        let comma = if members.is_empty() { "" } else { "," };
        let done = desk.ask("delete", &format!("\"delete-delay\":0{comma}{members}"));
        assert_eq!(done.fate, Fate::Destroy(CloseReason::Regular), "{members}");
    }
}

#[test]
fn ng_10_7_3_a_branch_names_the_party_before_the_tag_does() {
    let mut desk = forked();
    let done = desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b2\",\"delete-delay\":0");
    assert_eq!(done.fate, Fate::Keep);
    assert!(local_port(&mut desk, "<untagged 1>").is_some());
    assert_eq!(local_port(&mut desk, "<untagged 2>"), None);
}

#[test]
fn ng_10_7_4_the_tag_then_the_branch_then_the_only_untagged_partner() {
    // A branch that nobody has leaves the tag.
    let mut desk = forked();
    let done = desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b9\",\"delete-delay\":0");
    assert_eq!(done.fate, Fate::Destroy(CloseReason::Regular));
    // A to-tag that counts is looked for first.
    let mut desk = forked();
    desk.answer("a", "b", &callee(), "\"via-branch\":\"b1\"");
    let members = "\"from-tag\":\"a\",\"to-tag\":\"b\",\"via-branch\":\"b2\",\"delete-delay\":0";
    assert_eq!(desk.ask("delete", members).fate, Fate::Keep);
    assert_eq!(local_port(&mut desk, "b"), None);
    assert!(local_port(&mut desk, "<untagged 2>").is_some());
    // Not found by to-tag: the one with the branch.
    let mut desk = forked();
    let members = "\"from-tag\":\"a\",\"to-tag\":\"nobody\",\"via-branch\":\"b2\",\"delete-delay\":0";
    assert_eq!(desk.ask("delete", members).fate, Fate::Keep);
    assert_eq!(local_port(&mut desk, "<untagged 2>"), None);
    // Neither: the sender, if its partner is the only one and has no tag yet.
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    let members = "\"from-tag\":\"a\",\"to-tag\":\"nobody\",\"delete-delay\":0";
    assert_eq!(desk.ask("delete", members).fate, Fate::Destroy(CloseReason::Regular));
    // With two of them, or a tagged one, nobody is meant.
    for mut desk in [forked(), Desk::talk()] {
        let done = desk.ask("delete", members);
        assert_eq!(done.fate, Fate::Keep);
        assert_eq!(done.reply.to_dict().text("warning"), Some(NOT_FOUND));
    }
}

#[test]
fn ng_10_7_5_who_has_nobody_left_goes_along() {
    // One branch of two leaves the rest.
    let mut desk = forked();
    desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b1\",\"delete-delay\":0");
    assert_eq!(desk.query().text("result"), Some("ok"));
    // The second one was the last.
    let done = desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b2\",\"delete-delay\":0");
    assert_eq!(done.fate, Fate::Destroy(CloseReason::Regular));
    // By the offerer's tag all go.
    let mut desk = forked();
    let done = desk.ask("delete", "\"from-tag\":\"a\",\"delete-delay\":0");
    assert_eq!(done.fate, Fate::Destroy(CloseReason::Regular));
    // Either tag of two ends the call.
    for tag in ["a", "b"] {
        let done = Desk::talk().ask("delete", &format!("\"from-tag\":\"{tag}\",\"delete-delay\":0"));
        assert_eq!(done.fate, Fate::Destroy(CloseReason::Regular), "{tag}");
    }
}

#[test]
fn ng_10_7_6_a_scheduled_deletion_leaves_everything_as_it_is_until_then() {
    let mut desk = Desk::talk();
    let before = desk.query();
    let done = desk.ask("delete", "\"delete-delay\":10");
    assert_eq!(done.fate, Fate::Keep);
    assert_eq!(desk.query(), before);
    let due = desk.call.signalling.deletion.expect("a mark");
    assert_eq!(due, desk.now.instant + std::time::Duration::from_secs(10));
    // Publishing cancels it as offer and answer do.
    for (command, tags) in [
        ("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\""),
        ("answer", "\"from-tag\":\"a\",\"to-tag\":\"b\""),
        ("publish", "\"from-tag\":\"p\""),
    ] {
        let mut desk = Desk::talk();
        desk.ask("delete", "\"delete-delay\":10");
        desk.sdp(command, tags, &caller(), "");
        assert_eq!(desk.call.signalling.deletion, None, "{command}");
    }
    // Per party the same.
    let mut desk = forked();
    desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b1\",\"delete-delay\":10");
    assert!(local_port(&mut desk, "<untagged 1>").is_some());
    desk.pass(10);
    let (now, mut ports) = (desk.now, std::mem::take(&mut desk.ports));
    desk.call.delete_due(now, &mut ports);
    desk.ports = ports;
    assert_eq!(local_port(&mut desk, "<untagged 1>"), None);
}

#[test]
fn ng_10_7_6_the_delay_comes_from_the_message_or_the_option() {
    for (members, seconds) in [
        ("", 30),
        ("\"delete-delay\":5", 5),
        ("\"delete delay\":6", 6),
        ("\"delete_delay\":\"7\"", 7),
        ("\"delete-delay\":-1", 30),
    ] {
        let mut desk = Desk::talk();
        assert_eq!(desk.ask("delete", members).fate, Fate::Keep, "{members}");
        let due = desk.call.signalling.deletion.expect("a mark");
        assert_eq!(due - desk.now.instant, std::time::Duration::from_secs(seconds), "{members}");
    }
    let mut desk = Desk::talk();
    desk.settings.delete_delay = std::time::Duration::ZERO;
    assert_eq!(desk.ask("delete", "").fate, Fate::Destroy(CloseReason::Regular));
}

#[test]
fn ng_10_7_7_the_reply_does_not_depend_on_the_delay() {
    let mut now = Desk::talk();
    let mut later = Desk::talk();
    later.now = now.now;
    let reply = |desk: &mut Desk, delay: u32| {
        let done = desk.ask("delete", &format!("\"delete-delay\":{delay}"));
        keys(&done.reply.to_dict())
    };
    let expected = reply(&mut now, 0);
    assert_eq!(expected, reply(&mut later, 60));
    for key in ["created", "SSRC", "tags", "totals", "result"] {
        assert!(expected.iter().any(|k| k == key), "{key}");
    }
}

#[test]
fn ng_10_7_8_one_id_of_a_merged_call_takes_its_own_parties() {
    let mut desk = Desk::talk();
    let mut other = Desk::new();
    other.offer("c", &audio("10.0.0.3", 6000), "");
    other.answer("c", "d", &audio("10.0.0.4", 7000), "");
    let mut second = other.call;
    second.signalling.ids[0] = "other".into();
    let (done, _) = desk.join("\"command\":\"mesh\",\"calls\":[\"call\",\"other\"]", vec![second]);
    assert_eq!(Desk::error(&done), "none");
    assert_eq!(names(&mut desk), ["a", "b", "c", "d"]);
    let done = desk.request_as("other", "\"command\":\"delete\",\"call-id\":\"other\",\"delete-delay\":60");
    assert_eq!(done.fate, Fate::Keep);
    let due: Vec<bool> = desk.call.signalling.parties.iter().map(|p| p.deletion.is_some()).collect();
    assert_eq!(due, [false, false, true, true]);
}

#[test]
fn ng_10_9_tos_of_all_sockets() {
    let rows = [
        ("", 184),
        ("\"TOS\":16", 16),
        ("\"TOS\":\"16\"", 16),
        ("\"TOS\":256", 184),
        ("\"TOS\":255", 255),
        ("\"tos\":0", 0),
    ];
    for (more, tos) in rows {
        let mut desk = Desk::new();
        desk.settings.tos = 184;
        desk.offer("a", &caller(), more);
        assert_eq!(desk.call.signalling.tos, tos, "{more}");
        // Negative: as it was. Absent: the default again.
        re_offer(&mut desk, "a", "", &caller(), "\"TOS\":-1");
        assert_eq!(desk.call.signalling.tos, tos, "{more}");
        // Answers do not say anything about it.
        desk.answer("a", "b", &callee(), "\"TOS\":99");
        assert_eq!(desk.call.signalling.tos, tos, "{more}");
        re_offer(&mut desk, "a", "b", &caller(), "");
        assert_eq!(desk.call.signalling.tos, 184, "{more}");
    }
}

fn timeout(desk: &Desk) -> Fate {
    desk.call.timeout(&desk.settings, desk.now)
}

#[test]
fn ng_10_10_media_of_a_talk_times_out() {
    let mut desk = Desk::talk();
    desk.pass(59);
    assert_eq!(timeout(&desk), Fate::Keep);
    desk.pass(2);
    assert_eq!(timeout(&desk), Fate::Destroy(CloseReason::Timeout));
}

#[test]
fn ng_10_10_1_foreign_calls_know_the_final_timeout_only() {
    use super::super::super::signalling::CallFlags;
    let mut desk = Desk::talk();
    desk.call.signalling.flags.insert(CallFlags::FOREIGN);
    desk.pass(5000);
    assert_eq!(timeout(&desk), Fate::Keep);
    desk.settings.final_timeout = Some(std::time::Duration::from_secs(4000));
    assert_eq!(timeout(&desk), Fate::Destroy(CloseReason::FinalTimeout));
}

#[test]
fn ng_10_10_2_a_silent_stream_counts_only_where_none_is_subject_to_the_normal_timeout() {
    let inactive = "a=inactive\n";
    let mut desk = Desk::new();
    desk.offer("a", &(caller() + inactive), "");
    desk.answer("a", "b", &(callee() + inactive), "");
    desk.pass(3000);
    assert_eq!(timeout(&desk), Fate::Keep);
    desk.pass(601);
    assert_eq!(timeout(&desk), Fate::Destroy(CloseReason::SilentTimeout));
    // One side still expects media: that one decides.
    let mut desk = Desk::new();
    desk.offer("a", &(caller() + "a=sendonly\n"), "");
    desk.answer("a", "b", &(callee() + "a=recvonly\n"), "");
    desk.pass(61);
    assert_eq!(timeout(&desk), Fate::Destroy(CloseReason::Timeout));
}

#[test]
fn ng_10_10_3_signalling_counts_as_a_packet() {
    let mut desk = Desk::talk();
    desk.pass(50);
    re_offer(&mut desk, "a", "b", &caller(), "");
    desk.pass(50);
    assert_eq!(timeout(&desk), Fate::Keep);
    desk.pass(11);
    assert_eq!(timeout(&desk), Fate::Destroy(CloseReason::Timeout));
}

#[test]
fn ng_10_10_4_no_streams_no_timeout_and_none_while_a_deletion_is_pending() {
    let mut desk = Desk::new();
    desk.pass(100_000);
    assert_eq!(timeout(&desk), Fate::Keep, "a call without streams");
    let mut desk = Desk::talk();
    desk.offer("a", &caller(), "\"via-branch\":\"b9\"");
    desk.ask("delete", "\"from-tag\":\"a\",\"via-branch\":\"b9\",\"delete-delay\":1000");
    desk.pass(100);
    assert_eq!(timeout(&desk), Fate::Keep);
}
