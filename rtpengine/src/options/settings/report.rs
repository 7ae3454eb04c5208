//! Reporting to other systems, MQTT, the rtpproxy protocol.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rtpengine_common::log::Level;
use rtpengine_common::options::{OptionError, Values};

use super::{Inputs, Message, milliseconds, non_empty, seconds, seconds_or_off, target, word};
use crate::options::words::{HomerProtocol, MqttScope};

/// Reporting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Graphite.
    pub graphite: Option<Graphite>,
    /// Homer.
    pub homer: Option<Homer>,
    /// XML-RPC call-back.
    pub xmlrpc: Option<XmlRpc>,
    /// DTMF.
    pub dtmf: Dtmf,
    /// MQTT.
    pub mqtt: Option<Mqtt>,
}

/// Graphite (operations.md §8.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graphite {
    /// Server.
    pub server: SocketAddr,
    /// Between reports.
    pub interval: Duration,
    /// Put in front of names.
    pub prefix: String,
    /// TCP user time-out.
    pub timeout: Option<Duration>,
}

/// Homer (operations.md §10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homer {
    /// Server.
    pub server: SocketAddr,
    /// Transport.
    pub protocol: HomerProtocol,
    /// Capture id.
    pub id: i32,
    /// Send RTCP.
    pub rtcp: bool,
    /// Send ng messages.
    pub ng: bool,
    /// Protocol type of ng messages.
    pub ng_protocol: u8,
}

/// The call-back on time-outs (operations.md §17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlRpc {
    /// URL with `%%` for the address of the controlling agent.
    pub url: String,
    /// 0 SEMS, 1 call-id, 2 Kamailio.
    pub format: u8,
}

/// DTMF notifications (operations.md §12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dtmf {
    /// Receiver of datagrams.
    pub destination: Option<SocketAddr>,
    /// To ng clients over TCP.
    pub ng_tcp: bool,
    /// Pass converted events on.
    pub no_suppress: bool,
    /// Report injected events.
    pub log_injects: bool,
    /// Longest pause within a code.
    pub digit_delay: Duration,
}

/// MQTT (operations.md §13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// Broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Client id; none = random.
    pub id: Option<String>,
    /// Keep-alive.
    pub keepalive: Duration,
    /// User.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Trusted certificates.
    pub ca_file: Option<PathBuf>,
    /// Directory of trusted certificates.
    pub ca_path: Option<PathBuf>,
    /// Own certificate.
    pub certificate: Option<PathBuf>,
    /// Own key.
    pub key: Option<PathBuf>,
    /// ALPN name.
    pub alpn: Option<String>,
    /// Quality of service.
    pub qos: u8,
    /// Topic.
    pub topic: Option<String>,
    /// Between reports.
    pub interval: Duration,
    /// What is reported.
    pub scope: MqttScope,
}

impl Report {
    pub(super) fn read(inputs: &Inputs, messages: &mut Vec<Message>) -> Result<Self, OptionError> {
        let values = inputs.values;
        let url = non_empty(values.text("b2b-url"));
        let format = u8::try_from(values.int("xmlrpc-format")).unwrap_or(0);
        Ok(Report {
            graphite: Graphite::read(inputs, messages)?,
            homer: Homer::read(inputs)?,
            xmlrpc: url.map(|url| XmlRpc { url, format }),
            dtmf: Dtmf {
                destination: target(inputs, "dtmf-log-dest")?,
                ng_tcp: values.flag("dtmf-log-ng-tcp"),
                no_suppress: values.flag("dtmf-no-suppress"),
                log_injects: !values.flag("dtmf-no-log-injects"),
                digit_delay: milliseconds(values, "dtmf-digit-delay"),
            },
            mqtt: Mqtt::read(values),
        })
    }
}

impl Graphite {
    fn read(inputs: &Inputs, messages: &mut Vec<Message>) -> Result<Option<Self>, OptionError> {
        let values = inputs.values;
        let interval = seconds(values, "graphite-interval");
        let prefix = values.text("graphite-prefix").unwrap_or_default();
        let timeout = seconds_or_off(values, "graphite-timeout");
        let Some(server) = target(inputs, "graphite")? else { return Ok(None) };
        if interval.is_zero() {
            messages.push((Level::Warning, "Missing graphite-interval; reporting every second".to_owned()));
        }
        Ok(Some(Graphite { server, interval: interval.max(Duration::from_secs(1)), prefix, timeout }))
    }
}

