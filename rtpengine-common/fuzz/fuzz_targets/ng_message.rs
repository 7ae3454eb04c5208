//! Any datagram is dropped, rejected or becomes a request, and what JSON decodes to can be written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtpengine_common::ng::{Defaults, Encoding, Message, Request, split};

fuzz_target!(|data: &[u8]| {
    let Some(parts) = split(data) else { return };
    let Ok(message) = Message::decode(parts.payload) else { return };
    let mut written = Vec::new();
    Encoding::Json.write(&message.dict, &mut written);
    assert!(Message::decode(&written).is_ok());
    let _ = Request::parse(&message, &Defaults::default());
});
