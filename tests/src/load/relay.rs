//! Media load: N calls with 50 packets a second in each direction.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use super::conversion::{Conversion, Speech};
use super::figures::{Figure, Run, percentile};
use super::{Bench, audio_body};
use crate::daemon::Daemon;
use crate::ng::{Client, Request, fresh_cookie};
use crate::sdp::Sdp;
use crate::srtp::{MASTER, Srtp};
use crate::sys::{self, Batch};

/// Sockets of each side. Calls share them, so that one system call moves packets of many calls.
const SOCKETS: usize = 4;

/// From one packet of a stream to the next.
pub(super) const PACKET_INTERVAL_NS: u64 = 20_000_000;

/// Between two looks at the sockets.
const LOOK_NS: u64 = 250_000;

/// Between two moments of sending while there are few streams. Phones are not in step, so packets come one by one: bunched
/// together they would spare a daemon that wakes for each of them most of its wake-ups.
const FINE_TICK_NS: u64 = 50_000;

/// Streams up to which the generator keeps up with the fine tick; with more, several packets are due at a time anyway.
const FINE_STREAMS: usize = 1000;

/// Packets per sending system call: few enough that the last is not much older than its time stamp.
const TOGETHER: usize = 16;

/// Packets of a burst, as many as a video key frame has.
const BURST: usize = 50;

/// Between two bursts.
const BURST_EVERY_NS: u64 = 200_000_000;

/// Between two pings.
const PING_EVERY_NS: u64 = 10_000_000;

/// A generator this much behind its own clock disturbs what it measures.
const LATE_NS: u64 = 1_500_000;

/// How long the disturbance is felt in transcoded streams: two looks at their timing, of 25 packets each.
const SETTLED_NS: u64 = 1_000_000_000;

/// Before the measured part.
const WARM_UP: Duration = Duration::from_secs(1);

/// After it, for what is still on its way.
const DRAIN: Duration = Duration::from_millis(300);

/// RTP header, then our magic word, burst and send time, filled up to 20 ms of G.711.
const PACKET: usize = 172;
const MAGIC: [u8; 4] = *b"load";

/// The suite of the callers that speak SRTP.
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// Set in the SSRC of every stream beside its number.
const SSRC: u32 = 0x4000_0000;

/// What the calls of a media load are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Plain RTP on both sides.
    Plain,
    /// SRTP with the caller, plain RTP with the callee: the daemon decrypts one way and encrypts the other.
    Srtp,
    /// Plain RTP in different codecs.
    Transcoded(Conversion),
}

/// One direction of one call.
pub(super) struct Stream {
    socket: usize,
    to: SocketAddrV4,
    sequence_number: u16,
    timestamp: u32,
    /// Protects what is sent.
    seal: Option<Box<Srtp>>,
    /// Opens what arrives at the other side.
    open: Option<Box<Srtp>>,
    /// What is transcoded on the way.
    audio: Option<Box<Audio>>,
    /// How long after the measured part has begun it begins to send; before the warm-up if `None`.
    pub(super) begins: Option<Duration>,
}

/// A stream whose packets do not arrive as they were sent.
struct Audio {
    speech: std::sync::Arc<Speech>,
    /// The payload type at the other side.
    expected: u8,
    /// Packets held back by the change of rates.
    held: u16,
    /// When the last packets were sent, by sequence number.
    sent_ns: [u64; 64],
}

/// What the measured part saw.
#[derive(Default)]
pub(super) struct Seen {
    sent: u64,
    refused: u64,
    received: u64,
    /// Tenths of a microsecond, of packets outside bursts.
    pub(super) latency: Vec<u32>,
    /// Per burst: send time, packets back, arrival of the last.
    bursts: Vec<(u64, usize, u64)>,
    /// Tenths of a microsecond from a ping to its pong.
    pings: Vec<u32>,
    pub(super) late_ticks: u64,
    /// Packets left out of the latencies: sent within this time of a moment at which the generator itself was late. What comes in a heap,
    /// or later than it should, is not to be spread by a relay, but is by what paces audio.
    disturbed: u64,
    /// Of streams that are transcoded and begin later.
    pub(super) begun: Begun,
    pub(super) daemon_cpu_ns: u64,
    generator_cpu_ns: u64,
    pub(super) window_ns: u64,
}

