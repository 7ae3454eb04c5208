//! What goes into a negotiation function and what comes out of it.

use std::fmt;
use std::sync::Arc;

use rtpengine_common::codec::table::StaticPayloadType;
use rtpengine_common::codec::{Codec, EngineSupport};

use super::list::{CodecList, Entry, bit};
use super::packet_time::PacketTime;
use super::preferences::TranscodeConfig;

/// One format of an `m=` line with its attributes, as parsed from SDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SdpCodec<'a> {
    /// Payload number, 0 to 127; greater ones were refused before (`Invalid RTP payload types`).
    pub payload_type: u8,
    /// `(name, clock, channels)` of the last matching `a=rtpmap`; channels at least 1.
    pub rtpmap: Option<(&'a str, u32, u32)>,
    /// Text of the last matching `a=fmtp`.
    pub fmtp: Option<&'a str>,
    /// Values of all matching `a=rtcp-fb`, in order.
    pub rtcp_fb: &'a [&'a str],
}

impl SdpCodec<'_> {
    /// The codec this format means: the rtpmap, else the static definition, else an unnamed codec with clock 0
    /// (`codecs.md` §1.2).
    #[must_use]
    pub fn codec(&self, audio: bool, support: &dyn EngineSupport) -> Codec {
        let (name, clock, channels) = self.definition();
        let mut codec = Codec::new(name, clock, channels, self.fmtp, audio, support);
        if !self.rtcp_fb.is_empty() {
            codec.rtcp_fb = self.rtcp_fb.iter().map(|&value| value.into()).collect();
        }
        codec
    }

    /// Name, clock and channels.
    fn definition(&self) -> (&str, u32, u32) {
        let fixed = || StaticPayloadType::by_number(self.payload_type).map(|s| (s.name, s.clock, s.channels));
        let (name, clock, channels) = self.rtpmap.or_else(fixed).unwrap_or(("", 0, 1));
        (name, clock, channels.max(1))
    }

    /// Whether [`SdpCodec::codec`] would make this codec of the format once more: the two say the same, and no option added to it.
    fn makes(&self, codec: &Codec) -> bool {
        (&*codec.name, codec.clock, codec.channels) == self.definition()
            && codec.fmtp.as_deref() == self.fmtp.filter(|text| !text.is_empty())
            && codec.rtcp_fb.iter().map(|value| &**value).eq(self.rtcp_fb.iter().copied())
            && (codec.ptime, codec.bitrate, &codec.options) == (0, 0, &None)
    }
}

/// One `m=` section of the message that is processed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Section<'a> {
    /// The formats in order. Of formats with the same number the first counts.
    pub codecs: &'a [SdpCodec<'a>],
    /// The section's port is 0: the medium is rejected or removed.
    pub rejected: bool,
    /// The section's protocol is not an RTP one (T.38 over UDPTL, or anything passed through).
    pub not_rtp: bool,
}

/// What all negotiation functions need to know of the program they run in.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// Which codecs are implemented.
    pub support: &'a dyn EngineSupport,
    /// Preferences and remote transcoders (`codecs.md` §11).
    pub transcode_config: &'a TranscodeConfig,
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("transcode_config", self.transcode_config).finish_non_exhaustive()
    }
}

/// What a media keeps of its codecs between messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaCodecs {
    /// The media type is `audio`. In any other media nothing is transcoded (`codecs.md` §1.1(8)).
    pub audio: bool,
    /// The payload types as last negotiated: what this party uses, and what is printed into SDP that goes to it.
    pub list: CodecList,
    /// Snapshot of the list at the end of the last offer.
    pub offered: CodecList,
    /// Packet times (`codecs.md` §12).
    pub packet_time: PacketTime,
}

impl MediaCodecs {
    /// An empty audio or other media.
    #[must_use]
    pub fn new(audio: bool) -> Self {
        Self { audio, ..Self::default() }
    }

    /// The media type changed (`audio` ↔ `image`); codec lists of another type mean nothing any more.
    pub fn set_audio(&mut self, audio: bool) {
        if self.audio != audio {
            *self = Self { packet_time: self.packet_time, ..Self::new(audio) };
        }
    }

    /// The packet time in ms of one of this media's codecs.
    pub(in crate::call) fn packet_time_of(&self, entry: &Entry) -> u32 {
        entry.codec.packet_time(entry.payload_type, self.packet_time.ptime)
    }
}

/// Something for the log; the negotiation itself goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// `codecs.md` §1.1(1).
    #[error("Codec '{0}' requested for transcoding is not supported")]
    NotSupported(Box<str>),
    /// `codecs.md` §5.8: every codec was removed, so the original list was restored.
    #[error(
        "Usage error: List of codecs empty. Restoring original list of codecs. Results may be unexpected."
    )]
    ListEmpty,
    /// `codecs.md` §8(5).
    #[error("Ran out of RTP payload type numbers: codec '{0}' is not added")]
    NoPayloadType(Box<str>),
    /// `codecs.md` §17.2(1).
    #[error("Opus is only supported with a clock rate of 48 kHz")]
    OpusClock,
}

/// What a negotiation function reports beside the changed lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For the log, in the order in which they came up.
    pub warnings: Vec<Warning>,
}

impl Report {
    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }
}

/// The section's formats as list entries without marks; of equal numbers the first counts, numbers above 127 are left out. Answers and
/// re-offers mostly say what was said before: where `former`, a list of the same media, has the same codec it is shared.
pub(super) fn entries(
    section: &Section<'_>,
    audio: bool,
    former: &CodecList,
    support: &dyn EngineSupport,
) -> Vec<Entry> {
    let mut seen = 0u128;
    let mut entries = Vec::with_capacity(section.codecs.len().min(128));
    for format in section.codecs {
        let bit = bit(format.payload_type);
        if bit == 0 || seen & bit != 0 {
            continue;
        }
        seen |= bit;
        let known = former.get(format.payload_type).filter(|entry| format.makes(&entry.codec));
        let codec = match known {
            Some(entry) => Arc::clone(&entry.codec),
            None => Arc::new(format.codec(audio, support)),
        };
        entries.push(Entry::new(format.payload_type, codec));
    }
    entries
}
