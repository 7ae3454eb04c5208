//! What signalling tells the plane about one stream: plain data, comparable, without handles and without state.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::call::ids::{EdgeId, StreamId};

use super::buffers::BufferSpec;
use super::dtmf::DtmfSpec;
use super::transcode::Transcode;

/// How the datagrams of a stream are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowKind {
    /// Component 1 of an RTP profile: RTP, with RTCP told apart by its second byte whether multiplexed or not.
    #[default]
    Rtp,
    /// Component 2 of an RTP profile.
    Rtcp,
    /// Anything else (T.38 over UDPTL, unknown protocols, media in passthrough state): copied as it is to the sinks
    /// of [`FlowSpec::rtp`], for both components (media-plane.md §16).
    Raw,
}

/// How the address of a peer is learned from its packets (media-plane.md §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Learning {
    /// For 3 s after the last signalling each packet moves the endpoint; the first one later confirms it.
    Delayed,
    /// The first packet confirms.
    Immediate,
    /// The signalled address is used as it is.
    Off,
    /// Like delayed, but candidates are ranked by their similarity to the signalled address.
    #[default]
    Heuristic,
}

/// Who may send to a stream and what a foreign source means (ng-control.md §7.2, media-plane.md §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourcePolicy {
    /// `strict source`: once the peer is confirmed, packets of others are dropped.
    pub strict: bool,
    /// `media handover`: a confirmed peer may move.
    pub handover: bool,
    /// `asymmetric`: the peer sends from another address than it receives on; where we send never moves.
    pub asymmetric: bool,
    /// `unidirectional`: a packet also confirms the sockets of the sinks.
    pub unidirectional: bool,
}

/// The signalled payload types of a media: which numbers are known, and their clock rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadTypes {
    known: u128,
    events: u128,
    clock_rates: Vec<(u8, u32)>,
}

impl PayloadTypes {
    /// The set of `(payload type, clock rate in Hz)`; numbers above 127 are left out, the first entry of a number counts.
    pub fn new(types: impl IntoIterator<Item = (u8, u32)>) -> Self {
        let types = types.into_iter();
        let mut set = Self { clock_rates: Vec::with_capacity(types.size_hint().0), ..Self::default() };
        for (payload_type, clock_rate) in types {
            if payload_type < 128 && !set.contains(payload_type) {
                set.known |= 1 << payload_type;
                set.clock_rates.push((payload_type, clock_rate));
            }
        }
        set
    }

    /// Marks those of the numbers that are telephone-event.
    #[must_use]
    pub fn with_events(mut self, numbers: impl IntoIterator<Item = u8>) -> Self {
        for number in numbers.into_iter().filter(|number| *number < 128) {
            self.events |= 1 << number;
        }
        self
    }

    /// The numbers that are telephone-event, one bit each.
    #[must_use]
    pub fn events(&self) -> u128 {
        self.events
    }

    /// Whether the number is telephone-event.
    #[inline]
    #[must_use]
    pub fn is_event(&self, payload_type: u8) -> bool {
        payload_type < 128 && self.events >> payload_type & 1 == 1
    }

    /// Whether the number was signalled.
    #[must_use]
    pub fn contains(&self, payload_type: u8) -> bool {
        payload_type < 128 && self.known >> payload_type & 1 == 1
    }

    /// Every signalled number with its clock rate in Hz.
    #[must_use]
    pub fn clock_rates(&self) -> &[(u8, u32)] {
        &self.clock_rates
    }

    /// Clock rate in Hz of a signalled number.
    #[must_use]
    pub fn clock_rate(&self, payload_type: u8) -> Option<u32> {
        self.clock_rates.iter().find(|(number, _)| *number == payload_type).map(|&(_, rate)| rate)
    }
}

/// What a sink does with the packets of one payload type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PtAction {
    /// Forward unchanged (media-plane.md §7.1).
    #[default]
    Forward,
    /// Fill the payload with this byte, header kept: `silence media` (media-plane.md §17).
    Silence(u8),
    /// Do not send it to this sink: `block media`, `block DTMF` in mode `drop`.
    Drop,
}

/// Actions per payload type. A sink that forwards everything has none of these tables.
///
/// `block media` is `default: Drop` with `Forward` for telephone-event where the receiver has it; `silence media` is one
/// [`PtAction::Silence`] for each payload type whose codec has a silence pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PtTable {
    /// For every payload type without a rule.
    pub default: PtAction,
    /// Rules of single payload types; the first one for a number counts.
    pub rules: Vec<(u8, PtAction)>,
    /// Payload types under `block short`: payloads shorter than the first one seen are dropped (media-plane.md §7.5).
    pub block_short: Vec<u8>,
}

