//! Holding back what a stream receives: it goes on its way later (codecs.md §18.7(6), media-plane.md §18.2).

use std::time::Instant;

use super::super::delay::DelayBuffer;
use super::super::ingress::RtpFields;
use super::super::packet::Packet;
use super::super::plane::{Arrival, Plane, Turn};
use super::super::schedule::{Place, Purpose, Wake};
use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

/// A packet that waits.
#[derive(Debug)]
pub(in crate::flow) struct Held {
    arrival: Arrival,
    header: Option<RtpFields>,
    bytes: Box<[u8]>,
}

/// What a stream holds back.
#[derive(Debug, Default)]
pub(in crate::flow) struct Delayed {
    buffer: DelayBuffer<Held>,
    /// The moment a wake-up was asked for.
    woken: Option<Instant>,
}

impl Plane {
    /// Forwards what a stream received: at once, or when its delay is over.
    pub(in crate::flow) fn forward_later<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
        header: Option<&RtpFields>,
    ) {
        let Some(stream) = self.streams.get_mut(arrival.stream.index()) else { return };
        let delay = stream.spec.delay;
        let idle = stream.rare.as_ref().is_none_or(|rare| rare.delayed.buffer.is_empty());
        if delay.is_zero() && idle {
            return self.forward(turn, arrival, packet, header);
        }
        let buffer = &mut stream.rare_mut().delayed.buffer;
        buffer.set_delay(delay);
        let held = Held { arrival, header: header.copied(), bytes: packet.bytes().into() };
        if let Some(surplus) = buffer.push(turn.now.instant, held) {
            self.forward_held(turn, arrival.stream, &surplus);
        }
        self.wake_delayed(arrival.stream);
    }

    /// The time of something held back has come, or the delay is another one.
    pub fn run_delayed<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId) {
        let now = turn.now.instant;
        let Some(delayed) = self.delayed_mut(id) else { return };
        if delayed.woken.is_some_and(|woken| woken <= now) {
            delayed.woken = None;
        }
        while let Some(held) = self.delayed_mut(id).and_then(|delayed| delayed.buffer.pop(now)) {
            self.forward_held(turn, id, &held);
        }
        self.wake_delayed(id);
    }

    /// Takes care that what is held back goes on in time: one wake-up at a time, asked for again when the front goes. To be called after
    /// another delay was set.
    pub fn wake_delayed(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get(id.index()) else { return };
        let delay = stream.spec.delay;
        let Some(delayed) = self.delayed_mut(id) else { return };
        delayed.buffer.set_delay(delay);
        let Some(at) = delayed.buffer.due() else { return };
        if delayed.woken.is_some_and(|woken| woken <= at) {
            return;
        }
        delayed.woken = Some(at);
        self.wake_at(at, Wake { purpose: Purpose::DelayBuffer, place: Place::Stream(id) });
    }

    fn delayed_mut(&mut self, id: StreamId) -> Option<&mut Delayed> {
        Some(&mut self.streams.get_mut(id.index())?.rare.as_mut()?.delayed)
    }

    fn forward_held<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId, held: &Held) {
        let mut packet = Packet::new();
        packet.copy_from(&held.bytes);
        // A merge may have given the stream another number meanwhile.
        let arrival = Arrival { stream: id, ..held.arrival };
        self.forward(turn, arrival, &mut packet, held.header.as_ref());
    }
}
