//! Which packets are transcoded into what (codecs.md §§6, 10, 11), seen from outside.

use std::sync::Arc;

use super::super::Desk;
use super::bench::{Bench, Heard, Source, TE, sdp, section, shows};
use crate::call::codecs::TranscodeConfig;
use crate::call::handling::CodecSettings;

fn transcode(codecs: &str) -> String {
    format!("\"codec\":{{\"transcode\":[{codecs}]}}")
}

const PCMA: &str = "\"codec\":{\"transcode\":[\"PCMA\"]}";

/// The number under which `b` hears a packet of `a`, or `a` one of `b`, each from a source of its own.
fn becomes(bench: &mut Bench, (from, to): (&str, &str), number: u8, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let source = Source { number, sequence: 1, timestamp: 0, ssrc };
    bench.send_as(from, false, &source, payload);
    bench.send_as(from, false, &Source { sequence: 2, timestamp: 160, ..source }, payload);
    let heard = bench.hears_within(to, 40);
    heard.first().map(|p| p.number).into_iter().collect()
}

const TO_B: (&str, &str) = ("a", "b");
const TO_A: (&str, &str) = ("b", "a");

/// §10.1: the same codec passes, others go to the first audio codec that can be coded.
#[test]
fn rule_10_1_destinations() {
    let mut bench = Bench::call(("0 9 96=foo/8000", PCMA), ("8 9 96=foo/8000", ""));
    assert_eq!(becomes(&mut bench, TO_A, 8, 1, &[0x10; 160]), [0], "the first");
    assert_eq!(becomes(&mut bench, TO_A, 9, 2, &[0x10; 160]), [9]);
    assert_eq!(becomes(&mut bench, TO_A, 96, 3, &[1; 20]), [96], "without implementation");
    assert_eq!(becomes(&mut bench, TO_B, 0, 4, &[0x10; 160]), [8]);
    assert_eq!(becomes(&mut bench, TO_B, 9, 5, &[0x10; 160]), [8], "rule 4: the first one is the daemon's");
    // Accepted codecs are preferred.
    let mut bench = Bench::new();
    bench.connect(("0 8", "\"codec\":{\"accept\":[\"PCMA\"]}"), ("0 8", ""));
    assert_eq!(becomes(&mut bench, TO_A, 0, 1, &[0x10; 160]), [8]);
    assert_eq!(becomes(&mut bench, TO_A, 8, 2, &[0x10; 160]), [8]);
}

/// §10.2: `force transcoding` passes nothing that can be coded.
#[test]
fn rule_10_2_forced() {
    let flag = "\"flags\":[\"force transcoding\"]";
    let mut bench = Bench::call(("0 8", flag), ("0 8", flag));
    let source = Source { number: 0, sequence: 9, timestamp: 77, ssrc: 5 };
    bench.send_as("a", true, &source, &[0x10; 160]);
    let heard = bench.heard("b").remove(0);
    assert_eq!(
        (heard.head(), heard.payload),
        ((0, false, 9, 77), vec![0x10; 160]),
        "no marker: it was coded anew"
    );
    // Two packets in one need two of 20 ms to fill.
    bench.send_as("a", false, &Source { sequence: 10, timestamp: 237, ..source }, &[0x10; 80]);
    assert_eq!(bench.hears_within("b", 20), []);
}

/// §10.2: packet times that differ repacketise only where they were given by the client.
#[test]
fn rule_10_2_packet_times() {
    let mut bench = Bench::call(("0 a:ptime:20", ""), ("0 a:ptime:40", ""));
    bench.send("a", 0, 1, 0, &[0x10; 160]);
    assert_eq!(bench.heard("b").len(), 1);
    let mut bench = Bench::call(("0 a:ptime:20", "\"ptime\":40"), ("0 a:ptime:40", ""));
    bench.send("a", 0, 1, 0, &[0x10; 160]);
    assert_eq!(bench.hears_within("b", 20), []);
    bench.send("a", 0, 2, 160, &[0x11; 160]);
    let heard = bench.hears_within("b", 20);
    assert_eq!((heard[0].head(), heard[0].payload.len()), ((0, false, 1, 0), 320));
}

