//! The sockets of the control side: ng over UDP and TCP, and the CLI. One readiness set (mio), one queue of what is ready.

use super::http::ask::Caller;
use super::stream::{Connection, ReadEnd, accept};
use crate::flow::Level;
use crate::net::packet_info::{RequestSocket, Route};
use crate::net::socket::ReceiveError;
use crate::report::log;
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rtpengine_common::ng::Framer;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

/// Connections accepted per turn.
const ACCEPTS: usize = 16;

/// Bytes of a CLI line without its end (operations.md 6.1 rule 3).
const CLI_LINE: usize = 1024;

/// The largest datagram.
const DATAGRAM: usize = 65_536;

/// What a listener's connections speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// ng units one after the other.
    Ng,
    /// One command line.
    Cli,
}

/// Where a reply goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// Back the way a datagram came.
    Datagram {
        /// The socket it came to.
        socket: usize,
        /// Peer and local address.
        route: Route,
    },
    /// Into a connection, if it is still there.
    Connection {
        /// Its place.
        place: usize,
        /// Which use of the place.
        generation: u32,
    },
    /// To whoever asked on the HTTP side.
    Caller(Caller),
}

/// A unit that arrived.
#[derive(Debug)]
pub struct Arrival {
    /// Where in the buffer it is.
    pub range: Range<usize>,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where the reply goes.
    pub target: Target,
    /// Who sent it.
    pub agent: SocketAddr,
}

#[derive(Debug)]
enum Reader {
    Ng(Framer),
    Cli(Vec<u8>),
}

#[derive(Debug)]
struct Peer {
    connection: Connection,
    reader: Reader,
    /// The other side has ended its stream: what arrived is still answered.
    ended: bool,
    /// Units handed out and not answered yet.
    unanswered: u32,
}

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    peer: Option<Peer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Datagrams(usize),
    Listener(usize),
    Connection(usize),
}

/// All control sockets.
#[derive(Debug)]
pub struct Listeners {
    poll: Poll,
    events: Events,
    datagrams: Vec<RequestSocket>,
    listeners: Vec<(TcpListener, Protocol)>,
    places: Vec<Place>,
    free: Vec<usize>,
    ready: VecDeque<Ready>,
    buffer: Vec<u8>,
}

/// Tokens: datagram sockets count up from 0, listeners from this, connections from the next.
const LISTENERS: usize = 1 << 16;
const CONNECTIONS: usize = 1 << 17;

