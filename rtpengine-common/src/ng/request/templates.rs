//! What the daemon's configuration contributes to a request: start values and templates.

use super::EndpointLearning;
use crate::ng::ByteString;

/// Start values of options (ng-control.md §4) and the templates (§9.3).
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Option `sip-source`: take media addresses from `received-from`.
    pub sip_source: bool,
    /// Option `dtls-passive`.
    pub dtls_passive: bool,
    /// Option `endpoint-learning`.
    pub endpoint_learning: EndpointLearning,
    /// Option `templates`.
    pub templates: Templates,
}

/// The configured templates: names, compared without regard to case, and their flags strings.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    entries: Vec<(ByteString, ByteString)>,
}

impl Templates {
    /// No templates.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a template; a later one of the same name replaces it.
    pub fn insert(&mut self, name: impl Into<ByteString>, flags: impl Into<ByteString>) {
        let (name, flags) = (name.into(), flags.into());
        match self.entries.iter_mut().find(|(found, _)| found.eq_ignore_ascii_case(&name)) {
            Some((_, old)) => *old = flags,
            None => self.entries.push((name, flags)),
        }
    }

    /// The flags string of this template.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.entries
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, flags)| flags.as_bytes())
    }

    /// Whether none is configured.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<N: Into<ByteString>, F: Into<ByteString>> FromIterator<(N, F)> for Templates {
    fn from_iter<I: IntoIterator<Item = (N, F)>>(entries: I) -> Self {
        let mut templates = Self::new();
        for (name, flags) in entries {
            templates.insert(name, flags);
        }
        templates
    }
}
