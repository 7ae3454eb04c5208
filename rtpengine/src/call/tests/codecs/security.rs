//! Blocked, hidden and delayed digits, and the digit strings that start and end it (codecs.md §18.7, §18.8).

use rtpengine_common::codec::engine::g711::Law;

use super::bench::{Bench, Heard, Source, TE, of};

const SILENCE: [u8; 160] = [0xff; 160];

fn source() -> Source {
    Source { number: 0, sequence: 1000, timestamp: 3000, ssrc: 0x1234 }
}

fn event(digit: u8, end: bool, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [digit, if end { 0x80 } else { 0 } | 10, high, low]
}

fn mu_law(samples: &[i16]) -> Vec<u8> {
    let mut octets = Vec::new();
    Law::Mu.encode_into(samples, &mut octets);
    octets
}

/// The frame of a single tone whose first sample has this RTP timestamp, by the formula of §18.1 with §18.7(5).
fn single(frequency: f64, volume: i32, timestamp: u32) -> Vec<u8> {
    let divisor = 1.122_018_f64.powi(volume);
    let sample = |n: u32| {
        (32767.0 * (std::f64::consts::TAU * frequency * f64::from(n) / 8000.0).sin() / divisor) as i16
    };
    mu_law(&(timestamp..timestamp + 160).map(sample).collect::<Vec<_>>())
}

fn pair(low: f64, high: f64, volume: i32, samples: std::ops::Range<u32>) -> Vec<i16> {
    let divisor = 2.0 * 1.122_018_f64.powi(volume);
    let angle = |f: f64, n: u32| (std::f64::consts::TAU * f * f64::from(n) / 8000.0).sin();
    samples.map(|n| (32767.0 * (angle(low, n) + angle(high, n)) / divisor) as i16).collect()
}

/// 60 ms of the digit 6, then silence: frames of PCMU.
fn digit_then_silence(frames: usize) -> Vec<Vec<u8>> {
    let tone = mu_law(&pair(770.0, 1477.0, 10, 0..480));
    let mut all: Vec<Vec<u8>> = tone.chunks(160).map(<[u8]>::to_vec).collect();
    all.resize(frames, SILENCE.to_vec());
    all
}

fn both(events: bool) -> Bench {
    let formats = if events { format!("0 {TE}") } else { "0".to_owned() };
    Bench::call((&formats, ""), (&formats, ""))
}

/// Sends packets every 20 ms: `None` is a frame of silence, else an event packet at the event's start.
struct Phone {
    bench: Bench,
    next: Source,
    event_start: u32,
}

impl Phone {
    fn new(bench: Bench) -> Self {
        Self { bench, next: source(), event_start: 0 }
    }

    fn audio(&mut self, payload: &[u8]) -> Vec<Heard> {
        self.bench.send_as("a", false, &self.next, payload);
        self.next.sequence += 1;
        self.next.timestamp += 160;
        self.bench.hears_within("b", 20)
    }

    /// So many frames of silence.
    fn quiet(&mut self, frames: usize) -> Vec<Heard> {
        (0..frames).flat_map(|_| self.audio(&SILENCE)).collect()
    }

    /// A digit of so many packets; the end comes three times at once.
    fn digit(&mut self, digit: u8, packets: u16) -> Vec<Heard> {
        self.event_start = self.next.timestamp;
        let mut all = Vec::new();
        for n in 1..=packets {
            let end = n == packets;
            for copy in 0..if end { 3 } else { 1 } {
                let packet = Source { number: 101, timestamp: self.event_start, ..self.next };
                self.bench.send_as("a", n == 1 && copy == 0, &packet, &event(digit, end, 160 * n));
                self.next.sequence += 1;
            }
            all.extend(self.bench.hears_within("b", 20));
        }
        self.next.timestamp += 160 * u32::from(packets);
        all
    }
}

