//! DTMF events and tones on their way through transcoded streams (codecs.md §18.1 to §18.4).

use super::bench::{Bench, Heard, Source, TE, shows};

const AUDIO: [u8; 160] = [0xff; 160];

/// Number, marker, sequence number, timestamp and, for events, their four octets.
type Seen = (u8, bool, u16, u32, Vec<u8>);

fn seen(heard: &[Heard]) -> Vec<Seen> {
    let payload = |p: &Heard| if p.payload.len() == 4 { p.payload.clone() } else { Vec::new() };
    heard.iter().map(|p| (p.number, p.marker, p.sequence, p.timestamp, payload(p))).collect()
}

fn event(digit: u8, end: bool, volume: u8, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [digit, if end { 0x80 } else { 0 } | volume, high, low]
}

/// Sends a packet and says what left because of it.
struct Feed {
    bench: Bench,
    from: Source,
}

impl Feed {
    fn new(bench: Bench) -> Self {
        Self { bench, from: Source { number: 0, sequence: 1000, timestamp: 3000, ssrc: 0x1234 } }
    }

    fn put(&mut self, number: u8, marker: bool, timestamp: u32, payload: &[u8]) -> Vec<Seen> {
        let source = Source { number, timestamp, ..self.from };
        self.bench.send_as("a", marker, &source, payload);
        self.from.sequence += 1;
        let heard = self.bench.hears_within("b", 20);
        seen(&heard)
    }

    fn audio(&mut self, timestamp: u32) -> Vec<Seen> {
        self.put(0, false, timestamp, &AUDIO)
    }

    fn event(&mut self, timestamp: u32, payload: [u8; 4]) -> Vec<Seen> {
        self.put(101, payload[1] & 0x80 == 0 && payload[3] == 160, timestamp, &payload)
    }
}

fn passed(number: u8, sequence: u16, timestamp: u32) -> Vec<Seen> {
    vec![(number, false, sequence, timestamp, Vec::new())]
}

/// §18.3: with telephone-event on both sides the number changes to the sink's, everything else keeps its place beside the audio.
#[test]
fn rule_18_3_events_beside_transcoded_audio() {
    let mut bench = Bench::new();
    let offered = bench.offer(&format!("0 {TE}"), "\"codec\":{\"transcode\":[\"PCMA\"]}");
    assert_eq!(offered, shows(&format!("0 8 {TE}")));
    assert_eq!(bench.answer(&format!("8 {TE}"), ""), shows(&format!("0 {TE}")));
    let mut feed = Feed::new(bench);
    assert_eq!(feed.audio(3000), passed(8, 1000, 3000));
    assert_eq!(feed.audio(3160), passed(8, 1001, 3160));
    let at = |sequence, marker, payload: [u8; 4]| vec![(101, marker, sequence, 3320, payload.to_vec())];
    for (n, (duration, end)) in
        [(160, false), (320, false), (480, false), (640, true), (640, true), (640, true)]
            .into_iter()
            .enumerate()
    {
        let payload = event(8, end, 10, duration);
        let sequence = 1002 + n as u16;
        assert_eq!(feed.event(3320, payload), at(sequence, n == 0, payload));
    }
    assert_eq!(feed.audio(3960), passed(8, 1008, 3960));
    // §18.3(5): audio during the event is discarded and lowers the offset by one, up to the first end packet.
    let next = 4120;
    assert_eq!(feed.event(next, event(1, false, 9, 160))[0].2, 1009);
    assert_eq!(feed.audio(next), []);
    assert_eq!(feed.audio(next + 160), []);
    assert_eq!(feed.event(next, event(1, false, 9, 320))[0].2, 1010);
    assert_eq!(feed.event(next, event(1, true, 9, 480))[0].2, 1011);
    // The first frame after it is stamped start + duration whatever the input says.
    assert_eq!(feed.audio(next + 320), passed(8, 1012, next + 480));
    // A repeated end moves nothing, also between audio.
    assert_eq!(
        feed.event(next, event(1, true, 9, 480)),
        [(101, false, 1013, next, event(1, true, 9, 480).to_vec())]
    );
    assert_eq!(feed.audio(next + 480), passed(8, 1014, next + 640));
}

