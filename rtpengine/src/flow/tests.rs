//! The plane as a whole: two parties and what becomes of their packets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::smallvec;

use crate::call::ctx::{Now, Transmit};
use crate::call::ids::{EdgeId, LocalId, LocalSocket, MediaId, SocketKey, StreamId};

use super::*;

pub(super) const PCMU: u8 = 0;
pub(super) const EVENT: u8 = 101;
pub(super) const SSRC: u32 = 0x1234_5678;

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(super) fn rtp(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, payload_type];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((u32::from(sequence) * 160).to_be_bytes());
    bytes.extend(SSRC.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// An RTCP element of `words` 32-bit words with the SSRC in place.
pub(super) fn rtcp(packet_type: u8, words: u8) -> Vec<u8> {
    let mut bytes = vec![0x80, packet_type, 0, words - 1];
    bytes.extend(SSRC.to_be_bytes());
    bytes.resize(usize::from(words) * 4, 0);
    bytes
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) from: SocketKey,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Outbox {
    pub(super) sent: Vec<Sent>,
    pub(super) refuse: bool,
}

impl Transmit for Outbox {
    fn send(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool {
        self.sent.push(Sent { from, to, bytes: bytes.to_vec() });
        !self.refuse
    }
}

/// Two parties with one media of two streams each: streams 0 and 1 face party A, 2 and 3 party B.
pub(super) struct Fixture {
    pub(super) plane: Plane,
    pub(super) now: Now,
    pub(super) events: Events,
    pub(super) out: Outbox,
    pub(super) spare: Packet,
}

pub(super) const A_RTP: StreamId = StreamId(0);
pub(super) const A_RTCP: StreamId = StreamId(1);
pub(super) const B_RTP: StreamId = StreamId(2);
pub(super) const B_RTCP: StreamId = StreamId(3);
pub(super) const PEERS: [&str; 4] =
    ["192.0.2.1:4000", "192.0.2.1:4001", "198.51.100.2:5000", "198.51.100.2:5001"];

pub(super) fn socket(number: u32) -> LocalSocket {
    let address = SocketAddr::from(([203, 0, 113, 1], 30_000 + number as u16));
    LocalSocket { key: SocketKey { slot: number, generation: 0 }, local: LocalId(0), address }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        let mut plane = Plane::new();
        for side in 0..2 {
            let media = plane.add_media();
            for (number, component) in [(2 * side, Component::Rtp), (2 * side + 1, Component::Rtcp)] {
                let stream = plane.add_stream(media, component, now);
                assert_eq!(stream, StreamId(number));
                plane.set_sockets(stream, &[socket(number)]);
                plane.fill(stream, at(PEERS[number as usize]), Learning::Heuristic, now);
                plane.set_spec(stream, spec(number));
            }
        }
        plane.signalled(now);
        let events = Events::new(Level::Debug);
        Self { plane, now, events, out: Outbox::default(), spare: Packet::new() }
    }

    pub(super) fn after(&mut self, millis: u64) {
        self.now.instant += Duration::from_millis(millis);
        self.now.unix_us += millis * 1000;
    }

    pub(super) fn receive_from(&mut self, stream: StreamId, source: &str, bytes: &[u8]) -> Outcome {
        self.receive_on(stream, socket(stream.0).key, source, bytes)
    }

    pub(super) fn receive_on(
        &mut self,
        stream: StreamId,
        on: SocketKey,
        source: &str,
        bytes: &[u8],
    ) -> Outcome {
        let mut packet = Packet::new();
        packet.copy_from(bytes);
        let arrival = Arrival { stream, socket: on, source: at(source) };
        let mut turn =
            Turn { now: self.now, out: &mut self.out, events: &mut self.events, spare: &mut self.spare };
        self.plane.receive(&mut turn, arrival, &mut packet).outcome
    }

    /// A packet of the stream's signalled peer; what was sent because of it.
    pub(super) fn receive(&mut self, stream: StreamId, bytes: &[u8]) -> Vec<Sent> {
        self.out.sent.clear();
        self.receive_from(stream, PEERS[stream.index()], bytes);
        std::mem::take(&mut self.out.sent)
    }

    pub(super) fn tick(&mut self) -> Vec<Sent> {
        self.out.sent.clear();
        let mut turn =
            Turn { now: self.now, out: &mut self.out, events: &mut self.events, spare: &mut self.spare };
        self.plane.tick(&mut turn, TickOptions { measure_rtp: true });
        std::mem::take(&mut self.out.sent)
    }

    pub(super) fn change(&mut self, stream: StreamId, change: impl FnOnce(&mut FlowSpec)) {
        let mut spec = self.plane.stream(stream).expect("exists").spec().clone();
        change(&mut spec);
        self.plane.set_spec(stream, spec);
    }

    pub(super) fn stream(&self, stream: StreamId) -> &Stream {
        self.plane.stream(stream).expect("exists")
    }

    pub(super) fn texts(&mut self) -> Vec<String> {
        self.events.drain().map(|event| event.notice.to_string()).collect()
    }
}

pub(super) fn to(stream: StreamId) -> (SocketKey, SocketAddr) {
    (socket(stream.0).key, at(PEERS[stream.index()]))
}

fn spec(stream: u32) -> FlowSpec {
    let (kind, rtp, other_rtcp) = match stream {
        0 => (FlowKind::Rtp, Some(B_RTP), B_RTCP),
        1 => (FlowKind::Rtcp, None, B_RTCP),
        2 => (FlowKind::Rtp, Some(A_RTP), A_RTCP),
        _ => (FlowKind::Rtcp, None, A_RTCP),
    };
    FlowSpec {
        kind,
        receives: true,
        own_sdp: true,
        payload_types: Some(Arc::new(PayloadTypes::new([(PCMU, 8000), (EVENT, 8000)]))),
        rtp: rtp.map(|to| SinkSpec::forward(Some(EdgeId(0)), to)).into_iter().collect(),
        rtcp: smallvec![RtcpSinkSpec {
            edge: Some(EdgeId(0)),
            to: other_rtcp,
            strip_feedback: false,
            translate: false
        }],
        ..FlowSpec::default()
    }
}

fn summary(sent: &[Sent]) -> Vec<(SocketKey, SocketAddr)> {
    sent.iter().map(|packet| (packet.from, packet.to)).collect()
}

#[test]
fn plain_relay_forwards_unchanged_and_counts_both_ways() {
    let mut call = Fixture::new();
    let packet = rtp(PCMU, 1, &[0x55; 160]);
    let sent = call.receive(A_RTP, &packet);
    assert_eq!(sent, [Sent { from: to(B_RTP).0, to: to(B_RTP).1, bytes: packet }]);
    let counted = Counters { packets: 1, bytes: 172, errors: 0 };
    assert_eq!((call.stream(A_RTP).counters_in(), call.stream(B_RTP).counters_out()), (counted, counted));
    let media = call.plane.media(MediaId(0)).expect("exists");
    assert_eq!(media.most_received(), Some(PCMU));
    let entry = media.ssrc_in.get(SSRC).expect("seen");
    assert_eq!(
        (entry.packets(), entry.bytes(), entry.last_timestamp(), entry.extended_sequence()),
        (1, 172, 160, 1)
    );
    let sent = call.plane.media(MediaId(1)).and_then(|media| media.ssrc_out.get(SSRC)).expect("sent");
    assert_eq!((sent.packets(), sent.index().raw()), (1, 1));
    assert!(call.stream(A_RTP).confirmed(), "the source is the advertised one");
    assert_eq!(summary(&call.receive(B_RTP, &rtp(PCMU, 1, b"x"))), [to(A_RTP)]);
    assert_eq!(summary(&call.receive(A_RTCP, &rtcp(201, 2))), [to(B_RTCP)]);
}

#[test]
fn rule_3_2_1_without_socket_or_with_drop_traffic_nothing_passes() {
    let mut call = Fixture::new();
    call.plane.set_drop_traffic(true);
    let outcome = call.receive_from(A_RTP, PEERS[0], &rtp(PCMU, 1, b""));
    assert_eq!(outcome, Outcome::Dropped(DropCause::TrafficDropped));
    call.plane.set_drop_traffic(false);
    call.plane.unlink(A_RTP);
    let outcome = call.receive_from(A_RTP, PEERS[0], &rtp(PCMU, 1, b""));
    assert_eq!(outcome, Outcome::Dropped(DropCause::NoSocket));
    assert_eq!(call.stream(A_RTP).counters_in(), Counters::default());
}

#[test]
fn rule_3_2_2_to_4_stun_and_dtls_are_left_to_their_owners() {
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.resize(20, 7);
    let mut call = Fixture::new();
    assert_eq!(call.receive(A_RTP, &stun).len(), 1, "without an agent it is an ordinary packet");
    call.change(A_RTP, |spec| (spec.ice, spec.dtls) = (true, true));
    assert_eq!(call.receive_from(A_RTP, PEERS[0], &stun), Outcome::Stun);
    let foreign = call.receive_from(A_RTP, PEERS[0], &rtp(PCMU, 1, b""));
    assert_eq!(foreign, Outcome::Dropped(DropCause::NotAuthenticated));
    assert_eq!(call.stream(A_RTP).counters_in().errors, 0, "rule 11.9.2: no error count");
    call.plane.allow_source(A_RTP, to(A_RTP).0, at(PEERS[0]));
    assert_eq!(call.receive_from(A_RTP, PEERS[0], &rtp(PCMU, 1, b"")), Outcome::Accepted);
    assert_eq!(call.receive_from(A_RTP, PEERS[0], &[22, 1, 2, 3]), Outcome::Dtls);
}

#[test]
fn rule_3_2_9_an_unknown_payload_type_is_an_error_but_forwarded() {
    let mut call = Fixture::new();
    assert_eq!(call.receive(A_RTP, &rtp(77, 1, b"x")).len(), 1);
    assert_eq!(call.stream(A_RTP).counters_in(), Counters { packets: 1, bytes: 13, errors: 1 });
    assert!(
        call.texts().contains(&"RTP packet with unknown payload type 77 received from 192.0.2.1:4000".into())
    );
}

#[test]
fn what_is_no_rtp_is_forwarded_unmodified() {
    let mut call = Fixture::new();
    for garbage in [&b""[..], b"\0", b"hello", &[0x80; 11], &[0xbf; 40]] {
        let sent = call.receive(A_RTP, garbage);
        assert_eq!(sent.first().map(|packet| &packet.bytes[..]), Some(garbage));
    }
    let mut zrtp = vec![0x10, 0, 0, 1];
    zrtp.extend(b"ZRTP and more");
    assert_eq!(call.receive(A_RTP, &zrtp).len(), 1);
}

#[test]
fn rule_3_4_1_nothing_goes_to_a_sink_without_socket_or_address() {
    let mut call = Fixture::new();
    call.plane.fill(B_RTP, at("0.0.0.0:5000"), Learning::Off, call.now);
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, b"")).is_empty());
    call.plane.fill(B_RTP, at("198.51.100.2:0"), Learning::Off, call.now);
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, b"")).is_empty());
    call.plane.fill(B_RTP, at(PEERS[2]), Learning::Off, call.now);
    assert_eq!(call.receive(A_RTP, &rtp(PCMU, 1, b"")).len(), 1);
    call.plane.unlink(B_RTP);
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, b"")).is_empty());
    assert_eq!(call.stream(A_RTP).counters_in().packets, 4, "they count all the same");
}

