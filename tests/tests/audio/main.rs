//! The same sound through this daemon and through Debian's rtpengine 10.5.3: what comes out is the same, octet by octet where both use
//! the same library in the same way, and to the ear where they do not.

#[path = "../../../rtpengine-common/src/codec/engine/measure.rs"]
mod measure;
#[path = "../../../rtpengine-common/src/codec/engine/speech.rs"]
mod speech;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rtpengine_common::codec::engine::{
    AudioFormat, Coder, Frame, Frames, encoded_format, open_decoder, open_encoder, resampler,
};
use rtpengine_common::codec::{Codec, CodecString, Linked};
use rtpengine_tests::network::left_out;
use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;

const PEER: &str = "/usr/bin/rtpengine";

/// What both daemons are to make of the speech.
struct Case {
    /// What the caller speaks: number, rtpmap and fmtp.
    from: (u8, &'static str, &'static str),
    /// What the daemon is to add, and what the callee takes of it.
    transcode: &'static str,
    to: (u8, &'static str, &'static str),
    /// The callee's packet time, if it is not 20 ms.
    ptime: i64,
    /// How far the two may be apart, in dB; `None`: not by one octet.
    apart: Option<f64>,
    /// What happens to the source's packets.
    fate: Fate,
}

/// What happens to the packets of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// They arrive.
    Arrive,
    /// Some are lost.
    Lost,
    /// Some come after the next one.
    Swapped,
    /// Some come twice.
    Doubled,
    /// The timestamps jump forward, later back.
    Jump,
    /// The sequence numbers begin anew.
    Restart,
    /// A digit is pressed: telephone-event 101.
    Digit,
    /// The callee has telephone-event and the caller sounds a digit.
    Tone,
    /// The caller describes noise (CN) for a while, which the callee does not know.
    Noise,
    /// The callee knows CN, and the caller is silent for a while.
    Silence,
}

const fn case(
    from: (u8, &'static str, &'static str),
    transcode: &'static str,
    to: (u8, &'static str, &'static str),
    apart: Option<f64>,
) -> Case {
    Case { from, transcode, to, ptime: 20, apart, fate: Fate::Arrive }
}

const PCMU: (u8, &str, &str) = (0, "PCMU/8000", "");
const PCMA: (u8, &str, &str) = (8, "PCMA/8000", "");
const G722: (u8, &str, &str) = (9, "G722/8000", "");
const GSM: (u8, &str, &str) = (3, "GSM/8000", "");
const G723: (u8, &str, &str) = (4, "G723/8000", "");
const G729: (u8, &str, &str) = (18, "G729/8000", "");
const OPUS: (u8, &str, &str) = (96, "opus/48000/2", "");
const AMR: (u8, &str, &str) = (96, "AMR/8000", "octet-align=1");
const AMR_WB: (u8, &str, &str) = (96, "AMR-WB/16000", "octet-align=1");
const SPEEX: (u8, &str, &str) = (96, "speex/8000", "");
const SPEEX_WB: (u8, &str, &str) = (96, "speex/16000", "");

const CODECS: [Case; 24] = [
    case(PCMU, "PCMA", PCMA, None),
    case(PCMA, "PCMU", PCMU, None),
    Case { ptime: 30, ..case(PCMU, "PCMA", PCMA, None) },
    Case { ptime: 40, ..case(PCMU, "PCMA", PCMA, None) },
    Case { ptime: 10, ..case(PCMU, "PCMA", PCMA, None) },
    case(PCMA, "G722", G722, None),
    case(G722, "PCMA", PCMA, None),
    case(PCMU, "GSM", GSM, None),
    case(GSM, "PCMU", PCMU, None),
    case(PCMU, "G723", G723, None),
    case(G723, "PCMU", PCMU, None),
    case(PCMU, "G729", G729, None),
    case(G729, "PCMU", PCMU, None),
    // The peer has opus code 48 kHz whatever comes in, and converts; here it codes and decodes what the other side has (codecs.md §14.4).
    case(PCMU, "opus/48000/2/32000", OPUS, Some(3.5)),
    case(OPUS, "PCMU", PCMU, Some(0.3)),
    case(OPUS, "G722", G722, Some(0.3)),
    case(PCMU, "AMR/8000/1/12200", AMR, None),
    case(AMR, "PCMU", PCMU, None),
    case(PCMU, "AMR-WB/16000/1/15850", AMR_WB, None),
    case(G722, "AMR-WB/16000/1/15850", AMR_WB, None),
    case(AMR_WB, "G722", G722, None),
    case(PCMU, "speex/8000/1/11000", SPEEX, None),
    case(G722, "speex/16000/1/16800", SPEEX_WB, None),
    case(SPEEX, "PCMU", PCMU, None),
];

