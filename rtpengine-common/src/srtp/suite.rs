//! The crypto suites: one table for SDP, DTLS, key handling and the kernel (media-plane.md 9.1).

/// A crypto suite. The order is the order of preference in generated offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say all there is; the table has the figures")]
pub enum Suite {
    AeadAes256Gcm,
    AeadAes128Gcm,
    Aes256CmHmacSha1_80,
    Aes256CmHmacSha1_32,
    Aes192CmHmacSha1_80,
    Aes192CmHmacSha1_32,
    AesCm128HmacSha1_80,
    AesCm128HmacSha1_32,
    F8_128HmacSha1_80,
    F8_128HmacSha1_32,
    NullHmacSha1_80,
    NullHmacSha1_32,
}

/// How payloads are enciphered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherKind {
    /// AES in counter mode, HMAC-SHA1.
    AesCm,
    /// AES in f8 mode, HMAC-SHA1.
    AesF8,
    /// AES-GCM: encryption and authentication in one.
    AesGcm,
    /// No encryption, HMAC-SHA1.
    Null,
}

/// Everything that is fixed about a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuiteInfo {
    /// The suite.
    pub suite: Suite,
    /// Name in `a=crypto` (RFC 4568, 6188, 7714, 8723).
    pub name: &'static str,
    /// Enciphering.
    pub cipher: CipherKind,
    /// Bytes of the master key and of the session key.
    pub key_len: usize,
    /// Bytes of the master salt.
    pub salt_len: usize,
    /// Bytes of the tag of an RTP packet.
    pub rtp_tag_len: usize,
    /// Bytes of the tag of an RTCP packet.
    pub rtcp_tag_len: usize,
    /// DTLS-SRTP protection profile (RFC 5764, 7714): OpenSSL's name and the registered number.
    pub dtls_profile: Option<(&'static str, u16)>,
}

const fn hmac(suite: Suite, name: &'static str, cipher: CipherKind, key_len: usize, tag: usize) -> SuiteInfo {
    SuiteInfo {
        suite,
        name,
        cipher,
        key_len,
        salt_len: 14,
        rtp_tag_len: tag,
        // Also for the suites with short RTP tags (RFC 3711 section 8.2 asks for 80 bits in RTCP).
        rtcp_tag_len: 10,
        dtls_profile: None,
    }
}

const fn gcm(suite: Suite, name: &'static str, key_len: usize, profile: (&'static str, u16)) -> SuiteInfo {
    SuiteInfo {
        suite,
        name,
        cipher: CipherKind::AesGcm,
        key_len,
        salt_len: 12,
        rtp_tag_len: 16,
        rtcp_tag_len: 16,
        dtls_profile: Some(profile),
    }
}

const fn with_profile(mut info: SuiteInfo, name: &'static str, number: u16) -> SuiteInfo {
    info.dtls_profile = Some((name, number));
    info
}

/// All suites in order of preference; the index is the enum's value.
pub static SUITES: [SuiteInfo; 12] = {
    use CipherKind::{AesCm, AesF8, Null};
    use Suite::{
        AeadAes128Gcm, AeadAes256Gcm, Aes192CmHmacSha1_32, Aes192CmHmacSha1_80, Aes256CmHmacSha1_32,
        Aes256CmHmacSha1_80, AesCm128HmacSha1_32, AesCm128HmacSha1_80, F8_128HmacSha1_32, F8_128HmacSha1_80,
        NullHmacSha1_32, NullHmacSha1_80,
    };
    [
        gcm(AeadAes256Gcm, "AEAD_AES_256_GCM", 32, ("SRTP_AEAD_AES_256_GCM", 8)),
        gcm(AeadAes128Gcm, "AEAD_AES_128_GCM", 16, ("SRTP_AEAD_AES_128_GCM", 7)),
        hmac(Aes256CmHmacSha1_80, "AES_256_CM_HMAC_SHA1_80", AesCm, 32, 10),
        hmac(Aes256CmHmacSha1_32, "AES_256_CM_HMAC_SHA1_32", AesCm, 32, 4),
        hmac(Aes192CmHmacSha1_80, "AES_192_CM_HMAC_SHA1_80", AesCm, 24, 10),
        hmac(Aes192CmHmacSha1_32, "AES_192_CM_HMAC_SHA1_32", AesCm, 24, 4),
        with_profile(
            hmac(AesCm128HmacSha1_80, "AES_CM_128_HMAC_SHA1_80", AesCm, 16, 10),
            "SRTP_AES128_CM_SHA1_80",
            1,
        ),
        with_profile(
            hmac(AesCm128HmacSha1_32, "AES_CM_128_HMAC_SHA1_32", AesCm, 16, 4),
            "SRTP_AES128_CM_SHA1_32",
            2,
        ),
        hmac(F8_128HmacSha1_80, "F8_128_HMAC_SHA1_80", AesF8, 16, 10),
        hmac(F8_128HmacSha1_32, "F8_128_HMAC_SHA1_32", AesF8, 16, 4),
        hmac(NullHmacSha1_80, "NULL_HMAC_SHA1_80", Null, 16, 10),
        hmac(NullHmacSha1_32, "NULL_HMAC_SHA1_32", Null, 16, 4),
    ]
};

impl Suite {
    /// Its line of the table.
    #[must_use]
    pub fn info(self) -> &'static SuiteInfo {
        &SUITES[self as usize]
    }

    /// Name in SDP.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The suite with this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        SUITES.iter().find(|info| info.name.eq_ignore_ascii_case(name)).map(|info| info.suite)
    }

    /// The suite of a DTLS-SRTP protection profile, by OpenSSL's name for it.
    #[must_use]
    pub fn from_dtls_profile(name: &str) -> Option<Self> {
        let has_name = |info: &&SuiteInfo| info.dtls_profile.is_some_and(|(profile, _)| profile == name);
        SUITES.iter().find(has_name).map(|info| info.suite)
    }

    /// The profiles of all suites that have one, joined with colons in order of preference: the list for
    /// DTLS's `use_srtp`.
    #[must_use]
    pub fn dtls_profiles() -> String {
        let names: Vec<_> =
            SUITES.iter().filter_map(|info| info.dtls_profile.map(|(name, _)| name)).collect();
        names.join(":")
    }

    /// Bytes of master key and salt together: what the base64 text in `a=crypto` decodes to.
    #[must_use]
    pub fn key_and_salt_len(self) -> usize {
        self.info().key_len + self.info().salt_len
    }
}
