//! What the code of a call may use besides the call itself: time, ports, randomness, settings, and the way out.
//!
//! The core opens no socket, reads no clock and writes no log line: everything of that kind comes in through [`Ctx`]
//! and leaves as [`Effect`]s or through [`Transmit`], so that every test is deterministic.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::ids::{LocalId, LocalSocket, LogicalId, SocketKey};
use super::settings::Settings;
use crate::flow::Level;
use crate::net::interfaces::{Choice, Interfaces};

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

    /// Sends one datagram from a socket that is about to be closed. Failing is no trouble.
    fn send_last(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]);

    /// Closes one socket at once and returns its number to the pool.
    fn close(&mut self, socket: SocketKey);

    /// Sets TOS or traffic class of one socket.
    fn set_tos(&mut self, socket: SocketKey, tos: u8);

    /// The interface of a lookup. A round-robin group gives its next member whose local addresses all have `wanted` free
    /// ports; `None` after a full turn without success (media-plane.md §1.3).
    fn choose(&mut self, choice: Choice, wanted: u32) -> Option<LogicalId>;

    /// The local address from which the routing table would reach `peer` (`inbound-peer` and its kin).
    fn route(&mut self, peer: IpAddr) -> Option<IpAddr>;
}

/// The one source of randomness.
pub trait Random {
    /// Fills the buffer with unpredictable bytes, fit for keys.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The way a packet leaves.
pub trait Transmit {
    /// Sends one datagram at once from `from`. Failing is never a reason to stop; `false` says that it counts as an error of the
    /// stream, which a full socket buffer does not (media-plane.md §3.4).
    fn send(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool;
}

/// Something to be logged about the call at work. The shard adds the call-id and writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub text: String,
}

/// All a command may use besides the call.
pub struct Ctx<'a> {
    /// The time of this turn.
    pub now: Now,
    /// Local ports.
    pub ports: &'a mut dyn Ports,
    /// Random bytes.
    pub random: &'a mut dyn Random,
    /// Local addresses.
    pub interfaces: &'a Interfaces,
    /// What the operator configured.
    pub settings: &'a Settings,
    /// Lines to be logged, in order.
    pub log: &'a mut Vec<LogLine>,
}

impl Ctx<'_> {
    /// Notes a line for the log.
    pub fn log(&mut self, level: Level, text: impl Into<String>) {
        self.log.push(LogLine { level, text: text.into() });
    }

    /// Notes a warning.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.log(Level::Warning, text);
    }
}