impl Homer {
    fn read(inputs: &Inputs) -> Result<Option<Self>, OptionError> {
        let values = inputs.values;
        let protocol = word(values, "homer-protocol", HomerProtocol::from_word);
        let (id, ng_protocol) = (values.int("homer-id"), values.int("homer-ng-capture-proto"));
        let (rtcp, ng) = (!values.flag("homer-disable-rtcp-stats"), values.flag("homer-enable-ng"));
        let ng_protocol = u8::try_from(ng_protocol).unwrap_or(u8::MAX);
        let server = target(inputs, "homer")?;
        Ok(server.map(|server| Homer { server, protocol, id, rtcp, ng, ng_protocol }))
    }
}

impl Mqtt {
    fn read(values: &Values) -> Option<Self> {
        let path = |name: &str| non_empty(values.text(name)).map(PathBuf::from);
        let mqtt = Mqtt {
            host: values.text("mqtt-host").unwrap_or_default(),
            port: u16::try_from(values.int("mqtt-port")).unwrap_or_default(),
            id: values.text("mqtt-id"),
            keepalive: seconds(values, "mqtt-keepalive"),
            user: values.text("mqtt-user"),
            password: values.text("mqtt-pass"),
            ca_file: path("mqtt-cafile"),
            ca_path: path("mqtt-capath"),
            certificate: path("mqtt-certfile"),
            key: path("mqtt-keyfile"),
            alpn: values.text("mqtt-tls-alpn"),
            qos: u8::try_from(values.int("mqtt-publish-qos")).unwrap_or(0),
            topic: values.text("mqtt-publish-topic"),
            interval: milliseconds(values, "mqtt-publish-interval"),
            scope: word(values, "mqtt-publish-scope", MqttScope::from_word),
        };
        (!mqtt.host.is_empty()).then_some(mqtt)
    }
}

/// The rtpproxy protocol (rtpproxy.md §17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rtpproxy {
    /// Control sockets, `TYPE:SOCKET`.
    pub listen: Vec<String>,
    /// Recording directory.
    pub recordings: Option<PathBuf>,
    /// Where recordings grow.
    pub spool: Option<PathBuf>,
    /// Leave RTCP out.
    pub no_rtcp: bool,
    /// Record as pcap.
    pub pcap: bool,
    /// Record everything.
    pub record_all: bool,
    /// Wait for the first media; none = the media time-out.
    pub setup_ttl: Option<Duration>,
    /// Each direction by itself.
    pub independent_ttl: bool,
    /// Mode of UNIX sockets.
    pub socket_mode: Option<u32>,
    /// Permitted notification targets.
    pub notify: Vec<String>,
    /// Everybody is asymmetric.
    pub force_asymmetric: bool,
    /// Bridging does not imply asymmetric.
    pub bridge_symmetric: bool,
}

/// Largest file mode.
const MODE_MAX: u32 = 0o7777;

impl Rtpproxy {
    pub(super) fn read(values: &Values) -> Result<Self, OptionError> {
        Ok(Rtpproxy {
            listen: values.list("listen-rtpproxy"),
            recordings: values.text("rtpproxy-rec-dir").map(PathBuf::from),
            spool: values.text("rtpproxy-spool-dir").map(PathBuf::from),
            no_rtcp: values.flag("rtpproxy-no-rtcp"),
            pcap: values.flag("rtpproxy-rec-pcap"),
            record_all: values.flag("rtpproxy-rec-all"),
            setup_ttl: seconds_or_off(values, "rtpproxy-setup-ttl"),
            independent_ttl: values.flag("rtpproxy-independent-ttl"),
            socket_mode: values.text("rtpproxy-sock-mode").map(|text| socket_mode(&text)).transpose()?,
            notify: values.list("rtpproxy-notify"),
            force_asymmetric: values.flag("rtpproxy-force-asymmetric"),
            bridge_symmetric: values.flag("rtpproxy-bridge-symmetric"),
        })
    }
}

fn socket_mode(text: &str) -> Result<u32, OptionError> {
    let mode = if text.starts_with('0') { u32::from_str_radix(text, 8) } else { text.parse() };
    mode.ok().filter(|mode| *mode <= MODE_MAX).ok_or_else(|| {
        OptionError::invalid(format!(
            "Invalid --rtpproxy-sock-mode value '{text}'; give 0 to 4095, with a leading 0 for octal"
        ))
    })
}
