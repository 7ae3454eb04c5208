//! Set-up load: calls offered, answered and deleted, sixteen under way at any time.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::figures::{Figure, Run, percentile};
use super::{Bench, audio_body};
use crate::daemon::Daemon;
use crate::ng::Request;

/// Calls under way at the same time.
const OUTSTANDING: usize = 16;

/// Before the measured part.
const WARM_UP: Duration = Duration::from_millis(500);

/// A call under way: its number and how far it is.
#[derive(Clone, Copy)]
struct Slot {
    call: u64,
    step: usize,
    sent: Instant,
}

const STEPS: usize = 3;

/// The three requests of a call, with a place for its number.
struct Script {
    requests: [Vec<u8>; STEPS],
}

/// Stands for the call's number; as long as any number is printed.
const PLACE: &[u8; 12] = b"NNNNNNNNNNNN";

impl Script {
    fn new(daemon: &Daemon) -> Self {
        let place = str::from_utf8(PLACE).expect("ASCII");
        let ask = |command: &str| {
            let request = Request::new(command).set("call-id", format!("setup-{place}@load"));
            request.set("from-tag", format!("from-{place}")).list("supports", ["load limit"])
        };
        let body = |number: u8, port| audio_body(SocketAddr::new(daemon.network().phone(number), port), None);
        let to = format!("to-{place}");
        let offer = ask("offer").set("sdp", body(0, 4000)).list("replace", ["origin"]);
        let answer = ask("answer").set("to-tag", &to).set("sdp", body(1, 4002)).list("replace", ["origin"]);
        let delete = ask("delete").set("to-tag", &to).set("delete-delay", 0);
        Self { requests: [offer, answer, delete].map(|request| request.encode()) }
    }

    /// The datagram for one step of a call. The cookie is slot, step and call.
    fn datagram(&self, slot: usize, state: Slot, out: &mut Vec<u8>) {
        let number = format!("{:012}", state.call);
        out.clear();
        out.extend_from_slice(format!("{slot}_{}_{number} ", state.step).as_bytes());
        let mut rest = &self.requests[state.step][..];
        while let Some(at) = find(rest, PLACE) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(number.as_bytes());
            rest = &rest[at + PLACE.len()..];
        }
        out.extend_from_slice(rest);
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Sets calls up and deletes them for the time of the bench, and returns the figures.
///
/// # Panics
/// When a request is refused or never answered.
#[must_use]
pub fn run(bench: &Bench, daemon: &Daemon) -> Run {
    let script = Script::new(daemon);
    bench.on_generator(|| drive(bench, daemon, &script))
}

fn drive(bench: &Bench, daemon: &Daemon, script: &Script) -> Run {
    let socket = UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a socket of the generator");
    socket.connect(daemon.ng()).expect("the control port can be addressed");
    // Looking again and again on a processor of its own, the generator causes no wake-ups.
    socket.set_nonblocking(true).expect("the socket can be polled");
    let mut datagram = Vec::new();
    let mut reply = vec![0; 65536];
    let mut calls = 0_u64;
    let mut send = |slot: usize, state: Slot| {
        script.datagram(slot, state, &mut datagram);
        socket.send(&datagram).expect("a request can be sent");
    };
    let mut slots: Vec<Slot> = Vec::new();
    for slot in 0..OUTSTANDING {
        slots.push(Slot { call: calls, step: 0, sent: Instant::now() });
        calls += 1;
        send(slot, slots[slot]);
    }
    let start = Instant::now();
    let mut window: Option<(Instant, u64)> = None;
    let (mut done, mut times) = (0_u64, Vec::new());
    let mut last = Instant::now();
    loop {
        let now = Instant::now();
        if window.is_none() && now - start > WARM_UP {
            (done, window) = (0, Some((now, daemon.cpu_ns().unwrap_or(0))));
            times.clear();
        }
        if window.is_some_and(|(opened, _)| now - opened > bench.duration) {
            break;
        }
        let length = match socket.recv(&mut reply) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(now - last < Duration::from_secs(3), "the daemon stopped answering");
                std::hint::spin_loop();
                continue;
            }
            Err(error) => panic!("cannot receive: {error}"),
        };
        last = now;
        let reply = &reply[..length];
        let text = || String::from_utf8_lossy(reply).into_owned();
        assert!(find(reply, b"6:result2:ok").is_some(), "refused: {}", text());
        let slot = reply.split(|&byte| byte == b'_').next().and_then(|text| str::from_utf8(text).ok());
        let Some(slot) = slot.and_then(|text| text.parse::<usize>().ok()).filter(|&slot| slot < OUTSTANDING)
        else {
            panic!("strange cookie: {}", text())
        };
        let mut state = slots[slot];
        times.push(u32::try_from(state.sent.elapsed().as_nanos() / 100).unwrap_or(u32::MAX));
        state.step += 1;
        if state.step == STEPS {
            done += 1;
            state = Slot { call: calls, step: 0, sent: now };
            calls += 1;
        }
        state.sent = Instant::now();
        slots[slot] = state;
        send(slot, state);
    }
    let (opened, cpu) = window.expect("the loop ends in the window");
    let (seconds, cpu) = (opened.elapsed().as_secs_f64(), daemon.cpu_ns().unwrap_or(0) - cpu);
    times.sort_unstable();
    let each = done.max(1) as f64;
    vec![
        Figure::new("calls set up", "1/s", done as f64 / seconds),
        Figure::new("cpu per call", "ms", cpu as f64 / 1e6 / each),
        Figure::new("request p50", "us", percentile(&times, 0.5) / 10.0),
        Figure::new("request p99", "us", percentile(&times, 0.99) / 10.0),
        Figure::new("request max", "us", percentile(&times, 1.0) / 10.0),
        Figure::new("daemon cpu", "%", cpu as f64 / 1e7 / seconds),
    ]
}
