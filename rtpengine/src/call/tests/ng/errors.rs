//! Every error text of ng-control.md §13 C to E that a call gives, each leaving the call as it was.

use super::super::super::{CloseReason, Fate, commands::unknown_call};
use super::super::lines;
use super::*;
use rtpengine_common::ng::Command;

/// A talk of `a` (label `x`) and `b`, a subscriber `s` of `a`, and the untagged partner of a third party `c`.
fn busy() -> Desk {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"label\":\"x\"");
    desk.answer("a", "b", &callee(), "");
    desk.ask("subscribe request", "\"from-tag\":\"a\",\"to-tag\":\"s\"");
    desk.offer("c", &audio("10.0.0.3", 6000), "");
    desk
}

/// Everything that was signalled.
fn state(desk: &Desk) -> String {
    format!("{:?}", desk.call.signalling)
}

const SDP: &str = "\"sdp\":\"v=0\\r\\no=- 1 1 IN IP4 10.0.0.1\\r\\ns=t\\r\\nc=IN IP4 10.0.0.1\\r\\nt=0 0\\r\\nm=audio 4000 RTP/AVP 0\\r\\n\"";
const BAD_SDP: &str = "\"sdp\":\"no session\\r\\n\"";
const HALF_SDP: &str = "\"sdp\":\"v=0\\r\\nm=audio 4000 RTP/AVP 0\\r\\n\"";

