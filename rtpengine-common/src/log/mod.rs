//! Log lines with call context.
