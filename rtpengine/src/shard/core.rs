//! What a shard is, and what it does when time passes.

use super::Owner;
use super::calls::{CallSlot, CallTable, Resident};
use super::desk::{Dice, Outlet};
use super::inbox::{Inbox, Mailbox};
use super::message::{FromShard, Order, ToShard};
use super::remotes::Errands;
use super::run::{INBOX, PASSENGER};
use super::shared::Shared;
use super::survey::{Survey, Verdict};
use super::tally::{self};
use super::wheel::Wheel;
use crate::call::ctx::{Ctx, LogLine, Now, PortError, Ports, Random, Transmit};
use crate::call::ids::{CallKey, LocalId, LocalSocket, LogicalId, Name, SocketKey, StreamId};
use crate::call::settings::Settings;
use crate::call::{Call, CloseReason, Fate};
use crate::flow::{Events, Level, Packet, TickOptions, Turn};
use crate::net::interfaces::Choice;
use crate::net::readiness::Readiness;
use crate::net::table::SocketTable;
use crate::report::counters::{Block, Counter, Gauge};
use crate::report::{cdr, log};
use rtpengine_common::ng::Reply;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for steps of DTLS handshakes in one turn, exceeded by one step at most. A step that computes keys takes a few tenths of a
/// millisecond.
const HANDSHAKES: Duration = Duration::from_micros(500);

/// The call timer (media-plane.md 22).
pub(super) const CALL_TICK: Duration = Duration::from_secs(1);

/// What a timer of a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The call timer.
    Tick,
    /// Agents of the call have something to do.
    Alarm,
    /// The call planned something for now.
    Due,
    /// Transcoders of the call are away with jobs that tell somebody else when they are done.
    Coders,
}

/// A survey on its way through the table.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) ticket: u64,
    pub(super) position: u32,
    pub(super) survey: Box<dyn Survey>,
}

/// One shard. It does nothing by itself: `run` drives it.
pub struct Shard {
    pub(super) index: u16,
    pub(super) shared: Arc<Shared>,
    pub(super) readiness: Readiness,
    pub(super) sockets: SocketTable<Owner>,
    pub(super) calls: CallTable,
    pub(super) wheel: Wheel<(CallSlot, CallKey, Timer)>,
    pub(super) stats: Arc<Block>,
    pub(super) inbox: Inbox<ToShard>,
    pub(super) control: Mailbox<FromShard>,
    pub(super) peers: Vec<Mailbox<ToShard>>,
    pub(super) surveys: VecDeque<Running>,
    pub(super) now: Now,
    pub(super) turn: u32,
    /// The call whose code is running: the one to tear down if it fails.
    pub(super) at_work: Option<CallSlot>,
    /// The request being carried out, to be answered if its code fails.
    pub(super) ticket_at_work: Option<u64>,
    /// Calls with steps of DTLS handshakes to do.
    pub(super) handshakes: VecDeque<(CallSlot, CallKey)>,
    /// Time for them in one turn, and how much of it is used.
    pub(super) handshake_limit: Duration,
    handshake_spent: Duration,
    /// Requests that waited at a call which is gone.
    pub(super) orphans: VecDeque<Order>,
    /// Number of the last request that was made to wait.
    pub(super) parkings: u64,
    /// Requests to other instances.
    pub(super) errands: Errands,
    /// Reports that found control's inbox full.
    pub(super) unsent: VecDeque<FromShard>,
    pub(super) settings: Arc<Settings>,
    pub(super) settings_version: u64,
    pub(super) packet: Packet,
    pub(super) spare: Packet,
    pub(super) events: Events,
    pub(super) dice: Dice,
    pub(super) log: Vec<LogLine>,
}

