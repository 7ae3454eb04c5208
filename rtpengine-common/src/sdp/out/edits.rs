//! Manipulations of attributes while they are printed: `sdp-attr` (sdp.md §18).

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::ng::{self, SdpAttr, SdpLevel};
use crate::sdp::MediaType;
use crate::sdp::write::{address, network_address, number};

/// What is to be done on one level. Texts are those after `a=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelEdits<'m> {
    /// Lines appended at the end of the level, with or without `a=`.
    pub add: Vec<&'m [u8]>,
    /// What is suppressed.
    pub remove: Vec<&'m [u8]>,
    /// What is replaced, and by what.
    pub substitute: Vec<(&'m [u8], &'m [u8])>,
}

/// What is to be done on all levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits<'m> {
    /// `none` or `global`.
    pub session: LevelEdits<'m>,
    /// By media type; types without an entry stay as they are.
    pub media: Vec<(MediaType, LevelEdits<'m>)>,
}

const UNCHANGED: &LevelEdits<'static> =
    &LevelEdits { add: Vec::new(), remove: Vec::new(), substitute: Vec::new() };

impl<'m> Edits<'m> {
    /// What is to be done in sections of this type.
    #[must_use]
    pub fn of(&self, media_type: MediaType) -> &LevelEdits<'m> {
        self.media.iter().find(|(found, _)| *found == media_type).map_or(UNCHANGED, |(_, edits)| edits)
    }
}

impl<'m> From<&'m SdpAttr> for Edits<'m> {
    fn from(attributes: &'m SdpAttr) -> Self {
        let level = |level| attributes.level(level).map(level_edits);
        Edits {
            session: level(SdpLevel::Session).unwrap_or_default(),
            media: MediaType::all()
                .filter_map(|named| Some((named, level(SdpLevel::Media(named))?)))
                .collect(),
        }
    }
}

fn level_edits(attributes: &ng::SdpAttributes) -> LevelEdits<'_> {
    LevelEdits {
        add: attributes.add.iter().map(ng::ByteString::as_bytes).collect(),
        remove: attributes.remove.iter().map(ng::ByteString::as_bytes).collect(),
        substitute: attributes.substitute.iter().map(|(from, to)| (from.as_bytes(), to.as_bytes())).collect(),
    }
}

enum Fate<'m> {
    Removed,
    Replaced(&'m [u8]),
}

impl<'m> LevelEdits<'m> {
    /// Whether no printed attribute is looked at.
    fn is_idle(&self) -> bool {
        self.remove.is_empty() && self.substitute.is_empty()
    }

    /// What happens to an attribute of which this much has been printed.
    fn fate(&self, text: &[u8]) -> Option<Fate<'m>> {
        if self.remove.iter().any(|unwanted| unwanted.eq_ignore_ascii_case(text)) {
            return Some(Fate::Removed);
        }
        let found = self.substitute.iter().find(|(from, _)| from.eq_ignore_ascii_case(text));
        found.map(|(_, to)| Fate::Replaced(to))
    }
}

/// An attribute line being printed.
pub(super) struct Line<'o> {
    out: &'o mut Vec<u8>,
    /// `None` where nobody looks at them.
    cuts: Option<SmallVec<[usize; 8]>>,
}

impl Line<'_> {
    /// Appends text.
    pub(super) fn text(&mut self, text: &[u8]) -> &mut Self {
        self.out.extend_from_slice(text);
        self
    }

    /// Appends what a value prints as.
    pub(super) fn show(&mut self, value: impl std::fmt::Display) -> &mut Self {
        show(self.out, value);
        self
    }

    /// Appends a number.
    pub(super) fn number(&mut self, value: impl Into<u64>) -> &mut Self {
        number(self.out, value);
        self
    }

    /// Appends an address.
    pub(super) fn address(&mut self, ip: IpAddr) -> &mut Self {
        address(self.out, ip);
        self
    }

    /// Appends `IN IP4 ADDRESS`.
    pub(super) fn network_address(&mut self, ip: IpAddr) -> &mut Self {
        network_address(self.out, ip);
        self
    }

    /// A place where manipulations look at what stands before it.
    pub(super) fn cut(&mut self) -> &mut Self {
        if let Some(cuts) = &mut self.cuts {
            cuts.push(self.out.len());
        }
        self
    }

    /// Lets `write` append to the buffer; the lengths it returns are cuts.
    pub(super) fn write<const N: usize>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> [usize; N]) {
        let ends = write(self.out);
        if let Some(cuts) = &mut self.cuts {
            cuts.extend(ends);
        }
    }
}

/// Appends what a value prints as.
pub(super) fn show(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    use std::io::Write;
    // Writing to memory has no errors of its own.
    let _ = write!(out, "{value}");
}

/// Prints one attribute as `build` makes it, unless the manipulations remove or replace it at one of its cuts.
pub(super) fn attribute(out: &mut Vec<u8>, edits: &LevelEdits<'_>, build: impl FnOnce(&mut Line<'_>)) {
    let begin = out.len();
    out.extend_from_slice(b"a=");
    let start = out.len();
    let mut line = Line { out, cuts: (!edits.is_idle()).then(SmallVec::new) };
    build(&mut line);
    let cuts = line.cuts.unwrap_or_default();
    let fate = cuts.iter().find_map(|cut| edits.fate(out.get(start..*cut)?));
    match fate {
        None => {}
        Some(Fate::Removed) => return out.truncate(begin),
        Some(Fate::Replaced(text)) => {
            out.truncate(start);
            out.extend_from_slice(without_prefix(text));
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn without_prefix(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"a=").unwrap_or(text)
}

/// Prints the lines that are added at the end of a level.
pub(super) fn additions(out: &mut Vec<u8>, edits: &LevelEdits<'_>) {
    for text in &edits.add {
        crate::sdp::write::line(out, b'a', without_prefix(text));
    }
}

/// An attribute that is only a name: matched as a whole.
pub(super) fn flag(out: &mut Vec<u8>, edits: &LevelEdits<'_>, name: &[u8]) {
    attribute(out, edits, |line| {
        line.text(name).cut();
    });
}

/// `NAME:VALUE`: matched by name and as a whole.
pub(super) fn named(out: &mut Vec<u8>, edits: &LevelEdits<'_>, name: &str, value: impl std::fmt::Display) {
    attribute(out, edits, |line| {
        line.text(name.as_bytes()).cut().text(b":").show(value).cut();
    });
}

/// `NAME:VALUE` of bytes: matched by name and as a whole.
pub(super) fn named_bytes(out: &mut Vec<u8>, edits: &LevelEdits<'_>, name: &str, value: &[u8]) {
    attribute(out, edits, |line| {
        line.text(name.as_bytes()).cut().text(b":").text(value).cut();
    });
}

/// A received attribute as text: matched by name, by name and the first word of the value, and as a whole.
pub(super) fn received(out: &mut Vec<u8>, edits: &LevelEdits<'_>, text: &[u8]) {
    attribute(out, edits, |line| {
        let name = text.iter().position(|&byte| byte == b':');
        let word = name.and_then(|name| {
            let value = text.get(name..)?;
            Some(name + value.iter().position(|&byte| byte == b' ')?)
        });
        let mut printed = 0;
        for end in name.into_iter().chain(word).chain([text.len()]) {
            line.text(text.get(printed..end).unwrap_or_default()).cut();
            printed = end;
        }
    });
}
