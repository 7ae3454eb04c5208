//! DTMF: digits that are told, put in, blocked, hidden and acted on (codecs.md 18).

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;

const EVENTS: u8 = 101;
const SILENCE: [u8; 160] = [0xff; 160];
/// Something loud in PCMU.
const LOUD: [u8; 160] = [0x10; 160];

/// A phone that speaks PCMU, with events or without.
fn phone(call: &Call<'_>, number: u8, tag: &str, events: bool) -> Phone {
    let plan = MediaPlan::new("audio", "RTP/AVP").format(0, "PCMU/8000");
    let plan = if events { plan.format(EVENTS, "telephone-event/8000") } else { plan };
    call.phone(number, tag).media(plan).build()
}

fn connect(call: &Call<'_>, events: [bool; 2], options: [&Request; 2]) -> (Phone, Phone) {
    let (mut alice, mut bob) = (phone(call, 0, "alice", events[0]), phone(call, 1, "bob", events[1]));
    call.offer_with(&mut alice, &mut bob, options[0]);
    call.answer_with(&mut bob, &mut alice, options[1]);
    (alice, bob)
}

/// Alice and bob, both with events.
fn both(call: &Call<'_>) -> (Phone, Phone) {
    connect(call, [true; 2], [&Request::empty(), &Request::empty()])
}

/// Presses a digit for so many packets of 20 ms; the end comes three times.
fn press(phone: &mut Phone, event: u8, packets: u8) -> Vec<Rtp> {
    let mut sent = Vec::new();
    phone.media[0].next.payload_type = EVENTS;
    for n in 1..=packets {
        let end = n == packets;
        let [high, low] = (u16::from(n) * 160).to_be_bytes();
        phone.media[0].next.marker = n == 1;
        for _ in 0..if end { 3 } else { 1 } {
            sent.push(phone.says(&[event, 10 | if end { 0x80 } else { 0 }, high, low], 0));
        }
    }
    let next = &mut phone.media[0].next;
    next.payload_type = 0;
    next.marker = false;
    next.timestamp = next.timestamp.wrapping_add(u32::from(packets) * 160);
    sent
}

fn selected(request: Request) -> Request {
    request.set("from-tag", "alice").flag("directional")
}

/// A request that has to succeed.
#[track_caller]
fn done(daemon: &Daemon, request: &Request) {
    assert_eq!(daemon.request(request).result(), "ok");
}

fn listener() -> (UdpSocket, SocketAddr) {
    // The sockets of a test live where its daemon does.
    let _ = Network::enter();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(SOON)).expect("a time-out");
    let address = socket.local_addr().expect("bound");
    (socket, address)
}

fn told(socket: &UdpSocket) -> String {
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).expect("a datagram");
    String::from_utf8(buffer[..length].to_vec()).expect("text")
}

#[test]
fn codecs_18_6_digits_are_told_by_datagram_and_to_ng_clients() {
    let (log, address) = listener();
    let local = Ipv4Addr::LOCALHOST.into();
    let tcp = SocketAddr::new(local, Network::enter().free_port(local));
    let options =
        [format!("--listen-tcp-ng={tcp}"), format!("--dtmf-log-dest={address}"), "--dtmf-log-ng-tcp".into()];
    let daemon = Daemon::builder().args(options).start();
    let mut client = TcpStream::connect(tcp).expect("a connection");
    client.set_read_timeout(Some(SOON)).expect("a time-out");
    let call = Call::new(&daemon);
    let labelled = Request::empty().set("label", "one");
    let (mut alice, mut bob) = connect(&call, [true; 2], [&labelled, &Request::empty()]);
    alice.speaks_to(&mut bob);
    for packet in press(&mut alice, 11, 5) {
        bob.hears(&packet);
    }
    let text = told(&log);
    let start =
        format!("{{\"callid\":\"{}\",\"source_tag\":\"alice\",\"source_label\":\"one\",\"tags\":[", call.id);
    assert!(text.starts_with(&start), "{text}");
    let ip = alice.media[0].rtp_address().ip();
    let end = format!("\"source_ip\":\"{ip}\",\"event\":11,\"duration\":100,\"volume\":10}}");
    assert!(text.ends_with(&end) && text.contains("],\"type\":\"DTMF\",\"timestamp\":1"), "{text}");
    let mut notification = Vec::new();
    let wanted = b"5:eventi11e8:durationi100e6:volumei10eee";
    while !notification.ends_with(wanted) {
        let mut buffer = [0; 1024];
        let length = client.read(&mut buffer).expect("a notification");
        notification.extend_from_slice(&buffer[..length]);
    }
    let text = String::from_utf8(notification).expect("text");
    let (cookie, body) = text.split_once(' ').expect("a cookie");
    assert!(cookie.len() == 16 && cookie.bytes().all(|byte| byte.is_ascii_hexdigit()), "{cookie}");
    assert!(
        body.starts_with("d6:notify6:onDTMF4:datad4:tagsl") && body.contains("12:source_label3:one"),
        "{body}"
    );
}

