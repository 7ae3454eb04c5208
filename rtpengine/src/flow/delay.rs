//! The delay buffer of one stream (media-plane.md §18.2, codecs.md §18.7(6)): every packet leaves a fixed time after it arrived. No clock and no
//! sockets; packets are of any type.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets waiting at most; beyond, the oldest leaves early.
const MAX_QUEUE: usize = 8192;

/// The buffer. What leaves is appended to a list of the caller's.
#[derive(Debug)]
pub(super) struct DelayBuffer<T> {
    delay: Duration,
    /// In order of arrival.
    queue: VecDeque<(Instant, T)>,
}

impl<T> Default for DelayBuffer<T> {
    fn default() -> Self {
        Self { delay: Duration::ZERO, queue: VecDeque::new() }
    }
}

impl<T> DelayBuffer<T> {
    /// Changes the delay, also for what waits: with less of it packets leave earlier, in the same order.
    pub(super) fn set_delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Packets can go past it: there is no delay, and none waits.
    #[must_use]
    pub(super) fn is_idle(&self) -> bool {
        self.delay.is_zero() && self.queue.is_empty()
    }

    /// Packets waiting.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Nothing waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When [`DelayBuffer::pop`] has something to give.
    #[must_use]
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.front().map(|(arrival, _)| *arrival + self.delay)
    }

    /// Takes a packet that arrived at `arrival`; one that arrived before the newest takes its place among the others. Returns what has to leave
    /// for want of room.
    pub(super) fn push(&mut self, arrival: Instant, item: T) -> Option<T> {
        let surplus =
            if self.queue.len() >= MAX_QUEUE { self.queue.pop_front().map(|(_, item)| item) } else { None };
        let later = self.queue.iter().rev().take_while(|(at, _)| *at > arrival).count();
        self.queue.insert(self.queue.len() - later, (arrival, item));
        surplus
    }

    /// What leaves now, if anything does: to be asked until there is nothing.
    pub(super) fn pop(&mut self, now: Instant) -> Option<T> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        self.queue.pop_front().map(|(_, item)| item)
    }

    /// Forgets what waits: another source takes its place (`play media`).
    pub(super) fn discard(&mut self) {
        self.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn drain(buffer: &mut DelayBuffer<u32>, now: Instant) -> Vec<u32> {
        std::iter::from_fn(|| buffer.pop(now)).collect()
    }

    /// Rule 2, with bursts that leave as bursts.
    #[test]
    fn rule_2_arrival_and_delay() {
        let (mut buffer, start) = (DelayBuffer::default(), Instant::now());
        buffer.set_delay(ms(2000));
        for n in 0..5u32 {
            buffer.push(start + ms(u64::from(n / 3 * 20)), n);
        }
        assert!(drain(&mut buffer, start + ms(1999)).is_empty());
        assert_eq!(drain(&mut buffer, start + ms(2000)), [0, 1, 2]);
        assert_eq!(buffer.due(), Some(start + ms(2020)));
        assert_eq!(drain(&mut buffer, start + ms(5000)), [3, 4]);
        assert!(!buffer.is_idle() && buffer.is_empty());
    }

    /// Rules 1 and 3: less delay lets them go earlier, none at once, always in order of arrival.
    #[test]
    fn rule_3_less_delay() {
        let (mut buffer, start) = (DelayBuffer::default(), Instant::now());
        buffer.set_delay(ms(500));
        for (n, at) in [(0, 0), (2, 40), (1, 20), (3, 60)] {
            buffer.push(start + ms(at), n);
        }
        buffer.set_delay(ms(100));
        assert_eq!(drain(&mut buffer, start + ms(130)), [0, 1]);
        buffer.set_delay(Duration::ZERO);
        assert!(!buffer.is_idle());
        assert_eq!(drain(&mut buffer, start + ms(130)), [2, 3]);
        assert!(buffer.is_idle());
    }

    /// Rule 4, and the bound.
    #[test]
    fn rule_4_discard_and_room() {
        let (mut buffer, start) = (DelayBuffer::default(), Instant::now());
        buffer.set_delay(Duration::from_secs(u64::from(u32::MAX) / 1000));
        for n in 0..MAX_QUEUE as u32 {
            assert_eq!(buffer.push(start, n), None);
        }
        assert_eq!(buffer.push(start, 9), Some(0));
        assert_eq!(buffer.len(), MAX_QUEUE);
        buffer.discard();
        assert!(drain(&mut buffer, start + Duration::from_secs(1 << 33)).is_empty());
    }
}
