//! The flags that the documents of OpenSIPS' and Kamailio's modules list: what the modules put on the wire for them, and what comes back
//! (ng-control.md §15, §16).

use rtpengine_common::ng::{Defaults, Encoding, Message, Request};

use super::super::{attributes, bencode};
use super::*;

const MUX: &str = "a=rtcp-mux\n";
const ICE: &str = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\n";
const SRTP: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm\n";

/// The flag of the script, the members on the wire, lines below the offered section, and what the SDP for the other side has and lacks.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// OpenSIPS parses its flags itself; words it does not know go into `flags`, `key=value` becomes a string.
const OPENSIPS: &[Row] = &[
    ("asymmetric", "\"flags\":[\"asymmetric\"]", "", &["m=audio"], &[]),
    ("force-answer", "\"flags\":[\"force-answer\"]", "", &["m=audio"], &[]),
    (
        "in-iface=.. out-iface=..",
        "\"direction\":[\"internal\",\"external\"]",
        "",
        &["c=IN IP6 2001:db8::200"],
        &[],
    ),
    ("internal external", "\"direction\":[\"external\",\"internal\"]", "", &["c=IN IP4 192.0.2.200"], &[]),
    ("auto-bridge", "\"flags\":[\"auto-bridge\"]", "", &["c=IN IP4 192.0.2.200"], &[]),
    ("address-family=IP6", "\"address family\":\"IP6\"", "", &["c=IN IP6 2001:db8::200"], &[]),
    ("address-family=IP4", "\"address family\":\"IP4\"", "", &["c=IN IP4 192.0.2.200"], &[]),
    ("received-from=..", "\"received-from\":[]", "", &["c=IN IP4 192.0.2.200"], &[]),
    ("force", "\"flags\":[\"force\"]", "a=rtpengine:0123456789ab\n", &["m=audio"], &[]),
    ("trust-address", "\"flags\":[\"trust-address\"]", "", &["m=audio"], &[]),
    ("symmetric", "\"flags\":[\"symmetric\"]", "", &["m=audio"], &[]),
    ("replace-origin", "\"replace\":[\"origin\"]", "", &["o=- 1 1 IN IP4 192.0.2.200"], &["IN IP4 10.0.0.1"]),
    ("(no replace-origin)", "\"flags\":[]", "", &["o=- 1 1 IN IP4 10.0.0.1"], &[]),
    (
        "replace-session-connection",
        "\"replace\":[\"session-connection\"]",
        "",
        &["c=IN IP4 192.0.2.200"],
        &[],
    ),
    (
        "replace-zero-address",
        "\"replace\":[\"zero address\"]",
        "c=IN IP4 0.0.0.0\n",
        &["c=IN IP4 192.0.2.200"],
        &["c=IN IP4 0.0.0.0"],
    ),
    (
        "(no replace-zero-address)",
        "\"replace\":[]",
        "c=IN IP4 0.0.0.0\n",
        &["c=IN IP4 0.0.0.0"],
        &["c=IN IP4 192.0.2.200"],
    ),
    ("replace-username", "\"replace\":[\"username\"]", "", &["o="], &[]),
    ("replace-session-name", "\"replace\":[\"session name\"]", "", &["s=t"], &[]),
    ("replace-SDP-version", "\"replace\":[\"SDP version\"]", "", &["o=- 1 1 IN"], &[]),
    ("repacketize=30", "\"repacketize\":30", "", &["m=audio"], &["a=ptime"]),
    ("loop-protect", "\"flags\":[\"loop-protect\"]", "", &["a=rtpengine:000000000000"], &[]),
    ("ICE=force", "\"ICE\":\"force\"", "", &["a=ice-ufrag:", "a=candidate:"], &[]),
    ("ICE=remove", "\"ICE\":\"remove\"", ICE, &["m=audio"], &["a=ice-ufrag", "a=candidate"]),
    ("ICE=force-relay", "\"ICE\":\"force-relay\"", ICE, &["typ host", "typ relay"], &[]),
    ("RTP", "\"transport-protocol\":\"RTP/AVP\"", "", &["RTP/AVP 0"], &["a=crypto"]),
    ("SRTP", "\"transport-protocol\":\"RTP/SAVP\"", "", &["RTP/SAVP 0", "a=crypto:1 "], &[]),
    ("AVPF", "\"transport-protocol\":\"RTP/AVPF\"", "", &["RTP/AVPF 0"], &[]),
    ("SRTP AVPF", "\"transport-protocol\":\"RTP/SAVPF\"", "", &["RTP/SAVPF 0", "a=crypto:1 "], &[]),
    ("UDP/TLS/RTP/SAVP", "\"transport-protocol\":\"UDP/TLS/RTP/SAVP\"", "", &["UDP/TLS/RTP/SAVP 0"], &[]),
    ("UDP/TLS/RTP/SAVPF", "\"transport-protocol\":\"UDP/TLS/RTP/SAVPF\"", "", &["UDP/TLS/RTP/SAVPF 0"], &[]),
    ("rtcp-mux-demux", "\"rtcp-mux\":[\"demux\"]", MUX, &["a=rtcp:"], &["a=rtcp-mux"]),
    ("rtcp-mux-reject", "\"rtcp-mux\":[\"reject\"]", MUX, &["a=rtcp-mux"], &[]),
    ("rtcp-mux-offer", "\"rtcp-mux\":[\"offer\"]", "", &["a=rtcp-mux", "a=rtcp:"], &[]),
    ("rtcp-mux-require", "\"rtcp-mux\":[\"require\"]", "", &["a=rtcp-mux"], &[]),
    ("rtcp-mux-accept", "\"rtcp-mux\":[\"accept\"]", MUX, &["a=rtcp-mux"], &[]),
    (
        "media-address=..",
        "\"media-address\":\"203.0.113.77\"",
        "",
        &["c=IN IP4 203.0.113.77"],
        &["192.0.2.200"],
    ),
    ("media-address=.. (IPv6)", "\"media-address\":\"2001:db8::77\"", "", &["c=IN IP6 2001:db8::77"], &[]),
    ("record-call=no", "\"record-call\":\"no\",\"metadata\":\"from:a|to:b\"", "", &["m=audio"], &[]),
    ("codec-strip-PCMA", "\"flags\":[\"codec-strip-PCMA\"]", "", &["RTP/AVP 0\r\n"], &["PCMA"]),
    ("codec-mask-PCMA", "\"flags\":[\"codec-mask-PCMA\"]", "", &["RTP/AVP 0\r\n"], &["PCMA"]),
    (
        "codec-strip-all codec-offer-PCMA",
        "\"flags\":[\"codec-strip-all\",\"codec-offer-PCMA\"]",
        "",
        &["RTP/AVP 8\r\n"],
        &["PCMU"],
    ),
    (
        "codec-strip-full codec-except-PCMU",
        "\"flags\":[\"codec-strip-full\",\"codec-except-PCMU\"]",
        "",
        &["RTP/AVP 0\r\n"],
        &["PCMA"],
    ),
    ("codec-ignore-PCMA", "\"flags\":[\"codec-ignore-PCMA\"]", "", &["m=audio"], &[]),
    ("DTLS=passive", "\"DTLS\":\"passive\"", "", &["m=audio"], &[]),
    (
        "SDES-off",
        "\"flags\":[\"SDES-off\"],\"transport-protocol\":\"RTP/SAVP\"",
        SRTP,
        &["RTP/SAVP"],
        &["a=crypto"],
    ),
    ("TOS=184", "\"TOS\":\"184\"", "", &["m=audio"], &[]),
    ("generate-mid", "\"flags\":[\"generate-mid\"]", "", &["a=mid:1"], &[]),
    ("original-sendrecv", "\"flags\":[\"original-sendrecv\"]", "a=sendonly\n", &["a=sendonly"], &[]),
    ("label=..", "\"label\":\"caller\"", "", &["m=audio"], &["caller"]),
    (
        "an option it does not know",
        "\"flags\":[\"no-such-option\"],\"no-such-key\":\"x\"",
        "",
        &["m=audio"],
        &[],
    ),
];

