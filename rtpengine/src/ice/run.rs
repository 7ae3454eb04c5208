//! Sending checks: the schedule, retransmission, nomination, consent and keepalive.

use std::time::{Duration, Instant};

use rtpengine_common::sdp::CandidateType;
use rtpengine_common::stun::{Class, MessageBuilder};

use super::PACING;
use super::agent::{Agent, Phase, Role, Upkeep, slot, transaction_id};
use super::candidate::priority;
use super::events::Event;
use super::pair::{Check, Pair, PairState};
use crate::call::ctx::Random;

/// Mean interval of consent checks; each is 0.8 to 1.2 of it (RFC 7675 section 5.1).
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Consent without a response lasts so long.
const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

impl Agent {
    /// Does what is due at `now`. To be called at [`Agent::next_timeout`] and after signalling.
    pub fn poll(&mut self, now: Instant, random: &mut dyn Random) {
        self.keep_up(now, random);
        if !self.may_check() || self.last_run.is_some_and(|last| now < last + PACING) {
            return;
        }
        if self.next_work().is_none_or(|at| at > now) {
            return;
        }
        self.last_run = Some(now);
        self.touch(now);
        self.run(now, random);
    }

    /// When [`Agent::poll`] has something to do next.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let work = if self.may_check() { self.next_work() } else { None };
        let paced = match (work, self.last_run) {
            (Some(work), Some(last)) => Some(work.max(last + PACING)),
            (work, _) => work,
        };
        [paced, self.upkeep.map(|upkeep| upkeep.next)].into_iter().flatten().min()
    }

    fn may_check(&self) -> bool {
        self.started && self.remote.is_some() && self.role != Role::Lite
    }

    /// When the next run has something to do, not counting the pacing; a time long past for "at once".
    fn next_work(&self) -> Option<Instant> {
        if !self.triggered.is_empty() || self.next_new_check().is_some() {
            return Some(self.last_activity());
        }
        let due = self.pairs.iter().filter_map(|pair| pair.check.as_ref()?.due);
        due.chain(self.nominate_at).min()
    }

    fn run(&mut self, now: Instant, random: &mut dyn Random) {
        if self.nominate_at.is_some_and(|at| at <= now) {
            self.nominate();
        }
        if let Some(pair) = self.triggered.pop_front() {
            self.check(now, pair, random);
            return;
        }
        if let Some(pair) = self.next_new_check() {
            self.check(now, pair, random);
        }
        self.retransmit(now);
        self.conclude(now);
    }

    /// The ordinary check that comes next: the highest waiting pair, else the highest frozen one, of the
    /// components that have no valid pair yet.
    fn next_new_check(&self) -> Option<usize> {
        if self.phase != Phase::Running {
            return None;
        }
        let best = |state: PairState| {
            let pairs = self
                .pairs
                .iter()
                .enumerate()
                .filter(|(_, pair)| pair.state == state && self.highest_valid(pair.component).is_none());
            pairs.max_by_key(|(_, pair)| pair.priority).map(|(position, _)| position)
        };
        best(PairState::Waiting).or_else(|| best(PairState::Frozen))
    }

    fn highest_valid(&self, component: u8) -> Option<u64> {
        let valid = self.pairs.iter().filter(|pair| pair.valid && pair.component == component);
        valid.map(|pair| pair.priority).max()
    }

    /// Sends a check for a pair: a repetition of the one under way if it would say the same.
    fn check(&mut self, now: Instant, position: usize, random: &mut dyn Random) {
        let controlling = self.role.is_controlling();
        let Some(pair) = self.pairs.get_mut(position) else { return };
        let nominate = controlling && pair.nominated;
        let same = pair.check.as_ref().is_some_and(|check| {
            pair.state == PairState::InProgress
                && check.controlling == controlling
                && check.nominate == nominate
        });
        let id = match &pair.check {
            Some(check) if same => check.id,
            _ => transaction_id(random),
        };
        pair.check = Some(Check::new(now, id, controlling, nominate));
        if pair.state != PairState::Succeeded {
            pair.state = PairState::InProgress;
        }
        self.send_check(position);
    }

    /// Sends the request of the pair's check.
    fn send_check(&mut self, position: usize) {
        let Some(pair) = self.pairs.get(position) else { return };
        let (Some(check), Some(remote)) = (&pair.check, &self.remote) else { return };
        let (Some(local), Some(to)) = (self.locals.get(pair.local), self.remotes.get(pair.remote)) else {
            return;
        };
        let mut request = MessageBuilder::new(Class::Request, check.id)
            .software(&self.settings.software)
            .username(&format!("{}:{}", remote.ufrag(), self.local.ufrag()))
            .role(check.controlling, self.settings.tie_breaker)
            .priority(priority(CandidateType::PeerReflexive, local.position, local.component));
        if check.nominate {
            request = request.use_candidate();
        }
        let (local, to, bytes) = (pair.local, to.address, request.finish(remote.key()));
        self.send(local, to, bytes);
    }

    fn retransmit(&mut self, now: Instant) {
        for position in 0..self.pairs.len() {
            let Some(pair) = self.pairs.get(position) else { return };
            if pair.check.as_ref().and_then(|check| check.due).is_none_or(|due| due > now) {
                continue;
            }
            let overtaken = self.highest_valid(pair.component).is_some_and(|best| best > pair.priority);
            let Some(pair) = self.pairs.get_mut(position) else { return };
            let Some(check) = &mut pair.check else { continue };
            if overtaken && !pair.nominated {
                check.due = None;
            } else if check.retransmit(now) {
                self.send_check(position);
            } else {
                self.fail(position);
            }
        }
    }

    /// A pair's check has come to nothing. A nomination that failed is undone, so that the next best set
    /// is tried.
    pub(super) fn fail(&mut self, position: usize) {
        let Some(pair) = self.pairs.get_mut(position) else { return };
        pair.state = PairState::Failed;
        self.changed = true;
        pair.check = None;
        pair.valid = false;
        if pair.nominated && self.role.is_controlling() {
            for pair in &mut self.pairs {
                pair.nominated = false;
                pair.valid = false;
            }
            if self.phase == Phase::Nominating {
                self.phase = Phase::Running;
            }
        }
    }

    /// Puts a pair into the triggered queue, once.
    pub(super) fn trigger(&mut self, position: usize) {
        if !self.triggered.contains(&position) {
            self.triggered.push_back(position);
        }
    }

    /// Controlling: checks the best complete set again, with USE-CANDIDATE.
    fn nominate(&mut self) {
        self.nominate_at = None;
        let Some(set) = self.best_set(Pair::succeeded) else { return };
        self.phase = Phase::Nominating;
        for position in set.into_iter().flatten() {
            if let Some(pair) = self.pairs.get_mut(position) {
                pair.nominated = true;
                self.trigger(position);
            }
        }
    }

    /// Consent checks or keepalives of a completed agent.
    fn keep_up(&mut self, now: Instant, random: &mut dyn Random) {
        let Some(upkeep) = self.upkeep.filter(|upkeep| upkeep.next <= now) else { return };
        if !self.settings.consent {
            let Some(interval) = self.settings.keepalive else { return };
            self.upkeep = Some(Upkeep { next: now + interval, ..upkeep });
            for component in 1..=self.components() {
                self.send_keepalive(component, random);
            }
            return;
        }
        for component in 1..=self.components() {
            let given = upkeep.consent.get(slot(component));
            if given.is_none_or(|given| now.duration_since(*given) >= CONSENT_TIMEOUT) {
                self.lose_consent(component);
                return;
            }
        }
        self.upkeep = Some(Upkeep { next: now + consent_interval(random), ..upkeep });
        for position in self.selected.into_iter().flatten() {
            let controlling = self.role.is_controlling();
            let id = transaction_id(random);
            if let Some(pair) = self.pairs.get_mut(position) {
                // Each consent check is a transaction of its own and is not repeated.
                pair.check = Some(Check::new(now, id, controlling, false).without_repetition());
                self.send_check(position);
            }
        }
    }

    /// The peer is not asked any more and nothing is sent to it. It comes back with an authentic request, which makes its pair be
    /// checked, or with a restart.
    fn lose_consent(&mut self, component: u8) {
        self.event(Event::ConsentLost { component });
        self.upkeep = None;
        self.selected = [None; 2];
        self.triggered.clear();
        self.nominate_at = None;
        self.usable = false;
        self.phase = Phase::Failed;
        let controlling = self.role.is_controlling();
        for pair in &mut self.pairs {
            pair.state = PairState::Failed;
            pair.check = None;
            // The peer does not repeat its nomination; ours it hears again.
            pair.nominated &= !controlling;
            pair.valid = false;
        }
    }

    fn send_keepalive(&mut self, component: u8, random: &mut dyn Random) {
        let pair = self.selected.get(slot(component)).copied().flatten();
        let Some(pair) = pair.and_then(|position| self.pairs.get(position)) else { return };
        let (Some(remote), Some(to)) = (&self.remote, self.remotes.get(pair.remote)) else { return };
        let message = MessageBuilder::new(Class::Indication, transaction_id(random));
        let (local, to, bytes) = (pair.local, to.address, message.finish(remote.key()));
        self.send(local, to, bytes);
    }

    /// Begins consent checks or keepalives, if wanted.
    pub(super) fn begin_upkeep(&mut self, now: Instant) {
        if self.upkeep.is_some() || self.role == Role::Lite {
            return;
        }
        let interval = if self.settings.consent { Some(CONSENT_INTERVAL) } else { self.settings.keepalive };
        self.upkeep = interval.map(|interval| Upkeep { next: now + interval, consent: [now; 2] });
    }
}

fn consent_interval(random: &mut dyn Random) -> Duration {
    let mut byte = [0];
    random.fill(&mut byte);
    CONSENT_INTERVAL * 4 / 5 + CONSENT_INTERVAL * u32::from(byte[0]) * 2 / (5 * 255)
}
