//! Format parameters of EVS (3GPP TS 26.445 annex A; `codecs.md` §§4.3, 13, 17.6).

use std::fmt;

use super::amr::ModeSet;
use super::compare::Match;
use super::fmtp::{Joined, flag, number, pairs};

/// A closed range, lower bound first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T> {
    /// Lower bound.
    pub min: T,
    /// Upper bound, included.
    pub max: T,
}

impl<T: Copy + PartialOrd> Range<T> {
    fn contains(self, other: Self) -> bool {
        self.min <= other.min && self.max >= other.max
    }

    fn compare(a: Option<Self>, b: Option<Self>) -> Match {
        match (a, b) {
            (None, None) => Match::Exact,
            (None, Some(_)) => Match::Compatible,
            (Some(_), None) => Match::Different,
            (Some(a), Some(b)) if a.min == b.min && a.max == b.max => Match::Exact,
            (Some(a), Some(b)) if a.contains(b) => Match::Compatible,
            (Some(_), Some(_)) => Match::Different,
        }
    }
}

/// A bit rate in units of 100 bit/s, printed as kbit/s with at most one decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitRate(pub u16);

impl BitRate {
    fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return None;
        }
        let tenths = u16::from(decimals.as_bytes().first()? - b'0');
        let rate = whole.parse::<u16>().ok()?.checked_mul(10)?.checked_add(tenths)?;
        (rate != 0).then_some(Self(rate))
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / 10)?;
        if !self.0.is_multiple_of(10) {
            write!(f, ".{}", self.0 % 10)?;
        }
        Ok(())
    }
}

/// Audio bandwidths, narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bandwidth {
    /// 4 kHz.
    Narrow,
    /// 8 kHz.
    Wide,
    /// 16 kHz.
    SuperWide,
    /// 20 kHz.
    Full,
}

impl Bandwidth {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "nb" => Some(Self::Narrow),
            "wb" => Some(Self::Wide),
            "swb" => Some(Self::SuperWide),
            "fb" => Some(Self::Full),
            _ => None,
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Narrow => "nb",
            Self::Wide => "wb",
            Self::SuperWide => "swb",
            Self::Full => "fb",
        })
    }
}

/// Reads `a-b`, or `a` alone. A range the wrong way round ends where it begins.
fn range<T: Copy + PartialOrd>(value: &str, item: impl Fn(&str) -> Option<T>) -> Option<Range<T>> {
    let (min, max) = match value.split_once('-') {
        Some((min, max)) => (item(min.trim())?, item(max.trim())?),
        None => (item(value)?, item(value)?),
    };
    Some(Range { min, max: if max < min { min } else { max } })
}

impl<T: fmt::Display + PartialEq> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.min)?;
        if self.min != self.max { write!(f, "-{}", self.max) } else { Ok(()) }
    }
}

/// The parameters that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evs {
    /// Only header-full packets.
    pub hf_only: bool,
    /// Starts in AMR-WB interoperable mode.
    pub amr_io: bool,
    /// `dtx=0` was given.
    pub no_dtx: bool,
    /// `dtx-recv=0` was given.
    pub no_dtx_recv: bool,
    /// Codec mode requests: 1, -1, or not given.
    pub cmr: Option<i8>,
    /// Bit rates in both directions.
    pub br: Option<Range<BitRate>>,
    /// Bit rates this party sends.
    pub br_send: Option<Range<BitRate>>,
    /// Bit rates this party receives.
    pub br_recv: Option<Range<BitRate>>,
    /// Bandwidths in both directions.
    pub bw: Option<Range<Bandwidth>>,
    /// Bandwidths this party sends.
    pub bw_send: Option<Range<Bandwidth>>,
    /// Bandwidths this party receives.
    pub bw_recv: Option<Range<Bandwidth>>,
    /// Modes of AMR-WB IO, `None` = all.
    pub mode_set: Option<ModeSet>,
    /// Mode changes only at every Nth frame, 0 = not given.
    pub mode_change_period: u32,
    /// Mode changes only to the neighbouring mode.
    pub mode_change_neighbor: bool,
}

impl Evs {
    /// Reads the parameter text; unknown keys are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut evs = Self::default();
        for (key, value) in pairs(text) {
            match key {
                "hf-only" => evs.hf_only = flag(value) == Some(true),
                "evs-mode-switch" => evs.amr_io = flag(value) == Some(true),
                "dtx" => evs.no_dtx = flag(value) == Some(false),
                "dtx-recv" => evs.no_dtx_recv = flag(value) == Some(false),
                "cmr" => {
                    evs.cmr = match value {
                        "1" => Some(1),
                        "-1" => Some(-1),
                        _ => None,
                    }
                }
                "br" => evs.br = range(value, BitRate::parse),
                "br-send" => evs.br_send = range(value, BitRate::parse),
                "br-recv" => evs.br_recv = range(value, BitRate::parse),
                "bw" => evs.bw = range(value, Bandwidth::parse),
                "bw-send" => evs.bw_send = range(value, Bandwidth::parse),
                "bw-recv" => evs.bw_recv = range(value, Bandwidth::parse),
                "mode-set" => evs.mode_set = ModeSet::parse(value),
                "mode-change-period" => evs.mode_change_period = number(value).unwrap_or(0),
                "mode-change-neighbor" => evs.mode_change_neighbor = flag(value) == Some(true),
                _ => {}
            }
        }
        evs
    }

    /// The answer to an offer with these parameters: sending and receiving change places (`codecs.md` §17.6(2)).
    #[must_use]
    pub fn answer(self) -> Self {
        Self {
            br_send: self.br_recv,
            br_recv: self.br_send,
            bw_send: self.bw_recv,
            bw_recv: self.bw_send,
            ..self
        }
    }

    /// The ordered comparison of `codecs.md` §4.3.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Match {
        if (self.amr_io, self.hf_only) != (other.amr_io, other.hf_only) {
            return Match::Different;
        }
        if self.amr_io {
            let changes = |evs: &Self| (evs.mode_change_period.max(1), evs.mode_change_neighbor);
            if changes(self) != changes(other) {
                return Match::Compatible;
            }
            return ModeSet::compare(self.mode_set, other.mode_set);
        }
        Range::compare(self.br, other.br).max(Range::compare(self.bw, other.bw))
    }
}

