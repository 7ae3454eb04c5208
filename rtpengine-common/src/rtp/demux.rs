//! What a datagram on a media port is, told from its first bytes (RFC 5761 section 4, RFC 7983,
//! media-plane.md 3.3).
//!
//! The tests are separate functions because the daemon asks them conditionally: STUN only where an
//! ICE agent exists, DTLS only where the media uses DTLS, RTCP and RTP only on RTP media. UDPTL has
//! no mark of its own (its first two bytes are a sequence number), so a `udptl` media never asks.

/// Class of a datagram by its first bytes alone, with every protocol possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// STUN candidate: magic cookie in place. Needs the further checks of media-plane.md 11.3.
    Stun,
    /// DTLS record.
    Dtls,
    /// RTP, version 2.
    Rtp,
    /// RTCP, version 2 with a packet type of 194..=223.
    Rtcp,
    /// ZRTP key exchange (RFC 6189 section 5); always forwarded unmodified.
    Zrtp,
    /// Anything else: forwarded raw where the path allows it.
    Other,
}

/// Classifies a datagram; the order of the tests is that of media-plane.md 3.2.
#[must_use]
pub fn classify(datagram: &[u8]) -> PacketKind {
    if is_stun(datagram) {
        PacketKind::Stun
    } else if is_dtls(datagram) {
        PacketKind::Dtls
    } else if is_rtcp(datagram) {
        PacketKind::Rtcp
    } else if is_rtp(datagram) {
        PacketKind::Rtp
    } else if is_zrtp(datagram) {
        PacketKind::Zrtp
    } else {
        PacketKind::Other
    }
}

/// STUN candidate: 20 bytes or more, first two bits zero, length a multiple of 4, magic cookie.
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    let Some(header) = datagram.first_chunk::<20>() else { return false };
    header[0] & 0xc0 == 0 && header[3] & 3 == 0 && header[4..8] == [0x21, 0x12, 0xa4, 0x42]
}

/// DTLS: first byte in 20..=63.
#[must_use]
pub fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

/// RTCP: version 2, second byte in 194..=223, 8 bytes or more.
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    match datagram.first_chunk::<8>() {
        Some(header) => header[0] >> 6 == 2 && (194..=223).contains(&header[1]),
        None => false,
    }
}

/// RTP: version 2 and not RTCP. Says nothing about the rest of the header.
#[must_use]
pub fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(first) if first >> 6 == 2) && !is_rtcp(datagram)
}

/// ZRTP: first byte `10` and the cookie `ZRTP` in bytes 4..8.
#[must_use]
pub fn is_zrtp(datagram: &[u8]) -> bool {
    match datagram.first_chunk::<8>() {
        Some(header) => header[0] == 0x10 && header[4..8] == *b"ZRTP",
        None => false,
    }
}
