//! `subscribe request`, `subscribe answer`, `unsubscribe` (ng-control.md §11.9, sdp.md §8.6, §22).

use rtpengine_common::ng::Value;

use super::{Desk, attributes, audio, direction, lines, port};

const VIDEO: &str = "m=video 6000 RTP/AVP 96\na=rtpmap:96 H264/90000\n";

fn keys(dict: &rtpengine_common::ng::Dict<'_>) -> Vec<String> {
    dict.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
}

fn request(desk: &mut Desk, members: &str) -> rtpengine_common::ng::Dict<'static> {
    let done = desk.ask("subscribe request", members);
    let dict = done.reply.to_dict().into_owned();
    assert_eq!(dict.text("result"), Some("ok"), "{dict:?} {:?}", desk.log);
    dict
}

fn body(dict: &rtpengine_common::ng::Dict<'_>) -> String {
    dict.text("sdp").expect("an SDP").to_owned()
}

fn answer(desk: &mut Desk, tag: &str, sdp: &str, more: &str) -> String {
    Desk::error(&desk.exchange("subscribe answer", &format!("\"to-tag\":\"{tag}\""), sdp, more))
}

fn texts(dict: &rtpengine_common::ng::Dict<'_>, key: &str) -> Vec<String> {
    let Some(Value::List(list)) = dict.get(key) else { panic!("no list {key}") };
    list.iter().map(|v| v.as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn ng_11_9_a_subscriber_is_offered_what_the_source_sends() {
    let mut desk = Desk::new();
    let offer = audio("10.0.0.1", 4000).replace("t=0 0", "t=0 0\na=sess:1") + "a=foo:bar\na=ptime:30\n";
    desk.sdp("publish", "\"from-tag\":\"pub\"", &offer, "");
    let reply = request(&mut desk, "\"from-tag\":\"pub\",\"to-tag\":\"sub\"");
    assert_eq!(keys(&reply), ["sdp", "from-tag", "from-tags", "to-tag", "result"]);
    assert_eq!(texts(&reply, "from-tags"), ["pub"]);
    assert_eq!(reply.text("from-tag"), Some("pub"));
    let body = body(&reply);
    let port = port(&body, 0);
    let expected = format!(
        "v=0|o=- 1 1 IN IP4 10.0.0.1|s=t|t=0 0|a=sess:1|m=audio {port} RTP/AVP 0|c=IN IP4 192.0.2.200|a=rtpmap:0 PCMU/8000|\
         a=foo:bar|a=sendonly|a=rtcp:{}|a=ptime:30",
        port + 1
    );
    assert_eq!(lines(&body).join("|"), expected);
}

#[test]
fn ng_11_9_all_sources_for_a_recorder() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "\"label\":\"one\"");
    desk.answer("a", "b", &(audio("10.0.0.2", 5000) + "a=recvonly\n"), "");
    let reply = request(&mut desk, "\"flags\":[\"all\",\"SIPREC\"]");
    assert_eq!(keys(&reply), ["sdp", "tag-medias", "media-labels", "from-tags", "to-tag", "result"]);
    assert_eq!(texts(&reply, "from-tags"), ["a", "b"]);
    assert_eq!(reply.text("to-tag").map(str::len), Some(64));
    let body = body(&reply);
    assert_eq!([attributes(&body, 0, "label"), attributes(&body, 1, "label")], [["0"], ["1"]]);
    assert_eq!([direction(&body, 0), direction(&body, 1)], ["sendonly", "inactive"]);
    assert_eq!(
        format!("{:?}", reply.get("tag-medias").expect("medias")),
        format!(
            "{:?}",
            Value::List(
                [("a", Some("one"), "0", "recvonly"), ("b", None, "1", "sendonly")]
                    .into_iter()
                    .map(|(tag, label, number, mode)| {
                        let mut dict = rtpengine_common::ng::Dict::new().with("tag", tag);
                        if let Some(label) = label {
                            dict.push("label", label);
                        }
                        let media = rtpengine_common::ng::Dict::new()
                            .with("index", 1)
                            .with("type", "audio")
                            .with("label", number)
                            .with("mode", mode);
                        Value::from(dict.with("medias", vec![Value::from(media)]))
                    })
                    .collect()
            )
        )
    );
    let labels = reply.dict("media-labels").expect("labels");
    assert_eq!(keys(labels), ["0", "1"]);
    assert_eq!(keys(labels.dict("0").expect("a label")), ["tag", "index", "type", "label", "mode"]);
    assert_eq!(keys(labels.dict("1").expect("a label")), ["tag", "index", "type", "mode"]);
}

