//! The grammar of flags strings and templates: ng-control.md §9.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// The flags string means the same as these members of an offer, without a warning.
fn same(text: &str, members: &str) {
    let request = string(text);
    assert_eq!(request.warnings, [], "{text}");
    assert_eq!(essence(request), essence(offer(members)), "{text}");
}

#[test]
fn own_examples_of_the_specification() {
    same(
        "codec=[strip=[G722 GSM] offer=[PCMA]] SDES=[no-AES_CM_128_HMAC_SHA1_32 pad]",
        r#""codec":{"strip":["G722","GSM"],"offer":["PCMA"]},"SDES":["no-AES_CM_128_HMAC_SHA1_32","pad"]"#,
    );
    same("replace=[ username ] rtcp-mux=[ demux ]", r#""replace":["username"],"rtcp-mux":["demux"]"#);
    same(
        "sdp-attr=[video=[add=[content:slides lang:de]] none=[remove=[tool]]]",
        r#""sdp-attr":{"video":{"add":["content:slides","lang:de"]},"none":{"remove":["tool"]}}"#,
    );
    same(
        "medias=[[type=audio codecs=[G722]] [type=video codecs=[H264]]]",
        r#""medias":[{"type":"audio","codecs":["G722"]},{"type":"video","codecs":["H264"]}]"#,
    );
    same(
        "SRTP AVPF to-tag label=alice",
        r#""transport-protocol":"RTP/SAVPF","flags":["to-tag"],"label":"alice""#,
    );
    same("ICE=force replace-origin TOS=184", r#""ICE":"force","TOS":184,"flags":["replace-origin"]"#);
}

#[test]
fn a_space_before_the_bracket_loses_the_group_only() {
    let request = string("sdp-attr= [video=[ add = [x]]] rtcp-mux=[accept]");
    assert!(request.sdp_attr.is_empty());
    assert!(request.rtcp_mux.accept);
    assert_eq!(
        request.warnings,
        [Warning::UnknownFlag("sdp-attr".into()), Warning::Malformed("[video=[ add = [x]]]".into())]
    );
}

#[test]
fn tokens_and_spaces_rules_1_and_2() {
    same("   reset    fragment  ", r#""flags":["reset","fragment"]"#);
    same("label=a=b", r#""label":"a=b""#);
    same("", "");
    same("metadata=x--y", r#""metadata":"x--y""#);
}

#[test]
fn codec_forms_rule_3() {
    same("transcode=PCMA,PCMU", r#""codec":{"transcode":["PCMA","PCMU"]}"#);
    same("codec-transcode=[opus/48000/2 G722]", r#""codec":{"transcode":["opus/48000/2","G722"]}"#);
    for list in ["strip", "offer", "mask", "set", "accept", "except", "consume", "ignore", "transcode"] {
        let members = format!("\"codec\":{{\"{list}\":[\"PCMA\",\"PCMU\"]}}");
        same(&format!("codec-{list}=PCMA,PCMU"), &members);
        same(&format!("codec-{list}-PCMA codec-{list}-PCMU"), &members);
    }
    same("transcode-PCMA", r#""codec":{"transcode":["PCMA"]}"#);
    same(
        "codec-transcode-AMR-WB/16000/1/15850//mode-set--0,2,4/CMR-interval--300",
        r#""codec":{"transcode":["AMR-WB/16000/1/15850//mode-set=0,2,4/CMR-interval=300"]}"#,
    );
    assert_eq!(string("codec-foo=x").warnings, [Warning::UnknownKey("codec-foo".into())]);
    let answer = command_with_string("answer", "transcode=PCMA codec-strip=G722");
    assert_eq!((answer.codecs.transcode.len(), answer.codecs.strip.len()), (0, 1));
    assert_eq!(answer.warnings, []);
}

#[test]
fn transport_tokens_rule_4() {
    for (text, protocol) in [
        ("RTP", Some(Transport::RtpAvp)),
        ("AVP", Some(Transport::RtpAvp)),
        ("SRTP", Some(Transport::RtpSavp)),
        ("AVPF", Some(Transport::RtpAvpf)),
        ("SRTP AVPF", Some(Transport::RtpSavpf)),
        ("SRTP RTP", Some(Transport::RtpAvp)),
        ("AVPF AVP SRTP", Some(Transport::RtpSavp)),
        ("DTLS", Some(Transport::UdpTlsRtpSavp)),
        ("DTLS AVPF", Some(Transport::UdpTlsRtpSavpf)),
        ("DTLS SRTP", None),
        ("reset", None),
        ("RTP/AVP", Some(Transport::RtpAvp)),
        ("RTP/AVPF", Some(Transport::RtpAvpf)),
        ("RTP/SAVP", Some(Transport::RtpSavp)),
        ("RTP/SAVPF", Some(Transport::RtpSavpf)),
        ("UDP/TLS/RTP/SAVP", Some(Transport::UdpTlsRtpSavp)),
        ("UDP/TLS/RTP/SAVPF", Some(Transport::UdpTlsRtpSavpf)),
        ("transport-protocol=RTP/SAVP", Some(Transport::RtpSavp)),
        // Applied after the whole string has been read.
        ("SRTP transport-protocol=RTP/AVPF", Some(Transport::RtpSavp)),
    ] {
        let request = string(text);
        assert_eq!(request.transport_protocol, protocol.map(TransportProtocol::Use), "{text}");
        assert_eq!(request.warnings, [], "{text}");
    }
    assert!(string("DTLS=passive").dtls.passive);
}

#[test]
fn tag_tokens_rule_4() {
    for text in ["to-tag=t", "to_tag=t"] {
        let request = string(text);
        assert_eq!(request.to_tag.as_ref().unwrap(), &"t");
        assert!(request.has(Flag::ToTag));
    }
    let dict = Dict::new().with("command", "delete").with("to-tag", "t").with("rtpp-flags", "to-tag");
    let request = dictionary(dict);
    assert_eq!(request.to_tag.as_ref().unwrap(), &"t");
    assert!(request.has(Flag::ToTag));
    let request = string("from-tag=f");
    assert_eq!(request.from_tag.as_ref().unwrap(), &"f");
    assert!(request.has(Flag::Directional));
}

#[test]
fn direction_tokens_rule_4() {
    let names = |text: &str| {
        let request = string(text);
        let name =
            |name: &Option<crate::ng::ByteString>| name.as_ref().map(ToString::to_string).unwrap_or_default();
        (name(&request.from_interface), name(&request.to_interface), request.warnings.len())
    };
    let expect = |from: &str, to: &str, warnings| (from.to_string(), to.to_string(), warnings);
    assert_eq!(names("direction=priv direction=pub"), expect("priv", "pub", 0));
    assert_eq!(names("internal external"), expect("internal", "external", 0));
    assert_eq!(names("external direction=x"), expect("external", "x", 0));
    assert_eq!(names("direction=[a b]"), expect("a", "b", 0));
    assert_eq!(names("direction=a"), expect("a", "", 0));
    assert_eq!(names("direction=a direction=b direction=c"), expect("a", "b", 1));
    assert_eq!(names("direction=[a b] internal"), expect("a", "b", 1));
    assert_eq!(names("from-interface=a to-interface=b"), expect("a", "b", 0));
}

#[test]
fn containers_rule_7() {
    same("flags=[reset fragment]", r#""flags":["reset","fragment"]"#);
    same("codec=[ strip=[ G722 GSM ] ]", r#""codec":{"strip":["G722","GSM"]}"#);
    same("codec=[strip=G722,GSM offer=PCMA]", r#""codec":{"strip":["G722","GSM"],"offer":["PCMA"]}"#);
    same("codec=[strip=[G722 ]offer=[PCMA]]", r#""codec":{"strip":["G722"],"offer":["PCMA"]}"#);
    same("moh=[file=/a mode=reflect]", r#""moh":{"file":"/a","mode":"reflect"}"#);
    same(
        "tags=[[from=a to=[b c]] [from=d to=e]]",
        r#""tags":[{"from":"a","to":["b","c"]},{"from":"d","to":["e"]}]"#,
    );
    same("replace=[]", "");
    same("replace=[ ] reset", r#""flags":["reset"]"#);
    same("from-tags=[a b]reset", r#""from-tags":["a","b"],"flags":["reset"]"#);
    same(
        "sdp-attr=[audio=[substitute=[[a--1 b] c>d]]]",
        r#""sdp-attr":{"audio":{"substitute":[["a=1","b"],"c>d"]}}"#,
    );
    same("received-from=[IP4 192.0.2.1]", r#""received-from":["IP4","192.0.2.1"]"#);
    same("T.38=[decode no-ECM]", r#""T.38":["decode","no-ECM"]"#);
    same("frequencies=[400 500]", r#""frequencies":[400,500]"#);
    same(
        "media=[[id=1 type=audio codec=[[input=[codec=PCMA] output=[codec=opus]]] destination=[family=IP4 address=192.0.2.1 port=4000]]]",
        r#""media":[{"id":"1","type":"audio","codec":[{"input":{"codec":"PCMA"},"output":{"codec":"opus"}}],"destination":{"family":"IP4","address":"192.0.2.1","port":4000}}]"#,
    );
}

#[test]
fn a_dictionary_entry_without_equals_ends_it_rule_8() {
    let request = string("codec=[strip=[A] foo offer=[B]] reset");
    assert_eq!((texts(&request.codecs.strip), request.codecs.offer.len()), (vec!["A".into()], 0));
    assert!(request.has(Flag::Reset));
    assert!(matches!(request.warnings[..], [Warning::DictionaryEnded(_)]));
    assert_eq!(request.warnings[0].severity(), Severity::Error);
}

#[test]
fn malformed_input_never_swallows_the_rest_rule_10() {
    for text in [
        "codec=[strip=[G722 GSM] offer=[PCMA] reset",
        "codec=[strip=[G722 reset",
        "codec=[[[[ reset",
        "]]] reset",
        "foo=[a b]]] reset",
        "[ reset",
        "[[] reset",
        "= reset",
        "== reset",
        "codec = [strip=[x]] reset",
        "codec= reset",
        "codec=[strip= offer=[x]] reset",
        "replace=[x=[y] z] reset",
        "replace=[[a] x=[y=[z] q]] reset",
        "[a]b]c[ reset",
        "label=[ reset",
    ] {
        let request = string(text);
        assert!(request.has(Flag::Reset), "{text}: {:?}", request.warnings);
        assert!(!request.warnings.is_empty(), "{text}");
    }
    let request = string("codec=[strip=[G722] offer=[PCMA] SDES=[pad] ICE=force");
    assert!(request.sdes.pad);
    assert_eq!(request.ice, Ice::Force);
    assert_eq!(request.codecs, Codecs::default());
}

#[test]
fn containers_nest_deeply_but_not_without_end() {
    let nested = |depth: usize| format!("tags={}{} reset", "[".repeat(depth), "]".repeat(depth));
    for depth in [10, 120, 1000, 30_000] {
        assert!(string(&nested(depth)).has(Flag::Reset), "{depth}");
    }
}

#[test]
fn long_hostile_strings_take_linear_time() {
    for piece in ["a=[ ", "[", "]", "a=[b] ", "=", "[a=[", "a=[b=[c ", "codec-strip-x ", "x=[a] ] "] {
        let text = piece.repeat(60_000 / piece.len());
        let start = Instant::now();
        let _ = string(&text);
        assert!(start.elapsed() < Duration::from_secs(2), "{piece}: {:?}", start.elapsed());
    }
}

#[test]
fn position_in_wire_order_rule_9_2() {
    let dict = Dict::new().with("command", "offer").with("ICE", "remove").with("rtpp-flags", "ICE=force");
    assert_eq!(dictionary(dict).ice, Ice::Force);
    let dict = Dict::new().with("command", "offer").with("rtpp flags", "ICE=force").with("ICE", "remove");
    assert_eq!(dictionary(dict).ice, Ice::Remove);
    assert!(string("").has_rtpp_flags);
    assert!(!offer("").has_rtpp_flags);
}

fn with_templates(templates: &[(&str, &str)], message: &str) -> Box<Request> {
    let defaults = Defaults { templates: templates.iter().copied().collect(), ..Defaults::default() };
    try_parse(message, &defaults).unwrap()
}

#[test]
fn templates_rule_9_3() {
    let templates = [
        ("Default", "ICE=remove label=d reset"),
        ("OFFER", "ICE=force from-tags=[o]"),
        ("play media", "volume=-5"),
        ("web", "WebRTC template=more"),
        ("MORE", "generate-RTCP"),
    ];
    let request = with_templates(&templates, r#"{"command":"offer","from-tags":["x"],"label":"own"}"#);
    assert_eq!(request.ice, Ice::Force);
    assert_eq!(texts(&request.from_tags), ["o", "x"]);
    assert_eq!(request.label.as_ref().unwrap(), &"own");
    assert!(request.has(Flag::Reset));
    assert!(!request.has_rtpp_flags);
    let request = with_templates(&templates, r#"{"command":"answer"}"#);
    assert_eq!((request.ice, request.label.unwrap()), (Ice::Remove, "d".into()));
    assert_eq!(with_templates(&templates, r#"{"command":"play media"}"#).dtmf.volume, Some(-5));
    let request = with_templates(&templates, r#"{"command":"answer","template":"WEB","ICE":"optional"}"#);
    assert_eq!((request.ice, request.generate_rtcp), (Ice::Optional, Some(true)));
    let request = with_templates(&templates, r#"{"command":"answer","rtpp-flags":"template=web"}"#);
    assert_eq!(request.transport_protocol, Some(TransportProtocol::Use(Transport::UdpTlsRtpSavpf)));
    let request = with_templates(&templates, r#"{"command":"answer","template":"none"}"#);
    assert_eq!(request.warnings, [Warning::UnknownTemplate("none".into())]);
    assert_eq!(with_templates(&templates, r#"{"command":"query"}"#).label, None);
}

#[test]
fn templates_do_not_recurse_without_end() {
    let templates = [("a", "template=a template=a reset"), ("b", "template=a")];
    let request = with_templates(&templates, r#"{"command":"offer","template":"b"}"#);
    assert!(request.has(Flag::Reset));
    assert!(request.warnings.iter().any(|warning| matches!(warning, Warning::TemplateDepth(_))));
}

proptest! {
    #[test]
    fn any_text_ends_without_panic(text in "[\\[\\]= a-cx,.>-]{0,60}") {
        let request = string(&format!("{text} reset"));
        // Unless the text ends inside a matched bracket group, which it cannot, the last token counts.
        prop_assert!(request.has(Flag::Reset), "{} {:?}", text, request.warnings);
    }

    #[test]
    fn plausible_text_ends_without_panic(words in prop::collection::vec(
        prop::sample::select(&["codec=[", "strip=[", "]", "]]", "[", "PCMA", "ICE=force", "=", "a=b", "x=[y]",
            "sdp-attr=[audio=[add=[", "template=x", "direction=[a b]", "flags=[reset]", "media=[[type=audio]"][..]), 0..30)) {
        let request = string(&words.join(" "));
        prop_assert!(request.warnings.len() <= Request::MAX_WARNINGS + 1);
    }
}
