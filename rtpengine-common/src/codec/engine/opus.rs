//! libopus. A room of FFI: the few functions of its stable interface that are needed.

use std::ffi::{c_int, c_uchar};
use std::ptr::NonNull;

use super::{AudioFormat, CodecError, Coder, Decoder, Encoder, Frame, Frames};

#[repr(C)]
struct OpusEncoderState {
    _private: [u8; 0],
}

#[repr(C)]
struct OpusDecoderState {
    _private: [u8; 0],
}

#[link(name = "opus")]
unsafe extern "C" {
    fn opus_encoder_create(
        rate: i32,
        channels: c_int,
        application: c_int,
        error: *mut c_int,
    ) -> *mut OpusEncoderState;
    fn opus_encoder_destroy(encoder: *mut OpusEncoderState);
    fn opus_encoder_ctl(encoder: *mut OpusEncoderState, request: c_int, ...) -> c_int;
    fn opus_encode(
        encoder: *mut OpusEncoderState,
        pcm: *const i16,
        frame_size: c_int,
        data: *mut c_uchar,
        max_data_bytes: i32,
    ) -> i32;
    fn opus_decoder_create(rate: i32, channels: c_int, error: *mut c_int) -> *mut OpusDecoderState;
    fn opus_decoder_destroy(decoder: *mut OpusDecoderState);
    fn opus_decode(
        decoder: *mut OpusDecoderState,
        data: *const c_uchar,
        len: i32,
        pcm: *mut i16,
        frame_size: c_int,
        decode_fec: c_int,
    ) -> c_int;
}

// opus_defines.h
const SET_BITRATE: c_int = 4002;
const SET_VBR: c_int = 4006;
const SET_COMPLEXITY: c_int = 4010;
const SET_INBAND_FEC: c_int = 4012;
const SET_PACKET_LOSS_PERC: c_int = 4014;
const SET_VBR_CONSTRAINT: c_int = 4020;

/// RFC 6716 §3.4: a packet holds at most 120 ms, and 1275 octets per frame of up to 48 frames; one encoder call makes at most
/// 3 frames of 20 ms out of 60 ms.
const MAX_PAYLOAD: usize = 4000;
const MAX_FRAME_MS: u32 = 120;

/// What the encoder optimises for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Application {
    /// Speech.
    #[default]
    Voip,
    /// Faithful audio.
    Audio,
    /// Lowest delay.
    LowDelay,
}

/// Coder options of a codec string (`codecs.md` §17.2(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// 0 to 10.
    pub complexity: u8,
    /// What to optimise for.
    pub application: Application,
    /// 0 constant bit rate, 1 variable, 2 constrained variable.
    pub vbr: u8,
    /// Expected packet loss in percent.
    pub packet_loss: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { complexity: 10, application: Application::Voip, vbr: 1, packet_loss: 0 }
    }
}

