//! Sequence numbers and timestamps of what is sent (`codecs.md` §§14.2, 14.3).

/// Sequence numbers of one transcoded stream: input number plus an offset.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SequenceNumbers {
    offset: u16,
    last: Option<u16>,
    input: u16,
    first: Option<u16>,
    /// Numbers follow each other from the first input's, whatever comes in (§16.1(2)).
    continuous: bool,
}

impl SequenceNumbers {
    /// A packet with this number is about to be handled.
    pub(super) fn input(&mut self, sequence_number: u16) {
        self.input = sequence_number;
        self.first.get_or_insert(sequence_number);
    }

    /// Whether the numbers are the output's own, without the gaps of the input.
    pub(super) fn set_continuous(&mut self, continuous: bool) {
        if self.continuous && !continuous {
            self.restart(self.input.wrapping_add(1));
        }
        self.continuous = continuous;
    }

    /// The input begins anew with this number; the output goes on from its last one.
    pub(super) fn restart(&mut self, sequence_number: u16) {
        self.input = sequence_number;
        if let Some(last) = self.last {
            self.offset = last.wrapping_add(1).wrapping_sub(sequence_number);
        }
    }

    /// The packet was taken by a decoder, or swallowed.
    pub(super) fn consumed(&mut self) {
        self.offset = self.offset.wrapping_sub(1);
    }

    /// The number for a packet made of consumed ones.
    pub(super) fn emitted(&mut self) -> u16 {
        self.offset = self.offset.wrapping_add(1);
        self.forwarded()
    }

    /// The number for the packet itself.
    pub(super) fn forwarded(&mut self) -> u16 {
        let number = match (self.continuous, self.last) {
            (true, Some(last)) => last.wrapping_add(1),
            (true, None) => self.first.unwrap_or(self.input),
            (false, _) => self.input.wrapping_add(self.offset),
        };
        self.last = Some(number);
        number
    }
}

/// Timestamps of one encoder: they begin at an input timestamp and count what was encoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timestamps {
    next: Option<u32>,
}

impl Timestamps {
    /// The first packet of a fresh context gives the start; later ones have no influence.
    pub(super) fn start(&mut self, timestamp: u32) {
        self.next.get_or_insert(timestamp);
    }

    /// The timestamp of a packet that lasts `duration`.
    pub(super) fn emit(&mut self, duration: u32) -> u32 {
        let timestamp = self.next.unwrap_or(0);
        self.next = Some(timestamp.wrapping_add(duration));
        timestamp
    }

    /// Where the next packet begins; `None` before the first input.
    pub(super) fn position(&self) -> Option<u32> {
        self.next
    }

    /// The next packet begins here.
    pub(super) fn set(&mut self, timestamp: u32) {
        self.next = Some(timestamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `codecs.md` §16.1(2).
    #[test]
    fn rule_16_1_2() {
        let mut numbers = SequenceNumbers::default();
        numbers.set_continuous(true);
        numbers.input(65535);
        numbers.consumed();
        numbers.input(7);
        assert_eq!([numbers.emitted(), numbers.forwarded(), numbers.emitted()], [65535, 0, 1]);
        numbers.set_continuous(false);
        numbers.input(8);
        assert_eq!(numbers.forwarded(), 2);
    }

    /// `codecs.md` §14.2: held back input, several packets for one input, loss.
    #[test]
    fn rule_14_2() {
        let mut numbers = SequenceNumbers::default();
        numbers.input(100);
        numbers.consumed();
        numbers.input(101);
        numbers.consumed();
        assert_eq!(numbers.emitted(), 100, "the number of the first input consumed");
        numbers.input(102);
        numbers.consumed();
        assert_eq!((numbers.emitted(), numbers.emitted()), (101, 102));
        numbers.input(105);
        numbers.consumed();
        assert_eq!(numbers.emitted(), 105, "two lost: the gap stays");
        numbers.input(106);
        numbers.consumed();
        numbers.input(107);
        assert_eq!(numbers.forwarded(), 106, "one was swallowed");
        numbers.restart(9000);
        numbers.consumed();
        assert_eq!(numbers.emitted(), 107, "on from the last number after a reset");
    }
}
