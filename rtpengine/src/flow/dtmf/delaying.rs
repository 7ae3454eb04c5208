//! The delay buffer: what a stream receives goes on its way later (codecs.md §18.7(6), media-plane.md §18.2).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::ingress::RtpFields;
use super::super::packet::Packet;
use super::super::plane::{Arrival, Plane, Turn};
use super::super::schedule::{Place, Purpose, Wake};
use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

/// Packets held for one stream; beyond that the oldest one goes on at once.
const MAX_HELD: usize = 4096;

/// A packet that waits.
#[derive(Debug)]
struct Held {
    at: Instant,
    arrival: Arrival,
    header: Option<RtpFields>,
    bytes: Box<[u8]>,
}

/// What a stream holds back.
#[derive(Debug, Default)]
pub(in crate::flow) struct DelayBuffer {
    held: VecDeque<Held>,
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
        let waiting = stream.rare.as_ref().is_some_and(|rare| !rare.delayed.held.is_empty());
        if delay.is_zero() && !waiting {
            return self.forward(turn, arrival, packet, header);
        }
        let queue = &mut stream.rare_mut().delayed.held;
        let at = turn.now.instant;
        queue.push_back(Held { at, arrival, header: header.copied(), bytes: packet.bytes().into() });
        if queue.len() > MAX_HELD {
            self.release(turn, arrival.stream, 1);
        }
        self.wake_delayed(arrival.stream);
    }

    /// The time of something held back has come, or the delay is another one.
    pub fn run_delayed<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let delay = stream.spec.delay;
        let Some(rare) = &mut stream.rare else { return };
        let now = turn.now.instant;
        if rare.delayed.woken.is_some_and(|woken| woken <= now) {
            rare.delayed.woken = None;
        }
        let due = rare.delayed.held.iter().take_while(|held| held.at + delay <= now).count();
        self.release(turn, id, due);
        self.wake_delayed(id);
    }

    /// Takes care that what is held back goes on in time: one wake-up at a time, asked for again when the front goes.
    pub fn wake_delayed(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let delay: Duration = stream.spec.delay;
        let Some(buffer) = stream.rare.as_mut().map(|rare| &mut rare.delayed) else { return };
        let Some(at) = buffer.held.front().map(|first| first.at + delay) else { return };
        if buffer.woken.is_some_and(|woken| woken <= at) {
            return;
        }
        buffer.woken = Some(at);
        self.wake_at(at, Wake { purpose: Purpose::DelayBuffer, place: Place::Stream(id) });
    }

    fn release<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, id: StreamId, count: usize) {
        let mut packet = Packet::new();
        for _ in 0..count {
            let rare = self.streams.get_mut(id.index()).and_then(|stream| stream.rare.as_mut());
            let Some(held) = rare.and_then(|rare| rare.delayed.held.pop_front()) else { return };
            packet.copy_from(&held.bytes);
            let arrival = Arrival { stream: id, ..held.arrival };
            self.forward(turn, arrival, &mut packet, held.header.as_ref());
        }
    }
}
