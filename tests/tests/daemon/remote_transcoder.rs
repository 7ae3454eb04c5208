//! Another instance transcodes for the daemon (`codecs.md` 11.2): its ng server is the test, or a daemon of its own.

use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, spawn};

use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;
use tempfile::TempDir;

/// An ng server that says to each request what it is told to say.
struct Remote {
    address: SocketAddr,
    requests: Receiver<(String, Vec<u8>)>,
    thread: Option<JoinHandle<()>>,
}

impl Remote {
    fn new(answer: impl Fn(&Value) -> Option<Request> + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Network::enter().phone(3), 0)).expect("a socket");
        let address = socket.local_addr().expect("its address");
        let (sender, requests) = channel();
        let thread = spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length @ 1.., from)) = socket.recv_from(&mut buffer) {
                let text = buffer[..length].to_vec();
                let cookie = String::from_utf8(text[..16].to_vec()).expect("16 hex digits");
                assert!(cookie.bytes().all(|digit| digit.is_ascii_hexdigit()) && text[16] == b' ');
                let request = text[17..].to_vec();
                if let Some(reply) = answer(&Value::decode(&request).expect("bencode")) {
                    let mut out = format!("{cookie} ").into_bytes();
                    out.extend(reply.encode());
                    socket.send_to(&out, from).expect("sent");
                }
                let _ = sender.send((cookie, request));
            }
        });
        Self { address, requests, thread: Some(thread) }
    }

    fn asked(&self) -> (String, Vec<u8>) {
        self.requests.recv_timeout(SOON).expect("a request")
    }

    fn is_not_asked(&self) {
        assert_eq!(self.requests.recv_timeout(QUIET).ok(), None);
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let socket = UdpSocket::bind((self.address.ip(), 0)).expect("a socket");
        socket.send_to(&[], self.address).expect("sent");
        let ended = self.thread.take().expect("it runs").join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn configured(rules: &[(&str, &str, SocketAddr)]) -> (TempDir, DaemonBuilder) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rtpengine.conf");
    let mut text = format!("[rtpengine]\ninterface = {}\ntranscode-config = tc\n", Network::enter().relay(0));
    for (number, (source, destination, transform)) in rules.iter().enumerate() {
        let rule = format!("source = {source}\ndestination = {destination}\ntransform = {transform}\n");
        write!(text, "[tc-{number}]\n{rule}remote-interface = far\n").expect("a string takes it");
    }
    std::fs::write(&file, text).expect("written");
    (folder, Daemon::builder().configuration(&file))
}

fn phones(call: &Call<'_>) -> (Phone, Phone) {
    let phone = |number, tag, format: (u8, &str)| {
        let plan = MediaPlan::new("audio", "RTP/AVP").format(format.0, format.1);
        call.phone(number, tag).media(plan.format(101, "telephone-event/8000")).build()
    };
    (phone(0, "alice", (0, "PCMU/8000")), phone(1, "bob", (8, "PCMA/8000")))
}

fn pcma() -> Request {
    Request::empty().set("codec", dict([("transcode", list(["PCMA"]))]))
}

fn connected(call: &Call<'_>) -> (Phone, Phone) {
    let (mut alice, mut bob) = phones(call);
    call.offer_with(&mut alice, &mut bob, &pcma());
    call.answer(&mut bob, &mut alice);
    (alice, bob)
}

fn is_transcoded(alice: &mut Phone, bob: &Phone) {
    let sent = alice.says(&[0xff; 160], 160);
    let (heard, from) = bob.receives();
    assert_eq!(from, bob.remote().rtp());
    assert_eq!((heard.payload_type, heard.payload), (8, vec![0xd5; 160]));
    assert_eq!((heard.sequence_number, heard.ssrc), (sent.sequence_number, sent.ssrc));
}

fn chains(daemon: &Daemon) -> String {
    daemon.request(&Request::new("statistics")).ok().value.to_json()
}

/// Grants everything; packets are to go to this address.
fn granting(address: SocketAddr) -> Remote {
    Remote::new(move |_| {
        let media = Request::empty().set("id", "x").set("family", "IP4");
        let media = media.set("address", address.ip().to_string()).set("port", i64::from(address.port()));
        let reply = Request::empty().set("call-id", "their call").set("from-tag", "their tag");
        Some(reply.set("media", list([media.value()])).set("result", "ok"))
    })
}

