//! §8: which way media flows.

use super::{AUDIO, Body, Talk};

fn offered(session: &[&str], media: &[&str], options: &str) -> Body {
    let head = ["v=0", "o=a 1 1 IN IP4 10.0.0.1", "s=-", "c=IN IP4 10.0.0.1"];
    Talk::new().offer(&[&head[..], session, AUDIO, media].concat(), options)
}

fn shown_directions(body: &Body) -> Vec<String> {
    let known = ["sendrecv", "sendonly", "recvonly", "inactive"];
    body.names(0).into_iter().filter(|name| known.contains(&name.as_str())).collect()
}

/// sdp.md §8 rule 1, §8 rule 2 and §8 rule 4: each name is looked up on its own, at both levels; one line comes out.
#[test]
fn received_directions() {
    let rows: [(&[&str], &[&str], &str); 11] = [
        (&[], &[], "sendrecv"),
        (&[], &["a=sendrecv"], "sendrecv"),
        (&[], &["a=sendonly"], "sendonly"),
        (&[], &["a=recvonly"], "recvonly"),
        (&[], &["a=inactive"], "inactive"),
        (&["a=recvonly"], &[], "recvonly"),
        (&["a=sendonly"], &["a=recvonly"], "recvonly"),
        (&["a=recvonly"], &["a=sendonly"], "recvonly"),
        (&["a=inactive"], &["a=sendrecv"], "inactive"),
        (&["a=inactive"], &["a=sendonly"], "sendonly"),
        (&[], &["a=inactive", "a=sendonly", "a=recvonly"], "recvonly"),
    ];
    for (session, media, expected) in rows {
        let shown = offered(session, media, "");
        assert_eq!(shown_directions(&shown), [expected], "{session:?} {media:?}");
    }
}

/// sdp.md §8 rule 2: also in answers; a later message replaces what an earlier one said.
#[test]
fn directions_are_passed_on_both_ways() {
    let mut talk = Talk::new();
    assert_eq!(talk.offer(&[AUDIO[0], "a=sendonly"], "").direction(0), "sendonly");
    assert_eq!(talk.answer(&["m=audio 5000 RTP/AVP 0", "a=recvonly"], "").direction(0), "recvonly");
    assert_eq!(talk.reoffer(AUDIO, "").direction(0), "sendrecv");
    assert_eq!(talk.answer(&["m=audio 5000 RTP/AVP 0"], "").direction(0), "sendrecv");
}

/// sdp.md §8 rule 3: a zero address takes "receive" away, also where it is replaced, not from a leg that trickles.
#[test]
fn a_zero_address_takes_receiving_away() {
    let rows = [
        ("a=sendrecv", "sendonly"),
        ("a=sendonly", "sendonly"),
        ("a=recvonly", "inactive"),
        ("a=inactive", "inactive"),
    ];
    for (received, expected) in rows {
        for options in ["", "'replace':['zero-address']"] {
            let shown = offered(&[], &["c=IN IP4 0.0.0.0", received], options);
            assert_eq!(shown_directions(&shown), [expected], "{received} {options}");
        }
        let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=ice-options:trickle"];
        let shown = offered(&[], &[&["c=IN IP4 0.0.0.0", received], &ice[..]].concat(), "'ICE':'remove'");
        assert_eq!(shown_directions(&shown), [&received[2..]], "{received} with trickle ICE");
    }
}

/// sdp.md §8 rule 4: also in a section that is not RTP on one side. §8 rule 5: nothing is generated with `original sendrecv`.
#[test]
fn original_directions() {
    let original = "'flags':['original-sendrecv']";
    assert!(shown_directions(&offered(&[], &[], original)).is_empty());
    let shown = offered(&[], &["a=sendonly", "a=X"], original);
    assert_eq!(shown.names(0), ["rtpmap", "X", "sendonly", "rtcp"]);
    let shown = offered(&["a=recvonly"], &["a=X"], original);
    assert_eq!(shown.names(0), ["rtpmap", "X", "recvonly", "rtcp"], "of the session");
    let shown = offered(&[], &["c=IN IP4 0.0.0.0", "a=sendrecv"], original);
    assert_eq!(shown_directions(&shown), ["sendrecv"], "rule 3 does not show");
}

/// sdp.md §8 rule 6: commands other than offer and answer.
#[test]
fn directions_of_other_commands() {
    for received in ["a=sendrecv", "a=sendonly"] {
        assert_eq!(Talk::new().publish(&[AUDIO[0], received], "").direction(0), "recvonly", "{received}");
    }
    let both = "'flags':['bidirectional']";
    assert_eq!(Talk::new().publish(&[AUDIO[0], "a=sendonly"], both).direction(0), "recvonly");
    assert_eq!(Talk::new().publish(&[AUDIO[0], "a=sendrecv"], both).direction(0), "sendrecv");
    assert_eq!(Talk::new().ask_for("create", "'from-tag':'a'").direction(0), "sendrecv");
    let rows = [
        ("a=sendrecv", "", "sendonly"),
        ("a=sendonly", "", "sendonly"),
        ("a=recvonly", "", "inactive"),
        ("a=inactive", "", "inactive"),
        ("a=sendrecv", "'flags':['inactive']", "inactive"),
        ("a=sendrecv", "'flags':['bidirectional']", "sendrecv"),
        ("a=sendonly", "'flags':['bidirectional']", "sendonly"),
        ("a=recvonly", "'flags':['bidirectional']", "recvonly"),
    ];
    for (received, options, expected) in rows {
        let mut talk = Talk::new();
        talk.offer(&[AUDIO[0], received], "");
        assert_eq!(talk.subscribe(options).direction(0), expected, "{received} {options}");
    }
}
