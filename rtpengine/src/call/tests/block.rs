//! Blocking, silencing, DTMF modes, and what can be said about players (ng-control.md §11.1, §11.7, §11.8).

use super::super::codecs::DtmfBlock;
use super::super::ids::MediaId;
use super::{Desk, audio};
use crate::flow::PtAction;
use rtpengine_common::ng::Value;

const EVENTS: &str = "a=rtpmap:101 telephone-event/8000\n";

fn events() -> Desk {
    let mut desk = Desk::new();
    let sdp = |address: &str| audio(address, 4000).replace("0 8", "0 101") + EVENTS;
    desk.offer("a", &sdp("10.0.0.1"), "\"label\":\"one\"");
    desk.answer("a", "b", &sdp("10.0.0.2"), "\"label\":\"two\"");
    desk
}

/// What the first link of a party does with a payload type.
fn action(desk: &Desk, tag: &str, payload_type: u8) -> PtAction {
    let media: MediaId = desk.media(tag, 0);
    let stream =
        desk.call.signalling.media(media).rtp().and_then(|s| desk.call.plane.stream(s)).expect("a stream");
    stream.spec().rtp[0].actions.as_ref().map_or(PtAction::Forward, |table| table.action(payload_type))
}

/// The list `VSC` of a party.
fn codes(desk: &mut Desk, tag: &str) -> Vec<String> {
    let query = desk.query();
    let party = query.dict("tags").and_then(|tags| tags.dict(tag)).expect("a party");
    let line = |code: &Value<'_>| {
        let code = code.as_dict().expect("a dictionary");
        let text = |key| code.text(key).expect("a text").to_owned();
        format!("{} {} {}", text("type"), text("trigger"), code.int("active").expect("a number"))
    };
    party.list("VSC").expect("a list").iter().map(line).collect()
}

#[test]
fn mp_17_blocked_media_lets_dtmf_pass() {
    let mut desk = events();
    desk.ask("block media", "");
    assert_eq!([action(&desk, "a", 0), action(&desk, "a", 101)], [PtAction::Drop, PtAction::Forward]);
    desk.ask("block DTMF", "");
    assert_eq!(action(&desk, "a", 101), PtAction::Drop);
    desk.ask("unblock media", "");
    assert_eq!([action(&desk, "a", 0), action(&desk, "a", 101)], [PtAction::Forward, PtAction::Drop]);
}

#[test]
fn ng_11_7_unblocking_the_call_leaves_parties_unless_all() {
    let mut desk = events();
    for (block, unblock, payload_type) in [
        ("block media", "unblock media", 0),
        ("block DTMF", "unblock DTMF", 101),
        ("silence media", "unsilence media", 0),
    ] {
        desk.ask(block, "\"label\":\"one\"");
        desk.ask(unblock, "");
        assert_ne!(action(&desk, "a", payload_type), PtAction::Forward, "{block}");
        assert_eq!(action(&desk, "b", payload_type), PtAction::Forward, "{block}");
        desk.ask(unblock, "\"all\":\"all\"");
        assert_eq!(action(&desk, "a", payload_type), PtAction::Forward, "{unblock}");
    }
}

#[test]
fn ng_11_1_six_commands_listen_to_a_tag_only_with_directional() {
    let mut desk = events();
    desk.ask("block DTMF", "\"from-tag\":\"a\"");
    assert_eq!(action(&desk, "b", 101), PtAction::Drop, "the whole call");
    desk.ask("unblock DTMF", "\"all\":\"all\"");
    desk.ask("block DTMF", "\"from-tag\":\"a\",\"flags\":[\"directional\"]");
    assert_eq!([action(&desk, "a", 101), action(&desk, "b", 101)], [PtAction::Drop, PtAction::Forward]);
    desk.ask("silence media", "\"from-tag\":\"b\"");
    assert_eq!([action(&desk, "a", 0), action(&desk, "b", 0)], [PtAction::Forward, PtAction::Silence(0xff)]);
}

#[test]
fn ng_11_7_single_flows() {
    let mut desk = events();
    desk.ask("subscribe request", "\"from-tag\":\"a\",\"to-tag\":\"w\"");
    let blocked = |desk: &Desk| {
        let stream = desk.call.plane.stream(desk.rtp("a", 0)).expect("a stream");
        stream.spec().rtp.iter().map(|sink| sink.actions.is_some()).collect::<Vec<_>>()
    };
    let from = "\"from-tag\":\"a\",\"flags\":[\"directional\"]";
    for (which, expected) in [
        ("\"to-tag\":\"w\"", [false, true]),
        ("\"to-label\":\"two\"", [true, false]),
        ("\"all\":\"offer-answer\"", [true, false]),
        ("\"all\":\"except-offer-answer\"", [false, true]),
        ("\"all\":\"flows\"", [true, true]),
    ] {
        desk.ask("block media", &format!("{from},{which}"));
        assert_eq!(blocked(&desk), expected, "{which}");
        desk.ask("unblock media", &format!("{from},{which}"));
        assert_eq!(blocked(&desk), [false, false], "{which}");
    }
    let error = |desk: &mut Desk, which: &str| desk.refused("block media", &format!("{from},{which}"));
    assert_eq!(error(&mut desk, "\"to-tag\":\"x\""), "Media flow not found (to-tag not found)");
    assert_eq!(error(&mut desk, "\"to-label\":\"x\""), "Media flow not found (to-label not found)");
    assert_eq!(error(&mut desk, "\"to-tag\":\"a\""), "Media flow not found (to-tag not subscribed)");
    desk.ask("unsubscribe", "\"to-tag\":\"w\"");
    assert_eq!(error(&mut desk, "\"all\":\"not-offer-answer\""), "No eligible media subscriptions found");
}

