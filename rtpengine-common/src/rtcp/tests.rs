use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn block() -> ReportBlock {
    ReportBlock {
        ssrc: 0x1122_3344,
        fraction_lost: 12,
        cumulative_lost: -2,
        highest_sequence: 0x0001_ff00,
        jitter: 77,
        last_sr: 0xaabb_ccdd,
        delay_since_last_sr: 65_536,
    }
}

fn info() -> SenderInfo {
    SenderInfo { ntp: NtpTime(0xe000_0000_8000_0000), rtp_timestamp: 160, packet_count: 3, octet_count: 516 }
}

/// SR, SDES, feedback, BYE.
fn compound() -> Vec<u8> {
    let mut out = Vec::new();
    write_sender_report(&mut out, 7, &info(), &[block(), block()]);
    write_sdes(&mut out, &[(7, &[(SdesItemType::Cname, b"0123456789ab"), (SdesItemType::Mid, b"a1")])]);
    write_feedback(&mut out, PacketType::PayloadFeedback, 1, 7, 8, &[]);
    write_bye(&mut out, &[7], Some(b"gone"));
    out
}

#[test]
fn written_packets_read_back() {
    let bytes = compound();
    let compound = Compound::parse(&bytes).unwrap();
    assert_eq!(compound.as_bytes(), bytes);
    let mut packets = compound.packets().map(|packet| packet.element());
    let Some(Element::SenderReport(report)) = packets.next() else { panic!("SR") };
    assert_eq!((report.ssrc, report.info), (7, info()));
    assert_eq!(report.blocks().collect::<Vec<_>>(), [block(), block()]);
    let Some(Element::SourceDescription(sdes)) = packets.next() else { panic!("SDES") };
    let chunks: Vec<_> = sdes.chunks().collect();
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].ssrc, 7);
    let items: Vec<_> = chunks[0].items().map(|item| (item.item_type, item.value)).collect();
    assert_eq!(items, [(SdesItemType::Cname, &b"0123456789ab"[..]), (SdesItemType::Mid, &b"a1"[..])]);
    let Some(Element::PayloadFeedback(feedback)) = packets.next() else { panic!("PSFB") };
    assert!(matches!(feedback.kind(), FeedbackKind::Pli));
    assert_eq!((feedback.sender_ssrc, feedback.media_ssrc), (7, 8));
    let Some(Element::Bye(bye)) = packets.next() else { panic!("BYE") };
    assert_eq!(bye.sources().collect::<Vec<_>>(), [7]);
    assert_eq!(bye.reason(), Some(&b"gone"[..]));
    assert!(packets.next().is_none());
}

/// Chunk ends: the items' list is closed by at least one zero byte, however it is aligned.
#[test]
fn sdes_chunks_are_closed_and_aligned() {
    for length in 0..9 {
        let text = vec![b'x'; length];
        let mut out = Vec::new();
        write_sdes(
            &mut out,
            &[(1, &[(SdesItemType::Cname, &text)]), (2, &[]), (3, &[(SdesItemType::Tool, &text)])],
        );
        assert_eq!(out.len(), 4 + 2 * (4 + (2 + length + 1).next_multiple_of(4)) + 8, "length {length}");
        let packet = Compound::parse(&out).unwrap().packets().next().unwrap();
        let Element::SourceDescription(sdes) = packet.element() else { panic!("SDES") };
        let read: Vec<_> =
            sdes.chunks().map(|c| (c.ssrc, c.items().map(|i| i.value.len()).collect::<Vec<_>>())).collect();
        assert_eq!(read, [(1, vec![length]), (2, vec![]), (3, vec![length])]);
    }
}

#[test]
fn receiver_report_app_and_xr_read_back() {
    let metrics =
        VoipMetrics { ssrc: 9, round_trip_delay: 120, mos_cq: 41, jb_abs_max: 300, ..VoipMetrics::default() };
    let delays = [DlrrEntry { ssrc: 1, last_rr: 2, delay: 3 }];
    let mut out = Vec::new();
    write_receiver_report(&mut out, 5, &[block()]);
    write_app(&mut out, 3, 5, *b"test", b"12345");
    write_xr(
        &mut out,
        5,
        &[XrWrite::ReferenceTime(NtpTime(42)), XrWrite::Dlrr(&delays), XrWrite::VoipMetrics(&metrics)],
    );
    let compound = Compound::parse(&out).unwrap();
    let mut packets = compound.packets().map(|packet| packet.element());
    let Some(Element::ReceiverReport(report)) = packets.next() else { panic!("RR") };
    assert_eq!((report.ssrc, report.blocks().collect::<Vec<_>>()), (5, vec![block()]));
    let Some(Element::App(app)) = packets.next() else { panic!("APP") };
    assert_eq!((app.subtype, app.name, app.data), (3, *b"test", &b"12345\0\0\0"[..]));
    let Some(Element::ExtendedReport(report)) = packets.next() else { panic!("XR") };
    let blocks: Vec<_> = report.blocks().collect::<Result<_, _>>().unwrap();
    assert_eq!(blocks[0], XrBlock::ReferenceTime(NtpTime(42)));
    let XrBlock::Dlrr([entry]) = blocks[1] else { panic!("DLRR") };
    assert_eq!(DlrrEntry::read(entry), delays[0]);
    assert_eq!(blocks[2], XrBlock::VoipMetrics(metrics));
}

