//! Feedback messages: RFC 4585 (NACK, PLI, SLI, RPSI), RFC 5104 (TMMBR, FIR, TSTR, VBCM …), REMB.

use super::compound::PacketType;

/// RTPFB or PSFB: the packet types an AVP receiver does not understand.
#[must_use]
pub fn is_feedback(packet_type: u8) -> bool {
    packet_type == PacketType::TransportFeedback as u8 || packet_type == PacketType::PayloadFeedback as u8
}

/// A feedback packet: common header and control information.
#[derive(Clone, Copy, Debug)]
pub struct Feedback<'a> {
    /// RTPFB or PSFB.
    pub packet_type: PacketType,
    /// FMT field, 0..=31.
    pub format: u8,
    /// Who sends it.
    pub sender_ssrc: u32,
    /// The source it is about; 0 where the entries say it.
    pub media_ssrc: u32,
    /// Feedback control information.
    pub fci: &'a [u8],
}

impl<'a> Feedback<'a> {
    pub(super) fn read(packet_type: PacketType, format: u8, body: &'a [u8]) -> Option<Self> {
        let (sender, rest) = body.split_first_chunk()?;
        let (media, fci) = rest.split_first_chunk()?;
        Some(Self {
            packet_type,
            format,
            sender_ssrc: u32::from_be_bytes(*sender),
            media_ssrc: u32::from_be_bytes(*media),
            fci,
        })
    }

    /// The message by its format.
    #[must_use]
    pub fn kind(&self) -> FeedbackKind<'a> {
        let fci = self.fci;
        let known = match (self.packet_type, self.format) {
            (PacketType::TransportFeedback, 1) => Some(FeedbackKind::Nack(Entries::new(fci))),
            (PacketType::TransportFeedback, 3) => Some(FeedbackKind::Tmmbr(Entries::new(fci))),
            (PacketType::TransportFeedback, 4) => Some(FeedbackKind::Tmmbn(Entries::new(fci))),
            (PacketType::TransportFeedback, 15) => Some(FeedbackKind::TransportWide(fci)),
            (PacketType::PayloadFeedback, 1) => Some(FeedbackKind::Pli),
            (PacketType::PayloadFeedback, 2) => Some(FeedbackKind::Sli(Entries::new(fci))),
            (PacketType::PayloadFeedback, 3) => Rpsi::read(fci).map(FeedbackKind::Rpsi),
            (PacketType::PayloadFeedback, 4) => Some(FeedbackKind::Fir(Fir(Entries::new(fci)))),
            (PacketType::PayloadFeedback, 5) => Some(FeedbackKind::Tstr(Entries::new(fci))),
            (PacketType::PayloadFeedback, 6) => Some(FeedbackKind::Tstn(Entries::new(fci))),
            (PacketType::PayloadFeedback, 7) => Vbcm::read(fci).map(FeedbackKind::Vbcm),
            (PacketType::PayloadFeedback, 15) => {
                Some(Remb::read(fci).map_or(FeedbackKind::Application(fci), FeedbackKind::Remb))
            }
            _ => None,
        };
        known.unwrap_or(FeedbackKind::Other)
    }
}

