//! What `query`, `list` and `statistics` say, key by key (`ng-control.md` 12).

use rtpengine_tests::prelude::*;
use rtpengine_tests::rtp::Report;

const TOP: &[&str] = &[
    "created",
    "created_us",
    "created_ts",
    "last signal",
    "last redis update",
    "SSRC",
    "tags",
    "totals",
    "result",
];
const TAG: &[&str] = &["tag", "created", "in dialogue with", "subscriptions", "subscribers", "medias", "VSC"];
const MEDIA: &[&str] =
    &["index", "type", "protocol", "codec", "streams", "flags", "ingress SSRCs", "egress SSRCs"];
const STREAM: &[&str] = &[
    "local port",
    "local address",
    "family",
    "endpoint",
    "advertised endpoint",
    "last packet",
    "last kernel packet",
    "last user packet",
    "SSRC",
    "flags",
    "stats",
    "stats_out",
];
const SSRC: &[&str] = &["bytes", "packets", "last RTP timestamp", "last RTP seq"];

fn now() -> i64 {
    i64::try_from(rtpengine_tests::sys::realtime_ns() / 1_000_000_000).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.items().iter().filter_map(Value::text).collect()
}

#[test]
fn a_call_is_described_in_the_order_of_the_specification() {
    let daemon = Daemon::start();
    let before = now();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let query = call.query();
    assert_eq!(query.value.keys(), TOP);
    let created = query.int(&["created"]);
    assert!((before..=now()).contains(&created));
    assert_eq!(query.int(&["created_ts"]), created * 1_000_000 + query.int(&["created_us"]));
    assert_eq!(query.int(&["last redis update"]), 0);
    assert_eq!(query.at(&["tags"]).keys(), ["alice", "bob"]);
    for (tag, phone, peer) in [("alice", &alice, "bob"), ("bob", &bob, "alice")] {
        let at = |path: &[&str]| query.at(&[&["tags", tag], path].concat()).clone();
        assert_eq!(at(&[]).keys(), TAG);
        assert_eq!(at(&["in dialogue with"]).text(), Some(peer));
        let link = list([dict([("tag", peer), ("type", "offer/answer")])]);
        assert_eq!(at(&["subscriptions"]), link);
        assert_eq!(at(&["subscribers"]), link);
        assert_eq!(at(&["VSC"]), Value::List(Vec::new()));
        let media = at(&["medias", "0"]);
        assert_eq!(media.keys(), MEDIA);
        assert_eq!(media.get("index").and_then(Value::int), Some(1));
        assert_eq!(media.get("codec").and_then(Value::text), Some("PCMU/8000"));
        assert_eq!(media.get("protocol").and_then(Value::text), Some("RTP/AVP"));
        let mut flags = vec!["initialized", "send", "recv"];
        if tag == "bob" {
            // Set on the media an offer was sent to, even without ICE (12.3).
            flags.push("ICE controlling");
        }
        assert_eq!(texts(media.get("flags").unwrap()), flags, "{tag}");
        let stream = at(&["medias", "0", "streams", "0"]);
        assert_eq!(stream.keys(), STREAM);
        let local = stream.get("local port").and_then(Value::int);
        assert_eq!(local, Some(phone.remote().port().into()));
        let address = stream.get("local address").and_then(Value::text).map(str::to_string);
        assert_eq!(address, Some(daemon.network().relay(0).to_string()));
        let endpoint = Value::Dict(vec![
            (b"family".to_vec(), "IPv4".into()),
            (b"address".to_vec(), phone.address.to_string().into()),
            (b"port".to_vec(), i64::from(phone.media[0].rtp_address().port()).into()),
        ]);
        assert_eq!(stream.get("endpoint"), Some(&endpoint));
        assert_eq!(stream.get("advertised endpoint"), Some(&endpoint));
        assert_eq!(texts(stream.get("flags").unwrap()), ["RTP", "filled", "confirmed"]);
        let stats = dict([("packets", 5), ("bytes", 5 * 172), ("errors", 0)]);
        assert_eq!(stream.get("stats"), Some(&stats));
        assert_eq!(stream.get("stats_out"), Some(&stats));
        let ssrc = i64::from(phone.media[0].next.ssrc);
        assert_eq!(stream.get("SSRC").and_then(Value::int), Some(ssrc));
        let rtcp = at(&["medias", "0", "streams", "1"]);
        assert_eq!(texts(rtcp.get("flags").unwrap()), ["RTCP", "filled"]);
        assert_eq!(at(&["medias", "0", "streams"]).items().len(), 2);
        // The global dictionary knows the SSRC by its decimal text.
        let report = query.at(&["SSRC", &ssrc.to_string()]);
        assert_eq!(report.keys(), SSRC);
        assert_eq!(report.get("bytes").and_then(Value::int), Some(5 * 172));
        assert_eq!(report.get("packets").and_then(Value::int), Some(5));
        let last = i64::from(phone.media[0].next.sequence_number.wrapping_sub(1));
        assert_eq!(report.get("last RTP seq").and_then(Value::int), Some(last));
        let ingress = at(&["medias", "0", "ingress SSRCs", "0"]);
        assert_eq!(ingress.keys(), [&["SSRC"], SSRC].concat());
        assert_eq!(ingress.get("SSRC").and_then(Value::int), Some(ssrc));
        assert_eq!(at(&["medias", "0", "egress SSRCs"]).items().len(), 1);
    }
    let totals = dict([("packets", 10), ("bytes", 10 * 172), ("errors", 0)]);
    assert_eq!(*query.at(&["totals", "RTP"]), totals);
    assert_eq!(*query.at(&["totals", "RTCP"]), dict([("packets", 0), ("bytes", 0), ("errors", 0)]));
}

