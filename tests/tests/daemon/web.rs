//! HTTP and HTTPS (`ng-control.md` 1.4 and 2, `operations.md` 8.3 and 9.1).

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use rtpengine_tests::prelude::*;
use rtpengine_tests::web::{Http, NG, post};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PING: &[u8] = b"d7:command4:pinge";

/// A daemon with HTTP, and where that is.
pub(super) fn start(arguments: &[&str]) -> (Daemon, SocketAddr) {
    let builder = Daemon::builder();
    let server = SocketAddr::new(LOCAL, Network::enter().free_port(LOCAL));
    let daemon = builder.arg(format!("--listen-http={server}")).arg("--log-level=7").args(arguments).start();
    (daemon, server)
}

/// Writes a certificate that signs itself, and its key.
fn certificate(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let (certificate, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, builder.build().to_pem().unwrap()).unwrap();
    std::fs::write(&key_file, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    (certificate, key_file)
}

#[test]
fn every_route_of_the_table_answers_on_one_connection_1_4() {
    let (_daemon, server) = start(&[]);
    let mut http = Http::connect(server);
    let pings = |http: &mut Http| {
        let response = http.get("/ping");
        assert_eq!((response.status, response.text().as_str()), (200, "pong\n"));
        assert_eq!(response.header("content-type"), Some("text/plain"));
        response
    };
    let response = pings(&mut http);
    for (name, value) in [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Max-Age", "86400"),
        ("Access-Control-Allow-Methods", "GET, POST"),
        ("Access-Control-Allow-Headers", "Content-Type"),
        ("Content-Length", "5"),
    ] {
        assert!(response.headers.contains(&(name.into(), value.into())), "{name} in {response:?}");
    }

    let response = http.send("OPTIONS /ng HTTP/1.1\r\nHost: relay\r\n\r\n").response();
    assert_eq!((response.status, response.text().as_str()), (200, ""));
    assert_eq!(response.header("content-type"), None);
    assert_eq!(response.header("content-length"), Some("0"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));

    for request in [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /ng HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /cli HTTP/1.1\r\nHost: x\r\n\r\n",
        "DELETE /ping HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /ping HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
        "POST /ng HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nx",
        "POST /cli HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let response = http.send(request).response();
        assert_eq!((response.status, response.text().as_str()), (404, "not found\n"), "{request}");
        assert_eq!(response.header("content-type"), Some("text/plain"), "{request}");
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{request}");
    }

    let totals = http.get("/cli/list+totals");
    assert_eq!((totals.status, totals.header("content-type")), (200, Some("text/plain")));
    assert!(totals.text().contains("Statistics over currently running sessions:\n"), "{}", totals.text());
    assert!(http.get("/cli/list%20totals").text().starts_with(totals.text().get(..20).unwrap()));
    assert!(http.post("/cli", "Text/Plain; charset=utf-8", b"list totals\r\n").text().contains("Statistics"));
    assert_eq!(http.get("/cli/frobnicate").text(), "Unknown command: frobnicate\n");

    let metrics = http.get("/metrics");
    assert_eq!((metrics.status, metrics.header("content-type")), (200, Some("text/plain")));
    assert!(metrics.text().contains("# TYPE rtpengine_sessions gauge\n"), "{}", metrics.text());
    pings(&mut http);
}

#[test]
fn a_call_over_http_in_both_encodings() {
    let (daemon, server) = start(&[]);
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    let mut http = Http::connect(server);

    let offer = call.offer_request(&mut alice, &bob, &Request::empty());
    let response = http.post("/ng", NG, &[b"abc ", &offer.encode()[..]].concat());
    assert_eq!((response.status, response.header("content-type")), (200, Some(NG)));
    let first = response.body.clone();
    let body = first.strip_prefix(b"abc d").expect("cookie, space, bencode");
    assert!(!body.is_empty());
    assert!(Reply::decode(&first[4..]).ok().sdp().contains("m=audio "));
    assert!(call.exists());

    let query = Request::new("query").set("call-id", call.id.as_str()).value().to_json();
    let response = http.post("/ng-plain", "application/json", query.as_bytes());
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(Reply::decode(&response.body).ok().at(&["tags"]).keys().len(), 2);
    // The encoding is that of the body, whatever the content type says (rule 3).
    let response = http.post("/ng-plain", "application/x-rtpengine-ng ;x=y", query.as_bytes());
    assert_eq!((response.body.first(), response.header("content-type")), (Some(&b'{'), Some(NG)));
    assert_eq!(http.post("/ng-plain", "APPLICATION/JSON", PING).body, b"d6:result4:ponge");

    // The statistics per agent and the log know the client by its address.
    daemon.logs("Received command 'offer' from 127.0.0.1:");
}

#[test]
fn cookies_are_shared_with_udp_and_ng_plain_has_none_rules_2_2_and_2_8() {
    let (daemon, server) = start(&[]);
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
    let reply = daemon.client().exchange("shared", &offer, SOON).unwrap();
    let mut http = Http::connect(server);
    // A duplicate is not even parsed.
    let again = http.post("/ng", NG, b"shared garbage").body;
    assert_eq!(again, [b"shared ", &reply[..]].concat());
    daemon.logs("Detected command from 127.0.0.1:");
    assert_eq!(http.post("/ng", NG, &[b"other ", PING].concat()).body, b"other d6:result4:ponge");
    assert_eq!(daemon.client().exchange("other", b"garbage", SOON).unwrap(), b"d6:result4:ponge");

    let unknown = Request::new("query").set("call-id", "later").value().to_json();
    let ask = |http: &mut Http| http.post("/ng-plain", "application/json", unknown.as_bytes()).body;
    assert_eq!(Reply::decode(&ask(&mut http)).error(), "Unknown call-id");
    let mut later = Call::new(&daemon);
    later.id = "later".into();
    let (mut alice, mut bob) = later.phones();
    later.offer(&mut alice, &mut bob);
    assert_eq!(Reply::decode(&ask(&mut http)).result(), "ok");
}

#[test]
fn parallel_duplicates_over_http_are_executed_once_rule_2_5() {
    let (daemon, server) = start(&[]);
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
    let request = post("/ng", NG, &[b"same ", &offer[..]].concat());
    let mut clients: Vec<_> = (0..8).map(|_| Http::connect(server)).collect();
    for client in &mut clients {
        client.send(&request);
    }
    let bodies: Vec<_> = clients.iter_mut().map(|client| client.response().body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(call.query().at(&["tags"]).keys().len(), 2);
}

#[test]
fn errors_of_ng_are_replies_and_a_missing_cookie_is_status_600_rule_1_4_2() {
    let (_daemon, server) = start(&[]);
    let mut http = Http::connect(server);
    for body in [&b"nospace"[..], b" d7:command4:pinge", b""] {
        let response = http.post("/ng", NG, body);
        assert_eq!((response.status, response.text().as_str()), (600, "error\n"));
        assert_eq!(response.header("content-type"), Some("text/plain"));
    }
    for (body, error) in [
        (&b""[..], "Invalid data (no payload)"),
        (b"\xff\x00\x01", "Invalid NG data format"),
        (b"d1:", "Could not decode bencode dictionary"),
        (b"de", "Dictionary contains no key \"command\""),
        (b"d7:command5:frobne", "Unrecognized command"),
    ] {
        let response = http.post("/ng-plain", NG, body);
        assert_eq!(response.status, 200);
        assert_eq!(Reply::decode(&response.body).error(), error);
    }
}

#[test]
fn a_post_without_type_or_length_ends_the_connection_rule_1_4_1() {
    let (_daemon, server) = start(&[]);
    let long = "x".repeat(64);
    for head in [
        "Content-Type: text/plain\r\n".to_string(),
        "Content-Length: 4\r\n".to_string(),
        String::new(),
        format!("Content-Type: {long}\r\nContent-Length: 4\r\n"),
        "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n".to_string(),
    ] {
        for path in ["/cli", "/nowhere"] {
            let mut http = Http::connect(server);
            let body = if head.contains("chunked") { "4\r\nlist\r\n0\r\n\r\n" } else { "list" };
            http.send(format!("POST {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n{body}"));
            assert!(http.is_closed(), "{head:?}");
        }
    }
    // One character less is only unknown.
    let mut http = Http::connect(server);
    assert_eq!(http.post("/cli", &long[1..], b"list").status, 404);
}

#[test]
fn pipelined_requests_are_answered_in_order_and_a_body_may_come_in_pieces() {
    let (_daemon, server) = start(&[]);
    let mut http = Http::connect(server);
    let units: Vec<_> =
        (0..50).map(|n| post("/ng", NG, format!("c{n} d7:command4:pinge").as_bytes())).collect();
    http.send(units.concat());
    for n in 0..50 {
        assert_eq!(http.response().text(), format!("c{n} d6:result4:ponge"));
    }
    for byte in post("/ng-plain", NG, PING) {
        http.send([byte]);
    }
    assert_eq!(http.response().body, b"d6:result4:ponge");
    http.send("GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(http.response().text(), "pong\n");
    assert!(http.is_closed());
}

#[test]
fn idle_and_slow_clients_are_closed_and_hold_nobody_up_rule_1_4_5() {
    let (_daemon, server) = start(&["--http-idle-timeout=1", "--http-threads=1"]);
    let begin = Instant::now();
    let mut idle: Vec<_> = (0..50).map(|_| Http::connect(server)).collect();
    let mut slow = Http::connect(server);
    slow.send("GET /ping HT");
    let mut kept = Http::connect(server);
    assert_eq!(kept.get("/ping").status, 200);
    // Promised but not sent; the rest of the body gets more time than an idle connection.
    let mut half = Http::connect(server);
    half.send(format!("POST /ng HTTP/1.1\r\nHost: x\r\nContent-Type: {NG}\r\nContent-Length: 99\r\n\r\nabc"));
    assert_eq!(Http::connect(server).get("/ping").text(), "pong\n");
    assert!(begin.elapsed() < Duration::from_millis(900), "slow clients hold others up");
    for client in idle.iter_mut().chain([&mut slow, &mut kept]) {
        assert!(client.is_closed());
    }
    let closed = begin.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&closed), "{closed:?}");
}

#[test]
fn broken_requests_end_their_connection_only() {
    let (daemon, server) = start(&[]);
    let huge = format!("GET /ping HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(200_000));
    let many = format!("GET /ping HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(5000));
    let lengths = |value: &str| {
        format!("POST /ng HTTP/1.1\r\nHost: x\r\nContent-Type: {NG}\r\nContent-Length: {value}\r\n\r\nabc")
    };
    let garbage: Vec<u8> = (0..5000_u32).map(|n| u8::try_from(n * 7919 % 256).unwrap()).collect();
    let inputs: Vec<Vec<u8>> = vec![
        garbage,
        vec![0; 100],
        vec![0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, b'\r', b'\n', b'\r', b'\n'],
        b"\r\n\r\n \r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /ping HTTP/9.9\r\n\r\n".to_vec(),
        huge.into_bytes(),
        many.into_bytes(),
        lengths("-1").into_bytes(),
        lengths("x").into_bytes(),
        lengths("3, 4").into_bytes(),
        lengths("99999999999999999999999").into_bytes(),
        b"POST /ng HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd".to_vec(),
    ];
    for input in inputs {
        let mut http = Http::connect(server);
        // The server may stop reading before all is written.
        let sent = http.try_send(&input);
        match http.try_response() {
            Ok(Some(response)) => {
                assert!((400..500).contains(&response.status), "{response:?}");
                assert!(http.is_closed());
            }
            Ok(None) => {}
            Err(error) => {
                assert!(sent.is_err(), "{error}: {:?}", input[..input.len().min(40)].escape_ascii());
            }
        }
        assert_eq!(Http::connect(server).get("/ping").text(), "pong\n");
    }
    let mut http = Http::connect(server);
    let too_long = http.post("/ng-plain", NG, &vec![b'x'; (1 << 20) + 1]);
    assert_eq!((too_long.status, too_long.text().as_str()), (413, "request too long\n"));
    assert_eq!(http.post("/ng-plain", NG, PING).body, b"d6:result4:ponge");
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}

/// The ways a large request can take.
#[derive(Clone, Copy, Debug)]
enum Way {
    Http,
    Tcp,
    WebSocket,
}

impl Way {
    /// Sends a request over a connection of its own and returns the reply.
    fn exchange(
        self,
        (web, tcp): (SocketAddr, SocketAddr),
        cookie: &str,
        request: &[u8],
    ) -> (Duration, Reply) {
        let timed = |ask: &mut dyn FnMut() -> Vec<u8>| {
            let start = Instant::now();
            let reply = ask();
            (start.elapsed(), Reply::decode(&reply))
        };
        match self {
            Self::Http => {
                let mut http = Http::connect(web);
                timed(&mut || http.post("/ng-plain", NG, request).body)
            }
            Self::Tcp => {
                let mut stream = TcpStream::connect(tcp).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                timed(&mut || {
                    stream.write_all(&[cookie.as_bytes(), b" ", request].concat()).unwrap();
                    unit(&mut stream, cookie)
                })
            }
            Self::WebSocket => {
                let mut socket =
                    Http::connect(web).upgrade(Some("ng-plain.rtpengine.com")).expect("a WebSocket");
                timed(&mut || socket.binary(request).message())
            }
        }
    }
}

/// The dictionary of the one reply.
fn unit(stream: &mut TcpStream, cookie: &str) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "closed after {} bytes", bytes.len());
        bytes.extend_from_slice(&buffer[..length]);
        if let Some(dictionary) = bytes.strip_prefix(format!("{cookie} ").as_bytes())
            && Value::decode(dictionary).is_ok()
        {
            return dictionary.to_vec();
        }
    }
}

