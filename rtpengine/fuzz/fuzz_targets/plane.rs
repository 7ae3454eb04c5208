//! Datagrams of any kind into the packet plane.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rtpengine::flow::exercise(bytes));