#[test]
fn before_any_packet_codec_and_ssrc_are_absent() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    let query = call.query();
    assert_eq!(query.at(&["tags"]).keys(), ["alice", "<untagged 1>"]);
    assert_eq!(query.at(&["tags", "<untagged 1>", "tag"]).text(), Some(""));
    let media = query.at(&["tags", "alice", "medias", "0"]);
    assert_eq!(media.get("codec"), None);
    assert_eq!(query.at(&["tags", "alice", "medias", "0", "streams", "0"]).get("SSRC"), None);
    // The callee has not said yet where it is.
    let stream = query.at(&["tags", "<untagged 1>", "medias", "0", "streams", "0"]);
    assert_eq!(stream.get("endpoint"), Some(&Value::Dict(Vec::new())));
    assert_eq!(query.at(&["SSRC"]), &Value::Dict(Vec::new()));
}

#[test]
fn the_parties_answer_for_their_branch_label_and_metadata() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let options = Request::empty().set("via-branch", "z9hG4bK-1").set("label", "caller");
    call.offer_with(&mut alice, &mut bob, &options.clone().set("metadata", "k=v"));
    call.answer_with(&mut bob, &mut alice, &options.set("label", "callee"));
    let query = call.query();
    assert_eq!(query.at(&["tags", "alice", "label"]).text(), Some("caller"));
    assert_eq!(query.at(&["tags", "bob", "label"]).text(), Some("callee"));
    assert_eq!(query.at(&["tags", "bob", "via-branch"]).text(), Some("z9hG4bK-1"));
    assert_eq!(query.at(&["tags", "alice"]).get("via-branch"), None);
    let keys = ["tag", "via-branch", "label", "created"];
    assert_eq!(query.at(&["tags", "bob"]).keys()[..4], keys);
}

#[test]
fn one_tag_brings_its_sources_along() {
    let daemon = Daemon::start();
    let (call, _alice, _bob) = Call::connected(&daemon);
    for (key, tag) in [("from-tag", "alice"), ("to-tag", "bob")] {
        let reply = daemon.request(&call.ask("query").set(key, tag)).ok();
        let mut tags = reply.at(&["tags"]).keys();
        tags.sort();
        assert_eq!(tags, ["alice", "bob"], "{key}");
    }
    let reply = daemon.request(&call.ask("query").set("from-tag", "stranger")).ok();
    assert_eq!(*reply.at(&["tags"]), Value::Dict(Vec::new()));
}

#[test]
fn errors_of_query_and_list() {
    let daemon = Daemon::start();
    assert_eq!(daemon.request(&Request::new("query")).error(), "No call-id in message");
    assert_eq!(daemon.request(&Request::new("query").set("call-id", "")).error(), "No call-id in message");
    assert_eq!(daemon.request(&Request::new("query").set("call-id", "x")).error(), "Unknown call-id");
    let negative = Request::new("list").set("limit", -1);
    assert_eq!(daemon.request(&negative).error(), "invalid limit, must be >= 0");
}

#[test]
fn the_list_has_every_call_up_to_the_limit() {
    let daemon = Daemon::start();
    let calls: Vec<_> = (0..40).map(|_| Call::new(&daemon)).collect();
    for call in &calls {
        let (mut alice, mut bob) = call.phones();
        call.offer(&mut alice, &mut bob);
    }
    let listed = |limit: Option<i64>| {
        let request = limit.map_or(Request::new("list"), |limit| Request::new("list").set("limit", limit));
        let reply = daemon.request(&request).ok();
        assert_eq!(reply.value.keys(), ["calls", "result"]);
        let mut ids: Vec<_> = texts(reply.at(&["calls"])).into_iter().map(str::to_string).collect();
        ids.sort();
        ids
    };
    let mut all: Vec<_> = calls.iter().map(|call| call.id.clone()).collect();
    all.sort();
    assert_eq!(listed(Some(1000)), all);
    assert_eq!(listed(None).len(), 32);
    assert_eq!(listed(Some(5)).len(), 5);
    assert_eq!(listed(Some(0)).len(), 0);
}

