//! What report blocks say about a stream: round-trip times, and the history of quality samples of an
//! SSRC (media-plane.md 13.6, 13.8). Times are microseconds of one clock, chosen by the caller.

use arrayvec::ArrayVec;

use super::mos::{Impairment, MosSettings};
use super::ntp::NtpTime;
use super::report::ReportBlock;

/// Sender reports (and reference times) of an SSRC that are remembered.
const MAX_SENT: usize = 10;
/// Longer round-trip times are not believed, microseconds.
const MAX_RTT_US: i64 = 10_000_000;
/// Least distance of two samples, microseconds.
const MIN_SPACING_US: u64 = 1_000_000;
/// Samples kept in full; beyond, every second one goes. Sums and extremes stay exact.
const MAX_SAMPLES: usize = 1024;
/// A progression has so many intervals.
const PROGRESSION_STEPS: u64 = 10;

/// The last sender reports and reference times of one SSRC, by the time stamp others will quote.
#[derive(Clone, Debug, Default)]
pub struct SentReports {
    last: ArrayVec<(u32, u64), MAX_SENT>,
}

impl SentReports {
    /// Takes a report: its NTP time, and when it came.
    pub fn note(&mut self, ntp: NtpTime, now_us: u64) {
        if self.last.is_full() {
            self.last.remove(0);
        }
        // There is room: the oldest has just gone.
        let _ = self.last.try_push((ntp.middle(), now_us));
    }

    /// When the report with these middle 32 bits came.
    #[must_use]
    pub fn arrival_us(&self, middle: u32) -> Option<u64> {
        self.last.iter().rev().find(|(known, _)| *known == middle).map(|(_, at)| *at)
    }

    /// LSR and DLSR for a report block about this SSRC; both 0 without a report.
    #[must_use]
    pub fn last_and_delay(&self, now_us: u64) -> (u32, u32) {
        let Some((middle, at)) = self.last.last() else { return (0, 0) };
        let delay = std::time::Duration::from_micros(now_us.saturating_sub(*at));
        (*middle, NtpTime::delay_units(delay))
    }
}

/// What is known when a report block from F about X comes in.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Present time.
    pub now_us: u64,
    /// Reports of X, as they went out to F.
    pub sent: &'a SentReports,
    /// Last round-trip time of F's own stream towards the other side.
    pub opposite_rtt_us: Option<u32>,
    /// Round-trip delay of F's VoIP metrics block, milliseconds.
    pub metrics_rtt_ms: Option<u16>,
    /// Clock rate of X's most used payload type, Hz.
    pub clock_rate: u32,
    /// Usual clock rate of its codec, Hz.
    pub codec_clock_rate: u32,
    /// How scores are computed.
    pub mos: MosSettings,
}

/// One look at the quality of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When it was taken.
    pub at_us: u64,
    /// Ten times the MOS.
    pub mos: Option<u8>,
    /// End-to-end round-trip time, microseconds; 0 when not known.
    pub rtt_us: u32,
    /// Round-trip time between here and the reporter, microseconds; 0 when not known.
    pub leg_rtt_us: u32,
    /// Jitter, milliseconds.
    pub jitter_ms: u32,
    /// Loss, percent.
    pub loss_percent: u8,
}

/// Evaluates a report block; `None` when it yields no sample at all (no LSR, no DLSR, no clock).
///
/// A leg time other than 0 is to be stored as X's last round-trip time.
#[must_use]
pub fn assess(block: &ReportBlock, context: &Context<'_>) -> Option<Sample> {
    if block.last_sr == 0 || block.delay_since_last_sr == 0 || context.clock_rate == 0 {
        return None;
    }
    let leg_rtt_us = leg_rtt_us(block, context);
    let end_to_end = context.opposite_rtt_us.map_or(0, |opposite| leg_rtt_us.saturating_add(opposite));
    let rtt_us = context.metrics_rtt_ms.map_or(end_to_end, |ms| u32::from(ms) * 1000);
    let jitter_ms = u64::from(block.jitter) * 1000 / u64::from(context.clock_rate);
    let jitter_ms = u32::try_from(jitter_ms).unwrap_or(u32::MAX);
    let loss_percent = (u16::from(block.fraction_lost) * 100 / 256) as u8;
    let impairment = Impairment { rtt_us, jitter_ms, loss_percent };
    let mos = context.mos.score(impairment, context.codec_clock_rate);
    Some(Sample { at_us: context.now_us, mos, rtt_us, leg_rtt_us, jitter_ms, loss_percent })
}

fn leg_rtt_us(block: &ReportBlock, context: &Context<'_>) -> u32 {
    let Some(arrival) = context.sent.arrival_us(block.last_sr) else { return 0 };
    let passed = i64::try_from(context.now_us.saturating_sub(arrival)).unwrap_or(i64::MAX);
    let held = NtpTime::delay_micros(block.delay_since_last_sr) as i64;
    let rtt = passed - held;
    if (1..=MAX_RTT_US).contains(&rtt) { rtt as u32 } else { 0 }
}

