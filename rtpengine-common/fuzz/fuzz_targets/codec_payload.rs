//! Garbage as payloads of every codec.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::codec::exercise_payloads(bytes));
