//! What is opened before the fork: interfaces, port pools, listeners.

use super::Fatal;
use super::process::strerror;
use crate::control::listeners::{Listeners, Protocol};
use crate::control::stream::listen;
use crate::net::interface_spec::{AddressSpec, InterfaceError, InterfaceSpec, Origin, Target};
use crate::net::interfaces::Interfaces;
use crate::net::packet_info::{PathMtu, RequestSocket};
use crate::net::ports::PortPools;
use crate::net::system::Machine;
use crate::options::endpoint::Listen;
use crate::options::interface::{self, Source};
use crate::options::words::ControlPmtu;
use crate::options::{Control, Settings};
use mio::net::TcpListener;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Everything that is open before threads exist.
pub(super) struct Opened {
    pub(super) interfaces: Arc<Interfaces>,
    pub(super) pools: Arc<PortPools>,
    pub(super) listeners: Listeners,
}

impl Opened {
    pub(super) fn new(settings: &Settings) -> Result<Self, Fatal> {
        let mut random = StdRng::from_os_rng();
        let specs: Vec<_> = settings
            .interfaces
            .iter()
            .map(|spec| convert(spec, (settings.ports.min, settings.ports.max)))
            .collect();
        let interfaces = Interfaces::build(&specs, &Machine, &mut random)
            .map_err(|error: InterfaceError| Fatal::new(error))?;
        let pools = PortPools::new(&interfaces, &mut random);
        let listeners = open_listeners(&settings.control)?;
        for address in listeners.datagram_addresses() {
            pools.reserve(address.ip(), address.port());
        }
        Ok(Self { interfaces: Arc::new(interfaces), pools, listeners })
    }
}

fn convert(spec: &interface::InterfaceSpec, global: (u16, u16)) -> InterfaceSpec {
    match spec {
        interface::InterfaceSpec::Alias { alias, of } => InterfaceSpec {
            origin: Origin::Option(format!("{alias}={of}")),
            name: alias.clone(),
            target: Target::Alias(of.clone()),
        },
        interface::InterfaceSpec::Address(address) => {
            let (min, max) = address.ports.unwrap_or(global);
            let origin = match &address.source {
                Source::Option(text) => Origin::Option(text.clone()),
                Source::Section(ident) => Origin::Section(ident.clone()),
            };
            let target = Target::Address(AddressSpec {
                address: address.address.clone(),
                advertised: address.advertised.clone(),
                port_min: min.into(),
                port_max: max.into(),
                excluded: address.exclude_ports.clone(),
            });
            InterfaceSpec { origin, name: address.name.clone(), target }
        }
    }
}

fn open_listeners(control: &Control) -> Result<Listeners, Fatal> {
    let path_mtu = match control.pmtu {
        None => PathMtu::System,
        Some(ControlPmtu::Want) => PathMtu::Want,
        Some(ControlPmtu::Dont) => PathMtu::Dont,
    };
    let datagrams = open_each(&control.ng, "UDP NG control", |address| {
        RequestSocket::open(address, control.tos, path_mtu)
    })?;
    let mut streams: Vec<(TcpListener, Protocol)> = Vec::new();
    for (list, kind, protocol) in
        [(&control.ng_tcp, "TCP NG control", Protocol::Ng), (&control.cli, "CLI", Protocol::Cli)]
    {
        streams.extend(open_each(list, kind, listen)?.into_iter().map(|listener| (listener, protocol)));
    }
    Listeners::new(datagrams, streams).map_err(|error| Fatal(format!("Failed to watch listeners: {error}")))
}

/// Opens all addresses of a list of listeners.
fn open_each<T>(
    list: &[Listen],
    kind: &str,
    open: impl Fn(SocketAddr) -> io::Result<T>,
) -> Result<Vec<T>, Fatal> {
    let mut opened = Vec::new();
    for listen in list {
        // A bare port means both families; a machine without IPv6 still serves the other one.
        let wildcard = listen.addresses.len() > 1 && listen.addresses.iter().all(|a| a.ip().is_unspecified());
        for address in &listen.addresses {
            match open(*address) {
                Ok(socket) => opened.push(socket),
                Err(error) if wildcard && address.is_ipv6() && lacks_family(&error) => {}
                Err(error) => {
                    let reason = strerror(&error);
                    return Err(Fatal(format!(
                        "Failed to open {kind} connection port ({address}): {reason}"
                    )));
                }
            }
        }
    }
    Ok(opened)
}

fn lacks_family(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}
