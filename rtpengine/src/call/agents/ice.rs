//! ICE agents of a call: one for each media that does ICE on its own ports (media-plane.md §11).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rtpengine_common::sdp::Candidate;

use super::Desk;
use crate::call::Call;
use crate::call::ctx::{Ctx, Transmit};
use crate::call::ids::{MediaId, SocketKey, StreamId};
use crate::call::media::{IceParams, Media, MediaFlags};
use crate::flow::{Level, Plane};
use crate::ice::{Agent, Credentials, Event, Local, Phase, RemoteCandidate, Role, Settings};

/// The endpoint of a stream that must not send.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// An agent, and what signalling said when it was last compared.
pub(super) struct Running {
    pub(super) agent: Box<Agent>,
    /// Generation of our credentials.
    generation: u32,
    sockets: Vec<SocketKey>,
    role: Role,
    candidates: Arc<[Candidate]>,
    started: bool,
    /// The peers that were found, by component.
    peers: [Option<SocketAddr>; 2],
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.agent.fmt(f)
    }
}

/// Whether a media has an agent of its own.
pub(in crate::call) fn runs_ice(media: &Media, id: MediaId) -> bool {
    media.has(MediaFlags::ICE)
        && !media.has(MediaFlags::PASSTHROUGH)
        && media.ice.is_some()
        && media.ports.current().is_some()
        && !media.is_bundled(id)
}

/// The sockets of the present port set. With rtcp-mux component 2 is left out.
fn locals(media: &Media) -> Vec<Local> {
    let Some(map) = media.ports.current() else { return Vec::new() };
    let components = if media.has(MediaFlags::RTCP_MUX) { 1 } else { 2 };
    let sets = (0u16..).zip(&map.sets);
    sets.flat_map(|(position, set)| {
        let sockets = (1u8..).zip(set.iter().take(components));
        sockets.map(move |(component, &socket)| Local { socket, component, position })
    })
    .collect()
}

fn own_credentials(ice: &IceParams) -> Credentials {
    Credentials::new(&String::from_utf8_lossy(&ice.ufrag), &String::from_utf8_lossy(&ice.pwd))
}

fn signalled_role(media: &Media) -> Role {
    if media.has(MediaFlags::ICE_LITE_SELF) {
        Role::Lite
    } else if media.has(MediaFlags::ICE_CONTROLLING) {
        Role::Controlling
    } else {
        Role::Controlled
    }
}

/// Brings the agent of a media in line with what was signalled.
pub(super) fn sync(call: &mut Call, id: MediaId, ctx: &mut Ctx<'_>) {
    let media = call.signalling.media(id);
    let wanted = media.ice.as_ref().filter(|_| runs_ice(media, id));
    let agents = call.agents.entry(id);
    let Some(ice) = wanted else {
        if agents.ice.take().is_some() {
            forget(&mut call.plane, &media.streams);
        }
        return;
    };
    let (now, role, locals) = (ctx.now.instant, signalled_role(media), locals(media));
    let sockets: Vec<SocketKey> = locals.iter().map(|local| local.socket.key).collect();
    let running = match &mut agents.ice {
        Some(running) => running,
        none => {
            let settings = Settings {
                tie_breaker: ctx.settings.ice_tie_breaker,
                software: (&*ctx.settings.software_id).into(),
                consent: ctx.settings.ice_consent,
                keepalive: ctx.settings.ice_keepalive,
            };
            let agent = Agent::new(now, settings, role, own_credentials(ice), locals.clone());
            none.insert(Running {
                agent: Box::new(agent),
                generation: ice.generation,
                sockets: sockets.clone(),
                role,
                candidates: Arc::default(),
                started: false,
                peers: [None; 2],
            })
        }
    };
    let known = |key: &SocketKey| running.sockets.contains(key);
    if running.generation != ice.generation || !sockets.iter().all(known) {
        running.agent.restart(now, own_credentials(ice), locals);
        running.candidates = Arc::default();
        running.started = false;
        running.generation = ice.generation;
        forget(&mut call.plane, &media.streams);
        media.streams.iter().for_each(|&stream| call.plane.unconfirm(stream));
    } else {
        running.agent.retain_locals(now, |local| sockets.contains(&local.socket.key));
    }
    running.sockets = sockets;
    if running.role != role {
        running.role = role;
        running.agent.set_role(now, role);
    }
    running.take_remote(media, ice, ctx);
    running.apply(&mut call.plane, &media.streams);
}

