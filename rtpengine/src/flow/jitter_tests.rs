//! media-plane.md §18.1, with time by hand.

use super::*;

const SETTINGS: JitterSettings = JitterSettings { packets: 5, clock_drift: false, adaptive: None };

/// A stream of 20 ms packets at 8000 Hz into a buffer.
struct Line {
    buffer: JitterBuffer<u16>,
    start: Instant,
    now: Instant,
    /// Number and milliseconds since the start of what left.
    left: Vec<(u16, u64)>,
    /// Numbers below are of no interest any more.
    floor: u16,
}

fn info(number: u16) -> JitterInfo {
    JitterInfo {
        sequence_number: number,
        timestamp: u32::from(number).wrapping_mul(160),
        ssrc: 1,
        payload_type: 0,
        marker: false,
        clock: Some(8000),
        dtmf: false,
    }
}

impl Line {
    fn new(settings: JitterSettings) -> Self {
        let start = Instant::now();
        Self { buffer: JitterBuffer::new(settings), start, now: start, left: Vec::new(), floor: 0 }
    }

    /// A buffer whose first packets have gone by: number 30 comes next, at 600 ms.
    fn warm(settings: JitterSettings) -> Self {
        let mut line = Self::new(settings);
        for number in 0..30 {
            line.at(u64::from(number) * 20, number);
        }
        assert_eq!(line.take().len(), 30);
        line
    }

    fn run_to(&mut self, us: u64) {
        let end = self.start + Duration::from_micros(us);
        while let Some(due) = self.buffer.due().filter(|due| *due <= end) {
            let mut out = Vec::new();
            self.now = self.now.max(due);
            self.buffer.pop(due, &mut out);
            self.note(out);
        }
        self.now = end;
    }

    fn note(&mut self, out: Vec<u16>) {
        let ms = (self.now - self.start).as_millis() as u64;
        self.left.extend(out.into_iter().map(|number| (number, ms)));
    }

    fn push(&mut self, info: JitterInfo) {
        let mut out = Vec::new();
        self.buffer.push(self.now, &info, info.sequence_number, &mut out);
        self.note(out);
    }

    fn at_with(&mut self, ms: u64, info: JitterInfo) {
        self.run_to(ms * 1000);
        self.push(info);
    }

    fn at(&mut self, ms: u64, number: u16) {
        self.at_with(ms, info(number));
    }

    fn take(&mut self) -> Vec<(u16, u64)> {
        let mut left = std::mem::take(&mut self.left);
        left.retain(|(number, _)| *number >= self.floor || *number == 0);
        left
    }

    /// Makes the depth what is asked for, by gaps of one packet; returns the next number. The last ones before it still wait.
    fn deepen(&mut self, from: u16, depth: u32) -> u16 {
        let mut number = from;
        for _ in 0..depth {
            self.at(u64::from(number) * 20, number);
            number += 2;
        }
        for _ in 0..20 {
            self.at(u64::from(number) * 20, number);
            number += 1;
        }
        self.run_to(u64::from(number) * 20_000 - 1);
        assert_eq!(self.buffer.depth(), depth.min(self.buffer.settings().packets));
        self.floor = number;
        self.take();
        number
    }
}

/// Rule 1: the first 30 packets leave at once, in whatever order; a payload type without clock too.
#[test]
fn rule_1_bypass() {
    let mut line = Line::new(SETTINGS);
    for number in [3, 1, 2] {
        line.at(0, number);
    }
    assert_eq!(line.take(), [(3, 0), (1, 0), (2, 0)]);
    let mut line = Line::warm(SETTINGS);
    let next = line.deepen(30, 2);
    let at = u64::from(next) * 20;
    line.at(at, next);
    line.at_with(at + 1, JitterInfo { clock: None, payload_type: 13, ..info(next + 1) });
    assert_eq!(line.take(), [(next + 1, at + 1)], "comfort noise alone bypasses");
    line.at_with(at + 2, JitterInfo { clock: None, payload_type: 99, ..info(next + 2) });
    let left = line.take();
    assert_eq!(
        (left.last(), line.buffer.len()),
        (Some(&(next + 2, at + 2)), 0),
        "and others make it begin anew"
    );
}

