//! libswresample: rate, channel and sample format conversion with the library's default filter. A room of FFI.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi::{
    AVChannelLayout, AVSampleFormat, SwrContext, av_channel_layout_default, av_get_bytes_per_sample,
    av_sample_fmt_is_planar, swr_alloc_set_opts2, swr_convert, swr_free, swr_get_out_samples, swr_init,
};

use super::{AudioFormat, CodecError, Coder, Frame, Frames};

/// How samples lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleLayout(AVSampleFormat);

impl SampleLayout {
    /// 16 bits, channels interleaved: the format between all coders.
    pub const INTERLEAVED_16: Self = Self(AVSampleFormat::AV_SAMPLE_FMT_S16);

    pub(super) fn from_format(format: AVSampleFormat) -> Self {
        Self(format)
    }

    /// The format with the library's number.
    pub(super) fn from_raw(number: c_int) -> Option<Self> {
        use AVSampleFormat as F;
        let all = [
            F::AV_SAMPLE_FMT_U8,
            F::AV_SAMPLE_FMT_S16,
            F::AV_SAMPLE_FMT_S32,
            F::AV_SAMPLE_FMT_FLT,
            F::AV_SAMPLE_FMT_DBL,
            F::AV_SAMPLE_FMT_U8P,
            F::AV_SAMPLE_FMT_S16P,
            F::AV_SAMPLE_FMT_S32P,
            F::AV_SAMPLE_FMT_FLTP,
            F::AV_SAMPLE_FMT_DBLP,
        ];
        all.into_iter().find(|&format| format as c_int == number).map(Self)
    }

    pub(super) fn raw(self) -> AVSampleFormat {
        self.0
    }

    pub(super) fn is_planar(self) -> bool {
        // SAFETY: a look into a table of the library.
        unsafe { av_sample_fmt_is_planar(self.0) != 0 }
    }

    pub(super) fn octets(self) -> usize {
        // SAFETY: a look into a table of the library.
        usize::try_from(unsafe { av_get_bytes_per_sample(self.0) }).unwrap_or(0)
    }
}

/// A converter between two formats. It may hold back samples: what comes out for a frame is what is complete by then.
pub struct Resampler {
    context: NonNull<SwrContext>,
    from: AudioFormat,
    to: AudioFormat,
    repeat: Option<Repeat>,
}

/// Brings samples to another rate as libswresample does with a filter of a single tap: each moment has the sample that was last, weighted
/// by the filter at the distance from it.
#[derive(Debug, Default)]
struct Repeat {
    /// Rate of what comes in.
    rate: u32,
    /// Samples per channel taken and made so far.
    given: u64,
    made: u64,
    /// Weights by the distance, from one sample to the next, in units of 2⁻¹⁵.
    weights: Vec<i32>,
    samples: Vec<i16>,
}

/// Distances that weights are kept for.
const PHASES: u64 = 1024;

/// Modified Bessel function of the first kind and order 0.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= x / 2.0 / f64::from(k);
        sum += term * term;
    }
    sum
}

/// The filter of libswresample: a sinc in a Kaiser window with β = 9, as wide as one sample.
fn weights(from: u32, to: u32) -> Vec<i32> {
    let (mut a, mut b) = (from, to);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let phases = u64::from(to / a.max(1)).clamp(1, PHASES);
    let factor = (f64::from(to) * 0.97 / f64::from(from)).min(1.0);
    let weight = |phase: u64| {
        let distance = phase.min(phases - phase) as f64 / phases as f64;
        let x = std::f64::consts::PI * distance * factor;
        let sinc = if x == 0.0 { 1.0 } else { x.sin() / x };
        let window = bessel(9.0 * (1.0 - 4.0 * distance * distance).max(0.0).sqrt()) / bessel(9.0);
        ((sinc * window * 32768.0).round_ties_even() as i32).min(i32::from(i16::MAX))
    };
    (0..phases).map(weight).collect()
}

impl Repeat {
    fn take(&mut self, samples: &[i16], channels: usize, rate: u32) {
        self.samples.clear();
        let count = (samples.len() / channels.max(1)) as u64;
        loop {
            let at = self.made * u64::from(self.rate) / u64::from(rate.max(1));
            if at >= self.given + count {
                break;
            }
            let at = usize::try_from(at.saturating_sub(self.given)).unwrap_or(0) * channels;
            let rest = self.made * u64::from(self.rate) % u64::from(rate.max(1));
            let phase = rest * self.weights.len() as u64 / u64::from(rate.max(1));
            let weight =
                usize::try_from(phase).ok().and_then(|phase| self.weights.get(phase)).copied().unwrap_or(0);
            let weigh = |sample: &i16| ((i32::from(*sample) * weight + (1 << 14)) >> 15) as i16;
            self.samples.extend(samples.get(at..at + channels).unwrap_or_default().iter().map(weigh));
            self.made += 1;
        }
        self.given += count;
        // Whole seconds have no effect on where the next one lies.
        let seconds = self.given / u64::from(self.rate);
        let made = seconds * u64::from(rate);
        if self.made >= made {
            self.given -= seconds * u64::from(self.rate);
            self.made -= made;
        }
    }
}