/// What was seen of streams that begin in the measured part.
#[derive(Default)]
pub(super) struct Begun {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Tenths of a microsecond.
    pub(super) latency: Vec<u32>,
}

/// Runs `calls` calls through a fresh daemon, with bursts among them if `bursts`, and returns the figures.
///
/// # Panics
/// When a call cannot be set up.
#[must_use]
pub fn run(bench: &Bench, daemon: &Daemon, media: Media, calls: usize, bursts: bool) -> Run {
    let one_way = matches!(media, Media::Transcoded(conversion) if !conversion.both_ways());
    let resident = daemon.resident_bytes().unwrap_or(0);
    let idle = daemon.private_bytes().unwrap_or(0);
    let sockets = open_sockets(daemon);
    let mut streams = Vec::new();
    set_up(daemon, &sockets, media, calls, &mut streams);
    let loaded = daemon.private_bytes().unwrap_or(0);
    let mut seen = bench
        .on_generator(move || Generator::new(daemon, sockets, streams, bursts, one_way).run(bench.duration));
    seen.latency.sort_unstable();
    seen.pings.sort_unstable();
    let packets = seen.received.max(1) as f64;
    let seconds = seen.window_ns as f64 / 1e9;
    let share = |cpu: u64| 100.0 * cpu as f64 / seen.window_ns.max(1) as f64;
    let latency = |part| percentile(&seen.latency, part) / 10.0;
    let mut run = vec![
        Figure::new("cpu per packet", "us", seen.daemon_cpu_ns as f64 / packets / 1e3),
        Figure::new("packets per cpu second", "1/s", packets / (seen.daemon_cpu_ns.max(1) as f64 / 1e9)),
        Figure::new("packets forwarded", "1/s", packets / seconds),
        Figure::new("loss", "%", seen.loss()),
        Figure::new("added latency p50", "us", latency(0.5)),
        Figure::new("added latency p99", "us", latency(0.99)),
        Figure::new("added latency p99.9", "us", latency(0.999)),
        Figure::new("ping p99", "us", percentile(&seen.pings, 0.99) / 10.0),
        Figure::new("daemon cpu", "%", share(seen.daemon_cpu_ns)),
        Figure::new("generator cpu", "%", share(seen.generator_cpu_ns)),
        Figure::new("generator late ticks", "", seen.late_ticks as f64),
        Figure::new("latencies left out", "%", 100.0 * seen.disturbed as f64 / packets),
        Figure::new("generator refused sends", "", seen.refused as f64),
        Figure::new("memory idle", "MiB", resident as f64 / 1048576.0),
        Figure::new("memory idle without libraries", "MiB", idle as f64 / 1048576.0),
        Figure::new(
            "memory per call",
            "KiB",
            loaded.saturating_sub(idle) as f64 / 1024.0 / calls.max(1) as f64,
        ),
    ];
    if matches!(media, Media::Transcoded(_)) {
        // Coders are opened by the first packets.
        let used = daemon.private_bytes().unwrap_or(0).saturating_sub(idle);
        run.push(Figure::new("memory per talking call", "KiB", used as f64 / 1024.0 / calls.max(1) as f64));
    }
    if bursts {
        run.extend(burst_figures(&seen));
    }
    run
}

fn burst_figures(seen: &Seen) -> Run {
    let whole = seen.bursts.iter().filter(|(_, back, _)| *back == BURST);
    let mut times: Vec<u32> = whole.map(|(start, _, end)| tenths(*start, *end)).collect();
    times.sort_unstable();
    let incomplete = seen.bursts.len() - times.len();
    vec![
        Figure::new("burst of 50 complete p50", "us", percentile(&times, 0.5) / 10.0),
        Figure::new("burst of 50 complete max", "us", percentile(&times, 1.0) / 10.0),
        Figure::new("bursts incomplete", "", incomplete as f64),
    ]
}

fn tenths(from_ns: u64, to_ns: u64) -> u32 {
    u32::try_from(to_ns.saturating_sub(from_ns) / 100).unwrap_or(u32::MAX)
}

