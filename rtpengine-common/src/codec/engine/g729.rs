//! G.729 through bcg729. A room of FFI.

use std::ffi::c_void;
use std::ptr::NonNull;

use super::{AudioFormat, CodecError, Coder, Decoder, Encoder, Frame, Frames};

#[link(name = "bcg729")]
unsafe extern "C" {
    fn initBcg729EncoderChannel(enable_vad: u8) -> *mut c_void;
    fn closeBcg729EncoderChannel(channel: *mut c_void);
    fn bcg729Encoder(channel: *mut c_void, frame: *const i16, bits: *mut u8, length: *mut u8);
    fn initBcg729DecoderChannel() -> *mut c_void;
    fn closeBcg729DecoderChannel(channel: *mut c_void);
    fn bcg729Decoder(
        channel: *mut c_void,
        bits: *const u8,
        length: u8,
        erasure: u8,
        sid: u8,
        rfc3389: u8,
        signal: *mut i16,
    );
}

/// Octets of a speech frame and of a noise frame.
const SPEECH: usize = 10;
const NOISE: usize = 2;
/// Samples in a frame of 10 ms.
const SAMPLES: usize = 80;

const FORMAT: AudioFormat = AudioFormat { rate: 8000, channels: 1 };

fn error(operation: &'static str) -> CodecError {
    CodecError::Library { library: "bcg729", operation, code: 0 }
}

/// A decoder: payloads are speech frames, the last may be a noise frame.
pub struct G729Decoder(NonNull<c_void>);

// SAFETY: the channel has one owner; the library keeps nothing outside of it.
unsafe impl Send for G729Decoder {}

impl G729Decoder {
    /// Opens a decoder.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn open() -> Result<Self, CodecError> {
        // SAFETY: allocates.
        let channel = NonNull::new(unsafe { initBcg729DecoderChannel() });
        channel.map(Self).ok_or_else(|| error("initBcg729DecoderChannel"))
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) {
        let mut signal = [0; SAMPLES];
        let noise = u8::from(frame.len() == NOISE);
        let length = u8::try_from(frame.len()).unwrap_or(0);
        // SAFETY: the frame has `length` octets, 10 for speech or 2 for noise; the signal has room for a frame.
        unsafe {
            bcg729Decoder(self.0.as_ptr(), frame.as_ptr(), length, 0, noise, 0, signal.as_mut_ptr());
        }
        samples.extend_from_slice(&signal);
    }
}

impl Coder for G729Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Encoded(payload) = frame else { return Err(CodecError::WrongFrame) };
        let speech = payload.chunks_exact(SPEECH);
        let rest = speech.remainder();
        for frame in speech {
            self.decode(frame, out.samples_mut());
        }
        if rest.len() % NOISE != 0 {
            return Err(CodecError::Payload("length is no number of G.729 frames"));
        }
        for frame in rest.chunks_exact(NOISE) {
            self.decode(frame, out.samples_mut());
        }
        Ok(())
    }
}

impl Decoder for G729Decoder {
    fn format(&self) -> AudioFormat {
        FORMAT
    }
}

impl Drop for G729Decoder {
    fn drop(&mut self) {
        // SAFETY: made by the library, closed once.
        unsafe { closeBcg729DecoderChannel(self.0.as_ptr()) };
    }
}

/// An encoder without discontinuous transmission (`codecs.md` §17.3).
pub struct G729Encoder {
    channel: NonNull<c_void>,
    pending: Vec<i16>,
}

// SAFETY: the channel has one owner; the library keeps nothing outside of it.
unsafe impl Send for G729Encoder {}

impl G729Encoder {
    /// Opens an encoder.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn open() -> Result<Self, CodecError> {
        // SAFETY: allocates.
        let channel = NonNull::new(unsafe { initBcg729EncoderChannel(0) });
        let channel = channel.ok_or_else(|| error("initBcg729EncoderChannel"))?;
        Ok(Self { channel, pending: Vec::new() })
    }

    fn encode(&mut self, samples: &[i16], out: &mut Frames) {
        let (mut bits, mut length) = ([0; SPEECH], 0u8);
        // SAFETY: `samples` is one frame of 80 samples, `bits` has room for a speech frame, the longest there is.
        unsafe {
            bcg729Encoder(self.channel.as_ptr(), samples.as_ptr(), bits.as_mut_ptr(), &raw mut length);
        }
        let octets = bits.get(..usize::from(length)).unwrap_or_default();
        out.push_encoded(octets, u32::try_from(SAMPLES).unwrap_or(0));
    }
}

impl Coder for G729Encoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Samples(samples) = frame else { return Err(CodecError::WrongFrame) };
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(samples);
        for chunk in pending.chunks_exact(SAMPLES) {
            self.encode(chunk, out);
        }
        let rest = pending.len() % SAMPLES;
        pending.drain(..pending.len() - rest);
        self.pending = pending;
        Ok(())
    }
}

impl Encoder for G729Encoder {
    fn format(&self) -> AudioFormat {
        FORMAT
    }
}

impl Drop for G729Encoder {
    fn drop(&mut self) {
        // SAFETY: made by the library, closed once.
        unsafe { closeBcg729EncoderChannel(self.channel.as_ptr()) };
    }
}
