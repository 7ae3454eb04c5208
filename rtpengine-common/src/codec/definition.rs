//! One codec as SDP or a codec string described it.

use std::borrow::Cow;

use super::amr::Amr;
use super::evs::Evs;
use super::fmtp::Opus;
use super::support::{EngineSupport, Support};
use super::table::{CodecDef, CodecId, Engine, FmtpRule, StaticPayloadType, Supplemental};

/// Format parameters as far as the program understands them.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// Only the text is known.
    #[default]
    Text,
    /// AMR and AMR-WB.
    Amr(Amr),
    /// opus.
    Opus(Opus),
    /// EVS, only when its library is there (`codecs.md` §1.1(3)).
    Evs(Box<Evs>),
}

/// Name, rate, channels and parameters of a codec, without the payload number under which a party uses it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Codec {
    /// The name in the spelling to print.
    pub name: Cow<'static, str>,
    /// The row of the codec table; `None` for codecs only passed through, and for every codec of a medium that is not audio.
    pub id: Option<CodecId>,
    /// telephone-event, CN or red, by name, in any kind of medium.
    pub supplemental: Option<Supplemental>,
    /// What is implemented, none without [`Codec::id`].
    pub support: Support,
    /// RTP clock rate in Hz, 0 = unknown.
    pub clock: u32,
    /// Channels, at least 1 for a codec from SDP.
    pub channels: u32,
    /// Format parameters as received.
    pub fmtp: Option<Box<str>>,
    /// Format parameters as understood.
    pub format: Format,
    /// Values of `a=rtcp-fb`, in order.
    pub rtcp_fb: Box<[Box<str>]>,
    /// Packet time in ms from a codec string, 0 = not given.
    pub ptime: u32,
    /// Bit rate in bit/s from a codec string or `set`, 0 = not given.
    pub bitrate: u32,
    /// Coder options (`key=value;…`) from a codec string or `set`.
    pub options: Option<Box<str>>,
}

impl Codec {
    /// Describes a codec. `audio`: it belongs to an audio medium; elsewhere codecs have no implementation and only the
    /// supplemental names keep their role (`codecs.md` §1.1(8)).
    #[must_use]
    pub fn new(
        name: &str,
        clock: u32,
        channels: u32,
        fmtp: Option<&str>,
        audio: bool,
        support: &dyn EngineSupport,
    ) -> Self {
        let known = CodecId::by_name(name);
        let def = known.map(CodecId::def);
        let id = known.filter(|_| audio);
        let name = match def {
            Some(def) if def.name == name => Cow::Borrowed(def.name),
            _ => Cow::Owned(name.to_owned()),
        };
        let mut codec = Self {
            name,
            id,
            supplemental: def.and_then(|def| def.supplemental),
            support: id.map_or(Support::NONE, |id| support.support(id.def())),
            clock,
            channels,
            ..Self::default()
        };
        codec.set_fmtp(fmtp);
        codec
    }

    /// Replaces the format parameters. An empty text is the same as none.
    pub fn set_fmtp(&mut self, fmtp: Option<&str>) {
        let fmtp = fmtp.filter(|text| !text.is_empty());
        let text = fmtp.unwrap_or("");
        self.format = match self.id {
            Some(CodecId::Amr | CodecId::AmrWb) => Format::Amr(Amr::parse(text)),
            Some(CodecId::Opus) => Format::Opus(Opus::parse(text)),
            Some(CodecId::Evs) if self.support.is_any() => Format::Evs(Box::new(Evs::parse(text))),
            _ => Format::Text,
        };
        self.fmtp = fmtp.map(Into::into);
    }

