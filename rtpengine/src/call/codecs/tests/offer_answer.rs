//! Offers and answers (`codecs.md` §§6, 7).

use super::*;

const TE: &str = "101=telephone-event/8000|0-15";

/// Runs an offer and an answer and checks both printed lists; `T` in a text is telephone-event 101.
fn check(offer: (&str, &str), offered: &str, answer: (&str, &str), answered: &str) {
    let full = |text: &str| {
        let words = text.split_whitespace().map(|word| if word == "T" { TE } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    let mut pair = Pair::new();
    assert_eq!(pair.offer(&full(offer.0), offer.1), full(offered), "offer {offer:?}");
    assert_eq!(pair.answer(&full(answer.0), answer.1), full(answered), "offer {offer:?}, answer {answer:?}");
}

/// `codecs.md` §6: the example at the end.
#[test]
fn example_of_section_6() {
    let mut pair = Pair::new();
    let offered = pair.offer("3 9 101=telephone-event/8000", "strip=GSM transcode=PCMA,opus");
    assert_eq!(
        offered,
        "9 8 96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15 101=telephone-event/8000"
    );
    assert_eq!(
        pair.answer("96=opus/48000/2 97=telephone-event/48000", ""),
        "3 101=telephone-event/8000",
        "strip hides GSM from the answerer only: the offerer's entries, events of the destination's clock appended"
    );
    assert_eq!(pair.warnings, []);
}

/// `codecs.md` §7.2: the example after rule 6.
#[test]
fn example_of_section_7_2() {
    check(("8 0", "transcode=G722"), "8 0 9", ("9 8", ""), "8");
}

/// `codecs.md` §17.2(3): the answer conversion of opus, which leaves the encoder's own parameters alone.
#[test]
fn rule_17_2_3_opus_in_the_answer() {
    let offered = "96=opus/48000/2 9";
    check(
        ("96=opus/48000/2", "transcode=G722"),
        offered,
        ("9", ""),
        "96=opus/48000/2|stereo=0;~useinbandfec=1",
    );
    let mut pair = Pair::new();
    pair.offer("96=opus/48000/2|stereo=1;x=1", "transcode=G722");
    assert_eq!(pair.answer("9", ""), "96=opus/48000/2|stereo=0;~sprop-stereo=1;~useinbandfec=1");
    assert_eq!(pair.a.list.entries()[0].codec.fmtp.as_deref(), Some("stereo=1;x=1"));
    // Passed through: the answerer's own parameters.
    check(
        ("96=opus/48000/2|stereo=1", ""),
        "96=opus/48000/2|stereo=1",
        ("96=OPUS/48000/2|minptime=10;useinbandfec=0", ""),
        "96=OPUS/48000/2|useinbandfec=0;~minptime=10",
    );
}

/// Plain calls: what the answerer says is what the offerer sees.
#[test]
fn passed_through() {
    check(("8 0 T", ""), "8 0 T", ("8 0 T", ""), "8 0 T");
    check(("8 0 T", ""), "8 0 T", ("0 8 T", ""), "0 8 T");
    check(("8 0 T", ""), "8 0 T", ("8", ""), "8");
    check(("8 0 T", ""), "8 0 T", ("8 101=telephone-event/8000|0-11", ""), "8 101=telephone-event/8000|0-11");
}

/// `codecs.md` §5.1(3): what was not offered is dropped; an answer of nothing else is taken as it stands (§5.8).
#[test]
fn rule_5_1_3_stray_codecs() {
    check(("8 0 T", ""), "8 0 T", ("3 8 T", ""), "8 T");
    check(
        ("8 101=telephone-event/8000", ""),
        "8 101=telephone-event/8000",
        ("8 96=telephone-event/8000", ""),
        "8",
    );
    // Another octet alignment is another codec; a narrower mode-set is not.
    let amr = "97=AMR/8000|octet-align=1";
    check((&format!("8 {amr}"), ""), &format!("8 {amr}"), ("8 97=AMR/8000", ""), "8");
    let narrow = "97=AMR/8000|octet-align=1;mode-set=0";
    check(
        (&format!("8 {amr}"), ""),
        &format!("8 {amr}"),
        (&format!("8 {narrow}"), ""),
        &format!("8 {narrow}"),
    );
    // "exact" codecs need their parameters back; unknown ones do not.
    check(("8 97=GSM/8000|a", ""), "8 97=GSM/8000|a", ("8 97=GSM/8000", ""), "8");
    check(("8 97=foo/8000|a", ""), "8 97=foo/8000|a", ("8 97=foo/8000|b", ""), "8 97=foo/8000|b");
    let mut pair = Pair::new();
    pair.offer("8 0", "");
    pair.answer("3 9", "");
    assert_eq!(pair.warnings, [Warning::ListEmpty]);
    assert_eq!(show(&pair.b.list), "3 9");
}

/// `codecs.md` §5.1(3): a codec that the daemon hid from the answerer is still no stray.
#[test]
fn rule_5_1_3_offered_by_the_offerer_only() {
    check(("8 0 T", "strip=PCMA"), "0 T", ("8 0 T", ""), "8 0 T");
    check(("8 0 T", "mask=PCMA"), "0 T", ("0 T", ""), "0 T");
}

/// Transcoding into what the answerer is offered in addition (§6 step 10, §7.2).
#[test]
fn transcoded_answers() {
    let offered = "8 0 9 96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15 T";
    let both = "9 96=opus/48000/2 97=telephone-event/48000 T";
    check(("8 0 T", "transcode=G722,opus"), offered, (both, "single-codec"), "8 T");
    let opus = "8 96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15 T";
    check(("8 T", "transcode=opus"), opus, ("96=opus/48000/2", ""), "8");
    check(("8 T", "transcode=opus"), opus, ("96=opus/48000/2 97=telephone-event/48000", ""), "8 T");
    check(("8 T", "transcode=opus"), opus, ("96=opus/48000/2 T", ""), "8 T");
    check(("8 T", "transcode=G722,PCMU"), "8 9 0 T", ("9 0 T", ""), "8 T");
    check(
        ("96=opus/48000/2 T", "transcode=PCMA,telephone-event"),
        "96=opus/48000/2 8 T",
        ("8 T", ""),
        "96=opus/48000/2|stereo=0;~useinbandfec=1",
    );
}

/// telephone-event that the daemon added (§§7.2(2), 10.2).
#[test]
fn added_events() {
    let offered = "8 96=telephone-event/8000|0-15";
    check(("8", "transcode=telephone-event"), offered, ("8 96=telephone-event/8000", ""), "8");
    check(("8", "transcode=telephone-event"), offered, ("8", ""), "8");
}

/// `codecs.md` §9 step 2: CN and telephone-event per rate, before the mark.
#[test]
fn comfort_noise_and_events() {
    let te = |number, rate| format!("{number}=telephone-event/{rate}|0-15");
    check(
        ("8 0 13 T", "transcode=opus"),
        &format!("8 0 96=opus/48000/2|useinbandfec=1 97=CN/48000 {} 13 T", te(98, 48000)),
        ("96=opus/48000/2", ""),
        "8",
    );
    check(("8 0", "transcode=CN"), "8 0 13", ("8 13", ""), "8");
    check(
        ("8 0", "transcode=telephone-event,G722,opus,CN"),
        &format!("8 0 9 97=opus/48000/2|useinbandfec=1 13 98=CN/48000 {} {}", te(99, 48000), te(96, 8000)),
        ("8 13", ""),
        "8",
    );
}

/// `accept`, `mask`, `consume`, `ignore`, `always transcode` (§§5.5, 5.7, 6).
#[test]
fn codecs_hidden_and_accepted() {
    let opus = "96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15";
    check(("8 0 T", "mask=PCMA transcode=opus"), &format!("0 {opus} T"), ("96=opus/48000/2", ""), "8");
    check(("8 0 T", "consume=PCMA transcode=opus"), &format!("0 {opus} T"), ("0 96=opus/48000/2", ""), "8");
    check(("8 0 T", "accept=PCMA"), "8 0 T", ("0 T", ""), "8 T");
    check(("8 0 T", "accept=PCMA/8000"), "8 0 T", ("0 T", ""), "8 T");
    check(("8 0 T", "ignore=PCMA transcode=PCMA"), "8 0 T", ("8 T", ""), "0 T");
    check(
        ("8 0 T", "strip=all mask=all transcode=opus"),
        "96=opus/48000/2|useinbandfec=1",
        ("96=opus/48000/2", ""),
        "8",
    );
    check(
        ("8 0 T", "mask=all transcode=opus,telephone-event"),
        opus,
        ("96=opus/48000/2 97=telephone-event/48000 T", ""),
        "8 T",
    );
    let te = "101=telephone-event/8000";
    check(
        (&format!("96=opus/48000/2 8 {te}"), "always-transcode"),
        &format!("96=opus/48000/2 8 {te}"),
        (&format!("8 {te}"), ""),
        "96=opus/48000/2|stereo=0;~useinbandfec=1",
    );
    check(
        (&format!("8 96=opus/48000/2 {te}"), "always-transcode"),
        &format!("8 96=opus/48000/2 {te}"),
        (&format!("96=opus/48000/2 8 {te}"), ""),
        &format!("8 {te}"),
    );
}

/// Options of the answer (§7.1 step 2): `strip`, `offer`, `except`, `ignore`; the others do nothing.
#[test]
fn options_of_the_answer() {
    check(("8 0 3 T", ""), "8 0 3 T", ("8 0 3 T", "strip=PCMU"), "8 3 T");
    check(("8 0 3 T", ""), "8 0 3 T", ("8 0 3 T", "strip=all offer=GSM"), "3");
    check(("8 0 3 T", ""), "8 0 3 T", ("8 0 3 T", "strip=all except=PCMU/8000"), "0");
    check(("8 0 3 T", ""), "8 0 3 T", ("8 0 3 T", "ignore=PCMU"), "8 3 T");
    check(
        ("8 0 3 T", ""),
        "8 0 3 T",
        ("8 0 3 T", "transcode=G722 mask=PCMA accept=GSM consume=PCMU"),
        "8 0 3 T",
    );
    check(("8 0 3 T", ""), "8 0 3 T", ("8 T", "strip=all"), "8 T");
}

/// `codecs.md` §7.2(3).
#[test]
fn rule_7_2_3_single_codec() {
    check(("8 0 3 T", ""), "8 0 3 T", ("8 0 T", "single-codec"), "8 T");
    check(("8 99 0 T", ""), "8 99=/0 0 T", ("99 8 T", "single-codec"), "99=/0 T");
}

/// `codecs.md` §5.6: strip and transcode of one codec.
#[test]
fn rule_5_6_transcode_after_strip() {
    check(
        ("96=opus/48000/2 0 T", "strip=all transcode=PCMA,telephone-event"),
        "8 T",
        ("8 T", ""),
        "8 T".replace("8 T", "96=opus/48000/2|stereo=0;~useinbandfec=1").as_str(),
    );
    let mut pair = Pair::new();
    assert_eq!(pair.offer("8 0", "strip=PCMA transcode=PCMA"), "0 8");
    assert!(!pair.b.list.get(8).unwrap().marks.for_transcoding, "rule 2 restores");
    assert_eq!(
        pair.offer("96=opus/48000/2 0 101=telephone-event/8000", "strip=full transcode=PCMU,PCMA"),
        "0 8"
    );
}

/// `codecs.md` §5.6 and §8(3): G729 and G729a share a number but not a name.
#[test]
fn g729_and_g729a() {
    let mut pair = Pair::new();
    assert_eq!(pair.offer("8 18", "transcode=G729"), "8 18");
    assert_eq!(pair.offer("8 18=G729a/8000", "transcode=G729"), "8 18=G729a/8000 96=G729/8000|annexb=yes");
    assert_eq!(
        Pair::new().offer("0", "strip=full transcode=G729,G729a"),
        "18|annexb=yes 96=G729a/8000|annexb=no",
    );
}

/// `codecs.md` §1.2: a number without definition passes.
#[test]
fn rule_1_2_unnamed_codecs() {
    check(("8 1 35 99", "transcode=G722"), "8 1=/0 35=/0 99=/0 9", ("99 8", ""), "99=/0 8");
}

/// `codecs.md` §1.1(1).
#[test]
fn rule_1_1_1_unsupported_codecs_are_skipped_with_a_warning() {
    let mut pair = Pair::new();
    assert_eq!(pair.offer("8", "transcode=foo/8000,EVRC0,G722"), "8 9");
    let texts: Vec<_> = pair.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "Codec 'foo/8000' requested for transcoding is not supported",
            "Codec 'EVRC0' requested for transcoding is not supported"
        ]
    );
}

