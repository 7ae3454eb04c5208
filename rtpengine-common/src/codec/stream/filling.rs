//! Gaps of a transcoded source are filled (`codecs.md` §16): what is queued, and what a gap sounds like.

use std::time::Duration;

use super::chain::Input;
use super::dtx::{Buffer, GapFilling, Queued, Run};
use super::events::is_event;
use super::numbering::Timestamps;
use super::outgoing::Outgoing;
use super::transcoder::{RtpTranscoder, Waiting};
use super::{InPacket, Route};
#[cfg(feature = "ffmpeg")]
use crate::codec::engine::resampler::Resampler;
use crate::codec::engine::{AudioFormat, CodecError, Decoder, Frame, Frames, open_decoder};
use crate::codec::table::Dtx;
use crate::codec::{Codec, CodecId, Linked};

/// Runs made up for at a time.
const MAX_RUNS: usize = 64;
/// Comfort noise as it is made.
const NOISE: AudioFormat = AudioFormat { rate: 8000, channels: 1 };

/// A payload number of the source that was signalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number.
    pub payload_type: u8,
    /// It stands for audio, not for a companion of audio.
    pub audio: bool,
}

/// What fills the gaps of one source.
pub(super) struct Filling {
    settings: GapFilling,
    known: Vec<Known>,
    lines: Vec<Line>,
    /// Audio number received last.
    heard: Option<u8>,
    noise: Option<Noise>,
}

/// The queue of one audio number, with the events that belong to it.
struct Line {
    route: Route,
    buffer: Buffer<Waiting>,
}

struct Noise {
    decoder: Box<dyn Decoder>,
    ptime: u32,
    made: Frames,
    #[cfg(feature = "ffmpeg")]
    resampler: Option<(AudioFormat, Resampler)>,
}

/// Whether a codec's gaps are filled.
fn pauses(route: &Route) -> bool {
    route.input.is_audio() && route.input.def().is_some_and(|def| def.dtx != Dtx::None)
}

/// Whether the codec has frames for gaps.
fn has_own_frames(codec: &Codec) -> bool {
    codec.def().is_some_and(|def| def.dtx == Dtx::Native)
}

/// Codecs whose gaps stay gaps unless there is noise for them (§16.2).
fn stays_silent(codec: &Codec) -> bool {
    let g729 = cfg!(feature = "bcg729") && matches!(codec.id, Some(CodecId::G729 | CodecId::G729a));
    g729 || codec.id == Some(CodecId::Opus)
}

impl RtpTranscoder {
    /// Fills gaps from now on. `known`: all numbers of the source; others are dropped where it is transcoded (`codecs.md` §10.7).
    pub fn fill_gaps(&mut self, settings: Option<&GapFilling>, known: &[Known]) {
        match (&mut self.filling, settings) {
            (_, None) => self.filling = None,
            (Some(filling), Some(settings)) => {
                (filling.settings, filling.known) = (settings.clone(), known.to_vec());
            }
            (None, Some(settings)) => {
                let (settings, known) = (settings.clone(), known.to_vec());
                let filling = Filling { settings, known, lines: Vec::new(), heard: None, noise: None };
                self.filling = Some(Box::new(filling));
            }
        }
        self.refill();
    }

    /// The routes have changed.
    pub(super) fn refill(&mut self) {
        let own_numbers = self.filling.is_some() && self.routes.iter().any(pauses);
        self.numbers.set_continuous(own_numbers);
        if let Some(filling) = &mut self.filling {
            let routes = &self.routes;
            filling.lines.retain(|line| routes.contains(&line.route));
        }
    }

    /// When [`RtpTranscoder::run`] has something to do.
    #[must_use]
    pub fn next_run(&self) -> Option<Duration> {
        self.filling.as_ref()?.lines.iter().filter_map(|line| line.buffer.due()).min()
    }

    /// The audio number received last, where gaps are filled.
    #[must_use]
    pub fn heard(&self) -> Option<u8> {
        self.filling.as_ref()?.heard
    }

    /// Plays or fills what is due, and appends what leaves. `abandoned`: the source goes on with another SSRC.
    ///
    /// # Errors
    /// As [`RtpTranscoder::push`].
    pub fn run(&mut self, now: Duration, abandoned: bool, out: &mut Outgoing) -> Result<(), CodecError> {
        let mut result = Ok(());
        for _ in 0..MAX_RUNS {
            let Some(filling) = &self.filling else { break };
            let due = |line: &Line| line.buffer.due().filter(|due| *due <= now);
            let all = filling.lines.iter().enumerate().filter_map(|(at, line)| Some((due(line)?, at)));
            let Some((_, at)) = all.min() else { break };
            result = result.and(self.run_line(now, at, abandoned, out));
        }
        result
    }

