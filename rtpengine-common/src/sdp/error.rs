//! What can be wrong with an SDP body.

use super::crypto::CryptoError;

/// Why a body is no SDP (sdp.md §2.3). The message to the client is always `Failed to parse SDP`; this is the text for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Error parsing SDP at offset {offset}: {kind}")]
pub struct ParseError {
    /// Where the line at fault begins, in bytes from the start of the body.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

/// The texts of sdp.md §2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the texts say it
pub enum ParseErrorKind {
    #[error("Missing '=' sign")]
    MissingEquals,
    #[error("SDP doesn't start with a session definition")]
    NoSession,
    #[error("Error in v= line")]
    Version,
    #[error("o= line found within media section")]
    OriginInMedia,
    #[error("Error parsing o= line")]
    Origin,
    #[error("Error parsing m= line")]
    Media,
    #[error("Error parsing c= line")]
    Connection,
    #[error("{0}= line found within media section")]
    InMedia(char),
    #[error("Unknown SDP line type found")]
    UnknownLine,
    /// More than [`super::MAX_MEDIA`] sections.
    #[error("Too many media sections")]
    TooManyMedia,
    /// More than [`super::MAX_SESSIONS`] sessions.
    #[error("Too many session definitions")]
    TooManySessions,
    /// More than [`super::MAX_BODY_LEN`] bytes.
    #[error("SDP body too large")]
    TooLarge,
}

/// The message to the client for every [`ParseError`].
pub const PARSE_FAILED: &str = "Failed to parse SDP";

/// An attribute that fails its own syntax: it is dropped and the rest goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a={name} at offset {offset} ignored: {cause}")]
pub struct Warning {
    /// The attribute.
    pub name: &'static str,
    /// Where its line begins, in bytes from the start of the body.
    pub offset: usize,
    /// What is wrong with it.
    pub cause: AttributeError,
}

/// Why an attribute was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// An `a=crypto` line.
    #[error("{0}")]
    Crypto(#[from] CryptoError),
    /// Any other.
    #[error("invalid value")]
    Syntax,
}
