//! Codec strings, format parameters, AMR payloads, streams of audio and events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::codec::exercise(bytes));
