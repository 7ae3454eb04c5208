//! sdp.md §3.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::sdp::*;

const SESSION: &str = "v=0\r\no=u 77 3 IN IP4 10.7.7.1\r\ns=demo\r\nc=IN IP4 10.7.7.1\r\nt=0 0\r\n";
const KEY: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
const PRINT: &str = "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";

fn try_extract(body: &str, options: ExtractOptions) -> Result<Extracted, ExtractError> {
    let parse_options = ParseOptions { fragment: options.fragment, ..ParseOptions::default() };
    extract(&parse(body.as_bytes(), &parse_options).expect(body), &options)
}

fn streams(body: &str) -> Vec<StreamParams> {
    try_extract(body, ExtractOptions::default()).expect(body).streams
}

fn section(media: &str) -> StreamParams {
    let lines = media.trim().replace('\n', "\r\n");
    streams(&format!("{SESSION}{lines}\r\n")).remove(0)
}

fn endpoint(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

#[test]
fn addresses_come_from_the_section_then_the_session() {
    assert_eq!(section("m=audio 5000 RTP/AVP 0").rtp, endpoint("10.7.7.1:5000"));
    assert_eq!(section("m=audio 5000 RTP/AVP 0\nc=IN IP6 ::5").rtp, endpoint("[::5]:5000"));
    let error = try_extract("v=0\r\nm=audio 5000 RTP/AVP 0\r\n", ExtractOptions::default()).err();
    assert_eq!(error, Some(ExtractError::NoAddress));
    assert_eq!(ExtractError::NoAddress.to_string(), "No address info found for stream");
    assert_eq!(ExtractError::REASON, "Incomplete SDP specification");
}

#[test]
fn untrusted_addresses_are_replaced_until_a_section_does_ice() {
    let received: IpAddr = Ipv4Addr::new(198, 51, 100, 7).into();
    let options =
        |address| ExtractOptions { addresses: AddressSource::Received(address), ..ExtractOptions::default() };
    let body = format!(
        "{SESSION}m=audio 1000 RTP/AVP 0\r\na=rtcp:1005 IN IP4 10.7.7.2\r\n\
         m=audio 2000 RTP/AVP 0\r\na=ice-ufrag:abcd\r\na=rtcp:2005 IN IP4 10.7.7.2\r\nm=audio 3000 RTP/AVP 0\r\n"
    );
    let streams = try_extract(&body, options(Some(received))).expect("address").streams;
    assert_eq!(streams[0].rtp, endpoint("198.51.100.7:1000"));
    assert_eq!(Some(streams[0].rtcp), endpoint("198.51.100.7:1005").map(RtcpEndpoint::Explicit));
    assert_eq!(streams[1].rtp, endpoint("198.51.100.7:2000"));
    assert_eq!(Some(streams[1].rtcp), endpoint("10.7.7.2:2005").map(RtcpEndpoint::Explicit));
    assert_eq!(streams[2].rtp, endpoint("10.7.7.1:3000"));
    assert_eq!(try_extract(&body, options(None)).err(), Some(ExtractError::NoAddress));
}

#[test]
fn fragments_need_no_address() {
    let options = ExtractOptions { fragment: true, ..ExtractOptions::default() };
    let body = "a=ice-ufrag:abcd\r\na=ice-pwd:pass\r\nm=audio 9 RTP/AVP 0\r\na=mid:x\r\na=candidate:1 1 UDP 7 192.0.2.1 5 typ host\r\na=end-of-candidates\r\n";
    let stream = try_extract(body, options).expect("fragment").streams.remove(0);
    assert_eq!(stream.rtp, None);
    let ice = stream.ice.expect("ICE");
    assert_eq!((ice.ufrag, ice.pwd), (Text::from("abcd"), Text::from("pass")));
    assert!(ice.end_of_candidates && !ice.trickle);
    assert_eq!(ice.candidates.len(), 1);
}

#[test]
fn ice_options_and_candidates() {
    let ice = |lines: &str| section(&format!("m=audio 9 RTP/AVP 0\n{lines}")).ice;
    assert_eq!(ice("a=ice-pwd:x"), None);
    let trickles = |lines: &str| ice(lines).is_some_and(|ice| ice.trickle);
    assert!(trickles("a=ice-ufrag:x\na=ice-options:ice2 trickle"));
    assert!(ice("a=ice-ufrag:x\na=ice-options:ice2 trickle").is_some_and(|ice| ice.ice2));
    assert!(!trickles("a=ice-ufrag:x\na=ice-options:ice2\nc=IN IP4 0.0.0.0"));
    assert!(!trickles("a=ice-ufrag:x\na=ice-options:trickles"));
    assert!(trickles("a=ice-ufrag:x\nc=IN IP4 0.0.0.0"));
    assert!(!trickles("a=ice-ufrag:x"));
    let many = "a=candidate:1 1 tcp 7 192.0.2.1 5 typ host\na=candidate:1 1 UDP 7 192.0.2.1 5 typ host\n"
        .repeat(MAX_CANDIDATES + 20);
    let kept = |count: usize| {
        let lines: String = many.split_inclusive('\n').take(2 * count).collect();
        let ice = ice(&format!("a=ice-ufrag:x\n{lines}")).expect("ICE");
        (ice.candidates.len(), ice.more_candidates)
    };
    assert_eq!(kept(MAX_CANDIDATES + 20), (MAX_CANDIDATES, true));
    assert_eq!(kept(MAX_CANDIDATES), (MAX_CANDIDATES, false));
}

#[test]
fn session_level_attributes_stand_in() {
    let body = format!(
        "{SESSION}a=ice-ufrag:s\r\na=ice-pwd:p\r\na=ice-lite\r\na=setup:active\r\na=fingerprint:{PRINT}\r\na=tls-id:t\r\na=extmap:1 urn:a\r\na=extmap:2 urn:b\r\na=sendonly\r\na=mid:no\r\na=ptime:30\r\na=rtcp-mux\r\n\
         m=audio 1 RTP/SAVP 0\r\nm=audio 1 RTP/SAVP 0\r\na=ice-ufrag:m\r\na=setup:x\r\na=extmap:3 urn:c\r\na=extmap-allow-mixed\r\na=tls-id:u\r\na=recvonly\r\n"
    );
    let streams = streams(&body);
    let ice = |index: usize| streams[index].ice.clone().expect("ICE");
    assert_eq!((ice(0).ufrag, ice(0).pwd, ice(0).lite), ("s".into(), "p".into(), true));
    assert_eq!((ice(1).ufrag, ice(1).pwd), ("m".into(), "p".into()));
    assert_eq!((streams[0].setup, streams[1].setup), (Setup::Active, Setup::None));
    assert!(streams[1].fingerprint.is_some());
    assert_eq!((streams[0].tls_id.clone(), streams[1].tls_id.clone()), (Some("t".into()), Some("u".into())));
    assert_eq!(streams[0].extmaps.iter().map(|map| map.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(streams[1].extmaps.iter().map(|map| map.id).collect::<Vec<_>>(), [3]);
    assert_eq!((streams[0].extmap_one_byte, streams[1].extmap_one_byte), (true, false));
    // Media attributes at session level do not count.
    assert_eq!((streams[0].mid.clone(), streams[0].ptime, streams[0].rtcp_mux), (None, 0, false));
    assert_eq!((streams[0].direction, streams[1].direction), (Direction::SEND_ONLY, Direction::RECEIVE_ONLY));
    let names: Vec<_> = streams[1].directions.iter().map(Direction::name).collect();
    assert_eq!(names, ["sendonly", "recvonly"]);
}

#[test]
fn a_session_level_inactive_is_not_cancelled() {
    let body = format!("{SESSION}a=inactive\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n");
    assert_eq!(streams(&body)[0].direction, Direction::INACTIVE);
    assert_eq!(section("m=audio 1 RTP/AVP 0").direction, Direction::SEND_RECEIVE);
    assert_eq!(
        section("m=audio 1 RTP/AVP 0\na=inactive\na=sendonly\na=recvonly").direction,
        Direction::RECEIVE_ONLY
    );
}

#[test]
fn codecs_of_a_section() {
    let stream = section(
        "m=audio 1 RTP/AVP 0 111 8 111 2 101 \na=rtpmap:111 x/1\na=rtpmap:111 opus/48000/2\na=fmtp:111 a\na=fmtp:111 minptime=10\na=rtcp-fb:111 nack\na=rtcp-fb:* pli\na=rtcp-fb:111 ccm fir\na=rtpmap:0 other/16000\na=rtpmap:99 unused/8000\na=fmtp:101 0-15",
    );
    let codec = |payload_type: u8, name: &str, clock_rate, channels, fmtp: &str, feedback: &[&str]| Codec {
        payload_type,
        name: name.into(),
        clock_rate,
        channels,
        fmtp: fmtp.into(),
        rtcp_fb: feedback.iter().map(|text| Text::from(*text)).collect(),
    };
    assert_eq!(
        stream.codecs,
        [
            codec(0, "other", 16000, 1, "", &[]),
            codec(111, "opus", 48000, 2, "minptime=10", &["nack", "ccm fir"]),
            codec(8, "PCMA", 8000, 1, "", &[]),
            codec(2, "", 0, 1, "", &[]),
            codec(101, "", 0, 1, "0-15", &[]),
        ]
    );
    assert!(stream.rtcp_fb);
    assert_eq!(stream.formats, "0 111 8 111 2 101 ");
}

#[test]
fn payload_types_are_checked_only_where_they_matter() {
    let formats = |line: &str| {
        try_extract(&format!("{SESSION}m={line}\r\n"), ExtractOptions::default())
            .map(|sdp| sdp.streams[0].codecs.len())
    };
    for bad in ["128", "x", "0 1000 8", "0  8"] {
        assert_eq!(formats(&format!("audio 1 RTP/AVP {bad}")), Err(ExtractError::PayloadTypes), "{bad}");
        assert_eq!(formats(&format!("audio 0 RTP/AVP {bad}")), Ok(0), "{bad}");
        assert_eq!(formats(&format!("audio 1 TCP/MSRP {bad}")), Ok(0), "{bad}");
    }
    assert_eq!(formats("audio 1 RTP/AVP 8x"), Ok(1));
    assert_eq!(formats("audio 1 RTP/AVP"), Ok(0));
    assert_eq!(ExtractError::PayloadTypes.to_string(), "Invalid RTP payload types");
}

#[test]
fn protocols_and_osrtp() {
    let protocol = |lines: &str| section(lines).protocol;
    assert_eq!(protocol("m=audio 1 rtp/avp 0"), Some(Transport::RtpAvp));
    assert_eq!(protocol("m=audio 1 TCP/MSRP *"), None);
    assert_eq!(section("m=audio 1 TCP/MSRP *").protocol_text, "TCP/MSRP");
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}");
    assert_eq!(protocol(&format!("m=audio 1 RTP/AVP 0\n{crypto}")), Some(Transport::OsrtpAvp));
    assert_eq!(protocol(&format!("m=audio 1 RTP/AVPF 0\na=fingerprint:{PRINT}")), Some(Transport::OsrtpAvpf));
    assert_eq!(protocol("m=audio 1 RTP/AVP 0\na=crypto:1 X inline:y"), Some(Transport::RtpAvp));
    assert_eq!(protocol(&format!("m=audio 1 RTP/SAVP 0\n{crypto}")), Some(Transport::RtpSavp));
    assert_eq!(section("m=audio 1/4 RTP/AVP 0").ports_wanted(), 8);
}

#[test]
fn legacy_osrtp_sections_merge() {
    let options = ExtractOptions { accept_legacy_osrtp: true, ..ExtractOptions::default() };
    let merged = |lines: &[&str]| {
        let media: String = lines.iter().map(|line| format!("m={line}\r\n")).collect();
        let streams = try_extract(&format!("{SESSION}{media}"), options).expect("valid").streams;
        streams
            .iter()
            .map(|stream| (stream.index, stream.port, stream.legacy_osrtp, stream.legacy_osrtp_reversed))
            .collect::<Vec<_>>()
    };
    let (plain, plain_off) = ("audio 10 RTP/AVP 0", "audio 0 RTP/AVP 0");
    let (srtp, srtp_off) = ("audio 20 RTP/SAVP 0", "audio 0 RTP/SAVP 0");
    assert_eq!(merged(&[plain, srtp]), [(1, 20, true, false)]);
    assert_eq!(merged(&[plain_off, srtp]), [(1, 20, true, false)]);
    assert_eq!(merged(&[plain, srtp_off]), [(1, 10, false, false)]);
    assert_eq!(merged(&[plain_off, srtp_off]), [(1, 0, false, false), (2, 0, false, false)]);
    assert_eq!(merged(&[srtp, plain]), [(1, 20, false, true)]);
    assert_eq!(merged(&[srtp, plain_off]), [(1, 20, false, true)]);
    assert_eq!(merged(&[srtp_off, plain]), [(1, 0, false, false), (2, 10, false, false)]);
    assert_eq!(merged(&[plain, "video 20 RTP/SAVP 0"]), [(1, 10, false, false), (2, 20, false, false)]);
    assert_eq!(
        merged(&[plain, srtp, "video 1 RTP/AVP 0", "video 2 RTP/SAVP 0"]),
        [(1, 20, true, false), (2, 2, true, false)]
    );
    let unmerged = streams(&format!("{SESSION}m={plain}\r\nm={srtp}\r\n"));
    assert_eq!(unmerged.len(), 2);
}

#[test]
fn rtcp_endpoints() {
    let rtcp = |lines: &str| {
        let stream = section(lines);
        (stream.rtp.map(|rtp| stream.rtcp.resolve(rtp)), stream.rtcp_mux)
    };
    let at = endpoint;
    assert_eq!(rtcp("m=audio 10 RTP/AVP 0"), (at("10.7.7.1:11"), false));
    assert_eq!(rtcp("m=audio 65535 RTP/AVP 0"), (at("10.7.7.1:0"), false));
    assert_eq!(rtcp("m=audio 10 RTP/AVP 0\na=rtcp:99"), (at("10.7.7.1:99"), false));
    assert_eq!(rtcp("m=audio 10 RTP/AVP 0\na=rtcp:99 IN IP6 ::3"), (at("[::3]:99"), false));
    assert_eq!(rtcp("m=audio 10 RTP/AVP 0\na=rtcp:99 IN IP4 0.0.0.0"), (at("10.7.7.1:99"), false));
    assert_eq!(rtcp("m=audio 10/2 RTP/AVP 0\na=rtcp:99"), (at("10.7.7.1:11"), false));
    assert_eq!(rtcp("m=audio 10 RTP/AVP 0\na=rtcp:10"), (at("10.7.7.1:10"), true));
    assert_eq!(rtcp("m=audio 10 RTP/AVP 0\na=rtcp-mux"), (at("10.7.7.1:11"), true));
    assert_eq!(rtcp("m=audio 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=rtcp:9"), (at("0.0.0.0:9"), false));
}

#[test]
fn session_items_come_from_the_first_and_the_last_session() {
    let body = "v=0\r\no=first 1 5 IN IP4 x\r\ns=one\r\nt=1 1\r\nb=AS:1\r\ni=only\r\na=x-one\r\nv=0\r\no=second 2 6 IN IP4 y\r\ns=two\r\nu=u\r\na=x-two\r\na=tool:t\r\n";
    let session = try_extract(body, ExtractOptions::default()).expect("valid").session;
    let origin = session.origin.expect("o=");
    assert_eq!((origin.username, origin.version, origin.address), ("first".into(), 5, "x".into()));
    assert_eq!(
        (session.name, session.timing, session.information, session.uri),
        ("two".into(), Text::EMPTY, Text::EMPTY, "u".into())
    );
    assert!(session.bandwidth.is_empty());
    assert_eq!(
        session.attributes.passthrough().collect::<Vec<_>>(),
        [b"x-one".as_slice(), b"x-two", b"tool:t"]
    );
}

#[test]
fn bundle_groups() {
    let groups = "a=group:BUNDLE a b c\r\na=group:BUNDLE\r\na=group:BUNDLE b x\r\na=group:LS a x\r\na=group:BUNDLE d c e e\r\n";
    let body = format!("{SESSION}{groups}");
    let session = |force_relay| {
        try_extract(&body, ExtractOptions { force_relay, ..ExtractOptions::default() })
            .expect("valid")
            .session
    };
    let plain = session(false);
    let pairs: Vec<_> = plain.bundle.iter().map(|(mid, head)| format!("{mid}>{head}")).collect();
    assert_eq!(pairs, ["a>a", "b>a", "c>a", "d>d", "e>d"]);
    assert_eq!(plain.bundle.head_of(b"e").map(Text::to_string).as_deref(), Some("d"));
    assert_eq!(plain.bundle.head_of(b"x"), None);
    assert_eq!(plain.groups, [Text::from("group:LS a x")]);
    let relayed = session(true);
    assert!(relayed.bundle.is_empty());
    assert_eq!(relayed.groups.len(), 5);
}

#[test]
fn passed_on_and_copied_attributes() {
    let stream = section(
        "m=audio 9 RTP/AVP 0\na=ssrc:1 cname:x\na=mid:1\na=X-foo:\na=rtcp-fb:* nack\na=end-of-candidates\na=candidate:1 1 UDP 7 192.0.2.1 5 typ relay raddr 1.1.1.1 rport 3\na=candidate:1 1 UDP 7 192.0.2.1 5 typ host\na=ice-mismatch\na=T38FaxVersion:0\na=remote-candidates:1 1.1.1.1 3\na=rtpengine:abc\na=msid:a b",
    );
    let text = |lines: Vec<&[u8]>| {
        lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        text(stream.attributes.passthrough().collect()),
        ["rtcp-fb:* nack", "ssrc:1 cname:x", "X-foo", "msid:a b"]
    );
    let copied = text(stream.attributes.copied(true).collect());
    assert_eq!(
        copied,
        [
            "ssrc:1 cname:x",
            "mid:1",
            "X-foo",
            "rtcp-fb:* nack",
            "candidate:1 1 UDP 7 192.0.2.1 5 typ host",
            "T38FaxVersion:0",
            "msid:a b"
        ]
    );
    assert_eq!(stream.attributes.copied(false).count(), copied.len() + 1);
    let t38: Vec<_> = stream.attributes.t38().collect();
    assert_eq!(t38, [(AttributeKind::T38FaxVersion, b"0".as_slice())]);
}

#[test]
fn music_on_hold_has_the_configured_name() {
    let options = ParseOptions { music_on_hold: Some(b"hold"), ..ParseOptions::default() };
    let body = format!("{SESSION}a=hold\r\n");
    let session = extract(&parse(body.as_bytes(), &options).expect("valid"), &ExtractOptions::default())
        .expect("valid")
        .session;
    assert!(session.music_on_hold);
    assert_eq!(session.attributes.passthrough().count(), 0);
    assert_eq!(session.attributes.passthrough_with_hold().collect::<Vec<_>>(), [b"hold"]);
}

#[test]
fn what_a_call_keeps_is_small() {
    assert!(size_of::<StreamParams>() <= 704, "{}", size_of::<StreamParams>());
    assert!(size_of::<SessionParams>() <= 448, "{}", size_of::<SessionParams>());
    assert!(size_of::<CryptoParams>() <= 80, "{}", size_of::<CryptoParams>());
}
