//! Digits to be sent in a running stream (`codecs.md` §18.5): as event packets in place of its frames, or as tones in place of its
//! samples.
//!
//! [`Injector`] knows which digits wait and which one runs; positions count units of whatever clock the caller has. [`Output`] is
//! a stream that is passed through, with the numbers that injected packets shift.

use std::collections::VecDeque;

use super::event::EventPayload;
use super::{MAX_VOLUME, Seen};

/// Digits that may wait; more are refused.
const MAX_WAITING: usize = 64;

/// A digit to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// Number of the event.
    pub event: u8,
    /// Level in -dBm0.
    pub volume: u8,
    /// How long it lasts, in ms.
    pub duration_ms: u32,
    /// How long after the digit before it begins, and the silence behind a tone, in ms.
    pub pause_ms: u32,
}

/// An event packet in place of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its payload.
    pub payload: EventPayload,
    /// Timestamp of the event.
    pub timestamp: u32,
    /// The first packet of the event: it has the marker.
    pub first: bool,
}

/// What is heard in place of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// The stream itself.
    Nothing,
    /// The pause behind a digit.
    Pause,
    /// The tone of an event; `first` is the number of the first sample within it.
    Tone {
        /// Number of the event.
        event: u8,
        /// Level in -dBm0.
        volume: u8,
        /// Number of the first sample since the start of the tone.
        first: u64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Running {
    digit: Digit,
    start: u64,
    timestamp: u32,
    /// The tone is over, its pause is not.
    pausing: bool,
}

/// Digits that wait, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Injector {
    waiting: VecDeque<Digit>,
    running: Option<Running>,
    /// Where the digit before ended.
    ended: Option<u64>,
    seen: Vec<Seen>,
}

impl Injector {
    /// Puts a digit behind the others. `false`: too many wait already.
    pub fn push(&mut self, digit: Digit) -> bool {
        let room = self.waiting.len() < MAX_WAITING;
        if room {
            self.waiting.push_back(digit);
        }
        room
    }

    /// Nothing runs and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// A digit is being sent.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Positions have another meaning from now on: what runs is given up, what waits may begin at once.
    pub fn rebase(&mut self) {
        self.running = None;
        self.ended = None;
    }

    /// The beginnings and ends of digits since the last call; durations in units of the positions.
    pub fn take_seen(&mut self) -> impl Iterator<Item = Seen> + '_ {
        self.seen.drain(..)
    }

    /// Looks at a frame that starts at `position`, lasts `frame` and has `timestamp` as audio; positions in units of `clock`. What comes
    /// back is sent instead; an end three times.
    pub fn frame(&mut self, position: u64, frame: u32, timestamp: u32, clock: u32) -> Option<Placed> {
        let first = self.running.is_none();
        if first {
            self.begin(position, timestamp, clock)?;
        }
        let running = self.running?;
        let length = position.saturating_sub(running.start) + u64::from(frame);
        let end = length >= units(running.digit.duration_ms, clock);
        let payload = EventPayload {
            event: running.digit.event,
            end,
            volume: running.digit.volume,
            duration: u16::try_from(length).unwrap_or(u16::MAX),
        };
        if end {
            self.finish(position + u64::from(frame), payload.duration);
            self.running = None;
        }
        Some(Placed { payload, timestamp: running.timestamp, first })
    }

    /// What is heard from `position` on, and for how many of `count` samples. Positions are samples at `rate`.
    pub fn samples(&mut self, position: u64, count: u64, timestamp: u32, rate: u32) -> (Injected, u64) {
        if self.running.is_none() && self.begin(position, timestamp, rate).is_none() {
            // The next one may begin within these samples.
            let start = self.earliest(rate).filter(|start| *start > position);
            return (Injected::Nothing, start.map_or(count, |start| count.min(start - position)));
        }
        let Some(running) = self.running else { return (Injected::Nothing, count) };
        let gone = position.saturating_sub(running.start);
        let tone = units(running.digit.duration_ms, rate);
        if gone < tone {
            let Digit { event, volume, .. } = running.digit;
            return (Injected::Tone { event, volume, first: gone }, count.min(tone - gone));
        }
        if !running.pausing {
            self.finish(running.start + tone, u16::try_from(tone).unwrap_or(u16::MAX));
        }
        let pause = tone + units(running.digit.pause_ms, rate);
        let next = self.earliest(rate).map_or(u64::MAX, |start| start.saturating_sub(running.start));
        if gone < pause.min(next) {
            return (Injected::Pause, count.min(pause.min(next) - gone));
        }
        self.running = None;
        self.samples(position, count, timestamp, rate)
    }

    /// The digit that waits longest begins if its time has come.
    fn begin(&mut self, position: u64, timestamp: u32, clock: u32) -> Option<()> {
        self.earliest(clock).filter(|earliest| *earliest <= position)?;
        let digit = self.waiting.pop_front()?;
        self.running = Some(Running { digit, start: position, timestamp, pausing: false });
        self.seen.push(Seen::Started { event: digit.event, volume: digit.volume, timestamp });
        Some(())
    }

    /// Where the next digit may begin.
    fn earliest(&self, clock: u32) -> Option<u64> {
        let next = self.waiting.front()?;
        Some(self.ended.map_or(0, |ended| ended.saturating_add(units(next.pause_ms, clock))))
    }

    fn finish(&mut self, position: u64, duration: u16) {
        let Some(running) = &mut self.running else { return };
        running.pausing = true;
        let Digit { event, volume, .. } = running.digit;
        self.seen.push(Seen::Ended { event, volume, timestamp: running.timestamp, duration });
        self.ended = Some(position);
    }
}

