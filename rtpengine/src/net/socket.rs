//! The raw driver of media sockets: open, receive, send.
#![allow(unsafe_code)]

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// How a media socket is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// TOS or traffic class of what is sent.
    pub tos: u8,
    /// The CPU whose packets the socket prefers (`--socket-cpu-affinity`).
    pub incoming_cpu: Option<u32>,
}

/// An open, bound, non-blocking UDP socket.
#[derive(Debug)]
pub struct UdpSocket {
    fd: OwnedFd,
}

/// Why a receive gave no packet.
#[derive(Debug)]
pub enum ReceiveError {
    /// Nothing there, or interrupted: try after the next readiness.
    Empty,
    /// Anything else: the socket cannot be read (media-plane.md 3.1 rule 3).
    Broken(io::Error),
}

impl UdpSocket {
    /// Opens a socket bound to exactly this address and port.
    pub fn open(local: SocketAddr, options: SocketOptions) -> io::Result<Self> {
        let domain = Domain::for_address(local);
        let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        if local.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&local.into())?;
        let socket = Self { fd: socket.into() };
        if options.tos != 0 {
            // Without effect on forwarding: a socket whose TOS cannot be set still serves its call.
            let _ = socket.set_tos(local.is_ipv6(), options.tos);
        }
        if let Some(cpu) = options.incoming_cpu {
            let _ = set_option(socket.fd.as_fd(), libc::SOL_SOCKET, libc::SO_INCOMING_CPU, cpu.cast_signed());
        }
        Ok(socket)
    }

    /// Sets TOS or traffic class of everything sent from now on.
    pub fn set_tos(&self, ipv6: bool, tos: u8) -> io::Result<()> {
        let (level, name) =
            if ipv6 { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) } else { (libc::IPPROTO_IP, libc::IP_TOS) };
        set_option(self.fd.as_fd(), level, name, libc::c_int::from(tos))
    }

    /// Receives one datagram. Datagrams larger than the buffer are cut.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), ReceiveError> {
        receive_from(self.fd.as_raw_fd(), buffer)
    }

    /// Sends one datagram from this socket's own address.
    pub fn send(&self, packet: &[u8], to: SocketAddr) -> io::Result<()> {
        send_to(self.fd.as_raw_fd(), packet, to)
    }

    /// When the datagram received last came in, in µs of the unix time. The first time it is asked for, the socket begins to keep it,
    /// and there is none yet.
    pub fn last_arrival(&self) -> Option<u64> {
        last_stamp(self.fd.as_raw_fd())
    }

    /// The address it is bound to.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        socket2::SockRef::from(&self.fd)
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Receives one datagram from a descriptor into `buffer`.
fn receive_from(fd: RawFd, buffer: &mut [u8]) -> Result<(usize, SocketAddr), ReceiveError> {
    let mut name = MaybeUninit::<libc::sockaddr_in6>::uninit();
    let mut name_length = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
    // The system call itself, without the C library's provisions for cancelling threads, which cost more than the rest of this function.
    // SAFETY: the buffer is writable for its whole length; `name` has `name_length` writable bytes and the kernel writes no more.
    let received = unsafe {
        libc::syscall(
            libc::SYS_recvfrom,
            fd,
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            name.as_mut_ptr(),
            &raw mut name_length,
        )
    };
    let Ok(length) = usize::try_from(received) else {
        let error = io::Error::last_os_error();
        return Err(match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => ReceiveError::Empty,
            _ => ReceiveError::Broken(error),
        });
    };
    match decode_address(&name, name_length) {
        Some(source) => Ok((length, source)),
        None => Err(ReceiveError::Empty),
    }
}

/// `SIOCGSTAMPNS` with 64 bits for seconds and nanoseconds whatever the machine (Linux 5.1).
const STAMP: libc::Ioctl = 0x8010_8907_u32 as libc::Ioctl;

/// The kernel's time stamp of the datagram received last from a descriptor.
fn last_stamp(fd: RawFd) -> Option<u64> {
    let mut stamp = [0_i64; 2];
    // SAFETY: the kernel writes two 64-bit numbers, for which there is room.
    let result = unsafe { libc::ioctl(fd, STAMP, stamp.as_mut_ptr()) };
    if result < 0 {
        return None;
    }
    let [seconds, nanoseconds] = stamp.map(|part| u64::try_from(part).ok());
    seconds?.checked_mul(1_000_000)?.checked_add(nanoseconds? / 1000)
}

