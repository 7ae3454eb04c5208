//! §15 and §16: mids, bundles and header extensions.

use super::{AUDIO, Body, Talk};

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

fn mids(body: &Body) -> Vec<&str> {
    (0..body.sections()).map(|n| body.value(n, "mid").unwrap_or("-")).collect()
}

fn groups(body: &Body) -> Vec<&str> {
    body.session().into_iter().filter_map(|line| line.strip_prefix("a=group:")).collect()
}

fn ports(body: &Body) -> Vec<u16> {
    (0..body.sections()).map(|n| body.port(n)).collect()
}

fn extmaps(body: &Body, n: usize) -> Vec<&str> {
    body.all(n, "extmap")
}

/// A body of `a` with a group and audio sections: mid, payload type, further lines.
fn grouped(group: &str, sections: &[(&str, u8, &[&str])]) -> Vec<String> {
    let mut lines =
        vec!["v=0".to_owned(), "o=a 1 1 IN IP4 10.0.0.1".to_owned(), "c=IN IP4 10.0.0.1".to_owned()];
    if !group.is_empty() {
        lines.push(format!("a=group:{group}"));
    }
    for (at, (mid, format, more)) in sections.iter().enumerate() {
        lines.push(format!("m=audio {} RTP/AVP {format}", 4000 + 2 * at));
        if !mid.is_empty() {
            lines.push(format!("a=mid:{mid}"));
        }
        lines.extend(more.iter().map(|line| (*line).to_owned()));
    }
    lines
}

