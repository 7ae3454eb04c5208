//! Tones: made, packed into G.711 (ITU-T G.711, mu-law), and recognised.

use std::f64::consts::TAU;

/// Samples each second of narrow-band telephony.
pub(crate) const RATE: f64 = 8000.0;

const LOUD: f64 = 8000.0;
const BIAS: i16 = 0x84;
const CLIP: i16 = 32635;

/// Sample number `at` of a tone of `frequency` hertz at `rate` samples each second.
fn sample(frequency: f64, rate: f64, at: u32) -> i16 {
    (LOUD * (TAU * frequency * f64::from(at) / rate).sin()) as i16
}

/// 20 ms of a tone as mu-law; `at`: number of the first sample.
pub(crate) fn frame(frequency: f64, at: u32) -> Vec<u8> {
    (at..at + 160).map(|at| encode(sample(frequency, RATE, at))).collect()
}

/// A second of a tone as a WAV file, which repeats without a seam if the frequency is a whole number.
pub(crate) fn wav(frequency: f64) -> Vec<u8> {
    const WAV_RATE: u32 = 48000;
    let data: Vec<u8> =
        (0..WAV_RATE).flat_map(|at| sample(frequency, f64::from(WAV_RATE), at).to_le_bytes()).collect();
    let length = u32::try_from(data.len()).expect("small");
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(WAV_RATE.to_le_bytes());
    file.extend((2 * WAV_RATE).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    file
}

fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.saturating_abs().min(CLIP) + BIAS;
    let exponent = 7 - (magnitude.leading_zeros() as i16 - 1).min(7);
    let mantissa = (magnitude >> (exponent + 3)) & 15;
    !(sign | (exponent << 4) as u8 | mantissa as u8)
}

/// The sample of a mu-law byte.
pub(crate) fn decode(byte: u8) -> i16 {
    let byte = !byte;
    let exponent = (byte >> 4) & 7;
    let magnitude = (((i16::from(byte & 15) << 3) + BIAS) << exponent) - BIAS;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

/// The part of the samples' energy that is a tone of `frequency` hertz, from 0 to 1 (Goertzel's algorithm).
pub(crate) fn share(samples: &[i16], frequency: f64) -> f64 {
    let coefficient = 2.0 * (TAU * frequency / RATE).cos();
    let (mut last, mut before, mut energy) = (0.0, 0.0, 0.0);
    for &sample in samples {
        let sample = f64::from(sample);
        (last, before) = (sample + coefficient * last - before, last);
        energy += sample * sample;
    }
    if energy == 0.0 {
        return 0.0;
    }
    let power = last * last + before * before - coefficient * last * before;
    2.0 * power / (energy * samples.len() as f64)
}

#[test]
fn g711_survives_the_wire() {
    // Each byte stands for a value of its own; the two zeros are one.
    for byte in 0..=255 {
        let again = encode(decode(byte));
        assert!(again == byte || decode(again) == 0 && decode(byte) == 0, "{byte} became {again}");
    }
}

#[test]
fn a_tone_is_told_from_others() {
    let samples: Vec<i16> = frame(700.0, 0).into_iter().map(decode).collect();
    assert!(share(&samples, 700.0) > 0.95);
    assert!(share(&samples, 1000.0) < 0.05);
    assert!(share(&[0; 160], 700.0) < 0.05);
}
