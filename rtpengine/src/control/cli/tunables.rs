//! The settings that change while running: one table for `list`, `set`, `params diff` and `params revert` (operations.md
//! §6.3, §6.7, §6.8).

use std::time::Duration;

use super::number::{self, NumberError};
use crate::options::Settings;

/// A setting that changes while running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tunable {
    /// Most own calls, −1 = off.
    MaxSessions,
    /// Most processor use, percent.
    MaxCpu,
    /// Most load average.
    MaxLoad,
    /// Most received bytes per second.
    MaxBandwidth,
    /// Seconds without media.
    Timeout,
    /// Seconds without media on muted streams.
    SilentTimeout,
    /// Seconds without answer.
    OfferTimeout,
    /// Seconds of life.
    FinalTimeout,
    /// Failures before Redis is left alone.
    RedisAllowedErrors,
    /// Seconds Redis is left alone.
    RedisDisableTime,
    /// Milliseconds.
    RedisConnectTimeout,
    /// Milliseconds.
    RedisCommandTimeout,
    /// Type of service of ng replies.
    ControlTos,
    /// Seconds.
    DeleteDelay,
}

use Tunable::*;

/// The values of all tunables.
#[derive(Debug, Clone, PartialEq)]
pub struct Tunables {
    /// Own calls; −1 = off.
    pub max_sessions: i64,
    /// Percent; 0 = off.
    pub max_cpu: f64,
    /// Load average; 0 = off.
    pub max_load: f64,
    /// Bytes per second; 0 = off.
    pub max_bandwidth: u64,
    /// Without media.
    pub timeout: Duration,
    /// Without media on muted streams.
    pub silent_timeout: Duration,
    /// Without answer.
    pub offer_timeout: Duration,
    /// Life; zero = off.
    pub final_timeout: Duration,
    /// −1 = off.
    pub redis_allowed_errors: i64,
    /// How long Redis is left alone.
    pub redis_disable_time: Duration,
    /// Of connecting.
    pub redis_connect_timeout: Duration,
    /// Of commands; zero = none.
    pub redis_command_timeout: Duration,
    /// Of ng replies.
    pub control_tos: u8,
    /// Between delete and end.
    pub delete_delay: Duration,
}

impl From<&Settings> for Tunables {
    fn from(settings: &Settings) -> Self {
        Tunables {
            max_sessions: settings.limits.sessions.map_or(-1, i64::from),
            max_cpu: settings.limits.cpu_percent.unwrap_or(0.0),
            max_load: settings.limits.load.unwrap_or(0.0),
            max_bandwidth: settings.limits.bandwidth.unwrap_or(0),
            timeout: settings.timeouts.media,
            silent_timeout: settings.timeouts.silent,
            offer_timeout: settings.timeouts.offer,
            final_timeout: settings.timeouts.total.unwrap_or_default(),
            redis_allowed_errors: settings.redis.allowed_errors.map_or(-1, i64::from),
            redis_disable_time: settings.redis.disable_time,
            redis_connect_timeout: settings.redis.connect_timeout,
            redis_command_timeout: settings.redis.command_timeout.unwrap_or_default(),
            control_tos: settings.control.tos,
            delete_delay: settings.timeouts.delete_delay,
        }
    }
}

/// A checked new value.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Of a whole number (seconds and milliseconds included).
    Integer(Tunable, i64),
    /// Of a fraction.
    Float(Tunable, f64),
}

/// Times must stay below this (operations.md §6.7).
const TIME_LIMIT: i64 = i32::MAX as i64;

