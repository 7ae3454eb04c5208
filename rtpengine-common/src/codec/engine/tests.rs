//! Engines against each other: every codec pair, durations, thresholds of sound quality, garbage.

use proptest::prelude::*;

use super::*;
use crate::codec::{CodecString, EngineSupport, Linked};

pub(super) fn codec(text: &str) -> crate::codec::Codec {
    CodecString::parse(text).codec(&Linked)
}

/// The codecs of this build that can be coded both ways, with rate and channels.
pub(in crate::codec) fn codecs() -> Vec<crate::codec::Codec> {
    let texts = [
        "PCMA",
        "PCMU",
        "G722",
        "G729",
        "G729a",
        "GSM",
        "G723",
        "speex/8000",
        "speex/16000",
        "speex/32000",
        "opus",
        "opus/48000/1",
        "AMR",
        "AMR-WB",
        "AMR/8000/1///",
        "G726-16",
        "G726-24",
        "G726-32",
        "G726-40",
        "L16/16000",
        "L16/44100/2",
        "iLBC",
    ];
    texts.into_iter().map(codec).filter(crate::codec::Codec::is_supported).collect()
}

/// A speech-like sound: a few harmonics below 1 kHz, slowly swelling.
pub(super) fn sound(format: AudioFormat, ms: u32) -> Vec<i16> {
    let frames = format.samples_in(ms) / format.channels as usize;
    let mut samples = Vec::new();
    for n in 0..frames {
        let t = n as f64 / f64::from(format.rate);
        let tone = |f: f64| (std::f64::consts::TAU * f * t).sin();
        let swell = 0.6 + 0.4 * tone(3.0);
        let value = 9000.0 * swell * (0.5 * tone(220.0) + 0.3 * tone(440.0) + 0.2 * tone(660.0));
        samples.extend(std::iter::repeat_n(value as i16, format.channels as usize));
    }
    samples
}

pub(super) fn encode(codec: &crate::codec::Codec, ms: u32) -> Vec<(Vec<u8>, u32)> {
    let native = AudioFormat { rate: codec.audio_rate(), channels: codec.channels };
    let format = encoded_format(codec, native);
    let ptime = codec.packet_time(127, 0);
    let (mut encoder, mut packer) =
        open_encoder(codec, format, ptime).unwrap_or_else(|e| panic!("{}: {e}", codec.name));
    assert_eq!(encoder.format(), format, "{}", codec.name);
    let (mut encoded, mut out) = (Frames::new(), Frames::new());
    for chunk in sound(format, ms).chunks(format.samples_in(20)) {
        encoder.push(Frame::Samples(chunk), &mut encoded).unwrap();
    }
    for frame in encoded.encoded() {
        packer.push(frame, &mut out);
    }
    out.encoded().map(|e| (e.octets.to_vec(), e.duration)).collect()
}

pub(super) fn decode(codec: &crate::codec::Codec, payloads: &[Vec<u8>], format: AudioFormat) -> Vec<i16> {
    let mut decoder = open_decoder(codec, format, 20).unwrap();
    let mut out = Frames::new();
    for payload in payloads {
        decoder.push(Frame::Encoded(payload), &mut out).unwrap();
    }
    assert_eq!(decoder.format(), format, "{}", codec.name);
    out.samples().to_vec()
}

/// Best normalised correlation of two sounds within a delay of 60 ms.
pub(super) fn likeness(a: &[i16], b: &[i16], format: AudioFormat) -> f64 {
    // Every nth sample, about 8 kHz: the sound has nothing above.
    let step = format.channels as usize * (format.rate as usize / 8000).max(1);
    let mono = |x: &[i16]| x.iter().step_by(step).map(|&s| f64::from(s)).collect::<Vec<_>>();
    let (a, b) = (mono(a), mono(b));
    let longest = 8 * 60;
    // Every `nth` pair of samples at one delay.
    let at = |delay: usize, nth: usize| {
        let (mut product, mut left, mut right) = (0.0, 0.0, 0.0);
        for n in (longest..a.len().min(b.len().saturating_sub(delay))).step_by(nth) {
            let (x, y) = (a[n], b[n + delay]);
            product += x * y;
            left += x * x;
            right += y * y;
        }
        product / f64::sqrt(left * right).max(1.0)
    };
    let rough = |delay: usize| (at(delay, 5), delay);
    let best = (0..longest).map(rough).fold((0.0, 0), |best, one| if one.0 > best.0 { one } else { best });
    let near = best.1.saturating_sub(2)..(best.1 + 3).min(longest);
    near.map(|delay| at(delay, 1)).fold(0.0, f64::max)
}

