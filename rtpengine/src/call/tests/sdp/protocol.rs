//! §10 and §11: transport protocols, and keys where the protocol does not say so.

use super::{AUDIO, Body, Talk};

const KEY: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const OTHER: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
const PLAIN: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];
const SECURE: [&str; 4] = ["RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"];

/// A section with that protocol, with a key where it needs one.
fn section(protocol: &str) -> Vec<String> {
    let mut lines = vec![format!("m=audio 4000 {protocol} 0")];
    if SECURE.contains(&protocol) {
        lines.push(KEY.to_owned());
    }
    lines
}

fn borrow(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// sdp.md §10: names match in any case and are printed in their own spelling; unknown ones as received.
#[test]
fn names() {
    for name in PLAIN.into_iter().chain(SECURE).chain(["udptl"]) {
        for received in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            let shown = Talk::new().offer(&[&format!("m=audio 4000 {received} 0")], "");
            assert_eq!(shown.protocol(0), name, "{received}");
        }
    }
    for name in ["UDP/TLS/UDPTL", "UDP/DTLS/SCTP", "TCP/MSRP", "Udp/Something"] {
        assert_eq!(
            Talk::new().offer(&[&format!("m=image 4000 {name} x y")], "").media(0),
            format!("m=image PORT {name} x y")
        );
    }
}

/// sdp.md §10.1 table, §10.1 rule 3: any RTP protocol becomes the wanted one, and the answer goes back to the sender's own.
#[test]
fn translations_there_and_back() {
    for own in PLAIN.into_iter().chain(SECURE) {
        for wanted in PLAIN.into_iter().chain(SECURE) {
            let mut talk = Talk::with_dtls();
            let options = format!("'transport-protocol':'{wanted}'");
            let offered = talk.offer(&borrow(&section(own)), &options);
            assert_eq!(offered.protocol(0), wanted, "{own}");
            assert_eq!(offered.has(0, "crypto"), SECURE.contains(&wanted), "{own} {wanted}");
            assert_eq!(offered.has(0, "fingerprint"), SECURE.contains(&wanted), "{own} {wanted}");
            let answered = talk.answer(&borrow(&section(wanted)), "");
            assert_eq!(answered.protocol(0), own, "{wanted}");
            assert_eq!(answered.has(0, "crypto"), SECURE.contains(&own), "{own} {wanted}");
        }
        let mut talk = Talk::new();
        assert_eq!(talk.offer(&borrow(&section(own)), "").protocol(0), own, "no option");
    }
    // Sections without RTP and unknown names of the option.
    let udptl = Talk::new().offer(&["m=image 4000 udptl t38", "a=X"], "'transport-protocol':'RTP/SAVP'");
    assert_eq!(udptl.section(0), ["m=image PORT udptl t38", "c=IN IP4 HERE", "a=X"]);
    assert_eq!(Talk::new().offer(AUDIO, "'transport-protocol':'RTP/XAVP'").protocol(0), "RTP/AVP");
}

/// sdp.md §10.1 table: OSRTP stays, loses its keys to a plain protocol, or becomes SRTP; rtcp-fb lines stay for AVP.
#[test]
fn translations_of_osrtp() {
    let osrtp = ["m=audio 4000 RTP/AVP 0", KEY];
    for (option, protocol, keys) in [
        ("", "RTP/AVP", true),
        ("'transport-protocol':'RTP/AVP'", "RTP/AVP", false),
        ("'transport-protocol':'RTP/AVPF'", "RTP/AVPF", false),
        ("'transport-protocol':'RTP/SAVP'", "RTP/SAVP", true),
        ("'transport-protocol':'UDP/TLS/RTP/SAVPF'", "UDP/TLS/RTP/SAVPF", true),
    ] {
        let shown = Talk::new().offer(&osrtp, option);
        assert_eq!((shown.protocol(0).as_str(), shown.has(0, "crypto")), (protocol, keys), "{option}");
    }
    let feedback = ["m=audio 4000 RTP/AVPF 0", "a=rtcp-fb:0 nack"];
    let shown = Talk::new().offer(&feedback, "'transport-protocol':'RTP/AVP'");
    assert_eq!(shown.all(0, "rtcp-fb"), ["0 nack"]);
}

