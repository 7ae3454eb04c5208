//! The way of a request: transport, cookie, command, limits, the shard that owns the call, and back. The router shares the thread of the
//! first shard: a request for one of its calls costs no hand-over, the others go through inboxes.

mod admission;
mod command_lines;
mod gathering;
mod records;

use super::cli::Console;
use super::cookies::{Cookies, Key, Seen};
use super::datagrams::Datagrams;
use super::directory::Directory;
use super::http::ask::{Asked, Question};
use super::limits::{Limits, MachineLoad};
use super::listeners::{Listeners, Protocol, Target};
use super::proxies::Proxies;
use crate::call::check;
use crate::call::dtmf::DtmfReport;
use crate::flow::Level;
use crate::player::Stores;
use crate::report::counters::{Block, Counter, Gauge, Totals};
use crate::report::log;
use crate::report::rates::Rates;
use crate::report::statistics;
use crate::shard::inbox::{Inbox, Mailbox};
use crate::shard::message::{Done, FromShard, Order, ToShard};
use crate::shard::run::Passenger;
use crate::shard::shared::Shared;
use crate::shard::{Shard, creates, merges};
use parking_lot::{Mutex, RwLock};
use rtpengine_common::ng::{
    ByteString, Command, Defaults, Encoding, Message, Outcome, Reply, Request, Value, split,
};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use command_lines::{Asker, Waiting};
use records::{log_duplicate, log_received, log_warnings};

/// Requests and reports handled in one turn; then packets are looked after again.
const PER_TURN: usize = 32;

/// Call-ids that `list` shows without a limit of its own.
const LIST_LIMIT: i64 = 32;

/// Limits, counters and load that the router looks at and the operator changes.
#[derive(Debug)]
pub struct ControlState {
    /// Limits on new calls.
    pub limits: RwLock<Limits>,
    /// The last sample of the machine's load.
    pub load: MachineLoad,
    /// Packets and bytes per second.
    pub rates: Rates,
    /// Agents.
    pub proxies: Mutex<Proxies>,
    /// When the daemon started.
    pub started: Instant,
    /// Set by the signal thread.
    pub stop: AtomicBool,
}

impl ControlState {
    /// The state at start.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits: RwLock::new(limits),
            load: MachineLoad::default(),
            rates: Rates::default(),
            proxies: Mutex::default(),
            started: now,
            stop: AtomicBool::new(false),
        }
    }
}

/// A request that is being carried out.
#[derive(Debug)]
struct Running {
    target: Target,
    agent: SocketAddr,
    cookie: Option<Key>,
    encoding: Encoding,
    command: Command,
    id: Option<ByteString>,
    started: Instant,
}

/// What reaches the router from other threads; all share the waker of the thread it lives on.
#[derive(Debug)]
pub struct Inboxes {
    /// Of the shards.
    pub reports: Inbox<FromShard>,
    /// Of the HTTP side.
    pub questions: Inbox<Asked>,
}

/// What the router has of the shards, by their numbers.
#[derive(Debug)]
pub struct ShardEnds {
    /// Their inboxes.
    pub mailboxes: Vec<Mailbox<ToShard>>,
    /// Their counters.
    pub stats: Vec<Arc<Block>>,
}

/// The router.
pub struct Router {
    listeners: Listeners,
    inbox: Inbox<FromShard>,
    asked: Inbox<Asked>,
    shards: Vec<Mailbox<ToShard>>,
    stats: Vec<Arc<Block>>,
    shared: Arc<Shared>,
    state: Arc<ControlState>,
    defaults: Arc<Defaults>,
    directory: Directory,
    cookies: Cookies<(Target, SocketAddr)>,
    running: HashMap<u64, Running>,
    /// The request that the local shard is carrying out.
    at_work: Option<(u64, Running)>,
    /// The cookie of the request that is being looked at.
    cookie_at_work: Option<Key>,
    /// Calls on their way to another shard, and the requests that wait for them.
    moving: usize,
    held: VecDeque<(Box<Request>, Running)>,
    /// Carries out command lines.
    console: Option<Console>,
    /// Media held in memory, and how its threads reach the router.
    media: Option<(Arc<dyn Stores>, Mailbox<FromShard>)>,
    /// Command lines that wait for media.
    loading: HashMap<u64, Asker>,
    /// Command lines that wait for shards.
    waiting: HashMap<u64, Waiting>,
    next_ticket: u64,
    output: Vec<u8>,
    pending: bool,
    /// Tells others what happens.
    datagrams: Datagrams,
}

