//! Every digit, at every volume and length, through every codec: event, tone, codec, tone, event (`codecs.md` §§18.2, 18.4).

use std::sync::Arc;
use std::time::Duration;

use crate::codec::engine::proofs::in_parallel;
use crate::codec::engine::tests::codecs;
use crate::codec::stream::{InPacket, Outgoing, Route, RtpTranscoder};
use crate::codec::{Codec, CodecString, Linked};

fn codec(name: &str) -> Codec {
    CodecString::parse(name).codec(&Linked)
}

fn route(from: (u8, &Codec), to: (u8, &Codec), dtmf: Option<u8>) -> Route {
    Route {
        input_payload_type: from.0,
        input_ptime: from.1.packet_time(from.0, 0),
        input: Arc::new(from.1.clone()),
        output_payload_type: to.0,
        output_ptime: to.1.packet_time(to.0, 0),
        output: Arc::new(to.1.clone()),
        dtmf,
        cn: None,
        detect_tones: dtmf.is_some(),
    }
}

/// Two relays with a codec between them: the first makes tones of events, the second events of tones.
struct Way {
    first: RtpTranscoder,
    second: RtpTranscoder,
    now: Duration,
    sequence: u16,
    timestamp: u32,
    /// Digits with their volume and length in ms, by the timestamp of their event.
    heard: Vec<(u32, u8, u8, u32)>,
}

impl Way {
    fn through(between: &Codec) -> Self {
        let (pcmu, event) = (codec("PCMU"), codec("telephone-event"));
        let there = vec![route((0, &pcmu), (96, between), None), route((101, &event), (96, between), None)];
        let back = vec![route((96, between), (0, &pcmu), Some(97))];
        Self {
            first: RtpTranscoder::new(there, None, false),
            second: RtpTranscoder::new(back, None, false),
            now: Duration::ZERO,
            sequence: 0,
            timestamp: 0,
            heard: Vec::new(),
        }
    }

    fn packet(&mut self, payload_type: u8, payload: &[u8]) {
        let (sequence_number, timestamp) = (self.sequence, self.timestamp);
        let packet = InPacket { payload_type, marker: false, sequence_number, timestamp, payload };
        let (mut between, mut out) = (Outgoing::new(), Outgoing::new());
        self.first.push(self.now, &packet, &mut between).unwrap();
        for tone in between.packets() {
            let packet = InPacket {
                payload_type: tone.payload_type,
                marker: tone.marker,
                sequence_number: tone.sequence_number,
                timestamp: tone.timestamp,
                payload: tone.payload,
            };
            self.second.push(self.now, &packet, &mut out).unwrap();
        }
        for packet in out.packets().filter(|packet| packet.payload_type == 97) {
            let &[event, flags, high, low] = packet.payload else { panic!("{packet:?}") };
            let length = u32::from(u16::from_be_bytes([high, low])) / 8;
            let heard = (packet.timestamp, event, flags & 0x3f, length);
            match self.heard.iter_mut().find(|(timestamp, ..)| *timestamp == packet.timestamp) {
                Some(known) => *known = heard,
                None => self.heard.push(heard),
            }
        }
        self.now += Duration::from_millis(20);
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn silence(&mut self, ms: u32) {
        for _ in 0..ms / 20 {
            self.packet(0, &[0xff; 160]);
            self.timestamp = self.timestamp.wrapping_add(160);
        }
    }

    fn digit(&mut self, event: u8, volume: u8, ms: u32) {
        let packets = ms / 20;
        for n in 1..=packets {
            let [high, low] = u16::try_from(n * 160).unwrap_or(u16::MAX).to_be_bytes();
            let end = if n == packets { 0x80 } else { 0 };
            self.packet(101, &[event, volume | end, high, low]);
        }
        self.timestamp = self.timestamp.wrapping_add(packets * 160);
    }
}

/// Whether a codec carries a tone of this volume (-dBm0) and length so that the reference detector hears one digit. Models of speech lose
/// or break some, and the differences of few bits do not reach full scale.
fn carries(codec: &Codec, volume: u8, ms: u32) -> bool {
    match (&*codec.name, codec.clock) {
        ("G729" | "G729a", _) => matches!(ms, 100 | 200),
        ("AMR", _) => ms == 100 && volume <= 22,
        ("AMR-WB", _) => volume >= 4,
        ("G723", _) => ms <= 200,
        ("G726-16" | "G726-24" | "G726-32", _) => volume >= 4,
        // At the bit rate that is its default here.
        ("speex", 32_000) => false,
        _ => true,
    }
}

#[test]
fn every_digit_volume_length_and_codec() {
    let volumes = [0, 4, 10, 16, 22, 28];
    let lengths = [60, 100, 200, 400];
    let all = |codec: &Codec| {
        let codec = codec.clone();
        let pairs = volumes.into_iter().flat_map(|volume| lengths.map(|ms| (volume, ms)));
        pairs.filter(move |(volume, ms)| carries(&codec, *volume, *ms)).collect::<Vec<_>>()
    };
    let jobs: Vec<_> = codecs().into_iter().map(|codec| (all(&codec), codec)).collect();
    assert!(jobs.iter().map(|(pairs, _)| pairs.len()).sum::<usize>() > 350, "too little is carried");
    in_parallel("codecs that carry digits", &jobs, |(pairs, between)| {
        for &(volume, ms) in pairs {
            let mut way = Way::through(between);
            way.silence(200);
            for event in 0..16 {
                way.digit(event, volume, ms);
                way.silence(200);
            }
            let name = || format!("{}/{} at {volume}, {ms} ms: {:?}", between.name, between.clock, way.heard);
            assert!(way.heard.iter().map(|heard| heard.1).eq(0..16), "{}", name());
            // Detection takes one frame more or less at both ends. The level is that of the event, but that codecs of few bits
            // make it softer or louder, and one of two channels is 3 dB softer.
            assert!(way.heard.iter().all(|heard| heard.3.abs_diff(ms) <= 40), "{}", name());
            assert!(way.heard.iter().all(|heard| heard.2.abs_diff(volume) <= 4), "{}", name());
        }
    });
}
