//! NTP time stamps as RTCP carries them (RFC 3550 section 4).

use std::time::Duration;

/// Seconds from 1900 (the NTP epoch) to 1970 (the Unix epoch).
const UNIX_EPOCH_SECONDS: u64 = 2_208_988_800;

/// A 64-bit NTP time: seconds since 1900 in the upper half, their fraction in the lower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From the time since the Unix epoch. Seconds are taken modulo 2^32, as the era of NTP does.
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs().wrapping_add(UNIX_EPOCH_SECONDS);
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        Self((seconds << 32) | fraction)
    }

    /// Time since the Unix epoch; `None` for times before it. To the nanosecond below.
    #[must_use]
    pub fn to_unix(self) -> Option<Duration> {
        let seconds = (self.0 >> 32).checked_sub(UNIX_EPOCH_SECONDS)?;
        let nanos = ((self.0 & 0xffff_ffff) * 1_000_000_000) >> 32;
        Some(Duration::new(seconds, nanos as u32))
    }

    /// The middle 32 bits, in units of 1/65536 s: what LSR and LRR fields hold.
    #[must_use]
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// Upper half.
    #[must_use]
    pub fn seconds(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Lower half.
    #[must_use]
    pub fn fraction(self) -> u32 {
        self.0 as u32
    }

    /// A span in units of 1/65536 s, as DLSR and DLRR fields hold it; the largest value if it is longer.
    #[must_use]
    pub fn delay_units(span: Duration) -> u32 {
        u32::try_from(span.as_micros() * 65_536 / 1_000_000).unwrap_or(u32::MAX)
    }

    /// A DLSR or DLRR field in microseconds.
    #[must_use]
    pub fn delay_micros(units: u32) -> u64 {
        u64::from(units) * 1_000_000 / 65_536
    }
}
