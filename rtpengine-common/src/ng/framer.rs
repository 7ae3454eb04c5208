//! Units of the TCP transport: `cookie SP value`, one after the other without separator (ng-control.md §1.3).

use super::Split;
use crate::bencode::{Progress, Scanner};

/// One complete unit taken out of the stream.
pub type Unit<'a> = Split<'a>;

/// Collects the bytes of one connection and hands out complete units.
///
/// Every byte is scanned once, in whatever pieces it arrives; consumed bytes are dropped when the next piece comes.
#[derive(Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// First byte that is not handed out yet.
    start: usize,
    /// First byte that is not scanned yet.
    scanned: usize,
    /// Length of the cookie of the unit at `start`, once its space was seen.
    cookie: Option<usize>,
    scanner: Scanner,
    stuck: bool,
    limit: usize,
}

impl Framer {
    /// The default of what may wait incomplete: as much as HTTP and WebSocket carry in one request.
    pub const DEFAULT_LIMIT: usize = 1 << 20;

    /// A framer for a new connection that keeps at most `limit` bytes of an incomplete unit.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            cookie: None,
            scanner: Scanner::new(),
            stuck: false,
            limit,
        }
    }

    /// Adds what was read from the connection. Take out all units afterwards.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete unit. An empty cookie is possible here and gets no reply.
    pub fn next_unit(&mut self) -> Option<Unit<'_>> {
        let cookie = self.find_cookie()?;
        let length = self.scan_value()?;
        let from = self.start;
        self.start += length;
        self.cookie = None;
        self.scanner = Scanner::new();
        let unit = self.buffer.get(from..self.start)?;
        let (cookie, rest) = unit.split_at_checked(cookie)?;
        Some(Unit { cookie, payload: rest.get(1..)? })
    }

    /// How many bytes wait for the rest of their unit.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Whether more bytes wait than may: the connection is to be closed ("Buffer length exceeded").
    pub fn is_overfull(&self) -> bool {
        self.pending() > self.limit
    }

    fn find_cookie(&mut self) -> Option<usize> {
        if self.cookie.is_none() {
            let unseen = self.buffer.get(self.scanned..)?;
            let space = unseen.iter().position(|byte| *byte == b' ');
            match space {
                Some(position) => {
                    self.cookie = Some(self.scanned + position - self.start);
                    self.scanned += position + 1;
                }
                None => self.scanned = self.buffer.len(),
            }
        }
        self.cookie
    }

    /// The length of the unit, once its value is complete.
    fn scan_value(&mut self) -> Option<usize> {
        if self.stuck {
            return None;
        }
        let unseen = self.buffer.get(self.scanned..)?;
        match self.scanner.push(unseen) {
            Progress::Complete(used) => {
                self.scanned += used;
                Some(self.scanned - self.start)
            }
            Progress::Incomplete => {
                self.scanned = self.buffer.len();
                None
            }
            // The bytes stay until the limit closes the connection.
            Progress::Invalid => {
                self.stuck = true;
                None
            }
        }
    }
}

impl Default for Framer {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}
