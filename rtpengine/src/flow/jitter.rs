//! The jitter buffer of one stream (media-plane.md §18.1): when each packet leaves. No clock and no sockets; packets are of any type.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Packets of a stream that are not buffered.
const BYPASSED: u32 = 30;
/// Packets that leave further ahead than this leave at once.
const MAX_AHEAD: Duration = Duration::from_secs(1);
/// Distance of what must not share a moment.
const STEP: Duration = Duration::from_micros(100);
/// After this many numbers the reference is taken anew.
const MAX_DISTANCE: u16 = 3000;
/// Packets in sequence after which the buffer gets shorter.
const CALM: u32 = 500;
/// Gaps without a packet in sequence between them that end it all.
const MAX_GAPS: u32 = 10;
/// Packets over which drift is measured, and the drift in a packet that is none.
const DRIFT_PACKETS: u32 = 40;
const MAX_DRIFT_US: i64 = 10_000;
/// Samples before the adaptive delay follows, and between its changes; a sample beyond the limit is none.
const ADAPTIVE_SAMPLES: u32 = 10;
const MAX_SAMPLE: Duration = Duration::from_secs(2);
/// Packets waiting at most, whatever size was configured.
const MAX_QUEUE: usize = 4096;

/// `--jitter-buffer` and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JitterSettings {
    /// Size in packets, not 0.
    pub packets: u32,
    /// `--jb-clock-drift`
    pub clock_drift: bool,
    /// `--jb-adaptive` with its bounds.
    pub adaptive: Option<(Duration, Duration)>,
}

/// What is known of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JitterInfo {
    /// Sequence number.
    pub sequence_number: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// SSRC.
    pub ssrc: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Clock rate of the payload type, if it is known.
    pub clock: Option<u32>,
    /// It is telephone-event.
    pub dtmf: bool,
}

/// From where times are counted.
#[derive(Clone, Copy, Debug)]
struct Reference {
    at: Instant,
    timestamp: u32,
    sequence_number: u16,
    ssrc: u32,
    payload_type: u8,
}

#[derive(Debug)]
struct Entry<T> {
    sequence_number: u16,
    marker: bool,
    dtmf: bool,
    item: T,
}

/// Running mean and deviation (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: u32,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, sample: f64) {
        self.count = self.count.saturating_add(1);
        let delta = sample - self.mean;
        self.mean += delta / f64::from(self.count);
        self.squares += delta * (sample - self.mean);
    }

    fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / f64::from(self.count - 1)).sqrt() }
    }
}

/// Corrects a sender's clock that runs faster or slower.
#[derive(Clone, Copy, Debug, Default)]
struct Drift {
    packets: u32,
    sum_us: i64,
    /// Microseconds added for each packet since the reference.
    per_packet_us: i64,
    off: bool,
}

impl Drift {
    /// A packet came `error_us` later than it should, `distance` packets after the reference.
    fn add(&mut self, error_us: i64, distance: u16) {
        if self.off || distance == 0 {
            return;
        }
        self.sum_us = self.sum_us.saturating_add(error_us / i64::from(distance));
        self.packets += 1;
        if self.packets < DRIFT_PACKETS {
            return;
        }
        let per_packet_us = self.sum_us / i64::from(DRIFT_PACKETS);
        self.off = per_packet_us.abs() > MAX_DRIFT_US;
        *self = Self {
            per_packet_us: if self.off { 0 } else { per_packet_us },
            off: self.off,
            ..Self::default()
        };
    }
}

/// The buffer. What leaves is appended to a list of the caller's.
#[derive(Debug)]
pub(super) struct JitterBuffer<T> {
    settings: JitterSettings,
    bypass: u32,
    off: bool,
    resets: u32,
    reference: Option<Reference>,
    /// The next packet is the reference, whatever it is.
    restart: bool,
    /// Timestamp units of a packet, and whether they were measured since the reference.
    units: Option<u32>,
    measured: bool,
    /// Packets held back.
    depth: u32,
    queue: BTreeMap<(Instant, u64), Entry<T>>,
    serial: u64,
    /// Highest number planned since the reference, and when it leaves.
    planned: Option<(u16, Instant)>,
    /// Timestamp of the event going on, and packets of it.
    event: Option<(u32, u32)>,
    /// What leaves next if nothing is missing.
    expected: Option<u16>,
    in_sequence: u32,
    gaps: u32,
    drift: Drift,
    spread: Spread,
    target: Duration,
    /// Packets given up because too many waited (rule 6).
    #[cfg(test)]
    discarded: usize,
}

fn ahead(number: u16, of: u16) -> Option<u16> {
    let distance = number.wrapping_sub(of);
    (distance < 0x8000).then_some(distance)
}

/// Time that so many units of a clock take; negative before.
fn micros(units: i64, clock: u32) -> i64 {
    units.saturating_mul(1_000_000) / i64::from(clock.max(1))
}

