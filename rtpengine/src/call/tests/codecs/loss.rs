//! Order, duplicates and losses in front of a transcoder (codecs.md §15), other per-packet rules (§10.7).

use super::bench::{Bench, Heard, Source, TE, of};

const PCMA: &str = "\"codec\":{\"transcode\":[\"PCMA\"]}";

/// Sends packets of PCMU, numbered as given from 1000 on, with the time that goes with the number, 20 ms apart. What leaves upon each.
fn feed(bench: &mut Bench, numbers: &[i32]) -> Vec<Vec<(u16, u32)>> {
    numbers
        .iter()
        .map(|n| {
            let sequence = (1000 + n) as u16;
            bench.send("a", 0, sequence, (3000 + 160 * n) as u32, &[0x10; 160]);
            let heard = bench.heard("b");
            bench.wait(20);
            let later = bench.heard("b");
            heard.iter().chain(&later).map(|p| (p.sequence, p.timestamp)).collect()
        })
        .collect()
}

fn call() -> Bench {
    Bench::call(("0", PCMA), ("8", ""))
}

fn out(n: u16, place: u32) -> (u16, u32) {
    (1000 + n, 3000 + 160 * place)
}

/// §15(2): reordered packets are put in order, duplicates dropped.
#[test]
fn rule_15_2_order_and_duplicates() {
    let mut bench = call();
    let left = feed(&mut bench, &[0, 2, 1, 3, 3, 2, 4]);
    assert_eq!(left[0], [out(0, 0)]);
    assert_eq!(left[1], []);
    // Both at once: they are late. The rest follows in order.
    assert_eq!(left[2], [out(1, 1), out(2, 2)]);
    assert_eq!(left[3], [out(3, 3)]);
    assert_eq!((&left[4], &left[5]), (&Vec::new(), &Vec::new()));
    assert_eq!(left[6], [out(4, 4)]);
}

/// §15(3), (4), (5): a missing packet is waited for until the newest is 60 ms beyond the last; its number stays free, time goes on, and it is
/// a duplicate when it comes after all.
#[test]
fn rule_15_3_losses() {
    let mut bench = call();
    let left = feed(&mut bench, &[0, 2, 3, 1, 4]);
    assert_eq!(left[1], [], "40 ms beyond the last");
    assert_eq!(left[2], [out(2, 1), out(3, 2)], "60 ms beyond");
    assert_eq!(left[3], [], "too late");
    assert_eq!(left[4], [out(4, 3)]);
}

/// §15(3): or until ten packets wait.
#[test]
fn rule_15_3_ten_packets_wait() {
    let mut bench = call();
    bench.send("a", 0, 1000, 3000, &[0x10; 160]);
    assert_eq!(bench.heard("b").len(), 1);
    for n in 0..9 {
        // Time stands still.
        bench.send("a", 0, 1002 + n, 3000, &[0x10; 160]);
        assert_eq!(bench.heard("b"), [], "{n}");
    }
    bench.send("a", 0, 1011, 3000, &[0x10; 160]);
    let heard = bench.hears_within("b", 300);
    let numbers: Vec<_> = heard.iter().map(|p| (p.sequence, p.timestamp)).collect();
    let expected: Vec<_> = (0..10).map(|n| (1002 + n, 3160 + 160 * u32::from(n))).collect();
    assert_eq!(numbers, expected);
}

/// §15(2): less than 128 behind is a duplicate, anything else is a new start; the output goes on from its last number.
#[test]
fn rule_15_2_resets() {
    let mut bench = call();
    assert_eq!(feed(&mut bench, &[200])[0], [out(200, 200)]);
    assert_eq!(feed(&mut bench, &[201 - 127])[0], []);
    assert_eq!(feed(&mut bench, &[201 - 128])[0], [out(201, 201)]);
    assert_eq!(feed(&mut bench, &[201 - 127])[0], [out(202, 202)], "in order after the reset");
    // 127 ahead waits, 128 ahead is a reset.
    let mut bench = call();
    assert_eq!(feed(&mut bench, &[0])[0], [out(0, 0)]);
    bench.send("a", 0, 1001 + 127, 3160, &[0x10; 160]);
    assert_eq!(bench.hears_within("b", 20), []);
    bench.send("a", 0, 1001 + 128, 3160, &[0x10; 160]);
    assert_eq!(bench.hears_within("b", 20)[0].sequence, 1001);
}

/// §15(2): a duplicate event packet whose handler leads to a number of the sink is still sent on, one that becomes a tone is not.
#[test]
fn rule_15_2_duplicate_events() {
    let mut bench = Bench::call((&format!("0 {TE}"), PCMA), (&format!("8 {TE}"), ""));
    let from = Source { number: 0, sequence: 1000, timestamp: 3000, ssrc: 0x1234 };
    bench.send_as("a", false, &from, &[0x10; 160]);
    bench.hears_within("b", 20);
    let event = Source { number: 101, sequence: 1001, timestamp: 3160, ..from };
    for again in [false, true] {
        bench.send_as("a", true, &event, &[1, 10, 0, 160]);
        let heard = bench.hears_within("b", 20);
        assert_eq!(heard.iter().map(Heard::head).collect::<Vec<_>>(), [(101, true, 1001, 3160)], "{again}");
    }
}

