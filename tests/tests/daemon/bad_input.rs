//! Input that is wrong by accident or on purpose: the exact error, and everybody else undisturbed.

use std::time::Duration;

use rtpengine_tests::ng::fresh_cookie;
use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;

const WAIT: Duration = Duration::from_secs(3);
const BENCODE: &str = "Could not decode bencode dictionary";

/// A call that must go on whatever is done beside it.
struct Bystander<'d> {
    call: Call<'d>,
    alice: Phone,
    bob: Phone,
}

impl<'d> Bystander<'d> {
    fn new(daemon: &'d Daemon) -> Self {
        let call = Call::new(daemon);
        let (mut alice, mut bob) = call.phones();
        call.connects(&mut alice, &mut bob);
        Self { call, alice, bob }
    }

    #[track_caller]
    fn is_undisturbed(&mut self) {
        self.alice.speaks_to(&mut self.bob);
        self.bob.speaks_to(&mut self.alice);
        assert!(self.call.exists());
    }
}

fn error_of(client: &Client, body: &[u8]) -> String {
    let reply = client.exchange(&fresh_cookie(), body, WAIT).unwrap();
    Reply::decode(&reply).error().to_string()
}

#[test]
fn malformed_datagrams_get_the_error_of_the_specification() {
    let daemon = Daemon::start();
    let mut bystander = Bystander::new(&daemon);
    let client = daemon.client();
    let nested = [vec![b'l'; 60000], b"e".to_vec()].concat();
    let deep = [b"d1:a".to_vec(), vec![b'l'; 50000]].concat();
    let deep_json = [b"{\"a\":".to_vec(), vec![b'['; 60000]].concat();
    let rows: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "Invalid data (no payload)"),
        (b"x".to_vec(), "Invalid NG data format"),
        (b"l4:pinge".to_vec(), "Invalid NG data format"),
        (b"i5e".to_vec(), "Invalid NG data format"),
        (b"\xff\xfe\x00".to_vec(), "Invalid NG data format"),
        (nested, "Invalid NG data format"),
        (b"d7:command".to_vec(), BENCODE),
        (b"d7:commande".to_vec(), BENCODE),
        (b"d7:command4:pi".to_vec(), BENCODE),
        (b"di1e4:pinge".to_vec(), BENCODE),
        (b"d7:command99999999999999999999:pinge".to_vec(), BENCODE),
        (b"d7:command9999999999999:ping".to_vec(), BENCODE),
        (b"d07:command4:pinge".to_vec(), BENCODE),
        (b"d7:commandi01ee".to_vec(), BENCODE),
        (b"d7:commandi5".to_vec(), BENCODE),
        (b"d7:commandi99999999999999999999999ee".to_vec(), BENCODE),
        (b"d7:command?".to_vec(), BENCODE),
        (b"d7:command-4:pinge".to_vec(), BENCODE),
        (deep, BENCODE),
        (b"{".to_vec(), "Failed to parse JSON document"),
        (b"{\"command\":\"ping\"".to_vec(), "Failed to parse JSON document"),
        (b"{\"command\":\"ping\"} x".to_vec(), "Failed to parse JSON document"),
        (deep_json, "Failed to parse JSON document"),
        (b"de".to_vec(), "Dictionary contains no key \"command\""),
        (b"{}".to_vec(), "Dictionary contains no key \"command\""),
        (b"d7:commandi5ee".to_vec(), "Dictionary contains no key \"command\""),
        (b"d7:command0:e".to_vec(), "Unrecognized command"),
        (b"d7:command4:Pinge".to_vec(), "Unrecognized command"),
        (b"d7:command5:ping e".to_vec(), "Unrecognized command"),
        (b"{\"command\":\"start\"}".to_vec(), "Unrecognized command"),
    ];
    for (body, error) in rows {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(error_of(&client, &body), error, "{shown}");
    }
    bystander.is_undisturbed();
}

#[test]
fn datagrams_without_cookie_get_no_reply() {
    let daemon = Daemon::start();
    let client = daemon.client();
    for datagram in [&b""[..], b"d7:command4:pinge", b" d7:command4:pinge", b"\0\0\0\0", &[b'x'; 65000]] {
        client.send_raw(datagram).unwrap();
    }
    // Whatever comes first must be the reply to this one.
    client.send_raw(b"after d7:command4:pinge").unwrap();
    assert_eq!(client.receive_raw(WAIT).unwrap().unwrap(), b"after d6:result4:ponge");
    assert_eq!(client.receive_raw(QUIET).unwrap(), None);
}

