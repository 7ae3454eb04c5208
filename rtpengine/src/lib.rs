//! The media relay daemon.

pub mod call;
