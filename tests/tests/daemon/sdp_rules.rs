//! The rules of `sdp.md` one by one: what becomes of several messages. Single sections are in `sdp_sections`.

use rtpengine_tests::prelude::*;
use rtpengine_tests::sdp::body;

const SESSION: [&str; 5] = ["v=0", "o=u 1 1 IN IP4 198.51.100.1", "s=-", "c=IN IP4 198.51.100.1", "t=0 0"];

pub(super) const PLAIN: &[&str] = &["m=audio 4000 RTP/AVP 0"];

pub(super) struct Dialogue<'d> {
    daemon: &'d Daemon,
    call: Call<'d>,
}

impl<'d> Dialogue<'d> {
    pub(super) fn new(daemon: &'d Daemon) -> Self {
        Self { daemon, call: Call::new(daemon) }
    }

    pub(super) fn offer_request(&self, lines: &[&str], options: &Request) -> Request {
        let sdp = body(&[&SESSION[..], lines].concat());
        self.call.ask("offer").set("from-tag", "a").set("sdp", sdp).with(options)
    }

    #[track_caller]
    fn offer(&self, lines: &[&str], options: &Request) -> Sdp {
        Sdp::parse(self.daemon.request(&self.offer_request(lines, options)).ok().sdp())
    }

    #[track_caller]
    fn answer(&self, lines: &[&str], options: &Request) -> Sdp {
        let sdp = body(&[&SESSION[..], lines].concat());
        let request = self.call.ask("answer").set("from-tag", "a").set("to-tag", "b").set("sdp", sdp);
        Sdp::parse(self.daemon.request(&request.with(options)).ok().sdp())
    }

    /// Bob offers.
    #[track_caller]
    fn offer_back(&self, lines: &[&str], options: &Request) -> Sdp {
        let sdp = body(&[&SESSION[..], lines].concat());
        let request = self.call.ask("offer").set("from-tag", "b").set("to-tag", "a").set("sdp", sdp);
        Sdp::parse(self.daemon.request(&request.with(options)).ok().sdp())
    }
}

/// The lines of a section with the daemon's numbers replaced by words.
pub(super) fn lines(daemon: &Daemon, section: &Section) -> Vec<String> {
    let here = daemon.network().relay(0).to_string();
    let (port, next) = (section.port().to_string(), section.port().wrapping_add(1).to_string());
    let replace = |line: &String| {
        let mut line = line.replace(&here, "HERE");
        if section.port() != 0 {
            line = line.replace(&port, "PORT").replace(&next, "RTCP");
        }
        line
    };
    section.lines.iter().map(replace).collect()
}

pub(super) fn none() -> Request {
    Request::empty()
}

pub(super) fn flag(word: &str) -> Request {
    Request::empty().flag(word)
}

#[test]
fn directions_at_both_levels() {
    let daemon = Daemon::start();
    // Rule 8(1): each name is looked up on its own, media level first.
    let rows: [(&[&str], &[&str], &str); 6] = [
        (&["a=recvonly"], &[], "recvonly"),
        (&[], &["a=sendonly"], "sendonly"),
        (&["a=inactive"], &["a=sendrecv"], "inactive"),
        (&["a=sendonly"], &["a=recvonly"], "recvonly"),
        (&["a=sendrecv"], &[], "sendrecv"),
        (&[], &[], "sendrecv"),
    ];
    for (session, media, expected) in rows {
        let dialogue = Dialogue::new(&daemon);
        let sdp = dialogue.offer(&[session, PLAIN, media].concat(), &none());
        assert_eq!(sdp.sections[0].direction(), Some(expected), "{session:?} {media:?}");
        assert!(
            !sdp.session.iter().any(|line| session.contains(&line.as_str())),
            "not at session level: {sdp:?}"
        );
    }
}

