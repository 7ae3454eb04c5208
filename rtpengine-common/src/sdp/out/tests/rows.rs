//! sdp.md §4 and §5: the rows, their order and what decides on them.

use std::net::Ipv6Addr;

use super::*;

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
    media.codecs =
        vec![codec(3, b"GSM"), CodecOut { fmtp: b"0-11".into(), ..codec(118, b"telephone-event") }];
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
        CodecOut {
            channels: 2,
            fmtp: b"f=1".into(),
            rtcp_fb: vec![b"nack", b"ccm fir"],
            ..codec(96, b"opus")
        },
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
fn rtcp_lines_by_mux() {
    let rules = |mux, mux_only, rtcp_port, force_relay| {
        let rules = RtcpRules { form: RtcpForm::Port, mux, mux_only, rtp_port: 10, rtcp_port, force_relay };
        let (line, mux) = rtcp_rows(&rules);
        (line.map(|line| line.port), mux)
    };
    assert_eq!(rules(true, true, Some(11), false), (Some(10), true));
    assert_eq!(rules(true, true, None, true), (Some(10), true));
    assert_eq!(rules(true, false, Some(11), false), (Some(11), true));
    assert_eq!(rules(false, true, Some(11), false), (Some(11), false));
    assert_eq!(rules(false, false, None, false), (None, false));
    assert_eq!(rules(true, false, Some(11), true), (None, false));
    let form = |form| {
        rtcp_rows(&RtcpRules {
            form,
            mux: true,
            mux_only: true,
            rtp_port: 10,
            rtcp_port: None,
            force_relay: false,
        })
    };
    assert_eq!(form(RtcpForm::Omitted), (None, true));
    assert_eq!(form(RtcpForm::Full(HERE)), (Some(RtcpOut { port: 10, address: Some(HERE) }), true));
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
