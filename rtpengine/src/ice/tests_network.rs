//! Two agents over simulated networks.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use rtpengine_common::sdp::CandidateType;

use super::netem::{Link, Nat, Network, PERFECT, TestRandom, local};
use super::*;

/// A network with the relay (controlled, answering) and a phone (controlling), credentials and host
/// candidates exchanged.
struct Setup {
    relay: Vec<Local>,
    phone: Vec<Local>,
    roles: [Role; 2],
    tie_breakers: [u64; 2],
    link: Link,
    seed: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            relay: vec![local(1, 0, 1, "203.0.113.1:30000"), local(2, 0, 2, "203.0.113.1:30001")],
            phone: vec![local(11, 10, 1, "192.168.1.7:5000"), local(12, 10, 2, "192.168.1.7:5001")],
            roles: [Role::Controlled, Role::Controlling],
            tie_breakers: [5, 6],
            link: PERFECT,
            seed: 1,
        }
    }
}

pub(super) fn settings(tie_breaker: u64) -> Settings {
    Settings { tie_breaker, software: "rtpengine-test".into(), consent: false, keepalive: None }
}

/// The host candidates that local sockets are signalled as.
fn candidates(locals: &[Local]) -> Vec<RemoteCandidate> {
    let candidate = |local: &Local| RemoteCandidate {
        foundation: Foundation::Signalled(format!("f{}", local.socket.local.0).as_bytes().into()),
        component: local.component,
        priority: priority(CandidateType::Host, local.position, local.component),
        address: local.socket.address,
        kind: CandidateType::Host,
    };
    locals.iter().map(candidate).collect()
}

impl Setup {
    fn build(self) -> Network {
        let now = Instant::now();
        let mut random = TestRandom(self.seed ^ 0xabcd);
        let mut agent = |side: usize, locals: &[Local]| {
            let credentials = Credentials::generate(&mut random);
            Agent::new(now, settings(self.tie_breakers[side]), self.roles[side], credentials, locals.to_vec())
        };
        let (mut relay, mut phone) = (agent(0, &self.relay), agent(1, &self.phone));
        relay.set_remote(now, phone.local_credentials().clone());
        phone.set_remote(now, relay.local_credentials().clone());
        relay.add_candidates(now, candidates(&self.phone));
        phone.add_candidates(now, candidates(&self.relay));
        relay.start(now);
        phone.start(now);
        Network::new(now, [(relay, &self.relay), (phone, &self.phone)], self.link, self.seed)
    }
}

/// Both sides send to where the other one receives, for every component.
fn assert_connected(network: &Network, components: u8, natted: bool) {
    let [relay, phone] = &network.agents;
    for component in 1..=components {
        let (socket, to) = relay.selected(component).expect("relay has a pair");
        let (phone_socket, phone_to) = phone.selected(component).expect("phone has a pair");
        assert_eq!(phone_to, socket.address, "component {component}");
        assert!(relay.accepts(socket.key, to));
        assert!(phone.accepts(phone_socket.key, phone_to));
        assert_eq!(to != phone_socket.address, natted, "component {component}");
    }
    for (agent, events) in network.agents.iter().zip(&network.events) {
        assert_eq!(events.iter().filter(|event| **event == Event::Usable).count(), 1);
        assert!(events.contains(&Event::Completed));
        let last = events.iter().rev().find_map(|event| match event {
            Event::Selected { component: 1, socket, remote } => Some((*socket, *remote)),
            _ => None,
        });
        assert_eq!(last, agent.selected(1));
    }
}

#[test]
fn connects_without_obstacles() {
    let mut network = Setup::default().build();
    let took = network.run_to_completion().expect("completes");
    assert!(took < Duration::from_millis(400), "{took:?}");
    assert_connected(&network, 2, false);
    // Completed agents are quiet: neither keepalives nor consent checks by default.
    network.run(Duration::from_secs(30));
    let sent = network.sent;
    network.run(Duration::from_secs(300));
    assert_eq!(network.sent, sent);
}

