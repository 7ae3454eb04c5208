//! The agent's rules one by one, with hand-made packets from the peer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rtpengine_common::sdp::CandidateType;
use rtpengine_common::stun::{Class, IntegrityKey, Message, MessageBuilder, StunError, Verdict};

use super::netem::{TestRandom, local};
use super::tests_network::settings;
use super::*;
use crate::call::ids::SocketKey;

const PEER: &str = "192.0.2.7:5000";
const PEER_RTCP: &str = "192.0.2.7:5001";
const MS: Duration = Duration::from_millis(1);

mod limits;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An agent with the peer's credentials, and the means to talk to it.
struct Bench {
    agent: Agent,
    now: Instant,
    random: TestRandom,
    peer: Credentials,
    next_id: u8,
}

impl Bench {
    fn new(role: Role, locals: Vec<Local>) -> Self {
        let now = Instant::now();
        let mut random = TestRandom(1);
        let own = Credentials::generate(&mut random);
        let peer = Credentials::new("peer", "peerpasswordpeerpassword");
        let mut agent = Agent::new(now, settings(1000), role, own, locals);
        agent.set_remote(now, peer.clone());
        agent.start(now);
        Self { agent, now, random, peer, next_id: 0 }
    }

    fn muxed(role: Role) -> Self {
        Self::new(role, vec![local(1, 0, 1, "203.0.113.1:30000")])
    }

    fn two(role: Role) -> Self {
        Self::new(role, vec![local(1, 0, 1, "203.0.113.1:30000"), local(2, 0, 2, "203.0.113.1:30001")])
    }

    fn key(slot: u32) -> SocketKey {
        SocketKey { slot, generation: 0 }
    }

    fn id(&mut self) -> [u8; 12] {
        self.next_id = self.next_id.wrapping_add(1);
        [self.next_id; 12]
    }

    fn handle(&mut self, slot: u32, from: &str, bytes: &[u8]) -> Handled {
        self.agent.handle_packet(self.now, Self::key(slot), address(from), bytes, &mut self.random)
    }

    /// A request as a proper peer sends it.
    fn request(&mut self) -> MessageBuilder {
        let name = format!("{}:{}", self.agent.local_credentials().ufrag(), self.peer.ufrag());
        MessageBuilder::new(Class::Request, self.id()).username(&name).priority(1_862_270_975)
    }

    fn own_key(&self) -> IntegrityKey {
        IntegrityKey::new(self.agent.local_credentials().pwd().as_bytes())
    }

    fn send_request(&mut self, slot: u32, from: &str, request: MessageBuilder) -> Handled {
        let bytes = request.finish(&self.own_key());
        self.handle(slot, from, &bytes)
    }

    /// Lets time pass in steps of its timers; everything sent on the way.
    fn pass(&mut self, span: Duration) -> Vec<(Duration, Transmit)> {
        let (start, end) = (self.now, self.now + span);
        let mut sent = Vec::new();
        loop {
            while let Some(packet) = self.agent.poll_transmit() {
                sent.push((self.now - start, packet));
            }
            match self.agent.next_timeout() {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
            self.agent.poll(self.now, &mut self.random);
        }
        self.now = end;
        sent
    }

    fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.agent.poll_transmit()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }

    fn notices(&mut self) -> Vec<String> {
        let notice = |event| match event {
            Event::Notice(notice) => Some(notice.to_string()),
            _ => None,
        };
        self.events().into_iter().filter_map(notice).collect()
    }

    /// Answers a check of the agent, from where it went to.
    fn answer(&mut self, slot: u32, check: &Transmit) {
        let bytes = self.success(check);
        let from = check.to.to_string();
        assert_eq!(self.handle(slot, &from, &bytes), Handled::Consumed);
    }

    fn success(&self, check: &Transmit) -> Vec<u8> {
        let request = Message::parse(&check.bytes).unwrap();
        let own = SocketAddr::from(([203, 0, 113, 1], 30_000));
        MessageBuilder::reply(&request, Class::Success)
            .mapped_address(own)
            .finish(&IntegrityKey::new(self.peer.pwd().as_bytes()))
    }

    fn add_host(&mut self, component: u8, address: &str, foundation: &str, priority: u32) {
        let candidate = RemoteCandidate {
            foundation: Foundation::Signalled(foundation.as_bytes().into()),
            component,
            priority,
            address: self::address(address),
            kind: CandidateType::Host,
        };
        self.agent.add_candidates(self.now, [candidate]);
    }
}

