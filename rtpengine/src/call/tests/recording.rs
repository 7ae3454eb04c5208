//! Recording and forwarding (ng-control.md §11.6, §11.7, recording.md §2).

use super::super::party::PartyFlags;
use super::super::signalling::CallFlags;
use super::{Desk, audio};

const NO_SPOOL: &str = "Call recording requested, but no spool directory configured";

fn dictionary(desk: &mut Desk) -> Option<[i64; 2]> {
    let query = desk.query();
    let recording = query.dict("recording")?;
    Some(["call recording", "forwarding"].map(|key| recording.int(key).expect("a number")))
}

#[test]
fn ng_11_6_without_a_spool_directory_only_the_log_knows() {
    let mut desk = Desk::talk();
    assert_eq!(desk.refused("start recording", "\"metadata\":\"one\",\"from-tag\":\"a\""), "none");
    assert!(desk.log.iter().any(|line| line.text == NO_SPOOL));
    assert_eq!(dictionary(&mut desk), None);
    let query = desk.query();
    assert_eq!(query.text("metadata"), Some("one"));
    assert_eq!(query.dict("tags").and_then(|t| t.dict("a")).and_then(|a| a.text("metadata")), Some("one"));
}

#[test]
fn ng_12_1_a_recording_is_shown() {
    let mut desk = Desk::talk();
    desk.settings.records = true;
    assert_eq!(dictionary(&mut desk), None);
    desk.ask("start recording", "");
    assert_eq!(dictionary(&mut desk), Some([1, 0]));
    desk.ask("start forwarding", "");
    assert_eq!(dictionary(&mut desk), Some([1, 1]));
    desk.ask("stop recording", "");
    assert_eq!(dictionary(&mut desk), Some([0, 1]));
    desk.ask("stop forwarding", "");
    assert_eq!(dictionary(&mut desk), None);
    assert!(desk.log.is_empty());
}

#[test]
fn ng_11_6_stopping_may_mean_pausing_or_discarding() {
    for (command, members, expected) in [
        ("pause recording", "", CallFlags::RECORDING_PAUSED),
        ("stop recording", "\"pause\":\"yes\"", CallFlags::RECORDING_PAUSED),
        ("stop recording", "\"flags\":[\"pause\"]", CallFlags::RECORDING_PAUSED),
        ("stop recording", "\"flags\":[\"discard-recording\"]", CallFlags::DISCARD_RECORDING),
        ("stop recording", "", CallFlags::empty()),
    ] {
        let mut desk = Desk::talk();
        desk.ask("start recording", "");
        desk.ask(command, members);
        assert_eq!(desk.call.signalling.flags, expected, "{command} {members}");
    }
}

#[test]
fn ng_11_6_an_unknown_tag_is_only_logged() {
    let mut desk = Desk::talk();
    desk.settings.records = true;
    assert_eq!(desk.refused("start recording", "\"from-tag\":\"x\",\"metadata\":\"m\""), "none");
    assert!(desk.log.iter().any(|line| line.text.contains('x')));
    assert_eq!(desk.query().text("metadata"), Some("m"));
}

#[test]
fn ng_11_2_offers_record_unless_paused() {
    let mut desk = Desk::new();
    desk.settings.records = true;
    desk.offer("a", &audio("10.0.0.1", 4000), "\"record-call\":\"yes\"");
    assert_eq!(dictionary(&mut desk), Some([1, 0]));
    desk.ask("pause recording", "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "\"flags\":[\"record-call\"]");
    assert_eq!(dictionary(&mut desk), Some([0, 0]), "paused");
    desk.sdp(
        "offer",
        "\"from-tag\":\"a\",\"to-tag\":\"b\"",
        &audio("10.0.0.1", 4000),
        "\"record-call\":\"no\"",
    );
    assert_eq!(dictionary(&mut desk), None);
    desk.sdp("publish", "\"from-tag\":\"p\"", &audio("10.0.0.3", 4000), "\"record-call\":\"on\"");
    assert_eq!(dictionary(&mut desk), Some([1, 0]));
}

#[test]
fn recording_2_3_targets_are_kept_until_the_recording_ends() {
    let mut desk = Desk::talk();
    desk.ask(
        "start recording",
        "\"recording-file\":\"f\",\"recording-path\":\"p\",\"recording-pattern\":\"%c\"",
    );
    desk.ask("start recording", "\"recording-file\":\"\"");
    let text =
        |key: &Option<rtpengine_common::ng::ByteString>| key.as_ref().map(|k| k.to_text().into_owned());
    let target = &desk.call.signalling.recording;
    assert_eq!(
        [&target.file, &target.path, &target.pattern].map(text),
        ["f", "p", "%c"].map(|t| Some(t.to_owned()))
    );
    desk.ask("stop recording", "\"metadata\":\"m\"");
    assert_eq!(desk.call.signalling.recording, super::super::recording::RecordingTarget::default());
    assert_eq!(desk.query().text("metadata"), Some("m"));
}

#[test]
fn ng_11_7_forwarding_of_a_party_or_the_call() {
    let mut desk = Desk::talk();
    desk.settings.records = true;
    let party = |desk: &Desk| {
        let id = desk.call.signalling.by_tag(b"a").expect("a party");
        desk.call.signalling.party(id).flags.contains(PartyFlags::FORWARDING)
    };
    desk.ask("start forwarding", "\"from-tag\":\"a\"");
    assert_eq!(dictionary(&mut desk), Some([0, 1]), "without directional the tag is ignored");
    assert!(!party(&desk));
    desk.ask("start forwarding", "\"from-tag\":\"a\",\"flags\":[\"directional\"]");
    assert!(party(&desk));
    desk.ask("stop forwarding", "");
    assert_eq!(dictionary(&mut desk), Some([0, 0]));
    assert!(party(&desk), "a party's own stays");
    desk.ask("stop forwarding", "\"all\":\"all\"");
    assert!(!party(&desk));
    assert_eq!(desk.refused("start forwarding", "\"label\":\"x\""), "No monologue matching the given label");
}
