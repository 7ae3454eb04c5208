//! WebSocket (`ng-control.md` 1.5, `operations.md` 9.2).

use std::collections::HashSet;

use rtpengine_tests::prelude::*;
use rtpengine_tests::web::{Http, WebSocket, opcode};

use super::web::start;

fn open(server: std::net::SocketAddr, sub_protocol: &str) -> WebSocket {
    Http::connect(server).upgrade(Some(sub_protocol)).expect("a WebSocket")
}

#[test]
fn only_the_known_sub_protocols_are_served_rule_1() {
    let (_daemon, server) = start(&[]);
    for name in ["ng.rtpengine.com", "ng-plain.rtpengine.com", "cli.rtpengine.com", "echo.rtpengine.com"] {
        open(server, name);
    }
    for name in [None, Some("janus-protocol"), Some("chat"), Some("NG.rtpengine.com.")] {
        let refusal = Http::connect(server).upgrade(name).expect_err("refused");
        assert_eq!(refusal.status, 404, "{name:?}");
    }
}

#[test]
fn echo_returns_text_and_binary_and_joined_fragments_as_binary_rules_2_3_5() {
    let (_daemon, server) = start(&[]);
    let mut socket = open(server, "echo.rtpengine.com");
    assert_eq!(socket.frame(opcode::TEXT, true, b"text").message(), b"text");
    assert_eq!(socket.binary(b"").message(), b"");
    let large: Vec<u8> = (0..200_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    assert_eq!(socket.binary(&large).message(), large);
    socket.frame(opcode::BINARY, false, b"one ").frame(opcode::CONTINUATION, false, b"two ");
    socket.frame(opcode::PING, true, b"are you there");
    socket.frame(opcode::CONTINUATION, true, b"three");
    let mut answers = vec![socket.read().unwrap(), socket.read().unwrap()];
    answers.sort();
    let expected = [(opcode::BINARY, b"one two three".to_vec()), (opcode::PONG, b"are you there".to_vec())];
    assert_eq!(answers, expected);
    socket.frame(opcode::CLOSE, true, &1000_u16.to_be_bytes());
    assert_eq!(socket.read(), Some((opcode::CLOSE, 1000_u16.to_be_bytes().to_vec())));
    assert_eq!(socket.read(), None);
}

#[test]
fn ng_with_and_without_cookie_and_the_cli_rules_5_6() {
    let (daemon, server) = start(&[]);
    let mut ng = open(server, "ng.rtpengine.com");
    assert_eq!(
        ng.frame(opcode::TEXT, true, br#"abc {"command":"ping"}"#).message(),
        br#"abc {"result":"pong"}"#
    );
    assert_eq!(ng.binary(b"def d7:command4:pinge").message(), b"def d6:result4:ponge");
    // Without cookie there is no reply: the next one is that of the next request.
    ng.binary(b"d7:command4:pinge").binary(b" x").binary(b"");
    assert_eq!(ng.binary(b"ghi d7:command4:pinge").message(), b"ghi d6:result4:ponge");
    // One cache for all transports, by address and cookie.
    assert_eq!(open(server, "ng.rtpengine.com").binary(b"def garbage").message(), b"def d6:result4:ponge");
    assert_eq!(daemon.client().exchange("ghi", b"garbage", SOON).unwrap(), b"d6:result4:ponge");

    let mut plain = open(server, "ng-plain.rtpengine.com");
    assert_eq!(plain.binary(b"d7:command4:pinge").message(), b"d6:result4:ponge");
    let error = Reply::decode(&plain.binary(b"abc d7:command4:pinge").message());
    assert_eq!(error.error(), "Invalid NG data format");

    let mut cli = open(server, "cli.rtpengine.com");
    let totals = String::from_utf8(cli.binary(b"list totals\n").message()).unwrap();
    assert!(totals.contains("Statistics over currently running sessions:\n"), "{totals}");
    assert_eq!(cli.frame(opcode::TEXT, true, b"frobnicate").message(), b"Unknown command: frobnicate\n");
}

#[test]
fn many_requests_may_be_outstanding_rule_4() {
    let (daemon, server) = start(&["--num-threads=3"]);
    let mut socket = open(server, "ng.rtpengine.com");
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    let count = 300;
    for n in 0..count {
        let offer = call.offer_request(&mut alice, &bob, &Request::empty());
        let offer = offer.set("call-id", format!("call-{}", n % 20).as_str());
        socket.binary([format!("c{n} ").as_bytes(), &offer.encode()].concat());
    }
    let mut cookies = HashSet::new();
    for _ in 0..count {
        let message = socket.message();
        let space = message.iter().position(|byte| *byte == b' ').unwrap();
        assert_eq!(Reply::decode(&message[space + 1..]).result(), "ok");
        assert!(cookies.insert(message[..space].to_vec()), "two replies to one request");
    }
    assert_eq!(cookies.len(), count);
    assert!(cookies.contains(&b"c0"[..]) && cookies.contains(&b"c299"[..]));
}

#[test]
fn a_websocket_stays_open_longer_than_the_idle_time_of_http() {
    let (_daemon, server) = start(&["--http-idle-timeout=1"]);
    let mut socket = open(server, "echo.rtpengine.com");
    // An idle HTTP connection that began at the same time shows that the time is over.
    assert!(Http::connect(server).is_closed());
    assert_eq!(socket.binary(b"still there").message(), b"still there");
}

#[test]
fn broken_frames_end_their_connection_only() {
    let (daemon, server) = start(&[]);
    let mut bystander = open(server, "ng-plain.rtpengine.com");
    let inputs: Vec<Vec<u8>> = vec![
        vec![0x82, 0x05, 1, 2, 3, 4, 5],               // not masked
        vec![0xf2, 0x80, 0, 0, 0, 0],                  // reserved bits
        vec![0x83, 0x80, 0, 0, 0, 0],                  // reserved opcode
        vec![0x80, 0x80, 0, 0, 0, 0],                  // a continuation of nothing
        vec![0x09, 0x80, 0, 0, 0, 0],                  // a fragmented ping
        [&[0x89, 0xfe, 1, 0][..], &[0; 260]].concat(), // a long ping
        vec![0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0], // nearly endless
        vec![0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0], // 2 MiB
        vec![0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],      // text that is none
        vec![0x88, 0x81, 0, 0, 0, 0, 1],               // half a close code
        (0..3000_u32).map(|n| u8::try_from(n * 7919 % 256).unwrap() | 0x70).collect(),
    ];
    for input in inputs {
        let mut socket = open(server, "echo.rtpengine.com");
        socket.raw(&input);
        // A close frame may precede the end.
        while let Some((code, _)) = socket.read() {
            assert_eq!(code, opcode::CLOSE, "{:?}", &input[..input.len().min(8)]);
        }
        assert_eq!(bystander.binary(b"d7:command4:pinge").message(), b"d6:result4:ponge");
    }
    // Fragments of a message add up.
    let mut socket = open(server, "echo.rtpengine.com");
    socket.frame(opcode::BINARY, false, &vec![0; 900_000]).frame(
        opcode::CONTINUATION,
        true,
        &vec![0; 900_000],
    );
    while let Some((code, _)) = socket.read() {
        assert_eq!(code, opcode::CLOSE);
    }
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}
