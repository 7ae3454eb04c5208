//! What must hold of every codec, in every pair: sound, durations, time that does not drift, digits in speech.
//! `make proofs` runs this alone and shows how far it is.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::tests::{codec, codecs, decode, encode, likeness, sound};
use super::*;
use crate::codec::{Codec, CodecId};

fn transcoder(input: &Codec, output: &Codec) -> Transcoder {
    let spec = TranscoderSpec {
        input,
        input_ptime: input.packet_time(127, 0),
        output,
        output_ptime: output.packet_time(127, 0),
        linear: false,
    };
    Transcoder::open(&spec).unwrap_or_else(|error| panic!("{} -> {}: {error}", input.name, output.name))
}

fn text(codec: &Codec) -> String {
    format!("{}/{}/{}", codec.name, codec.clock, codec.channels)
}

fn format_of(codec: &Codec) -> AudioFormat {
    encoded_format(codec, AudioFormat { rate: codec.audio_rate(), channels: codec.channels })
}

/// Codes the waveform itself: what comes out looks like what went in.
fn keeps_waveform(codec: &Codec) -> bool {
    codec.def().is_some_and(|def| def.bitrate == 0 && def.min_ptime == 0) || codec.has_name("L16")
}

/// Does a job for each item on all processors, and tells how far it is. A job that panics fails the test when all others are done.
pub(in crate::codec) fn in_parallel<T: Sync>(what: &str, items: &[T], job: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            job(item);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(items.len().div_ceil(10).max(1)) || done == items.len() {
                println!("{what}: {done} of {}", items.len());
            }
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..processors.min(items.len()) {
            scope.spawn(work);
        }
    });
}

/// One codec into another and back, and how alike the sound is to what the first one alone makes of it. Durations are whole frames, and
/// no more is missing than what waits for its frame.
fn there_and_back(first: &Codec, second: &Codec) {
    const MS: u32 = 600;
    let name = || format!("{} -> {} and back", text(first), text(second));
    let packets = encode(first, MS);
    let (mut there, mut back) = (transcoder(first, second), transcoder(second, first));
    let (mut between, mut returned) = (Frames::new(), Frames::new());
    for (payload, _) in &packets {
        there.push(Frame::Encoded(payload), &mut between).unwrap();
    }
    for packet in between.encoded() {
        back.push(Frame::Encoded(packet.octets), &mut returned).unwrap();
    }
    let ms = |units: u64, codec: &Codec| units * 1000 / u64::from(codec.clock);
    let total = |frames: &Frames| frames.encoded().map(|packet| u64::from(packet.duration)).sum::<u64>();
    let sent = ms(packets.iter().map(|(_, duration)| u64::from(*duration)).sum(), first);
    for (frames, codec) in [(&between, second), (&returned, first)] {
        let frame = frames.encoded().map(|packet| packet.duration).next().unwrap_or(0);
        assert!(frame != 0 && frames.encoded().all(|packet| packet.duration == frame), "{}", name());
        let came = ms(total(frames), codec);
        assert!(came <= sent && came + 130 > sent, "{}: {sent} ms became {came}", name());
    }
    let format = format_of(first);
    let direct: Vec<_> = packets.into_iter().map(|(octets, _)| octets).collect();
    let through: Vec<_> = returned.encoded().map(|packet| packet.octets.to_vec()).collect();
    let alike = likeness(&decode(first, &direct, format), &decode(first, &through, format), format);
    // Two models of speech one after the other keep the sound, not its phases.
    let least = match (keeps_waveform(first), keeps_waveform(second)) {
        (true, true) => 0.95,
        (true, false) | (false, true) => 0.75,
        (false, false) => 0.5,
    };
    assert!(alike > least, "{}: {alike}", name());
}

#[test]
fn sound_survives_every_pair() {
    let all = codecs();
    let pairs: Vec<_> = all.iter().flat_map(|first| all.iter().map(move |second| (first, second))).collect();
    in_parallel("pairs of codecs", &pairs, |(first, second)| there_and_back(first, second));
}

/// By how much a codec may hurt speech, in dB of [`measure::distance`]. Two channels cost the 3 dB that libswresample takes away where it
/// makes two of one.
const HURTS: [(&str, f64); 20] = [
    ("PCMA/8000/1", 0.1),
    ("PCMU/8000/1", 0.1),
    ("L16/16000/1", 0.1),
    ("L16/44100/2", 2.9),
    ("G722/8000/1", 0.6),
    ("G726-40/8000/1", 0.25),
    ("G726-32/8000/1", 0.4),
    ("G726-24/8000/1", 0.75),
    ("G726-16/8000/1", 1.4),
    ("GSM/8000/1", 1.8),
    ("opus/48000/1", 1.4),
    ("opus/48000/2", 1.4),
    ("speex/8000/1", 1.8),
    ("speex/16000/1", 2.9),
    ("speex/32000/1", 3.4),
    ("G723/8000/1", 2.2),
    ("G729/8000/1", 3.1),
    ("G729a/8000/1", 3.1),
    ("AMR/8000/1", 3.1),
    ("AMR-WB/16000/1", 1.8),
];

