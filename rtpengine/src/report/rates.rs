//! Packets, bytes and errors per second, recomputed once per second (operations.md 8.1 rule 1).

use super::counters::{Counter, Totals};
use parking_lot::Mutex;
use std::time::Instant;

/// The counters that rates are kept of: user space, then kernel.
const COUNTED: [Counter; 6] = [
    Counter::PacketsUser,
    Counter::BytesUser,
    Counter::ErrorsUser,
    Counter::PacketsKernel,
    Counter::BytesKernel,
    Counter::ErrorsKernel,
];

/// Per-second figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSecond([u64; COUNTED.len()]);

impl PerSecond {
    /// The rate of a counter; 0 for one without a rate.
    pub fn of(self, counter: Counter) -> u64 {
        COUNTED.iter().zip(self.0).find(|(counted, _)| **counted == counter).map_or(0, |(_, rate)| rate)
    }

    /// Bytes per second by user space and kernel together.
    pub fn bytes_total(self) -> u64 {
        self.of(Counter::BytesUser).saturating_add(self.of(Counter::BytesKernel))
    }
}

/// The last figures, and what they were computed from.
#[derive(Debug, Default)]
pub struct Rates(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    before: Option<(Instant, [u64; COUNTED.len()])>,
    rates: PerSecond,
}

impl Rates {
    /// Computes the rates anew.
    pub fn update(&self, now: Instant, totals: &Totals) {
        let values = COUNTED.map(|counter| totals.counter(counter));
        let mut inner = self.0.lock();
        if let Some((then, before)) = inner.before {
            let elapsed = now.saturating_duration_since(then).as_micros().max(1);
            for (rate, (value, old)) in inner.rates.0.iter_mut().zip(values.into_iter().zip(before)) {
                let grown = u128::from(value.saturating_sub(old));
                *rate = u64::try_from(grown * 1_000_000 / elapsed).unwrap_or(u64::MAX);
            }
        }
        inner.before = Some((now, values));
    }

    /// The last figures.
    pub fn get(&self) -> PerSecond {
        self.0.lock().rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::counters::Block;
    use std::time::Duration;

    #[test]
    fn a_rate_is_the_growth_per_second() {
        let (block, rates, start) = (Block::new(0), Rates::default(), Instant::now());
        rates.update(start, &Totals::of([&block]));
        block.count(Counter::BytesUser, 300);
        rates.update(start + Duration::from_millis(1500), &Totals::of([&block]));
        assert_eq!(rates.get().of(Counter::BytesUser), 200);
        assert_eq!(rates.get().bytes_total(), 200);
        rates.update(start + Duration::from_millis(2500), &Totals::of([&block]));
        assert_eq!(rates.get(), PerSecond::default());
    }
}
