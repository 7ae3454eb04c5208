//! A small synchronous client of the protocol, for command lines, tests and load programs.
//!
//! [`datagram`] alone is enough for a program that keeps many requests under way at once. [`UdpClient`] repeats the
//! identical datagram until a reply with its cookie arrives, as the SIP modules do (ng-control.md §1.6, §15.1).

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use super::{Dict, Encoding, Framer, Message, Rejected, split};

/// Why a request got no usable reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No reply in time, all repetitions included.
    #[error("no reply")]
    Timeout,
    /// The reply cannot be decoded.
    #[error("reply: {0}")]
    Reply(#[from] Rejected),
    /// The connection was closed before the reply.
    #[error("connection closed")]
    Closed,
    /// More bytes than a reply may have.
    #[error("reply too long")]
    TooLong,
}

/// Makes cookies that differ between clients and between requests: 16 hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Cookies {
    next: u64,
}

impl Cookies {
    /// Cookies beginning at a random place.
    pub fn new() -> Self {
        Self::starting_at(rand::random())
    }

    /// Cookies beginning here: for reproducible runs.
    pub fn starting_at(seed: u64) -> Self {
        Self { next: seed }
    }

    /// The next cookie.
    pub fn next_cookie(&mut self) -> [u8; 16] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        // An odd constant keeps the sequence a permutation, and successive cookies do not look alike.
        let number = self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.next = self.next.wrapping_add(1);
        std::array::from_fn(|digit| HEX[(number >> (60 - 4 * digit) & 15) as usize])
    }
}

impl Default for Cookies {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes of a request: cookie, space, dictionary.
pub fn datagram(cookie: &[u8], encoding: Encoding, request: &Dict<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(cookie);
    out.push(b' ');
    encoding.write(request, &mut out);
    out
}

/// The payload of a reply that carries this cookie.
pub fn payload_of<'r>(reply: &'r [u8], cookie: &[u8]) -> Option<&'r [u8]> {
    split(reply).filter(|reply| reply.cookie == cookie).map(|reply| reply.payload)
}

fn decode(payload: &[u8]) -> Result<Dict<'static>, ClientError> {
    Ok(Message::decode(payload)?.dict.into_owned())
}

/// One request after the other over UDP.
#[derive(Debug)]
pub struct UdpClient {
    socket: UdpSocket,
    cookies: Cookies,
    encoding: Encoding,
    timeout: Duration,
    attempts: u32,
    buffer: Vec<u8>,
}

