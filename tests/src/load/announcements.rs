//! Announcements: one file played to thousands of callers at once.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Bench;
use super::figures::{Figure, Run, percentile};
use super::relay::{Media, PACKET_INTERVAL_NS, open_sockets, set_up};
use crate::daemon::Daemon;
use crate::ng::Request;
use crate::sys::{self, Batch};

/// Between two looks at the sockets.
const LOOK_NS: u64 = 1_000_000;

/// Length of the announcement: no run takes longer.
const SECONDS: u32 = 120;

/// After the last player was started.
const WARM_UP: Duration = Duration::from_secs(1);

/// Plays to one side of `calls` calls of a fresh daemon, and returns the figures.
///
/// # Panics
/// When a call cannot be set up or the file not be written.
#[must_use]
pub fn run(bench: &Bench, daemon: &Daemon, calls: usize) -> Run {
    let folder = tempfile::tempdir().expect("a folder for the announcement");
    let file = folder.path().join("announcement.wav");
    fs::write(&file, wav()).expect("room for the announcement");
    let sockets = open_sockets(daemon);
    let mut streams = Vec::new();
    set_up(daemon, &sockets, Media::Plain, calls, &mut streams);
    let idle = daemon.private_bytes().unwrap_or(0);
    let started = sys::monotonic_ns();
    play(daemon, calls, &file);
    let starting = sys::monotonic_ns() - started;
    let ((heard, mut off), cpu, window) = bench.on_generator(move || {
        let mut listener =
            Listener { batch: Batch::new(), last: vec![0; 1 << 16], off: Vec::new(), packets: 0 };
        listener.listen(&sockets, WARM_UP, false);
        let (start, cpu) = (sys::monotonic_ns(), daemon.cpu_ns().unwrap_or(0));
        listener.listen(&sockets, bench.duration, true);
        ((listener.packets, listener.off), daemon.cpu_ns().unwrap_or(0) - cpu, sys::monotonic_ns() - start)
    });
    let playing = daemon.private_bytes().unwrap_or(0);
    off.sort_unstable();
    let expected = calls as f64 * window as f64 / PACKET_INTERVAL_NS as f64;
    let packets = heard.max(1) as f64;
    vec![
        Figure::new("cpu per packet", "us", cpu as f64 / packets / 1e3),
        Figure::new("packets of those expected", "%", 100.0 * packets / expected),
        Figure::new("interval off p50", "us", percentile(&off, 0.5) / 10.0),
        Figure::new("interval off p99", "us", percentile(&off, 0.99) / 10.0),
        Figure::new("daemon cpu", "%", 100.0 * cpu as f64 / window.max(1) as f64),
        Figure::new("start of a player", "us", starting as f64 / calls.max(1) as f64 / 1e3),
        Figure::new(
            "memory per listener",
            "KiB",
            playing.saturating_sub(idle) as f64 / 1024.0 / calls.max(1) as f64,
        ),
    ]
}

fn play(daemon: &Daemon, calls: usize, file: &Path) {
    let client = daemon.client();
    let file = file.to_str().expect("a readable path");
    for call in 0..calls {
        let request = Request::new("play media").set("call-id", format!("load-{call}")).set("from-tag", "a");
        let _ = client.request(&request.set("file", file)).ok();
    }
}

/// Counts what arrives, per port of the daemon.
struct Listener {
    batch: Batch,
    /// When the last packet came.
    last: Vec<u64>,
    /// How much more or less than a packet time lies between two packets, in tenths of a microsecond.
    off: Vec<u32>,
    packets: u64,
}

impl Listener {
    fn listen(&mut self, sockets: &[std::net::UdpSocket], duration: Duration, counts: bool) {
        let start = sys::monotonic_ns();
        for tick in 0..duration.as_nanos() as u64 / LOOK_NS {
            sys::sleep_until(start + tick * LOOK_NS);
            let (last, off, packets) = (&mut self.last, &mut self.off, &mut self.packets);
            for socket in sockets {
                let mut note = |packet: sys::Received<'_>| {
                    let last = &mut last[usize::from(packet.port)];
                    if counts {
                        *packets += 1;
                        let interval = packet.arrival_ns.saturating_sub(*last);
                        off.push(
                            u32::try_from(interval.abs_diff(PACKET_INTERVAL_NS) / 100).unwrap_or(u32::MAX),
                        );
                    }
                    *last = packet.arrival_ns;
                };
                while self.batch.receive(socket, &mut note).is_ok_and(|count| count == sys::BATCH) {}
            }
        }
    }
}

/// A changing tone of 8 kHz, 16 bits, one channel.
fn wav() -> Vec<u8> {
    let rate = 8000;
    let octets = rate * SECONDS * 2;
    let mut file = b"RIFF".to_vec();
    file.extend((octets + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend([rate, rate * 2].iter().flat_map(|value| value.to_le_bytes()));
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(octets.to_le_bytes());
    let sample = |n: u32| {
        let t = f64::from(n) / f64::from(rate);
        ((std::f64::consts::TAU * (400.0 + 40.0 * (t * 0.7).sin()) * t).sin() * 8000.0) as i16
    };
    file.extend((0..rate * SECONDS).flat_map(|n| sample(n).to_le_bytes()));
    file
}
