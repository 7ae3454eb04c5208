//! Sequence numbers, timestamps, markers and SSRCs of transcoded streams (codecs.md §14).

use super::bench::{Bench, Heard, Source, shows};

const PCMA: &str = "\"codec\":{\"transcode\":[\"PCMA\"]}";

fn source(number: u8) -> Source {
    Source { number, sequence: 1000, timestamp: 3000, ssrc: 0x1234 }
}

fn heads(heard: &[Heard]) -> Vec<(u8, bool, u16, u32)> {
    heard.iter().map(Heard::head).collect()
}

/// What a phone of PCMU says to one of PCMA and back, octet by octet (ITU-T G.711 with rounding to the nearest).
#[test]
fn rule_14_pcmu_and_pcma_both_ways() {
    let mut bench = Bench::new();
    assert_eq!(bench.offer("0", PCMA), shows("0 8"));
    assert_eq!(bench.answer("8", ""), shows("0"));
    let to_b = bench.through(("a", "b"), (0, 1000, 3000, &[0x00; 160]));
    assert_eq!(to_b, (8, 1000, 3000, vec![0x2a; 160]));
    let to_a = bench.through(("b", "a"), (8, 2000, 4000, &[0x00; 160]));
    assert_eq!(to_a, (0, 2000, 4000, vec![0x29; 160]));
    bench.wait(20);
    assert_eq!(bench.through(("a", "b"), (0, 1001, 3160, &[0x31; 160])).3, vec![0x18; 160]);
    assert_eq!(bench.through(("b", "a"), (8, 2001, 4160, &[0x31; 160])).3, vec![0x1b; 160]);
}

/// §14.1(1): where nothing is transcoded every octet stays, also marker and unknown numbers.
#[test]
fn rule_14_1_1_untouched() {
    let mut bench = Bench::call(("0 8", ""), ("0 8", ""));
    let from = Source { number: 8, sequence: 65_535, timestamp: u32::MAX, ssrc: 0xdead_beef };
    bench.send_as("a", true, &from, &[1, 2, 3]);
    let heard = bench.heard("b").remove(0);
    assert_eq!(
        (heard.head(), heard.ssrc, heard.payload),
        ((8, true, 65_535, u32::MAX), 0xdead_beef, vec![1, 2, 3])
    );
    bench.send_as("a", true, &Source { number: 120, ..from }, &[]);
    assert_eq!(heads(&bench.heard("b")), [(120, true, 65_535, u32::MAX)]);
}

/// §14.1(4): another SSRC of the input is another stream with numbers of its own; the former one goes on where it was.
#[test]
fn rule_14_1_4_another_ssrc() {
    let mut bench = Bench::call(("0", PCMA), ("8", ""));
    let mut first = source(0);
    bench.stream(("a", "b"), &mut first, (20, 160), &vec![vec![0xff; 160]; 2]);
    let mut second = Source { number: 0, sequence: 7, timestamp: 90_000, ssrc: 0x5678 };
    let heard = bench.stream(("a", "b"), &mut second, (20, 160), &vec![vec![0xff; 160]; 2]);
    assert_eq!(heads(&heard), [(8, false, 7, 90_000), (8, false, 8, 90_160)]);
    assert!(heard.iter().all(|p| p.ssrc == 0x5678));
    let heard = bench.stream(("a", "b"), &mut first, (20, 160), &[vec![0xff; 160]]);
    assert_eq!((heads(&heard), heard[0].ssrc), (vec![(8, false, 1002, 3320)], 0x1234));
}