/// What is to become of a stream that is not as it should be, and of other packet times. Left out is what the peer does not do: longer
/// packets of codecs with one frame in a packet (it sends nothing), and the time of events beside G.729 (it is 10 ms behind the audio).
const STREAMS: [Case; 20] = [
    Case { fate: Fate::Lost, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Swapped, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Doubled, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Jump, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Restart, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Digit, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Lost, ..case(G722, "AMR-WB/16000/1/15850", AMR_WB, None) },
    Case { fate: Fate::Swapped, ..case(G722, "AMR-WB/16000/1/15850", AMR_WB, None) },
    Case { fate: Fate::Doubled, ..case(AMR, "PCMU", PCMU, None) },
    Case { fate: Fate::Jump, ..case(PCMA, "G722", G722, None) },
    Case { fate: Fate::Restart, ..case(PCMA, "G722", G722, None) },
    Case { fate: Fate::Digit, ..case(PCMA, "G722", G722, None) },
    Case { fate: Fate::Digit, ..case(GSM, "PCMU", PCMU, None) },
    Case { fate: Fate::Lost, ..case(PCMU, "G729", G729, None) },
    Case { fate: Fate::Lost, ..case(GSM, "PCMU", PCMU, None) },
    Case { ptime: 40, ..case(PCMU, "G729", G729, None) },
    Case { ptime: 40, ..case(PCMU, "G722", G722, None) },
    Case { ptime: 30, ..case(G722, "PCMU", PCMU, None) },
    Case { ptime: 60, ..case(PCMU, "PCMA", PCMA, None) },
    Case { ptime: 30, ..case(G729, "PCMU", PCMU, None) },
];

fn codec_of((_, rtpmap, fmtp): (u8, &str, &str)) -> Codec {
    CodecString::parse(
        &format!("{rtpmap}///{fmtp}").replace("8000///", "8000/1///").replace("16000///", "16000/1///"),
    )
    .codec(&Linked)
}

fn format_of(codec: &Codec) -> AudioFormat {
    encoded_format(codec, AudioFormat { rate: codec.audio_rate(), channels: 1 })
}

/// Speech of 8000 Hz as packets of a codec, with the steps of their timestamps.
fn spoken(codec: &Codec, samples: &[i16]) -> Vec<(Vec<u8>, u32)> {
    let (format, ptime) = (format_of(codec), codec.packet_time(127, 0));
    let mut resampler = resampler::Resampler::new(speech::FORMAT, format).unwrap();
    let mut audio = Frames::new();
    resampler.push(Frame::Samples(samples), &mut audio).unwrap();
    let (mut encoder, mut packer) = open_encoder(codec, format, ptime).unwrap();
    let (mut encoded, mut packed) = (Frames::new(), Frames::new());
    encoder.push(Frame::Samples(audio.samples()), &mut encoded).unwrap();
    encoded.encoded().for_each(|frame| packer.push(frame, &mut packed));
    packed.encoded().map(|packet| (packet.octets.to_vec(), packet.duration)).collect()
}

/// What the packets of a number sound like, in 8000 Hz.
fn heard(codec: &Codec, number: u8, packets: &[Rtp]) -> Vec<i16> {
    let format = if codec.has_name("opus") { speech::FORMAT } else { format_of(codec) };
    let mut decoder = open_decoder(codec, format, 20).unwrap();
    let mut audio = Frames::new();
    for packet in packets.iter().filter(|packet| packet.payload_type == number) {
        decoder.push(Frame::Encoded(&packet.payload), &mut audio).unwrap();
    }
    let mut resampler = resampler::Resampler::new(decoder.format(), speech::FORMAT).unwrap();
    let mut out = Frames::new();
    resampler.push(Frame::Samples(audio.samples()), &mut out).unwrap();
    out.samples().to_vec()
}

/// One case at one daemon.
struct Line<'d> {
    _call: Call<'d>,
    alice: Phone,
    bob: Phone,
    got: Vec<Rtp>,
}

