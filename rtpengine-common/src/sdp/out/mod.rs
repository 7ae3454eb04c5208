//! Printing the body that goes to a receiver (sdp.md §4–§7, §9–§18).
//!
//! The daemon decides what each row of the two tables of the specification holds and puts it into a [`SessionOut`] and one [`MediaOut`] per section;
//! [`print()`] knows the order of the rows, how each is spelled, and applies the [`Edits`] while printing. No row is decided here, with one exception:
//! what belongs to RTP protocols or to keys is left out by the section's protocol, because a legacy OSRTP offer prints one section under two.

mod edits;
mod ice;
mod origin;
mod print;
mod rtcp;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;

pub use edits::{Edits, LevelEdits};
pub use ice::{LocalCandidate, local_candidates, passthrough_preferences};
pub use origin::{OriginDefaults, OriginRules, remember_session_name, select_origin, software_id};
pub use print::{Printed, print};
pub use rtcp::{RtcpForm, RtcpRules, rtcp_rows};

use super::{
    Bandwidth, Candidate, Codec, CryptoParams, CryptoPrint, Direction, Directions, ExtMap, Fingerprint,
    MediaType, SessionOrigin, Setup, Text, Transport,
};

/// The session level, one field per row of sdp.md §4. Empty texts print nothing.
#[derive(Clone, Debug)]
pub struct SessionOut<'a> {
    /// Row 2, see [`select_origin`].
    pub origin: &'a SessionOrigin,
    /// Row 3; printed even if empty.
    pub name: &'a [u8],
    /// Row 4: `i=`
    pub information: &'a [u8],
    /// Row 4: `u=`
    pub uri: &'a [u8],
    /// Row 4: `e=`
    pub email: &'a [u8],
    /// Row 4: `p=`
    pub phone: &'a [u8],
    /// Row 5
    pub bandwidth: Bandwidth,
    /// Row 6; `0 0` if empty.
    pub timing: &'a [u8],
    /// Row 7: the id of this process, with `loop protect`.
    pub loop_id: Option<&'a [u8]>,
    /// Row 8: the configured attribute while music on hold is played to the receiver.
    pub music_on_hold: Option<&'a [u8]>,
    /// Row 9
    pub ice_lite: bool,
    /// Row 10: BUNDLE groups, each with its head first.
    pub bundles: Vec<Vec<&'a [u8]>>,
    /// Row 10: other groups as received (`group:LS 1 2`).
    pub groups: Vec<&'a [u8]>,
    /// Row 11
    pub passthrough: Vec<&'a [u8]>,
    /// Type of the first usable section: rows 7 to 9 and the other groups are manipulated on that level.
    pub first_media_type: MediaType,
}

impl<'a> SessionOut<'a> {
    /// Only the rows that always stand.
    #[must_use]
    pub fn new(origin: &'a SessionOrigin, name: &'a [u8]) -> Self {
        SessionOut {
            origin,
            name,
            information: b"",
            uri: b"",
            email: b"",
            phone: b"",
            bandwidth: Bandwidth::default(),
            timing: b"",
            loop_id: None,
            music_on_hold: None,
            ice_lite: false,
            bundles: Vec::new(),
            groups: Vec::new(),
            passthrough: Vec::new(),
            first_media_type: MediaType::default(),
        }
    }
}

/// The protocol of a section: a known one, or the received text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolOut<'a> {
    /// Printed in its own spelling.
    Known(Transport),
    /// Printed as received.
    Unknown(&'a [u8]),
}

impl ProtocolOut<'_> {
    fn is_rtp(self) -> bool {
        matches!(self, ProtocolOut::Known(protocol) if protocol.is_rtp())
    }

    fn is_srtp(self) -> bool {
        matches!(self, ProtocolOut::Known(protocol) if protocol.is_srtp())
    }

    /// The plain counterpart of an SRTP protocol.
    fn plain(self) -> Option<Self> {
        match self {
            ProtocolOut::Known(protocol) => protocol.plain().map(ProtocolOut::Known),
            ProtocolOut::Unknown(_) => None,
        }
    }
}