impl Listeners {
    /// Takes over open sockets.
    pub fn new(datagrams: Vec<RequestSocket>, listeners: Vec<(TcpListener, Protocol)>) -> io::Result<Self> {
        let mut made = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(128),
            datagrams,
            listeners,
            places: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            buffer: vec![0; DATAGRAM],
        };
        let registry = made.poll.registry();
        for (at, socket) in made.datagrams.iter().enumerate() {
            registry.register(&mut SourceFd(&socket.as_raw_fd()), Token(at), Interest::READABLE)?;
        }
        for (at, (listener, _)) in made.listeners.iter_mut().enumerate() {
            registry.register(listener, Token(LISTENERS + at), Interest::READABLE)?;
        }
        Ok(made)
    }

    /// The addresses of the UDP sockets.
    pub fn datagram_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.datagrams.iter().map(RequestSocket::local)
    }

    /// Sets TOS of the UDP sockets.
    pub fn set_tos(&self, tos: u8) {
        self.datagrams.iter().for_each(|socket| socket.set_tos(tos));
    }

    /// Notes what became ready, without waiting.
    pub fn poll(&mut self) {
        if let Err(error) = self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            if error.kind() != io::ErrorKind::Interrupted {
                log::control(Level::Error, || format!("Polling for requests failed: {error}"));
            }
            return;
        }
        let mut broken = Vec::new();
        for event in &self.events {
            let ready = match event.token().0 {
                at if at < LISTENERS => Ready::Datagrams(at),
                at if at < CONNECTIONS => Ready::Listener(at - LISTENERS),
                at => Ready::Connection(at - CONNECTIONS),
            };
            if let (Ready::Connection(at), true) = (ready, event.is_writable()) {
                let peer = self.places.get_mut(at).and_then(|place| place.peer.as_mut());
                if peer.is_some_and(|peer| !peer.connection.flush()) {
                    broken.push(at);
                }
            }
            if event.is_readable() && !self.ready.contains(&ready) {
                self.ready.push_back(ready);
            }
        }
        for at in broken {
            self.close(at);
        }
    }

    /// The buffer for units, which the caller keeps while it handles one.
    pub fn take_buffer(&mut self) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut self.buffer);
        // It is gone if the code of a call failed while it was out.
        buffer.resize(buffer.len().max(DATAGRAM), 0);
        buffer
    }

    /// Gives the buffer back.
    pub fn return_buffer(&mut self, buffer: Vec<u8>) {
        self.buffer = buffer;
    }

    /// The next unit that arrived, sources in turn. `None`: nothing is ready any more.
    pub fn next(&mut self, buffer: &mut Vec<u8>) -> Option<Arrival> {
        while let Some(ready) = self.ready.pop_front() {
            let arrival = match ready {
                Ready::Datagrams(at) => self.datagram(at, buffer),
                Ready::Listener(at) => {
                    self.accept(at);
                    None
                }
                Ready::Connection(at) => self.unit(at, buffer),
            };
            if arrival.is_some() {
                self.ready.push_back(ready);
                return arrival;
            }
        }
        None
    }

    fn datagram(&mut self, at: usize, buffer: &mut [u8]) -> Option<Arrival> {
        let socket = self.datagrams.get(at)?;
        match socket.receive(buffer) {
            Ok((length, route)) => Some(Arrival {
                range: 0..length,
                protocol: Protocol::Ng,
                target: Target::Datagram { socket: at, route },
                agent: route.peer,
            }),
            Err(ReceiveError::Empty) => None,
            Err(ReceiveError::Broken(error)) => {
                log::control(Level::Error, || format!("Reading requests failed: {error}"));
                None
            }
        }
    }

    fn accept(&mut self, at: usize) {
        let Some((listener, protocol)) = self.listeners.get(at) else { return };
        let protocol = *protocol;
        let mut accepted: Vec<(TcpStream, SocketAddr)> = Vec::new();
        let more = accept(listener, ACCEPTS, |stream, peer| accepted.push((stream, peer)));
        for (stream, peer) in accepted {
            self.add(stream, peer, protocol);
        }
        if more {
            self.ready.push_back(Ready::Listener(at));
        }
    }

    fn add(&mut self, stream: TcpStream, agent: SocketAddr, protocol: Protocol) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() - 1
        });
        let token = Token(CONNECTIONS + at);
        let Ok(connection) = Connection::new(stream, agent, self.poll.registry(), token) else {
            self.free.push(at);
            return;
        };
        let reader = match protocol {
            Protocol::Ng => Reader::Ng(Framer::new(Framer::DEFAULT_LIMIT)),
            Protocol::Cli => Reader::Cli(Vec::new()),
        };
        let kind = if protocol == Protocol::Cli { "cli" } else { "TCP control ng" };
        log::control(Level::Info, || format!("New {kind} connection from {agent}"));
        self.places[at].peer = Some(Peer { connection, reader, ended: false, unanswered: 0 });
    }

    /// The next unit of a connection; reads when none is complete.
    fn unit(&mut self, at: usize, buffer: &mut Vec<u8>) -> Option<Arrival> {
        loop {
            let place = self.places.get_mut(at)?;
            let generation = place.generation;
            let peer = place.peer.as_mut()?;
            let agent = peer.connection.peer;
            if let Some((range, protocol)) = peer.take_unit(buffer) {
                peer.unanswered = peer.unanswered.saturating_add(1);
                let target = Target::Connection { place: at, generation };
                return Some(Arrival { range, protocol, target, agent });
            }
            if peer.is_overfull() {
                let kind = if matches!(peer.reader, Reader::Cli(_)) { "CLI" } else { "TCP control ng" };
                log::control(Level::Warning, || {
                    format!("Buffer length exceeded in {kind} connection from {agent}")
                });
                self.close(at);
                return None;
            }
            if peer.ended {
                self.finish_if_done(at);
                return None;
            }
            if !peer.read() {
                return None;
            }
        }
    }

    /// Sends a reply. What cannot be sent is lost: the agent asks again.
    pub fn send(&mut self, target: &Target, bytes: &[u8]) {
        match target {
            Target::Datagram { socket, route } => {
                let Some(socket) = self.datagrams.get(*socket) else { return };
                if let Err(error) = socket.send(bytes, *route) {
                    let (length, peer) = (bytes.len(), route.peer);
                    log::control(Level::Warning, || {
                        format!("Reply of {length} bytes to {peer} is lost: {error}")
                    });
                }
            }
            Target::Caller(caller) => caller.answer(bytes),
            Target::Connection { place: at, generation } => {
                let Some(place) = self.places.get_mut(*at).filter(|p| p.generation == *generation) else {
                    return;
                };
                let Some(peer) = place.peer.as_mut() else { return };
                if peer.connection.send(bytes) {
                    self.answered(target);
                } else {
                    self.close(*at);
                }
            }
        }
    }

    /// A unit has its answer, or gets none.
    pub fn answered(&mut self, target: &Target) {
        let Target::Connection { place: at, generation } = target else { return };
        let place = self.places.get_mut(*at).filter(|place| place.generation == *generation);
        let Some(peer) = place.and_then(|place| place.peer.as_mut()) else { return };
        peer.unanswered = peer.unanswered.saturating_sub(1);
        self.finish_if_done(*at);
    }

    /// Ends a connection whose other side has ended its stream and has all its answers.
    fn finish_if_done(&mut self, at: usize) {
        let Some(peer) = self.places.get_mut(at).and_then(|place| place.peer.as_mut()) else { return };
        if peer.ended && peer.unanswered == 0 && peer.connection.finish() {
            self.close(at);
        }
    }

    /// Ends a connection once everything is sent (the CLI answers one line per connection).
    pub fn finish(&mut self, target: &Target) {
        let Target::Connection { place: at, generation } = target else { return };
        let place = self.places.get_mut(*at).filter(|place| place.generation == *generation);
        let Some(peer) = place.and_then(|place| place.peer.as_mut()) else { return };
        if peer.connection.finish() {
            self.close(*at);
        }
    }

    /// Sends bytes to every ng connection (ng-control.md 1.7).
    pub fn broadcast(&mut self, bytes: &[u8]) {
        let mut broken = Vec::new();
        for (at, place) in self.places.iter_mut().enumerate() {
            let Some(peer) = &mut place.peer else { continue };
            if matches!(peer.reader, Reader::Ng(_)) && !peer.connection.send(bytes) {
                broken.push(at);
            }
        }
        broken.into_iter().for_each(|at| self.close(at));
    }

    fn close(&mut self, at: usize) {
        let Some(place) = self.places.get_mut(at) else { return };
        if place.peer.take().is_some() {
            place.generation = place.generation.wrapping_add(1);
            self.free.push(at);
        }
    }
}

