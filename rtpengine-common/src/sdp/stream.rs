//! What a call remembers of a received body: owned, cheap to clone, sharing one copy of the text.

use std::net::SocketAddr;
use std::sync::Arc;

use super::attribute::{Attribute, AttributeKind};
use super::candidate::Candidate;
use super::codec::Codec;
use super::crypto::CryptoParams;
use super::direction::{Direction, Setup};
use super::fingerprint::Fingerprint;
use super::media_type::MediaType;
use super::model::Bandwidth;
use super::text::{Keeper, Text, piece_of};
use super::token::Tokens;
use super::transport::Transport;

/// A received body as the call sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    /// What belongs to the whole.
    pub session: SessionParams,
    /// One record per `m=` section of all sessions, in order.
    pub streams: Vec<StreamParams>,
}

/// Session-level items (sdp.md §3 rules 12 and 13). Texts that were not there are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionParams {
    /// `o=` of the first session.
    pub origin: Option<SessionOrigin>,
    /// `s=` of the last session.
    pub name: Text,
    /// `t=` of the last session.
    pub timing: Text,
    /// `i=` of the last session.
    pub information: Text,
    /// `u=` of the last session.
    pub uri: Text,
    /// `e=` of the last session.
    pub email: Text,
    /// `p=` of the last session.
    pub phone: Text,
    /// `b=` of the last session.
    pub bandwidth: Bandwidth,
    /// Session attributes of all sessions, one after the other.
    pub attributes: Attributes,
    /// BUNDLE groups; none with `ICE=force-relay`.
    pub bundle: BundleGroups,
    /// All other groups as received: `group:LS 1 2`. With `ICE=force-relay` the BUNDLE groups are among them.
    pub groups: Vec<Text>,
    /// The attribute configured for music on hold was there.
    pub music_on_hold: bool,
}

/// `o=` as remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOrigin {
    /// User name.
    pub username: Text,
    /// Session id.
    pub session_id: Text,
    /// Version.
    pub version: u64,
    /// Address type as received.
    pub address_type: Text,
    /// Address as received.
    pub address: Text,
}

/// Which section goes with which: member mid → first mid of its group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleGroups {
    pub(super) members: Vec<(Text, Text)>,
}

impl BundleGroups {
    /// The first mid of the group `mid` is in.
    #[must_use]
    pub fn head_of(&self, mid: &[u8]) -> Option<&Text> {
        self.members.iter().find(|(member, _)| member.as_bytes() == mid).map(|(_, head)| head)
    }

    /// `true` without any group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Members and the heads of their groups, heads included, in received order.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.members.iter().map(|(member, head)| (member, head))
    }
}

/// A header extension (RFC 8285).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtMap {
    /// Id, 1…14 or 16…255.
    pub id: u8,
    /// What it is.
    pub uri: Text,
}

/// Where a section's RTCP is to be sent (sdp.md §3 rule 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RtcpEndpoint {
    /// The RTP address and the port after it.
    #[default]
    Implicit,
    /// Signalled.
    Explicit(SocketAddr),
}

impl RtcpEndpoint {
    /// The endpoint, given the one of RTP.
    #[must_use]
    pub fn resolve(self, rtp: SocketAddr) -> SocketAddr {
        match self {
            RtcpEndpoint::Explicit(endpoint) => endpoint,
            RtcpEndpoint::Implicit => SocketAddr::new(rtp.ip(), rtp.port().wrapping_add(1)),
        }
    }
}

/// ICE as a section signals it (sdp.md §3 rule 2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceParams {
    /// `a=ice-ufrag`
    pub ufrag: Text,
    /// `a=ice-pwd`; empty if missing.
    pub pwd: Text,
    /// The peer trickles.
    pub trickle: bool,
    /// The peer does RFC 8445.
    pub ice2: bool,
    /// The peer is lite.
    pub lite: bool,
    /// `a=end-of-candidates`
    pub end_of_candidates: bool,
    /// Usable candidates in order, at most [`super::MAX_CANDIDATES`]. Shared, because signalling and agent keep the same list.
    pub candidates: Arc<[Candidate]>,
    /// There were more usable ones.
    pub more_candidates: bool,
}

