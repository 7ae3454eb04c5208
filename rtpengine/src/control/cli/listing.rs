//! Answers made from snapshots (operations.md §6.3–§6.6, §6.9). A snapshot is plain data that a shard or the control
//! thread fills in; texts are the specification's to the blank.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use rtpengine_common::log::lines::TagType;
use rtpengine_common::log::{self, Subsystem};

use super::Sessions;
use crate::flow::ChainFigures;

/// After `active`.
pub const ACTIVE: &str = "Ok, all calls set to 'owned (active)'\n";
/// After `standby`.
pub const STANDBY: &str = "Ok, all calls set to 'foreign (standby)'\n";

/// For `list numsessions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Calls of this instance.
    pub own: u64,
    /// Calls of other instances.
    pub foreign: u64,
    /// Transcoded media.
    pub transcoded: u64,
    /// Calls with IPv4 on both sides.
    pub ipv4: u64,
    /// Calls with IPv6 on both sides.
    pub ipv6: u64,
    /// Calls with both.
    pub mixed: u64,
}

impl Numbers {
    /// The seven lines.
    pub fn text(&self) -> String {
        format!(
            "Current sessions own: {}\nCurrent sessions foreign: {}\nCurrent sessions total: {}\n\
             Current transcoded media: {}\nCurrent sessions ipv4 only media: {}\n\
             Current sessions ipv6 only media: {}\nCurrent sessions ip mixed  media: {}\n",
            self.own,
            self.foreign,
            self.own + self.foreign,
            self.transcoded,
            self.ipv4,
            self.ipv6,
            self.mixed
        )
    }
}

/// A call in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Call-id.
    pub call_id: String,
    /// Marked for deletion.
    pub deleted: bool,
    /// Seconds since 1970.
    pub created: u64,
    /// The controlling agent.
    pub proxy: String,
    /// Redis database, −1 = not stored.
    pub redis_database: i32,
    /// Owned by another instance.
    pub foreign: bool,
    /// Being recorded.
    pub recording: bool,
}

impl SessionRow {
    /// Its line.
    pub fn line(&self) -> String {
        let yn = |flag: bool| if flag { 'y' } else { 'n' };
        format!(
            "ID: {:>60} | del:{} | creat:{:>12} | prx:{} | redis:{:>2} | frgn:{} | rec:{}\n",
            self.call_id,
            yn(self.deleted),
            self.created,
            self.proxy,
            self.redis_database,
            yn(self.foreign),
            yn(self.recording)
        )
    }
}

/// `list sessions all|own|foreign|recording`: the rows that belong to the list, or that there are none.
pub fn sessions(which: &Sessions, rows: &[SessionRow]) -> String {
    let (word, wanted): (_, fn(&SessionRow) -> bool) = match which {
        Sessions::All | Sessions::Call(_) => ("", |_| true),
        Sessions::Own => ("own ", |row| !row.foreign),
        Sessions::Foreign => ("foreign ", |row| row.foreign),
        Sessions::Recording => ("recording ", |row| row.recording),
    };
    let text: String = rows.iter().filter(|row| wanted(row)).map(SessionRow::line).collect();
    if text.is_empty() { format!("No {word}sessions on this media relay.\n") } else { text }
}

/// A call in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDetails {
    /// As in a list.
    pub row: SessionRow,
    /// Other ids.
    pub aliases: Vec<String>,
    /// Type of service.
    pub tos: u8,
    /// Seconds since 1970.
    pub last_signal: u64,
    /// Microseconds since 1970, 0 = never.
    pub last_redis_update: u64,
    /// The parties.
    pub parties: Vec<PartyDetails>,
}

/// A party in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyDetails {
    /// Its tag, empty while unknown.
    pub tag: String,
    /// Which tag of the dialogue.
    pub tag_type: TagType,
    /// Label.
    pub label: String,
    /// Via branch.
    pub branch: String,
    /// Since it was created.
    pub duration: Duration,
    /// Other tags.
    pub aliases: Vec<String>,
    /// Whose media it receives: tag and number of the `m=` line.
    pub subscribed_to: Vec<(String, u32)>,
    /// Who receives its media.
    pub subscribers: Vec<(String, u32)>,
    /// Its media.
    pub medias: Vec<MediaDetails>,
}

