//! Limits on new calls (`ng-control.md` 14).

use std::time::Duration;

use rtpengine_tests::prelude::*;

const SESSIONS: &str = "Parallel session limit reached";

/// Offers a new call and returns the reply, without and with support for `load limit`.
fn new_calls(daemon: &Daemon) -> (Reply, Reply) {
    let ask = |options: &Request| {
        let call = Call::new(daemon);
        let (mut alice, bob) = call.phones();
        daemon.request(&call.offer_request(&mut alice, &bob, options))
    };
    (ask(&Request::empty()), ask(&Request::empty().list("supports", ["load limit"])))
}

#[track_caller]
fn is_limited(daemon: &Daemon, text: &str) {
    let (plain, supported) = new_calls(daemon);
    assert_eq!(plain.error(), SESSIONS, "without support every limit has this text");
    assert_eq!(supported.value, dict([("message", text), ("result", "load limit")]).sorted(&supported));
}

/// Brings the expected keys into the order of the reply, which the specification leaves open here.
trait Sorted {
    fn sorted(self, reply: &Reply) -> Value;
}

impl Sorted for Value {
    fn sorted(self, reply: &Reply) -> Value {
        let mut entries = self.entries().to_vec();
        entries.sort_by_key(|(key, _)| reply.value.keys().iter().position(|name| name.as_bytes() == key));
        Value::Dict(entries)
    }
}

#[test]
fn max_sessions_refuses_new_calls_only() {
    let daemon = Daemon::builder().arg("--max-sessions=1").start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    is_limited(&daemon, SESSIONS);
    // The call that is there may be offered again.
    call.connects(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    let statistics = daemon.request(&Request::new("statistics")).ok();
    assert_eq!(statistics.int(&["statistics", "totalstatistics", "rejectedsessions"]), 2);
    call.hangs_up(&alice);
    let next = Call::new(&daemon);
    let (mut alice, mut bob) = next.phones();
    next.connects(&mut alice, &mut bob);
    alice.speaks_to(&mut bob);
}

#[test]
fn max_sessions_zero_drains() {
    let daemon = Daemon::builder().arg("--max-sessions=0").start();
    is_limited(&daemon, SESSIONS);
}

#[test]
fn max_sessions_is_not_overrun_by_parallel_offers() {
    let daemon = Daemon::builder().arg("--max-sessions=5").start();
    let calls: Vec<_> = (0..20).map(|_| Call::new(&daemon)).collect();
    let client = daemon.client();
    for (number, call) in calls.iter().enumerate() {
        let (mut alice, bob) = call.phones();
        let offer = call.offer_request(&mut alice, &bob, &Request::empty()).encode();
        client.send_raw(&[format!("p{number:02} ").as_bytes(), &offer].concat()).unwrap();
    }
    let mut accepted = 0;
    for _ in 0..20 {
        let reply = client.receive_raw(Duration::from_secs(3)).unwrap().unwrap();
        let reply = Reply::decode(&reply[4..]);
        match reply.result() {
            "ok" => accepted += 1,
            _ => assert_eq!(reply.error(), SESSIONS),
        }
    }
    assert_eq!(accepted, 5);
}

#[test]
fn max_load_looks_at_the_load_average() {
    let average = std::fs::read_to_string("/proc/loadavg").unwrap();
    if average.starts_with("0.0") {
        rtpengine_tests::network::left_out::<()>("max-load", "the machine has nothing to do");
        return;
    }
    let daemon = Daemon::builder().arg("--max-load=0.01").start();
    // It is sampled twice a second.
    until("the load is seen", Duration::from_secs(3), || {
        let (_, supported) = new_calls(&daemon);
        (supported.text("message") == "Load limit exceeded").then_some(())
    });
    is_limited(&daemon, "Load limit exceeded");
}

#[test]
fn max_cpu_looks_at_the_processors() {
    let daemon = Daemon::builder().arg("--max-cpu=0.01").start();
    until("the processor use is seen", Duration::from_secs(5), || {
        let (_, supported) = new_calls(&daemon);
        (supported.text("message") == "CPU usage limit exceeded").then_some(())
    });
}

#[test]
fn max_bandwidth_looks_at_what_is_received() {
    let daemon = Daemon::builder().arg("--max-bandwidth=1000").start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    until("the traffic is seen", Duration::from_secs(5), || {
        for _ in 0..10 {
            alice.sends();
        }
        let (_, supported) = new_calls(&daemon);
        (supported.text("message") == "Bandwidth limit exceeded").then_some(())
    });
}

#[test]
fn without_ports_the_call_ends_and_others_go_on() {
    // Four ports are one call of one media.
    let daemon = Daemon::builder().media_ports(4).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    for _ in 0..3 {
        let next = Call::new(&daemon);
        let (mut carol, dave) = next.phones();
        let reply = daemon.request(&next.offer_request(&mut carol, &dave, &Request::empty()));
        assert_eq!(reply.error(), "Ran out of ports");
        assert!(!next.exists());
    }
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    call.hangs_up(&alice);
    // The ports are free again at once.
    until("another call finds ports", SOON, || {
        let next = Call::new(&daemon);
        let (mut carol, dave) = next.phones();
        let reply = daemon.request(&next.offer_request(&mut carol, &dave, &Request::empty()));
        (reply.result() == "ok").then_some(())
    });
}

#[test]
fn without_ports_an_existing_call_ends_too() {
    let daemon = Daemon::builder().media_ports(4).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    alice.moves_to(daemon.network().phone(5));
    let reply = daemon.request(&call.offer_request(&mut alice, &bob, &Request::empty()));
    assert_eq!(reply.error(), "Ran out of ports");
    assert!(!call.exists());
}

#[test]
fn calls_that_come_and_go_leave_nothing_behind() {
    let daemon = Daemon::builder().media_ports(400).start();
    let client = daemon.client();
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    let round = || {
        for _ in 0..300 {
            let call = Call::new(&daemon);
            let (mut alice, mut bob) = call.phones();
            let offer = client.request(&call.offer_request(&mut alice, &bob, &Request::empty())).ok();
            bob.takes(offer.sdp());
            let _ = client.request(&call.answer_request(&mut bob, &alice, &Request::empty())).ok();
            let _ = client.request(&call.ask("delete").set("delete-delay", 0)).ok();
        }
    };
    round();
    let (memory, open) = (daemon.resident_bytes().unwrap(), descriptors());
    for _ in 0..3 {
        round();
    }
    until("the sockets are closed", SOON, || (descriptors() <= open).then_some(()));
    // The cookie cache keeps 2,700 replies of up to a few kilobytes for a minute.
    let after = daemon.resident_bytes().unwrap();
    assert!(after < memory + (12 << 20), "memory grew from {memory} to {after}");
}
