//! From pairs to results: complete sets, selection, completion, failure.

use std::time::Instant;

use super::agent::{Agent, Phase, slot};
use super::events::Event;
use super::pair::{Pair, PairState};
use super::{NOMINATION_DELAY, RENOMINATION_AGE};

/// One pair per component.
pub(super) type PairSet = [Option<usize>; 2];

/// Rounds of checking proven pairs again, each of eight transmissions.
const MAX_SECOND_TRIES: u8 = 5;

impl Agent {
    /// Draws the conclusions from the present states of the pairs, if something has changed.
    pub(super) fn conclude(&mut self, now: Instant) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        if let Some(set) = self.best_set(|pair| pair.valid)
            && self.phase != Phase::Completed
        {
            self.complete(now, set);
        }
        if self.phase != Phase::Completed
            && let Some(set) = self.best_set(Pair::succeeded)
        {
            self.select(set);
            self.become_usable();
            let waits = self.role.is_controlling() && self.phase == Phase::Running;
            if waits && self.nominate_at.is_none() {
                self.nominate_at = Some(now + NOMINATION_DELAY);
            }
        }
        self.try_again();
        let idle = !self.pairs.is_empty() && self.pairs.iter().all(|pair| pair.state == PairState::Failed);
        if idle && self.phase == Phase::Running {
            self.phase = Phase::Failed;
            self.event(Event::Failed);
        }
    }

    /// Controlling, with nothing left to check and no set to nominate: pairs that worked before are checked again, since only the
    /// nomination was lost.
    fn try_again(&mut self) {
        let settled = |pair: &Pair| {
            matches!(pair.state, PairState::Failed | PairState::Succeeded) && pair.check.is_none()
        };
        let stuck = self.phase == Phase::Running
            && self.role.is_controlling()
            && self.second_tries < MAX_SECOND_TRIES
            && self.pairs.iter().all(settled)
            && self.best_set(Pair::succeeded).is_none();
        if !stuck {
            return;
        }
        self.second_tries += 1;
        for position in 0..self.pairs.len() {
            let Some(pair) = self.pairs.get_mut(position).filter(|pair| pair.proven && !pair.succeeded())
            else {
                continue;
            };
            pair.revive();
            self.trigger(position);
        }
    }

    /// The highest complete set of the pairs that qualify: every component has one, all of the same
    /// local interface and remote foundation.
    pub(super) fn best_set(&self, qualifies: impl Fn(&Pair) -> bool) -> Option<PairSet> {
        let mut firsts: Vec<usize> = self.qualified(1, &qualifies).collect();
        firsts.sort_by_key(|&position| std::cmp::Reverse(self.priority(position)));
        firsts.into_iter().find_map(|first| self.complete_set(first, &qualifies))
    }

    /// The set around a pair of component 1, if all other components have a fitting pair.
    fn complete_set(&self, first: usize, qualifies: &impl Fn(&Pair) -> bool) -> Option<PairSet> {
        if self.components() < 2 {
            return Some([Some(first), None]);
        }
        let fitting = self.qualified(2, qualifies).filter(|&second| self.same_foundation(first, second));
        let second = fitting.max_by_key(|&position| self.priority(position))?;
        Some([Some(first), Some(second)])
    }

    fn qualified(&self, component: u8, qualifies: &impl Fn(&Pair) -> bool) -> impl Iterator<Item = usize> {
        let pairs = self.pairs.iter().enumerate();
        pairs.filter(move |(_, pair)| pair.component == component && qualifies(pair)).map(|(n, _)| n)
    }

    fn priority(&self, position: usize) -> u64 {
        self.pairs.get(position).map_or(0, |pair| pair.priority)
    }

    /// Whether two pairs have the same local interface and remote foundation.
    fn same_foundation(&self, one: usize, other: usize) -> bool {
        let foundation = |position: usize| {
            let pair = self.pairs.get(position)?;
            let local = self.locals.get(pair.local)?.socket.local;
            Some((local, &self.remotes.get(pair.remote)?.foundation))
        };
        foundation(one).is_some() && foundation(one) == foundation(other)
    }

    /// A pair has succeeded: frozen ones of the same foundation wait from now on.
    pub(super) fn unfreeze(&mut self, succeeded: usize) {
        for position in 0..self.pairs.len() {
            let frozen = self.pairs.get(position).is_some_and(|pair| pair.state == PairState::Frozen);
            if frozen
                && self.same_foundation(position, succeeded)
                && let Some(pair) = self.pairs.get_mut(position)
            {
                pair.state = PairState::Waiting;
            }
        }
    }

    fn become_usable(&mut self) {
        if !self.usable {
            self.usable = true;
            self.event(Event::Usable);
        }
    }

    fn complete(&mut self, now: Instant, set: PairSet) {
        self.phase = Phase::Completed;
        self.completed_at = Some(now);
        self.nominate_at = None;
        self.select(set);
        self.become_usable();
        self.event(Event::Completed);
        self.begin_upkeep(now);
    }

    /// Controlled and completed: the peer has nominated a pair anew.
    pub(super) fn renominate(&mut self, now: Instant, position: usize) {
        let settled = self.completed_at.is_some_and(|at| now.duration_since(at) >= RENOMINATION_AGE);
        let valid = |pair: &Pair| pair.valid;
        let best = self.best_set(valid);
        let named = best.filter(|_| settled).and_then(|_| self.set_with(position));
        if let Some(set) = named.or(best) {
            self.select(set);
        }
    }

    /// The complete valid set a pair belongs to.
    fn set_with(&self, position: usize) -> Option<PairSet> {
        let valid = |pair: &Pair| pair.valid;
        if self.pairs.get(position)?.component == 1 {
            return self.complete_set(position, &valid);
        }
        let mut firsts = self.qualified(1, &valid).filter(|&first| self.same_foundation(first, position));
        firsts.next().map(|first| [Some(first), Some(position)])
    }

    /// Moves the streams to a set.
    fn select(&mut self, set: PairSet) {
        for (component, pair) in (1..=2_u8).zip(set) {
            let Some(place) = self.selected.get_mut(slot(component)) else { continue };
            if *place == pair {
                continue;
            }
            *place = pair;
            if let Some((socket, remote)) = self.selected(component) {
                self.event(Event::Selected { component, socket, remote });
            }
        }
    }
}
