//! A call with the time in hand: packets in, and what leaves when. Media are played from tapes, whose packets are known.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtpengine_common::rtp::{RtpHeader, RtpPacket};

use super::super::ctx::{Now, Transmit};
use super::super::ids::{SocketKey, StreamId};
use super::{Ctx, Desk, audio};
use crate::flow::{Arrival, CoderJob, Component, Events, Level, Packet, Stream, TickOptions, Turn};
use crate::player::track::{Mark, Piece};
use crate::player::{Answer, Media, OpenError, Output, Plan, Source, Track};

/// Milliseconds of one packet of a tape at a packet time of 20 ms.
const FRAME_MS: u32 = 20;

/// An RTP packet that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Milliseconds since the beginning.
    pub at: u64,
    /// The local port.
    pub port: u32,
    pub header: RtpHeader,
    pub payload: Vec<u8>,
}

/// What a tape was asked to play.
pub(super) type Played = Arc<Mutex<Vec<(Output, Plan)>>>;

/// A file with known content: packet `n` of a pass, from 1 on, has octets `n` as its payload, or samples of 100 × `n`.
#[derive(Debug)]
pub(super) struct Tape {
    source: Source,
    frames: u32,
    shared: bool,
    played: Played,
}

impl Tape {
    fn pass(&self, output: &Output, piece: &mut Piece, marks: &mut Vec<Mark>, before_ms: u32) {
        let units = output.ptime * output.codec.clock / 1000;
        let linear = output.codec.name.eq_ignore_ascii_case("L16");
        for n in 1..=self.frames * FRAME_MS / output.ptime {
            let payload = if linear {
                (0..units).flat_map(|_| (n as i16 * 100).to_be_bytes()).collect()
            } else {
                vec![n as u8; units as usize]
            };
            let at_us = u64::from(before_ms + (n - 1) * output.ptime) * 1000;
            marks.push(Mark { at_us, position: i64::from((n - 1) * units) });
            piece.push(&payload, units);
        }
    }
}

impl Media for Tape {
    fn source(&self) -> &Source {
        &self.source
    }

    fn duration(&self) -> Option<Duration> {
        (self.frames > 0).then(|| Duration::from_millis((self.frames * FRAME_MS).into()))
    }

    fn play(&self, output: &Output, plan: &Plan) -> Result<Arc<Track>, OpenError> {
        self.played.lock().push((output.clone(), *plan));
        let track = if self.shared { Track::shared(None) } else { Track::private(None) };
        let (mut piece, mut marks) = (Piece::default(), Vec::new());
        let passes = if self.shared { 1 } else { plan.times };
        (0..passes.min(100)).for_each(|n| {
            self.pass(output, &mut piece, &mut marks, n * self.frames * FRAME_MS);
        });
        track.append(piece, &marks);
        track.finish(u64::from(self.frames * FRAME_MS * passes) * 1000);
        Ok(track)
    }
}

#[derive(Debug)]
struct Datagram {
    at: u64,
    from: SocketKey,
    to: SocketAddr,
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Wire {
    at: u64,
    sent: VecDeque<Datagram>,
}

impl Transmit for Wire {
    fn send(&mut self, from: SocketKey, to: SocketAddr, bytes: &[u8]) -> bool {
        self.sent.push_back(Datagram { at: self.at, from, to, bytes: bytes.to_vec() });
        true
    }
}

/// The call, its time and its wire.
pub(super) struct Stage {
    desk: Desk,
    start: Instant,
    wire: Wire,
    events: Events,
    spare: Packet,
    tapes: Vec<(Source, Answer)>,
    /// Numbers of the packets each party has sent.
    spoken: HashMap<String, u16>,
}

impl Deref for Stage {
    type Target = Desk;
    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }
}

impl Stage {
    pub(super) fn new() -> Self {
        let desk = Desk::new();
        Self {
            start: desk.now.instant,
            desk,
            wire: Wire::default(),
            events: Events::new(Level::Debug),
            spare: Packet::new(),
            tapes: Vec::new(),
            spoken: HashMap::new(),
        }
    }

    /// A talk of `a` and `b` on PCMU and PCMA.
    pub(super) fn talk() -> Self {
        let mut stage = Self::new();
        stage.connects("", "");
        stage
    }

    /// Offer of `a` and answer of `b`, with further members.
    pub(super) fn connects(&mut self, offer: &str, answer: &str) {
        self.offer("a", &audio("10.0.0.1", 4000), offer);
        self.answer("a", "b", &audio("10.0.0.2", 5000), answer);
    }

