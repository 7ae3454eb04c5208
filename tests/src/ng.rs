//! A client of the ng protocol with requests that read like the protocol.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use crate::bencode::Value;

/// How long a reply may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A list of values.
pub fn list<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

/// A dictionary of values.
pub fn dict<V: Into<Value>>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Value {
    Value::Dict(entries.into_iter().map(|(key, value)| (key.as_bytes().to_vec(), value.into())).collect())
}

/// A request under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    entries: Vec<(Vec<u8>, Value)>,
}

impl Request {
    /// A request for `command`.
    #[must_use]
    pub fn new(command: &str) -> Self {
        Self::empty().set("command", command)
    }

    /// A request without a command, or options to be [merged](Self::with) into one.
    #[must_use]
    pub fn empty() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds a key; a key that is there already is replaced at its place.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        match self.entries.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key.as_bytes().to_vec(), value)),
        }
        self
    }

    /// Adds a key at the end even if it is there already.
    #[must_use]
    pub fn again(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.entries.push((key.as_bytes().to_vec(), value.into()));
        self
    }

    /// Takes a key out.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.entries.retain(|(name, _)| name != key.as_bytes());
        self
    }

    /// Appends to the list `key`, which is made if need be.
    #[must_use]
    pub fn list(mut self, key: &str, items: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        let items = items.into_iter().map(Into::into);
        match self.entries.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some((_, Value::List(old))) => old.extend(items),
            _ => self.entries.push((key.as_bytes().to_vec(), Value::List(items.collect()))),
        }
        self
    }

    /// Adds one word to `flags`.
    #[must_use]
    pub fn flag(self, word: &str) -> Self {
        self.list("flags", [word])
    }

    /// Adds the keys of `options`; lists are appended, other keys replaced.
    #[must_use]
    pub fn with(mut self, options: &Self) -> Self {
        for (key, value) in &options.entries {
            let key = String::from_utf8_lossy(key);
            self = match value {
                Value::List(items) => self.list(&key, items.iter().cloned()),
                other => self.set(&key, other.clone()),
            };
        }
        self
    }

    /// The request as a dictionary.
    #[must_use]
    pub fn value(&self) -> Value {
        Value::Dict(self.entries.clone())
    }

    /// The request as bencode, without cookie.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.value().encode()
    }
}

/// A reply, kept with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The dictionary.
    pub value: Value,
    /// What followed the cookie and its space.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// Decodes what follows the cookie, bencode or JSON.
    ///
    /// # Panics
    /// When it is neither.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let value = if bytes.first() == Some(&b'{') {
            str::from_utf8(bytes).map_err(|error| error.to_string()).and_then(Value::from_json)
        } else {
            Value::decode(bytes)
        };
        let value = value.unwrap_or_else(|error| panic!("bad reply: {error}"));
        Self { value, bytes: bytes.to_vec() }
    }

    /// The text of `key`, empty if there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.value.get(key).and_then(Value::text).unwrap_or_default()
    }

    /// The value of `result`.
    #[must_use]
    pub fn result(&self) -> &str {
        self.text("result")
    }

    /// The SDP of the reply.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn sdp(&self) -> &str {
        self.value.get("sdp").and_then(Value::text).unwrap_or_else(|| panic!("no sdp in {:?}", self.value))
    }

    /// Follows `path` through dictionaries and, by number, lists.
    ///
    /// # Panics
    /// When the path leads nowhere.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> &Value {
        let mut value = &self.value;
        for step in path {
            let next = match value {
                Value::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => value.get(step),
            };
            value = next.unwrap_or_else(|| panic!("no {step:?} of {path:?} in {:#?}", self.value));
        }
        value
    }

    /// Follows `path` to an integer.
    ///
    /// # Panics
    /// When the path leads to no integer.
    #[must_use]
    pub fn int(&self, path: &[&str]) -> i64 {
        self.at(path).int().unwrap_or_else(|| panic!("{path:?} is no integer in {:#?}", self.value))
    }

    /// Returns the reply itself when it says `ok`.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.result(), "ok", "the daemon said {:?}", self.value);
        self
    }

    /// Returns the text of an error.
    ///
    /// # Panics
    /// When the reply is no error.
    #[must_use]
    #[track_caller]
    pub fn error(&self) -> &str {
        assert_eq!(self.result(), "error", "the daemon said {:?}", self.value);
        self.text("error-reason")
    }
}

