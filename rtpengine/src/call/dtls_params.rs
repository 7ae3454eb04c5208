//! What SDP says about DTLS-SRTP: roles, fingerprints, tls-id (sdp.md §13).

use rtpengine_common::ng::{self, Flag, Request};
use rtpengine_common::sdp::{Setup, StreamParams};

use super::ctx::Random;
use super::media::{DtlsParams, Media, MediaFlags};

/// Takes over the sender's DTLS attributes and decides our role towards it (§13.2).
pub(super) fn receive(
    sender: &mut Media,
    params: &StreamParams,
    answer: bool,
    request: &Request,
    random: &mut dyn Random,
) {
    let usable = params.setup != Setup::None && params.fingerprint.is_some();
    let disregarded = !answer && request.sdes.prefer && sender.has(MediaFlags::SDES);
    if !sender.is_srtp() || sender.has(MediaFlags::PASSTHROUGH) || !usable || disregarded {
        sender.flags.remove(MediaFlags::DTLS | MediaFlags::SETUP_ACTIVE | MediaFlags::SETUP_PASSIVE);
        if let Some(dtls) = &mut sender.dtls {
            dtls.setup = params.setup;
        }
        return;
    }
    let active = is_active(sender, params.setup, answer, request);
    let new_ice = ice_restarts(sender, params) && !request.has(Flag::NoTlsId);
    let dtls = sender.dtls.get_or_insert_default();
    let restart = restarts(dtls, params, new_ice);
    dtls.peer.clone_from(&params.fingerprint.as_deref().cloned());
    dtls.peer_tls_id.clone_from(&params.tls_id);
    dtls.setup = params.setup;
    if restart {
        dtls.tls_id = Some(tls_id(random));
    }
    sender.flags.insert(MediaFlags::DTLS);
    sender.flags.set(MediaFlags::SETUP_ACTIVE, active);
    sender.flags.set(MediaFlags::SETUP_PASSIVE, !active);
    sender.flags.set(MediaFlags::DTLS_IS_ACTIVE, active);
}

/// Whether we take the active role towards a peer with this `a=setup`.
fn is_active(sender: &Media, setup: Setup, answer: bool, request: &Request) -> bool {
    match setup {
        Setup::Active | Setup::None => false,
        Setup::Passive => true,
        Setup::ActPass if answer => true,
        Setup::ActPass => {
            let was_passive = sender.has(MediaFlags::DTLS)
                && sender.has(MediaFlags::SETUP_PASSIVE)
                && !sender.has(MediaFlags::SETUP_ACTIVE);
            !(request.dtls.passive || was_passive)
        }
    }
}

/// Whether the peer wants a new association: another fingerprint, another or vanished tls-id, or an ICE restart where there is none.
fn restarts(dtls: &DtlsParams, params: &StreamParams, new_ice: bool) -> bool {
    let fingerprint = dtls.peer.is_some() && dtls.peer.as_ref() != params.fingerprint.as_deref();
    let identity = dtls.peer_tls_id.is_some() && dtls.peer_tls_id != params.tls_id;
    let without_identity = dtls.peer.is_some() && dtls.peer_tls_id.is_none() && params.tls_id.is_none();
    fingerprint || identity || (new_ice && without_identity)
}

/// Whether the peer's credentials are others than before (§14.6).
fn ice_restarts(media: &Media, params: &StreamParams) -> bool {
    let (Some(known), Some(received)) = (&media.ice, &params.ice) else { return false };
    !known.peer_ufrag.is_empty() && (known.peer_ufrag != received.ufrag || known.peer_pwd != received.pwd)
}

/// Makes sure that a side which is shown DTLS has a hash and a tls-id. `asked` is the request's `DTLS-fingerprint`.
pub(super) fn prepare(receiver: &mut Media, asked: Option<ng::FingerprintHash>, random: &mut dyn Random) {
    let dtls = receiver.dtls.get_or_insert_default();
    if dtls.hash.is_none() {
        let own = dtls.peer.as_ref().map(rtpengine_common::sdp::Fingerprint::hash);
        dtls.hash = Some(asked.or(own).unwrap_or(rtpengine_common::sdp::FingerprintHash::Sha256));
    }
    if dtls.tls_id.is_none() {
        dtls.tls_id = Some(tls_id(random));
    }
}

/// A new association: after new sockets, for example.
pub(super) fn renew(media: &mut Media, random: &mut dyn Random) {
    if let Some(dtls) = &mut media.dtls
        && dtls.tls_id.is_some()
    {
        dtls.tls_id = Some(tls_id(random));
    }
}

fn tls_id(random: &mut dyn Random) -> [u8; 16] {
    let mut id = [0; 16];
    random.fill(&mut id);
    id
}

/// Whether `a=tls-id` is printed.
#[must_use]
pub(super) fn shows_tls_id(request: &Request) -> bool {
    !request.has(Flag::NoTlsId)
}
