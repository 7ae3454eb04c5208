//! What a party's SDP said, kept to be printed for the other side, and what was printed before.

use std::sync::Arc;

use rtpengine_common::sdp::{
    Attributes, Bandwidth, Candidate, Directions, SessionOrigin, SessionParams, Text,
};

/// Session-level items of a party (sdp.md §3 rules 12 and 13).
pub type Session = SessionParams;

/// The `o=` line last printed for a party, and the body it stood in.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The line.
    pub origin: SessionOrigin,
    /// The body for comparison with `replace-SDP-version` (sdp.md §6.1 note 4).
    pub body: Option<Box<[u8]>>,
}

/// What a section of the party's own SDP said.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// All attributes that were kept, in order.
    pub attributes: Attributes,
    /// `i=`
    pub information: Text,
    /// `b=`
    pub bandwidth: Bandwidth,
    /// Direction attributes as they were, for `original-sendrecv`.
    pub directions: Directions,
    /// The endpoint was unspecified with port 9: candidates follow.
    pub trickle_placeholder: bool,
    /// Usable remote candidates.
    pub candidates: Arc<[Candidate]>,
    /// `a=label`
    pub label: Option<Text>,
}
