//! Which engine codes which codec, and with what.

use super::g711::{G711Decoder, G711Encoder, Law};
use super::packer::Packer;
use super::{AudioFormat, CodecError, Decoder, Encoder};
#[cfg(any(feature = "opus", feature = "ffmpeg"))]
use crate::codec::Format;
use crate::codec::table::{Engine, Packing};
use crate::codec::{Codec, CodecDef, CodecId, Support};

fn not_supported(codec: &Codec, direction: &'static str) -> CodecError {
    CodecError::NotSupported { codec: codec.name.as_ref().into(), direction }
}

/// What this build can do with a codec. Asks the libraries; see [`crate::codec::Linked`] for the remembered answer.
pub(in crate::codec) fn linked(def: &CodecDef) -> Support {
    match def.engine {
        Engine::Events | Engine::Table => Support::FULL,
        Engine::Opus => Support { encode: cfg!(feature = "opus"), decode: cfg!(feature = "opus") },
        Engine::Bcg729 => g729_support(),
        Engine::Avcodec { encoders, decoders } => avcodec_support(encoders, decoders),
        Engine::Evs | Engine::None => Support::NONE,
    }
}

#[cfg(feature = "ffmpeg")]
fn avcodec_support(encoders: &[&str], decoders: &[&str]) -> Support {
    Support { encode: super::ffmpeg::has_encoder(encoders), decode: super::ffmpeg::has_decoder(decoders) }
}

#[cfg(not(feature = "ffmpeg"))]
fn avcodec_support(_: &[&str], _: &[&str]) -> Support {
    Support::NONE
}

#[cfg(feature = "bcg729")]
fn g729_support() -> Support {
    Support::FULL
}

#[cfg(not(feature = "bcg729"))]
fn g729_support() -> Support {
    Support { encode: false, ..avcodec_support(&[], &["g729"]) }
}

/// Rates and channels that audio of any kind has. Beyond them a few octets would stand for hours of sound.
const RATES: std::ops::RangeInclusive<u32> = 4000..=192_000;
const CHANNELS: std::ops::RangeInclusive<u32> = 1..=8;

/// Refuses clock rates and channels that cannot be true. Opus has its own rule (`codecs.md` §17.2(1)).
fn plausible(codec: &Codec, id: CodecId) -> Result<(), CodecError> {
    use CodecId::{Amr, AmrWb, Cn, G723, G729, G729a, Gsm, Ilbc, Opus, Speex};
    let fits = match id {
        Opus => true,
        Amr | AmrWb | Cn | G723 | G729 | G729a | Gsm | Ilbc => {
            codec.clock == id.def().clock && codec.channels == 1
        }
        Speex => matches!(codec.clock, 8000 | 16000 | 32000) && codec.channels == 1,
        _ => RATES.contains(&codec.audio_rate()) && CHANNELS.contains(&codec.channels),
    };
    if fits {
        return Ok(());
    }
    Err(CodecError::Parameters { codec: codec.name.as_ref().into(), reason: "clock rate or channels" })
}

/// The audio of a codec's payloads.
fn audio_format(codec: &Codec) -> AudioFormat {
    AudioFormat { rate: codec.audio_rate(), channels: codec.channels }
}

/// The audio to decode into: what the codec has, or for opus what suits the destination (`codecs.md` §§14.4, 17.2).
#[must_use]
pub fn decoded_format(codec: &Codec, destination: &Codec) -> AudioFormat {
    if codec.id != Some(CodecId::Opus) {
        return audio_format(codec);
    }
    let channels = destination.channels.min(codec.channels).clamp(1, 2);
    #[cfg(feature = "opus")]
    let rate = super::opus::rate_for(destination.audio_rate());
    #[cfg(not(feature = "opus"))]
    let rate = codec.clock;
    AudioFormat { rate, channels }
}

/// The audio to encode from, given what was decoded.
#[must_use]
pub fn encoded_format(codec: &Codec, decoded: AudioFormat) -> AudioFormat {
    #[cfg(feature = "opus")]
    if let Format::Opus(parameters) = &codec.format {
        let channels = match parameters.stereo {
            Some(true) => 2,
            Some(false) => 1,
            None => decoded.channels.clamp(1, 2),
        };
        return AudioFormat { rate: super::opus::rate_for(decoded.rate), channels };
    }
    let _ = decoded;
    audio_format(codec)
}

