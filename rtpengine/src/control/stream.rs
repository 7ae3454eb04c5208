//! TCP connections of control protocols: non-blocking, bounded in both directions.

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

/// Bytes of replies that may wait for a slow reader; one that has more waiting is cut off.
const MAX_UNSENT: usize = 4 << 20;

/// Bytes read from one connection per turn, so that a fast writer does not hold up the others.
const READ_PER_TURN: usize = 256 << 10;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// The other end.
    pub peer: SocketAddr,
    unsent: Vec<u8>,
    sent: usize,
    closing: bool,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// Nothing more for now.
    Drained,
    /// There is more: come back next turn.
    More,
    /// The other side has ended its stream, or the connection broke.
    Closed,
}

impl Connection {
    /// Takes over an accepted stream.
    pub fn new(
        mut stream: TcpStream,
        peer: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        // Small replies leave at once; a refusal costs latency only.
        let _ = stream.set_nodelay(true);
        Ok(Self { stream, peer, unsent: Vec::new(), sent: 0, closing: false })
    }

    /// Reads what is there, in pieces.
    pub fn read(&mut self, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> ReadEnd {
        let mut total = 0;
        while total < READ_PER_TURN {
            match self.stream.read(buffer) {
                Ok(0) => return ReadEnd::Closed,
                Ok(length) => {
                    take(&buffer[..length]);
                    total += length;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return ReadEnd::Drained,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return ReadEnd::Closed,
            }
        }
        ReadEnd::More
    }

    /// Sends bytes now or when the peer reads. `false`: the connection is of no more use.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.unsent.extend_from_slice(bytes);
        self.flush()
    }

    /// Sends what waits. `false`: the connection is of no more use, or finished.
    pub fn flush(&mut self) -> bool {
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.unsent.len() - self.sent <= MAX_UNSENT;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.unsent.clear();
        self.sent = 0;
        if self.closing {
            // The peer may be gone already.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        !self.closing
    }

    /// Ends the connection once everything is sent. `true`: that is so already.
    pub fn finish(&mut self) -> bool {
        self.closing = true;
        !self.flush()
    }
}

/// Accepts what waits at a listener, at most so many per turn. `true`: there may be more.
pub fn accept(listener: &TcpListener, limit: usize, mut take: impl FnMut(TcpStream, SocketAddr)) -> bool {
    for _ in 0..limit {
        match listener.accept() {
            Ok((stream, peer)) => take(stream, peer),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A connection that went away while it waited, or no descriptor left: the listener stays.
            Err(_) => return false,
        }
    }
    true
}

/// Opens a listener.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(TcpListener::from_std(socket.into()))
}
