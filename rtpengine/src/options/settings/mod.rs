//! The options as typed data. Every group reads its part of the table in one place; plain values, `Clone`, no
//! handles.

mod control;
mod general;
mod limits;
mod media;
mod players;
mod recording;
mod redis;
mod report;

use std::net::SocketAddr;
use std::time::Duration;

use rtpengine_common::config::KeyFile;
use rtpengine_common::log::{Level, LogSettings};
use rtpengine_common::options::{OptionError, Values};

pub use control::{Control, Http};
pub use general::{General, Kernel, NftablesFamilies, NftablesSettings, Ports};
pub use limits::{Limits, Policy, PollTick, Scheduling, Threads, Timeouts};
pub use media::{ComfortNoise, Dtls, Dtx, JitterBuffer, Media, MosFormula, MosKind};
pub use players::{Database, MediaCache, MusicOnHold, Players};
pub use recording::{Recording, RecordingFormat, RecordingMethod, Sink, Vsc};
pub use redis::{KeepAlive, Redis};
pub use report::{Dtmf, Graphite, Homer, Mqtt, Report, Rtpproxy, XmlRpc};

use super::endpoint::Resolve;
use super::interface;
use super::sections::{self, Templates, TranscodeRule};
use crate::net::interface_spec::InterfaceSpec;

/// What the groups read from.
pub struct Inputs<'a> {
    /// The checked values.
    pub values: &'a Values,
    /// The configuration file, for its further sections.
    pub file: Option<&'a KeyFile>,
    /// Looks host names up.
    pub resolve: Resolve<'a>,
    /// Reads environment variables.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Processors of the machine, when known.
    pub processors: Option<usize>,
}

/// A record to be logged once the log is open.
pub type Message = (Level, String);

/// Everything the operator chose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Process and identity.
    pub general: General,
    /// The log.
    pub log: LogSettings,
    /// Kernel forwarding and firewall.
    pub kernel: Kernel,
    /// Local interfaces, the option's first, then the sections in file order.
    pub interfaces: Vec<InterfaceSpec>,
    /// Media ports and sockets.
    pub ports: Ports,
    /// Control listeners.
    pub control: Control,
    /// When calls end.
    pub timeouts: Timeouts,
    /// When new calls are refused.
    pub limits: Limits,
    /// Threads and their scheduling.
    pub threads: Threads,
    /// How media is handled.
    pub media: Media,
    /// DTLS.
    pub dtls: Dtls,
    /// Discontinuous transmission.
    pub dtx: Dtx,
    /// Recording; none without `recording-dir`.
    pub recording: Option<Recording>,
    /// Announcements.
    pub players: Players,
    /// Persistence; none without a Redis server.
    pub redis: Redis,
    /// Reporting to other systems.
    pub report: Report,
    /// The rtpproxy protocol.
    pub rtpproxy: Rtpproxy,
    /// Signalling templates.
    pub templates: Templates,
    /// Transcoding preferences.
    pub transcode: Vec<TranscodeRule>,
    /// To be logged at start: options without effect, values that were replaced.
    pub messages: Vec<Message>,
}

impl Settings {
    /// Reads every group; `firewall_only` leaves out what only a running daemon needs (interfaces, listeners).
    pub(super) fn read(inputs: &Inputs, firewall_only: bool) -> Result<Self, OptionError> {
        let mut messages: Vec<Message> =
            inputs.values.warnings().into_iter().map(|text| (Level::Warning, text)).collect();
        let values = inputs.values;
        let log = general::log(values)?;
        let kernel = Kernel::read(values, firewall_only)?;
        let ports = Ports::read(inputs)?;
        let interfaces = interfaces(inputs, (ports.min, ports.max))?;
        if interfaces.is_empty() && !firewall_only {
            return Err(OptionError::invalid("Cannot start without any configured interfaces"));
        }
        let threads = Threads::read(inputs, &mut messages);
        let control = Control::read(inputs, threads.media)?;
        let rtpproxy = Rtpproxy::read(values)?;
        if !firewall_only && !control.any_listener() && rtpproxy.listen.is_empty() {
            return Err(OptionError::invalid(
                "Missing option --listen-tcp, --listen-udp, --listen-ng, --listen-tcp-ng, --listen-http, or --listen-https",
            ));
        }
        Ok(Settings {
            general: General::read(values),
            log,
            kernel,
            interfaces,
            ports,
            control,
            timeouts: Timeouts::read(values),
            limits: Limits::read(values),
            media: Media::read(values)?,
            dtls: Dtls::read(values),
            dtx: Dtx::read(values, &mut messages)?,
            recording: Recording::read(values, &mut messages)?,
            players: Players::read(values, threads.playback, &mut messages)?,
            redis: Redis::read(inputs, &mut messages)?,
            report: Report::read(inputs, &mut messages)?,
            rtpproxy,
            templates: templates(inputs)?,
            transcode: transcode(inputs)?,
            threads,
            messages,
        })
    }
}

fn interfaces(inputs: &Inputs, ports: (u16, u16)) -> Result<Vec<InterfaceSpec>, OptionError> {
    let mut list = interface::elements(&inputs.values.list("interface"), ports)?;
    if let (Some(prefix), Some(file)) = (inputs.values.text("interfaces-config"), inputs.file) {
        list.extend(interface::sections(file, &prefix, ports)?);
    }
    Ok(list)
}

fn templates(inputs: &Inputs) -> Result<Templates, OptionError> {
    match inputs.values.text("templates") {
        Some(section) => Templates::read(inputs.file, &section),
        None => Ok(Templates::default()),
    }
}

fn transcode(inputs: &Inputs) -> Result<Vec<TranscodeRule>, OptionError> {
    match (inputs.values.text("transcode-config"), inputs.file) {
        (Some(prefix), Some(file)) => sections::transcode_rules(file, &prefix, inputs.resolve),
        _ => Ok(vec![]),
    }
}

/// An integer of seconds; negative counts as 0.
fn seconds(values: &Values, name: &str) -> Duration {
    Duration::from_secs(u64::try_from(values.int(name)).unwrap_or(0))
}

/// Seconds with 0 for "off".
fn seconds_or_off(values: &Values, name: &str) -> Option<Duration> {
    Some(seconds(values, name)).filter(|time| !time.is_zero())
}

/// An integer of milliseconds; negative counts as 0.
fn milliseconds(values: &Values, name: &str) -> Duration {
    Duration::from_millis(u64::try_from(values.int(name)).unwrap_or(0))
}

/// A number that is not negative; negative counts as 0.
fn count(values: &Values, name: &str) -> usize {
    usize::try_from(values.int(name)).unwrap_or(0)
}

/// A word of an enumeration; the table's check made sure it is one.
fn word<T>(values: &Values, name: &str, from_word: impl Fn(&str) -> Option<T>) -> T {
    let text = values.text(name).unwrap_or_default();
    from_word(&text)
        .unwrap_or_else(|| panic!("the table of '{name}' has a word its type does not know: {text}"))
}

/// An address with port for a receiver, or the error naming the option.
fn target(inputs: &Inputs, name: &str) -> Result<Option<SocketAddr>, OptionError> {
    let Some(text) = inputs.values.text(name) else { return Ok(None) };
    super::endpoint::target(&text, inputs.resolve)
        .map(Some)
        .ok_or_else(|| OptionError::invalid(format!("Invalid IP or port '{text}' (--{name})")))
}

/// Nothing for the empty text.
fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