impl PtTable {
    /// The action for a payload type.
    #[must_use]
    pub fn action(&self, payload_type: u8) -> PtAction {
        self.rules
            .iter()
            .find(|(number, _)| *number == payload_type)
            .map_or(self.default, |&(_, action)| action)
    }
}

/// A copy of what goes to a sink, taken after transformation and before protection: an egress subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorSpec {
    /// The link it belongs to.
    pub edge: Option<EdgeId>,
    /// Where the copy goes.
    pub to: StreamId,
}

/// Where the RTP (or raw) packets of a stream go, in order of subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSpec {
    /// The link it belongs to; `None` for a media that echoes (`to` is then the stream itself).
    pub edge: Option<EdgeId>,
    /// The stream that sends: its selected socket and its endpoint are read when the packet leaves.
    pub to: StreamId,
    /// The sink's party announced that it receives. Otherwise packets count but are not sent (media-plane.md §3.4).
    pub delivers: bool,
    /// Actions per payload type; `None` forwards everything.
    pub actions: Option<Arc<PtTable>>,
    /// Some payload type of the source is transcoded for this sink, or packets to it are renumbered; `None` forwards as received.
    /// What `actions` drops or silences is dropped or silenced before.
    pub transcode: Option<Arc<Transcode>>,
    /// What goes to the sink is mixed by its audio player ([`Plane::set_mixer`](super::Plane::set_mixer)).
    pub mixed: bool,
    /// Egress subscribers of the sink.
    pub mirrors: Vec<MirrorSpec>,
}

impl SinkSpec {
    /// A sink that forwards everything to `to`.
    #[must_use]
    pub fn forward(edge: Option<EdgeId>, to: StreamId) -> Self {
        Self { edge, to, delivers: true, actions: None, transcode: None, mixed: false, mirrors: Vec::new() }
    }
}

/// Where the RTCP of a stream goes. Direction does not matter for RTCP (media-plane.md §3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcpSinkSpec {
    /// The link it belongs to; `None` for a media that echoes.
    pub edge: Option<EdgeId>,
    /// The stream that sends: the sink's RTCP stream, or its RTP stream where that side multiplexes.
    pub to: StreamId,
    /// Cut out feedback elements: AVPF to AVP (media-plane.md §2.1, §13.3).
    pub strip_feedback: bool,
    /// The RTP of this link is transcoded: what reports say of it is rewritten (media-plane.md §13.4).
    pub translate: bool,
}

/// RTP header extensions negotiated with one party (media-plane.md §14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Ids whose elements may pass: without those of `strip` and `mask`.
    pub ids: Vec<u8>,
    /// The id of `urn:ietf:params:rtp-hdrext:sdes:mid`.
    pub mid_id: Option<u8>,
    /// What we write as MID towards this party; empty when it has none.
    pub mid: Box<[u8]>,
    /// The party signalled `a=extmap-allow-mixed`.
    pub allow_mixed: bool,
}

impl Extensions {
    pub(super) fn contains(&self, id: u8) -> bool {
        self.ids.contains(&id)
    }

    pub(super) fn is_mid(&self, id: u8) -> bool {
        self.mid_id == Some(id)
    }

    /// Id and value of the MID to write.
    pub(super) fn own_mid(&self) -> Option<(u8, &[u8])> {
        self.mid_id.filter(|_| !self.mid.is_empty()).map(|id| (id, &*self.mid))
    }

    /// A negotiated id does not fit the one-byte form.
    pub(super) fn needs_two_byte(&self) -> bool {
        self.ids.iter().chain(&self.mid_id).any(|id| *id > 14)
    }
}

/// One media of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleMember {
    /// Its stream, of the same component as the head's.
    pub stream: StreamId,
    /// Its identification tag (`a=mid`).
    pub mid: Box<[u8]>,
    /// Its payload types.
    pub payload_types: Vec<u8>,
}

/// An accepted bundle, the head included, as input demultiplexing needs it (media-plane.md §15 rule 2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The id of the MID extension, if it was negotiated.
    pub mid_id: Option<u8>,
    /// All medias in force.
    pub members: Vec<BundleMember>,
}

impl Bundle {
    pub(super) fn by_mid(&self, mid: &[u8]) -> Option<StreamId> {
        self.members.iter().find(|member| *member.mid == *mid).map(|member| member.stream)
    }

    /// The only member with this payload type.
    pub(super) fn by_payload_type(&self, payload_type: u8) -> Option<StreamId> {
        let mut with = self.members.iter().filter(|member| member.payload_types.contains(&payload_type));
        with.next().filter(|_| with.next().is_none()).map(|member| member.stream)
    }
}

