//! HTTP and WebSocket, in clear and with TLS (ng-control.md 1.4, 1.5; operations.md 9). Connections live on threads of their own; requests
//! go to the router through its inbox.

pub mod ask;
mod connection;
mod patient;
mod routes;
mod websocket;

use crate::flow::Level;
use crate::options::Http as Settings;
use crate::options::endpoint::Listen;
use crate::report::log;
use crate::shard::inbox::Mailbox;
use ask::Asked;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

/// Bytes of a body or a WebSocket message. Far beyond any SDP; a recording to be played may come in a request, too.
const BODY_LIMIT: usize = 1 << 20;

/// Bytes of a request's head, unless `http-buf-size` says otherwise.
const BUFFER: usize = 64 << 10;

/// The least that the library accepts.
const LEAST_BUFFER: usize = 8 << 10;

/// Connections at a time; more wait in the system's queue until one ends.
const CONNECTIONS: usize = 1024;

/// A request that has begun, or a response that is not taken, may always take this long, however short the idle time.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// After a failed accept (no descriptor left, say) this long nothing is accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A silent WebSocket client is asked for by the system after this time, so that one that vanished does not keep its place.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Why the server cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An address cannot be bound.
    #[error("{address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// HTTPS without a certificate.
    #[error("listen-https needs https-cert")]
    NoCertificate,
    /// The certificate or key is of no use.
    #[error("certificate or key: {0}")]
    Tls(#[from] openssl::error::ErrorStack),
}

/// What all connections share.
struct Site {
    router: Mailbox<Asked>,
    tls: Option<SslAcceptor>,
    /// When an idle connection is closed.
    idle: Duration,
    /// Bytes of a request's head.
    buffer: usize,
}

impl Site {
    /// How long a body may take to arrive, and a response to be taken.
    fn patience(&self) -> Duration {
        self.idle.max(LEAST_PATIENCE)
    }
}

/// Open listeners, before there are threads.
pub struct Server {
    listeners: Vec<(TcpListener, bool)>,
    tls: Option<SslAcceptor>,
}

impl Server {
    /// Opens the listeners. `None`: there are none to be opened.
    pub fn open(settings: &Settings) -> Result<Option<Self>, OpenError> {
        let mut listeners = Vec::new();
        for (list, tls) in [(&settings.plain, false), (&settings.tls, true)] {
            for listen in list {
                listeners.extend(open_listen(listen)?.into_iter().map(|listener| (listener, tls)));
            }
        }
        let tls = if settings.tls.is_empty() { None } else { Some(acceptor(settings)?) };
        Ok((!listeners.is_empty()).then_some(Self { listeners, tls }))
    }

    /// Starts the threads; each begins with `begin`. Dropping the result ends them and all connections.
    pub fn start(
        self,
        settings: &Settings,
        router: Mailbox<Asked>,
        stack_bytes: Option<usize>,
        begin: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(settings.threads.max(1)).thread_name("http").on_thread_start(begin);
        if let Some(bytes) = stack_bytes {
            builder.thread_stack_size(bytes);
        }
        let runtime = builder.enable_io().enable_time().build()?;
        let site = Arc::new(Site {
            router,
            tls: self.tls,
            idle: settings.idle_timeout,
            buffer: settings.buffer_kb.map_or(BUFFER, |kb| kb.saturating_mul(1024)).max(LEAST_BUFFER),
        });
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let guard = runtime.enter();
        for (listener, tls) in self.listeners {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(accept(listener, tls, Arc::clone(&site), Arc::clone(&places)));
        }
        drop(guard);
        Ok(runtime)
    }
}

/// Opens the addresses of one listener. A machine without IPv6 still serves the other family (ng-control.md 1.4 rule 6).
fn open_listen(listen: &Listen) -> Result<Vec<TcpListener>, OpenError> {
    let mut opened = Vec::new();
    let mut missing = None;
    for address in &listen.addresses {
        match super::stream::listen(*address) {
            Ok(listener) => opened.push(listener.into()),
            Err(error) if address.is_ipv6() && lacks_family(&error) => {
                missing = Some(OpenError::Bind { address: *address, error });
            }
            Err(error) => return Err(OpenError::Bind { address: *address, error }),
        }
    }
    match missing {
        Some(error) if opened.is_empty() => Err(error),
        _ => Ok(opened),
    }
}

fn lacks_family(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn acceptor(settings: &Settings) -> Result<SslAcceptor, OpenError> {
    let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else {
        return Err(OpenError::NoCertificate);
    };
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_certificate_chain_file(certificate)?;
    builder.set_private_key_file(key, SslFiletype::PEM)?;
    builder.check_private_key()?;
    Ok(builder.build())
}

async fn accept(listener: tokio::net::TcpListener, tls: bool, site: Arc<Site>, places: Arc<Semaphore>) {
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, agent)) => {
                prepare(&stream);
                tokio::spawn(connection::serve(stream, tls, Arc::clone(&site), agent, permit));
            }
            Err(error) => {
                log::http(Level::Warning, || format!("Accepting a connection failed: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Both only improve the service: a refusal does no harm.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

/// A command line up to its end: what follows a line end is not looked at, as with the CLI's own listener.
fn command_line(mut line: Vec<u8>) -> Vec<u8> {
    if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
        line.truncate(end);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}
