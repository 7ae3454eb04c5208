//! libavcodec: a room of FFI. Contexts, packets and frames are owned by one value each and freed with it.

use std::ffi::{CString, c_int};
use std::ptr::{self, NonNull};
use std::sync::Once;

use ffmpeg_next::ffi::{
    AV_LOG_QUIET, AVCodec, AVCodecContext, AVCodecParameters, AVERROR, AVERROR_EOF, AVFrame, AVPacket,
    AVRational, AVSampleFormat, EAGAIN, av_channel_layout_default, av_dict_free, av_dict_set, av_frame_alloc,
    av_frame_free, av_frame_get_buffer, av_frame_unref, av_log_set_level, av_packet_alloc, av_packet_free,
    av_packet_unref, avcodec_alloc_context3, avcodec_find_decoder, avcodec_find_decoder_by_name,
    avcodec_find_encoder_by_name, avcodec_flush_buffers, avcodec_free_context, avcodec_open2,
    avcodec_parameters_to_context, avcodec_receive_frame, avcodec_receive_packet, avcodec_send_frame,
    avcodec_send_packet,
};

use super::resampler::{Resampler, SampleLayout};
use super::{AudioFormat, CodecError, Coder, Decoder, Encoder, Frame, Frames};

/// Greatest number of frames that one payload can make a decoder give: more is an attack or a fault.
const MAX_FRAMES_PER_PAYLOAD: usize = 1024;
/// Audio taken out of one payload, in ms: frames that describe silence have so few octets (G.723: 4 for 30 ms) that one datagram of them
/// would else become hundreds.
const MAX_AUDIO_MS: u32 = 1000;

pub(super) fn quiet() {
    static ONCE: Once = Once::new();
    // SAFETY: sets one integer inside the library; messages of libavcodec about foreign payloads are not wanted on stderr.
    ONCE.call_once(|| unsafe { av_log_set_level(AV_LOG_QUIET) });
}

fn error(operation: &'static str, code: c_int) -> CodecError {
    CodecError::Library { library: "libavcodec", operation, code }
}

fn find(names: &[&str], encoder: bool) -> Option<NonNull<AVCodec>> {
    quiet();
    names.iter().find_map(|name| {
        let name = CString::new(*name).ok()?;
        // SAFETY: the name is a valid C string for the call; the library returns a static description or null.
        let codec = unsafe {
            if encoder {
                avcodec_find_encoder_by_name(name.as_ptr())
            } else {
                avcodec_find_decoder_by_name(name.as_ptr())
            }
        };
        NonNull::new(codec.cast_mut())
    })
}

/// Has the library an encoder of one of these names?
#[must_use]
pub fn has_encoder(names: &[&str]) -> bool {
    find(names, true).is_some()
}

/// Has the library a decoder of one of these names?
#[must_use]
pub fn has_decoder(names: &[&str]) -> bool {
    find(names, false).is_some()
}

/// An owned codec context.
struct Context(NonNull<AVCodecContext>);

// SAFETY: the context is used by one owner at a time, libavcodec keeps no thread-local state in it.
unsafe impl Send for Context {}

impl Context {
    fn new(codec: NonNull<AVCodec>, format: AudioFormat) -> Result<Self, CodecError> {
        // SAFETY: the codec is a static description of the library.
        let context = NonNull::new(unsafe { avcodec_alloc_context3(codec.as_ptr()) });
        let context = Self(context.ok_or_else(|| error("avcodec_alloc_context3", 0))?);
        let rate = c_int::try_from(format.rate).map_err(|_| error("sample rate", 0))?;
        let channels = c_int::try_from(format.channels).map_err(|_| error("channels", 0))?;
        // SAFETY: the context is valid and not open yet; its fields may be set.
        unsafe {
            let fields = &mut *context.0.as_ptr();
            fields.sample_rate = rate;
            av_channel_layout_default(&raw mut fields.ch_layout, channels);
            fields.time_base = AVRational { num: 1, den: rate };
            fields.thread_count = 1;
        }
        Ok(context)
    }

