//! The text command line (spec/operations.md §6) as pure text work: a line becomes a [`CliCommand`], a snapshot of the
//! daemon becomes an answer:
//!
//! * [`parse`] turns a line into a command; what can be answered without looking at anything (help, mistakes, features
//!   that are not there) comes back as [`CliCommand::Answer`];
//! * [`listing`] formats snapshots of calls, interfaces, counters;
//! * [`Console`] carries a line out for the router, [`Inquiry`] asks the shards what only they know;
//! * [`Tunables`] are the settings that change while running, [`params`] lists them.

pub mod console;
pub mod inquiry;
pub mod listing;
mod number;
pub mod params;
mod tree;
pub mod tunables;

pub use console::{Console, House, Step};
pub use inquiry::Inquiry;
pub use tunables::{Change, Tunable, Tunables};

use crate::player::MediaCommand;
use rtpengine_common::log::Subsystem;

/// Which calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sessions {
    /// Every call.
    All,
    /// Those of this instance.
    Own,
    /// Those of another instance.
    Foreign,
    /// Those being recorded.
    Recording,
    /// The one of this call-id.
    Call(String),
}

/// What is done with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallAction {
    /// Show it.
    Info,
    /// End it at once.
    Terminate,
    /// Log everything about it, or no longer.
    Debug(bool),
    /// Show one party.
    PartyInfo(String),
    /// How long what a party sends is held back.
    PartyDelay {
        /// Tag.
        tag: String,
        /// Milliseconds.
        delay_ms: u32,
    },
    /// Detect DTMF in a party's audio, or no longer.
    PartyDetectDtmf {
        /// Tag.
        tag: String,
        /// On or off.
        on: bool,
    },
}

/// `params`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Params {
    /// Values at start-up.
    Start,
    /// Values now.
    Current,
    /// What changed.
    Diff,
    /// Back to the values at start-up.
    Revert,
}

/// A command line, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum CliCommand {
    /// Nothing to be done: this is the answer.
    Answer(String),
    /// [`listing::Numbers`]
    ListNumSessions,
    /// [`listing::sessions`]; of one call [`listing::call_or_unknown`].
    ListSessions(Sessions),
    /// The figures as text.
    ListTotals,
    /// The figures as JSON, without a newline at the end.
    ListJsonStats,
    /// [`listing::counters`]
    ListCounters,
    /// [`listing::interfaces`]
    ListInterfaces,
    /// [`listing::transcoders`]
    ListTranscoders,
    /// [`listing::open_files`]
    ListMaxOpenFiles,
    /// [`Tunable::list`]
    List(Tunable),
    /// [`listing::log_levels`]
    ListLogLevel(Option<Subsystem>),
    /// Apply the change, then answer with [`Change::answer`].
    Set(Change),
    /// Raise or lower the limit of open files; [`listing::open_files_set`].
    SetMaxOpenFiles(u64),
    /// Set the level of one or all subsystems, then answer [`listing::log_level_set`].
    SetLogLevel(Option<Subsystem>, i32),
    /// [`params`]
    Params(Params),
    /// [`listing::terminated`]
    Terminate(Sessions),
    /// What is held in memory for players.
    Media(MediaCommand),
    /// Every call becomes own; [`listing::ACTIVE`].
    Active,
    /// Every call becomes foreign; [`listing::STANDBY`].
    Standby,
    /// `debug <call-id>`; [`listing::debug`].
    Debug {
        /// The call.
        call_id: String,
        /// On or off.
        on: bool,
    },
    /// `call <call-id> …`; an unknown call is answered with [`listing::no_such_call`].
    Call {
        /// The call.
        call_id: String,
        /// What to do.
        action: CallAction,
    },
}

/// Understands a command line; a carriage return at its end is dropped.
pub fn parse(line: &str) -> CliCommand {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    tree::parse(line).unwrap_or_else(CliCommand::Answer)
}

#[cfg(test)]
mod tests;
