//! Every option of the daemon, declared once (spec/operations.md §3.2; recording.md §22.2; rtpproxy.md §17;
//! design/packet-path.md for `poll-tick`).
//!
//! A row feeds the command line, `--help`, the configuration file, the checks, the manual page and the sample
//! configuration. A row marked `not_yet` is accepted and checked, and using it logs a warning.

use std::sync::LazyLock;

use rtpengine_common::log::{ContextFormat, Subsystem};
use rtpengine_common::options::OptionDef;

use super::words::*;

const ANY_POSITIVE: i64 = i32::MAX as i64;

/// The table, in the order of the help text.
pub fn table() -> &'static [OptionDef] {
    static TABLE: LazyLock<Vec<OptionDef>> = LazyLock::new(|| {
        let sections = SECTIONS.iter();
        sections.flat_map(|(heading, options)| expand(options).map(|option| option.under(heading))).collect()
    });
    &TABLE
}

/// A section's rows, with the levels of the log subsystems after `log-level`.
fn expand(options: &'static [OptionDef]) -> impl Iterator<Item = OptionDef> {
    options.iter().flat_map(|option| {
        let subsystems = if option.long == "log-level" { Subsystem::ALL } else { &[] };
        std::iter::once(*option).chain(subsystems.iter().map(|subsystem| {
            let default = if *subsystem == Subsystem::Internals { -1 } else { 0 };
            let row = OptionDef::int(subsystem.option(), default, subsystem.help());
            if default == 0 { row.default_is("0, the value of log-level") } else { row }
        }))
    })
}

static SECTIONS: &[(&str, &[OptionDef])] = &[
    ("General", GENERAL),
    ("Logging", LOGGING),
    ("Kernel and firewall", KERNEL),
    ("Interfaces and ports", INTERFACES),
    ("Control listeners", CONTROL),
    ("Timeouts and limits", LIMITS),
    ("Threads", THREADS),
    ("Media handling", MEDIA),
    ("Recording", RECORDING),
    ("Encryption", ENCRYPTION),
    ("Comfort noise and discontinuous transmission", DTX),
    ("Players and media files", PLAYERS),
    ("Redis", REDIS),
    ("Reporting", REPORTING),
    ("MQTT", MQTT),
    ("rtpproxy protocol", RTPPROXY),
];

const GENERAL: &[OptionDef] = &[
    OptionDef::flag("version", "Print the version on standard error and exit").short('v').command_line_only(),
    OptionDef::file("config-file", "Configuration file; 'none' reads no file")
        .default_is(super::DEFAULT_CONFIG_FILE)
        .command_line_only(),
    OptionDef::text_or("config-section", "rtpengine", "Section of the configuration file to read")
        .command_line_only(),
    OptionDef::file("pidfile", "Write the process id and a newline to this file").short('p'),
    OptionDef::flag("foreground", "Stay in the foreground instead of forking").short('f'),
    OptionDef::flag("codecs", "Print what can be done with each codec and exit").command_line_only(),
    OptionDef::text("software-id", "Name of this program in SDP, RTCP and STUN; characters other than letters, digits and '-' become '-'")
        .default_is("rtpengine-VERSION"),
    OptionDef::file("evs-lib-path", "Shared object with the EVS reference codec").not_yet(),
    OptionDef::file("codec-chain-lib-path", "Shared object of the codec-chain accelerator")
        .without_effect("the codec-chain library is not supported"),
    OptionDef::int("codec-chain-runners", 2, "Runners per codec chain")
        .without_effect("the codec-chain library is not supported"),
    OptionDef::int("codec-chain-concurrency", 256, "Concurrent jobs per codec-chain runner")
        .without_effect("the codec-chain library is not supported"),
    OptionDef::int("codec-chain-async", 0, "Asynchronous codec-chain threads")
        .without_effect("the codec-chain library is not supported"),
    OptionDef::flag("codec-chain-nonblock", "Do not wait for the codec-chain library")
        .without_effect("the codec-chain library is not supported"),
    OptionDef::int("codec-chain-interval", 10_000, "Interval of the codec-chain runners in microseconds")
        .without_effect("the codec-chain library is not supported"),
    OptionDef::int("codec-chain-opus-application", 0, "Opus application of the codec-chain library")
        .without_effect("the codec-chain library is not supported"),
    OptionDef::int("codec-chain-opus-complexity", 10, "Opus complexity of the codec-chain library, 0 to 10")
        .range(0, 10, "Invalid value for --codec-chain-opus-complexity ({}); give 0 to 10")
        .without_effect("the codec-chain library is not supported"),
];