#[test]
fn ng_11_9_all_leaves_out_who_has_not_answered() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), "");
    let reply = request(&mut desk, "\"all\":\"all\"");
    assert_eq!(texts(&reply, "from-tags"), ["a"]);
}

#[test]
fn ng_11_9_from_tags_in_the_given_order() {
    let mut desk = Desk::talk();
    let reply = request(&mut desk, "\"from-tags\":[\"b\",\"zz\",\"a\"],\"to-tag\":\"w\"");
    assert_eq!(texts(&reply, "from-tags"), ["b", "a"]);
    assert!(desk.log.iter().any(|line| line.text.contains("zz")));
    assert!(reply.get("from-tag").is_none(), "two sources");
}

#[test]
fn ng_11_9_errors_of_subscriptions() {
    let mut desk = Desk::talk();
    assert_eq!(desk.refused("subscribe request", ""), "No medias found (no monologues matched)");
    assert_eq!(
        desk.refused("subscribe request", "\"from-tags\":[\"x\"]"),
        "No medias found (no monologues matched)"
    );
    assert_eq!(
        desk.refused("subscribe request", "\"from-tag\":\"x\""),
        "From-tag given, but no such tag exists"
    );
    assert_eq!(desk.refused("subscribe request", "\"label\":\"x\""), "No monologue matching the given label");
    assert_eq!(desk.refused("subscribe answer", ""), "No SDP body in message");
    let sdp = audio("10.0.0.3", 4000);
    let no_tag = desk.exchange("subscribe answer", "\"flags\":[]", &sdp, "");
    assert_eq!(Desk::error(&no_tag), "No to-tag in message");
    let bad = desk.exchange("subscribe answer", "\"flags\":[]", "nonsense\n", "");
    assert_eq!(Desk::error(&bad), "Failed to parse SDP");
    assert_eq!(answer(&mut desk, "x", &sdp, ""), "To-tag not found");
    assert_eq!(desk.refused("unsubscribe", ""), "No to-tag in message");
    assert_eq!(desk.refused("unsubscribe", "\"to-tag\":\"x\""), "To-tag not found");
    let from = "\"to-tag\":\"b\",\"from-tag\":\"x\",\"flags\":[\"directional\"]";
    assert_eq!(desk.refused("unsubscribe", from), "From-tag not found");
}

#[test]
fn mp_1_5_no_ports_for_a_subscriber() {
    let mut desk = Desk::talk();
    desk.ports.limit = desk.ports.open.len();
    let done = desk.ask("subscribe request", "\"from-tag\":\"a\"");
    assert_eq!(Desk::error(&done), "Failed to request subscription");
    assert_eq!(done.fate, super::Fate::Keep);
}

