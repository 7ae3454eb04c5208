//! The configuration file: the key-file ("ini") grammar of spec/operations.md §4.1.
//!
//! `[section]` lines, `key = value`, comments starting with `#`, blank lines. Values stay as written until they are
//! asked for as a type, because only the reader knows whether `;` separates elements.

mod value;

pub use value::{Entry, ValueError};

/// Why a text is not a key file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// A key before the first `[section]`.
    #[error("Key file does not start with a group")]
    NoGroup,
    /// Neither section, comment nor `key = value`.
    #[error("Key file contains line “{0}” which is not a key-value pair, group, or comment")]
    Line(String),
    /// `[` without `]`, an empty name, or one with brackets or control characters.
    #[error("Invalid group name: {0}")]
    Group(String),
    /// No name before the `=`.
    #[error("Invalid key name: {0}")]
    Key(String),
}

/// One section with its keys in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    name: String,
    keys: Vec<(String, Entry)>,
}

impl Group {
    /// The section's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The last value given for a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.keys.iter().find(|(name, _)| name == key).map(|(_, entry)| entry)
    }

    /// All keys in the order of their first appearance.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.keys.iter().map(|(name, entry)| (name.as_str(), entry))
    }
}

/// A parsed file: sections in order of their first appearance, repeated ones merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFile {
    groups: Vec<Group>,
}

impl KeyFile {
    /// Parses a whole file.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut file = KeyFile::default();
        let mut current: Option<usize> = None;
        for line in text.lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with('[') {
                current = Some(file.section(group_name(line)?));
                continue;
            }
            let (key, value) = key_value(line)?;
            let group = current.and_then(|at| file.groups.get_mut(at)).ok_or(KeyFileError::NoGroup)?;
            let entry = Entry::new(value);
            match group.keys.iter_mut().find(|(name, _)| name == key) {
                Some((_, last)) => *last = entry,
                None => group.keys.push((key.to_owned(), entry)),
            }
        }
        Ok(file)
    }

    fn section(&mut self, name: &str) -> usize {
        if let Some(at) = self.groups.iter().position(|group| group.name == name) {
            return at;
        }
        self.groups.push(Group { name: name.to_owned(), keys: Vec::new() });
        self.groups.len() - 1
    }

    /// A section by name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The sections named `<prefix>-<ident>` with a non-empty ident, in file order, as (ident, section).
    pub fn groups_with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Group)> {
        self.groups.iter().filter_map(move |group| {
            let ident = group.name.strip_prefix(prefix)?.strip_prefix('-')?;
            (!ident.is_empty()).then_some((ident, group))
        })
    }
}

fn group_name(line: &str) -> Result<&str, KeyFileError> {
    let name = line.trim_end().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    if name.is_empty() || name.chars().any(|c| matches!(c, '[' | ']') || c.is_control()) {
        return Err(KeyFileError::Group(line.to_owned()));
    }
    Ok(name)
}

fn key_value(line: &str) -> Result<(&str, &str), KeyFileError> {
    let (key, value) = line.split_once('=').ok_or_else(|| KeyFileError::Line(line.to_owned()))?;
    let key = key.trim_end();
    if key.is_empty() {
        return Err(KeyFileError::Key(line.to_owned()));
    }
    Ok((key, value.trim_start()))
}

#[cfg(test)]
mod tests;
