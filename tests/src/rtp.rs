//! RTP and RTCP packets as the phones send and check them (RFC 3550), written for the tests alone.

/// An RTP packet without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtp {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0..=127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence_number: u16,
    /// The timestamp.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// Contributing sources and header extension as they stand in the packet, usually empty.
    pub extra: Vec<u8>,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Rtp {
    /// Reads a packet; `None` if it is no RTP.
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<Self> {
        let (header, rest) = data.split_at_checked(12)?;
        if header[0] >> 6 != 2 {
            return None;
        }
        let mut extra = usize::from(header[0] & 15) * 4;
        if header[0] & 0x10 != 0 {
            let length = rest.get(extra + 2..extra + 4)?;
            extra += 4 + usize::from(u16::from_be_bytes([length[0], length[1]])) * 4;
        }
        let (extra, payload) = rest.split_at_checked(extra)?;
        Some(Self {
            marker: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7f,
            sequence_number: u16::from_be_bytes([header[2], header[3]]),
            timestamp: word(&header[4..]),
            ssrc: word(&header[8..]),
            extra: extra.to_vec(),
            payload: payload.to_vec(),
        })
    }

    /// The packet's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0x80, u8::from(self.marker) << 7 | self.payload_type];
        out.extend(self.sequence_number.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        out.extend(&self.extra);
        out.extend(&self.payload);
        out
    }
}

fn word(data: &[u8]) -> u32 {
    u32::from_be_bytes([data[0], data[1], data[2], data[3]])
}

/// One report block of a sender or receiver report (RFC 3550 6.4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The source reported on.
    pub ssrc: u32,
    /// Fraction lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost altogether, 24 bits.
    pub lost: u32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle of the NTP time of the last sender report.
    pub last_sr: u32,
    /// Delay since then, in 1/65536 seconds.
    pub delay: u32,
}

/// An RTCP packet, one of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rtcp {
    /// Sender report, type 200.
    Sr {
        /// The sender.
        ssrc: u32,
        /// NTP time.
        ntp: u64,
        /// RTP time of the same moment.
        timestamp: u32,
        /// Packets sent.
        packets: u32,
        /// Payload bytes sent.
        bytes: u32,
        /// What the sender received from others.
        reports: Vec<Report>,
    },
    /// Receiver report, type 201.
    Rr {
        /// The reporter.
        ssrc: u32,
        /// What it received from others.
        reports: Vec<Report>,
    },
    /// Source description, type 202, with one chunk that holds one canonical name.
    Sdes {
        /// The source described.
        ssrc: u32,
        /// Its canonical name.
        cname: String,
    },
    /// Goodbye, type 203.
    Bye {
        /// Who leaves.
        ssrc: u32,
    },
    /// Anything else, byte by byte after the four bytes of the header.
    Other {
        /// The five bits beside version and padding.
        count: u8,
        /// The packet type.
        kind: u8,
        /// The rest.
        body: Vec<u8>,
    },
}

impl Rtcp {
    /// Reads a compound packet; `None` if it is no RTCP.
    #[must_use]
    pub fn parse(mut data: &[u8]) -> Option<Vec<Self>> {
        let mut packets = Vec::new();
        while !data.is_empty() {
            let header = data.get(..4)?;
            if header[0] >> 6 != 2 || !(192..=223).contains(&header[1]) {
                return None;
            }
            let length = usize::from(u16::from_be_bytes([header[2], header[3]])) * 4;
            let body = data.get(4..4 + length)?;
            packets.push(Self::parse_one(header[0] & 31, header[1], body)?);
            data = &data[4 + length..];
        }
        Some(packets)
    }

    fn parse_one(count: u8, kind: u8, body: &[u8]) -> Option<Self> {
        let first = || body.get(..4).map(word);
        Some(match kind {
            200 => {
                let fixed = body.get(..24)?;
                Self::Sr {
                    ssrc: word(fixed),
                    ntp: u64::from(word(&fixed[4..])) << 32 | u64::from(word(&fixed[8..])),
                    timestamp: word(&fixed[12..]),
                    packets: word(&fixed[16..]),
                    bytes: word(&fixed[20..]),
                    reports: parse_reports(count, &body[24..])?,
                }
            }
            201 => Self::Rr { ssrc: first()?, reports: parse_reports(count, body.get(4..)?)? },
            202 if count == 1 && body.get(4) == Some(&1) => {
                let length = usize::from(*body.get(5)?);
                let cname = String::from_utf8(body.get(6..6 + length)?.to_vec()).ok()?;
                Self::Sdes { ssrc: first()?, cname }
            }
            203 if count == 1 => Self::Bye { ssrc: first()? },
            _ => Self::Other { count, kind, body: body.to_vec() },
        })
    }

