//! What holds for every body that is printed.

use super::*;

/// What was received, as if it were to be printed unchanged.
fn echo(stream: &StreamParams) -> MediaOut<'_> {
    let attributes = MediaAttributes {
        extmaps: stream.extmaps.iter().collect(),
        extmap_one_byte: stream.extmap_one_byte,
        passed: Passed::Source(stream.media_type, stream.attributes.passthrough().collect()),
        direction: DirectionOut::Generated(stream.direction),
        rtcp: Some(RtcpOut { port: 5, address: None }),
        rtcp_mux: stream.rtcp_mux,
        crypto: stream.crypto.iter().collect(),
        dtls: stream.fingerprint.as_deref().map(|fingerprint| DtlsOut {
            setup: stream.setup,
            fingerprint,
            tls_id: stream.tls_id.as_deref(),
        }),
        ptime: stream.ptime,
        maxptime: stream.maxptime,
        ice: stream.ice.as_deref().map(|ice| IceOut {
            ufrag: &ice.ufrag,
            pwd: &ice.pwd,
            trickle: ice.trickle,
            ice2: ice.ice2,
            candidates: ice.candidates.to_vec(),
            remote_candidates: Vec::new(),
        }),
        ..MediaAttributes::default()
    };
    let head = MediaHead { mid: stream.mid.as_deref(), label: stream.label.as_deref(), bundle_only: false };
    MediaOut {
        media_type: &stream.media_type_text,
        port: stream.port,
        protocol: stream.protocol.map_or(ProtocolOut::Unknown(&stream.protocol_text), ProtocolOut::Known),
        formats: &stream.formats,
        codecs: stream.codecs.iter().map(CodecOut::from).collect(),
        information: &stream.information,
        connection: stream.rtp.map_or(HERE, |rtp| rtp.ip()),
        bandwidth: stream.bandwidth,
        body: MediaBody::Regenerated(head, Box::new(attributes)),
        legacy_osrtp: LegacyOsrtp::None,
    }
}

/// Whatever arrives: what is printed of it is strict SDP again and says the same.
fn check_echo(lines: &[u8]) {
    let received = [b"v=0\r\nc=IN IP4 192.0.2.1\r\n".as_slice(), lines].concat();
    let Ok(sdp) = parse(&received, &ParseOptions::default()) else { return };
    let Ok(extracted) = extract(&sdp, &ExtractOptions::default()) else { return };
    let origin = ua1();
    let session = SessionOut {
        passthrough: extracted.session.attributes.passthrough().collect(),
        ..SessionOut::new(&origin, &extracted.session.name)
    };
    let media: Vec<_> = extracted.streams.iter().map(echo).collect();
    let printed = print(&session, &media, &Edits::default());

    let strict = ParseOptions { reject_invalid: true, ..ParseOptions::default() };
    let again = parse(&printed.body, &strict).expect("strict SDP");
    // Unnamed codecs, and a password that was not there.
    let is_known = |warning: &Warning| matches!(warning.name, "rtpmap" | "ice-pwd");
    assert!(again.warnings.iter().all(is_known), "{:?}", again.warnings);
    let again = extract(&again, &ExtractOptions::default()).expect("complete");
    assert_eq!(again.streams.len(), extracted.streams.len());
    for (printed, received) in again.streams.iter().zip(&extracted.streams) {
        assert_same(printed, received);
    }
}

fn assert_same(printed: &StreamParams, received: &StreamParams) {
    // A section without formats is printed with format 0.
    if !received.codecs.is_empty() {
        assert_eq!(printed.codecs, received.codecs);
    }
    assert_eq!(printed.direction, received.direction);
    assert_eq!(printed.mid, received.mid);
    assert_eq!(printed.protocol, received.protocol);
    if received.protocol.is_some_and(Transport::is_srtp) {
        assert_eq!(printed.crypto, received.crypto);
    } else {
        assert!(printed.crypto.is_empty());
    }
    assert!(printed.attributes.passthrough().eq(received.attributes.passthrough()));
}

proptest::proptest! {
    #[test]
    fn what_is_printed_parses(lines in crate::sdp::tests::body()) {
        check_echo(&lines);
    }
}
