//! The two ends of a coding chain: what decodes one payload number of the source, and what encodes towards one of the sink.

use std::collections::VecDeque;

use super::Route;
use super::detection::Detection;
#[cfg(feature = "spandsp")]
use super::ear::Ear;
use super::numbering::Timestamps;
use crate::codec::engine::packer::Packer;
use crate::codec::engine::{AudioFormat, CodecError, Decoder, Encoder, Frames};
#[cfg(feature = "ffmpeg")]
use crate::codec::engine::{rate_by_two::RateConverter, resampler::Resampler};

/// A decoder of one payload number.
pub(super) struct Input {
    pub(super) route: Route,
    pub(super) decoder: Box<dyn Decoder>,
    #[cfg(feature = "ffmpeg")]
    pub(super) resampler: Option<(AudioFormat, AudioFormat, RateConverter)>,
    #[cfg(feature = "spandsp")]
    pub(super) ear: Option<Ear>,
}

/// An encoder towards one payload number.
pub(super) struct Output {
    pub(super) route: Route,
    pub(super) encoder: Box<dyn Encoder>,
    pub(super) packer: Packer,
    pub(super) timestamps: Timestamps,
    /// Samples given to the encoder and not yet sent, where silence is looked for.
    pub(super) heard: VecDeque<i16>,
    pub(super) format: AudioFormat,
    /// Units of audio that went out, whatever the timestamps were set to.
    pub(super) position: u64,
    pub(super) detection: Detection,
}

impl Input {
    #[cfg(feature = "ffmpeg")]
    pub(super) fn resample(
        &mut self,
        to: AudioFormat,
        samples: &[i16],
        out: &mut Frames,
    ) -> Result<(), CodecError> {
        use crate::codec::engine::{Coder, Frame};
        self.open_resampler(to)?.push(Frame::Samples(samples), out)
    }

    #[cfg(feature = "ffmpeg")]
    pub(super) fn open_resampler(&mut self, to: AudioFormat) -> Result<&mut RateConverter, CodecError> {
        let from = self.decoder.format();
        let (from, to, resampler) = match self.resampler.take() {
            Some(open) if (open.0, open.1) == (from, to) => open,
            // Noise needs no filter, and is not held back by one (§16.3).
            _ if self.route.input.supplemental.is_some() => {
                (from, to, RateConverter::Library(Resampler::without_filter(from, to)?))
            }
            _ => (from, to, RateConverter::new(from, to)?),
        };
        Ok(&mut self.resampler.insert((from, to, resampler)).2)
    }

    #[cfg(not(feature = "ffmpeg"))]
    pub(super) fn resample(&mut self, _: AudioFormat, _: &[i16], _: &mut Frames) -> Result<(), CodecError> {
        Err(CodecError::Library { library: "none", operation: "resampling", code: 0 })
    }
}

impl Output {
    /// Takes the samples of a packet from what was heard: are all of them silence?
    pub(super) fn is_silent(&mut self, duration: u32, threshold: i16) -> bool {
        let clock = u64::from(self.route.output.clock.max(1));
        let samples =
            u64::from(duration) * u64::from(self.format.rate) / clock * u64::from(self.format.channels);
        let count = usize::try_from(samples).unwrap_or(0).min(self.heard.len());
        let quiet = |sample: i16| sample.unsigned_abs() <= threshold.unsigned_abs();
        self.heard.drain(..count).fold(count != 0, |all, sample| all && quiet(sample))
    }
}
