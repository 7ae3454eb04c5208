//! Announcements: turns an audio file into prompt files, one per codec. Not built yet: the program says so.

use std::process::ExitCode;

use rtpengine_common::options::not_built;

fn main() -> ExitCode {
    not_built::main(
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        "Announcements: turns an audio file into prompt files, one per codec",
    )
}
