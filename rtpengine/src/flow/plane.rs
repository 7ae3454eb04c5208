//! A call's run-time state and what signalling does to it. The packet path is in `reception` and `sink`.

use std::net::SocketAddr;
use std::time::Instant;

use crate::call::ctx::{Now, Transmit};
use crate::call::ids::{LocalSocket, MediaId, SocketKey, StreamId};
use crate::tight;

use super::coding::{CoderJob, Elsewhere};
use super::crypto::Keys;
use super::dtmf::DtmfNotice;
use super::events::Events;
use super::loop_check::LoopMemory;
use super::mos::MosOptions;
use super::packet::Packet;
use super::schedule::{Offsets, Schedule};
use super::spec::{FlowSpec, Learning};
use super::ssrc::{SsrcEntry, SsrcTable};
use super::stream::{Component, Stream};
use super::transcode::SeenDigit;

/// Addresses from which ICE lets media in, per stream; pairs are bounded by the agent, this is the last line.
const MAX_ICE_SOURCES: usize = 256;

/// What a shard lends to a call for one datagram or one tick.
pub struct Turn<'a, T> {
    /// The present time; also the arrival time.
    pub now: Now,
    /// The way out.
    pub out: &'a mut T,
    /// Where what is to be said is put.
    pub events: &'a mut Events,
    /// A second buffer, for sinks that change the packet while others still need it.
    pub spare: &'a mut Packet,
}

/// Where a datagram came in and from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The stream the socket leads to.
    pub stream: StreamId,
    /// The socket.
    pub socket: SocketKey,
    /// The sender, v4-mapped addresses unmapped (media-plane.md §3.1).
    pub source: SocketAddr,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Handled, dropped, or for somebody else.
    pub outcome: Outcome,
    /// It counts as an error of the interface (it is counted in the stream already).
    pub error: bool,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted and counted; sent to whoever takes it.
    Accepted,
    /// Not accepted.
    Dropped(DropCause),
    /// May be STUN and the media has an ICE agent: untouched, for the agent. What the agent does not take goes on with
    /// [`Plane::resume`].
    Stun,
    /// May be DTLS and the media uses it: untouched, for the association. Without one it goes on with
    /// [`Plane::resume`].
    Dtls,
}

/// Why a datagram was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropCause {
    /// The stream is disabled or unknown.
    NoSocket,
    /// `drop-traffic` is on.
    TrafficDropped,
    /// ICE has not authenticated the source.
    NotAuthenticated,
    /// The same packet came too often.
    Loop,
    /// An RTCP element is malformed.
    InvalidRtcp,
    /// Strict source.
    Source,
    /// It could not be deciphered or authenticated, or keys are missing.
    Crypto,
}

/// Counters of one payload type of a media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadTypeCount {
    /// The number.
    pub payload_type: u8,
    /// Packets received.
    pub packets: u64,
    /// Bytes of UDP payload received.
    pub bytes: u64,
}

/// The run-time state of one media.
#[derive(Debug, Default)]
pub struct MediaPlane {
    /// SSRCs received.
    pub ssrc_in: SsrcTable,
    /// SSRCs sent.
    pub ssrc_out: SsrcTable,
    /// The stream of component 2.
    pub(super) rtcp: Option<StreamId>,
    /// Header extensions to this party are written in the two-byte form.
    pub(super) two_byte: bool,
    /// When the next report is to be generated.
    pub(super) report_due: Option<Instant>,
    pub(super) payload_types: Vec<PayloadTypeCount>,
}

impl MediaPlane {
    /// Payload types received, in order of first appearance.
    #[must_use]
    pub fn payload_types(&self) -> &[PayloadTypeCount] {
        &self.payload_types
    }

    /// The payload type with the most received packets (`codec` in ng-control.md §12.3).
    #[must_use]
    pub fn most_received(&self) -> Option<u8> {
        let most = self.payload_types.iter().rev().max_by_key(|count| count.packets)?;
        Some(most.payload_type)
    }

    #[inline]
    pub(super) fn count_payload_type(&mut self, payload_type: u8, bytes: usize) {
        let known = self.payload_types.iter().position(|count| count.payload_type == payload_type);
        let at = known.unwrap_or_else(|| {
            // One media seldom has more than one or two.
            self.payload_types.reserve_exact(1);
            self.payload_types.push(PayloadTypeCount { payload_type, packets: 0, bytes: 0 });
            self.payload_types.len() - 1
        });
        let count = &mut self.payload_types[at];
        count.packets += 1;
        count.bytes += bytes as u64;
    }
}

