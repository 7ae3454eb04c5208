//! The state machine of one source SSRC towards one sink.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::chain::{Input, Output};
use super::detection::{Detection, Verdict, seen};
use super::digits::{Digits, OverEvent, Passing};
#[cfg(feature = "spandsp")]
use super::ear::Ear;
use super::events::{Event, is_event};
use super::filling::Filling;
use super::numbering::{SequenceNumbers, Timestamps};
use super::outgoing::{Header, Outgoing};
use super::pacing::Pacer;
use super::sequencer::{Sequencer, SequencerCounters, Stored};
use super::{InPacket, Route, SeenEvent, WITHHELD};
use crate::codec::dtmf::{Digit, Mask, Placed, Seen};
use crate::codec::engine::{
    CodecError, Feedback, Frame, Frames, decoded_format, encoded_format, open_decoder, open_encoder,
};
use crate::codec::table::Supplemental;

/// Silence detection (`codecs.md` §16.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilenceDetection {
    /// Samples within plus and minus this are silence.
    pub threshold: i16,
    /// What is sent under the CN number instead.
    pub payload: Box<[u8]>,
}

impl SilenceDetection {
    /// From the option in percent of full scale; `None` if it is not between 0 and 100.
    #[must_use]
    pub fn new(percent: f64, payload: &[u8]) -> Option<Self> {
        let valid = percent > 0.0 && percent < 100.0;
        // The threshold is that of 32-bit samples, shifted to 16 bits; full scale is the whole range of a sample, from the lowest to
        // the highest, as rtpengine 10.5.3 takes it.
        let threshold = ((percent / 100.0 * f64::from(u32::MAX)) as u32) >> 16;
        valid.then(|| Self {
            threshold: i16::try_from(threshold).unwrap_or(i16::MAX),
            payload: payload.into(),
        })
    }
}

/// What became of an input packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// It was processed, or waits for its turn.
    Yes,
    /// It came before.
    Duplicate,
}

/// A packet that waits in the sequencer.
pub(super) struct Waiting {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) timestamp: u32,
    pub(super) payload: Box<[u8]>,
}

/// Transcodes the packets of one source SSRC towards one sink.
pub struct RtpTranscoder {
    pub(super) routes: Vec<Route>,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
    sequencer: Sequencer<Waiting>,
    pub(super) numbers: SequenceNumbers,
    pacer: Pacer,
    pub(super) event: Option<Event>,
    /// Source number of the audio that came last.
    pub(super) audio: Option<u8>,
    silence: Option<SilenceDetection>,
    /// `dtmf-no-suppress`.
    pub(super) no_suppress: bool,
    pub(super) decoded: Frames,
    resampled: Frames,
    encoded: Frames,
    packed: Frames,
    decoded_samples: u64,
    seen: Vec<SeenEvent>,
    pub(super) digits: Digits,
    /// Timestamp in the source of the audio at work.
    pub(super) moment: u32,
    /// Gaps are filled (§16.1).
    pub(super) filling: Option<Box<Filling>>,
}

impl RtpTranscoder {
    /// Nothing received yet. Coders are opened when their first packet comes.
    #[must_use]
    pub fn new(routes: Vec<Route>, silence: Option<SilenceDetection>, no_suppress: bool) -> Self {
        Self {
            routes,
            inputs: Vec::new(),
            outputs: Vec::new(),
            sequencer: Sequencer::default(),
            numbers: SequenceNumbers::default(),
            pacer: Pacer::default(),
            event: None,
            audio: None,
            silence,
            no_suppress,
            decoded: Frames::new(),
            resampled: Frames::new(),
            encoded: Frames::new(),
            packed: Frames::new(),
            decoded_samples: 0,
            seen: Vec::new(),
            digits: Digits::default(),
            moment: 0,
            filling: None,
        }
    }

    /// Puts a digit into what goes to the sink, behind those that wait: as an event where the sink has events, as a tone where it has not.
    /// `passing` is the way for packets that only pass. `false`: too many wait.
    pub fn inject(&mut self, digit: Digit, passing: Option<Passing>) -> bool {
        self.digits.inject(digit, passing)
    }

