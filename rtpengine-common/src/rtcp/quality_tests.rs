use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

const fn settings(listening: bool, model: MosModel) -> MosSettings {
    MosSettings { listening, model }
}

fn impairment(rtt_us: u32, jitter_ms: u32, loss_percent: u8) -> Impairment {
    Impairment { rtt_us, jitter_ms, loss_percent }
}

/// The table of check values in media-plane.md 13.7.
#[test]
fn check_values() {
    let narrow = settings(false, MosModel::G107);
    let full = settings(false, MosModel::G1072);
    let legacy = settings(false, MosModel::Legacy);
    let score = |settings: &MosSettings, values: (u32, u32, u8)| {
        settings.score(impairment(values.0, values.1, values.2), 48_000).unwrap()
    };
    let near = (3000, 0, 0);
    assert_eq!((score(&narrow, near), score(&full, near)), (43, 43));
    assert!((43..=44).contains(&score(&legacy, near)));
    let middle = (250_000, 15, 3);
    assert_eq!((score(&narrow, middle), score(&full, middle)), (36, 30));
    assert!((34..=35).contains(&score(&legacy, middle)));
    let far = (400_000, 20, 5);
    assert_eq!((score(&narrow, far), score(&full, far), score(&legacy, far)), (29, 22, 24));
}

#[test]
fn conversation_needs_a_round_trip_time() {
    let silent = impairment(0, 0, 0);
    assert_eq!(MosSettings::default().score(silent, 8000), None);
    assert_eq!(settings(false, MosModel::Legacy).score(silent, 8000), None);
    assert_eq!(settings(true, MosModel::G107).score(silent, 8000), Some(43));
    // Listening ignores it, but for the legacy formula.
    let late = impairment(2_000_000, 0, 0);
    assert_eq!(settings(true, MosModel::G107).score(late, 8000), Some(43));
    assert!(settings(true, MosModel::Legacy).score(late, 8000) < Some(20));
    // Fullband is for 48 kHz codecs only.
    assert_eq!(
        settings(false, MosModel::G1072).score(late, 8000),
        settings(false, MosModel::G107).score(late, 8000)
    );
}

fn block(last_sr: u32, delay_since_last_sr: u32) -> ReportBlock {
    ReportBlock { fraction_lost: 26, jitter: 160, last_sr, delay_since_last_sr, ..ReportBlock::default() }
}

fn context(sent: &SentReports) -> QualityContext<'_> {
    QualityContext {
        now_us: 100 * SECOND,
        sent,
        opposite_rtt_us: None,
        metrics_rtt_ms: None,
        clock_rate: 8000,
        codec_clock_rate: 8000,
        mos: MosSettings::default(),
    }
}

#[test]
fn round_trip_times_are_measured_and_added() {
    let mut sent = SentReports::default();
    sent.note(NtpTime(0x1234_5678_0000), 99 * SECOND);
    let good = block(0x1234_5678, 65_536 / 2);
    // Half a second on the way, half a second held.
    let sample = assess(&good, &context(&sent)).unwrap();
    assert_eq!((sample.leg_rtt_us, sample.rtt_us, sample.mos), (500_000, 0, None));
    assert_eq!((sample.jitter_ms, sample.loss_percent), (20, 10));
    let both = QualityContext { opposite_rtt_us: Some(1000), ..context(&sent) };
    assert_eq!(assess(&good, &both).unwrap().rtt_us, 501_000);
    let metrics = QualityContext { metrics_rtt_ms: Some(80), ..both };
    let sample = assess(&good, &metrics).unwrap();
    assert_eq!((sample.rtt_us, sample.leg_rtt_us), (80_000, 500_000));
    assert!(sample.mos.is_some());
    // Without LSR or DLSR there is no sample; an unknown LSR or an absurd delay only has no time.
    assert_eq!(assess(&block(0, 1), &both), None);
    assert_eq!(assess(&block(1, 0), &both), None);
    assert_eq!(assess(&good, &QualityContext { clock_rate: 0, ..both }), None);
    assert_eq!(assess(&block(99, 1), &both).unwrap().leg_rtt_us, 0);
    assert_eq!(assess(&block(0x1234_5678, 65_536 * 2), &both).unwrap().leg_rtt_us, 0);
    let late = QualityContext { now_us: 111 * SECOND, ..both };
    assert_eq!(assess(&good, &late).unwrap().leg_rtt_us, 0);
}

#[test]
fn ten_sender_reports_are_remembered() {
    let mut sent = SentReports::default();
    assert_eq!(sent.last_and_delay(5), (0, 0));
    for number in 1..=12_u64 {
        sent.note(NtpTime(number << 16), number * SECOND);
    }
    assert_eq!((sent.arrival_us(2), sent.arrival_us(3)), (None, Some(3 * SECOND)));
    assert_eq!(sent.last_and_delay(14 * SECOND), (12, 2 * 65_536));
}

fn sample(seconds: u64, mos: Option<u8>) -> Sample {
    Sample { at_us: seconds * SECOND, mos, rtt_us: 1000, leg_rtt_us: 500, jitter_ms: 3, loss_percent: 1 }
}

