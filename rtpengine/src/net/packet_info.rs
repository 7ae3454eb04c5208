//! A UDP socket that knows the local address a datagram came to and answers from there (ng-control.md 1.2 rule 2).
#![allow(unsafe_code)]

use super::socket::{ReceiveError, decode_address, encode_address, set_option};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// Room for one packet-info control message of either family.
const CONTROL_ROOM: usize = 64;

/// IPv4 path-MTU discovery of a control socket (`--control-pmtu`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathMtu {
    /// Leave the system's setting.
    #[default]
    System,
    /// `want`
    Want,
    /// `dont`
    Dont,
}

/// A non-blocking UDP socket for requests.
#[derive(Debug)]
pub struct RequestSocket {
    fd: OwnedFd,
    local: SocketAddr,
}

/// Where a datagram came from and the local address it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Source of the request, target of the reply.
    pub peer: SocketAddr,
    /// The address the request came to, if the kernel said.
    pub local: Option<IpAddr>,
}

#[repr(align(8))]
struct Control([u8; CONTROL_ROOM]);

impl RequestSocket {
    /// Opens and binds the socket. Failure to set TOS or path-MTU discovery is not fatal.
    pub fn open(local: SocketAddr, tos: u8, path_mtu: PathMtu) -> io::Result<Self> {
        let domain = Domain::for_address(local);
        let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        if local.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&local.into())?;
        let local = socket.local_addr()?.as_socket().unwrap_or(local);
        let socket = Self { fd: socket.into(), local };
        let fd = socket.fd.as_fd();
        if local.is_ipv6() {
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        } else {
            set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        }
        let discovery = match path_mtu {
            PathMtu::System => None,
            PathMtu::Want => Some(libc::IP_PMTUDISC_WANT),
            PathMtu::Dont => Some(libc::IP_PMTUDISC_DONT),
        };
        if let (Some(value), true) = (discovery, local.is_ipv4()) {
            let _ = set_option(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, value);
        }
        socket.set_tos(tos);
        Ok(socket)
    }

    /// Sets TOS or traffic class of replies (`set controltos` changes it while running).
    pub fn set_tos(&self, tos: u8) {
        let (level, name) = if self.local.is_ipv6() {
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
        } else {
            (libc::IPPROTO_IP, libc::IP_TOS)
        };
        let _ = set_option(self.fd.as_fd(), level, name, libc::c_int::from(tos));
    }

    /// The address it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Receives one request.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<(usize, Route), ReceiveError> {
        let mut name = MaybeUninit::<libc::sockaddr_in6>::uninit();
        let mut control = Control([0; CONTROL_ROOM]);
        let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: an all-zero msghdr is valid: null pointers with zero lengths.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = name.as_mut_ptr().cast();
        header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_ROOM;
        // SAFETY: every pointer of the header leads to memory that is writable for the length beside it.
        let received = unsafe { libc::recvmsg(self.fd.as_raw_fd(), &raw mut header, 0) };
        let Ok(length) = usize::try_from(received) else {
            let error = io::Error::last_os_error();
            return Err(match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => ReceiveError::Empty,
                _ => ReceiveError::Broken(error),
            });
        };
        let peer = decode_address(&name, header.msg_namelen).ok_or(ReceiveError::Empty)?;
        Ok((length, Route { peer, local: local_address(&header) }))
    }

    /// Sends a reply along the route its request came.
    pub fn send(&self, packet: &[u8], route: Route) -> io::Result<()> {
        let (mut name, name_length) = encode_address(route.peer);
        let mut control = Control([0; CONTROL_ROOM]);
        let mut vector = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
        // SAFETY: an all-zero msghdr is valid: null pointers with zero lengths.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = (&raw mut name).cast();
        header.msg_namelen = name_length;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_ROOM;
        header.msg_controllen = write_source(&header, route.local);
        if header.msg_controllen == 0 {
            header.msg_control = std::ptr::null_mut();
        }
        // SAFETY: every pointer of the header leads to memory readable for the length beside it; the packet is not written to.
        let sent = unsafe { libc::sendmsg(self.fd.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsRawFd for RequestSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// The packet info among the control messages the kernel wrote.
fn local_address(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel filled msg_control and set msg_controllen to what it wrote; the CMSG functions stay within that.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: a non-null result points to a whole control message header within the buffer.
        let kind = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        // SAFETY: as above; the data follow the header.
        let data = unsafe { libc::CMSG_DATA(message) };
        match kind {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: an IP_PKTINFO message carries an in_pktinfo; read_unaligned asks for no alignment.
                let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                // ipi_spec_dst is the address to answer from, also for a request sent to a broadcast address.
                return Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: an IPV6_PKTINFO message carries an in6_pktinfo; read_unaligned asks for no alignment.
                let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
            }
            // SAFETY: `message` is within the header's control buffer.
            _ => message = unsafe { libc::CMSG_NXTHDR(header, message) },
        }
    }
    None
}

/// Writes the source address as a control message; gives the length used, 0 without an address.
fn write_source(header: &libc::msghdr, local: Option<IpAddr>) -> usize {
    match local {
        None => 0,
        Some(IpAddr::V4(address)) => {
            let source = libc::in_addr { s_addr: u32::from(address).to_be() };
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: source,
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            write_message(header, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        Some(IpAddr::V6(address)) => {
            let source = libc::in6_addr { s6_addr: address.octets() };
            let info = libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: 0 };
            write_message(header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

fn write_message<T: Copy>(header: &libc::msghdr, level: libc::c_int, kind: libc::c_int, info: T) -> usize {
    let length = size_of::<T>() as libc::c_uint;
    // SAFETY: the control buffer has CONTROL_ROOM bytes, more than the space of either packet info, so CMSG_FIRSTHDR is not null and
    // header and data lie within it; write_unaligned asks for no alignment of the data.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(length) as usize;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(info);
        libc::CMSG_SPACE(length) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn answered_from_where_it_was_asked(listen: &str, ask: &str) {
        let Ok(server) = RequestSocket::open(listen.parse().unwrap(), 0, PathMtu::Want) else {
            return; // no such family here
        };
        let target = SocketAddr::new(ask.parse().unwrap(), server.local().port());
        let client = UdpSocket::bind((super::super::socket::unspecified(target.ip()), 0)).unwrap();
        if client.send_to(b"cookie d", target).is_err() {
            return;
        }
        let mut buffer = [0; 64];
        let (length, route) = server.receive(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], route.local), (&b"cookie d"[..], Some(target.ip())));
        server.send(b"cookie e", route).unwrap();
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (&b"cookie e"[..], target));
    }

    #[test]
    fn replies_leave_from_the_address_that_was_asked() {
        answered_from_where_it_was_asked("0.0.0.0:0", "127.0.0.9");
        answered_from_where_it_was_asked("127.0.0.1:0", "127.0.0.1");
        answered_from_where_it_was_asked("[::]:0", "::1");
    }
}