#[test]
fn a_protocol_is_translated_there_and_back() {
    let daemon = Daemon::start();
    let key = "inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 {key}");
    for own in ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"] {
        for other in ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"] {
            let dialogue = Dialogue::new(&daemon);
            let section = |protocol: &str| {
                let mut lines = vec![format!("m=audio 4000 {protocol} 0")];
                if protocol.contains("SAVP") {
                    lines.push(crypto.clone());
                }
                lines
            };
            let borrow =
                |lines: &Vec<String>| lines.iter().map(String::as_str).collect::<Vec<_>>().join("\r\n");
            let options = none().set("transport-protocol", other).set("DTLS", "off");
            let offer = dialogue.offer(&[&borrow(&section(own))], &options);
            assert_eq!(offer.sections[0].protocol(), other, "{own} -> {other}");
            assert_eq!(offer.sections[0].has("crypto"), other.contains("SAVP"), "{own} -> {other}");
            let answer = dialogue.answer(&[&borrow(&section(other))], &none());
            assert_eq!(answer.sections[0].protocol(), own, "{own} <- {other}");
            assert_eq!(
                answer.sections[0].values("crypto").len(),
                usize::from(own.contains("SAVP")),
                "{own} <- {other}"
            );
            // Rule 10.1(2): the translation is remembered.
            let again = dialogue.offer(&[&borrow(&section(own))], &none().set("to-tag", "b"));
            assert_eq!(again.sections[0].protocol(), other, "{own} -> {other} again");
        }
    }
}

#[test]
fn sdes_in_an_offer_copies_first_and_adds_the_rest() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let received =
        "a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|2^20|1:4";
    let offer = dialogue.offer(&["m=audio 4000 RTP/SAVP 0", received], &none().set("DTLS", "off"));
    let lines = offer.sections[0].values("crypto");
    // Rule 12.4(3): the sender's with tag and key and MKI, then all the others in the order of the table.
    assert_eq!(lines[0], "3 AES_CM_128_HMAC_SHA1_32 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|1:4");
    let words: Vec<(&str, &str)> = lines[1..].iter().filter_map(|line| line.split_once(" inline:")).collect();
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "4 AEAD_AES_256_GCM",
            "5 AEAD_AES_128_GCM",
            "6 AES_256_CM_HMAC_SHA1_80",
            "7 AES_256_CM_HMAC_SHA1_32",
            "8 AES_192_CM_HMAC_SHA1_80",
            "9 AES_192_CM_HMAC_SHA1_32",
            "10 AES_CM_128_HMAC_SHA1_80",
            "11 F8_128_HMAC_SHA1_80",
            "12 F8_128_HMAC_SHA1_32",
            "13 NULL_HMAC_SHA1_80",
            "14 NULL_HMAC_SHA1_32",
        ]
    );
    let lengths: Vec<usize> = words.iter().map(|(_, key)| key.len()).collect();
    assert_eq!(lengths, [59, 38, 62, 62, 51, 51, 40, 40, 40, 40, 40]);
}

