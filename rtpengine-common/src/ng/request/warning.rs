//! What was not understood: logged, never answered.

use std::fmt;

use crate::ng::ByteString;

/// How a warning is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Expected from some agents.
    Info,
    /// Worth a look.
    Notice,
    /// Probably a mistake of the script.
    Warning,
    /// A malformed structure.
    Error,
}

/// Something in a request that is ignored (ng-control.md §3.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A key outside the table.
    UnknownKey(ByteString),
    /// A flag outside the table.
    UnknownFlag(ByteString),
    /// A value outside the list of its key; also an address or number that is none.
    UnknownValue {
        /// The key, or the list the value belongs to.
        key: &'static str,
        /// The value.
        value: ByteString,
    },
    /// A flag or key without effect that agents still send.
    Obsolete(ByteString),
    /// `active` and `passive` in an answer.
    NotInAnswer {
        /// The key.
        key: &'static str,
        /// The value.
        value: ByteString,
    },
    /// A feature of the agent that the daemon does not know.
    UnknownSupport(ByteString),
    /// A template that is not configured.
    UnknownTemplate(ByteString),
    /// Templates inside templates without end, or too many.
    TemplateDepth(ByteString),
    /// A third direction in a flags string.
    TooManyDirections(ByteString),
    /// Something in a flags string that cannot be understood and is skipped.
    Malformed(ByteString),
    /// A dictionary in a flags string that ends at an entry without `=`.
    DictionaryEnded(ByteString),
    /// `sdp-attr`, `sdp-media-remove` or `tags` in a flags string or template: an error elsewhere.
    BadStructure {
        /// The key.
        key: &'static str,
        /// What the error would have been.
        error: crate::ng::Error,
    },
    /// `strict-source` and `media-handover` together.
    StrictSourceAndHandover,
    /// More than is worth logging.
    More,
}

/// What of a client's text a warning keeps: enough to recognise it, whatever the client sends.
pub(crate) fn excerpt(text: &[u8]) -> ByteString {
    text.get(..text.len().min(128)).unwrap_or_default().into()
}

impl Warning {
    pub(crate) fn unknown_value(key: &'static str, value: &[u8]) -> Self {
        Self::UnknownValue { key, value: excerpt(value) }
    }

    /// How it is logged.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Obsolete(_) | Self::UnknownSupport(_) => Severity::Info,
            Self::NotInAnswer { .. } => Severity::Notice,
            Self::DictionaryEnded(_) => Severity::Error,
            Self::UnknownKey(_)
            | Self::UnknownFlag(_)
            | Self::UnknownValue { .. }
            | Self::UnknownTemplate(_)
            | Self::TemplateDepth(_)
            | Self::TooManyDirections(_)
            | Self::Malformed(_)
            | Self::BadStructure { .. }
            | Self::StrictSourceAndHandover
            | Self::More => Severity::Warning,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey(key) => write!(f, "Unknown dictionary key encountered: '{key}'"),
            Self::UnknownFlag(flag) => write!(f, "Unknown flag encountered: '{flag}'"),
            Self::UnknownValue { key, value } => write!(f, "Unknown '{key}' flag encountered: '{value}'"),
            Self::Obsolete(flag) => write!(f, "Ignoring '{flag}', which has no effect"),
            Self::NotInAnswer { key, value } => {
                write!(f, "Ignoring {key}={value} flag in answer as it is too late")
            }
            Self::UnknownSupport(feature) => write!(f, "Unknown 'supports' value encountered: '{feature}'"),
            Self::UnknownTemplate(name) => write!(f, "Template not found: '{name}'"),
            Self::TemplateDepth(name) => write!(f, "Too many templates, ignoring '{name}'"),
            Self::TooManyDirections(name) => write!(f, "Ignoring third direction '{name}'"),
            Self::Malformed(text) => write!(f, "Ignoring malformed part of flags string: '{text}'"),
            Self::DictionaryEnded(entry) => {
                write!(f, "Dictionary in flags string ends at entry without value: '{entry}'")
            }
            Self::BadStructure { key, error } => write!(f, "Ignoring '{key}': {error}"),
            Self::StrictSourceAndHandover => {
                f.write_str("Both 'strict source' and 'media handover' are given")
            }
            Self::More => f.write_str("Further warnings about this message are left out"),
        }
    }
}
