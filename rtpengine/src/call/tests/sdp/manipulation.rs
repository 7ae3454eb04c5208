//! §18 to §20: what the client has changed or removed, and SDP that comes back.

use super::{AUDIO, Body, Desk, Talk, from_a, json};

const SECTION: &[&str] = &["m=audio 4000 RTP/AVP 0", "a=X-one:a b", "a=X-two"];

/// sdp.md §18 row 1: at the end of the level, in order, with or without `a=`, out of reach of the other commands.
#[test]
fn attributes_are_added() {
    let options = "'sdp-attr':{'audio':{'add':['one','a=two:x y','one'],'remove':['one'],'substitute':[['two','three']]},\
        'none':{'add':['s1']},'global':{'add':['s2']},'video':{'add':['elsewhere']}}";
    for spelling in ["sdp-attr", "SDP-attr", "sdp attr", "SDP attr"] {
        let shown = Talk::new().offer(SECTION, &options.replace("sdp-attr", spelling));
        let section = shown.section(0);
        assert_eq!(section[section.len() - 3..], ["a=one", "a=two:x y", "a=one"], "{spelling}");
        assert_eq!(shown.session()[shown.session().len() - 2..], ["a=s1", "a=s2"], "{spelling}");
        assert!(!shown.0.contains("elsewhere"));
    }
    let commas = Talk::new().offer(SECTION, "'sdp-attr':{'audio':{'add':'one,two'}}");
    assert_eq!(commas.section(0)[7..], ["a=one", "a=two"], "{commas:?}");
    let mut talk = Talk::new();
    talk.offer(AUDIO, "");
    assert!(talk.answer(AUDIO, "'sdp-attr':{'audio':{'add':['in-answers']}}").has(0, "in-answers"));
    let published = Talk::new().publish(AUDIO, "'sdp-attr':{'audio':{'add':['in-others']}}");
    assert!(published.has(0, "in-others"));
}

/// sdp.md §18 row 2 and §18 row 3: removed or replaced as a whole, removal first; in lists of two or with `>`; case does not matter.
#[test]
fn attributes_are_removed_and_replaced() {
    let rows = [
        ("'remove':['x-ONE']", &["X-two"][..]),
        ("'remove':['X-one:a b']", &["X-two"]),
        ("'remove':['X-one:b']", &["X-one:a b", "X-two"]),
        ("'remove':['X']", &["X-one:a b", "X-two"]),
        ("'remove':['X-two','X-one']", &[]),
        ("'substitute':[['x-one','new:1']]", &["new:1", "X-two"]),
        ("'substitute':[['X-one','a=new'],['X-two','X-two:2']]", &["new", "X-two:2"]),
        ("'substitute':['X-two>new:3']", &["X-one:a b", "new:3"]),
        ("'substitute':['X-two'],'remove':['X-one']", &["X-two"]),
        ("'substitute':[['X-one','kept']],'remove':['X-one']", &["X-two"]),
        ("'remove':['X-one:a..b'],'substitute':[['X-two','new:a--b..c']]", &["new:a=b c"]),
    ];
    for (commands, expected) in rows {
        let shown = Talk::new().offer(SECTION, &format!("'sdp-attr':{{'audio':{{{commands}}}}}"));
        let section = shown.section(0);
        let passed: Vec<_> = section[3..section.len() - 2].iter().map(|line| &line[2..]).collect();
        assert_eq!(passed, expected, "{commands}");
    }
}

/// sdp.md §18 flags: the same as words, where an unknown level and a pair without `>` are only logged.
#[test]
fn manipulations_by_flags() {
    let flags = "'flags':['sdp-attr-add-audio-new:a--b..c','sdp-attr-remove-audio-x-one','sdp-attr-substitute-audio-X-two>X-2:x',\
        'sdp-attr-add-none-of-session','sdp-attr-add-hologram-x','sdp-attr-substitute-audio-X']";
    let mut talk = Talk::new();
    let shown = talk.offer(SECTION, flags);
    assert_eq!(shown.section(0)[3..], ["a=X-2:x", "a=sendrecv", "a=rtcp:RTCP", "a=new:a=b c"]);
    assert_eq!(shown.session().last(), Some(&"a=of-session"));
}

