//! §4 and §5: which lines stand where.

use super::{AUDIO, Body, Talk, play};

const SESSION: &[&str] = &[
    "v=0",
    "o=x 5 6 IN IP4 10.0.0.1",
    "s=name",
    "i=info",
    "u=http://example.com/",
    "e=mail@example.com",
    "p=+1 555",
    "c=IN IP4 10.0.0.1",
    "b=TIAS:0",
    "b=CT:1",
    "b=RS:2",
    "b=X-odd:7",
    "b=RR:3",
    "b=AS:4",
    "t=1 2",
    "k=clear:x",
    "a=unknown:1",
    "a=msid-semantic: WMS",
];

fn with_session(sections: &[&'static str]) -> Vec<&'static str> {
    [SESSION, sections].concat()
}

/// sdp.md §4 row 1, §4 row 2, §4 row 3, §4 row 4, §4 row 5, §4 row 6, §4 row 7, §4 row 9, §4 row 10, §4 row 11 and §4 row 12, one below the other.
#[test]
fn the_session_level() {
    let mut talk = Talk::new();
    let options = "'flags':['loop-protect'],'ICE':'force','ICE-lite':'forward','bundle':['offer'],\
        'sdp-attr':{'global':{'add':['added:1','a=added:2']}}";
    let shown = talk.offer(&with_session(&["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0"]), options);
    assert_eq!(
        shown.session(),
        [
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=name",
            "i=info",
            "u=http://example.com/",
            "e=mail@example.com",
            "p=+1 555",
            "b=AS:4",
            "b=RR:3",
            "b=RS:2",
            "b=CT:1",
            "b=TIAS:0",
            "t=1 2",
            "a=rtpengine:000000000000",
            "a=ice-lite",
            "a=group:BUNDLE 1 2",
            "a=unknown:1",
            "a=msid-semantic: WMS",
            "a=added:1",
            "a=added:2",
        ]
    );
}

/// sdp.md §4 row 4: only lines that are not empty. §4 row 6: without one, `0 0`.
#[test]
fn session_lines_that_are_missing() {
    let shown = Talk::new().offer(
        &["v=0", "o=x 5 6 IN IP4 10.0.0.1", "i=", "u=", "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 0"],
        "",
    );
    assert_eq!(shown.session(), ["v=0", "o=x 5 6 IN IP4 10.0.0.1", "s=", "t=0 0"]);
}

/// sdp.md §4 row 5: a subscriber is not shown the bandwidth of the session.
#[test]
fn a_subscriber_is_not_shown_the_bandwidth_of_the_session() {
    let mut talk = Talk::new();
    let offer = with_session(&["m=audio 4000 RTP/AVP 0", "b=AS:9"]);
    assert!(talk.offer(&offer, "").session().contains(&"b=AS:4"));
    talk.answer(AUDIO, "");
    let shown = talk.subscribe("");
    assert!(!shown.session().iter().any(|line| line.starts_with("b=")), "{shown:?}");
    assert!(shown.section(0).contains(&"b=AS:9".to_owned()), "that of the section is shown");
}

/// sdp.md §4 row 9: only where the first usable section does ICE, and only towards the side we are lite to.
#[test]
fn ice_lite_needs_ice_in_the_first_usable_section() {
    let lite = |body: &Body| body.session().contains(&"a=ice-lite");
    assert!(!lite(&Talk::new().offer(AUDIO, "'ICE-lite':'forward'")));
    assert!(!lite(&Talk::new().offer(AUDIO, "'ICE':'force','ICE-lite':'backward'")));
    let rejected_first = ["m=video 0 RTP/AVP 96", "m=audio 4000 RTP/AVP 0"];
    assert!(lite(&Talk::new().offer(&rejected_first, "'ICE':'force','ICE-lite':'both'")));
}

/// sdp.md §4 row 10: other groups vanish; with force-relay all group lines come out as received, in their order.
#[test]
fn group_lines_of_the_source() {
    let sdp = [
        "v=0",
        "o=x 5 6 IN IP4 10.0.0.1",
        "s=-",
        "c=IN IP4 10.0.0.1",
        "a=group:LS 1 2",
        "a=group:BUNDLE 1 2",
        "a=group:DUP 1",
        "m=audio 4000 RTP/AVP 0",
        "a=mid:1",
        "m=audio 4002 RTP/AVP 0",
        "a=mid:2",
    ];
    let groups = |body: &Body| {
        body.session()
            .iter()
            .filter(|line| line.contains("group"))
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    assert!(groups(&Talk::new().offer(&sdp, "")).is_empty());
    assert_eq!(
        groups(&Talk::new().offer(&sdp, "'ICE':'force-relay'")),
        ["a=group:LS 1 2", "a=group:BUNDLE 1 2", "a=group:DUP 1"]
    );
}

/// sdp.md §4 row 10: with force-relay the groups are those of the source: what an earlier message of it left, then the lines as text.
#[test]
fn force_relay_shows_the_groups_an_earlier_message_left() {
    let mut talk = Talk::new();
    let sdp = [
        "v=0",
        "o=x 5 6 IN IP4 10.0.0.1",
        "s=-",
        "c=IN IP4 10.0.0.1",
        "a=group:BUNDLE 1 2",
        "a=group:LS 1 2",
        "m=audio 4000 RTP/AVP 0",
        "a=mid:1",
        "m=audio 4002 RTP/AVP 8",
        "a=mid:2",
    ];
    talk.offer(&sdp, "'bundle':['accept']");
    talk.answer(&["m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 8"], "");
    let shown = talk.subscribe("'ICE':'force-relay'");
    let groups: Vec<_> = shown.session().into_iter().filter(|line| line.contains("group")).collect();
    assert_eq!(groups, ["a=group:BUNDLE 1 2", "a=group:LS 1 2"], "{shown:?}");
}

/// sdp.md §4 row 11: unknown attributes of the session only if all sections come from one party.
#[test]
fn unknown_session_attributes_need_a_single_source() {
    let mut talk = Talk::new();
    talk.offer(
        &["v=0", "o=a 1 1 IN IP4 10.0.0.1", "c=IN IP4 10.0.0.1", "a=of:a", "m=audio 4000 RTP/AVP 0"],
        "",
    );
    talk.answer(
        &["v=0", "o=b 1 1 IN IP4 10.0.0.2", "c=IN IP4 10.0.0.2", "a=of:b", "m=audio 5000 RTP/AVP 0"],
        "",
    );
    assert!(talk.subscribe("").session().contains(&"a=of:a"));
    let both = talk.ask_for("subscribe request", "'flags':['all'],'to-tag':'d'");
    assert_eq!(both.sections(), 2);
    assert!(!both.session().iter().any(|line| line.starts_with("a=of")), "{both:?}");
}

/// sdp.md §4 no source: `publish` and `create` have the software's name, `0 0`, and nothing of the party.
#[test]
fn sessions_without_a_source() {
    let shown = Talk::new().publish(&with_session(&["m=audio 4000 RTP/AVP 0"]), "");
    let session = shown.session();
    let (origin, rest) = (session[1], [&session[..1], &session[2..]].concat());
    assert!(origin.starts_with("o=- ") && origin.ends_with(" IN IP4 192.0.2.200"), "{origin}");
    assert_eq!(rest, ["v=0", "s=rtpengine", "t=0 0"]);
    let shown = Talk::new().ask_for("create", "'from-tag':'a'");
    assert_eq!(shown.session()[2..], ["s=rtpengine", "t=0 0"]);
}

/// sdp.md §4 no socket: an offer or answer may take every section away (§25), the other commands need one.
#[test]
fn bodies_without_a_usable_section() {
    let mut talk = Talk::new();
    let shown = talk.offer(&["m=audio 0 RTP/AVP 0 8", "m=video 0 RTP/AVP 96"], "'replace':['origin']");
    assert_eq!(shown.origin(), "- 1 1 IN IP4 192.0.2.200", "the address of the default interface");
    assert_eq!(shown.section(0), ["m=audio 0 RTP/AVP 0 8", "c=IN IP4 0.0.0.0"]);
    assert_eq!(shown.section(1), ["m=video 0 RTP/AVP 96", "c=IN IP4 0.0.0.0"]);
    let back = talk.answer(&["m=audio 0 RTP/AVP 8", "m=video 0 RTP/AVP 96"], "");
    assert_eq!(back.section(0), ["m=audio 0 RTP/AVP 8", "c=IN IP4 0.0.0.0"]);
    assert_eq!(back.sections(), 2);

    let mut talk = Talk::new();
    let done =
        talk.exchange("publish", r#""from-tag":"a""#, "v=0\nc=IN IP4 10.0.0.1\nm=audio 0 RTP/AVP 0\n", "");
    assert_eq!(super::Desk::error(&done), "Failed to create SDP");
    assert!(talk.logged("No usable packet stream"));
}

/// sdp.md §5 row 1 to §5 row 20: the rows of a section with everything: §5 row 2, §5 row 3, §5 row 4, §5 row 5, §5 row 6, §5 row 8, §5 row 9,
/// §5 row 10, §5 row 11, §5 row 12, §5 row 13, §5 row 14, §5 row 15, §5 row 16, §5 row 17, §5 row 18, §5 row 19.
#[test]
fn a_section_with_everything() {
    let mut talk = Talk::with_dtls();
    let options = "'transport-protocol':'RTP/SAVPF','ICE':'force','rtcp-mux':['offer'],'flags':['trickle-ICE'],\
        'sdp-attr':{'audio':{'add':['added']}}";
    let received = [
        "m=audio 4000/1 RTP/AVP 0 101",
        "b=TIAS:5",
        "b=AS:4",
        "a=X-one",
        "a=maxptime:40",
        "a=ptime:20",
        "a=recvonly",
        "a=extmap:3 urn:three",
        "a=rtcp-fb:0 nack",
        "a=rtcp-fb:* ccm fir",
        "i=talk",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=label:L",
        "a=mid:m",
        "a=X-two:2",
    ];
    let shown = talk.offer(&received, options);
    let section = shown.section(0);
    assert_eq!(
        section[..6],
        ["m=audio PORT RTP/SAVPF 0 101", "i=talk", "c=IN IP4 HERE", "b=AS:4", "b=TIAS:5", "a=mid:m"]
    );
    assert_eq!(
        shown.names(0),
        [
            "mid",
            "label",
            "rtpmap",
            "rtcp-fb",
            "rtpmap",
            "fmtp",
            "extmap-allow-mixed",
            "extmap",
            "rtcp-fb",
            "X-one",
            "X-two",
            "recvonly",
            "rtcp",
            "rtcp-mux",
            "crypto",
            "setup",
            "fingerprint",
            "tls-id",
            "ptime",
            "maxptime",
            "ice-ufrag",
            "ice-pwd",
            "ice-options",
            "candidate",
            "end-of-candidates",
            "added",
        ]
    );
}

/// sdp.md §5 row 7: the mark of bundled sections stands below mid and label.
#[test]
fn bundle_only_stands_below_the_label() {
    let sdp = ["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0", "a=label:two"];
    let shown = Talk::new().offer(&sdp, "'bundle':['require']");
    assert_eq!(shown.names(1)[..4], ["mid", "label", "bundle-only", "rtpmap"]);
    assert!(!shown.has(0, "bundle-only"), "not for the head");
}

/// sdp.md §5: where sections end early, and what belongs to RTP alone.
#[test]
fn sections_that_show_less() {
    play(&[
        (
            "§5 stop: a rejected section ends after its head, added attributes come nevertheless (§5 row 20)",
            &[
                "m=audio 0 RTP/AVP 0",
                "i=x",
                "b=AS:5",
                "a=mid:m",
                "a=label:l",
                "a=X:1",
                "a=sendonly",
                "a=ptime:20",
            ],
            "'sdp-attr':{'audio':{'add':['added']}}",
            &["m=audio 0 RTP/AVP 0", "i=x", "c=IN IP4 0.0.0.0", "b=AS:5", "a=mid:m", "a=label:l", "a=added"],
        ),
        (
            "§5 stop: no codec is left and that is allowed",
            &["m=audio 4000 RTP/AVP 0", "a=mid:m", "a=X:1"],
            "'flags':['allow-no-codec-media','codec-strip-all']",
            &["m=audio 0 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=mid:m"],
        ),
        (
            "§5 row 11, §5.2 case 4: a section without RTP shows what it received",
            &["m=image 4000 udptl t38", "a=sendonly", "a=T38FaxVersion:0"],
            "",
            &["m=image PORT udptl t38", "c=IN IP4 HERE", "a=sendonly", "a=T38FaxVersion:0"],
        ),
    ]);
}

/// sdp.md §5.1: the fate of every attribute the specification names.
#[test]
fn fates_of_attributes() {
    let regenerated = [
        "a=rtcp:4444",
        "a=rtcp-mux",
        "a=setup:actpass",
        "a=tls-id:x",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=ice-options:trickle",
        "a=ice-lite",
        "a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host",
        "a=end-of-candidates",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33",
    ];
    let dropped = [
        "a=group:BUNDLE x",
        "a=ice-mismatch",
        "a=remote-candidates:1 10.0.0.1 4000",
        "a=rtpengine:abcdefabcdef",
        "a=T38FaxVersion:0",
        "a=T38FaxUdpEC:t38UDPNoEC",
        "a=T38FaxUdpECDepth:1",
        "a=T38FaxUdpFECMaxSpan:1",
        "a=T38FaxMaxDatagram:1",
        "a=T38FaxMaxIFP:1",
        "a=T38FaxFillBitRemoval",
        "a=T38FaxTranscodingMMR",
        "a=T38FaxTranscodingJBIG",
        "a=T38FaxRateManagement:localTCF",
        "a=T38MaxBitRate:14400",
        "a=T38FaxMaxBuffer:1",
        "a=rtpmap:x",
        "a=crypto:",
        "a=fingerprint:md5 00",
        "a=rtcp:0",
    ];
    let passed = [
        "a=ssrc:5 cname:q",
        "a=ssrc-group:FID 1 2",
        "a=msid:a b",
        "a=content:main",
        "a=rid:1 send",
        "a=simulcast:send 1",
        "a=rtcp-rsize",
        "a=bundle-only",
        "a=direction:active",
        "a=maxprate:5.0",
        "a=Sendrecv",
        "a=X",
    ];
    let sdp = [AUDIO, &regenerated, &dropped, &passed].concat();
    // §5.1 regenerated, §5.1 dropped, §5.1 passed.
    let shown = Talk::new().offer(&sdp, "'ICE':'remove','transport-protocol':'RTP/AVP','rtcp-mux':['demux']");
    let expected =
        [&["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000"], &passed[..]].concat();
    assert_eq!(shown.section(0), [&expected[..], &["a=sendrecv", "a=rtcp:RTCP"]].concat());
}

/// sdp.md §5.1 passed: `rtcp-fb:*` goes first; the direction only with `original sendrecv`, from the section, else the session.
/// §5.1 dropped: attributes of sections at session level.
#[test]
fn session_level_copies_vanish() {
    let sdp = [
        "v=0",
        "o=x 1 1 IN IP4 10.0.0.1",
        "s=-",
        "c=IN IP4 10.0.0.1",
        "a=rtpmap:0 PCMU/8000",
        "a=ptime:20",
        "a=mid:x",
        "a=sendonly",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "m=audio 4000 RTP/AVP 0",
        "a=X",
        "a=rtcp-fb:* nack",
    ];
    let shown = Talk::new().offer(&sdp, "'ICE':'remove','flags':['original-sendrecv']");
    assert_eq!(shown.session(), ["v=0", "o=x 1 1 IN IP4 10.0.0.1", "s=-", "t=0 0"]);
    let expected =
        ["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=rtcp-fb:* nack", "a=X"];
    assert_eq!(shown.section(0), [&expected[..], &["a=sendonly", "a=rtcp:RTCP"]].concat());
}

const ICE: &[&str] = &[
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    "a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host",
    "a=candidate:2 1 UDP 5 10.0.0.9 4009 typ relay raddr 10.0.0.1 rport 4000",
    "a=end-of-candidates",
    "a=sendrecv",
];

/// sdp.md §5.2: sections that are copied from their source.
#[test]
fn copied_sections() {
    play(&[
        (
            "§5.2 case 1: messages are not proxied",
            &["m=message 2855 TCP/MSRP *", "a=path:msrp://10.0.0.1:2855/x;tcp", "a=accept-types:*"],
            "",
            &[
                "m=message 2855 TCP/MSRP *",
                "c=IN IP4 10.0.0.1",
                "a=path:msrp://10.0.0.1:2855/x;tcp",
                "a=accept-types:*",
            ],
        ),
        (
            "§5.2 case 1: but the media address counts",
            &["m=message 2855 TCP/MSRP *"],
            "'media-address':'192.0.2.7'",
            &["m=message 2855 TCP/MSRP *", "c=IN IP4 192.0.2.7"],
        ),
        (
            "§5.2 case 2: without ICE there are no candidates",
            &["m=audio 4000 RTP/AVP 0", "a=sendonly", "a=rtcp:4001", "a=X"],
            "'ICE':'force-relay'",
            &["m=audio 4000 RTP/AVP 0", "c=IN IP4 10.0.0.1", "a=sendonly", "a=rtcp:4001", "a=X"],
        ),
        (
            "§5.2 case 3, §5.2 order: all attributes as received, protocol and formats of the leg",
            &[
                "m=audio 4000 RTP/AVPF 0 8",
                "a=ptime:20",
                "a=rtpmap:0 PCMU/8000",
                "i=info",
                "b=AS:5",
                "a=mid:m",
                "a=T38FaxVersion:0",
                "a=ice-mismatch",
            ],
            "'passthrough':'on','transport-protocol':'RTP/AVP','codec':{'strip':['PCMA']},\
             'sdp-attr':{'audio':{'add':['added'],'remove':['ptime']}}",
            &[
                "m=audio 4000 RTP/AVP 0",
                "i=info",
                "c=IN IP4 10.0.0.1",
                "b=AS:5",
                "a=rtpmap:0 PCMU/8000",
                "a=mid:m",
                "a=T38FaxVersion:0",
                "a=added",
            ],
        ),
        (
            "§5.2 case 4: no protocol of RTP on both sides, proxied",
            &["m=application 4000 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000", "a=mid:d"],
            "",
            &[
                "m=application PORT UDP/DTLS/SCTP webrtc-datachannel",
                "c=IN IP4 HERE",
                "a=sctp-port:5000",
                "a=mid:d",
            ],
        ),
        (
            "§5.2 order: the stop of inactive sections does not apply",
            &["m=image 0 udptl t38", "a=T38FaxVersion:0", "a=inactive"],
            "",
            &["m=image 0 udptl t38", "c=IN IP4 0.0.0.0", "a=T38FaxVersion:0", "a=inactive"],
        ),
    ]);
}

/// sdp.md §5.2 case 2 and §5.2 order: with ICE our candidate follows, the end of candidates last; relay candidates received are left out (§25).
#[test]
fn copied_sections_with_ice() {
    let sdp = [AUDIO, ICE].concat();
    let shown = Talk::new().offer(&sdp, "'ICE':'force-relay'");
    let section = shown.section(0);
    assert_eq!(
        section[..6],
        [
            "m=audio 4000 RTP/AVP 0",
            "c=IN IP4 10.0.0.1",
            "a=ice-ufrag:abcd",
            "a=ice-pwd:abcdefghijklmnopqrstuvwx",
            "a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host",
            "a=sendrecv",
        ]
    );
    assert!(
        section[6].contains(" 1 UDP ") && section[6].contains(" typ relay raddr HERE rport 3"),
        "{section:?}"
    );
    assert!(
        section[7].contains(" 2 UDP ") && section[7].contains(" typ relay raddr HERE rport 3"),
        "{section:?}"
    );
    assert_eq!(section[8..], ["a=end-of-candidates"]);

    let shown = Talk::new().offer(&sdp, "'ICE':'optional'");
    let section = shown.section(0);
    assert!(
        section.iter().any(|line| line.ends_with("typ relay raddr 10.0.0.1 rport 4000")),
        "kept: {section:?}"
    );
    let own: Vec<_> = section.iter().filter(|line| line.contains("HERE")).collect();
    assert_eq!(own.len(), 2, "{section:?}");
    assert!(own.iter().all(|line| line.ends_with("typ host")));
}
