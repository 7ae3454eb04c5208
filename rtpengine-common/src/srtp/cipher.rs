//! Keyed ciphers and the three modes they run in. Key schedules are made once and only borrowed per
//! packet.

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockCipher, BlockEncrypt, InnerIvInit, KeyInit, StreamCipherCore};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
use aes_gcm::aead::consts::U16;
use aes_gcm::{AeadInPlace, Aes128Gcm, Aes256Gcm};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;

use super::keys::MAX_SALT;
use super::suite::CipherKind;

/// A keyed cipher of one suite.
pub(super) enum Cipher {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
    /// Two key schedules, and hardly used: not worth making every context larger.
    F8(Box<F8>),
    Gcm128(Aes128Gcm),
    Gcm256(Aes256Gcm),
    Null,
}

impl Cipher {
    /// `key` has the length of the suite's key: 16, 24 or 32 bytes.
    pub(super) fn new(kind: CipherKind, key: &[u8], salt: &[u8]) -> Self {
        match (kind, key.len()) {
            (CipherKind::Null, _) => Self::Null,
            (CipherKind::AesF8, _) => Self::F8(Box::new(F8::new(key, salt))),
            (CipherKind::AesCm, 16) => Self::Aes128(Aes128Enc::new(GenericArray::from_slice(key))),
            (CipherKind::AesCm, 24) => Self::Aes192(Aes192Enc::new(GenericArray::from_slice(key))),
            (CipherKind::AesCm, _) => Self::Aes256(Aes256Enc::new(GenericArray::from_slice(key))),
            (CipherKind::AesGcm, 16) => Self::Gcm128(Aes128Gcm::new(GenericArray::from_slice(key))),
            (CipherKind::AesGcm, _) => Self::Gcm256(Aes256Gcm::new(GenericArray::from_slice(key))),
        }
    }

    /// Enciphers or deciphers in counter mode; the other modes have functions of their own.
    pub(super) fn apply_counter_mode(&self, iv: [u8; 16], data: &mut [u8]) {
        match self {
            Self::Aes128(cipher) => counter_mode(cipher, iv, data),
            Self::Aes192(cipher) => counter_mode(cipher, iv, data),
            Self::Aes256(cipher) => counter_mode(cipher, iv, data),
            Self::F8(_) | Self::Gcm128(_) | Self::Gcm256(_) | Self::Null => {}
        }
    }

    /// Enciphers in GCM and gives the tag; `None` when this is no GCM cipher or the data too long.
    pub(super) fn seal(&self, nonce: [u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        let nonce = GenericArray::from_slice(&nonce);
        let tag: GenericArray<u8, U16> = match self {
            Self::Gcm128(cipher) => cipher.encrypt_in_place_detached(nonce, aad, data).ok()?,
            Self::Gcm256(cipher) => cipher.encrypt_in_place_detached(nonce, aad, data).ok()?,
            _ => return None,
        };
        Some(tag.into())
    }

    /// Deciphers in GCM; `None` leaves the data as it was.
    pub(super) fn open(&self, nonce: [u8; 12], aad: &[u8], data: &mut [u8], tag: &[u8; 16]) -> Option<()> {
        let (nonce, tag) = (GenericArray::from_slice(&nonce), GenericArray::from_slice(tag));
        match self {
            Self::Gcm128(cipher) => cipher.decrypt_in_place_detached(nonce, aad, data, tag).ok(),
            Self::Gcm256(cipher) => cipher.decrypt_in_place_detached(nonce, aad, data, tag).ok(),
            _ => None,
        }
    }
}

/// XORs the key stream of AES in counter mode onto the data.
pub(super) fn counter_mode<C>(cipher: &C, iv: [u8; 16], data: &mut [u8])
where
    C: BlockEncrypt + BlockCipher<BlockSize = U16>,
{
    let iv = GenericArray::from(iv);
    CtrCore::<&C, Ctr128BE>::inner_iv_init(cipher, &iv).apply_keystream_partial(data.into());
}

/// AES in f8 mode (RFC 3711 section 4.1.2).
pub(super) struct F8 {
    key: Aes128Enc,
    masked: Aes128Enc,
}

impl F8 {
    pub(super) fn new(key: &[u8], salt: &[u8]) -> Self {
        let mut masked = [0x55; 16];
        for (byte, salt) in masked.iter_mut().zip(salt.iter().take(MAX_SALT)) {
            *byte = *salt;
        }
        for (byte, key) in masked.iter_mut().zip(key) {
            *byte ^= *key;
        }
        Self {
            key: Aes128Enc::new(GenericArray::from_slice(key)),
            masked: Aes128Enc::new(GenericArray::from_slice(&masked)),
        }
    }

    /// Enciphers or deciphers.
    pub(super) fn apply(&self, iv: [u8; 16], data: &mut [u8]) {
        let mut start = GenericArray::from(iv);
        self.masked.encrypt_block(&mut start);
        let mut stream = GenericArray::from([0_u8; 16]);
        for (counter, chunk) in (0_u128..).zip(data.chunks_mut(16)) {
            for ((byte, start), counter) in stream.iter_mut().zip(&start).zip(counter.to_be_bytes()) {
                *byte ^= start ^ counter;
            }
            self.key.encrypt_block(&mut stream);
            for (byte, stream) in chunk.iter_mut().zip(&stream) {
                *byte ^= stream;
            }
        }
    }
}
