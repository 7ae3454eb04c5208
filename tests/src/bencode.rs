//! Bencoding, written for the tests alone: the suite does not check the daemon's codec with the daemon's codec.
//!
//! Encoding keeps the order of keys; decoding is strict about everything that `ng-control.md` 3.1 says of replies.

use std::fmt;

/// A bencoded value. Dictionaries keep the order of their keys, which tests compare.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A byte string.
    Text(Vec<u8>),
    /// An integer.
    Int(i64),
    /// A list.
    List(Vec<Value>),
    /// A dictionary in wire order.
    Dict(Vec<(Vec<u8>, Value)>),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            Self::Int(number) => write!(f, "{number}"),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Dict(entries) => {
                let mut map = f.debug_map();
                for (key, value) in entries {
                    map.entry(&String::from_utf8_lossy(key), value);
                }
                map.finish()
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into_bytes())
    }
}

impl From<&[u8]> for Value {
    fn from(text: &[u8]) -> Self {
        Self::Text(text.to_vec())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items)
    }
}

impl Value {
    /// The member `key` of a dictionary, the first if there are several.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value)
    }

    /// The keys of a dictionary in wire order, none for anything else.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let Self::Dict(entries) = self else { return Vec::new() };
        entries.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
    }

    /// The text of a string, if it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let Self::Text(text) = self else { return None };
        str::from_utf8(text).ok()
    }

    /// The number of an integer.
    #[must_use]
    pub fn int(&self) -> Option<i64> {
        let Self::Int(number) = self else { return None };
        Some(*number)
    }

    /// The items of a list, none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        let Self::List(items) = self else { return &[] };
        items
    }

    /// The entries of a dictionary in wire order, none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Vec<u8>, Self)] {
        let Self::Dict(entries) = self else { return &[] };
        entries
    }

    /// The value as bencode.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }

    fn encode_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => encode_text(text, out),
            Self::Int(number) => out.extend_from_slice(format!("i{number}e").as_bytes()),
            Self::List(items) => {
                out.push(b'l');
                for item in items {
                    item.encode_to(out);
                }
                out.push(b'e');
            }
            Self::Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    encode_text(key, out);
                    value.encode_to(out);
                }
                out.push(b'e');
            }
        }
    }

    /// Decodes one value that must fill `data` completely.
    ///
    /// # Errors
    /// A text that says what is wrong and where.
    pub fn decode(data: &[u8]) -> Result<Self, String> {
        let mut reader = Reader { data, at: 0 };
        let value = reader.value()?;
        if reader.at == data.len() { Ok(value) } else { reader.fail("bytes after the value") }
    }

    /// The value as JSON; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(String::from_utf8_lossy(text)).to_string(),
            Self::Int(number) => number.to_string(),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::to_json).collect::<Vec<_>>().join(","))
            }
            Self::Dict(entries) => {
                let members = entries
                    .iter()
                    .map(|(key, value)| format!("{}:{}", Self::Text(key.clone()).to_json(), value.to_json()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// Reads JSON; the order of members is lost in favour of the alphabet.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn from_json(text: &str) -> Result<Self, String> {
        fn convert(json: &serde_json::Value) -> Result<Value, String> {
            match json {
                serde_json::Value::String(text) => Ok(Value::from(text)),
                serde_json::Value::Number(number) => {
                    number.as_i64().map(Value::Int).ok_or_else(|| format!("{number} is no integer"))
                }
                serde_json::Value::Array(items) => {
                    items.iter().map(convert).collect::<Result<_, _>>().map(Value::List)
                }
                serde_json::Value::Object(members) => members
                    .iter()
                    .map(|(key, value)| Ok((key.as_bytes().to_vec(), convert(value)?)))
                    .collect::<Result<_, String>>()
                    .map(Value::Dict),
                other => Err(format!("{other} has no place in ng")),
            }
        }
        convert(&serde_json::from_str(text).map_err(|error| error.to_string())?)
    }
}

fn encode_text(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(text.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(text);
}

struct Reader<'d> {
    data: &'d [u8],
    at: usize,
}

impl Reader<'_> {
    fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at byte {} of {:?}", self.at, String::from_utf8_lossy(self.data)))
    }

    fn number(&mut self, end: u8) -> Result<i64, String> {
        let rest = &self.data[self.at..];
        let Some(length) = rest.iter().position(|&byte| byte == end) else {
            return self.fail("endless number");
        };
        let text = str::from_utf8(&rest[..length]).unwrap_or_default();
        let Ok(number) = text.parse::<i64>() else { return self.fail("bad number") };
        if number.to_string() != text {
            return self.fail("number not in its shortest form");
        }
        self.at += length + 1;
        Ok(number)
    }

    fn text(&mut self) -> Result<Vec<u8>, String> {
        let Ok(length) = usize::try_from(self.number(b':')?) else { return self.fail("negative length") };
        let Some(text) = self.data.get(self.at..self.at + length) else { return self.fail("short string") };
        self.at += length;
        Ok(text.to_vec())
    }

    fn ended(&mut self) -> Result<bool, String> {
        match self.data.get(self.at) {
            Some(b'e') => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => self.fail("unclosed container"),
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.data.get(self.at) {
            Some(b'i') => {
                self.at += 1;
                Ok(Value::Int(self.number(b'e')?))
            }
            Some(b'l') => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.ended()? {
                    items.push(self.value()?);
                }
                Ok(Value::List(items))
            }
            Some(b'd') => {
                self.at += 1;
                let mut entries = Vec::new();
                while !self.ended()? {
                    entries.push((self.text()?, self.value()?));
                }
                Ok(Value::Dict(entries))
            }
            Some(b'0'..=b'9') => Ok(Value::Text(self.text()?)),
            _ => self.fail("no value"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_again() {
        let value = Value::Dict(vec![
            (b"zz".to_vec(), Value::Int(-3)),
            (b"a".to_vec(), Value::List(vec!["".into(), Value::Dict(Vec::new())])),
        ]);
        assert_eq!(value.encode(), b"d2:zzi-3e1:al0:deee");
        assert_eq!(Value::decode(&value.encode()), Ok(value));
    }

    #[test]
    fn sloppy_encodings_are_refused() {
        for bad in ["i03e", "i-0e", "4:abc", "d1:ae", "l", "di1ei2ee", "i1ex", "01:a", ""] {
            assert!(Value::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