const LOGGING: &[OptionDef] = &[
    OptionDef::text_or("log-facility", "daemon", "Syslog facility").value("daemon|local0|...|local7"),
    OptionDef::int("log-level", 6, "Log records up to this level, 0 (emergency) to 7 (debug)").short('L'),
    OptionDef::flag("log-stderr", "Log to standard error instead of syslog").short('E'),
    OptionDef::flag("split-logs", "Write one log record per line of a message of several lines"),
    OptionDef::int(
        "max-log-line-length",
        0,
        "Break log records longer than this many bytes; negative = never",
    )
    .default_is("0: 500 for syslog, unlimited for standard error"),
    OptionDef::flag("no-log-timestamps", "Leave out the time of log records on standard error"),
    OptionDef::text_or("log-name", "rtpengine", "Name of the program in syslog"),
    OptionDef::text(
        "log-mark-prefix",
        "Put in front of sensitive values in the log: call-ids, tags, addresses of peers, message bodies",
    ),
    OptionDef::text("log-mark-suffix", "Put behind sensitive values in the log"),
    OptionDef::text("log-facility-cdr", "Syslog facility for one line per ended call")
        .value("daemon|local0|...|local7")
        .default_is("off"),
    OptionDef::text("log-facility-rtcp", "Syslog facility for one line per RTCP packet")
        .value("daemon|local0|...|local7")
        .default_is("off"),
    OptionDef::text("log-facility-dtmf", "Syslog facility for one JSON line per DTMF event")
        .value("daemon|local0|...|local7")
        .default_is("off"),
    OptionDef::text_or("log-format", "default", "How the call is named in log records")
        .words(ContextFormat::WORDS, "Invalid --log-format option"),
    OptionDef::flag("log-srtp-keys", "Log SRTP keys at error level instead of debug"),
    OptionDef::flag("debug-srtp", "Set the level of subsystem srtp to 7"),
];

const KERNEL: &[OptionDef] = &[
    OptionDef::int("table", -1, "Kernel forwarding table; negative = forward in user space only").short('t').not_yet(),
    OptionDef::flag("no-fallback", "Refuse to start without kernel forwarding").short('F'),
    OptionDef::text("iptables-chain", "Existing chain that gets an ACCEPT rule per media port").not_yet(),
    OptionDef::text("nftables-chain", "Chain managed by the daemon; empty = manage nothing")
        .default_is("rtpengine_TABLE")
        .not_yet(),
    OptionDef::text_or("nftables-base-chain", "INPUT", "Chain that jumps to the managed one; empty = make the managed one a base chain, 'none' = no jump rule")
        .not_yet(),
    OptionDef::flag("nftables-append", "Append the jump rule instead of inserting it").not_yet(),
    OptionDef::text("nftables-family", "Address families of the rules: ip, ip6, 'ip,ip6' or inet")
        .default_is("both ip and ip6")
        .not_yet(),
    OptionDef::flag("xtables", "Use the x_tables target in the rule").not_yet(),
    OptionDef::flag("nftables-start", "Set the rules up and exit").command_line_only().not_yet(),
    OptionDef::flag("nftables-stop", "Remove the rules and exit").command_line_only().not_yet(),
    OptionDef::flag("nftables-status", "Say whether the rules are present and exit: status 0 yes, 1 no").command_line_only().not_yet(),
    OptionDef::int("kernel-slots", 0, "Slots of the kernel ring buffers; 0 = not used").not_yet(),
    OptionDef::int("kernel-num-threads", -1, "Threads for the kernel ring buffers").default_is("num-threads").not_yet(),
    OptionDef::int("kernel-player", 0, "Most streams played by the kernel").not_yet(),
    OptionDef::int("kernel-player-media", 128, "Most media files held by the kernel").not_yet(),
];