// SAFETY: the context has one owner and no thread-local state.
unsafe impl Send for Resampler {}

fn error(operation: &'static str, code: c_int) -> CodecError {
    CodecError::Library { library: "libswresample", operation, code }
}

fn channel_layout(channels: u32) -> AVChannelLayout {
    // SAFETY: an all-zero channel layout is a valid empty one, which the library then fills; the default layouts need no freeing.
    unsafe {
        let mut layout = std::mem::zeroed();
        av_channel_layout_default(&raw mut layout, c_int::try_from(channels).unwrap_or(0));
        layout
    }
}

impl Resampler {
    /// A converter of interleaved 16-bit audio.
    ///
    /// # Errors
    /// If the library does not take the formats.
    pub fn new(from: AudioFormat, to: AudioFormat) -> Result<Self, CodecError> {
        Self::with_layouts(from, SampleLayout::INTERLEAVED_16, to, SampleLayout::INTERLEAVED_16)
    }

    /// A converter of interleaved 16-bit audio that looks at no sample but the last, so that it holds nothing back: for noise, which has
    /// nothing to lose (`codecs.md` §16.3). It does what the library does with an empty filter; the library itself is not asked for
    /// that, because it reads and writes outside of its memory then.
    ///
    /// # Errors
    /// If the library does not take the formats.
    pub fn without_filter(from: AudioFormat, to: AudioFormat) -> Result<Self, CodecError> {
        let mut resampler = Self::new(AudioFormat { rate: to.rate, ..from }, to)?;
        let weights = weights(from.rate.max(1), to.rate.max(1));
        resampler.repeat = Some(Repeat { rate: from.rate.max(1), weights, ..Repeat::default() });
        Ok(resampler)
    }

    /// A converter between any sample layouts.
    ///
    /// # Errors
    /// If the library does not take the formats.
    pub fn with_layouts(
        from: AudioFormat,
        from_layout: SampleLayout,
        to: AudioFormat,
        to_layout: SampleLayout,
    ) -> Result<Self, CodecError> {
        let rate = |format: AudioFormat| c_int::try_from(format.rate).ok().filter(|&rate| rate != 0);
        let (Some(from_rate), Some(to_rate)) = (rate(from), rate(to)) else {
            return Err(error("sample rate", 0));
        };
        let (mut from_channels, mut to_channels) =
            (channel_layout(from.channels), channel_layout(to.channels));
        let mut context = ptr::null_mut();
        // SAFETY: all arguments are valid for the call; the library allocates the context.
        let code = unsafe {
            swr_alloc_set_opts2(
                &raw mut context,
                &raw mut to_channels,
                to_layout.0,
                to_rate,
                &raw mut from_channels,
                from_layout.0,
                from_rate,
                0,
                ptr::null_mut(),
            )
        };
        let Some(context) = NonNull::new(context).filter(|_| code >= 0) else {
            return Err(error("swr_alloc_set_opts2", code));
        };
        let resampler = Self { context, from, to, repeat: None };
        // SAFETY: the context is valid and was not initialised before.
        let code = unsafe { swr_init(resampler.context.as_ptr()) };
        if code < 0 { Err(error("swr_init", code)) } else { Ok(resampler) }
    }

    /// What comes out.
    #[must_use]
    pub fn output(&self) -> AudioFormat {
        self.to
    }

    /// Converts samples of any layout into interleaved 16-bit ones.
    ///
    /// # Safety
    /// There must be as many planes as the input layout has, each with `count` samples (times the channels if interleaved), and the
    /// output layout must be interleaved 16-bit.
    pub(super) unsafe fn convert_raw(
        &mut self,
        planes: &[*const u8],
        count: usize,
        out: &mut Vec<i16>,
    ) -> Result<(), CodecError> {
        let count = c_int::try_from(count).map_err(|_| CodecError::WrongFrame)?;
        // SAFETY: the context is valid.
        let room = unsafe { swr_get_out_samples(self.context.as_ptr(), count) };
        let channels = self.to.channels as usize;
        let start = out.len();
        out.resize(start + usize::try_from(room).unwrap_or(0) * channels, 0);
        let mut target = out.get_mut(start..).map_or(ptr::null_mut(), |room| room.as_mut_ptr().cast::<u8>());
        // SAFETY: the caller vouches for the input; the output has room for `room` samples of all channels.
        let code = unsafe {
            swr_convert(
                self.context.as_ptr(),
                &raw mut target,
                room.max(0),
                if planes.is_empty() { ptr::null_mut() } else { planes.as_ptr().cast_mut().cast() },
                count,
            )
        };
        let written = usize::try_from(code).unwrap_or(0);
        out.truncate(start + written * channels);
        if code < 0 { Err(error("swr_convert", code)) } else { Ok(()) }
    }

