//! Replay protection (RFC 3711 section 3.3.2), an option that is off by default: today's deployments
//! send reordered and restarted streams that must not be dropped (media-plane.md 9.4, 24).

/// What a window says about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Not seen before.
    New,
    /// Seen before.
    Replayed,
    /// Older than the window reaches; cannot be told from a replayed one.
    TooOld,
}

/// Which of the last packets of one SSRC have been received.
///
/// [`ReplayWindow::check`] comes before authentication and [`ReplayWindow::accept`] after it, so that a
/// forged packet cannot move the window.
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    /// One bit per packet, at the place of its index modulo the size.
    bits: Box<[u64]>,
    /// Highest index accepted.
    highest: Option<u32>,
}

impl ReplayWindow {
    /// Smallest window RFC 3711 allows.
    pub const MIN: usize = 64;
    /// Largest window kept: 4 KiB per SSRC.
    pub const MAX: usize = 32_768;

    /// A window of so many packets, rounded up to a multiple of 64 within [`Self::MIN`] and
    /// [`Self::MAX`].
    #[must_use]
    pub fn new(packets: usize) -> Self {
        let words = packets.clamp(Self::MIN, Self::MAX).div_ceil(64);
        Self { bits: vec![0; words].into(), highest: None }
    }

    /// Packets the window reaches back.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.bits.len() as u32 * 64
    }

    /// Judges an index; changes nothing.
    #[must_use]
    pub fn check(&self, index: u32) -> Replay {
        match self.highest {
            Some(highest) if index <= highest => {
                if highest - index >= self.size() {
                    Replay::TooOld
                } else if self.bit(index) {
                    Replay::Replayed
                } else {
                    Replay::New
                }
            }
            _ => Replay::New,
        }
    }

    /// Takes the index of an authentic packet.
    pub fn accept(&mut self, index: u32) {
        match self.highest {
            Some(highest) if index > highest => {
                // At most one turn of the ring needs clearing, however far the jump.
                let steps = (index - highest).min(self.size());
                for step in 1..=steps {
                    self.set(highest.wrapping_add(step), false);
                }
                self.highest = Some(index);
            }
            Some(highest) if highest - index >= self.size() => return,
            Some(_) => {}
            None => self.highest = Some(index),
        }
        self.set(index, true);
    }

    /// Forgets everything: new keys, or a stream that starts anew.
    pub fn reset(&mut self) {
        self.bits.fill(0);
        self.highest = None;
    }

    fn place(&self, index: u32) -> (usize, u64) {
        let place = index % self.size();
        ((place / 64) as usize, 1 << (place % 64))
    }

    fn bit(&self, index: u32) -> bool {
        let (word, mask) = self.place(index);
        self.bits.get(word).is_some_and(|word| word & mask != 0)
    }

    fn set(&mut self, index: u32, value: bool) {
        let (word, mask) = self.place(index);
        if let Some(word) = self.bits.get_mut(word) {
            *word = if value { *word | mask } else { *word & !mask };
        }
    }
}
