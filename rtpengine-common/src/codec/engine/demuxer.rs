//! libavformat: media files of any format, from anything that can be read and positioned. A room of FFI.
//!
//! Only the data handed in is read: a format that refers to other files or to the network gets none of them.

use std::ffi::{CString, c_int, c_void};
use std::io::{Read, Seek, SeekFrom};
use std::ptr::{self, NonNull};
use std::time::Duration;

use ffmpeg_next::ffi::{
    AV_NOPTS_VALUE, AV_TIME_BASE, AVDictionary, AVDiscard, AVERROR, AVERROR_EOF, AVERROR_EXIT,
    AVFMT_FLAG_CUSTOM_IO, AVFormatContext, AVIOContext, AVMediaType, AVSEEK_FLAG_BACKWARD, AVSEEK_FORCE,
    AVSEEK_SIZE, AVStream, EIO, EPERM, av_find_best_stream, av_free, av_freep, av_malloc, av_packet_unref,
    av_read_frame, av_seek_frame, avformat_alloc_context, avformat_close_input, avformat_find_stream_info,
    avformat_open_input, avio_alloc_context, avio_context_free,
};

use super::ffmpeg::{FfmpegDecoder, Packet};
use super::{AudioFormat, CodecError, Decoder};

/// What media is read from.
pub trait MediaData: Read + Seek + Send {}

impl<T: Read + Seek + Send> MediaData for T {}

/// Octets the library asks for at once.
const BUFFER: c_int = 32 * 1024;

/// Octets that may be read to find out what the data is. A format that needs more is none: without the bound a huge file that is not
/// media would be searched to its end.
const PROBE_LIMIT: u64 = 64 * 1024 * 1024;

/// Octets that may be read from one piece of sound to the next.
const STEP_LIMIT: u64 = 64 * 1024 * 1024;

/// Faulty packets in a row after which a file counts as ended.
const MAX_FAULTS: usize = 1000;

fn error(operation: &'static str, code: c_int) -> CodecError {
    CodecError::Library { library: "libavformat", operation, code }
}

/// The reading side, behind the library's pointer.
struct Source {
    data: Box<dyn MediaData>,
    scratch: Box<[u8]>,
    /// Octets that may still be read in this step.
    left: u64,
}

impl Source {
    /// Reads up to `size` octets into the scratch space; tells how many, or the library's error code.
    fn read(&mut self, size: usize) -> c_int {
        if self.left == 0 {
            return AVERROR_EXIT;
        }
        let size = size.min(self.scratch.len());
        let Some(buffer) = self.scratch.get_mut(..size) else { return AVERROR(EIO) };
        loop {
            return match self.data.read(buffer) {
                Ok(0) => AVERROR_EOF,
                Ok(read) => {
                    self.left = self.left.saturating_sub(read as u64);
                    c_int::try_from(read).unwrap_or(AVERROR(EIO))
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => AVERROR(EIO),
            };
        }
    }

    fn seek(&mut self, offset: i64, whence: c_int) -> i64 {
        let failed = i64::from(AVERROR(EIO));
        let unsigned = u64::try_from(offset);
        let position = match whence & !AVSEEK_FORCE {
            AVSEEK_SIZE => return self.size().unwrap_or(failed),
            0 => unsigned.map(SeekFrom::Start).ok(),
            1 => Some(SeekFrom::Current(offset)),
            2 => Some(SeekFrom::End(offset)),
            _ => None,
        };
        let reached = position.and_then(|position| self.data.seek(position).ok());
        reached.and_then(|position| i64::try_from(position).ok()).unwrap_or(failed)
    }

    fn size(&mut self) -> Option<i64> {
        let present = self.data.stream_position().ok()?;
        let end = self.data.seek(SeekFrom::End(0)).ok()?;
        self.data.seek(SeekFrom::Start(present)).ok()?;
        i64::try_from(end).ok()
    }
}

unsafe extern "C" fn read_callback(opaque: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    let Ok(size) = usize::try_from(size) else { return AVERROR(EIO) };
    // SAFETY: `opaque` is the source given to `avio_alloc_context`, used by one thread at a time.
    let source = unsafe { &mut *opaque.cast::<Source>() };
    let code = source.read(size);
    if let Some(octets) = usize::try_from(code).ok().and_then(|count| source.scratch.get(..count)) {
        // SAFETY: the library's buffer has room for `size` octets, and no more than that were read. Nothing else of it may be
        // touched: at the end of the data the library goes on using what was there.
        unsafe { ptr::copy_nonoverlapping(octets.as_ptr(), buffer, octets.len()) };
    }
    code
}

unsafe extern "C" fn seek_callback(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as above.
    unsafe { (*opaque.cast::<Source>()).seek(offset, whence) }
}

/// Formats made of several files get no other file.
unsafe extern "C" fn refuse_open(
    _: *mut AVFormatContext,
    _: *mut *mut AVIOContext,
    _: *const std::ffi::c_char,
    _: c_int,
    _: *mut *mut AVDictionary,
) -> c_int {
    AVERROR(EPERM)
}

/// The library's way to our data: freed after the format context that uses it.
struct Input {
    context: NonNull<AVIOContext>,
    source: NonNull<Source>,
}

impl Input {
    fn new(data: Box<dyn MediaData>) -> Result<Self, CodecError> {
        // SAFETY: allocates; a null result is handled.
        let buffer = unsafe { av_malloc(BUFFER as usize) }.cast::<u8>();
        if buffer.is_null() {
            return Err(error("av_malloc", 0));
        }
        let source = Box::into_raw(Box::new(Source {
            data,
            scratch: vec![0; BUFFER as usize].into(),
            left: PROBE_LIMIT,
        }));
        // SAFETY: buffer and source live until this value is dropped; the context takes the buffer over.
        let context = unsafe {
            avio_alloc_context(
                buffer,
                BUFFER,
                0,
                source.cast(),
                Some(read_callback),
                None,
                Some(seek_callback),
            )
        };
        match (NonNull::new(context), NonNull::new(source)) {
            (Some(context), Some(source)) => Ok(Self { context, source }),
            _ => {
                // SAFETY: both were allocated above and nobody else has them.
                unsafe {
                    av_free(buffer.cast());
                    drop(Box::from_raw(source));
                }
                Err(error("avio_alloc_context", 0))
            }
        }
    }