#[test]
fn random_datagrams_do_no_harm() {
    let daemon = Daemon::start();
    let mut bystander = Bystander::new(&daemon);
    let client = daemon.client();
    let before = daemon.resident_bytes().unwrap();
    // A simple generator with a fixed start: the same bytes in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let alphabet = b"dlie:0123456789 {}[]\",command offer sdp v=0\r\nm=audio \xff\0";
    for number in 0..3000 {
        let mut datagram = format!("r{number} d7:command5:offer3:sdp").into_bytes();
        datagram.truncate((random() % datagram.len() as u64) as usize + 1);
        for _ in 0..random() % 300 {
            datagram.push(alphabet[(random() % alphabet.len() as u64) as usize]);
        }
        client.send_raw(&datagram).unwrap();
        if number % 50 == 0 {
            assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
        }
    }
    bystander.is_undisturbed();
    let after = daemon.resident_bytes().unwrap();
    assert!(after < before + (64 << 20), "memory grew from {before} to {after}");
}

#[test]
fn missing_keys_are_named_in_this_order() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let sdp = Phone::builder(daemon.network(), 0, "a").build().offer_sdp();
    let rows = [
        (Request::new("offer"), "No SDP body in message"),
        (Request::new("offer").set("sdp", &sdp), "No call-id in message"),
        (Request::new("offer").set("sdp", &sdp).set("call-id", "c"), "No from-tag in message"),
        (Request::new("answer"), "No SDP body in message"),
        (
            Request::new("answer").set("sdp", &sdp).set("call-id", "c").set("from-tag", "a"),
            "No to-tag in message",
        ),
        (
            Request::new("answer")
                .set("sdp", &sdp)
                .set("call-id", "c")
                .set("from-tag", "a")
                .set("to-tag", "b"),
            "Unknown call-id",
        ),
        (Request::new("delete"), "No call-id in message"),
        (Request::new("query"), "No call-id in message"),
        (Request::new("block media"), "No call-id in message"),
        (Request::new("block media").set("call-id", "c"), "Unknown call-ID"),
        (Request::new("start recording").set("call-id", "c"), "Unknown call-id"),
        (Request::new("connect").set("call-id", "c"), "Unknown call-ID(s)"),
        (Request::new("mesh").list("calls", ["c"]), "Unknown call ID(s)"),
        (Request::new("unsubscribe").set("call-id", "c"), "Unknown call-ID"),
        (Request::new("publish"), "No SDP body in message"),
        (Request::new("cli"), "No 'body' in message"),
    ];
    for (request, error) in rows {
        assert_eq!(client.request(&request).error(), error, "{request:?}");
    }
}

#[test]
fn a_command_of_the_wrong_type_or_case_is_no_command() {
    let daemon = Daemon::start();
    let client = daemon.client();
    for command in ["Offer", "OFFER", "offer ", "start  recording", "block dtmf", "Cli"] {
        assert_eq!(client.request(&Request::new(command)).error(), "Unrecognized command", "{command:?}");
    }
}

/// Bodies with one mistake each (`sdp.md` 2.3).
const BROKEN: &[&str] = &[
    "m=audio 4000 RTP/AVP 0\r\nv=0\r\n",
    "v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
    "x=0\r\n",
    "v=0\r\no=- 1 1 IN IP4\r\ns=-\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio x RTP/AVP 0\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 70000 RTP/AVP 0\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000/0 RTP/AVP 0\r\n",
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000/11 RTP/AVP 0\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 host.example\r\nm=audio 4000 RTP/AVP 0\r\n",
    "v=0\r\ns=-\r\nc=IN IP5 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
    "v=0\r\ns=-\r\nc=XX IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 224.2.1.1/127\r\nm=audio 4000 RTP/AVP 0\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
    "v=0\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\ns=-\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nt=0 0\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nu=http://example.com\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nq=0\r\n",
    "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nno equals\r\n",
    "V=0\r\ns=-\r\n",
];

#[test]
fn every_malformed_line_is_refused_and_leaves_no_call() {
    let daemon = Daemon::start();
    let mut bystander = Bystander::new(&daemon);
    for (number, sdp) in BROKEN.iter().enumerate() {
        let id = format!("broken-{number}");
        let offer = Request::new("offer").set("call-id", &id).set("from-tag", "a").set("sdp", *sdp);
        assert_eq!(daemon.request(&offer).error(), "Failed to parse SDP", "{sdp:?}");
        let query = daemon.request(&Request::new("query").set("call-id", &id));
        assert_eq!(query.error(), "Unknown call-id", "{sdp:?}");
    }
    bystander.is_undisturbed();
}

