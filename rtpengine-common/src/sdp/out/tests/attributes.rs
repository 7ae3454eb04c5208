//! sdp.md §18: manipulations.

use super::*;

#[test]
fn edits_come_from_the_message() {
    use crate::ng;
    let mut attributes = ng::SdpAttr::default();
    attributes.level_mut(ng::SdpLevel::Session).remove.push("tool".into());
    let video = attributes.level_mut(ng::SdpLevel::Media(MediaType::Video));
    video.add.push("x".into());
    video.substitute.push(("a".into(), "b".into()));
    let edits = Edits::from(&attributes);
    assert_eq!(edits.session.remove, [b"tool"]);
    assert_eq!((edits.of(MediaType::Video).add.len(), edits.of(MediaType::Video).substitute.len()), (1, 1));
    assert_eq!(edits.of(MediaType::Audio), &LevelEdits::default());
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
    media.codecs = vec![CodecOut { fmtp: b"a=b".into(), rtcp_fb: vec![b"nack"], ..codec(96, b"opus") }];
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
