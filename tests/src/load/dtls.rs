//! DTLS load: calls of a browser's kind (ICE, DTLS, rtcp-mux) set up one after the other by several callees at once, beside
//! relayed calls. Each is over when its first packet has arrived decrypted.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::figures::{Figure, Run, percentile};
use super::relay::{self, Media};
use super::{Bench, audio_body};
use crate::checks::Checks;
use crate::daemon::Daemon;
use crate::dtls::{Association, Begins, Identity};
use crate::ng::{Client, Request, list};
use crate::phone::receive;
use crate::sdp::{Sdp, Section};
use crate::sys;

/// Callees at the same time.
const TOGETHER: usize = 8;

/// How long a call may take before the run fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `calls` relayed calls through a fresh daemon, first alone and then beside handshakes, and returns the figures.
///
/// # Panics
/// When a call cannot be set up.
#[must_use]
pub fn run(bench: &Bench, daemon: &Daemon, calls: usize) -> Run {
    let sockets = relay::open_sockets(daemon);
    let mut streams = Vec::new();
    relay::set_up(daemon, &sockets, Media::Plain, calls, &mut streams);
    let identity = Identity::new();
    let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let times = Mutex::new(Vec::new());
    let mut elapsed = Duration::ZERO;
    let [alone, beside] = std::thread::scope(|scope| {
        for worker in 0..TOGETHER {
            let (begun, ended, times, identity) = (&begun, &ended, &times, &identity);
            scope.spawn(move || {
                // Without real-time priority: the packets of the relayed calls go first.
                sys::pin_thread(bench.generator_processor).expect("the generator's processor exists");
                while !begun.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let client = daemon.client();
                for number in 0.. {
                    if ended.load(Ordering::Acquire) {
                        return;
                    }
                    let time = one_call(daemon, &client, identity, &format!("dtls-{worker}-{number}"));
                    times.lock().expect("nobody panics here").push(time);
                }
            });
        }
        let windows = bench.on_generator(|| {
            let mut generator = relay::Generator::new(daemon, sockets, streams, false, false);
            let alone = generator.run(bench.duration);
            begun.store(true, Ordering::Release);
            let start = Instant::now();
            let beside = generator.run(bench.duration);
            elapsed = start.elapsed();
            [alone, beside]
        });
        ended.store(true, Ordering::Release);
        windows
    });
    let mut times = times.into_inner().expect("nobody panics here");
    times.sort_unstable();
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    let load = |seen: &relay::Seen| seen.daemon_cpu_ns as f64 / seen.window_ns.max(1) as f64;
    let latency = |seen: &relay::Seen, part| {
        let mut latency = seen.latency.clone();
        latency.sort_unstable();
        percentile(&latency, part) / 10.0
    };
    vec![
        Figure::new("dtls calls set up", "1/s", rate),
        // With its signalling: offer, answer, checks, delete.
        Figure::new("cpu per handshake", "ms", (load(&beside) - load(&alone)) * 1e3 / rate.max(1e-9)),
        Figure::new("offer to first media p50", "ms", percentile(&times, 0.5) / 1e4),
        Figure::new("offer to first media p99", "ms", percentile(&times, 0.99) / 1e4),
        Figure::new("added latency p99, alone", "us", latency(&alone, 0.99)),
        Figure::new("added latency p99", "us", latency(&beside, 0.99)),
        Figure::new("added latency p99.9", "us", latency(&beside, 0.999)),
        Figure::new("loss", "%", beside.loss()),
        Figure::new("daemon cpu, alone", "%", 100.0 * load(&alone)),
        Figure::new("daemon cpu", "%", 100.0 * load(&beside)),
        Figure::new("generator late ticks", "", beside.late_ticks as f64),
    ]
}

/// Sets one call up, sends one packet through it and deletes it. Returns the time to that packet in tenths of a microsecond.
fn one_call(daemon: &Daemon, client: &Client, identity: &Identity, id: &str) -> u32 {
    let open = |number| {
        let socket = UdpSocket::bind((daemon.network().phone(number), 0)).expect("a socket of the generator");
        let address = socket.local_addr().expect("bound");
        (socket, address)
    };
    let ((caller, caller_address), (callee, callee_address)) = (open(2), open(3));
    let mut checks = Checks::new("load");
    let ask = |command: &str| Request::new(command).set("call-id", id).set("from-tag", "a");
    let start = Instant::now();
    let offer = ask("offer").set("sdp", audio_body(caller_address, None)).set("ICE", "force");
    let offer = offer.set("transport-protocol", "UDP/TLS/RTP/SAVPF").set("rtcp-mux", list(["offer"]));
    let towards_callee = section(client, &offer);
    let answer = ask("answer").set("to-tag", "b").set("sdp", browser_body(callee_address, identity, &checks));
    let _ = section(client, &answer);
    let remote = towards_callee.rtp();
    checks.takes(&towards_callee);
    checks.connect(&[(&callee, remote)], false, PATIENCE).expect("ICE connects");
    let association = Association::shake(identity, &callee, remote, Begins::Phone, PATIENCE);
    let mut association = association.expect("a handshake");
    let mut packet = vec![0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9];
    packet.resize(172, 0xd5);
    callee.send_to(&association.outbound.protect(&packet), remote).expect("a packet can be sent");
    let (heard, _) = receive(&caller, PATIENCE).expect("the packet arrives");
    assert_eq!(heard, packet, "decrypted");
    let time = u32::try_from(start.elapsed().as_nanos() / 100).unwrap_or(u32::MAX);
    let _ = client.request(&ask("delete").set("delete-delay", 0)).ok();
    time
}

fn section(client: &Client, request: &Request) -> Section {
    Sdp::parse(client.request(request).ok().sdp()).sections.remove(0)
}

/// The answer of a browser, with audio alone.
fn browser_body(address: SocketAddr, identity: &Identity, checks: &Checks) -> String {
    let ip = address.ip();
    let mut body = format!(
        "v=0\r\no=- 4711 2 IN IP4 {ip}\r\ns=-\r\nt=0 0\r\nm=audio {} UDP/TLS/RTP/SAVPF 8 101\r\nc=IN IP4 {ip}\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp-mux\r\na=setup:active\r\n\
         a=fingerprint:{}\r\n",
        address.port(),
        identity.fingerprint()
    );
    for attribute in checks.attributes(&[address]) {
        body += &format!("a={attribute}\r\n");
    }
    body
}
