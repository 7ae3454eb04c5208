//! Keeps a warning that could come with every packet to one in 15 seconds (spec/operations.md §5.3).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Between two records of the same context and text.
const INTERVAL: Duration = Duration::from_secs(15);
/// Bound of the memory: when full, the entries whose time is over go first, then all.
const ENTRIES: usize = 4096;

/// Remembers when which record was written last.
#[derive(Debug, Default)]
pub struct Limiter {
    last: HashMap<u64, Instant>,
    hasher: RandomState,
}

impl Limiter {
    /// Whether a record of this context and text may be written now.
    pub fn allow(&mut self, context: &str, text: &str, now: Instant) -> bool {
        let key = self.hasher.hash_one((context, text));
        if self.last.get(&key).is_some_and(|last| now.saturating_duration_since(*last) < INTERVAL) {
            return false;
        }
        if self.last.len() >= ENTRIES {
            self.last.retain(|_, last| now.saturating_duration_since(*last) < INTERVAL);
            if self.last.len() >= ENTRIES {
                self.last.clear();
            }
        }
        self.last.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_per_interval_and_context() {
        let mut limiter = Limiter::default();
        let start = Instant::now();
        assert!(limiter.allow("a", "x", start));
        assert!(!limiter.allow("a", "x", start + Duration::from_secs(14)));
        assert!(limiter.allow("b", "x", start));
        assert!(limiter.allow("a", "y", start));
        assert!(limiter.allow("a", "x", start + INTERVAL));
    }

    #[test]
    fn memory_is_bounded() {
        let mut limiter = Limiter::default();
        let start = Instant::now();
        for i in 0..3 * ENTRIES {
            assert!(limiter.allow("", &i.to_string(), start));
        }
        assert!(limiter.last.len() <= ENTRIES);
    }
}