#[test]
fn rule_3_4_2_direction_stops_rtp_and_never_rtcp() {
    for change in [
        |spec: &mut FlowSpec| spec.receives = false,
        |spec: &mut FlowSpec| spec.blackhole = true,
        |spec: &mut FlowSpec| spec.rtp[0].delivers = false,
    ] {
        let mut call = Fixture::new();
        call.change(A_RTP, change);
        call.after(1000);
        assert!(call.receive(A_RTP, &rtp(PCMU, 1, b"")).is_empty());
        assert_eq!(call.stream(A_RTP).last_packet(), call.now.instant, "keeps timeouts alive");
        assert_eq!(summary(&call.receive(A_RTP, &rtcp(201, 2))), [to(B_RTCP)]);
        assert_eq!(summary(&call.receive(A_RTCP, &rtcp(201, 2))), [to(B_RTCP)]);
    }
}

#[test]
fn rule_3_4_3_nat_wait_holds_back_until_the_peer_sent_something() {
    let mut call = Fixture::new();
    call.change(B_RTP, |spec| spec.nat_wait = true);
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, b"")).is_empty());
    call.receive(B_RTP, &rtp(PCMU, 1, b""));
    assert_eq!(call.receive(A_RTP, &rtp(PCMU, 2, b"")).len(), 1);
}

