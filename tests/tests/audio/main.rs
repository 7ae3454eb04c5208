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
}

const fn case(
    from: (u8, &'static str, &'static str),
    transcode: &'static str,
    to: (u8, &'static str, &'static str),
    apart: Option<f64>,
) -> Case {
    Case { from, transcode, to, ptime: 20, apart }
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

const CASES: [Case; 24] = [
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

/// What packets sound like, in 8000 Hz.
fn heard(codec: &Codec, packets: &[Rtp]) -> Vec<i16> {
    let format = if codec.has_name("opus") { speech::FORMAT } else { format_of(codec) };
    let mut decoder = open_decoder(codec, format, 20).unwrap();
    let mut audio = Frames::new();
    for packet in packets {
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
        let mut alice = call.phone(0, "alice").media(plan(case.from)).build();
        let mut bob = call.phone(1, "bob").media(plan(case.to)).build();
        let mut options = Request::empty().set("codec", dict([("transcode", list([case.transcode]))]));
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

    fn takes_what_came(&mut self) {
        let mut buffer = [0; 2000];
        while let Ok(length) = self.bob.media[0].rtp_socket().recv(&mut buffer) {
            self.got.extend(Rtp::parse(&buffer[..length]));
        }
        // When and in which order they leave is a subject of its own.
        if let Some(first) = self.got.first().map(|packet| packet.sequence_number) {
            self.got.sort_by_key(|packet| packet.sequence_number.wrapping_sub(first));
        }
    }
}

/// Packets without what is the daemon's own affair: numbers count from the first one.
fn shape(packets: &[Rtp]) -> Vec<(u8, bool, u16, u32)> {
    let Some(first) = packets.first() else { return Vec::new() };
    let shape = |packet: &Rtp| {
        let number = packet.sequence_number.wrapping_sub(first.sequence_number);
        (packet.payload_type, packet.marker, number, packet.timestamp.wrapping_sub(first.timestamp))
    };
    packets.iter().map(shape).collect()
}

#[test]
fn sounds_as_debians_does() {
    if !Path::new(PEER).exists() {
        left_out::<()>("the comparison of sound with rtpengine 10.5.3", "it is not installed");
        return;
    }
    let ours = Daemon::builder().ports(30000, 44999).start();
    let peer = Daemon::builder().program(PEER).ports(45000, 59999).start();
    let [recording, ..] = speech::recordings()[..] else { panic!("no recordings") };
    let samples = &recording.samples()[8000..8000 + 24_000];
    let sources: Vec<Vec<(Vec<u8>, u32)>> =
        CASES.iter().map(|case| spoken(&codec_of(case.from), samples)).collect();
    let mut lines: Vec<[Line<'_>; 2]> =
        CASES.iter().map(|case| [&ours, &peer].map(|daemon| Line::connect(daemon, case))).collect();
    let start = Instant::now();
    for at in 0..150 {
        for (pair, source) in lines.iter_mut().zip(&sources) {
            for line in pair {
                if let Some((payload, step)) = source.get(at) {
                    line.alice.says(payload, *step);
                }
                line.takes_what_came();
            }
        }
        let next = start + Duration::from_millis(20) * (at as u32 + 1);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    thread::sleep(Duration::from_millis(500));
    for (pair, case) in lines.iter_mut().zip(&CASES) {
        pair.iter_mut().for_each(Line::takes_what_came);
        compare(case, samples, pair.each_ref().map(|line| &*line.got));
    }
}

/// What came of one case, here and at the peer.
fn compare(case: &Case, samples: &[i16], [ours, peers]: [&[Rtp]; 2]) {
    let name = format!("{} -> {} at {} ms", case.from.1, case.to.1, case.ptime);
    let codec = codec_of(case.to);
    let (a, b) = (heard(&codec, ours), heard(&codec, peers));
    let (here, there) = (measure::distance(samples, &a), measure::distance(samples, &b));
    let apart = measure::distance(&b, &a);
    let same = ours.iter().zip(peers).filter(|(a, b)| a.payload == b.payload).count();
    println!(
        "{name}: {} and {} packets, {same} equal, {apart:.2} dB apart, {here:.2} and {there:.2} dB from the source",
        ours.len(),
        peers.len(),
    );
    assert!(ours.len() >= 75, "{name}");
    let Some(limit) = case.apart else {
        assert_eq!(shape(ours), shape(peers), "{name}");
        let other = ours.iter().zip(peers).position(|(a, b)| a.payload != b.payload);
        assert_eq!(other, None, "{name}: another payload");
        return;
    };
    assert!(apart < limit && here < there + 0.1, "{name}: {apart} apart, {here} and {there} from the source");
    // A converter holds back a frame.
    assert!(ours.len().abs_diff(peers.len()) <= 1, "{name}");
    let least = ours.len().min(peers.len());
    assert_eq!(shape(&ours[..least]), shape(&peers[..least]), "{name}");
}
