//! The plane under foreign bytes, for the fuzz target.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtpengine_common::srtp::{MasterKey, Parameters, SUITES};

use crate::call::ctx::{Now, Transmit};
use crate::call::ids::{LocalId, LocalSocket, SocketKey, StreamId};

use super::*;

/// Checks what leaves.
struct Sink {
    sent: usize,
}

impl Transmit for Sink {
    fn send(&mut self, _: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool {
        assert!(to.port() != 0 && bytes.len() <= MAX_PACKET + TAIL_ROOM);
        self.sent += 1;
        true
    }
}

fn address(port: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, port & 3], 4000 + u16::from(port & 7)))
}

fn socket(number: u8) -> LocalSocket {
    let key = SocketKey { slot: u32::from(number), generation: 0 };
    LocalSocket { key, local: LocalId(u16::from(number & 1)), address: address(number) }
}

/// One of a few kinds of flow, chosen by two bytes.
fn spec(first: u8, second: u8) -> FlowSpec {
    let on = |bit: u8| second >> bit & 1 == 1;
    let ids = vec![1, 3, if on(7) { 20 } else { 5 }];
    let extensions = Extensions { ids, mid_id: on(6).then_some(3), mid: (*b"m").into(), allow_mixed: on(7) };
    let member = |stream, mid: u8| BundleMember {
        stream: StreamId(stream),
        mid: [mid].into(),
        payload_types: vec![0],
    };
    let other = StreamId(u32::from(first >> 2 & 3));
    let mut sink = SinkSpec::forward(None, other);
    sink.actions =
        on(5).then(|| Arc::new(PtTable { rules: vec![(0, PtAction::Silence(0xff))], ..PtTable::default() }));
    FlowSpec {
        kind: [FlowKind::Rtp, FlowKind::Rtcp, FlowKind::Raw, FlowKind::Rtp][usize::from(first & 3)],
        source: SourcePolicy { strict: on(0), handover: on(1), asymmetric: on(2), unidirectional: on(3) },
        srtp: first & 0x10 != 0,
        loop_check: on(4),
        receives: true,
        own_sdp: true,
        extensions: (first & 0x20 != 0).then(|| Arc::new(extensions)),
        bundle: (first & 0x40 != 0)
            .then(|| Arc::new(Bundle { mid_id: Some(3), members: vec![member(0, b'a'), member(2, b'b')] })),
        head: (first & 0x80 != 0).then_some(StreamId(0)),
        generate_rtcp: on(7),
        rtp: [sink].into_iter().collect(),
        rtcp: [RtcpSinkSpec { edge: None, to: other, strip_feedback: on(6), translate: on(7) }]
            .into_iter()
            .collect(),
        ..FlowSpec::default()
    }
}

/// Builds a call of four streams from the first bytes and feeds it the rest as datagrams. Panics when the plane breaks a
/// promise: more sent than the specs allow, or something too long.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let Some((setup, mut rest)) = bytes.split_first_chunk::<9>() else { return };
    let mut now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
    let mut plane = Plane::new();
    let suite = SUITES[usize::from(setup[8]) % SUITES.len()].suite;
    let crypto =
        |seed| Crypto::new(Parameters::plain(suite, MasterKey::generate(suite, |key| key.fill(seed)))).ok();
    for at in 0..4_u8 {
        let media = plane.add_media();
        let stream = plane.add_stream(media, Component::Rtp, now);
        plane.set_sockets(stream, &[socket(at), socket(at + 4)]);
        plane.fill(stream, address(at), Learning::Heuristic, now);
        plane.set_spec(stream, spec(setup[usize::from(at) * 2], setup[usize::from(at) * 2 + 1]));
        plane.set_keys(stream, Keys { incoming: crypto(at & 1), outgoing: crypto(at >> 1) });
    }
    plane.signalled(now);
    plane.set_replay_window(u16::from(setup[8] >> 7) * 64);
    let (mut events, mut spare, mut packet) = (Events::new(Level::Debug), Packet::new(), Packet::new());
    let (mut out, mut received) = (Sink { sent: 0 }, 0);
    while let Some((&[len, from], tail)) = rest.split_first_chunk::<2>() {
        let (datagram, tail) = tail.split_at(tail.len().min(usize::from(len)));
        rest = tail;
        packet.copy_from(datagram);
        now.instant += Duration::from_millis(u64::from(from) * 8);
        now.unix_us += u64::from(from) * 8000;
        let mut turn = Turn { now, out: &mut out, events: &mut events, spare: &mut spare };
        let stream = StreamId(u32::from(from & 3));
        let arrival = Arrival { stream, socket: socket(from & 7).key, source: address(from >> 3) };
        let outcome = plane.receive(&mut turn, arrival, &mut packet);
        assert!(turn.out.sent <= received + 1, "{outcome:?} sent more than one packet to one sink");
        plane.generate_reports(&mut turn, &ReportOptions { interval: Duration::ZERO, cname: "c", random: 0 });
        events.drain().for_each(|event| drop(event.notice.to_string()));
        received = out.sent;
    }
}
