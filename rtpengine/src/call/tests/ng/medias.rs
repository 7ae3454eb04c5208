//! Medias and streams of offers and answers (ng-control.md §10.5).

use super::super::super::edge::EdgeFlags;
use super::super::super::media::MediaFlags;
use super::super::{attributes, direction, port};
use super::*;

const VIDEO: &str = "m=video 6000 RTP/AVP 96\na=rtpmap:96 H264/90000\n";

/// Types of a party's medias in their order.
fn kinds(desk: &mut Desk, tag: &str) -> Vec<String> {
    let party = party(desk, tag);
    let list = party.list("medias").expect("a list").iter();
    list.map(|m| m.as_dict().and_then(|m| m.text("type")).expect("a type").to_owned()).collect()
}

/// Numbers of the medias that offer/answer links lead to from a party's media.
fn linked(desk: &Desk, tag: &str, n: usize) -> Vec<String> {
    let call = &desk.call.signalling;
    let edges = call.edges_from(desk.media(tag, n)).filter(|e| e.flags.contains(EdgeFlags::OFFER_ANSWER));
    let tag = |e: &super::super::super::edge::Edge| call.party(call.media(e.sink).party).tag.clone();
    edges
        .map(|e| tag(e).map_or(String::new(), |t| String::from_utf8_lossy(t.as_bytes()).into_owned()))
        .collect()
}

#[test]
fn ng_10_5_1_a_mid_finds_its_media_and_the_position_any_other() {
    let with_mids = |first: &str, second: &str| {
        let audio = |mid: &str| format!("m=audio 4000 RTP/AVP 0\na=mid:{mid}\n");
        let head = "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=t\nc=IN IP4 10.0.0.1\nt=0 0\n";
        format!("{head}{}{}", audio(first), audio(second).replace("4000", "4002"))
    };
    let mut desk = Desk::new();
    desk.offer("a", &with_mids("x", "y"), "");
    let answer = with_mids("x", "y").replace("10.0.0.1", "10.0.0.2");
    desk.answer("a", "b", &answer, "");
    let ids = [desk.media("a", 0), desk.media("a", 1)];
    // The order changes; each section finds its media.
    re_offer(&mut desk, "a", "b", &with_mids("y", "x"), "");
    let endpoint = |desk: &Desk, at: usize| {
        let stream = desk.call.signalling.media(ids[at]).rtp().and_then(|s| desk.call.plane.stream(s));
        stream.and_then(crate::flow::Stream::advertised).map(|a| a.port())
    };
    assert_eq!([endpoint(&desk, 0), endpoint(&desk, 1)], [Some(4002), Some(4000)]);
    // A mid that is used twice counts once; the second section goes by its position.
    re_offer(&mut desk, "a", "b", &with_mids("x", "x"), "");
    assert_eq!([endpoint(&desk, 0), endpoint(&desk, 1)], [Some(4000), Some(4002)]);
    // A new position makes a media.
    re_offer(&mut desk, "a", "b", &(with_mids("x", "y") + VIDEO), "");
    assert_eq!(kinds(&mut desk, "a"), ["audio", "audio", "video"]);
    // The same mid with another type is not the same media.
    let other = with_mids("x", "y").replacen("m=audio 4000 RTP/AVP 0", "m=video 4000 RTP/AVP 96", 1);
    re_offer(&mut desk, "a", "b", &other, "");
    assert_eq!(kinds(&mut desk, "a"), ["video", "audio", "video"]);
}