#[test]
fn mp_12_every_subscriber_is_a_sink_of_the_source() {
    let mut desk = Desk::talk();
    for tag in ["r1", "r2", "r3"] {
        let reply = request(&mut desk, &format!("\"from-tag\":\"a\",\"to-tag\":\"{tag}\""));
        assert_eq!(direction(&body(&reply), 0), "sendonly");
        assert_eq!(answer(&mut desk, tag, &(audio("10.0.0.7", 7000) + "a=recvonly\n"), ""), "none");
    }
    let to: Vec<_> = desk.sinks("a", 0).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, ["b", "r1", "r2", "r3"].map(|tag| desk.rtp(tag, 0)), "offer/answer first");
    assert_eq!(desk.sinks("b", 0).len(), 1);
    assert!(desk.sinks("r1", 0).is_empty());
    assert_eq!(desk.rtcp_sinks("a", 0).len(), 4);
    let stream = desk.call.plane.stream(desk.rtp("r2", 0)).expect("a stream");
    assert_eq!(stream.endpoint().map(|e| e.to_string()).as_deref(), Some("10.0.0.7:7000"));
    desk.ask("unsubscribe", "\"to-tag\":\"r2\"");
    let to: Vec<_> = desk.sinks("a", 0).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, ["b", "r1", "r3"].map(|tag| desk.rtp(tag, 0)));
    assert!(desk.call.signalling.by_tag(b"r2").is_none(), "destroyed");
}

#[test]
fn ng_11_9_sources_subscribed_before_keep_place_and_ports() {
    let mut desk = Desk::talk();
    let first = body(&request(&mut desk, "\"from-tags\":[\"a\",\"b\"],\"to-tag\":\"w\""));
    let again = request(&mut desk, "\"from-tags\":[\"b\",\"a\"],\"to-tag\":\"w\"");
    let both = body(&again);
    assert_eq!([port(&first, 0), port(&first, 1)], [port(&both, 0), port(&both, 1)]);
    assert_eq!(texts(&again, "from-tags"), ["a", "b"]);
    let only = body(&request(&mut desk, "\"from-tag\":\"b\",\"to-tag\":\"w\""));
    assert_eq!([port(&only, 0), port(&only, 1)], [0, port(&first, 1)]);
    assert_eq!(desk.sinks("a", 0).len(), 1, "its subscription is gone");
    let back = body(&request(&mut desk, "\"from-tags\":[\"b\",\"a\"],\"to-tag\":\"w\""));
    assert_eq!([port(&back, 0), port(&back, 1)], [port(&first, 0), port(&first, 1)]);
}

#[test]
fn sdp_8_6_directions_of_a_subscription() {
    let mut desk = Desk::new();
    for (line, flags, expected) in [
        ("", "", "sendonly"),
        ("a=sendonly\n", "", "sendonly"),
        ("a=recvonly\n", "", "inactive"),
        ("", "inactive", "inactive"),
        ("", "bidirectional", "sendrecv"),
        ("a=sendonly\n", "bidirectional", "sendonly"),
    ] {
        desk.offer("a", &(audio("10.0.0.1", 4000) + line), "");
        let members = format!("\"from-tag\":\"a\",\"to-tag\":\"w\",\"flags\":[\"{flags}\"]");
        assert_eq!(direction(&body(&request(&mut desk, &members)), 0), expected, "{line} {flags}");
    }
}

#[test]
fn sdp_8_6_an_inactive_answer_pauses_the_subscription() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\"");
    let delivers = |desk: &Desk| {
        let stream = desk.call.plane.stream(desk.rtp("a", 0)).expect("a stream");
        stream.spec().rtp[1].delivers
    };
    for (line, expected) in [("a=recvonly\n", true), ("a=inactive\n", false), ("a=recvonly\n", true)] {
        assert_eq!(answer(&mut desk, "w", &(audio("10.0.0.7", 7000) + line), ""), "none");
        assert_eq!(delivers(&desk), expected, "{line}");
    }
}

#[test]
fn codecs_7_3_an_answer_has_to_take_all_codecs() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\"");
    let partial = audio("10.0.0.7", 7000).replace("0 8", "8");
    assert_eq!(answer(&mut desk, "w", &partial, ""), "Failed to process subscription answer");
    let stream = desk.call.plane.stream(desk.rtp("w", 0)).expect("a stream");
    assert!(stream.endpoint().is_none(), "nothing was changed");
    assert_eq!(answer(&mut desk, "w", &partial, "\"flags\":[\"allow transcoding\"]"), "none");
}

