//! What was signalled for a call: its ids, parties, medias and the links between them.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use smallvec::{SmallVec, smallvec};

use super::codecs::DtmfBlock;
use super::edge::{Edge, EdgeFlags};
use super::handling::LinkCodecs;
use super::ids::{EdgeId, MediaId, Name, PartyId};
use super::media::Media;
use super::party::{Party, PartyFlags};
use super::recording::RecordingTarget;
use crate::tight;

bitflags::bitflags! {
    /// Marks of a whole call.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct CallFlags: u32 {
        /// `block media` for the whole call.
        const BLOCK_MEDIA = 1 << 0;
        /// `silence media` for the whole call.
        const SILENCE_MEDIA = 1 << 1;
        /// `drop-traffic start`.
        const DROP_TRAFFIC = 1 << 3;
        /// `start forwarding` for the whole call.
        const FORWARDING = 1 << 4;
        /// The call is being recorded.
        const RECORDING = 1 << 5;
        /// `debug`: everything about this call is logged.
        const DEBUG = 1 << 6;
        /// `no-jitter-buffer`.
        const NO_JITTER_BUFFER = 1 << 7;
        /// Recording files are to be discarded.
        const DISCARD_RECORDING = 1 << 8;
        /// Owned by a peer instance (ng-control.md §14 rule 4).
        const FOREIGN = 1 << 9;
        /// Recording is paused.
        const RECORDING_PAUSED = 1 << 10;
        /// A recording exists: it was started, or media is forwarded to the recorder.
        const RECORDING_SET_UP = 1 << 11;
    }
}

/// Everything signalled for one call. A plain value: `Clone` for commands that ask before they change.
#[derive(Clone, Debug)]
pub struct Signalling {
    /// Call-ids that lead here: the first one the call was created with, then those of merged calls.
    pub ids: SmallVec<[Name; 1]>,
    /// Creation time, Unix microseconds.
    pub created_us: u64,
    /// Creation time on the monotonic clock.
    pub created: Instant,
    /// Last offer, answer, publish or subscribe request: Unix seconds and monotonic.
    pub last_signal: (u64, Instant),
    /// Parties in creation order.
    pub parties: Vec<Party>,
    /// Medias in creation order.
    pub medias: Vec<Media>,
    /// Links, offer/answer ones before others of the same source.
    pub edges: Vec<Edge>,
    /// Links ever made; the id of the next one.
    pub edges_made: u32,
    /// Marks.
    pub flags: CallFlags,
    /// TOS or traffic class of all sockets.
    pub tos: u8,
    /// Address of the agent that created the call.
    pub created_from: Option<Box<str>>,
    /// Address for the timeout callback.
    pub xmlrpc_callback: Option<IpAddr>,
    /// What becomes of DTMF, as far as it was said for the whole call.
    pub dtmf: DtmfBlock,
    /// Where digits are told, if the client wants it.
    pub dtmf_log: Option<SocketAddr>,
    /// Digits are told to somebody.
    pub dtmf_logged: bool,
    /// Metadata for recordings.
    pub metadata: Option<Box<[u8]>>,
    /// Where recordings go.
    pub recording: RecordingTarget,
    /// When the scheduled deletion of the entire call is due.
    pub deletion: Option<Instant>,
}

impl Signalling {
    /// A call without parties.
    #[must_use]
    pub fn new(id: Name, now: super::ctx::Now, tos: u8) -> Self {
        Self {
            ids: smallvec![id],
            created_us: now.unix_us,
            created: now.instant,
            last_signal: (now.unix_s(), now.instant),
            parties: Vec::new(),
            medias: Vec::new(),
            edges: Vec::new(),
            edges_made: 0,
            flags: CallFlags::default(),
            tos,
            created_from: None,
            xmlrpc_callback: None,
            dtmf: DtmfBlock::Off,
            dtmf_log: None,
            dtmf_logged: false,
            metadata: None,
            recording: RecordingTarget::default(),
            deletion: None,
        }
    }

