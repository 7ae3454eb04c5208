//! sdp.md §2.1–§2.4.

use crate::sdp::*;

fn parse_with<'a>(body: &'a [u8], options: ParseOptions<'_>) -> Result<Sdp<'a>, String> {
    parse(body, &options).map_err(|error| error.to_string())
}

fn strict() -> ParseOptions<'static> {
    ParseOptions { reject_invalid: true, ..ParseOptions::default() }
}

fn fragment() -> ParseOptions<'static> {
    ParseOptions { fragment: true, ..ParseOptions::default() }
}

fn ok(body: &str) -> Sdp<'_> {
    parse(body.as_bytes(), &ParseOptions::default()).expect(body)
}

#[test]
fn every_error_has_its_text_and_the_offset_of_its_line() {
    for (body, offset, text) in [
        ("v=0\r\nxyz\r\n", 5, "Missing '=' sign"),
        ("v=0\r\na\nb=AS:3\n", 5, "Missing '=' sign"),
        ("s=x\r\n", 0, "SDP doesn't start with a session definition"),
        ("m=audio 1 RTP/AVP 0\r\n", 0, "SDP doesn't start with a session definition"),
        ("x=x\r\n", 0, "SDP doesn't start with a session definition"),
        ("v=1\r\n", 0, "Error in v= line"),
        ("v=\r\n", 0, "Error in v= line"),
        ("v=00\r\n", 0, "Error in v= line"),
        ("v=0 \r\n", 0, "Error in v= line"),
        ("v=0\nm=audio 1 RTP/AVP 0\no=- 1 1 IN IP4 1.1.1.1\n", 24, "o= line found within media section"),
        ("v=0\no=- 1 1 IN IP4 a\no=- 1 1 IN IP4 a\n", 21, "Error parsing o= line"),
        ("v=0\no=- 1 1 IN IP4\n", 4, "Error parsing o= line"),
        ("v=0\no=- 1  1 IN IP4 a\n", 4, "Error parsing o= line"),
        ("v=0\no=\n", 4, "Error parsing o= line"),
        ("v=0\nm=\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio 1\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio 1 \n", 4, "Error parsing m= line"),
        ("v=0\nm=audio x RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio 65536 RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio -1 RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio 99999999999999999999999 RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio 1/ RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio 1/0 RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio 1/11 RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nm=audio  1 RTP/AVP 0\n", 4, "Error parsing m= line"),
        ("v=0\nc=IN IP4 224.1.1.1/3\n", 4, "Error parsing c= line"),
        ("v=0\nc=IN IP5 1.1.1.1\n", 4, "Error parsing c= line"),
        ("v=0\nc=IN IP4 1.1.1.1\nc=IN IP4 1.1.1.1\n", 21, "Error parsing c= line"),
        ("v=0\nm=a 1 b\nc=IN IP4 1.1.1.1\nc=IN IP4 1.1.1.1\n", 29, "Error parsing c= line"),
        ("v=0\nm=a 1 b\ns=x\n", 12, "s= line found within media section"),
        ("v=0\nm=a 1 b\nt=0 0\n", 12, "t= line found within media section"),
        ("v=0\nm=a 1 b\nu=x\n", 12, "u= line found within media section"),
        ("v=0\nm=a 1 b\ne=x\n", 12, "e= line found within media section"),
        ("v=0\nm=a 1 b\np=x\n", 12, "p= line found within media section"),
        ("v=0\nx=1\n", 4, "Unknown SDP line type found"),
        ("v=0\nS=1\n", 4, "Unknown SDP line type found"),
        ("v=0\n\u{e9}=1\n", 4, "Missing '=' sign"),
    ] {
        let expected = format!("Error parsing SDP at offset {offset}: {text}");
        assert_eq!(parse_with(body.as_bytes(), ParseOptions::default()).err(), Some(expected), "{body:?}");
    }
}

#[test]
fn line_ends_may_be_mixed_and_the_last_may_lack_one() {
    let sdp = ok("v=0\ns=a\r\ns=b\r\r\nt=1 2\nm=audio 1 RTP/AVP 0\r\na=x");
    assert_eq!(sdp.sessions[0].name, Some(b"b\r".as_slice()));
    assert_eq!(sdp.sessions[0].timing, Some(b"1 2".as_slice()));
    assert_eq!(sdp.sessions[0].media[0].common.attributes[0].text, b"x");
}

#[test]
fn a_lone_last_byte_is_ignored() {
    for body in ["v=0\r\nm", "v=0\r\n\n", "v=0\r\n\r", "v=0\r\n="] {
        assert_eq!(ok(body).sessions.len(), 1, "{body:?}");
        assert_eq!(parse_with(body.as_bytes(), strict()).map(|sdp| sdp.sessions.len()), Ok(1), "{body:?}");
    }
    assert_eq!(ok("").sessions.len(), 0);
    assert_eq!(ok("v").sessions.len(), 0);
}