fn borrow(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

fn two(group: &str) -> Vec<String> {
    grouped(group, &[("x", 0, &[]), ("y", 8, &[])])
}

const ANSWER: &[&str] = &["m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 8"];

/// sdp.md §15.1 rule 1: the sender's mid is taken over, and copied to a receiver that has none, unless one is generated.
#[test]
fn mids_of_offers() {
    let mut talk = Talk::new();
    let sections: [(&str, u8, &[&str]); 2] = [("x", 0, &[]), ("", 8, &[])];
    assert_eq!(mids(&talk.offer(&borrow(&grouped("", &sections)), "")), ["x", "-"]);
    let generated = talk.offer(&borrow(&grouped("", &sections)), "'flags':['generate mid']");
    assert_eq!(mids(&generated), ["x", "2"]);
    talk.answer(ANSWER, "");
    let renamed: [(&str, u8, &[&str]); 2] = [("new", 0, &[]), ("other", 8, &[])];
    assert_eq!(
        mids(&talk.reoffer(&borrow(&grouped("", &renamed)), "")),
        ["x", "2"],
        "the receiver keeps its own"
    );
    assert_eq!(mids(&talk.answer(ANSWER, "")), ["new", "other"], "changes of the sender are taken over");
    talk.reoffer(ANSWER, "");
    assert_eq!(mids(&talk.answer(ANSWER, "")), ["new", "other"], "a missing one keeps the old");
}

/// sdp.md §15.1 rule 2: an answer's mids are only looked at; the offerer gets its own back, for rejected sections too.
#[test]
fn mids_of_answers() {
    let mut talk = Talk::new();
    talk.offer(&borrow(&two("")), "");
    let answer = ["m=audio 5000 RTP/AVP 0", "a=mid:wrong", "m=audio 0 RTP/AVP 8", "a=mid:y"];
    assert_eq!(mids(&talk.answer(&answer, "")), ["x", "y"]);
    assert!(talk.logged("does not match"));
    assert_eq!(mids(&talk.reoffer(&borrow(&two("")), "")), ["x", "y"], "nothing was copied");
}

/// sdp.md §15.1 rule 3: sections are found by mid and type, a mid that comes twice by its place.
#[test]
fn sections_are_found_by_mid() {
    let mut talk = Talk::new();
    let first = ports(&talk.offer(&borrow(&two("")), ""));
    talk.answer(ANSWER, "");
    let swapped = [
        "v=0",
        "o=a 1 1 IN IP4 10.0.0.1",
        "c=IN IP4 10.0.0.1",
        "m=audio 4002 RTP/AVP 8",
        "a=mid:y",
        "m=audio 4000 RTP/AVP 0",
        "a=mid:x",
    ];
    let shown = talk.reoffer(&swapped, "");
    assert_eq!((ports(&shown), mids(&shown)), (first.clone(), vec!["x", "y"]));
    let twice: [(&str, u8, &[&str]); 2] = [("x", 0, &[]), ("x", 8, &[])];
    assert_eq!(ports(&talk.reoffer(&borrow(&grouped("", &twice)), "")), first, "by index");
    let typed = ["m=audio 4000 RTP/AVP 0", "a=mid:x", "m=video 4002 RTP/AVP 31", "a=mid:x"];
    let shown = Talk::new().offer(&typed, "");
    assert_eq!(shown.media(1), "m=video PORT RTP/AVP 31", "of another type");
}

/// sdp.md §15.2: what is ignored without options, and what the options imply.
#[test]
fn options() {
    let mut talk = Talk::new();
    let shown = talk.offer(&borrow(&two("BUNDLE x y")), "");
    assert!(groups(&shown).is_empty() && !shown.has(1, "bundle-only"));
    assert!(groups(&talk.answer(ANSWER, "")).is_empty());
    for (word, only, port) in [("offer", false, true), ("require", true, true), ("strict", true, false)] {
        for options in [
            format!("'bundle':['{word}']"),
            format!("'BUNDLE':'{word}'"),
            format!("'flags':['BUNDLE-{word}']"),
        ] {
            let shown = Talk::new().offer(&["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8"], &options);
            assert_eq!(groups(&shown), ["BUNDLE 1 2"], "{options}");
            assert_eq!((shown.has(1, "bundle-only"), shown.port(1) != 0), (only, port), "{options}");
        }
    }
}

/// sdp.md §15.3 flag: set by an accepted bundle, kept, and taken away by `reject`, unless the same message set it.
#[test]
fn the_flag_of_a_party() {
    let accepted = |talk: &mut Talk, group: &str, options: &str| {
        talk.offer(&borrow(&two(group)), options);
        groups(&talk.answer(ANSWER, "")) == ["BUNDLE x y"]
    };
    let mut talk = Talk::new();
    assert!(!accepted(&mut talk, "BUNDLE x y", ""));
    assert!(!accepted(&mut talk, "", "'bundle':['accept']"), "no group to accept");
    assert!(!accepted(&mut talk, "BUNDLE x y", ""), "nor has it been accepted");
    assert!(accepted(&mut talk, "BUNDLE x y", "'bundle':['accept']"));
    assert!(accepted(&mut talk, "BUNDLE x y", ""), "sticky");
    assert!(!accepted(&mut talk, "BUNDLE x y", "'bundle':['reject']"));
    assert!(accepted(&mut talk, "BUNDLE x y", "'bundle':['accept','reject']"), "set by this message");
    assert!(!accepted(&mut talk, "", "'bundle':['accept','reject']"), "not set by this one");
    // The party we offer a bundle to is flagged, too: its own offer's groups count.
    let mut talk = Talk::new();
    talk.offer(&borrow(&two("")), "'bundle':['offer']");
    talk.answer(ANSWER, "");
    talk.offer_back(&borrow(&two("BUNDLE x y")), "");
    assert_eq!(groups(&talk.answer_back(ANSWER, "")), ["BUNDLE x y"]);
}

/// sdp.md §15.3 groups: they are assigned anew by each SDP; a group whose head does not exist is none.
#[test]
fn groups_are_assigned_by_each_sdp() {
    let sections: &[(&str, u8, &[&str])] = &[("x", 0, &[]), ("y", 8, &[]), ("z", 3, &[])];
    let answer = ["m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 8", "m=audio 5004 RTP/AVP 3"];
    let mut talk = Talk::new();
    for (group, expected) in [
        ("BUNDLE x y", &["BUNDLE x y"][..]),
        ("BUNDLE z x", &["BUNDLE z x"]),
        ("BUNDLE x y z", &["BUNDLE x y z"]),
        ("BUNDLE nowhere y", &[]),
        ("", &[]),
        ("BUNDLE y", &["BUNDLE y"]),
    ] {
        talk.offer(&borrow(&grouped(group, sections)), "'bundle':['accept']");
        assert_eq!(groups(&talk.answer(&answer, "")), expected, "{group}");
    }
}

/// sdp.md §15.3 unbundle: what takes a section out of its bundle, and its members with a head.
#[test]
fn sections_that_do_not_fit() {
    let one = &["a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid"][..];
    let two = &["a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid"][..];
    let long = "m".repeat(256);
    type Section<'a> = (&'a str, u8, &'a [&'a str]);
    let rows: [(&str, &str, Vec<Section<'_>>, &[&str]); 7] = [
        ("all fit", "BUNDLE x y", vec![("x", 0, &[]), ("y", 8, &[])], &["BUNDLE x y"]),
        ("the same payload type", "BUNDLE x y", vec![("x", 0, &[]), ("y", 0, &[])], &[]),
        (
            "which the extension tells apart",
            "BUNDLE x y",
            vec![("x", 0, one), ("y", 0, one)],
            &["BUNDLE x y"],
        ),
        ("extension with another number", "BUNDLE x y", vec![("x", 0, one), ("y", 8, two)], &["BUNDLE x"]),
        ("extension of the member alone", "BUNDLE x y", vec![("x", 0, &[]), ("y", 8, two)], &["BUNDLE x"]),
        ("a long mid", &format!("BUNDLE x {long}"), vec![("x", 0, one), (&long, 8, one)], &["BUNDLE x"]),
        ("the head is out", "BUNDLE x y z", vec![("x", 0, &[]), ("y", 8, &[]), ("z", 0, &[])], &[]),
    ];
    for (what, group, sections, expected) in rows {
        let mut talk = Talk::new();
        let offer = grouped(group, &sections);
        talk.offer(&borrow(&offer), "'bundle':['accept']");
        let answer: Vec<String> = offer.iter().filter(|line| line.starts_with("m=")).cloned().collect();
        assert_eq!(groups(&talk.answer(&borrow(&answer), "")), expected, "{what}");
    }
    let mut talk = Talk::new();
    let mut offer = borrow(&super::bundle::two("BUNDLE x y")).join("\n");
    talk.offer(&[&offer.replace("4002 RTP", "4002/2 RTP")], "'bundle':['accept']");
    assert_eq!(groups(&talk.answer(ANSWER, "")), ["BUNDLE x"], "another number of streams");
    offer = offer.replace("4002 RTP", "0 RTP");
    talk.offer(&[&offer], "");
    let shown = talk.answer(&["m=audio 5000 RTP/AVP 0", "m=audio 0 RTP/AVP 8"], "");
    assert_eq!(groups(&shown), ["BUNDLE x"], "rejected");
}

