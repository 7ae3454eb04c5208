//! The T.38 gateway: UDPTL datagrams on one side, RTP audio on the other (`codecs.md` §§19.3–19.5).
//!
//! A state machine without sockets and clocks. Datagrams and RTP packets go in as they arrive, [`Gateway::run`] is called when
//! [`Gateway::due`] says so, and what is to be sent collects in [`Produced`].

use std::sync::Arc;
use std::time::Duration;

use super::Options;
use super::modem::{Modem, RATE, Settings};
use super::udptl;
use crate::codec::Codec;
use crate::codec::engine::packer::Packer;
use crate::codec::engine::resampler::Resampler;
use crate::codec::engine::{
    AudioFormat, CodecError, Decoder, Encoder, Frame, Frames, encoded_format, open_decoder, open_encoder,
};
use crate::codec::stream::{InPacket, Sequencer, SequencerCounters};

/// The modem speaks in steps of this length ...
const STEP: Duration = Duration::from_millis(10);
/// ... of so many samples.
const STEP_SAMPLES: usize = 80;
/// Without audio for this long the modem is told to fill in.
const SILENCE: Duration = Duration::from_millis(30);
/// Steps are made up for a thread that was late, up to this; beyond, the time is lost.
const MAX_LATE: Duration = Duration::from_millis(500);
/// A jump of timestamps beyond this is no loss but something new, in samples of the modem.
const MAX_LOSS: u64 = 8000;
/// The modem's audio.
const FORMAT: AudioFormat = AudioFormat { rate: RATE, channels: 1 };

impl From<&Options> for Settings {
    fn from(options: &Options) -> Self {
        let parameters = &options.parameters;
        Self {
            version: parameters.version,
            local_rate_management: parameters.local_rate_management,
            max_ifp: parameters.max_ifp.min(parameters.max_datagram),
            fill_bit_removal: parameters.fill_bit_removal,
            transcoding_mmr: parameters.transcoding_mmr,
            transcoding_jbig: parameters.transcoding_jbig,
            ecm: !options.no_ecm,
            v17: !options.no_v17,
            v27ter: !options.no_v27ter,
            v29: !options.no_v29,
            iaf: !options.no_iaf,
        }
    }
}

/// One codec of the audio side.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioCodec {
    /// Payload number.
    pub payload_type: u8,
    /// The codec.
    pub codec: Arc<Codec>,
    /// Packet time in ms.
    pub packet_time: u32,
}

/// Where the RTP of the gateway begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpStart {
    /// Sequence number of the first packet.
    pub sequence_number: u16,
    /// Its timestamp.
    pub timestamp: u32,
}

/// An RTP packet to the audio side; its SSRC is the caller's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioPacket {
    /// Payload number.
    pub payload_type: u8,
    /// Marker bit: the first packet.
    pub marker: bool,
    /// Sequence number.
    pub sequence_number: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Payload.
    pub payload: Box<[u8]>,
}

/// What is to be sent, each side in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Produced {
    /// To the audio side.
    pub audio: Vec<AudioPacket>,
    /// Datagrams to the T.38 side.
    pub datagrams: Vec<Box<[u8]>>,
}

/// Counters of a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Order of the datagrams received.
    pub datagrams: SequencerCounters,
    /// Messages restored by redundancy or FEC.
    pub restored: u64,
    /// Datagrams and messages that were none.
    pub invalid: u64,
    /// Order of the RTP packets received.
    pub audio: SequencerCounters,
}

/// The audio of the source that has come and waits for its turn.
struct Waiting {
    payload_type: u8,
    timestamp: u32,
    payload: Box<[u8]>,
}

/// Decoder of one payload number, and the way to the modem's rate.
struct Ear {
    payload_type: u8,
    clock: u32,
    decoder: Box<dyn Decoder>,
    resampler: Option<(AudioFormat, Resampler)>,
}

/// Encoder towards the audio side.
struct Mouth {
    payload_type: u8,
    encoder: Box<dyn Encoder>,
    packer: Packer,
    resampler: Option<Resampler>,
}

/// The gateway between one T.38 and one audio media.
pub struct Gateway {
    options: Options,
    modem: Modem,
    sender: udptl::Sender,
    receiver: udptl::Receiver,
    codecs: Vec<AudioCodec>,
    mouth: Option<Mouth>,
    ears: Vec<Ear>,
    sequencer: Sequencer<Waiting>,
    /// Where the audio received must go on: SSRC's timestamp, in its clock.
    expected: Option<u32>,
    /// Samples filled in since audio came last.
    filled: u64,
    last_audio: Duration,
    next_step: Duration,
    next: RtpStart,
    marker: bool,
    invalid: u64,
    samples: Vec<i16>,
    frames: Frames,
    packed: Frames,
}

