//! A page from one fax machine to another, over two gateways with UDPTL between them.

#[allow(unsafe_code)]
mod terminal;

use std::path::Path;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::gateway::{AudioCodec, Gateway, Produced, RtpStart};
use super::{ErrorCorrection, Options, Parameters};
use crate::codec::engine::g711::{G711Decoder, G711Encoder, Law};
use crate::codec::engine::{AudioFormat, Coder, Frame, Frames};
use crate::codec::stream::InPacket;
use crate::codec::{CodecString, Linked};
use terminal::{ROW, Terminal, read_page};

const ROWS: u32 = 200;

/// The rows of a page: a frame, a slope and some text-like noise.
fn page() -> Vec<[u8; ROW]> {
    let mut random = SmallRng::seed_from_u64(1);
    (0..ROWS as usize)
        .map(|row| {
            let mut octets = [0; ROW];
            (octets[0], octets[ROW - 1]) = (0xff, 0xff);
            octets[row % ROW] |= 0x18;
            if row % 24 < 12 {
                octets[40..80]
                    .iter_mut()
                    .for_each(|octet| *octet = random.random::<u8>() & random.random::<u8>());
            }
            octets
        })
        .collect()
}

/// An uncompressed TIFF file of fax resolution.
fn write_tiff(file: &Path) {
    let pixels: Vec<u8> = page().concat();
    let tags: [(u16, u16, u32, u32); 13] = [
        (256, 4, 1, 1728),
        (257, 4, 1, ROWS),
        (258, 3, 1, 1),
        (259, 3, 1, 1),
        (262, 3, 1, 0),
        (266, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, ROWS),
        (279, 4, 1, pixels.len() as u32),
        (282, 5, 1, 8 + pixels.len() as u32),
        (283, 5, 1, 16 + pixels.len() as u32),
        (296, 3, 1, 2),
    ];
    let mut tiff = b"II*\0".to_vec();
    tiff.extend((24 + pixels.len() as u32).to_le_bytes());
    tiff.extend(&pixels);
    for resolution in [204u32, 98] {
        tiff.extend(resolution.to_le_bytes());
        tiff.extend(1u32.to_le_bytes());
    }
    tiff.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in tags {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(count.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 4]);
    std::fs::write(file, tiff).unwrap();
}

/// A machine with its gateway, and PCMA between them.
struct Side {
    terminal: Terminal,
    gateway: Gateway,
    encoder: G711Encoder,
    decoder: G711Decoder,
    number: u16,
    frames: Frames,
    heard: Vec<i16>,
}

const FORMAT: AudioFormat = AudioFormat { rate: 8000, channels: 1 };

impl Side {
    fn new(terminal: Terminal, options: Options) -> Self {
        let codec = AudioCodec {
            payload_type: 8,
            codec: CodecString::parse("PCMA").codec(&Linked).into(),
            packet_time: 20,
        };
        let start = RtpStart { sequence_number: 65_530, timestamp: 7 };
        Self {
            terminal,
            gateway: Gateway::start(options, vec![codec], start, Duration::ZERO).unwrap(),
            encoder: G711Encoder::new(Law::A, FORMAT),
            decoder: G711Decoder::new(Law::A, FORMAT),
            number: 0,
            frames: Frames::new(),
            heard: Vec::new(),
        }
    }

    /// 20 ms: what the machine says goes into the gateway, and what the gateway says into the machine.
    fn step(&mut self, now: Duration, audio_lost: bool) -> Vec<Box<[u8]>> {
        let mut out = Produced::default();
        self.frames.clear();
        let samples = self.terminal.speak(160);
        self.encoder.push(Frame::Samples(&samples), &mut self.frames).unwrap();
        let payload: Vec<u8> = self.frames.encoded().flat_map(|frame| frame.octets.to_vec()).collect();
        if !audio_lost {
            let packet = InPacket {
                payload_type: 8,
                marker: false,
                sequence_number: self.number,
                timestamp: u32::from(self.number) * 160,
                payload: &payload,
            };
            self.gateway.push_audio(now, &packet, &mut out).unwrap();
        }
        self.number += 1;
        assert!(self.gateway.due() <= now + Duration::from_millis(10));
        self.gateway.run(now, &mut out).unwrap();
        for packet in &out.audio {
            assert_eq!((packet.payload_type, packet.payload.len()), (8, 160));
            self.frames.clear();
            self.decoder.push(Frame::Encoded(&packet.payload), &mut self.frames).unwrap();
            self.heard.extend(self.frames.samples());
        }
        // The machine hears what has come, in real time.
        let count = self.heard.len().min(160);
        let heard: Vec<i16> = self.heard.drain(..count).collect();
        self.terminal.hear(&heard);
        out.datagrams
    }
}

