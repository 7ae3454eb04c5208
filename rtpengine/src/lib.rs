//! The media relay daemon.

pub mod call;
pub mod control;
pub mod flow;
pub mod net;
pub mod options;
pub mod report;
pub mod shard;
