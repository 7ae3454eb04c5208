//! An agent under foreign steps, for the fuzz target.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtpengine_common::sdp::CandidateType;
use rtpengine_common::stun::{Class, ErrorCode, IntegrityKey, Message, MessageBuilder};

use super::agent::slot;
use super::*;
use crate::call::ctx::Random;
use crate::call::ids::{LocalId, LocalSocket, SocketKey};

const PEER: &str = "peer";
const PASSWORD: &str = "peerpasswordpeerpassword";
/// Checks of the agent that may still be answered.
const REMEMBERED: usize = 16;

/// Repeatable.
struct Dice(u8);

impl Random for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(17);
            *byte = self.0;
        }
    }
}

fn remote(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 4000 + u16::from(number & 1)))
}

fn locals(count: u8) -> Vec<Local> {
    let socket = |number: u8| LocalSocket {
        key: SocketKey { slot: u32::from(number), generation: 0 },
        local: LocalId(u16::from(number >> 1)),
        address: SocketAddr::from(([203, 0, 113, 1], 30_000 + u16::from(number))),
    };
    let local = |number: u8| Local {
        socket: socket(number),
        component: 1 + (number & 1),
        position: u16::from(number >> 1),
    };
    (0..count).map(local).collect()
}

struct Exercise {
    agent: Agent,
    now: Instant,
    random: Dice,
    checks: VecDeque<Transmit>,
}

impl Exercise {
    /// A request with the right password, or another; `what` decides on its attributes.
    fn request(&mut self, from: u8, what: u8) {
        let name = format!("{}:{PEER}", self.agent.local_credentials().ufrag());
        let mut request = MessageBuilder::new(Class::Request, [from; 12]);
        if what & 1 == 0 {
            request = request.username(&name);
        }
        if what & 2 == 0 {
            request = request.priority(u32::from(what) << 16);
        }
        if what & 4 != 0 {
            request = request.use_candidate();
        }
        request = request.role(what & 8 != 0, u64::from(what & 0x30));
        let password = if what & 0x40 == 0 { self.agent.local_credentials().pwd() } else { PASSWORD };
        let bytes = request.finish(&IntegrityKey::new(password.as_bytes()));
        self.receive(what >> 7, remote(from), &bytes);
    }

    /// A response to a check of the agent.
    fn respond(&mut self, what: u8) {
        let Some(check) = self.checks.pop_front() else { return };
        let Ok(request) = Message::parse(&check.bytes) else { panic!("the agent sends what it cannot read") };
        let error = [None, None, Some(487), Some(401)][usize::from(what & 3)];
        let class = if error.is_some() { Class::Error } else { Class::Success };
        let mut reply = MessageBuilder::reply(&request, class).mapped_address(check.to);
        if let Some(code) = error {
            reply = reply.error(&ErrorCode { code, reason: b"no" });
        }
        let password = if what & 4 == 0 { PASSWORD } else { "another password" };
        let from = if what & 8 == 0 { check.to } else { remote(what) };
        let bytes = reply.finish(&IntegrityKey::new(password.as_bytes()));
        self.agent.handle_packet(self.now, check.socket, from, &bytes, &mut self.random);
    }

    fn receive(&mut self, socket: u8, from: SocketAddr, bytes: &[u8]) {
        let socket = SocketKey { slot: u32::from(socket), generation: 0 };
        self.agent.handle_packet(self.now, socket, from, bytes, &mut self.random);
    }

    fn candidate(&mut self, number: u8, what: u8) {
        let candidate = RemoteCandidate {
            foundation: Foundation::Signalled([what & 3].as_slice().into()),
            component: 1 + (what >> 2 & 1),
            priority: u32::from(what) << 8,
            address: remote(number),
            kind: CandidateType::Host,
        };
        self.agent.add_candidates(self.now, [candidate]);
    }

    /// Lets time pass up to a limit, as often as the agent wants to be called. It must not want that without end.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        let mut calls = 0;
        while let Some(at) = self.agent.next_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.agent.poll(self.now, &mut self.random);
            self.drain();
            calls += 1;
            assert!(calls < 100_000, "no rest");
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(packet) = self.agent.poll_transmit() {
            let Ok(message) = Message::parse(&packet.bytes) else {
                panic!("the agent sends what it cannot read")
            };
            if message.class() == Class::Request && self.checks.len() < REMEMBERED {
                self.checks.push_back(packet);
            }
        }
        while self.agent.poll_event().is_some() {}
    }

    /// What holds at any time.
    fn check(&self) {
        let agent = &self.agent;
        let places = agent.pairs.len();
        assert!(agent.remotes.len() <= MAX_CANDIDATES && places <= agent.locals.len() * MAX_CANDIDATES);
        assert!(agent.triggered.len() <= places && agent.triggered.iter().all(|&pair| pair < places));
        assert!(agent.authenticated.len() <= places.max(agent.locals.len() * MAX_CANDIDATES));
        for component in 1..=2 {
            let pair = agent.selected.get(slot(component)).copied().flatten();
            assert!(pair.is_none_or(|pair| agent.pairs.get(pair).is_some_and(|p| p.component == component)));
        }
        assert!(agent.phase() != Phase::Completed || agent.is_usable());
    }
}

/// Takes bytes as steps of signalling, time and packets: nothing panics, and memory stays within its limits.
pub fn exercise(bytes: &[u8]) {
    let Some((&setup, mut rest)) = bytes.split_first() else { return };
    let now = Instant::now();
    let role = [Role::Controlling, Role::Controlled, Role::Lite, Role::Controlled][usize::from(setup & 3)];
    let settings = Settings {
        tie_breaker: 0x10,
        software: "exercise".into(),
        consent: setup & 4 != 0,
        keepalive: (setup & 8 != 0).then_some(Duration::from_secs(15)),
    };
    let mut random = Dice(setup);
    let own = Credentials::generate(&mut random);
    let agent = Agent::new(now, settings, role, own, locals(1 + (setup >> 4 & 3)));
    let mut exercise = Exercise { agent, now, random, checks: VecDeque::new() };
    exercise.agent.set_remote(now, Credentials::new(PEER, PASSWORD));
    exercise.agent.start(now);
    while let [step, first, second, tail @ ..] = rest {
        rest = tail;
        match step & 7 {
            0 | 1 => exercise.request(*first, *second),
            2 => exercise.respond(*first),
            3 => exercise.candidate(*first, *second),
            4 => exercise.pass(Duration::from_millis(u64::from(*first) * u64::from(*second))),
            5 => {
                let (packet, tail) = rest.split_at(usize::from(*second).min(rest.len()));
                rest = tail;
                exercise.receive(first & 3, remote(*first), packet);
            }
            6 if first & 1 == 0 => {
                let keep = u16::from(second & 1);
                exercise.agent.retain_locals(exercise.now, |local| local.position <= keep);
            }
            6 => {
                let roles = [Role::Controlling, Role::Controlled, Role::Lite, Role::Controlling];
                exercise.agent.set_role(exercise.now, roles[usize::from(second & 3)]);
            }
            _ => {
                let own = Credentials::generate(&mut exercise.random);
                exercise.agent.restart(exercise.now, own, locals(1 + (first & 3)));
                exercise.agent.set_remote(exercise.now, Credentials::new(PEER, PASSWORD));
                exercise.agent.start(exercise.now);
                exercise.checks.clear();
            }
        }
        exercise.drain();
        exercise.check();
    }
}
