//! The agent: what it knows, and how signalling changes it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtpengine_common::sdp::CandidateType;

use super::candidate::{MAX_CANDIDATES, RemoteCandidate, priority};
use super::credentials::Credentials;
use super::events::{Event, Notice, Transmit};
use super::pair::{Pair, PairState, pair_priority};
use crate::call::ctx::Random;
use crate::call::ids::{LocalSocket, SocketKey};

/// Notices kept between two drains; more are not remembered.
const MAX_NOTICES: usize = 16;

/// What is the same for all agents of the process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides role conflicts; random per process run.
    pub tie_breaker: u64,
    /// SOFTWARE attribute: the software id.
    pub software: Arc<str>,
    /// Consent checks (RFC 7675) on the selected pairs; off by default.
    pub consent: bool,
    /// Binding indications on the selected pairs at this interval; off by default, and pointless with
    /// consent checks.
    pub keepalive: Option<Duration>,
}

/// Who nominates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We do.
    Controlling,
    /// The peer does.
    Controlled,
    /// The peer does, and we send no checks of our own.
    Lite,
}

impl Role {
    pub(super) fn is_controlling(self) -> bool {
        self == Self::Controlling
    }
}

/// How far the agent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Checks are under way, or wait for candidates or credentials.
    Running,
    /// Controlling: the nominating checks are under way.
    Nominating,
    /// All components have a nominated pair.
    Completed,
    /// All pairs have failed.
    Failed,
}

/// A local socket the agent may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The socket, and the local interface whose foundation it has.
    pub socket: LocalSocket,
    /// 1 RTP, 2 RTCP.
    pub component: u8,
    /// Position of the address in the logical interface's list: part of the priority.
    pub position: u16,
}

/// State of consent or keepalive of a completed agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upkeep {
    pub(super) next: Instant,
    /// Per component, the last authentic response.
    pub(super) consent: [Instant; 2],
}

/// An ICE agent for one media.
pub struct Agent {
    pub(super) settings: Settings,
    pub(super) role: Role,
    pub(super) phase: Phase,
    pub(super) usable: bool,
    /// Something happened that conclusions may be drawn from: they cost a look at all pairs, and a
    /// peer's repeated requests must not.
    pub(super) changed: bool,
    pub(super) started: bool,
    pub(super) local: Credentials,
    pub(super) remote: Option<Credentials>,
    pub(super) locals: Vec<Local>,
    pub(super) remotes: Vec<RemoteCandidate>,
    pub(super) pairs: Vec<Pair>,
    pub(super) triggered: VecDeque<usize>,
    /// Per component, the pair in use.
    pub(super) selected: [Option<usize>; 2],
    /// Where media may come from: an authentic request came, or a check succeeded.
    pub(super) authenticated: Vec<(SocketKey, SocketAddr)>,
    pub(super) last_run: Option<Instant>,
    pub(super) nominate_at: Option<Instant>,
    /// How often proven pairs were checked again after a nomination got lost.
    pub(super) second_tries: u8,
    pub(super) completed_at: Option<Instant>,
    pub(super) upkeep: Option<Upkeep>,
    /// Begin of the present period, and how many strangers were refused in it.
    pub(super) refusals: (Instant, u32),
    last_activity: Instant,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    notices: usize,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("role", &self.role)
            .field("phase", &self.phase)
            .field("local", &self.local)
            .field("remote", &self.remote)
            .field("pairs", &self.pairs.len())
            .finish_non_exhaustive()
    }
}

impl Agent {
    /// An agent with its local sockets. With rtcp-mux these are of component 1 only. It answers requests
    /// at once and sends checks after [`Agent::start`].
    #[must_use]
    pub fn new(now: Instant, settings: Settings, role: Role, local: Credentials, locals: Vec<Local>) -> Self {
        Self {
            settings,
            role,
            phase: Phase::Running,
            usable: false,
            changed: false,
            started: false,
            local,
            remote: None,
            locals,
            remotes: Vec::new(),
            pairs: Vec::new(),
            triggered: VecDeque::new(),
            selected: [None; 2],
            authenticated: Vec::new(),
            last_run: None,
            nominate_at: None,
            second_tries: 0,
            completed_at: None,
            upkeep: None,
            refusals: (now, 0),
            last_activity: now,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            notices: 0,
        }
    }

    /// Own credentials, for SDP.
    #[must_use]
    pub fn local_credentials(&self) -> &Credentials {
        &self.local
    }

    /// The peer's credentials, once signalled.
    #[must_use]
    pub fn remote_credentials(&self) -> Option<&Credentials> {
        self.remote.as_ref()
    }

