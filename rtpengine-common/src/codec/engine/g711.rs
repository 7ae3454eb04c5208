//! G.711 (PCMA, PCMU) by tables: the hot path of transcoding.
//!
//! Decoding follows ITU-T G.711 tables 1a/1b and 2a/2b, scaled to 16 bits. Encoding takes the nearest level, with the
//! decision values that libavcodec uses, so that its octets are the same bit for bit.

use std::sync::LazyLock;

use super::{AudioFormat, CodecError, Coder, Decoder, Encoder, Frame, Frames};
use crate::codec::CodecId;

/// The two companding laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// PCMA.
    A,
    /// PCMU.
    Mu,
}

impl Law {
    /// The law of a codec, if it is G.711.
    #[must_use]
    pub fn of(id: CodecId) -> Option<Self> {
        match id {
            CodecId::Pcma => Some(Self::A),
            CodecId::Pcmu => Some(Self::Mu),
            _ => None,
        }
    }

    /// What the octets are XORed with on the wire, the sign bit apart.
    const fn mask(self) -> u8 {
        match self {
            Self::A => 0x55,
            Self::Mu => 0x7f,
        }
    }

    /// Magnitude of a level 0 to 127, counted outwards from zero.
    const fn magnitude(self, level: u8) -> i16 {
        let (segment, step) = ((level >> 4) as i16, (level & 15) as i16);
        match self {
            Self::A if segment == 0 => (step << 4) + 8,
            Self::A => ((step << 4) + 0x108) << (segment - 1),
            Self::Mu => (((step << 3) + 0x84) << segment) - 0x84,
        }
    }

    /// The sample of one octet.
    const fn decode(self, octet: u8) -> i16 {
        let magnitude = self.magnitude((octet ^ self.mask()) & 0x7f);
        // The sign bit is set for positive samples.
        if octet & 0x80 != 0 { magnitude } else { -magnitude }
    }

    fn tables(self) -> &'static Tables {
        static A: LazyLock<Tables> = LazyLock::new(|| Tables::new(Law::A));
        static MU: LazyLock<Tables> = LazyLock::new(|| Tables::new(Law::Mu));
        match self {
            Self::A => &A,
            Self::Mu => &MU,
        }
    }

    /// Decodes a payload.
    pub fn decode_into(self, payload: &[u8], samples: &mut Vec<i16>) {
        let table = &self.tables().decode;
        samples.extend(payload.iter().map(|&octet| table[usize::from(octet)]));
    }

    /// Encodes samples.
    pub fn encode_into(self, samples: &[i16], payload: &mut Vec<u8>) {
        let table = &self.tables().encode;
        payload.extend(samples.iter().map(|&sample| table[usize::from(sample.cast_unsigned() >> 2)]));
    }

    /// The table from this law's octets to the other law's.
    #[must_use]
    pub fn to(self, other: Self) -> [u8; 256] {
        let (decode, encode) = (&self.tables().decode, &other.tables().encode);
        std::array::from_fn(|octet| encode[usize::from(decode[octet].cast_unsigned() >> 2)])
    }
}

/// Octet → sample, and the upper 14 bits of a sample → octet.
struct Tables {
    decode: [i16; 256],
    encode: Box<[u8; 1 << 14]>,
}

impl Tables {
    fn new(law: Law) -> Self {
        let decode = std::array::from_fn(|octet| law.decode(u8::try_from(octet).unwrap_or(u8::MAX)));
        let mut encode = Box::new([0; 1 << 14]);
        let borders = borders(law);
        for (index, octet) in encode.iter_mut().enumerate() {
            let unsigned = u16::try_from(index << 2).unwrap_or(0);
            *octet = nearest(law, &borders, unsigned.cast_signed() >> 2);
        }
        Self { decode, encode }
    }
}

/// Where each level ends: the middle to the next one, rounded to 14 bits.
fn borders(law: Law) -> [i32; 127] {
    std::array::from_fn(|level| {
        let level = u8::try_from(level).unwrap_or(u8::MAX >> 1);
        (i32::from(law.magnitude(level)) + i32::from(law.magnitude(level + 1)) + 4) >> 3
    })
}

/// The octet for a sample of 14 bits. Negative samples are the mirror image; zero is positive for the µ-law and the A-law alike.
fn nearest(law: Law, borders: &[i32; 127], sample: i16) -> u8 {
    let magnitude = i32::from(sample).abs();
    let level = u8::try_from(borders.partition_point(|border| *border <= magnitude)).unwrap_or(127);
    let sign = if sample >= 0 { 0x80 } else { 0 };
    (level ^ law.mask()) | sign
}

/// Decoder of PCMA or PCMU.
#[derive(Debug)]
pub struct G711Decoder {
    law: Law,
    format: AudioFormat,
}

