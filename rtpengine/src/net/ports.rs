//! Port pools (media-plane.md 1.4): which ports are free, shuffled; one mutex over all of them, held only to take and give numbers.

use super::interfaces::{Choice, Interfaces, LogicalId, PoolId, PoolRange, RingId};
use parking_lot::Mutex;
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

/// The most ports one media may have (media-plane.md 1.4 rule 4).
pub const MAX_PORTS: u16 = 16;

/// All port pools of the daemon and the turn of its round-robin groups.
#[derive(Debug)]
pub struct PortPools {
    inner: Mutex<Inner>,
}

/// How full one pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// First port of the range.
    pub min: u16,
    /// Last port of the range.
    pub max: u16,
    /// Ports that can still be taken.
    pub free: u32,
}

impl PoolUse {
    /// Ports of the range that are not free: open, reserved elsewhere or excluded.
    pub fn used(self) -> u32 {
        self.total() - self.free
    }

    /// Size of the range.
    pub fn total(self) -> u32 {
        u32::from(self.max) - u32::from(self.min) + 1
    }
}

/// A port taken from a pool; it goes back when this is dropped. Close the socket first.
#[derive(Debug)]
pub struct PortLease {
    pools: Arc<PortPools>,
    pool: PoolId,
    port: u16,
}

impl PortLease {
    /// The number.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        self.pools.inner.lock().give(self.pool, self.port);
    }
}

impl PortPools {
    /// The pools and rings of a configuration, each free list in an order of its own.
    pub fn new(interfaces: &Interfaces, random: &mut impl Rng) -> Arc<Self> {
        let pools: Vec<Pool> = interfaces.pools().iter().map(|range| Pool::new(range, random)).collect();
        let mut sites: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        for (at, pool) in pools.iter().enumerate() {
            sites.entry(pool.address).or_default().push(at);
        }
        let rings = interfaces.rings().iter().map(|ring| ring.iter().copied().collect()).collect();
        Arc::new(Self { inner: Mutex::new(Inner { pools, sites, rings }) })
    }

    /// Takes `count` consecutive ports: for more than one the first is even. The numbers stay taken until the leases are dropped.
    pub fn take(self: &Arc<Self>, pool: PoolId, count: u16) -> Option<Vec<PortLease>> {
        if count == 0 || count > MAX_PORTS {
            return None;
        }
        let first = self.inner.lock().take(pool, count)?;
        Some((0..count).map(|n| PortLease { pools: Arc::clone(self), pool, port: first + n }).collect())
    }

    /// How full a pool is.
    pub fn usage(&self, pool: PoolId) -> PoolUse {
        let inner = self.inner.lock();
        let pool = &inner.pools[pool.0 as usize];
        PoolUse { min: pool.min, max: pool.max, free: pool.free() }
    }

    /// Takes a port out of the pools of an address for good; an unspecified address stands for all of its family.
    pub fn reserve(&self, address: IpAddr, port: u16) {
        let mut inner = self.inner.lock();
        for pool in &mut inner.pools {
            let same_family = pool.address.is_ipv4() == address.is_ipv4();
            if pool.address == address || (address.is_unspecified() && same_family) {
                pool.exclude(port);
            }
        }
    }

    /// The interface of a lookup. A group gives its next member whose local addresses all have `wanted` free ports; `None` when a full
    /// turn found none (media-plane.md 1.3).
    pub fn choose(&self, interfaces: &Interfaces, choice: Choice, wanted: u32) -> Option<LogicalId> {
        match choice {
            Choice::Fixed(id) => Some(id),
            Choice::RoundRobin(ring) => self.inner.lock().turn(interfaces, ring, wanted),
        }
    }
}

#[derive(Debug)]
struct Inner {
    pools: Vec<Pool>,
    /// The pools of one address: they reserve from each other.
    sites: HashMap<IpAddr, Vec<usize>>,
    rings: Vec<VecDeque<LogicalId>>,
}

impl Inner {
    fn take(&mut self, pool: PoolId, count: u16) -> Option<u16> {
        let at = pool.0 as usize;
        let first = self.pools.get_mut(at)?.candidate(count)?;
        let address = self.pools[at].address;
        for other in self.sites.get(&address).map_or(&[][..], Vec::as_slice) {
            for port in first..first + count {
                self.pools[*other].unlink(port);
            }
        }
        Some(first)
    }

    fn give(&mut self, pool: PoolId, port: u16) {
        let address = self.pools[pool.0 as usize].address;
        for other in self.sites.get(&address).map_or(&[][..], Vec::as_slice) {
            self.pools[*other].link(port);
        }
    }

