//! The media relay daemon.

pub mod call;
pub mod flow;
pub mod net;
pub mod shard;
