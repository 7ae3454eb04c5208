//! A call that is signalled and sent packets to: what comes out, byte by byte and to the millisecond.

use std::time::{Duration, Instant};

use super::super::{Desk, lines, port};
use crate::call::Call;
use crate::call::ctx::{Ctx, Now, Transmit};
use crate::call::dtmf::DtmfReport;
use crate::call::ids::{SocketKey, StreamId};
use crate::call::settings::Settings;
use crate::flow::{Arrival, Events, Level, Packet, Turn};

pub(super) const TE: &str = "101=telephone-event/8000|0-15";

/// One RTP packet as it left.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// Milliseconds since the beginning of the test.
    pub at: u64,
    pub number: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, number, marker, sequence, timestamp, ssrc, payload } = self;
        let mark = if *marker { "M" } else { "" };
        let head = payload.iter().take(4).map(|octet| format!("{octet:02x}")).collect::<String>();
        write!(
            f,
            "\n[{at} ms: {number}{mark} seq {sequence} ts {timestamp} ssrc {ssrc:x} {head}… ({})]",
            payload.len()
        )
    }
}

impl Heard {
    /// Number, marker, sequence number and timestamp.
    pub(super) fn head(&self) -> (u8, bool, u16, u32) {
        (self.number, self.marker, self.sequence, self.timestamp)
    }

    fn read(at: u64, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 12 && bytes[0] == 0x80, "plain RTP: {bytes:?}");
        Self {
            at,
            number: bytes[1] & 127,
            marker: bytes[1] & 128 != 0,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            ssrc: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            payload: bytes[12..].to_vec(),
        }
    }
}

#[derive(Default)]
struct Wire(Vec<(SocketKey, std::net::SocketAddr, Vec<u8>)>);

impl Transmit for Wire {
    fn send(&mut self, from: SocketKey, to: std::net::SocketAddr, bytes: &[u8]) -> bool {
        self.0.push((from, to, bytes.to_vec()));
        true
    }
}

