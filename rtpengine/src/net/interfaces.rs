//! Local and logical interfaces (media-plane.md 1.1 to 1.3): an immutable snapshot built once from the configuration.

use super::Family;
use super::interface_spec::{AddressSpec, InterfaceError, InterfaceSpec, Target};
use super::system::Resolver;
pub use crate::call::ids::{LocalId, LogicalId};
use rand::Rng;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// The special name that spreads calls over every logical interface of a family.
pub const ROUND_ROBIN_CALLS: &str = "round-robin-calls";

/// Every local interface gives at most two logical ones, which are numbered in 16 bits.
const MAX_LOCALS: usize = u16::MAX as usize / 2;

/// The printable characters of ICE foundations (media-plane.md 0: `[0-9a-zA-Z]`).
const FOUNDATION_CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A port pool: one address with one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub(crate) u32);

/// A round-robin group in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RingId(pub(crate) u32);

/// One local interface.
#[derive(Clone, Debug)]
pub struct LocalInterface {
    /// The logical name it was configured under.
    pub name: Box<str>,
    /// The address sockets are bound to.
    pub address: IpAddr,
    /// What SDP and ICE candidates show instead (it may be of the other family).
    pub advertised: IpAddr,
    /// Where its ports come from.
    pub pool: PoolId,
    /// The ICE foundation of its host candidates: 16 characters, made at start.
    pub foundation: Box<str>,
}

/// One logical interface: a name as seen by medias that prefer one family.
#[derive(Clone, Debug)]
pub struct LogicalInterface {
    /// The configured name.
    pub name: Box<str>,
    /// The preferred family.
    pub family: Family,
    /// Local interfaces, own family first, each family in configured order. Never empty.
    pub locals: Vec<LocalId>,
}

/// What a pool consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRange {
    /// The address its ports are bound on.
    pub address: IpAddr,
    /// First port.
    pub min: u16,
    /// Last port.
    pub max: u16,
    /// Ports never given out.
    pub excluded: Vec<u16>,
}

/// The result of a lookup by name and family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// What was found.
    pub choice: Choice,
    /// The name was given but means nothing: the default is used and a warning is due.
    pub unknown_name: bool,
}

/// A single logical interface, or a group to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This one.
    Fixed(LogicalId),
    /// The next member of this group with free ports.
    RoundRobin(RingId),
}

/// All interfaces of the daemon.
#[derive(Clone, Debug, Default)]
pub struct Interfaces {
    locals: Vec<LocalInterface>,
    logicals: Vec<LogicalInterface>,
    pools: Vec<PoolRange>,
    rings: Vec<Vec<LogicalId>>,
    names: HashMap<Box<str>, PerFamily<LogicalId>>,
    groups: HashMap<Box<str>, PerFamily<RingId>>,
    aliases: HashMap<Box<str>, Box<str>>,
    default_name: Box<str>,
    first: PerFamily<LogicalId>,
}

type PerFamily<T> = [Option<T>; 2];

fn preferring<T: Copy>(table: &PerFamily<T>, family: Family) -> Option<T> {
    table[family.index()].or(table[family.other().index()])
}

impl Interfaces {
    /// Builds the snapshot from the configured entries in their order.
    pub fn build(
        specs: &[InterfaceSpec],
        resolver: &dyn Resolver,
        random: &mut impl Rng,
    ) -> Result<Self, InterfaceError> {
        let mut built = Self::default();
        for spec in specs {
            match &spec.target {
                Target::Alias(other) => built.add_alias(spec, other)?,
                Target::Address(address) => built.add_addresses(spec, address, resolver, random)?,
            }
        }
        if built.locals.is_empty() {
            return Err(InterfaceError::None);
        }
        if built.locals.len() > MAX_LOCALS {
            return Err(InterfaceError::TooMany);
        }
        built.add_logicals();
        built.add_rings();
        Ok(built)
    }

    fn add_alias(&mut self, spec: &InterfaceSpec, other: &str) -> Result<(), InterfaceError> {
        let target = self.aliases.get(other).map_or(other, |name| name);
        let known = self.locals.iter().any(|l| *l.name == *target || base(&l.name) == Some(target));
        if !known {
            return Err(spec.origin.invalid());
        }
        self.aliases.insert(spec.name.as_str().into(), target.into());
        Ok(())
    }