/// The sockets of both sides: the first half is the callers', the second the callees'.
pub(super) fn open_sockets(daemon: &Daemon) -> Vec<UdpSocket> {
    let network = daemon.network();
    let open = |address: IpAddr| {
        let socket = UdpSocket::bind((address, 0)).expect("a socket of the generator");
        sys::receive_buffer(&socket, 32 << 20).expect("a large receive buffer");
        sys::receive_time_stamps(&socket).expect("receive time stamps");
        socket
    };
    let callers = (0..SOCKETS).map(|_| open(network.phone(0)));
    callers.chain((0..SOCKETS).map(|_| open(network.phone(1)))).collect()
}

/// Sets up calls behind those whose streams there are.
pub(super) fn set_up(
    daemon: &Daemon,
    sockets: &[UdpSocket],
    media: Media,
    calls: usize,
    streams: &mut Vec<Stream>,
) {
    let client = daemon.client();
    streams.reserve(calls * 2);
    let mut speech: Option<[std::sync::Arc<Speech>; 2]> = None;
    let known = streams.len() / 2;
    for call in known..known + calls {
        let (caller, callee) = (call % SOCKETS, SOCKETS + call % SOCKETS);
        let address = |socket: usize| sockets[socket].local_addr().expect("bound");
        let master = [call as u8; MASTER];
        let crypto = format!("1 {SUITE} {}", Srtp::inline(&master));
        let crypto = (media == Media::Srtp).then_some(crypto.as_str());
        let id = format!("load-{call}");
        let ask = |command: &str| Request::new(command).set("call-id", &id).set("from-tag", "a");
        if let Media::Transcoded(conversion) = media {
            let offer = conversion.offer(ask("offer"), address(caller));
            let towards_callee = Sdp::parse(client.request(&offer).ok().sdp()).sections.remove(0);
            let answer = ask("answer").set("to-tag", "b");
            let (answer, number) = conversion.answer(answer, &towards_callee, address(callee));
            let towards_caller = Sdp::parse(client.request(&answer).ok().sdp()).sections.remove(0);
            let speech = speech.get_or_insert_with(|| conversion.speech(number).map(std::sync::Arc::new));
            let [ours, theirs] = &*speech;
            let sides = [(caller, towards_caller, ours, theirs), (callee, towards_callee, theirs, ours)];
            for (socket, section, spoken, heard) in sides {
                let SocketAddr::V4(to) = section.rtp() else { panic!("the load program speaks IPv4 only") };
                let number = streams.len() as u32;
                let audio = Audio {
                    speech: spoken.clone(),
                    expected: heard.payload_type,
                    held: conversion.held(),
                    sent_ns: [0; 64],
                };
                let (sequence_number, timestamp) = ((number * 7) as u16, number.wrapping_mul(12345));
                let audio = Some(Box::new(audio));
                streams.push(Stream {
                    socket,
                    to,
                    sequence_number,
                    timestamp,
                    seal: None,
                    open: None,
                    audio,
                    begins: None,
                });
            }
            continue;
        }
        let mut offer = ask("offer").set("sdp", audio_body(address(caller), crypto));
        if media == Media::Srtp {
            offer = offer.set("transport-protocol", "RTP/AVP").set("DTLS", "off");
        }
        let towards_callee = Sdp::parse(client.request(&offer).ok().sdp()).sections.remove(0);
        let answer = ask("answer").set("to-tag", "b").set("sdp", audio_body(address(callee), None));
        let towards_caller = Sdp::parse(client.request(&answer).ok().sdp()).sections.remove(0);
        let theirs =
            towards_caller.value("crypto").and_then(Srtp::from_line).map(|(_, _, srtp)| Box::new(srtp));
        let ours = crypto.and_then(|_| Srtp::new(SUITE, &master)).map(Box::new);
        assert_eq!(ours.is_some(), theirs.is_some(), "SRTP as asked for: {towards_caller:?}");
        for (socket, section, seal, open) in
            [(caller, towards_caller, ours, None), (callee, towards_callee, None, theirs)]
        {
            let SocketAddr::V4(to) = section.rtp() else { panic!("the load program speaks IPv4 only") };
            let number = streams.len() as u32;
            let (sequence_number, timestamp) = ((number * 7) as u16, number.wrapping_mul(12345));
            streams.push(Stream {
                socket,
                to,
                sequence_number,
                timestamp,
                seal,
                open,
                audio: None,
                begins: None,
            });
        }
    }
}

