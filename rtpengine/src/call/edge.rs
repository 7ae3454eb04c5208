//! Edges: directed links from a source media to a sink media (*subscriptions*).

use super::handling::LinkCodecs;
use super::ids::{EdgeId, MediaId};

bitflags::bitflags! {
    /// Attributes of a link.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct EdgeFlags: u16 {
        /// Made by offer/answer; otherwise by publish/subscribe and its kind.
        const OFFER_ANSWER = 1 << 0;
        /// The subscriber gets what the daemon sends on behalf of the source.
        const EGRESS = 1 << 1;
        /// Only RTCP passes.
        const RTCP_ONLY = 1 << 2;
        /// `block media` of this flow.
        const BLOCKED = 1 << 3;
        /// `silence media` of this flow.
        const SILENCED = 1 << 4;
        /// Made by `inject start`.
        const INJECT = 1 << 5;
        /// Digits were put into what passes.
        const DIGITS = 1 << 6;
    }
}

impl EdgeFlags {
    /// An ordinary link: packets pass as they are.
    #[must_use]
    pub fn is_plain(self) -> bool {
        !self.intersects(Self::EGRESS | Self::RTCP_ONLY | Self::INJECT)
    }
}

/// A directed link: packets of `source` are copied to `sink`.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Its name. State of the packet path belongs to it, so it stays when a link is made anew between the same medias.
    pub id: EdgeId,
    /// Where packets come from.
    pub source: MediaId,
    /// Where they go.
    pub sink: MediaId,
    /// Attributes.
    pub flags: EdgeFlags,
    /// What it does with codecs.
    pub codecs: LinkCodecs,
}
