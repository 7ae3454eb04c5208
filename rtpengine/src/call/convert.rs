//! From the words of a request to the types of the packet plane.

use rtpengine_common::ng;

use crate::flow::Learning;

/// Whether `address-family` names IPv6.
#[must_use]
pub(super) fn ipv6(family: Option<ng::AddressFamily>) -> Option<bool> {
    family.map(|family| family == ng::AddressFamily::Ip6)
}

/// A mode named by `endpoint-learning`.
#[must_use]
pub(super) fn learning(mode: ng::EndpointLearning) -> Learning {
    match mode {
        ng::EndpointLearning::Delayed => Learning::Delayed,
        ng::EndpointLearning::Off => Learning::Off,
        ng::EndpointLearning::Immediate => Learning::Immediate,
        ng::EndpointLearning::Heuristic => Learning::Heuristic,
    }
}