/// A feedback message.
#[derive(Clone, Copy, Debug)]
pub enum FeedbackKind<'a> {
    /// Generic NACK (4585 section 6.2.1).
    Nack(Entries<'a, Nack, 4>),
    /// Request for a largest bit rate (5104 section 4.2.1).
    Tmmbr(Entries<'a, Tmmb, 8>),
    /// Its notification (5104 section 4.2.2).
    Tmmbn(Entries<'a, Tmmb, 8>),
    /// Transport-wide congestion control: opaque.
    TransportWide(&'a [u8]),
    /// Picture loss (4585 section 6.3.1).
    Pli,
    /// Slice loss (4585 section 6.3.2).
    Sli(Entries<'a, Sli, 4>),
    /// Reference picture selection (4585 section 6.3.3).
    Rpsi(Rpsi<'a>),
    /// Full intra request (5104 section 4.3.1).
    Fir(Fir<'a>),
    /// Temporal-spatial trade-off request (5104 section 4.3.2).
    Tstr(Entries<'a, Tst, 8>),
    /// Its notification (5104 section 4.3.3).
    Tstn(Entries<'a, Tst, 8>),
    /// H.271 video back channel (5104 section 4.3.4).
    Vbcm(Vbcm<'a>),
    /// Receiver's estimate of the bit rate.
    Remb(Remb<'a>),
    /// Other application layer feedback: opaque.
    Application(&'a [u8]),
    /// A format without rules of its own, or one too short for them.
    Other,
}

/// Entries of fixed size; an incomplete last one is left out.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a, T, const N: usize> {
    rest: &'a [[u8; N]],
    entry: std::marker::PhantomData<T>,
}

impl<'a, T, const N: usize> Entries<'a, T, N> {
    fn new(fci: &'a [u8]) -> Self {
        Self { rest: fci.as_chunks().0, entry: std::marker::PhantomData }
    }
}

impl<T: for<'b> From<&'b [u8; N]>, const N: usize> Iterator for Entries<'_, T, N> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first.into())
    }
}

/// Lost packets: one and up to 16 that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack {
    /// Sequence number of the first.
    pub packet_id: u16,
    /// Bit n: the packet n + 1 later is lost too.
    pub bitmask: u16,
}

impl Nack {
    /// All sequence numbers it names.
    pub fn sequence_numbers(self) -> impl Iterator<Item = u16> {
        let later = (0..16).filter(move |bit| self.bitmask & (1 << bit) != 0);
        std::iter::once(self.packet_id).chain(later.map(move |bit| self.packet_id.wrapping_add(bit + 1)))
    }
}

impl From<&[u8; 4]> for Nack {
    fn from(&[a, b, c, d]: &[u8; 4]) -> Self {
        Self { packet_id: u16::from_be_bytes([a, b]), bitmask: u16::from_be_bytes([c, d]) }
    }
}

/// Largest bit rate a receiver wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tmmb {
    /// The sender of media it is for.
    pub ssrc: u32,
    /// Bits per second; at most 2^17 * 2^63, hence wide.
    pub max_bit_rate: u128,
    /// Measured overhead per packet in bytes.
    pub overhead: u16,
}

impl From<&[u8; 8]> for Tmmb {
    fn from(&[a, b, c, d, rate @ ..]: &[u8; 8]) -> Self {
        let rate = u32::from_be_bytes(rate);
        let (exponent, mantissa) = (rate >> 26, (rate >> 9) & 0x1_ffff);
        Self {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            max_bit_rate: u128::from(mantissa) << exponent,
            overhead: (rate & 0x1ff) as u16,
        }
    }
}

/// Lost macroblocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sli {
    /// First lost macroblock, 13 bits.
    pub first: u16,
    /// How many, 13 bits.
    pub number: u16,
    /// Lower six bits of the picture's id.
    pub picture_id: u8,
}

impl From<&[u8; 4]> for Sli {
    fn from(bytes: &[u8; 4]) -> Self {
        let word = u32::from_be_bytes(*bytes);
        Self {
            first: (word >> 19) as u16,
            number: ((word >> 6) & 0x1fff) as u16,
            picture_id: (word & 0x3f) as u8,
        }
    }
}

/// Reference picture selection: a bit string the codec defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpsi<'a> {
    /// RTP payload type it applies to.
    pub payload_type: u8,
    /// Unused bits at the end of `bits`.
    pub padding_bits: u8,
    /// The string.
    pub bits: &'a [u8],
}

impl<'a> Rpsi<'a> {
    fn read(fci: &'a [u8]) -> Option<Self> {
        let (&[padding_bits, payload_type], bits) = fci.split_first_chunk::<2>()?;
        let fits = usize::from(padding_bits) <= 8 * bits.len();
        fits.then_some(Self { payload_type: payload_type & 0x7f, padding_bits, bits })
    }
}

/// Full intra request.
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a>(Entries<'a, FirEntry, 8>);

impl<'a> Fir<'a> {
    /// The senders of media asked.
    #[must_use]
    pub fn entries(&self) -> Entries<'a, FirEntry, 8> {
        self.0
    }
}

/// One sender asked for an intra picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The sender of media.
    pub ssrc: u32,
    /// Number of the command; a repetition keeps it.
    pub sequence_number: u8,
}

impl From<&[u8; 8]> for FirEntry {
    fn from(&[a, b, c, d, sequence_number, ..]: &[u8; 8]) -> Self {
        Self { ssrc: u32::from_be_bytes([a, b, c, d]), sequence_number }
    }
}

/// Temporal-spatial trade-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tst {
    /// The sender of media.
    pub ssrc: u32,
    /// Number of the command.
    pub sequence_number: u8,
    /// 0 (best pictures) to 31 (highest rate).
    pub index: u8,
}

impl From<&[u8; 8]> for Tst {
    fn from(&[a, b, c, d, sequence_number, _, _, index]: &[u8; 8]) -> Self {
        Self { ssrc: u32::from_be_bytes([a, b, c, d]), sequence_number, index: index & 0x1f }
    }
}

/// H.271 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vbcm<'a> {
    /// The sender of media.
    pub ssrc: u32,
    /// Number of the command.
    pub sequence_number: u8,
    /// RTP payload type it applies to.
    pub payload_type: u8,
    /// The octet string.
    pub message: &'a [u8],
}

impl<'a> Vbcm<'a> {
    fn read(fci: &'a [u8]) -> Option<Self> {
        let (&[a, b, c, d, sequence_number, payload_type, high, low], rest) = fci.split_first_chunk::<8>()?;
        Some(Self {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            sequence_number,
            payload_type: payload_type & 0x7f,
            message: rest.get(..usize::from(u16::from_be_bytes([high, low])))?,
        })
    }
}

/// Receiver estimated maximum bit rate (draft-alvestrand-rmcat-remb).
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Bits per second; saturates.
    pub bit_rate: u64,
    ssrcs: &'a [[u8; 4]],
}

