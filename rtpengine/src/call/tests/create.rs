//! `create`, `create answer`, `transform` (ng-control.md §11.11, sdp.md §22).

use rtpengine_common::ng::Value;

use super::super::Fate;
use super::super::media::MediaFlags;
use super::{Desk, attributes, audio, direction, lines, port};

fn create(desk: &mut Desk, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    let reply = desk.ask("create", &format!("\"from-tag\":\"c\"{comma}{more}")).reply;
    let dict = reply.to_dict();
    dict.text("sdp").unwrap_or_else(|| panic!("no SDP in {dict:?}, log {:?}", desk.log)).to_owned()
}

#[test]
fn sdp_22_an_offer_from_nothing() {
    let mut desk = Desk::new();
    let body = create(&mut desk, "");
    let shown = lines(&body);
    assert!(shown[1].starts_with("o=- ") && shown[1].ends_with(" IN IP4 192.0.2.200"), "{}", shown[1]);
    let port = port(&body, 0);
    let expected = format!(
        "s=rtpengine|t=0 0|m=audio {port} RTP/AVP 0 8|c=IN IP4 192.0.2.200|a=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|\
         a=sendrecv|a=rtcp:{}",
        port + 1
    );
    assert_eq!(shown[2..].join("|"), expected);
}

#[test]
fn ng_11_11_names_are_made_where_none_are_given() {
    let mut desk = Desk::new();
    let reply = desk.ask("create", "").reply;
    let keys: Vec<_> =
        reply.keys().iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
    assert_eq!(keys, ["call-id", "from-tag", "sdp"]);
    assert_eq!(reply.to_dict().text("from-tag").map(str::len), Some(64));
}

#[test]
fn sdp_22_sections_of_a_created_offer() {
    let mut desk = Desk::new();
    let media = "\"media\":[{\"type\":\"audio\"},{\"type\":\"video\",\"codec\":[\"H264/90000\"]},{\"type\":\"text\"}]";
    let body = create(&mut desk, media);
    let sections: Vec<_> = lines(&body).into_iter().filter(|l| l.starts_with("m=")).collect();
    let ends: Vec<_> = sections.iter().filter_map(|l| l.split_once(" RTP/AVP ")).map(|(_, f)| f).collect();
    assert_eq!(ends, ["0 8", "96", "0"], "{body}");
    assert!(sections[2].starts_with("m=text "));
}

#[test]
fn sdp_22_options_of_a_created_offer() {
    let mut desk = Desk::new();
    let body = create(
        &mut desk,
        "\"transport-protocol\":\"RTP/SAVPF\",\"ICE\":\"force\",\"rtcp-mux\":[\"require\"],\"flags\":[\"generate mid\",\"trickle ICE\"]",
    );
    assert!(body.contains(" RTP/SAVPF 0 8\r\n"), "{body}");
    assert_eq!(attributes(&body, 0, "mid"), ["1"]);
    assert_eq!(attributes(&body, 0, "candidate").len(), 1);
    assert_eq!(attributes(&body, 0, "ice-options"), ["trickle"]);
    assert!(attributes(&body, 0, "crypto").len() > 5);
    assert_eq!(attributes(&body, 0, "rtcp"), [port(&body, 0).to_string()]);
    assert_eq!(desk.ports.open.len(), 1);
    let plain = create(&mut Desk::new(), "\"ICE\":\"optional\"");
    assert!(attributes(&plain, 0, "candidate").is_empty(), "only force");
}

#[test]
fn ng_11_11_create_re_offers_to_a_party_of_the_call() {
    let mut desk = Desk::new();
    let offered = desk.offer("a", &audio("10.0.0.1", 4000).replace("0 8", "3"), "");
    let answered = desk.answer("a", "c", &(audio("10.0.0.2", 5000).replace("0 8", "3") + "a=recvonly\n"), "");
    let open = desk.ports.open.clone();
    let body = create(&mut desk, "");
    assert_eq!(port(&body, 0), port(&offered, 0), "present ports");
    assert_eq!(desk.ports.open, open);
    assert_eq!(lines(&body)[1], lines(&offered)[1], "o= of before");
    assert_eq!(direction(&body, 0), "sendrecv");
    assert!(!answered.is_empty());
    assert_eq!(desk.sinks("a", 0).len(), 1, "links stay");
}

