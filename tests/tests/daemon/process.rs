//! The process itself: command line, start, signals, pid file, end, exit status (`operations.md` 2, 3).

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rtpengine_tests::daemon::binary;
use rtpengine_tests::prelude::*;
use rtpengine_tests::sys::Signal;

/// Runs the program with nothing but these arguments until it ends by itself.
fn runs(arguments: &[&str]) -> Output {
    let _ = Network::enter();
    let mut child = Command::new(binary())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(&format!("{arguments:?} ends"), Duration::from_secs(5), || child.try_wait().unwrap());
    child.wait_with_output().unwrap()
}

/// The arguments with which the daemon would start, except for what `replaced` gives again, and those of `replaced`.
fn daemon_with(replaced: &[&str]) -> Output {
    let usual = ["--config-file=none", "--foreground", "--log-stderr", "--table=-1"];
    let rest = ["--interface=127.0.0.1", "--listen-ng=127.0.0.1:2223"];
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_string();
    let kept = rest.iter().filter(|argument| !replaced.iter().any(|other| name(other) == name(argument)));
    let arguments: Vec<&str> =
        usual.iter().chain(kept).chain(replaced).copied().filter(|text| !text.ends_with('=')).collect();
    runs(&arguments)
}

#[track_caller]
fn is_fatal(output: &Output, message: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(&format!("Fatal error: {message}")), "{message:?} not in {text}");
    assert_eq!(output.status.code(), Some(255));
}

#[test]
fn version_and_help() {
    let version = runs(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(version.stdout.is_empty());
    assert!(String::from_utf8_lossy(&version.stderr).starts_with("Version: "));
    for option in ["--help", "-h", "-?"] {
        let help = runs(&[option]);
        assert_eq!(help.status.code(), Some(0), "{option}");
        assert!(String::from_utf8_lossy(&help.stdout).contains("--listen-ng"), "{option}");
    }
}

#[test]
fn bad_command_lines_are_fatal() {
    let rows: &[(&[&str], &str)] = &[
        (&["--no-such-option"], "Bad command line: Unknown option --no-such-option"),
        (&["--port-min"], "Bad command line: Missing argument for --port-min"),
        (&["--port-min=bar"], "Bad command line: Cannot parse integer value “bar” for --port-min"),
        (
            &["--port-min=99999999999"],
            "Bad command line: Integer value “99999999999” for --port-min out of range",
        ),
        (&["--foreground=yes"], "Bad command line: "),
        (&["--fore"], "Bad command line: Unknown option --fore"),
        (&["--interface="], "Cannot start without any configured interfaces"),
        (&["--interface=pub/not an address"], "Invalid interface specification: 'pub/not an address'"),
        (&["--interface=0.0.0.0"], "Invalid interface specification: '0.0.0.0'"),
        (&["--port-min=0"], "Invalid RTP port range: --port-min must be between 1 and 65535"),
        (&["--port-max=65536"], "Invalid RTP port range: --port-max must be between 1 and 65535"),
        (
            &["--port-min=40000", "--port-max=30000"],
            "Invalid RTP port range: --port-min (40000) must not be greater than --port-max (30000)",
        ),
        (&["--tos=256"], "Invalid TOS value"),
        (&["--control-tos=-1"], "Invalid control-ng TOS value"),
        (&["--delete-delay=-1"], "Invalid negative delete-delay"),
        (&["--endpoint-learning=psychic"], "Invalid --endpoint-learning option ('psychic')"),
        (&["--log-facility=nowhere"], "Invalid log facility 'nowhere' (--log-facility)"),
        (&["--log-format=poem"], "Invalid --log-format option"),
        (&["--listen-ng=nowhere.invalid:x"], "Invalid IP or port 'nowhere.invalid:x' ('listen-ng')"),
        (
            &["--listen-ng="],
            "Missing option --listen-tcp, --listen-udp, --listen-ng, --listen-tcp-ng, --listen-http, or --listen-https",
        ),
        (&["--xmlrpc-format=3"], "Invalid XMLRPC format"),
        (&["--control-pmtu=maybe"], "Invalid --control-pmtu option ('maybe')"),
        (&["--mos=best"], "Invalid --mos option ('best')"),
        (&["--ssrc-reporting=some"], "Invalid --ssrc-reporting option ('some')"),
        (&["--max-recv-iters=0"], "Invalid max-recv-iters value"),
    ];
    for (arguments, message) in rows {
        is_fatal(&daemon_with(arguments), message);
    }
}

#[test]
fn a_missing_configuration_file_is_fatal_only_when_named() {
    let output =
        runs(&["--config-file=/nonexistent/rtpengine.conf", "--interface=127.0.0.1", "--listen-ng=2223"]);
    is_fatal(&output, "Bad command line: ");
}

#[test]
fn a_configuration_file_starts_it() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::enter();
    let file = folder.path().join("rtpengine.conf");
    let text = format!(
        "# a comment\n[other]\nno-such-key = 1\n[rtpengine]\ninterface = priv/{};pub/{}\ntos = 184\nno-such-key = 1\n",
        network.relay(0),
        network.relay(1)
    );
    std::fs::write(&file, text).unwrap();
    let daemon = Daemon::builder().arg("--tos=96").configuration(&file).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &Request::empty().list("direction", ["priv", "pub"]));
    assert_eq!(bob.remote().address(), network.relay(1));
}

