//! Streams of packets through [`RtpTranscoder`].

use super::*;
use crate::codec::engine::CodecError;
use crate::codec::{CodecString, Linked};
use std::time::Duration;

pub(super) fn codec(text: &str) -> Arc<Codec> {
    Arc::new(CodecString::parse(text).codec(&Linked))
}

pub(super) fn route(from: (u8, &str), to: (u8, &str), dtmf: Option<u8>) -> Route {
    let (input, output) = (codec(from.1), codec(to.1));
    Route {
        input_payload_type: from.0,
        input_ptime: input.packet_time(from.0, 0),
        input,
        output_payload_type: to.0,
        output_ptime: output.packet_time(to.0, 0),
        output,
        dtmf,
        cn: None,
        detect_tones: false,
    }
}

pub(super) struct Stream {
    pub(super) transcoder: RtpTranscoder,
    pub(super) now: Duration,
}

/// Payload number, marker, sequence number, timestamp, length of payload.
pub(super) type Seen = (u8, bool, u16, u32, usize);

impl Stream {
    pub(super) fn new(routes: Vec<Route>) -> Self {
        Self { transcoder: RtpTranscoder::new(routes, None, false), now: Duration::ZERO }
    }

    pub(super) fn raw(
        &mut self,
        number: u8,
        marker: bool,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
    ) -> Result<Vec<(Seen, Vec<u8>)>, CodecError> {
        let mut out = Outgoing::new();
        let packet = InPacket { payload_type: number, marker, sequence_number: sequence, timestamp, payload };
        self.transcoder.push(self.now, &packet, &mut out)?;
        self.now += Duration::from_millis(20);
        let seen = |p: OutPacket<'_>| {
            ((p.payload_type, p.marker, p.sequence_number, p.timestamp, p.payload.len()), p.payload.to_vec())
        };
        Ok(out.packets().map(seen).collect())
    }

    pub(super) fn audio(&mut self, number: u8, sequence: u16, timestamp: u32) -> Vec<Seen> {
        let all = self.raw(number, false, sequence, timestamp, &[0xd5; 160]).unwrap();
        all.into_iter().map(|(seen, _)| seen).collect()
    }

    /// An event packet; payloads that come out are returned.
    pub(super) fn event(
        &mut self,
        number: u8,
        sequence: u16,
        timestamp: u32,
        payload: [u8; 4],
    ) -> Vec<(Seen, Vec<u8>)> {
        self.raw(number, payload[3] == 160, sequence, timestamp, &payload).unwrap()
    }
}

pub(super) const EVENT: &str = "telephone-event";

/// `codecs.md` §§14.2, 14.3: numbers and timestamps start from the input's, a jump in time does not show, a loss does.
#[test]
fn rules_14_2_and_14_3() {
    let mut stream = Stream::new(vec![route((8, "PCMA"), (0, "PCMU"), None)]);
    assert_eq!(stream.audio(8, 1000, 5000), [(0, false, 1000, 5000, 160)]);
    assert_eq!(stream.audio(8, 1001, 5160), [(0, false, 1001, 5160, 160)]);
    assert_eq!(stream.audio(8, 1002, 99_000), [(0, false, 1002, 5320, 160)], "a jump in time");
    assert_eq!(stream.audio(8, 1003, 20), [(0, false, 1003, 5480, 160)]);
    assert_eq!(stream.audio(8, 1004, 180), [(0, false, 1004, 5640, 160)]);
    // 1005 is lost; once time has gone on enough the rest leaves with a gap in the numbers alone.
    assert!(stream.audio(8, 1006, 500).is_empty());
    let rest: Vec<_> = (1007..1016).flat_map(|n| stream.audio(8, n, u32::from(n))).collect();
    assert_eq!(rest.first(), Some(&(0, false, 1006, 5800, 160)));
    assert_eq!(rest.len(), 10);
    assert_eq!(stream.transcoder.counters().skips, 1);
    // Another world of numbers: the output goes on.
    let last = rest.last().unwrap();
    let next = stream.audio(8, 40_000, 77);
    assert_eq!(next, [(0, false, last.2 + 1, last.3 + 160, 160)]);
}