#[derive(Clone, Copy)]
struct Line {
    /// Datagrams lost, in percent.
    datagram_loss: f64,
    /// One RTP packet in 300 is lost, each way.
    audio_loss: bool,
    ecm: bool,
    options: Options,
}

/// Sends the page over the line; what both sides say of it, and the rows that came.
fn send(name: &str, line: Line) -> (terminal::Result, terminal::Result, Vec<[u8; ROW]>) {
    let folder = tempfile::tempdir().unwrap();
    let (original, copy) = (folder.path().join(format!("{name}.tif")), folder.path().join("copy.tif"));
    write_tiff(&original);
    let mut caller = Side::new(Terminal::sending(&original, line.ecm), line.options);
    let mut called = Side::new(Terminal::receiving(&copy, line.ecm), line.options);
    let mut random = SmallRng::seed_from_u64(7);
    let mut lost = |percent: f64| random.random_bool(percent / 100.0);
    // All of it, as a check that the losses were real.
    let (mut carried, mut gone) = (0, 0);
    let (mut to_caller, mut to_called) = (Vec::<Box<[u8]>>::new(), Vec::<Box<[u8]>>::new());
    for turn in 1..=6000u64 {
        let now = Duration::from_millis(turn * 20);
        let mut out = Produced::default();
        for datagram in std::mem::take(&mut to_caller) {
            caller.gateway.push_datagram(now, &datagram, &mut out);
        }
        for datagram in std::mem::take(&mut to_called) {
            called.gateway.push_datagram(now, &datagram, &mut out);
        }
        assert_eq!(out.audio.len(), 0);
        let mut carry = |datagrams: Vec<Box<[u8]>>| -> Vec<Box<[u8]>> {
            let all = datagrams.len();
            let arrived: Vec<_> = datagrams.into_iter().filter(|_| !lost(line.datagram_loss)).collect();
            (carried, gone) = (carried + arrived.len(), gone + all - arrived.len());
            arrived
        };
        to_called = carry(caller.step(now, turn % 300 == 299 && line.audio_loss));
        to_caller = carry(called.step(now, turn % 300 == 149 && line.audio_loss));
        if !caller.terminal.is_active() && !called.terminal.is_active() {
            break;
        }
    }
    let counters = (caller.gateway.counters(), called.gateway.counters());
    assert_eq!((counters.0.invalid, counters.1.invalid), (0, 0), "{counters:?}");
    assert!(carried > 100 && (line.datagram_loss == 0.0) == (gone == 0), "{carried} {gone}");
    assert_eq!(counters.0.audio.skips != 0, line.audio_loss);
    let needed =
        line.datagram_loss != 0.0 && line.options.parameters.error_correction != ErrorCorrection::None;
    assert_eq!(counters.1.restored != 0, needed, "{counters:?}");
    (caller.terminal.result(), called.terminal.result(), read_page(&copy, ROWS))
}

fn clean() -> Line {
    Line { datagram_loss: 0.0, audio_loss: false, ecm: true, options: Options::default() }
}

fn with(error_correction: ErrorCorrection) -> Options {
    let parameters = Parameters { error_correction, ..Parameters::default() };
    Options { parameters, ..Options::default() }
}

/// Sends the page and expects it as it was; what the receiver says of it.
fn arrives(name: &str, line: Line) -> terminal::Result {
    let (sent, received, rows) = send(name, line);
    assert_eq!((sent.status, received.status), (0, 0), "{name}: {sent:?} {received:?}");
    assert_eq!((sent.pages_sent, received.pages_received, received.bad_rows), (1, 1, 0), "{name}");
    assert!(rows == page(), "{name}: {received:?}");
    received
}

/// With error correction mode and without, at full speed.
#[test]
fn clean_line() {
    let received = arrives("ecm", clean());
    assert_eq!((received.bit_rate, received.ecm), (14400, true));
    let received = arrives("no ecm", Line { ecm: false, ..clean() });
    assert_eq!((received.bit_rate, received.ecm), (14400, false));
}

