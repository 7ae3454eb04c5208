//! The audio player (players.md §8): the daemon is the source of what a stream sends, one packet every packet time without pause, into which
//! everything that comes for the stream is mixed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtpengine_common::codec::engine::packer::Packer;
#[cfg(feature = "codec")]
use rtpengine_common::codec::engine::resampler::Resampler;
use rtpengine_common::codec::engine::{
    AudioFormat, CodecError, Decoder, Encoder, Frame, Frames, decoded_format, encoded_format, open_decoder,
    open_encoder,
};
use rtpengine_common::codec::{Codec, Supplemental};
use rtpengine_common::rtp::{RtpHeader, RtpPacket};
use smallvec::SmallVec;

use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

use super::events::Notice;
use super::ingress::RtpFields;
use super::packet::Packet;
use super::plane::{Plane, Turn};
use super::schedule::{Place, Purpose, Wake};

/// Sources mixed at a time; the one heard longest ago makes room.
const MAX_SOURCES: usize = 8;
/// Packets of a source of which a second copy is noticed.
const RECENT: usize = 8;
/// How late a packet may be for those behind it to keep their times.
const LATE: Duration = Duration::from_millis(200);
/// Interval of sender reports, and what is added (players.md §3 rule 10).
const REPORTS: Duration = Duration::from_secs(5);
const REPORT_SPREAD_MS: u64 = 2000;

/// What a stream's audio player makes.
#[derive(Clone, Debug, PartialEq)]
pub struct MixSpec {
    /// The codec with the receiver's parameters.
    pub codec: Arc<Codec>,
    /// Its number there.
    pub payload_type: u8,
    /// Packet time in ms.
    pub ptime: u32,
    /// Length of the mix buffer.
    pub buffer: Duration,
    /// Head start of a new source.
    pub delay: Duration,
}

impl Eq for MixSpec {}

impl MixSpec {
    /// What is mixed and then encoded.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        let rate = self.codec.audio_rate();
        encoded_format(&self.codec, AudioFormat { rate, channels: self.codec.channels.clamp(1, 2) })
    }
}

/// Who is mixed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// An SSRC that comes in on a stream.
    Received(StreamId, u32),
    /// A player of the daemon, by its SSRC.
    Played(u32),
}

struct Source {
    voice: Voice,
    decoder: Option<(u8, Box<dyn Decoder>)>,
    #[cfg(feature = "codec")]
    resampler: Option<(AudioFormat, Resampler)>,
    /// Where its sound ends, in samples per channel.
    write: u64,
    /// A timestamp and where its sound lies.
    base: Option<(u32, u64)>,
    /// Timestamps mixed last: what comes twice is heard once.
    recent: [Option<u32>; RECENT],
    used: u64,
}

/// Sound of several sources added up.
struct Buffer {
    samples: Vec<i16>,
    channels: usize,
    /// Samples per channel taken out so far.
    read: u64,
    /// Head start of new sources, in samples per channel.
    delay: u64,
}

impl Buffer {
    fn new(format: AudioFormat, spec: &MixSpec) -> Self {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let mono = AudioFormat { channels: 1, ..format };
        // At least two frames (players.md §8.2 rule 5).
        let length = mono.samples_in(ms(spec.buffer).clamp(2 * spec.ptime, 10_000));
        let channels = format.channels.max(1) as usize;
        let delay = mono.samples_in(ms(spec.delay).min(5000)).min(length / 2) as u64;
        Self { samples: vec![0; length.max(1) * channels], channels, read: 0, delay }
    }

    fn length(&self) -> u64 {
        (self.samples.len() / self.channels) as u64
    }

    /// Adds sound at a place; what lies before the reading position or beyond the buffer is lost.
    fn add(&mut self, at: u64, samples: &[i16]) {
        let (length, channels) = (self.length(), self.channels);
        let end = self.read + length;
        for (place, frame) in (at..).zip(samples.chunks_exact(channels)) {
            if place < self.read || place >= end {
                continue;
            }
            let start = usize::try_from(place % length).unwrap_or(0) * channels;
            let Some(present) = self.samples.get_mut(start..start + channels) else { return };
            present.iter_mut().zip(frame).for_each(|(sum, sample)| *sum = sum.saturating_add(*sample));
        }
    }

    /// Takes so many samples per channel out.
    fn take(&mut self, count: usize, out: &mut Vec<i16>) {
        let (length, channels) = (self.length(), self.channels);
        for place in self.read..self.read + count as u64 {
            let start = usize::try_from(place % length).unwrap_or(0) * channels;
            let Some(present) = self.samples.get_mut(start..start + channels) else { return };
            out.extend_from_slice(present);
            present.fill(0);
        }
        self.read += count as u64;
    }
}

