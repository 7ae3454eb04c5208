//! The kinds of difference to rtpengine 10.5.3 that the specification asks for, each with its rule, and those that are
//! known and open. A kind in neither table is a failure.

use super::compare::{Difference, name_number};

/// One accepted kind.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The kind; one `*` stands for anything.
    pub kind: &'static str,
    /// Which of its differences; others of the same kind still fail.
    pub when: fn(&Difference) -> bool,
    /// The rule.
    pub rule: &'static str,
}

/// The table.
pub const TABLE: &[Accepted] = &[
    Accepted {
        kind: "rejected section a=* only the peer's",
        when: always,
        rule: "sdp.md 5: a rejected section ends after its label",
    },
    Accepted {
        kind: "rejected section address",
        when: |difference| ["0.0.0.0", "::"].contains(&difference.ours.as_str()),
        rule: "sdp.md 7.1(2): the unspecified address in a rejected section",
    },
    Accepted {
        kind: "rejected section formats",
        when: always,
        rule: "sdp.md 17.1: a rejected section shows the stored format text",
    },
    Accepted {
        kind: "held section *",
        when: |difference| {
            difference.kind != "held section port"
                || name_number(&difference.ours) < name_number(&difference.peers)
        },
        rule: "ng-control.md 10.6(2a): a party that does not receive keeps its ports",
    },
    Accepted {
        kind: "latched section *",
        when: always,
        rule: "media-plane.md 1.6(2): a set kept by latching keeps its remembered endpoint, or its being a wildcard",
    },
    Accepted {
        kind: "section emptied by the peer",
        when: always,
        rule: "codecs.md 5.8: a list that options empty is restored",
    },
    Accepted {
        kind: "session o=",
        when: |difference| without_last_word(&difference.ours) == without_last_word(&difference.peers),
        rule: "sdp.md 6.1 note 3: with `origin` the address emitted before stays",
    },
    Accepted {
        kind: "section companion *",
        when: always,
        rule: "codecs.md 9: companions change only at the clock rates that codec options touch",
    },
    Accepted {
        kind: "section a=fmtp value",
        when: |difference| {
            difference.ours.replace("stereo=1; ", "").replace("stereo=0; ", "") == difference.peers
        },
        rule: "codecs.md 17.2(3): an answer of opus that is transcoded says stereo",
    },
    Accepted {
        kind: "section a=fmtp value",
        when: |difference| without_added_opus(&difference.ours) == without_added_opus(&difference.peers),
        rule: "codecs.md 1.1: opus from a codec string has `useinbandfec=1`",
    },
    Accepted {
        kind: "section a=fmtp only ours",
        when: |difference| without_added_opus(&difference.ours).is_empty(),
        rule: "codecs.md 1.1: opus from a codec string has `useinbandfec=1`",
    },
    Accepted {
        kind: "section formats",
        when: |difference| difference.ours.strip_prefix(&difference.peers) == Some(" 96"),
        rule: "codecs.md 5.1(1): marks come from the previous list alone, so what was added earlier and is offered now is answered",
    },
    Accepted {
        kind: "section a=rtpmap value",
        when: |difference| difference.ours.strip_prefix(&difference.peers) == Some("; 96 opus/48000/2"),
        rule: "codecs.md 5.1(1): marks come from the previous list alone, so what was added earlier and is offered now is answered",
    },
    Accepted {
        kind: "section a=rtcp-fb only ours",
        when: |difference| difference.ours == "96 transport-cc",
        rule: "codecs.md 5.1(4), 5.6: `transcode` puts a former codec of the receiver back as it was",
    },
    Accepted {
        kind: "query *media flag ptime-override only ours",
        when: always,
        rule: "ng-control.md 12.3: a flag that the older program does not print",
    },
    Accepted {
        kind: "query closed media flag transcoding only the peer's",
        when: always,
        rule: "ng-control.md 10.5(3): a rejected section has no packets to transcode",
    },
    Accepted {
        kind: "query closed media flag repacketizing only the peer's",
        when: always,
        rule: "ng-control.md 10.5(3): a rejected section has no packets to transcode",
    },
    Accepted {
        kind: "query media flag repacketizing only the peer's",
        when: always,
        rule: "codecs.md 12(4), 12(6): what is compared are the packet times of the codecs, which opus rounds down",
    },
    Accepted {
        kind: "section a=ptime only the peer's",
        when: always,
        rule: "sdp.md 17.3: `ptime` locks both legs, in every RTP section",
    },
    Accepted {
        kind: "section without ICE a=* only the peer's",
        when: always,
        rule: "sdp.md 14.4: the lines of ICE belong to legs that do ICE",
    },
    Accepted {
        kind: "rejected section without ICE a=* only the peer's",
        when: always,
        rule: "sdp.md 5: a rejected section ends after its label",
    },
    Accepted {
        kind: "section a=setup value",
        when: |difference| difference.ours == "passive" && difference.peers == "active",
        rule: "sdp.md 13.2: `DTLS=passive` makes us passive, also in a later offer",
    },
    Accepted {
        kind: "section a=crypto only ours",
        when: |difference| !difference.ours.contains(';'),
        rule: "sdp.md 12.7: excluded suites are removed, but never the last remaining one",
    },
    Accepted {
        kind: "section a=crypto value",
        when: |difference| !difference.ours.contains(';') && !difference.peers.contains(';'),
        rule: "sdp.md 12.7: the last suite that was received is answered although it is excluded",
    },
    Accepted {
        kind: "section a=crypto value",
        when: |difference| counts_up(&difference.ours) && !counts_up(&difference.peers),
        rule: "sdp.md 12.7: our keys are pruned to suite and tag of the first line received, so the others are made anew",
    },
    Accepted {
        kind: "section a=tls-id only ours",
        when: always,
        rule: "sdp.md 13.1: the tls-id, which the older program does not print",
    },
    Accepted {
        kind: "sections",
        when: |difference| difference.ours.parse::<usize>().ok() > difference.peers.parse::<usize>().ok(),
        rule: "sdp.md, terms: sections are never forgotten during a call",
    },
    Accepted {
        kind: "query *media flag RTCP feedback only ours",
        when: always,
        rule: "ng-control.md 12.3: a flag that the older program does not print",
    },
    Accepted {
        kind: "query closed media flag RTCP feedback only ours",
        when: always,
        rule: "ng-control.md 12.3: a flag that the older program does not print",
    },
    Accepted {
        kind: "query media flag DTLS role *",
        when: always,
        rule: "sdp.md 13.2: roles mirror the received a=setup, and `DTLS=passive` makes us passive",
    },
    Accepted {
        kind: "query closed media flag DTLS role *",
        when: always,
        rule: "sdp.md 13.2, 23.1(3): the role is not taken from a rejected section",
    },
    Accepted {
        kind: "query stream flag ICE only the peer's",
        when: always,
        rule: "ng-control.md 12.4: not a flag of streams",
    },
    Accepted {
        kind: "query closed stream flag filled only the peer's",
        when: always,
        rule: "ng-control.md 10.5(3): port zero disables the streams of a media",
    },
    Accepted {
        kind: "query closed stream flag ICE only the peer's",
        when: always,
        rule: "ng-control.md 12.4: not a flag of streams",
    },
    Accepted {
        kind: "section a=crypto value",
        when: |difference| without_parameters(&difference.ours) == without_parameters(&difference.peers),
        rule: "sdp.md 12.4(4): session parameter options apply to the whole list",
    },
    Accepted {
        kind: "query stream advertised endpoint",
        when: always,
        rule: "media-plane.md 4.2: with rtcp-mux the RTCP stream has the port of the RTP stream",
    },
    Accepted {
        kind: "query muxed RTCP stream has a port",
        when: |difference| difference.ours == "false",
        rule: "ng-control.md 10.6(4), 12.4: with rtcp-mux the second stream has no socket",
    },
];

