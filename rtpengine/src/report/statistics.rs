//! The list of all figures (operations.md 8.2): what `statistics`, `list totals`, `list jsonstats` and Prometheus show.

use super::counters::{Counter, Gauge, InterfaceCounter, Moments, Sample, Totals};
use super::metrics::{Entry, Figure, Metrics, label_value};
use super::rates::PerSecond;
use crate::control::proxies::Proxies;
use crate::flow::ChainFigures;
use crate::net::interfaces::{Interfaces, LocalInterface};
use crate::net::ports::PortPools;
use rtpengine_common::ng::Command;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// What the figures are made of.
pub struct Facts<'a> {
    /// Sums of all counters.
    pub totals: &'a Totals,
    /// Rates of the last second.
    pub rates: PerSecond,
    /// Time since start.
    pub uptime: Duration,
    /// Local addresses.
    pub interfaces: &'a Interfaces,
    /// Their ports.
    pub pools: &'a Arc<PortPools>,
    /// Controlling agents.
    pub proxies: &'a Proxies,
    /// Chains of codecs.
    pub chains: &'a [ChainFigures],
}

/// Builds the list.
pub fn metrics(facts: &Facts<'_>) -> Metrics {
    let mut list = Metrics::default();
    current(&mut list, facts);
    total(&mut list, facts);
    quality(&mut list, facts.totals);
    control(&mut list, facts.proxies);
    interfaces(&mut list, facts);
    transcoders(&mut list, facts.chains);
    threads(&mut list, facts.totals);
    list.open(Some("bufferpools"));
    for pool in ["main", "shared", "static"] {
        // Packets live in two buffers per shard and nowhere else, so there are no pools to show.
        list.open(Some(pool));
        list.push(Entry::new("num_shards", Figure::Integer(0)));
        list.open_list("shards");
        list.close();
        list.close();
    }
    list.close();
    list
}

/// Chains of codecs, and what went through them (codecs.md §21).
fn transcoders(list: &mut Metrics, chains: &[ChainFigures]) {
    list.open_list("transcoders");
    for chain in chains {
        let name = chain.name();
        let labels = format!("chain=\"{}\"", label_value(&name));
        list.open(None);
        list.push(Entry::new("chain", Figure::Text(name)));
        list.push(Entry::new("num", Figure::Integer(chain.handlers)).gauge("transcoders", labels.clone()));
        for (key, rate) in
            ["packetrate", "byterate", "samplerate"].into_iter().zip(chain.rates.into_iter().flatten())
        {
            list.push(Entry::new(key, Figure::Integer(rate)));
        }
        for (key, total) in ["packets", "bytes", "samples"].into_iter().zip(chain.totals) {
            let entry = Entry::new(key, Figure::Integer(total));
            list.push(entry.counter(format!("transcode_{key}_total"), labels.clone()));
        }
        list.close();
    }
    list.close();
}

fn current(list: &mut Metrics, facts: &Facts<'_>) {
    let gauge = |gauge| facts.totals.gauge(gauge);
    let (all, foreign) = (gauge(Gauge::Sessions), gauge(Gauge::ForeignSessions));
    let number = |key, label, value| Entry::new(key, Figure::Integer(value)).label(label);
    list.line("");
    list.heading("Statistics over currently running sessions:");
    list.open(Some("currentstatistics"));
    let own = all.saturating_sub(foreign);
    list.push(number("sessionsown", "Owned sessions", own).gauge("sessions", "type=\"own\""));
    list.push(number("sessionsforeign", "Foreign sessions", foreign).gauge("sessions", "type=\"foreign\""));
    list.push(number("sessionstotal", "Total sessions", all));
    let transcoded = gauge(Gauge::TranscodedMedia);
    list.push(number("transcodedmedia", "Transcoded media", transcoded).gauge("transcoded_media", ""));
    list.push(number("mediacache", "Media cache size", gauge(Gauge::MediaCache)).gauge("media_cache", ""));
    list.push(
        number("playercache", "Player cache size", gauge(Gauge::PlayerCache)).gauge("player_cache", ""),
    );
    let rate = |counter| facts.rates.of(counter);
    let groups = [
        ("packetrate", "Packets", Counter::PacketsUser, Counter::PacketsKernel),
        ("byterate", "Bytes", Counter::BytesUser, Counter::BytesKernel),
        ("errorrate", "Errors", Counter::ErrorsUser, Counter::ErrorsKernel),
    ];
    for (key, label, user, _) in groups {
        list.push(per_second(format!("{key}_user"), label, "userspace", rate(user)));
    }
    for (key, label, _, kernel) in groups {
        list.push(per_second(format!("{key}_kernel"), label, "kernel", rate(kernel)));
    }
    for (key, label, user, kernel) in groups {
        list.push(per_second(key.to_owned(), label, "total", rate(user).saturating_add(rate(kernel))));
    }
    let streams = [
        ("media_userspace", "Userspace-only media streams", Gauge::UserspaceStreams, "userspace"),
        ("media_kernel", "Kernel-only media streams", Gauge::KernelStreams, "kernel"),
        ("media_mixed", "Mixed kernel/userspace media streams", Gauge::KernelUserStreams, "mixed"),
    ];
    for (key, label, which, kind) in streams {
        list.push(number(key, label, gauge(which)).gauge("mediastreams", format!("type=\"{kind}\"")));
    }
    list.close();
    list.line("");
}