impl G711Decoder {
    /// A decoder; rate and channels are those of the RTP payload.
    #[must_use]
    pub fn new(law: Law, format: AudioFormat) -> Self {
        Self { law, format }
    }
}

impl Coder for G711Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Encoded(payload) = frame else { return Err(CodecError::WrongFrame) };
        let whole = payload.len() - payload.len() % self.format.channels.max(1) as usize;
        self.law.decode_into(payload.get(..whole).unwrap_or_default(), out.samples_mut());
        Ok(())
    }
}

impl Decoder for G711Decoder {
    fn format(&self) -> AudioFormat {
        self.format
    }
}

/// Encoder of PCMA or PCMU: what goes in comes out as one frame.
#[derive(Debug)]
pub struct G711Encoder {
    law: Law,
    format: AudioFormat,
}

impl G711Encoder {
    /// An encoder; rate and channels are those of the RTP payload.
    #[must_use]
    pub fn new(law: Law, format: AudioFormat) -> Self {
        Self { law, format }
    }
}

impl Coder for G711Encoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Samples(samples) = frame else { return Err(CodecError::WrongFrame) };
        let duration = u32::try_from(samples.len()).unwrap_or(0) / self.format.channels.max(1);
        if duration != 0 {
            out.push_with(duration, |octets| self.law.encode_into(samples, octets));
        }
        Ok(())
    }
}

impl Encoder for G711Encoder {
    fn format(&self) -> AudioFormat {
        self.format
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ITU-T G.711: the levels next to zero and the outermost ones.
    #[test]
    fn known_values() {
        for (law, octet, sample) in [
            (Law::A, 0xd5, 8),
            (Law::A, 0x55, -8),
            (Law::A, 0xaa, 32256),
            (Law::A, 0x2a, -32256),
            (Law::Mu, 0xff, 0),
            (Law::Mu, 0x7f, 0),
            (Law::Mu, 0x80, 32124),
            (Law::Mu, 0x00, -32124),
        ] {
            assert_eq!(law.decode(octet), sample, "{law:?} {octet:#x}");
        }
    }

    /// Every octet survives decoding and encoding, but for the µ-law's negative zero.
    #[test]
    fn octets_round_trip() {
        for law in [Law::A, Law::Mu] {
            for octet in 0..=255 {
                let (mut samples, mut payload) = (Vec::new(), Vec::new());
                law.decode_into(&[octet], &mut samples);
                law.encode_into(&samples, &mut payload);
                let expected = if law == Law::Mu && octet == 0x7f { 0xff } else { octet };
                assert_eq!(payload, [expected], "{law:?} {octet:#x}");
            }
        }
    }

    /// The direct table is decoding and encoding.
    #[test]
    fn direct_tables() {
        for (from, to) in [(Law::A, Law::Mu), (Law::Mu, Law::A)] {
            let table = from.to(to);
            for octet in 0..=255u8 {
                let (mut samples, mut payload) = (Vec::new(), Vec::new());
                from.decode_into(&[octet], &mut samples);
                to.encode_into(&samples, &mut payload);
                assert_eq!(payload, [table[usize::from(octet)]]);
            }
        }
    }

    /// Bit for bit what libavcodec says, for every sample and every octet.
    #[cfg(feature = "ffmpeg")]
    #[test]
    fn as_libavcodec_does_it() {
        use super::super::ffmpeg;
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let octets: Vec<u8> = (0..=255).collect();
        let format = AudioFormat { rate: 8000, channels: 1 };
        for (law, name) in [(Law::A, "pcm_alaw"), (Law::Mu, "pcm_mulaw")] {
            let mut theirs = Frames::new();
            let spec = ffmpeg::EncoderSpec { format, bitrate: 0, frame_samples: all.len(), options: &[] };
            let mut encoder = ffmpeg::FfmpegEncoder::open(&[name], &spec).unwrap();
            encoder.push(Frame::Samples(&all), &mut theirs).unwrap();
            let mut ours = Vec::new();
            law.encode_into(&all, &mut ours);
            let theirs: Vec<u8> = theirs.encoded().flat_map(|e| e.octets.iter().copied()).collect();
            let differing: Vec<_> =
                (0..ours.len()).filter(|&i| ours[i] != theirs[i]).map(|i| all[i]).collect();
            assert!(differing.is_empty(), "{name} {} differ, from {:?}", differing.len(), differing.first());
            let mut theirs = Frames::new();
            let mut decoder = ffmpeg::FfmpegDecoder::open(&[name], format).unwrap();
            decoder.push(Frame::Encoded(&octets), &mut theirs).unwrap();
            let mut ours = Vec::new();
            law.decode_into(&octets, &mut ours);
            assert_eq!(ours, theirs.samples());
        }
    }
}
