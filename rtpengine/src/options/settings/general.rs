//! Process, log, kernel, ports.

use std::path::PathBuf;

use rtpengine_common::log::{ContextFormat, Facility, LogSettings, Subsystem};
use rtpengine_common::options::{OptionError, Values};

use super::{Inputs, count, non_empty, word};
use crate::options::VERSION;

/// Process and identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct General {
    /// Where the process id goes.
    pub pidfile: Option<PathBuf>,
    /// No fork.
    pub foreground: bool,
    /// Name in SDP, RTCP and STUN: letters, digits and `-`.
    pub software_id: String,
    /// The EVS reference codec.
    pub evs_library: Option<PathBuf>,
}

impl General {
    pub(super) fn read(values: &Values) -> Self {
        let id = non_empty(values.text("software-id")).unwrap_or_else(|| format!("rtpengine-{VERSION}"));
        General {
            pidfile: non_empty(values.text("pidfile")).map(PathBuf::from),
            foreground: values.flag("foreground"),
            software_id: id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect(),
            evs_library: values.text("evs-lib-path").map(PathBuf::from),
        }
    }
}

pub(super) fn log(values: &Values) -> Result<LogSettings, OptionError> {
    let default_level = values.int("log-level");
    let levels = Subsystem::ALL.iter().map(|subsystem| {
        let level = values.int(subsystem.option());
        match subsystem {
            Subsystem::Srtp if values.flag("debug-srtp") => 7,
            _ if level == 0 => default_level,
            _ => level,
        }
    });
    let levels = levels.collect();
    let facility = values.text("log-facility").unwrap_or_default();
    Ok(LogSettings {
        facility: Facility::from_name(&facility)
            .ok_or_else(|| unknown_facility("", &facility, "log-facility"))?,
        levels,
        to_stderr: values.flag("log-stderr"),
        split_lines: values.flag("split-logs"),
        max_line_length: values.int("max-log-line-length"),
        timestamps: !values.flag("no-log-timestamps"),
        name: values.text("log-name").unwrap_or_default(),
        mark_prefix: values.text("log-mark-prefix").unwrap_or_default(),
        mark_suffix: values.text("log-mark-suffix").unwrap_or_default(),
        cdr: extra_facility(values, "log-facility-cdr", " for CDR")?,
        rtcp: extra_facility(values, "log-facility-rtcp", " for RTCP")?,
        dtmf: extra_facility(values, "log-facility-dtmf", " for DTMF")?,
        format: word(values, "log-format", ContextFormat::from_word),
        srtp_keys: values.flag("log-srtp-keys"),
    })
}

fn extra_facility(values: &Values, option: &str, purpose: &str) -> Result<Option<Facility>, OptionError> {
    let Some(name) = values.text(option) else { return Ok(None) };
    Facility::from_name(&name).map(Some).ok_or_else(|| unknown_facility(purpose, &name, option))
}

fn unknown_facility(purpose: &str, name: &str, option: &str) -> OptionError {
    OptionError::Facility(format!("Invalid log facility{purpose} '{name}' (--{option})"))
}

/// Kernel forwarding and firewall (kernel.md §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Forwarding table; none = user space only.
    pub table: Option<u32>,
    /// Refuse to start without it.
    pub no_fallback: bool,
    /// Chain with one rule per media port.
    pub iptables_chain: Option<String>,
    /// Managed rules; none = the daemon touches nothing.
    pub nftables: Option<NftablesSettings>,
    /// Ring-buffer slots; 0 = not used.
    pub slots: usize,
    /// Ring-buffer threads; none = as many as media threads.
    pub threads: Option<usize>,
    /// Most streams played.
    pub players: usize,
    /// Most media files held.
    pub player_media: usize,
}

/// The managed chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftablesSettings {
    /// Its name.
    pub chain: String,
    /// The chain that jumps to it; empty = it is a base chain itself, `none` = no jump rule.
    pub base_chain: String,
    /// Append the jump rule.
    pub append: bool,
    /// Address families.
    pub families: NftablesFamilies,
    /// Use the x_tables target.
    pub xtables: bool,
}

