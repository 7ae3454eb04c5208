//! Format parameters of AMR and AMR-WB (RFC 4867 §8; `codecs.md` §§4.3, 17.1).

use super::compare::Match;
use super::fmtp::{flag, number, pairs};

/// A set of codec modes 0 to 8, as the comma list of `mode-set` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModeSet(u16);

impl ModeSet {
    /// Reads a comma list; what is no mode number is left out. `None`: no mode was named, so all are allowed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let modes =
            text.split(',').filter_map(|mode| mode.trim().parse::<u8>().ok()).filter(|&mode| mode <= 8);
        let bits = modes.fold(0, |bits, mode| bits | 1 << mode);
        (bits != 0).then_some(Self(bits))
    }

    /// Is this mode allowed?
    #[must_use]
    pub fn contains(self, mode: u8) -> bool {
        mode < 16 && self.0 & (1 << mode) != 0
    }

    /// The modes, ascending.
    pub fn modes(self) -> impl DoubleEndedIterator<Item = u8> {
        (0..16).filter(move |&mode| self.contains(mode))
    }

    /// Compares two optional sets: `None` allows everything.
    #[must_use]
    pub fn compare(a: Option<Self>, b: Option<Self>) -> Match {
        match (a, b) {
            (None, None) => Match::Exact,
            (None, Some(_)) => Match::Compatible,
            (Some(_), None) => Match::Different,
            (Some(a), Some(b)) if a == b => Match::Exact,
            (Some(a), Some(b)) if a.0 & b.0 == b.0 => Match::Compatible,
            (Some(_), Some(_)) => Match::Different,
        }
    }
}

/// The parameters that are read; missing ones have the defaults of RFC 4867 §8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amr {
    /// Octet-aligned payload; implied by the next three.
    pub octet_align: bool,
    /// Frame CRCs are sent.
    pub crc: bool,
    /// Robust sorting is used.
    pub robust_sorting: bool,
    /// Interleaving depth, 0 = none.
    pub interleaving: u32,
    /// Allowed modes, `None` = all.
    pub mode_set: Option<ModeSet>,
    /// Mode changes only at every Nth frame (1 or 2).
    pub mode_change_period: u32,
    /// Mode changes only to the next mode of the set.
    pub mode_change_neighbor: bool,
}

impl Default for Amr {
    fn default() -> Self {
        Self {
            octet_align: false,
            crc: false,
            robust_sorting: false,
            interleaving: 0,
            mode_set: None,
            mode_change_period: 1,
            mode_change_neighbor: false,
        }
    }
}

impl Amr {
    /// Reads the parameter text; unknown keys are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut amr = Self::default();
        for (key, value) in pairs(text) {
            match key {
                "octet-align" => amr.octet_align |= flag(value).unwrap_or(false),
                "crc" => amr.crc = flag(value).unwrap_or(false),
                "robust-sorting" => amr.robust_sorting = flag(value).unwrap_or(false),
                "interleaving" => amr.interleaving = number(value).unwrap_or(0),
                "mode-set" => amr.mode_set = ModeSet::parse(value),
                "mode-change-period" => amr.mode_change_period = number(value).unwrap_or(1),
                "mode-change-neighbor" => amr.mode_change_neighbor = flag(value).unwrap_or(false),
                _ => {}
            }
        }
        amr.octet_align |= amr.crc || amr.robust_sorting || amr.interleaving != 0;
        amr
    }

    /// The ordered comparison of `codecs.md` §4.3: the rows of its table from the top, the first that applies.
    #[must_use]
    pub fn compare(self, other: Self) -> Match {
        let framing = |amr: Self| (amr.octet_align, amr.crc, amr.robust_sorting, amr.interleaving);
        if framing(self) != framing(other) {
            return Match::Different;
        }
        let changes = |amr: Self| (amr.mode_change_period, amr.mode_change_neighbor);
        if changes(self) != changes(other) {
            return Match::Compatible;
        }
        ModeSet::compare(self.mode_set, other.mode_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(a: &str, b: &str) -> Match {
        Amr::parse(a).compare(Amr::parse(b))
    }

    /// `codecs.md` §4.3, row by row.
    #[test]
    fn rule_4_3_amr() {
        for (a, b, expected) in [
            ("octet-align=1", "", Match::Different),
            ("", "octet-align=1", Match::Different),
            ("octet-align=1", "octet-align=1;crc=1", Match::Different),
            ("octet-align=1", "robust-sorting=1", Match::Different),
            ("interleaving=2", "interleaving=3", Match::Different),
            ("crc=1", "octet-align=1; crc=1", Match::Exact),
            ("", "", Match::Exact),
            ("octet-align=0", "", Match::Exact),
            ("mode-set=0,2", "mode-set=2, 0", Match::Exact),
            ("mode-change-period=2", "", Match::Compatible),
            ("mode-change-neighbor=1", "", Match::Compatible),
            ("mode-change-period=1", "mode-change-neighbor=0", Match::Exact),
            ("mode-change-capability=2", "", Match::Exact),
            ("", "mode-set=0,2", Match::Compatible),
            ("mode-set=0,2,4", "mode-set=0,4", Match::Compatible),
            ("mode-set=0,2", "", Match::Different),
            ("mode-set=0,4", "mode-set=0,2,4", Match::Different),
            ("mode-set=0,1", "mode-set=1,2", Match::Different),
        ] {
            assert_eq!(compare(a, b), expected, "{a} against {b}");
        }
    }

    #[test]
    fn absurd_mode_sets_name_no_mode() {
        for text in ["", ",", "9", "99999999999", "a,b", "-1"] {
            assert_eq!(ModeSet::parse(text), None, "{text}");
        }
        let modes: Vec<_> = ModeSet::parse("8,0,9,3").unwrap_or_default().modes().collect();
        assert_eq!(modes, [0, 3, 8]);
    }
}