impl fmt::Display for Evs {
    /// In the fixed order of `codecs.md` §13(3); empty when nothing is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = Joined::new(f);
        for (key, set, value) in
            [("hf-only", self.hf_only, 1), ("dtx", self.no_dtx, 0), ("dtx-recv", self.no_dtx_recv, 0)]
        {
            if set {
                list.item(key, value)?;
            }
        }
        if let Some(cmr) = self.cmr {
            list.item("cmr", cmr)?;
        }
        if self.amr_io {
            list.item("evs-mode-switch", 1)?;
            if let Some(set) = self.mode_set {
                let modes: Vec<_> = set.modes().map(|mode| mode.to_string()).collect();
                list.item("mode-set", modes.join(","))?;
            }
            if self.mode_change_neighbor {
                list.item("mode-change-neighbor", 1)?;
            }
            if self.mode_change_period != 0 {
                list.item("mode-change-period", self.mode_change_period)?;
            }
            return Ok(());
        }
        for (key, value) in [("br", self.br), ("br-send", self.br_send), ("br-recv", self.br_recv)] {
            if let Some(value) = value {
                list.item(key, value)?;
            }
        }
        for (key, value) in [("bw", self.bw), ("bw-send", self.bw_send), ("bw-recv", self.bw_recv)] {
            if let Some(value) = value {
                list.item(key, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reprint(text: &str) -> String {
        Evs::parse(text).to_string()
    }

    /// `codecs.md` §13(3).
    #[test]
    fn rule_13_3_evs_order() {
        assert_eq!(
            reprint(
                "bw-recv=fb;bw-send=wb;bw=nb-swb;br-recv=13.2;br-send=8.0;br=9.6-24.4;cmr=-1;\
                 dtx-recv=0;dtx=0;hf-only=1;mode-set=1;max-red=0"
            ),
            "hf-only=1; dtx=0; dtx-recv=0; cmr=-1; br=9.6-24.4; br-send=8; br-recv=13.2; bw=nb-swb; \
             bw-send=wb; bw-recv=fb"
        );
        assert_eq!(
            reprint("mode-change-period=2;mode-change-neighbor=1;mode-set=4,0;evs-mode-switch=1;br=9.6"),
            "evs-mode-switch=1; mode-set=0,4; mode-change-neighbor=1; mode-change-period=2"
        );
        assert_eq!(reprint("dtx=1;hf-only=0;cmr=0;br=x;bw=uwb"), "");
        assert_eq!(reprint("br=24.4-24.4"), "br=24.4");
    }

    /// `codecs.md` §17.6(1): a reversed range ends where it begins.
    #[test]
    fn rule_17_6_1_reversed_range() {
        assert_eq!(reprint("br=24.4-9.6"), "br=24.4");
    }

    /// `codecs.md` §17.6(2).
    #[test]
    fn rule_17_6_2_answer_conversion() {
        let answer = Evs::parse("br-send=5.9-9.6;bw-recv=wb;br=8").answer().to_string();
        assert_eq!(answer, "br=8; br-recv=5.9-9.6; bw-send=wb");
    }

    /// `codecs.md` §4.3.
    #[test]
    fn rule_4_3_evs() {
        for (a, b, expected) in [
            ("", "", Match::Exact),
            ("", "evs-mode-switch=1", Match::Different),
            ("hf-only=1", "", Match::Different),
            ("", "br=9.6-24.4", Match::Compatible),
            ("br=9.6-24.4", "", Match::Different),
            ("br=9.6-24.4", "br=13.2", Match::Compatible),
            ("br=9.6-24.4", "br=9.6-24.4", Match::Exact),
            ("br=9.6-24.4", "br=5.9-24.4", Match::Different),
            ("bw=nb-wb", "bw=wb", Match::Compatible),
            ("bw=wb", "bw=swb", Match::Different),
            ("bw=nb-wb;br=13.2", "bw=wb", Match::Different),
            ("evs-mode-switch=1", "evs-mode-switch=1;mode-set=2", Match::Compatible),
            ("evs-mode-switch=1;mode-set=2", "evs-mode-switch=1", Match::Different),
            ("evs-mode-switch=1;br=8", "evs-mode-switch=1;br=13.2", Match::Exact),
        ] {
            assert_eq!(Evs::parse(a).compare(&Evs::parse(b)), expected, "{a} against {b}");
        }
    }
}
