//! The transport protocol of both sides of an exchange (sdp.md §10.1).

use rtpengine_common::ng::{Request, TransportProtocol};
use rtpengine_common::sdp::Transport;

use super::media::{Media, Protocol};

/// What a message says about protocols.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProtocolOptions {
    /// `transport-protocol` with a known name.
    pub wanted: Option<Transport>,
    /// `transport-protocol=accept`: the answerer's change is passed through.
    pub accept: bool,
    /// `OSRTP=offer`.
    pub osrtp_offer: bool,
    /// `OSRTP=accept-RFC`.
    pub osrtp_accept: bool,
}

/// The protocol that `transport-protocol` names.
pub(super) fn wanted(request: &Request) -> Option<Transport> {
    match request.transport_protocol {
        Some(TransportProtocol::Use(protocol)) => Some(protocol),
        Some(TransportProtocol::Accept) | None => None,
    }
}

/// Takes over the protocol received from `sender` and decides that of `receiver`. True if the answer turned OSRTP although the
/// offerer does not speak it, which deserves a warning.
pub(super) fn negotiate(
    sender: &mut Media,
    receiver: &mut Media,
    received: Protocol,
    answer: bool,
    options: &ProtocolOptions,
) -> bool {
    let mut odd = false;
    if sender.protocol.as_ref() != Some(&received) {
        if !answer {
            receiver.protocol = None;
        } else {
            odd = after_changed_answer(sender, receiver, &received, options);
        }
        if !odd {
            sender.protocol = Some(received);
        }
    }
    let sender_protocol = sender.protocol.clone();
    let sender_rtp = sender.is_rtp();
    let own = receiver
        .protocol
        .get_or_insert_with(|| sender_protocol.unwrap_or(Protocol::Known(Transport::RtpAvp)));
    if let Some(wanted) = options.wanted
        && sender_rtp
    {
        *own = Protocol::Known(wanted);
    }
    if options.osrtp_offer
        && !answer
        && let Some(osrtp) = own.transport().and_then(Transport::to_osrtp)
    {
        *own = Protocol::Known(osrtp);
    }
    odd
}

/// Rule 1, answers. True in the odd case at the end of (c), where the answerer's own protocol was set from the offerer's.
fn after_changed_answer(
    sender: &mut Media,
    receiver: &mut Media,
    received: &Protocol,
    options: &ProtocolOptions,
) -> bool {
    let offerer = receiver.transport();
    let plain = received.transport().is_some_and(Transport::is_plain_rtp);
    if plain && offerer.is_some_and(Transport::is_osrtp) {
        if !options.osrtp_accept {
            receiver.protocol = None;
        }
        return false;
    }
    if options.accept {
        receiver.protocol = None;
        return false;
    }
    let turned =
        received.transport().is_some_and(Transport::is_osrtp) && !offerer.is_some_and(Transport::is_osrtp);
    if turned && receiver.protocol.is_some() {
        sender.protocol.clone_from(&receiver.protocol);
        return true;
    }
    false
}
