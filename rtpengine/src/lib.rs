//! The media relay daemon.

pub mod call;
pub mod flow;
