//! The media relay daemon.

pub mod net;
pub mod shard;