/// sdp.md §15.4 point 1: the lines, to whom, and in which order.
#[test]
fn group_lines() {
    let sections: &[(&str, u8, &[&str])] = &[("x", 0, &[]), ("y", 8, &[]), ("z", 3, &[])];
    let mut talk = Talk::new();
    let offered = talk.offer(&borrow(&grouped("BUNDLE z x y", sections)), "'bundle':['accept']");
    assert!(groups(&offered).is_empty(), "`b` was offered none");
    let answer = ["m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 8", "m=audio 5004 RTP/AVP 3"];
    assert_eq!(
        groups(&talk.answer(&answer, "")),
        ["BUNDLE z x y"],
        "the head first, then in the order of sections"
    );
    let mut talk = Talk::new();
    talk.offer(&borrow(&grouped("BUNDLE x y", sections)), "'bundle':['accept']");
    let rejected = ["m=audio 5000 RTP/AVP 0", "m=audio 0 RTP/AVP 8", "m=audio 5004 RTP/AVP 3"];
    assert_eq!(groups(&talk.answer(&rejected, "")), ["BUNDLE x"], "the head alone is still a group");
}

/// sdp.md §15.4 point 2: in other commands the options only generate mids.
#[test]
fn other_commands_bundle_nothing() {
    let mut talk = Talk::new();
    talk.offer(&["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8"], "");
    talk.answer(ANSWER, "");
    for options in ["'bundle':['strict']", "'flags':['WebRTC']"] {
        let shown = talk.subscribe(options);
        assert_eq!(mids(&shown), ["1", "2"], "{options}");
        assert!(
            groups(&shown).is_empty() && !shown.has(1, "bundle-only") && !shown.has(0, "extmap"),
            "{options}"
        );
        assert!(shown.port(1) != 0 && shown.port(0) != shown.port(1), "{options}");
    }
    let shown = Talk::new().ask_for("create", "'from-tag':'x','bundle':['require']");
    assert!(mids(&shown) == ["1"] && groups(&shown).is_empty());
}

