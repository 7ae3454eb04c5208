//! The reports the program makes itself (media-plane.md 13.5).

use super::edit::fraction;
use super::quality::SentReports;
use super::report::{ReportBlock, SenderInfo};
use super::sdes::SdesItemType;
use super::write::{write_sdes, write_sender_report};

/// Report blocks of one generated report.
pub const MAX_BLOCKS: usize = 30;

/// Own measurement of a received stream.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// The source.
    pub ssrc: u32,
    /// Packets received.
    pub packets: u64,
    /// Packets lost.
    pub lost: u32,
    /// Highest sequence number, wraps in the upper half.
    pub highest_sequence: u32,
    /// Jitter in sixteenths of a clock unit
    /// ([`JitterEstimator::scaled`](crate::rtp::JitterEstimator::scaled)).
    pub jitter_scaled: u32,
    /// Sender reports of this source.
    pub sent: &'a SentReports,
}

impl Reception<'_> {
    /// The block that says so; `now_us` is on the clock of the sender reports.
    #[must_use]
    pub fn block(&self, now_us: u64) -> ReportBlock {
        let (last_sr, delay_since_last_sr) = self.sent.last_and_delay(now_us);
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction(u64::from(self.lost), self.packets),
            // 24 bits; the same bits read as the signed number the field is.
            cumulative_lost: ((self.lost.min(0xff_ffff) << 8) as i32) >> 8,
            highest_sequence: self.highest_sequence,
            jitter: self.jitter_scaled >> 4,
            last_sr,
            delay_since_last_sr,
        }
    }
}

/// Writes a report: SR with up to [`MAX_BLOCKS`] blocks, and SDES with CNAME and, in a bundle, MID.
pub fn write_report(
    out: &mut Vec<u8>,
    ssrc: u32,
    info: &SenderInfo,
    blocks: &[ReportBlock],
    cname: &str,
    mid: Option<&[u8]>,
) {
    write_sender_report(out, ssrc, info, blocks.get(..MAX_BLOCKS).unwrap_or(blocks));
    let cname = (SdesItemType::Cname, cname.as_bytes());
    match mid {
        Some(mid) => write_sdes(out, &[(ssrc, &[cname, (SdesItemType::Mid, mid)])]),
        None => write_sdes(out, &[(ssrc, &[cname])]),
    }
}
