//! Digits in a stream that is worked on: those put into it, those hidden in it, those made anew later (`codecs.md` §§18.5, 18.7).
//!
//! [`Digits`] answers the questions the transcoder has at each step; it sends nothing itself.

use std::sync::Arc;

use super::tone::Sound;
use crate::codec::dtmf::{Cover, Digit, EventPayload, Injected, Injector, Mask, Placed, Seen};
use crate::codec::engine::AudioFormat;

/// How digits get into packets that only pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing {
    /// The sink's payload number of events.
    pub payload_type: u8,
    /// Clock of audio and events in Hz.
    pub clock: u32,
    /// Units of one audio packet.
    pub frame: u32,
    /// The source's payload numbers of events, one bit each.
    pub events: u128,
}

/// A digit that is being made anew.
#[derive(Clone, Copy, Debug)]
struct Anew {
    number: u32,
    event: u8,
    volume: u8,
    start: u32,
}

/// The digits of one source SSRC towards one sink.
#[derive(Debug, Default)]
pub(super) struct Digits {
    injector: Injector,
    passing: Option<Passing>,
    /// Hides digits.
    mask: Option<Arc<Mask>>,
    /// The event that was taken up anew last.
    retaken: Option<u32>,
    anew: Option<Anew>,
    /// Output timestamps without wrapping.
    line: Option<(u32, u64)>,
    /// Samples that went by, of what tones are put into.
    samples: u64,
    rate: u32,
    /// The event whose end packet was a frame already.
    end: Option<u32>,
    seen: Vec<(Seen, u32)>,
    scratch: Vec<i16>,
}

impl Digits {
    /// Puts a digit behind those that wait. `false`: too many wait.
    pub(super) fn inject(&mut self, digit: Digit, passing: Option<Passing>) -> bool {
        self.passing = passing.or(self.passing);
        self.injector.push(digit.clamped())
    }

