//! What hides DTMF in a stream: which moments belong to a digit, and what is sent then (`codecs.md` §18.7).
//!
//! Digits are noted when they arrive; what becomes of a packet is decided when it leaves, by the mode in force then. Moments are RTP
//! timestamps of the source.

use std::collections::VecDeque;

/// A digit further away than this is of no interest any more.
const HORIZON_S: u32 = 10;
/// Digits that are remembered; in ten seconds nobody dials more.
const MAX_KNOWN: usize = 256;

/// What is done about DTMF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    #[default]
    Off,
    /// Event packets are left out.
    Drop,
    /// Digital silence.
    Silence,
    /// A single tone.
    Tone,
    /// Tones of random digits.
    Random,
    /// Digit 0.
    Zero,
    /// A given digit.
    Digit,
}

impl Mode {
    /// Works on audio: events become audio too.
    #[must_use]
    pub fn is_pcm(self) -> bool {
        matches!(self, Self::Silence | Self::Tone | Self::Random)
    }

    /// Something is sent instead.
    #[must_use]
    pub fn is_replacing(self) -> bool {
        self.is_pcm() || matches!(self, Self::Zero | Self::Digit)
    }
}

/// How digits are hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The mode in force.
    pub mode: Mode,
    /// Level of what is heard instead, dB below full scale.
    pub volume: u8,
    /// Frequencies of single tones in Hz, one digit after the other.
    pub frequencies: Vec<u16>,
    /// What mode [`Mode::Digit`] shows.
    pub digit: u8,
    /// How long packets are held back, in ms.
    pub buffer_ms: u32,
    /// How much later digits are made anew, in ms; 0 is not at all.
    pub delay_ms: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { mode: Mode::Off, volume: 10, frequencies: vec![400], digit: 0, buffer_ms: 0, delay_ms: 0 }
    }
}

/// What is heard in place of a moment of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// The audio itself.
    Nothing,
    /// Silence.
    Silence,
    /// One frequency in Hz at a level in dB below full scale.
    Tone(u16, u8),
    /// The tone of an event at a level.
    Event(u8, u8),
}

/// A digit whose turn has come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reproduced {
    /// Its number.
    pub event: u8,
    /// Its level.
    pub volume: u8,
    /// Tells digits apart.
    pub number: u32,
}

/// A digit that arrived.
#[derive(Clone, Copy, Debug)]
struct Known {
    number: u32,
    start: u32,
    end: Option<u32>,
    event: u8,
    volume: u8,
    /// What is heard of it in mode [`Mode::Random`].
    random: u8,
    /// The mode when it arrived.
    mode: Mode,
}

/// The digits of one source, and how they are hidden.
#[derive(Clone, Debug)]
pub struct Mask {
    policy: Policy,
    clock: u32,
    known: VecDeque<Known>,
    /// Digits since the handlers were built.
    count: u32,
    /// The start of a digit in the middle of which the mode changed, while its packets were held back.
    anew: Option<u32>,
}

impl Mask {
    /// No digit yet. `clock`: of the source's timestamps.
    #[must_use]
    pub fn new(policy: Policy, clock: u32) -> Self {
        Self { policy, clock: clock.max(1), known: VecDeque::new(), count: 0, anew: None }
    }

    /// How digits are hidden.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Takes another policy over; single tones begin with the first frequency again. Digits stay known.
    pub fn set_policy(&mut self, policy: Policy) {
        let running = self.known.back().filter(|known| known.end.is_none());
        if let Some(running) = running.filter(|_| policy.buffer_ms != 0 && policy.mode != self.policy.mode) {
            self.anew = Some(running.start);
        }
        self.policy = policy;
        self.count = 0;
    }

    /// Whether the event that began at `timestamp` becomes audio and is taken up anew behind its first packet, because the mode changed
    /// while it was running (§18.8(3)).
    #[must_use]
    pub fn takes_anew(&self, timestamp: u32) -> bool {
        self.anew == Some(timestamp) && self.swallows_events()
    }

