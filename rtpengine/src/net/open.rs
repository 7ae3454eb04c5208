//! Opening the sockets of a media: consecutive ports of one local interface, trying on when another program holds one (media-plane.md 1.4).

use super::interfaces::{Interfaces, LocalId};
use super::ports::PortPools;
use super::socket::{SocketOptions, UdpSocket, is_resource_shortage};
use super::table::MediaSocket;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;

/// Why no sockets could be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Not enough consecutive free ports on the address.
    #[error("no free ports")]
    NoPorts,
    /// Every candidate failed to bind, or the system is out of descriptors.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Opens `count` sockets on consecutive ports of a local interface (the first even when there are several).
pub fn open_consecutive(
    interfaces: &Interfaces,
    pools: &Arc<PortPools>,
    interface: LocalId,
    count: u16,
    options: SocketOptions,
) -> Result<Vec<MediaSocket>, OpenError> {
    let local = interfaces.local(interface);
    let mut failure = None;
    for _ in 0..=pools.usage(local.pool).free {
        let Some(leases) = pools.take(local.pool, count) else { break };
        let opened: io::Result<Vec<_>> = leases
            .into_iter()
            .map(|lease| {
                let address = SocketAddr::new(local.address, lease.port());
                let socket = UdpSocket::open(address, options)?;
                Ok(MediaSocket::new(socket, address, interface, lease))
            })
            .collect();
        match opened {
            Ok(sockets) => return Ok(sockets),
            Err(error) if is_resource_shortage(&error) => return Err(error.into()),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.map_or(OpenError::NoPorts, OpenError::System))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::interface_spec::parse;
    use crate::net::system::Machine;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn a_port_held_by_another_program_is_passed_over_and_exhaustion_is_told() {
        let foreign = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let taken = foreign.local_addr().unwrap().port() & !1;
        let spec = parse("127.0.0.1", i32::from(taken), i32::from(taken) + 3).unwrap();
        let mut random = StdRng::seed_from_u64(5);
        let interfaces = Interfaces::build(&[spec], &Machine, &mut random).unwrap();
        let pools = PortPools::new(&interfaces, &mut random);
        let open = || open_consecutive(&interfaces, &pools, LocalId(0), 2, SocketOptions::default());
        let pool = interfaces.local(LocalId(0)).pool;
        match open() {
            Ok(first) => {
                assert_eq!(first[0].port(), taken + 2);
                assert_eq!(first[1].local.port(), taken + 3);
                assert!(matches!(open(), Err(OpenError::System(_))));
                drop(first);
            }
            // Another program on this machine may hold the second pair.
            Err(error) => assert!(matches!(error, OpenError::System(_)), "{error}"),
        }
        assert_eq!(pools.usage(pool).used(), 0, "what could not be bound went back");
    }
}
