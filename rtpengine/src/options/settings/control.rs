//! Control listeners.

use std::path::PathBuf;
use std::time::Duration;

use rtpengine_common::options::OptionError;

use super::{Inputs, count, milliseconds, non_empty, seconds_or_off};
use crate::options::endpoint::Listen;
use crate::options::words::ControlPmtu;

/// Where and how commands arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// ng over UDP.
    pub ng: Vec<Listen>,
    /// ng over TCP.
    pub ng_tcp: Vec<Listen>,
    /// Text command line over TCP.
    pub cli: Vec<Listen>,
    /// Old mediaproxy protocol over TCP.
    pub tcp: Vec<Listen>,
    /// Protocol of the proxies' rtpproxy module over UDP.
    pub udp: Vec<Listen>,
    /// HTTP and WebSocket.
    pub http: Http,
    /// Type of service of ng replies.
    pub tos: u8,
    /// Path-MTU discovery; none = as the system does.
    pub pmtu: Option<ControlPmtu>,
    /// First time-out of requests to other relays.
    pub client_timeout: Duration,
    /// Attempts of requests to other relays.
    pub client_attempts: usize,
    /// Admin secret of the Janus interface.
    pub janus_secret: Option<String>,
}

/// HTTP listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// In clear.
    pub plain: Vec<Listen>,
    /// With TLS.
    pub tls: Vec<Listen>,
    /// Certificate.
    pub certificate: Option<PathBuf>,
    /// Key; the certificate's file unless given.
    pub key: Option<PathBuf>,
    /// Workers.
    pub threads: usize,
    /// Request buffer in kB; none = default.
    pub buffer_kb: Option<usize>,
    /// When an idle connection is closed.
    pub idle_timeout: Duration,
}

/// `http-idle-timeout` 0 (operations.md §3.2).
const HTTP_IDLE_DEFAULT: Duration = Duration::from_secs(5);
/// A request buffer must be addressable by a C `int` of bytes.
const HTTP_BUFFER_LIMIT_KB: i32 = i32::MAX / 1024;

impl Control {
    pub(super) fn read(inputs: &Inputs, threads: usize) -> Result<Self, OptionError> {
        let values = inputs.values;
        let listen = |option: &str| -> Result<Vec<Listen>, OptionError> {
            values.list(option).iter().map(|text| Listen::parse(option, text, inputs.resolve)).collect()
        };
        let pmtu =
            match values.text("control-pmtu") {
                Some(text) => Some(ControlPmtu::from_word(&text).ok_or_else(|| {
                    OptionError::invalid(format!("Invalid --control-pmtu option ('{text}')"))
                })?),
                None => None,
            };
        Ok(Control {
            tcp: listen("listen-tcp")?,
            udp: listen("listen-udp")?,
            ng: listen("listen-ng")?,
            ng_tcp: listen("listen-tcp-ng")?,
            cli: listen("listen-cli")?,
            http: Http {
                plain: listen("listen-http")?,
                tls: listen("listen-https")?,
                ..Http::read(inputs, threads)?
            },
            tos: u8::try_from(values.int("control-tos")).unwrap_or(u8::MAX),
            pmtu,
            client_timeout: milliseconds(values, "ng-client-timeout"),
            client_attempts: count(values, "ng-client-retries"),
            janus_secret: values.text("janus-secret"),
        })
    }

    /// Whether anything but the command line listens.
    pub fn any_listener(&self) -> bool {
        [&self.ng, &self.ng_tcp, &self.tcp, &self.udp, &self.http.plain, &self.http.tls]
            .iter()
            .any(|list| !list.is_empty())
    }
}

impl Http {
    fn read(inputs: &Inputs, threads: usize) -> Result<Self, OptionError> {
        let values = inputs.values;
        let buffer = values.int("http-buf-size");
        if buffer >= HTTP_BUFFER_LIMIT_KB {
            return Err(OptionError::invalid(format!(
                "Option 'http-buf-size' too large (must be <{HTTP_BUFFER_LIMIT_KB})"
            )));
        }
        let certificate = non_empty(values.text("https-cert")).map(PathBuf::from);
        let own_threads = count(values, "http-threads");
        Ok(Http {
            plain: vec![],
            tls: vec![],
            key: non_empty(values.text("https-key")).map(PathBuf::from).or_else(|| certificate.clone()),
            certificate,
            threads: if own_threads == 0 { threads } else { own_threads },
            buffer_kb: usize::try_from(buffer).ok().filter(|size| *size > 0),
            idle_timeout: seconds_or_off(values, "http-idle-timeout").unwrap_or(HTTP_IDLE_DEFAULT),
        })
    }
}