fn shift(at: Instant, us: i64) -> Option<Instant> {
    let distance = Duration::from_micros(us.unsigned_abs());
    if us < 0 { at.checked_sub(distance) } else { at.checked_add(distance) }
}

fn signed_us(from: Instant, to: Instant) -> i64 {
    let us = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    if to >= from { us(to - from) } else { -us(from - to) }
}

impl<T> JitterBuffer<T> {
    /// A buffer that has seen nothing.
    #[must_use]
    pub(super) fn new(settings: JitterSettings) -> Self {
        Self {
            settings,
            bypass: BYPASSED,
            off: false,
            resets: 0,
            reference: None,
            restart: false,
            units: None,
            measured: false,
            depth: 0,
            queue: BTreeMap::new(),
            serial: 0,
            planned: None,
            event: None,
            expected: None,
            in_sequence: 0,
            gaps: 0,
            drift: Drift::default(),
            spread: Spread::default(),
            target: settings.adaptive.map_or(Duration::ZERO, |(min, _)| min),
            #[cfg(test)]
            discarded: 0,
        }
    }

    /// What it was made with.
    #[must_use]
    pub(super) fn settings(&self) -> &JitterSettings {
        &self.settings
    }

    /// Packets held back at present.
    #[cfg(test)]
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Given up for this stream.
    #[cfg(test)]
    pub(super) fn is_off(&self) -> bool {
        self.off
    }

    /// Packets waiting.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Nothing waits.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When [`JitterBuffer::pop`] has something to give.
    #[must_use]
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes a packet that arrives at `now`. What leaves at once is appended to `out`: the packet itself, or all that waits.
    pub(super) fn push(&mut self, now: Instant, info: &JitterInfo, item: T, out: &mut Vec<T>) {
        if self.off {
            out.push(item);
            return;
        }
        if self.bypass > 0 {
            self.bypass -= 1;
            out.push(item);
            return;
        }
        let Some(clock) = info.clock.filter(|clock| *clock != 0) else {
            if info.payload_type != 13 && self.reference.is_some() {
                self.reset(out);
            }
            out.push(item);
            return;
        };
        let at = self.plan(now, info, clock);
        self.serial += 1;
        let entry =
            Entry { sequence_number: info.sequence_number, marker: info.marker, dtmf: info.dtmf, item };
        self.queue.insert((at, self.serial), entry);
        self.pop(now, out);
        self.relieve(now, clock, out);
    }

