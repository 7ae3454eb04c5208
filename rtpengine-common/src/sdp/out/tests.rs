//! Byte-exact rows of sdp.md §4, §5 and what shapes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;
use crate::sdp::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));
const KEY40: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn origin(username: &str, id: &str, version: u64, address: &str) -> SessionOrigin {
    SessionOrigin {
        username: username.into(),
        session_id: id.into(),
        version,
        address_type: "IP4".into(),
        address: address.into(),
    }
}

fn ua1() -> SessionOrigin {
    origin("ua1", "77", 3, "10.7.7.1")
}

fn section<'a>(protocol: Transport, body: MediaBody<'a>) -> MediaOut<'a> {
    MediaOut {
        media_type: b"audio",
        port: 30012,
        protocol: ProtocolOut::Known(protocol),
        formats: b"",
        codecs: vec![codec(0, b"PCMU")],
        information: b"",
        connection: HERE,
        bandwidth: Bandwidth::default(),
        body,
        legacy_osrtp: LegacyOsrtp::None,
    }
}

fn codec(payload_type: u8, name: &[u8]) -> CodecOut<'_> {
    CodecOut { payload_type, name, clock_rate: 8000, channels: 1, fmtp: b"", rtcp_fb: Vec::new() }
}

fn regenerated(attributes: MediaAttributes<'_>) -> MediaBody<'_> {
    MediaBody::Regenerated(MediaHead::default(), Box::new(attributes))
}

fn printed(session: &SessionOut<'_>, media: &[MediaOut<'_>], edits: &Edits<'_>) -> String {
    String::from_utf8(print(session, media, edits).body).expect("text")
}

/// The lines of a section without their ends; checks that every line has the right one.
fn media_lines(media: &MediaOut<'_>, edits: &Edits<'_>) -> Vec<String> {
    let origin = ua1();
    let body = printed(&SessionOut::new(&origin, b"-"), std::slice::from_ref(media), edits);
    let lines = lines(&body);
    lines.into_iter().skip_while(|line| !line.starts_with("m=")).collect()
}

fn lines(body: &str) -> Vec<String> {
    let whole = body.strip_suffix("\r\n").expect("the last line ends in CR LF, and no blank line follows");
    let lines: Vec<_> = whole.split("\r\n").map(str::to_owned).collect();
    assert!(lines.iter().all(|line| !line.is_empty() && !line.contains(['\r', '\n'])), "{lines:?}");
    lines
}

fn session_lines(session: &SessionOut<'_>, edits: &Edits<'_>) -> Vec<String> {
    lines(&printed(session, &[], edits))
}

fn attributes_of(protocol: Transport, attributes: MediaAttributes<'_>) -> Vec<String> {
    let lines = media_lines(&section(protocol, regenerated(attributes)), &Edits::default());
    lines.into_iter().skip(2).collect()
}

fn bandwidth(values: &[(BandwidthType, u64)]) -> Bandwidth {
    let mut bandwidth = Bandwidth::default();
    for (kind, value) in values {
        bandwidth.set(*kind, *value);
    }
    bandwidth
}

fn extmaps() -> [ExtMap; 2] {
    [ExtMap { id: 3, uri: "urn:a".into() }, ExtMap { id: 1, uri: "urn:b".into() }]
}

#[test]
fn example_a_of_the_specification() {
    let origin = ua1();
    let session = SessionOut {
        bandwidth: bandwidth(&[(BandwidthType::Tias, 64000), (BandwidthType::As, 96)]),
        passthrough: vec![b"tool:x"],
        ..SessionOut::new(&origin, b"demo")
    };
    let attributes = MediaAttributes {
        passed: Passed::Source(MediaType::Audio, vec![b"X-foo", b"ssrc:5 cname:q"]),
        direction: DirectionOut::Generated(Direction::RECEIVE_ONLY),
        rtcp: Some(RtcpOut { port: 30013, address: None }),
        maxptime: 60,
        ..MediaAttributes::default()
    };
    let head = MediaHead { mid: Some(b"1"), ..MediaHead::default() };
    let mut media = section(Transport::RtpAvp, MediaBody::Regenerated(head, Box::new(attributes)));
    media.codecs = vec![codec(3, b"GSM"), CodecOut { fmtp: b"0-11", ..codec(118, b"telephone-event") }];
    assert_eq!(
        printed(&session, &[media], &Edits::default()),
        "v=0\r\no=ua1 77 3 IN IP4 10.7.7.1\r\ns=demo\r\nb=AS:96\r\nb=TIAS:64000\r\nt=0 0\r\na=tool:x\r\n\
         m=audio 30012 RTP/AVP 3 118\r\nc=IN IP4 192.0.2.200\r\na=mid:1\r\na=rtpmap:3 GSM/8000\r\na=rtpmap:118 telephone-event/8000\r\n\
         a=fmtp:118 0-11\r\na=X-foo\r\na=ssrc:5 cname:q\r\na=recvonly\r\na=rtcp:30013\r\na=maxptime:60\r\n"
    );
}

