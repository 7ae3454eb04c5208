//! AMR and AMR-WB: libavcodec behind the payload format of RFC 4867.

use std::time::Duration;

use super::ffmpeg::{EncoderSpec, FfmpegDecoder, FfmpegEncoder};
use super::rfc4867::{Band, ModeControl, NONE, PeerModes, SpeechFrame, pack, unpack};
use super::{AudioFormat, CodecError, Coder, Decoder, Encoder, Feedback, Frame, Frames};
use crate::codec::amr::Amr;

/// Options of the payload side that are no options of the library.
const OWN_OPTIONS: [&str; 2] = ["CMR-interval", "mode-change-interval"];

/// Packets that carry a request to the peer.
const ASK_PACKETS: u32 = 3;

/// A decoder of payloads.
pub struct AmrDecoder {
    band: Band,
    format: Amr,
    decoder: FfmpegDecoder,
    peer: PeerModes,
}

impl AmrDecoder {
    /// Opens a decoder of these names.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(
        band: Band,
        names: &[&str],
        audio: AudioFormat,
        format: Amr,
        options: &str,
    ) -> Result<Self, CodecError> {
        let decoder = FfmpegDecoder::open(names, audio)?;
        Ok(Self { band, format, decoder, peer: PeerModes::new(band, &format, options) })
    }
}

impl Coder for AmrDecoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Encoded(payload) = frame else { return Err(CodecError::WrongFrame) };
        let payload = unpack(self.band, &self.format, payload)?;
        self.peer.received(&payload);
        for frame in &payload.frames {
            self.decoder.push(Frame::Encoded(&frame.octets), out)?;
        }
        Ok(())
    }
}

impl Decoder for AmrDecoder {
    fn format(&self) -> AudioFormat {
        self.decoder.format()
    }

    fn feedback(&mut self, now: Duration) -> Option<Feedback> {
        self.peer.feedback(now)
    }

    fn no_data(&mut self, out: &mut Frames) -> Result<bool, CodecError> {
        self.decoder.push(Frame::Encoded(&SpeechFrame::no_data().octets), out).map(|()| true)
    }

    fn describes_silence(&self, payload: &[u8]) -> bool {
        let sid = if self.band == Band::Wide { 9 } else { 8 };
        unpack(self.band, &self.format, payload).is_ok_and(|payload| {
            !payload.frames.is_empty() && payload.frames.iter().all(|frame| frame.frame_type() == sid)
        })
    }
}

/// An encoder whose frames are complete payloads.
pub struct AmrEncoder {
    band: Band,
    format: Amr,
    encoder: FfmpegEncoder,
    modes: ModeControl,
    /// What the peer is asked for, and in how many packets still.
    ask: Option<(u8, u32)>,
    scratch: Frames,
}

impl AmrEncoder {
    /// Opens an encoder of these names. Unknown `options` go to the library.
    ///
    /// # Errors
    /// If there is none, or it refuses the values.
    pub fn open(
        band: Band,
        names: &[&str],
        audio: AudioFormat,
        format: Amr,
        bitrate: u32,
        options: &str,
    ) -> Result<Self, CodecError> {
        let modes = ModeControl::new(band, &format, bitrate);
        let options: Vec<_> =
            crate::codec::fmtp::pairs(options).filter(|(key, _)| !OWN_OPTIONS.contains(key)).collect();
        let spec =
            EncoderSpec { format: audio, bitrate: modes.bitrate(), frame_samples: 0, options: &options };
        let encoder = FfmpegEncoder::open(names, &spec)?;
        Ok(Self { band, format, encoder, modes, ask: None, scratch: Frames::new() })
    }

    /// The mode request to write into the next packet.
    fn next_request(&mut self) -> u8 {
        let Some((mode, left)) = self.ask else { return NONE };
        self.ask = (left > 1).then(|| (mode, left - 1));
        mode
    }
}

impl Coder for AmrEncoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Samples(samples) = frame else { return Err(CodecError::WrongFrame) };
        // One frame at a time: the mode may change between two of them.
        let size = (self.encoder.frame_samples() * self.encoder.format().channels as usize).max(1);
        for chunk in samples.chunks(size) {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            let result = self.encoder.push(Frame::Samples(chunk), &mut scratch);
            for encoded in scratch.encoded() {
                let frame_type = encoded.octets.first().map_or(NONE, |octet| octet >> 3 & 15);
                if frame_type < 14 {
                    let request = self.next_request();
                    out.push_with(encoded.duration, |payload| {
                        pack(self.band, &self.format, request, encoded.octets, payload);
                    });
                }
                self.modes.sent();
                self.encoder.set_bitrate(self.modes.bitrate());
            }
            self.scratch = scratch;
            result?;
        }
        Ok(())
    }
}

impl Encoder for AmrEncoder {
    fn format(&self) -> AudioFormat {
        self.encoder.format()
    }

    fn take(&mut self, feedback: Feedback) {
        match feedback {
            Feedback::ModeRequest(mode) => self.modes.request(mode),
            Feedback::StepUp => self.modes.step_up(),
            Feedback::AskFor(mode) => self.ask = Some((mode, ASK_PACKETS)),
        }
    }
}
