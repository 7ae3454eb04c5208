//! The values of a table's options after default, configuration file and command line have been laid over each
//! other (operations.md §4.2), with the checks of the table applied.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::{Check, Effect, Kind, OptionDef, OptionError, Scope};
use crate::config::KeyFile;

/// A typed value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a flag.
    Flag(bool),
    /// Of an `Int`.
    Int(i32),
    /// Of an `Int64`.
    Int64(i64),
    /// Of a `Float`.
    Float(f64),
    /// Of a `Str` or `File`.
    Text(String),
    /// Of a `List`.
    List(Vec<String>),
}

/// Where a value was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration file.
    File,
    /// On the command line.
    CommandLine,
}

/// All values of one start. Reading an option that is not in the table, or with another type than declared, is a
/// mistake in the program and panics; the tests read every option.
#[derive(Debug)]
pub struct Values {
    table: &'static [OptionDef],
    given: HashMap<&'static str, (Value, Origin)>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl Values {
    /// Only defaults.
    pub fn new(table: &'static [OptionDef]) -> Self {
        Values { table, given: HashMap::new(), asked: RefCell::default() }
    }

    /// Takes every option of the table found in section `section` of `file`; other keys are ignored, a missing
    /// section is an error.
    pub fn read_file(&mut self, file: &KeyFile, section: &str) -> Result<(), OptionError> {
        let group = file
            .group(section)
            .ok_or_else(|| OptionError::syntax(format!("Key file does not have group “{section}”")))?;
        for option in self.table.iter().filter(|option| option.scope == Scope::Both) {
            for key in std::iter::once(&option.long).chain(option.aliases) {
                let Some(entry) = group.get(key) else { continue };
                let value = match option.kind {
                    Kind::Flag => entry.boolean().map(Value::Flag),
                    Kind::Int(_) => entry.integer().and_then(|value| {
                        i32::try_from(value).map(Value::Int).map_err(|_| entry.out_of_range())
                    }),
                    Kind::Int64(_) => entry.integer().map(Value::Int64),
                    Kind::Float(_) => entry.float().map(Value::Float),
                    Kind::Str(_) | Kind::File(_) => entry.string().map(Value::Text),
                    Kind::List => entry.list().map(Value::List),
                };
                let value =
                    value.map_err(|error| OptionError::syntax(format!("{error} (option '{key}')")))?;
                self.given.insert(option.long, (value, Origin::File));
            }
        }
        Ok(())
    }

    /// Lays the command line over what is there: a list replaces the file's list, a flag of the file stays on.
    pub fn read_command_line(&mut self, given: Vec<(&'static str, Value)>) {
        for (name, value) in given {
            self.given.insert(name, (value, Origin::CommandLine));
        }
    }

    /// Removes trailing blanks of all texts, as is done once a configuration file was read (operations.md §3.1).
    pub fn trim_texts(&mut self) {
        for (value, _) in self.given.values_mut() {
            match value {
                Value::Text(text) => text.truncate(text.trim_end().len()),
                Value::List(texts) => {
                    for text in texts {
                        text.truncate(text.trim_end().len());
                    }
                }
                Value::Flag(_) | Value::Int(_) | Value::Int64(_) | Value::Float(_) => {}
            }
        }
    }

    /// Applies the table's checks: ranges, word lists, "below the minimum means default".
    pub fn check(&mut self) -> Result<(), OptionError> {
        for option in self.table {
            let Some((value, _)) = self.given.get(option.long) else { continue };
            match option.check {
                Check::Any => {}
                Check::Range { min, max, error } => {
                    let number = match value {
                        Value::Int(number) => i64::from(*number),
                        Value::Int64(number) => *number,
                        _ => continue,
                    };
                    if !(min..=max).contains(&number) {
                        return Err(OptionError::invalid(error.replace("{}", &number.to_string())));
                    }
                }
                Check::AtLeastOrDefault { min } => {
                    if matches!(value, Value::Int(number) if i64::from(*number) < min) {
                        self.given.remove(option.long);
                    }
                }
                Check::Words { words, error } => check_words(words, error, value)?,
            }
        }
        Ok(())
    }

    /// Where an option was given, if it was.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        self.given.get(name).map(|(_, origin)| *origin)
    }