/// sdp.md §18 cuts: where each attribute is compared with what is to be removed, and what is not compared.
#[test]
fn cuts_of_attributes() {
    let mut talk = Talk::with_dtls();
    let received = [
        "m=audio 4000 RTP/AVP 0 101",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtcp-fb:0 nack pli",
        "a=ptime:20",
        "a=maxptime:40",
        "a=label:L",
        "a=mid:m",
        "a=extmap:3 urn:x",
        "a=ssrc:5 cname:q",
        "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
    ];
    let options = "'transport-protocol':'UDP/TLS/RTP/SAVP','ICE':'force','flags':['trickle-ICE','full-rtcp-attribute'],\
        'SDES':['nonew','lifetime']";
    let whole = talk.offer(&received, options);
    let value = |name: &str| format!("{name}:{}", whole.value(0, name).expect("present"));
    let candidate = whole.all(0, "candidate")[0].to_owned();
    let words: Vec<_> = candidate.split(' ').collect();
    let upto = |n: usize| format!("candidate:{}", words[..n].join(" "));
    let crypto = "crypto:7 AES_CM_128_HMAC_SHA1_80";
    let key = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";
    let rtcp = format!("rtcp:{}", whole.port(0) + 1);
    let fingerprint = value("fingerprint");
    let hash = fingerprint.split(' ').next().expect("a hash").to_owned();
    // What is to be removed, and how many lines go.
    let rows: Vec<(String, usize)> = vec![
        ("sendrecv".into(), 1),
        ("end-of-candidates".into(), 1),
        ("extmap-allow-mixed".into(), 1),
        ("mid".into(), 1),
        ("mid:m".into(), 1),
        ("label".into(), 1),
        ("label:L".into(), 1),
        ("setup".into(), 1),
        ("setup:actpass".into(), 1),
        ("ptime".into(), 1),
        ("ptime:20".into(), 1),
        ("maxptime".into(), 1),
        ("maxptime:40".into(), 1),
        ("ice-ufrag".into(), 1),
        (value("ice-ufrag"), 1),
        ("ice-pwd".into(), 1),
        (value("ice-pwd"), 1),
        ("ice-options".into(), 1),
        ("ice-options:trickle".into(), 1),
        ("extmap".into(), 1),
        ("extmap:3".into(), 0),
        ("extmap:3 urn:x".into(), 1),
        ("rtpmap".into(), 2),
        ("rtpmap:101".into(), 1),
        ("rtpmap:101 telephone-event/8000".into(), 1),
        ("rtpmap:101 telephone-event".into(), 0),
        ("fmtp".into(), 1),
        ("fmtp:101".into(), 1),
        ("fmtp:101 0-15".into(), 1),
        ("rtcp-fb".into(), 1),
        ("rtcp-fb:0".into(), 1),
        ("rtcp-fb:0 nack pli".into(), 1),
        ("rtcp-fb:0 nack".into(), 0),
        ("crypto".into(), 1),
        ("crypto:7".into(), 1),
        (crypto.into(), 1),
        (format!("{crypto} inline:"), 1),
        (format!("{crypto} inline:{key}"), 1),
        (format!("{crypto} inline:{key}|2^31"), 0),
        ("rtcp".into(), 1),
        (rtcp.clone(), 1),
        (format!("{rtcp} IN IP4 192.0.2.200"), 0),
        ("fingerprint".into(), 1),
        (hash, 1),
        (fingerprint, 0),
        ("tls-id".into(), 1),
        (value("tls-id"), 0),
        ("candidate".into(), 2),
        (upto(1), 2),
        (upto(2), 1),
        (upto(3), 1),
        (upto(4), 1),
        (upto(5), 0),
        (upto(6), 1),
        (upto(7), 0),
        (upto(8), 1),
        ("ssrc".into(), 1),
        ("ssrc:5 cname:q".into(), 1),
    ];
    for (text, gone) in rows {
        let shown =
            talk.offer(&received, &format!("{options},'sdp-attr':{{'audio':{{'remove':['{text}']}}}}"));
        assert_eq!(whole.section(0).len() - shown.section(0).len(), gone, "{text}: {shown:?}");
    }
}