    /// A packet was received.
    pub(super) fn hear(&mut self, payload_type: u8) {
        if let Some(filling) = &mut self.filling
            && filling.known.contains(&Known { payload_type, audio: true })
        {
            filling.heard = Some(payload_type);
        }
    }

    /// Whether packets of a number without a route are dropped.
    pub(super) fn is_unwanted(&self, payload_type: u8) -> bool {
        let known = |filling: &Filling| filling.known.iter().any(|known| known.payload_type == payload_type);
        !self.routes.is_empty() && self.filling.as_ref().is_some_and(|filling| !known(filling))
    }

    /// Queues a packet whose turn comes later. `false`: it is to be played at once.
    pub(super) fn hold(&mut self, now: Duration, route: &Route, packet: &InPacket<'_>) -> bool {
        let Some(filling) = &mut self.filling else { return false };
        let event = is_event(route);
        let audio = if event {
            // The audio received last, else any that leads to the same number.
            let last = self.routes.iter().find(|r| filling.heard == Some(r.input_payload_type));
            let leads = |r: &&Route| r.input.is_audio() && r.output_payload_type == route.output_payload_type;
            last.or_else(|| self.routes.iter().find(leads))
        } else {
            Some(route)
        };
        let Some(audio) = audio.filter(|route| pauses(route)) else { return false };
        let at = filling.lines.iter().position(|line| line.route == *audio).unwrap_or_else(|| {
            let ptime = audio.input.def().map_or(0, |def| def.ptime);
            let buffer = Buffer::new(audio.input.clock, if ptime == 0 { 20 } else { ptime });
            filling.lines.push(Line { route: audio.clone(), buffer });
            filling.lines.len() - 1
        });
        let item = Waiting {
            payload_type: packet.payload_type,
            marker: packet.marker,
            timestamp: packet.timestamp,
            payload: packet.payload.into(),
        };
        let queued = Queued { arrival: now, timestamp: packet.timestamp, event, item };
        filling.lines[at].buffer.push(queued, &filling.settings);
        true
    }

    fn run_line(
        &mut self,
        now: Duration,
        at: usize,
        abandoned: bool,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        // Taken out meanwhile: packets of the queue are judged by the transcoder's own state.
        let Some(mut filling) = self.filling.take() else { return Ok(()) };
        let Some(line) = filling.lines.get_mut(at) else { return Ok(()) };
        let number = line.route.input_payload_type;
        if abandoned || filling.heard.is_some_and(|heard| heard != number) {
            line.buffer.stop();
            self.filling = Some(filling);
            return Ok(());
        }
        let (run, shift) = line.buffer.run(now, &filling.settings, |packet, timestamp| {
            packet.payload_type == number && self.is_suppressed(timestamp)
        });
        let route = line.route.clone();
        let (frame, head) = (line.buffer.frame(), line.buffer.head());
        self.filling = Some(filling);
        let (result, duration) = match run {
            Run::Play(packet, jump) => self.play_queued(now, &route, &packet, jump, out),
            Run::Fill => (self.fill(now, &route, frame, head, out), 0),
            Run::Empty => (Ok(()), 0),
            Run::Over => {
                let outputs = self.outputs.iter_mut();
                outputs
                    .filter(|output| output.route.output_payload_type == route.output_payload_type)
                    .for_each(|output| output.timestamps = Timestamps::default());
                (Ok(()), 0)
            }
        };
        if let Some(line) = self.filling.as_mut().and_then(|filling| filling.lines.get_mut(at)) {
            line.buffer.decoded(duration);
            line.buffer.plan_next(now, shift);
        }
        result
    }

    /// Plays a packet of the queue; how long its audio is, in units of the source.
    fn play_queued(
        &mut self,
        now: Duration,
        audio: &Route,
        packet: &Waiting,
        jump: i32,
        out: &mut Outgoing,
    ) -> (Result<(), CodecError>, u32) {
        let Some(route) = self.route(packet.payload_type).cloned() else { return (Ok(()), 0) };
        self.jump(audio, jump);
        let input = InPacket {
            payload_type: packet.payload_type,
            marker: packet.marker,
            sequence_number: 0,
            timestamp: packet.timestamp,
            payload: &packet.payload,
        };
        let before = self.decoded_samples();
        let result = self.play(now, &route, &input, out);
        let samples = self.decoded_samples().wrapping_sub(before);
        let rate = self.inputs.iter().find(|input| input.route == route).map(|i| i.decoder.format().rate);
        let units = samples * u64::from(route.input.clock) / u64::from(rate.unwrap_or(1).max(1));
        (result, u32::try_from(units).unwrap_or(0))
    }