fn per_second(key: String, label: &str, kind: &str, rate: u64) -> Entry {
    Entry::new(key, Figure::Integer(rate)).label(format!("{label} per second ({kind})"))
}

fn total(list: &mut Metrics, facts: &Facts<'_>) {
    let counter = |counter| facts.totals.counter(counter);
    list.heading("Total statistics (does not include current running sessions):");
    list.open(Some("totalstatistics"));
    let uptime = facts.uptime.as_secs();
    let entry = Entry::new("uptime", Figure::Quoted(uptime)).label("Uptime of rtpengine");
    list.push(entry.shown(format!("{uptime} seconds")).gauge("uptime_seconds", ""));
    let managed = counter(Counter::ManagedSessions);
    let entry = Entry::new("managedsessions", Figure::Integer(managed)).label("Total managed sessions");
    list.push(entry.counter("sessions_total", ""));
    let closed = [
        ("rejectedsessions", "Total rejected sessions", Counter::RejectedSessions, "rejected"),
        ("timeoutsessions", "Total timed-out sessions via TIMEOUT", Counter::TimeoutSessions, "timeout"),
        (
            "silenttimeoutsessions",
            "Total timed-out sessions via SILENT_TIMEOUT",
            Counter::SilentTimeoutSessions,
            "silent_timeout",
        ),
        (
            "finaltimeoutsessions",
            "Total timed-out sessions via FINAL_TIMEOUT",
            Counter::FinalTimeoutSessions,
            "final_timeout",
        ),
        (
            "offertimeoutsessions",
            "Total timed-out sessions via OFFER_TIMEOUT",
            Counter::OfferTimeoutSessions,
            "offer_timeout",
        ),
        (
            "regularterminatedsessions",
            "Total regular terminated sessions",
            Counter::RegularSessions,
            "terminated",
        ),
        (
            "forcedterminatedsessions",
            "Total forced terminated sessions",
            Counter::ForcedSessions,
            "force_terminated",
        ),
    ];
    for (key, label, which, reason) in closed {
        let entry = Entry::new(key, Figure::Integer(counter(which))).label(label);
        list.push(entry.counter("closed_sessions_total", format!("reason=\"{reason}\"")));
    }
    relayed(list, facts.totals);
    let zero = counter(Counter::NoPacketHalves) / 2;
    let entry = Entry::new("zerowaystreams", Figure::Integer(zero));
    let entry = entry.label("Total number of streams with no relayed packets");
    list.push(entry.counter("zero_packet_streams_total", ""));
    let one_way = Entry::new("onewaystreams", Figure::Integer(counter(Counter::OneWaySessions)));
    list.push(one_way.label("Total number of 1-way streams").counter("one_way_sessions_total", ""));
    durations(list, facts.totals);
    list.close();
    list.line("");
}

fn relayed(list: &mut Metrics, totals: &Totals) {
    let kinds = [
        (
            "_user",
            " (userspace)",
            "userspace",
            [Counter::PacketsUser, Counter::ErrorsUser, Counter::BytesUser],
        ),
        (
            "_kernel",
            " (kernel)",
            "kernel",
            [Counter::PacketsKernel, Counter::ErrorsKernel, Counter::BytesKernel],
        ),
    ];
    let names = [
        ("relayedpackets", "Total relayed packets", "packets_total"),
        ("relayedpacketerrors", "Total relayed packet errors", "packet_errors_total"),
        ("relayedbytes", "Total relayed bytes", "bytes_total"),
    ];
    for (suffix, words, kind, counters) in kinds {
        for ((key, label, name), counter) in names.into_iter().zip(counters) {
            let entry = Entry::new(format!("{key}{suffix}"), Figure::Integer(totals.counter(counter)));
            list.push(entry.label(format!("{label}{words}")).counter(name, format!("type=\"{kind}\"")));
        }
    }
    for (at, (key, label, _)) in names.into_iter().enumerate() {
        let sum =
            kinds.iter().map(|(.., counters)| totals.counter(counters[at])).fold(0, u64::saturating_add);
        list.push(Entry::new(key, Figure::Integer(sum)).label(label));
    }
}

