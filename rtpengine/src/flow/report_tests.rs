//! Reports through the plane: round trips, scores, generated RTCP (media-plane.md §13.5, §13.6).

use std::time::Duration;

use rtpengine_common::rtcp::{
    Compound, Element, NtpTime, ReportBlock, SdesItemType, SenderInfo, write_receiver_report,
    write_sender_report,
};

use crate::call::ids::{MediaId, StreamId};

use super::tests::*;
use super::*;

const A_SSRC: u32 = 0xaaaa;
const B_SSRC: u32 = 0xbbbb;

fn media_packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = rtp(PCMU, sequence, &[0; 160]);
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

fn sender_report(ssrc: u32, ntp: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let info = SenderInfo { ntp: NtpTime(ntp), ..SenderInfo::default() };
    write_sender_report(&mut out, ssrc, &info, &[]);
    out
}

fn receiver_report(reporter: u32, block: ReportBlock) -> Vec<u8> {
    let mut out = Vec::new();
    write_receiver_report(&mut out, reporter, &[block]);
    out
}

fn about(ssrc: u32, last_sr: u32, delay_ms: u64) -> ReportBlock {
    let delay_since_last_sr = NtpTime::delay_units(Duration::from_millis(delay_ms));
    ReportBlock {
        ssrc,
        last_sr,
        delay_since_last_sr,
        jitter: 120,
        fraction_lost: 8,
        ..ReportBlock::default()
    }
}

fn quality(call: &Fixture, media: u32, ssrc: u32) -> Option<&Quality> {
    call.plane.media(MediaId(media)).and_then(|media| media.ssrc_in.get(ssrc)).and_then(SsrcEntry::quality)
}

/// Both parties have sent a packet and a sender report.
fn talking() -> Fixture {
    let mut call = Fixture::new();
    call.receive(A_RTP, &media_packet(A_SSRC, 1));
    call.receive(B_RTP, &media_packet(B_SSRC, 1));
    call.receive(A_RTCP, &sender_report(A_SSRC, 0x1111_2222_0000));
    call.receive(B_RTCP, &sender_report(B_SSRC, 0x3333_4444_0000));
    call
}

#[test]
fn rule_13_6_both_legs_give_the_end_to_end_time_and_a_score() {
    let mut call = talking();
    call.after(1100);
    // A answers B's report 1000 ms after it got it: its leg takes 100 ms.
    call.receive(A_RTCP, &receiver_report(A_SSRC, about(B_SSRC, 0x3333_4444, 1000)));
    let first = quality(&call, 0, A_SSRC).expect("a sample").clone();
    assert_eq!((first.samples(), first.without_score()), (0, 1), "no time for the other leg yet");
    call.after(50);
    call.receive(B_RTCP, &receiver_report(B_SSRC, about(A_SSRC, 0x1111_2222, 1000)));
    let sample = *quality(&call, 1, B_SSRC).and_then(Quality::lowest).expect("a sample with score");
    assert!((149_900..=150_100).contains(&sample.rtt_leg_us), "{sample:?}");
    assert!((249_900..=250_200).contains(&sample.rtt_us), "{sample:?}");
    assert_eq!((sample.jitter_ms, sample.loss_percent), (15, 3));
    assert!((35..=36).contains(&sample.mos));
    assert_eq!((call.events.tally.quality.mos.count, call.events.tally.quality.jitter.sum), (1, 30));
}

#[test]
fn rule_13_6_2_no_sample_without_times_or_for_foreign_sources() {
    let mut call = talking();
    call.after(1100);
    for block in [
        about(B_SSRC, 0, 1000),
        ReportBlock { delay_since_last_sr: 0, ..about(B_SSRC, 0x3333_4444, 0) },
        about(0xcccc, 0x3333_4444, 1000),
    ] {
        call.receive(A_RTCP, &receiver_report(A_SSRC, block));
    }
    assert_eq!(quality(&call, 0, A_SSRC).map(|quality| quality.without_score() + quality.samples()), Some(0));
}

#[test]
fn rule_13_6_2_payload_types_must_be_known() {
    let mut call = talking();
    call.receive(A_RTP, &media_packet(0xdddd, 1));
    call.change(B_RTP, |spec| spec.payload_types = Some(std::sync::Arc::new(PayloadTypes::new([(8, 8000)]))));
    call.texts();
    call.receive(B_RTCP, &receiver_report(B_SSRC, about(A_SSRC, 0x1111_2222, 1)));
    assert_eq!(call.texts(), ["Invalid RTP payload type 0, discarding RTCP RR"]);
}

#[test]
fn listening_mode_scores_without_round_trip() {
    let mut call = talking();
    call.plane.set_mos(MosOptions { listening: true, formula: MosFormula::G107 });
    call.receive(A_RTCP, &receiver_report(A_SSRC, about(B_SSRC, 1, 1)));
    assert_eq!(quality(&call, 0, A_SSRC).map(Quality::samples), Some(1));
}