    /// A digit begins at `timestamp`; `random` is what stands for it in mode [`Mode::Random`].
    pub fn started(&mut self, timestamp: u32, event: u8, volume: u8, random: u8) {
        let horizon = self.clock.saturating_mul(HORIZON_S);
        let horizon = horizon.saturating_add(self.units(self.policy.delay_ms));
        let far = |known: &Known| {
            let moment = known.end.unwrap_or(known.start);
            let distance = timestamp.wrapping_sub(moment).cast_signed();
            distance.unsigned_abs() > horizon
        };
        while self.known.front().is_some_and(far) || self.known.len() >= MAX_KNOWN {
            self.known.pop_front();
        }
        let (number, mode) = (self.count, self.policy.mode);
        self.count = self.count.wrapping_add(1);
        let known = Known { number, start: timestamp, end: None, event, volume, random: random % 10, mode };
        self.known.push_back(known);
    }

    /// The digit that began last ends with `timestamp` as its last moment.
    pub fn ended(&mut self, timestamp: u32) {
        if let Some(known) = self.known.back_mut().filter(|known| known.end.is_none()) {
            known.end = Some(timestamp);
        }
    }

    /// What is heard at `timestamp` in place of the audio. `events`: digits are sent as events there, which modes [`Mode::Zero`] and
    /// [`Mode::Digit`] change by themselves, and a digit made anew is one too.
    #[must_use]
    pub fn cover(&self, timestamp: u32, events: bool) -> Cover {
        if self.policy.mode.is_replacing() {
            let known = self.masked(timestamp);
            return known.map_or(Cover::Nothing, |known| self.instead(self.policy.mode, known, events));
        }
        if self.policy.delay_ms == 0 || self.policy.mode == Mode::Drop {
            return Cover::Nothing;
        }
        if let Some(known) = self.due(timestamp) {
            return match known.mode {
                Mode::Off if events => Cover::Silence,
                Mode::Off => Cover::Event(known.event, known.volume),
                mode => self.instead(mode, known, events),
            };
        }
        if self.masked(timestamp).is_some() { Cover::Silence } else { Cover::Nothing }
    }

    /// The digit that is made anew as an event at `timestamp`.
    #[must_use]
    pub fn reproduced(&self, timestamp: u32) -> Option<Reproduced> {
        if self.policy.mode != Mode::Off || self.policy.delay_ms == 0 {
            return None;
        }
        let known = self.due(timestamp)?;
        let event = match known.mode {
            Mode::Off => known.event,
            Mode::Zero => 0,
            Mode::Digit => self.policy.digit,
            Mode::Drop | Mode::Silence | Mode::Tone | Mode::Random => return None,
        };
        Some(Reproduced { event, volume: known.volume, number: known.number })
    }

    /// The number of an event packet, in the modes that change it.
    #[must_use]
    pub fn event_number(&self, event: u8) -> u8 {
        match self.policy.mode {
            Mode::Zero => 0,
            Mode::Digit => self.policy.digit,
            Mode::Off | Mode::Drop | Mode::Silence | Mode::Tone | Mode::Random => event,
        }
    }

    /// Whether event packets become audio: in the modes that work on it, and while digits are made anew later.
    #[must_use]
    pub fn swallows_events(&self) -> bool {
        let Policy { mode, delay_ms, .. } = self.policy;
        mode.is_pcm() || (mode == Mode::Off && delay_ms != 0)
    }

    fn instead(&self, mode: Mode, known: &Known, events: bool) -> Cover {
        let volume = self.policy.volume;
        match mode {
            Mode::Tone => {
                let list = &self.policy.frequencies;
                let at = usize::try_from(known.number).unwrap_or(0).checked_rem(list.len());
                at.and_then(|at| list.get(at)).map_or(Cover::Silence, |&f| Cover::Tone(f, volume))
            }
            Mode::Random => Cover::Event(known.random, 10),
            Mode::Zero if !events => Cover::Event(0, volume),
            Mode::Digit if !events => Cover::Event(self.policy.digit, volume),
            Mode::Off | Mode::Drop | Mode::Silence | Mode::Zero | Mode::Digit => Cover::Silence,
        }
    }

