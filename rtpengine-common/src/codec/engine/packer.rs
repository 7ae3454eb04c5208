//! Frames of an encoder into payloads (`codecs.md` §12(5)).

use super::{Encoded, Frames};

/// How frames become payloads. Durations in are samples of the encoder's rate, durations out units of the RTP clock.
#[derive(Debug)]
pub enum Packer {
    /// A stream of octets cut into payloads of a fixed size.
    Stream {
        /// Octets per payload.
        size: usize,
        /// RTP clock units per payload.
        duration: u32,
        /// What waits for a full payload.
        pending: Vec<u8>,
    },
    /// Each frame is a payload.
    OneFrame {
        /// RTP clock.
        clock: u32,
        /// Rate of the encoder.
        rate: u32,
    },
    /// G.729: a number of 10-octet speech frames; a noise frame of 2 octets ends the payload, four frames of noise go at once.
    G729 {
        /// Speech frames per payload.
        frames: usize,
        /// Encoded frames that wait.
        pending: Vec<u8>,
        /// How many of them.
        count: usize,
        /// How many of them are noise.
        noise: usize,
    },
}

/// RTP clock units of a 10 ms frame of G.729.
const G729_FRAME: u32 = 80;

impl Packer {
    /// A packer for sample streams: `bits` per sample, `samples` (of all channels) and `duration` per payload.
    #[must_use]
    pub fn stream(samples: usize, bits: u32, duration: u32) -> Self {
        let size = (samples * bits as usize / 8).max(1);
        Self::Stream { size, duration, pending: Vec::new() }
    }

    /// A packer for G.729 at a packet time.
    #[must_use]
    pub fn g729(ptime: u32) -> Self {
        Self::G729 { frames: (ptime / 10).max(1) as usize, pending: Vec::new(), count: 0, noise: 0 }
    }

    /// Takes one frame and appends the payloads that are complete.
    pub fn push(&mut self, frame: Encoded<'_>, out: &mut Frames) {
        match self {
            Self::Stream { size, duration, pending } => {
                // The usual case: one frame is one payload, and nothing waits.
                if pending.is_empty() && frame.octets.len() == *size {
                    return out.push_encoded(frame.octets, *duration);
                }
                pending.extend_from_slice(frame.octets);
                let whole = pending.len() - pending.len() % *size;
                for payload in pending.chunks_exact(*size) {
                    out.push_encoded(payload, *duration);
                }
                pending.drain(..whole);
            }
            Self::OneFrame { clock, rate } => {
                let duration = u64::from(frame.duration) * u64::from(*clock) / u64::from((*rate).max(1));
                out.push_encoded(frame.octets, u32::try_from(duration).unwrap_or(u32::MAX));
            }
            Self::G729 { frames, pending, count, noise } => {
                let is_noise = frame.octets.len() < 10;
                if *noise != 0 && !is_noise {
                    // Speech cannot follow noise inside a payload.
                    flush_g729(pending, count, noise, out);
                }
                pending.extend_from_slice(frame.octets);
                *count += 1;
                *noise += usize::from(is_noise);
                if *count >= *frames || *noise >= 4 {
                    flush_g729(pending, count, noise, out);
                }
            }
        }
    }
}

fn flush_g729(pending: &mut Vec<u8>, count: &mut usize, noise: &mut usize, out: &mut Frames) {
    let frames = u32::try_from(*count).unwrap_or(1);
    out.push_encoded(pending, frames * G729_FRAME);
    pending.clear();
    (*count, *noise) = (0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(packer: &mut Packer, frames: &[(usize, u32)]) -> Vec<Vec<(usize, u32)>> {
        let mut out = Frames::new();
        let mut push = |&(size, duration): &(usize, u32)| {
            out.clear();
            packer.push(Encoded { octets: &vec![0; size], duration }, &mut out);
            out.encoded().map(|e| (e.octets.len(), e.duration)).collect()
        };
        frames.iter().map(&mut push).collect()
    }

    /// `codecs.md` §12, the example: 30 ms in, 20 ms out.
    #[test]
    fn example_of_section_12() {
        let mut packer = Packer::stream(160, 8, 160);
        let got = sizes(&mut packer, &[(240, 240), (240, 240)]);
        assert_eq!(got, [vec![(160, 160)], vec![(160, 160), (160, 160)]]);
    }

    /// `codecs.md` §12(5): G.722's frames of 20 ms at a packet time of 30 ms.
    #[test]
    fn g722_at_30_ms() {
        let mut packer = Packer::stream(480, 4, 240);
        let got = sizes(&mut packer, &[(160, 320), (160, 320), (160, 320)]);
        assert_eq!(got, [vec![], vec![(240, 240)], vec![(240, 240)]]);
    }

    #[test]
    fn one_frame_per_packet_scales_durations() {
        let mut packer = Packer::OneFrame { clock: 48000, rate: 8000 };
        assert_eq!(sizes(&mut packer, &[(33, 160)]), [vec![(33, 960)]]);
    }

    /// `codecs.md` §17.3.
    #[test]
    fn g729_noise_ends_a_packet() {
        let mut packer = Packer::g729(20);
        let got = sizes(&mut packer, &[(10, 80), (10, 80), (10, 80), (2, 80), (2, 80), (10, 80), (10, 80)]);
        assert_eq!(
            got,
            [vec![], vec![(20, 160)], vec![], vec![(12, 160)], vec![], vec![(2, 80)], vec![(20, 160)]]
        );
        let mut packer = Packer::g729(60);
        let got = sizes(&mut packer, &[(2, 80), (2, 80), (2, 80), (2, 80)]);
        assert_eq!(got.last().unwrap(), &[(8, 320)], "four noise frames go at once");
    }
}