#[test]
fn ng_11_11_a_create_without_enough_ports_leaves_nothing_behind() {
    let mut desk = Desk::new();
    desk.ports.limit = 3;
    let two = "\"from-tag\":\"c\",\"media\":[{\"type\":\"audio\"},{\"type\":\"audio\"}]";
    let done = desk.ask("create", two);
    assert_eq!(Desk::error(&done), "failed to set up call/monologue");
    assert!(matches!(done.fate, Fate::Destroy(_)), "nobody is in the call");
    assert!(desk.ports.open.is_empty(), "{:?}", desk.ports.open);

    let mut desk = Desk::talk();
    let open = desk.ports.open.clone();
    desk.ports.limit = open.len() + 3;
    let done = desk.ask("create", two);
    assert_eq!(Desk::error(&done), "failed to set up call/monologue");
    assert!(matches!(done.fate, Fate::Keep), "others talk");
    assert_eq!(desk.ports.open, open);
    assert!(!desk.query().dict("tags").unwrap().iter().any(|(tag, _)| tag == b"c"));
    // With ports again, the same is as if it had never been asked for.
    desk.ports.limit = 100;
    let body = create(&mut desk, "");
    assert_eq!(lines(&body).iter().filter(|line| line.starts_with("m=")).count(), 1, "{body}");
}

#[test]
fn ng_11_11_the_answer_to_a_created_offer() {
    let mut desk = Desk::new();
    create(&mut desk, "");
    let answer = |desk: &mut Desk, tag: &str, sdp: &str| {
        Desk::error(&desk.exchange("create answer", &format!("\"from-tag\":\"{tag}\""), sdp, ""))
    };
    let sdp = audio("10.0.0.9", 9000).replace("0 8", "8") + "a=ptime:40\na=sendonly\n";
    assert_eq!(desk.refused("create answer", "\"from-tag\":\"c\""), "No SDP body in message");
    assert_eq!(answer(&mut desk, "x", &sdp), "from-tag not found");
    assert_eq!(answer(&mut desk, "c", "nonsense\n"), "Failed to parse SDP");
    assert_eq!(answer(&mut desk, "c", "v=0\nm=audio 1 RTP/AVP 0\n"), "Incomplete SDP specification");
    assert_eq!(answer(&mut desk, "c", &sdp), "none");
    let media = desk.call.signalling.media(desk.media("c", 0));
    assert_eq!(media.codecs.list.formats().collect::<Vec<_>>(), [8]);
    assert_eq!(media.codecs.packet_time.ptime, 40);
    assert!(media.has(MediaFlags::RECV) && !media.has(MediaFlags::SEND));
    let stream = desk.call.plane.stream(desk.rtp("c", 0)).expect("a stream");
    assert_eq!(stream.endpoint().map(|e| e.to_string()).as_deref(), Some("10.0.0.9:9000"));
}

#[cfg(feature = "codec")]
#[test]
fn ng_11_11_a_created_answer_with_another_codec_is_transcoded_both_ways() {
    let mut desk = Desk::talk();
    assert_eq!(desk.refused("connect", "\"from-tag\":\"a\",\"to-tag\":\"b\""), "none");
    create(&mut desk, "\"to-tag\":\"x\"");
    desk.exchange("create answer", "\"from-tag\":\"c\"", &audio("10.0.0.9", 9000), "");
    assert_eq!(desk.refused("connect", "\"from-tag\":\"a\",\"to-tag\":\"c\""), "none");
    let transcodes = |desk: &Desk, tag: &str| {
        let stream = desk.call.plane.stream(desk.rtp(tag, 0)).expect("a stream");
        stream.spec().rtp[0].transcode.is_some()
    };
    assert!(!transcodes(&desk, "a") && !transcodes(&desk, "c"));
    create(&mut desk, "\"media\":[{\"type\":\"audio\",\"codecs\":[\"GSM\"]}]");
    let gsm = audio("10.0.0.9", 9000).replace("0 8", "3");
    desk.exchange("create answer", "\"from-tag\":\"c\"", &gsm, "");
    assert!(transcodes(&desk, "a") && transcodes(&desk, "c"));
}

