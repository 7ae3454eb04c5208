//! The media relay daemon.
