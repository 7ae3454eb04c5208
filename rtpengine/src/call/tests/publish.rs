//! `publish` (ng-control.md §11.9, sdp.md §22, codecs.md §5.9).

use rtpengine_common::codec::dtmf::Mode;

use super::{Desk, attributes, audio, direction, lines, port};

fn publish(desk: &mut Desk, sdp: &str, more: &str) -> String {
    desk.sdp("publish", "\"from-tag\":\"pub\"", sdp, more)
}

#[test]
fn sdp_22_a_publisher_is_answered_by_nobody() {
    let mut desk = Desk::new();
    let offer = audio("10.0.0.1", 4000) + "a=foo:bar\na=ptime:30\na=mid:x\na=rtcp-mux\n";
    let body = publish(&mut desk, &offer, "");
    let port = port(&body, 0);
    let shown = lines(&body);
    assert!(shown[1].starts_with("o=- ") && shown[1].ends_with(" IN IP4 192.0.2.200"), "{}", shown[1]);
    let expected = format!(
        "s=rtpengine|t=0 0|m=audio {port} RTP/AVP 0|c=IN IP4 192.0.2.200|a=mid:x|a=rtpmap:0 PCMU/8000|a=recvonly|\
         a=rtcp:{port}|a=rtcp-mux|a=ptime:30"
    );
    assert_eq!(shown[2..].join("|"), expected);
    assert_eq!(desk.ports.open.len(), 1, "mux is settled in the answer");
}

#[test]
fn ng_11_9_the_reply_names_call_and_party_in_order() {
    let mut desk = Desk::new();
    let done = desk.exchange("publish", "\"from-tag\":\"pub\"", &audio("10.0.0.1", 4000), "");
    let keys: Vec<_> =
        done.reply.keys().iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
    assert_eq!(keys, ["call-id", "from-tag", "sdp"]);
    let made = desk.exchange("publish", "\"flags\":[]", &audio("10.0.0.1", 4000), "");
    let tag = made.reply.to_dict().text("from-tag").expect("a tag").to_owned();
    assert!(
        tag.len() == 64 && tag.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()),
        "{tag}"
    );
}

#[test]
fn sdp_8_6_a_publisher_hears_something_only_in_both_directions() {
    let mut desk = Desk::new();
    for (line, flags, expected) in [
        ("", "", "recvonly"),
        ("a=sendonly\n", "", "recvonly"),
        ("a=recvonly\n", "", "inactive"),
        ("", "bidirectional", "sendrecv"),
        ("a=sendonly\n", "bidirectional", "recvonly"),
    ] {
        let flags = format!("\"flags\":[\"{flags}\"]");
        let body = publish(&mut desk, &(audio("10.0.0.1", 4000) + line), &flags);
        assert_eq!(direction(&body, 0), expected, "{line} {flags}");
    }
}

#[test]
fn codecs_5_9_one_codec_is_kept() {
    let mut desk = Desk::new();
    let offer = audio("10.0.0.1", 4000).replace("0 8", "8 0 101") + "a=rtpmap:101 telephone-event/8000\n";
    let formats = |body: &str| lines(body).into_iter().find(|l| l.starts_with("m=")).map(str::to_owned);
    let end = |body: String| formats(&body).and_then(|l| l.split_once("RTP/AVP ").map(|(_, f)| f.to_owned()));
    assert_eq!(end(publish(&mut desk, &offer, "")).as_deref(), Some("8 101"));
    let pcmu = "\"codec\":{\"accept\":[\"PCMU\"]}";
    assert_eq!(end(publish(&mut desk, &offer, pcmu)).as_deref(), Some("0 101"));
    let all = "\"codec\":{\"accept\":[\"all\"]}";
    assert_eq!(end(publish(&mut desk, &offer, all)).as_deref(), Some("8 0 101"));
    let none = desk.exchange("publish", "\"from-tag\":\"pub\"", &offer, "\"codec\":{\"accept\":[\"GSM\"]}");
    assert_eq!(Desk::error(&none), "Failed to create SDP");
    assert!(desk.log.iter().any(|line| line.text == "Publish error"));
}

#[test]
fn codecs_5_9_a_section_without_codecs_leaves_the_others() {
    let mut desk = Desk::new();
    let offer = audio("10.0.0.1", 4000) + "m=audio 4002 RTP/AVP 97\na=rtpmap:97 telephone-event/8000\n";
    let body = publish(&mut desk, &offer, "");
    assert_ne!(port(&body, 0), 0);
    assert_eq!(port(&body, 1), 0);
}

#[test]
fn ng_11_9_publishing_again_keeps_the_ports() {
    let mut desk = Desk::new();
    let first = publish(&mut desk, &audio("10.0.0.1", 4000), "");
    let again = publish(&mut desk, &audio("10.0.0.1", 4002), "");
    assert_eq!(port(&first, 0), port(&again, 0));
    let origin = |body: &str| lines(body)[1].to_owned();
    assert_eq!(origin(&first), origin(&again));
}

