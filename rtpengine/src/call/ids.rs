//! Names of the things a call consists of.
//!
//! Parties, medias and streams are positions in the call's append-only lists, edges are counted as they are made; none of these
//! numbers is ever used again within the call: they are visible (`<untagged 1>`, media labels, the numbering in Redis), and a deleted party stays listed
//! as a stub. Merging two calls adds an offset to the ids of the joining one, so nothing outside a call may keep them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Declares a position in one of a call's lists.
macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position as an index into the call's list.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The name of position `index`. A call has far fewer than 2^32 of anything (its ports are bounded).
            #[must_use]
            pub fn at(index: usize) -> Self {
                Self(u32::try_from(index).unwrap_or(u32::MAX))
            }
        }
    };
}

position!(
    /// One side of a call: one SIP tag.
    PartyId
);
position!(
    /// One `m=` section of one party.
    MediaId
);
position!(
    /// One packet stream of a media: RTP (component 1) or RTCP (component 2).
    StreamId
);
position!(
    /// A directed link from a source media to a sink media. No position: links go, and the numbers of the others stay.
    EdgeId
);

/// A call's process-wide number, never reused: what timers, side threads and the recorder hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub u64);

/// A socket in its shard's table. The generation turns away events of a socket that was closed earlier in the same turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketKey {
    /// Place in the shard's socket table.
    pub slot: u32,
    /// How often the place was given to a new socket.
    pub generation: u32,
}

/// One local IP address of one logical interface: its position in the configured list (media-plane.md §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub u16);

/// A logical interface with its preferred family (media-plane.md §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalId(pub u16);

/// A bound local UDP port as the call knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalSocket {
    /// Where the shard keeps it.
    pub key: SocketKey,
    /// The local address it belongs to.
    pub local: LocalId,
    /// The bound address.
    pub address: SocketAddr,
}

/// Bytes a client chose: call-ids, tags, branches, labels. Not necessarily UTF-8; shown lossily.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub Arc<[u8]>);

impl Name {
    /// The bytes as the client sent them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}
