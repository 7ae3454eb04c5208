//! The timer wheel of a shard: three rings of 256 slots at 1 ms, 256 ms and 65.5 s. Setting and firing cost the same however many timers
//! there are. A timer is never cancelled; whoever set it compares when it fires.

use std::time::{Duration, Instant};

const SLOTS: usize = 256;
const LEVELS: usize = 3;
const BITS: u32 = 8;

/// The farthest a timer can be set: what lies beyond fires there and is to be set again.
pub const HORIZON: Duration = Duration::from_millis((1 << (BITS * LEVELS as u32)) - 1);

/// Timers that carry a value.
#[derive(Debug)]
pub struct Wheel<T> {
    origin: Instant,
    /// Everything up to and including this millisecond has fired.
    done: u64,
    levels: [Level<T>; LEVELS],
    count: usize,
}

#[derive(Debug)]
struct Level<T> {
    slots: Vec<Vec<(u64, T)>>,
    occupied: [u64; SLOTS / 64],
}

impl<T> Level<T> {
    fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| Vec::new()).collect(), occupied: [0; SLOTS / 64] }
    }

    fn push(&mut self, slot: usize, at: u64, value: T) {
        self.slots[slot].push((at, value));
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    fn take(&mut self, slot: usize) -> Vec<(u64, T)> {
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        std::mem::take(&mut self.slots[slot])
    }

    /// Hands an emptied slot its storage back, so that a busy slot does not allocate each time round.
    fn restore(&mut self, slot: usize, mut storage: Vec<(u64, T)>) {
        storage.clear();
        if self.slots[slot].is_empty() && storage.capacity() <= 64 {
            self.slots[slot] = storage;
        }
    }

    /// How many slots after `from` the next occupied one comes, going round; 1..=SLOTS.
    fn distance(&self, from: usize) -> Option<u64> {
        let mut ahead = 1;
        while ahead <= SLOTS {
            let slot = (from + ahead) % SLOTS;
            let word = self.occupied[slot / 64] >> (slot % 64);
            if word != 0 {
                let found = ahead + word.trailing_zeros() as usize;
                return (found <= SLOTS).then_some(found as u64);
            }
            ahead += 64 - slot % 64;
        }
        None
    }
}

impl<T> Wheel<T> {
    /// An empty wheel whose time begins now.
    pub fn new(now: Instant) -> Self {
        Self { origin: now, done: 0, levels: std::array::from_fn(|_| Level::new()), count: 0 }
    }

    /// Number of timers set.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Sets a timer. It fires at the first `advance` at or after the moment, never before, up to a millisecond late.
    pub fn set(&mut self, at: Instant, value: T) {
        let after = at.saturating_duration_since(self.origin);
        let at = u64::try_from(after.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let at = at.max(self.done + 1).min(self.done + HORIZON.as_millis() as u64);
        self.place(at, value);
        self.count += 1;
    }

    fn place(&mut self, at: u64, value: T) {
        // The ring in which the current and the wanted turn differ only by less than one round.
        for level in 0..LEVELS {
            let shift = BITS * level as u32;
            if (at >> shift) - (self.done >> shift) < SLOTS as u64 {
                self.levels[level].push((at >> shift) as usize % SLOTS, at, value);
                return;
            }
        }
        // `set` limits the moment to the horizon; one round of the last ring covers it but for its first slot.
        let shift = BITS * (LEVELS as u32 - 1);
        let slot = ((self.done >> shift) as usize + SLOTS - 1) % SLOTS;
        self.levels[LEVELS - 1].push(slot, at, value);
    }

    /// Fires what is due by `now`, in order of milliseconds.
    pub fn advance(&mut self, now: Instant, mut fire: impl FnMut(T)) {
        let now = u64::try_from(now.saturating_duration_since(self.origin).as_millis()).unwrap_or(u64::MAX);
        while self.done < now {
            let Some(next) = self.next_ms() else {
                self.done = now;
                return;
            };
            if next > now {
                // Nothing to move down before `next`, which is the earliest slot of any ring.
                self.done = now;
                return;
            }
            self.done = next;
            self.cascade();
            let slot = next as usize % SLOTS;
            let mut due = self.levels[0].take(slot);
            self.count -= due.len();
            for (_, value) in due.drain(..) {
                fire(value);
            }
            self.levels[0].restore(slot, due);
        }
    }

    /// Moves what the outer rings hold for the millisecond just reached one ring inwards.
    fn cascade(&mut self) {
        for level in (1..LEVELS).rev() {
            let shift = BITS * level as u32;
            if self.done & ((1 << shift) - 1) != 0 {
                continue;
            }
            let slot = (self.done >> shift) as usize % SLOTS;
            let mut moved = self.levels[level].take(slot);
            for (at, value) in moved.drain(..) {
                self.place(at.max(self.done), value);
            }
            self.levels[level].restore(slot, moved);
        }
    }

    /// The next millisecond at which anything happens: a timer fires or a slot of an outer ring is opened.
    fn next_ms(&self) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        (0..LEVELS)
            .filter_map(|level| {
                let shift = BITS * level as u32;
                let turn = self.done >> shift;
                let ahead = self.levels[level].distance(turn as usize % SLOTS)?;
                Some((turn + ahead) << shift)
            })
            .min()
    }