/// The same with transcoding.
#[cfg(feature = "codec")]
const OPENSIPS_TRANSCODING: &[Row] = &[
    (
        "transcode-GSM",
        "\"flags\":[\"transcode-GSM\"]",
        "",
        &["RTP/AVP 0 8 3\r\n", "a=rtpmap:3 GSM/8000"],
        &[],
    ),
    ("codec-transcode-GSM", "\"flags\":[\"codec-transcode-GSM\"]", "", &["RTP/AVP 0 8 3\r\n"], &[]),
    (
        "codec-consume-PCMA",
        "\"flags\":[\"codec-consume-PCMA\",\"transcode-GSM\"]",
        "",
        &["RTP/AVP 0 3\r\n"],
        &["PCMA"],
    ),
    (
        "codec-accept-PCMA",
        "\"flags\":[\"codec-accept-PCMA\",\"transcode-GSM\"]",
        "",
        &["RTP/AVP 0 8 3\r\n"],
        &[],
    ),
    (
        "codec-set-opus/48000/2 transcode-opus",
        "\"flags\":[\"transcode-opus\",\"codec-set-opus/48000/2/16000\"]",
        "",
        &["RTP/AVP 0 8 96\r\n", "a=rtpmap:96 opus/48000/2"],
        &[],
    ),
    (
        "codec-transcode-AMR-WB/16000/1///octet-align--1",
        "\"flags\":[\"codec-transcode-AMR-WB/16000/1///octet-align--1\"]",
        "",
        &["a=fmtp:96 octet-align=1"],
        &[],
    ),
    ("always-transcode", "\"flags\":[\"always-transcode\"]", "", &["RTP/AVP 0 8\r\n"], &[]),
    (
        "codec=[strip=[PCMU] transcode=[GSM]]",
        "\"codec\":{\"strip\":[\"PCMU\"],\"transcode\":[\"GSM\"]}",
        "",
        &["RTP/AVP 8 3\r\n"],
        &["PCMU"],
    ),
];

