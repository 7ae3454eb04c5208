//! What parsing, extracting and printing of session descriptions costs: a browser's offer, a plain phone's, and the largest that fits a datagram.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use rtpengine_common::sdp::{ExtractOptions, ParseOptions, extract, parse};

const PLAIN: &str = "v=0\r\no=ua1 77 3 IN IP4 10.7.7.1\r\ns=demo\r\nc=IN IP4 10.7.7.1\r\nt=0 0\r\nm=audio 18000 RTP/AVP 8 0 101\r\n\
    a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// About 5 KB as Chrome writes it: audio and video in a bundle, ICE, DTLS.
fn browser() -> String {
    let mut body = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS s\r\n".to_owned();
    section(
        &mut body,
        "audio",
        "0",
        &[
            (111, "opus/48000/2"),
            (63, "red/48000/2"),
            (9, "G722/8000"),
            (0, "PCMU/8000"),
            (8, "PCMA/8000"),
            (13, "CN/8000"),
            (110, "telephone-event/48000"),
        ],
    );
    let video: Vec<(u8, &str)> =
        (96..=127).map(|number| (number, if number % 2 == 0 { "H264/90000" } else { "rtx/90000" })).collect();
    section(&mut body, "video", "1", &video);
    body
}

fn section(body: &mut String, kind: &str, mid: &str, codecs: &[(u8, &str)]) {
    let formats: String = codecs.iter().map(|(number, _)| format!(" {number}")).collect();
    let print = vec!["4A"; 32].join(":");
    let mut line =
        |text: std::fmt::Arguments<'_>| write!(body, "{text}\r\n").expect("a string takes everything");
    line(format_args!(
        "m={kind} 9 UDP/TLS/RTP/SAVPF{formats}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0"
    ));
    for port in 0..6 {
        line(format_args!(
            "a=candidate:{port} 1 udp 2122260223 192.0.2.{port} 5{port}000 typ host generation 0 network-id 1"
        ));
    }
    line(format_args!(
        "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlpP\r\na=ice-options:trickle\r\na=fingerprint:sha-256 {print}"
    ));
    line(format_args!(
        "a=setup:actpass\r\na=mid:{mid}\r\na=sendrecv\r\na=msid:s t\r\na=rtcp-mux\r\na=rtcp-rsize"
    ));
    for id in 1..12 {
        line(format_args!("a=extmap:{id} urn:ietf:params:rtp-hdrext:example-{id}"));
    }
    for (number, name) in codecs {
        line(format_args!(
            "a=rtpmap:{number} {name}\r\na=rtcp-fb:{number} nack pli\r\na=fmtp:{number} minptime=10;useinbandfec=1"
        ));
    }
    line(format_args!("a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\na=ssrc:3570614608 msid:s t"));
}

fn bench(criterion: &mut Criterion) {
    let large = format!("{PLAIN}{}", "a=X-unknown:value of it\r\n".repeat(2500));
    for (name, body) in [("plain", PLAIN.to_owned()), ("browser", browser()), ("64 KB", large)] {
        let body = body.as_bytes();
        let sdp = parse(body, &ParseOptions::default()).expect("valid");
        let mut group = criterion.benchmark_group(format!("sdp {name} ({} bytes)", body.len()));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("parse", |bencher| {
            bencher.iter(|| parse(black_box(body), &ParseOptions::default()).is_ok());
        });
        group.bench_function("extract", |bencher| {
            bencher.iter(|| extract(black_box(&sdp), &ExtractOptions::default()).is_ok());
        });
        group.bench_function("write", |bencher| bencher.iter(|| black_box(&sdp).write()));
        group.finish();
    }
}

#[allow(missing_docs)] // made by the macro
mod group {
    criterion::criterion_group!(benches, super::bench);
}
criterion::criterion_main!(group::benches);