    fn add_addresses(
        &mut self,
        spec: &InterfaceSpec,
        address: &AddressSpec,
        resolver: &dyn Resolver,
        random: &mut impl Rng,
    ) -> Result<(), InterfaceError> {
        let (min, max) = port_range(spec, address)?;
        let found = resolve_addresses(&address.address, resolver);
        if found.is_empty() || found.iter().any(IpAddr::is_unspecified) {
            return Err(spec.origin.invalid());
        }
        let advertised = match &address.advertised {
            None => None,
            Some(text) => Some(resolve_advertised(text, resolver).ok_or_else(|| spec.origin.invalid())?),
        };
        for bound in found {
            let advertised = advertised.unwrap_or(bound);
            let pool = self.pool(bound, min, max, &address.excluded);
            let twice = |l: &LocalInterface| {
                *l.name == *spec.name && l.address == bound && l.advertised == advertised && l.pool == pool
            };
            if self.locals.iter().any(twice) {
                continue;
            }
            self.locals.push(LocalInterface {
                name: spec.name.as_str().into(),
                address: bound,
                advertised,
                pool,
                foundation: foundation(random),
            });
        }
        Ok(())
    }

    /// The pool of an address and range; exclusions of entries that share it add up.
    fn pool(&mut self, address: IpAddr, min: u16, max: u16, excluded: &[u16]) -> PoolId {
        let same = |p: &PoolRange| p.address == address && p.min == min && p.max == max;
        let at = self.pools.iter().position(same).unwrap_or_else(|| {
            self.pools.push(PoolRange { address, min, max, excluded: Vec::new() });
            self.pools.len() - 1
        });
        let pool = &mut self.pools[at];
        pool.excluded.extend_from_slice(excluded);
        pool.excluded.sort_unstable();
        pool.excluded.dedup();
        PoolId(index(at))
    }

    fn add_logicals(&mut self) {
        let mut names: Vec<Box<str>> = Vec::new();
        for local in &self.locals {
            if !names.contains(&local.name) {
                names.push(local.name.clone());
            }
        }
        for name in names {
            for family in Family::ALL {
                let of_family = |wanted: Family| {
                    let locals = self.locals.iter().enumerate();
                    locals
                        .filter(|(_, l)| l.name == name && Family::of(l.address) == wanted)
                        .map(|(at, _)| LocalId(short(at)))
                        .collect::<Vec<_>>()
                };
                let mut locals = of_family(family);
                if locals.is_empty() {
                    continue;
                }
                locals.extend(of_family(family.other()));
                let id = LogicalId(short(self.logicals.len()));
                self.logicals.push(LogicalInterface { name: name.clone(), family, locals });
                self.names.entry(name.clone()).or_default()[family.index()] = Some(id);
                self.first[family.index()].get_or_insert(id);
            }
        }
        self.default_name = self.locals[0].name.clone();
    }

    fn add_rings(&mut self) {
        for at in 0..self.logicals.len() {
            let LogicalInterface { name, family, .. } = &self.logicals[at];
            let (name, family) = (name.clone(), *family);
            self.join(ROUND_ROBIN_CALLS, family, LogicalId(short(at)));
            if let Some(base) = base(&name) {
                self.join(base, family, LogicalId(short(at)));
            }
        }
    }

    fn join(&mut self, group: &str, family: Family, member: LogicalId) {
        let rings = &mut self.rings;
        let slot = &mut self.groups.entry(group.into()).or_default()[family.index()];
        let ring = *slot.get_or_insert_with(|| {
            rings.push(Vec::new());
            RingId(index(rings.len() - 1))
        });
        rings[ring.0 as usize].push(member);
    }