#[test]
fn ng_10_5_2_the_receivers_media_is_the_linked_one_or_that_at_the_shifted_position() {
    let mut desk = Desk::new();
    let both = format!(
        "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=t\nc=IN IP4 10.0.0.1\nt=0 0\n{VIDEO}m=audio 4000 RTP/AVP 0\n"
    );
    desk.offer("a", &both, "\"sdp-media-remove\":[\"video\"]");
    assert_eq!(kinds(&mut desk, "a"), ["video", "audio"]);
    assert_eq!(kinds(&mut desk, "<untagged 1>"), ["audio"], "the index is shifted by what was removed");
    desk.answer("a", "b", &callee(), "");
    assert_eq!(linked(&desk, "a", 1), ["b"]);
    assert_eq!(linked(&desk, "a", 0), [""; 0]);
    // Later the linked one is found without the option's help.
    let again = re_offer(&mut desk, "b", "a", &callee(), "");
    assert_eq!(again.matches("m=").count(), 2);
    assert_eq!(port(&again, 0), 0);
    assert_ne!(port(&again, 1), 0);
}

#[test]
fn ng_10_5_3_port_zero_disables_and_a_zero_address_holds() {
    let mut desk = Desk::talk();
    let held = audio("0.0.0.0", 4000);
    re_offer(&mut desk, "a", "b", &held, "");
    let shown = |desk: &mut Desk, tag: &str| {
        let flags = texts(&media(desk, tag), "flags");
        ["send", "recv"].map(|flag| flags.iter().any(|f| f == flag))
    };
    assert_eq!(shown(&mut desk, "a"), [false, true], "nothing is sent to the zero address");
    assert_eq!(shown(&mut desk, "b"), [true, false]);
    // With trickle ICE the zero address is a placeholder.
    let mut desk = Desk::new();
    let trickle =
        held.clone() + "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=ice-options:trickle\n";
    desk.offer("a", &trickle, "");
    assert_eq!(shown(&mut desk, "a"), [true, true]);
    // Port 0: no current ports, but the sets stay.
    let mut desk = Desk::talk();
    let open = desk.ports.open.len();
    re_offer(&mut desk, "a", "b", &audio("10.0.0.1", 0), "");
    assert_eq!([local_port(&mut desk, "a"), local_port(&mut desk, "b")], [None, None]);
    assert_eq!(desk.ports.open.len(), open);
}

#[test]
fn ng_10_5_4_an_offer_moves_the_receiver_and_an_answer_both() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    assert_eq!(linked(&desk, "a", 0), ["", ""], "the sender keeps its links to other branches");
    desk.answer("a", "b", &callee(), "\"via-branch\":\"b1\"");
    assert_eq!(linked(&desk, "a", 0), ["b"]);
    assert_eq!(tags_of(&party(&mut desk, "<untagged 2>"), "subscriptions"), [""; 0]);
    // The other branch stayed associated and may answer late, which moves the offerer there.
    desk.answer("a", "c", &audio("10.0.0.3", 6000), "\"via-branch\":\"b2\"");
    assert_eq!(linked(&desk, "a", 0), ["c"]);
    assert_eq!(linked(&desk, "b", 0), [""; 0]);
    assert_eq!(names(&mut desk), ["a", "b", "c"]);
    // An offer to somebody takes his other links away.
    re_offer(&mut desk, "b", "a", &callee(), "");
    assert_eq!(linked(&desk, "a", 0), ["b"]);
    assert_eq!(linked(&desk, "c", 0), [""; 0]);
}

#[test]
fn ng_10_5_4_blocking_survives_on_the_same_link_and_subscriptions_are_not_touched() {
    let mut desk = Desk::talk();
    assert_eq!(
        desk.refused("block media", "\"from-tag\":\"a\",\"to-tag\":\"b\",\"flags\":[\"directional\"]"),
        "none"
    );
    desk.ask("subscribe request", "\"from-tag\":\"a\",\"to-tag\":\"s\"");
    re_offer(&mut desk, "a", "b", &caller(), "");
    desk.answer("a", "b", &callee(), "");
    let flags: Vec<EdgeFlags> =
        desk.call.signalling.edges_from(desk.media("a", 0)).map(|edge| edge.flags).collect();
    assert_eq!(flags.len(), 2);
    assert!(flags[0].contains(EdgeFlags::OFFER_ANSWER | EdgeFlags::BLOCKED), "listed first: {flags:?}");
    assert!(!flags[1].contains(EdgeFlags::OFFER_ANSWER));
}