/// Numbers of the attributes of a message, in order.
fn attributes(bytes: &[u8]) -> Vec<u16> {
    let mut numbers = Vec::new();
    let mut at = 20;
    while at < bytes.len() {
        numbers.push(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        at += 4 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])).next_multiple_of(4);
    }
    numbers
}

fn error_code(packet: &Transmit) -> Option<u16> {
    Message::parse(&packet.bytes).unwrap().error().map(|error| error.code)
}

#[test]
fn credentials_have_the_right_form() {
    let credentials = Credentials::generate(&mut TestRandom(5));
    assert_eq!((credentials.ufrag().len(), credentials.pwd().len()), (8, 26));
    let text = [credentials.ufrag(), credentials.pwd()].concat();
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(!format!("{credentials:?}").contains(credentials.pwd()));
}

#[test]
fn priorities_are_those_of_the_specification() {
    let host = CandidateType::Host;
    assert_eq!(priority(host, 0, 1), 2_130_706_431);
    assert_eq!(priority(host, 0, 2), 2_130_706_430);
    assert_eq!((priority(host, 1, 1), priority(host, 1, 2)), (2_130_706_175, 2_130_706_174));
    assert_eq!(pair::pair_priority(2, 1), (1 << 32) + 5);
    assert_eq!(pair::pair_priority(1, 2), (1 << 32) + 4);
}

#[test]
fn success_reply_is_as_specified() {
    let mut bench = Bench::muxed(Role::Controlled);
    let request = bench.request().role(true, 7);
    assert!(!bench.agent.accepts(Bench::key(1), address(PEER)));
    assert_eq!(bench.send_request(1, PEER, request), Handled::Consumed);
    let sent = bench.sent();
    let reply = Message::parse(&sent[0].bytes).unwrap();
    assert_eq!((sent[0].socket, sent[0].to), (Bench::key(1), address(PEER)));
    assert_eq!(reply.class(), Class::Success);
    assert_eq!(reply.transaction_id(), [1; 12]);
    assert_eq!(reply.mapped_address(), Some(address(PEER)));
    assert_eq!(attributes(&sent[0].bytes), [0x8022, 0x0020, 0x0008, 0x8028]);
    assert_eq!(reply.judge(b"", &bench.own_key(), Some(&bench.own_key())), Verdict::Authentic);
    assert!(bench.agent.accepts(Bench::key(1), address(PEER)), "before any check of ours");
    assert!(!bench.agent.accepts(Bench::key(1), address(PEER_RTCP)));
    // The triggered check leaves at once.
    assert_eq!(attributes(&sent[1].bytes), [0x8022, 0x0006, 0x8029, 0x0024, 0x0008, 0x8028]);
    let check = Message::parse(&sent[1].bytes).unwrap();
    let name = format!("peer:{}", bench.agent.local_credentials().ufrag());
    assert_eq!(check.username(), Some(name.as_bytes()));
    assert_eq!(check.priority(), Some((110 << 24) | (65_535 << 8) | 255));
    assert_eq!(check.controlled(), Some(1000));
    let key = IntegrityKey::new(bench.peer.pwd().as_bytes());
    assert_eq!(check.judge(b"peer", &key, None), Verdict::Authentic);
}