#[test]
fn a_bad_re_offer_leaves_the_call_as_it_was() {
    let daemon = Daemon::start();
    let mut talk = Bystander::new(&daemon);
    talk.is_undisturbed();
    let before = talk.call.query();
    let offers = [
        (BROKEN[3], "Failed to parse SDP"),
        (
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
            "Incomplete SDP specification",
        ),
        ("v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 200\r\n", "Incomplete SDP specification"),
    ];
    for (sdp, error) in offers {
        let offer = talk.call.ask("offer").set("from-tag", "alice").set("to-tag", "bob").set("sdp", sdp);
        assert_eq!(daemon.request(&offer).error(), error, "{sdp:?}");
    }
    let after = talk.call.query();
    for key in ["created", "tags", "totals"] {
        assert_eq!(before.at(&[key]), after.at(&[key]));
    }
    talk.is_undisturbed();
}

#[test]
fn sdp_without_sections_cannot_be_rewritten() {
    let daemon = Daemon::start();
    let offer = Request::new("offer").set("call-id", "x").set("from-tag", "a").set("sdp", "v=0\r\ns=-\r\n");
    assert_eq!(daemon.request(&offer).error(), "Error rewriting SDP");
    let offer = Request::new("offer").set("call-id", "y").set("from-tag", "a").set("sdp", "");
    assert_eq!(daemon.request(&offer).error(), "Error rewriting SDP");
}

#[test]
fn tags_that_cannot_be_matched() {
    let daemon = Daemon::start();
    let talk = Bystander::new(&daemon);
    let sdp = Phone::builder(daemon.network(), 3, "a").build().offer_sdp();
    let offer = talk.call.ask("offer").set("from-tag", "alice").set("to-tag", "alice").set("sdp", sdp);
    assert_eq!(daemon.request(&offer).error(), "Invalid dialogue association");
}

#[test]
fn sdp_manipulations_of_the_wrong_type() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = call.phones();
    let mut error = |options: Request| {
        let reply = daemon.request(&call.offer_request(&mut alice, &bob, &options));
        reply.error().to_string()
    };
    assert_eq!(error(Request::empty().set("sdp-attr", "x")), "wrong type used");
    assert_eq!(error(Request::empty().set("sdp-attr", dict([("audio", "x")]))), "wrong content given");
    let unknown = dict([("holography", dict([("add", list(["x"]))]))]);
    assert_eq!(error(Request::empty().set("sdp-attr", unknown)), "unsupported sdp section");
    let unknown = dict([("audio", dict([("multiply", list(["x"]))]))]);
    assert_eq!(error(Request::empty().set("sdp-attr", unknown)), "unknown manipulation command");
    assert_eq!(error(Request::empty().list("sdp-media-remove", ["holography"])), "unsupported sdp section");
}

