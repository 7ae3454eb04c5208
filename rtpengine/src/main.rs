//! The media relay daemon.

use rtpengine::daemon;
use rtpengine::options::{Startup, SystemSources, VERSION, startup};
use rtpengine_common::codec::{Linked, support_lines};
use rtpengine_common::options::OptionError;
use std::process::ExitCode;

fn main() -> ExitCode {
    match startup(std::env::args_os(), &SystemSources) {
        Ok(Startup::Run(settings)) => daemon::run(&settings),
        Ok(Startup::Help(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Startup::Version) => {
            eprintln!("Version: {VERSION}");
            ExitCode::SUCCESS
        }
        Ok(Startup::Codecs) => {
            support_lines(&Linked).iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Ok(Startup::RtpproxyCapabilities) => unavailable("--rtpproxy-caps"),
        Ok(Startup::Nftables(..)) => unavailable("The nftables actions"),
        Err(error) => {
            if matches!(error, OptionError::Facility(_)) {
                eprintln!("available facilities: {}", rtpengine_common::log::Facility::names());
            }
            daemon::fatal(&error)
        }
    }
}

fn unavailable(what: &str) -> ExitCode {
    daemon::fatal(&format!("{what}: not built yet"))
}