/// Reads an address the kernel wrote; v4-mapped ones become IPv4 (media-plane.md 3.1 rule 4).
pub(super) fn decode_address(
    name: &MaybeUninit<libc::sockaddr_in6>,
    length: libc::socklen_t,
) -> Option<SocketAddr> {
    let length = length as usize;
    if length < size_of::<libc::sockaddr_in>() {
        return None;
    }
    // SAFETY: the kernel wrote at least a sockaddr_in, whose first member is the family; sockaddr_in6 is larger and as aligned.
    let v4 = unsafe { name.as_ptr().cast::<libc::sockaddr_in>().read() };
    match libc::c_int::from(v4.sin_family) {
        libc::AF_INET => {
            let address = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::V4(SocketAddrV4::new(address, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: the kernel wrote a whole sockaddr_in6.
            let v6 = unsafe { name.assume_init_ref() };
            let address = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(match address.to_ipv4_mapped() {
                Some(mapped) => SocketAddr::V4(SocketAddrV4::new(mapped, port)),
                None => SocketAddr::V6(SocketAddrV6::new(address, port, 0, v6.sin6_scope_id)),
            })
        }
        _ => None,
    }
}

/// A socket address in the kernel's form, either family in the larger one's room.
pub(super) fn encode_address(address: SocketAddr) -> (libc::sockaddr_in6, libc::socklen_t) {
    let mut name = libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: address.port().to_be(),
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
        sin6_scope_id: 0,
    };
    match address {
        SocketAddr::V6(v6) => {
            name.sin6_addr.s6_addr = v6.ip().octets();
            name.sin6_scope_id = v6.scope_id();
            (name, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
        }
        SocketAddr::V4(v4) => {
            // A sockaddr_in has its address where a sockaddr_in6 has its flow information: after family and port.
            name.sin6_family = libc::AF_INET as libc::sa_family_t;
            name.sin6_flowinfo = u32::from_ne_bytes(v4.ip().octets());
            (name, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
    }
}

fn send_to(fd: RawFd, packet: &[u8], to: SocketAddr) -> io::Result<()> {
    let (name, name_length) = encode_address(to);
    // SAFETY: packet and name are readable for the lengths given.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_sendto,
            fd,
            packet.as_ptr(),
            packet.len(),
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            &raw const name,
            name_length,
        )
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets an integer socket option.
pub(super) fn set_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the value is a c_int, readable for its size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether a failed open says that no other port would do better (out of descriptors or memory).
pub fn is_resource_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Whether a failed send only met a full buffer: a counted loss, not an error of the stream (media-plane.md 3.4).
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS))
}

/// The unspecified address of an address's family.
pub fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(address: &str) -> UdpSocket {
        UdpSocket::open(address.parse().unwrap(), SocketOptions { tos: 184, incoming_cpu: None }).unwrap()
    }

    fn exchange(from: &UdpSocket, to: &UdpSocket) {
        let (source, target) = (from.local_address().unwrap(), to.local_address().unwrap());
        from.send(b"hello", target).unwrap();
        let mut buffer = [0; 16];
        let (length, seen) = to.receive(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], seen), (&b"hello"[..], source));
        assert!(matches!(to.receive(&mut buffer), Err(ReceiveError::Empty)));
    }

    #[test]
    fn datagrams_carry_the_bound_address() {
        exchange(&open("127.0.0.1:0"), &open("127.0.0.1:0"));
        if UdpSocket::open("[::1]:0".parse().unwrap(), SocketOptions::default()).is_ok() {
            exchange(&open("[::1]:0"), &open("[::1]:0"));
        }
    }

    #[test]
    fn arrivals_are_known_once_they_were_asked_for() {
        let (from, to) = (open("127.0.0.1:0"), open("127.0.0.1:0"));
        let unix = || {
            let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            u64::try_from(time.as_micros()).unwrap()
        };
        assert_eq!(to.last_arrival(), None);
        let mut buffer = [0; 16];
        // The kernel begins a little later.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        loop {
            let before = unix();
            from.send(b"hello", to.local_address().unwrap()).unwrap();
            let after = unix();
            to.receive(&mut buffer).unwrap();
            let arrival = to.last_arrival().unwrap();
            if (before..=after).contains(&arrival) {
                break;
            }
            assert!(std::time::Instant::now() < until, "{before} {arrival} {after}");
        }
    }

    #[test]
    fn addresses_survive_the_kernel_form_and_mapped_ones_are_unmapped() {
        let cases = [
            ("192.0.2.1:5004", "192.0.2.1:5004"),
            ("[2001:db8::1]:5004", "[2001:db8::1]:5004"),
            ("[::ffff:192.0.2.1]:9", "192.0.2.1:9"),
        ];
        for (given, expected) in cases {
            let (name, length) = encode_address(given.parse().unwrap());
            let decoded = decode_address(&MaybeUninit::new(name), length);
            assert_eq!(decoded, Some(expected.parse().unwrap()), "{given}");
        }
        let (name, _) = encode_address("192.0.2.1:1".parse().unwrap());
        assert_eq!(decode_address(&MaybeUninit::new(name), 2), None);
    }

    #[test]
    fn a_taken_port_is_refused_without_being_a_shortage() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let taken = socket.local_addr().unwrap().as_socket().unwrap();
        let error = UdpSocket::open(taken, SocketOptions::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(!is_resource_shortage(&error));
    }
}