impl Gateway {
    /// A gateway that begins to speak at `now`. The first of `codecs` is what it speaks, the others it understands too; events and other
    /// things that are no audio are not meant for it.
    ///
    /// # Errors
    /// If the modem or the first codec cannot be opened.
    pub fn start(
        options: Options,
        codecs: Vec<AudioCodec>,
        rtp: RtpStart,
        now: Duration,
    ) -> Result<Self, CodecError> {
        let mut gateway = Self {
            modem: Modem::open(&Settings::from(&options))?,
            sender: udptl::Sender::new(options.parameters.udptl()),
            receiver: udptl::Receiver::default(),
            options,
            codecs: Vec::new(),
            mouth: None,
            ears: Vec::new(),
            sequencer: Sequencer::default(),
            expected: None,
            filled: 0,
            last_audio: now,
            next_step: now + STEP,
            next: rtp,
            marker: true,
            invalid: 0,
            samples: Vec::new(),
            frames: Frames::new(),
            packed: Frames::new(),
        };
        gateway.set_codecs(codecs)?;
        Ok(gateway)
    }

    /// What it was started with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Takes over the codecs of the audio side after signalling; what stays the same goes on.
    ///
    /// # Errors
    /// If the first codec cannot be opened; nothing has changed then.
    pub fn set_codecs(&mut self, codecs: Vec<AudioCodec>) -> Result<(), CodecError> {
        if codecs == self.codecs {
            return Ok(());
        }
        if codecs.first() != self.codecs.first() {
            self.mouth = codecs.first().map(Mouth::open).transpose()?;
        }
        self.ears.retain(|ear| {
            let of = |codec: &&AudioCodec| codec.payload_type == ear.payload_type;
            codecs.iter().find(of) == self.codecs.iter().find(of)
        });
        self.codecs = codecs;
        Ok(())
    }

    /// When [`Gateway::run`] is to be called next.
    #[must_use]
    pub fn due(&self) -> Duration {
        self.next_step
    }

