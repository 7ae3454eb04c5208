//! Sequence numbers: the 32-bit packet index that SRTP counts on, and loss tracking.

/// The 32-bit packet index of one SSRC in one direction: rollover counter and sequence number
/// (RFC 3711 section 3.3.1 with the rules of media-plane.md 9.4).
///
/// It lives with the SSRC entry and not with the keys, so that a plain RTP stream that turns into SRTP
/// goes on with the right rollover counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketIndex(u32);

impl PacketIndex {
    /// An index as stored elsewhere (Redis, the kernel); 0 means that no packet was seen.
    #[must_use]
    pub fn from_raw(index: u32) -> Self {
        Self(index)
    }

    /// Rollover counter in the upper, sequence number in the lower half.
    #[must_use]
    pub fn raw(self) -> u32 {
        self.0
    }

    /// Rollover counter.
    #[must_use]
    pub fn roc(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Sequence number of the packet that set the index last.
    #[must_use]
    pub fn sequence_number(self) -> u16 {
        self.0 as u16
    }

    /// The index a packet with this sequence number most likely has.
    #[must_use]
    pub fn estimate(self, sequence_number: u16) -> Self {
        if self.0 == 0 {
            return Self(u32::from(sequence_number));
        }
        let (roc, last) = (self.roc(), self.sequence_number());
        let roc = if last < 0x8000 {
            let wrapped_back = i32::from(sequence_number) - i32::from(last) > 0x8000 && roc > 0;
            if wrapped_back { roc - 1 } else { roc }
        } else if last - 0x8000 > sequence_number {
            roc.wrapping_add(1)
        } else {
            roc
        };
        self.with_roc_and_sequence(roc, sequence_number)
    }

    /// Takes a packet: the estimate replaces the stored index, also for an older packet.
    pub fn update(&mut self, sequence_number: u16) -> Self {
        *self = self.estimate(sequence_number);
        *self
    }

    /// The same sequence number under another rollover counter.
    #[must_use]
    pub fn with_roc(self, roc: u16) -> Self {
        self.with_roc_and_sequence(roc, self.sequence_number())
    }

    /// Another sequence number under the same rollover counter.
    #[must_use]
    pub fn with_sequence_number(self, sequence_number: u16) -> Self {
        self.with_roc_and_sequence(self.roc(), sequence_number)
    }

    fn with_roc_and_sequence(self, roc: u16, sequence_number: u16) -> Self {
        Self((u32::from(roc) << 16) | u32::from(sequence_number))
    }
}

/// What [`LossTracker::update`] made of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first packet of the source.
    First,
    /// Newer than all before.
    Advance,
    /// Older than the newest, seen for the first time or too old to tell.
    Late,
    /// Seen before.
    Duplicate,
    /// A jump too large to be loss: counting starts anew at this packet.
    Reset,
}

/// Loss and duplicates of one source by a window of 32 packets (media-plane.md 8 rule 6).
///
/// A packet counts as lost only when it leaves the window without having come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossTracker {
    /// Number of the newest packet, extended by the wraps seen.
    highest: u32,
    /// Bit n: the packet n before the newest has come. Packets before the first count as having come.
    window: u32,
    started: bool,
    lost: u32,
    duplicates: u32,
}

impl LossTracker {
    /// Differences from here up (mod 2^16) are packets older than the newest.
    const OLD: u16 = 0xfeff;
    /// Differences above this are no loss but a new beginning.
    const MAX_GAP: u16 = 0x100;

    /// Takes the sequence number of a received packet.
    pub fn update(&mut self, sequence_number: u16) -> Arrival {
        if !self.started {
            self.started = true;
            self.restart(u32::from(sequence_number));
            return Arrival::First;
        }
        let difference = sequence_number.wrapping_sub(self.highest as u16);
        if difference == 0 || difference >= Self::OLD {
            return self.take_old(difference.wrapping_neg());
        }
        let extended = self.highest.wrapping_add(u32::from(difference));
        if difference > Self::MAX_GAP {
            self.restart((self.highest & 0xffff_0000) | u32::from(sequence_number));
            return Arrival::Reset;
        }
        self.advance(u32::from(difference));
        self.highest = extended;
        Arrival::Advance
    }

    /// Packets that never came.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost
    }

    /// Packets that came more than once.
    #[must_use]
    pub fn duplicates(&self) -> u32 {
        self.duplicates
    }

    /// Highest sequence number with the count of wraps in the upper half (RFC 3550 section 6.4.1).
    #[must_use]
    pub fn extended_highest(&self) -> u32 {
        self.highest
    }

    fn restart(&mut self, highest: u32) {
        self.highest = highest;
        self.window = u32::MAX;
    }

    fn take_old(&mut self, age: u16) -> Arrival {
        let Some(bit) = 1_u32.checked_shl(u32::from(age)) else { return Arrival::Late };
        if self.window & bit != 0 {
            self.duplicates = self.duplicates.saturating_add(1);
            return Arrival::Duplicate;
        }
        self.window |= bit;
        Arrival::Late
    }

    fn advance(&mut self, by: u32) {
        if by >= 32 {
            self.lost = self.lost.saturating_add(32);
            // Those 32 are counted: none of them may be counted again when it leaves the window.
            self.window = u32::MAX;
            return;
        }
        let leaving = !self.window & !(u32::MAX >> by);
        self.lost = self.lost.saturating_add(leaving.count_ones());
        self.window = (self.window << by) | 1;
    }
}