    /// The output follows a jump of the source's time, unless it is too far (`codecs.md` §14.3(3)).
    fn jump(&mut self, route: &Route, units: i32) {
        let clock = route.input.clock.max(1);
        if units == 0 || u64::from(units.unsigned_abs()) > u64::from(clock) * 5 {
            return;
        }
        let number = route.output_payload_type;
        let Some(output) = self.outputs.iter_mut().find(|o| o.route.output_payload_type == number) else {
            return;
        };
        let scaled = i64::from(units) * i64::from(output.route.output.clock) / i64::from(clock);
        if let Some(position) = output.timestamps.position() {
            output.timestamps.set(position.wrapping_add(scaled as u32));
        }
    }

    /// One frame of what a gap sounds like (§16.2).
    fn fill(
        &mut self,
        now: Duration,
        route: &Route,
        frame: u32,
        head: Option<u32>,
        out: &mut Outgoing,
    ) -> Result<(), CodecError> {
        let (Some(filling), Some(input)) =
            (&mut self.filling, self.inputs.iter_mut().find(|input| input.route == *route))
        else {
            return Ok(());
        };
        self.decoded.clear();
        let codec = &route.input;
        let own_frames = has_own_frames(codec) && !filling.settings.amr_noise;
        if !(own_frames && input.decoder.no_data(&mut self.decoded)?) {
            if filling.settings.noise.is_some() {
                filling.noise_of(input, frame, &mut self.decoded)?;
            } else if !stays_silent(codec) {
                let samples = samples_in(frame, codec.clock, input.decoder.format());
                self.decoded.samples_mut().resize(samples, 0);
            }
        }
        if self.decoded.is_empty() {
            return Ok(());
        }
        self.moment = head.unwrap_or(self.moment);
        self.encode(now, route, out)
    }
}

/// Samples of all channels.
fn samples_in(units: u32, clock: u32, format: AudioFormat) -> usize {
    let samples = u64::from(units) * u64::from(format.rate) / u64::from(clock.max(1));
    usize::try_from(samples * u64::from(format.channels)).unwrap_or(0)
}

impl Filling {
    /// Whether noise takes the place of this payload: a descriptor of silence of a codec that is filled with noise.
    pub(super) fn replaces(&self, input: &Input, payload: &[u8]) -> bool {
        self.settings.amr_noise
            && self.settings.noise.is_some()
            && has_own_frames(&input.route.input)
            && input.decoder.describes_silence(payload)
    }

    /// A frame of noise in place of a payload.
    pub(super) fn make_noise(&mut self, input: &Input, out: &mut Frames) -> Result<(), CodecError> {
        let line = self.lines.iter().find(|line| line.route == input.route);
        let frame = line.map_or(input.route.input.clock / 50, |line| line.buffer.frame());
        self.noise_of(input, frame, out)
    }

    /// A frame of noise in the format of a decoder.
    fn noise_of(&mut self, input: &Input, frame: u32, out: &mut Frames) -> Result<(), CodecError> {
        let Some(parameters) = &self.settings.noise else { return Ok(()) };
        let clock = u64::from(input.route.input.clock.max(1));
        let ptime = u32::try_from(u64::from(frame) * 1000 / clock).unwrap_or(20).clamp(1, 1000);
        if self.noise.as_ref().is_none_or(|noise| noise.ptime != ptime) {
            let codec = Codec::new("CN", NOISE.rate, NOISE.channels, None, true, &Linked);
            let decoder = open_decoder(&codec, NOISE, ptime)?;
            self.noise = Some(Noise {
                decoder,
                ptime,
                made: Frames::new(),
                #[cfg(feature = "ffmpeg")]
                resampler: None,
            });
        }
        let Some(noise) = &mut self.noise else { return Ok(()) };
        noise.made.clear();
        noise.decoder.push(Frame::Encoded(parameters), &mut noise.made)?;
        let format = input.decoder.format();
        noise.bring(format, out)
    }
}

impl Noise {
    /// Brings what was made to another rate and number of channels, as received noise is (`codecs.md` §16.3).
    #[cfg(feature = "ffmpeg")]
    fn bring(&mut self, to: AudioFormat, out: &mut Frames) -> Result<(), CodecError> {
        if to == NOISE {
            out.samples_mut().extend_from_slice(self.made.samples());
            return Ok(());
        }
        if self.resampler.as_ref().is_none_or(|(open, _)| *open != to) {
            self.resampler = Some((to, Resampler::without_filter(NOISE, to)?));
        }
        let Some((_, resampler)) = &mut self.resampler else { return Ok(()) };
        resampler.convert(self.made.samples(), out.samples_mut())
    }

    #[cfg(not(feature = "ffmpeg"))]
    fn bring(&mut self, _: AudioFormat, out: &mut Frames) -> Result<(), CodecError> {
        out.samples_mut().extend_from_slice(self.made.samples());
        Ok(())
    }
}