#[test]
fn sdes_options() {
    let daemon = Daemon::start();
    let suites = |options: &[&'static str]| {
        let dialogue = Dialogue::new(&daemon);
        let options = none().list("SDES", options.iter().copied()).set("DTLS", "off");
        let offer = dialogue.offer(PLAIN, &options.set("transport-protocol", "RTP/SAVP"));
        let names = offer.sections[0].values("crypto");
        names.into_iter().map(|line| line.split(' ').nth(1).unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(suites(&[]).len(), 12);
    assert_eq!(suites(&["off"]).len(), 0);
    assert_eq!(suites(&["no-AES_CM_128_HMAC_SHA1_80", "no-NULL_HMAC_SHA1_80"]).len(), 10);
    assert_eq!(
        suites(&["only-aes_cm_128_hmac_sha1_80", "no-NULL_HMAC_SHA1_80"]),
        ["AES_CM_128_HMAC_SHA1_80"]
    );
    assert_eq!(
        suites(&["order:NULL_HMAC_SHA1_32;F8_128_HMAC_SHA1_80"])[..3],
        ["NULL_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"]
    );
    let dialogue = Dialogue::new(&daemon);
    let options =
        none().list("SDES", ["pad", "lifetime", "only-AES_CM_128_HMAC_SHA1_80", "unauthenticated_srtp"]);
    let offer = dialogue.offer(PLAIN, &options.set("DTLS", "off").set("transport-protocol", "RTP/SAVP"));
    let line = offer.sections[0].value("crypto").unwrap();
    assert!(line.ends_with("|2^31 UNAUTHENTICATED_SRTP"), "{line}");
    // 30 bytes need no padding; a 16-byte salt-less suite would. The key text is as long as ever.
    assert_eq!(
        line.len(),
        "1 AES_CM_128_HMAC_SHA1_80 inline:|2^31 UNAUTHENTICATED_SRTP".len() + 40,
        "{line}"
    );
}

#[test]
fn ice_is_forced_on_the_receiver_only() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let offer = dialogue.offer(PLAIN, &none().set("ICE", "force"));
    let section = &offer.sections[0];
    let candidates = section.values("candidate");
    assert_eq!(candidates.len(), 2);
    let here = daemon.network().relay(0);
    assert!(candidates[0].ends_with(&format!(" 1 UDP 2130706431 {here} {} typ host", section.port())));
    assert!(candidates[1].ends_with(&format!(" 2 UDP 2130706430 {here} {} typ host", section.port() + 1)));
    assert!(!section.has("end-of-candidates") && !section.has("ice-options"));
    let answer = dialogue.answer(
        &["m=audio 5000 RTP/AVP 0", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwxyz"],
        &none(),
    );
    assert!(!answer.sections[0].has("ice-ufrag"), "{answer:?}");
    // A re-offer keeps the credentials; `reset` renews them.
    let ufrag = section.value("ice-ufrag").unwrap();
    let again = dialogue.offer(PLAIN, &none().set("to-tag", "b"));
    assert_eq!(again.sections[0].value("ice-ufrag"), Some(ufrag));
    let fresh = dialogue.offer(PLAIN, &none().set("to-tag", "b").flag("reset").set("ICE", "force"));
    assert_ne!(fresh.sections[0].value("ice-ufrag"), Some(ufrag));
}

#[test]
fn an_ice_offer_is_answered_with_ice_whatever_the_other_side_does() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwxyz", "a=ice-options:trickle"];
    let offer = dialogue.offer(&[PLAIN, &ice[..]].concat(), &none());
    assert!(offer.sections[0].has("ice-ufrag"), "default: as the sender does");
    let answer = dialogue.answer(&["m=audio 5000 RTP/AVP 0"], &none());
    let section = &answer.sections[0];
    assert!(section.has("ice-ufrag"));
    assert_eq!(section.value("ice-options"), Some("trickle"));
    assert!(section.has("end-of-candidates"));
    assert_eq!(section.lines.last().unwrap(), "a=end-of-candidates");
}

#[test]
fn sections_are_removed_and_come_back_in_the_answer() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let sections =
        ["m=video 4000 RTP/AVP 31", "a=mid:v", "m=audio 4002 RTP/AVP 0", "a=mid:a", "m=hologram 4004 FOO x"];
    let offer = dialogue.offer(&sections, &none().list("sdp-media-remove", ["video", "other"]));
    assert_eq!(offer.sections.iter().map(Section::kind).collect::<Vec<_>>(), ["audio"]);
    let answer = dialogue.answer(&["m=audio 5000 RTP/AVP 0", "a=mid:a"], &none());
    let kinds: Vec<_> = answer.sections.iter().map(|section| (section.kind(), section.port() == 0)).collect();
    assert_eq!(kinds, [("video", true), ("audio", false), ("hologram", true)]);
    assert_eq!(answer.sections[0].lines[..3], ["m=video 0 RTP/AVP 31", "c=IN IP4 0.0.0.0", "a=mid:v"]);
}

#[test]
fn mids_are_generated_for_the_receiver_and_checked_only() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let sections = ["m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31", "a=mid:own"];
    let offer = dialogue.offer(&sections, &flag("generate-mid"));
    let mids = |sdp: &Sdp| {
        sdp.sections.iter().map(|section| section.value("mid").map(str::to_string)).collect::<Vec<_>>()
    };
    assert_eq!(mids(&offer), [Some("1".into()), Some("own".into())]);
    let answer = dialogue
        .answer(&["m=audio 5000 RTP/AVP 0", "a=mid:1", "m=video 5002 RTP/AVP 31", "a=mid:own"], &none());
    assert_eq!(mids(&answer), [None, Some("own".into())], "nothing is copied in an answer");
}

