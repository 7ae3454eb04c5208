//! `connect`, `mesh`, `inject` and merging (ng-control.md §10.8, §11.10).

use super::super::Call;
use super::super::ids::{SocketKey, StreamId};
use super::super::party::PartyFlags;
use super::super::signalling::CallFlags;
use super::{Desk, audio, lines, port};

const VIDEO: &str = "m=video 6000 RTP/AVP 96\na=rtpmap:96 H264/90000\n";

/// A talk of `c` and `d` under another call-id, on the sockets behind those of `desk`.
fn second(desk: &mut Desk, id: &str, names: [&str; 2]) -> Call {
    let other = Call::new(super::CallKey(2), id.into(), desk.now, 0);
    let first = std::mem::replace(&mut desk.call, other);
    desk.offer(names[0], &audio("10.0.1.1", 4000), "");
    desk.answer(names[0], names[1], &audio("10.0.1.2", 5000), "");
    std::mem::replace(&mut desk.call, first)
}

fn to(desk: &Desk, tag: &str) -> Vec<StreamId> {
    desk.sinks(tag, 0).into_iter().map(|(to, _)| to).collect()
}

#[test]
fn ng_11_10_connect_transfers_within_a_call() {
    let mut desk = Desk::talk();
    desk.sdp("publish", "\"from-tag\":\"c\"", &audio("10.0.0.3", 6000), "\"flags\":[\"bidirectional\"]");
    assert_eq!(desk.refused("connect", "\"from-tag\":\"a\",\"to-tag\":\"c\""), "none");
    assert_eq!(to(&desk, "a"), [desk.rtp("c", 0)]);
    assert_eq!(to(&desk, "c"), [desk.rtp("a", 0)]);
    assert!(to(&desk, "b").is_empty());
    // Whoever was left may go without taking the transferred party along.
    desk.ask("delete", "\"from-tag\":\"b\",\"delete-delay\":0");
    assert_eq!(to(&desk, "a"), [desk.rtp("c", 0)]);
}

#[test]
fn ng_11_10_connect_directional_only_adds() {
    let mut desk = Desk::talk();
    desk.sdp("publish", "\"from-tag\":\"c\"", &audio("10.0.0.3", 6000), "");
    let members = "\"from-tag\":\"a\",\"to-tag\":\"c\",\"flags\":[\"directional\"]";
    desk.ask("connect", members);
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0), desk.rtp("c", 0)]);
    assert!(to(&desk, "c").is_empty());
    let members = "\"from-tag\":\"a\",\"to-tag\":\"c\",\"flags\":[\"directional\",\"bidirectional\"]";
    desk.ask("connect", members);
    assert_eq!(to(&desk, "c"), [desk.rtp("a", 0)]);
    assert_eq!(to(&desk, "b"), [desk.rtp("a", 0)]);
}

#[test]
fn ng_11_10_connect_directional_leaves_an_offer_answer_link_as_it_is() {
    let mut desk = Desk::talk();
    desk.ask("connect", "\"from-tag\":\"a\",\"to-tag\":\"b\",\"flags\":[\"directional\"]");
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0)]);
    assert_eq!(
        desk.call
            .signalling
            .first_offer_answer_peer(super::super::ids::PartyId(0))
            .map(super::super::ids::PartyId::index),
        Some(1)
    );
}

#[test]
fn ng_11_10_medias_meet_by_mid_or_by_type_from_their_index_on() {
    let mut desk = Desk::new();
    desk.offer("a", &(audio("10.0.0.1", 4000) + VIDEO), "");
    let swapped = "v=0\no=- 1 1 IN IP4 10.0.0.3\ns=t\nc=IN IP4 10.0.0.3\nt=0 0\nm=audio 5000 RTP/AVP 0\nm=audio 5002 RTP/AVP 0\n";
    desk.sdp("publish", "\"from-tag\":\"c\"", swapped, "");
    desk.ask("connect", "\"from-tag\":\"a\",\"to-tag\":\"c\"");
    assert_eq!(to(&desk, "a"), [desk.rtp("c", 0)]);
    assert!(desk.log.iter().any(|line| line.text.contains("'video' #2")), "{:?}", desk.log);
    let mut desk = Desk::new();
    desk.sdp("publish", "\"from-tag\":\"a\"", &(audio("10.0.0.1", 4000) + "a=mid:two\n"), "");
    let named = swapped.replace("5000 RTP/AVP 0", "5000 RTP/AVP 0\na=mid:one") + "a=mid:two\n";
    desk.sdp("publish", "\"from-tag\":\"c\"", &named, "");
    desk.ask("connect", "\"from-tag\":\"a\",\"to-tag\":\"c\"");
    assert_eq!(to(&desk, "a"), [desk.rtp("c", 1)]);
}

