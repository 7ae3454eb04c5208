//! The rules of `sdp.md` §4 to §24, each named by a test of this folder or listed in [`ELSEWHERE`] with where it is looked at.
//!
//! Rules without a number in the specification (rows of tables, points of lists) are counted in their order.

use std::collections::HashSet;

/// Every rule with what it is about.
const RULES: &[(&str, &str)] = &[
    ("§4 row 1", "v=0"),
    ("§4 row 2", "o="),
    ("§4 row 3", "s="),
    ("§4 row 4", "i= u= e= p="),
    ("§4 row 5", "b= in its order; not for subscribe request"),
    ("§4 row 6", "t="),
    ("§4 row 7", "a=rtpengine"),
    ("§4 row 8", "the attribute of music on hold"),
    ("§4 row 9", "a=ice-lite"),
    ("§4 row 10", "a=group"),
    ("§4 row 11", "unknown attributes of a single source"),
    ("§4 row 12", "attributes added by sdp-attr"),
    ("§4 no source", "what stands without a source party"),
    ("§4 no socket", "no section with a local socket"),
    ("§5 row 1", "m="),
    ("§5 row 2", "i="),
    ("§5 row 3", "c="),
    ("§5 row 4", "b="),
    ("§5 row 5", "a=mid"),
    ("§5 row 6", "a=label"),
    ("§5 row 7", "a=bundle-only"),
    ("§5 stop", "an inactive section ends after row 7"),
    ("§5 row 8", "codecs"),
    ("§5 row 9", "header extensions"),
    ("§5 row 10", "unknown attributes"),
    ("§5 row 11", "direction"),
    ("§5 row 12", "a=rtcp and a=rtcp-mux"),
    ("§5 row 13", "a=crypto"),
    ("§5 row 14", "DTLS"),
    ("§5 row 15", "a=ptime and a=maxptime"),
    ("§5 row 16", "ICE credentials"),
    ("§5 row 17", "a=ice-options"),
    ("§5 row 18", "candidates"),
    ("§5 row 19", "a=end-of-candidates"),
    ("§5 row 20", "attributes added by sdp-attr"),
    ("§5.1 regenerated", "attributes made anew"),
    ("§5.1 passed", "attributes passed as text"),
    ("§5.1 dropped", "attributes that vanish"),
    ("§5.2 case 1", "message: the source's own port and address"),
    ("§5.2 case 2", "force-relay: the source's own port and address"),
    ("§5.2 case 3", "passthrough: the source's own port and address"),
    ("§5.2 case 4", "no RTP on both sides: our port and address"),
    ("§5.2 order", "the order of a copied section"),
    ("§6.1 USER", "user name of o="),
    ("§6.1 ID", "session id of o="),
    ("§6.1 VERSION", "version of o="),
    ("§6.1 ADDR", "address of o="),
    ("§6.1 note 1", "the network type is IN"),
    ("§6.1 note 2", "media address leaves o= alone"),
    ("§6.1 note 3", "origin in the middle of a call"),
    ("§6.1 note 4", "versions count changes of the body"),
    ("§6.1 replace", "values of replace and their spellings"),
    ("§6.2", "s= and the session name"),
    ("§6.3", "t= i= u= e= p= b= follow each SDP of the source"),
    ("§7.1 rule 1", "base address: media address, else ours"),
    ("§7.1 rule 2", "inactive: unspecified"),
    ("§7.1 rule 3", "zero address mark"),
    ("§7.1 rule 4", "else the base address"),
    ("§7.1 mark", "when a stream is marked as one without address"),
    ("§7.2 rule 1", "the local port; RTCP follows"),
    ("§7.2 rule 2", "port 0"),
    ("§7.2 rule 3", "a copied section's port"),
    ("§7.2 stability", "when ports change"),
    ("§7.2 restart", "a port change restarts ICE"),
    ("§7.3", "rejected sections"),
    ("§7.4 rule 1", "family of the sender"),
    ("§7.4 rule 2", "family of the receiver"),
    ("§7.4 rule 3", "interfaces"),
    ("§7.4 rule 4", "bridging"),
    ("§8 rule 1", "received directions"),
    ("§8 rule 2", "passed on"),
    ("§8 rule 3", "a zero address takes receive away"),
    ("§8 rule 4", "exactly one line"),
    ("§8 rule 5", "original sendrecv"),
    ("§8 rule 6", "publish, create, subscribe"),
    ("§9.1 forms", "spellings of a=rtcp"),
    ("§9.1 rule 1", "mux only"),
    ("§9.1 rule 2", "an RTCP port"),
    ("§9.1 rule 3", "else nothing"),
    ("§9.2 table", "the matrix"),
    ("§9.2 kept", "a mux flag that is still set"),
    ("§9.2 re-offer", "no fallback port"),
    ("§9.2 ports", "ports opened"),
    ("§10", "names of protocols"),
    ("§10.1 rule 1", "the sender's protocol changes"),
    ("§10.1 rule 2", "unset: the sender's; else remembered"),
    ("§10.1 rule 3", "transport protocol"),
    ("§10.1 rule 4", "OSRTP=offer"),
    ("§10.1 rule 5", "the T.38 gateway"),
    ("§10.1 table", "translations"),
    ("§10.1 words", "flag words that make a protocol"),
    ("§10.1 WebRTC", "the flag WebRTC"),
    ("§11.1", "OSRTP passed through"),
    ("§11.2", "OSRTP=offer and accept-RFC"),
    ("§11.3 merge", "duplicate sections merge on input"),
    ("§11.3 output", "a bare line before or after"),
    ("§11.3 offer", "offer-legacy"),
    ("§12.1", "suites in their order"),
    ("§12.2", "the line"),
    ("§12.3 row 1", "off"),
    ("§12.3 row 2", "session parameters set"),
    ("§12.3 row 3", "session parameters cleared"),
    ("§12.3 row 4", "no-SUITE and only-SUITE"),
    ("§12.3 row 5", "nonew"),
    ("§12.3 row 6", "order"),
    ("§12.3 row 7", "offerer_pref"),
    ("§12.3 row 8", "lifetime, pad, static, prefer"),
    ("§12.4 rule 1", "a receiver without SRTP"),
    ("§12.4 rule 2", "the flags of a leg"),
    ("§12.4 rule 3", "the list of an offer"),
    ("§12.4 rule 4", "session parameters, order"),
    ("§12.5 rule 1", "DTLS wins"),
    ("§12.5 rule 2", "static"),
    ("§12.5 rule 3", "the candidate"),
    ("§12.5 rule 4", "its key"),
    ("§12.5 rule 5", "the key stays with the suite"),
    ("§12.5 rule 6", "one line"),
    ("§12.6", "offerer_pref"),
    ("§12.7", "lists after reception"),
    ("§13.1 lines", "setup, fingerprint, tls-id"),
    ("§13.1 hash", "which hash"),
    ("§13.2 roles", "roles mirror what was received"),
    ("§13.2 point 1", "offers print actpass"),
    ("§13.2 point 2", "usable DTLS"),
    ("§13.2 point 3", "actpass in an answer"),
    ("§13.2 point 4", "values of DTLS"),
    ("§13.2 point 5", "SDES=prefer"),
    ("§13.2 point 6", "restart of the association"),
    ("§13.2 point 7", "holdconn"),
    ("§13.2 point 8", "the flags are per party"),
    ("§14.1", "values of ICE and ICE-lite"),
    ("§14.2 row 1", "none, default"),
    ("§14.2 row 2", "remove"),
    ("§14.2 row 3", "force, optional, force-relay"),
    ("§14.2 sender", "the sender's ICE"),
    ("§14.2 reject", "reject ICE"),
    ("§14.2 answer", "the offerer keeps its ICE"),
    ("§14.2 reset", "reset"),
    ("§14.3", "passthrough mode"),
    ("§14.4 credentials", "ufrag and pwd"),
    ("§14.4 options", "ice-options"),
    ("§14.4 end", "end-of-candidates"),
    ("§14.4 candidates", "candidate lines"),
    ("§14.4 priority", "priorities"),
    ("§14.4 completed", "after ICE completed"),
    ("§14.5", "candidates of copied sections"),
    ("§14.6 roles", "controlling and lite"),
    ("§14.6 restart", "restart by the peer or a new interface"),
    ("§14.7", "trickle fragments"),
    ("§15.1 rule 1", "mids of an offer"),
    ("§15.1 rule 2", "mids of an answer"),
    ("§15.1 rule 3", "sections by mid or index"),
    ("§15.2", "options of BUNDLE"),
    ("§15.3 flag", "the flag of a party"),
    ("§15.3 groups", "assignment from the received groups"),
    ("§15.3 unbundle", "what takes a section out"),
    ("§15.4 point 1", "group lines"),
    ("§15.4 point 2", "other commands"),
    ("§15.4 point 3", "offer"),
    ("§15.4 point 4", "require"),
    ("§15.4 point 5", "strict"),
    ("§15.4 point 6", "shared transport"),
    ("§15.4 point 7", "accept and the MID extension"),
    ("§16 rule 1", "the sender's list"),
    ("§16 rule 2", "the receiver's list"),
    ("§16 rule 3", "ids"),
    ("§16 rule 4", "extmap-allow-mixed"),
    ("§17.1", "formats"),
    ("§17.2 rtpmap", "rtpmap lines"),
    ("§17.2 fmtp", "fmtp lines"),
    ("§17.2 rtcp-fb", "rtcp-fb lines"),
    ("§17.3 ptime", "ptime"),
    ("§17.3 maxptime", "maxptime"),
    ("§17.4", "label"),
    ("§17.5", "the section of a T.38 gateway"),
    ("§18 row 1", "add"),
    ("§18 row 2", "remove"),
    ("§18 row 3", "substitute"),
    ("§18 flags", "forms in flags"),
    ("§18 cuts", "where an attribute is compared"),
    ("§18 level", "which level decides"),
    ("§18 errors", "what is refused"),
    ("§19", "sdp-media-remove"),
    ("§20", "loop protection"),
    ("§21 start", "when music on hold starts"),
    ("§21 point 1", "the session attribute"),
    ("§21 point 2", "connection=zero"),
    ("§21 point 3", "mode=sendrecv"),
    ("§21 double", "moh-prevent-double-hold"),
    ("§22 row 1", "publish"),
    ("§22 row 2", "subscribe request"),
    ("§22 row 3", "create"),
    ("§22 row 4", "subscribe answer, create answer"),
    ("§22 row 5", "transform"),
    ("§23.1", "an offer"),
    ("§23.2", "an answer"),
    ("§23.3", "the same party offers again"),
    ("§23.4", "the other side offers"),
    ("§24", "errors"),
];