fn heads(heard: &[Heard]) -> Vec<(u8, bool, u16, u32)> {
    heard.iter().map(Heard::head).collect()
}

fn security(mode: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    of("a", &format!("\"DTMF-security\":\"{mode}\"{comma}{more}"))
}

/// §18.7: `drop`: events do not pass, audio does; `unblock` restores.
#[test]
fn rule_18_7_drop() {
    let mut phone = Phone::new(both(true));
    phone.bench.done("block DTMF", &of("a", ""));
    assert_eq!(heads(&phone.quiet(2)), [(0, false, 1000, 3000), (0, false, 1001, 3160)]);
    assert_eq!(phone.digit(1, 3), []);
    assert_eq!(heads(&phone.quiet(1)), [(0, false, 1007, 3800)]);
    phone.bench.done("unblock DTMF", &of("a", ""));
    let heard = phone.digit(1, 2);
    assert_eq!(heads(&heard)[0], (101, true, 1008, 3960));
    assert_eq!(heard.len(), 4);
}

/// §18.7(4), first case: 60 ms of a tone at frames 0 to 2, `delay-buffer` 1: frames 2 and 3 are replaced by the tone of 400 Hz.
#[test]
fn rule_18_7_4_tone_with_the_least_delay() {
    let mut bench = both(false);
    bench.done("block DTMF", &security("tone", "\"delay-buffer\":1"));
    let frames = digit_then_silence(8);
    let mut from = source();
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &frames);
    let expected: Vec<_> = (0..8).map(|n| (0, false, 1000 + n, 3000 + 160 * u32::from(n))).collect();
    assert_eq!(heads(&heard), expected);
    for (n, (packet, frame)) in heard.iter().zip(&frames).enumerate() {
        let wanted = if [2, 3].contains(&n) { single(400.0, 10, packet.timestamp) } else { frame.clone() };
        assert_eq!(packet.payload, wanted, "frame {n}");
        assert_eq!(packet.at, 20 * n as u64 + 1);
    }
}

/// §18.7(4), second case: `delay-buffer` 100: everything 100 ms late with its own numbers, five frames more hidden on either side.
#[test]
fn rule_18_7_4_tone_with_a_delay() {
    let mut bench = both(false);
    bench.done("block DTMF", &security("tone", "\"delay-buffer\":100,\"frequencies\":[800],\"volume\":20"));
    // A whole number of the detector's blocks of 102 samples before the tone, as in the first case.
    let mut frames = vec![SILENCE.to_vec(); 51];
    frames.extend(digit_then_silence(20));
    let mut from = source();
    let mut heard = bench.stream(("a", "b"), &mut from, (20, 160), &frames);
    heard.extend(bench.hears_within("b", 200));
    let expected: Vec<_> = (0..71).map(|n| (0, false, 1000 + n, 3000 + 160 * u32::from(n))).collect();
    assert_eq!(heads(&heard), expected);
    let hidden: Vec<usize> =
        (0..71).filter(|&n| heard[n].payload == single(800.0, 20, heard[n].timestamp)).collect();
    // With the least delay 53 and 54 would be.
    assert_eq!(hidden, (48..=59).collect::<Vec<_>>());
    for (n, (packet, frame)) in heard.iter().zip(&frames).enumerate() {
        assert!(hidden.contains(&n) || packet.payload == *frame, "frame {n}");
        assert_eq!(packet.at, 20 * n as u64 + 100, "frame {n}");
    }
}