/// `codecs.md` §1.1: what is coded and decoded again sounds the same, and durations add up to the frame.
#[test]
fn every_codec_there_and_back() {
    for codec in codecs() {
        let packets = encode(&codec, 1000);
        let total: u32 = packets.iter().map(|(_, duration)| duration).sum();
        let expected = codec.clock;
        let frame = codec.clock / 1000 * 40;
        assert!(total <= expected && total + frame > expected, "{}/{}: {total}", codec.name, codec.clock);
        let payloads: Vec<_> = packets.into_iter().map(|(octets, _)| octets).collect();
        let format =
            encoded_format(&codec, AudioFormat { rate: codec.audio_rate(), channels: codec.channels });
        let heard = decode(&codec, &payloads, format);
        let decoded = heard.len() as u64 * 1000 / u64::from(format.rate) / u64::from(format.channels);
        assert!((950..=1010).contains(&decoded), "{}/{}: {decoded} ms", codec.name, codec.clock);
        let alike = likeness(&sound(format, 1000), &heard, format);
        // Codecs that model speech need not keep the phases of other sounds.
        let least =
            if codec.def().is_some_and(|def| def.bitrate == 0 && def.min_ptime == 0) { 0.95 } else { 0.8 };
        assert!(alike > least, "{}/{}: {alike}", codec.name, codec.clock);
    }
}

/// Every pair: no drift, within the frames that wait.
#[test]
fn every_pair_keeps_time() {
    let codecs = codecs();
    for input in &codecs {
        let packets = encode(input, 600);
        let sent: u64 = packets.iter().map(|(_, duration)| u64::from(*duration)).sum();
        for output in &codecs {
            let spec = TranscoderSpec {
                input,
                input_ptime: input.packet_time(127, 0),
                output,
                output_ptime: output.packet_time(127, 0),
                linear: false,
            };
            if !cfg!(feature = "ffmpeg") && input.clock != output.clock {
                continue;
            }
            let mut transcoder = Transcoder::open(&spec).unwrap();
            let mut out = Frames::new();
            for (payload, _) in &packets {
                transcoder.push(Frame::Encoded(payload), &mut out).unwrap();
            }
            let got: u64 = out.encoded().map(|e| u64::from(e.duration)).sum();
            let got_ms = got * 1000 / u64::from(output.clock);
            let sent_ms = sent * 1000 / u64::from(input.clock);
            assert!(
                got_ms <= sent_ms && got_ms + 65 > sent_ms,
                "{}/{} -> {}/{}: {sent_ms} ms became {got_ms}",
                input.name,
                input.clock,
                output.name,
                output.clock
            );
        }
    }
}

/// The shortcut of G.711 says what the long way says, at equal and at different packet times.
#[test]
fn g711_shortcut() {
    for ptime in [20, 30] {
        let (input, output) = (codec("PCMA"), codec("PCMU"));
        let spec = TranscoderSpec {
            input: &input,
            input_ptime: 20,
            output: &output,
            output_ptime: ptime,
            linear: false,
        };
        let mut short = Transcoder::open(&spec).unwrap();
        let mut long = Transcoder::open(&TranscoderSpec { linear: true, ..spec }).unwrap();
        assert!(short.format().is_none() && long.format().is_some());
        let (mut a, mut b) = (Frames::new(), Frames::new());
        for (payload, _) in encode(&input, 300) {
            short.push(Frame::Encoded(&payload), &mut a).unwrap();
            long.push(Frame::Encoded(&payload), &mut b).unwrap();
        }
        let list =
            |frames: &Frames| frames.encoded().map(|e| (e.octets.to_vec(), e.duration)).collect::<Vec<_>>();
        assert_eq!(list(&a), list(&b));
        assert_eq!(short.decoded_samples(), 2400);
        assert_eq!(long.decoded_samples(), 2400);
    }
}

