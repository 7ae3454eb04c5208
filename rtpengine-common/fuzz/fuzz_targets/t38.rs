//! UDPTL datagrams and the T.38 messages in them, up to the modem.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rtpengine_common::t38::exercise(bytes));