    /// Begins a step that may read so many octets.
    fn allow(&mut self, octets: u64) {
        // SAFETY: the source is valid, and the library is not at work while we are.
        unsafe { self.source.as_mut().left = octets };
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: context, its present buffer (the library may have replaced ours) and the source are freed once.
        unsafe {
            av_freep((&raw mut (*context).buffer).cast());
            avio_context_free(&raw mut context);
            drop(Box::from_raw(self.source.as_ptr()));
        }
    }
}

/// An open format context.
struct Format(NonNull<AVFormatContext>);

impl Drop for Format {
    fn drop(&mut self) {
        let mut context = self.0.as_ptr();
        // SAFETY: the context is open and closed once; its input, being ours, is left alone.
        unsafe { avformat_close_input(&raw mut context) };
    }
}

/// What a step brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demuxed {
    /// Sound was decoded from a packet at this position, in ticks of the time base.
    Packet {
        /// Position, as far as the format knows it.
        position: Option<i64>,
    },
    /// The end of the data; the last sound is out.
    End,
}

/// The sound of a media file: the best audio stream, decoded.
pub struct Demuxer {
    decoder: FfmpegDecoder,
    packet: Packet,
    stream: c_int,
    time_base: (u32, u32),
    start: i64,
    duration: Option<Duration>,
    ended: bool,
    // Freed in this order.
    format: Format,
    input: Input,
}

// SAFETY: everything has one owner, and the library keeps no thread-local state about it.
unsafe impl Send for Demuxer {}