    fn open(&mut self, codec: NonNull<AVCodec>, options: &[(&str, &str)]) -> Result<(), CodecError> {
        let mut dictionary = ptr::null_mut();
        for (key, value) in options {
            let (Ok(key), Ok(value)) = (CString::new(*key), CString::new(*value)) else { continue };
            // SAFETY: both strings live for the call and are copied; the dictionary is made by the first call.
            unsafe { av_dict_set(&raw mut dictionary, key.as_ptr(), value.as_ptr(), 0) };
        }
        // SAFETY: context and codec belong together; the dictionary is valid or null.
        let code = unsafe { avcodec_open2(self.0.as_ptr(), codec.as_ptr(), &raw mut dictionary) };
        // SAFETY: frees what the library left of the dictionary.
        unsafe { av_dict_free(&raw mut dictionary) };
        if code < 0 { Err(error("avcodec_open2", code)) } else { Ok(()) }
    }

    fn fields(&self) -> &AVCodecContext {
        // SAFETY: the context is valid as long as this value lives.
        unsafe { self.0.as_ref() }
    }

    fn fields_mut(&mut self) -> &mut AVCodecContext {
        // SAFETY: as above, and borrowed mutably.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut context = self.0.as_ptr();
        // SAFETY: the context was allocated by the library and is freed once.
        unsafe { avcodec_free_context(&raw mut context) };
    }
}

/// An owned packet.
pub(super) struct Packet(pub(super) NonNull<AVPacket>);

// SAFETY: a packet is plain data with one owner.
unsafe impl Send for Packet {}

impl Packet {
    pub(super) fn new() -> Result<Self, CodecError> {
        // SAFETY: allocates.
        NonNull::new(unsafe { av_packet_alloc() }).map(Self).ok_or_else(|| error("av_packet_alloc", 0))
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut packet = self.0.as_ptr();
        // SAFETY: the packet was allocated by the library and is freed once.
        unsafe { av_packet_free(&raw mut packet) };
    }
}

/// An owned frame of audio.
struct AudioFrame(NonNull<AVFrame>);

// SAFETY: a frame is plain data with one owner.
unsafe impl Send for AudioFrame {}

impl AudioFrame {
    fn new() -> Result<Self, CodecError> {
        // SAFETY: allocates.
        NonNull::new(unsafe { av_frame_alloc() }).map(Self).ok_or_else(|| error("av_frame_alloc", 0))
    }

    fn fields(&self) -> &AVFrame {
        // SAFETY: valid as long as this value lives.
        unsafe { self.0.as_ref() }
    }

    /// The samples of all planes, as octets, for as many samples as the frame has.
    fn planes(&self, layout: SampleLayout, channels: usize) -> Option<Planes<'_>> {
        let fields = self.fields();
        let samples = usize::try_from(fields.nb_samples).ok()?;
        let (planes, per_plane) =
            if layout.is_planar() { (channels, samples) } else { (1, samples * channels) };
        if fields.extended_data.is_null() {
            return None;
        }
        // SAFETY: a decoded audio frame has one data pointer per plane in `extended_data`, each valid for `nb_samples` samples
        // (times the channels if interleaved) of its format.
        let pointers =
            unsafe { std::slice::from_raw_parts(fields.extended_data.cast::<*const u8>(), planes) };
        let octets = per_plane * layout.octets();
        Some(Planes { pointers, octets, samples })
    }
}

/// The data of a decoded frame.
struct Planes<'a> {
    pointers: &'a [*const u8],
    octets: usize,
    samples: usize,
}

impl Drop for AudioFrame {
    fn drop(&mut self) {
        let mut frame = self.0.as_ptr();
        // SAFETY: the frame was allocated by the library and is freed once.
        unsafe { av_frame_free(&raw mut frame) };
    }
}

/// A decoder of libavcodec.
pub struct FfmpegDecoder {
    context: Context,
    packet: Packet,
    frame: AudioFrame,
    format: AudioFormat,
    /// Conversion of other sample formats than 16-bit interleaved.
    convert: Option<(SampleLayout, AudioFormat, Resampler)>,
}

impl FfmpegDecoder {
    /// Opens the first decoder there is of these names. `format` is what the payload is said to hold; a decoder may find
    /// another one in the payload.
    ///
    /// # Errors
    /// If there is none, or it cannot be opened.
    pub fn open(names: &[&str], format: AudioFormat) -> Result<Self, CodecError> {
        Self::open_with(names, format, 0)
    }

    /// As [`FfmpegDecoder::open`], for codecs whose payload does not say how many bits a sample has.
    ///
    /// # Errors
    /// As [`FfmpegDecoder::open`].
    pub fn open_with(names: &[&str], format: AudioFormat, bits: u32) -> Result<Self, CodecError> {
        let codec = find(names, false).ok_or_else(|| not_found(names, "decoder"))?;
        let mut context = Context::new(codec, format)?;
        context.fields_mut().bits_per_coded_sample = c_int::try_from(bits).unwrap_or(0);
        context.open(codec, &[])?;
        Ok(Self { context, packet: Packet::new()?, frame: AudioFrame::new()?, format, convert: None })
    }