fn durations(list: &mut Metrics, totals: &Totals) {
    let calls = totals.counter(Counter::ManagedSessions) as f64;
    let seconds = totals.counter(Counter::CallDuration) as f64 / 1e6;
    let squares = totals.counter(Counter::CallDuration2) as f64;
    let average = if calls > 0.0 { seconds / calls } else { 0.0 };
    let deviation = match calls > 0.0 {
        true => (squares / calls - (average * 1000.0).powi(2)).abs().sqrt() / 1000.0,
        false => 0.0,
    };
    let figures = [
        ("avgcallduration", "Average call duration", average, "seconds"),
        ("totalcallsduration", "Total calls duration", seconds, "seconds"),
        ("totalcallsduration2", "Total calls duration squared", squares / 1e6, "seconds squared"),
        ("totalcallsduration_stddev", "Total calls duration standard deviation", deviation, "seconds"),
    ];
    for (key, label, value, unit) in figures {
        let entry =
            Entry::new(key, Figure::Decimal(value, 6)).label(label).shown(format!("{value:.6} {unit}"));
        list.push(match key {
            "avgcallduration" => entry.gauge("call_duration_avg", ""),
            "totalcallsduration" => entry.counter("call_duration_total", ""),
            "totalcallsduration2" => entry.counter("call_duration2_total", ""),
            _ => entry,
        });
    }
}

/// A sampled value with its key, its display name and its divisor.
type Sampled = (Sample, &'static str, &'static str, f64);

const MOS: Sampled = (Sample::Mos, "mos", "MOS", 10.0);

const VOIP: [Sampled; 5] = [
    (Sample::Jitter, "jitter", "jitter (reported)", 1.0),
    (Sample::RoundTripEndToEnd, "rtt_e2e", "end-to-end round-trip time", 1.0),
    (Sample::RoundTripDiscrete, "rtt_dsct", "discrete round-trip time", 1.0),
    (Sample::PacketLoss, "packetloss", "packet loss", 1.0),
    (Sample::JitterMeasured, "jitter_measured", "jitter (measured)", 1.0),
];

fn quality(list: &mut Metrics, totals: &Totals) {
    list.heading("MOS statistics:");
    list.open(Some("mos"));
    sampled(list, MOS, totals.sample(Sample::Mos), "", "");
    list.close();
    list.line("");
    list.heading("VoIP metrics:");
    list.open(Some("voip_metrics"));
    for value in VOIP {
        sampled(list, value, totals.sample(value.0), "", "");
    }
    let counters = [
        ("packets_lost", "Packets lost", Counter::PacketsLost),
        ("rtp_duplicates", "Duplicate RTP packets", Counter::RtpDuplicates),
        ("rtp_skips", "RTP sequence skips", Counter::RtpSkips),
        ("rtp_seq_resets", "RTP sequence resets", Counter::RtpSequenceResets),
        ("rtp_reordered", "Out-of-order RTP packets", Counter::RtpReordered),
    ];
    for (key, label, counter) in counters {
        list.push(Entry::new(key, Figure::Integer(totals.counter(counter))).label(label).counter(key, ""));
    }
    list.close();
    list.line("");
}

fn sampled(list: &mut Metrics, value: Sampled, moments: Moments, prefix: &str, labels: &str) {
    let (_, key, name, divisor) = value;
    let decimal = |value| Figure::Decimal(value, 6);
    let total = Entry::new(format!("{key}_total"), decimal(moments.sum / divisor));
    let total = total.label(format!("Sum of all {name} values sampled"));
    list.push(total.counter(format!("{prefix}{key}_total"), labels));
    let squares = Entry::new(format!("{key}2_total"), decimal(moments.squares / (divisor * divisor)));
    let squares = squares.label(format!("Sum of all {name} square values sampled"));
    list.push(squares.counter(format!("{prefix}{key}2_total"), labels));
    let count = Entry::new(format!("{key}_samples_total"), Figure::Integer(moments.count));
    let count = count.label(format!("Total number of {name} samples"));
    list.push(count.counter(format!("{prefix}{key}_samples_total"), labels));
    let average = Entry::new(format!("{key}_average"), decimal(moments.mean() / divisor));
    list.push(average.label(format!("Average {name}")));
    let deviation = Entry::new(format!("{key}_stddev"), decimal(moments.deviation() / (divisor * divisor)));
    list.push(deviation.label(format!("{name} standard deviation")));
}

