//! Carrying out command lines (operations.md 6): what is answered at once, what shards are asked for, and the settings that change while
//! running.

use super::cli::listing::{
    self, CallDetails, InterfaceRow, Numbers, OpenFiles, PartyDetails, SessionRow, Traffic,
};
use super::cli::params::{self, Values};
use super::cli::{CallAction, CliCommand, Params, Sessions, Tunables};
use super::limits::Limits;
use super::surveys;
use crate::call::Call;
use crate::call::ctx::Now;
use crate::call::settings::Settings as CallSettings;
use crate::call::signalling::CallFlags;
use crate::net::interfaces::Interfaces;
use crate::net::ports::PortPools;
use crate::options::Settings;
use crate::report::counters::{Counter, Gauge, InterfaceCounter, Moments, Sample, Totals};
use crate::report::rates::PerSecond;
use crate::shard::survey::{Look, Survey, Verdict};
use rtpengine_common::log::{self, Subsystem};
use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;

/// Makes the text out of what the shards found.
pub type Finish = Box<dyn FnOnce(Vec<Box<dyn Any + Send>>) -> String + Send>;

/// What a command line needs.
pub enum Step {
    /// Nothing more: this is the answer.
    Answer(String),
    /// All calls, or one, are to be looked at.
    Ask {
        /// Only the call of this id.
        only: Option<String>,
        /// Makes a surveyor for each shard.
        survey: Box<dyn Fn() -> Box<dyn Survey>>,
        /// Makes the answer.
        finish: Finish,
    },
    /// New values are to be put in force before the answer is given.
    Apply(String),
}

/// Figures of the daemon that listings show.
pub struct Figures<'a> {
    /// Sums of all counters.
    pub totals: &'a Totals,
    /// Rates of the last second.
    pub rates: PerSecond,
    /// Local addresses.
    pub interfaces: &'a Interfaces,
    /// Their ports.
    pub pools: &'a Arc<PortPools>,
}

/// What the operator set, at start and now.
pub struct Operator {
    settings: Arc<Settings>,
    start: Tunables,
    now: Tunables,
    start_levels: Vec<i32>,
}

impl Operator {
    /// The state at start.
    pub fn new(settings: Arc<Settings>) -> Self {
        let start = Tunables::from(&*settings);
        Self { now: start.clone(), start, start_levels: levels(), settings }
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        Limits {
            max_sessions: self.now.max_sessions,
            max_load: self.now.max_load,
            max_cpu: self.now.max_cpu,
            max_bandwidth: self.now.max_bandwidth,
        }
    }

    /// TOS of control sockets.
    pub fn control_tos(&self) -> u8 {
        self.now.control_tos
    }

    /// Puts the timeouts into the settings of calls.
    pub fn apply(&self, settings: &mut CallSettings) {
        settings.timeout = self.now.timeout;
        settings.silent_timeout = self.now.silent_timeout;
        settings.offer_timeout = self.now.offer_timeout;
        settings.final_timeout = Some(self.now.final_timeout).filter(|time| !time.is_zero());
        settings.delete_delay = self.now.delete_delay;
    }

    /// Begins a command that is not about the list of all figures.
    pub fn step(&mut self, command: CliCommand, figures: &Figures<'_>) -> Step {
        match command {
            CliCommand::Answer(text) => Step::Answer(text),
            CliCommand::ListNumSessions => Step::Answer(numbers(figures.totals).text()),
            CliCommand::ListSessions(Sessions::Call(id)) => details(id),
            CliCommand::ListSessions(which) => sessions(which),
            CliCommand::ListCounters => Step::Answer(counters(figures.rates)),
            CliCommand::ListInterfaces => Step::Answer(interfaces(figures)),
            CliCommand::ListTranscoders => Step::Answer(listing::transcoders(&[])),
            CliCommand::ListMaxOpenFiles => {
                Step::Answer(listing::open_files(open_files(), std::process::id()))
            }
            CliCommand::List(tunable) => Step::Answer(tunable.list(&self.now)),
            CliCommand::ListLogLevel(subsystem) => Step::Answer(listing::log_levels(subsystem)),
            CliCommand::Set(change) => {
                change.apply(&mut self.now);
                Step::Apply(change.answer())
            }
            CliCommand::SetMaxOpenFiles(files) => {
                let result = crate::net::system::set_open_files(files);
                Step::Answer(listing::open_files_set(files, result, std::process::id()))
            }
            CliCommand::SetLogLevel(subsystem, level) => {
                Step::Apply(listing::set_log_level(subsystem, level))
            }
            CliCommand::Params(params) => self.params(params, figures.interfaces),
            CliCommand::Terminate(which) => terminate(which),
            CliCommand::Active => mark(CallFlags::FOREIGN, false, listing::ACTIVE),
            CliCommand::Standby => mark(CallFlags::FOREIGN, true, listing::STANDBY),
            CliCommand::Debug { call_id, on } => debug(call_id, on, listing::debug),
            CliCommand::Call { call_id, action } => call(call_id, action),
            // The caller has the figures for these two.
            CliCommand::ListTotals | CliCommand::ListJsonStats => Step::Answer(String::new()),
        }
    }

