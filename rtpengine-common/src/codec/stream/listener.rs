//! Hearing digits in the audio of a source as it arrives, whatever becomes of it afterwards (`codecs.md` §10.4).
//!
//! What is hidden or held back later has to be known before: so this listens to packets on its own, with a decoder of its own.

use std::sync::Arc;

use crate::codec::CodecId;
use crate::codec::definition::Codec;
use crate::codec::dtmf::Seen;
use crate::codec::engine::dtmf::{DtmfDetector, Tone, ToneChange};
#[cfg(feature = "ffmpeg")]
use crate::codec::engine::rate_by_two::RateConverter;
use crate::codec::engine::{AudioFormat, CodecError, Decoder, Frame, Frames, open_decoder};

/// What the detector listens to.
const FORMAT: AudioFormat = AudioFormat { rate: 8000, channels: 1 };

/// What a codec is decoded into: opus has what the detector wants.
fn format_of(codec: &Codec) -> AudioFormat {
    if codec.id == Some(CodecId::Opus) {
        return FORMAT;
    }
    AudioFormat { rate: codec.audio_rate(), channels: codec.channels.max(1) }
}

/// Listens to one source.
pub struct ToneListener {
    detector: DtmfDetector,
    decoder: Option<(u8, Box<dyn Decoder>)>,
    #[cfg(feature = "ffmpeg")]
    resampler: Option<(AudioFormat, RateConverter)>,
    decoded: Frames,
    mono: Vec<i16>,
    changes: Vec<ToneChange>,
    /// Samples the detector has heard.
    heard: u64,
    running: Option<(Tone, u32)>,
}

impl ToneListener {
    /// Nothing heard yet.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn open() -> Result<Self, CodecError> {
        Ok(Self {
            detector: DtmfDetector::open()?,
            decoder: None,
            #[cfg(feature = "ffmpeg")]
            resampler: None,
            decoded: Frames::new(),
            mono: Vec::new(),
            changes: Vec::new(),
            heard: 0,
            running: None,
        })
    }

    /// Listens to a packet; what begins and ends is appended, with moments and durations in units of the codec's clock.
    ///
    /// # Errors
    /// If the payload cannot be decoded; nothing is heard of it then.
    pub fn push(
        &mut self,
        payload_type: u8,
        (codec, ptime): (&Arc<Codec>, u32),
        timestamp: u32,
        payload: &[u8],
        seen: &mut Vec<Seen>,
    ) -> Result<(), CodecError> {
        self.decode(payload_type, codec, ptime, payload)?;
        let start = self.heard;
        self.heard = self.heard.wrapping_add(self.mono.len() as u64);
        self.detector.push(&self.mono, &mut self.changes);
        for change in std::mem::take(&mut self.changes) {
            let distance = i128::from(change.position) - i128::from(start);
            let units = distance * i128::from(codec.clock) / i128::from(FORMAT.rate);
            let moment = timestamp.wrapping_add_signed(i32::try_from(units).unwrap_or(0));
            self.change(change.tone, moment, seen);
        }
        Ok(())
    }

    fn change(&mut self, tone: Option<Tone>, moment: u32, seen: &mut Vec<Seen>) {
        if let Some((Tone { event, volume }, start)) = self.running.take() {
            let duration = u16::try_from(moment.wrapping_sub(start)).unwrap_or(u16::MAX);
            seen.push(Seen::Ended { event, volume, timestamp: start, duration });
        }
        if let Some(tone) = tone {
            self.running = Some((tone, moment));
            seen.push(Seen::Started { event: tone.event, volume: tone.volume, timestamp: moment });
        }
    }

    /// Leaves the audio of a packet in `mono`.
    fn decode(
        &mut self,
        payload_type: u8,
        codec: &Arc<Codec>,
        ptime: u32,
        payload: &[u8],
    ) -> Result<(), CodecError> {
        self.mono.clear();
        if self.decoder.as_ref().is_none_or(|(number, _)| *number != payload_type) {
            self.decoder = Some((payload_type, open_decoder(codec, format_of(codec), ptime)?));
        }
        let Some((_, decoder)) = &mut self.decoder else { return Ok(()) };
        self.decoded.clear();
        decoder.push(Frame::Encoded(payload), &mut self.decoded)?;
        let format = decoder.format();
        if format == FORMAT {
            self.mono.extend_from_slice(self.decoded.samples());
            return Ok(());
        }
        self.bring_down(format)
    }

    #[cfg(feature = "ffmpeg")]
    fn bring_down(&mut self, format: AudioFormat) -> Result<(), CodecError> {
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != format) {
            self.resampler = Some((format, RateConverter::new(format, FORMAT)?));
        }
        let Some((_, resampler)) = &mut self.resampler else { return Ok(()) };
        resampler.convert(self.decoded.samples(), &mut self.mono)
    }

    #[cfg(not(feature = "ffmpeg"))]
    fn bring_down(&mut self, _: AudioFormat) -> Result<(), CodecError> {
        Err(CodecError::Library { library: "none", operation: "resampling", code: 0 })
    }
}