#[test]
fn either_side_may_control() {
    let mut network = Setup { roles: [Role::Controlling, Role::Controlled], ..Setup::default() }.build();
    network.run_to_completion().expect("completes");
    assert_connected(&network, 2, false);
    assert_eq!(network.agents.each_ref().map(Agent::role), [Role::Controlling, Role::Controlled]);
}

#[test]
fn role_conflicts_are_settled_by_the_tie_breaker() {
    for role in [Role::Controlling, Role::Controlled] {
        for tie_breakers in [[5, 6], [6, 5]] {
            let mut network = Setup { roles: [role; 2], tie_breakers, ..Setup::default() }.build();
            network.run_to_completion().expect("completes");
            let controlling = network.agents.each_ref().map(|agent| agent.role() == Role::Controlling);
            assert_eq!(controlling, [tie_breakers[0] > 5, tie_breakers[1] > 5], "{role:?} {tie_breakers:?}");
            assert_connected(&network, 2, false);
        }
    }
}

#[test]
fn every_nat_is_traversed() {
    for nat in [Nat::FullCone, Nat::PortRestricted, Nat::Symmetric] {
        let mut network = Setup { link: Link { nat, ..PERFECT }, ..Setup::default() }.build();
        let took = network.run_to_completion().unwrap_or_else(|| panic!("{nat:?} completes"));
        assert!(took < Duration::from_secs(1), "{nat:?} {took:?}");
        assert_connected(&network, 2, true);
    }
}

#[test]
fn loss_and_reordering_only_delay() {
    for seed in 0..20 {
        let link = Link { delay_ms: 30, jitter_ms: 60, loss_percent: 30, nat: Nat::PortRestricted };
        let mut network = Setup { link, seed, ..Setup::default() }.build();
        let took = network.run_to_completion().unwrap_or_else(|| panic!("seed {seed} completes"));
        assert!(took < Duration::from_secs(40), "seed {seed} {took:?}");
        assert_connected(&network, 2, true);
    }
}

#[test]
fn mux_needs_one_component_only() {
    let setup = Setup::default();
    let (relay, phone) = (setup.relay[..1].to_vec(), setup.phone[..1].to_vec());
    let mut network = Setup { relay, phone, ..setup }.build();
    network.run_to_completion().expect("completes");
    assert_connected(&network, 1, false);
    assert!(network.agents[0].selected(2).is_none());
}

/// A peer that lists component 1 only is complete with it although RTCP ports exist here.
#[test]
fn peer_with_one_component_is_complete() {
    let setup = Setup::default();
    let phone = setup.phone[..1].to_vec();
    let mut network = Setup { phone, ..setup }.build();
    network.run_to_completion();
    assert_eq!(network.agents[0].phase(), Phase::Completed);
}

#[test]
fn best_path_wins_over_families_and_addresses() {
    let relay = vec![
        local(1, 0, 1, "[2001:db8::1]:30000"),
        local(2, 1, 1, "203.0.113.1:30000"),
        local(3, 2, 1, "198.51.100.1:30000"),
    ];
    let phone = vec![local(11, 10, 1, "[2001:db8::7]:5000"), local(12, 11, 1, "192.0.2.7:5000")];
    let mut network = Setup { relay, phone, ..Setup::default() }.build();
    network.run_to_completion().expect("completes");
    assert_connected(&network, 1, false);
    assert_eq!(network.agents[0].selected(1).unwrap().1, "[2001:db8::7]:5000".parse().unwrap());
}

#[test]
fn dead_addresses_are_given_up() {
    let relay = vec![local(1, 0, 1, "[2001:db8::1]:30000"), local(2, 1, 1, "203.0.113.1:30000")];
    let phone = vec![local(11, 10, 1, "[2001:db8::7]:5000"), local(12, 11, 1, "192.0.2.7:5000")];
    let mut network = Setup { relay, phone, ..Setup::default() }.build();
    network.dead.push("[2001:db8::7]:5000".parse().unwrap());
    network.run_to_completion().expect("completes");
    assert_connected(&network, 1, false);
    assert_eq!(network.agents[0].selected(1).unwrap().1, "192.0.2.7:5000".parse().unwrap());
}

