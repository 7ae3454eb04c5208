//! Where a test runs: a network namespace of its own with documentation addresses on its loopback, or, where the
//! machine allows none, the machine's loopback.

use std::cell::RefCell;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use crate::sys;

/// Addresses for the daemon and the phones, valid on the thread that [entered](Network::enter) and on the threads
/// and processes it starts.
#[derive(Clone, Debug)]
pub struct Network {
    isolated: bool,
    v6: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Network>> = const { RefCell::new(None) };
}

const RELAYS: u8 = 4;
const PHONES: u8 = 12;

impl Network {
    /// The network of this thread. The first call makes it: a namespace when the machine allows one, otherwise the
    /// machine's loopback, said in words.
    ///
    /// # Panics
    /// When a namespace was made but could not be furnished.
    #[must_use]
    pub fn enter() -> Self {
        CURRENT.with_borrow_mut(|current| current.get_or_insert_with(Self::make).clone())
    }

    /// Stays on the machine's loopback, for programs that talk to a daemon which runs there.
    #[must_use]
    pub fn loopback() -> Self {
        let network = Self::of_the_machine();
        CURRENT.set(Some(network.clone()));
        network
    }

    fn of_the_machine() -> Self {
        Self { isolated: false, v6: UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() }
    }

    fn make() -> Self {
        match sys::enter_new_network_namespace() {
            Ok(()) => Self::furnish(),
            Err(error) => {
                say(&format!("no network namespace here ({error}): running on the machine's loopback"));
                Self::of_the_machine()
            }
        }
    }

    fn furnish() -> Self {
        let v6 = std::path::Path::new("/proc/net/if_inet6").exists();
        let mut script = String::from("link set lo up\n");
        script += "address add 203.0.113.1/24 dev lo\naddress add 198.51.100.1/24 dev lo\n";
        if v6 {
            for number in 1..=RELAYS {
                script += &format!("address add 2001:db8:4321::{number:x}/128 dev lo nodad\n");
            }
            for number in 1..=PHONES {
                script += &format!("address add 2001:db8:4321::a:{number:x}/128 dev lo nodad\n");
            }
        }
        let mut ip = Command::new("ip")
            .args(["-batch", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program ip (package iproute2) is needed to furnish a network namespace");
        ip.stdin.take().expect("piped").write_all(script.as_bytes()).expect("ip reads its script");
        assert!(ip.wait().expect("ip ends").success(), "could not furnish the network namespace");
        Self { isolated: true, v6 }
    }

    /// Whether this is a namespace that nothing else uses.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.isolated
    }

    /// The daemon's `number`-th IPv4 address, counting from 0.
    ///
    /// # Panics
    /// Beyond the fourth.
    #[must_use]
    pub fn relay(&self, number: u8) -> IpAddr {
        assert!(number < RELAYS);
        if self.isolated {
            Ipv4Addr::new(203, 0, 113, number + 1).into()
        } else {
            Ipv4Addr::new(127, 0, 0, number + 1).into()
        }
    }

    /// The `number`-th phone's IPv4 address, counting from 0.
    #[must_use]
    pub fn phone(&self, number: u8) -> IpAddr {
        let last = number % PHONES + 1;
        if self.isolated {
            Ipv4Addr::new(198, 51, 100, last).into()
        } else {
            Ipv4Addr::new(127, 0, 0, 100 + last).into()
        }
    }

    /// The daemon's `number`-th IPv6 address, counting from 0. `None`, said in words, where there is none; then the
    /// test that is `about` it is left out.
    ///
    /// # Panics
    /// Beyond the fourth.
    #[must_use]
    pub fn relay_v6(&self, number: u8, about: &str) -> Option<IpAddr> {
        assert!(number < RELAYS);
        if !self.v6 {
            return left_out(about, "there is no IPv6 on this machine");
        }
        if self.isolated {
            return Some(Ipv6Addr::new(0x2001, 0xdb8, 0x4321, 0, 0, 0, 0, u16::from(number) + 1).into());
        }
        if number > 0 {
            return left_out(about, "it needs more than one IPv6 address, hence a network namespace");
        }
        Some(Ipv6Addr::LOCALHOST.into())
    }

    /// The `number`-th phone's IPv6 address, counting from 0, or `::1` outside a namespace.
    #[must_use]
    pub fn phone_v6(&self, number: u8) -> IpAddr {
        if self.isolated {
            let last = u16::from(number % PHONES) + 1;
            Ipv6Addr::new(0x2001, 0xdb8, 0x4321, 0, 0, 0, 0xa, last).into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        }
    }

    /// A UDP and TCP port of `address` that was free just now.
    ///
    /// # Panics
    /// When no port is free at all.
    #[must_use]
    pub fn free_port(&self, address: IpAddr) -> u16 {
        for _ in 0..100 {
            let udp = UdpSocket::bind((address, 0)).expect("a free UDP port");
            let port = udp.local_addr().expect("bound").port();
            if TcpListener::bind((address, port)).is_ok() {
                return port;
            }
        }
        panic!("no port of {address} is free for UDP and TCP");
    }

    /// A range of media ports for one daemon. In a namespace always the same; on the machine's loopback one that no
    /// other daemon of these tests uses, for as long as the value lives.
    ///
    /// # Panics
    /// When no range is free.
    #[must_use]
    pub fn media_ports(&self, count: u16) -> PortRange {
        if self.isolated {
            return PortRange { first: 30000, last: 30000 + count - 1, _lock: None };
        }
        // A listening TCP socket on the first port is the lock; the media ports themselves are UDP.
        for first in (20000..65000_u16.saturating_sub(count)).step_by(1000) {
            if let Ok(lock) = TcpListener::bind((Ipv4Addr::LOCALHOST, first)) {
                return PortRange { first, last: first + count - 1, _lock: Some(lock) };
            }
        }
        panic!("no range of {count} media ports is free");
    }
}

/// Media ports reserved for one daemon.
#[derive(Debug)]
pub struct PortRange {
    /// The first port, even.
    pub first: u16,
    /// The last port, included.
    pub last: u16,
    _lock: Option<TcpListener>,
}

impl PortRange {
    /// A range that the caller answers for.
    #[must_use]
    pub fn fixed(first: u16, last: u16) -> Self {
        Self { first, last, _lock: None }
    }
}

/// Says past the test runner's capture that a test was left out, and why.
pub fn left_out<T>(about: &str, why: &str) -> Option<T> {
    say(&format!("LEFT OUT: {about}: {why}"));
    None
}

fn say(text: &str) {
    // Straight to the file: the test runner captures only the print macros, and swallows what a passing test said.
    let _ = writeln!(std::io::stderr(), "{text}");
}
