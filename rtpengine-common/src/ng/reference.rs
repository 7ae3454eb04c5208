//! The reference list for the manual: the rows of the tables that drive parsing, as plain text.

use super::request::keys::{KEYS, Kind};
use super::request::prefixes::PREFIXES;
use super::request::words::{Effect, Word, WordList};
use super::request::{Group, flag_words};

/// What the daemon parses and keeps without acting on it yet. Every name is the first spelling of a key or flag.
///
/// Whoever makes one of them work takes it off this list; the manual follows.
const NOT_YET_EFFECTIVE: &[&str] = &[
    // Recording.
    "record-call",
    "discard-recording",
    "exclude-recording",
    "skip-recording-db",
    "recording-vsc",
    "recording-file",
    "recording-path",
    "recording-pattern",
    "recording-media-slots",
    "recording-media-slot-offer",
    "recording-media-slot-answer",
    "vsc-start-rec",
    "vsc-stop-rec",
    "vsc-start-stop-rec",
    "vsc-pause-rec",
    "vsc-pause-resume-rec",
    "vsc-start-pause-resume-rec",
    // Redis, and the call-back of timed-out calls.
    "no-redis-update",
    "xmlrpc-callback",
];

/// A key of the request dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Which part of the list it belongs to.
    pub group: Group,
    /// The usual spelling.
    pub name: &'static str,
    /// The other spellings. Beside these a blank may stand for every hyphen.
    pub synonyms: Vec<&'static str>,
    /// The type of the value.
    pub value_type: &'static str,
    /// The values, if they are a closed list.
    pub values: Vec<ValueRow>,
    /// What else is to be said about values.
    pub note: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    /// Whether the daemon acts on it.
    pub effective: bool,
}

/// A value of a key, or a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRow {
    /// The usual spelling.
    pub name: &'static str,
    /// The other spellings. Beside these a blank may stand for every hyphen.
    pub synonyms: Vec<&'static str>,
    /// A few words; empty where the name says it.
    pub meaning: &'static str,
    /// Whether the daemon acts on it.
    pub effective: bool,
    /// Whether it is accepted because agents send it, without effect for good.
    pub obsolete: bool,
}

/// A flag that carries a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixRow {
    /// The spellings, with `X` for the value.
    pub forms: Vec<String>,
    /// The key it equals.
    pub equals: &'static str,
    /// Whether it exists in `offer`, `subscribe request` and `publish` only.
    pub offers_only: bool,
}

/// All keys, in the order of the manual.
pub fn keys() -> Vec<KeyRow> {
    let mut rows: Vec<_> = KEYS
        .iter()
        .map(|key| {
            let (value_type, values, note) = describe(key.kind);
            let (name, synonyms) = spellings(key.names);
            let effective = !NOT_YET_EFFECTIVE.contains(&name);
            KeyRow {
                group: key.group,
                name,
                synonyms,
                value_type,
                values,
                note,
                meaning: key.meaning,
                effective,
            }
        })
        .collect();
    rows.sort_by_key(|row| row.group);
    rows
}

/// All words of the `flags` list.
pub fn flags() -> Vec<ValueRow> {
    flag_words()
        .filter(|word| !word.names.is_empty())
        .map(value_row)
        .map(|row| ValueRow { effective: !NOT_YET_EFFECTIVE.contains(&row.name), ..row })
        .collect()
}

/// All flags that carry a value.
pub fn prefixes() -> Vec<PrefixRow> {
    PREFIXES
        .iter()
        .map(|form| PrefixRow {
            forms: form.prefixes.iter().map(|prefix| format!("{prefix}X")).collect(),
            equals: form.equals,
            offers_only: form.offers_only,
        })
        .collect()
}

fn describe(kind: Kind) -> (&'static str, Vec<ValueRow>, &'static str) {
    match kind {
        Kind::Text(_) => ("string", Vec::new(), ""),
        Kind::Integer(_) => ("integer", Vec::new(), ""),
        Kind::Word(list) => ("string", value_rows(list), ""),
        Kind::Words(list) => ("list or string", value_rows(list), ""),
        Kind::Strings(_) => ("list", Vec::new(), ""),
        Kind::Custom(_, (value_type, note)) => (value_type, Vec::new(), note),
        Kind::Ignored => ("", Vec::new(), ""),
    }
}

fn value_rows(list: &WordList) -> Vec<ValueRow> {
    let others = list.other_forms.iter().map(|form| ValueRow {
        name: form,
        synonyms: Vec::new(),
        meaning: "",
        effective: true,
        obsolete: false,
    });
    list.words.iter().map(value_row).chain(others).collect()
}

fn value_row(word: &Word) -> ValueRow {
    let (name, synonyms) = spellings(word.names);
    ValueRow {
        name,
        synonyms,
        meaning: word.meaning,
        effective: true,
        obsolete: matches!(word.effect, Effect::Obsolete),
    }
}

fn spellings(names: &'static [&'static str]) -> (&'static str, Vec<&'static str>) {
    match names {
        [name, synonyms @ ..] => (name, synonyms.to_vec()),
        [] => ("", Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_complete() {
        for row in keys() {
            assert!(!row.name.is_empty() && row.meaning.ends_with('.'), "{row:?}");
        }
        for row in flags() {
            assert!(row.meaning.ends_with('.'), "{row:?}");
        }
        for row in prefixes() {
            assert!(row.forms.iter().all(|form| form.ends_with("-X")), "{row:?}");
        }
    }

    #[test]
    fn no_spelling_occurs_twice() {
        let mut seen = HashSet::new();
        for name in KEYS.iter().flat_map(|key| key.names) {
            assert!(seen.insert(name), "key {name}");
        }
        seen.clear();
        for name in flag_words().flat_map(|word| word.names) {
            assert!(seen.insert(name), "flag {name}");
        }
    }

    #[test]
    fn what_is_not_yet_effective_exists() {
        assert!(keys().iter().any(|row| row.name == "record-call" && !row.effective));
        assert!(keys().iter().any(|row| row.name == "sdp" && row.effective));
        let known: HashSet<_> =
            keys().iter().map(|row| row.name).chain(flags().iter().map(|row| row.name)).collect();
        for name in NOT_YET_EFFECTIVE {
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn names_hold_no_blank() {
        for name in KEYS.iter().flat_map(|key| key.names).chain(flag_words().flat_map(|word| word.names)) {
            assert!(!name.contains(' '), "{name}");
        }
    }
}