/// sdp.md §18 cuts and §18 level: lines of the session: groups and unknown ones are of the session, ours of the first usable section's type.
#[test]
fn levels_of_session_lines() {
    let sdp = [
        "v=0",
        "o=a 1 1 IN IP4 10.0.0.1",
        "c=IN IP4 10.0.0.1",
        "a=X",
        "m=audio 0 RTP/AVP 0",
        "m=video 4000 RTP/AVP 31",
        "m=audio 4002 RTP/AVP 0",
    ];
    let options = "'flags':['loop-protect'],'ICE':'force','ICE-lite':'forward','bundle':['offer']";
    let lines = ["a=rtpengine:000000000000", "a=ice-lite", "a=group:BUNDLE 2 3", "a=X"];
    let shown = |level: &str, text: &str| {
        let more = format!("{options},'sdp-attr':{{'{level}':{{'remove':['{text}']}}}}");
        let body = Talk::new().offer(&sdp, &more);
        lines.map(|line| body.session().contains(&line))
    };
    let rows = [
        ("video", "rtpengine", [false, true, true, true]),
        ("video", "rtpengine:000000000000", [false, true, true, true]),
        ("audio", "rtpengine", [true; 4]),
        ("global", "rtpengine", [true; 4]),
        ("video", "ice-lite", [true, false, true, true]),
        ("global", "ice-lite", [true; 4]),
        ("global", "group", [true, true, false, true]),
        ("none", "group:BUNDLE", [true, true, false, true]),
        ("none", "group:BUNDLE 2 3", [true, true, false, true]),
        ("none", "group:BUNDLE 2", [true; 4]),
        ("video", "group", [true; 4]),
        ("global", "X", [true, true, true, false]),
        ("video", "X", [true; 4]),
    ];
    for (level, text, expected) in rows {
        assert_eq!(shown(level, text), expected, "{level} {text}");
    }
    let groups = ["v=0", "c=IN IP4 10.0.0.1", "a=group:LS 1", "m=video 4000 RTP/AVP 31"];
    for (level, kept) in [("video", false), ("global", true)] {
        let options = format!("'ICE':'force-relay','sdp-attr':{{'{level}':{{'remove':['group']}}}}");
        let body = Talk::new().offer(&groups, &options);
        assert_eq!(body.session().contains(&"a=group:LS 1"), kept, "{level}");
    }
}

/// sdp.md §18 level: sections by type; only attributes, and only their text: what we do is not affected.
#[test]
fn levels_of_sections() {
    let sdp = [
        "m=audio 4000 RTP/AVP 0",
        "a=X",
        "m=image 4002 udptl t38",
        "a=X",
        "m=message 4004 TCP/MSRP *",
        "a=X",
    ];
    for (level, expected) in [
        ("audio", [false, true, true]),
        ("image", [true, false, true]),
        ("message", [true, true, false]),
        ("text", [true; 3]),
        ("application", [true; 3]),
        ("global", [true; 3]),
    ] {
        let shown = Talk::new().offer(&sdp, &format!("'sdp-attr':{{'{level}':{{'remove':['X']}}}}"));
        assert_eq!([0, 1, 2].map(|n| shown.has(n, "X")), expected, "{level}");
    }
    let mut talk = Talk::new();
    let hidden = "'sdp-attr':{'audio':{'substitute':[['sendrecv','inactive']],'remove':['c=IN','m=audio']}}";
    let shown = talk.offer(AUDIO, hidden);
    assert_eq!(shown.direction(0), "inactive");
    talk.answer(AUDIO, "");
    assert_eq!(talk.subscribe("").direction(0), "sendonly", "media flows");
}

/// sdp.md §18 errors, §19: values that cannot be understood are refused.
#[test]
fn values_that_are_refused() {
    let rows = [
        ("'sdp-attr':'x'", "wrong type used"),
        ("'sdp-attr':['x']", "wrong type used"),
        ("'sdp-attr':{'audio':'x'}", "wrong content given"),
        ("'sdp-attr':{'hologram':{'add':['x']}}", "unsupported sdp section"),
        ("'sdp-attr':{'audio':{'explode':['x']}}", "unknown manipulation command"),
        ("'sdp-media-remove':['hologram']", "unsupported sdp section"),
        ("'sdp-media-remove':{'audio':'x'}", "wrong type used"),
    ];
    for (options, error) in rows {
        let mut talk = Talk::new();
        assert_eq!(talk.refused_offer(AUDIO, options), error, "{options}");
        assert!(talk.call.signalling.parties.is_empty(), "nothing happened: {options}");
    }
}

