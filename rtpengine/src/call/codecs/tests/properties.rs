//! What holds for every SDP and every combination of options.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

type Shape = (u8, Option<(String, u32, u32)>, Option<String>);

fn name() -> impl Strategy<Value = String> {
    let known: Vec<&str> = rtpengine_common::codec::CODECS.iter().map(|def| def.name).collect();
    prop_oneof![
        4 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9-]{0,6}",
    ]
}

fn codec() -> impl Strategy<Value = Shape> {
    let number = prop_oneof![4 => 96u8..110, 2 => 0u8..20, 1 => any::<u8>()];
    let clock =
        prop_oneof![4 => proptest::sample::select(vec![8000u32, 16000, 48000, 90000]), 1 => any::<u32>()];
    let channels = prop_oneof![4 => 1u32..3, 1 => any::<u32>()];
    let fmtp = prop_oneof![
        Just("octet-align=1".to_owned()),
        Just("mode-set=0,2".to_owned()),
        Just("stereo=1;sprop-stereo=1".to_owned()),
        "[ -~]{1,12}",
    ];
    (number, option::weighted(0.8, (name(), clock, channels)), option::of(fmtp))
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => name(),
        2 => (name(), proptest::sample::select(vec!["8000", "16000", "48000/2", "8000/1", "8000/1/12200//a=b/c=d"]))
            .prop_map(|(name, rest)| format!("{name}/{rest}")),
        1 => proptest::sample::select(vec!["all", "full", "any", ""]).prop_map(str::to_owned),
        1 => "[ -~]{0,10}",
    ]
}

fn some_options() -> impl Strategy<Value = CodecOptions> {
    let list = || prop_oneof![2 => Just(Vec::new()), 1 => vec(string(), 1..4)];
    let lists = (list(), list(), list(), list(), list(), list(), list(), list(), list());
    (lists, any::<[bool; 7]>()).prop_map(|(l, flag)| CodecOptions {
        strip: l.0,
        offer: l.1,
        except: l.2,
        ignore: l.3,
        transcode: l.4,
        mask: l.5,
        consume: l.6,
        accept: l.7,
        set: l.8,
        always_transcode: flag[0],
        reuse_codecs: flag[1],
        static_codecs: flag[2],
        single_codec: flag[3],
        allow_asymmetric_codecs: flag[4],
        allow_transcoding: flag[5],
        allow_no_codec_media: flag[6],
    })
}

/// Numbers are unique and small, the mark is inside, printed lines are complete.
fn check_list(list: &CodecList) {
    let mut seen = [false; 128];
    for entry in list.entries() {
        let taken = &mut seen[usize::from(entry.payload_type)];
        assert!(!std::mem::replace(taken, true), "{} twice", entry.payload_type);
        assert!(!entry.marks.removed);
    }
    assert!(list.is_empty() || list.marked().is_none_or(|number| list.get(number).is_some()));
    let mut text = String::new();
    list.write_attributes(&mut text).unwrap();
    let mut maps = list.formats();
    for line in text.split_terminator("\r\n") {
        let (kind, rest) = line.strip_prefix("a=").and_then(|l| l.split_once(':')).expect(line);
        let (number, value) = rest.split_once(' ').expect(line);
        let number: u8 = number.parse().unwrap();
        if kind == "rtpmap" {
            assert_eq!(maps.next(), Some(number));
            let (_, clock) = value.split_once('/').expect(line);
            assert!(clock.split('/').all(|field| field.parse::<u32>().is_ok()), "{line}");
        } else {
            assert_eq!(kind, "fmtp");
            assert!(!value.is_empty() && list.get(number).is_some());
        }
    }
    assert_eq!(maps.next(), None);
}

fn check_handlers(
    from: &MediaCodecs,
    to: &MediaCodecs,
    policy: &HandlerPolicy,
    environment: &Environment<'_>,
) {
    let table = handlers(from, to, policy, environment);
    assert_eq!(table.rows.len(), from.list.entries().len());
    for (row, entry) in table.rows.iter().zip(from.list.entries()) {
        assert_eq!(row.payload_type, entry.payload_type);
        if let Action::Process(key) = &row.action {
            assert!(entry.codec.support.decode);
            assert!(key.output.is_supported() || !key.output.is_audio());
            assert_eq!(row.destination, Some(key.output_payload_type));
            assert!(policy.asymmetric || to.list.get(key.output_payload_type).is_some());
        }
    }
    assert_eq!(handlers(from, to, policy, environment), table, "equal input, equal keys");
}

type Message = (Vec<Shape>, CodecOptions, bool, bool);