#[test]
fn error_replies_are_as_specified() {
    let mut bench = Bench::muxed(Role::Controlled);
    let stranger = IntegrityKey::new(b"guess");
    let id = bench.id();
    // 400: no USERNAME.
    let bytes = MessageBuilder::new(Class::Request, id).finish(&stranger);
    bench.handle(1, PEER, &bytes);
    // 401: another's user fragment, the wrong password.
    let own = bench.own_key();
    let bytes = MessageBuilder::new(Class::Request, id).username("other:peer").finish(&own);
    bench.handle(1, PEER, &bytes);
    let bytes = bench.request().finish(&stranger);
    bench.handle(1, PEER, &bytes);
    // 420: an attribute that would have to be understood; the fingerprint is not looked at.
    let mut bytes = bench.request().finish(&own);
    bytes[21] = 0x7f;
    bench.handle(1, PEER, &bytes);
    let sent = bench.sent();
    assert_eq!(sent.iter().map(error_code).collect::<Vec<_>>(), [Some(400), Some(401), Some(401), Some(420)]);
    for reply in &sent[..3] {
        assert_eq!(attributes(&reply.bytes), [0x8022, 0x0009, 0x0008, 0x8028]);
    }
    assert_eq!(attributes(&sent[3].bytes), [0x8022, 0x0009, 0x000a, 0x0008, 0x8028]);
    let reasons: Vec<_> = sent
        .iter()
        .map(|reply| Message::parse(&reply.bytes).unwrap().error().unwrap().reason.to_vec())
        .collect();
    assert_eq!(reasons, [&b"Bad request"[..], b"Unauthorized", b"Unauthorized", b"Unknown attribute"]);
    assert_eq!(
        bench.notices(),
        [
            "Received invalid STUN packet from 192.0.2.7:5000: MESSAGE-INTEGRITY or USERNAME missing",
            "STUN authentication mismatch from 192.0.2.7:5000",
            "STUN authentication mismatch from 192.0.2.7:5000",
            "STUN packet contained unknown \"comprehension required\" attribute(s) 0x007f from 192.0.2.7:5000",
        ]
    );
    assert!(!bench.agent.accepts(Bench::key(1), address(PEER)));
    assert!(bench.agent.remote_candidates().is_empty());
}

#[test]
fn what_is_no_stun_goes_on() {
    let mut bench = Bench::muxed(Role::Controlled);
    let own = bench.own_key();
    let good = bench.request().finish(&own);
    let mut bare = good[..good.len() - 8].to_vec();
    bare[3] -= 8;
    assert_eq!(bench.handle(1, PEER, &bare), Handled::NotStun(StunError::FingerprintMissing));
    let mut wrong = good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(bench.handle(1, PEER, &wrong), Handled::NotStun(StunError::FingerprintMismatch));
    assert_eq!(bench.handle(1, PEER, &good[..30]), Handled::NotStun(StunError::Length));
    let mut allocate = good.clone();
    allocate[1] = 3;
    assert_eq!(bench.handle(1, PEER, &allocate), Handled::NotStun(StunError::Method));
    let indication = MessageBuilder::new(Class::Indication, [1; 12]).finish(&own);
    assert_eq!(bench.handle(1, PEER, &indication), Handled::Consumed);
    // A socket that is not the agent's: swallowed, nothing is sent from anywhere.
    assert_eq!(bench.handle(99, PEER, &good), Handled::Consumed);
    assert!(bench.sent().is_empty());
}

/// Without PRIORITY no candidate can be made, so the request stays unanswered.
#[test]
fn request_without_priority_from_nowhere_is_not_answered() {
    let mut bench = Bench::muxed(Role::Controlled);
    let name = format!("{}:peer", bench.agent.local_credentials().ufrag());
    let request = MessageBuilder::new(Class::Request, [1; 12]).username(&name);
    bench.send_request(1, PEER, request.clone());
    assert!(bench.sent().is_empty());
    assert_eq!(bench.notices(), ["Failed to determine ICE candidate from STUN request from 192.0.2.7:5000"]);
    bench.add_host(1, PEER, "f", 1);
    bench.send_request(1, PEER, request);
    assert_eq!(bench.sent().len(), 2, "answer and check");
}

#[test]
fn retransmissions_double_and_end() {
    let mut bench = Bench::muxed(Role::Controlling);
    bench.add_host(1, PEER, "f", 100);
    let sent = bench.pass(Duration::from_secs(60));
    let times: Vec<u128> = sent.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [0, 100, 300, 700, 1500, 3100, 6300, 12_700]);
    assert!(sent.iter().all(|(_, packet)| packet.bytes == sent[0].1.bytes), "the same message each time");
    assert_eq!(bench.agent.phase(), Phase::Failed);
    assert_eq!(bench.events(), [Event::Failed]);
}

#[test]
fn new_checks_are_paced_and_ordered() {
    let mut bench = Bench::two(Role::Controlling);
    bench.add_host(1, PEER, "f", 100);
    bench.add_host(2, PEER_RTCP, "f", 99);
    bench.add_host(1, "192.0.2.8:1", "g", 200);
    let sent = bench.pass(70 * MS);
    let order: Vec<_> = sent.iter().map(|(at, packet)| (at.as_millis(), packet.to.to_string())).collect();
    let expected = [(0, "192.0.2.8:1"), (20, PEER), (40, PEER_RTCP)].map(|(at, to)| (at, to.to_owned()));
    assert_eq!(order, expected, "waiting pairs by priority, then frozen ones");
}

