//! From settings to a running relay and back: the order of start-up, the threads, signals, and the end (operations.md 2).

mod certificates;
mod codecs;
mod media;
mod open;
mod process;
mod threads;

use crate::flow::Level;
use crate::options::{Settings, VERSION};
use crate::report::log;
use open::Opened;
use process::Signal;
use std::io::Write;
use std::process::ExitCode;

/// Why the daemon did not start, in the words of the specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub String);

impl Fatal {
    fn new(text: impl std::fmt::Display) -> Self {
        Self(text.to_string())
    }
}

/// Exit status of every fatal error (operations.md 2.8).
const FAILURE: u8 = 255;

/// Tells an error that ends the program: on standard error, and in the log at critical level.
pub fn fatal(error: &impl std::fmt::Display) -> ExitCode {
    rtpengine_common::log_critical!(rtpengine_common::log::Context::NONE, Core, "Fatal error: {error}");
    rtpengine_common::log::flush();
    // Standard error may be closed; the log has it.
    let _ = writeln!(std::io::stderr(), "Fatal error: {error}");
    ExitCode::from(FAILURE)
}

/// Runs the relay until a signal ends it.
pub fn run(settings: &Settings) -> ExitCode {
    rtpengine_common::log::init(settings.log.clone());
    log::core(Level::Info, &format!("Version {VERSION} initialising"));
    match serve(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fatal(&error),
    }
}

fn serve(settings: &Settings) -> Result<(), Fatal> {
    log_messages(settings);
    log_acceleration();
    process::block_signals();
    process::raise_limits();
    let opened = Opened::new(settings)?;
    if !settings.general.foreground {
        process::into_background().map_err(|error| Fatal(format!("Failed to fork: {error}")))?;
    }
    write_pid_file(settings)?;
    rtpengine_common::log::start_writer(settings.general.foreground)
        .map_err(|error| Fatal(format!("Failed to start the log: {error}")))?;
    let running = threads::start(settings, opened)?;
    log::core(Level::Info, &format!("Startup complete, version {VERSION}"));
    notify(&[sd_notify::NotifyState::Ready]);
    wait_for_the_end();
    notify(&[sd_notify::NotifyState::Stopping]);
    running.stop();
    log::core(Level::Info, &format!("Version {VERSION} shutting down"));
    rtpengine_common::log::flush();
    Ok(())
}

/// Tells whether SRTP has the processor's help, aloud where it has not.
fn log_acceleration() {
    let found = rtpengine_common::srtp::Acceleration::detect();
    let level = if found.is_complete() { Level::Debug } else { Level::Notice };
    log::core(level, &format!("SRTP: {found}"));
}

fn log_messages(settings: &Settings) {
    use rtpengine_common::log::{Context, Subsystem, enabled, write};
    for (level, text) in &settings.messages {
        if enabled(Subsystem::Core, *level, &Context::NONE) {
            write(Subsystem::Core, *level, &Context::NONE, format_args!("{text}"));
        }
    }
}

fn write_pid_file(settings: &Settings) -> Result<(), Fatal> {
    let Some(path) = &settings.general.pidfile else { return Ok(()) };
    std::fs::write(path, format!("{}\n", std::process::id())).map_err(|error| {
        Fatal(format!("Failed to create PID file ({}), aborting startup", process::strerror(&error)))
    })
}

/// Without a service manager nobody is told.
fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        log::core(Level::Warning, &format!("Failed to notify the service manager: {error}"));
    }
}

/// Handles signals on the main thread until one ends the program.
fn wait_for_the_end() {
    loop {
        match process::wait_for_signal() {
            Signal::End => return,
            Signal::LessLog => rtpengine_common::log::shift_levels(-1),
            Signal::MoreLog => rtpengine_common::log::shift_levels(1),
            Signal::Other => {}
        }
    }
}