/// One `m=` section as the call remembers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamParams {
    /// Position, counted from 1; without gaps after a merge of legacy OSRTP.
    pub index: u32,
    /// Media type.
    pub media_type: MediaType,
    /// Media type as received.
    pub media_type_text: Text,
    /// Protocol; `None` if it is not known.
    pub protocol: Option<Transport>,
    /// Protocol as received.
    pub protocol_text: Text,
    /// Formats as received.
    pub formats: Text,
    /// Port of the `m=` line; 0 rejects the section.
    pub port: u16,
    /// Port count of the `m=` line, 1…10.
    pub port_count: u8,
    /// Where RTP is to be sent; `None` in a trickle fragment.
    pub rtp: Option<SocketAddr>,
    /// Where RTCP is to be sent.
    pub rtcp: RtcpEndpoint,
    /// `a=rtcp-mux`, said or implied.
    pub rtcp_mux: bool,
    /// Which way media flows.
    pub direction: Direction,
    /// Direction attributes as they were there, for `original sendrecv`.
    pub directions: Directions,
    /// `i=`
    pub information: Text,
    /// `b=`
    pub bandwidth: Bandwidth,
    /// Formats of an RTP section with a port, each number once.
    pub codecs: Vec<Codec>,
    /// There were `a=rtcp-fb` lines.
    pub rtcp_fb: bool,
    /// `a=ptime` in ms; 0 if absent.
    pub ptime: u32,
    /// `a=maxptime` in ms; 0 if absent.
    pub maxptime: u32,
    /// `a=mid`
    pub mid: Option<Text>,
    /// `a=label`
    pub label: Option<Text>,
    /// ICE, if in use.
    pub ice: Option<Box<IceParams>>,
    /// `a=setup`
    pub setup: Setup,
    /// `a=fingerprint`
    pub fingerprint: Option<Box<Fingerprint>>,
    /// `a=tls-id`
    pub tls_id: Option<Text>,
    /// Usable `a=crypto` lines in order.
    pub crypto: Vec<CryptoParams>,
    /// Header extensions in order.
    pub extmaps: Vec<ExtMap>,
    /// There are header extensions, and the peer did not say that it takes both forms.
    pub extmap_one_byte: bool,
    /// A plain section before this one offered the same without keys (sdp.md §11.3).
    pub legacy_osrtp: bool,
    /// A plain section after this one offered the same without keys.
    pub legacy_osrtp_reversed: bool,
    /// All attributes of the section in order.
    pub attributes: Attributes,
}

impl StreamParams {
    /// Ports wanted for RTP and RTCP together: 2, 4, …
    #[must_use]
    pub fn ports_wanted(&self) -> u8 {
        self.port_count.saturating_mul(2)
    }

    /// The form of an address that means "candidates follow" (sdp.md §3 rule 2): unspecified with port 9.
    #[must_use]
    pub fn is_trickle_placeholder(&self) -> bool {
        self.rtp.is_some_and(is_trickle_placeholder)
    }
}

/// An unspecified address with port 9 (RFC 8840 §4.1.1).
pub(super) fn is_trickle_placeholder(endpoint: SocketAddr) -> bool {
    endpoint.ip().is_unspecified() && endpoint.port() == 9
}

/// A set of direction attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions(u8);

const DIRECTIONS: [(AttributeKind, Direction); 4] = [
    (AttributeKind::SendRecv, Direction::SEND_RECEIVE),
    (AttributeKind::SendOnly, Direction::SEND_ONLY),
    (AttributeKind::RecvOnly, Direction::RECEIVE_ONLY),
    (AttributeKind::Inactive, Direction::INACTIVE),
];

impl Directions {
    /// Adds a direction attribute; others are left out.
    pub(super) fn insert(&mut self, kind: AttributeKind) {
        for (index, (direction, _)) in DIRECTIONS.iter().enumerate() {
            if *direction == kind {
                self.0 |= 1 << index;
            }
        }
    }

    /// Those of a section and those of its session: each is looked up on its own, so both count.
    pub(super) fn union(self, other: Self) -> Self {
        Directions(self.0 | other.0)
    }

    /// The directions in the set.
    pub fn iter(self) -> impl Iterator<Item = Direction> {
        DIRECTIONS
            .into_iter()
            .enumerate()
            .filter(move |(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, (_, direction))| direction)
    }