/// sdp.md §10.1 rule 1 and §10.1 rule 2: an override is remembered while the sender keeps its own protocol.
#[test]
fn overrides_are_remembered() {
    let mut talk = Talk::new();
    let wanted = "'transport-protocol':'RTP/SAVP'";
    assert_eq!(talk.offer(AUDIO, wanted).protocol(0), "RTP/SAVP");
    talk.answer(&["m=audio 5000 RTP/SAVP 0", KEY], "");
    assert_eq!(talk.reoffer(AUDIO, "").protocol(0), "RTP/SAVP", "the sender kept its own");
    assert_eq!(talk.reoffer(&["m=audio 4000 RTP/AVPF 0"], "").protocol(0), "RTP/AVPF", "forgotten");
    assert_eq!(talk.offer_back(&["m=audio 5000 RTP/AVPF 0"], "").protocol(0), "RTP/AVPF", "what `a` speaks");
}

/// sdp.md §10.1 rule 1: answers with another protocol: kept, or passed on with `accept`. §10.1 rule 3: also in answers.
#[test]
fn answers_with_another_protocol() {
    for (options, towards_a) in [
        ("", "RTP/SAVP"),
        ("'transport-protocol':'accept'", "RTP/AVPF"),
        ("'transport-protocol':'RTP/SAVPF'", "RTP/SAVPF"),
    ] {
        let mut talk = Talk::new();
        talk.offer(&["m=audio 4000 RTP/SAVP 0", KEY], "");
        assert_eq!(talk.answer(&["m=audio 5000 RTP/AVPF 0"], options).protocol(0), towards_a, "{options}");
    }
}

/// sdp.md §10.1 rule 1: an answer that turns OSRTP unasked is logged and taken as what the offerer speaks.
#[test]
fn answers_that_turn_osrtp() {
    let mut talk = Talk::new();
    talk.offer(AUDIO, "");
    let shown = talk.answer(&["m=audio 5000 RTP/AVP 0", KEY], "");
    assert!(talk.logged("OSRTP"));
    assert_eq!((shown.protocol(0).as_str(), shown.has(0, "crypto")), ("RTP/AVP", false));
    let back = talk.reoffer(AUDIO, "");
    assert_eq!(
        (back.protocol(0).as_str(), back.has(0, "crypto")),
        ("RTP/AVP", false),
        "the answerer's leg is plain"
    );
}

/// sdp.md §10.1 rule 4: a plain result becomes OSRTP, in offers only.
#[test]
fn osrtp_is_offered() {
    for protocol in PLAIN {
        let shown = Talk::with_dtls().offer(&[&format!("m=audio 4000 {protocol} 0")], "'OSRTP':'offer'");
        assert_eq!((shown.protocol(0).as_str(), shown.has(0, "crypto")), (protocol, true));
        assert!(shown.has(0, "fingerprint"));
    }
    let mut talk = Talk::new();
    talk.offer(AUDIO, "");
    assert!(!talk.answer(&["m=audio 5000 RTP/AVP 0"], "'OSRTP':'offer'").has(0, "crypto"));
}

/// sdp.md §10.1 words: words in a flags string that make a protocol together.
#[test]
fn words_that_make_a_protocol() {
    let rows = [
        ("SRTP", "RTP/SAVP"),
        ("SRTP AVPF", "RTP/SAVPF"),
        ("AVPF", "RTP/AVPF"),
        ("DTLS", "UDP/TLS/RTP/SAVP"),
        ("DTLS AVPF", "UDP/TLS/RTP/SAVPF"),
        ("AVPF AVP SRTP", "RTP/SAVP"),
        ("SRTP RTP AVPF", "RTP/AVPF"),
        ("SRTP DTLS", "RTP/AVP"),
        ("RTP/SAVPF", "RTP/SAVPF"),
        ("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVP"),
    ];
    for (words, expected) in rows {
        let shown = Talk::new().offer(AUDIO, &format!("'rtpp-flags':'{words}'"));
        assert_eq!(shown.protocol(0), expected, "{words}");
    }
}

