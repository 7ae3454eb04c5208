//! The system calls that the standard library has no form for: network namespaces, processor affinity, signals,
//! packets in batches and the traffic class of a received packet. The only module of this package with `unsafe`.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::ptr;

/// The signals that the tests send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of signal(7)")]
pub enum Signal {
    Hup,
    Int,
    Term,
    Kill,
    Usr1,
    Usr2,
    Pipe,
    Stop,
    Cont,
}

/// Sends `signal` to the process `pid`.
///
/// # Errors
/// What kill(2) says, for example that the process is gone.
pub fn kill(pid: u32, signal: Signal) -> io::Result<()> {
    let number = match signal {
        Signal::Hup => libc::SIGHUP,
        Signal::Int => libc::SIGINT,
        Signal::Term => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
        Signal::Usr1 => libc::SIGUSR1,
        Signal::Usr2 => libc::SIGUSR2,
        Signal::Pipe => libc::SIGPIPE,
        Signal::Stop => libc::SIGSTOP,
        Signal::Cont => libc::SIGCONT,
    };
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    if pid <= 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: kill takes no pointer; a positive pid addresses exactly one process.
    check(unsafe { libc::kill(pid, number) }).map(drop)
}

/// Moves the calling thread, and whatever it starts from now on, into a new and empty network namespace.
///
/// # Errors
/// What unshare(2) says, above all that the caller lacks the privilege.
pub fn enter_new_network_namespace() -> io::Result<()> {
    // SAFETY: CLONE_NEWNET changes only which network this thread sees; no memory is involved.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map(drop)
}

/// Binds the calling thread, and the processes it starts from now on, to one processor.
///
/// # Errors
/// What sched_setaffinity(2) says, for example that the processor does not exist.
pub fn pin_thread(processor: usize) -> io::Result<()> {
    // SAFETY: cpu_set_t is plain bits, for which all zero is the empty set; CPU_SET checks its index; the size given
    // is that of the set pointed to.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        if processor >= libc::CPU_SETSIZE as usize {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        libc::CPU_SET(processor, &mut set);
        check(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)).map(drop)
    }
}

/// Gives the calling thread, and what it starts from now on, real-time priority 1 in turns (`SCHED_RR`) or the
/// ordinary schedule back.
///
/// # Errors
/// What sched_setscheduler(2) says, above all that the caller lacks the privilege.
pub fn real_time(on: bool) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: i32::from(on) };
    let policy = if on { libc::SCHED_RR } else { libc::SCHED_OTHER };
    // SAFETY: the parameters outlive the call, which only reads them.
    check(unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) }).map(drop)
}

/// Nanoseconds of the real-time clock, the clock of the kernel's receive time stamps.
#[must_use]
pub fn realtime_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// Nanoseconds of the monotonic clock.
#[must_use]
pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing; the two clocks used exist on every Linux.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Sleeps until the monotonic clock shows `ns`.
pub fn sleep_until(ns: u64) {
    let time = libc::timespec {
        tv_sec: (ns / 1_000_000_000).cast_signed(),
        tv_nsec: (ns % 1_000_000_000).cast_signed(),
    };
    // SAFETY: `time` is read only, and the remaining time is not asked for.
    unsafe {
        libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &raw const time, ptr::null_mut());
    }
}

/// Asks for a receive buffer of `bytes`, beyond the system's limit where the privilege allows.
///
/// # Errors
/// What setsockopt(2) says.
pub fn receive_buffer(socket: &impl AsRawFd, bytes: i32) -> io::Result<()> {
    if option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_ok() {
        return Ok(());
    }
    option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)
}

/// Has the kernel stamp every received packet with its arrival, read by [`Batch::receive`].
///
/// # Errors
/// What setsockopt(2) says.
pub fn receive_time_stamps(socket: &impl AsRawFd) -> io::Result<()> {
    option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Has the kernel report the traffic class of every received packet, read by [`receive_with_class`].
///
/// # Errors
/// What setsockopt(2) says.
pub fn receive_class(socket: &impl AsRawFd, v6: bool) -> io::Result<()> {
    if v6 {
        option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1)
    } else {
        option(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1)
    }
}

