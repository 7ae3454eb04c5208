//! Which codecs can be encoded and decoded: asked of whoever knows, never assumed.

use std::sync::LazyLock;

use super::engine;
use super::table::{CODECS, CodecDef};

/// The directions in which a codec is implemented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Support {
    /// Audio can be encoded.
    pub encode: bool,
    /// Audio can be decoded.
    pub decode: bool,
}

impl Support {
    /// Not implemented.
    pub const NONE: Self = Self { encode: false, decode: false };
    /// Both directions.
    pub const FULL: Self = Self { encode: true, decode: true };

    /// Both directions are there.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.encode && self.decode
    }

    /// At least one direction is there.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.encode || self.decode
    }
}

/// Answers what is implemented. Negotiation takes this as an argument, so that its rules can be tried with any set of
/// engines while the daemon tells what it is really linked with.
pub trait EngineSupport {
    /// What is implemented of this row of the table.
    fn support(&self, def: &CodecDef) -> Support;
}

impl<F: Fn(&CodecDef) -> Support> EngineSupport for F {
    fn support(&self, def: &CodecDef) -> Support {
        self(def)
    }
}

/// What this build is linked with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linked;

impl EngineSupport for Linked {
    fn support(&self, def: &CodecDef) -> Support {
        // The libraries do not change while the program runs.
        static LINKED: LazyLock<[Support; CODECS.len()]> =
            LazyLock::new(|| std::array::from_fn(|row| engine::linked(&CODECS[row])));
        LINKED[def.id as usize]
    }
}

/// The text of `--codecs` for one row, without line end (`codecs.md` §1.3).
#[must_use]
pub fn support_line(def: &CodecDef, support: Support) -> String {
    let level = match support {
        Support { encode: true, decode: true } if def.clock != 0 && def.channels != 0 => "fully supported",
        Support { encode: true, decode: true } => "codec supported but lacks RTP definition",
        Support { encode: false, decode: true } => "supported for decoding only",
        Support { encode: true, decode: false } => "supported for encoding only",
        Support { encode: false, decode: false } => "not supported",
    };
    format!("{:>20}: {level}", def.name)
}

/// The lines of `--codecs`. A build without any engine for audio says so in one line.
#[must_use]
pub fn support_lines(support: &dyn EngineSupport) -> Vec<String> {
    let audio = |def: &&CodecDef| def.supplemental.is_none() && support.support(def).is_any();
    if CODECS.iter().find(audio).is_none() {
        return vec!["No codecs supported.".to_owned()];
    }
    CODECS.iter().map(|def| support_line(def, support.support(def))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::CodecId;
    use super::*;

    #[test]
    fn lines_of_the_codecs_option() {
        let some = |def: &CodecDef| match def.id {
            CodecId::Pcma | CodecId::Vorbis => Support::FULL,
            CodecId::Qcelp => Support { encode: false, decode: true },
            CodecId::Opus => Support { encode: true, decode: false },
            _ => Support::NONE,
        };
        let lines = support_lines(&some);
        assert_eq!(lines.len(), CODECS.len());
        assert_eq!(lines[0], "                PCMA: fully supported");
        for expected in [
            "              vorbis: codec supported but lacks RTP definition",
            "               QCELP: supported for decoding only",
            "                opus: supported for encoding only",
            "     telephone-event: not supported",
        ] {
            assert!(lines.iter().any(|l| l == expected), "{expected}");
        }
    }

    #[test]
    fn a_build_without_engines_supports_nothing() {
        let events = |def: &CodecDef| {
            if def.id == CodecId::TelephoneEvent { Support::FULL } else { Support::NONE }
        };
        assert_eq!(support_lines(&events), ["No codecs supported."]);
    }
}