/// What few calls have, so that it costs the others nothing.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    /// T.38 gateways.
    #[cfg(feature = "codec")]
    pub(super) faxes: Vec<super::fax::Fax>,
    /// Where packets that were held back live while they are forwarded; made when it is needed.
    pub(super) held: Option<Packet>,
}

/// The run-time state of a call: not cloned, not stored, moved between shards as it is.
#[derive(Debug, Default)]
pub struct Plane {
    pub(super) streams: Vec<Stream>,
    pub(super) medias: Vec<MediaPlane>,
    pub(super) last_signal: Option<Instant>,
    pub(super) drop_traffic: bool,
    /// Specs or keys changed since it was last decided what SRTP passes untouched.
    pub(super) crypto_stale: bool,
    pub(super) mos: MosOptions,
    /// Packets a replay window reaches back; 0 is off.
    pub(super) replay_window: u16,
    /// Digits that were seen and not yet taken.
    pub(super) dtmf: Vec<DtmfNotice>,
    /// What the call does at a time of its own; nothing for most calls.
    pub(super) schedule: Option<Box<Schedule>>,
    /// What few calls have.
    pub(super) seldom: Option<Box<Seldom>>,
    /// Audio players, by the stream they send.
    pub(super) mixers: Vec<super::mixing::Mixer>,
    /// DTMF events that transcoders saw.
    pub(super) digits: Vec<SeenDigit>,
    /// What is left to jobs.
    pub(super) elsewhere: Elsewhere,
    /// Jobs nobody has taken yet.
    pub(super) jobs: Vec<CoderJob>,
}

impl Plane {
    /// A call without media.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next media.
    pub fn add_media(&mut self) -> MediaId {
        tight::push(&mut self.medias, MediaPlane::default());
        MediaId::at(self.medias.len() - 1)
    }

    /// Makes room for so many more medias of two streams each.
    pub fn expect_medias(&mut self, count: usize) {
        tight::reserve(&mut self.medias, count);
        tight::reserve(&mut self.streams, 2 * count);
    }

    /// Adds the next stream. It has no socket and no peer yet; its last packet time is now.
    pub fn add_stream(&mut self, media: MediaId, component: Component, now: Now) -> StreamId {
        tight::push(&mut self.streams, Stream::new(media, component, now.instant));
        let id = StreamId::at(self.streams.len() - 1);
        if let (Component::Rtcp, Some(media)) = (component, self.medias.get_mut(media.index())) {
            media.rtcp = Some(id);
        }
        id
    }

    /// Takes a media and all that were added after it out again, with their streams. Nothing may lead to them.
    pub fn truncate(&mut self, first: MediaId) {
        self.medias.truncate(first.index());
        let streams = self.streams.iter().position(|stream| stream.media().index() >= first.index());
        self.streams.truncate(streams.unwrap_or(self.streams.len()));
    }