/// Rules that no test of this folder can look at, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "§14.4 completed",
        "ICE completes with packets: daemon/webrtc.rs, a_later_offer_shows_only_what_ice_chose",
    ),
    ("§10.1 rule 5", "there is no T.38 gateway yet"),
    (
        "§17.5",
        "there is no T.38 gateway yet; its lines: rtpengine-common, sdp/out/tests/rows.rs, t38_gateway_rows",
    ),
    (
        "§4 row 8",
        "nothing plays music on hold yet; its place: sdp/out/tests/rows.rs, every_session_row_in_order",
    ),
    ("§21 start", NO_MUSIC),
    ("§21 point 1", NO_MUSIC),
    ("§21 point 2", NO_MUSIC),
    ("§21 point 3", NO_MUSIC),
    ("§21 double", NO_MUSIC),
];

const NO_MUSIC: &str = "nothing plays music on hold yet";

const FILES: &[(&str, &str)] = &[
    ("examples.rs", include_str!("examples.rs")),
    ("layout.rs", include_str!("layout.rs")),
    ("origin.rs", include_str!("origin.rs")),
    ("addresses.rs", include_str!("addresses.rs")),
    ("direction.rs", include_str!("direction.rs")),
    ("rtcp.rs", include_str!("rtcp.rs")),
    ("protocol.rs", include_str!("protocol.rs")),
    ("sdes.rs", include_str!("sdes.rs")),
    ("dtls.rs", include_str!("dtls.rs")),
    ("ice.rs", include_str!("ice.rs")),
    ("bundle.rs", include_str!("bundle.rs")),
    ("codecs.rs", include_str!("codecs.rs")),
    ("manipulation.rs", include_str!("manipulation.rs")),
    ("commands.rs", include_str!("commands.rs")),
    ("dialogues.rs", include_str!("dialogues.rs")),
];

