//! The ng protocol's bencode: a small zero-copy codec with limits.