#[test]
fn ng_11_9_sections_beyond_the_subscribed_ones_are_ignored() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\"");
    let open = desk.ports.open.len();
    assert_eq!(answer(&mut desk, "w", &(audio("10.0.0.7", 7000) + VIDEO), ""), "none");
    assert_eq!(desk.ports.open.len(), open);
    let party = desk.call.signalling.by_tag(b"w").expect("a party");
    assert_eq!(desk.call.signalling.party(party).medias.len(), 1);
}

#[test]
fn ng_11_9_mix_has_one_section_per_type() {
    let mut desk = Desk::new();
    desk.offer("a", &(audio("10.0.0.1", 4000) + VIDEO), "");
    desk.answer("a", "b", &(audio("10.0.0.2", 5000) + VIDEO), "");
    let body = body(&request(&mut desk, "\"all\":\"all\",\"to-tag\":\"w\",\"flags\":[\"mix\"]"));
    let sections: Vec<_> = lines(&body).into_iter().filter(|l| l.starts_with("m=")).collect();
    assert_eq!(sections.len(), 2, "{sections:?}");
    let w = desk.rtp("w", 0);
    for tag in ["a", "b"] {
        assert!(desk.sinks(tag, 0).iter().any(|(to, _)| *to == w), "{tag}");
    }
}

#[test]
fn ng_7_egress_subscribers_mirror_the_regular_sinks() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\",\"flags\":[\"egress\"]");
    answer(&mut desk, "w", &audio("10.0.0.7", 7000), "");
    assert_eq!(desk.sinks("a", 0), [(desk.rtp("b", 0), vec![desk.rtp("w", 0)])]);
    assert_eq!(desk.rtcp_sinks("a", 0).len(), 1, "no RTCP");
    desk.ask("unsubscribe", "\"to-tag\":\"w\"");
    assert_eq!(desk.sinks("a", 0), [(desk.rtp("b", 0), vec![])]);
}

#[test]
fn ng_7_ways_back() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\",\"flags\":[\"mirror-RTCP\"]");
    assert!(desk.sinks("w", 0).is_empty());
    assert_eq!(desk.rtcp_sinks("w", 0).len(), 1);
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\",\"flags\":[\"bidirectional\"]");
    assert_eq!(desk.sinks("w", 0), [(desk.rtp("a", 0), vec![])]);
    // The subscriber is no source of the party's SDP.
    let again = desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4000), "");
    assert_eq!(lines(&again).iter().filter(|l| l.starts_with("m=")).count(), 1);
    let one = "\"to-tag\":\"w\",\"from-tag\":\"a\",\"flags\":[\"directional\"]";
    desk.ask("unsubscribe", one);
    assert_eq!(desk.sinks("a", 0), [(desk.rtp("b", 0), vec![])]);
    assert_eq!(desk.sinks("w", 0).len(), 1, "the way back stays");
    desk.ask(
        "unsubscribe",
        "\"to-tag\":\"w\",\"from-tag\":\"a\",\"flags\":[\"directional\",\"bidirectional\"]",
    );
    assert!(desk.sinks("w", 0).is_empty());
    assert!(desk.call.signalling.by_tag(b"w").is_some(), "only without a source it is destroyed");
}

#[test]
fn sdp_22_a_subscriber_with_another_protocol() {
    let mut desk = Desk::talk();
    let members = "\"from-tag\":\"a\",\"to-tag\":\"w\",\"transport-protocol\":\"RTP/SAVP\",\"ICE\":\"force\",\
        \"rtcp-mux\":[\"require\"],\"flags\":[\"generate mid\"]";
    let body = body(&request(&mut desk, members));
    assert!(body.contains(" RTP/SAVP 0 8\r\n"), "{body}");
    assert!(attributes(&body, 0, "crypto").len() > 5);
    assert_eq!(attributes(&body, 0, "mid"), ["1"]);
    assert_eq!(attributes(&body, 0, "candidate").len(), 1, "one component");
    assert_eq!(attributes(&body, 0, "rtcp-mux").len(), 1);
    let source = desk.call.signalling.media(desk.media("a", 0));
    assert!(
        !source.is_srtp() && !source.has(super::super::media::MediaFlags::ICE),
        "the source does not notice"
    );
}

