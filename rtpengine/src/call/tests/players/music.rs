//! §7: music on hold. What the SDP shows of it is in `sdp/hold.rs`.

use super::super::stage::{Stage, frames, in_order, markers};
use super::super::{audio, direction, lines};
use crate::player::Plan;

const MUSIC: &str = "\"moh\":{\"file\":\"x.wav\"}";
const TALK: &str = "";
const HOLD: &str = "a=sendonly\n";
const INACTIVE: &str = "a=inactive\n";

/// A later offer of `from` to `to`, and its answer if one is wanted.
fn offers(stage: &mut Stage, [from, to]: [&str; 2], attributes: &str, more: &str) -> String {
    let sdp = address(from) + attributes;
    stage.sdp("offer", &format!("\"from-tag\":\"{from}\",\"to-tag\":\"{to}\""), &sdp, more)
}

fn address(tag: &str) -> String {
    let (host, port) = if tag == "a" { ("10.0.0.1", 4000) } else { ("10.0.0.2", 5000) };
    audio(host, port)
}

fn a_holds(stage: &mut Stage, attributes: &str, more: &str) -> String {
    offers(stage, ["a", "b"], attributes, more)
}

/// §7.2 rules 2 to 4: from the offer on, to the other side, whatever its direction, without end in reach and without markers.
#[test]
fn rule_7_2_it_plays_from_the_offer_on() {
    for (hold, answer) in [(HOLD, "a=recvonly\n"), (INACTIVE, INACTIVE)] {
        let mut stage = Stage::new();
        let played = stage.tape("x.wav", 3);
        stage.connects(MUSIC, "");
        a_holds(&mut stage, hold, "\"repeat-duration\":50,\"repeat-times\":2");
        stage.runs(100);
        assert_eq!(stage.hears("b").len(), 6, "before the answer");
        stage.answer("a", "b", &(address("b") + answer), "");
        stage.runs(900);
        stage.says("a", 99);
        let heard = stage.hears("b");
        assert_eq!((heard.len(), markers(&heard)), (45, vec![]));
        assert!(frames(&heard).iter().all(|(_, octet)| *octet != 99), "the holder is not heard");
        in_order(&heard);
        assert!(heard.windows(2).all(|p| p[1].header.timestamp == p[0].header.timestamp.wrapping_add(160)));
        assert!(stage.hears("a").is_empty());
        let whole = Plan { times: 999, budget_ms: Some(1_800_000), ..Plan::default() };
        assert_eq!(played.lock().iter().map(|(_, plan)| *plan).collect::<Vec<_>>(), [whole], "{hold}");
    }
}

/// §7.2 rule 3: the operator's limits.
#[test]
fn rule_7_2_3_how_long_it_plays() {
    let mut stage = Stage::new();
    let played = stage.tape("x.wav", 3);
    stage.settings.moh_max_repeats = 2;
    stage.settings.moh_max_duration = None;
    stage.connects(MUSIC, "");
    a_holds(&mut stage, HOLD, "");
    stage.runs(500);
    assert_eq!(stage.hears("b").len(), 6);
    assert_eq!(played.lock()[0].1, Plan { times: 2, budget_ms: None, ..Plan::default() });
    // It ended, and the next offer that holds starts it again.
    a_holds(&mut stage, HOLD, "");
    stage.runs(500);
    assert_eq!(stage.hears("b").len(), 6);
}

/// §7.2 rules 1, 5 and 6: what starts it, what does not, what stops it.
#[test]
fn rule_7_2_1_what_starts_it() {
    let rows: &[(&str, &str, &str, &str, bool)] = &[
        ("a source of its own", MUSIC, "", HOLD, true),
        ("inactive", MUSIC, "", INACTIVE, true),
        ("no hold", MUSIC, "", TALK, false),
        ("receiving is no hold", MUSIC, "", "a=recvonly\n", false),
        ("no source", "", "", HOLD, false),
        ("the other's source", "", MUSIC, HOLD, false),
    ];
    for (what, offer, answer, attributes, plays) in rows {
        let mut stage = Stage::new();
        stage.tape("x.wav", 3);
        stage.connects(offer, answer);
        a_holds(&mut stage, attributes, "");
        stage.runs(100);
        assert_eq!(!stage.hears("b").is_empty(), *plays, "{what}");
        assert!(stage.hears("a").is_empty(), "{what}");
    }
    // The source of an answer serves the offers of whoever sent it; one may come with the very offer; an answer starts nothing.
    let mut stage = Stage::new();
    stage.tape("x.wav", 3);
    stage.connects("", MUSIC);
    offers(&mut stage, ["b", "a"], HOLD, "");
    stage.runs(100);
    assert!(!stage.hears("a").is_empty());
    let mut stage = Stage::talk();
    stage.tape("x.wav", 3);
    a_holds(&mut stage, HOLD, MUSIC);
    stage.runs(100);
    assert!(!stage.hears("b").is_empty());
    let mut stage = Stage::new();
    stage.tape("x.wav", 3);
    stage.offer("a", &address("a"), "");
    stage.answer("a", "b", &(address("b") + HOLD), MUSIC);
    stage.runs(100);
    assert!(stage.hears("a").is_empty());
}

