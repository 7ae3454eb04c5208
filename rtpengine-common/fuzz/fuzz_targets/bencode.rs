//! Whatever decodes can be written, and what was written decodes to the same value and is framed as a whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtpengine_common::bencode::{Progress, Scanner, decode, encode};

fuzz_target!(|data: &[u8]| {
    let _ = Scanner::new().push(data);
    if let Ok(value) = decode(data) {
        let mut written = Vec::new();
        encode(&value, &mut written);
        assert_eq!(decode(&written).as_ref(), Ok(&value));
        assert_eq!(Scanner::new().push(&written), Progress::Complete(written.len()));
    }
});
