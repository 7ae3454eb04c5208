//! When packets of a source that pauses are played, and when a gap is filled (`codecs.md` §16.1).
//!
//! [`Buffer`] is the queue and the clock of one payload number: packets go in as they come, and each run takes one out or says that
//! there is none to take. What is in the packets is not its matter.

use std::collections::VecDeque;
use std::time::Duration;

/// Packets one queue holds; more than that are not taken.
const MAX_QUEUED: usize = 512;
/// A packet that is further behind than this belongs to another time.
const FAR_BEHIND_MS: u64 = 100;
/// Runs that may drop old packets before one of them is taken as the new time.
const STALE_RUNS: u32 = 3;
/// A packet this many delays ahead belongs to another time ...
const FAR_AHEAD_DELAYS: u64 = 20;
/// ... but not below this.
const FAR_AHEAD_MIN_MS: u64 = 200;
/// Runs are at least this far apart.
const MIN_STEP: Duration = Duration::from_millis(1);

/// How gaps in audio are filled: `dtx-delay` and its companions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapFilling {
    /// `dtx-delay`, not zero.
    pub delay: Duration,
    /// `max-dtx`; zero: no limit.
    pub max: Duration,
    /// `dtx-buffer`, packets.
    pub buffer: usize,
    /// `dtx-lag`
    pub lag: Duration,
    /// `dtx-shift`
    pub shift: Duration,
    /// `dtx-cn-params`: comfort noise instead of silence.
    pub noise: Option<Box<[u8]>>,
    /// `amr-dtx=CN`: AMR is filled like other codecs.
    pub amr_noise: bool,
}

/// A packet in the queue.
#[derive(Debug)]
pub(super) struct Queued<T> {
    pub(super) arrival: Duration,
    pub(super) timestamp: u32,
    /// A telephone-event: its timestamps stand still.
    pub(super) event: bool,
    pub(super) item: T,
}

/// What a run does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run<T> {
    /// Plays a packet; its time is this many units off the expected one where time begins anew.
    Play(T, i32),
    /// Plays the empty place of suppressed audio: nothing.
    Empty,
    /// Makes one period of audio.
    Fill,
    /// Nothing came for too long: the timer has stopped, everything begins anew with the next packet.
    Over,
}

/// Where the examination of the oldest packet leads.
enum Verdict {
    Play { distance: i64, reset: bool },
    Discard,
    Fill,
}

/// The queue of one payload number.
#[derive(Debug)]
pub(super) struct Buffer<T> {
    queue: VecDeque<Queued<T>>,
    clock: u32,
    /// Length of a frame, in timestamp units.
    frame: u32,
    head: Option<u32>,
    /// The next run on the ideal time line; `None`: the timer stands.
    planned: Option<Duration>,
    last_queued: Duration,
    /// Runs in a row up to here that dropped old packets.
    stale_runs: u32,
}

impl<T> Buffer<T> {
    /// `clock` of the timestamps in Hz, `ptime` in ms.
    pub(super) fn new(clock: u32, ptime: u32) -> Self {
        let frame = u64::from(clock) * u64::from(ptime) / 1000;
        Self {
            queue: VecDeque::new(),
            clock: clock.max(1),
            frame: u32::try_from(frame).unwrap_or(u32::MAX).max(1),
            head: None,
            planned: None,
            last_queued: Duration::ZERO,
            stale_runs: 0,
        }
    }

    /// Takes a packet; the first one starts the timer.
    pub(super) fn push(&mut self, packet: Queued<T>, filling: &GapFilling) {
        self.last_queued = packet.arrival;
        self.planned.get_or_insert(packet.arrival + filling.delay);
        if self.queue.len() < MAX_QUEUED {
            self.queue.push_back(packet);
        }
    }

    /// When the next run is.
    pub(super) fn due(&self) -> Option<Duration> {
        self.planned
    }

    /// The length of a frame in timestamp units.
    pub(super) fn frame(&self) -> u32 {
        self.frame
    }

    /// Timestamp of what was played last, fills counted.
    pub(super) fn head(&self) -> Option<u32> {
        self.head
    }

    /// The source has gone on with another number or SSRC: the timer stops and the oldest packet is dropped (rule 6).
    pub(super) fn stop(&mut self) {
        self.planned = None;
        self.queue.pop_front();
    }

    /// A packet that was decoded lasts this many units.
    pub(super) fn decoded(&mut self, duration: u32) {
        if duration != 0 {
            self.frame = duration;
        }
    }

