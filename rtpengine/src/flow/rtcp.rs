//! RTCP on the packet path: the check of a compound packet and feedback stripping (media-plane.md §13.1, §13.3).

use super::events::Notice;
use super::packet::Packet;

const APP: u8 = 204;
const XR: u8 = 207;

/// What a compound packet contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// An APP element: such a packet counts as traffic for learning.
    pub(super) has_app: bool,
}

/// A malformed element: the whole packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Shortest length in bytes of an element type, `None` for unknown types.
fn minimum(packet_type: u8) -> Option<usize> {
    match packet_type {
        200 => Some(28),
        201 | 207 => Some(8),
        202 | 203 => Some(4),
        204..=206 => Some(12),
        _ => None,
    }
}

/// Shortest content in bytes of an XR block type (RFC 3611 §4), the four-byte head included.
fn xr_minimum(block_type: u8) -> Option<usize> {
    match block_type {
        1..=3 => Some(12),
        4 => Some(12),
        5 => Some(4),
        6 => Some(40),
        7 => Some(36),
        _ => None,
    }
}

/// One element of a compound packet: its type and its length, cut at the end of the packet.
#[derive(Clone, Copy, Debug)]
struct Element {
    packet_type: u8,
    version: u8,
    /// As the header says; may go beyond the end.
    length: usize,
}

fn element(bytes: &[u8]) -> Option<Element> {
    let &[first, packet_type, high, low] = bytes.first_chunk::<4>()?;
    let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
    Some(Element { packet_type, version: first >> 6, length })
}

/// Checks a compound packet element by element.
pub(super) fn survey(bytes: &[u8], mut say: impl FnMut(Notice)) -> Result<Survey, Malformed> {
    let mut survey = Survey::default();
    let mut rest = bytes;
    while let Some(head) = element(rest) {
        let Some((body, next)) = rest.split_at_checked(head.length) else { break };
        check(head, &mut say)?;
        survey.has_app |= head.packet_type == APP;
        if head.packet_type == XR {
            check_xr(body, &mut say);
        }
        rest = next;
    }
    Ok(survey)
}

fn check(head: Element, say: &mut impl FnMut(Notice)) -> Result<(), Malformed> {
    let Some(minimum) = minimum(head.packet_type) else {
        say(Notice::UnknownRtcp { packet_type: head.packet_type });
        return if head.version == 2 { Ok(()) } else { Err(Malformed) };
    };
    if head.version == 2 && head.length >= minimum {
        return Ok(());
    }
    say(Notice::InvalidRtcp { packet_type: head.packet_type, length: head.length, minimum });
    Err(Malformed)
}

fn check_xr(body: &[u8], say: &mut impl FnMut(Notice)) {
    let mut rest = body.get(8..).unwrap_or_default();
    while let Some(&[block_type, _, high, low]) = rest.first_chunk::<4>() {
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        if let Some(minimum) = xr_minimum(block_type).filter(|minimum| length < *minimum) {
            say(Notice::ShortXrBlock { block_type, length, minimum });
        }
        let Some(next) = rest.get(length..) else { break };
        rest = next;
    }
}

/// Cuts out feedback elements (types 205, 206); the rest moves together. `false` when nothing is left.
pub(super) fn strip_feedback(packet: &mut Packet) -> bool {
    let bytes = packet.bytes_mut();
    let (mut read, mut write) = (0, 0);
    while let Some(head) = bytes.get(read..).and_then(element) {
        let end = (read + head.length).min(bytes.len());
        if !matches!(head.packet_type, 205 | 206) {
            bytes.copy_within(read..end, write);
            write += end - read;
        }
        read = end;
    }
    // Trailing bytes that are no element are forwarded only behind an element.
    if write > 0 {
        let tail = bytes.len() - read;
        bytes.copy_within(read.., write);
        write += tail;
    }
    packet.truncate(write);
    write > 0
}

/// Whether there is anything to cut out.
pub(super) fn has_feedback(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(head) = element(rest) {
        if matches!(head.packet_type, 205 | 206) {
            return true;
        }
        rest = rest.get(head.length..).unwrap_or_default();
    }
    false
}
