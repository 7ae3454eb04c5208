//! Digits that the daemon puts into a stream: `play DTMF` on the media path (codecs.md §18.5).

use super::bench::{Bench, Heard, Source, TE, of, shows};

fn source(number: u8) -> Source {
    Source { number, sequence: 1000, timestamp: 3000, ssrc: 0x1234 }
}

type Seen = (u64, u8, bool, u16, u32, Vec<u8>);

fn seen(heard: &[Heard]) -> Vec<Seen> {
    let payload = |p: &Heard| if p.payload.len() == 4 { p.payload.clone() } else { Vec::new() };
    heard.iter().map(|p| (p.at, p.number, p.marker, p.sequence, p.timestamp, payload(p))).collect()
}

const INJECT: &str = "\"flags\":[\"inject DTMF\"]";

/// The events of §18.5(2) for 100 ms at 20 ms: 160, 320, 480, 640, then E 800 three times.
fn expected(number: u8, digit: u8, at: u64, sequence: u16, start: u32) -> Vec<Seen> {
    let packet = |n: u16, sequence: u16| {
        let duration = 160 * n;
        let end = if n == 5 { 0x80 } else { 0 };
        let [high, low] = duration.to_be_bytes();
        (at + 20 * u64::from(n - 1), number, n == 1, sequence, start, vec![digit, end | 8, high, low])
    };
    let mut all: Vec<Seen> = (1..=5).map(|n| packet(n, sequence + n - 1)).collect();
    all.extend([packet(5, sequence + 5), packet(5, sequence + 6)]);
    all
}

fn inject(bench: &mut Bench, code: &str, more: &str) {
    let comma = if more.is_empty() { "" } else { "," };
    bench.done("play DTMF", &format!("\"from-tag\":\"a\",\"code\":\"{code}\"{comma}{more}"));
}

fn digit_in(bench: &mut Bench, input: u8, output: u8, event: u8, audio: &[u8]) {
    let mut from = source(input);
    let frame = vec![audio.to_vec()];
    let before = bench.stream(("a", "b"), &mut from, (20, 160), &[audio.to_vec(), audio.to_vec()]);
    assert_eq!(
        before.iter().map(Heard::head).collect::<Vec<_>>(),
        [(output, false, 1000, 3000), (output, false, 1001, 3160)]
    );
    inject(bench, "1", "\"duration\":100,\"volume\":8");
    let now = bench.now();
    assert_eq!(bench.hears_within("b", 0), [], "nothing is sent while no audio arrives");
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![audio.to_vec(); 7]);
    let events = expected(event, 1, now, 1002, 3320);
    assert_eq!(seen(&heard)[..7], events);
    let rest: Vec<_> = heard[7..].iter().map(Heard::head).collect();
    assert_eq!(rest, [(output, false, 1009, 4120), (output, false, 1010, 4280)], "two more in the numbers");
    assert!(heard.iter().all(|p| p.ssrc == 0x1234));
    let after = bench.stream(("a", "b"), &mut from, (20, 160), &frame);
    assert_eq!(after[0].head(), (output, false, 1011, 4440));
}

/// §18.5(2), (6): into forwarded audio, by the flag `inject DTMF` of the receiver.
#[test]
fn rule_18_5_2_forwarded_audio() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), ""), (&format!("0 {TE}"), INJECT));
    digit_in(&mut bench, 0, 0, 101, &[0xff; 160]);
}

/// §18.5(2): into transcoded audio.
#[test]
fn rule_18_5_2_transcoded_audio() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), "\"codec\":{\"transcode\":[\"PCMA\"]}"), (&format!("8 {TE}"), ""));
    digit_in(&mut bench, 0, 8, 101, &[0xff; 160]);
}

/// §18.5(2), §10.2: the source has no events, the sink's were added by the daemon.
#[test]
fn rule_18_5_2_added_events() {
    let mut bench = Bench::new();
    let offered = bench.offer("0", "\"codec\":{\"transcode\":[\"telephone-event\"]}");
    assert_eq!(offered, shows("0 96=telephone-event/8000|0-15"));
    bench.answer("0 96=telephone-event/8000|0-15", "");
    digit_in(&mut bench, 0, 0, 96, &[0xff; 160]);
}

