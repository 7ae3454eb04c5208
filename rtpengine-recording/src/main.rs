//! Recording daemon: turns recorded streams from the spool directory into audio files. Not built yet: the program says so.

use std::process::ExitCode;

use rtpengine_common::options::not_built;

fn main() -> ExitCode {
    not_built::main(
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        "Recording daemon: turns recorded streams from the spool directory into audio files",
    )
}