    /// Opens a comfort noise decoder: every packet makes noise of `ptime` ms.
    ///
    /// # Errors
    /// As [`FfmpegDecoder::open`].
    pub fn open_noise(names: &[&str], format: AudioFormat, ptime: u32) -> Result<Self, CodecError> {
        let mut decoder = Self::open(names, format)?;
        let samples = AudioFormat { channels: 1, ..format }.samples_in(ptime.clamp(1, 1000));
        decoder.context.fields_mut().frame_size = c_int::try_from(samples).unwrap_or(0);
        Ok(decoder)
    }

    /// Opens a decoder for frames of a fixed number of octets.
    fn open_blocks(names: &[&str], format: AudioFormat, octets: c_int) -> Result<Self, CodecError> {
        let codec = find(names, false).ok_or_else(|| not_found(names, "decoder"))?;
        let mut context = Context::new(codec, format)?;
        context.fields_mut().block_align = octets;
        context.open(codec, &[])?;
        Ok(Self { context, packet: Packet::new()?, frame: AudioFrame::new()?, format, convert: None })
    }

    /// Opens a decoder for a stream of a media file, whose time stamps have this base.
    ///
    /// # Errors
    /// As [`FfmpegDecoder::open`].
    ///
    /// # Safety
    /// `parameters` must be those of a stream of an open file.
    pub(super) unsafe fn for_stream(
        parameters: *const AVCodecParameters,
        time_base: AVRational,
    ) -> Result<Self, CodecError> {
        // SAFETY: the caller vouches for the parameters; the library returns a static description or null.
        let codec = unsafe { avcodec_find_decoder((*parameters).codec_id) };
        let codec = NonNull::new(codec.cast_mut()).ok_or_else(|| error("avcodec_find_decoder", 0))?;
        let format = AudioFormat { rate: 8000, channels: 1 };
        let mut context = Context::new(codec, format)?;
        // SAFETY: the context is valid and not open yet.
        let code = unsafe { avcodec_parameters_to_context(context.0.as_ptr(), parameters) };
        if code < 0 {
            return Err(error("avcodec_parameters_to_context", code));
        }
        context.fields_mut().pkt_timebase = time_base;
        context.open(codec, &[])?;
        let positive = |n: c_int| u32::try_from(n).ok().filter(|&n| n != 0);
        let fields = context.fields();
        let rate = positive(fields.sample_rate).unwrap_or(format.rate);
        let channels = positive(fields.ch_layout.nb_channels).unwrap_or(format.channels);
        let format = AudioFormat { rate, channels };
        Ok(Self { context, packet: Packet::new()?, frame: AudioFrame::new()?, format, convert: None })
    }

    /// Decodes a packet of a media file; without one, what the decoder holds back comes out.
    ///
    /// # Safety
    /// `packet` must be null or a packet of the stream the decoder was opened for.
    pub(super) unsafe fn push_packet(
        &mut self,
        packet: *const AVPacket,
        out: &mut Vec<i16>,
    ) -> Result<(), CodecError> {
        // SAFETY: the caller vouches for the packet.
        let code = unsafe { avcodec_send_packet(self.context.0.as_ptr(), packet) };
        if code < 0 {
            return Err(error("avcodec_send_packet", code));
        }
        for _ in 0..MAX_FRAMES_PER_PAYLOAD {
            if !self.receive(out)? {
                break;
            }
        }
        Ok(())
    }

    /// Forgets what was decoded so far: the next packet is from elsewhere.
    pub(super) fn flush(&mut self) {
        // SAFETY: the context is open.
        unsafe { avcodec_flush_buffers(self.context.0.as_ptr()) };
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        let size = c_int::try_from(payload.len()).map_err(|_| CodecError::Payload("too long"))?;
        // SAFETY: the packet borrows the payload for this call only: without a buffer reference of its own the library copies the
        // data (with padding) before it returns. The data pointer is taken back afterwards.
        let code = unsafe {
            let packet = self.packet.0.as_ptr();
            (*packet).data = payload.as_ptr().cast_mut();
            (*packet).size = size;
            let code = avcodec_send_packet(self.context.0.as_ptr(), packet);
            (*packet).data = ptr::null_mut();
            (*packet).size = 0;
            code
        };
        if code < 0 { Err(error("avcodec_send_packet", code)) } else { Ok(()) }
    }

