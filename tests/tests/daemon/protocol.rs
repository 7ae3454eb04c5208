//! Transports, encodings, cookies and duplicates (`ng-control.md` 1 to 4, 18).

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rtpengine_tests::prelude::*;

const WAIT: Duration = Duration::from_secs(3);

#[test]
fn the_examples_of_the_specification_byte_by_byte() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let rows = [
        ("77_a d7:command4:pinge", "77_a d6:result4:ponge"),
        ("77_b {\"command\":\"ping\"}", "77_b {\"result\":\"pong\"}"),
        ("77_c x", "77_c d6:result5:error12:error-reason22:Invalid NG data formate"),
    ];
    for (request, reply) in rows {
        client.send_raw(request.as_bytes()).unwrap();
        let got = client.receive_raw(WAIT).unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&got), reply);
    }
}

#[test]
fn deleting_an_unknown_call_in_json() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let body = br#"{ "command": "delete", "call-id": "zz@192.0.2.9" }"#;
    let reply = client.exchange("1", body, WAIT).unwrap();
    let wanted = r#"{"warning":"Call-ID not found or tags didn't match","result":"ok"}"#;
    assert_eq!(String::from_utf8(reply).unwrap(), wanted);
    let body = br#"{ "command": "delete", "call-id": "zz@192.0.2.9", "flags": [ "fatal" ] }"#;
    let reply = client.exchange("2", body, WAIT).unwrap();
    let wanted = r#"{"result":"error","error-reason":"Call-ID not found or tags didn't match"}"#;
    assert_eq!(String::from_utf8(reply).unwrap(), wanted);
}

#[test]
fn a_call_in_json() {
    let daemon = Daemon::start();
    let client = daemon.client().in_json();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let offer = client.request(&call.offer_request(&mut alice, &bob, &Request::empty())).ok();
    assert_eq!(offer.bytes.first(), Some(&b'{'));
    assert!(!offer.bytes.windows(2).any(|pair| pair == b": " || pair == b", "), "compact JSON");
    bob.takes(offer.sdp());
    let answer = client.request(&call.answer_request(&mut bob, &alice, &Request::empty())).ok();
    alice.takes(answer.sdp());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    // The same call in the other encoding.
    assert_eq!(call.query().at(&["tags"]).keys(), ["alice", "bob"]);
}

#[test]
fn json_accepts_numbers_as_strings_and_booleans() {
    let daemon = Daemon::start();
    let client = daemon.client();
    for limit in ["0", "\"0\"", "false", "\"0x0\""] {
        let body = format!(r#"{{"command":"list","limit":{limit}}}"#);
        let reply = client.exchange(&rtpengine_tests::ng::fresh_cookie(), body.as_bytes(), WAIT).unwrap();
        assert_eq!(String::from_utf8(reply).unwrap(), r#"{"calls":[],"result":"ok"}"#, "{limit}");
    }
}

#[test]
fn a_retransmission_gets_the_identical_reply_and_changes_nothing() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
    let first = client.exchange("cookie-1", &offer, WAIT).unwrap();
    let created = call.query().int(&["created_ts"]);
    let again = client.exchange("cookie-1", &offer, WAIT).unwrap();
    assert_eq!(first, again);
    // The body of a duplicate is not even parsed, and another socket of the same host is the same peer.
    let stranger = daemon.client();
    assert_eq!(stranger.exchange("cookie-1", b"garbage", WAIT).unwrap(), first);
    let query = call.query();
    assert_eq!(query.int(&["created_ts"]), created);
    assert_eq!(query.at(&["tags"]).keys().len(), 2);
}

#[test]
fn a_duplicate_of_an_error_gets_the_same_error() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let query = Request::new("query").set("call-id", "later").encode();
    let first = client.exchange("c", &query, WAIT).unwrap();
    assert_eq!(Reply::decode(&first).error(), "Unknown call-id");
    let mut call = Call::new(&daemon);
    call.id = "later".into();
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    assert_eq!(client.exchange("c", &query, WAIT).unwrap(), first);
    assert_eq!(Reply::decode(&client.exchange("d", &query, WAIT).unwrap()).result(), "ok");
}

#[test]
fn parallel_duplicates_are_executed_once() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
    let clients: Vec<_> = (0..8).map(|_| daemon.client()).collect();
    for client in &clients {
        client.send_raw(&[b"same ", &offer[..]].concat()).unwrap();
    }
    let replies: Vec<_> =
        clients.iter().map(|client| client.reply_to("same", WAIT).unwrap().unwrap()).collect();
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(call.query().at(&["tags"]).keys().len(), 2);
}