#[test]
fn codecs_11_2_packets_go_to_the_remote_endpoint_and_come_back_to_the_sink() {
    let far = UdpSocket::bind((Network::enter().phone(3), 0)).expect("a socket");
    let remote = granting(far.local_addr().expect("its address"));
    let (_folder, builder) = configured(&[("PCMU", "PCMA", remote.address)]);
    let daemon = builder.start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = connected(&call);
    let (_, bytes) = remote.asked();
    let request = Value::decode(&bytes).expect("bencode");
    let text = |key: &str| request.get(key).and_then(Value::text).unwrap_or_default().to_owned();
    let (name, tag, instance) = (text("call-id"), text("from-tag"), text("instance"));
    let prefix = name.get(..8).expect("8 digits");
    assert_eq!(
        (name.as_str(), tag),
        (format!("{prefix} for {}", call.id).as_str(), format!("{prefix} for alice"))
    );
    assert!(prefix.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{prefix}");
    let media = request.get("media").map(Value::items).and_then(<[_]>::first).expect("a media");
    let destination = media.get("destination").expect("a destination");
    let number = destination.get("port").and_then(Value::int).expect("a port");
    let codec = |name: &str, payload_type: i64| {
        Request::empty()
            .set("codec", name)
            .set("payload type", payload_type)
            .set("clock rate", 8000)
            .set("channels", 1)
            .set("format", "")
            .set("options", "")
            .value()
    };
    let pair = dict([("input", codec("PCMU", 0)), ("output", codec("PCMA", 8))]);
    let relay = daemon.network().relay(0);
    let to = Request::empty().set("family", "IP4").set("address", relay.to_string()).set("port", number);
    let media =
        Request::empty().set("type", "audio").set("codec", list([pair])).set("destination", to.value());
    let expected = Request::new("transform")
        .set("call-id", name.as_str())
        .set("from-tag", format!("{prefix} for alice"))
        .set("media", list([media.value()]))
        .set("interface", "far")
        .set("instance", instance);
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&expected.encode()));
    let socket = SocketAddr::new(relay, u16::try_from(number).expect("a port"));
    let goes_and_comes = |alice: &mut Phone, bob: &Phone| {
        let sent = alice.says(&[0x31; 160], 160);
        let (data, from) = receive(&far, SOON).expect("a packet");
        assert_eq!((Rtp::parse(&data).expect("RTP"), from), (sent.clone(), socket));
        bob.hears_nothing();
        let back = Rtp { payload_type: 8, payload: vec![1, 2, 3], marker: true, ..sent };
        far.send_to(&back.encode(), socket).expect("sent");
        assert_eq!(bob.receives(), (back, bob.remote().rtp()));
    };
    goes_and_comes(&mut alice, &bob);
    // RTCP is not part of this.
    far.send_to(&Rtcp::encode(&alice.sender_report()), socket).expect("sent");
    bob.hears_nothing();
    // What comes from elsewhere is no reason to send there.
    let stranger = UdpSocket::bind((daemon.network().phone(2), 0)).expect("a socket");
    stranger.send_to(&alice.next_packet(0).encode(), socket).expect("sent");
    let _ = bob.receives();
    goes_and_comes(&mut alice, &bob);
    assert_eq!(receive(&stranger, QUIET), None);
    // Other numbers and the other direction are no business of the remote endpoint.
    alice.media[0].next.payload_type = 101;
    alice.says(&[5, 10, 0, 160], 160);
    alice.media[0].next.payload_type = 0;
    assert_eq!(bob.receives().0.payload_type, 101);
    bob.says(&[0xd5; 160], 160);
    assert_eq!(alice.receives().0.payload_type, 0);
    assert_eq!(receive(&far, QUIET), None);
    assert!(chains(&daemon).contains("PCMU/8000 -> PCMA/8000 (TFM)"), "{}", chains(&daemon));
    // The handler stays, and so does the transform.
    call.offer_with(&mut alice, &mut bob, &pcma());
    call.answer(&mut bob, &mut alice);
    remote.is_not_asked();
    goes_and_comes(&mut alice, &bob);
    call.hangs_up(&alice);
    let end = Request::new("delete").set("call-id", "their call").set("from-tag", "their tag");
    let end = end.set("delete delay", 0).encode();
    assert_eq!(String::from_utf8_lossy(&remote.asked().1), String::from_utf8_lossy(&end));
    remote.is_not_asked();
}

#[test]
fn codecs_11_2_3_what_comes_back_is_protected_for_the_sink() {
    let far = UdpSocket::bind((Network::enter().phone(3), 0)).expect("a socket");
    let remote = granting(far.local_addr().expect("its address"));
    let (_folder, builder) = configured(&[("PCMU", "PCMA", remote.address)]);
    let daemon = builder.start();
    let call = Call::new(&daemon);
    let phone = |number, tag, format: (u8, &str)| {
        let plan = MediaPlan::new("audio", "RTP/SAVP").format(format.0, format.1);
        call.phone(number, tag).media(plan.secure("AES_CM_128_HMAC_SHA1_80")).build()
    };
    let (mut alice, mut bob) = (phone(0, "alice", (0, "PCMU/8000")), phone(1, "bob", (8, "PCMA/8000")));
    let options = pcma().set("DTLS", "off").set("transport-protocol", "RTP/SAVP");
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    let _ = remote.asked();
    for _ in 0..3 {
        let sent = alice.says(&[0x31; 160], 160);
        let (data, socket) = receive(&far, SOON).expect("a packet");
        assert_eq!(Rtp::parse(&data), Some(sent.clone()), "plain on this way");
        let back = Rtp { payload_type: 8, payload: vec![1, 2, 3], ..sent };
        far.send_to(&back.encode(), socket).expect("sent");
        assert_eq!(bob.receives(), (back, bob.remote().rtp()));
    }
}

