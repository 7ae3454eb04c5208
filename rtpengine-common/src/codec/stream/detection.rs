//! Tones in the audio become events (`codecs.md` §18.4).

use std::collections::VecDeque;

use super::SeenEvent;

/// A change found in the audio, at a position in units of the output's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) position: u64,
    /// Event number and volume of the tone that begins.
    pub(super) tone: Option<(u8, u8)>,
}

/// What becomes of one output frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes out as audio.
    Audio,
    /// An event packet replaces it.
    Event {
        payload: [u8; 4],
        /// Timestamp of the event.
        timestamp: u32,
        first: bool,
        /// The end: sent three times.
        last: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Running {
    event: u8,
    volume: u8,
    /// Position of the first frame replaced.
    start: u64,
    timestamp: u32,
    /// By how much the start came after the report.
    shift: u64,
    end: Option<u64>,
}

/// Turns the changes of a detector into verdicts on output frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Detection {
    changes: VecDeque<Change>,
    running: Option<Running>,
}

impl Detection {
    #[cfg(any(test, feature = "spandsp"))]
    pub(super) fn change(&mut self, change: Change) {
        self.changes.push_back(change);
    }

    /// Looks at an output frame that starts at `position` and lasts `duration`; `timestamp` is what it would have as audio.
    pub(super) fn frame(&mut self, position: u64, duration: u32, timestamp: u32) -> Verdict {
        let first = self.running.is_none();
        if first && !self.begin(position, timestamp) {
            return Verdict::Audio;
        }
        let Some(running) = &mut self.running else { return Verdict::Audio };
        if running.end.is_none() && self.changes.front().is_some() {
            // Whatever comes next ends this tone; a new tone stays in the queue for its own beginning.
            running.end = self.changes.front().map(|change| change.position + running.shift);
            if self.changes.front().is_some_and(|change| change.tone.is_none()) {
                self.changes.pop_front();
            }
        }
        let last = running.end.is_some_and(|end| position >= end);
        let length = position.saturating_sub(running.start) + u64::from(duration);
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let flags = running.volume | if last { 0x80 } else { 0 };
        let verdict = Verdict::Event {
            payload: [running.event, flags, high, low],
            timestamp: running.timestamp,
            first,
            last,
        };
        if last {
            self.running = None;
        }
        verdict
    }

    /// A tone that was reported not after this frame's start begins with it.
    fn begin(&mut self, position: u64, timestamp: u32) -> bool {
        while let Some(change) = self.changes.front().copied().filter(|change| change.position <= position) {
            self.changes.pop_front();
            if let Some((event, volume)) = change.tone {
                let shift = position - change.position;
                self.running = Some(Running { event, volume, start: position, timestamp, shift, end: None });
                return true;
            }
        }
        false
    }
}

/// What to report of an event whose end is this payload.
pub(super) fn seen(payload: [u8; 4], clock: u32) -> SeenEvent {
    let [event, flags, high, low] = payload;
    SeenEvent { event, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]), clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(detection: &mut Detection, range: std::ops::Range<u64>) -> Vec<Option<(u32, u16, bool, bool)>> {
        let frame = |n: u64| match detection.frame(n * 160, 160, u32::try_from(5000 + n * 160).unwrap()) {
            Verdict::Audio => None,
            Verdict::Event { payload: [_, _, high, low], timestamp, first, last } => {
                Some((timestamp, u16::from_be_bytes([high, low]), first, last))
            }
        };
        range.map(frame).collect()
    }

    /// `codecs.md` §18.4(2) to (4): begins with the frame behind the report, ends shifted by the same amount.
    #[test]
    fn rule_18_4() {
        let mut detection = Detection::default();
        assert_eq!(frames(&mut detection, 0..1), [None]);
        detection.change(Change { position: 204, tone: Some((5, 9)) });
        assert_eq!(frames(&mut detection, 1..2), [None], "the frame in which it happens is audio");
        assert_eq!(
            frames(&mut detection, 2..4),
            [Some((5320, 160, true, false)), Some((5320, 320, false, false))]
        );
        detection.change(Change { position: 684, tone: None });
        // 684 + (320 - 204) = 800: the frame at 800 is still replaced.
        let end = frames(&mut detection, 4..7);
        assert_eq!(end, [Some((5320, 480, false, false)), Some((5320, 640, false, true)), None]);
    }

    /// A tone directly behind another.
    #[test]
    fn two_tones() {
        let mut detection = Detection::default();
        detection.change(Change { position: 0, tone: Some((1, 0)) });
        detection.change(Change { position: 320, tone: Some((2, 0)) });
        detection.change(Change { position: 480, tone: None });
        let all = frames(&mut detection, 0..7);
        let shape: Vec<_> =
            all.iter().map(|f| f.map(|(timestamp, _, first, last)| (timestamp, first, last))).collect();
        let expected = [
            Some((5000, true, false)),
            Some((5000, false, false)),
            Some((5000, false, true)),
            Some((5480, true, false)),
            Some((5480, false, true)),
            None,
            None,
        ];
        // The second tone began 160 units late, so its end at 480 is moved to 640.
        assert_eq!(shape, expected);
    }

    /// An endless tone: the duration stops growing at what it can say.
    #[test]
    fn rule_18_4_5_long_tones() {
        let mut detection = Detection::default();
        detection.change(Change { position: 0, tone: Some((1, 0)) });
        let all = frames(&mut detection, 0..500);
        assert_eq!(all.last().unwrap().unwrap().1, 65535);
    }
}