impl Peer {
    fn take_unit(&mut self, buffer: &mut Vec<u8>) -> Option<(Range<usize>, Protocol)> {
        let length = match &mut self.reader {
            Reader::Ng(framer) => {
                let unit = framer.next_unit()?;
                let length = unit.cookie.len() + 1 + unit.payload.len();
                buffer.resize(buffer.len().max(length), 0);
                buffer[..unit.cookie.len()].copy_from_slice(unit.cookie);
                buffer[unit.cookie.len()] = b' ';
                buffer[unit.cookie.len() + 1..length].copy_from_slice(unit.payload);
                return Some((0..length, Protocol::Ng));
            }
            Reader::Cli(line) => {
                let length = line.iter().position(|byte| *byte == b'\n')?;
                buffer[..length].copy_from_slice(&line[..length]);
                // One command per connection: whatever follows is not looked at.
                line.clear();
                length
            }
        };
        let end = if length > 0 && buffer[length - 1] == b'\r' { length - 1 } else { length };
        Some((0..end, Protocol::Cli))
    }

    fn is_overfull(&self) -> bool {
        match &self.reader {
            Reader::Ng(framer) => framer.is_overfull(),
            Reader::Cli(line) => line.len() > CLI_LINE,
        }
    }

    /// Reads more. `false`: there is nothing more for now.
    fn read(&mut self) -> bool {
        let mut chunk = [0; 16 << 10];
        let (reader, mut any) = (&mut self.reader, false);
        let end = self.connection.read(&mut chunk, |bytes| {
            any = true;
            match reader {
                Reader::Ng(framer) => framer.push(bytes),
                Reader::Cli(line) => {
                    let room = (CLI_LINE + 1).saturating_sub(line.len());
                    line.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
            }
        });
        if end == ReadEnd::Closed {
            self.ended = true;
            return true;
        }
        any
    }
}

impl AsFd for Listeners {
    fn as_fd(&self) -> BorrowedFd<'_> {
        crate::net::readiness::descriptor(&self.poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::packet_info::PathMtu;
    use std::io::{Read, Write};
    use std::time::Instant;

    fn next(listeners: &mut Listeners, buffer: &mut Vec<u8>) -> Arrival {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            listeners.poll();
            if let Some(arrival) = listeners.next(buffer) {
                return arrival;
            }
            assert!(Instant::now() < until, "nothing arrived");
            crate::net::readiness::sleep(&[listeners.as_fd().as_raw_fd()], Some(Duration::from_secs(1)));
        }
    }