    /// The bytes of a compound packet.
    #[must_use]
    pub fn encode(packets: &[Self]) -> Vec<u8> {
        let mut out = Vec::new();
        for packet in packets {
            let (count, kind, body) = packet.parts();
            out.extend([0x80 | count, kind]);
            out.extend(u16::try_from(body.len() / 4).unwrap_or(u16::MAX).to_be_bytes());
            out.extend(body);
        }
        out
    }

    fn parts(&self) -> (u8, u8, Vec<u8>) {
        let mut body = Vec::new();
        match self {
            Self::Sr { ssrc, ntp, timestamp, packets, bytes, reports } => {
                body.extend(ssrc.to_be_bytes());
                body.extend(ntp.to_be_bytes());
                for number in [timestamp, packets, bytes] {
                    body.extend(number.to_be_bytes());
                }
                encode_reports(reports, &mut body);
                (reports.len() as u8, 200, body)
            }
            Self::Rr { ssrc, reports } => {
                body.extend(ssrc.to_be_bytes());
                encode_reports(reports, &mut body);
                (reports.len() as u8, 201, body)
            }
            Self::Sdes { ssrc, cname } => {
                body.extend(ssrc.to_be_bytes());
                body.extend([1, cname.len() as u8]);
                body.extend(cname.as_bytes());
                // At least one zero ends the chunk, then zeros up to a word.
                body.resize((body.len() + 4) / 4 * 4, 0);
                (1, 202, body)
            }
            Self::Bye { ssrc } => (1, 203, ssrc.to_be_bytes().to_vec()),
            Self::Other { count, kind, body } => (*count, *kind, body.clone()),
        }
    }
}

fn parse_reports(count: u8, mut data: &[u8]) -> Option<Vec<Report>> {
    let mut reports = Vec::new();
    for _ in 0..count {
        let (block, rest) = data.split_at_checked(24)?;
        reports.push(Report {
            ssrc: word(block),
            fraction_lost: block[4],
            lost: word(&block[4..]) & 0x00ff_ffff,
            highest: word(&block[8..]),
            jitter: word(&block[12..]),
            last_sr: word(&block[16..]),
            delay: word(&block[20..]),
        });
        data = rest;
    }
    Some(reports)
}

fn encode_reports(reports: &[Report], out: &mut Vec<u8>) {
    for report in reports {
        out.extend(report.ssrc.to_be_bytes());
        out.extend((u32::from(report.fraction_lost) << 24 | report.lost & 0x00ff_ffff).to_be_bytes());
        for number in [report.highest, report.jitter, report.last_sr, report.delay] {
            out.extend(number.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_survives_the_wire() {
        let packet = Rtp {
            marker: true,
            payload_type: 96,
            sequence_number: 65535,
            timestamp: 160,
            ssrc: 0x1234_5678,
            extra: Vec::new(),
            payload: vec![7; 20],
        };
        assert_eq!(Rtp::parse(&packet.encode()), Some(packet));
    }

    #[test]
    fn a_compound_survives_the_wire() {
        let report =
            Report { ssrc: 9, fraction_lost: 3, lost: 4, highest: 5, jitter: 6, last_sr: 7, delay: 8 };
        let compound = vec![
            Rtcp::Sr { ssrc: 1, ntp: 2, timestamp: 3, packets: 4, bytes: 5, reports: vec![report.clone()] },
            Rtcp::Rr { ssrc: 1, reports: vec![report] },
            Rtcp::Sdes { ssrc: 1, cname: "alice".into() },
            Rtcp::Other { count: 1, kind: 206, body: vec![0; 8] },
            Rtcp::Bye { ssrc: 1 },
        ];
        assert_eq!(Rtcp::parse(&Rtcp::encode(&compound)), Some(compound));
    }
}