    /// Whether there is anything to look at.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.mask.is_none() && self.injector.is_idle()
    }

    pub(super) fn set_mask(&mut self, mask: Option<Arc<Mask>>) {
        self.mask = mask;
    }

    /// Beginnings and ends of injected digits, with the clock of their units.
    pub(super) fn take_seen(&mut self) -> impl Iterator<Item = (Seen, u32)> + '_ {
        self.seen.drain(..)
    }

    /// Positions have another meaning from now on: what runs is given up, what waits begins anew.
    pub(super) fn rebase(&mut self) {
        self.injector.rebase();
        self.line = None;
        self.anew = None;
    }

    /// What stands for an output frame at `timestamp` that lasts `frame` units of `clock`. `moment`: where it is in the source.
    pub(super) fn frame(&mut self, timestamp: u32, frame: u32, clock: u32, moment: u32) -> Option<Placed> {
        let position = self.position(timestamp);
        let placed = self.injector.frame(position, frame, timestamp, clock);
        self.note(clock);
        placed.or_else(|| self.anew(timestamp, frame, moment))
    }

    /// What stands for an event packet that is sent with `timestamp` and `duration`.
    pub(super) fn event(
        &mut self,
        timestamp: u32,
        payload: EventPayload,
        frame: u32,
        clock: u32,
    ) -> OverEvent {
        let again = payload.end && self.end == Some(timestamp);
        self.end = if payload.end { Some(timestamp) } else { self.end.filter(|end| *end == timestamp) };
        if again {
            return if self.injector.is_running() { OverEvent::Swallowed } else { OverEvent::Itself };
        }
        let moment = timestamp.wrapping_add(payload.duration.into()).wrapping_sub(frame);
        let position = self.position(moment);
        let placed = self.injector.frame(position, frame, moment, clock);
        self.note(clock);
        placed.map_or(OverEvent::Itself, OverEvent::Replaced)
    }

    /// What stands for a packet that only passes.
    pub(super) fn passing(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) -> (u8, OverEvent) {
        let Some(way) = self.passing else { return (0, OverEvent::Itself) };
        let is_event = payload_type < 128 && way.events >> payload_type & 1 == 1;
        let event = EventPayload::parse(payload).filter(|_| is_event);
        let over = match event {
            Some(event) => self.event(timestamp, event, way.frame, way.clock),
            None if is_event => OverEvent::Itself,
            None => self.frame(timestamp, way.frame, way.clock, timestamp).into(),
        };
        (way.payload_type, over)
    }

    /// Overwrites decoded samples with what hides digits. `moment`: RTP timestamp of the first one, `clock`: of it. `events`: digits
    /// are sent as events.
    pub(super) fn overwrite(
        &mut self,
        samples: &mut [i16],
        format: AudioFormat,
        (moment, clock): (u32, u32),
        events: bool,
    ) {
        let first = u64::from(moment) * u64::from(format.rate) / u64::from(clock.max(1));
        let cover = self.mask.as_ref().map_or(Cover::Nothing, |mask| mask.cover(moment, events));
        let sound = match cover {
            Cover::Nothing => None,
            Cover::Silence => Some((Sound::Silence, 0)),
            Cover::Tone(frequency, volume) => Some((Sound::Single(frequency), volume)),
            Cover::Event(event, volume) => Some((Sound::of_event(event), volume)),
        };
        if let Some((sound, volume)) = sound {
            self.fill(samples, sound, first, format, volume);
        }
    }

    /// Overwrites samples on their way into the encoder, at its rate, with injected tones and their pauses (§18.5(3)). So a tone
    /// begins with the first sample that the packet brought, and what the resampler holds back does not delay it. `moment`: RTP
    /// timestamp of the packet.
    pub(super) fn put_tones(&mut self, samples: &mut [i16], format: AudioFormat, moment: u32) {
        let channels = usize::try_from(format.channels.max(1)).unwrap_or(1);
        if self.rate != format.rate {
            self.rate = format.rate;
            self.injector.rebase();
        }
        let mut left = samples;
        while !left.is_empty() {
            let count = (left.len() / channels) as u64;
            if count == 0 {
                break;
            }
            let (what, length) = self.injector.samples(self.samples, count, moment, format.rate);
            let length = length.clamp(1, count);
            let (now, rest) = left.split_at_mut(usize::try_from(length).unwrap_or(0) * channels);
            match what {
                Injected::Nothing => {}
                Injected::Pause => now.fill(0),
                Injected::Tone { event, volume, first } => {
                    self.fill(now, Sound::of_event(event), first, format, volume);
                }
            }
            self.samples += length;
            left = rest;
        }
        self.note(format.rate);
    }

    fn fill(&mut self, samples: &mut [i16], sound: Sound, first: u64, format: AudioFormat, volume: u8) {
        let channels = usize::try_from(format.channels.max(1)).unwrap_or(1);
        self.scratch.clear();
        let count = samples.len().div_ceil(channels);
        sound.append(first, count, format.rate, format.channels, volume, &mut self.scratch);
        for (sample, new) in samples.iter_mut().zip(&self.scratch) {
            *sample = *new;
        }
    }

    /// Whether event packets become audio.
    pub(super) fn swallows_events(&self) -> bool {
        self.mask.as_ref().is_some_and(|mask| mask.swallows_events())
    }

    /// Whether the event whose first packet was just played is to be taken up anew ([`Mask::takes_anew`]): once for each.
    pub(super) fn takes_anew(&mut self, timestamp: u32) -> bool {
        let anew = self.mask.as_ref().is_some_and(|mask| mask.takes_anew(timestamp));
        anew && self.retaken.replace(timestamp) != Some(timestamp)
    }

    /// The number under which an event goes on.
    pub(super) fn event_number(&self, event: u8) -> u8 {
        self.mask.as_ref().map_or(event, |mask| mask.event_number(event))
    }

    /// A digit that is made anew at this frame, or its end with the first frame that is not within it any more (§18.7(8)).
    fn anew(&mut self, timestamp: u32, frame: u32, moment: u32) -> Option<Placed> {
        let due = self.mask.as_ref().and_then(|mask| mask.reproduced(moment));
        let goes_on = self.anew.zip(due).is_some_and(|(anew, due)| anew.number == due.number);
        if let Some(anew) = self.anew.filter(|_| !goes_on) {
            self.anew = None;
            return Some(anew.placed(timestamp, frame, false, true));
        }
        let first = self.anew.is_none();
        if let Some(due) = due.filter(|_| first) {
            let (number, event, volume) = (due.number, due.event, due.volume);
            self.anew = Some(Anew { number, event, volume, start: timestamp });
        }
        self.anew.map(|anew| anew.placed(timestamp, frame, first, false))
    }

    fn note(&mut self, clock: u32) {
        let seen: smallvec::SmallVec<[Seen; 2]> = self.injector.take_seen().collect();
        self.seen.extend(seen.into_iter().map(|seen| (seen, clock)));
    }

    /// The timestamp on a line that does not wrap.
    fn position(&mut self, timestamp: u32) -> u64 {
        let (last, position) = self.line.unwrap_or((timestamp, 1 << 40));
        let distance = i64::from(timestamp.wrapping_sub(last).cast_signed());
        let position = position.saturating_add_signed(distance);
        self.line = Some((timestamp, position));
        position
    }
}

impl Anew {
    fn placed(self, timestamp: u32, frame: u32, first: bool, end: bool) -> Placed {
        let length = timestamp.wrapping_sub(self.start).saturating_add(frame);
        let payload = EventPayload {
            event: self.event,
            end,
            volume: self.volume,
            duration: u16::try_from(length).unwrap_or(u16::MAX),
        };
        Placed { payload, timestamp: self.start, first }
    }
}

/// What becomes of a packet that a digit may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverEvent {
    /// It goes on.
    Itself,
    /// This is sent instead; an end three times.
    Replaced(Placed),
    /// It is left out.
    Swallowed,
}

impl From<Option<Placed>> for OverEvent {
    fn from(placed: Option<Placed>) -> Self {
        placed.map_or(Self::Itself, Self::Replaced)
    }
}