#[test]
fn no_path_fails_and_later_candidates_revive() {
    let mut network = Setup::default().build();
    network.dead.extend([
        "192.168.1.7:5000".parse().unwrap(),
        "192.168.1.7:5001".parse::<std::net::SocketAddr>().unwrap(),
    ]);
    network.run(Duration::from_secs(40));
    assert_eq!(network.agents[0].phase(), Phase::Failed);
    assert_eq!(network.events[0].iter().filter(|event| **event == Event::Failed).count(), 1);
    // 8 requests for each of two pairs.
    assert_eq!(network.sent[0], 16);
    assert_eq!(network.agents[0].next_timeout(), None, "a failed agent is idle");
    network.dead.clear();
    let (now, mut random) = (network.now, TestRandom(9));
    let remote = candidates(&[local(11, 10, 1, "192.168.1.7:5000"), local(12, 10, 2, "192.168.1.7:5001")]);
    network.agents[0].add_candidates(now, remote);
    assert_eq!(network.agents[0].phase(), Phase::Failed, "nothing new");
    // The peer starts anew: its requests bring the failed pairs back.
    let credentials = Credentials::generate(&mut random);
    let locals = Setup::default().phone;
    let relay = network.agents[0].local_credentials().clone();
    network.agents[1].restart(now, credentials.clone(), locals);
    network.agents[1].set_remote(now, relay);
    network.agents[1].add_candidates(now, candidates(&Setup::default().relay));
    network.agents[1].start(now);
    network.agents[0].set_remote(now, credentials);
    network.events = [Vec::new(), Vec::new()];
    network.run_to_completion().expect("completes");
    assert_connected(&network, 2, false);
}

#[test]
fn lite_peer_and_lite_self() {
    let mut network = Setup { roles: [Role::Lite, Role::Controlling], ..Setup::default() }.build();
    network.run_to_completion().expect("completes");
    assert_connected(&network, 2, false);
    let mut network = Setup { roles: [Role::Controlling, Role::Lite], ..Setup::default() }.build();
    network.run_to_completion().expect("completes");
    assert_connected(&network, 2, false);
    // A lite agent only answers.
    let checks = Setup { roles: [Role::Lite, Role::Lite], ..Setup::default() }.build();
    assert!(checks.agents.iter().all(|agent| agent.next_timeout().is_none()));
}

#[test]
fn trickled_candidates_are_used_as_they_come() {
    let setup = Setup::default();
    let now = Instant::now();
    let mut random = TestRandom(3);
    let mut relay = Agent::new(
        now,
        settings(5),
        Role::Controlled,
        Credentials::generate(&mut random),
        setup.relay.clone(),
    );
    let mut phone = Agent::new(
        now,
        settings(6),
        Role::Controlling,
        Credentials::generate(&mut random),
        setup.phone.clone(),
    );
    relay.set_remote(now, phone.local_credentials().clone());
    phone.set_remote(now, relay.local_credentials().clone());
    relay.start(now);
    phone.start(now);
    let mut network = Network::new(now, [(relay, &setup.relay), (phone, &setup.phone)], PERFECT, 4);
    network.run(Duration::from_secs(2));
    assert_eq!(network.sent, [0, 0]);
    for component in 0..2 {
        let at = network.now;
        network.agents[1].add_candidates(at, candidates(&setup.relay[component..=component]));
        network.run(Duration::from_millis(300));
    }
    // The relay never got a candidate: it learned the peer's addresses from its requests.
    network.run_to_completion().expect("completes");
    assert_connected(&network, 2, false);
    let learned = network.agents[0].remote_candidates();
    assert!(learned.iter().all(|candidate| candidate.kind == CandidateType::PeerReflexive));
    assert_eq!(learned[0].foundation, learned[1].foundation, "RTP and RTCP of one path are joined");
}

