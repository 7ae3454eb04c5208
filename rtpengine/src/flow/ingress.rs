//! What the relay needs of an RTP header, read once per packet.

use rtpengine_common::rtp::RtpPacket;

/// Fields of an RTP packet (RFC 3550 §5.1), without a borrow of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RtpFields {
    pub(super) payload_type: u8,
    pub(super) sequence_number: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    /// Where the payload starts, behind CSRC list and header extension.
    pub(super) payload: usize,
}

impl RtpFields {
    /// Reads a header; `None` when the datagram is not RTP.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let packet = RtpPacket::parse(bytes).ok()?;
        Some(Self {
            payload_type: packet.payload_type(),
            sequence_number: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            payload: packet.payload_start(),
        })
    }
}