/// Kamailio's module, parsing the flags: lists where it knows them.
const KAMAILIO: &[Row] = &[
    (
        "replace-origin replace-session-connection",
        "\"replace\":[\"origin\",\"session-connection\"]",
        "",
        &["o=- 1 1 IN IP4 192.0.2.200"],
        &[],
    ),
    ("SDES-off", "\"SDES\":[\"off\"],\"transport-protocol\":\"RTP/SAVP\"", "", &["RTP/SAVP"], &["a=crypto"]),
    (
        "SDES-no-AES_CM_128_HMAC_SHA1_80",
        "\"SDES\":[\"no-AES_CM_128_HMAC_SHA1_80\"],\"transport-protocol\":\"RTP/SAVP\"",
        "",
        &["AES_CM_128_HMAC_SHA1_32"],
        &["AES_CM_128_HMAC_SHA1_80"],
    ),
    ("rtcp-mux-offer", "\"rtcp-mux\":[\"offer\"]", "", &["a=rtcp-mux"], &[]),
    ("rtcp-mux-demux", "\"rtcp-mux\":[\"demux\"]", MUX, &["a=rtcp:"], &["a=rtcp-mux"]),
    (
        "direction=external direction=internal",
        "\"direction\":[\"internal\",\"external\"]",
        "",
        &["c=IN IP6 2001:db8::200"],
        &[],
    ),
    ("codec-strip-PCMU", "\"codec\":{\"strip\":[\"PCMU\"]}", "", &["RTP/AVP 8\r\n"], &["PCMU"]),
    (
        "codec-strip-all codec-except-PCMA",
        "\"codec\":{\"strip\":[\"all\"],\"except\":[\"PCMA\"]}",
        "",
        &["RTP/AVP 8\r\n"],
        &["PCMU"],
    ),
    (
        "codec-strip-all codec-offer-PCMA",
        "\"codec\":{\"strip\":[\"all\"],\"offer\":[\"PCMA\"]}",
        "",
        &["RTP/AVP 8\r\n"],
        &["PCMU"],
    ),
    ("codec-mask-PCMA", "\"codec\":{\"mask\":[\"PCMA\"]}", "", &["RTP/AVP 0\r\n"], &["PCMA"]),
    (
        "from-tags and T.38, as lists",
        "\"from-tags\":[\"x\",\"y\"],\"T.38\":[\"no-ECM\",\"FEC\"]",
        "",
        &["m=audio"],
        &[],
    ),
    ("SRTP", "\"transport-protocol\":\"RTP/SAVP\"", "", &["RTP/SAVP", "a=crypto:"], &[]),
    ("DTLS AVPF", "\"transport-protocol\":\"UDP/TLS/RTP/SAVPF\"", "", &["UDP/TLS/RTP/SAVPF"], &[]),
    ("TOS=184", "\"TOS\":184", "", &["m=audio"], &[]),
    ("ICE=force-relay", "\"ICE\":\"force-relay\"", ICE, &["typ relay"], &[]),
    ("ICE=force", "\"ICE\":\"force\"", ICE, &["a=candidate:"], &["10.0.0.1 4000"]),
    ("address-family=IP6", "\"address-family\":\"IP6\"", "", &["c=IN IP6"], &[]),
    ("media-address=..", "\"media-address\":\"203.0.113.77\"", "", &["c=IN IP4 203.0.113.77"], &[]),
    ("full-rtcp-attribute", "\"flags\":[\"full-rtcp-attribute\"]", "", &[" IN IP4 192.0.2.200\r\n"], &[]),
    ("no-rtcp-attribute", "\"flags\":[\"no-rtcp-attribute\"]", "", &["m=audio"], &["a=rtcp:"]),
    ("generate-mid", "\"flags\":[\"generate-mid\"]", "", &["a=mid:1"], &[]),
    ("loop-protect", "\"flags\":[\"loop-protect\"]", "", &["a=rtpengine:"], &[]),
    ("pad-crypto", "\"flags\":[\"pad-crypto\"],\"transport-protocol\":\"RTP/SAVP\"", "", &["=="], &[]),
    (
        "strict-source media-handover",
        "\"flags\":[\"strict-source\",\"media-handover\"]",
        "",
        &["m=audio"],
        &[],
    ),
    ("ptime=40", "\"ptime\":\"40\"", "", &["a=ptime:40"], &[]),
    (
        "sip-message-type and supports",
        "\"supports\":[\"load limit\"],\"sip-message-type\":\"sip_request\"",
        "",
        &["m=audio"],
        &[],
    ),
];