/// Rules 2, 3 and 5: nothing is held back while nothing is missing; each gap adds a packet of delay.
#[test]
fn rules_2_3_5_depth() {
    let mut line = Line::warm(SETTINGS);
    for number in 30..40 {
        line.at(u64::from(number) * 20, number);
    }
    assert_eq!(line.take(), (30..40).map(|n| (n, u64::from(n) * 20)).collect::<Vec<_>>());
    let next = line.deepen(40, 3);
    // 60 ms of delay take in what comes late and out of order.
    let at = |number: u16| u64::from(number) * 20;
    line.at(at(next + 1), next + 1);
    line.at(at(next + 1) + 10, next);
    line.at(at(next + 2) + 45, next + 2);
    line.run_to(at(next + 10) * 1000);
    assert_eq!(line.take(), [0, 1, 2].map(|n| (next + n, at(next + n) + 60)));
}

/// Rule 5: the depth is bounded, a marker excuses a gap, and 500 packets in sequence make it smaller.
#[test]
fn rule_5_bounds() {
    let mut line = Line::warm(SETTINGS);
    let next = line.deepen(30, 7);
    assert_eq!(line.buffer.depth(), 5);
    for number in next..next + 490 {
        line.at(u64::from(number) * 20, number);
    }
    line.run_to(u64::from(next + 600) * 20_000);
    assert_eq!(line.buffer.depth(), 4);
    line.at_with(u64::from(next + 600) * 20, JitterInfo { marker: true, ..info(next + 600) });
    line.run_to(u64::from(next + 620) * 20_000);
    assert_eq!(line.buffer.depth(), 4);
}

/// Rule 4: what is late or too far ahead leaves at once, and then times are counted anew.
#[test]
fn rule_4_limits() {
    let mut line = Line::warm(SETTINGS);
    line.at(600, 30);
    line.at(620, 31);
    line.at(740, 32);
    line.at(745, 33);
    line.at(750, 34);
    assert_eq!(line.take(), [(30, 600), (31, 620), (32, 740), (33, 745), (34, 750)]);
    line.at(760, 300);
    assert_eq!(line.take(), [(300, 760)], "five seconds ahead");
    line.at(765, 301);
    line.run_to(3_000_000);
    // 301 became the reference: with the gap one packet of delay is there already.
    assert_eq!(line.take(), [(301, 785)]);
}

/// Rule 2: marker, SSRC, payload type, number 0 and what follows an event are references.
#[test]
fn rule_2_references() {
    let mut line = Line::warm(SETTINGS);
    let next = line.deepen(30, 2);
    let base = u64::from(next) * 20;
    let jump = |n: u16| JitterInfo { timestamp: 77_000 + u32::from(n) * 160, ..info(next + n) };
    // Timestamps that have nothing to do with those before: each of these makes them the measure.
    for (step, change) in [
        JitterInfo { marker: true, ..jump(0) },
        JitterInfo { ssrc: 2, ..jump(0) },
        JitterInfo { ssrc: 2, payload_type: 8, ..jump(0) },
        JitterInfo { ssrc: 2, payload_type: 8, sequence_number: 0, ..jump(0) },
    ]
    .into_iter()
    .enumerate()
    {
        let at = base + step as u64 * 1000;
        line.at_with(at, change);
        line.run_to((at + 999) * 1000);
        let left = line.take();
        let depth = u64::from(line.buffer.depth());
        assert_eq!(left.len(), 1, "{change:?}");
        assert!((at + 40..=at + 20 * depth.max(2)).contains(&left[0].1), "{change:?} {left:?}");
    }
}