/// §18.7(1), (4): `zero` and `DTMF` change the number in event packets, which keep their place; audio within the window is silence.
#[test]
fn rule_18_7_1_event_numbers() {
    for (mode, more, digit) in
        [("zero", "", 0), ("DTMF", ",\"code\":\"7\"", 7), ("DTMF", ",\"digit\":\"#\"", 11)]
    {
        let mut phone = Phone::new(both(true));
        phone.bench.done("block DTMF", &security(mode, &format!("\"delay-buffer\":30{more}")));
        let loud = [0x10; 160];
        let mut heard = phone.audio(&loud);
        heard.extend(phone.audio(&loud));
        heard.extend(phone.digit(5, 3));
        for _ in 0..3 {
            heard.extend(phone.audio(&loud));
        }
        heard.extend(phone.bench.hears_within("b", 40));
        let at = 3320;
        let expected = [
            (0, false, 1000, 3000),
            (0, false, 1001, 3160),
            (101, true, 1002, at),
            (101, false, 1003, at),
            (101, false, 1004, at),
            (101, false, 1005, at),
            (101, false, 1006, at),
            (0, false, 1007, 3800),
            (0, false, 1008, 3960),
            (0, false, 1009, 4120),
        ];
        assert_eq!(heads(&heard), expected, "{mode}");
        let durations = [(160, false), (320, false), (480, true), (480, true), (480, true)];
        for (packet, (duration, end)) in heard[2..7].iter().zip(durations) {
            assert_eq!(packet.payload, event(digit, end, duration), "{mode}");
        }
        // Frames that begin less than 30 ms before it, or before its last octet is 30 ms old.
        let silent: Vec<bool> = [0, 1, 7, 8, 9].iter().map(|&n| heard[n].payload == SILENCE).collect();
        assert_eq!(silent, [false, true, true, true, false], "{mode}");
    }
}

/// §18.7(1): `silence`, `tone` and `random` make audio of events; numbers run on like audio.
#[test]
fn rule_18_7_1_audio_in_the_stead_of_events() {
    for mode in ["silence", "tone", "random"] {
        let mut phone = Phone::new(both(true));
        phone.bench.done("block DTMF", &security(mode, "\"delay-buffer\":1"));
        let mut heard = phone.quiet(2);
        heard.extend(phone.digit(5, 4));
        heard.extend(phone.quiet(3));
        let expected: Vec<_> = (0..9).map(|n| (0, false, 1000 + n, 3000 + 160 * u32::from(n))).collect();
        assert_eq!(heads(&heard), expected, "{mode}");
        for packet in &heard[2..6] {
            let wanted = match mode {
                "silence" => SILENCE.to_vec(),
                "tone" => single(400.0, 10, packet.timestamp),
                _ => packet.payload.clone(),
            };
            assert_eq!(packet.payload, wanted, "{mode}");
        }
        assert!(mode != "random" || heard[2..6].iter().all(|packet| packet.payload != SILENCE));
        assert!(heard[7..].iter().all(|packet| packet.payload == SILENCE), "{mode}");
    }
}

/// §18.7(7): `random` is one digit per event.
#[test]
fn rule_18_7_7_random_digits() {
    let mut phone = Phone::new(both(true));
    phone.bench.done("block DTMF", &security("random", "\"delay-buffer\":1"));
    phone.quiet(1);
    let heard = phone.digit(15, 3);
    let at = heard[0].timestamp;
    let rows = [697.0, 770.0, 852.0, 941.0];
    let columns = [1209.0, 1336.0, 1477.0];
    let mut pairs: Vec<(f64, f64)> = rows[..3].iter().flat_map(|r| columns.map(|c| (*r, c))).collect();
    pairs.push((941.0, 1336.0));
    let is = |(low, high): (f64, f64)| {
        let all: Vec<u8> = heard.iter().flat_map(|p| p.payload.clone()).collect();
        mu_law(&pair(low, high, 10, at..at + 480)) == all
    };
    assert_eq!(pairs.iter().filter(|pair| is(**pair)).count(), 1, "a digit from 0 to 9 at volume 10");
}