/// §10.3, §8(1): with `allow asymmetric codecs` the answerer's own number passes with its packets; without, it is a stray and passes unknown.
#[test]
fn rule_10_3_asymmetric() {
    let flag = "\"flags\":[\"allow asymmetric codecs\"]";
    let mut bench = Bench::new();
    bench.offer("0 8", flag);
    assert_eq!(bench.answer("98=PCMA/8000 0", flag), shows("98=PCMA/8000 0"));
    assert_eq!(becomes(&mut bench, TO_A, 98, 1, &[0x10; 160]), [98]);
    assert_eq!(becomes(&mut bench, TO_B, 8, 2, &[0x10; 160]), [8]);
    // What the daemon added is transcoded in any case.
    let mut bench = Bench::call(("0", &format!("{PCMA},{flag}")), ("8", flag));
    assert_eq!(becomes(&mut bench, TO_A, 8, 1, &[0x10; 160]), [0]);
}

/// §10.5: two numbers that lead to one share encoder, sequence and timestamps.
#[test]
fn rule_10_5_shared_encoder() {
    let mut bench = Bench::new();
    bench.offer("0", &transcode("\"PCMA\",\"GSM\""));
    assert_eq!(bench.answer("8 3", ""), shows("0"));
    bench.send("b", 8, 1, 0, &[0x10; 160]);
    bench.send("b", 3, 2, 50_000, &[0xd0; 33]);
    bench.send("b", 8, 3, 320, &[0x10; 160]);
    let heads: Vec<_> = bench.hears_within("a", 60).iter().map(Heard::head).collect();
    assert_eq!(heads, [(0, false, 1, 0), (0, false, 2, 160), (0, false, 3, 320)]);
}

/// §10.6: what passes beside what is transcoded keeps its octets, marker, timestamp and SSRC, and its place in the numbers.
#[test]
fn rule_10_6_passing_beside_transcoding() {
    let mut bench = Bench::new();
    let more = format!("{PCMA},\"ptime\":40");
    bench.connect(("0 96=foo/8000 a:ptime:20", &more), ("8 96=foo/8000 a:ptime:40", ""));
    bench.send("a", 0, 1, 0, &[0x10; 160]);
    bench.send("a", 0, 2, 160, &[0x10; 160]);
    let source = Source { number: 96, sequence: 3, timestamp: 320, ssrc: 0x1234 };
    bench.send_as("a", true, &source, &[7; 33]);
    let heard = bench.hears_within("b", 60);
    let heads: Vec<_> = heard.iter().map(Heard::head).collect();
    assert_eq!(heads, [(8, false, 1, 0), (96, true, 2, 320)]);
    assert_eq!(heard[1].payload, [7; 33]);
}

/// §6: before the answer the sender's media passes; a re-offer leaves what goes from its sender as it was until the answer.
#[test]
fn rule_6_handlers_until_the_answer() {
    let mut bench = Bench::new();
    bench.offer("0", PCMA);
    // Early media: the answerer's handlers are there, the offerer hears a codec of its own.
    bench.answer("8", "");
    assert_eq!(becomes(&mut bench, TO_B, 0, 1, &[0x10; 160]), [8]);
    bench.re_offer("a", "b", "3", PCMA);
    assert_eq!(becomes(&mut bench, TO_B, 0, 2, &[0x10; 160]), [8], "still, though 0 is no more listed");
    assert_eq!(becomes(&mut bench, TO_B, 3, 3, &[0xd0; 33]), [3], "not yet transcoded");
    bench.answer("8", "");
    assert_eq!(becomes(&mut bench, TO_B, 3, 4, &[0xd0; 33]), [8]);
    assert_eq!(becomes(&mut bench, TO_A, 8, 5, &[0x10; 160]), [3]);
}

/// §6, §22(1): re-offers from either side that add and remove codecs.
#[test]
fn rule_6_re_offers() {
    let mut bench = Bench::new();
    assert_eq!(bench.offer(&format!("0 {TE}"), PCMA), shows(&format!("0 8 {TE}")));
    assert_eq!(bench.answer(&format!("8 {TE}"), ""), shows(&format!("0 {TE}")));
    // b offers anew what it has; a is asked about what it had, by the client's options.
    let shown = bench.re_offer("b", "a", &format!("8 {TE}"), &transcode("\"PCMU\""));
    assert_eq!(shown, shows(&format!("8 0 {TE}")));
    assert_eq!(bench.answer_back(&format!("0 {TE}"), ""), shows(&format!("8 {TE}")));
    assert_eq!(becomes(&mut bench, TO_B, 0, 1, &[0x10; 160]), [8]);
    assert_eq!(becomes(&mut bench, TO_A, 8, 2, &[0x10; 160]), [0]);
    // a can PCMA itself from now on.
    assert_eq!(bench.re_offer("a", "b", &format!("8 {TE}"), ""), shows(&format!("8 {TE}")));
    assert_eq!(bench.answer(&format!("8 {TE}"), ""), shows(&format!("8 {TE}")));
    assert_eq!(becomes(&mut bench, TO_B, 8, 3, &[0x10; 160]), [8]);
}

