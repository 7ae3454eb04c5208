//! Any flags string ends, and a well-formed token behind it takes effect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtpengine_common::ng::{Defaults, Dict, Encoding, Flag, Message, Request};

fuzz_target!(|data: &[u8]| {
    let flags = [data, b" reset"].concat();
    let dict = Dict::new().with("command", "offer").with("rtpp-flags", flags);
    let message = Message { encoding: Encoding::Bencode, dict };
    let request = Request::parse(&message, &Defaults::default()).expect("flags strings never fail a request");
    assert!(request.has(Flag::Reset));
    assert!(request.warnings.len() <= Request::MAX_WARNINGS + 1);
});
