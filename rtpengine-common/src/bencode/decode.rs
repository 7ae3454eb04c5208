//! The decoder, with the tolerances of ng-control.md §3.1.

use std::borrow::Cow;

use super::{Dict, MAX_DEPTH, Value};

/// What a message may cost to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers inside each other.
    pub depth: usize,
    /// Values in the whole message, keys not counted.
    pub elements: usize,
}

impl Default for Limits {
    /// Far above every real message; 65536 values need 2 MiB.
    fn default() -> Self {
        Self { depth: MAX_DEPTH, elements: 65_536 }
    }
}

/// Why bytes are not an acceptable bencode value. Positions are offsets from the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The data end where a value must begin: also a key without its value.
    #[error("the data end at {0} where a value is expected")]
    End(usize),
    /// No value begins with this byte.
    #[error("no value begins with the byte at {0}")]
    Type(usize),
    /// An integer without digits, with leading zeros, without `e` or above 64 bits.
    #[error("bad integer at {0}")]
    Integer(usize),
    /// A string length with leading zeros, above the range, or without `:`.
    #[error("bad string length at {0}")]
    Length(usize),
    /// A string longer than the data.
    #[error("string at {0} is longer than the data")]
    Truncated(usize),
    /// A dictionary key that is not a string.
    #[error("dictionary key at {0} is not a string")]
    Key(usize),
    /// Containers nested too deeply.
    #[error("nested too deeply at {0}")]
    Depth(usize),
    /// Too many values.
    #[error("too many values at {0}")]
    Elements(usize),
}

/// Decodes the first value of the data; bytes after it are ignored.
pub fn decode(data: &[u8]) -> Result<Value<'_>, DecodeError> {
    decode_with(data, Limits::default())
}

/// As [`decode`], with other limits.
pub fn decode_with(data: &[u8], limits: Limits) -> Result<Value<'_>, DecodeError> {
    Decoder { data, at: 0, elements: limits.elements }.value(limits.depth)
}

struct Decoder<'a> {
    data: &'a [u8],
    at: usize,
    elements: usize,
}

impl<'a> Decoder<'a> {
    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, DecodeError> {
        self.elements = self.elements.checked_sub(1).ok_or(DecodeError::Elements(self.at))?;
        match self.peek() {
            Some(b'0'..=b'9') => Ok(Value::Bytes(Cow::Borrowed(self.string()?))),
            Some(b'i') => Ok(Value::Int(self.integer()?)),
            Some(b'l') => self.list(self.enter(depth)?),
            Some(b'd') => self.dict(self.enter(depth)?),
            Some(_) => Err(DecodeError::Type(self.at)),
            None => Err(DecodeError::End(self.at)),
        }
    }

    fn enter(&self, depth: usize) -> Result<usize, DecodeError> {
        depth.checked_sub(1).ok_or(DecodeError::Depth(self.at))
    }

    /// Whether the container ends here: with its `e`, or with the data (tolerated).
    fn ends(&mut self) -> bool {
        match self.peek() {
            Some(b'e') => {
                self.at += 1;
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, DecodeError> {
        self.at += 1;
        let mut list = Vec::new();
        while !self.ends() {
            list.push(self.value(depth)?);
        }
        Ok(Value::List(list))
    }

    fn dict(&mut self, depth: usize) -> Result<Value<'a>, DecodeError> {
        // A request has ten to twenty keys: one allocation instead of three for the outermost dictionary.
        let mut dict = if self.at == 0 { Dict::with_capacity(16) } else { Dict::new() };
        self.at += 1;
        while !self.ends() {
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(DecodeError::Key(self.at));
            }
            let key = self.string()?;
            dict.push(key, self.value(depth)?);
        }
        Ok(Value::Dict(dict))
    }

    fn string(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        let mut length = 0_usize;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            length = length
                .checked_mul(10)
                .and_then(|length| length.checked_add(usize::from(digit - b'0')))
                .ok_or(DecodeError::Length(start))?;
            self.at += 1;
        }
        let leading_zero = self.data.get(start) == Some(&b'0') && self.at - start > 1;
        if leading_zero || self.peek() != Some(b':') {
            return Err(DecodeError::Length(start));
        }
        let from = self.at + 1;
        let to = from.checked_add(length).ok_or(DecodeError::Truncated(start))?;
        let bytes = self.data.get(from..to).ok_or(DecodeError::Truncated(start))?;
        self.at = to;
        Ok(bytes)
    }

    fn integer(&mut self) -> Result<i64, DecodeError> {
        let start = self.at;
        let bad = DecodeError::Integer(start);
        self.at += 1;
        let text = self.data.get(self.at..).unwrap_or_default();
        // Twenty digits and a sign are the longest that can fit: a missing `e` costs no scan of the rest.
        let end = text.iter().take(22).position(|byte| *byte == b'e').ok_or(bad)?;
        let text = text.get(..end).unwrap_or_default();
        if text.len() > 1 && text.starts_with(b"0") {
            return Err(bad);
        }
        self.at += end + 1;
        parse_decimal(text).ok_or(bad)
    }
}

/// A complete decimal number with an optional sign, if it fits 64 bits.
fn parse_decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
