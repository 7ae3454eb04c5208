//! SRTP against other implementations (`media-plane.md` 9): libsrtp, the library that browsers and most SIP clients use, and
//! the Debian package of the C program, which has all suites.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rtpengine_tests::network::left_out;
use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The suites of libsrtp: name, and bytes of master key and salt. It has AES-192 too but derives those session keys with
/// AES-256 from the master key and part of the salt, which is not RFC 6188's way.
const SUITES: [(&str, usize); 7] = [
    ("AES_CM_128_HMAC_SHA1_80", 30),
    ("AES_CM_128_HMAC_SHA1_32", 30),
    ("AES_256_CM_HMAC_SHA1_80", 46),
    ("AES_256_CM_HMAC_SHA1_32", 46),
    ("AEAD_AES_128_GCM", 28),
    ("AEAD_AES_256_GCM", 44),
    ("NULL_HMAC_SHA1_80", 30),
];

/// What else is negotiated: MKI and its length, session parameters, and libsrtp's services for RTP and RTCP.
#[derive(Clone, Copy, Default)]
struct Extra {
    mki: Option<(u32, usize)>,
    parameters: &'static str,
    services: Option<[&'static str; 2]>,
}

/// The program of `interop/srtp_peer.c`, compiled; `None`, said in words, where that cannot be.
fn compiled(folder: &Path) -> Option<std::path::PathBuf> {
    let about = "SRTP against libsrtp";
    if !Path::new("/usr/include/srtp2/srtp.h").exists() {
        return left_out(about, "libsrtp2-dev is not installed");
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/srtp_peer.c");
    let program = folder.join("srtp_peer");
    let status = Command::new("cc").arg("-O1").arg("-o").args([&program, &source]).arg("-lsrtp2").status();
    assert!(status.expect("a C compiler").success());
    Some(program)
}

/// libsrtp with one key.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &Path, suite: &str, key: &[u8], extra: Extra) -> Self {
        let mki = extra.mki.map_or("-".to_string(), |(value, length)| {
            let bytes = u64::from(value).to_be_bytes();
            hex(&[vec![0; length.saturating_sub(8)], bytes[8 - length.min(8)..].to_vec()].concat())
        });
        let [rtp, rtcp] = extra.services.unwrap_or(["both", "both"]);
        let mut command = Command::new(program);
        command.args([suite, &hex(key), &mki, rtp, rtcp]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("just compiled");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    #[track_caller]
    fn does(&mut self, what: char, packet: &[u8]) -> Vec<u8> {
        writeln!(self.input, "{what}{}", hex(packet)).expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        let digits = line.trim().as_bytes();
        assert!(!digits.is_empty() && !line.starts_with("error"), "{what}: libsrtp says {line:?}");
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A call of a phone that speaks this suite by libsrtp, and one that speaks plain RTP.
fn talk(daemon: &Daemon, program: &Path, (suite, length): (&str, usize), extra: Extra) {
    let call = Call::new(daemon);
    let key: Vec<u8> = (0..length).map(|at| (at * 37 + 11) as u8).collect();
    let mki = extra.mki.map(|(value, length)| format!("|{value}:{length}")).unwrap_or_default();
    let line = format!("1 {suite} inline:{}{mki}{}", STANDARD_NO_PAD.encode(&key), extra.parameters);
    let plan = MediaPlan::audio().protocol("RTP/SAVP").attribute(&format!("crypto:{line}"));
    let mut alice = call.phone(0, "alice").media(plan).build();
    let mut bob = call.phone(1, "bob").build();
    let options = Request::empty().set("transport-protocol", "RTP/AVP").set("DTLS", "off");
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    let answered: Vec<_> =
        alice.remote().value("crypto").expect("keys").split(' ').map(str::to_string).collect();
    assert_eq!(answered[1], suite);
    let theirs = answered[2].strip_prefix("inline:").unwrap().split('|').next().unwrap();
    let theirs = STANDARD_NO_PAD.decode(theirs).unwrap();
    assert_eq!(theirs.len(), length);
    let mut sends = Peer::start(program, suite, &key, extra);
    // Keys of our own come without MKI (sdp.md 12.5 rule 4).
    let mut hears = Peer::start(program, suite, &theirs, Extra { mki: None, ..extra });
    let (rtp, rtcp) =
        (alice.media[0].rtp_socket().try_clone().unwrap(), alice.media[0].rtcp_socket().try_clone().unwrap());
    alice.media[0].next.sequence_number = 65_533;
    bob.media[0].next.sequence_number = 65_533;
    for _ in 0..6 {
        let packet = alice.next_packet(0);
        let sealed = sends.does('P', &packet.encode());
        rtp.send_to(&sealed, alice.remote().rtp()).unwrap();
        bob.hears(&packet);
        let packet = bob.sends();
        let (sealed, _) = receive(&rtp, SOON).expect("a packet");
        assert_eq!(Rtp::parse(&hears.does('U', &sealed)), Some(packet), "{suite}");
    }
    for _ in 0..3 {
        let report = alice.sender_report();
        let sealed = sends.does('p', &Rtcp::encode(&report));
        rtcp.send_to(&sealed, alice.remote().rtcp()).unwrap();
        bob.hears_rtcp(&report);
        let report = bob.sends_rtcp(&bob.sender_report());
        let (sealed, _) = receive(&rtcp, SOON).expect("a report");
        assert_eq!(Rtcp::parse(&hears.does('u', &sealed)), Some(report), "{suite}");
    }
    let query = call.query();
    let errors = query.int(&["tags", "alice", "medias", "0", "streams", "0", "stats", "errors"]);
    assert_eq!(errors, 0, "{suite}");
    call.hangs_up(&alice);
}

#[test]
fn every_suite_of_libsrtp_is_understood_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compiled(folder.path()) else { return };
    let daemon = Daemon::start();
    for suite in SUITES {
        talk(&daemon, &program, suite, Extra::default());
    }
}

#[test]
fn with_key_identifiers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compiled(folder.path()) else { return };
    let daemon = Daemon::start();
    for suite in SUITES {
        for mki in [(1, 1), (77, 4), (0x0102_0304, 8), (9, 100)] {
            talk(&daemon, &program, suite, Extra { mki: Some(mki), ..Extra::default() });
        }
    }
}

#[test]
fn with_session_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compiled(folder.path()) else { return };
    let daemon = Daemon::start();
    // With AEAD the specification's form of these differs from RFC 7714 (media-plane.md 9.3 rule 2).
    for suite in SUITES.into_iter().filter(|(name, _)| !name.starts_with("AEAD")) {
        for (parameters, services) in [
            (" UNENCRYPTED_SRTP", ["auth", "both"]),
            (" UNENCRYPTED_SRTCP", ["both", "auth"]),
            (" UNENCRYPTED_SRTP UNENCRYPTED_SRTCP", ["auth", "auth"]),
            (" UNAUTHENTICATED_SRTP", ["conf", "both"]),
        ] {
            talk(&daemon, &program, suite, Extra { mki: None, parameters, services: Some(services) });
        }
    }
}

/// All suites, in the order in which they are offered.
const ALL: [&str; 12] = [
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_192_CM_HMAC_SHA1_80",
    "AES_192_CM_HMAC_SHA1_32",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
    "F8_128_HMAC_SHA1_80",
    "F8_128_HMAC_SHA1_32",
    "NULL_HMAC_SHA1_80",
    "NULL_HMAC_SHA1_32",
];

/// Where Debian has the C program.
fn debian() -> Option<&'static str> {
    let places = ["/usr/bin/rtpengine", "/usr/sbin/rtpengine"];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.or_else(|| left_out("SRTP against the Debian package", "rtpengine-daemon is not installed"))
}