    /// A file of so many packets of 20 ms; what it is asked to play is noted.
    pub(super) fn tape(&mut self, name: &str, frames: u32) -> Played {
        self.put(Source::File(name.into()), frames, false)
    }

    pub(super) fn put(&mut self, source: Source, frames: u32, shared: bool) -> Played {
        let played = Played::default();
        let tape = Tape { source: source.clone(), frames, shared, played: Arc::clone(&played) };
        self.tapes.push((source, Ok(Arc::new(tape))));
        self.desk.call.answer_questions(self.tapes.clone());
        played
    }

    /// Milliseconds since the beginning.
    pub(super) fn at(&self) -> u64 {
        self.now.instant.duration_since(self.start).as_millis() as u64
    }

    fn turn(&mut self, work: impl FnOnce(&mut super::Call, &mut Ctx<'_>, &mut Turn<'_, Wire>)) {
        self.wire.at = self.at();
        let desk = &mut self.desk;
        let mut ctx = Ctx {
            now: desk.now,
            ports: &mut desk.ports,
            random: &mut desk.random,
            interfaces: &desk.interfaces,
            settings: &desk.settings,
            log: &mut desk.log,
        };
        let mut turn =
            Turn { now: desk.now, out: &mut self.wire, events: &mut self.events, spare: &mut self.spare };
        work(&mut desk.call, &mut ctx, &mut turn);
    }

    fn set_now(&mut self, instant: Instant) {
        let passed = instant.saturating_duration_since(self.now.instant);
        self.now = Now { instant, unix_us: self.now.unix_us + passed.as_micros() as u64 };
    }

    /// Lets time pass, with all that is due in it.
    pub(super) fn runs(&mut self, ms: u64) {
        let until = self.now.instant + Duration::from_millis(ms);
        for _ in 0..100_000 {
            let Some(due) = self.call.plane.next_due().filter(|due| *due <= until) else { break };
            self.set_now(due.max(self.now.instant));
            self.turn(super::Call::run_due);
        }
        self.set_now(until);
    }

    /// A second passes, with the tick at its end.
    pub(super) fn ticks(&mut self) {
        self.runs(1000);
        self.turn(|call, ctx, turn| {
            call.tick(ctx, turn, TickOptions { measure_rtp: false });
        });
    }

    /// A datagram of a party's first media comes in.
    pub(super) fn arrives(&mut self, tag: &str, component: Component, bytes: &[u8]) {
        let media = self.call.signalling.media(self.media(tag, 0));
        let stream = match component {
            Component::Rtp => media.rtp(),
            Component::Rtcp => media.rtcp(),
        };
        let stream = stream.expect("a stream");
        let source = self.call.plane.stream(stream).and_then(Stream::advertised);
        self.arrives_from(stream, source.expect("an address"), bytes);
    }

    fn arrives_from(&mut self, stream: StreamId, source: SocketAddr, bytes: &[u8]) {
        let plane = self.call.plane.stream(stream).expect("a stream");
        let socket = plane.selected().expect("a socket").key;
        let mut packet = Packet::new();
        packet.copy_from(bytes);
        self.turn(|call, ctx, turn| {
            call.receive(Arrival { stream, socket, source }, &mut packet, turn);
            while call.plane.has_jobs() {
                call.plane.take_jobs().into_iter().for_each(CoderJob::run);
                call.plane.collect_coded(turn);
            }
            call.hear_dtmf(ctx);
        });
    }

    /// A party sends an RTP packet from another address than it told.
    pub(super) fn sends_from(&mut self, tag: &str, source: &str, header: RtpHeader, payload: &[u8]) {
        let bytes = [&header.to_bytes()[..], payload].concat();
        let stream = self.rtp(tag, 0);
        self.arrives_from(stream, source.parse().expect("an address"), &bytes);
    }

    /// The call is not about to end for want of media.
    pub(super) fn timeout_is_far(&self) -> bool {
        self.call.timeout(&self.settings, self.now) == super::Fate::Keep
    }

    /// A party sends an RTP packet.
    pub(super) fn sends(&mut self, tag: &str, header: RtpHeader, payload: &[u8]) {
        let bytes = [&header.to_bytes()[..], payload].concat();
        self.arrives(tag, Component::Rtp, &bytes);
    }

