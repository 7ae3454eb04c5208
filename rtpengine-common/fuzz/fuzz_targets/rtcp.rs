//! RTCP compound packets, their typed views and rewriting.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::rtcp::exercise(bytes));
