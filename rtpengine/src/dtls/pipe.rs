//! What the library reads from and writes to instead of a socket: one datagram at a time, in memory.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

/// Datagrams the library may write before they are taken away; a flight has fewer.
const MAX_OUTGOING: usize = 32;

/// One datagram in, several out.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    incoming: Option<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Pipe {
    /// Puts the next datagram in place; one that was not read is lost.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.incoming = Some(bytes.to_vec());
    }

    /// Whether the datagram was read.
    pub(super) fn is_read(&self) -> bool {
        self.incoming.is_none()
    }

    /// The next datagram to send.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }
}

impl Read for Pipe {
    /// Gives a datagram as a whole; what does not fit is cut off, as a socket does.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.incoming.take() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A datagram too many is lost on the way, like any other.
        if self.outgoing.len() < MAX_OUTGOING {
            self.outgoing.push_back(bytes.to_vec());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
