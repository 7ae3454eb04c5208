//! What is opened before the fork: interfaces, port pools, listeners.

use super::Fatal;
use super::codecs::codec_settings;
use super::process::strerror;
use crate::call::handling::CodecSettings;
use crate::control::http;
use crate::control::listeners::{Listeners, Protocol};
use crate::control::stream::listen;
use crate::flow::Level;
use crate::net::interfaces::Interfaces;
use crate::net::packet_info::{PathMtu, RequestSocket};
use crate::net::ports::PortPools;
use crate::net::system::Machine;
use crate::options::endpoint::Listen;
use crate::options::words::ControlPmtu;
use crate::options::{Control, Http, Settings};
use crate::report::log;
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
    pub(super) http: Option<http::Server>,
    pub(super) codecs: CodecSettings,
}

impl Opened {
    pub(super) fn new(settings: &Settings) -> Result<Self, Fatal> {
        let codecs = codec_settings(settings).map_err(Fatal::new)?;
        let mut random = StdRng::from_os_rng();
        let interfaces =
            Interfaces::build(&settings.interfaces, &Machine, &mut random).map_err(Fatal::new)?;
        let pools = PortPools::new(&interfaces, &mut random);
        let listeners = open_listeners(&settings.control)?;
        for address in listeners.datagram_addresses() {
            pools.reserve(address.ip(), address.port());
        }
        let http = open_http(&settings.control.http)?;
        Ok(Self { interfaces: Arc::new(interfaces), pools, listeners, http, codecs })
    }
}

fn open_http(settings: &Http) -> Result<Option<http::Server>, Fatal> {
    http::Server::open(settings).map_err(|error| {
        log::http(Level::Error, || format!("HTTP cannot be served: {error}"));
        Fatal::new("Failed to init websocket listener")
    })
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