impl Router {
    /// A router over open listeners.
    pub fn new(
        listeners: Listeners,
        inboxes: Inboxes,
        ends: ShardEnds,
        shared: Arc<Shared>,
        state: Arc<ControlState>,
        defaults: Arc<Defaults>,
    ) -> Self {
        Self {
            listeners,
            inbox: inboxes.reports,
            asked: inboxes.questions,
            shards: ends.mailboxes,
            stats: ends.stats,
            shared,
            state,
            defaults,
            directory: Directory::default(),
            cookies: Cookies::new(Instant::now()),
            running: HashMap::new(),
            at_work: None,
            cookie_at_work: None,
            moving: 0,
            held: VecDeque::new(),
            console: None,
            media: None,
            loading: HashMap::new(),
            waiting: HashMap::new(),
            next_ticket: 0,
            output: Vec::new(),
            pending: false,
            datagrams: Datagrams::default(),
        }
    }

    /// Lets the shard whose thread it shares watch its descriptors.
    pub fn board(&self, shard: &Shard) -> io::Result<()> {
        shard.watch_passenger(self.listeners.as_fd())
    }

    /// Handles one unit of a transport with cookies: `cookie SP dictionary`.
    fn receive(&mut self, shard: &mut Shard, unit: &[u8], target: Target, agent: SocketAddr) {
        let Some(unit) = split(unit) else {
            log::control(Level::Warning, || {
                format!("Protocol error in packet from {agent}: no cookie [{}]", unit.escape_ascii())
            });
            self.listeners.answered(&target);
            return;
        };
        let key = Key::new(agent.ip(), unit.cookie);
        match self.cookies.begin(shard.now().instant, &key, (target.clone(), agent)) {
            Seen::New => {
                self.cookie_at_work = Some(key.clone());
                self.request(shard, unit.payload, target, agent, Some(key));
                self.cookie_at_work = None;
            }
            Seen::Running => log_duplicate(agent),
            Seen::Answered(reply) => {
                log_duplicate(agent);
                self.output.clear();
                self.output.extend_from_slice(key.cookie());
                self.output.push(b' ');
                self.output.extend_from_slice(reply);
                self.listeners.send(&target, &self.output);
            }
        }
    }

    /// Handles the dictionary of a new request.
    fn request(
        &mut self,
        shard: &mut Shard,
        payload: &[u8],
        target: Target,
        agent: SocketAddr,
        cookie: Option<Key>,
    ) {
        let started = Instant::now();
        let refused = |encoding| Running {
            target: target.clone(),
            agent,
            cookie: cookie.clone(),
            encoding,
            command: Command::Ping,
            id: None,
            started,
        };
        let message = match Message::decode(payload) {
            Ok(message) => message,
            Err(rejected) => {
                let reply = Reply::from_error(&rejected.error);
                return self.refuse(&refused(rejected.encoding), &reply, payload);
            }
        };
        if let Ok(name) = message.command_name() {
            log_received(name, agent, payload);
        }
        let request = match Request::parse(&message, &self.defaults) {
            Ok(request) => request,
            Err(error) => {
                return self.refuse(&refused(message.encoding), &Reply::from_error(&error), payload);
            }
        };
        log_warnings(&request);
        self.state.proxies.lock().meet(agent.ip());
        let running = Running {
            target,
            agent,
            cookie,
            encoding: request.encoding,
            command: request.command,
            id: request.call_id().cloned(),
            started,
        };
        self.dispatch(shard, request, running);
    }