    /// When to call `advance` next: not later than the earliest timer.
    pub fn next(&self) -> Option<Instant> {
        self.next_ms().map(|ms| self.origin + Duration::from_millis(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fires_never_early_and_at_most_a_millisecond_late() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.set(start + Duration::from_micros(1500), 'a');
        let mut fired = Vec::new();
        wheel.advance(start + Duration::from_micros(1999), |value| fired.push(value));
        assert!(fired.is_empty());
        assert_eq!(wheel.next(), Some(start + Duration::from_millis(2)));
        wheel.advance(start + Duration::from_millis(2), |value| fired.push(value));
        assert_eq!((fired, wheel.is_empty(), wheel.next()), (vec!['a'], true, None));
    }

    #[test]
    fn a_timer_of_the_past_fires_at_the_next_millisecond_and_a_far_one_at_the_horizon() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.set(start, 1);
        wheel.set(start + HORIZON * 3, 2);
        let mut fired = Vec::new();
        wheel.advance(start + Duration::from_millis(1), |value| fired.push(value));
        assert_eq!(fired, [1]);
        wheel.advance(start + HORIZON + Duration::from_millis(1), |value| fired.push(value));
        assert_eq!(fired, [1, 2]);
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_list(
            steps in proptest::collection::vec((0u64..200_000, proptest::collection::vec(0u64..20_000_000, 0..5)), 1..60),
        ) {
            let start = Instant::now();
            let mut wheel = Wheel::new(start);
            let mut model: Vec<(u64, usize)> = Vec::new();
            let (mut now, mut serial) = (0u64, 0usize);
            for (step, timers) in steps {
                for delay in timers {
                    let delay = delay.min(HORIZON.as_millis() as u64);
                    wheel.set(start + Duration::from_millis(now + delay), serial);
                    model.push(((now + delay).max(now + 1), serial));
                    serial += 1;
                }
                now += step;
                let mut fired = Vec::new();
                wheel.advance(start + Duration::from_millis(now), |value| fired.push(value));
                fired.sort_unstable();
                let mut expected: Vec<usize> = model.iter().filter(|(at, _)| *at <= now).map(|(_, n)| *n).collect();
                expected.sort_unstable();
                model.retain(|(at, _)| *at > now);
                prop_assert_eq!(fired, expected);
                prop_assert_eq!(wheel.len(), model.len());
                if let Some(earliest) = model.iter().map(|(at, _)| *at).min() {
                    let next = wheel.next().expect("timers are left");
                    prop_assert!(next <= start + Duration::from_millis(earliest));
                    prop_assert!(next > start + Duration::from_millis(now));
                }
            }
        }
    }
}