#[test]
fn controlling_side_nominates_after_its_delay() {
    let mut bench = Bench::two(Role::Controlling);
    bench.add_host(1, PEER, "f", 100);
    bench.add_host(2, PEER_RTCP, "f", 99);
    let checks = bench.pass(40 * MS);
    bench.answer(1, &checks[0].1);
    assert_eq!(bench.events(), [], "one component is not enough");
    bench.answer(2, &checks[1].1);
    let events = bench.events();
    assert!(matches!(
        events[..],
        [Event::Selected { component: 1, .. }, Event::Selected { component: 2, .. }, Event::Usable]
    ));
    assert!(bench.agent.is_usable() && bench.agent.phase() == Phase::Running);
    let sent = bench.pass(130 * MS);
    let times: Vec<u128> = sent.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [100, 120]);
    for (slot, (_, check)) in [1, 2].into_iter().zip(&sent) {
        let request = Message::parse(&check.bytes).unwrap();
        assert!(request.use_candidate() && request.controlling() == Some(1000));
        assert_eq!(bench.agent.phase(), Phase::Nominating);
        bench.answer(slot, check);
    }
    assert_eq!(bench.events(), [Event::Completed]);
}

/// A nomination that fails is undone and the next best set is nominated.
#[test]
fn failed_nomination_falls_back() {
    let mut bench = Bench::muxed(Role::Controlling);
    bench.add_host(1, PEER, "f", 200);
    bench.add_host(1, "192.0.2.8:1", "g", 100);
    let checks = bench.pass(40 * MS);
    for (_, check) in &checks {
        bench.answer(1, check);
    }
    let nominating = bench.pass(100 * MS);
    assert_eq!(nominating.iter().map(|(_, packet)| packet.to).collect::<Vec<_>>(), [address(PEER)]);
    let request = Message::parse(&nominating[0].1.bytes).unwrap();
    let refusal = rtpengine_common::stun::ErrorCode { code: 500, reason: b"" };
    let key = IntegrityKey::new(bench.peer.pwd().as_bytes());
    let error = MessageBuilder::reply(&request, Class::Error).error(&refusal).finish(&key);
    bench.handle(1, PEER, &error);
    let next = bench.pass(130 * MS);
    assert_eq!(next[0].1.to, address("192.0.2.8:1"));
    assert!(Message::parse(&next[0].1.bytes).unwrap().use_candidate());
    bench.answer(1, &next[0].1);
    assert_eq!(bench.agent.selected(1).unwrap().1, address("192.0.2.8:1"));
    assert_eq!(bench.agent.phase(), Phase::Completed);
}

#[test]
fn responses_must_fit_their_request() {
    let mut bench = Bench::muxed(Role::Controlling);
    bench.add_host(1, PEER, "f", 100);
    let checks = bench.pass(10 * MS);
    let check = &checks[0].1;
    let good = bench.success(check);
    // From elsewhere, with an unknown transaction, under the wrong password.
    bench.handle(1, "192.0.2.66:5000", &good);
    let peer_key = IntegrityKey::new(bench.peer.pwd().as_bytes());
    let stray = MessageBuilder::new(Class::Success, [9; 12]).finish(&peer_key);
    bench.handle(1, PEER, &stray);
    let request = Message::parse(&check.bytes).unwrap();
    let forged = MessageBuilder::reply(&request, Class::Success).finish(&IntegrityKey::new(b"guess"));
    bench.handle(1, PEER, &forged);
    assert!(!bench.agent.accepts(Bench::key(1), address(PEER)));
    assert!(!bench.agent.is_usable());
    assert_eq!(bench.notices().len(), 3);
    bench.handle(1, PEER, &good);
    assert!(bench.agent.accepts(Bench::key(1), address(PEER)) && bench.agent.is_usable());
}

