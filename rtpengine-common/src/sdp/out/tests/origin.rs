//! sdp.md §6.

use super::*;

fn defaults() -> OriginDefaults {
    OriginDefaults { clock_us: 0xf000_0005, random: 0xf000_0008, advertised: HERE }
}

fn selected(source: bool, previous: bool, rules: OriginRules) -> (String, String, u64, String) {
    let (src, prev) = (origin("src", "1", 10, "s.example"), origin("prev", "2", 20, "p.example"));
    let origin = select_origin(source.then_some(&src), previous.then_some(&prev), rules, &defaults());
    (origin.username.to_string(), origin.session_id.to_string(), origin.version, origin.address.to_string())
}

#[test]
fn the_origin_line_by_options() {
    let expected = |user: &str, id: &str, version, address: &str| {
        (user.to_owned(), id.to_owned(), version, address.to_owned())
    };
    let none = OriginRules::default();
    let here = "192.0.2.200";
    assert_eq!(selected(true, true, none), expected("src", "1", 10, "s.example"));
    assert_eq!(selected(false, true, none), expected("prev", "2", 20, "p.example"));
    assert_eq!(selected(false, false, none), expected("-", "6", 9, here));
    let username = OriginRules { username: true, ..none };
    assert_eq!(selected(true, true, username), expected("prev", "1", 10, "s.example"));
    assert_eq!(selected(true, false, username), expected("src", "1", 10, "s.example"));
    let address = OriginRules { origin: true, ..none };
    assert_eq!(selected(true, true, address), expected("src", "1", 10, "p.example"));
    assert_eq!(selected(true, false, address), expected("src", "1", 10, here));
    let full = OriginRules { origin_full: true, ..none };
    assert_eq!(selected(true, true, full), expected("prev", "2", 20, "p.example"));
    assert_eq!(selected(true, false, full), expected("src", "1", 10, here));
    let force = OriginRules { force_increment: true, ..none };
    assert_eq!(selected(true, true, force), expected("src", "1", 21, "s.example"));
    assert_eq!(selected(true, false, force), expected("src", "1", 10, "s.example"));
    let counted = OriginRules { sdp_version: true, ..none };
    assert_eq!(selected(true, true, counted).2, 20);
    assert_eq!(selected(true, false, counted).2, 10);
    assert_eq!(selected(false, false, full), expected("-", "6", 9, here));
}

#[test]
fn empty_fields_of_the_origin_give_way() {
    let (source, previous) = (origin("", "", 1, "s"), origin("prev", "2", 2, "p"));
    let chosen = select_origin(Some(&source), Some(&previous), OriginRules::default(), &defaults());
    assert_eq!((chosen.username, chosen.session_id), ("prev".into(), "2".into()));
}

#[test]
fn versions_count_changes_of_the_body() {
    let mut stored = None;
    let mut origin = origin("u", "1", 9, "a");
    let mut send = |name: &[u8], origin: &mut SessionOrigin| {
        let mut version = origin.version;
        let mut printed = print(&SessionOut::new(origin, name), &[], &Edits::default());
        printed.count_version(&mut version, &mut stored);
        origin.version = version;
        String::from_utf8(printed.body).expect("text")
    };
    assert!(send(b"one", &mut origin).contains("o=u 1 9 IN"));
    assert!(send(b"one", &mut origin).contains("o=u 1 9 IN"));
    assert!(send(b"two", &mut origin).contains("o=u 1 10 IN IP4 a\r\ns=two\r\n"));
    assert!(send(b"two", &mut origin).contains("o=u 1 10 IN"));
    assert!(send(b"one", &mut origin).contains("o=u 1 11 IN"));
}

#[test]
fn versions_wrap() {
    let previous = origin("u", "1", u64::MAX, "a");
    let rules = OriginRules { force_increment: true, ..OriginRules::default() };
    assert_eq!(select_origin(None, Some(&previous), rules, &defaults()).version, 0);
    let mut printed = print(&SessionOut::new(&previous, b"-"), &[], &Edits::default());
    printed.set_version(5);
    printed.set_version(77);
    assert!(printed.body.starts_with(b"v=0\r\no=u 1 77 IN IP4 a\r\n"));
}

#[test]
fn session_names() {
    assert_eq!(software_id("rtpengine-12.5.1~git A"), "rtpengine-12-5-1-git-A");
    let mut known = Text::EMPTY;
    for (received, keep, expected) in
        [("", false, ""), ("a", true, "a"), ("b", true, "a"), ("b", false, "b"), ("", false, "b")]
    {
        remember_session_name(&mut known, &received.into(), keep);
        assert_eq!(known, expected);
    }
}
