//! Cost of protecting and unprotecting one packet of 20 ms G.711 (172 bytes) per suite.

#![allow(missing_docs, reason = "criterion_group! makes an undocumented function")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rtpengine_common::rtp::{PacketIndex, RtpHeader};
use rtpengine_common::srtp::{Context, MAX_OVERHEAD, MasterKey, Parameters, SUITES};

const LEN: usize = 172;

fn packet() -> [u8; LEN + MAX_OVERHEAD] {
    let header = RtpHeader { ssrc: 0x1234_5678, sequence_number: 1000, ..RtpHeader::default() };
    let mut room = [0xd5; LEN + MAX_OVERHEAD];
    room[..12].copy_from_slice(&header.to_bytes());
    room
}

fn suites(criterion: &mut Criterion) {
    let index = PacketIndex::from_raw(1000);
    let mut group = criterion.benchmark_group("srtp");
    group.throughput(Throughput::Elements(1));
    for info in &SUITES {
        let key = MasterKey::generate(info.suite, |bytes| bytes.fill(0x5a));
        let context = Context::new(&Parameters::plain(info.suite, key)).expect("key of the suite");
        group.bench_function(format!("protect/{}", info.name), |bench| {
            let mut room = packet();
            // Each turn enciphers what the turn before left: the cost does not depend on the bytes.
            bench.iter(|| black_box(context.protect_rtp(&mut room, LEN, black_box(index))));
        });
        let mut room = packet();
        let len = context.protect_rtp(&mut room, LEN, index).expect("room for the tag");
        group.bench_function(format!("unprotect/{}", info.name), |bench| {
            bench.iter_batched_ref(
                || room,
                |room| black_box(context.unprotect_rtp(&mut room[..len], index)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn derivation(criterion: &mut Criterion) {
    for info in &SUITES {
        let key = MasterKey::generate(info.suite, |bytes| bytes.fill(0x5a));
        let parameters = Parameters::plain(info.suite, key);
        criterion.bench_function(&format!("derive/{}", info.name), |bench| {
            bench.iter(|| black_box(Context::new(&parameters)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(1))
        .warm_up_time(std::time::Duration::from_millis(300));
    targets = suites, derivation
}
criterion_main!(benches);
