//! `params` (operations.md §6.8): every setting by its historic name, in the historic order. Passwords are shown as `***`.

use std::fmt::{Display, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtpengine_common::log::Subsystem;

use super::tunables::{self, Tunables};
use crate::options::endpoint::{Listen, RedisEndpoint};
use crate::options::words::*;
use crate::options::{MosFormula, PollTick, Settings};

/// What `params` shows, at start-up or now.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    /// What the operator chose.
    pub settings: &'a Settings,
    /// What changes while running.
    pub tunables: &'a Tunables,
    /// Level per subsystem, in the order of [`Subsystem::ALL`].
    pub log_levels: &'a [i32],
    /// Logical name and address of each local interface.
    pub interfaces: &'a [(String, IpAddr)],
}

/// `params start` and `params current`.
pub fn list(values: &Values) -> String {
    let mut out = Lines(String::new());
    for (subsystem, level) in Subsystem::ALL.iter().zip(values.log_levels) {
        out.add(&format!("log-level-{}", subsystem.name()), level);
    }
    integers(&mut out, values);
    booleans(&mut out, values.settings);
    enumerations(&mut out, values.settings);
    long_integers(&mut out, values);
    out.add("max-cpu", format_args!("{:.1}", values.tunables.max_cpu));
    out.add("max-load", format_args!("{:.2}", values.tunables.max_load));
    for (at, (name, address)) in values.interfaces.iter().enumerate() {
        out.add(&format!("interface[{at}]"), format_args!("{name}\\{address}"));
    }
    for (at, keyspace) in values.settings.redis.keyspaces.iter().enumerate() {
        out.add(&format!("keyspace[{at}]"), keyspace);
    }
    strings(&mut out, values.settings);
    endpoints(&mut out, values.settings);
    out.0
}

/// `params diff`; `old` and `new` are the log levels at start-up and now.
pub fn diff(start: &Tunables, now: &Tunables, old: &[i32], new: &[i32]) -> String {
    let levels = Subsystem::ALL.iter().zip(old.iter().zip(new));
    let changed = levels.filter(|(_, (old, new))| old != new);
    let mut out: String = changed
        .map(|(subsystem, (old, new))| format!("log-level-{}: {old} => {new}\n", subsystem.name()))
        .collect();
    out.push_str(&tunables::diff(start, now));
    out
}

/// `params revert`: the tunables that go into force; log levels go back to those at start-up.
pub fn revert(start: &Tunables, now: &Tunables) -> Tunables {
    tunables::revert(start, now)
}

struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{name} = {value}");
    }

    fn text(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.add(name, value),
            None => self.add(name, "(null)"),
        }
    }

    fn secret<T>(&mut self, name: &str, value: Option<T>) {
        self.text(name, value.map(|_| "***"));
    }

    fn endpoint(&mut self, name: &str, value: Option<SocketAddr>) {
        match value {
            Some(address) => self.add(name, address),
            None => self.add(name, ""),
        }
    }
}

fn or_off(value: Option<impl Into<i64>>) -> i64 {
    value.map_or(-1, Into::into)
}

fn seconds(time: Option<Duration>) -> u64 {
    time.map_or(0, |time| time.as_secs())
}

fn database(endpoint: Option<&RedisEndpoint>) -> i32 {
    endpoint.and_then(|endpoint| endpoint.database).unwrap_or(-1)
}

