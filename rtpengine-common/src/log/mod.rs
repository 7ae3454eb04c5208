//! The log (spec/operations.md §5): levels per subsystem, records with call context, syslog or standard error.
//!
//! ```
//! use rtpengine_common::log::{Context, Subsystem};
//! use rtpengine_common::{log_debug, log_info};
//!
//! let call = Context::call("1234@pbx");
//! log_info!(call, Control, "Received command '{}' from {}", "ping", "127.0.0.1:5000");
//! log_debug!(call, Core, "nothing is formatted unless the level is on");
//! ```
//!
//! The life of the log: before [`init`], records go to standard error; after it, to where the options say, written by
//! the caller; after [`start_writer`] (once threads may exist, that is after the fork), through a bounded queue by a
//! thread of its own. [`flush`] hands everything over at the end.

mod context;
mod facility;
mod level;
mod limiter;
pub mod lines;
mod output;
mod record;
mod rtcp_line;
mod settings;
mod subsystem;
mod writer;

use std::fmt;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use context::{CallRule, Context};
pub use facility::Facility;
pub use level::Level;
pub use limiter::Limiter;
pub use rtcp_line::rtcp_line;
pub use settings::{ContextFormat, LogSettings};
pub use subsystem::Subsystem;

use output::Outputs;
use record::Record;
use writer::Queue;

/// Most a foreign call may log (operations.md §5.2).
const FOREIGN_LEVEL: i32 = Level::Notice as i32;
/// How long the end of the program waits for the log.
const FLUSH_TIME: Duration = Duration::from_millis(500);

static LEVELS: [AtomicI32; Subsystem::ALL.len()] =
    [const { AtomicI32::new(Level::Info as i32) }; Subsystem::ALL.len()];
static SETTINGS: OnceLock<Arc<LogSettings>> = OnceLock::new();
static QUEUE: OnceLock<Queue> = OnceLock::new();
static DIRECT: Mutex<Option<Outputs>> = Mutex::new(None);
static LIMITER: Mutex<Option<Limiter>> = Mutex::new(None);

/// Sets levels and targets; the first call counts.
pub fn init(settings: LogSettings) {
    for (subsystem, level) in Subsystem::ALL.iter().zip(&settings.levels) {
        set_level(*subsystem, *level);
    }
    let outputs = Outputs::new(&settings, true);
    if SETTINGS.set(Arc::new(settings)).is_ok() {
        *lock(&DIRECT) = Some(outputs);
    }
}

/// Starts the writer thread. `attached` is false when the program went into the background: standard error is gone and
/// only syslog is left.
pub fn start_writer(attached: bool) -> std::io::Result<()> {
    let settings = settings();
    let queue = Queue::start(settings.clone(), Outputs::new(&settings, attached))?;
    // A second start leaves the first writer in place.
    let _ = QUEUE.set(queue);
    Ok(())
}

/// Waits, not for long, until everything is handed over.
pub fn flush() {
    match QUEUE.get() {
        Some(queue) => queue.flush(FLUSH_TIME),
        None => {
            if let Some(outputs) = lock(&DIRECT).as_mut() {
                outputs.flush();
            }
        }
    }
}

/// Records lost because the queue was full.
pub fn dropped() -> u64 {
    QUEUE.get().map_or(0, Queue::dropped)
}

/// The level of a subsystem.
pub fn level(subsystem: Subsystem) -> i32 {
    LEVELS[subsystem as usize].load(Ordering::Relaxed)
}

/// Changes the level of a subsystem.
pub fn set_level(subsystem: Subsystem, level: i32) {
    LEVELS[subsystem as usize].store(level, Ordering::Relaxed);
}

/// Signals USR1 (−1) and USR2 (+1): changes every level and logs it (operations.md §2.4).
pub fn shift_levels(by: i32) {
    let word = if by < 0 { "Decreased" } else { "Increased" };
    for subsystem in Subsystem::ALL {
        let level = LEVELS[*subsystem as usize].fetch_add(by, Ordering::Relaxed) + by;
        write(
            Subsystem::Core,
            Level::Info,
            &Context::NONE,
            format_args!("{word} '{}' log level to {level}", subsystem.name()),
        );
    }
}

/// Whether a record would be written: one load and a comparison.
#[inline]
pub fn enabled(subsystem: Subsystem, level: Level, context: &Context) -> bool {
    let wanted = level as i32;
    match context.rule {
        CallRule::Normal => wanted <= self::level(subsystem),
        CallRule::Debug => true,
        CallRule::Foreign => wanted <= self::level(subsystem).min(FOREIGN_LEVEL),
    }
}

/// Writes a record without asking whether it is wanted; the macros ask.
pub fn write(subsystem: Subsystem, level: Level, context: &Context, message: fmt::Arguments) {
    let settings = settings();
    let record = Record::new(&settings, wall_clock(), subsystem, level, context, message);
    hand_over(&settings, record);
}

/// The same at most once in 15 seconds for one context and text.
pub fn write_limited(subsystem: Subsystem, level: Level, context: &Context, message: fmt::Arguments) {
    let settings = settings();
    let record = Record::new(&settings, wall_clock(), subsystem, level, context, message);
    let allowed = lock(&LIMITER).get_or_insert_default().allow(&record.context, &record.text, Instant::now());
    if allowed {
        hand_over(&settings, record);
    }
}