#[test]
fn codecs_18_6_a_call_has_a_receiver_of_its_own_and_blocked_digits_are_told_too() {
    let (log, address) = listener();
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let options = Request::empty().set("dtmf-log-dest", address.to_string()).flag("block-DTMF");
    let (mut alice, mut bob) = connect(&call, [true; 2], [&options, &Request::empty()]);
    alice.speaks_to(&mut bob);
    press(&mut alice, 3, 2);
    assert!(told(&log).contains("\"source_label\":\"\""));
    bob.hears_nothing();
    alice.speaks_to(&mut bob);
    for packet in press(&mut bob, 4, 3) {
        alice.hears(&packet);
    }
    assert!(told(&log).contains("\"source_tag\":\"bob\""));
}

/// Durations, end marks and markers of the events among packets, and whether numbers are consecutive.

#[test]
fn codecs_18_7_a_publisher_whose_digits_are_blocked() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = (phone(&call, 0, "alice", true), phone(&call, 1, "bob", true));
    bob.media[0].set_direction("recvonly");
    let publish = |alice: &mut Phone, flags: &[&'static str]| {
        let request = call.ask("publish").set("from-tag", "alice").set("sdp", alice.offer_sdp());
        daemon.request(&request.list("flags", flags.iter().copied())).ok().sdp().to_owned()
    };
    let answer = publish(&mut alice, &["block-DTMF"]);
    alice.takes(&answer);
    let subscribe = call.ask("subscribe request").set("from-tag", "alice").set("to-tag", "bob");
    bob.takes(daemon.request(&subscribe).ok().sdp());
    done(&daemon, &call.ask("subscribe answer").set("to-tag", "bob").set("sdp", bob.answer_sdp()));
    let packet = alice.sends();
    bob.hears(&packet);
    press(&mut alice, 5, 3);
    bob.hears_nothing();
    let packet = alice.sends();
    bob.hears(&packet);
}

fn events(packets: &[Rtp]) -> Vec<(u8, u16, bool, bool)> {
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1), "{packets:?}");
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
    }
    let events = packets.iter().filter(|packet| packet.payload_type == EVENTS);
    events
        .map(|p| {
            (
                p.payload[0],
                u16::from_be_bytes([p.payload[2], p.payload[3]]),
                p.payload[1] & 0x80 != 0,
                p.marker,
            )
        })
        .collect()
}

#[test]
fn codecs_18_5_play_dtmf_in_forwarded_audio() {
    let (log, address) = listener();
    for options in [Request::empty(), Request::empty().flag("inject-DTMF")] {
        let daemon = Daemon::builder().arg(format!("--dtmf-log-dest={address}")).start();
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = connect(&call, [true; 2], [&options, &options]);
        let ask = call.ask("play DTMF").set("from-tag", "alice").set("code", "#").set("duration", 100);
        let silent = daemon.request(&ask);
        assert_eq!(silent.error(), "No SSRC context present for DTMF injection");
        let first = alice.says(&LOUD, 160);
        assert_eq!(bob.receives().0, first);
        done(&daemon, &ask);
        for _ in 0..7 {
            alice.says(&LOUD, 160);
        }
        let heard: Vec<Rtp> = (0..9).map(|_| bob.receives().0).collect();
        let expected = [
            (11, 160, false, true),
            (11, 320, false, false),
            (11, 480, false, false),
            (11, 640, false, false),
            (11, 800, true, false),
            (11, 800, true, false),
            (11, 800, true, false),
        ];
        assert_eq!(events(&heard), expected);
        assert_eq!(heard[0].payload[1], 8, "the default level");
        assert!(heard[..7].iter().all(|p| p.timestamp == first.timestamp.wrapping_add(160)));
        assert_eq!(heard[0].sequence_number, first.sequence_number.wrapping_add(1));
        assert_eq!((heard[7].payload_type, heard[7].timestamp), (0, first.timestamp.wrapping_add(960)));
        let text = told(&log);
        assert!(text.contains("\"event\":11,\"duration\":100,\"volume\":8"), "{text}");
        bob.speaks_to(&mut alice);
    }
}