const THREE: &[&str] =
    &["m=video 4000 RTP/AVP 96", "a=mid:v", "m=audio 4002 RTP/AVP 0", "m=foo 4004 RTP/AVP 97"];

fn sections(body: &Body) -> Vec<String> {
    (0..body.sections()).map(|n| body.media(n)).collect()
}

/// sdp.md §19: the section is not there for the receiver, whose sections move up, and comes back rejected to the sender.
#[test]
fn sections_are_removed() {
    for key in
        ["sdp-media-remove", "sdp_media_remove", "sdp media remove", "SDP-media-remove", "SDP_media_remove"]
    {
        let mut talk = Talk::new();
        let shown = talk.offer(THREE, &format!("'{key}':['video','other'],'flags':['generate-mid']"));
        assert_eq!(sections(&shown), ["m=audio PORT RTP/AVP 0"], "{key}");
        assert_eq!(shown.value(0, "mid"), Some("1"));
        let back = talk.answer(&["m=audio 5000 RTP/AVP 0"], "");
        assert_eq!(back.section(0), ["m=video 0 RTP/AVP 96", "c=IN IP4 0.0.0.0", "a=mid:v"]);
        assert_eq!(back.media(1), "m=audio PORT RTP/AVP 0");
        assert_eq!(back.section(2), ["m=foo 0 RTP/AVP 97", "c=IN IP4 0.0.0.0"]);
        assert_eq!(talk.ports.open.len(), 4, "no ports for the others");
    }
    let all = Talk::new().offer(
        &["m=image 4000 udptl t38", "m=text 4002 RTP/AVP 98", "m=audio 4004 RTP/AVP 0"],
        "'sdp-media-remove':['image','text']",
    );
    assert_eq!(sections(&all), ["m=audio PORT RTP/AVP 0"]);
    let mut talk = Talk::new();
    talk.offer(THREE, "");
    let back = talk.answer(
        &["m=video 5000 RTP/AVP 96", "m=audio 5002 RTP/AVP 0", "m=foo 5004 RTP/AVP 97"],
        "'sdp-media-remove':['video']",
    );
    assert!(back.port(0) != 0, "only offers");
}

/// sdp.md §20: our mark in every session sends the body back as it is, before anything happens; foreign marks vanish.
#[test]
fn loops() {
    let mut talk = Talk::new();
    let shown = talk.offer(AUDIO, "'flags':['loop protect']");
    assert_eq!(shown.session().last(), Some(&"a=rtpengine:000000000000"));
    let marked = ["v=0", "c=IN IP4 10.0.0.1", "a=rtpengine:000000000000", "m=audio 4000 RTP/AVP 0"];
    let mut talk = Talk::new();
    let same = talk.offer(&marked, "'flags':['loop-protect']");
    assert_eq!(same.0, from_a(&marked).replace('\n', "\r\n"));
    assert!(talk.call.signalling.parties.is_empty() && talk.ports.open.is_empty());
    assert!(talk.offer(&marked, "").port(0) >= 30000, "only with the flag");

    let unmarked = ["v=0", "c=IN IP4 10.0.0.1", "m=audio 4002 RTP/AVP 0"];
    let half = [&marked[..], &unmarked].concat();
    assert_eq!(Talk::new().offer(&half, "'flags':['loop-protect']").sections(), 2, "in every session");
    let at_section = ["v=0", "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 0", "a=rtpengine:000000000000"];
    assert!(Talk::new().offer(&at_section, "'flags':['loop-protect']").port(0) >= 30000, "at session level");
    let foreign = ["v=0", "c=IN IP4 10.0.0.1", "a=rtpengine:111111111111", "m=audio 4000 RTP/AVP 0"];
    let shown = Talk::new().offer(&foreign, "");
    assert!(!shown.0.contains("rtpengine:"), "{shown:?}");
    let mut talk = Talk::new();
    let done = talk.exchange(
        "publish",
        &json("'from-tag':'a'"),
        &from_a(&marked),
        &json("'flags':['loop-protect']"),
    );
    assert_eq!(Desk::error(&done), "none");
    assert!(talk.ports.open.is_empty(), "publish as well");
}