/// §18.7: the frequencies take turns, event by event.
#[test]
fn rule_18_7_frequencies() {
    let mut phone = Phone::new(both(true));
    phone.bench.done(
        "block DTMF",
        &security("tone", "\"delay-buffer\":1,\"frequencies\":[500,600,700],\"volume\":-30"),
    );
    phone.quiet(1);
    for frequency in [500.0, 600.0, 700.0, 500.0] {
        let heard = phone.digit(5, 2);
        for packet in &heard {
            assert_eq!(packet.payload, single(frequency, 30, packet.timestamp), "{frequency}");
        }
        phone.quiet(3);
    }
}

/// §18.7(6): the delay of each packet from its arrival; what is in the buffer leaves at once, in order, when the buffer is switched off.
#[test]
fn rule_18_7_6_delay() {
    let mut phone = Phone::new(both(true));
    phone.bench.done("block DTMF", &security("off", "\"delay-buffer\":60"));
    let mut heard = phone.quiet(2);
    heard.extend(phone.digit(5, 2));
    heard.extend(phone.quiet(2));
    heard.extend(phone.bench.hears_within("b", 60));
    let times: Vec<u64> = heard.iter().map(|p| p.at).collect();
    // The burst of three leaves as a burst.
    assert_eq!(times, [60, 80, 100, 120, 120, 120, 140, 160]);
    assert_eq!(heard[5].payload, event(5, true, 320));
    // unblock without the key keeps it running.
    phone.bench.done("unblock DTMF", &of("a", ""));
    assert_eq!(phone.quiet(2), []);
    phone.bench.done("unblock DTMF", &of("a", "\"delay-buffer\":0"));
    let heard = phone.bench.hears_within("b", 1);
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1].sequence, heard[0].sequence + 1);
}

/// §18.7(8): digits are hidden when they come and reproduced later, on the grid of the audio frames.
#[test]
fn rule_18_7_8_delayed_digits() {
    let mut phone = Phone::new(both(true));
    phone.bench.done("block DTMF", &security("off", "\"delay-buffer\":1,\"DTMF-delay\":200"));
    let mut heard = phone.quiet(2);
    heard.extend(phone.digit(5, 3));
    heard.extend(phone.quiet(14));
    heard.extend(phone.bench.hears_within("b", 20));
    let start = 3320 + 1600;
    let first = 2 + 10;
    let mut expected: Vec<_> = (0..first).map(|n| (0, false, 1000 + n, 3000 + 160 * u32::from(n))).collect();
    expected.extend((0..6).map(|n| (101, n == 0, 1000 + first + n, start)));
    expected.extend((0..3).map(|n| (0, false, 1018 + n, start + 640 + 160 * u32::from(n))));
    assert_eq!(heads(&heard), expected);
    let durations = [(160, false), (320, false), (480, false), (640, true), (640, true), (640, true)];
    for (packet, (duration, end)) in heard[usize::from(first)..].iter().zip(durations) {
        assert_eq!(packet.payload, event(5, end, duration));
    }
    assert!(heard.iter().all(|p| p.number == 101 || p.payload == SILENCE));
}

/// §18.7(9): for the whole call, and with `all` every party's mode too.
#[test]
fn rule_18_7_9_whole_call() {
    let mut phone = Phone::new(both(true));
    phone.bench.done("block DTMF", "");
    assert_eq!(phone.digit(1, 2), []);
    phone.bench.done("unblock DTMF", "");
    assert_eq!(phone.digit(1, 2).len(), 4);
    phone.bench.done("block DTMF", &of("a", ""));
    phone.bench.done("unblock DTMF", "");
    assert_eq!(phone.digit(1, 2), [], "the party's mode stays");
    phone.bench.done("unblock DTMF", "\"flags\":[\"all\"]");
    assert_eq!(phone.digit(1, 2).len(), 4);
}