    /// Takes one decoded frame; `false` if there is none.
    fn receive(&mut self, out: &mut Vec<i16>) -> Result<bool, CodecError> {
        // SAFETY: context and frame are valid; the library replaces what the frame had.
        let code = unsafe { avcodec_receive_frame(self.context.0.as_ptr(), self.frame.0.as_ptr()) };
        if code == AVERROR(EAGAIN) || code == AVERROR_EOF {
            return Ok(false);
        }
        if code < 0 {
            return Err(error("avcodec_receive_frame", code));
        }
        let result = self.take_frame(out);
        // SAFETY: the frame is valid; its data is given back.
        unsafe { av_frame_unref(self.frame.0.as_ptr()) };
        result.map(|()| true)
    }

    fn take_frame(&mut self, out: &mut Vec<i16>) -> Result<(), CodecError> {
        let fields = self.frame.fields();
        let layout =
            SampleLayout::from_raw(fields.format).ok_or(CodecError::Payload("unknown sample format"))?;
        let positive = |n: c_int| u32::try_from(n).ok().filter(|&n| n != 0);
        let channels = positive(fields.ch_layout.nb_channels).filter(|&n| n <= 8);
        let rate = positive(fields.sample_rate).or(positive(self.context.fields().sample_rate));
        let (Some(rate), Some(channels)) = (rate, channels) else {
            return Err(CodecError::Payload("no sample rate or channels"));
        };
        let format = AudioFormat { rate, channels };
        self.format = format;
        let Some(planes) = self.frame.planes(layout, channels as usize) else { return Ok(()) };
        if layout == SampleLayout::INTERLEAVED_16 {
            let Some(&data) = planes.pointers.first() else { return Ok(()) };
            // SAFETY: `planes` says that the plane holds this many octets of 16-bit samples; the library aligns them.
            let samples = unsafe { std::slice::from_raw_parts(data.cast::<i16>(), planes.octets / 2) };
            out.extend_from_slice(samples);
            return Ok(());
        }
        let fits = self.convert.as_ref().is_some_and(|(l, f, _)| *l == layout && *f == format);
        if !fits {
            let resampler = Resampler::with_layouts(format, layout, format, SampleLayout::INTERLEAVED_16)?;
            self.convert = Some((layout, format, resampler));
        }
        let Some((_, _, resampler)) = &mut self.convert else { return Ok(()) };
        // SAFETY: the planes are as many as the layout has, each with `samples` samples.
        unsafe { resampler.convert_raw(planes.pointers, planes.samples, out) }
    }
}

impl Coder for FfmpegDecoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Encoded(payload) = frame else { return Err(CodecError::WrongFrame) };
        if payload.is_empty() {
            // An empty packet would end the stream for the library.
            return Ok(());
        }
        self.send(payload)?;
        let before = out.samples().len();
        for _ in 0..MAX_FRAMES_PER_PAYLOAD {
            if !self.receive(out.samples_mut())? {
                return Ok(());
            }
            if out.samples().len() - before > self.format.samples_in(MAX_AUDIO_MS) {
                break;
            }
        }
        // The library still holds the rest of the payload, which would stand in the way of the next one.
        // SAFETY: the context is valid and open.
        unsafe { avcodec_flush_buffers(self.context.0.as_ptr()) };
        Err(CodecError::Payload("more audio than a packet may hold"))
    }
}

impl Decoder for FfmpegDecoder {
    fn format(&self) -> AudioFormat {
        self.format
    }
}

/// A decoder of iLBC: the frame length shows in the payload's length and may change (`codecs.md` §17.4).
pub struct IlbcDecoder {
    names: &'static [&'static str],
    format: AudioFormat,
    decoder: Option<(usize, FfmpegDecoder)>,
}

/// Octets of an iLBC frame of 20 and of 30 ms (RFC 3951 §3.8).
const ILBC_20: usize = 38;
const ILBC_30: usize = 50;

impl IlbcDecoder {
    /// A decoder of one of these names.
    #[must_use]
    pub fn new(names: &'static [&'static str], format: AudioFormat) -> Self {
        Self { names, format, decoder: None }
    }
}