/// Duplicate sections of legacy OSRTP (sdp.md §11.3). Without effect while the section's protocol is no SRTP one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LegacyOsrtp {
    /// One section.
    #[default]
    None,
    /// A bare rejected plain `m=` line before it.
    BareBefore,
    /// A bare rejected plain `m=` line after it.
    BareAfter,
    /// The whole section in the plain protocol before it.
    OfferBoth,
}

/// A section, one field per row of sdp.md §5.
#[derive(Clone, Debug)]
pub struct MediaOut<'a> {
    /// Row 1: media type as received.
    pub media_type: &'a [u8],
    /// Row 1
    pub port: u16,
    /// Row 1
    pub protocol: ProtocolOut<'a>,
    /// Row 1: the stored format text; stands in for an empty codec list, and is all there is without RTP.
    pub formats: &'a [u8],
    /// Rows 1 and 8, with RTP.
    pub codecs: Vec<CodecOut<'a>>,
    /// Row 2
    pub information: &'a [u8],
    /// Row 3, see [`connection_address`].
    pub connection: IpAddr,
    /// Row 4
    pub bandwidth: Bandwidth,
    /// Rows 5 to 19
    pub body: MediaBody<'a>,
    /// The line or section that goes with it.
    pub legacy_osrtp: LegacyOsrtp,
}

/// What stands below a section's first lines.
#[derive(Clone, Debug)]
pub enum MediaBody<'a> {
    /// Rejected, or without a codec: rows 5 to 7 alone.
    Inactive(MediaHead<'a>),
    /// Rows 5 to 19.
    Regenerated(MediaHead<'a>, Box<MediaAttributes<'a>>),
    /// sdp.md §5.2.
    Copied(CopiedAttributes<'a>),
}

/// Rows 5 to 7.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaHead<'a> {
    /// Row 5
    pub mid: Option<&'a [u8]>,
    /// Row 6
    pub label: Option<&'a [u8]>,
    /// Row 7
    pub bundle_only: bool,
}

/// One codec of rows 1 and 8.
#[derive(Clone, Debug)]
pub struct CodecOut<'a> {
    /// Payload type.
    pub payload_type: u8,
    /// Encoding name.
    pub name: &'a [u8],
    /// Clock rate in Hz.
    pub clock_rate: u32,
    /// Channels; printed from 2 on.
    pub channels: u32,
    /// Format parameters; nothing if empty.
    pub fmtp: Cow<'a, [u8]>,
    /// Values of `rtcp-fb`.
    pub rtcp_fb: Vec<&'a [u8]>,
}

impl<'a> From<&'a Codec> for CodecOut<'a> {
    fn from(codec: &'a Codec) -> Self {
        CodecOut {
            payload_type: codec.payload_type,
            name: &codec.name,
            clock_rate: codec.clock_rate,
            channels: codec.channels,
            fmtp: Cow::Borrowed(&codec.fmtp),
            rtcp_fb: codec.rtcp_fb.iter().map(Text::as_bytes).collect(),
        }
    }
}

/// Rows 9 to 19 of a regenerated section; the default prints `a=sendrecv` and nothing else.
#[derive(Clone, Debug, Default)]
pub struct MediaAttributes<'a> {
    /// Row 9: header extensions.
    pub extmaps: Vec<&'a ExtMap>,
    /// Row 9: no `extmap-allow-mixed` before them (sdp.md §16 rule 4).
    pub extmap_one_byte: bool,
    /// Row 10
    pub passed: Passed<'a>,
    /// Row 11, or the end of row 10.
    pub direction: DirectionOut,
    /// Row 12: `a=rtcp`
    pub rtcp: Option<RtcpOut>,
    /// Row 12: `a=rtcp-mux`
    pub rtcp_mux: bool,
    /// Row 13
    pub crypto: Vec<&'a CryptoParams>,
    /// How row 13 is printed.
    pub crypto_print: CryptoPrint,
    /// Row 14
    pub dtls: Option<DtlsOut<'a>>,
    /// Row 15 in ms; 0 prints nothing.
    pub ptime: u32,
    /// Row 15 in ms; 0 prints nothing.
    pub maxptime: u32,
    /// Rows 16 to 19
    pub ice: Option<IceOut<'a>>,
}

