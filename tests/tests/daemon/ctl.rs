//! `rtpengine-ctl` in front of a running daemon: text commands, ng commands, statuses for scripts (`operations.md` 6.11).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Output};

use rtpengine_tests::daemon::binary;
use rtpengine_tests::prelude::*;

/// A daemon with a command line, and how to reach both of its control ports.
struct Desk {
    daemon: Daemon,
    text: SocketAddr,
}

impl Desk {
    fn start() -> Self {
        let network = Network::enter();
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let text = SocketAddr::new(local, network.free_port(local));
        let daemon = Daemon::builder().arg(format!("--listen-cli={text}")).start();
        Self { daemon, text }
    }

    fn control(&self, at: SocketAddr, words: &[&str]) -> Output {
        let program = binary().with_file_name("rtpengine-ctl");
        assert!(program.is_file(), "build {} first (make test does)", program.display());
        Command::new(program)
            .args(["--config-file", "/nowhere", "--ip", &at.to_string()])
            .args(words)
            .output()
            .unwrap()
    }

    /// The answer to a line; the status says only that there was a connection.
    fn line(&self, line: &str) -> String {
        let output = self.control(self.text, &line.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn ng(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut all = vec!["ng"];
        all.extend(words);
        let output = self.control(self.daemon.ng(), &all);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    fn offer(&self, call_id: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("offer.sdp");
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
        std::fs::write(&file, sdp).unwrap();
        let (status, reply) =
            self.ng(&["offer", "--call-id", call_id, "--from-tag", "a", "--sdp", file.to_str().unwrap()]);
        assert_eq!(status, Some(0), "{reply}");
        assert!(reply.starts_with("result: ok\n") && reply.contains("\nm=audio "), "{reply}");
    }
}

#[test]
fn text_commands() {
    let desk = Desk::start();
    desk.offer("one");
    assert!(desk.line("list numsessions").starts_with("Current sessions own: 1\n"));
    let details = desk.line("list sessions one");
    assert!(details.starts_with("\ncallid: one\n") && details.ends_with("\n\n"), "{details}");
    assert_eq!(desk.line("call one terminate"), "\nCall 'one' terminated.\n\n");
    desk.daemon.stops();
}

#[test]
fn replies_as_json() {
    let desk = Desk::start();
    let (status, reply) = desk.ng(&["cli", "--body", "list maxsessions", "--json"]);
    assert_eq!(status, Some(0));
    assert!(reply.contains("Maximum sessions configured on rtpengine: -1\\n"), "{reply}");
    let (status, reply) = desk.ng(&["cli"]);
    assert_eq!(status, Some(1));
    assert!(reply.contains("No 'body' in message"), "{reply}");
    desk.daemon.stops();
}

#[test]
fn statuses_for_scripts() {
    let desk = Desk::start();
    assert_eq!(desk.ng(&["ping"]), (Some(0), "result: pong\n".into()));
    assert_eq!(desk.ng(&["query", "--call-id", "nobody"]).0, Some(1));
    assert_eq!(desk.ng(&["no-such-command"]).0, Some(2));
    // A line that is not understood is an answer like any other.
    assert_eq!(desk.line("frobnicate"), "Unknown command: frobnicate\n");
    let (text, ng) = (desk.text, desk.daemon.ng());
    let deaf = Desk { daemon: desk.daemon, text };
    let closed = SocketAddr::new(text.ip(), deaf.daemon.network().free_port(text.ip()));
    assert_eq!(deaf.control(closed, &["list", "numsessions"]).status.code(), Some(1));
    assert_eq!(deaf.control(closed, &["ng", "ping"]).status.code(), Some(3));
    assert_eq!(deaf.control(ng, &["ng", "--help"]).status.code(), Some(0));
    deaf.daemon.stops();
}