/// A client over UDP that repeats an unanswered request like the SIP proxies do.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    server: SocketAddr,
    json: bool,
}

static COOKIES: AtomicU64 = AtomicU64::new(1);

/// A cookie that this process has not used yet.
#[must_use]
pub fn fresh_cookie() -> String {
    format!("{}_{}", std::process::id(), COOKIES.fetch_add(1, Ordering::Relaxed))
}

impl Client {
    /// A client for the daemon at `server`.
    ///
    /// # Errors
    /// When no socket can be had.
    pub fn new(server: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = if server.is_ipv4() {
            (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any)?;
        Ok(Self { socket, server, json: false })
    }

    /// From now on requests go out as JSON.
    #[must_use]
    pub fn in_json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Sends `request` and waits for its reply.
    ///
    /// # Errors
    /// When none came within `patience`.
    pub fn try_request(&self, request: &Request, patience: Duration) -> io::Result<Reply> {
        let body = if self.json { request.value().to_json().into_bytes() } else { request.encode() };
        self.exchange(&fresh_cookie(), &body, patience).map(|bytes| Reply::decode(&bytes))
    }

    /// Sends `request` and waits for its reply.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn request(&self, request: &Request) -> Reply {
        match self.try_request(request, PATIENCE) {
            Ok(reply) => reply,
            Err(error) => panic!("no reply to {request:?}: {error}"),
        }
    }

    /// Sends `body` under `cookie`, again each second, and returns what follows the cookie in the reply.
    ///
    /// # Errors
    /// When no reply came within `patience`.
    pub fn exchange(&self, cookie: &str, body: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
        let datagram = [cookie.as_bytes(), b" ", body].concat();
        let start = Instant::now();
        while start.elapsed() < patience {
            self.send_raw(&datagram)?;
            let wait = (patience.saturating_sub(start.elapsed())).min(Duration::from_secs(1));
            if let Some(reply) = self.reply_to(cookie, wait)? {
                return Ok(reply);
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Sends `datagram` as it is.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send_raw(&self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, self.server).map(drop)
    }

    /// Waits for a reply under `cookie`; replies under others are dropped. `None` when `wait` passes.
    ///
    /// # Errors
    /// What the socket says.
    pub fn reply_to(&self, cookie: &str, wait: Duration) -> io::Result<Option<Vec<u8>>> {
        let start = Instant::now();
        loop {
            let Some(reply) = self.receive_raw(wait.saturating_sub(start.elapsed()))? else {
                return Ok(None);
            };
            let rest = reply.strip_prefix(cookie.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
            if let Some(rest) = rest {
                return Ok(Some(rest.to_vec()));
            }
        }
    }

    /// Takes a reply under `cookie` if it is there already, without waiting.
    ///
    /// # Errors
    /// What the socket says.
    pub fn poll_reply(&self, cookie: &str) -> io::Result<Option<Vec<u8>>> {
        self.socket.set_nonblocking(true)?;
        let mut buffer = vec![0; 65536];
        let received = self.socket.recv_from(&mut buffer);
        self.socket.set_nonblocking(false)?;
        match received {
            Ok((length, _)) => {
                let rest = buffer[..length].strip_prefix(cookie.as_bytes());
                Ok(rest.and_then(|rest| rest.strip_prefix(b" ")).map(<[u8]>::to_vec))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits for any datagram from the daemon. `None` when `wait` passes.
    ///
    /// # Errors
    /// What the socket says.
    pub fn receive_raw(&self, wait: Duration) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = vec![0; 65536];
        self.socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        loop {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    assert_eq!(from, self.server, "a reply comes from where the request went");
                    buffer.truncate(length);
                    return Ok(Some(buffer));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // While the daemon starts, the port is closed and ICMP says so.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => (),
                Err(error) => return Err(error),
            }
        }
    }

    /// The client's own address.
    ///
    /// # Errors
    /// What the socket says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}