/// The audio player of a stream.
pub(super) struct Mixer {
    pub(super) stream: StreamId,
    spec: MixSpec,
    format: AudioFormat,
    buffer: Buffer,
    sources: Vec<Source>,
    uses: u64,
    encoder: Box<dyn Encoder>,
    packer: Packer,
    /// When the next packet leaves; none before the start.
    next: Option<Instant>,
    report_due: Option<Instant>,
    random: u64,
    ssrc: u32,
    sequence_number: u16,
    timestamp: u32,
    marker: bool,
    decoded: Frames,
    converted: Vec<i16>,
    frames: Frames,
    packets: Frames,
}

impl fmt::Debug for Mixer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixer")
            .field("stream", &self.stream)
            .field("ssrc", &self.ssrc)
            .finish_non_exhaustive()
    }
}

impl Mixer {
    fn open(stream: StreamId, spec: MixSpec, random: [u8; 18]) -> Result<Self, CodecError> {
        let format = spec.format();
        let (encoder, packer) = open_encoder(&spec.codec, format, spec.ptime)?;
        let [a, b, c, d, e, f, g, h, i, j, rest @ ..] = random;
        Ok(Self {
            stream,
            format,
            buffer: Buffer::new(format, &spec),
            spec,
            sources: Vec::new(),
            uses: 0,
            encoder,
            packer,
            next: None,
            report_due: None,
            random: u64::from_ne_bytes(rest),
            ssrc: u32::from_ne_bytes([a, b, c, d]),
            sequence_number: u16::from_ne_bytes([e, f]),
            timestamp: u32::from_ne_bytes([g, h, i, j]),
            marker: true,
            decoded: Frames::new(),
            converted: Vec::new(),
            frames: Frames::new(),
            packets: Frames::new(),
        })
    }

    /// Renumbers streams, for a call that joins another one.
    pub(super) fn shift(&mut self, streams: u32) {
        self.stream.0 += streams;
        for source in &mut self.sources {
            if let Voice::Received(stream, _) = &mut source.voice {
                stream.0 += streams;
            }
        }
    }

    fn source(&mut self, voice: Voice) -> usize {
        self.uses += 1;
        let known = self.sources.iter().position(|source| source.voice == voice);
        let at = known.unwrap_or_else(|| {
            if self.sources.len() >= MAX_SOURCES
                && let Some((oldest, _)) =
                    self.sources.iter().enumerate().min_by_key(|(_, source)| source.used)
            {
                self.sources.swap_remove(oldest);
            }
            self.sources.push(Source {
                voice,
                decoder: None,
                #[cfg(feature = "codec")]
                resampler: None,
                write: 0,
                base: None,
                recent: [None; RECENT],
                used: 0,
            });
            self.sources.len() - 1
        });
        self.sources[at].used = self.uses;
        at
    }

    /// Decodes a payload and mixes it in.
    fn push(
        &mut self,
        voice: Voice,
        (payload_type, codec, ptime): (u8, &Codec, u32),
        timestamp: u32,
        payload: &[u8],
    ) -> Result<(), CodecError> {
        let output = Arc::clone(&self.spec.codec);
        let at = self.source(voice);
        let source = &mut self.sources[at];
        if source.recent.contains(&Some(timestamp)) {
            return Ok(());
        }
        source.recent.rotate_right(1);
        source.recent[0] = Some(timestamp);
        if source.decoder.as_ref().is_none_or(|(open, _)| *open != payload_type) {
            let decoder = open_decoder(codec, decoded_format(codec, &output), ptime)?;
            source.decoder = Some((payload_type, decoder));
            source.base = None;
        }
        let Some((_, decoder)) = &mut source.decoder else { return Ok(()) };
        self.decoded.clear();
        let result = decoder.push(Frame::Encoded(payload), &mut self.decoded);
        let from = decoder.format();
        let decoded = std::mem::take(&mut self.decoded);
        self.add(at, Some((timestamp, codec.clock)), from, decoded.samples());
        self.decoded = decoded;
        result
    }

