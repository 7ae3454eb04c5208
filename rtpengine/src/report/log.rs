//! The daemon's way to the log: records of calls, of the control side and of the program.

use crate::call::signalling::CallFlags;
use crate::flow::Level;
use rtpengine_common::log::{self, CallRule, Context, Subsystem};
use rtpengine_common::rtcp::Compound;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The level up to which events of packets are collected at all.
pub fn packet_level() -> Level {
    match log::level(Subsystem::Core) {
        ..=3 => Level::Error,
        4 => Level::Warning,
        5 => Level::Notice,
        6 => Level::Info,
        7.. => Level::Debug,
    }
}

/// The level of the log for a level of the packet plane.
fn level_of(level: Level) -> log::Level {
    match level {
        Level::Error => log::Level::Error,
        Level::Warning => log::Level::Warning,
        Level::Notice => log::Level::Notice,
        Level::Info => log::Level::Info,
        Level::Debug => log::Level::Debug,
    }
}

/// Whether a record about calls would be written.
pub fn wanted(level: Level) -> bool {
    log::enabled(Subsystem::Core, level_of(level), &Context::NONE)
}

/// A record about a call, by the rule its state makes.
pub fn call(level: Level, rule: CallRule, id: &[u8], text: &str) {
    let level = level_of(level);
    let id = String::from_utf8_lossy(id);
    let context = Context::call(&id).with_rule(rule);
    if log::enabled(Subsystem::Core, level, &context) {
        log::write(Subsystem::Core, level, &context, format_args!("{text}"));
    }
}

/// The line of an RTCP packet that came, for `--log-facility-rtcp` (operations.md 5.6).
pub fn rtcp(id: &[u8], packet: &[u8]) {
    if let Ok(packet) = Compound::parse(packet) {
        log::rtcp(|| log::rtcp_line(&String::from_utf8_lossy(id), &packet));
    }
}

/// The same for what could come with every packet: once in 15 seconds for one call and text (operations.md 5.3).
pub fn call_limited(level: Level, rule: CallRule, id: &[u8], text: &str) {
    let level = level_of(level);
    let id = String::from_utf8_lossy(id);
    let context = Context::call(&id).with_rule(rule);
    if log::enabled(Subsystem::Core, level, &context) {
        log::write_limited(Subsystem::Core, level, &context, format_args!("{text}"));
    }
}

/// How the state of a call changes what is logged about it (operations.md 5.2).
pub fn rule_of(flags: CallFlags) -> CallRule {
    if flags.contains(CallFlags::DEBUG) {
        CallRule::Debug
    } else if flags.contains(CallFlags::FOREIGN) {
        CallRule::Foreign
    } else {
        CallRule::Normal
    }
}

/// A record of the control side. The text is made only when it is wanted.
pub fn control(level: Level, text: impl FnOnce() -> String) {
    let level = level_of(level);
    if log::enabled(Subsystem::Control, level, &Context::NONE) {
        log::write(Subsystem::Control, level, &Context::NONE, format_args!("{}", text()));
    }
}

/// A record of the HTTP side. The text is made only when it is wanted.
pub fn http(level: Level, text: impl FnOnce() -> String) {
    let level = level_of(level);
    if log::enabled(Subsystem::Http, level, &Context::NONE) {
        log::write(Subsystem::Http, level, &Context::NONE, format_args!("{}", text()));
    }
}

/// A record about a request, with its call-id if it has one. The text is made only when it is wanted.
pub fn request(level: Level, call_id: Option<&[u8]>, text: impl FnOnce() -> String) {
    let level = level_of(level);
    let id = call_id.map(String::from_utf8_lossy);
    let context = id.as_deref().map_or(Context::NONE, Context::text);
    if log::enabled(Subsystem::Control, level, &context) {
        log::write(Subsystem::Control, level, &context, format_args!("{}", text()));
    }
}

/// A record about the daemon.
pub fn core(level: Level, text: &str) {
    let level = level_of(level);
    if log::enabled(Subsystem::Core, level, &Context::NONE) {
        log::write(Subsystem::Core, level, &Context::NONE, format_args!("{text}"));
    }
}

/// Whether a record of a kind may be written: once in 15 seconds for each thread (operations.md 5.3).
pub fn allowed(kind: &'static str, now: Instant) -> bool {
    thread_local! {
        static LAST: RefCell<HashMap<&'static str, Instant>> = RefCell::default();
    }
    LAST.with_borrow_mut(|last| match last.get(kind) {
        Some(then) if now.saturating_duration_since(*then) < Duration::from_secs(15) => false,
        _ => {
            last.insert(kind, now);
            true
        }
    })
}
