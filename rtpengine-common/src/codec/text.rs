//! Codec strings (`codecs.md` §2) and the index strings by which list entries are found (§2.3).

use super::definition::Codec;
use super::support::{EngineSupport, Support};
use super::table::CodecId;

/// Undoes the escapes of flag transports: `--` stands for `=` and `..` for a blank (`codecs.md` §2.1(7)).
#[must_use]
pub fn unescape(text: &str) -> String {
    text.replace("--", "=").replace("..", " ")
}

/// The fields of `name/clock/channels/bitrate/ptime/fmtp/options`. Numbers that are missing or no numbers are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecString<'a> {
    /// Encoding name.
    pub name: &'a str,
    /// The row of the codec table that the name means.
    pub id: Option<CodecId>,
    /// RTP clock rate in Hz.
    pub clock: u32,
    /// Channels.
    pub channels: u32,
    /// Bit rate in bit/s.
    pub bitrate: u32,
    /// Packet time in ms.
    pub ptime: u32,
    /// Format parameters; `Some("")` is "none, also no default".
    pub fmtp: Option<&'a str>,
    /// Coder options.
    pub options: &'a str,
}

fn field(text: Option<&str>) -> u32 {
    let text = text.unwrap_or("");
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().unwrap_or(0) } else { 0 }
}

impl<'a> CodecString<'a> {
    /// Splits a codec string; every text is one.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut fields = text.splitn(7, '/');
        let name = fields.next().unwrap_or("");
        Self {
            name,
            id: CodecId::by_name(name),
            clock: field(fields.next()),
            channels: field(fields.next()),
            bitrate: field(fields.next()),
            ptime: field(fields.next()),
            fmtp: fields.next(),
            options: fields.next().unwrap_or(""),
        }
    }

    /// Clock and channels with the codec's defaults where the string gives none; a clock alone means one channel
    /// (`codecs.md` §2.1(2)).
    #[must_use]
    pub fn clock_and_channels(&self) -> (u32, u32) {
        let def = self.id.map(CodecId::def);
        let clock = if self.clock != 0 { self.clock } else { def.map_or(0, |def| def.clock) };
        let channels = match (self.clock, self.channels) {
            (0, 0) => def.map_or(0, |def| def.channels),
            (_, 0) => 1,
            (_, given) => given,
        };
        (clock, channels)
    }

    /// The codec of an audio medium that this string describes.
    #[must_use]
    pub fn codec(&self, support: &dyn EngineSupport) -> Codec {
        let def = self.id.map(CodecId::def);
        let (clock, channels) = self.clock_and_channels();
        // opus has no other RTP clock (RFC 7587 §4.1, codecs.md §17.2(1)).
        let clock = if self.is_opus() { 48_000 } else { clock };
        let fmtp = match (self.fmtp, def) {
            (Some(given), _) => Some(given),
            (None, Some(def)) => Codec::default_fmtp(def, support.support(def)),
            (None, None) => None,
        };
        let mut codec = Codec::new(self.name, clock, channels, fmtp, true, support);
        codec.ptime = self.ptime;
        codec.bitrate = self.bitrate;
        codec.options = self.coder_options();
        codec
    }

    /// The options field, `None` if empty.
    #[must_use]
    pub fn coder_options(&self) -> Option<Box<str>> {
        (!self.options.trim().is_empty()).then(|| self.options.into())
    }

    /// opus with a clock other than 48000 is taken as 48000, which deserves a warning (`codecs.md` §17.2(1)).
    #[must_use]
    pub fn has_wrong_opus_clock(&self) -> bool {
        self.is_opus() && !matches!(self.clock, 0 | 48_000)
    }

    fn is_opus(&self) -> bool {
        self.id == Some(CodecId::Opus)
    }

    /// Names a codec the program can transcode (`codecs.md` §1.1(1)).
    #[must_use]
    pub fn is_supported(&self, support: &dyn EngineSupport) -> bool {
        let def = self.id.map(CodecId::def);
        let (clock, channels) = self.clock_and_channels();
        def.is_some_and(|def| support.support(def) == Support::FULL) && clock != 0 && channels != 0
    }
}

/// A string as an index of list entries: `name`, `name/clock` (one channel) or `name/clock/channels`, compared without
/// regard to letter case (`codecs.md` §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexString<'a> {
    name: &'a str,
    id: Option<CodecId>,
    clock: Option<u32>,
    channels: u32,
}

