//! What comes from outside and is none of a codec: for every codec it is refused or becomes noise, in bounds, and what comes next is
//! heard again.

use proptest::prelude::*;

use super::tests::{codec, codecs, decode, encode, likeness, sound};
use super::*;
use crate::codec::stream::{InPacket, Outgoing, Route, RtpTranscoder};
use crate::codec::{Codec, CodecString, EngineSupport, Linked, Support};
use std::sync::Arc;

fn text(codec: &Codec) -> String {
    format!("{}/{}/{}", codec.name, codec.clock, codec.channels)
}

fn transcoder(input: &Codec, output: &Codec) -> Transcoder {
    let (input_ptime, output_ptime) = (input.packet_time(127, 0), output.packet_time(127, 0));
    let spec = TranscoderSpec { input, input_ptime, output, output_ptime, linear: false };
    Transcoder::open(&spec).unwrap_or_else(|error| panic!("{} -> {}: {error}", input.name, output.name))
}

/// Payloads of all lengths and fillings: no more audio than their octets can stand for, and afterwards the codec's own payloads sound
/// as they should.
#[test]
fn wrong_lengths() {
    let pcma = codec("PCMA");
    for input in codecs() {
        let mut transcoder = transcoder(&input, &pcma);
        let mut out = Frames::new();
        let mut longest = 0;
        for length in (0..=340).chain([700, 1400]) {
            for filling in [0x00, 0xff, 0x55, 0x3c, 0x80] {
                let payload: Vec<u8> = (0..length).map(|n| filling ^ (n as u8 & 0x0f)).collect();
                out.clear();
                let _ = transcoder.push(Frame::Encoded(&payload), &mut out);
                let ms = out.encoded().map(|packet| packet.duration / 8).sum::<u32>();
                longest = longest.max(ms);
            }
        }
        // G.729 packs ten milliseconds into ten octets, and noise into two; nothing packs more.
        assert!(longest <= 1500, "{}: {longest} ms of one packet", text(&input));
        out.clear();
        let packets = encode(&input, 1000);
        for (payload, _) in &packets {
            transcoder.push(Frame::Encoded(payload), &mut out).unwrap();
        }
        let payloads: Vec<_> = out.encoded().map(|packet| packet.octets.to_vec()).collect();
        let format = AudioFormat { rate: 8000, channels: 1 };
        let heard = decode(&pcma, &payloads, format);
        assert!(heard.len().abs_diff(8000) < 1000, "{}: {} samples", text(&input), heard.len());
        let alike = likeness(&sound(format, 1000)[2000..], &heard[2000..], format);
        assert!(alike > 0.7, "{}: {alike}", text(&input));
    }
}

fn route(number: u8, input: &Codec) -> Route {
    let output = codec("PCMA");
    Route {
        input_payload_type: number,
        input_ptime: input.packet_time(number, 0),
        input: Arc::new(input.clone()),
        output_payload_type: 8,
        output_ptime: 20,
        output: Arc::new(output),
        dtmf: None,
        cn: None,
        detect_tones: false,
    }
}

/// A source that changes its payload type with every packet, through all codecs there are, to one sink: one stream, without gaps in
/// numbers or time.
#[test]
fn another_payload_type_with_every_packet() {
    let all = codecs();
    let payloads: Vec<_> = all.iter().map(|codec| encode(codec, 600)).collect();
    let routes = all.iter().zip(20u8..).map(|(codec, number)| route(number, codec)).collect();
    let mut transcoder = RtpTranscoder::new(routes, None, false);
    let (mut out, mut sent, mut got) = (Outgoing::new(), 0u16, Vec::new());
    let mut ms = 0;
    for round in 0..10 {
        for ((codec, packets), number) in all.iter().zip(&payloads).zip(20u8..) {
            let Some((payload, duration)) = packets.get(round) else { continue };
            let (sequence_number, timestamp) = (65_500u16.wrapping_add(sent), ms * (codec.clock / 1000));
            let packet =
                InPacket { payload_type: number, marker: false, sequence_number, timestamp, payload };
            out.clear();
            transcoder.push(Duration::from_millis(ms.into()), &packet, &mut out).unwrap();
            got.extend(
                out.packets().map(|p| (p.payload_type, p.sequence_number, p.timestamp, p.payload.len())),
            );
            sent += 1;
            ms += duration * 1000 / codec.clock;
        }
    }
    assert!(
        got.len() as u32 * 20 + 1000 > ms && got.len() as u32 * 20 <= ms,
        "{} packets of {ms} ms",
        got.len()
    );
    for pair in got.windows(2) {
        assert_eq!(pair[1].1, pair[0].1.wrapping_add(1));
        assert_eq!(pair[1].2, pair[0].2.wrapping_add(160));
    }
    assert!(got.iter().all(|packet| (packet.0, packet.3) == (8, 160)));
}

