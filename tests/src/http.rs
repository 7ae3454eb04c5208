//! A small HTTP and WebSocket client: just enough to see byte by byte what the daemon does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

const PATIENCE: Duration = Duration::from_secs(5);

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that stays open over several requests.
#[derive(Debug)]
pub struct Http {
    stream: BufReader<TcpStream>,
}

impl Http {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a request with a body, without one if `kind` is `None`, and reads the response.
    ///
    /// # Errors
    /// When the connection ends first or what comes is no HTTP.
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        kind: Option<&str>,
        body: &[u8],
    ) -> io::Result<Response> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: relay\r\n");
        if let Some(kind) = kind {
            head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        }
        self.send(&[head.as_bytes(), b"\r\n", body].concat())?;
        self.response()
    }

    /// Reads a response.
    ///
    /// # Errors
    /// When the connection ends first or what comes is no HTTP.
    pub fn response(&mut self) -> io::Result<Response> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: {first:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            headers.push((name.to_lowercase(), value.trim().to_string()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        let length = response.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        response.body = vec![0; length];
        self.stream.read_exact(&mut response.body)?;
        Ok(response)
    }

    /// Whether the other side has closed the connection, without another byte.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        self.stream.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_string())
    }
}

/// Kinds of WebSocket frames (RFC 6455 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum Frame {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// A WebSocket connection.
#[derive(Debug)]
pub struct WebSocket {
    http: Http,
}

impl WebSocket {
    /// Asks for an upgrade to a sub-protocol, or to none.
    ///
    /// # Errors
    /// With the status code as text when the upgrade is refused.
    pub fn connect(to: SocketAddr, path: &str, protocol: Option<&str>) -> io::Result<Self> {
        let mut http = Http::connect(to)?;
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let protocol_line =
            protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{protocol_line}\r\n"
        );
        http.send(request.as_bytes())?;
        let response = http.response()?;
        if response.status != 101 {
            return Err(io::Error::other(response.status.to_string()));
        }
        let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        assert_eq!(response.header("sec-websocket-accept"), Some(&STANDARD.encode(digest)[..]));
        assert_eq!(response.header("sec-websocket-protocol"), protocol);
        Ok(Self { http })
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send(&mut self, kind: Frame, last: bool, payload: &[u8]) -> io::Result<()> {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut out = vec![u8::from(last) << 7 | kind as u8];
        match payload.len() {
            length @ 0..126 => out.push(0x80 | length as u8),
            length @ 126..65536 => {
                out.push(0x80 | 126);
                out.extend((length as u16).to_be_bytes());
            }
            length => {
                out.push(0x80 | 127);
                out.extend((length as u64).to_be_bytes());
            }
        }
        out.extend(mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.http.send(&out)
    }

    /// Receives one frame that stands alone.
    ///
    /// # Errors
    /// When the connection ends first.
    ///
    /// # Panics
    /// When the frame is masked, a fragment, or of an unknown kind: a server sends no such.
    pub fn receive(&mut self) -> io::Result<(Frame, Vec<u8>)> {
        let mut head = [0; 2];
        self.http.stream.read_exact(&mut head)?;
        assert!(head[0] & 0x80 != 0 && head[1] & 0x80 == 0, "a whole frame, unmasked: {head:02x?}");
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.http.stream.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.http.stream.read_exact(&mut length)?;
                usize::try_from(u64::from_be_bytes(length)).map_err(io::Error::other)?
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.http.stream.read_exact(&mut payload)?;
        let kinds = [Frame::Continuation, Frame::Text, Frame::Binary, Frame::Close, Frame::Ping, Frame::Pong];
        let kind = kinds.into_iter().find(|kind| *kind as u8 == head[0] & 15).expect("a known kind");
        Ok((kind, payload))
    }
}
