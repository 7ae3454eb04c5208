//! Which media sockets have something to read: a level-triggered epoll set, and the sleeps of a shard.
#![allow(unsafe_code)]

use super::table::SocketKey;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// The most events fetched with one system call.
pub const EVENTS: usize = 128;

/// The readiness set of one shard.
#[derive(Debug)]
pub struct Readiness {
    epoll: OwnedFd,
    events: Box<[libc::epoll_event; EVENTS]>,
    filled: usize,
    /// `wait` has filled the events and nobody has looked at them yet.
    fresh: bool,
    /// The system has no sleep in nanoseconds.
    coarse: bool,
}

/// The epoll data of sources that are no media sockets has this slot, which no socket table reaches.
const OTHER: u32 = u32::MAX;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A media socket.
    Socket(SocketKey),
    /// Another descriptor, by the number it was added under.
    Other(u32),
}

impl Readiness {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and has no other owner.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        let events = Box::new([libc::epoll_event { events: 0, u64: 0 }; EVENTS]);
        Ok(Self { epoll, events, filled: 0, fresh: false, coarse: false })
    }

    /// Watches a media socket. Closing its descriptor ends that.
    pub fn add(&self, fd: BorrowedFd<'_>, key: SocketKey) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, encode(Source::Socket(key)))
    }

    /// Watches any other descriptor under a number.
    pub fn add_other(&self, fd: BorrowedFd<'_>, number: u32) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, encode(Source::Other(number)))
    }

    /// Stops watching a descriptor that stays open.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0)
    }

    fn control(&self, operation: libc::c_int, fd: BorrowedFd<'_>, data: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: data };
        // SAFETY: `event` is valid for the call; both descriptors are open because they are owned or borrowed.
        let result =
            unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd.as_raw_fd(), &raw mut event) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Fetches what is ready now, without waiting; at most `limit`, which is cut to `EVENTS`. Gives their number. What `wait` has fetched
    /// comes first.
    pub fn poll(&mut self, limit: usize) -> io::Result<usize> {
        if std::mem::take(&mut self.fresh) && self.filled > 0 {
            return Ok(self.filled);
        }
        self.fetch(limit, Duration::ZERO)
    }

    /// Sleeps until something is ready or the time is over; the next `poll` gives what is.
    pub fn wait(&mut self, limit: usize, time: Duration) -> io::Result<usize> {
        let fetched = self.fetch(limit, time);
        self.fresh = fetched.is_ok();
        fetched
    }

    fn fetch(&mut self, limit: usize, time: Duration) -> io::Result<usize> {
        self.filled = 0;
        let limit = limit.clamp(1, EVENTS) as libc::c_int;
        let fine = (!self.coarse && !time.is_zero()).then(|| self.fetch_fine(limit, time));
        let count = match fine {
            Some(count) if !self.coarse => count,
            Some(_) | None => self.fetch_coarse(limit, time),
        };
        match usize::try_from(count) {
            Ok(count) => self.filled = count,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
        Ok(self.filled)
    }

    /// With nanoseconds. A kernel before 5.11 does not know the call, and some containers forbid it: then milliseconds have to do.
    fn fetch_fine(&mut self, limit: libc::c_int, time: Duration) -> libc::c_long {
        let time = timespec(time);
        // SAFETY: the array has room for EVENTS events, at least `limit`; the time lives through the call; no signal mask is given.
        // (No library function: see `socket::receive_from`.)
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                limit,
                &raw const time,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        if count < 0 && matches!(io::Error::last_os_error().raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
        {
            self.coarse = true;
        }
        count
    }

    /// With milliseconds, rounded up: a timer is never early.
    fn fetch_coarse(&mut self, limit: libc::c_int, time: Duration) -> libc::c_long {
        let milliseconds = libc::c_int::try_from(time.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX);
        // SAFETY: as in `fetch_fine`.
        unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait,
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                limit,
                milliseconds,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        }
    }

    /// The n-th event of the last poll.
    pub fn event(&self, n: usize) -> Option<Source> {
        let event = self.events[..self.filled].get(n)?;
        Some(decode(event.u64))
    }
}