fn control(list: &mut Metrics, proxies: &Proxies) {
    list.heading("Control statistics:");
    list.open(Some("controlstatistics"));
    let mut row = format!(" {:>20} ", "Proxy");
    for info in Command::ALL {
        let _ = write!(row, "| {:>10} ", info.short_name);
    }
    list.line(row);
    list.open_list("proxies");
    for (address, agent) in proxies.iter() {
        list.open(None);
        list.push(Entry::new("proxy", Figure::Text(address.to_string())));
        let mut row = format!(" {:>20} ", address.to_string());
        for info in Command::ALL {
            let count = agent.requests[info.command as usize];
            let seconds = agent.micros[info.command as usize] as f64 / 1e6;
            let short = info.short_name.to_lowercase();
            let labels = format!("proxy=\"{address}\",request=\"{}\"", info.name);
            let entry = Entry::new(format!("{short}count"), Figure::Integer(count));
            list.push(entry.counter("requests_total", labels.clone()));
            let entry = Entry::new(format!("{short}duration"), Figure::Decimal(seconds, 6));
            list.push(entry.counter("request_seconds_total", labels));
            let _ = write!(row, "| {count:>10} ");
        }
        let errors = Entry::new("errorcount", Figure::Integer(agent.errors));
        list.push(errors.counter("errors_total", format!("proxy=\"{address}\"")));
        list.close();
        list.line(row);
    }
    list.close();
    for info in Command::ALL {
        let key = format!("total{}count", info.short_name.to_lowercase());
        list.push(Entry::new(key, Figure::Integer(proxies.total(info.command))));
    }
    list.close();
    list.line("");
}

/// The local interfaces that listings show: each address once, under the logical interface of its own family.
fn interfaces(list: &mut Metrics, facts: &Facts<'_>) {
    list.open_list("interfaces");
    for (at, local) in facts.interfaces.locals().iter().enumerate() {
        interface(list, facts, at, local);
    }
    list.close();
}

fn interface(list: &mut Metrics, facts: &Facts<'_>, at: usize, local: &LocalInterface) {
    let labels = format!("name=\"{}\",address=\"{}\"", label_value(&local.name), local.address);
    list.open(None);
    list.push(Entry::new("name", Figure::Text(local.name.to_string())));
    list.push(Entry::new("address", Figure::Text(local.address.to_string())));
    let ports = facts.pools.usage(local.pool);
    let number = |key: &'static str, value: u64| Entry::new(key, Figure::Integer(value));
    list.open(Some("ports"));
    list.push(number("min", ports.min.into()));
    list.push(number("max", ports.max.into()));
    list.push(number("used", ports.used().into()).gauge("ports_used", labels.clone()));
    let share = f64::from(ports.used()) * 100.0 / f64::from(ports.total());
    list.push(Entry::new("used_pct", Figure::Decimal(share, 2)));
    list.push(number("free", ports.free.into()).gauge("ports_free", labels.clone()));
    list.push(number("totals", ports.total().into()).gauge("ports", labels.clone()));
    list.close();
    let Some(totals) = facts.totals.interfaces.get(at) else {
        list.close();
        return;
    };
    let counter = |counter| totals.counter(counter);
    let lost = number("packets_lost", counter(InterfaceCounter::PacketsLost));
    list.push(lost.counter("interface_packets_lost", labels.clone()));
    let duplicates = number("duplicates", counter(InterfaceCounter::Duplicates));
    list.push(duplicates.counter("interface_duplicates", labels.clone()));
    list.line("");
    list.heading(format!("VoIP metrics for interface {}/{}:", local.name, local.address));
    list.open(Some("voip_metrics"));
    for value in std::iter::once(MOS).chain(VOIP) {
        sampled(list, value, totals.sample(value.0), "interface_", &labels);
    }
    list.close();
    let directions = [
        (
            "ingress",
            [
                InterfaceCounter::IngressPackets,
                InterfaceCounter::IngressBytes,
                InterfaceCounter::IngressErrors,
            ],
        ),
        (
            "egress",
            [InterfaceCounter::EgressPackets, InterfaceCounter::EgressBytes, InterfaceCounter::EgressErrors],
        ),
    ];
    for (direction, counters) in directions {
        list.open(Some(direction));
        for (key, which) in ["packets", "bytes", "errors"].into_iter().zip(counters) {
            let labels = format!("{labels},direction=\"{direction}\"");
            list.push(number(key, counter(which)).gauge(format!("interface_{key}"), labels));
        }
        list.close();
    }
    list.close();
}

fn threads(list: &mut Metrics, totals: &Totals) {
    list.open_list("poller_threads");
    for (at, thread) in totals.threads.iter().enumerate() {
        let labels = format!("index=\"{at}\",pid=\"{}\",type=\"user\"", thread.number);
        list.open(None);
        list.push(Entry::new("index", Figure::Integer(at as u64)));
        list.push(Entry::new("pid", Figure::Integer(thread.number)));
        let wakeups = Entry::new("wakeups", Figure::Integer(thread.wake_ups));
        list.push(wakeups.counter("poller_wakeups", labels.clone()));
        let items = Entry::new("items", Figure::Integer(thread.events));
        list.push(items.counter("poller_items", labels));
        list.close();
    }
    list.close();
}