pub(super) struct Generator<'d> {
    daemon: &'d Daemon,
    client: Client,
    sockets: Vec<UdpSocket>,
    streams: Vec<Stream>,
    /// Between two moments of sending.
    tick_ns: u64,
    /// Per phase (tick of a packet interval) and socket the streams that are due.
    due: Vec<Vec<Vec<u32>>>,
    bursts: bool,
    batch: Batch,
    /// When the first packet of the batch was made, real-time clock.
    stamp: u64,
    seen: Seen,
    /// The measured part, real-time clock.
    window: (u64, u64),
    ping: Option<(String, u64)>,
    /// The stream, counted from 1, whose packets leave the daemon from a port.
    from_port: Vec<u32>,
    /// The tick at which the measured part begins.
    first: u64,
    /// Times between which packets were sent while the generator was late, with what a pacing receiver needs to settle; real-time clock.
    disturbed: Vec<(u64, u64)>,
}

impl<'d> Generator<'d> {
    pub(super) fn new(
        daemon: &'d Daemon,
        sockets: Vec<UdpSocket>,
        streams: Vec<Stream>,
        bursts: bool,
        one_way: bool,
    ) -> Self {
        let tick_ns = if streams.len() <= FINE_STREAMS { FINE_TICK_NS } else { LOOK_NS };
        let phases = (PACKET_INTERVAL_NS / tick_ns) as usize;
        let mut due = vec![vec![Vec::new(); sockets.len()]; phases];
        for (number, stream) in streams.iter().enumerate() {
            // The callee only listens.
            if one_way && number % 2 == 1 {
                continue;
            }
            // Both directions of a call half a packet time apart, calls spread evenly.
            let phase = (number * 37 + number % 2 * (phases / 2)) % phases;
            due[phase][stream.socket].push(number as u32);
        }
        let mut from_port = vec![0; 1 << 16];
        for (number, stream) in streams.iter().enumerate() {
            // What one side sends leaves from where the other one sends to.
            from_port[usize::from(stream.to.port())] = (number as u32 ^ 1) + 1;
        }
        let client = daemon.client();
        let (batch, seen) = (Batch::new(), Seen::default());
        let window = (u64::MAX, 0);
        Self {
            daemon,
            client,
            sockets,
            streams,
            tick_ns,
            due,
            bursts,
            batch,
            stamp: 0,
            seen,
            window,
            ping: None,
            from_port,
            first: 0,
            disturbed: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, duration: Duration) -> Seen {
        let ns = |time: Duration| time.as_nanos() as u64;
        let start = sys::monotonic_ns();
        let tick_ns = self.tick_ns;
        let first = ns(WARM_UP) / tick_ns;
        self.first = first;
        let last = first + ns(duration) / tick_ns;
        let end = last + ns(DRAIN) / tick_ns;
        let mut cpu = (0, 0);
        let mut opened = 0;
        for tick in 0..end {
            let planned = start + tick * tick_ns;
            sys::sleep_until(planned);
            if sys::monotonic_ns() > planned + LATE_NS {
                self.note_disturbance();
            }
            if tick == first {
                cpu = self.cpu();
                opened = sys::monotonic_ns();
                self.window = (sys::realtime_ns(), u64::MAX);
            }
            if tick == last {
                self.window.1 = sys::realtime_ns();
                self.seen.window_ns = sys::monotonic_ns() - opened;
                let (daemon, generator) = self.cpu();
                self.seen.daemon_cpu_ns = daemon - cpu.0;
                self.seen.generator_cpu_ns = generator - cpu.1;
            }
            if tick < last {
                self.send_due(tick);
                if self.bursts && tick > first && tick.is_multiple_of(BURST_EVERY_NS / tick_ns) {
                    self.send_burst(tick * tick_ns / BURST_EVERY_NS);
                }
            }
            if tick.is_multiple_of(LOOK_NS / tick_ns) {
                self.receive();
                self.ping(tick > first && tick < last, tick);
            }
            if tick > first && tick < last && sys::monotonic_ns() > planned + 8 * LOOK_NS {
                self.seen.late_ticks += 1;
            }
        }
        std::mem::take(&mut self.seen)
    }

    /// What is relayed leaves when it comes; what is transcoded keeps a pace, which such a moment disturbs.
    fn note_disturbance(&mut self) {
        if self.streams.iter().all(|stream| stream.audio.is_none()) {
            return;
        }
        let now = sys::realtime_ns();
        match self.disturbed.last_mut().filter(|(_, end)| *end >= now) {
            Some((_, end)) => *end = now + SETTLED_NS,
            None => self.disturbed.push((now, now + SETTLED_NS)),
        }
    }

    /// Processor time of the daemon and of this thread.
    fn cpu(&self) -> (u64, u64) {
        let own = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let own = own.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0);
        (self.daemon.cpu_ns().unwrap_or(0), own)
    }

