//! DTLS under attack (`media-plane.md` 10, RFC 6347 4.2.1): strangers get no more than they send, and the call goes on.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rtpengine_tests::dtls::{Association, Begins, Identity, client_hello};
use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;
use rtpengine_tests::secure::{encrypted, plan, talk};

/// A handshake has a retransmission or two in it at most.
const HANDSHAKE: Duration = Duration::from_secs(8);

/// The handshake message in a datagram: a HelloVerifyRequest.
const VERIFY: (u8, u8) = (22, 3);

/// Alice speaks plain RTP, Bob DTLS in this role.
fn connected<'d>(daemon: &'d Daemon, identity: &Identity, setup: &str) -> (Call<'d>, Phone, Phone) {
    let call = Call::new(daemon);
    let mut alice = call.phone(0, "alice").build();
    let mut bob = call.phone(1, "bob").media(plan(identity, setup)).build();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    call.answer(&mut bob, &mut alice);
    (call, alice, bob)
}

fn shake(phone: &Phone, identity: &Identity, begins: Begins) -> Option<Association> {
    Association::shake(identity, phone.media[0].rtp_socket(), phone.remote().rtp(), begins, HANDSHAKE)
}

fn stranger(daemon: &Daemon) -> UdpSocket {
    UdpSocket::bind((daemon.network().phone(5), 0)).unwrap()
}

fn errors(call: &Call<'_>) -> i64 {
    call.query().int(&["tags", "bob", "medias", "0", "streams", "0", "stats", "errors"])
}

/// Lines with a text, and how many there may be: one for each second that has begun.
#[track_caller]
fn logged_once_a_second(daemon: &Daemon, text: &str, since: Instant) {
    daemon.logs(text);
    let lines = daemon.log().matches(text).count();
    let most = since.elapsed().as_secs() as usize + 1;
    assert!((1..=most).contains(&lines), "{lines} lines in {most} seconds");
}

/// Whoever sends hellos under a foreign address has at most as many bytes sent there, at once and by any timer.
#[test]
fn a_hello_is_answered_with_no_more_bytes_than_it_has() {
    let daemon = Daemon::builder().arg("--log-level=7").start();
    let start = Instant::now();
    let identity = Identity::new();
    let (call, mut alice, mut bob) = connected(&daemon, &identity, "active");
    let to = bob.remote().rtp();
    let eve = stranger(&daemon);
    // From anywhere, the signalled address included: nobody has seen that its owner wants this.
    for socket in [&eve, bob.media[0].rtp_socket()] {
        for _ in 0..50 {
            let hello = client_hello();
            socket.send_to(&hello, to).unwrap();
            let (reply, from) = receive(socket, SOON).expect("a request for the cookie");
            assert_eq!((from, (reply[0], reply[13])), (to, VERIFY));
            assert!(reply.len() <= hello.len());
        }
        // Longer than a retransmission takes.
        assert!(receive(socket, Duration::from_millis(2500)).is_none());
    }
    logged_once_a_second(&daemon, "Asking DTLS client for a cookie", start);
    assert_eq!(errors(&call), 0, "everybody begins so");
    let out = ["tags", "bob", "medias", "0", "streams", "0", "stats_out", "packets"];
    assert_eq!(call.query().int(&out), 100);
    // A cookie of one address is none of another, and one that was made up none at all.
    let wrong = |cookie: &[u8]| {
        let mut hello = client_hello();
        // Record and message header, version, random, no session.
        let at = 13 + 12 + 2 + 32 + 1;
        assert_eq!(hello[at - 1..=at], [0, 0]);
        hello[at] = cookie.len() as u8;
        hello.splice(at + 1..at + 1, cookie.iter().copied());
        for (field, bytes) in [(11, 2), (14, 3), (22, 3)] {
            let old = hello[field..field + bytes].iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            let new = (old + cookie.len()).to_be_bytes();
            hello[field..field + bytes].copy_from_slice(&new[8 - bytes..]);
        }
        hello
    };
    let since = Instant::now();
    for round in 0..50 {
        eve.send_to(&wrong(&[round; 20]), to).unwrap();
        let (reply, _) = receive(&eve, SOON).expect("a request for the cookie");
        assert_eq!((reply[0], reply[13]), VERIFY);
    }
    logged_once_a_second(&daemon, "Wrong cookie of DTLS client", since);
    assert_eq!(errors(&call), 50);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
}

