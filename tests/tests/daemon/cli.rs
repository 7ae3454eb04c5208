//! The text command line (`operations.md` 6), over TCP and inside ng.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use rtpengine_tests::prelude::*;

struct Cli {
    daemon: Daemon,
    address: SocketAddr,
}

impl Cli {
    fn start(arguments: &[&str]) -> Self {
        let local = std::net::Ipv4Addr::LOCALHOST.into();
        let address = SocketAddr::new(local, Network::enter().free_port(local));
        let daemon = Daemon::builder().arg(format!("--listen-cli={address}")).args(arguments).start();
        Self { daemon, address }
    }

    /// Sends one line and reads until the end.
    #[track_caller]
    fn says(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(3))).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[track_caller]
    fn check(&self, rows: &[(&str, &str)]) {
        for (line, answer) in rows {
            assert_eq!(self.says(line), *answer, "{line:?}");
        }
    }
}

#[test]
fn grammar() {
    let cli = Cli::start(&[]);
    cli.check(&[
        ("list", "More parameters required.\n"),
        ("set", "More parameters required.\n"),
        ("params", "More parameters required.\n"),
        ("nonsense", "Unknown command: nonsense\n"),
        ("list numsessions\r", &sessions(0)),
        ("get numsessions", &sessions(0)),
        ("list sessions", "More parameters required.\n"),
    ]);
    assert!(cli.says("").starts_with("Incomplete command: "));
    assert!(cli.says("help").starts_with("Available sub-commands at this level:\n\tusage"));
    assert!(cli.says("usage").starts_with("    Supported commands are:\n\n"));
    let help = cli.says("help");
    let words: Vec<&str> =
        help.lines().skip(1).filter_map(|line| line.trim_start().split([' ', ':']).next()).collect();
    let all = [
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
        "media",
    ];
    assert_eq!(words, all);
}

fn sessions(own: usize) -> String {
    format!(
        "Current sessions own: {own}\nCurrent sessions foreign: 0\nCurrent sessions total: {own}\n\
         Current transcoded media: 0\nCurrent sessions ipv4 only media: {own}\n\
         Current sessions ipv6 only media: 0\nCurrent sessions ip mixed  media: 0\n"
    )
}

