//! Cost of codec negotiation: offer, answer and both handler tables for one media.
#![allow(missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rtpengine::call::codecs::{
    CodecOptions, Environment, HandlerPolicy, MediaCodecs, SdpCodec, Section, TranscodeConfig, answer,
    handlers, offer,
};
use rtpengine_common::codec::{CodecDef, Support};

const NAMES: [&str; 10] =
    ["PCMA", "opus", "VP-audio", "G722", "telephone-event", "AMR", "speex", "unknown-codec", "GSM", "iLBC"];

fn section(count: u8) -> Vec<SdpCodec<'static>> {
    let codec = |n: u8| SdpCodec {
        payload_type: n,
        rtpmap: Some((NAMES[usize::from(n) % NAMES.len()], 8000 * (1 + u32::from(n) / 10), 1)),
        fmtp: n.is_multiple_of(2).then_some("octet-align=1;mode-set=0,2,4"),
        rtcp_fb: &[],
    };
    (0..count).map(codec).collect()
}

fn exchange(criterion: &mut Criterion) {
    let support = |_: &CodecDef| Support::FULL;
    let config = TranscodeConfig::default();
    let environment = Environment { support: &support, transcode_config: &config };
    let policy = HandlerPolicy::default();
    let plain = CodecOptions::default();
    let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect();
    let busy = CodecOptions {
        strip: names(&["all"]),
        offer: names(&["PCMA", "telephone-event"]),
        transcode: names(&["opus", "G722", "PCMU"]),
        ..CodecOptions::default()
    };
    let mut group = criterion.benchmark_group("offer+answer+handlers");
    for (name, options) in [("plain", &plain), ("strip and transcode", &busy)] {
        for count in [4, 20, 100] {
            let codecs = section(count);
            let section = Section { codecs: &codecs, ..Section::default() };
            group.bench_with_input(BenchmarkId::new(name, count), &section, |bencher, section| {
                bencher.iter(|| {
                    let (mut a, mut b) = (MediaCodecs::new(true), MediaCodecs::new(true));
                    offer(&mut a, &mut b, section, options, &environment);
                    let to_sender = handlers(&b, &a, &policy, &environment);
                    answer(&mut b, &mut a, section, &plain, &policy, &environment);
                    let tables =
                        (handlers(&b, &a, &policy, &environment), handlers(&a, &b, &policy, &environment));
                    (to_sender, tables, a, b)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, exchange);
criterion_main!(benches);
