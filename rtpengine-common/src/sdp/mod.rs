//! Session descriptions: parser and writer.
