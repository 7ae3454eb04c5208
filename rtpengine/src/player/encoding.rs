//! A file becomes a track: decoded, resampled, encoded in slices, so that a thread serves many players.

use std::any::Any;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rtpengine_common::codec::engine::demuxer::{Demuxed, Demuxer};
use rtpengine_common::codec::engine::packer::Packer;
use rtpengine_common::codec::engine::resampler::Resampler;
use rtpengine_common::codec::engine::{
    AudioFormat, CodecError, Encoder, Frame, Frames, encoded_format, open_encoder,
};

use super::pool::Pool;
use super::source::{Output, Plan, Position};
use super::track::{Mark, Piece, Resume, Track};
use crate::flow::Level;
use crate::report::log;

/// Sound of one piece; the first one is shorter, because a listener waits for it.
const PIECE: Duration = Duration::from_millis(500);
const FIRST_PIECE: Duration = Duration::from_millis(120);

/// Octets of payload one shared track may take: at 64 kbit/s more than a working day.
const MAX_SHARED: u64 = 256 * 1024 * 1024;

/// Makes a track of a file. It is moved between threads and worked on for one piece at a time.
pub(super) struct Encoding {
    demuxer: Demuxer,
    output: Output,
    /// Passes still to come after this one.
    repeats: u32,
    budget_ms: Option<u64>,
    chain: Option<Chain>,
    samples: Vec<i16>,
    converted: Vec<i16>,
    frames: Frames,
    packets: Frames,
    /// Clock units encoded.
    units: u64,
    /// Clock units before this pass.
    before_pass: u64,
    /// Samples per channel decoded in this pass, of the file's rate.
    decoded: u64,
    started: bool,
}

struct Chain {
    from: AudioFormat,
    encoder: Box<dyn Encoder>,
    packer: Packer,
    resampler: Option<Resampler>,
}

impl Chain {
    fn open(from: AudioFormat, output: &Output) -> Result<Self, CodecError> {
        // Opus follows what it is given: as many channels as the receiver has.
        let wanted = AudioFormat { channels: from.channels.min(output.codec.channels).clamp(1, 2), ..from };
        let to = encoded_format(&output.codec, wanted);
        let (encoder, packer) = open_encoder(&output.codec, to, output.ptime)?;
        let resampler = (from != to).then(|| Resampler::new(from, to)).transpose()?;
        Ok(Self { from, encoder, packer, resampler })
    }
}

/// How far a slice got.
enum Slice {
    Piece,
    End,
}

impl Encoding {
    /// Work on `demuxer` from where the plan begins. Checks that the codec can be encoded.
    pub(super) fn new(mut demuxer: Demuxer, output: &Output, plan: &Plan) -> Result<Self, CodecError> {
        let audio = demuxer.audio();
        Chain::open(audio, output)?;
        let (num, den) = demuxer.time_base();
        match plan.from {
            Position::Beginning => {}
            Position::Ticks(ticks) => {
                if !demuxer.seek(ticks) {
                    // Playback starts from wherever that ended (players.md §1.1).
                    log::core(Level::Warning, &format!("Failed to seek to position {ticks} of the media"));
                }
            }
            Position::After(time) => {
                let ticks = time.as_micros() * u128::from(den) / (u128::from(num.max(1)) * 1_000_000);
                demuxer.seek(i64::try_from(ticks).unwrap_or(i64::MAX));
            }
        }
        Ok(Self {
            demuxer,
            output: output.clone(),
            repeats: plan.times.max(1) - 1,
            budget_ms: plan.budget_ms,
            chain: None,
            samples: Vec::new(),
            converted: Vec::new(),
            frames: Frames::new(),
            packets: Frames::new(),
            units: 0,
            before_pass: 0,
            decoded: 0,
            started: false,
        })
    }

    fn time_of(&self, units: u64) -> u64 {
        let micros = u128::from(units) * 1_000_000 / u128::from(self.output.codec.clock.max(1));
        u64::try_from(micros).unwrap_or(u64::MAX)
    }

    /// Encodes one piece.
    fn slice(&mut self, piece: &mut Piece, marks: &mut Vec<Mark>) -> Result<Slice, CodecError> {
        let wanted = if self.started { PIECE } else { FIRST_PIECE };
        self.started = true;
        let begun = self.units;
        while u128::from(self.time_of(self.units - begun)) < wanted.as_micros() {
            self.samples.clear();
            let demuxed = self.demuxer.read(&mut self.samples)?;
            if let Demuxed::Packet { position: Some(position) } = demuxed {
                marks.push(Mark { at_us: self.decoded_us(), position });
            }
            self.encode(piece)?;
            if demuxed == Demuxed::End {
                self.finish_pass(piece)?;
                if !self.next_pass() {
                    return Ok(Slice::End);
                }
            }
        }
        Ok(Slice::Piece)
    }

    /// Where the next sound of the file lies in the track.
    fn decoded_us(&self) -> u64 {
        let rate = u64::from(self.demuxer.audio().rate.max(1));
        self.time_of(self.before_pass).saturating_add(self.decoded.saturating_mul(1_000_000) / rate)
    }