fn message() -> impl Strategy<Value = Message> {
    (vec(codec(), 0..12), some_options(), proptest::bool::weighted(0.1), proptest::bool::weighted(0.1))
}

fn with_message<R>(message: &Message, with: impl FnOnce(&Section<'_>) -> R) -> R {
    let codecs: Vec<_> = message
        .0
        .iter()
        .map(|(number, map, fmtp)| SdpCodec {
            payload_type: *number,
            rtpmap: map.as_ref().map(|(name, clock, channels)| (name.as_str(), *clock, *channels)),
            fmtp: fmtp.as_deref(),
            rtcp_fb: &[],
        })
        .collect();
    with(&Section { codecs: &codecs, rejected: message.2, not_rtp: message.3 })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    /// Several offers and answers in both directions with any options: no panic, and all invariants after each.
    #[test]
    fn any_exchange_keeps_the_invariants(
        messages in vec((message(), message(), any::<bool>()), 1..4),
        audio in proptest::bool::weighted(0.9),
        flags in any::<[bool; 8]>(),
    ) {
        let mut pair = Pair::new();
        pair.a.audio = audio;
        pair.b.audio = audio;
        let policy = HandlerPolicy {
            asymmetric: flags[0],
            force_transcoding: flags[1],
            refused_supplementals: flags[2],
            source: SourcePolicy {
                dtmf_block: if flags[3] { DtmfBlock::Tone } else { DtmfBlock::Off },
                dtmf_delay: flags[4],
                ..SourcePolicy::default()
            },
            sink: SinkPolicy { inject_dtmf: flags[5], audio_player: flags[6], echo: flags[7] },
        };
        let environment = Environment { support: &pair.support, transcode_config: &pair.config };
        for (offered, answered, swap) in &messages {
            with_message(offered, |s| offer(&mut pair.a, &mut pair.b, s, &offered.1, &environment));
            for media in [&pair.a, &pair.b] {
                check_list(&media.list);
                check_list(&media.offered);
            }
            check_handlers(&pair.b, &pair.a, &policy, &environment);
            with_message(answered, |s| answer(&mut pair.b, &mut pair.a, s, &answered.1, &policy, &environment));
            for media in [&pair.a, &pair.b] {
                check_list(&media.list);
            }
            check_handlers(&pair.b, &pair.a, &policy, &environment);
            check_handlers(&pair.a, &pair.b, &policy, &environment);
            if *swap {
                std::mem::swap(&mut pair.a, &mut pair.b);
            }
        }
    }

    /// An answer that repeats the offer is taken as it is, and every codec passes through.
    #[test]
    fn an_answer_that_repeats_the_offer_passes_through(codecs in vec(codec(), 1..12)) {
        let message = (codecs, CodecOptions::default(), false, false);
        let mut pair = Pair::new();
        let environment = Environment { support: &pair.support, transcode_config: &pair.config };
        with_message(&message, |s| offer(&mut pair.a, &mut pair.b, s, &message.1, &environment));
        prop_assert_eq!(show_list(&pair.a.list), show_list(&pair.b.list));
        let before = show_list(&pair.b.list);
        with_message(&message, |s| answer(&mut pair.b, &mut pair.a, s, &message.1, &pair.policy, &environment));
        prop_assert_eq!(show_list(&pair.a.list), before);
        prop_assert!(!pair.to_a().transcodes() && !pair.to_b().transcodes());
    }

    /// Publish, subscribe and create with anything.
    #[test]
    fn any_subscription_keeps_the_invariants(first in message(), second in message(), third in message()) {
        let config = TranscodeConfig::default();
        let environment = Environment { support: &all, transcode_config: &config };
        let mut source = MediaCodecs::new(true);
        let mut subscriber = MediaCodecs::new(true);
        let published = with_message(&first, |s| publish(&mut source, s, &first.1, &environment));
        prop_assert_eq!(published.is_err(), source.list.entries().iter().all(|e| !e.codec.is_audio()));
        check_list(&source.list);
        subscribe_request(&source, &mut subscriber, second.3, &second.1, &environment);
        check_list(&subscriber.list);
        let before = subscriber.clone();
        let answered =
            with_message(&third, |s| subscribe_answer(&source, &mut subscriber, s, &third.1, &environment));
        if answered.is_err() {
            prop_assert_eq!(&subscriber, &before);
        }
        check_list(&subscriber.list);
        create(&mut subscriber, &second.1.transcode, &second.1, &environment);
        check_list(&subscriber.list);
        with_message(&first, |s| create_answer(&mut subscriber, s, &first.1, &environment));
        check_list(&subscriber.list);
    }
}

fn show_list(list: &CodecList) -> String {
    let mut text = String::new();
    list.write_attributes(&mut text).unwrap();
    text
}