fn units(ms: u32, clock: u32) -> u64 {
    u64::from(ms) * u64::from(clock) / 1000
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent, its sequence number raised by this.
    Pass(u16),
    /// Event packets are sent instead: so many copies, sequence numbers from this one on.
    Replace(Placed, u16, u8),
    /// It is not sent.
    Swallow,
}

/// One source in a stream that is passed through, into which digits are put.
#[derive(Clone, Debug)]
pub struct Output {
    /// What waits and runs.
    pub injector: Injector,
    clock: u32,
    /// Units of an audio frame.
    frame: u32,
    offset: u16,
    /// Timestamps without wrapping, from the last one seen.
    last: Option<(u32, u64)>,
    /// The event whose end packet was a frame already.
    end: Option<u32>,
}

impl Output {
    /// Nothing is injected yet. `clock`: of the audio; `frame`: units of one audio packet.
    #[must_use]
    pub fn new(clock: u32, frame: u32) -> Self {
        Self {
            injector: Injector::default(),
            clock: clock.max(1),
            frame: frame.max(1),
            offset: 0,
            last: None,
            end: None,
        }
    }

    /// An audio packet.
    pub fn audio(&mut self, sequence_number: u16, timestamp: u32) -> Fate {
        self.place(sequence_number, timestamp)
    }

    /// An event packet: it counts as the frame that it is the event's last one of.
    pub fn event(&mut self, sequence_number: u16, timestamp: u32, payload: EventPayload) -> Fate {
        let again = payload.end && self.end == Some(timestamp);
        self.end = if payload.end { Some(timestamp) } else { self.end.filter(|end| *end == timestamp) };
        if again && self.injector.is_running() {
            self.offset = self.offset.wrapping_sub(1);
            return Fate::Swallow;
        }
        if again {
            return Fate::Pass(self.offset);
        }
        let position = timestamp.wrapping_add(payload.duration.into()).wrapping_sub(self.frame);
        self.place(sequence_number, position)
    }

    /// A packet that is neither.
    pub fn other(&self) -> Fate {
        Fate::Pass(self.offset)
    }

    fn place(&mut self, sequence_number: u16, timestamp: u32) -> Fate {
        let position = self.position(timestamp);
        let Some(placed) = self.injector.frame(position, self.frame, timestamp, self.clock) else {
            return Fate::Pass(self.offset);
        };
        let copies = if placed.payload.end { 3 } else { 1 };
        let first = sequence_number.wrapping_add(self.offset);
        self.offset = self.offset.wrapping_add(u16::from(copies) - 1);
        Fate::Replace(placed, first, copies)
    }

    /// The timestamp on a line that does not wrap.
    fn position(&mut self, timestamp: u32) -> u64 {
        // Far enough from zero for everything that comes before the first one.
        let (last, position) = self.last.unwrap_or((timestamp, 1 << 40));
        let distance = i64::from(timestamp.wrapping_sub(last).cast_signed());
        let position = position.saturating_add_signed(distance);
        self.last = Some((timestamp, position));
        position
    }
}

