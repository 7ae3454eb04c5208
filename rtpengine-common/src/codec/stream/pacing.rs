//! When a transcoded packet leaves (`codecs.md` §14.5).
//!
//! Packets leave on a time line: the moment of one packet, and the timestamps from there on. The line lies where the packets come that
//! waited for nothing on their way. One that is a little late leaves when it comes and holds nobody up; one that is late for real moves
//! the line at once, and a lead that no packet needs is taken back step by step.

use std::time::Duration;

/// Off by more than this: the reference is taken anew.
const RESET: Duration = Duration::from_secs(1);
/// Early or late by less than this, and by less than half a packet, is the coarseness of arrival times and the ordinary jitter of a
/// network, which are passed on: at the receiver the next packet is still the next.
const JITTER: Duration = Duration::from_millis(10);
/// A lead that no packet needs is taken back by this much at a time: less than from packet to packet, so that the pace is kept. The rule
/// names leads above 50 ms; smaller ones go the same way, for else each late turn of a thread would delay a stream for good.
const SKEW_STEP: Duration = Duration::from_millis(10);
/// Packets over which lead and lateness are looked at: some of them came in time, even where they come several at once.
const SAMPLES: u32 = 25;

/// The ideal time line of one stream of packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacer {
    reference: Option<(Duration, u32)>,
    /// When the last packet leaves.
    last: Duration,
    window: Option<Window>,
}

/// How packets came, compared to the line.
#[derive(Clone, Copy, Debug)]
struct Window {
    packets: u32,
    /// Smallest and largest lead; zero for those that were late.
    leads: (Duration, Duration),
    /// Smallest lateness; zero unless all were late.
    lateness: Duration,
    /// All were early or late by no more than jitter.
    jitter: bool,
}

impl Pacer {
    /// When a packet ready at `now` leaves; never before `now`, nor before the packet before it.
    pub fn send_at(&mut self, now: Duration, timestamp: u32, clock: u32) -> Duration {
        self.last = self.on_line(now, timestamp, clock).max(now).max(self.last);
        self.last
    }

    /// The moment on the line, which moves if it has to.
    fn on_line(&mut self, now: Duration, timestamp: u32, clock: u32) -> Duration {
        let Some((start, first)) = self.reference else { return self.restart(now, timestamp) };
        let units = timestamp.wrapping_sub(first).cast_signed();
        let distance =
            Duration::from_micros(u64::from(units.unsigned_abs()) * 1_000_000 / u64::from(clock.max(1)));
        let ideal = if units >= 0 { start.checked_add(distance) } else { start.checked_sub(distance) };
        let jitter = JITTER.min(distance / 2);
        let Some(ideal) = ideal.filter(|ideal| *ideal + jitter > now && *ideal <= now + RESET) else {
            // Another time altogether, or late: the line moves with it.
            return self.restart(now, timestamp);
        };
        self.reference = Some((ideal, timestamp));
        self.look(ideal.saturating_sub(now), now.saturating_sub(ideal), jitter);
        ideal
    }

    fn restart(&mut self, now: Duration, timestamp: u32) -> Duration {
        *self = Self { reference: Some((now, timestamp)), last: self.last, window: None };
        now
    }

