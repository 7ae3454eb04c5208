//! What a call negotiates with its peers over the media ports themselves: ICE agents and DTLS associations
//! (media-plane.md §10, §11).
//!
//! Signalling says what is to run: [`Call::sync_agents`] compares that with what runs, after each command. Packets go in through
//! [`Call::negotiate`], time through [`Call::poll`]; both put results into the plane and send at once.

mod dtls;
mod ice;

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::Call;
use super::ctx::{Ctx, Ports, Transmit};
use super::ids::{LocalSocket, MediaId, SocketKey, StreamId};
use super::signalling::Signalling;
use crate::dtls::Greeting;
use crate::flow::{Arrival, Level, Outcome, Packet, Plane, Received, Turn};
use crate::ice::{Handled, Notice, Role};

pub(super) use dtls::runs_dtls;
pub(super) use ice::runs_ice;

/// Shortest distance between two log lines of one cause that somebody's packets are.
const NOTICE_SPACING: Duration = Duration::from_secs(1);

/// What runs for one media.
#[derive(Debug, Default)]
struct MediaAgents {
    ice: Option<ice::Running>,
    /// By position of the stream.
    dtls: SmallVec<[Option<dtls::Running>; 2]>,
}

/// What runs for a call, by media.
#[derive(Debug, Default)]
pub(super) struct Agents {
    medias: Vec<Option<Box<MediaAgents>>>,
    /// The last datagrams of associations that are no more.
    farewells: Vec<(StreamId, dtls::Route, Vec<u8>)>,
    /// The earliest timer the shard was asked for and has not fired yet.
    alarm: Option<Instant>,
    said: Said,
    /// The shard knows that datagrams wait for handshakes.
    queued: bool,
}

impl Agents {
    fn get(&self, id: MediaId) -> Option<&MediaAgents> {
        self.medias.get(id.index())?.as_deref()
    }

    fn get_mut(&mut self, id: MediaId) -> Option<&mut MediaAgents> {
        self.medias.get_mut(id.index())?.as_deref_mut()
    }

    fn entry(&mut self, id: MediaId) -> &mut MediaAgents {
        if self.medias.len() <= id.index() {
            self.medias.resize_with(id.index() + 1, || None);
        }
        self.medias[id.index()].get_or_insert_default()
    }

    /// The first association for which datagrams wait.
    fn next_waiting(&self) -> Option<(MediaId, usize)> {
        let waits =
            |running: &Option<dtls::Running>| running.as_ref().is_some_and(dtls::Running::has_waiting);
        self.medias.iter().enumerate().find_map(|(media, agents)| {
            let at = agents.as_ref()?.dtls.iter().position(waits)?;
            Some((MediaId::at(media), at))
        })
    }

    fn is_idle(&self) -> bool {
        self.farewells.is_empty() && self.medias.iter().all(Option::is_none)
    }

    /// Takes over what runs in a call that joins, whose medias come after the `medias` own ones and streams after `streams`.
    pub(super) fn merge(&mut self, other: Self, medias: u32, streams: u32) {
        self.medias.resize_with(MediaId(medias).index(), || None);
        self.medias.extend(other.medias.into_iter().map(|mut agents| {
            let running = agents.iter_mut().flat_map(|agents| agents.dtls.iter_mut().flatten());
            running.for_each(|running| running.shift_stream(streams));
            agents
        }));
        let farewells = other.farewells.into_iter();
        self.farewells
            .extend(farewells.map(|(stream, route, bytes)| (StreamId(stream.0 + streams), route, bytes)));
        self.alarm = None;
        self.queued = false;
    }