impl Settings {
    /// Reads `key=value;…`. Unknown keys and values are returned for a warning and have no effect.
    pub fn parse(options: &str) -> (Self, Vec<String>) {
        let (mut settings, mut unknown) = (Self::default(), Vec::new());
        for (key, value) in crate::codec::fmtp::pairs(options) {
            if settings.set(key, value).is_none() {
                unknown.push(format!("{key}={value}"));
            }
        }
        (settings, unknown)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let number = |limit: u8| value.parse::<u8>().ok().filter(|&n| n <= limit);
        match key {
            "complexity" | "compression_level" => self.complexity = number(10)?,
            "packet_loss" => self.packet_loss = number(100)?,
            "vbr" | "VBR" => self.vbr = number(2)?,
            "application" => {
                self.application = match value.to_ascii_lowercase().as_str() {
                    "voip" => Application::Voip,
                    "audio" => Application::Audio,
                    "low-delay" | "low delay" | "lowdelay" => Application::LowDelay,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// The encoder's rate for audio of this rate: the nearest one of opus that is not below it (`codecs.md` §14.3(4)).
#[must_use]
pub fn rate_for(rate: u32) -> u32 {
    [8000, 12000, 16000, 24000].into_iter().find(|&r| r >= rate).unwrap_or(48000)
}

fn error(operation: &'static str, code: c_int) -> CodecError {
    CodecError::Library { library: "libopus", operation, code }
}

fn raw(format: AudioFormat) -> Result<(i32, c_int), CodecError> {
    let bad = || CodecError::Parameters { codec: "opus".into(), reason: "rate or channels" };
    let rate = i32::try_from(format.rate).map_err(|_| bad())?;
    match format.channels {
        1 | 2 => Ok((rate, c_int::try_from(format.channels).map_err(|_| bad())?)),
        _ => Err(bad()),
    }
}

/// An encoder; one frame of `ptime` is one payload.
pub struct OpusEncoder {
    state: NonNull<OpusEncoderState>,
    format: AudioFormat,
    /// Samples per channel and frame.
    frame: usize,
    pending: Vec<i16>,
    payload: Box<[u8; MAX_PAYLOAD]>,
}

// SAFETY: the state has one owner; libopus keeps nothing outside of it.
unsafe impl Send for OpusEncoder {}

impl OpusEncoder {
    /// Opens an encoder. `format` must be a rate of opus ([`rate_for`]) with one or two channels, `ptime` 5, 10, 20, 40 or 60 ms;
    /// `fec`: add in-band error correction.
    ///
    /// # Errors
    /// If the library refuses the values.
    pub fn open(
        format: AudioFormat,
        ptime: u32,
        bitrate: u32,
        fec: bool,
        settings: &Settings,
    ) -> Result<Self, CodecError> {
        let (rate, channels) = raw(format)?;
        let application = match settings.application {
            Application::Voip => 2048,
            Application::Audio => 2049,
            Application::LowDelay => 2051,
        };
        let mut code = 0;
        // SAFETY: plain numbers in, the library allocates and reports in `code`.
        let state = unsafe { opus_encoder_create(rate, channels, application, &raw mut code) };
        let state = NonNull::new(state).ok_or_else(|| error("opus_encoder_create", code))?;
        let frame = format.rate as usize * ptime as usize / 1000;
        let mut encoder =
            Self { state, format, frame, pending: Vec::new(), payload: Box::new([0; MAX_PAYLOAD]) };
        let bitrate = c_int::try_from(bitrate).map_err(|_| error("bit rate", 0))?;
        encoder.control(SET_COMPLEXITY, settings.complexity.into())?;
        encoder.control(SET_BITRATE, bitrate)?;
        encoder.control(SET_VBR, c_int::from(settings.vbr != 0))?;
        encoder.control(SET_VBR_CONSTRAINT, c_int::from(settings.vbr == 2))?;
        encoder.control(SET_INBAND_FEC, c_int::from(fec))?;
        encoder.control(SET_PACKET_LOSS_PERC, settings.packet_loss.into())?;
        Ok(encoder)
    }

    fn control(&mut self, request: c_int, value: c_int) -> Result<(), CodecError> {
        // SAFETY: each request used here takes one 32-bit integer.
        let code = unsafe { opus_encoder_ctl(self.state.as_ptr(), request, value) };
        if code < 0 { Err(error("opus_encoder_ctl", code)) } else { Ok(()) }
    }

    fn encode(&mut self, samples: &[i16], out: &mut Frames) -> Result<(), CodecError> {
        let frame = c_int::try_from(self.frame).map_err(|_| CodecError::WrongFrame)?;
        let room = i32::try_from(MAX_PAYLOAD).unwrap_or(i32::MAX);
        // SAFETY: `samples` is one frame of all channels (see `push`), the payload buffer has the size given.
        let written = unsafe {
            opus_encode(self.state.as_ptr(), samples.as_ptr(), frame, self.payload.as_mut_ptr(), room)
        };
        let size = usize::try_from(written).map_err(|_| error("opus_encode", written))?;
        let payload = self.payload.get(..size).unwrap_or_default();
        out.push_encoded(payload, u32::try_from(self.frame).unwrap_or(0));
        Ok(())
    }
}

impl Coder for OpusEncoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Samples(samples) = frame else { return Err(CodecError::WrongFrame) };
        let size = (self.frame * self.format.channels as usize).max(1);
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(samples);
        let mut result = Ok(());
        for chunk in pending.chunks_exact(size) {
            result = result.and(self.encode(chunk, out));
        }
        let rest = pending.len() % size;
        pending.drain(..pending.len() - rest);
        self.pending = pending;
        result
    }
}

impl Encoder for OpusEncoder {
    fn format(&self) -> AudioFormat {
        self.format
    }
}

impl Drop for OpusEncoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_encoder_create, destroyed once.
        unsafe { opus_encoder_destroy(self.state.as_ptr()) };
    }
}

/// A decoder into any rate of opus, one or two channels.
pub struct OpusDecoder {
    state: NonNull<OpusDecoderState>,
    format: AudioFormat,
}

// SAFETY: the state has one owner; libopus keeps nothing outside of it.
unsafe impl Send for OpusDecoder {}

impl OpusDecoder {
    /// Opens a decoder.
    ///
    /// # Errors
    /// If the library refuses the values.
    pub fn open(format: AudioFormat) -> Result<Self, CodecError> {
        let (rate, channels) = raw(format)?;
        let mut code = 0;
        // SAFETY: plain numbers in, the library allocates and reports in `code`.
        let state = unsafe { opus_decoder_create(rate, channels, &raw mut code) };
        let state = NonNull::new(state).ok_or_else(|| error("opus_decoder_create", code))?;
        Ok(Self { state, format })
    }
}

impl Coder for OpusDecoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Encoded(payload) = frame else { return Err(CodecError::WrongFrame) };
        if payload.is_empty() {
            // To the library this means a lost packet; nothing is concealed here (codecs.md §15(5)).
            return Ok(());
        }
        let length = i32::try_from(payload.len()).map_err(|_| CodecError::Payload("too long"))?;
        let most = AudioFormat { channels: 1, ..self.format }.samples_in(MAX_FRAME_MS);
        let channels = self.format.channels as usize;
        let samples = out.samples_mut();
        let start = samples.len();
        samples.resize(start + most * channels, 0);
        let room = samples.get_mut(start..).unwrap_or_default();
        // SAFETY: the payload has `length` octets, the output room for `most` samples of all channels.
        let code = unsafe {
            opus_decode(
                self.state.as_ptr(),
                payload.as_ptr(),
                length,
                room.as_mut_ptr(),
                c_int::try_from(most).unwrap_or(0),
                0,
            )
        };
        samples.truncate(start + usize::try_from(code).unwrap_or(0) * channels);
        if code < 0 { Err(error("opus_decode", code)) } else { Ok(()) }
    }
}

impl Decoder for OpusDecoder {
    fn format(&self) -> AudioFormat {
        self.format
    }
}

impl Drop for OpusDecoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_decoder_create, destroyed once.
        unsafe { opus_decoder_destroy(self.state.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `codecs.md` §17.2(5).
    #[test]
    fn rule_17_2_5_options() {
        let (settings, unknown) = Settings::parse(
            "complexity=3; application=Low Delay;vbr=2;packet_loss=7;x=y;VBR=9;compression_level=11",
        );
        let expected = Settings { complexity: 3, application: Application::LowDelay, vbr: 2, packet_loss: 7 };
        assert_eq!(settings, expected);
        assert_eq!(unknown, ["x=y", "VBR=9", "compression_level=11"]);
        assert_eq!(Settings::parse("application=VOIP").0, Settings::default());
    }

    /// `codecs.md` §14.3(4).
    #[test]
    fn rule_14_3_4_encoder_rate() {
        for (from, to) in
            [(8000, 8000), (11025, 12000), (16000, 16000), (22050, 24000), (32000, 48000), (44100, 48000)]
        {
            assert_eq!(rate_for(from), to);
        }
    }
}
