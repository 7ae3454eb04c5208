//! JSON as the second encoding of the same dictionaries.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::Error;
use crate::bencode::{self, Dict, Value};

/// Decodes a complete JSON document whose top level is an object (ng-control.md §3.2).
pub(super) fn decode(document: &[u8]) -> Result<Dict<'_>, Error> {
    match serde_json::from_slice(document) {
        Ok(Value::Dict(dict)) => Ok(dict),
        Ok(_) => Err(Error::JsonDictionary),
        Err(_) => Err(Error::JsonDocument),
    }
}

/// Objects keep order and duplicates, which `serde_json::Value` does not. Depth is bounded by the parser, as deep as bencode.
impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Bytes(Cow::Borrowed(until_nul(text.as_bytes()))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Bytes(Cow::Owned(until_nul(text.as_bytes()).to_vec())))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Value::Int(i64::from(truth)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Value::Null, Value::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut dict = Dict::new();
        while let Some(key) = members.next_key::<Value<'de>>()? {
            let Value::Bytes(key) = key else { return Err(A::Error::custom("a key is no string")) };
            let value: Value<'de> = members.next_value()?;
            dict.push(key, value);
        }
        Ok(Value::Dict(dict))
    }
}

/// Strings end at an embedded NUL.
fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The members of an object without the braces around them.
pub(super) fn dict_entries(dict: &Dict<'_>, out: &mut Vec<u8>) {
    for (position, (key, value)) in dict.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        string(key, out);
        out.push(b':');
        encode(value, out);
    }
}

fn encode(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Bytes(bytes) => string(bytes, out),
        Value::Int(number) => {
            if *number < 0 {
                out.push(b'-');
            }
            bencode::decimal(number.unsigned_abs(), out);
        }
        Value::List(list) => {
            out.push(b'[');
            for (position, item) in list.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                encode(item, out);
            }
            out.push(b']');
        }
        Value::Dict(dict) => {
            out.push(b'{');
            dict_entries(dict, out);
            out.push(b'}');
        }
        Value::Null => out.extend_from_slice(b"null"),
    }
}

/// UTF-8 passes through, control characters, quotes and backslashes are escaped. Bytes that are no UTF-8 cannot be said
/// in JSON: they come out as replacement characters.
fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_bytes();
    while let Some(position) = rest.iter().position(|byte| needs_escape(*byte)) {
        let (plain, tail) = rest.split_at(position);
        out.extend_from_slice(plain);
        escape(tail[0], out);
        rest = &tail[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\')
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}