/// §18.5(4): several wait for each other, each for its own pause.
#[test]
fn rule_18_5_4_queue() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), ""), (&format!("0 {TE}"), INJECT));
    let mut from = source(0);
    bench.stream(("a", "b"), &mut from, (20, 160), &[vec![0xff; 160]]);
    inject(&mut bench, "1", "\"duration\":100,\"volume\":8");
    inject(&mut bench, "2", "\"duration\":100,\"volume\":8,\"pause\":100");
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 17]);
    let numbers: Vec<u8> = heard.iter().map(|p| p.number).collect();
    let mut wanted = vec![101; 7];
    wanted.extend([0; 5]);
    wanted.extend([101; 7]);
    wanted.extend([0; 2]);
    assert_eq!(numbers, wanted);
    let second: Vec<_> = seen(&heard)[12..19].to_vec();
    assert_eq!(second, expected(101, 2, second[0].0, 1001 + 12, 3160 + 1600));
    assert!(heard.iter().enumerate().all(|(n, p)| p.sequence == 1001 + n as u16));
    // Two more packets per digit, and no more time.
    assert_eq!(heard.last().unwrap().timestamp, from.timestamp - 160);
}

/// §18.5(3): where the sink has no events, a tone for the duration, silence for the pause, and the audio goes on in the middle of a frame.
#[test]
fn rule_18_5_3_tone() {
    let mut bench = Bench::new();
    bench.connect(("0", "\"codec\":{\"transcode\":[\"PCMA\"]}"), ("8", INJECT));
    let mut from = source(0);
    let loud = vec![0x10; 160];
    bench.stream(("a", "b"), &mut from, (20, 160), std::slice::from_ref(&loud));
    inject(&mut bench, "5", "\"duration\":110,\"volume\":10,\"pause\":100");
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![loud; 13]);
    let heads: Vec<_> = heard.iter().map(Heard::head).collect();
    let plain: Vec<_> = (0..13).map(|n| (8, false, 1001 + n, 3160 + 160 * u32::from(n))).collect();
    assert_eq!(heads, plain);
    let all: Vec<u8> = heard.iter().flat_map(|p| p.payload.clone()).collect();
    let divisor = 2.0 * 1.122_018_f64.powi(10);
    let angle = |f: f64, n: u32| (std::f64::consts::TAU * f * f64::from(n) / 8000.0).sin();
    let samples: Vec<i16> =
        (0..880).map(|n| (32767.0 * (angle(770.0, n) + angle(1336.0, n)) / divisor) as i16).collect();
    let mut tone = Vec::new();
    rtpengine_common::codec::engine::g711::Law::A.encode_into(&samples, &mut tone);
    assert_eq!(all[..880], tone);
    assert_eq!(all[880..1680], [0xd5; 800]);
    let audio = all[1680];
    assert!(audio != 0xd5 && all[1680..].iter().all(|octet| *octet == audio));
}

/// §18.5(2): where packets of events arrive, the injected event takes their place; copies of an end are swallowed.
#[test]
fn rule_18_5_2_in_place_of_events() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), ""), (&format!("0 {TE}"), INJECT));
    let mut from = source(0);
    bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 2]);
    inject(&mut bench, "1", "\"duration\":100,\"volume\":8");
    let now = bench.now();
    // A digit of 60 ms with three ends, then audio.
    let mut heard = Vec::new();
    for payload in [[9, 10, 0, 160], [9, 10, 1, 64], [9, 0x8a, 1, 224], [9, 0x8a, 1, 224], [9, 0x8a, 1, 224]]
    {
        bench.send_as("a", payload[3] == 160, &Source { number: 101, ..from }, &payload);
        from.sequence += 1;
        let copies = payload[1] & 0x80 != 0;
        heard.extend(bench.hears_within("b", if copies { 0 } else { 20 }));
    }
    heard.extend(bench.hears_within("b", 20));
    from.timestamp += 480;
    heard.extend(bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 3]));
    let events = expected(101, 1, now, 1002, 3320);
    let plain: Vec<_> = seen(&heard).into_iter().map(|(_, n, m, s, t, p)| (n, m, s, t, p)).collect();
    let wanted: Vec<_> = events.into_iter().map(|(_, n, m, s, t, p)| (n, m, s, t, p)).collect();
    assert_eq!(plain[..7], wanted, "{heard:?}");
    assert_eq!(plain[7], (0, false, 1009, 4120, Vec::new()));
}