const INTERFACES: &[OptionDef] = &[
    OptionDef::list("interface", "[NAME/]ADDR[!ADV]", "Local interface for media: address, system interface, 'any' or host name, with an advertised address; ALIAS=NAME makes an alias")
        .short('i'),
    OptionDef::text("interfaces-config", "Prefix of configuration sections that describe one interface each"),
    OptionDef::flag("save-interface-ports", "Open ports only on the first address of the wanted family").short('S'),
    OptionDef::int("port-min", 30_000, "Lowest media port")
        .short('m')
        .range(1, 65535, "Invalid RTP port range: --port-min must be between 1 and 65535"),
    OptionDef::int("port-max", 39_999, "Highest media port")
        .short('M')
        .range(1, 65535, "Invalid RTP port range: --port-max must be between 1 and 65535"),
    OptionDef::int("socket-cpu-affinity", 0, "Bind the incoming traffic of calls to processors, round robin below this number; negative = number of processors"),
    OptionDef::int("max-recv-iters", 50, "Packets read from a socket per wake-up")
        .range(1, ANY_POSITIVE, "Invalid max-recv-iters value"),
    OptionDef::int("tos", 0, "Type of service of media packets, 0 to 255")
        .short('T')
        .range(0, 255, "Invalid TOS value"),
];

const CONTROL: &[OptionDef] = &[
    OptionDef::list("listen-ng", "[ADDR:]PORT", "UDP port for the ng protocol").short('n'),
    OptionDef::list("listen-tcp-ng", "[ADDR:]PORT", "TCP port for the ng protocol").short('N'),
    OptionDef::list("listen-cli", "[ADDR:]PORT", "TCP port for the text command line").short('c'),
    OptionDef::list("listen-tcp", "[ADDR:]PORT", "TCP port for the old mediaproxy protocol")
        .short('l')
        .not_yet(),
    OptionDef::list("listen-udp", "[ADDR:]PORT", "UDP port for the protocol of SIP proxies' rtpproxy module")
        .short('u')
        .not_yet(),
    OptionDef::list("listen-http", "[ADDR:]PORT", "TCP port for HTTP and WebSocket"),
    OptionDef::list("listen-https", "[ADDR:]PORT", "TCP port for HTTPS and secure WebSocket"),
    OptionDef::file("https-cert", "Certificate for HTTPS in PEM form"),
    OptionDef::file("https-key", "Key for HTTPS in PEM form").default_is("the https-cert file"),
    OptionDef::int("http-threads", 0, "Threads that answer HTTP requests").default_is("num-threads"),
    OptionDef::int("http-buf-size", 0, "Longest head of an HTTP request, in kB").default_is("0: 64 kB"),
    OptionDef::int("http-idle-timeout", 0, "Close idle HTTP connections after this many seconds")
        .default_is("0: 5 s")
        .range(0, ANY_POSITIVE, "Option 'http-idle-timeout' must be >= 0"),
    OptionDef::int("control-tos", 0, "Type of service of ng replies, 0 to 255").range(
        0,
        255,
        "Invalid control-ng TOS value",
    ),
    OptionDef::text("control-pmtu", "Path-MTU discovery on ng sockets; one of: want, dont")
        .default_is("as the system does"),
    OptionDef::int("ng-client-timeout", 50, "First time-out of ng requests sent to other relays, in ms")
        .range(1, ANY_POSITIVE, "Invalid value for 'ng-client-timeout'")
        .not_yet(),
    OptionDef::int("ng-client-retries", 5, "Attempts of ng requests sent to other relays")
        .range(1, ANY_POSITIVE, "Invalid value for 'ng-client-retries'")
        .not_yet(),
    OptionDef::text("templates", "Section of the configuration file with signalling templates"),
    OptionDef::text("janus-secret", "Admin secret of the Janus interface").not_yet(),
];

const LIMITS: &[OptionDef] = &[
    OptionDef::int("timeout", 60, "End a call when no stream got media for this many seconds")
        .short('o')
        .at_least_or_default(1),
    OptionDef::int("silent-timeout", 3600, "The same for muted or inactive streams")
        .short('s')
        .at_least_or_default(1),
    OptionDef::int("final-timeout", 0, "End every call this many seconds after its creation; 0 = never")
        .short('a')
        .at_least_or_default(0),
    OptionDef::int("offer-timeout", 3600, "End a call that was not answered after this many seconds")
        .at_least_or_default(1),
    OptionDef::int("delete-delay", 30, "Seconds between a delete request and the end of the call")
        .short('d')
        .range(0, ANY_POSITIVE, "Invalid negative delete-delay"),
    OptionDef::int("max-sessions", -1, "Refuse new calls beyond this number; 0 = all, -1 = no limit"),
    OptionDef::float("max-load", 0.0, "Refuse new calls at this 1-minute load average; 0 = no limit"),
    OptionDef::float("max-cpu", 0.0, "Refuse new calls at this processor use in percent; 0 = no limit"),
    OptionDef::int64(
        "max-bandwidth",
        0,
        "Refuse new calls at this many received bytes per second; 0 = no limit",
    ),
];