    /// Appends what leaves now, in order.
    pub(super) fn pop(&mut self, now: Instant, out: &mut Vec<T>) {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= now) {
            let entry = entry.remove();
            let broken = self.left(&entry);
            out.push(entry.item);
            if broken {
                self.reset(out);
            }
        }
    }

    /// Appends everything that waits, in order.
    pub(super) fn flush(&mut self, out: &mut Vec<T>) {
        out.extend(std::mem::take(&mut self.queue).into_values().map(|entry| entry.item));
    }

    /// Everything leaves, and the stream begins anew; the second time the buffer gives up.
    fn reset(&mut self, out: &mut Vec<T>) {
        self.flush(out);
        self.resets += 1;
        self.off = self.resets > 1;
        self.reference = None;
        self.units = None;
        self.planned = None;
        self.event = None;
        self.expected = None;
        self.in_sequence = 0;
        self.gaps = 0;
    }

    /// Whether times are counted from this packet on (rule 2). Keeps track of the event going on.
    fn is_reference(&mut self, info: &JitterInfo) -> bool {
        let event = self.event;
        if info.dtmf {
            let run =
                event.filter(|(timestamp, _)| *timestamp == info.timestamp).map_or(0, |(_, run)| run + 1);
            self.event = Some((info.timestamp, run));
        } else {
            self.event = None;
        }
        let Some(reference) = self.reference else { return true };
        std::mem::take(&mut self.restart)
            || info.marker
            || info.ssrc != reference.ssrc
            || info.sequence_number == 0
            || (info.payload_type != reference.payload_type && !info.dtmf)
            || (event.is_some() && !info.dtmf)
    }

    /// When a packet leaves (rules 2 to 4).
    fn plan(&mut self, now: Instant, info: &JitterInfo, clock: u32) -> Instant {
        if self.is_reference(info) {
            self.reference = Some(Reference {
                at: now,
                timestamp: info.timestamp,
                sequence_number: info.sequence_number,
                ssrc: info.ssrc,
                payload_type: info.payload_type,
            });
            self.measured = false;
            self.planned = None;
            self.drift.packets = 0;
            self.drift.sum_us = 0;
            let at = if self.units.is_some() { shift(now, self.delay_us(clock)) } else { None };
            return self.settle(now, info.sequence_number, at.unwrap_or(now));
        }
        let Some(reference) = self.reference else { return now };
        let Some(distance) = ahead(info.sequence_number, reference.sequence_number) else {
            self.restart = true;
            return now;
        };
        let units = i64::from(info.timestamp.wrapping_sub(reference.timestamp).cast_signed());
        if !self.measured && distance != 0 && !info.dtmf {
            self.units = u32::try_from(units / i64::from(distance)).ok();
            self.measured = true;
        }
        self.restart = distance > MAX_DISTANCE;
        let arrival = shift(reference.at, micros(units, clock));
        if let Some(expected) = arrival.filter(|_| !info.dtmf) {
            self.learn(now, expected, distance);
        }
        let run = self.event.map_or(0, |(_, run)| i64::from(run));
        let offset = micros(units, clock)
            .saturating_add(self.delay_us(clock))
            .saturating_add(self.drift.per_packet_us.saturating_mul(i64::from(distance)))
            .saturating_add(run * 100);
        let Some(at) = shift(reference.at, offset) else { return now };
        self.settle(now, info.sequence_number, at)
    }

    /// Brings a computed time within what makes sense (rule 4).
    fn settle(&mut self, now: Instant, number: u16, at: Instant) -> Instant {
        let mut at = at.max(now);
        if at > now + MAX_AHEAD {
            self.restart = true;
            at = now;
        }
        match self.planned {
            Some((latest, _)) if ahead(number, latest).is_none_or(|distance| distance == 0) => {}
            Some((_, time)) => {
                if at < time {
                    at = time + STEP;
                }
                self.planned = Some((number, at));
            }
            None => self.planned = Some((number, at)),
        }
        at
    }

    /// What a packet is held back for.
    fn delay_us(&self, clock: u32) -> i64 {
        if self.settings.adaptive.is_some() {
            return i64::try_from(self.target.as_micros()).unwrap_or(i64::MAX);
        }
        micros(i64::from(self.units.unwrap_or(0)).saturating_mul(i64::from(self.depth)), clock)
    }

    /// What the arrival of a packet says about drift and jitter (rules 7 and 8).
    fn learn(&mut self, now: Instant, expected: Instant, distance: u16) {
        let error_us = signed_us(expected, now);
        if self.settings.clock_drift {
            self.drift.add(error_us, distance);
        }
        let Some((min, max)) = self.settings.adaptive else { return };
        let error = Duration::from_micros(error_us.unsigned_abs());
        if error > MAX_SAMPLE {
            return;
        }
        self.spread.add(error.as_secs_f64());
        if self.spread.count >= ADAPTIVE_SAMPLES && self.spread.count.is_multiple_of(ADAPTIVE_SAMPLES) {
            let target = self.spread.mean + 4.0 * self.spread.deviation();
            self.target = Duration::try_from_secs_f64(target).unwrap_or(max).clamp(min, max.max(min));
        }
    }

    /// A packet leaves: the depth follows what is missing (rule 5). Returns whether there were too many gaps (rule 6).
    fn left(&mut self, entry: &Entry<T>) -> bool {
        if entry.dtmf {
            return false;
        }
        let number = entry.sequence_number;
        let distance = self.expected.map_or(Some(0), |expected| ahead(number, expected));
        match distance {
            // Late, or once more.
            None => return false,
            Some(0) => {
                self.gaps = 0;
                self.in_sequence += 1;
                if self.in_sequence >= CALM {
                    self.in_sequence = 0;
                    self.depth = self.depth.saturating_sub(1);
                }
            }
            Some(_) => {
                self.in_sequence = 0;
                if !entry.marker {
                    self.depth = (self.depth + 1).min(self.settings.packets);
                    self.gaps += 1;
                }
            }
        }
        self.expected = Some(number.wrapping_add(1));
        self.gaps >= MAX_GAPS
    }

    /// Too many wait (rule 6).
    fn relieve(&mut self, now: Instant, clock: u32, out: &mut Vec<T>) {
        let count = |packets: u32| usize::try_from(packets).unwrap_or(usize::MAX);
        let size = count(self.settings.packets);
        let packet_us = self.units.map_or(0, |units| micros(i64::from(units), clock));
        if packet_us > 0 {
            let limit = if self.settings.adaptive.is_some() {
                count(
                    u32::try_from(self.target.as_micros() / u128::from(packet_us.unsigned_abs()))
                        .unwrap_or(u32::MAX),
                )
            } else {
                size
            };
            if self.queue.len() > limit && self.queue.len() < MAX_QUEUE {
                let since = self.planned.map_or(0, |(_, time)| signed_us(time, now));
                let surplus = usize::try_from(since / packet_us).unwrap_or(0).saturating_sub(limit);
                if surplus < self.queue.len() {
                    for _ in 0..surplus {
                        self.queue.pop_first();
                    }
                    #[cfg(test)]
                    {
                        self.discarded += surplus;
                    }
                    return;
                }
            }
        }
        if self.queue.len() >= size.saturating_mul(3).min(MAX_QUEUE) {
            self.reset(out);
        }
    }
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;
