//! A value of a key file, read as the type its reader wants (operations.md §4.1 "Escapes", "Types").

/// Why a value is not of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a whole decimal number.
    #[error("Value “{0}” cannot be interpreted as a number.")]
    Integer(String),
    /// More than 64 (or, where the option says so, 32) bits.
    #[error("Integer value “{0}” out of range")]
    Range(String),
    /// Not a fraction.
    #[error("Value “{0}” cannot be interpreted as a float number.")]
    Float(String),
    /// Neither `true`, `1`, `false` nor `0`.
    #[error("Value “{0}” cannot be interpreted as a boolean.")]
    Boolean(String),
    /// A backslash followed by something that has no meaning.
    #[error("Key file contains invalid escape sequence “{0}”")]
    Escape(String),
    /// A backslash at the end.
    #[error("Key file contains escape character at end of line")]
    EscapeAtEnd,
}

/// The text after `key =`, leading blanks removed, escapes not yet undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry(String);

impl Entry {
    pub(super) fn new(raw: &str) -> Self {
        Entry(raw.to_owned())
    }

    /// The text as written.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// A text with its escapes undone.
    pub fn string(&self) -> Result<String, ValueError> {
        let mut elements = split(&self.0, false)?;
        Ok(elements.pop().unwrap_or_default())
    }

    /// Elements separated by `;`; an empty one after the last separator does not count.
    pub fn list(&self) -> Result<Vec<String>, ValueError> {
        let mut elements = split(&self.0, true)?;
        if elements.last().is_some_and(String::is_empty) {
            elements.pop();
        }
        Ok(elements)
    }

    /// `true`/`1` or `false`/`0`.
    pub fn boolean(&self) -> Result<bool, ValueError> {
        match self.0.trim_end() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(ValueError::Boolean(other.to_owned())),
        }
    }

    /// A decimal integer.
    pub fn integer(&self) -> Result<i64, ValueError> {
        let text = self.0.trim_end();
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ValueError::Integer(text.to_owned()));
        }
        text.parse().map_err(|_| self.out_of_range())
    }

    /// The error for a number that does not fit.
    pub fn out_of_range(&self) -> ValueError {
        ValueError::Range(self.0.trim_end().to_owned())
    }

    /// A fraction.
    pub fn float(&self) -> Result<f64, ValueError> {
        let text = self.0.trim_end();
        text.parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(|| ValueError::Float(text.to_owned()))
    }
}

/// Undoes escapes and, for a list, splits at `;`.
fn split(raw: &str, list: bool) -> Result<Vec<String>, ValueError> {
    let mut elements = vec![];
    let mut element = String::new();
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => element.push(match rest.next() {
                Some('s') => ' ',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('\\') => '\\',
                Some(';') if list => ';',
                Some(other) => return Err(ValueError::Escape(format!("\\{other}"))),
                None => return Err(ValueError::EscapeAtEnd),
            }),
            ';' if list => elements.push(std::mem::take(&mut element)),
            _ => element.push(c),
        }
    }
    elements.push(element);
    Ok(elements)
}
