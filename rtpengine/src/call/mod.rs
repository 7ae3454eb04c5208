//! Calls: what was signalled, and what it makes of the packets. No I/O, no clock.

pub mod codecs;
pub mod ctx;
pub mod ids;