/// `codecs.md` §12, the example: PCMA at 30 ms, sink at 20 ms.
#[test]
fn example_of_section_12() {
    let pcma = codec("PCMA");
    let spec =
        TranscoderSpec { input: &pcma, input_ptime: 30, output: &pcma, output_ptime: 20, linear: false };
    let mut transcoder = Transcoder::open(&spec).unwrap();
    let mut packets = |payload: &[u8]| {
        let mut out = Frames::new();
        transcoder.push(Frame::Encoded(payload), &mut out).unwrap();
        out.encoded().map(|e| (e.octets.len(), e.duration)).collect::<Vec<_>>()
    };
    assert_eq!(packets(&[0xd5; 240]), [(160, 160)]);
    assert_eq!(packets(&[0xd5; 240]), [(160, 160), (160, 160)]);
}

/// `codecs.md` §14.4 and §22(3): up-sampled audio is held back by one frame, then packet k comes with input k + 1.
#[cfg(feature = "ffmpeg")]
#[test]
fn rule_14_4_resampling_holds_back_a_frame() {
    let (input, output) = (codec("PCMA"), codec("AMR-WB"));
    if !output.is_supported() {
        return;
    }
    let spec =
        TranscoderSpec { input: &input, input_ptime: 20, output: &output, output_ptime: 20, linear: false };
    let mut transcoder = Transcoder::open(&spec).unwrap();
    let counts: Vec<_> = (0..5)
        .map(|_| {
            let mut out = Frames::new();
            transcoder.push(Frame::Encoded(&[0xd5; 160]), &mut out).unwrap();
            out.encoded().count()
        })
        .collect();
    assert_eq!(counts, [0, 1, 1, 1, 1]);
}

/// `codecs.md` §17.1(4) through a chain: the mode request of one direction changes the other direction's encoder.
#[cfg(feature = "ffmpeg")]
#[test]
fn amr_mode_requests_reach_the_other_direction() {
    let (amr, pcma) = (codec("AMR/8000/1/12200//octet-align=1"), codec("PCMA"));
    if !amr.is_supported() {
        return;
    }
    let spec =
        |input, output| TranscoderSpec { input, input_ptime: 20, output, output_ptime: 20, linear: false };
    let mut to_amr = Transcoder::open(&spec(&pcma, &amr)).unwrap();
    let mut from_amr = Transcoder::open(&spec(&amr, &pcma)).unwrap();
    let mut modes = Vec::new();
    for n in 0..5 {
        if n == 2 {
            // A frame without data that asks for mode 0.
            let mut out = Frames::new();
            from_amr.push(Frame::Encoded(&[0x00, 0x7c]), &mut out).unwrap();
            while let Some(feedback) = from_amr.feedback(Duration::ZERO) {
                to_amr.take(feedback);
            }
        }
        let mut out = Frames::new();
        to_amr.push(Frame::Encoded(&[0xd5; 160]), &mut out).unwrap();
        modes.extend(out.encoded().map(|e| e.octets[1] >> 3 & 15));
    }
    assert_eq!(modes, [7, 7, 7, 0, 0]);
    let mut out = Frames::new();
    assert_eq!(from_amr.push_no_data(&mut out), Ok(true));
    to_amr.take(Feedback::AskFor(5));
    let mut requests = Vec::new();
    for _ in 0..4 {
        let mut out = Frames::new();
        to_amr.push(Frame::Encoded(&[0xd5; 160]), &mut out).unwrap();
        requests.extend(out.encoded().map(|e| e.octets[0]));
    }
    assert_eq!(requests, [0x50, 0x50, 0x50, 0xf0]);
}