#[test]
fn rule_3_4_5_without_sink_there_is_a_debug_line() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.rtp.clear());
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, b"")).is_empty());
    assert!(call.texts().contains(&"Media packet from 192.0.2.1:4000 discarded due to lack of sink".into()));
}

#[test]
fn send_errors_count_and_nothing_else() {
    let mut call = Fixture::new();
    call.out.refuse = true;
    call.receive(A_RTP, &rtp(PCMU, 1, b""));
    assert_eq!(call.stream(B_RTP).counters_out(), Counters { packets: 0, bytes: 0, errors: 1 });
}

#[test]
fn rule_3_5_loops_are_cut() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.loop_check = true);
    let packet = rtp(PCMU, 1, b"again");
    let passed = (0..40).filter(|_| !call.receive(A_RTP, &packet).is_empty()).count();
    assert_eq!(passed, 31);
    assert_eq!(call.receive_from(A_RTP, PEERS[0], &packet), Outcome::Dropped(DropCause::Loop));
}

#[test]
fn rule_3_6_pierce_nat_until_confirmed() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.pierce_nat = true);
    let sent = call.tick();
    assert_eq!(summary(&sent), [to(A_RTP)]);
    assert_eq!(sent[0].bytes, [0x80, 0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(call.stream(A_RTP).counters_out().packets, 1);
    call.receive(A_RTP, &rtp(PCMU, 1, b""));
    assert!(call.tick().is_empty());
}

#[test]
fn rule_4_3_1_nothing_is_learned_before_our_sdp_or_without_an_address() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.own_sdp = false);
    assert_eq!(call.receive_from(A_RTP, "192.0.2.9:9", &rtp(PCMU, 1, b"")), Outcome::Accepted);
    assert_eq!((call.stream(A_RTP).endpoint(), call.stream(A_RTP).confirmed()), (Some(at(PEERS[0])), false));
}

