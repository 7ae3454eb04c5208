//! Protection against packets that come back to us again and again (media-plane.md §3.5).

use std::time::{Duration, Instant};

const COMPARED: usize = 28;
const REMEMBERED: usize = 2;
const TOLERATED: u8 = 30;
const WINDOW: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct Sample {
    len: usize,
    head: [u8; COMPARED],
    seen: Instant,
}

/// The last two different packets and how often they were repeated.
#[derive(Debug, Default)]
pub(super) struct LoopMemory {
    samples: [Option<Sample>; REMEMBERED],
    next: usize,
    repeated: u8,
}

impl LoopMemory {
    /// Notes a packet; `false` when it is to be dropped: 1 + 30 equal packets pass.
    pub(super) fn admits(&mut self, bytes: &[u8], now: Instant) -> bool {
        let mut head = [0; COMPARED];
        let compared = bytes.len().min(COMPARED);
        head[..compared].copy_from_slice(&bytes[..compared]);
        let known =
            self.samples.iter_mut().flatten().find(|sample| sample.len == bytes.len() && sample.head == head);
        let Some(sample) = known else {
            self.remember(Sample { len: bytes.len(), head, seen: now });
            return true;
        };
        let fresh = now.saturating_duration_since(sample.seen) <= WINDOW;
        sample.seen = now;
        if !fresh {
            self.repeated = 0;
            return true;
        }
        if self.repeated >= TOLERATED {
            return false;
        }
        self.repeated += 1;
        true
    }

    fn remember(&mut self, sample: Sample) {
        self.samples[self.next] = Some(sample);
        self.next = (self.next + 1) % REMEMBERED;
        self.repeated = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_3_5_2_31_equal_packets_pass_and_the_32nd_is_dropped() {
        let (mut memory, now) = (LoopMemory::default(), Instant::now());
        for at in 0..31 {
            assert!(memory.admits(b"again and again", now + Duration::from_millis(20 * at)), "packet {at}");
        }
        assert!(!memory.admits(b"again and again", now + Duration::from_millis(620)));
        assert!(!memory.admits(b"again and again", now + Duration::from_millis(640)));
    }

    #[test]
    fn rule_3_5_2_two_alternating_packets_count_together() {
        let (mut memory, now) = (LoopMemory::default(), Instant::now());
        let passed = (0..200).filter(|at| memory.admits(if at % 2 == 0 { b"a" } else { b"b" }, now)).count();
        assert_eq!(passed, 32);
    }

    #[test]
    fn rule_3_5_3_a_pause_or_another_packet_starts_anew() {
        let (mut memory, now) = (LoopMemory::default(), Instant::now());
        assert_eq!((0..40).filter(|_| memory.admits(b"x", now)).count(), 31);
        assert!(memory.admits(b"x", now + Duration::from_millis(1001)));
        assert_eq!((0..40).filter(|_| memory.admits(b"x", now + Duration::from_millis(1100))).count(), 30);
        assert!(memory.admits(b"y", now + Duration::from_millis(1100)));
        assert!(memory.admits(b"x", now + Duration::from_millis(1100)));
    }

    #[test]
    fn only_length_and_the_first_28_bytes_count() {
        let (mut memory, now) = (LoopMemory::default(), Instant::now());
        let (mut one, mut two) = ([7; 60], [7; 60]);
        one[40] = 1;
        two[40] = 2;
        let passed = (0..40).filter(|at| memory.admits(if at % 2 == 0 { &one } else { &two }, now)).count();
        assert_eq!(passed, 31);
        assert!(memory.admits(&one[..59], now));
    }
}
