//! The T.38 gateway (`codecs.md` 19): a phone with a fax machine's tones on one side, UDPTL on the other.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;

/// A T.38 endpoint: a socket, and where the daemon wants its datagrams.
struct Fax {
    socket: UdpSocket,
    to: Option<SocketAddr>,
    number: u16,
}

impl Fax {
    fn new(daemon: &Daemon) -> Self {
        let socket = UdpSocket::bind((daemon.network().phone(3), 0)).unwrap();
        Self { socket, to: None, number: 0 }
    }

    fn sdp(&self, attributes: &[&str]) -> String {
        let here = self.socket.local_addr().unwrap();
        let (address, port) = (here.ip(), here.port());
        let mut text = format!(
            "v=0\r\no=fax 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=image {port} udptl t38\r\n"
        );
        for attribute in attributes {
            text.push_str(&format!("a={attribute}\r\n"));
        }
        text
    }

    fn takes(&mut self, sdp: &str) {
        let section = Sdp::parse(sdp).sections.remove(0);
        self.to = Some(section.rtp());
    }

    /// Sends a message, without redundancy.
    fn sends(&mut self, message: &[u8]) {
        let mut datagram = self.number.to_be_bytes().to_vec();
        datagram.push(message.len() as u8);
        datagram.extend(message);
        datagram.extend([0, 0]);
        self.socket.send_to(&datagram, self.to.unwrap()).unwrap();
        self.number += 1;
    }

    /// Number and message of the next datagram.
    fn receives(&self) -> (u16, Vec<u8>) {
        let (datagram, from) = receive(&self.socket, SOON).expect("a datagram");
        assert_eq!(Some(from), self.to, "from the port that was advertised");
        let length = usize::from(datagram[2]);
        assert!(length < 0x80 && datagram.len() >= 5 + length, "{datagram:02x?}");
        (u16::from_be_bytes([datagram[0], datagram[1]]), datagram[3..3 + length].to_vec())
    }
}

/// µ-law by the definition of G.711.
fn mu_law(octet: u8) -> f64 {
    let octet = !octet;
    let magnitude = ((i32::from(octet & 15) << 3) + 0x84) << ((octet >> 4) & 7);
    f64::from(if octet & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 })
}

fn encode(sample: f64) -> u8 {
    let distance = |octet: &u8| ((mu_law(*octet) - sample).abs() * 10.0) as i64;
    (0..=255).min_by_key(distance).unwrap_or_default()
}

/// V.21 flags in PCMU, as every fax message begins, in packets of 20 ms: 300 bits per second, 1650 Hz for a 1 and 1850 Hz for a 0.
fn flags() -> Vec<Vec<u8>> {
    let mut phase = 0.0f64;
    let sample = |n: usize| {
        let bit = 0x7e >> (n * 300 / 8000 % 8) & 1;
        phase += std::f64::consts::TAU * if bit == 1 { 1650.0 } else { 1850.0 } / 8000.0;
        encode(phase.sin() * 6000.0)
    };
    let octets: Vec<u8> = (0..75 * 160).map(sample).collect();
    octets.chunks(160).map(<[u8]>::to_vec).collect()
}

/// The share of a packet's power that is at this frequency.
fn purity(payload: &[u8], hertz: f64) -> f64 {
    let angle = |n: usize| std::f64::consts::TAU * hertz * n as f64 / 8000.0;
    let sum =
        |f: fn(f64) -> f64| payload.iter().enumerate().map(|(n, s)| mu_law(*s) * f(angle(n))).sum::<f64>();
    let power: f64 = payload.iter().map(|s| mu_law(*s).powi(2)).sum();
    (sum(f64::sin).powi(2) + sum(f64::cos).powi(2)) * 2.0 / (payload.len() as f64 * power.max(1000.0))
}

const CNG: u8 = 1 << 1;
const PREAMBLE: u8 = 3 << 1;

