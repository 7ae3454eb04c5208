//! Attributes: which ones are known, and what their values mean (sdp.md §2.4).

use std::net::IpAddr;

use super::address::parse_connection;
use super::candidate::CandidateLine;
use super::crypto::CryptoParams;
use super::direction::Setup;
use super::error::AttributeError;
use super::fingerprint::Fingerprint;
use super::token::{number, split_once, split_token, whole_number};
use crate::names::NameIndex;

macro_rules! attribute_kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// An attribute the relay knows by name, or one it passes on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // the names say it
        pub enum AttributeKind {
            $($kind,)*
            /// Configured name for music on hold.
            MusicOnHold,
            /// Not known: passed through.
            Unknown,
        }

        impl AttributeKind {

            /// The name; that of unknown ones and of the configured one is not known here.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(AttributeKind::$kind => $name,)*
                    AttributeKind::MusicOnHold | AttributeKind::Unknown => "",
                }
            }

            const ALL: &'static [AttributeKind] = &[$(AttributeKind::$kind,)*];
            const NAMES: &'static [&'static str] = &[$($name,)*];
        }
    };
}

attribute_kinds! {
    Rtcp = "rtcp",
    RtcpMux = "rtcp-mux",
    Mid = "mid",
    Group = "group",
    Candidate = "candidate",
    IceUfrag = "ice-ufrag",
    IcePwd = "ice-pwd",
    IceOptions = "ice-options",
    IceLite = "ice-lite",
    EndOfCandidates = "end-of-candidates",
    IceMismatch = "ice-mismatch",
    RemoteCandidates = "remote-candidates",
    Crypto = "crypto",
    Fingerprint = "fingerprint",
    Setup = "setup",
    TlsId = "tls-id",
    SendRecv = "sendrecv",
    SendOnly = "sendonly",
    RecvOnly = "recvonly",
    Inactive = "inactive",
    Rtpmap = "rtpmap",
    Fmtp = "fmtp",
    RtcpFb = "rtcp-fb",
    Ptime = "ptime",
    Maxptime = "maxptime",
    Label = "label",
    Extmap = "extmap",
    ExtmapAllowMixed = "extmap-allow-mixed",
    T38FaxVersion = "T38FaxVersion",
    T38FaxUdpEc = "T38FaxUdpEC",
    T38FaxUdpEcDepth = "T38FaxUdpECDepth",
    T38FaxUdpFecMaxSpan = "T38FaxUdpFECMaxSpan",
    T38FaxMaxDatagram = "T38FaxMaxDatagram",
    T38FaxMaxIfp = "T38FaxMaxIFP",
    T38FaxFillBitRemoval = "T38FaxFillBitRemoval",
    T38FaxTranscodingMmr = "T38FaxTranscodingMMR",
    T38FaxTranscodingJbig = "T38FaxTranscodingJBIG",
    T38FaxRateManagement = "T38FaxRateManagement",
    T38MaxBitRate = "T38MaxBitRate",
    T38FaxMaxBuffer = "T38FaxMaxBuffer",
    Rtpengine = "rtpengine",
}

/// Where the names are in [`AttributeKind::ALL`].
static NAMES: NameIndex<128> = NameIndex::new(AttributeKind::NAMES);

impl AttributeKind {
    /// The kind of the attribute called `name`; names are case sensitive.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Self {
        let is = |at: usize| Self::NAMES[at].as_bytes() == name;
        NAMES.find(name, is).map_or(Self::Unknown, |at| Self::ALL[at])
    }

    /// One of the T.38 gateway's parameters.
    #[must_use]
    pub const fn is_t38(self) -> bool {
        self as u8 >= AttributeKind::T38FaxVersion as u8 && self as u8 <= AttributeKind::T38FaxMaxBuffer as u8
    }

    /// One of the four directions.
    #[must_use]
    pub const fn is_direction(self) -> bool {
        matches!(
            self,
            AttributeKind::SendRecv
                | AttributeKind::SendOnly
                | AttributeKind::RecvOnly
                | AttributeKind::Inactive
        )
    }
}

