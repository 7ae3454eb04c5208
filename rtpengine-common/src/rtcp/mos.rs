//! Mean opinion scores from round-trip time, jitter and loss (media-plane.md 13.7).
//!
//! All integer divisions are towards zero and in the order of the specification: results are compared
//! with other implementations, and the rounding shows.

/// What a score is computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairment {
    /// End-to-end round-trip time in microseconds; 0 when not known.
    pub rtt_us: u32,
    /// Jitter in milliseconds.
    pub jitter_ms: u32,
    /// Loss in percent, 0..=100.
    pub loss_percent: u8,
}

/// Formula for codecs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MosModel {
    /// G.107 simplified, narrow band.
    #[default]
    G107,
    /// G.107.2, fullband, for codecs with a clock of 48 kHz; narrow band for the others.
    G1072,
    /// The formula of old releases.
    Legacy,
}

/// How scores are computed: option `--mos`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MosSettings {
    /// Listening quality: the round-trip time does not matter. Otherwise (conversational) a score needs
    /// one.
    pub listening: bool,
    /// Formula.
    pub model: MosModel,
}

impl MosSettings {
    /// Ten times the score, 10..=50; `None` when a conversational score has no round-trip time.
    /// `codec_clock_rate` is the codec's usual clock rate in Hz.
    #[must_use]
    pub fn score(&self, impairment: Impairment, codec_clock_rate: u32) -> Option<u8> {
        if !self.listening && impairment.rtt_us == 0 {
            return None;
        }
        // The legacy formula knows no difference between listening and conversation.
        let rtt_us = if self.listening { 0 } else { impairment.rtt_us };
        let delayed = Impairment { rtt_us, ..impairment };
        Some(match self.model {
            MosModel::Legacy => from_rating(legacy(impairment)),
            MosModel::G1072 if codec_clock_rate == 48_000 => from_rating(fullband(delayed)),
            MosModel::G107 | MosModel::G1072 => from_rating(narrow_band(delayed)),
        })
    }
}

/// Ten times the score for a rating in units of 1e-5.
fn from_rating(rating: i64) -> u8 {
    if rating < 0 {
        return 10;
    }
    if rating > 10_000_000 {
        return 45;
    }
    let t = rating / 100;
    let m = 100 + 35 * t / 10_000;
    let q = ((t - 60_000) * (100_000 - t)) / 1000;
    let q = t * q / 1000;
    let m = m + q * 7 / 10_000_000;
    // At most 450 for a rating of 100.
    (m / 10).clamp(10, 50) as u8
}

fn narrow_band(of: Impairment) -> i64 {
    let d = i64::from(of.rtt_us) / 2 + i64::from(of.jitter_ms) * 1000;
    let mut delay = 24 * d / 1000;
    if d > 177_300 {
        delay += (d - 177_300) * 11 / 100;
    }
    let loss = i64::from(of.loss_percent);
    let r = if loss <= 93 { 9320 - loss * 100 } else { 0 };
    18 * r * r / 10 - 279 * r * 100 + 112_662_000 - delay * 100
}

fn fullband(of: Impairment) -> i64 {
    let delay_ms = f64::from(of.rtt_us) / 1000.0 / 2.0 + f64::from(of.jitter_ms);
    let loss = f64::from(of.loss_percent);
    let equipment = 10.2 + 121.8 * loss / (loss + 4.3);
    let delay = if delay_ms <= 100.0 {
        0.0
    } else {
        let x = (delay_ms / 100.0).log2();
        37.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
    };
    ((148.0 - delay - equipment) / 1.48 * 100_000.0) as i64
}

fn legacy(of: Impairment) -> i64 {
    let delay = i64::from(of.rtt_us) / 1000 + i64::from(of.jitter_ms) * 2 + 10;
    let r = if delay < 160 {
        93_200_000 - delay * 100_000 / 4
    } else {
        93_200_000 - (delay * 100_000 - 12_000_000)
    };
    (r - i64::from(of.loss_percent) * 2_500_000) / 10
}
