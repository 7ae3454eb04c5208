//! Interarrival jitter (RFC 3550 section 6.4.1 and appendix A.8).

/// Arrival time in units of an RTP clock, as the jitter formula compares it with time stamps.
///
/// Only differences count, so the origin of `micros` is free as long as it stays the same.
#[must_use]
pub fn arrival_in_clock_units(micros: u64, clock_rate: u32) -> u32 {
    // Seconds and the rest apart: the product of the whole would overflow after some days.
    let seconds = (micros / 1_000_000).wrapping_mul(u64::from(clock_rate));
    let rest = (micros % 1_000_000) * u64::from(clock_rate) / 1_000_000;
    seconds.wrapping_add(rest) as u32
}

/// Running jitter estimate of one source, in sixteenths of a clock unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterEstimator {
    transit: Option<u32>,
    scaled: u32,
}

impl JitterEstimator {
    /// Deviations from here up are jumps of a clock and not jitter (media-plane.md 8 rule 6).
    const MAX_DEVIATION: u32 = 100_000;

    /// Takes a packet: arrival and RTP time stamp in the same clock units.
    pub fn update(&mut self, arrival: u32, timestamp: u32) {
        let transit = arrival.wrapping_sub(timestamp);
        let Some(last) = self.transit.replace(transit) else { return };
        let deviation = (transit.wrapping_sub(last) as i32).unsigned_abs();
        if deviation >= Self::MAX_DEVIATION {
            return;
        }
        // Below 16 * MAX_DEVIATION at all times, so neither step can wrap.
        self.scaled = (self.scaled + deviation).saturating_sub((self.scaled + 8) >> 4);
    }

    /// The estimate in clock units, as a report block carries it.
    #[must_use]
    pub fn clock_units(&self) -> u32 {
        self.scaled >> 4
    }

    /// The estimate in sixteenths of a clock unit.
    #[must_use]
    pub fn scaled(&self) -> u32 {
        self.scaled
    }

    /// Forgets the last packet but not the estimate: after a change of the time stamp's origin.
    pub fn rebase(&mut self) {
        self.transit = None;
    }

    /// The sampling of `--measure-rtp` (media-plane.md 13.6 rule 9): the running estimate is replaced by
    /// its value in milliseconds, and that is the sample. `None` while the estimate is 0.
    pub fn sample(&mut self, clock_rate: u32) -> Option<u32> {
        if self.scaled == 0 || clock_rate == 0 {
            return None;
        }
        let sample = u64::from(self.scaled) * 1000 / u64::from(clock_rate);
        // A clock below 1000 Hz would make the estimate grow; it is bounded like the deviations are.
        self.scaled = u32::try_from(sample).unwrap_or(u32::MAX).min(16 * Self::MAX_DEVIATION);
        Some(self.scaled)
    }
}
