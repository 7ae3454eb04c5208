//! The readiness loop and its pacer without any call code: what forwarding costs at least.
//!
//! `bare_relay CALLS SECONDS TICK` (0 or 1) opens four sockets per call, relays between them in one thread pinned to core 0, and sends 50 packets a
//! second into two of them from core 1. Prints CPU µs per packet, loss and latency percentiles.
#![allow(missing_docs)]

use rtpengine::call::ids::SocketKey;
use rtpengine::net::readiness::{Readiness, Source, Waker, sleep};
use rtpengine::net::socket::{ReceiveError, SocketOptions, UdpSocket};
use rtpengine::shard::pace::{BUDGET, Pacer, Rest, Tick};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn open() -> (UdpSocket, SocketAddr) {
    let socket =
        UdpSocket::open(SocketAddr::from(([127, 0, 0, 1], 0)), SocketOptions::default()).expect("a socket");
    let address = socket.local_address().expect("its address");
    (socket, address)
}

fn pin(core: &str) {
    let thread = std::fs::read_link("/proc/thread-self").expect("procfs");
    let id = thread.file_name().and_then(|n| n.to_str()).expect("a number").to_owned();
    Command::new("taskset").args(["-pc", core, &id]).output().expect("taskset");
}

fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    Duration::from_nanos(stat.split(' ').next().and_then(|n| n.parse().ok()).expect("a number"))
}

fn relay(sockets: &[UdpSocket], targets: &[SocketAddr], tick: Tick, waker: &Waker, stop: &AtomicBool) {
    let mut readiness = Readiness::new().expect("epoll");
    for (slot, socket) in sockets.iter().enumerate() {
        let key = SocketKey { slot: slot as u32, generation: 0 };
        readiness.add(socket.as_fd(), key).expect("epoll add");
    }
    let mut pacer = Pacer::new(tick, Instant::now());
    let mut buffer = [0; 8192];
    let (mut packets, mut sleeps) = (0u64, 0u64);
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let mut events = 0;
        let dry = loop {
            let ready = readiness.poll(64).expect("epoll");
            if ready == 0 {
                break true;
            }
            for n in 0..ready {
                let Some(Source::Socket(key)) = readiness.event(n) else { continue };
                let slot = key.slot as usize;
                match sockets[slot].receive(&mut buffer) {
                    Ok((length, _)) => {
                        let _ = sockets[slot ^ 1].send(&buffer[..length], targets[slot]);
                        packets += 1;
                    }
                    Err(ReceiveError::Empty) => {}
                    Err(ReceiveError::Broken(error)) => panic!("{error}"),
                }
            }
            events += ready;
            if events >= BUDGET {
                break false;
            }
        };
        let end = Instant::now();
        match pacer.after_turn(start, end, events, dry) {
            Rest::No => continue,
            Rest::Gather(until) => {
                sleep(&[waker.as_raw_fd()], Some(until - end));
            }
            Rest::Idle => {
                sleep(&[waker.as_raw_fd(), readiness.as_raw_fd()], Some(Duration::from_millis(100)));
            }
        }
        sleeps += 1;
    }
    let cpu = cpu_time();
    println!(
        "relay: {packets} packets, {:.2} µs CPU each, {sleeps} sleeps",
        cpu.as_nanos() as f64 / 1000.0 / packets.max(1) as f64
    );
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|n| n.parse().ok()).collect();
    let [calls, seconds, tick] = numbers[..] else {
        eprintln!("usage: bare_relay CALLS SECONDS TICK");
        exit(2);
    };
    let pairs = calls as usize;
    let (sockets, locals): (Vec<_>, Vec<_>) = (0..pairs * 2).map(|_| open()).unzip();
    let (phones, targets): (Vec<_>, Vec<_>) = (0..pairs * 2).map(|_| open()).unzip();
    // Socket n receives from phone n; what it gets leaves from socket n^1 to phone n^1.
    let crossed: Vec<SocketAddr> = (0..targets.len()).map(|n| targets[n ^ 1]).collect();
    let (waker, stop) = (Arc::new(Waker::new().expect("eventfd")), Arc::new(AtomicBool::new(false)));
    let thread = std::thread::spawn({
        let (waker, stop) = (Arc::clone(&waker), Arc::clone(&stop));
        move || {
            pin("0");
            let tick = if tick == 0 { Tick::Never } else { Tick::Adaptive };
            relay(&sockets, &crossed, tick, &waker, &stop);
        }
    });
    pin("1");
    let begin = Instant::now();
    let count = phones.len();
    let interval = Duration::from_millis(20) / count as u32;
    let (mut sent, mut latencies) = (0u64, Vec::new());
    let mut buffer = [0; 2048];
    let mut packet = [0u8; 172];
    while begin.elapsed() < Duration::from_secs(seconds) {
        let due = (begin.elapsed().as_nanos() / interval.as_nanos()) as u64;
        while sent < due {
            let n = (sent % count as u64) as usize;
            packet[12..20].copy_from_slice(&(begin.elapsed().as_nanos() as u64).to_ne_bytes());
            let _ = phones[n].send(&packet, locals[n]);
            sent += 1;
        }
        if count <= 40 {
            std::thread::sleep(Duration::from_micros(100));
        } else {
            std::thread::sleep(Duration::from_micros(500));
        }
        let step = if count <= 40 { count } else { count / 20 };
        let first = (sent as usize).wrapping_sub(step * 3) % count;
        for at in 0..step * 2 {
            while phones[(first + at) % count].receive(&mut buffer).is_ok() {
                let stamp = u64::from_ne_bytes(buffer[12..20].try_into().expect("eight bytes"));
                latencies.push((begin.elapsed().as_nanos() as u64).saturating_sub(stamp) / 1000);
            }
        }
    }
    std::thread::sleep(Duration::from_millis(20));
    for phone in &phones {
        while phone.receive(&mut buffer).is_ok() {
            latencies.push(0);
        }
    }
    stop.store(true, Ordering::Relaxed);
    waker.wake();
    thread.join().expect("the relay ends");
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or(0);
    println!("sent {sent}, received {}, latency µs p50 {} p99 {}", latencies.len(), at(0.5), at(0.99));
}