    /// What they mean together (sdp.md §8 rule 1).
    #[must_use]
    pub fn effective(self) -> Direction {
        [Direction::RECEIVE_ONLY, Direction::SEND_ONLY, Direction::INACTIVE]
            .into_iter()
            .find(|direction| self.iter().any(|present| present == *direction))
            .unwrap_or_default()
    }
}

/// The attributes of one level in received order, as places in the shared body.
#[derive(Clone, Default)]
pub struct Attributes {
    body: Arc<[u8]>,
    spans: Box<[Span]>,
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    len: u32,
    kind: AttributeKind,
}

impl Attributes {
    pub(super) fn keep<'a>(keeper: &Keeper<'a>, attributes: impl Iterator<Item = &'a Attribute<'a>>) -> Self {
        // All texts are pieces of the body, so that the list has the length which is announced and is built in one go.
        let span = |attribute: &Attribute<'_>| {
            let (start, len) = keeper.place(attribute.text).unwrap_or_default();
            Span { start, len, kind: attribute.kind }
        };
        Attributes { body: Arc::clone(keeper.body()), spans: attributes.map(span).collect() }
    }

    /// Kind and text (`NAME` or `NAME:VALUE`) of each attribute.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (AttributeKind, &[u8])> {
        self.spans.iter().map(|span| (span.kind, piece_of(&self.body, span.start, span.len)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// `true` without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// What is passed through as text: `rtcp-fb:*` first, then everything unknown in received order.
    pub fn passthrough(&self) -> impl Iterator<Item = &[u8]> {
        let feedback = self.iter().filter(|(kind, text)| is_feedback_for_all(*kind, text));
        let unknown = self.iter().filter(|(kind, _)| *kind == AttributeKind::Unknown);
        feedback.chain(unknown).map(|(_, text)| text)
    }

    /// The same at session level where the attribute for music on hold is passed through as well (`--moh-prevent-double-hold`, sdp.md §21).
    pub fn passthrough_with_hold(&self) -> impl Iterator<Item = &[u8]> {
        let is_passed = |kind| matches!(kind, AttributeKind::Unknown | AttributeKind::MusicOnHold);
        self.iter().filter(move |(kind, _)| is_passed(*kind)).map(|(_, text)| text)
    }

    /// What a copied section shows of its source (sdp.md §5.2): everything but `end-of-candidates`, which goes last, and what is dropped
    /// on reception; without `relay` candidates if `drop_relay`.
    pub fn copied(&self, drop_relay: bool) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(kind, text)| is_copied(*kind) && !(drop_relay && is_relay_candidate(*kind, text)))
            .map(|(_, text)| text)
    }

    /// The T.38 parameters: kind and value.
    pub fn t38(&self) -> impl Iterator<Item = (AttributeKind, &[u8])> {
        self.iter().filter(|(kind, _)| kind.is_t38()).map(|(kind, text)| (kind, value_of(text)))
    }

    /// The value of the first attribute of this kind.
    #[must_use]
    pub fn value(&self, kind: AttributeKind) -> Option<&[u8]> {
        self.iter().find(|(found, _)| *found == kind).map(|(_, text)| value_of(text))
    }
}

fn value_of(text: &[u8]) -> &[u8] {
    super::token::split_once(text, b':').map_or(b"", |(_, value)| value)
}

fn is_feedback_for_all(kind: AttributeKind, text: &[u8]) -> bool {
    kind == AttributeKind::RtcpFb && text.starts_with(b"rtcp-fb:* ")
}

fn is_copied(kind: AttributeKind) -> bool {
    use AttributeKind as K;
    !matches!(kind, K::EndOfCandidates | K::IceMismatch | K::RemoteCandidates | K::Rtpengine)
}

fn is_relay_candidate(kind: AttributeKind, text: &[u8]) -> bool {
    if kind != AttributeKind::Candidate {
        return false;
    }
    let mut tokens = Tokens::new(value_of(text));
    std::iter::from_fn(|| tokens.token()).nth(7) == Some(b"relay")
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Attributes {
    /// Names only: values may be keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |text: &[u8]| {
            String::from_utf8_lossy(super::token::split_once(text, b':').map_or(text, |(name, _)| name))
                .into_owned()
        };
        f.debug_list().entries(self.iter().map(|(_, text)| name(text))).finish()
    }
}
