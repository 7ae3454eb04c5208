//! A parsed body, borrowed from its text.

use std::net::IpAddr;

use super::attribute::Attribute;
use super::attribute::AttributeKind;
use super::error::Warning;

/// Most `m=` sections of one body. Browsers in conferences reach some dozens; every section costs ports and memory of a call, so there is a bound.
pub const MAX_MEDIA: usize = 128;
/// Most `v=` lines of one body.
pub const MAX_SESSIONS: usize = 32;
/// Longest body in bytes.
pub const MAX_BODY_LEN: usize = 1 << 20;
/// Most warnings that are collected of one body; what goes wrong after that is still dropped, just not reported.
pub const MAX_WARNINGS: usize = 16;

/// A parsed body: one session, or several behind each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sdp<'a> {
    /// The body it was parsed from.
    pub(super) body: &'a [u8],
    /// The sessions in order; none for an empty body.
    pub sessions: Vec<Session<'a>>,
    /// Attributes that were dropped, the first [`MAX_WARNINGS`] of them.
    pub warnings: Vec<Warning>,
}

/// One session description: what stands between two `v=` lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session<'a> {
    /// It was opened by a line of a fragment that is no `v=` line (sdp.md §14.7).
    pub implicit: bool,
    /// `o=`
    pub origin: Option<Origin<'a>>,
    /// `s=`, the last one.
    pub name: Option<&'a [u8]>,
    /// `t=`, the last one.
    pub timing: Option<&'a [u8]>,
    /// `u=`, the last one.
    pub uri: Option<&'a [u8]>,
    /// `e=`, the last one.
    pub email: Option<&'a [u8]>,
    /// `p=`, the last one.
    pub phone: Option<&'a [u8]>,
    /// What a section can have as well.
    pub common: Common<'a>,
    /// The sections.
    pub media: Vec<Media<'a>>,
}

/// Lines that stand at session level and in sections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Common<'a> {
    /// `i=`, the last one.
    pub information: Option<&'a [u8]>,
    /// `c=`
    pub connection: Option<IpAddr>,
    /// `b=`
    pub bandwidth: Bandwidth,
    /// `a=` lines that were kept, in order.
    pub attributes: Vec<Attribute<'a>>,
}

/// `o=USER ID VERSION NETTYPE ADDRTYPE ADDRESS`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// User name.
    pub username: &'a [u8],
    /// Session id.
    pub session_id: &'a [u8],
    /// Version; 0 if it was no number.
    pub version: u64,
    /// Network type as received.
    pub network_type: &'a [u8],
    /// Address type as received.
    pub address_type: &'a [u8],
    /// Address as received, possibly a name.
    pub address: &'a [u8],
}

/// One `m=` section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media<'a> {
    /// Media type as received.
    pub media_type: &'a [u8],
    /// Port.
    pub port: u16,
    /// Port count, 1…10; 1 if none was given.
    pub port_count: u8,
    /// Protocol as received.
    pub protocol: &'a [u8],
    /// The rest of the line: formats parted by spaces, may be empty.
    pub formats: &'a [u8],
    /// The lines below it.
    pub common: Common<'a>,
}

/// Bandwidth types the relay keeps, in the order they are printed (sdp.md §4 row 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names say it
pub enum BandwidthType {
    As,
    Rr,
    Rs,
    Ct,
    Tias,
}

const BANDWIDTH_NAMES: [(BandwidthType, &str); 5] = [
    (BandwidthType::As, "AS"),
    (BandwidthType::Rr, "RR"),
    (BandwidthType::Rs, "RS"),
    (BandwidthType::Ct, "CT"),
    (BandwidthType::Tias, "TIAS"),
];

/// The `b=` lines of one level: at most one value of each type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bandwidth {
    values: [u64; 5],
    present: u8,
}

impl BandwidthType {
    /// The type called `name`; names are case sensitive.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        BANDWIDTH_NAMES.iter().find(|(_, text)| text.as_bytes() == name).map(|(kind, _)| *kind)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        BANDWIDTH_NAMES[self as usize].1
    }
}

impl Bandwidth {
    /// Sets the value of one type.
    pub fn set(&mut self, kind: BandwidthType, value: u64) {
        self.values[kind as usize] = value;
        self.present |= 1 << kind as u8;
    }

    /// The value of one type if there was a line of it.
    #[must_use]
    pub fn get(&self, kind: BandwidthType) -> Option<u64> {
        let set = self.present & (1 << kind as u8) != 0;
        set.then(|| self.values[kind as usize])
    }

    /// The values that are there, in the order they are printed.
    pub fn iter(&self) -> impl Iterator<Item = (BandwidthType, u64)> + use<> {
        let copy = *self;
        BANDWIDTH_NAMES.into_iter().filter_map(move |(kind, _)| Some((kind, copy.get(kind)?)))
    }

    /// `true` without any line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }
}

impl<'a> Sdp<'a> {
    /// All sections of all sessions in order.
    pub fn media(&self) -> impl Iterator<Item = (&Session<'a>, &Media<'a>)> {
        self.sessions.iter().flat_map(|session| session.media.iter().map(move |media| (session, media)))
    }

    /// Loop detection (sdp.md §20): every session carries `a=rtpengine` with this id.
    #[must_use]
    pub fn has_looped(&self, id: &[u8]) -> bool {
        !self.sessions.is_empty() && self.sessions.iter().all(|session| session.carries_id(id))
    }
}

impl Session<'_> {
    fn carries_id(&self, id: &[u8]) -> bool {
        self.common.attributes.iter().any(|attribute| {
            attribute.kind == AttributeKind::Rtpengine
                && attribute.text.strip_prefix(b"rtpengine:") == Some(id)
        })
    }
}
