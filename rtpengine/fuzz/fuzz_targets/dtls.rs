//! Datagrams of any kind into DTLS associations.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rtpengine::dtls::exercise(bytes));