/// `codecs.md` §1.1(8): outside audio nothing is transcoded, but lists can be edited.
#[test]
fn rule_1_1_8_video() {
    let mut pair = Pair::new();
    pair.a.audio = false;
    pair.b.audio = false;
    let sdp = "96=VP8/90000 97=H264/90000|x=1 98=red/90000 99=ulpfec/90000";
    assert_eq!(pair.offer(sdp, "transcode=PCMA,VP8 strip=ulpfec"), sdp.trim_end_matches(" 99=ulpfec/90000"));
    assert_eq!(pair.warnings, []);
    assert_eq!(pair.offer(sdp, "mask=H264,VP8 offer=VP8"), "96=VP8/90000 98=red/90000 99=ulpfec/90000");
    assert_eq!(pair.answer("96=VP8/90000 98=red/90000", ""), "96=VP8/90000 98=red/90000");
    assert_eq!(show_handlers(&pair.to_a()), "96 98");
}

/// `codecs.md` §17.2(1).
#[test]
fn rule_17_2_1_opus_clock() {
    let mut pair = Pair::new();
    assert_eq!(pair.offer("8", "transcode=opus/16000"), "8 96=opus/48000|useinbandfec=1");
    assert_eq!(pair.warnings, [Warning::OpusClock]);
}

