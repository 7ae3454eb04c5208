//! Log lines with call context.

mod facility;
mod level;
mod settings;
mod subsystem;

pub use facility::Facility;
pub use level::Level;
pub use settings::{ContextFormat, LogSettings};
pub use subsystem::Subsystem;
