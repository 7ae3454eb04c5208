//! The media relay daemon.

pub mod call;
pub mod flow;
pub mod ice;
pub mod net;
pub mod shard;
