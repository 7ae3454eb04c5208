//! When a transcoded packet leaves (`codecs.md` §14.5).

use std::time::Duration;

/// Off by more than this: the reference is taken anew.
const RESET: Duration = Duration::from_secs(1);
/// A steady lead above this is taken back step by step.
const SKEW: Duration = Duration::from_millis(50);
const SKEW_STEP: Duration = Duration::from_millis(10);
/// A smaller lead is taken back by half, beyond the spec's rule: one late turn of the thread would else delay the stream for good.
/// Below this it is the coarseness of arrival times.
const COARSE: Duration = Duration::from_millis(1);
/// Packets over which the lead is looked at.
const SAMPLES: u32 = 25;

/// The ideal time line of one stream of packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacer {
    reference: Option<(Duration, u32)>,
    /// Smallest lead of the last packets: what is never needed.
    least_lead: Duration,
    packets: u32,
}

impl Pacer {
    /// When a packet ready at `now` leaves; never before `now`.
    pub fn send_at(&mut self, now: Duration, timestamp: u32, clock: u32) -> Duration {
        let Some((start, first)) = self.reference else { return self.reset(now, timestamp) };
        let units = timestamp.wrapping_sub(first).cast_signed();
        let distance =
            Duration::from_micros(u64::from(units.unsigned_abs()) * 1_000_000 / u64::from(clock.max(1)));
        let ideal = if units >= 0 { start.checked_add(distance) } else { start.checked_sub(distance) };
        let Some(ideal) = ideal.filter(|ideal| ideal.abs_diff(now) <= RESET) else {
            return self.reset(now, timestamp);
        };
        if ideal <= now {
            // Late: the time line moves with it.
            return self.reset(now, timestamp);
        }
        self.reference = Some((ideal, timestamp));
        self.take_back_lead(ideal - now);
        ideal
    }

    fn reset(&mut self, now: Duration, timestamp: u32) -> Duration {
        *self = Self { reference: Some((now, timestamp)), ..Self::default() };
        now
    }

    fn take_back_lead(&mut self, lead: Duration) {
        self.least_lead = if self.packets == 0 { lead } else { self.least_lead.min(lead) };
        self.packets += 1;
        if self.packets < SAMPLES {
            return;
        }
        let step = match self.least_lead {
            lead if lead > SKEW => SKEW_STEP,
            lead if lead > COARSE => lead / 2,
            _ => Duration::ZERO,
        };
        if let Some((start, _)) = &mut self.reference {
            *start = start.saturating_sub(step);
        }
        self.packets = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// `codecs.md` §14.5: a burst leaves at the pace of its timestamps, late packets shift the line, a jump resets it.
    #[test]
    fn rule_14_5() {
        let mut pacer = Pacer::default();
        assert_eq!(pacer.send_at(ms(1000), 0, 8000), ms(1000));
        assert_eq!(pacer.send_at(ms(1000), 160, 8000), ms(1020));
        assert_eq!(pacer.send_at(ms(1000), 320, 8000), ms(1040));
        assert_eq!(pacer.send_at(ms(1070), 480, 8000), ms(1070), "late");
        assert_eq!(pacer.send_at(ms(1075), 640, 8000), ms(1090), "on the shifted line");
        assert_eq!(pacer.send_at(ms(1100), 16000, 8000), ms(1100), "more than a second ahead");
        assert_eq!(pacer.send_at(ms(1100), 160, 8000), ms(1100), "or behind");
    }

    /// One late packet does not delay the stream for good, while a lead that some packets need stays.
    #[test]
    fn a_lead_that_nobody_needs_goes_away() {
        let mut pacer = Pacer::default();
        pacer.send_at(ms(0), 0, 8000);
        pacer.send_at(ms(32), 160, 8000);
        let mut lead = Duration::MAX;
        for n in 2..=200u32 {
            let now = ms(u64::from(n) * 20);
            lead = pacer.send_at(now, n * 160, 8000) - now;
        }
        assert!(lead <= ms(1), "{lead:?}");

        let mut pacer = Pacer::default();
        for n in 0..300u32 {
            let now = ms(u64::from(n / 3) * 60);
            assert_eq!(
                pacer.send_at(now, n * 160, 8000),
                ms(u64::from(n) * 20),
                "three at a time keep their pace"
            );
        }
    }

    /// `codecs.md` §14.5: a steady lead of more than 50 ms goes down by 10 ms every 25 packets.
    #[test]
    fn rule_14_5_skew() {
        let mut pacer = Pacer::default();
        pacer.send_at(ms(0), 0, 8000);
        pacer.send_at(ms(0), 800, 8000);
        let mut leads = Vec::new();
        for n in 1..=80u32 {
            let now = ms(u64::from(n) * 20);
            leads.push((pacer.send_at(now, 800 + n * 160, 8000) - now).as_millis());
        }
        assert_eq!(leads.first(), Some(&100));
        assert_eq!((leads.get(30), leads.get(55), leads.get(79)), (Some(&90), Some(&80), Some(&70)));
    }
}
