//! Steps of any kind into an ICE agent.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rtpengine::ice::exercise(bytes));
