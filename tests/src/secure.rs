//! A call of which one side is encrypted with DTLS-SRTP: what tests of handshakes, keys and players begin with.

use std::time::Duration;

use crate::dtls::{Association, Begins, Identity};
use crate::ng::Request;
use crate::phone::{MediaPlan, Phone, receive};
use crate::rtp::Rtp;
use crate::wait::SOON;

/// A handshake has a retransmission in it at most.
pub const HANDSHAKE: Duration = Duration::from_secs(4);

/// The protocol of such a media.
pub const PROTOCOL: &str = "UDP/TLS/RTP/SAVPF";

/// Options of an offer that is passed on encrypted.
#[must_use]
pub fn encrypted() -> Request {
    Request::empty().set("transport-protocol", PROTOCOL)
}

/// One audio with DTLS, for the side that answers in this role.
#[must_use]
pub fn plan(identity: &Identity, setup: &str) -> MediaPlan {
    MediaPlan::new("audio", PROTOCOL)
        .format(0, "PCMU/8000")
        .attribute(&format!("setup:{setup}"))
        .attribute(&format!("fingerprint:{}", identity.fingerprint()))
}

/// The handshake of a phone's first media.
#[must_use]
pub fn shake(phone: &Phone, identity: &Identity, begins: Begins) -> Option<Association> {
    Association::shake(identity, phone.media[0].rtp_socket(), phone.remote().rtp(), begins, HANDSHAKE)
}

/// Plain packets of one reach the other encrypted, and back.
///
/// # Panics
/// When one does not.
#[track_caller]
pub fn talk(plain: &mut Phone, secure: &mut Phone, keys: &mut Association) {
    let sent = plain.sends();
    let socket = secure.media[0].rtp_socket().try_clone().expect("another handle");
    let (bytes, from) = receive(&socket, SOON).expect("a packet");
    assert_eq!(from, secure.remote().rtp());
    assert_eq!(Rtp::parse(&keys.inbound.unprotect(&bytes).expect("authentic")), Some(sent));
    let packet = secure.next_packet(0);
    socket.send_to(&keys.outbound.protect(&packet.encode()), secure.remote().rtp()).expect("sent");
    plain.hears(&packet);
}