    /// Encodes what was decoded.
    fn encode(&mut self, piece: &mut Piece) -> Result<(), CodecError> {
        if self.samples.is_empty() {
            return Ok(());
        }
        let from = self.demuxer.audio();
        self.decoded += (self.samples.len() / from.channels.max(1) as usize) as u64;
        if self.chain.as_ref().is_none_or(|chain| chain.from != from) {
            self.chain = Some(Chain::open(from, &self.output)?);
        }
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let samples = match &mut chain.resampler {
            None => &self.samples,
            Some(resampler) => {
                self.converted.clear();
                resampler.convert(&self.samples, &mut self.converted)?;
                &self.converted
            }
        };
        self.units += push(chain, samples, &mut self.frames, &mut self.packets, piece)?;
        Ok(())
    }

    /// The end of the file: what the resampler holds back comes out; what fills no packet is left out.
    fn finish_pass(&mut self, piece: &mut Piece) -> Result<(), CodecError> {
        let Some(mut chain) = self.chain.take() else { return Ok(()) };
        if let Some(resampler) = &mut chain.resampler {
            self.converted.clear();
            resampler.finish(&mut self.converted)?;
            self.units += push(&mut chain, &self.converted, &mut self.frames, &mut self.packets, piece)?;
        }
        Ok(())
    }

    /// Goes back to the beginning if the plan says so (players.md §3 rule 6).
    fn next_pass(&mut self) -> bool {
        // A pass without a packet would repeat for ever.
        if self.repeats == 0 || self.budget_ms == Some(0) || self.units == self.before_pass {
            return false;
        }
        let length =
            self.demuxer.duration().map_or(self.time_of(self.units - self.before_pass) / 1000, |length| {
                u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
            });
        self.budget_ms = self.budget_ms.map(|left| left.saturating_sub(length));
        self.repeats -= 1;
        self.before_pass = self.units;
        self.decoded = 0;
        self.demuxer.rewind()
    }
}

/// Encodes samples; tells the clock units of the packets made.
fn push(
    chain: &mut Chain,
    samples: &[i16],
    frames: &mut Frames,
    packets: &mut Frames,
    piece: &mut Piece,
) -> Result<u64, CodecError> {
    frames.clear();
    packets.clear();
    chain.encoder.push(Frame::Samples(samples), frames)?;
    frames.encoded().for_each(|frame| chain.packer.push(frame, packets));
    let mut units = 0;
    for packet in packets.encoded() {
        piece.push(packet.octets, packet.duration);
        units += u64::from(packet.duration);
    }
    Ok(units)
}

/// Work that waits or runs.
pub(super) struct Task {
    encoding: Encoding,
    track: Weak<Track>,
    pool: Pool,
}

impl Task {
    /// A job that encodes into a track, slice by slice, until nobody has the track any more.
    pub(super) fn new(encoding: Encoding, track: &Arc<Track>, pool: &Pool) -> Box<Self> {
        Box::new(Self { encoding, track: Arc::downgrade(track), pool: pool.clone() })
    }

    /// Queues the work; given back when too much is waiting.
    pub(super) fn submit(self: Box<Self>) -> Result<(), Box<Self>> {
        let pool = self.pool.clone();
        // The job has to give the work back if it cannot be queued.
        let cell = Arc::new(Mutex::new(Some(self)));
        let inner = Arc::clone(&cell);
        let queued = pool.submit(Box::new(move || {
            let task = inner.lock().take();
            if let Some(task) = task {
                task.run();
            }
        }));
        match queued {
            Ok(()) => Ok(()),
            Err(_) => cell.lock().take().map_or(Ok(()), Err),
        }
    }

    /// Encodes one slice; others get their turn before the next one.
    fn run(mut self: Box<Self>) {
        loop {
            let Some(track) = self.track.upgrade() else { return };
            let (mut piece, mut marks) = (Piece::default(), Vec::new());
            let slice = self.encoding.slice(&mut piece, &mut marks);
            let more = track.append(piece, &marks);
            let full = track.is_shared() && track.size() > MAX_SHARED;
            if full || !matches!(slice, Ok(Slice::Piece)) {
                track.finish(self.encoding.time_of(self.encoding.units));
                return;
            }
            if !more {
                let Some(again) = track.pause(self).and_then(|work| work.downcast().ok()) else { return };
                self = again;
            }
            match self.submit() {
                Ok(()) => return,
                // A full queue: this thread goes on with it.
                Err(task) => self = task,
            }
        }
    }
}

/// Puts paused work back into its queue.
pub(super) struct Queue;

impl Resume for Queue {
    fn resume(&self, work: Box<dyn Any + Send>) -> Result<(), Box<dyn Any + Send>> {
        let Ok(task) = work.downcast::<Task>() else { return Ok(()) };
        task.submit().map_err(|task| task as Box<dyn Any + Send>)
    }
}
