//! The sockets of one shard: a slab whose keys go into the readiness set, so that an event of a socket closed earlier in the same turn is
//! recognised and turned away.

use super::interfaces::LocalId;
use super::ports::PortLease;
use super::prefetch::prefetch;
use super::readiness::Readiness;
use super::socket::UdpSocket;
pub use crate::call::ids::SocketKey;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

/// An open media socket with everything that belongs to it. Dropping it closes the descriptor first and then gives the port back.
#[derive(Debug)]
pub struct MediaSocket {
    /// The descriptor.
    pub socket: UdpSocket,
    /// The address it is bound to.
    pub local: SocketAddr,
    /// The local interface it belongs to.
    pub interface: LocalId,
    /// Declared after the socket: fields are dropped in this order.
    lease: PortLease,
}

impl MediaSocket {
    /// Ties an open socket to the port it occupies.
    pub fn new(socket: UdpSocket, local: SocketAddr, interface: LocalId, lease: PortLease) -> Self {
        Self { socket, local, interface, lease }
    }

    /// The local port.
    pub fn port(&self) -> u16 {
        self.lease.port()
    }
}

/// A socket in its slot with what its shard knows about it.
#[derive(Debug)]
pub struct Entry<Owner> {
    /// The socket.
    pub media: MediaSocket,
    /// Whom its packets concern.
    pub owner: Owner,
    /// How often too many packets were waiting.
    pub overrun: Overrun,
}

/// Strikes after which the packets of a socket are not handled any more (media-plane.md 3.1 rule 2).
const MAX_STRIKES: u8 = 5;

/// Keeps one socket from taking a shard for itself: of what is waiting on it a turn reads so many packets and no more, and a socket on
/// which more are waiting again and again gets its packets thrown away until it calms down. Packets that come in while the turn lasts are
/// no excess: a busy socket has many of them, and a slow shard more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrun {
    turn: u32,
    /// Packets read since `since`.
    read: u32,
    /// From when on packets count as coming in meanwhile, in µs of the unix time.
    since: u64,
    /// More than the limit were waiting this turn.
    over: bool,
    strikes: u8,
}

/// What to do with a ready socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Read and handle a packet.
    Read,
    /// Read a packet and throw it away: the socket was overrun this often.
    Discard(u8),
    /// Leave it for the next turn. `true` the first time in a turn.
    Leave(bool),
}

impl Overrun {
    /// Counts a readiness of the socket in a turn that began then (µs of the unix time); of what was waiting, `limit` packets may be read.
    /// When they are, `ask` gives the time the packet read last came in, if that is known, and the time now.
    pub fn admit(
        &mut self,
        (turn, began_us): (u32, u64),
        limit: u32,
        ask: impl FnOnce() -> (Option<u64>, u64),
    ) -> Admission {
        if self.turn != turn {
            if !self.over {
                self.strikes = self.strikes.saturating_sub(1);
            }
            *self = Self { turn, read: 0, since: began_us, over: false, strikes: self.strikes };
        }
        if self.over {
            return Admission::Leave(false);
        }
        if self.read >= limit {
            let (last_arrival, now) = ask();
            // If it was waiting already when counting began, so were all before it, and there is still more.
            if last_arrival.is_none_or(|arrival| arrival <= self.since) {
                self.over = true;
                self.strikes = (self.strikes + 1).min(MAX_STRIKES);
                return Admission::Leave(true);
            }
            self.read = 0;
            self.since = now;
        }
        self.read += 1;
        if self.strikes >= MAX_STRIKES { Admission::Discard(self.strikes) } else { Admission::Read }
    }
}

#[derive(Debug)]
struct Slot<Owner> {
    generation: u32,
    entry: Option<Entry<Owner>>,
}

/// All sockets of a shard.
#[derive(Debug)]
pub struct SocketTable<Owner> {
    slots: Vec<Slot<Owner>>,
    free: Vec<u32>,
    open: usize,
}

impl<Owner> Default for SocketTable<Owner> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), open: 0 }
    }
}

impl<Owner> SocketTable<Owner> {
    /// Takes a socket in and watches it.
    pub fn insert(
        &mut self,
        readiness: &Readiness,
        media: MediaSocket,
        owner: Owner,
    ) -> io::Result<SocketKey> {
        let slot = match self.free.last() {
            Some(slot) => *slot,
            None => {
                let slot = u32::try_from(self.slots.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
                self.slots.push(Slot { generation: 0, entry: None });
                self.free.push(slot);
                slot
            }
        };
        let place = &mut self.slots[slot as usize];
        let key = SocketKey { slot, generation: place.generation };
        readiness.add(media.socket.as_fd(), key)?;
        self.free.pop();
        place.entry = Some(Entry { media, owner, overrun: Overrun::default() });
        self.open += 1;
        Ok(key)
    }

    /// The socket of a key, unless it has been closed.
    pub fn get(&self, key: SocketKey) -> Option<&Entry<Owner>> {
        let slot = self.slots.get(key.slot as usize)?;
        if slot.generation == key.generation { slot.entry.as_ref() } else { None }
    }

    /// Asks for the memory of a socket's entry.
    #[inline]
    pub fn prefetch(&self, key: SocketKey) {
        if let Some(slot) = self.slots.get(key.slot as usize) {
            prefetch(slot);
        }
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, key: SocketKey) -> Option<&mut Entry<Owner>> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation == key.generation { slot.entry.as_mut() } else { None }
    }