/// §18.7(10): later messages that change codecs and event numbers are harmless.
#[test]
fn rule_18_7_10_new_numbers() {
    let mut phone = Phone::new(both(true));
    phone.bench.done("block DTMF", &security("zero", "\"delay-buffer\":1"));
    phone.quiet(1);
    let other = "8 100=telephone-event/8000";
    phone.bench.re_offer("a", "b", other, "");
    phone.bench.answer(other, "");
    phone.next.number = 8;
    let heard = phone.audio(&[0xd5; 160]);
    assert_eq!(heads(&heard), [(8, false, 1001, 3160)]);
    let packet = Source { number: 100, ..phone.next };
    phone.bench.send_as("a", true, &packet, &event(5, false, 160));
    let heard = phone.bench.hears_within("b", 20);
    assert_eq!(
        (heads(&heard), heard[0].payload.clone()),
        (vec![(100, true, 1002, 3320)], event(0, false, 160).to_vec())
    );
}

/// §18.8(1) to (3): a digit string starts the mode, the last digit's remaining packets are treated by it; another one ends it.
#[test]
fn rule_18_8_triggers() {
    let mut bench = Bench::new();
    let formats = format!("0 {TE}");
    let more =
        "\"trigger\":\"12\",\"trigger-end\":\"#\",\"DTMF-security-trigger\":\"zero\",\"delay-buffer\":1";
    bench.connect((&formats, more), (&formats, ""));
    let mut phone = Phone::new(bench);
    phone.quiet(2);
    let number = |heard: &[Heard]| -> Vec<u8> {
        heard.iter().filter(|p| p.number == 101).map(|p| p.payload[0]).collect()
    };
    assert_eq!(number(&phone.digit(1, 3)), [1; 5]);
    phone.quiet(3);
    let second = number(&phone.digit(2, 3));
    assert_eq!(second, [0; 5], "from the last digit of the string on");
    phone.quiet(3);
    assert_eq!(number(&phone.digit(7, 3)), [0; 5]);
    phone.quiet(3);
    phone.digit(11, 3);
    phone.quiet(3);
    assert_eq!(number(&phone.digit(8, 3)), [8; 5]);
    // Block triggers act once.
    for digit in [1, 2] {
        phone.quiet(3);
        assert_eq!(number(&phone.digit(digit, 3)), [digit; 5]);
    }
}

/// §18.8(1): pauses longer than `--dtmf-digit-delay` begin anew, a repeated first digit does not spoil the string.
#[test]
fn rule_18_8_1_pauses_and_repetitions() {
    for (digits, pause, hidden) in
        [(&[1, 1, 2][..], 10, true), (&[1, 2], 126, false), (&[1, 3, 2], 10, false)]
    {
        let mut bench = Bench::new();
        let formats = format!("0 {TE}");
        let more = "\"trigger\":\"12\",\"DTMF-security-trigger\":\"drop\"";
        bench.connect((&formats, more), (&formats, ""));
        let mut phone = Phone::new(bench);
        for digit in digits {
            phone.quiet(pause);
            phone.digit(*digit, 2);
        }
        phone.quiet(5);
        assert_eq!(phone.digit(9, 2).is_empty(), hidden, "{digits:?} {pause}");
    }
}

/// How many frames of 20 ms sound, behind the first `skip`.
fn sounding(heard: &[Heard]) -> usize {
    heard.iter().filter(|p| p.number == 0 && p.payload != SILENCE).count()
}

/// §18.8(3): the switch while an event is running takes it up anew: the last digit of two packets plus a frame of trailing window covers
/// four frames instead of three, paced as ever, until the mode ends; the numbers stay continuous.
#[test]
fn rule_18_8_3_the_switch_repeats_a_frame() {
    let mut bench = Bench::new();
    let formats = format!("0 {TE}");
    let more =
        "\"trigger\":\"12\",\"trigger-end\":\"#\",\"DTMF-security-trigger\":\"tone\",\"delay-buffer\":20";
    bench.connect((&formats, more), (&formats, ""));
    let mut phone = Phone::new(bench);
    phone.quiet(2);
    phone.digit(1, 2);
    phone.quiet(4);
    phone.bench.heard("b");
    let mut heard = phone.digit(2, 2);
    heard.extend(phone.quiet(8));
    let audio: Vec<&Heard> = heard.iter().filter(|p| p.number == 0).collect();
    assert!(audio.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1), "{heard:?}");
    assert!(heard.iter().all(|p| p.number == 0), "no event packet of the last digit: {heard:?}");
    let tones: Vec<usize> = (0..heard.len()).filter(|&n| heard[n].payload != SILENCE).collect();
    assert_eq!(tones.len(), sounding(&heard));
    assert_eq!(tones.len(), 4, "{heard:?}");
}

