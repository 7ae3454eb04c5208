//! The media relay daemon.

pub mod options;
