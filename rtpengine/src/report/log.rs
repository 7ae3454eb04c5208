//! The daemon's own way to its log.

use crate::flow::Level;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// The level up to which events of packets are collected at all.
pub fn packet_level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        0..=3 => Level::Error,
        4 => Level::Warning,
        5 => Level::Notice,
        6 => Level::Info,
        _ => Level::Debug,
    }
}

/// Sets the level.
pub fn set_level(level: u8) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// A line about a call.
pub fn call(level: Level, id: &[u8], text: &str) {
    if wanted(level) {
        write(level, "core", &format!("[{}]: ", String::from_utf8_lossy(id)), text);
    }
}

/// A line of the control side. The text is made only when it is wanted.
pub fn control(level: Level, text: impl FnOnce() -> String) {
    if wanted(level) {
        write(level, "control", "", &text());
    }
}

/// A line about the daemon.
pub fn core(level: Level, text: &str) {
    if wanted(level) {
        write(level, "core", "", text);
    }
}

/// Whether a line of a level is written.
pub fn wanted(level: Level) -> bool {
    level as u8 <= LEVEL.load(Ordering::Relaxed)
}

/// At most one line of a kind in 15 seconds and thread (operations.md 5.3).
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

fn write(level: Level, subsystem: &str, context: &str, text: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let word = match level {
        Level::Error => "ERR",
        Level::Warning => "WARNING",
        Level::Notice => "NOTICE",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
    };
    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
    let line = format!("[{seconds}.{micros:06}] {word}: {context}[{subsystem}] {}\n", text.trim_end());
    // A log nobody reads must not stop the daemon.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