    fn send_due(&mut self, tick: u64) {
        let phase = (tick % self.due.len() as u64) as usize;
        let due = std::mem::take(&mut self.due[phase]);
        for (socket, streams) in due.iter().enumerate() {
            for &stream in streams {
                let begins = self.streams[stream as usize].begins;
                let begins = begins.map(|begins| self.first + begins.as_nanos() as u64 / self.tick_ns);
                if begins.is_some_and(|begins| tick < begins) {
                    continue;
                }
                self.push(stream, 0);
                if self.batch.len() == TOGETHER {
                    self.flush(socket);
                }
            }
            self.flush(socket);
        }
        self.due[phase] = due;
    }

    /// Sends a key frame's worth on one stream, a different one each time.
    fn send_burst(&mut self, number: u64) {
        let stream = (number * 31 % self.streams.len() as u64) as u32;
        self.seen.bursts.push((sys::realtime_ns(), 0, 0));
        let burst = self.seen.bursts.len() as u32;
        for _ in 0..BURST {
            self.push(stream, burst);
        }
        self.flush(self.streams[stream as usize].socket);
    }

    fn push(&mut self, number: u32, burst: u32) {
        if self.batch.is_empty() {
            self.stamp = sys::realtime_ns();
        }
        let stream = &mut self.streams[number as usize];
        let mut packet = [0xd5_u8; PACKET];
        packet[..2].copy_from_slice(&[0x80, 8]);
        packet[2..4].copy_from_slice(&stream.sequence_number.to_be_bytes());
        packet[4..8].copy_from_slice(&stream.timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&(SSRC | number).to_be_bytes());
        packet[12..16].copy_from_slice(&MAGIC);
        packet[16..20].copy_from_slice(&burst.to_le_bytes());
        packet[20..28].copy_from_slice(&self.stamp.to_le_bytes());
        if let Some(audio) = &mut stream.audio {
            let at = usize::from(stream.sequence_number);
            packet[1] = audio.speech.payload_type;
            packet[12..].copy_from_slice(&audio.speech.frames[at % audio.speech.frames.len()]);
            audio.sent_ns[at % audio.sent_ns.len()] = self.stamp;
            if stream.begins.is_some() && self.stamp >= self.window.0 && self.stamp < self.window.1 {
                self.seen.begun.sent += 1;
            }
        }
        stream.sequence_number = stream.sequence_number.wrapping_add(1);
        stream.timestamp = stream.timestamp.wrapping_add(160);
        match &mut stream.seal {
            Some(srtp) => self.batch.push(&srtp.protect(&packet), stream.to),
            None => self.batch.push(&packet, stream.to),
        };
    }

    fn flush(&mut self, socket: usize) {
        let count = self.batch.len();
        if count == 0 {
            return;
        }
        let sent = self.batch.send(&self.sockets[socket]).unwrap_or(0);
        if self.stamp >= self.window.0 && self.stamp < self.window.1 {
            self.seen.sent += sent as u64;
            self.seen.refused += (count - sent) as u64;
        }
    }

