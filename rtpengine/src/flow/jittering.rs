//! The jitter buffers of streams on the packet path: between the reception of a packet and what becomes of it (media-plane.md §18.1).

use std::time::Instant;

use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

use super::ingress::RtpFields;
use super::jitter::{JitterBuffer, JitterInfo, JitterSettings};
use super::packet::Packet;
use super::plane::{Arrival, Plane, Turn};
use super::schedule::{Place, Purpose, Wake};

/// The jitter buffer of a stream as signalling wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JitterSpec {
    /// Size and manner.
    pub settings: JitterSettings,
    /// Payload types that are telephone-event.
    pub events: Vec<u8>,
}

/// A packet that waits.
#[derive(Debug)]
struct Held {
    arrival: Arrival,
    header: RtpFields,
    bytes: Box<[u8]>,
}

/// What a stream holds back.
#[derive(Debug)]
pub(super) struct Jitter {
    buffer: JitterBuffer<Held>,
    /// The moment the call was asked to come back at; never later than what is due.
    wake: Option<Instant>,
}

impl Plane {
    /// Sends an accepted packet on its way: at once, or when the jitter buffer of its stream says.
    pub(super) fn pass_on<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
        header: &RtpFields,
    ) {
        let stream = &self.streams[arrival.stream.index()];
        if stream.spec.jitter.is_none() && stream.rare.as_ref().is_none_or(|rare| rare.jitter.is_none()) {
            self.forward_later(turn, arrival, packet, Some(header));
            return;
        }
        self.hold(turn, arrival, packet, header);
    }

    #[cold]
    fn hold<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
        header: &RtpFields,
    ) {
        let now = turn.now.instant;
        let stream = &mut self.streams[arrival.stream.index()];
        let Some(spec) = stream.spec.jitter.clone() else {
            // Switched off: what waits goes first.
            self.run_jitter(turn, arrival.stream);
            self.forward_later(turn, arrival, packet, Some(header));
            return;
        };
        let types = stream.spec.payload_types.as_ref();
        let info = JitterInfo {
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            marker: packet.bytes().get(1).is_some_and(|octet| octet & 0x80 != 0),
            clock: types.and_then(|types| types.clock_rate(header.payload_type)),
            dtmf: spec.events.contains(&header.payload_type),
        };
        let jitter = match &mut stream.rare.get_or_insert_default().jitter {
            Some(jitter) if *jitter.buffer.settings() == spec.settings => jitter,
            slot => slot.insert(Box::new(Jitter { buffer: JitterBuffer::new(spec.settings), wake: None })),
        };
        let held = Held { arrival, header: *header, bytes: packet.bytes().into() };
        let mut out = Vec::new();
        jitter.buffer.push(now, &info, held, &mut out);
        self.let_go(turn, arrival.stream, out);
    }

    /// The jitter buffer of a stream may have something to let go.
    pub fn run_jitter<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId) {
        let now = turn.now.instant;
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let Some(slot) = stream.rare.as_mut().map(|rare| &mut rare.jitter) else { return };
        let Some(jitter) = slot else { return };
        if jitter.wake.is_some_and(|at| at <= now) {
            jitter.wake = None;
        }
        let mut out = Vec::new();
        if stream.spec.jitter.is_some() {
            jitter.buffer.pop(now, &mut out);
        } else {
            jitter.buffer.flush(&mut out);
            *slot = None;
        }
        self.let_go(turn, id, out);
    }

    /// Sends what leaves the jitter buffer of a stream on its way, and asks to be woken for what comes next.
    fn let_go<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId, out: Vec<Held>) {
        let jitter =
            self.streams.get_mut(id.index()).and_then(|stream| stream.rare.as_mut()?.jitter.as_mut());
        if let Some(jitter) = jitter
            && let Some(due) = jitter.buffer.due().filter(|due| jitter.wake.is_none_or(|at| *due < at))
        {
            jitter.wake = Some(due);
            self.wake_at(due, Wake { purpose: Purpose::JitterBuffer, place: Place::Stream(id) });
        }
        if out.is_empty() {
            return;
        }
        let mut packet = self.seldom.as_mut().and_then(|seldom| seldom.held.take()).unwrap_or_default();
        for held in out {
            packet.copy_from(&held.bytes);
            let arrival = Arrival { stream: id, ..held.arrival };
            self.forward_later(turn, arrival, &mut packet, Some(&held.header));
        }
        self.seldom.get_or_insert_default().held = Some(packet);
    }

    /// Another spec is in force: what a buffer holds that is no longer wanted is let go soon, in order.
    pub(super) fn respecify_jitter(&mut self, id: StreamId) {
        if let Some(now) = self.last_signal {
            self.wake_at(now, Wake { purpose: Purpose::JitterBuffer, place: Place::Stream(id) });
        }
    }
}
