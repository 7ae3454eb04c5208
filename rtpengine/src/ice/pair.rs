//! Candidate pairs (RFC 8445 section 6.1.2).

use std::time::Instant;

use rtpengine_common::stun::TransactionId;

use super::{FIRST_RETRANSMISSION, MAX_RETRANSMISSIONS};

/// State of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PairState {
    Frozen,
    Waiting,
    InProgress,
    Succeeded,
    Failed,
}

/// A check under way.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) id: TransactionId,
    /// Role and nomination the request carried: a repetition must be the same message.
    pub(super) controlling: bool,
    pub(super) nominate: bool,
    /// When to send again or give up; `None` once that has stopped. A late response still counts.
    pub(super) due: Option<Instant>,
    retransmissions: u32,
}

impl Check {
    pub(super) fn new(now: Instant, id: TransactionId, controlling: bool, nominate: bool) -> Self {
        Self { id, controlling, nominate, due: Some(now + FIRST_RETRANSMISSION), retransmissions: 0 }
    }

    /// The same check, to be sent once only.
    pub(super) fn without_repetition(self) -> Self {
        Self { due: None, ..self }
    }

    /// Counts a retransmission at `now`; `false` when all are used up.
    pub(super) fn retransmit(&mut self, now: Instant) -> bool {
        if self.retransmissions >= MAX_RETRANSMISSIONS {
            self.due = None;
            return false;
        }
        self.retransmissions += 1;
        self.due = Some(now + FIRST_RETRANSMISSION * (1 << self.retransmissions));
        true
    }
}

/// A local socket and a remote candidate of the same component and family.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// Position in the agent's local sockets.
    pub(super) local: usize,
    /// Position in the agent's remote candidates.
    pub(super) remote: usize,
    pub(super) component: u8,
    pub(super) priority: u64,
    pub(super) state: PairState,
    /// Controlled: the peer sent USE-CANDIDATE. Controlling: chosen for nomination.
    pub(super) nominated: bool,
    /// Nominated and succeeded.
    pub(super) valid: bool,
    /// A check once succeeded: the path works, whatever was lost later.
    pub(super) proven: bool,
    pub(super) check: Option<Check>,
}

impl Pair {
    /// Succeeded is kept while a pair is checked again for nomination.
    pub(super) fn succeeded(&self) -> bool {
        self.state == PairState::Succeeded
    }

    /// Takes a pair that failed back into play.
    pub(super) fn revive(&mut self) {
        if matches!(self.state, PairState::Failed | PairState::Frozen) {
            self.state = PairState::Waiting;
        }
    }
}

/// Priority from those of the controlling and the controlled side's candidates.
pub(super) fn pair_priority(controlling: u32, controlled: u32) -> u64 {
    let (g, d) = (u64::from(controlling), u64::from(controlled));
    (g.min(d) << 32) + 2 * g.max(d) + u64::from(g > d)
}
