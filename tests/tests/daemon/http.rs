//! HTTP and WebSocket (`ng-control.md` 1.4, 1.5; `operations.md` 9).

use std::net::SocketAddr;

use rtpengine_tests::http::{Frame, Http, WebSocket};
use rtpengine_tests::prelude::*;

const NG: &str = "application/x-rtpengine-ng";
const JSON: &str = "application/json";

fn with_http() -> (Daemon, SocketAddr) {
    let local = std::net::Ipv4Addr::LOCALHOST.into();
    let address = SocketAddr::new(local, Network::enter().free_port(local));
    (Daemon::builder().arg(format!("--listen-http={address}")).start(), address)
}

/// Method, path, content type and body; then status, content type where it is fixed, and body.
type Row =
    (&'static str, &'static str, Option<&'static str>, &'static str, u16, Option<&'static str>, &'static str);

#[test]
fn routes_and_their_answers() {
    let (_daemon, address) = with_http();
    let mut http = Http::connect(address).unwrap();
    let rows: &[Row] = &[
        ("GET", "/ping", None, "", 200, Some("text/plain"), "pong\n"),
        ("POST", "/ng", Some(NG), "c1 d7:command4:pinge", 200, Some(NG), "c1 d6:result4:ponge"),
        ("POST", "/ng", Some(NG), "c2 {\"command\":\"ping\"}", 200, Some(NG), "c2 {\"result\":\"pong\"}"),
        ("POST", "/ng-plain", Some(NG), "d7:command4:pinge", 200, Some(NG), "d6:result4:ponge"),
        ("POST", "/ng-plain", Some(JSON), "{\"command\":\"ping\"}", 200, Some(JSON), "{\"result\":\"pong\"}"),
        (
            "POST",
            "/ng-plain",
            Some("Application/JSON; charset=utf-8"),
            "d7:command4:pinge",
            200,
            None,
            "d6:result4:ponge",
        ),
        ("POST", "/ng", Some(NG), "no-cookie", 600, Some("text/plain"), "error\n"),
        ("POST", "/ng", Some("text/html"), "c3 d7:command4:pinge", 404, Some("text/plain"), "not found\n"),
        ("GET", "/nowhere", None, "", 404, Some("text/plain"), "not found\n"),
        ("POST", "/ping", Some(JSON), "{}", 404, Some("text/plain"), "not found\n"),
        ("OPTIONS", "/anything", None, "", 200, None, ""),
    ];
    // All over one connection: keep-alive.
    for (method, path, kind, body, status, answered, text) in rows {
        let response = http.request(method, path, *kind, body.as_bytes()).unwrap();
        assert_eq!((response.status, &response.text()[..]), (*status, *text), "{method} {path} {kind:?}");
        if answered.is_some() {
            assert_eq!(response.header("content-type"), *answered, "{method} {path} {kind:?}");
        }
        let cross_origin = [
            ("access-control-allow-origin", "*"),
            ("access-control-max-age", "86400"),
            ("access-control-allow-methods", "GET, POST"),
            ("access-control-allow-headers", "Content-Type"),
        ];
        for (name, value) in cross_origin {
            assert_eq!(response.header(name), Some(value), "{method} {path}");
        }
        assert_eq!(response.header("content-length"), Some(&text.len().to_string()[..]), "{method} {path}");
    }
    let options = http.request("OPTIONS", "/ng", None, b"").unwrap();
    assert_eq!(options.header("content-type"), None);
}