impl Shard {
    /// A shard without calls. `peers` are the inboxes of all shards, its own among them.
    pub fn new(
        index: u16,
        shared: Arc<Shared>,
        stats: Arc<Block>,
        inbox: Inbox<ToShard>,
        control: Mailbox<FromShard>,
        peers: Vec<Mailbox<ToShard>>,
        now: Now,
    ) -> io::Result<Self> {
        let readiness = Readiness::new()?;
        readiness.add_other(inbox.as_fd(), INBOX)?;
        let mut events = Events::new(log::packet_level());
        events.keep_rtcp(rtpengine_common::log::wants_rtcp());
        let errands = Errands::new(shared.loop_settings.client);
        Ok(Self {
            index,
            readiness,
            sockets: SocketTable::default(),
            calls: CallTable::default(),
            wheel: Wheel::new(now.instant),
            settings: shared.settings(),
            settings_version: shared.version(),
            shared,
            stats,
            inbox,
            control,
            peers,
            surveys: VecDeque::new(),
            now,
            turn: 0,
            at_work: None,
            ticket_at_work: None,
            handshakes: VecDeque::new(),
            handshake_limit: HANDSHAKES,
            handshake_spent: Duration::ZERO,
            orphans: VecDeque::new(),
            parkings: 0,
            errands,
            unsent: VecDeque::new(),
            packet: Packet::new(),
            spare: Packet::new(),
            events,
            dice: Dice::new(),
            log: Vec::new(),
        })
    }