/// Opens a decoder that makes `format` of the payloads of a codec. Codecs other than opus have one format only, and give that.
/// `ptime`: how much noise a CN packet makes, in ms.
///
/// # Errors
/// If the codec has no decoder in this build, or its parameters cannot be used.
pub fn open_decoder(codec: &Codec, format: AudioFormat, ptime: u32) -> Result<Box<dyn Decoder>, CodecError> {
    let Some(id) = codec.id else { return Err(not_supported(codec, "decoder")) };
    plausible(codec, id)?;
    match (id, id.def().engine) {
        (CodecId::Pcma, _) => Ok(Box::new(G711Decoder::new(Law::A, audio_format(codec)))),
        (CodecId::Pcmu, _) => Ok(Box::new(G711Decoder::new(Law::Mu, audio_format(codec)))),
        #[cfg(feature = "opus")]
        (CodecId::Opus, _) => Ok(Box::new(super::opus::OpusDecoder::open(format)?)),
        #[cfg(feature = "bcg729")]
        (CodecId::G729 | CodecId::G729a, _) => Ok(Box::new(super::g729::G729Decoder::open()?)),
        #[cfg(all(feature = "ffmpeg", not(feature = "bcg729")))]
        (CodecId::G729 | CodecId::G729a, _) => {
            Ok(Box::new(super::ffmpeg::FfmpegDecoder::open(&["g729"], audio_format(codec))?))
        }
        #[cfg(feature = "ffmpeg")]
        (_, Engine::Avcodec { decoders, .. }) if !decoders.is_empty() => {
            avcodec_decoder(codec, id, decoders, ptime)
        }
        _ => {
            let _ = (format, ptime);
            Err(not_supported(codec, "decoder"))
        }
    }
}

#[cfg(feature = "ffmpeg")]
fn avcodec_decoder(
    codec: &Codec,
    id: CodecId,
    names: &'static [&'static str],
    ptime: u32,
) -> Result<Box<dyn Decoder>, CodecError> {
    use super::ffmpeg::{FfmpegDecoder, IlbcDecoder};
    let format = audio_format(codec);
    Ok(match id {
        CodecId::Amr | CodecId::AmrWb => {
            let (band, parameters) = amr_parameters(codec, id);
            let options = codec.options.as_deref().unwrap_or("");
            Box::new(super::amr::AmrDecoder::open(band, names, format, parameters, options)?)
        }
        CodecId::Ilbc => {
            ilbc_mode(codec)?;
            Box::new(IlbcDecoder::new(names, format))
        }
        CodecId::Cn => Box::new(FfmpegDecoder::open_noise(names, format, ptime)?),
        _ => Box::new(FfmpegDecoder::open_with(names, format, id.def().bits_per_sample)?),
    })
}

/// The frame length that the format parameters of iLBC give, in ms; they must be exactly one of two texts (`codecs.md` §17.4).
#[cfg(feature = "ffmpeg")]
fn ilbc_mode(codec: &Codec) -> Result<Option<u32>, CodecError> {
    match codec.fmtp.as_deref() {
        None => Ok(None),
        Some("mode=20") => Ok(Some(20)),
        Some("mode=30") => Ok(Some(30)),
        Some(_) => {
            Err(CodecError::Parameters { codec: "iLBC".into(), reason: "neither mode=20 nor mode=30" })
        }
    }
}

#[cfg(feature = "ffmpeg")]
fn amr_parameters(codec: &Codec, id: CodecId) -> (super::rfc4867::Band, crate::codec::amr::Amr) {
    use super::rfc4867::Band;
    let band = if id == CodecId::AmrWb { Band::Wide } else { Band::Narrow };
    let parameters = match &codec.format {
        Format::Amr(amr) => *amr,
        _ => crate::codec::amr::Amr::default(),
    };
    (band, parameters)
}