#[test]
fn strictness_follows_the_specification() {
    let good = compound();
    // Too short for its type: the whole packet goes.
    let mut out = good.clone();
    out.extend([0x80, 200, 0, 1, 0, 0, 0, 0]);
    let error = Compound::parse(&out).unwrap_err();
    assert_eq!(error.to_string(), "Invalid RTCP packet type 200 (short: 8 < 28)");
    // Wrong version likewise.
    let mut out = good.clone();
    out.extend([0x40, 201, 0, 1, 0, 0, 0, 0]);
    assert_eq!(Compound::parse(&out).unwrap_err(), RtcpError::Version);
    // A length past the end and trailing bytes end the parsing quietly.
    for tail in [&[0x80, 201, 0, 9, 0, 0, 0, 0][..], &[1, 2, 3]] {
        let out = [&good, tail].concat();
        assert_eq!(Compound::parse(&out).unwrap().as_bytes(), good);
    }
    // Unknown types are kept.
    let out = [&good[..], &[0x80, 195, 0, 0]].concat();
    let packet = Compound::parse(&out).unwrap().packets().last().unwrap();
    assert!(matches!(packet.element(), Element::Unknown(unknown) if unknown.packet_type() == 195));
    // A short XR block is named and ends the list.
    let mut out = Vec::new();
    write_xr(&mut out, 1, &[XrWrite::ReferenceTime(NtpTime(1))]);
    out[8] = 7;
    let packet = Compound::parse(&out).unwrap().packets().next().unwrap();
    let Element::ExtendedReport(report) = packet.element() else { panic!("XR") };
    let error = report.blocks().next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "Short RTCP XR block (type 7, 12 < 36)");
}

#[test]
fn a_count_beyond_the_packet_yields_what_is_there() {
    let mut out = Vec::new();
    write_receiver_report(&mut out, 5, &[block()]);
    out[0] |= 0x1f;
    let packet = Compound::parse(&out).unwrap().packets().next().unwrap();
    let Element::ReceiverReport(report) = packet.element() else { panic!("RR") };
    assert_eq!(report.blocks().len(), 1);
}

#[test]
fn feedback_formats_are_told_apart() {
    let feedback = |packet_type, format, fci: &'static [u8]| {
        let body = [&[0, 0, 0, 1, 0, 0, 0, 2], fci].concat().leak();
        Feedback::read(packet_type, format, body).unwrap()
    };
    let (rtpfb, psfb) = (PacketType::TransportFeedback, PacketType::PayloadFeedback);
    let FeedbackKind::Nack(mut nacks) = feedback(rtpfb, 1, &[0xff, 0xff, 0x80, 0x01]).kind() else {
        panic!("NACK")
    };
    assert_eq!(nacks.next().unwrap().sequence_numbers().collect::<Vec<_>>(), [0xffff, 0, 15]);
    let FeedbackKind::Tmmbr(mut rates) = feedback(rtpfb, 3, &[0, 0, 0, 9, 0x08, 0x00, 0x02, 0x28]).kind()
    else {
        panic!("TMMBR")
    };
    assert_eq!(rates.next(), Some(Tmmb { ssrc: 9, max_bit_rate: 4, overhead: 40 }));
    let FeedbackKind::Fir(fir) = feedback(psfb, 4, &[0, 0, 0, 9, 5, 0, 0, 0]).kind() else { panic!("FIR") };
    assert_eq!(fir.entries().next(), Some(FirEntry { ssrc: 9, sequence_number: 5 }));
    let remb = feedback(psfb, 15, b"REMB\x01\x0b\xd0\x90\0\0\0\x09");
    let FeedbackKind::Remb(remb) = remb.kind() else { panic!("REMB") };
    assert_eq!((remb.bit_rate, remb.ssrcs().collect::<Vec<_>>()), (0x3_d090 << 2, vec![9]));
    assert!(matches!(feedback(psfb, 15, b"REMB\x09\0\0\0").kind(), FeedbackKind::Application(_)));
    assert!(matches!(feedback(psfb, 30, &[]).kind(), FeedbackKind::Other));
}