/// The fastest of five offers of this body, and what came back.
fn offers(
    daemon: &Daemon,
    way: Way,
    servers: (SocketAddr, SocketAddr),
    name: &str,
    sdp: &str,
) -> (Duration, Reply) {
    assert!(sdp.len() > 64 << 10, "{}", sdp.len());
    let mut best = (Duration::MAX, None);
    for n in 0..5 {
        let id = format!("{name}-{n}");
        let offer = Request::new("offer").set("call-id", &id).set("from-tag", "a").set("sdp", sdp);
        let (took, reply) = way.exchange(servers, &id, &offer.encode());
        best = (best.0.min(took), Some(reply));
        let _ = daemon.request(&Request::new("delete").set("call-id", &id).set("delete-delay", 0));
    }
    (best.0, best.1.expect("a reply"))
}

#[test]
fn a_large_sdp_is_answered_in_time_over_every_stream() {
    let tcp = SocketAddr::new(LOCAL, Network::enter().free_port(LOCAL));
    let (daemon, web) = start(&[&format!("--listen-tcp-ng={tcp}")]);
    let head = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let candidate = |n: usize| {
        format!(
            "a=candidate:{n} 1 UDP 2130706431 198.51.{}.{} {} typ host\r\n",
            n / 250 % 250,
            n % 250,
            2000 + n
        )
    };
    let ice = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";
    let bodies = [
        ("attributes", format!("{head}{}", "a=x:1\r\n".repeat(10_000))),
        ("candidates", format!("{head}{ice}{}", (0..10_000).map(candidate).collect::<String>())),
        (
            "sections",
            format!(
                "{head}{}",
                "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n".repeat(1000)
            ),
        ),
    ];
    for way in [Way::Http, Way::Tcp, Way::WebSocket] {
        for (what, sdp) in &bodies {
            let (best, reply) = offers(&daemon, way, (web, tcp), &format!("{what}-{way:?}"), sdp);
            match *what {
                "attributes" => assert_eq!(reply.ok().sdp().matches("a=x:1\r\n").count(), 10_000),
                "candidates" => assert_eq!(reply.ok().sdp().matches("m=audio ").count(), 1),
                // rtpengine(8), BOUNDS OF A MESSAGE: each section would open four sockets.
                _ => assert_eq!(reply.error(), "Failed to parse SDP"),
            }
            // The bound is for an optimised build.
            let bound = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 50 });
            assert!(best < bound, "{what} over {way:?} took {best:?}");
        }
    }
}