#[test]
fn role_conflicts_follow_the_tie_breakers() {
    // Role of ours, the peer's claim and tie breaker: is it refused, and what are we then?
    let cases = [
        (Role::Controlling, true, 1000, true, Role::Controlling),
        (Role::Controlling, true, 1001, false, Role::Controlled),
        (Role::Controlled, false, 1001, true, Role::Controlled),
        (Role::Controlled, false, 1000, false, Role::Controlling),
        (Role::Controlled, true, 1, false, Role::Controlled),
        (Role::Controlling, false, 1, false, Role::Controlling),
        (Role::Lite, false, 1, true, Role::Lite),
    ];
    for (role, claims_control, tie_breaker, refused, after) in cases {
        let mut bench = Bench::muxed(role);
        let request = bench.request().role(claims_control, tie_breaker);
        bench.send_request(1, PEER, request);
        let reply = &bench.sent()[0];
        assert_eq!(error_code(reply), refused.then_some(487), "{role:?} {claims_control} {tie_breaker}");
        assert_eq!(bench.agent.role(), after);
        assert!(bench.agent.accepts(Bench::key(1), address(PEER)), "authenticated before the conflict");
    }
}

#[test]
fn refused_role_is_given_up_and_the_check_repeated() {
    let mut bench = Bench::muxed(Role::Controlling);
    bench.add_host(1, PEER, "f", 100);
    let checks = bench.pass(10 * MS);
    let request = Message::parse(&checks[0].1.bytes).unwrap();
    let code = rtpengine_common::stun::Refusal::RoleConflict.error_code();
    let key = IntegrityKey::new(bench.peer.pwd().as_bytes());
    let error = MessageBuilder::reply(&request, Class::Error).error(&code).finish(&key);
    bench.handle(1, PEER, &error);
    assert_eq!(bench.agent.role(), Role::Controlled);
    let again = bench.pass(20 * MS);
    let repeated = Message::parse(&again[0].1.bytes).unwrap();
    assert_eq!((repeated.controlled(), repeated.controlling()), (Some(1000), None));
    assert_ne!(repeated.transaction_id(), request.transaction_id());
    assert_eq!(bench.events(), [Event::RoleChanged { controlling: false }]);
}

/// RTP and RTCP of one peer path are joined although their ports differ.
#[test]
fn learned_candidates_of_one_path_share_a_foundation() {
    let mut bench = Bench::two(Role::Controlled);
    let learned = |component: u32| (110 << 24) | (65_535 << 8) | (256 - component);
    for (slot, from, component) in [(1, PEER, 1), (2, PEER_RTCP, 2), (1, "192.0.2.9:1", 1)] {
        let name = format!("{}:peer", bench.agent.local_credentials().ufrag());
        let priority = if from.starts_with("192.0.2.9") { 5 } else { learned(component) };
        let request = MessageBuilder::new(Class::Request, bench.id()).username(&name).priority(priority);
        bench.send_request(slot, from, request);
    }
    let known = bench.agent.remote_candidates();
    assert_eq!(known[0].foundation, Foundation::Learned(address(PEER)));
    assert_eq!(known[1].foundation, known[0].foundation);
    assert_eq!(known[2].foundation, Foundation::Learned(address("192.0.2.9:1")));
}

#[test]
fn candidates_are_replaced_by_rule() {
    let mut bench = Bench::muxed(Role::Controlled);
    let request = bench.request();
    bench.send_request(1, PEER, request);
    assert_eq!(bench.agent.remote_candidates()[0].kind, CandidateType::PeerReflexive);
    // Signalled takes the place of learned, whatever its priority.
    bench.add_host(1, PEER, "f", 5);
    let first = &bench.agent.remote_candidates()[0];
    assert_eq!((first.kind, first.priority), (CandidateType::Host, 5));
    bench.add_host(1, PEER, "g", 4);
    assert_eq!(bench.agent.remote_candidates()[0].priority, 5);
    bench.add_host(1, PEER, "g", 6);
    assert_eq!(bench.agent.remote_candidates()[0].priority, 6);
    assert_eq!(bench.agent.remote_candidates().len(), 1);
}

#[test]
fn candidates_have_a_limit() {
    let mut bench = Bench::muxed(Role::Controlled);
    for port in 1..=150_u16 {
        bench.add_host(1, &format!("192.0.2.7:{port}"), "f", u32::from(port));
    }
    assert_eq!(bench.agent.remote_candidates().len(), MAX_CANDIDATES);
    assert_eq!(bench.notices()[0], "Maximum number of ICE candidates exceeded");
    // A learned one finds no room either.
    let request = bench.request();
    bench.send_request(1, "198.51.100.9:9", request);
    assert!(bench.sent().iter().all(|packet| packet.to != address("198.51.100.9:9")));
    assert_eq!(bench.notices()[0], "Failed to determine ICE candidate from STUN request from 198.51.100.9:9");
    // A flood of requests of one pair makes one entry of the queue.
    for _ in 0..1000 {
        let request = bench.request();
        bench.next_id = 0;
        bench.send_request(1, "192.0.2.7:1", request);
    }
    assert!(bench.agent.triggered.len() <= 1);
}

