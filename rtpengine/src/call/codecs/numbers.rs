//! Payload numbers for codecs that the daemon adds (`codecs.md` §8).

use rtpengine_common::codec::{Codec, basic_match};

use super::list::CodecList;
use super::original::Original;

/// The dynamic numbers, in the order in which they are given out.
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

/// The number for a codec to be added: its static one if that is free, else the first free dynamic one. A number is free if
/// the list does not use it and the original list has nothing, or a basically equal codec, under it. Companions look at their
/// list only and pass no original list.
pub(super) fn assign(codec: &Codec, list: &CodecList, original: Option<&Original>) -> Option<u8> {
    let free = |number: u8| {
        let held = || original.and_then(|original| original.get(number));
        !list.has_number(number) && held().is_none_or(|entry| basic_match(&entry.codec, codec))
    };
    codec.static_payload_type().into_iter().chain(DYNAMIC).find(|&number| free(number))
}