    /// The party `id` names.
    #[must_use]
    pub fn party(&self, id: PartyId) -> &Party {
        &self.parties[id.index()]
    }

    /// The party `id` names, to be changed.
    pub fn party_mut(&mut self, id: PartyId) -> &mut Party {
        &mut self.parties[id.index()]
    }

    /// The media `id` names.
    #[must_use]
    pub fn media(&self, id: MediaId) -> &Media {
        &self.medias[id.index()]
    }

    /// The media `id` names, to be changed.
    pub fn media_mut(&mut self, id: MediaId) -> &mut Media {
        &mut self.medias[id.index()]
    }

    /// Two different medias at once; `None` if they are the same one.
    pub fn media_pair(&mut self, a: MediaId, b: MediaId) -> Option<(&mut Media, &mut Media)> {
        let [a, b] = self.medias.get_disjoint_mut([a.index(), b.index()]).ok()?;
        Some((a, b))
    }

    /// All parties with their names, in creation order.
    pub fn party_ids(&self) -> impl Iterator<Item = (PartyId, &Party)> + '_ {
        self.parties.iter().enumerate().map(|(i, p)| (PartyId::at(i), p))
    }

    /// Makes a party under the call-id at position `call_id`.
    pub fn new_party(&mut self, call_id: u16, now: super::ctx::Now) -> PartyId {
        tight::push(&mut self.parties, Party::new(call_id, now.unix_s()));
        PartyId::at(self.parties.len() - 1)
    }

    /// The party with this tag, primary or alias. A primary tag goes before an alias.
    #[must_use]
    pub fn by_tag(&self, tag: &[u8]) -> Option<PartyId> {
        let live = || self.party_ids().filter(|(_, p)| !p.flags.contains(PartyFlags::DELETED));
        live()
            .find(|(_, p)| p.tag.as_ref().is_some_and(|t| t.as_bytes() == tag))
            .or_else(|| live().find(|(_, p)| p.has_tag(tag)))
            .map(|(id, _)| id)
    }

    /// The party with this via-branch.
    #[must_use]
    pub fn by_branch(&self, branch: &[u8]) -> Option<PartyId> {
        self.party_ids()
            .find(|(_, p)| {
                !p.flags.contains(PartyFlags::DELETED)
                    && p.branch.as_ref().is_some_and(|b| b.as_bytes() == branch)
            })
            .map(|(id, _)| id)
    }

    /// The party with this label: the one that took it last (ng-control.md §10.2 rule 4).
    #[must_use]
    pub fn by_label(&self, label: &[u8]) -> Option<PartyId> {
        self.party_ids()
            .find(|(_, p)| {
                !p.flags.contains(PartyFlags::DELETED)
                    && p.label.as_ref().is_some_and(|l| l.as_bytes() == label)
            })
            .map(|(id, _)| id)
    }

    /// Stores `label` on a party; a former owner in the call loses it.
    pub fn set_label(&mut self, party: PartyId, label: &[u8]) {
        for other in &mut self.parties {
            if other.label.as_ref().is_some_and(|l| l.as_bytes() == label) {
                other.label = None;
            }
        }
        self.party_mut(party).label = Some(label.into());
    }

    /// Notes that two parties belong together (offer/answer), which cancels scheduled deletions of both.
    pub fn associate(&mut self, a: PartyId, b: PartyId) {
        for (this, other) in [(a, b), (b, a)] {
            let party = self.party_mut(this);
            party.deletion = None;
            if !party.associated.contains(&other) {
                party.associated.push(other);
            }
        }
    }

    /// Edges that lead from `media`, in order of preference.
    pub fn edges_from(&self, media: MediaId) -> impl Iterator<Item = &Edge> + '_ {
        self.edges.iter().filter(move |e| e.source == media)
    }

    /// Edges that lead to `media`, in order of preference.
    pub fn edges_to(&self, media: MediaId) -> impl Iterator<Item = &Edge> + '_ {
        self.edges.iter().filter(move |e| e.sink == media)
    }

    /// The media `media` gets its packets and its SDP from: the first link, offer/answer ones first. Links that carry only
    /// RTCP or injected audio do not count.
    #[must_use]
    pub fn source_of(&self, media: MediaId) -> Option<MediaId> {
        let sources =
            || self.edges_to(media).filter(|e| !e.flags.intersects(EdgeFlags::RTCP_ONLY | EdgeFlags::INJECT));
        sources()
            .find(|e| e.flags.contains(EdgeFlags::OFFER_ANSWER))
            .or_else(|| sources().next())
            .map(|e| e.source)
    }

    /// Links `source` to `sink`. An existing link, injections aside, between the two keeps its id and its blocking attributes.
    pub fn link(&mut self, source: MediaId, sink: MediaId, flags: EdgeFlags) {
        const KEPT: EdgeFlags = EdgeFlags::BLOCKED.union(EdgeFlags::SILENCED).union(EdgeFlags::DIGITS);
        let of_pair = |e: &Edge| e.source == source && e.sink == sink && !e.flags.contains(EdgeFlags::INJECT);
        let known = self.edges.iter().position(of_pair);
        let edge = match known.map(|at| self.edges.remove(at)) {
            Some(edge) => Edge { flags: flags | edge.flags & KEPT, ..edge },
            None => {
                self.edges_made += 1;
                Edge { id: EdgeId(self.edges_made - 1), source, sink, flags, codecs: LinkCodecs::default() }
            }
        };
        if !flags.contains(EdgeFlags::OFFER_ANSWER) {
            self.edges.push(edge);
            return;
        }
        // Offer/answer links are listed before the others.
        let at = self
            .edges
            .iter()
            .position(|e| !e.flags.contains(EdgeFlags::OFFER_ANSWER))
            .unwrap_or(self.edges.len());
        self.edges.insert(at, edge);
    }

    /// Lets the audio of `source` be mixed into what `sink` hears, beside whatever else there is between the two.
    pub fn link_injected(&mut self, source: MediaId, sink: MediaId) {
        let flags = EdgeFlags::INJECT;
        if self.edges_from(source).any(|e| e.sink == sink && e.flags.contains(flags)) {
            return;
        }
        self.edges_made += 1;
        let id = EdgeId(self.edges_made - 1);
        self.edges.push(Edge { id, source, sink, flags, codecs: LinkCodecs::default() });
    }

    /// Removes the offer/answer links of `media` in both directions, except those with `keep`.
    pub fn unlink_offer_answer(&mut self, media: MediaId, keep: MediaId) {
        self.edges.retain(|e| {
            let touches = (e.source == media && e.sink != keep) || (e.sink == media && e.source != keep);
            !(touches && e.flags.contains(EdgeFlags::OFFER_ANSWER))
        });
    }

    /// The party at the other end of a media's first offer/answer link, as the source of its packets.
    #[must_use]
    pub fn first_offer_answer_peer(&self, party: PartyId) -> Option<PartyId> {
        self.party(party).medias.iter().find_map(|&media| {
            self.edges_to(media)
                .find(|e| e.flags.contains(EdgeFlags::OFFER_ANSWER))
                .map(|e| self.media(e.source).party)
        })
    }

    /// Whether the party is linked with exactly one other party by offer/answer: that one.
    #[must_use]
    pub fn only_peer(&self, party: PartyId) -> Option<PartyId> {
        let mut peers = self
            .party(party)
            .medias
            .iter()
            .flat_map(|&m| self.edges_to(m))
            .filter(|e| e.flags.contains(EdgeFlags::OFFER_ANSWER))
            .map(|e| self.media(e.source).party);
        let first = peers.next()?;
        peers.all(|p| p == first).then_some(first)
    }
}