impl Coder for IlbcDecoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Encoded(payload) = frame else { return Err(CodecError::WrongFrame) };
        let size = if payload.len().is_multiple_of(ILBC_30) { ILBC_30 } else { ILBC_20 };
        if !payload.len().is_multiple_of(size) {
            return Err(CodecError::Payload("length is no number of iLBC frames"));
        }
        if self.decoder.as_ref().is_none_or(|(open, _)| *open != size) {
            let octets = c_int::try_from(size).unwrap_or(0);
            self.decoder = Some((size, FfmpegDecoder::open_blocks(self.names, self.format, octets)?));
        }
        let Some((_, decoder)) = &mut self.decoder else { return Ok(()) };
        payload.chunks_exact(size).try_for_each(|frame| decoder.push(Frame::Encoded(frame), out))
    }
}

impl Decoder for IlbcDecoder {
    fn format(&self) -> AudioFormat {
        self.format
    }
}

/// What an encoder is opened with.
#[derive(Clone, Copy, Debug)]
pub struct EncoderSpec<'a> {
    /// What will be encoded.
    pub format: AudioFormat,
    /// Bit rate in bit/s, 0 = the encoder's default.
    pub bitrate: u32,
    /// Samples per channel and frame, for encoders that take any number.
    pub frame_samples: usize,
    /// Options for the library, by name.
    pub options: &'a [(&'a str, &'a str)],
}

/// An encoder of libavcodec. It collects samples until it has a frame.
pub struct FfmpegEncoder {
    context: Context,
    packet: Packet,
    frame: AudioFrame,
    format: AudioFormat,
    layout: SampleLayout,
    /// Conversion into other sample formats than 16-bit interleaved.
    convert: Option<Resampler>,
    /// Samples per channel and frame.
    frame_samples: usize,
    /// What waits for a full frame.
    pending: Vec<i16>,
    position: i64,
}

impl FfmpegEncoder {
    /// Opens the first encoder there is of these names.
    ///
    /// # Errors
    /// If there is none, or it cannot be opened with these values.
    pub fn open(names: &[&str], spec: &EncoderSpec<'_>) -> Result<Self, CodecError> {
        let codec = find(names, true).ok_or_else(|| not_found(names, "encoder"))?;
        let mut context = Context::new(codec, spec.format)?;
        let layout = sample_layout(codec);
        context.fields_mut().sample_fmt = layout.raw();
        // 0 is "your default" to the encoders, other than the default of the field.
        context.fields_mut().bit_rate = spec.bitrate.into();
        context.open(codec, spec.options)?;
        let fixed = usize::try_from(context.fields().frame_size).unwrap_or(0);
        let any_size = fixed == 0 || takes_any_size(names);
        let frame_samples = if any_size { spec.frame_samples.max(1) } else { fixed };
        if any_size && fixed != 0 {
            // What the library suggests is a matter of efficiency there.
            context.fields_mut().frame_size = c_int::try_from(frame_samples).unwrap_or(0);
        }
        let convert = if layout == SampleLayout::INTERLEAVED_16 {
            None
        } else {
            Some(Resampler::with_layouts(spec.format, SampleLayout::INTERLEAVED_16, spec.format, layout)?)
        };
        Ok(Self {
            context,
            packet: Packet::new()?,
            frame: AudioFrame::new()?,
            format: spec.format,
            layout,
            convert,
            frame_samples,
            pending: Vec::new(),
            position: 0,
        })
    }

    /// Samples per channel in a frame.
    #[must_use]
    pub fn frame_samples(&self) -> usize {
        self.frame_samples
    }

    /// Changes the bit rate for the following frames, in encoders that look at it per frame (AMR).
    pub fn set_bitrate(&mut self, bitrate: u32) {
        self.context.fields_mut().bit_rate = bitrate.into();
    }

    /// Encodes one full frame of interleaved samples.
    fn encode(&mut self, samples: &[i16], out: &mut Frames) -> Result<(), CodecError> {
        self.fill(samples)?;
        // SAFETY: context and frame are valid and fit each other; the library takes references of its own.
        let code = unsafe { avcodec_send_frame(self.context.0.as_ptr(), self.frame.0.as_ptr()) };
        // SAFETY: the frame is valid; its data is given back.
        unsafe { av_frame_unref(self.frame.0.as_ptr()) };
        if code < 0 {
            return Err(error("avcodec_send_frame", code));
        }
        for _ in 0..MAX_FRAMES_PER_PAYLOAD {
            if !self.receive(out)? {
                break;
            }
        }
        Ok(())
    }