#[test]
fn a_large_body_is_answered_or_refused_quickly() {
    let daemon = Daemon::start();
    let mut bystander = Bystander::new(&daemon);
    let head = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n";
    let audio = "m=audio 4000 RTP/AVP 0\r\n";
    let bodies = [
        format!("{head}{audio}{}", "a=x:1\r\n".repeat(8000)),
        format!("{head}{}", audio.repeat(1000)),
        format!(
            "{head}{audio}a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n{}",
            "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n".repeat(1300)
        ),
        format!("{head}m=audio 4000 RTP/AVP{}\r\n", " 0".repeat(20000)),
        format!("{head}{audio}{}", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n".repeat(1000)),
        format!("{head}a=group:BUNDLE{}\r\n{audio}", " 1".repeat(20000)),
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let id = format!("large-{number}");
        let offer = Request::new("offer").set("call-id", &id).set("from-tag", "a").set("sdp", body);
        let start = std::time::Instant::now();
        let reply = daemon.request(&offer);
        let time = start.elapsed();
        // Generous for an unoptimised build: the point is that nothing is quadratic.
        assert!(time < Duration::from_millis(800), "body {number} took {time:?}");
        assert!(["ok", "error"].contains(&reply.result()), "{:?}", reply.value);
        let _ = daemon.request(&Request::new("delete").set("call-id", &id).set("delete-delay", 0));
        bystander.is_undisturbed();
    }
}

#[test]
fn garbage_on_media_ports_passes_unmodified_or_is_dropped_and_nothing_breaks() {
    let daemon = Daemon::start();
    let mut talk = Bystander::new(&daemon);
    let mut bystander = Bystander::new(&daemon);
    talk.is_undisturbed();
    let (rtp, rtcp) = (talk.alice.remote().rtp(), talk.alice.remote().rtcp());
    let garbage: Vec<Vec<u8>> = vec![
        vec![0],
        vec![0x80],
        vec![0x80; 11],
        vec![0xff; 12],
        [&[0x8f, 0][..], &[0; 20]].concat(), // 15 CSRCs that are not there
        [&[0x90, 0][..], &[0; 10], &[0, 0, 0xff, 0xff]].concat(), // an extension far too long
        [&[0xa0, 0][..], &[0; 10], &[255]].concat(), // padding longer than the packet
        [&[0x80, 200, 0xff, 0xff][..], &[0; 8]].concat(), // RTCP far too long
        [&[0x9f, 201, 0, 1][..], &[0; 4]].concat(), // 31 reports that are not there
        [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat(), // STUN without ICE
        [&[22, 254, 255][..], &[0; 40]].concat(), // DTLS without DTLS
    ];
    for (number, packet) in garbage.iter().enumerate() {
        for to in [rtp, rtcp] {
            talk.alice.media[0].rtp_socket().send_to(packet, to).unwrap();
        }
        if number == 0 {
            // No RTP at all, on a path from RTP to RTP: unmodified (media-plane.md 3.2).
            let heard = receive(talk.bob.media[0].rtp_socket(), SOON).map(|(data, _)| data);
            assert_eq!(heard.as_ref(), Some(packet));
        }
    }
    // A marker behind all of that, then silence: now everything has been handled.
    let marker = talk.alice.sends();
    until("the marker arrives", SOON, || {
        let (data, _) = receive(talk.bob.media[0].rtp_socket(), SOON)?;
        (data == marker.encode()).then_some(())
    });
    talk.bob.drains();
    talk.is_undisturbed();
    bystander.is_undisturbed();
}

#[test]
fn oversized_packets_pass_up_to_the_limit() {
    let daemon = Daemon::start();
    let mut talk = Bystander::new(&daemon);
    talk.is_undisturbed();
    let mut packet = talk.alice.next_packet(0);
    packet.payload.resize(1400, 7);
    talk.alice.media[0].rtp_socket().send_to(&packet.encode(), talk.alice.remote().rtp()).unwrap();
    talk.bob.hears(&packet);
    // Beyond 8192 bytes a packet is cut or dropped; then all goes on.
    let huge = vec![0x80; 60000];
    talk.alice.media[0].rtp_socket().send_to(&huge, talk.alice.remote().rtp()).unwrap();
    let marker = talk.alice.sends();
    until("the marker arrives", SOON, || {
        let (data, _) = receive(talk.bob.media[0].rtp_socket(), SOON)?;
        assert!(data.len() <= 8192);
        (data == marker.encode()).then_some(())
    });
    talk.is_undisturbed();
}

#[test]
fn an_unsignalled_payload_type_is_counted_as_error_and_forwarded() {
    let daemon = Daemon::start();
    let mut talk = Bystander::new(&daemon);
    talk.is_undisturbed();
    let mut packet = talk.alice.next_packet(0);
    packet.payload_type = 77;
    talk.alice.media[0].rtp_socket().send_to(&packet.encode(), talk.alice.remote().rtp()).unwrap();
    talk.bob.hears(&packet);
    let query = talk.call.query();
    let errors = query.int(&["tags", "alice", "medias", "0", "streams", "0", "stats", "errors"]);
    assert_eq!(errors, 1);
}

#[test]
fn a_flood_on_one_port_does_not_starve_the_others() {
    let daemon = Daemon::start();
    let talk = Bystander::new(&daemon);
    let mut bystander = Bystander::new(&daemon);
    let to = talk.alice.remote().rtp();
    for round in 0..20 {
        for _ in 0..200 {
            let _ = talk.alice.media[0].rtp_socket().send_to(&[0x80; 200], to);
        }
        if round % 5 == 0 {
            bystander.is_undisturbed();
        }
        talk.bob.drains();
    }
    assert_eq!(daemon.request(&Request::new("ping")).result(), "pong");
}