/// A media in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDetails {
    /// Number of the `m=` line from 1.
    pub index: u32,
    /// `audio`, `video`, …
    pub kind: String,
    /// Transport protocol, when known.
    pub protocol: Option<String>,
    /// `codec/rate`, when known.
    pub codec: Option<String>,
    /// Its ports.
    pub ports: Vec<PortDetails>,
}

/// A port in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortDetails {
    /// Ours.
    pub local: Option<SocketAddr>,
    /// The peer's.
    pub peer: Option<SocketAddr>,
    /// RTCP and not RTP.
    pub rtcp: bool,
    /// SSRC last received, 0 = none.
    pub ssrc: u32,
    /// Received packets.
    pub packets: u64,
    /// Received bytes.
    pub bytes: u64,
    /// Errors.
    pub errors: u64,
    /// Last packet in user space, seconds since 1970.
    pub last_user: u64,
    /// Last packet in the kernel, seconds since 1970.
    pub last_kernel: u64,
}

/// `list sessions <call-id>` of an unknown call.
pub fn call_not_found(call_id: &str) -> String {
    format!("\nCall ID not found ({call_id}).\n\n")
}

/// `list sessions <call-id>`.
pub fn call_or_unknown(call_id: &str, call: Option<&CallDetails>) -> String {
    call.map_or_else(|| call_not_found(call_id), CallDetails::text)
}

fn yes_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

impl CallDetails {
    /// The whole answer of `list sessions <call-id>` and `call <call-id> info`.
    pub fn text(&self) -> String {
        let row = &self.row;
        let mut out = format!("\ncallid: {}\n", row.call_id);
        for alias in &self.aliases {
            put(&mut out, format_args!("alias: {alias}\n"));
        }
        put(
            &mut out,
            format_args!(
                "deletionmark: {}\ncreated: {}\nproxy: {}\ntos: {}\nlast_signal: {}\nredis_keyspace: {}\n\
                 last redis update: {}\nforeign: {}\nrecording: {}\n\n",
                yes_no(row.deleted),
                row.created,
                row.proxy,
                self.tos,
                self.last_signal,
                row.redis_database,
                self.last_redis_update,
                yes_no(row.foreign),
                yes_no(row.recording)
            ),
        );
        for party in &self.parties {
            out.push_str(&party.text());
        }
        out.push('\n');
        out
    }
}

impl PartyDetails {
    /// The block of a party, also the answer of `call <call-id> tag <tag> info`.
    pub fn text(&self) -> String {
        let mut out = format!(
            "--- Tag '{}', type: {}, label '{}', branch '{}', callduration {}.{:06}\n",
            self.tag,
            self.tag_type.word(),
            self.label,
            self.branch,
            self.duration.as_secs(),
            self.duration.subsec_micros()
        );
        if !self.aliases.is_empty() {
            let quoted: Vec<_> = self.aliases.iter().map(|alias| format!("'{alias}'")).collect();
            put(&mut out, format_args!("---     Aliases: {}\n", quoted.join(", ")));
        }
        for (tag, index) in &self.subscribed_to {
            put(
                &mut out,
                format_args!("---     subscribed to media with monologue tag '{tag}' (index: {index})\n"),
            );
        }
        for (tag, index) in &self.subscribers {
            put(
                &mut out,
                format_args!("---     subscription of media with monologue tag '{tag}' (index: {index})\n"),
            );
        }
        for media in &self.medias {
            media.add_to(&mut out);
        }
        out
    }
}

impl MediaDetails {
    fn add_to(&self, out: &mut String) {
        let protocol = self.protocol.as_deref().unwrap_or("(unknown)");
        let codec = self.codec.as_deref().unwrap_or("unknown codec");
        put(
            out,
            format_args!("------ Media #{} ({} over {protocol}) using {codec}\n", self.index, self.kind),
        );
        for port in &self.ports {
            port.add_to(out);
        }
    }
}

impl PortDetails {
    fn add_to(&self, out: &mut String) {
        let address = |address: Option<SocketAddr>| match address {
            Some(address) => format!("{:>15}:{:<5}", address.ip().to_string(), address.port()),
            None => format!("{:>15}:{:<5}", "", 0),
        };
        put(
            out,
            format_args!(
                "-------- Port {} <> {}{}, SSRC {:x}, {} p, {} b, {} e, {} uts {} kts\n",
                address(self.local),
                address(self.peer),
                if self.rtcp { " (RTCP)" } else { "" },
                self.ssrc,
                self.packets,
                self.bytes,
                self.errors,
                self.last_user,
                self.last_kernel
            ),
        );
    }
}

