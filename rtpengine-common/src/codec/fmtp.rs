//! Format parameters (`a=fmtp`) of `key=value` kind, and those of opus (`codecs.md` §§13, 17.2).

use std::fmt;

/// The `key=value` pairs of a parameter text: split at `;`, blanks around keys and values dropped, pairs without `=`
/// skipped (`codecs.md` §13(4)).
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some((key.trim(), value.trim()))
    })
}

/// A flag: anything but `0` and `1` counts as absent.
#[must_use]
pub fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// A number: 0 and what is not decimal (or beyond 31 bits) counts as absent.
#[must_use]
pub fn number(value: &str) -> Option<u32> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    let parsed = if digits { value.parse::<u32>().ok() } else { None };
    parsed.filter(|&n| n != 0 && n <= i32::MAX.unsigned_abs())
}

/// Writes list items with `; ` between them.
pub(super) struct Joined<'a, W: fmt::Write> {
    out: &'a mut W,
    first: bool,
}

impl<'a, W: fmt::Write> Joined<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Self { out, first: true }
    }

    pub(super) fn item(&mut self, key: &str, value: impl fmt::Display) -> fmt::Result {
        if !self.first {
            self.out.write_str("; ")?;
        }
        self.first = false;
        write!(self.out, "{key}={value}")
    }
}

/// Parameters of opus (RFC 7587 §6.1). `None` and 0 mean "not given".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opus {
    /// The peer wants to receive stereo.
    pub stereo: Option<bool>,
    /// The peer will send stereo.
    pub sprop_stereo: Option<bool>,
    /// The peer wants to receive in-band forward error correction.
    pub useinbandfec: Option<bool>,
    /// The peer wants discontinuous transmission.
    pub usedtx: Option<bool>,
    /// The peer wants constant bit rate.
    pub cbr: Option<bool>,
    /// Highest rate the peer can play, Hz.
    pub maxplaybackrate: Option<u32>,
    /// Highest average bit rate the peer wants, bit/s.
    pub maxaveragebitrate: Option<u32>,
    /// Highest rate the peer captures, Hz.
    pub sprop_maxcapturerate: Option<u32>,
    /// Shortest packet time, ms.
    pub minptime: Option<u32>,
}

impl Opus {
    /// Reads the parameter text; unknown keys are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut opus = Self::default();
        for (key, value) in pairs(text) {
            match key {
                "stereo" => opus.stereo = flag(value),
                "sprop-stereo" => opus.sprop_stereo = flag(value),
                "useinbandfec" => opus.useinbandfec = flag(value),
                "usedtx" => opus.usedtx = flag(value),
                "cbr" => opus.cbr = flag(value),
                "maxplaybackrate" => opus.maxplaybackrate = number(value),
                "maxaveragebitrate" => opus.maxaveragebitrate = number(value),
                "sprop-maxcapturerate" => opus.sprop_maxcapturerate = number(value),
                "minptime" => opus.minptime = number(value),
                _ => {}
            }
        }
        opus
    }

    /// What the answer to an offer with these parameters says when opus is transcoded (`codecs.md` §17.2(3)).
    /// `mono_source`: the codec that is transcoded into opus has one channel.
    #[must_use]
    pub fn answer(self, mono_source: bool) -> Self {
        Self {
            stereo: Some(self.sprop_stereo.unwrap_or(!mono_source)),
            sprop_stereo: self.stereo,
            // What the peer sends cannot be told in SDP, so after the swap the receive side is always unset.
            useinbandfec: Some(true),
            ..Self::default()
        }
    }
}

impl fmt::Display for Opus {
    /// In the fixed order of `codecs.md` §13(3); empty when nothing is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = Joined::new(f);
        let flags = [
            ("stereo", self.stereo),
            ("sprop-stereo", self.sprop_stereo),
            ("useinbandfec", self.useinbandfec),
            ("usedtx", self.usedtx),
            ("cbr", self.cbr),
        ];
        for (key, value) in flags {
            if let Some(value) = value {
                list.item(key, u8::from(value))?;
            }
        }
        let numbers = [
            ("maxplaybackrate", self.maxplaybackrate),
            ("maxaveragebitrate", self.maxaveragebitrate),
            ("sprop-maxcapturerate", self.sprop_maxcapturerate),
            ("minptime", self.minptime),
        ];
        for (key, value) in numbers {
            if let Some(value) = value {
                list.item(key, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reprint(text: &str) -> String {
        Opus::parse(text).to_string()
    }

    /// `codecs.md` §13(3): the order is fixed, flags print only when given, unknown keys vanish.
    #[test]
    fn rule_13_3_opus_order() {
        assert_eq!(
            reprint(
                "minptime=10;maxaveragebitrate=20000; cbr=0;usedtx=1 ; x=1;sprop-maxcapturerate=16000;\
                 maxplaybackrate=48000;useinbandfec=1;sprop-stereo=0;stereo=1"
            ),
            "stereo=1; sprop-stereo=0; useinbandfec=1; usedtx=1; cbr=0; maxplaybackrate=48000; \
             maxaveragebitrate=20000; sprop-maxcapturerate=16000; minptime=10"
        );
        assert_eq!(reprint(""), "");
    }

    /// `codecs.md` §13(4).
    #[test]
    fn rule_13_4_what_counts_as_absent() {
        assert_eq!(reprint("stereo=2; STEREO=1; useinbandfec; minptime=0; maxplaybackrate=fast; cbr=+1"), "");
        assert_eq!(reprint(" stereo = 1 ;; =; minptime= 20"), "stereo=1; minptime=20");
        assert_eq!(reprint("minptime=99999999999999999999"), "");
        assert_eq!(reprint("minptime=+20;maxplaybackrate=-8000"), "");
    }

    /// `codecs.md` §17.2(3), both examples and the rule that everything else is dropped.
    #[test]
    fn rule_17_2_3_answer_conversion() {
        let answer = |text: &str, mono| Opus::parse(text).answer(mono).to_string();
        assert_eq!(answer("", true), "stereo=0; useinbandfec=1");
        assert_eq!(answer("stereo=1", true), "stereo=0; sprop-stereo=1; useinbandfec=1");
        assert_eq!(answer("", false), "stereo=1; useinbandfec=1");
        assert_eq!(answer("sprop-stereo=1", true), "stereo=1; useinbandfec=1");
        assert_eq!(
            answer("useinbandfec=0;usedtx=1;cbr=1;maxplaybackrate=8000;minptime=10", true),
            "stereo=0; useinbandfec=1"
        );
    }
}
