//! §13: DTLS-SRTP as SDP says it.

use super::{AUDIO, Body, Talk};

const SHA1: &str = "a=fingerprint:SHA-1 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33";
const SHA1_OTHER: &str = "a=fingerprint:sha-1 FF:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33";
const PROTOCOL: &str = "m=audio 4000 UDP/TLS/RTP/SAVP 0";
const SECURE: &str = "'transport-protocol':'UDP/TLS/RTP/SAVP'";
const KEY: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";

fn offers(setup: &str) -> Vec<&str> {
    let mut lines = vec![PROTOCOL, SHA1];
    if !setup.is_empty() {
        lines.push(setup);
    }
    lines
}

fn tls_id(body: &Body) -> String {
    body.value(0, "tls-id").expect("a tls-id").to_owned()
}

/// sdp.md §13.1 lines: setup, fingerprint and tls-id, below the keys.
#[test]
fn the_lines() {
    let shown = Talk::with_dtls().offer(AUDIO, SECURE);
    let names = shown.names(0);
    let at = names.iter().position(|name| name == "crypto").expect("keys");
    assert_eq!(names[at..at + 4], ["crypto", "setup", "fingerprint", "tls-id"]);
    let (hash, digits) =
        shown.value(0, "fingerprint").and_then(|text| text.split_once(' ')).expect("two words");
    assert_eq!((hash, digits.len()), ("sha-256", 32 * 3 - 1));
    assert!(
        digits.split(':').all(|pair| pair.len() == 2 && !pair.contains(|c: char| c.is_ascii_lowercase()))
    );
    let id = tls_id(&shown);
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)),
        "{id}"
    );
    let hidden = Talk::with_dtls().offer(AUDIO, &format!("{SECURE},'flags':['no-tls-id']"));
    assert!(!hidden.has(0, "tls-id") && hidden.has(0, "fingerprint"));
    assert!(!Talk::with_dtls().offer(AUDIO, "").has(0, "setup"), "only with SRTP");
    let passthrough = Talk::with_dtls().offer(AUDIO, &format!("{SECURE},'passthrough':'on'"));
    assert!(!passthrough.has(0, "fingerprint"));
}

/// sdp.md §13.1 hash: what is asked for at first, else the party's own, else SHA-256; once printed it stays.
#[test]
fn the_hash() {
    let hash =
        |body: &Body| body.value(0, "fingerprint").and_then(|f| f.split(' ').next().map(str::to_owned));
    for (name, expected) in
        [("sha-1", "sha-1"), ("SHA-512", "sha-512"), ("sha-384", "sha-384"), ("md5", "sha-256")]
    {
        for key in ["DTLS-fingerprint", "dtls-fingerprint", "DTLS fingerprint"] {
            let options = format!("{SECURE},'{key}':'{name}'");
            let mut talk = Talk::with_dtls();
            assert_eq!(hash(&talk.offer(AUDIO, &options)).as_deref(), Some(expected), "{options}");
            let later = talk.offer(AUDIO, &format!("{SECURE},'{key}':'sha-224'"));
            assert_eq!(hash(&later).as_deref(), Some(expected), "only the first time");
        }
    }
    let mut talk = Talk::with_dtls();
    talk.offer(&offers("a=setup:actpass"), "");
    let shown = talk.answer(&offers("a=setup:active"), "'DTLS-fingerprint':'sha-512'");
    assert_eq!(hash(&shown).as_deref(), Some("sha-1"), "the party's own, and the option is for offers");
}

