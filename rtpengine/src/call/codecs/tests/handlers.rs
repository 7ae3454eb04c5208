//! Handler selection (`codecs.md` §10) and preferences (§11).

use super::*;

const TE: &str = "101=telephone-event/8000";

/// A and B with these lists, nothing negotiated beside.
fn lists(a: &str, b: &str) -> Pair {
    let mut pair = Pair::new();
    let own = |text: &str| {
        let mut side = Pair::new();
        side.offer(text, "");
        side.a
    };
    pair.a = own(a);
    pair.b = own(b);
    pair
}

fn mark(media: &mut MediaCodecs, number: u8, accepted: bool) {
    for entry in media.list.entries_mut().filter(|entry| entry.payload_type == number) {
        entry.marks.for_transcoding = true;
        entry.marks.accepted = accepted;
    }
}

fn to_b(pair: &Pair) -> String {
    show_handlers(&pair.to_b())
}

/// `codecs.md` §10.1(1) to (4).
#[test]
fn rule_10_1_destination() {
    assert_eq!(to_b(&lists("8 0", "0 8")), "8=8 0=0");
    assert_eq!(to_b(&lists("8 0", "9")), "8>9 0>9");
    assert_eq!(to_b(&lists("97=foo/8000 8", "9")), "97 8>9", "without implementation: passed through");
    assert_eq!(to_b(&lists("12=QCELP/8000 8", "9")), "12>9 8>9", "decoding is enough for a source");
    assert_eq!(to_b(&lists("8", "97=foo/8000 12=QCELP/8000")), "8", "nothing to encode into");
    assert_eq!(to_b(&lists("8", "")), "8");
    assert_eq!(to_b(&lists("96=opus/48000/2", "98=opus/48000/2")), "96>98", "the same codec, another number");
    // The AMR direction: by number A = source, by name A = sink.
    assert_eq!(to_b(&lists("97=AMR/8000", "97=AMR/8000|mode-set=0 8")), "97=97");
    assert_eq!(to_b(&lists("97=AMR/8000|mode-set=0", "97=AMR/8000 8")), "97=97", "found by name then");
    assert_eq!(
        to_b(&lists("97=AMR/8000|octet-align=1", "97=AMR/8000 8")),
        "97=97",
        "format parameters alone never transcode"
    );
    let mut pair = lists("8 0", "9 8 0");
    mark(&mut pair.b, 9, false);
    assert_eq!(to_b(&pair), "8>9 0>9", "preferred is for transcoding");
    mark(&mut pair.b, 0, true);
    assert_eq!(to_b(&pair), "8>0 0=0", "the first accepted one is preferred");
}

/// `codecs.md` §1.1(4) and §10.1(4): supplementals stay with their own kind, or go where the audio goes.
#[test]
fn supplementals() {
    assert_eq!(to_b(&lists(&format!("8 {TE}"), &format!("0 {TE}"))), "8>0 101=101");
    assert_eq!(to_b(&lists(&format!("8 {TE}"), "0 97=telephone-event/8000")), "8>0 101>97");
    let pair = lists(&format!("8 {TE}"), "0");
    assert_eq!(to_b(&pair), "8>0 101>0");
    let Action::Process(key) = &pair.to_b().get(101).unwrap().action.clone() else { panic!() };
    assert_eq!(key.dtmf, None, "events become tones");
    let pair = lists(&format!("8 {TE}"), "96=opus/48000/2 97=telephone-event/48000");
    assert_eq!(to_b(&pair), "8>96 101>96");
    assert_eq!(pair.to_b().get(101).unwrap().dtmf, Some(97), "events of the encoder's clock");
    assert_eq!(to_b(&lists("8 99=red/8000", "0")), "8>0 99", "red is only ever forwarded");
}