#[test]
fn every_session_row_in_order() {
    let origin = SessionOrigin { address_type: "IP6".into(), address: "::1".into(), ..ua1() };
    let session = SessionOut {
        information: b"info",
        uri: b"uri",
        email: b"mail",
        phone: b"phone",
        bandwidth: bandwidth(&[
            (BandwidthType::Tias, 5),
            (BandwidthType::Ct, 4),
            (BandwidthType::Rs, 0),
            (BandwidthType::Rr, 2),
            (BandwidthType::As, 1),
        ]),
        timing: b"1 2",
        loop_id: Some(b"0123456789ab"),
        music_on_hold: Some(b"hold"),
        ice_lite: true,
        bundles: vec![vec![b"1", b"2"], vec![b"3"]],
        groups: vec![b"group:LS 1 2"],
        passthrough: vec![b"x", b"y:z"],
        ..SessionOut::new(&origin, b"")
    };
    let edits = Edits {
        session: LevelEdits { add: vec![b"added", b"a=twice:a", b"x"], ..LevelEdits::default() },
        media: Vec::new(),
    };
    assert_eq!(
        session_lines(&session, &edits),
        [
            "v=0",
            "o=ua1 77 3 IN IP6 ::1",
            "s=",
            "i=info",
            "u=uri",
            "e=mail",
            "p=phone",
            "b=AS:1",
            "b=RR:2",
            "b=RS:0",
            "b=CT:4",
            "b=TIAS:5",
            "t=1 2",
            "a=rtpengine:0123456789ab",
            "a=hold",
            "a=ice-lite",
            "a=group:BUNDLE 1 2",
            "a=group:BUNDLE 3",
            "a=group:LS 1 2",
            "a=x",
            "a=y:z",
            "a=added",
            "a=twice:a",
            "a=x",
        ]
    );
    let bare = session_lines(&SessionOut::new(&origin, b"-"), &Edits::default());
    assert_eq!(bare, ["v=0", "o=ua1 77 3 IN IP6 ::1", "s=-", "t=0 0"]);
}

#[test]
fn every_media_row_in_order() {
    let key =
        CryptoParams::parse(format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}").as_bytes()).expect("valid");
    let fingerprint = Fingerprint::new(FingerprintHash::Sha1, &[0xab; 20]).expect("length");
    let extmaps = extmaps();
    let attributes = MediaAttributes {
        extmaps: extmaps.iter().collect(),
        passed: Passed::Source(MediaType::Video, vec![b"rtcp-fb:* nack", b"ssrc:1 cname:x"]),
        direction: DirectionOut::Generated(Direction::SEND_ONLY),
        rtcp: Some(RtcpOut { port: 30013, address: Some(Ipv6Addr::LOCALHOST.into()) }),
        rtcp_mux: true,
        crypto: vec![&key],
        dtls: Some(DtlsOut { setup: Setup::ActPass, fingerprint: &fingerprint, tls_id: Some(b"00ff") }),
        ptime: 20,
        maxptime: 40,
        ice: Some(IceOut {
            ufrag: b"user",
            pwd: b"pass",
            trickle: true,
            ice2: true,
            candidates: vec![
                Candidate::parse(b"f 1 UDP 9 192.0.2.1 7 typ relay raddr 192.0.2.1 rport 7").expect("valid"),
            ],
            remote_candidates: vec![(1, HERE, 5), (2, HERE, 6)],
        }),
        ..MediaAttributes::default()
    };
    let head = MediaHead { mid: Some(b"m"), label: Some(b"l"), bundle_only: true };
    let mut media = section(Transport::UdpTlsRtpSavpf, MediaBody::Regenerated(head, Box::new(attributes)));
    media.media_type = b"video";
    media.information = b"info";
    media.bandwidth = bandwidth(&[(BandwidthType::Tias, 1), (BandwidthType::As, 2)]);
    media.codecs = vec![
        CodecOut { channels: 2, fmtp: b"f=1", rtcp_fb: vec![b"nack", b"ccm fir"], ..codec(96, b"opus") },
        CodecOut { clock_rate: 0, ..codec(2, b"") },
    ];
    let edits = Edits {
        media: vec![(MediaType::Video, LevelEdits { add: vec![b"last"], ..LevelEdits::default() })],
        ..Edits::default()
    };
    let print = vec!["AB"; 20].join(":");
    assert_eq!(
        media_lines(&media, &edits),
        [
            "m=video 30012 UDP/TLS/RTP/SAVPF 96 2",
            "i=info",
            "c=IN IP4 192.0.2.200",
            "b=AS:2",
            "b=TIAS:1",
            "a=mid:m",
            "a=label:l",
            "a=bundle-only",
            "a=rtpmap:96 opus/8000/2",
            "a=fmtp:96 f=1",
            "a=rtcp-fb:96 nack",
            "a=rtcp-fb:96 ccm fir",
            "a=rtpmap:2 /0",
            "a=extmap-allow-mixed",
            "a=extmap:3 urn:a",
            "a=extmap:1 urn:b",
            "a=rtcp-fb:* nack",
            "a=ssrc:1 cname:x",
            "a=sendonly",
            "a=rtcp:30013 IN IP6 ::1",
            "a=rtcp-mux",
            &format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}"),
            "a=setup:actpass",
            &format!("a=fingerprint:sha-1 {print}"),
            "a=tls-id:00ff",
            "a=ptime:20",
            "a=maxptime:40",
            "a=ice-ufrag:user",
            "a=ice-pwd:pass",
            "a=ice-options:trickle ice2",
            "a=candidate:f 1 UDP 9 192.0.2.1 7 typ relay raddr 192.0.2.1 rport 7",
            "a=remote-candidates:1 192.0.2.200 5 2 192.0.2.200 6",
            "a=end-of-candidates",
            "a=last",
        ]
    );
}

