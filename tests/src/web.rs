//! Clients of the daemon's HTTP side that write what they are told, right or wrong: HTTP/1.1 and WebSocket, over TCP or TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};

/// How long a response may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// The content type of ng dictionaries.
pub const NG: &str = "application/x-rtpengine-ng";

/// What a client talks over.
pub trait Stream: Read + Write + std::fmt::Debug {}
impl<T: Read + Write + std::fmt::Debug> Stream for T {}

/// A response with its headers in the order they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, as long as `Content-Length` says.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that speaks HTTP.
#[derive(Debug)]
pub struct Http {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream =
        TcpStream::connect(server).unwrap_or_else(|error| panic!("no connection to {server}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).expect("a valid time");
    stream.set_write_timeout(Some(PATIENCE)).expect("a valid time");
    stream.set_nodelay(true).expect("TCP has that");
    stream
}

impl Http {
    /// Connects in clear.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn connect(server: SocketAddr) -> Self {
        Self { stream: Box::new(connect(server)), unread: Vec::new() }
    }

    /// Connects with TLS and believes any certificate.
    ///
    /// # Panics
    /// When there is no TLS.
    #[must_use]
    pub fn connect_tls(server: SocketAddr) -> Self {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).expect("OpenSSL works");
        builder.set_verify(SslVerifyMode::NONE);
        let stream: SslStream<TcpStream> =
            builder.build().connect("localhost", connect(server)).expect("a TLS server");
        Self { stream: Box::new(stream), unread: Vec::new() }
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// What the socket says.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Writes bytes as they are.
    ///
    /// # Panics
    /// When the connection is closed.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes.as_ref()).expect("the connection is open");
        self
    }

    /// Sends a GET and returns the response.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n")).response()
    }

    /// Sends a POST and returns the response.
    #[track_caller]
    pub fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> Response {
        self.send(post(path, content_type, body)).response()
    }

    /// Reads a response.
    ///
    /// # Panics
    /// When none comes, or it is none.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        self.try_response().expect("a response").expect("a response instead of the end")
    }

    /// Reads a response; `None` if the connection ends instead.
    ///
    /// # Errors
    /// What the socket says.
    ///
    /// # Panics
    /// When what comes is no response.
    pub fn try_response(&mut self) -> io::Result<Option<Response>> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.read_more()? == 0 {
                assert!(self.unread.is_empty(), "half a response: {:?}", self.unread.escape_ascii());
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).expect("a status line");
        let status = status.get(..3).and_then(|code| code.parse().ok()).expect("a status code");
        let split = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_string(), value.trim().to_string())
        };
        let mut response = Response { status, headers: lines.map(split).collect(), body: Vec::new() };
        let length = response.header("content-length").map_or(0, |text| text.parse().expect("a number"));
        while self.unread.len() < length {
            assert_ne!(self.read_more()?, 0, "the body ends early");
        }
        response.body = self.unread.drain(..length).collect();
        Ok(Some(response))
    }

    fn read_more(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16384];
        let length = match self.stream.read(&mut chunk) {
            Ok(length) => length,
            // Closed with bytes of ours unread: the same as an end for a client that gets no response.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(error) => return Err(error),
        };
        self.unread.extend_from_slice(&chunk[..length]);
        Ok(length)
    }

    /// Reads until the connection ends.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more().expect("bytes or the end") > 0 {}
        std::mem::take(&mut self.unread)
    }

    /// Whether the connection ends without another response.
    ///
    /// # Panics
    /// When neither an end nor a response comes in time.
    pub fn is_closed(&mut self) -> bool {
        self.try_response().expect("an end or a response").is_none()
    }

    /// Asks for a WebSocket with a sub-protocol.
    ///
    /// # Errors
    /// The response that refuses it.
    ///
    /// # Panics
    /// When there is no response, or one that RFC 6455 does not allow.
    pub fn upgrade(self, sub_protocol: Option<&str>) -> Result<WebSocket, Response> {
        self.upgrade_at("relay", "/any/path", sub_protocol)
    }

    /// Asks a host for a WebSocket at a path.
    ///
    /// # Errors
    /// The response that refuses it.
    ///
    /// # Panics
    /// When there is no response, or one that RFC 6455 does not allow.
    pub fn upgrade_at(
        mut self,
        host: &str,
        path: &str,
        sub_protocol: Option<&str>,
    ) -> Result<WebSocket, Response> {
        let protocol =
            sub_protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
        self.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
        ));
        let response = self.response();
        if response.status != 101 {
            return Err(response);
        }
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(response.header("sec-websocket-protocol"), sub_protocol);
        Ok(WebSocket { http: self })
    }
}

/// A POST as bytes.
#[must_use]
pub fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: relay\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Opcodes of RFC 6455 section 5.2.
pub mod opcode {
    /// A further fragment.
    pub const CONTINUATION: u8 = 0;
    /// Text.
    pub const TEXT: u8 = 1;
    /// Bytes.
    pub const BINARY: u8 = 2;
    /// The end.
    pub const CLOSE: u8 = 8;
    /// Asks for a pong.
    pub const PING: u8 = 9;
    /// Answers a ping.
    pub const PONG: u8 = 10;
}

/// A connection that speaks WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    http: Http,
}

impl WebSocket {
    /// Sends one frame; `last` is FIN.
    ///
    /// # Panics
    /// When the connection is closed.
    #[track_caller]
    pub fn frame(&mut self, opcode: u8, last: bool, payload: &[u8]) -> &mut Self {
        const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
        let mut bytes = vec![u8::from(last) << 7 | opcode];
        match payload.len() {
            length @ ..126 => bytes.push(0x80 | u8::try_from(length).expect("small")),
            length @ ..65536 => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&u16::try_from(length).expect("small").to_be_bytes());
            }
            length => {
                bytes.push(0x80 | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.http.send(bytes);
        self
    }

    /// Sends a binary message.
    #[track_caller]
    pub fn binary(&mut self, payload: impl AsRef<[u8]>) -> &mut Self {
        self.frame(opcode::BINARY, true, payload.as_ref())
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.http.send(bytes);
        self
    }

    /// Reads a frame: opcode and payload. `None`: the connection ended.
    ///
    /// # Panics
    /// When nothing comes in time, or something that a server must not send.
    #[track_caller]
    pub fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.bytes(2)?;
        assert_eq!(head[0] & 0xf0, 0x80, "one unfragmented frame");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.bytes(2)?.try_into().expect("two"))),
            127 => u64::from_be_bytes(self.bytes(8)?.try_into().expect("eight")),
            length => u64::from(length),
        };
        assert!(length < 1 << 24, "a server does not mask, nor send that much");
        let payload = self.bytes(usize::try_from(length).expect("small"))?;
        Some((head[0] & 0xf, payload))
    }

    /// Reads a binary message.
    ///
    /// # Panics
    /// When something else comes.
    #[track_caller]
    pub fn message(&mut self) -> Vec<u8> {
        let (opcode, payload) = self.read().expect("a message instead of the end");
        assert_eq!(opcode, opcode::BINARY, "replies are binary");
        payload
    }

    fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.http.unread.len() < count {
            if self.http.read_more().expect("a frame or the end") == 0 {
                return None;
            }
        }
        Some(self.http.unread.drain(..count).collect())
    }
}