fn plan((number, rtpmap, fmtp): (u8, &str, &str)) -> MediaPlan {
    let plan = MediaPlan::new("audio", "RTP/AVP").format(number, rtpmap);
    if fmtp.is_empty() { plan } else { plan.attribute(&format!("fmtp:{number} {fmtp}")) }
}

impl<'d> Line<'d> {
    fn connect(daemon: &'d Daemon, case: &Case) -> Self {
        let call = Call::new(daemon);
        let digits = case.fate == Fate::Digit;
        let formats = plan(case.from);
        let formats = if digits { formats.format(101, "telephone-event/8000") } else { formats };
        let noise = case.fate == Fate::Noise;
        let formats = if noise { formats.format(13, "CN/8000") } else { formats };
        let mut alice = call.phone(0, "alice").media(formats).build();
        let silence = case.fate == Fate::Silence;
        let events = case.fate == Fate::Tone;
        let formats = plan(case.to);
        let formats = if events { formats.format(96, "telephone-event/8000") } else { formats };
        let formats = if silence { formats.format(13, "CN/8000") } else { formats };
        let mut bob = call.phone(1, "bob").media(formats).build();
        let names = if events { vec![case.transcode, "telephone-event"] } else { vec![case.transcode] };
        let names = if silence { vec![case.transcode, "CN"] } else { names };
        let accepted = if noise { vec!["CN"] } else { Vec::new() };
        let codec = dict([("transcode", list(names)), ("accept", list(accepted))]);
        let mut options = Request::empty().set("codec", codec);
        if case.ptime != 20 {
            options = options.set("ptime", case.ptime);
        }
        call.offer_with(&mut alice, &mut bob, &options);
        if case.ptime != 20 {
            bob.media[0].add_attribute(&format!("ptime:{}", case.ptime));
        }
        call.answer(&mut bob, &mut alice);
        bob.media[0].rtp_socket().set_nonblocking(true).unwrap();
        let got = Vec::new();
        Self { _call: call, alice, bob, got }
    }

    fn sends(&self, packet: &Rtp) {
        let to = self.alice.remote().rtp();
        self.alice.media[0].rtp_socket().send_to(&packet.encode(), to).expect("the packet can be sent");
    }

    fn takes_what_came(&mut self) {
        let mut buffer = [0; 2000];
        while let Ok(length) = self.bob.media[0].rtp_socket().recv(&mut buffer) {
            self.got.extend(Rtp::parse(&buffer[..length]));
        }
    }
}

/// Payload type, marker, sequence number and timestamp.
type Shape = (u8, bool, u16, u32);

/// Packets without what is the daemon's own affair: numbers count from the first one.
fn shape(packets: &[Rtp]) -> Vec<Shape> {
    let Some(first) = packets.first() else { return Vec::new() };
    let shape = |packet: &Rtp| {
        let number = packet.sequence_number.wrapping_sub(first.sequence_number);
        (packet.payload_type, packet.marker, number, packet.timestamp.wrapping_sub(first.timestamp))
    };
    packets.iter().map(shape).collect()
}

