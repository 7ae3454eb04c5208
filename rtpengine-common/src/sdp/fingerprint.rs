//! Certificate fingerprints: `a=fingerprint` (RFC 8122).

use std::fmt;

use arrayvec::ArrayVec;

use super::token::Tokens;

/// A hash function of a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FingerprintHash {
    /// `sha-1`
    Sha1,
    /// `sha-224`
    Sha224,
    /// `sha-256`
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

const HASHES: [(FingerprintHash, &str, usize); 5] = [
    (FingerprintHash::Sha1, "sha-1", 20),
    (FingerprintHash::Sha224, "sha-224", 28),
    (FingerprintHash::Sha256, "sha-256", 32),
    (FingerprintHash::Sha384, "sha-384", 48),
    (FingerprintHash::Sha512, "sha-512", 64),
];

impl FingerprintHash {
    /// The hash called `name`, in any case.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        HASHES.iter().find(|(_, text, _)| text.as_bytes().eq_ignore_ascii_case(name)).map(|(hash, ..)| *hash)
    }

    const fn row(self) -> (FingerprintHash, &'static str, usize) {
        HASHES[self as usize]
    }

    /// The name in lower case, as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// Bytes of a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        self.row().2
    }
}

/// The hash of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    hash: FingerprintHash,
    digest: ArrayVec<u8, 64>,
}

impl Fingerprint {
    /// A fingerprint from its digest; `None` unless that has exactly the hash's length.
    #[must_use]
    pub fn new(hash: FingerprintHash, digest: &[u8]) -> Option<Self> {
        if digest.len() != hash.digest_len() {
            return None;
        }
        Some(Fingerprint { hash, digest: ArrayVec::try_from(digest).ok()? })
    }

    /// The value of the attribute: `HASH AA:BB:…` with exactly the right number of hex pairs.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut tokens = Tokens::new(value);
        let hash = FingerprintHash::from_name(tokens.token()?)?;
        let pairs = tokens.rest()?;
        let mut digest = ArrayVec::new();
        let mut rest = Some(pairs);
        while let Some(pairs) = rest {
            let (&[high, low], behind) = pairs.split_first_chunk()?;
            digest.try_push(hex_digit(high)? << 4 | hex_digit(low)?).ok()?;
            rest = match behind {
                [] => None,
                [b':', more @ ..] => Some(more),
                _ => return None,
            };
        }
        (digest.len() == hash.digest_len()).then_some(Fingerprint { hash, digest })
    }

    /// The hash function.
    #[must_use]
    pub fn hash(&self) -> FingerprintHash {
        self.hash
    }

    /// The digest, of the hash's length.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl Fingerprint {
    /// Appends the digest as printed: upper-case hex pairs joined by colons.
    pub(crate) fn write_digest(&self, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digit = |value: u8| DIGITS[usize::from(value & 15)];
        for &byte in &self.digest {
            out.extend_from_slice(&[digit(byte >> 4), digit(byte), b':']);
        }
        // Of the last pair.
        out.pop();
    }
}

impl fmt::Display for Fingerprint {
    /// The value of the attribute: hash in lower case, hex in upper case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digest = Vec::with_capacity(3 * self.digest.len());
        self.write_digest(&mut digest);
        write!(f, "{} {}", self.hash.name(), String::from_utf8_lossy(&digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_variant() {
        for (index, (hash, ..)) in HASHES.iter().enumerate() {
            assert_eq!(*hash as usize, index);
        }
    }

    #[test]
    fn prints_what_it_read_in_the_one_spelling() {
        let text = "SHA-1 4a:ad:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";
        let parsed = Fingerprint::parse(text.as_bytes()).expect("valid");
        assert_eq!(parsed.hash(), FingerprintHash::Sha1);
        assert_eq!(parsed.to_string(), "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB");
        assert_eq!(Fingerprint::parse(parsed.to_string().as_bytes()), Some(parsed));
    }

    #[test]
    fn wrong_lengths_and_letters_do_not_parse() {
        let pair = |count: usize| vec!["0a"; count].join(":");
        assert!(Fingerprint::parse(format!("sha-256 {}", pair(32)).as_bytes()).is_some());
        for bad in [
            format!("sha-256 {}", pair(31)),
            format!("sha-256 {}", pair(33)),
            format!("md5 {}", pair(16)),
            format!("sha-1  {}", pair(20)),
            format!("sha-1 {}", pair(20).replace("0a", "0g")),
            format!("sha-1 {}:", pair(20)),
            format!("sha-512 {}", pair(2000)),
            "sha-1".into(),
            String::new(),
        ] {
            assert!(Fingerprint::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