#[test]
fn what_is_no_hello_begins_nothing() {
    let daemon = Daemon::start();
    let identity = Identity::new();
    let (call, mut alice, mut bob) = connected(&daemon, &identity, "active");
    let to = bob.remote().rtp();
    let eve = stranger(&daemon);
    let since = Instant::now();
    let hello = client_hello();
    let alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0];
    let mut fragment = hello.clone();
    fragment[21] = 1;
    for _ in 0..20 {
        for bytes in [&alert[..], &hello[..40], &fragment, &[20], &[63; 300]] {
            eve.send_to(bytes, to).unwrap();
        }
    }
    until("all are counted", SOON, || (errors(&call) == 100).then_some(()));
    assert!(receive(&eve, QUIET).is_none());
    logged_once_a_second(&daemon, "Discarded unexpected DTLS packet", since);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
}

/// Of a handshake the daemon began, and of one that is through, strangers learn nothing either.
#[test]
fn strangers_do_not_draw_a_handshake_to_them() {
    let daemon = Daemon::start();
    let identity = Identity::new();
    let (_call, mut alice, mut bob) = connected(&daemon, &identity, "passive");
    let to = bob.remote().rtp();
    let (hello, _) = receive(bob.media[0].rtp_socket(), SOON).expect("a ClientHello");
    let eve = stranger(&daemon);
    let requests = |length: usize| {
        let request = [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 35, 3, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0, 23];
        let mut request = [&request[..], &[0xfe, 0xff, 20], &[1; 20]].concat();
        request.truncate(length);
        eve.send_to(&request, to).unwrap();
        request.len()
    };
    let mut sent = requests(48) + requests(20) + requests(14);
    let mut received = 0;
    let end = Instant::now() + Duration::from_millis(2500);
    while let Some(rest) = end.checked_duration_since(Instant::now()) {
        received += receive(&eve, rest).map_or(0, |(bytes, _)| bytes.len());
    }
    assert!(received <= sent && sent < hello.len(), "{received} bytes for {sent}");
    let mut keys = shake(&bob, &identity, Begins::Other).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
    for length in 1..=48 {
        sent += requests(length);
    }
    while let Some((bytes, _)) = receive(&eve, QUIET) {
        received += bytes.len();
    }
    assert!(received <= sent);
    talk(&mut alice, &mut bob, &mut keys);
}

/// A peer that was asked and comes back from another port, as behind a router that was restarted.
#[test]
fn a_peer_that_changes_its_port_gets_through() {
    let daemon = Daemon::start();
    let identity = Identity::new();
    let (_call, mut alice, mut bob) = connected(&daemon, &identity, "active");
    let to = bob.remote().rtp();
    let first = UdpSocket::bind((bob.media[0].rtp_address().ip(), 0)).unwrap();
    first.send_to(&client_hello(), to).unwrap();
    assert!(receive(&first, SOON).is_some());
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
}

#[test]
fn a_certificate_of_64_kib_is_taken_or_refused_by_its_fingerprint() {
    let daemon = Daemon::start();
    let large = Identity::with_filler(64 * 1024);
    let (_one, mut alice, mut bob) = connected(&daemon, &large, "active");
    let mut keys = shake(&bob, &large, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
    // Another one of that size, in another call.
    let (other, mut carol, dave) = connected(&daemon, &Identity::new(), "active");
    assert!(shake(&dave, &large, Begins::Phone).is_none());
    daemon.logs("DTLS error on local port");
    assert_eq!(daemon.log().matches("DTLS: Peer certificate rejected - fingerprint mismatch").count(), 1);
    // It is over until it is signalled anew; the call stays, and its other side is heard.
    assert!(shake(&dave, &large, Begins::Phone).is_none());
    assert_eq!(daemon.log().matches("DTLS: Peer certificate rejected - fingerprint mismatch").count(), 1);
    carol.sends();
    assert!(other.exists());
    talk(&mut alice, &mut bob, &mut keys);
}
