//! What the operating system knows about addresses: its interfaces and its resolver.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};

/// Looks up the names an interface entry may use. A trait so that tests need no particular machine.
pub trait Resolver {
    /// All usable addresses of one system interface, or `None` if there is no such interface.
    fn interface(&self, name: &str) -> Option<Vec<IpAddr>>;
    /// All usable addresses of all interfaces but the loopback ones.
    fn all(&self) -> Vec<IpAddr>;
    /// The addresses of a host name, without duplicates.
    fn host(&self, name: &str) -> Vec<IpAddr>;
}

/// The machine the daemon runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Resolver for Machine {
    fn interface(&self, name: &str) -> Option<Vec<IpAddr>> {
        let entries = addresses();
        if !entries.iter().any(|entry| entry.name == name) {
            return None;
        }
        Some(entries.iter().filter(|e| e.name == name && e.up).filter_map(|e| e.address).collect())
    }

    fn all(&self) -> Vec<IpAddr> {
        addresses().iter().filter(|e| e.up && !e.loopback).filter_map(|e| e.address).collect()
    }

    fn host(&self, name: &str) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for address in (name, 0).to_socket_addrs().into_iter().flatten() {
            if !found.contains(&address.ip()) {
                found.push(address.ip());
            }
        }
        found
    }
}

/// The local address the system would send from towards a peer: asks the routing table without sending anything.
pub fn source_towards(peer: IpAddr) -> Option<IpAddr> {
    let any = super::socket::unspecified(peer);
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Any port: a UDP connect only looks the route up.
    socket.connect((peer, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The soft limit of open files: `None` if it cannot be found out, `Some(None)` without a limit.
pub fn open_files() -> Option<Option<u64>> {
    let limit = file_limit()?;
    Some((limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur))
}

/// Sets the limit of open files; the error is the system's number.
pub fn set_open_files(files: u64) -> Result<(), i32> {
    let hard = file_limit().map_or(files, |limit| limit.rlim_max);
    let limit = libc::rlimit { rlim_cur: files, rlim_max: hard.max(files) };
    // SAFETY: the structure is readable.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)),
    }
}

fn file_limit() -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is writable.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    (result == 0).then_some(limit)
}

struct Entry {
    name: String,
    up: bool,
    loopback: bool,
    /// `None` for families other than IP and for scoped IPv6 addresses.
    address: Option<IpAddr>,
}

fn addresses() -> Vec<Entry> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: `list` is a valid place for the pointer; on success it heads a list that is valid until freeifaddrs.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Vec::new();
    }
    let mut entries = Vec::new();
    let mut next = list;
    while !next.is_null() {
        // SAFETY: `next` is a node of the list, which has not been freed yet.
        let node = unsafe { &*next };
        // SAFETY: every node carries a NUL-terminated name that lives as long as the list.
        let name = unsafe { CStr::from_ptr(node.ifa_name) }.to_string_lossy().into_owned();
        let flag = |bit: libc::c_int| node.ifa_flags & bit.cast_unsigned() != 0;
        entries.push(Entry {
            name,
            up: flag(libc::IFF_UP),
            loopback: flag(libc::IFF_LOOPBACK),
            address: usable_address(node),
        });
        next = node.ifa_next;
    }
    // SAFETY: `list` came from getifaddrs and is freed once; nothing borrowed from it is left.
    unsafe { libc::freeifaddrs(list) };
    entries
}

fn usable_address(node: &libc::ifaddrs) -> Option<IpAddr> {
    if node.ifa_addr.is_null() {
        return None;
    }
    // SAFETY: a non-null ifa_addr points to a sockaddr whose family tells its real type.
    let family = libc::c_int::from(unsafe { (*node.ifa_addr).sa_family });
    match family {
        libc::AF_INET => {
            // SAFETY: AF_INET means a sockaddr_in; read_unaligned asks for no alignment.
            let address = unsafe { node.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr))))
        }
        libc::AF_INET6 => {
            // SAFETY: AF_INET6 means a sockaddr_in6; read_unaligned asks for no alignment.
            let address = unsafe { node.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            (address.sin6_scope_id == 0).then(|| IpAddr::V6(Ipv6Addr::from(address.sin6_addr.s6_addr)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_from_loopback() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(source_towards(loopback), Some(loopback));
    }

    #[test]
    fn loopback_has_its_address_and_any_leaves_it_out() {
        let loopback = Machine.interface("lo").expect("every machine has lo");
        assert!(loopback.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert!(!Machine.all().contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(Machine.interface("no-such-interface"), None);
    }
}
