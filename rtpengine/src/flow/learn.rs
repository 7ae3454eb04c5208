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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// A peer that is watched over time on its one socket.
    struct Watch {
        peer: Peer,
        start: Instant,
        signal: Option<Instant>,
        policy: SourcePolicy,
        ice: bool,
        confirmed: bool,
        selected: bool,
    }

    impl Watch {
        fn new(mode: Learning, advertised: &str) -> Self {
            let start = Instant::now();
            let mut peer = Peer::default();
            peer.fill(at(advertised), mode);
            let policy = SourcePolicy::default();
            Self { peer, start, signal: Some(start), policy, ice: false, confirmed: false, selected: true }
        }

        fn strict(mut self) -> Self {
            self.policy.strict = true;
            self
        }

        fn asymmetric(mut self) -> Self {
            self.policy.asymmetric = true;
            self
        }

        fn handover(mut self) -> Self {
            self.policy.handover = true;
            self
        }

        fn see(&mut self, millis: u64, source: &str) -> Step {
            let source = at(source);
            let step = self.peer.observe(&Sight {
                source,
                policy: self.policy,
                ice: self.ice,
                last_signal: self.signal,
                now: self.start + Duration::from_millis(millis),
                confirmed: self.confirmed,
                selected: self.selected,
                owner_expects: if self.policy.asymmetric { self.peer.learned } else { self.peer.endpoint },
                family_fits: source.is_ipv4(),
            });
            self.confirmed = (self.confirmed || step.confirm) && step.handover.is_none();
            if step.touch_signal {
                self.signal = Some(self.start + Duration::from_millis(millis));
            }
            step
        }

        /// Whether the packet passes.
        fn passes(&mut self, millis: u64, source: &str) -> bool {
            self.see(millis, source).refused.is_none()
        }

        fn endpoint(&self) -> SocketAddr {
            self.peer.endpoint.expect("filled")
        }
    }

    const SIGNALLED: &str = "192.0.2.40:7000";
    const OTHER_PORT: &str = "192.0.2.40:7010";
    const OTHER_HOST: &str = "198.51.100.9:7000";
    const FOREIGN: &str = "198.51.100.9:6400";

    #[test]
    fn example_4_3_heuristic() {
        let mut watch = Watch::new(Learning::Heuristic, SIGNALLED);
        watch.see(0, FOREIGN);
        assert_eq!(watch.endpoint(), at(FOREIGN));
        watch.see(100, OTHER_PORT);
        assert_eq!(watch.endpoint(), at(OTHER_PORT));
        assert!(watch.passes(200, FOREIGN));
        assert_eq!(watch.endpoint(), at(OTHER_PORT));
        assert!(!watch.confirmed);
        let step = watch.see(3100, OTHER_HOST);
        assert_eq!(step.confirmed_as, Some(at(OTHER_PORT)));
        assert!(watch.confirmed);
        assert_eq!(watch.endpoint(), at(OTHER_PORT));
    }

    #[test]
    fn example_4_3_heuristic_with_strict_source() {
        let mut watch = Watch::new(Learning::Heuristic, SIGNALLED).strict();
        assert!(watch.passes(0, FOREIGN));
        assert!(watch.passes(100, OTHER_PORT));
        let step = watch.see(200, FOREIGN);
        assert_eq!(step.refused, Some(Refusal::WorseThan(at(OTHER_PORT))));
        assert!(!watch.passes(3100, OTHER_HOST));
        assert!(watch.passes(3200, OTHER_PORT));
        let step = watch.see(3300, SIGNALLED);
        assert_eq!(step.refused, Some(Refusal::Foreign { expected: Some(at(OTHER_PORT)) }));
        assert_eq!(watch.endpoint(), at(OTHER_PORT));
    }

    #[test]
    fn example_4_3_late_better_match_confirms_at_once() {
        let mut watch = Watch::new(Learning::Heuristic, SIGNALLED);
        watch.see(0, FOREIGN);
        let step = watch.see(2900, SIGNALLED);
        assert!(step.confirm);
        assert_eq!(watch.endpoint(), at(SIGNALLED));
        watch.see(2950, FOREIGN);
        assert_eq!(watch.endpoint(), at(SIGNALLED), "without strict source it passes and changes nothing");
    }

    #[test]
    fn rule_4_3_6_2_the_exact_match_stays_best_on_another_socket() {
        let mut watch = Watch::new(Learning::Heuristic, SIGNALLED);
        watch.see(0, SIGNALLED);
        (watch.confirmed, watch.selected) = (false, false);
        let step = watch.see(100, FOREIGN);
        assert_eq!((watch.endpoint(), step.confirm), (at(SIGNALLED), false));
    }

    #[test]
    fn rule_4_2_candidates_are_forgotten_with_new_signalling() {
        let mut watch = Watch::new(Learning::Heuristic, SIGNALLED);
        watch.see(0, OTHER_PORT);
        watch.signal = Some(watch.start + Duration::from_secs(10));
        watch.see(10_100, FOREIGN);
        assert_eq!(watch.endpoint(), at(FOREIGN));
    }

    #[test]
    fn rule_4_1_delayed_follows_for_three_seconds_and_confirms_the_first_later_one() {
        let mut watch = Watch::new(Learning::Delayed, SIGNALLED);
        for (millis, source) in [(0, SIGNALLED), (10, FOREIGN), (20, OTHER_HOST), (3000, OTHER_PORT)] {
            watch.see(millis, source);
            assert_eq!((watch.endpoint(), watch.confirmed), (at(source), false), "at {millis}");
        }
        let step = watch.see(3001, FOREIGN);
        assert_eq!(
            (step.confirmed_as, step.moved),
            (Some(at(FOREIGN)), Some((Some(at(OTHER_PORT)), at(FOREIGN))))
        );
        watch.see(3100, OTHER_PORT);
        assert_eq!(watch.endpoint(), at(FOREIGN));
    }

    #[test]
    fn rule_4_1_immediate_confirms_the_first_packet() {
        let mut watch = Watch::new(Learning::Immediate, SIGNALLED).strict();
        assert_eq!(watch.see(0, FOREIGN).confirmed_as, Some(at(FOREIGN)));
        assert_eq!(watch.endpoint(), at(FOREIGN));
        assert!(!watch.passes(1, SIGNALLED));
    }

    #[test]
    fn rule_4_1_off_never_learns() {
        let mut watch = Watch::new(Learning::Off, SIGNALLED);
        assert!(watch.see(0, FOREIGN).confirm);
        assert!(watch.passes(5000, FOREIGN));
        assert_eq!(watch.endpoint(), at(SIGNALLED));
    }

    #[test]
    fn rule_4_3_6_2_an_unusable_advertised_address_is_learned_like_delayed() {
        for advertised in ["0.0.0.0:7000", "192.0.2.40:0"] {
            let mut watch = Watch::new(Learning::Heuristic, advertised);
            watch.see(0, FOREIGN);
            watch.see(10, OTHER_HOST);
            assert_eq!((watch.endpoint(), watch.confirmed), (at(OTHER_HOST), false));
            watch.see(3001, OTHER_HOST);
            assert!(watch.confirmed);
        }
    }

    #[test]
    fn rule_4_3_waiting_without_any_signalling() {
        let mut watch = Watch::new(Learning::Delayed, SIGNALLED);
        watch.signal = None;
        watch.see(100_000, FOREIGN);
        assert_eq!((watch.endpoint(), watch.confirmed), (at(FOREIGN), false));
    }

    #[test]
    fn fact_4_4_1_asymmetric_never_moves_the_endpoint() {
        for mode in [Learning::Delayed, Learning::Immediate, Learning::Off, Learning::Heuristic] {
            for strict in [false, true] {
                let mut watch = Watch::new(mode, SIGNALLED).asymmetric();
                watch.policy.strict = strict;
                for millis in [0, 10, 2000, 3001, 5000] {
                    watch.see(millis, FOREIGN);
                    watch.see(millis + 1, OTHER_PORT);
                    assert_eq!(watch.endpoint(), at(SIGNALLED), "{mode:?} strict {strict} at {millis}");
                }
            }
        }
    }

    #[test]
    fn fact_4_4_2_asymmetric_strict_accepts_what_was_learned_after_three_seconds() {
        let mut watch = Watch::new(Learning::Delayed, SIGNALLED).asymmetric().strict();
        assert!(watch.passes(0, SIGNALLED) && watch.passes(100, OTHER_HOST) && watch.passes(200, FOREIGN));
        assert!(watch.passes(4000, FOREIGN), "confirms");
        assert!(watch.passes(4020, FOREIGN));
        assert!(!watch.passes(4040, SIGNALLED) && !watch.passes(4060, OTHER_HOST));
    }

    #[test]
    fn fact_4_4_3_off_and_strict_take_only_the_signalled_address() {
        for asymmetric in [false, true] {
            let mut watch = Watch::new(Learning::Off, SIGNALLED).strict();
            watch.policy.asymmetric = asymmetric;
            assert!(
                !watch.passes(0, FOREIGN) && !watch.passes(1, OTHER_PORT) && !watch.passes(2, OTHER_HOST)
            );
            assert!(watch.passes(3, SIGNALLED));
        }
    }

    #[test]
    fn fact_4_4_5_a_re_offer_starts_the_window_anew() {
        let mut watch = Watch::new(Learning::Delayed, SIGNALLED);
        watch.see(4000, FOREIGN);
        assert!(watch.confirmed);
        // What signalling does: fill, unconfirm, last signal.
        watch.peer.fill(at(SIGNALLED), Learning::Delayed);
        (watch.confirmed, watch.signal) = (false, Some(watch.start + Duration::from_secs(10)));
        watch.see(10_500, OTHER_HOST);
        assert_eq!((watch.endpoint(), watch.confirmed), (at(OTHER_HOST), false));
    }

    #[test]
    fn rule_4_3_5_1_a_confirmed_peer_without_checks_accepts_all() {
        let mut watch = Watch::new(Learning::Immediate, SIGNALLED);
        watch.see(0, SIGNALLED);
        assert_eq!(watch.see(10, FOREIGN), Step::default());
    }

    #[test]
    fn rule_4_3_5_4_handover_moves_and_starts_confirming_anew() {
        let mut watch = Watch::new(Learning::Immediate, SIGNALLED).handover();
        watch.see(0, SIGNALLED);
        let step = watch.see(10, FOREIGN);
        assert_eq!((step.handover, step.switch, step.refused), (Some(at(FOREIGN)), true, None));
        assert_eq!((watch.endpoint(), watch.confirmed), (at(FOREIGN), false));
        assert!(watch.see(20, FOREIGN).confirm);
    }

    #[test]
    fn rule_4_3_9_with_strict_source_too_handover_acts() {
        let mut watch = Watch::new(Learning::Immediate, SIGNALLED).handover().strict();
        watch.see(0, SIGNALLED);
        assert!(watch.passes(10, FOREIGN));
        assert_eq!(watch.endpoint(), at(FOREIGN));
    }

    #[test]
    fn rule_4_3_5_3_ice_hops_once_per_three_seconds() {
        let mut watch = Watch::new(Learning::Heuristic, SIGNALLED);
        watch.ice = true;
        assert!(watch.see(0, OTHER_HOST).confirm, "an agent settles the socket");
        watch.see(2999, FOREIGN);
        assert_eq!(watch.endpoint(), at(SIGNALLED), "counts as a match while waiting");
        assert_eq!(watch.see(3001, FOREIGN).handover, Some(at(FOREIGN)));
        watch.see(3010, FOREIGN);
        watch.see(3100, OTHER_HOST);
        assert_eq!(watch.endpoint(), at(FOREIGN));
        watch.see(6100, OTHER_HOST);
        assert_eq!(watch.endpoint(), at(OTHER_HOST));
    }

    #[test]
    fn rule_4_3_5_2_strict_source_wants_the_selected_socket_too() {
        let mut watch = Watch::new(Learning::Immediate, SIGNALLED).strict();
        watch.see(0, SIGNALLED);
        watch.selected = false;
        assert!(!watch.passes(10, SIGNALLED));
    }

    #[test]
    fn rule_4_3_8_another_family_is_not_learned() {
        for mode in [Learning::Delayed, Learning::Immediate, Learning::Heuristic] {
            let mut watch = Watch::new(mode, SIGNALLED);
            let step = watch.see(0, "[2001:db8::1]:7000");
            assert_eq!(step.wrong_family, Some(at("[2001:db8::1]:7000")), "{mode:?}");
            assert_eq!(watch.endpoint(), at(SIGNALLED));
        }
    }

    #[test]
    fn learning_is_sane_whatever_comes() {
        let sources = [SIGNALLED, OTHER_PORT, OTHER_HOST, FOREIGN];
        let modes = [Learning::Delayed, Learning::Immediate, Learning::Off, Learning::Heuristic];
        for (mode, flags, order) in modes.into_iter().flat_map(|mode| {
            (0..16_u8).flat_map(move |flags| (0..256_usize).map(move |order| (mode, flags, order)))
        }) {
            let mut watch = Watch::new(mode, SIGNALLED);
            watch.policy.strict = flags & 1 != 0;
            watch.policy.handover = flags & 2 != 0;
            watch.policy.asymmetric = flags & 4 != 0;
            watch.ice = flags & 8 != 0;
            for (place, millis) in [0, 1500, 3500, 5000].into_iter().enumerate() {
                let step = watch.see(millis, sources[order >> (2 * place) & 3]);
                let checked = watch.policy.strict;
                assert!(step.refused.is_none() || checked, "only strict source refuses");
                assert!(!watch.policy.asymmetric || watch.endpoint() == at(SIGNALLED));
                assert!(mode != Learning::Off || watch.ice || step.moved.is_none());
            }
            assert!(
                watch.confirmed || watch.policy.handover || watch.ice,
                "after the window somebody is confirmed"
            );
        }
    }
}
