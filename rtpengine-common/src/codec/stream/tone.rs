//! DTMF tones (`codecs.md` §18.1).

/// Low and high frequency of the sixteen events, in Hz.
const DTMF: [(u16, u16); 16] = [
    (941, 1336),
    (697, 1209),
    (697, 1336),
    (697, 1477),
    (770, 1209),
    (770, 1336),
    (770, 1477),
    (852, 1209),
    (852, 1336),
    (852, 1477),
    (941, 1209),
    (941, 1477),
    (697, 1633),
    (770, 1633),
    (852, 1633),
    (941, 1633),
];

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// Nothing: events above 15, pauses.
    Silence,
    /// One frequency in Hz.
    Single(u16),
    /// Two at once.
    Dual(u16, u16),
}

impl Sound {
    /// The sound of a telephone-event number.
    #[must_use]
    pub fn of_event(event: u8) -> Self {
        DTMF.get(usize::from(event)).map_or(Self::Silence, |&(low, high)| Self::Dual(low, high))
    }

    /// Appends samples `first..first + count` of the sound, each for all channels. `volume` is in dB below full scale.
    pub fn append(self, first: u64, count: usize, rate: u32, channels: u32, volume: u8, out: &mut Vec<i16>) {
        let divisor = 1.122_018_f64.powi(volume.into());
        let value = |n: u64| {
            let t = n as f64 / f64::from(rate.max(1));
            let sine = |frequency: u16| (std::f64::consts::TAU * f64::from(frequency) * t).sin();
            // Truncated towards zero; the sum is within range by the division.
            match self {
                Self::Silence => 0,
                Self::Single(frequency) => (32767.0 * sine(frequency) / divisor) as i16,
                Self::Dual(low, high) => (32767.0 * (sine(low) + sine(high)) / (2.0 * divisor)) as i16,
            }
        };
        let samples = (first..).take(count).map(value);
        out.extend(samples.flat_map(|sample| std::iter::repeat_n(sample, channels.max(1) as usize)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `codecs.md` §18.1.
    #[test]
    fn rule_18_1_formula() {
        let mut out = Vec::new();
        Sound::of_event(5).append(3, 2, 8000, 1, 10, &mut out);
        let expected = |n: f64| {
            let sine = |f: f64| (2.0 * std::f64::consts::PI * f * n / 8000.0).sin();
            (32767.0 * (sine(770.0) + sine(1336.0)) / (2.0 * 1.122_018_f64.powf(10.0))) as i16
        };
        assert_eq!(out, [expected(3.0), expected(4.0)]);
        assert_eq!(Sound::of_event(16), Sound::Silence);
        assert_eq!(Sound::of_event(255), Sound::Silence);
        assert_eq!(Sound::of_event(0), Sound::Dual(941, 1336));
        assert_eq!(Sound::of_event(11), Sound::Dual(941, 1477));
        out.clear();
        Sound::Single(400).append(0, 80, 8000, 2, 0, &mut out);
        assert_eq!(out.len(), 160);
        assert!(out.iter().max().is_some_and(|&peak| peak > 32000));
    }
}
