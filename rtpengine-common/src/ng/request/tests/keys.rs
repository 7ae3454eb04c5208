//! Keys, synonyms, types and duplicates: ng-control.md §3.3 and §6.

use super::*;
use crate::ng::{Command, Encoding};

#[test]
fn command_is_needed_and_known_rules_4_2_and_4_4() {
    for (message, error) in [
        ("de", Error::NoCommand),
        ("d7:commandi1ee", Error::NoCommand),
        ("{\"command\":[]}", Error::NoCommand),
        ("d7:command3:xyze", Error::UnrecognizedCommand),
        ("d7:command5:Offere", Error::UnrecognizedCommand),
    ] {
        assert_eq!(try_parse(message, &Defaults::default()).unwrap_err(), error, "{message}");
    }
}

#[test]
fn every_spelling_of_section_6_is_known() {
    // As printed in the specification, key by key; a dot separates spellings.
    let spellings = "call-id.call-ID.call id.call ID.from-tag.from tag.to-tag.to_tag.to tag.via-branch.label.from-label.\
        from label.set-label.set label.to-label.to label.from-tags.from tags.to-call-id.to call id.source-tag.source tag.\
        source-call-id.source call id.source-call-ID.source call ID.calls.tags.address.alias-key.alias key.instance.\
        sip-message-type.sip_message_type.SIP-message-type.SIP_message_type.sip message type.SIP message type.sip-code.\
        sip_code.SIP-code.SIP_code.sip code.SIP code.sip-response-code.sip_response_code.SIP-response-code.\
        SIP_response_code.sip response code.SIP response code.all.command.sdp.SDP.flags.replace.direction.from-interface.\
        from interface.to-interface.to interface.interface.inbound-peer.inbound peer.outbound-peer.outbound peer.peer.\
        received-from.received from.media-address.media address.address family.address-family.transport-protocol.\
        transport protocol.ICE.ice.ICE-lite.ice-lite.ICE lite.ice lite.rtcp-mux.RTCP-mux.rtcp mux.RTCP mux.bundle.BUNDLE.\
        DTLS.dtls.DTLS-reverse.dtls-reverse.DTLS fingerprint.DTLS-fingerprint.dtls fingerprint.dtls-fingerprint.SDES.sdes.\
        OSRTP.osrtp.codec.codecs.ptime.ptime-reverse.ptime reverse.reverse-ptime.reverse ptime.extmap.generate-RTCP.\
        generate-rtcp.generate RTCP.generate rtcp.TOS.tos.endpoint-learning.endpoint learning.media echo.media-echo.\
        drop-traffic.drop traffic.passthrough.passthru.audio-player.audio player.player.supports.xmlrpc-callback.\
        XMLRPC-callback.template.rtpp-flags.rtpp_flags.rtpp flags.record call.record-call.metadata.recording-file.\
        recording-dest.recording-destination.output-file.output-dest.output-destination.recording file.output destination.\
        recording-path.recording-dir.recording-directory.recording-folder.output-path.output-dir.output-directory.\
        output-folder.output folder.recording-pattern.output-pattern.output pattern.recording-media-slot-offer.\
        recording-media-slot-answer.recording-media-slots.vsc-start-rec.vsc-stop-rec.vsc-start-stop-rec.vsc-pause-rec.\
        vsc-pause-resume-rec.vsc-start-pause-resume-rec.VSC-start-rec.VSC-pause-resume-recording.vsc-stop-recording.file.\
        blob.db-id.blob64.repeat-times.repeat times.repeat-duration.repeat duration.start-pos.start pos.moh.MoH.MOH.code.\
        digit.duration.pause.volume.frequency.frequencies.trigger.trigger-end.trigger end.end-trigger.end trigger.\
        trigger-end-time.trigger end time.end-trigger-time.end trigger time.trigger-end-digits.trigger end digits.\
        end-trigger-digits.end trigger digits.DTMF-security.dtmf-security.DTMF security.dtmf security.\
        DTMF-security-trigger.dtmf security trigger.DTMF-security-trigger-end.dtmf-security-trigger-end.DTMF-delay.\
        DTMF delay.dtmf-delay.dtmf delay.delay-buffer.delay buffer.dtmf-log-dest.DTMF-log-dest.dtmf-log-destination.\
        DTMF-log-destination.T38.t38.T38-version.t38-version.T38 version.delete delay.delete-delay.delete_delay.media.\
        medias.limit.body.repacketize";
    for key in spellings.split('.') {
        let request = dictionary(Dict::new().with("command", "offer").with(key, 1));
        assert!(!matches!(request.warnings[..], [Warning::UnknownKey(_), ..]), "{key}");
    }
    for key in ["T.38", "t.38", "T.38-version", "t.38 version"] {
        let request = dictionary(Dict::new().with("command", "offer").with(key, 1));
        assert_eq!(request.warnings, [], "{key}");
    }
    for structure in ["sdp-attr", "SDP-attr", "sdp attr", "SDP attr"] {
        let dict = Dict::new().with("command", "offer").with(structure, Dict::new());
        assert_eq!(dictionary(dict).warnings, [], "{structure}");
    }
    for list in
        ["sdp-media-remove", "SDP-media-remove", "sdp_media_remove", "SDP_media_remove", "SDP media remove"]
    {
        let dict = Dict::new().with("command", "offer").with(list, Value::list(["video"]));
        assert_eq!(dictionary(dict).sdp_media_remove, [MediaType::Video], "{list}");
    }
}

