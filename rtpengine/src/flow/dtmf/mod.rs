//! DTMF on the way through the plane: what event packets show, and digits that are put into a stream that is passed through
//! (codecs.md §18).

mod hiding;
mod injecting;
mod sending;
#[cfg(test)]
mod tests;
mod watching;

pub use hiding::DtmfSpec;
pub(super) use hiding::Hidden;
pub(super) use injecting::Injections;
pub use injecting::{InjectError, Injection};
pub use watching::DtmfNotice;
