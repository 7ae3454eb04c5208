//! Extended reports (RFC 3611).

use thiserror::Error;

use super::ntp::NtpTime;
use super::report::{from_words, words};

const DLRR_ENTRY_LEN: usize = 12;
const SUMMARY_LEN: usize = 36;
const VOIP_METRICS_LEN: usize = 32;

/// A block shorter than its type needs; the blocks behind it are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Short RTCP XR block (type {block_type}, {length} < {min})")]
pub struct XrError {
    /// Block type.
    pub block_type: u8,
    /// Length in bytes, header included.
    pub length: usize,
    /// What the type needs.
    pub min: usize,
}

/// Extended report.
#[derive(Clone, Copy, Debug)]
pub struct ExtendedReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    blocks: &'a [u8],
}

impl<'a> ExtendedReport<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (ssrc, blocks) = body.split_first_chunk()?;
        Some(Self { ssrc: u32::from_be_bytes(*ssrc), blocks })
    }

    /// The blocks in order.
    #[must_use]
    pub fn blocks(&self) -> XrBlocks<'a> {
        XrBlocks { rest: self.blocks }
    }
}

/// Iterator over report blocks. A length past the end ends it quietly, a short block with an error.
#[derive(Clone, Debug)]
pub struct XrBlocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for XrBlocks<'a> {
    type Item = Result<XrBlock<'a>, XrError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (block, rest) = super::compound::split_element(self.rest)?;
        self.rest = rest;
        let (&[block_type, specific, _, _], body) = block.split_first_chunk::<4>()?;
        let result = XrBlock::read(block_type, specific, body);
        if result.is_err() {
            self.rest = &[];
        }
        Some(result)
    }
}

/// One report block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XrBlock<'a> {
    /// Loss (type 1) or duplicate (type 2) run-length encoding.
    RunLength {
        /// Duplicates instead of losses.
        duplicates: bool,
        /// Only every 2^thinning-th packet is covered.
        thinning: u8,
        /// The source reported on.
        ssrc: u32,
        /// First sequence number covered.
        begin: u16,
        /// Last sequence number covered plus one.
        end: u16,
        /// 16-bit chunks.
        chunks: &'a [[u8; 2]],
    },
    /// Packet receipt times (type 3).
    ReceiptTimes {
        /// Only every 2^thinning-th packet is covered.
        thinning: u8,
        /// The source reported on.
        ssrc: u32,
        /// First sequence number covered.
        begin: u16,
        /// Last sequence number covered plus one.
        end: u16,
        /// Receipt times in units of the RTP clock.
        times: &'a [[u8; 4]],
    },
    /// Receiver reference time (type 4).
    ReferenceTime(NtpTime),
    /// Delay since the last RRTR (type 5); read each with [`DlrrEntry::read`].
    Dlrr(&'a [[u8; DLRR_ENTRY_LEN]]),
    /// Statistics summary (type 6).
    Summary(StatisticsSummary),
    /// VoIP metrics (type 7).
    VoipMetrics(VoipMetrics),
    /// A type without rules of its own.
    Unknown {
        /// Block type.
        block_type: u8,
        /// What follows the block header.
        body: &'a [u8],
    },
}

impl<'a> XrBlock<'a> {
    fn read(block_type: u8, specific: u8, body: &'a [u8]) -> Result<Self, XrError> {
        let short = |min: usize| XrError { block_type, length: body.len() + 4, min: min + 4 };
        Ok(match block_type {
            1 | 2 => {
                let (range, rest) = body.split_first_chunk::<8>().ok_or(short(8))?;
                let [ssrc, span] = words(range);
                Self::RunLength {
                    duplicates: block_type == 2,
                    thinning: specific & 0x0f,
                    ssrc,
                    begin: (span >> 16) as u16,
                    end: span as u16,
                    chunks: rest.as_chunks().0,
                }
            }
            3 => {
                let (range, rest) = body.split_first_chunk::<8>().ok_or(short(8))?;
                let [ssrc, span] = words(range);
                Self::ReceiptTimes {
                    thinning: specific & 0x0f,
                    ssrc,
                    begin: (span >> 16) as u16,
                    end: span as u16,
                    times: rest.as_chunks().0,
                }
            }
            4 => {
                let ntp = body.first_chunk::<8>().ok_or(short(8))?;
                Self::ReferenceTime(NtpTime(u64::from_be_bytes(*ntp)))
            }
            5 => Self::Dlrr(body.as_chunks().0),
            6 => {
                let bytes = body.first_chunk().ok_or(short(SUMMARY_LEN))?;
                Self::Summary(StatisticsSummary::read(specific, bytes))
            }
            7 => Self::VoipMetrics(VoipMetrics::read(body.first_chunk().ok_or(short(VOIP_METRICS_LEN))?)),
            _ => Self::Unknown { block_type, body },
        })
    }
}

/// One answer of a DLRR block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DlrrEntry {
    /// Whose RRTR it answers.
    pub ssrc: u32,
    /// Middle 32 bits of that RRTR's time.
    pub last_rr: u32,
    /// Delay since then in 1/65536 s.
    pub delay: u32,
}

impl DlrrEntry {
    /// Reads an entry.
    #[must_use]
    pub fn read(bytes: &[u8; DLRR_ENTRY_LEN]) -> Self {
        let [ssrc, last_rr, delay] = words(bytes);
        Self { ssrc, last_rr, delay }
    }
}

