//! The typed request: every key, value and flag a client can write.

mod flags;
mod options;
mod request_type;
mod templates;
mod warning;
mod words;

pub use flags::{Flag, Flags};
pub use options::*;
pub use request_type::{Request, Selector, present};
pub use templates::{Defaults, Templates};
pub use warning::{Severity, Warning};