/// Sends a nominating request from an address and answers the check it triggers.
fn nominate(bench: &mut Bench, from: &str) {
    bench.sent();
    let request = bench.request().role(true, 1).use_candidate();
    bench.send_request(1, from, request);
    for (_, packet) in bench.pass(60 * MS) {
        let is_request = Message::parse(&packet.bytes).unwrap().class() == Class::Request;
        if is_request && packet.to == address(from) {
            bench.answer(1, &packet);
        }
    }
}

#[test]
fn highest_nominated_pair_wins_at_first_and_later_nominations_move() {
    let mut bench = Bench::muxed(Role::Controlled);
    let [low, middle, high] = ["192.0.2.1:1", "192.0.2.2:2", "192.0.2.3:3"];
    for (from, priority) in [(low, 100), (middle, 200), (high, 300)] {
        bench.add_host(1, from, from, priority);
    }
    let selected = |bench: &Bench| bench.agent.selected(1).unwrap().1.to_string();
    nominate(&mut bench, middle);
    assert_eq!((bench.agent.phase(), selected(&bench)), (Phase::Completed, middle.to_owned()));
    nominate(&mut bench, low);
    assert_eq!(selected(&bench), middle, "a peer that nominates everything means the best");
    nominate(&mut bench, high);
    assert_eq!(selected(&bench), high);
    // Long after completion a nomination of another pair is meant as such.
    let other = "192.0.2.4:4";
    bench.add_host(1, other, other, 50);
    bench.pass(Duration::from_secs(4));
    nominate(&mut bench, other);
    assert_eq!(selected(&bench), other);
    nominate(&mut bench, high);
    assert_eq!(selected(&bench), other, "a repeated nomination is none");
}

/// One component's nomination is not enough, and pairs of different interfaces make no set.
#[test]
fn sets_need_all_components_of_one_interface() {
    let locals = vec![
        local(1, 0, 1, "203.0.113.1:30000"),
        local(2, 0, 2, "203.0.113.1:30001"),
        local(3, 1, 1, "203.0.113.2:30000"),
        local(4, 1, 2, "203.0.113.2:30001"),
    ];
    let mut bench = Bench::new(Role::Lite, locals);
    bench.add_host(1, PEER, "f", 100);
    bench.add_host(2, PEER_RTCP, "f", 99);
    for (slot, from) in [(1, PEER), (4, PEER_RTCP)] {
        let request = bench.request().role(true, 1).use_candidate();
        bench.send_request(slot, from, request);
    }
    assert!(!bench.agent.is_usable());
    let request = bench.request().role(true, 1).use_candidate();
    bench.send_request(2, PEER_RTCP, request);
    assert_eq!(bench.agent.phase(), Phase::Completed);
    assert_eq!(bench.agent.selected(2).unwrap().0.key, Bench::key(2));
}

/// rtcp-mux accepted in the answer: component 2 goes, and what is left completes.
#[test]
fn giving_up_component_two_completes_the_rest() {
    let mut bench = Bench::two(Role::Lite);
    bench.add_host(1, PEER, "f", 100);
    bench.add_host(2, PEER_RTCP, "f", 99);
    let request = bench.request().role(true, 1).use_candidate();
    bench.send_request(1, PEER, request);
    let request = bench.request().role(true, 1);
    bench.send_request(2, PEER_RTCP, request);
    assert!(bench.agent.is_usable() && bench.agent.phase() == Phase::Running);
    let now = bench.now;
    bench.agent.retain_locals(now, |local| local.component == 1);
    assert_eq!(bench.agent.phase(), Phase::Completed);
    assert!(bench.agent.accepts(Bench::key(1), address(PEER)));
    assert!(!bench.agent.accepts(Bench::key(2), address(PEER_RTCP)));
    assert_eq!(bench.agent.selected(1).unwrap().1, address(PEER));
    assert_eq!(bench.agent.selected(2), None);
}

