//! Digits put into streams, hidden in them, and made anew.

use std::sync::Arc;

#[cfg(feature = "spandsp")]
use super::tests::codec;
use super::tests::{EVENT, Seen, Stream, route};
use super::*;
use crate::codec::dtmf::{Digit, Mask, Mode, Policy};
use crate::codec::engine::g711::Law;

const DIGIT: Digit = Digit { event: 5, volume: 8, duration_ms: 100, pause_ms: 100 };

type Shape = (u8, bool, u16, u32, Option<(u16, bool)>);

/// What came out: number, marker, sequence number, timestamp, and duration and end mark of events.
fn shape(out: &[(Seen, Vec<u8>)]) -> Vec<Shape> {
    let event = |payload: &[u8]| match payload {
        &[_, flags, high, low] => Some((u16::from_be_bytes([high, low]), flags & 0x80 != 0)),
        _ => None,
    };
    out.iter().map(|(s, payload)| (s.0, s.1, s.2, s.3, event(payload))).collect()
}

fn frames(stream: &mut Stream, number: u8, range: std::ops::Range<u16>) -> Vec<(Seen, Vec<u8>)> {
    let frame = |n: u16| stream.raw(number, false, n, 8000 + u32::from(n) * 160, &[0xd5; 160]).unwrap();
    range.flat_map(frame).collect()
}

/// `codecs.md` §18.5(2): in transcoded audio and in audio that only passes.
#[test]
fn rule_18_5_2() {
    let transcoded = vec![route((8, "PCMA"), (0, "PCMU"), Some(97))];
    for (routes, number) in [(transcoded, 0), (Vec::new(), 8)] {
        let mut stream = Stream::new(routes);
        let passing = Passing { payload_type: 97, clock: 8000, frame: 160, events: 0 };
        frames(&mut stream, 8, 0..2);
        assert!(stream.transcoder.inject(DIGIT, Some(passing)));
        let out = frames(&mut stream, 8, 2..9);
        let start = 8000 + 320;
        let event = |marker, sequence, duration, end| (97, marker, sequence, start, Some((duration, end)));
        let expected = [
            event(true, 2, 160, false),
            event(false, 3, 320, false),
            event(false, 4, 480, false),
            event(false, 5, 640, false),
            event(false, 6, 800, true),
            event(false, 7, 800, true),
            event(false, 8, 800, true),
            (number, false, 9, start + 800, None),
            (number, false, 10, start + 960, None),
        ];
        assert_eq!(shape(&out), expected);
        assert_eq!(stream.transcoder.injected_digits().count(), 2);
    }
}

/// `codecs.md` §18.5(2): over events of the source.
#[test]
fn rule_18_5_2_over_events() {
    let routes = vec![route((8, "PCMA"), (0, "PCMU"), Some(97)), route((101, EVENT), (0, "PCMU"), Some(97))];
    let mut stream = Stream::new(routes);
    frames(&mut stream, 8, 0..3);
    stream.transcoder.inject(DIGIT, None);
    let start = 8000 + 480;
    let mut out = Vec::new();
    for (sequence, payload) in
        [(3, [1, 10, 0, 160]), (4, [1, 0x8a, 1, 64]), (5, [1, 0x8a, 1, 64]), (6, [1, 0x8a, 1, 64])]
    {
        out.extend(stream.event(101, sequence, start, payload));
    }
    for n in 7..12u16 {
        out.extend(stream.raw(8, false, n, start + 320 + u32::from(n - 7) * 160, &[0xd5; 160]).unwrap());
    }
    let events: Vec<_> = shape(&out).into_iter().filter_map(|s| s.4).collect();
    let ends =
        [(160, false), (320, false), (480, false), (640, false), (800, true), (800, true), (800, true)];
    assert_eq!(events, ends);
    let numbers: Vec<_> = shape(&out).iter().map(|s| s.2).collect();
    assert_eq!(numbers, (3..3 + numbers.len() as u16).collect::<Vec<_>>());
}

fn law(payload: &[u8]) -> Vec<i16> {
    let mut samples = Vec::new();
    Law::Mu.decode_into(payload, &mut samples);
    samples
}