/// sdp.md §13.2 roles: our role mirrors what the offerer said. §13.2 point 2: without a role or fingerprint there is no DTLS.
#[test]
fn roles_in_the_answer() {
    let rows = [
        ("a=setup:actpass", "", Some("active")),
        ("a=setup:actpass", "'DTLS':'passive'", Some("passive")),
        ("a=setup:actpass", "'DTLS':['active']", Some("active")),
        ("a=setup:active", "", Some("passive")),
        ("a=setup:passive", "", Some("active")),
        ("a=setup:passive", "'DTLS':'passive'", Some("active")),
        ("a=setup:holdconn", "", None),
        ("a=setup:other", "", None),
        ("", "", None),
    ];
    for (setup, options, expected) in rows {
        let mut talk = Talk::with_dtls();
        talk.offer(&offers(setup), options);
        let shown = talk.answer(&offers("a=setup:active"), "");
        assert_eq!(shown.value(0, "setup"), expected, "{setup} {options}");
        assert_eq!(shown.has(0, "fingerprint"), expected.is_some(), "{setup} {options}");
    }
    let mut talk = Talk::with_dtls();
    talk.offer(&[PROTOCOL, "a=setup:actpass"], "");
    assert!(!talk.answer(&offers("a=setup:active"), "").has(0, "setup"), "no fingerprint");
    let published = Talk::with_dtls().publish(&offers("a=setup:actpass"), "'DTLS':'passive'");
    assert_eq!(published.value(0, "setup"), Some("passive"));
}

/// sdp.md §13.2 roles: who was passive stays passive. §13.2 point 3: `actpass` in an answer makes us active.
#[test]
fn roles_of_re_offers() {
    let mut talk = Talk::with_dtls();
    talk.offer(&offers("a=setup:active"), "");
    assert_eq!(talk.answer(&offers("a=setup:active"), "").value(0, "setup"), Some("passive"));
    talk.reoffer(&offers("a=setup:actpass"), "");
    assert_eq!(talk.answer(&offers("a=setup:actpass"), "").value(0, "setup"), Some("passive"), "as before");
    // `b` said actpass in its answer: towards it we are active, and stay so when it offers.
    talk.offer_back(&offers("a=setup:actpass"), "");
    assert_eq!(talk.answer_back(&offers("a=setup:active"), "").value(0, "setup"), Some("active"));
}

/// sdp.md §13.2 point 1: every offer leaves the roles open.
#[test]
fn offers_are_actpass() {
    let mut talk = Talk::with_dtls();
    assert_eq!(talk.offer(&offers("a=setup:passive"), "'DTLS':'passive'").value(0, "setup"), Some("actpass"));
    talk.answer(&offers("a=setup:active"), "");
    assert_eq!(talk.reoffer(&offers("a=setup:active"), "").value(0, "setup"), Some("actpass"));
    assert_eq!(talk.offer_back(&offers("a=setup:active"), "").value(0, "setup"), Some("actpass"));
    assert_eq!(talk.subscribe("").value(0, "setup"), Some("actpass"));
    let created = format!("'from-tag':'x',{SECURE}");
    assert_eq!(Talk::with_dtls().ask_for("create", &created).value(0, "setup"), Some("actpass"));
}

/// sdp.md §13.2 point 4: spellings of the option; `passive` and `active` are for offers.
#[test]
fn values_of_the_option() {
    for word in ["off", "no", "disable", "disabled"] {
        for key in ["DTLS", "dtls", "DTLS-reverse", "dtls-reverse"] {
            let shown = Talk::with_dtls().offer(AUDIO, &format!("{SECURE},'{key}':'{word}'"));
            assert!(!shown.has(0, "fingerprint") && shown.has(0, "crypto"), "{key} {word}");
        }
    }
    let mut talk = Talk::with_dtls();
    talk.offer(&offers("a=setup:actpass"), "");
    assert_eq!(talk.answer(&offers("a=setup:active"), "'DTLS':'passive'").value(0, "setup"), Some("active"));
}

