//! RTP header, header extensions and their replacement.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::rtp::exercise(bytes));