/// What a phone hears while the fax machine's side says `CNG`: 1100 Hz, in packets of 20 ms that are continuous.
#[track_caller]
fn tone_reaches(fax: &mut Fax, phone: &Phone, payload_type: u8) {
    let (mut previous, _) = phone.receives();
    assert!(previous.marker, "the first packet");
    fax.sends(&[CNG]);
    let start = Instant::now();
    let mut clean = 0;
    while clean < 10 {
        assert!(start.elapsed() < Duration::from_secs(5), "no tone");
        let (packet, _) = phone.receives();
        let numbers = (packet.payload_type, packet.marker, packet.ssrc, packet.payload.len());
        assert_eq!(numbers, (payload_type, false, previous.ssrc, 160));
        assert_eq!(packet.sequence_number, previous.sequence_number.wrapping_add(1));
        assert_eq!(packet.timestamp, previous.timestamp.wrapping_add(160));
        clean += usize::from(purity(&packet.payload, 1100.0) > 0.9);
        previous = packet;
    }
}

/// The phone sends the beginning of a fax machine's message, and the T.38 side is told so.
#[track_caller]
fn signal_is_told(phone: &mut Phone, fax: &Fax) {
    for payload in flags() {
        phone.says(&payload, 160);
    }
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < Duration::from_secs(5), "not told");
        let (_, message) = fax.receives();
        if message == [PREAMBLE] {
            return;
        }
        assert_eq!(message, [0], "no signal");
    }
}

fn attribute<'s>(sdp: &'s str, name: &str) -> Option<&'s str> {
    let prefix = format!("a={name}:");
    sdp.lines().find_map(|line| line.strip_prefix(prefix.as_str()))
}

fn t38(word: &str) -> Request {
    Request::empty().set("T.38", list([word]))
}

#[test]
fn audio_forced_into_t38_reaches_a_fax_and_comes_back() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").build();
    let mut fax = Fax::new(&daemon);
    let offer = call.ask("offer").set("from-tag", "alice").set("sdp", alice.offer_sdp()).with(&t38("force"));
    let offer = daemon.request(&offer).ok();
    assert_eq!(attribute(offer.sdp(), "T38FaxUdpEC"), Some("t38UDPRedundancy"));
    fax.takes(offer.sdp());
    let answer = call.ask("answer").set("from-tag", "alice").set("to-tag", "fax").set("sdp", fax.sdp(&[]));
    alice.takes(daemon.request(&answer).ok().sdp());
    assert_eq!(alice.remote().formats(), ["0"]);
    tone_reaches(&mut fax, &alice, 0);
    signal_is_told(&mut alice, &fax);
    let query = call.query();
    let media = |tag: &str| {
        query.at(&["tags", tag, "medias", "0", "flags"]).items().contains(&"generator/sink".into())
    };
    assert!(media("alice") && media("fax"));
    // What is no datagram does no harm.
    for datagram in [&b""[..], b"\0", &[0, 9, 0xff, 0xff, 1], &[0xff; 600]] {
        fax.socket.send_to(datagram, fax.to.unwrap()).unwrap();
    }
    alice.drains();
    alice.receives();
    call.hangs_up(&alice);
}

#[test]
fn t38_decoded_into_audio_reaches_a_phone_and_comes_back() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let mut bob = call.phone(1, "bob").build();
    let mut fax = Fax::new(&daemon);
    let sdp = fax.sdp(&["T38FaxVersion:0", "T38FaxUdpEC:t38UDPFEC"]);
    let offer = call.ask("offer").set("from-tag", "fax").set("sdp", sdp).with(&t38("decode"));
    bob.takes(daemon.request(&offer).ok().sdp());
    assert_eq!(bob.remote().formats(), ["0", "8"]);
    let answer = call.ask("answer").set("from-tag", "fax").set("to-tag", "bob").set("sdp", bob.answer_sdp());
    let answer = daemon.request(&answer).ok();
    assert_eq!(attribute(answer.sdp(), "T38FaxUdpEC"), Some("t38UDPFEC"));
    fax.takes(answer.sdp());
    tone_reaches(&mut fax, &bob, 0);
    signal_is_told(&mut bob, &fax);
    call.hangs_up(&bob);
}
