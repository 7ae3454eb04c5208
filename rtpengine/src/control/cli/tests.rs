//! Command lines and answers by the rules of operations.md §6.

use std::net::IpAddr;
use std::time::Duration;

use rtpengine_common::log::Subsystem;
use rtpengine_common::log::lines::TagType;

use super::listing::*;
use super::params::{self, Values};
use super::*;
use crate::flow::ChainFigures;
use crate::options::{Settings, Startup, SystemSources, startup};

fn answer(line: &str) -> String {
    match parse(line) {
        CliCommand::Answer(text) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn settings() -> Box<Settings> {
    let line = "rtpengine --config-file=none -i 127.0.0.1 -n 127.0.0.1:2223 --redis=pw@10.0.0.1:6379/1 --max-sessions=9";
    match startup(line.split(' ').map(Into::into), &SystemSources).unwrap() {
        Startup::Run(settings) => settings,
        other => panic!("{other:?}"),
    }
}

fn row(call_id: &str, foreign: bool) -> SessionRow {
    SessionRow {
        call_id: call_id.into(),
        deleted: false,
        created: 1_795_182_036,
        proxy: "127.0.0.1:5".into(),
        redis_database: -1,
        foreign,
        recording: false,
    }
}

#[test]
fn operations_6_2_grammar() {
    assert_eq!(answer(""), "Incomplete command: \n");
    for group in
        ["list", "get", "set", "params", "media", "media list", "terminate", "list sessions", "call x"]
    {
        assert_eq!(answer(group), "More parameters required.\n", "{group}");
    }
    assert_eq!(answer("foo"), "Unknown command: foo\n");
    assert_eq!(answer("list foo"), "Unknown command: foo\n");
    assert_eq!(answer("list  numsessions"), "Unknown command: \n");
    assert_eq!(parse("list numsessions\r\n"), CliCommand::ListNumSessions);
    assert_eq!(parse("get numsessions extra"), CliCommand::ListNumSessions);
    let help = answer("help");
    let words: Vec<_> = help.lines().skip(1).map(|line| line.trim().split(' ').next().unwrap()).collect();
    assert_eq!(help.lines().next(), Some("Available sub-commands at this level:"));
    assert_eq!(
        words,
        [
            "usage",
            "list",
            "terminate",
            "set",
            "get",
            "params",
            "ksadd",
            "ksrm",
            "kslist",
            "active",
            "standby",
            "debug",
            "call",
            "media"
        ]
    );
    assert!(
        answer("set help")
            .contains(&format!("\t{:<50}: Limit of own calls, -1 for none\n", "maxsessions <int>"))
    );
    assert!(answer("media add help").contains("\tfile <path>\n"));
    let usage = answer("usage");
    assert!(usage.starts_with("    Supported commands are:\n\n    usage"), "{usage}");
    assert!(
        usage.contains("\n        numsessions ") && usage.contains("\n            file <path>\n"),
        "{usage}"
    );
}

#[test]
fn operations_6_3_list() {
    assert_eq!(parse("list sessions own"), CliCommand::ListSessions(Sessions::Own));
    assert_eq!(parse("list sessions abc"), CliCommand::ListSessions(Sessions::Call("abc".into())));
    let numbers = Numbers { own: 1, foreign: 2, transcoded: 3, ipv4: 4, ipv6: 5, mixed: 6 };
    assert_eq!(
        numbers.text(),
        "Current sessions own: 1\nCurrent sessions foreign: 2\nCurrent sessions total: 3\nCurrent transcoded media: 3\n\
         Current sessions ipv4 only media: 4\nCurrent sessions ipv6 only media: 5\nCurrent sessions ip mixed  media: 6\n"
    );
    assert_eq!(sessions(&Sessions::All, &[]), "No sessions on this media relay.\n");
    assert_eq!(
        sessions(&Sessions::Foreign, &[row("a", false)]),
        "No foreign sessions on this media relay.\n"
    );
    assert_eq!(
        sessions(&Sessions::All, &[row("a", true)]),
        format!(
            "ID: {:>60} | del:n | creat:  1795182036 | prx:127.0.0.1:5 | redis:-1 | frgn:y | rec:n\n",
            "a"
        )
    );
    assert_eq!(call_or_unknown("x", None), "\nCall ID not found (x).\n\n");
    let tunables = Tunables::from(&*settings());
    for (word, line) in [
        ("maxsessions", "Maximum sessions configured on rtpengine: 9\n"),
        ("maxcpu", "Maximum CPU usage configured on rtpengine: 0.0\n"),
        ("maxload", "Maximum load average configured on rtpengine: 0.00\n"),
        ("maxbw", "Maximum bandwidth configured on rtpengine: 0\n"),
        ("timeout", "TIMEOUT=60\n"),
        ("silenttimeout", "SILENT_TIMEOUT=3600\n"),
        ("offertimeout", "OFFER_TIMEOUT=3600\n"),
        ("finaltimeout", "FINAL_TIMEOUT=0\n"),
        ("redisallowederrors", "-1\n"),
        ("redisdisabletime", "10\n"),
        ("redisconnecttimeout", "1000\n"),
        ("rediscmdtimeout", "0\n"),
        ("controltos", "0\n"),
        ("deletedelay", "30\n"),
    ] {
        let CliCommand::List(tunable) = parse(&format!("list {word}")) else { panic!("{word}") };
        assert_eq!(tunable.list(&tunables), line);
        assert_eq!(tunable.word(), word);
    }
    assert!(
        answer("list loglevels")
            .starts_with("core - Everything that isn't part of another subsystem\nffmpeg - ")
    );
    assert_eq!(parse("list loglevel ice"), CliCommand::ListLogLevel(Some(Subsystem::Ice)));
    assert_eq!(answer("list loglevel foo"), "");
    assert_eq!(transcoders(&[]), "No stats entries\n");
    let row = ChainFigures {
        source: "PCMA/8000".into(),
        destination: "PCMU/8000".into(),
        handlers: 2,
        totals: [4, 5, 6],
        rates: Some([1, 2, 3]),
    };
    assert_eq!(
        transcoders(&[ChainFigures { rates: None, ..row.clone() }]),
        "PCMA/8000 -> PCMU/8000: 2 transcoders\n"
    );
    assert_eq!(
        transcoders(&[row]),
        "PCMA/8000 -> PCMU/8000: 2 transcoders\n     1 packets/s\n     2 bytes/s\n     3 samples/s\n"
    );
    assert_eq!(
        open_files(OpenFiles::Limit(20000), 7),
        "Maximum open-files configured on rtpengine: 20000; cat /proc/7/limits\n"
    );
}

#[test]
fn operations_6_4_call_details() {
    let port = PortDetails {
        local: Some("127.0.0.1:30010".parse().unwrap()),
        peer: None,
        rtcp: true,
        ssrc: 0xabc,
        packets: 1,
        bytes: 2,
        errors: 3,
        last_user: 4,
        last_kernel: 5,
    };
    let media = MediaDetails {
        index: 1,
        kind: "audio".into(),
        protocol: None,
        codec: Some("PCMA/8000".into()),
        ports: vec![port],
    };
    let party = PartyDetails {
        tag: "ft".into(),
        tag_type: TagType::FromTag,
        label: String::new(),
        branch: "b".into(),
        duration: Duration::new(3, 20_310_000),
        aliases: vec!["x".into(), "y".into()],
        subscribed_to: vec![("tt".into(), 1)],
        subscribers: vec![("tt".into(), 1)],
        medias: vec![media],
    };
    let call = CallDetails {
        row: row("abc", false),
        aliases: vec!["def".into()],
        tos: 184,
        last_signal: 9,
        last_redis_update: 0,
        parties: vec![party],
    };
    assert_eq!(
        call.text(),
        "\ncallid: abc\nalias: def\ndeletionmark: no\ncreated: 1795182036\nproxy: 127.0.0.1:5\ntos: 184\nlast_signal: 9\n\
         redis_keyspace: -1\nlast redis update: 0\nforeign: no\nrecording: no\n\n\
         --- Tag 'ft', type: FROM_TAG, label '', branch 'b', callduration 3.020310\n---     Aliases: 'x', 'y'\n\
         ---     subscribed to media with monologue tag 'tt' (index: 1)\n\
         ---     subscription of media with monologue tag 'tt' (index: 1)\n\
         ------ Media #1 (audio over (unknown)) using PCMA/8000\n\
         -------- Port       127.0.0.1:30010 <>                :0     (RTCP), SSRC abc, 1 p, 2 b, 3 e, 4 uts 5 kts\n\n"
    );
}

#[test]
fn operations_6_5_and_6_6() {
    let user = Traffic { packets: 1, bytes: 2, errors: 3 };
    let text = counters(user, Traffic::default());
    assert!(text.starts_with(&format!(
        "\nCurrent per-second counters:\n\n {:<48}:1\n {:<48}:2\n",
        "Packets per second (userspace)", "Bytes per second (userspace)"
    )));
    assert!(text.ends_with(&format!(" {:<48}:3\n", "Errors per second (total)")));
    let row = InterfaceRow {
        name: "default".into(),
        address: "127.0.0.1".parse::<IpAddr>().unwrap(),
        port_min: 30000,
        port_max: 39999,
        used: 4,
        ingress: user,
        egress: Traffic::default(),
        lost: 0,
        duplicates: 1,
        mos: Some(4.25),
        packet_loss: None,
        jitter: Some(3.4),
        jitter_measured: None,
        round_trip_end_to_end: None,
        round_trip_discrete: None,
    };
    assert_eq!(
        interfaces(&[row]),
        "Interface 'default' address '127.0.0.1' (IPv4)\n Port range: 30000 - 39999\n Ports used:     4 / 10000 (  0.0%)\n \
         Packets/bytes/errors:\n  Ingress:            1 /          2 /          3\n  \
         Egress:             0 /          0 /          0\n Packets lost/duplicates:          0 /          1\n \
         MOS:    avg 4.2, packet loss avg nan%\n Jitter: avg   3 (measured nan)\n RTT:    e2e nan, dsct nan\n\n"
    );
}

#[test]
fn operations_6_7_set() {
    for (line, text) in [
        ("set timeout", "More parameters required.\n"),
        ("set timeout -1", "Fail setting timeout to -1; errno=0\n"),
        ("set silenttimeout abc", "Fail setting timeout to abc; no digits found\n"),
        ("set timeout 99999999999999999999", "Fail setting timeout to 99999999999999999999; errno=34\n"),
        ("set timeout 2147483647", "Fail setting timeout to 2147483647; errno=0\n"),
        ("set maxsessions -2", "Fail setting maxsessions to -2; either positive or -1 values allowed\n"),
        ("set maxsessions x", "Fail setting maxsessions to x; no digits found\n"),
        ("set maxcpu x", "Fail setting maxcpu to x; no digits found\n"),
        ("set maxbw x", "Fail setting maxbw to x; no digits found\n"),
        ("set maxopenfiles 5", "Fail setting open_files to 5; can't set it under 65536\n"),
        ("set maxopenfiles x", "Fail setting open_files to x; no digits found\n"),
        ("set loglevel", "More parameters required.\n"),
        ("set loglevel x", "More parameters required.\n"),
        ("set loglevel x 6", "Success setting loglevel to 6\n"),
        ("set deletedelay -1", "Invalid delete-delay value\n"),
        ("set controltos 300", "Invalid control-tos value 300, must be between 0 and 255\n"),
        ("set redisconnecttimeout 0", "Invalid redis-connect-timeout value 0, must be > 0\n"),
        ("set redisdisabletime -1", "Invalid redis-disable-time value -1, must be >= 0\n"),
        ("set redisdisable 1", "No redis write to disable\n"),
        ("set redisdisable 7", "Invalid redis-disable value 7, must be >= 0\n"),
    ] {
        assert_eq!(answer(line), text, "{line}");
    }
    let start = Tunables::from(&*settings());
    let mut now = start.clone();
    for (line, text) in [
        ("set maxsessions -1", "Success setting maxsessions to -1; disable feature\n"),
        ("set maxcpu 50", "Success setting maxcpu to 50.0\n"),
        ("set maxload 2.5", "Success setting maxload to 2.50\n"),
        ("set maxbw 7", "Success setting maxbw to 7\n"),
        ("set timeout 5x", "Success setting timeout to 5\n"),
        ("set offertimeout 6", "Success setting timeout to 6\n"),
        ("set redisallowederrors 3", "Success setting redis-allowed-errors to 3\n"),
        ("set controltos 8", "Success setting redis-connect-timeout to 8\n"),
        ("set deletedelay 0", "Success setting delete-delay to 0\n"),
    ] {
        let CliCommand::Set(change) = parse(line) else { panic!("{line}") };
        change.apply(&mut now);
        assert_eq!(change.answer(), text, "{line}");
    }
    assert_eq!((now.max_sessions, now.max_cpu, now.max_load, now.max_bandwidth), (-1, 50.0, 2.5, 7));
    assert_eq!((now.timeout, now.offer_timeout), (Duration::from_secs(5), Duration::from_secs(6)));
    assert_eq!((now.control_tos, now.delete_delay), (8, Duration::ZERO));
    let old = [6; Subsystem::ALL.len()];
    let mut new = old;
    new[0] = 7;
    assert_eq!(
        params::diff(&start, &now, &old, &new),
        "log-level-core: 6 => 7\nmax-sessions: 9 => -1\nmax-cpu: 0 => 5000\nmax-load: 0 => 250\nmax-bw: 0 => 7\n\
         timeout: 60000000 => 5000000\ncontrol-tos: 0 => 8\nredis_allowed_errors: -1 => 3\n"
    );
    let back = params::revert(&start, &now);
    assert_eq!(params::diff(&start, &back, &old, &old), "");
    assert_eq!(back.offer_timeout, Duration::from_secs(6));
    assert_eq!(parse("set loglevel ice 7"), CliCommand::SetLogLevel(Some(Subsystem::Ice), 7));
    assert_eq!(parse("set maxopenfiles 70000"), CliCommand::SetMaxOpenFiles(70000));
}

#[test]
fn operations_6_8_params() {
    let settings = settings();
    let tunables = Tunables::from(&*settings);
    let interfaces = [("default".to_owned(), "127.0.0.1".parse().unwrap())];
    let levels = &settings.log.levels;
    let text = params::list(&Values {
        settings: &settings,
        tunables: &tunables,
        log_levels: levels,
        interfaces: &interfaces,
    });
    let place = |line: &str| {
        text.lines().position(|found| found == line).unwrap_or_else(|| panic!("no '{line}' in\n{text}"))
    };
    let order = [
        "log-level-core = 6",
        "log-level-internals = -1",
        "kernel_table = -1",
        "max_sessions = 9",
        "redis_db = 1",
        "http_keepalive_timeout = 5",
        "homer_rtcp_off = 0",
        "control_pmtu = 0",
        "bw_limit = 0",
        "timeout_us = 60000000",
        "max-cpu = 0.0",
        "max-load = 0.00",
        "interface[0] = default\\127.0.0.1",
        "b2b_url = (null)",
        "redis_auth = ***",
        "redis_hostname = 10.0.0.1",
        "graphite_ep = ",
        "redis_ep = 10.0.0.1:6379",
        "ng_listen_ep = 127.0.0.1:2223",
    ];
    assert!(order.map(place).is_sorted());
}

#[test]
fn operations_6_9_and_6_10() {
    for (line, text) in [
        ("terminate", "More parameters required.\n"),
        ("ksadd 4", "Keyspace notification feature has not been configured.\n"),
        ("kslist", "Keyspace notification feature has not been configured.\n"),
        ("debug", "No call ID specified\n"),
        ("debug x maybe", "Invalid on/off flag ('maybe') specified\n"),
        ("call", "No call ID specified\n"),
        ("call x tag", "No tag specified\n"),
        ("call x tag t delay -1", "Invalid delay -1\n"),
        ("call x tag t detect-dtmf 2", "Invalid setting 2\n"),
        ("call x foo", "Unknown command: foo\n"),
        ("media add db", "More parameters required.\n"),
    ] {
        assert_eq!(answer(line), text, "{line}");
    }
    for (line, text) in [
        ("media list files", ""),
        ("media reload file /x", "Failed to reload '/x'\n"),
        ("media add db 0", "Invalid ID '0'\n"),
        ("media evict db 1 x", "Failed to evict 1\nInvalid ID 'x'\n"),
        ("media evict file /x", "Failed to evict '/x'"),
        ("media reload files", "0 media files reloaded\n"),
        ("media evict players", "0 DB cache entries evicted\n"),
    ] {
        let CliCommand::Media(command) = parse(line) else { panic!("{line}") };
        assert_eq!(command.answer_without_stores(), text, "{line}");
    }
    assert_eq!(parse("terminate abc"), CliCommand::Terminate(Sessions::Call("abc".into())));
    assert_eq!(terminated(&Sessions::Own, true), "All own calls terminated by operator.\n");
    assert_eq!(
        terminated(&Sessions::Call("abc".into()), true),
        "\nCall Id (abc) successfully terminated by operator.\n\n"
    );
    assert_eq!(terminated(&Sessions::Call("z".into()), false), "\nCall Id not found (z).\n\n");
    assert_eq!(parse("debug x"), CliCommand::Debug { call_id: "x".into(), on: true });
    assert_eq!(parse("debug x off"), CliCommand::Debug { call_id: "x".into(), on: false });
    assert_eq!(
        parse("call x tag t info"),
        CliCommand::Call { call_id: "x".into(), action: CallAction::PartyInfo("t".into()) }
    );
}

proptest::proptest! {
    #[test]
    fn any_line_is_understood_or_answered(
        words in proptest::collection::vec("list|set|call|media|help|tag|sessions|loglevel|evict|db|timeout|-?[0-9]{1,20}|\\PC{0,6}", 0..6),
    ) {
        let _ = parse(&words.join(" "));
    }
}
