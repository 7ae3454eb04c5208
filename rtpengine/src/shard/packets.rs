//! What a shard does with the packets of its sockets.

use super::Owner;
use super::calls::CallSlot;
use super::core::{Shard, Timer};
use super::desk::Outlet;
use super::run::now;
use crate::call::CloseReason;
use crate::call::ids::SocketKey;
use crate::flow::{Arrival, Level, Outcome, Received, Turn};
use crate::net::prefetch::prefetch;
use crate::net::readiness::{EVENTS, Source};
use crate::net::socket::ReceiveError;
use crate::net::table::Admission;
use crate::report::counters::{Counter, InterfaceCounter, Sample};
use crate::report::log;
use arrayvec::ArrayVec;
use std::net::SocketAddr;
use std::time::Duration;

/// Between two looks for transcoders whose jobs tell somebody else.
const CODERS_TICK: Duration = Duration::from_millis(5);

impl Shard {
    /// Asks for what the first `ready` events will look at, one kind of object after the other, so that the fetches overlap.
    pub(super) fn prefetch(&self, ready: usize) {
        let mut owners = ArrayVec::<Owner, EVENTS>::new();
        let keys = || {
            (0..ready).filter_map(|at| match self.readiness.event(at) {
                Some(Source::Socket(key)) => Some(key),
                Some(Source::Other(_)) | None => None,
            })
        };
        keys().for_each(|key| self.sockets.prefetch(key));
        owners.extend(keys().filter_map(|key| self.sockets.get(key)).map(|entry| entry.owner).take(EVENTS));
        owners.iter().for_each(|owner| self.calls.prefetch(owner.call));
        let planes = || {
            let residents = owners.iter().map(|owner| (owner.stream, self.calls.get(owner.call)));
            residents.filter_map(|(stream, resident)| Some((stream, &resident?.call.plane)))
        };
        planes().for_each(|(_, plane)| prefetch(plane));
        planes().filter_map(|(stream, plane)| plane.stream(stream)).for_each(prefetch);
        for (stream, plane) in planes() {
            let Some(stream) = plane.stream(stream) else { continue };
            if let Some(media) = plane.media(stream.media()) {
                prefetch(media);
            }
            if let Some(types) = &stream.spec().payload_types {
                prefetch(&**types);
            }
            for sink in stream.spec().rtp.iter().take(2) {
                if let Some(sink) = plane.stream(sink.to) {
                    prefetch(sink);
                }
            }
        }
        let types =
            planes().filter_map(|(stream, plane)| plane.stream(stream)?.spec().payload_types.as_ref());
        types.filter_map(|types| types.clock_rates().first()).for_each(prefetch);
    }

    /// Handles one ready socket.
    pub(super) fn receive(&mut self, key: SocketKey) {
        let limit = self.shared.loop_settings.max_receives;
        let Some(entry) = self.sockets.get_mut(key) else { return };
        let owner = entry.owner;
        let socket = &entry.media.socket;
        let ask = || (socket.last_arrival(), now().unix_us);
        let discard = match entry.overrun.admit((self.turn, self.now.unix_us), limit, ask) {
            Admission::Read => None,
            Admission::Discard(strikes) => Some(strikes),
            Admission::Leave(first) => {
                if first {
                    self.warn_overrun(owner.call, limit);
                }
                return;
            }
        };
        let interface = usize::from(entry.media.interface.0);
        let (length, source) = match entry.media.socket.receive(self.packet.receive_area()) {
            Ok(received) => received,
            Err(ReceiveError::Empty) => return,
            Err(ReceiveError::Broken(error)) => {
                let text = format!("Read error on media socket: {error} -- closing call");
                self.log_call(owner.call, Level::Warning, &text);
                self.end_call(owner.call, CloseReason::Forced);
                return;
            }
        };
        if let Some(strikes) = discard {
            self.warn_discard(owner.call, strikes);
            self.stats.count(Counter::Overrun, 1);
            return;
        }
        self.packet.received(length);
        self.stats.count(Counter::PacketsUser, 1);
        self.stats.count(Counter::BytesUser, length as u64);
        self.stats.count_interface(interface, InterfaceCounter::IngressPackets, 1);
        self.stats.count_interface(interface, InterfaceCounter::IngressBytes, length as u64);
        let received = self.hand_over(owner, key, source);
        if received.is_some_and(|received| received.error) {
            self.stats.count(Counter::ErrorsUser, 1);
            self.stats.count_interface(interface, InterfaceCounter::IngressErrors, 1);
        }
        self.take_tally(interface);
        if !self.events.is_empty() {
            self.log_events(owner.call);
        }
    }