/// `codecs.md` §18.5(3): the tone, the pause, and the audio from the middle of a frame on.
#[test]
fn rule_18_5_3() {
    let mut stream = Stream::new(vec![route((8, "PCMA"), (0, "PCMU"), None)]);
    stream.transcoder.inject(Digit { duration_ms: 105, pause_ms: 103, ..DIGIT }, None);
    let loud = [0x2a; 160];
    let frame = |n: u16| stream.raw(8, false, n, u32::from(n) * 160, &loud).unwrap();
    let out: Vec<_> = (0..20).flat_map(frame).collect();
    let samples: Vec<i16> = out.iter().flat_map(|(_, payload)| law(payload)).collect();
    let mut tone = Vec::new();
    Sound::of_event(5).append(0, 840, 8000, 1, 8, &mut tone);
    let mut encoded = Vec::new();
    Law::Mu.encode_into(&tone, &mut encoded);
    assert_eq!(samples[..840], law(&encoded));
    assert!(samples[840..1664].iter().all(|sample| *sample == 0));
    assert!(samples[1664..].iter().all(|sample| *sample < -30_000));
    let numbers: Vec<_> = out.iter().map(|(s, _)| (s.2, s.3)).collect();
    assert_eq!(numbers, (0..20).map(|n: u16| (n, u32::from(n) * 160)).collect::<Vec<_>>());
}

/// `codecs.md` §18.5(3) where the sink has another audio rate: the tone begins with the first sample that the packet brings, although
/// the resampler still holds samples of the packet before.
#[test]
#[cfg(feature = "ffmpeg")]
fn rule_18_5_3_other_rate() {
    let mut stream = Stream::new(vec![route((8, "PCMA"), (96, "L16/16000"), None)]);
    let frame =
        |stream: &mut Stream, n: u16| stream.raw(8, false, n, u32::from(n) * 160, &[0xd5; 160]).unwrap();
    let mut out: Vec<_> = (0..3).flat_map(|n| frame(&mut stream, n)).collect();
    stream.transcoder.inject(DIGIT, None);
    out.extend((3..14).flat_map(|n| frame(&mut stream, n)));
    let samples: Vec<i16> = (out.iter().flat_map(|(_, payload)| payload.chunks_exact(2)))
        .map(|sample| i16::from_be_bytes([sample[0], sample[1]]))
        .collect();
    let mut tone = Vec::new();
    Sound::of_event(5).append(0, 1600, 16_000, 1, 8, &mut tone);
    // The first sample of the tone is 0, as is the silence before.
    let begin = samples.iter().position(|sample| sample.abs() > 1000).expect("a tone") - 1;
    assert!((3 * 320 - 64..3 * 320).contains(&begin), "{begin}");
    assert_eq!(samples[begin..begin + 1600], tone);
}

fn masked(stream: &mut Stream, mask: &Mask, work: impl FnOnce(&mut Stream)) {
    stream.transcoder.set_mask(Some(Arc::new(mask.clone())));
    work(stream);
    stream.transcoder.set_mask(None);
}

fn mask(mode: Mode) -> Mask {
    Mask::new(Policy { mode, buffer_ms: 1, digit: 7, ..Policy::default() }, 8000)
}

/// `codecs.md` §18.7(1), (5): events become audio frames, tones with the phase of the timestamp.
#[test]
fn rule_18_7_1_audio_modes() {
    for (mode, sound, volume) in [
        (Mode::Silence, Sound::Silence, 0),
        (Mode::Tone, Sound::Single(400), 10),
        (Mode::Random, Sound::of_event(4), 10),
    ] {
        let routes = vec![route((0, "PCMU"), (0, "PCMU"), None), route((101, EVENT), (0, "PCMU"), None)];
        let mut stream = Stream::new(routes);
        stream.raw(0, false, 0, 8000, &[0xff; 160]).unwrap();
        let mut mask = mask(mode);
        mask.started(8160, 5, 10, 14);
        let mut out = Vec::new();
        masked(&mut stream, &mask, |stream| {
            out.extend(stream.event(101, 1, 8160, [5, 10, 0, 160]));
            out.extend(stream.event(101, 2, 8160, [5, 0x8a, 1, 64]));
            out.extend(stream.event(101, 3, 8160, [5, 0x8a, 1, 64]));
        });
        assert_eq!(shape(&out), [(0, false, 1, 8160, None), (0, false, 2, 8320, None)], "{mode:?}");
        let (mut expected, mut encoded) = (Vec::new(), Vec::new());
        sound.append(8160, 320, 8000, 1, volume, &mut expected);
        Law::Mu.encode_into(&expected, &mut encoded);
        let sent: Vec<u8> = out.iter().flat_map(|(_, payload)| payload.clone()).collect();
        assert_eq!(sent, encoded, "{mode:?}");
    }
}