/// §18.8, §18.8(2): ends by time and by digits.
#[test]
fn rule_18_8_ends_by_time_and_by_digits() {
    let number = |heard: &[Heard]| -> Vec<u8> {
        heard.iter().filter(|p| p.number == 101).map(|p| p.payload[0]).take(1).collect()
    };
    let formats = format!("0 {TE}");
    let start = "\"trigger\":\"12\",\"DTMF-security-trigger\":\"zero\",\"delay-buffer\":1";
    let mut bench = Bench::new();
    bench.connect((&formats, &format!("{start},\"trigger-end-time\":500")), (&formats, ""));
    let mut phone = Phone::new(bench);
    for digit in [1, 2] {
        phone.quiet(4);
        phone.digit(digit, 2);
    }
    phone.quiet(4);
    assert_eq!(number(&phone.digit(7, 2)), [0]);
    phone.quiet(30);
    assert_eq!(number(&phone.digit(7, 2)), [7]);
    for key in ["trigger-end-digits", "end-trigger-digits", "trigger end digits"] {
        let mut bench = Bench::new();
        bench.connect((&formats, &format!("{start},\"{key}\":2")), (&formats, ""));
        let mut phone = Phone::new(bench);
        let mut seen = Vec::new();
        for digit in [1, 2, 7, 8, 9] {
            phone.quiet(4);
            seen.extend(number(&phone.digit(digit, 2)));
        }
        // The digit that ends it is treated by what follows.
        assert_eq!(seen[2..], [0, 8, 9], "{key}: {seen:?}");
    }
}

/// §18.8(4): `query` lists what waits, per party.
#[test]
fn rule_18_8_4_query() {
    let mut desk = super::super::Desk::new();
    let more = "\"trigger\":\"12\",\"trigger-end\":\"#9\",\"vsc-start-rec\":\"*1\",\"VSC-pause-resume-recording\":\"*2\",\
        \"flags\":[\"recording-vsc\"]";
    desk.offer("a", &super::super::audio("10.0.0.1", 4000), more);
    desk.answer("a", "b", &super::super::audio("10.0.0.2", 5000), "");
    let query = desk.query();
    let list = |tag: &str| -> Vec<(String, String, i64)> {
        let party = query.dict("tags").and_then(|tags| tags.dict(tag)).expect("a party");
        let list = party.list("VSC").expect("a list").iter();
        list.map(|entry| {
            let entry = entry.as_dict().expect("a dictionary");
            let text = |key| entry.text(key).expect("a text").to_owned();
            (text("type"), text("trigger"), entry.int("active").expect("a number"))
        })
        .collect()
    };
    let mut of_a = list("a");
    of_a.sort();
    let entry = |kind: &str, digits: &str, active| (kind.to_owned(), digits.to_owned(), active);
    let names: Vec<_> = of_a.iter().map(|(kind, digits, _)| (kind.as_str(), digits.as_str())).collect();
    assert_eq!(
        names,
        [
            ("block DTMF", "12"),
            ("pause/resume recording", "*2"),
            ("start recording", "*1"),
            ("unblock DTMF", "#9")
        ]
    );
    assert!(of_a.contains(&entry("block DTMF", "12", 1)), "{of_a:?}");
    assert_eq!(list("b"), []);
}