impl<'a> Remb<'a> {
    fn read(fci: &'a [u8]) -> Option<Self> {
        let (head, rest) = fci.split_first_chunk::<8>()?;
        if head[..4] != *b"REMB" {
            return None;
        }
        let exponent = u32::from(head[5] >> 2);
        let mantissa = u128::from(u32::from_be_bytes([0, head[5] & 3, head[6], head[7]]));
        let ssrcs = rest.as_chunks().0;
        Some(Self {
            bit_rate: u64::try_from(mantissa << exponent).unwrap_or(u64::MAX),
            ssrcs: ssrcs.get(..usize::from(head[4]))?,
        })
    }

    /// The sources it is about.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.ssrcs.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }
}

/// Reads every entry; how many there were.
pub(super) fn count_entries(feedback: &Feedback<'_>) -> usize {
    match feedback.kind() {
        FeedbackKind::Nack(entries) => entries.map(|nack| nack.sequence_numbers().count()).sum(),
        FeedbackKind::Tmmbr(entries) | FeedbackKind::Tmmbn(entries) => entries.count(),
        FeedbackKind::Sli(entries) => entries.count(),
        FeedbackKind::Fir(fir) => fir.entries().count(),
        FeedbackKind::Tstr(entries) | FeedbackKind::Tstn(entries) => entries.count(),
        FeedbackKind::Remb(remb) => remb.ssrcs().count(),
        FeedbackKind::Pli
        | FeedbackKind::Rpsi(_)
        | FeedbackKind::Vbcm(_)
        | FeedbackKind::TransportWide(_)
        | FeedbackKind::Application(_)
        | FeedbackKind::Other => 0,
    }
}
