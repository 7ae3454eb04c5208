//! §12: keys in `a=crypto` lines.

use rtpengine_common::srtp::SUITES;

use super::{AUDIO, Body, Talk};

const GCM_256: &str = "AEAD_AES_256_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const CM_192: &str = "AES_192_CM_HMAC_SHA1_80 inline:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";
const CM_128: &str = "AES_CM_128_HMAC_SHA1_80 inline:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";
const CM_128_OTHER: &str = "AES_CM_128_HMAC_SHA1_80 inline:DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD";
const CM_128_32: &str = "AES_CM_128_HMAC_SHA1_32 inline:EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE";

/// A section with these keys.
fn keys(lines: &[&str]) -> Vec<String> {
    let mut section = vec!["m=audio 4000 RTP/SAVP 0".to_owned()];
    section.extend(lines.iter().map(|line| format!("a=crypto:{line}")));
    section
}

fn one(tag: u32, key: &str) -> String {
    format!("{tag} {key}")
}

fn offer(talk: &mut Talk, lines: &[&str], options: &str) -> Vec<String> {
    let section = keys(lines);
    shown(&talk.offer(&section.iter().map(String::as_str).collect::<Vec<_>>(), options))
}

fn reoffer(talk: &mut Talk, lines: &[&str], options: &str) -> Vec<String> {
    let section = keys(lines);
    shown(&talk.reoffer(&section.iter().map(String::as_str).collect::<Vec<_>>(), options))
}

fn answer(talk: &mut Talk, lines: &[&str], options: &str) -> Vec<String> {
    let section = keys(lines);
    shown(&talk.answer(&section.iter().map(String::as_str).collect::<Vec<_>>(), options))
}

fn shown(body: &Body) -> Vec<String> {
    body.all(0, "crypto").into_iter().map(str::to_owned).collect()
}

/// Tag and suite of each line.
fn suites(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.split(" inline").next().unwrap_or(line).to_owned()).collect()
}

/// sdp.md §12.1: all suites in the default order, with keys of their lengths; §12.4 rule 3 (c): each with the next tag.
#[test]
fn suites_in_the_default_order() {
    let lines = shown(&Talk::new().offer(AUDIO, "'transport-protocol':'RTP/SAVP'"));
    let table = [
        ("AEAD_AES_256_GCM", 59),
        ("AEAD_AES_128_GCM", 38),
        ("AES_256_CM_HMAC_SHA1_80", 62),
        ("AES_256_CM_HMAC_SHA1_32", 62),
        ("AES_192_CM_HMAC_SHA1_80", 51),
        ("AES_192_CM_HMAC_SHA1_32", 51),
        ("AES_CM_128_HMAC_SHA1_80", 40),
        ("AES_CM_128_HMAC_SHA1_32", 40),
        ("F8_128_HMAC_SHA1_80", 40),
        ("F8_128_HMAC_SHA1_32", 40),
        ("NULL_HMAC_SHA1_80", 40),
        ("NULL_HMAC_SHA1_32", 40),
    ];
    assert_eq!(lines.len(), table.len());
    assert_eq!(SUITES.len(), table.len());
    for (at, (line, (name, length))) in lines.iter().zip(table).enumerate() {
        let key =
            line.strip_prefix(&format!("{} {name} inline:", at + 1)).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(key.len(), length, "{line}");
    }
}

/// sdp.md §12.2: padding, lifetime, MKI and parameters; §12.3 row 8: the options for the first two.
#[test]
fn the_line() {
    let key = format!("{GCM_256}=|2^20|7:4 UNENCRYPTED_SRTCP KDR=1 UNAUTHENTICATED_SRTP UNENCRYPTED_SRTP");
    let received = one(3, &key);
    let rows = [
        ("", "|7:4"),
        ("'SDES':['lifetime']", "|2^31|7:4"),
        ("'SDES':['pad']", "=|7:4"),
        ("'flags':['pad-crypto']", "=|7:4"),
        ("'SDES':['pad','lifetime']", "=|2^31|7:4"),
    ];
    for (options, rest) in rows {
        let lines = offer(&mut Talk::new(), &[&received], options);
        let parameters = "UNENCRYPTED_SRTP UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP";
        assert_eq!(lines[0], format!("3 {GCM_256}{rest} {parameters}"), "{options}");
    }
    // The low 8 bytes of the MKI, in decimal.
    let wide = one(1, &format!("{CM_128}|4294967295:20"));
    assert_eq!(offer(&mut Talk::new(), &[&wide], "")[0], format!("1 {CM_128}|4294967295:20"));
    assert!(shown(&Talk::new().offer(AUDIO, "")).is_empty(), "only with SRTP");
    let passthrough = "'transport-protocol':'RTP/SAVP','passthrough':'on'";
    assert!(shown(&Talk::new().offer(AUDIO, passthrough)).is_empty(), "nor in passthrough mode");
}