/// The descriptor of mio's poll, of which it gives the raw number only.
pub fn descriptor(poll: &mio::Poll) -> BorrowedFd<'_> {
    // SAFETY: the descriptor belongs to `poll`, which the result borrows.
    unsafe { BorrowedFd::borrow_raw(poll.as_raw_fd()) }
}

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl AsRawFd for Readiness {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

fn encode(source: Source) -> u64 {
    let (low, high) = match source {
        Source::Socket(key) => (key.slot, key.generation),
        Source::Other(number) => (OTHER, number),
    };
    u64::from(low) | u64::from(high) << 32
}

fn decode(data: u64) -> Source {
    let (slot, high) = (data as u32, (data >> 32) as u32);
    if slot == OTHER { Source::Other(high) } else { Source::Socket(SocketKey { slot, generation: high }) }
}

/// Sleeps until one of the descriptors is readable or the time is over (`None`: no limit). Says whether the first one is readable.
pub fn sleep(descriptors: &[RawFd], limit: Option<Duration>) -> bool {
    let mut list = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; 4];
    let count = descriptors.len().min(list.len());
    for (entry, fd) in list.iter_mut().zip(descriptors) {
        entry.fd = *fd;
    }
    let limit = limit.map(timespec);
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `list` has `count` valid entries; `limit` is null or points to a timespec that lives through the call; no signal mask is given.
    // An error or a signal only means that the caller looks once more.
    let ready = unsafe { libc::ppoll(list.as_mut_ptr(), count as libc::nfds_t, limit, std::ptr::null()) };
    ready > 0 && list[0].revents != 0
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(time.subsec_nanos()),
    }
}

/// Wakes a sleeping shard from another thread: an eventfd.
#[derive(Debug)]
pub struct Waker {
    fd: OwnedFd,
}

impl Waker {
    /// A waker nobody has used yet.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and has no other owner.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Makes the descriptor readable.
    pub fn wake(&self) {
        let one = 1u64;
        // SAFETY: eight readable bytes. A full counter is readable already, so the result does not matter.
        unsafe { libc::write(self.fd.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
    }

    /// Makes it unreadable again.
    pub fn clear(&self) {
        let mut count = 0u64;
        // SAFETY: eight writable bytes. An empty counter says EAGAIN, which is as good.
        unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut count).cast(), size_of::<u64>()) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::socket::{SocketOptions, UdpSocket};
    use std::time::Instant;

    #[test]
    fn a_socket_stays_ready_until_it_is_read() {
        let socket = UdpSocket::open("127.0.0.1:0".parse().unwrap(), SocketOptions::default()).unwrap();
        let mut set = Readiness::new().unwrap();
        let key = SocketKey { slot: 7, generation: 9 };
        set.add(socket.as_fd(), key).unwrap();
        assert_eq!(set.poll(9).unwrap(), 0);
        socket.send(b"x", socket.local_address().unwrap()).unwrap();
        for _ in 0..2 {
            assert_eq!(set.poll(9).unwrap(), 1);
            assert_eq!(set.event(0), Some(Source::Socket(key)));
        }
        socket.receive(&mut [0; 4]).unwrap();
        assert_eq!(set.poll(9).unwrap(), 0);
        assert_eq!(set.event(0), None);
    }

    #[test]
    fn what_ends_a_wait_is_there_for_the_next_poll_once() {
        let socket = UdpSocket::open("127.0.0.1:0".parse().unwrap(), SocketOptions::default()).unwrap();
        for coarse in [false, true] {
            let mut set = Readiness::new().unwrap();
            set.coarse = coarse;
            set.add(socket.as_fd(), SocketKey { slot: 1, generation: 0 }).unwrap();
            assert_eq!(set.wait(9, Duration::from_micros(300)).unwrap(), 0);
            socket.send(b"x", socket.local_address().unwrap()).unwrap();
            assert_eq!(set.wait(9, Duration::from_secs(20)).unwrap(), 1);
            socket.receive(&mut [0; 4]).unwrap();
            assert_eq!(set.poll(9).unwrap(), 1, "the event that was fetched");
            assert_eq!(set.poll(9).unwrap(), 0, "what is ready now");
        }
    }

    #[test]
    fn a_wake_before_the_sleep_is_not_lost() {
        let waker = Waker::new().unwrap();
        waker.wake();
        let start = Instant::now();
        sleep(&[waker.as_raw_fd()], Some(Duration::from_secs(20)));
        assert!(start.elapsed() < Duration::from_secs(10));
        waker.clear();
        sleep(&[waker.as_raw_fd()], Some(Duration::from_millis(1)));
    }
}
