//! The value that bencode and JSON messages share, and the dictionary that keeps order and duplicates.

use std::borrow::Cow;
use std::fmt;

/// One value of an ng message.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A byte string; borrowed from the message unless an escape of JSON made it differ.
    Bytes(Cow<'a, [u8]>),
    /// A 64-bit integer. The booleans of JSON arrive as 0 and 1 (ng-control.md §3.3).
    Int(i64),
    /// A list.
    List(Vec<Value<'a>>),
    /// A dictionary.
    Dict(Dict<'a>),
    /// What JSON has and bencode has not: `null` and numbers that are no 64-bit integers. Never decoded from bencode,
    /// equal to "not given" wherever it stands; written as an empty byte string.
    Null,
}

impl<'a> Value<'a> {
    /// The byte string, if it is one.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Int(_) | Self::List(_) | Self::Dict(_) | Self::Null => None,
        }
    }

    /// The byte string as text, if it is one and valid UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(_) | Self::List(_) | Self::Dict(_) | Self::Null => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::List(list) => Some(list),
            Self::Bytes(_) | Self::Int(_) | Self::Dict(_) | Self::Null => None,
        }
    }

    /// The dictionary, if it is one.
    pub fn as_dict(&self) -> Option<&Dict<'a>> {
        match self {
            Self::Dict(dict) => Some(dict),
            Self::Bytes(_) | Self::Int(_) | Self::List(_) | Self::Null => None,
        }
    }

    /// A list of anything that can be a value.
    pub fn list<T: Into<Value<'a>>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// The same value, owning all its bytes.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Int(number) => Value::Int(number),
            Self::List(list) => Value::List(list.into_iter().map(Value::into_owned).collect()),
            Self::Dict(dict) => Value::Dict(dict.into_owned()),
            Self::Null => Value::Null,
        }
    }
}

/// A dictionary in the order it was read or built; duplicate keys stay.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Dict<'a> {
    entries: Vec<(Cow<'a, [u8]>, Value<'a>)>,
}

impl<'a> Dict<'a> {
    /// An empty dictionary.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty dictionary with room for so many entries.
    pub fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries) }
    }

    /// Appends an entry, whether or not the key is there already.
    pub fn push(&mut self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> &mut Self {
        self.entries.push((key.into().0, value.into()));
        self
    }

    /// Appends an entry and returns the dictionary: for literals in tests and tools.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> Self {
        self.push(key, value);
        self
    }

    /// The first value under this key: the rule for keys that are looked up directly (ng-control.md §3.3.2).
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value<'a>> {
        let key = key.as_ref();
        self.entries.iter().find(|(name, _)| name.as_ref() == key).map(|(_, value)| value)
    }

    /// The first value under this key, if it is a byte string.
    pub fn bytes(&self, key: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.get(key).and_then(Value::as_bytes)
    }

    /// The first value under this key, if it is valid UTF-8 text.
    pub fn text(&self, key: impl AsRef<[u8]>) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// The first value under this key, if it is an integer.
    pub fn int(&self, key: impl AsRef<[u8]>) -> Option<i64> {
        self.get(key).and_then(Value::as_int)
    }

    /// The first value under this key, if it is a list.
    pub fn list(&self, key: impl AsRef<[u8]>) -> Option<&[Value<'a>]> {
        self.get(key).and_then(Value::as_list)
    }

    /// The first value under this key, if it is a dictionary.
    pub fn dict(&self, key: impl AsRef<[u8]>) -> Option<&Dict<'a>> {
        self.get(key).and_then(Value::as_dict)
    }

    /// All entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Value<'a>)> {
        self.entries.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The same dictionary, owning all its bytes.
    pub fn into_owned(self) -> Dict<'static> {
        let entries = self
            .entries
            .into_iter()
            .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
            .collect();
        Dict { entries }
    }
}

/// What can be the key of an entry that is added: text, bytes, borrowed or owned.
pub struct Key<'a>(Cow<'a, [u8]>);

impl<'a> From<&'a str> for Key<'a> {
    fn from(key: &'a str) -> Self {
        Self(Cow::Borrowed(key.as_bytes()))
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(key: &'a [u8]) -> Self {
        Self(Cow::Borrowed(key))
    }
}

impl<'a> From<Cow<'a, [u8]>> for Key<'a> {
    fn from(key: Cow<'a, [u8]>) -> Self {
        Self(key)
    }
}

impl From<String> for Key<'_> {
    fn from(key: String) -> Self {
        Self(Cow::Owned(key.into_bytes()))
    }
}

impl From<Vec<u8>> for Key<'_> {
    fn from(key: Vec<u8>) -> Self {
        Self(Cow::Owned(key))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(Cow::Borrowed(text.as_bytes()))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl<'a> From<Cow<'a, [u8]>> for Value<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Bytes(Cow::Owned(text.into_bytes()))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}

impl<'a> From<Vec<Value<'a>>> for Value<'a> {
    fn from(list: Vec<Value<'a>>) -> Self {
        Self::List(list)
    }
}

impl<'a> From<Dict<'a>> for Value<'a> {
    fn from(dict: Dict<'a>) -> Self {
        Self::Dict(dict)
    }
}

macro_rules! value_from_integer {
    ($($integer:ty),+) => {$(
        impl From<$integer> for Value<'_> {
            fn from(number: $integer) -> Self {
                Self::Int(i64::from(number))
            }
        }
    )+};
}
value_from_integer!(i64, i32, i16, i8, u32, u16, u8, bool);

/// Counters above `i64::MAX` stay at it: nothing that is counted gets there.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// As for `u64`.
impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Int(number) => write!(f, "{number}"),
            Self::List(list) => f.debug_list().entries(list).finish(),
            Self::Dict(dict) => dict.fmt(f),
            Self::Null => f.write_str("null"),
        }
    }
}

impl fmt::Debug for Dict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.iter().map(|(key, value)| (String::from_utf8_lossy(key), value));
        f.debug_map().entries(entries).finish()
    }
}
