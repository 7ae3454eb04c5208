//! Sender and receiver reports (RFC 3550 section 6.4).

use super::ntp::NtpTime;

/// Length of a report block in bytes.
pub(super) const BLOCK_LEN: usize = 24;
/// Length of the sender information in bytes, without the SSRC.
const SENDER_INFO_LEN: usize = 20;

/// What a sender says about its own stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// Wall-clock time of the report.
    pub ntp: NtpTime,
    /// The same instant on the clock of the RTP time stamps.
    pub rtp_timestamp: u32,
    /// RTP packets sent so far.
    pub packet_count: u32,
    /// Octets sent so far.
    pub octet_count: u32,
}

impl SenderInfo {
    pub(super) fn read(bytes: &[u8; SENDER_INFO_LEN]) -> Self {
        let [_, _, timestamp, packets, octets] = words(bytes);
        let [ntp @ .., _, _, _, _, _, _, _, _, _, _, _, _] = bytes;
        Self {
            ntp: NtpTime(u64::from_be_bytes(*ntp)),
            rtp_timestamp: timestamp,
            packet_count: packets,
            octet_count: octets,
        }
    }

    /// The 20 bytes as sent.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SENDER_INFO_LEN] {
        from_words([
            self.ntp.seconds(),
            self.ntp.fraction(),
            self.rtp_timestamp,
            self.packet_count,
            self.octet_count,
        ])
    }
}

/// Reception quality of one source, as its receiver reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: u32,
    /// Fraction lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all, 24 bits signed: duplicates may make it negative.
    pub cumulative_lost: i32,
    /// Highest sequence number received, count of wraps in the upper half.
    pub highest_sequence: u32,
    /// Interarrival jitter in clock units.
    pub jitter: u32,
    /// Middle 32 bits of the last SR's NTP time; 0 without one.
    pub last_sr: u32,
    /// Delay since that SR in 1/65536 s; 0 without one.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    /// Reads a block.
    #[must_use]
    pub fn read(bytes: &[u8; BLOCK_LEN]) -> Self {
        let [ssrc, loss, highest_sequence, jitter, last_sr, delay_since_last_sr] = words(bytes);
        Self {
            ssrc,
            fraction_lost: (loss >> 24) as u8,
            // Shifted up and arithmetically down again: extends the sign of the 24 bits.
            cumulative_lost: ((loss << 8) as i32) >> 8,
            highest_sequence,
            jitter,
            last_sr,
            delay_since_last_sr,
        }
    }

    /// The 24 bytes as sent; the loss is clamped to what 24 bits can say.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BLOCK_LEN] {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        from_words([
            self.ssrc,
            (u32::from(self.fraction_lost) << 24) | lost,
            self.highest_sequence,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        ])
    }
}

/// Iterator over report blocks; a count larger than the packet has room for yields what is there.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a> {
    rest: &'a [[u8; BLOCK_LEN]],
}

impl<'a> ReportBlocks<'a> {
    fn new(count: u8, bytes: &'a [u8]) -> Self {
        let blocks = bytes.as_chunks().0;
        Self { rest: blocks.get(..usize::from(count)).unwrap_or(blocks) }
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(ReportBlock::read(first))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest.len(), Some(self.rest.len()))
    }
}

impl ExactSizeIterator for ReportBlocks<'_> {}

/// Sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// About its own stream.
    pub info: SenderInfo,
    blocks: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Option<Self> {
        let (ssrc, rest) = body.split_first_chunk()?;
        let (info, rest) = rest.split_first_chunk()?;
        Some(Self {
            ssrc: u32::from_be_bytes(*ssrc),
            info: SenderInfo::read(info),
            blocks: ReportBlocks::new(count, rest),
        })
    }

    /// About the streams it receives.
    #[must_use]
    pub fn blocks(&self) -> ReportBlocks<'a> {
        self.blocks
    }
}

/// Receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    blocks: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Option<Self> {
        let (ssrc, rest) = body.split_first_chunk()?;
        Some(Self { ssrc: u32::from_be_bytes(*ssrc), blocks: ReportBlocks::new(count, rest) })
    }

    /// About the streams it receives.
    #[must_use]
    pub fn blocks(&self) -> ReportBlocks<'a> {
        self.blocks
    }
}

/// Big-endian words of a structure of fixed size; `B` must be `4 * W`.
pub(super) fn words<const B: usize, const W: usize>(bytes: &[u8; B]) -> [u32; W] {
    const { assert!(B == 4 * W) }
    let mut words = [0; W];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*chunk);
    }
    words
}

/// The reverse of [`words`].
pub(super) fn from_words<const B: usize, const W: usize>(words: [u32; W]) -> [u8; B] {
    const { assert!(B == 4 * W) }
    let mut bytes = [0; B];
    for (chunk, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *chunk = word.to_be_bytes();
    }
    bytes
}