    /// The row of the codec table.
    #[must_use]
    pub fn def(&self) -> Option<&'static CodecDef> {
        self.id.map(CodecId::def)
    }

    /// Audio in the sense of the negotiation: everything that is not supplemental, known or not.
    #[must_use]
    pub fn is_audio(&self) -> bool {
        self.supplemental.is_none()
    }

    /// Supported for transcoding: both directions, clock and channels (`codecs.md` §1.1(1)).
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.support.is_full() && self.clock != 0 && self.channels != 0
    }

    /// Same name, whatever the letter case.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        self.name.len() == name.len() && self.name.eq_ignore_ascii_case(name)
    }

    /// The static payload number of this codec, if name, clock and channels are those of `codecs.md` §1.2.
    #[must_use]
    pub fn static_payload_type(&self) -> Option<u8> {
        let number = self.def()?.payload_type?;
        let fixed = StaticPayloadType::by_number(number)?;
        (fixed.clock == self.clock && fixed.channels == self.channels).then_some(number)
    }

    /// Rate of the audio samples in Hz.
    #[must_use]
    pub fn audio_rate(&self) -> u32 {
        self.clock.saturating_mul(self.def().map_or(1, |def| def.audio_factor))
    }

    /// The packet time in ms of this codec in a medium whose own packet time is `media_ptime` (0 = unknown)
    /// (`codecs.md` §12(4)).
    #[must_use]
    pub fn packet_time(&self, payload_type: u8, media_ptime: u32) -> u32 {
        let fixed = StaticPayloadType::by_number(payload_type)
            .filter(|fixed| self.has_name(fixed.name))
            .map_or(0, |fixed| fixed.ptime);
        let default = self.def().map_or(0, |def| def.ptime);
        let ptime = [media_ptime, self.ptime, fixed, default].into_iter().find(|&ms| ms != 0).unwrap_or(20);
        let ptime = ptime.max(self.def().map_or(0, |def| def.min_ptime));
        if self.id == Some(CodecId::Opus) { opus_packet_time(ptime) } else { ptime }
    }

    /// Bit rate of the encoder in bit/s: the one given, else the codec's, 0 if it has none.
    ///
    /// For opus a number below 6000 is kbit/s, and the default depends on the channels of the `rtpmap`
    /// (`codecs.md` §17.2(1)).
    #[must_use]
    pub fn encoder_bitrate(&self) -> u32 {
        let default = self.def().map_or(0, |def| def.bitrate);
        match (self.id, self.bitrate) {
            (Some(CodecId::Opus), 0) => match self.channels {
                0 | 1 => 24_000,
                2 => 32_000,
                _ => 64_000,
            },
            (Some(CodecId::Opus), kilo) if kilo < 6000 => kilo * 1000,
            (_, 0) => default,
            (_, given) => given,
        }
    }

    /// The format parameters to print: opus and EVS from the parsed values, all others as received; `None` prints no line
    /// (`codecs.md` §13(3)).
    #[must_use]
    pub fn printed_fmtp(&self) -> Option<Cow<'_, str>> {
        let text: Cow<'_, str> = match &self.format {
            Format::Opus(opus) => opus.to_string().into(),
            Format::Evs(evs) => evs.to_string().into(),
            Format::Text | Format::Amr(_) => self.fmtp.as_deref()?.into(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// The format parameters for the answer to a party that offered this codec, when it is transcoded from a source with
    /// `source_channels` channels: the answer conversion of `codecs.md` §17. `None`: printed as offered.
    #[must_use]
    pub fn answer_format(&self, source_channels: u32) -> Option<Self> {
        let text = match &self.format {
            Format::Opus(opus) => opus.answer(source_channels == 1).to_string(),
            Format::Evs(evs) => evs.answer().to_string(),
            Format::Text | Format::Amr(_) => return None,
        };
        let mut answer = self.clone();
        answer.set_fmtp(Some(&text));
        Some(answer)
    }

    /// The default format parameters of a codec string that gives none (`codecs.md` §§1.1(2), 1.2).
    #[must_use]
    pub fn default_fmtp(def: &CodecDef, support: Support) -> Option<&'static str> {
        // Without bcg729 there is only a decoder, and nothing to say about the annex.
        if def.engine == Engine::Bcg729 && !support.encode { None } else { def.fmtp }
    }

    /// The comparison rule; EVS without its library is compared like an unknown codec.
    pub(super) fn fmtp_rule(&self) -> FmtpRule {
        match (self.def(), &self.format) {
            (None, _) => FmtpRule::Ignored,
            (Some(def), Format::Text) if def.compare == FmtpRule::Evs => FmtpRule::Ignored,
            (Some(def), _) => def.compare,
        }
    }
}

