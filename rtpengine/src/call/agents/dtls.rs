//! DTLS associations of a call: one for each stream that has ports of its own (media-plane.md §10.4 to §10.6).

use std::collections::VecDeque;
use std::net::SocketAddr;

use rtpengine_common::sdp::{Fingerprint, Text};

use super::Desk;
use crate::call::Call;
use crate::call::compile::log_keys;
use crate::call::ctx::{Ctx, Now, Transmit};
use crate::call::ids::{MediaId, SocketKey, StreamId};
use crate::call::media::{DtlsParams, Media, MediaFlags};
use crate::dtls::{Association, Context, Event, Greeting, Keys, Reach, Role, is_verify_request};
use crate::flow::{Arrival, Crypto, Level, Plane};

/// Datagrams that wait for an association: as many as a flight with a certificate of 64 KiB has. Those beyond get lost, as on the way.
const MAX_WAITING: usize = 64;

/// Ports that are no place to send to: "none", and the one that stands for "not yet known" in trickle ICE.
const NO_PORTS: [u16; 2] = [0, 9];

/// From where to where an association sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) from: SocketKey,
    pub(super) to: SocketAddr,
}

impl Route {
    pub(super) fn rename_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        self.from = name(self.from);
    }
}

/// An association, and what signalling said when it was last compared.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) association: Association,
    stream: StreamId,
    /// The socket it belongs to; none with ICE, which chooses sockets.
    socket: Option<SocketKey>,
    /// Where its datagrams come from and may go.
    reach: Reach,
    /// Datagrams that came and were not looked at yet, oldest first.
    waiting: VecDeque<(SocketAddr, Box<[u8]>)>,
    fingerprint: Option<Fingerprint>,
    peer_tls_id: Option<Text>,
    /// The peer's ICE user fragment and password: others are an ICE restart.
    peer_ice: Option<(Text, Text)>,
}

/// Whether something can be sent there.
fn is_place(address: &SocketAddr) -> bool {
    !address.ip().is_unspecified() && !NO_PORTS.contains(&address.port())
}

/// Whether a media has associations of its own.
pub(in crate::call) fn runs_dtls(media: &Media, id: MediaId) -> bool {
    media.has(MediaFlags::DTLS)
        && !media.has(MediaFlags::PASSTHROUGH)
        && media.is_srtp()
        && media.ports.current().is_some()
        && !media.is_bundled(id)
}

/// Our role. While both are open, as after each offer of ours, the `present` one stays (§10.4 rule 2); without any the peer may
/// begin.
fn role(media: &Media, present: Option<Role>) -> Role {
    match (media.has(MediaFlags::SETUP_ACTIVE), media.has(MediaFlags::SETUP_PASSIVE)) {
        (true, false) => Role::Active,
        (true, true) => present.unwrap_or(Role::Passive),
        (false, _) => Role::Passive,
    }
}

/// SDES is no longer in use.
pub(super) fn drop_sdes(media: &mut Media) {
    media.flags.remove(MediaFlags::SDES);
    media.sdes = None;
}

/// The peer's side of ICE.
fn credentials(media: &Media) -> Option<(Text, Text)> {
    media.ice.as_ref().map(|ice| (ice.peer_ufrag.clone(), ice.peer_pwd.clone()))
}

/// What is to become of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// The peer begins anew: it is told that the old one has ended.
    Restart,
    /// Left without a word.
    Replace,
}

/// Brings the associations of a media in line with what was signalled.
pub(super) fn sync(call: &mut Call, id: MediaId, no_tls_id: bool, ctx: &mut Ctx<'_>) {
    let wanted = call.wanted_agents(id).1;
    if !wanted {
        farewell(call, id);
        return;
    }
    let Some(context) = call.dtls.clone() else { return };
    let media = call.signalling.media(id);
    let mut farewells = std::mem::take(&mut call.agents.farewells);
    let agents = call.agents.entry(id);
    let with_ice = agents.ice.is_some();
    agents.dtls.resize_with(media.streams.len(), || None);
    for (at, (&stream, slot)) in media.streams.iter().zip(&mut agents.dtls).enumerate() {
        let selected = call.plane.stream(stream).and_then(|stream| stream.selected());
        // With rtcp-mux one handshake serves both.
        let (Some(selected), false) = (selected, at % 2 == 1 && media.has(MediaFlags::RTCP_MUX)) else {
            *slot = None;
            continue;
        };
        let socket = (!with_ice).then_some(selected.key);
        let params = media.dtls.as_deref();
        if let Some(running) = slot {
            match running.judge(media, socket, no_tls_id, ctx) {
                Verdict::Keep => {
                    running.take(params, media);
                    continue;
                }
                Verdict::Restart => running.end(&call.plane, &mut farewells),
                Verdict::Replace => {}
            }
        }
        *slot = Some(Running::start(&context, stream, socket, media));
    }
    call.agents.farewells = farewells;
}