    #[test]
    fn datagrams_and_units_of_a_stream_are_answered_where_they_came_from() {
        let udp = RequestSocket::open("127.0.0.1:0".parse().unwrap(), 0, PathMtu::System).unwrap();
        let tcp = super::super::stream::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let (udp_address, tcp_address) = (udp.local(), tcp.local_addr().unwrap());
        let mut listeners = Listeners::new(vec![udp], vec![(tcp, Protocol::Ng)]).unwrap();
        let mut buffer = listeners.take_buffer();

        let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"x de", udp_address).unwrap();
        let arrival = next(&mut listeners, &mut buffer);
        assert_eq!(&buffer[arrival.range.clone()], b"x de");
        listeners.send(&arrival.target, b"x ok");
        let mut got = [0; 16];
        assert_eq!(client.recv(&mut got).unwrap(), 4);

        let mut stream = std::net::TcpStream::connect(tcp_address).unwrap();
        stream.write_all(b"a d1:ai1eeb d").unwrap();
        let arrival = next(&mut listeners, &mut buffer);
        assert_eq!(&buffer[arrival.range.clone()], b"a d1:ai1ee");
        stream.write_all(b"e").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let second = next(&mut listeners, &mut buffer);
        assert_eq!(&buffer[second.range.clone()], b"b de");
        listeners.send(&arrival.target, b"a 1");
        listeners.send(&second.target, b"b 2");
        listeners.finish(&second.target);
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert_eq!(all, "a 1b 2");
    }

    #[test]
    fn an_answer_that_takes_its_time_still_reaches_a_peer_that_has_ended_its_stream() {
        let tcp = super::super::stream::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = tcp.local_addr().unwrap();
        let mut listeners = Listeners::new(vec![], vec![(tcp, Protocol::Cli)]).unwrap();
        let mut buffer = listeners.take_buffer();
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(b"list sessions all\n").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let arrival = next(&mut listeners, &mut buffer);
        for _ in 0..3 {
            listeners.poll();
            assert!(listeners.next(&mut buffer).is_none());
        }
        listeners.send(&arrival.target, b"late\n");
        listeners.finish(&arrival.target);
        let mut all = String::new();
        client.read_to_string(&mut all).unwrap();
        assert_eq!(all, "late\n");
        assert!(listeners.places.iter().all(|place| place.peer.is_none()), "nothing is left open");
    }

    #[test]
    fn a_cli_connection_gives_one_line_and_too_long_ones_are_cut_off() {
        let tcp = super::super::stream::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = tcp.local_addr().unwrap();
        let mut listeners = Listeners::new(vec![], vec![(tcp, Protocol::Cli)]).unwrap();
        let mut buffer = listeners.take_buffer();
        let mut endless = std::net::TcpStream::connect(address).unwrap();
        endless.write_all(&[b'x'; 5000]).unwrap();
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(b"list numsessions\r\n").unwrap();
        let arrival = next(&mut listeners, &mut buffer);
        assert_eq!(&buffer[arrival.range.clone()], b"list numsessions");
        listeners.send(&arrival.target, b"none\n");
        listeners.finish(&arrival.target);
        let mut all = String::new();
        client.read_to_string(&mut all).unwrap();
        assert_eq!(all, "none\n");
        // Closed with unread bytes: the end or a reset, but no answer.
        assert_eq!(endless.read_to_string(&mut all).unwrap_or(0), 0);
    }
}
