//! STUN messages and the verdict on them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::stun::exercise(bytes));
