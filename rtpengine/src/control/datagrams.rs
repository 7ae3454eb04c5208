//! Datagrams to whoever wants to be told something: sent without waiting, and without caring whether somebody listens.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A socket of each address family, opened when it is first needed.
#[derive(Debug, Default)]
pub struct Datagrams {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Datagrams {
    /// Sends a datagram. It is lost if there is no socket, no way or no room: nobody waits for it here.
    pub fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        let socket = if to.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        if socket.is_none() {
            *socket = open(to).ok();
        }
        if let Some(socket) = socket {
            // An error of an earlier datagram (nobody listens) shows with a later one; neither matters.
            let _ = socket.send_to(bytes, to);
        }
    }
}

fn open(to: SocketAddr) -> io::Result<UdpSocket> {
    let local = if to.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(local)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_family_has_its_socket() {
        let mut datagrams = Datagrams::default();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let receiver = UdpSocket::bind(address).unwrap();
            receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            for text in [b"one", b"two"] {
                datagrams.send(receiver.local_addr().unwrap(), text);
                let mut buffer = [0; 16];
                let length = receiver.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..length], text);
            }
        }
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        datagrams.send(closed, b"nobody");
        datagrams.send(closed, b"nobody");
    }
}
