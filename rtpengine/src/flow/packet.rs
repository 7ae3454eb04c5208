//! The buffer a datagram lives in from reception to transmission.

use std::ops::Range;

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

    /// Adds `count` bytes of unspecified content at the end and returns the whole datagram, or `None` (and changes
    /// nothing) when the tail room is too small.
    pub fn grow(&mut self, count: usize) -> Option<&mut [u8]> {
        let end = self.end.checked_add(count).filter(|&end| end <= ROOM)?;
        self.end = end;
        Some(self.bytes_mut())
    }

    /// Replaces the bytes of `range` by `count` bytes of unspecified content and returns the whole datagram. What lies
    /// before the range moves (it is the short part: an RTP header); `None` (and no change) when the range is not
    /// inside the datagram or the head room is too small.
    pub fn resize_front(&mut self, range: Range<usize>, count: usize) -> Option<&mut [u8]> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        let removed = range.end - range.start;
        let start = (self.start + removed).checked_sub(count)?;
        self.room.copy_within(self.start..self.start + range.start, start);
        self.start = start;
        Some(self.bytes_mut())
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
    fn grows_at_the_end_until_the_room_is_used() {
        let mut packet = Packet::new();
        packet.copy_from(&[7; MAX_PACKET]);
        assert!(packet.grow(TAIL_ROOM + 1).is_none());
        assert_eq!(packet.grow(TAIL_ROOM).map(|bytes| bytes.len()), Some(MAX_PACKET + TAIL_ROOM));
        assert!(packet.grow(1).is_none());
    }

    #[test]
    fn replaces_a_range_and_keeps_what_surrounds_it() {
        let mut packet = Packet::new();
        packet.copy_from(b"headEXTENSIONtail");
        let bytes = packet.resize_front(4..13, 2).expect("fits");
        bytes[4..6].copy_from_slice(b"--");
        assert_eq!(packet.bytes(), b"head--tail");
        let bytes = packet.resize_front(4..4, 5).expect("fits");
        bytes[4..9].copy_from_slice(b"12345");
        assert_eq!(packet.bytes(), b"head12345--tail");
        assert!(packet.resize_front(4..4, 1000).is_none());
        assert!(packet.resize_front(4..400, 0).is_none());
        assert_eq!(packet.bytes(), b"head12345--tail");
    }
}
