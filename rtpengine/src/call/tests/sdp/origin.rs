//! §6: the lines of the session.

use super::{AUDIO, Talk};

fn session(origin: &'static str, name: &'static str) -> Vec<&'static str> {
    let mut lines = vec!["v=0"];
    lines.extend([origin, name].iter().filter(|line| !line.is_empty()));
    lines.extend(["c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 0"]);
    lines
}

/// sdp.md §6.1 USER, §6.1 ID, §6.1 VERSION, §6.1 ADDR: what `replace` makes of three offers in a row, the last from another session.
#[test]
fn origins_of_three_offers() {
    let first = session("o=u1 51 1 IN IP4 10.0.0.1", "s=n1");
    let last = session("o=u2 52 7 IN IP6 2001:db8::2", "s=n2");
    let rows = [
        ("", ["u1 51 1 IN IP4 10.0.0.1", "u1 51 1 IN IP4 10.0.0.1", "u2 52 7 IN IP6 2001:db8::2"]),
        (
            "origin",
            ["u1 51 1 IN IP4 192.0.2.200", "u1 51 1 IN IP4 192.0.2.200", "u2 52 7 IN IP4 192.0.2.200"],
        ),
        ("username", ["u1 51 1 IN IP4 10.0.0.1", "u1 51 1 IN IP4 10.0.0.1", "u1 52 7 IN IP6 2001:db8::2"]),
        (
            "origin-full",
            ["u1 51 1 IN IP4 192.0.2.200", "u1 51 1 IN IP4 192.0.2.200", "u1 51 2 IN IP4 192.0.2.200"],
        ),
        ("SDP-version", ["u1 51 1 IN IP4 10.0.0.1", "u1 51 1 IN IP4 10.0.0.1", "u2 52 2 IN IP6 2001:db8::2"]),
        (
            "force-increment-sdp-ver",
            ["u1 51 1 IN IP4 10.0.0.1", "u1 51 2 IN IP4 10.0.0.1", "u2 52 3 IN IP6 2001:db8::2"],
        ),
        (
            "session-name",
            ["u1 51 1 IN IP4 10.0.0.1", "u1 51 1 IN IP4 10.0.0.1", "u2 52 7 IN IP6 2001:db8::2"],
        ),
    ];
    for (option, expected) in rows {
        let mut talk = Talk::new();
        let replace = format!("'replace':['{option}']");
        let options = if option.is_empty() { "" } else { replace.as_str() };
        let shown = [&first, &first, &last].map(|sdp| talk.offer(sdp, options));
        assert_eq!(shown.each_ref().map(|body| body.origin().to_owned()), expected, "{option}");
        // §6.2: a known name is kept with `session-name`, else a new one replaces it.
        let name = if option == "session-name" { "n1" } else { "n2" };
        assert_eq!(shown[2].session_line('s'), Some(name), "{option}");
    }
}

/// sdp.md §6.1 USER, §6.1 ID, §6.1 VERSION, §6.1 ADDR: without `o=` everything comes from the clock, a random number and our address, and stays.
#[test]
fn origins_from_nothing() {
    let mut talk = Talk::new();
    let shown = talk.offer(&session("", ""), "");
    let words: Vec<_> = shown.origin().split(' ').collect();
    assert_eq!(words[0], "-");
    assert_eq!(words[1], ((1_700_000_000_000_000u64 & 0x0fff_ffff) + 1).to_string());
    assert!((1..=0x1000_0000u32).contains(&words[2].parse().expect("a number")));
    assert_eq!(words[3..], ["IN", "IP4", "192.0.2.200"]);
    talk.pass(5);
    assert_eq!(talk.offer(&session("", ""), "").origin(), shown.origin(), "what was emitted before");
    assert_eq!(talk.offer(&session("o=u 1 2 IN IP4 10.0.0.1", ""), "").origin(), "u 1 2 IN IP4 10.0.0.1");
}

/// sdp.md §6.1 note 1: the network type; types and addresses of the source are text.
#[test]
fn the_network_type_is_in() {
    let shown = Talk::new().offer(&session("o=u 1 007 ATM NSAP some.host.example", "s=-"), "");
    assert_eq!(shown.origin(), "u 1 7 IN NSAP some.host.example");
}

/// sdp.md §6.1 note 2: `media address` is about media.
#[test]
fn the_media_address_leaves_the_origin_alone() {
    let options = "'media-address':'203.0.113.9','replace':['origin']";
    let shown = Talk::new().offer(&session("o=u 1 1 IN IP4 10.0.0.1", "s=-"), options);
    assert_eq!(shown.origin(), "u 1 1 IN IP4 192.0.2.200");
    assert_eq!(shown.address(0), "IP4 203.0.113.9");
}

/// sdp.md §6.1 note 3: the address that was emitted before stays.
#[test]
fn replacing_the_origin_later_comes_too_late() {
    let mut talk = Talk::new();
    talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", "s=-"), "");
    let shown = talk.offer(&session("o=u 1 2 IN IP4 10.0.0.3", "s=-"), "'replace':['origin']");
    assert_eq!(shown.origin(), "u 1 2 IN IP4 10.0.0.1");
}