    /// Present role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// How far the agent has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// All components have had a succeeded pair since the last restart: DTLS may run.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Last sign of life of a running agent: it counts in place of the streams' last packets.
    #[must_use]
    pub fn last_activity(&self) -> Instant {
        self.last_activity
    }

    /// Socket and peer in use for a component.
    #[must_use]
    pub fn selected(&self, component: u8) -> Option<(LocalSocket, SocketAddr)> {
        let pair = self.pairs.get(self.selected.get(slot(component)).copied().flatten()?)?;
        Some((self.locals.get(pair.local)?.socket, self.remotes.get(pair.remote)?.address))
    }

    /// Whether media and DTLS from this address are accepted on this socket (media-plane.md 11.9).
    #[must_use]
    pub fn accepts(&self, socket: SocketKey, from: SocketAddr) -> bool {
        self.authenticated.contains(&(socket, from))
    }

    /// The remote candidates known by now.
    #[must_use]
    pub fn remote_candidates(&self) -> &[RemoteCandidate] {
        &self.remotes
    }

    /// Whether signalled credentials mean that the peer restarts.
    #[must_use]
    pub fn is_restart(&self, remote: &Credentials) -> bool {
        self.remote.as_ref().is_some_and(|known| known != remote)
    }

    /// Takes the peer's credentials. A restart ([`Agent::is_restart`]) is the caller's to decide on first.
    pub fn set_remote(&mut self, now: Instant, remote: Credentials) {
        self.last_activity = now;
        self.remote = Some(remote);
    }

    /// Takes a role: by signalling, not by a conflict.
    pub fn set_role(&mut self, now: Instant, role: Role) {
        self.change_role(now, role);
    }

    /// Takes the local sockets that are left, for example when rtcp-mux was accepted: pairs of the others
    /// are dropped. For new sockets [`Agent::restart`].
    pub fn retain_locals(&mut self, now: Instant, keep: impl Fn(&Local) -> bool) {
        if self.locals.iter().all(&keep) {
            return;
        }
        let mut moved = Vec::with_capacity(self.locals.len());
        for local in std::mem::take(&mut self.locals) {
            let kept = keep(&local).then_some(self.locals.len());
            moved.push(kept);
            self.locals.extend(kept.map(|_| local));
        }
        let mut places = Vec::with_capacity(self.pairs.len());
        for mut pair in std::mem::take(&mut self.pairs) {
            let local = moved.get(pair.local).copied().flatten();
            places.push(local.map(|_| self.pairs.len()));
            if let Some(local) = local {
                pair.local = local;
                self.pairs.push(pair);
            }
        }
        let place = |pair: &usize| places.get(*pair).copied().flatten();
        self.triggered = self.triggered.iter().filter_map(place).collect();
        self.selected = self.selected.map(|pair| pair.as_ref().and_then(place));
        let sockets: Vec<SocketKey> = self.locals.iter().map(|local| local.socket.key).collect();
        self.authenticated.retain(|(socket, _)| sockets.contains(socket));
        self.changed = true;
        self.conclude(now);
    }

    /// Begins (or goes on with) own checks: both sides' signalling is through.
    pub fn start(&mut self, now: Instant) {
        self.started = true;
        self.last_activity = now;
    }

    /// Drops all candidates and pairs and begins anew with these credentials and sockets. The peer's
    /// credentials have to be set again; requests under old ones are refused.
    pub fn restart(&mut self, now: Instant, local: Credentials, locals: Vec<Local>) {
        let settings = self.settings.clone();
        let events = std::mem::take(&mut self.events);
        let transmits = std::mem::take(&mut self.transmits);
        *self = Self { events, transmits, ..Self::new(now, settings, self.role, local, locals) };
    }

    /// Adds signalled candidates, also later ones of trickle ICE. One for a known address and component
    /// replaces that if its priority is higher, or if that was learned.
    pub fn add_candidates(&mut self, now: Instant, candidates: impl IntoIterator<Item = RemoteCandidate>) {
        self.last_activity = now;
        let candidates = candidates.into_iter();
        let most = candidates.size_hint().1.unwrap_or(0).min(MAX_CANDIDATES);
        self.remotes.reserve(most);
        self.pairs.reserve(most);
        for candidate in candidates {
            let same = |known: &RemoteCandidate| {
                known.address == candidate.address && known.component == candidate.component
            };
            if let Some(position) = self.remotes.iter().position(same) {
                self.replace(position, candidate);
            } else if self.add_remote(candidate).is_none() {
                self.notice(Notice::TooManyCandidates);
                break;
            }
        }
        if self.phase == Phase::Completed && self.best_set(|pair| pair.valid).is_none() {
            // The first candidate of a further component: what was complete without it is so no more.
            self.phase = Phase::Running;
        }
        if self.phase == Phase::Failed && self.pairs.iter().any(|pair| pair.state != PairState::Failed) {
            self.phase = Phase::Running;
        }
        self.changed = true;
        self.conclude(now);
    }

