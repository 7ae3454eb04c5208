//! The texts that the protocol itself answers with.

/// Why a message is refused before any command looks at it. The display text is the `error-reason`, to the letter
/// (ng-control.md §13 A and B).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// Nothing after the space that ends the cookie.
    #[error("Invalid data (no payload)")]
    NoPayload,
    /// The first byte begins neither encoding.
    #[error("Invalid NG data format")]
    DataFormat,
    /// Not a bencode dictionary.
    #[error("Could not decode bencode dictionary")]
    Bencode,
    /// Not a JSON document.
    #[error("Failed to parse JSON document")]
    JsonDocument,
    /// A JSON document that is no object.
    #[error("Could not decode JSON dictionary")]
    JsonDictionary,
    /// No `command`, or one that is no string.
    #[error("Dictionary contains no key \"command\"")]
    NoCommand,
    /// A command outside the table.
    #[error("Unrecognized command")]
    UnrecognizedCommand,
    /// A player or DTMF command in a build without transcoding.
    #[error("unsupported")]
    Unsupported,
    /// `sdp-attr` is no dictionary, or `sdp-media-remove` no list.
    #[error("wrong type used")]
    WrongType,
    /// A section of `sdp-attr` is no dictionary.
    #[error("wrong content given")]
    WrongContent,
    /// An unknown section or media type in these two.
    #[error("unsupported sdp section")]
    UnsupportedSection,
    /// An operation of `sdp-attr` other than add, remove, substitute.
    #[error("unknown manipulation command")]
    UnknownManipulation,
    /// An entry of `tags` without `from`.
    #[error("Empty/missing from-tag")]
    EmptyFromTag,
}