#[test]
fn stripping_keeps_the_rest_together() {
    let bytes = compound();
    let mut stripped = bytes.clone();
    let length = strip_feedback(&mut stripped);
    assert_eq!(length, bytes.len() - 12);
    let types: Vec<_> =
        Compound::parse(&stripped[..length]).unwrap().packets().map(|p| p.packet_type()).collect();
    assert_eq!(types, [200, 202, 203]);
    let mut only = Vec::new();
    write_feedback(&mut only, PacketType::TransportFeedback, 1, 1, 2, &[0; 4]);
    write_feedback(&mut only, PacketType::PayloadFeedback, 1, 1, 2, &[]);
    only.push(0);
    assert_eq!(strip_feedback(&mut only), 0);
}

struct Swap;

impl Rewrite for Swap {
    fn sender(&mut self, ssrc: u32) -> u32 {
        ssrc + 100
    }

    fn source(&mut self, ssrc: u32) -> u32 {
        ssrc + 1
    }

    fn sender_counts(&mut self, ssrc: u32) -> Option<SenderCounts> {
        (ssrc == 107).then_some(SenderCounts { packets: 10, octets: 20, rtp_timestamp: 30 })
    }

    fn measurement(&mut self, ssrc: u32) -> Option<Measurement> {
        (ssrc == block().ssrc).then_some(Measurement {
            packets: 30,
            lost: 10,
            duplicates: 4,
            highest_sequence: 99,
        })
    }
}

#[test]
fn rewriting_maps_and_replaces() {
    let mut bytes = compound();
    rewrite(&mut bytes, &mut Swap);
    let mut packets = Compound::parse(&bytes).unwrap().packets().map(|packet| packet.element());
    let Some(Element::SenderReport(report)) = packets.next() else { panic!("SR") };
    assert_eq!(report.ssrc, 107);
    let expected = SenderInfo { packet_count: 10, octet_count: 20, rtp_timestamp: 30, ..info() };
    assert_eq!(report.info, expected);
    let expected = ReportBlock {
        ssrc: block().ssrc + 1,
        cumulative_lost: 6,
        fraction_lost: 64,
        highest_sequence: 99,
        ..block()
    };
    assert_eq!(report.blocks().collect::<Vec<_>>(), [expected, expected]);
    let Some(Element::SourceDescription(sdes)) = packets.next() else { panic!("SDES") };
    assert_eq!(sdes.chunks().next().unwrap().ssrc, 107);
    let Some(Element::PayloadFeedback(feedback)) = packets.next() else { panic!("PSFB") };
    assert_eq!((feedback.sender_ssrc, feedback.media_ssrc), (107, 9));
    let Some(Element::Bye(bye)) = packets.next() else { panic!("BYE") };
    assert_eq!(bye.sources().next(), Some(107));
}

#[test]
fn ntp_times_convert_both_ways() {
    let time = NtpTime::from_unix(Duration::new(1_700_000_000, 500_000_000));
    assert_eq!((time.seconds(), time.fraction()), (3_908_988_800, 0x8000_0000));
    assert_eq!(time.middle(), (3_908_988_800_u32 << 16) | 0x8000);
    assert_eq!(time.to_unix(), Some(Duration::new(1_700_000_000, 500_000_000)));
    assert_eq!(NtpTime(0).to_unix(), None);
    assert_eq!(NtpTime::delay_units(Duration::from_millis(1500)), 98_304);
    assert_eq!(NtpTime::delay_units(Duration::MAX), u32::MAX);
    assert_eq!(NtpTime::delay_micros(98_304), 1_500_000);
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    /// As above with bytes that get past the header checks.
    #[test]
    fn reading_elements_never_panics(
        elements in proptest::collection::vec(
            (0..32_u8, any::<bool>(), 194..212_u8, proptest::collection::vec(any::<u8>(), 24..80)),
            1..5,
        ),
        cut in 0..40_usize,
    ) {
        let mut bytes = Vec::new();
        for (count, padding, packet_type, body) in elements {
            let words = body.len() / 4;
            bytes.extend([0x80 | count | (u8::from(padding) << 5), packet_type, 0, words as u8]);
            bytes.extend(&body[..words * 4]);
        }
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        exercise(&bytes);
    }

    #[test]
    fn report_blocks_round_trip(bytes: [u8; 24]) {
        prop_assert_eq!(ReportBlock::read(&bytes).to_bytes(), bytes);
    }

    #[test]
    fn ntp_is_exact_to_the_nanosecond(seconds in 0..2_000_000_000_u64, nanos in 0..1_000_000_000_u32) {
        let time = Duration::new(seconds, nanos);
        let back = NtpTime::from_unix(time).to_unix().unwrap();
        prop_assert!(time.abs_diff(back) <= Duration::from_nanos(1));
    }
}
