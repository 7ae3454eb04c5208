//! Master keys, what is negotiated with them, and key derivation (RFC 3711 section 4.3).

use std::fmt;

use aes::cipher::KeyInit;
use aes::cipher::generic_array::GenericArray;
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
use arrayvec::ArrayVec;
use thiserror::Error;

use super::cipher::counter_mode;
use super::suite::Suite;

/// Longest master key.
const MAX_KEY: usize = 32;
/// Longest master salt.
pub(super) const MAX_SALT: usize = 14;

/// Key material that does not fit the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Master key and salt have another length than the suite wants.
    #[error("wrong length of SRTP key material ({length}, expected {expected})")]
    Length {
        /// Bytes given.
        length: usize,
        /// Bytes wanted.
        expected: usize,
    },
    /// A master key identifier has at most 255 bytes.
    #[error("MKI longer than 255 bytes")]
    MkiLength,
}

/// Master key and master salt of one direction.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    key: ArrayVec<u8, MAX_KEY>,
    salt: ArrayVec<u8, MAX_SALT>,
}

impl MasterKey {
    /// From key and salt one after the other, as `a=crypto` has them.
    ///
    /// # Errors
    /// [`KeyError::Length`] when the length is not the suite's.
    pub fn from_bytes(suite: Suite, key_and_salt: &[u8]) -> Result<Self, KeyError> {
        let wrong = KeyError::Length { length: key_and_salt.len(), expected: suite.key_and_salt_len() };
        let (key, salt) = key_and_salt.split_at_checked(suite.info().key_len).ok_or(wrong)?;
        Self::from_parts(suite, key, salt).map_err(|_| wrong)
    }

    /// From key and salt.
    ///
    /// # Errors
    /// [`KeyError::Length`] when a length is not the suite's.
    pub fn from_parts(suite: Suite, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        let wrong = KeyError::Length { length: key.len() + salt.len(), expected: suite.key_and_salt_len() };
        if key.len() != suite.info().key_len || salt.len() != suite.info().salt_len {
            return Err(wrong);
        }
        let key = key.try_into().map_err(|_| wrong)?;
        let salt = salt.try_into().map_err(|_| wrong)?;
        Ok(Self { key, salt })
    }

    /// A new key; `random` fills the bytes it is given.
    pub fn generate(suite: Suite, random: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = [0; MAX_KEY + MAX_SALT];
        random(&mut bytes);
        let (key, salt) = bytes.split_at(MAX_KEY);
        let mut this = Self { key: ArrayVec::new(), salt: ArrayVec::new() };
        append(&mut this.key, key.get(..suite.info().key_len).unwrap_or(key));
        append(&mut this.salt, salt.get(..suite.info().salt_len).unwrap_or(salt));
        this
    }

    /// Both directions' keys from what the DTLS exporter gives: client key, server key, client salt,
    /// server salt (RFC 5764 section 4.2). Returns the client's and the server's.
    ///
    /// # Errors
    /// [`KeyError::Length`] when there are other than twice [`Suite::key_and_salt_len`] bytes.
    pub fn from_dtls(suite: Suite, exported: &[u8]) -> Result<(Self, Self), KeyError> {
        let wrong = KeyError::Length { length: exported.len(), expected: 2 * suite.key_and_salt_len() };
        let (keys, salts) = exported.split_at_checked(2 * suite.info().key_len).ok_or(wrong)?;
        let (client_key, server_key) = keys.split_at(suite.info().key_len);
        let (client_salt, server_salt) = salts.split_at_checked(suite.info().salt_len).ok_or(wrong)?;
        let client = Self::from_parts(suite, client_key, client_salt).map_err(|_| wrong)?;
        let server = Self::from_parts(suite, server_key, server_salt).map_err(|_| wrong)?;
        Ok((client, server))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Key and salt one after the other, as `a=crypto` wants them.
    #[must_use]
    pub fn to_bytes(&self) -> ArrayVec<u8, { MAX_KEY + MAX_SALT }> {
        let mut bytes = ArrayVec::new();
        append(&mut bytes, &self.key);
        append(&mut bytes, &self.salt);
        bytes
    }

    /// Fills `out` with key material of the given label: the key stream of AES in counter mode under the
    /// master key, from the master salt with the label in it (RFC 3711 section 4.3.1, derivation rate 0).
    pub(super) fn derive(&self, label: u8, out: &mut [u8]) {
        let mut iv = [0; 16];
        // A 12-byte salt is padded with zeros on the right (RFC 7714 section 11).
        for (byte, salt) in iv.iter_mut().zip(&self.salt) {
            *byte = *salt;
        }
        iv[7] ^= label;
        out.fill(0);
        match self.key.len() {
            16 => counter_mode(&Aes128Enc::new(GenericArray::from_slice(&self.key)), iv, out),
            24 => counter_mode(&Aes192Enc::new(GenericArray::from_slice(&self.key)), iv, out),
            _ => counter_mode(&Aes256Enc::new(GenericArray::from_slice(&self.key)), iv, out),
        }
    }
}

/// Appends to what has room for it by its type.
fn append<const N: usize>(to: &mut ArrayVec<u8, N>, bytes: &[u8]) {
    let fits = to.try_extend_from_slice(bytes);
    debug_assert!(fits.is_ok());
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// Master key identifier: the bytes put into each packet; empty when none was negotiated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mki(Option<Box<[u8]>>);

impl Mki {
    /// An identifier of 0 to 255 bytes.
    ///
    /// # Errors
    /// [`KeyError::MkiLength`] when it is longer.
    pub fn new(value: &[u8]) -> Result<Self, KeyError> {
        match value.len() {
            0 => Ok(Self(None)),
            1..=255 => Ok(Self(Some(value.into()))),
            _ => Err(KeyError::MkiLength),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Session parameters of RFC 4568 section 6.3 that change packets; per direction as negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionParameters {
    /// `UNENCRYPTED_SRTP`: RTP payloads stay plain.
    pub unencrypted_srtp: bool,
    /// `UNENCRYPTED_SRTCP`: RTCP stays plain, its E bit 0.
    pub unencrypted_srtcp: bool,
    /// `UNAUTHENTICATED_SRTP`: RTP packets have no tag.
    pub unauthenticated_srtp: bool,
}

/// Everything that decides about the packets of one direction. Two directions with equal parameters
/// produce the same bytes, so packets may pass untouched between them (media-plane.md 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Crypto suite.
    pub suite: Suite,
    /// Master key and salt.
    pub key: MasterKey,
    /// Master key identifier.
    pub mki: Mki,
    /// Session parameters.
    pub session: SessionParameters,
}

impl Parameters {
    /// Parameters with neither MKI nor session parameters, as DTLS negotiates them.
    #[must_use]
    pub fn plain(suite: Suite, key: MasterKey) -> Self {
        Self { suite, key, mki: Mki::default(), session: SessionParameters::default() }
    }
}