const THREADS: &[OptionDef] = &[
    OptionDef::int("num-threads", 0, "Threads that forward media (shards)").default_is("processors, at least 4"),
    OptionDef::int("media-num-threads", -1, "0 = no playback; any other number has no effect").default_is("num-threads"),
    OptionDef::int("codec-num-threads", 0, "Threads for transcoding beside the media threads; 0 = the media threads transcode"),
    OptionDef::flag("poller-per-thread", "One poller per thread").without_effect("every media thread always has a poller of its own"),
    OptionDef::int("poller-size", 128, "Events taken per poll").at_least_or_default(1),
    OptionDef::int("poll-tick", -1, "Gather the packets of up to this many microseconds before working on them: saves processor time, adds up to as much delay; 0 = never")
        .default_is("-1: up to 1000, adapted to the load")
        .range(-1, 20_000, "Invalid --poll-tick value ({}); give 0 to 20000 microseconds, or -1 to adapt to the load"),
    OptionDef::flag("io-uring", "Use io_uring").without_effect("media sockets are polled with epoll"),
    OptionDef::int("io-uring-buffers", 16_384, "Buffers for io_uring")
        .range(0, ANY_POSITIVE, "Invalid value for --io-uring-buffers")
        .without_effect("media sockets are polled with epoll"),
    OptionDef::int("thread-stack", 2048, "Stack of each thread in kB; -1 = as the system does"),
    OptionDef::int("timer-accuracy", 500, "Accuracy of media timers in microseconds")
        .range(0, ANY_POSITIVE, "Invalid --timer-accuracy value ({})")
        .not_yet(),
    OptionDef::text("scheduling", "Scheduling policy of the media threads: default, none, fifo, rr, other, batch or idle"),
    OptionDef::int("priority", 0, "Priority of the media threads: 1 to 99 for fifo and rr, else a nice value"),
    OptionDef::text("idle-scheduling", "Scheduling policy of timers and housekeeping"),
    OptionDef::int("idle-priority", 0, "Priority of timers and housekeeping"),
];

const MEDIA: &[OptionDef] = &[
    OptionDef::text_or(
        "endpoint-learning",
        "heuristic",
        "How the address of a peer is learned from its packets",
    )
    .words(EndpointLearning::WORDS, "Invalid --endpoint-learning option ('{}')"),
    OptionDef::flag(
        "ice-consent",
        "Stop sending to an ICE peer that has not answered checks for 30 seconds (RFC 7675)",
    ),
    OptionDef::int(
        "ice-keepalive",
        0,
        "Send STUN indications to idle ICE peers every so many seconds; 0 = do not",
    )
    .range(0, 3600, "Invalid --ice-keepalive ({})"),
    OptionDef::flag("sip-source", "Send media to the address the SIP message came from by default"),
    OptionDef::flag("reject-invalid-sdp", "Refuse broken SDP instead of passing it through"),
    OptionDef::list("mos", "WORD", "MOS formula: CQ or LQ; legacy, G.107 or G.107.2")
        .default_is("CQ;G.107")
        .words(MosOption::WORDS, "Invalid --mos option ('{}')"),
    OptionDef::flag("measure-rtp", "Measure jitter and loss from RTP for the statistics"),
    OptionDef::text_or("ssrc-reporting", "full", "Which SSRC statistics query replies carry")
        .words(SsrcReporting::WORDS, "Invalid --ssrc-reporting option ('{}')"),
    OptionDef::int(
        "rtcp-interval",
        5000,
        "Interval of generated RTCP in ms; a random part of up to 1 s is added",
    )
    .at_least_or_default(1),
    OptionDef::int("jitter-buffer", 0, "Packets in the jitter buffer; 0 = none").range(
        0,
        ANY_POSITIVE,
        "Invalid negative jitter buffer size",
    ),
    OptionDef::flag("jb-clock-drift", "Compensate clock drift in the jitter buffer"),
    OptionDef::flag("jb-adaptive", "Adapt the delay of the jitter buffer"),
    OptionDef::int("jb-adaptive-min", 0, "Smallest adaptive delay in ms").range(
        0,
        ANY_POSITIVE,
        "Invalid negative --jb-adaptive-min ({})",
    ),
    OptionDef::int("jb-adaptive-max", 0, "Largest adaptive delay in ms, at most 1000")
        .default_is("300 with jb-adaptive"),
    OptionDef::text("transcode-config", "Prefix of configuration sections with transcoding preferences"),
    OptionDef::int("audio-buffer-length", 500, "Audio buffer of the mixing player in ms"),
    OptionDef::int("audio-buffer-delay", 5, "Delay of the mixing player in ms"),
    OptionDef::text_or("audio-player", "on-demand", "When the mixing player is put into a call")
        .words(AudioPlayer::WORDS, "Invalid --audio-player option ('{}')"),
    OptionDef::flag("rtp-double", "Send small packets twice").not_yet(),
];