/// One `a=` line that was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute<'a> {
    /// `NAME` or `NAME:VALUE` as received; a colon with nothing behind it is left out.
    pub text: &'a [u8],
    /// Which attribute it is.
    pub kind: AttributeKind,
    /// What its value means.
    pub value: AttributeValue<'a>,
}

impl<'a> Attribute<'a> {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        split_once(self.text, b':').map_or(self.text, |(name, _)| name)
    }
}

/// What follows the colon.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue<'a> {
    /// Text or nothing.
    Text(&'a [u8]),
    /// `rtcp`
    Rtcp(RtcpAttribute),
    /// `group`
    Group(Group<'a>),
    /// `candidate`
    Candidate(Box<CandidateLine<'a>>),
    /// `crypto`
    Crypto(Box<CryptoParams>),
    /// `fingerprint`
    Fingerprint(Box<Fingerprint>),
    /// `setup`
    Setup(Setup),
    /// `rtpmap`
    Rtpmap(Rtpmap<'a>),
    /// `fmtp`: payload type, text
    Fmtp(u8, &'a [u8]),
    /// `rtcp-fb`: payload type or `*`, text
    RtcpFb(Option<u8>, &'a [u8]),
    /// `ptime`, `maxptime`: milliseconds, 0 if the value was no number
    Milliseconds(u32),
    /// `extmap`: id, URI
    Extmap(u8, &'a [u8]),
}

/// `a=rtcp` (RFC 3605).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpAttribute {
    /// Port, not 0.
    pub port: u16,
    /// Address if one was given.
    pub address: Option<IpAddr>,
}

/// `a=group` (RFC 5888).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// What the group means, `BUNDLE` (RFC 9143) for the one the relay understands.
    pub semantics: &'a [u8],
    members: &'a [u8],
}

impl<'a> Group<'a> {
    /// The mids in the group.
    pub fn members(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.members.split(|&byte| byte == b' ').filter(|mid| !mid.is_empty())
    }

    /// A group of sections on one transport.
    #[must_use]
    pub fn is_bundle(&self) -> bool {
        self.semantics == b"BUNDLE"
    }
}

/// `a=rtpmap` (RFC 8866 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtpmap<'a> {
    /// Payload type, 0…127.
    pub payload_type: u8,
    /// Encoding name as received.
    pub name: &'a [u8],
    /// Clock rate in Hz.
    pub clock_rate: u32,
    /// Channels, at least 1.
    pub channels: u32,
}

/// Parses the text after `a=`. `music_on_hold` is the attribute name configured for that.
pub(super) fn parse_attribute<'a>(
    text: &'a [u8],
    music_on_hold: Option<&[u8]>,
) -> Result<Attribute<'a>, (AttributeKind, AttributeError)> {
    let (name, value) = split_once(text, b':').unwrap_or((text, b""));
    let text = if value.is_empty() { name } else { text };
    let kind = kind_of(name, music_on_hold);
    let value = parse_value(kind, value).map_err(|error| (kind, error))?;
    Ok(Attribute { text, kind, value })
}

fn kind_of(name: &[u8], music_on_hold: Option<&[u8]>) -> AttributeKind {
    match AttributeKind::from_name(name) {
        AttributeKind::Unknown if music_on_hold.is_some_and(|configured| configured == name) => {
            AttributeKind::MusicOnHold
        }
        kind => kind,
    }
}

fn parse_value(kind: AttributeKind, value: &[u8]) -> Result<AttributeValue<'_>, AttributeError> {
    use AttributeKind as K;
    use AttributeValue as V;
    let parsed = match kind {
        K::Crypto => return Ok(V::Crypto(Box::new(CryptoParams::parse(value)?))),
        K::Rtcp => parse_rtcp(value).map(V::Rtcp),
        K::Group => parse_group(value).map(V::Group),
        K::Candidate => CandidateLine::parse(value).map(Box::new).map(V::Candidate),
        K::Fingerprint => Fingerprint::parse(value).map(Box::new).map(V::Fingerprint),
        K::Setup => Some(V::Setup(Setup::from_value(value))),
        K::Rtpmap => parse_rtpmap(value).map(V::Rtpmap),
        K::Fmtp => parse_payload_type(value).map(|(pt, text)| V::Fmtp(pt, text)),
        K::RtcpFb => parse_rtcp_fb(value),
        K::Ptime | K::Maxptime => Some(V::Milliseconds(number(value).unwrap_or(0))),
        K::Extmap => parse_extmap(value),
        K::Mid | K::Label | K::IceUfrag | K::IcePwd | K::IceOptions | K::TlsId | K::Rtpengine => {
            (!value.is_empty()).then_some(V::Text(value))
        }
        _ => Some(V::Text(value)),
    };
    parsed.ok_or(AttributeError::Syntax)
}