    /// Finds the interface for a name (or none) and a preferred family: media-plane.md 1.2 rules 1 to 7.
    pub fn select(&self, name: Option<&str>, family: Family) -> Selection {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Selection { choice: self.default_choice(family), unknown_name: false };
        };
        match self.named(name, family) {
            Some(choice) => Selection { choice, unknown_name: false },
            None => Selection { choice: self.default_choice(family), unknown_name: true },
        }
    }

    fn named(&self, name: &str, family: Family) -> Option<Choice> {
        let name = self.aliases.get(name).map_or(name, |target| target);
        if let Some(id) = self.names.get(name).and_then(|table| preferring(table, family)) {
            return Some(Choice::Fixed(id));
        }
        if let Some(ring) = self.groups.get(name).and_then(|table| preferring(table, family)) {
            return Some(self.ring_choice(ring));
        }
        let legacy = match name {
            "internal" => Family::V4,
            "external" => Family::V6,
            _ => return None,
        };
        Some(Choice::Fixed(preferring(&self.first, legacy)?))
    }

    fn ring_choice(&self, ring: RingId) -> Choice {
        match self.ring(ring) {
            [only] => Choice::Fixed(*only),
            _ => Choice::RoundRobin(ring),
        }
    }

    fn default_choice(&self, family: Family) -> Choice {
        // Building refuses an empty configuration, so one of the two families is there.
        let first = preferring(&self.first, family).unwrap_or(LogicalId(0));
        let logical = self.logical(first);
        let group = base(&logical.name).and_then(|base| self.groups.get(base));
        match group.and_then(|table| table[logical.family.index()]) {
            Some(ring) => self.ring_choice(ring),
            None => Choice::Fixed(first),
        }
    }

    /// Whether a media on `present` keeps it when a later request names `name` and `family` (rule 8).
    pub fn keeps(&self, present: LogicalId, name: &str, family: Family) -> bool {
        match self.select(Some(name), family).choice {
            Choice::Fixed(id) => id == present,
            Choice::RoundRobin(ring) => self.ring(ring).contains(&present),
        }
    }

    /// The lookup used when a round-robin group has no free ports left: by exact name only (1.3 rule 4).
    pub fn exact(&self, name: &str, family: Family) -> Option<LogicalId> {
        let name = self.aliases.get(name).map_or(name, |target| target);
        self.names.get(name).and_then(|table| preferring(table, family))
    }

    /// Whether an address and port could be one of the daemon's own sockets, bound or advertised (media-plane.md 3.5 rule 1).
    pub fn owns(&self, endpoint: SocketAddr) -> bool {
        self.locals.iter().any(|local| {
            let pool = self.pool_range(local.pool);
            (local.address == endpoint.ip() || local.advertised == endpoint.ip())
                && (pool.min..=pool.max).contains(&endpoint.port())
        })
    }

    /// A logical interface by its number.
    pub fn logical(&self, id: LogicalId) -> &LogicalInterface {
        &self.logicals[usize::from(id.0)]
    }

    /// A local interface by its number.
    pub fn local(&self, id: LocalId) -> &LocalInterface {
        &self.locals[usize::from(id.0)]
    }

    /// All local interfaces in configured order.
    pub fn locals(&self) -> &[LocalInterface] {
        &self.locals
    }

    /// All logical interfaces.
    pub fn logicals(&self) -> &[LogicalInterface] {
        &self.logicals
    }

    /// All pools.
    pub fn pools(&self) -> &[PoolRange] {
        &self.pools
    }

    /// One pool.
    pub fn pool_range(&self, id: PoolId) -> &PoolRange {
        &self.pools[id.0 as usize]
    }

    /// The round-robin group of a name in a family, else in the other one.
    pub fn ring_of(&self, base: &str, family: Family) -> Option<RingId> {
        let base = self.aliases.get(base).map_or(base, |target| target);
        self.groups.get(base).and_then(|table| preferring(table, family))
    }

    /// The members of all round-robin groups.
    pub(super) fn rings(&self) -> &[Vec<LogicalId>] {
        &self.rings
    }

    /// The members of one round-robin group, in configured order.
    pub fn ring(&self, id: RingId) -> &[LogicalId] {
        &self.rings[id.0 as usize]
    }

    /// The name of the first configured interface.
    pub fn default_name(&self) -> &str {
        &self.default_name
    }
}

/// The part of `BASE:SUFFIX` that names the group.
fn base(name: &str) -> Option<&str> {
    name.split_once(':').map(|(base, _)| base).filter(|base| !base.is_empty())
}

/// Table positions. Building refuses more interfaces than the numbers can name.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn short(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn foundation(random: &mut impl Rng) -> Box<str> {
    (0..16)
        .map(|_| char::from(FOUNDATION_CHARACTERS[random.random_range(0..FOUNDATION_CHARACTERS.len())]))
        .collect::<String>()
        .into_boxed_str()
}

fn resolve_addresses(text: &str, resolver: &dyn Resolver) -> Vec<IpAddr> {
    if let Ok(literal) = text.parse() {
        return vec![literal];
    }
    if text == "any" {
        return resolver.all();
    }
    resolver.interface(text).unwrap_or_else(|| resolver.host(text))
}

fn resolve_advertised(text: &str, resolver: &dyn Resolver) -> Option<IpAddr> {
    let address = text.parse().ok().or_else(|| resolver.host(text).first().copied())?;
    (!address.is_unspecified()).then_some(address)
}

fn port_range(spec: &InterfaceSpec, address: &AddressSpec) -> Result<(u16, u16), InterfaceError> {
    let bound = |key, value: i32| match u16::try_from(value) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(InterfaceError::Port { name: spec.name.clone(), key }),
    };
    let (min, max) = (bound("port-min", address.port_min)?, bound("port-max", address.port_max)?);
    if min > max {
        let name = match &spec.origin {
            super::interface_spec::Origin::Section(ident) => ident.clone(),
            super::interface_spec::Origin::Option(_) => spec.name.clone(),
        };
        return Err(InterfaceError::Range { name, min: address.port_min, max: address.port_max });
    }
    Ok((min, max))
}

#[cfg(test)]
#[path = "interfaces_tests.rs"]
mod tests;
