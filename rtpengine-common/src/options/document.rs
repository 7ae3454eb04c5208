//! Documents made from an option table: manual page list, sample configuration.