fn hurts(codec: &Codec) -> f64 {
    // Codecs that not every build has are speech codecs of low rates.
    HURTS.iter().find(|(name, _)| *name == text(codec)).map_or(3.0, |(_, hurts)| *hurts)
}

/// The payloads that a chain makes of payloads.
fn pass(input: &Codec, output: &Codec, payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (mut chain, mut out) = (transcoder(input, output), Frames::new());
    for payload in payloads {
        chain.push(Frame::Encoded(payload), &mut out).unwrap();
    }
    out.encoded().map(|packet| packet.octets.to_vec()).collect()
}

/// Speech of a G.711 phone through one codec and, on another leg, through a second, and heard by a G.711 phone again: each codec hurts
/// it as much as it may, and the way between them not at all.
#[test]
fn speech_survives_every_pair() {
    let pcma = codec("PCMA");
    let [first, ..] = speech::recordings()[..] else { panic!("no recordings") };
    let samples = &first.samples()[8000..8000 + 16_000];
    let mut octets = Vec::new();
    g711::Law::A.encode_into(samples, &mut octets);
    let spoken: Vec<Vec<u8>> = octets.chunks(160).map(<[u8]>::to_vec).collect();
    let all = codecs();
    let between: Vec<_> = all.iter().map(|first| pass(&pcma, first, &spoken)).collect();
    let pairs: Vec<_> =
        all.iter().zip(&between).flat_map(|first| all.iter().map(move |second| (first, second))).collect();
    in_parallel("pairs with speech", &pairs, |&((first, payloads), second)| {
        let heard = pass(second, &pcma, &pass(first, second, payloads));
        let heard = decode(&pcma, &heard, speech::FORMAT);
        let distance = measure::distance(samples, &heard);
        let most = hurts(first) + hurts(second);
        assert!(distance < most, "{} -> {}: {distance:.2} dB, {most:.2} at most", text(first), text(second));
    });
}

/// Frequencies come back as they were, whatever the codec.
#[test]
fn tones_keep_their_frequency() {
    for codec in codecs() {
        let format = format_of(&codec);
        for hertz in [440.0, 1000.0, 2500.0] {
            let angle = |n: usize| std::f64::consts::TAU * hertz * n as f64 / f64::from(format.rate);
            let channels = format.channels as usize;
            let tone: Vec<i16> = (0..format.samples_in(1000) / channels)
                .flat_map(|n| std::iter::repeat_n((angle(n).sin() * 8000.0) as i16, channels))
                .collect();
            let (mut encoder, mut packer) = open_encoder(&codec, format, codec.packet_time(127, 0)).unwrap();
            let (mut frames, mut packed) = (Frames::new(), Frames::new());
            encoder.push(Frame::Samples(&tone), &mut frames).unwrap();
            frames.encoded().for_each(|frame| packer.push(frame, &mut packed));
            let payloads: Vec<_> = packed.encoded().map(|packet| packet.octets.to_vec()).collect();
            let heard: Vec<f64> =
                decode(&codec, &payloads, format).iter().step_by(channels).map(|&s| f64::from(s)).collect();
            // Codecs of speech let phases wander and put a pitch of their own into a lone tone: theirs is looked at piece by piece, and
            // what is near the tone counts too. Bins of 40 ms are 25 Hz apart.
            let near: i32 = if keeps_waveform(&codec) { 0 } else { 10 };
            let pieces: Vec<f64> = heard[heard.len() / 4..]
                .chunks_exact(format.rate as usize / 25)
                .map(|piece| {
                    let power: f64 = piece.iter().map(|s| s * s).sum();
                    let share = |bin: i32| {
                        let hertz = hertz + f64::from(bin) * 25.0;
                        let angle =
                            |n: usize| std::f64::consts::TAU * hertz * n as f64 / f64::from(format.rate);
                        let sum = |f: fn(f64) -> f64| {
                            piece.iter().enumerate().map(|(n, s)| s * f(angle(n))).sum::<f64>()
                        };
                        (sum(f64::sin).powi(2) + sum(f64::cos).powi(2)) * 2.0
                            / (piece.len() as f64 * power.max(1.0))
                    };
                    (-near..=near).map(share).sum()
                })
                .collect();
            let purity = pieces.iter().sum::<f64>() / pieces.len() as f64;
            let least = if keeps_waveform(&codec) { 0.97 } else { 0.7 };
            assert!(purity > least, "{} at {hertz} Hz: {purity}", text(&codec));
        }
    }
}

