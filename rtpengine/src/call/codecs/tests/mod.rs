//! Tests of the negotiation, by rule of the specification. [`Pair`] is an offerer and an answerer; SDP is written as
//! `96=opus/48000/2|fmtp 8 101=telephone-event/8000` (`~` stands for a blank), results likewise.

mod handlers;
mod lists;
mod offer_answer;
mod properties;
mod subscribe;

use rtpengine_common::codec::{CodecDef, CodecId, Support};

use super::*;

/// Everything that has an engine in a complete build.
pub(super) fn all(def: &CodecDef) -> Support {
    match def.id {
        CodecId::Red | CodecId::Evs => Support::NONE,
        CodecId::Qcelp
        | CodecId::Atrac3
        | CodecId::AtracX
        | CodecId::Evrc
        | CodecId::Evrc0
        | CodecId::Evrc1 => Support { encode: false, decode: true },
        _ => Support::FULL,
    }
}

/// One parsed format, owned.
struct Format {
    number: u8,
    rtpmap: Option<(String, u32, u32)>,
    fmtp: Option<String>,
}

fn format(text: &str) -> Format {
    let (number, rest) = text.split_once('=').map_or((text, None), |(n, r)| (n, Some(r)));
    let number = number.parse().unwrap();
    let Some(rest) = rest else { return Format { number, rtpmap: None, fmtp: None } };
    let (map, fmtp) = rest.split_once('|').map_or((rest, None), |(m, f)| (m, Some(f.replace('~', " "))));
    let mut fields = map.split('/');
    let name = fields.next().unwrap().to_owned();
    let clock = fields.next().unwrap().parse().unwrap();
    let channels = fields.next().map_or(1, |text| text.parse().unwrap());
    Format { number, rtpmap: Some((name, clock, channels)), fmtp }
}

/// Calls `with` with the section of this text.
pub(super) fn with_section<R>(text: &str, rejected: bool, with: impl FnOnce(&Section<'_>) -> R) -> R {
    let formats: Vec<_> = text.split_whitespace().map(format).collect();
    let codecs: Vec<_> = formats
        .iter()
        .map(|f| SdpCodec {
            payload_type: f.number,
            rtpmap: f.rtpmap.as_ref().map(|(name, clock, channels)| (name.as_str(), *clock, *channels)),
            fmtp: f.fmtp.as_deref(),
            rtcp_fb: &[],
        })
        .collect();
    with(&Section { codecs: &codecs, rejected, not_rtp: false })
}

/// A list as text: every codec that says more than its static number, in full.
pub(super) fn show(list: &CodecList) -> String {
    let mut out = String::new();
    list.write_attributes(&mut out).unwrap();
    let mut shown: Vec<String> = Vec::new();
    for line in out.split_terminator("\r\n") {
        let (kind, rest) = line.strip_prefix("a=").unwrap().split_once(':').unwrap();
        let (number, value) = rest.split_once(' ').unwrap();
        let fixed = rtpengine_common::codec::table::StaticPayloadType::by_number(number.parse().unwrap());
        let plain = fixed.is_some_and(|f| format!("{}/{}", f.name, f.clock) == value);
        match kind {
            "rtpmap" if plain => shown.push(number.to_owned()),
            "rtpmap" => shown.push(format!("{number}={value}")),
            _ => {
                let last = shown.last_mut().unwrap();
                *last = format!("{last}|{}", value.replace(' ', "~"));
            }
        }
    }
    shown.join(" ")
}

/// Codec options from words like `strip=all transcode=PCMA,opus single-codec`.
pub(super) fn options(text: &str) -> CodecOptions {
    let mut options = CodecOptions::default();
    for word in text.split_whitespace() {
        let (key, values) = word.split_once('=').unwrap_or((word, ""));
        let list = || {
            values.split(',').map(|v| rtpengine_common::codec::text::unescape(&v.replace(';', ","))).collect()
        };
        match key {
            "strip" => options.strip = list(),
            "offer" => options.offer = list(),
            "except" => options.except = list(),
            "ignore" => options.ignore = list(),
            "transcode" => options.transcode = list(),
            "mask" => options.mask = list(),
            "consume" => options.consume = list(),
            "accept" => options.accept = list(),
            "set" => options.set = list(),
            "always-transcode" => options.always_transcode = true,
            "reuse-codecs" => options.reuse_codecs = true,
            "static-codecs" => options.static_codecs = true,
            "single-codec" => options.single_codec = true,
            "asymmetric" => options.allow_asymmetric_codecs = true,
            "allow-transcoding" => options.allow_transcoding = true,
            "allow-no-codec-media" => options.allow_no_codec_media = true,
            _ => panic!("unknown option {word}"),
        }
    }
    options
}

/// An offerer A and an answerer B.
pub(super) struct Pair {
    pub(super) a: MediaCodecs,
    pub(super) b: MediaCodecs,
    pub(super) config: TranscodeConfig,
    pub(super) policy: HandlerPolicy,
    pub(super) warnings: Vec<Warning>,
    pub(super) support: fn(&CodecDef) -> Support,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self {
            a: MediaCodecs::new(true),
            b: MediaCodecs::new(true),
            config: TranscodeConfig::default(),
            policy: HandlerPolicy::default(),
            warnings: Vec::new(),
            support: all,
        }
    }

    /// A offers; what B is shown.
    pub(super) fn offer(&mut self, sdp: &str, flags: &str) -> String {
        let environment = Environment { support: &self.support, transcode_config: &self.config };
        let options = options(flags);
        let report = with_section(sdp, false, |s| offer(&mut self.a, &mut self.b, s, &options, &environment));
        self.warnings = report.warnings;
        show(&self.b.list)
    }

    /// B answers; what A is shown.
    pub(super) fn answer(&mut self, sdp: &str, flags: &str) -> String {
        let environment = Environment { support: &self.support, transcode_config: &self.config };
        let options = options(flags);
        let policy = HandlerPolicy { asymmetric: options.allow_asymmetric_codecs, ..self.policy };
        let report = with_section(sdp, false, |s| {
            answer(&mut self.b, &mut self.a, s, &options, &policy, &environment)
        });
        self.warnings = report.warnings;
        show(&self.a.list)
    }

    /// The other side offers from now on.
    pub(super) fn swap(&mut self) {
        std::mem::swap(&mut self.a, &mut self.b);
    }

    /// Handlers B → A as after an answer.
    pub(super) fn to_a(&self) -> HandlerTable {
        let environment = Environment { support: &self.support, transcode_config: &self.config };
        handlers(
            &self.b,
            &self.a,
            &HandlerPolicy { refused_supplementals: true, ..self.policy },
            &environment,
        )
    }

    /// Handlers A → B as after an answer.
    pub(super) fn to_b(&self) -> HandlerTable {
        let environment = Environment { support: &self.support, transcode_config: &self.config };
        handlers(&self.a, &self.b, &self.policy, &environment)
    }
}

/// Handlers as text: `8>0` transcoded, `8=8` forwarded, `8` passed through without destination.
pub(super) fn show_handlers(table: &HandlerTable) -> String {
    let row = |row: &Handler| match (&row.action, row.destination) {
        (Action::Process(_), Some(to)) => format!("{}>{to}", row.payload_type),
        (_, Some(to)) => format!("{}={to}", row.payload_type),
        (_, None) => row.payload_type.to_string(),
    };
    table.rows.iter().map(row).collect::<Vec<_>>().join(" ")
}