/// §14.2: numbers wrap, a loss stays a gap in the sequence numbers and none in the timestamps, a reset of the input does not show.
#[test]
fn rule_14_2_wrapping_loss_and_resets() {
    let mut bench = Bench::call(("0", PCMA), ("8", ""));
    let mut from = Source { number: 0, sequence: 65_534, timestamp: u32::MAX - 159, ssrc: 0x1234 };
    let audio = vec![vec![0xff; 160]; 3];
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &audio);
    assert_eq!(
        heads(&heard),
        [(8, false, 65_534, u32::MAX - 159), (8, false, 65_535, 0), (8, false, 0, 160)]
    );
    // One packet is lost; what follows is held until the newest is 60 ms beyond the last.
    from.sequence += 1;
    from.timestamp += 160;
    assert_eq!(heads(&bench.stream(("a", "b"), &mut from, (20, 160), &audio[..1])), []);
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &audio[..2]);
    assert_eq!(heads(&heard)[..1], [(8, false, 2, 320)], "{heard:?}");
    let rest = bench.stream(("a", "b"), &mut from, (20, 160), &audio);
    let sequences: Vec<u16> = heard.iter().chain(&rest).map(|p| p.sequence).collect();
    let stamps: Vec<u32> = heard.iter().chain(&rest).map(|p| p.timestamp).collect();
    assert_eq!(sequences, (2..8).collect::<Vec<_>>());
    assert_eq!(stamps, (0..6).map(|n| 320 + 160 * n).collect::<Vec<_>>());
    bench.wait(200);
    bench.heard("b");
    // Far away in the numbers: the output goes on from its last.
    from.sequence = 30_000;
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &audio[..1]);
    assert_eq!(heads(&heard), [(8, false, 8, 320 + 6 * 160)]);
}

/// §14.2, §12(5): two packets of 10 ms make one of 20 ms, which has the first one's numbers; consecutive they remain.
#[test]
fn rule_14_2_aggregated_packets() {
    let mut bench = Bench::new();
    let options = "\"codec\":{\"transcode\":[\"PCMA\"]},\"ptime\":20,\"ptime-reverse\":10";
    assert_eq!(bench.offer("0 a:ptime:10", options), shows("0 8 a:ptime:20"));
    assert_eq!(bench.answer("8 a:ptime:20", ""), shows("0 a:ptime:10"));
    let mut from = source(0);
    let heard = bench.stream(("a", "b"), &mut from, (10, 80), &vec![vec![0xff; 80]; 6]);
    assert_eq!(heads(&heard), [(8, false, 1000, 3000), (8, false, 1001, 3160), (8, false, 1002, 3320)]);
    assert!(heard.iter().all(|p| p.payload == [0xd5; 160]));
    // The other way one packet makes two, the second 10 ms later.
    let mut from = source(8);
    let heard = bench.stream(("b", "a"), &mut from, (20, 160), &vec![vec![0xd5; 160]; 2]);
    let four =
        [(0, false, 1000, 3000), (0, false, 1001, 3080), (0, false, 1002, 3160), (0, false, 1003, 3240)];
    assert_eq!(heads(&heard), four);
    let times: Vec<u64> = heard.iter().map(|p| p.at - heard[0].at).collect();
    assert_eq!(times, [0, 10, 20, 30], "§14.5");
    assert!(heard.iter().all(|p| p.payload == [0xfe; 80]), "the least positive step");
}

/// §14.3(2) and §22(7): jumps of the input's timestamps do not show.
#[test]
fn rule_14_3_2_jumps_in_time() {
    let mut bench = Bench::call(("0", PCMA), ("8", ""));
    let mut expected = (1000, 3000);
    for (sequence, stamp) in (1000..).zip([3000, 3160, 500_000, 500_160, 40, 200, u32::MAX, 159]) {
        bench.send("a", 0, sequence, stamp, &[0xff; 160]);
        let heard = bench.hears_within("b", 20);
        assert_eq!(heads(&heard), [(8, false, expected.0, expected.1)], "{stamp}");
        expected = (expected.0 + 1, expected.1 + 160);
    }
}

