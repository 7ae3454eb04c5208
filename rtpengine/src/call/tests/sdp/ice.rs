//! §14: who does ICE, and how it is said.

use super::{AUDIO, Body, Desk, Talk, from_a, json};
use crate::call::ids::PartyId;
use crate::call::media::{Media, MediaFlags};

const WITH: &[&str] = &["m=audio 4000 RTP/AVP 0", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
const RESTARTED: &[&str] =
    &["m=audio 4000 RTP/AVP 0", "a=ice-ufrag:efgh", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
const TRICKLES: &[&str] = &[
    "m=audio 4000 RTP/AVP 0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    "a=ice-options:trickle ice2",
];

fn ice(body: &Body) -> bool {
    body.has(0, "ice-ufrag")
}

fn credentials(body: &Body, n: usize) -> [String; 2] {
    ["ice-ufrag", "ice-pwd"].map(|name| body.value(n, name).expect("ICE").to_owned())
}

impl Talk {
    fn flag(&self, tag: &str, flag: MediaFlags) -> bool {
        self.section_of(tag, 0).has(flag)
    }

    /// Section `n` of a party; the other side has no tag before it answers.
    fn section_of(&self, tag: &str, n: usize) -> &Media {
        let call = &self.call.signalling;
        let party = call.by_tag(tag.as_bytes()).unwrap_or(PartyId::at(1));
        call.media(call.party(party).medias[n])
    }
}

/// sdp.md §14.1: spellings of the main values, the last of which wins.
#[test]
fn values_of_ice() {
    let shows = |options: &str| ice(&Talk::new().offer(AUDIO, options));
    for options in
        ["'ICE':'force'", "'ICE':['force']", "'ice':'force'", "'ICE':['remove','force']", "'ICE':'optional'"]
    {
        assert!(shows(options), "{options}");
    }
    for options in
        ["'ICE':'remove'", "'ICE':'default'", "'ICE':['force','remove']", "'ICE':['force','default']"]
    {
        assert!(!shows(options), "{options}");
    }
    for spelling in ["force-relay", "force_relay", "force relay"] {
        assert_eq!(Talk::new().offer(AUDIO, &format!("'ICE':'{spelling}'")).port(0), 4000, "{spelling}");
    }
    let named = Talk::new().offer(AUDIO, "'ICE':['force','trickle','ice2']");
    assert_eq!(named.value(0, "ice-options"), Some("trickle ice2"));
    for word in ["reject ICE", "reject-ICE", "ICE reject", "ICE-reject", "reject-ice", "ice-reject"] {
        let mut talk = Talk::new();
        talk.offer(WITH, &format!("'flags':['{word}']"));
        assert!(!ice(&talk.answer(AUDIO, "")), "{word}");
    }
}

/// sdp.md §14.1: where we are lite, by its own key or among the values of `ICE`.
#[test]
fn values_of_ice_lite() {
    let lite = |body: &Body| body.session().contains(&"a=ice-lite");
    let rows = [
        (&["forward", "offer", "fwd", "fw"][..], true, false),
        (&["backward", "backwards", "reverse", "answer", "back", "bkw", "bk"], false, true),
        (&["both"], true, true),
        (&["off", "none", "no"], false, false),
    ];
    for (words, towards_b, towards_a) in rows {
        for word in words {
            for options in [
                format!("'ICE':'force','ICE-lite':'{word}'"),
                format!("'ICE':'force','ice lite':'{word}'"),
                format!("'ICE':['force','lite-{word}']"),
            ] {
                let mut talk = Talk::new();
                assert_eq!(lite(&talk.offer(WITH, &options)), towards_b, "{options}");
                assert_eq!(lite(&talk.answer(WITH, "")), towards_a, "{options}");
            }
        }
    }
    let mut talk = Talk::new();
    assert!(lite(&talk.offer(WITH, "'ICE':['lite']")), "alone it is `forward`");
    assert!(lite(&talk.offer(WITH, "")), "it stays");
    assert!(!lite(&talk.offer(WITH, "'ICE':['no-lite']")));
    talk.answer(WITH, "");
    assert!(lite(&talk.subscribe("'ICE':'force','ICE-lite':'both'")));
    assert!(!lite(&talk.subscribe("'ICE':'force','ICE-lite':'backward'")));
}

/// sdp.md §14.2 row 1: at first as the sender, later as the receiver itself last signalled, again as the sender after `reset` (§14.2 reset).
#[test]
fn the_receiver_follows() {
    for options in ["", "'ICE':'default'"] {
        let mut talk = Talk::new();
        assert!(ice(&talk.offer(WITH, options)));
        talk.answer(AUDIO, "");
        assert!(!ice(&talk.reoffer(WITH, options)), "`b` does no ICE");
        talk.answer(AUDIO, "");
        assert!(ice(&talk.reoffer(WITH, &joined(options, "'flags':['reset']"))), "new to the call");
        talk.answer(WITH, "");
        assert!(ice(&talk.reoffer(AUDIO, options)), "`b` does ICE");
    }
    assert!(!ice(&Talk::new().offer(AUDIO, "")));
}

fn joined(first: &str, second: &str) -> String {
    if first.is_empty() { second.to_owned() } else { format!("{first},{second}") }
}

/// sdp.md §14.2 row 2 and §14.2 row 3: in every offer, whatever the sides did before; not in answers and publish.
#[test]
fn options_about_the_receiver() {
    let mut talk = Talk::new();
    assert!(!ice(&talk.offer(WITH, "'ICE':'remove'")));
    assert!(ice(&talk.offer(WITH, "'ICE':'force'")));
    talk.answer(AUDIO, "");
    assert!(ice(&talk.reoffer(AUDIO, "'ICE':'force'")), "although `b` declined");
    assert!(ice(&talk.reoffer(AUDIO, "'ICE':'optional'")));
    assert!(!ice(&talk.reoffer(WITH, "'ICE':'remove'")));
    let mut talk = Talk::new();
    talk.offer(AUDIO, "");
    assert!(!ice(&talk.answer(WITH, "'ICE':'force'")), "in an answer");
    assert!(!ice(&Talk::new().publish(AUDIO, "'ICE':'force'")));
    assert!(ice(&Talk::new().publish(WITH, "")));
    assert!(!ice(&Talk::new().publish(WITH, "'ICE':'remove'")));
}

/// sdp.md §14.2 sender: its ICE is what its last SDP with a port said. §14.2 answer: an offerer keeps its ICE whatever the answerer does.
#[test]
fn the_senders_own_ice() {
    let mut talk = Talk::new();
    talk.offer(WITH, "");
    assert!(ice(&talk.answer(AUDIO, "")), "answered with ICE although `b` has none");
    talk.reoffer(AUDIO, "");
    assert!(!ice(&talk.answer(AUDIO, "")), "`a` said nothing of it any more");
    talk.reoffer(WITH, "");
    talk.reoffer(&["m=audio 0 RTP/AVP 0"], "");
    assert!(talk.flag("a", MediaFlags::ICE), "a rejected section changes nothing");
    let mut talk = Talk::new();
    talk.offer(WITH, "");
    assert!(!ice(&talk.answer(WITH, "'ICE':'remove'")), "§14.2 answer: except with `remove`");
    let mut talk = Talk::new();
    talk.offer(WITH, "'ICE':'remove'");
    assert!(ice(&talk.answer(AUDIO, "")), "`remove` in the offer is about the receiver");
}

/// sdp.md §14.2 reject: the sender is answered without ICE; what the receiver is offered is another matter.
#[test]
fn the_senders_ice_is_rejected() {
    let mut talk = Talk::new();
    assert!(ice(&talk.offer(WITH, "'flags':['reject-ICE']")));
    assert!(!ice(&talk.answer(WITH, "")));
}

/// sdp.md §14.2 reset: credentials are renewed.
#[test]
fn reset_renews_credentials() {
    let mut talk = Talk::new();
    let first = talk.offer(WITH, "");
    talk.answer(WITH, "");
    let again = talk.reoffer(WITH, "");
    assert_eq!(credentials(&first, 0), credentials(&again, 0));
    let reset = talk.reoffer(WITH, "'flags':['reset']");
    assert_ne!(credentials(&first, 0), credentials(&reset, 0));
}

/// sdp.md §14.3: how passthrough mode is entered and left.
#[test]
fn passthrough_mode() {
    for options in
        ["'passthrough':'on'", "'passthru':'yes'", "'passthrough':'enable'", "'flags':['passthrough']"]
    {
        let mut talk = Talk::new();
        assert_eq!(talk.offer(AUDIO, options).port(0), 4000, "{options}");
        assert_eq!(talk.answer(AUDIO, "").port(0), 4000, "both legs: {options}");
        assert_eq!(talk.reoffer(AUDIO, "").port(0), 4000, "sticky: {options}");
        assert_eq!(talk.reoffer(AUDIO, "'ICE':'default'").port(0), 4000, "{options}");
        let off =
            if options.contains("flags") { "'flags':['no-passthrough']" } else { "'passthrough':'off'" };
        assert!(talk.reoffer(AUDIO, off).port(0) >= 30000, "left: {options}");
        assert!(talk.answer(AUDIO, "").port(0) >= 30000, "both legs: {options}");
    }
    let mut talk = Talk::new();
    assert_eq!(talk.offer(WITH, "'ICE':'optional'").port(0), 4000, "both do ICE");
    assert!(talk.flag("a", MediaFlags::PASSTHROUGH) && talk.flag("b", MediaFlags::PASSTHROUGH));
    assert!(Talk::new().offer(AUDIO, "'ICE':'optional'").port(0) >= 30000, "one side does not");
}

/// sdp.md §14.3: an answerer without ICE takes the offerer's away where we never began it.
#[test]
fn passthrough_and_an_answerer_without_ice() {
    for (options, kept) in [("'ICE':'optional'", false), ("'ICE':'force-relay'", false), ("", true)] {
        let mut talk = Talk::new();
        talk.offer(WITH, "'ICE':'optional'");
        talk.answer(AUDIO, options);
        assert_eq!(talk.flag("a", MediaFlags::ICE), kept, "{options}");
    }
}

/// sdp.md §14.4 credentials: their form; for each section and party, the same until a restart.
#[test]
fn credentials_of_sections() {
    let two = ["m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"];
    let mut talk = Talk::new();
    let shown = talk.offer(&two, "'ICE':'force'");
    for n in 0..2 {
        let [ufrag, pwd] = credentials(&shown, n);
        assert_eq!((ufrag.len(), pwd.len()), (8, 26));
        assert!((ufrag + &pwd).bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
    assert_ne!(credentials(&shown, 0), credentials(&shown, 1));
    let again = talk.offer(&two, "'ICE':'force'");
    assert_eq!(credentials(&shown, 0), credentials(&again, 0));
    let mut talk = Talk::new();
    let towards_b = talk.offer(WITH, "");
    assert_ne!(credentials(&towards_b, 0), credentials(&talk.answer(WITH, ""), 0));
}

/// sdp.md §14.4 options: by flag towards the receiver of an offer, by what it said towards its sender. §14.4 end: with trickle ICE.
#[test]
fn ice_options() {
    let rows = [
        ("", None, false),
        ("'flags':['trickle-ICE']", Some("trickle"), true),
        ("'ICE':['ice2','force']", Some("ice2"), false),
        ("'ICE':['force','ICE2'],'flags':['trickle ICE']", Some("trickle ice2"), true),
    ];
    for (options, expected, end) in rows {
        let mut talk = Talk::new();
        let offered = talk.offer(WITH, options);
        assert_eq!(
            (offered.value(0, "ice-options"), offered.has(0, "end-of-candidates")),
            (expected, end),
            "{options}"
        );
        let answered = talk.answer(WITH, "");
        assert!(!answered.has(0, "ice-options") && !answered.has(0, "end-of-candidates"), "{options}");
        assert!(!talk.reoffer(WITH, "").has(0, "ice-options"), "what `b` signals overwrites it: {options}");
    }
    let mut talk = Talk::new();
    assert!(!talk.offer(TRICKLES, "").has(0, "ice-options"));
    let answered = talk.answer(WITH, "");
    assert_eq!(answered.value(0, "ice-options"), Some("trickle ice2"));
    assert!(answered.has(0, "end-of-candidates"));
}

/// sdp.md §14.4 candidates: one for each address, the preferred family first, component by component. §14.4 priority: counted down.
#[test]
fn candidates_of_all_addresses() {
    let mut talk = Talk::on(&["192.0.2.200!198.51.100.7", "2001:db8::200"]);
    let shown = talk.offer(AUDIO, "'ICE':'force'");
    let port = shown.port(0);
    let words: Vec<Vec<&str>> =
        shown.all(0, "candidate").iter().map(|line| line.split(' ').collect()).collect();
    let six = words[1][5].parse::<u16>().expect("a port");
    let expected = [
        ("1", "2130706431", "198.51.100.7", port),
        ("1", "2130706175", "2001:db8::200", six),
        ("2", "2130706430", "198.51.100.7", port + 1),
        ("2", "2130706174", "2001:db8::200", six + 1),
    ];
    for (words, (component, priority, address, port)) in words.iter().zip(expected) {
        assert!(words[0].len() == 16 && words[0].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(words[1..], [component, "UDP", priority, address, &port.to_string(), "typ", "host"]);
    }
    assert_eq!(words.len(), 4);
    assert_eq!(words[0][0], words[2][0], "one foundation for each address");
    assert_ne!(words[0][0], words[1][0]);

    let mut talk = Talk::on(&["192.0.2.200", "2001:db8::200"]);
    let shown = talk.offer(AUDIO, "'ICE':'force','address-family':'IP6'");
    assert!(
        shown.all(0, "candidate")[0].contains(" UDP 2130706431 2001:db8::200 "),
        "the preferred family: {shown:?}"
    );
    let mut talk = Talk::on(&["192.0.2.200", "2001:db8::200"]);
    talk.settings.save_interface_ports = true;
    assert_eq!(talk.offer(AUDIO, "'ICE':'force'").all(0, "candidate").len(), 2, "--save-interface-ports");
    let shown = Talk::new().offer(AUDIO, "'ICE':'force','media-address':'203.0.113.4'");
    assert!(shown.all(0, "candidate").iter().all(|line| line.contains(" 203.0.113.4 ")), "{shown:?}");
}

/// sdp.md §14.4 candidates: relay ones with `force-relay`, related to themselves. §14.4 priority: of that type.
#[test]
fn relay_candidates() {
    let shown = Talk::new().publish(WITH, "'ICE':'force-relay'");
    let port = shown.port(0);
    let tails: Vec<_> =
        shown.all(0, "candidate").iter().filter_map(|line| line.split_once(" UDP ")).collect();
    for (at, (_, tail)) in tails.iter().enumerate() {
        let (priority, port) = (16_777_215 - at, port + u16::from(at == 1));
        let address = "192.0.2.200";
        assert_eq!(*tail, format!("{priority} {address} {port} typ relay raddr {address} rport {port}"));
    }
    assert_eq!(tails.len(), 2);
}

/// sdp.md §14.5: our candidates in a copied section stand below those received, and count on beyond the end of the range.
#[test]
fn candidates_of_copied_sections() {
    let own = |received: &[&str]| {
        let mut talk = Talk::on(&["192.0.2.200", "2001:db8::200"]);
        let sdp = [WITH, received].concat();
        let shown = talk.offer(&sdp, "'ICE':'optional'");
        let lines = shown.all(0, "candidate");
        let own =
            lines.iter().filter(|line| line.contains(" 192.0.2.200 ") || line.contains(" 2001:db8::200 "));
        own.filter_map(|line| line.split(' ').nth(3)?.parse().ok()).collect::<Vec<u32>>()
    };
    assert_eq!(
        own(&[])[..],
        [2_130_706_431, 2_130_706_430],
        "no address but the first is opened in passthrough mode"
    );
    assert_eq!(
        own(&["a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host"]),
        [(125 << 24) | 255, (125 << 24) | 254],
        "the type preference below, and the end of the range"
    );
    assert_eq!(
        own(&["a=candidate:1 1 UDP 2130705663 10.0.0.1 4000 typ host"]),
        [(126 << 24) | ((65535 - 2) << 8) | 255, (126 << 24) | ((65535 - 2) << 8) | 254],
        "one step above the number of the last one"
    );
    assert_eq!(
        own(&["a=candidate:1 1 UDP 4294967295 10.0.0.1 4000 typ host"])[0],
        2_130_706_431,
        "only candidates that are not above ours"
    );
    assert_eq!(
        own(&[
            "a=candidate:1 2 UDP 2130706430 10.0.0.1 4001 typ host",
            "a=candidate:1 1 UDP 1 10.0.0.1 4000 typ srflx raddr 10.0.0.1 rport 4000"
        ])[0],
        2_130_706_431,
        "only the first component, and the same type"
    );
}

/// sdp.md §14.6 roles: controlling towards the receiver of an offer, controlled towards its sender; a lite side is controlled.
#[test]
fn roles() {
    let lite = ["v=0", "o=- 1 1 IN IP4 10.0.0.1", "c=IN IP4 10.0.0.1", "a=ice-lite"];
    let controlling = |talk: &Talk| ["a", "b"].map(|tag| talk.flag(tag, MediaFlags::ICE_CONTROLLING));
    let mut talk = Talk::new();
    talk.offer(WITH, "");
    assert_eq!(controlling(&talk), [false, true]);
    talk.answer(WITH, "");
    talk.offer_back(WITH, "");
    assert_eq!(controlling(&talk), [false, true], "it stays with the other direction");
    let mut talk = Talk::new();
    talk.offer(&[&lite, WITH].concat(), "");
    assert_eq!(controlling(&talk), [true, true], "the peer is lite");
    let mut talk = Talk::new();
    talk.offer(WITH, "'ICE-lite':'forward'");
    assert_eq!(controlling(&talk), [false, false], "we are lite");
    let mut talk = Talk::new();
    talk.offer(&[&lite, WITH].concat(), "'ICE-lite':'both'");
    assert_eq!(controlling(&talk), [false, false], "both are");
}

/// sdp.md §14.6 restart: the peer's credentials or our interface changed; in answers that is only logged.
#[test]
fn restarts() {
    let mut talk = Talk::on(&["one/192.0.2.1", "two/192.0.2.2"]);
    talk.offer(WITH, "");
    let first = credentials(&talk.answer(WITH, ""), 0);
    talk.reoffer(WITH, "");
    assert_eq!(credentials(&talk.answer(WITH, ""), 0), first);
    talk.reoffer(RESTARTED, "");
    let second = credentials(&talk.answer(WITH, ""), 0);
    assert_ne!(second, first, "`a` restarted");
    let password = ["m=audio 4000 RTP/AVP 0", "a=ice-ufrag:efgh", "a=ice-pwd:zyxwvutsrqponmlkjihgfedc"];
    talk.reoffer(&password, "");
    let third = credentials(&talk.answer(WITH, ""), 0);
    assert_ne!(third, second, "the password counts too");
    talk.reoffer(&password, "'from-interface':'two'");
    assert_ne!(credentials(&talk.answer(WITH, ""), 0), third, "another interface");

    let mut talk = Talk::new();
    let towards_b = credentials(&talk.offer(WITH, ""), 0);
    talk.answer(WITH, "");
    talk.log.clear();
    talk.answer(RESTARTED, "");
    assert!(talk.logged("ICE restart detected, but reset not allowed"));
    assert_eq!(credentials(&talk.reoffer(WITH, ""), 0), towards_b);
}

impl Talk {
    /// Sends a fragment; the reply is `ok` and nothing else.
    fn fragment(&mut self, command: &str, tags: &str, sdp: &str) {
        let done = self.exchange(command, &json(tags), sdp, r#""flags":["fragment"]"#);
        let reply = done.reply.to_dict();
        assert_eq!((reply.text("result"), reply.text("sdp")), (Some("ok"), None), "{command}: {reply:?}");
    }

    fn candidates(&self, tag: &str, n: usize) -> Vec<u16> {
        self.section_of(tag, n).section.candidates.iter().map(|candidate| candidate.port).collect()
    }
}

fn fragment(mid: &str, port: u16) -> String {
    format!(
        "m=audio 9 RTP/AVP 0\n{mid}a=ice-ufrag:abcd\na=ice-pwd:x\na=candidate:1 1 UDP 9 10.0.0.1 {port} typ host\n"
    )
}

/// sdp.md §14.7: candidates that come later, by mid, else by index, for sections that trickle.
#[test]
fn fragments() {
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=ice-options:trickle"];
    let two =
        [&["m=audio 4000 RTP/AVP 0", "a=mid:x"], &ice[..], &["m=audio 4002 RTP/AVP 0", "a=mid:y"], &ice]
            .concat();
    let mut talk = Talk::new();
    talk.offer(&two, "");
    talk.fragment("offer", "'from-tag':'a'", &fragment("", 7000));
    talk.fragment("offer", "'from-tag':'a'", &fragment("a=mid:y\n", 7002));
    talk.fragment("offer", "'from-tag':'a'", &format!("v=0\n{}", fragment("a=mid:x\n", 7004)));
    assert_eq!(talk.candidates("a", 0), [7000, 7004]);
    assert_eq!(talk.candidates("a", 1), [7002]);
    talk.fragment(
        "offer",
        "'from-tag':'a'",
        &format!("a=ice-ufrag:abcd\na=ice-pwd:x\n{}", fragment("", 7006)),
    );
    assert_eq!(talk.candidates("a", 0), [7000, 7004, 7006], "the first line counts even if it is not `v=`");
    talk.answer(&[WITH, WITH].concat(), "");
    talk.fragment("offer", "'from-tag':'b'", &fragment("", 7008));
    assert!(
        talk.candidates("b", 0).is_empty() && talk.logged("not trickle-ICE-enabled"),
        "`b` does not trickle"
    );
}

/// sdp.md §14.7: the other commands that take fragments.
#[test]
fn fragments_of_other_commands() {
    let mut talk = Talk::new();
    talk.publish(TRICKLES, "");
    talk.fragment("publish", "'from-tag':'a'", &fragment("", 7000));
    assert_eq!(talk.candidates("a", 0), [7000]);
    talk.subscribe("'ICE':'force','flags':['trickle-ICE']");
    talk.fragment("subscribe answer", "'from-tag':'a','to-tag':'c'", &fragment("", 7002));
    assert_eq!(talk.candidates("c", 0), [7002]);
    talk.ask_for("create", "'from-tag':'d','ICE':'force','flags':['trickle-ICE']");
    talk.fragment("create answer", "'from-tag':'d'", &fragment("", 7004));
    assert_eq!(talk.candidates("d", 0), [7004]);
    let done = talk.exchange(
        "answer",
        &json("'from-tag':'a','to-tag':'c'"),
        &from_a(AUDIO),
        r#""flags":["fragment"]"#,
    );
    assert_eq!(Desk::error(&done), "none", "an answer is an answer");
    assert!(done.reply.to_dict().text("sdp").is_some());
}

/// sdp.md §14.7: a fragment that is early waits three seconds for its party.
#[test]
fn early_fragments() {
    for (seconds, expected) in [(2, &[7000][..]), (3, &[])] {
        let mut talk = Talk::new();
        talk.fragment("offer", "'from-tag':'a'", &fragment("", 7000));
        talk.pass(seconds);
        talk.offer(TRICKLES, "");
        assert_eq!(talk.candidates("a", 0), expected, "after {seconds} s");
    }
    let mut talk = Talk::new();
    talk.fragment("publish", "'from-tag':'a'", &fragment("", 7000));
    talk.publish(TRICKLES, "");
    assert_eq!(talk.candidates("a", 0), [7000]);
}