#[test]
fn ng_11_10_nobody_is_connected_with_himself_or_with_an_empty_party() {
    let mut desk = Desk::talk();
    desk.ask("connect", "\"from-tag\":\"a\",\"to-tag\":\"a\"");
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0)]);
    assert_eq!(desk.refused("connect", "\"from-tag\":\"a\",\"to-tag\":\"new\""), "none");
    assert!(desk.call.signalling.by_tag(b"new").is_some());
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0)]);
}

#[test]
fn ng_11_10_errors_of_connect() {
    let mut desk = Desk::talk();
    assert_eq!(desk.refused("connect", "\"from-tag\":\"a\""), "No to-tag in message");
    assert_eq!(desk.refused("connect", "\"to-tag\":\"a\""), "No medias found (no monologues matched)");
    let elsewhere = "\"from-tag\":\"a\",\"to-tag\":\"c\",\"to-call-id\":\"unknown\"";
    assert_eq!(desk.refused("connect", elsewhere), "Unknown call-ID(s)");
    let same = "\"from-tag\":\"a\",\"to-tag\":\"b\",\"to-call-id\":\"call\"";
    assert_eq!(desk.refused("connect", same), "none", "an id of the same call needs no merge");
    assert_eq!(
        desk.refused("connect", "\"from-tag\":\"x\",\"to-tag\":\"a\""),
        "From-tag given, but no such tag exists"
    );
}

#[test]
fn ng_10_5_connected_parties_keep_their_own_section_order() {
    let mut desk = Desk::talk();
    let two = "v=0\no=- 1 1 IN IP4 10.0.0.3\ns=t\nc=IN IP4 10.0.0.3\nt=0 0\nm=video 6000 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 5002 RTP/AVP 0 8\n";
    desk.sdp("publish", "\"from-tag\":\"c\"", two, "\"codec\":{\"accept\":[\"all\"]}");
    desk.ask("connect", "\"from-tag\":\"a\",\"to-tag\":\"c\"");
    assert_eq!(to(&desk, "a"), [desk.rtp("c", 1)]);
    let offer = desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"c\"", &audio("10.0.0.1", 4000), "");
    let types: Vec<_> = lines(&offer).into_iter().filter(|l| l.starts_with("m=")).map(|l| &l[..7]).collect();
    assert_eq!(types, ["m=video", "m=audio"]);
    assert_ne!(port(&offer, 1), 0);
}

#[test]
fn ng_10_8_two_calls_become_one() {
    let mut desk = Desk::talk();
    let other = second(&mut desk, "other", ["c", "d"]);
    let sockets = desk.call.sockets().count() + other.sockets().count();
    let members = "\"command\":\"connect\",\"call-id\":\"call\",\"to-call-id\":\"other\",\"from-tag\":\"a\",\"to-tag\":\"c\"";
    let (done, left) = desk.join(members, vec![other]);
    assert_eq!(Desk::error(&done), "none");
    assert!(left.is_empty());
    assert_eq!(to(&desk, "a"), [desk.rtp("c", 0)]);
    assert_eq!(to(&desk, "c"), [desk.rtp("a", 0)]);
    assert!(to(&desk, "b").is_empty() && to(&desk, "d").is_empty());
    let ids: Vec<_> = desk.call.signalling.ids.iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["call", "other"]);
    assert_eq!(desk.call.sockets().count(), sockets);
    let ingress: Vec<_> = desk.call.ingress().map(|(_, stream)| stream).collect();
    assert_eq!(ingress, (0..8).map(StreamId).collect::<Vec<_>>());
    let call = &desk.call.signalling;
    for (id, party) in call.party_ids() {
        assert!(party.medias.iter().all(|&m| call.media(m).party == id));
        assert!(party.associated.iter().all(|&p| call.party(p).associated.contains(&id)));
    }
}

