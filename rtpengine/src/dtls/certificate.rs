//! The daemon's certificate (media-plane.md §10.1). Nobody but SDP vouches for it: peers compare its fingerprint with what was
//! signalled (RFC 8122).

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name, X509NameRef, X509Ref};
use rtpengine_common::sdp::{Fingerprint, FingerprintHash};

const DAY_S: i64 = 24 * 60 * 60;

/// Clocks of peers may lag: valid since yesterday.
const VALID_BEFORE_S: i64 = DAY_S;

/// Valid for so long.
const VALID_AFTER_S: i64 = 30 * DAY_S;

/// Less than this left: time for a new one.
const RENEW_WITHIN_S: i64 = (VALID_BEFORE_S + VALID_AFTER_S) / 2;

/// A common name longer than this is cut (RFC 5280, ub-common-name, less one).
const MAX_COMMON_NAME: usize = 63;

/// Version 1 (X.509 counts from 0): there is no extension to carry.
const X509_V1: i32 = 0;

const HASHES: [FingerprintHash; 5] = [
    FingerprintHash::Sha1,
    FingerprintHash::Sha224,
    FingerprintHash::Sha256,
    FingerprintHash::Sha384,
    FingerprintHash::Sha512,
];

/// Kind of the private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Elliptic curve P-256.
    Prime256v1,
    /// RSA with a modulus of so many bits.
    Rsa(u32),
}

/// Hash of the certificate's own signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureHash {
    /// SHA-256.
    Sha256,
    /// SHA-1.
    Sha1,
}

impl SignatureHash {
    fn digest(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha1 => MessageDigest::sha1(),
        }
    }
}

/// How certificates are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateOptions {
    /// `--dtls-cert-cipher`, `--dtls-rsa-key-size`
    pub key: KeyKind,
    /// `--dtls-signature`
    pub signature: SignatureHash,
    /// Subject and issuer: the software id, of which 63 bytes are used.
    pub common_name: String,
}

/// A self-signed certificate with its private key.
pub struct Certificate {
    x509: X509,
    key: PKey<Private>,
    fingerprints: [Fingerprint; HASHES.len()],
    expires_s: i64,
}

impl Certificate {
    /// Makes a new one, valid from a day before `now_s` (Unix seconds).
    ///
    /// # Errors
    /// When the library cannot make such a key or certificate.
    pub fn generate(options: &CertificateOptions, now_s: i64) -> Result<Self, ErrorStack> {
        let key = private_key(options.key)?;
        let name = common_name(&options.common_name)?;
        let x509 = self_signed(&key, &name, options.signature, now_s)?;
        let fingerprints = [
            fingerprint_of(&x509, HASHES[0])?,
            fingerprint_of(&x509, HASHES[1])?,
            fingerprint_of(&x509, HASHES[2])?,
            fingerprint_of(&x509, HASHES[3])?,
            fingerprint_of(&x509, HASHES[4])?,
        ];
        Ok(Self { x509, key, fingerprints, expires_s: now_s.saturating_add(VALID_AFTER_S) })
    }

    /// Its fingerprint by one hash.
    #[must_use]
    pub fn fingerprint(&self, hash: FingerprintHash) -> &Fingerprint {
        // The table is in the order of the type, of which a test makes sure.
        &self.fingerprints[hash as usize]
    }

    /// Whether less than half of its life is left at `now_s` (Unix seconds).
    #[must_use]
    pub fn is_due(&self, now_s: i64) -> bool {
        self.expires_s.saturating_sub(now_s) < RENEW_WITHIN_S
    }

    /// The certificate itself.
    #[must_use]
    pub fn x509(&self) -> &X509Ref {
        &self.x509
    }

    pub(super) fn key(&self) -> &PKey<Private> {
        &self.key
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fingerprint = self.fingerprint(FingerprintHash::Sha256).to_string();
        f.debug_struct("Certificate").field("fingerprint", &fingerprint).finish_non_exhaustive()
    }
}

/// The fingerprint of any certificate.
pub(super) fn fingerprint_of(x509: &X509Ref, hash: FingerprintHash) -> Result<Fingerprint, ErrorStack> {
    let digest = x509.digest(match hash {
        FingerprintHash::Sha1 => MessageDigest::sha1(),
        FingerprintHash::Sha224 => MessageDigest::sha224(),
        FingerprintHash::Sha256 => MessageDigest::sha256(),
        FingerprintHash::Sha384 => MessageDigest::sha384(),
        FingerprintHash::Sha512 => MessageDigest::sha512(),
    })?;
    // A digest always has its hash's length; another one would be the library's failure.
    Fingerprint::new(hash, &digest).ok_or_else(ErrorStack::get)
}

fn private_key(kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
    match kind {
        KeyKind::Prime256v1 => {
            let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
            PKey::from_ec_key(EcKey::generate(&group)?)
        }
        KeyKind::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits)?),
    }
}