/// Commands with members that fail, and the text.
const ROWS: &[(&str, &[&str], &str)] = &[
    // C: message content
    ("offer", &["\"from-tag\":\"a\""], "No SDP body in message"),
    ("answer", &["\"from-tag\":\"a\",\"to-tag\":\"b\""], "No SDP body in message"),
    ("publish", &["\"from-tag\":\"a\""], "No SDP body in message"),
    ("subscribe answer", &["\"to-tag\":\"s\""], "No SDP body in message"),
    ("create answer", &["\"from-tag\":\"a\""], "No SDP body in message"),
    ("offer", &[SDP], "No from-tag in message"),
    ("answer", &[SDP, "\"to-tag\":\"b\""], "No from-tag in message"),
    ("create answer", &[SDP], "No from-tag in message"),
    ("answer", &[SDP, "\"from-tag\":\"a\""], "No to-tag in message"),
    ("subscribe answer", &[SDP], "No to-tag in message"),
    ("unsubscribe", &[], "No to-tag in message"),
    ("connect", &["\"from-tag\":\"a\""], "No to-tag in message"),
    ("inject start", &["\"source-tag\":\"a\""], "No to-tag in message"),
    ("inject stop", &["\"to-tag\":\"b\""], "No source-tag in message"),
    ("play media", &["\"file\":\"x\""], "No participant party specified"),
    ("stop media", &[], "No participant party specified"),
    ("play DTMF", &["\"code\":1"], "No participant party specified"),
    ("play media", &["\"from-tag\":\"a\""], "No media file specified"),
    ("play media", &["\"from-tag\":\"a\",\"db-id\":0"], "No media file specified"),
    ("play DTMF", &["\"from-tag\":\"a\""], "Out of range 'code' specified"),
    ("play DTMF", &["\"from-tag\":\"a\",\"code\":16"], "Out of range 'code' specified"),
    ("play DTMF", &["\"from-tag\":\"a\",\"code\":\"E\""], "Out of range 'code' specified"),
    // D: lookup
    ("create answer", &[SDP, "\"from-tag\":\"nobody\""], "from-tag not found"),
    ("block media", &["\"label\":\"nobody\""], "No monologue matching the given label"),
    ("block media", &["\"address\":\"nowhere\""], "Failed to parse network address"),
    ("block media", &["\"address\":\"10.9.9.9\""], "Failed to match address to any tag"),
    ("silence media", &["\"from-tag\":\"nobody\""], "From-tag given, but no such tag exists"),
    (
        "block DTMF",
        &["\"from-tag\":\"nobody\",\"flags\":[\"directional\"]"],
        "From-tag given, but no such tag exists",
    ),
    (
        "stop forwarding",
        &["\"from-tag\":\"nobody\",\"flags\":[\"directional\"]"],
        "From-tag given, but no such tag exists",
    ),
    ("play media", &["\"from-tag\":\"nobody\",\"file\":\"x\""], "From-tag given, but no such tag exists"),
    ("subscribe request", &["\"label\":\"nobody\""], "No monologue matching the given label"),
    ("subscribe request", &[], "No medias found (no monologues matched)"),
    ("subscribe request", &["\"from-tags\":[\"nobody\"]"], "No medias found (no monologues matched)"),
    ("connect", &["\"to-tag\":\"b\""], "No medias found (no monologues matched)"),
    ("subscribe answer", &[SDP, "\"to-tag\":\"nobody\""], "To-tag not found"),
    ("unsubscribe", &["\"to-tag\":\"nobody\""], "To-tag not found"),
    ("inject start", &["\"to-tag\":\"nobody\",\"source-tag\":\"a\""], "To-tag not found"),
    (
        "unsubscribe",
        &["\"to-tag\":\"s\",\"from-tag\":\"nobody\",\"flags\":[\"directional\"]"],
        "From-tag not found",
    ),
    ("inject start", &["\"to-tag\":\"b\",\"source-tag\":\"nobody\""], "Source-tag not found"),
    (
        "mesh",
        &["\"calls\":[\"call\"],\"tags\":[{\"from\":\"nobody\",\"to\":[\"b\"]}]"],
        "Given from-tag not found",
    ),
    (
        "mesh",
        &["\"calls\":[\"call\"],\"tags\":[{\"from\":\"a\",\"to\":[\"b\",\"nobody\"]}]"],
        "Given to-tag not found",
    ),
    ("block media", &["\"label\":\"x\",\"to-tag\":\"nobody\""], "Media flow not found (to-tag not found)"),
    (
        "unsilence media",
        &["\"label\":\"x\",\"to-label\":\"nobody\""],
        "Media flow not found (to-label not found)",
    ),
    ("unblock media", &["\"label\":\"x\",\"to-tag\":\"c\""], "Media flow not found (to-tag not subscribed)"),
    (
        "block media",
        &["\"label\":\"x\",\"to-tag\":\"nobody\",\"set-label\":\"y\""],
        "Media flow not found (to-tag not found)",
    ),
    (
        "silence media",
        &["\"from-tag\":\"s\",\"all\":\"offer-answer\""],
        "No eligible media subscriptions found",
    ),
    // E: processing
    ("offer", &[BAD_SDP, "\"from-tag\":\"a\",\"to-tag\":\"b\""], "Failed to parse SDP"),
    ("answer", &[BAD_SDP, "\"from-tag\":\"a\",\"to-tag\":\"b\""], "Failed to parse SDP"),
    ("publish", &[BAD_SDP, "\"from-tag\":\"a\""], "Failed to parse SDP"),
    ("subscribe answer", &[BAD_SDP, "\"to-tag\":\"s\""], "Failed to parse SDP"),
    ("create answer", &[BAD_SDP, "\"from-tag\":\"a\""], "Failed to parse SDP"),
    ("offer", &[HALF_SDP, "\"from-tag\":\"a\",\"to-tag\":\"b\""], "Incomplete SDP specification"),
    ("answer", &[HALF_SDP, "\"from-tag\":\"a\",\"to-tag\":\"b\""], "Incomplete SDP specification"),
    ("publish", &[HALF_SDP, "\"from-tag\":\"a\""], "Incomplete SDP specification"),
    ("subscribe answer", &[HALF_SDP, "\"to-tag\":\"s\""], "Incomplete SDP specification"),
    ("create answer", &[HALF_SDP, "\"from-tag\":\"a\""], "Incomplete SDP specification"),
    (
        "offer",
        &[SDP, "\"from-tag\":\"a\",\"to-tag\":\"b\",\"flags\":[\"SIP-source-address\"]"],
        "Incomplete SDP specification",
    ),
    ("offer", &[SDP, "\"from-tag\":\"a\",\"to-tag\":\"a\""], "Invalid dialogue association"),
    ("answer", &[SDP, "\"from-tag\":\"a\",\"to-tag\":\"a\""], "Invalid dialogue association"),
    ("offer", &[SDP, "\"from-tag\":\"s\""], "Invalid dialogue association"),
    ("subscribe request", &["\"from-tag\":\"a\",\"to-tag\":\"a\""], "Failed to request subscription"),
    ("create answer", &["\"sdp\":\"v=0\\r\\ns=-\\r\\n\"", "\"from-tag\":\"a\""], "failed to perform answer"),
    ("inject start", &["\"to-tag\":\"a\",\"source-tag\":\"a\""], "Trying to inject to self"),
    ("inject start", &["\"to-tag\":\"b\",\"source-tag\":\"a\""], "Failed to start inject"),
    ("inject stop", &["\"to-tag\":\"b\",\"source-tag\":\"a\""], "Failed to stop inject"),
    ("transform", &["\"instance\":\"000000000000\""], "Transform loop detected"),
    ("transform", &[], "Failed to set up transform"),
    ("transform", &["\"media\":[{\"type\":\"audio\"}]"], "Failed to set up transform"),
    ("stop media", &["\"from-tag\":\"a\""], "Not currently playing media"),
    ("play DTMF", &["\"from-tag\":\"s\",\"code\":1"], "There is no sink media capable of DTMF playback"),
    ("play DTMF", &["\"from-tag\":\"a\",\"code\":1"], "No SSRC context present for DTMF injection"),
];