fn put(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

/// Packets, bytes and errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Errors.
    pub errors: u64,
}

/// `list counters`: rates of the last second in user space and in the kernel.
pub fn counters(user: Traffic, kernel: Traffic) -> String {
    let total = Traffic {
        packets: user.packets + kernel.packets,
        bytes: user.bytes + kernel.bytes,
        errors: user.errors + kernel.errors,
    };
    let mut out = String::from("\nCurrent per-second counters:\n\n");
    for (place, traffic) in [("userspace", user), ("kernel", kernel), ("total", total)] {
        for (what, value) in
            [("Packets", traffic.packets), ("Bytes", traffic.bytes), ("Errors", traffic.errors)]
        {
            let label = format!("{what} per second ({place})");
            put(&mut out, format_args!(" {label:<48}:{value}\n"));
        }
    }
    out
}

/// A local address.
#[derive(Debug, Clone, PartialEq)]
pub struct InterfaceRow {
    /// Logical name.
    pub name: String,
    /// Address.
    pub address: std::net::IpAddr,
    /// Lowest port.
    pub port_min: u16,
    /// Highest port.
    pub port_max: u16,
    /// Ports not free.
    pub used: u32,
    /// Received.
    pub ingress: Traffic,
    /// Sent.
    pub egress: Traffic,
    /// Lost RTP packets.
    pub lost: u64,
    /// RTP packets seen twice.
    pub duplicates: u64,
    /// Averages; none without samples.
    pub mos: Option<f64>,
    /// Percent.
    pub packet_loss: Option<f64>,
    /// As reported by peers.
    pub jitter: Option<f64>,
    /// As measured here.
    pub jitter_measured: Option<f64>,
    /// Between the peers.
    pub round_trip_end_to_end: Option<f64>,
    /// To one peer.
    pub round_trip_discrete: Option<f64>,
}

/// `list interfaces`.
pub fn interfaces(rows: &[InterfaceRow]) -> String {
    rows.iter().map(InterfaceRow::text).collect()
}

/// An average in `width` columns with so many decimals, or `nan`.
fn average(value: Option<f64>, width: usize, decimals: usize) -> String {
    match value {
        Some(value) => format!("{value:width$.decimals$}"),
        None => format!("{:>width$}", "nan"),
    }
}

impl InterfaceRow {
    fn text(&self) -> String {
        let size = u32::from(self.port_max).saturating_sub(u32::from(self.port_min)) + 1;
        let percent = f64::from(self.used) * 100.0 / f64::from(size);
        let mut out = format!(
            "Interface '{}' address '{}' ({})\n Port range: {:5} - {:5}\n Ports used: {:5} / {size:5} ({percent:5.1}%)\n \
             Packets/bytes/errors:\n",
            self.name,
            self.address,
            if self.address.is_ipv4() { "IPv4" } else { "IPv6" },
            self.port_min,
            self.port_max,
            self.used,
        );
        for (word, traffic) in [("Ingress", self.ingress), ("Egress", self.egress)] {
            let label = format!("{word}:");
            put(
                &mut out,
                format_args!(
                    "  {label:<10} {:10} / {:10} / {:10}\n",
                    traffic.packets, traffic.bytes, traffic.errors
                ),
            );
        }
        put(
            &mut out,
            format_args!(
                " Packets lost/duplicates: {:10} / {:10}\n MOS:    avg {}, packet loss avg {}%\n \
                 Jitter: avg {} (measured {})\n RTT:    e2e {}, dsct {}\n\n",
                self.lost,
                self.duplicates,
                average(self.mos, 3, 1),
                average(self.packet_loss, 3, 0),
                average(self.jitter, 3, 0),
                average(self.jitter_measured, 3, 0),
                average(self.round_trip_end_to_end, 3, 0),
                average(self.round_trip_discrete, 3, 0),
            ),
        );
        out
    }
}

/// `list transcoders`.
pub fn transcoders(rows: &[ChainFigures]) -> String {
    if rows.is_empty() {
        return "No stats entries\n".to_owned();
    }
    let mut out = String::new();
    for row in rows {
        put(&mut out, format_args!("{}: {} transcoders\n", row.name(), row.handlers));
        if let Some([packets, bytes, samples]) = row.rates {
            put(
                &mut out,
                format_args!("     {packets} packets/s\n     {bytes} bytes/s\n     {samples} samples/s\n"),
            );
        }
    }
    out
}