/// sdp.md §15.4 point 3: enabled sections join one group and get the extension, under a number that fits all.
#[test]
fn bundles_that_are_offered() {
    let numbers = |sections: &[&[&'static str]]| {
        let mut sdp = Vec::new();
        for lines in sections {
            sdp.push("m=audio 4000 RTP/AVP 0");
            sdp.extend(*lines);
        }
        let shown = Talk::new().offer(&sdp, "'bundle':['offer']");
        (0..sections.len()).map(|n| extmaps(&shown, n).join(",")).collect::<Vec<_>>()
    };
    let mid = |number: u8| format!("{number} {MID}");
    assert_eq!(numbers(&[&[], &[]]), [mid(1), mid(1)]);
    assert_eq!(
        numbers(&[&["a=extmap:1 urn:one", "a=extmap:3 urn:three"], &["a=extmap:2 urn:two"]]),
        [format!("1 urn:one,3 urn:three,{}", mid(4)), format!("2 urn:two,{}", mid(4))],
        "the lowest number free in all, below the others"
    );
    assert_eq!(
        numbers(&[
            &["a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid"],
            &["a=extmap:7 urn:seven", "a=extmap:8 urn:eight"]
        ]),
        [mid(7), format!("8 urn:eight,{}", mid(7))],
        "the number in use, in the place of what collides"
    );
    let shown = Talk::new().offer(
        &["m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8", "a=mid:y"],
        "'bundle':['offer']",
    );
    assert_eq!(groups(&shown), ["BUNDLE 2 y"], "headed by the first enabled one");
    assert!(shown.port(1) != shown.port(2) && !shown.has(2, "bundle-only"));
    // What the bundle was accepted with is remembered; ours is not passed on.
    let mut talk = Talk::new();
    talk.offer(&["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8"], "'bundle':['offer']");
    let accepted = ["m=audio 5000 RTP/AVP 0", "a=mid:1", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid"];
    let answered = talk.answer(&[&accepted[..], &["m=audio 5002 RTP/AVP 8", "a=mid:2"]].concat(), "");
    assert!(extmaps(&answered, 0).is_empty(), "{answered:?}");
    let again = talk.reoffer(&["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8"], "");
    assert_eq!(extmaps(&again, 0), [mid(1)], "remembered as accepted");
}

/// sdp.md §15.4 point 4: `require` marks the members; so does a party that accepted. §15.4 point 5: `strict` in each offer.
#[test]
fn bundles_that_are_required() {
    let offer = ["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8"];
    let accepted = borrow_answer("BUNDLE 1 2");
    for (first, then, only, port) in [
        ("'bundle':['require']", "'bundle':['require']", true, true),
        ("'bundle':['offer']", "", true, true),
        ("'bundle':['strict']", "'bundle':['strict']", true, false),
        ("'bundle':['strict']", "", true, true),
    ] {
        let mut talk = Talk::new();
        let offered = talk.offer(&offer, first);
        assert!(!offered.has(0, "bundle-only"));
        assert_eq!(offered.has(1, "bundle-only"), !first.contains("offer"), "{first}");
        talk.answer(&accepted.iter().map(String::as_str).collect::<Vec<_>>(), "");
        let again = talk.reoffer(&offer, then);
        assert_eq!((again.has(1, "bundle-only"), again.port(1) != 0), (only, port), "{first}, then {then}");
    }
    let strict = Talk::new().offer(&offer, "'bundle':['strict']");
    let required = Talk::new().offer(&offer, "'bundle':['require']");
    let rest = |body: &Body| {
        body.section(1)[1..]
            .iter()
            .map(|line| line.replace("PORT", "").replace("RTCP", ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(strict.names(1), required.names(1));
    assert_eq!(rest(&strict)[0], "c=IN IP4 HERE");
    assert_eq!(strict.value(1, "rtcp"), required.value(1, "rtcp"));
}

fn borrow_answer(group: &str) -> Vec<String> {
    let lines = ["v=0", "o=b 2 2 IN IP4 10.0.0.2", "c=IN IP4 10.0.0.2", &format!("a=group:{group}")]
        .map(str::to_owned);
    let sections =
        ["m=audio 5000 RTP/AVP 0", "a=mid:1", "m=audio 5000 RTP/AVP 8", "a=mid:2"].map(str::to_owned);
    let extension = "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid".to_owned();
    let [a, b, c, d] = sections;
    lines.into_iter().chain([a, b, extension.clone(), c, d, extension]).collect()
}

/// sdp.md §15.4 point 6: a bundled section shows the transport of its head.
#[test]
fn a_bundle_shares_its_transport() {
    let mut talk = Talk::with_dtls();
    let offer = ["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 8"];
    let options = "'bundle':['require'],'ICE':'force','transport-protocol':'UDP/TLS/RTP/SAVPF'";
    let shown = talk.offer(&offer, options);
    assert_eq!(shown.port(0), shown.port(1));
    for name in ["candidate", "ice-ufrag", "ice-pwd", "tls-id", "rtcp"] {
        assert!(shown.has(0, name), "{name}");
        assert_eq!(shown.all(0, name), shown.all(1, name), "{name}");
    }
    assert_eq!(talk.ports.open.len(), 6, "one pair for the bundle, two for the sender's sections");
    let mut talk = Talk::new();
    talk.offer(&borrow(&two("BUNDLE x y")), "'bundle':['accept']");
    let back = talk.answer(ANSWER, "");
    assert_eq!(back.port(0), back.port(1), "towards an offerer that bundles");
    assert!(!back.has(1, "bundle-only"), "which only offers say");
}

/// sdp.md §15.4 point 7: the offerer's MID extension comes back although the answerer did not use it.
#[test]
fn an_accepted_mid_extension_comes_back() {
    let one = &["a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:5 urn:five"][..];
    let offer = grouped("BUNDLE x y", &[("x", 0, one), ("y", 8, one)]);
    for (options, expected) in [("'bundle':['accept']", vec![format!("4 {MID}")]), ("", vec![])] {
        let mut talk = Talk::new();
        talk.offer(&borrow(&offer), options);
        assert_eq!(extmaps(&talk.answer(ANSWER, ""), 0), expected, "{options}");
    }
}

const EXTENSIONS: &[&str] = &[
    "m=audio 4000 RTP/AVP 0",
    "a=extmap:2 urn:two",
    "a=extmap:1/sendonly urn:one more",
    "a=extmap:16 urn:sixteen",
];

/// sdp.md §16 rule 1: an entry keeps what it was marked as while number and URI stay.
#[test]
fn marked_extensions() {
    let answer = ["m=audio 5000 RTP/AVP 0"];
    let mut talk = Talk::new();
    talk.offer(EXTENSIONS, "'extmap':{'mask':['urn:one']}");
    assert_eq!(extmaps(&talk.answer(&answer, ""), 0), ["1 urn:one"]);
    talk.reoffer(EXTENSIONS, "");
    assert_eq!(extmaps(&talk.answer(&answer, ""), 0), ["1 urn:one"], "still marked");
    talk.reoffer(&["m=audio 4000 RTP/AVP 0", "a=extmap:3 urn:one"], "");
    assert!(extmaps(&talk.answer(&answer, ""), 0).is_empty(), "another number is another entry");
    talk.reoffer(EXTENSIONS, "'extmap':{'mask':['all']}");
    assert_eq!(extmaps(&talk.answer(&answer, ""), 0), ["2 urn:two", "1 urn:one", "16 urn:sixteen"]);
}

/// sdp.md §16 rule 2: what is passed on, hidden, or answered by us, the last of which comes first. §16 rule 3: numbers stay.
#[test]
fn extensions_are_passed_on() {
    let rows: [(&str, &[&str]); 7] = [
        ("", &["2 urn:two", "1 urn:one", "16 urn:sixteen"]),
        ("'extmap':{'strip':['URN:TWO']}", &["1 urn:one", "16 urn:sixteen"]),
        ("'extmap':{'strip':['all']}", &[]),
        ("'flags':['strip-extmap']", &[]),
        ("'flags':['strip extmap']", &[]),
        ("'extmap':{'mask':['urn:one','urn:sixteen']}", &["2 urn:two"]),
        ("'extmap':{'mask':['all']}", &[]),
    ];
    for (options, expected) in rows {
        assert_eq!(extmaps(&Talk::new().offer(EXTENSIONS, options), 0), expected, "{options}");
    }
    let mut talk = Talk::new();
    talk.offer(EXTENSIONS, "'extmap':{'mask':['urn:one']}");
    let answer = ["m=audio 5000 RTP/AVP 0", "a=extmap:16 urn:sixteen", "a=extmap:1 urn:taken"];
    assert_eq!(
        extmaps(&talk.answer(&answer, ""), 0),
        ["1 urn:one", "16 urn:sixteen"],
        "a number in use is not used again"
    );
    let published = Talk::new().publish(EXTENSIONS, "'extmap':{'strip':['urn:one']}");
    assert_eq!(extmaps(&published, 0), ["2 urn:two", "1 urn:one", "16 urn:sixteen"], "publish: its own list");
}

/// sdp.md §16 rule 4: `extmap-allow-mixed` unless the receiver itself said extensions without it in its latest SDP with a port.
#[test]
fn mixed_extensions() {
    let mixed = |body: &Body| body.has(0, "extmap-allow-mixed");
    assert!(!mixed(&Talk::new().offer(AUDIO, "")), "no extensions");
    let mut talk = Talk::new();
    assert!(mixed(&talk.offer(EXTENSIONS, "")), "although the sender did not say it");
    assert!(!mixed(&talk.answer(&["m=audio 5000 RTP/AVP 0", "a=extmap:2 urn:two"], "")), "`a` did not");
    assert!(!mixed(&talk.reoffer(EXTENSIONS, "")), "nor `b`");
    talk.answer(&["m=audio 0 RTP/AVP 0"], "");
    assert!(!mixed(&talk.reoffer(EXTENSIONS, "")), "port 0 changes nothing");
    talk.answer(&["m=audio 5000 RTP/AVP 0"], "");
    assert!(mixed(&talk.reoffer(EXTENSIONS, "")), "no extensions any more");
    talk.answer(&["m=audio 5000 RTP/AVP 0", "a=extmap:2 urn:two", "a=extmap-allow-mixed"], "");
    assert!(mixed(&talk.reoffer(EXTENSIONS, "")));
}