/// §14.3(1) and (4): the first timestamp is the input's as a bare number, whatever the clocks; then steps of the destination's clock.
#[test]
fn rule_14_3_clocks() {
    for (name, number, step, held) in [
        ("PCMA", 8, 160, false),
        ("G722", 9, 160, true),
        ("opus/48000/2", 96, 960, false),
        ("GSM", 3, 160, false),
        ("speex/16000", 96, 320, true),
        ("L16/8000", 96, 160, false),
        ("L16/16000", 96, 320, true),
        ("AMR", 96, 160, false),
        ("AMR-WB", 96, 320, true),
        ("G729", 18, 160, false),
        ("iLBC", 96, 240, false),
    ] {
        let mut bench = Bench::new();
        let codec = format!("\"codec\":{{\"transcode\":[\"{name}\"]}}");
        let offered = bench.offer("0", &codec);
        if offered == shows("0") {
            continue;
        }
        let format = offered.iter().filter_map(|line| line.strip_prefix("a=rtpmap:")).nth(1).unwrap();
        let fmtp = offered.iter().find_map(|line| line.strip_prefix(&format!("a=fmtp:{number} ")));
        let (_, map) = format.split_once(' ').unwrap();
        let fmtp = fmtp.map_or(String::new(), |text| format!("|{}", text.replace(' ', "~")));
        assert_eq!(bench.answer(&format!("{number}={map}{fmtp}"), ""), shows("0"), "{name}");
        let mut from = source(0);
        let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 6]);
        let count = heard.len() as u16;
        let expected: Vec<_> =
            (0..count).map(|n| (number, false, 1000 + n, 3000 + step * u32::from(n))).collect();
        assert_eq!(heads(&heard), expected, "{name}");
        if name == "iLBC" {
            assert_eq!(heard.len(), 4);
            continue;
        }
        // Packet k comes out upon input k + 1 where the rate of audio changes.
        assert_eq!(heard.len(), if held { 5 } else { 6 }, "{name}: {heard:?}");
        assert_eq!(heard[0].at, if held { 20 } else { 0 }, "{name}");
    }
}

/// §14.3(1): a re-negotiation that makes a new context starts anew from the input's timestamp; the sequence goes on.
#[test]
fn rule_14_3_1_another_destination() {
    let mut bench = Bench::call(("0", PCMA), ("8", ""));
    let mut from = source(0);
    bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 2]);
    from.timestamp = 80_000;
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &[vec![0xff; 160]]);
    assert_eq!(heads(&heard), [(8, false, 1002, 3320)]);
    // The same again changes nothing.
    bench.re_offer("a", "b", "0", PCMA);
    bench.answer("8", "");
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &[vec![0xff; 160]]);
    assert_eq!(heads(&heard), [(8, false, 1003, 3480)]);
    bench.re_offer("a", "b", "0", "\"codec\":{\"transcode\":[\"GSM\"]}");
    bench.answer("3", "");
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0xff; 160]; 2]);
    assert_eq!(heads(&heard), [(3, false, 1004, 80_320), (3, false, 1005, 80_480)]);
    assert!(heard.iter().all(|p| p.payload.len() == 33 && p.payload[0] >> 4 == 0xd));
}

/// §14.4: the input's marker is kept by what passes and by nothing that is transcoded.
#[test]
fn rule_14_4_markers() {
    let mut bench = Bench::call(("0 8", PCMA), ("0 8", ""));
    bench.send_as("a", true, &source(0), &[0xff; 160]);
    assert_eq!(heads(&bench.heard("b")), [(0, true, 1000, 3000)]);
    let mut bench = Bench::call(("0", PCMA), ("8", ""));
    bench.send_as("a", true, &source(0), &[0xff; 160]);
    assert_eq!(heads(&bench.heard("b")), [(8, false, 1000, 3000)]);
}

/// §14.5: one packet that makes three leaves at its own pace; late packets shift the reference.
#[test]
fn rule_14_5_pace() {
    let mut bench = Bench::new();
    bench.connect(
        ("0 a:ptime:60", "\"ptime\":20,\"ptime-reverse\":60,\"codec\":{\"transcode\":[\"PCMA\"]}"),
        ("8 a:ptime:20", ""),
    );
    let mut from = source(0);
    let heard = bench.stream(("a", "b"), &mut from, (60, 480), &vec![vec![0xff; 480]; 3]);
    let times: Vec<u64> = heard.iter().map(|p| p.at).collect();
    assert_eq!(times, [0, 20, 40, 60, 80, 100, 120, 140, 160]);
    // 15 ms late: at once, and what follows keeps its distance from it.
    bench.wait(15);
    let heard = bench.stream(("a", "b"), &mut from, (60, 480), &[vec![0xff; 480]]);
    let times: Vec<u64> = heard.iter().map(|p| p.at).collect();
    assert_eq!(times, [195, 215, 235]);
}