/// The same with transcoding.
#[cfg(feature = "codec")]
const KAMAILIO_TRANSCODING: &[Row] = &[
    ("transcode-GSM", "\"codec\":{\"transcode\":[\"GSM\"]}", "", &["RTP/AVP 0 8 3\r\n"], &[]),
    (
        "codec-mask-all codec-transcode-GSM",
        "\"codec\":{\"mask\":[\"all\"],\"transcode\":[\"GSM\"]}",
        "",
        &["RTP/AVP 3\r\n"],
        &["PCMA", "PCMU"],
    ),
    (
        "codec-consume-PCMA transcode-GSM",
        "\"codec\":{\"consume\":[\"PCMA\"],\"transcode\":[\"GSM\"]}",
        "",
        &["RTP/AVP 0 3\r\n"],
        &["PCMA"],
    ),
    (
        "codec-accept-PCMA transcode-GSM",
        "\"codec\":{\"accept\":[\"PCMA\"],\"transcode\":[\"GSM\"]}",
        "",
        &["RTP/AVP 0 8 3\r\n"],
        &[],
    ),
    (
        "codec-set-opus/48000/2/16000 codec-transcode-opus",
        "\"codec\":{\"set\":[\"opus/48000/2/16000\"],\"transcode\":[\"opus\"]}",
        "",
        &["a=rtpmap:96 opus/48000/2"],
        &[],
    ),
];

