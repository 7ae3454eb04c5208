//! Closed lists of words: what a value may be and what it does.

use super::{Flag, Request};

/// One word with its spellings. A blank in the message equals a hyphen here.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    /// All spellings, the usual one first.
    pub(crate) names: &'static [&'static str],
    /// What it does.
    pub(crate) effect: Effect,
    /// What it means, for the manual; empty where the word says it.
    pub(crate) meaning: &'static str,
}

/// The effect of a word.
#[derive(Clone, Copy)]
pub(crate) enum Effect {
    /// Sets a flag.
    Flag(Flag),
    /// Sets a field.
    Do(fn(&mut Request)),
    /// Nothing; agents send it.
    Obsolete,
}