#[test]
fn ng_10_8_a_merged_call_works_under_both_ids() {
    let mut desk = Desk::talk();
    let other = second(&mut desk, "other", ["c", "d"]);
    let (done, _) = desk.join("\"command\":\"mesh\",\"calls\":[\"call\",\"other\"]", vec![other]);
    assert_eq!(Desk::error(&done), "none");
    assert_eq!([to(&desk, "a"), to(&desk, "c")], [[desk.rtp("b", 0)], [desk.rtp("d", 0)]]);
    assert_eq!(desk.query().dict("tags").map(|tags| tags.iter().count()), Some(4));
    // Deleting by one id takes the parties along that came with it (mp 21.2).
    let gone = desk.request_as("other", "\"command\":\"delete\",\"call-id\":\"other\",\"delete-delay\":0");
    assert_eq!(gone.fate, super::Fate::Keep);
    assert_eq!(desk.ports.open.len(), 4);
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0)]);
    let gone = desk.ask("delete", "\"delete-delay\":0");
    assert!(matches!(gone.fate, super::Fate::Destroy(_)));
    assert!(desk.ports.open.is_empty());
}

#[test]
fn ng_10_8_calls_with_a_common_tag_are_not_merged() {
    let mut desk = Desk::talk();
    let connect = "\"command\":\"connect\",\"call-id\":\"call\",\"to-call-id\":\"other\",\"from-tag\":\"a\",\"to-tag\":\"d\"";
    let mesh = "\"command\":\"mesh\",\"calls\":[\"call\",\"other\"]";
    let inject = "\"command\":\"inject start\",\"call-id\":\"call\",\"source-call-id\":\"other\",\"to-tag\":\"a\",\"source-tag\":\"d\"";
    for (members, error) in [
        (connect, "Failed to merge two calls into one (tag collision)"),
        (mesh, "Failed to merge calls (tag collision)"),
        (inject, "Failed to merge two calls into one"),
    ] {
        let other = second(&mut desk, "other", ["a", "d"]);
        let (done, left) = desk.join(members, vec![other]);
        assert_eq!(Desk::error(&done), error);
        assert_eq!(left.len(), 1, "handed back");
        assert_eq!(desk.call.signalling.parties.len(), 2);
    }
}

#[test]
fn ng_10_8_what_held_for_a_whole_call_stays_with_its_parties() {
    let mut desk = Desk::talk();
    let mut other = second(&mut desk, "other", ["c", "d"]);
    other.signalling.flags.insert(CallFlags::BLOCK_MEDIA);
    let (_, _) = desk.join("\"command\":\"mesh\",\"calls\":[\"call\",\"other\"]", vec![other]);
    let blocked: Vec<_> =
        desk.call.signalling.parties.iter().map(|p| p.flags.contains(PartyFlags::BLOCK_MEDIA)).collect();
    assert_eq!(blocked, [false, false, true, true]);
    assert!(!desk.call.signalling.flags.contains(CallFlags::BLOCK_MEDIA));
}

#[test]
fn ng_11_10_mesh_links_as_named() {
    let mut desk = Desk::talk();
    let other = second(&mut desk, "other", ["c", "d"]);
    let members = "\"command\":\"mesh\",\"calls\":[\"call\",\"other\"],\"tags\":[{\"from\":\"a\",\"to\":[\"c\",\"d\"]}]";
    let (done, _) = desk.join(members, vec![other]);
    assert_eq!(Desk::error(&done), "none");
    assert_eq!(to(&desk, "a"), ["b", "c", "d"].map(|tag| desk.rtp(tag, 0)));
    assert_eq!(to(&desk, "c"), [desk.rtp("d", 0)]);
    let members = "\"command\":\"mesh\",\"calls\":[\"call\"],\"tags\":[{\"from\":\"a\",\"to\":[\"d\"]}],\
        \"flags\":[\"unsubscribe\",\"bidirectional\"]";
    assert_eq!(Desk::error(&desk.request(members)), "none");
    assert_eq!(to(&desk, "a"), [desk.rtp("d", 0)]);
    assert_eq!(to(&desk, "d"), [desk.rtp("c", 0), desk.rtp("a", 0)]);
    assert!(to(&desk, "b").is_empty());
}

#[test]
fn ng_11_10_mesh_unsubscribe_alone_drops_what_the_party_hears() {
    let mut desk = Desk::talk();
    let members = "\"command\":\"mesh\",\"calls\":[\"call\"],\"tags\":[{\"from\":\"a\",\"to\":[]}],\"flags\":[\"unsubscribe\"]";
    assert_eq!(Desk::error(&desk.request(members)), "none");
    assert!(to(&desk, "b").is_empty());
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0)]);
}