/// Row 10.
#[derive(Clone, Debug)]
pub enum Passed<'a> {
    /// Unknown attributes of the source media, whose type decides on the level they are manipulated on.
    Source(MediaType, Vec<&'a [u8]>),
    /// A T.38 gateway's own parameters.
    T38(T38Out),
}

impl Default for Passed<'_> {
    fn default() -> Self {
        Passed::Source(MediaType::default(), Vec::new())
    }
}

/// What a T.38 gateway says of itself (sdp.md §17.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct T38Out {
    /// `T38FaxVersion`
    pub version: u32,
    /// `T38FaxRateManagement`: the check is done locally, not passed on.
    pub local_tcf: bool,
    /// `T38FaxUdpEC`
    pub error_correction: T38ErrorCorrection,
}

/// Error correction of UDPTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum T38ErrorCorrection {
    /// `t38UDPNoEC`
    None,
    /// `t38UDPFEC`
    Fec,
    /// `t38UDPRedundancy`
    Redundancy,
}

/// Row 11.
#[derive(Clone, Copy, Debug)]
pub enum DirectionOut {
    /// Exactly one line.
    Generated(Direction),
    /// What was received, at the end of row 10 (`original sendrecv`).
    Original(Directions),
}

impl Default for DirectionOut {
    fn default() -> Self {
        DirectionOut::Generated(Direction::default())
    }
}

/// Row 12, see [`rtcp_rows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpOut {
    /// Port.
    pub port: u16,
    /// Address, with `full rtcp attribute`.
    pub address: Option<IpAddr>,
}

/// Row 14.
#[derive(Clone, Copy, Debug)]
pub struct DtlsOut<'a> {
    /// Our role.
    pub setup: Setup,
    /// Of our certificate.
    pub fingerprint: &'a Fingerprint,
    /// 32 lower-case hex digits; none with `no-tls-id`.
    pub tls_id: Option<&'a [u8]>,
}

/// Rows 16 to 19.
#[derive(Clone, Debug, Default)]
pub struct IceOut<'a> {
    /// Row 16
    pub ufrag: &'a [u8],
    /// Row 16
    pub pwd: &'a [u8],
    /// Row 17, and row 19 with it.
    pub trickle: bool,
    /// Row 17
    pub ice2: bool,
    /// Row 18
    pub candidates: Vec<Candidate>,
    /// Row 18: component, address and port of the selected pairs.
    pub remote_candidates: Vec<(u32, IpAddr, u16)>,
}

/// A section copied from its source.
#[derive(Clone, Debug, Default)]
pub struct CopiedAttributes<'a> {
    /// Type of the source media, which decides on the level attributes are manipulated on.
    pub source_type: MediaType,
    /// The source's attributes, see [`super::Attributes::copied`].
    pub attributes: Vec<&'a [u8]>,
    /// Our own candidates, if the source has ICE.
    pub candidates: Vec<Candidate>,
    /// The source said that there are no more.
    pub end_of_candidates: bool,
}

/// What decides on the address of row 3 (sdp.md §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionRules {
    /// `media address`
    pub media_address: Option<IpAddr>,
    /// The advertised address of the local interface, or the source's own for sections that are not proxied.
    pub advertised: IpAddr,
    /// The section is inactive or rejected.
    pub inactive: bool,
    /// The leg's RTP stream is marked as one without address.
    pub zero_address: bool,
    /// The leg does ICE.
    pub ice: bool,
}

/// The address of row 3.
#[must_use]
pub fn connection_address(rules: &ConnectionRules) -> IpAddr {
    let base = rules.media_address.unwrap_or(rules.advertised);
    let unspecified = super::AddressFamily::of(base).unspecified();
    if rules.inactive && rules.media_address.is_none() {
        return unspecified;
    }
    if rules.zero_address && !rules.ice { unspecified } else { base }
}