#[test]
fn ng_11_11_created_parties_can_be_connected() {
    let mut desk = Desk::talk();
    create(&mut desk, "");
    desk.exchange("create answer", "\"from-tag\":\"c\"", &audio("10.0.0.9", 9000), "");
    assert_eq!(desk.refused("connect", "\"from-tag\":\"a\",\"to-tag\":\"c\""), "none");
    assert_eq!(desk.sinks("a", 0), [(desk.rtp("c", 0), vec![])]);
    assert_eq!(desk.sinks("c", 0), [(desk.rtp("a", 0), vec![])]);
}

#[test]
fn mp_1_5_create_without_ports() {
    let mut desk = Desk::talk();
    desk.ports.limit = desk.ports.open.len();
    let done = desk.ask("create", "\"from-tag\":\"c\"");
    assert_eq!(Desk::error(&done), "failed to set up call/monologue");
    assert_eq!(done.fate, Fate::Keep);
}

fn transform(desk: &mut Desk, more: &str) -> super::Done {
    desk.ask(
        "transform",
        &format!("\"from-tag\":\"t\",\"media\":[{{\"type\":\"audio\",\"id\":\"one\"{more}}}]"),
    )
}

const TO: &str = ",\"destination\":{\"family\":\"IP4\",\"address\":\"10.0.0.4\",\"port\":7000}";

#[test]
fn ng_11_11_transform_opens_a_port_to_a_fixed_peer() {
    let mut desk = Desk::new();
    let same = "{\"codec\":\"PCMU\",\"payload type\":0,\"clock rate\":8000,\"channels\":1,\"format\":\"\",\"options\":\"\"}";
    let codec = format!(",\"codec\":[{{\"input\":{same},\"output\":{same}}}]");
    let reply = transform(&mut desk, &(codec + TO)).reply;
    let dict = reply.to_dict();
    let Some(Value::List(list)) = dict.get("media") else { panic!("no media in {dict:?} {:?}", desk.log) };
    let media = list[0].as_dict().expect("a media");
    assert_eq!(media.text("id"), Some("one"));
    assert_eq!((media.text("family"), media.text("address")), (Some("IP4"), Some("192.0.2.200")));
    assert_eq!(
        media.int("port").map(|port| desk.ports.open.contains(&u32::try_from(port).expect("a port"))),
        Some(true)
    );
    assert_eq!(desk.ports.open.len(), 1);
    let stream = desk.call.plane.stream(desk.rtp("t", 0)).expect("a stream");
    assert_eq!(stream.endpoint().map(|e| e.to_string()).as_deref(), Some("10.0.0.4:7000"));
    assert_eq!(desk.sinks("t", 0), [(desk.rtp("t", 0), vec![])], "its own sink");
}

/// A conversion as it stands in the list `codec`.
fn conversion(input: &str, output: &str) -> String {
    let side = |text: &str| {
        let mut fields = text.split('/');
        let mut next = || fields.next().unwrap_or("");
        let (codec, number, clock, channels) = (next(), next(), next(), next());
        format!(
            "{{\"codec\":\"{codec}\",\"payload type\":{number},\"clock rate\":{clock},\"channels\":{channels},\"format\":\"\",\"options\":\"\"}}"
        )
    };
    format!("{{\"input\":{},\"output\":{}}}", side(input), side(output))
}

