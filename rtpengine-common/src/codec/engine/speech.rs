//! Speech for the proofs: the texts beside this file, read out by espeak-ng in several languages, voices, pitches and tempos. The same on
//! every machine with the same version of it.

use std::fmt;
use std::process::Command;

use super::resampler::Resampler;
use super::{AudioFormat, Coder, Frame, Frames};

/// What all recordings are.
pub(crate) const FORMAT: AudioFormat = AudioFormat { rate: 8000, channels: 1 };

/// What is said in each language.
const TEXTS: [(&str, &str); 6] = [
    ("en", include_str!("speech/en.txt")),
    ("de", include_str!("speech/de.txt")),
    ("fr", include_str!("speech/fr.txt")),
    ("es", include_str!("speech/es.txt")),
    ("it", include_str!("speech/it.txt")),
    ("pl", include_str!("speech/pl.txt")),
];

/// Variant of a voice, pitch (0 to 99), words per minute, and the loudness as a share of full scale.
const SPEAKERS: [(&str, u8, u16, f64); 4] =
    [("m3", 25, 150, 0.9), ("f2", 60, 165, 0.5), ("f5", 90, 190, 0.25), ("croak", 45, 140, 0.7)];

/// One speaker with one text.
#[derive(Clone, Copy)]
pub(crate) struct Recording {
    language: &'static str,
    text: &'static str,
    speaker: (&'static str, u8, u16, f64),
}

/// Every text by every speaker: more than ten minutes in all.
pub(crate) fn recordings() -> Vec<Recording> {
    let all = |(language, text)| SPEAKERS.map(|speaker| Recording { language, text, speaker });
    TEXTS.into_iter().flat_map(all).collect()
}

/// The samples of a RIFF file of 16 bits and one channel, and their rate. The length in the header of what comes out of a pipe is
/// none, so all that follows the header counts.
fn wav(file: &[u8]) -> Option<(u32, Vec<i16>)> {
    let rate = u32::from_le_bytes(file.get(24..28)?.try_into().ok()?);
    let data = file.windows(4).position(|window| window == b"data")? + 8;
    let samples = file.get(data..)?.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    Some((rate, samples.collect()))
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}", self.language, self.speaker)
    }
}

impl Recording {
    /// What is heard, in [`FORMAT`].
    pub(crate) fn samples(&self) -> Vec<i16> {
        let (variant, pitch, tempo, loudness) = self.speaker;
        let output = Command::new("espeak-ng")
            .args(["-v", &format!("{}+{variant}", self.language), "--stdout"])
            .args(["-p", &pitch.to_string(), "-s", &tempo.to_string()])
            .arg(self.text)
            .output()
            .expect("espeak-ng, which .ci/packages check installs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (rate, samples) = wav(&output.stdout).expect("a RIFF file");
        let mut resampler = Resampler::new(AudioFormat { rate, channels: 1 }, FORMAT).unwrap();
        let mut frames = Frames::new();
        resampler.push(Frame::Samples(&samples), &mut frames).unwrap();
        let peak = frames.samples().iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        assert!(peak > 1000, "{self:?} is silent");
        let gain = loudness * f64::from(i16::MAX) / f64::from(peak);
        frames.samples().iter().map(|&sample| (f64::from(sample) * gain) as i16).collect()
    }
}