/// Address families of the managed rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NftablesFamilies {
    /// `ip`
    Ip,
    /// `ip6`
    Ip6,
    /// `ip` and `ip6`, each its table
    Both,
    /// `inet`, one table
    Inet,
}

impl Kernel {
    pub(super) fn read(values: &Values, firewall_only: bool) -> Result<Self, OptionError> {
        let table = u32::try_from(values.int("table")).ok();
        let families = nftables_families(&values.text("nftables-family").unwrap_or_default())?;
        let xtables = values.flag("xtables");
        if xtables && families == NftablesFamilies::Inet {
            return Err(OptionError::invalid("'inet' nftables address family not valid with legacy xtables"));
        }
        let no_fallback = values.flag("no-fallback");
        if no_fallback && table.is_some() && !firewall_only {
            // Kernel forwarding is not built yet, so the table cannot be opened; the words are kernel.md §5.2's.
            return Err(OptionError::invalid("Userspace fallback disallowed - exiting"));
        }
        let chain = values.text("nftables-chain");
        if firewall_only && chain.as_deref() == Some("") {
            return Err(OptionError::invalid(
                "Cannot do nftables setup without knowing which nftables chain (--nftables-chain=...)",
            ));
        }
        if firewall_only && table.is_none() {
            return Err(OptionError::invalid(
                "Cannot do nftables setup without configured kernel table number",
            ));
        }
        let chain = match (chain, table) {
            (Some(chain), _) => non_empty(Some(chain)),
            (None, Some(table)) => Some(format!("rtpengine_{table}")),
            (None, None) => None,
        };
        let (base_chain, append) =
            (values.text("nftables-base-chain").unwrap_or_default(), values.flag("nftables-append"));
        Ok(Kernel {
            table,
            no_fallback,
            iptables_chain: non_empty(values.text("iptables-chain")),
            nftables: chain.map(|chain| NftablesSettings { chain, base_chain, append, families, xtables }),
            slots: count(values, "kernel-slots"),
            threads: usize::try_from(values.int("kernel-num-threads")).ok(),
            players: count(values, "kernel-player"),
            player_media: count(values, "kernel-player-media"),
        })
    }
}

fn nftables_families(text: &str) -> Result<NftablesFamilies, OptionError> {
    match text.replace("ip4", "ip").as_str() {
        "" | "ip,ip6" | "ip6,ip" => Ok(NftablesFamilies::Both),
        "ip" => Ok(NftablesFamilies::Ip),
        "ip6" => Ok(NftablesFamilies::Ip6),
        "inet" => Ok(NftablesFamilies::Inet),
        _ => Err(OptionError::invalid(format!("Invalid value for 'nftables-family' ('{text}')"))),
    }
}

/// Media ports and sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// Lowest media port.
    pub min: u16,
    /// Highest media port.
    pub max: u16,
    /// Only the first address of the wanted family gets ports.
    pub first_address_only: bool,
    /// Processors the incoming traffic is spread over; 0 = not spread.
    pub cpu_affinity: usize,
    /// Packets read from a socket per wake-up.
    pub max_receive: usize,
    /// Type of service of media packets.
    pub tos: u8,
}

impl Ports {
    pub(super) fn read(inputs: &Inputs) -> Result<Self, OptionError> {
        let values = inputs.values;
        let (min, max) = (values.int("port-min"), values.int("port-max"));
        if min > max {
            return Err(OptionError::invalid(format!(
                "Invalid RTP port range: --port-min ({min}) must not be greater than --port-max ({max})"
            )));
        }
        let affinity = values.int("socket-cpu-affinity");
        let cpu_affinity = match (usize::try_from(affinity), inputs.processors) {
            (Ok(below), _) => below,
            (Err(_), Some(processors)) => processors,
            (Err(_), None) => {
                return Err(OptionError::invalid(
                    "Number of CPU cores is unknown, cannot auto-set socket CPU affinity",
                ));
            }
        };
        Ok(Ports {
            min: u16::try_from(min).unwrap_or(u16::MAX),
            max: u16::try_from(max).unwrap_or(u16::MAX),
            first_address_only: values.flag("save-interface-ports"),
            cpu_affinity,
            max_receive: count(values, "max-recv-iters"),
            tos: u8::try_from(values.int("tos")).unwrap_or(u8::MAX),
        })
    }
}