    /// Closes a socket and releases its port at once. Closing the only descriptor ends the watch.
    pub fn close(&mut self, key: SocketKey) -> Option<Owner> {
        let entry = self.take(key)?;
        drop(entry.media);
        Some(entry.owner)
    }

    /// Closes every socket whose owner is not kept; gives their number.
    pub fn close_unless(&mut self, keep: impl Fn(&Owner) -> bool) -> usize {
        let open = self.open;
        for at in 0..self.slots.len() {
            let Some(entry) = &self.slots[at].entry else { continue };
            if let (false, Ok(slot)) = (keep(&entry.owner), u32::try_from(at)) {
                let generation = self.slots[at].generation;
                self.close(SocketKey { slot, generation });
            }
        }
        open - self.open
    }

    /// Takes an open socket out, for another shard.
    pub fn detach(&mut self, readiness: &Readiness, key: SocketKey) -> Option<MediaSocket> {
        let entry = self.take(key)?;
        // It fails only for a descriptor that is not watched, which is what is wanted.
        let _ = readiness.remove(entry.media.socket.as_fd());
        Some(entry.media)
    }

    fn take(&mut self, key: SocketKey) -> Option<Entry<Owner>> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.slot);
        self.open -= 1;
        Some(entry)
    }

    /// Number of open sockets.
    pub fn len(&self) -> usize {
        self.open
    }

    /// Whether no socket is open.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::interface_spec::parse;
    use crate::net::interfaces::{Interfaces, PoolId};
    use crate::net::ports::PortPools;
    use crate::net::socket::SocketOptions;
    use crate::net::system::Machine;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::sync::Arc;

    fn pools() -> Arc<PortPools> {
        let mut random = StdRng::seed_from_u64(3);
        let spec = parse("127.0.0.1", 40000, 40100).unwrap();
        let interfaces = Interfaces::build(&[spec], &Machine, &mut random).unwrap();
        PortPools::new(&interfaces, &mut random)
    }

    fn open(pools: &Arc<PortPools>) -> MediaSocket {
        let lease = pools.take(PoolId(0), 1).unwrap().remove(0);
        let socket = UdpSocket::open("127.0.0.1:0".parse().unwrap(), SocketOptions::default()).unwrap();
        let local = socket.local_address().unwrap();
        MediaSocket::new(socket, local, LocalId(0), lease)
    }

    #[test]
    fn an_overrun_socket_is_discarded_until_it_calms_down() {
        use Admission::{Discard, Leave, Read};
        let mut overrun = Overrun::default();
        let mut admit = |turn, arrival| overrun.admit((turn, 1000), 2, || (arrival, 1500));
        for turn in 1..=5 {
            // Where the time of arrival is not known, the turn counts.
            let arrival = (turn > 1).then_some(900);
            assert_eq!([(); 4].map(|()| admit(turn, arrival)), [Read, Read, Leave(true), Leave(false)]);
        }
        assert_eq!([(); 3].map(|()| admit(6, Some(900))), [Discard(5), Discard(5), Leave(true)]);
        assert_eq!(admit(7, None), Discard(5), "the turn before was one too many");
        for turn in 8..20 {
            assert_eq!(admit(turn, None), Read);
        }
        assert_eq!(overrun.strikes, 0);
    }

    #[test]
    fn packets_that_come_in_during_a_turn_are_no_excess() {
        use Admission::{Leave, Read};
        let mut overrun = Overrun::default();
        let mut admit = |arrival, now| overrun.admit((1, 1000), 2, || (Some(arrival), now));
        assert_eq!([admit(0, 0), admit(0, 0), admit(1001, 1100)], [Read; 3]);
        assert_eq!([admit(0, 0), admit(1101, 1200)], [Read; 2]);
        assert_eq!([admit(0, 0), admit(1150, 1300)], [Read, Leave(true)], "waiting when counting began anew");
        assert_eq!(overrun.strikes, 1);
    }

    #[test]
    fn a_key_of_a_closed_socket_leads_nowhere_even_when_its_slot_is_used_again() {
        let (pools, readiness) = (pools(), Readiness::new().unwrap());
        let mut table = SocketTable::default();
        let first = table.insert(&readiness, open(&pools), 'a').unwrap();
        assert_eq!(table.get(first).map(|entry| entry.owner), Some('a'));
        assert_eq!(pools.usage(PoolId(0)).used(), 1);
        assert_eq!(table.close(first), Some('a'));
        assert_eq!(pools.usage(PoolId(0)).used(), 0);
        let second = table.insert(&readiness, open(&pools), 'b').unwrap();
        assert_eq!(second.slot, first.slot);
        assert!(table.get(first).is_none());
        assert!(table.close(first).is_none());
        assert_eq!((table.len(), table.is_empty()), (1, false));
        let third = table.insert(&readiness, open(&pools), 'c').unwrap();
        assert_eq!(table.close_unless(|owner| *owner == 'b'), 1);
        assert!(table.get(third).is_none());
        let moved = table.detach(&readiness, second).unwrap();
        assert!(table.is_empty());
        assert_eq!(pools.usage(PoolId(0)).used(), 1, "a detached socket keeps its port");
        assert!((40000..=40100).contains(&moved.port()));
    }
}
