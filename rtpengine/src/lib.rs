//! The media relay daemon.

pub mod call;
pub mod control;
pub mod daemon;
pub mod dtls;
pub mod flow;
pub mod ice;
pub mod net;
pub mod options;
pub mod player;
pub mod report;
pub mod shard;
pub mod tight;
