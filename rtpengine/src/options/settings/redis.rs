//! Persistence in Redis (operations.md §11).

use std::time::Duration;

use rtpengine_common::log::Level;
use rtpengine_common::options::OptionError;

use super::limits::default_threads;
use super::{Inputs, Message, count, milliseconds, seconds, seconds_or_off, word};
use crate::options::endpoint::RedisEndpoint;
use crate::options::words::RedisFormat;

/// Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// Main database.
    pub main: Option<RedisEndpoint>,
    /// Takes all writes.
    pub write: Option<RedisEndpoint>,
    /// Sends notifications.
    pub subscribe: Option<RedisEndpoint>,
    /// Databases taken over as foreign; negative ones only enable the feature.
    pub keyspaces: Vec<i32>,
    /// Restore threads.
    pub threads: usize,
    /// Life of a record.
    pub expires: Duration,
    /// Start without a server.
    pub not_required: bool,
    /// Take over foreign calls on signalling or media.
    pub active_switchover: bool,
    /// Failures before the server is left alone; none = never.
    pub allowed_errors: Option<u32>,
    /// How long it is left alone.
    pub disable_time: Duration,
    /// Time-out of commands.
    pub command_timeout: Option<Duration>,
    /// Time-out of connecting.
    pub connect_timeout: Duration,
    /// Look the name up again.
    pub resolve_on_reconnect: bool,
    /// Form of records.
    pub format: RedisFormat,
    /// TCP keep-alive; none = off.
    pub keepalive: Option<KeepAlive>,
}

/// TCP keep-alive of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepAlive {
    /// Idle time before the first probe.
    pub idle: Duration,
    /// Between probes.
    pub interval: Duration,
    /// Lost probes that end the connection.
    pub probes: usize,
}

impl Redis {
    pub(super) fn read(inputs: &Inputs, messages: &mut Vec<Message>) -> Result<Self, OptionError> {
        let values = inputs.values;
        let endpoint = |option: &str, required: bool, variable: &str| match values.text(option) {
            Some(text) if !text.is_empty() => {
                RedisEndpoint::parse(option, &text, required, (inputs.variable)(variable)).map(Some)
            }
            _ => Ok(None),
        };
        let idle = seconds_or_off(values, "redis-tcp-keepalive-time");
        let keepalive = KeepAlive {
            idle: idle.unwrap_or_default(),
            interval: seconds(values, "redis-tcp-keepalive-intvl"),
            probes: count(values, "redis-tcp-keepalive-probes"),
        };
        Ok(Redis {
            main: endpoint("redis", true, "RTPENGINE_REDIS_AUTH_PW")?,
            write: endpoint("redis-write", true, "RTPENGINE_REDIS_WRITE_AUTH_PW")?,
            subscribe: endpoint("redis-subscribe", false, "RTPENGINE_REDIS_SUBSCRIBE_AUTH_PW")?,
            keyspaces: keyspaces(&values.list("subscribe-keyspace"), messages),
            threads: match count(values, "redis-num-threads") {
                0 => default_threads(inputs),
                given => given,
            },
            expires: seconds(values, "redis-expires"),
            not_required: values.flag("no-redis-required"),
            active_switchover: values.flag("active-switchover"),
            allowed_errors: u32::try_from(values.int("redis-allowed-errors")).ok(),
            disable_time: seconds(values, "redis-disable-time"),
            command_timeout: Some(milliseconds(values, "redis-cmd-timeout")).filter(|time| !time.is_zero()),
            connect_timeout: milliseconds(values, "redis-connect-timeout"),
            resolve_on_reconnect: values.flag("redis-resolve-on-reconnect"),
            format: word(values, "redis-format", RedisFormat::from_word),
            keepalive: idle.map(|_| keepalive),
        })
    }
}

/// Bad numbers are logged and skipped.
fn keyspaces(texts: &[String], messages: &mut Vec<Message>) -> Vec<i32> {
    let mut list = vec![];
    for text in texts {
        match text.trim().parse() {
            Ok(number) => list.push(number),
            Err(_) => messages.push((
                Level::Error,
                format!("Invalid keyspace '{text}' (--subscribe-keyspace); give the number of a database"),
            )),
        }
    }
    list
}
