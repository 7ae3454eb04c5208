//! The ng protocol's bencode: a small zero-copy codec with limits.
//!
//! Decoding borrows every byte string from the message and keeps dictionaries as they came: in wire order, with
//! duplicate keys (ng-control.md §3.1, §3.3). What the protocol tolerates is tolerated here and nothing more; depth and
//! number of elements are bounded, because the bytes come from a network. [`Scanner`] is the second, stricter reader: it
//! finds the end of a value in a TCP stream without ever looking at a byte twice (ng-control.md §1.3).

mod decode;
mod encode;
mod scan;
#[cfg(test)]
mod tests;
mod value;

pub use decode::{DecodeError, Limits, decode, decode_with};
pub use encode::encode;
pub(crate) use encode::{decimal, dict_entries};
pub use scan::{Progress, Scanner};
pub use value::{Dict, Key, Value};

/// Containers nested deeper than this are refused by decoder and scanner.
/// The JSON parser goes as deep, so what one encoding carries the other one carries too.
pub const MAX_DEPTH: usize = 127;
