//! Mean opinion score from round-trip time, jitter and loss (media-plane.md §13.7). Integers and their rounding are part of
//! the rule.

/// `--mos`: which formula, and whether the delay counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MosOptions {
    /// `LQ`: listening quality, the round-trip time is taken as 0. Otherwise conversational: no score without one.
    pub listening: bool,
    /// The formula.
    pub formula: MosFormula,
}

/// The formulas of `--mos`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MosFormula {
    /// `G.107`: narrow band.
    #[default]
    G107,
    /// `G.107.2`: fullband for codecs with a clock rate of 48 kHz, narrow band for the others.
    G1072,
    /// `legacy`
    Legacy,
}

/// What a score is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// End-to-end round-trip time in microseconds; 0 is unknown.
    pub rtt_us: u32,
    /// Jitter in milliseconds.
    pub jitter_ms: u32,
    /// Loss in percent.
    pub loss_percent: u8,
    /// Clock rate of the codec in Hz.
    pub clock_rate: u32,
}

impl MosOptions {
    /// Ten times the score, 10..=50; `None` in conversational mode without round-trip time.
    #[must_use]
    pub fn score(self, conditions: Conditions) -> Option<u8> {
        if !self.listening && conditions.rtt_us == 0 {
            return None;
        }
        // The legacy formula takes the end-to-end time in either mode.
        let rtt_us = if self.listening && self.formula != MosFormula::Legacy { 0 } else { conditions.rtt_us };
        let conditions = Conditions { rtt_us, ..conditions };
        Some(from_r(match self.formula {
            MosFormula::Legacy => legacy(conditions),
            MosFormula::G1072 if conditions.clock_rate == 48_000 => fullband(conditions),
            MosFormula::G107 | MosFormula::G1072 => narrow_band(conditions),
        }))
    }
}

/// The score of an R value in units of 1e-5.
fn from_r(rx: i64) -> u8 {
    if rx < 0 {
        return 10;
    }
    if rx > 10_000_000 {
        return 45;
    }
    let t = rx / 100;
    let m = 100 + 35 * t / 10_000;
    let q = ((t - 60_000) * (100_000 - t)) / 1000;
    let q = t * q / 1000;
    let m = m + q * 7 / 10_000_000;
    u8::try_from((m / 10).clamp(10, 50)).unwrap_or(10)
}

fn narrow_band(conditions: Conditions) -> i64 {
    let delay = i64::from(conditions.rtt_us) / 2 + i64::from(conditions.jitter_ms) * 1000;
    let mut delay_impairment = 24 * delay / 1000;
    if delay > 177_300 {
        delay_impairment += (delay - 177_300) * 11 / 100;
    }
    let loss = i64::from(conditions.loss_percent);
    let r = if loss <= 93 { 9320 - loss * 100 } else { 0 };
    18 * r * r / 10 - 279 * r * 100 + 112_662_000 - delay_impairment * 100
}

fn legacy(conditions: Conditions) -> i64 {
    let effective = i64::from(conditions.rtt_us) / 1000 + i64::from(conditions.jitter_ms) * 2 + 10;
    let r = if effective < 160 {
        93_200_000 - effective * 100_000 / 4
    } else {
        93_200_000 - (effective * 100_000 - 12_000_000)
    };
    (r - i64::from(conditions.loss_percent) * 2_500_000) / 10
}

fn fullband(conditions: Conditions) -> i64 {
    let delay = f64::from(conditions.rtt_us) / 2000.0 + f64::from(conditions.jitter_ms);
    let loss = f64::from(conditions.loss_percent);
    let loss_impairment = 10.2 + 121.8 * loss / (loss + 4.3);
    let delay_impairment = if delay <= 100.0 {
        0.0
    } else {
        let x = (delay / 100.0).log2();
        let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
        37.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
    };
    ((148.0 - delay_impairment - loss_impairment) / 1.48 * 100_000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(formula: MosFormula, rtt_ms: u32, jitter_ms: u32, loss_percent: u8) -> Option<u8> {
        let conditions = Conditions { rtt_us: rtt_ms * 1000, jitter_ms, loss_percent, clock_rate: 48_000 };
        MosOptions { listening: false, formula }.score(conditions)
    }

    #[test]
    fn check_values_of_section_13_7() {
        use MosFormula::{G107, G1072, Legacy};
        assert_eq!(score(G107, 5, 0, 0), Some(43));
        assert_eq!(score(G1072, 5, 0, 0), Some(43));
        assert!(matches!(score(Legacy, 5, 0, 0), Some(43..=44)));
        assert!(matches!(score(G107, 250, 15, 3), Some(35..=36)));
        assert_eq!(score(G1072, 250, 15, 3), Some(30));
        assert!(matches!(score(Legacy, 250, 15, 3), Some(34..=35)));
        assert_eq!(score(G107, 400, 20, 5), Some(29));
        assert_eq!(score(G1072, 400, 20, 5), Some(22));
        assert_eq!(score(Legacy, 400, 20, 5), Some(24));
    }

    #[test]
    fn conversational_mode_needs_a_round_trip_time_and_listening_mode_ignores_it() {
        assert_eq!(score(MosFormula::G107, 0, 0, 0), None);
        let listening = MosOptions { listening: true, formula: MosFormula::G107 };
        let far = Conditions { rtt_us: 9_000_000, ..Conditions::default() };
        assert_eq!(listening.score(far), listening.score(Conditions::default()));
        assert_eq!(listening.score(far), Some(43));
    }

    #[test]
    fn scores_stay_in_range() {
        for formula in [MosFormula::G107, MosFormula::G1072, MosFormula::Legacy] {
            for (rtt_ms, jitter_ms, loss) in
                [(0, 0, 0), (10_000, u32::MAX, 255), (1, 0, 255), (4_000_000, 0, 0)]
            {
                let conditions =
                    Conditions { rtt_us: rtt_ms * 1000, jitter_ms, loss_percent: loss, clock_rate: 48_000 };
                let score = MosOptions { listening: true, formula }.score(conditions);
                assert!(
                    score.is_some_and(|score| (10..=50).contains(&score)),
                    "{formula:?} {conditions:?} {score:?}"
                );
            }
        }
    }
}
