//! The loop of a shard's thread (packet-path.md): poll until dry, timers, inbox, and a sleep that a command never waits for.

use super::core::{Running, Shard};
use super::message::ToShard;
use super::pace::{BUDGET, Pacer, Rest};
use super::survey::SLICE;
use crate::call::ctx::Now;
use crate::flow::Level;
use crate::net::readiness::{Source, sleep};
use crate::report::log;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Messages taken from the inbox in one turn.
const MESSAGES: usize = 32;

/// Ready sockets from which on fetching their data together pays.
const WORTH_PREFETCHING: usize = 3;

/// Numbers of the descriptors in a readiness set that are no media sockets.
pub(super) const PASSENGER: u32 = 0;
pub(super) const INBOX: u32 = 1;
pub(super) const REPLIES: u32 = 2;

/// The longest sleep when nothing is due: only a bound for mistakes.
const LONGEST: Duration = Duration::from_secs(10);

/// How long busyness is measured before it is published.
const BUSY_PERIOD: Duration = Duration::from_millis(500);

/// What shares a shard's thread: the control side on the first one.
pub trait Passenger {
    /// Its descriptor, watched beside the media sockets.
    fn descriptor(&self) -> Option<RawFd>;
    /// Does what there is to do; `ready` if its descriptor is readable. `true`: there is more, do not sleep.
    fn turn(&mut self, shard: &mut Shard, ready: bool) -> bool;
    /// Whether something waits for it that its descriptor does not show.
    fn has_mail(&self) -> bool;
    /// When it wants its next turn at the latest.
    fn next(&self) -> Option<Instant>;
    /// Code of a call failed under it.
    fn failed(&mut self, shard: &mut Shard);
    /// Whether the thread is to end.
    fn stopped(&self) -> bool;
}

/// Nobody: a thread with a shard alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Passenger for Alone {
    fn descriptor(&self) -> Option<RawFd> {
        None
    }
    fn turn(&mut self, _: &mut Shard, _: bool) -> bool {
        false
    }
    fn has_mail(&self) -> bool {
        false
    }
    fn next(&self) -> Option<Instant> {
        None
    }
    fn failed(&mut self, _: &mut Shard) {}
    fn stopped(&self) -> bool {
        false
    }
}

/// The present time on both clocks.
pub fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), unix_us: u64::try_from(unix.as_micros()).unwrap_or(u64::MAX) }
}

/// Runs a shard until it is stopped. Code of a call that fails ends that call and nothing else.
pub fn run(shard: &mut Shard, passenger: &mut impl Passenger) {
    let mut pacer = Pacer::new(shard.shared.loop_settings.tick, Instant::now());
    let mut meter = Meter::new(Instant::now());
    while let Err(cause) = catch_unwind(AssertUnwindSafe(|| turns(shard, passenger, &mut pacer, &mut meter)))
    {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("unknown cause");
        log::core(Level::Error, &format!("Internal error: {text}"));
        passenger.failed(shard);
        shard.recover();
    }
}

fn turns(shard: &mut Shard, passenger: &mut impl Passenger, pacer: &mut Pacer, meter: &mut Meter) {
    let mut slept = true;
    loop {
        let start = now();
        shard.begin_turn(start);
        let polled = poll_until_dry(shard, !pacer.gathers());
        if slept {
            shard.stats.woke(polled.events as u64);
        } else {
            shard.stats.handled(polled.events as u64);
        }
        shard.timers();
        shard.repeat_errands();
        let mail = take_mail(shard);
        if mail == Mail::Stop {
            return;
        }
        let more = passenger.turn(shard, polled.passenger);
        if passenger.stopped() {
            return;
        }
        let surveying = survey(shard);
        let shaking = shard.shake_hands();
        shard.send_unsent();
        let end = Instant::now();
        meter.judge(shard, end);
        let rest = pacer.after_turn(start.instant, end, polled.events, polled.dry);
        slept = match rest {
            _ if more || surveying || shaking || mail == Mail::More => false,
            Rest::No => false,
            Rest::Gather(until) => rest_until(shard, passenger, end, Some(until), false, meter),
            Rest::Idle => rest_until(shard, passenger, end, None, true, meter),
        };
    }
}

struct Polled {
    events: usize,
    dry: bool,
    passenger: bool,
}