/// Nothing is known any more about where the streams' peers are.
fn forget(plane: &mut Plane, streams: &[StreamId]) {
    for &stream in streams {
        plane.clear_sources(stream);
        plane.set_ice_activity(stream, None);
    }
}

impl Running {
    /// The peer's side, as far as it was signalled. Checks begin when the peer knows our side too.
    fn take_remote(&mut self, media: &Media, ice: &IceParams, ctx: &Ctx<'_>) {
        let now = ctx.now.instant;
        if ice.peer_ufrag.is_empty() {
            return;
        }
        let (ufrag, pwd) = (String::from_utf8_lossy(&ice.peer_ufrag), String::from_utf8_lossy(&ice.peer_pwd));
        let known = self.agent.remote_credentials();
        if !known.is_some_and(|known| known.ufrag() == ufrag && known.pwd() == pwd) {
            self.agent.set_remote(now, Credentials::new(&ufrag, &pwd));
        }
        if self.candidates != media.section.candidates {
            self.candidates.clone_from(&media.section.candidates);
            self.agent.add_candidates(now, self.candidates.iter().filter_map(RemoteCandidate::from_sdp));
        }
        if !self.started && media.has(MediaFlags::PRINTED) {
            self.started = true;
            self.agent.start(now);
        }
    }

    /// What was selected stays in force when signalling repeats the address of its `c=` line.
    fn apply(&self, plane: &mut Plane, streams: &[StreamId]) {
        for (component, &stream) in (1u8..).zip(streams) {
            if let Some((socket, remote)) = self.agent.selected(component) {
                plane.set_endpoint(stream, remote);
                plane.select_socket(stream, socket.key);
            }
        }
    }

    pub(super) fn rename_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        self.sockets.iter_mut().for_each(|socket| *socket = name(*socket));
        self.agent.rename_sockets(name);
    }

    /// Does what is due, and puts the results in force.
    pub(super) fn poll<T: Transmit>(&mut self, desk: &mut Desk<'_, '_, '_, T>) {
        let now = desk.turn.now.instant;
        self.agent.poll(now, desk.ctx.random);
        while let Some(event) = self.agent.poll_event() {
            self.take_event(event, desk);
        }
        while let Some(packet) = self.agent.poll_transmit() {
            desk.turn.out.send(packet.socket, packet.to, &packet.bytes);
        }
        let running = matches!(self.agent.phase(), Phase::Running | Phase::Nominating);
        let activity = running.then(|| self.agent.last_activity());
        for &stream in &desk.signalling.media(desk.id).streams {
            desk.plane.set_ice_activity(stream, activity);
        }
    }

    fn take_event<T>(&mut self, event: Event, desk: &mut Desk<'_, '_, '_, T>) {
        match event {
            Event::Selected { component, socket, remote } => {
                let streams = &desk.signalling.media(desk.id).streams;
                let at = usize::from(component.saturating_sub(1));
                let (Some(&stream), Some(known)) = (streams.get(at), self.peers.get_mut(at)) else { return };
                // After a restart, or over another socket of ours, it may be the same as before.
                let new = if known.replace(remote) == Some(remote) { "" } else { "new " };
                desk.plane.set_endpoint(stream, remote);
                desk.plane.select_socket(stream, socket.key);
                desk.ctx.log(
                    Level::Info,
                    format!("ICE negotiated: {new}peer for component {component} is {remote}"),
                );
                desk.ctx.log(Level::Info, format!("ICE negotiated: local interface {}", socket.address.ip()));
            }
            Event::Notice(notice) => {
                if desk.said.may(notice.cause(), desk.turn.now.instant) {
                    desk.ctx.log(Level::Notice, notice.to_string());
                }
            }
            Event::ConsentLost { component } => {
                let streams = &desk.signalling.media(desk.id).streams;
                for &stream in streams {
                    desk.plane.set_endpoint(stream, NOWHERE);
                }
                let text = format!("ICE consent of the peer of component {component} has ended");
                desk.ctx.log(Level::Warning, text);
            }
            Event::RoleChanged { .. } => {}
            Event::Usable | Event::Completed | Event::Failed => {}
        }
    }
}
