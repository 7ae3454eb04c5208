//! What a shard lends to the code of a call: ports and the way out.

use super::Owner;
use super::calls::CallSlot;
use crate::call::ctx::{PortError, Ports, Random, Transmit};
use crate::call::ids::{LocalId, LocalSocket, LogicalId, SocketKey, StreamId};
use crate::net::interfaces::{Choice, Interfaces};
use crate::net::open::{OpenError, open_consecutive};
use crate::net::ports::PortPools;
use crate::net::readiness::Readiness;
use crate::net::socket::{SocketOptions, is_full};
use crate::net::system::source_towards;
use crate::net::table::SocketTable;
use crate::report::counters::{Block, Gauge, InterfaceCounter};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What a socket leads to before its call has said so.
pub(super) const NO_STREAM: StreamId = StreamId(u32::MAX);

/// Opens and closes the sockets of one call.
pub(super) struct Desk<'a> {
    pub(super) interfaces: &'a Interfaces,
    pub(super) pools: &'a Arc<PortPools>,
    pub(super) readiness: &'a Readiness,
    pub(super) sockets: &'a mut SocketTable<Owner>,
    pub(super) stats: &'a Block,
    pub(super) call: CallSlot,
    /// The open sockets of the call.
    pub(super) open: &'a mut Vec<SocketKey>,
    pub(super) cpu: Option<u32>,
}

impl Ports for Desk<'_> {
    fn open(&mut self, local: LocalId, count: usize, tos: u8) -> Result<Vec<LocalSocket>, PortError> {
        let refused = |cause: String| PortError::Exhausted {
            count,
            interface: self.interfaces.local(local).name.to_string(),
            cause,
        };
        let wanted = u16::try_from(count).map_err(|_| refused("too many ports".into()))?;
        let options = SocketOptions { tos, incoming_cpu: self.cpu };
        let opened = open_consecutive(self.interfaces, self.pools, local, wanted, options);
        let sockets = opened.map_err(|error| match error {
            OpenError::NoPorts => refused("no free ports".into()),
            OpenError::System(error) => refused(error.to_string()),
        })?;
        let mut given: Vec<LocalSocket> = Vec::with_capacity(count);
        for socket in sockets {
            let address = socket.local;
            let owner = Owner { call: self.call, stream: NO_STREAM };
            match self.sockets.insert(self.readiness, socket, owner) {
                Ok(key) => given.push(LocalSocket { key, local, address }),
                Err(error) => {
                    for socket in &given {
                        self.sockets.close(socket.key);
                    }
                    return Err(refused(error.to_string()));
                }
            }
        }
        self.open.extend(given.iter().map(|socket| socket.key));
        self.stats.shift(Gauge::Sockets, i64::from(wanted));
        Ok(given)
    }

    fn send_last(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) {
        Outlet { sockets: self.sockets, stats: self.stats }.send(from, to, bytes);
    }

    fn close(&mut self, socket: SocketKey) {
        if self.sockets.close(socket).is_some() {
            self.open.retain(|key| *key != socket);
            self.stats.shift(Gauge::Sockets, -1);
        }
    }

    fn set_tos(&mut self, socket: SocketKey, tos: u8) {
        if let Some(entry) = self.sockets.get(socket) {
            // A socket that refuses its TOS goes on forwarding with the old one.
            let _ = entry.media.socket.set_tos(entry.media.local.is_ipv6(), tos);
        }
    }

    fn choose(&mut self, choice: Choice, wanted: u32) -> Option<LogicalId> {
        self.pools.choose(self.interfaces, choice, wanted)
    }

    fn route(&mut self, peer: IpAddr) -> Option<IpAddr> {
        source_towards(peer)
    }
}

/// Sends from the sockets of a shard.
pub(super) struct Outlet<'a> {
    pub(super) sockets: &'a SocketTable<Owner>,
    pub(super) stats: &'a Block,
}

impl Transmit for Outlet<'_> {
    fn send(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool {
        let Some(entry) = self.sockets.get(from) else { return false };
        let interface = usize::from(entry.media.interface.0);
        match entry.media.socket.send(bytes, to) {
            Ok(()) => {
                self.stats.count_interface(interface, InterfaceCounter::EgressPackets, 1);
                self.stats.count_interface(interface, InterfaceCounter::EgressBytes, bytes.len() as u64);
                true
            }
            // The network is slower than we are: a loss like any other on the way, no error of the stream (media-plane.md 3.4).
            Err(error) if is_full(&error) => true,
            Err(_) => {
                self.stats.count_interface(interface, InterfaceCounter::EgressErrors, 1);
                false
            }
        }
    }
}

/// The shard's source of randomness: a cryptographic generator seeded by the system.
pub(super) struct Dice(StdRng);

impl Dice {
    pub(super) fn new() -> Self {
        Self(StdRng::from_os_rng())
    }
}

impl Random for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        rand::RngCore::fill_bytes(&mut self.0, bytes);
    }
}
