//! A whole chain: payload → audio → other rate → other payload.

use std::time::Duration;

use super::g711::Law;
use super::open::{decoded_format, encoded_format, open_decoder, open_encoder};
use super::packer::Packer;
#[cfg(feature = "ffmpeg")]
use super::resampler::Resampler;
use super::{AudioFormat, CodecError, Coder, Decoder, Encoded, Encoder, Feedback, Frame, Frames};
use crate::codec::Codec;

/// What a chain is made of.
#[derive(Clone, Copy, Debug)]
pub struct TranscoderSpec<'a> {
    /// The codec that comes in.
    pub input: &'a Codec,
    /// Its packet time in ms (what a CN packet stands for).
    pub input_ptime: u32,
    /// The codec that goes out, with the parameters of the party that receives it.
    pub output: &'a Codec,
    /// Its packet time in ms, as [`Codec::packet_time`] gives it.
    pub output_ptime: u32,
    /// The audio must be seen or changed on its way ([`Transcoder::push_through`]): no shortcut past it.
    pub linear: bool,
}

/// Decoder, resampler, encoder and packer of one stream. As a [`Coder`] it makes payloads out of payloads, with durations in
/// units of the output's RTP clock.
pub struct Transcoder {
    chain: Chain,
    packer: Packer,
    /// Samples per channel decoded so far, of the decoder's rate; wraps.
    decoded: u64,
}

enum Chain {
    /// G.711 into G.711 of the same rate: octet by octet.
    Octets { table: Box<[u8; 256]>, channels: usize, buffer: Vec<u8> },
    /// Everything else.
    Linear(Box<Linear>),
}

struct Linear {
    decoder: Box<dyn Decoder>,
    encoder: Box<dyn Encoder>,
    #[cfg(feature = "ffmpeg")]
    resampler: Option<(AudioFormat, Resampler)>,
    decoded: Frames,
    encoded: Frames,
}

impl Transcoder {
    /// Opens the coders of a chain.
    ///
    /// # Errors
    /// If a codec has no engine in this build or unusable parameters, or rates differ in a build without resampling.
    pub fn open(spec: &TranscoderSpec<'_>) -> Result<Self, CodecError> {
        let decoded = decoded_format(spec.input, spec.output);
        let encoded = encoded_format(spec.output, decoded);
        let (encoder, packer) = open_encoder(spec.output, encoded, spec.output_ptime)?;
        let laws = (spec.input.id.and_then(Law::of), spec.output.id.and_then(Law::of));
        if let ((Some(from), Some(to)), true) = (laws, decoded == encoded && !spec.linear) {
            let table = Box::new(from.to(to));
            let channels = decoded.channels.max(1) as usize;
            let chain = Chain::Octets { table, channels, buffer: Vec::new() };
            return Ok(Self { chain, packer, decoded: 0 });
        }
        let decoder = open_decoder(spec.input, decoded, spec.input_ptime)?;
        let linear = Linear {
            decoder,
            encoder,
            #[cfg(feature = "ffmpeg")]
            resampler: None,
            decoded: Frames::new(),
            encoded: Frames::new(),
        };
        Ok(Self { chain: Chain::Linear(Box::new(linear)), packer, decoded: 0 })
    }

    /// Decodes a payload, shows the audio, encodes what is left of it.
    ///
    /// # Errors
    /// As [`Coder::push`]; audio decoded before the fault is still encoded.
    pub fn push_through(
        &mut self,
        payload: &[u8],
        change: impl FnOnce(&mut Vec<i16>, AudioFormat),
        out: &mut Frames,
    ) -> Result<(), CodecError> {
        let Chain::Linear(linear) = &mut self.chain else {
            return self.push(Frame::Encoded(payload), out);
        };
        linear.decoded.clear();
        let result = linear.decoder.push(Frame::Encoded(payload), &mut linear.decoded);
        let format = linear.decoder.format();
        let samples = linear.decoded.samples().len() as u64 / u64::from(format.channels.max(1));
        self.decoded = self.decoded.wrapping_add(samples);
        change(linear.decoded.samples_mut(), format);
        linear.encode(format, &mut self.packer, out)?;
        result
    }