/// sdp.md §13.2 point 5: with `SDES=prefer` a sender with keys does not do DTLS; in publish as well.
#[test]
fn keys_may_be_preferred() {
    let both = ["m=audio 4000 RTP/SAVP 0", KEY, SHA1, "a=setup:actpass"];
    for word in ["prefer", "priority"] {
        let options = format!("'SDES':['{word}']");
        let mut talk = Talk::with_dtls();
        talk.offer(&both, &options);
        let shown = talk.answer(&["m=audio 5000 RTP/SAVP 0", KEY], "");
        assert!(shown.has(0, "crypto") && !shown.has(0, "fingerprint"), "{word}: {shown:?}");
        let shown = Talk::with_dtls().publish(&both, &options);
        assert!(shown.has(0, "crypto") && !shown.has(0, "fingerprint"), "{word}: {shown:?}");
        let mut talk = Talk::with_dtls();
        talk.offer(&offers("a=setup:actpass"), &options);
        assert!(talk.answer(&offers("a=setup:active"), "").has(0, "fingerprint"), "without keys: {word}");
    }
}

/// sdp.md §13.2 point 6: what makes a new association with a fresh tls-id.
#[test]
fn a_new_association() {
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
    let restarted = ["a=ice-ufrag:efgh", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
    let with = |rest: &[&'static str]| [&[PROTOCOL, "a=setup:active", SHA1], rest].concat();
    let id = "a=tls-id:0123456789abcdef0123456789abcdef";
    let other = "a=tls-id:fedcba9876543210fedcba9876543210";
    let another_key = vec![PROTOCOL, "a=setup:active", SHA1_OTHER];
    let rows = [
        ("nothing changed", with(&[]), with(&[]), "", true),
        ("another fingerprint", with(&[]), another_key, "", false),
        ("the same tls-id", with(&[id]), with(&[id]), "", true),
        ("another tls-id", with(&[id]), with(&[other]), "", false),
        ("the tls-id is gone", with(&[id]), with(&[]), "", false),
        ("the first tls-id", with(&[]), with(&[id]), "", true),
        ("ICE restarts, no tls-id", with(&ice), with(&restarted), "", false),
        (
            "ICE restarts, a tls-id stays",
            with(&[&ice[..], &[id]].concat()),
            with(&[&restarted[..], &[id]].concat()),
            "",
            true,
        ),
        ("ICE restarts, our tls-id is hidden", with(&ice), with(&restarted), "'flags':['no-tls-id']", true),
        ("ICE does not restart", with(&ice), with(&ice), "", true),
    ];
    for (what, first, second, options, kept) in rows {
        let mut talk = Talk::with_dtls();
        talk.offer(&first, "");
        let before = tls_id(&talk.answer(&offers("a=setup:active"), ""));
        talk.reoffer(&second, options);
        let after = tls_id(&talk.answer(&offers("a=setup:active"), ""));
        assert_eq!(before == after, kept, "{what}");
    }
}

/// sdp.md §13.2 point 7: `holdconn` where no role is left. §13.2 point 8: each SDP with a port decides anew.
#[test]
fn dtls_is_decided_by_each_sdp() {
    let mut talk = Talk::with_dtls();
    talk.offer(&offers("a=setup:actpass"), "");
    assert!(talk.answer(&offers("a=setup:active"), "").has(0, "fingerprint"));
    talk.reoffer(&[PROTOCOL, KEY], "");
    let shown = talk.answer(&offers("a=setup:active"), "");
    assert!(!shown.has(0, "fingerprint") && shown.has(0, "crypto"), "`a` dropped DTLS: {shown:?}");
    talk.reoffer(&["m=audio 0 UDP/TLS/RTP/SAVP 0", SHA1, "a=setup:actpass"], "");
    talk.answer(&["m=audio 0 UDP/TLS/RTP/SAVP 0"], "");
    let shown = talk.offer_back(&offers("a=setup:actpass"), "");
    assert!(!shown.has(0, "fingerprint") && shown.has(0, "crypto"), "port 0 changes nothing: {shown:?}");
    talk.answer_back(&[PROTOCOL, KEY], "");
    talk.reoffer(&offers("a=setup:actpass"), "");
    assert!(talk.answer(&offers("a=setup:active"), "").has(0, "fingerprint"), "and is back");
}
