//! Our own candidates (sdp.md §14.4, §14.5).

use std::net::IpAddr;

use crate::sdp::candidate::{Candidate, CandidateType, priority};
use crate::sdp::text::Text;

/// One address of the leg's logical interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCandidate {
    /// Foundation chosen for the address at start-up.
    pub foundation: Text,
    /// Advertised address, or `media address`.
    pub address: IpAddr,
    /// Port of RTP.
    pub rtp_port: u16,
    /// Port of RTCP, if it is to be listed as component 2.
    pub rtcp_port: Option<u16>,
}

/// The candidates of a section: all of component 1, then all of component 2. `preferences` are the type preference and the local preference number of
/// the first address; the following addresses count on. For a section of its own that is the type's preference and 0, for a copied one what
/// [`passthrough_preferences`] gives.
#[must_use]
pub fn local_candidates(
    addresses: &[LocalCandidate],
    kind: CandidateType,
    preferences: (u32, u32),
) -> Vec<Candidate> {
    let (type_preference, first) = preferences;
    let component = |component: u32| {
        (0u32..).zip(addresses).filter_map(move |(position, local)| {
            let port = if component == 1 { Some(local.rtp_port) } else { local.rtcp_port }?;
            Some(Candidate {
                foundation: local.foundation.clone(),
                component,
                priority: priority(type_preference, first.wrapping_add(position), component),
                address: local.address,
                port,
                kind,
                related: (kind != CandidateType::Host).then_some((local.address, port)),
            })
        })
    };
    component(1).chain(component(2)).collect()
}

/// Type preference and local preference number of the first address in a section that is passed through: below all received candidates of the same
/// type (sdp.md §14.5).
#[must_use]
pub fn passthrough_preferences(received: &[Candidate], kind: CandidateType) -> (u32, u32) {
    let mut type_preference = kind.preference();
    let mut local_preference = 0;
    let same = received.iter().filter(|candidate| candidate.component == 1 && candidate.kind == kind);
    for candidate in same {
        if candidate.priority > priority(type_preference, local_preference, 1) {
            continue;
        }
        type_preference = candidate.priority >> 24;
        local_preference = 65535 - ((candidate.priority >> 8) & 0xffff);
        if local_preference != 0 {
            local_preference -= 1;
        } else {
            type_preference = type_preference.saturating_sub(1);
            local_preference = 65535;
        }
    }
    (type_preference, local_preference)
}