#[test]
fn rule_4_3_2_stray_rtcp_on_the_rtp_port_is_forwarded_and_does_not_confirm() {
    let mut call = Fixture::new();
    assert_eq!(summary(&call.receive(A_RTP, &rtcp(201, 2))), [to(B_RTCP)]);
    assert!(!call.stream(A_RTP).confirmed());
    call.receive(A_RTP, &rtcp(204, 3));
    assert!(call.stream(A_RTP).confirmed(), "APP counts as traffic");
}

#[test]
fn rule_4_3_4_unidirectional_confirms_the_sinks() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.source.unidirectional = true);
    call.receive(A_RTP, &rtp(PCMU, 1, b""));
    assert!(call.stream(B_RTP).confirmed());
}

#[test]
fn rule_4_3_5_4_a_handover_unconfirms_both_sides() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.source.handover = true);
    call.receive(A_RTP, &rtp(PCMU, 1, b""));
    call.receive(B_RTP, &rtp(PCMU, 1, b""));
    call.receive_from(A_RTP, "192.0.2.77:7777", &rtp(PCMU, 2, b""));
    assert!(!call.stream(A_RTP).confirmed() && !call.stream(B_RTP).confirmed());
    assert_eq!(call.stream(A_RTP).endpoint(), Some(at("192.0.2.77:7777")));
    assert!(call.texts().contains(&"Peer address changed to 192.0.2.77:7777".into()));
    assert_eq!(call.receive(B_RTP, &rtp(PCMU, 2, b""))[0].to, at("192.0.2.77:7777"));
}

#[test]
fn rule_4_3_5_5_strict_source_drops_and_counts_an_error() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.source.strict = true);
    call.receive(A_RTP, &rtp(PCMU, 1, b""));
    call.texts();
    let outcome = call.receive_from(A_RTP, "192.0.2.77:7777", &rtp(PCMU, 2, b""));
    assert_eq!(outcome, Outcome::Dropped(DropCause::Source));
    assert_eq!(call.stream(A_RTP).counters_in(), Counters { packets: 1, bytes: 12, errors: 1 });
    assert_eq!(
        call.texts(),
        ["Drop due to strict-source attribute; got 192.0.2.77:7777 -> 203.0.113.1:30000, \
          expected 192.0.2.1:4000 -> 203.0.113.1:30000"]
    );
}