    /// The digit whose window `timestamp` is in: widened by the delay buffer on both sides (§18.7(3)). A buffer of 0 counts as 1 ms.
    fn masked(&self, timestamp: u32) -> Option<&Known> {
        let wide = self.units(self.policy.buffer_ms.max(1));
        self.known.iter().rev().find(|known| self.is_within(known, timestamp, 0, wide))
    }

    /// The digit that is made anew at `timestamp`.
    fn due(&self, timestamp: u32) -> Option<&Known> {
        let late = self.units(self.policy.delay_ms);
        self.known.iter().rev().find(|known| self.is_within(known, timestamp, late, 0))
    }

    /// Whether `start + late - wide <= timestamp <= end + late + wide`.
    fn is_within(&self, known: &Known, timestamp: u32, late: u32, wide: u32) -> bool {
        let after = |moment: u32| i64::from(timestamp.wrapping_sub(moment).cast_signed());
        let (late, wide) = (i64::from(late), i64::from(wide));
        let horizon = i64::from(self.clock.saturating_mul(HORIZON_S)) + late;
        let begun = after(known.start) >= late - wide;
        let over = known.end.is_some_and(|end| after(end) > late + wide);
        begun && !over && after(known.start).abs() <= horizon
    }

    fn units(&self, ms: u32) -> u32 {
        u32::try_from(u64::from(ms) * u64::from(self.clock) / 1000)
            .unwrap_or(u32::MAX >> 2)
            .min(u32::MAX >> 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(mode: Mode, buffer_ms: u32) -> Mask {
        Mask::new(Policy { mode, buffer_ms, ..Policy::default() }, 8000)
    }

    fn covered(mask: &Mask, frames: std::ops::Range<u32>) -> Vec<u32> {
        frames.filter(|n| mask.cover(n * 160, false) != Cover::Nothing).collect()
    }

    /// `codecs.md` §18.7(3): an event of whole frames; as many frames behind it as the buffer has, one at least.
    #[test]
    fn rule_18_7_3() {
        for (buffer, expected) in [(1, 10..=13), (20, 9..=13), (100, 5..=17), (0, 10..=13)] {
            let mut mask = mask(Mode::Tone, buffer);
            mask.started(1600, 5, 10, 3);
            mask.ended(1600 + 480 - 1);
            assert_eq!(covered(&mask, 0..40), expected.collect::<Vec<_>>(), "{buffer}");
        }
        let mut mask = mask(Mode::Silence, 1);
        mask.started(1600, 5, 10, 3);
        assert_eq!(covered(&mask, 0..700).last(), Some(&510), "one without end, ten seconds at most");
    }

    /// `codecs.md` §18.7(4): a tone of three frames, detected in the second.
    #[test]
    fn rule_18_7_4() {
        let mut mask = mask(Mode::Tone, 1);
        mask.started(204, 5, 10, 3);
        mask.ended(510);
        assert_eq!(covered(&mask, 0..9), [2, 3]);
        let policy = Policy { buffer_ms: 100, ..mask.policy().clone() };
        mask.set_policy(policy);
        assert_eq!(covered(&mask, 0..12), (0..=8).collect::<Vec<_>>());
    }

    /// `codecs.md` §18.7: what stands for a digit.
    #[test]
    fn rule_18_7_modes() {
        let at = |mode, events| {
            let mut mask = mask(mode, 1);
            mask.set_policy(Policy { digit: 7, frequencies: vec![400, 500], ..mask.policy().clone() });
            mask.started(0, 5, 20, 13);
            mask.ended(479);
            mask.started(3200, 6, 20, 14);
            (mask.cover(160, events), mask.cover(3200, events), mask.event_number(5))
        };
        assert_eq!(at(Mode::Silence, true), (Cover::Silence, Cover::Silence, 5));
        assert_eq!(at(Mode::Tone, true), (Cover::Tone(400, 10), Cover::Tone(500, 10), 5));
        assert_eq!(at(Mode::Random, false), (Cover::Event(3, 10), Cover::Event(4, 10), 5));
        assert_eq!(at(Mode::Zero, false), (Cover::Event(0, 10), Cover::Event(0, 10), 0));
        assert_eq!(at(Mode::Zero, true), (Cover::Silence, Cover::Silence, 0));
        assert_eq!(at(Mode::Digit, false), (Cover::Event(7, 10), Cover::Event(7, 10), 7));
        assert_eq!(at(Mode::Off, false), (Cover::Nothing, Cover::Nothing, 5));
        assert_eq!(at(Mode::Drop, false), (Cover::Nothing, Cover::Nothing, 5));
    }

    /// `codecs.md` §18.7: frequencies begin anew with each rebuild.
    #[test]
    fn rule_18_7_frequencies_begin_anew() {
        let mut mask =
            Mask::new(Policy { mode: Mode::Tone, frequencies: vec![400, 500], ..Policy::default() }, 8000);
        for (n, expected) in [(0, 400), (1, 500), (2, 400)] {
            mask.started(n * 8000, 1, 10, 0);
            mask.ended(n * 8000 + 160);
            assert_eq!(mask.cover(n * 8000, false), Cover::Tone(expected, 10));
        }
        mask.set_policy(mask.policy().clone());
        mask.started(24_000, 1, 10, 0);
        assert_eq!(mask.cover(24_000, false), Cover::Tone(400, 10));
    }

    /// `codecs.md` §18.7(8): hidden when it arrives, made anew later, in the mode it arrived under.
    #[test]
    fn rule_18_7_8() {
        let mut mask = Mask::new(Policy { delay_ms: 1000, ..Policy::default() }, 8000);
        mask.started(1600, 5, 12, 3);
        mask.ended(1600 + 480 - 1);
        assert_eq!(covered(&mask, 0..50), [10, 11, 12, 13]);
        assert_eq!(covered(&mask, 50..100), [60, 61, 62]);
        assert_eq!(mask.cover(60 * 160, false), Cover::Event(5, 12));
        let anew = |mask: &Mask, n: u32| mask.reproduced(n * 160).map(|r| (r.event, r.volume));
        assert_eq!([59, 60, 62, 63].map(|n| anew(&mask, n)), [None, Some((5, 12)), Some((5, 12)), None]);
        let off = mask.policy().clone();
        mask.set_policy(Policy { mode: Mode::Silence, ..off.clone() });
        assert_eq!(anew(&mask, 60), None, "lost while something is replaced");
        mask.started(16_000, 6, 12, 3);
        mask.ended(16_000 + 159);
        mask.set_policy(off);
        assert_eq!(mask.cover(150 * 160, true), Cover::Silence, "silence, as when it arrived");
        assert_eq!(anew(&mask, 150), None);
    }

    proptest! {
        /// Anything at any time.
        #[test]
        fn anything(
            steps in proptest::collection::vec((any::<u32>(), any::<u8>(), any::<bool>()), 0..600),
            buffer_ms: u32,
            delay_ms: u32,
            clock: u32,
        ) {
            let policy = Policy { mode: Mode::Off, buffer_ms, delay_ms, ..Policy::default() };
            let mut mask = Mask::new(policy, clock);
            for (timestamp, event, end) in steps {
                if end {
                    mask.ended(timestamp);
                } else {
                    mask.started(timestamp, event, event, event);
                }
                let _ = (mask.cover(timestamp, end), mask.reproduced(timestamp));
                prop_assert!(mask.known.len() <= MAX_KNOWN);
            }
        }
    }
}