#[test]
fn the_cookie_may_be_any_bytes() {
    let daemon = Daemon::start();
    let client = daemon.client();
    for cookie in [&b"\xff\x00\x01"[..], b"{", b"d", &[b'x'; 1000]] {
        client.send_raw(&[cookie, b" d7:command4:pinge"].concat()).unwrap();
        let reply = client.receive_raw(WAIT).unwrap().unwrap();
        assert_eq!(reply, [cookie, b" d6:result4:ponge"].concat());
    }
}

#[test]
fn sloppy_bencode_that_is_tolerated() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let rows: [&[u8]; 6] = [
        b"d7:command4:ping",                         // the last `e` is missing
        b"d7:command4:pingetrailing",                // bytes after the dictionary
        b"d4:zzzz1:x7:command4:pinge",               // keys in any order
        b"d7:command4:ping7:command5:offere",        // the first of two commands counts
        b"d7:command4:ping3:keyi-5e4:listl1:ai1eee", // whatever else is there
        b"d7:command4:ping5:emptyd0:0:e3:odd0:e",    // empty strings
    ];
    for (number, body) in rows.into_iter().enumerate() {
        let reply = client.exchange(&format!("s{number}"), body, WAIT).unwrap();
        assert_eq!(reply, b"d6:result4:ponge", "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn unknown_keys_flags_and_values_never_fail_a_request() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let strange = Request::empty()
        .set("no such key", "x")
        .list("flags", ["no-such-flag", "symmetric", "force", "auto-bridge"])
        .list("replace", ["no-such-thing"])
        .set("ICE", "no-such-mode")
        .set("TOS", Value::List(Vec::new()))
        .set("direction", "plain text")
        .set("transport-protocol", "RTP/WARP")
        .set("repacketize", 20);
    call.offer_with(&mut alice, &mut bob, &strange);
    call.answer_with(&mut bob, &mut alice, &strange);
    alice.speaks_to(&mut bob);
}

#[test]
fn every_spelling_of_the_identification_keys() {
    let daemon = Daemon::start();
    for (number, (id, from, to)) in [
        ("call-id", "from-tag", "to-tag"),
        ("call-ID", "from tag", "to_tag"),
        ("call id", "from-tag", "to tag"),
        ("call ID", "from tag", "to-tag"),
    ]
    .into_iter()
    .enumerate()
    {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = call.phones();
        let name = format!("spelling-{number}");
        let ask = |command: &str| Request::new(command).set(id, &name).set(from, "a");
        let _ = daemon.request(&ask("offer").set("SDP", alice.offer_sdp())).ok();
        let _ = daemon.request(&ask("answer").set(to, "b").set("sdp", bob.answer_sdp())).ok();
        let query = daemon.request(&Request::new("query").set("call-id", &name)).ok();
        assert_eq!(query.at(&["tags"]).keys(), ["a", "b"]);
    }
}

#[test]
fn an_rtpp_flags_string_says_it_all() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let flags = "replace=[ origin ] rtcp-mux=[ require ] via-branch=b7 generate-mid label=caller";
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("rtpp-flags", flags));
    assert!(bob.remote().has("rtcp-mux"));
    assert_eq!(bob.remote().value("mid"), Some("1"));
    let query = call.query();
    assert_eq!(query.at(&["tags", "alice", "label"]).text(), Some("caller"));
    assert_eq!(query.at(&["tags", "<untagged 1>", "via-branch"]).text(), Some("b7"));
}

#[test]
fn requests_for_one_call_are_executed_in_order() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
    let answer = call.answer_request(&mut bob, &alice, &Request::empty()).encode();
    let query = call.ask("query").encode();
    let delete = call.ask("delete").set("delete-delay", 0).encode();
    for (cookie, body) in [("1", offer), ("2", answer), ("3", query), ("4", delete)] {
        client.send_raw(&[cookie.as_bytes(), b" ", &body].concat()).unwrap();
    }
    for _ in 0..4 {
        let reply = client.receive_raw(WAIT).unwrap().unwrap();
        assert_eq!(Reply::decode(&reply[2..]).result(), "ok", "{}", String::from_utf8_lossy(&reply));
    }
    assert!(!call.exists());
}

// --- TCP ---