fn poll_until_dry(shard: &mut Shard, eager: bool) -> Polled {
    let mut polled = Polled { events: 0, dry: false, passenger: false };
    while polled.events < BUDGET {
        let ready = match shard.readiness.poll(shard.shared.loop_settings.poll_events) {
            Ok(ready) => ready,
            Err(error) => {
                log::core(Level::Error, &format!("Polling for packets failed: {error}"));
                0
            }
        };
        if ready >= WORTH_PREFETCHING {
            shard.prefetch(ready);
        }
        let mut handled = 0;
        for at in 0..ready {
            match shard.readiness.event(at) {
                Some(Source::Socket(key)) => {
                    shard.receive(key);
                    handled += 1;
                }
                Some(Source::Other(REPLIES)) => shard.take_replies(),
                Some(Source::Other(number)) => polled.passenger |= number == PASSENGER,
                None => {}
            }
        }
        polled.events += handled;
        // While packets may not gather, whatever is left ends the next sleep before it begins, which saves asking for it here.
        if handled == 0 || (eager && ready < shard.shared.loop_settings.poll_events) {
            polled.dry = true;
            break;
        }
    }
    polled
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mail {
    Done,
    More,
    Stop,
}

fn take_mail(shard: &mut Shard) -> Mail {
    for _ in 0..MESSAGES {
        let Some(message) = shard.inbox.next() else { return Mail::Done };
        match message {
            ToShard::Order(order) => shard.serve(order),
            ToShard::Opened { slot, key, serial, source, answer } => {
                shard.opened(slot, key, serial, &source, answer);
            }
            ToShard::Survey { ticket, only: None, survey } => {
                shard.surveys.push_back(Running { ticket, position: 0, survey });
            }
            ToShard::Survey { ticket, only: Some(id), survey } => shard.survey_one(ticket, &id, survey),
            ToShard::Give { id, to } => shard.give(&id, to),
            ToShard::Take(moving) => shard.take_in(*moving),
            ToShard::Coded { slot, key } => {
                shard.work_call(slot, key, |call, _, _, turn| call.plane.collect_coded(turn));
            }
            ToShard::Stop => return Mail::Stop,
        }
    }
    if shard.inbox.is_empty() { Mail::Done } else { Mail::More }
}

/// Shows calls to surveys for as long as a turn allows. `true`: a survey is not through yet.
fn survey(shard: &mut Shard) -> bool {
    if shard.surveys.is_empty() {
        return false;
    }
    let until = Instant::now() + SLICE;
    while let Some(mut running) = shard.surveys.pop_front() {
        loop {
            let Some((slot, _)) = shard.calls.next_from(running.position) else {
                shard.survey_done(running.ticket, running.survey);
                break;
            };
            running.position = slot.position() + 1;
            shard.survey_call(slot, &mut *running.survey);
            if Instant::now() >= until {
                shard.surveys.push_front(running);
                return true;
            }
        }
    }
    false
}

/// Sleeps; `media` says whether packets end the sleep. `true` if it slept.
fn rest_until(
    shard: &mut Shard,
    passenger: &impl Passenger,
    now: Instant,
    until: Option<Instant>,
    media: bool,
    meter: &mut Meter,
) -> bool {
    let mut wake = now + LONGEST;
    let limits = [until, shard.wheel.next(), passenger.next(), shard.errands.next()];
    for limit in limits.into_iter().flatten() {
        wake = wake.min(limit);
    }
    if wake <= now || !shard.inbox.may_sleep() {
        return false;
    }
    if passenger.has_mail() {
        shard.inbox.awake(false);
        return false;
    }
    let limit = wake - now;
    let rang = if media {
        wait_for_anything(shard, limit)
    } else {
        // Only what is no packet ends this sleep.
        let inbox = shard.inbox.as_raw_fd();
        match passenger.descriptor() {
            Some(passenger) => sleep(&[inbox, passenger], Some(limit)),
            None => sleep(&[inbox], Some(limit)),
        }
    };
    shard.inbox.awake(rang);
    meter.slept(now);
    true
}

/// Sleeps on everything at once; what is ready is there for the next turn without another system call. Says whether a message woke it.
fn wait_for_anything(shard: &mut Shard, limit: Duration) -> bool {
    let events = shard.shared.loop_settings.poll_events;
    match shard.readiness.wait(events, limit) {
        Ok(ready) => (0..ready).any(|at| shard.readiness.event(at) == Some(Source::Other(INBOX))),
        Err(error) => {
            log::core(Level::Error, &format!("Waiting for packets failed: {error}"));
            // Without this the loop would spin.
            sleep(&[shard.inbox.as_raw_fd()], Some(limit.min(Duration::from_millis(1))))
        }
    }
}

/// Measures which share of its time a shard is awake: control fills the next shard when one is busy.
struct Meter {
    since: Instant,
    asleep: Duration,
}

impl Meter {
    fn new(now: Instant) -> Self {
        Self { since: now, asleep: Duration::ZERO }
    }

    fn slept(&mut self, from: Instant) {
        self.asleep += from.elapsed();
    }

    fn judge(&mut self, shard: &Shard, now: Instant) {
        let period = now.saturating_duration_since(self.since);
        if period < BUSY_PERIOD {
            return;
        }
        let awake = period.saturating_sub(self.asleep).as_micros() * 1000 / period.as_micros().max(1);
        shard.stats.set_busy(u64::try_from(awake).unwrap_or(1000));
        *self = Self::new(now);
    }
}