/// `codecs.md` §10.2, each line.
#[test]
fn rule_10_2_transcode_or_not() {
    let same = || lists(&format!("8 {TE}"), &format!("8 {TE}"));
    assert_eq!(to_b(&same()), "8=8 101=101");
    assert_eq!(to_b(&lists("18", "18=G729a/8000")), "18>18", "names differ");
    // Packet times.
    let mut pair = same();
    pair.b.packet_time.ptime = 30;
    assert_eq!(to_b(&pair), "8=8 101=101", "only with an override");
    pair.a.packet_time.overridden = true;
    assert_eq!(to_b(&pair), "8>8 101=101");
    pair.a.packet_time.ptime = 30;
    assert_eq!(to_b(&pair), "8=8 101=101");
    // Forced.
    for change in [
        |p: &mut HandlerPolicy| p.force_transcoding = true,
        |p: &mut HandlerPolicy| p.source.dtmf_block = DtmfBlock::Zero,
        |p: &mut HandlerPolicy| p.source.dtmf_block = DtmfBlock::Digit,
        |p: &mut HandlerPolicy| p.source.dtmf_delay = true,
        |p: &mut HandlerPolicy| p.sink.audio_player = true,
        |p: &mut HandlerPolicy| p.source.detect_dtmf = true,
    ] {
        let mut pair = same();
        change(&mut pair.policy);
        assert_eq!(to_b(&pair), "8>8 101=101", "{:?}", pair.policy);
    }
    for mode in [DtmfBlock::Silence, DtmfBlock::Tone, DtmfBlock::Random] {
        let mut pair = same();
        pair.policy.source.dtmf_block = mode;
        assert_eq!(to_b(&pair), "8>8 101>8", "events become audio: {mode:?}");
    }
    let mut pair = same();
    pair.policy.source.dtmf_block = DtmfBlock::Drop;
    assert_eq!(to_b(&pair), "8=8 101=101");
    let mut pair = lists("12=QCELP/8000", "12=QCELP/8000");
    pair.policy.force_transcoding = true;
    assert_eq!(to_b(&pair), "12=12", "forced only into what can be encoded");
    // The source's telephone-event is for transcoding, the sink has none.
    let mut pair = lists(&format!("8 {TE}"), "8");
    assert_eq!(to_b(&pair), "8=8 101>8");
    mark(&mut pair.a, 101, false);
    assert_eq!(to_b(&pair), "8>8 101>8");
    // Comfort noise, either way round.
    let mut pair = lists("8 13", "8");
    mark(&mut pair.a, 13, false);
    assert_eq!(to_b(&pair), "8>8 13>8");
    let mut pair = lists("8", "8 13");
    assert_eq!(to_b(&pair), "8=8");
    mark(&mut pair.b, 13, false);
    assert_eq!(to_b(&pair), "8>8");
    // inject DTMF.
    let mut pair = lists("8", "8");
    pair.policy.sink.inject_dtmf = true;
    assert_eq!(to_b(&pair), "8>8");
    let mut pair = same();
    pair.policy.sink.inject_dtmf = true;
    assert_eq!(to_b(&pair), "8=8 101=101");
    assert!(pair.to_b().track, "tracking passthrough");
}

/// `codecs.md` §10.2, refused supplementals.
#[test]
fn rule_10_2_refused_supplementals() {
    let pair = lists(&format!("8 13 {TE}"), "8");
    assert_eq!(pair.to_a().get(8).unwrap().dtmf, None);
    assert_eq!(pair.to_a().get(8).unwrap().cn, None);
    let mut pair = pair;
    mark(&mut pair.a, 101, false);
    assert_eq!(pair.to_a().get(8).unwrap().dtmf, Some(101), "unless the daemon put it in");
    pair.swap();
    assert_eq!(pair.to_b().get(8).unwrap().cn, Some(13), "not in this direction");
}