/// `codecs.md` §10.5: two source numbers that lead to one number share encoder, numbers and timestamps.
#[test]
fn rule_10_5_shared_encoder() {
    let routes = vec![route((8, "PCMA"), (0, "PCMU"), None), route((96, "PCMA"), (0, "PCMU"), None)];
    let mut stream = Stream::new(routes);
    assert_eq!(stream.audio(8, 1, 0), [(0, false, 1, 0, 160)]);
    assert_eq!(stream.audio(96, 2, 70_000), [(0, false, 2, 160, 160)]);
    assert_eq!(stream.audio(8, 3, 320), [(0, false, 3, 320, 160)]);
}

/// `codecs.md` §10.6: what is not transcoded keeps its timestamp and follows in the numbers.
#[test]
fn rule_10_6_tracking() {
    let mut pcma = route((8, "PCMA"), (8, "PCMA"), None);
    pcma.output_ptime = 40;
    let mut stream = Stream::new(vec![pcma]);
    assert_eq!(stream.audio(8, 1, 0), []);
    assert_eq!(stream.audio(8, 2, 160), [(8, false, 1, 0, 320)]);
    assert_eq!(stream.audio(99, 3, 777), [(99, false, 2, 777, 160)]);
}

/// `codecs.md` §6: equal routes go on, others begin anew at the input's timestamp; numbers go on in any case.
#[test]
fn rule_6_new_routes() {
    let mut stream = Stream::new(vec![route((8, "PCMA"), (0, "PCMU"), None)]);
    stream.audio(8, 1, 0);
    stream.audio(8, 2, 1_000_000);
    stream.transcoder.set_routes(vec![route((8, "PCMA"), (0, "PCMU"), None)]);
    assert_eq!(stream.audio(8, 3, 2_000_000), [(0, false, 3, 320, 160)]);
    stream.transcoder.set_routes(vec![route((8, "PCMA"), (96, "PCMU"), None)]);
    assert_eq!(stream.audio(8, 4, 3_000_000), [(96, false, 4, 3_000_000, 160)]);
}

/// `codecs.md` §14.5: a burst of packets is spread.
#[test]
fn rule_14_5_bursts_are_spread() {
    let mut pcma = route((8, "PCMA"), (0, "PCMU"), None);
    pcma.input_ptime = 60;
    let mut transcoder = RtpTranscoder::new(vec![pcma], None, false);
    let mut out = Outgoing::new();
    let payload = [0xd5; 480];
    let packet =
        InPacket { payload_type: 8, marker: true, sequence_number: 7, timestamp: 0, payload: &payload };
    transcoder.push(Duration::from_millis(5), &packet, &mut out).unwrap();
    let times: Vec<_> = out.packets().map(|p| (p.send_at.as_millis(), p.marker, p.sequence_number)).collect();
    assert_eq!(times, [(5, false, 7), (25, false, 8), (45, false, 9)]);
}

/// `codecs.md` §18.3: events stay events, in the audio's own position and clock.
#[cfg(feature = "opus")]
#[test]
fn rule_18_3_events_to_events() {
    let routes =
        vec![route((8, "PCMA"), (96, "opus"), Some(97)), route((101, EVENT), (96, "opus"), Some(97))];
    let mut stream = Stream::new(routes);
    // Before any audio everything stays as received.
    let early = stream.event(101, 10, 4000, [1, 10, 0, 160]);
    assert_eq!(early, [((97, true, 10, 4000, 4), vec![1, 10, 0, 160])]);
    stream.event(101, 11, 4000, [1, 0x8a, 0, 160]);
    assert_eq!(stream.audio(8, 12, 8000).first().map(|p| (p.0, p.2, p.3)), Some((96, 12, 8000)));
    let position = 8000 + 960;
    let event = |payload: Vec<u8>, sequence, marker| ((97, marker, sequence, position, 4), payload);
    assert_eq!(stream.event(101, 13, 8160, [5, 10, 0, 160]), [event(vec![5, 10, 3, 192], 13, true)]);
    assert_eq!(stream.audio(8, 14, 8160), [], "audio is left out while the event runs");
    assert_eq!(stream.event(101, 15, 8160, [5, 10, 1, 64]), [event(vec![5, 10, 7, 128], 14, false)]);
    for sequence in [16, 17] {
        let end = stream.event(101, sequence, 8160, [5, 0x8a, 1, 64]);
        assert_eq!(end, [event(vec![5, 0x8a, 7, 128], sequence - 1, false)]);
    }
    let after = stream.audio(8, 18, 8480);
    assert_eq!(after.first().map(|p| (p.0, p.2, p.3)), Some((96, 17, position + 1920)));
}