    fn turn(&mut self, interfaces: &Interfaces, ring: RingId, wanted: u32) -> Option<LogicalId> {
        let members = self.rings.get(ring.0 as usize)?.len();
        for _ in 0..members {
            let queue = &mut self.rings[ring.0 as usize];
            queue.rotate_left(1);
            let candidate = *queue.back()?;
            let locals = &interfaces.logical(candidate).locals;
            let fits = |pool: PoolId| self.pools[pool.0 as usize].free() >= wanted;
            if locals.iter().all(|local| fits(interfaces.local(*local).pool)) {
                return Some(candidate);
            }
        }
        None
    }
}

const UNLINKED: u32 = u32::MAX;

/// The free ports of one range as two ring lists, even and odd numbers, linked through arrays: any port can leave the middle in O(1), which
/// pairs and overlapping pools need. Nodes `0..size` are ports, the two after them the list heads.
#[derive(Debug)]
struct Pool {
    address: IpAddr,
    min: u16,
    max: u16,
    links: Vec<Link>,
    /// Free ports by parity.
    free: [u32; 2],
    /// Sorted; never linked.
    excluded: Vec<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

impl Pool {
    fn new(range: &PoolRange, random: &mut impl Rng) -> Self {
        let size = usize::from(range.max) - usize::from(range.min) + 1;
        let mut pool = Self {
            address: range.address,
            min: range.min,
            max: range.max,
            links: vec![Link { previous: UNLINKED, next: UNLINKED }; size + 2],
            free: [0; 2],
            excluded: range.excluded.clone(),
        };
        for parity in 0..2 {
            let head = pool.head(parity);
            pool.links[head as usize] = Link { previous: head, next: head };
        }
        let mut ports: Vec<u16> = (range.min..=range.max).collect();
        ports.shuffle(random);
        for port in ports {
            pool.link(port);
        }
        pool
    }

    fn size(&self) -> u32 {
        u32::from(self.max) - u32::from(self.min) + 1
    }

    fn head(&self, parity: u32) -> u32 {
        self.size() + parity
    }

    fn free(&self) -> u32 {
        self.free[0] + self.free[1]
    }

    fn node(&self, port: u16) -> Option<u32> {
        (self.min..=self.max).contains(&port).then(|| u32::from(port - self.min))
    }

    fn is_free(&self, port: u16) -> bool {
        self.node(port).is_some_and(|node| self.links[node as usize].next != UNLINKED)
    }

    /// The first of `count` free ports, still linked. Candidates that do not fit go to the tail.
    fn candidate(&mut self, count: u16) -> Option<u16> {
        if count == 1 {
            let parity = u32::from(self.free[1] >= self.free[0]);
            return self.front(parity);
        }
        for _ in 0..self.free[0] {
            let first = self.front(0)?;
            let last = first.checked_add(count - 1);
            if last.is_some_and(|last| (first..=last).all(|port| self.is_free(port))) {
                return Some(first);
            }
            self.unlink(first);
            self.link(first);
        }
        None
    }

    fn front(&self, parity: u32) -> Option<u16> {
        let node = self.links[self.head(parity) as usize].next;
        if node >= self.size() {
            return None;
        }
        u16::try_from(u32::from(self.min) + node).ok()
    }

    /// Makes a port free, at the tail. Nothing for ports outside, excluded or already free.
    fn link(&mut self, port: u16) {
        let Some(node) = self.node(port) else { return };
        if self.is_free(port) || self.excluded.binary_search(&port).is_ok() {
            return;
        }
        let head = self.head(u32::from(port & 1));
        let last = self.links[head as usize].previous;
        self.links[node as usize] = Link { previous: last, next: head };
        self.links[last as usize].next = node;
        self.links[head as usize].previous = node;
        self.free[usize::from(port & 1)] += 1;
    }

    fn unlink(&mut self, port: u16) {
        let Some(node) = self.node(port) else { return };
        if !self.is_free(port) {
            return;
        }
        let Link { previous, next } = self.links[node as usize];
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
        self.links[node as usize] = Link { previous: UNLINKED, next: UNLINKED };
        self.free[usize::from(port & 1)] -= 1;
    }

    fn exclude(&mut self, port: u16) {
        self.unlink(port);
        if let Err(at) = self.excluded.binary_search(&port) {
            self.excluded.insert(at, port);
        }
    }
}

#[cfg(test)]
#[path = "ports_tests.rs"]
mod tests;
