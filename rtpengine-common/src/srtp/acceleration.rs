//! Whether the processor has instructions for what SRTP computes.

use std::fmt;

/// What runs on instructions made for it. The cipher crates ask the processor the same questions at run time and fall back to
/// portable code, which takes several times as long per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceleration {
    /// The cipher of all suites but NULL.
    pub aes: bool,
    /// Authentication of the suites with HMAC.
    pub sha1: bool,
    /// Authentication of the AEAD suites.
    pub ghash: bool,
}

impl Acceleration {
    /// What this processor has.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        return Self {
            aes: is_x86_feature_detected!("aes"),
            sha1: is_x86_feature_detected!("sha")
                && is_x86_feature_detected!("sse2")
                && is_x86_feature_detected!("ssse3")
                && is_x86_feature_detected!("sse4.1"),
            ghash: is_x86_feature_detected!("pclmulqdq"),
        };
        // Elsewhere the crates as they are built here use portable code.
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        return Self { aes: false, sha1: false, ghash: false };
    }

    /// Whether nothing runs on portable code.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.aes && self.sha1 && self.ghash
    }
}

impl fmt::Display for Acceleration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |hardware| if hardware { "hardware" } else { "software" };
        write!(f, "AES in {}, SHA-1 in {}, GHASH in {}", word(self.aes), word(self.sha1), word(self.ghash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn agrees_with_the_kernel() {
        let Ok(text) = std::fs::read_to_string("/proc/cpuinfo") else { return };
        let Some(flags) = text.lines().find_map(|line| line.strip_prefix("flags")) else { return };
        let has = |name: &str| flags.split_whitespace().any(|flag| flag == name);
        let found = Acceleration::detect();
        assert_eq!(found.aes, has("aes"));
        assert_eq!(found.sha1, has("sha_ni") && has("ssse3") && has("sse4_1"));
        assert_eq!(found.ghash, has("pclmulqdq"));
    }

    #[test]
    fn says_what_is_in_hardware() {
        let some = Acceleration { aes: true, sha1: false, ghash: true };
        assert_eq!(some.to_string(), "AES in hardware, SHA-1 in software, GHASH in hardware");
        assert!(!some.is_complete());
    }
}
