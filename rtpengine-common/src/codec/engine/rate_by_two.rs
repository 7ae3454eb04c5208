//! Twice or half the rate, one channel: exactly what libswresample makes of it, without a context of 85 KiB for each stream and in less
//! time.
//!
//! The library filters 16-bit samples in whole numbers. Its coefficients are read off its answers to single impulses, once for each
//! direction, and used only if noise in pieces of any length then gives the same samples from the same piece on. Where a library does it
//! another way, [`RateConverter`] leaves the work to it.

use std::sync::OnceLock;

use super::resampler::Resampler;
use super::{AudioFormat, CodecError, Coder, Frame, Frames};

/// Samples beyond which a coefficient is not looked for.
const REACH: usize = 80;
/// Samples after which the library has begun to answer.
const LONG: usize = 400;
/// Bits behind the point of a coefficient.
const FRACTION: u32 = 15;

/// A conversion of rates and channels, by the cheapest way that gives the library's samples.
pub enum RateConverter {
    /// By a factor of two.
    ByTwo(ByTwo),
    /// Anything else.
    Library(Resampler),
}

impl RateConverter {
    /// A converter of interleaved 16-bit audio.
    ///
    /// # Errors
    /// If the library does not take the formats.
    pub fn new(from: AudioFormat, to: AudioFormat) -> Result<Self, CodecError> {
        match Filter::of(from, to) {
            Some(filter) => Ok(Self::ByTwo(ByTwo::new(filter))),
            None => Resampler::new(from, to).map(Self::Library),
        }
    }

    /// Converts what comes; what is complete by then is appended.
    ///
    /// # Errors
    /// If the library fails.
    pub fn convert(&mut self, samples: &[i16], out: &mut Vec<i16>) -> Result<(), CodecError> {
        match self {
            Self::ByTwo(converter) => {
                converter.convert(samples, out);
                Ok(())
            }
            Self::Library(resampler) => resampler.convert(samples, out),
        }
    }
}

impl Coder for RateConverter {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Samples(samples) = frame else { return Err(CodecError::WrongFrame) };
        self.convert(samples, out.samples_mut())
    }
}

/// Learns the library's filters, which takes some milliseconds: to be called where nobody waits, before the first stream needs one.
pub fn learn() {
    let mono = |rate| AudioFormat { rate, channels: 1 };
    Filter::of(mono(8000), mono(16000));
    Filter::of(mono(16000), mono(8000));
}

/// The coefficients of one output sample.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Phase {
    /// How far before the centre the first one lies.
    before: usize,
    taps: Vec<i16>,
}

/// How the library converts.
#[derive(Debug, PartialEq, Eq)]
struct Filter {
    /// What comes out at each centre.
    phases: Vec<Phase>,
    /// From one centre to the next.
    step: usize,
    /// Input samples with which the first output comes. What would lie before them is their mirror image.
    start: usize,
    /// Input samples that there must be from a centre on, itself included.
    ahead: usize,
    /// The farthest that a coefficient lies before its centre.
    before: usize,
}

impl Filter {
    fn of(from: AudioFormat, to: AudioFormat) -> Option<&'static Self> {
        static DOUBLE: OnceLock<Option<Filter>> = OnceLock::new();
        static HALF: OnceLock<Option<Filter>> = OnceLock::new();
        if (from.channels, to.channels) != (1, 1) {
            return None;
        }
        let known = match (from.rate, to.rate) {
            (8000, 16000) => &DOUBLE,
            (16000, 8000) => &HALF,
            _ => return None,
        };
        known.get_or_init(|| Self::learnt(from, to).filter(|filter| filter.is_exact(from, to))).as_ref()
    }

    fn learnt(from: AudioFormat, to: AudioFormat) -> Option<Self> {
        let (phases, step) = if to.rate > from.rate { (2, 1) } else { (1, 2) };
        let answer = |at: usize| {
            // The lowest sample has the coefficient as its answer, sign changed, without rounding.
            let mut input = vec![0; 2 * LONG];
            *input.get_mut(at)? = i16::MIN;
            let mut out = Vec::new();
            Resampler::new(from, to).ok()?.convert(&input, &mut out).ok()?;
            Some(out)
        };
        // With impulses at each place of a step, every coefficient is met.
        let answers: Vec<Vec<i16>> = (0..step).map(|at| answer(LONG + at)).collect::<Option<_>>()?;
        // The coefficient `number - REACH` samples from the centre.
        let tap = |phase: usize, number: usize| {
            let impulse = LONG + number % step;
            let centre = impulse + REACH - number;
            let out = answers.get(number % step)?.get(centre / step * phases + phase)?;
            Some(out.checked_neg().unwrap_or(i16::MAX))
        };
        let phase = |phase| {
            let all: Vec<i16> = (0..2 * REACH).map(|number| tap(phase, number)).collect::<Option<_>>()?;
            let first = all.iter().position(|tap| *tap != 0)?;
            let last = all.iter().rposition(|tap| *tap != 0)?;
            Some(Phase { before: REACH.checked_sub(first)?, taps: all.get(first..=last)?.to_vec() })
        };
        let phases: Vec<Phase> = (0..phases).map(phase).collect::<Option<_>>()?;
        let (start, ahead) = rhythm(from, to, phases.len(), step)?;
        let before = phases.iter().map(|phase| phase.before).max()?;
        (before < start).then_some(Self { phases, step, start, ahead, before })
    }

    /// Compares with the library: noise of any loudness, in pieces of any length.
    fn is_exact(&'_ self, from: AudioFormat, to: AudioFormat) -> bool {
        let pieces = [1, 7, 160, 33, 320, 5, 80, 2, 441, 30, 31, 32, 63, 64, 65];
        let mut seed = 0x2545_f491_u32;
        let mut noise = |shift: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 16) as u16).cast_signed() >> shift
        };
        (0..pieces.len()).all(|first| {
            let Ok(mut library) = Resampler::new(from, to) else { return false };
            let mut own = State::default();
            let (mut theirs, mut ours) = (Vec::new(), Vec::new());
            pieces.iter().cycle().skip(first).take(2 * pieces.len()).all(|&length| {
                let piece: Vec<i16> = (0..length).map(|_| noise(first as u32 % 9)).collect();
                own.convert(self, &piece, &mut ours);
                library.convert(&piece, &mut theirs).is_ok() && ours == theirs
            })
        })
    }
}