fn preferring(rules: &[(&str, &str, &str)]) -> Bench {
    Bench::with(|settings| {
        let mut config = TranscodeConfig::default();
        for (n, (source, destination, preference)) in rules.iter().enumerate() {
            let keys = [("source", *source), ("destination", *destination), ("preference", *preference)];
            config.add_section(&n.to_string(), &keys.into_iter()).expect("a rule");
        }
        settings.codecs =
            Arc::new(CodecSettings { transcode_config: config, ..CodecSettings::clone(&settings.codecs) });
    })
}

/// §11.1: preferences of pairs, their examples.
#[test]
fn rule_11_1_preferences() {
    let rules = [("AMR-WB", "L16/16000", "10"), ("AMR-WB", "PCMA", "20")];
    let mut bench = preferring(&rules);
    bench.connect(
        ("96=L16/16000 8", &transcode("\"AMR-WB\"")),
        ("97=AMR-WB/16000|octet-align=1;mode-change-capability=2", ""),
    );
    let mut frame = vec![0xf0, 0x04];
    frame.resize(2 + 17, 0);
    assert_eq!(becomes(&mut bench, TO_A, 97, 1, &frame), [8], "20 wins over 10");
    for (sink, expected) in [("96=iLBC/8000|mode=20 8", 8), ("8 0", 8), ("0 8", 0)] {
        let mut bench = preferring(&[("GSM", "iLBC", "-1")]);
        bench.connect((sink, &transcode("\"GSM\"")), ("3", ""));
        assert_eq!(becomes(&mut bench, TO_A, 3, 1, &[0xd0; 33]), [expected], "{sink}");
    }
    // A sink that takes the source's codec is not asked.
    let mut bench = preferring(&[("PCMU", "PCMA", "5")]);
    bench.connect(("0 8", ""), ("0 8", ""));
    assert_eq!(becomes(&mut bench, TO_B, 0, 1, &[0x10; 160]), [0]);
}

/// What a third party is offered of `a`'s or `b`'s stream, and the packets it gets.
struct Third {
    bench: Bench,
    tag: String,
}

impl Third {
    fn subscribe(mut bench: Bench, to: &str, more: &str) -> (Self, Vec<String>) {
        let comma = if more.is_empty() { "" } else { "," };
        let done = bench.desk.ask("subscribe request", &format!("\"from-tag\":\"{to}\"{comma}{more}"));
        assert_eq!(Desk::error(&done), "none");
        let reply = done.reply.to_dict();
        let body = reply.text("sdp").expect("an SDP").to_owned();
        let tag = reply.text("to-tag").expect("a tag").to_owned();
        (Self { bench, tag }, section(&body))
    }

    fn answers(&mut self, formats: &str, more: &str) {
        let sdp = sdp("10.0.0.3", 6000, formats).replace('\n', "\\r\\n");
        let comma = if more.is_empty() { "" } else { "," };
        let members = format!("\"to-tag\":\"{}\",\"sdp\":\"{sdp}a=recvonly\\r\\n\"{comma}{more}", self.tag);
        self.bench.done("subscribe answer", &members);
    }

    fn hears(&mut self, ms: u64) -> Vec<Heard> {
        let tag = self.tag.clone();
        self.bench.hears_within(&tag, ms)
    }
}

/// A subscriber gets what the source sends, not what the other party is made of it; with `transcode` in a codec of its own.
#[test]
fn subscribers_of_a_transcoded_stream() {
    let bench = Bench::call(("0", PCMA), ("8", ""));
    let (mut third, offered) = Third::subscribe(bench, "a", "");
    assert_eq!(offered, shows("0"));
    third.answers("0", "");
    third.bench.send("a", 0, 1000, 3000, &[0x00; 160]);
    let heard = third.hears(20);
    assert_eq!(
        (heard[0].head(), heard[0].ssrc, heard[0].payload.clone()),
        ((0, false, 1000, 3000), 0x1234, vec![0; 160])
    );
    assert_eq!(third.bench.heard("b")[0].payload, [0x2a; 160]);
    let bench = Bench::call(("0", PCMA), ("8", ""));
    let (mut third, offered) = Third::subscribe(bench, "a", &transcode("\"G722\""));
    assert_eq!(offered, shows("0 9"));
    third.answers("9", "\"flags\":[\"allow transcoding\"]");
    for n in 0..3_u16 {
        third.bench.send("a", 0, 1000 + n, 3000 + 160 * u32::from(n), &[0x10; 160]);
        third.bench.wait(20);
    }
    let heads: Vec<_> = third.hears(20).iter().map(Heard::head).collect();
    assert_eq!(heads, [(9, false, 1000, 3000), (9, false, 1001, 3160)]);
}