#[test]
fn rows_that_depend_on_the_protocol() {
    let key =
        CryptoParams::parse(format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}").as_bytes()).expect("valid");
    let attributes = || MediaAttributes {
        rtcp: Some(RtcpOut { port: 5, address: None }),
        rtcp_mux: true,
        crypto: vec![&key],
        ptime: 20,
        ..MediaAttributes::default()
    };
    assert_eq!(attributes_of(Transport::Udptl, attributes()), ["a=sendrecv"]);
    let plain = ["a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=rtcp:5", "a=rtcp-mux", "a=ptime:20"];
    assert_eq!(attributes_of(Transport::RtpAvpf, attributes()), plain);
    let osrtp = attributes_of(Transport::OsrtpAvp, attributes());
    assert!(osrtp[4].starts_with("a=crypto:1 "), "{osrtp:?}");
}

#[test]
fn media_line_formats() {
    let line = |protocol, codecs: Vec<CodecOut<'static>>, formats: &'static [u8]| {
        let media = MediaOut {
            protocol,
            codecs,
            formats,
            ..section(Transport::RtpAvp, MediaBody::Inactive(MediaHead::default()))
        };
        media_lines(&media, &Edits::default()).remove(0)
    };
    let rtp = ProtocolOut::Known(Transport::RtpAvp);
    assert_eq!(line(rtp, vec![codec(8, b""), codec(0, b"")], b"9 9"), "m=audio 30012 RTP/AVP 8 0");
    assert_eq!(line(rtp, Vec::new(), b"9 x"), "m=audio 30012 RTP/AVP 9 x");
    assert_eq!(line(rtp, Vec::new(), b""), "m=audio 30012 RTP/AVP 0");
    assert_eq!(
        line(ProtocolOut::Known(Transport::Udptl), vec![codec(8, b"")], b"t38"),
        "m=audio 30012 udptl t38"
    );
    assert_eq!(line(ProtocolOut::Unknown(b"*"), Vec::new(), b""), "m=audio 30012 * ");
    assert_eq!(line(ProtocolOut::Known(Transport::OsrtpAvpf), Vec::new(), b""), "m=audio 30012 RTP/AVPF 0");
}

#[test]
fn inactive_sections_stop_after_their_head() {
    let head = MediaHead { mid: Some(b"a"), label: Some(b"b"), bundle_only: false };
    let media = MediaOut {
        port: 0,
        codecs: Vec::new(),
        formats: b"8 0",
        ..section(Transport::RtpAvp, MediaBody::Inactive(head))
    };
    let edits = Edits {
        media: vec![(MediaType::Audio, LevelEdits { add: vec![b"last"], ..LevelEdits::default() })],
        ..Edits::default()
    };
    assert_eq!(
        media_lines(&media, &edits),
        ["m=audio 0 RTP/AVP 8 0", "c=IN IP4 192.0.2.200", "a=mid:a", "a=label:b", "a=last"]
    );
}