/// Statistics over a range of sequence numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatisticsSummary {
    /// Which of the fields count: L D J in the upper bits, ToH in bits 3 and 4.
    pub flags: u8,
    /// The source reported on.
    pub ssrc: u32,
    /// First sequence number covered.
    pub begin: u16,
    /// Last sequence number covered plus one.
    pub end: u16,
    /// Packets lost.
    pub lost: u32,
    /// Duplicates.
    pub duplicates: u32,
    /// Smallest jitter, clock units.
    pub min_jitter: u32,
    /// Largest jitter, clock units.
    pub max_jitter: u32,
    /// Mean jitter, clock units.
    pub mean_jitter: u32,
    /// Deviation of the jitter, clock units.
    pub dev_jitter: u32,
    /// TTL or hop limit: smallest, largest, mean, deviation.
    pub ttl: [u8; 4],
}

impl StatisticsSummary {
    fn read(flags: u8, bytes: &[u8; SUMMARY_LEN]) -> Self {
        let [ssrc, span, lost, duplicates, min_jitter, max_jitter, mean_jitter, dev_jitter, ttl] =
            words(bytes);
        Self {
            flags,
            ssrc,
            begin: (span >> 16) as u16,
            end: span as u16,
            lost,
            duplicates,
            min_jitter,
            max_jitter,
            mean_jitter,
            dev_jitter,
            ttl: ttl.to_be_bytes(),
        }
    }
}

/// Metrics of a voice call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VoipMetrics {
    /// The source reported on.
    pub ssrc: u32,
    /// Packets lost, in 1/256.
    pub loss_rate: u8,
    /// Packets the jitter buffer discarded, in 1/256.
    pub discard_rate: u8,
    /// Loss and discard within bursts, in 1/256.
    pub burst_density: u8,
    /// The same within gaps, in 1/256.
    pub gap_density: u8,
    /// Mean length of bursts, ms.
    pub burst_duration: u16,
    /// Mean length of gaps, ms.
    pub gap_duration: u16,
    /// Round-trip time, ms.
    pub round_trip_delay: u16,
    /// Delay inside the end system, ms.
    pub end_system_delay: u16,
    /// dBm0.
    pub signal_level: u8,
    /// dBm0.
    pub noise_level: u8,
    /// Residual echo return loss, dB.
    pub rerl: u8,
    /// Gap threshold.
    pub g_min: u8,
    /// R factor; 127 unknown.
    pub r_factor: u8,
    /// R factor of the external segment; 127 unknown.
    pub external_r_factor: u8,
    /// Listening MOS * 10; 127 unknown.
    pub mos_lq: u8,
    /// Conversational MOS * 10; 127 unknown.
    pub mos_cq: u8,
    /// Receiver configuration: concealment, jitter buffer.
    pub rx_config: u8,
    /// Nominal jitter buffer delay, ms.
    pub jb_nominal: u16,
    /// Largest current jitter buffer delay, ms.
    pub jb_maximum: u16,
    /// Largest possible jitter buffer delay, ms.
    pub jb_abs_max: u16,
}

impl VoipMetrics {
    fn read(bytes: &[u8; VOIP_METRICS_LEN]) -> Self {
        let [ssrc, rates, durations, delays, levels, quality, config, jitter_buffer] = words(bytes);
        let [loss_rate, discard_rate, burst_density, gap_density] = rates.to_be_bytes();
        let [signal_level, noise_level, rerl, g_min] = levels.to_be_bytes();
        let [r_factor, external_r_factor, mos_lq, mos_cq] = quality.to_be_bytes();
        Self {
            ssrc,
            loss_rate,
            discard_rate,
            burst_density,
            gap_density,
            burst_duration: (durations >> 16) as u16,
            gap_duration: durations as u16,
            round_trip_delay: (delays >> 16) as u16,
            end_system_delay: delays as u16,
            signal_level,
            noise_level,
            rerl,
            g_min,
            r_factor,
            external_r_factor,
            mos_lq,
            mos_cq,
            rx_config: (config >> 24) as u8,
            jb_nominal: config as u16,
            jb_maximum: (jitter_buffer >> 16) as u16,
            jb_abs_max: jitter_buffer as u16,
        }
    }

    fn to_bytes(self) -> [u8; VOIP_METRICS_LEN] {
        let pair = |high: u16, low: u16| (u32::from(high) << 16) | u32::from(low);
        from_words([
            self.ssrc,
            u32::from_be_bytes([self.loss_rate, self.discard_rate, self.burst_density, self.gap_density]),
            pair(self.burst_duration, self.gap_duration),
            pair(self.round_trip_delay, self.end_system_delay),
            u32::from_be_bytes([self.signal_level, self.noise_level, self.rerl, self.g_min]),
            u32::from_be_bytes([self.r_factor, self.external_r_factor, self.mos_lq, self.mos_cq]),
            pair(u16::from(self.rx_config) << 8, self.jb_nominal),
            pair(self.jb_maximum, self.jb_abs_max),
        ])
    }
}

/// A block the program can write.
#[derive(Clone, Copy, Debug)]
pub enum XrWrite<'a> {
    /// Receiver reference time.
    ReferenceTime(NtpTime),
    /// Delay since the last RRTR of each source.
    Dlrr(&'a [DlrrEntry]),
    /// VoIP metrics.
    VoipMetrics(&'a VoipMetrics),
}

impl XrWrite<'_> {
    /// Appends the block with its header.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let block_type = match self {
            Self::ReferenceTime(_) => 4,
            Self::Dlrr(_) => 5,
            Self::VoipMetrics(_) => 7,
        };
        out.extend([block_type, 0, 0, 0]);
        match self {
            Self::ReferenceTime(ntp) => out.extend(ntp.0.to_be_bytes()),
            Self::Dlrr(entries) => {
                for entry in *entries {
                    let bytes: [u8; DLRR_ENTRY_LEN] = from_words([entry.ssrc, entry.last_rr, entry.delay]);
                    out.extend(bytes);
                }
            }
            Self::VoipMetrics(metrics) => out.extend(metrics.to_bytes()),
        }
        super::write::set_length(out, start);
    }
}