fn parse_rtcp(value: &[u8]) -> Option<RtcpAttribute> {
    let (port, rest) = split_token(value);
    let port = number::<u16>(port).filter(|port| *port != 0)?;
    let address = match rest {
        None | Some(b"") => None,
        Some(rest) => Some(parse_connection(rest)?),
    };
    Some(RtcpAttribute { port, address })
}

fn parse_group(value: &[u8]) -> Option<Group<'_>> {
    let (semantics, members) = split_token(value);
    (!semantics.is_empty()).then_some(Group { semantics, members: members.unwrap_or_default() })
}

/// `PT text`
fn parse_payload_type(value: &[u8]) -> Option<(u8, &[u8])> {
    let (payload_type, text) = split_token(value);
    let payload_type = number::<u8>(payload_type).filter(|payload_type| *payload_type <= 127)?;
    Some((payload_type, text?))
}

fn parse_rtpmap(value: &[u8]) -> Option<Rtpmap<'_>> {
    let (payload_type, rest) = parse_payload_type(value)?;
    let (encoding, _) = split_token(rest);
    let (name, rest) = split_once(encoding, b'/')?;
    let (clock_rate, params) = split_once(rest, b'/').unwrap_or((rest, b""));
    let clock_rate = whole_number(clock_rate)?;
    let channels = whole_number(params).filter(|channels| *channels != 0).unwrap_or(1);
    (!name.is_empty()).then_some(Rtpmap { payload_type, name, clock_rate, channels })
}

fn parse_rtcp_fb(value: &[u8]) -> Option<AttributeValue<'_>> {
    if let Some(text) = value.strip_prefix(b"* ") {
        return Some(AttributeValue::RtcpFb(None, text));
    }
    let (payload_type, text) = parse_payload_type(value)?;
    Some(AttributeValue::RtcpFb(Some(payload_type), text))
}

