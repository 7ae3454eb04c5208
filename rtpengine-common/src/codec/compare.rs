//! Is one codec the other one? (`codecs.md` §4)

use super::definition::{Codec, Format};
use super::table::FmtpRule;

/// Result of comparing codec A with codec B, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// The same.
    Exact,
    /// A is broader than B: what B sends, A takes.
    Compatible,
    /// Another codec, or parameters that do not fit.
    Different,
}

/// Same clock and channels, and the same name or two names of one codec (`codecs.md` §4.1).
#[must_use]
pub fn basic_match(a: &Codec, b: &Codec) -> bool {
    if a.clock != b.clock || a.channels != b.channels {
        return false;
    }
    match (a.def(), b.def()) {
        (Some(x), Some(y)) => {
            x.id == y.id
                || (x.payload_type.is_some() && x.payload_type == y.payload_type && x.engine == y.engine)
        }
        _ => a.has_name(&b.name),
    }
}

/// The full, ordered comparison (`codecs.md` §4.2). Format parameters of unknown codecs are not looked at.
#[must_use]
pub fn compare(a: &Codec, b: &Codec) -> Match {
    if !basic_match(a, b) {
        return Match::Different;
    }
    match (a.fmtp_rule(), &a.format, &b.format) {
        (FmtpRule::Amr, Format::Amr(x), Format::Amr(y)) => x.compare(*y),
        (FmtpRule::Evs, Format::Evs(x), Format::Evs(y)) => x.compare(y),
        (FmtpRule::Exact, ..) if a.fmtp != b.fmtp => Match::Different,
        _ => Match::Exact,
    }
}

#[cfg(test)]
mod tests {
    use super::super::support::Support;
    use super::super::table::CodecDef;
    use super::*;

    fn codec(name: &str, clock: u32, channels: u32, fmtp: &str) -> Codec {
        let all = |_: &CodecDef| Support::FULL;
        Codec::new(name, clock, channels, Some(fmtp), true, &all)
    }

    /// `codecs.md` §4.1.
    #[test]
    fn rule_4_1_basic_match() {
        let pcma = codec("PCMA", 8000, 1, "");
        assert!(basic_match(&pcma, &codec("pcma", 8000, 1, "x")));
        assert!(!basic_match(&pcma, &codec("PCMA", 16000, 1, "")));
        assert!(!basic_match(&pcma, &codec("PCMA", 8000, 2, "")));
        assert!(!basic_match(&pcma, &codec("PCMU", 8000, 1, "")));
        assert!(basic_match(&codec("G729", 8000, 1, ""), &codec("G729a", 8000, 1, "annexb=no")));
        assert!(basic_match(&codec("foo", 90000, 1, ""), &codec("FOO", 90000, 1, "")));
        assert!(!basic_match(&codec("foo", 90000, 1, ""), &codec("bar", 90000, 1, "")));
    }

    /// `codecs.md` §4.2.
    #[test]
    fn rule_4_2_full_comparison() {
        for (a, b, expected) in [
            (("PCMA", "a=1"), ("PCMA", ""), Match::Exact),
            (("telephone-event", "0-15"), ("telephone-event", "0-16"), Match::Exact),
            (("GSM", "a=1"), ("GSM", ""), Match::Different),
            (("GSM", "a=1"), ("gsm", "a=1"), Match::Exact),
            (("GSM", ""), ("GSM", ""), Match::Exact),
            (("unknown", "a=1"), ("unknown", "b=2"), Match::Exact),
            (("AMR", ""), ("AMR", "mode-set=0"), Match::Compatible),
            (("AMR", "mode-set=0"), ("AMR", ""), Match::Different),
            (("opus", "stereo=1"), ("opus", ""), Match::Exact),
        ] {
            let (x, y) = (codec(a.0, 8000, 1, a.1), codec(b.0, 8000, 1, b.1));
            assert_eq!(compare(&x, &y), expected, "{a:?} against {b:?}");
        }
    }
}
