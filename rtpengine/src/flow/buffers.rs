//! Packets of a stream that are held back between their reception and their forwarding: jitter buffer, then delay buffer
//! (media-plane.md §18).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::call::ctx::Transmit;
use crate::call::ids::{SocketKey, StreamId};

use super::delay::DelayBuffer;
use super::ingress::RtpFields;
use super::jitter::{JitterBuffer, JitterInfo, JitterSettings};
use super::packet::Packet;
use super::plane::{Arrival, Plane, Turn};
use super::schedule::{Place, Purpose, Wake};
use super::spec::FlowKind;

/// How the packets of a stream are held back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BufferSpec {
    /// The jitter buffer, if the stream has one.
    pub jitter: Option<JitterSettings>,
    /// `delay-buffer`
    pub delay: Duration,
    /// Payload types that are telephone-event.
    pub events: Vec<u8>,
}

/// A packet that waits.
#[derive(Debug)]
struct Held {
    /// When it arrived, and from whom; the socket only matters while it is received.
    at: Instant,
    source: SocketAddr,
    socket: SocketKey,
    header: Option<RtpFields>,
    bytes: Box<[u8]>,
}

/// What a stream holds back.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    jitter: Option<JitterBuffer<Held>>,
    delay: DelayBuffer<Held>,
    /// What leaves the jitter buffer.
    out: Vec<Held>,
    /// The moments the call was asked to come back at; never later than what is due.
    jitter_wake: Option<Instant>,
    delay_wake: Option<Instant>,
}

impl Buffers {
    fn is_idle(&self) -> bool {
        self.jitter.as_ref().is_none_or(JitterBuffer::is_empty) && self.delay.is_idle()
    }
}

impl Plane {
    fn buffers_mut(&mut self, id: StreamId) -> Option<&mut Buffers> {
        self.streams.get_mut(id.index())?.rare.as_mut()?.buffers.as_deref_mut()
    }

    /// Forwards an accepted packet: at once, or through the buffers of its stream.
    pub(super) fn pass_on<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
        header: Option<&RtpFields>,
    ) {
        let stream = &self.streams[arrival.stream.index()];
        if stream.spec.buffers.is_none() && stream.rare.as_ref().is_none_or(|rare| rare.buffers.is_none()) {
            self.forward(turn, arrival, packet, header);
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
        header: Option<&RtpFields>,
    ) {
        let now = turn.now.instant;
        let stream = &mut self.streams[arrival.stream.index()];
        let spec = stream.spec.buffers.as_deref().cloned().unwrap_or_default();
        let buffers = stream.rare.get_or_insert_default().buffers.get_or_insert_default();
        buffers.delay.set_delay(spec.delay);
        let held = Held {
            at: now,
            source: arrival.source,
            socket: arrival.socket,
            header: header.copied(),
            bytes: packet.bytes().into(),
        };
        let info = header.filter(|_| stream.spec.kind == FlowKind::Rtp).map(|header| JitterInfo {
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            marker: packet.bytes().get(1).is_some_and(|octet| octet & 0x80 != 0),
            clock: stream.spec.payload_types.as_ref().and_then(|types| types.clock_rate(header.payload_type)),
            dtmf: spec.events.contains(&header.payload_type),
        });
        match (spec.jitter, info) {
            (Some(settings), Some(info)) => {
                let jitter = match &mut buffers.jitter {
                    Some(jitter) if *jitter.settings() == settings => jitter,
                    slot => slot.insert(JitterBuffer::new(settings)),
                };
                jitter.push(now, &info, held, &mut buffers.out);
            }
            _ => buffers.out.push(held),
        }
        self.release(turn, arrival.stream);
    }

    /// The buffers of a stream may have something to let go.
    pub fn run_buffers<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId, purpose: Purpose) {
        let now = turn.now.instant;
        let Some(buffers) = self.buffers_mut(id) else { return };
        let wake = match purpose {
            Purpose::JitterBuffer => &mut buffers.jitter_wake,
            _ => &mut buffers.delay_wake,
        };
        if wake.is_some_and(|at| at <= now) {
            *wake = None;
        }
        self.release(turn, id);
    }

    /// Lets go what is due, and asks to be woken for what comes next.
    fn release<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId) {
        let now = turn.now.instant;
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let spec = stream.spec.buffers.as_deref();
        let (jitters, delay) =
            (spec.is_some_and(|s| s.jitter.is_some()), spec.map_or(Duration::ZERO, |s| s.delay));
        let Some(slot) = stream.rare.as_mut().map(|rare| &mut rare.buffers) else { return };
        let Some(buffers) = slot else { return };
        buffers.delay.set_delay(delay);
        let mut out = std::mem::take(&mut buffers.out);
        if let Some(jitter) = &mut buffers.jitter {
            if jitters {
                jitter.pop(now, &mut out);
            } else {
                jitter.flush(&mut out);
            }
        }
        let mut leaving = Vec::new();
        for held in out.drain(..) {
            leaving.extend(buffers.delay.push(held.at, held));
        }
        leaving.extend(std::iter::from_fn(|| buffers.delay.pop(now)));
        buffers.out = out;
        let jitter_due = buffers.jitter.as_ref().and_then(JitterBuffer::due);
        let delay_due = buffers.delay.due();
        let mut wakes = [None; 2];
        for (wake, (due, asked)) in wakes
            .iter_mut()
            .zip([(jitter_due, &mut buffers.jitter_wake), (delay_due, &mut buffers.delay_wake)])
        {
            if let Some(due) = due.filter(|due| asked.is_none_or(|asked| *due < asked)) {
                *asked = Some(due);
                *wake = Some(due);
            }
        }
        if spec.is_none() && buffers.is_idle() {
            *slot = None;
        }
        for (at, purpose) in wakes.into_iter().zip([Purpose::JitterBuffer, Purpose::DelayBuffer]) {
            if let Some(at) = at {
                self.wake_at(at, Wake { purpose, place: Place::Stream(id) });
            }
        }
        if leaving.is_empty() {
            return;
        }
        let mut packet = self.seldom.as_mut().and_then(|seldom| seldom.held.take()).unwrap_or_default();
        for held in leaving {
            packet.copy_from(&held.bytes);
            let arrival = Arrival { stream: id, socket: held.socket, source: held.source };
            self.forward(turn, arrival, &mut packet, held.header.as_ref());
        }
        self.seldom.get_or_insert_default().held = Some(packet);
    }

    /// Another spec is in force: what a buffer holds that is no longer wanted is let go soon, in order.
    pub(super) fn respecify_buffers(&mut self, id: StreamId) {
        let Some(now) = self.last_signal.filter(|_| self.buffers_mut(id).is_some()) else { return };
        self.wake_at(now, Wake { purpose: Purpose::DelayBuffer, place: Place::Stream(id) });
    }

    /// Forgets what the delay buffer of a stream holds: another source takes the place of its packets (`play media`).
    pub fn discard_delayed(&mut self, id: StreamId) {
        if let Some(buffers) = self.buffers_mut(id) {
            buffers.delay.discard();
        }
    }
}
