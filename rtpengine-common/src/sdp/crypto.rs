//! SDES keys: `a=crypto` (RFC 4568, sdp.md §2.5, §12).

use std::fmt;

use arrayvec::ArrayVec;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, STANDARD_NO_PAD};

use crate::srtp::{self, MasterKey, Parameters, SessionParameters, Suite, SuiteInfo};

use super::token::{Tokens, leading_number, number, split_once};
use super::write;

/// Largest lifetime of a master key in packets (RFC 3711 §9.2).
const MAX_LIFETIME: u64 = 1 << 48;
/// Longest master key identifier in bytes.
const MAX_MKI_LEN: u64 = 256;

/// Octets that hold the longest key in base64, padded.
const KEY_ROOM: usize = 64;

/// Characters of a suite's key in base64, without padding.
const fn base64_len(suite: &SuiteInfo) -> usize {
    ((suite.key_len + suite.salt_len) * 4).div_ceil(3)
}

/// Why an `a=crypto` line was dropped; the texts are those of sdp.md §2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the texts say it
pub enum CryptoError {
    #[error("invalid 'tag'")]
    Tag,
    #[error("unknown crypto suite")]
    Suite,
    #[error("invalid key parameter length")]
    KeyLength,
    #[error("unknown key method")]
    KeyMethod,
    #[error("invalid base64 encoding")]
    Base64,
    #[error("invalid key parameter syntax")]
    KeySyntax,
    #[error("invalid key lifetime")]
    Lifetime,
    #[error("invalid MKI specification")]
    Mki,
    #[error("MKI too long")]
    MkiTooLong,
    #[error("generic error")]
    Generic,
}

/// A master key identifier (RFC 3711 §3.1): a number in a fixed count of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mki {
    value: u32,
    len: u8,
}

impl Mki {
    /// `value` in `len` bytes, of which only the low `len` bytes count. `None` for no bytes.
    #[must_use]
    pub fn new(value: u32, len: u8) -> Option<Self> {
        let value = match len {
            0 => return None,
            1..=3 => value & ((1u32 << (u32::from(len) * 8)) - 1),
            _ => value,
        };
        Some(Mki { value, len })
    }

    /// The number, as printed.
    #[must_use]
    pub fn value(self) -> u32 {
        self.value
    }

    /// How many bytes it takes in a packet (1…255).
    #[must_use]
    pub fn len(self) -> usize {
        usize::from(self.len)
    }

    /// Always `false`: an identifier of no bytes is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }

    /// The bytes as they stand in a packet: big-endian, padded with zeros on the left.
    #[must_use]
    pub fn to_bytes(self) -> ArrayVec<u8, 255> {
        let number = self.value.to_be_bytes();
        let used = self.len().min(number.len());
        let padding = self.len() - used;
        let digits = number.iter().skip(number.len() - used).copied();
        std::iter::repeat_n(0u8, padding).chain(digits).collect()
    }
}

/// What follows the key; parameters that are not known are ignored.
fn parse_session(text: &[u8]) -> SessionParameters {
    let mut params = SessionParameters::default();
    for word in text.split(|&byte| byte == b' ') {
        match word {
            b"UNENCRYPTED_SRTP" => params.unencrypted_srtp = true,
            b"UNENCRYPTED_SRTCP" => params.unencrypted_srtcp = true,
            b"UNAUTHENTICATED_SRTP" => params.unauthenticated_srtp = true,
            _ => {}
        }
    }
    params
}

/// One usable `a=crypto` line.
#[derive(Clone, PartialEq, Eq)]
pub struct CryptoParams {
    /// The line's number.
    pub tag: u32,
    /// Suite.
    pub suite: Suite,
    /// Master key and salt, of the suite's length.
    key: MasterKey,
    /// Master key identifier, if one is used.
    pub mki: Option<Mki>,
    /// Session parameters.
    pub session: SessionParameters,
}

const DECODER: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

impl CryptoParams {
    /// Parameters without MKI and session parameters; `None` unless `key_and_salt` has exactly the suite's length.
    #[must_use]
    pub fn new(tag: u32, suite: Suite, key_and_salt: &[u8]) -> Option<Self> {
        let key = MasterKey::from_bytes(suite, key_and_salt).ok()?;
        Some(CryptoParams { tag, suite, key, mki: None, session: SessionParameters::default() })
    }

    /// Parameters with a new key; `random` fills the bytes it is given.
    #[must_use]
    pub fn generate(tag: u32, suite: Suite, random: impl FnOnce(&mut [u8])) -> Self {
        let key = MasterKey::generate(suite, random);
        CryptoParams { tag, suite, key, mki: None, session: SessionParameters::default() }
    }

