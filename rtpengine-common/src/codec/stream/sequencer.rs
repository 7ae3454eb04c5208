//! Putting packets of one SSRC back in order (`codecs.md` §15).

/// Packets that can wait; also how far ahead or behind a sequence number may be.
const SLOTS: u16 = 128;
/// A missing packet is waited for until this many others wait behind it ...
const MAX_WAITING: usize = 10;
/// ... or the newest timestamp is this far beyond the last one processed.
const MAX_WAIT_MS: u32 = 60;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It waits, or is the next one.
    Taken,
    /// It came before.
    Duplicate,
    /// Its number has nothing to do with those before: what waited was dropped, and it is the new start.
    Reset,
}

/// What happened so far (`codecs.md` §15(6)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequencerCounters {
    /// Packets that came before.
    pub duplicates: u64,
    /// New starts.
    pub resets: u64,
    /// Packets that came later than a packet behind them.
    pub reordered: u64,
    /// Packets given up.
    pub skips: u64,
}

struct Waiting<T> {
    sequence_number: u16,
    timestamp: u32,
    item: T,
}

/// The buffer of one source SSRC towards one sink, shared by all payload types.
pub struct Sequencer<T> {
    /// In the order of their numbers. Almost always empty.
    waiting: Vec<Waiting<T>>,
    expected: Option<u16>,
    /// Greatest timestamp processed.
    last: Option<u32>,
    counters: SequencerCounters,
}

impl<T> Default for Sequencer<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), expected: None, last: None, counters: SequencerCounters::default() }
    }
}

impl<T> Sequencer<T> {
    /// The first packet is expected to have this number.
    pub fn start(&mut self, sequence_number: u16) {
        self.expected = Some(sequence_number);
    }

    /// Some packet waits for one before it.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Is this a number before those that wait, that has not come and is still of use?
    #[must_use]
    pub fn is_missing(&self, sequence_number: u16) -> bool {
        let Some(expected) = self.expected else { return false };
        let distance = |number: u16| number.wrapping_sub(expected);
        let newest = self.waiting.last().map_or(0, |waiting| distance(waiting.sequence_number));
        distance(sequence_number) < newest
            && !self.waiting.iter().any(|waiting| waiting.sequence_number == sequence_number)
    }

    /// Is this the packet that is waited for, with none waiting behind it? Then it may be processed at once, after
    /// [`Sequencer::pass`].
    #[must_use]
    pub fn is_next(&self, sequence_number: u16) -> bool {
        self.waiting.is_empty() && self.expected.is_none_or(|expected| expected == sequence_number)
    }

    /// Counts a packet for which [`Sequencer::is_next`] held.
    pub fn pass(&mut self, sequence_number: u16) {
        self.expected = Some(sequence_number.wrapping_add(1));
    }

    /// Takes a packet.
    pub fn push(&mut self, sequence_number: u16, timestamp: u32, item: T) -> Stored {
        let expected = *self.expected.get_or_insert(sequence_number);
        let ahead = sequence_number.wrapping_sub(expected);
        if ahead < SLOTS {
            let distance = |waiting: &Waiting<T>| waiting.sequence_number.wrapping_sub(expected);
            let place = self.waiting.partition_point(|waiting| distance(waiting) < ahead);
            if self.waiting.get(place).is_some_and(|waiting| distance(waiting) == ahead) {
                self.counters.duplicates += 1;
                return Stored::Duplicate;
            }
            self.counters.reordered += u64::from(place < self.waiting.len());
            self.waiting.insert(place, Waiting { sequence_number, timestamp, item });
            return Stored::Taken;
        }
        if expected.wrapping_sub(sequence_number) < SLOTS {
            self.counters.duplicates += 1;
            return Stored::Duplicate;
        }
        self.counters.resets += 1;
        self.waiting.clear();
        self.waiting.push(Waiting { sequence_number, timestamp, item });
        self.expected = Some(sequence_number);
        self.last = None;
        Stored::Reset
    }

    /// The next packet that may be processed: the one in order, or the next available one if the missing ones were waited for
    /// long enough. `clock`: of the timestamps, in Hz.
    pub fn pop(&mut self, clock: u32) -> Option<(u16, T)> {
        let first = self.waiting.first()?;
        let in_order = self.expected == Some(first.sequence_number);
        if !in_order && !self.waited_enough(clock) {
            return None;
        }
        if !in_order {
            let missing = first.sequence_number.wrapping_sub(self.expected.unwrap_or(first.sequence_number));
            self.counters.skips += u64::from(missing);
        }
        let next = self.waiting.remove(0);
        self.expected = Some(next.sequence_number.wrapping_add(1));
        Some((next.sequence_number, next.item))
    }