impl UdpClient {
    /// A client of the daemon at this address: bencode, 1 s per attempt, 5 attempts, as the SIP modules do.
    pub fn connect(daemon: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
        for address in daemon.to_socket_addrs()? {
            match connected_socket(address) {
                Ok(socket) => return Ok(Self::over(socket)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A client over a connected socket.
    pub fn over(socket: UdpSocket) -> Self {
        Self {
            socket,
            cookies: Cookies::new(),
            encoding: Encoding::Bencode,
            timeout: Duration::from_secs(1),
            attempts: 5,
            buffer: vec![0; 65_536],
        }
    }

    /// Chooses the encoding of requests.
    #[must_use]
    pub fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Chooses how long to wait for a reply and how often to send the request (at least once).
    #[must_use]
    pub fn with_patience(mut self, timeout: Duration, attempts: u32) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self.attempts = attempts.max(1);
        self
    }

    /// Sends a request and waits for its reply.
    pub fn request(&mut self, request: &Dict<'_>) -> Result<Dict<'static>, ClientError> {
        let cookie = self.cookies.next_cookie();
        let datagram = datagram(&cookie, self.encoding, request);
        self.exchange(&cookie, &datagram)
    }

    /// Sends a datagram that was built elsewhere, always with the same bytes, and waits for the reply with its cookie.
    pub fn exchange(&mut self, cookie: &[u8], datagram: &[u8]) -> Result<Dict<'static>, ClientError> {
        for _ in 0..self.attempts {
            self.socket.send(datagram)?;
            if let Some(reply) = self.await_reply(cookie)? {
                return decode(&reply);
            }
        }
        Err(ClientError::Timeout)
    }

    /// The payload of the reply, or nothing within the time of one attempt. Replies to other requests are ignored.
    fn await_reply(&mut self, cookie: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => {
                    let reply = self.buffer.get(..length).unwrap_or_default();
                    if let Some(payload) = payload_of(reply, cookie) {
                        return Ok(Some(payload.to_vec()));
                    }
                }
                Err(error) if is_timeout(&error) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn connected_socket(daemon: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if daemon.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(daemon)?;
    Ok(socket)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// One request after the other over TCP. Messages the daemon sends unasked are kept for [`TcpClient::take_unasked`].
#[derive(Debug)]
pub struct TcpClient {
    stream: TcpStream,
    framer: Framer,
    cookies: Cookies,
    timeout: Duration,
    unasked: Vec<Dict<'static>>,
}

impl TcpClient {
    /// Messages kept for [`TcpClient::take_unasked`]; later ones are dropped until they are taken.
    pub const MAX_UNASKED: usize = 1024;
    /// Bytes of one reply: larger than any listing of statistics.
    const MAX_REPLY: usize = 16 * 1024 * 1024;

    /// A client of the daemon at this address that waits 5 s for a reply.
    pub fn connect(daemon: impl ToSocketAddrs) -> io::Result<Self> {
        let stream = TcpStream::connect(daemon)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            framer: Framer::new(Self::MAX_REPLY),
            cookies: Cookies::new(),
            timeout: Duration::from_secs(5),
            unasked: Vec::new(),
        })
    }

    /// Chooses how long to wait for a reply.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Sends a request and waits for its reply. TCP carries bencode only (ng-control.md §1.3.5).
    pub fn request(&mut self, request: &Dict<'_>) -> Result<Dict<'static>, ClientError> {
        let cookie = self.cookies.next_cookie();
        self.stream.write_all(&datagram(&cookie, Encoding::Bencode, request))?;
        let deadline = Instant::now() + self.timeout;
        loop {
            if let Some(reply) = self.next_with_cookie(&cookie)? {
                return Ok(reply);
            }
            self.read_more(deadline)?;
        }
    }

    /// Waits for the next message that answers no request of this client.
    pub fn await_unasked(&mut self) -> Result<Dict<'static>, ClientError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            // No cookie is empty, so every message counts as unasked.
            self.next_with_cookie(b"")?;
            if !self.unasked.is_empty() {
                return Ok(self.unasked.remove(0));
            }
            self.read_more(deadline)?;
        }
    }

    /// The messages that answered no request, oldest first.
    pub fn take_unasked(&mut self) -> Vec<Dict<'static>> {
        std::mem::take(&mut self.unasked)
    }

    fn next_with_cookie(&mut self, cookie: &[u8]) -> Result<Option<Dict<'static>>, ClientError> {
        while let Some(unit) = self.framer.next_unit() {
            let message = decode(unit.payload)?;
            if unit.cookie == cookie {
                return Ok(Some(message));
            }
            if self.unasked.len() < Self::MAX_UNASKED {
                self.unasked.push(message);
            }
        }
        if self.framer.is_overfull() { Err(ClientError::TooLong) } else { Ok(None) }
    }

    fn read_more(&mut self, deadline: Instant) -> Result<(), ClientError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ClientError::Timeout);
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut piece = [0; 16_384];
        match self.stream.read(&mut piece) {
            Ok(0) => Err(ClientError::Closed),
            Ok(length) => {
                self.framer.push(piece.get(..length).unwrap_or_default());
                Ok(())
            }
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::ng::Reply;

    /// A daemon that treats each datagram as told.
    fn daemon(answer: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            for count in 0.. {
                let Ok((length, peer)) = socket.recv_from(&mut buffer) else { return };
                for reply in answer(count, &buffer[..length]) {
                    socket.send_to(&reply, peer).unwrap();
                }
            }
        });
        address
    }

    fn ping() -> Dict<'static> {
        Dict::new().with("command", "ping")
    }

    fn pong(request: &[u8]) -> Vec<u8> {
        let request = split(request).unwrap();
        let encoding = Message::decode(request.payload).unwrap().encoding;
        Reply::pong().to_vec(encoding, Some(request.cookie))
    }

    #[test]
    fn cookies_are_hexadecimal_and_differ() {
        let mut cookies = Cookies::starting_at(1);
        let first = cookies.next_cookie();
        assert_eq!(&first, b"9e3779b97f4a7c15");
        assert_ne!(first, cookies.next_cookie());
    }

    #[test]
    fn datagrams_are_plain_functions() {
        assert_eq!(datagram(b"c", Encoding::Bencode, &ping()), b"c d7:command4:pinge");
        assert_eq!(datagram(b"c", Encoding::Json, &ping()), br#"c {"command":"ping"}"#);
        assert_eq!(payload_of(b"c de", b"c"), Some(&b"de"[..]));
        assert_eq!(payload_of(b"cd de", b"c"), None);
    }

    #[test]
    fn ping_in_both_encodings() {
        let address = daemon(|_, request| vec![pong(request)]);
        for encoding in [Encoding::Bencode, Encoding::Json] {
            let mut client = UdpClient::connect(address).unwrap().with_encoding(encoding);
            assert_eq!(client.request(&ping()).unwrap().text("result"), Some("pong"));
        }
    }

    #[test]
    fn repeats_the_same_bytes_and_ignores_foreign_cookies() {
        let seen = std::sync::Mutex::new(Vec::new());
        let address = daemon(move |count, request| {
            let mut seen = seen.lock().unwrap();
            seen.push(request.to_vec());
            assert!(seen.iter().all(|earlier| earlier == request));
            match count {
                0 => vec![],
                1 => vec![b"foreign d6:result2:oke".to_vec(), b"garbage".to_vec()],
                _ => vec![b"foreign d6:result2:oke".to_vec(), pong(request)],
            }
        });
        let mut client = UdpClient::connect(address).unwrap().with_patience(Duration::from_millis(30), 20);
        assert_eq!(client.request(&ping()).unwrap().text("result"), Some("pong"));
    }

    #[test]
    fn gives_up_after_all_attempts() {
        let address = daemon(|_, _| vec![]);
        let mut client = UdpClient::connect(address).unwrap().with_patience(Duration::from_millis(5), 3);
        assert!(matches!(client.request(&ping()), Err(ClientError::Timeout)));
    }

    #[test]
    fn tcp_keeps_messages_that_come_unasked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut framer = Framer::default();
            let mut piece = [0; 512];
            for _ in 0..2 {
                let unit = loop {
                    if let Some(unit) = framer.next_unit() {
                        break unit.cookie.to_vec();
                    }
                    let length = stream.read(&mut piece).unwrap();
                    framer.push(&piece[..length]);
                };
                stream.write_all(b"0123456789abcdef d6:notify6:onDTMFe").unwrap();
                stream.write_all(&Reply::pong().to_vec(Encoding::Bencode, Some(&unit))).unwrap();
            }
            stream.write_all(b"0123456789abcdef d6:notify4:laste").unwrap();
        });
        let mut client = TcpClient::connect(address).unwrap();
        for _ in 0..2 {
            assert_eq!(client.request(&ping()).unwrap().text("result"), Some("pong"));
        }
        let unasked = client.take_unasked();
        assert_eq!(unasked.len(), 2);
        assert_eq!(unasked[0].text("notify"), Some("onDTMF"));
        assert_eq!(client.await_unasked().unwrap().text("notify"), Some("last"));
        server.join().unwrap();
        assert!(matches!(client.request(&ping()), Err(ClientError::Closed | ClientError::Io(_))));
    }
}