/// sdp.md §12.3 row 1: in the first offer of keys to a party, and not in answers.
#[test]
fn no_keys_where_sdes_is_off() {
    for word in ["off", "no", "disable", "disabled"] {
        for options in [format!("'SDES':['{word}']"), format!("'flags':['SDES-{word}']")] {
            let mut talk = Talk::new();
            assert!(offer(&mut talk, &[&one(1, CM_128)], &options).is_empty(), "{options}");
        }
    }
    let mut talk = Talk::new();
    offer(&mut talk, &[&one(1, CM_128)], "");
    assert_eq!(answer(&mut talk, &[&one(1, CM_128)], "'SDES':['off']").len(), 1, "ignored in answers");
    assert_eq!(
        reoffer(&mut talk, &[&one(1, CM_128)], "'SDES':['off']").len(),
        12,
        "and where keys are in use"
    );
}

/// sdp.md §12.3 row 2 and §12.3 row 3: session parameters set in offers, cleared in both; §12.4 rule 4: on the whole list.
#[test]
fn session_parameters() {
    for spelling in ["unencrypted_srtp", "UNENCRYPTED_SRTP"] {
        let lines = offer(&mut Talk::new(), &[&one(1, CM_128)], &format!("'SDES':['{spelling}']"));
        assert!(lines.iter().all(|line| line.ends_with(" UNENCRYPTED_SRTP")), "{lines:?}");
    }
    let all = "'SDES':['unencrypted_srtcp','unauthenticated_srtp']";
    let lines = offer(&mut Talk::new(), &[&one(1, CM_128)], all);
    assert!(lines.iter().all(|line| line.ends_with(" UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP")), "{lines:?}");
    let open = one(1, &format!("{CM_128} UNENCRYPTED_SRTP UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP"));
    let clear = "'SDES':['encrypted_srtp','ENCRYPTED_SRTCP','authenticated_srtp']";
    assert_eq!(offer(&mut Talk::new(), &[&open], clear)[0], one(1, CM_128));
    let mut talk = Talk::new();
    offer(&mut talk, &[&open], "");
    assert_eq!(answer(&mut talk, &[&one(1, CM_128_OTHER)], clear), [one(1, CM_128_OTHER)], "in answers");
    let mut talk = Talk::new();
    offer(&mut talk, &[&open], "");
    let answered = answer(&mut talk, &[&one(1, CM_128_OTHER)], "'SDES':['unencrypted_srtp']");
    assert_eq!(answered, [one(1, CM_128_OTHER)], "an answer sets none");
}

/// sdp.md §12.3 row 4 and §12.3 row 5: which suites are left; names in any case; `nonew` takes all that came and adds none.
#[test]
fn suites_that_are_left() {
    let received = [one(5, CM_192), one(2, CM_128)];
    let received = [received[0].as_str(), received[1].as_str()];
    let only_128 = ["2 AES_CM_128_HMAC_SHA1_80", "3 F8_128_HMAC_SHA1_32"];
    let rows: [(&str, &[&str]); 5] = [
        ("'only-aes_cm_128_hmac_sha1_80','only-F8_128_HMAC_SHA1_32'", &only_128),
        ("'only-AES_CM_128_HMAC_SHA1_80','only-F8_128_HMAC_SHA1_32','no-AES_CM_128_HMAC_SHA1_80'", &only_128),
        ("'nonew'", &["5 AES_192_CM_HMAC_SHA1_80", "2 AES_CM_128_HMAC_SHA1_80"]),
        ("'nonew','no-AES_CM_128_HMAC_SHA1_80'", &["5 AES_192_CM_HMAC_SHA1_80", "2 AES_CM_128_HMAC_SHA1_80"]),
        ("'nonew','only-F8_128_HMAC_SHA1_80'", &["5 AES_192_CM_HMAC_SHA1_80", "2 AES_CM_128_HMAC_SHA1_80"]),
    ];
    for (options, expected) in rows {
        let lines = offer(&mut Talk::new(), &received, &format!("'SDES':[{options}]"));
        assert_eq!(suites(&lines), expected, "{options}");
    }
    let no = "'SDES':['no-AES_192_CM_HMAC_SHA1_80'],'flags':['SDES-no-NULL_HMAC_SHA1_80']";
    let lines = suites(&offer(&mut Talk::new(), &received, no));
    assert_eq!(lines[..2], ["2 AES_CM_128_HMAC_SHA1_80", "3 AEAD_AES_256_GCM"]);
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("NULL_HMAC_SHA1_80") || line.contains("AES_192_CM_HMAC_SHA1_80"))
    );
}