    /// Gives every socket the name it has in its new shard, whose timers have to be asked for anew.
    pub(super) fn rename_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        for agents in self.medias.iter_mut().flatten() {
            if let Some(ice) = &mut agents.ice {
                ice.rename_sockets(name);
            }
            agents.dtls.iter_mut().flatten().for_each(|running| running.rename_sockets(name));
        }
        self.farewells.iter_mut().for_each(|(_, route, _)| route.rename_sockets(name));
        self.alarm = None;
        self.queued = false;
    }

    /// Socket and remote address of the pairs ICE settled on, by component, once it has completed; and whether we control.
    pub(super) fn completed(&self, id: MediaId) -> Option<Completed> {
        let agent = &self.get(id)?.ice.as_ref()?.agent;
        if agent.phase() != crate::ice::Phase::Completed {
            return None;
        }
        let pairs = (1..=2).filter_map(|component| Some((component, agent.selected(component)?)));
        let pairs = pairs.map(|(component, (socket, remote))| (component, socket, remote)).collect();
        Some(Completed { pairs, controlling: agent.role() == Role::Controlling })
    }

    /// Whether the peer's certificate on a stream has the signalled fingerprint.
    pub(super) fn is_verified(&self, id: MediaId, at: usize) -> bool {
        let running = self.get(id).and_then(|agents| agents.dtls.get(at)?.as_ref());
        running.is_some_and(|running| running.association.is_verified())
    }
}

/// The cause of a line about what only looked like STUN; those before are the agent's.
const NOT_STUN: usize = Notice::CAUSES;
/// About DTLS of somebody who does not begin as one has to.
const NOT_HELLO: usize = NOT_STUN + 1;
/// About a DTLS client that was asked for a cookie.
const COOKIE: usize = NOT_HELLO + 1;
/// About one that showed a wrong one.
const WRONG_COOKIE: usize = COOKIE + 1;
const CAUSES: usize = WRONG_COOKIE + 1;

/// When lines that somebody's packets cause were last logged, by cause.
#[derive(Debug, Default)]
struct Said(Option<Box<[Option<Instant>; CAUSES]>>);

impl Said {
    /// Whether a line may be logged now.
    fn may(&mut self, cause: usize, now: Instant) -> bool {
        let Some(last) = self.0.get_or_insert_default().get_mut(cause) else { return false };
        let soon = last.is_some_and(|last| now.saturating_duration_since(last) < NOTICE_SPACING);
        if !soon {
            *last = Some(now);
        }
        !soon
    }
}

/// What ICE settled on.
pub(super) struct Completed {
    /// Component, local socket, remote address.
    pub pairs: SmallVec<[(u8, LocalSocket, std::net::SocketAddr); 2]>,
    /// We nominated.
    pub controlling: bool,
}

/// What the work on one media needs of its call.
struct Desk<'a, 'c, 't, T> {
    signalling: &'a mut Signalling,
    plane: &'a mut Plane,
    ctx: &'a mut Ctx<'c>,
    turn: &'a mut Turn<'t, T>,
    id: MediaId,
    said: &'a mut Said,
}

impl Call {
    /// Starts, restarts and stops agents and associations as signalling wants it. `no_tls_id`: the request has this flag.
    pub(super) fn sync_agents(&mut self, no_tls_id: bool, ctx: &mut Ctx<'_>) {
        for at in 0..self.signalling.medias.len() {
            let id = MediaId::at(at);
            let (ice, dtls) = self.wanted_agents(id);
            if self.dtls.is_none() && runs_dtls(self.signalling.media(id), id) {
                ctx.log(Level::Error, "Cannot establish DTLS: no certificate available");
            }
            if !ice && !dtls && self.agents.get(id).is_none() {
                continue;
            }
            ice::sync(self, id, ctx);
            dtls::sync(self, id, no_tls_id, ctx);
            if !ice && !dtls {
                self.agents.medias[at] = None;
            }
            let streams = &self.signalling.media(id).streams;
            let stale = streams.iter().filter_map(|&stream| self.plane.stream(stream));
            if stale.map(crate::flow::Stream::spec).any(|spec| spec.ice != ice || spec.dtls != dtls) {
                self.compile(id);
            }
        }
    }