/// `codecs.md` §18.7(1): the number is another one, volume, duration and marker stay, audio beside it is silent.
#[test]
fn rule_18_7_1_numbers() {
    for (mode, number) in [(Mode::Zero, 0), (Mode::Digit, 7)] {
        let routes =
            vec![route((0, "PCMU"), (0, "PCMU"), Some(101)), route((101, EVENT), (101, EVENT), Some(101))];
        let mut stream = Stream::new(routes);
        stream.raw(0, false, 0, 8000, &[0x2a; 160]).unwrap();
        let mut mask = mask(mode);
        mask.started(8160, 5, 10, 3);
        let (mut events, mut audio) = (Vec::new(), Vec::new());
        masked(&mut stream, &mask, |stream| {
            events.extend(stream.event(101, 1, 8160, [5, 10, 0, 160]));
            events.extend(stream.event(101, 2, 8160, [5, 0x8a, 1, 64]));
            audio.extend(stream.raw(0, false, 3, 8480, &[0x2a; 160]).unwrap());
        });
        let payloads: Vec<_> = events.iter().map(|(s, payload)| (s.1, s.2, payload.as_slice())).collect();
        let expected = [(true, 1, &[number, 10, 0, 160][..]), (false, 2, &[number, 0x8a, 1, 64])];
        assert_eq!(payloads, expected, "{mode:?}");
        assert_eq!(audio[0].1, [0xff; 160], "silence beside it");
    }
}

/// `codecs.md` §18.7(8): silence when it arrives, events of its own later, the end one frame longer, numbers two higher.
#[test]
fn rule_18_7_8_events() {
    let routes =
        vec![route((0, "PCMU"), (0, "PCMU"), Some(101)), route((101, EVENT), (101, EVENT), Some(101))];
    let mut stream = Stream::new(routes);
    let mut mask = Mask::new(Policy { delay_ms: 200, ..Policy::default() }, 8000);
    stream.raw(0, false, 0, 8000, &[0x2a; 160]).unwrap();
    mask.started(8160, 5, 12, 3);
    let mut out = Vec::new();
    masked(&mut stream, &mask, |stream| {
        out.extend(stream.event(101, 1, 8160, [5, 12, 0, 160]));
        out.extend(stream.event(101, 2, 8160, [5, 12, 1, 64]));
        out.extend(stream.event(101, 3, 8160, [5, 0x8c, 1, 224]));
    });
    mask.ended(8160 + 479);
    assert_eq!(shape(&out), [1, 2, 3].map(|n: u16| (0, false, n, 8000 + u32::from(n) * 160, None)));
    assert!(out.iter().all(|(_, payload)| *payload == [0xff; 160]));
    out.clear();
    masked(&mut stream, &mask, |stream| {
        for n in 4..20u16 {
            out.extend(stream.raw(0, false, n, 8000 + u32::from(n) * 160, &[0x2a; 160]).unwrap());
        }
    });
    let events: Vec<_> = shape(&out).into_iter().filter(|s| s.0 == 101).collect();
    let start = 8160 + 1600;
    let event = |marker, sequence, duration, end| (101, marker, sequence, start, Some((duration, end)));
    let expected = [
        event(true, 11, 160, false),
        event(false, 12, 320, false),
        event(false, 13, 480, false),
        event(false, 14, 640, true),
        event(false, 15, 640, true),
        event(false, 16, 640, true),
    ];
    assert_eq!(events, expected);
    assert_eq!(shape(&out).last().map(|s| (s.2, s.3)), Some((19 + 2, 8000 + 19 * 160)));
}

