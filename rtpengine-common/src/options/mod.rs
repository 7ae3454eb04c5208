//! The machinery of option tables.
//!
//! A program declares each of its options once, as an [`OptionDef`] in a static table. From that one row come the
//! command line and `--help` ([`command`]), the configuration-file key ([`values`]), the range checks, the manual
//! page and the sample configuration ([`document`]). The grammar is spec/operations.md §3.1 and §4.

pub mod command;
pub mod document;
pub mod not_built;
pub mod values;

pub use command::{CommandLine, parse_integer};
pub use values::{Origin, Value, Values};

/// What kind of value an option takes, together with its built-in default (operations.md §3.1 "Types").
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// No argument; off unless given.
    Flag,
    /// A C `int`: decimal, `0x` hexadecimal or leading-0 octal on the command line, decimal in a file.
    Int(i32),
    /// The same with 64 bits.
    Int64(i64),
    /// A decimal fraction.
    Float(f64),
    /// A text; `None` when there is no default.
    Str(Option<&'static str>),
    /// A file or directory name.
    File(Option<&'static str>),
    /// May be repeated on the command line; `;`-separated in a file.
    List,
}

/// What is done with a value once it has the right type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Check {
    /// Every value of the type is good, or the check needs more than this one option.
    Any,
    /// The value must lie between `min` and `max`, both included; `error` is the message, `{}` stands for the value.
    Range {
        /// Smallest good value.
        min: i64,
        /// Largest good value.
        max: i64,
        /// The message of the specification.
        error: &'static str,
    },
    /// A value below `min` stands for the default.
    AtLeastOrDefault {
        /// Smallest value that is taken as it is.
        min: i64,
    },
    /// One of a few words, compared without regard to case. Each inner list holds one meaning's spellings, the
    /// canonical one first; `error` as above.
    Words {
        /// The meanings and their spellings.
        words: &'static [&'static [&'static str]],
        /// The message of the specification.
        error: &'static str,
    },
}

/// Whether an option does anything. The design's rule 8: nothing is accepted and ignored silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It works.
    Effective,
    /// The function behind it is not built yet; using the option logs a warning.
    NotYet,
    /// It will never do anything in this program, for the reason given; using it logs a warning.
    Without(&'static str),
}

/// Where an option can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Command line and configuration file.
    Both,
    /// Command line only: it chooses the file, or prints something and ends the program.
    CommandLine,
}

/// One option: the only place where it is declared.
#[derive(Debug, Clone, Copy)]
pub struct OptionDef {
    /// Long name without dashes; also the key in the configuration file.
    pub long: &'static str,
    /// Single-letter form.
    pub short: Option<char>,
    /// Other long names (and keys) with the same meaning.
    pub aliases: &'static [&'static str],
    /// Type and default.
    pub kind: Kind,
    /// What `--help` prints for the argument.
    pub value_name: &'static str,
    /// Default in words, where the built-in value is computed or a plain number says little.
    pub default_text: Option<&'static str>,
    /// Range or word list.
    pub check: Check,
    /// Heading in `--help`, the manual page and the sample configuration.
    pub section: &'static str,
    /// What it does, as a sentence with unit and limits.
    pub help: &'static str,
    /// Whether it does anything.
    pub effect: Effect,
    /// Where it can be given.
    pub scope: Scope,
}

impl OptionDef {
    const fn new(long: &'static str, kind: Kind, value_name: &'static str, help: &'static str) -> Self {
        OptionDef {
            long,
            short: None,
            aliases: &[],
            kind,
            value_name,
            default_text: None,
            check: Check::Any,
            section: "",
            help,
            effect: Effect::Effective,
            scope: Scope::Both,
        }
    }

    /// An option without argument.
    pub const fn flag(long: &'static str, help: &'static str) -> Self {
        Self::new(long, Kind::Flag, "", help)
    }

    /// An integer.
    pub const fn int(long: &'static str, default: i32, help: &'static str) -> Self {
        Self::new(long, Kind::Int(default), "INT", help)
    }

    /// A 64-bit integer.
    pub const fn int64(long: &'static str, default: i64, help: &'static str) -> Self {
        Self::new(long, Kind::Int64(default), "INT", help)
    }

    /// A fraction.
    pub const fn float(long: &'static str, default: f64, help: &'static str) -> Self {
        Self::new(long, Kind::Float(default), "FLOAT", help)
    }