#[test]
fn rule_4_3_7_another_current_socket_becomes_selected_and_an_old_one_does_not() {
    let mut call = Fixture::new();
    let second = LocalSocket { local: LocalId(1), ..socket(10) };
    call.plane.set_sockets(A_RTP, &[socket(0), second]);
    assert_eq!(call.stream(A_RTP).selected(), Some(&socket(0)));
    call.receive_on(A_RTP, second.key, PEERS[0], &rtp(PCMU, 1, b""));
    assert_eq!(call.stream(A_RTP).selected(), Some(&second));
    assert!(
        call.texts().contains(&"Switching local socket from 203.0.113.1:30000 to 203.0.113.1:30010".into())
    );
    // Another negotiation: new sockets, the one on the same local address is preferred.
    let third = LocalSocket { local: LocalId(1), ..socket(12) };
    call.plane.set_sockets(A_RTP, &[socket(11), third]);
    assert_eq!(call.stream(A_RTP).selected(), Some(&third));
    let outcome = call.receive_on(A_RTP, socket(0).key, PEERS[0], &rtp(PCMU, 2, b""));
    assert_eq!((outcome, call.stream(A_RTP).selected()), (Outcome::Accepted, Some(&third)));
    assert!(call.texts().iter().any(|text| text.ends_with("(not in list)")));
}

#[test]
fn rule_6_muxed_rtcp_bridges_to_separate_ports_and_back() {
    let mut call = Fixture::new();
    // A multiplexes: its RTCP stream has no port, RTCP to A leaves from its RTP socket.
    call.plane.unlink(A_RTCP);
    for stream in [B_RTP, B_RTCP] {
        call.change(stream, |spec| spec.rtcp[0].to = A_RTP);
    }
    assert_eq!(summary(&call.receive(B_RTCP, &rtcp(200, 7))), [to(A_RTP)]);
    assert_eq!(summary(&call.receive(A_RTP, &rtcp(200, 7))), [to(B_RTCP)]);
}

#[test]
fn rule_7_5_block_short_drops_what_is_shorter_than_the_first() {
    let mut call = Fixture::new();
    let table = PtTable { block_short: vec![PCMU], ..PtTable::default() };
    call.change(A_RTP, |spec| spec.rtp[0].actions = Some(Arc::new(table)));
    let passed = [160, 159, 160, 161, 80].map(|len| call.receive(A_RTP, &rtp(PCMU, 1, &vec![1; len])).len());
    assert_eq!(passed, [1, 0, 1, 1, 0]);
    assert_eq!(call.receive(A_RTP, &rtp(EVENT, 2, &[1; 4])).len(), 1);
}

#[test]
fn rule_13_1_malformed_rtcp_is_dropped() {
    let mut call = Fixture::new();
    let outcome = call.receive_from(A_RTCP, PEERS[1], &rtcp(200, 2));
    assert_eq!(outcome, Outcome::Dropped(DropCause::InvalidRtcp));
    assert_eq!(call.texts(), ["Invalid RTCP packet type 200 (short: 8 < 28)"]);
}

#[test]
fn rule_13_2_terminated_rtcp_is_counted_only() {
    let mut call = Fixture::new();
    call.change(A_RTCP, |spec| spec.rtcp_terminated = true);
    assert!(call.receive(A_RTCP, &rtcp(201, 2)).is_empty());
    assert_eq!(call.stream(A_RTCP).counters_in().packets, 1);
}

#[test]
fn rule_13_3_feedback_is_cut_out() {
    let mut call = Fixture::new();
    call.change(A_RTCP, |spec| spec.rtcp[0].strip_feedback = true);
    let report = rtcp(201, 2);
    let mixed = [report.clone(), rtcp(206, 3), rtcp(202, 3), rtcp(205, 4)].concat();
    assert_eq!(call.receive(A_RTCP, &mixed)[0].bytes, [report, rtcp(202, 3)].concat());
    assert!(call.receive(A_RTCP, &rtcp(206, 3)).is_empty());
}

#[test]
fn rule_17_blocked_media_lets_events_pass() {
    let mut call = Fixture::new();
    let table =
        PtTable { default: PtAction::Drop, rules: vec![(EVENT, PtAction::Forward)], block_short: vec![] };
    call.change(A_RTP, |spec| spec.rtp[0].actions = Some(Arc::new(table)));
    assert!(call.receive(A_RTP, &rtp(PCMU, 1, b"audio")).is_empty());
    assert_eq!(call.receive(A_RTP, &rtp(EVENT, 2, b"1234")).len(), 1);
    assert!(call.stream(A_RTP).confirmed(), "learning goes on");
    assert_eq!(call.stream(A_RTP).counters_in().packets, 2);
}