    fn params(&mut self, which: Params, local: &Interfaces) -> Step {
        let interfaces: Vec<(String, IpAddr)> =
            local.locals().iter().map(|local| (local.name.to_string(), local.address)).collect();
        let list = |tunables: &Tunables, log_levels: &[i32]| {
            params::list(&Values { settings: &self.settings, tunables, log_levels, interfaces: &interfaces })
        };
        match which {
            Params::Start => Step::Answer(list(&self.start, &self.start_levels)),
            Params::Current => Step::Answer(list(&self.now, &levels())),
            Params::Diff => Step::Answer(params::diff(&self.start, &self.now, &self.start_levels, &levels())),
            Params::Revert => {
                self.now = params::revert(&self.start, &self.now);
                for (subsystem, level) in Subsystem::ALL.iter().zip(&self.start_levels) {
                    log::set_level(*subsystem, *level);
                }
                Step::Apply(String::new())
            }
        }
    }
}

fn levels() -> Vec<i32> {
    Subsystem::ALL.iter().map(|subsystem| log::level(*subsystem)).collect()
}

fn numbers(totals: &Totals) -> Numbers {
    let gauge = |gauge| totals.gauge(gauge);
    let foreign = gauge(Gauge::ForeignSessions);
    Numbers {
        own: gauge(Gauge::Sessions).saturating_sub(foreign),
        foreign,
        transcoded: gauge(Gauge::TranscodedMedia),
        ipv4: gauge(Gauge::Ipv4Sessions),
        ipv6: gauge(Gauge::Ipv6Sessions),
        mixed: gauge(Gauge::MixedSessions),
    }
}

fn counters(rates: PerSecond) -> String {
    let traffic = |packets, bytes, errors| Traffic {
        packets: rates.of(packets),
        bytes: rates.of(bytes),
        errors: rates.of(errors),
    };
    listing::counters(
        traffic(Counter::PacketsUser, Counter::BytesUser, Counter::ErrorsUser),
        traffic(Counter::PacketsKernel, Counter::BytesKernel, Counter::ErrorsKernel),
    )
}

fn open_files() -> OpenFiles {
    match crate::net::system::open_files() {
        None => OpenFiles::Unknown,
        Some(None) => OpenFiles::Infinite,
        Some(Some(limit)) => OpenFiles::Limit(limit),
    }
}

fn interfaces(figures: &Figures<'_>) -> String {
    let locals = figures.interfaces.locals().iter().zip(&figures.totals.interfaces);
    let rows = locals.map(|(local, totals)| {
        let usage = figures.pools.usage(local.pool);
        let counter = |counter| totals.counter(counter);
        let mean = |sample, divisor: f64| {
            let moments: Moments = totals.sample(sample);
            (moments.count > 0).then(|| moments.mean() / divisor)
        };
        InterfaceRow {
            name: local.name.to_string(),
            address: local.address,
            port_min: usage.min,
            port_max: usage.max,
            used: usage.used(),
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
            mos: mean(Sample::Mos, 10.0),
            packet_loss: mean(Sample::PacketLoss, 1.0),
            jitter: mean(Sample::Jitter, 1.0),
            jitter_measured: mean(Sample::JitterMeasured, 1.0),
            round_trip_end_to_end: mean(Sample::RoundTripEndToEnd, 1.0),
            round_trip_discrete: mean(Sample::RoundTripDiscrete, 1.0),
        }
    });
    listing::interfaces(&rows.collect::<Vec<_>>())
}

/// Asks shards to show calls to a function, and makes the answer of what it found.
fn ask<Q, T>(
    only: Option<String>,
    question: Q,
    how: fn(&Q, &mut Call, Now) -> (Option<T>, Verdict),
    finish: impl FnOnce(Vec<T>) -> String + Send + 'static,
) -> Step
where
    Q: Clone + std::fmt::Debug + Send + 'static,
    T: std::fmt::Debug + Send + 'static,
{
    let survey = move || -> Box<dyn Survey> { Box::new(Look::new(question.clone(), how)) };
    let finish = move |parts: Vec<Box<dyn Any + Send>>| {
        let looks = parts.into_iter().filter_map(|part| part.downcast::<Look<Q, T>>().ok());
        finish(looks.flat_map(|look| look.found()).collect())
    };
    Step::Ask { only, survey: Box::new(survey), finish: Box::new(finish) }
}