/// §18.3(2): another clock rescales durations and places.
#[test]
fn rule_18_3_2_other_clocks() {
    let mut bench = Bench::new();
    let offered = bench.offer(&format!("0 {TE}"), "\"codec\":{\"transcode\":[\"opus\"]}");
    let both = "96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15";
    assert_eq!(offered, shows(&format!("0 {both} {TE}")));
    assert_eq!(bench.answer(both, ""), shows(&format!("0 {TE}")));
    let mut feed = Feed::new(bench);
    assert_eq!(feed.audio(3000), passed(96, 1000, 3000));
    let out = feed.event(3160, event(5, false, 10, 160));
    assert_eq!(out, [(97, true, 1001, 3960, event(5, false, 10, 960).to_vec())]);
    let out = feed.event(3160, event(5, true, 10, 320));
    assert_eq!(out, [(97, false, 1002, 3960, event(5, true, 10, 1920).to_vec())]);
    assert_eq!(feed.audio(3480), passed(96, 1003, 3960 + 1920));
}

/// §18.3(2): before any audio was transcoded, and where audio is passed through, everything stays as received.
#[test]
fn rule_18_3_2_before_audio_and_beside_forwarded_audio() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), "\"codec\":{\"transcode\":[\"PCMA\"]}"), (&format!("8 {TE}"), ""));
    let mut feed = Feed::new(bench);
    assert_eq!(
        feed.event(50_000, event(8, false, 10, 160)),
        [(101, true, 1000, 50_000, event(8, false, 10, 160).to_vec())]
    );
    let mut feed = Feed::new(Bench::call((&format!("0 {TE}"), ""), (&format!("0 {TE}"), "")));
    assert_eq!(feed.audio(3000), passed(0, 1000, 3000));
    assert_eq!(
        feed.event(99, event(8, false, 10, 160)),
        [(101, true, 1001, 99, event(8, false, 10, 160).to_vec())]
    );
    assert_eq!(feed.audio(3160), passed(0, 1002, 3160), "nothing is left out");
}

/// The tone of an event in PCMA or PCMU by the formula of §18.1, coded to the nearest octet.
fn tone(low: f64, high: f64, volume: i32, samples: std::ops::Range<u32>) -> Vec<i16> {
    let divisor = 2.0 * 1.122_018_f64.powi(volume);
    let angle = |f: f64, n: u32| (std::f64::consts::TAU * f * f64::from(n) / 8000.0).sin();
    samples.map(|n| (32767.0 * (angle(low, n) + angle(high, n)) / divisor) as i16).collect()
}

fn a_law(samples: &[i16]) -> Vec<u8> {
    let mut octets = Vec::new();
    rtpengine_common::codec::engine::g711::Law::A.encode_into(samples, &mut octets);
    octets
}

/// §18.2: an event becomes the tone of the formula for exactly its growth; audio meanwhile is left out; numbers run on.
#[test]
fn rule_18_2_events_become_tones() {
    let mut bench = Bench::new();
    let more = "\"codec\":{\"transcode\":[\"PCMA\"],\"accept\":[\"telephone-event\"]}";
    bench.offer(&format!("0 {TE}"), more);
    // The answerer has no events: they are made into tones for him.
    assert_eq!(bench.answer("8", ""), shows(&format!("0 {TE}")));
    let mut feed = Feed::new(bench);
    assert_eq!(feed.audio(3000), passed(8, 1000, 3000));
    let mut put = |timestamp, payload: &[u8], number, marker| {
        let source = Source { number, timestamp, ..feed.from };
        feed.from.sequence += 1;
        feed.bench.send_as("a", marker, &source, payload);
        feed.bench.hears_within("b", 20)
    };
    let first = put(3160, &event(0, false, 10, 160), 101, true);
    assert_eq!(seen(&first), passed(8, 1001, 3160));
    assert_eq!(first[0].payload, a_law(&tone(941.0, 1336.0, 10, 0..160)));
    assert!(put(3320, &AUDIO, 0, false).is_empty());
    let second = put(3160, &event(0, false, 10, 320), 101, false);
    assert_eq!(seen(&second), passed(8, 1002, 3320), "the suppressed packet lowered the offset");
    assert_eq!(second[0].payload, a_law(&tone(941.0, 1336.0, 10, 160..320)));
    // No growth is nothing; an end that grows is the last of the tone.
    assert!(put(3160, &event(0, false, 10, 320), 101, false).is_empty());
    let third = put(3160, &event(0, true, 10, 480), 101, false);
    assert_eq!(seen(&third), passed(8, 1003, 3480));
    assert_eq!(third[0].payload, a_law(&tone(941.0, 1336.0, 10, 320..480)));
    assert!(put(3160, &event(0, true, 10, 480), 101, false).is_empty());
    assert_eq!(seen(&put(3640, &AUDIO, 0, false)), passed(8, 1004, 3640));
    // §18.2(2): another number or another timestamp is a new event.
    let new = put(3800, &event(11, false, 20, 160), 101, true);
    assert_eq!(new[0].payload, a_law(&tone(941.0, 1477.0, 20, 0..160)));
    let new = put(3960, &event(11, false, 20, 160), 101, true);
    assert_eq!(new[0].payload, a_law(&tone(941.0, 1477.0, 20, 0..160)));
    let new = put(3960, &event(12, false, 0, 160), 101, true);
    assert_eq!(new[0].payload, a_law(&tone(697.0, 1633.0, 0, 0..160)));
    // More than a second at once is an error; above 15 is silence.
    assert!(put(3960, &event(12, false, 0, 8161), 101, false).is_empty());
    let new = put(5000, &event(16, false, 0, 160), 101, true);
    assert_eq!(new[0].payload, [0xd5; 160]);
}