/// The limit of open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFiles {
    /// So many.
    Limit(u64),
    /// No limit.
    Infinite,
    /// It could not be found out.
    Unknown,
}

/// `list maxopenfiles`; `pid` is the daemon's.
pub fn open_files(limit: OpenFiles, pid: u32) -> String {
    let value = match limit {
        OpenFiles::Limit(files) => files.to_string(),
        OpenFiles::Infinite => "infinite".to_owned(),
        OpenFiles::Unknown => {
            return format!("Fail getting rtpengine configured limits; cat /proc/{pid}/limits\n");
        }
    };
    format!("Maximum open-files configured on rtpengine: {value}; cat /proc/{pid}/limits\n")
}

/// `set maxopenfiles N`; the error is the system's number.
pub fn open_files_set(files: u64, result: Result<(), i32>, pid: u32) -> String {
    match result {
        Ok(()) => format!("Success setting open_files to {files}; cat /proc/{pid}/limits\n"),
        Err(number) => format!("Fail setting open_files to {files}; errno = {number}\n"),
    }
}

/// `list loglevels`.
pub(super) fn subsystems() -> String {
    let line = |subsystem: &Subsystem| format!("{} - {}\n", subsystem.name(), subsystem.description());
    Subsystem::ALL.iter().map(line).collect()
}

/// `list loglevel [subsystem]`, from the levels in force.
pub fn log_levels(subsystem: Option<Subsystem>) -> String {
    match subsystem {
        Some(subsystem) => format!("{}\n", log::level(subsystem)),
        None => {
            let line = |subsystem: &Subsystem| format!("{} = {}\n", subsystem.name(), log::level(*subsystem));
            Subsystem::ALL.iter().map(line).collect()
        }
    }
}

/// Sets the level of one or all subsystems: `set loglevel`.
pub fn set_log_level(subsystem: Option<Subsystem>, level: i32) -> String {
    match subsystem {
        Some(subsystem) => log::set_level(subsystem, level),
        None => Subsystem::ALL.iter().for_each(|subsystem| log::set_level(*subsystem, level)),
    }
    log_level_set(level)
}

/// The answer of `set loglevel`.
pub fn log_level_set(level: i32) -> String {
    format!("Success setting loglevel to {level}\n")
}

/// `terminate …`; for one call `found` says whether there was one.
pub fn terminated(which: &Sessions, found: bool) -> String {
    match which {
        Sessions::Own => "All own calls terminated by operator.\n".to_owned(),
        Sessions::Foreign => "All foreign calls terminated by operator.\n".to_owned(),
        Sessions::All | Sessions::Recording => "All calls terminated by operator.\n".to_owned(),
        Sessions::Call(id) if found => format!("\nCall Id ({id}) successfully terminated by operator.\n\n"),
        Sessions::Call(id) => format!("\nCall Id not found ({id}).\n\n"),
    }
}

/// `call <call-id> terminate`.
pub fn call_terminated(call_id: &str) -> String {
    format!("\nCall '{call_id}' terminated.\n\n")
}

/// `debug <call-id> [on|off]`; `found` says whether there is such a call.
pub fn debug(call_id: &str, on: bool, found: bool) -> String {
    match (found, on) {
        (false, _) => format!("Call ID '{call_id}' not found\n"),
        (true, true) => format!("Enabled debugging for call '{call_id}'\n"),
        (true, false) => format!("Disabled debugging for call '{call_id}'\n"),
    }
}

/// `call <call-id> …` of an unknown call.
pub fn no_such_call(call_id: &str) -> String {
    format!("No such call '{call_id}'\n")
}

/// `call <call-id> tag <tag> …` of an unknown tag.
pub fn no_such_tag(tag: &str) -> String {
    format!("No such tag '{tag}'\n")
}

/// `call <call-id> tag <tag> delay N`.
pub fn delay_set(delay_ms: u32) -> String {
    format!("Setting delay to {delay_ms}\n")
}

/// `call <call-id> tag <tag> detect-dtmf 0|1`.
pub fn detect_dtmf_set(on: bool) -> String {
    format!("{} audio DTMF detection\n", if on { "Enabling" } else { "Disabling" })
}