#[test]
fn ng_11_10_errors_of_mesh_merge_nothing() {
    let mut desk = Desk::talk();
    for calls in ["[]", "[\"call\",\"unknown\"]"] {
        let done = desk.request(&format!("\"command\":\"mesh\",\"calls\":{calls}"));
        assert_eq!(Desk::error(&done), "Unknown call ID(s)");
    }
    for (tags, error) in [
        ("{\"from\":\"x\",\"to\":[\"c\"]}", "Given from-tag not found"),
        ("{\"from\":\"a\",\"to\":[\"x\"]}", "Given to-tag not found"),
    ] {
        let other = second(&mut desk, "other", ["c", "d"]);
        let members = format!("\"command\":\"mesh\",\"calls\":[\"call\",\"other\"],\"tags\":[{tags}]");
        let (done, left) = desk.join(&members, vec![other]);
        assert_eq!(Desk::error(&done), error);
        assert_eq!(left.len(), 1);
    }
}

fn inject(desk: &mut Desk, command: &str, to: &str, source: &str) -> String {
    desk.refused(command, &format!("\"to-tag\":\"{to}\",\"source-tag\":\"{source}\""))
}

/// Whether what the first media of a party hears is mixed.
fn is_mixed(desk: &Desk, tag: &str) -> bool {
    let id = desk.media(tag, 0);
    let flag = desk.call.signalling.media(id).has(super::super::media::MediaFlags::AUDIO_PLAYER);
    assert_eq!(flag, desk.call.plane.mix_format(desk.rtp(tag, 0)).is_some(), "the flag tells the truth");
    flag
}

#[test]
fn ng_11_10_errors_of_inject() {
    let mut desk = Desk::talk();
    assert_eq!(desk.refused("inject start", "\"source-tag\":\"a\""), "No to-tag in message");
    assert_eq!(desk.refused("inject start", "\"to-tag\":\"a\""), "No source-tag in message");
    for command in ["inject start", "inject stop"] {
        assert_eq!(inject(&mut desk, command, "x", "a"), "To-tag not found");
        assert_eq!(inject(&mut desk, command, "a", "x"), "Source-tag not found");
        assert_eq!(inject(&mut desk, command, "a", "a"), "Trying to inject to self");
    }
    assert_eq!(inject(&mut desk, "inject start", "a", "b"), "Failed to start inject");
    assert!(desk.log.iter().any(|line| line.text == "The parties hear each other already"));
    assert_eq!(inject(&mut desk, "inject stop", "a", "b"), "Failed to stop inject");
    let video = audio("10.0.0.3", 6000).replace("m=audio 6000 RTP/AVP 0 8", VIDEO.trim());
    desk.sdp("publish", "\"from-tag\":\"v\"", &video, "");
    assert_eq!(inject(&mut desk, "inject start", "a", "v"), "Failed to start inject");
    assert!(desk.log.iter().any(|line| line.text == "No audio media to inject"));
    assert!(!is_mixed(&desk, "a"));
}

