//! A STUN message as a view over its bytes (RFC 5389 sections 6 and 15).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use arrayvec::ArrayVec;
use thiserror::Error;

use super::{HEADER_LEN, MAGIC_COOKIE, attribute};

/// Most unknown attributes that are remembered for an UNKNOWN-ATTRIBUTES reply.
pub const MAX_UNKNOWN: usize = 15;

/// The method of all messages ICE uses.
const BINDING: u16 = 1;

/// Identifies a request and its response.
pub type TransactionId = [u8; 12];

/// Why a datagram is not handled as STUN. It goes on as an ordinary packet then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StunError {
    /// Header missing, or its length runs past the datagram.
    #[error("message-length mismatch")]
    Length,
    /// A method other than binding.
    #[error("unknown STUN method")]
    Method,
    /// An attribute runs past the message or has the wrong size.
    #[error("failed to parse attributes")]
    Attributes,
    /// No FINGERPRINT.
    #[error("FINGERPRINT attribute missing")]
    FingerprintMissing,
    /// FINGERPRINT does not match the message.
    #[error("FINGERPRINT mismatch")]
    FingerprintMismatch,
}

/// Class of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none.
    Indication,
    /// Success response.
    Success,
    /// Error response.
    Error,
}

impl Class {
    /// The two class bits of the message type.
    fn from_type(message_type: u16) -> Self {
        match (message_type & 0x0100 != 0, message_type & 0x0010 != 0) {
            (false, false) => Self::Request,
            (false, true) => Self::Indication,
            (true, false) => Self::Success,
            (true, true) => Self::Error,
        }
    }

    /// Message type of the binding method with this class.
    pub(super) fn binding_type(self) -> u16 {
        let class = match self {
            Self::Request => 0,
            Self::Indication => 0x0010,
            Self::Success => 0x0100,
            Self::Error => 0x0110,
        };
        class | BINDING
    }
}

/// An ERROR-CODE attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCode<'a> {
    /// 300..=699.
    pub code: u16,
    /// Reason phrase, meant to be UTF-8.
    pub reason: &'a [u8],
}

/// Where an attribute begins and what its value is.
type Place<T> = Option<(usize, T)>;

/// A binding message whose attributes are all well-formed.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Header and attributes, without what follows in the datagram.
    bytes: &'a [u8],
    class: Class,
    transaction_id: TransactionId,
    username: Option<&'a [u8]>,
    software: Option<&'a [u8]>,
    error: Option<ErrorCode<'a>>,
    mapped: Option<SocketAddr>,
    priority: Option<u32>,
    use_candidate: bool,
    controlled: Option<u64>,
    controlling: Option<u64>,
    pub(super) integrity: Place<[u8; 20]>,
    pub(super) fingerprint: Place<u32>,
    unknown: ArrayVec<u16, MAX_UNKNOWN>,
}