/// §7.2 rules 5 and 6.
#[test]
fn rule_7_2_5_what_stops_it() {
    let mut stage = Stage::new();
    let played = stage.tape("x.wav", 50);
    stage.tape("y.wav", 5);
    stage.connects(MUSIC, "");
    a_holds(&mut stage, HOLD, "");
    stage.runs(50);
    a_holds(&mut stage, HOLD, "\"moh\":{\"file\":\"y.wav\"}");
    stage.answer("a", "b", &(address("b") + "a=recvonly\n"), "");
    stage.runs(50);
    let heard = stage.hears("b");
    assert_eq!(
        (frames(&heard).len(), markers(&heard), played.lock().len()),
        (6, vec![0], 1),
        "nothing changes"
    );
    let refused = stage.refused("stop media", "\"from-tag\":\"b\"");
    assert_eq!(refused, "Currently MoH ongoing, ignore stop media.");
    stage.does("play media", "\"from-tag\":\"b\",\"file\":\"y.wav\"");
    stage.does("play media", "\"from-tag\":\"b\",\"file\":\"/not/opened\"");
    stage.runs(50);
    in_order(&[heard, stage.hears("b")].concat());
    // An offer of the other side does not end it.
    offers(&mut stage, ["b", "a"], "a=recvonly\n", "");
    stage.answer("b", "a", &(address("a") + HOLD), "");
    stage.runs(50);
    assert!(!stage.hears("b").is_empty());
    a_holds(&mut stage, TALK, "");
    stage.hears("b");
    stage.answer("a", "b", &address("b"), "");
    stage.runs(200);
    let said = stage.says("a", 99);
    assert_eq!(stage.hears("b").iter().map(|packet| packet.header).collect::<Vec<_>>(), [said]);
    assert_eq!(stage.refused("stop media", "\"from-tag\":\"b\""), "Not currently playing media");
}

/// §7.2 rule 5: the end of the call, also one that is still to come.
#[test]
fn rule_7_2_5_it_ends_with_the_call() {
    for target in ["", "\"from-tag\":\"a\",", "\"from-tag\":\"b\","] {
        let mut stage = Stage::new();
        stage.tape("x.wav", 50);
        stage.connects(MUSIC, "");
        a_holds(&mut stage, HOLD, "");
        stage.runs(50);
        assert_eq!(stage.hears("b").len(), 3);
        stage.does("delete", &format!("{target}\"delete-delay\":5"));
        stage.runs(200);
        assert!(stage.hears("b").is_empty(), "{target}");
    }
}

/// §7.2 rule 7: the source of the one put on hold, who hears it; its own settings apply.
#[test]
fn rule_7_2_7_reflected() {
    let mut stage = Stage::new();
    stage.tape("x.wav", 3);
    stage.connects("", "\"moh\":{\"file\":\"x.wav\",\"mode\":\"sendrecv\",\"connection\":\"zero\"}");
    let shown = a_holds(&mut stage, HOLD, "\"moh\":{\"mode\":\"reflect\"}");
    stage.runs(100);
    assert!(!stage.hears("b").is_empty());
    assert!(stage.hears("a").is_empty());
    assert_eq!(direction(&shown, 0), "sendrecv", "the settings of whom it is played to");
    assert!(lines(&shown).contains(&"c=IN IP4 0.0.0.0"));
    // Without a source of that one nothing is reflected, whatever the holder has.
    let mut stage = Stage::new();
    stage.tape("x.wav", 3);
    stage.connects(MUSIC, "");
    a_holds(&mut stage, HOLD, "\"moh\":{\"mode\":\"reflect\",\"file\":\"x.wav\"}");
    stage.runs(100);
    assert!(stage.hears("b").is_empty());
}

