//! The machinery of option tables.