/// sdp.md §10.1 WebRTC: all that the flag stands for, in all spellings.
#[test]
fn webrtc() {
    let two = ["m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"];
    let written_out = "'transport-protocol':'UDP/TLS/RTP/SAVPF','ICE':'force','rtcp-mux':['offer','require'],\
        'SDES':['off'],'bundle':['offer','require'],'flags':['trickle-ICE','no-rtcp-attribute','generate-mid']";
    let shape = |body: &Body| (0..2).map(|n| (body.protocol(n), body.names(n))).collect::<Vec<_>>();
    let expected = Talk::with_dtls().offer(&two, written_out);
    assert_eq!(
        expected.names(1),
        [
            "mid",
            "bundle-only",
            "rtpmap",
            "extmap-allow-mixed",
            "extmap",
            "sendrecv",
            "rtcp-mux",
            "setup",
            "fingerprint",
            "tls-id",
            "ice-ufrag",
            "ice-pwd",
            "ice-options",
            "candidate",
            "end-of-candidates",
        ]
    );
    for word in ["webrtc", "webRTC", "WebRTC", "WebRtc"] {
        let shown = Talk::with_dtls().offer(&two, &format!("'flags':['{word}']"));
        assert_eq!(shape(&shown), shape(&expected), "{word}");
        assert!(shown.session().contains(&"a=group:BUNDLE 1 2"), "{word}");
    }
}

/// sdp.md §11.1: keys of a plain protocol are passed on like those of SRTP; an answer without keys takes them away.
#[test]
fn osrtp_passes_through() {
    let osrtp = ["m=audio 4000 RTP/AVPF 0", KEY];
    let mut talk = Talk::new();
    let offered = talk.offer(&osrtp, "");
    assert_eq!(offered.protocol(0), "RTP/AVPF");
    assert_eq!(offered.all(0, "crypto")[0], &KEY[9..], "the sender's own key first");
    assert_eq!(offered.all(0, "crypto").len(), 12);
    let answered = talk.answer(&["m=audio 5000 RTP/AVPF 0", OTHER], "");
    assert_eq!(answered.all(0, "crypto"), [&OTHER[9..]]);

    let mut talk = Talk::new();
    talk.offer(&osrtp, "");
    let declined = talk.answer(&["m=audio 5000 RTP/AVPF 0"], "");
    assert_eq!((declined.protocol(0).as_str(), declined.has(0, "crypto")), ("RTP/AVPF", false));
    for options in ["'OSRTP':'accept'", "'OSRTP':['accept-RFC']", "'OSRTP':['accept-rfc']"] {
        let mut talk = Talk::new();
        talk.offer(&osrtp, "");
        let accepted = talk.answer(&["m=audio 5000 RTP/AVPF 0"], options);
        assert_eq!(accepted.all(0, "crypto").len(), 1, "§11.2: accepted although `b` declined: {options}");
    }
}

/// sdp.md §11.2: keys that we add are not for the sender, whatever the receiver answers.
#[test]
fn osrtp_of_our_own() {
    for options in
        ["'OSRTP':'offer'", "'OSRTP':['offer-RFC']", "'osrtp':['offer-rfc']", "'flags':['OSRTP-offer']"]
    {
        for answer in [&["m=audio 5000 RTP/AVP 0", KEY][..], &["m=audio 5000 RTP/AVP 0"]] {
            let mut talk = Talk::new();
            let offered = talk.offer(AUDIO, options);
            assert_eq!(
                (offered.protocol(0).as_str(), offered.all(0, "crypto").len()),
                ("RTP/AVP", 12),
                "{options}"
            );
            let shown = talk.answer(answer, "");
            assert_eq!(
                (shown.protocol(0).as_str(), shown.has(0, "crypto")),
                ("RTP/AVP", false),
                "{options} {answer:?}"
            );
        }
    }
}

/// The `m=` lines.
fn media_lines(body: &Body) -> Vec<String> {
    (0..body.sections()).map(|n| body.media(n)).collect()
}

