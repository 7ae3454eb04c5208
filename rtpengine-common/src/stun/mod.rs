//! STUN binding messages (RFC 5389, 8489) with the attributes ICE uses (RFC 8445): reading, checking and
//! writing. The rules for foreign messages are those of media-plane.md 11.3 and 11.4.

mod check;
mod message;
mod write;

#[cfg(test)]
mod tests;

pub use check::{Fingerprint, Integrity, IntegrityKey, Refusal, Verdict};
pub use message::{Class, ErrorCode, MAX_UNKNOWN, Message, StunError, TransactionId};
pub use write::MessageBuilder;

/// The magic cookie in bytes 4..8 of each message.
pub const MAGIC_COOKIE: u32 = 0x2112_a442;
/// Length of the header.
pub const HEADER_LEN: usize = 20;
/// XORed with the CRC-32 in a FINGERPRINT.
const FINGERPRINT_XOR: u32 = 0x5354_554e;

/// CRC-32 as in ISO 3309, which FINGERPRINT uses.
fn crc32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let step = |crc: u32, byte: u8| (crc >> 8) ^ CRC_TABLE[usize::from(crc as u8 ^ byte)];
    !bytes.into_iter().fold(u32::MAX, step)
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

/// Numbers of the attributes the program knows.
mod attribute {
    pub(super) const USERNAME: u16 = 0x0006;
    pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const PRIORITY: u16 = 0x0024;
    pub(super) const USE_CANDIDATE: u16 = 0x0025;
    pub(super) const SOFTWARE: u16 = 0x8022;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const ICE_CONTROLLED: u16 = 0x8029;
    pub(super) const ICE_CONTROLLING: u16 = 0x802a;
}

/// Runs reader and checks over foreign bytes, for the property tests and the fuzz target.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    exercise_message(bytes);
    // Once more with a header that gets past the first checks, so that attributes are reached.
    let mut whole = bytes.to_vec();
    let length = (bytes.len().saturating_sub(HEADER_LEN) & 0xfffc) as u16;
    if let Some(header) = whole.first_chunk_mut::<8>() {
        header[0] &= 0x01;
        header[1] = (header[1] & 0x10) | 1;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        header[4..].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        exercise_message(&whole);
    }
}

fn exercise_message(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    let key = IntegrityKey::new(b"VOkJxbRl1RmTxUk/WvJxBt");
    let verdict = message.judge(b"evtj", &key, Some(&key));
    if verdict == Verdict::Authentic {
        assert!(message.fingerprint() == Fingerprint::Right && message.integrity(&key) == Integrity::Right);
    }
    assert!(message.unknown().len() <= MAX_UNKNOWN);
    let reply = MessageBuilder::reply(&message, Class::Error)
        .error(&Refusal::UnknownAttributes.error_code())
        .unknown_attributes(message.unknown())
        .finish(&key);
    let reply = Message::parse(&reply).expect("own messages are sound");
    assert_eq!(reply.judge(b"", &key, Some(&key)), Verdict::Authentic);
}