/// sdp.md §12.3 row 6: the order of an offer; tags stay, unknown names are skipped, the rest follows.
#[test]
fn the_order_of_an_offer() {
    let options = "'SDES':['order:NULL_HMAC_SHA1_32;NOTHING;AES_CM_128_HMAC_SHA1_80','no-AEAD_AES_256_GCM']";
    let lines = suites(&offer(&mut Talk::new(), &[&one(7, CM_192), &one(8, CM_128)], options));
    assert_eq!(
        lines[..4],
        [
            "17 NULL_HMAC_SHA1_32",
            "8 AES_CM_128_HMAC_SHA1_80",
            "7 AES_192_CM_HMAC_SHA1_80",
            "9 AEAD_AES_128_GCM"
        ]
    );
    assert_eq!(lines.len(), 11);
}

/// sdp.md §12.4 rule 1: a receiver without SRTP has no keys, and gets new ones when it is offered SRTP again.
#[test]
fn a_receiver_without_srtp_has_no_keys() {
    let mut talk = Talk::new();
    let first = offer(&mut talk, &[], "");
    answer(&mut talk, &[&one(1, GCM_256)], "");
    assert!(shown(&talk.reoffer(&["m=audio 4000 RTP/SAVP 0"], "'transport-protocol':'RTP/AVP'")).is_empty());
    let again = reoffer(&mut talk, &[], "'transport-protocol':'RTP/SAVP'");
    assert_eq!(again.len(), 12);
    assert!(again.iter().zip(&first).all(|(new, old)| new != old), "new keys");
}

/// sdp.md §12.4 rule 2: DTLS and SDES are offered unless off, and stay as they were negotiated.
#[test]
fn what_is_offered() {
    let secure = "'transport-protocol':'RTP/SAVP'";
    for (options, sdes, dtls) in [
        ("", true, true),
        ("'DTLS':'off'", true, false),
        ("'SDES':['off']", false, true),
        ("'DTLS':'off','SDES':['off']", false, false),
    ] {
        let comma = if options.is_empty() { "" } else { "," };
        let shown = Talk::with_dtls().offer(AUDIO, &format!("{secure}{comma}{options}"));
        assert_eq!((shown.has(0, "crypto"), shown.has(0, "fingerprint")), (sdes, dtls), "{options}");
    }
    let mut talk = Talk::with_dtls();
    talk.offer(AUDIO, secure);
    answer(&mut talk, &[&one(1, GCM_256)], "");
    let shown = talk.reoffer(AUDIO, "'DTLS':'off'");
    assert!(shown.has(0, "crypto") && !shown.has(0, "fingerprint"), "`b` uses SDES: {shown:?}");
}

/// sdp.md §12.4 rule 3: the sender's suites, those of the leg's own list, then the others, each with the next free tag.
#[test]
fn the_list_of_an_offer() {
    let mut talk = Talk::new();
    let lines = offer(&mut talk, &[&one(9, CM_192), &one(2, CM_128)], "");
    assert_eq!(lines[..2], [one(9, CM_192), one(2, CM_128)], "(a)");
    assert_eq!(suites(&lines)[2..4], ["10 AEAD_AES_256_GCM", "11 AEAD_AES_128_GCM"], "(c)");

    // `b` accepts the last one; what it accepted stays, with its key.
    let mut talk = Talk::new();
    let first = shown(&talk.offer(AUDIO, "'transport-protocol':'RTP/SAVP'"));
    answer(&mut talk, &[&one(7, CM_128)], "");
    let again = shown(&talk.reoffer(AUDIO, ""));
    assert_eq!(again[0], first[6], "(b) with tag and key");
    assert_eq!(suites(&again)[1..3], ["8 AEAD_AES_256_GCM", "9 AEAD_AES_128_GCM"]);
    assert_eq!(again.len(), 12);
    // With a suite of the sender before it, the tag is raised.
    let again = reoffer(&mut talk, &[&one(30, CM_192)], "'transport-protocol':'RTP/SAVP'");
    assert_eq!(again[0], one(30, CM_192));
    assert_eq!(again[1], first[6].replacen('7', "31", 1));
}

