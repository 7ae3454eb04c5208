//! The flags list and its prefix forms: ng-control.md §7.

use super::*;

#[test]
fn every_flag_in_both_spellings() {
    for word in flag_words() {
        for name in word.names {
            let hyphens = flags(&[name]);
            let blanks = flags(&[&name.replace('-', " ")]);
            assert!(!hyphens.warnings.iter().any(|w| matches!(w, Warning::UnknownFlag(_))), "{name}");
            assert_eq!(hyphens.flags, blanks.flags, "{name}");
            assert_eq!(hyphens.warnings.len(), blanks.warnings.len(), "{name}");
        }
    }
}

#[test]
fn every_spelling_of_section_7_is_known() {
    let spellings = "all allow-asymmetric-codecs allow-asymmetric-codec allow-no-codec-media allow-no-codec-medias \
        allow-empty-codec-media allow-empty-codec-medias allow-transcoding force-transcoding always-transcode asymmetric \
        audio-player player no-audio-player no-player bidirectional block-DTMF block-dtmf block-egress block-short \
        block-shorts block-short-packets debug debugging detect-DTMF detect-dtmf directional discard-recording early-media \
        egress exclude-recording skip-recording-db skip-recording-database fatal fast fragment full-rtcp-attribute \
        full-RTCP-attribute no-rtcp-attribute no-RTCP-attribute generate-mid generate-RTCP generate-rtcp reject-ICE \
        reject-ice ICE-reject ice-reject inactive inject-DTMF inject-dtmf loop-protect media-handover mirror-RTCP \
        mirror-rtcp RTCP-mirror rtcp-mirror mix mixed NAT-wait nat-wait pierce-NAT pierce-nat new-branch provisional \
        no-codec-renegotiation reuse-codecs static-codecs static-codec single-codec passthrough no-passthrough port-latching \
        no-port-latching no-redis-update no-tls-id no-jitter-buffer original-sendrecv pad-crypto record-call recording-vsc \
        recording-VSC recording-announcement recrypt reset SIP-source-address sip-source-address trust-address SIPREC siprec \
        strict-source strip-extmap to-tag to_tag trickle-ICE trickle-ice unidirectional unsubscribe WebRTC webRTC webrtc \
        WebRtc pause";
    for name in spellings.split_whitespace() {
        assert_eq!(flags(&[name]).warnings, [], "{name}");
    }
    for obsolete in
        ["asymmetric-codecs", "symmetric codecs", "reorder-codecs", "symmetric", "force", "auto-bridge"]
    {
        assert_eq!(flags(&[obsolete]).warnings, [Warning::Obsolete(obsolete.into())]);
    }
    assert_eq!(flags(&["Reset", ""]).warnings, [Warning::UnknownFlag("Reset".into())]);
}

#[test]
fn flags_that_stand_for_values() {
    assert_eq!(flags(&["all"]).all, All::All);
    assert_eq!(texts(&flags(&["always transcode"]).codecs.accept), ["all"]);
    assert_eq!(flags(&["player"]).audio_player, AudioPlayer::On);
    assert_eq!(flags(&["no-audio-player"]).audio_player, AudioPlayer::Off);
    assert_eq!(flags(&["generate RTCP"]).generate_rtcp, Some(true));
    assert!(flags(&["pad crypto"]).sdes.pad);
    assert_eq!(flags(&["passthrough"]).passthrough, Some(true));
    assert_eq!(flags(&["no-passthrough"]).passthrough, Some(false));
    assert!(!flags(&["SIP source address"]).trust_address);
    assert!(flags(&["SIP-source-address", "trust-address"]).trust_address);
    assert_eq!(texts(&flags(&["strip-extmap"]).extmap.strip), ["all"]);
}

#[test]
fn web_rtc_is_an_abbreviation() {
    let spelled = offer(
        r#""transport-protocol":"UDP/TLS/RTP/SAVPF","ICE":["force","trickle"],"rtcp-mux":["offer","require"],"SDES":["off"],"bundle":["offer","require"],"flags":["no rtcp attribute","generate mid"]"#,
    );
    for name in ["WebRTC", "webRTC", "webrtc", "WebRtc"] {
        assert_eq!(essence(flags(&[name])), essence(spelled.clone()), "{name}");
    }
}