/// Whether `text` names the rule as a whole: `§7.1 rule 1` is not in `§7.1 rule 12`, nor `§6.2` in `§6.2.1`.
fn names(text: &str, rule: &str) -> bool {
    text.match_indices(rule).any(|(at, _)| {
        let mut after = text[at + rule.len()..].chars();
        match after.next() {
            Some(next) if next.is_ascii_digit() => false,
            Some('.') => !after.next().is_some_and(|digit| digit.is_ascii_digit()),
            _ => true,
        }
    })
}

#[test]
fn every_rule_has_a_test() {
    let untested: Vec<_> = RULES
        .iter()
        .filter(|(rule, _)| !ELSEWHERE.iter().any(|(known, _)| known == rule))
        .filter(|(rule, _)| !FILES.iter().any(|(_, text)| names(text, rule)))
        .collect();
    assert!(untested.is_empty(), "{} rules without a test: {untested:#?}", untested.len());
}

#[test]
fn the_lists_of_rules_fit_together() {
    let mut seen = HashSet::new();
    assert!(RULES.iter().all(|(rule, text)| seen.insert(rule) && !text.is_empty()), "a rule is listed twice");
    for (rule, reason) in ELSEWHERE {
        assert!(seen.contains(rule), "{rule} is no rule");
        assert!(!FILES.iter().any(|(_, text)| names(text, rule)), "{rule} has a test here");
        assert!(reason.len() > 20, "{rule}: why?");
    }
}

#[test]
fn rules_are_named_as_a_whole() {
    assert!(names("sdp.md §7.1 rule 1: …", "§7.1 rule 1"));
    assert!(!names("sdp.md §7.1 rule 12", "§7.1 rule 1"));
    assert!(!names("sdp.md §6.2.1", "§6.2"));
    assert!(names("sdp.md §6.2.", "§6.2"));
}