#[test]
fn receiver_reports_make_quality_figures() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    // Each reports when it sent, and the other, a moment later, how it heard that. A conversation is scored once both legs have
    // been measured (12.5), so Bob's report is the first that counts.
    let heard = |sent: &[Rtcp]| {
        let Rtcp::Sr { ssrc, ntp, .. } = sent[0] else { unreachable!() };
        let last_sr = (ntp >> 16) as u32;
        Report { ssrc, fraction_lost: 64, lost: 3, highest: 100, jitter: 80, last_sr, delay: 1 }
    };
    let of_bob = bob.sends_rtcp(&bob.sender_report());
    alice.hears_rtcp(&of_bob);
    let of_alice = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&of_alice);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let receiver = bob.media[0].next.ssrc;
    let sender = alice.media[0].next.ssrc;
    let answer = alice.sends_rtcp(&[Rtcp::Rr { ssrc: sender, reports: vec![heard(&of_bob)] }]);
    bob.hears_rtcp(&answer);
    let answer = bob.sends_rtcp(&[Rtcp::Rr { ssrc: receiver, reports: vec![heard(&of_alice)] }]);
    alice.hears_rtcp(&answer);
    let report = until("the report is counted", SOON, || {
        let query = call.query();
        query.at(&["SSRC", &receiver.to_string()]).get("average MOS").is_some().then_some(query)
    });
    let at = |path: &[&str]| report.at(&[&["SSRC", &receiver.to_string()], path].concat()).clone();
    assert_eq!(
        at(&[]).keys(),
        [SSRC, &["cumulative loss", "average MOS", "lowest MOS", "highest MOS", "MOS progression"]].concat()
    );
    let average = ["MOS", "round-trip time", "round-trip time leg", "jitter", "packet loss", "samples"];
    assert_eq!(at(&["average MOS"]).keys(), average);
    let lowest = ["MOS", "round-trip time", "round-trip time leg", "jitter", "packet loss", "reported at"];
    assert_eq!(at(&["lowest MOS"]).keys(), lowest);
    assert_eq!(at(&["average MOS", "jitter"]).int(), Some(10), "80 / 8000 Hz = 10 ms");
    assert_eq!(at(&["average MOS", "packet loss"]).int(), Some(25));
    assert_eq!(at(&["average MOS", "samples"]).int(), Some(1));
    let mos = at(&["average MOS", "MOS"]).int().unwrap();
    assert!((10..=50).contains(&mos), "{mos}");
    let round_trip = |name| at(&["average MOS", name]).int().unwrap();
    let leg = round_trip("round-trip time leg");
    assert!((15_000..1_000_000).contains(&leg), "{leg} us");
    assert!(round_trip("round-trip time") >= leg + 15_000, "both legs");
}

#[test]
fn statistics_count_sessions_and_requests() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    let current = ["statistics", "currentstatistics"];
    let statistics = daemon.request(&Request::new("statistics")).ok();
    assert_eq!(statistics.int(&[current[0], current[1], "sessionsown"]), 1);
    assert_eq!(statistics.int(&[current[0], current[1], "sessionstotal"]), 1);
    let members = ["currentstatistics", "totalstatistics"];
    assert_eq!(statistics.at(&["statistics"]).keys()[..2], members);
    call.hangs_up(&alice);
    let statistics = daemon.request(&Request::new("statistics")).ok();
    assert_eq!(statistics.int(&[current[0], current[1], "sessionsown"]), 0);
    let total = |key| statistics.int(&["statistics", "totalstatistics", key]);
    assert_eq!(total("managedsessions"), 1);
    assert_eq!(total("regularterminatedsessions"), 1);
    assert_eq!(total("relayedpackets_user"), 5);
    assert_eq!(total("relayedbytes_user"), 5 * 172);
    assert_eq!(total("onewaystreams"), 1);
    let control = |key| statistics.int(&["statistics", "controlstatistics", key]);
    assert_eq!((control("totaloffercount"), control("totaldeletecount")), (1, 1));
    let proxy = statistics.at(&["statistics", "controlstatistics", "proxies", "0", "proxy"]);
    assert_eq!(proxy.text(), Some("127.0.0.1"));
}

#[test]
fn used_ports_are_counted_and_come_back() {
    let daemon = Daemon::start();
    let used = || {
        let statistics = daemon.request(&Request::new("statistics")).ok();
        statistics.int(&["statistics", "interfaces", "0", "ports", "used"])
    };
    assert_eq!(used(), 0);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    assert_eq!(used(), 4, "RTP and RTCP on each side already at the offer (media-plane.md 1.6.9)");
    call.answer(&mut bob, &mut alice);
    assert_eq!(used(), 4);
    call.hangs_up(&alice);
    until("the ports are back", SOON, || (used() == 0).then_some(()));
}