impl Demuxer {
    /// Finds out what the data is and opens its sound. `extension` is that of the file's name: some formats show in nothing else.
    ///
    /// # Errors
    /// If it is no media, has no sound, or its codec has no decoder.
    pub fn open(data: Box<dyn MediaData>, extension: Option<&str>) -> Result<Self, CodecError> {
        super::ffmpeg::quiet();
        let plain = |text: &&str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric());
        let name = extension.filter(plain).map(|text| format!("media.{text}")).unwrap_or_default();
        let name = CString::new(name).unwrap_or_default();
        let input = Input::new(data)?;
        // SAFETY: allocates; a null result is handled.
        let context = NonNull::new(unsafe { avformat_alloc_context() });
        let context = context.ok_or_else(|| error("avformat_alloc_context", 0))?;
        // SAFETY: the context is valid and not open yet. On failure the library frees it.
        let code = unsafe {
            let fields = &mut *context.as_ptr();
            fields.pb = input.context.as_ptr();
            fields.flags |= AVFMT_FLAG_CUSTOM_IO;
            fields.io_open = Some(refuse_open);
            let mut pointer = context.as_ptr();
            avformat_open_input(&raw mut pointer, name.as_ptr(), ptr::null(), ptr::null_mut())
        };
        if code < 0 {
            return Err(error("avformat_open_input", code));
        }
        let format = Format(context);
        // SAFETY: the context is open.
        let code = unsafe { avformat_find_stream_info(context.as_ptr(), ptr::null_mut()) };
        if code < 0 {
            return Err(error("avformat_find_stream_info", code));
        }
        // SAFETY: the context is open; no decoder is asked for.
        let stream = unsafe {
            av_find_best_stream(context.as_ptr(), AVMediaType::AVMEDIA_TYPE_AUDIO, -1, -1, ptr::null_mut(), 0)
        };
        let chosen = pick(&format, stream).ok_or_else(|| error("av_find_best_stream", stream))?;
        // SAFETY: the stream belongs to the open context.
        let (decoder, time_base, start, length) = unsafe {
            let fields = chosen.as_ref();
            let decoder = FfmpegDecoder::for_stream(fields.codecpar, fields.time_base)?;
            let base = (fields.time_base.num, fields.time_base.den);
            (decoder, base, fields.start_time, fields.duration)
        };
        let positive = |n: c_int| u32::try_from(n).ok().filter(|&n| n != 0).unwrap_or(1);
        let time_base = (positive(time_base.0), positive(time_base.1));
        // SAFETY: the context is open.
        let whole = unsafe { (*context.as_ptr()).duration };
        let duration = micros(length, time_base)
            .or_else(|| micros(whole, (1, u32::try_from(AV_TIME_BASE).unwrap_or(1_000_000))));
        let start = if start == AV_NOPTS_VALUE { 0 } else { start };
        Ok(Self {
            decoder,
            packet: Packet::new()?,
            stream,
            time_base,
            start,
            duration,
            ended: false,
            format,
            input,
        })
    }

    /// Length, if the format tells it.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// Seconds per tick of positions, as a fraction.
    #[must_use]
    pub fn time_base(&self) -> (u32, u32) {
        self.time_base
    }

    /// The format of the sound decoded last; before the first one, what the file claims.
    #[must_use]
    pub fn audio(&self) -> AudioFormat {
        self.decoder.format()
    }

    /// Decodes the next packet of sound and appends its samples, interleaved in the format that [`Demuxer::audio`] then says. Faulty
    /// packets are left out.
    ///
    /// # Errors
    /// If the data cannot be read, or is faulty throughout.
    pub fn read(&mut self, out: &mut Vec<i16>) -> Result<Demuxed, CodecError> {
        self.input.allow(STEP_LIMIT);
        let mut faults = 0;
        while !self.ended {
            // SAFETY: context and packet are valid; the packet is empty.
            let code = unsafe { av_read_frame(self.format.0.as_ptr(), self.packet.0.as_ptr()) };
            if code == AVERROR_EOF {
                self.ended = true;
                // SAFETY: no packet: the decoder gives what it holds back.
                let _ = unsafe { self.decoder.push_packet(ptr::null(), out) };
                break;
            }
            if code < 0 {
                return Err(error("av_read_frame", code));
            }
            // SAFETY: the packet was just filled.
            let (stream, pts) = unsafe { (self.packet.0.as_ref().stream_index, self.packet.0.as_ref().pts) };
            let taken = if stream == self.stream {
                // SAFETY: the packet belongs to the stream the decoder was opened for.
                unsafe { self.decoder.push_packet(self.packet.0.as_ptr(), out) }
            } else {
                Ok(())
            };
            // SAFETY: the packet is valid; its data is given back.
            unsafe { av_packet_unref(self.packet.0.as_ptr()) };
            if stream != self.stream {
                continue;
            }
            match taken {
                Ok(()) => {
                    let position = (pts != AV_NOPTS_VALUE).then_some(pts);
                    return Ok(Demuxed::Packet { position });
                }
                Err(error) => {
                    faults += 1;
                    if faults >= MAX_FAULTS {
                        return Err(error);
                    }
                }
            }
        }
        Ok(Demuxed::End)
    }

    /// Goes to a position in ticks of the time base; where that is impossible the next sound is whatever comes. Says whether the library
    /// could do it.
    pub fn seek(&mut self, position: i64) -> bool {
        self.input.allow(STEP_LIMIT);
        self.ended = false;
        // SAFETY: the context is open and the stream one of its own.
        let code = unsafe {
            av_seek_frame(self.format.0.as_ptr(), self.stream, position, AVSEEK_FLAG_BACKWARD as c_int)
        };
        self.decoder.flush();
        code >= 0
    }

    /// Goes back to the beginning.
    pub fn rewind(&mut self) -> bool {
        self.seek(self.start)
    }
}