/// An egress subscriber gets what the other party gets: the very packets, transcoded once, later ones of a burst too.
#[test]
fn mirrors_of_a_transcoded_stream() {
    let mut bench = Bench::new();
    let more = format!("{PCMA},\"ptime\":20,\"ptime-reverse\":60");
    bench.connect((&format!("0 {TE} a:ptime:60"), &more), (&format!("8 {TE} a:ptime:20"), ""));
    let (mut third, offered) = Third::subscribe(bench, "a", "\"flags\":[\"egress\"]");
    assert_eq!(offered[0], "m=audio P RTP/AVP 0 101", "what the source sends");
    third.answers(&format!("0 {TE}"), "");
    third.bench.send("a", 0, 1000, 3000, &[0x00; 480]);
    third.bench.wait(60);
    third.bench.send("a", 101, 1001, 3480, &[5, 10, 0, 160]);
    let (mine, theirs) = (third.hears(20), third.bench.heard("b"));
    let content =
        |heard: &[Heard]| heard.iter().map(|p| (p.head(), p.ssrc, p.payload.clone())).collect::<Vec<_>>();
    assert_eq!(content(&mine), content(&theirs));
    assert_eq!(mine.len(), 4);
    assert_eq!(mine[2].head(), (8, false, 1002, 3320));
    assert_eq!(mine[3].number, 101);
}

/// One name with two sets of parameters: AMR in either layout on either side.
#[test]
fn layouts_of_amr_are_transcoded() {
    let mut bench = Bench::new();
    let added = "AMR/8000/1/12200//octet-align=1";
    assert_eq!(
        bench.offer("97=AMR/8000", &transcode(&format!("\"{added}\""))),
        shows("97=AMR/8000 96=AMR/8000|octet-align=1")
    );
    assert_eq!(bench.answer("96=AMR/8000|octet-align=1", ""), shows("97=AMR/8000"));
    // Bandwidth-efficient: CMR 15, mode 7.
    let mut frame = vec![0xf3, 0xc0];
    frame.resize(32, 0);
    bench.send("a", 97, 1, 0, &frame);
    let heard = bench.hears_within("b", 20);
    assert_eq!(heard[0].head(), (96, false, 1, 0));
    assert_eq!((heard[0].payload[0] >> 4, heard[0].payload[1], heard[0].payload.len()), (15, 7 << 3 | 4, 33));
    // And back.
    let mut frame = vec![0xf0, 7 << 3 | 4];
    frame.resize(33, 0);
    bench.send("b", 96, 1, 0, &frame);
    let heard = bench.hears_within("a", 20);
    assert_eq!(heard[0].head(), (97, false, 1, 0));
    assert_eq!(heard[0].payload[0] >> 4, 15);
}

/// §7.3: lists of a subscription: strip, mask, offer, transcode.
#[test]
fn rule_7_3_lists_of_subscriptions() {
    let shown = |codec: &str| {
        let bench = Bench::call((&format!("0 8 9 {TE}"), ""), (&format!("0 8 9 {TE}"), ""));
        Third::subscribe(bench, "a", &format!("\"codec\":{{{codec}}}")).1
    };
    assert_eq!(shown("\"strip\":[\"PCMU\"]"), shows(&format!("8 9 {TE}")));
    assert_eq!(shown("\"strip\":[\"all\"],\"offer\":[\"G722\"]"), shows("9"));
    assert_eq!(shown("\"mask\":[\"PCMU\",\"PCMA\"]"), shows(&format!("9 {TE}")));
    assert_eq!(shown("\"transcode\":[\"GSM\"]"), shows(&format!("0 8 9 3 {TE}")));
    assert_eq!(
        shown("\"strip\":[\"all\"],\"transcode\":[\"opus\"]"),
        shows("96=opus/48000/2|useinbandfec=1")
    );
}