    /// One period later; to be called after each run, when its packet is decoded. A timer that has fallen behind by more than a
    /// second goes on from now.
    pub(super) fn plan_next(&mut self, now: Duration, shift: Shift) {
        let Some(planned) = self.planned else { return };
        let period = Duration::from_micros(u64::from(self.frame) * 1_000_000 / u64::from(self.clock));
        let next = (planned + period + shift.later).saturating_sub(shift.earlier).max(planned + MIN_STEP);
        self.planned = Some(if next + Duration::from_secs(1) < now { now + period } else { next });
    }

    /// One run. `suppressed`: this packet's audio is replaced by an event (rule 7).
    pub(super) fn run(
        &mut self,
        now: Duration,
        filling: &GapFilling,
        mut suppressed: impl FnMut(&T, u32) -> bool,
    ) -> (Run<T>, Shift) {
        let mut shift = Shift::default();
        let mut stale = false;
        let run = loop {
            let Some(front) = self.queue.front() else { break self.fill(now, filling) };
            let empty = suppressed(&front.item, front.timestamp);
            let (distance, reset) = match self.examine(front, empty, stale, filling) {
                Verdict::Play { distance, reset } => (distance, reset),
                Verdict::Fill => break self.fill(now, filling),
                Verdict::Discard => {
                    self.stale_runs += u32::from(!stale);
                    stale = true;
                    self.queue.pop_front();
                    continue;
                }
            };
            let Some(packet) = self.queue.pop_front() else { break self.fill(now, filling) };
            if !self.keeps_up(&packet, (distance, reset), empty, now, filling, &mut shift) {
                continue;
            }
            if reset {
                (self.stale_runs, stale) = (0, false);
            }
            if empty {
                break Run::Empty;
            }
            let jump = if reset { distance - i64::from(self.frame) } else { 0 };
            self.head = Some(packet.timestamp);
            break Run::Play(packet.item, i32::try_from(jump).unwrap_or(0));
        };
        if !stale {
            self.stale_runs = 0;
        }
        (run, shift)
    }

    fn units(&self, ms: u64) -> i64 {
        i64::try_from(u64::from(self.clock) * ms / 1000).unwrap_or(i64::MAX)
    }

    /// Rule 3.
    fn examine(&self, packet: &Queued<T>, empty: bool, stale: bool, filling: &GapFilling) -> Verdict {
        let frame = i64::from(self.frame);
        let Some(head) = self.head else { return Verdict::Play { distance: frame, reset: false } };
        let distance = if empty { 0 } else { i64::from(packet.timestamp.wrapping_sub(head).cast_signed()) };
        if distance < -self.units(FAR_BEHIND_MS) || self.stale_runs > STALE_RUNS {
            return Verdict::Play { distance, reset: true };
        }
        if distance < 0 || (distance == 0 && stale) {
            return Verdict::Discard;
        }
        let delay = u64::try_from(filling.delay.as_millis()).unwrap_or(u64::MAX);
        let far = delay.saturating_mul(FAR_AHEAD_DELAYS).clamp(FAR_AHEAD_MIN_MS, u64::from(u32::MAX));
        if distance > self.units(far) {
            return Verdict::Play { distance, reset: true };
        }
        if distance >= 2 * frame { Verdict::Fill } else { Verdict::Play { distance, reset: false } }
    }

    /// Rule 4: the clock of the source against ours. `false`: the packet is dropped.
    fn keeps_up(
        &mut self,
        packet: &Queued<T>,
        (distance, reset): (i64, bool),
        empty: bool,
        now: Duration,
        filling: &GapFilling,
        shift: &mut Shift,
    ) -> bool {
        // Where time begins anew there is nothing to compare with, and a standing event is none of the clock's matter.
        let close = !reset && distance < i64::from(self.frame) && !(packet.event && distance == 0);
        if filling.shift.is_zero() {
            if close {
                self.head = self.head.map(|head| head.wrapping_sub(self.frame));
                return true;
            }
            return empty || !self.overflows(packet.timestamp, filling);
        }
        if now.saturating_sub(packet.arrival) < filling.delay {
            shift.later += filling.shift;
        } else if close {
            shift.later += filling.shift;
            return false;
        } else if self.overflows(packet.timestamp, filling) {
            shift.earlier += filling.shift;
        }
        true
    }

    fn overflows(&self, timestamp: u32, filling: &GapFilling) -> bool {
        let lag = self.units(u64::try_from(filling.lag.as_millis()).unwrap_or(u64::MAX).min(1 << 32));
        let newest = self.queue.back().filter(|_| self.queue.len() >= filling.buffer);
        newest.is_some_and(|newest| i64::from(newest.timestamp.wrapping_sub(timestamp).cast_signed()) >= lag)
    }