/// sdp.md §12.5 rule 1: DTLS wins over SDES unless it is off.
#[test]
fn dtls_wins_over_sdes() {
    let both = [
        "m=audio 4000 RTP/SAVP 0",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
        "a=setup:actpass",
        "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33",
    ];
    let mut talk = Talk::with_dtls();
    talk.offer(&both, "");
    let shown = talk.answer(&["m=audio 5000 RTP/SAVP 0"], "");
    assert!(!shown.has(0, "crypto") && shown.has(0, "fingerprint"), "{shown:?}");
    let mut talk = Talk::with_dtls();
    talk.offer(&both, "");
    let shown = talk.answer(&["m=audio 5000 RTP/SAVP 0"], "'DTLS':'off'");
    assert!(shown.has(0, "crypto") && !shown.has(0, "fingerprint") && !shown.has(0, "setup"), "{shown:?}");
}

/// sdp.md §12.5 rule 2: `static` keeps what is in use. §12.5 rule 3: else the answerer's suite, else the first. §12.5 rule 6: one line.
#[test]
fn the_suite_of_an_answer() {
    let offered = [one(1, CM_192), one(2, CM_128)];
    let offered = [offered[0].as_str(), offered[1].as_str()];
    let mut talk = Talk::new();
    offer(&mut talk, &offered, "");
    assert_eq!(
        answer(&mut talk, &[&one(2, CM_128_OTHER)], ""),
        [one(2, CM_128_OTHER)],
        "that of the answerer"
    );
    // With the one in use first, or what we have would be pruned (§12.7).
    reoffer(&mut talk, &[offered[1], offered[0]], "");
    let kept = answer(&mut talk, &[&one(1, CM_192)], "'SDES':['static']");
    assert_eq!(kept, [one(2, CM_128_OTHER)], "the one in use");
    reoffer(&mut talk, &offered, "");
    assert_eq!(answer(&mut talk, &[&one(1, CM_192)], ""), [one(1, CM_192)], "without the option");

    let mut talk = Talk::new();
    offer(&mut talk, &offered, "'transport-protocol':'RTP/AVP'");
    let lines = suites(&shown(&talk.answer(&["m=audio 5000 RTP/AVP 0"], "")));
    assert_eq!(lines, ["1 AES_192_CM_HMAC_SHA1_80"], "the first");
    let mut talk = Talk::new();
    offer(&mut talk, &[], "");
    assert!(
        answer(&mut talk, &[&one(1, GCM_256)], "").is_empty(),
        "§12.5 rule 6: none where none was offered"
    );
}

/// sdp.md §12.5 rule 4: the answerer's key, MKI and parameters with the candidate's tag, or a new key of our own.
#[test]
fn the_key_of_an_answer() {
    let mut talk = Talk::new();
    offer(&mut talk, &[&one(3, CM_128)], "");
    let with_mki = one(3, &format!("{CM_128_OTHER}|5:2 UNENCRYPTED_SRTP"));
    assert_eq!(answer(&mut talk, &[&with_mki], ""), [with_mki], "passed on");

    let mut talk = Talk::new();
    offer(&mut talk, &[&one(3, &format!("{CM_128}|5:2 UNENCRYPTED_SRTCP"))], "");
    let lines = answer(&mut talk, &[&one(4, GCM_256)], "");
    assert!(lines[0].starts_with("3 AES_CM_128_HMAC_SHA1_80 inline:"), "{lines:?}");
    assert!(lines[0].ends_with(" UNENCRYPTED_SRTCP") && !lines[0].contains('|'), "{lines:?}");
    assert!(!lines[0].contains("CCCCCCCC"), "not the offerer's own");
}

/// sdp.md §12.5 rule 5: with an unchanged suite our key stays, even where the answerer's changed.
#[test]
fn the_key_stays_with_the_suite() {
    let mut talk = Talk::new();
    offer(&mut talk, &[&one(1, CM_128)], "");
    let first = answer(&mut talk, &[&one(1, CM_128_OTHER)], "");
    reoffer(&mut talk, &[&one(1, CM_128)], "");
    let second = answer(&mut talk, &[&one(1, &CM_128_OTHER.replace('D', "F"))], "");
    assert_eq!(first, second);
}