struct Tcp {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Tcp {
    fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        Self { stream, rest: Vec::new() }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Reads `cookie SP dictionary`; what follows stays.
    fn reply(&mut self, cookie: &str) -> Value {
        let prefix = format!("{cookie} ");
        loop {
            for end in prefix.len()..=self.rest.len() {
                if let Some(body) = self.rest[..end].strip_prefix(prefix.as_bytes())
                    && let Ok(value) = Value::decode(body)
                {
                    self.rest.drain(..end);
                    return value;
                }
            }
            let mut buffer = [0; 4096];
            let length = self.stream.read(&mut buffer).unwrap();
            assert!(length > 0, "closed after {:?}", String::from_utf8_lossy(&self.rest));
            self.rest.extend_from_slice(&buffer[..length]);
        }
    }

    fn is_closed(&mut self) -> bool {
        let mut buffer = [0; 4096];
        matches!(self.stream.read(&mut buffer), Ok(0))
            || self.stream.take_error().is_ok_and(|error| error.is_some())
    }
}

fn with_tcp() -> (Daemon, SocketAddr) {
    let local = std::net::Ipv4Addr::LOCALHOST.into();
    let address = SocketAddr::new(local, Network::enter().free_port(local));
    (Daemon::builder().arg(format!("--listen-tcp-ng={address}")).start(), address)
}

#[test]
fn tcp_carries_units_in_any_segments() {
    let (_daemon, address) = with_tcp();
    let mut tcp = Tcp::connect(address);
    // Several units in one segment, without separators.
    tcp.send(b"a d7:command4:pingeb d7:command4:pingec d7:command4:pinge");
    for cookie in ["a", "b", "c"] {
        assert_eq!(tcp.reply(cookie).encode(), b"d6:result4:ponge");
    }
    // One unit byte by byte.
    for byte in b"slow d7:command4:pinge" {
        tcp.send(&[*byte]);
    }
    assert_eq!(tcp.reply("slow").encode(), b"d6:result4:ponge");
}

#[test]
fn tcp_carries_a_call_and_a_large_request_in_two_segments() {
    let (daemon, address) = with_tcp();
    let mut tcp = Tcp::connect(address);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    for number in 0..200 {
        alice.media[0]
            .add_attribute(&format!("X-number-{number}:a rather long value to make the body large"));
    }
    let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
    assert!(offer.len() > 8192);
    let (first, second) = offer.split_at(offer.len() / 2);
    tcp.send(b"o ");
    tcp.send(first);
    // The first half is surely read by the time a ping over another connection is answered.
    let mut other = Tcp::connect(address);
    other.send(b"p d7:command4:pinge");
    other.reply("p");
    tcp.send(second);
    let reply = tcp.reply("o");
    assert_eq!(reply.get("result").and_then(Value::text), Some("ok"));
    bob.takes(reply.get("sdp").and_then(Value::text).unwrap());
    tcp.send(&[b"w ", &call.answer_request(&mut bob, &alice, &Request::empty()).encode()[..]].concat());
    let reply = tcp.reply("w");
    alice.takes(reply.get("sdp").and_then(Value::text).unwrap());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
}

#[test]
fn tcp_and_udp_share_the_cookies() {
    let (daemon, address) = with_tcp();
    let mut tcp = Tcp::connect(address);
    let client = daemon.client();
    let query = Request::new("query").set("call-id", "nowhere").encode();
    let udp = client.exchange("shared", &query, WAIT).unwrap();
    tcp.send(b"shared d7:command4:pinge");
    assert_eq!(tcp.reply("shared").encode(), udp);
}

#[test]
fn tcp_executes_what_came_before_the_end_and_drops_the_rest() {
    let (_daemon, address) = with_tcp();
    let mut tcp = Tcp::connect(address);
    tcp.send(b"last d7:command4:pingehalf d7:comm");
    tcp.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(tcp.reply("last").encode(), b"d6:result4:ponge");
    assert!(tcp.is_closed());
}

#[test]
fn tcp_closes_what_can_never_become_a_unit() {
    let (daemon, address) = with_tcp();
    let mut tcp = Tcp::connect(address);
    // Far beyond any bound; the peer may close in the middle of it.
    let flood = vec![b'x'; 1 << 20];
    for _ in 0..4 {
        if tcp.stream.write_all(&flood).is_err() {
            break;
        }
    }
    let mut byte = [0];
    let closed = match tcp.stream.read(&mut byte) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(closed);
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

#[test]
fn json_has_no_frames_on_tcp_rule_1_3_5() {
    let (daemon, address) = with_tcp();
    let mut tcp = Tcp::connect(address);
    tcp.send(b"j {\"command\":\"ping\"}");
    tcp.stream.set_read_timeout(Some(QUIET)).unwrap();
    let mut byte = [0];
    let error = tcp.stream.read(&mut byte).expect_err("neither a reply nor the end");
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

#[test]
fn a_reply_larger_than_a_datagram_is_lost_and_logged_rule_1_2_5() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    for number in 0..40 {
        let branch = Request::empty().set("via-branch", format!("{number:02000}"));
        let _ = daemon.request(&call.offer_request(&mut alice, &bob, &branch)).ok();
    }
    let client = daemon.client();
    let query = call.ask("query").encode();
    assert!(client.exchange("large", &query, Duration::from_secs(1)).is_err(), "no reply");
    // Everything else goes on, and a smaller part of the same can be had.
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
    let part = daemon.request(&call.ask("delete").flag("fast").set("delete-delay", 0));
    assert_eq!(part.result(), "ok");
}

#[test]
fn a_tcp_peer_that_goes_away_disturbs_nobody() {
    let (daemon, address) = with_tcp();
    for _ in 0..20 {
        let mut tcp = Tcp::connect(address);
        tcp.send(b"x d7:command4:pinge");
        drop(tcp);
    }
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

// --- UDP listeners ---

#[test]
fn a_reply_comes_from_the_address_that_was_asked() {
    let network = Network::enter();
    let port = network.free_port(network.relay(0));
    // A bare port listens on every address of both families.
    let _daemon = Daemon::builder().arg(format!("--listen-ng={port}")).start();
    let mut addresses = vec![network.relay(0), network.relay(1), std::net::Ipv4Addr::LOCALHOST.into()];
    addresses.extend(network.relay_v6(0, "control over IPv6"));
    addresses.extend(network.relay_v6(1, "control over a second IPv6 address"));
    for address in addresses {
        // The client refuses a reply from anywhere else.
        let client = Client::new(SocketAddr::new(address, port)).unwrap();
        assert_eq!(client.request(&Request::new("ping")).result(), "pong", "{address}");
    }
}

#[test]
fn several_listeners_share_calls_and_cookies() {
    let network = Network::enter();
    let local = std::net::Ipv4Addr::LOCALHOST.into();
    let second = SocketAddr::new(local, network.free_port(local));
    let daemon = Daemon::builder().arg(format!("--listen-ng={second}")).start();
    let other = Client::new(second).unwrap();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    assert_eq!(other.request(&call.ask("query")).result(), "ok");
    let ping = daemon.client().exchange("one-cookie", b"d7:command4:pinge", WAIT).unwrap();
    assert_eq!(other.exchange("one-cookie", b"x", WAIT).unwrap(), ping);
}

#[test]
fn unrecognised_commands_and_what_was_not_understood_are_logged_rule_4_3() {
    let daemon = Daemon::builder().arg("--log-level=7").start();
    let reply = daemon.request(&Request::new("frobnicate"));
    assert_eq!(reply.error(), "Unrecognized command");
    daemon.logs("INFO: [control] Received command 'frobnicate' from 127.0.0.1:");
    daemon.logs("DEBUG: [control] Dump for 'frobnicate' from 127.0.0.1:");

    let query = Request::new("delete").set("call-id", "unheard-of").set("frobnication", "much");
    assert_eq!(daemon.request(&query).result(), "ok");
    daemon.logs("WARNING: [unheard-of]: [control] Unknown dictionary key encountered: 'frobnication'");
    daemon.logs("DEBUG: [control] Response dump for 'delete' to 127.0.0.1:");
}

// --- The library's client, which the other programs use ---

#[test]
fn the_library_s_client_and_the_daemon_understand_each_other() {
    use rtpengine_common::bencode::Dict;
    use rtpengine_common::ng::Encoding;
    use rtpengine_common::ng::client::{TcpClient, UdpClient};

    let (daemon, address) = with_tcp();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    let query = Dict::new().with("command", "query").with("call-id", call.id.as_str());
    let mut bencode = UdpClient::connect(daemon.ng()).unwrap();
    let mut json = UdpClient::connect(daemon.ng()).unwrap().with_encoding(Encoding::Json);
    let mut tcp = TcpClient::connect(address).unwrap();
    let replies =
        [bencode.request(&query).unwrap(), json.request(&query).unwrap(), tcp.request(&query).unwrap()];
    for reply in &replies {
        assert_eq!(reply.text("result"), Some("ok"));
        // Three ways to the same answer, key by key and in the same order.
        assert_eq!(reply, &replies[0]);
    }
    // What it writes, the tests' own reader takes, and the other way round.
    let mut bytes = Vec::new();
    Encoding::Bencode.write(&replies[0], &mut bytes);
    assert_eq!(Value::decode(&bytes).unwrap(), call.query().value);
}