/// Requests that come before the peer's credentials are answered; the check waits for them.
#[test]
fn early_requests_are_answered_before_the_answer() {
    let now = Instant::now();
    let mut random = TestRandom(1);
    let own = Credentials::generate(&mut random);
    let agent =
        Agent::new(now, settings(1000), Role::Controlling, own, vec![local(1, 0, 1, "203.0.113.1:30000")]);
    let peer = Credentials::new("peer", "peerpasswordpeerpassword");
    let mut bench = Bench { agent, now, random, peer, next_id: 0 };
    let request = bench.request().role(false, 1);
    bench.send_request(1, PEER, request);
    assert_eq!(bench.sent().len(), 1);
    assert_eq!(bench.agent.next_timeout(), None);
    let peer = bench.peer.clone();
    bench.agent.set_remote(now, peer);
    assert_eq!(bench.agent.next_timeout(), None, "checks begin with start");
    bench.agent.start(now);
    let sent = bench.pass(10 * MS);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.to, address(PEER));
}

#[test]
fn signalled_candidates_are_filtered() {
    let parse = |text: &str| {
        let line = rtpengine_common::sdp::CandidateLine::parse(text.as_bytes()).unwrap();
        line.usable().and_then(|candidate| RemoteCandidate::from_sdp(&candidate))
    };
    let good = parse("abc 1 UDP 2130706431 192.0.2.7 5000 typ host").unwrap();
    assert_eq!((good.address, good.component), (address(PEER), 1));
    assert!(parse("abc 3 UDP 1 192.0.2.7 5000 typ host").is_none());
    assert!(parse("abc 1 UDP 1 192.0.2.7 0 typ host").is_none());
    assert!(parse("abc 1 UDP 1 0.0.0.0 9 typ host").is_none());
    assert!(parse("abc 1 TCP 1 192.0.2.7 9 typ host").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn foreign_packets_never_panic(packets in proptest::collection::vec((0..3_u32, any::<u16>(), proptest::collection::vec(any::<u8>(), 0..120)), 0..20)) {
        let mut bench = Bench::two(Role::Controlled);
        for (slot, port, mut bytes) in packets {
            if let Some(head) = bytes.first_chunk_mut::<8>() {
                head[0] &= 1;
                head[4..].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            }
            bench.handle(slot, &format!("192.0.2.1:{port}"), &bytes);
        }
        prop_assert!(bench.agent.remote_candidates().is_empty());
    }

    /// An authentic but hostile peer: any order of requests, answers, signalling and time.
    #[test]
    fn hostile_peers_stay_within_bounds(steps in proptest::collection::vec((0..8_u8, 0..200_u16, any::<u32>(), any::<bool>()), 0..300)) {
        let mut bench = Bench::two(Role::Controlled);
        let mut pending: Vec<Transmit> = Vec::new();
        for (step, port, number, flag) in steps {
            let slot = 1 + u32::from(port % 2);
            let from = format!("192.0.2.1:{}", port + 1);
            match step {
                0..=2 => {
                    let name = format!("{}:peer", bench.agent.local_credentials().ufrag());
                    let mut request = MessageBuilder::new(Class::Request, [number as u8; 12])
                        .username(&name)
                        .priority(number)
                        .role(flag, u64::from(number));
                    if number % 3 == 0 {
                        request = request.use_candidate();
                    }
                    bench.send_request(slot, &from, request);
                }
                3 | 4 => {
                    if let Some(check) = pending.pop() {
                        let slot = check.socket.slot;
                        bench.answer(slot, &check);
                    }
                }
                5 => bench.add_host(1 + (port % 2) as u8, &from, if flag { "f" } else { "g" }, number),
                6 => pending.extend(bench.pass(Duration::from_millis(u64::from(number % 3000))).into_iter().map(|(_, packet)| packet).filter(|packet| {
                    Message::parse(&packet.bytes).unwrap().class() == Class::Request
                })),
                _ => {
                    let role = if flag { Role::Controlling } else { Role::Controlled };
                    let now = bench.now;
                    bench.agent.set_role(now, role);
                }
            }
            prop_assert!(bench.agent.remote_candidates().len() <= MAX_CANDIDATES);
            prop_assert!(bench.agent.triggered.len() <= bench.agent.pairs.len());
            prop_assert!(bench.agent.authenticated.len() <= bench.agent.pairs.len());
            pending.truncate(20);
        }
    }
}
