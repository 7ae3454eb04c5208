//! Parties: the sides of a call, one SIP tag each (ng-control.md §10.2).

use std::time::Instant;

use rtpengine_common::ng::MusicOnHold;
use smallvec::SmallVec;

use super::dtmf::DtmfSettings;
use super::ids::{LogicalId, MediaId, Name, PartyId};
use super::session::{Emitted, Session};

bitflags::bitflags! {
    /// Marks of a party.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PartyFlags: u32 {
        /// Takes part in bundling (sdp.md §15.3).
        const BUNDLES = 1 << 0;
        /// Has given a final SIP response (ng-control.md §10.3).
        const FINAL_RESPONSE = 1 << 1;
        /// `block media` for this side.
        const BLOCK_MEDIA = 1 << 2;
        /// `silence media` for this side.
        const SILENCE_MEDIA = 1 << 3;
        /// `block-short`: RTP packets shorter than the codec's frame are dropped.
        const BLOCK_SHORT = 1 << 5;
        /// `exclude-recording`.
        const EXCLUDE_RECORDING = 1 << 6;
        /// `start forwarding` for this side.
        const FORWARDING = 1 << 7;
        /// `inject-DTMF` was given for this side.
        const INJECT_DTMF = 1 << 8;
        /// Has sent an offer or answer itself.
        const SPOKE = 1 << 9;
        /// The sockets are gone; the record stays listed.
        const DELETED = 1 << 10;
        /// Was made by `subscribe request`.
        const SUBSCRIBER = 1 << 11;
        /// `detect-DTMF`.
        const DETECT_DTMF = 1 << 12;
        /// `audio-player` = `force`: what this side hears comes from a player that mixes.
        const AUDIO_PLAYER = 1 << 20;
        /// SDP bodies to this party are compared for `replace-SDP-version` (sdp.md §6.1).
        const KEEPS_BODY = 1 << 13;
    }
}

/// One side of a call.
#[derive(Clone, Debug)]
pub struct Party {
    /// The call-id it was created under: position in `Signalling::ids`.
    pub call_id: u16,
    /// Primary tag; none while the SIP tag is not known.
    pub tag: Option<Name>,
    /// Former tags; all of them find the party.
    pub aliases: SmallVec<[Name; 0]>,
    /// Via-branch of the offer that made this party.
    pub branch: Option<Name>,
    /// Label given by the client.
    pub label: Option<Name>,
    /// Music for whom this side puts on hold, or in mode `reflect` for itself.
    pub hold_music: Option<Box<MusicOnHold>>,
    /// What becomes of DTMF that this side sends.
    pub dtmf: Option<Box<DtmfSettings>>,
    /// Metadata for recordings.
    pub metadata: Option<Box<[u8]>>,
    /// Creation time, Unix seconds.
    pub created: u64,
    /// Its `m=` sections by index; never shorter after a later SDP.
    pub medias: SmallVec<[MediaId; 1]>,
    /// Parties it is associated with by offer/answer: deletion and keep-alive only.
    pub associated: SmallVec<[PartyId; 1]>,
    /// Session-level content of the last SDP it sent.
    pub session: Option<Box<Session>>,
    /// What the last SDP printed for it said in `o=`.
    pub emitted: Option<Box<Emitted>>,
    /// Interface its sections are opened on.
    pub interface: Option<LogicalId>,
    /// Whether `interface` is wanted for IPv6.
    pub ipv6: Option<bool>,
    /// Marks.
    pub flags: PartyFlags,
    /// When a scheduled deletion is due.
    pub deletion: Option<Instant>,
    /// Keys of the alias-key option: the SDP text or the first endpoint last seen (ng-control.md §10.4).
    pub alias_key: Option<Box<[u8]>>,
}

impl Party {
    /// A party without medias.
    #[must_use]
    pub fn new(call_id: u16, created: u64) -> Self {
        Self {
            call_id,
            tag: None,
            aliases: SmallVec::new(),
            branch: None,
            label: None,
            hold_music: None,
            dtmf: None,
            metadata: None,
            created,
            medias: SmallVec::new(),
            associated: SmallVec::new(),
            session: None,
            emitted: None,
            interface: None,
            ipv6: None,
            flags: PartyFlags::default(),
            deletion: None,
            alias_key: None,
        }
    }

    /// Whether `tag` is the primary tag or an alias.
    #[must_use]
    pub fn has_tag(&self, tag: &[u8]) -> bool {
        self.tag.as_ref().is_some_and(|t| t.as_bytes() == tag)
            || self.aliases.iter().any(|t| t.as_bytes() == tag)
    }

    /// Gives the party a tag; a different one it already has becomes an alias (ng-control.md §10.2 rule 2).
    pub fn set_tag(&mut self, tag: &[u8]) {
        if self.tag.as_ref().is_some_and(|t| t.as_bytes() == tag) {
            return;
        }
        self.aliases.retain(|alias| alias.as_bytes() != tag);
        if let Some(old) = self.tag.replace(tag.into()) {
            self.aliases.push(old);
        }
    }

    /// Whether it is linked by offer/answer with anybody.
    #[must_use]
    pub fn is_associated(&self) -> bool {
        !self.associated.is_empty()
    }
}
