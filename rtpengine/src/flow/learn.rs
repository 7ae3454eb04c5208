//! Endpoint learning, strict source, media handover (media-plane.md §4). Pure: no socket, no clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::spec::{Learning, SourcePolicy};

/// How long after the last signalling addresses are learned.
pub(super) const WINDOW: Duration = Duration::from_secs(3);

/// What is known about where a stream's peer is.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// Where we send.
    pub(super) endpoint: Option<SocketAddr>,
    /// What the peer's SDP said.
    pub(super) advertised: Option<SocketAddr>,
    /// Where packets are expected from.
    pub(super) learned: Option<SocketAddr>,
    /// The remote endpoint has been signalled (or found by ICE).
    pub(super) filled: bool,
    pub(super) mode: Learning,
    /// The signalling the candidates belong to.
    tag: Option<Instant>,
    /// Candidate 0 of the heuristic, the advertised address itself, was seen.
    exact: bool,
    /// Candidates 1 to 3 by how much they differ from the advertised address; made when the first one shows up.
    others: Option<Box<[Option<SocketAddr>; 3]>>,
}

/// One datagram as learning sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) source: SocketAddr,
    pub(super) policy: SourcePolicy,
    pub(super) ice: bool,
    /// The call's last signalling, if any.
    pub(super) last_signal: Option<Instant>,
    pub(super) now: Instant,
    /// The socket it came on is confirmed.
    pub(super) confirmed: bool,
    /// The socket it came on is the selected one.
    pub(super) selected: bool,
    /// Where the stream that owns the socket expects packets from; differs from the handled stream only in a bundle.
    pub(super) owner_expects: Option<SocketAddr>,
    /// The socket has the source's address family.
    pub(super) family_fits: bool,
}

/// Why a source was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The peer is confirmed and it is another one.
    Foreign { expected: Option<SocketAddr> },
    /// During learning: a better candidate is known.
    WorseThan(SocketAddr),
}

/// What a datagram did to the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The datagram is to be dropped.
    pub(super) refused: Option<Refusal>,
    /// The socket is now confirmed; with the address when learning decided it (and not ICE or mode off).
    pub(super) confirm: bool,
    /// Learning (not mode off or ICE) confirmed this address.
    pub(super) confirmed_as: Option<SocketAddr>,
    /// The endpoint or learned source moved: from, to.
    pub(super) moved: Option<(Option<SocketAddr>, SocketAddr)>,
    /// A confirmed peer moved: the socket and those of the sinks are to be confirmed anew.
    pub(super) handover: Option<SocketAddr>,
    /// If the socket is not the selected one, it becomes so.
    pub(super) switch: bool,
    /// The call's last signalling becomes now (a hop under ICE).
    pub(super) touch_signal: bool,
    /// A candidate was ignored: it does not fit the socket's family.
    pub(super) wrong_family: Option<SocketAddr>,
}

impl Peer {
    /// Signalling told the address (media-plane.md §4.2).
    pub(super) fn fill(&mut self, address: SocketAddr, mode: Learning) {
        self.endpoint = Some(address);
        self.advertised = Some(address);
        self.learned = Some(address);
        self.mode = mode;
        self.filled = true;
        self.forget_candidates();
    }

    fn forget_candidates(&mut self) {
        self.exact = false;
        self.others = None;
    }

    /// The address that learning moves: where we send, or only the expected source of an asymmetric peer.
    fn reference(&self, policy: SourcePolicy) -> Option<SocketAddr> {
        if policy.asymmetric { self.learned } else { self.endpoint }
    }

    fn set_reference(&mut self, policy: SourcePolicy, address: SocketAddr) {
        if policy.asymmetric {
            self.learned = Some(address);
        } else {
            self.endpoint = Some(address);
        }
    }