#[test]
fn ng_13_c_d_e_every_text_leaves_the_call_as_it_was() {
    let mut desk = busy();
    let ports = desk.ports.open.clone();
    for (command, members, text) in ROWS {
        // Without engines the commands of players are refused before that.
        if *text == "Not currently playing media" && !cfg!(feature = "codec") {
            continue;
        }
        let before = state(&desk);
        let done = desk.ask(command, &members.join(","));
        assert_eq!(Desk::error(&done), *text, "{command} {members:?}");
        assert_eq!(done.fate, Fate::Keep, "{command} {members:?}");
        assert!(state(&desk) == before, "{command} {members:?}");
    }
    assert_eq!(desk.ports.open, ports);
}

#[test]
fn ng_13_e_running_out_of_ports_is_the_only_error_that_ends_the_call() {
    let mut desk = busy();
    desk.ports.limit = desk.ports.open.len();
    let done = desk.ask("offer", &format!("{SDP},\"from-tag\":\"new\""));
    assert_eq!(Desk::error(&done), "Ran out of ports");
    assert!(matches!(done.fate, Fate::Destroy(_)));
}

#[test]
fn ng_13_d_the_text_of_an_unknown_call_depends_on_the_command() {
    use Command as C;
    let rows: &[(&str, &[C])] = &[
        ("Unknown call-id", &[C::Answer, C::Query, C::StartRecording, C::StopRecording, C::PauseRecording]),
        (
            "Unknown call-ID",
            &[
                C::BlockMedia,
                C::UnblockMedia,
                C::SilenceMedia,
                C::UnsilenceMedia,
                C::BlockDtmf,
                C::UnblockDtmf,
                C::StartForwarding,
                C::StopForwarding,
                C::PlayMedia,
                C::StopMedia,
                C::PlayDtmf,
                C::SubscribeAnswer,
                C::Unsubscribe,
            ],
        ),
        ("Unknown call-ID(s)", &[C::SubscribeRequest, C::Connect, C::InjectStart, C::InjectStop]),
        ("Unknown call ID(s)", &[C::Mesh]),
        ("unknown call-ID", &[C::CreateAnswer]),
        ("Call-ID not found or tags didn't match", &[C::Delete]),
    ];
    for (text, commands) in rows {
        for command in *commands {
            assert_eq!(unknown_call(*command).to_string(), *text, "{command}");
        }
    }
}

#[test]
fn ng_13_c_no_call_id_in_message() {
    let commands = [
        "answer",
        "offer",
        "delete",
        "query",
        "start recording",
        "stop recording",
        "pause recording",
        "block DTMF",
        "unblock DTMF",
        "block media",
        "unblock media",
        "silence media",
        "unsilence media",
        "start forwarding",
        "stop forwarding",
        "play media",
        "stop media",
        "play DTMF",
        "subscribe request",
        "subscribe answer",
        "unsubscribe",
        "connect",
        "inject start",
        "inject stop",
        "create answer",
    ];
    for command in commands {
        for empty in ["", ",\"call-id\":\"\""] {
            let mut desk = busy();
            let before = state(&desk);
            let done = desk.request(&format!("\"command\":\"{command}\",{SDP}{empty}"));
            assert_eq!(Desk::error(&done), "No call-id in message", "{command}");
            assert!(state(&desk) == before, "{command}");
        }
    }
}

