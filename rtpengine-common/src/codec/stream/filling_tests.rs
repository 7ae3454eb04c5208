//! Gaps through [`RtpTranscoder`] (`codecs.md` §16).

use std::time::Duration;

use super::tests::{EVENT, route};
use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn filling(noise: Option<&[u8]>) -> GapFilling {
    GapFilling {
        delay: ms(50),
        max: ms(1000),
        buffer: 10,
        lag: ms(100),
        shift: ms(5),
        noise: noise.map(Into::into),
        amr_noise: false,
    }
}

struct Source {
    transcoder: RtpTranscoder,
    out: Outgoing,
}

/// Payload number, sequence number, timestamp, moment in ms, payload.
type Left = (u8, u16, u32, u128, Vec<u8>);

impl Source {
    fn new(routes: Vec<Route>, filling: &GapFilling) -> Self {
        let known: Vec<_> = routes
            .iter()
            .map(|r| Known { payload_type: r.input_payload_type, audio: r.input.is_audio() })
            .collect();
        let mut transcoder = RtpTranscoder::new(routes, None, false);
        transcoder.fill_gaps(Some(filling), &known);
        Self { transcoder, out: Outgoing::new() }
    }

    fn push(&mut self, at: u64, number: u8, sequence_number: u16, timestamp: u32, payload: &[u8]) {
        let packet = InPacket { payload_type: number, marker: false, sequence_number, timestamp, payload };
        self.transcoder.push(ms(at), &packet, &mut self.out).unwrap();
    }

    /// All runs up to a moment, each at its time.
    fn run_until(&mut self, end: u64) -> Vec<Left> {
        self.run_as(end, false)
    }

    fn run_as(&mut self, end: u64, abandoned: bool) -> Vec<Left> {
        while let Some(due) = self.transcoder.next_run().filter(|due| *due <= ms(end)) {
            self.transcoder.run(due, abandoned, &mut self.out).unwrap();
        }
        let left = |p: OutPacket<'_>| {
            (p.payload_type, p.sequence_number, p.timestamp, p.send_at.as_millis(), p.payload.to_vec())
        };
        let all = self.out.packets().map(left).collect();
        self.out.clear();
        all
    }
}

fn heads(all: &[Left]) -> Vec<(u16, u32, u128)> {
    all.iter().map(|left| (left.1, left.2, left.3)).collect()
}

/// `codecs.md` §16.1(1, 2, 5), §16.2: silence where nothing comes, numbers without a gap, until the limit.
#[test]
fn rule_16_2_silence() {
    let mut source = Source::new(vec![route((8, "PCMA"), (0, "PCMU"), None)], &filling(None));
    source.push(0, 8, 100, 5000, &[0x2a; 160]);
    assert!(source.run_until(49).is_empty());
    let all = source.run_until(90);
    assert_eq!(heads(&all), [(100, 5000, 50), (101, 5160, 70), (102, 5320, 90)]);
    assert_ne!(all[0].4, all[1].4);
    assert_eq!((all[1].4.len(), all[1].4 == vec![0xff; 160]), (160, true), "digital silence");
    // The source comes back with the next number, three frames later.
    source.push(60, 8, 101, 5480, &[0x2a; 160]);
    let all = source.run_until(110);
    assert_eq!(heads(&all), [(103, 5480, 110)]);
    assert_eq!(all[0].4, vec![all[0].4[0]; 160]);
    assert_ne!(all[0].4[0], 0xff);
    source.run_until(2000);
    assert_eq!(source.transcoder.next_run(), None, "max-dtx is over");
    source.push(3000, 8, 102, 777, &[0x2a; 160]);
    let all = source.run_until(3050);
    assert_eq!((all[0].2, all[0].3), (777, 3050), "the position begins anew");
}

/// `codecs.md` §16.2: noise where there are parameters, never the same twice.
#[cfg(feature = "ffmpeg")]
#[test]
fn rule_16_2_noise() {
    for (number, name) in [(8, "PCMA"), (9, "G722")] {
        let mut source = Source::new(vec![route((number, name), (0, "PCMU"), None)], &filling(Some(&[20])));
        source.push(0, number, 1, 0, &[0xd5; 160]);
        let all = source.run_until(200);
        let (fill, next) = (&all[3].4, &all[4].4);
        assert!(fill.iter().any(|octet| *octet != fill[0]) && fill != next, "{name}");
        assert_eq!(fill.len(), 160);
    }
}