    /// One warning per option that was given and does nothing (design, rule 8), in table order. Giving the default asks
    /// for nothing that is missing.
    pub fn warnings(&self) -> Vec<String> {
        let asks = |option: &&OptionDef| {
            self.given.get(option.long).is_some_and(|(value, _)| !is_default(option, value))
        };
        let given = self.table.iter().filter(asks);
        given.filter_map(effect_warning).collect()
    }

    /// The options nobody has read so far: the check that no option is ignored.
    pub fn never_asked(&self) -> Vec<&'static str> {
        let asked = self.asked.borrow();
        self.table.iter().map(|option| option.long).filter(|long| !asked.contains(long)).collect()
    }

    fn definition(&self, name: &str) -> &'static OptionDef {
        let Some(option) = self.table.iter().find(|option| option.long == name) else {
            panic!("option '{name}' is not in the table");
        };
        self.asked.borrow_mut().insert(option.long);
        option
    }

    fn value(&self, name: &str) -> (&'static OptionDef, Option<&Value>) {
        (self.definition(name), self.given.get(name).map(|(value, _)| value))
    }

    /// Whether a flag is set.
    pub fn flag(&self, name: &str) -> bool {
        match self.value(name) {
            (OptionDef { kind: Kind::Flag, .. }, given) => given == Some(&Value::Flag(true)),
            _ => panic!("option '{name}' is not a flag"),
        }
    }

    /// An integer or its default.
    pub fn int(&self, name: &str) -> i32 {
        match self.value(name) {
            (_, Some(Value::Int(number))) => *number,
            (OptionDef { kind: Kind::Int(default), .. }, None) => *default,
            _ => panic!("option '{name}' is not an integer"),
        }
    }

    /// A 64-bit integer or its default.
    pub fn int64(&self, name: &str) -> i64 {
        match self.value(name) {
            (_, Some(Value::Int64(number))) => *number,
            (OptionDef { kind: Kind::Int64(default), .. }, None) => *default,
            _ => panic!("option '{name}' is not a 64-bit integer"),
        }
    }

    /// A fraction or its default.
    pub fn float(&self, name: &str) -> f64 {
        match self.value(name) {
            (_, Some(Value::Float(number))) => *number,
            (OptionDef { kind: Kind::Float(default), .. }, None) => *default,
            _ => panic!("option '{name}' is not a float"),
        }
    }

    /// A text, its default, or nothing.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            (_, Some(Value::Text(text))) => Some(text.clone()),
            (OptionDef { kind: Kind::Str(default) | Kind::File(default), .. }, None) => {
                default.map(str::to_owned)
            }
            _ => panic!("option '{name}' is not a text"),
        }
    }

    /// A list, empty when not given.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            (_, Some(Value::List(texts))) => texts.clone(),
            (OptionDef { kind: Kind::List, .. }, None) => Vec::new(),
            _ => panic!("option '{name}' is not a list"),
        }
    }
}

fn check_words(
    words: &'static [&'static [&'static str]],
    error: &str,
    value: &Value,
) -> Result<(), OptionError> {
    let texts = match value {
        Value::Text(text) => std::slice::from_ref(text),
        Value::List(texts) => texts,
        Value::Flag(_) | Value::Int(_) | Value::Int64(_) | Value::Float(_) => &[],
    };
    let known = |text: &String| {
        words.iter().flat_map(|spellings| *spellings).any(|word| word.eq_ignore_ascii_case(text))
    };
    match texts.iter().find(|text| !known(text)) {
        Some(text) => Err(OptionError::invalid(error.replace("{}", text))),
        None => Ok(()),
    }
}

fn is_default(option: &OptionDef, value: &Value) -> bool {
    match (option.kind, value) {
        (Kind::Flag, Value::Flag(on)) => !on,
        (Kind::Int(default), Value::Int(number)) => default == *number,
        (Kind::Int64(default), Value::Int64(number)) => default == *number,
        (Kind::Float(default), Value::Float(number)) => default == *number,
        (Kind::Str(Some(default)) | Kind::File(Some(default)), Value::Text(text)) => default == text,
        (Kind::List, Value::List(texts)) => texts.is_empty(),
        _ => false,
    }
}

fn effect_warning(option: &OptionDef) -> Option<String> {
    match option.effect {
        Effect::Effective => None,
        Effect::NotYet => Some(format!("Option --{} is accepted but not yet effective", option.long)),
        Effect::Without(reason) => {
            Some(format!("Option --{} is accepted but has no effect: {reason}", option.long))
        }
    }
}