#[test]
fn copied_sections() {
    let body = "v=0\r\nm=message 7 TCP/MSRP *\r\na=mid:1\r\na=end-of-candidates\r\na=path:msrp://x\r\na=candidate:1 1 UDP 3 192.0.2.1 7 typ host\r\n";
    let sdp =
        parse(body.as_bytes(), &ParseOptions { fragment: true, ..ParseOptions::default() }).expect("valid");
    let source =
        extract(&sdp, &ExtractOptions { fragment: true, ..ExtractOptions::default() }).expect("valid");
    let copied = CopiedAttributes {
        source_type: MediaType::Message,
        attributes: source.streams[0].attributes.copied(false).collect(),
        candidates: vec![Candidate::parse(b"own 1 UDP 9 192.0.2.200 7 typ host").expect("valid")],
        end_of_candidates: true,
    };
    let media = MediaOut {
        media_type: b"message",
        protocol: ProtocolOut::Unknown(b"TCP/MSRP"),
        codecs: Vec::new(),
        formats: b"*",
        ..section(Transport::RtpAvp, MediaBody::Copied(copied))
    };
    let edits = Edits {
        media: vec![(
            MediaType::Message,
            LevelEdits { add: vec![b"last"], remove: vec![b"mid"], ..LevelEdits::default() },
        )],
        ..Edits::default()
    };
    assert_eq!(
        media_lines(&media, &edits),
        [
            "m=message 30012 TCP/MSRP *",
            "c=IN IP4 192.0.2.200",
            "a=path:msrp://x",
            "a=candidate:1 1 UDP 3 192.0.2.1 7 typ host",
            "a=candidate:own 1 UDP 9 192.0.2.200 7 typ host",
            "a=end-of-candidates",
            "a=last",
        ]
    );
}

#[test]
fn legacy_osrtp_lines() {
    let key =
        CryptoParams::parse(format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}").as_bytes()).expect("valid");
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}");
    let with = |protocol, legacy_osrtp| {
        let attributes = MediaAttributes { crypto: vec![&key], ..MediaAttributes::default() };
        let media = MediaOut { legacy_osrtp, ..section(protocol, regenerated(attributes)) };
        let edits = Edits {
            media: vec![(MediaType::Audio, LevelEdits { add: vec![b"last"], ..LevelEdits::default() })],
            ..Edits::default()
        };
        media_lines(&media, &edits)
    };
    let (bare, srtp, plain) = ("m=audio 0 RTP/AVP 0", "m=audio 30012 RTP/SAVP 0", "m=audio 30012 RTP/AVP 0");
    let (connection, map) = ("c=IN IP4 192.0.2.200", "a=rtpmap:0 PCMU/8000");
    let section = [srtp, connection, map, "a=sendrecv", &crypto];
    let last = ["a=last"].as_slice();
    assert_eq!(
        with(Transport::RtpSavp, LegacyOsrtp::BareBefore),
        [&[bare], section.as_slice(), last].concat()
    );
    assert_eq!(
        with(Transport::RtpSavp, LegacyOsrtp::BareAfter),
        [section.as_slice(), &[bare], last].concat()
    );
    let first = [plain, connection, map, "a=sendrecv"];
    assert_eq!(with(Transport::RtpSavp, LegacyOsrtp::OfferBoth), [first.as_slice(), &section, last].concat());
    assert_eq!(with(Transport::RtpAvp, LegacyOsrtp::BareBefore), [first.as_slice(), last].concat());
}

#[test]
fn original_directions_end_the_passed_attributes() {
    let body = "v=0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\n";
    let sdp = parse(body.as_bytes(), &ParseOptions::default()).expect("valid");
    let options =
        ExtractOptions { addresses: AddressSource::Received(Some(HERE)), ..ExtractOptions::default() };
    let directions = extract(&sdp, &options).expect("valid").streams[0].directions;
    let attributes = |directions| MediaAttributes {
        passed: Passed::Source(MediaType::Audio, vec![b"x"]),
        direction: DirectionOut::Original(directions),
        rtcp: Some(RtcpOut { port: 1, address: None }),
        ..MediaAttributes::default()
    };
    assert_eq!(
        attributes_of(Transport::RtpAvp, attributes(directions)),
        ["a=rtpmap:0 PCMU/8000", "a=x", "a=sendonly", "a=inactive", "a=rtcp:1"]
    );
    assert_eq!(
        attributes_of(Transport::RtpAvp, attributes(Directions::default())),
        ["a=rtpmap:0 PCMU/8000", "a=x", "a=rtcp:1"]
    );
}

#[test]
fn extmaps_without_mixed_forms() {
    let extmaps = extmaps();
    let attributes =
        MediaAttributes { extmaps: vec![&extmaps[1]], extmap_one_byte: true, ..MediaAttributes::default() };
    assert_eq!(
        attributes_of(Transport::RtpAvp, attributes),
        ["a=rtpmap:0 PCMU/8000", "a=extmap:1 urn:b", "a=sendrecv"]
    );
}

