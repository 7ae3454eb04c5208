//! What holds for every body.

use proptest::prelude::*;

use crate::sdp::*;

/// Lines that are right, nearly right and wrong, so that most bodies reach deep into the parser.
const LINES: &[&str] = &[
    "v=0",
    "o=- 1 2 IN IP4 192.0.2.1",
    "s=name",
    "s=",
    "i=info",
    "u=http://example.org/",
    "e=mail",
    "p=phone",
    "t=0 0",
    "c=IN IP4 192.0.2.1",
    "c=IN IP6 [2001:db8::1] rest",
    "b=AS:64",
    "b=TIAS:x",
    "b=X:",
    "k=clear",
    "m=audio 5000 RTP/AVP 0 8 101",
    "m=audio 9/2 UDP/TLS/RTP/SAVPF 111 0 ",
    "m=video 0 RTP/SAVP 96",
    "m=image 4000 udptl t38",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10",
    "a=rtcp-fb:* nack",
    "a=rtcp-fb:111 nack pli",
    "a=sendonly",
    "a=rtcp:5001",
    "a=rtcp:5001 IN IP4 192.0.2.9",
    "a=rtcp-mux",
    "a=mid:1",
    "a=mid:",
    "a=group:BUNDLE 1 2",
    "a=ice-ufrag:abcd",
    "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host",
    "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport 5",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4",
    "a=crypto:",
    "a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB",
    "a=setup:actpass",
    "a=extmap:1/sendonly urn:x",
    "a=T38FaxVersion:0",
    "a=X-unknown:",
    "a=",
    "a=:",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(LINES).prop_map(|line| line.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..24);
    let cut = (prop::sample::select(LINES), 0usize..40)
        .prop_map(|(line, len)| line.as_bytes()[..len.min(line.len())].to_vec());
    let attribute =
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|value| [b"a=".as_slice(), &value].concat());
    prop_oneof![20 => known, 1 => noise, 2 => cut, 2 => attribute]
}

/// A body of such lines, without `v=` in front.
pub(in crate::sdp) fn body() -> impl Strategy<Value = Vec<u8>> {
    let end = prop_oneof![8 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r\r\n")];
    prop::collection::vec((line(), end), 0..24).prop_map(|lines| {
        lines.iter().flat_map(|(line, end)| [line.as_slice(), end.as_bytes()].concat()).collect()
    })
}

proptest! {
    #[test]
    fn parsing_never_panics_and_writing_keeps_the_model(mut body in body(), whole: bool) {
        if whole {
            body.splice(0..0, *b"v=0\r\n");
        }
        exercise(&body);
    }

    #[test]
    fn any_bytes_are_looked_at(body in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&body);
    }

    #[test]
    fn extraction_keeps_no_more_than_its_bounds(body in body()) {
        let fragment = [b"v=0\r\nc=IN IP4 192.0.2.1\r\n".as_slice(), &body].concat();
        let Ok(sdp) = parse(&fragment, &ParseOptions::default()) else { return Ok(()) };
        let Ok(extracted) = extract(&sdp, &ExtractOptions { accept_legacy_osrtp: true, ..ExtractOptions::default() }) else { return Ok(()) };
        prop_assert!(extracted.streams.len() <= sdp.media().count());
        for (index, stream) in (1..).zip(&extracted.streams) {
            prop_assert_eq!(stream.index, index);
            prop_assert!(stream.codecs.len() <= 128);
            prop_assert!(stream.protocol.is_none_or(Transport::is_rtp) || stream.codecs.is_empty());
        }
    }
}

#[test]
fn large_bodies_take_linear_time() {
    // Each body is as large as a datagram can be; a quadratic step would take seconds in a debug build.
    let sections = format!("m=audio 5000 RTP/AVP {}\r\n", "0 ".repeat(5000));
    let repeated = |line: &str| line.repeat(60_000 / line.len());
    let begin = "v=0\r\nc=IN IP4 192.0.2.1\r\n";
    for body in [
        format!("{begin}{sections}{}", repeated("a=rtcp-fb:0 nack\r\n")),
        format!(
            "{begin}{sections}a=ice-ufrag:a\r\n{}",
            repeated("a=candidate:1 1 UDP 1 192.0.2.1 5 typ host\r\n")
        ),
        format!("{begin}{}", repeated("a=x\r\n")),
        format!("{begin}{}", repeated("a=group:BUNDLE 1 2 3\r\n")),
        format!("{begin}a=group:BUNDLE{}\r\n", (0..10_000).map(|mid| format!(" {mid}")).collect::<String>()),
        format!(
            "{begin}{}{}",
            repeated("a=extmap:1 urn:x\r\n"),
            "m=audio 5000 RTP/AVP 0\r\n".repeat(MAX_MEDIA)
        ),
    ] {
        let begun = std::time::Instant::now();
        let sdp = parse(body.as_bytes(), &ParseOptions::default()).expect("valid");
        extract(&sdp, &ExtractOptions::default()).expect("valid");
        assert!(begun.elapsed().as_millis() < 2000, "{:?} for {}", begun.elapsed(), &body[..60]);
    }
}