    fn waited_enough(&self, clock: u32) -> bool {
        let beyond = |last: u32| {
            let limit = u64::from(clock) * u64::from(MAX_WAIT_MS) / 1000;
            let distance = |waiting: &Waiting<T>| waiting.timestamp.wrapping_sub(last).cast_signed();
            let newest = self.waiting.iter().map(distance).max().unwrap_or(0);
            u64::try_from(newest).is_ok_and(|newest| newest >= limit)
        };
        self.waiting.len() >= MAX_WAITING || self.last.is_some_and(beyond)
    }

    /// A packet with this timestamp was processed; `event_frame`: it was an event packet, with the units of a frame. Event packets that do
    /// not advance the timestamp move it on by a frame (`codecs.md` §15(3)).
    pub fn processed(&mut self, timestamp: u32, event_frame: Option<u32>) {
        let Some(last) = self.last else {
            self.last = Some(timestamp);
            return;
        };
        if timestamp.wrapping_sub(last).cast_signed() > 0 {
            self.last = Some(timestamp);
        } else if let Some(frame) = event_frame {
            self.last = Some(last.wrapping_add(frame));
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> SequencerCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(sequencer: &mut Sequencer<u16>) -> Vec<u16> {
        let mut all = Vec::new();
        while let Some((number, item)) = sequencer.pop(8000) {
            assert_eq!(number, item);
            sequencer.processed(u32::from(number) * 160, None);
            all.push(number);
        }
        all
    }

    fn push(sequencer: &mut Sequencer<u16>, number: u16) -> (Stored, Vec<u16>) {
        let stored = sequencer.push(number, u32::from(number) * 160, number);
        (stored, drain(sequencer))
    }

    /// `codecs.md` §15(2) and (3).
    #[test]
    fn rule_15_order_and_loss() {
        let mut s = Sequencer::default();
        assert_eq!(push(&mut s, 10), (Stored::Taken, vec![10]));
        assert_eq!(push(&mut s, 12), (Stored::Taken, vec![]));
        assert_eq!(push(&mut s, 12), (Stored::Duplicate, vec![]));
        assert_eq!(push(&mut s, 11), (Stored::Taken, vec![11, 12]));
        assert_eq!(push(&mut s, 11), (Stored::Duplicate, vec![]));
        // 13 is lost: 14 waits (40 ms beyond 12), 15 is 60 ms beyond.
        assert_eq!(push(&mut s, 14), (Stored::Taken, vec![]));
        assert_eq!(push(&mut s, 15), (Stored::Taken, vec![14, 15]));
        assert_eq!(push(&mut s, 13), (Stored::Duplicate, vec![]), "too late");
        let expected = SequencerCounters { duplicates: 3, resets: 0, reordered: 1, skips: 1 };
        assert_eq!(s.counters(), expected);
    }

    /// `codecs.md` §15(3): ten packets waiting, whatever their timestamps.
    #[test]
    fn rule_15_3_ten_packets() {
        let mut s = Sequencer::default();
        s.push(0, 0, 0);
        assert_eq!(drain(&mut s), [0]);
        for n in 2..11 {
            s.push(n, 0, n);
            assert_eq!(s.pop(8000), None);
        }
        s.push(11, 0, 11);
        assert_eq!(drain(&mut s).len(), 10);
    }

    /// `codecs.md` §15(2): limits of duplicate and reset, also over the wrap of the number.
    #[test]
    fn rule_15_2_resets() {
        let mut s = Sequencer::default();
        assert_eq!(push(&mut s, 65535).1, [65535]);
        assert_eq!(push(&mut s, 0).1, [0]);
        assert_eq!(push(&mut s, 65535).0, Stored::Duplicate);
        assert_eq!(s.push(1u16.wrapping_sub(127), 0, 0), Stored::Duplicate);
        assert_eq!(push(&mut s, 1u16.wrapping_sub(128)), (Stored::Reset, vec![1u16.wrapping_sub(128)]));
        let base = 1u16.wrapping_sub(127);
        assert_eq!(s.push(base.wrapping_add(127), 0, 0), Stored::Taken);
        assert_eq!(push(&mut s, base.wrapping_add(128)), (Stored::Reset, vec![base.wrapping_add(128)]));
        assert_eq!(s.counters().resets, 2);
    }

    /// `codecs.md` §15(3): event packets stand still in time and still let the wait end.
    #[test]
    fn rule_15_3_events_move_time_on() {
        let mut s = Sequencer::default();
        s.push(0, 8000, 0u16);
        s.pop(8000);
        s.processed(8000, Some(160));
        for _ in 0..3 {
            s.processed(8000, Some(160));
        }
        s.push(2, 8000 + 3 * 160 + 479, 2);
        assert!(s.pop(8000).is_none());
        s.push(3, 8000 + 3 * 160 + 480, 3);
        assert!(s.pop(8000).is_some());
    }
}