/// `codecs.md` §18.2: events become tones of exactly their growth, repeated ends add nothing, audio is suppressed.
#[test]
fn rule_18_2_events_to_tones() {
    let routes = vec![route((8, "PCMA"), (0, "PCMU"), None), route((101, EVENT), (0, "PCMU"), None)];
    let mut stream = Stream::new(routes);
    assert_eq!(stream.audio(8, 1, 0).len(), 1);
    let first = stream.event(101, 2, 160, [1, 10, 0, 160]);
    assert_eq!(first.iter().map(|(seen, _)| *seen).collect::<Vec<_>>(), [(0, false, 2, 160, 160)]);
    let mut tone = Vec::new();
    Sound::of_event(1).append(0, 160, 8000, 1, 10, &mut tone);
    let mut expected = Vec::new();
    crate::codec::engine::g711::Law::Mu.encode_into(&tone, &mut expected);
    assert_eq!(first[0].1, expected);
    assert_eq!(stream.audio(8, 3, 320), []);
    let second = stream.event(101, 4, 160, [1, 10, 1, 64]);
    assert_eq!(second.iter().map(|(seen, _)| *seen).collect::<Vec<_>>(), [(0, false, 3, 320, 160)]);
    assert_eq!(stream.event(101, 5, 160, [1, 0x8a, 1, 64]), []);
    assert_eq!(stream.event(101, 6, 160, [1, 0x8a, 1, 64]), []);
    assert_eq!(stream.audio(8, 7, 480), [(0, false, 4, 480, 160)]);
    let jump = stream.raw(101, true, 8, 640, &[2, 10, 0xff, 0xff]);
    assert!(matches!(jump, Err(CodecError::Payload(_))), "grows by more than a second");
    assert!(stream.raw(101, false, 9, 640, &[2, 10]).is_err());
}

/// `codecs.md` §18.2(4): an event far away in time suppresses nothing.
#[test]
fn rule_18_2_4_distance() {
    let routes = vec![route((8, "PCMA"), (0, "PCMU"), None), route((101, EVENT), (0, "PCMU"), None)];
    let mut stream = Stream::new(routes);
    stream.audio(8, 1, 0);
    stream.event(101, 2, 160, [1, 10, 0, 160]);
    assert_eq!(stream.audio(8, 3, 160 + 80_000), []);
    assert_eq!(stream.audio(8, 4, 160 + 80_001).len(), 1);
    assert_eq!(stream.audio(8, 5, 320).len(), 1, "and it stays so");
}