#[test]
fn sessions_are_listed_shown_and_terminated() {
    let cli = Cli::start(&[]);
    cli.check(&[
        ("list sessions all", "No sessions on this media relay.\n"),
        ("list sessions own", "No own sessions on this media relay.\n"),
        ("list sessions nobody", "\nCall ID not found (nobody).\n\n"),
        ("terminate nobody", "\nCall Id not found (nobody).\n\n"),
    ]);
    let call = Call::new(&cli.daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    alice.speaks_to(&mut bob);
    assert_eq!(cli.says("list numsessions"), sessions(1));
    let line = cli.says("list sessions all");
    assert!(line.starts_with(&format!("ID: {:>60} | del:n | creat:", call.id)), "{line}");
    assert!(line.ends_with("| frgn:n | rec:n\n"), "{line}");
    let details = cli.says(&format!("list sessions {}", call.id));
    assert!(details.starts_with(&format!("\ncallid: {}\ndeletionmark: no\ncreated: ", call.id)), "{details}");
    for part in [
        "\nforeign: no\nrecording: no\n\n",
        "--- Tag 'alice', type: FROM_TAG, label '', branch '', callduration ",
        "------ Media #1 (audio over RTP/AVP) using PCMU/8000\n",
        "------ Media #1 (audio over RTP/AVP) using unknown codec\n",
        &format!("-------- Port {:>15}:{:<5} <> ", cli.daemon.network().relay(0), alice.remote().port()),
    ] {
        assert!(details.contains(part), "{part:?} not in {details}");
    }
    let answer = cli.says(&format!("terminate {}", call.id));
    assert_eq!(answer, format!("\nCall Id ({}) successfully terminated by operator.\n\n", call.id));
    assert!(!call.exists());
    let statistics = cli.daemon.request(&Request::new("statistics")).ok();
    assert_eq!(statistics.int(&["statistics", "totalstatistics", "forcedterminatedsessions"]), 1);
    call.connects(&mut alice, &mut bob);
    cli.check(&[("terminate all", "All calls terminated by operator.\n")]);
    assert!(!call.exists());
}

#[test]
fn settings_are_shown_changed_and_obeyed() {
    let cli = Cli::start(&["--max-sessions=7", "--timeout=50", "--delete-delay=3"]);
    cli.check(&[
        ("list maxsessions", "Maximum sessions configured on rtpengine: 7\n"),
        ("list timeout", "TIMEOUT=50\n"),
        ("list silenttimeout", "SILENT_TIMEOUT=3600\n"),
        ("list offertimeout", "OFFER_TIMEOUT=3600\n"),
        ("list finaltimeout", "FINAL_TIMEOUT=0\n"),
        ("list deletedelay", "3\n"),
        ("list controltos", "0\n"),
        ("list maxcpu", "Maximum CPU usage configured on rtpengine: 0.0\n"),
        ("list maxload", "Maximum load average configured on rtpengine: 0.00\n"),
        ("set timeout 20", "Success setting timeout to 20\n"),
        ("list timeout", "TIMEOUT=20\n"),
        ("set deletedelay 0", "Success setting delete-delay to 0\n"),
        ("set controltos 24", "Success setting redis-connect-timeout to 24\n"),
        ("set controltos 256", "Invalid control-tos value 256, must be between 0 and 255\n"),
        ("set maxsessions -1", "Success setting maxsessions to -1; disable feature\n"),
        ("set maxsessions -2", "Fail setting maxsessions to -2; either positive or -1 values allowed\n"),
        ("set maxsessions x", "Fail setting maxsessions to x; no digits found\n"),
        ("set maxsessions 0", "Success setting maxsessions to 0\n"),
        ("list loglevel core", "6\n"),
        ("set loglevel core 5", "Success setting loglevel to 5\n"),
        ("list loglevel core", "5\n"),
        ("kslist", "Keyspace notification feature has not been configured.\n"),
        ("list transcoders", "No stats entries\n"),
    ]);
    // Draining: new calls are refused.
    let call = Call::new(&cli.daemon);
    let (mut alice, mut bob) = call.phones();
    let offer = call.offer_request(&mut alice, &bob, &Request::empty());
    assert_eq!(cli.daemon.request(&offer).error(), "Parallel session limit reached");
    cli.check(&[("set maxsessions 5", "Success setting maxsessions to 5\n")]);
    call.connects(&mut alice, &mut bob);
    let _ = cli.daemon.request(&call.ask("delete")).ok();
    assert!(!call.exists(), "the delete-delay is 0 by now");
}

#[test]
fn standby_and_active() {
    let cli = Cli::start(&["--timeout=1"]);
    let call = Call::new(&cli.daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    cli.check(&[("standby", "Ok, all calls set to 'foreign (standby)'\n")]);
    assert!(cli.says("list numsessions").contains("Current sessions foreign: 1\n"));
    // Foreign calls have no media timeout.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(call.exists());
    cli.check(&[("active", "Ok, all calls set to 'owned (active)'\n")]);
    assert!(cli.says("list numsessions").contains("Current sessions own: 1\n"));
}

#[test]
fn statistics_as_json_and_text() {
    let cli = Cli::start(&[]);
    let json = cli.says("list jsonstats");
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
    assert!(!json.ends_with('\n'));
    assert!(cli.says("list totals").contains("Total managed sessions"), "{}", cli.says("list totals"));
    let counters = cli.says("list counters");
    assert!(counters.starts_with("\nCurrent per-second counters:\n\n "), "{counters}");
    let interfaces = cli.says("list interfaces");
    let relay = cli.daemon.network().relay(0);
    assert!(
        interfaces.starts_with(&format!("Interface 'default' address '{relay}' (IPv4)\n Port range: ")),
        "{interfaces}"
    );
}

#[test]
fn the_ng_command_cli_says_the_same() {
    let cli = Cli::start(&[]);
    for command in ["cli", "CLI"] {
        let reply = cli.daemon.request(&Request::new(command).set("body", "list numsessions")).ok();
        assert_eq!(reply.text("response"), sessions(0));
    }
}

#[test]
fn a_line_without_end_is_cut_off() {
    let cli = Cli::start(&[]);
    let mut stream = TcpStream::connect(cli.address).unwrap();
    let _ = stream.write_all(&[b'x'; 4000]);
    let mut rest = Vec::new();
    // Closed with or without a reset: never an answer.
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty());
    cli.daemon.logs("Buffer length exceeded in CLI connection from ");
    // One that says nothing and goes is no matter.
    let stream = TcpStream::connect(cli.address).unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    assert_eq!(cli.says("list numsessions"), sessions(0));
}