/// With how many input samples the library begins, and how many it wants from a centre on.
fn rhythm(from: AudioFormat, to: AudioFormat, phases: usize, step: usize) -> Option<(usize, usize)> {
    let mut library = Resampler::new(from, to).ok()?;
    let mut out = Vec::new();
    let mut start = None;
    for count in 1..=LONG {
        library.convert(&[0], &mut out).ok()?;
        if start.is_none() && !out.is_empty() {
            start = Some(count);
        }
    }
    // The last output came with the last sample, or the one before it.
    let last = (out.len() / phases).checked_sub(1)? * step;
    Some((start?, (LONG - LONG % step).checked_sub(last)?))
}

/// What a converter remembers.
#[derive(Debug, Default)]
struct State {
    /// Input from the first sample on that is still needed; before the start all of it.
    input: Vec<i16>,
    /// The next centre in it; `None` before the start.
    centre: Option<usize>,
}

impl State {
    fn convert(&mut self, filter: &Filter, samples: &[i16], out: &mut Vec<i16>) {
        self.input.extend_from_slice(samples);
        let Some(mut centre) = self.centre.or_else(|| self.begin(filter)) else { return };
        while centre + filter.ahead <= self.input.len() {
            for phase in &filter.phases {
                let window = self.input.get(centre - phase.before..).unwrap_or_default();
                out.push(weigh(&phase.taps, window));
            }
            centre += filter.step;
        }
        let spent = centre - filter.before;
        self.input.drain(..spent.min(self.input.len()));
        self.centre = Some(centre - spent);
    }

    fn begin(&mut self, filter: &Filter) -> Option<usize> {
        if self.input.len() < filter.start {
            return None;
        }
        let mirror: Vec<i16> = self.input.get(1..=filter.before)?.iter().rev().copied().collect();
        self.input.splice(..0, mirror);
        Some(filter.before)
    }
}

fn weigh(taps: &[i16], window: &[i16]) -> i16 {
    let products = taps.iter().zip(window).map(|(tap, sample)| i32::from(*tap) * i32::from(*sample));
    let sum = products.fold(1 << (FRACTION - 1), i32::wrapping_add) >> FRACTION;
    sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// Converts by a factor of two.
pub struct ByTwo {
    filter: &'static Filter,
    state: State,
}

impl ByTwo {
    fn new(filter: &'static Filter) -> Self {
        Self { filter, state: State::default() }
    }

    fn convert(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.state.convert(self.filter, samples, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOW: AudioFormat = AudioFormat { rate: 8000, channels: 1 };
    const HIGH: AudioFormat = AudioFormat { rate: 16000, channels: 1 };

    /// The library that is linked can be followed; otherwise nothing below is about this file.
    #[test]
    fn the_library_is_understood() {
        for (from, to) in [(LOW, HIGH), (HIGH, LOW)] {
            assert!(matches!(RateConverter::new(from, to), Ok(RateConverter::ByTwo(_))), "{from:?}");
        }
        let stereo = AudioFormat { channels: 2, ..LOW };
        assert!(matches!(RateConverter::new(stereo, HIGH), Ok(RateConverter::Library(_))));
    }

    #[test]
    fn a_filter_that_is_wrong_is_found_out() {
        let mut filter = Filter::learnt(LOW, HIGH).expect("learnt");
        assert!(filter.is_exact(LOW, HIGH));
        filter.phases[1].taps[3] += 1;
        assert!(!filter.is_exact(LOW, HIGH));
        let mut filter = Filter::learnt(HIGH, LOW).expect("learnt");
        filter.ahead += 1;
        assert!(!filter.is_exact(HIGH, LOW));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_pieces_are_as_the_library_has_them(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<i16>(), 0..400), 1..12),
            up in any::<bool>(),
        ) {
            let (from, to) = if up { (LOW, HIGH) } else { (HIGH, LOW) };
            let (mut own, mut library) = (RateConverter::new(from, to).unwrap(), Resampler::new(from, to).unwrap());
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for piece in &pieces {
                own.convert(piece, &mut ours).unwrap();
                library.convert(piece, &mut theirs).unwrap();
                prop_assert_eq!(&ours, &theirs);
            }
        }
    }
}
