//! Audio engines: what decodes, resamples and encodes.
//!
//! Everything here is a [`Coder`]: a frame goes in, any number of frames come out into a buffer that the caller keeps. Audio
//! between coders is 16-bit linear, channels interleaved. A [`Transcoder`] is a whole chain from payload to payload.
//!
//! | module | what | feature |
//! | --- | --- | --- |
//! | [`g711`] | PCMA, PCMU by tables, also directly into each other | none |
//! | [`packer`] | frames of an encoder into packets (`codecs.md` §12(5)) | none |
//! | `ffmpeg`, `resampler` | all codecs of libavcodec; rate and channel conversion | `ffmpeg` |
//! | `demuxer` | sound out of media files of any format | `ffmpeg` |
//! | `opus` | libopus | `opus` |
//! | `g729` | bcg729 | `bcg729` |
//! | `dtmf` | finding DTMF tones | `spandsp` |
//! | [`rfc4867`] | payload format of AMR and AMR-WB, mode requests (`codecs.md` §17.1) | none |

#[cfg(feature = "ffmpeg")]
pub mod amr;
#[cfg(feature = "ffmpeg")]
#[allow(unsafe_code)]
pub mod demuxer;
#[cfg(feature = "spandsp")]
#[allow(unsafe_code)]
pub mod dtmf;
#[cfg(feature = "ffmpeg")]
#[allow(unsafe_code)]
pub mod ffmpeg;
pub mod g711;
#[cfg(feature = "bcg729")]
#[allow(unsafe_code)]
pub mod g729;
#[cfg(all(test, feature = "ffmpeg"))]
mod hostile;
#[cfg(all(test, feature = "ffmpeg"))]
pub(crate) mod measure;
mod open;
#[cfg(feature = "opus")]
#[allow(unsafe_code)]
pub mod opus;
pub mod packer;
#[cfg(all(test, feature = "ffmpeg"))]
pub(in crate::codec) mod proofs;
#[cfg(feature = "ffmpeg")]
pub mod rate_by_two;
#[cfg(feature = "ffmpeg")]
#[allow(unsafe_code)]
pub mod resampler;
pub mod rfc4867;
#[cfg(all(test, feature = "ffmpeg"))]
pub(crate) mod speech;
#[cfg(test)]
pub(in crate::codec) mod tests;
mod transcoder;

pub(in crate::codec) use open::linked;
pub use open::{decoded_format, encoded_format, open_decoder, open_encoder};
pub use transcoder::{Transcoder, TranscoderSpec};

use std::time::Duration;

/// Rate and channels of linear audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AudioFormat {
    /// Samples per second and channel.
    pub rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
}

impl AudioFormat {
    /// Samples of all channels in this many milliseconds.
    #[must_use]
    pub fn samples_in(self, ms: u32) -> usize {
        let samples = u64::from(self.rate) * u64::from(ms) / 1000 * u64::from(self.channels);
        usize::try_from(samples).unwrap_or(usize::MAX)
    }
}

/// What goes into a coder.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// A payload, or one frame of a codec.
    Encoded(&'a [u8]),
    /// Linear audio, whole samples of all channels.
    Samples(&'a [i16]),
}

/// Where a coder puts its output. Kept by the caller and reused, so that coding allocates nothing once it is warm.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    samples: Vec<i16>,
    octets: Vec<u8>,
    packets: Vec<PacketEnd>,
}

#[derive(Clone, Copy, Debug)]
struct PacketEnd {
    end: usize,
    duration: u32,
}

/// One encoded frame or payload of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded<'a> {
    /// The octets.
    pub octets: &'a [u8],
    /// How much audio it holds, in samples per channel of the encoder's rate; for payloads of a [`Transcoder`] in units of the
    /// RTP clock.
    pub duration: u32,
}

impl Frames {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what is in it, keeps the memory.
    pub fn clear(&mut self) {
        self.samples.clear();
        self.octets.clear();
        self.packets.clear();
    }