/// Where a source of packets stands.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub number: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// A call in a time of its own.
pub(super) struct Bench {
    pub desk: Desk,
    began: Instant,
    wire: Wire,
    /// What was told of digits, as text.
    pub told: Vec<String>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut desk = Desk::new();
        change(&mut desk.settings);
        Self { began: desk.now.instant, desk, wire: Wire::default(), told: Vec::new() }
    }

    /// `a` offers to `b`, who answers.
    pub(super) fn call(offer: (&str, &str), answer: (&str, &str)) -> Self {
        let mut bench = Self::new();
        bench.connect(offer, answer);
        bench
    }

    pub(super) fn connect(&mut self, offer: (&str, &str), answer: (&str, &str)) {
        self.offer(offer.0, offer.1);
        self.answer(answer.0, answer.1);
    }

    /// The codec lines that `b` sees of an offer of `a`.
    pub(super) fn offer(&mut self, formats: &str, more: &str) -> Vec<String> {
        let body = self.desk.offer("a", &sdp("10.0.0.1", 4000, formats), more);
        section(&body)
    }

    /// The same inside the dialogue.
    pub(super) fn re_offer(&mut self, from: &str, to: &str, formats: &str, more: &str) -> Vec<String> {
        let (address, port) = if from == "a" { ("10.0.0.1", 4000) } else { ("10.0.0.2", 5000) };
        let tags = format!("\"from-tag\":\"{from}\",\"to-tag\":\"{to}\"");
        let body = self.desk.sdp("offer", &tags, &sdp(address, port, formats), more);
        section(&body)
    }

    /// The codec lines that `a` sees of an answer of `b`.
    pub(super) fn answer(&mut self, formats: &str, more: &str) -> Vec<String> {
        let body = self.desk.answer("a", "b", &sdp("10.0.0.2", 5000, formats), more);
        section(&body)
    }

    /// The answer of `a` to an offer of `b`.
    pub(super) fn answer_back(&mut self, formats: &str, more: &str) -> Vec<String> {
        let body = self.desk.answer("b", "a", &sdp("10.0.0.1", 4000, formats), more);
        section(&body)
    }

    /// A command that has to succeed.
    #[track_caller]
    pub(super) fn done(&mut self, command: &str, members: &str) {
        let done = self.desk.ask(command, members);
        assert_eq!(Desk::error(&done), "none", "{command} {members}");
        self.wait(0);
    }

    /// Milliseconds since the beginning.
    pub(super) fn now(&self) -> u64 {
        u64::try_from((self.desk.now.instant - self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn turn(&mut self, work: impl FnOnce(&mut Call, &mut Ctx<'_>, &mut Turn<'_, Wire>)) {
        let mut random = Zeros;
        let mut ctx = Ctx {
            now: self.desk.now,
            ports: &mut self.desk.ports,
            random: &mut random,
            interfaces: &self.desk.interfaces,
            settings: &self.desk.settings,
            log: &mut self.desk.log,
        };
        let (mut spare, mut events) = (Packet::new(), Events::new(Level::Debug));
        let mut turn = Turn { now: ctx.now, out: &mut self.wire, events: &mut events, spare: &mut spare };
        let call = &mut self.desk.call;
        work(call, &mut ctx, &mut turn);
        let reports = call.hear_dtmf(&mut ctx);
        call.run_due(&mut ctx, &mut turn);
        self.told.extend(reports.iter().map(DtmfReport::line));
    }

    /// Time goes on, a millisecond at a time.
    pub(super) fn wait(&mut self, ms: u64) {
        self.turn(Call::run_due);
        for _ in 0..ms {
            self.desk.now = Now {
                instant: self.desk.now.instant + Duration::from_millis(1),
                unix_us: self.desk.now.unix_us + 1000,
            };
            self.turn(Call::run_due);
        }
    }

    /// A datagram from a party's RTP address, or with `rtcp` its RTCP address.
    pub(super) fn datagram(&mut self, tag: &str, rtcp: bool, bytes: &[u8]) {
        let media = self.desk.call.signalling.media(self.desk.media(tag, 0));
        let stream = if rtcp { media.rtcp() } else { media.rtp() }.expect("a stream");
        let state = self.desk.call.plane.stream(stream).expect("a stream");
        let socket = state.selected().expect("a socket").key;
        let source = state.advertised().expect("an address");
        let mut packet = Packet::new();
        packet.copy_from(bytes);
        self.turn(|call, _, turn| {
            call.receive(Arrival { stream, socket, source }, &mut packet, turn);
        });
    }

    /// A packet of a party.
    pub(super) fn send(&mut self, tag: &str, number: u8, sequence: u16, timestamp: u32, payload: &[u8]) {
        self.send_as(tag, false, &Source { number, sequence, timestamp, ssrc: 0x1234 }, payload);
    }

    pub(super) fn send_as(&mut self, tag: &str, marker: bool, source: &Source, payload: &[u8]) {
        let mut bytes = vec![0x80, source.number | if marker { 128 } else { 0 }];
        bytes.extend(source.sequence.to_be_bytes());
        bytes.extend(source.timestamp.to_be_bytes());
        bytes.extend(source.ssrc.to_be_bytes());
        bytes.extend(payload);
        self.datagram(tag, false, &bytes);
    }

    fn streams(&self, tag: &str) -> (StreamId, Option<StreamId>) {
        let media = self.desk.call.signalling.media(self.desk.media(tag, 0));
        (media.rtp().expect("a stream"), media.rtcp())
    }

    fn take(&mut self, tag: &str, rtcp: bool) -> Vec<Vec<u8>> {
        let (first, second) = self.streams(tag);
        let stream = if rtcp { second.expect("RTCP") } else { first };
        let state = self.desk.call.plane.stream(stream).expect("a stream");
        let key = state.selected().expect("a socket").key;
        let (of, others) = std::mem::take(&mut self.wire.0).into_iter().partition(|(from, ..)| *from == key);
        self.wire.0 = others;
        let of: Vec<_> = of;
        of.into_iter().map(|(.., bytes)| bytes).collect()
    }

    /// What was sent to a party since it was last asked, at the present moment.
    pub(super) fn heard(&mut self, tag: &str) -> Vec<Heard> {
        let at = self.now();
        self.take(tag, false).iter().map(|bytes| Heard::read(at, bytes)).collect()
    }

    /// RTCP that was sent to a party since it was last asked.
    pub(super) fn reports(&mut self, tag: &str) -> Vec<Vec<u8>> {
        self.take(tag, true)
    }

    /// What is sent to a party within so many milliseconds, each with its moment.
    pub(super) fn hears_within(&mut self, tag: &str, ms: u64) -> Vec<Heard> {
        let mut all = self.heard(tag);
        for _ in 0..ms {
            self.wait(1);
            all.extend(self.heard(tag));
        }
        all
    }

    /// Packets of a party every `ms`; what another one hears, up to `ms` after the last.
    pub(super) fn stream(
        &mut self,
        (from, to): (&str, &str),
        source: &mut Source,
        (ms, units): (u64, u32),
        payloads: &[Vec<u8>],
    ) -> Vec<Heard> {
        let mut all = Vec::new();
        for payload in payloads {
            self.send_as(from, false, source, payload);
            source.sequence = source.sequence.wrapping_add(1);
            source.timestamp = source.timestamp.wrapping_add(units);
            all.extend(self.hears_within(to, ms));
        }
        all
    }

    /// A packet, and the only one that leaves at once because of it.
    #[track_caller]
    pub(super) fn through(
        &mut self,
        (from, to): (&str, &str),
        packet: (u8, u16, u32, &[u8]),
    ) -> (u8, u16, u32, Vec<u8>) {
        self.send(from, packet.0, packet.1, packet.2, packet.3);
        let mut heard = self.heard(to);
        assert_eq!(heard.len(), 1, "{heard:?}");
        let heard = heard.remove(0);
        assert!(!heard.marker && heard.ssrc == 0x1234, "{heard:?}");
        (heard.number, heard.sequence, heard.timestamp, heard.payload)
    }
}

struct Zeros;

impl crate::call::ctx::Random for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A body with one audio section of formats like `8 96=opus/48000/2|useinbandfec=1` and further attributes like `a:ptime:30`; `~` stands for a
/// blank.
pub(super) fn sdp(address: &str, port: u16, formats: &str) -> String {
    body(address, &format!("audio {port} RTP/AVP"), formats)
}

pub(super) fn body(address: &str, head: &str, formats: &str) -> String {
    let mut numbers = String::new();
    let mut attributes = String::new();
    for word in formats.split_whitespace() {
        if let Some(attribute) = word.strip_prefix("a:") {
            attributes += &format!("a={}\n", attribute.replace('~', " "));
            continue;
        }
        let (head, fmtp) = word.split_once('|').unwrap_or((word, ""));
        let (number, map) = head.split_once('=').unwrap_or((head, ""));
        numbers += &format!(" {number}");
        if !map.is_empty() {
            attributes += &format!("a=rtpmap:{number} {map}\n");
        }
        if !fmtp.is_empty() {
            attributes += &format!("a=fmtp:{number} {}\n", fmtp.replace('~', " "));
        }
    }
    format!("v=0\no=- 1 1 IN IP4 {address}\ns=t\nc=IN IP4 {address}\nt=0 0\nm={head}{numbers}\n{attributes}")
}

/// The lines of the first section about codecs and packet times, the port replaced by a P.
pub(super) fn section(body: &str) -> Vec<String> {
    let local = port(body, 0);
    let section = lines(body).into_iter().skip_while(|line| !line.starts_with("m="));
    let shown = section.filter(|line| {
        ["m=", "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=ptime:", "a=maxptime:"]
            .iter()
            .any(|prefix| line.starts_with(prefix))
    });
    shown.map(|line| line.replacen(&format!(" {local} "), " P ", 1)).collect()
}

/// Lines as [`section`] gives them, from formats as [`sdp`] takes them; static numbers get the `rtpmap` that is always printed.
pub(super) fn shows(formats: &str) -> Vec<String> {
    let full = |word: &str| {
        let Some(map) = FIXED.iter().find(|(number, _)| word.split('|').next() == Some(number)) else {
            return word.to_owned();
        };
        word.replacen(map.0, &format!("{}={}", map.0, map.1), 1)
    };
    let words: Vec<String> = formats.split_whitespace().map(full).collect();
    let text = body("0.0.0.0", "audio P RTP/AVP", &words.join(" "));
    text.lines().skip_while(|line| !line.starts_with("m=")).map(str::to_owned).collect()
}

const FIXED: [(&str, &str); 8] = [
    ("0", "PCMU/8000"),
    ("3", "GSM/8000"),
    ("4", "G723/8000"),
    ("8", "PCMA/8000"),
    ("9", "G722/8000"),
    ("10", "L16/44100"),
    ("13", "CN/8000"),
    ("18", "G729/8000"),
];

/// `block`, `unblock` and the like of a party.
pub(super) fn of(tag: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!("\"from-tag\":\"{tag}\",\"flags\":[\"directional\"]{comma}{more}")
}