fn option(socket: &impl AsRawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the value is an int, as the options used here want, and its size is given.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// One received packet with its traffic class (TOS byte).
#[derive(Clone, Debug)]
pub struct Classified {
    /// The payload.
    pub data: Vec<u8>,
    /// Where it came from.
    pub source: SocketAddr,
    /// The TOS byte or IPv6 traffic class, if the kernel reported one.
    pub class: Option<u8>,
}

/// Receives one packet; a read timeout set on the socket holds here too.
///
/// # Errors
/// What recvmsg(2) says; a source that is no IP address.
pub fn receive_with_class(socket: &impl AsRawFd) -> io::Result<Classified> {
    let mut buffer = vec![0_u8; 8192];
    // SAFETY: sockaddr_storage and msghdr are plain data for which zero is valid.
    let (mut name, mut header): (libc::sockaddr_storage, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
    let mut control = Control([0; CONTROL]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL;
    // SAFETY: every pointer in the header leads to memory that lives until the end of this function, with its size.
    let length = check_len(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0) })?;
    buffer.truncate(length);
    let mut class = None;
    // SAFETY: the header was filled by the kernel, the control buffer is aligned and unchanged since.
    unsafe {
        each_control(&header, |level, kind, data| match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_TOS) => class = Some(data.cast::<u8>().read_unaligned()),
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                class = u8::try_from(data.cast::<i32>().read_unaligned()).ok();
            }
            _ => (),
        });
    }
    Ok(Classified { data: buffer, source: to_address(&name)?, class })
}

const CONTROL: usize = 64;

/// Room for control messages, aligned as cmsg(3) wants it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// Calls `visit` with level, type and data of every control message.
///
/// # Safety
/// `header` must have been filled by the kernel and its control buffer be alive and aligned. `visit` may read as many
/// bytes as its level and type say.
unsafe fn each_control(header: &libc::msghdr, mut visit: impl FnMut(i32, i32, *const u8)) {
    // SAFETY: CMSG_* walk inside msg_controllen, which the kernel set.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            visit((*message).cmsg_level, (*message).cmsg_type, libc::CMSG_DATA(message));
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
}

