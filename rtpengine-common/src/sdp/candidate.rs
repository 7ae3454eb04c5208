//! ICE candidates: `a=candidate` (RFC 8839 §5.1, sdp.md §2.6, §14.4).

use std::fmt;
use std::net::IpAddr;

use super::address::parse_ip;
use super::text::Text;
use super::token::{Tokens, number};

/// Most remote candidates that are kept of one section.
pub const MAX_CANDIDATES: usize = 100;

/// Kind of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateType {
    /// `host`
    Host,
    /// `srflx`
    ServerReflexive,
    /// `prflx`
    PeerReflexive,
    /// `relay`
    Relay,
}

impl CandidateType {
    /// The type called `name`.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"host" => Some(CandidateType::Host),
            b"srflx" => Some(CandidateType::ServerReflexive),
            b"prflx" => Some(CandidateType::PeerReflexive),
            b"relay" => Some(CandidateType::Relay),
            _ => None,
        }
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CandidateType::Host => "host",
            CandidateType::ServerReflexive => "srflx",
            CandidateType::PeerReflexive => "prflx",
            CandidateType::Relay => "relay",
        }
    }

    /// The type preference of priorities (sdp.md §14.4).
    #[must_use]
    pub const fn preference(self) -> u32 {
        match self {
            CandidateType::Host => 126,
            CandidateType::PeerReflexive => 110,
            CandidateType::ServerReflexive => 100,
            CandidateType::Relay => 0,
        }
    }
}

/// A candidate as it stands in the SDP: syntax checked, not yet known to be usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandidateLine<'a> {
    /// Foundation.
    pub foundation: &'a [u8],
    /// Component: 1 RTP, 2 RTCP.
    pub component: u32,
    /// Transport, `UDP` in one case or the other if it is of use.
    pub transport: &'a [u8],
    /// Priority.
    pub priority: u32,
    /// Address, possibly a name.
    pub address: &'a [u8],
    /// Port.
    pub port: u16,
    /// Type name.
    pub kind: &'a [u8],
    /// Related address and port; always there for types other than `host`.
    pub related: Option<(&'a [u8], u16)>,
    /// Extensions: names and values parted by spaces.
    pub extensions: &'a [u8],
}

impl<'a> CandidateLine<'a> {
    /// The value of the attribute; `None` if the line is to be dropped.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut tokens = Tokens::new(value);
        let foundation = tokens.token()?;
        let component = number(tokens.token()?)?;
        let transport = tokens.token()?;
        let priority = number(tokens.token()?)?;
        let address = tokens.token()?;
        let port = number(tokens.token()?)?;
        if tokens.token()? != b"typ" {
            return None;
        }
        let kind = tokens.token()?;
        let related =
            if kind == b"host" { related_of_host(&mut tokens) } else { Some(parse_related(&mut tokens)?) };
        let extensions = tokens.rest().unwrap_or_default();
        Some(CandidateLine {
            foundation,
            component,
            transport,
            priority,
            address,
            port,
            kind,
            related,
            extensions,
        })
    }

    /// The value of the extension `name`, e.g. `ufrag` of a candidate that was signalled on its own.
    #[must_use]
    pub fn extension(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut tokens = Tokens::new(self.extensions);
        loop {
            let key = tokens.token()?;
            let value = tokens.token()?;
            if key == name {
                return Some(value);
            }
        }
    }

    /// The candidate as one to make pairs with; `None` if it is of a kind that is only kept as text: another transport than UDP, an address
    /// that is no IP literal, an unknown type.
    #[must_use]
    pub fn usable(&self) -> Option<Candidate> {
        self.usable_with(|foundation| Text::from(foundation))
    }

    pub(super) fn usable_with(&self, keep: impl FnOnce(&[u8]) -> Text) -> Option<Candidate> {
        if !matches!(self.transport, b"udp" | b"UDP") {
            return None;
        }
        let address = parse_ip(self.address)?;
        let kind = CandidateType::from_name(self.kind)?;
        let related = match self.related {
            Some((address, port)) if kind != CandidateType::Host => Some((parse_ip(address)?, port)),
            _ => None,
        };
        Some(Candidate {
            foundation: keep(self.foundation),
            component: self.component,
            priority: self.priority,
            address,
            port: self.port,
            kind,
            related,
        })
    }
}

fn parse_related<'a>(tokens: &mut Tokens<'a>) -> Option<(&'a [u8], u16)> {
    if tokens.token()? != b"raddr" {
        return None;
    }
    let address = tokens.token()?;
    if tokens.token()? != b"rport" {
        return None;
    }
    Some((address, number(tokens.token()?)?))
}