#[test]
fn a_blank_line_ends_the_body_or_is_an_error() {
    for blank in ["\r\n", "\n", "\rx\n"] {
        let body = format!("v=0\r\ns=a\r\n{blank}s=b\r\nnonsense");
        assert_eq!(ok(&body).sessions[0].name, Some(b"a".as_slice()));
        assert_eq!(
            parse_with(body.as_bytes(), strict()).err().as_deref(),
            Some("Error parsing SDP at offset 10: Missing '=' sign")
        );
    }
    assert_eq!(ok("\r\nv=0\r\n").sessions.len(), 0);
}

#[test]
fn fragments_open_a_session_with_their_first_line() {
    let body = b"a=ice-ufrag:abcd\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n";
    let sdp = parse_with(body, fragment()).expect("fragment");
    assert!(sdp.sessions[0].implicit);
    assert_eq!(sdp.sessions[0].common.attributes[0].kind, AttributeKind::IceUfrag);
    assert_eq!(sdp.sessions[0].media.len(), 1);
    let whole = parse_with(b"v=0\r\nm=audio 9 RTP/AVP 0\r\n", fragment()).expect("with v=");
    assert!(!whole.sessions[0].implicit);
    let nothing = parse_with(b"b=X:1\r\nk=x\r\na=crypto:\r\n", fragment()).expect("dropped lines");
    assert!(nothing.sessions.is_empty());
    let error = parse_with(b"x=1\r\n", fragment()).err();
    assert_eq!(error.as_deref(), Some("Error parsing SDP at offset 0: Unknown SDP line type found"));
}

#[test]
fn the_session_lines() {
    let sdp = ok(
        "v=0\r\no=user 12 00034x XX HOST example.org trailing\r\ns=one\r\ns=\r\ni=info\r\nu=a\r\nu=b\r\ne=c\r\np=d\r\n\
         c=IN IP6 [::1] x\r\nb=AS:10\r\nb=AS:20\r\nb=TIAS:x\r\nb=as:5\r\nb=XX:5\r\nb=RS:\r\nb=RR:0\r\nt=1 2\r\nk=x\r\nr=y\r\nz=w\r\n",
    );
    let session = &sdp.sessions[0];
    let origin = session.origin.expect("o=");
    assert_eq!(
        (origin.username, origin.session_id, origin.version, origin.network_type),
        (b"user".as_slice(), b"12".as_slice(), 34, b"XX".as_slice())
    );
    assert_eq!((origin.address_type, origin.address), (b"HOST".as_slice(), b"example.org".as_slice()));
    assert_eq!(session.name, Some(b"".as_slice()));
    assert_eq!(session.uri, Some(b"b".as_slice()));
    assert_eq!((session.email, session.phone), (Some(b"c".as_slice()), Some(b"d".as_slice())));
    assert_eq!(session.common.connection, "::1".parse().ok());
    let bandwidth: Vec<_> =
        session.common.bandwidth.iter().map(|(kind, value)| (kind.name(), value)).collect();
    // `RS:` is shorter than four characters: ignored. `TIAS:x` is no number: 0.
    assert_eq!(bandwidth, [("AS", 20), ("RR", 0), ("TIAS", 0)]);
}

#[test]
fn versions_are_unsigned_64_bit_numbers() {
    for (text, version) in [("18446744073709551615", u64::MAX), ("x1", 0), ("007", 7)] {
        let body = format!("v=0\r\no=- 1 {text} IN IP4 1.1.1.1\r\n");
        assert_eq!(ok(&body).sessions[0].origin.map(|origin| origin.version), Some(version));
    }
}

#[test]
fn the_media_line() {
    for (line, port, count, protocol, formats) in [
        ("audio 1 RTP/AVP 0 8", 1, 1, "RTP/AVP", "0 8"),
        ("audio 65535/10 RTP/AVP 0", 65535, 10, "RTP/AVP", "0"),
        ("audio 12x/3 RTP/AVP 0", 12, 1, "RTP/AVP", "0"),
        ("audio 12/3x RTP/AVP 0", 12, 3, "RTP/AVP", "0"),
        ("application 0 *", 0, 1, "*", ""),
        ("application 0 * ", 0, 1, "*", ""),
        ("image 9 udptl t38  x", 9, 1, "udptl", "t38  x"),
    ] {
        let body = format!("v=0\r\nm={line}\r\n");
        let sdp = ok(&body);
        let media = &sdp.sessions[0].media[0];
        assert_eq!((media.port, media.port_count), (port, count), "{line}");
        assert_eq!((media.protocol, media.formats), (protocol.as_bytes(), formats.as_bytes()), "{line}");
    }
}

