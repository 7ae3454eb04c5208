//! Listening to decoded audio for DTMF tones that are to become events (`codecs.md` §10.4).

use super::detection::{Change, Detection};
use crate::codec::engine::dtmf::{DtmfDetector, ToneChange};
#[cfg(feature = "ffmpeg")]
use crate::codec::engine::rate_by_two::RateConverter;
use crate::codec::engine::{AudioFormat, CodecError};

/// Listens to decoded audio for tones.
pub(super) struct Ear {
    detector: DtmfDetector,
    #[cfg(feature = "ffmpeg")]
    resampler: Option<(AudioFormat, RateConverter)>,
    mono: Vec<i16>,
    changes: Vec<ToneChange>,
    /// Position of the output when the listening began.
    start: u64,
}

/// What the detector listens to.
const EAR_FORMAT: AudioFormat = AudioFormat { rate: 8000, channels: 1 };

impl Ear {
    pub(super) fn open(start: u64) -> Result<Self, CodecError> {
        Ok(Self {
            detector: DtmfDetector::open()?,
            #[cfg(feature = "ffmpeg")]
            resampler: None,
            mono: Vec::new(),
            changes: Vec::new(),
            start,
        })
    }

    /// Listens; what is found goes to `detection` with positions in units of `clock`.
    pub(super) fn listen(
        &mut self,
        samples: &[i16],
        format: AudioFormat,
        clock: u32,
        detection: &mut Detection,
    ) -> Result<(), CodecError> {
        if format == EAR_FORMAT {
            self.detector.push(samples, &mut self.changes);
        } else {
            self.mono.clear();
            self.bring_down(samples, format)?;
            self.detector.push(&self.mono, &mut self.changes);
        }
        for change in self.changes.drain(..) {
            let position = change.position * u64::from(clock) / u64::from(EAR_FORMAT.rate);
            let tone = change.tone.map(|tone| (tone.event, tone.volume));
            detection.change(Change { position: self.start + position, tone });
        }
        Ok(())
    }

    #[cfg(feature = "ffmpeg")]
    fn bring_down(&mut self, samples: &[i16], format: AudioFormat) -> Result<(), CodecError> {
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != format) {
            self.resampler = Some((format, RateConverter::new(format, EAR_FORMAT)?));
        }
        let Some((_, resampler)) = &mut self.resampler else { return Ok(()) };
        resampler.convert(samples, &mut self.mono)
    }

    #[cfg(not(feature = "ffmpeg"))]
    fn bring_down(&mut self, _: &[i16], _: AudioFormat) -> Result<(), CodecError> {
        Err(CodecError::Library { library: "none", operation: "resampling", code: 0 })
    }
}
