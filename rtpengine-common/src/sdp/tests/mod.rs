//! Tests of the module as a whole, one file per section of the specification.

mod extraction;
mod grammar;
mod properties;

pub(super) use properties::body;
