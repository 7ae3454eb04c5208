//! User fragment and password (RFC 8445 section 5.3).

use std::cell::OnceCell;

use rtpengine_common::stun::IntegrityKey;

use crate::call::ctx::Random;

/// Length of our user fragments.
const UFRAG_LEN: usize = 8;
/// Length of our passwords.
const PWD_LEN: usize = 26;

/// Short-term credentials of one side.
#[derive(Clone)]
pub struct Credentials {
    ufrag: Box<str>,
    pwd: Box<str>,
    /// Made when it is needed first: many calls end before a check is sent or answered.
    key: OnceCell<IntegrityKey>,
}

impl Credentials {
    /// Credentials as signalled.
    #[must_use]
    pub fn new(ufrag: &str, pwd: &str) -> Self {
        Self { ufrag: ufrag.into(), pwd: pwd.into(), key: OnceCell::new() }
    }

    /// New ones: 8 and 26 random letters and digits.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        Self::new(&alphanumeric(random, UFRAG_LEN), &alphanumeric(random, PWD_LEN))
    }

    /// User fragment.
    #[must_use]
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Password.
    #[must_use]
    pub fn pwd(&self) -> &str {
        &self.pwd
    }

    /// The password as a key for MESSAGE-INTEGRITY.
    pub(super) fn key(&self) -> &IntegrityKey {
        self.key.get_or_init(|| IntegrityKey::new(self.pwd.as_bytes()))
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.ufrag == other.ufrag && self.pwd == other.pwd
    }
}

impl Eq for Credentials {}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

fn alphanumeric(random: &mut dyn Random, len: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut character = || {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        // The remainder of 32 bits favours some characters by one part in 2^26.
        let place = u32::from_le_bytes(bytes) as usize % ALPHABET.len();
        char::from(ALPHABET.get(place).copied().unwrap_or(b'0'))
    };
    (0..len).map(|_| character()).collect()
}