    /// Encodes audio that came from elsewhere (tones, silence, noise) in the decoder's format.
    ///
    /// # Errors
    /// [`CodecError::WrongFrame`] in a chain without linear audio; else as [`Coder::push`].
    pub fn push_samples(&mut self, samples: &[i16], out: &mut Frames) -> Result<(), CodecError> {
        let Chain::Linear(linear) = &mut self.chain else { return Err(CodecError::WrongFrame) };
        linear.decoded.clear();
        linear.decoded.samples_mut().extend_from_slice(samples);
        let format = linear.decoder.format();
        linear.encode(format, &mut self.packer, out)
    }

    /// Puts in the sound of a frame that was not sent, if the input codec has frames for it. `false`: it has none.
    ///
    /// # Errors
    /// As [`Coder::push`].
    pub fn push_no_data(&mut self, out: &mut Frames) -> Result<bool, CodecError> {
        let Chain::Linear(linear) = &mut self.chain else { return Ok(false) };
        linear.decoded.clear();
        let done = linear.decoder.no_data(&mut linear.decoded)?;
        let format = linear.decoder.format();
        linear.encode(format, &mut self.packer, out)?;
        Ok(done)
    }

    /// The decoder's audio, for [`Transcoder::push_samples`]; `None` without linear audio.
    #[must_use]
    pub fn format(&self) -> Option<AudioFormat> {
        match &self.chain {
            Chain::Octets { .. } => None,
            Chain::Linear(linear) => Some(linear.decoder.format()),
        }
    }

    /// Samples per channel decoded so far; wraps.
    #[must_use]
    pub fn decoded_samples(&self) -> u64 {
        self.decoded
    }

    /// See [`Decoder::feedback`].
    pub fn feedback(&mut self, now: Duration) -> Option<Feedback> {
        match &mut self.chain {
            Chain::Octets { .. } => None,
            Chain::Linear(linear) => linear.decoder.feedback(now),
        }
    }

    /// See [`Encoder::take`]: what the transcoder of the other direction found out.
    pub fn take(&mut self, feedback: Feedback) {
        if let Chain::Linear(linear) = &mut self.chain {
            linear.encoder.take(feedback);
        }
    }
}

impl Coder for Transcoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Encoded(payload) = frame else { return Err(CodecError::WrongFrame) };
        let Chain::Octets { table, channels, buffer } = &mut self.chain else {
            return self.push_through(payload, |_, _| {}, out);
        };
        let samples = payload.len() / *channels;
        let whole = payload.get(..samples * *channels).unwrap_or_default();
        buffer.clear();
        buffer.extend(whole.iter().map(|&octet| table[usize::from(octet)]));
        self.decoded = self.decoded.wrapping_add(samples as u64);
        let duration = u32::try_from(samples).unwrap_or(u32::MAX);
        self.packer.push(Encoded { octets: buffer, duration }, out);
        Ok(())
    }
}

impl Linear {
    /// Resamples, encodes and packs what is in `decoded`.
    fn encode(
        &mut self,
        format: AudioFormat,
        packer: &mut Packer,
        out: &mut Frames,
    ) -> Result<(), CodecError> {
        self.encoded.clear();
        let result = if format == self.encoder.format() {
            self.encoder.push(Frame::Samples(self.decoded.samples()), &mut self.encoded)
        } else {
            self.resample(format)
        };
        for frame in self.encoded.encoded() {
            packer.push(frame, out);
        }
        result
    }

    #[cfg(feature = "ffmpeg")]
    fn resample(&mut self, format: AudioFormat) -> Result<(), CodecError> {
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != format) {
            self.resampler = Some((format, Resampler::new(format, self.encoder.format())?));
        }
        let Some((_, resampler)) = &mut self.resampler else { return Ok(()) };
        // The encoder leaves the samples of its output buffer alone, so they can wait there.
        resampler.push(Frame::Samples(self.decoded.samples()), &mut self.encoded)?;
        let samples = std::mem::take(self.encoded.samples_mut());
        let result = self.encoder.push(Frame::Samples(&samples), &mut self.encoded);
        *self.encoded.samples_mut() = samples;
        result
    }

    #[cfg(not(feature = "ffmpeg"))]
    fn resample(&mut self, _: AudioFormat) -> Result<(), CodecError> {
        Err(CodecError::Library { library: "none", operation: "resampling", code: 0 })
    }
}
