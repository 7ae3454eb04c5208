//! Carries command lines out: answers at once what control knows itself, and names what the shards are to be asked.

use std::net::IpAddr;
use std::sync::Arc;

use rtpengine_common::log::{self, Subsystem};

use super::inquiry::Inquiry;
use super::listing::{self, InterfaceRow, Numbers, OpenFiles, Traffic};
use super::params::{self, Values};
use super::{CliCommand, Params, Tunables};
use crate::call::ctx::Now;
use crate::control::limits::Limits;
use crate::control::router::ControlState;
use crate::options::Settings;
use crate::player::MediaCommand;
use crate::report::counters::{Counter, Gauge, InterfaceCounter, InterfaceTotals, Moments, Sample, Totals};
use crate::report::metrics::Metrics;
use crate::shard::shared::Shared;

/// What a command leads to.
#[derive(Debug)]
pub enum Step {
    /// This is the answer.
    Answer(String),
    /// Ask the shards, then make the answer of what they bring back.
    Ask(Inquiry),
    /// Have it carried out where the media is.
    Media(MediaCommand),
}

/// What the console looks at and changes.
pub struct House<'a> {
    /// The time.
    pub now: Now,
    /// Interfaces, ports and the settings of calls.
    pub shared: &'a Shared,
    /// Limits, rates.
    pub state: &'a ControlState,
    /// Sums of all counters.
    pub totals: &'a Totals,
    /// The list of all figures.
    pub metrics: &'a dyn Fn() -> Metrics,
    /// Sets the type of service of ng replies.
    pub set_control_tos: &'a dyn Fn(u8),
}

/// The state of the text command line: what was chosen at start and what is in force.
#[derive(Debug)]
pub struct Console {
    settings: Arc<Settings>,
    start: Tunables,
    tunables: Tunables,
    set_open_files: SetOpenFiles,
}

/// Sets the limit of open files; the error is the system's number.
pub type SetOpenFiles = fn(u64) -> Result<(), i32>;

impl Console {
    /// With the settings of the start.
    pub fn new(settings: Arc<Settings>, set_open_files: SetOpenFiles) -> Self {
        let start = Tunables::from(&*settings);
        Console { settings, tunables: start.clone(), start, set_open_files }
    }

    /// Carries out one line.
    pub fn run(&mut self, line: &str, house: &House<'_>) -> Step {
        let answer = match super::parse(line) {
            CliCommand::Answer(text) => text,
            CliCommand::ListNumSessions => numbers(house.totals).text(),
            CliCommand::ListSessions(which) => return Step::Ask(Inquiry::list(which, house.now)),
            CliCommand::ListTotals => (house.metrics)().to_text(),
            CliCommand::ListJsonStats => (house.metrics)().to_json(),
            CliCommand::ListCounters => counters(house),
            CliCommand::ListInterfaces => listing::interfaces(&interface_rows(house)),
            CliCommand::ListTranscoders => {
                listing::transcoders(&house.shared.settings().codecs.chains.figures())
            }
            CliCommand::ListMaxOpenFiles => listing::open_files(open_files(), std::process::id()),
            CliCommand::List(tunable) => tunable.list(&self.tunables),
            CliCommand::ListLogLevel(subsystem) => listing::log_levels(subsystem),
            CliCommand::Set(change) => {
                change.apply(&mut self.tunables);
                self.enforce(house);
                change.answer()
            }
            CliCommand::SetMaxOpenFiles(files) => {
                listing::open_files_set(files, (self.set_open_files)(files), std::process::id())
            }
            CliCommand::SetLogLevel(subsystem, level) => listing::set_log_level(subsystem, level),
            CliCommand::Params(which) => self.params(which, house),
            CliCommand::Terminate(which) => return Step::Ask(Inquiry::terminate(which, house.now)),
            CliCommand::Media(command) => return Step::Media(command),
            CliCommand::Active => return Step::Ask(Inquiry::set_foreign(false, house.now)),
            CliCommand::Standby => return Step::Ask(Inquiry::set_foreign(true, house.now)),
            CliCommand::Debug { call_id, on } => return Step::Ask(Inquiry::debug(call_id, on, house.now)),
            CliCommand::Call { call_id, action } => {
                return Step::Ask(Inquiry::call(call_id, action, house.now));
            }
        };
        Step::Answer(answer)
    }