/// The stream of a number; all others are not even read where the format allows it.
fn pick(format: &Format, number: c_int) -> Option<NonNull<AVStream>> {
    let number = usize::try_from(number).ok()?;
    // SAFETY: the context is open and has `nb_streams` valid stream pointers.
    unsafe {
        let fields = format.0.as_ref();
        let count = usize::try_from(fields.nb_streams).ok()?;
        if fields.streams.is_null() || number >= count {
            return None;
        }
        for at in (0..count).filter(|&at| at != number) {
            (**fields.streams.add(at)).discard = AVDiscard::AVDISCARD_ALL;
        }
        NonNull::new(*fields.streams.add(number))
    }
}

fn micros(ticks: i64, (num, den): (u32, u32)) -> Option<Duration> {
    if ticks == AV_NOPTS_VALUE || ticks <= 0 {
        return None;
    }
    let micros = i128::from(ticks) * i128::from(num) * 1_000_000 / i128::from(den.max(1));
    u64::try_from(micros).ok().filter(|&micros| micros > 0).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A WAV file of 16-bit samples.
    fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut file = b"RIFF".to_vec();
        file.extend((36 + data.len() as u32).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(16u32.to_le_bytes());
        file.extend(1u16.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend((rate * u32::from(channels) * 2).to_le_bytes());
        file.extend((channels * 2).to_le_bytes());
        file.extend(16u16.to_le_bytes());
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    fn open(data: Vec<u8>) -> Result<Demuxer, CodecError> {
        Demuxer::open(Box::new(Cursor::new(data)), None)
    }

    fn read_all(demuxer: &mut Demuxer) -> (Vec<i16>, Vec<i64>) {
        let (mut samples, mut positions) = (Vec::new(), Vec::new());
        while let Demuxed::Packet { position } = demuxer.read(&mut samples).unwrap() {
            positions.extend(position);
        }
        (samples, positions)
    }

    #[test]
    fn a_wav_file_comes_out_as_it_is() {
        let samples: Vec<i16> = (0..8000).map(|n| (n % 251) as i16 * 100).collect();
        let mut demuxer = open(wav(8000, 1, &samples)).unwrap();
        assert_eq!(demuxer.duration(), Some(Duration::from_secs(1)));
        assert_eq!(demuxer.time_base(), (1, 8000));
        let (read, positions) = read_all(&mut demuxer);
        assert_eq!(read, samples);
        assert_eq!(demuxer.audio(), AudioFormat { rate: 8000, channels: 1 });
        assert_eq!(positions.first(), Some(&0));
        assert!(positions.is_sorted());
        assert!(demuxer.rewind());
        assert_eq!(read_all(&mut demuxer).0, samples, "and again");
        assert!(demuxer.seek(4000));
        assert_eq!(read_all(&mut demuxer).0.len(), 4000);
    }

    #[test]
    fn stereo_keeps_its_channels() {
        let samples: Vec<i16> = (0..2000).map(|n| if n % 2 == 0 { 1000 } else { -1000 }).collect();
        let mut demuxer = open(wav(16000, 2, &samples)).unwrap();
        assert_eq!(read_all(&mut demuxer).0, samples);
        assert_eq!(demuxer.audio(), AudioFormat { rate: 16000, channels: 2 });
    }

    #[test]
    fn what_is_no_media_is_refused() {
        assert!(open(Vec::new()).is_err());
        assert!(open(b"Lorem ipsum dolor sit amet, consectetur adipisici elit".repeat(50)).is_err());
        assert!(open(vec![0; 100_000]).is_err());
        // A play list refers to other files: they are not opened, whatever the name says.
        let list = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n".to_vec();
        for extension in [None, Some("m3u8"), Some("m3u"), Some("jpg")] {
            assert!(Demuxer::open(Box::new(Cursor::new(list.clone())), extension).is_err());
        }
    }

    #[test]
    fn a_truncated_file_plays_as_far_as_it_goes() {
        let mut file = wav(8000, 1, &[77; 8000]);
        file.truncate(file.len() - 8000);
        let mut demuxer = open(file).unwrap();
        let read = read_all(&mut demuxer).0;
        assert_eq!(read.len(), 4000);
        assert!(read.iter().all(|&sample| sample == 77));
    }

    #[test]
    fn an_impossible_position_ends_somewhere() {
        let mut demuxer = open(wav(8000, 1, &[5; 800])).unwrap();
        demuxer.seek(i64::MAX);
        let _ = read_all(&mut demuxer);
        demuxer.seek(-5);
        assert_eq!(read_all(&mut demuxer).0.len(), 800);
    }
}