#[test]
fn ng_13_d_delete_that_finds_nothing_is_a_warning_or_with_fatal_an_error() {
    let mut desk = Desk::talk();
    let before = state(&desk);
    let text = "Call-ID not found or tags didn't match";
    let done = desk.ask("delete", "\"from-tag\":\"nobody\"");
    assert_eq!(keys(&done.reply.to_dict()), ["warning", "result"]);
    assert_eq!(done.reply.to_dict().text("warning"), Some(text));
    assert_eq!(desk.refused("delete", "\"from-tag\":\"nobody\",\"flags\":[\"fatal\"]"), text);
    assert!(state(&desk) == before);
}

#[test]
fn ng_13_e_sdp_that_cannot_be_made() {
    // No section at all: there is nothing to print.
    let nothing = "\"sdp\":\"v=0\\r\\ns=-\\r\\n\"";
    assert_eq!(Desk::new().refused("offer", &format!("{nothing},\"from-tag\":\"a\"")), "Error rewriting SDP");
    assert_eq!(
        Desk::new().refused("publish", &format!("{nothing},\"from-tag\":\"a\"")),
        "Failed to create SDP"
    );
    // The call that such an offer made goes with it; one that was there stays.
    let offer =
        |desk: &mut Desk, tag: &str| desk.ask("offer", &format!("{nothing},\"from-tag\":\"{tag}\"")).fate;
    assert_eq!(offer(&mut Desk::new(), "a"), Fate::Destroy(CloseReason::Regular));
    assert_eq!(offer(&mut Desk::talk(), "new"), Fate::Keep);
    // No ports for a publisher leave its sections rejected, and without any there is no SDP.
    let mut desk = Desk::talk();
    desk.ports.limit = desk.ports.open.len();
    assert_eq!(desk.refused("publish", &format!("{SDP},\"from-tag\":\"p\"")), "Failed to create SDP");
    assert_eq!(desk.refused("create", "\"from-tag\":\"q\""), "failed to set up call/monologue");
    // A publisher of something else than RTP is fine as it is.
    let mut desk = Desk::new();
    let image = caller().replace("m=audio 4000 RTP/AVP 0 8", "m=image 4000 udptl t38");
    assert!(
        lines(&desk.sdp("publish", "\"from-tag\":\"p\"", &image, ""))
            .iter()
            .any(|l| l.starts_with("m=image"))
    );
}

#[test]
fn ng_13_e_codecs_that_a_subscriber_refuses() {
    let mut desk = busy();
    let before = state(&desk);
    // Other codecs than the offered one.
    let sdp = SDP.replace("RTP/AVP 0", "RTP/AVP 9");
    let text = "Failed to process subscription answer";
    assert_eq!(desk.refused("subscribe answer", &format!("{sdp},\"to-tag\":\"s\"")), text);
    assert!(state(&desk) == before);
}

#[test]
fn ng_13_e_calls_that_cannot_be_merged() {
    for (members, text) in [
        (
            "\"command\":\"connect\",\"call-id\":\"call\",\"from-tag\":\"a\",\"to-tag\":\"d\",\"to-call-id\":\"other\"",
            "Failed to merge two calls into one (tag collision)",
        ),
        (
            "\"command\":\"inject start\",\"call-id\":\"call\",\"to-tag\":\"a\",\"source-tag\":\"b\",\"source-call-id\":\"other\"",
            "Failed to merge two calls into one",
        ),
        ("\"command\":\"mesh\",\"calls\":[\"call\",\"other\"]", "Failed to merge calls (tag collision)"),
    ] {
        let mut desk = Desk::talk();
        let mut other = Desk::talk().call;
        other.signalling.ids[0] = "other".into();
        let before = state(&desk);
        let (done, left) = desk.join(members, vec![other]);
        assert_eq!(Desk::error(&done), text, "{members}");
        assert_eq!(left.len(), 1, "{members}: the other call is handed back");
        assert!(state(&desk) == before, "{members}");
    }
}
