//! What a packet costs between the socket and the next socket.

#![allow(missing_docs, reason = "criterion_group! makes an undocumented function")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use rtpengine::call::ctx::{Now, Transmit};
use rtpengine::call::ids::{LocalId, LocalSocket, SocketKey, StreamId};
use rtpengine::flow::{
    Arrival, Component, Crypto, Events, FlowKind, FlowSpec, Keys, Learning, Level, Packet, PayloadTypes,
    Plane, RtcpSinkSpec, SinkSpec, Turn,
};
use rtpengine_common::rtp::PacketIndex;
use rtpengine_common::srtp::{Context, MAX_OVERHEAD, MasterKey, Parameters, Suite};

/// Takes everything.
struct Nowhere;

impl Transmit for Nowhere {
    fn send(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool {
        black_box((from, to, bytes));
        true
    }
}

fn socket(number: u32) -> LocalSocket {
    let address = SocketAddr::from(([203, 0, 113, 1], 30_000 + number as u16));
    LocalSocket { key: SocketKey { slot: number, generation: 0 }, local: LocalId(0), address }
}

fn peer(number: u32) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000 + number as u16))
}

/// A call of one sender (streams 0, 1) and `sinks` receivers (streams 2, 3 and on).
fn call(now: Now, sinks: u32) -> Plane {
    let mut plane = Plane::new();
    let payload_types = Arc::new(PayloadTypes::new([(8, 8000), (0, 8000), (101, 8000)]));
    for side in 0..=sinks {
        let media = plane.add_media();
        for (number, component) in [(2 * side, Component::Rtp), (2 * side + 1, Component::Rtcp)] {
            let stream = plane.add_stream(media, component, now);
            plane.set_sockets(stream, &[socket(number)]);
            plane.fill(stream, peer(number), Learning::Heuristic, now);
            let kind = if component == Component::Rtp { FlowKind::Rtp } else { FlowKind::Rtcp };
            let receivers = if side == 0 { 1..=sinks } else { 0..=0 };
            let rtcp = |side: u32| RtcpSinkSpec {
                edge: None,
                to: StreamId(2 * side + 1),
                strip_feedback: false,
                translate: false,
            };
            plane.set_spec(
                stream,
                FlowSpec {
                    kind,
                    receives: true,
                    own_sdp: true,
                    payload_types: Some(payload_types.clone()),
                    rtp: receivers.clone().map(|side| SinkSpec::forward(None, StreamId(2 * side))).collect(),
                    rtcp: receivers.map(rtcp).collect(),
                    ..FlowSpec::default()
                },
            );
        }
    }
    plane.signalled(now);
    plane
}

/// Relays one packet after another on each of `calls` calls in turn.
fn relay(c: &mut Criterion, name: &str, calls: usize, sinks: u32, stream: u32, datagram: &[u8]) {
    let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
    let mut planes: Vec<Plane> = (0..calls).map(|_| call(now, sinks)).collect();
    let (mut events, mut spare, mut packet) = (Events::new(Level::Info), Packet::new(), Packet::new());
    let arrival = Arrival { stream: StreamId(stream), socket: socket(stream).key, source: peer(stream) };
    let rtcp = datagram[1] >= 194;
    packet.copy_from(datagram);
    let (mut next, mut sequence, mut time) = (0, 0_u16, now);
    c.bench_function(name, |bench| {
        bench.iter(|| {
            next = (next + 1) % calls;
            if next == 0 {
                sequence = sequence.wrapping_add(1);
                time.unix_us += 20_000;
            }
            if !rtcp {
                packet.bytes_mut()[2..4].copy_from_slice(&sequence.to_be_bytes());
            }
            let mut turn = Turn { now: time, out: &mut Nowhere, events: &mut events, spare: &mut spare };
            black_box(planes[next].receive(&mut turn, arrival, &mut packet))
        });
    });
}

fn rtp() -> Vec<u8> {
    let mut bytes = vec![0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
    bytes.resize(172, 0xd5);
    bytes
}

/// Packets of a ciphered stream that are made beforehand.
const PREPARED: u16 = 1024;

/// One side with SRTP, the other plain: what comes in is deciphered, what goes out enciphered.
fn srtp(c: &mut Criterion, suite: Suite) {
    let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
    let parameters = Parameters::plain(suite, MasterKey::generate(suite, |bytes| bytes.fill(0x5a)));
    let context = Context::new(&parameters).expect("key of the suite");
    let mut plain = Vec::new();
    let mut ciphered = Vec::new();
    for sequence in 0..PREPARED {
        let mut packet = rtp();
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        plain.push(packet.clone());
        let len = packet.len();
        packet.resize(len + MAX_OVERHEAD, 0);
        let index = PacketIndex::from_raw(u32::from(sequence));
        let len = context.protect_rtp(&mut packet, len, index).expect("room for the tag");
        packet.truncate(len);
        ciphered.push(packet);
    }
    for (name, stream, packets) in [("SRTP to RTP", 0, &ciphered), ("RTP to SRTP", 2, &plain)] {
        let mut plane = call(now, 1);
        for stream in [StreamId(0), StreamId(1)] {
            let crypto = Crypto::new(parameters.clone()).expect("key of the suite");
            let spec = plane.stream(stream).expect("exists").spec().clone();
            plane.set_spec(stream, FlowSpec { srtp: true, ..spec });
            plane.set_keys(stream, Keys { incoming: Some(crypto.clone()), outgoing: Some(crypto) });
        }
        // The callee's packets go to the caller.
        let spec = plane.stream(StreamId(2)).expect("exists").spec().clone();
        let rtp = [SinkSpec::forward(None, StreamId(0))].into_iter().collect();
        plane.set_spec(StreamId(2), FlowSpec { rtp, ..spec });
        let (mut events, mut spare, mut packet) = (Events::new(Level::Info), Packet::new(), Packet::new());
        let arrival = Arrival { stream: StreamId(stream), socket: socket(stream).key, source: peer(stream) };
        let mut next = 0;
        c.bench_function(&format!("{name}, {}", suite.name()), |bench| {
            bench.iter(|| {
                next = (next + 1) % packets.len();
                packet.copy_from(&packets[next]);
                let mut turn = Turn { now, out: &mut Nowhere, events: &mut events, spare: &mut spare };
                let received = plane.receive(&mut turn, arrival, &mut packet);
                assert!(!received.error, "{:?}", received.outcome);
                received
            });
        });
    }
}

fn benches(c: &mut Criterion) {
    relay(c, "plain relay, one call", 1, 1, 0, &rtp());
    relay(c, "plain relay, 2000 calls", 2000, 1, 0, &rtp());
    relay(c, "three sinks", 1, 3, 0, &rtp());
    let mut report = vec![0x81, 201, 0, 7, 1, 2, 3, 4];
    report.resize(32, 0);
    relay(c, "RTCP", 1, 1, 1, &report);
    srtp(c, Suite::AesCm128HmacSha1_80);
    srtp(c, Suite::AeadAes128Gcm);
}

criterion_group!(plane, benches);
criterion_main!(plane);