/// One stream as signalling wants it. [`FlowSpec::default`] is a stream that takes packets and has no sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowSpec {
    /// How datagrams are read.
    pub kind: FlowKind,
    /// Source checks.
    pub source: SourcePolicy,
    /// The media has an ICE agent: STUN is taken out, and only authenticated sources pass (media-plane.md §11.9).
    pub ice: bool,
    /// The media uses DTLS: records are taken out.
    pub dtls: bool,
    /// The profile is SRTP: what comes in is deciphered, what goes out enciphered, with the keys of
    /// [`Plane::set_keys`](super::Plane::set_keys). Without effect for [`FlowKind::Raw`].
    pub srtp: bool,
    /// Decipher and encipher even where equal keys would let SRTP pass untouched: flag `recrypt`, recording, DTMF
    /// injection or logging, players (media-plane.md §2.1 rule 2).
    pub recrypt: bool,
    /// The peer advertises an address of our own: guard against loops (media-plane.md §3.5).
    pub loop_check: bool,
    /// `media echo` made this media discard what it receives: RTP counts, but is not sent.
    pub blackhole: bool,
    /// The stream's own party announced that it sends; otherwise its RTP counts, but is not sent (media-plane.md §3.4).
    /// Also says which timeout applies (media-plane.md §19.1).
    pub receives: bool,
    /// Our SDP towards this party has been produced; before that nothing is learned (media-plane.md §4.3 step 1).
    pub own_sdp: bool,
    /// RTCP ends here (own generation, or a player feeds the sink): it is used for statistics and not forwarded
    /// (media-plane.md §13.2).
    pub rtcp_terminated: bool,
    /// The daemon generates RTCP towards this party (media-plane.md §13.5); on the stream of component 1.
    pub generate_rtcp: bool,
    /// `pierce NAT`: send a few bytes each second until the peer is confirmed (media-plane.md §3.6).
    pub pierce_nat: bool,
    /// `NAT wait`: send nothing to this stream's peer before it sent something.
    pub nat_wait: bool,
    /// Header extensions negotiated with this party; `None` where it has no extmap.
    pub extensions: Option<Arc<Extensions>>,
    /// Member of an accepted bundle: sockets, endpoint, keys and SSRC tables are those of this stream, the same component of
    /// the head media. Sockets the stream has of its own still take packets for it (media-plane.md §15).
    pub head: Option<StreamId>,
    /// Head of an accepted bundle: whom packets on its sockets belong to.
    pub bundle: Option<Arc<Bundle>>,
    /// Signalled payload types; `None` where none are known (nothing then counts as unknown).
    pub payload_types: Option<Arc<PayloadTypes>>,
    /// What arrives is held back before it is forwarded; `None` where nothing is.
    pub buffers: Option<Arc<BufferSpec>>,
    /// What arrives goes to the T.38 gateway of the media, beside the sinks (codecs.md §19).
    pub fax: bool,
    /// What is to be known of the source's digits beyond its event packets, and what hides them.
    pub dtmf: Option<Arc<DtmfSpec>>,
    /// Where RTP goes; for [`FlowKind::Raw`] where everything goes.
    pub rtp: SmallVec<[SinkSpec; 1]>,
    /// Where RTCP goes, also when it arrives on the RTP port without multiplexing (media-plane.md §6).
    pub rtcp: SmallVec<[RtcpSinkSpec; 1]>,
}

impl FlowSpec {
    /// Streams this one sends to, primary sinks of both kinds.
    pub(super) fn sink_streams(&self) -> SmallVec<[StreamId; 4]> {
        let rtp = self.rtp.iter().map(|sink| sink.to);
        rtp.chain(self.rtcp.iter().map(|sink| sink.to)).collect()
    }

    /// Renumbers what the spec names, for a call that joins another one.
    pub(super) fn shift(&mut self, streams: u32, edges: u32) {
        let shift_edge = |edge: &mut Option<EdgeId>| {
            if let Some(edge) = edge {
                edge.0 += edges;
            }
        };
        for sink in &mut self.rtp {
            sink.to.0 += streams;
            shift_edge(&mut sink.edge);
            for mirror in &mut sink.mirrors {
                mirror.to.0 += streams;
                shift_edge(&mut mirror.edge);
            }
        }
        for sink in &mut self.rtcp {
            sink.to.0 += streams;
            shift_edge(&mut sink.edge);
        }
        if let Some(head) = &mut self.head {
            head.0 += streams;
        }
        if let Some(bundle) = &mut self.bundle {
            Arc::make_mut(bundle).members.iter_mut().for_each(|member| member.stream.0 += streams);
        }
    }
}