    /// Nothing in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.packets.is_empty()
    }

    /// The linear audio put in.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Where a coder appends linear audio.
    pub fn samples_mut(&mut self) -> &mut Vec<i16> {
        &mut self.samples
    }

    /// The encoded frames put in, in order.
    pub fn encoded(&self) -> impl Iterator<Item = Encoded<'_>> {
        let mut start = 0;
        self.packets.iter().map(move |packet| {
            let octets = self.octets.get(start..packet.end).unwrap_or_default();
            start = packet.end;
            Encoded { octets, duration: packet.duration }
        })
    }

    /// Appends one encoded frame.
    pub fn push_encoded(&mut self, octets: &[u8], duration: u32) {
        self.push_with(duration, |buffer| buffer.extend_from_slice(octets));
    }

    /// Appends one encoded frame that `write` puts at the end of the buffer.
    pub fn push_with(&mut self, duration: u32, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.octets);
        self.packets.push(PacketEnd { end: self.octets.len(), duration });
    }
}

/// Why a coder could not be opened or did not code. The stream goes on with the next frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// This build has no engine for the codec in that direction.
    #[error("no {direction} for codec {codec}")]
    NotSupported {
        /// Name of the codec.
        codec: Box<str>,
        /// `encoder` or `decoder`.
        direction: &'static str,
    },
    /// The codec's parameters cannot be used.
    #[error("unusable parameters of codec {codec}: {reason}")]
    Parameters {
        /// Name of the codec.
        codec: Box<str>,
        /// What is wrong.
        reason: &'static str,
    },
    /// The payload is none of this codec.
    #[error("not a valid payload: {0}")]
    Payload(&'static str),
    /// A library refused.
    #[error("{library}: {operation} failed with code {code}")]
    Library {
        /// Which one.
        library: &'static str,
        /// What was asked of it.
        operation: &'static str,
        /// What it returned.
        code: i32,
    },
    /// Samples were given to a decoder, or octets to an encoder.
    #[error("wrong kind of frame")]
    WrongFrame,
}

/// Something frames go through. `Send`, so that a coder can work on another thread.
pub trait Coder: Send {
    /// Codes one frame; output is appended to `out`.
    ///
    /// # Errors
    /// If the frame cannot be coded. The coder stays usable, and what it appended before the error stays in `out`.
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError>;
}

/// A coder from payloads to samples.
pub trait Decoder: Coder {
    /// What the samples are; may change with a payload (opus channels, iLBC keeps its rate).
    fn format(&self) -> AudioFormat;

    /// What the received payloads mean for the stream that goes back to their sender. `now` is any clock that does not jump; ask
    /// after every payload, and before encoding for that sender, until there is none.
    fn feedback(&mut self, _now: Duration) -> Option<Feedback> {
        None
    }

    /// Puts in the sound of a frame that was not sent, for codecs that have frames for it (`codecs.md` §16.2). `false`: the codec
    /// has none.
    ///
    /// # Errors
    /// As [`Coder::push`].
    fn no_data(&mut self, _out: &mut Frames) -> Result<bool, CodecError> {
        Ok(false)
    }

    /// Whether a payload holds nothing but descriptors of silence, for codecs that have frames for it (`codecs.md` §16.2).
    fn describes_silence(&self, _payload: &[u8]) -> bool {
        false
    }
}

/// A coder from samples to encoded frames.
pub trait Encoder: Coder {
    /// What the samples must be.
    fn format(&self) -> AudioFormat;

    /// Takes what the decoder of the party to whom this stream goes found out.
    fn take(&mut self, _feedback: Feedback) {}
}

/// What the decoder of a party found out for the encoder that sends to the same party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// The party asks for this codec mode (AMR, RFC 4867 §3.3.1).
    ModeRequest(u8),
    /// The party could be asked for this codec mode.
    AskFor(u8),
    /// The party has not asked for long: try the next higher mode.
    StepUp,
}
