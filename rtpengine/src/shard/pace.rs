//! When a shard may sleep (packet-path.md): a wake-up costs as much as ten packets, so a busy shard lets packets gather for up to a tick,
//! while a quiet one answers at once.

use std::time::{Duration, Instant};

/// Ready sockets handled before timers and inbox get their turn.
pub const BUDGET: usize = 64;

/// The longest tick, and the default of `--poll-tick`: at 50 packets a second per stream it adds at most a twentieth of the packet interval.
pub const MAX_TICK: Duration = Duration::from_millis(1);

/// How long events are counted before the rate is judged.
const WINDOW: Duration = Duration::from_millis(50);

/// Events per window above which waking up for each would cost more than it gains: 3,000 a second (30 calls with audio both ways).
const FREQUENT: usize = 150;

/// Below this the shard answers at once again; the gap keeps it from changing its mind all the time.
const SELDOM: usize = 100;

/// What the loop may do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Go on at once: there is more.
    No,
    /// Sleep until this moment unless a command comes.
    Gather(Instant),
    /// Sleep until anything comes.
    Idle,
}

/// The operator's choice (`--poll-tick`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Every packet is handled at once.
    Never,
    /// Packets always gather for this long.
    Fixed(Duration),
    /// Packets gather for `MAX_TICK` while wake-ups are frequent.
    Adaptive,
}

/// Decides from the rate of events.
#[derive(Debug)]
pub struct Pacer {
    tick: Tick,
    window_start: Instant,
    in_window: usize,
    gathering: bool,
}

impl Pacer {
    /// A pacer for a shard that has not seen a packet yet.
    pub fn new(tick: Tick, now: Instant) -> Self {
        Self { tick, window_start: now, in_window: 0, gathering: false }
    }

    /// Judges a turn that began at `start`, ended at `end` and handled `events` ready sockets; `dry` if nothing more was ready.
    pub fn after_turn(&mut self, start: Instant, end: Instant, events: usize, dry: bool) -> Rest {
        self.count(end, events);
        if !dry {
            return Rest::No;
        }
        let tick = match self.tick {
            Tick::Fixed(tick) => tick.min(MAX_TICK),
            Tick::Adaptive if self.gathering => MAX_TICK,
            Tick::Adaptive | Tick::Never => Duration::ZERO,
        };
        if events == 0 || tick.is_zero() {
            return Rest::Idle;
        }
        let until = start + tick;
        if until > end { Rest::Gather(until) } else { Rest::No }
    }

    /// Whether packets gather at present, so that a sleep may leave them waiting.
    pub fn gathers(&self) -> bool {
        match self.tick {
            Tick::Never => false,
            Tick::Fixed(_) => true,
            Tick::Adaptive => self.gathering,
        }
    }

    fn count(&mut self, now: Instant, events: usize) {
        self.in_window += events;
        let elapsed = now.saturating_duration_since(self.window_start);
        if elapsed < WINDOW {
            return;
        }
        // A long sleep stretches the window: judge by the rate.
        let scaled = self.in_window as u128 * WINDOW.as_nanos() / elapsed.as_nanos().max(1);
        let frequent = if self.gathering { SELDOM } else { FREQUENT } as u128;
        self.gathering = scaled >= frequent;
        self.window_start = now;
        self.in_window = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs turns of `events` each every `interval` and gives the last decision.
    fn run(pacer: &mut Pacer, now: &mut Instant, interval: Duration, events: usize, turns: usize) -> Rest {
        let mut rest = Rest::Idle;
        for _ in 0..turns {
            *now += interval;
            rest = pacer.after_turn(*now, *now + Duration::from_micros(10), events, true);
        }
        rest
    }

    #[test]
    fn a_quiet_shard_never_gathers() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(Tick::Adaptive, now);
        assert_eq!(run(&mut pacer, &mut now, Duration::from_millis(1), 1, 500), Rest::Idle);
    }

    #[test]
    fn a_busy_shard_gathers_and_stops_when_it_becomes_quiet() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(Tick::Adaptive, now);
        let rest = run(&mut pacer, &mut now, Duration::from_micros(100), 1, 1000);
        assert_eq!(rest, Rest::Gather(now + MAX_TICK));
        assert_eq!(
            run(&mut pacer, &mut now, Duration::from_millis(1), 10, 100),
            Rest::Gather(now + MAX_TICK)
        );
        assert_eq!(pacer.after_turn(now, now, 64, false), Rest::No);
        assert_eq!(pacer.after_turn(now, now, 0, true), Rest::Idle);
        assert_eq!(pacer.after_turn(now, now + MAX_TICK, 5, true), Rest::No);
        assert_eq!(run(&mut pacer, &mut now, Duration::from_millis(1), 1, 200), Rest::Idle);
    }

    #[test]
    fn a_fixed_tick_gathers_even_when_quiet() {
        let mut now = Instant::now();
        let tick = Duration::from_micros(300);
        let mut pacer = Pacer::new(Tick::Fixed(tick), now);
        assert_eq!(run(&mut pacer, &mut now, Duration::from_millis(5), 1, 3), Rest::Gather(now + tick));
    }

    #[test]
    fn without_a_tick_nothing_gathers() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(Tick::Never, now);
        assert_eq!(run(&mut pacer, &mut now, Duration::from_micros(100), 10, 2000), Rest::Idle);
    }
}