impl Tunable {
    /// The word of `list` and `set`.
    pub fn word(self) -> &'static str {
        match self {
            MaxSessions => "maxsessions",
            MaxCpu => "maxcpu",
            MaxLoad => "maxload",
            MaxBandwidth => "maxbw",
            Timeout => "timeout",
            SilentTimeout => "silenttimeout",
            OfferTimeout => "offertimeout",
            FinalTimeout => "finaltimeout",
            RedisAllowedErrors => "redisallowederrors",
            RedisDisableTime => "redisdisabletime",
            RedisConnectTimeout => "redisconnecttimeout",
            RedisCommandTimeout => "rediscmdtimeout",
            ControlTos => "controltos",
            DeleteDelay => "deletedelay",
        }
    }

    /// The line of `list <word>`.
    pub fn list(self, values: &Tunables) -> String {
        match self {
            MaxSessions => format!("Maximum sessions configured on rtpengine: {}\n", values.max_sessions),
            MaxCpu => format!("Maximum CPU usage configured on rtpengine: {:.1}\n", values.max_cpu),
            MaxLoad => format!("Maximum load average configured on rtpengine: {:.2}\n", values.max_load),
            MaxBandwidth => format!("Maximum bandwidth configured on rtpengine: {}\n", values.max_bandwidth),
            Timeout => format!("TIMEOUT={}\n", values.timeout.as_secs()),
            SilentTimeout => format!("SILENT_TIMEOUT={}\n", values.silent_timeout.as_secs()),
            OfferTimeout => format!("OFFER_TIMEOUT={}\n", values.offer_timeout.as_secs()),
            FinalTimeout => format!("FINAL_TIMEOUT={}\n", values.final_timeout.as_secs()),
            RedisAllowedErrors | RedisDisableTime | RedisConnectTimeout | RedisCommandTimeout
            | ControlTos | DeleteDelay => format!("{}\n", self.number(values)),
        }
    }

    /// The value as `params diff` compares it, where it takes part, with its name there.
    fn diff_entry(self, values: &Tunables) -> Option<(&'static str, i64)> {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let hundredths = |value: f64| (value * 100.0).round() as i64;
        Some(match self {
            MaxSessions => ("max-sessions", values.max_sessions),
            MaxCpu => ("max-cpu", hundredths(values.max_cpu)),
            MaxLoad => ("max-load", hundredths(values.max_load)),
            MaxBandwidth => ("max-bw", i64::try_from(values.max_bandwidth).unwrap_or(i64::MAX)),
            Timeout => ("timeout", micros(values.timeout)),
            SilentTimeout => ("silent-timeout", micros(values.silent_timeout)),
            FinalTimeout => ("final-timeout", micros(values.final_timeout)),
            ControlTos => ("control-tos", i64::from(values.control_tos)),
            RedisAllowedErrors => ("redis_allowed_errors", values.redis_allowed_errors),
            RedisDisableTime => ("redis_disable_time", micros(values.redis_disable_time)),
            RedisCommandTimeout => ("redis_cmd_timeout", self.number(values)),
            RedisConnectTimeout => ("redis_connect_timeout-db", self.number(values)),
            OfferTimeout | DeleteDelay => return None,
        })
    }

    fn number(self, values: &Tunables) -> i64 {
        let number = |value: u128| i64::try_from(value).unwrap_or(i64::MAX);
        match self {
            RedisAllowedErrors => values.redis_allowed_errors,
            RedisDisableTime => number(values.redis_disable_time.as_secs().into()),
            RedisConnectTimeout => number(values.redis_connect_timeout.as_millis()),
            RedisCommandTimeout => number(values.redis_command_timeout.as_millis()),
            ControlTos => i64::from(values.control_tos),
            DeleteDelay => number(values.delete_delay.as_secs().into()),
            MaxSessions | MaxCpu | MaxLoad | MaxBandwidth | Timeout | SilentTimeout | OfferTimeout
            | FinalTimeout => 0,
        }
    }

    /// Checks the text of a new value; the error is the whole answer.
    pub(super) fn change(self, text: &str) -> Result<Change, String> {
        let word = self.word();
        let fail = |error: NumberError| format!("Fail setting {word} to {text}; {}\n", error.text());
        match self {
            MaxSessions => match number::integer(text).map_err(fail)? {
                value if value < -1 => Err(format!(
                    "Fail setting maxsessions to {value}; either positive or -1 values allowed\n"
                )),
                value => Ok(Change::Integer(self, value)),
            },
            MaxCpu | MaxLoad => number::float(text).map(|value| Change::Float(self, value)).map_err(fail),
            MaxBandwidth => {
                let value = number::unsigned(text).map_err(fail)?;
                Ok(Change::Integer(self, i64::try_from(value).unwrap_or(i64::MAX)))
            }
            Timeout | SilentTimeout | OfferTimeout | FinalTimeout => {
                // The historic program names every one of them `timeout`.
                let fail = |reason: &str| format!("Fail setting timeout to {text}; {reason}\n");
                match number::integer(text).map_err(|error| fail(&error.text()))? {
                    value if (0..TIME_LIMIT).contains(&value) => Ok(Change::Integer(self, value)),
                    _ => Err(fail("errno=0")),
                }
            }
            RedisAllowedErrors => Ok(Change::Integer(self, number::integer(text).unwrap_or(0))),
            RedisDisableTime => self.limited(text, 0..=TIME_LIMIT, "redis-disable-time", ", must be >= 0"),
            RedisConnectTimeout => {
                self.limited(text, 1..=TIME_LIMIT, "redis-connect-timeout", ", must be > 0")
            }
            RedisCommandTimeout => self.limited(text, 0..=TIME_LIMIT, "redis-cmd-timeout", ", must be >= 0"),
            ControlTos => self.limited(text, 0..=255, "control-tos", ", must be between 0 and 255"),
            DeleteDelay => match number::integer(text) {
                Ok(value) if (0..TIME_LIMIT).contains(&value) => Ok(Change::Integer(self, value)),
                _ => Err("Invalid delete-delay value\n".to_owned()),
            },
        }
    }

    fn limited(
        self,
        text: &str,
        range: std::ops::RangeInclusive<i64>,
        name: &str,
        must: &str,
    ) -> Result<Change, String> {
        match number::integer(text) {
            Ok(value) if range.contains(&value) => Ok(Change::Integer(self, value)),
            Ok(value) => Err(format!("Invalid {name} value {value}{must}\n")),
            Err(_) => Err(format!("Invalid {name} value {text}{must}\n")),
        }
    }
}