#[test]
fn reported_voip_metrics_replace_the_measured_time() {
    let mut call = talking();
    let mut xr = vec![0x80, 207, 0, 10];
    xr.extend(A_SSRC.to_be_bytes());
    xr.extend([7, 0, 0, 8]);
    xr.extend(B_SSRC.to_be_bytes());
    xr.resize(44, 0);
    xr[24..26].copy_from_slice(&77_u16.to_be_bytes());
    call.receive(A_RTCP, &xr);
    call.after(1100);
    call.receive(A_RTCP, &receiver_report(A_SSRC, about(B_SSRC, 0x3333_4444, 1000)));
    assert_eq!(quality(&call, 0, A_SSRC).and_then(Quality::lowest).map(|sample| sample.rtt_us), Some(77_000));
}

/// Both sides generate.
fn generating() -> Fixture {
    let mut call = Fixture::new();
    for stream in [A_RTP, B_RTP, A_RTCP, B_RTCP] {
        call.change(stream, |spec| (spec.generate_rtcp, spec.rtcp_terminated) = (true, true));
    }
    call
}

fn generate(call: &mut Fixture) -> Vec<Sent> {
    call.out.sent.clear();
    let mut spare = Packet::new();
    let mut turn = Turn { now: call.now, out: &mut call.out, events: &mut call.events, spare: &mut spare };
    let options = ReportOptions { interval: Duration::from_secs(5), cname: "0123456789ab", random: 999 };
    call.plane.generate_reports(&mut turn, &options);
    std::mem::take(&mut call.out.sent)
}

#[test]
fn rule_13_5_generated_reports_say_what_was_sent_and_received() {
    let mut call = generating();
    assert!(generate(&mut call).is_empty());
    for sequence in 1..=3 {
        call.receive(A_RTP, &media_packet(A_SSRC, sequence));
    }
    assert!(call.receive(A_RTCP, &sender_report(A_SSRC, 1)).is_empty(), "consumed");
    call.after(4999);
    assert!(generate(&mut call).is_empty());
    call.after(1001);
    let sent = generate(&mut call);
    assert_eq!(sent.len(), 1, "nothing is sent to A, so there is nothing to report to it");
    assert_eq!((sent[0].from, sent[0].to), to(B_RTCP));
    let compound = Compound::parse(&sent[0].bytes).expect("valid");
    let elements: Vec<_> = compound.packets().map(|packet| packet.element()).collect();
    let [Element::SenderReport(report), Element::SourceDescription(sdes)] = &elements[..] else {
        panic!("SR and SDES: {elements:?}");
    };
    assert_eq!((report.ssrc, report.blocks().count()), (A_SSRC, 0));
    assert_eq!((report.info.packet_count, report.info.octet_count, report.info.rtp_timestamp), (3, 516, 480));
    let chunk = sdes.chunks().next().expect("one chunk");
    let items: Vec<_> = chunk.items().map(|item| (item.item_type, item.value)).collect();
    assert_eq!((chunk.ssrc, items), (A_SSRC, vec![(SdesItemType::Cname, &b"0123456789ab"[..])]));
}

fn first_block(sent: &[Sent], to_stream: StreamId) -> ReportBlock {
    let packet = sent.iter().find(|packet| packet.from == to(to_stream).0).expect("a report");
    let compound = Compound::parse(&packet.bytes).expect("valid");
    let Some(Element::SenderReport(report)) = compound.packets().next().map(|packet| packet.element()) else {
        panic!("an SR");
    };
    report.blocks().next().expect("a block")
}

#[test]
fn rule_13_5_6_generated_reports_feed_each_other() {
    let mut call = generating();
    call.plane.set_mos(MosOptions { listening: true, formula: MosFormula::G107 });
    generate(&mut call);
    call.receive(A_RTP, &media_packet(A_SSRC, 1));
    call.receive(B_RTP, &media_packet(B_SSRC, 7));
    call.after(6000);
    let first = generate(&mut call);
    assert_eq!((first.len(), first_block(&first, A_RTCP).ssrc), (2, A_SSRC));
    assert_eq!(first_block(&first, A_RTCP).last_sr, 0, "no report about A's stream before");
    call.after(6000);
    let second = generate(&mut call);
    let block = first_block(&second, A_RTCP);
    assert!(block.last_sr != 0 && block.delay_since_last_sr != 0);
    assert_eq!(first_block(&second, B_RTCP).highest_sequence, 7);
    assert!(quality(&call, 0, A_SSRC).is_some_and(|quality| quality.samples() > 0));
}

#[test]
fn rule_13_5_5_muxed_reports_leave_from_the_rtp_socket() {
    let mut call = generating();
    call.plane.unlink(B_RTCP);
    generate(&mut call);
    call.receive(A_RTP, &media_packet(A_SSRC, 1));
    call.after(6000);
    assert_eq!(generate(&mut call)[0].from, to(B_RTP).0);
    assert!(call.plane.next_report().is_some_and(|due| due > call.now.instant));
}