#[cfg(feature = "codec")]
#[test]
fn ng_11_11_transform_converts_what_differs() {
    let mut desk = Desk::new();
    let pairs = [
        conversion("PCMU/0/8000/1", "PCMA/8/8000/1"),
        conversion("PCMA/8/8000/1", "G722/9/8000/1"),
        conversion("G729/18/8000/1", "G729/18/8000/1"),
        conversion("PCMU/0/8000/1", "GSM/3/8000/1"),
    ]
    .join(",");
    let done = transform(&mut desk, &format!(",\"codec\":[{pairs}]{TO}"));
    assert_eq!(Desk::error(&done), "none", "{:?}", desk.log);
    let stream = desk.call.plane.stream(desk.rtp("t", 0)).expect("a stream");
    let transcode = stream.spec().rtp[0].transcode.as_ref().expect("it transcodes");
    let routes: Vec<_> = transcode
        .routes
        .iter()
        .map(|r| (r.input_payload_type, &*r.input.name, r.output_payload_type, &*r.output.name))
        .collect();
    assert_eq!(routes, [(0, "PCMU", 8, "PCMA"), (8, "PCMA", 9, "G722")], "the first for a number counts");
    let media = desk.call.signalling.media(desk.media("t", 0));
    assert_eq!(media.codecs.list.formats().collect::<Vec<_>>(), [0, 8, 18]);
    assert!(media.has(MediaFlags::TRANSCODING));
    // Told again, the same party converts what it is told last; its port stays.
    let port = media.ports.current().and_then(|map| map.sockets().next()).map(|socket| socket.key);
    assert_eq!(Desk::error(&transform(&mut desk, TO)), "none");
    let stream = desk.call.plane.stream(desk.rtp("t", 0)).expect("a stream");
    assert_eq!(stream.spec().rtp[0].transcode, None);
    let media = desk.call.signalling.media(desk.media("t", 0));
    assert_eq!(media.ports.current().and_then(|map| map.sockets().next()).map(|socket| socket.key), port);
    assert!(!media.has(MediaFlags::TRANSCODING));
}

#[test]
fn ng_11_11_transform_refuses_what_it_cannot_convert_both_ways() {
    let refused = [
        conversion("PCMU/0/8000/1", "nothing/96/8000/1"),
        conversion("unheard-of/96/8000/1", "PCMA/8/8000/1"),
        conversion("PCMU/0/8000/1", "PCMA/200/8000/1"),
        conversion("PCMU/0/8000/1", "telephone-event/101/8000/1"),
    ];
    for pair in refused {
        let mut desk = Desk::new();
        let done = transform(&mut desk, &format!(",\"codec\":[{pair}]{TO}"));
        assert_eq!(Desk::error(&done), "Failed to set up transform", "{pair}");
        assert!(desk.ports.open.is_empty());
    }
    // Not of audio: nothing can be converted there, and everything may pass.
    let video = |pair: &str| {
        let mut desk = Desk::new();
        let media = format!("\"media\":[{{\"type\":\"video\",\"codec\":[{pair}]{TO}}}]");
        Desk::error(&desk.ask("transform", &media))
    };
    assert_eq!(video(&conversion("PCMU/0/8000/1", "PCMA/8/8000/1")), "Failed to set up transform");
    assert_eq!(video(&conversion("VP8/96/90000/1", "VP8/96/90000/1")), "none");
}

/// Whether a request that fails leaves the call and its ports as they were.
fn leaves_no_trace(desk: &mut Desk, command: &str, members: &str, error: &str) {
    let (query, open) = (desk.query(), desk.ports.open.clone());
    let (medias, streams) = (desk.call.signalling.medias.len(), desk.call.plane.stream_count());
    let done = desk.ask(command, members);
    assert_eq!(Desk::error(&done), error, "{command} {members}");
    assert_eq!(done.fate, Fate::Keep, "{command}");
    assert_eq!(desk.query(), query, "{command}");
    assert_eq!(desk.ports.open, open, "{command}");
    let after = (desk.call.signalling.medias.len(), desk.call.plane.stream_count());
    assert_eq!(after, (medias, streams), "{command}");
}

#[test]
fn ng_13_commands_without_enough_ports_leave_the_call_as_it_was() {
    let two = |command: &str| match command {
        "transform" => format!("\"media\":[{{\"type\":\"audio\"{TO}}},{{\"type\":\"audio\"{TO}}}]"),
        _ => "\"media\":[{\"type\":\"audio\"},{\"type\":\"audio\"}]".into(),
    };
    let cases = [("create", "failed to set up call/monologue"), ("transform", "Failed to set up transform")];
    for (command, error) in cases {
        let mut desk = Desk::talk();
        desk.pass(7);
        // A new party, and one that was there and would get a section more.
        let ports = if command == "create" { 3 } else { 1 };
        desk.ports.limit = desk.ports.open.len() + ports;
        leaves_no_trace(&mut desk, command, &format!("\"from-tag\":\"new\",{}", two(command)), error);
        desk.ports.limit = 100;
        let one =
            if command == "create" { String::new() } else { format!("\"media\":[{{\"id\":\"x\"{TO}}}]") };
        assert_eq!(
            Desk::error(&desk.ask(
                command,
                &format!("\"from-tag\":\"p\",\"label\":\"l\"{}{one}", if one.is_empty() { "" } else { "," })
            )),
            "none"
        );
        desk.ports.limit = desk.ports.open.len();
        let deleted = desk.request("\"command\":\"delete\",\"call-id\":\"call\",\"delete-delay\":60");
        assert_eq!(Desk::error(&deleted), "none");
        leaves_no_trace(&mut desk, command, &format!("\"from-tag\":\"p\",{}", two(command)), error);
        assert!(desk.call.signalling.deletion.is_some(), "the deletion stays scheduled");
    }
}

