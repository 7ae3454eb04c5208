//! Codecs of offers and answers as the parties see them (codecs.md §§1 to 9, 12, 13): every line, in order.

use super::super::Desk;
use super::bench::{Bench, Heard, TE, body, section, shows};

/// The short forms of the tests: `T` is telephone-event 101, `O` opus as it is added, with what belongs to it.
fn full(formats: &str) -> String {
    let word = |word: &str| match word {
        "T" => TE.to_owned(),
        "O" => "96=opus/48000/2|useinbandfec=1".to_owned(),
        other => other.to_owned(),
    };
    formats.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Members of a request from words: `key=a,b` for the dictionary `codec`, `^` for a comma that divides nothing; `-a_b` is a flag.
fn options(text: &str) -> String {
    let (mut codec, mut flags, mut other) = (Vec::new(), Vec::new(), Vec::new());
    let list = |items: &str| {
        items.split(',').map(|item| format!("\"{}\"", item.replace('^', ","))).collect::<Vec<_>>().join(",")
    };
    for word in text.split_whitespace() {
        match word.split_once('=') {
            Some((key @ ("ptime" | "ptime-reverse"), value)) => other.push(format!("\"{key}\":{value}")),
            Some((key, values)) if !word.starts_with('-') => {
                codec.push(format!("\"{key}\":[{}]", list(values)));
            }
            _ => flags.push(format!("\"{}\"", word.trim_start_matches('-').replace('_', " "))),
        }
    }
    if !codec.is_empty() {
        other.push(format!("\"codec\":{{{}}}", codec.join(",")));
    }
    if !flags.is_empty() {
        other.push(format!("\"flags\":[{}]", flags.join(",")));
    }
    other.join(",")
}

/// An offer and an answer: what each side is shown.
#[track_caller]
fn case(offer: (&str, &str), offered: &str, answer: (&str, &str), answered: &str) -> Bench {
    let mut bench = Bench::new();
    assert_eq!(bench.offer(&full(offer.0), &options(offer.1)), shows(&full(offered)), "offer {offer:?}");
    let shown = bench.answer(&full(answer.0), &options(answer.1));
    assert_eq!(shown, shows(&full(answered)), "offer {offer:?}, answer {answer:?}");
    bench
}

/// Only an offer.
#[track_caller]
fn offer(formats: &str, more: &str, offered: &str) -> Bench {
    let mut bench = Bench::new();
    assert_eq!(bench.offer(&full(formats), &options(more)), shows(&full(offered)), "{formats} {more}");
    bench
}

/// §1.1(1): what cannot be transcoded is skipped with a warning and the message succeeds.
#[test]
fn rule_1_1_1_unsupported() {
    let bench = offer("0 8", "transcode=EVS,foo/8000,QCELP/8000,PCMU", "0 8");
    for name in ["EVS", "foo/8000", "QCELP/8000"] {
        let line = format!("Codec '{name}' requested for transcoding is not supported");
        assert!(bench.desk.log.iter().any(|l| l.text == line), "{line}: {:?}", bench.desk.log);
    }
    // Channels and clock in the string make it whole.
    offer("0", "transcode=L16/8000", "0 96=L16/8000");
}

/// §1.1(4), §1.1(8): supplementals are no destination for audio; other media get nothing added, are listed as they are, and stripped by name.
#[test]
fn rule_1_1_8_other_media() {
    let video =
        body("10.0.0.1", "video 4000 RTP/AVP", "96=VP8/90000 97=H264/90000|x=1 101=telephone-event/8000");
    let shown = |more: &str| {
        let mut desk = Desk::new();
        section(&desk.offer("a", &video, &options(more)))
    };
    let lines = |formats: &str| {
        shows(formats).into_iter().map(|line| line.replace("m=audio", "m=video")).collect::<Vec<_>>()
    };
    assert_eq!(shown("transcode=PCMA"), lines("96=VP8/90000 97=H264/90000|x=1 101=telephone-event/8000"));
    assert_eq!(shown("strip=VP8"), lines("97=H264/90000|x=1 101=telephone-event/8000"));
    assert_eq!(shown("strip=all except=H264"), lines("97=H264/90000|x=1"));
    assert_eq!(shown("strip=all"), lines("96=VP8/90000 97=H264/90000|x=1 101=telephone-event/8000"), "§5.8");
}

/// §1.2: static numbers, and what is printed for numbers without a definition.
#[test]
fn rule_1_2_numbers_without_rtpmap() {
    let mut bench = Bench::new();
    let shown = bench.offer("0 8 5 6 7 11 12 14 15 16 17 18 19 96|x=1", "");
    let expected = [
        "m=audio P RTP/AVP 0 8 5 6 7 11 12 14 15 16 17 18 19 96",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:5 DVI4/8000",
        "a=rtpmap:6 DVI4/16000",
        "a=rtpmap:7 LPC/8000",
        "a=rtpmap:11 L16/44100/2",
        "a=rtpmap:12 QCELP/8000",
        "a=rtpmap:14 MPA/90000",
        "a=rtpmap:15 G728/8000",
        "a=rtpmap:16 DVI4/11025",
        "a=rtpmap:17 DVI4/22050",
        "a=rtpmap:18 G729/8000",
        "a=rtpmap:19 /0",
        "a=rtpmap:96 /0",
        "a=fmtp:96 x=1",
    ];
    assert_eq!(shown, expected);
}

/// §2.1: fields of codec strings: clock, channels, rate, packet time, fmtp and options; escapes; spelling.
#[test]
fn rule_2_1_codec_strings() {
    offer("0", "transcode=gsm", "0 3=gsm/8000");
    offer("0", "transcode=PCMA/16000", "0 96=PCMA/16000");
    offer("0", "transcode=opus", "0 O");
    offer("0", "transcode=opus/48000/2////application=audio", "0 96=opus/48000/2");
    offer("0", "transcode=opus/48000/2///", "0 96=opus/48000/2");
    offer("0", "transcode=opus/48000/1", "0 96=opus/48000|useinbandfec=1");
    offer("0", "transcode=AMR/8000/1///mode-set--0^2", "0 96=AMR/8000|mode-set=0,2");
    offer("0", "transcode=L16/8000/2", "0 96=L16/8000/2");
    // The SDP's spelling stays.
    offer("0=pcmu/8000 96=OPUS/48000/2", "", "0=pcmu/8000 96=OPUS/48000/2");
}

/// §2.2: a list may be a string with commas.
#[test]
fn rule_2_2_lists() {
    let mut bench = Bench::new();
    assert_eq!(bench.offer("0", "\"codec\":{\"transcode\":\"PCMA,GSM\"}"), shows("0 8 3"));
    let mut bench = Bench::new();
    assert_eq!(bench.offer("0", "\"codecs\":{\"transcode\":\"PCMA\"}"), shows("0 8"), "§3.1: the synonym");
}

/// §2.3: names, names with clock, and with channels.
#[test]
fn rule_2_3_indexes() {
    let formats = "0 96=L16/8000 97=L16/16000 98=L16/16000/2";
    offer(formats, "strip=L16", "0");
    offer(formats, "strip=l16/16000", "0 96=L16/8000 98=L16/16000/2");
    offer(formats, "strip=L16/16000/1", "0 96=L16/8000 98=L16/16000/2");
    offer(formats, "strip=L16/16000/2", "0 96=L16/8000 97=L16/16000");
}

/// §3.1: which keys an answer honours.
#[test]
fn rule_3_1_keys_in_answers() {
    case(("0 8 T", ""), "0 8 T", ("0 8 T", "strip=PCMU"), "8 T");
    case(("0 8 T", ""), "0 8 T", ("0 8 T", "strip=all except=PCMA"), "8");
    case(("0 8 T", ""), "0 8 T", ("0 8 T", "strip=PCMU offer=PCMU"), "8 0 T");
    case(("0 8 T", ""), "0 8 T", ("0 T", "transcode=PCMA mask=PCMU"), "0 T");
    case(("0 8 T", ""), "0 8 T", ("0 8 T", "-codec-strip-PCMU -codec-transcode-GSM"), "8 T");
}

/// §3.2: the forms as flags.
#[test]
fn rule_3_2_flags() {
    offer("0 8 T", "-codec-strip-PCMU", "8 T");
    offer("0 8 T", "-codec-strip-all -codec-offer-PCMA", "8");
    offer("0 8 T", "-codec-strip-all -codec-except-PCMU", "0");
    offer("0", "-transcode-PCMA -codec-transcode-GSM", "0 8 3");
    offer("0 8", "-codec-mask-PCMU", "8");
    offer("0 8", "-codec-consume-PCMU", "8");
    offer("0", "-codec-transcode-opus/48000/1/16000//stereo--1", "0 96=opus/48000|stereo=1");
    case(("0 8", "-codec-mask-PCMU"), "8", ("8", ""), "8");
    case(("0 8", "-codec-consume-PCMU"), "8", ("8", ""), "0");
    case(("0 8", "-codec-accept-PCMU"), "0 8", ("8", ""), "0");
    case(("0 8", "-always_transcode"), "0 8", ("8", ""), "0");
    case(("0 8", "-single_codec"), "0 8", ("0 8", ""), "0 8");
    case(("0 8 T", ""), "0 8 T", ("0 8 T", "-single_codec"), "0 T");
    for obsolete in ["-asymmetric_codecs", "-symmetric_codecs", "-reorder_codecs"] {
        case(("0 8 T", obsolete), "0 8 T", ("8 0 T", obsolete), "8 0 T");
    }
    // The string of rtpp-flags.
    let mut bench = Bench::new();
    let more = "\"rtpp-flags\":\"transcode=PCMA codec-strip=PCMU codec-mask=GSM\"";
    assert_eq!(bench.offer("0 3 9", more), shows("9 8"));
}

/// §3.3: `set` gives bit rates and options to codecs of the SDP, if clock and channels are theirs.
#[test]
fn rule_3_3_set() {
    for (set, octets) in [
        ("AMR-WB/16000/1/23850", 61),
        ("AMR-WB/16000/1/6600", 18),
        ("AMR-WB", 36),
        ("AMR-WB/8000/1/23850", 36),
    ] {
        let mut bench = Bench::new();
        let format = "96=AMR-WB/16000|octet-align=1";
        let more = options(&format!("transcode=PCMU set={set}"));
        assert_eq!(bench.offer(format, &more), shows(&format!("{format} 0")));
        assert_eq!(bench.answer("0", ""), shows(format));
        for n in 0..3 {
            bench.send("b", 0, n, u32::from(n) * 160, &[0x10; 160]);
        }
        let heard = bench.hears_within("a", 60);
        // CMR and table of contents, and 477, 132 or 285 bits.
        let expected = if octets == 61 {
            62
        } else if octets == 18 {
            19
        } else {
            38
        };
        assert_eq!(heard[0].payload.len(), expected, "{set}");
    }
}

/// §4: what is the same codec: unknown ones whatever their parameters, "exact" ones with the same, AMR by alignment and mode-set.
#[test]
fn rule_4_what_is_the_same() {
    case(("0 97=GSM/8000|x", ""), "0 97=GSM/8000|x", ("0 97=GSM/8000", ""), "0");
    case(("0 97=foo/8000|x", ""), "0 97=foo/8000|x", ("0 97=foo/8000", ""), "0 97=foo/8000");
    case(("0 18|annexb=no", ""), "0 18|annexb=no", ("18", ""), "18");
    case(("0 97=G729a/8000", ""), "0 97=G729a/8000", ("0 97=G729/8000", ""), "0 97=G729a/8000");
    let amr = "97=AMR/8000|octet-align=1;mode-set=0,2";
    for (answer, taken) in [
        ("97=AMR/8000|octet-align=1;mode-set=0,2", true),
        ("97=AMR/8000|octet-align=1;mode-set=2", true),
        ("97=AMR/8000|octet-align=1;mode-set=1", false),
        ("97=AMR/8000|octet-align=1", false),
        ("97=AMR/8000|mode-set=0,2", false),
    ] {
        let shown = if taken { format!("0 {answer}") } else { "0".to_owned() };
        let offer = format!("0 {amr}");
        case((&offer, ""), &offer, (&format!("0 {answer}"), ""), &shown);
    }
    // §5.6(1): an exact match is needed for `transcode` to be satisfied.
    offer(
        amr,
        "transcode=AMR/8000/1///octet-align=1;mode-set=0",
        &format!("{amr} 96=AMR/8000|octet-align=1;mode-set=0"),
    );
    offer(amr, "transcode=AMR/8000/1///octet-align=1;mode-set=0^2", amr);
}

/// §5.3: strip.
#[test]
fn rule_5_3_strip() {
    offer("0 8 9 T", "strip=PCMA,telephone-event", "0 9");
    offer("0 8 9 T", "strip=all except=PCMA,telephone-event/8000", "8 T");
    offer("0 8 9 T", "strip=all except=PCMA transcode=GSM", "8 3");
    offer("0 8 9 T", "strip=full except=PCMA transcode=PCMU", "8 0");
    offer("0 96=L16/8000 97=L16/16000", "strip=all except=L16/16000/1", "97=L16/16000");
}

/// §5.4, §6: offered codecs come back in the order given, in front of supplementals.
#[test]
fn rule_5_4_offer() {
    offer("0 8 9 T", "strip=all offer=G722,PCMU", "9 0");
    offer("0 8 9 T", "strip=PCMA,PCMU offer=PCMA", "9 8 T");
    offer("0 8 9 T", "strip=PCMA offer=PCMU,GSM,PCMA", "0 9 8 T");
}

/// §5.5: accept and consume, by name, index and parameters.
#[test]
fn rule_5_5_accept_and_consume() {
    // Accepted: the answer shows what the offerer has, whatever the answerer took.
    case(("0 8 T", "accept=PCMA"), "0 8 T", ("0 T", ""), "8 T");
    case(("0 8 T", "accept=all"), "0 8 T", ("8 T", ""), "0 T");
    case(("8 0 T", "accept=GSM"), "8 0 T", ("0 T", ""), "0 T");
    case(("0 8 T", "consume=PCMA"), "0 T", ("0 T", ""), "8 T");
    case(("0 8 T", "mask=PCMA"), "0 T", ("0 T", ""), "0 T");
    case(("0 9 T", "mask=PCMU transcode=PCMA"), "9 8 T", ("8 T", ""), "0 T");
}

/// §5.6: transcode.
#[test]
fn rule_5_6_transcode() {
    offer("0 8 T", "transcode=PCMA", "0 8 T");
    offer("0 T", "transcode=PCMA", "0 8 T");
    offer("0 T", "transcode=PCMA,G722", "0 8 9 T");
    // Rule 2: what was merely stripped returns as it was.
    offer("0 97=PCMA/8000 T", "strip=PCMA transcode=PCMA", "0 97=PCMA/8000 T");
    offer("0 8 T", "strip=all transcode=PCMA", "8");
    // A bare name is satisfied by any entry of the name.
    offer(
        "0 97=opus/48000/2|stereo=1 T",
        "strip=opus transcode=opus",
        "0 97=opus/48000/2|stereo=1 96=telephone-event/48000|0-15 T",
    );
    // §5.6, last sentence.
    offer("97=G729a/8000", "transcode=G729", "97=G729a/8000 18|annexb=yes");
    // The answer of one that was stripped and restored is the codec itself.
    case(("0 8 T", "strip=all transcode=PCMA"), "8", ("8", ""), "8");
}

/// §5.6(2), §5.1(4): what the receiver had before returns under its old number, marked for transcoding.
#[test]
fn rule_5_1_4_former_codecs_return() {
    let mut bench = case(("0 98=GSM/8000", ""), "0 98=GSM/8000", ("0 98=GSM/8000", ""), "0 98=GSM/8000");
    assert_eq!(bench.re_offer("a", "b", "0", ""), shows("0"));
    bench.answer("0", "");
    let mut bench = case(("0 98=GSM/8000", ""), "0 98=GSM/8000", ("0 98=GSM/8000", ""), "0 98=GSM/8000");
    assert_eq!(bench.re_offer("a", "b", "0", &options("transcode=GSM")), shows("0 98=GSM/8000"));
    assert_eq!(bench.answer("98=GSM/8000", ""), shows("0"));
}

/// §5.1(4): the example.
#[test]
fn rule_5_1_4_example() {
    let mut bench = case(
        ("3 101=telephone-event/8000", ""),
        "3 101=telephone-event/8000",
        ("3 101=telephone-event/8000", ""),
        "3 101=telephone-event/8000",
    );
    let more = options("strip=telephone-event mask=speex offer=telephone-event transcode=GSM");
    let shown = bench.re_offer("a", "b", "98=speex/16000 99=telephone-event/16000", &more);
    assert_eq!(shown, shows("101=telephone-event/8000 3"));
}

/// §5, the insertion mark and its example.
#[test]
fn rule_5_insertion_mark() {
    let formats = "98=speex/16000 0 110=telephone-event/16000 112=telephone-event/8000";
    offer(
        formats,
        "mask=all transcode=speex,PCMU,telephone-event",
        "98=speex/16000 0 112=telephone-event/8000 110=telephone-event/16000",
    );
    offer("0 T 8", "transcode=GSM", "0 3 T 8");
    offer("0 8", "transcode=telephone-event,GSM", "0 8 3 96=telephone-event/8000|0-15");
}

/// §5.8: an empty list is what the SDP said, with a warning; unless it may be empty.
#[test]
fn rule_5_8_empty_lists() {
    let bench = offer("0 8", "strip=all", "0 8");
    assert!(bench.desk.log.iter().any(|l| l.text.starts_with("Usage error: List of codecs empty")));
    for flag in ["allow_no_codec_media", "allow_no_codec_medias", "allow_empty_codec_media"] {
        let mut bench = Bench::new();
        let shown = bench.offer("0 8", &options(&format!("strip=all -{flag}")));
        assert_eq!(shown, ["m=audio P RTP/AVP 0 8"], "§13(1): the original formats");
    }
    // An answer of strays alone is taken as it stands: it is transcoded.
    case(("0 8", ""), "0 8", ("3", ""), "0");
    case(("96=foo/8000", ""), "96=foo/8000", ("3", ""), "3");
    case(("0 8", ""), "0 8", ("0 8", "strip=all"), "0 8");
}

/// §6: the example, and the order of additions.
#[test]
fn rule_6_example_and_order() {
    let formats = "3 9 101=telephone-event/8000";
    let offered = "9 8 O 97=telephone-event/48000|0-15 101=telephone-event/8000";
    case(
        (formats, "strip=GSM transcode=PCMA,opus"),
        offered,
        ("8 101=telephone-event/8000", ""),
        "3 101=telephone-event/8000",
    );
}

/// §6(2): `ignore`.
#[test]
fn rule_6_2_ignore() {
    // The codec may come back by `transcode`, as one of the daemon's.
    case(("0 8", "ignore=PCMA"), "0 8", ("8", ""), "0");
    case(("0 8 9", "ignore=all except=PCMU transcode=PCMA"), "0 8 9", ("9", ""), "0");
}

/// §6: `static codecs` and `reuse codecs` (§5.2) on a re-invite.
#[test]
fn rule_5_2_reuse_and_static_codecs() {
    let mut bench = case(("0 8 T", ""), "0 8 T", ("0 8 T", ""), "0 8 T");
    assert_eq!(bench.re_offer("a", "b", &full("9 8 0 T"), ""), shows(&full("9 8 0 T")));
    for flag in ["reuse_codecs", "no_codec_renegotiation"] {
        let mut bench = case(("0 8 T", ""), "0 8 T", ("0 8 T", ""), "0 8 T");
        let more = options(&format!("-{flag}"));
        assert_eq!(bench.re_offer("a", "b", &full("9 8 0 T"), &more), shows(&full("0 8 T 9")));
    }
    let mut bench = case(("0 8 T", ""), "0 8 T", ("0 8 T", ""), "0 8 T");
    assert_eq!(bench.re_offer("a", "b", "9", &options("-static_codecs")), shows(&full("0 8 T")));
}

/// §7.2: the answer the offerer sees.
#[test]
fn rule_7_2_answer_synthesis() {
    case(("8 0", "transcode=G722"), "8 0 9", ("9 8", ""), "8");
    case(("8 0", "transcode=G722"), "8 0 9", ("0 9", ""), "0 8");
    case(("8 0 T", "transcode=G722"), "8 0 9 T", ("9 T", ""), "8 T");
    case(
        ("8 0 T", "transcode=opus"),
        "8 0 O 97=telephone-event/48000|0-15 T",
        ("O 97=telephone-event/48000", ""),
        "8 T",
    );
    // Refused events: the answerer took none, so they are not in the answer.
    case(("8 T", "transcode=PCMU"), "8 0 T", ("0", ""), "8");
    case(("8 T", "transcode=PCMU accept=telephone-event"), "8 0 T", ("0", ""), "8 T");
    // Spelling and parameters of what passes are the answerer's.
    case(
        ("97=SPEEX/8000 T", ""),
        "97=SPEEX/8000 T",
        ("97=speex/8000 101=telephone-event/8000|0-11", ""),
        "97=speex/8000 101=telephone-event/8000|0-11",
    );
    // The offerer's for what is transcoded.
    case(
        ("97=Speex/8000 101=telephone-event/8000|0-11", "transcode=PCMU"),
        "97=Speex/8000 0 101=telephone-event/8000|0-11",
        ("0 T", ""),
        "97=Speex/8000 101=telephone-event/8000|0-11",
    );
}

/// §7.2(3): `single codec` keeps supplementals.
#[test]
fn rule_7_2_3_single_codec() {
    case(("0 8 9 T 13", ""), "0 8 9 T 13", ("8 0 T 13", "-single_codec"), "8 T 13");
}

/// §8: numbers: static where it is free, else the first free from 96 on; renumbering by the answerer is stray unless asymmetric.
#[test]
fn rule_8_numbers() {
    offer("0", "transcode=PCMA,G722,GSM", "0 8 9 3");
    offer(
        "96=foo/8000 8=foo/8000 97=bar/8000",
        "transcode=PCMA",
        "96=foo/8000 8=foo/8000 97=bar/8000 98=PCMA/8000",
    );
    offer("0 96=PCMA/8000", "strip=PCMA transcode=GSM,speex", "0 3 97=speex/16000");
    offer("0 96=opus/48000/2", "transcode=opus/48000/1", "0 96=opus/48000/2 97=opus/48000|useinbandfec=1");
    case(("0 8", ""), "0 8", ("0 98=PCMA/8000", ""), "0");
    case(("0 8", ""), "0 8", ("98=PCMA/8000 0", "-allow_asymmetric_codecs"), "98=PCMA/8000 0");
}

/// §8(6): numbers beyond 127, or none.
#[test]
fn rule_8_6_invalid_numbers() {
    for formats in ["0 128", "0 x", "300"] {
        let mut desk = Desk::new();
        let done =
            desk.exchange("offer", "\"from-tag\":\"a\"", &super::bench::sdp("10.0.0.1", 4000, formats), "");
        assert_eq!(Desk::error(&done), "Incomplete SDP specification", "{formats}");
    }
}

/// §9 and §22(4): one telephone-event per touched clock rate.
#[test]
fn rule_9_companions() {
    offer("0 T", "transcode=opus,G722", "0 O 9 97=telephone-event/48000|0-15 T");
    offer("0 T", "transcode=speex,opus", "0 96=speex/16000|X 97=opus/48000/2|useinbandfec=1 98=telephone-event/16000|0-15 99=telephone-event/48000|0-15 T".replace("|X", "").as_str());
    // Untouched SDP is never repaired.
    offer("96=opus/48000/2 T", "", "96=opus/48000/2 T");
    offer("96=opus/48000/2 0 T", "transcode=PCMA", "96=opus/48000/2 0 8 T");
    // Adding a supplemental touches all rates.
    offer(
        "96=opus/48000/2 0",
        "transcode=telephone-event",
        "96=opus/48000/2 0 98=telephone-event/48000|0-15 97=telephone-event/8000|0-15",
    );
    // Codecs that cannot be transcoded count.
    offer(
        "96=foo/32000 0",
        "transcode=telephone-event",
        "96=foo/32000 0 98=telephone-event/32000|0-15 97=telephone-event/8000|0-15",
    );
    // A rate that is gone takes its companion along.
    offer("0 96=opus/48000/2 T 97=telephone-event/48000", "strip=opus", "0 T");
    offer("0 96=opus/48000/2 T 97=telephone-event/48000", "mask=opus", "0 T");
    offer("0 8 13 T", "strip=PCMU transcode=opus", "8 O 97=CN/48000 98=telephone-event/48000|0-15 13 T");
}

/// §12: packet times.
#[test]
fn rule_12_packet_times() {
    case(("0 a:ptime:30", ""), "0 a:ptime:30", ("0 a:ptime:30", ""), "0 a:ptime:30");
    case(("0", ""), "0", ("0 a:ptime:40", ""), "0 a:ptime:40");
    // The offerer's is not known, and the answer's does not change it (§13(5)).
    case(("0", "ptime=30"), "0 a:ptime:30", ("0 a:ptime:40", ""), "0");
    case(("0 a:ptime:30", "ptime-reverse=40"), "0 a:ptime:30", ("0", ""), "0 a:ptime:40");
    case(
        ("0 a:ptime:20", "ptime=40 ptime-reverse=50"),
        "0 a:ptime:40",
        ("0 a:ptime:40", "ptime=60"),
        "0 a:ptime:50",
    );
    case(("0 a:maxptime:150", ""), "0 a:maxptime:150", ("0", ""), "0");
    let mut bench = Bench::new();
    assert_eq!(bench.offer("0", "\"reverse-ptime\":30"), shows("0"));
    assert_eq!(bench.answer("0", ""), shows("0 a:ptime:30"));
}

/// §12, the example: PCMA at 30 ms, the sink takes 20 by override.
#[test]
fn rule_12_example() {
    let mut bench = Bench::new();
    assert_eq!(bench.offer("8 a:ptime:30", &options("ptime=20")), shows("8 a:ptime:20"));
    bench.answer("8 a:ptime:20", "");
    bench.send("a", 8, 1000, 3000, &[0x10; 240]);
    let heard = bench.hears_within("b", 30);
    assert_eq!(heard.iter().map(Heard::head).collect::<Vec<_>>(), [(8, false, 1000, 3000)]);
    bench.send("a", 8, 1001, 3240, &[0x11; 240]);
    let heard = bench.hears_within("b", 30);
    assert_eq!(
        heard.iter().map(Heard::head).collect::<Vec<_>>(),
        [(8, false, 1001, 3160), (8, false, 1002, 3320)]
    );
    assert_eq!(heard[0].payload[..80], [0x10; 80]);
    assert!(heard[0].payload[80..] == [0x11; 80] && heard[1].payload == [0x11; 160]);
}

/// §13: lines of codecs.
#[test]
fn rule_13_lines() {
    offer(
        "96=AMR/8000/1|x=1 97=opus/48000/2|minptime=10;useinbandfec=1;stereo=0;foo=1",
        "",
        "96=AMR/8000|x=1 97=opus/48000/2|stereo=0;~useinbandfec=1;~minptime=10",
    );
    offer("97=opus/48000/2|foo=1;Stereo=1;cbr=2", "", "97=opus/48000/2");
    offer(
        "97=opus/48000/2|minptime=10;sprop-maxcapturerate=16000;maxaveragebitrate=20000;maxplaybackrate=16000;cbr=1;usedtx=0;useinbandfec=0;sprop-stereo=1;stereo=1",
        "",
        "97=opus/48000/2|stereo=1;~sprop-stereo=1;~useinbandfec=0;~usedtx=0;~cbr=1;~maxplaybackrate=16000;~maxaveragebitrate=20000;~sprop-maxcapturerate=16000;~minptime=10",
    );
    // rtcp-fb lines follow the codec's fmtp.
    let mut desk = Desk::new();
    let text = body(
        "10.0.0.1",
        "audio 4000 RTP/AVPF",
        "97=opus/48000/2|stereo=1 0 a:rtcp-fb:97~nack a:rtcp-fb:0~ccm",
    );
    let shown = section(&desk.offer("a", &text, ""));
    assert_eq!(
        shown,
        [
            "m=audio P RTP/AVPF 97 0",
            "a=rtpmap:97 opus/48000/2",
            "a=fmtp:97 stereo=1",
            "a=rtcp-fb:97 nack",
            "a=rtpmap:0 PCMU/8000",
            "a=rtcp-fb:0 ccm"
        ]
    );
}

/// §12(7): `repacketize` is taken and has no effect.
#[test]
fn rule_12_7_repacketize() {
    for more in ["\"repacketize\":30", "\"flags\":[\"repacketize-30\"]"] {
        let mut bench = Bench::new();
        assert_eq!(bench.offer("0 a:ptime:20", more), shows("0 a:ptime:20"));
        assert_eq!(bench.answer("0 a:ptime:20", ""), shows("0 a:ptime:20"));
        bench.send("a", 0, 1, 0, &[0x10; 160]);
        assert_eq!(bench.heard("b").len(), 1);
    }
}