/// opus packs 5, 10, 20, 40 or 60 ms: rounded down, below 10 is 5 (`codecs.md` §12(4)).
fn opus_packet_time(ptime: u32) -> u32 {
    match ptime {
        0..10 => 5,
        10..20 => 10,
        20..40 => 20,
        40..60 => 40,
        60.. => 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(_: &CodecDef) -> Support {
        Support::FULL
    }

    fn codec(name: &str, clock: u32, channels: u32) -> Codec {
        Codec::new(name, clock, channels, None, true, &all)
    }

    /// `codecs.md` §2.1(5).
    #[test]
    fn rule_2_1_5_static_number_needs_clock_and_channels() {
        assert_eq!(codec("pcma", 8000, 1).static_payload_type(), Some(8));
        assert_eq!(codec("PCMA", 16000, 1).static_payload_type(), None);
        assert_eq!(codec("PCMA", 8000, 2).static_payload_type(), None);
        assert_eq!(codec("L16", 44100, 1).static_payload_type(), Some(10));
        assert_eq!(codec("L16", 44100, 2).static_payload_type(), None);
        assert_eq!(codec("G729a", 8000, 1).static_payload_type(), Some(18));
        assert_eq!(codec("CN", 16000, 1).static_payload_type(), None);
    }

    /// `codecs.md` §12(4).
    #[test]
    fn rule_12_4_packet_time() {
        assert_eq!(codec("PCMA", 8000, 1).packet_time(8, 0), 20);
        assert_eq!(codec("PCMA", 8000, 1).packet_time(8, 30), 30);
        assert_eq!(codec("G723", 8000, 1).packet_time(4, 0), 30);
        assert_eq!(codec("G723", 8000, 1).packet_time(4, 20), 30, "raised to the codec's minimum");
        assert_eq!(codec("iLBC", 8000, 1).packet_time(97, 0), 30);
        assert_eq!(codec("AMR", 8000, 1).packet_time(97, 10), 20);
        assert_eq!(codec("H264", 90000, 1).packet_time(97, 0), 20);
        let opus = codec("opus", 48000, 2);
        for (asked, got) in
            [(0, 20), (3, 5), (9, 5), (10, 10), (19, 10), (30, 20), (40, 40), (59, 40), (120, 60)]
        {
            assert_eq!(opus.packet_time(96, asked), got, "{asked}");
        }
    }

    /// `codecs.md` §17.2(1).
    #[test]
    fn rule_17_2_1_opus_bitrate() {
        let mut opus = codec("opus", 48000, 2);
        assert_eq!(opus.encoder_bitrate(), 32_000);
        opus.bitrate = 24;
        assert_eq!(opus.encoder_bitrate(), 24_000);
        opus.bitrate = 6000;
        assert_eq!(opus.encoder_bitrate(), 6000);
        assert_eq!(codec("opus", 48000, 1).encoder_bitrate(), 24_000);
        assert_eq!(codec("opus", 48000, 6).encoder_bitrate(), 64_000);
        assert_eq!(codec("AMR", 8000, 1).encoder_bitrate(), 6700);
        assert_eq!(codec("PCMA", 8000, 1).encoder_bitrate(), 0);
    }

    /// `codecs.md` §1.1(8).
    #[test]
    fn rule_1_1_8_other_media_have_no_implementation() {
        let red = Codec::new("red", 90000, 1, None, false, &all);
        assert_eq!((red.id, red.supplemental), (None, Some(Supplemental::Redundancy)));
        let opus = Codec::new("opus", 48000, 2, Some("x=1"), false, &all);
        assert!(!opus.is_supported());
        assert_eq!(opus.printed_fmtp().as_deref(), Some("x=1"));
    }

    /// `codecs.md` §1.1(3).
    #[test]
    fn rule_1_1_3_evs_without_library_keeps_its_text() {
        let without = |_: &CodecDef| Support::NONE;
        let text = "br=24.4-9.6;unknown=1";
        let evs = |support: &dyn EngineSupport| Codec::new("EVS", 16000, 1, Some(text), true, support);
        assert_eq!(evs(&without).printed_fmtp().as_deref(), Some(text));
        assert_eq!(evs(&all).printed_fmtp().as_deref(), Some("br=24.4"));
    }
}