    fn receive(&mut self) {
        let (seen, streams, window) = (&mut self.seen, &mut self.streams, self.window);
        let (from_port, disturbed) = (&self.from_port, &self.disturbed);
        for socket in &self.sockets {
            loop {
                let count = self.batch.receive(socket, |packet| {
                    if let Some(back) =
                        read(packet.data, streams).or_else(|| made(packet, streams, from_port))
                        && back.sent_ns >= window.0
                        && back.sent_ns < window.1
                    {
                        let fair = !disturbed.iter().any(|(from, to)| (from..to).contains(&&back.sent_ns));
                        let begun = streams.get(back.stream).is_some_and(|stream| stream.begins.is_some());
                        seen.note(&back, packet.arrival_ns, begun, fair);
                    }
                });
                if count.is_ok_and(|count| count == sys::BATCH) {
                    continue;
                }
                break;
            }
        }
    }

    /// Asks the daemon every 10 ms how long a command waits beside the media.
    fn ping(&mut self, measuring: bool, tick: u64) {
        if let Some((cookie, sent_ns)) = &self.ping {
            if let Ok(Some(_)) = self.client.poll_reply(cookie) {
                let time = tenths(*sent_ns, sys::monotonic_ns());
                self.seen.pings.push(time);
                self.ping = None;
            }
        } else if measuring && tick.is_multiple_of(PING_EVERY_NS / self.tick_ns) {
            let cookie = fresh_cookie();
            let sent_ns = sys::monotonic_ns();
            if self.client.send_raw(format!("{cookie} d7:command4:pinge").as_bytes()).is_ok() {
                self.ping = Some((cookie, sent_ns));
            }
        }
    }
}

impl Seen {
    /// Packets of the measured part that never came back, in percent.
    pub(super) fn loss(&self) -> f64 {
        100.0 * (self.sent - self.received.min(self.sent)) as f64 / self.sent.max(1) as f64
    }

    /// Packets of the measured part that never came back, of streams that did not begin in it.
    pub(super) fn lost_others(&self) -> u64 {
        (self.sent - self.begun.sent).saturating_sub(self.received - self.begun.received)
    }

    fn note(&mut self, back: &Back, arrival_ns: u64, begun: bool, fair: bool) {
        self.received += 1;
        match back.burst.checked_sub(1).and_then(|index| self.bursts.get_mut(index)) {
            Some((_, back, end)) => {
                *back += 1;
                *end = (*end).max(arrival_ns);
            }
            None if begun => {
                self.begun.received += 1;
                self.begun.latency.push(tenths(back.sent_ns, arrival_ns));
            }
            None if fair => self.latency.push(tenths(back.sent_ns, arrival_ns)),
            None => self.disturbed += 1,
        }
    }
}

/// A packet that came back.
struct Back {
    stream: usize,
    /// The burst that it belongs to, 0 for none.
    burst: usize,
    sent_ns: u64,
}

/// What a packet is; `None` if it is none of ours.
fn read(packet: &[u8], streams: &mut [Stream]) -> Option<Back> {
    let ssrc = u32::from_be_bytes(packet.get(8..12)?.try_into().ok()?);
    let number = (ssrc ^ SSRC) as usize;
    let stream = streams.get_mut(number)?;
    let opened = match &mut stream.open {
        Some(srtp) => Some(srtp.unprotect(packet)?),
        None => None,
    };
    let rest = opened.as_deref().unwrap_or(packet).get(12..28).filter(|rest| rest[..4] == MAGIC)?;
    let burst = u32::from_le_bytes(rest[4..8].try_into().ok()?);
    let sent_ns = u64::from_le_bytes(rest[8..].try_into().ok()?);
    Some(Back { stream: number, burst: burst as usize, sent_ns })
}

/// As [`read`], of a packet that was transcoded: it is known by the daemon's port that it comes from, since not every program keeps
/// the source.
fn made(packet: sys::Received<'_>, streams: &[Stream], from_port: &[u32]) -> Option<Back> {
    let number = from_port.get(usize::from(packet.port)).filter(|number| **number != 0)? - 1;
    let audio = streams.get(number as usize)?.audio.as_ref()?;
    let sequence = u16::from_be_bytes(packet.data.get(2..4)?.try_into().ok()?).wrapping_add(audio.held);
    let sent_ns = audio.sent_ns[usize::from(sequence) % audio.sent_ns.len()];
    let back = Back { stream: number as usize, burst: 0, sent_ns };
    (packet.data.get(1)? & 0x7f == audio.expected).then_some(back)
}