impl Change {
    /// Puts the new value into place.
    pub fn apply(&self, values: &mut Tunables) {
        match *self {
            Change::Float(MaxCpu, value) => values.max_cpu = value,
            Change::Float(_, value) => values.max_load = value,
            Change::Integer(tunable, value) => {
                let positive = u64::try_from(value).unwrap_or(0);
                let (seconds, milliseconds) =
                    (Duration::from_secs(positive), Duration::from_millis(positive));
                match tunable {
                    MaxSessions => values.max_sessions = value,
                    MaxBandwidth => values.max_bandwidth = positive,
                    Timeout => values.timeout = seconds,
                    SilentTimeout => values.silent_timeout = seconds,
                    OfferTimeout => values.offer_timeout = seconds,
                    FinalTimeout => values.final_timeout = seconds,
                    RedisAllowedErrors => values.redis_allowed_errors = value,
                    RedisDisableTime => values.redis_disable_time = seconds,
                    RedisConnectTimeout => values.redis_connect_timeout = milliseconds,
                    RedisCommandTimeout => values.redis_command_timeout = milliseconds,
                    ControlTos => values.control_tos = u8::try_from(value).unwrap_or(u8::MAX),
                    DeleteDelay => values.delete_delay = seconds,
                    MaxCpu | MaxLoad => {}
                }
            }
        }
    }

    /// The answer after the change.
    pub fn answer(&self) -> String {
        match *self {
            Change::Float(MaxCpu, value) => format!("Success setting maxcpu to {value:.1}\n"),
            Change::Float(_, value) => format!("Success setting maxload to {value:.2}\n"),
            Change::Integer(MaxSessions, -1) => {
                "Success setting maxsessions to -1; disable feature\n".to_owned()
            }
            Change::Integer(tunable, value) => {
                let name = match tunable {
                    Timeout | SilentTimeout | OfferTimeout | FinalTimeout => "timeout",
                    RedisAllowedErrors => "redis-allowed-errors",
                    RedisDisableTime => "redis-disable-time",
                    RedisCommandTimeout => "redis-cmd-timeout",
                    // The wrong name in the historic answer for control-tos is matched by scripts.
                    RedisConnectTimeout | ControlTos => "redis-connect-timeout",
                    DeleteDelay => "delete-delay",
                    MaxSessions | MaxBandwidth | MaxCpu | MaxLoad => tunable.word(),
                };
                let warning = if matches!((tunable, value), (RedisCommandTimeout, 0)) {
                    "Warning: Setting redis-cmd-timeout to 0 (no timeout) will require a redis reconnect\n"
                } else {
                    ""
                };
                format!("{warning}Success setting {name} to {value}\n")
            }
        }
    }
}

/// The order of `params diff`.
const DIFF: &[Tunable] = &[
    MaxSessions,
    MaxCpu,
    MaxLoad,
    MaxBandwidth,
    Timeout,
    SilentTimeout,
    FinalTimeout,
    ControlTos,
    RedisAllowedErrors,
    RedisDisableTime,
    RedisCommandTimeout,
    RedisConnectTimeout,
];

/// The changed values as `params diff` prints them.
pub(super) fn diff(start: &Tunables, now: &Tunables) -> String {
    let pairs =
        DIFF.iter().filter_map(|tunable| Some((tunable.diff_entry(start)?, tunable.diff_entry(now)?)));
    let changed = pairs.filter(|((_, old), (_, new))| old != new);
    changed.map(|((name, old), (_, new))| format!("{name}: {old} => {new}\n")).collect()
}

/// `params revert`: exactly what `params diff` shows goes back to its value at start-up.
pub(super) fn revert(start: &Tunables, now: &Tunables) -> Tunables {
    Tunables { offer_timeout: now.offer_timeout, delete_delay: now.delete_delay, ..start.clone() }
}
