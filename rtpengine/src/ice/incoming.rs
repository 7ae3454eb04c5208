//! STUN packets from the peer: requests, responses, role conflicts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtpengine_common::sdp::CandidateType;
use rtpengine_common::stun::{Class, Message, MessageBuilder, Refusal, Verdict};

use super::agent::{Agent, Phase, Role, slot};
use super::candidate::{Foundation, RemoteCandidate};
use super::credentials::Credentials;
use super::events::{Handled, Notice};
use super::pair::{Pair, PairState};
use crate::call::ctx::Random;
use crate::call::ids::SocketKey;

/// Errors told to strangers by one agent in one period.
pub(super) const MAX_REFUSALS: u32 = 50;
pub(super) const REFUSAL_PERIOD: Duration = Duration::from_secs(1);

impl Agent {
    /// Takes a packet that looks like STUN (`rtp::is_stun`), received on `socket` from `from`.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        socket: SocketKey,
        from: SocketAddr,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Handled {
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(reason) => return Handled::NotStun(reason),
        };
        let remote_key = self.remote.as_ref().map(Credentials::key);
        let verdict = message.judge(self.local.ufrag().as_bytes(), self.local.key(), remote_key);
        let local = self.locals.iter().position(|local| local.socket.key == socket);
        match (verdict, local) {
            (Verdict::NotStun(reason), _) => return Handled::NotStun(reason),
            (Verdict::Refuse(refusal), Some(local)) => {
                self.refuse_stranger(now, local, from, &message, refusal);
                return Handled::Refused;
            }
            (Verdict::Authentic, Some(local)) => {
                self.touch(now);
                if message.class() == Class::Request {
                    self.handle_request(now, local, from, &message);
                } else {
                    self.handle_response(now, local, from, &message);
                }
                self.conclude(now);
                self.poll(now, random);
            }
            (Verdict::Ignore, Some(_)) if message.class() != Class::Indication => {
                self.notice(Notice::AuthenticationMismatch(from));
                return Handled::Refused;
            }
            // Nothing to answer, or a socket that was given up in the meantime.
            (Verdict::Ignore | Verdict::Refuse(_) | Verdict::Authentic, _) => {}
        }
        Handled::Consumed
    }

    /// Refuses what nobody has proved to have sent. Its source may be a victim's address, and the reply is larger than a short
    /// request: so there are few of them.
    fn refuse_stranger(
        &mut self,
        now: Instant,
        local: usize,
        from: SocketAddr,
        message: &Message<'_>,
        refusal: Refusal,
    ) {
        if now.saturating_duration_since(self.refusals.0) >= REFUSAL_PERIOD {
            self.refusals = (now, 0);
        }
        if self.refusals.1 < MAX_REFUSALS {
            self.refusals.1 += 1;
            self.refuse(local, from, message, refusal);
        }
    }

    fn refuse(&mut self, local: usize, from: SocketAddr, message: &Message<'_>, refusal: Refusal) {
        match refusal {
            Refusal::UnknownAttributes => {
                let numbers = message.unknown().iter().copied().collect();
                self.notice(Notice::UnknownAttributes(from, numbers));
            }
            Refusal::BadRequest => self.notice(Notice::BadRequest(from)),
            Refusal::Unauthorized => self.notice(Notice::AuthenticationMismatch(from)),
            Refusal::RoleConflict => {}
        }
        let unknown = if refusal == Refusal::UnknownAttributes { message.unknown() } else { &[] };
        let reply = MessageBuilder::reply(message, Class::Error)
            .software(&self.settings.software)
            .error(&refusal.error_code())
            .unknown_attributes(unknown)
            .finish(self.local.key());
        self.send(local, from, reply);
    }

    fn handle_request(&mut self, now: Instant, local: usize, from: SocketAddr, message: &Message<'_>) {
        let Some(position) = self.pair_of_request(local, from, message) else {
            self.notice(Notice::NoCandidate(from));
            return;
        };
        self.authenticate(position);
        if self.loses_conflict(now, message) {
            self.refuse(local, from, message, Refusal::RoleConflict);
            return;
        }
        let reply = MessageBuilder::reply(message, Class::Success)
            .software(&self.settings.software)
            .mapped_address(from)
            .finish(self.local.key());
        self.send(local, from, reply);
        self.take_request(now, position, message.use_candidate());
    }

    /// The pair a request came over, made if its source is new.
    fn pair_of_request(&mut self, local: usize, from: SocketAddr, message: &Message<'_>) -> Option<usize> {
        let component = self.locals.get(local)?.component;
        let known = |remote: &RemoteCandidate| remote.address == from && remote.component == component;
        let remote = match self.remotes.iter().position(known) {
            Some(remote) => remote,
            None => self.learn(component, from, message.priority()?)?,
        };
        self.pairs.iter().position(|pair| pair.local == local && pair.remote == remote)
    }

    /// Adds a peer-reflexive candidate.
    fn learn(&mut self, component: u8, address: SocketAddr, priority: u32) -> Option<usize> {
        let mut candidate = RemoteCandidate {
            foundation: Foundation::Learned(address),
            component,
            priority,
            address,
            kind: CandidateType::PeerReflexive,
        };
        let path = candidate.path();
        let other = self.remotes.iter().find(|known| known.component != component && known.path() == path);
        if let Some(other) = other {
            candidate.foundation = other.foundation.clone();
        }
        self.add_remote(candidate)
    }

    /// From now on media is accepted over this pair.
    fn authenticate(&mut self, position: usize) {
        let Some(pair) = self.pairs.get(position) else { return };
        let ends = (self.locals.get(pair.local), self.remotes.get(pair.remote));
        let (Some(local), Some(remote)) = ends else { return };
        let source = (local.socket.key, remote.address);
        if !self.authenticated.contains(&source) {
            self.authenticated.push(source);
        }
    }

    /// Settles a role conflict (media-plane.md 11.8 rule 3); `true` when the peer has to give way.
    fn loses_conflict(&mut self, now: Instant, message: &Message<'_>) -> bool {
        let own = self.settings.tie_breaker;
        match (self.role, message.controlling(), message.controlled()) {
            (Role::Controlling, Some(peer), _) => {
                if own >= peer {
                    return true;
                }
                self.switch_role(now, Role::Controlled);
            }
            (Role::Controlled, None, Some(peer)) => {
                if own < peer {
                    return true;
                }
                self.switch_role(now, Role::Controlling);
            }
            // A lite agent cannot take the controlling role.
            (Role::Lite, None, Some(_)) => return true,
            _ => {}
        }
        false
    }

    fn switch_role(&mut self, now: Instant, role: Role) {
        self.change_role(now, role);
        self.event(super::Event::RoleChanged { controlling: role.is_controlling() });
    }

    /// What an authentic request means for its pair.
    fn take_request(&mut self, now: Instant, position: usize, use_candidate: bool) {
        let (lite, controlled) = (self.role == Role::Lite, !self.role.is_controlling());
        let Some(pair) = self.pairs.get_mut(position) else { return };
        let newly = use_candidate && controlled && !pair.nominated;
        pair.nominated |= use_candidate && controlled;
        if lite && !pair.succeeded() {
            pair.state = PairState::Succeeded;
            self.changed = true;
        }
        if !pair.succeeded() {
            pair.revive();
            if self.phase == Phase::Failed {
                self.phase = Phase::Running;
            }
            self.trigger(position);
        }
        self.validate(now, position, newly);
    }

    /// Controlled: nominated and succeeded makes a pair valid.
    fn validate(&mut self, now: Instant, position: usize, newly: bool) {
        let controlled = !self.role.is_controlling();
        let Some(pair) = self.pairs.get_mut(position) else { return };
        if !(controlled && pair.nominated && pair.succeeded()) {
            return;
        }
        let newly = newly || !pair.valid;
        pair.valid = true;
        self.changed |= newly;
        if newly && self.phase == Phase::Completed {
            self.renominate(now, position);
        }
    }

    fn handle_response(&mut self, now: Instant, local: usize, from: SocketAddr, message: &Message<'_>) {
        let id = message.transaction_id();
        let asked = |pair: &Pair| pair.check.as_ref().is_some_and(|check| check.id == id);
        let Some(position) = self.pairs.iter().position(asked) else {
            self.notice(Notice::StrayResponse(from));
            return;
        };
        let Some(pair) = self.pairs.get_mut(position) else { return };
        let expected = self.remotes.get(pair.remote).map(|remote| remote.address);
        if pair.local != local || expected != Some(from) {
            self.notice(Notice::StrayResponse(from));
            return;
        }
        let Some(check) = pair.check.take() else { return };
        match message.error() {
            None if message.class() == Class::Success => self.take_success(now, position, check.nominate),
            Some(error) if error.code == 487 => {
                // The other role than the one that was refused, which need not be the present one.
                let role = if check.controlling { Role::Controlled } else { Role::Controlling };
                self.switch_role_if_other(now, role);
                if let Some(pair) = self.pairs.get_mut(position) {
                    pair.revive();
                }
                self.trigger(position);
            }
            _ => self.fail(position),
        }
    }

    fn switch_role_if_other(&mut self, now: Instant, role: Role) {
        if self.role != role && self.role != Role::Lite {
            self.switch_role(now, role);
        }
    }

    fn take_success(&mut self, now: Instant, position: usize, nominated: bool) {
        self.authenticate(position);
        let Some(pair) = self.pairs.get_mut(position) else { return };
        pair.state = PairState::Succeeded;
        pair.proven = true;
        let component = pair.component;
        // The nomination counts only while the pair is still the chosen one.
        pair.valid |= nominated && pair.nominated;
        self.changed = true;
        if let Some(consent) = self.upkeep.as_mut().and_then(|upkeep| upkeep.consent.get_mut(slot(component)))
        {
            *consent = now;
        }
        self.unfreeze(position);
        self.validate(now, position, false);
    }
}