/// What T.38 does against 3 % of loss is enough, whichever it is, also where the machines have no error correction of their own.
#[test]
fn three_percent_of_loss() {
    let lossy = Line { datagram_loss: 3.0, ..clean() };
    for error_correction in [ErrorCorrection::Redundancy, ErrorCorrection::Fec] {
        let options = with(error_correction);
        arrives("loss", Line { options, ..lossy });
        arrives("loss, no ecm", Line { options, ecm: false, ..lossy });
    }
}

/// RTP lost on the audio sides costs repetitions, not the page.
#[test]
fn loss_of_audio() {
    arrives("audio loss", Line { audio_loss: true, ..clean() });
}

/// `codecs.md` §19.1: `no-ECM` and the modems left out show in what the machines settle on.
#[test]
fn rule_19_1_flags() {
    let with = |options| arrives("flags", Line { options, ..clean() });
    assert!(!with(Options { no_ecm: true, ..Options::default() }).ecm);
    assert_eq!(with(Options { no_v17: true, ..Options::default() }).bit_rate, 9600);
    let options = Options { no_v17: true, no_v29: true, ..Options::default() };
    assert_eq!(with(options).bit_rate, 4800);
    with(Options { no_iaf: true, ..Options::default() });
}

/// Later editions of T.38, with training checks on either side.
#[test]
fn versions_and_rate_management() {
    for (version, local_rate_management) in [(1, false), (3, true)] {
        let parameters = Parameters { version, local_rate_management, ..Parameters::default() };
        arrives("version", Line { options: Options { parameters, ..Options::default() }, ..clean() });
    }
}

fn gateway(codecs: &[(u8, &str)]) -> Gateway {
    let codec = |&(payload_type, name): &(u8, &str)| AudioCodec {
        payload_type,
        codec: CodecString::parse(name).codec(&Linked).into(),
        packet_time: 20,
    };
    let start = RtpStart { sequence_number: 65_535, timestamp: 1000 };
    Gateway::start(Options::default(), codecs.iter().map(codec).collect(), start, Duration::ZERO).unwrap()
}

/// `codecs.md` §19.5(1): 20 ms packets, the first one marked, numbers that go on; also where the codec wants another rate.
#[test]
fn rule_19_5_1_packets() {
    for (codec, rate, octets) in [("PCMU", 160, 160), ("G722", 160, 160), ("L16/16000", 320, 640)] {
        let mut gateway = gateway(&[(9, codec)]);
        let mut out = Produced::default();
        for ms in 1..=1000 {
            gateway.run(Duration::from_millis(ms), &mut out).unwrap();
        }
        // The resampler holds some back.
        assert!((49..=50).contains(&out.audio.len()), "{codec}: {}", out.audio.len());
        for (at, packet) in out.audio.iter().enumerate() {
            let at = at as u32;
            assert_eq!(
                (packet.marker, packet.payload.len(), packet.payload_type),
                (at == 0, octets, 9),
                "{codec}"
            );
            assert_eq!(packet.sequence_number, 65_535u16.wrapping_add(at as u16));
            assert_eq!(packet.timestamp, 1000 + at * rate);
        }
        assert_eq!(gateway.next_rtp().timestamp, 1000 + out.audio.len() as u32 * rate);
    }
}

/// A thread that was late makes up for a little, and no storm comes after a long sleep.
#[test]
fn late_steps() {
    let mut gateway = gateway(&[(0, "PCMU")]);
    let mut out = Produced::default();
    gateway.run(Duration::from_millis(200), &mut out).unwrap();
    assert_eq!(out.audio.len(), 10);
    gateway.run(Duration::from_secs(100), &mut out).unwrap();
    assert!(out.audio.len() <= 11);
    assert_eq!(gateway.due(), Duration::from_millis(100_010));
}

