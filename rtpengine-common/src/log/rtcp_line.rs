//! The line of one RTCP packet for `log-facility-rtcp` (spec/operations.md §5.6).

use super::lines::Pairs;
use crate::rtcp::{
    Compound, DlrrEntry, Element, ReportBlock, RtcpPacket, SenderReport, StatisticsSummary, VoipMetrics,
    XrBlock,
};

/// The line: `[<call-id>] ` and the pairs of every element.
pub fn rtcp_line(call_id: &str, packet: &Compound<'_>) -> String {
    let mut pairs = Pairs::starting_with(&format!("[{call_id}] "));
    for packet in packet.packets() {
        header(&mut pairs, &packet);
        match packet.element() {
            Element::SenderReport(report) => {
                sender(&mut pairs, &report);
                report.blocks().for_each(|block| report_block(&mut pairs, &block));
            }
            Element::ReceiverReport(report) => {
                report.blocks().for_each(|block| report_block(&mut pairs, &block));
            }
            Element::ExtendedReport(report) => extended(&mut pairs, &packet, report.blocks()),
            Element::SourceDescription(_)
            | Element::Bye(_)
            | Element::App(_)
            | Element::TransportFeedback(_)
            | Element::PayloadFeedback(_)
            | Element::Unknown(_) => {}
        }
    }
    pairs.finish_trimmed()
}

fn header(pairs: &mut Pairs, packet: &RtcpPacket<'_>) {
    let bytes = packet.as_bytes();
    let first = bytes.first().copied().unwrap_or(0);
    pairs
        .add("version", first >> 6)
        .add("padding", first >> 5 & 1)
        .add("count", packet.count())
        .add("payloadtype", packet.packet_type())
        // The field's own unit: 32-bit words without the header's.
        .add("length", (bytes.len() / 4).saturating_sub(1));
    if !matches!(packet.element(), Element::SourceDescription(_))
        && let Some(ssrc) = packet.ssrc()
    {
        pairs.add("ssrc", ssrc);
    }
}

fn sender(pairs: &mut Pairs, report: &SenderReport<'_>) {
    pairs
        .add("ntp_sec", report.info.ntp.seconds())
        .add("ntp_fractions", report.info.ntp.fraction())
        .add("rtp_ts", report.info.rtp_timestamp)
        .add("sender_packets", report.info.packet_count)
        .add("sender_bytes", report.info.octet_count);
}

fn report_block(pairs: &mut Pairs, block: &ReportBlock) {
    pairs
        .add("ssrc", block.ssrc)
        .add("fraction_lost", block.fraction_lost)
        .add("packet_loss", block.cumulative_lost)
        .add("last_seq", block.highest_sequence)
        .add("jitter", block.jitter)
        .add("last_sr", block.last_sr)
        .add("delay_since_last_sr", block.delay_since_last_sr);
}

fn extended<'a, E>(
    pairs: &mut Pairs,
    packet: &RtcpPacket<'_>,
    blocks: impl Iterator<Item = Result<XrBlock<'a>, E>>,
) {
    // The headers of the blocks, which the typed view no longer has.
    let mut rest = packet.body().get(4..).unwrap_or_default();
    for block in blocks {
        let Some((&[kind, specific, high, low], _)) = rest.split_first_chunk::<4>() else { return };
        let words = u16::from_be_bytes([high, low]);
        rest = rest.get(4 * (usize::from(words) + 1)..).unwrap_or_default();
        pairs
            .add("rb_header_blocktype", kind)
            .add("rb_header_blockspecdata", specific)
            .add("rb_header_blocklength", words);
        match block {
            Ok(XrBlock::ReferenceTime(ntp)) => {
                pairs.add("rb_rr_time_ntp_sec", ntp.seconds()).add("rb_rr_time_ntp_frac", ntp.fraction());
            }
            Ok(XrBlock::Dlrr(entries)) => {
                for entry in entries.iter().map(DlrrEntry::read) {
                    pairs
                        .add("rb_dlrr_ssrc", entry.ssrc)
                        .add("rb_dlrr_lrr", entry.last_rr)
                        .add("rb_dlrr_dlrr", entry.delay);
                }
            }
            Ok(XrBlock::Summary(summary)) => statistics(pairs, &summary),
            Ok(XrBlock::VoipMetrics(metrics)) => voip(pairs, &metrics),
            Ok(XrBlock::RunLength { .. } | XrBlock::ReceiptTimes { .. } | XrBlock::Unknown { .. })
            | Err(_) => {}
        }
    }
}

fn statistics(pairs: &mut Pairs, summary: &StatisticsSummary) {
    let [toh_min, toh_max, toh_mean, toh_deviation] = summary.ttl;
    pairs
        .add("rb_stats_ssrc", summary.ssrc)
        .add("rb_stats_begin_seq", summary.begin)
        .add("rb_stats_end_seq", summary.end)
        .add("rb_stats_lost_packets", summary.lost)
        .add("rb_stats_duplicate_packets", summary.duplicates)
        .add("rb_stats_jitter_min", summary.min_jitter)
        .add("rb_stats_jitter_max", summary.max_jitter)
        .add("rb_stats_jitter_mean", summary.mean_jitter)
        .add("rb_stats_jitter_deviation", summary.dev_jitter)
        .add("rb_stats_toh_min", toh_min)
        .add("rb_stats_toh_max", toh_max)
        .add("rb_stats_toh_mean", toh_mean)
        .add("rb_stats_toh_deviation", toh_deviation);
}

