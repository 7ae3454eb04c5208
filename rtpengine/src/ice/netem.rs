//! A simulated network between two agents: delay, jitter (hence reordering), loss, and NATs in front of
//! the second one. Time only moves in [`Network::run`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Agent, Event, Local};
use crate::call::ctx::Random;
use crate::call::ids::{LocalId, LocalSocket, SocketKey};

/// Repeatable "randomness" (splitmix64).
pub(super) struct TestRandom(pub(super) u64);

impl TestRandom {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Random for TestRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.next() as u8;
        }
    }
}

/// What stands in front of the second agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nat {
    /// Nothing: its addresses are reachable.
    None,
    /// One public port per socket, open to everyone once it was used.
    FullCone,
    /// One public port per socket, open to the addresses and ports it has sent to.
    PortRestricted,
    /// One public port per socket and destination, open to that destination only.
    Symmetric,
}

/// How packets travel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) delay_ms: u64,
    pub(super) jitter_ms: u64,
    pub(super) loss_percent: u64,
    pub(super) nat: Nat,
}

pub(super) const PERFECT: Link = Link { delay_ms: 10, jitter_ms: 0, loss_percent: 0, nat: Nat::None };

struct Mapping {
    inside: SocketAddr,
    outside: SocketAddr,
    /// Destinations sent to.
    peers: Vec<SocketAddr>,
}

/// Two agents and what is between them.
pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) agents: [Agent; 2],
    pub(super) events: [Vec<Event>; 2],
    pub(super) sent: [usize; 2],
    pub(super) link: Link,
    /// Addresses nothing ever reaches.
    pub(super) dead: Vec<SocketAddr>,
    sockets: Vec<(usize, LocalSocket)>,
    mappings: Vec<Mapping>,
    /// Arrival, tie breaker: source, destination, bytes.
    flying: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    random: TestRandom,
    sequence: u64,
}

impl Network {
    pub(super) fn new(now: Instant, agents: [(Agent, &[Local]); 2], link: Link, seed: u64) -> Self {
        let sockets = agents.iter().enumerate();
        let sockets =
            sockets.flat_map(|(side, (_, locals))| locals.iter().map(move |local| (side, local.socket)));
        let sockets = sockets.collect();
        Self {
            now,
            agents: agents.map(|(agent, _)| agent),
            events: [Vec::new(), Vec::new()],
            sent: [0; 2],
            link,
            dead: Vec::new(),
            sockets,
            mappings: Vec::new(),
            flying: BTreeMap::new(),
            random: TestRandom(seed),
            sequence: 0,
        }
    }

    /// Lets so much time pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.drain();
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let timers = self.agents.iter().filter_map(Agent::next_timeout);
            let Some(next) = timers.chain(arrival).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (from, to, bytes) = entry.remove();
                self.deliver(from, to, &bytes);
            }
            for agent in &mut self.agents {
                agent.poll(self.now, &mut self.random);
            }
        }
        self.now = end;
    }

    /// Runs until both agents have completed; how long it took. `None` when it takes over a minute.
    pub(super) fn run_to_completion(&mut self) -> Option<Duration> {
        let start = self.now;
        while self.now < start + Duration::from_secs(60) {
            if self.agents.iter().all(|agent| agent.phase() == super::Phase::Completed) {
                return Some(self.now - start);
            }
            self.run(Duration::from_millis(5));
        }
        None
    }

    fn drain(&mut self) {
        for side in 0..2 {
            while let Some(packet) = self.agents[side].poll_transmit() {
                self.sent[side] += 1;
                let socket = self.sockets.iter().find(|(_, socket)| socket.key == packet.socket);
                let inside = socket.expect("agents send from their own sockets").1.address;
                let from = if side == 1 { self.translate(inside, packet.to) } else { inside };
                self.launch(from, packet.to, packet.bytes);
            }
            while let Some(event) = self.agents[side].poll_event() {
                self.events[side].push(event);
            }
        }
    }

    fn launch(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if self.random.next() % 100 < self.link.loss_percent {
            return;
        }
        let jitter = self.random.next() % (self.link.jitter_ms + 1);
        let at = self.now + Duration::from_millis(self.link.delay_ms + jitter);
        self.sequence += 1;
        self.flying.insert((at, self.sequence), (from, to, bytes));
    }

    /// The address a packet of the second agent leaves the NAT with.
    fn translate(&mut self, inside: SocketAddr, to: SocketAddr) -> SocketAddr {
        if self.link.nat == Nat::None {
            return inside;
        }
        let per_destination = self.link.nat == Nat::Symmetric;
        let fits = |mapping: &&mut Mapping| {
            mapping.inside == inside && (!per_destination || mapping.peers.contains(&to))
        };
        if let Some(mapping) = self.mappings.iter_mut().find(fits) {
            if !mapping.peers.contains(&to) {
                mapping.peers.push(to);
            }
            return mapping.outside;
        }
        let outside = SocketAddr::from(([198, 51, 100, 77], 20_000 + self.mappings.len() as u16));
        self.mappings.push(Mapping { inside, outside, peers: vec![to] });
        outside
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if self.dead.contains(&to) || self.dead.contains(&from) {
            return;
        }
        let inside = match self.mappings.iter().find(|mapping| mapping.outside == to) {
            Some(mapping) if self.link.nat != Nat::FullCone && !mapping.peers.contains(&from) => return,
            Some(mapping) => mapping.inside,
            None => to,
        };
        let Some((side, socket)) = self.sockets.iter().find(|(_, socket)| socket.address == inside) else {
            return;
        };
        if *side == 1 && inside == to && self.link.nat != Nat::None {
            return;
        }
        self.agents[*side].handle_packet(self.now, socket.key, from, bytes, &mut self.random);
    }
}

/// A local socket for tests; the slot number keeps it apart from all others.
pub(super) fn local(slot: u32, interface: u16, component: u8, address: &str) -> Local {
    let key = SocketKey { slot, generation: 0 };
    let socket = LocalSocket { key, local: LocalId(interface), address: address.parse().expect("address") };
    Local { socket, component, position: interface % 10 }
}
