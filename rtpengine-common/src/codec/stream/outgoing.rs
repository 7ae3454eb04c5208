//! What leaves.

use std::time::Duration;

/// A packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutPacket<'a> {
    /// Payload number.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence_number: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Payload.
    pub payload: &'a [u8],
    /// When it leaves; not before the time given with the input.
    pub send_at: Duration,
}

/// The packets made, in the order in which they leave. Kept by the caller and reused.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    headers: Vec<Header>,
    octets: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) sequence_number: u16,
    pub(super) timestamp: u32,
    pub(super) send_at: Duration,
    pub(super) end: usize,
}

impl Outgoing {
    /// Nothing to send.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the packets, keeps the memory.
    pub fn clear(&mut self) {
        self.headers.clear();
        self.octets.clear();
    }

    /// How many packets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.headers.len()
    }

    /// No packet?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The packets.
    pub fn packets(&self) -> impl Iterator<Item = OutPacket<'_>> {
        let mut start = 0;
        self.headers.iter().map(move |header| {
            let payload = self.octets.get(start..header.end).unwrap_or_default();
            start = header.end;
            OutPacket {
                payload_type: header.payload_type,
                marker: header.marker,
                sequence_number: header.sequence_number,
                timestamp: header.timestamp,
                payload,
                send_at: header.send_at,
            }
        })
    }

    pub(super) fn push(&mut self, header: Header, payload: &[u8]) {
        self.octets.extend_from_slice(payload);
        self.headers.push(Header { end: self.octets.len(), ..header });
    }
}
