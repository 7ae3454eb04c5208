//! Media types of `m=` lines.

/// A media type (RFC 8866 §5.14, and the ones the relay tells apart: sdp.md §18, §19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `image` (T.38)
    Image,
    /// `message` (MSRP)
    Message,
    /// `text` (T.140)
    Text,
    /// `application`
    Application,
    /// Any other.
    #[default]
    Other,
}

const NAMES: [(MediaType, &str); 7] = [
    (MediaType::Audio, "audio"),
    (MediaType::Video, "video"),
    (MediaType::Image, "image"),
    (MediaType::Message, "message"),
    (MediaType::Text, "text"),
    (MediaType::Application, "application"),
    (MediaType::Other, "other"),
];

impl MediaType {
    /// All types.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(kind, _)| *kind)
    }

    /// The type an `m=` line names; [`MediaType::Other`] for names that are not known.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Self {
        Self::known(name).unwrap_or(MediaType::Other)
    }

    /// The type of this name; `None` for names that are not known.
    pub(crate) fn known(name: &[u8]) -> Option<Self> {
        Self::from_option(name).filter(|kind| *kind != MediaType::Other)
    }

    /// The type a list in a message names, with `other` for all that are not known; `None` for anything else.
    #[must_use]
    pub fn from_option(name: &[u8]) -> Option<Self> {
        NAMES.iter().find(|(_, text)| text.as_bytes() == name).map(|(kind, _)| *kind)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn names_are_exact() {
        assert_eq!(MediaType::from_name(b"audio"), MediaType::Audio);
        assert_eq!(MediaType::from_name(b"Audio"), MediaType::Other);
        assert_eq!(MediaType::from_option(b"other"), Some(MediaType::Other));
        assert_eq!(MediaType::from_option(b"foo"), None);
        assert_eq!(MediaType::Image.name(), "image");
    }
}