fn integers(out: &mut Lines, values: &Values) {
    let Values { settings, tunables, .. } = *values;
    let Settings { redis, report, ports, threads, kernel, players, media, dtls, control, .. } = settings;
    let hundredths = |value: f64| (value * 100.0).round() as i64;
    out.add("kernel_table", or_off(kernel.table));
    out.add("max_sessions", tunables.max_sessions);
    out.add("moh_max_duration", players.hold.max_duration.map_or(0, |time| time.as_millis()));
    out.add("moh_max_repeats", players.hold.max_repeats);
    out.add("redis_expires_secs", redis.expires.as_secs());
    out.add("default_tos", ports.tos);
    out.add("control_tos", tunables.control_tos);
    out.add("graphite_interval", seconds(report.graphite.as_ref().map(|graphite| graphite.interval)));
    out.add("graphite_timeout", seconds(report.graphite.as_ref().and_then(|graphite| graphite.timeout)));
    out.add("redis_num_threads", redis.threads);
    let homer = report.homer.as_ref();
    out.add("homer_protocol", homer.map_or(HomerProtocol::Udp, |homer| homer.protocol) as u8);
    out.add("homer_id", homer.map_or(0, |homer| homer.id));
    out.add("homer_ng_capt_proto", homer.map_or(0, |homer| homer.ng_protocol));
    out.add("port_min", ports.min);
    out.add("port_max", ports.max);
    out.add("redis_db", database(redis.main.as_ref()));
    out.add("redis_write_db", database(redis.write.as_ref()));
    out.add("redis_subscribe_db", database(redis.subscribe.as_ref()));
    out.add("redis_allowed_errors", tunables.redis_allowed_errors);
    out.add("redis_cmd_timeout", tunables.redis_command_timeout.as_millis());
    out.add("redis_connect_timeout", tunables.redis_connect_timeout.as_millis());
    // Deleting records in batches is not done here: a call's record goes with the call.
    out.add("redis_delete_async", 0);
    out.add("redis_delete_async_interval", 0);
    let keepalive = redis.keepalive.as_ref();
    out.add("redis_tcp_keepalive_time", seconds(keepalive.map(|keepalive| keepalive.idle)));
    out.add("redis_tcp_keepalive_intvl", seconds(keepalive.map(|keepalive| keepalive.interval)));
    out.add("redis_tcp_keepalive_probes", keepalive.map_or(0, |keepalive| keepalive.probes));
    out.add("num_threads", threads.media);
    out.add("media_num_threads", threads.playback);
    out.add("codec_num_threads", threads.codec);
    out.add("kernel_num_threads", kernel.threads.unwrap_or(threads.media));
    out.add("kernel_slots", kernel.slots);
    out.add("nftables_family", kernel.nftables.as_ref().map_or(0, |nftables| nftables.families as u8));
    out.add("load_limit", hundredths(tunables.max_load));
    out.add("cpu_limit", hundredths(tunables.max_cpu));
    out.add("priority", threads.scheduling.priority);
    out.add("idle_priority", threads.idle_scheduling.priority);
    out.add("mysql_port", players.database.port.unwrap_or(0));
    out.add("dtmf_digit_delay", report.dtmf.digit_delay.as_millis());
    out.add("jb_length", media.jitter_buffer.packets);
    let (least, most) = media.jitter_buffer.adaptive.unwrap_or_default();
    out.add("jb_adaptive_min", least.as_millis());
    out.add("jb_adaptive_max", most.as_millis());
    out.add("dtls_rsa_key_size", dtls.rsa_bits);
    out.add("dtls_mtu", dtls.mtu);
    out.add("http_threads", control.http.threads);
    out.add("dtx_buffer", settings.dtx.buffer);
    out.add("kernel_player", kernel.players);
    out.add("kernel_player_media", kernel.player_media);
    out.add("audio_buffer_length", media.audio_buffer.as_millis());
    out.add("audio_buffer_delay", media.audio_delay.as_millis());
    let mqtt = report.mqtt.as_ref();
    out.add("mqtt_port", mqtt.map_or(0, |mqtt| mqtt.port));
    out.add("mqtt_keepalive", seconds(mqtt.map(|mqtt| mqtt.keepalive)));
    out.add("mqtt_publish_qos", mqtt.map_or(0, |mqtt| mqtt.qos));
    out.add("cpu_affinity", ports.cpu_affinity);
    out.add("max_recv_iters", ports.max_receive);
    out.add("media_refresh", seconds(players.files.reload));
    out.add("db_refresh", seconds(players.database_media.reload));
    out.add("cache_refresh", seconds(players.database_cache.reload));
    out.add("expiry_timer", seconds(players.expiry_interval));
    out.add("timer_accuracy", threads.timer_accuracy.as_micros());
    out.add("ng_client_timeout", control.client_timeout.as_millis());
    out.add("ng_client_retries", control.client_attempts);
    out.add("http_buf_size", control.http.buffer_kb.unwrap_or(0));
    out.add("http_keepalive_timeout", control.http.idle_timeout.as_secs());
    out.add(
        "poll_tick",
        match threads.poll_tick {
            PollTick::Never => 0,
            PollTick::Fixed(tick) => i64::try_from(tick.as_micros()).unwrap_or(i64::MAX),
            PollTick::Adaptive => -1,
        },
    );
}