/// Every digit, at several levels and lengths, through each codec as a tone and back: event, tone, audio codec, event.
#[cfg(feature = "spandsp")]
#[test]
fn every_digit_through_every_codec() {
    for name in ["PCMU", "PCMA", "G722", "opus", "speex", "GSM", "G726-32"] {
        if !codec(name).is_supported() {
            continue;
        }
        let limits: &[(u8, u32)] = match name {
            // Low rates and short, soft tones do not go together.
            "GSM" | "speex" => &[(10, 200)],
            _ => &[(4, 100), (10, 60), (10, 250), (20, 100)],
        };
        for event in 0..16 {
            for &(volume, ms) in limits {
                let seen = through(name, event, volume, ms);
                let [one] = seen[..] else { panic!("{name} {event} {volume} {ms}: {seen:?}") };
                assert_eq!(one.0, event, "{name} {volume} {ms}");
                assert!(one.1.abs_diff(ms) <= 40, "{name} {event}: {} ms for {ms}", one.1);
            }
        }
    }
}

/// Number and length in ms of the events at the far end.
#[cfg(feature = "spandsp")]
fn through(name: &str, event: u8, volume: u8, ms: u32) -> Vec<(u8, u32)> {
    let mut first =
        Stream::new(vec![route((0, "PCMU"), (96, name), None), route((101, EVENT), (96, name), None)]);
    let mut back = route((96, name), (0, "PCMU"), Some(97));
    back.detect_tones = true;
    let mut second = Stream::new(vec![back]);
    let (mut sequence, mut timestamp) = (0u16, 0u32);
    let mut seen = Vec::new();
    let mut step = |number: u8, timestamp: u32, payload: &[u8]| {
        for (out, payload) in first.raw(number, false, sequence, timestamp, payload).unwrap() {
            for (back, payload) in second.raw(out.0, out.1, out.2, out.3, &payload).unwrap() {
                if let ((97, ..), &[event, flags, high, low]) = (back, payload.as_slice())
                    && flags & 0x80 != 0
                {
                    let end = (back.3, event, u32::from(u16::from_be_bytes([high, low])) / 8);
                    if !seen.contains(&end) {
                        seen.push(end);
                    }
                }
            }
        }
        sequence += 1;
    };
    for _ in 0..10 {
        step(0, timestamp, &[0xff; 160]);
        timestamp += 160;
    }
    let packets = ms / 20;
    for n in 1..=packets {
        let [high, low] = ((n * 160) as u16).to_be_bytes();
        let end = if n == packets { 0x80 } else { 0 };
        step(101, timestamp, &[event, volume | end, high, low]);
    }
    timestamp += packets * 160;
    for _ in 0..15 {
        step(0, timestamp, &[0xff; 160]);
        timestamp += 160;
    }
    seen.into_iter().map(|(_, event, ms)| (event, ms)).collect()
}

/// The listener says when a digit began and ended, in the codec's own units.
#[cfg(feature = "spandsp")]
#[test]
fn a_listener_tells_moments() {
    for name in ["PCMA", "G722", "opus"] {
        let codec = codec(name);
        if !codec.is_supported() {
            continue;
        }
        let mut first = Stream::new(vec![route((0, "PCMU"), (96, name), None)]);
        let mut listener = ToneListener::open().unwrap();
        let mut samples = vec![0; 1600];
        Sound::of_event(9).append(0, 800, 8000, 1, 10, &mut samples);
        samples.extend([0; 3200]);
        let mut payload = Vec::new();
        Law::Mu.encode_into(&samples, &mut payload);
        let mut seen = Vec::new();
        for (n, frame) in (0u16..).zip(payload.chunks(160)) {
            for (out, payload) in first.raw(0, false, n, u32::from(n) * 160, frame).unwrap() {
                listener.push(96, (&codec, 20), out.3, &payload, &mut seen).unwrap();
            }
        }
        let scale = codec.clock / 8000;
        let [
            crate::codec::dtmf::Seen::Started { event: 9, timestamp, .. },
            crate::codec::dtmf::Seen::Ended { event: 9, duration, timestamp: start, .. },
        ] = seen[..]
        else {
            panic!("{name}: {seen:?}")
        };
        assert_eq!(start, timestamp);
        assert!((1600 * scale..2100 * scale).contains(&timestamp), "{name}: {timestamp}");
        assert!(u32::from(duration).abs_diff(800 * scale) <= 250 * scale, "{name}: {duration}");
    }
}