/// `codecs.md` §5.1(3) and §7.2(5): `allow asymmetric codecs`.
#[test]
fn asymmetric_numbers() {
    let mut pair = Pair::new();
    pair.offer("8 0 96=opus/48000/2 101=telephone-event/8000", "");
    pair.policy.asymmetric = true;
    assert_eq!(
        pair.answer("99=opus/48000/2 100=telephone-event/8000", "asymmetric"),
        "99=opus/48000/2 100=telephone-event/8000 101=telephone-event/8000",
        "rule 6 adds the number of the offerer's events"
    );
    assert_eq!(show(&pair.b.list), "96=opus/48000/2 100=telephone-event/8000");
    assert_eq!(pair.b.list.get(96).unwrap().answered_as, Some(99));
    // Without the flag both are stray.
    let mut pair = Pair::new();
    pair.offer("8 0 96=opus/48000/2", "");
    assert_eq!(pair.answer("0 99=opus/48000/2", ""), "0");
}

/// `codecs.md` §7.2(7): audio answered by an image medium.
#[test]
fn rule_7_2_7_image_answer() {
    let mut pair = Pair::new();
    pair.offer("97=foo/8000 0 8 101=telephone-event/8000", "");
    let environment = Environment { support: &pair.support, transcode_config: &pair.config };
    pair.b.set_audio(false);
    let section = Section { not_rtp: true, ..Section::default() };
    answer(&mut pair.b, &mut pair.a, &section, &CodecOptions::default(), &pair.policy, &environment);
    assert_eq!(show(&pair.a.list), "0");
}

