//! Between the SDP's codecs, the codec negotiation and the packet path.

use std::sync::Arc;

use rtpengine_common::codec::{Codec, EngineSupport, Linked, Supplemental, table};
use rtpengine_common::ng::{ByteString, Flag, Request};
use rtpengine_common::sdp::{self, MediaType, StreamParams};
use smallvec::SmallVec;

use super::codecs::{
    self, CodecOptions, Environment, HandlerPolicy, MediaCodecs, SdpCodec, Section, apply_packet_times,
};
use super::exchange::{Exchange, Pair};
use super::handling::CodecSettings;
use super::media::MediaFlags;
use crate::flow::PayloadTypes;

/// The codec options of a request.
pub(super) fn options(request: &Request) -> CodecOptions {
    let texts = |list: &[ByteString]| list.iter().map(|t| String::from_utf8_lossy(t).into_owned()).collect();
    let codecs = &request.codecs;
    CodecOptions {
        strip: texts(&codecs.strip),
        offer: texts(&codecs.offer),
        except: texts(&codecs.except),
        ignore: texts(&codecs.ignore),
        transcode: texts(&codecs.transcode),
        mask: texts(&codecs.mask),
        consume: texts(&codecs.consume),
        accept: texts(&codecs.accept),
        set: texts(&codecs.set),
        always_transcode: false,
        reuse_codecs: request.has(Flag::ReuseCodecs),
        static_codecs: request.has(Flag::StaticCodecs),
        single_codec: request.has(Flag::SingleCodec),
        allow_asymmetric_codecs: request.has(Flag::AllowAsymmetricCodecs),
        allow_transcoding: request.has(Flag::AllowTranscoding),
        allow_no_codec_media: request.has(Flag::AllowNoCodecMedia),
    }
}

/// What negotiation may assume of this build.
pub(super) fn with_environment<R>(settings: &CodecSettings, work: impl FnOnce(&Environment<'_>) -> R) -> R {
    work(&Environment { support: &Linked, transcode_config: &settings.transcode_config })
}

/// Whether this build can work on any audio codec. Without, what passes is not a question of support.
pub(super) fn transcodes() -> bool {
    table::CODECS.iter().any(|def| def.supplemental.is_none() && Linked.support(def).is_any())
}

/// Hands the codecs of a section to `work` in the form the negotiation takes. Names that are no UTF-8 cannot be codecs and count as unnamed.
pub(super) fn with_section<R>(params: &StreamParams, work: impl FnOnce(&Section<'_>) -> R) -> R {
    // The values of all formats one behind the other, of which each format has a part.
    let mut values: Vec<&str> = Vec::with_capacity(params.codecs.iter().map(|c| c.rtcp_fb.len()).sum());
    let mut ends: SmallVec<[usize; 16]> = SmallVec::new();
    for codec in &params.codecs {
        values.extend(codec.rtcp_fb.iter().filter_map(sdp::Text::as_str));
        ends.push(values.len());
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let list: SmallVec<[SdpCodec<'_>; 16]> = params
        .codecs
        .iter()
        .zip(starts.zip(&ends))
        .map(|(codec, (start, &end))| SdpCodec {
            payload_type: codec.payload_type,
            rtpmap: (codec.clock_rate != 0)
                .then(|| (codec.name.as_str().unwrap_or_default(), codec.clock_rate, codec.channels)),
            fmtp: codec.fmtp.as_str().filter(|t| !t.is_empty()),
            rtcp_fb: values.get(start..end).unwrap_or_default(),
        })
        .collect();
    let rtp = params.protocol.is_some_and(sdp::Transport::is_rtp);
    work(&Section { codecs: &list, rejected: params.port == 0, not_rtp: !rtp })
}

impl Exchange<'_, '_> {
    /// Packet times and codec lists of both sides (codecs.md §6, §7, §12).
    pub(super) fn codecs(&mut self, pair: Pair, params: &StreamParams) {
        let Some((sender, receiver)) = self.call.signalling.media_pair(pair.sender, pair.receiver) else {
            return;
        };
        let (request, answer) = (self.request, self.answer);
        // Through the T.38 gateway the two are of different types.
        sender.codecs.set_audio(sender.media_type == MediaType::Audio);
        receiver.codecs.set_audio(receiver.media_type == MediaType::Audio);
        let ms =
            |option: Option<i32>| option.filter(|_| !answer).and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        apply_packet_times(
            &mut sender.codecs,
            &mut receiver.codecs,
            params.ptime,
            params.maxptime,
            ms(request.ptime_ms),
            ms(request.ptime_reverse_ms),
        );
        for media in [&mut *sender, &mut *receiver] {
            media.flags.set(MediaFlags::PTIME_OVERRIDE, media.codecs.packet_time.overridden);
        }
        let options = options(request);
        let report = with_environment(&self.ctx.settings.codecs, |environment| {
            with_section(params, |section| {
                if answer {
                    let policy = HandlerPolicy {
                        asymmetric: options.allow_asymmetric_codecs,
                        force_transcoding: request.has(Flag::ForceTranscoding),
                        ..HandlerPolicy::default()
                    };
                    codecs::answer(
                        &mut sender.codecs,
                        &mut receiver.codecs,
                        section,
                        &options,
                        &policy,
                        environment,
                    )
                } else {
                    codecs::offer(&mut sender.codecs, &mut receiver.codecs, section, &options, environment)
                }
            })
        });
        for warning in report.warnings {
            self.ctx.warn(warning.to_string());
        }
    }
}

/// Payload numbers of telephone-event.
pub(super) fn telephone_events(codecs: &MediaCodecs) -> impl Iterator<Item = u8> + '_ {
    let entries = codecs.list.entries().iter();
    entries.filter(|e| e.codec.supplemental == Some(Supplemental::TelephoneEvent)).map(|e| e.payload_type)
}

/// Audio that can be decoded: payload number, codec, packet time in ms.
pub(super) fn decodable(codecs: &MediaCodecs) -> impl Iterator<Item = (u8, Arc<Codec>, u32)> + '_ {
    let audio = codecs.list.entries().iter().filter(|e| e.codec.is_audio() && e.codec.support.decode);
    audio.map(|e| (e.payload_type, Arc::clone(&e.codec), codecs.packet_time_of(e)))
}

/// Payload numbers whose codec has a silence pattern, with that octet (codecs.md §1.1 rule 6).
pub(super) fn silence_octets(codecs: &MediaCodecs) -> impl Iterator<Item = (u8, u8)> + '_ {
    codecs.list.entries().iter().filter_map(|e| Some((e.payload_type, e.codec.def()?.silence?)))
}

/// Payload numbers of codecs with a fixed frame size (codecs.md §1.1 rule 5).
pub(super) fn fixed_size(codecs: &MediaCodecs) -> impl Iterator<Item = u8> + '_ {
    codecs
        .list
        .entries()
        .iter()
        .filter(|e| e.codec.def().is_some_and(|d| d.fixed_size))
        .map(|e| e.payload_type)
}

/// The signalled payload types with their clock rates.
pub(super) fn payload_types(codecs: &MediaCodecs) -> Option<Arc<PayloadTypes>> {
    let entries = codecs.list.entries();
    (!entries.is_empty()).then(|| {
        let types = PayloadTypes::new(entries.iter().map(|e| (e.payload_type, e.codec.clock)));
        Arc::new(types.with_events(telephone_events(codecs)))
    })
}