    /// Where its RTP goes on.
    #[must_use]
    pub fn next_rtp(&self) -> RtpStart {
        self.next
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            datagrams: self.receiver.counters(),
            restored: self.receiver.restored(),
            invalid: self.invalid,
            audio: self.sequencer.counters(),
        }
    }

    /// Takes a datagram of the T.38 side.
    pub fn push_datagram(&mut self, now: Duration, datagram: &[u8], out: &mut Produced) {
        if self.receiver.push(now, datagram).is_err() {
            self.invalid += 1;
            return;
        }
        while let Some((number, message)) = self.receiver.pop() {
            let taken = self.modem.receive(&message, number);
            self.invalid += u64::from(!taken);
        }
        self.send_messages(out);
    }

    /// Takes an RTP packet of the audio side. Payload numbers that are none of its codecs are left out.
    ///
    /// # Errors
    /// If the codec cannot be opened or refuses the payload; the stream goes on.
    pub fn push_audio(
        &mut self,
        now: Duration,
        packet: &InPacket<'_>,
        out: &mut Produced,
    ) -> Result<(), CodecError> {
        if !self.codecs.iter().any(|codec| codec.payload_type == packet.payload_type) {
            return Ok(());
        }
        self.last_audio = now;
        let waiting = Waiting {
            payload_type: packet.payload_type,
            timestamp: packet.timestamp,
            payload: packet.payload.into(),
        };
        self.sequencer.push(packet.sequence_number, packet.timestamp, waiting);
        let mut result = Ok(());
        while let Some((_, waiting)) = self.sequencer.pop(self.clock(packet.payload_type)) {
            self.sequencer.processed(waiting.timestamp, None);
            result = result.and(self.hear(&waiting));
        }
        self.send_messages(out);
        result
    }

    /// Makes the audio of the time that has passed.
    ///
    /// # Errors
    /// If the encoder refuses; the stream goes on.
    pub fn run(&mut self, now: Duration, out: &mut Produced) -> Result<(), CodecError> {
        if now > self.next_step + MAX_LATE {
            self.next_step = now;
        }
        let mut result = Ok(());
        while self.next_step <= now {
            self.next_step += STEP;
            if now.saturating_sub(self.last_audio) >= SILENCE && !self.sequencer.is_waiting() {
                self.modem.fill_in(STEP_SAMPLES);
                self.filled += STEP_SAMPLES as u64;
            }
            self.samples.clear();
            self.modem.speak(STEP_SAMPLES, &mut self.samples);
            result = result.and(self.speak(out));
        }
        self.send_messages(out);
        result
    }

    fn clock(&self, payload_type: u8) -> u32 {
        let codec = self.codecs.iter().find(|codec| codec.payload_type == payload_type);
        codec.map_or(RATE, |codec| codec.codec.clock.max(1))
    }

    fn send_messages(&mut self, out: &mut Produced) {
        for message in self.modem.messages() {
            let datagram = self.sender.write(&message.ifp);
            out.datagrams.extend((0..message.copies).map(|_| Box::from(datagram)));
        }
    }

    /// Gives a packet's audio to the modem, and before it what is missing since the last one.
    fn hear(&mut self, packet: &Waiting) -> Result<(), CodecError> {
        let at = self.ear(packet.payload_type)?;
        let Some(ear) = self.ears.get_mut(at) else { return Ok(()) };
        self.frames.clear();
        self.samples.clear();
        ear.decoder.push(Frame::Encoded(&packet.payload), &mut self.frames)?;
        let format = ear.decoder.format();
        let units = self.frames.samples().len() as u64 * u64::from(ear.clock)
            / u64::from(format.rate.max(1))
            / u64::from(format.channels.max(1));
        let samples = if format == FORMAT {
            self.frames.samples()
        } else {
            if ear.resampler.as_ref().is_none_or(|(from, _)| *from != format) {
                ear.resampler = Some((format, Resampler::new(format, FORMAT)?));
            }
            if let Some((_, resampler)) = &mut ear.resampler {
                resampler.convert(self.frames.samples(), &mut self.samples)?;
            }
            &self.samples
        };
        if let Some(missing) = self.expected.map(|expected| packet.timestamp.wrapping_sub(expected)) {
            let missing = u64::from(missing) * u64::from(RATE) / u64::from(ear.clock);
            let missing = if missing <= MAX_LOSS { missing.saturating_sub(self.filled) } else { 0 };
            if missing != 0 {
                self.modem.fill_in(usize::try_from(missing).unwrap_or(0));
            }
        }
        self.filled = 0;
        self.expected = Some(packet.timestamp.wrapping_add((units & u64::from(u32::MAX)) as u32));
        self.modem.listen(samples);
        Ok(())
    }

    /// Position of the decoder of a payload number, opened if it is not.
    fn ear(&mut self, payload_type: u8) -> Result<usize, CodecError> {
        if let Some(at) = self.ears.iter().position(|ear| ear.payload_type == payload_type) {
            return Ok(at);
        }
        if let Some(codec) = self.codecs.iter().find(|codec| codec.payload_type == payload_type) {
            self.ears.push(Ear {
                payload_type,
                clock: codec.codec.clock.max(1),
                decoder: open_decoder(&codec.codec, FORMAT, codec.packet_time)?,
                resampler: None,
            });
        }
        Ok(self.ears.len().wrapping_sub(1))
    }

    /// Encodes and numbers what is in `samples`.
    fn speak(&mut self, out: &mut Produced) -> Result<(), CodecError> {
        let Some(mouth) = &mut self.mouth else { return Ok(()) };
        self.frames.clear();
        self.packed.clear();
        let mut resampled = Vec::new();
        let samples = match &mut mouth.resampler {
            Some(resampler) => {
                resampler.convert(&self.samples, &mut resampled)?;
                &resampled
            }
            None => &self.samples,
        };
        let result = mouth.encoder.push(Frame::Samples(samples), &mut self.frames);
        for frame in self.frames.encoded() {
            mouth.packer.push(frame, &mut self.packed);
        }
        for packet in self.packed.encoded() {
            out.audio.push(AudioPacket {
                payload_type: mouth.payload_type,
                marker: std::mem::replace(&mut self.marker, false),
                sequence_number: self.next.sequence_number,
                timestamp: self.next.timestamp,
                payload: packet.octets.into(),
            });
            self.next.sequence_number = self.next.sequence_number.wrapping_add(1);
            self.next.timestamp = self.next.timestamp.wrapping_add(packet.duration);
        }
        result
    }
}

impl Mouth {
    fn open(codec: &AudioCodec) -> Result<Self, CodecError> {
        let format = encoded_format(&codec.codec, FORMAT);
        let (encoder, packer) = open_encoder(&codec.codec, format, codec.packet_time)?;
        let format = encoder.format();
        let resampler = (format != FORMAT).then(|| Resampler::new(FORMAT, format)).transpose()?;
        Ok(Self { payload_type: codec.payload_type, encoder, packer, resampler })
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("options", &self.options).finish_non_exhaustive()
    }
}
