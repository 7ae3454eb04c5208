//! Lines of any kind for the text command line.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = rtpengine::control::cli::parse(&String::from_utf8_lossy(bytes));
});