fn sessions(which: Sessions) -> Step {
    let finish = move |rows: Vec<SessionRow>| listing::sessions(&which, &rows);
    ask(None, (), |(), call, _| (Some(surveys::row(call)), Verdict::Keep), finish)
}

fn details(id: String) -> Step {
    let finish = {
        let id = id.clone();
        move |found: Vec<CallDetails>| listing::call_or_unknown(&id, found.first())
    };
    ask(Some(id), (), |(), call, now| (Some(surveys::details(call, now)), Verdict::Keep), finish)
}

fn terminate(which: Sessions) -> Step {
    let only = match &which {
        Sessions::Call(id) => Some(id.clone()),
        Sessions::All | Sessions::Own | Sessions::Foreign | Sessions::Recording => None,
    };
    let how = |which: &Sessions, call: &mut Call, _: Now| {
        let has = |flag| call.signalling.flags.contains(flag);
        let meant = match which {
            Sessions::All | Sessions::Call(_) => true,
            Sessions::Own => !has(CallFlags::FOREIGN),
            Sessions::Foreign => has(CallFlags::FOREIGN),
            Sessions::Recording => has(CallFlags::RECORDING),
        };
        if meant { (Some(()), Verdict::Terminate) } else { (None, Verdict::Keep) }
    };
    let finish = {
        let which = which.clone();
        move |found: Vec<()>| listing::terminated(&which, !found.is_empty())
    };
    ask(only, which, how, finish)
}

/// Sets or takes away a mark of every call.
fn mark(flag: CallFlags, on: bool, answer: &'static str) -> Step {
    let how = |(flag, on): &(CallFlags, bool), call: &mut Call, _: Now| {
        call.signalling.flags.set(*flag, *on);
        (None::<()>, Verdict::Keep)
    };
    ask(None, (flag, on), how, move |_| answer.to_owned())
}

fn debug(id: String, on: bool, answer: fn(&str, bool, bool) -> String) -> Step {
    let how = |on: &bool, call: &mut Call, _: Now| {
        call.signalling.flags.set(CallFlags::DEBUG, *on);
        (Some(()), Verdict::Keep)
    };
    let finish = {
        let id = id.clone();
        move |found: Vec<()>| answer(&id, on, !found.is_empty())
    };
    ask(Some(id), on, how, finish)
}

fn call(id: String, action: CallAction) -> Step {
    let unknown = {
        let id = id.clone();
        move || listing::no_such_call(&id)
    };
    match action {
        CallAction::Info => {
            let how = |(): &(), call: &mut Call, now: Now| (Some(surveys::details(call, now)), Verdict::Keep);
            let finish = move |found: Vec<CallDetails>| found.first().map_or_else(unknown, CallDetails::text);
            ask(Some(id), (), how, finish)
        }
        CallAction::Terminate => {
            let finish = {
                let id = id.clone();
                move |found: Vec<()>| if found.is_empty() { unknown() } else { listing::call_terminated(&id) }
            };
            ask(Some(id), (), |(), _, _| (Some(()), Verdict::Terminate), finish)
        }
        CallAction::Debug(on) => debug(id, on, |id, on, found| match found {
            true => listing::debug(id, on, true),
            false => listing::no_such_call(id),
        }),
        CallAction::PartyInfo(tag) => party(id, tag, PartyDetails::text),
        // Players do not exist in this build: the party is looked up and nothing can be set on it.
        CallAction::PartyDelay { tag, .. } | CallAction::PartyDetectDtmf { tag, .. } => {
            party(id, tag, |_| "This build has no audio players.\n".to_owned())
        }
    }
}

/// A command about one party of a call.
fn party(id: String, tag: String, answer: fn(&PartyDetails) -> String) -> Step {
    let how = |(): &(), call: &mut Call, now: Now| (Some(surveys::details(call, now)), Verdict::Keep);
    let finish = {
        let id = id.clone();
        move |found: Vec<CallDetails>| match found.first() {
            None => listing::no_such_call(&id),
            Some(call) => {
                let party = call.parties.iter().find(|party| party.tag == tag);
                party.map_or_else(|| listing::no_such_tag(&tag), answer)
            }
        }
    };
    ask(Some(id), (), how, finish)
}