    /// Answers what never became a request.
    fn refuse(&mut self, running: &Running, reply: &Reply, payload: &[u8]) {
        log::control(Level::Warning, || {
            let reason = reply.outcome();
            format!(
                "Protocol error in packet from {}: {reason:?} [{}]",
                running.agent,
                payload.escape_ascii()
            )
        });
        self.state.proxies.lock().count(running.agent.ip(), None, 0, true);
        self.answer(running, reply);
    }

    fn dispatch(&mut self, shard: &mut Shard, request: Box<Request>, running: Running) {
        match request.command {
            Command::Ping => self.finish(&running, &Reply::pong()),
            Command::List => {
                let reply = self.list(request.limit);
                self.finish(&running, &reply);
            }
            Command::Statistics => {
                let reply = Reply::ok().with("statistics", self.metrics().to_dict());
                self.finish(&running, &reply);
            }
            Command::Cli => {
                let Some(line) = &request.body else {
                    return self.finish(&running, &Reply::error("No 'body' in message"));
                };
                let line = String::from_utf8_lossy(line.as_bytes());
                self.run_line(shard, &line, Asker::Request(running));
            }
            _ => self.route(shard, request, running),
        }
    }

    fn list(&self, limit: Option<i64>) -> Reply {
        let Ok(limit) = usize::try_from(limit.unwrap_or(LIST_LIMIT)) else {
            return Reply::error("invalid limit, must be >= 0");
        };
        let ids = self.directory.ids().take(limit).map(|id| Value::from(id.to_vec()));
        Reply::ok().with("calls", Value::List(ids.collect()))
    }

    /// All figures of the daemon.
    pub fn metrics(&self) -> crate::report::metrics::Metrics {
        if let Some((media, _)) = &self.media {
            let (content, encoded) = media.sizes();
            let number = |octets| i64::try_from(octets).unwrap_or(i64::MAX);
            // The first shard runs on this thread, so the router may write its gauges.
            self.stats[0].set(Gauge::MediaCache, number(content));
            self.stats[0].set(Gauge::PlayerCache, number(encoded));
        }
        let totals = Totals::of(self.stats.iter().map(|block| &**block));
        let facts = statistics::Facts {
            totals: &totals,
            rates: self.state.rates.get(),
            uptime: self.state.started.elapsed(),
            interfaces: &self.shared.interfaces,
            pools: &self.shared.pools,
            proxies: &self.state.proxies.lock(),
            chains: &self.shared.settings().codecs.chains.figures(),
        };
        statistics::metrics(&facts)
    }

    /// Sends a request to the shard that owns its call, or is to own it.
    fn route(&mut self, shard: &mut Shard, mut request: Box<Request>, mut running: Running) {
        if let Err(error) = check(&request) {
            return self.finish(&running, &Reply::from_error(&error));
        }
        if self.moving > 0 || (merges(request.command) && self.bring_together(shard, &request)) {
            return self.hold(shard, request, running);
        }
        if creates(request.command) && request.call_id().is_none() {
            request.call_id = Some(ByteString::from(shard.random_call_id().as_bytes()));
        }
        let id = request.call_id().or_else(|| request.calls.first()).cloned();
        let to = match &id {
            Some(id) if self.directory.begin(id.as_bytes()) => {
                self.directory.find(id.as_bytes()).unwrap_or(0)
            }
            Some(id) if creates(request.command) => {
                if let Err(refusal) = self.admit(request.command) {
                    let reply = self.refusal(shard, refusal, &request);
                    return self.finish(&running, &reply);
                }
                let to = self.shard_with_room();
                self.directory.create(id.as_bytes(), to);
                to
            }
            // Nobody knows the id: any shard gives the error of the command.
            Some(_) | None => shard.index(),
        };
        running.id = id;
        self.next_ticket += 1;
        let order = Order { ticket: self.next_ticket, request, agent: running.agent };
        if to == shard.index() {
            self.execute_here(shard, order, running);
        } else {
            self.send_order(shard, order, to, running);
        }
    }

