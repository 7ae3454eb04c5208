//! The run-time state of one stream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtpengine_common::codec::dtmf::{EventWatch, Mask};
use smallvec::SmallVec;

use crate::call::ids::{EdgeId, LocalSocket, MediaId, SocketKey, StreamId};

use super::buffers::Buffers;
use super::coders::Coders;
use super::crypto::Keys;
use super::dtmf::{Hidden, Injections};
use super::learn::Peer;
use super::loop_check::LoopMemory;
use super::spec::FlowSpec;

/// Which half of a media a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Component 1.
    Rtp,
    /// Component 2.
    Rtcp,
}

/// Counters of a stream in one direction; bytes are UDP payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams.
    pub packets: u64,
    /// Bytes of UDP payload.
    pub bytes: u64,
    /// Datagrams that were refused, or could not be sent.
    pub errors: u64,
}

impl Counters {
    pub(super) fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// One of a stream's current sockets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) socket: LocalSocket,
    pub(super) confirmed: bool,
}

/// What most streams never need.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Sockets of older negotiations that still lead here.
    pub(super) superseded: Vec<Place>,
    /// Remote sides of authenticated ICE pairs, with the socket they were seen on.
    pub(super) ice_sources: Vec<(SocketKey, SocketAddr)>,
    /// Last activity of an ICE agent that has not finished.
    pub(super) ice_activity: Option<Instant>,
    pub(super) loop_memory: LoopMemory,
    /// First payload length of the payload types under `block short`.
    pub(super) short_norms: Vec<(u8, u16)>,
    /// Packets received that wait to be forwarded.
    pub(super) buffers: Option<Box<Buffers>>,
    /// The telephone-events of the stream.
    pub(super) events: EventWatch,
    /// What hides the digits of the stream's source.
    pub(super) hidden: Hidden,
    /// Digits put into what is passed through.
    pub(super) injections: Option<Box<Injections>>,
}

/// One packet stream of a media: its sockets, its peer, its counters.
#[derive(Debug)]
pub struct Stream {
    pub(super) media: MediaId,
    pub(super) component: Component,
    pub(super) peer: Peer,
    pub(super) places: SmallVec<[Place; 1]>,
    /// Index into `places`; meaningless while that is empty.
    pub(super) selected: usize,
    pub(super) spec: FlowSpec,
    pub(super) keys: Keys,
    /// SRTP passes as it is: the sink has the same keys.
    pub(super) untouched: bool,
    /// A packet came from the peer since the stream was made.
    pub(super) received: bool,
    pub(super) incoming: Counters,
    pub(super) outgoing: Counters,
    pub(super) last_packet: Instant,
    pub(super) rare: Option<Box<Rare>>,
    /// Transcoders of what it receives; none for most streams.
    pub(super) coders: Option<Box<Coders>>,
}

impl Stream {
    pub(super) fn new(media: MediaId, component: Component, now: Instant) -> Self {
        Self {
            media,
            component,
            peer: Peer::default(),
            places: SmallVec::new(),
            selected: 0,
            spec: FlowSpec::default(),
            keys: Keys::default(),
            untouched: false,
            received: false,
            incoming: Counters::default(),
            outgoing: Counters::default(),
            last_packet: now,
            rare: None,
            coders: None,
        }
    }

    /// Its packets pass enciphered: nobody here can read them.
    pub(super) fn is_ciphered(&self) -> bool {
        self.spec.srtp && self.untouched
    }

    /// Its audio is listened to for tones.
    #[inline]
    pub(super) fn listens(&self) -> bool {
        self.spec.dtmf.as_ref().is_some_and(|dtmf| !dtmf.listen.is_empty()) && !self.is_ciphered()
    }

    /// The media it belongs to.
    #[must_use]
    pub fn media(&self) -> MediaId {
        self.media
    }

    /// RTP or RTCP.
    #[must_use]
    pub fn component(&self) -> Component {
        self.component
    }

    /// The spec in force.
    #[must_use]
    pub fn spec(&self) -> &FlowSpec {
        &self.spec
    }

    /// The SRTP keys in force.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Where packets to the peer go.
    #[must_use]
    pub fn endpoint(&self) -> Option<SocketAddr> {
        self.peer.endpoint
    }

    /// What the peer's SDP said.
    #[must_use]
    pub fn advertised(&self) -> Option<SocketAddr> {
        self.peer.advertised
    }

    /// Where packets are expected from.
    #[must_use]
    pub fn learned(&self) -> Option<SocketAddr> {
        self.peer.learned
    }

    /// The socket packets leave from; `None` without sockets (disabled, or a multiplexed RTCP stream).
    #[must_use]
    pub fn selected(&self) -> Option<&LocalSocket> {
        self.place().map(|place| &place.socket)
    }

    /// All current sockets.
    pub fn sockets(&self) -> impl Iterator<Item = &LocalSocket> {
        self.places.iter().map(|place| &place.socket)
    }

