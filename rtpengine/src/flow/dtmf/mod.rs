//! DTMF on the way through the plane: what event packets show, and digits that are put into a stream that is passed through
//! (codecs.md §18).

mod injecting;
mod sending;
#[cfg(test)]
mod tests;
mod watching;

pub(super) use injecting::Injections;
pub use injecting::{InjectError, Injection};
pub use watching::DtmfNotice;