    /// Gives a request up because a queue is full: it is executed when the agent sends it again.
    fn drop_request(&mut self, shard: &Shard, running: &Running) {
        shard.stats().count(Counter::InboxFull, 1);
        if let Some(key) = &running.cookie {
            self.abandon(key);
        }
        self.listeners.answered(&running.target);
    }

    fn abandon(&mut self, key: &Key) {
        for (waiter, _) in self.cookies.abandon(key) {
            self.listeners.answered(&waiter);
        }
    }

    fn execute_here(&mut self, shard: &mut Shard, order: Order, running: Running) {
        self.at_work = Some((order.ticket, running));
        let reply = shard.execute(order);
        let Some((ticket, running)) = self.at_work.take() else { return };
        match reply {
            Some(reply) => {
                let live = running.id.as_ref().is_some_and(|id| shard.has_call(id.as_bytes()));
                self.finished(&running, &reply, live);
                // What ended meanwhile must be known before the same id is used again.
                self.take_reports(shard);
            }
            None => {
                self.running.insert(ticket, running);
            }
        }
    }

    fn send_order(&mut self, shard: &mut Shard, order: Order, to: u16, running: Running) {
        let ticket = order.ticket;
        let sent = self
            .shards
            .get(usize::from(to))
            .is_some_and(|mailbox| mailbox.send(ToShard::Order(order)).is_ok());
        if sent {
            self.running.insert(ticket, running);
            return;
        }
        // The shard does not keep up.
        if let Some(id) = &running.id {
            let live = self.directory.is_live(id.as_bytes());
            self.directory.finish(id.as_bytes(), live);
        }
        self.drop_request(shard, &running);
    }

    /// A request of a call is finished.
    fn finished(&mut self, running: &Running, reply: &Reply, live: bool) {
        if let Some(id) = &running.id {
            self.directory.finish(id.as_bytes(), live);
        }
        self.finish(running, reply);
    }

    fn finish(&mut self, running: &Running, reply: &Reply) {
        let elapsed = running.started.elapsed();
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if matches!(reply.outcome(), Outcome::Ok | Outcome::Pong) {
            // The first shard runs on this thread, so the router may write its counters.
            self.stats[0].command(running.command, micros);
        }
        self.state.proxies.lock().count(running.agent.ip(), Some(running.command), micros, reply.is_error());
        self.answer(running, reply);
        log::control(Level::Debug, || {
            let (command, agent) = (running.command, running.agent);
            format!("Response dump for '{command}' to {agent}: {}", self.output.escape_ascii())
        });
        log::control(Level::Info, || {
            let (seconds, micros) = (elapsed.as_secs(), elapsed.subsec_micros());
            let (command, agent) = (running.command, running.agent);
            format!("Replying to '{command}' from {agent} (elapsed time {seconds}.{micros:06} sec)")
        });
    }

    /// Sends a reply, then keeps it for retransmissions (ng-control.md 2 rule 7).
    fn answer(&mut self, running: &Running, reply: &Reply) {
        self.output.clear();
        let cookie = running.cookie.as_ref();
        reply.encode(running.encoding, cookie.map(Key::cookie), &mut self.output);
        self.listeners.send(&running.target, &self.output);
        let Some(key) = cookie else { return };
        let body = self.output.get(key.cookie().len() + 1..).unwrap_or_default();
        for (target, _) in self.cookies.finish(key, body) {
            self.listeners.send(&target, &self.output);
        }
    }