/// What is sent in each 20 ms.
fn script(case: &Case, samples: &[i16]) -> Vec<Vec<Rtp>> {
    let (mut sequence_number, mut timestamp) = (7000u16, 160_000u32);
    let packet = |payload_type, sequence_number, timestamp, payload: &[u8]| Rtp {
        marker: false,
        payload_type,
        sequence_number,
        timestamp,
        ssrc: 0x1234_5678,
        extra: Vec::new(),
        payload: payload.to_vec(),
    };
    let mut samples = samples.to_vec();
    if case.fate == Fate::Tone {
        for (first, low, high, level) in [(8000, 770.0, 1336.0, 5000.0), (12_000, 941.0, 1477.0, 1200.0)] {
            for n in 0..960 {
                let angle = |hertz: f64| std::f64::consts::TAU * hertz * f64::from(n) / 8000.0;
                samples[first + n as usize] = (level * (angle(low).sin() + angle(high).sin())) as i16;
            }
        }
    }
    if case.fate == Fate::Silence {
        samples[8000..12_000].fill(0);
        // And gets louder bit by bit.
        for (frame, samples) in (0i16..).zip(samples[12_000..20_000].chunks_exact_mut(160)) {
            let level = 100 + frame * 20;
            samples.chunks_exact_mut(2).for_each(|pair| pair.copy_from_slice(&[level, -level]));
        }
    }
    let mut turns = vec![Vec::new(); 170];
    let mut ms = 0;
    let codec = codec_of(case.from);
    for (at, (payload, step)) in spoken(&codec, &samples).iter().enumerate() {
        match (case.fate, at) {
            (Fate::Jump, 50) => timestamp = timestamp.wrapping_add(80_000),
            (Fate::Jump, 100) => timestamp = timestamp.wrapping_sub(500_000),
            (Fate::Restart, 75) => sequence_number = sequence_number.wrapping_add(10_000),
            _ => {}
        }
        let turn = ms / 20;
        let mut one = packet(case.from.0, sequence_number, timestamp, payload);
        if case.fate == Fate::Digit && (50..60).contains(&at) {
            // Ten packets of an event, of which the last three are its end.
            let n = u16::try_from(at).unwrap_or(0) - 49;
            let [high, low] = (n.min(8) * 160).to_be_bytes();
            let end = if n >= 8 { 0x80 } else { 0 };
            let start = timestamp.wrapping_sub(u32::from(n - 1) * step);
            one = Rtp { marker: n == 1, ..packet(101, sequence_number, start, &[5, end | 10, high, low]) };
        }
        if case.fate == Fate::Noise && (50..70).contains(&at) {
            one = packet(13, sequence_number, timestamp, &[0x20, 0x30, 0x40]);
        }
        match case.fate {
            Fate::Lost if at % 17 == 5 => {}
            Fate::Swapped if at % 10 == 5 => turns[turn + 1].push(one),
            Fate::Doubled if at % 10 == 5 => turns[turn].extend([one.clone(), one]),
            _ => turns[turn].insert(0, one),
        }
        sequence_number = sequence_number.wrapping_add(1);
        timestamp = timestamp.wrapping_add(*step);
        ms += (step * 1000 / codec.clock) as usize;
    }
    turns
}

/// Transcoded packets leave in order here (codecs.md §14.5); what is forwarded leaves at once.
fn assert_in_order(case: &Case, packets: &[Rtp]) {
    let audio: Vec<&Rtp> = packets.iter().filter(|packet| packet.payload_type == case.to.0).collect();
    let ahead = |pair: &[&Rtp]| pair[1].sequence_number.wrapping_sub(pair[0].sequence_number) < 0x8000;
    assert!(audio.windows(2).all(ahead), "{} -> {}: out of order", case.from.1, case.to.1);
}

/// Whether the peer has lost packets of its own: it does when it has no time to read them while codecs are opened.
fn has_stumbled(case: &Case, [ours, peers]: [&[Rtp]; 2]) -> bool {
    let gap = |pair: &[Rtp]| pair[1].sequence_number.wrapping_sub(pair[0].sequence_number) != 1;
    peers.len() + 1 < ours.len() || case.fate == Fate::Arrive && peers.windows(2).any(gap)
}

/// Plays all cases at both daemons at the same time, and compares. Those in which the peer stumbled are played again, and so are, twice,
/// those with other numbers or times: on a busy machine the peer has its own way with them now and then.
fn play(cases: &[Case]) {
    let mut left: Vec<&Case> = cases.iter().collect();
    for round in 0..4 {
        left = play_once(&left, round < 2);
        if left.is_empty() {
            return;
        }
    }
    panic!("the peer loses packets every time: this machine is too busy for a comparison");
}