    /// The ports of a media are about to be closed: peers of associations are told, and nothing runs on them any more.
    pub(super) fn end_agents(&mut self, id: MediaId, ports: &mut dyn Ports) {
        let others = self.agents.farewells.len();
        dtls::farewell(self, id);
        for (_, route, bytes) in self.agents.farewells.drain(others..) {
            ports.send_last(route.from, route.to, &bytes);
        }
        if let Some(agents) = self.agents.medias.get_mut(id.index()) {
            *agents = None;
        }
    }

    /// Whether an ICE agent and DTLS associations are to run for a media.
    pub(super) fn wanted_agents(&self, id: MediaId) -> (bool, bool) {
        let media = self.signalling.media(id);
        (runs_ice(media, id), self.dtls.is_some() && runs_dtls(media, id))
    }

    /// When [`Call::poll`] has something to do next, if the shard has to be told: once for each new moment.
    pub fn next_alarm(&mut self) -> Option<Instant> {
        let agents = self.agents.medias.iter().flatten().filter_map(|agents| agents.ice.as_ref());
        let next = agents.filter_map(|ice| ice.agent.next_timeout()).min()?;
        if self.agents.alarm.is_some_and(|alarm| alarm <= next) {
            return None;
        }
        self.agents.alarm = Some(next);
        Some(next)
    }

    /// The alarm of [`Call::next_alarm`] went off.
    pub fn alarm<T: Transmit>(&mut self, ctx: &mut Ctx<'_>, turn: &mut Turn<'_, T>) {
        self.agents.alarm = None;
        self.poll(ctx, turn);
    }

    /// Lets agents and associations do what is due: after each command, at each tick, at each alarm.
    pub fn poll<T: Transmit>(&mut self, ctx: &mut Ctx<'_>, turn: &mut Turn<'_, T>) {
        if self.agents.is_idle() {
            return;
        }
        for (stream, route, bytes) in std::mem::take(&mut self.agents.farewells) {
            self.plane.send_own(turn.out, stream, route.from, route.to, &bytes);
        }
        for at in 0..self.agents.medias.len() {
            self.poll_media(MediaId::at(at), ctx, turn);
        }
    }

    fn poll_media<T: Transmit>(&mut self, id: MediaId, ctx: &mut Ctx<'_>, turn: &mut Turn<'_, T>) {
        let Agents { medias, said, .. } = &mut self.agents;
        let Some(agents) = medias.get_mut(id.index()).and_then(Option::as_deref_mut) else { return };
        let (signalling, plane) = (&mut self.signalling, &mut self.plane);
        let mut desk = Desk { signalling, plane, ctx, turn, id, said };
        let mut usable = true;
        if let Some(ice) = &mut agents.ice {
            ice.poll(&mut desk);
            usable = ice.agent.is_usable();
        }
        for (at, running) in agents.dtls.iter_mut().enumerate() {
            if let Some(running) = running {
                running.poll(&mut desk, at, usable);
            }
        }
    }

    /// Takes a datagram that [`Call::receive`] left to agents (`looked_like` is its outcome).
    pub fn negotiate<T: Transmit>(
        &mut self,
        arrival: Arrival,
        packet: &mut Packet,
        looked_like: Outcome,
        ctx: &mut Ctx<'_>,
        turn: &mut Turn<'_, T>,
    ) -> Received {
        let Some(id) = self.plane.stream(arrival.stream).map(crate::flow::Stream::media) else {
            return self.plane.resume(turn, arrival, packet, looked_like);
        };
        let taken = match looked_like {
            Outcome::Stun => self.take_stun(id, arrival, packet, ctx, turn),
            Outcome::Dtls => self.take_dtls(id, arrival, packet, ctx, turn),
            Outcome::Accepted | Outcome::Dropped(_) => None,
        };
        let Some(error) = taken else { return self.plane.resume(turn, arrival, packet, looked_like) };
        self.poll_media(id, ctx, turn);
        Received { outcome: Outcome::Accepted, error }
    }