#[test]
fn sessions_follow_each_other() {
    let sdp = ok(
        "v=0\no=a 1 1 IN IP4 x\nm=audio 1 RTP/AVP 0\nc=IN IP4 1.1.1.1\nv=0\no=b 1 1 IN IP4 x\ns=two\nm=video 2 RTP/AVP 0\n",
    );
    assert_eq!(sdp.sessions.len(), 2);
    assert_eq!(sdp.sessions[1].name, Some(b"two".as_slice()));
    assert_eq!(sdp.media().map(|(_, media)| media.port).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn bad_attributes_are_dropped_with_a_warning_and_nothing_else() {
    let sdp =
        ok("v=0\r\nm=audio 1 RTP/AVP 0\r\na=crypto:\r\na=rtcp:x\r\na=sendonly\r\na=fingerprint:md5 00\r\n");
    let kinds: Vec<_> =
        sdp.sessions[0].media[0].common.attributes.iter().map(|attribute| attribute.kind).collect();
    assert_eq!(kinds, [AttributeKind::SendOnly]);
    let warnings: Vec<_> = sdp.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "a=crypto at offset 26 ignored: generic error",
            "a=rtcp at offset 37 ignored: invalid value",
            "a=fingerprint at offset 59 ignored: invalid value"
        ]
    );
}

#[test]
fn bytes_that_are_no_text_pass() {
    let mut body = b"v=0\r\ns=\xff\xfe\r\na=x-\xc3\x28:\x80\r\n".to_vec();
    body.extend_from_slice(b"m=audio 1 RTP/AVP 0\r\n");
    let sdp = parse(&body, &ParseOptions::default()).expect("bytes");
    assert_eq!(sdp.sessions[0].name, Some(b"\xff\xfe".as_slice()));
    assert_eq!(sdp.sessions[0].common.attributes[0].text, b"x-\xc3\x28:\x80");
    assert_eq!(sdp.write(), body);
}

#[test]
fn bounds_are_errors_not_memory() {
    let mut body = "v=0\r\n".to_owned();
    body.push_str(&"m=a 1 b\r\n".repeat(MAX_MEDIA));
    assert_eq!(ok(&body).sessions[0].media.len(), MAX_MEDIA);
    body.push_str("m=a 1 b\r\n");
    let error = parse_with(body.as_bytes(), ParseOptions::default()).err();
    let offset = 5 + 9 * MAX_MEDIA;
    assert_eq!(error, Some(format!("Error parsing SDP at offset {offset}: Too many media sections")));
    let sessions = "v=0\r\n".repeat(MAX_SESSIONS + 1);
    let error = parse_with(sessions.as_bytes(), ParseOptions::default()).err();
    assert!(error.is_some_and(|error| error.ends_with("Too many session definitions")));
    let long = vec![b'a'; MAX_BODY_LEN + 1];
    assert!(parse_with(&long, ParseOptions::default()).is_err());
    let bad = format!("v=0\r\n{}", "a=crypto:\r\n".repeat(MAX_WARNINGS * 4));
    assert_eq!(ok(&bad).warnings.len(), MAX_WARNINGS);
}

#[test]
fn loops_need_the_id_in_every_session() {
    let one = "v=0\r\na=rtpengine:0123456789ab\r\n";
    assert!(ok(one).has_looped(b"0123456789ab"));
    assert!(!ok(one).has_looped(b"0123456789ac"));
    assert!(!ok("v=0\r\nm=audio 1 RTP/AVP 0\r\na=rtpengine:0123456789ab\r\n").has_looped(b"0123456789ab"));
    assert!(!ok(&format!("{one}v=0\r\n")).has_looped(b"0123456789ab"));
    assert!(ok(&format!("{one}{one}")).has_looped(b"0123456789ab"));
    assert!(!ok("").has_looped(b"0123456789ab"));
}

#[test]
fn writing_keeps_the_order_of_the_grammar() {
    let body = "v=0\r\no=a 1 2 IN IP4 host\r\ns=n\r\ni=i\r\nu=u\r\ne=e\r\np=p\r\nc=IN IP4 1.2.3.4\r\nb=AS:3\r\nt=0 0\r\na=x\r\na=group:BUNDLE 1\r\n\
                m=audio 5/2 RTP/AVP 0\r\ni=mi\r\nc=IN IP6 ::1\r\nb=TIAS:4\r\na=mid:1\r\na=ssrc:1 cname:x\r\n";
    assert_eq!(String::from_utf8_lossy(&ok(body).write()), body);
}