/// Opens an encoder from `format` and the packer that goes with it, for payloads of `ptime` ms (already raised to what the codec
/// allows).
///
/// # Errors
/// If the codec has no encoder in this build, or its parameters cannot be used.
pub fn open_encoder(
    codec: &Codec,
    format: AudioFormat,
    ptime: u32,
) -> Result<(Box<dyn Encoder>, Packer), CodecError> {
    let Some(id) = codec.id else { return Err(not_supported(codec, "encoder")) };
    plausible(codec, id)?;
    let packer = packer(codec, id, format, ptime);
    let encoder: Box<dyn Encoder> = match (id, id.def().engine) {
        (CodecId::Pcma, _) => Box::new(G711Encoder::new(Law::A, format)),
        (CodecId::Pcmu, _) => Box::new(G711Encoder::new(Law::Mu, format)),
        #[cfg(feature = "opus")]
        (CodecId::Opus, _) => open_opus(codec, format, ptime)?,
        #[cfg(feature = "bcg729")]
        (CodecId::G729 | CodecId::G729a, _) => Box::new(super::g729::G729Encoder::open()?),
        #[cfg(feature = "ffmpeg")]
        (_, Engine::Avcodec { encoders, .. }) if !encoders.is_empty() => {
            avcodec_encoder(codec, id, encoders, format, ptime)?
        }
        _ => return Err(not_supported(codec, "encoder")),
    };
    Ok((encoder, packer))
}

fn packer(codec: &Codec, id: CodecId, format: AudioFormat, ptime: u32) -> Packer {
    let def = id.def();
    match def.packing {
        Packing::SampleStream => {
            let duration = u64::from(codec.clock) * u64::from(ptime) / 1000;
            let duration = u32::try_from(duration).unwrap_or(u32::MAX);
            Packer::stream(format.samples_in(ptime), def.bits_per_sample, duration)
        }
        Packing::G729 => Packer::g729(ptime),
        Packing::OneFrame | Packing::Rfc4867 | Packing::Events | Packing::Other => {
            Packer::OneFrame { clock: codec.clock, rate: format.rate }
        }
    }
}

#[cfg(feature = "opus")]
fn open_opus(codec: &Codec, format: AudioFormat, ptime: u32) -> Result<Box<dyn Encoder>, CodecError> {
    use super::opus::{OpusEncoder, Settings};
    let (settings, _) = Settings::parse(codec.options.as_deref().unwrap_or(""));
    // On unless the peer said otherwise (codecs.md §17.2(4)).
    let fec = match &codec.format {
        Format::Opus(parameters) => parameters.useinbandfec.unwrap_or(true),
        _ => true,
    };
    Ok(Box::new(OpusEncoder::open(format, ptime, codec.encoder_bitrate(), fec, &settings)?))
}

#[cfg(feature = "ffmpeg")]
fn avcodec_encoder(
    codec: &Codec,
    id: CodecId,
    names: &'static [&'static str],
    format: AudioFormat,
    ptime: u32,
) -> Result<Box<dyn Encoder>, CodecError> {
    use super::ffmpeg::{EncoderSpec, FfmpegEncoder};
    let text = codec.options.as_deref().unwrap_or("");
    if matches!(id, CodecId::Amr | CodecId::AmrWb) {
        let (band, parameters) = amr_parameters(codec, id);
        let bitrate = codec.encoder_bitrate();
        return Ok(Box::new(super::amr::AmrEncoder::open(band, names, format, parameters, bitrate, text)?));
    }
    let mut options: Vec<_> = crate::codec::fmtp::pairs(text).collect();
    if id == CodecId::Ilbc {
        options.push(("mode", ilbc_encoder_mode(ilbc_mode(codec)?, ptime)));
    }
    let one_channel = AudioFormat { channels: 1, ..format };
    let frame_samples = one_channel.samples_in(ptime);
    let spec = EncoderSpec { format, bitrate: codec.encoder_bitrate(), frame_samples, options: &options };
    Ok(Box::new(FfmpegEncoder::open(names, &spec)?))
}

/// The frame length to encode iLBC with: the parameters', else what fits the packet time (`codecs.md` §17.4).
#[cfg(feature = "ffmpeg")]
fn ilbc_encoder_mode(mode: Option<u32>, ptime: u32) -> &'static str {
    match (mode, ptime) {
        (Some(30), _) | (None, 30 | 90) => "30",
        _ => "20",
    }
}