#[test]
fn rule_17_silence_changes_only_its_own_sink() {
    let mut call = Fixture::new();
    let table = PtTable { rules: vec![(PCMU, PtAction::Silence(0xff))], ..PtTable::default() };
    let silent = SinkSpec { actions: Some(Arc::new(table)), ..SinkSpec::forward(None, B_RTP) };
    let plain = SinkSpec::forward(None, A_RTP);
    for (sinks, silent_at) in [([silent.clone(), plain.clone()], 0), ([plain, silent], 1)] {
        call.change(A_RTP, |spec| spec.rtp = sinks.into_iter().collect());
        let sent = call.receive(A_RTP, &rtp(PCMU, 1, b"audio"));
        assert_eq!(sent[silent_at].bytes, rtp(PCMU, 1, &[0xff; 5]));
        assert_eq!(sent[1 - silent_at].bytes, rtp(PCMU, 1, b"audio"));
        assert_eq!(call.receive(A_RTP, &rtp(EVENT, 2, b"1234"))[silent_at].bytes, rtp(EVENT, 2, b"1234"));
    }
}

#[test]
fn mirrors_get_what_the_sink_gets() {
    let mut call = Fixture::new();
    let table = PtTable { rules: vec![(PCMU, PtAction::Silence(0))], ..PtTable::default() };
    call.change(A_RTP, |spec| {
        spec.rtp[0].actions = Some(Arc::new(table));
        spec.rtp[0].mirrors = vec![MirrorSpec { edge: None, to: A_RTCP }];
    });
    let sent = call.receive(A_RTP, &rtp(PCMU, 1, b"audio"));
    assert_eq!(summary(&sent), [to(B_RTP), to(A_RTCP)]);
    assert!(sent.iter().all(|packet| packet.bytes == rtp(PCMU, 1, &[0; 5])));
}

#[test]
fn echo_is_a_sink_that_is_the_stream_itself() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.rtp = smallvec![SinkSpec::forward(None, A_RTP)]);
    assert_eq!(summary(&call.receive(A_RTP, &rtp(PCMU, 1, b"x"))), [to(A_RTP)]);
}

#[test]
fn rule_16_raw_media_is_copied_with_learning() {
    let mut call = Fixture::new();
    for (stream, sink) in [(A_RTP, B_RTP), (A_RTCP, B_RTCP)] {
        call.change(stream, |spec| {
            spec.kind = FlowKind::Raw;
            spec.rtp = smallvec![SinkSpec::forward(None, sink)];
        });
        assert_eq!(summary(&call.receive(stream, &rtcp(200, 2))), [to(sink)], "no RTCP detection");
    }
    assert!(call.plane.media(MediaId(0)).is_some_and(|media| media.ssrc_in.by_recency().is_empty()));
    call.receive_from(A_RTP, "192.0.2.1:4444", b"udptl");
    assert!(call.stream(A_RTP).confirmed());
}

#[test]
fn rule_8_1_twenty_ssrcs_and_the_oldest_makes_room() {
    let mut call = Fixture::new();
    for ssrc in 0..30_u32 {
        let mut packet = rtp(PCMU, 1, b"");
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        call.receive(A_RTP, &packet);
    }
    let media = call.plane.media(MediaId(0)).expect("exists");
    let listed: Vec<u32> = media.ssrc_in.by_recency().iter().map(|entry| entry.ssrc()).collect();
    assert_eq!(listed, (10..30).rev().collect::<Vec<_>>());
}

#[test]
fn rule_8_6_loss_and_reordering_are_told_to_the_counters() {
    let mut call = Fixture::new();
    for sequence in [1, 2, 4, 3, 3, 10] {
        call.receive(A_RTP, &rtp(PCMU, sequence, b""));
    }
    for sequence in 11..60 {
        call.receive(A_RTP, &rtp(PCMU, sequence, b""));
    }
    let found = call.events.tally;
    assert_eq!((found.lost, found.duplicates, found.skips, found.reordered, found.resets), (5, 1, 6, 1, 0));
}

#[test]
fn rule_19_1_timeouts_depend_on_what_a_stream_expects() {
    let limits = Timeouts {
        media: Duration::from_secs(60),
        silent: Duration::from_secs(3600),
        offer: Duration::from_secs(600),
        last: Duration::ZERO,
    };
    let mut call = Fixture::new();
    let created = call.now.instant;
    let after = |seconds| created + Duration::from_secs(seconds);
    assert_eq!(call.plane.timed_out(after(59), created, &limits), None);
    assert_eq!(call.plane.timed_out(after(60), created, &limits), Some(TimeoutReason::Media));
    call.after(30_000);
    call.receive(B_RTCP, &rtcp(201, 2));
    assert_eq!(call.plane.timed_out(after(89), created, &limits), None, "one good stream is enough");
    for stream in [A_RTP, A_RTCP, B_RTP] {
        call.change(stream, |spec| spec.receives = false);
    }
    assert_eq!(
        call.plane.timed_out(after(90), created, &limits),
        Some(TimeoutReason::Media),
        "silent ones do not keep a call with a watched one"
    );
    call.change(B_RTCP, |spec| spec.receives = false);
    assert_eq!(call.plane.timed_out(after(90), created, &limits), None);
    assert_eq!(call.plane.timed_out(after(3630), created, &limits), Some(TimeoutReason::Silent));
    let last = Timeouts { last: Duration::from_secs(90), ..limits };
    assert_eq!(call.plane.timed_out(after(90), created, &last), Some(TimeoutReason::Final));
}