/// `codecs.md` §§5.10, 6 step 7, 19.1(1): an image medium offered to audio.
#[test]
fn rule_5_10_synthesised_for_an_image_offer() {
    let image = |pair: &mut Pair, flags: &str| {
        let environment = Environment { support: &pair.support, transcode_config: &pair.config };
        let section = Section { not_rtp: true, ..Section::default() };
        pair.a.set_audio(false);
        offer(&mut pair.a, &mut pair.b, &section, &options(flags), &environment);
        show(&pair.b.list)
    };
    assert_eq!(image(&mut Pair::new(), ""), "0 8");
    assert_eq!(image(&mut Pair::new(), "transcode=PCMA"), "8");
    let mut pair = Pair::new();
    pair.offer("97=foo/8000 9 101=telephone-event/8000", "");
    assert_eq!(image(&mut pair, ""), "9 101=telephone-event/8000");
}

/// `codecs.md` §5.8.
#[test]
fn rule_5_8_empty_lists() {
    let mut pair = Pair::new();
    assert_eq!(pair.offer("8 0", "strip=all"), "8 0");
    assert_eq!(pair.warnings, [Warning::ListEmpty]);
    assert!(Warning::ListEmpty.to_string().starts_with("Usage error: List of codecs empty"));
    assert_eq!(
        pair.offer("8 101=telephone-event/8000", "strip=PCMA"),
        "8 101=telephone-event/8000",
        "only companions"
    );
    assert_eq!(pair.warnings, [Warning::ListEmpty]);
    assert_eq!(pair.offer("8 0", "strip=all allow-no-codec-media"), "");
    assert_eq!(pair.warnings, []);
    assert_eq!(pair.offer("8 0", "ignore=all"), "8 0");
    assert_eq!(show(&pair.a.list), "8 0");
    assert_eq!(pair.warnings, [Warning::ListEmpty]);
}

