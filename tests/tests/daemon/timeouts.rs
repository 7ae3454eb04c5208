//! Calls that end by themselves (`ng-control.md` 10.10), with the shortest times that the options allow.

use std::time::{Duration, Instant};

use rtpengine_tests::prelude::*;

/// More than any timeout here and two turns of the once-per-second check.
const LATE: Duration = Duration::from_secs(5);

/// Waits until the call is gone.
fn ends(call: &Call<'_>) {
    until("the call ends", LATE, || {
        std::thread::sleep(Duration::from_millis(50));
        (!call.exists()).then_some(())
    });
}

fn counted(daemon: &Daemon, counter: &str) -> i64 {
    let statistics = daemon.request(&Request::new("statistics")).ok();
    statistics.int(&["statistics", "totalstatistics", counter])
}

#[test]
fn a_call_without_media_times_out() {
    let daemon = Daemon::builder().arg("--timeout=1").start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    let port = alice.remote().rtp();
    ends(&call);
    assert_eq!(counted(&daemon, "timeoutsessions"), 1);
    until("its ports are closed", SOON, || std::net::UdpSocket::bind(port).ok());
}

#[test]
fn a_call_with_media_one_way_goes_on() {
    let daemon = Daemon::builder().arg("--timeout=2").start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        alice.speaks_to(&mut bob);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(call.exists());
    ends(&call);
}

#[test]
fn a_held_call_has_its_own_timeout() {
    let daemon = Daemon::builder().arg("--timeout=1").arg("--silent-timeout=3").start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    alice.media[0].set_direction("inactive");
    bob.media[0].set_direction("inactive");
    let start = Instant::now();
    call.connects(&mut alice, &mut bob);
    ends(&call);
    assert!(start.elapsed() >= Duration::from_secs(2), "it ended by the wrong timeout");
    assert_eq!(counted(&daemon, "silenttimeoutsessions"), 1);
}

#[test]
fn an_offer_without_answer_times_out() {
    let daemon = Daemon::builder().args(["--offer-timeout=1", "--timeout=1"]).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    ends(&call);
    // The caller's stream is under the ordinary timeout, the callee's under that of offers: either may be the last.
    let counters = ["timeoutsessions", "offertimeoutsessions"].map(|counter| counted(&daemon, counter));
    assert_eq!(counters.iter().sum::<i64>(), 1);
}

#[test]
fn the_final_timeout_ends_even_a_lively_call() {
    let daemon = Daemon::builder().arg("--final-timeout=2").start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    until("the call ends", LATE, || {
        alice.sends();
        std::thread::sleep(Duration::from_millis(50));
        (!call.exists()).then_some(())
    });
    assert_eq!(counted(&daemon, "finaltimeoutsessions"), 1);
}

#[test]
fn zero_means_the_default() {
    let daemon = Daemon::builder().args(["--timeout=0", "--silent-timeout=0", "--offer-timeout=0"]).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    std::thread::sleep(Duration::from_millis(2500));
    assert!(call.exists());
}