/// `codecs.md` §18.4: tones in PCMA become events, also after resampling; three end packets, then audio where the event ends.
#[cfg(feature = "spandsp")]
#[test]
fn rule_18_4_tones_to_events() {
    use crate::codec::engine::g711::Law;
    for to in ["PCMA", "G722", "opus"] {
        if !codec(to).is_supported() {
            continue;
        }
        let mut pcma = route((8, "PCMA"), (96, to), Some(97));
        pcma.detect_tones = true;
        let units = pcma.output.clock / 50;
        let mut samples = vec![0; 320];
        Sound::of_event(7).append(0, 800, 8000, 1, 10, &mut samples);
        samples.extend([0; 1600]);
        let mut payload = Vec::new();
        Law::A.encode_into(&samples, &mut payload);
        let mut stream = Stream::new(vec![pcma]);
        let mut all = Vec::new();
        for (n, frame) in (0u16..).zip(payload.chunks(160)) {
            all.extend(stream.raw(8, false, 500 + n, 7000 + u32::from(n) * 160, frame).unwrap());
        }
        let numbers: Vec<_> = all.iter().map(|(p, _)| p.2).collect();
        let consecutive: Vec<_> = (500..).take(all.len()).collect();
        assert_eq!(numbers, consecutive, "{to}");
        let events: Vec<_> = all.iter().filter(|(p, _)| p.0 == 97).collect();
        assert!((7..=9).contains(&events.len()), "{to}: {} events for five frames of tone", events.len());
        let start = events[0].0.3;
        assert!((7000 + 3 * units..=7000 + 5 * units).contains(&start), "{to}: {start}");
        assert!(events.iter().all(|(p, octets)| p.3 == start && octets[0] == 7));
        assert!(events.iter().enumerate().all(|(n, (p, _))| p.1 == (n == 0)), "one marker");
        let duration = |octets: &[u8]| u32::from(u16::from_be_bytes([octets[2], octets[3]]));
        let ends: Vec<_> = events.iter().filter(|(_, octets)| octets[1] & 0x80 != 0).collect();
        assert_eq!(ends.len(), 3);
        let total = duration(&ends[0].1);
        assert_eq!(total, units * (events.len() as u32 - 2));
        assert!(ends.iter().all(|(_, octets)| duration(octets) == total));
        let after = all.iter().skip_while(|(p, _)| p.0 != 97).find(|(p, _)| p.0 == 96).unwrap();
        assert_eq!(after.0.3, start + total, "{to}");
        let seen: Vec<_> = stream.transcoder.seen_events().collect();
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].event, u32::from(seen[0].duration)), (7, total));
    }
}

/// `codecs.md` §16.4.
#[test]
fn rule_16_4_silence_detection() {
    assert_eq!(SilenceDetection::new(0.0, &[32]), None);
    assert_eq!(SilenceDetection::new(100.0, &[32]), None);
    let silence = SilenceDetection::new(1.0, &[32]).unwrap();
    assert_eq!(silence.threshold, 655);
    let mut pcma = route((8, "PCMA"), (0, "PCMU"), None);
    pcma.cn = Some(13);
    let mut transcoder = RtpTranscoder::new(vec![pcma], Some(silence), false);
    let mut push = |sequence: u16, payload: &[u8]| {
        let mut out = Outgoing::new();
        let packet = InPacket {
            payload_type: 8,
            marker: false,
            sequence_number: sequence,
            timestamp: u32::from(sequence) * 160,
            payload,
        };
        transcoder.push(Duration::ZERO, &packet, &mut out).unwrap();
        let all: Vec<_> = out
            .packets()
            .map(|p| (p.payload_type, p.sequence_number, p.timestamp, p.payload.to_vec()))
            .collect();
        all
    };
    assert_eq!(push(1, &[0xd5; 160]), [(13, 1, 160, vec![32])]);
    let mut loud = [0xd5; 160];
    loud[77] = 0x2a;
    assert_eq!(push(2, &loud)[0].0, 0);
    assert_eq!(push(3, &[0xd5; 160]), [(13, 3, 480, vec![32])]);
}

/// `codecs.md` §15(2): a duplicate event packet that stays an event is sent on, one that becomes a tone is not.
#[test]
fn rule_15_2_duplicate_events() {
    for (dtmf, expected) in [(Some(96), 1), (None, 0)] {
        let routes = vec![route((8, "PCMA"), (0, "PCMU"), dtmf), route((101, EVENT), (0, "PCMU"), dtmf)];
        let mut stream = Stream::new(routes);
        stream.audio(8, 1, 0);
        stream.event(101, 2, 160, [1, 10, 0, 160]);
        assert_eq!(stream.event(101, 2, 160, [1, 10, 0, 160]).len(), expected);
        assert_eq!(stream.audio(8, 1, 0).len(), 0);
    }
}
