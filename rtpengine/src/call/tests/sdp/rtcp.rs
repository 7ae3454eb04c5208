//! §9: RTCP, and whether it has a port of its own.

use super::{AUDIO, Body, Talk, play};

const MUX: &[&str] = &["m=audio 4000 RTP/AVP 0", "a=rtcp-mux"];

/// How section 0 shows RTCP: not at all, a port of its own, mux with such a port, or mux alone.
fn shown(body: &Body) -> &'static str {
    let port = body.port(0).to_string();
    let next = (body.port(0) + 1).to_string();
    match (body.value(0, "rtcp"), body.has(0, "rtcp-mux")) {
        (None, false) => "nothing",
        (Some(rtcp), false) if rtcp == next => "no mux",
        (Some(rtcp), true) if rtcp == next => "mux and a port",
        (Some(rtcp), true) if rtcp == port => "mux only",
        other => panic!("{other:?} in {body:?}"),
    }
}

/// sdp.md §9.1 forms: spellings of `a=rtcp`. §9.1 rule 1, §9.1 rule 2, §9.1 rule 3: which port it has.
#[test]
fn spellings() {
    let head = ["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=sendrecv"];
    let with = |rest: &[&'static str]| [&head[..], rest].concat();
    play(&[
        ("§9.1 forms: the port; §9.1 rule 2: that of RTCP", AUDIO, "", &with(&["a=rtcp:RTCP"])),
        ("§9.1 forms: full", AUDIO, "'flags':['full-rtcp-attribute']", &with(&["a=rtcp:RTCP IN IP4 HERE"])),
        (
            "§9.1 forms: full, with the media address",
            AUDIO,
            "'flags':['full-rtcp-attribute'],'media-address':'192.0.2.200'",
            &with(&["a=rtcp:RTCP IN IP4 HERE"]),
        ),
        ("§9.1 forms: none, mux is unaffected", MUX, "'flags':['no-rtcp-attribute']", &with(&["a=rtcp-mux"])),
        ("§9.1 rule 2: mux and a port to fall back on", MUX, "", &with(&["a=rtcp:RTCP", "a=rtcp-mux"])),
        ("§9.1 rule 1: mux only", AUDIO, "'rtcp-mux':['require']", &with(&["a=rtcp:PORT", "a=rtcp-mux"])),
        (
            "§9.1 rule 1: mux only, full",
            AUDIO,
            "'rtcp-mux':['require'],'flags':['full-rtcp-attribute']",
            &with(&["a=rtcp:PORT IN IP4 HERE", "a=rtcp-mux"]),
        ),
        (
            "§9.1 rule 3: not RTP",
            &["m=image 4000 udptl t38"],
            "'flags':['full-rtcp-attribute']",
            &["m=image PORT udptl t38", "c=IN IP4 HERE"],
        ),
    ]);
    let media_address = "'flags':['full-rtcp-attribute'],'media-address':'2001:db8::7'";
    let body = Talk::new().offer(AUDIO, media_address);
    assert!(body.value(0, "rtcp").is_some_and(|rtcp| rtcp.ends_with(" IN IP6 2001:db8::7")), "{body:?}");
}

/// sdp.md §9.1 rule 1: in an answer, publish and create there is no fallback, and no RTCP component in ICE.
#[test]
fn mux_is_settled_in_answers() {
    let components = |body: &Body| {
        body.all(0, "candidate")
            .iter()
            .map(|line| line.split(' ').nth(1).unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
    let sdp = [MUX, &ice].concat();
    let mut talk = Talk::new();
    let offered = talk.offer(&sdp, "");
    assert_eq!((shown(&offered), components(&offered).join(" ").as_str()), ("mux and a port", "1 2"));
    let answered = talk.answer(&sdp, "");
    assert_eq!((shown(&answered), components(&answered).join(" ").as_str()), ("mux only", "1"));
    let published = Talk::new().publish(&sdp, "");
    assert_eq!((shown(&published), components(&published).join(" ").as_str()), ("mux only", "1"));
    let required = Talk::new().offer(&sdp, "'rtcp-mux':['require']");
    assert_eq!((shown(&required), components(&required).join(" ").as_str()), ("mux only", "1"));
    let created = Talk::new().ask_for("create", "'from-tag':'a','rtcp-mux':['offer']");
    assert_eq!(shown(&created), "mux only");
}

/// sdp.md §9.1 rule 2: `force-relay` shows no RTCP port of ours, were it not copied anyway.
#[test]
fn force_relay_has_no_port_of_ours() {
    assert_eq!(shown(&Talk::new().offer(AUDIO, "'ICE':'force-relay'")), "nothing");
    assert_eq!(shown(&Talk::new().publish(AUDIO, "'ICE':'force-relay'")), "nothing");
}

/// sdp.md §9.2 table: what the sender offers, options, what the receiver sees, whether it answers mux, what the sender sees.
#[test]
fn the_matrix() {
    let rows = [
        (false, "", "no mux", false, "no mux"),
        (false, "'accept'", "no mux", false, "no mux"),
        (false, "'reject'", "no mux", false, "no mux"),
        (false, "'demux'", "no mux", true, "no mux"),
        (false, "'offer'", "mux and a port", true, "no mux"),
        (false, "'offer'", "mux and a port", false, "no mux"),
        (false, "'require'", "mux only", true, "no mux"),
        (false, "'require'", "mux only", false, "no mux"),
        (true, "", "mux and a port", true, "mux only"),
        (true, "'offer'", "mux and a port", true, "mux only"),
        (true, "", "mux and a port", false, "no mux"),
        (true, "'offer'", "mux and a port", false, "no mux"),
        (true, "'require'", "mux only", true, "mux only"),
        (true, "'require'", "mux only", false, "no mux"),
        (true, "'demux'", "no mux", false, "mux only"),
        (true, "'demux'", "no mux", true, "mux only"),
        (true, "'demux','reject'", "no mux", false, "no mux"),
        (true, "'accept'", "mux and a port", false, "mux only"),
        (true, "'accept','offer'", "mux and a port", true, "mux only"),
        (true, "'accept','require'", "mux only", false, "mux only"),
        (true, "'reject'", "mux and a port", true, "no mux"),
        (true, "'reject','offer'", "mux and a port", true, "no mux"),
        (true, "'reject','require'", "mux only", true, "no mux"),
    ];
    for (offers, options, towards_b, answers, towards_a) in rows {
        let sdp = |mux| if mux { MUX } else { AUDIO };
        let mut talk = Talk::new();
        let offered = talk.offer(sdp(offers), &format!("'rtcp-mux':[{options}]"));
        assert_eq!(shown(&offered), towards_b, "{offers} {options}");
        let answered = talk.answer(sdp(answers), "");
        assert_eq!(shown(&answered), towards_a, "{offers} {options} {answers}");
    }
}

/// sdp.md §9.2: the option in a string, and as flags; not in answers.
#[test]
fn spellings_of_the_option() {
    for options in ["'rtcp-mux':'require'", "'RTCP-mux':['require']", "'flags':['rtcp-mux-require']"] {
        assert_eq!(shown(&Talk::new().offer(AUDIO, options)), "mux only", "{options}");
    }
    let mut talk = Talk::new();
    talk.offer(MUX, "");
    assert_eq!(
        shown(&talk.answer(MUX, "'rtcp-mux':['reject','demux']")),
        "mux only",
        "§9.2 table: only offers"
    );
    talk.answer(MUX, "");
    assert_eq!(shown(&talk.subscribe("'rtcp-mux':['require']")), "mux only");
}

/// sdp.md §9.2 kept: an offer that has not been answered left its mark; §9.2 re-offer: nor does a party that muxes get a port to fall back on.
#[test]
fn a_receiver_that_muxes() {
    let mut talk = Talk::new();
    assert_eq!(shown(&talk.offer(MUX, "")), "mux and a port");
    let two = [MUX, &["m=audio 4002 RTP/AVP 0"]].concat();
    let again = talk.offer(&two, "");
    assert_eq!(shown(&again), "mux only", "an earlier offer");
    assert_eq!(
        again.value(1, "rtcp"),
        Some(again.port(1).to_string().as_str()),
        "require is on for what follows"
    );

    let mut talk = Talk::new();
    talk.offer(MUX, "");
    talk.answer(MUX, "");
    assert_eq!(shown(&talk.reoffer(AUDIO, "")), "mux only", "its own answer");
    // The mark that is still set counts like `require`, which goes before `demux`.
    assert_eq!(shown(&talk.reoffer(MUX, "'rtcp-mux':['demux']")), "mux only");
}

/// sdp.md §9.2 ports: how many are open, towards `b` and, after the answer, in all.
#[test]
fn ports_that_are_opened() {
    let udptl = &["m=image 4000 udptl t38"][..];
    let rows = [
        (AUDIO, "", 4, AUDIO, 4),
        (MUX, "", 4, MUX, 2),
        (MUX, "", 4, AUDIO, 4),
        (AUDIO, "'require'", 3, MUX, 3),
        (MUX, "'require'", 3, MUX, 2),
        (MUX, "'demux'", 3, AUDIO, 3),
        (MUX, "'accept'", 3, AUDIO, 3),
        (udptl, "'require'", 4, udptl, 4),
    ];
    for (offer, options, opened, answer, left) in rows {
        let mut talk = Talk::new();
        talk.offer(offer, &format!("'rtcp-mux':[{options}]"));
        assert_eq!(talk.ports.open.len(), opened, "{offer:?} {options}");
        talk.answer(answer, "");
        assert_eq!(talk.ports.open.len(), left, "{offer:?} {options} {answer:?}");
    }
    let mut talk = Talk::new();
    talk.publish(MUX, "");
    assert_eq!(talk.ports.open.len(), 1);
}