const RECORDING: &[OptionDef] = &[
    OptionDef::file("recording-dir", "Spool directory for recordings")
        .default_is("none: no recording")
        .not_yet(),
    OptionDef::text_or("recording-method", "pcap", "Who stores packets: pcap, proc or all").not_yet(),
    OptionDef::text_or("recording-format", "raw", "Link layer of pcap files: raw or eth").not_yet(),
    OptionDef::flag("record-egress", "Record packets as sent instead of as received").not_yet(),
    OptionDef::flag("record-both", "Record packets as received and as sent").not_yet(),
    OptionDef::text("vsc-start-rec", "DTMF code that starts recording").not_yet(),
    OptionDef::text("vsc-stop-rec", "DTMF code that stops recording").not_yet(),
    OptionDef::text("vsc-start-stop-rec", "DTMF code that starts or stops recording").not_yet(),
    OptionDef::text("vsc-pause-rec", "DTMF code that pauses recording").not_yet(),
    OptionDef::text("vsc-pause-resume-rec", "DTMF code that pauses or resumes recording").not_yet(),
    OptionDef::text("vsc-start-pause-resume-rec", "DTMF code that starts, pauses or resumes recording")
        .not_yet(),
    OptionDef::text_or("recording-sink", "auto", "Where recorded packets are handed over with method proc")
        .words(RecordingSink::WORDS, "Invalid --recording-sink option ('{}'); give auto, kernel or user")
        .not_yet(),
    OptionDef::int("recording-sink-segment", 256, "Segment size of the user-space sink in KiB")
        .range(
            1,
            ANY_POSITIVE,
            "Invalid --recording-sink-segment value ({}); give the segment size in KiB, at least 1",
        )
        .not_yet(),
    OptionDef::int("recording-sink-buffer", 8, "Buffer of the user-space sink per media thread in MiB")
        .range(
            1,
            ANY_POSITIVE,
            "Invalid --recording-sink-buffer value ({}); give the buffer size in MiB, at least 1",
        )
        .not_yet(),
    OptionDef::int(
        "recording-sink-reserve",
        -1,
        "Free space the user-space sink leaves on its file system in MiB",
    )
    .default_is("the larger of 64 MiB and 2 % of the file system")
    .not_yet(),
    OptionDef::int(
        "recording-sink-max",
        0,
        "Most space the user-space sink takes in MiB; 0 = only the reserve limits",
    )
    .range(0, ANY_POSITIVE, "Invalid --recording-sink-max value ({}); give MiB, or 0 for no limit of its own")
    .not_yet(),
    OptionDef::int("recording-sink-expire", 86_400, "Remove what nobody collected after this many seconds")
        .range(0, ANY_POSITIVE, "Invalid --recording-sink-expire value ({}); give seconds")
        .not_yet(),
    OptionDef::flag("recording-fifos", "Offer recorded streams as named pipes").not_yet(),
];