/// Ends all associations of a media; their last words wait to be sent.
pub(super) fn farewell(call: &mut Call, id: MediaId) {
    let Some(agents) = call.agents.medias.get_mut(id.index()).and_then(Option::as_deref_mut) else { return };
    for mut running in agents.dtls.drain(..).flatten() {
        running.end(&call.plane, &mut call.agents.farewells);
    }
}

impl Running {
    fn start(context: &Context, stream: StreamId, socket: Option<SocketKey>, media: &Media) -> Self {
        let params = media.dtls.as_deref();
        let fingerprint = params.and_then(|params| params.peer.clone());
        Self {
            association: Association::new(context, role(media, None), fingerprint.clone()),
            stream,
            socket,
            reach: Reach::default(),
            waiting: VecDeque::new(),
            fingerprint,
            peer_tls_id: params.and_then(|params| params.peer_tls_id.clone()),
            peer_ice: credentials(media),
        }
    }

    /// §10.6 rules 2 and 4.
    fn judge(&self, media: &Media, socket: Option<SocketKey>, no_tls_id: bool, ctx: &mut Ctx<'_>) -> Verdict {
        if self.socket != socket {
            return Verdict::Replace;
        }
        let params = media.dtls.as_deref();
        let present = self.association.role();
        if present != role(media, Some(present)) {
            return if self.association.has_begun() { Verdict::Restart } else { Verdict::Replace };
        }
        let fingerprint = params.and_then(|params| params.peer.as_ref());
        if self.fingerprint.is_some() && fingerprint.is_some() && self.fingerprint.as_ref() != fingerprint {
            return Verdict::Restart;
        }
        let tls_id = params.and_then(|params| params.peer_tls_id.as_ref());
        if self.peer_tls_id.is_some() && self.peer_tls_id.as_ref() != tls_id {
            ctx.log(Level::Info, "TLS-ID changed, restarting DTLS");
            return Verdict::Restart;
        }
        let known = self.peer_ice.as_ref().filter(|(ufrag, _)| !ufrag.is_empty());
        if tls_id.is_none() && known.is_some() && known != credentials(media).as_ref() {
            if no_tls_id {
                let text = "ICE restart without TLS-ID detected, but no-tls-id flag is active - skipping DTLS restart";
                ctx.log(Level::Info, text);
                return Verdict::Keep;
            }
            ctx.log(Level::Info, "ICE restart without TLS-ID, restarting DTLS");
            return Verdict::Restart;
        }
        Verdict::Keep
    }

    /// Takes over what signalling has come to know.
    fn take(&mut self, params: Option<&DtlsParams>, media: &Media) {
        if let (None, Some(fingerprint)) = (&self.fingerprint, params.and_then(|params| params.peer.clone()))
        {
            self.fingerprint = Some(fingerprint.clone());
            self.association.set_fingerprint(fingerprint);
        }
        self.peer_tls_id = params.and_then(|params| params.peer_tls_id.clone());
        self.peer_ice = credentials(media);
    }

    /// Closes; what there is to say is sent with the next poll.
    fn end(&mut self, plane: &Plane, farewells: &mut Vec<(StreamId, Route, Vec<u8>)>) {
        self.association.close();
        while let Some(bytes) = self.association.poll_transmit() {
            if let Some(route) = self.route(plane, bytes.len()) {
                farewells.push((self.stream, route, bytes));
            }
        }
    }

    /// The way of a datagram of so many bytes: §10.5 rule 2, but no further than [`Reach`] lets it.
    fn route(&mut self, plane: &Plane, bytes: usize) -> Option<Route> {
        let stream = plane.stream(self.stream)?;
        let begins = self.association.role() == Role::Active || self.with_ice();
        let endpoint = stream.endpoint().filter(|_| begins).filter(is_place);
        let to = self.reach.target(bytes, endpoint).filter(is_place)?;
        Some(Route { from: stream.selected()?.key, to })
    }

    fn with_ice(&self) -> bool {
        self.socket.is_none()
    }

    /// The call joins one that has so many streams.
    pub(super) fn shift_stream(&mut self, streams: u32) {
        self.stream.0 += streams;
    }