#[test]
fn history_sums_up() {
    let mut history = QualityHistory::default();
    assert!(history.is_empty());
    assert!(history.add(sample(1, None)));
    assert!(history.is_empty(), "a sample without score is nothing to report");
    assert_eq!(history.highest().unwrap().mos, None, "but the first may be the highest");
    assert!(history.add(sample(2, Some(40))));
    assert!(!history.add(Sample { at_us: 2 * SECOND + 999_999, ..sample(0, Some(10)) }));
    assert!(history.add(sample(3, Some(43))));
    assert!(history.add(sample(4, Some(40))));
    assert!(history.add(sample(5, Some(43))));
    assert!(history.add(sample(6, None)));
    let average = history.average();
    assert_eq!((average.mos, average.samples, history.unscored()), (41, 4, 2));
    assert_eq!(
        (average.rtt_us, average.leg_rtt_us, average.jitter_ms, average.loss_percent),
        (1000, 500, 3, 1)
    );
    assert_eq!(history.lowest().unwrap().at_us, 2 * SECOND, "the first of the lowest");
    assert_eq!(history.highest().unwrap().at_us, 3 * SECOND);
}

#[test]
fn progression_is_spaced() {
    let mut history = QualityHistory::default();
    for second in 0..=100 {
        history.add(sample(second, Some(40)));
    }
    assert_eq!(history.interval_us(), 10 * SECOND);
    let times: Vec<_> = history.progression().map(|sample| sample.at_us / SECOND).collect();
    assert_eq!(times, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    let mut single = QualityHistory::default();
    single.add(sample(7, Some(40)));
    assert_eq!((single.interval_us(), single.progression().count()), (0, 1));
}

#[test]
fn long_histories_are_thinned() {
    let mut history = QualityHistory::default();
    for second in 0..50_000 {
        history.add(sample(second, Some(10 + (second % 40) as u8)));
    }
    let average = history.average();
    assert_eq!((average.samples, average.mos), (50_000, 29));
    assert_eq!(history.progression().count(), 10);
    assert_eq!(history.last().unwrap().at_us, 49_999 * SECOND);
    assert_eq!(history.interval_us(), 49_999 * SECOND / 10);
}

/// Three packets of 160 bytes of payload make 516 octets (media-plane.md 13.5 rule 3).
#[test]
fn generated_report_reads_back() {
    let mut sent = SentReports::default();
    sent.note(NtpTime(0xabcd_0000), 10 * SECOND);
    let reception = Reception {
        ssrc: 9,
        packets: 90,
        lost: 10,
        highest_sequence: 0x1_0005,
        jitter_scaled: 35,
        sent: &sent,
    };
    let block = reception.block(12 * SECOND);
    let info = SenderInfo { ntp: NtpTime(77), rtp_timestamp: 480, packet_count: 3, octet_count: 516 };
    let mut out = Vec::new();
    write_report(&mut out, 5, &info, &[block; 40], "0123456789ab", Some(b"1"));
    let compound = Compound::parse(&out).unwrap();
    let mut packets = compound.packets().map(|packet| packet.element());
    let Some(Element::SenderReport(report)) = packets.next() else { panic!("SR") };
    assert_eq!((report.ssrc, report.info, report.blocks().len()), (5, info, MAX_BLOCKS));
    let expected = ReportBlock {
        ssrc: 9,
        fraction_lost: 25,
        cumulative_lost: 10,
        highest_sequence: 0x1_0005,
        jitter: 2,
        last_sr: 0xabcd,
        delay_since_last_sr: 2 * 65_536,
    };
    assert_eq!(report.blocks().next(), Some(expected));
    let Some(Element::SourceDescription(sdes)) = packets.next() else { panic!("SDES") };
    let items: Vec<_> = sdes.chunks().next().unwrap().items().map(|item| item.value).collect();
    assert_eq!(items, [&b"0123456789ab"[..], b"1"]);
}

proptest! {
    /// Whatever peers report, scores stay in range and better conditions never sound worse.
    #[test]
    fn scores_stay_in_range(rtt: u32, jitter: u32, loss in 0..=100_u8, model in 0..3_usize, listening: bool, clock: bool) {
        let model = [MosModel::G107, MosModel::G1072, MosModel::Legacy][model];
        let settings = MosSettings { listening, model };
        let clock = if clock { 48_000 } else { 8000 };
        if let Some(score) = settings.score(impairment(rtt, jitter, loss), clock) {
            prop_assert!((10..=50).contains(&score));
            let better = settings.score(impairment(rtt / 2 + 1, jitter / 2, loss / 2), clock).unwrap();
            prop_assert!(better >= score || loss > 93);
        }
    }

    #[test]
    fn foreign_blocks_never_panic(bytes: [u8; 24], now_us: u64, noted: u64, clock_rate: u32) {
        let mut sent = SentReports::default();
        let block = ReportBlock::read(&bytes);
        sent.note(NtpTime(u64::from(block.last_sr) << 16), noted);
        let context = QualityContext {
            now_us,
            opposite_rtt_us: Some(u32::MAX),
            clock_rate,
            ..context(&sent)
        };
        if let Some(sample) = assess(&block, &context) {
            prop_assert!(sample.leg_rtt_us <= 10_000_000);
        }
    }
}