    /// Mixes sound in: at the place its timestamp says, or behind what came before.
    fn add(&mut self, at: usize, timestamp: Option<(u32, u32)>, from: AudioFormat, samples: &[i16]) {
        let Some(source) = self.sources.get_mut(at) else { return };
        self.converted.clear();
        let samples = if from == self.format {
            samples
        } else {
            #[cfg(feature = "codec")]
            {
                if source.resampler.as_ref().is_none_or(|(format, _)| *format != from) {
                    source.resampler = Resampler::new(from, self.format).ok().map(|open| (from, open));
                }
                let Some((_, resampler)) = &mut source.resampler else { return };
                if resampler.convert(samples, &mut self.converted).is_err() {
                    return;
                }
            }
            &self.converted
        };
        let expected = match (source.base, timestamp) {
            (Some((base, place)), Some((timestamp, clock))) => {
                let passed = i64::from(timestamp.wrapping_sub(base) as i32);
                let passed = passed * i64::from(self.format.rate) / i64::from(clock.max(1));
                place.checked_add_signed(passed)
            }
            (None, Some(_)) => None,
            (_, None) => Some(source.write),
        };
        let (read, end) = (self.buffer.read, self.buffer.read + self.buffer.length());
        let going_on = source.write > 0 && source.write >= read;
        let place = expected.filter(|place| going_on && (read..end).contains(place)).unwrap_or_else(|| {
            source.base = None;
            // Behind what it still has to say.
            source.write.max(read + self.buffer.delay)
        });
        if place >= end {
            // A burst that finds no room is lost.
            return;
        }
        if let Some((timestamp, _)) = timestamp {
            source.base = Some((timestamp, place));
        }
        source.write = place + (samples.len() / self.buffer.channels) as u64;
        self.buffer.add(place, samples);
    }

    /// Makes the packets of one packet time.
    fn make(&mut self) -> Result<(), CodecError> {
        let mono = AudioFormat { channels: 1, ..self.format };
        self.converted.clear();
        self.buffer.take(mono.samples_in(self.spec.ptime), &mut self.converted);
        self.frames.clear();
        self.packets.clear();
        self.encoder.push(Frame::Samples(&self.converted), &mut self.frames)?;
        let (packer, packets) = (&mut self.packer, &mut self.packets);
        self.frames.encoded().for_each(|frame| packer.push(frame, packets));
        Ok(())
    }

    fn header(&mut self, payload_type: u8, timestamp: u32, marker: bool) -> RtpHeader {
        let sequence_number = self.sequence_number;
        self.sequence_number = sequence_number.wrapping_add(1);
        RtpHeader { marker, payload_type, sequence_number, timestamp, ssrc: self.ssrc }
    }
}

impl Plane {
    /// Gives a stream an audio player, or takes it away. One with the same codec and packet time stays as it is (players.md §8.2
    /// rule 2). `random` are numbers for a new one. Says whether there is one now.
    pub fn set_mixer(&mut self, stream: StreamId, spec: Option<MixSpec>, random: [u8; 18]) -> bool {
        let at = self.mixers.iter().position(|mixer| mixer.stream == stream);
        let same = at.zip(spec.as_ref()).is_some_and(|(at, spec)| self.mixers[at].spec == *spec);
        if same {
            return true;
        }
        let old = at.map(|at| self.mixers.swap_remove(at));
        let Some(Ok(mut mixer)) = spec.map(|spec| Mixer::open(stream, spec, random)) else { return false };
        if let Some(old) = old {
            // Another codec, the same stream: the numbers go on.
            (mixer.ssrc, mixer.sequence_number, mixer.next) = (old.ssrc, old.sequence_number, old.next);
            (mixer.timestamp, mixer.report_due) = (old.timestamp, old.report_due);
        }
        self.mixers.push(mixer);
        true
    }

    /// What the audio player of a stream mixes, if it has one.
    #[must_use]
    pub fn mix_format(&self, stream: StreamId) -> Option<AudioFormat> {
        self.mixers.iter().find(|mixer| mixer.stream == stream).map(|mixer| mixer.format)
    }

    /// Lets the audio player of a stream begin, if it has not: the first packet leaves after one packet time.
    pub fn start_mixer(&mut self, stream: StreamId, now: Instant) {
        let Some(mixer) = self.mixers.iter_mut().find(|mixer| mixer.stream == stream) else { return };
        if mixer.next.is_none() {
            let first = now + Duration::from_millis(mixer.spec.ptime.into());
            mixer.next = Some(first);
            self.wake_at(first, Wake { purpose: Purpose::Player, place: Place::Stream(stream) });
        }
    }

    /// Mixes in what a player of the daemon plays: interleaved samples of the mixer's own format.
    pub fn mix_played(&mut self, stream: StreamId, ssrc: u32, samples: &[i16], now: Instant) {
        self.start_mixer(stream, now);
        let Some(mixer) = self.mixers.iter_mut().find(|mixer| mixer.stream == stream) else { return };
        let at = mixer.source(Voice::Played(ssrc));
        let format = mixer.format;
        mixer.add(at, None, format, samples);
    }