#[test]
fn t38_gateway_rows() {
    let attributes = MediaAttributes {
        passed: Passed::T38(T38Out {
            version: 3,
            local_tcf: true,
            error_correction: T38ErrorCorrection::Redundancy,
        }),
        ..MediaAttributes::default()
    };
    assert_eq!(
        attributes_of(Transport::Udptl, attributes),
        [
            "a=T38FaxVersion:3",
            "a=T38MaxBitRate:14400",
            "a=T38FaxRateManagement:localTFC",
            "a=T38FaxMaxBuffer:1800",
            "a=T38FaxMaxDatagram:512",
            "a=T38FaxUdpEC:t38UDPRedundancy",
            "a=sendrecv",
        ]
    );
}

#[test]
fn ice_options_by_flags() {
    let options = |trickle, ice2| {
        let ice = IceOut { ufrag: b"u", pwd: b"p", trickle, ice2, ..IceOut::default() };
        attributes_of(Transport::RtpAvp, MediaAttributes { ice: Some(ice), ..MediaAttributes::default() })
            .split_off(2)
    };
    assert_eq!(options(false, false), ["a=ice-ufrag:u", "a=ice-pwd:p"]);
    assert_eq!(
        options(true, false),
        ["a=ice-ufrag:u", "a=ice-pwd:p", "a=ice-options:trickle", "a=end-of-candidates"]
    );
    assert_eq!(options(false, true), ["a=ice-ufrag:u", "a=ice-pwd:p", "a=ice-options:ice2"]);
}

#[test]
fn connection_addresses() {
    let rules = ConnectionRules {
        media_address: None,
        advertised: HERE,
        inactive: false,
        zero_address: false,
        ice: false,
    };
    let zero: IpAddr = Ipv4Addr::UNSPECIFIED.into();
    let media = Some(IpAddr::from(Ipv6Addr::LOCALHOST));
    assert_eq!(connection_address(&rules), HERE);
    assert_eq!(Some(connection_address(&ConnectionRules { media_address: media, ..rules })), media);
    assert_eq!(connection_address(&ConnectionRules { inactive: true, ice: true, ..rules }), zero);
    assert_eq!(
        Some(connection_address(&ConnectionRules { inactive: true, media_address: media, ..rules })),
        media
    );
    assert_eq!(connection_address(&ConnectionRules { zero_address: true, ..rules }), zero);
    assert_eq!(connection_address(&ConnectionRules { zero_address: true, ice: true, ..rules }), HERE);
    let zero_media = ConnectionRules { zero_address: true, media_address: media, ..rules };
    assert_eq!(connection_address(&zero_media), IpAddr::from(Ipv6Addr::UNSPECIFIED));
}

/// What becomes of one section's attributes when audio attributes matching `text` are removed, or replaced if `to` is given.
fn edited(text: &str, to: Option<&str>) -> Vec<String> {
    let key = CryptoParams::parse(format!("4 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}|1:4").as_bytes())
        .expect("valid");
    let fingerprint = Fingerprint::new(FingerprintHash::Sha1, &[0xab; 20]).expect("length");
    let extmaps = extmaps();
    let attributes = MediaAttributes {
        extmaps: extmaps.iter().collect(),
        passed: Passed::Source(MediaType::Audio, vec![b"ssrc:5 cname:q", b"X-flag"]),
        rtcp: Some(RtcpOut { port: 53, address: Some(HERE) }),
        rtcp_mux: true,
        crypto: vec![&key],
        dtls: Some(DtlsOut { setup: Setup::Active, fingerprint: &fingerprint, tls_id: Some(b"00ff") }),
        ptime: 20,
        ice: Some(IceOut {
            ufrag: b"user",
            pwd: b"pass",
            trickle: true,
            ice2: false,
            candidates: vec![
                Candidate::parse(b"f 1 UDP 9 192.0.2.1 7 typ relay raddr 192.0.2.1 rport 7").expect("valid"),
            ],
            remote_candidates: vec![(1, HERE, 5), (2, HERE, 6)],
        }),
        ..MediaAttributes::default()
    };
    let head = MediaHead { mid: Some(b"m"), ..MediaHead::default() };
    let mut media = section(Transport::RtpSavp, MediaBody::Regenerated(head, Box::new(attributes)));
    media.codecs = vec![CodecOut { fmtp: b"a=b", rtcp_fb: vec![b"nack"], ..codec(96, b"opus") }];
    let level = match to {
        None => LevelEdits { remove: vec![text.as_bytes()], ..LevelEdits::default() },
        Some(to) => {
            LevelEdits { substitute: vec![(text.as_bytes(), to.as_bytes())], ..LevelEdits::default() }
        }
    };
    media_lines(&media, &Edits { media: vec![(MediaType::Audio, level)], ..Edits::default() })
}