    /// The same with the key of `other`, as an answer that passes SRTP through has it (sdp.md §12.5 rule 4): also its MKI and session parameters.
    /// `None` unless both have the same suite.
    #[must_use]
    pub fn with_key_of(&self, other: &Self) -> Option<Self> {
        (self.suite == other.suite).then(|| CryptoParams { tag: self.tag, ..other.clone() })
    }

    /// The value of the attribute: `TAG SUITE inline:KEY[|LIFETIME][|MKI:LEN] [SESSION-PARAM …]`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(value: &[u8]) -> Result<Self, CryptoError> {
        let mut tokens = Tokens::new(value);
        let tag = tokens.token().ok_or(CryptoError::Generic)?;
        let tag = number(tag).ok_or(CryptoError::Tag)?;
        let suite = tokens.token().ok_or(CryptoError::Generic)?;
        let name = std::str::from_utf8(suite).map_err(|_| CryptoError::Suite)?;
        let suite = Suite::from_name(name).ok_or(CryptoError::Suite)?;
        let key = tokens.token().ok_or(CryptoError::Generic)?;
        let session = parse_session(tokens.rest().unwrap_or_default());
        let (key, mki) = parse_key(suite, key)?;
        Ok(CryptoParams { tag, suite, key, mki, session })
    }

    /// The master key and salt.
    #[must_use]
    pub fn key(&self) -> &MasterKey {
        &self.key
    }

    /// What decides about packets.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let mki = self.mki.map(Mki::to_bytes).unwrap_or_default();
        // At most 255 bytes by its type, so this is never an error.
        let mki = srtp::Mki::new(&mki).unwrap_or_default();
        Parameters { suite: self.suite, key: self.key.clone(), mki, session: self.session }
    }

    /// Appends the key in base64, with or without padding.
    fn write_key(&self, out: &mut Vec<u8>, padded: bool) {
        let engine = if padded { &STANDARD } else { &STANDARD_NO_PAD };
        let mut room = [0; KEY_ROOM];
        // The room is enough for every suite's key, as a test shows.
        let len = engine.encode_slice(self.key.to_bytes(), &mut room).unwrap_or_default();
        out.extend_from_slice(room.get(..len).unwrap_or_default());
    }
}

fn parse_key(suite: Suite, text: &[u8]) -> Result<(MasterKey, Option<Mki>), CryptoError> {
    const METHOD: &[u8] = b"inline:";
    let (method, rest) = text.split_at_checked(METHOD.len()).ok_or(CryptoError::KeyLength)?;
    let (key, rest) = rest.split_at_checked(base64_len(suite.info())).ok_or(CryptoError::KeyLength)?;
    if !method.eq_ignore_ascii_case(METHOD) {
        return Err(CryptoError::KeyMethod);
    }
    // Room for what the decoder thinks it may need, which is more than comes out.
    let mut room = [0u8; KEY_ROOM];
    let len = DECODER.decode_slice(key, &mut room).map_err(|_| CryptoError::Base64)?;
    let bytes = room.get(..len).unwrap_or_default();
    let key = MasterKey::from_bytes(suite, bytes).map_err(|_| CryptoError::Base64)?;
    let rest = rest.strip_prefix(b"==").or_else(|| rest.strip_prefix(b"=")).unwrap_or(rest);
    Ok((key, parse_after_key(rest)?))
}

/// What follows the key: nothing, a single stray byte, or lifetime and MKI.
fn parse_after_key(rest: &[u8]) -> Result<Option<Mki>, CryptoError> {
    if rest.len() <= 1 {
        return Ok(None);
    }
    let rest = rest.strip_prefix(b"|").ok_or(CryptoError::KeySyntax)?;
    let Some((lifetime, mki)) = split_once(rest, b'|') else {
        if rest.contains(&b':') {
            return parse_mki(rest);
        }
        check_lifetime(rest)?;
        return Ok(None);
    };
    check_lifetime(lifetime)?;
    parse_mki(mki)
}

/// A lifetime is validated and then forgotten: the relay never uses a key that long.
fn check_lifetime(text: &[u8]) -> Result<(), CryptoError> {
    let packets = match text.strip_prefix(b"2^") {
        Some(exponent) => number::<u32>(exponent)
            .filter(|exponent| *exponent >= 1)
            .and_then(|exponent| 1u64.checked_shl(exponent)),
        None => number(text),
    };
    match packets {
        Some(1..=MAX_LIFETIME) => Ok(()),
        _ => Err(CryptoError::Lifetime),
    }
}

