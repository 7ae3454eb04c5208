//! What the code of a call may use besides the call itself: time, ports, randomness, settings, and the way out.
//!
//! The core opens no socket, reads no clock and writes no log line: everything of that kind comes in through [`Ctx`]
//! and leaves as [`Effect`]s or through [`Transmit`], so that every test is deterministic.

use std::net::SocketAddr;
use std::time::Instant;

use super::ids::{LocalId, LocalSocket, LogicalId, SocketKey};

/// The time of the present turn, read once by the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time; also the arrival time of the packets of this turn.
    pub instant: Instant,
    /// Wall-clock time, microseconds since 1970.
    pub unix_us: u64,
}

impl Now {
    /// Wall-clock seconds since 1970.
    #[must_use]
    pub fn unix_s(self) -> u64 {
        self.unix_us / 1_000_000
    }
}

/// Why no ports could be opened (media-plane.md §1.5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The pool has no fitting free numbers.
    #[error(
        "Failed to get {count} consecutive ports on interface {interface} for media relay (last error: {cause})"
    )]
    Exhausted {
        /// Ports asked for.
        count: usize,
        /// Name of the logical interface.
        interface: String,
        /// The last operating-system error, or what was missing.
        cause: String,
    },
    /// No interface for the request.
    #[error("Error finding logical interface with free ports")]
    NoInterface,
}

/// Local ports of the shard that owns the call.
pub trait Ports {
    /// Opens `count` consecutive ports on `local` (the first one even when `count` > 1), with the TOS value `tos`.
    /// A port stays with the call until [`Ports::close`] or the end of the call.
    ///
    /// # Errors
    /// When the pool has no fitting free numbers, or none of them can be bound.
    fn open(&mut self, local: LocalId, count: usize, tos: u8) -> Result<Vec<LocalSocket>, PortError>;

    /// Closes one socket at once and returns its number to the pool.
    fn close(&mut self, socket: SocketKey);

    /// Sets TOS or traffic class of one socket.
    fn set_tos(&mut self, socket: SocketKey, tos: u8);

    /// Round robin: the next member of the ring of `base` (or of all interfaces for `round-robin-calls`) whose local
    /// addresses all have `count` free ports (media-plane.md §1.3); `None` after a full turn without success.
    fn next_in_ring(&mut self, base: &str, family_v6: bool, count: usize) -> Option<LogicalId>;
}

/// The one source of randomness.
pub trait Random {
    /// Fills the buffer with unpredictable bytes, fit for keys.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The way a packet leaves.
pub trait Transmit {
    /// Sends one datagram at once from `from`. A full socket buffer or another error is a counted loss, never a
    /// reason to stop: the return value says whether the kernel took it.
    fn send(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool;
}