fn common_name(text: &str) -> Result<X509Name, ErrorStack> {
    let mut end = text.len().min(MAX_COMMON_NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, &text[..end])?;
    Ok(name.build())
}

fn self_signed(
    key: &PKey<Private>,
    name: &X509NameRef,
    signature: SignatureHash,
    now_s: i64,
) -> Result<X509, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(64, MsbOption::MAYBE_ZERO, false)?;
    let since = Asn1Time::from_unix(now_s.saturating_sub(VALID_BEFORE_S))?;
    let until = Asn1Time::from_unix(now_s.saturating_add(VALID_AFTER_S))?;
    let mut builder = X509::builder()?;
    builder.set_version(X509_V1)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(name)?;
    builder.set_issuer_name(name)?;
    builder.set_not_before(&since)?;
    builder.set_not_after(&until)?;
    builder.set_pubkey(key)?;
    builder.sign(key, signature.digest())?;
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::pkey::Id;

    const NOW: i64 = 1_700_000_000;

    fn options(key: KeyKind, signature: SignatureHash) -> CertificateOptions {
        CertificateOptions { key, signature, common_name: "rtpengine-1-0".into() }
    }

    fn elliptic() -> Certificate {
        Certificate::generate(&options(KeyKind::Prime256v1, SignatureHash::Sha256), NOW).expect("generates")
    }

    #[test]
    fn has_the_form_of_section_10_1() {
        let certificate = elliptic();
        let x509 = certificate.x509();
        assert_eq!(x509.version(), X509_V1);
        assert_eq!(x509.public_key().expect("a key").id(), Id::EC);
        assert_eq!(x509.signature_algorithm().object().nid(), Nid::ECDSA_WITH_SHA256);
        for name in [x509.subject_name(), x509.issuer_name()] {
            let entries: Vec<_> = name.entries().collect();
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].object().nid(), Nid::COMMONNAME);
            assert_eq!(entries[0].data().as_slice(), b"rtpengine-1-0");
        }
        let day = |days: i64| Asn1Time::from_unix(NOW + days * DAY_S).expect("a time");
        assert!(x509.not_before() == day(-1) && x509.not_after() == day(30));
        assert!(x509.verify(certificate.key()).expect("verifies"));
    }

    #[test]
    fn serial_numbers_and_keys_differ() {
        let (one, other) = (elliptic(), elliptic());
        let serial = |c: &Certificate| c.x509().serial_number().to_bn().expect("a number");
        assert_ne!(serial(&one), serial(&other));
        assert!(serial(&one).num_bits() <= 64);
        let hash = FingerprintHash::Sha256;
        assert_ne!(one.fingerprint(hash), other.fingerprint(hash));
    }

    #[test]
    fn rsa_and_sha1_on_request() {
        let rsa =
            Certificate::generate(&options(KeyKind::Rsa(2048), SignatureHash::Sha1), NOW).expect("made");
        let key = rsa.x509().public_key().expect("a key");
        assert_eq!((key.id(), key.bits()), (Id::RSA, 2048));
        assert_eq!(rsa.x509().signature_algorithm().object().nid(), Nid::SHA1WITHRSAENCRYPTION);
    }

    #[test]
    fn impossible_keys_are_refused() {
        assert!(Certificate::generate(&options(KeyKind::Rsa(0), SignatureHash::Sha256), NOW).is_err());
    }

    #[test]
    fn fingerprints_are_those_of_the_encoded_certificate() {
        let certificate = elliptic();
        let encoded = certificate.x509().to_der().expect("encodes");
        let digests = [
            MessageDigest::sha1(),
            MessageDigest::sha224(),
            MessageDigest::sha256(),
            MessageDigest::sha384(),
            MessageDigest::sha512(),
        ];
        for (at, (hash, digest)) in HASHES.into_iter().zip(digests).enumerate() {
            assert_eq!(hash as usize, at);
            let fingerprint = certificate.fingerprint(hash);
            assert_eq!(fingerprint.hash(), hash);
            assert_eq!(
                fingerprint.digest(),
                &*openssl::hash::hash(digest, &encoded).expect("hashes"),
                "{}",
                hash.name()
            );
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = CertificateOptions {
            common_name: format!("{}é{}", "x".repeat(62), "y".repeat(20)),
            ..options(KeyKind::Prime256v1, SignatureHash::Sha256)
        };
        let certificate = Certificate::generate(&long, NOW).expect("generates");
        let name = certificate.x509().subject_name().entries().next().expect("a name");
        assert_eq!(name.data().as_slice(), "x".repeat(62).as_bytes());
    }

    #[test]
    fn is_due_when_less_than_half_is_left() {
        let certificate = elliptic();
        let half = NOW + VALID_AFTER_S - RENEW_WITHIN_S;
        assert!(!certificate.is_due(NOW));
        assert!(!certificate.is_due(half));
        assert!(certificate.is_due(half + 1));
        assert!(certificate.is_due(i64::MAX));
    }
}