#[test]
fn attributes_are_removed_at_their_cuts_and_nowhere_else() {
    let all = edited("nothing", None);
    let candidate = "candidate:f 1 UDP 9 192.0.2.1 7 typ relay";
    let crypto = format!("crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}");
    let hits = [
        "ssrc",
        "SSRC:5",
        "ssrc:5 cname:q",
        "x-flag",
        "sendrecv",
        "rtcp-mux",
        "end-of-candidates",
        "extmap-allow-mixed",
        "mid",
        "mid:m",
        "setup",
        "setup:active",
        "ptime",
        "ptime:20",
        "ice-ufrag",
        "ice-ufrag:user",
        "ice-pwd",
        "ice-options",
        "ice-options:trickle",
        "rtpmap",
        "rtpmap:96",
        "rtpmap:96 OPUS/8000",
        "fmtp",
        "fmtp:96",
        "fmtp:96 a=b",
        "rtcp-fb",
        "rtcp-fb:96",
        "rtcp-fb:96 nack",
        "crypto",
        "crypto:4",
        "crypto:4 AES_CM_128_HMAC_SHA1_80",
        "crypto:4 AES_CM_128_HMAC_SHA1_80 inline:",
        &crypto,
        "rtcp",
        "rtcp:53",
        "fingerprint",
        "fingerprint:sha-1",
        "tls-id",
        "candidate",
        "candidate:f",
        "candidate:f 1",
        "candidate:f 1 udp",
        "candidate:f 1 UDP 9",
        "candidate:f 1 UDP 9 192.0.2.1 7",
        candidate,
        &format!("{candidate} raddr 192.0.2.1 rport 7"),
        "remote-candidates",
        "remote-candidates:1 192.0.2.200 5",
        "remote-candidates:1 192.0.2.200 5 2 192.0.2.200 6",
        "extmap:3 urn:a",
    ];
    for hit in hits {
        let lines = edited(hit, None);
        assert_eq!(lines.len(), all.len() - 1, "{hit}");
        let name = format!("a={}", hit.split(':').next().unwrap_or_default().to_lowercase());
        let missing = all.iter().find(|line| !lines.contains(line)).map(|line| line.to_lowercase());
        assert!(missing.is_some_and(|line| line.starts_with(&name)), "{hit}");
    }
    assert_eq!(edited("extmap", None).len(), all.len() - 2);
    let misses = [
        "a=ssrc",
        "ssrc:",
        "ssr",
        "m",
        "audio",
        "rtcp:53 IN IP4 192.0.2.200",
        "fingerprint:",
        "tls-id:00ff",
        "crypto:",
        "candidate:f 1 UDP 9 192.0.2.1",
        &format!("{crypto}|1:4"),
        "extmap:3",
        "rtcp-mux:",
        "PCMU",
    ];
    for miss in misses {
        assert_eq!(edited(miss, None), all, "{miss}");
    }
}

#[test]
fn attributes_are_replaced_as_a_whole() {
    let lines = edited("rtpmap:96", Some("x:y"));
    assert_eq!(lines.iter().filter(|line| *line == "a=x:y").count(), 1);
    assert!(!lines.iter().any(|line| line.starts_with("a=rtpmap")));
    assert!(edited("sendrecv", Some("a=inactive")).contains(&"a=inactive".to_owned()));
}

#[test]
fn removal_comes_before_replacement_and_the_first_cut_decides() {
    let origin = ua1();
    let session = SessionOut { passthrough: vec![b"tool:x", b"other:1 2"], ..SessionOut::new(&origin, b"-") };
    let lines = |remove: Vec<&'static [u8]>, substitute: Vec<(&'static [u8], &'static [u8])>| {
        let edits = Edits { session: LevelEdits { add: Vec::new(), remove, substitute }, media: Vec::new() };
        session_lines(&session, &edits).split_off(4)
    };
    assert_eq!(lines(vec![b"tool"], vec![(b"tool", b"new")]), ["a=other:1 2"]);
    assert_eq!(lines(vec![b"tool:x"], vec![(b"tool", b"new")]), ["a=new", "a=other:1 2"]);
    assert_eq!(lines(Vec::new(), vec![(b"OTHER:1", b"a"), (b"other", b"b")]), ["a=tool:x", "a=b"]);
}