    fn replace(&mut self, position: usize, candidate: RemoteCandidate) {
        if let Some(known) = self.remotes.get_mut(position)
            && known.yields_to(&candidate)
        {
            *known = candidate;
            self.recompute_priorities();
        }
    }

    /// Adds a candidate and its pairs; `None` at the limit.
    pub(super) fn add_remote(&mut self, candidate: RemoteCandidate) -> Option<usize> {
        if self.remotes.len() >= MAX_CANDIDATES {
            return None;
        }
        let remote = self.remotes.len();
        for (local, end) in self.locals.iter().enumerate() {
            let same_family = end.socket.address.is_ipv4() == candidate.address.is_ipv4();
            if end.component != candidate.component || !same_family {
                continue;
            }
            self.pairs.push(Pair {
                local,
                remote,
                component: end.component,
                priority: priority_of(self.role, end, &candidate),
                state: if end.component == 1 { PairState::Waiting } else { PairState::Frozen },
                nominated: false,
                valid: false,
                proven: false,
                check: None,
            });
        }
        self.remotes.push(candidate);
        Some(remote)
    }

    /// Takes another role and recomputes what depends on it.
    pub(super) fn change_role(&mut self, now: Instant, role: Role) {
        if self.role == role {
            return;
        }
        self.role = role;
        self.recompute_priorities();
        if self.phase == Phase::Nominating {
            self.phase = Phase::Running;
        }
        self.nominate_at = None;
        self.second_tries = 0;
        if self.phase == Phase::Running {
            // Our own choice of pairs to nominate is void; the peer's nominations would have come as
            // requests and come again.
            for pair in &mut self.pairs {
                pair.nominated = false;
                pair.valid = false;
            }
        }
        self.changed = true;
        self.conclude(now);
    }

    fn recompute_priorities(&mut self) {
        for pair in &mut self.pairs {
            if let (Some(local), Some(remote)) = (self.locals.get(pair.local), self.remotes.get(pair.remote))
            {
                pair.priority = priority_of(self.role, local, remote);
            }
        }
    }

    /// How many components have to have a pair: the highest the peer signalled, or, as long as it
    /// signalled none, as many as there are local sockets for.
    pub(super) fn components(&self) -> u8 {
        let local = self.locals.iter().map(|local| local.component).max().unwrap_or(1);
        let signalled = self.remotes.iter().filter(|remote| remote.kind != CandidateType::PeerReflexive);
        signalled.map(|remote| remote.component).max().unwrap_or(local).min(local)
    }

    /// Gives every socket another name: the agent moves to another owner of sockets.
    pub fn rename_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        for local in &mut self.locals {
            local.socket.key = name(local.socket.key);
        }
        for (socket, _) in &mut self.authenticated {
            *socket = name(*socket);
        }
        for transmit in &mut self.transmits {
            transmit.socket = name(transmit.socket);
        }
        for event in &mut self.events {
            if let Event::Selected { socket, .. } = event {
                socket.key = name(socket.key);
            }
        }
    }

    /// Marks a sign of life.
    pub(super) fn touch(&mut self, now: Instant) {
        self.last_activity = now;
    }

    pub(super) fn send(&mut self, local: usize, to: SocketAddr, bytes: Vec<u8>) {
        if let Some(local) = self.locals.get(local) {
            self.transmits.push_back(Transmit { socket: local.socket.key, to, bytes });
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        if self.notices < MAX_NOTICES {
            self.notices += 1;
            self.event(Event::Notice(notice));
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.notices = 0;
        }
        event
    }
}

/// Draws a transaction id.
pub(super) fn transaction_id(random: &mut dyn Random) -> [u8; 12] {
    let mut id = [0; 12];
    random.fill(&mut id);
    id
}

/// Place of a component in arrays of two.
pub(super) fn slot(component: u8) -> usize {
    usize::from(component.saturating_sub(1))
}

fn priority_of(role: Role, local: &Local, remote: &RemoteCandidate) -> u64 {
    let own = priority(CandidateType::Host, local.position, local.component);
    if role.is_controlling() {
        pair_priority(own, remote.priority)
    } else {
        pair_priority(remote.priority, own)
    }
}