#[test]
fn codecs_18_5_injected_digits_need_not_be_told_and_pass_a_block() {
    let (log, address) = listener();
    let options = [format!("--dtmf-log-dest={address}"), "--dtmf-no-log-injects".into()];
    let daemon = Daemon::builder().args(options).start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = both(&call);
    done(&daemon, &call.ask("block DTMF"));
    alice.says(&LOUD, 160);
    bob.receives();
    done(&daemon, &call.ask("play DTMF").set("from-tag", "alice").set("code", 10).set("duration", 100));
    for _ in 0..6 {
        alice.says(&LOUD, 160);
    }
    let heard: Vec<Rtp> = (0..8).map(|_| bob.receives().0).collect();
    assert_eq!(events(&heard).len(), 7);
    press(&mut alice, 2, 2);
    let text = told(&log);
    assert!(text.contains("\"event\":2,"), "the injected one is not told: {text}");
    bob.hears_nothing();
}

/// ITU-T G.711 by its definition: the sample of an octet, 16 bits.
fn mu_law(octet: u8) -> i32 {
    let octet = !octet;
    let magnitude = ((i32::from(octet & 15) << 3) + 0x84) << ((octet >> 4) & 7);
    if octet & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}

/// The formula of codecs.md 18.1, from sample `first` on, within what PCMU can say.
fn assert_sounds(payload: &[u8], frequencies: &[f64], volume: i32, first: u32) {
    for (at, octet) in payload.iter().enumerate() {
        let n = f64::from(first) + at as f64;
        let sum: f64 = frequencies.iter().map(|f| (std::f64::consts::TAU * f * n / 8000.0).sin()).sum();
        let wanted = 32767.0 * sum / (frequencies.len() as f64 * 1.122_018_f64.powi(volume));
        let heard = f64::from(mu_law(*octet));
        assert!((heard - wanted).abs() <= 16.0 + wanted.abs() / 16.0, "{at}: {heard} for {wanted}");
    }
}

#[test]
fn codecs_18_5_3_play_dtmf_as_a_tone() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let options = Request::empty().flag("inject-DTMF");
    let (mut alice, bob) = connect(&call, [false; 2], [&Request::empty(), &options]);
    let ask = call.ask("play DTMF").set("from-tag", "alice").set("code", "5");
    let ask = ask.set("duration", 100).set("pause", 100).set("volume", 10);
    alice.says(&LOUD, 160);
    bob.receives();
    done(&daemon, &ask);
    for _ in 0..12 {
        alice.says(&LOUD, 160);
    }
    let heard: Vec<Rtp> = (0..12).map(|_| bob.receives().0).collect();
    let audio: Vec<u8> = heard.iter().flat_map(|packet| packet.payload.clone()).collect();
    assert!(heard.iter().all(|packet| packet.payload_type == 0));
    assert_sounds(&audio[..800], &[770.0, 1336.0], 10, 0);
    assert!(audio[800..1600].iter().all(|octet| mu_law(*octet) == 0));
    assert_eq!(audio[1600..], LOUD.repeat(2)[..]);
    let backwards = call.ask("play DTMF").set("from-tag", "bob").set("code", "5");
    let mut bob = bob;
    bob.says(&LOUD, 160);
    alice.receives();
    assert_eq!(daemon.request(&backwards).error(), "No matching codec handler", "alice asked for nothing");
}

