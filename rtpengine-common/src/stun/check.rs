//! Fingerprint, integrity, and the verdict on a foreign message (media-plane.md 11.3, 11.4).

use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::message::{Class, ErrorCode, Message, StunError};
use super::{FINGERPRINT_XOR, HEADER_LEN, crc32};

/// Length of a MESSAGE-INTEGRITY attribute with its header.
const INTEGRITY_LEN: usize = 24;

/// A password made ready for MESSAGE-INTEGRITY: keyed once, used for many messages.
#[derive(Clone)]
pub struct IntegrityKey(Option<Hmac<Sha1>>);

impl IntegrityKey {
    /// From a short-term credential's password. ICE passwords need no string preparation.
    #[must_use]
    pub fn new(password: &[u8]) -> Self {
        // HMAC takes keys of any length, so there always is one.
        Self(Hmac::new_from_slice(password).ok())
    }

    /// HMAC-SHA1 over the header with its length field replaced, and the attributes given.
    fn mac(&self, header: &[u8; HEADER_LEN], length: u16, attributes: &[u8]) -> Option<Hmac<Sha1>> {
        let mut header = *header;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        let mut mac = self.0.clone()?;
        mac.update(&header);
        mac.update(attributes);
        Some(mac)
    }

    /// The attribute's value for a message that ends where the attribute will begin.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 20] {
        let sign = || {
            let (header, attributes) = message.split_first_chunk()?;
            let length = u16::try_from(attributes.len() + INTEGRITY_LEN).ok()?;
            Some(self.mac(header, length, attributes)?.finalize().into_bytes().into())
        };
        sign().unwrap_or([0; 20])
    }
}

impl std::fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IntegrityKey(..)")
    }
}

/// State of the FINGERPRINT attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fingerprint {
    /// Not there.
    Missing,
    /// Does not match.
    Wrong,
    /// Matches.
    Right,
}

/// State of the MESSAGE-INTEGRITY attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Not there.
    Missing,
    /// Does not match under the key.
    Wrong,
    /// Matches.
    Right,
}

/// Error replies to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 420: attributes that would have to be understood.
    UnknownAttributes,
    /// 400: MESSAGE-INTEGRITY or USERNAME missing.
    BadRequest,
    /// 401: not for us, or the wrong password.
    Unauthorized,
    /// 487: the peer has to change its role.
    RoleConflict,
}

impl Refusal {
    /// Number and phrase.
    #[must_use]
    pub fn error_code(self) -> ErrorCode<'static> {
        let (code, reason) = match self {
            Self::UnknownAttributes => (420, "Unknown attribute"),
            Self::BadRequest => (400, "Bad request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::RoleConflict => (487, "Role conflict"),
        };
        ErrorCode { code, reason: reason.as_bytes() }
    }
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No STUN after all: an ordinary packet.
    NotStun(StunError),
    /// Swallow it without reply.
    Ignore,
    /// Answer the request with an error.
    Refuse(Refusal),
    /// From someone who knows the password.
    Authentic,
}

impl Message<'_> {
    /// Compares FINGERPRINT.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let Some((at, value)) = self.fingerprint else { return Fingerprint::Missing };
        let covered = self.as_bytes().get(..at).unwrap_or_default();
        let expected = crc32(covered.iter().copied()) ^ FINGERPRINT_XOR;
        if value == expected { Fingerprint::Right } else { Fingerprint::Wrong }
    }

    /// Compares MESSAGE-INTEGRITY.
    #[must_use]
    pub fn integrity(&self, key: &IntegrityKey) -> Integrity {
        let Some((at, value)) = self.integrity else { return Integrity::Missing };
        let right = || {
            let (header, attributes) = self.as_bytes().get(..at)?.split_first_chunk()?;
            let length = u16::try_from(attributes.len() + INTEGRITY_LEN).ok()?;
            key.mac(header, length, attributes)?.verify_slice(&value).ok()
        };
        if right().is_some() { Integrity::Right } else { Integrity::Wrong }
    }

    /// Judges a message. Requests must name our user fragment and be signed with our password, responses
    /// be signed with the peer's; `None` while that is not known.
    #[must_use]
    pub fn judge(&self, ufrag: &[u8], local: &IntegrityKey, remote: Option<&IntegrityKey>) -> Verdict {
        let request = match self.class() {
            Class::Indication => return Verdict::Ignore,
            Class::Request => true,
            Class::Success | Class::Error => false,
        };
        let refuse = |refusal| if request { Verdict::Refuse(refusal) } else { Verdict::Ignore };
        if !self.unknown().is_empty() {
            return refuse(Refusal::UnknownAttributes);
        }
        let fingerprint = self.fingerprint();
        if fingerprint == Fingerprint::Missing {
            return Verdict::NotStun(StunError::FingerprintMissing);
        }
        if self.integrity.is_none() || (request && self.username().is_none()) {
            return refuse(Refusal::BadRequest);
        }
        if fingerprint == Fingerprint::Wrong {
            return Verdict::NotStun(StunError::FingerprintMismatch);
        }
        let key = if request { Some(local) } else { remote };
        let for_us = !request || self.username().is_some_and(|username| names(username, ufrag));
        if for_us && key.is_some_and(|key| self.integrity(key) == Integrity::Right) {
            Verdict::Authentic
        } else {
            refuse(Refusal::Unauthorized)
        }
    }
}

/// Whether a user name is made of the fragment, a colon, and the other side's fragment.
fn names(username: &[u8], ufrag: &[u8]) -> bool {
    username.strip_prefix(ufrag).is_some_and(|rest| rest.first() == Some(&b':'))
}
