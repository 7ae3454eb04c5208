//! Writers for what the program sends itself. Each appends one element; a compound packet is made by
//! calling them in order on the same buffer.

use super::compound::PacketType;
use super::report::{ReportBlock, SenderInfo};
use super::sdes::SdesItemType;
use super::xr::XrWrite;

/// Count fields have five bits.
const MAX_COUNT: usize = 31;

fn begin(out: &mut Vec<u8>, packet_type: PacketType, count: u8) -> usize {
    let start = out.len();
    out.extend([0x80 | (count & 0x1f), packet_type as u8, 0, 0]);
    start
}

/// Pads the element (or XR block) that begins at `start` to whole words and fills in its length field.
pub(super) fn set_length(out: &mut Vec<u8>, start: usize) {
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
    // Nothing written here comes near the 256 KiB of the length field: counts and texts are bounded.
    let words = ((out.len() - start) / 4 - 1) as u16;
    if let Some(field) = out.get_mut(start + 2..start + 4) {
        field.copy_from_slice(&words.to_be_bytes());
    }
}

fn write_blocks(out: &mut Vec<u8>, blocks: &[ReportBlock]) {
    for block in blocks {
        out.extend(block.to_bytes());
    }
}

/// At most 31 of a list, and how many that are.
fn counted<T>(list: &[T]) -> (&[T], u8) {
    let list = list.get(..MAX_COUNT).unwrap_or(list);
    (list, list.len() as u8)
}

/// Sender report; blocks beyond 31 are left out.
pub fn write_sender_report(out: &mut Vec<u8>, ssrc: u32, info: &SenderInfo, blocks: &[ReportBlock]) {
    let (blocks, count) = counted(blocks);
    let start = begin(out, PacketType::SenderReport, count);
    out.extend(ssrc.to_be_bytes());
    out.extend(info.to_bytes());
    write_blocks(out, blocks);
    set_length(out, start);
}

/// Receiver report; blocks beyond 31 are left out.
pub fn write_receiver_report(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReportBlock]) {
    let (blocks, count) = counted(blocks);
    let start = begin(out, PacketType::ReceiverReport, count);
    out.extend(ssrc.to_be_bytes());
    write_blocks(out, blocks);
    set_length(out, start);
}

/// A chunk to write: the source and its items.
pub type SdesChunkText<'a> = (u32, &'a [(SdesItemType, &'a [u8])]);

/// Source description: chunks of a source and its items, beyond 31 left out. Item texts are cut at 255
/// bytes.
pub fn write_sdes(out: &mut Vec<u8>, chunks: &[SdesChunkText<'_>]) {
    let (chunks, count) = counted(chunks);
    let start = begin(out, PacketType::SourceDescription, count);
    for (ssrc, items) in chunks {
        out.extend(ssrc.to_be_bytes());
        for (item_type, value) in *items {
            let value = value.get(..255).unwrap_or(value);
            out.extend([item_type.number(), value.len() as u8]);
            out.extend_from_slice(value);
        }
        // The list of items ends with one zero byte at least, the chunk on a word boundary.
        out.resize(start + (out.len() - start + 1).next_multiple_of(4), 0);
    }
    set_length(out, start);
}

/// Goodbye of up to 31 sources, with a reason of up to 255 bytes.
pub fn write_bye(out: &mut Vec<u8>, sources: &[u32], reason: Option<&[u8]>) {
    let (sources, count) = counted(sources);
    let start = begin(out, PacketType::Bye, count);
    out.extend(sources.iter().flat_map(|ssrc| ssrc.to_be_bytes()));
    if let Some(reason) = reason {
        let reason = reason.get(..255).unwrap_or(reason);
        out.push(reason.len() as u8);
        out.extend_from_slice(reason);
    }
    set_length(out, start);
}

/// Application-defined packet; `data` is padded to whole words.
pub fn write_app(out: &mut Vec<u8>, subtype: u8, ssrc: u32, name: [u8; 4], data: &[u8]) {
    let start = begin(out, PacketType::App, subtype);
    out.extend(ssrc.to_be_bytes());
    out.extend(name);
    // A datagram is the bound that keeps the length field honest.
    out.extend_from_slice(data.get(..0xffff).unwrap_or(data));
    set_length(out, start);
}

/// Feedback packet; `packet_type` is RTPFB or PSFB, `fci` is padded to whole words.
pub fn write_feedback(
    out: &mut Vec<u8>,
    packet_type: PacketType,
    format: u8,
    sender_ssrc: u32,
    media_ssrc: u32,
    fci: &[u8],
) {
    let start = begin(out, packet_type, format);
    out.extend(sender_ssrc.to_be_bytes());
    out.extend(media_ssrc.to_be_bytes());
    out.extend_from_slice(fci.get(..0xffff).unwrap_or(fci));
    set_length(out, start);
}

/// Extended report.
pub fn write_xr(out: &mut Vec<u8>, ssrc: u32, blocks: &[XrWrite<'_>]) {
    let start = begin(out, PacketType::ExtendedReport, 0);
    out.extend(ssrc.to_be_bytes());
    for block in blocks {
        block.write(out);
    }
    set_length(out, start);
}