impl Digit {
    /// Keeps the level within what an event can say.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self { volume: self.volume.min(MAX_VOLUME), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn digit(event: u8, duration_ms: u32, pause_ms: u32) -> Digit {
        Digit { event, volume: 8, duration_ms, pause_ms }
    }

    type Row = (u16, Option<(u32, u16, bool, u8)>);

    /// Sequence numbers, timestamp, duration, marker and copies of what is sent for audio packets.
    fn audio(output: &mut Output, packets: std::ops::Range<u16>) -> Vec<Row> {
        let one = |n: u16| match output.audio(n, 8000 + u32::from(n) * 160) {
            Fate::Pass(offset) => (n.wrapping_add(offset), None),
            Fate::Replace(placed, sequence, copies) => {
                (sequence, Some((placed.timestamp, placed.payload.duration, placed.first, copies)))
            }
            Fate::Swallow => panic!("audio is never swallowed"),
        };
        packets.map(one).collect()
    }

    /// `codecs.md` §18.5(2): the example.
    #[test]
    fn rule_18_5_2() {
        let mut output = Output::new(8000, 160);
        assert_eq!(audio(&mut output, 0..2), [(0, None), (1, None)]);
        assert!(output.injector.push(digit(5, 100, 100)));
        let start = 8000 + 2 * 160;
        let expected = [
            (2, Some((start, 160, true, 1))),
            (3, Some((start, 320, false, 1))),
            (4, Some((start, 480, false, 1))),
            (5, Some((start, 640, false, 1))),
            (6, Some((start, 800, false, 3))),
            (9, None),
            (10, None),
        ];
        assert_eq!(audio(&mut output, 2..9), expected);
        let seen: Vec<_> = output.injector.take_seen().collect();
        let end = Seen::Ended { event: 5, volume: 8, timestamp: start, duration: 800 };
        assert_eq!(seen, [Seen::Started { event: 5, volume: 8, timestamp: start }, end]);
    }

    /// `codecs.md` §18.5(4): a second digit begins its own pause after the first.
    #[test]
    fn rule_18_5_4() {
        let mut output = Output::new(8000, 160);
        output.injector.push(digit(1, 100, 100));
        output.injector.push(digit(2, 100, 60));
        let sent = audio(&mut output, 0..20);
        let begins: Vec<_> =
            sent.iter().enumerate().filter(|(_, s)| s.1.is_some_and(|e| e.2)).map(|(at, _)| at).collect();
        assert_eq!(begins, [0, 5 + 3]);
        assert!(output.injector.is_idle());
    }

    /// `codecs.md` §18.5(2): event packets of the stream itself are replaced, copies of their end swallowed.
    #[test]
    fn rule_18_5_2_over_events() {
        let mut output = Output::new(8000, 160);
        audio(&mut output, 0..2);
        output.injector.push(digit(5, 100, 100));
        audio(&mut output, 2..3);
        let own = |duration, end| EventPayload { event: 1, end, volume: 10, duration };
        let start = 8000 + 3 * 160;
        assert!(
            matches!(output.event(3, start, own(160, false)), Fate::Replace(p, 3, 1) if p.payload.duration == 320)
        );
        assert!(
            matches!(output.event(4, start, own(320, true)), Fate::Replace(p, 4, 1) if p.payload.duration == 480)
        );
        assert_eq!(output.event(5, start, own(320, true)), Fate::Swallow);
        assert_eq!(output.event(6, start, own(320, true)), Fate::Swallow);
        assert!(matches!(output.audio(7, start + 320), Fate::Replace(p, 5, 1) if p.payload.duration == 640));
        assert!(matches!(output.audio(8, start + 480), Fate::Replace(p, 6, 3) if p.payload.duration == 800));
        assert_eq!(output.audio(9, start + 640), Fate::Pass(0), "minus two copies, plus two ends");
    }

    /// `codecs.md` §18.5(3): tone, pause, and the stream goes on within the frame.
    #[test]
    fn rule_18_5_3() {
        let mut injector = Injector::default();
        injector.push(digit(1, 105, 103));
        let mut all = Vec::new();
        let mut position = 1000;
        while position < 1000 + 2000 {
            let frame = position + 160;
            while position < frame {
                let (what, count) = injector.samples(position, frame - position, 0, 8000);
                assert!(count > 0);
                all.extend(std::iter::repeat_n(
                    u8::from(matches!(what, Injected::Tone { .. })) + 2 * u8::from(what == Injected::Pause),
                    count as usize,
                ));
                if let Injected::Tone { first, .. } = what {
                    assert_eq!(first, position - 1000);
                }
                position += count;
            }
        }
        let length = |kind| all.iter().filter(|k| **k == kind).count();
        assert_eq!((length(1), length(2)), (840, 824));
        assert!(all[..840].iter().all(|k| *k == 1) && all[1664..].iter().all(|k| *k == 0));
    }

    /// `codecs.md` §18.5(4) for tones; the second one begins within a frame.
    #[test]
    fn rule_18_5_4_tones() {
        let mut injector = Injector::default();
        injector.push(digit(1, 100, 100));
        injector.push(digit(2, 100, 105));
        let mut starts = Vec::new();
        let mut position = 0;
        while position < 8000 {
            let (what, count) = injector.samples(position, 160.min(8000 - position), 0, 8000);
            if let Injected::Tone { event, first: 0, .. } = what {
                starts.push((event, position));
            }
            position += count;
        }
        assert_eq!(starts, [(1, 0), (2, 800 + 840)]);
    }

    #[test]
    fn too_many_wait() {
        let mut injector = Injector::default();
        assert!((0..MAX_WAITING).all(|_| injector.push(digit(1, 100, 100))));
        assert!(!injector.push(digit(1, 100, 100)));
    }
}