#[test]
fn a_bundle_is_offered_and_accepted() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let sections = ["m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"];
    let offer = dialogue.offer(&sections, &none().list("bundle", ["offer", "require"]));
    assert!(offer.session.contains(&"a=group:BUNDLE 1 2".to_string()), "{offer:?}");
    let mid = "urn:ietf:params:rtp-hdrext:sdes:mid";
    for section in &offer.sections {
        assert_eq!(section.value("extmap"), Some(&format!("1 {mid}")[..]));
    }
    assert!(!offer.sections[0].has("bundle-only") && offer.sections[1].has("bundle-only"));
    // Towards an offerer that offered one.
    let dialogue = Dialogue::new(&daemon);
    let sections =
        ["a=group:BUNDLE x y", "m=audio 4000 RTP/AVP 0", "a=mid:x", "m=video 4000 RTP/AVP 31", "a=mid:y"];
    let offer = dialogue.offer(&sections, &none().list("bundle", ["accept"]));
    assert!(!offer.session.iter().any(|line| line.starts_with("a=group")), "{offer:?}");
    let answer = dialogue
        .answer(&["m=audio 5000 RTP/AVP 0", "a=mid:x", "m=video 5002 RTP/AVP 31", "a=mid:y"], &none());
    assert!(answer.session.contains(&"a=group:BUNDLE x y".to_string()), "{answer:?}");
    assert_eq!(answer.sections[0].port(), answer.sections[1].port());
}

#[test]
fn a_masked_extension_comes_back_first_in_the_answer() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let sections =
        ["m=audio 4000 RTP/AVP 0", "a=extmap-allow-mixed", "a=extmap:1 urn:one", "a=extmap:2 urn:two"];
    let offer = dialogue.offer(&sections, &none().set("extmap", dict([("mask", list(["urn:two"]))])));
    assert_eq!(offer.sections[0].values("extmap"), ["1 urn:one"]);
    let answer =
        dialogue.answer(&["m=audio 5000 RTP/AVP 0", "a=extmap-allow-mixed", "a=extmap:1 urn:one"], &none());
    assert_eq!(answer.sections[0].values("extmap"), ["2 urn:two", "1 urn:one"]);
}

#[test]
fn ptime_overrides_lock_both_sides_from_the_next_message() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let offer = dialogue.offer(&["m=audio 4000 RTP/AVP 0", "a=ptime:30"], &none().set("ptime-reverse", 60));
    assert_eq!(offer.sections[0].value("ptime"), Some("30"));
    let answer = dialogue.answer(&["m=audio 5000 RTP/AVP 0", "a=ptime:40"], &none());
    assert_eq!(answer.sections[0].value("ptime"), Some("60"));
    // Without an option the answer's value goes to both; without a value the old one stays.
    let dialogue = Dialogue::new(&daemon);
    dialogue.offer(&["m=audio 4000 RTP/AVP 0", "a=ptime:30"], &none());
    let answer = dialogue.answer(&["m=audio 5000 RTP/AVP 0"], &none());
    assert_eq!(answer.sections[0].value("ptime"), Some("30"));
}

#[test]
fn the_sdp_version_counts_changes_of_the_body() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let options = || none().list("replace", ["SDP-version"]);
    let version = |sdp: &Sdp| sdp.line('o').unwrap().split(' ').nth(2).unwrap().parse::<u64>().unwrap();
    let first = version(&dialogue.offer(PLAIN, &options()));
    let same = version(&dialogue.offer(PLAIN, &options()));
    assert_eq!(same, first);
    let changed = version(&dialogue.offer(&[PLAIN, &["a=X:1"]].concat(), &options()));
    assert_eq!(changed, first + 1);
}

#[test]
fn a_re_offer_from_the_other_side_swaps_the_roles() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    dialogue.offer(&["m=audio 4000 RTP/AVP 0", "a=mid:m"], &none().set("transport-protocol", "RTP/AVPF"));
    dialogue.answer(&["m=audio 5000 RTP/AVPF 0", "a=mid:m"], &none());
    let back = dialogue.offer_back(&["m=audio 5000 RTP/AVPF 0", "a=mid:m"], &none());
    assert_eq!(back.sections[0].protocol(), "RTP/AVP", "what Alice used");
    assert_eq!(back.sections[0].value("mid"), Some("m"));
}

