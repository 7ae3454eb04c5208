//! SRTP and SRTCP (RFC 3711, 6188, 7714) with all suites of media-plane.md 9.1.
//!
//! Two things are kept apart. The session keys are a [`Context`]: one per direction of a stream, derived
//! once, immutable, so that any number of packets may use it. The packet index belongs to the SSRC
//! ([`PacketIndex`](crate::rtp::PacketIndex)) and is the caller's: a plain stream that turns into SRTP,
//! a bundle and the kernel all count on the same number. Packets are changed in place and nothing is
//! allocated.

mod acceleration;
mod cipher;
mod context;
mod keys;
mod replay;
mod suite;

#[cfg(test)]
mod tests;

pub use acceleration::Acceleration;
pub use context::{Context, SrtpError, Unprotected, UnprotectedRtcp};
pub use keys::{KeyError, MasterKey, Mki, Parameters, SessionParameters};
pub use replay::{Replay, ReplayWindow};
pub use suite::{CipherKind, SUITES, Suite, SuiteInfo};

/// Most bytes [`Context::protect_rtp`] and [`Context::protect_rtcp`] can add to a packet: the largest
/// tag, the SRTCP index and the longest MKI.
pub const MAX_OVERHEAD: usize = 16 + 4 + 255;

/// Feeds foreign bytes to both unprotect functions of every suite, for the property tests and the fuzz
/// target. The first byte chooses suite and parameters.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let Some((&choice, packet)) = bytes.split_first() else { return };
    let suite = SUITES[usize::from(choice) % SUITES.len()].suite;
    let session = SessionParameters {
        unencrypted_srtp: choice & 0x10 != 0,
        unencrypted_srtcp: choice & 0x20 != 0,
        unauthenticated_srtp: choice & 0x40 != 0,
    };
    let mki = Mki::new(if choice & 0x80 != 0 { &[1, 2, 3] } else { &[] }).expect("short enough");
    let key = MasterKey::generate(suite, |bytes| bytes.fill(7));
    let context = Context::new(&Parameters { suite, key, mki, session }).expect("key of the suite's length");
    let mut copy = packet.to_vec();
    if let Ok(done) = context.unprotect_rtp(&mut copy, crate::rtp::PacketIndex::from_raw(0x1_0000)) {
        assert!(done.len <= packet.len());
    }
    let mut copy = packet.to_vec();
    if let Ok(done) = context.unprotect_rtcp(&mut copy) {
        assert!(done.len <= packet.len());
    }
    let mut room = packet.to_vec();
    room.resize(packet.len() + MAX_OVERHEAD, 0);
    if let Ok(len) = context.protect_rtp(&mut room, packet.len(), crate::rtp::PacketIndex::from_raw(5)) {
        let done = context.unprotect_rtp(&mut room[..len], crate::rtp::PacketIndex::from_raw(5));
        let len = done.expect("own packets are accepted").len;
        assert_eq!(&room[..len], packet);
    }
}
