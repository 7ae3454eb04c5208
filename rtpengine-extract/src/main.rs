//! Turns captures of calls (pcap, rtpproxy recordings, spool) into audio files. Not built yet: the program says so.

use std::process::ExitCode;

use rtpengine_common::options::not_built;

fn main() -> ExitCode {
    not_built::main(
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        "Turns captures of calls (pcap, rtpproxy recordings, spool) into audio files",
    )
}