/// Averages over all samples with a score; integer divisions of sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Average {
    /// Ten times the MOS.
    pub mos: u8,
    /// End-to-end round-trip time, microseconds.
    pub rtt_us: u32,
    /// Round-trip time of the leg, microseconds.
    pub leg_rtt_us: u32,
    /// Jitter, milliseconds.
    pub jitter_ms: u32,
    /// Loss, percent.
    pub loss_percent: u8,
    /// Samples with a score.
    pub samples: u64,
}

/// The samples of one reporter.
#[derive(Clone, Debug, Default)]
pub struct QualityHistory {
    samples: Vec<Sample>,
    /// Newest sample; may have been thinned out of the list.
    last: Option<Sample>,
    lowest: Option<Sample>,
    highest: Option<Sample>,
    scored: u64,
    unscored: u64,
    mos: u64,
    rtt_us: u64,
    leg_rtt_us: u64,
    jitter_ms: u64,
    loss_percent: u64,
    /// Every n-th sample is kept.
    stride: u32,
    skipped: u32,
}

impl QualityHistory {
    /// Takes a sample; `false` when it comes too soon after the last one and is discarded.
    pub fn add(&mut self, sample: Sample) -> bool {
        let too_soon = |last: Sample| sample.at_us.saturating_sub(last.at_us) < MIN_SPACING_US;
        if self.last.is_some_and(too_soon) {
            return false;
        }
        self.last = Some(sample);
        self.store(sample);
        // A sample without score counts as 0: the first may be the highest, none is the lowest.
        let score = |sample: &Sample| sample.mos.unwrap_or(0);
        if self.highest.as_ref().is_none_or(|highest| score(&sample) > score(highest)) {
            self.highest = Some(sample);
        }
        let Some(mos) = sample.mos else {
            self.unscored += 1;
            return true;
        };
        if self.lowest.as_ref().is_none_or(|lowest| mos < score(lowest)) {
            self.lowest = Some(sample);
        }
        self.scored += 1;
        self.mos += u64::from(mos);
        self.rtt_us += u64::from(sample.rtt_us);
        self.leg_rtt_us += u64::from(sample.leg_rtt_us);
        self.jitter_ms += u64::from(sample.jitter_ms);
        self.loss_percent += u64::from(sample.loss_percent);
        true
    }

    fn store(&mut self, sample: Sample) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        if self.samples.len() >= MAX_SAMPLES {
            let mut position = 0;
            self.samples.retain(|_| {
                position += 1;
                position % 2 == 1
            });
            self.stride = self.stride.max(1).saturating_mul(2);
        }
        self.samples.push(sample);
        self.skipped = self.stride.saturating_sub(1);
    }

    /// No sample with a score: there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scored == 0
    }

    /// Samples without a score.
    #[must_use]
    pub fn unscored(&self) -> u64 {
        self.unscored
    }

    /// Averages of the samples with a score.
    #[must_use]
    pub fn average(&self) -> Average {
        // Averages of values of these types fit the types.
        let mean = |sum: u64| sum / self.scored.max(1);
        Average {
            mos: mean(self.mos) as u8,
            rtt_us: mean(self.rtt_us) as u32,
            leg_rtt_us: mean(self.leg_rtt_us) as u32,
            jitter_ms: mean(self.jitter_ms) as u32,
            loss_percent: mean(self.loss_percent) as u8,
            samples: self.scored,
        }
    }

    /// The sample with the lowest score; the first of several.
    #[must_use]
    pub fn lowest(&self) -> Option<&Sample> {
        self.lowest.as_ref()
    }

    /// The sample with the highest score; the first of several.
    #[must_use]
    pub fn highest(&self) -> Option<&Sample> {
        self.highest.as_ref()
    }

    /// The newest sample.
    #[must_use]
    pub fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    /// Distance of the entries of [`QualityHistory::progression`], microseconds: a tenth of the time
    /// from the first sample to the last.
    #[must_use]
    pub fn interval_us(&self) -> u64 {
        let (Some(first), Some(last)) = (self.samples.first(), &self.last) else { return 0 };
        last.at_us.saturating_sub(first.at_us) / PROGRESSION_STEPS
    }

    /// Samples picked at that spacing, beginning with the first.
    pub fn progression(&self) -> impl Iterator<Item = &Sample> {
        let interval = self.interval_us();
        let mut due = self.samples.first().map_or(0, |first| first.at_us);
        self.samples.iter().filter(move |sample| {
            let listed = sample.at_us >= due;
            if listed {
                due = due.saturating_add(interval);
            }
            listed
        })
    }
}