/// Timestamps that belong to another clock, stand still, jump or run backwards: the output has its own.
#[test]
fn clocks_that_lie() {
    for input in codecs() {
        for step in [0, 1, 159, 8000, 90_000, u32::MAX / 2 + 1, u32::MAX - 159] {
            let mut transcoder = RtpTranscoder::new(vec![route(96, &input)], None, false);
            let (mut out, mut got) = (Outgoing::new(), Vec::new());
            let (mut ms, mut timestamp) = (0u64, 12_345u32);
            for ((payload, duration), sequence_number) in encode(&input, 400).iter().zip(7u16..) {
                let packet =
                    InPacket { payload_type: 96, marker: false, sequence_number, timestamp, payload };
                out.clear();
                transcoder.push(Duration::from_millis(ms), &packet, &mut out).unwrap();
                got.extend(out.packets().map(|p| (p.sequence_number, p.timestamp, p.send_at)));
                timestamp = timestamp.wrapping_add(step);
                ms += u64::from(duration * 1000 / input.clock);
            }
            let name = || format!("{} by {step}", text(&input));
            assert!(got.len() as u64 * 20 + 130 > ms, "{}: {} packets of {ms} ms", name(), got.len());
            for pair in got.windows(2) {
                assert_eq!(pair[1].0, pair[0].0.wrapping_add(1), "{}", name());
                assert_eq!(pair[1].1, pair[0].1.wrapping_add(160), "{}", name());
            }
            let latest = got.iter().map(|packet| packet.2).max().unwrap_or_default();
            assert!(latest < Duration::from_millis(ms + 1000), "{}: {latest:?}", name());
        }
    }
}

/// Clock rates and channels that no such codec has: refused, or coded without harm.
#[test]
fn lies_about_clock_rates() {
    let names = [
        "PCMA", "PCMU", "G722", "G729", "GSM", "G723", "speex", "opus", "AMR", "AMR-WB", "G726-32", "L16",
        "iLBC", "CN",
    ];
    let rates = [
        "1/1",
        "7999/1",
        "96000/1",
        "8000/2",
        "8000/255",
        "48000/8",
        "4294967295/1",
        "4294967295/4294967295",
    ];
    for name in names {
        for rate in rates {
            attempt(&CodecString::parse(&format!("{name}/{rate}")).codec(&Linked));
        }
    }
}

/// Opens what can be opened of a codec and codes a little with it, into PCMA and from it.
fn attempt(codec: &Codec) {
    let pcma = self::codec("PCMA");
    let spec =
        |input, output| TranscoderSpec { input, input_ptime: 20, output, output_ptime: 20, linear: false };
    let mut out = Frames::new();
    if let Ok(mut to) = Transcoder::open(&spec(&pcma, codec)) {
        for _ in 0..3 {
            let _ = to.push(Frame::Encoded(&[0xd5; 160]), &mut out);
        }
    }
    if let Ok(mut from) = Transcoder::open(&spec(codec, &pcma)) {
        for payload in [&[][..], &[0x55; 33], &[0xff; 320]] {
            let _ = from.push(Frame::Encoded(payload), &mut out);
        }
    }
    let octets: usize = out.encoded().map(|packet| packet.octets.len()).sum();
    assert!(octets < 4_000_000, "{}: {octets}", text(codec));
}

/// All codecs claimed to be supported, so that their parameters reach the engines whatever they are.
struct All;

impl EngineSupport for All {
    fn support(&self, def: &crate::codec::CodecDef) -> Support {
        Linked.support(def)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    /// Format parameters of any kind: refused, or coded without harm.
    #[test]
    fn absurd_parameters(
        name in proptest::sample::select(vec!["opus/48000/2", "AMR/8000", "AMR-WB/16000", "iLBC/8000", "G729/8000", "G723/8000", "speex/16000", "CN/8000"]),
        pairs in prop::collection::vec(
            (
                proptest::sample::select(vec![
                    "octet-align", "mode-set", "mode-change-period", "mode-change-neighbor", "crc", "robust-sorting", "interleaving",
                    "mode", "annexb", "stereo", "maxaveragebitrate", "maxplaybackrate", "useinbandfec", "cbr", "minptime", "vbr",
                ]),
                proptest::sample::select(vec!["", "0", "1", "-1", "99999999999999999999", "0,1,2,3,4,5,6,7,8,9", "7", "20", "25", "yes", "\u{ff}"]),
            ),
            0..6,
        ),
        options in prop::sample::select(vec!["", "CMR-interval=1", "mode-change-interval=0", "complexity=99", "packet_loss=-1", "b=999999999", "x"]),
    ) {
        let fmtp: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let (name, rest) = name.split_once('/').unwrap_or((name, "8000"));
        let (clock, channels) = rest.split_once('/').unwrap_or((rest, "1"));
        let (clock, channels) = (clock.parse().unwrap(), channels.parse().unwrap());
        let mut codec = Codec::new(name, clock, channels, Some(&fmtp.join(";")), true, &All);
        codec.options = (!options.is_empty()).then(|| options.into());
        codec.bitrate = 4_000_000_000;
        attempt(&codec);
        codec.bitrate = 1;
        attempt(&codec);
    }
}

/// Payloads that change their codec in the middle: each number has its decoder, and what is none of it is refused or noise.
#[test]
fn payloads_of_other_codecs() {
    let all = codecs();
    let payloads: Vec<Vec<(Vec<u8>, u32)>> = all.iter().map(|codec| encode(codec, 120)).collect();
    for (at, codec) in all.iter().enumerate() {
        let mut transcoder = transcoder(codec, &self::codec("PCMU"));
        let mut out = Frames::new();
        for (payload, _) in payloads.iter().flatten() {
            let _ = transcoder.push(Frame::Encoded(payload), &mut out);
        }
        // It still decodes what is its own.
        out.clear();
        for (payload, _) in &payloads[at] {
            transcoder.push(Frame::Encoded(payload), &mut out).unwrap();
        }
        let came: u32 = out.encoded().map(|packet| packet.duration).sum();
        assert!(came >= 480, "{}: {came}", text(codec));
    }
}