fn telling() -> Bench {
    Bench::with(|settings| settings.dtmf.destination = Some("192.0.2.9:999".parse().expect("an address")))
}

/// §18.6: one record per event at its first end packet, with exactly these members in this order.
#[test]
fn rule_18_6_records() {
    let mut bench = telling();
    bench.desk.offer("a", &super::bench::sdp("10.0.0.1", 4000, &format!("0 {TE}")), "\"label\":\"x\"");
    bench.answer(&format!("0 {TE}"), "");
    let mut phone = Phone::new(bench);
    phone.quiet(1);
    phone.digit(5, 3);
    let record = "{\"callid\":\"call\",\"source_tag\":\"a\",\"source_label\":\"x\",\"tags\":[\"a\",\"b\"],\"type\":\"DTMF\",\
        \"timestamp\":1700000000,\"source_ip\":\"10.0.0.1\",\"event\":5,\"duration\":60,\"volume\":10}";
    assert_eq!(phone.bench.told, [record]);
    // Blocked ones are told too, and those of the other side.
    phone.bench.done("block DTMF", "");
    phone.digit(11, 2);
    assert_eq!(phone.bench.told.len(), 2);
    assert!(phone.bench.told[1].contains("\"event\":11,\"duration\":40,"), "{:?}", phone.bench.told);
    let packet = Source { number: 101, sequence: 1, timestamp: 9, ssrc: 1 };
    phone.bench.send_as("b", true, &packet, &event(3, true, 1600));
    let told = phone.bench.told.last().expect("a record");
    assert!(told.contains("\"source_tag\":\"b\",\"source_label\":\"\""), "{told}");
    assert!(told.contains("\"source_ip\":\"10.0.0.2\",\"event\":3,\"duration\":200,"), "{told}");
}

/// §18.6: durations at other clocks: the integer part of `duration * floor(1000000 / clock) / 1000`.
#[test]
fn rule_18_6_durations() {
    for (formats, number, units, ms) in [
        ("96=opus/48000/2 97=telephone-event/48000", 97, 4800, 96),
        ("9 97=telephone-event/16000", 97, 1600, 99),
        ("0 97=telephone-event/8000", 97, 801, 100),
    ] {
        let mut bench = telling();
        bench.connect((formats, ""), (formats, ""));
        let packet = Source { number, sequence: 1, timestamp: 9, ssrc: 1 };
        bench.send_as("a", true, &packet, &event(3, true, units));
        assert!(bench.told[0].contains(&format!("\"duration\":{ms},")), "{formats}: {:?}", bench.told);
    }
}

/// §18.6: tones that are found are told once, with the stream's endpoint; injected digits unless that is switched off.
#[test]
fn rule_18_6_tones_and_injected_digits() {
    let mut bench = telling();
    bench.connect(
        ("0", "\"codec\":{\"transcode\":[\"telephone-event\"]}"),
        ("0 96=telephone-event/8000|0-15", ""),
    );
    let mut from = source();
    let mut frames = digit_then_silence(12);
    frames.insert(0, SILENCE.to_vec());
    bench.stream(("a", "b"), &mut from, (20, 160), &frames);
    assert_eq!(bench.told.len(), 1, "{:?}", bench.told);
    assert!(bench.told[0].contains("\"source_ip\":\"10.0.0.1\",\"event\":6,"), "{:?}", bench.told);
    for log_injects in [true, false] {
        let mut bench = telling();
        bench.desk.settings.dtmf.log_injects = log_injects;
        bench.connect((&format!("0 {TE}"), ""), (&format!("0 {TE}"), "\"flags\":[\"inject DTMF\"]"));
        let mut from = source();
        bench.stream(("a", "b"), &mut from, (20, 160), &vec![SILENCE.to_vec(); 2]);
        bench.done("play DTMF", "\"from-tag\":\"a\",\"code\":\"4\",\"duration\":100");
        bench.stream(("a", "b"), &mut from, (20, 160), &vec![SILENCE.to_vec(); 8]);
        assert_eq!(bench.told.len(), usize::from(log_injects), "{:?}", bench.told);
    }
}