fn parse_extmap(value: &[u8]) -> Option<AttributeValue<'_>> {
    let (id, rest) = split_token(value);
    let rest = rest?;
    // The longest words of a body.
    let uri = memchr::memchr(b' ', rest).and_then(|end| rest.get(..end)).unwrap_or(rest);
    let id = number::<u8>(id).filter(|id| matches!(id, 1..=14 | 16..=255))?;
    (!uri.is_empty()).then_some(AttributeValue::Extmap(id, uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<AttributeValue<'_>> {
        parse_attribute(text.as_bytes(), None).ok().map(|attribute| attribute.value)
    }

    #[test]
    fn every_name_leads_to_its_kind() {
        for &kind in AttributeKind::ALL {
            assert_eq!(AttributeKind::from_name(kind.name().as_bytes()), kind);
        }
        assert_eq!(AttributeKind::from_name(b"SENDRECV"), AttributeKind::Unknown);
        assert_eq!(AttributeKind::ALL.iter().filter(|kind| kind.is_t38()).count(), 12);
        assert_eq!(kind_of(b"hold", Some(b"hold")), AttributeKind::MusicOnHold);
        assert_eq!(kind_of(b"mid", Some(b"mid")), AttributeKind::Mid);
    }

    #[test]
    fn a_colon_with_nothing_behind_it_goes_away() {
        let parsed = parse_attribute(b"X-foo:", None).expect("kept");
        assert_eq!(parsed.text, b"X-foo");
        let parsed = parse_attribute(b"X-foo:a:b", None).expect("kept");
        assert_eq!((parsed.text, parsed.name()), (b"X-foo:a:b".as_slice(), b"X-foo".as_slice()));
    }

    #[test]
    fn rtcp() {
        let rtcp = |text: &str| match value(text) {
            Some(AttributeValue::Rtcp(rtcp)) => Some((rtcp.port, rtcp.address)),
            _ => None,
        };
        assert_eq!(rtcp("rtcp:53"), Some((53, None)));
        assert_eq!(rtcp("rtcp:53 IN IP4 192.0.2.1"), Some((53, Some([192, 0, 2, 1].into()))));
        for bad in [
            "rtcp",
            "rtcp:0",
            "rtcp:65536",
            "rtcp:x",
            "rtcp:53 IN",
            "rtcp:53 IN IP4 x",
            "rtcp:53 XX IP4 192.0.2.1",
        ] {
            assert_eq!(rtcp(bad), None, "{bad}");
        }
    }

    #[test]
    fn rtpmap() {
        let rtpmap = |text: &str| match value(text) {
            Some(AttributeValue::Rtpmap(map)) => Some((map.payload_type, map.clock_rate, map.channels)),
            _ => None,
        };
        assert_eq!(rtpmap("rtpmap:0 PCMU/8000"), Some((0, 8000, 1)));
        assert_eq!(rtpmap("rtpmap:111 opus/48000/2"), Some((111, 48000, 2)));
        assert_eq!(rtpmap("rtpmap:96 x/8000/0"), Some((96, 8000, 1)));
        assert_eq!(rtpmap("rtpmap:96 x/8000/2x"), Some((96, 8000, 1)));
        for bad in [
            "rtpmap:",
            "rtpmap:96",
            "rtpmap:96 x",
            "rtpmap:96 x/",
            "rtpmap:96 x/8000x",
            "rtpmap:128 x/8000",
            "rtpmap:x y/8000",
        ] {
            assert_eq!(rtpmap(bad), None, "{bad}");
        }
    }

    #[test]
    fn payload_type_texts() {
        assert_eq!(value("fmtp:96 a=b; c"), Some(AttributeValue::Fmtp(96, b"a=b; c")));
        assert_eq!(value("fmtp:96"), None);
        assert_eq!(value("rtcp-fb:* nack pli"), Some(AttributeValue::RtcpFb(None, b"nack pli")));
        assert_eq!(value("rtcp-fb:96 nack"), Some(AttributeValue::RtcpFb(Some(96), b"nack")));
        assert_eq!(value("rtcp-fb:*"), None);
        assert_eq!(value("ptime:20"), Some(AttributeValue::Milliseconds(20)));
        assert_eq!(value("ptime:x"), Some(AttributeValue::Milliseconds(0)));
    }

    #[test]
    fn extmap_ids() {
        assert_eq!(value("extmap:3/recvonly urn:x more"), Some(AttributeValue::Extmap(3, b"urn:x")));
        for (id, valid) in [
            (0, false),
            (1, true),
            (14, true),
            (15, false),
            (16, true),
            (255, true),
            (256, false),
            (4096, false),
        ] {
            assert_eq!(value(&format!("extmap:{id} urn:x")).is_some(), valid, "{id}");
        }
    }

    #[test]
    fn groups() {
        let Some(AttributeValue::Group(group)) = value("group:BUNDLE a b  c ") else { panic!("no group") };
        assert!(group.is_bundle());
        assert_eq!(group.members().collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!(value("group:"), None);
    }
}