    /// Nothing to play (rules 3 and 5).
    fn fill(&mut self, now: Duration, filling: &GapFilling) -> Run<T> {
        if !filling.max.is_zero() && now.saturating_sub(self.last_queued) >= filling.max {
            self.queue.clear();
            (self.head, self.planned, self.stale_runs) = (None, None, 0);
            return Run::Over;
        }
        self.head = self.head.map(|head| head.wrapping_add(self.frame));
        Run::Fill
    }
}

/// By how much a run moves the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) later: Duration,
    pub(super) earlier: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn filling(shift: u64) -> GapFilling {
        GapFilling {
            delay: ms(50),
            max: Duration::from_secs(30),
            buffer: 10,
            lag: ms(100),
            shift: ms(shift),
            noise: None,
            amr_noise: false,
        }
    }

    /// A queue of 20 ms frames at 8000 Hz, each run at its time.
    struct Line {
        buffer: Buffer<u32>,
        filling: GapFilling,
    }

    impl Line {
        fn new(shift: u64) -> Self {
            Self { buffer: Buffer::new(8000, 20), filling: filling(shift) }
        }

        fn push(&mut self, arrival: u64, timestamp: u32) {
            let packet = Queued { arrival: ms(arrival), timestamp, event: false, item: timestamp };
            self.buffer.push(packet, &self.filling);
        }

        /// When the run was, and what it did.
        fn run(&mut self) -> (u64, Run<u32>) {
            self.run_with(false)
        }

        fn run_with(&mut self, suppressed: bool) -> (u64, Run<u32>) {
            let at = self.buffer.due().expect("the timer runs");
            let (run, shift) = self.buffer.run(at, &self.filling, |_, _| suppressed);
            self.buffer.plan_next(at, shift);
            (u64::try_from(at.as_millis()).unwrap_or(u64::MAX), run)
        }
    }

    const fn play(timestamp: u32) -> Run<u32> {
        Run::Play(timestamp, 0)
    }

    /// Rules 1, 3 and 5: after the delay one each period; a gap is filled and ends when packets return.
    #[test]
    fn rule_16_1_1_time_line_and_gap() {
        let mut line = Line::new(5);
        line.push(1000, 800);
        line.push(1020, 960);
        assert_eq!(line.run(), (1050, play(800)));
        assert_eq!(line.run(), (1070, play(960)));
        assert_eq!(line.run(), (1090, Run::Fill));
        assert_eq!(line.run(), (1110, Run::Fill));
        line.push(1080, 1440);
        assert_eq!(line.run(), (1130, play(1440)));
    }

    /// Rule 3e and 3f: what is two frames ahead waits, less is played.
    #[test]
    fn rule_16_1_3e_waits_for_its_time() {
        let mut line = Line::new(5);
        line.push(0, 0);
        line.push(0, 320);
        assert_eq!(line.run(), (50, play(0)));
        assert_eq!(line.run(), (70, Run::Fill));
        assert_eq!(line.run(), (90, play(320)));
        line.push(40, 320 + 319);
        assert_eq!(line.run().1, play(320 + 319));
    }

    /// Rules 3b and 3d: far behind and far ahead begin anew; the limit ahead is the greater of 20 delays and 200 ms.
    #[test]
    fn rule_16_1_3_resets() {
        let mut line = Line::new(5);
        line.push(0, 100_000);
        assert_eq!(line.run(), (50, play(100_000)));
        line.push(0, 100_000 + 8001);
        assert_eq!(line.run().1, Run::Play(108_001, 8001 - 160), "a second is 20 delays");
        line.push(0, 108_001 - 801);
        assert_eq!(line.run().1, Run::Play(107_200, -801 - 160));
        line.push(0, 107_200 + 8000);
        assert_eq!(line.run().1, Run::Fill);
        line.filling.delay = ms(5);
        let mut line = Line { buffer: Buffer::new(8000, 20), ..line };
        line.push(0, 0);
        line.push(0, 1601);
        assert_eq!(line.run(), (5, play(0)));
        assert_eq!(line.run(), (25, Run::Play(1601, 1601 - 160)));
    }

    /// Rules 3b and 3c: old packets are dropped, but not for ever.
    #[test]
    fn rule_16_1_3c_old_packets() {
        let mut line = Line::new(5);
        line.push(0, 8000);
        assert_eq!(line.run(), (50, play(8000)));
        for n in 0..3u32 {
            line.push(0, 7999 + 160 * n);
            line.push(0, 8000 + 160 * n);
            assert_eq!(line.run().1, Run::Fill, "both are old in run {n}");
        }
        line.push(0, 8479);
        line.push(0, 8480);
        assert_eq!(
            line.run().1,
            Run::Play(8480, -160),
            "the fourth run with an old packet takes the next one"
        );
    }

    /// Rule 4 with a shift: too early, too close, too many.
    #[test]
    fn rule_16_1_4_shift() {
        let mut line = Line::new(5);
        line.push(0, 0);
        assert_eq!(line.run(), (50, play(0)));
        line.push(30, 160);
        assert_eq!(line.run(), (70, play(160)), "younger than the delay: the next one is later");
        line.push(40, 160 + 80);
        line.push(40, 160 + 160);
        assert_eq!(line.run(), (95, play(320)), "half a frame on: dropped");
        assert_eq!(line.run(), (120, Run::Fill));
        (0..11).for_each(|n| line.push(50, 640 + 160 * n));
        assert_eq!(line.run(), (140, play(640)), "ten behind it, 200 ms");
        assert_eq!(line.run(), (155, play(800)), "nine: no more");
        assert_eq!(line.run().0, 175);
    }

    /// Rule 4 without a shift: time goes back, or a packet is dropped.
    #[test]
    fn rule_16_1_4_no_shift() {
        let mut line = Line::new(0);
        line.push(0, 0);
        assert_eq!(line.run(), (50, play(0)));
        line.push(40, 80);
        assert_eq!(line.run(), (70, play(80)));
        (0..12).for_each(|n| line.push(50, 240 + 160 * n));
        assert_eq!(line.run(), (90, Run::Fill), "one is dropped, the next one is two frames on");
        assert_eq!(line.buffer.queue.len(), 11);
    }

    /// Rule 5: the limit, after which everything begins anew; zero is none.
    #[test]
    fn rule_16_1_5_limit() {
        let mut line = Line::new(5);
        line.filling.max = ms(100);
        line.push(0, 0);
        assert_eq!(line.run(), (50, play(0)));
        assert_eq!(line.run(), (70, Run::Fill));
        assert_eq!(line.run(), (90, Run::Fill));
        assert_eq!(line.run(), (110, Run::Over));
        assert_eq!((line.buffer.due(), line.buffer.head()), (None, None));
        line.push(5000, 77);
        assert_eq!(line.run(), (5050, play(77)));
        line.filling.max = Duration::ZERO;
        assert!((0..10_000).all(|_| line.run().1 == Run::Fill));
    }

    /// Rule 6: the packet taken is lost, the rest stays for the next start.
    #[test]
    fn rule_16_1_6_stop() {
        let mut line = Line::new(5);
        (0..3).for_each(|n| line.push(0, 160 * n));
        assert_eq!(line.run(), (50, play(0)));
        line.buffer.stop();
        assert_eq!(line.buffer.due(), None);
        line.push(500, 480);
        assert_eq!(line.run(), (550, Run::Fill));
        assert_eq!(line.run(), (570, play(320)));
    }

    /// Rule 7: an empty place is dropped with a shift, or takes a turn and sets time back.
    #[test]
    fn rule_16_1_7_suppressed() {
        let mut line = Line::new(5);
        line.push(0, 0);
        assert_eq!(line.run(), (50, play(0)));
        line.push(0, 160);
        assert_eq!(line.run_with(true), (70, Run::Fill));
        assert_eq!(line.run().0, 95);
        let mut line = Line::new(0);
        line.push(0, 1600);
        assert_eq!(line.run(), (50, play(1600)));
        line.push(0, 1760);
        assert_eq!(line.run_with(true), (70, Run::Empty));
        assert_eq!(line.buffer.head(), Some(1440));
    }

    /// Rule 4: events stand still in time and are all played.
    #[test]
    fn rule_16_1_4_events() {
        for shift in [0, 5] {
            let mut line = Line::new(shift);
            for _ in 0..3 {
                let packet = Queued { arrival: ms(0), timestamp: 160, event: true, item: 160 };
                line.buffer.push(packet, &line.filling);
            }
            assert_eq!([line.run(), line.run(), line.run()], [50, 70, 90].map(|at| (at, play(160))));
        }
    }

    /// Rule 1: the period becomes the duration of the packets.
    #[test]
    fn rule_16_1_1_period() {
        let mut line = Line::new(5);
        line.push(0, 0);
        line.push(0, 480);
        line.buffer.decoded(480);
        assert_eq!((line.run(), line.run()), ((50, play(0)), (110, play(480))));
    }

    /// A stall is made up for, a long one is not; foreign packets cannot fill the memory.
    #[test]
    fn bounds() {
        let mut line = Line::new(5);
        (0..2000).for_each(|n| line.push(0, n));
        assert_eq!(line.buffer.queue.len(), MAX_QUEUED);
        line.buffer.plan_next(Duration::from_secs(60), Shift::default());
        assert_eq!(line.buffer.due(), Some(ms(60_020)));
    }
}