    /// A text without default.
    pub const fn text(long: &'static str, help: &'static str) -> Self {
        Self::new(long, Kind::Str(None), "STRING", help)
    }

    /// A text with a default.
    pub const fn text_or(long: &'static str, default: &'static str, help: &'static str) -> Self {
        Self::new(long, Kind::Str(Some(default)), "STRING", help)
    }

    /// A file name without default.
    pub const fn file(long: &'static str, help: &'static str) -> Self {
        Self::new(long, Kind::File(None), "FILE", help)
    }

    /// A list.
    pub const fn list(long: &'static str, value_name: &'static str, help: &'static str) -> Self {
        Self::new(long, Kind::List, value_name, help)
    }

    /// Adds the single-letter form.
    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// Adds further names.
    pub const fn alias(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    /// Names the argument in the help text.
    pub const fn value(mut self, name: &'static str) -> Self {
        self.value_name = name;
        self
    }

    /// Describes the default in words.
    pub const fn default_is(mut self, text: &'static str) -> Self {
        self.default_text = Some(text);
        self
    }

    /// Requires `min..=max`, else `error` (`{}` = the value).
    pub const fn range(mut self, min: i64, max: i64, error: &'static str) -> Self {
        self.check = Check::Range { min, max, error };
        self
    }

    /// Takes values below `min` for the default.
    pub const fn at_least_or_default(mut self, min: i64) -> Self {
        self.check = Check::AtLeastOrDefault { min };
        self
    }

    /// Requires one of the words, else `error` (`{}` = the value).
    pub const fn words(mut self, words: &'static [&'static [&'static str]], error: &'static str) -> Self {
        self.check = Check::Words { words, error };
        self
    }

    /// Puts the option under a heading.
    pub const fn under(mut self, section: &'static str) -> Self {
        self.section = section;
        self
    }

    /// Marks the function as not built yet.
    pub const fn not_yet(mut self) -> Self {
        self.effect = Effect::NotYet;
        self
    }

    /// Marks the option as one that never has an effect here.
    pub const fn without_effect(mut self, reason: &'static str) -> Self {
        self.effect = Effect::Without(reason);
        self
    }

    /// Marks the option as one of the command line only.
    pub const fn command_line_only(mut self) -> Self {
        self.scope = Scope::CommandLine;
        self
    }

    /// The default as a reader of the documentation should see it; empty for flags and options without one.
    pub fn default_description(&self) -> String {
        if let Some(text) = self.default_text {
            return text.to_owned();
        }
        match self.kind {
            Kind::Flag | Kind::List | Kind::Str(None) | Kind::File(None) => String::new(),
            Kind::Int(n) => n.to_string(),
            Kind::Int64(n) => n.to_string(),
            Kind::Float(n) => n.to_string(),
            Kind::Str(Some(text)) | Kind::File(Some(text)) => text.to_owned(),
        }
    }
}

/// Why the options do not make a running program. The text is what follows `Fatal error: ` (operations.md §2.8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Command line or configuration file do not follow the grammar.
    #[error("Bad command line: {0}")]
    Syntax(String),
    /// A value is of the right type and still wrong; the text is the specification's.
    #[error("{0}")]
    Invalid(String),
    /// A log facility that does not exist; the list of names goes to standard error before the message.
    #[error("{0}")]
    Facility(String),
}

impl OptionError {
    /// A grammar error.
    pub fn syntax(text: impl Into<String>) -> Self {
        OptionError::Syntax(text.into())
    }

    /// A wrong value.
    pub fn invalid(text: impl Into<String>) -> Self {
        OptionError::Invalid(text.into())
    }
}

/// Declares an enumeration whose values are words of an option: one table for the parser, the check, the help text
/// and the numbers printed by the CLI's `params`.
#[macro_export]
macro_rules! word_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal $(| $other:literal)*,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Each meaning's spellings, the canonical one first.
            pub const WORDS: &'static [&'static [&'static str]] = &[$(&[$word $(, $other)*]),+];

            /// The value a word stands for, without regard to case.
            pub fn from_word(word: &str) -> Option<Self> {
                const ALL: &[$name] = &[$($name::$variant),+];
                let at = Self::WORDS.iter().position(|words| words.iter().any(|w| w.eq_ignore_ascii_case(word)))?;
                ALL.get(at).copied()
            }

            /// The canonical spelling.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}