/// Re-offers: numbers of what was added before come back (§5.1(4)), order and marks with `reuse codecs` (§5.2), `static codecs`.
#[test]
fn reoffers() {
    let opus = "96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15";
    let mut pair = Pair::new();
    let flags = "strip=all transcode=opus,telephone-event";
    assert_eq!(pair.offer("0 8 101=telephone-event/8000", flags), opus);
    let own = "96=opus/48000/2|stereo=1 97=telephone-event/48000";
    pair.answer(own, "");
    assert_eq!(pair.offer("0 8 101=telephone-event/8000", flags), own, "as the receiver has it");
    assert!(pair.b.list.get(96).unwrap().marks.for_transcoding);

    let mut pair = Pair::new();
    pair.offer("8 0 3", "");
    pair.answer("3 8", "");
    assert_eq!(pair.offer("8 0 9", "reuse-codecs"), "8 0 9");
    assert_eq!(show(&pair.a.list), "8 0 9");
    pair.offer("8 0 3", "");
    pair.answer("3 8", "");
    assert_eq!(pair.offer("8 0 9 3", "reuse-codecs"), "3 8 0 9");
    assert_eq!(pair.answer("8 3 0", "reuse-codecs"), "3 8 0");
    assert_eq!(pair.offer("8 4", "static-codecs transcode=G722 strip=PCMA"), "3 8 0");
    assert_eq!(show(&pair.a.list), "8 4");
}

/// `codecs.md` §5.1(4): the example of the former list.
#[test]
fn rule_5_1_4_example() {
    let mut pair = Pair::new();
    pair.offer("3 101=telephone-event/8000", "");
    let flags = "strip=telephone-event mask=speex offer=telephone-event transcode=GSM";
    assert_eq!(pair.offer("98=speex/16000 99=telephone-event/16000", flags), "101=telephone-event/8000 3");
    assert!(pair.b.list.get(3).unwrap().marks.for_transcoding);
}

/// `codecs.md` §5, insertion mark: the example.
#[test]
fn insertion_mark_example() {
    let mut pair = Pair::new();
    let sdp = "98=speex/16000 0 110=telephone-event/16000 112=telephone-event/8000";
    let offered = pair.offer(sdp, "mask=all transcode=speex,PCMU,telephone-event");
    assert_eq!(offered, "98=speex/16000 0 112=telephone-event/8000 110=telephone-event/16000");
    assert_eq!(pair.answer("0 112=telephone-event/8000", ""), "0 112=telephone-event/8000");
}