    /// What hides the digits of the source from the next packet on.
    pub fn set_mask(&mut self, mask: Option<Arc<Mask>>) {
        self.digits.set_mask(mask);
    }

    /// Beginnings and ends of injected digits since the last call, with the clock of their units.
    pub fn injected_digits(&mut self) -> impl Iterator<Item = (Seen, u32)> + '_ {
        self.digits.take_seen()
    }

    /// The DTMF events that ended since the last call; ask after each packet.
    pub fn seen_events(&mut self) -> impl Iterator<Item = SeenEvent> + '_ {
        self.seen.drain(..)
    }

    /// Takes other routes over after signalling: coders of equal routes go on, others are made anew (`codecs.md` §6). Sequence numbers
    /// go on in any case.
    pub fn set_routes(&mut self, routes: Vec<Route>) {
        if self.routes != routes {
            self.digits.rebase();
        }
        self.inputs.retain(|input| routes.contains(&input.route));
        let stays = |number: u8| {
            let mut former = self.routes.iter().filter(|route| route.output_payload_type == number);
            former.any(|route| routes.contains(route))
        };
        self.outputs.retain(|output| stays(output.route.output_payload_type));
        self.routes = routes;
        self.refill();
    }

    /// Counters of the sequencer.
    #[must_use]
    pub fn counters(&self) -> SequencerCounters {
        self.sequencer.counters()
    }

    /// Samples per channel decoded so far, for statistics; wraps.
    #[must_use]
    pub fn decoded_samples(&self) -> u64 {
        self.decoded_samples
    }

    /// What the decoders found out for the transcoder of the other direction; ask until there is none.
    pub fn feedback(&mut self, now: Duration) -> Option<Feedback> {
        self.inputs.iter_mut().find_map(|input| input.decoder.feedback(now))
    }

    /// Takes what the other direction's decoder found out.
    pub fn take(&mut self, feedback: Feedback) {
        for output in &mut self.outputs {
            output.encoder.take(feedback);
        }
    }

    /// Takes a packet of the source and appends what leaves because of it. Errors are those of packets processed now, the first of them;
    /// their audio is missing, everything else goes on.
    ///
    /// # Errors
    /// If a coder cannot be opened or refuses a payload.
    pub fn push(
        &mut self,
        now: Duration,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) -> Result<Taken, CodecError> {
        let mut result = Ok(());
        self.hear(packet.payload_type);
        if self.sequencer.is_next(packet.sequence_number) {
            self.sequencer.pass(packet.sequence_number);
            self.numbers.input(packet.sequence_number);
            result = self.process(now, packet, out);
            return result.map(|()| Taken::Yes);
        }
        let waiting = Waiting {
            payload_type: packet.payload_type,
            marker: packet.marker,
            timestamp: packet.timestamp,
            payload: packet.payload.into(),
        };
        match self.sequencer.push(packet.sequence_number, packet.timestamp, waiting) {
            Stored::Taken => {}
            Stored::Duplicate => return self.duplicate(now, packet, out),
            Stored::Reset => self.numbers.restart(packet.sequence_number),
        }
        let clock = self.clock(packet.payload_type);
        while let Some((sequence_number, waiting)) = self.sequencer.pop(clock) {
            let packet = InPacket {
                payload_type: waiting.payload_type,
                marker: waiting.marker,
                sequence_number,
                timestamp: waiting.timestamp,
                payload: &waiting.payload,
            };
            self.numbers.input(sequence_number);
            result = result.and(self.process(now, &packet, out));
        }
        result.map(|()| Taken::Yes)
    }

    /// A duplicate is dropped, but for event packets that stay events (§15(2)).
    fn duplicate(
        &mut self,
        now: Duration,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) -> Result<Taken, CodecError> {
        let events =
            self.route(packet.payload_type).is_some_and(|route| is_event(route) && route.dtmf.is_some());
        if events {
            self.numbers.input(packet.sequence_number);
            self.process(now, packet, out)?;
        }
        Ok(Taken::Duplicate)
    }

    pub(super) fn route(&self, payload_type: u8) -> Option<&Route> {
        self.routes.iter().find(|route| route.input_payload_type == payload_type)
    }

    /// The clock of the source's timestamps.
    fn clock(&self, payload_type: u8) -> u32 {
        let route = self.route(payload_type).or_else(|| self.audio.and_then(|audio| self.route(audio)));
        route.map_or(8000, |route| route.input.clock)
    }

    fn process(
        &mut self,
        now: Duration,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        if packet.payload_type == WITHHELD {
            let frame = self.clock(WITHHELD) / 50;
            self.sequencer.processed(packet.timestamp, Some(frame));
            return Ok(());
        }
        let Some(route) = self.route(packet.payload_type).cloned() else {
            self.sequencer.processed(packet.timestamp, None);
            if self.is_unwanted(packet.payload_type) {
                self.numbers.consumed();
                return Ok(());
            }
            self.pass(now, packet, out);
            return Ok(());
        };
        let frame = route.input.clock / 1000 * route.input_ptime.max(1);
        self.sequencer.processed(packet.timestamp, is_event(&route).then_some(frame));
        if self.hold(now, &route, packet) {
            return Ok(());
        }
        self.play(now, &route, packet, out)
    }

    /// A packet whose time has come.
    pub(super) fn play(
        &mut self,
        now: Duration,
        route: &Route,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        if is_event(route) {
            return self.process_event(now, route, packet, out);
        }
        if route.input.supplemental == Some(Supplemental::ComfortNoise) {
            if let Some(number) = route.cn {
                let timestamp = self.position(route).unwrap_or(packet.timestamp);
                self.forward(now, number, timestamp, packet, out);
                return Ok(());
            }
        } else {
            self.audio = Some(packet.payload_type);
        }
        if self.is_suppressed(packet.timestamp) {
            self.numbers.consumed();
            return Ok(());
        }
        self.transcode(now, route, packet, out)
    }

    /// A packet that only passes, or the event packets put in its place.
    fn pass(&mut self, now: Duration, packet: &InPacket<'_>, out: &mut Outgoing) {
        if !self.digits.is_idle() {
            let (number, over) = self.digits.passing(packet.payload_type, packet.timestamp, packet.payload);
            match over {
                OverEvent::Itself => {}
                OverEvent::Replaced(placed) => return self.place(now, number, &placed, false, out),
                OverEvent::Swallowed => return self.numbers.consumed(),
            }
        }
        self.forward(now, packet.payload_type, packet.timestamp, packet, out);
    }

    /// Event packets in place of a packet, an end three times. `consumed`: the packet was counted as taken already.
    pub(super) fn place(
        &mut self,
        send_at: Duration,
        payload_type: u8,
        placed: &Placed,
        consumed: bool,
        out: &mut Outgoing,
    ) {
        for copy in 0..if placed.payload.end { 3 } else { 1 } {
            let itself = copy == 0 && !consumed;
            let sequence_number = if itself { self.numbers.forwarded() } else { self.numbers.emitted() };
            let marker = placed.first && copy == 0;
            let timestamp = placed.timestamp;
            let header = Header { payload_type, marker, sequence_number, timestamp, send_at, end: 0 };
            out.push(header, &placed.payload.to_bytes());
        }
    }

    /// The packet itself, under another number and timestamp perhaps, at once.
    pub(super) fn forward(
        &mut self,
        now: Duration,
        payload_type: u8,
        timestamp: u32,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) {
        let header = Header {
            payload_type,
            marker: packet.marker,
            sequence_number: self.numbers.forwarded(),
            timestamp,
            send_at: now,
            end: 0,
        };
        out.push(header, packet.payload);
    }

    /// Where the output of a route is, if it has begun.
    pub(super) fn position(&self, route: &Route) -> Option<u32> {
        self.output(route.output_payload_type).and_then(|output| output.timestamps.position())
    }

    pub(super) fn output(&self, payload_type: u8) -> Option<&Output> {
        self.outputs.iter().find(|output| output.route.output_payload_type == payload_type)
    }

    fn transcode(
        &mut self,
        now: Duration,
        route: &Route,
        packet: &InPacket<'_>,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        self.open(route, packet.timestamp)?;
        self.numbers.consumed();
        let Some(input) = self.inputs.iter_mut().find(|input| input.route == *route) else { return Ok(()) };
        self.decoded.clear();
        let result = match &mut self.filling {
            Some(filling) if filling.replaces(input, packet.payload) => {
                filling.make_noise(input, &mut self.decoded)
            }
            _ => input.decoder.push(Frame::Encoded(packet.payload), &mut self.decoded),
        };
        let format = input.decoder.format();
        let samples = self.decoded.samples().len() as u64;
        self.decoded_samples = self.decoded_samples.wrapping_add(samples / u64::from(format.channels.max(1)));
        self.moment = packet.timestamp;
        self.encode(now, route, out)?;
        result
    }

    /// Whether the next packet of a payload number opens coders that take long to open, and [`RtpTranscoder::prepare`] may do so
    /// elsewhere.
    #[must_use]
    pub fn opens_slowly(&self, payload_type: u8) -> bool {
        let Some(route) = self.chain(payload_type) else { return false };
        let known = self.inputs.iter().any(|input| input.route == *route);
        let begun = self.output(route.output_payload_type).is_some();
        !(known && begun) && route.opens_slowly()
    }

    /// Opens the coders for packets of a payload number.
    ///
    /// # Errors
    /// If a coder cannot be opened.
    pub fn prepare(&mut self, payload_type: u8) -> Result<(), CodecError> {
        let Some(route) = self.chain(payload_type).cloned() else { return Ok(()) };
        self.open_coders(&route)?;
        #[cfg(feature = "ffmpeg")]
        if let Some(format) = self.output(route.output_payload_type).map(|output| output.format)
            && let Some(input) = self.inputs.iter_mut().find(|input| input.route == route)
            && input.decoder.format() != format
        {
            input.open_resampler(format)?;
        }
        Ok(())
    }

    /// The route whose coders a payload number needs: for events that become tones, that of the audio.
    fn chain(&self, payload_type: u8) -> Option<&Route> {
        let route = self.route(payload_type)?;
        if route.input.is_audio() {
            return Some(route);
        }
        let leads = |candidate: &&Route| {
            candidate.output_payload_type == route.output_payload_type && candidate.input.is_audio()
        };
        self.routes.iter().find(leads)
    }

    /// Opens the coders of a route unless they are; its output begins with the given timestamp unless it has begun.
    pub(super) fn open(&mut self, route: &Route, timestamp: u32) -> Result<(), CodecError> {
        self.open_coders(route)?;
        let number = route.output_payload_type;
        if let Some(output) = self.outputs.iter_mut().find(|o| o.route.output_payload_type == number) {
            output.timestamps.start(timestamp);
        }
        Ok(())
    }

    fn open_coders(&mut self, route: &Route) -> Result<(), CodecError> {
        let decoded = decoded_format(&route.input, &route.output);
        if !self.inputs.iter().any(|input| input.route == *route) {
            self.inputs.retain(|input| input.route.input_payload_type != route.input_payload_type);
            self.inputs.push(Input {
                route: route.clone(),
                decoder: open_decoder(&route.input, decoded, route.input_ptime)?,
                #[cfg(feature = "ffmpeg")]
                resampler: None,
                #[cfg(feature = "spandsp")]
                ear: if route.detect_tones && route.dtmf.is_some() {
                    let position = self.output(route.output_payload_type).map_or(0, |output| output.position);
                    Some(Ear::open(position)?)
                } else {
                    None
                },
            });
        }
        if self.output(route.output_payload_type).is_none() {
            let format = encoded_format(&route.output, decoded);
            let (encoder, packer) = open_encoder(&route.output, format, route.output_ptime)?;
            self.outputs.push(Output {
                route: route.clone(),
                encoder,
                packer,
                timestamps: Timestamps::default(),
                heard: VecDeque::new(),
                format,
                position: 0,
                detection: Detection::default(),
            });
        }
        Ok(())
    }

    /// Resamples, encodes, packs and numbers what is in `decoded`.
    pub(super) fn encode(
        &mut self,
        now: Duration,
        route: &Route,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        let Some(input) = self.inputs.iter_mut().find(|input| input.route == *route) else { return Ok(()) };
        let number = route.output_payload_type;
        let Some(output) = self.outputs.iter_mut().find(|o| o.route.output_payload_type == number) else {
            return Ok(());
        };
        #[cfg(feature = "spandsp")]
        if let Some(ear) = &mut input.ear {
            let format = input.decoder.format();
            ear.listen(self.decoded.samples(), format, output.route.output.clock, &mut output.detection)?;
        }
        if !self.digits.is_idle() {
            let moment = (self.moment, route.input.clock);
            let format = input.decoder.format();
            self.digits.overwrite(self.decoded.samples_mut(), format, moment, route.dtmf.is_some());
        }
        let frames = if input.decoder.format() == output.format {
            &mut self.decoded
        } else {
            self.resampled.clear();
            input.resample(output.format, self.decoded.samples(), &mut self.resampled)?;
            &mut self.resampled
        };
        if !self.digits.is_idle() && route.dtmf.is_none() {
            self.digits.put_tones(frames.samples_mut(), output.format, self.moment);
        }
        let samples = frames.samples();
        let look = self.silence.as_ref().filter(|_| route.cn.is_some());
        if look.is_some() {
            output.heard.extend(samples);
        }
        self.encoded.clear();
        self.packed.clear();
        let result = output.encoder.push(Frame::Samples(samples), &mut self.encoded);
        for frame in self.encoded.encoded() {
            output.packer.push(frame, &mut self.packed);
        }
        let mut moment = self.moment;
        for packet in self.packed.encoded() {
            let timestamp = output.timestamps.emit(packet.duration);
            let verdict = output.detection.frame(output.position, packet.duration, timestamp);
            output.position += u64::from(packet.duration);
            let clock = output.route.output.clock;
            let send_at = match self.filling {
                Some(_) => now,
                None => self.pacer.send_at(now, timestamp, clock),
            };
            let placed = match route.dtmf {
                Some(number) if !self.digits.is_idle() => self
                    .digits
                    .frame(timestamp, packet.duration, clock, moment)
                    .map(|placed| (number, placed)),
                _ => None,
            };
            let units = u64::from(packet.duration) * u64::from(route.input.clock) / u64::from(clock.max(1));
            moment = moment.wrapping_add(u32::try_from(units).unwrap_or(0));
            if let Some((payload_type, placed)) = placed {
                for copy in 0..if placed.payload.end { 3 } else { 1 } {
                    let header = Header {
                        payload_type,
                        marker: placed.first && copy == 0,
                        sequence_number: self.numbers.emitted(),
                        timestamp: placed.timestamp,
                        send_at,
                        end: 0,
                    };
                    out.push(header, &placed.payload.to_bytes());
                }
                continue;
            }
            if let (Verdict::Event { payload, timestamp, first, last }, Some(payload_type)) =
                (verdict, route.dtmf)
            {
                for copy in 0..if last { 3 } else { 1 } {
                    let sequence_number = self.numbers.emitted();
                    let marker = first && copy == 0;
                    out.push(
                        Header { payload_type, marker, sequence_number, timestamp, send_at, end: 0 },
                        &payload,
                    );
                }
                if last {
                    self.seen.push(seen(payload, output.route.output.clock));
                }
                continue;
            }
            let silent = look.filter(|look| output.is_silent(packet.duration, look.threshold)).zip(route.cn);
            let (payload_type, payload) = match silent {
                Some((look, cn)) => (cn, &*look.payload),
                None => (number, packet.octets),
            };
            let header = Header {
                payload_type,
                marker: false,
                sequence_number: self.numbers.emitted(),
                timestamp,
                send_at,
                end: 0,
            };
            out.push(header, payload);
        }
        result
    }
}