/// sdp.md §11.3 merge: two sections of one type, one of them SRTP, become one; §11.3 output: what the answer to their sender says.
#[test]
fn duplicate_sections() {
    let options = "'OSRTP':['accept-legacy'],'transport-protocol':'RTP/AVP','flags':['generate-mid']";
    let secure = ["m=audio 4000 RTP/SAVP 0", KEY];
    let plain = ["m=audio 4002 RTP/AVP 0"];
    type Row<'a> = (&'a str, Vec<&'a str>, &'a [&'a str], &'a [&'a str]);
    let rows: [Row<'_>; 5] = [
        (
            "plain then SRTP: legacy",
            [&plain[..], &secure].concat(),
            &["m=audio PORT RTP/AVP 0"],
            &["m=audio 0 RTP/AVP 0", "m=audio PORT RTP/SAVP 0"],
        ),
        (
            "plain then rejected SRTP: the plain one",
            [&plain[..], &["m=audio 0 RTP/SAVP 0"]].concat(),
            &["m=audio PORT RTP/AVP 0"],
            &["m=audio PORT RTP/AVP 0"],
        ),
        (
            "SRTP then plain: legacy, reversed",
            [&secure[..], &plain].concat(),
            &["m=audio PORT RTP/AVP 0"],
            &["m=audio PORT RTP/SAVP 0", "m=audio 0 RTP/AVP 0"],
        ),
        (
            "another type",
            [&plain[..], &["m=video 4004 RTP/SAVP 31", KEY]].concat(),
            &["m=audio PORT RTP/AVP 0", "m=video PORT RTP/AVP 31"],
            &["m=audio PORT RTP/AVP 0", "m=video PORT RTP/SAVP 31"],
        ),
        (
            "both plain",
            [&plain[..], &["m=audio 4004 RTP/AVP 8"]].concat(),
            &["m=audio PORT RTP/AVP 0", "m=audio PORT RTP/AVP 8"],
            &["m=audio PORT RTP/AVP 0", "m=audio PORT RTP/AVP 8"],
        ),
    ];
    for (what, sdp, towards_b, towards_a) in rows {
        let mut talk = Talk::new();
        let offered = talk.offer(&sdp, options);
        assert_eq!(media_lines(&offered), towards_b, "{what}");
        let mids: Vec<_> = (0..offered.sections()).filter_map(|n| offered.value(n, "mid")).collect();
        assert_eq!(mids, ["1", "2"][..mids.len()], "indexes have no gaps: {what}");
        let answer: Vec<String> = towards_b.iter().map(|line| line.replace("PORT", "5000")).collect();
        let answered = talk.answer(&borrow(&answer), "");
        assert_eq!(media_lines(&answered), towards_a, "{what}");
        let bare: Vec<_> = (0..answered.sections()).filter(|&n| answered.port(n) == 0).collect();
        assert!(
            bare.iter().all(|&n| answered.section(n).len() == 1),
            "nothing below a bare line: {answered:?}"
        );
    }
    let unmerged = Talk::new().offer(&[&plain[..], &secure].concat(), "");
    assert_eq!(unmerged.sections(), 2, "only where it is asked for");
}

/// sdp.md §11.3 output: a bare line after the section stands before added attributes.
#[test]
fn added_attributes_follow_the_bare_line() {
    let mut talk = Talk::new();
    talk.offer(&["m=audio 4000 RTP/SAVP 0", KEY, "m=audio 4002 RTP/AVP 0"], "'OSRTP':['accept-legacy']");
    let shown = talk.answer(&["m=audio 5000 RTP/SAVP 0", KEY], "'sdp-attr':{'audio':{'add':['added']}}");
    assert_eq!(shown.section(1), ["m=audio 0 RTP/AVP 0", "a=added"]);
}

/// sdp.md §11.3 offer: each SRTP section twice, with the same ports, first plain and without keys.
#[test]
fn sections_are_offered_twice() {
    let options = "'OSRTP':['offer-legacy'],'transport-protocol':'RTP/SAVPF'";
    let mut talk = Talk::with_dtls();
    let offered = talk.offer(&["m=audio 4000 RTP/AVP 0", "a=X", "m=image 4002 udptl t38"], options);
    assert_eq!(
        media_lines(&offered),
        ["m=audio PORT RTP/AVPF 0", "m=audio PORT RTP/SAVPF 0", "m=image PORT udptl t38"]
    );
    assert_eq!(offered.port(0), offered.port(1));
    let keys = ["crypto", "setup", "fingerprint", "tls-id"].map(str::to_owned);
    let secure = offered.names(1);
    assert!(keys.iter().all(|name| secure.contains(name)));
    let rest: Vec<_> = secure.into_iter().filter(|name| !keys.contains(name)).collect();
    assert_eq!(offered.names(0), rest);
    let answer = ["m=audio 0 RTP/AVPF 0", "m=audio 5000 RTP/SAVPF 0", OTHER, "m=image 5002 udptl t38"];
    let answered = talk.answer(&answer, "'OSRTP':['accept-legacy']");
    assert_eq!(media_lines(&answered), ["m=audio PORT RTP/AVP 0", "m=image PORT udptl t38"]);
    let plain = ["m=audio 5000 RTP/AVPF 0", "m=audio 0 RTP/SAVPF 0", "m=image 5002 udptl t38"];
    let answered = talk.answer(&plain, "'OSRTP':['accept-legacy']");
    assert_eq!(media_lines(&answered), ["m=audio PORT RTP/AVP 0", "m=image PORT udptl t38"]);
}
