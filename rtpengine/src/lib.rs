//! The media relay daemon.

pub mod call;
pub mod net;
pub mod shard;