#[test]
fn ng_10_5_5_every_linked_sink_gets_the_packets_until_the_answer() {
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"b1\"");
    desk.offer("a", &caller(), "\"via-branch\":\"b2\"");
    assert_eq!(desk.sinks("a", 0).len(), 2);
    desk.answer("a", "b", &callee(), "\"via-branch\":\"b1\"");
    assert_eq!(desk.sinks("a", 0), [(desk.rtp("b", 0), Vec::new())]);
    assert_eq!(desk.sinks("b", 0), [(desk.rtp("a", 0), Vec::new())]);
}

#[test]
fn ng_10_5_6_either_side_offers_again_and_options_are_remembered() {
    let mut desk = Desk::on(&["192.0.2.200", "2001:db8::200", "six/2001:db8::201"]);
    let first = desk.offer("a", &caller(), "\"address-family\":\"IP6\",\"transport-protocol\":\"RTP/AVPF\"");
    assert!(first.contains("c=IN IP6 ") && first.contains("RTP/AVPF"), "{first}");
    let v6 = callee().replace("IP4 10.0.0.2", "IP6 2001:db8::2").replace("RTP/AVP ", "RTP/AVPF ");
    let back = desk.answer("a", "b", &v6, "");
    assert!(back.contains("c=IN IP4 ") && back.contains("RTP/AVP "), "{back}");
    let again = re_offer(&mut desk, "a", "b", &caller(), "");
    assert!(again.contains("c=IN IP6 "), "{again}");
    // The former answerer offers: what was said about either side still holds.
    let swapped = re_offer(&mut desk, "b", "a", &v6, "");
    assert!(swapped.contains("c=IN IP4 "), "{swapped}");
    assert_eq!(names(&mut desk), ["a", "b"]);
}

#[test]
fn ng_10_5_7_an_offer_without_answer_waits_for_the_offer_timeout() {
    use super::super::super::{CloseReason, Fate};
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "");
    desk.pass(3599);
    assert_eq!(desk.call.timeout(&desk.settings, desk.now), Fate::Keep);
    desk.pass(2);
    let over = desk.call.timeout(&desk.settings, desk.now);
    assert_eq!(over, Fate::Destroy(CloseReason::OfferTimeout));
}

#[test]
fn ng_10_5_8_directions_are_seen_from_the_daemon() {
    for (said, sender, receiver) in [
        ("", [true, true], [true, true]),
        ("a=sendrecv\n", [true, true], [true, true]),
        ("a=sendonly\n", [false, true], [true, false]),
        ("a=recvonly\n", [true, false], [false, true]),
        ("a=inactive\n", [false, false], [false, false]),
    ] {
        let mut desk = Desk::new();
        desk.offer("a", &(caller() + said), "");
        let shown = |desk: &Desk, tag: Option<&str>| {
            let at = usize::from(tag.is_none());
            let media = desk.call.signalling.media(desk.call.signalling.parties[at].medias[0]);
            [media.has(MediaFlags::SEND), media.has(MediaFlags::RECV)]
        };
        assert_eq!(shown(&desk, Some("a")), sender, "{said:?}");
        assert_eq!(shown(&desk, None), receiver, "{said:?}: until its own message arrives");
        desk.answer("a", "b", &callee(), "");
        assert_eq!(shown(&desk, None), [true, true], "{said:?}: its own word");
    }
}

#[test]
fn ng_10_5_9_answers_need_a_call_but_no_offer() {
    let mut desk = Desk::new();
    desk.sdp("publish", "\"from-tag\":\"p\"", &caller(), "");
    let body = desk.answer("x", "y", &callee(), "");
    assert_eq!(direction(&body, 0), "sendrecv");
    assert!(attributes(&body, 0, "rtpmap").len() == 2, "{body}");
    assert_eq!(names(&mut desk), ["p", "y", "<untagged 2>"]);
}