/// §18.2(4): with `--dtmf-no-suppress` audio goes on beside the tone.
#[test]
fn rule_18_2_4_no_suppress() {
    let mut bench = Bench::with(|settings| {
        let mut codecs = (*settings.codecs).clone();
        codecs.no_suppress = true;
        settings.codecs = codecs.into();
        settings.dtmf.no_suppress = true;
    });
    let more = "\"codec\":{\"transcode\":[\"PCMA\"],\"accept\":[\"telephone-event\"]}";
    bench.connect((&format!("0 {TE}"), more), ("8", ""));
    let mut feed = Feed::new(bench);
    feed.audio(3000);
    assert_eq!(feed.event(3160, event(0, false, 10, 160)), passed(8, 1001, 3160));
    assert_eq!(feed.audio(3160), passed(8, 1002, 3320));
}

/// §18.4 and its example, §22(6): tones become events, two frames of audio first, three end packets with consecutive numbers.
#[test]
fn rule_18_4_tones_become_events() {
    let mut bench = Bench::new();
    let offered = bench.offer("8", "\"codec\":{\"transcode\":[\"telephone-event\"]}");
    assert_eq!(offered, shows("8 96=telephone-event/8000|0-15"));
    assert_eq!(bench.answer("8 96=telephone-event/8000|0-15", ""), shows("8"));
    let mut samples = vec![0; 160];
    samples.extend(tone(770.0, 1477.0, 10, 0..800));
    samples.extend([0; 1600]);
    let frames: Vec<Vec<u8>> = a_law(&samples).chunks(160).map(<[u8]>::to_vec).collect();
    let mut from = Source { number: 8, sequence: 1000, timestamp: 3000, ssrc: 0x1234 };
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &frames);
    let first = heard.iter().position(|p| p.number == 96).expect("events");
    let events: Vec<&Heard> = heard.iter().filter(|p| p.number == 96).collect();
    let start = events[0].timestamp;
    assert_eq!((first, start), (3, 3000 + 3 * 160), "silence and two frames of the tone: {heard:?}");
    // N frames of tone are about N of event: two blocks of 102 samples without it end it, and the end moves as the start did.
    let total = (events.len() as u16 - 2) * 160;
    assert!([800, 960].contains(&total), "{heard:?}");
    let volume = events[0].payload[1] & 63;
    assert!((9..=14).contains(&volume), "{volume}");
    for (n, packet) in events.iter().enumerate() {
        let duration = (160 * (n as u16 + 1)).min(total);
        let expected = event(6, duration == total, volume, duration);
        assert_eq!(
            (packet.head(), packet.payload.as_slice()),
            ((96, n == 0, 1003 + n as u16, start), &expected[..])
        );
    }
    let after = &heard[first + events.len()];
    assert_eq!(after.head(), (8, false, 1003 + events.len() as u16, start + u32::from(total)));
    assert_eq!(bench.told.len(), 0, "nobody wants to know");
}

/// §18.4 in front of an audio codec that changes too.
#[test]
fn rule_18_4_tones_in_another_codec() {
    let mut bench = Bench::new();
    bench.connect(
        ("8", "\"codec\":{\"transcode\":[\"PCMU\",\"telephone-event\"]}"),
        ("0 96=telephone-event/8000|0-15", ""),
    );
    let samples: Vec<i16> = tone(697.0, 1209.0, 10, 0..1600).into_iter().chain([0; 800]).collect();
    let frames: Vec<Vec<u8>> = a_law(&samples).chunks(160).map(<[u8]>::to_vec).collect();
    let mut from = Source { number: 8, sequence: 7, timestamp: 0, ssrc: 0x1234 };
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &frames);
    let numbers: Vec<u8> = heard.iter().map(|p| p.number).collect();
    assert_eq!(numbers[..3], [0, 0, 96]);
    let ends = heard.iter().filter(|p| p.number == 96 && p.payload[1] & 0x80 != 0).count();
    assert_eq!(ends, 3);
    assert!(heard.iter().enumerate().all(|(n, p)| p.sequence == 7 + n as u16));
}
