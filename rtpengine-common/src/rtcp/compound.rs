//! The compound packet: a chain of elements with a common header (RFC 3550 section 6.4).

use thiserror::Error;

use super::feedback::Feedback;
use super::report::{ReceiverReport, SenderReport};
use super::sdes::{App, Bye, SourceDescription};
use super::xr::ExtendedReport;

/// Packet types the program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// Sender report (RFC 3550).
    SenderReport = 200,
    /// Receiver report (RFC 3550).
    ReceiverReport = 201,
    /// Source description (RFC 3550).
    SourceDescription = 202,
    /// Goodbye (RFC 3550).
    Bye = 203,
    /// Application-defined (RFC 3550).
    App = 204,
    /// Transport layer feedback (RFC 4585).
    TransportFeedback = 205,
    /// Payload-specific feedback (RFC 4585).
    PayloadFeedback = 206,
    /// Extended report (RFC 3611).
    ExtendedReport = 207,
}

impl PacketType {
    /// The type with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            200 => Self::SenderReport,
            201 => Self::ReceiverReport,
            202 => Self::SourceDescription,
            203 => Self::Bye,
            204 => Self::App,
            205 => Self::TransportFeedback,
            206 => Self::PayloadFeedback,
            207 => Self::ExtendedReport,
            _ => return None,
        })
    }

    /// Least length of an element in bytes, header included (media-plane.md 13.1).
    #[must_use]
    pub fn min_len(self) -> usize {
        match self {
            Self::SenderReport => 28,
            Self::ReceiverReport | Self::ExtendedReport => 8,
            Self::SourceDescription | Self::Bye => 4,
            Self::App | Self::TransportFeedback | Self::PayloadFeedback => 12,
        }
    }
}

/// Why a compound packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// Fewer than the 8 bytes of the smallest packet with a sender.
    #[error("short packet")]
    Short,
    /// An element with a version other than 2.
    #[error("invalid header version")]
    Version,
    /// An element shorter than its type needs.
    #[error("Invalid RTCP packet type {packet_type} (short: {length} < {min})")]
    ShortElement {
        /// Packet type of the element.
        packet_type: u8,
        /// Its length in bytes.
        length: usize,
        /// What the type needs.
        min: usize,
    },
}

/// A compound packet all of whose whole elements are sound.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    bytes: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Checks all elements. What follows the last whole element is left out of the view.
    ///
    /// # Errors
    /// [`RtcpError`] when an element spoils the packet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtcpError> {
        let mut end = 0;
        while let Some((first, rest)) = bytes.get(end..).and_then(split_element) {
            check(first)?;
            end = bytes.len() - rest.len();
        }
        // A header whose length runs past the end still must have the right version to end quietly.
        if let Some(&[first, ..]) = bytes.get(end..).and_then(<[u8]>::first_chunk::<4>)
            && first >> 6 != 2
        {
            return Err(RtcpError::Version);
        }
        Ok(Self { bytes: bytes.get(..end).unwrap_or_default() })
    }

    /// The checked elements' bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The elements in order.
    #[must_use]
    pub fn packets(&self) -> Packets<'a> {
        Packets { rest: self.bytes }
    }
}

/// Length of the element at the start of `bytes` and what follows; `None` when it is not whole.
pub(super) fn split_element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = bytes.first_chunk::<4>()?;
    let words = usize::from(u16::from_be_bytes([header[2], header[3]]));
    bytes.split_at_checked(4 * (words + 1))
}

fn check(element: &[u8]) -> Result<(), RtcpError> {
    let &[first, packet_type, ..] = element else { return Err(RtcpError::Short) };
    if first >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    let min = PacketType::from_number(packet_type).map_or(4, PacketType::min_len);
    if element.len() < min {
        return Err(RtcpError::ShortElement { packet_type, length: element.len(), min });
    }
    Ok(())
}

/// Iterator over the elements of a [`Compound`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = RtcpPacket<'a>;

    fn next(&mut self) -> Option<RtcpPacket<'a>> {
        let (bytes, rest) = split_element(self.rest)?;
        self.rest = rest;
        Some(RtcpPacket { bytes })
    }
}

/// One element: common header and body, as long as its type needs.
#[derive(Clone, Copy, Debug)]
pub struct RtcpPacket<'a> {
    bytes: &'a [u8],
}

impl<'a> RtcpPacket<'a> {
    /// Header and body.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Packet type, whether known or not.
    #[must_use]
    pub fn packet_type(&self) -> u8 {
        self.bytes.get(1).copied().unwrap_or(0)
    }

    /// The 5-bit count, format or subtype field.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.bytes.first().copied().unwrap_or(0) & 0x1f
    }

    /// First 32 bits after the header: the sender's SSRC in every known type but SDES (first chunk's)
    /// and BYE (first leaving source). `None` for an element without body.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.body().first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    /// What follows the common header, without padding. Malformed padding counts as body.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        let body = self.bytes.get(4..).unwrap_or_default();
        let padded = self.bytes.first().is_some_and(|first| first & 0x20 != 0);
        match body.last() {
            Some(&count) if padded && count != 0 && count % 4 == 0 => {
                body.get(..body.len().wrapping_sub(usize::from(count))).unwrap_or(body)
            }
            _ => body,
        }
    }

    /// The element by its type.
    #[must_use]
    pub fn element(&self) -> Element<'a> {
        let (count, body) = (self.count(), self.body());
        let known = PacketType::from_number(self.packet_type()).and_then(|packet_type| {
            Some(match packet_type {
                PacketType::SenderReport => Element::SenderReport(SenderReport::read(count, body)?),
                PacketType::ReceiverReport => Element::ReceiverReport(ReceiverReport::read(count, body)?),
                PacketType::SourceDescription => Element::SourceDescription(SourceDescription::new(body)),
                PacketType::Bye => Element::Bye(Bye::new(count, body)),
                PacketType::App => Element::App(App::read(count, body)?),
                PacketType::TransportFeedback => {
                    Element::TransportFeedback(Feedback::read(PacketType::TransportFeedback, count, body)?)
                }
                PacketType::PayloadFeedback => {
                    Element::PayloadFeedback(Feedback::read(PacketType::PayloadFeedback, count, body)?)
                }
                PacketType::ExtendedReport => Element::ExtendedReport(ExtendedReport::read(body)?),
            })
        });
        known.unwrap_or(Element::Unknown(*self))
    }
}

/// A typed element.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// SR.
    SenderReport(SenderReport<'a>),
    /// RR.
    ReceiverReport(ReceiverReport<'a>),
    /// SDES.
    SourceDescription(SourceDescription<'a>),
    /// BYE.
    Bye(Bye<'a>),
    /// APP.
    App(App<'a>),
    /// RTPFB.
    TransportFeedback(Feedback<'a>),
    /// PSFB.
    PayloadFeedback(Feedback<'a>),
    /// XR.
    ExtendedReport(ExtendedReport<'a>),
    /// A type without rules of its own, or a known one whose padding leaves too little.
    Unknown(RtcpPacket<'a>),
}
