//! The units of a stream do not depend on the pieces it arrives in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtpengine_common::ng::Framer;

fn units(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut framer = Framer::default();
    let mut found = Vec::new();
    for piece in pieces {
        framer.push(piece.as_ref());
        while let Some(unit) = framer.next_unit() {
            found.push((unit.cookie.to_vec(), unit.payload.to_vec()));
        }
    }
    found
}

fuzz_target!(|data: &[u8]| {
    let whole = units([data].into_iter());
    assert_eq!(units(data.chunks(1)), whole);
    assert_eq!(units(data.chunks(7)), whole);
});