#[test]
fn sdp_22_ice_of_a_publisher_follows_its_offer() {
    let mut desk = Desk::new();
    let plain = publish(&mut desk, &audio("10.0.0.1", 4000), "\"ICE\":\"force\"");
    assert!(attributes(&plain, 0, "candidate").is_empty());
    let ice = audio("10.0.0.1", 4000)
        + "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\na=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\n";
    let body = publish(&mut desk, &ice, "\"ICE\":\"optional\"");
    assert_eq!(attributes(&body, 0, "candidate").len(), 2, "{body}");
    assert!(attributes(&publish(&mut desk, &ice, "\"ICE\":\"remove\""), 0, "candidate").is_empty());
}

#[test]
fn sdp_22_a_publisher_gets_one_key() {
    let mut desk = Desk::new();
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let offer = audio("10.0.0.1", 4000).replace("RTP/AVP", "RTP/SAVP")
        + &format!(
            "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{key}\na=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:{key}\n"
        );
    let body = publish(&mut desk, &offer, "");
    let crypto = attributes(&body, 0, "crypto");
    assert_eq!(crypto.len(), 1, "{body}");
    assert!(crypto[0].starts_with("3 AES_CM_128_HMAC_SHA1_80 inline:") && !crypto[0].contains(key));
    let stream = desk.call.plane.stream(desk.rtp("pub", 0)).expect("a stream");
    assert!(stream.keys().incoming.is_some() && stream.keys().outgoing.is_some());
}

#[test]
fn ng_11_9_errors_of_publish() {
    let mut desk = Desk::new();
    assert_eq!(desk.refused("publish", ""), "No SDP body in message");
    let bad = desk.exchange("publish", "\"from-tag\":\"p\"", "nonsense\n", "");
    assert_eq!(Desk::error(&bad), "Failed to parse SDP");
    let incomplete = desk.exchange("publish", "\"from-tag\":\"p\"", "v=0\nm=audio 4000 RTP/AVP 0\n", "");
    assert_eq!(Desk::error(&incomplete), "Incomplete SDP specification");
    let rejected = desk.exchange("publish", "\"from-tag\":\"p\"", &audio("10.0.0.1", 0), "");
    assert_eq!(Desk::error(&rejected), "Failed to create SDP");
}

#[test]
fn mp_1_5_a_publisher_without_ports_leaves_the_call() {
    let mut desk = Desk::talk();
    desk.ports.limit = desk.ports.open.len();
    let done = desk.exchange("publish", "\"from-tag\":\"p\"", &audio("10.0.0.9", 4000), "");
    assert_eq!(Desk::error(&done), "Failed to create SDP");
    assert_eq!(done.fate, super::Fate::Keep);
}

const DIGITS: &str = "a=rtpmap:101 telephone-event/8000\n";

/// codecs.md §18.7, §18.8: keys and flags about digits are those of whoever sent the message.
#[test]
fn codecs_18_7_digits_of_publishers_and_subscribers() {
    let mut desk = Desk::new();
    let sdp = audio("10.0.0.1", 4000).replace("0 8", "0 101") + DIGITS;
    let more = "\"flags\":[\"block-DTMF\",\"detect-DTMF\",\"recording-vsc\"],\"DTMF-security\":\"zero\",\"delay-buffer\":80,\
                \"trigger\":\"12\",\"vsc-start-rec\":\"*9\"";
    publish(&mut desk, &sdp, more);
    let spec =
        |desk: &Desk, tag: &str| desk.call.plane.stream(desk.rtp(tag, 0)).expect("a stream").spec().clone();
    let shown = spec(&desk, "pub");
    let policy = shown.dtmf.as_ref().expect("digits are hidden").policy.clone();
    assert_eq!((policy.mode, policy.buffer_ms), (Mode::Zero, 80));
    assert_eq!(shown.buffers.as_ref().map(|buffers| buffers.delay.as_millis()), Some(80));
    let query = desk.query();
    let tags = query.dict("tags").and_then(|tags| tags.dict("pub")).expect("a party");
    let triggers: Vec<_> = tags
        .list("VSC")
        .expect("triggers")
        .iter()
        .filter_map(|entry| Some((entry.as_dict()?.text("type")?, entry.as_dict()?.text("trigger")?)))
        .collect();
    assert_eq!(triggers, [("block DTMF", "12"), ("start recording", "*9")]);
    // A message with other parameters and without the flag does not look for tones any more.
    publish(&mut desk, &sdp, "\"delay-buffer\":0");
    assert!(spec(&desk, "pub").buffers.is_none());
    // Who subscribes with `inject-DTMF` is going to be sent digits: what it gets is renumbered.
    let subscribe = "\"from-tag\":\"pub\",\"to-tag\":\"sub\",\"flags\":[\"inject-DTMF\"]";
    assert_eq!(desk.refused("subscribe request", subscribe), "none");
    let answer = audio("10.0.0.9", 9000).replace("0 8", "0 101") + DIGITS + "a=recvonly\n";
    let answered = desk.exchange("subscribe answer", "\"to-tag\":\"sub\"", &answer, "\"delay buffer\":40");
    assert_eq!(Desk::error(&answered), "none");
    assert!(spec(&desk, "pub").rtp[0].transcode.is_some());
    assert_eq!(spec(&desk, "sub").buffers.as_ref().map(|buffers| buffers.delay.as_millis()), Some(40));
}
