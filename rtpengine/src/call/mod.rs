//! What was signalled: calls, parties, medias and their codecs.

pub mod codecs;