#[test]
fn codecs_11_2_4_without_a_grant_audio_is_transcoded_here() {
    let refusing =
        Remote::new(|_| Some(Request::empty().set("result", "error").set("error-reason", "not today")));
    let (_folder, builder) = configured(&[("PCMU", "PCMA", refusing.address)]);
    let daemon = builder.start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connected(&call);
    let _ = refusing.asked();
    daemon.logs(&format!("No remote transcoding by {}: refused: not today", refusing.address));
    is_transcoded(&mut alice, &bob);
    assert!(!chains(&daemon).contains("(TFM)"));
    call.hangs_up(&alice);
    refusing.is_not_asked();

    let silent = Remote::new(|_| None);
    let (_folder, builder) = configured(&[("PCMU", "PCMA", silent.address)]);
    let daemon = builder.args(["--ng-client-timeout=20", "--ng-client-retries=3"]).start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connected(&call);
    let first = silent.asked();
    assert_eq!([silent.asked(), silent.asked()], [first.clone(), first], "the same bytes each time");
    silent.is_not_asked();
    daemon.logs(&format!("No remote transcoding by {}: no reply", silent.address));
    is_transcoded(&mut alice, &bob);
}

#[test]
fn codecs_11_2_5_requests_of_the_call_wait_for_the_reply_and_others_do_not() {
    let (release, released) = channel();
    let slow = Remote::new(move |_| {
        released.recv().expect("the test goes on");
        Some(Request::empty().set("result", "error").set("error-reason", "not today"))
    });
    let (_folder, builder) = configured(&[("PCMU", "PCMA", slow.address)]);
    let daemon = builder.args(["--ng-client-timeout=9000", "--ng-client-retries=1"]).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = phones(&call);
    call.offer_with(&mut alice, &mut bob, &pcma());
    let answer = call.answer_request(&mut bob, &alice, &Request::empty());
    let query = call.ask("query");
    let [first, second] = [daemon.client(), daemon.client()];
    std::thread::scope(|scope| {
        let answered = scope.spawn(move || first.request(&answer));
        let received = |command: &str| {
            let text = format!("Received command '{command}'");
            until(&text, SOON, || daemon.log().contains(&text).then_some(()));
        };
        received("answer");
        let queried = scope.spawn(move || second.request(&query));
        received("query");
        let other = daemon.request(&Request::new("query").set("call-id", "another"));
        assert_eq!(other.error(), "Unknown call-id", "other calls do not wait");
        assert!(!answered.is_finished() && !queried.is_finished());
        release.send(()).expect("it waits");
        alice.takes(answered.join().expect("no panic").ok().sdp());
        let _ = queried.join().expect("no panic").ok();
    });
    let in_order = until("all replies are in the log", SOON, || {
        let log = daemon.log();
        let queries: Vec<_> = log.match_indices("Replying to 'query'").map(|(at, _)| at).collect();
        let answer = log.find("Replying to 'answer'")?;
        (queries.len() == 2).then(|| queries[0] < answer && answer < queries[1])
    });
    assert!(in_order, "{}", daemon.log());
    is_transcoded(&mut alice, &bob);
}

#[test]
fn codecs_11_2_two_daemons() {
    let far = Daemon::builder().interface(&Network::enter().relay(1)).start();
    let rules = [("PCMU", "PCMA", far.ng()), ("PCMA", "PCMU", far.ng())];
    let (_folder, builder) = configured(&rules.map(|(a, b, to)| (a, b, to)));
    let near = builder.start();
    let call = Call::new(&near);
    let (mut alice, mut bob) = connected(&call);
    // The interface of the rule is unknown there; the default is taken.
    is_transcoded(&mut alice, &bob);
    for _ in 0..3 {
        is_transcoded(&mut alice, &bob);
        bob.says(&[0xd5; 160], 160);
        let (heard, from) = alice.receives();
        assert_eq!((heard.payload_type, from), (0, alice.remote().rtp()));
    }
    let near_chains = chains(&near);
    for chain in ["PCMU/8000 -> PCMA/8000 (TFM)", "PCMA/8000 -> PCMU/8000 (TFM)"] {
        assert!(near_chains.contains(chain), "{near_chains}");
    }
    assert!(chains(&far).contains("PCMU/8000 -> PCMA/8000"), "{}", chains(&far));
    let sessions = || {
        let statistics = far.request(&Request::new("statistics")).ok();
        statistics.int(&["statistics", "currentstatistics", "sessionsown"])
    };
    assert_eq!(sessions(), 2);
    call.hangs_up(&alice);
    until("the other daemon has ended its part", SOON, || (sessions() == 0).then_some(()));
}

#[test]
fn codecs_11_2_a_daemon_that_names_itself_goes_on() {
    let network = Network::enter();
    let own = SocketAddr::new(network.relay(0), network.free_port(network.relay(0)));
    let (_folder, builder) = configured(&[("PCMU", "PCMA", own)]);
    let daemon = builder.control(own).start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connected(&call);
    daemon.logs("refused: Transform loop detected");
    is_transcoded(&mut alice, &bob);
}