#[test]
fn rule_10_10_an_unanswered_call_lives_until_the_offer_timeout() {
    let limits = Timeouts {
        media: Duration::from_secs(60),
        silent: Duration::from_secs(3600),
        offer: Duration::from_secs(600),
        last: Duration::ZERO,
    };
    let mut call = Fixture::new();
    let media = call.plane.add_media();
    let stream = call.plane.add_stream(media, Component::Rtp, call.now);
    call.plane.set_sockets(stream, &[socket(20)]);
    call.change(stream, |spec| spec.receives = true);
    let created = call.now.instant;
    assert_eq!(call.plane.timed_out(created + Duration::from_secs(599), created, &limits), None);
    let verdict = call.plane.timed_out(created + Duration::from_secs(600), created, &limits);
    assert_eq!(verdict, Some(TimeoutReason::Offer));
}

#[test]
fn merged_calls_keep_their_own_packets_and_numbers() {
    let (mut call, other) = (Fixture::new(), Fixture::new());
    let offsets = call.plane.merge(other.plane, 3, 7);
    assert_eq!(offsets, Offsets { parties: 3, medias: 2, streams: 4, edges: 7 });
    let spec = call.plane.stream(StreamId(4)).expect("joined").spec().clone();
    assert_eq!((spec.rtp[0].to, spec.rtp[0].edge), (StreamId(6), Some(EdgeId(7))));
    let stream = call.plane.stream(StreamId(6)).expect("joined");
    assert_eq!(stream.media(), MediaId(3));
}

#[test]
fn an_idle_relayed_call_is_small() {
    let mut call = Fixture::new();
    for stream in [A_RTP, A_RTCP, B_RTP, B_RTCP] {
        let packet = if stream.0 % 2 == 0 { rtp(PCMU, 1, b"") } else { rtcp(201, 2) };
        call.receive(stream, &packet);
    }
    let size = call.plane.memory();
    let parts = (size_of::<Stream>(), size_of::<FlowSpec>(), size_of::<SsrcEntry>(), size_of::<MediaPlane>());
    println!("{size} bytes; stream, spec, SSRC, media: {parts:?}");
    assert!(size <= 3 * 1024, "{size} bytes; stream, spec, SSRC, media: {parts:?}");
}