    /// Takes an RTP packet for a sink that has an audio player.
    pub(super) fn mix<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, number): (StreamId, usize),
        packet: &Packet,
        header: &RtpFields,
        fill: Option<u8>,
    ) {
        let Some(sink) = self.streams[from.index()].spec.rtp.get(number) else { return };
        let (to, transcode) = (sink.to, sink.transcode.clone());
        let route = transcode.as_ref().and_then(|transcode| {
            transcode.routes.iter().find(|route| route.input_payload_type == header.payload_type)
        });
        let Ok(view) = RtpPacket::parse(packet.bytes()) else { return };
        let payload = view.media().unwrap_or_else(|| view.payload());
        let is_event =
            route.is_none_or(|route| route.input.supplemental == Some(Supplemental::TelephoneEvent));
        if is_event {
            return self.pass_event(turn, (from, to), &view, route.and_then(|route| route.dtmf));
        }
        self.start_mixer(to, turn.now.instant);
        let (Some(route), Some(mixer)) = (route, self.mixers.iter_mut().find(|mixer| mixer.stream == to))
        else {
            return;
        };
        let filled = fill.map(|fill| vec![fill; payload.len()]);
        let input = (header.payload_type, &*route.input, route.input_ptime);
        let voice = Voice::Received(from, header.ssrc);
        if let Err(error) = mixer.push(voice, input, header.timestamp, filled.as_deref().unwrap_or(payload)) {
            let notice = Notice::Transcoding { payload_type: header.payload_type, fault: (&error).into() };
            turn.events.push(turn.now.instant, from, notice);
        }
    }

    /// Events go through beside the mix, in the numbers of the player (players.md §8.2 rule 9).
    fn pass_event<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, to): (StreamId, StreamId),
        view: &RtpPacket<'_>,
        number: Option<u8>,
    ) {
        let Some(mixer) = self.mixers.iter_mut().find(|mixer| mixer.stream == to) else { return };
        let timestamp = mixer.timestamp;
        let header = mixer.header(number.unwrap_or(view.payload_type()), timestamp, view.marker());
        let payload = view.payload().to_vec();
        self.send_media(turn, (Some(from), to), &header, None, &payload);
        for listener in self.listeners(to) {
            self.send_media(turn, (Some(from), listener), &header, None, &payload);
        }
    }

    /// Who listens to what is sent in the stead of the sources that are mixed for a stream (`egress` subscribers), each once.
    fn listeners(&self, to: StreamId) -> SmallVec<[StreamId; 2]> {
        let sinks = self.streams.iter().flat_map(|stream| &stream.spec.rtp);
        let mixed = sinks.filter(|sink| sink.mixed && sink.delivers && sink.to == to);
        let mut all: SmallVec<[StreamId; 2]> =
            mixed.flat_map(|sink| sink.mirrors.iter().map(|mirror| mirror.to)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Sends what the audio player of a stream has to send.
    pub fn run_mixer<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, stream: StreamId, cname: &str) {
        let now = turn.now.instant;
        let Some(at) = self.mixers.iter().position(|mixer| mixer.stream == stream) else { return };
        let Some(due) = self.mixers[at].next.filter(|due| *due <= now) else { return };
        let ptime = Duration::from_millis(self.mixers[at].spec.ptime.max(1).into());
        self.send_mixed(turn, at, cname);
        // One at a time, so that what was planned for between two packets comes between them also when the shard is late. One that was
        // away for long does not make up for everything.
        let next = if now.saturating_duration_since(due) > LATE { now + ptime } else { due + ptime };
        self.mixers[at].next = Some(next);
        self.wake_at(next, Wake { purpose: Purpose::Player, place: Place::Stream(stream) });
    }

    fn send_mixed<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, at: usize, cname: &str) {
        let now = turn.now.instant;
        let mixer = &mut self.mixers[at];
        let stream = mixer.stream;
        if mixer.make().is_err() {
            return;
        }
        let packets = std::mem::take(&mut mixer.packets);
        let listeners = self.listeners(stream);
        for packet in packets.encoded() {
            let mixer = &mut self.mixers[at];
            let (timestamp, marker) = (mixer.timestamp, std::mem::take(&mut mixer.marker));
            let header = mixer.header(mixer.spec.payload_type, timestamp, marker);
            mixer.timestamp = timestamp.wrapping_add(packet.duration);
            let left = self.send_media(turn, (None, stream), &header, None, packet.octets);
            for &listener in &listeners {
                self.send_media(turn, (None, listener), &header, None, packet.octets);
            }
            let mixer = &mut self.mixers[at];
            if left && mixer.report_due.is_none_or(|due| due <= now) {
                mixer.random = mixer.random.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let spread = mixer.random % REPORT_SPREAD_MS;
                mixer.report_due = Some(now + REPORTS + Duration::from_millis(spread));
                self.report_source(turn, stream, header.ssrc, cname);
            }
        }
        self.mixers[at].packets = packets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtpengine_common::codec::{CodecDef, Support};

    fn pcma() -> Arc<Codec> {
        let all = |_: &CodecDef| Support::FULL;
        Arc::new(Codec::new("PCMA", 8000, 1, None, true, &all))
    }

    fn mixer() -> Mixer {
        let spec = MixSpec {
            codec: pcma(),
            payload_type: 8,
            ptime: 20,
            buffer: Duration::from_millis(500),
            delay: Duration::from_millis(5),
        };
        Mixer::open(StreamId(0), spec, [7; 18]).unwrap()
    }

    fn made(mixer: &mut Mixer) -> Vec<u8> {
        mixer.make().unwrap();
        let packets: Vec<Vec<u8>> = mixer.packets.encoded().map(|packet| packet.octets.to_vec()).collect();
        assert_eq!(packets.len(), 1);
        packets[0].clone()
    }

    fn push(mixer: &mut Mixer, ssrc: u32, timestamp: u32, octet: u8) {
        let codec = pcma();
        mixer.push(Voice::Received(StreamId(1), ssrc), (8, &codec, 20), timestamp, &[octet; 160]).unwrap();
    }

    /// players.md §8.2 rule 11.
    #[test]
    fn a_new_source_begins_five_milliseconds_late() {
        let mut mixer = mixer();
        assert_eq!(made(&mut mixer), [0xd5; 160], "silence");
        push(&mut mixer, 1, 1000, 0x55);
        let first = made(&mut mixer);
        assert_eq!((&first[..40], &first[40..]), (&[0xd5; 40][..], &[0x55; 120][..]));
        push(&mut mixer, 1, 1160, 0x2a);
        let second = made(&mut mixer);
        assert_eq!((&second[..40], &second[40..]), (&[0x55; 40][..], &[0x2a; 120][..]));
        let third = made(&mut mixer);
        assert_eq!((&third[..40], &third[40..]), (&[0x2a; 40][..], &[0xd5; 120][..]));
    }

    #[test]
    fn sources_are_added_and_one_that_fell_behind_starts_anew() {
        let mut mixer = mixer();
        // 0xd5 is +8, 0x55 is -8: they cancel each other out; two equal ones are twice as loud.
        push(&mut mixer, 1, 0, 0x55);
        push(&mut mixer, 2, 90_000, 0xd5);
        let sum = made(&mut mixer);
        assert!(sum[40..].iter().all(|&octet| octet == 0xd5 || octet == 0x55), "{sum:02x?}");
        made(&mut mixer);
        made(&mut mixer);
        push(&mut mixer, 1, 160, 0x2a);
        let late = made(&mut mixer);
        assert_eq!((&late[..40], &late[40..]), (&[0xd5; 40][..], &[0x2a; 120][..]));
    }

    #[test]
    fn a_packet_that_comes_twice_is_heard_once_and_a_late_one_at_its_place() {
        let mut mixer = mixer();
        push(&mut mixer, 1, 0, 0x55);
        for timestamp in [320, 160, 160, 320, 0] {
            push(&mut mixer, 1, timestamp, 0x2a);
        }
        let heard: Vec<u8> = (0..4).flat_map(|_| made(&mut mixer)).collect();
        let expected = [vec![0xd5; 40], vec![0x55; 160], vec![0x2a; 320], vec![0xd5; 120]].concat();
        assert_eq!(heard, expected);
    }

    #[test]
    fn wild_timestamps_stay_inside_the_buffer() {
        let mut mixer = mixer();
        for (number, timestamp) in [0, u32::MAX, 0x7fff_ffff, 0x8000_0000, 160, 5].into_iter().enumerate() {
            push(&mut mixer, number as u32 % 2, timestamp, 0x2a);
            made(&mut mixer);
        }
        for ssrc in 0..50 {
            push(&mut mixer, ssrc, 0, 0x2a);
        }
        assert_eq!(mixer.sources.len(), MAX_SOURCES);
    }
}
