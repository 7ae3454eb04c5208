//! The buffer a datagram lives in from reception to transmission.

use rtpengine_common::rtp::{Extension, ReplaceError, replace_extension};

/// Bytes kept free in front of a received datagram, for a header extension that grows (media-plane.md §3.1).
pub const HEAD_ROOM: usize = 128;
/// Longest datagram taken from a socket; a read of that size may have been truncated (media-plane.md §3.1).
pub const MAX_PACKET: usize = 8192;
/// Bytes kept free behind a datagram of the longest size, for tags and MKI (media-plane.md §3.1).
pub const TAIL_ROOM: usize = 512;

const ROOM: usize = HEAD_ROOM + MAX_PACKET + TAIL_ROOM;

/// One datagram with room to grow at both ends. A shard owns two of them for all its calls; whoever keeps a packet
/// copies it at its real size.
pub struct Packet {
    room: Box<[u8; ROOM]>,
    start: usize,
    end: usize,
}

impl Packet {
    /// An empty packet.
    #[must_use]
    pub fn new() -> Self {
        Self { room: Box::new([0; ROOM]), start: HEAD_ROOM, end: HEAD_ROOM }
    }

    /// Where the socket layer puts the next datagram; [`Packet::received`] tells how much of it was filled.
    pub fn receive_area(&mut self) -> &mut [u8] {
        &mut self.room[HEAD_ROOM..HEAD_ROOM + MAX_PACKET]
    }

    /// Makes the first `len` bytes of the receive area the content (at most [`MAX_PACKET`]).
    pub fn received(&mut self, len: usize) {
        self.start = HEAD_ROOM;
        self.end = HEAD_ROOM + len.min(MAX_PACKET);
    }

    /// Replaces the content by a copy of `bytes` (at most [`MAX_PACKET`] of them).
    pub fn copy_from(&mut self, bytes: &[u8]) {
        let len = bytes.len().min(MAX_PACKET);
        self.received(len);
        self.room[HEAD_ROOM..HEAD_ROOM + len].copy_from_slice(&bytes[..len]);
    }

    /// Replaces the content by a header and what follows it (at most [`MAX_PACKET`] bytes of them together).
    pub fn compose(&mut self, header: &[u8], payload: &[u8]) {
        let header = &header[..header.len().min(MAX_PACKET)];
        let payload = &payload[..payload.len().min(MAX_PACKET - header.len())];
        self.received(header.len() + payload.len());
        let (head, body) = self.bytes_mut().split_at_mut(header.len());
        head.copy_from_slice(header);
        body.copy_from_slice(payload);
    }

    /// The datagram.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.room[self.start..self.end]
    }

    /// The datagram, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.room[self.start..self.end]
    }

    /// Length of the datagram in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the datagram has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// Keeps the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start.saturating_add(len));
    }

    /// The datagram with all the room behind it, and its length.
    pub fn room_mut(&mut self) -> (&mut [u8], usize) {
        let len = self.len();
        (&mut self.room[self.start..], len)
    }

    /// Sets the length; what was behind the datagram becomes part of it. At most the room that there is.
    pub fn set_len(&mut self, len: usize) {
        self.end = self.start.saturating_add(len).min(ROOM);
    }

    /// Replaces the header extension of an RTP packet; `None` takes it out.
    ///
    /// # Errors
    /// When this is no RTP packet or there is no room; nothing is changed then.
    pub fn replace_extension(&mut self, extension: Option<Extension<'_>>) -> Result<(), ReplaceError> {
        let span = replace_extension(self.room.as_mut_slice(), self.start..self.end, extension)?;
        (self.start, self.end) = (span.start, span.end);
        Ok(())
    }
}

impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packet").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Default for Packet {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_behind_is_bounded() {
        let mut packet = Packet::new();
        packet.copy_from(&[7; MAX_PACKET + 1]);
        let (room, len) = packet.room_mut();
        assert_eq!((room.len(), len), (MAX_PACKET + TAIL_ROOM, MAX_PACKET));
        packet.set_len(usize::MAX);
        assert_eq!(packet.len(), MAX_PACKET + TAIL_ROOM);
        packet.truncate(3);
        assert_eq!(packet.bytes(), [7; 3]);
    }
}
