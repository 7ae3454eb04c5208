//! Transcoded calls that all begin to talk in the same second, beside relayed ones on the same shard.

use std::time::Duration;

use super::Bench;
use super::conversion::Conversion;
use super::figures::{Figure, Run, percentile};
use super::relay::{Generator, Media, open_sockets, set_up};
use crate::daemon::Daemon;

/// Calls that begin.
pub const STARTS: usize = 20;

/// The second in which they do, after the measured part has begun.
const SECOND: Duration = Duration::from_secs(1);

const NEVER: Duration = Duration::from_secs(1 << 30);

/// Runs `calls` relayed calls through a fresh daemon, has the parties of 20 transcoded ones speak up within a second, and returns what
/// became of the packets of both.
///
/// # Panics
/// When a call cannot be set up.
#[must_use]
pub fn run(bench: &Bench, daemon: &Daemon, conversion: Conversion, calls: usize) -> Run {
    let sockets = open_sockets(daemon);
    let mut streams = Vec::new();
    set_up(daemon, &sockets, Media::Plain, calls, &mut streams);
    let relayed = streams.len();
    set_up(daemon, &sockets, Media::Transcoded(conversion), STARTS, &mut streams);
    for (number, stream) in streams[relayed..].iter_mut().enumerate() {
        // Those who only listen never do.
        let speaks = conversion.both_ways() || number % 2 == 0;
        let call = u32::try_from(number / 2).expect("a few calls");
        stream.begins = Some(if speaks { SECOND + SECOND * call / STARTS as u32 } else { NEVER });
    }
    let mut seen = bench.on_generator(move || {
        Generator::new(daemon, sockets, streams, false, false).run(bench.duration.max(3 * SECOND))
    });
    seen.latency.sort_unstable();
    seen.begun.latency.sort_unstable();
    let speakers = STARTS as u64 * if conversion.both_ways() { 2 } else { 1 };
    let expected = seen.begun.sent - speakers * u64::from(conversion.held());
    let lost = expected.saturating_sub(seen.begun.received);
    let part = |latency: &[u32], part| percentile(latency, part) / 10.0;
    vec![
        Figure::new("transcoded packets", "", expected as f64),
        Figure::new("transcoded packets lost", "", lost as f64),
        Figure::new("their added latency p99", "us", part(&seen.begun.latency, 0.99)),
        Figure::new("their added latency max", "us", part(&seen.begun.latency, 1.0)),
        Figure::new("relayed packets lost", "", seen.lost_others() as f64),
        Figure::new("their added latency p99", "us", part(&seen.latency, 0.99)),
        Figure::new("their added latency max", "us", part(&seen.latency, 1.0)),
        Figure::new("generator late ticks", "", seen.late_ticks as f64),
    ]
}
