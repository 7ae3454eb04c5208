//! §23: what becomes of a call over several messages; and the terms of the specification that go beyond one.

use super::{AUDIO, Desk, Talk, from_a, from_b, json};

const ICE: &[&str] = &["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
const KEY: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";
const OTHER: &str = "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD";

/// sdp.md §23.1: sections are not forgotten: a later offer with fewer of them prints the others as they were.
#[test]
fn sections_are_never_forgotten() {
    let two = ["m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31", "a=X"];
    let mut talk = Talk::new();
    let first = talk.offer(&two, "");
    talk.answer(&["m=audio 5000 RTP/AVP 0", "m=video 5002 RTP/AVP 31"], "");
    let fewer = talk.reoffer(AUDIO, "");
    assert_eq!(fewer.sections(), 2);
    assert_eq!(fewer.section(1), first.section(1));
    assert_eq!(fewer.port(1), first.port(1));
    assert_eq!(talk.answer(AUDIO, "").sections(), 2);
}

/// sdp.md §23.1: several sessions make one body, with sections in the order they came.
#[test]
fn several_sessions_make_one() {
    let sdp = [
        "v=0",
        "o=one 1 1 IN IP4 10.0.0.1",
        "s=first",
        "c=IN IP4 10.0.0.1",
        "a=X-one",
        "m=audio 4000 RTP/AVP 0",
        "v=0",
        "o=two 2 2 IN IP4 10.0.0.2",
        "s=second",
        "c=IN IP4 10.0.0.2",
        "t=5 6",
        "a=X-two",
        "m=video 4002 RTP/AVP 31",
    ];
    let shown = Talk::new().offer(&sdp, "");
    assert_eq!(
        shown.session(),
        ["v=0", "o=one 1 1 IN IP4 10.0.0.1", "s=second", "t=5 6", "a=X-one", "a=X-two"]
    );
    assert_eq!([shown.media(0), shown.media(1)], ["m=audio PORT RTP/AVP 0", "m=video PORT RTP/AVP 31"]);
}

/// sdp.md §23.1 step 4: without ports the call ends.
#[test]
fn an_offer_without_ports_ends_the_call() {
    let mut talk = Talk::new();
    talk.ports.limit = 3;
    let done = talk.exchange("offer", &json("'from-tag':'a'"), &from_a(AUDIO), "");
    assert_eq!(Desk::error(&done), "Ran out of ports");
    assert_ne!(done.fate, crate::call::Fate::Keep);
    assert!(talk.ports.open.is_empty(), "nothing stays open");
}

/// sdp.md §23.1: a section changes its type on both legs.
#[test]
fn a_section_becomes_a_fax() {
    let mut talk = Talk::new();
    let first = talk.offer(AUDIO, "");
    talk.answer(&["m=audio 5000 RTP/AVP 0"], "");
    let fax = ["m=image 4000 udptl t38", "a=T38FaxVersion:0"];
    let shown = talk.reoffer(&fax, "");
    assert_eq!(shown.section(0), ["m=image PORT udptl t38", "c=IN IP4 HERE", "a=T38FaxVersion:0"]);
    assert_eq!(shown.port(0), first.port(0), "the endpoint is the same");
    let back = talk.answer(&["m=image 5000 udptl t38", "a=T38FaxUdpEC:t38UDPNoEC"], "");
    assert_eq!(back.section(0), ["m=image PORT udptl t38", "c=IN IP4 HERE", "a=T38FaxUdpEC:t38UDPNoEC"]);
    let again = talk.reoffer(AUDIO, "");
    assert_eq!(again.section(0), first.section(0), "and is audio again");
}

/// sdp.md §23.2: the call has to exist, and the answerer to be named.
#[test]
fn answers_need_a_call_and_a_tag() {
    let mut talk = Talk::new();
    talk.offer(AUDIO, "");
    let done = talk.exchange("answer", &json("'from-tag':'a'"), &from_b(AUDIO), "");
    assert_eq!(Desk::error(&done), "No to-tag in message");
}

/// sdp.md §23.2: labels come from the answerer, mids and the protocol are the offerer's, ICE its own; the last answer wins.
#[test]
fn what_an_answer_shows() {
    let mut talk = Talk::new();
    let offer = [&["m=audio 4000 RTP/AVPF 0", "a=mid:m", "a=label:of-a"], ICE].concat();
    talk.offer(&offer, "'transport-protocol':'RTP/AVP','ICE':'remove'");
    let back = talk.answer(&["m=audio 5000 RTP/AVP 0", "a=label:of-b", "a=X"], "");
    assert_eq!(back.protocol(0), "RTP/AVPF");
    assert_eq!(back.names(0)[..5], ["mid", "label", "rtpmap", "X", "sendrecv"]);
    assert_eq!([back.value(0, "mid"), back.value(0, "label")], [Some("m"), Some("of-b")]);
    assert!(back.has(0, "ice-ufrag") && !back.has(0, "remote-candidates"));
    let late = talk.send(
        "answer",
        "'from-tag':'a','to-tag':'c','flags':['new-branch']",
        &from_b(&["m=audio 6000 RTP/AVP 0", "a=Y"]),
        "",
    );
    assert!(late.has(0, "Y") && !late.has(0, "X"), "{late:?}");
}

/// sdp.md §23.2 step 10: an unknown tag after an answer is the same party under a new one.
#[test]
fn a_changed_tag_is_the_same_party() {
    for (options, same) in [("", true), (",'flags':['new-branch']", false)] {
        let mut talk = Talk::new();
        talk.offer(AUDIO, "");
        let first = talk.answer(AUDIO, "");
        let tags = format!("'from-tag':'a','to-tag':'c'{options}");
        let second = talk.send("answer", &tags, &from_b(AUDIO), "");
        assert_eq!(first.port(0), second.port(0));
        let party = |tag: &str| talk.call.signalling.by_tag(tag.as_bytes());
        assert_eq!(party("b") == party("c"), same, "{options}");
    }
}

/// sdp.md §23.3: an offer of the same party again: options about the other side are remembered, roles are open, ports are kept.
#[test]
fn the_same_party_offers_again() {
    let mut talk = Talk::with_dtls();
    let offer = [&["m=audio 4000 RTP/AVP 0", "a=rtcp-mux", "a=mid:m"], ICE].concat();
    let first = talk.offer(&offer, "'transport-protocol':'RTP/SAVPF','ptime':40,'address-family':'IP4'");
    let answer = [&["m=audio 5000 RTP/SAVPF 0", "a=rtcp-mux", OTHER], ICE].concat();
    talk.answer(&answer, "");
    let again = talk.reoffer(&offer, "");
    assert_eq!(
        (again.protocol(0).as_str(), again.value(0, "ptime"), again.value(0, "mid")),
        ("RTP/SAVPF", Some("40"), Some("m"))
    );
    assert_eq!(again.port(0), first.port(0));
    assert_eq!(again.value(0, "rtcp"), Some(first.port(0).to_string().as_str()), "no port to fall back on");
    assert!(again.has(0, "crypto") && !again.has(0, "setup"), "`b` chose SDES");
    assert_eq!(again.all(0, "crypto")[0], first.all(0, "crypto")[6], "its suite and our key first");
    for name in ["ice-ufrag", "ice-pwd"] {
        assert_eq!(again.value(0, name), first.value(0, name), "{name}");
    }
    let without_ice = [&["m=audio 5000 RTP/SAVPF 0", "a=rtcp-mux", OTHER], &[][..]].concat();
    talk.answer(&without_ice, "");
    assert!(!talk.reoffer(&offer, "").has(0, "ice-ufrag"), "as `b` last signalled");
}

/// sdp.md §23.4: the other side offers: the first party sees its own protocol, mid and ICE, and the offerer's keys first.
#[test]
fn the_other_side_offers() {
    let mut talk = Talk::with_dtls();
    let offer = [&["m=audio 4000 RTP/SAVP 0", KEY, "a=mid:of-a"], ICE].concat();
    let options = "'transport-protocol':'RTP/SAVPF','ICE':'remove','bundle':['offer'],'replace':['origin']";
    talk.offer(&offer, options);
    let answer = ["m=audio 5000 RTP/SAVPF 0", OTHER];
    let answered = talk.answer(&answer, "'replace':['origin']");
    let shown = talk.offer_back(
        &["m=audio 5000 RTP/SAVPF 0", OTHER, "a=mid:of-b", "a=extmap:5 urn:five"],
        "'replace':['origin']",
    );
    assert_eq!(shown.protocol(0), "RTP/SAVP");
    assert_eq!(shown.value(0, "mid"), Some("of-a"));
    assert!(
        shown.has(0, "ice-ufrag") && !shown.has(0, "fingerprint"),
        "ICE as `a` did, DTLS as it did not: {shown:?}"
    );
    assert_eq!(shown.all(0, "crypto")[0], &OTHER[9..], "the offerer's suite");
    assert!(!shown.session().iter().any(|line| line.starts_with("a=group")), "the bundle is none of `a`'s");
    assert_eq!(shown.all(0, "extmap"), ["5 urn:five"], "without the one we made");
    assert_eq!(
        shown.origin().rsplit(' ').next(),
        answered.origin().rsplit(' ').next(),
        "the origin it knows"
    );
    let back = talk.answer_back(&offer, "");
    assert_eq!((back.protocol(0).as_str(), back.value(0, "mid")), ("RTP/SAVPF", Some("of-b")));
}

/// sdp.md §23.4: a mid that we made for the other side is copied to a party that never had one.
#[test]
fn a_generated_mid_comes_around() {
    let mut talk = Talk::new();
    assert_eq!(talk.offer(AUDIO, "'flags':['generate-mid']").value(0, "mid"), Some("1"));
    assert_eq!(talk.answer(&["m=audio 5000 RTP/AVP 0", "a=mid:1"], "").value(0, "mid"), None);
    assert_eq!(talk.offer_back(&["m=audio 5000 RTP/AVP 0"], "").value(0, "mid"), Some("1"));
}

/// sdp.md §24: texts of errors that SDP causes.
#[test]
fn errors_of_bodies() {
    let rows: [(&[&str], &str, &str); 9] = [
        (&["v=1", "m=audio 4000 RTP/AVP 0"], "", "Failed to parse SDP"),
        (&["v=0", "m=audio RTP/AVP 0"], "", "Failed to parse SDP"),
        (&["v=0", "c=IN IP4 10.0.0.1", "x=1", "m=audio 4000 RTP/AVP 0"], "", "Failed to parse SDP"),
        (&["v=0", "m=audio 4000 RTP/AVP 0"], "", "Incomplete SDP specification"),
        (&["v=0", "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP x"], "", "Incomplete SDP specification"),
        (&["v=0", "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 128"], "", "Incomplete SDP specification"),
        (
            &["v=0", "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 0"],
            "'flags':['SIP-source-address']",
            "Incomplete SDP specification",
        ),
        (&["v=0", "c=IN IP4 10.0.0.1"], "", "Error rewriting SDP"),
        (&["v=0", "c=IN IP4 10.0.0.1", "m=audio 4000/9 RTP/AVP 0"], "", "Ran out of ports"),
    ];
    for (sdp, options, error) in rows {
        assert_eq!(Talk::new().refused_offer(sdp, options), error, "{sdp:?} {options}");
    }
}

/// sdp.md §23.1: addresses are those of the SIP message where they are not trusted, until a section does ICE.
#[test]
fn addresses_of_the_message() {
    let shown = |more: &str| {
        let mut talk = Talk::new();
        talk.offer(AUDIO, &format!("'ICE':'force-relay','flags':['SIP-source-address'],{more}")).address(0)
    };
    assert_eq!(shown("'received-from':['IP4','203.0.113.5']"), "IP4 203.0.113.5");
    assert_eq!(shown("'received from':'203.0.113.5'"), "IP4 203.0.113.5");
    let sections = ["m=audio 4000 RTP/AVP 0", ICE[0], ICE[1], "m=audio 4002 RTP/AVP 0"];
    let body = Talk::new().offer(
        &sections,
        "'ICE':'force-relay','flags':['SIP-source-address'],'received-from':['IP4','203.0.113.5']",
    );
    assert_eq!([body.address(0), body.address(1)], ["IP4 203.0.113.5", "IP4 10.0.0.1"]);
}
