//! The daemon's options: one table ([`table`]), the command line and the configuration file read by it, and the
//! result as plain typed data ([`Settings`]).

pub mod endpoint;
pub mod interface;
pub mod sections;
mod settings;
mod start;
pub mod table;
pub mod words;

pub use settings::*;
pub use start::{NftablesAction, OptionSources, Startup, SystemSources, startup};

/// Read when no other is given.
pub const DEFAULT_CONFIG_FILE: &str = "/etc/rtpengine/rtpengine.conf";

/// The version as printed and sent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;
