//! SDP: parse, print, parse again, and what a call keeps of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::sdp::exercise(bytes));