    /// Takes what shards reported. `true`: there may be more.
    fn take_reports(&mut self, shard: &mut Shard) -> bool {
        for _ in 0..PER_TURN {
            let Some(report) = self.inbox.next() else { return false };
            match report {
                FromShard::Done(Done { ticket, reply, live }) => {
                    if let Some(running) = self.running.remove(&ticket) {
                        self.finished(&running, &reply, live);
                    }
                }
                FromShard::Dtmf(report) => self.tell_dtmf(&report),
                FromShard::Ended { ids, .. } => ids.iter().for_each(|id| self.directory.ended(&id.0)),
                FromShard::Moved { ids, shard: to } => self.moved(shard, &ids, to),
                FromShard::Surveyed { ticket, survey } => self.surveyed(ticket, survey),
                FromShard::Told { ticket, text } => self.told(ticket, &text),
            }
        }
        true
    }

    /// Tells clients and the receiver of datagrams of a digit (operations.md 12).
    fn tell_dtmf(&mut self, report: &DtmfReport) {
        if let Some(destination) = report.destination {
            self.datagrams.send(destination, report.line().as_bytes());
        }
        if self.shared.settings().dtmf.ng_tcp {
            let cookie: u64 = rand::random();
            let mut message = format!("{cookie:016x} ").into_bytes();
            message.extend(report.notification());
            self.listeners.broadcast(&message);
        }
    }

    /// Takes what was asked over HTTP. `true`: there may be more.
    fn take_questions(&mut self, shard: &mut Shard) -> bool {
        for _ in 0..PER_TURN {
            let Some(Asked { question, agent, caller }) = self.asked.next() else { return false };
            let target = Target::Caller(caller);
            match question {
                Question::Ng(unit) => self.receive(shard, &unit, target, agent),
                Question::NgPlain(payload) => self.request(shard, &payload, target, agent, None),
                Question::Cli(line) => self.command_line(shard, &line, &target),
                Question::Metrics => {
                    let text = self.metrics().to_prometheus();
                    self.listeners.send(&target, text.as_bytes());
                }
            }
        }
        true
    }

    fn take_requests(&mut self, shard: &mut Shard, ready: bool) -> bool {
        if !ready && !self.pending {
            return false;
        }
        self.listeners.poll();
        let mut buffer = self.listeners.take_buffer();
        let mut more = false;
        for _ in 0..PER_TURN {
            let Some(arrival) = self.listeners.next(&mut buffer) else {
                more = false;
                break;
            };
            more = true;
            let Some(unit) = buffer.get(arrival.range) else { continue };
            match arrival.protocol {
                Protocol::Ng => self.receive(shard, unit, arrival.target, arrival.agent),
                Protocol::Cli => self.command_line(shard, unit, &arrival.target),
            }
        }
        self.listeners.return_buffer(buffer);
        self.pending = more;
        more
    }
}

impl Passenger for Router {
    fn descriptor(&self) -> Option<RawFd> {
        Some(std::os::fd::AsRawFd::as_raw_fd(&self.listeners.as_fd()))
    }

    fn turn(&mut self, shard: &mut Shard, ready: bool) -> bool {
        let reports = self.take_reports(shard);
        let requests = self.take_requests(shard, ready);
        let questions = self.take_questions(shard);
        reports || requests || questions
    }

    fn has_mail(&self) -> bool {
        !self.inbox.is_empty() || !self.asked.is_empty()
    }

    fn next(&self) -> Option<Instant> {
        None
    }

    fn failed(&mut self, _shard: &mut Shard) {
        let cookie = self.cookie_at_work.take();
        match self.at_work.take() {
            // The shard reports the ticket of the request whose code failed; then its sender gets an answer.
            Some((ticket, running)) => {
                self.running.insert(ticket, running);
            }
            // It failed before a shard had it: a retransmission may try again.
            None => cookie.iter().for_each(|cookie| self.abandon(cookie)),
        }
    }

    fn stopped(&self) -> bool {
        self.state.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