#[test]
fn codecs_18_7_drop_lets_audio_pass_and_unblock_restores() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = both(&call);
    alice.speaks_to(&mut bob);
    done(&daemon, &selected(call.ask("block DTMF")));
    press(&mut alice, 5, 3);
    bob.hears_nothing();
    alice.speaks_to(&mut bob);
    for packet in press(&mut bob, 6, 2) {
        alice.hears(&packet);
    }
    done(&daemon, &selected(call.ask("unblock DTMF")));
    for packet in press(&mut alice, 7, 2) {
        bob.hears(&packet);
    }
}

#[test]
fn codecs_18_7_events_become_silence_or_a_tone() {
    for (mode, frequencies) in [("silence", &[][..]), ("tone", &[400.0]), ("random", &[0.0])] {
        let daemon = Daemon::start();
        let call = Call::new(&daemon);
        let (mut alice, bob) = both(&call);
        alice.says(&SILENCE, 160);
        bob.receives();
        let ask = selected(call.ask("block DTMF")).set("DTMF-security", mode).set("delay-buffer", 1);
        done(&daemon, &ask);
        alice.says(&SILENCE, 160);
        let before = bob.receives().0;
        press(&mut alice, 5, 3);
        let heard: Vec<Rtp> = (0..3).map(|_| bob.receives().0).collect();
        for (n, packet) in heard.iter().enumerate() {
            let timestamp = before.timestamp.wrapping_add(160 * (n as u32 + 1));
            assert_eq!((packet.payload_type, packet.timestamp), (0, timestamp), "{mode}");
            match *frequencies {
                [] => assert!(packet.payload.iter().all(|octet| mu_law(*octet) == 0), "{mode}"),
                [0.0] => assert!(packet.payload.iter().any(|octet| mu_law(*octet) > 2000), "{mode}"),
                _ => assert_sounds(&packet.payload, frequencies, 10, timestamp),
            }
        }
        alice.says(&LOUD, 160);
        let edge = bob.receives().0;
        assert_eq!(edge.sequence_number, heard[2].sequence_number.wrapping_add(1), "{mode}");
        alice.says(&LOUD, 160);
        assert_eq!(bob.receives().0.payload, LOUD, "{mode}");
    }
}

#[test]
fn codecs_18_7_event_numbers_change() {
    for (mode, number) in [("zero", 0), ("DTMF", 9)] {
        let daemon = Daemon::start();
        let call = Call::new(&daemon);
        let (mut alice, bob) = both(&call);
        alice.says(&SILENCE, 160);
        bob.receives();
        let ask = selected(call.ask("block DTMF")).set("DTMF-security", mode).set("digit", "9");
        done(&daemon, &ask.set("delay-buffer", 1));
        alice.says(&LOUD, 160);
        bob.receives();
        let sent = press(&mut alice, 5, 3);
        let heard: Vec<Rtp> = sent.iter().map(|_| bob.receives().0).collect();
        let expected: Vec<_> = events(&sent).into_iter().map(|e| (number, e.1, e.2, e.3)).collect();
        assert_eq!(events(&heard), expected, "{mode}");
        alice.says(&LOUD, 160);
        assert!(bob.receives().0.payload.iter().all(|octet| mu_law(*octet) == 0), "silence beside it");
    }
}

/// Frames of a digit's tone in PCMU.
fn tone(low: f64, high: f64, frame: usize) -> Vec<u8> {
    let sample = |n: usize| {
        let t = std::f64::consts::TAU * (frame * 160 + n) as f64 / 8000.0;
        let value = ((t * low).sin() + (t * high).sin()) * 5000.0;
        (0..=255u8).min_by_key(|octet| (mu_law(*octet) - value as i32).abs()).unwrap_or_default()
    };
    (0..160).map(sample).collect()
}

