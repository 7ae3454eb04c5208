//! Time-outs, limits and threads.

use std::time::Duration;

use rtpengine_common::log::Level;
use rtpengine_common::options::Values;
use rtpengine_common::word_enum;

use super::{Inputs, Message, count, seconds, seconds_or_off};

/// When calls end (ng-control.md §10.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// No media on any stream.
    pub media: Duration,
    /// The same for muted or inactive streams.
    pub silent: Duration,
    /// Life of any call; none = unlimited.
    pub total: Option<Duration>,
    /// A call without answer.
    pub offer: Duration,
    /// Between delete and end.
    pub delete_delay: Duration,
}

impl Timeouts {
    pub(super) fn read(values: &Values) -> Self {
        Timeouts {
            media: seconds(values, "timeout"),
            silent: seconds(values, "silent-timeout"),
            total: seconds_or_off(values, "final-timeout"),
            offer: seconds(values, "offer-timeout"),
            delete_delay: seconds(values, "delete-delay"),
        }
    }
}

/// When new calls are refused (operations.md §7); none = not limited.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Own calls.
    pub sessions: Option<u32>,
    /// 1-minute load average.
    pub load: Option<f64>,
    /// Processor use in percent.
    pub cpu_percent: Option<f64>,
    /// Received bytes per second.
    pub bandwidth: Option<u64>,
}

impl Limits {
    pub(super) fn read(values: &Values) -> Self {
        let positive = |name: &str| Some(values.float(name)).filter(|limit| *limit > 0.0);
        Limits {
            sessions: u32::try_from(values.int("max-sessions")).ok(),
            load: positive("max-load"),
            cpu_percent: positive("max-cpu"),
            bandwidth: u64::try_from(values.int64("max-bandwidth")).ok().filter(|limit| *limit > 0),
        }
    }
}

/// How long a shard may gather packets before it works on them (design, packet-path.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollTick {
    /// Wake for every packet.
    Never,
    /// Always up to this long.
    Fixed(Duration),
    /// Depending on how often the shard wakes, at most 1 ms.
    Adaptive,
}

word_enum! {
    /// Scheduling policy of a thread (operations.md §2.7).
    pub enum Policy {
        /// Left untouched.
        Default = "default",
        /// Left untouched.
        None = "none",
        /// Real time, first in first out.
        Fifo = "fifo",
        /// Real time, round robin.
        RoundRobin = "rr",
        /// The normal one.
        Other = "other",
        /// For batch work.
        Batch = "batch",
        /// Only when nothing else runs.
        Idle = "idle",
    }
}

/// Scheduling of a group of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduling {
    /// The policy, if one was given.
    pub policy: Option<Policy>,
    /// Real-time priority or nice value; 0 = untouched.
    pub priority: i32,
}

/// Threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threads {
    /// Shards.
    pub media: usize,
    /// Playback threads; 0 = no playback.
    pub playback: usize,
    /// Transcoding threads beside the shards.
    pub codec: usize,
    /// Events per poll.
    pub poll_events: usize,
    /// Gathering of packets.
    pub poll_tick: PollTick,
    /// Stack of a thread in bytes; none = as the system does.
    pub stack_bytes: Option<usize>,
    /// Accuracy of media timers.
    pub timer_accuracy: Duration,
    /// Of the shards.
    pub scheduling: Scheduling,
    /// Of timers and housekeeping.
    pub idle_scheduling: Scheduling,
}

/// Fewest threads by default.
const THREADS_AT_LEAST: usize = 4;

/// The number of processors, at least four: the default of several thread counts.
pub(super) fn default_threads(inputs: &Inputs) -> usize {
    inputs.processors.unwrap_or(THREADS_AT_LEAST).max(THREADS_AT_LEAST)
}

impl Threads {
    pub(super) fn read(inputs: &Inputs, messages: &mut Vec<Message>) -> Self {
        let values = inputs.values;
        let media = match count(values, "num-threads") {
            0 => default_threads(inputs),
            given => given,
        };
        let mut scheduling = |policy: &str, priority: &str| Scheduling {
            policy: values.text(policy).filter(|text| !text.is_empty()).and_then(|text| {
                let known = Policy::from_word(&text);
                if known.is_none() {
                    messages.push((Level::Error, format!("Specified scheduler policy '{text}' not found")));
                }
                known
            }),
            priority: values.int(priority),
        };
        Threads {
            scheduling: scheduling("scheduling", "priority"),
            idle_scheduling: scheduling("idle-scheduling", "idle-priority"),
            media,
            playback: usize::try_from(values.int("media-num-threads")).unwrap_or(media),
            codec: count(values, "codec-num-threads"),
            poll_events: count(values, "poller-size"),
            poll_tick: match u64::try_from(values.int("poll-tick")) {
                Ok(0) => PollTick::Never,
                Ok(microseconds) => PollTick::Fixed(Duration::from_micros(microseconds)),
                Err(_) => PollTick::Adaptive,
            },
            stack_bytes: usize::try_from(values.int("thread-stack")).ok().map(|kb| kb * 1024),
            timer_accuracy: Duration::from_micros(u64::try_from(values.int("timer-accuracy")).unwrap_or(0)),
        }
    }
}
