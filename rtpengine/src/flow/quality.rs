//! What RTCP says about an SSRC over time: round trips and opinion scores (media-plane.md §13.6, ng-control.md §12.5).

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

/// Reports whose arrival time is remembered per sender.
const REMEMBERED: usize = 10;
/// Longest round trip that is believed.
const LONGEST_RTT: Duration = Duration::from_secs(10);
/// Shortest distance between two samples of a reporter.
const SPACING: Duration = Duration::from_secs(1);
/// Samples kept for the progression; when they are used up every other one is dropped.
const MAX_SAMPLES: usize = 256;
/// Parts of a progression.
const PROGRESSION: u64 = 10;

/// One quality report as its reporter hears the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QualitySample {
    /// When it came, microseconds since 1970.
    pub reported_us: u64,
    /// Ten times the opinion score; 0 where there is none.
    pub mos: u8,
    /// End-to-end round-trip time, microseconds; 0 unknown.
    pub rtt_us: u32,
    /// Round-trip time of the reporter's leg, microseconds; 0 unknown.
    pub rtt_leg_us: u32,
    /// Jitter, milliseconds.
    pub jitter_ms: u32,
    /// Loss, percent.
    pub loss_percent: u8,
}

/// Sums over the samples that have a score.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u64,
    mos: u64,
    rtt_us: u64,
    rtt_leg_us: u64,
    jitter_ms: u64,
    loss_percent: u64,
}

/// RTCP memory of one SSRC; made with the first report from or about it.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// Middle NTP bits and arrival of the SRs (and XR reference times) this SSRC sent, newest last.
    reports: ArrayVec<(u32, Instant), REMEMBERED>,
    /// Last valid round trip of a receiver of this SSRC, microseconds.
    last_rtt_us: u32,
    /// Round-trip delay this SSRC's side reported by XR VoIP metrics, microseconds.
    reported_rtt_us: u32,
    last_sample: Option<Instant>,
    samples: Vec<QualitySample>,
    sums: Sums,
    without_score: u64,
    lowest: Option<QualitySample>,
    highest: Option<QualitySample>,
}