/// A line for `log-facility-cdr`, made only when the facility is on.
pub fn cdr(line: impl FnOnce() -> String) {
    extra(settings().cdr, line);
}

/// A line for `log-facility-rtcp`.
pub fn rtcp(line: impl FnOnce() -> String) {
    extra(settings().rtcp, line);
}

/// Whether there is a `log-facility-rtcp`.
pub fn wants_rtcp() -> bool {
    settings().rtcp.is_some()
}

/// A line for `log-facility-dtmf`.
pub fn dtmf(line: impl FnOnce() -> String) {
    extra(settings().dtmf, line);
}

fn extra(facility: Option<Facility>, line: impl FnOnce() -> String) {
    if let Some(facility) = facility {
        hand_over(&settings(), Record::bare(wall_clock(), facility, line()));
    }
}

fn hand_over(settings: &LogSettings, record: Record) {
    if let Some(queue) = QUEUE.get() {
        return queue.push(record);
    }
    let mut outputs = lock(&DIRECT);
    let outputs = outputs.get_or_insert_with(|| Outputs::new(settings, true));
    outputs.write(settings, &record);
    outputs.flush();
}

/// A sensitive value inside a text, with the marks of `log-mark-prefix` and `log-mark-suffix`.
pub struct Marked<'a>(pub &'a dyn fmt::Display);

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = settings();
        write!(f, "{}{}{}", settings.mark_prefix, self.0, settings.mark_suffix)
    }
}

fn settings() -> Arc<LogSettings> {
    SETTINGS.get().cloned().unwrap_or_else(|| {
        static BEFORE_INIT: OnceLock<Arc<LogSettings>> = OnceLock::new();
        BEFORE_INIT
            .get_or_init(|| Arc::new(LogSettings { to_stderr: true, ..LogSettings::default() }))
            .clone()
    })
}

fn wall_clock() -> (u64, u32) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs(), since.subsec_micros())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // The log goes on after a thread died while logging.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Logs at a level: context, subsystem (variant of [`Subsystem`]), format and arguments.
#[macro_export]
macro_rules! log_at {
    ($level:ident, $context:expr, $subsystem:ident, $($message:tt)+) => {{
        let context: &$crate::log::Context = &$context;
        let (subsystem, level) = ($crate::log::Subsystem::$subsystem, $crate::log::Level::$level);
        if $crate::log::enabled(subsystem, level, context) {
            $crate::log::write(subsystem, level, context, format_args!($($message)+));
        }
    }};
}

/// Logs at critical level; see [`log_at`].
#[macro_export]
macro_rules! log_critical { ($($all:tt)+) => { $crate::log_at!(Critical, $($all)+) }; }
/// Logs at error level; see [`log_at`].
#[macro_export]
macro_rules! log_error { ($($all:tt)+) => { $crate::log_at!(Error, $($all)+) }; }
/// Logs at warning level; see [`log_at`].
#[macro_export]
macro_rules! log_warning { ($($all:tt)+) => { $crate::log_at!(Warning, $($all)+) }; }
/// Logs at notice level; see [`log_at`].
#[macro_export]
macro_rules! log_notice { ($($all:tt)+) => { $crate::log_at!(Notice, $($all)+) }; }
/// Logs at info level; see [`log_at`].
#[macro_export]
macro_rules! log_info { ($($all:tt)+) => { $crate::log_at!(Info, $($all)+) }; }
/// Logs at debug level; see [`log_at`].
#[macro_export]
macro_rules! log_debug { ($($all:tt)+) => { $crate::log_at!(Debug, $($all)+) }; }

/// Logs at most once in 15 seconds for one context and text: for what could come with every packet. Level, then as
/// [`log_at`].
#[macro_export]
macro_rules! log_limited {
    ($level:ident, $context:expr, $subsystem:ident, $($message:tt)+) => {{
        let context: &$crate::log::Context = &$context;
        let (subsystem, level) = ($crate::log::Subsystem::$subsystem, $crate::log::Level::$level);
        if $crate::log::enabled(subsystem, level, context) {
            $crate::log::write_limited(subsystem, level, context, format_args!($($message)+));
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_call_rules() {
        let normal = Context::call("a");
        // A subsystem nobody else in the tests uses.
        set_level(Subsystem::Spandsp, 5);
        let on = |level, context| enabled(Subsystem::Spandsp, level, &context);
        assert!(on(Level::Notice, normal) && !on(Level::Info, normal));
        assert!(on(Level::Debug, normal.with_rule(CallRule::Debug)));
        set_level(Subsystem::Spandsp, 7);
        assert!(on(Level::Notice, normal.with_rule(CallRule::Foreign)));
        assert!(!on(Level::Info, normal.with_rule(CallRule::Foreign)));
    }

    #[test]
    fn nothing_is_formatted_when_the_level_is_off() {
        struct Trap;
        impl fmt::Display for Trap {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("formatted")
            }
        }
        set_level(Subsystem::Ffmpeg, 3);
        crate::log_debug!(Context::NONE, Ffmpeg, "{}", Trap);
        crate::log_limited!(Warning, Context::NONE, Ffmpeg, "{}", Trap);
    }
}