    /// Puts the tunables into force. Those of Redis are kept for when there is a connection.
    fn enforce(&self, house: &House<'_>) {
        let tunables = &self.tunables;
        *house.state.limits.write() = Limits {
            max_sessions: tunables.max_sessions,
            max_load: tunables.max_load,
            max_cpu: tunables.max_cpu,
            max_bandwidth: tunables.max_bandwidth,
        };
        house.shared.change_settings(|settings| {
            settings.timeout = tunables.timeout;
            settings.silent_timeout = tunables.silent_timeout;
            settings.offer_timeout = tunables.offer_timeout;
            settings.final_timeout = Some(tunables.final_timeout).filter(|time| !time.is_zero());
            settings.delete_delay = tunables.delete_delay;
        });
        (house.set_control_tos)(tunables.control_tos);
    }

    fn params(&mut self, which: Params, house: &House<'_>) -> String {
        let levels: Vec<i32> = Subsystem::ALL.iter().map(|subsystem| log::level(*subsystem)).collect();
        let start = &self.settings.log.levels;
        let (tunables, log_levels) = match which {
            Params::Start => (&self.start, start),
            Params::Current => (&self.tunables, &levels),
            Params::Diff => return params::diff(&self.start, &self.tunables, start, &levels),
            Params::Revert => {
                for (subsystem, level) in Subsystem::ALL.iter().zip(start) {
                    log::set_level(*subsystem, *level);
                }
                self.tunables = params::revert(&self.start, &self.tunables);
                self.enforce(house);
                return String::new();
            }
        };
        let locals = house.shared.interfaces.locals();
        let interfaces: Vec<(String, IpAddr)> =
            locals.iter().map(|local| (local.name.to_string(), local.address)).collect();
        params::list(&Values { settings: &self.settings, tunables, log_levels, interfaces: &interfaces })
    }
}

fn numbers(totals: &Totals) -> Numbers {
    let foreign = totals.gauge(Gauge::ForeignSessions);
    Numbers {
        own: totals.gauge(Gauge::Sessions).saturating_sub(foreign),
        foreign,
        transcoded: totals.gauge(Gauge::TranscodedMedia),
        ipv4: totals.gauge(Gauge::Ipv4Sessions),
        ipv6: totals.gauge(Gauge::Ipv6Sessions),
        mixed: totals.gauge(Gauge::MixedSessions),
    }
}

fn counters(house: &House<'_>) -> String {
    let rates = house.state.rates.get();
    let user = Traffic {
        packets: rates.of(Counter::PacketsUser),
        bytes: rates.of(Counter::BytesUser),
        errors: rates.of(Counter::ErrorsUser),
    };
    let kernel = Traffic {
        packets: rates.of(Counter::PacketsKernel),
        bytes: rates.of(Counter::BytesKernel),
        errors: rates.of(Counter::ErrorsKernel),
    };
    listing::counters(user, kernel)
}

fn interface_rows(house: &House<'_>) -> Vec<InterfaceRow> {
    let locals = house.shared.interfaces.locals().iter().zip(&house.totals.interfaces);
    let row = |(local, totals): (&crate::net::interfaces::LocalInterface, &InterfaceTotals)| {
        let ports = house.shared.pools.usage(local.pool);
        let counter = |counter| totals.counter(counter);
        let average = |sample, divisor: f64| {
            let moments: Moments = totals.sample(sample);
            (moments.count > 0).then(|| moments.mean() / divisor)
        };
        InterfaceRow {
            name: local.name.to_string(),
            address: local.address,
            port_min: ports.min,
            port_max: ports.max,
            used: ports.used(),
            ingress: Traffic {
                packets: counter(InterfaceCounter::IngressPackets),
                bytes: counter(InterfaceCounter::IngressBytes),
                errors: counter(InterfaceCounter::IngressErrors),
            },
            egress: Traffic {
                packets: counter(InterfaceCounter::EgressPackets),
                bytes: counter(InterfaceCounter::EgressBytes),
                errors: counter(InterfaceCounter::EgressErrors),
            },
            lost: counter(InterfaceCounter::PacketsLost),
            duplicates: counter(InterfaceCounter::Duplicates),
            mos: average(Sample::Mos, 10.0),
            packet_loss: average(Sample::PacketLoss, 1.0),
            jitter: average(Sample::Jitter, 1.0),
            jitter_measured: average(Sample::JitterMeasured, 1.0),
            round_trip_end_to_end: average(Sample::RoundTripEndToEnd, 1.0),
            round_trip_discrete: average(Sample::RoundTripDiscrete, 1.0),
        }
    };
    locals.map(row).collect()
}

/// The soft limit of open files, from the kernel's own table of this process.
fn open_files() -> OpenFiles {
    let table = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let value = table
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next().map(str::to_owned));
    match value.as_deref() {
        Some("unlimited") => OpenFiles::Infinite,
        Some(text) => text.parse().map_or(OpenFiles::Unknown, OpenFiles::Limit),
        None => OpenFiles::Unknown,
    }
}