/// Rules 2 and 3: the packets of an event have one timestamp and leave one after the other, and so does the audio after it.
#[test]
fn rule_3_events() {
    let mut line = Line::warm(SETTINGS);
    let next = line.deepen(30, 2);
    let base = u64::from(next) * 20;
    for n in 0..3 {
        let event =
            JitterInfo { dtmf: true, payload_type: 101, timestamp: u32::from(next) * 160, ..info(next + n) };
        line.at_with(base + u64::from(n), event);
    }
    line.at(base + 60, next + 3);
    line.at(base + 80, next + 4);
    line.run_to((base + 1000) * 1000);
    let left = line.take();
    assert_eq!(left.iter().map(|(number, _)| number - next).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(left[..3].iter().map(|(_, at)| at - base).collect::<Vec<_>>(), [40, 40, 40]);
    assert_eq!(left[3..].iter().map(|(_, at)| at - base).collect::<Vec<_>>(), [100, 120]);
}

/// Rule 6: ten gaps in a row empty the buffer, the second time it gives up.
#[test]
fn rule_6_gives_up() {
    let mut line = Line::warm(SETTINGS);
    let mut number = 30;
    let mut sent = 0;
    for _ in 0..60 {
        line.at(u64::from(number) * 20, number);
        number += 2;
        sent += 1;
    }
    assert!(line.buffer.is_off());
    assert_eq!((line.buffer.len(), line.take().len()), (0, sent));
    line.at(u64::from(number) * 20 + 500, number);
    assert_eq!(line.take().len(), 1);
}

/// Rule 6: a burst of three times the size passes at once.
#[test]
fn rule_6_burst() {
    let mut line = Line::warm(SETTINGS);
    // Without a packet time yet (all packets have one timestamp) nothing can be left out.
    for number in 30..50 {
        line.at_with(600, JitterInfo { timestamp: 4800, marker: false, ..info(number) });
    }
    assert!(line.buffer.len() < 15);
    line.run_to(2_000_000);
    assert_eq!(line.take().len(), 20, "every packet appears (rule 9)");
}

/// Rule 7: a sender whose clock is slow is followed; one that is beyond all measure is not.
#[test]
fn rule_7_drift() {
    for (drift_us, followed) in [(500u64, true), (12_000, false)] {
        let mut line = Line::warm(JitterSettings { clock_drift: true, ..SETTINGS });
        for n in 0..200u16 {
            line.run_to(600_000 + u64::from(n) * (20_000 + drift_us));
            line.push(info(30 + n));
        }
        let corrected = line.buffer.drift.per_packet_us;
        if followed {
            assert!(corrected.abs_diff(drift_us.cast_signed()) < 60, "{corrected}");
        } else {
            assert_eq!((corrected, line.buffer.drift.off), (0, true));
        }
    }
}

/// Rule 8: the adaptive delay is mean and four deviations of the jitter, within its bounds.
#[test]
fn rule_8_adaptive() {
    let bounds = |min, max| Some((Duration::from_millis(min), Duration::from_millis(max)));
    let target = |adaptive, jitter: &dyn Fn(u64) -> u64| {
        let mut line = Line::warm(JitterSettings { adaptive, ..SETTINGS });
        for n in 0..100u16 {
            line.run_to(600_000 + u64::from(n) * 20_000 + jitter(u64::from(n)) * 1000);
            line.push(info(30 + n));
        }
        line.buffer.target.as_millis()
    };
    assert_eq!(target(bounds(0, 300), &|_| 0), 0);
    assert_eq!(target(bounds(25, 300), &|_| 0), 25);
    let unsteady = target(bounds(0, 300), &|n| if n == 0 { 0 } else { n % 2 * 10 });
    assert!((20..=30).contains(&unsteady), "mean 5, deviation 5: {unsteady}");
    assert_eq!(target(bounds(0, 15), &|n| n % 2 * 10), 15);
}

/// Rule 9 and bounds: whatever comes, everything leaves, within a second, and what waits is bounded.
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn everything_leaves(
            packets in 0u32..20,
            clock_drift in any::<bool>(),
            adaptive in any::<bool>(),
            stream in prop::collection::vec(
                (0u64..60, prop_oneof![4 => 0u16..3, 1 => any::<u16>()], prop_oneof![4 => Just(160u32), 1 => any::<u32>()], any::<u8>()),
                0..300,
            ),
        ) {
            let adaptive = adaptive.then_some((Duration::ZERO, Duration::from_secs(1)));
            let mut buffer = JitterBuffer::new(JitterSettings { packets: packets.max(1), clock_drift, adaptive });
            let (mut now, mut out) = (Instant::now(), Vec::new());
            let (mut number, mut timestamp) = (0u16, 0u32);
            let total = stream.len();
            for (at, (ms, step, units, odd)) in stream.into_iter().enumerate() {
                now += Duration::from_millis(ms);
                number = number.wrapping_add(step);
                timestamp = timestamp.wrapping_add(units);
                buffer.pop(now, &mut out);
                let info = JitterInfo {
                    sequence_number: number,
                    timestamp,
                    ssrc: u32::from(odd == 1),
                    payload_type: odd & 2,
                    marker: odd & 0x70 == 0x70,
                    clock: (odd != 77).then_some(8000),
                    dtmf: odd & 0x0f == 0x0f,
                };
                buffer.push(now, &info, at, &mut out);
                prop_assert!(buffer.due().is_none_or(|due| due <= now + MAX_AHEAD + Duration::from_millis(100)));
                prop_assert!(buffer.len() <= MAX_QUEUE);
            }
            buffer.pop(now + Duration::from_secs(2), &mut out);
            out.sort_unstable();
            out.dedup();
            prop_assert_eq!(out.len() + buffer.discarded, total);
            prop_assert_eq!(buffer.len(), 0);
        }
    }
}