/// `codecs.md` §10.4.
#[test]
fn rule_10_4_tone_detection() {
    let detects = |pair: &Pair| match &pair.to_b().get(8).unwrap().action {
        Action::Process(key) => key.detect_tones,
        Action::Forward => false,
    };
    let mut pair = lists("8", &format!("8 {TE}"));
    assert!(!detects(&pair), "not for a telephone-event of the sink's own");
    mark(&mut pair.b, 101, false);
    assert!(detects(&pair));
    let mut pair = lists(&format!("8 {TE}"), &format!("0 {TE}"));
    mark(&mut pair.b, 101, false);
    assert!(!detects(&pair), "the source has events of this clock");
    for change in [
        |p: &mut HandlerPolicy| p.source.triggers = true,
        |p: &mut HandlerPolicy| p.source.dtmf_delay = true,
        |p: &mut HandlerPolicy| p.source.dtmf_block = DtmfBlock::Tone,
        |p: &mut HandlerPolicy| p.source.dtmf_block = DtmfBlock::Drop,
    ] {
        let mut pair = lists("8", "8");
        change(&mut pair.policy);
        assert!(detects(&pair), "{:?}", pair.policy);
        pair.a = lists(&format!("8 {TE}"), "").a;
        assert!(!detects(&pair), "{:?}", pair.policy);
    }
    let mut pair = lists(&format!("8 {TE}"), "8");
    pair.policy.source.detect_dtmf = true;
    assert!(detects(&pair));
}

/// `codecs.md` §10.3.
#[test]
fn rule_10_3_asymmetric() {
    let mut pair = lists("8 96=opus/48000/2", "98=opus/48000/2 0");
    pair.policy.asymmetric = true;
    assert_eq!(to_b(&pair), "8=8 96=96", "the sender's own codec and number");
    mark(&mut pair.a, 96, false);
    assert_eq!(to_b(&pair), "8=8 96=98");
    mark(&mut pair.b, 0, false);
    mark(&mut pair.b, 98, false);
    assert_eq!(to_b(&pair), "8>98 96=98", "transcoded into what the daemon put in");
}

/// `codecs.md` §10.6 and the keys of §6: what stays equal is recognised.
#[test]
fn keys_are_recognised() {
    let mut pair = lists(&format!("8 {TE}"), &format!("96=opus/48000/2 {TE} 97=telephone-event/48000"));
    let before = pair.to_b();
    assert!(before.track);
    pair.b = lists("", &format!("96=opus/48000/2|stereo=1 97=telephone-event/48000 {TE}")).b;
    assert_eq!(pair.to_b(), before, "exact by the rules of opus");
    pair.b = lists("", "96=opus/48000/2").b;
    assert_ne!(pair.to_b(), before, "another telephone-event number");
    let key = |table: &HandlerTable| match &table.get(8).unwrap().action {
        Action::Process(key) => key.clone(),
        Action::Forward => panic!(),
    };
    assert_eq!(key(&before).chain_name(), "PCMA/8000 -> opus/48000/2");
    pair.b = lists("", &format!("96=opus/48000/2 {TE} 97=telephone-event/48000")).b;
    pair.b.packet_time.ptime = 40;
    let after = pair.to_b();
    assert_eq!(after, before);
    assert!(!key(&after).same_settings(&key(&before)), "but the packet time changed");
    assert_eq!(key(&after).output_ptime, 40);
}

/// Routes for the packet path: events and CN go along with transcoded audio, nothing where nothing is transcoded.
#[test]
fn routes_of_a_table() {
    let pair = lists(&format!("8 {TE}"), &format!("0 {TE}"));
    let routes = pair.to_b().routes(&pair.a);
    let shape: Vec<_> =
        routes.iter().map(|r| (r.input_payload_type, r.output_payload_type, r.dtmf)).collect();
    assert_eq!(shape, [(8, 0, Some(101)), (101, 101, Some(101))]);
    assert_eq!((routes[0].input_ptime, routes[0].output_ptime), (20, 20));
    let pair = lists(&format!("8 {TE}"), &format!("8 {TE}"));
    assert!(pair.to_b().routes(&pair.a).is_empty());
}

/// The encoder goes by the party's own parameters, not by what the answer said (§§14.4, 17.2).
#[test]
fn encoders_use_the_partys_own_parameters() {
    let mut pair = Pair::new();
    pair.offer("96=opus/48000/2|stereo=1", "transcode=G722");
    pair.answer("9", "");
    let table = pair.to_a();
    let Action::Process(key) = &table.get(9).unwrap().action else { panic!() };
    assert_eq!(key.output.fmtp.as_deref(), Some("stereo=1"));
}

