//! Packets that are held back: jitter buffer and delay buffer (`media-plane.md` 18).

use std::time::{Duration, Instant};

use rtpengine_tests::prelude::*;

/// Packets of a stream that pass the jitter buffer by.
const BYPASSED: usize = 30;

/// A call whose first packets have passed.
fn warm_call<'d>(daemon: &'d Daemon, options: &Request) -> (Call<'d>, Phone, Phone) {
    let call = Call::new(daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, options);
    call.answer(&mut bob, &mut alice);
    for _ in 0..BYPASSED {
        let packet = alice.sends();
        bob.hears(&packet);
    }
    (call, alice, bob)
}

/// Sends the next packets but one before the last one's, as a network does that reorders.
fn out_of_order(alice: &mut Phone) -> [Rtp; 4] {
    let to = alice.remote().rtp();
    let packets = [(); 4].map(|()| alice.next_packet(0));
    for at in [0, 1, 3, 2] {
        alice.media[0].rtp_socket().send_to(&packets[at].encode(), to).unwrap();
    }
    packets
}

#[test]
fn the_jitter_buffer_restores_order_and_pace() {
    let daemon = Daemon::builder().arg("--jitter-buffer=10").start();
    let (_call, mut alice, bob) = warm_call(&daemon, &Request::empty());
    let start = Instant::now();
    let packets = out_of_order(&mut alice);
    for (at, packet) in packets.iter().enumerate() {
        bob.hears(packet);
        // The first one is the reference, each other leaves by its timestamp.
        let due = Duration::from_millis(20 * at as u64);
        assert!(start.elapsed() + Duration::from_millis(1) >= due, "packet {at} after {:?}", start.elapsed());
    }
}

#[test]
fn a_call_without_jitter_buffer_passes_everything_as_it_comes() {
    let daemon = Daemon::builder().arg("--jitter-buffer=10").start();
    let options = Request::empty().set("flags", list(["no jitter buffer"]));
    let (_call, mut alice, bob) = warm_call(&daemon, &options);
    let packets = out_of_order(&mut alice);
    for at in [0, 1, 3, 2] {
        bob.hears(&packets[at]);
    }
}

#[test]
fn the_adaptive_jitter_buffer_holds_back_what_its_minimum_says() {
    let daemon = Daemon::builder()
        .args([
            "--jitter-buffer=10",
            "--jb-adaptive",
            "--jb-adaptive-min=150",
            "--jb-adaptive-max=300",
            "--jb-clock-drift",
        ])
        .start();
    let (_call, mut alice, bob) = warm_call(&daemon, &Request::empty());
    // The reference leaves at once, as no packet time is known yet; what follows waits.
    let first = alice.sends();
    bob.hears(&first);
    let sent = Instant::now();
    let second = alice.sends();
    bob.hears(&second);
    assert!(sent.elapsed() >= Duration::from_millis(160), "{:?}", sent.elapsed());
}

#[test]
fn the_delay_buffer_holds_back_each_packet_for_its_time() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    let delay = |ms: i64| {
        let request = call.ask("block DTMF").set("from-tag", "alice").set("DTMF-security", "off");
        daemon.request(&request.set("delay-buffer", ms)).ok();
    };
    delay(250);
    for _ in 0..2 {
        let sent = Instant::now();
        let burst = [(); 3].map(|()| alice.sends());
        bob.hears(&burst[0]);
        let late = sent.elapsed();
        assert!((250..400).contains(&late.as_millis()), "{late:?}");
        bob.hears(&burst[1]);
        bob.hears(&burst[2]);
        assert!(sent.elapsed() - late < Duration::from_millis(100), "a burst leaves as a burst");
    }
    // The other direction is not held back.
    bob.speaks_to(&mut alice);
    // Without delay what waits leaves at once, in order.
    delay(60_000);
    let waiting = [(); 3].map(|()| alice.sends());
    bob.hears_nothing();
    delay(0);
    waiting.iter().for_each(|packet| bob.hears(packet));
    alice.speaks_to(&mut bob);
}
