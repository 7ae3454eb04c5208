//! What a datagram is, by its first bytes (media-plane.md §3.3).

use std::ops::Range;

/// First-byte classes which do not depend on what was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// May be STUN: the ICE agent checks further.
    Stun,
    /// In the range of DTLS records.
    Dtls,
    Rtcp,
    Rtp,
    Other,
}

/// Classifies a datagram.
pub(super) fn classify(bytes: &[u8]) -> Class {
    match bytes {
        [first, second, ..] if first >> 6 == 2 => {
            if is_rtcp_type(*second) && bytes.len() >= 8 {
                Class::Rtcp
            } else {
                Class::Rtp
            }
        }
        [20..=63, ..] if !looks_like_stun(bytes) => Class::Dtls,
        _ if looks_like_stun(bytes) => Class::Stun,
        _ => Class::Other,
    }
}

/// Whether the second byte is that of RTCP: also payload types 66 to 95 with marker (media-plane.md §6.4).
fn is_rtcp_type(second: u8) -> bool {
    (194..=223).contains(&second)
}

fn looks_like_stun(bytes: &[u8]) -> bool {
    matches!(bytes, [first, _, _, low, 0x21, 0x12, 0xa4, 0x42, ..]
        if bytes.len() >= 20 && first & 0xc0 == 0 && low & 3 == 0)
}

/// The fields of an RTP header (RFC 3550 §5.1) the relay needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RtpHeader {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    /// The last byte tells how many bytes of padding end the packet.
    pub(super) padded: bool,
    pub(super) sequence_number: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    /// Where the payload starts, behind CSRC list and header extension.
    pub(super) payload: usize,
    /// The header extension with its four-byte head.
    pub(super) extension: Option<Range<usize>>,
}

impl RtpHeader {
    /// Reads a header; `None` when the version is not 2 or the lists do not fit.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[b0, b1, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = bytes.first_chunk::<12>()?;
        if b0 >> 6 != 2 {
            return None;
        }
        let mut payload = 12 + usize::from(b0 & 0x0f) * 4;
        let mut extension = None;
        if b0 & 0x10 != 0 {
            let &[_, _, high, low] = bytes.get(payload..)?.first_chunk::<4>()?;
            let end = payload + 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
            extension = Some(payload..end);
            payload = end;
        }
        (payload <= bytes.len()).then_some(Self {
            payload_type: b1 & 0x7f,
            padded: b0 & 0x20 != 0,
            marker: b1 & 0x80 != 0,
            sequence_number: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload,
            extension,
        })
    }
}