    /// Whether the peer of the selected socket is final.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        self.place().is_some_and(|place| place.confirmed)
    }

    /// Whether the remote endpoint has been signalled.
    #[must_use]
    pub fn filled(&self) -> bool {
        self.peer.filled
    }

    /// Whether a packet was accepted from the peer.
    #[must_use]
    pub fn received(&self) -> bool {
        self.received
    }

    /// What came in.
    #[must_use]
    pub fn counters_in(&self) -> Counters {
        self.incoming
    }

    /// What went out.
    #[must_use]
    pub fn counters_out(&self) -> Counters {
        self.outgoing
    }

    /// When a packet was last accepted, or the stream was last filled or made.
    #[must_use]
    pub fn last_packet(&self) -> Instant {
        self.last_packet
    }

    pub(super) fn place(&self) -> Option<&Place> {
        self.places.get(self.selected)
    }

    /// A socket that leads here, of the present negotiation or an older one.
    pub(super) fn socket(&self, key: SocketKey) -> Option<LocalSocket> {
        let all = self.places.iter().chain(self.superseded());
        all.map(|place| place.socket).find(|socket| socket.key == key)
    }

    /// Position of a socket among the current ones.
    pub(super) fn position(&self, key: SocketKey) -> Option<usize> {
        self.places.iter().position(|place| place.socket.key == key)
    }

    /// What hides the digits of its source.
    pub(super) fn mask(&self) -> Option<&Arc<Mask>> {
        self.rare.as_ref()?.hidden.mask.as_ref()
    }

    /// Counts a packet of the transcoder towards a sink ([`super::Transcode`] has where).
    pub(super) fn count_coded(
        &self,
        (edge, to): (Option<EdgeId>, StreamId),
        payload_type: u8,
        octets: Option<usize>,
        samples: u64,
    ) {
        let sink = self.spec.rtp.iter().find(|sink| (sink.edge, sink.to) == (edge, to));
        if let Some(transcode) = sink.and_then(|sink| sink.transcode.as_ref()) {
            transcode.count(payload_type, octets, samples);
        }
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn superseded(&self) -> &[Place] {
        self.rare.as_ref().map(|rare| &*rare.superseded).unwrap_or_default()
    }

    fn superseded_mut(&mut self) -> &mut [Place] {
        self.rare.as_mut().map(|rare| &mut *rare.superseded).unwrap_or_default()
    }

    /// Last activity of an ICE agent that has not finished.
    pub(super) fn ice_activity(&self) -> Option<Instant> {
        self.rare.as_ref().and_then(|rare| rare.ice_activity)
    }

    /// Whether ICE lets this source in on this socket.
    pub(super) fn authenticated(&self, socket: SocketKey, source: SocketAddr) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.ice_sources.contains(&(socket, source)))
    }

    pub(super) fn is_confirmed(&self, key: SocketKey) -> bool {
        match self.position(key) {
            Some(at) => self.places[at].confirmed,
            None => self.superseded().iter().any(|old| old.socket.key == key && old.confirmed),
        }
    }

    pub(super) fn set_confirmed(&mut self, key: SocketKey, confirmed: bool) {
        for place in self.places.iter_mut().filter(|place| place.socket.key == key) {
            place.confirmed = confirmed;
        }
        for old in self.superseded_mut().iter_mut().filter(|old| old.socket.key == key) {
            old.confirmed = confirmed;
        }
    }

    pub(super) fn confirm_selected(&mut self, confirmed: bool) {
        if let Some(place) = self.places.get_mut(self.selected) {
            place.confirmed = confirmed;
        }
    }

    pub(super) fn unconfirm_all(&mut self) {
        self.places.iter_mut().for_each(|place| place.confirmed = false);
        self.superseded_mut().iter_mut().for_each(|old| old.confirmed = false);
    }

    /// Takes another set of sockets (media-plane.md §1.7). Returns whether anything changed.
    pub(super) fn set_sockets(&mut self, sockets: &[LocalSocket]) -> bool {
        if self.sockets().eq(sockets) {
            return false;
        }
        let before = self.selected().copied();
        let left = std::mem::take(&mut self.places);
        for socket in sockets {
            let confirmed = left.iter().any(|place| place.socket.key == socket.key && place.confirmed);
            self.places.push(Place { socket: *socket, confirmed });
        }
        let gone = left.iter().filter(|place| !sockets.iter().any(|socket| socket.key == place.socket.key));
        let gone: Vec<_> = gone.copied().collect();
        if !gone.is_empty() || !self.superseded().is_empty() {
            let superseded = &mut self.rare_mut().superseded;
            superseded.retain(|old| !sockets.iter().any(|socket| socket.key == old.socket.key));
            superseded.extend(gone);
        }
        self.selected = before.map_or(0, |before| choose(before, sockets));
        true
    }

    /// Forgets a socket that was closed.
    pub(super) fn forget_socket(&mut self, key: SocketKey) {
        if let Some(rare) = &mut self.rare {
            rare.superseded.retain(|old| old.socket.key != key);
            rare.ice_sources.retain(|(socket, _)| *socket != key);
        }
    }
}

/// The same socket as before, else one on the same local address, else the first.
fn choose(before: LocalSocket, sockets: &[LocalSocket]) -> usize {
    let same = sockets.iter().position(|socket| socket.key == before.key);
    same.or_else(|| sockets.iter().position(|socket| socket.local == before.local)).unwrap_or(0)
}