    /// A party says 20 ms of one octet in PCMU, with numbers that go on; its SSRC is its first letter.
    pub(super) fn says(&mut self, tag: &str, octet: u8) -> RtpHeader {
        let count = self.spoken.entry(tag.to_owned()).or_default();
        *count += 1;
        let number = *count;
        let header = RtpHeader {
            marker: false,
            payload_type: 0,
            sequence_number: number,
            timestamp: u32::from(number) * 160,
            ssrc: u32::from(tag.as_bytes()[0]),
        };
        self.sends(tag, header, &[octet; 160]);
        header
    }

    fn take(&mut self, to: SocketAddr) -> Vec<Datagram> {
        let (own, others) = std::mem::take(&mut self.wire.sent).into_iter().partition(|sent| sent.to == to);
        self.wire.sent = others;
        Vec::from(own)
    }

    fn address(&self, tag: &str, n: usize) -> SocketAddr {
        let stream = self.rtp(tag, n);
        self.call.plane.stream(stream).and_then(Stream::advertised).expect("an address")
    }

    /// What was sent to a party's first media since it was asked last.
    pub(super) fn hears(&mut self, tag: &str) -> Vec<Left> {
        self.hears_on(tag, 0)
    }

    /// The same of media `n`.
    pub(super) fn hears_on(&mut self, tag: &str, n: usize) -> Vec<Left> {
        let address = self.address(tag, n);
        self.heard_at(address)
    }

    /// What was sent so far is of no interest.
    pub(super) fn forgets(&mut self) {
        self.wire.sent.clear();
    }

    /// What was sent to an address.
    pub(super) fn heard_at(&mut self, address: SocketAddr) -> Vec<Left> {
        let packet = |sent: Datagram| {
            let packet = RtpPacket::parse(&sent.bytes).expect("RTP");
            let header = RtpHeader {
                marker: packet.marker(),
                payload_type: packet.payload_type(),
                sequence_number: packet.sequence_number(),
                timestamp: packet.timestamp(),
                ssrc: packet.ssrc(),
            };
            Left { at: sent.at, port: sent.from.slot, header, payload: packet.payload().to_vec() }
        };
        self.take(address).into_iter().map(packet).collect()
    }

    /// Everything sent to a party's first RTP address.
    pub(super) fn datagrams(&mut self, tag: &str) -> Vec<Vec<u8>> {
        let address = self.address(tag, 0);
        self.take(address).into_iter().map(|sent| sent.bytes).collect()
    }

    /// RTCP sent to a party, with the time.
    pub(super) fn hears_rtcp(&mut self, tag: &str) -> Vec<(u64, Vec<u8>)> {
        let mut address = self.address(tag, 0);
        address.set_port(address.port() + 1);
        self.take(address).into_iter().map(|sent| (sent.at, sent.bytes)).collect()
    }

    /// A request that has to succeed.
    #[track_caller]
    pub(super) fn does(&mut self, command: &str, members: &str) -> super::Reply {
        let done = self.ask(command, members);
        assert_eq!(Desk::error(&done), "none", "{command} {members}: {:?}", self.log);
        done.reply
    }

    /// A party is played `x.wav`.
    #[track_caller]
    pub(super) fn plays(&mut self, tag: &str, more: &str) {
        let comma = if more.is_empty() { "" } else { "," };
        self.does("play media", &format!("\"from-tag\":\"{tag}\",\"file\":\"x.wav\"{comma}{more}"));
    }

    /// Whether a line with these words was logged, since the last time it was asked.
    pub(super) fn logged(&mut self, words: &str) -> bool {
        std::mem::take(&mut self.desk.log).iter().any(|line| line.text.contains(words))
    }
}

/// The first octets of packets, and when they left.
pub(super) fn frames(packets: &[Left]) -> Vec<(u64, u8)> {
    packets.iter().map(|packet| (packet.at, packet.payload[0])).collect()
}

/// Which packets have the marker.
pub(super) fn markers(packets: &[Left]) -> Vec<usize> {
    (0..packets.len()).filter(|&n| packets[n].header.marker).collect()
}

/// Numbers follow each other, in one SSRC.
#[track_caller]
pub(super) fn in_order(packets: &[Left]) {
    for pair in packets.windows(2) {
        assert_eq!(pair[1].header.ssrc, pair[0].header.ssrc);
        assert_eq!(
            pair[1].header.sequence_number,
            pair[0].header.sequence_number.wrapping_add(1),
            "{packets:?}"
        );
    }
}
