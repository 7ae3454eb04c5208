//! Changing RTCP in place on its way through: feedback stripping (media-plane.md 13.3) and the
//! rewriting that goes with transcoding (13.4).

use super::compound::{PacketType, split_element};
use super::feedback::is_feedback;
use super::report::{BLOCK_LEN, ReportBlock};

/// Cuts RTPFB and PSFB elements out; the rest moves together.
///
/// Returns the length that is left; 0 when nothing but feedback was there, and nothing is to be sent
/// then. Bytes after the last whole element stay only behind an element.
pub fn strip_feedback(packet: &mut [u8]) -> usize {
    let (mut read, mut write) = (0, 0);
    while let Some((element, _)) = packet.get(read..).and_then(split_element) {
        let (length, feedback) = (element.len(), element.get(1).is_some_and(|&number| is_feedback(number)));
        if !feedback {
            packet.copy_within(read..read + length, write);
            write += length;
        }
        read += length;
    }
    if write == 0 {
        return 0;
    }
    let tail = packet.len() - read;
    packet.copy_within(read.., write);
    write + tail
}

/// The daemon's own figures about a stream it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderCounts {
    /// Packets sent.
    pub packets: u32,
    /// Octets sent.
    pub octets: u32,
    /// RTP time stamp that belongs to the report's NTP time.
    pub rtp_timestamp: u32,
}

/// The daemon's own measurement of a stream it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Packets received.
    pub packets: u32,
    /// Packets lost.
    pub lost: u32,
    /// Duplicates among those received.
    pub duplicates: u32,
    /// Highest sequence number, wraps in the upper half.
    pub highest_sequence: u32,
}

impl Measurement {
    /// Replaces loss and sequence number of a report block (13.4 rule 3); jitter, LSR and DLSR stay.
    pub fn apply(&self, block: &mut ReportBlock) {
        let lost = self.lost.saturating_sub(self.duplicates).min(0xff_ffff);
        // 24 bits without sign: read back as the signed value with the same bits.
        block.cumulative_lost = ((lost << 8) as i32) >> 8;
        block.fraction_lost = fraction(u64::from(self.lost), u64::from(self.packets));
        block.highest_sequence = self.highest_sequence;
    }
}

/// `lost * 256 / (packets + lost)`, and 255 where it would not fit.
pub(super) fn fraction(lost: u64, packets: u64) -> u8 {
    let total = packets.saturating_add(lost);
    if total == 0 {
        return 0;
    }
    u8::try_from(lost.saturating_mul(256) / total).unwrap_or(u8::MAX)
}

/// What a transcoded direction changes in the RTCP that passes.
pub trait Rewrite {
    /// The SSRC under which the far side knows a sender of this packet.
    fn sender(&mut self, ssrc: u32) -> u32;
    /// The SSRC under which the far side knows a source this packet reports on.
    fn source(&mut self, ssrc: u32) -> u32;
    /// Figures for the sender information; `ssrc` is the sender as it goes out. `None` leaves it.
    fn sender_counts(&mut self, ssrc: u32) -> Option<SenderCounts>;
    /// Measurement of a source; `ssrc` is the one in the received block. `None` leaves the block.
    fn measurement(&mut self, ssrc: u32) -> Option<Measurement>;
}

/// Changes nothing.
pub(super) struct Identity;

impl Rewrite for Identity {
    fn sender(&mut self, ssrc: u32) -> u32 {
        ssrc
    }

    fn source(&mut self, ssrc: u32) -> u32 {
        ssrc
    }

    fn sender_counts(&mut self, _: u32) -> Option<SenderCounts> {
        None
    }

    fn measurement(&mut self, _: u32) -> Option<Measurement> {
        None
    }
}

/// Applies the rules to every element of a compound packet in place.
pub fn rewrite(packet: &mut [u8], rules: &mut impl Rewrite) {
    let mut rest = packet;
    while let Some((element, _)) = split_element(rest) {
        let length = element.len();
        let Some((element, after)) = rest.split_at_mut_checked(length) else { return };
        rewrite_element(element, rules);
        rest = after;
    }
}

fn rewrite_element(element: &mut [u8], rules: &mut impl Rewrite) {
    let Some((&mut [first, number, _, _], body)) = element.split_first_chunk_mut::<4>() else { return };
    let count = usize::from(first & 0x1f);
    match PacketType::from_number(number) {
        Some(PacketType::SenderReport) => {
            let Some((ssrc, rest)) = body.split_first_chunk_mut::<4>() else { return };
            let outgoing = map(ssrc, |ssrc| rules.sender(ssrc));
            let Some((info, blocks)) = rest.split_first_chunk_mut::<20>() else { return };
            if let Some(counts) = rules.sender_counts(outgoing) {
                info[8..12].copy_from_slice(&counts.rtp_timestamp.to_be_bytes());
                info[12..16].copy_from_slice(&counts.packets.to_be_bytes());
                info[16..20].copy_from_slice(&counts.octets.to_be_bytes());
            }
            rewrite_blocks(blocks, count, rules);
        }
        Some(PacketType::ReceiverReport) => {
            let Some((ssrc, blocks)) = body.split_first_chunk_mut::<4>() else { return };
            map(ssrc, |ssrc| rules.sender(ssrc));
            rewrite_blocks(blocks, count, rules);
        }
        Some(PacketType::Bye) => {
            for ssrc in body.as_chunks_mut::<4>().0.iter_mut().take(count) {
                map(ssrc, |ssrc| rules.sender(ssrc));
            }
        }
        Some(PacketType::TransportFeedback | PacketType::PayloadFeedback) => {
            let [sender, source, ..] = body.as_chunks_mut::<4>().0 else { return };
            map(sender, |ssrc| rules.sender(ssrc));
            // 0 means that the entries name the source.
            if *source != [0; 4] {
                map(source, |ssrc| rules.source(ssrc));
            }
        }
        Some(PacketType::SourceDescription | PacketType::App | PacketType::ExtendedReport) | None => {
            // The header's SSRC only: of SDES that is the first chunk, the one in use.
            if let (Some(ssrc), true) = (body.first_chunk_mut::<4>(), (200..=207).contains(&number)) {
                map(ssrc, |ssrc| rules.sender(ssrc));
            }
        }
    }
}

fn rewrite_blocks(blocks: &mut [u8], count: usize, rules: &mut impl Rewrite) {
    for bytes in blocks.as_chunks_mut::<BLOCK_LEN>().0.iter_mut().take(count) {
        let mut block = ReportBlock::read(bytes);
        if let Some(measurement) = rules.measurement(block.ssrc) {
            measurement.apply(&mut block);
        }
        block.ssrc = rules.source(block.ssrc);
        *bytes = block.to_bytes();
    }
}

fn map(field: &mut [u8; 4], map: impl FnOnce(u32) -> u32) -> u32 {
    let mapped = map(u32::from_be_bytes(*field));
    *field = mapped.to_be_bytes();
    mapped
}