#[test]
fn which_level_decides() {
    let origin = ua1();
    let session = SessionOut {
        loop_id: Some(b"id"),
        music_on_hold: Some(b"hold"),
        ice_lite: true,
        bundles: vec![vec![b"1"]],
        groups: vec![b"group:LS 1"],
        passthrough: vec![b"x"],
        first_media_type: MediaType::Video,
        ..SessionOut::new(&origin, b"-")
    };
    let unwanted: Vec<&[u8]> = vec![b"rtpengine", b"hold", b"ice-lite", b"group", b"x"];
    let level = LevelEdits { remove: unwanted, ..LevelEdits::default() };
    let global = Edits { session: level.clone(), media: Vec::new() };
    let global = session_lines(&session, &global).split_off(4);
    assert_eq!(global, ["a=rtpengine:id", "a=hold", "a=ice-lite", "a=group:LS 1"]);
    let video = Edits { session: LevelEdits::default(), media: vec![(MediaType::Video, level.clone())] };
    assert_eq!(session_lines(&session, &video).split_off(4), ["a=group:BUNDLE 1", "a=x"]);
    // Passed-on attributes follow the type of the source.
    let attributes = MediaAttributes {
        passed: Passed::Source(MediaType::Video, vec![b"x"]),
        ..MediaAttributes::default()
    };
    let media = section(Transport::RtpAvp, regenerated(attributes));
    assert!(!media_lines(&media, &video).contains(&"a=x".to_owned()));
    let audio = Edits { session: LevelEdits::default(), media: vec![(MediaType::Audio, level)] };
    assert!(media_lines(&media, &audio).contains(&"a=x".to_owned()));
}

#[test]
fn bundle_groups_have_three_cuts() {
    let origin = ua1();
    let session = SessionOut { bundles: vec![vec![b"1", b"2"]], ..SessionOut::new(&origin, b"-") };
    for (text, left) in [("group", 4), ("group:bundle", 4), ("group:BUNDLE 1 2", 4), ("group:BUNDLE 1", 5)] {
        let level = LevelEdits { remove: vec![text.as_bytes()], ..LevelEdits::default() };
        let edits = Edits { session: level, media: Vec::new() };
        assert_eq!(session_lines(&session, &edits).len(), left, "{text}");
    }
}

fn defaults() -> OriginDefaults {
    OriginDefaults { clock_us: 0xf000_0005, random: 0xf000_0008, advertised: HERE }
}

fn selected(source: bool, previous: bool, rules: OriginRules) -> (String, String, u64, String) {
    let (src, prev) = (origin("src", "1", 10, "s.example"), origin("prev", "2", 20, "p.example"));
    let origin = select_origin(source.then_some(&src), previous.then_some(&prev), rules, &defaults());
    (origin.username.to_string(), origin.session_id.to_string(), origin.version, origin.address.to_string())
}

#[test]
fn the_origin_line_by_options() {
    let expected = |user: &str, id: &str, version, address: &str| {
        (user.to_owned(), id.to_owned(), version, address.to_owned())
    };
    let none = OriginRules::default();
    let here = "192.0.2.200";
    assert_eq!(selected(true, true, none), expected("src", "1", 10, "s.example"));
    assert_eq!(selected(false, true, none), expected("prev", "2", 20, "p.example"));
    assert_eq!(selected(false, false, none), expected("-", "6", 9, here));
    let username = OriginRules { username: true, ..none };
    assert_eq!(selected(true, true, username), expected("prev", "1", 10, "s.example"));
    assert_eq!(selected(true, false, username), expected("src", "1", 10, "s.example"));
    let address = OriginRules { origin: true, ..none };
    assert_eq!(selected(true, true, address), expected("src", "1", 10, "p.example"));
    assert_eq!(selected(true, false, address), expected("src", "1", 10, here));
    let full = OriginRules { origin_full: true, ..none };
    assert_eq!(selected(true, true, full), expected("prev", "2", 20, "p.example"));
    assert_eq!(selected(true, false, full), expected("src", "1", 10, here));
    let force = OriginRules { force_increment: true, ..none };
    assert_eq!(selected(true, true, force), expected("src", "1", 21, "s.example"));
    assert_eq!(selected(true, false, force), expected("src", "1", 10, "s.example"));
    let counted = OriginRules { sdp_version: true, ..none };
    assert_eq!(selected(true, true, counted).2, 20);
    assert_eq!(selected(true, false, counted).2, 10);
    assert_eq!(selected(false, false, full), expected("-", "6", 9, here));
}

#[test]
fn empty_fields_of_the_origin_give_way() {
    let (source, previous) = (origin("", "", 1, "s"), origin("prev", "2", 2, "p"));
    let chosen = select_origin(Some(&source), Some(&previous), OriginRules::default(), &defaults());
    assert_eq!((chosen.username, chosen.session_id), ("prev".into(), "2".into()));
}