#[test]
fn value_lists_of_section_8() {
    let request = offer(
        r#""replace":["origin","session connection","origin_full","username","session name","SDP version","zero-address","force increment sdp ver"]"#,
    );
    let all = Replace {
        origin: true,
        origin_full: true,
        session_connection: true,
        username: true,
        session_name: true,
        sdp_version: true,
        zero_address: true,
        force_increment_sdp_version: true,
    };
    assert_eq!((request.replace, request.warnings), (all, vec![]));

    let mux = offer(r#""RTCP mux":["require"]"#).rtcp_mux;
    assert_eq!(mux, RtcpMux { offer: true, require: true, ..RtcpMux::default() });
    let mux = offer(r#""rtcp-mux":["demux","accept","reject"]"#).rtcp_mux;
    assert_eq!(mux, RtcpMux { demux: true, accept: true, reject: true, ..RtcpMux::default() });

    let strict = offer(r#""BUNDLE":["strict"]"#);
    assert_eq!(strict.bundle, Bundle { offer: true, require: true, strict: true, ..Bundle::default() });
    assert!(strict.has(Flag::GenerateMid));
    assert!(!offer(r#""bundle":["accept"]"#).has(Flag::GenerateMid));

    for (word, ice, lite) in [
        ("remove", Ice::Remove, None),
        ("force", Ice::Force, None),
        ("force relay", Ice::ForceRelay, None),
        ("force_relay", Ice::ForceRelay, None),
        ("default", Ice::Default, None),
        ("optional", Ice::Optional, None),
        ("lite-none", Ice::NotGiven, Some(IceLite::Off)),
        ("no-lite", Ice::NotGiven, Some(IceLite::Off)),
        ("lite", Ice::NotGiven, Some(IceLite::Forward)),
        ("lite-offer", Ice::NotGiven, Some(IceLite::Forward)),
        ("lite-backwards", Ice::NotGiven, Some(IceLite::Backward)),
        ("lite-bk", Ice::NotGiven, Some(IceLite::Backward)),
        ("lite-both", Ice::NotGiven, Some(IceLite::Both)),
    ] {
        let request = offer(&format!("\"ICE\":\"{word}\""));
        assert_eq!((request.ice, request.ice_lite, request.warnings.len()), (ice, lite, 0), "{word}");
    }
    assert_eq!(offer(r#""ICE":["force","remove"]"#).ice, Ice::Remove);
    assert!(offer(r#""ice":"ICE2""#).has(Flag::Ice2));
    for (word, lite) in [("none", IceLite::Off), ("fwd", IceLite::Forward), ("answer", IceLite::Backward)] {
        assert_eq!(offer(&format!("\"ice lite\":\"{word}\"")).ice_lite, Some(lite), "{word}");
    }

    for off in ["off", "no", "disable", "disabled"] {
        assert!(offer(&format!("\"DTLS\":\"{off}\"")).dtls.off, "{off}");
        assert!(offer(&format!("\"sdes\":[\"{off}\"]")).sdes.off, "{off}");
    }
    assert!(offer(r#""dtls-reverse":["passive"]"#).dtls.passive);
    let answer = json("answer", r#""DTLS":"passive""#);
    assert!(!answer.dtls.passive);
    assert_eq!(answer.warnings[0].severity(), Severity::Notice);

    let osrtp = offer(r#""OSRTP":["offer-rfc","accept"]"#).osrtp;
    assert_eq!(osrtp, Osrtp { offer: true, offer_legacy: false, accept: true, accept_legacy: true });

    let t38 = offer(r#""T.38":["decode","no ECM","no-v.17","no V27ter","no-V29","no-v34","no-iaf","fec"]"#);
    assert_eq!(t38.warnings, []);
    let t38 = t38.t38;
    assert!(t38.decode && t38.no_ecm && t38.no_v17 && t38.no_v27ter && t38.no_v29 && t38.no_v34);
    assert!(t38.no_iaf && t38.fec && !t38.force && !t38.stop);
    assert_eq!(offer(r#""T38":["x"]"#).warnings[0].to_string(), "Unknown 'T.38' flag encountered: 'x'");
}

#[test]
fn sdes_values() {
    let request = offer(
        r#""SDES":["unencrypted_srtp","UNENCRYPTED_SRTCP","authenticated_srtp","no-A","no-B","only-C","order:D;E;","offerer_pref:F;G","lifetime","pad","static","nonew","priority","Pad"]"#,
    );
    let expected = Sdes {
        off: false,
        unencrypted_srtp: Some(true),
        unencrypted_srtcp: Some(true),
        unauthenticated_srtp: Some(false),
        exclude: vec!["A".into(), "B".into()],
        only: vec!["C".into()],
        order: vec!["D".into(), "E".into()],
        offerer_preference: vec!["F".into(), "G".into()],
        lifetime: true,
        pad: true,
        keep: true,
        no_new: true,
        prefer: true,
    };
    assert_eq!(request.sdes, expected);
    assert_eq!(request.warnings, [Warning::UnknownValue { key: "SDES", value: "Pad".into() }]);
}

#[test]
fn prefix_forms_of_section_7_1() {
    for (flag, members) in [
        ("replace-origin", r#""replace":["origin"]"#),
        ("replace-session name", r#""replace":["session-name"]"#),
        ("rtcp-mux-demux", r#""rtcp-mux":["demux"]"#),
        ("rtcp mux demux", r#""rtcp-mux":["demux"]"#),
        ("BUNDLE-require", r#""bundle":["require"]"#),
        ("OSRTP-accept-legacy", r#""OSRTP":["accept-legacy"]"#),
        ("SDES-off", r#""SDES":["off"]"#),
        ("SDES-no-AES_CM_128_HMAC_SHA1_32", r#""SDES":["no-AES_CM_128_HMAC_SHA1_32"]"#),
        ("SDES-only-X", r#""SDES":["only-X"]"#),
        ("SDES-order:A;B;", r#""SDES":["order:A;B;"]"#),
        ("SDES-offerer_pref:A;B;", r#""SDES":["offerer_pref:A;B;"]"#),
        ("endpoint-learning-off", r#""endpoint-learning":"off""#),
        ("from-tags-a..b", r#""from-tags":["a b"]"#),
        ("codec-strip-G722", r#""codec":{"strip":["G722"]}"#),
        ("codec-offer-a,b", r#""codec":{"offer":["a,b"]}"#),
        ("codec-except-x", r#""codec":{"except":["x"]}"#),
        ("codec-ignore-x", r#""codec":{"ignore":["x"]}"#),
        ("codec-accept-x", r#""codec":{"accept":["x"]}"#),
        ("codec-consume-x", r#""codec":{"consume":["x"]}"#),
        ("codec-set-opus/48000/2////a--b", r#""codec":{"set":["opus/48000/2////a=b"]}"#),
        ("transcode-PCMA", r#""codec":{"transcode":["PCMA"]}"#),
        ("codec-transcode-PCMA", r#""codec":{"transcode":["PCMA"]}"#),
        ("codec-mask-opus", r#""codec":{"mask":["opus"]}"#),
        ("T38-decode", r#""T.38":["decode"]"#),
        ("T.38-no-ECM", r#""T.38":["no-ECM"]"#),
        ("sdp-attr-add-audio-ptime:20", r#""sdp-attr":{"audio":{"add":["ptime:20"]}}"#),
        ("sdp-attr-remove-none-tool", r#""sdp-attr":{"none":{"remove":["tool"]}}"#),
        ("sdp-attr-substitute-video-a>b..c", r#""sdp-attr":{"video":{"substitute":[["a","b c"]]}}"#),
    ] {
        let request = flags(&[flag]);
        assert_eq!(request.warnings, [], "{flag}");
        assert_eq!(essence(request), essence(offer(members)), "{flag}");
    }
}

#[test]
fn prefix_forms_by_command() {
    for command in ["offer", "subscribe request", "publish"] {
        let request = command_with_flags(command, &["transcode-A", "codec-mask-B", "T38-force"]);
        assert_eq!(
            (texts(&request.codecs.transcode), texts(&request.codecs.mask)),
            (vec!["A".into()], vec!["B".into()])
        );
        assert!(request.t38.force);
    }
    let answer =
        command_with_flags("answer", &["transcode-A", "codec-transcode-A", "codec-mask-B", "T.38-force"]);
    assert_eq!(answer.warnings.len(), 4);
    assert!(answer.warnings.iter().all(|warning| matches!(warning, Warning::UnknownFlag(_))));
    let answer = command_with_flags("answer", &["codec-strip-A", "codec-accept-B", "codec-set-C"]);
    assert_eq!(answer.warnings, []);
    assert_eq!(texts(&answer.codecs.accept), ["B"]);
}

#[test]
fn empty_and_wrong_prefix_forms() {
    for flag in ["transcode-", "SDES-", "codec-strip-", "sdp-attr-add-"] {
        assert_eq!(flags(&[flag]).warnings, [Warning::UnknownFlag(flag.into())]);
    }
    for flag in
        ["SDES-foo", "SDES-no-", "sdp-attr-add-news-x", "sdp-attr-add-audio", "sdp-attr-substitute-audio-x"]
    {
        let request = flags(&[flag]);
        assert!(matches!(request.warnings[..], [Warning::UnknownValue { .. }]), "{flag}");
        assert!(request.sdp_attr.level(SdpLevel::Media(MediaType::Audio)).is_none(), "{flag}");
    }
}

#[test]
fn strict_source_with_media_handover_is_a_warning() {
    assert_eq!(flags(&["strict source", "media handover"]).warnings, [Warning::StrictSourceAndHandover]);
}

#[test]
fn flags_print_their_names() {
    let set: Flags = [Flag::Reset, Flag::Asymmetric].into_iter().collect();
    assert_eq!(format!("{set:?}"), "{Asymmetric, Reset}");
}