fn config(
    sections: &[(&str, &[(&'static str, &'static str)])],
) -> Result<TranscodeConfig, TranscodeConfigError> {
    let mut config = TranscodeConfig::default();
    for (name, keys) in sections {
        config.add_section(name, &keys.iter().copied())?;
    }
    Ok(config)
}

/// `codecs.md` §11.1 with both examples.
#[test]
fn rule_11_1_preferences() {
    let mut pair = lists("97=AMR-WB/16000", "98=L16/16000 8");
    assert_eq!(to_b(&pair), "97>98");
    pair.config = config(&[
        ("1", &[("source", "amr-wb"), ("destination", "L16/16000"), ("preference", "10")]),
        ("2", &[("source", "AMR-WB/16000/1"), ("destination", "pcma"), ("preference", "20")]),
    ])
    .unwrap();
    assert_eq!(to_b(&pair), "97>8");
    let mut pair = lists("3", "97=iLBC/8000 8");
    pair.config =
        config(&[("x", &[("source", "GSM"), ("destination", "iLBC"), ("preference", "-1")])]).unwrap();
    assert_eq!(to_b(&pair), "3>8");
    pair.b = lists("", "97=iLBC/8000").b;
    assert_eq!(to_b(&pair), "3>97");
    pair.b = lists("", "8 3").b;
    assert_eq!(to_b(&pair), "3=3", "the codec itself stays passthrough");
    pair.b = lists("", "0 8").b;
    mark(&mut pair.b, 8, true);
    assert_eq!(to_b(&pair), "3>0", "equal values: list order, accepted or not");
}

/// `codecs.md` §11, start-up errors.
#[test]
fn rule_11_errors() {
    let text = |keys: &[(&'static str, &'static str)]| config(&[("s", keys)]).unwrap_err().to_string();
    let (source, destination, preference) = (("source", "GSM"), ("destination", "PCMA"), ("preference", "5"));
    assert_eq!(text(&[destination, preference]), "Transcode config 's' has no 'source' set");
    assert_eq!(text(&[source, preference]), "Transcode config 's' has no 'destination' set");
    assert_eq!(text(&[source, destination]), "Transcode config 's' has no verdict");
    assert_eq!(text(&[source, destination, ("preference", "0")]), "Transcode config 's' has no verdict");
    assert_eq!(
        text(&[("source", "foo"), destination, preference]),
        "Failed to parse source codec 'foo' in transcode config 's'"
    );
    assert_eq!(
        text(&[source, ("destination", ""), preference]),
        "Failed to parse destination codec '' in transcode config 's'"
    );
    assert_eq!(
        text(&[source, destination, ("transform", "nowhere")]),
        "Failed to parse transform endpoint 'nowhere' in transcode config 's'"
    );
    let twice = config(&[
        ("a", &[source, destination, preference]),
        ("b", &[("source", "gsm/8000"), destination, ("codec-chain", "yes")]),
    ]);
    assert_eq!(twice.unwrap_err().to_string(), "Duplicate entry in transcode config 'b'");
}

/// `codecs.md` §11.2(5): a transform belongs to the handlers of its pair.
#[test]
fn rule_11_2_transform() {
    let mut pair = lists("8 0", "9");
    let keys: &[_] = &[
        ("source", "PCMA"),
        ("destination", "G722"),
        ("transform", "192.0.2.1:2223"),
        ("local-interface", "int"),
        ("remote-interface", "ext"),
    ];
    pair.config = config(&[("t", keys)]).unwrap();
    assert!(!pair.config.has_preferences());
    let table = pair.to_b();
    let transform = |number| match &table.get(number).unwrap().action {
        Action::Process(key) => key.transform.clone(),
        Action::Forward => None,
    };
    assert_eq!(transform(0), None);
    let rule = transform(8).unwrap();
    assert_eq!(rule.transform, Some("192.0.2.1:2223".parse().unwrap()));
    assert_eq!(
        (rule.local_interface.as_deref(), rule.remote_interface.as_deref()),
        (Some("int"), Some("ext"))
    );
    let Action::Process(key) = &table.get(8).unwrap().action else { panic!() };
    assert_eq!(key.chain_name(), "PCMA/8000 -> G722/8000 (TFM)");
}