const ENCRYPTION: &[OptionDef] = &[
    OptionDef::flag("dtls-passive", "Take the passive DTLS role wherever the peer leaves the choice"),
    OptionDef::int("dtls-rsa-key-size", 2048, "Bits of RSA keys").range(
        0,
        ANY_POSITIVE,
        "Invalid --dtls-rsa-key-size ({})",
    ),
    OptionDef::text_or("dtls-cert-cipher", "prime256v1", "Key type of the DTLS certificate")
        .words(DtlsCertCipher::WORDS, "Invalid --dtls-cert-cipher option ('{}')"),
    OptionDef::int("dtls-mtu", 1200, "Largest DTLS datagram in bytes").range(
        576,
        ANY_POSITIVE,
        "Invalid --dtls-mtu ({})",
    ),
    OptionDef::text_or(
        "dtls-ciphers",
        "DEFAULT:!NULL:!aNULL:!SHA256:!SHA384:!aECDH:!AESGCM+AES256:!aPSK",
        "OpenSSL cipher list for DTLS",
    ),
    OptionDef::text_or("dtls-signature", "SHA-256", "Signature of the DTLS certificate")
        .words(DtlsSignature::WORDS, "Invalid --dtls-signature option ('{}')"),
    OptionDef::int(
        "srtp-replay-window",
        0,
        "Drop SRTP packets seen before, or older than this many packets; 0 = forward them",
    )
    .range(0, 32768, "Invalid --srtp-replay-window ({})"),
];

const DTX: &[OptionDef] = &[
    OptionDef::int("dtx-delay", 0, "Fill gaps in transcoded audio after this many ms; 0 = do not").range(
        0,
        ANY_POSITIVE,
        "Invalid negative dtx-delay",
    ),
    OptionDef::int("max-dtx", 30, "Stop filling a gap after this many seconds").range(
        0,
        ANY_POSITIVE,
        "Invalid negative max-dtx",
    ),
    OptionDef::int("dtx-buffer", 10, "Packets held back for gap handling"),
    OptionDef::int("dtx-lag", 100, "Most ms packets are held back for gap handling").range(
        0,
        ANY_POSITIVE,
        "Invalid negative dtx-lag",
    ),
    OptionDef::int("dtx-shift", 5, "Step in ms by which gap handling moves its clock").range(
        0,
        ANY_POSITIVE,
        "Invalid negative dtx-shift",
    ),
    OptionDef::list(
        "dtx-cn-params",
        "INT",
        "Comfort noise played in gaps: level 0 to 127, then coefficients 0 to 254",
    ),
    OptionDef::list(
        "cn-payload",
        "INT",
        "Comfort noise payload sent for silence: level 0 to 127, then coefficients 0 to 254",
    )
    .default_is("32"),
    OptionDef::text_or("amr-dtx", "native", "How gaps of AMR are filled")
        .words(DtxMethod::WORDS, "Invalid --amr-dtx ('{}')"),
    OptionDef::text_or("evs-dtx", "native", "How gaps of EVS are filled")
        .words(DtxMethod::WORDS, "Invalid --evs-dtx ('{}')")
        .not_yet(),
    OptionDef::float("silence-detect", 0.0, "Take audio below this level in percent for silence; 0 = do not"),
];

pub(super) const PLAYERS: &[OptionDef] = &[
    OptionDef::flag("player-cache", "Keep encoded announcements for all calls"),
    OptionDef::list(
        "preload-media-files",
        "FILE",
        "Media files read at start; 'on-demand' = read at first use and keep",
    ),
    OptionDef::list(
        "preload-db-media",
        "ID",
        "Database media read at start; 'on-demand' = read at first use and keep",
    ),
    OptionDef::list(
        "preload-db-cache",
        "ID",
        "Entries of the database cache read at start; 'on-demand' = read at first use and keep",
    ),
    OptionDef::int(
        "media-files-reload",
        0,
        "Look for changed media files every this many seconds; 0 = never",
    ),
    OptionDef::int(
        "db-media-reload",
        0,
        "Look for changed database media every this many seconds; 0 = never",
    ),
    OptionDef::int("db-cache-reload", 0, "Look for changed cache entries every this many seconds; 0 = never")
        .alias(&["cache-media-reload"]),
    OptionDef::int("expiry-timer", 0, "Look for expired media every this many seconds; 0 = never"),
    OptionDef::int("media-files-expire", 0, "Forget media files unused for this many seconds; 0 = never")
        .range(0, ANY_POSITIVE, "Invalid negative media-files-expire"),
    OptionDef::int("db-media-expire", 0, "Forget database media unused for this many seconds; 0 = never")
        .range(0, ANY_POSITIVE, "Invalid negative db-media-expire"),
    OptionDef::int("db-cache-expire", 0, "Forget cache entries unused for this many seconds; 0 = never")
        .range(0, ANY_POSITIVE, "Invalid negative db-cache-expire"),
    OptionDef::file("db-media-cache", "Directory for copies of database media, created with mode 0700"),
    OptionDef::text("mysql-host", "Host of the media database"),
    OptionDef::int("mysql-port", 0, "Port of the media database").default_is("as the client library"),
    OptionDef::text("mysql-user", "User of the media database"),
    OptionDef::text("mysql-pass", "Password of the media database"),
    OptionDef::text("mysql-query", "Query for a media file; must contain %llu exactly once"),
    OptionDef::int("moh-max-duration", -1, "Longest music on hold in ms; 0 = unlimited")
        .default_is("1800000"),
    OptionDef::int("moh-max-repeats", 999, "Most repeats of music on hold"),
    OptionDef::text("moh-attr-name", "SDP attribute that marks a session with music on hold"),
    OptionDef::flag("moh-prevent-double-hold", "Play no music when both sides hold"),
];

