//! What a call does at a time of its own: packets that leave later, and moments at which a feature goes on.
//!
//! A call that has nothing planned has no [`Schedule`] at all. The shard is told of a moment once ([`Plane::alarm_due`]) and comes back
//! at it with [`Plane::run_due`]; its wheel fires up to a millisecond late and never early.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::call::ctx::Transmit;
use crate::call::ids::{EdgeId, MediaId, PartyId, StreamId};

use super::own::OwnPacket;
use super::plane::{Plane, Turn};

/// Packets one call may have planned; one beyond that leaves at once.
const PACKETS: usize = 4096;
/// What may be planned in all; a wake-up beyond that is not taken.
const CAPACITY: usize = 2 * PACKETS;
/// Whoever wants to be woken in the past, or at the moment at work, is woken this much after it.
const SPACING: Duration = Duration::from_millis(1);

/// Who wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A player has its next frame to send.
    Player,
    /// Digits to be sent: injected, delayed.
    Dtmf,
    /// A jitter buffer has a packet to let go.
    JitterBuffer,
    /// A delay buffer has a packet to let go.
    DelayBuffer,
    /// The T.38 gateway has samples or packets to make.
    Fax,
    /// Transcoding fills in for packets that are not sent (`codecs.md` §16.1).
    Dtx,
}

/// What a wake-up is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The call as a whole.
    Call,
    /// A party.
    Party(PartyId),
    /// A media.
    Media(MediaId),
    /// A stream.
    Stream(StreamId),
    /// A link.
    Edge(EdgeId),
}

/// A moment somebody asked for. It is never taken back: who is woken looks whether there still is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wake {
    /// Who asked.
    pub purpose: Purpose,
    /// For what.
    pub place: Place,
}

/// What is added to the numbers of a joining call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// To its parties.
    pub parties: u32,
    /// To its medias.
    pub medias: u32,
    /// To its streams.
    pub streams: u32,
    /// To its links.
    pub edges: u32,
}

#[derive(Debug)]
enum What {
    Packet(OwnPacket),
    Wake(Wake),
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    /// Order of planning, for equal moments.
    serial: u64,
    what: What,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.serial) == (other.at, other.serial)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// What a call has planned.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    entries: BinaryHeap<Reverse<Entry>>,
    planned: u64,
    /// The moment the shard was told and has not come back for.
    alarm: Option<Instant>,
    /// Everything up to here was carried out.
    done: Option<Instant>,
}

impl Schedule {
    fn plan(&mut self, at: Instant, what: What) {
        self.planned += 1;
        self.entries.push(Reverse(Entry { at, serial: self.planned, what }));
    }

    fn next(&self) -> Option<Instant> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    fn take(&mut self, now: Instant) -> Option<Entry> {
        self.next().filter(|at| *at <= now)?;
        self.entries.pop().map(|Reverse(entry)| entry)
    }

    fn shift(&mut self, by: &Offsets) {
        let shift = |mut entry: Reverse<Entry>| {
            match &mut entry.0.what {
                What::Packet(packet) => packet.shift(by),
                What::Wake(wake) => wake.place.shift(by),
            }
            entry
        };
        self.entries = std::mem::take(&mut self.entries).into_iter().map(shift).collect();
    }
}

impl Place {
    fn shift(&mut self, by: &Offsets) {
        match self {
            Self::Call => {}
            Self::Party(id) => id.0 += by.parties,
            Self::Media(id) => id.0 += by.medias,
            Self::Stream(id) => id.0 += by.streams,
            Self::Edge(id) => id.0 += by.edges,
        }
    }
}

impl Plane {
    /// Asks that [`Plane::run_due`] give this back at a time, or within a millisecond after it. The same wake-up may be asked for any
    /// number of times and comes as often.
    pub fn wake_at(&mut self, at: Instant, wake: Wake) {
        let schedule = self.schedule.get_or_insert_default();
        let earliest = schedule.done.map_or(at, |done| done + SPACING);
        if schedule.entries.len() < CAPACITY {
            schedule.plan(at.max(earliest), What::Wake(wake));
        }
    }

    /// Sends a packet of the daemon's own at a time: [`Plane::send_media`] then. A packet whose time has come leaves at once.
    pub fn send_media_at<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, at: Instant, packet: OwnPacket) {
        let full = self.schedule.as_ref().is_some_and(|schedule| schedule.entries.len() >= PACKETS);
        if at <= turn.now.instant || full {
            self.send_packet(turn, &packet);
            return;
        }
        self.schedule.get_or_insert_default().plan(at, What::Packet(packet));
    }

    /// Sends the packets that are planned for up to a time: those that leave before one that leaves now.
    pub(super) fn send_planned<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, until: Instant) {
        let mut wakes = SmallVec::<[Entry; 4]>::new();
        while let Some(schedule) = &mut self.schedule
            && let Some(entry) = schedule.take(until)
        {
            match &entry.what {
                What::Packet(packet) => self.send_packet(turn, packet),
                What::Wake(_) => wakes.push(entry),
            }
        }
        if let Some(schedule) = &mut self.schedule {
            schedule.entries.extend(wakes.into_iter().map(Reverse));
        }
    }

    /// Takes back the planned packets that `drops` names.
    pub fn cancel_packets(&mut self, mut drops: impl FnMut(&OwnPacket) -> bool) {
        let Some(schedule) = &mut self.schedule else { return };
        let keeps = |Reverse(entry): &Reverse<Entry>| match &entry.what {
            What::Packet(packet) => !drops(packet),
            What::Wake(_) => true,
        };
        schedule.entries.retain(keeps);
    }

    /// The earliest moment at which [`Plane::run_due`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.schedule.as_ref()?.next()
    }

    /// The moment at which [`Plane::run_due`] is to be called, if the shard has not been told: once for each earlier moment.
    pub fn alarm_due(&mut self) -> Option<Instant> {
        let schedule = self.schedule.as_mut()?;
        let next = schedule.next()?;
        if schedule.alarm.is_some_and(|alarm| alarm <= next) {
            return None;
        }
        schedule.alarm = Some(next);
        Some(next)
    }

    /// The shard's timers know nothing of this call any more: it moved, or joined another one.
    pub(super) fn forget_alarm(&mut self) {
        if let Some(schedule) = &mut self.schedule {
            schedule.alarm = None;
        }
    }

    /// Carries out what is due: sends packets until somebody is to be woken, and says who. To be called until it gives `None`.
    pub fn run_due<T: Transmit>(&mut self, turn: &mut Turn<'_, T>) -> Option<Wake> {
        let now = turn.now.instant;
        loop {
            let schedule = self.schedule.as_mut()?;
            schedule.done = Some(now);
            if schedule.alarm.is_some_and(|alarm| alarm <= now) {
                schedule.alarm = None;
            }
            match schedule.take(now)?.what {
                What::Packet(packet) => self.send_packet(turn, &packet),
                What::Wake(wake) => return Some(wake),
            }
        }
    }

    /// Takes over what a joining call has planned.
    pub(super) fn join_schedule(&mut self, joining: Option<Box<Schedule>>, by: &Offsets) {
        if let Some(mut joining) = joining {
            joining.shift(by);
            let schedule = self.schedule.get_or_insert_default();
            for Reverse(entry) in joining.entries.into_sorted_vec().into_iter().rev() {
                schedule.plan(entry.at, entry.what);
            }
        }
        self.forget_alarm();
    }
}