#[test]
fn ng_13_a_subscription_without_enough_ports_leaves_the_call_as_it_was() {
    let error = "Failed to request subscription";
    let mut desk = Desk::talk();
    desk.pass(7);
    desk.ports.limit = desk.ports.open.len() + 3;
    let all = "\"all\":\"all\",\"set-label\":\"l\"";
    leaves_no_trace(
        &mut desk,
        "subscribe request",
        &format!("\"to-tag\":\"s\",\"flags\":[\"to-tag\"],{all}"),
        error,
    );
    leaves_no_trace(&mut desk, "subscribe request", all, error);
    // One who listens to one side already goes on listening to it.
    desk.ports.limit = 100;
    let one = "\"to-tag\":\"s\",\"flags\":[\"to-tag\"],\"from-tag\":\"a\"";
    assert_eq!(desk.refused("subscribe request", one), "none");
    let sinks = desk.sinks("a", 0);
    assert_eq!(sinks.len(), 2);
    desk.ports.limit = desk.ports.open.len() + 1;
    let other = "\"to-tag\":\"s\",\"flags\":[\"to-tag\",\"all\"]";
    leaves_no_trace(&mut desk, "subscribe request", other, error);
    assert_eq!(desk.sinks("a", 0), sinks);
    let socket = desk.call.plane.stream(desk.rtp("s", 0)).and_then(|s| s.selected()).map(|s| s.key);
    assert!(socket.is_some(), "its port is in use as before");
}

#[test]
fn ng_13_a_publish_without_any_port_leaves_the_call_as_it_was() {
    let mut desk = Desk::talk();
    desk.pass(7);
    desk.ports.limit = desk.ports.open.len();
    let sdp = audio("10.0.0.7", 7000).replace('\n', "\\r\\n");
    let members = format!(
        "\"from-tag\":\"p\",\"label\":\"l\",\"metadata\":\"m\",\"drop-traffic\":\"start\",\"sdp\":\"{sdp}\""
    );
    leaves_no_trace(&mut desk, "publish", &members, "Failed to create SDP");
    assert_eq!(desk.call.signalling.metadata, None);
    // A publisher that had its ports keeps them.
    desk.ports.limit = 100;
    let members = members.replace(",\"drop-traffic\":\"start\"", "");
    assert_eq!(desk.refused("publish", &members), "none");
    desk.ports.limit = desk.ports.open.len();
    assert_eq!(desk.refused("publish", &members), "none");
}

#[test]
fn ng_11_11_errors_of_transform() {
    let mut desk = Desk::talk();
    assert_eq!(Desk::error(&transform(&mut desk, "")), "Failed to set up transform");
    let wrong = TO.replace("IP4", "IP6");
    assert_eq!(Desk::error(&transform(&mut desk, &wrong)), "Failed to set up transform");
    let pair = ",\"codec\":[{\"input\":{\"codec\":\"PCMU\"},\"output\":{\"codec\":\"nothing\"}}]";
    assert_eq!(Desk::error(&transform(&mut desk, &format!("{pair}{TO}"))), "Failed to set up transform");
    assert!(desk.call.signalling.by_tag(b"t").is_none(), "nothing was made");
    let own = desk.settings.instance_id.clone();
    assert_eq!(desk.refused("transform", &format!("\"instance\":\"{own}\"")), "Transform loop detected");
    desk.ports.limit = desk.ports.open.len();
    assert_eq!(Desk::error(&transform(&mut desk, TO)), "Failed to set up transform");
}
