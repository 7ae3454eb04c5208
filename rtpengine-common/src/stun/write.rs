//! Writing messages. Attributes appear in the order of the calls; MESSAGE-INTEGRITY and FINGERPRINT
//! close each message.

use std::net::{IpAddr, SocketAddr};

use super::check::IntegrityKey;
use super::message::{Class, ErrorCode, Message, TransactionId, address_mask};
use super::{FINGERPRINT_XOR, HEADER_LEN, MAGIC_COOKIE, attribute, crc32};

/// Longest text attribute; RFC 5389 allows 763 bytes of SOFTWARE and 513 of USERNAME.
const MAX_TEXT: usize = 513;

/// A message under construction.
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    bytes: Vec<u8>,
    transaction_id: TransactionId,
}

impl MessageBuilder {
    /// A binding message of the given class.
    #[must_use]
    pub fn new(class: Class, transaction_id: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend(class.binding_type().to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(MAGIC_COOKIE.to_be_bytes());
        bytes.extend(transaction_id);
        Self { bytes, transaction_id }
    }

    /// A response to a request.
    #[must_use]
    pub fn reply(request: &Message<'_>, class: Class) -> Self {
        Self::new(class, request.transaction_id())
    }

    fn attribute(mut self, number: u16, value: &[u8]) -> Self {
        // Values are texts cut at MAX_TEXT, lists cut at 15 entries, or of fixed size.
        let value = value.get(..MAX_TEXT).unwrap_or(value);
        self.bytes.extend(number.to_be_bytes());
        self.bytes.extend((value.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// SOFTWARE.
    #[must_use]
    pub fn software(self, value: &str) -> Self {
        self.attribute(attribute::SOFTWARE, value.as_bytes())
    }

    /// USERNAME.
    #[must_use]
    pub fn username(self, value: &str) -> Self {
        self.attribute(attribute::USERNAME, value.as_bytes())
    }

    /// PRIORITY.
    #[must_use]
    pub fn priority(self, value: u32) -> Self {
        self.attribute(attribute::PRIORITY, &value.to_be_bytes())
    }

    /// USE-CANDIDATE.
    #[must_use]
    pub fn use_candidate(self) -> Self {
        self.attribute(attribute::USE_CANDIDATE, &[])
    }

    /// ICE-CONTROLLING or ICE-CONTROLLED with the tie breaker.
    #[must_use]
    pub fn role(self, controlling: bool, tie_breaker: u64) -> Self {
        let number = if controlling { attribute::ICE_CONTROLLING } else { attribute::ICE_CONTROLLED };
        self.attribute(number, &tie_breaker.to_be_bytes())
    }

    /// XOR-MAPPED-ADDRESS.
    #[must_use]
    pub fn mapped_address(self, address: SocketAddr) -> Self {
        let port = (address.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes();
        let mut value = vec![0, 0, port[0], port[1]];
        match address.ip() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value.extend((ip.to_bits() ^ MAGIC_COOKIE).to_be_bytes());
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value.extend((ip.to_bits() ^ address_mask(&self.transaction_id)).to_be_bytes());
            }
        }
        self.attribute(attribute::XOR_MAPPED_ADDRESS, &value)
    }

    /// ERROR-CODE.
    #[must_use]
    pub fn error(self, error: &ErrorCode<'_>) -> Self {
        let mut value = vec![0, 0, (error.code / 100) as u8 & 7, (error.code % 100) as u8];
        value.extend_from_slice(error.reason);
        self.attribute(attribute::ERROR_CODE, &value)
    }

    /// UNKNOWN-ATTRIBUTES; an empty list adds nothing.
    #[must_use]
    pub fn unknown_attributes(self, numbers: &[u16]) -> Self {
        if numbers.is_empty() {
            return self;
        }
        let value: Vec<u8> = numbers.iter().take(15).flat_map(|number| number.to_be_bytes()).collect();
        self.attribute(attribute::UNKNOWN_ATTRIBUTES, &value)
    }

    /// Adds MESSAGE-INTEGRITY and FINGERPRINT and gives the datagram.
    #[must_use]
    pub fn finish(self, key: &IntegrityKey) -> Vec<u8> {
        let tag = key.sign(&self.bytes);
        let mut message = self.attribute(attribute::MESSAGE_INTEGRITY, &tag);
        // The length counts the fingerprint already when the fingerprint is taken.
        message.set_length(8);
        let crc = crc32(message.bytes.iter().copied()) ^ FINGERPRINT_XOR;
        message.attribute(attribute::FINGERPRINT, &crc.to_be_bytes()).bytes
    }

    fn set_length(&mut self, more: usize) {
        let length = (self.bytes.len() - HEADER_LEN + more) as u16;
        if let Some(field) = self.bytes.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
    }
}
