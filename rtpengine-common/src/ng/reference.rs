//! The reference list for the manual.