    /// Whether what an agent took was an error; `None` when there is no agent, or it was no STUN.
    fn take_stun<T>(
        &mut self,
        id: MediaId,
        arrival: Arrival,
        packet: &Packet,
        ctx: &mut Ctx<'_>,
        turn: &Turn<'_, T>,
    ) -> Option<bool> {
        let now = turn.now.instant;
        let ice = self.agents.get_mut(id)?.ice.as_mut()?;
        let Arrival { stream, socket, source } = arrival;
        match ice.agent.handle_packet(now, socket, source, packet.bytes(), ctx.random) {
            Handled::Consumed => {
                if ice.agent.accepts(socket, source) {
                    self.plane.allow_source(stream, socket, source);
                }
                Some(false)
            }
            Handled::Refused => Some(true),
            Handled::NotStun(reason) => {
                if self.agents.said.may(NOT_STUN, now) {
                    let text = format!("Not handling potential STUN packet from {source}: {reason}");
                    ctx.log(Level::Notice, text);
                }
                None
            }
        }
    }

    /// As [`Call::take_stun`]; somebody who begins without a cookie gets his answer here.
    fn take_dtls<T: Transmit>(
        &mut self,
        id: MediaId,
        arrival: Arrival,
        packet: &Packet,
        ctx: &mut Ctx<'_>,
        turn: &mut Turn<'_, T>,
    ) -> Option<bool> {
        let at = self.signalling.media(id).streams.iter().position(|&stream| stream == arrival.stream)?;
        let running = self.agents.get_mut(id)?.dtls.get_mut(at)?.as_mut()?;
        let context = self.dtls.as_deref()?;
        let Some(greeting) = running.greet(context, &self.plane, arrival, turn.now, packet.bytes()) else {
            running.receive(arrival, packet.bytes());
            // The peer has chosen (media-plane.md §9.5 rule 4).
            dtls::drop_sdes(self.signalling.media_mut(id));
            return Some(false);
        };
        let Arrival { stream, socket, source } = arrival;
        let (cause, level, text) = match &greeting {
            Greeting::NotHello => (NOT_HELLO, Level::Warning, "Discarded unexpected DTLS packet"),
            Greeting::Ask { wrong: true, .. } => (WRONG_COOKIE, Level::Notice, "Wrong cookie of DTLS client"),
            _ => (COOKIE, Level::Debug, "Asking DTLS client for a cookie"),
        };
        if self.agents.said.may(cause, turn.now.instant) {
            ctx.log(level, format!("{text} (from {source})"));
        }
        let refused = cause != COOKIE;
        if refused {
            self.plane.count_refused(stream);
        }
        if let Greeting::Ask { reply, .. } = greeting {
            self.plane.send_own(turn.out, stream, socket, source, &reply);
        }
        Some(refused)
    }

    /// Whether DTLS datagrams wait for [`Call::handshake`], if the shard has to be told: once until they are all done.
    pub fn wants_handshake(&mut self) -> bool {
        let wants = !self.agents.queued && self.agents.next_waiting().is_some();
        self.agents.queued |= wants;
        wants
    }

    /// One step of one handshake: the work for one datagram, most of a millisecond where it needs keys. `true`: more wait.
    pub fn handshake<T: Transmit>(&mut self, ctx: &mut Ctx<'_>, turn: &mut Turn<'_, T>) -> bool {
        if let Some((id, at)) = self.agents.next_waiting() {
            let running = self.agents.get_mut(id).and_then(|agents| agents.dtls.get_mut(at)?.as_mut());
            if let Some(running) = running {
                running.step();
            }
            self.poll_media(id, ctx, turn);
        }
        self.agents.queued = self.agents.next_waiting().is_some();
        self.agents.queued
    }

    /// The call ends: peers of associations are told.
    pub fn close<T: Transmit>(&mut self, out: &mut T) {
        for at in 0..self.agents.medias.len() {
            let id = MediaId::at(at);
            dtls::farewell(self, id);
        }
        for (stream, route, bytes) in std::mem::take(&mut self.agents.farewells) {
            self.plane.send_own(out, stream, route.from, route.to, &bytes);
        }
    }
}
