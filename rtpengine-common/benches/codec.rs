//! Cost of transcoding one packet of 20 ms.
#![allow(missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use rtpengine_common::codec::stream::{InPacket, Outgoing, Route, RtpTranscoder};
use rtpengine_common::codec::{CodecString, Linked};

/// Packets of 20 ms of a changing tone in this codec, made by transcoding PCMA.
fn packets(codec: &str) -> Vec<Vec<u8>> {
    let mut stream = stream("PCMA", codec);
    let mut out = Outgoing::new();
    let mut all = Vec::new();
    for n in 0..100u16 {
        let payload: Vec<u8> = (0..160u32).map(|k| (k * u32::from(n % 7 + 1) * 3 % 256) as u8).collect();
        out.clear();
        push(&mut stream, n, &payload, &mut out);
        all.extend(out.packets().map(|packet| packet.payload.to_vec()));
    }
    all
}

fn stream(from: &str, to: &str) -> RtpTranscoder {
    let codec = |text: &str| Arc::new(CodecString::parse(text).codec(&Linked));
    let route = Route {
        input_payload_type: 96,
        input: codec(from),
        input_ptime: 20,
        output_payload_type: 97,
        output: codec(to),
        output_ptime: 20,
        dtmf: None,
        cn: None,
        detect_tones: false,
    };
    RtpTranscoder::new(vec![route], None, false)
}

fn push(stream: &mut RtpTranscoder, n: u16, payload: &[u8], out: &mut Outgoing) {
    let packet = InPacket {
        payload_type: 96,
        marker: false,
        sequence_number: n,
        timestamp: u32::from(n) * 160,
        payload,
    };
    stream.push(Duration::from_millis(u64::from(n) * 20), &packet, out).expect("transcodes");
}

fn pairs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transcode 20 ms");
    for (from, to) in [
        ("PCMA", "PCMU"),
        ("PCMA", "G722"),
        ("G722", "PCMA"),
        ("PCMA", "opus"),
        ("opus", "PCMA"),
        ("PCMA", "G729"),
        ("PCMA", "AMR"),
        ("PCMA", "AMR-WB"),
        ("PCMA", "GSM"),
    ] {
        let supported = |text: &str| CodecString::parse(text).is_supported(&Linked);
        if !supported(from) || !supported(to) {
            continue;
        }
        let packets = packets(from);
        let (mut stream, mut out, mut n) = (stream(from, to), Outgoing::new(), 0u16);
        group.bench_function(format!("{from} -> {to}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                push(&mut stream, n, &packets[usize::from(n) % packets.len()], &mut out);
                n = n.wrapping_add(1);
                out.len()
            });
        });
    }
    group.finish();
}

/// What the first two packets of a stream cost: codecs are opened, filters are computed.
fn first_packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("first packets");
    for name in [
        "PCMU",
        "G722",
        "opus",
        "opus/48000/1",
        "G729",
        "AMR",
        "AMR-WB",
        "GSM",
        "speex/8000",
        "speex/16000",
        "iLBC",
        "G723",
        "L16/44100",
    ] {
        for (from, to) in [("PCMA", name), (name, "PCMA")] {
            let supported = |text: &str| CodecString::parse(text).is_supported(&Linked);
            if !supported(from) || !supported(to) {
                continue;
            }
            let packets = packets(from);
            group.bench_function(format!("{from} -> {to}"), |bencher| {
                bencher.iter_with_large_drop(|| {
                    let (mut stream, mut out) = (stream(from, to), Outgoing::new());
                    push(&mut stream, 0, &packets[0], &mut out);
                    push(&mut stream, 1, &packets[1], &mut out);
                    (stream, out)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, pairs, first_packets);
criterion_main!(benches);