/// sdp.md §6.1 note 4: versions count the bodies stored by messages with one of the two options, and no others.
#[test]
fn versions_count_changes_of_the_body() {
    for option in ["'replace':['SDP-version']", "'replace':['origin-full']"] {
        let mut talk = Talk::new();
        let mut version = |sdp: &[&str], options: &str| {
            let shown = talk.offer(sdp, options);
            shown.origin().split(' ').nth(2).map(str::to_owned).expect("a version")
        };
        let sdp = |version: &str| format!("o=u 1 {version} IN IP4 10.0.0.1");
        let (nine, forty) = (sdp("9"), sdp("40"));
        let head = |origin| ["v=0", origin, "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 0"];
        let changed = |origin| ["v=0", origin, "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 0 8"];
        assert_eq!(version(&head(&nine), option), "9", "stored");
        assert_eq!(version(&head(&forty), option), "9", "the same body");
        assert_eq!(version(&changed(&forty), option), "10");
        assert_eq!(version(&changed(&forty), ""), "40", "without the option the source's");
        assert_eq!(
            version(&changed(&forty), option),
            "41",
            "compared with the body stored before, whose version was 10"
        );
    }
}

/// sdp.md §6.1 replace: every spelling, as a value and as a flag; `session-connection` is accepted, unknown ones are logged.
#[test]
fn spellings_of_replace() {
    let previous = session("o=u1 51 1 IN IP4 0.0.0.0", "s=n1");
    let sdp = ["v=0", "o=u2 52 2 IN IP4 0.0.0.0", "s=n2", "c=IN IP4 0.0.0.0", "m=audio 4000 RTP/AVP 0"];
    let effects = [
        ("u1 51 1 IN IP4 0.0.0.0", "n2", "HERE", &["origin-full", "origin full", "origin_full"][..]),
        (
            "u2 52 1 IN IP4 0.0.0.0",
            "n2",
            "0.0.0.0",
            &["sdp-version", "SDP-version", "sdp version", "SDP version"],
        ),
        ("u1 52 2 IN IP4 0.0.0.0", "n2", "0.0.0.0", &["username"]),
        ("u2 52 2 IN IP4 0.0.0.0", "n1", "0.0.0.0", &["session-name", "session name"]),
        ("u2 52 2 IN IP4 0.0.0.0", "n2", "HERE", &["zero-address", "zero address"]),
        (
            "u2 52 2 IN IP4 0.0.0.0",
            "n2",
            "0.0.0.0",
            &[
                "force-increment-sdp-ver",
                "force increment sdp ver",
                "force-increment-SDP-ver",
                "force increment SDP ver",
            ],
        ),
        ("u2 52 2 IN IP4 0.0.0.0", "n2", "0.0.0.0", &["origin", "session-connection", "session connection"]),
    ];
    for (origin, name, address, spellings) in effects {
        for spelling in spellings {
            for options in [format!("'replace':['{spelling}']"), format!("'flags':['replace-{spelling}']")] {
                let mut talk = Talk::new();
                talk.offer(&previous, "");
                talk.log.clear();
                let shown = talk.offer(&sdp, &options);
                assert_eq!(shown.origin(), origin, "{options}");
                assert_eq!(shown.session_line('s'), Some(name), "{options}");
                let zero = spelling.starts_with("zero");
                assert_eq!(shown.address(0) == "IP4 HERE", zero && address == "HERE", "{options}: {shown:?}");
                assert!(!talk.logged("nknown"), "{options}");
            }
        }
    }
    let mut talk = Talk::new();
    talk.offer(&sdp, "'replace':['everything']");
}

/// sdp.md §6.2: an empty or missing name never overwrites; without a source it is the software's.
#[test]
fn session_names() {
    let mut talk = Talk::new();
    assert_eq!(talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", "s="), "").session_line('s'), Some(""));
    assert_eq!(talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", "s=one"), "").session_line('s'), Some("one"));
    assert_eq!(talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", "s="), "").session_line('s'), Some("one"));
    assert_eq!(talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", ""), "").session_line('s'), Some("one"));
    assert_eq!(talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", "s=two"), "").session_line('s'), Some("two"));
    let keep = "'replace':['session-name']";
    assert_eq!(
        talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", "s=three"), keep).session_line('s'),
        Some("two")
    );
    let mut talk = Talk::new();
    talk.settings.software_id = rtpengine_common::sdp::out::software_id("My relay/1.0").into();
    assert_eq!(talk.publish(AUDIO, "").session_line('s'), Some("My-relay-1-0"));
}

/// sdp.md §6.3: each SDP of the source overwrites or clears the other lines, also for the side that is shown them later.
#[test]
fn other_session_lines_follow_each_sdp() {
    let mut talk = Talk::new();
    let full = [
        "v=0",
        "o=u 1 1 IN IP4 10.0.0.1",
        "i=i",
        "u=u",
        "e=e",
        "p=p",
        "c=IN IP4 10.0.0.1",
        "b=AS:1",
        "t=1 2",
    ];
    let full = [&full[..], AUDIO].concat();
    let shown = talk.offer(&full, "");
    assert_eq!(shown.session()[2..], ["s=", "i=i", "u=u", "e=e", "p=p", "b=AS:1", "t=1 2"]);
    let shown = talk.offer(&session("o=u 1 1 IN IP4 10.0.0.1", ""), "");
    assert_eq!(shown.session()[2..], ["s=", "t=0 0"]);
}
