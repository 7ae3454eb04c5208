//! From a datagram to a dictionary: cookie, payload, encoding.

use std::fmt;

use super::{Error, json};
use crate::bencode::{self, Dict, Value};

/// The two encodings of a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// The founding encoding; also that of replies to messages in no encoding.
    #[default]
    Bencode,
    /// JSON.
    Json,
}

impl Encoding {
    /// Appends a dictionary: bencode, or JSON without white space.
    pub fn write(self, dict: &Dict<'_>, out: &mut Vec<u8>) {
        let (open, close) = self.brackets();
        out.push(open);
        self.write_entries(dict, out);
        out.push(close);
    }

    pub(crate) fn brackets(self) -> (u8, u8) {
        match self {
            Self::Bencode => (b'd', b'e'),
            Self::Json => (b'{', b'}'),
        }
    }

    /// The entries alone: a reply adds its result behind them.
    pub(crate) fn write_entries(self, dict: &Dict<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Bencode => bencode::dict_entries(dict, out),
            Self::Json => json::dict_entries(dict, out),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bencode => "bencode",
            Self::Json => "JSON",
        })
    }
}

/// The two parts of a datagram or stream unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split<'a> {
    /// Everything before the first space: any bytes, at least one.
    pub cookie: &'a [u8],
    /// Everything behind it; may be empty.
    pub payload: &'a [u8],
}

/// Splits at the first space. `None`: there is no cookie, the datagram is dropped without a reply
/// (ng-control.md §1.2.6).
pub fn split(datagram: &[u8]) -> Option<Split<'_>> {
    let space = datagram.iter().position(|byte| *byte == b' ')?;
    let (cookie, rest) = datagram.split_at_checked(space)?;
    if cookie.is_empty() {
        return None;
    }
    Some(Split { cookie, payload: rest.get(1..)? })
}

/// A decoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The encoding of the message and of its reply.
    pub encoding: Encoding,
    /// The dictionary.
    pub dict: Dict<'a>,
}

/// A message that could not be decoded: what to answer, and in which encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Rejected {
    /// The encoding of the error reply.
    pub encoding: Encoding,
    /// The text of the error reply.
    pub error: Error,
}

impl<'a> Message<'a> {
    /// Decodes a payload by its first byte (ng-control.md §3).
    pub fn decode(payload: &'a [u8]) -> Result<Self, Rejected> {
        let (encoding, decoded) = match payload.first() {
            Some(b'd') => (Encoding::Bencode, decode_bencode(payload)),
            Some(b'{') => (Encoding::Json, json::decode(payload)),
            Some(_) => (Encoding::Bencode, Err(Error::DataFormat)),
            None => (Encoding::Bencode, Err(Error::NoPayload)),
        };
        match decoded {
            Ok(dict) => Ok(Self { encoding, dict }),
            Err(error) => Err(Rejected { encoding, error }),
        }
    }

    /// The command as the client wrote it: for the log line that precedes its recognition (ng-control.md §4.2).
    pub fn command_name(&self) -> Result<&[u8], Error> {
        self.dict.bytes("command").ok_or(Error::NoCommand)
    }
}

fn decode_bencode(payload: &[u8]) -> Result<Dict<'_>, Error> {
    match bencode::decode(payload) {
        Ok(Value::Dict(dict)) => Ok(dict),
        Ok(_) | Err(_) => Err(Error::Bencode),
    }
}