/// §10.7: an unknown number is forwarded, in the order of the rest.
#[test]
fn rule_10_7_unknown_numbers() {
    let mut bench = call();
    bench.send("a", 0, 1000, 3000, &[0x10; 160]);
    bench.send("a", 120, 1001, 7, &[1, 2, 3]);
    let heard = bench.heard("b");
    assert_eq!(heard[1].head(), (120, false, 1001, 7));
    assert_eq!(heard[1].payload, [1, 2, 3]);
}

/// §10.7: `block media` drops audio; events go to a sink that has them, and make no tone for one that has not. `silence media` fills.
#[test]
fn rule_10_7_blocked_and_silenced_media() {
    let mut bench = Bench::call((&format!("0 {TE}"), PCMA), (&format!("8 {TE}"), ""));
    bench.send("a", 0, 1000, 3000, &[0x10; 160]);
    bench.hears_within("b", 20);
    bench.done("block media", &of("a", ""));
    bench.send("a", 0, 1001, 3160, &[0x10; 160]);
    assert_eq!(bench.hears_within("b", 20), []);
    bench.send("a", 101, 1002, 3320, &[1, 10, 0, 160]);
    let heard = bench.hears_within("b", 100);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((heard[0].number, heard[0].payload.as_slice()), (101, &[1, 10, 0, 160][..]));
    bench.send("a", 101, 1003, 3320, &[1, 0x8a, 1, 64]);
    assert_eq!(bench.hears_within("b", 20).len(), 1);
    bench.done("unblock media", &of("a", ""));
    bench.done("silence media", &of("a", ""));
    for n in 4..9_u16 {
        bench.send("a", 0, 1000 + n, 3640 + 160 * u32::from(n - 4), &[0x10; 160]);
    }
    let heard = bench.hears_within("b", 100);
    // The decoder gets the source's silence, which is no sound: the least positive step of A-law.
    assert!(heard.iter().all(|p| p.number == 8 && p.payload == [0xd5; 160]), "{heard:?}");
    assert_eq!(heard.len(), 5);
    // Passed through: the octet of the codec's silence, header untouched.
    let mut bench = Bench::call(("0 8 9 18", ""), ("0 8 9 18", ""));
    bench.done("silence media", &of("a", ""));
    for (number, fill) in [(0, 0xff), (8, 0xd5), (9, 0xfa), (18, 0x10)] {
        bench.send("a", number, 7, 9, &[0x10; 20]);
        let heard = bench.heard("b");
        assert_eq!((heard[0].head(), &heard[0].payload), ((number, false, 7, 9), &vec![fill; 20]));
    }
}

/// §10.7: no tone is made of events while media is blocked.
#[test]
fn rule_10_7_blocked_media_makes_no_tones() {
    let more = "\"codec\":{\"transcode\":[\"PCMA\"],\"accept\":[\"telephone-event\"]}";
    let mut bench = Bench::call((&format!("0 {TE}"), more), ("8", ""));
    bench.send("a", 0, 1000, 3000, &[0x10; 160]);
    bench.hears_within("b", 20);
    bench.done("block media", &of("a", ""));
    bench.send("a", 101, 1001, 3160, &[1, 10, 0, 160]);
    bench.send("a", 101, 1002, 3160, &[1, 10, 1, 64]);
    assert_eq!(bench.hears_within("b", 100), []);
}

/// §10.7: `block short` drops what is shorter than the first payload of its number, for codecs of fixed size that pass.
#[test]
fn rule_10_7_block_short() {
    let flags = "\"flags\":[\"block short\"]";
    let mut bench = Bench::call(("0 8 96=opus/48000/2", flags), ("0 8 96=opus/48000/2", flags));
    for (number, length, passes) in
        [(0, 160, true), (0, 159, false), (0, 160, true), (0, 200, true), (8, 80, true), (8, 40, false)]
    {
        bench.send("a", number, 1, 1, &vec![1; length]);
        assert_eq!(bench.heard("b").len(), usize::from(passes), "{number} {length}");
    }
    for length in [50, 20] {
        bench.send("a", 96, 1, 1, &vec![1; length]);
        assert_eq!(bench.heard("b").len(), 1);
    }
}

/// §15(3) with events: one is lost in the middle of a digit; the others wait for it until ten do, or audio shows that time went on.
#[test]
fn rule_15_3_lost_events() {
    let mut bench = Bench::call((&format!("0 {TE}"), PCMA), (&format!("8 {TE}"), ""));
    bench.send("a", 0, 1000, 3000, &[0x10; 160]);
    bench.send("a", 101, 1001, 3160, &[1, 10, 0, 160]);
    assert_eq!(bench.hears_within("b", 20).len(), 2);
    // 1002 is lost.
    for (n, octets) in [[1, 10, 1, 224], [1, 10, 2, 128], [1, 0x8a, 3, 32]].into_iter().enumerate() {
        bench.send("a", 101, 1003 + n as u16, 3160, &octets);
        assert_eq!(bench.hears_within("b", 20), [], "{n}");
    }
    bench.send("a", 0, 1006, 3160 + 800, &[0x10; 160]);
    // The audio at its own time.
    let heads: Vec<_> = bench.hears_within("b", 60).iter().map(Heard::head).collect();
    let event = |sequence| (101, false, sequence, 3160);
    assert_eq!(heads, [event(1003), event(1004), event(1005), (8, false, 1006, 3960)]);
}
