//! Remote candidates, foundations and priorities (RFC 8445 section 5.1).

use std::net::SocketAddr;

use rtpengine_common::sdp::{Candidate, CandidateType, Text};

/// Most remote candidates of one agent, learned ones included.
pub const MAX_CANDIDATES: usize = 100;

/// Priority of a candidate: type preference, position of the address in the logical interface's list,
/// component (media-plane.md 11.1).
#[must_use]
pub fn priority(kind: CandidateType, position: u16, component: u8) -> u32 {
    (kind.preference() << 24) | (u32::from(u16::MAX - position) << 8) | (256 - u32::from(component))
}

/// What candidates have in common that are likely to behave alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foundation {
    /// As the peer signalled it.
    Signalled(Text),
    /// Of a peer-reflexive candidate: its own address.
    Learned(SocketAddr),
}

/// Where the peer may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCandidate {
    /// Foundation.
    pub foundation: Foundation,
    /// 1 RTP, 2 RTCP.
    pub component: u8,
    /// Priority, as signalled or from the PRIORITY attribute.
    pub priority: u32,
    /// Transport address.
    pub address: SocketAddr,
    /// Type.
    pub kind: CandidateType,
}

impl RemoteCandidate {
    /// A signalled candidate; `None` for components and addresses no pair can be made with.
    #[must_use]
    pub fn from_sdp(candidate: &Candidate) -> Option<Self> {
        let component =
            u8::try_from(candidate.component).ok().filter(|component| (1..=2).contains(component))?;
        if candidate.port == 0 || candidate.address.is_unspecified() || candidate.address.is_multicast() {
            return None;
        }
        Some(Self {
            foundation: Foundation::Signalled(candidate.foundation.clone()),
            component,
            priority: candidate.priority,
            address: SocketAddr::new(candidate.address, candidate.port),
            kind: candidate.kind,
        })
    }

    /// Whether a candidate for the same place may take this one's place: a signalled one in place of a
    /// learned one always, otherwise the one with the higher priority.
    pub(super) fn yields_to(&self, other: &Self) -> bool {
        match (&self.foundation, &other.foundation) {
            (Foundation::Learned(_), Foundation::Signalled(_)) => true,
            (Foundation::Signalled(_), Foundation::Learned(_)) => false,
            _ => other.priority > self.priority,
        }
    }

    /// What links the RTP and RTCP candidates of one peer path whose ports differ.
    pub(super) fn path(&self) -> u32 {
        self.priority.wrapping_add(u32::from(self.component))
    }
}
