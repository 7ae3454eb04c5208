//! The RTP packet (RFC 3550 section 5.1) as a view over its bytes.

use thiserror::Error;

use super::extension::Extension;

/// Length of the fixed header in bytes.
pub const HEADER_LEN: usize = 12;

/// Why a datagram is not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtpError {
    /// Shorter than the fixed header.
    #[error("short packet (header)")]
    ShortHeader,
    /// Version other than 2.
    #[error("invalid header version")]
    Version,
    /// The CSRC list runs past the end.
    #[error("short packet (CSRC list)")]
    ShortCsrc,
    /// The header extension runs past the end.
    #[error("short packet (header extension)")]
    ShortExtension,
}

/// Where the variable parts of a packet begin. `csrc_end <= payload_start <= packet length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    csrc_end: usize,
    payload_start: usize,
}

impl Layout {
    fn of(bytes: &[u8]) -> Result<(&[u8; HEADER_LEN], Self), RtpError> {
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(RtpError::ShortHeader)?;
        if header[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let csrc_end = HEADER_LEN + 4 * usize::from(header[0] & 0x0f);
        let after_csrc = bytes.get(csrc_end..).ok_or(RtpError::ShortCsrc)?;
        if header[0] & 0x10 == 0 {
            return Ok((header, Self { csrc_end, payload_start: csrc_end }));
        }
        let [_, _, high, low] = after_csrc.first_chunk::<4>().ok_or(RtpError::ShortExtension)?;
        let length = 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
        if length > after_csrc.len() {
            return Err(RtpError::ShortExtension);
        }
        Ok((header, Self { csrc_end, payload_start: csrc_end + length }))
    }
}

/// A valid RTP packet: version 2, CSRC list and header extension inside the datagram.
///
/// Padding is not part of validity: a relay forwards packets whose padding it never looks at. Use
/// [`RtpPacket::payload`] for the bytes as sent and [`RtpPacket::media`] for those without padding.
#[derive(Clone, Copy, Debug)]
pub struct RtpPacket<'a> {
    bytes: &'a [u8],
    header: &'a [u8; HEADER_LEN],
    layout: Layout,
}

impl<'a> RtpPacket<'a> {
    /// Checks the header and gives the view.
    ///
    /// # Errors
    /// [`RtpError`] when the datagram is no RTP packet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let (header, layout) = Layout::of(bytes)?;
        Ok(Self { bytes, header, layout })
    }

    /// The whole packet.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Marker bit.
    #[must_use]
    pub fn marker(&self) -> bool {
        self.header[1] & 0x80 != 0
    }

    /// Payload type, 0..=127.
    #[must_use]
    pub fn payload_type(&self) -> u8 {
        self.header[1] & 0x7f
    }

    /// Sequence number.
    #[must_use]
    pub fn sequence_number(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Timestamp in units of the payload type's clock.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        u32::from_be_bytes([self.header[4], self.header[5], self.header[6], self.header[7]])
    }

    /// Synchronisation source.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        u32::from_be_bytes([self.header[8], self.header[9], self.header[10], self.header[11]])
    }

    /// Contributing sources, at most 15.
    pub fn csrcs(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        let list = self.bytes.get(HEADER_LEN..self.layout.csrc_end).unwrap_or_default();
        list.as_chunks::<4>().0.iter().map(|csrc| u32::from_be_bytes(*csrc))
    }

    /// X bit: a header extension is present.
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.header[0] & 0x10 != 0
    }

    /// P bit: the last byte counts padding.
    #[must_use]
    pub fn has_padding(&self) -> bool {
        self.header[0] & 0x20 != 0
    }

    /// The header extension, if there is one.
    #[must_use]
    pub fn extension(&self) -> Option<Extension<'a>> {
        if !self.has_extension() {
            return None;
        }
        let block = self.bytes.get(self.layout.csrc_end..self.layout.payload_start)?;
        let (head, body) = block.split_first_chunk::<4>()?;
        Some(Extension { profile: u16::from_be_bytes([head[0], head[1]]), body })
    }

    /// Offset of the first byte after fixed header and CSRC list, where an extension is or would be.
    #[must_use]
    pub fn csrc_end(&self) -> usize {
        self.layout.csrc_end
    }

    /// Offset of the payload: length of header, CSRC list and extension.
    #[must_use]
    pub fn payload_start(&self) -> usize {
        self.layout.payload_start
    }

    /// Payload as sent, padding included.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.layout.payload_start..).unwrap_or_default()
    }

    /// Number of padding bytes; 0 without P bit, `None` when the count is 0 or exceeds the payload.
    #[must_use]
    pub fn padding_len(&self) -> Option<usize> {
        if !self.has_padding() {
            return Some(0);
        }
        let payload = self.payload();
        let count = usize::from(*payload.last()?);
        (count != 0 && count <= payload.len()).then_some(count)
    }

    /// Payload without padding; `None` when the padding is malformed.
    #[must_use]
    pub fn media(&self) -> Option<&'a [u8]> {
        let payload = self.payload();
        payload.get(..payload.len() - self.padding_len()?)
    }
}