/// What still differs although no rule asks for it: known, and to be mended here rather than excused.
pub const OPEN: &[Accepted] = &[];

fn always(_: &Difference) -> bool {
    true
}

/// Lists of format parameters without those that opus has by default.
fn without_added_opus(lines: &str) -> String {
    let lines = lines.replace("stereo=0; ", "").replace("stereo=1; ", "");
    let kept = lines.split("; ").filter(|line| !line.ends_with(" useinbandfec=1") && *line != "absent");
    kept.collect::<Vec<_>>().join("; ")
}

fn without_parameters(lines: &str) -> String {
    lines.replace("UNENCRYPTED_SRTP", "")
}

/// Whether the tags of a list of keys count from 1 without a gap.
fn counts_up(keys: &str) -> bool {
    let tags = keys.split("; ").map(|key| key.split(' ').next().and_then(|tag| tag.parse::<usize>().ok()));
    tags.enumerate().all(|(at, tag)| tag == Some(at + 1))
}

fn without_last_word(text: &str) -> &str {
    text.rsplit_once(' ').map_or(text, |(rest, _)| rest)
}

fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            kind.strip_prefix(start).is_some_and(|rest| rest.len() >= end.len() && rest.ends_with(end))
        }
        None => pattern == kind,
    }
}

/// The rule that accepts a difference.
#[must_use]
pub fn rule(difference: &Difference) -> Option<&'static str> {
    look_up(TABLE, difference)
}

/// What is said about a difference that is known and open.
#[must_use]
pub fn open(difference: &Difference) -> Option<&'static str> {
    look_up(OPEN, difference)
}

fn look_up(table: &[Accepted], difference: &Difference) -> Option<&'static str> {
    let mut rows = table.iter().filter(|row| matches(row.kind, &difference.kind));
    rows.find(|row| (row.when)(difference)).map(|row| row.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_kinds() {
        assert!(matches("rejected section a=* only the peer's", "rejected section a=ssrc only the peer's"));
        assert!(!matches("rejected section a=* only the peer's", "section a=ssrc only the peer's"));
        assert!(!matches("session o=", "session o= "));
    }
}