#[cfg(feature = "codec")]
#[test]
fn ng_11_10_injected_audio_is_mixed() {
    let mut desk = Desk::talk();
    desk.sdp("publish", "\"from-tag\":\"p\"", &audio("10.0.0.3", 6000), "");
    desk.sdp("publish", "\"from-tag\":\"q\"", &audio("10.0.0.4", 6000), "");
    let before = desk.call.plane.stream(desk.rtp("b", 0)).expect("a stream").spec().clone();
    for source in ["p", "q", "p"] {
        assert_eq!(inject(&mut desk, "inject start", "a", source), "none", "once or again");
    }
    let a = desk.rtp("a", 0);
    for source in ["p", "q", "b"] {
        let stream = desk.call.plane.stream(desk.rtp(source, 0)).expect("a stream");
        let sinks: Vec<_> = stream.spec().rtp.iter().map(|sink| (sink.to, sink.mixed)).collect();
        assert_eq!(sinks, [(a, true)], "{source}");
        let transcode = stream.spec().rtp[0].transcode.as_ref().expect("everything is decoded");
        assert!(transcode.routes.iter().any(|route| route.input_payload_type == 0));
        assert!(desk.rtcp_sinks(source, 0).is_empty(), "RTCP comes from the player: {source}");
    }
    assert!(is_mixed(&desk, "a") && !is_mixed(&desk, "b"));
    // What is negotiated later finds the audio player there still.
    desk.offer("a", &audio("10.0.0.1", 4000), "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    assert!(is_mixed(&desk, "a") && !is_mixed(&desk, "b"));
    assert_eq!(to(&desk, "p"), [a]);
    assert_eq!(inject(&mut desk, "inject stop", "a", "p"), "none");
    assert!(to(&desk, "p").is_empty() && is_mixed(&desk, "a"));
    assert_eq!(inject(&mut desk, "inject stop", "a", "p"), "Failed to stop inject");
    assert_eq!(inject(&mut desk, "inject stop", "a", "q"), "none");
    assert!(!is_mixed(&desk, "a"));
    assert_eq!(desk.call.plane.stream(desk.rtp("b", 0)).expect("a stream").spec(), &before);
}

#[cfg(feature = "codec")]
#[test]
fn ng_11_10_an_audio_player_that_was_asked_for_outlives_injections() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "\"audio-player\":\"force\"");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    desk.sdp("publish", "\"from-tag\":\"p\"", &audio("10.0.0.3", 6000), "");
    for sink in ["a", "b"] {
        assert_eq!(inject(&mut desk, "inject start", sink, "p"), "none");
    }
    assert_eq!(to(&desk, "p"), [desk.rtp("a", 0), desk.rtp("b", 0)]);
    // Whose audio was injected goes, and with it what was there for it alone.
    desk.ask("delete", "\"from-tag\":\"p\",\"delete-delay\":0");
    assert!(is_mixed(&desk, "a") && !is_mixed(&desk, "b"));
}

#[cfg(feature = "codec")]
#[test]
fn ng_11_10_injected_medias_meet_by_mid_by_index_or_the_first() {
    let mut desk = Desk::new();
    let two = |first: &str, second: &str| {
        let head = "v=0\no=- 1 1 IN IP4 10.0.0.3\ns=t\nc=IN IP4 10.0.0.3\nt=0 0\n";
        format!("{head}m=audio 5000 RTP/AVP 0\na=mid:{first}\nm=audio 5002 RTP/AVP 0\na=mid:{second}\n")
    };
    desk.sdp("publish", "\"from-tag\":\"a\"", &two("one", "two"), "\"flags\":[\"bidirectional\"]");
    for (source, sdp, sinks) in [
        ("mid", two("two", "one"), vec![1, 0]),
        ("index", two("x", "y"), vec![0, 1]),
        ("first", two("x", "y") + "m=audio 5004 RTP/AVP 0\n", vec![0, 1, 0]),
    ] {
        desk.sdp("publish", &format!("\"from-tag\":\"{source}\""), &sdp, "");
        assert_eq!(inject(&mut desk, "inject start", "a", source), "none");
        for (n, sink) in sinks.into_iter().enumerate() {
            let to: Vec<_> = desk.sinks(source, n).into_iter().map(|(to, _)| to).collect();
            assert_eq!(to, [desk.rtp("a", sink)], "{source} {n}");
        }
    }
}

#[cfg(feature = "codec")]
#[test]
fn ng_11_10_inject_beside_a_subscription() {
    let mut desk = Desk::talk();
    desk.ask("subscribe request", "\"from-tag\":\"a\",\"to-tag\":\"s\",\"flags\":[\"mirror-RTCP\"]");
    desk.exchange("subscribe answer", "\"to-tag\":\"s\"", &audio("10.0.0.4", 7000), "");
    let reports = desk.rtcp_sinks("s", 0);
    assert_eq!(inject(&mut desk, "inject start", "b", "s"), "none");
    assert_eq!(inject(&mut desk, "inject start", "a", "s"), "none");
    assert_eq!(to(&desk, "s"), [desk.rtp("b", 0), desk.rtp("a", 0)]);
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0), desk.rtp("s", 0)]);
    // Asking for the subscription again leaves what is injected alone.
    desk.ask("subscribe request", "\"from-tag\":\"a\",\"to-tag\":\"s\",\"flags\":[\"mirror-RTCP\"]");
    assert_eq!(to(&desk, "s"), [desk.rtp("b", 0), desk.rtp("a", 0)]);
    // A link of the usual kind takes the place of an injection.
    desk.ask("connect", "\"from-tag\":\"s\",\"to-tag\":\"b\",\"flags\":[\"directional\"]");
    assert_eq!(to(&desk, "s"), [desk.rtp("a", 0), desk.rtp("b", 0)]);
    for sink in ["a", "b"] {
        assert_eq!(inject(&mut desk, "inject stop", sink, "s"), "none");
        assert!(!is_mixed(&desk, sink));
    }
    assert_eq!(to(&desk, "s"), [desk.rtp("b", 0)]);
    assert_eq!(desk.rtcp_sinks("s", 0).len(), reports.len() + 1);
}