/// Removes RTP padding in place and clears the P bit.
///
/// Returns the new packet length, or `None` when the packet or its padding is malformed (nothing is
/// changed then).
pub fn remove_padding(bytes: &mut [u8]) -> Option<usize> {
    let packet = RtpPacket::parse(bytes).ok()?;
    let length = bytes.len() - packet.padding_len()?;
    if let Some(first) = bytes.first_mut() {
        *first &= !0x20;
    }
    Some(length)
}

/// A valid RTP packet whose fixed header can be changed in place.
#[derive(Debug)]
pub struct RtpPacketMut<'a> {
    bytes: &'a mut [u8],
    layout: Layout,
}

impl<'a> RtpPacketMut<'a> {
    /// Checks the header and gives the view.
    ///
    /// # Errors
    /// [`RtpError`] when the datagram is no RTP packet.
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, RtpError> {
        let (_, layout) = Layout::of(bytes)?;
        Ok(Self { bytes, layout })
    }

    /// Read-only view of the same packet.
    #[must_use]
    pub fn view(&self) -> RtpPacket<'_> {
        // The setters below never touch version, CSRC count or X bit, so the layout stays true.
        let header = self.bytes.first_chunk().unwrap_or(&[0; HEADER_LEN]);
        RtpPacket { bytes: self.bytes, header, layout: self.layout }
    }

    /// Payload as it will be sent, padding included.
    #[must_use]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.layout.payload_start..).unwrap_or_default()
    }

    /// Sets the marker bit.
    pub fn set_marker(&mut self, marker: bool) {
        self.edit(|header| header[1] = (header[1] & 0x7f) | (u8::from(marker) << 7));
    }

    /// Sets the payload type; the top bit of the argument is ignored.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        self.edit(|header| header[1] = (header[1] & 0x80) | (payload_type & 0x7f));
    }

    /// Sets the sequence number.
    pub fn set_sequence_number(&mut self, sequence_number: u16) {
        self.edit(|header| header[2..4].copy_from_slice(&sequence_number.to_be_bytes()));
    }

    /// Sets the timestamp.
    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.edit(|header| header[4..8].copy_from_slice(&timestamp.to_be_bytes()));
    }

    /// Sets the synchronisation source.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.edit(|header| header[8..12].copy_from_slice(&ssrc.to_be_bytes()));
    }

    fn edit(&mut self, change: impl FnOnce(&mut [u8; HEADER_LEN])) {
        if let Some(header) = self.bytes.first_chunk_mut() {
            change(header);
        }
    }
}

/// The fields of a packet the program originates itself: no CSRCs, no extension, no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpHeader {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence_number: u16,
    /// Timestamp in clock units.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl RtpHeader {
    /// The header as sent.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = 0x80;
        bytes[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        bytes[2..4].copy_from_slice(&self.sequence_number.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}