/// `codecs.md` §16.2: the codec's own frames; with `amr-dtx=CN` noise, also for SID frames.
#[cfg(feature = "ffmpeg")]
#[test]
fn rule_16_2_amr() {
    let sid = [0xf0, 0x44, 1, 2, 3, 4, 5];
    for amr_noise in [false, true] {
        let amr = route((96, "AMR/8000/1///octet-align=1"), (0, "PCMU"), None);
        let settings = GapFilling { amr_noise, ..filling(Some(&[10])) };
        let mut source = Source::new(vec![amr], &settings);
        source.push(0, 96, 1, 0, &sid);
        let all = source.run_until(90);
        assert_eq!(heads(&all), [(1, 0, 50), (2, 160, 70), (3, 320, 90)]);
        let loud = |left: &Left| left.4.iter().any(|octet| octet & 0x7f < 0x60);
        assert_eq!([loud(&all[0]), loud(&all[1])], [amr_noise; 2]);
    }
}

/// `codecs.md` §16.2: opus fills with noise alone.
#[cfg(feature = "opus")]
#[test]
fn rule_16_2_opus() {
    let mut source = Source::new(vec![route((96, "opus"), (0, "PCMU"), None)], &filling(None));
    // RFC 6716 §3.1: a 20 ms frame of silk that is lost.
    source.push(0, 96, 1, 0, &[0x08]);
    let all = source.run_until(500);
    assert!(all.len() <= 1, "{}", all.len());
}

/// `codecs.md` §16.1(6): another number or source takes over.
#[test]
fn rule_16_1_6_taken_over() {
    let routes = || vec![route((8, "PCMA"), (0, "PCMU"), None), route((96, "PCMA"), (0, "PCMU"), None)];
    let mut source = Source::new(routes(), &filling(None));
    source.push(0, 8, 1, 0, &[0xd5; 160]);
    assert_eq!(source.run_until(50).len(), 1);
    source.push(60, 96, 2, 160, &[0xd5; 160]);
    let all = source.run_until(125);
    assert!(all.iter().all(|left| left.3 >= 110), "the first number fills no more: {all:?}");
    let mut source = Source::new(routes(), &filling(None));
    source.push(0, 8, 1, 0, &[0xd5; 160]);
    assert!(source.run_as(500, true).is_empty());
    assert_eq!(source.transcoder.next_run(), None);
}

/// `codecs.md` §16.1(8), §10.7: unknown numbers are dropped, known ones that only pass are not.
#[test]
fn rule_16_1_8_unknown_numbers() {
    let mut source = Source::new(vec![route((8, "PCMA"), (0, "PCMU"), None)], &filling(None));
    source.push(0, 99, 1, 0, &[1, 2, 3]);
    assert!(source.run_until(500).is_empty());
    source.transcoder.fill_gaps(Some(&filling(None)), &[Known { payload_type: 99, audio: false }]);
    source.push(500, 99, 2, 0, &[1, 2, 3]);
    assert_eq!(source.run_until(500).len(), 1);
}

/// `codecs.md` §16.1: events take their turn in the queue of their audio.
#[test]
fn rule_16_1_events_in_the_queue() {
    let routes = vec![route((8, "PCMA"), (0, "PCMU"), Some(101)), route((96, EVENT), (0, "PCMU"), Some(101))];
    let mut source = Source::new(routes, &filling(None));
    source.push(0, 8, 1, 0, &[0xd5; 160]);
    source.push(20, 96, 2, 160, &[5, 10, 0, 160]);
    source.push(40, 96, 3, 160, &[5, 10, 1, 64]);
    source.push(60, 96, 4, 160, &[5, 0x8a, 1, 224]);
    let all = source.run_until(110);
    let seen: Vec<_> = all.iter().map(|left| (left.0, left.1, left.2, left.3)).collect();
    assert_eq!(seen, [(0, 1, 0, 50), (101, 2, 160, 70), (101, 3, 160, 90), (101, 4, 160, 110)]);
}
