//! Port sets of a media and their reuse over re-signalling (media-plane.md §1.6, ng-control.md §10.6).

use std::net::SocketAddr;

use smallvec::SmallVec;

use super::ids::{LocalSocket, LogicalId};

/// The sockets opened together on one local address: RTP first, then RTCP.
pub type AddressSet = SmallVec<[LocalSocket; 2]>;

/// A port set with the remote endpoint it was opened for.
#[derive(Clone, Debug)]
pub struct PortMap {
    /// The remembered RTP endpoint of the other side; `None` is a wildcard that the first endpoint fills.
    pub endpoint: Option<SocketAddr>,
    /// The logical interface of the set.
    pub interface: LogicalId,
    /// One entry per local address: the preferred one, and with ICE all others.
    pub sets: SmallVec<[AddressSet; 1]>,
}

impl PortMap {
    /// Sockets per local address.
    #[must_use]
    pub fn ports(&self) -> usize {
        self.sets.first().map_or(0, SmallVec::len)
    }

    /// Whether the set serves a request for `ports` sockets on each of `addresses` local addresses.
    #[must_use]
    pub fn fits(&self, ports: usize, addresses: usize) -> bool {
        self.sets.len() == addresses && self.sets.iter().all(|set| set.len() >= ports)
    }

    /// Cuts every address down to `ports` sockets and returns the surplus, to be closed.
    pub fn truncate(&mut self, ports: usize) -> Vec<LocalSocket> {
        self.sets
            .iter_mut()
            .flat_map(|set| set.drain(ports.min(set.len())..).collect::<AddressSet>())
            .collect()
    }

    /// All sockets of the set.
    pub fn sockets(&self) -> impl Iterator<Item = &LocalSocket> + '_ {
        self.sets.iter().flatten()
    }
}

/// What a message asks of a media's ports.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The other side's advertised RTP endpoint; `None` while it is not known (first offer, sender's side).
    pub endpoint: Option<SocketAddr>,
    /// The logical interface.
    pub interface: LogicalId,
    /// Sockets per address.
    pub ports: usize,
    /// Local addresses.
    pub addresses: usize,
    /// Rule 1 of media-plane.md §1.6 holds: keep the present ports if they fit.
    pub latch: bool,
    /// The media belongs to a bundle, whose ports are reused whatever the endpoint.
    pub bundled: bool,
}

/// The port sets of one media: the present one and the superseded ones, which stay open until the party goes.
#[derive(Clone, Debug, Default)]
pub struct PortMaps {
    maps: SmallVec<[PortMap; 1]>,
    /// The present set, or the last one while there is none.
    current: Option<u16>,
    disabled: bool,
}

impl PortMaps {
    /// The present set.
    #[must_use]
    pub fn current(&self) -> Option<&PortMap> {
        self.latest().filter(|_| !self.disabled)
    }

    /// The present set, or the one that a rejected media had last and looks for when it comes back.
    #[must_use]
    pub fn latest(&self) -> Option<&PortMap> {
        self.maps.get(usize::from(self.current?))
    }

    /// The present set, to be changed.
    pub fn current_mut(&mut self) -> Option<&mut PortMap> {
        self.current.filter(|_| !self.disabled).and_then(|at| self.maps.get_mut(usize::from(at)))
    }

    /// All sets, oldest first.
    #[must_use]
    pub fn all(&self) -> &[PortMap] {
        &self.maps
    }

    /// All sets, to be renumbered when the call moves to another shard.
    pub fn all_mut(&mut self) -> &mut [PortMap] {
        &mut self.maps
    }

    /// No present set any more; the sets stay for a media that comes back.
    pub fn disable(&mut self) {
        self.disabled = true;
    }

    /// Takes all sets out, for closing.
    pub fn take(&mut self) -> SmallVec<[PortMap; 1]> {
        self.current = None;
        std::mem::take(&mut self.maps)
    }

    /// Looks for a set that can be kept or taken up again, makes it the present one, and cuts off its surplus, which is
    /// returned for closing. `None`: new ports are needed.
    pub fn reuse(&mut self, wanted: &Wanted) -> Option<Vec<LocalSocket>> {
        let at = self.find(wanted)?;
        self.current = u16::try_from(at).ok();
        self.disabled = false;
        Some(self.maps[at].truncate(wanted.ports))
    }

    fn find(&mut self, wanted: &Wanted) -> Option<usize> {
        if wanted.latch
            && let Some(current) = self.current()
            && current.fits(wanted.ports, wanted.addresses)
        {
            return self.current.map(usize::from);
        }
        let at = self.maps.iter().rposition(|map| {
            map.interface == wanted.interface
                && map.fits(wanted.ports, wanted.addresses)
                && (wanted.bundled || endpoints_match(map.endpoint, wanted.endpoint))
        })?;
        adopt(&mut self.maps[at], wanted.endpoint);
        Some(at)
    }