const REDIS: &[OptionDef] = &[
    OptionDef::text("redis", "Redis database for calls").short('r').value("[PW@]HOST:PORT/DB").not_yet(),
    OptionDef::text("redis-write", "Redis database that gets all writes")
        .short('w')
        .value("[PW@]HOST:PORT/DB")
        .not_yet(),
    OptionDef::text("redis-subscribe", "Redis server for keyspace notifications")
        .value("[PW@]HOST:PORT[/DB]")
        .not_yet(),
    OptionDef::list("subscribe-keyspace", "INT", "Redis databases whose calls are taken over as foreign")
        .short('k')
        .not_yet(),
    OptionDef::int("redis-num-threads", 0, "Threads that restore calls")
        .default_is("processors, at least 4")
        .not_yet(),
    OptionDef::int("redis-expires", 86_400, "Life of a record in seconds").not_yet(),
    OptionDef::flag("no-redis-required", "Start without a running Redis server").short('q').not_yet(),
    OptionDef::flag("active-switchover", "Take over foreign calls when signalling or media for them arrives")
        .not_yet(),
    OptionDef::int("redis-allowed-errors", -1, "Failures after which the server is left alone; -1 = never")
        .not_yet(),
    OptionDef::int("redis-disable-time", 10, "Seconds the server is left alone")
        .range(0, ANY_POSITIVE, "Invalid negative redis-disable-time")
        .not_yet(),
    OptionDef::int("redis-cmd-timeout", 0, "Time-out of commands in ms; 0 = none").not_yet(),
    OptionDef::int("redis-connect-timeout", 1000, "Time-out of connecting in ms").not_yet(),
    OptionDef::flag("redis-resolve-on-reconnect", "Look the host name up again on every reconnect").not_yet(),
    OptionDef::text_or("redis-format", "bencode", "Form of the records")
        .words(RedisFormat::WORDS, "Invalid --redis-format value given")
        .not_yet(),
    OptionDef::int("redis-tcp-keepalive-time", 0, "Idle seconds before TCP keep-alives; 0 = off").not_yet(),
    OptionDef::int("redis-tcp-keepalive-intvl", 1, "Seconds between TCP keep-alives").not_yet(),
    OptionDef::int("redis-tcp-keepalive-probes", 3, "Lost keep-alives that end a connection").not_yet(),
];

const REPORTING: &[OptionDef] = &[
    OptionDef::text("graphite", "Graphite server").short('g').value("HOST:PORT").not_yet(),
    OptionDef::int("graphite-interval", 0, "Seconds between Graphite reports")
        .short('G')
        .default_is("1 with graphite")
        .not_yet(),
    OptionDef::text("graphite-prefix", "Put in front of every Graphite name as it is").not_yet(),
    OptionDef::int(
        "graphite-timeout",
        0,
        "TCP user time-out of the Graphite connection in seconds; 0 = as the system",
    )
    .not_yet(),
    OptionDef::text("homer", "Homer server").value("HOST:PORT").not_yet(),
    OptionDef::text_or("homer-protocol", "udp", "Transport to the Homer server")
        .words(HomerProtocol::WORDS, "Invalid protocol '{}' (--homer-protocol)")
        .not_yet(),
    OptionDef::int("homer-id", 2001, "Capture id sent to Homer").not_yet(),
    OptionDef::flag("homer-disable-rtcp-stats", "Send no RTCP to Homer").not_yet(),
    OptionDef::flag("homer-enable-ng", "Send ng messages to Homer").not_yet(),
    OptionDef::int("homer-ng-capture-proto", 61, "Protocol type of ng messages in Homer, 0 to 255")
        .range(0, 255, "Invalid homer-ng-capture-proto value")
        .not_yet(),
    OptionDef::text("b2b-url", "XML-RPC URL that is called when calls time out").short('b').not_yet(),
    OptionDef::int("xmlrpc-format", 0, "Request of the call-back: 0 SEMS, 1 call-id, 2 Kamailio")
        .short('x')
        .range(0, 2, "Invalid XMLRPC format")
        .not_yet(),
    OptionDef::text("dtmf-log-dest", "Receiver of a JSON datagram per DTMF event").value("HOST:PORT"),
    OptionDef::flag("dtmf-log-ng-tcp", "Send DTMF events to the ng clients connected over TCP"),
    OptionDef::flag("dtmf-no-suppress", "Do not leave out audio that arrives while an event is converted")
        .not_yet(),
    OptionDef::flag("dtmf-no-log-injects", "Report no DTMF that was injected with 'play DTMF'"),
    OptionDef::int("dtmf-digit-delay", 2500, "Longest pause between the digits of a code in ms"),
];

