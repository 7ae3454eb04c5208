//! RTCP: compound packets, typed views of every packet type of RFC 3550, 4585, 5104 and 3611, and
//! writers for what the program sends itself.
//!
//! The rules for foreign packets are those of media-plane.md 13.1: an element that is too short for
//! its type spoils the whole packet, what does not parse after the last whole element is ignored.

mod compound;
mod edit;
mod feedback;
mod ntp;
mod report;
mod sdes;
mod write;
mod xr;

#[cfg(test)]
mod tests;

pub use compound::{Compound, Element, PacketType, Packets, RtcpError, RtcpPacket};
pub use edit::{Measurement, Rewrite, SenderCounts, rewrite, strip_feedback};
pub use feedback::{
    Entries, Feedback, FeedbackKind, Fir, FirEntry, Nack, Remb, Rpsi, Sli, Tmmb, Tst, Vbcm, is_feedback,
};
pub use ntp::NtpTime;
pub use report::{ReceiverReport, ReportBlock, ReportBlocks, SenderInfo, SenderReport};
pub use sdes::{App, Bye, SdesChunk, SdesItem, SdesItemType, SourceDescription};
pub use write::{
    SdesChunkText, write_app, write_bye, write_feedback, write_receiver_report, write_sdes,
    write_sender_report, write_xr,
};
pub use xr::{
    DlrrEntry, ExtendedReport, StatisticsSummary, VoipMetrics, XrBlock, XrBlocks, XrError, XrWrite,
};

/// Runs every reader and rewriter of this module over foreign bytes, for the property tests and the
/// fuzz target. Panics when one of them breaks its promise.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let Ok(compound) = Compound::parse(bytes) else { return };
    let mut total = 0;
    for packet in compound.packets() {
        total += packet.as_bytes().len();
        exercise_element(&packet);
    }
    assert!(total <= bytes.len());
    let mut copy = bytes.to_vec();
    let kept = strip_feedback(&mut copy);
    let left = Compound::parse(&copy[..kept]).expect("stripping keeps a packet valid");
    assert!(left.packets().all(|packet| !is_feedback(packet.packet_type())));
    rewrite(&mut copy, &mut edit::Identity);
    let mut same = bytes.to_vec();
    rewrite(&mut same, &mut edit::Identity);
    assert_eq!(same, bytes);
}

fn exercise_element(packet: &RtcpPacket<'_>) {
    match packet.element() {
        Element::SenderReport(report) => assert!(report.blocks().count() <= 31),
        Element::ReceiverReport(report) => assert!(report.blocks().count() <= 31),
        Element::SourceDescription(sdes) => {
            let _ = sdes.chunks().map(|chunk| chunk.items().count()).sum::<usize>();
        }
        Element::Bye(bye) => {
            assert!(bye.sources().count() <= 31 && bye.reason().is_none_or(|r| r.len() < 256));
        }
        Element::App(app) => assert!(app.data.len() < packet.as_bytes().len()),
        Element::TransportFeedback(feedback) | Element::PayloadFeedback(feedback) => {
            let _ = feedback::count_entries(&feedback);
        }
        Element::ExtendedReport(report) => {
            for block in report.blocks().flatten() {
                if let XrBlock::Dlrr(entries) = block {
                    entries.iter().map(DlrrEntry::read).for_each(drop);
                }
            }
        }
        Element::Unknown(_) => {}
    }
}
