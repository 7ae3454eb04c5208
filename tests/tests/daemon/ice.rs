//! What an ICE agent says to strangers, floods and idle peers (`media-plane.md` 11).

use std::time::{Duration, Instant};

use rtpengine_common::stun::{Class, IntegrityKey, Message, MessageBuilder};
use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;

const UFRAG: &str = "phone123";
const PWD: &str = "phonephonephonephonephone1";

fn with_ice() -> MediaPlan {
    let plan = MediaPlan::new("audio", "RTP/AVP").format(0, "PCMU/8000").mux();
    plan.attribute(&format!("ice-ufrag:{UFRAG}")).attribute(&format!("ice-pwd:{PWD}"))
}

/// A call of a plain phone to one with ICE.
fn call_with_ice<'d>(daemon: &'d Daemon, plan: MediaPlan) -> (Call<'d>, Phone, Phone) {
    let call = Call::new(daemon);
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan).build();
    let options = Request::empty().set("ICE", "force").set("rtcp-mux", list(["offer"]));
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    (call, alice, bob)
}

/// What the daemon wants as username and key.
fn credentials(bob: &Phone) -> (String, IntegrityKey) {
    let value = |name| bob.remote().value(name).unwrap_or_else(|| panic!("no {name}"));
    (format!("{}:{UFRAG}", value("ice-ufrag")), IntegrityKey::new(value("ice-pwd").as_bytes()))
}

fn request(id: u8, name: &str) -> MessageBuilder {
    MessageBuilder::new(Class::Request, [id; 12]).username(name).role(false, 7).priority(1_853_817_087)
}

/// Waits for the reply to the request with this id; answers the daemon's own checks meanwhile.
#[track_caller]
fn reply(bob: &Phone, id: u8) -> (Class, Option<u16>) {
    let socket = bob.media[0].rtp_socket();
    loop {
        let (bytes, from) = receive(socket, SOON).expect("a reply");
        let message = Message::parse(&bytes).expect("STUN");
        if message.class() == Class::Request {
            let answer = MessageBuilder::reply(&message, Class::Success).mapped_address(from);
            socket.send_to(&answer.finish(&IntegrityKey::new(PWD.as_bytes())), from).unwrap();
        } else if message.transaction_id() == [id; 12] {
            return (message.class(), message.error().map(|error| error.code));
        }
    }
}

/// Answers the daemon's checks until there are no more.
fn settles(bob: &Phone) {
    let socket = bob.media[0].rtp_socket();
    while let Some((bytes, from)) = receive(socket, Duration::from_millis(500)) {
        let message = Message::parse(&bytes).expect("STUN");
        let answer = MessageBuilder::reply(&message, Class::Success).mapped_address(from);
        socket.send_to(&answer.finish(&IntegrityKey::new(PWD.as_bytes())), from).unwrap();
    }
}

#[test]
fn every_kind_of_bad_request_has_its_answer() {
    let daemon = Daemon::start();
    let (_call, _alice, bob) = call_with_ice(&daemon, with_ice());
    let (name, key) = credentials(&bob);
    let socket = bob.media[0].rtp_socket();
    let send = |bytes: &[u8]| socket.send_to(bytes, bob.remote().rtp()).unwrap();

    send(&request(1, &name).finish(&IntegrityKey::new(b"wrong")));
    assert_eq!(reply(&bob, 1), (Class::Error, Some(401)));
    send(&request(2, "somebody:else").finish(&key));
    assert_eq!(reply(&bob, 2), (Class::Error, Some(401)));
    let nameless = MessageBuilder::new(Class::Request, [3; 12]).role(false, 7).priority(1);
    send(&nameless.finish(&key));
    assert_eq!(reply(&bob, 3), (Class::Error, Some(400)));
    // DON'T-FRAGMENT, of TURN, has to be understood by whom it is sent to.
    let strange = MessageBuilder::new(Class::Request, [4; 12]).username(&name).unknown_attributes(&[]);
    let mut strange = strange.finish(&key);
    strange.splice(20..20, [0x00, 0x1a, 0, 0]);
    let length = u16::try_from(strange.len() - 20).unwrap().to_be_bytes();
    strange[2..4].copy_from_slice(&length);
    send(&strange);
    assert_eq!(reply(&bob, 4), (Class::Error, Some(420)));
    // Both want to control, and nobody's number is higher than the highest.
    let conflict = MessageBuilder::new(Class::Request, [5; 12]).username(&name).role(true, 0).priority(1);
    send(&conflict.finish(&key));
    assert_eq!(reply(&bob, 5), (Class::Error, Some(487)));
    // The call goes on.
    send(&request(6, &name).finish(&key));
    assert_eq!(reply(&bob, 6), (Class::Success, None));
    for text in
        ["STUN authentication mismatch from", "Received invalid STUN packet from", "comprehension required"]
    {
        daemon.logs(text);
    }
    let statistics = daemon.request(&Request::new("statistics")).ok();
    let errors = statistics.int(&["statistics", "totalstatistics", "relayedpacketerrors"]);
    assert_eq!(errors, 4, "all but the conflict, which the peer itself has");
}