/// The order of additions and companions (§6, consequences).
#[test]
fn order_of_additions() {
    let mut pair = Pair::new();
    let te = "101=telephone-event/8000|0-15";
    let sdp = format!("110=telephone-event/48000 96=opus/48000/2 {te} 13 8");
    assert_eq!(
        pair.offer(&sdp, "strip=PCMA transcode=speex/8000,speex/32000,G722"),
        format!(
            "97=speex/8000 98=speex/32000 9 99=CN/32000 100=telephone-event/32000|0-15 110=telephone-event/48000 \
             96=opus/48000/2 {te} 13"
        )
    );
}

/// `codecs.md` §9, last sentence: untouched SDP is never repaired.
#[test]
fn rule_9_untouched_sdp_is_not_repaired() {
    let mut pair = Pair::new();
    let sdp = "96=opus/48000/2 101=telephone-event/8000";
    assert_eq!(pair.offer(sdp, ""), sdp);
    assert_eq!(pair.offer(sdp, "transcode=telephone-event"), sdp, "it is there already");
}

/// `codecs.md` §8(5).
#[test]
fn rule_8_5_no_number_left() {
    let mut pair = Pair::new();
    let sdp: Vec<_> = (96..=127).map(|n| format!("{n}=x{n}/8000")).collect();
    let sdp = sdp.join(" ");
    assert_eq!(pair.offer(&sdp, "transcode=opus,PCMA"), format!("{sdp} 8"));
    assert_eq!(pair.warnings, [Warning::NoPayloadType("opus".into())]);
}

/// `codecs.md` §3.3: the example of `set`, and what must not match.
#[test]
fn rule_3_3_set() {
    let mut pair = Pair::new();
    pair.offer(
        "97=AMR-WB/16000 98=AMR/8000 96=opus/48000/2",
        "set=AMR-WB/16000/1/19850,AMR/16000/1/4750,opus//////a--b,opus/48000/2/24000",
    );
    let entry = |number| pair.b.list.get(number).unwrap().codec.clone();
    assert_eq!(entry(97).bitrate, 19850);
    assert_eq!(entry(98).bitrate, 0);
    assert_eq!((entry(96).bitrate, entry(96).options.clone()), (24000, None));
    // It stays over a re-offer without the option, and an own value is not overwritten.
    pair.offer("97=AMR-WB/16000", "set=AMR-WB/16000/1/6600");
    assert_eq!(pair.b.list.get(97).unwrap().codec.bitrate, 19850);
}

/// `codecs.md` §5.1: of formats with one number the first counts, numbers beyond 127 are not taken.
#[test]
fn doubled_numbers() {
    let mut pair = Pair::new();
    assert_eq!(pair.offer("8 8 0 100=opus/48000/2 100=speex/8000 200=x/1", ""), "8 0 100=opus/48000/2");
}

/// `codecs.md` §12(1)–(3), `sdp.md` §17.3.
#[test]
fn rule_12_packet_times() {
    let mut pair = Pair::new();
    apply_packet_times(&mut pair.a, &mut pair.b, 20, 60, 0, 0);
    assert_eq!(
        (pair.a.packet_time.ptime, pair.b.packet_time.ptime, pair.b.packet_time.maxptime),
        (20, 20, 60)
    );
    apply_packet_times(&mut pair.a, &mut pair.b, 0, 0, 0, 0);
    assert_eq!((pair.a.packet_time.ptime, pair.b.packet_time.maxptime), (20, 0), "absence keeps ptime");
    apply_packet_times(&mut pair.a, &mut pair.b, 30, 0, 0, 40);
    assert_eq!((pair.a.packet_time.ptime, pair.b.packet_time.ptime), (40, 30), "ptime-reverse alone");
    apply_packet_times(&mut pair.b, &mut pair.a, 10, 0, 0, 0);
    assert_eq!(
        (pair.a.packet_time.ptime, pair.b.packet_time.ptime),
        (40, 30),
        "locked from the next message on"
    );
    apply_packet_times(&mut pair.a, &mut pair.b, 10, 0, 50, 0);
    assert_eq!((pair.a.packet_time.ptime, pair.b.packet_time.ptime), (40, 50));
}