#[test]
fn a_post_without_type_or_length_is_closed_without_a_word() {
    let (daemon, address) = with_http();
    let requests = [
        "POST /ng HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "POST /ng HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n",
    ];
    for request in requests {
        let mut http = Http::connect(address).unwrap();
        http.send(request.as_bytes()).unwrap();
        assert!(http.is_closed(), "{request:?}");
    }
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

#[test]
fn metrics_and_commands_are_text() {
    let (_daemon, address) = with_http();
    let mut http = Http::connect(address).unwrap();
    let metrics = http.request("GET", "/metrics", None, b"").unwrap();
    assert_eq!((metrics.status, metrics.header("content-type")), (200, Some("text/plain")));
    assert!(metrics.text().contains("rtpengine_"), "{}", metrics.text());
    for command in ["list+numsessions", "list%20numsessions"] {
        let listed = http.request("GET", &format!("/cli/{command}"), None, b"").unwrap();
        assert_eq!((listed.status, listed.header("content-type")), (200, Some("text/plain")));
        assert!(listed.text().contains("0"), "{command}: {}", listed.text());
    }
    let posted = http.request("POST", "/cli", Some("text/plain"), b"list numsessions").unwrap();
    assert_eq!(posted.status, 200);
}

#[test]
fn a_call_over_http() {
    let (daemon, address) = with_http();
    let mut http = Http::connect(address).unwrap();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let mut ask = |request: &Request| {
        let response =
            http.request("POST", "/ng-plain", Some(JSON), request.value().to_json().as_bytes()).unwrap();
        Reply::decode(&response.body).ok()
    };
    bob.takes(ask(&call.offer_request(&mut alice, &bob, &Request::empty())).sdp());
    alice.takes(ask(&call.answer_request(&mut bob, &alice, &Request::empty())).sdp());
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let _ = ask(&call.ask("delete").set("delete-delay", 0));
    assert!(!call.exists());
}

#[test]
fn a_large_body_comes_whole() {
    let (daemon, address) = with_http();
    let mut http = Http::connect(address).unwrap();
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    for number in 0..6000 {
        alice.media[0].add_attribute(&format!("X-{number}:value"));
    }
    let body = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
    assert!(body.len() > 70_000);
    let response = http.request("POST", "/ng-plain", Some(NG), &body).unwrap();
    let reply = Reply::decode(&response.body).ok();
    assert_eq!(reply.sdp().matches("a=X-").count(), 6000);
}

#[test]
fn http_and_udp_share_the_cookies() {
    let (daemon, address) = with_http();
    let mut http = Http::connect(address).unwrap();
    let query = Request::new("query").set("call-id", "nowhere").encode();
    let udp = daemon.client().exchange("over-udp", &query, std::time::Duration::from_secs(3)).unwrap();
    let response = http.request("POST", "/ng", Some(NG), b"over-udp d7:command4:pinge").unwrap();
    assert_eq!(response.body, [b"over-udp ", &udp[..]].concat());
}

#[test]
fn websocket_protocols() {
    let (daemon, address) = with_http();
    let mut ng = WebSocket::connect(address, "/any/path", Some("ng.rtpengine.com")).unwrap();
    ng.send(Frame::Text, true, b"w1 d7:command4:pinge").unwrap();
    assert_eq!(ng.receive().unwrap(), (Frame::Binary, b"w1 d6:result4:ponge".to_vec()));
    ng.send(Frame::Binary, true, b"w2 {\"command\":\"ping\"}").unwrap();
    assert_eq!(ng.receive().unwrap(), (Frame::Binary, b"w2 {\"result\":\"pong\"}".to_vec()));
    // Fragments are joined; a message without a cookie gets no reply.
    ng.send(Frame::Text, false, b"w3 d7:comm").unwrap();
    ng.send(Frame::Continuation, false, b"and4:pin").unwrap();
    ng.send(Frame::Continuation, true, b"ge").unwrap();
    assert_eq!(ng.receive().unwrap(), (Frame::Binary, b"w3 d6:result4:ponge".to_vec()));
    ng.send(Frame::Text, true, b"no-cookie").unwrap();
    ng.send(Frame::Text, true, b"w4 d7:command4:pinge").unwrap();
    assert_eq!(ng.receive().unwrap(), (Frame::Binary, b"w4 d6:result4:ponge".to_vec()));
    let mut plain = WebSocket::connect(address, "/", Some("ng-plain.rtpengine.com")).unwrap();
    plain.send(Frame::Text, true, b"d7:command4:pinge").unwrap();
    assert_eq!(plain.receive().unwrap(), (Frame::Binary, b"d6:result4:ponge".to_vec()));
    let mut echo = WebSocket::connect(address, "/", Some("echo.rtpengine.com")).unwrap();
    let long = vec![b'x'; 70_000];
    for message in [&b"hello"[..], &long] {
        echo.send(Frame::Text, true, message).unwrap();
        assert_eq!(echo.receive().unwrap(), (Frame::Binary, message.to_vec()));
    }
    echo.send(Frame::Ping, true, b"?").unwrap();
    assert_eq!(echo.receive().unwrap(), (Frame::Pong, b"?".to_vec()));
    echo.send(Frame::Close, true, &1000_u16.to_be_bytes()).unwrap();
    assert_eq!(echo.receive().unwrap().0, Frame::Close);
    let mut cli = WebSocket::connect(address, "/", Some("cli.rtpengine.com")).unwrap();
    cli.send(Frame::Text, true, b"list numsessions").unwrap();
    assert_eq!(cli.receive().unwrap().0, Frame::Binary);
    for protocol in [None, Some("chat.example.com")] {
        assert!(WebSocket::connect(address, "/", protocol).is_err(), "{protocol:?}");
    }
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

#[test]
fn many_requests_may_be_outstanding() {
    let (daemon, address) = with_http();
    let mut socket = WebSocket::connect(address, "/", Some("ng.rtpengine.com")).unwrap();
    let calls: Vec<_> = (0..20).map(|_| Call::new(&daemon)).collect();
    for (number, call) in calls.iter().enumerate() {
        let (mut alice, bob) = call.phones();
        let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
        socket.send(Frame::Binary, true, &[format!("m{number:02} ").as_bytes(), &offer].concat()).unwrap();
    }
    let mut cookies = Vec::new();
    for _ in &calls {
        let (_, reply) = socket.receive().unwrap();
        let (cookie, body) = reply.split_at(4);
        assert_eq!(Reply::decode(body).result(), "ok");
        cookies.push(String::from_utf8_lossy(cookie).into_owned());
    }
    cookies.sort();
    assert_eq!(cookies, (0..20).map(|number| format!("m{number:02} ")).collect::<Vec<_>>());
}

#[test]
fn garbage_on_the_http_port_disturbs_nobody() {
    let (daemon, address) = with_http();
    for garbage in [
        &b"\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        &[b'A'; 100_000],
        b"POST /ng HTTP/1.1\r\nContent-Type: a\r\nContent-Length: 99999999999999\r\n\r\n",
    ] {
        let mut http = Http::connect(address).unwrap();
        let _ = http.send(garbage);
    }
    let mut http = Http::connect(address).unwrap();
    assert_eq!(http.request("GET", "/ping", None, b"").unwrap().text(), "pong\n");
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}
