//! Limits on new calls (ng-control.md 14): the checks, and the sampled load of the machine they look at.

use std::sync::atomic::{AtomicU64, Ordering};

/// The limits in force. They change while running (`set maxsessions` and the like).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Own sessions; negative is off, 0 refuses all new calls.
    pub max_sessions: i64,
    /// One-minute load average; 0 is off.
    pub max_load: f64,
    /// CPU use in percent; 0 is off.
    pub max_cpu: f64,
    /// Received bytes per second; 0 is off.
    pub max_bandwidth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_sessions: -1, max_load: 0.0, max_cpu: 0.0, max_bandwidth: 0 }
    }
}

/// Why a new call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `max-sessions`; counts as a rejected session.
    #[error("Parallel session limit reached")]
    Sessions,
    /// `max-load`
    #[error("Load limit exceeded")]
    Load,
    /// `max-cpu`
    #[error("CPU usage limit exceeded")]
    Cpu,
    /// `max-bandwidth`
    #[error("Bandwidth limit exceeded")]
    Bandwidth,
}

/// What the limits are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Present {
    /// Call-ids with a session of our own.
    pub own_sessions: u64,
    /// One-minute load average.
    pub load: f64,
    /// CPU use of the machine in percent.
    pub cpu: f64,
    /// Bytes received in the last second.
    pub bandwidth: u64,
}

impl Limits {
    /// Whether load or CPU use needs to be sampled at all.
    pub fn need_sampling(&self) -> bool {
        self.max_load > 0.0 || self.max_cpu > 0.0
    }

    /// Checks a new call.
    pub fn check(&self, present: &Present) -> Result<(), Refusal> {
        if u64::try_from(self.max_sessions).is_ok_and(|limit| present.own_sessions >= limit) {
            return Err(Refusal::Sessions);
        }
        if self.max_load > 0.0 && present.load >= self.max_load {
            return Err(Refusal::Load);
        }
        if self.max_cpu > 0.0 && present.cpu >= self.max_cpu {
            return Err(Refusal::Cpu);
        }
        if self.max_bandwidth > 0 && present.bandwidth >= self.max_bandwidth {
            return Err(Refusal::Bandwidth);
        }
        Ok(())
    }
}

/// The last sample of the machine's load, written by a side thread.
#[derive(Debug, Default)]
pub struct MachineLoad {
    load: AtomicU64,
    cpu: AtomicU64,
}

impl MachineLoad {
    /// Stores a sample.
    pub fn set(&self, load: f64, cpu: f64) {
        self.load.store(load.to_bits(), Ordering::Relaxed);
        self.cpu.store(cpu.to_bits(), Ordering::Relaxed);
    }

    /// Load average and CPU percentage.
    pub fn get(&self) -> (f64, f64) {
        (f64::from_bits(self.load.load(Ordering::Relaxed)), f64::from_bits(self.cpu.load(Ordering::Relaxed)))
    }
}

/// Ticks of the first line of `/proc/stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTicks {
    busy: u64,
    idle: u64,
}

impl CpuTicks {
    /// Reads `cpu user nice system idle …`.
    pub fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
        let mut next = || fields.next()?.parse::<u64>().ok();
        let (user, nice, system, idle) = (next()?, next()?, next()?, next()?);
        Some(Self { busy: user.checked_add(nice)?.checked_add(system)?, idle })
    }

    /// Busy percentage since an earlier reading; 0 if no time passed.
    pub fn percent_since(self, earlier: Self) -> f64 {
        let busy = self.busy.saturating_sub(earlier.busy) as f64;
        let idle = self.idle.saturating_sub(earlier.idle) as f64;
        if busy + idle == 0.0 { 0.0 } else { busy * 100.0 / (busy + idle) }
    }
}

/// The one-minute average of `/proc/loadavg`.
pub fn parse_load_average(text: &str) -> Option<f64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_limit_that_is_reached_wins() {
        let present = Present { own_sessions: 10, load: 2.0, cpu: 50.0, bandwidth: 1000 };
        let mut limits = Limits { max_sessions: 10, max_load: 2.0, max_cpu: 50.0, max_bandwidth: 1000 };
        assert_eq!(limits.check(&present), Err(Refusal::Sessions));
        limits.max_sessions = 11;
        assert_eq!(limits.check(&present), Err(Refusal::Load));
        limits.max_load = 0.0;
        assert_eq!(limits.check(&present), Err(Refusal::Cpu));
        limits.max_cpu = 50.1;
        assert_eq!(limits.check(&present), Err(Refusal::Bandwidth));
        limits.max_bandwidth = 0;
        assert_eq!(limits.check(&present), Ok(()));
    }

    #[test]
    fn no_sessions_at_all_when_draining_and_no_limit_by_default() {
        let none = Present::default();
        let draining = Limits { max_sessions: 0, ..Limits::default() };
        assert_eq!(draining.check(&none), Err(Refusal::Sessions));
        let many = Present { own_sessions: u64::MAX, load: 1e9, cpu: 100.0, bandwidth: u64::MAX };
        assert_eq!(Limits::default().check(&many), Ok(()));
    }

    #[test]
    fn cpu_use_is_the_busy_share_of_the_ticks_between_two_readings() {
        let first = CpuTicks::parse("cpu  10 0 10 80 5 0 0\ncpu0 1 2 3 4").unwrap();
        let second = CpuTicks::parse("cpu  20 10 20 90 5 0 0").unwrap();
        assert!((second.percent_since(first) - 75.0).abs() < 1e-9);
        assert!(second.percent_since(second).abs() < 1e-9);
        assert_eq!(CpuTicks::parse("cpu 1 2"), None);
        assert_eq!(CpuTicks::parse(""), None);
        assert_eq!(parse_load_average("0.25 1 2 3/4 5"), Some(0.25));
    }
}
