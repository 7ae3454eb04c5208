//! The typed request: every key, value and flag a client can write.

mod escapes;
mod flags;
pub(super) mod keys;
mod numbers;
mod options;
mod parser;
pub(super) mod prefixes;
mod request_type;
mod rtpp_flags;
mod services;
mod structures;
mod templates;
#[cfg(test)]
mod tests;
mod values;
mod warning;
pub(super) mod words;

pub use flags::{Flag, Flags};
pub use keys::Group;
pub use options::*;
pub(super) use parser::flag_words;
pub use request_type::{Request, Selector, present};
pub use services::*;
pub use templates::{Defaults, Templates};
pub use warning::{Severity, Warning};