fn a_law(samples: &[i16]) -> Vec<u8> {
    let mut octets = Vec::new();
    Law::A.encode_into(samples, &mut octets);
    octets
}

/// §18.7(1) on a transcoded link: what hides the events is coded like the audio.
#[test]
fn rule_18_7_1_transcoded() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), "\"codec\":{\"transcode\":[\"PCMA\"]}"), (&format!("8 {TE}"), ""));
    bench.done("block DTMF", &security("tone", "\"delay-buffer\":1"));
    let mut phone = Phone::new(bench);
    let mut heard = phone.quiet(2);
    heard.extend(phone.digit(5, 3));
    heard.extend(phone.quiet(3));
    let expected: Vec<_> = (0..8).map(|n| (8, false, 1000 + n, 3000 + 160 * u32::from(n))).collect();
    assert_eq!(heads(&heard), expected);
    for packet in &heard[2..5] {
        let divisor = 1.122_018_f64.powi(10);
        let sample = |n: u32| {
            (32767.0 * (std::f64::consts::TAU * 400.0 * f64::from(n) / 8000.0).sin() / divisor) as i16
        };
        let tone: Vec<i16> = (packet.timestamp..packet.timestamp + 160).map(sample).collect();
        assert_eq!(packet.payload, a_law(&tone));
    }
    // Dropped events make no tones either.
    let mut bench = Bench::new();
    let more = "\"codec\":{\"transcode\":[\"PCMA\"],\"accept\":[\"telephone-event\"]}";
    bench.connect((&format!("0 {TE}"), more), ("8", ""));
    bench.done("block DTMF", &of("a", ""));
    let mut phone = Phone::new(bench);
    phone.quiet(2);
    assert_eq!(phone.digit(5, 3), []);
    assert_eq!(heads(&phone.quiet(1)), [(8, false, 1007, 3320)], "a gap in the numbers, none in time");
}

/// §18.8(3), §18.7(8): digits owed by `DTMF-delay` when a block ends are reproduced in the mode they arrived under; what arrived is silent.
#[test]
fn rule_18_8_3_digits_owed_behind_a_block() {
    let mut bench = Bench::new();
    let formats = format!("0 {TE}");
    let more = "\"trigger\":\"12\",\"trigger-end\":\"#\",\"DTMF-security-trigger\":\"zero\",\"delay-buffer\":1,\"DTMF-delay\":400";
    bench.connect((&formats, more), (&formats, ""));
    let mut phone = Phone::new(bench);
    let mut heard = phone.quiet(2);
    for digit in [1, 2, 7, 11] {
        heard.extend(phone.digit(digit, 2));
        heard.extend(phone.quiet(2));
    }
    heard.extend(phone.quiet(30));
    let start = |frame: u32| 3000 + 160 * frame;
    let ends: Vec<(u8, u32)> = heard
        .iter()
        .filter(|p| p.number == 101 && p.marker && p.timestamp >= start(18))
        .map(|p| (p.payload[0], (p.timestamp - 3000) / 160))
        .collect();
    // 400 ms later, and a frame more: the switch during the last digit put in one.
    assert_eq!((ends[0], ends[2..].to_vec()), ((1, 23), vec![(0, 31), (0, 35)]), "{ends:?}");
    assert!(heard.iter().all(|p| p.number == 101 || p.payload == SILENCE));
    // Under the block events keep their place and say 0.
    let blocked: Vec<u8> = heard
        .iter()
        .filter(|p| p.number == 101 && (start(10)..start(12)).contains(&p.timestamp))
        .map(|p| p.payload[0])
        .collect();
    assert_eq!(blocked, [0; 4]);
}