impl Quality {
    /// Number of samples with a score.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.sums.count
    }

    /// Number of samples without a score.
    #[must_use]
    pub fn without_score(&self) -> u64 {
        self.without_score
    }

    /// Means over the samples with a score, as integer divisions; `reported_us` is 0.
    #[must_use]
    pub fn average(&self) -> QualitySample {
        let count = self.sums.count.max(1);
        let mean = |sum: u64| u32::try_from(sum / count).unwrap_or(u32::MAX);
        QualitySample {
            reported_us: 0,
            mos: mean(self.sums.mos).min(255) as u8,
            rtt_us: mean(self.sums.rtt_us),
            rtt_leg_us: mean(self.sums.rtt_leg_us),
            jitter_ms: mean(self.sums.jitter_ms),
            loss_percent: mean(self.sums.loss_percent).min(255) as u8,
        }
    }

    /// The first sample with the lowest score.
    #[must_use]
    pub fn lowest(&self) -> Option<&QualitySample> {
        self.lowest.as_ref()
    }

    /// The first sample with the highest score.
    #[must_use]
    pub fn highest(&self) -> Option<&QualitySample> {
        self.highest.as_ref()
    }

    /// A tenth of the time covered, in seconds, and the samples at that distance.
    #[must_use]
    pub fn progression(&self) -> (u64, Vec<&QualitySample>) {
        let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) else {
            return (0, Vec::new());
        };
        let interval_us = last.reported_us.saturating_sub(first.reported_us) / PROGRESSION;
        let mut due = first.reported_us;
        let entries = self.samples.iter().filter(|sample| {
            let listed = sample.reported_us >= due;
            due += if listed { interval_us } else { 0 };
            listed
        });
        (interval_us / 1_000_000, entries.collect())
    }

    /// Notes a report this SSRC sent.
    pub(super) fn note_report(&mut self, ntp_middle: u32, now: Instant) {
        if self.reports.is_full() {
            self.reports.remove(0);
        }
        self.reports.push((ntp_middle, now));
    }

    /// The middle NTP bits of the last report, and how long ago it came.
    pub(super) fn last_report(&self, now: Instant) -> Option<(u32, Duration)> {
        self.reports.last().map(|&(middle, at)| (middle, now.saturating_duration_since(at)))
    }

    /// Whether this report was sent by this SSRC.
    pub(super) fn knows_report(&self, ntp_middle: u32) -> bool {
        self.reports.iter().any(|(middle, _)| *middle == ntp_middle)
    }

    /// The round trip to a receiver that saw `last_sr` and waited `delay` before it answered; `None` when that cannot be.
    /// A valid one is remembered.
    pub(super) fn round_trip_us(&mut self, last_sr: u32, delay: Duration, now: Instant) -> Option<u32> {
        let (_, sent) = self.reports.iter().rev().find(|(middle, _)| *middle == last_sr)?;
        let trip = now.saturating_duration_since(*sent).checked_sub(delay)?;
        if trip.is_zero() || trip > LONGEST_RTT {
            return None;
        }
        let trip_us = u32::try_from(trip.as_micros()).ok()?;
        self.last_rtt_us = trip_us;
        Some(trip_us)
    }

    /// Remembers the round-trip delay of XR VoIP metrics.
    pub(super) fn note_voip_delay(&mut self, milliseconds: u16) {
        self.reported_rtt_us = u32::from(milliseconds) * 1000;
    }

    /// End-to-end time for this reporter, whose own leg takes `leg_us`.
    pub(super) fn end_to_end_us(&self, leg_us: u32) -> u32 {
        if self.reported_rtt_us != 0 {
            return self.reported_rtt_us;
        }
        if self.last_rtt_us == 0 { 0 } else { leg_us.saturating_add(self.last_rtt_us) }
    }

    /// Adds a sample of this reporter. `false` when the last one is too recent.
    pub(super) fn add(&mut self, sample: QualitySample, now: Instant) -> bool {
        if self.last_sample.is_some_and(|last| now.saturating_duration_since(last) < SPACING) {
            return false;
        }
        self.last_sample = Some(now);
        if self.samples.len() >= MAX_SAMPLES {
            self.thin_out();
        }
        self.samples.push(sample);
        if self.highest.is_none_or(|highest| sample.mos > highest.mos) {
            self.highest = Some(sample);
        }
        if sample.mos == 0 {
            self.without_score += 1;
            return true;
        }
        if self.lowest.is_none_or(|lowest| sample.mos < lowest.mos) {
            self.lowest = Some(sample);
        }
        self.sums.count += 1;
        self.sums.mos += u64::from(sample.mos);
        self.sums.rtt_us += u64::from(sample.rtt_us);
        self.sums.rtt_leg_us += u64::from(sample.rtt_leg_us);
        self.sums.jitter_ms += u64::from(sample.jitter_ms);
        self.sums.loss_percent += u64::from(sample.loss_percent);
        true
    }

    /// Keeps the first and every other one.
    fn thin_out(&mut self) {
        let mut place = 0;
        self.samples.retain(|_| {
            place += 1;
            place % 2 == 1
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: u64, mos: u8) -> QualitySample {
        QualitySample { reported_us: second * 1_000_000, mos, rtt_us: 10, ..QualitySample::default() }
    }

    #[test]
    fn rule_13_6_7_samples_come_a_second_apart_and_only_those_with_score_are_averaged() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        for (millis, mos, taken) in [(0, 43, true), (999, 30, false), (1000, 41, true), (5000, 0, true)] {
            assert_eq!(quality.add(sample(millis / 1000, mos), start + Duration::from_millis(millis)), taken);
        }
        assert_eq!((quality.samples(), quality.without_score()), (2, 1));
        assert_eq!((quality.average().mos, quality.average().rtt_us), (42, 10));
        assert_eq!(quality.lowest().map(|sample| sample.mos), Some(41));
        assert_eq!(quality.highest().map(|sample| sample.mos), Some(43));
    }

    #[test]
    fn progression_lists_samples_a_tenth_apart() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        for second in 0..=40 {
            quality.add(sample(second, 40), start + Duration::from_secs(second));
        }
        let (interval, entries) = quality.progression();
        let seconds: Vec<_> = entries.iter().map(|sample| sample.reported_us / 1_000_000).collect();
        assert_eq!((interval, seconds), (4, (0..=10).map(|tenth| tenth * 4).collect()));
    }

    #[test]
    fn samples_are_bounded() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        for second in 0..10_000 {
            quality.add(sample(second, 40), start + Duration::from_secs(second));
        }
        assert!(quality.samples.len() <= MAX_SAMPLES);
        assert_eq!(quality.samples(), 10_000);
        assert!((10..=12).contains(&quality.progression().1.len()));
    }

    #[test]
    fn rule_13_6_3_round_trips_are_believed_up_to_ten_seconds() {
        let (mut quality, start) = (Quality::default(), Instant::now());
        quality.note_report(77, start);
        let after = |millis| start + Duration::from_millis(millis);
        let delay = Duration::from_millis(100);
        assert_eq!(quality.round_trip_us(77, delay, after(350)), Some(250_000));
        assert_eq!(quality.round_trip_us(77, delay, after(100)), None);
        assert_eq!(quality.round_trip_us(77, delay, after(10_101)), None);
        assert_eq!(quality.round_trip_us(78, delay, after(350)), None);
        assert_eq!(quality.end_to_end_us(10_000), 260_000);
    }
}