/// §18.5(5): a block that drops events does not stop injected ones; what it drops leaves a gap in the numbers.
#[test]
fn rule_18_5_5_blocked() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), ""), (&format!("0 {TE}"), INJECT));
    bench.done("block DTMF", &of("a", ""));
    let mut from = source(0);
    bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 2]);
    inject(&mut bench, "1", "\"duration\":100,\"volume\":8");
    let now = bench.now();
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 6]);
    assert_eq!(seen(&heard)[..7], expected(101, 1, now, 1002, 3320));
    assert_eq!(heard[7].head(), (0, false, 1009, 4120));
    bench.send_as("a", true, &Source { number: 101, ..from }, &[9, 10, 0, 160]);
    assert_eq!(bench.hears_within("b", 20), []);
    from.sequence += 1;
    from.timestamp += 160;
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &[vec![0xff; 160]]);
    assert_eq!(heard[0].head(), (0, false, 1011, 4440), "1010 is missing");
}

/// §18.5(6): the flag marks who sent the message as receiver, and stays; without it forwarded audio takes no digit.
#[test]
fn rule_18_5_6_whom_the_flag_marks() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE}"), INJECT), (&format!("0 {TE}"), ""));
    bench.send("b", 0, 0, 0, &[0xff; 160]);
    assert_eq!(bench.heard("a")[0].number, 0);
    // The flag stays over messages without it.
    bench.re_offer("a", "b", &format!("0 {TE}"), "");
    bench.answer(&format!("0 {TE}"), "");
    bench.done("play DTMF", "\"from-tag\":\"b\",\"code\":\"1\"");
    bench.send("b", 0, 1, 0, &[0xff; 160]);
    assert_eq!(bench.heard("a")[0].number, 101);
}

/// Reports beside injected digits tell of what was sent here (§10.6).
#[test]
fn rule_10_6_reports_count_injected_packets() {
    let mut bench = Bench::new();
    // Both directions renumber, so reports of both are rewritten (media-plane.md §13.2).
    bench.connect((&format!("0 {TE}"), INJECT), (&format!("0 {TE}"), INJECT));
    let mut from = source(0);
    bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 2]);
    inject(&mut bench, "1", "\"duration\":100,\"volume\":8");
    bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 6]);
    // a's sender report says 8 packets of 160 octets; b got two more.
    let mut report = vec![0x80, 200, 0, 6];
    report.extend(0x1234_u32.to_be_bytes());
    report.extend([0; 8]);
    report.extend(4280_u32.to_be_bytes());
    report.extend(8_u32.to_be_bytes());
    report.extend(1280_u32.to_be_bytes());
    bench.datagram("a", true, &report);
    let heard = bench.reports("b");
    assert_eq!(heard.len(), 1);
    let word = |at: usize| u32::from_be_bytes(heard[0][at..at + 4].try_into().unwrap());
    assert_eq!((word(4), word(20)), (0x1234, 10), "SSRC and packets");
    assert_eq!(
        word(24),
        3 * 160 + 7 * 4 + 10 * 12,
        "octets of what left, headers included (media-plane.md §13.4, §13.5)"
    );
    // b's report tells of the highest number it saw, a is told its own.
    let mut report = vec![0x81, 201, 0, 7];
    report.extend(0x9999_u32.to_be_bytes());
    report.extend(0x1234_u32.to_be_bytes());
    report.extend([0; 4]);
    report.extend(1009_u32.to_be_bytes());
    report.extend([0; 12]);
    bench.datagram("b", true, &report);
    let heard = bench.reports("a");
    let word = |at: usize| u32::from_be_bytes(heard[0][at..at + 4].try_into().unwrap());
    assert_eq!((word(8), word(16)), (0x1234, 1007), "what a sent last");
}