/// A host candidate needs no related address; if it has one anyhow, that is no extension.
fn related_of_host<'a>(tokens: &mut Tokens<'a>) -> Option<(&'a [u8], u16)> {
    let mut ahead = *tokens;
    let related = parse_related(&mut ahead)?;
    *tokens = ahead;
    Some(related)
}

/// A usable remote candidate, or one of our own to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Foundation.
    pub foundation: Text,
    /// Component: 1 RTP, 2 RTCP.
    pub component: u32,
    /// Priority.
    pub priority: u32,
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Type.
    pub kind: CandidateType,
    /// Related address and port, of types other than `host`.
    pub related: Option<(IpAddr, u16)>,
}

impl Candidate {
    /// Parses the value of one attribute, with or without the name in front, as WebRTC signalling carries it. `None` if it is malformed or of
    /// no use.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let value = text.strip_prefix(b"candidate:").unwrap_or(text);
        CandidateLine::parse(value)?.usable()
    }
}

impl fmt::Display for Candidate {
    /// The value of the attribute (sdp.md §14.4).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate { foundation, component, priority, address, port, kind, related } = self;
        write!(f, "{foundation} {component} UDP {priority} {address} {port} typ {}", kind.name())?;
        if let Some((address, port)) = related {
            write!(f, " raddr {address} rport {port}")?;
        }
        Ok(())
    }
}

/// The priority of a candidate (sdp.md §14.4): type preference, position of its address, component, in 32-bit arithmetic that wraps.
#[must_use]
pub const fn priority(type_preference: u32, local_preference: u32, component: u32) -> u32 {
    (type_preference << 24) | (65535u32.wrapping_sub(local_preference) << 8) | 256u32.wrapping_sub(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_of_the_worked_example() {
        let host = CandidateType::Host.preference();
        assert_eq!(priority(host, 0, 1), 2_130_706_431);
        assert_eq!(priority(host, 1, 1), 2_130_706_175);
        assert_eq!(priority(host, 0, 2), 2_130_706_430);
        assert_eq!(priority(host, 1, 2), 2_130_706_174);
        // One position past the last wraps around to a very large number.
        assert_eq!(priority(0, 65536, 1), 0xffff_ffff);
    }

    #[test]
    fn lines_that_are_dropped() {
        for bad in [
            "",
            "1 1 UDP 1 192.0.2.1 9 typ",
            "1 x UDP 1 192.0.2.1 9 typ host",
            "1 1 UDP x 192.0.2.1 9 typ host",
            "1 1 UDP 1 192.0.2.1 x typ host",
            "1 1 UDP 1 192.0.2.1 9 type host",
            "1 1 UDP 1 192.0.2.1 9 typ srflx",
            "1 1 UDP 1 192.0.2.1 9 typ srflx raddr 10.0.0.1",
            "1 1 UDP 1 192.0.2.1 9 typ srflx raddr 10.0.0.1 rport x",
            "1 1 UDP 1 192.0.2.1 9 typ srflx xaddr 10.0.0.1 rport 3",
            "1 1 UDP 1 192.0.2.1 9 typ other",
            "1  1 UDP 1 192.0.2.1 9 typ host",
        ] {
            assert_eq!(CandidateLine::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn lines_that_are_kept_but_not_used() {
        for text in [
            "1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
            "1 1 Udp 1 192.0.2.1 9 typ host",
            "1 1 UDP 1 e1a2.local 9 typ host",
            "1 1 UDP 1 192.0.2.1 9 typ other raddr 10.0.0.1 rport 3",
            "1 1 UDP 1 192.0.2.1 9 typ srflx raddr host.local rport 3",
        ] {
            let line = CandidateLine::parse(text.as_bytes()).expect(text);
            assert_eq!(line.usable(), None, "{text}");
        }
    }

    #[test]
    fn usable_lines_print_back() {
        for text in [
            "abc 1 UDP 2130706431 192.0.2.1 5000 typ host",
            "q 2 UDP 7 2001:db8::1 5001 typ relay raddr 10.0.0.1 rport 3",
        ] {
            let parsed = Candidate::parse(text.as_bytes()).expect(text);
            assert_eq!(parsed.to_string(), text);
        }
        let line =
            CandidateLine::parse(b"1 1 udp 1 192.0.2.1 9 typ host generation 0 ufrag abcd").expect("valid");
        assert_eq!(line.extension(b"ufrag"), Some(b"abcd".as_slice()));
        assert_eq!(line.extension(b"none"), None);
        assert!(Candidate::parse(b"candidate:1 1 udp 1 192.0.2.1 9 typ host").is_some());
    }
}