#[test]
fn versions_count_changes_of_the_body() {
    let mut stored = None;
    let mut origin = origin("u", "1", 9, "a");
    let mut send = |name: &[u8], origin: &mut SessionOrigin| {
        let mut version = origin.version;
        let mut printed = print(&SessionOut::new(origin, name), &[], &Edits::default());
        printed.count_version(&mut version, &mut stored);
        origin.version = version;
        String::from_utf8(printed.body).expect("text")
    };
    assert!(send(b"one", &mut origin).contains("o=u 1 9 IN"));
    assert!(send(b"one", &mut origin).contains("o=u 1 9 IN"));
    assert!(send(b"two", &mut origin).contains("o=u 1 10 IN IP4 a\r\ns=two\r\n"));
    assert!(send(b"two", &mut origin).contains("o=u 1 10 IN"));
    assert!(send(b"one", &mut origin).contains("o=u 1 11 IN"));
}

#[test]
fn versions_wrap() {
    let previous = origin("u", "1", u64::MAX, "a");
    let rules = OriginRules { force_increment: true, ..OriginRules::default() };
    assert_eq!(select_origin(None, Some(&previous), rules, &defaults()).version, 0);
    let mut printed = print(&SessionOut::new(&previous, b"-"), &[], &Edits::default());
    printed.set_version(5);
    printed.set_version(77);
    assert!(printed.body.starts_with(b"v=0\r\no=u 1 77 IN IP4 a\r\n"));
}

#[test]
fn session_names() {
    assert_eq!(software_id("rtpengine-12.5.1~git A"), "rtpengine-12-5-1-git-A");
    let mut known = Text::EMPTY;
    for (received, keep, expected) in
        [("", false, ""), ("a", true, "a"), ("b", true, "a"), ("b", false, "b"), ("", false, "b")]
    {
        remember_session_name(&mut known, &received.into(), keep);
        assert_eq!(known, expected);
    }
}

fn local(address: &str, port: u16) -> LocalCandidate {
    LocalCandidate {
        foundation: "f".into(),
        address: address.parse().expect("address"),
        rtp_port: port,
        rtcp_port: Some(port + 1),
    }
}

#[test]
fn example_d_of_the_specification() {
    let addresses = [local("192.0.2.200", 30000), local("2001:db8:7::200", 30000)];
    let candidates = local_candidates(&addresses, CandidateType::Host, (126, 0));
    let text: Vec<_> = candidates.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "f 1 UDP 2130706431 192.0.2.200 30000 typ host",
            "f 1 UDP 2130706175 2001:db8:7::200 30000 typ host",
            "f 2 UDP 2130706430 192.0.2.200 30001 typ host",
            "f 2 UDP 2130706174 2001:db8:7::200 30001 typ host",
        ]
    );
    let relay = local_candidates(
        &[LocalCandidate { rtcp_port: None, ..local("192.0.2.200", 30000) }],
        CandidateType::Relay,
        (0, 0),
    );
    assert_eq!(relay.len(), 1);
    assert_eq!(
        relay[0].to_string(),
        "f 1 UDP 16777215 192.0.2.200 30000 typ relay raddr 192.0.2.200 rport 30000"
    );
}

#[test]
fn candidates_go_below_those_of_the_peer() {
    let host = |priority: u32| Candidate {
        priority,
        ..Candidate::parse(b"1 1 UDP 1 192.0.2.1 5 typ host").expect("valid")
    };
    let preferences = |priorities: &[u32]| {
        let received: Vec<_> = priorities.iter().map(|priority| host(*priority)).collect();
        passthrough_preferences(&received, CandidateType::Host)
    };
    assert_eq!(preferences(&[]), (126, 0));
    assert_eq!(preferences(&[2_130_706_431]), (125, 65535));
    // Too high to matter.
    assert_eq!(preferences(&[u32::MAX]), (126, 0));
    // L is counted one back from the received one, which may raise the priority again: later ones compare with that.
    assert_eq!(preferences(&[2_122_260_223]), (126, 65535 - 32542 - 1));
    assert_eq!(preferences(&[255]), (0, 65534));
    assert_eq!(preferences(&[0x00ff_ff01]), (0, 65535));
    let other = Candidate { kind: CandidateType::Relay, ..host(2_130_706_431) };
    assert_eq!(passthrough_preferences(&[other], CandidateType::Host), (126, 0));
    // The second address after the last position wraps around.
    let candidates =
        local_candidates(&[local("192.0.2.1", 1), local("192.0.2.2", 1)], CandidateType::Host, (125, 65535));
    assert_eq!(candidates[0].priority, (125 << 24) | 255);
    assert_eq!(candidates[1].priority, 0xffff_ffff);
}