/// Feeds the payloads of a second over and over, as a source of `seconds`, and looks at the durations that come out.
fn keeps_time(input: &Codec, output: &Codec, seconds: u64) {
    let packets = encode(input, 1200);
    let mut transcoder = transcoder(input, output);
    let (mut out, mut sent, mut came) = (Frames::new(), 0u64, 0u64);
    let mut worst = 0u64;
    let whole = seconds * u64::from(input.clock);
    for (payload, duration) in packets.iter().cycle() {
        if sent >= whole {
            break;
        }
        sent += u64::from(*duration);
        out.clear();
        transcoder.push(Frame::Encoded(payload), &mut out).unwrap();
        came += out.encoded().map(|packet| u64::from(packet.duration)).sum::<u64>();
        // What is behind, in microseconds, is the same at the end as at the beginning.
        let (sent_us, came_us) =
            (sent * 1_000_000 / u64::from(input.clock), came * 1_000_000 / u64::from(output.clock));
        assert!(came_us <= sent_us, "{} -> {}: ahead of its source", text(input), text(output));
        worst = worst.max(sent_us - came_us);
    }
    assert!(worst < 130_000, "{} -> {}: {worst} us behind", text(input), text(output));
}

fn keep_time(seconds: u64) {
    let pcma = codec("PCMA");
    let all = codecs();
    let ways: Vec<_> = all.iter().flat_map(|codec| [(codec, &pcma), (&pcma, codec)]).collect();
    in_parallel("codecs that keep time", &ways, |(input, output)| keeps_time(input, output, seconds));
}

#[test]
fn no_drift_in_ten_minutes() {
    keep_time(600);
}

/// What speech sounds like at the far end of a codec, in 8000 Hz mono.
fn through(codec: &Codec, samples: &[i16]) -> Vec<i16> {
    let native = AudioFormat { rate: codec.audio_rate(), channels: codec.channels };
    let format = if codec.has_name("opus") { speech::FORMAT } else { encoded_format(codec, native) };
    let ptime = codec.packet_time(127, 0);
    let (mut encoder, mut packer) = open_encoder(codec, format, ptime).unwrap();
    let mut decoder = open_decoder(codec, format, ptime).unwrap();
    let (mut encoded, mut packed, mut heard) = (Frames::new(), Frames::new(), Frames::new());
    for frame in samples.chunks(speech::FORMAT.samples_in(20)) {
        encoded.clear();
        packed.clear();
        encoder.push(Frame::Samples(frame), &mut encoded).unwrap();
        encoded.encoded().for_each(|frame| packer.push(frame, &mut packed));
        for payload in packed.encoded() {
            decoder.push(Frame::Encoded(payload.octets), &mut heard).unwrap();
        }
    }
    assert_eq!(decoder.format(), speech::FORMAT);
    heard.samples().to_vec()
}

/// Talk-off: ten minutes of speech of many voices hold no digit, neither as they are nor at the far end of a codec (`codecs.md` §18.4(1)).
#[cfg(feature = "spandsp")]
#[test]
fn speech_is_no_digit() {
    let codecs: Vec<_> =
        ["PCMU", "GSM", "opus/48000/1", "G729"].into_iter().map(codec).filter(Codec::is_supported).collect();
    let (seconds, digits, squeaks) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    in_parallel("recordings of speech", &speech::recordings(), |recording| {
        let samples = recording.samples();
        seconds.fetch_add(samples.len() / speech::FORMAT.rate as usize, Ordering::Relaxed);
        let listen = |name: &str, samples: &[i16]| {
            let (mut detector, mut changes) = (dtmf::DtmfDetector::open().unwrap(), Vec::new());
            detector.push(samples, &mut changes);
            let found = changes.iter().filter(|change| change.tone.is_some()).count();
            if found != 0 {
                println!("{recording:?} {name}: {changes:?}");
            }
            // G.729 makes two lone harmonics of a shrill voice now and then, long and pure enough for the reference detector.
            let kind = if name.starts_with("G729") { &squeaks } else { &digits };
            kind.fetch_add(found, Ordering::Relaxed);
        };
        listen("as it is", &samples);
        for codec in &codecs {
            let heard = through(codec, &samples);
            assert!(heard.len().abs_diff(samples.len()) < 800, "{}", text(codec));
            listen(&text(codec), &heard);
        }
    });
    let (seconds, digits) = (seconds.into_inner(), digits.into_inner());
    assert!(seconds >= 600, "only {seconds} s of speech");
    assert_eq!(digits, 0, "digits in {seconds} s of speech");
    assert!(squeaks.into_inner() <= 2, "digits in {seconds} s of speech behind G.729");
}

/// The measure of likeness itself can tell: silence, noise and another sound are not alike.
#[test]
fn likeness_tells_sounds_apart() {
    let format = AudioFormat { rate: 8000, channels: 1 };
    let voice = sound(format, 600);
    let other: Vec<i16> = (0..4800).map(|n| ((f64::from(n) * 0.9).sin() * 8000.0) as i16).collect();
    assert!(likeness(&voice, &voice, format) > 0.99);
    assert!(likeness(&voice, &other, format) < 0.3);
    assert!(likeness(&voice, &[0; 4800], format) < 0.1);
    assert_eq!(codec("opus").id, Some(CodecId::Opus));
}
