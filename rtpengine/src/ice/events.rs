//! What an agent says: results, log lines, packets.

use std::fmt;
use std::net::SocketAddr;

use arrayvec::ArrayVec;
use rtpengine_common::stun::{MAX_UNKNOWN, StunError};

use crate::call::ids::{LocalSocket, SocketKey};

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From this socket.
    pub socket: SocketKey,
    /// To this address.
    pub to: SocketAddr,
    /// The message.
    pub bytes: Vec<u8>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It was STUN and is done with.
    Consumed,
    /// It was STUN that was not believed: it counts as an error, whether or not it was answered.
    Refused,
    /// It goes on as an ordinary packet; to be logged as
    /// `Not handling potential STUN packet ...: <reason>`.
    NotStun(StunError),
}

/// A result of the agent's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The stream of a component has a (new) peer and socket: media goes there and comes from there.
    Selected {
        /// 1 RTP, 2 RTCP.
        component: u8,
        /// Socket to send from.
        socket: LocalSocket,
        /// Address to send to.
        remote: SocketAddr,
    },
    /// All components have a succeeded pair: DTLS may start.
    Usable,
    /// All components have a nominated pair.
    Completed,
    /// Every pair has failed; media keeps using the signalled address. More candidates revive the agent.
    Failed,
    /// A conflict made the agent change its role.
    RoleChanged {
        /// The new role is the controlling one.
        controlling: bool,
    },
    /// With consent checks on: the peer has not answered for 30 s, nothing may be sent to it any more.
    ConsentLost {
        /// The component concerned.
        component: u8,
    },
    /// Something for the log.
    Notice(Notice),
}

/// Log lines; their number is bounded here and their rate by the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Wrong user fragment or password.
    AuthenticationMismatch(SocketAddr),
    /// A request without the attributes every request must have.
    BadRequest(SocketAddr),
    /// Attributes that would have to be understood.
    UnknownAttributes(SocketAddr, ArrayVec<u16, MAX_UNKNOWN>),
    /// A request no candidate could be made of.
    NoCandidate(SocketAddr),
    /// A response to none of our requests, or from elsewhere than the request went.
    StrayResponse(SocketAddr),
    /// The limit on candidates is reached.
    TooManyCandidates,
}

impl Notice {
    /// How many causes there are.
    pub const CAUSES: usize = 6;

    /// Number of the cause, below [`Notice::CAUSES`]: each is logged for itself.
    #[must_use]
    pub fn cause(&self) -> usize {
        match self {
            Self::AuthenticationMismatch(_) => 0,
            Self::BadRequest(_) => 1,
            Self::UnknownAttributes(..) => 2,
            Self::NoCandidate(_) => 3,
            Self::StrayResponse(_) => 4,
            Self::TooManyCandidates => 5,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthenticationMismatch(from) => write!(f, "STUN authentication mismatch from {from}"),
            Self::BadRequest(from) => {
                write!(f, "Received invalid STUN packet from {from}: MESSAGE-INTEGRITY or USERNAME missing")
            }
            Self::UnknownAttributes(from, numbers) => {
                write!(f, "STUN packet contained unknown \"comprehension required\" attribute(s)")?;
                for number in numbers {
                    write!(f, " {number:#06x}")?;
                }
                write!(f, " from {from}")
            }
            Self::NoCandidate(from) => {
                write!(f, "Failed to determine ICE candidate from STUN request from {from}")
            }
            Self::StrayResponse(from) => {
                write!(f, "Received invalid STUN packet from {from}: unknown or mismatched transaction")
            }
            Self::TooManyCandidates => f.write_str("Maximum number of ICE candidates exceeded"),
        }
    }
}