#[test]
fn codecs_18_7_modes_and_their_parameters() {
    let mut desk = events();
    let party = |desk: &Desk| {
        let id = desk.call.signalling.by_tag(b"a").expect("a party");
        desk.call.signalling.party(id).dtmf.clone().map(|dtmf| *dtmf).unwrap_or_default()
    };
    desk.ask("block DTMF", "\"label\":\"one\",\"volume\":20,\"digit\":\"5\"");
    assert_eq!((party(&desk).mode, party(&desk).volume), (DtmfBlock::Drop, 10), "drop takes no parameters");
    let members = "\"label\":\"one\",\"DTMF-security\":\"DTMF\",\"volume\":-20,\"digit\":\"5\",\"frequencies\":[400,500],\"delay-buffer\":40,\"DTMF-delay\":50";
    desk.ask("block DTMF", members);
    let settings = party(&desk);
    assert_eq!((settings.mode, settings.volume, settings.digit), (DtmfBlock::Digit, 20, 5));
    assert_eq!((settings.frequencies, settings.delay_buffer_ms, settings.delay_ms), (vec![400, 500], 40, 50));
    let stream = desk.call.plane.stream(desk.rtp("a", 0)).expect("a stream").spec();
    assert!(stream.rtp[0].transcode.is_some() && stream.dtmf.is_some(), "digits do not pass unreplaced");
    assert_eq!(stream.buffers.as_ref().map(|buffers| buffers.delay.as_millis()), Some(40));
    desk.ask("unblock DTMF", "\"label\":\"one\"");
    assert_eq!(
        (party(&desk).mode, party(&desk).delay_buffer_ms),
        (DtmfBlock::Off, 40),
        "the delay keeps running"
    );
    assert_eq!(action(&desk, "a", 101), PtAction::Forward);
}

#[test]
fn codecs_18_7_a_trigger_alone_blocks_nothing_yet() {
    let mut desk = events();
    desk.ask(
        "block DTMF",
        "\"trigger\":\"123\",\"DTMF-security-trigger\":\"silence\",\"trigger-end-digits\":4",
    );
    assert_eq!(action(&desk, "a", 101), PtAction::Forward);
    for tag in ["a", "b"] {
        assert_eq!(codes(&mut desk, tag), ["block DTMF 123 1"], "each party listens for itself");
    }
    desk.ask("block DTMF", "\"trigger\":\"\"");
    assert!(codes(&mut desk, "a").is_empty(), "an empty string removes it");
}

#[test]
fn ng_7_block_dtmf_by_flag() {
    let mut desk = Desk::new();
    let sdp = |address: &str| audio(address, 4000).replace("0 8", "0 101") + EVENTS;
    desk.offer("a", &sdp("10.0.0.1"), "\"flags\":[\"block-DTMF\"]");
    desk.answer("a", "b", &sdp("10.0.0.2"), "");
    assert_eq!([action(&desk, "a", 101), action(&desk, "b", 101)], [PtAction::Drop, PtAction::Forward]);
}

#[test]
fn ng_11_8_checks_of_the_players() {
    let mut desk = events();
    for command in ["play media", "stop media", "play DTMF"] {
        assert_eq!(desk.refused(command, ""), "No participant party specified", "{command}");
        assert_eq!(desk.refused(command, "\"from-tag\":\"x\""), "From-tag given, but no such tag exists");
        assert_eq!(desk.refused(command, "\"label\":\"x\""), "No monologue matching the given label");
    }
    assert_eq!(desk.refused("play media", "\"from-tag\":\"a\""), "No media file specified");
    assert_eq!(desk.refused("play media", "\"from-tag\":\"a\",\"db-id\":0"), "No media file specified");
    // Nothing was opened for the request.
    let refused =
        if cfg!(feature = "codec") { "Failed to start media playback from file" } else { "unsupported" };
    assert_eq!(desk.refused("play media", "\"all\":\"all\",\"file\":\"/x\""), refused);
    let refused = if cfg!(feature = "codec") { "Not currently playing media" } else { "unsupported" };
    assert_eq!(desk.refused("stop media", "\"from-tag\":\"a\""), refused);
}

#[test]
fn ng_11_8_checks_of_play_dtmf() {
    let mut desk = events();
    for code in ["\"volume\":8", "\"code\":16", "\"code\":\"16\"", "\"code\":\"x\"", "\"code\":-1"] {
        let error = desk.refused("play DTMF", &format!("\"from-tag\":\"a\",{code}"));
        assert_eq!(error, "Out of range 'code' specified", "{code}");
    }
    assert_eq!(
        desk.refused("play DTMF", "\"from-tag\":\"a\",\"code\":5"),
        "No SSRC context present for DTMF injection"
    );
    desk.log.clear();
    desk.refused("play DTMF", "\"from-tag\":\"a\",\"code\":5,\"duration\":50,\"pause\":9000");
    assert_eq!(desk.log.len(), 2, "{:?}", desk.log);
    let video = "v=0\no=- 1 1 IN IP4 10.0.0.3\ns=t\nc=IN IP4 10.0.0.3\nt=0 0\nm=video 6000 RTP/AVP 96\na=rtpmap:96 H264/90000\n";
    desk.sdp("publish", "\"from-tag\":\"v\"", video, "");
    desk.sdp("publish", "\"from-tag\":\"p\"", &audio("10.0.0.4", 4000), "");
    let error = |desk: &mut Desk, tag: &str| {
        desk.refused("play DTMF", &format!("\"from-tag\":\"{tag}\",\"code\":\"*\""))
    };
    assert_eq!(error(&mut desk, "v"), "Monologue has no media capable of DTMF injection");
    assert_eq!(error(&mut desk, "p"), "There is no sink media capable of DTMF playback");
}