    /// Its number.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Its counters; only this thread may write them.
    pub fn stats(&self) -> &Block {
        &self.stats
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time of the present turn.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Watches the descriptor of what shares the thread.
    pub fn watch_passenger(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.readiness.add_other(fd, PASSENGER)
    }

    /// Begins a turn: time and settings are looked at once.
    pub(super) fn begin_turn(&mut self, now: Now) {
        self.now = now;
        self.turn = self.turn.wrapping_add(1);
        self.handshake_spent = Duration::ZERO;
        let version = self.shared.version();
        if version != self.settings_version {
            self.settings = self.shared.settings();
            self.settings_version = version;
        }
        self.events.set_threshold(log::packet_level());
    }

    /// Fires what is due.
    pub(super) fn timers(&mut self) {
        self.serve_orphans();
        let mut due = Vec::new();
        self.wheel.advance(self.now.instant, |timer| due.push(timer));
        for (slot, key, timer) in due {
            match timer {
                Timer::Tick => self.tick_call(slot, key),
                Timer::Alarm => self.work_call(slot, key, |call, _, ctx, turn| call.alarm(ctx, turn)),
                Timer::Due => self.work_call(slot, key, |call, _, ctx, turn| call.run_due(ctx, turn)),
                Timer::Coders => {
                    self.work_call(slot, key, |call, _, _, turn| call.plane.collect_coded(turn));
                    self.look_after_coders(slot);
                }
            }
            if self.calls.get(slot).is_some_and(|resident| resident.call.plane.has_dtmf()) {
                self.hear_dtmf(slot);
            }
        }
    }

    fn tick_call(&mut self, slot: CallSlot, key: CallKey) {
        self.check_patience(slot);
        let Some(resident) = self.calls.get_keyed(slot, key) else { return };
        self.at_work = Some(slot);
        let options = TickOptions { measure_rtp: self.shared.loop_settings.measure_rtp };
        let mut closing = Closing::default();
        let mut outlet = Outlet { sockets: &self.sockets, stats: &self.stats };
        let mut turn =
            Turn { now: self.now, out: &mut outlet, events: &mut self.events, spare: &mut self.spare };
        let mut ctx = Ctx {
            now: self.now,
            ports: &mut closing,
            random: &mut self.dice,
            interfaces: &self.shared.interfaces,
            settings: &self.settings,
            log: &mut self.log,
        };
        let fate = resident.call.tick(&mut ctx, &mut turn, options);
        if let Some(at) = resident.call.next_alarm() {
            self.wheel.set(at, (slot, key, Timer::Alarm));
        }
        resident.contribution.ticked(&self.stats, &resident.call, self.now);
        for (from, to, bytes) in closing.last {
            Outlet { sockets: &self.sockets, stats: &self.stats }.send(from, to, &bytes);
        }
        self.assign_jobs(slot);
        self.plan_due(slot);
        self.at_work = None;
        for socket in closing.sockets {
            self.close_socket(slot, socket);
        }
        self.run_errands(slot);
        self.take_tally(usize::MAX);
        self.write_log(slot);
        if !self.events.is_empty() {
            self.log_events(slot);
        }
        match fate {
            Fate::Keep => self.wheel.set(self.now.instant + CALL_TICK, (slot, key, Timer::Tick)),
            Fate::Destroy(reason) => {
                self.log_timeout(slot, reason);
                self.end_call(slot, reason);
            }
        }
    }

    /// Lets the agents of a call work, and asks to be woken when they want to go on.
    pub(super) fn work_call(
        &mut self,
        slot: CallSlot,
        key: CallKey,
        work: impl FnOnce(&mut Call, &mut Packet, &mut Ctx<'_>, &mut Turn<'_, Outlet<'_>>),
    ) {
        let Some(resident) = self.calls.get_keyed(slot, key) else { return };
        self.at_work = Some(slot);
        let mut outlet = Outlet { sockets: &self.sockets, stats: &self.stats };
        let mut turn =
            Turn { now: self.now, out: &mut outlet, events: &mut self.events, spare: &mut self.spare };
        let mut ctx = Ctx {
            now: self.now,
            ports: &mut Closing::default(),
            random: &mut self.dice,
            interfaces: &self.shared.interfaces,
            settings: &self.settings,
            log: &mut self.log,
        };
        work(&mut resident.call, &mut self.packet, &mut ctx, &mut turn);
        if resident.call.wants_handshake() {
            self.handshakes.push_back((slot, key));
        }
        if let Some(at) = resident.call.next_alarm() {
            self.wheel.set(at, (slot, key, Timer::Alarm));
        }
        self.assign_jobs(slot);
        self.plan_due(slot);
        self.at_work = None;
        self.write_log(slot);
        if !self.events.is_empty() {
            self.log_events(slot);
        }
    }

    /// Does steps of handshakes, call by call in turn, until the time for them in this turn is used up: packets that are relayed wait
    /// no longer than that, however many handshakes there are. `true`: there is more to do.
    pub(super) fn shake_hands(&mut self) -> bool {
        if self.handshakes.is_empty() {
            return false;
        }
        let mut start = Instant::now();
        while self.handshake_spent < self.handshake_limit {
            let Some((slot, key)) = self.handshakes.pop_front() else { break };
            let mut more = false;
            self.work_call(slot, key, |call, _, ctx, turn| more = call.handshake(ctx, turn));
            if more {
                self.handshakes.push_back((slot, key));
            }
            let end = Instant::now();
            self.handshake_spent += end - start;
            start = end;
        }
        !self.handshakes.is_empty()
    }

    fn log_timeout(&mut self, slot: CallSlot, reason: CloseReason) {
        let text = match reason {
            CloseReason::Timeout | CloseReason::SilentTimeout | CloseReason::OfferTimeout => {
                "Closing call due to timeout"
            }
            CloseReason::FinalTimeout => "Closing call due to final timeout",
            CloseReason::Regular | CloseReason::Forced => return,
        };
        self.log_call(slot, Level::Info, text);
    }

    pub(super) fn close_socket(&mut self, slot: CallSlot, socket: SocketKey) {
        if self.sockets.close(socket).is_none() {
            return;
        }
        self.stats.shift(Gauge::Sockets, -1);
        if let Some(resident) = self.calls.get_mut(slot) {
            resident.sockets.retain(|key| *key != socket);
        }
    }

    /// Tells the table which streams the sockets of a call lead to. A socket the call does not name any more keeps what it led to.
    pub(super) fn lead_sockets(&mut self, slot: CallSlot) {
        let Some(resident) = self.calls.get(slot) else { return };
        for (socket, stream) in resident.call.ingress() {
            if let Some(entry) = self.sockets.get_mut(socket) {
                entry.owner.stream = stream;
            }
        }
    }

    /// `pierce NAT`: every signalling step opens the way to peers that have not been heard (media-plane.md 3.6).
    pub(super) fn pierce(&mut self, slot: CallSlot) {
        let Some(resident) = self.calls.get_mut(slot) else { return };
        let plane = &mut resident.call.plane;
        self.at_work = Some(slot);
        let mut outlet = Outlet { sockets: &self.sockets, stats: &self.stats };
        for stream in 0..plane.stream_count() {
            plane.pierce(&mut outlet, StreamId::at(stream));
        }
        self.at_work = None;
    }

    /// Lets agents begin what a command wants of them.
    pub(super) fn poll_call(&mut self, slot: CallSlot) {
        if let Some(key) = self.calls.get(slot).map(|resident| resident.call.key) {
            self.work_call(slot, key, |call, _, ctx, turn| call.poll(ctx, turn));
        }
    }

    /// Ends a call: its sockets are closed and its ports free when this returns.
    pub(super) fn end_call(&mut self, slot: CallSlot, reason: CloseReason) {
        if let Some(resident) = self.calls.get_mut(slot) {
            self.at_work = Some(slot);
            resident.call.close(&mut Outlet { sockets: &self.sockets, stats: &self.stats });
            self.at_work = None;
        }
        self.run_errands(slot);
        if let Some(resident) = self.drop_call(slot) {
            tally::count_end(&self.stats, &resident.call, reason, self.now);
            cdr::ended(&resident.call, reason, self.now);
        }
    }

    /// Takes a call out of the shard without running any code of it.
    fn drop_call(&mut self, slot: CallSlot) -> Option<Resident> {
        let resident = self.calls.remove(slot)?;
        for socket in &resident.sockets {
            self.sockets.close(*socket);
        }
        self.stats.shift(Gauge::Sockets, -i64::try_from(resident.sockets.len()).unwrap_or(0));
        let mut resident = resident;
        let waiting = self.disband(resident.parked.take(), false);
        self.orphans.extend(waiting);
        resident.contribution.leave(&self.stats);
        let ids = resident.call.signalling.ids.iter().cloned().collect();
        self.report(FromShard::Ended { key: resident.call.key, ids });
        Some(resident)
    }

    /// Tells control something. What finds its inbox full is sent with a later turn: it must not be lost.
    pub(super) fn report(&mut self, message: FromShard) {
        if !self.unsent.is_empty() {
            self.unsent.push_back(message);
        } else if let Err(message) = self.control.send(message) {
            self.unsent.push_back(message);
        }
    }

    pub(super) fn send_unsent(&mut self) {
        while let Some(message) = self.unsent.pop_front() {
            if let Err(message) = self.control.send(message) {
                self.unsent.push_front(message);
                return;
            }
        }
    }

    /// The code of a call failed: the call is torn down, and whoever waits for its reply is told.
    pub(super) fn recover(&mut self) {
        self.stats.count(Counter::CallsFailed, 1);
        if let Some(slot) = self.at_work.take() {
            self.log_call(slot, Level::Error, "Internal error while working on the call -- closing call");
            self.drop_call(slot);
        }
        // Calls that were being handed to the one that failed are gone with it; their sockets are still here.
        let calls = &self.calls;
        let closed = self.sockets.close_unless(|owner| calls.get(owner.call).is_some());
        self.stats.shift(Gauge::Sockets, -i64::try_from(closed).unwrap_or(0));
        self.stats.set(Gauge::Sessions, i64::try_from(self.calls.len()).unwrap_or(0));
        if let Some(ticket) = self.ticket_at_work.take() {
            let reply = Reply::error("Internal error");
            self.report(FromShard::Done(super::message::Done { ticket, reply, live: false }));
        }
        self.log.clear();
    }

    pub(super) fn survey_call(&mut self, slot: CallSlot, survey: &mut dyn Survey) {
        let Some(resident) = self.calls.get_mut(slot) else { return };
        self.at_work = Some(slot);
        let verdict = survey.visit(&mut resident.call, self.now);
        resident.contribution.signalled(&self.stats, &resident.call);
        self.at_work = None;
        match verdict {
            Verdict::Keep => {}
            Verdict::Terminate => self.end_call(slot, CloseReason::Forced),
        }
    }

    /// Carries out a request that came through the inbox.
    pub(super) fn serve(&mut self, order: Order) {
        let ticket = order.ticket;
        let id = order.request.call_id().or_else(|| order.request.calls.first()).cloned();
        if let Some(reply) = self.execute(order) {
            let live = id.is_some_and(|id| self.has_call(id.as_bytes()));
            self.finish(ticket, reply, live);
        }
    }

    /// Sends the reply of a request that came through the inbox or had to wait.
    pub(super) fn finish(&mut self, ticket: u64, reply: Reply, live: bool) {
        self.report(FromShard::Done(super::message::Done { ticket, reply, live }));
    }

    /// Shows one call to a survey.
    pub(super) fn survey_one(&mut self, ticket: u64, id: &Name, mut survey: Box<dyn Survey>) {
        if let Some(slot) = self.calls.find(id.as_bytes()) {
            self.survey_call(slot, &mut *survey);
        }
        self.survey_done(ticket, survey);
    }

    pub(super) fn survey_done(&mut self, ticket: u64, survey: Box<dyn Survey>) {
        self.report(FromShard::Surveyed { ticket, survey });
    }

    pub(super) fn log_events(&mut self, slot: CallSlot) {
        let Some(resident) = self.calls.get(slot) else {
            self.events.drain().for_each(drop);
            self.events.drain_rtcp().for_each(drop);
            return;
        };
        let signalling = &resident.call.signalling;
        let Some(id) = signalling.ids.first() else { return };
        let rule = log::rule_of(signalling.flags);
        for event in self.events.drain() {
            let write = if event.notice.marks_a_change() { log::call } else { log::call_limited };
            write(event.notice.level(), rule, id.as_bytes(), &event.notice.to_string());
        }
        for packet in self.events.drain_rtcp() {
            log::rtcp(id.as_bytes(), &packet);
        }
    }

    /// Writes what the code of a call wants to be logged.
    pub(super) fn write_log(&mut self, slot: CallSlot) {
        for line in std::mem::take(&mut self.log) {
            self.log_call(slot, line.level, &line.text);
        }
    }

    pub(super) fn log_call(&self, slot: CallSlot, level: Level, text: &str) {
        let Some(resident) = self.calls.get(slot) else { return };
        let signalling = &resident.call.signalling;
        let id = signalling.ids.first().map_or(&[][..], Name::as_bytes);
        log::call(level, log::rule_of(signalling.flags), id, text);
    }

    /// 64 random hexadecimal digits: the call-id of a call that was given none.
    pub fn random_call_id(&mut self) -> String {
        let mut bytes = [0; 32];
        self.dice.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Ports as a tick may use them: it sends from the sockets, so what it closes is closed when it is done.
#[derive(Default)]
struct Closing {
    sockets: Vec<SocketKey>,
    /// What is sent before.
    last: Vec<(SocketKey, SocketAddr, Vec<u8>)>,
}

impl Ports for Closing {
    fn open(&mut self, _: LocalId, count: usize, _: u8) -> Result<Vec<LocalSocket>, PortError> {
        let cause = "no ports are opened by a timer".into();
        Err(PortError::Exhausted { count, interface: String::new(), cause })
    }

    fn send_last(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) {
        self.last.push((from, to, bytes.to_vec()));
    }

    fn close(&mut self, socket: SocketKey) {
        self.sockets.push(socket);
    }

    fn set_tos(&mut self, _: SocketKey, _: u8) {}

    fn choose(&mut self, _: Choice, _: u32) -> Option<LogicalId> {
        None
    }

    fn route(&mut self, _: IpAddr) -> Option<IpAddr> {
        None
    }
}
