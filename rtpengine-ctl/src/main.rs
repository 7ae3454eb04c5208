//! Control of the media relay from the command line: its text commands over TCP, and every ng command.

use std::process::ExitCode;

mod command_line;
mod ng;
mod show;
mod target;
mod text;

#[cfg(test)]
mod documents;

use command_line::{CommandLine, Task};

/// What the caller's shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Status {
    /// Done.
    Success = 0,
    /// The daemon could not be reached (text commands), or it answered an ng request with an error.
    Failure = 1,
    /// The ng request could not be made from the arguments.
    Usage = 2,
    /// No reply to an ng request.
    NoReply = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}

fn main() -> ExitCode {
    let line = CommandLine::parse(std::env::args().skip(1));
    let configuration = target::Configuration::read(&line.config_file);
    match &line.task {
        Task::Version => {
            println!("Version: {}", env!("CARGO_PKG_VERSION"));
            Status::Success
        }
        Task::Usage => {
            print!("{}", command_line::USAGE);
            text::run(&target::text(&line, &configuration), "usage")
        }
        Task::Text(command) => text::run(&target::text(&line, &configuration), command),
        Task::Ng(arguments) => ng::run(&target::ng(&line, &configuration), &line, arguments),
    }
    .into()
}