    pub(super) fn rename_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        self.socket = self.socket.map(name);
    }

    /// Keeps a datagram for [`Running::step`]. One for a socket that was given up is nobody's.
    pub(super) fn receive(&mut self, arrival: Arrival, bytes: &[u8]) {
        if self.is_own(arrival.socket) && self.waiting.len() < MAX_WAITING {
            self.waiting.push_back((arrival.source, bytes.into()));
        }
    }

    fn is_own(&self, socket: SocketKey) -> bool {
        self.socket.is_none_or(|own| own == socket)
    }

    /// What is to be said to somebody who may be a stranger: without ICE nothing vouches for the address (RFC 6347 §4.2.1). `None`:
    /// it is for [`Running::receive`]. What is refused costs no more than this look at it.
    pub(super) fn greet(
        &mut self,
        context: &Context,
        plane: &Plane,
        arrival: Arrival,
        now: Now,
        bytes: &[u8],
    ) -> Option<Greeting> {
        if self.with_ice() || !self.is_own(arrival.socket) {
            return None;
        }
        if self.association.role() == Role::Active {
            // Only who got our hello can have a cookie for it. From others it would spoil the handshake.
            let endpoint = plane.stream(self.stream).and_then(crate::flow::Stream::endpoint);
            let foreign = endpoint != Some(arrival.source) && is_verify_request(bytes);
            return foreign.then_some(Greeting::NotHello);
        }
        if self.association.has_begun() {
            return None;
        }
        let greeting = context.greet(arrival.source.ip(), now.unix_s(), bytes);
        if let Greeting::Welcome(opening) = greeting {
            self.association.welcome(opening);
            self.reach.heard(arrival.source, 0);
            self.reach.prove();
            return None;
        }
        Some(greeting)
    }

    /// Whether datagrams wait.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Looks at the oldest datagram that waits.
    pub(super) fn step(&mut self) {
        if let Some((source, bytes)) = self.waiting.pop_front() {
            self.reach.heard(source, bytes.len());
            let before = self.association.is_connected();
            self.association.handle_packet(&bytes);
            // Only the peer can complete the handshake, and ICE lets nobody else in.
            if self.with_ice() || !before && self.association.is_connected() {
                self.reach.prove();
            }
        }
    }

    /// Begins or repeats what is due; sends and puts in force what there is. `usable`: ICE has a pair to use.
    pub(super) fn poll<T: Transmit>(&mut self, desk: &mut Desk<'_, '_, '_, T>, at: usize, usable: bool) {
        if self.association.has_begun() || usable && self.route(desk.plane, 0).is_some() {
            self.association.poll();
        }
        while let Some(event) = self.association.poll_event() {
            self.take_event(event, desk, at);
        }
        while let Some(bytes) = self.association.poll_transmit() {
            if let Some(route) = self.route(desk.plane, bytes.len()) {
                desk.plane.send_own(desk.turn.out, self.stream, route.from, route.to, &bytes);
            }
        }
    }

    fn take_event<T>(&self, event: Event, desk: &mut Desk<'_, '_, '_, T>, at: usize) {
        match event {
            Event::Accepted => desk.ctx.log(Level::Info, "DTLS: Peer certificate accepted"),
            Event::Rejected => {
                let text = "DTLS: Peer certificate rejected - fingerprint mismatch";
                desk.ctx.log(Level::Error, text);
                if self.association.is_connected() {
                    desk.ctx.log(Level::Error, "Error setting stream flags");
                }
            }
            Event::Connected(keys) => self.connected(&keys, desk, at),
            Event::NoKeys(why) => {
                let text = format!("Failed to set up SRTP after DTLS negotiation: {why}");
                desk.ctx.log(Level::Error, text);
            }
            Event::Unavailable(why) => {
                desk.ctx.log(Level::Error, format!("Failed to create DTLS connection: {why}"));
            }
            Event::Failed(why) => {
                let stream = desk.plane.stream(self.stream);
                let port = stream.and_then(|stream| stream.selected()).map_or(0, |s| s.address.port());
                desk.ctx.log(Level::Error, format!("DTLS error on local port {port}"));
                desk.ctx.log(Level::Info, format!("DTLS error: {why}"));
            }
            Event::Closed => desk.ctx.log(Level::Info, "DTLS peer has closed the connection"),
        }
    }

    /// The keys are put in force for the stream, and with rtcp-mux for that of RTCP too; SDES is no longer in use.
    fn connected<T>(&self, keys: &Keys, desk: &mut Desk<'_, '_, '_, T>, at: usize) {
        let crypto = (Crypto::new(keys.incoming.clone()), Crypto::new(keys.outgoing.clone()));
        let (Ok(incoming), Ok(outgoing)) = crypto else {
            desk.ctx.log(Level::Error, "Failed to generate SRTP session keys");
            return;
        };
        let media = desk.signalling.media_mut(desk.id);
        drop_sdes(media);
        let shared = media
            .streams
            .get(at + 1)
            .copied()
            .filter(|_| media.has(MediaFlags::RTCP_MUX) && at.is_multiple_of(2));
        for stream in [Some(self.stream), shared].into_iter().flatten() {
            let keys =
                crate::flow::Keys { incoming: Some(incoming.clone()), outgoing: Some(outgoing.clone()) };
            desk.plane.set_keys(stream, keys);
        }
        desk.plane.reset_indices(self.stream);
        log_keys(desk.ctx, [Some(incoming), Some(outgoing)]);
        let suite = keys.outgoing.suite.name();
        desk.ctx.log(Level::Info, format!("DTLS-SRTP successfully negotiated using {suite}"));
    }
}