    /// Makes a newly opened set the present one.
    pub fn add(&mut self, map: PortMap) {
        self.maps.push(map);
        self.current = u16::try_from(self.maps.len() - 1).ok();
        self.disabled = false;
    }
}

/// A wildcard matches anything; an unspecified address on either side compares only the ports. An endpoint that is not
/// known yet leaves things as they are and so matches too.
fn endpoints_match(known: Option<SocketAddr>, wanted: Option<SocketAddr>) -> bool {
    let (Some(known), Some(wanted)) = (known, wanted) else { return true };
    if known.ip().is_unspecified() || wanted.ip().is_unspecified() {
        return known.port() == wanted.port();
    }
    known == wanted
}

/// Fills a wildcard, or the address of a set that was opened for an unspecified one.
fn adopt(map: &mut PortMap, endpoint: Option<SocketAddr>) {
    let Some(endpoint) = endpoint else { return };
    match map.endpoint {
        Some(known) if !known.ip().is_unspecified() => {}
        _ => map.endpoint = Some(endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ids::{LocalId, SocketKey};

    const IFACE: LogicalId = LogicalId(0);

    fn socket(port: u16) -> LocalSocket {
        LocalSocket {
            key: SocketKey { slot: u32::from(port), generation: 0 },
            local: LocalId(0),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    fn map(endpoint: Option<&str>, first: u16) -> PortMap {
        PortMap {
            endpoint: endpoint.map(|e| e.parse().expect("an endpoint")),
            interface: IFACE,
            sets: smallvec::smallvec![smallvec::smallvec![socket(first), socket(first + 1)]],
        }
    }

    fn wanted(endpoint: &str) -> Wanted {
        Wanted {
            endpoint: Some(endpoint.parse().expect("an endpoint")),
            interface: IFACE,
            ports: 2,
            addresses: 1,
            latch: false,
            bundled: false,
        }
    }

    fn port(maps: &PortMaps) -> Option<u16> {
        maps.current().and_then(|m| m.sockets().next()).map(|s| s.address.port())
    }

    #[test]
    fn a_wildcard_adopts_the_first_endpoint_and_a_changed_one_needs_new_ports() {
        let mut maps = PortMaps::default();
        maps.add(map(None, 3000));
        assert!(maps.reuse(&wanted("192.0.2.1:4000")).is_some());
        assert!(maps.reuse(&wanted("192.0.2.1:4000")).is_some(), "unchanged");
        assert!(maps.reuse(&wanted("192.0.2.1:4002")).is_none(), "changed port");
        maps.add(map(Some("192.0.2.1:4002"), 3010));
        assert!(maps.reuse(&wanted("192.0.2.1:4000")).is_some(), "back at the first endpoint");
        assert_eq!(port(&maps), Some(3000));
    }

    #[test]
    fn latching_keeps_the_ports_and_not_the_remembered_endpoint() {
        let mut maps = PortMaps::default();
        maps.add(map(Some("192.0.2.1:4000"), 3000));
        assert!(maps.reuse(&Wanted { latch: true, ..wanted("0.0.0.0:9") }).is_some());
        assert_eq!(
            maps.current().and_then(|m| m.endpoint),
            Some("192.0.2.1:4000".parse().expect("an endpoint"))
        );
        assert!(maps.reuse(&wanted("192.0.2.1:4000")).is_some());
    }

    #[test]
    fn an_unspecified_address_compares_ports_only_and_is_filled_in() {
        let mut maps = PortMaps::default();
        maps.add(map(Some("0.0.0.0:4000"), 3000));
        assert!(maps.reuse(&wanted("192.0.2.1:4001")).is_none());
        assert!(maps.reuse(&wanted("192.0.2.1:4000")).is_some());
        assert!(maps.reuse(&wanted("192.0.2.2:4000")).is_none(), "the address was filled in");
    }

    #[test]
    fn fewer_ports_cut_the_set_and_more_make_a_new_one() {
        let mut maps = PortMaps::default();
        maps.add(map(None, 3000));
        let surplus = maps.reuse(&Wanted { ports: 1, ..wanted("192.0.2.1:4000") }).expect("reused");
        assert_eq!(surplus.iter().map(|s| s.address.port()).collect::<Vec<_>>(), [3001]);
        assert!(maps.reuse(&wanted("192.0.2.1:4000")).is_none(), "two ports no longer fit");
    }
}