#[test]
fn osrtp_passes_through_and_can_be_offered() {
    let daemon = Daemon::start();
    let dialogue = Dialogue::new(&daemon);
    let crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let offer = dialogue.offer(&["m=audio 4000 RTP/AVP 0", crypto], &none().set("DTLS", "off"));
    assert_eq!(offer.sections[0].protocol(), "RTP/AVP");
    assert_eq!(offer.sections[0].values("crypto").len(), 12);
    let answer = dialogue.answer(&["m=audio 5000 RTP/AVP 0"], &none());
    assert!(!answer.sections[0].has("crypto"), "declined, hence plain for the offerer too");
    let dialogue = Dialogue::new(&daemon);
    let options = none().set("DTLS", "off").list("OSRTP", ["offer"]);
    let offer = dialogue.offer(PLAIN, &options);
    assert_eq!((offer.sections[0].protocol(), offer.sections[0].has("crypto")), ("RTP/AVP", true));
    let answer = dialogue.answer(&["m=audio 5000 RTP/AVP 0", crypto], &none());
    assert!(!answer.sections[0].has("crypto"));
}

#[test]
fn templates_come_before_the_keys_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conf");
    let relay = Network::enter().relay(0);
    let text = format!(
        "[rtpengine]\ninterface = {relay}\ntemplates = signalling\n[signalling]\ndefault = generate-mid\n\
         Offer = media-address=192.0.2.1 replace=[origin]\nextra = media-address=192.0.2.2\n"
    );
    std::fs::write(&file, text).unwrap();
    let daemon = Daemon::builder().configuration(&file).start();
    let address = |options: Request| {
        let offer = Dialogue::new(&daemon).offer(PLAIN, &options);
        assert_eq!(offer.sections[0].value("mid"), Some("1"), "the template `default`");
        assert!(
            offer.line('o').unwrap().ends_with(&relay.to_string()),
            "the template named like the command"
        );
        offer.sections[0].address().to_string()
    };
    assert_eq!(address(none()), "192.0.2.1");
    assert_eq!(address(none().set("template", "EXTRA")), "192.0.2.2");
    assert_eq!(address(none().set("media-address", "192.0.2.3")), "192.0.2.3");
    assert_eq!(address(none().set("template", "no-such")), "192.0.2.1");
}

#[test]
fn flag_strings_of_the_specification() {
    let daemon = Daemon::start();
    let section = |flags: &str| {
        let dialogue = Dialogue::new(&daemon);
        let lines = ["m=audio 4000 RTP/AVP 0 3 9", "a=X:1"];
        dialogue.offer(&lines, &none().set("rtpp-flags", flags).set("DTLS", "off")).sections.remove(0)
    };
    assert_eq!(section("codec=[strip=[G722 GSM] offer=[PCMU]]").formats(), ["0"]);
    assert_eq!(section("codec-strip=G722,GSM").formats(), ["0"]);
    assert_eq!(section("codec-strip-G722 codec-strip-GSM").formats(), ["0"]);
    assert!(!section("replace=[ username ] rtcp-mux=[ demux ]").has("rtcp-mux"));
    assert!(section("sdp-attr=[audio=[add=[content:slides lang:de]] none=[remove=[tool]]]").has("lang"));
    let odd = section("sdp-attr= [audio=[ add = [x]]] rtcp-mux=[require]");
    assert!(!odd.has("x") && odd.has("rtcp-mux"));
    assert_eq!(section("SRTP AVPF to-tag label=alice").protocol(), "RTP/SAVPF");
    assert_eq!(section("SRTP").protocol(), "RTP/SAVP");
    assert_eq!(section("AVPF").protocol(), "RTP/AVPF");
    assert_eq!(section("  RTP/AVPF   generate-mid  ").protocol(), "RTP/AVPF");
    assert_eq!(section("DTLS").protocol(), "UDP/TLS/RTP/SAVP");
}