#[test]
fn sdp_12_5_the_subscribers_keys_are_in_force_after_its_answer() {
    let mut desk = Desk::talk();
    let members = "\"from-tag\":\"a\",\"to-tag\":\"w\",\"transport-protocol\":\"RTP/SAVP\",\"DTLS\":\"off\"";
    let offered = body(&request(&mut desk, members));
    let line = attributes(&offered, 0, "crypto")
        .into_iter()
        .find(|l| l.contains("AES_CM_128_HMAC_SHA1_80"))
        .expect("a suite")
        .split(" inline:")
        .next()
        .expect("a tag")
        .to_owned();
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let sdp =
        audio("10.0.0.7", 7000).replace("RTP/AVP", "RTP/SAVP") + &format!("a=crypto:{line} inline:{key}\n");
    assert_eq!(answer(&mut desk, "w", &sdp, ""), "none");
    let stream = desk.call.plane.stream(desk.rtp("w", 0)).expect("a stream");
    assert!(stream.keys().incoming.is_some() && stream.keys().outgoing.is_some());
}

#[test]
fn ng_11_9_labels_of_the_subscriber() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\",\"to-label\":\"low\",\"set-label\":\"high\"");
    let party = desk.call.signalling.by_label(b"high").expect("a label");
    assert_eq!(Some(party), desk.call.signalling.by_tag(b"w"));
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\",\"to-label\":\"low\"");
    assert!(desk.call.signalling.by_label(b"low").is_some());
}

#[test]
fn ng_10_5_re_offers_leave_subscriptions_alone() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\"");
    desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4000), "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let to: Vec<_> = desk.sinks("a", 0).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, [desk.rtp("b", 0), desk.rtp("w", 0)]);
    let query = desk.query();
    let a = query.dict("tags").and_then(|t| t.dict("a")).expect("a party");
    let Some(Value::List(links)) = a.get("subscribers") else { panic!("no list") };
    assert_eq!(links.len(), 2);
}

#[test]
fn ng_10_1_publish_and_subscribe_request_count_as_signals() {
    let mut desk = Desk::talk();
    let mut last = desk.query().int("last signal");
    desk.pass(5);
    desk.sdp("publish", "\"from-tag\":\"p\"", &audio("10.0.0.3", 6000), "");
    for (command, members, counts) in [
        ("publish", "", true),
        ("subscribe request", "\"from-tag\":\"a\",\"to-tag\":\"w\"", true),
        ("create", "\"from-tag\":\"c\"", false),
        ("unsubscribe", "\"to-tag\":\"w\"", false),
    ] {
        if !members.is_empty() {
            assert_eq!(desk.refused(command, members), "none");
        }
        let now = desk.query().int("last signal");
        assert_eq!(now != last, counts, "{command}");
        last = now;
        desk.pass(5);
    }
}

#[test]
fn ng_12_2_a_tag_taken_up_again_is_reported_once() {
    let mut desk = Desk::talk();
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\"");
    desk.ask("unsubscribe", "\"to-tag\":\"w\"");
    let tags = |desk: &mut Desk| keys(desk.query().dict("tags").expect("tags"));
    assert_eq!(tags(&mut desk), ["a", "b", "w"], "the record stays listed");
    request(&mut desk, "\"from-tag\":\"a\",\"to-tag\":\"w\"");
    assert_eq!(tags(&mut desk), ["a", "b", "w"]);
}