#[test]
fn a_reader_that_never_reads_does_not_hold_up_others() {
    let (_daemon, server) = start(&["--http-threads=1"]);
    let mut deaf = Http::connect(server);
    let request = b"GET /cli/list+totals HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000);
    // Its own requests may get stuck; nobody else's do.
    let _ = deaf.try_send(&request);
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(Http::connect(server).get("/ping").text(), "pong\n");
    }
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn https_with_a_certificate_and_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let tls = SocketAddr::new(LOCAL, Network::enter().free_port(LOCAL));
    let options = [
        format!("--listen-https={tls}"),
        format!("--https-cert={}", certificate.display()),
        format!("--https-key={}", key.display()),
        "--http-idle-timeout=1".into(),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let (_daemon, plain) = start(&options);
    let mut https = Http::connect_tls(tls);
    assert_eq!(https.get("/ping").text(), "pong\n");
    assert_eq!(https.post("/ng", NG, b"x d7:command4:pinge").body, b"x d6:result4:ponge");
    // One cache for all transports.
    assert_eq!(Http::connect(plain).post("/ng", NG, b"x garbage").body, b"x d6:result4:ponge");
    let mut socket = Http::connect_tls(tls).upgrade(Some("echo.rtpengine.com")).unwrap();
    assert_eq!(socket.binary(vec![7; 100_000]).message(), vec![7; 100_000]);

    // In clear where TLS is wanted, garbage, and silence.
    for first in [&b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0xff; 300], b""] {
        let mut confused = Http::connect(tls);
        confused.send(first);
        // At most a TLS alert (content type 21).
        let rest = confused.rest();
        assert!(rest.first().is_none_or(|kind| *kind == 21), "{}", rest.escape_ascii());
    }
    assert_eq!(Http::connect_tls(tls).get("/ping").text(), "pong\n");
}

