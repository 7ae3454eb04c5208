//! How far two sounds are apart, in the way an ear hears it: by the energy in bands of frequency from moment to moment, whatever the
//! phases are. For proofs.

/// What is measured has this rate and one channel.
const RATE: usize = 8000;
/// Samples looked at at a time, and how far it is from one look to the next.
const WINDOW: usize = 256;
const HOP: usize = 80;
/// Edges of the bands in bins of RATE / WINDOW: wider towards the top, from 94 to 3500 Hz.
const EDGES: [usize; 15] = [3, 6, 9, 12, 16, 20, 25, 30, 36, 43, 51, 62, 76, 93, 112];
const BANDS: usize = EDGES.len() - 1;
/// What lies so far below the loudest is not heard, in dB.
const DEPTH: f64 = 35.0;

/// Energies of the bands, in dB.
type Look = [f64; BANDS];

/// The fast Fourier transform of a window; real and imaginary parts in place.
fn transform(re: &mut [f64; WINDOW], im: &mut [f64; WINDOW]) {
    let bits = WINDOW.trailing_zeros();
    for at in 0..WINDOW {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            re.swap(at, other);
            im.swap(at, other);
        }
    }
    let mut half = 1;
    while half < WINDOW {
        let angle = -std::f64::consts::PI / half as f64;
        for offset in 0..half {
            let (sin, cos) = (angle * offset as f64).sin_cos();
            for low in (offset..WINDOW).step_by(2 * half) {
                let high = low + half;
                let (x, y) = (re[high] * cos - im[high] * sin, re[high] * sin + im[high] * cos);
                (re[high], im[high]) = (re[low] - x, im[low] - y);
                (re[low], im[low]) = (re[low] + x, im[low] + y);
            }
        }
        half *= 2;
    }
}

fn looks(samples: &[i16]) -> Vec<Look> {
    let look = |window: &[i16]| {
        let (mut re, mut im) = ([0.0; WINDOW], [0.0; WINDOW]);
        for (n, &sample) in window.iter().enumerate() {
            let turn = std::f64::consts::TAU * n as f64 / WINDOW as f64;
            re[n] = f64::from(sample) * (0.5 - 0.5 * turn.cos());
        }
        transform(&mut re, &mut im);
        let energy = |band: usize| {
            let bins = EDGES[band]..EDGES[band + 1];
            let sum: f64 = bins.map(|bin| re[bin] * re[bin] + im[bin] * im[bin]).sum();
            10.0 * (sum + 1.0).log10()
        };
        std::array::from_fn(energy)
    };
    samples.windows(WINDOW).step_by(HOP).map(look).collect()
}

/// The mean difference of the energies in dB, over all moments and bands in which the first sound is heard, at the delay of up to 100 ms
/// at which it is least. What is missing of the second counts as silence; without anything to hear it is infinite.
pub(crate) fn distance(a: &[i16], b: &[i16]) -> f64 {
    let (a, b) = (looks(a), looks(b));
    let loudest = a.iter().flatten().copied().fold(0.0, f64::max);
    let floor = loudest - DEPTH;
    let at = |delay: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (n, x) in a.iter().enumerate().take(a.len().saturating_sub(10)) {
            for (band, &level) in x.iter().enumerate().filter(|(_, level)| **level > floor) {
                let other = b.get(n + delay).map_or(0.0, |look| look[band]);
                sum += (level - other.max(floor)).abs();
                count += 1.0;
            }
        }
        if count > 0.0 && loudest > 40.0 { sum / count } else { f64::INFINITY }
    };
    (0..=RATE / 10 / HOP).map(at).fold(f64::INFINITY, f64::min)
}

/// The measure itself can tell.
#[test]
fn distances() {
    let tone = |hertz: f64, level: f64| -> Vec<i16> {
        let angle = std::f64::consts::TAU * hertz / RATE as f64;
        (0..RATE).map(|n| ((angle * n as f64).sin() * level) as i16).collect()
    };
    let a = tone(500.0, 8000.0);
    assert!(distance(&a, &a) < 0.01);
    let late: Vec<i16> = std::iter::repeat_n(0, 400).chain(a.iter().copied()).collect();
    assert!(distance(&a, &late) < 1.0);
    let quieter = distance(&a, &tone(500.0, 4000.0));
    assert!((quieter - 6.02).abs() < 0.5, "{quieter}");
    assert!(distance(&a, &tone(2000.0, 8000.0)) > 20.0);
    assert!(distance(&a, &[0; RATE]) > 20.0);
    assert!(distance(&[0; RATE], &a).is_infinite());
}
