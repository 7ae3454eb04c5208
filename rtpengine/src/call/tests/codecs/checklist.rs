//! The checklist of codecs.md §22.