#[test]
fn restart_drops_and_rebuilds() {
    let mut network = Setup::default().build();
    network.run_to_completion().expect("completes");
    let (now, mut random) = (network.now, TestRandom(77));
    let old = network.agents[1].local_credentials().clone();
    let fresh = [Credentials::generate(&mut random), Credentials::generate(&mut random)];
    assert!(network.agents[0].is_restart(&fresh[1]));
    assert!(!network.agents[0].is_restart(&old));
    let locals = [Setup::default().relay, Setup::default().phone];
    for side in 0..2 {
        network.agents[side].restart(now, fresh[side].clone(), locals[side].clone());
        network.agents[side].set_remote(now, fresh[1 - side].clone());
        assert!(network.agents[side].selected(1).is_none() && !network.agents[side].is_usable());
        network.agents[side].add_candidates(now, candidates(&locals[1 - side]));
        network.agents[side].start(now);
    }
    network.events = [Vec::new(), Vec::new()];
    network.run_to_completion().expect("completes");
    assert_connected(&network, 2, false);
}

#[test]
fn consent_is_kept_and_lost() {
    let mut network = Setup::default().build();
    network.agents[0].settings.consent = true;
    network.run_to_completion().expect("completes");
    let sent = network.sent[0];
    network.run(Duration::from_secs(120));
    let checks = network.sent[0] - sent;
    assert!((40..=62).contains(&checks), "{checks} checks on two components in two minutes");
    assert!(!network.events[0].contains(&Event::ConsentLost { component: 1 }));
    network.dead.push("192.168.1.7:5000".parse().unwrap());
    network.run(Duration::from_secs(40));
    assert!(network.events[0].contains(&Event::ConsentLost { component: 1 }));
    let sent = network.sent[0];
    network.run(Duration::from_secs(60));
    assert_eq!(network.sent[0], sent, "nothing more is sent");
}

#[test]
fn keepalives_are_indications() {
    let mut network = Setup::default().build();
    network.agents[0].settings.keepalive = Some(Duration::from_secs(15));
    network.run_to_completion().expect("completes");
    network.run(Duration::from_secs(1));
    let sent = network.sent;
    network.run(Duration::from_secs(60));
    assert_eq!(
        [network.sent[0] - sent[0], network.sent[1] - sent[1]],
        [8, 0],
        "four per component, unanswered"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the network does short of cutting the line, both sides end on the same path.
    #[test]
    fn agents_always_agree(
        seed: u64,
        delay_ms in 0..150_u64,
        jitter_ms in 0..120_u64,
        loss_percent in 0..25_u64,
        nat in 0..4_usize,
        roles in 0..4_usize,
        ties: (u64, u64),
    ) {
        let nat = [Nat::None, Nat::FullCone, Nat::PortRestricted, Nat::Symmetric][nat];
        let roles = [
            [Role::Controlling, Role::Controlled],
            [Role::Controlled, Role::Controlling],
            [Role::Controlling, Role::Controlling],
            [Role::Controlled, Role::Controlled],
        ][roles];
        prop_assume!(ties.0 != ties.1);
        let link = Link { delay_ms, jitter_ms, loss_percent, nat };
        let mut network =
            Setup { roles, tie_breakers: [ties.0, ties.1], link, seed, ..Setup::default() }.build();
        prop_assert!(network.run_to_completion().is_some());
        let roles = network.agents.each_ref().map(Agent::role);
        prop_assert_ne!(roles[0], roles[1]);
        let [relay, phone] = &network.agents;
        for component in 1..=2 {
            let (socket, _) = relay.selected(component).unwrap();
            prop_assert_eq!(phone.selected(component).unwrap().1, socket.address);
        }
    }
}

/// Every answer to the nominating check of a component got lost: the pair works, so it is nominated again.
#[test]
fn a_lost_nomination_is_tried_again() {
    let link = Link { delay_ms: 59, jitter_ms: 49, loss_percent: 21, nat: Nat::FullCone };
    let roles = [Role::Controlling, Role::Controlled];
    let setup = Setup {
        roles,
        tie_breakers: [0, 3_816_617],
        link,
        seed: 18_127_344_405_087_157_017,
        ..Setup::default()
    };
    assert!(setup.build().run_to_completion().is_some());
}