#[test]
fn every_suite_between_two_daemons_of_which_one_is_debians() {
    let Some(program) = debian() else { return };
    let ours = Daemon::builder().ports(30_000, 30_999).start();
    let theirs = Daemon::builder().program(program).interface(&ours.network().relay(1)).ports(32_000, 32_999);
    let theirs = theirs.start();
    // With the NULL cipher the Debian package crashes; libsrtp has it above.
    for suite in ALL.into_iter().filter(|name| !name.starts_with("NULL")) {
        for begins in [&ours, &theirs] {
            let ends = if std::ptr::eq(begins, &ours) { &theirs } else { &ours };
            between_two(begins, ends, suite);
        }
    }
}

/// Each in both roles: the one that answers begins, and is asked for a cookie by ours.
#[test]
fn dtls_between_two_daemons_of_which_one_is_debians() {
    let Some(program) = debian() else { return };
    let ours = Daemon::builder().ports(30_000, 30_999).start();
    let theirs = Daemon::builder().program(program).interface(&ours.network().relay(1)).ports(32_000, 32_999);
    let theirs = theirs.start();
    for (first, second) in [(&ours, &theirs), (&theirs, &ours)] {
        let call = Call::new(first);
        let (mut alice, mut bob) = call.phones();
        let ask = |command: &str, sdp: &str| call.ask(command).set("from-tag", "alice").set("sdp", sdp);
        let offer = ask("offer", &alice.offer_sdp()).set("transport-protocol", "UDP/TLS/RTP/SAVP");
        let offer = first.request(&offer.set("SDES", "off")).ok();
        let offer = second.request(&ask("offer", offer.sdp()).set("transport-protocol", "RTP/AVP")).ok();
        bob.takes(offer.sdp());
        let answer = second.request(&ask("answer", &bob.answer_sdp()).set("to-tag", "bob")).ok();
        assert_eq!(Sdp::parse(answer.sdp()).sections[0].value("setup"), Some("active"));
        let answer = first.request(&ask("answer", answer.sdp()).set("to-tag", "bob")).ok();
        alice.takes(answer.sdp());
        let negotiated = || ours.log().matches("DTLS-SRTP successfully negotiated using").count();
        let before = if std::ptr::eq(first, &ours) { 0 } else { 2 };
        until("RTP and RTCP have keys", 8 * SOON, || (negotiated() == before + 2).then_some(()));
        // The other one may have a last flight to read.
        until("both talk", 4 * SOON, || {
            alice.sends();
            receive(bob.media[0].rtp_socket(), QUIET).map(|_| ())
        });
        bob.drains();
        alice.drains();
        alice.speaks_to(&mut bob);
        bob.speaks_to(&mut alice);
        for daemon in [first, second] {
            let _ = daemon.request(&call.ask("delete").set("delete-delay", 0)).ok();
        }
    }
}