#[test]
fn one_file_may_hold_certificate_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let both = folder.path().join("both.pem");
    std::fs::write(&both, [std::fs::read(certificate).unwrap(), std::fs::read(key).unwrap()].concat())
        .unwrap();
    let tls = SocketAddr::new(LOCAL, Network::enter().free_port(LOCAL));
    let _daemon = Daemon::builder()
        .arg(format!("--listen-https={tls}"))
        .arg(format!("--https-cert={}", both.display()))
        .start();
    assert_eq!(Http::connect_tls(tls).get("/ping").text(), "pong\n");
}

#[test]
fn what_cannot_be_served_ends_the_start_operations_3_2() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = certificate(folder.path());
    let port = Network::enter().free_port(LOCAL);
    let tls = format!("--listen-https=127.0.0.1:{port}");
    let cert = format!("--https-cert={}", certificate.display());
    // TEST-NET-1 is on no interface.
    for arguments in
        [vec![tls.as_str()], vec![tls.as_str(), cert.as_str()], vec!["--listen-http=192.0.2.1:8080"]]
    {
        let (status, log) = Daemon::builder().args(&arguments).spawn().ends();
        assert_eq!(status.code(), Some(255), "{arguments:?}");
        assert!(log.contains("Fatal error: Failed to init websocket listener"), "{log}");
    }
}

#[test]
fn a_bare_port_is_bound_in_both_families_rule_1_4_6() {
    let port = Network::enter().free_port(LOCAL);
    let daemon = Daemon::builder().arg(format!("--listen-http={port}")).start();
    assert_eq!(Http::connect((LOCAL, port).into()).get("/ping").text(), "pong\n");
    let local6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    if std::net::UdpSocket::bind((local6, 0)).is_err() {
        // Without IPv6 the other family is served all the same.
        return;
    }
    let mut http = Http::connect((local6, port).into());
    assert_eq!(http.post("/ng-plain", NG, PING).body, b"d6:result4:ponge");
    daemon.logs("Received command 'ping' from [::1]:");
}