impl<'a> Message<'a> {
    /// Reads a message. Of an indication nothing but the header is looked at. Fingerprint and integrity
    /// are not checked here.
    ///
    /// # Errors
    /// [`StunError::Length`], [`StunError::Method`], [`StunError::Attributes`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, StunError> {
        let header = datagram.first_chunk::<HEADER_LEN>().ok_or(StunError::Length)?;
        let message_type = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let cookie = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let bytes = datagram.get(..HEADER_LEN + length).ok_or(StunError::Length)?;
        if cookie != MAGIC_COOKIE || !length.is_multiple_of(4) {
            return Err(StunError::Length);
        }
        if message_type & !0x0110 != BINDING {
            return Err(StunError::Method);
        }
        let [_, _, _, _, _, _, _, _, transaction_id @ ..] = *header;
        let mut message = Self {
            bytes,
            class: Class::from_type(message_type),
            transaction_id,
            username: None,
            software: None,
            error: None,
            mapped: None,
            priority: None,
            use_candidate: false,
            controlled: None,
            controlling: None,
            integrity: None,
            fingerprint: None,
            unknown: ArrayVec::new(),
        };
        if message.class != Class::Indication {
            message.read_attributes()?;
        }
        Ok(message)
    }

    fn read_attributes(&mut self) -> Result<(), StunError> {
        let mut at = HEADER_LEN;
        while at < self.bytes.len() {
            let rest = self.bytes.get(at..).ok_or(StunError::Attributes)?;
            let (&[t1, t2, l1, l2], rest) = rest.split_first_chunk::<4>().ok_or(StunError::Attributes)?;
            let length = usize::from(u16::from_be_bytes([l1, l2]));
            let value = rest.get(..length).ok_or(StunError::Attributes)?;
            let number = u16::from_be_bytes([t1, t2]);
            // Nothing may follow FINGERPRINT, and nothing but FINGERPRINT may follow MESSAGE-INTEGRITY:
            // what stands there is not protected by it (RFC 5389 section 15.4).
            let out_of_place = self.integrity.is_some() && number != attribute::FINGERPRINT;
            if self.fingerprint.is_some() || out_of_place {
                return Err(StunError::Attributes);
            }
            self.take(number, at, value).ok_or(StunError::Attributes)?;
            at += 4 + length.next_multiple_of(4);
        }
        if at == self.bytes.len() { Ok(()) } else { Err(StunError::Attributes) }
    }

    /// Takes the first attribute of each kind; `None` when its size is wrong.
    fn take(&mut self, number: u16, at: usize, value: &'a [u8]) -> Option<()> {
        let word = || <[u8; 4]>::try_from(value).ok().map(u32::from_be_bytes);
        let double = || <[u8; 8]>::try_from(value).ok().map(u64::from_be_bytes);
        match number {
            attribute::USERNAME => _ = self.username.get_or_insert(value),
            attribute::SOFTWARE => _ = self.software.get_or_insert(value),
            attribute::MESSAGE_INTEGRITY => self.integrity = Some((at, value.try_into().ok()?)),
            attribute::FINGERPRINT => self.fingerprint = Some((at, word()?)),
            attribute::PRIORITY => _ = self.priority.get_or_insert(word()?),
            attribute::USE_CANDIDATE => self.use_candidate = true,
            attribute::ICE_CONTROLLED => _ = self.controlled.get_or_insert(double()?),
            attribute::ICE_CONTROLLING => _ = self.controlling.get_or_insert(double()?),
            attribute::ERROR_CODE => _ = self.error.get_or_insert(read_error(value)?),
            attribute::XOR_MAPPED_ADDRESS => {
                _ = self.mapped.get_or_insert(read_address(value, &self.transaction_id)?);
            }
            attribute::UNKNOWN_ATTRIBUTES | 0x8000.. => {}
            // More than the list holds are not remembered.
            _ => _ = self.unknown.try_push(number),
        }
        Some(())
    }

    /// Header and attributes.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Class.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Transaction id.
    #[must_use]
    pub fn transaction_id(&self) -> TransactionId {
        self.transaction_id
    }

    /// USERNAME.
    #[must_use]
    pub fn username(&self) -> Option<&'a [u8]> {
        self.username
    }

    /// SOFTWARE.
    #[must_use]
    pub fn software(&self) -> Option<&'a [u8]> {
        self.software
    }

    /// ERROR-CODE.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorCode<'a>> {
        self.error.as_ref()
    }

    /// XOR-MAPPED-ADDRESS, decoded.
    #[must_use]
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.mapped
    }

    /// PRIORITY.
    #[must_use]
    pub fn priority(&self) -> Option<u32> {
        self.priority
    }

    /// USE-CANDIDATE is there.
    #[must_use]
    pub fn use_candidate(&self) -> bool {
        self.use_candidate
    }

    /// Tie breaker of ICE-CONTROLLED.
    #[must_use]
    pub fn controlled(&self) -> Option<u64> {
        self.controlled
    }

    /// Tie breaker of ICE-CONTROLLING.
    #[must_use]
    pub fn controlling(&self) -> Option<u64> {
        self.controlling
    }

    /// Attributes below 0x8000 that are not understood, the first [`MAX_UNKNOWN`] of them.
    #[must_use]
    pub fn unknown(&self) -> &[u16] {
        &self.unknown
    }
}

fn read_error(value: &[u8]) -> Option<ErrorCode<'_>> {
    let (&[_, _, class, number], reason) = value.split_first_chunk::<4>()?;
    if number > 99 {
        return None;
    }
    Some(ErrorCode { code: u16::from(class & 7) * 100 + u16::from(number), reason })
}

fn read_address(value: &[u8], transaction_id: &TransactionId) -> Option<SocketAddr> {
    let (&[_, family, p1, p2], address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([p1, p2]) ^ (MAGIC_COOKIE >> 16) as u16;
    let address = match family {
        1 => IpAddr::from(Ipv4Addr::from(u32::from_be_bytes(address.try_into().ok()?) ^ MAGIC_COOKIE)),
        2 => {
            let mask = address_mask(transaction_id);
            IpAddr::from(Ipv6Addr::from(u128::from_be_bytes(address.try_into().ok()?) ^ mask))
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// What IPv6 addresses are XORed with: cookie and transaction id.
pub(super) fn address_mask(transaction_id: &TransactionId) -> u128 {
    let mut mask = [0; 16];
    let (cookie, rest) = mask.split_at_mut(4);
    cookie.copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    rest.copy_from_slice(transaction_id);
    u128::from_be_bytes(mask)
}