/// `codecs.md` §14.4: `stereo` of the receiving party decides about the encoder's channels; decoding is mono for a mono sink.
#[cfg(feature = "opus")]
#[test]
fn rule_14_4_opus_channels() {
    let stereo = AudioFormat { rate: 48000, channels: 2 };
    let mono = AudioFormat { rate: 8000, channels: 1 };
    for (fmtp, from, rate, channels) in [
        ("", mono, 8000, 1),
        ("stereo=1", mono, 8000, 2),
        ("sprop-stereo=1", mono, 8000, 1),
        ("", stereo, 48000, 2),
        ("stereo=0", stereo, 48000, 1),
    ] {
        let opus = codec(&format!("opus/48000/2///{fmtp}"));
        assert_eq!(encoded_format(&opus, from), AudioFormat { rate, channels }, "{fmtp} {from:?}");
    }
    let opus = codec("opus");
    assert_eq!(decoded_format(&opus, &codec("PCMA")), mono);
    assert_eq!(decoded_format(&opus, &codec("G722")), AudioFormat { rate: 16000, channels: 1 });
    assert_eq!(decoded_format(&opus, &codec("L16/44100/2")), stereo);
}

/// `codecs.md` §16.3: CN makes noise of one packet time, the same from a fresh decoder.
#[cfg(feature = "ffmpeg")]
#[test]
fn rule_16_3_comfort_noise() {
    let cn = codec("CN");
    let format = AudioFormat { rate: 8000, channels: 1 };
    for ptime in [20, 30] {
        let noise = || {
            let mut decoder = open_decoder(&cn, format, ptime).unwrap();
            let mut out = Frames::new();
            decoder.push(Frame::Encoded(&[0x20, 0x80, 0x90]), &mut out).unwrap();
            let first = out.samples().to_vec();
            out.clear();
            decoder.push(Frame::Encoded(&[0x20, 0x80, 0x90]), &mut out).unwrap();
            assert_ne!(first, out.samples(), "it goes on with the same generator");
            first
        };
        assert_eq!(noise(), noise());
        assert_eq!(noise().len(), format.samples_in(ptime));
    }
}

/// `codecs.md` §17.4.
#[cfg(feature = "ffmpeg")]
#[test]
fn rule_17_4_ilbc() {
    let ilbc = codec("iLBC");
    let format = AudioFormat { rate: 8000, channels: 1 };
    if !ilbc.support.decode {
        return;
    }
    let mut decoder = open_decoder(&ilbc, format, 20).unwrap();
    let mut samples = |octets: usize| {
        let mut out = Frames::new();
        decoder.push(Frame::Encoded(&vec![0x55; octets]), &mut out).map(|()| out.samples().len())
    };
    assert_eq!(samples(38), Ok(160));
    assert_eq!(samples(50), Ok(240));
    assert_eq!(samples(100), Ok(480));
    assert_eq!(samples(76), Ok(320));
    assert!(samples(37).is_err());
    let bad = codec("iLBC/8000/1///mode=25");
    assert!(matches!(open_decoder(&bad, format, 20), Err(CodecError::Parameters { .. })));
}

/// What `--codecs` says is what opens.
#[test]
fn support_is_honest() {
    for def in &crate::codec::CODECS {
        let support = Linked.support(def);
        let codec = CodecString::parse(&format!("{}/8000/1", def.name)).codec(&Linked);
        if def.clock == 0 || def.supplemental.is_some() {
            continue;
        }
        let codec = if def.clock == 8000 { codec } else { self::codec(def.name) };
        let format = AudioFormat { rate: codec.audio_rate(), channels: codec.channels.max(1) };
        assert_eq!(open_decoder(&codec, format, 20).is_ok(), support.decode, "decoder of {}", def.name);
        let format = encoded_format(&codec, format);
        assert_eq!(open_encoder(&codec, format, 20).is_ok(), support.encode, "encoder of {}", def.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Garbage as payload of any codec: taken or refused, bounded, and the decoder stays usable.
    #[test]
    fn garbage_is_survived(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..4)) {
        for codec in codecs() {
            let format = AudioFormat { rate: codec.audio_rate(), channels: codec.channels };
            let format = if codec.id == Some(crate::codec::CodecId::Opus) {
                encoded_format(&codec, format)
            } else {
                format
            };
            let mut decoder = open_decoder(&codec, format, 20).unwrap();
            for payload in &payloads {
                let mut out = Frames::new();
                let _ = decoder.push(Frame::Encoded(payload), &mut out);
                prop_assert!(out.samples().len() < 400_000, "{} {}", codec.name, out.samples().len());
            }
        }
    }
}
