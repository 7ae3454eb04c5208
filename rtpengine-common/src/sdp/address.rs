//! Addresses as SDP writes them: network type, address type, address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::token::Tokens;

/// The address types of SDP that stand for an IP family (RFC 8866 §5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// `IP4`
    Ip4,
    /// `IP6`
    Ip6,
}

impl AddressFamily {
    /// The family called `name`, which is matched exactly.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"IP4" => Some(AddressFamily::Ip4),
            b"IP6" => Some(AddressFamily::Ip6),
            _ => None,
        }
    }

    /// The family an address is of.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { AddressFamily::Ip4 } else { AddressFamily::Ip6 }
    }

    /// `IP4` or `IP6`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AddressFamily::Ip4 => "IP4",
            AddressFamily::Ip6 => "IP6",
        }
    }

    /// `0.0.0.0` or `::`.
    #[must_use]
    pub fn unspecified(self) -> IpAddr {
        match self {
            AddressFamily::Ip4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            AddressFamily::Ip6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// An address of this family; IPv6 may be in brackets.
    #[must_use]
    pub fn parse(self, text: &[u8]) -> Option<IpAddr> {
        match self {
            AddressFamily::Ip4 => std::str::from_utf8(text).ok()?.parse().ok().map(IpAddr::V4),
            AddressFamily::Ip6 => parse_ip6(text).map(IpAddr::V6),
        }
    }
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn parse_ip6(text: &[u8]) -> Option<Ipv6Addr> {
    let bare = text.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(text);
    std::str::from_utf8(bare).ok()?.parse().ok()
}

/// An IP literal of either family; IPv6 may be in brackets.
#[must_use]
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    AddressFamily::Ip4.parse(text).or_else(|| AddressFamily::Ip6.parse(text))
}

/// `IN IP4 192.0.2.1` and what else begins like that: what follows the address is ignored (sdp.md §2.2, row `c=`).
pub(super) fn parse_connection(text: &[u8]) -> Option<IpAddr> {
    let mut tokens = Tokens::new(text);
    if !matches!(tokens.token()?, b"IN" | b"in") {
        return None;
    }
    let family = AddressFamily::from_name(tokens.token()?)?;
    family.parse(tokens.token()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_read_as_the_table_says() {
        assert_eq!(parse_connection(b"IN IP4 192.0.2.1"), Some([192, 0, 2, 1].into()));
        assert_eq!(parse_connection(b"in IP4 192.0.2.1 more"), Some([192, 0, 2, 1].into()));
        assert_eq!(parse_connection(b"IN IP6 [2001:db8::1]"), "2001:db8::1".parse().ok());
        for bad in [
            "In IP4 192.0.2.1",
            "IN ip4 192.0.2.1",
            "IN IP4 2001:db8::1",
            "IN IP6 192.0.2.1",
            "IN IP4 224.0.0.1/127",
            "IN IP4  192.0.2.1",
            "IN IP4",
            "IN IP4 host",
            "",
        ] {
            assert_eq!(parse_connection(bad.as_bytes()), None, "{bad}");
        }
    }
}