/// §7.3: `connection` = `zero` is about what is shown; the music goes where the held one receives.
#[test]
fn rule_7_3_a_zero_address_is_shown_and_music_plays() {
    let mut stage = Stage::new();
    stage.tape("x.wav", 50);
    stage.connects("\"moh\":{\"file\":\"x.wav\",\"connection\":\"zero\"}", "");
    let shown = a_holds(&mut stage, HOLD, "");
    let of_media: Vec<&str> = lines(&shown)
        .into_iter()
        .skip_while(|line| !line.starts_with("m="))
        .filter(|l| l.starts_with("c="))
        .collect();
    assert_eq!(of_media, ["c=IN IP4 0.0.0.0"]);
    assert_eq!(direction(&shown, 0), "sendonly");
    stage.runs(50);
    let before = stage.hears("b");
    stage.answer("a", "b", &(address("b") + "a=recvonly\n"), "");
    stage.runs(50);
    let heard = [before, stage.hears("b")].concat();
    in_order(&heard);
    assert_eq!(heard.len(), 6);
    let shown = a_holds(&mut stage, TALK, "");
    assert!(!lines(&shown).contains(&"c=IN IP4 0.0.0.0"));
}

/// Both hold each other: each hears the other's music, and each ends its own.
#[test]
fn both_sides_hold() {
    let mut stage = Stage::new();
    stage.tape("x.wav", 100);
    stage.tape("y.wav", 100);
    stage.connects(MUSIC, "\"moh\":{\"file\":\"y.wav\"}");
    a_holds(&mut stage, HOLD, "");
    stage.answer("a", "b", &(address("b") + "a=recvonly\n"), "");
    offers(&mut stage, ["b", "a"], INACTIVE, "");
    stage.answer("b", "a", &(address("a") + INACTIVE), "");
    stage.runs(100);
    assert_eq!([stage.hears("a").len(), stage.hears("b").len()], [6, 6]);
    // `a` comes back; `b` still holds.
    a_holds(&mut stage, TALK, "");
    stage.answer("a", "b", &(address("b") + HOLD), "");
    stage.hears("b");
    stage.runs(100);
    assert!(stage.hears("b").is_empty(), "its music has ended");
    assert_eq!(stage.hears("a").len(), 5);
    offers(&mut stage, ["b", "a"], TALK, "");
    stage.answer("b", "a", &address("a"), "");
    stage.hears("a");
    stage.runs(100);
    assert!(stage.hears("a").is_empty());
    stage.says("a", 1);
    stage.says("b", 2);
    assert_eq!([stage.hears("a").len(), stage.hears("b").len()], [1, 1]);
}

/// §7.3: somebody else plays already.
#[test]
fn rule_7_3_prevented_where_another_proxy_plays() {
    for prevent in [true, false] {
        let mut stage = Stage::new();
        stage.settings.moh_attribute = Some("held".into());
        stage.settings.moh_prevent_double = prevent;
        stage.tape("x.wav", 50);
        stage.connects(MUSIC, "");
        let sdp = address("a").replace("t=0 0\n", "t=0 0\na=held\n") + HOLD;
        let shown = stage.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &sdp, "");
        assert_eq!(lines(&shown).iter().filter(|line| **line == "a=held").count(), 1);
        stage.runs(100);
        assert_eq!(stage.hears("b").is_empty(), prevent);
    }
}

/// Unknown keys of the dictionary are told and ignored; an unknown value is too (§7.1).
#[test]
fn rule_7_1_what_is_not_known() {
    for spelling in ["moh", "MoH", "MOH"] {
        let mut stage = Stage::new();
        stage.tape("x.wav", 3);
        stage.connects(
            &format!("\"{spelling}\":{{\"file\":\"x.wav\",\"colour\":\"red\",\"mode\":\"upside-down\"}}"),
            "",
        );
        let shown = a_holds(&mut stage, HOLD, "");
        assert_eq!(direction(&shown, 0), "sendonly");
        stage.runs(100);
        assert!(!stage.hears("b").is_empty(), "{spelling}");
    }
}

/// An offer whose music cannot be played is refused and changes nothing (ng-control.md §13): nobody is on hold.
#[test]
fn an_offer_without_its_music_changes_nothing() {
    let mut stage = Stage::new();
    stage.connects("", "");
    let before = format!("{:?}", stage.does("query", ""));
    let sdp = format!("{:?}", address("a") + HOLD);
    let members =
        format!("\"from-tag\":\"a\",\"to-tag\":\"b\",\"sdp\":{sdp},\"moh\":{{\"file\":\"gone.wav\"}}");
    assert_eq!(stage.refused("offer", &members), "Failed to start media playback from file");
    assert_eq!(format!("{:?}", stage.does("query", "")), before);
    stage.says("b", 7);
    assert_eq!(stage.hears("a").len(), 1, "it still listens");
}