#[test]
fn a_control_port_in_use_is_fatal() {
    let network = Network::enter();
    let local = std::net::Ipv4Addr::LOCALHOST.into();
    let taken = UdpSocket::bind(SocketAddr::new(local, network.free_port(local))).unwrap();
    let address = taken.local_addr().unwrap();
    let output = daemon_with(&[&format!("--listen-ng={address}")]);
    is_fatal(
        &output,
        &format!("Failed to open UDP NG control connection port ({address}): Address already in use"),
    );
}

#[test]
fn term_and_int_end_it_in_good_order() {
    for signal in [Signal::Term, Signal::Int] {
        let daemon = Daemon::start();
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = call.phones();
        call.connects(&mut alice, &mut bob);
        alice.speaks_to(&mut bob);
        let (port, control) = (alice.remote().rtp(), daemon.ng());
        daemon.signal(signal);
        let (status, log) = daemon.ends();
        assert_eq!(status.code(), Some(0), "{signal:?}");
        assert!(log.contains(" shutting down"), "{log}");
        UdpSocket::bind(port).expect("the media ports are closed");
        UdpSocket::bind(control).expect("the control port is closed");
    }
}

#[test]
fn hup_ends_it_at_once_with_42() {
    let daemon = Daemon::start();
    daemon.signal(Signal::Hup);
    assert_eq!(daemon.ends().0.code(), Some(42));
}

#[test]
fn usr1_and_usr2_change_the_log_levels() {
    let daemon = Daemon::start();
    daemon.signal(Signal::Usr2);
    daemon.logs("Increased 'core' log level to 7");
    daemon.signal(Signal::Usr1);
    daemon.logs("Decreased 'core' log level to 6");
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

#[test]
fn other_signals_are_ignored() {
    let daemon = Daemon::start();
    daemon.signal(Signal::Pipe);
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

#[test]
fn the_log_says_that_it_started() {
    let daemon = Daemon::start();
    daemon.logs("Startup complete, version ");
    daemon.logs("Received command 'ping' from 127.0.0.1:");
}

#[test]
fn the_pid_file_holds_the_pid_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    std::fs::write(&file, "something longer than a pid").unwrap();
    let daemon = Daemon::builder().arg(format!("--pidfile={}", file.display())).start();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{}\n", daemon.pid()));
    daemon.stops();
    assert!(file.exists());
}

#[test]
fn a_pid_file_that_cannot_be_written_is_fatal() {
    let output = daemon_with(&["--pidfile=/nonexistent/pid"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("Failed to create PID file (No such file or directory), aborting startup"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(255));
}

#[test]
fn without_foreground_it_goes_into_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::enter();
    let file = folder.path().join("pid");
    let local = std::net::Ipv4Addr::LOCALHOST.into();
    let ng = SocketAddr::new(local, network.free_port(local));
    let output = runs(&[
        "--config-file=none",
        "--table=-1",
        &format!("--interface={}", network.relay(0)),
        &format!("--listen-ng={ng}"),
        &format!("--pidfile={}", file.display()),
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let pid: u32 =
        until("the pid file is written", SOON, || std::fs::read_to_string(&file).ok()?.trim().parse().ok());
    // From here on it must be ended whatever happens.
    struct Background(u32);
    impl Drop for Background {
        fn drop(&mut self) {
            let _ = rtpengine_tests::sys::kill(self.0, Signal::Kill);
        }
    }
    let background = Background(pid);
    let client = Client::new(ng).unwrap();
    assert_eq!(client.request(&Request::new("ping")).result(), "pong");
    rtpengine_tests::sys::kill(pid, Signal::Term).unwrap();
    until("the background process ends", Duration::from_secs(5), || UdpSocket::bind(ng).ok());
    std::mem::forget(background);
}

#[test]
fn every_listed_option_is_accepted() {
    // A selection from each group of operations.md 3.2, as existing command lines use them.
    let daemon = Daemon::builder()
        .args(["--log-level=6", "--log-level-core=7", "--split-logs", "--max-log-line-length=800"])
        .args(["--no-log-timestamps", "--log-name=relay", "--poller-size=64", "--thread-stack=1024"])
        .args(["--nftables-chain=", "--kernel-slots=0", "--save-interface-ports", "--socket-cpu-affinity=2"])
        .args(["--max-recv-iters=20", "--control-tos=24", "--ng-client-timeout=100", "--ng-client-retries=2"])
        .args(["--num-threads=2", "--media-num-threads=1", "--codec-num-threads=0", "--poller-per-thread"])
        .args(["--timer-accuracy=1000", "--scheduling=default", "--idle-priority=5", "--sip-source"])
        .args(["--redis-expires=100", "--redis-allowed-errors=3", "--dtmf-digit-delay=100", "--mos=LQ"])
        .args([
            "--ssrc-reporting=full",
            "--rtcp-interval=2000",
            "--recording-method=pcap",
            "--jitter-buffer=0",
        ])
        .args(["--dtls-passive", "--dtls-mtu=1200", "--dtls-cert-cipher=prime256v1", "--player-cache"])
        .args(["--audio-player=on-demand", "--moh-max-repeats=3", "--delete-delay=0x10", "--max-sessions=-5"])
        .start();
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}