fn booleans(out: &mut Lines, settings: &Settings) {
    let Settings { redis, report, kernel, media, players, dtx, recording, .. } = settings;
    let nftables = kernel.nftables.as_ref();
    let (egress, both) = recording.as_ref().map_or((false, false), |recording| {
        (recording.egress && !recording.ingress, recording.egress && recording.ingress)
    });
    for (name, value) in [
        ("homer_rtcp_off", report.homer.as_ref().is_some_and(|homer| !homer.rtcp)),
        ("homer_ng_on", report.homer.as_ref().is_some_and(|homer| homer.ng)),
        ("no_fallback", kernel.no_fallback),
        ("reject_invalid_sdp", media.reject_invalid_sdp),
        ("save_interface_ports", settings.ports.first_address_only),
        ("no_redis_required", redis.not_required),
        ("active_switchover", redis.active_switchover),
        ("rec_egress", egress),
        ("rec_both", both),
        ("xtables", nftables.is_some_and(|nftables| nftables.xtables)),
        ("nftables_append", nftables.is_some_and(|nftables| nftables.append)),
        ("log_keys", settings.log.srtp_keys),
        ("dtmf_via_ng", report.dtmf.ng_tcp),
        ("dtmf_no_suppress", report.dtmf.no_suppress),
        ("dtmf_no_log_injects", !report.dtmf.log_injects),
        ("jb_clock_drift", media.jitter_buffer.clock_drift),
        ("jb_adaptive", media.jitter_buffer.adaptive.is_some()),
        ("player_cache", players.cache),
        // Every media thread always has a poller of its own.
        ("poller_per_thread", true),
        ("redis_resolve_on_reconnect", redis.resolve_on_reconnect),
        ("measure_rtp", media.measure_rtp),
        ("amr_cn_dtx", dtx.amr == DtxMethod::Cn),
        ("evs_cn_dtx", dtx.evs == DtxMethod::Cn),
        ("moh_prevent_double_hold", players.hold.prevent_double),
    ] {
        out.add(name, u8::from(value));
    }
}

fn enumerations(out: &mut Lines, settings: &Settings) {
    let Settings { media, dtls, redis, report, .. } = settings;
    let scope = report.mqtt.as_ref().map_or(MqttScope::Global, |mqtt| mqtt.scope);
    for (name, value) in [
        // 0 = as the system does
        ("control_pmtu", settings.control.pmtu.map_or(0, |pmtu| pmtu as u8 + 1)),
        ("fmt", report.xmlrpc.as_ref().map_or(0, |xmlrpc| xmlrpc.format)),
        ("log_format", settings.log.format as u8),
        ("redis_format", redis.format as u8),
        ("endpoint_learning", media.endpoint_learning as u8),
        ("dtls_cert_cipher", dtls.cert_cipher as u8),
        ("dtls_signature", dtls.signature as u8),
        ("use_audio_player", media.audio_player as u8),
        ("mqtt_publish_scope", scope as u8),
        (
            "mos",
            match media.mos {
                MosFormula::G107 => 0,
                MosFormula::Legacy => 1,
                MosFormula::G1072 => 2,
            },
        ),
        ("ssrc_reporting", media.ssrc_reporting as u8),
    ] {
        out.add(name, value);
    }
}

fn long_integers(out: &mut Lines, values: &Values) {
    let Values { settings, tunables, .. } = *values;
    let Settings { players, dtx, report, .. } = settings;
    out.add("bw_limit", tunables.max_bandwidth);
    for (name, time) in [
        ("silent_timeout_us", tunables.silent_timeout),
        ("timeout_us", tunables.timeout),
        ("final_timeout_us", tunables.final_timeout),
        ("offer_timeout_us", tunables.offer_timeout),
        ("delete_delay_us", tunables.delete_delay),
        ("media_files_expire_us", players.files.expire.unwrap_or_default()),
        ("db_cache_expire_us", players.database_cache.expire.unwrap_or_default()),
        ("db_media_expire_us", players.database_media.expire.unwrap_or_default()),
        ("rtcp_interval_us", settings.media.rtcp_interval),
        ("redis_disable_time_us", tunables.redis_disable_time),
        ("mqtt_publish_interval_us", report.mqtt.as_ref().map_or(Duration::ZERO, |mqtt| mqtt.interval)),
        ("dtx_delay_us", dtx.delay),
        ("dtx_shift_us", dtx.shift),
        ("dtx_lag_us", dtx.lag),
        ("max_dtx_us", dtx.max),
    ] {
        out.add(name, time.as_micros());
    }
}

