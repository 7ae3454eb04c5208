//! Events of the source: to events, to tones, and what they suppress (`codecs.md` §§18.2, 18.3).

use std::time::Duration;

use super::digits::OverEvent;
use super::outgoing::Outgoing;
use super::tone::Sound;
use super::transcoder::RtpTranscoder;
use super::{InPacket, Route};
use crate::codec::dtmf::EventPayload;
use crate::codec::engine::CodecError;
use crate::codec::table::Supplemental;

/// Audio and events of one source may be this far apart in time, in timestamp units, for the events to suppress the audio (§18.2(4)).
const MAX_EVENT_DISTANCE: u32 = 80_000;

/// An event of the source that is going on or was the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    number: u8,
    timestamp: u32,
    /// Duration so far, in units of the source's clock.
    duration: u32,
    /// No end packet came yet.
    running: bool,
    /// Timestamp of the packets sent for it.
    start: u32,
}

impl RtpTranscoder {
    /// Audio of the source is left out while an event of it runs (§18.2(4)).
    pub(super) fn is_suppressed(&mut self, timestamp: u32) -> bool {
        let Some(event) = self.event.as_mut().filter(|event| event.running) else { return false };
        if timestamp.wrapping_sub(event.timestamp).cast_signed().unsigned_abs() > MAX_EVENT_DISTANCE {
            event.running = false;
        }
        event.running && !self.no_suppress
    }

    /// An event packet (§§18.2, 18.3).
    pub(super) fn process_event(
        &mut self,
        now: Duration,
        route: &Route,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        let &[number, flags, high, low, ..] = packet.payload else {
            self.numbers.consumed();
            return Err(CodecError::Payload("shorter than an event"));
        };
        let (end, volume) = (flags & 0x80 != 0, flags & 0x3f);
        let duration = u32::from(u16::from_be_bytes([high, low]));
        // The audio that these events belong to; its route says where they go.
        let audio = self.audio.and_then(|audio| self.route(audio)).cloned();
        let known = self.event.filter(|event| (event.number, event.timestamp) == (number, packet.timestamp));
        let before = known.map_or(0, |event| event.duration);
        let growth = duration.saturating_sub(before);
        if growth > route.input.clock {
            self.numbers.consumed();
            return Err(CodecError::Payload("event grows by more than a second"));
        }
        let position = audio.as_ref().and_then(|audio| self.position(audio));
        let start = known.map_or(position.unwrap_or(packet.timestamp), |event| event.start);
        let running = !end && known.is_none_or(|event| event.running);
        let event =
            Event { number, timestamp: packet.timestamp, duration: duration.max(before), running, start };
        self.event = Some(event);
        if let Some(events) = route.dtmf.filter(|_| !self.digits.swallows_events()) {
            let output = audio.filter(|_| position.is_some());
            self.send_event(now, route, events, output.as_ref(), growth, duration, packet, out);
            return Ok(());
        }
        let sound = Sound::of_event(number);
        let played = self.play_tone(now, route, sound, volume, before, growth, packet.timestamp, out);
        if known.is_none() && running && self.digits.takes_anew(packet.timestamp) {
            self.event = None;
        }
        played
    }

    /// Events to events: the timestamp is the position of the audio at the start, the duration in the output's clock (§18.3).
    #[allow(clippy::too_many_arguments)]
    fn send_event(
        &mut self,
        now: Duration,
        route: &Route,
        events: u8,
        audio: Option<&Route>,
        growth: u32,
        duration: u32,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) {
        let (Some(audio), Some(event)) = (audio, self.event) else {
            // No audio was transcoded yet: everything stays as received, but for what must not be told.
            let mut payload: smallvec::SmallVec<[u8; 16]> = packet.payload.into();
            if let Some(number) = payload.first_mut() {
                *number = self.digits.event_number(*number);
            }
            let changed = InPacket { payload: &payload, ..*packet };
            return self.forward(now, events, packet.timestamp, &changed, out);
        };
        let scale = |units: u32| {
            let scaled =
                u64::from(units) * u64::from(audio.output.clock) / u64::from(route.input.clock.max(1));
            u32::try_from(scaled).unwrap_or(u32::MAX)
        };
        let scaled = scale(duration);
        if growth != 0 {
            let number = audio.output_payload_type;
            if let Some(output) = self.outputs.iter_mut().find(|o| o.route.output_payload_type == number) {
                output.timestamps.set(event.start.wrapping_add(scaled));
            }
        }
        let mut payload: smallvec::SmallVec<[u8; 16]> = packet.payload.into();
        let duration = u16::try_from(scaled).unwrap_or(u16::MAX);
        let [high, low] = duration.to_be_bytes();
        if let [number, _, first, second, ..] = payload.as_mut_slice() {
            (*number, *first, *second) = (self.digits.event_number(*number), high, low);
        }
        let own = EventPayload::parse(&payload).filter(|_| !self.digits.is_idle());
        if let Some(own) = own {
            let (clock, frame) = (audio.output.clock, audio.output.clock / 1000 * audio.output_ptime.max(1));
            match self.digits.event(event.start, own, frame, clock) {
                OverEvent::Itself => {}
                OverEvent::Replaced(placed) => return self.place(now, events, &placed, false, out),
                OverEvent::Swallowed => return self.numbers.consumed(),
            }
        }
        let changed = InPacket { payload: &payload, ..*packet };
        self.forward(now, events, event.start, &changed, out);
    }

    /// Events to tones: what the event grew by, encoded like audio (§18.2).
    #[allow(clippy::too_many_arguments)]
    fn play_tone(
        &mut self,
        now: Duration,
        route: &Route,
        sound: Sound,
        volume: u8,
        before: u32,
        growth: u32,
        timestamp: u32,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        self.numbers.consumed();
        // The tone is encoded through the chain of the audio that leads to the same output, or a linear one of its own.
        let Some(chain) = self.tone_chain(route, timestamp)? else { return Ok(()) };
        let Some(input) = self.inputs.iter().find(|input| input.route == chain) else { return Ok(()) };
        let format = input.decoder.format();
        let samples =
            |units: u32| u64::from(units) * u64::from(format.rate) / u64::from(route.input.clock.max(1));
        let first = samples(before);
        let count = samples(before.saturating_add(growth)) - first;
        self.decoded.clear();
        let count = usize::try_from(count).unwrap_or(0);
        let sound = if self.digits.swallows_events() { Sound::Silence } else { sound };
        sound.append(first, count, format.rate, format.channels, volume, self.decoded.samples_mut());
        self.moment = timestamp.wrapping_add(before);
        self.encode(now, &chain, out)
    }

    /// The route whose decoder format and encoder tones use: that of the audio heard last, else any audio to the same output.
    fn tone_chain(&mut self, route: &Route, timestamp: u32) -> Result<Option<Route>, CodecError> {
        let leads = |candidate: &&Route| {
            candidate.output_payload_type == route.output_payload_type && candidate.input.is_audio()
        };
        let last = self.audio.and_then(|audio| self.route(audio)).filter(|r| leads(r));
        // Events that would stay events have no audio of their own: hidden ones take that of the source.
        let heard = || self.audio.and_then(|audio| self.route(audio));
        let any = || self.routes.iter().find(|candidate| candidate.input.is_audio());
        let chain = last.or_else(|| self.routes.iter().find(leads)).or_else(heard).or_else(any);
        let Some(chain) = chain.cloned() else { return Ok(None) };
        self.open(&chain, timestamp)?;
        Ok(Some(chain))
    }
}

pub(super) fn is_event(route: &Route) -> bool {
    route.input.supplemental == Some(Supplemental::TelephoneEvent)
}