    /// Moves the line for the packets to come by what the last ones have in common.
    fn look(&mut self, lead: Duration, lateness: Duration, jitter: Duration) {
        let seen = self.window.unwrap_or(Window { packets: 0, leads: (lead, lead), lateness, jitter: true });
        let window = Window {
            packets: seen.packets + 1,
            leads: (seen.leads.0.min(lead), seen.leads.1.max(lead)),
            lateness: seen.lateness.min(lateness),
            jitter: seen.jitter && lead < jitter,
        };
        self.window = Some(window).filter(|window| window.packets < SAMPLES);
        if self.window.is_none()
            && let Some((start, _)) = &mut self.reference
        {
            let back = if window.jitter { window.leads.1 } else { window.leads.0.min(SKEW_STEP) };
            *start = start.saturating_sub(back) + window.lateness;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// `codecs.md` §14.5: a burst leaves at the pace of its timestamps, late packets shift the line, a jump resets it.
    #[test]
    fn rule_14_5() {
        let mut pacer = Pacer::default();
        assert_eq!(pacer.send_at(ms(1000), 0, 8000), ms(1000));
        assert_eq!(pacer.send_at(ms(1000), 160, 8000), ms(1020));
        assert_eq!(pacer.send_at(ms(1000), 320, 8000), ms(1040));
        assert_eq!(pacer.send_at(ms(1070), 480, 8000), ms(1070), "late");
        assert_eq!(pacer.send_at(ms(1075), 640, 8000), ms(1090), "on the shifted line");
        assert_eq!(pacer.send_at(ms(1100), 16000, 8000), ms(1100), "more than a second ahead");
        assert_eq!(pacer.send_at(ms(1100), 160, 8000), ms(1100), "or behind");
    }

    /// Sends packets of 20 ms that come `delay` of their number, in ms, after their time, and gives how long each is held.
    fn held(pacer: &mut Pacer, numbers: std::ops::Range<u32>, delay: impl Fn(u32) -> u64) -> Vec<Duration> {
        let hold = |n: u32| {
            let now = ms(1000 + u64::from(n) * 20 + delay(n));
            pacer.send_at(now, n.wrapping_mul(160), 8000) - now
        };
        numbers.map(hold).collect()
    }

    /// One packet that is a little late leaves when it comes, and the next ones, which are not, as well.
    #[test]
    fn a_late_packet_holds_nobody_up() {
        let mut pacer = Pacer::default();
        let holds = held(&mut pacer, 0..1000, |n| if n % 7 == 3 { 9 } else { 0 });
        assert_eq!(holds.iter().max(), Some(&Duration::ZERO));
    }

    /// The line goes to where the earliest packets come, also when the first one was late.
    #[test]
    fn jitter_passes() {
        let mut pacer = Pacer::default();
        let holds = held(&mut pacer, 0..300, |n| if n == 0 { 9 } else { u64::from(n * 7 % 5) });
        assert_eq!(holds[1..26].iter().max(), Some(&ms(9)));
        assert!(holds[26..].iter().all(Duration::is_zero), "{holds:?}");
    }

    /// One packet that is late for real does not delay the stream for good; the way back has no jump.
    #[test]
    fn a_lead_that_nobody_needs_goes_away() {
        let mut pacer = Pacer::default();
        let holds = held(&mut pacer, 0..160, |n| if n == 1 { 42 } else { 0 });
        assert_eq!((holds[1], holds[2], holds[27]), (ms(0), ms(42), ms(32)));
        assert!(
            holds[2..].windows(2).all(|two| two[0] >= two[1] && two[0] - two[1] <= SKEW_STEP),
            "{holds:?}"
        );
        assert_eq!(holds[102..127], [ms(2); 25]);
        assert!(holds[127..].iter().all(Duration::is_zero), "{holds:?}");
    }

    /// Leads that some packets need stay.
    #[test]
    fn three_at_a_time_keep_their_pace() {
        let mut pacer = Pacer::default();
        for n in 0..300u32 {
            let now = ms(u64::from(n / 3) * 60);
            assert_eq!(pacer.send_at(now, n * 160, 8000), ms(u64::from(n) * 20));
        }
    }

    /// A source whose clock is slow or fast by a thousandth, with jitter: the line goes along and holds nothing for long.
    #[test]
    fn the_line_follows_a_drift() {
        for fast in [false, true] {
            let mut pacer = Pacer::default();
            let drift = |n: u32| u64::from(if fast { 40_000 - n } else { n }) / 50 + u64::from(n * 7 % 3);
            let mut holds = held(&mut pacer, 0..40_000, drift);
            holds.sort_unstable();
            assert!(holds[39_600] <= ms(2), "99th percentile, fast {fast}: {:?}", holds[39_600]);
        }
    }

    /// Ten seconds of audio at once: nothing overtakes, and the line is the present one again.
    #[test]
    fn a_flood_keeps_its_order() {
        let mut pacer = Pacer::default();
        let times: Vec<Duration> = (0..500).map(|n| pacer.send_at(ms(1000), n * 160, 8000)).collect();
        assert!(times.is_sorted());
        assert!(times.iter().all(|time| *time <= ms(2000)));
        let holds = held(&mut pacer, 501..600, |_| 0);
        assert!(holds.iter().all(|hold| *hold <= RESET));
        assert_eq!(holds.last(), Some(&Duration::ZERO));
    }

    /// `codecs.md` §14.5: a steady lead of more than 50 ms goes down by 10 ms every 25 packets.
    #[test]
    fn rule_14_5_skew() {
        let mut pacer = Pacer::default();
        pacer.send_at(ms(0), 0, 8000);
        pacer.send_at(ms(0), 800, 8000);
        let mut leads = Vec::new();
        for n in 1..=80u32 {
            let now = ms(u64::from(n) * 20);
            leads.push((pacer.send_at(now, 800 + n * 160, 8000) - now).as_millis());
        }
        assert_eq!(leads.first(), Some(&100));
        assert_eq!((leads.get(30), leads.get(55), leads.get(79)), (Some(&90), Some(&80), Some(&70)));
    }
}