/// Plain RTP to the first daemon, SRTP with this suite to the second, plain RTP from there.
fn between_two(first: &Daemon, second: &Daemon, suite: &str) {
    let call = Call::new(first);
    let (mut alice, mut bob) = call.phones();
    let ask = |command: &str, sdp: &str| call.ask(command).set("from-tag", "alice").set("sdp", sdp);
    let others = ALL.iter().filter(|other| **other != suite).map(|other| format!("no-{other}"));
    let others: Vec<_> = others.collect();
    let offer = ask("offer", &alice.offer_sdp()).set("transport-protocol", "RTP/SAVP").set("DTLS", "off");
    let offer = first.request(&offer.set("SDES", list(others.iter().map(String::as_str)))).ok();
    let line = Sdp::parse(offer.sdp()).sections[0].values("crypto").join("\n");
    assert!(line.starts_with("1 ") && line.contains(suite) && !line.contains('\n'), "{line}");
    let offer =
        second.request(&ask("offer", offer.sdp()).set("transport-protocol", "RTP/AVP").set("DTLS", "off"));
    bob.takes(offer.ok().sdp());
    let answer = second.request(&ask("answer", &bob.answer_sdp()).set("to-tag", "bob")).ok();
    let answer = first.request(&ask("answer", answer.sdp()).set("to-tag", "bob")).ok();
    alice.takes(answer.sdp());
    alice.media[0].next.sequence_number = 65_533;
    bob.media[0].next.sequence_number = 65_533;
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let report = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&report);
    let report = bob.sends_rtcp(&bob.sender_report());
    alice.hears_rtcp(&report);
    for daemon in [first, second] {
        let _ = daemon.request(&call.ask("delete").set("delete-delay", 0)).ok();
    }
}