fn parse_mki(text: &[u8]) -> Result<Option<Mki>, CryptoError> {
    let (value, len) = split_once(text, b':').ok_or(CryptoError::Mki)?;
    let value = number::<u32>(value).ok_or(CryptoError::Mki)?;
    let (len, _) = leading_number(len).ok_or(CryptoError::Mki)?;
    if len > MAX_MKI_LEN {
        return Err(CryptoError::MkiTooLong);
    }
    // 256 bytes are accepted but do not fit the field they are copied to: no MKI.
    Ok(u8::try_from(len).ok().and_then(|len| Mki::new(value, len)))
}

impl fmt::Debug for CryptoParams {
    /// Everything but the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoParams")
            .field("tag", &self.tag)
            .field("suite", &self.suite.name())
            .field("mki", &self.mki)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// How a line is printed (sdp.md §12.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CryptoPrint {
    /// Keep the `=` at the end of the key.
    pub pad: bool,
    /// Add the lifetime `|2^31`.
    pub lifetime: bool,
}

impl CryptoParams {
    /// Appends the value of the attribute.
    pub fn write(&self, out: &mut Vec<u8>, print: CryptoPrint) {
        let ends = self.write_marked(out, print);
        debug_assert!(ends.iter().all(|end| *end <= out.len()));
    }