    /// Puts samples into the frame, in the encoder's own format.
    fn fill(&mut self, samples: &[i16]) -> Result<(), CodecError> {
        let channels = self.format.channels as usize;
        let count = samples.len() / channels.max(1);
        let frame = self.frame.0.as_ptr();
        // SAFETY: the frame is valid and empty; format, layout and size are set before its buffer is allocated.
        let code = unsafe {
            (*frame).nb_samples = c_int::try_from(count).map_err(|_| CodecError::WrongFrame)?;
            (*frame).format = self.layout.raw() as c_int;
            (*frame).sample_rate = self.context.fields().sample_rate;
            av_channel_layout_default(&raw mut (*frame).ch_layout, c_int::try_from(channels).unwrap_or(0));
            (*frame).pts = self.position;
            av_frame_get_buffer(frame, 0)
        };
        if code < 0 {
            return Err(error("av_frame_get_buffer", code));
        }
        self.position = self.position.wrapping_add(i64::try_from(count).unwrap_or(0));
        match &mut self.convert {
            None => {
                // SAFETY: the buffer was allocated for `count` interleaved 16-bit samples of all channels.
                unsafe {
                    let data = (*frame).data[0].cast::<i16>();
                    ptr::copy_nonoverlapping(samples.as_ptr(), data, count * channels);
                }
                Ok(())
            }
            Some(convert) => {
                let planes = if self.layout.is_planar() { channels } else { 1 };
                // SAFETY: the frame has this many planes with room for `count` samples each.
                unsafe {
                    let pointers = std::slice::from_raw_parts((*frame).extended_data, planes);
                    convert.convert_into_raw(samples, pointers, count)
                }
            }
        }
    }

    fn receive(&mut self, out: &mut Frames) -> Result<bool, CodecError> {
        // SAFETY: context and packet are valid; the library replaces what the packet had.
        let code = unsafe { avcodec_receive_packet(self.context.0.as_ptr(), self.packet.0.as_ptr()) };
        if code == AVERROR(EAGAIN) || code == AVERROR_EOF {
            return Ok(false);
        }
        if code < 0 {
            return Err(error("avcodec_receive_packet", code));
        }
        // SAFETY: after success the packet holds `size` octets at `data`, until it is given back below.
        unsafe {
            let packet = self.packet.0.as_ptr();
            if let (Ok(size), false) = (usize::try_from((*packet).size), (*packet).data.is_null()) {
                let octets = std::slice::from_raw_parts((*packet).data, size);
                out.push_encoded(octets, u32::try_from(self.frame_samples).unwrap_or(0));
            }
            av_packet_unref(packet);
        }
        Ok(true)
    }
}

impl Coder for FfmpegEncoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Frames) -> Result<(), CodecError> {
        let Frame::Samples(samples) = frame else { return Err(CodecError::WrongFrame) };
        let size = self.frame_samples * self.format.channels as usize;
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(samples);
        let mut result = Ok(());
        for chunk in pending.chunks_exact(size.max(1)) {
            result = result.and(self.encode(chunk, out));
        }
        let rest = pending.len() % size.max(1);
        pending.drain(..pending.len() - rest);
        self.pending = pending;
        result
    }
}

impl Encoder for FfmpegEncoder {
    fn format(&self) -> AudioFormat {
        self.format
    }
}

fn not_found(names: &[&str], direction: &'static str) -> CodecError {
    CodecError::NotSupported { codec: names.first().copied().unwrap_or("").into(), direction }
}

/// G.722 and G.726 encoders suggest a frame size; any whole number of octets is a frame for them.
fn takes_any_size(names: &[&str]) -> bool {
    names.iter().any(|name| name.starts_with("g726"))
}

/// The sample format to encode from: 16-bit interleaved where the encoder takes it, else its first one.
fn sample_layout(codec: NonNull<AVCodec>) -> SampleLayout {
    // SAFETY: the description is static; its list of formats is null or ends with the format "none".
    unsafe {
        let mut format = codec.as_ref().sample_fmts;
        let mut first = None;
        while !format.is_null() && *format != AVSampleFormat::AV_SAMPLE_FMT_NONE {
            let layout = SampleLayout::from_format(*format);
            if layout == SampleLayout::INTERLEAVED_16 {
                return layout;
            }
            first = first.or(Some(layout));
            format = format.add(1);
        }
        first.unwrap_or(SampleLayout::INTERLEAVED_16)
    }
}
