//! From the words of a request to the types of the SDP.

use rtpengine_common::ng;
use rtpengine_common::sdp::{FingerprintHash, Transport};

use crate::flow::Learning;

/// A protocol named by `transport-protocol`.
#[must_use]
pub(super) fn transport(protocol: ng::Protocol) -> Transport {
    match protocol {
        ng::Protocol::RtpAvp => Transport::RtpAvp,
        ng::Protocol::RtpAvpf => Transport::RtpAvpf,
        ng::Protocol::RtpSavp => Transport::RtpSavp,
        ng::Protocol::RtpSavpf => Transport::RtpSavpf,
        ng::Protocol::UdpTlsRtpSavp => Transport::UdpTlsRtpSavp,
        ng::Protocol::UdpTlsRtpSavpf => Transport::UdpTlsRtpSavpf,
        ng::Protocol::Udptl => Transport::Udptl,
    }
}

/// Whether `address-family` names IPv6.
#[must_use]
pub(super) fn ipv6(family: Option<ng::AddressFamily>) -> Option<bool> {
    family.map(|family| family == ng::AddressFamily::Ip6)
}

/// A hash named by `DTLS-fingerprint`.
#[must_use]
pub(super) fn hash(hash: ng::FingerprintHash) -> FingerprintHash {
    match hash {
        ng::FingerprintHash::Sha1 => FingerprintHash::Sha1,
        ng::FingerprintHash::Sha224 => FingerprintHash::Sha224,
        ng::FingerprintHash::Sha256 => FingerprintHash::Sha256,
        ng::FingerprintHash::Sha384 => FingerprintHash::Sha384,
        ng::FingerprintHash::Sha512 => FingerprintHash::Sha512,
    }
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