/// A number in its one canonical spelling: indexes are texts, so `08000` is no index of 8000.
fn canonical(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits && (text.len() == 1 || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

impl<'a> IndexString<'a> {
    /// Reads an index string; `None` if the text has more fields or other numbers, so that nothing can be found under it.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.split('/');
        let name = fields.next()?;
        let clock = fields.next().map(|field| canonical(field).ok_or(())).transpose().ok()?;
        let channels = fields.next().map(|field| canonical(field).ok_or(())).transpose().ok()?;
        if fields.next().is_some() {
            return None;
        }
        Some(Self { name, id: CodecId::by_name(name), clock, channels: channels.unwrap_or(1) })
    }

    /// Is it a bare name?
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.clock.is_none()
    }

    /// Is this codec found under the index?
    #[must_use]
    pub fn finds(&self, codec: &Codec) -> bool {
        let name = match (self.id, codec.id) {
            (Some(x), Some(y)) => x == y,
            _ => codec.has_name(self.name),
        };
        name && self.clock.is_none_or(|clock| clock == codec.clock && self.channels == codec.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::CodecDef;
    use super::*;

    fn all(_: &CodecDef) -> Support {
        Support::FULL
    }

    fn shape(text: &str) -> (String, u32, u32, Option<String>) {
        let codec = CodecString::parse(text).codec(&all);
        (codec.name.to_string(), codec.clock, codec.channels, codec.fmtp.map(String::from))
    }

    /// `codecs.md` §2.1(1) and (2).
    #[test]
    fn rules_2_1_1_and_2_numbers_and_defaults() {
        assert_eq!(shape("opus"), ("opus".into(), 48000, 2, Some("useinbandfec=1".into())));
        assert_eq!(shape("opus/48000").2, 1);
        assert_eq!(shape("speex/8000").1, 8000);
        assert_eq!(shape("PCMA/x/-1"), ("PCMA".into(), 8000, 1, None));
        assert_eq!(shape("PCMA//2"), ("PCMA".into(), 8000, 2, None));
        assert_eq!(shape("unknown"), ("unknown".into(), 0, 0, None));
        assert_eq!(shape("unknown/8000"), ("unknown".into(), 8000, 1, None));
        assert_eq!(shape("PCMA/99999999999999").1, 8000);
    }

    /// `codecs.md` §2.1(3), with its example.
    #[test]
    fn rule_2_1_3_absent_and_empty_fmtp() {
        assert_eq!(shape("AMR").3.as_deref(), Some("octet-align=1;mode-change-capability=2"));
        assert_eq!(shape("AMR/8000/1//").3.as_deref(), Some("octet-align=1;mode-change-capability=2"));
        assert_eq!(shape("AMR/8000/1///").3, None);
        let codec = CodecString::parse("opus/48000/2////application=audio").codec(&all);
        assert_eq!((codec.fmtp, codec.options.as_deref()), (None, Some("application=audio")));
    }

    /// `codecs.md` §22(2), the string of the checklist.
    #[test]
    fn checklist_22_2() {
        let text = unescape("AMR-WB/16000/1/15850//mode-set--0,2,4/CMR-interval--300");
        let codec = CodecString::parse(&text).codec(&all);
        assert_eq!(codec.bitrate, 15850);
        assert_eq!(codec.fmtp.as_deref(), Some("mode-set=0,2,4"));
        assert_eq!(codec.options.as_deref(), Some("CMR-interval=300"));
    }

    /// `codecs.md` §2.1(6) and (7).
    #[test]
    fn rules_2_1_6_and_7_spelling_and_escapes() {
        assert_eq!(shape("gsm").0, "gsm");
        assert_eq!(
            unescape("opus/48000/2///stereo--1/application--low..delay"),
            "opus/48000/2///stereo=1/application=low delay"
        );
    }

    /// `codecs.md` §1.1(2): without bcg729 G.729 has no default format parameters.
    #[test]
    fn rule_1_1_2_g729_without_bcg729() {
        let decoder = |_: &CodecDef| Support { encode: false, decode: true };
        assert_eq!(CodecString::parse("G729a").codec(&decoder).fmtp, None);
        assert_eq!(CodecString::parse("G729a").codec(&all).fmtp.as_deref(), Some("annexb=no"));
        assert!(!CodecString::parse("G729a").is_supported(&decoder));
    }

    /// `codecs.md` §1.1(1): a codec without defaults is supported when the string gives clock and channels.
    #[test]
    fn rule_1_1_1_supported_for_transcoding() {
        assert!(CodecString::parse("PCMA").is_supported(&all));
        assert!(!CodecString::parse("vorbis").is_supported(&all));
        assert!(CodecString::parse("vorbis/44100/2").is_supported(&all));
        assert!(!CodecString::parse("H264/90000").is_supported(&all));
    }

    /// `codecs.md` §2.3.
    #[test]
    fn rule_2_3_index_strings() {
        let opus = CodecString::parse("opus").codec(&all);
        let pcma = CodecString::parse("PCMA").codec(&all);
        let finds = |text: &str, codec: &Codec| IndexString::parse(text).is_some_and(|i| i.finds(codec));
        for text in ["PCMA", "pcma", "PCMA/8000", "PCMA/8000/1"] {
            assert!(finds(text, &pcma), "{text}");
        }
        for text in ["PCMU", "PCMA/16000", "PCMA/8000/2", "PCMA/8000/1/", "PCMA/", "PCMA/08000", ""] {
            assert!(!finds(text, &pcma), "{text}");
        }
        for text in ["Opus", "opus/48000/2"] {
            assert!(finds(text, &opus), "{text}");
        }
        assert!(!finds("opus/48000", &opus));
        assert!(!finds("opus/48000/1", &opus));
    }
}