/// The SDP of an offer and the reply to the answer with the same flags. Fails where the offer has not what it has to have.
fn answers((flag, wire, below, has, lacks): &Row, bencode: bool) -> (String, Vec<u8>) {
    let mut desk = Desk::on(&["192.0.2.200", "2001:db8::200"]);
    desk.bencode = bencode;
    let body = desk.offer("a", &(caller() + below), wire);
    for text in *has {
        assert!(body.contains(text), "{flag}: no {text:?} in\n{body}");
    }
    for text in *lacks {
        assert!(!body.contains(text), "{flag}: {text:?} in\n{body}");
    }
    // With the same flags the answer goes through as well.
    let known = body.lines().find(|line| line.starts_with("m=audio")).expect("a section");
    let protocol = known.split(' ').nth(2).expect("a protocol");
    let mut answer = callee().replace("RTP/AVP", protocol);
    if body.contains("a=rtcp-mux") {
        answer += MUX;
    }
    if body.contains("a=crypto") {
        answer += attributes(&body, 0, "crypto")
            .first()
            .map(|line| format!("a=crypto:{line}\n"))
            .as_deref()
            .unwrap_or("");
    }
    let back = desk.exchange("answer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &answer, wire);
    assert_eq!(Desk::error(&back), "none", "{flag}");
    (body, back.reply.to_vec(Encoding::Bencode, None))
}

/// A request as it is understood, apart from its encoding.
fn typed(command: &str, bytes: &[u8]) -> Request {
    let mut message = Message::decode(bytes).expect("a dictionary");
    message.dict.push("command", command.to_owned());
    let request = Request::parse(&message, &Defaults::default()).expect("a request");
    Request { encoding: Encoding::Json, ..*request }
}

/// Both encodings of each row lead to the same request and the same replies.
fn in_both_encodings(rows: &[Row]) {
    for row in rows {
        assert_eq!(answers(row, false), answers(row, true), "{}", row.0);
        for command in ["offer", "answer", "delete", "subscribe request", "play media"] {
            let json = format!("{{{}}}", row.1);
            assert_eq!(
                typed(command, json.as_bytes()),
                typed(command, &bencode(row.1)),
                "{command} {}",
                row.0
            );
        }
    }
}

#[test]
fn ng_16_4_flags_of_the_opensips_module() {
    in_both_encodings(OPENSIPS);
    #[cfg(feature = "codec")]
    in_both_encodings(OPENSIPS_TRANSCODING);
}

#[test]
fn ng_15_4_flags_of_the_kamailio_module() {
    in_both_encodings(KAMAILIO);
    #[cfg(feature = "codec")]
    in_both_encodings(KAMAILIO_TRANSCODING);
}

/// Strings for the daemon, and the keys and flags that mean the same (ng-control.md §9.1).
const STRINGS: &[(&str, &str)] = &[
    ("replace-origin replace-session-connection", "\"replace\":[\"origin\",\"session-connection\"]"),
    ("replace=[origin session-connection]", "\"flags\":[\"replace-origin\",\"replace-session-connection\"]"),
    ("RTP/SAVPF", "\"transport-protocol\":\"RTP/SAVPF\""),
    ("SRTP AVPF", "\"transport-protocol\":\"RTP/SAVPF\""),
    ("DTLS AVPF", "\"transport-protocol\":\"UDP/TLS/RTP/SAVPF\""),
    ("DTLS", "\"transport-protocol\":\"UDP/TLS/RTP/SAVP\""),
    ("RTP", "\"transport-protocol\":\"RTP/AVP\""),
    ("AVP", "\"transport-protocol\":\"RTP/AVP\""),
    ("ICE=force-relay TOS=184", "\"ICE\":\"force-relay\",\"TOS\":184"),
    ("ICE-lite=forward", "\"ICE-lite\":\"forward\""),
    ("rtcp-mux-offer rtcp-mux-require", "\"rtcp-mux\":[\"offer\",\"require\"]"),
    ("rtcp-mux=[offer require]", "\"rtcp-mux\":[\"offer\",\"require\"]"),
    ("rtcp-mux=offer,require", "\"rtcp-mux\":[\"offer\",\"require\"]"),
    ("SDES-no-AES_CM_128_HMAC_SHA1_32 SDES-pad", "\"SDES\":[\"no-AES_CM_128_HMAC_SHA1_32\",\"pad\"]"),
    (
        "SDES-order:NULL_HMAC_SHA1_80;NULL_HMAC_SHA1_32;",
        "\"SDES\":[\"order:NULL_HMAC_SHA1_80;NULL_HMAC_SHA1_32;\"]",
    ),
    ("OSRTP-offer BUNDLE-accept", "\"OSRTP\":[\"offer\"],\"bundle\":[\"accept\"]"),
    ("internal external", "\"direction\":[\"internal\",\"external\"]"),
    ("direction=internal direction=external", "\"direction\":[\"internal\",\"external\"]"),
    ("direction=[internal external]", "\"from-interface\":\"internal\",\"to-interface\":\"external\""),
    (
        "address-family=IP6 media-address=2001:db8::9",
        "\"address family\":\"IP6\",\"media address\":\"2001:db8::9\"",
    ),
    ("codec-strip-PCMU codec-offer-PCMA", "\"codec\":{\"strip\":[\"PCMU\"],\"offer\":[\"PCMA\"]}"),
    ("codec-strip=PCMU,PCMA", "\"codec\":{\"strip\":[\"PCMU\",\"PCMA\"]}"),
    ("codec-except-PCMA codec-ignore-GSM", "\"codec\":{\"except\":[\"PCMA\"],\"ignore\":[\"GSM\"]}"),
    ("codec-except=PCMA codec-ignore=[GSM]", "\"codec\":{\"except\":[\"PCMA\"],\"ignore\":[\"GSM\"]}"),
    (
        "transcode-PCMA codec-transcode-GSM codec-mask-opus",
        "\"codec\":{\"transcode\":[\"PCMA\",\"GSM\"],\"mask\":[\"opus\"]}",
    ),
    (
        "transcode=PCMA codec-transcode=GSM codec-mask=opus",
        "\"codec\":{\"transcode\":[\"PCMA\",\"GSM\"],\"mask\":[\"opus\"]}",
    ),
    ("codec-accept-G722 codec-consume-G729", "\"codec\":{\"accept\":[\"G722\"],\"consume\":[\"G729\"]}"),
    ("codec-accept=G722 codec-consume=G729", "\"codec\":{\"accept\":[\"G722\"],\"consume\":[\"G729\"]}"),
    (
        "codec-set-opus/48000/2////use..dtx--1;x--2",
        "\"codec\":{\"set\":[\"opus/48000/2////use..dtx--1;x--2\"]}",
    ),
    (
        "codec=[strip=[all] transcode=[PCMA opus/48000/2] mask=[G722]]",
        "\"codec\":{\"strip\":[\"all\"],\"transcode\":[\"PCMA\",\"opus/48000/2\"],\"mask\":[\"G722\"]}",
    ),
    ("T38-decode T.38-no-ECM", "\"T.38\":[\"decode\",\"no-ECM\"]"),
    ("from-tags-x from-tags-y", "\"from-tags\":[\"x\",\"y\"]"),
    ("endpoint-learning-off", "\"endpoint-learning\":\"off\""),
    ("sdp-attr-add-audio-content:slides", "\"sdp-attr\":{\"audio\":{\"add\":[\"content:slides\"]}}"),
    (
        "sdp-attr=[audio=[remove=[ptime] substitute=[[a b]]]]",
        "\"sdp-attr\":{\"audio\":{\"remove\":[\"ptime\"],\"substitute\":[[\"a\",\"b\"]]}}",
    ),
    ("sdp-attr-substitute-audio-a>b", "\"sdp-attr\":{\"audio\":{\"substitute\":[[\"a\",\"b\"]]}}"),
    ("label=alice to-label=bob set-label=x", "\"label\":\"alice\",\"to-label\":\"bob\",\"set-label\":\"x\""),
    ("trust-address loop-protect symmetric", "\"flags\":[\"trust-address\",\"loop-protect\",\"symmetric\"]"),
    ("sip-message-type=sip_request supports=load..limit", "\"sip-message-type\":\"sip_request\""),
    ("delete-delay=0", "\"delete delay\":0"),
    ("from-tag=x", "\"from-tag\":\"x\",\"flags\":[\"directional\"]"),
    ("  trailing-and-leading=x   generate-mid ", "\"flags\":[\"generate mid\"]"),
];

#[test]
fn ng_9_1_strings_for_the_daemon_mean_the_same_as_keys() {
    for (string, members) in STRINGS {
        for command in ["offer", "publish", "subscribe request"] {
            let plain = |request: Request| Request { has_rtpp_flags: false, warnings: Vec::new(), ..request };
            let flags = format!("\"rtpp-flags\":\"{string}\"");
            let from_json = plain(typed(command, format!("{{{flags}}}").as_bytes()));
            let from_bencode = plain(typed(command, &bencode(&flags)));
            let keys = plain(typed(command, &bencode(members)));
            assert_eq!(from_json, keys, "{command} {string}");
            assert_eq!(from_bencode, keys, "{command} {string}");
        }
    }
}

#[test]
fn ng_15_5_the_same_flags_as_a_string_for_the_daemon() {
    for (string, has, lacks) in [
        ("replace-origin RTP/SAVP", "RTP/SAVP", "IN IP4 10.0.0.1"),
        ("SRTP AVPF rtcp-mux-offer", "RTP/SAVPF", "RTP/AVP "),
        ("ICE=force generate-mid", "a=candidate:", "10.0.0.1 4000"),
        ("codec-strip-PCMU address-family=IP6", "c=IN IP6", "PCMU"),
        ("direction=internal direction=external", "c=IN IP6", "c=IN IP4 192"),
        ("internal external media-address=2001:db8::9", "c=IN IP6 2001:db8::9", "c=IN IP4 192"),
        ("DTLS AVPF SDES-off", "UDP/TLS/RTP/SAVPF", "a=crypto"),
    ] {
        let mut desk = Desk::on(&["192.0.2.200", "2001:db8::200"]);
        let body = desk.offer("a", &caller(), &format!("\"rtpp-flags\":\"{string}\""));
        assert!(body.contains(has), "{string}: no {has:?} in\n{body}");
        assert!(!body.contains(lacks), "{string}: {lacks:?} in\n{body}");
    }
}

#[test]
fn ng_15_6_and_16_3_tags_branch_and_source_of_the_modules() {
    // OpenSIPS: via-branch=1, call-id=, from-tag=, received-from.
    let mut desk = Desk::new();
    desk.offer("a", &caller(), "\"via-branch\":\"z9hG4bK1\",\"received-from\":[\"IP4\",\"198.51.100.1\"]");
    assert_eq!(party(&mut desk, "<untagged 1>").text("via-branch"), Some("z9hG4bK1"));
    desk.answer("a", "b", &callee(), "\"via-branch\":\"z9hG4bK1\",\"received-from\":[]");
    // The delete of a request carries no from-tag: the entire call.
    let done = desk.ask("delete", "\"received-from\":[],\"delete-delay\":\"0\"");
    assert_eq!(done.fate, super::super::super::Fate::Destroy(super::super::super::CloseReason::Regular));
    // Kamailio: to-tag in delete only if asked for, with the delay twice.
    let mut desk = Desk::talk();
    let members = "\"from-tag\":\"a\",\"to-tag\":\"b\",\"supports\":[\"load limit\"],\"delete delay\":9,\"delete-delay\":\"9\"";
    desk.ask("delete", members);
    let due = desk.call.signalling.deletion.expect("a mark");
    assert_eq!(due - desk.now.instant, std::time::Duration::from_secs(9));
    // SIP source address, for both modules.
    let mut desk = Desk::new();
    desk.offer(
        "a",
        &caller(),
        "\"flags\":[\"SIP-source-address\"],\"received-from\":[\"IP4\",\"198.51.100.1\"]",
    );
    let stream = desk.call.plane.stream(desk.rtp("a", 0)).and_then(crate::flow::Stream::advertised);
    assert_eq!(stream.map(|address| address.to_string()).as_deref(), Some("198.51.100.1:4000"));
}