#[test]
fn codecs_18_7_tones_are_found_told_and_hidden() {
    let (log, address) = listener();
    let daemon = Daemon::builder().arg(format!("--dtmf-log-dest={address}")).start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, [false; 2], [&Request::empty(), &Request::empty()]);
    alice.says(&SILENCE, 160);
    bob.receives();
    let ask = selected(call.ask("block DTMF")).set("DTMF-security", "silence").set("delay-buffer", 100);
    done(&daemon, &ask);
    for n in 0..30 {
        let payload = if (10..15).contains(&n) { tone(770.0, 1336.0, n) } else { LOUD.to_vec() };
        alice.says(&payload, 160);
        std::thread::sleep(Duration::from_millis(20));
    }
    let heard: Vec<Rtp> = (0..30).map(|_| bob.receives().0).collect();
    let is_loud = |packet: &Rtp| packet.payload == LOUD;
    let is_silent = |packet: &Rtp| packet.payload.iter().all(|octet| mu_law(*octet) == 0);
    assert!(heard[..5].iter().all(is_loud) && heard[25..].iter().all(is_loud));
    assert!(heard[10..15].iter().all(is_silent), "the whole digit");
    assert!(heard.iter().all(|packet| is_loud(packet) || is_silent(packet)), "nothing of it is heard");
    let text = told(&log);
    assert!(text.contains("\"event\":5,"), "{text}");
}

#[test]
fn codecs_18_8_digit_strings_start_and_end_a_block() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = both(&call);
    alice.speaks_to(&mut bob);
    let ask = selected(call.ask("block DTMF")).set("trigger", "12").set("DTMF-security-trigger", "drop");
    done(&daemon, &ask.set("trigger-end", "#"));
    let codes = |call: &Call<'_>| {
        let query = call.query();
        let codes = query.at(&["tags", "alice", "VSC"]);
        format!("{codes:?}")
    };
    assert!(codes(&call).contains("block DTMF"), "{}", codes(&call));
    for event in [2, 1] {
        for packet in press(&mut alice, event, 2) {
            bob.hears(&packet);
        }
    }
    let last = press(&mut alice, 2, 2);
    bob.hears(&last[0]);
    press(&mut alice, 9, 2);
    bob.hears_nothing();
    alice.speaks_to(&mut bob);
    let last = press(&mut alice, 11, 2);
    for packet in &last[1..] {
        bob.hears(packet);
    }
    for packet in press(&mut alice, 9, 2) {
        bob.hears(&packet);
    }
    assert!(!codes(&call).contains("DTMF"), "{}", codes(&call));
}

#[test]
fn codecs_18_8_a_block_ends_by_itself() {
    let (log, address) = listener();
    let daemon = Daemon::builder().arg(format!("--dtmf-log-dest={address}")).start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = both(&call);
    alice.says(&SILENCE, 160);
    bob.receives();
    let ask = selected(call.ask("block DTMF")).set("trigger", "1").set("DTMF-security-trigger", "drop");
    done(&daemon, &ask.set("trigger-end-time", 300));
    let sent = press(&mut alice, 1, 2);
    bob.hears(&sent[0]);
    told(&log);
    until("the block ends by itself", Duration::from_secs(5), || {
        press(&mut alice, 2, 1);
        told(&log);
        let heard = receive(bob.media[0].rtp_socket(), Duration::from_millis(50));
        heard.map(|(data, _)| assert_eq!(Rtp::parse(&data).map(|p| p.payload[0]), Some(2)))
    });
}

#[test]
fn codecs_18_7_6_the_delay_buffer_keeps_pace() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = both(&call);
    alice.says(&SILENCE, 160);
    bob.receives();
    done(&daemon, &selected(call.ask("block DTMF")).set("DTMF-security", "off").set("delay-buffer", 500));
    let start = Instant::now();
    let sent: Vec<(Rtp, Duration)> = (0..10)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let at = start.elapsed();
            (alice.says(&LOUD, 160), at)
        })
        .collect();
    for (packet, at) in sent {
        assert_eq!(bob.receives().0, packet);
        let delay = start.elapsed().saturating_sub(at);
        assert!(delay >= Duration::from_millis(490), "{delay:?}");
        assert!(delay < Duration::from_millis(700), "{delay:?}");
    }
    for _ in 0..3 {
        alice.says(&LOUD, 160);
    }
    done(&daemon, &selected(call.ask("unblock DTMF")).set("delay-buffer", 0));
    let switched = Instant::now();
    for _ in 0..3 {
        bob.receives();
    }
    assert!(switched.elapsed() < Duration::from_millis(400), "what was held back goes at once");
}