#[test]
fn a_plane_can_move_between_threads() {
    fn assert_send<T: Send>() {}
    assert_send::<Plane>();
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    fn action() -> impl Strategy<Value = PtAction> {
        prop_oneof![Just(PtAction::Forward), any::<u8>().prop_map(PtAction::Silence), Just(PtAction::Drop)]
    }

    fn table() -> impl Strategy<Value = PtTable> {
        let rules = prop::collection::vec((0..128_u8, action()), 0..4);
        (action(), rules, prop::collection::vec(0..128_u8, 0..4))
            .prop_map(|(default, rules, block_short)| PtTable { default, rules, block_short })
    }

    /// Any stream as a sink, those that do not exist included.
    fn sink() -> impl Strategy<Value = SinkSpec> {
        (0..6_u32, any::<bool>(), prop::option::of(table()), prop::option::of(0..6_u32)).prop_map(
            |(to, delivers, table, mirror)| SinkSpec {
                delivers,
                actions: table.map(Arc::new),
                mirrors: mirror.map(|to| MirrorSpec { edge: None, to: StreamId(to) }).into_iter().collect(),
                ..SinkSpec::forward(None, StreamId(to))
            },
        )
    }

    fn flow() -> impl Strategy<Value = FlowSpec> {
        let kind = prop_oneof![Just(FlowKind::Rtp), Just(FlowKind::Rtcp), Just(FlowKind::Raw)];
        let rtcp = prop::collection::vec((0..6_u32, any::<bool>()), 0..3);
        (kind, any::<[bool; 13]>(), 0..6_u32, prop::collection::vec(sink(), 0..4), rtcp).prop_map(
            |(kind, on, head, rtp, rtcp)| FlowSpec {
                kind,
                source: SourcePolicy {
                    strict: on[0],
                    handover: on[1],
                    asymmetric: on[2],
                    unidirectional: on[3],
                },
                ice: on[4] && on[5],
                dtls: on[5],
                srtp: on[6] && on[9],
                recrypt: on[10],
                extensions: on[11].then(|| {
                    Arc::new(Extensions {
                        ids: vec![1, 5, 20],
                        mid_id: Some(5),
                        mid: (*b"a").into(),
                        allow_mixed: on[12],
                    })
                }),
                head: (on[4] && on[0]).then_some(StreamId(head)),
                bundle: on[1].then(|| {
                    Arc::new(Bundle {
                        mid_id: Some(5),
                        members: vec![BundleMember {
                            stream: StreamId(head),
                            mid: (*b"x").into(),
                            payload_types: vec![0, 17],
                        }],
                    })
                }),
                dtmf: None,
                loop_check: on[6],
                blackhole: on[7] && on[8],
                receives: on[8],
                own_sdp: on[9],
                rtcp_terminated: on[10],
                generate_rtcp: on[3],
                pierce_nat: on[11],
                nat_wait: on[12],
                fax: on[5] && on[7],
                buffers: (on[2] && on[8]).then(|| {
                    Arc::new(BufferSpec {
                        jitter: on[3].then_some(JitterSettings {
                            packets: 3,
                            clock_drift: on[4],
                            adaptive: None,
                        }),
                        delay: Duration::from_millis(if on[6] { 40 } else { 0 }),
                        events: vec![101],
                    })
                }),
                payload_types: on[0]
                    .then(|| Arc::new(PayloadTypes::new([(0, 8000), (96, 0), (97, u32::MAX)]))),
                rtp: rtp.into_iter().collect(),
                rtcp: rtcp
                    .into_iter()
                    .map(|(to, strip_feedback)| RtcpSinkSpec {
                        edge: None,
                        to: StreamId(to),
                        strip_feedback,
                        translate: false,
                    })
                    .collect(),
            },
        )
    }

    fn datagram() -> impl Strategy<Value = Vec<u8>> {
        let tail = || prop::collection::vec(any::<u8>(), 0..80);
        prop_oneof![
            tail(),
            (any::<u8>(), any::<u8>(), tail())
                .prop_map(|(first, second, tail)| { [vec![0x80 | first & 0x3f, second], tail].concat() }),
            (194..=223_u8, 0..20_u8, tail())
                .prop_map(|(kind, words, tail)| { [vec![0x81, kind, 0, words], tail].concat() }),
            Just(vec![0x90; 8192]),
        ]
    }

    proptest! {
        #[test]
        fn any_setup_and_any_datagrams_keep_the_promises(bytes in prop::collection::vec(any::<u8>(), 9..800)) {
            exercise(&bytes);
        }

        #[test]
        fn no_datagram_and_no_spec_makes_the_plane_panic(
            specs in prop::collection::vec(flow(), 4),
            again in prop::collection::vec(flow(), 4),
            packets in prop::collection::vec((0..6_u32, 0..6_u32, 0..4_u16, datagram(), 0..4000_u64), 1..40),
        ) {
            let mut call = Fixture::new();
            call.plane.allow_source(A_RTP, socket(0).key, at("192.0.2.1:4000"));
            for (round, specs) in [specs, again].into_iter().enumerate() {
                for (number, spec) in specs.into_iter().enumerate() {
                    call.plane.set_spec(StreamId::at(number), spec);
                }
                if round == 1 {
                    call.plane.set_sockets(A_RTP, &[socket(7)]);
                    call.plane.unlink(B_RTCP);
                }
                for (stream, on, port, bytes, millis) in &packets {
                    call.after(*millis);
                    let source = format!("192.0.2.1:{}", 4000 + port);
                    call.receive_on(StreamId(*stream), socket(*on).key, &source, bytes);
                    call.tick();
                }
            }
            let sent: u64 = (0..4).map(|number| call.stream(StreamId(number)).counters_out().packets).sum();
            prop_assert!(sent <= 2 * 40 * 8 * 5, "nothing multiplies");
        }
    }
}