    /// Steps 3 and 5 to 7 of media-plane.md §4.3 for one datagram (1, 2 and 4 are the caller's).
    pub(super) fn observe(&mut self, sight: &Sight) -> Step {
        let waiting = sight.last_signal.is_none_or(|at| sight.now <= at + WINDOW);
        let settled = sight.confirmed || self.mode == Learning::Off || sight.ice;
        let mut step = Step { confirm: settled && !sight.confirmed, ..Step::default() };
        if settled {
            self.check_confirmed(sight, waiting, &mut step);
        } else {
            self.learn(sight, waiting, &mut step);
        }
        step
    }

    fn check_confirmed(&mut self, sight: &Sight, waiting: bool, step: &mut Step) {
        let policy = sight.policy;
        if !(policy.strict || policy.handover || sight.ice) {
            return;
        }
        let reference = self.reference(policy);
        if reference == Some(sight.source) && sight.selected {
            return;
        }
        if sight.ice && waiting {
            return;
        }
        step.touch_signal = sight.ice;
        if policy.handover || sight.ice {
            self.hand_over(sight, step);
            return;
        }
        if sight.selected && sight.owner_expects == Some(sight.source) {
            return;
        }
        step.refused = Some(Refusal::Foreign { expected: reference });
    }

    fn hand_over(&mut self, sight: &Sight, step: &mut Step) {
        if !sight.family_fits {
            step.wrong_family = Some(sight.source);
            return;
        }
        self.set_reference(sight.policy, sight.source);
        step.handover = Some(sight.source);
        step.confirm = false;
        step.switch = true;
    }

    fn learn(&mut self, sight: &Sight, waiting: bool, step: &mut Step) {
        if self.tag != sight.last_signal {
            self.tag = sight.last_signal;
            self.forget_candidates();
        }
        let mut candidate = sight.source;
        let mut final_now = self.mode == Learning::Immediate;
        if let (Learning::Heuristic, Some(advertised)) = (self.mode, self.usable_advertised()) {
            let index = difference(sight.source, advertised);
            let (best, address) = self.rank(index, sight.source, advertised);
            candidate = address;
            final_now = index == 0;
            if sight.policy.strict && best < index {
                step.refused = Some(Refusal::WorseThan(candidate));
            }
        }
        if step.refused.is_some() && waiting {
            return;
        }
        step.confirm = final_now || !waiting;
        self.take(candidate, waiting, sight, step);
        if step.confirm {
            step.confirmed_as = Some(candidate);
        }
        step.switch = step.refused.is_none();
    }

    fn usable_advertised(&self) -> Option<SocketAddr> {
        self.advertised.filter(|address| address.port() != 0 && !address.ip().is_unspecified())
    }

    /// Remembers a candidate and returns the best one with its index.
    fn rank(&mut self, index: usize, source: SocketAddr, advertised: SocketAddr) -> (usize, SocketAddr) {
        self.exact |= index == 0;
        if self.exact {
            return (0, advertised);
        }
        let others = self.others.get_or_insert_default();
        if let Some(slot) = others.get_mut(index - 1) {
            *slot = Some(source);
        }
        let best =
            others.iter().zip(1..).find_map(|(candidate, number)| candidate.map(|found| (number, found)));
        best.unwrap_or((index, source))
    }

    /// Makes a candidate the place of the peer.
    fn take(&mut self, candidate: SocketAddr, waiting: bool, sight: &Sight, step: &mut Step) {
        if waiting && self.learned == Some(candidate) {
            return;
        }
        if !sight.family_fits {
            step.wrong_family = Some(candidate);
            return;
        }
        let old = self.reference(sight.policy);
        self.set_reference(sight.policy, candidate);
        self.learned = Some(candidate);
        if old != Some(candidate) {
            step.moved = Some((old, candidate));
        }
    }
}

/// How much a source differs from the advertised address: 0 not at all, 1 port, 2 address, 3 both.
fn difference(source: SocketAddr, advertised: SocketAddr) -> usize {
    usize::from(source.ip() != advertised.ip()) * 2 + usize::from(source.port() != advertised.port())
}
