//! What a packet of a player costs: thousands of players of one encoded announcement, each with a call of its own.

#![allow(missing_docs, reason = "criterion_group! makes an undocumented function")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rtpengine::call::ctx::{Now, Transmit};
use rtpengine::call::ids::{LocalId, LocalSocket, SocketKey, StreamId};
use rtpengine::flow::{Component, Events, FlowSpec, Learning, Level, Packet, Plane, Turn};
use rtpengine::player::track::{Piece, Track};
use rtpengine::player::{Action, Output, Player, Start};
use rtpengine_common::codec::Codec;
use rtpengine_common::rtp::RtpHeader;

const PLAYERS: [u32; 2] = [1000, 5000];

/// Takes everything.
struct Nowhere;

impl Transmit for Nowhere {
    fn send(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool {
        black_box((from, to, bytes));
        true
    }
}

/// A minute of G.711 that everybody shares.
fn announcement() -> Arc<Track> {
    let track = Track::shared(None);
    for _ in 0..120 {
        let mut piece = Piece::default();
        (0..25).for_each(|_| piece.push(&[0x55; 160], 160));
        track.append(piece, &[]);
    }
    track.finish(60_000_000);
    track
}

fn call(now: Now, number: u32) -> Plane {
    let mut plane = Plane::new();
    let media = plane.add_media();
    let stream = plane.add_stream(media, Component::Rtp, now);
    let address = SocketAddr::from(([203, 0, 113, 1], 10_000 + number as u16));
    let key = SocketKey { slot: number, generation: 0 };
    plane.set_sockets(stream, &[LocalSocket { key, local: LocalId(0), address }]);
    plane.fill(stream, SocketAddr::from(([192, 0, 2, 1], 4000)), Learning::Heuristic, now);
    plane.set_spec(stream, FlowSpec { receives: true, own_sdp: true, ..FlowSpec::default() });
    plane
}

fn play(c: &mut Criterion) {
    PLAYERS.into_iter().for_each(|players| play_to(c, players));
}

fn play_to(c: &mut Criterion, players: u32) {
    let start = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
    let track = announcement();
    let codec = Arc::new(Codec { clock: 8000, channels: 1, ..Codec::default() });
    let output = Output { codec, payload_type: 0, ptime: 20 };
    let what = Start { track, output, times: u32::MAX, lead: Duration::ZERO };
    let mut calls: Vec<(Plane, Player)> = (0..players)
        .map(|number| {
            let mut player = Player::new([number as u8; 10]);
            player.start(&what);
            (call(start, number), player)
        })
        .collect();
    let (mut events, mut spare, mut now) = (Events::new(Level::Info), Packet::new(), start);
    let mut group = c.benchmark_group("players");
    group.throughput(Throughput::Elements(players.into()));
    group.bench_function(format!("{players} of one announcement, one packet each"), |bench| {
        bench.iter(|| {
            let mut turn = Turn { now, out: &mut Nowhere, events: &mut events, spare: &mut spare };
            for (plane, player) in &mut calls {
                while let Action::Send(packet) = player.poll(now.instant) {
                    let header = RtpHeader {
                        marker: packet.marker,
                        payload_type: packet.payload_type,
                        sequence_number: packet.sequence_number,
                        timestamp: packet.timestamp,
                        ssrc: packet.ssrc,
                    };
                    plane.send_media(&mut turn, (None, StreamId(0)), &header, None, packet.payload);
                }
            }
            now.instant += Duration::from_millis(20);
        });
    });
    group.finish();
}

criterion_group!(benches, play);
criterion_main!(benches);