/// §18.5(2): at another clock durations are in its units, on the grid of the frames of the encoder.
#[test]
fn rule_18_5_2_other_clocks() {
    let both = "96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15";
    let mut bench = Bench::new();
    bench.offer(&format!("0 {TE}"), "\"codec\":{\"transcode\":[\"opus\"]}");
    bench.answer(both, "");
    let mut from = source(0);
    bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 2]);
    inject(&mut bench, "*", "\"duration\":100,\"volume\":8");
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 6]);
    let start = 3000 + 2 * 960;
    let packet = |n: u16, sequence: u16| {
        let [high, low] = (960 * n).to_be_bytes();
        let head = (97, n == 1, sequence, start);
        (head, vec![10, if n == 5 { 0x88 } else { 8 }, high, low])
    };
    let mut expected: Vec<_> = (1..=5).map(|n| packet(n, 1001 + n)).collect();
    expected.extend([packet(5, 1007), packet(5, 1008)]);
    let seen: Vec<_> = heard.iter().map(|p| (p.head(), p.payload.clone())).collect();
    assert_eq!(seen[..7], expected);
    assert_eq!(heard[7].head(), (96, false, 1009, start + 5 * 960));
}

/// §18.5(2): frames of 30 ms: the last one is the first that reaches the duration.
#[test]
fn rule_18_5_2_other_packet_times() {
    let mut bench = Bench::new();
    bench.connect((&format!("0 {TE} a:ptime:30"), ""), (&format!("0 {TE} a:ptime:30"), INJECT));
    let mut from = source(0);
    bench.stream(("a", "b"), &mut from, (30, 240), &vec![vec![0xff; 240]; 2]);
    inject(&mut bench, "1", "\"duration\":120,\"volume\":8");
    let heard = bench.stream(("a", "b"), &mut from, (30, 240), &vec![vec![0xff; 240]; 6]);
    let seen: Vec<_> =
        heard.iter().map(|p| (p.number, u16::from_be_bytes([p.payload[2], p.payload[3]]))).collect();
    assert_eq!(
        seen[..6],
        [(101, 240), (101, 480), (101, 720), (101, 960), (101, 960), (101, 960)],
        "{heard:?}"
    );
    assert_eq!(heard[6].head(), (0, false, 1008, 3000 + 6 * 240));
}

/// What is put in goes to the mirrors of the stream too.
#[test]
fn mirrors_get_injected_digits() {
    for more in ["", "\"codec\":{\"transcode\":[\"PCMA\"]}"] {
        let number = if more.is_empty() { 0 } else { 8 };
        let mut bench = Bench::new();
        bench.connect((&format!("0 {TE}"), more), (&format!("{number} {TE}"), INJECT));
        let members = "\"from-tag\":\"a\",\"to-tag\":\"w\",\"flags\":[\"egress\"]";
        assert_eq!(super::super::Desk::error(&bench.desk.ask("subscribe request", members)), "none");
        let sdp = super::bench::sdp("10.0.0.3", 6000, &format!("0 {TE}")).replace('\n', "\\r\\n");
        bench.done("subscribe answer", &format!("\"to-tag\":\"w\",\"sdp\":\"{sdp}a=recvonly\\r\\n\""));
        let mut from = source(0);
        bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 2]);
        bench.heard("w");
        inject(&mut bench, "1", "\"duration\":100,\"volume\":8");
        let mut mine = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..6 {
            theirs.extend(bench.stream(("a", "b"), &mut from, (20, 160), &[vec![0xff; 160]]));
            mine.extend(bench.heard("w"));
        }
        let content =
            |heard: &[Heard]| heard.iter().map(|p| (p.head(), p.payload.clone())).collect::<Vec<_>>();
        assert_eq!(content(&mine), content(&theirs), "{more}");
        assert_eq!(mine.iter().filter(|p| p.number == 101).count(), 7, "{more}");
    }
}