/// Ten minutes of talk without a digit: a deterministic voice (glottal pulses through three wandering formants, with pauses, hiss and
/// laughter-like bursts).
#[cfg(feature = "spandsp")]
#[test]
fn talk_off() {
    let mut listener = ToneListener::open().unwrap();
    let codec = codec("PCMU");
    let mut seen = Vec::new();
    let mut voice = Voice::new(20_260_101);
    let (mut samples, mut payload) = (Vec::new(), Vec::new());
    for n in 0..600 * 50u32 {
        samples.clear();
        samples.extend((0..160).map(|_| voice.sample()));
        payload.clear();
        Law::Mu.encode_into(&samples, &mut payload);
        listener.push(0, (&codec, 20), n * 160, &payload, &mut seen).unwrap();
    }
    assert!(seen.is_empty(), "{seen:?}");
    assert!(voice.loud > 1_000_000, "it spoke");
}

/// A synthetic speaker.
#[cfg(feature = "spandsp")]
struct Voice {
    random: u64,
    phase: f64,
    pitch: f64,
    formants: [(f64, f64); 3],
    /// Where the formants glide to, as they do in speech.
    targets: [f64; 3],
    state: [[f64; 2]; 3],
    left: u32,
    voiced: bool,
    level: f64,
    loud: u64,
}

#[cfg(feature = "spandsp")]
impl Voice {
    fn new(seed: u64) -> Self {
        Self {
            random: seed,
            phase: 0.0,
            pitch: 120.0,
            formants: [(500.0, 60.0), (1500.0, 90.0), (2500.0, 120.0)],
            targets: [500.0, 1500.0, 2500.0],
            state: [[0.0; 2]; 3],
            left: 0,
            voiced: true,
            level: 0.0,
            loud: 0,
        }
    }

    /// Between 0 and 1.
    fn dice(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next sound: 40 to 300 ms.
    fn phoneme(&mut self) {
        self.left = 320 + (self.dice() * 2080.0) as u32;
        self.voiced = self.dice() < 0.75;
        self.pitch = 80.0 + self.dice() * 220.0;
        let ranges = [(250.0, 600.0), (700.0, 1600.0), (1800.0, 1400.0)];
        for (at, (low, width)) in ranges.into_iter().enumerate() {
            self.targets[at] = low + self.dice() * width;
            self.formants[at].1 = 80.0 + self.dice() * 100.0;
        }
    }

    fn sample(&mut self) -> i16 {
        if self.left == 0 {
            self.phoneme();
        }
        self.left -= 1;
        self.pitch *= 1.0 + (self.dice() - 0.5) * 0.002;
        self.phase += self.pitch / 8000.0;
        let pulse = if self.phase >= 1.0 {
            self.phase -= 1.0;
            1.0
        } else {
            0.0
        };
        for (formant, target) in self.formants.iter_mut().zip(self.targets) {
            formant.0 += (target - formant.0) * 0.001;
        }
        let hiss = (self.dice() - 0.5) * 0.3;
        let mut value = if self.voiced { pulse + hiss * 0.05 } else { hiss };
        for (&(frequency, width), state) in self.formants.iter().zip(&mut self.state) {
            let radius = (-std::f64::consts::PI * width / 8000.0).exp();
            let turn = std::f64::consts::TAU * frequency / 8000.0;
            let out = value + 2.0 * radius * turn.cos() * state[0] - radius * radius * state[1];
            *state = [out, state[0]];
            value = out * (1.0 - radius);
        }
        self.level = (self.level * 0.9995).max(value.abs()).max(1e-9);
        let sample = (value / self.level * 20_000.0) as i16;
        self.loud += u64::from(sample.unsigned_abs() > 2000);
        sample
    }
}