#[test]
fn keys_are_case_sensitive_and_unknown_ones_are_warnings_rules_3_3_3_and_3_3_4() {
    let request = offer(r#""Call-ID":"x","call-id":"y","foo":1"#);
    assert_eq!(request.call_id.as_ref().unwrap(), &"y");
    assert_eq!(request.warnings, [Warning::UnknownKey("Call-ID".into()), Warning::UnknownKey("foo".into())]);
}

#[test]
fn warnings_are_bounded() {
    let mut dict = Dict::new().with("command", "offer");
    for _ in 0..1000 {
        dict.push("x".repeat(1000), 1);
    }
    let request = dictionary(dict);
    assert_eq!(request.warnings.len(), Request::MAX_WARNINGS + 1);
    assert_eq!(request.warnings.last(), Some(&Warning::More));
    assert_eq!(request.warnings[0], Warning::UnknownKey("x".repeat(128).into()));
}

#[test]
fn wrong_types_are_not_given_rule_3_3_1() {
    let request =
        offer(r#""call-id":5,"from-tag":["a"],"TOS":[1],"flags":7,"codec":"x","ICE":{"a":1},"db-id":null"#);
    assert_eq!(request.call_id, None);
    assert_eq!(request.from_tag, None);
    assert_eq!(request.tos, Tos::Default);
    assert_eq!(request.warnings, []);
}

#[test]
fn duplicates_rule_3_3_2() {
    let request = offer(
        r#""from-tag":"a","from-tag":"b","from-tag":5,"flags":["reset"],"flags":["fragment"],"codec":{"strip":["A"]},"codecs":{"strip":"B,C"}"#,
    );
    assert_eq!(request.from_tag.as_ref().unwrap(), &"b");
    assert!(request.has(Flag::Reset) && request.has(Flag::Fragment));
    assert_eq!(texts(&request.codecs.strip), ["A", "B", "C"]);
}

#[test]
fn direct_keys_take_the_first_occurrence_and_one_spelling_rule_11_5() {
    let query =
        json("query", r#""call-id":"a","call-id":"b","call id":"c","to tag":"t","flags":["all"],"foo":1"#);
    assert_eq!(query.call_id.as_ref().unwrap(), &"a");
    assert_eq!(query.to_tag, None);
    assert_eq!(query.all, All::None);
    assert_eq!(query.warnings, []);
    assert_eq!(json("list", r#""limit":7,"limit":9"#).limit, Some(7));
    assert_eq!(json("list", r#""limit":"-1""#).limit, Some(-1));
    assert_eq!(json("list", "").limit, None);
    assert_eq!(json("cli", r#""body":"list totals","body":"x""#).body.unwrap(), "list totals");
    assert_eq!(json("CLI", "").command, Command::Cli);
}

#[test]
fn first_command_counts() {
    assert_eq!(json("ping", r#""command":"offer""#).command, Command::Ping);
}

#[test]
fn integers_by_encoding_rule_3_3() {
    let bencode = |value: Value<'_>| {
        let dict = Dict::new().with("command", "offer").with("sip-code", value.into_owned());
        dictionary(dict).sip_code
    };
    for (text, number) in [
        ("200", Some(200)),
        ("-5", Some(-5)),
        ("+5", Some(5)),
        ("007", Some(7)),
        ("0x10", None),
        ("200 ", None),
        ("", None),
        ("x", None),
    ] {
        assert_eq!(bencode(text.into()), number, "bencode {text:?}");
    }
    assert_eq!(bencode(Value::Int(1 << 40)), Some(i32::MAX));
    for (text, number) in [
        ("200", Some(200)),
        ("0x10", Some(16)),
        ("010", Some(8)),
        ("08", Some(0)),
        ("0", Some(0)),
        ("0x", Some(0)),
        ("12abc", Some(12)),
        (" -3x", Some(-3)),
        ("abc", None),
        ("", None),
    ] {
        assert_eq!(offer(&format!("\"sip-code\":\"{text}\"")).sip_code, number, "JSON {text:?}");
    }
    assert_eq!(offer(r#""sip-code":true"#).sip_code, Some(1));
    assert_eq!(offer(r#""sip-code":1.5"#).sip_code, None);
    for (text, number) in [
        ("200", Some(200)),
        ("12abc", Some(12)),
        ("2147483647", Some(i32::MAX)),
        ("2147483648", None),
        ("99999999999999999999999", None),
        ("abc", None),
    ] {
        assert_eq!(string(&format!("sip-code={text}")).sip_code, number, "flags {text:?}");
    }
}

#[test]
fn lists_may_be_comma_separated_strings_rule_3_3() {
    let request =
        offer(r#""rtcp-mux":"offer,accept","replace":["origin",5,"username"],"ICE":"force,trickle""#);
    assert!(request.rtcp_mux.offer && request.rtcp_mux.accept);
    assert!(request.replace.origin && request.replace.username);
    assert_eq!(request.ice, Ice::Force);
    assert!(request.has(Flag::TrickleIce));
}

#[test]
fn escapes_in_list_values_only_rule_3_4() {
    let request = offer(
        r#""codec":{"transcode":["AMR-WB/16000/1/15850//mode-set--0,2,4/CMR-interval--300"]},"from-tags":["a..b","c---d"],"from-tag":"x--y","calls":["q--..r"]"#,
    );
    assert_eq!(texts(&request.codecs.transcode), ["AMR-WB/16000/1/15850//mode-set=0,2,4/CMR-interval=300"]);
    assert_eq!(texts(&request.from_tags), ["a b", "c=-d"]);
    assert_eq!(texts(&request.calls), ["q= r"]);
    assert_eq!(request.from_tag.unwrap(), "x--y");
}

#[test]
fn start_values_section_4() {
    let defaults = Defaults {
        sip_source: true,
        dtls_passive: true,
        endpoint_learning: EndpointLearning::Delayed,
        ..Defaults::default()
    };
    let request = try_parse("d7:command5:offere", &defaults).unwrap();
    assert!(!request.trust_address);
    assert!(request.dtls.passive);
    assert_eq!(request.endpoint_learning, EndpointLearning::Delayed);
    let request = offer("");
    assert!(request.trust_address);
    assert_eq!(request.tos, Tos::Default);
    assert_eq!((request.delay_buffer_ms, request.delete_delay_s, request.dtmf.volume), (None, None, None));
    assert_eq!(
        (request.dtmf.digit, request.t38.version, request.play.repeat_duration_ms),
        (None, None, None)
    );
}

#[test]
fn scalar_values_of_section_6() {
    type Check = fn(&Request) -> bool;
    let table: &[(&str, Check)] = &[
        (r#""sip-message-type":"request""#, |r| r.message_type == Some(MessageType::Request)),
        (r#""sip-message-type":"sip_request""#, |r| r.message_type == Some(MessageType::Request)),
        (r#""SIP message type":"SIP request""#, |r| r.message_type == Some(MessageType::Request)),
        (r#""sip-message-type":"reply""#, |r| r.message_type == Some(MessageType::Response)),
        (r#""sip-message-type":"sip_reply""#, |r| r.message_type == Some(MessageType::Response)),
        (r#""sip-message-type":"SIP-response""#, |r| r.message_type == Some(MessageType::Response)),
        (r#""sip-message-type":"response""#, |r| r.message_type.is_none() && r.warnings.len() == 1),
        (r#""all":"all""#, |r| r.all == All::All),
        (r#""all":"except-offer-answer""#, |r| r.all == All::NotOfferAnswer),
        (r#""all":"flows""#, |r| r.all == All::Flows),
        (r#""all":"all","all":"none""#, |r| r.all == All::None),
        (r#""alias-key":"endpoint""#, |r| r.alias_key == AliasKey::Address),
        (r#""alias key":"SDP""#, |r| r.alias_key == AliasKey::Sdp),
        (r#""address family":"IP6""#, |r| r.address_family == Some(AddressFamily::Ip6)),
        (r#""address-family":"ip6""#, |r| r.address_family.is_none() && r.warnings.len() == 1),
        (r#""transport-protocol":"rtp/savpf""#, |r| {
            r.transport_protocol == Some(TransportProtocol::Use(Transport::RtpSavpf))
        }),
        (r#""transport protocol":"UDP/TLS/RTP/SAVP""#, |r| {
            r.transport_protocol == Some(TransportProtocol::Use(Transport::UdpTlsRtpSavp))
        }),
        (r#""transport-protocol":"accept""#, |r| r.transport_protocol == Some(TransportProtocol::Accept)),
        (r#""transport-protocol":"SCTP""#, |r| r.transport_protocol.is_none() && r.warnings.len() == 1),
        (r#""media-address":"2001:db8::1""#, |r| r.media_address == "2001:db8::1".parse().ok()),
        (r#""media address":"example.org""#, |r| r.media_address.is_none() && r.warnings.len() == 1),
        (r#""inbound-peer":"192.0.2.1","outbound peer":"192.0.2.2","peer":"192.0.2.3""#, |r| {
            r.inbound_peer == "192.0.2.1".parse().ok()
                && r.outbound_peer == "192.0.2.2".parse().ok()
                && r.peer == "192.0.2.3".parse().ok()
        }),
        (r#""received-from":["IP4","192.0.2.1"]"#, |r| r.received_from == "192.0.2.1".parse().ok()),
        (r#""received from":"2001:db8::1""#, |r| r.received_from == "2001:db8::1".parse().ok()),
        (r#""received-from":["IP6","192.0.2.1"]"#, |r| r.received_from.is_none() && r.warnings.len() == 1),
        (r#""received-from":[]"#, |r| r.received_from.is_none() && r.warnings.is_empty()),
        (r#""direction":["priv","pub","x"]"#, |r| {
            r.from_interface.as_ref().unwrap() == "priv" && r.to_interface.as_ref().unwrap() == "pub"
        }),
        (r#""direction":"priv""#, |r| r.from_interface.is_none()),
        (r#""from interface":"a","to-interface":"b","interface":"c""#, |r| {
            r.from_interface.as_ref().unwrap() == "a"
                && r.to_interface.as_ref().unwrap() == "b"
                && r.interface.as_ref().unwrap() == "c"
        }),
        (r#""TOS":184"#, |r| r.tos == Tos::Value(184)),
        (r#""tos":"255""#, |r| r.tos == Tos::Value(255)),
        (r#""TOS":256"#, |r| r.tos == Tos::Default),
        (r#""TOS":-1"#, |r| r.tos == Tos::Unchanged),
        (r#""generate RTCP":"on""#, |r| r.generate_rtcp == Some(true)),
        (r#""generate-rtcp":"off""#, |r| r.generate_rtcp == Some(false)),
        (r#""endpoint-learning":"off""#, |r| r.endpoint_learning == EndpointLearning::Off),
        (r#""endpoint learning":["immediate"]"#, |r| r.endpoint_learning == EndpointLearning::Immediate),
        (r#""media echo":"sinkhole""#, |r| r.media_echo == Some(MediaEcho::Blackhole)),
        (r#""media-echo":"fw""#, |r| r.media_echo == Some(MediaEcho::Forward)),
        (r#""media-echo":"bkw""#, |r| r.media_echo == Some(MediaEcho::Backward)),
        (r#""media-echo":"both""#, |r| r.media_echo == Some(MediaEcho::Both)),
        (r#""drop-traffic":"start""#, |r| r.drop_traffic == Some(DropTraffic::Start)),
        (r#""drop-traffic":"stop","drop traffic":"start""#, |r| r.drop_traffic == Some(DropTraffic::Stop)),
        (r#""passthru":"yes""#, |r| r.passthrough == Some(true)),
        (r#""passthrough":"disabled""#, |r| r.passthrough == Some(false)),
        (r#""audio-player":"transcoding""#, |r| r.audio_player == AudioPlayer::On),
        (r#""player":"everything""#, |r| r.audio_player == AudioPlayer::Force),
        (r#""audio player":"off""#, |r| r.audio_player == AudioPlayer::Off),
        (r#""audio-player":"Transcode""#, |r| r.audio_player == AudioPlayer::On),
        (r#""supports":["load limit"]"#, |r| r.supports_load_limit),
        (r#""supports":["load-limit"]"#, |r| !r.supports_load_limit && r.warnings.len() == 1),
        (r#""xmlrpc-callback":"192.0.2.9""#, |r| r.xmlrpc_callback == "192.0.2.9".parse().ok()),
        (r#""DTLS fingerprint":"SHA-384""#, |r| r.dtls_fingerprint == Some(FingerprintHash::Sha384)),
        (r#""DTLS-fingerprint":"MD5""#, |r| r.dtls_fingerprint.is_none() && r.warnings.len() == 1),
        (r#""record call":"on""#, |r| r.recording.call == Some(RecordCall::Start)),
        (r#""record-call":"discard""#, |r| r.recording.call == Some(RecordCall::Discard)),
        (r#""record-call":"YES""#, |r| r.recording.call.is_none() && r.warnings.len() == 1),
        (r#""output destination":"/x","recording-folder":"/y","output-pattern":"%c""#, |r| {
            r.recording.file.as_ref().unwrap() == "/x"
                && r.recording.path.as_ref().unwrap() == "/y"
                && r.recording.pattern.as_ref().unwrap() == "%c"
        }),
        (r#""VSC-pause-resume-recording":"*9","vsc-start-rec":"""#, |r| {
            r.recording.vsc.pause_resume.as_ref().unwrap() == "*9"
                && r.recording.vsc.start.as_ref().unwrap() == ""
        }),
        (
            r#""recording-media-slots":4,"recording-media-slot-offer":1,"recording-media-slot-answer":"2""#,
            |r| {
                let recording = &r.recording;
                (recording.media_slots, recording.media_slot_offer, recording.media_slot_answer)
                    == (Some(4), Some(1), Some(2))
            },
        ),
        (r#""db-id":0"#, |r| r.play.source.db_id.is_none()),
        (r#""db-id":"12""#, |r| r.play.source.db_id == Some(12)),
        (r#""repeat times":3,"repeat-duration":-1,"start-pos":40"#, |r| {
            r.play.repeat_times == Some(3)
                && r.play.repeat_duration_ms.is_none()
                && r.play.start_position == Some(40)
        }),
        (r#""delay-buffer":0"#, |r| r.delay_buffer_ms == Some(0)),
        (r#""delete delay":-1"#, |r| r.delete_delay_s.is_none()),
        (r#""delete_delay":"0""#, |r| r.delete_delay_s == Some(0)),
        (r#""ptime":20,"reverse ptime":30"#, |r| (r.ptime_ms, r.ptime_reverse_ms) == (Some(20), Some(30))),
        (r#""frequency":400"#, |r| r.dtmf.frequencies == [400]),
        (r#""frequency":"400,500""#, |r| r.dtmf.frequencies == [400, 500]),
        (r#""frequencies":[400,"600",[],-3]"#, |r| r.dtmf.frequencies == [400, 600]),
        (
            r#""DTMF security":"random","dtmf-security-trigger":"dtmf","DTMF-security-trigger-end":"off""#,
            |r| {
                let dtmf = &r.dtmf;
                (dtmf.security, dtmf.security_trigger, dtmf.security_trigger_end)
                    == (Some(DtmfSecurity::Random), Some(DtmfSecurity::Digit), Some(DtmfSecurity::Off))
            },
        ),
        (r#""end trigger digits":5,"trigger-end-time":1000,"end-trigger":"99","trigger":"12""#, |r| {
            r.dtmf.trigger_end_digits == Some(5)
                && r.dtmf.trigger_end_time_ms == Some(1000)
                && r.dtmf.trigger_end.as_ref().unwrap() == "99"
                && r.dtmf.trigger.as_ref().unwrap() == "12"
        }),
        (r#""dtmf-log-dest":"[2001:db8::1]:5000""#, |r| {
            r.dtmf.log_destination == "[2001:db8::1]:5000".parse().ok()
        }),
        (r#""DTMF-log-destination":"192.0.2.1""#, |r| {
            r.dtmf.log_destination.is_none() && r.warnings.len() == 1
        }),
        (r#""T.38 version":1"#, |r| r.t38.version == Some(1)),
        (r#""repacketize":40"#, |r| r.warnings.is_empty()),
    ];
    for (members, check) in table {
        let request = offer(members);
        assert!(check(&request), "{members}: {request:#?}");
    }
}

#[test]
fn digit_is_a_character_or_an_event_number() {
    for (value, event) in [
        (Value::from("5"), Some(5)),
        (Value::from("*"), Some(10)),
        (Value::from("#"), Some(11)),
        (Value::from("D"), Some(15)),
        (Value::from("11"), Some(11)),
        (Value::from("16"), None),
        (Value::from("x"), None),
        (Value::Int(0), Some(0)),
        (Value::Int(15), Some(15)),
        (Value::Int(16), None),
        (Value::Int(-1), None),
    ] {
        let dict = Dict::new().with("command", "play DTMF").with("code", value.clone());
        assert_eq!(dictionary(dict).dtmf.digit, event, "{value:?}");
    }
}

#[test]
fn pause_is_a_time_or_a_choice() {
    assert_eq!(json("play DTMF", r#""pause":150"#).dtmf.pause_ms, Some(150));
    for (members, stop) in [
        (r#""pause":"yes""#, StopRecording::Pause),
        (r#""pause":"true""#, StopRecording::Pause),
        (r#""pause":"no""#, StopRecording::Stop),
        (r#""flags":["pause"]"#, StopRecording::Pause),
        (r#""flags":["pause","discard-recording"]"#, StopRecording::Discard),
        (r#""flags":["discard recording","pause"]"#, StopRecording::Pause),
        ("", StopRecording::Stop),
    ] {
        assert_eq!(json("stop recording", members).recording.stop, stop, "{members}");
    }
}

#[test]
fn blob64_counts_without_blob_only() {
    let play = |members| json("play media", members).play.source;
    assert_eq!(play(r#""blob64":"AAEC""#).blob.unwrap(), b"\x00\x01\x02"[..]);
    assert_eq!(play(r#""blob64":"AAEC","blob":"x""#).blob.unwrap(), "x");
    let bad = json("play media", r#""blob64":"?""#);
    assert!(bad.play.source.is_empty());
    assert_eq!(bad.warnings.len(), 1);
}

#[test]
fn non_utf8_strings_stay_as_they_are() {
    let message = Message::decode(b"d7:command5:offer7:call-id3:a\xff\x00e").unwrap();
    let request = Request::parse(&message, &Defaults::default()).unwrap();
    assert_eq!(request.call_id().unwrap(), &b"a\xff\x00"[..]);
    assert_eq!(request.call_id().unwrap().to_string(), "a\u{fffd}\u{0}");
}

#[test]
fn selector_order_rule_11_1() {
    let all = r#""from-tag":"f","label":"l","address":"192.0.2.1","all":"all""#;
    assert_eq!(json("play media", all).selector(), Selector::All);
    let request = json("play media", r#""from-tag":"f","label":"l","address":"192.0.2.1""#);
    assert_eq!(request.selector(), Selector::Label(&"l".into()));
    let request = json("play media", r#""from-tag":"f","address":"192.0.2.1""#);
    assert_eq!(request.selector(), Selector::Address(&"192.0.2.1".into()));
    let request = json("silence media", r#""from-tag":"f""#);
    assert_eq!(request.selector(), Selector::FromTag(&"f".into()));
    assert_eq!(json("play media", r#""from-tag":"""#).selector(), Selector::None);
    for command in
        ["block DTMF", "unblock DTMF", "block media", "unblock media", "start forwarding", "stop forwarding"]
    {
        assert_eq!(json(command, r#""from-tag":"f""#).selector(), Selector::None, "{command}");
        let directional = json(command, r#""from-tag":"f","flags":["directional"]"#);
        assert_eq!(directional.selector(), Selector::FromTag(&"f".into()), "{command}");
    }
}

#[test]
fn to_tag_of_delete_and_subscribe_rules_11_4_and_11_9() {
    let tag = |request: Box<Request>| request.delete_to_tag().map(ToString::to_string);
    assert_eq!(tag(json("delete", r#""to-tag":"t""#)).as_deref(), Some("t"));
    assert_eq!(tag(json("delete", r#""to-tag":"t","rtpp-flags":"""#)), None);
    assert_eq!(tag(json("delete", r#""to-tag":"t","rtpp-flags":"to-tag""#)).as_deref(), Some("t"));
    assert_eq!(tag(json("delete", r#""rtpp-flags":"to-tag=t""#)).as_deref(), Some("t"));
    assert_eq!(
        tag(json("delete", r#""to-tag":"t","rtpp-flags":"x","flags":["to tag"]"#)).as_deref(),
        Some("t")
    );
    let tag = |request: Box<Request>| request.subscriber_tag().map(ToString::to_string);
    assert_eq!(tag(json("subscribe request", r#""to-tag":"t""#)).as_deref(), Some("t"));
    assert_eq!(tag(json("subscribe request", r#""to-tag":"t","rtpp-flags":"mix""#)), None);
    assert_eq!(
        tag(json("subscribe request", r#""to-tag":"t","rtpp-flags":"mix to-tag""#)).as_deref(),
        Some("t")
    );
}

#[test]
fn recording_decision_precedence() {
    for (members, decision) in [
        ("", None),
        (r#""record-call":"on""#, Some(RecordCall::Start)),
        (r#""record-call":"no","flags":["record call"]"#, Some(RecordCall::Start)),
        (r#""record-call":"no","flags":["discard-recording"]"#, Some(RecordCall::Stop)),
        (r#""flags":["discard-recording"]"#, Some(RecordCall::Discard)),
        (r#""record-call":"discard""#, Some(RecordCall::Discard)),
    ] {
        assert_eq!(offer(members).record_call(), decision, "{members}");
    }
}

#[test]
fn default_mode_of_block_dtmf_rule_11_7() {
    for (members, mode) in [
        ("", DtmfSecurity::Drop),
        (r#""trigger":"1""#, DtmfSecurity::Off),
        (r#""DTMF-security-trigger":"tone""#, DtmfSecurity::Off),
        (r#""trigger":"1","DTMF-security":"zero""#, DtmfSecurity::Zero),
    ] {
        assert_eq!(json("block DTMF", members).dtmf_security(), mode, "{members}");
    }
}

#[test]
fn call_ids_for_routing() {
    let request = json("connect", r#""call-id":"a","to-call-id":"b","source-call-id":"","calls":["c","d"]"#);
    let ids: Vec<_> = request.call_ids().map(ToString::to_string).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
}

#[test]
fn both_encodings_mean_the_same() {
    let bencode = "d7:command5:offer7:call-id1:c5:flagsl5:resete3:TOSi184e5:codecd5:stripl1:Aeee";
    let json = r#"{"command":"offer","call-id":"c","flags":["reset"],"TOS":184,"codec":{"strip":["A"]}}"#;
    let parse = |text| try_parse(text, &Defaults::default()).unwrap();
    assert_eq!(parse(json).encoding, Encoding::Json);
    assert_eq!(essence(parse(bencode)), essence(parse(json)));
}