const MQTT: &[OptionDef] = &[
    OptionDef::text("mqtt-host", "MQTT broker").not_yet(),
    OptionDef::int("mqtt-port", 1883, "Port of the MQTT broker").not_yet(),
    OptionDef::text("mqtt-id", "Client id").default_is("random").not_yet(),
    OptionDef::int("mqtt-keepalive", 30, "Keep-alive in seconds").not_yet(),
    OptionDef::text("mqtt-user", "User").not_yet(),
    OptionDef::text("mqtt-pass", "Password").not_yet(),
    OptionDef::file("mqtt-cafile", "Certificates trusted for TLS").not_yet(),
    OptionDef::file("mqtt-capath", "Directory of certificates trusted for TLS").not_yet(),
    OptionDef::file("mqtt-certfile", "Own certificate").not_yet(),
    OptionDef::file("mqtt-keyfile", "Own key").not_yet(),
    OptionDef::text("mqtt-tls-alpn", "ALPN protocol name for TLS").not_yet(),
    OptionDef::int("mqtt-publish-qos", 0, "Quality of service, 0 to 2")
        .range(0, 2, "Invalid mqtt-publish-qos value ({}); give 0, 1 or 2")
        .not_yet(),
    OptionDef::text("mqtt-publish-topic", "Topic").not_yet(),
    OptionDef::int("mqtt-publish-interval", 5000, "Milliseconds between reports")
        .range(0, ANY_POSITIVE, "Invalid negative mqtt-publish-interval")
        .not_yet(),
    OptionDef::text_or("mqtt-publish-scope", "global", "What is reported")
        .words(MqttScope::WORDS, "Invalid --mqtt-publish-scope option ('{}')")
        .not_yet(),
];

const RTPPROXY: &[OptionDef] = &[
    OptionDef::list("listen-rtpproxy", "TYPE:SOCKET", "Control socket of the rtpproxy protocol").not_yet(),
    OptionDef::flag("rtpproxy-caps", "Print the capabilities of the rtpproxy protocol and exit")
        .command_line_only()
        .not_yet(),
    OptionDef::file("rtpproxy-rec-dir", "Directory of recordings started by the rtpproxy protocol").not_yet(),
    OptionDef::file(
        "rtpproxy-spool-dir",
        "Directory where such recordings are written until they are complete",
    )
    .not_yet(),
    OptionDef::flag("rtpproxy-no-rtcp", "Record and copy no RTCP").not_yet(),
    OptionDef::flag("rtpproxy-rec-pcap", "Record as pcap instead of the ad-hoc format").not_yet(),
    OptionDef::flag("rtpproxy-rec-all", "Record every session").not_yet(),
    OptionDef::int("rtpproxy-setup-ttl", 0, "Seconds a session may wait for its first media")
        .default_is("timeout")
        .not_yet(),
    OptionDef::flag("rtpproxy-independent-ttl", "Each direction times out by itself").not_yet(),
    OptionDef::text("rtpproxy-sock-mode", "Mode of UNIX control sockets; a leading 0 means octal")
        .value("MODE")
        .not_yet(),
    OptionDef::list("rtpproxy-notify", "SOCKET", "Permitted target of time-out notifications").not_yet(),
    OptionDef::flag("rtpproxy-force-asymmetric", "Treat every party as asymmetric").not_yet(),
    OptionDef::flag("rtpproxy-bridge-symmetric", "Bridging does not make parties asymmetric").not_yet(),
];