#[test]
fn a_flood_of_bad_requests_is_logged_once_and_harms_nobody() {
    let daemon = Daemon::start();
    let (_call, mut alice, mut bob) = call_with_ice(&daemon, with_ice());
    let (name, key) = credentials(&bob);
    let rtp = bob.remote().rtp();
    bob.media[0].rtp_socket().send_to(&request(1, &name).finish(&key), rtp).unwrap();
    assert_eq!(reply(&bob, 1), (Class::Success, None));
    settles(&bob);
    let stranger = std::net::UdpSocket::bind((daemon.network().phone(5), 0)).unwrap();
    let bad = request(2, &name).finish(&IntegrityKey::new(b"wrong"));
    let start = Instant::now();
    for _ in 0..1000 {
        stranger.send_to(&bad, rtp).unwrap();
    }
    let mut replies = 0;
    while receive(&stranger, QUIET).is_some() {
        replies += 1;
    }
    // A period may have begun before.
    let periods = start.elapsed().as_secs() as usize + 2;
    assert!((1..=50 * periods).contains(&replies), "{replies} replies in {periods} periods");
    let lines = daemon.log().matches("STUN authentication mismatch").count();
    assert!((1..=periods).contains(&lines), "{lines} lines in {periods} periods");
    for _ in 0..5 {
        let packet = bob.sends();
        alice.hears(&packet);
    }
    let packet = alice.sends();
    bob.hears(&packet);
}

/// Of nine hundred candidates a hundred are taken: the others are nobody's targets.
#[test]
fn candidates_beyond_the_limit_are_no_targets() {
    let network = Network::enter();
    let daemon = Daemon::start();
    let targets = [6, 7].map(|number| std::net::UdpSocket::bind((network.phone(number), 0)).unwrap());
    let mut plan = with_ice();
    for number in 0..900_u32 {
        let place = match number {
            0 => targets[0].local_addr().unwrap(),
            899 => targets[1].local_addr().unwrap(),
            // Nobody is there.
            _ => (network.phone(8), 10_000 + number as u16).into(),
        };
        let (ip, port, priority) = (place.ip(), place.port(), 2_130_706_431 - number);
        plan = plan.attribute(&format!("candidate:{number} 1 UDP {priority} {ip} {port} typ host"));
    }
    let (_call, mut alice, bob) = call_with_ice(&daemon, plan);
    // A hundred first checks take two seconds.
    let end = Instant::now() + Duration::from_millis(2500);
    let mut checks = 0;
    while let Some(rest) = end.checked_duration_since(Instant::now()) {
        checks += usize::from(receive(&targets[0], rest).is_some());
    }
    assert!((1..=8).contains(&checks), "one check with its repetitions, not {checks}");
    assert!(receive(&targets[1], Duration::ZERO).is_none());
    // The peer itself is beyond the limit too: it is not answered, and nothing breaks.
    let (name, key) = credentials(&bob);
    bob.media[0].rtp_socket().send_to(&request(1, &name).finish(&key), bob.remote().rtp()).unwrap();
    daemon.logs("Failed to determine ICE candidate from STUN request");
    bob.drains();
    let packet = alice.sends();
    bob.hears(&packet);
}

/// Ten thousand places that all know the password: each could be a pair. A hundred are, and the call goes on.
#[test]
fn ten_thousand_pairs_are_not_made() {
    let daemon = Daemon::start();
    let (_call, mut alice, mut bob) = call_with_ice(&daemon, with_ice());
    let (name, key) = credentials(&bob);
    let rtp = bob.remote().rtp();
    bob.media[0].rtp_socket().send_to(&request(1, &name).finish(&key), rtp).unwrap();
    assert_eq!(reply(&bob, 1), (Class::Success, None));
    settles(&bob);
    let check = request(2, &name).finish(&key);
    let start = Instant::now();
    for number in 0..10_000_u16 {
        let place = (daemon.network().phone(5 + number as u8 % 3), 20_000 + number);
        std::net::UdpSocket::bind(place).unwrap().send_to(&check, rtp).unwrap();
        if number % 20 == 19 {
            let packet = bob.sends();
            alice.hears(&packet);
            let packet = alice.sends();
            bob.hears(&packet);
        }
    }
    daemon.logs("Failed to determine ICE candidate from STUN request");
    let periods = start.elapsed().as_secs() as usize + 1;
    let lines = daemon.log().matches("Failed to determine ICE candidate").count();
    assert!((1..=periods).contains(&lines), "{lines} lines in {periods} periods");
    // Who was there before is answered as ever.
    bob.media[0].rtp_socket().send_to(&request(3, &name).finish(&key), rtp).unwrap();
    assert_eq!(reply(&bob, 3), (Class::Success, None));
}

/// After completion the daemon is silent, unless it is told to keep the way open or to ask for consent.
#[test]
fn idle_peers_get_keepalives_and_consent_checks_where_wanted() {
    let cases = [
        (None, Duration::from_secs(2), None),
        (Some("--ice-keepalive=1"), Duration::from_secs(3), Some(Class::Indication)),
        (Some("--ice-consent"), Duration::from_secs(8), Some(Class::Request)),
    ];
    for (option, limit, expected) in cases {
        let daemon = option.into_iter().fold(Daemon::builder(), DaemonBuilder::arg).start();
        let (_call, _alice, bob) = call_with_ice(&daemon, with_ice());
        let (name, key) = credentials(&bob);
        let socket = bob.media[0].rtp_socket();
        // The daemon controls: it checks the pair, nominates it, and is through.
        socket.send_to(&request(1, &name).finish(&key), bob.remote().rtp()).unwrap();
        assert_eq!(reply(&bob, 1), (Class::Success, None));
        settles(&bob);
        let came = receive(socket, limit).map(|(bytes, _)| Message::parse(&bytes).expect("STUN").class());
        assert_eq!(came, expected, "{option:?}");
    }
}
