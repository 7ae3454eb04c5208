//! SRTP and SRTCP unprotection of every suite.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::srtp::exercise(bytes));
