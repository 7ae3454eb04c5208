//! The network edge of the daemon: local addresses, port pools, sockets and their readiness. The only place that does I/O on media ports.

pub mod interface_spec;
pub mod interfaces;
pub mod open;
pub mod packet_info;
pub mod ports;
pub mod prefetch;
pub mod readiness;
pub mod socket;
pub mod system;
pub mod table;

use std::net::IpAddr;

/// An address family, in the order the tables of this module use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }

    /// Position in tables by family.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::V4 => 0,
            Self::V6 => 1,
        }
    }
}