fn to_address(name: &libc::sockaddr_storage) -> io::Result<SocketAddr> {
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that a sockaddr_in was stored; the storage is large and aligned enough.
            let v4 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Ok(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, with sockaddr_in6.
            let v6 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Ok(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, 0).into())
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn from_v4(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

/// Packets per system call of a [`Batch`].
pub const BATCH: usize = 64;

/// Largest packet of a [`Batch`]; longer ones are cut.
pub const BATCH_PACKET: usize = 256;

/// Room for [`BATCH`] packets that one system call sends or receives (sendmmsg(2), recvmmsg(2)), IPv4 only: the load
/// program lives in a namespace of its own choosing.
pub struct Batch {
    data: Box<[[u8; BATCH_PACKET]; BATCH]>,
    names: Box<[libc::sockaddr_in; BATCH]>,
    parts: Box<[libc::iovec; BATCH]>,
    control: Box<[Control; BATCH]>,
    headers: Box<[libc::mmsghdr; BATCH]>,
    used: usize,
}

/// One packet of a received batch.
#[derive(Clone, Copy, Debug)]
pub struct Received<'b> {
    /// The payload, cut at [`BATCH_PACKET`].
    pub data: &'b [u8],
    /// The sender's port.
    pub port: u16,
    /// When the kernel queued it, real-time clock in nanoseconds; 0 without [`receive_time_stamps`].
    pub arrival_ns: u64,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all three are plain C data for which zero is a valid value.
        let (name, part, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Self {
            data: Box::new([[0; BATCH_PACKET]; BATCH]),
            names: Box::new([name; BATCH]),
            parts: Box::new([part; BATCH]),
            control: Box::new([Control([0; CONTROL]); BATCH]),
            headers: Box::new([header; BATCH]),
            used: 0,
        }
    }

    /// Number of packets waiting to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether no packet waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Whether [`BATCH`] packets wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.used == BATCH
    }

    /// Adds a packet; a full batch or a packet beyond [`BATCH_PACKET`] is refused with `false`.
    pub fn push(&mut self, packet: &[u8], to: SocketAddrV4) -> bool {
        let index = self.used;
        if index == BATCH || packet.len() > BATCH_PACKET {
            return false;
        }
        self.data[index][..packet.len()].copy_from_slice(packet);
        self.names[index] = from_v4(to);
        self.parts[index].iov_len = packet.len();
        self.used += 1;
        true
    }

    /// Sends all waiting packets and returns how many the kernel took before it said no.
    ///
    /// # Errors
    /// What sendmmsg(2) says when not even the first packet left.
    pub fn send(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        let count = std::mem::take(&mut self.used);
        for index in 0..count {
            self.point(index);
            self.headers[index].msg_hdr.msg_control = ptr::null_mut();
            self.headers[index].msg_hdr.msg_controllen = 0;
        }
        let mut sent = 0;
        while sent < count {
            let rest = &mut self.headers[sent..count];
            // SAFETY: each header was pointed at live memory of this batch just now; the count is that of the slice.
            let taken =
                unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as u32, 0) };
            match check(taken) {
                Ok(0) => break,
                Ok(taken) => sent += taken as usize,
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    /// Receives up to [`BATCH`] packets without waiting and gives each to `visit`; returns their number.
    ///
    /// # Errors
    /// What recvmmsg(2) says, except that nothing was there, which is 0.
    pub fn receive(
        &mut self,
        socket: &impl AsRawFd,
        mut visit: impl FnMut(Received<'_>),
    ) -> io::Result<usize> {
        for index in 0..BATCH {
            self.parts[index].iov_len = BATCH_PACKET;
            self.point(index);
            self.headers[index].msg_hdr.msg_control = self.control[index].0.as_mut_ptr().cast();
            self.headers[index].msg_hdr.msg_controllen = CONTROL;
        }
        // SAFETY: each header was pointed at live memory of this batch just now, with its sizes.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = match check(count) {
            Ok(count) => count as usize,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        for index in 0..count {
            let header = &self.headers[index];
            let length = (header.msg_len as usize).min(BATCH_PACKET);
            let mut arrival_ns = 0;
            // SAFETY: the kernel filled this header, whose control buffer belongs to the batch; SCM_TIMESTAMPNS
            // carries a timespec.
            unsafe {
                each_control(&header.msg_hdr, |level, kind, data| {
                    if (level, kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
                        let time = data.cast::<libc::timespec>().read_unaligned();
                        arrival_ns =
                            time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned();
                    }
                });
            }
            let port = u16::from_be(self.names[index].sin_port);
            visit(Received { data: &self.data[index][..length], port, arrival_ns });
        }
        Ok(count)
    }

    fn point(&mut self, index: usize) {
        self.parts[index].iov_base = self.data[index].as_mut_ptr().cast();
        let header = &mut self.headers[index].msg_hdr;
        header.msg_name = (&raw mut self.names[index]).cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_iov = &raw mut self.parts[index];
        header.msg_iovlen = 1;
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_len(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_batch_travels_whole_and_is_stamped() {
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = UdpSocket::bind("127.0.0.1:0").unwrap();
        receive_time_stamps(&to).unwrap();
        let SocketAddr::V4(target) = to.local_addr().unwrap() else { unreachable!() };
        let mut batch = Batch::new();
        for number in 0..10_u8 {
            assert!(batch.push(&[number; 20], target));
        }
        assert_eq!(batch.send(&from).unwrap(), 10);
        let mut seen = Vec::new();
        crate::wait::until("ten packets", crate::wait::SOON, || {
            batch
                .receive(&to, |packet| {
                    assert_eq!(packet.port, from.local_addr().unwrap().port());
                    assert!(packet.arrival_ns > 0);
                    seen.push(packet.data[0]);
                })
                .unwrap();
            (seen.len() == 10).then_some(())
        });
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn the_class_of_a_packet_is_read() {
        let from = socket2::SockRef::from(&UdpSocket::bind("127.0.0.1:0").unwrap()).try_clone().unwrap();
        let to = UdpSocket::bind("127.0.0.1:0").unwrap();
        receive_class(&to, false).unwrap();
        from.set_tos_v4(184).unwrap();
        from.send_to(b"x", &to.local_addr().unwrap().into()).unwrap();
        to.set_read_timeout(Some(crate::wait::SOON)).unwrap();
        let packet = receive_with_class(&to).unwrap();
        assert_eq!((packet.data.as_slice(), packet.class), (b"x".as_slice(), Some(184)));
    }
}