    /// Shows the datagram in the buffer to its call.
    fn hand_over(&mut self, owner: Owner, socket: SocketKey, source: SocketAddr) -> Option<Received> {
        let resident = self.calls.get_mut(owner.call)?;
        self.at_work = Some(owner.call);
        let mut outlet = Outlet { sockets: &self.sockets, stats: &self.stats };
        let mut turn =
            Turn { now: self.now, out: &mut outlet, events: &mut self.events, spare: &mut self.spare };
        let arrival = Arrival { stream: owner.stream, socket, source };
        let received = resident.call.receive(arrival, &mut self.packet, &mut turn);
        let dtmf = resident.call.plane.has_dtmf();
        if resident.call.plane.has_jobs() {
            self.assign_jobs(owner.call);
            self.plan_due(owner.call);
        } else if let Some(at) = resident.call.next_due() {
            self.wheel.set(at, (owner.call, resident.call.key, Timer::Due));
        }
        self.at_work = None;
        if dtmf {
            self.hear_dtmf(owner.call);
        }
        if matches!(received.outcome, Outcome::Stun | Outcome::Dtls) {
            return Some(self.negotiate(owner.call, arrival, received.outcome));
        }
        Some(received)
    }

    /// Asks to be woken when a call wants to go on.
    #[inline]
    pub(super) fn plan_due(&mut self, slot: CallSlot) {
        let Some(resident) = self.calls.get_mut(slot) else { return };
        if let Some(at) = resident.call.next_due() {
            self.wheel.set(at, (slot, resident.call.key, Timer::Due));
        }
    }

    /// Looks now and then for the transcoders of a call that came from elsewhere while they were away with jobs: these tell where it was.
    pub(super) fn look_after_coders(&mut self, slot: CallSlot) {
        if let Some(resident) = self.calls.get(slot).filter(|resident| resident.call.plane.awaits_jobs()) {
            self.wheel.set(self.now.instant + CODERS_TICK, (slot, resident.call.key, Timer::Coders));
        }
    }

    /// Leaves the transcoding jobs of a call to the coder threads.
    pub(super) fn assign_jobs(&mut self, slot: CallSlot) {
        let Some(resident) = self.calls.get_mut(slot).filter(|resident| resident.call.plane.has_jobs())
        else {
            return;
        };
        let call = (slot, resident.call.key);
        let own = self.peers.get(usize::from(self.index));
        let mut done_here = false;
        for job in resident.call.plane.take_jobs() {
            let left = match (&self.shared.coders, own) {
                (Some(coders), Some(own)) => coders.assign(job, own, call),
                _ => Err(job),
            };
            if let Err(job) = left {
                job.run();
                done_here = true;
            }
        }
        if done_here {
            let mut outlet = Outlet { sockets: &self.sockets, stats: &self.stats };
            let mut turn =
                Turn { now: self.now, out: &mut outlet, events: &mut self.events, spare: &mut self.spare };
            resident.call.plane.collect_coded(&mut turn);
        }
    }

    fn warn_discard(&self, call: CallSlot, strikes: u8) {
        if log::allowed("discard", self.now.instant) {
            let text = format!("UDP receive queue exceeded {strikes} times: discarding packet");
            self.log_call(call, Level::Warning, &text);
        }
    }

    /// Shows the datagram in the buffer to the agents of its call.
    #[cold]
    fn negotiate(&mut self, slot: CallSlot, arrival: Arrival, looked_like: Outcome) -> Received {
        let mut received = Received { outcome: looked_like, error: false };
        let Some(key) = self.calls.get(slot).map(|resident| resident.call.key) else { return received };
        self.work_call(slot, key, |call, packet, ctx, turn| {
            received = call.negotiate(arrival, packet, looked_like, ctx, turn);
        });
        // At once, as long as there is time: the peer's first packets are right behind, and need the keys.
        self.shake_hands();
        received
    }

    fn warn_overrun(&mut self, call: CallSlot, limit: u32) {
        if log::allowed("overrun", self.now.instant) {
            let text = format!(
                "Too many packets in UDP receive queue (more than {limit}), aborting loop. Dropped packets possible"
            );
            self.log_call(call, Level::Warning, &text);
        }
    }

    /// Moves what receive tracking found into the counters.
    pub(super) fn take_tally(&mut self, interface: usize) {
        let tally = &mut self.events.tally;
        if *tally == crate::flow::Tally::default() {
            return;
        }
        let tally = std::mem::take(tally);
        let counts = [
            (Counter::PacketsLost, tally.lost),
            (Counter::RtpDuplicates, tally.duplicates),
            (Counter::RtpSkips, tally.skips),
            (Counter::RtpSequenceResets, tally.resets),
            (Counter::RtpReordered, tally.reordered),
        ];
        for (counter, count) in counts {
            self.stats.count(counter, u64::from(count));
        }
        self.stats.count_interface(interface, InterfaceCounter::PacketsLost, u64::from(tally.lost));
        self.stats.count_interface(interface, InterfaceCounter::Duplicates, u64::from(tally.duplicates));
        let quality = &tally.quality;
        for (sample, taken) in [
            (Sample::JitterMeasured, &tally.measured_jitter),
            (Sample::Mos, &quality.mos),
            (Sample::Jitter, &quality.jitter),
            (Sample::RoundTripEndToEnd, &quality.rtt_e2e),
            (Sample::RoundTripDiscrete, &quality.rtt_dsct),
            (Sample::PacketLoss, &quality.packet_loss),
        ] {
            let count = u64::from(taken.count);
            self.stats.add_samples(sample, taken.sum, taken.squares, count);
            self.stats.add_interface_samples(interface, sample, taken.sum, taken.squares, count);
        }
    }
}