    /// Converts interleaved 16-bit samples into the planes of an encoder's frame, without rate conversion.
    ///
    /// # Safety
    /// There must be as many planes as the output layout has, each with room for `count` samples.
    pub(super) unsafe fn convert_into_raw(
        &mut self,
        samples: &[i16],
        planes: &[*mut u8],
        count: usize,
    ) -> Result<(), CodecError> {
        let available = samples.len() / (self.from.channels as usize).max(1);
        let count = c_int::try_from(count.min(available)).map_err(|_| CodecError::WrongFrame)?;
        let mut source = samples.as_ptr().cast::<u8>();
        // SAFETY: the caller vouches for the output; the input has `count` samples of all channels.
        let code = unsafe {
            swr_convert(
                self.context.as_ptr(),
                planes.as_ptr().cast_mut().cast(),
                count,
                (&raw mut source).cast(),
                count,
            )
        };
        if code < 0 { Err(error("swr_convert", code)) } else { Ok(()) }
    }

    /// Converts interleaved 16-bit samples.
    ///
    /// # Errors
    /// If the library fails.
    pub fn convert(&mut self, samples: &[i16], out: &mut Vec<i16>) -> Result<(), CodecError> {
        if let Some(mut repeat) = self.repeat.take() {
            repeat.take(samples, self.from.channels as usize, self.from.rate);
            let result = self.convert_all(&repeat.samples, out);
            self.repeat = Some(repeat);
            return result;
        }
        self.convert_all(samples, out)
    }

    fn convert_all(&mut self, samples: &[i16], out: &mut Vec<i16>) -> Result<(), CodecError> {
        let count = samples.len() / (self.from.channels as usize).max(1);
        let plane = [samples.as_ptr().cast::<u8>()];
        // SAFETY: one interleaved plane with `count` samples of all channels; the output of `new` is interleaved 16-bit.
        unsafe { self.convert_raw(&plane, count, out) }
    }

    /// Gives what is held back: the sound ends here. Afterwards the converter can do no more.
    ///
    /// # Errors
    /// If the library fails.
    pub fn finish(&mut self, out: &mut Vec<i16>) -> Result<(), CodecError> {
        // SAFETY: no planes and no samples: the library then gives what it has; the output of `new` is interleaved 16-bit.
        unsafe { self.convert_raw(&[], 0, out) }
    }
}

impl Coder for Resampler {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Samples(samples) = frame else { return Err(CodecError::WrongFrame) };
        self.convert(samples, out.samples_mut())
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: the context was allocated by the library and is freed once.
        unsafe { swr_free(&raw mut context) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What libswresample makes of these samples with `filter_size` 0.
    #[test]
    fn as_libswresample_does_it() {
        let convert = |rate: u32, samples: &[i16]| {
            let (from, to) = (AudioFormat { rate: 8000, channels: 1 }, AudioFormat { rate, channels: 1 });
            let mut out = Vec::new();
            Resampler::without_filter(from, to).unwrap().convert(samples, &mut out).unwrap();
            out
        };
        assert_eq!(convert(16_000, &[0, -10, 1600, -4790]), [0, 0, -10, 0, 1600, 1, -4790, -3]);
        assert_eq!(convert(32_000, &[1600, -1610]), [1600, 465, 1, 465, -1610, -468, -1, -468]);
        let first = [1600, 941, 156, 1, 156, 941, -1610, -947, -157, -1, -157, -947];
        assert_eq!(convert(48_000, &[1600, -1610]), first);
    }

    /// Without a filter nothing is held back, whatever comes in what pieces.
    #[test]
    fn without_filter() {
        let from = AudioFormat { rate: 8000, channels: 1 };
        for (rate, channels) in [
            (16000, 1),
            (16000, 2),
            (32000, 1),
            (44100, 2),
            (48000, 1),
            (48000, 2),
            (11025, 1),
            (4000, 1),
            (192_000, 8),
        ] {
            let to = AudioFormat { rate, channels };
            let mut resampler = Resampler::without_filter(from, to).unwrap();
            let (mut given, mut got, mut samples) = (0u64, 0u64, Vec::new());
            for length in (0..400).chain([1, 1, 2, 0, 3, 80, 160, 160, 240, 8000]) {
                let piece: Vec<i16> = (0..length).map(|n| (n * 31 % 2000) as i16 - 1000).collect();
                samples.clear();
                resampler.convert(&piece, &mut samples).unwrap();
                given += piece.len() as u64;
                got += samples.len() as u64 / u64::from(channels);
                let due = given * u64::from(rate) / 8000;
                assert!(got.abs_diff(due) <= u64::from(rate / 8000).max(2), "{to:?}: {got} for {due}");
            }
        }
    }
}