/// Gives the cases that prove nothing.
fn play_once<'c>(cases: &[&'c Case], patient: bool) -> Vec<&'c Case> {
    let mut again = Vec::new();
    if !Path::new(PEER).exists() {
        left_out::<()>("the comparison of sound with rtpengine 10.5.3", "it is not installed");
        return again;
    }
    let ours = Daemon::builder().arg("--silence-detect=1").ports(30000, 44999).start();
    let peer = Daemon::builder().arg("--silence-detect=1").program(PEER).ports(45000, 59999).start();
    let [recording, ..] = speech::recordings()[..] else { panic!("no recordings") };
    let samples = &recording.samples()[8000..8000 + 24_000];
    let scripts: Vec<_> = cases.iter().map(|case| script(case, samples)).collect();
    let mut lines: Vec<[Line<'_>; 2]> =
        cases.iter().map(|case| [&ours, &peer].map(|daemon| Line::connect(daemon, case))).collect();
    let start = Instant::now();
    for turn in 0..170 {
        for (pair, script) in lines.iter_mut().zip(&scripts) {
            for line in &mut *pair {
                script[turn].iter().for_each(|packet| line.sends(packet));
                line.takes_what_came();
            }
        }
        let next = start + Duration::from_millis(20) * (turn as u32 + 1);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    thread::sleep(Duration::from_millis(500));
    for (pair, case) in lines.iter_mut().zip(cases) {
        pair.iter_mut().for_each(Line::takes_what_came);
        assert_in_order(case, &pair[0].got);
        for line in &mut *pair {
            let first = line.got.first().map_or(0, |packet| packet.sequence_number);
            line.got.sort_by_key(|packet| packet.sequence_number.wrapping_sub(first));
        }
        let got = pair.each_ref().map(|line| &*line.got);
        let differs = patient && case.apart.is_none() && shape(got[0]) != shape(got[1]);
        if differs || has_stumbled(case, got) {
            println!("{} -> {} at {} ms, {:?}: again", case.from.1, case.to.1, case.ptime, case.fate);
            again.push(*case);
        } else {
            compare(case, samples, got);
        }
    }
    again
}

#[test]
fn codecs_sound_as_debians_do() {
    play(&CODECS);
}

/// Tones of digits become events. In the peer their end is not moved along with their start (codecs.md §18.4(4)), which shows where a
/// frame hangs on it, and its G.722 has a clock of its own: left out.
const DIGITS: [Case; 3] = [
    Case { fate: Fate::Tone, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Tone, ..case(PCMA, "PCMU", PCMU, None) },
    Case { fate: Fate::Tone, ..case(GSM, "PCMA", PCMA, None) },
];

/// Comfort noise.
const NOISE: [Case; 5] = [
    Case { fate: Fate::Noise, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Noise, ..case(PCMA, "G722", G722, None) },
    Case { fate: Fate::Noise, ..case(G722, "PCMA", PCMA, None) },
    Case { fate: Fate::Silence, ..case(PCMU, "PCMA", PCMA, None) },
    Case { fate: Fate::Silence, ..case(PCMA, "GSM", GSM, None) },
];

#[test]
fn noise_is_as_debians() {
    play(&NOISE);
}

#[test]
fn digits_come_as_debians_do() {
    play(&DIGITS);
}

#[test]
fn streams_go_on_as_debians_do() {
    play(&STREAMS);
}

/// What came of one case, here and at the peer.
fn compare(case: &Case, samples: &[i16], [ours, peers]: [&[Rtp]; 2]) {
    let name = format!("{} -> {} at {} ms, {:?}", case.from.1, case.to.1, case.ptime, case.fate);
    let codec = codec_of(case.to);
    let (a, b) = (heard(&codec, case.to.0, ours), heard(&codec, case.to.0, peers));
    let (here, there) = (measure::distance(samples, &a), measure::distance(samples, &b));
    let apart = measure::distance(&b, &a);
    let same = ours.iter().zip(peers).filter(|(a, b)| a.payload == b.payload).count();
    println!(
        "{name}: {} and {} packets, {same} equal, {apart:.2} dB apart, {here:.2} and {there:.2} dB from the source",
        ours.len(),
        peers.len(),
    );
    assert!(ours.len() >= 50, "{name}");

    let Some(limit) = case.apart else {
        same_shape(&name, ours, peers);
        let other = ours.iter().zip(peers).position(|(a, b)| a.payload != b.payload);
        assert_eq!(other, None, "{name}: another payload");
        return;
    };
    assert!(apart < limit && here < there + 0.1, "{name}: {apart} apart, {here} and {there} from the source");
    // A converter holds back a frame.
    assert!(ours.len().abs_diff(peers.len()) <= 1, "{name}");
    let least = ours.len().min(peers.len());
    same_shape(&name, &ours[..least], &peers[..least]);
}

fn same_shape(name: &str, ours: &[Rtp], peers: &[Rtp]) {
    let (ours, peers) = (shape(ours), shape(peers));
    let Some(at) = (0..ours.len().max(peers.len())).find(|&at| ours.get(at) != peers.get(at)) else { return };
    let near = |list: &[Shape]| format!("{:?}", list.get(at.saturating_sub(2)..list.len().min(at + 6)));
    panic!("{name}: from {at} on\n{}\n{}", near(&ours), near(&peers));
}