    /// Number of streams; their ids count from 0.
    #[must_use]
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// A stream's state.
    #[must_use]
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(id.index())
    }

    /// A media's state.
    #[must_use]
    pub fn media(&self, id: MediaId) -> Option<&MediaPlane> {
        self.medias.get(id.index())
    }

    /// A media's state, to be changed (restoring indices).
    pub fn media_mut(&mut self, id: MediaId) -> Option<&mut MediaPlane> {
        self.medias.get_mut(id.index())
    }

    /// Notes a step of offer, answer, publish or subscribe of any side: opens the learning window of the whole call.
    pub fn signalled(&mut self, now: Now) {
        self.last_signal = Some(now.instant);
    }

    /// `--mos`: how quality reports are scored.
    pub fn set_mos(&mut self, options: MosOptions) {
        self.mos = options;
    }

    /// SRTP replay protection (RFC 3711 §3.3.2) for the last so many packets of each SSRC; 0, the default, is off: streams that
    /// restart or are strongly reordered then pass (media-plane.md §9.4 rule 4).
    pub fn set_replay_window(&mut self, packets: u16) {
        self.replay_window = packets;
    }

    /// `drop-traffic`: every datagram of the call is discarded.
    pub fn set_drop_traffic(&mut self, on: bool) {
        self.drop_traffic = on;
    }

    /// Gives a stream its present sockets, most preferred first. Sockets it had before keep leading to it but are "not
    /// in list"; the selected one stays, or is replaced by one on the same local address, or by the first
    /// (media-plane.md §1.7). Returns whether anything changed.
    pub fn set_sockets(&mut self, stream: StreamId, sockets: &[LocalSocket]) -> bool {
        self.streams.get_mut(stream.index()).is_some_and(|stream| stream.set_sockets(sockets))
    }

    /// Takes all sockets away: the stream is disabled, packets to it are dropped (media-plane.md §21.14).
    pub fn unlink(&mut self, stream: StreamId) -> bool {
        self.set_sockets(stream, &[])
    }

    /// Selects one of the stream's present sockets and confirms it: the nominated pair of ICE (media-plane.md §11.7).
    pub fn select_socket(&mut self, stream: StreamId, socket: SocketKey) -> bool {
        let Some(stream) = self.streams.get_mut(stream.index()) else { return false };
        let Some(position) = stream.position(socket) else { return false };
        stream.selected = position;
        stream.confirm_selected(true);
        true
    }

    /// A socket was closed: nothing leads from it to a stream any more.
    pub fn forget_socket(&mut self, socket: SocketKey) {
        self.streams.iter_mut().for_each(|stream| stream.forget_socket(socket));
    }

    /// Signalling told a stream's remote endpoint: endpoint, advertised endpoint and learned source become `address`
    /// (media-plane.md §4.2), the timeout starts anew. Another endpoint than before starts the SRTP indices anew, unless
    /// the keys come from DTLS (media-plane.md §9.4 rule 7).
    pub fn fill(&mut self, id: StreamId, address: SocketAddr, learning: Learning, now: Now) {
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let moved = stream.peer.advertised.is_some_and(|before| before != address);
        stream.peer.fill(address, learning);
        stream.last_packet = now.instant;
        if moved && !stream.spec.dtls && stream.component == Component::Rtp {
            self.reset_indices(id);
        }
    }

    /// Puts SRTP keys of a stream in force: SDES of all its sockets, or what its DTLS association exported. Equal keys keep
    /// their context; indices stay in any case (media-plane.md §9.4 rule 7). Returns whether anything changed.
    pub fn set_keys(&mut self, stream: StreamId, keys: Keys) -> bool {
        let changed = self.streams.get_mut(stream.index()).is_some_and(|stream| stream.keys.replace(keys));
        if changed && let Some(media) = self.ssrc_media(stream) {
            media.ssrc_in.iter_mut().for_each(|entry| entry.replay = None);
        }
        self.crypto_stale |= changed;
        changed
    }

    /// The SRTP keys of a stream.
    #[must_use]
    pub fn keys(&self, stream: StreamId) -> Option<&Keys> {
        self.streams.get(stream.index()).map(|stream| &stream.keys)
    }

    /// Starts the packet indices of a stream's media anew, in both directions: a DTLS restart.
    pub fn reset_indices(&mut self, stream: StreamId) {
        if let Some(media) = self.ssrc_media(stream) {
            media.ssrc_in.iter_mut().chain(media.ssrc_out.iter_mut()).for_each(SsrcEntry::reset_indices);
        }
    }

    /// Sends a datagram of the daemon's own, such as a handshake's, and counts it as the stream's (media-plane.md §10.5 rule 5).
    pub fn send_own<T: Transmit>(
        &mut self,
        out: &mut T,
        stream: StreamId,
        from: SocketKey,
        to: SocketAddr,
        bytes: &[u8],
    ) {
        let Some(stream) = self.streams.get_mut(stream.index()) else { return };
        if out.send(from, to, bytes) {
            stream.outgoing.count(bytes.len());
        } else {
            stream.outgoing.errors += 1;
        }
    }

    /// A datagram for an agent of a stream was refused.
    pub fn count_refused(&mut self, stream: StreamId) {
        if let Some(stream) = self.streams.get_mut(stream.index()) {
            stream.incoming.errors += 1;
        }
    }

    /// ICE found a stream's remote endpoint; the advertised one stays (media-plane.md §11.7).
    pub fn set_endpoint(&mut self, stream: StreamId, address: SocketAddr) {
        if let Some(stream) = self.streams.get_mut(stream.index()) {
            stream.peer.endpoint = Some(address);
            stream.peer.learned = Some(address);
            stream.peer.filled = true;
        }
    }

    /// All sockets of a stream are to be confirmed anew.
    pub fn unconfirm(&mut self, stream: StreamId) {
        if let Some(stream) = self.streams.get_mut(stream.index()) {
            stream.unconfirm_all();
        }
    }

    /// Lets media in from the remote side of an authenticated pair (media-plane.md §11.9).
    pub fn allow_source(&mut self, stream: StreamId, socket: SocketKey, source: SocketAddr) {
        let Some(stream) = self.streams.get_mut(stream.index()) else { return };
        let sources = &mut stream.rare_mut().ice_sources;
        if !sources.contains(&(socket, source)) && sources.len() < MAX_ICE_SOURCES {
            sources.push((socket, source));
        }
    }

    /// Forgets the authenticated pairs of a stream (ICE restart).
    pub fn clear_sources(&mut self, stream: StreamId) {
        if let Some(rare) = self.streams.get_mut(stream.index()).and_then(|stream| stream.rare.as_mut()) {
            rare.ice_sources.clear();
        }
    }

    /// While an agent is running its last activity counts for the timeout instead of packets; `None` when it has
    /// finished (media-plane.md §19.1).
    pub fn set_ice_activity(&mut self, stream: StreamId, activity: Option<Instant>) {
        if let Some(stream) = self.streams.get_mut(stream.index()) {
            stream.rare_mut().ice_activity = activity;
        }
    }

    /// Puts a recompiled spec in force. Equal specs change nothing; state (peer, counters, indices) stays in any case.
    /// Returns whether the spec was another one.
    pub fn set_spec(&mut self, id: StreamId, spec: FlowSpec) -> bool {
        let Some(stream) = self.streams.get_mut(id.index()) else { return false };
        if stream.spec == spec {
            return false;
        }
        if let Some(rare) = stream.rare.as_mut().filter(|_| !spec.loop_check) {
            rare.loop_memory = LoopMemory::default();
        }
        let dtmf = stream.spec.dtmf != spec.dtmf;
        let buffers = stream.spec.buffers != spec.buffers;
        stream.spec = spec;
        self.crypto_stale = true;
        let ended =
            stream.coders.as_mut().map(|coders| coders.respecify(&stream.spec.rtp)).unwrap_or_default();
        if !ended.is_empty() {
            self.cancel_packets(|packet| packet.from == Some(id) && ended.contains(&packet.edge));
        }
        if dtmf {
            self.respecify_dtmf(id);
        }
        if buffers {
            self.respecify_buffers(id);
        }
        true
    }

    /// Takes over the streams and medias of another call, behind the own ones. Returns what is to be added to the ids of the joining
    /// call. `parties` and `edges` are what signalling adds to those.
    pub fn merge(&mut self, other: Plane, parties: u32, edges: u32) -> Offsets {
        let (medias, streams) = (MediaId::at(self.medias.len()).0, StreamId::at(self.streams.len()).0);
        let offsets = Offsets { parties, medias, streams, edges };
        self.join_schedule(other.schedule, &offsets);
        self.jobs.extend(other.jobs);
        self.medias.extend(other.medias.into_iter().map(|mut media| {
            if let Some(rtcp) = &mut media.rtcp {
                rtcp.0 += streams;
            }
            for member in media.ssrc_in.iter_mut().filter_map(|entry| entry.member.as_mut()) {
                member.0 += streams;
            }
            media
        }));
        self.crypto_stale = true;
        self.streams.extend(other.streams.into_iter().map(|mut stream| {
            stream.media.0 += medias;
            stream.spec.shift(streams, edges);
            if let Some(injections) = stream.rare.as_mut().and_then(|rare| rare.injections.as_mut()) {
                injections.shift(edges);
            }
            if let Some(coders) = &mut stream.coders {
                coders.shift(streams, edges);
            }
            stream
        }));
        #[cfg(feature = "codec")]
        if let Some(seldom) = other.seldom {
            let faxes = seldom.faxes.into_iter().map(|mut fax| {
                fax.shift(streams);
                fax
            });
            self.seldom.get_or_insert_default().faxes.extend(faxes);
        }
        self.mixers.extend(other.mixers.into_iter().map(|mut mixer| {
            mixer.shift(offsets.streams);
            mixer
        }));
        self.last_signal = self.last_signal.max(other.last_signal);
        self.drop_traffic |= other.drop_traffic;
        offsets
    }
}

#[cfg(test)]
impl Plane {
    /// Bytes the plane takes, its heap included (specs shared with signalling left out).
    pub(super) fn memory(&self) -> usize {
        let medias = self.medias.iter().map(|media| {
            let payload_types = media.payload_types.capacity() * size_of::<PayloadTypeCount>();
            media.ssrc_in.memory() + media.ssrc_out.memory() + payload_types
        });
        size_of::<Self>()
            + self.streams.capacity() * size_of::<Stream>()
            + self.medias.capacity() * size_of::<MediaPlane>()
            + medias.sum::<usize>()
    }
}