fn voip(pairs: &mut Pairs, metrics: &VoipMetrics) {
    pairs
        .add("rb_voip_mtc_ssrc", metrics.ssrc)
        .add("rb_voip_mtc_loss_rate", metrics.loss_rate)
        .add("rb_voip_mtc_discard_rate", metrics.discard_rate)
        .add("rb_voip_mtc_burst_den", metrics.burst_density)
        .add("rb_voip_mtc_gap_den", metrics.gap_density)
        .add("rb_voip_mtc_burst_dur", metrics.burst_duration)
        .add("rb_voip_mtc_gap_dur", metrics.gap_duration)
        .add("rb_voip_mtc_rnd_trip_delay", metrics.round_trip_delay)
        .add("rb_voip_mtc_end_sys_delay", metrics.end_system_delay)
        .add("rb_voip_mtc_signal_lvl", metrics.signal_level)
        .add("rb_voip_mtc_noise_lvl", metrics.noise_level)
        .add("rb_voip_mtc_rerl", metrics.rerl)
        .add("rb_voip_mtc_gmin", metrics.g_min)
        .add("rb_voip_mtc_r_factor", metrics.r_factor)
        .add("rb_voip_mtc_ext_r_factor", metrics.external_r_factor)
        .add("rb_voip_mtc_mos_lq", metrics.mos_lq)
        .add("rb_voip_mtc_mos_cq", metrics.mos_cq)
        .add("rb_voip_mtc_rx_config", metrics.rx_config)
        .add("rb_voip_mtc_jb_nom", metrics.jb_nominal)
        .add("rb_voip_mtc_jb_max", metrics.jb_maximum)
        .add("rb_voip_mtc_jb_abs_max", metrics.jb_abs_max);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn operations_5_6_every_kind_of_element() {
        let mut packet = words(&[0x81c8_000c, 7, 100, 200, 300, 4, 500]);
        packet.extend(words(&[8, 0x0100_0002, 9, 10, 11, 12]));
        packet.extend(words(&[0x81ca_0002, 7, 0]));
        packet.extend(words(&[0x80cf_0004, 7, 0x0400_0002, 13, 14]));
        packet.extend(words(&[0x80cf_0005, 7, 0x0500_0003, 15, 16, 17]));
        let line = rtcp_line("c", &Compound::parse(&packet).unwrap());
        assert_eq!(
            line,
            "[c] version=2, padding=0, count=1, payloadtype=200, length=12, ssrc=7, ntp_sec=100, ntp_fractions=200, \
             rtp_ts=300, sender_packets=4, sender_bytes=500, ssrc=8, fraction_lost=1, packet_loss=2, last_seq=9, \
             jitter=10, last_sr=11, delay_since_last_sr=12, version=2, padding=0, count=1, payloadtype=202, length=2, \
             version=2, padding=0, count=0, payloadtype=207, length=4, ssrc=7, rb_header_blocktype=4, \
             rb_header_blockspecdata=0, rb_header_blocklength=2, rb_rr_time_ntp_sec=13, rb_rr_time_ntp_frac=14, \
             version=2, padding=0, count=0, payloadtype=207, length=5, ssrc=7, rb_header_blocktype=5, \
             rb_header_blockspecdata=0, rb_header_blocklength=3, rb_dlrr_ssrc=15, rb_dlrr_lrr=16, rb_dlrr_dlrr=17"
        );
    }

    #[test]
    fn summaries_and_voice_metrics_name_their_fields() {
        let mut packet = words(&[0x80cf_000b, 7, 0x0600_0009, 1, 0x0002_0003, 4, 5, 6, 7, 8, 9]);
        packet.extend(words(&[0x0a0b_0c0d]));
        packet.extend(words(&[0x80cf_000a, 7, 0x0700_0008, 1, 0, 0, 0, 0, 0, 0]));
        packet.extend(words(&[0x0010_0020]));
        let line = rtcp_line("c", &Compound::parse(&packet).unwrap());
        assert!(line.contains("rb_stats_begin_seq=2, rb_stats_end_seq=3, rb_stats_lost_packets=4"), "{line}");
        assert!(
            line.contains(
                "rb_stats_toh_min=10, rb_stats_toh_max=11, rb_stats_toh_mean=12, rb_stats_toh_deviation=13"
            ),
            "{line}"
        );
        assert!(line.ends_with("rb_voip_mtc_jb_max=16, rb_voip_mtc_jb_abs_max=32"), "{line}");
    }

    proptest::proptest! {
        #[test]
        fn any_packet_has_a_line(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
            if let Ok(packet) = Compound::parse(&bytes) {
                let _ = rtcp_line("c", &packet);
            }
        }
    }
}
