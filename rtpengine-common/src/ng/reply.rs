//! Replies: built key by key, encoded like the request.

use std::borrow::Cow;

use super::Encoding;
use crate::bencode::{Dict, Key, Value};

/// How a command ended: the last keys of the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `result` = `ok`.
    Ok,
    /// `result` = `pong`.
    Pong,
    /// `result` = `error`, `error-reason` = the text.
    Error(Cow<'static, str>),
    /// `result` = `load limit`, `message` = the text: for agents that announced support for it.
    LoadLimit(Cow<'static, str>),
}

/// A reply. Keys come out in the order in which they were added, `result` behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    keys: Dict<'static>,
    outcome: Outcome,
}

impl Default for Reply {
    fn default() -> Self {
        Self::ok()
    }
}

impl Reply {
    /// A reply `ok` without further keys.
    pub fn ok() -> Self {
        Self::with_outcome(Outcome::Ok)
    }

    /// The reply to `ping`.
    pub fn pong() -> Self {
        Self::with_outcome(Outcome::Pong)
    }

    /// An error reply; the text is what a client sees.
    pub fn error(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::with_outcome(Outcome::Error(reason.into()))
    }

    /// The error reply with the display text of an error type.
    pub fn from_error(error: &impl std::error::Error) -> Self {
        Self::error(error.to_string())
    }

    /// The reply when a limit is reached.
    pub fn load_limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::with_outcome(Outcome::LoadLimit(message.into()))
    }

    fn with_outcome(outcome: Outcome) -> Self {
        Self { keys: Dict::new(), outcome }
    }

    /// Appends a key.
    pub fn add(&mut self, key: impl Into<Key<'static>>, value: impl Into<Value<'static>>) -> &mut Self {
        self.keys.push(key, value);
        self
    }

    /// Appends a key and returns the reply.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key<'static>>, value: impl Into<Value<'static>>) -> Self {
        self.add(key, value);
        self
    }

    /// Adds the key `warning`, which may accompany `ok`.
    pub fn warning(&mut self, text: impl Into<Cow<'static, str>>) -> &mut Self {
        let text = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        self.add("warning", text)
    }

    /// Turns the reply into a failure; keys added before stay (ng-control.md §4.8).
    pub fn fail(&mut self, reason: impl Into<Cow<'static, str>>) -> &mut Self {
        self.outcome = Outcome::Error(reason.into());
        self
    }

    /// The keys before `result`.
    pub fn keys(&self) -> &Dict<'static> {
        &self.keys
    }

    /// How the command ended.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Whether the reply is an error: for the error counters per client.
    pub fn is_error(&self) -> bool {
        matches!(self.outcome, Outcome::Error(_))
    }

    /// The whole dictionary, for those who answer in another form.
    pub fn to_dict(&self) -> Dict<'_> {
        let mut dict = self.keys.clone();
        self.outcome.push_to(&mut dict);
        dict
    }

    /// Appends cookie, space and dictionary; without a cookie the dictionary alone (`ng-plain`).
    pub fn encode(&self, encoding: Encoding, cookie: Option<&[u8]>, out: &mut Vec<u8>) {
        if let Some(cookie) = cookie {
            out.extend_from_slice(cookie);
            out.push(b' ');
        }
        let mut last = Dict::with_capacity(2);
        self.outcome.push_to(&mut last);
        let (open, close) = encoding.brackets();
        out.push(open);
        encoding.write_entries(&self.keys, out);
        if encoding == Encoding::Json && !self.keys.is_empty() {
            out.push(b',');
        }
        encoding.write_entries(&last, out);
        out.push(close);
    }

    /// As [`Reply::encode`], into a vector of its own.
    pub fn to_vec(&self, encoding: Encoding, cookie: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.encode(encoding, cookie, &mut out);
        out
    }
}

impl Outcome {
    fn push_to<'a>(&'a self, dict: &mut Dict<'a>) {
        match self {
            Self::Ok => dict.push("result", "ok"),
            Self::Pong => dict.push("result", "pong"),
            Self::Error(reason) => dict.push("result", "error").push("error-reason", reason.as_ref()),
            Self::LoadLimit(message) => dict.push("result", "load limit").push("message", message.as_ref()),
        };
    }
}