/// What is neither a datagram nor a message is counted and does nothing; so with payloads of no use.
#[test]
fn bad_input() {
    let mut gateway = gateway(&[(8, "PCMA"), (3, "GSM")]);
    let (mut out, now) = (Produced::default(), Duration::ZERO);
    for datagram in [&b""[..], b"x", &[0, 0, 0x7f, 1], &[0, 0, 1, 0x80, 0, 0], &[0, 1, 2, 0xd2, 9, 0, 0]] {
        gateway.push_datagram(now, datagram, &mut out);
    }
    assert_eq!(gateway.counters().invalid, 5);
    let packet = |payload_type, sequence_number, payload| InPacket {
        payload_type,
        marker: false,
        sequence_number,
        timestamp: u32::from(sequence_number) * 160,
        payload,
    };
    assert_eq!(gateway.push_audio(now, &packet(101, 1, &[1, 2, 3]), &mut out), Ok(()), "none of its codecs");
    assert!(gateway.push_audio(now, &packet(3, 2, &[1, 2, 3]), &mut out).is_err(), "no frame of GSM");
    assert_eq!(gateway.push_audio(now, &packet(8, 3, &[]), &mut out), Ok(()));
    assert_eq!(gateway.push_audio(now, &packet(8, 4, &[0x55; 1400]), &mut out), Ok(()));
    assert_eq!(out.audio, []);
}

/// Other codecs after signalling: the RTP goes on where it was.
#[test]
fn other_codecs() {
    let mut gateway = gateway(&[(0, "PCMU")]);
    let mut out = Produced::default();
    gateway.run(Duration::from_millis(100), &mut out).unwrap();
    let codec = |payload_type, name| AudioCodec {
        payload_type,
        codec: CodecString::parse(name).codec(&Linked).into(),
        packet_time: 20,
    };
    assert!(gateway.set_codecs(vec![codec(99, "NoSuchCodec")]).is_err());
    gateway.set_codecs(vec![codec(8, "PCMA"), codec(0, "PCMU")]).unwrap();
    gateway.run(Duration::from_millis(200), &mut out).unwrap();
    let numbers: Vec<u8> = out.audio.iter().map(|packet| packet.payload_type).collect();
    assert_eq!(numbers, [0, 0, 0, 0, 0, 8, 8, 8, 8, 8]);
    assert!(out.audio.windows(2).all(|w| w[0].timestamp + 160 == w[1].timestamp && !w[1].marker));
}

/// Two seconds of V.21 flags, as every fax message begins: 300 bits per second, 1650 Hz for a 1 and 1850 Hz for a 0.
fn flags() -> Vec<i16> {
    let mut phase = 0.0f64;
    let sample = |n: usize| {
        let bit = 0x7e >> (n * 300 / 8000 % 8) & 1;
        phase += std::f64::consts::TAU * if bit == 1 { 1650.0 } else { 1850.0 } / 8000.0;
        (phase.sin() * 6000.0) as i16
    };
    (0..16_000).map(sample).collect()
}

/// A signal is told on the other side, also after a silence that was filled in.
#[test]
fn signals_become_indicators() {
    for silence in [0, 100] {
        let mut gateway = gateway(&[(8, "PCMA")]);
        let mut out = Produced::default();
        for turn in 0..silence {
            gateway.run(Duration::from_millis(turn * 10), &mut out).unwrap();
        }
        let mut encoder = G711Encoder::new(Law::A, FORMAT);
        for (n, samples) in flags().chunks(160).enumerate() {
            let mut frames = Frames::new();
            encoder.push(Frame::Samples(samples), &mut frames).unwrap();
            let payload: Vec<u8> = frames.encoded().flat_map(|frame| frame.octets.to_vec()).collect();
            let packet = InPacket {
                payload_type: 8,
                marker: false,
                sequence_number: n as u16,
                timestamp: n as u32 * 160,
                payload: &payload,
            };
            let now = Duration::from_millis(silence * 10 + n as u64 * 20);
            gateway.push_audio(now, &packet, &mut out).unwrap();
            gateway.run(now, &mut out).unwrap();
        }
        let mut receiver = super::udptl::Receiver::default();
        let mut told = Vec::new();
        for datagram in &out.datagrams {
            receiver.push(Duration::ZERO, datagram).unwrap();
            told.extend(std::iter::from_fn(|| receiver.pop()).map(|(_, message)| message.to_vec()));
        }
        assert_eq!(told.first().map(Vec::as_slice), Some(&[0][..]), "no signal");
        assert_eq!(told.get(1).map(Vec::as_slice), Some(&[6][..]), "preamble: {told:?}");
    }
}