fn strings(out: &mut Lines, settings: &Settings) {
    let Settings { redis, report, kernel, threads, players, control, recording, .. } = settings;
    let host = |endpoint: &Option<RedisEndpoint>| endpoint.as_ref().map(|endpoint| endpoint.host.clone());
    let password =
        |endpoint: &Option<RedisEndpoint>| endpoint.as_ref().and_then(|endpoint| endpoint.password.clone());
    out.text("b2b_url", report.xmlrpc.as_ref().map(|xmlrpc| &xmlrpc.url));
    out.secret("redis_auth", password(&redis.main));
    out.secret("redis_write_auth", password(&redis.write));
    out.secret("redis_subscribe_auth", password(&redis.subscribe));
    out.text("redis_hostname", host(&redis.main));
    out.text("redis_write_hostname", host(&redis.write));
    out.text("redis_subscribe_hostname", host(&redis.subscribe));
    out.text("moh_attr_name", players.hold.attribute.as_ref());
    let recording = recording.as_ref();
    out.text("spooldir", recording.map(|recording| recording.directory.display()));
    out.text("rec_method", recording.map(|recording| recording.method.word()));
    out.text("rec_format", recording.map(|recording| recording.format.word()));
    out.text("iptables_chain", kernel.iptables_chain.as_ref());
    let nftables = kernel.nftables.as_ref();
    out.text("nftables_chain", nftables.map(|nftables| &nftables.chain));
    out.text("nftables_base_chain", nftables.map(|nftables| &nftables.base_chain));
    out.text("scheduling", threads.scheduling.policy.map(crate::options::Policy::word));
    out.text("idle_scheduling", threads.idle_scheduling.policy.map(crate::options::Policy::word));
    out.text("mysql_host", players.database.host.as_ref());
    out.text("mysql_user", players.database.user.as_ref());
    out.secret("mysql_pass", players.database.password.as_ref());
    out.text("mysql_query", players.database.query.as_ref());
    out.text("dtls_ciphers", Some(&settings.dtls.ciphers));
    out.text("https_cert", control.http.certificate.as_ref().map(|path| path.display()));
    out.text("https_key", control.http.key.as_ref().map(|path| path.display()));
    out.text("software_id", Some(&settings.general.software_id));
    let mqtt = report.mqtt.as_ref();
    out.text("mqtt_host", mqtt.map(|mqtt| &mqtt.host));
    out.text("mqtt_tls_alpn", mqtt.and_then(|mqtt| mqtt.alpn.as_ref()));
    out.text("mqtt_id", mqtt.and_then(|mqtt| mqtt.id.as_ref()));
    out.text("mqtt_user", mqtt.and_then(|mqtt| mqtt.user.as_ref()));
    out.secret("mqtt_pass", mqtt.and_then(|mqtt| mqtt.password.as_ref()));
    out.text("mqtt_cafile", mqtt.and_then(|mqtt| mqtt.ca_file.as_ref()).map(|path| path.display()));
    out.text("mqtt_capath", mqtt.and_then(|mqtt| mqtt.ca_path.as_ref()).map(|path| path.display()));
    out.text("mqtt_certfile", mqtt.and_then(|mqtt| mqtt.certificate.as_ref()).map(|path| path.display()));
    out.text("mqtt_keyfile", mqtt.and_then(|mqtt| mqtt.key.as_ref()).map(|path| path.display()));
    out.text("mqtt_publish_topic", mqtt.and_then(|mqtt| mqtt.topic.as_ref()));
    out.secret("janus_secret", control.janus_secret.as_ref());
    out.text("db_media_cache", players.cache_directory.as_ref().map(|path| path.display()));
}

fn endpoints(out: &mut Lines, settings: &Settings) {
    let Settings { redis, report, control, .. } = settings;
    out.endpoint("graphite_ep", report.graphite.as_ref().map(|graphite| graphite.server));
    for (name, endpoint) in [
        ("redis_ep", &redis.main),
        ("redis_write_ep", &redis.write),
        ("redis_subscribe_ep", &redis.subscribe),
    ] {
        match endpoint {
            Some(endpoint) => out.add(name, format_args!("{}:{}", endpoint.host, endpoint.port)),
            None => out.add(name, ""),
        }
    }
    out.endpoint("homer_ep", report.homer.as_ref().map(|homer| homer.server));
    out.endpoint("dtmf_udp_ep", report.dtmf.destination);
    for (name, list) in [
        ("tcp_listen_ep", &control.tcp),
        ("udp_listen_ep", &control.udp),
        ("ng_listen_ep", &control.ng),
        ("ng_tcp_listen_ep", &control.ng_tcp),
        ("cli_listen_ep", &control.cli),
    ] {
        for Listen { addresses, .. } in list {
            for address in addresses {
                out.add(name, address);
            }
        }
    }
}