    /// Like [`CryptoParams::write`], and says how long `out` was after the tag, the suite, the key method and the key: the places where
    /// attribute manipulations look (sdp.md §18).
    pub(crate) fn write_marked(&self, out: &mut Vec<u8>, print: CryptoPrint) -> [usize; 4] {
        let mut ends = [0; 4];
        write::number(out, self.tag);
        ends[0] = out.len();
        out.push(b' ');
        out.extend_from_slice(self.suite.name().as_bytes());
        ends[1] = out.len();
        out.extend_from_slice(b" inline:");
        ends[2] = out.len();
        self.write_key(out, print.pad);
        ends[3] = out.len();
        if print.lifetime {
            out.extend_from_slice(b"|2^31");
        }
        if let Some(mki) = self.mki {
            out.push(b'|');
            write::number(out, mki.value);
            out.push(b':');
            write::number(out, mki.len);
        }
        for (set, text) in [
            (self.session.unencrypted_srtp, " UNENCRYPTED_SRTP"),
            (self.session.unencrypted_srtcp, " UNENCRYPTED_SRTCP"),
            (self.session.unauthenticated_srtp, " UNAUTHENTICATED_SRTP"),
        ] {
            if set {
                out.extend_from_slice(text.as_bytes());
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY40: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    fn parse(text: &str) -> Result<CryptoParams, CryptoError> {
        CryptoParams::parse(text.as_bytes())
    }

    fn printed(params: &CryptoParams, print: CryptoPrint) -> String {
        let mut out = Vec::new();
        params.write(&mut out, print);
        String::from_utf8(out).expect("ascii")
    }

    #[test]
    fn the_key_of_every_suite_is_printed_whole() {
        for info in &srtp::SUITES {
            let params = CryptoParams::generate(1, info.suite, |bytes| bytes.fill(0xa5));
            for pad in [false, true] {
                let text = printed(&params, CryptoPrint { pad, lifetime: false });
                let key = text.rsplit(':').next().expect("a key");
                assert_eq!(key.trim_end_matches('=').len(), base64_len(info), "{text}");
                assert_eq!(parse(&text).as_ref(), Ok(&params));
            }
        }
    }

    #[test]
    fn the_table_has_the_lengths_of_the_specification() {
        let lens = [59, 38, 62, 62, 51, 51, 40, 40, 40, 40, 40, 40];
        for (suite, len) in srtp::SUITES.iter().zip(lens) {
            assert_eq!(base64_len(suite), len, "{}", suite.name);
        }
    }

    #[test]
    fn every_suite_round_trips_with_and_without_padding() {
        for suite in srtp::SUITES.iter().map(|info| info.suite) {
            let key: Vec<u8> =
                (0..suite.key_and_salt_len()).map(|i| u8::try_from(i * 37 % 251).unwrap_or(0)).collect();
            let params = CryptoParams::new(3, suite, &key).expect("right length");
            for pad in [false, true] {
                let text = printed(&params, CryptoPrint { pad, lifetime: pad });
                assert_eq!(parse(&text).as_ref(), Ok(&params), "{text}");
            }
            assert!(CryptoParams::new(3, suite, &key[1..]).is_none());
        }
    }

    #[test]
    fn what_may_follow_the_key() {
        let plain = parse(&format!("1 aes_cm_128_hmac_sha1_80 INLINE:{KEY40}")).expect("valid");
        assert_eq!(plain.suite, Suite::AesCm128HmacSha1_80);
        assert_eq!(plain.key().key().len(), 16);
        assert_eq!(plain.key().salt().len(), 14);
        let mki = |value, len| Mki::new(value, len);
        for (after, expected) in [
            ("|", None),
            ("x", None),
            ("=", None),
            ("==|2^20", None),
            ("|2^48", None),
            ("|281474976710656", None),
            ("|1:4", mki(1, 4)),
            ("|2^31|66051:2", mki(0x0203, 2)),
            ("|1:0", None),
            ("|1:255", mki(1, 255)),
            ("|1:256", None),
        ] {
            let params = parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}{after}"));
            assert_eq!(params.map(|params| params.mki), Ok(expected), "{after}");
        }
    }

    #[test]
    fn the_errors_of_the_specification() {
        use CryptoError as E;
        let line = |after: &str| format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY40}{after}");
        for (text, error, message) in [
            (format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY40}"), E::Tag, "invalid 'tag'"),
            (format!("1 AES_CM_999 inline:{KEY40}"), E::Suite, "unknown crypto suite"),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:short".into(), E::KeyLength, "invalid key parameter length"),
            (format!("1 AES_CM_128_HMAC_SHA1_80 online:{KEY40}"), E::KeyMethod, "unknown key method"),
            (line("").replace("d0Rm", "d0R*"), E::Base64, "invalid base64 encoding"),
            (line("xy"), E::KeySyntax, "invalid key parameter syntax"),
            (line("|2^0"), E::Lifetime, "invalid key lifetime"),
            (line("|2^49"), E::Lifetime, "invalid key lifetime"),
            (line("|2^64"), E::Lifetime, "invalid key lifetime"),
            (line("|0"), E::Lifetime, "invalid key lifetime"),
            (line("|281474976710657"), E::Lifetime, "invalid key lifetime"),
            (line("|1:4|2^31"), E::Mki, "invalid MKI specification"),
            (line("|x:4"), E::Mki, "invalid MKI specification"),
            (line("|2^31|4"), E::Mki, "invalid MKI specification"),
            (line("|4294967296:4"), E::Mki, "invalid MKI specification"),
            (line("|1:257"), E::MkiTooLong, "MKI too long"),
            (String::new(), E::Generic, "generic error"),
            ("1 AES_CM_128_HMAC_SHA1_80".into(), E::Generic, "generic error"),
        ] {
            assert_eq!(parse(&text), Err(error), "{text}");
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn prints_as_the_specification_says() {
        let text = format!(
            "7 AES_CM_128_HMAC_SHA1_32 inline:{KEY40}|2^20|1:4 KDR=1 UNAUTHENTICATED_SRTP UNENCRYPTED_SRTCP WSH=64 unencrypted_srtp"
        );
        let params = parse(&text).expect("valid");
        assert_eq!(
            printed(&params, CryptoPrint::default()),
            format!("7 AES_CM_128_HMAC_SHA1_32 inline:{KEY40}|1:4 UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP")
        );
        assert_eq!(
            printed(&params, CryptoPrint { pad: true, lifetime: true }),
            format!(
                "7 AES_CM_128_HMAC_SHA1_32 inline:{KEY40}|2^31|1:4 UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP"
            )
        );
        let gcm = CryptoParams::new(1, Suite::AeadAes128Gcm, &[0; 28]).expect("right length");
        assert!(printed(&gcm, CryptoPrint { pad: true, lifetime: false }).ends_with("AA=="));
        assert!(!format!("{params:?}").contains("d0Rm"));
    }

    #[test]
    fn mki_bytes_are_padded_on_the_left() {
        assert_eq!(Mki::new(0x0102, 4).map(Mki::to_bytes).as_deref(), Some([0, 0, 1, 2].as_slice()));
        assert_eq!(Mki::new(0x0102, 1).map(Mki::to_bytes).as_deref(), Some([2].as_slice()));
        assert_eq!(
            Mki::new(0x0102_0304, 6).map(Mki::to_bytes).as_deref(),
            Some([0, 0, 1, 2, 3, 4].as_slice())
        );
        assert_eq!(Mki::new(1, 0), None);
    }
}
