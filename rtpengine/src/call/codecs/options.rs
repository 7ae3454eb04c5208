//! The codec options and flags of one message (`codecs.md` §3).

use rtpengine_common::codec::{Codec, CodecString, IndexString};

/// The `codec` dictionary and the codec flags of a message, strings as they were after undoing the flag escapes
/// (`codecs.md` §2.1(7)). Keys that a kind of message does not honour may be set: its function does not look at them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodecOptions {
    /// `strip`, any message: removed from what the receiver sees; `all` and `full` mean everything not in `except`.
    pub strip: Vec<String>,
    /// `offer`, any message: put back from the SDP, in this order.
    pub offer: Vec<String>,
    /// `except`, any message: not removed by `all` or `full` of `strip`, `ignore`, `mask`, `consume`.
    pub except: Vec<String>,
    /// `ignore`, any message: as though the sender had not listed it.
    pub ignore: Vec<String>,
    /// `transcode`, offer-like messages: added to what the receiver sees.
    pub transcode: Vec<String>,
    /// `mask`, offer-like messages: hidden from the receiver, usable towards the sender.
    pub mask: Vec<String>,
    /// `consume`, offer-like messages: as `mask`, and accepted.
    pub consume: Vec<String>,
    /// `accept`, offer-like messages: accepted from the sender whatever the receiver says; `all`, `full`; for publish also
    /// `any`.
    pub accept: Vec<String>,
    /// `set`, offer-like messages: codec strings giving bit rate and coder options to codecs of the SDP.
    pub set: Vec<String>,
    /// Flag `always transcode`: as `accept` = `all`.
    pub always_transcode: bool,
    /// Flag `reuse codecs` (`no codec renegotiation`): a re-offer keeps the stored order.
    pub reuse_codecs: bool,
    /// Flag `static codecs`: a re-offer does not touch the receiver's list.
    pub static_codecs: bool,
    /// Flag `single codec`: an answer carries its first audio codec only.
    pub single_codec: bool,
    /// Flag `allow asymmetric codecs`.
    pub allow_asymmetric_codecs: bool,
    /// Flag `allow transcoding`: a subscribe answer may pick codecs the source does not send.
    pub allow_transcoding: bool,
    /// Flag `allow no codec media`: an empty list stays empty.
    pub allow_no_codec_media: bool,
}

/// The words that stand for every codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Everything {
    /// Only what is named.
    #[default]
    No,
    /// `all`.
    All,
    /// `full`.
    Full,
}

impl Everything {
    /// Which of the words a list contains; `full` goes further than `all`.
    pub(super) fn of(list: &[String]) -> Self {
        if list.iter().any(|word| word == "full") {
            Self::Full
        } else if list.iter().any(|word| word == "all") {
            Self::All
        } else {
            Self::No
        }
    }

    pub(super) fn is_any(self) -> bool {
        self != Self::No
    }
}

/// The strings of a list that can be indexes, words for everything left out.
pub(super) fn indexes(list: &[String]) -> Vec<IndexString<'_>> {
    list.iter()
        .filter(|text| !matches!(text.as_str(), "all" | "full"))
        .filter_map(|t| IndexString::parse(t))
        .collect()
}

/// Is the codec found under one of the indexes?
pub(super) fn finds(indexes: &[IndexString<'_>], codec: &Codec) -> bool {
    indexes.iter().any(|index| index.finds(codec))
}

impl CodecOptions {
    /// The `set` string for a codec of the SDP: of those with its name, clock and channels (defaults where not given) the one
    /// that says most of them itself (`codecs.md` §3.3).
    pub(super) fn set_for<'a>(&'a self, codec: &Codec) -> Option<CodecString<'a>> {
        let applies = |s: &CodecString<'_>| {
            codec.has_name(s.name) && s.clock_and_channels() == (codec.clock, codec.channels)
        };
        let strings = || self.set.iter().map(|text| CodecString::parse(text)).filter(applies);
        let given = |channels: bool, clock: bool| {
            strings().find(|s| (s.channels != 0) == channels && (s.clock != 0) == clock)
        };
        given(true, true).or_else(|| given(false, true)).or_else(|| strings().next())
    }
}
