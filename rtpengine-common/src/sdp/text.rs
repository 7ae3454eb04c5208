//! Immutable pieces of a received body that are kept after parsing.
//!
//! What a call remembers of an SDP body is a list of pieces of that body. A [`Text`] holds a count on the whole body and the place of its
//! piece in it, so keeping or copying one costs no allocation. SDP text need not be UTF-8: pieces are bytes and stay as received.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A byte string that is cheap to clone: a piece of a shared body, or a constant.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Constant(&'static [u8]),
    Piece { body: Arc<[u8]>, start: u32, len: u32 },
}

impl Text {
    /// The empty text.
    pub const EMPTY: Text = Text(Repr::Constant(b""));

    /// A text that is part of the program.
    #[must_use]
    pub const fn constant(text: &'static [u8]) -> Self {
        Text(Repr::Constant(text))
    }

    /// The bytes `start .. start + len` of `body`; what lies outside of it is left out.
    #[must_use]
    pub fn piece(body: &Arc<[u8]>, start: u32, len: u32) -> Self {
        let text = Text(Repr::Piece { body: Arc::clone(body), start, len });
        if text.is_empty() { Text::EMPTY } else { text }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Constant(text) => text,
            Repr::Piece { body, start, len } => piece_of(body, *start, *len),
        }
    }

    /// The text as UTF-8 if it is.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// The text for logs and replies that need UTF-8; other bytes become U+FFFD.
    #[must_use]
    pub fn to_string_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// `true` if there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// The bytes `start .. start + len` of `body`, empty if they are not all there.
pub(super) fn piece_of(body: &[u8], start: u32, len: u32) -> &[u8] {
    let start = start as usize;
    start.checked_add(len as usize).and_then(|end| body.get(start..end)).unwrap_or_default()
}

/// Turns pieces of a borrowed body into [`Text`]s of one shared copy of it.
pub(super) struct Keeper<'a> {
    borrowed: &'a [u8],
    shared: Arc<[u8]>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Keeper { borrowed: body, shared: Arc::from(body) }
    }

    pub(super) fn body(&self) -> &Arc<[u8]> {
        &self.shared
    }

    /// Where `piece` lies in the body; `None` if it is no part of it.
    pub(super) fn place(&self, piece: &[u8]) -> Option<(u32, u32)> {
        let offset = (piece.as_ptr() as usize).checked_sub(self.borrowed.as_ptr() as usize)?;
        let end = offset.checked_add(piece.len())?;
        if end > self.borrowed.len() {
            return None;
        }
        Some((u32::try_from(offset).ok()?, u32::try_from(piece.len()).ok()?))
    }

    /// The kept form of `piece`, a copy of its own if it is no part of the body.
    pub(super) fn text(&self, piece: &[u8]) -> Text {
        match self.place(piece) {
            Some((start, len)) => Text::piece(&self.shared, start, len),
            None => Text::from(piece),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Text::EMPTY
    }
}

impl From<&[u8]> for Text {
    fn from(text: &[u8]) -> Self {
        if text.is_empty() {
            return Text::EMPTY;
        }
        let body: Arc<[u8]> = Arc::from(text);
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        Text(Repr::Piece { body, start: 0, len })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::from(text.as_bytes())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text::from(text.as_bytes())
    }
}

impl std::ops::Deref for Text {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialEq<[u8]> for Text {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string_lossy())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_shares_the_body_and_is_small() {
        let body = b"v=0\r\ns=name\r\n".as_slice();
        let keeper = Keeper::new(body);
        let text = keeper.text(&body[7..11]);
        assert_eq!(text, "name");
        assert_eq!(Arc::strong_count(keeper.body()), 2);
        assert!(size_of::<Text>() <= 24);
    }

    #[test]
    fn a_foreign_piece_is_copied_and_places_outside_are_empty() {
        let keeper = Keeper::new(b"abc");
        assert_eq!(keeper.text(b"xyz"), "xyz");
        assert_eq!(Text::piece(keeper.body(), 2, 9), "");
        assert_eq!(Text::piece(keeper.body(), u32::MAX, u32::MAX), "");
    }
}