/// sdp.md §12.6 and §12.3 row 7: the offerer's preference moves the head of its list, for the answer alone.
#[test]
fn the_offerers_preference() {
    let offered = [one(1, GCM_256), one(2, CM_128), one(3, CM_128_32)];
    let offered: Vec<_> = offered.iter().map(String::as_str).collect();
    let rows = [
        ("'offerer_pref:AES_CM_128_HMAC_SHA1_80'", "2 AES_CM_128_HMAC_SHA1_80"),
        (
            "'offerer_pref:NOTHING;AES_CM_128_HMAC_SHA1_32;AES_CM_128_HMAC_SHA1_80'",
            "3 AES_CM_128_HMAC_SHA1_32",
        ),
        // Already first: nothing moved, so the answerer's choice counts.
        ("'offerer_pref:AEAD_AES_256_GCM;AES_CM_128_HMAC_SHA1_80'", "3 AES_CM_128_HMAC_SHA1_32"),
        ("'offerer_pref:F8_128_HMAC_SHA1_80'", "3 AES_CM_128_HMAC_SHA1_32"),
    ];
    for (preference, expected) in rows {
        let mut talk = Talk::new();
        let lines = offer(&mut talk, &offered, &format!("'SDES':[{preference}]"));
        assert_eq!(lines[..3], offered, "the offer keeps the received order");
        let answered = suites(&answer(&mut talk, &[&one(3, CM_128_32)], ""));
        assert_eq!(answered, [expected], "{preference}");
    }
    // Towards a receiver without SRTP as well (§12.4 rule 1).
    let mut talk = Talk::new();
    let options = "'SDES':['offerer_pref:AES_CM_128_HMAC_SHA1_80'],'transport-protocol':'RTP/AVP'";
    offer(&mut talk, &offered, options);
    assert_eq!(suites(&shown(&talk.answer(&["m=audio 5000 RTP/AVP 0"], ""))), ["2 AES_CM_128_HMAC_SHA1_80"]);
}

/// sdp.md §12.7: excluded suites leave the received list from its end on, but never the last one; ours are pruned to what was accepted.
#[test]
fn lists_after_reception() {
    let offered = [one(1, GCM_256), one(2, CM_128)];
    let offered: Vec<_> = offered.iter().map(String::as_str).collect();
    let plain = "'transport-protocol':'RTP/AVP'";
    let rows = [
        ("'no-AEAD_AES_256_GCM'", "2 AES_CM_128_HMAC_SHA1_80"),
        ("'only-AES_CM_128_HMAC_SHA1_80'", "2 AES_CM_128_HMAC_SHA1_80"),
        ("'no-AEAD_AES_256_GCM','no-AES_CM_128_HMAC_SHA1_80'", "1 AEAD_AES_256_GCM"),
        ("'no-AEAD_AES_256_GCM','nonew'", "1 AEAD_AES_256_GCM"),
    ];
    for (excluded, expected) in rows {
        let mut talk = Talk::new();
        offer(&mut talk, &offered, &format!("'SDES':[{excluded}],{plain}"));
        assert_eq!(suites(&shown(&talk.answer(&["m=audio 5000 RTP/AVP 0"], ""))), [expected], "{excluded}");
    }
    // Suite and tag of what `b` accepted have to be ours.
    let mut talk = Talk::new();
    let first = shown(&talk.offer(AUDIO, "'transport-protocol':'RTP/SAVP'"));
    answer(&mut talk, &[&one(3, CM_128)], "");
    let again = shown(&talk.reoffer(AUDIO, ""));
    assert_eq!(suites(&again)[0], "1 AEAD_AES_256_GCM", "another tag: nothing is left");
    assert!(again.iter().all(|line| !first.contains(line)), "all keys are new");
}

/// sdp.md §12.4 rule 3 (b) and §12.7: an SDP without keys leaves ours towards its sender as they are.
#[test]
fn keys_stay_over_an_sdp_without_any() {
    let mut talk = Talk::with_dtls();
    let first = offer(&mut talk, &[&one(1, CM_192)], "");
    answer(&mut talk, &[&one(7, CM_128)], "");
    assert!(first[6].starts_with("7 AES_CM_128_HMAC_SHA1_80"), "{first:?}");
    talk.offer_back(&["m=audio 5000 RTP/SAVPF 0"], "'transport-protocol':'RTP/AVP'");
    let again = reoffer(&mut talk, &[&one(1, CM_192)], "");
    assert_eq!(again[..2], [one(1, CM_192), first[6].clone()]);
}