#[cfg(feature = "codec")]
#[test]
fn ng_11_10_inject_from_another_call() {
    let mut desk = Desk::talk();
    let members = |command: &str, to: &str, source: &str| {
        format!(
            "\"command\":\"{command}\",\"call-id\":\"call\",\"source-call-id\":\"other\",\"to-tag\":\"{to}\",\"source-tag\":\"{source}\""
        )
    };
    for (command, to, source, error) in [
        ("inject start", "x", "c", "To-tag not found"),
        ("inject start", "a", "x", "Source-tag not found"),
        ("inject stop", "a", "c", "Failed to stop inject"),
    ] {
        let other = second(&mut desk, "other", ["c", "d"]);
        let (done, left) = desk.join(&members(command, to, source), vec![other]);
        assert_eq!((Desk::error(&done).as_str(), left.len()), (error, 1));
    }
    let other = second(&mut desk, "other", ["c", "d"]);
    let (done, left) = desk.join(&members("inject start", "a", "c"), vec![other]);
    assert_eq!((Desk::error(&done).as_str(), left.len()), ("none", 0));
    assert_eq!(to(&desk, "c"), [desk.rtp("d", 0), desk.rtp("a", 0)]);
    assert!(is_mixed(&desk, "a") && !is_mixed(&desk, "c") && !is_mixed(&desk, "d"));
    assert_eq!(inject(&mut desk, "inject stop", "a", "c"), "none");
    assert_eq!(to(&desk, "c"), [desk.rtp("d", 0)]);
    assert!(!is_mixed(&desk, "a"));
}

#[test]
fn a_moved_call_knows_its_sockets_by_their_new_names() {
    let mut desk = Desk::talk();
    desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4002), "");
    let before: Vec<_> = desk.call.sockets().collect();
    let renamed = |key: SocketKey| SocketKey { slot: key.slot + 7, generation: 3 };
    desk.call.rename_sockets(&renamed);
    assert_eq!(
        desk.call.sockets().collect::<Vec<_>>(),
        before.iter().map(|&key| renamed(key)).collect::<Vec<_>>()
    );
    for (socket, stream) in desk.call.ingress().collect::<Vec<_>>() {
        let state = desk.call.plane.stream(stream).expect("a stream");
        assert!(state.sockets().all(|s| s.key.generation == 3), "{socket:?}");
    }
}

#[test]
fn ng_11_10_all_sources_are_those_of_the_call_before_the_merge() {
    let mut desk = Desk::talk();
    let other = second(&mut desk, "other", ["c", "d"]);
    let members = "\"command\":\"connect\",\"call-id\":\"call\",\"to-call-id\":\"other\",\"all\":\"all\",\"to-tag\":\"c\",\
        \"flags\":[\"directional\"]";
    let (done, _) = desk.join(members, vec![other]);
    assert_eq!(Desk::error(&done), "none");
    assert_eq!(to(&desk, "a"), [desk.rtp("b", 0), desk.rtp("c", 0)]);
    assert_eq!(to(&desk, "b"), [desk.rtp("a", 0), desk.rtp("c", 0)]);
    assert_eq!(to(&desk, "d"), [desk.rtp("c", 0)], "no source");
}

#[test]
fn links_keep_their_ids_while_others_go() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let edges =
        |desk: &Desk| desk.call.signalling.edges.iter().map(|e| (e.id, e.source, e.sink)).collect::<Vec<_>>();
    let before = edges(&desk);
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let mut again = edges(&desk);
    again.sort();
    let mut sorted = before.clone();
    sorted.sort();
    assert_eq!(again, sorted, "a link made anew between the same medias is the same");
    desk.offer("a", &audio("10.0.0.1", 4000), "\"via-branch\":\"other\"");
    let made = desk.call.signalling.edges_made as usize;
    let mut ids: Vec<_> =
        edges(&desk).into_iter().map(|(id, ..)| id).chain(before.into_iter().map(|(id, ..)| id)).collect();
    ids.sort();
    ids.dedup();
    assert!(ids.len() <= made && ids.iter().all(|id| id.index() < made));
}
