//! The forms of delete (`ng-control.md` 10.7, 11.4).

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use rtpengine_tests::prelude::*;

const NOT_FOUND: &str = "Call-ID not found or tags didn't match";

/// A call between Alice and Bob that has carried media.
fn talk<'d>(daemon: &'d Daemon) -> (Call<'d>, Phone, Phone) {
    let call = Call::new(daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    alice.speaks_to(&mut bob);
    (call, alice, bob)
}

fn at_once(call: &Call<'_>) -> Request {
    call.ask("delete").set("delete-delay", 0)
}

/// Asserts that a port is truly closed: a datagram to it is refused.
#[track_caller]
fn is_closed(port: SocketAddr) {
    let probe = UdpSocket::bind((port.ip(), 0)).unwrap();
    probe.connect(port).unwrap();
    until(&format!("{port} is closed"), SOON, || {
        let _ = probe.send(b"anyone?");
        probe.send(b"anyone?").is_err().then_some(())
    });
}

#[test]
fn without_tags_the_whole_call_goes() {
    let daemon = Daemon::start();
    let (call, alice, bob) = talk(&daemon);
    let reply = daemon.request(&at_once(&call)).ok();
    assert_eq!(reply.value.get("warning"), None);
    assert_eq!(reply.int(&["totals", "RTP", "packets"]), 5);
    assert_eq!(reply.at(&["tags"]).keys(), ["alice", "bob"]);
    assert!(!call.exists());
    for phone in [&alice, &bob] {
        is_closed(phone.remote().rtp());
        is_closed(phone.remote().rtcp());
    }
}

#[test]
fn by_either_tag_a_two_party_call_goes() {
    let daemon = Daemon::start();
    for tag in ["alice", "bob"] {
        let (call, ..) = talk(&daemon);
        let _ = daemon.request(&at_once(&call).set("from-tag", tag)).ok();
        assert!(!call.exists(), "{tag}");
    }
}

#[test]
fn a_to_tag_counts_when_the_flag_or_no_flag_string_is_there() {
    let daemon = Daemon::start();
    let (call, ..) = talk(&daemon);
    let request = at_once(&call).set("from-tag", "alice").set("to-tag", "stranger");
    // The combined rule: a to-tag key without an rtpp-flags key is used, hence does not match here.
    assert_eq!(daemon.request(&request).ok().text("warning"), NOT_FOUND);
    assert!(call.exists());
    // With an rtpp-flags key and without the flag it is not used.
    let _ = daemon.request(&request.clone().set("rtpp-flags", "")).ok();
    assert!(!call.exists());
    let (call, ..) = talk(&daemon);
    let request = at_once(&call).set("from-tag", "stranger").set("to-tag", "bob").flag("to-tag");
    assert_eq!(daemon.request(&request).ok().value.get("warning"), None);
    assert!(!call.exists());
}

#[test]
fn by_branch_only_that_branch_goes() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let mut carol = call.phone(2, "carol").build();
    let branch = |name: &str| Request::empty().set("via-branch", name);
    call.offer_with(&mut alice, &mut bob, &branch("b1"));
    call.offer_with(&mut alice, &mut carol, &branch("b2"));
    let gone = bob.remote().rtp();
    let _ = daemon.request(&at_once(&call).set("from-tag", "alice").with(&branch("b1"))).ok();
    assert!(call.exists());
    is_closed(gone);
    call.answer_with(&mut carol, &mut alice, &branch("b2"));
    alice.speaks_to(&mut carol);
    let _ = daemon.request(&at_once(&call).set("from-tag", "alice").with(&branch("b2"))).ok();
    assert!(!call.exists(), "no association is left");
}

#[test]
fn the_offerer_of_a_forked_call_takes_all_along() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let mut carol = call.phone(2, "carol").build();
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("via-branch", "b1"));
    call.offer_with(&mut alice, &mut carol, &Request::empty().set("via-branch", "b2"));
    let _ = daemon.request(&at_once(&call).set("from-tag", "alice")).ok();
    assert!(!call.exists());
}

#[test]
fn what_is_not_found_is_a_warning_or_with_fatal_an_error() {
    let daemon = Daemon::start();
    let (call, ..) = talk(&daemon);
    let unknown_call = Request::new("delete").set("call-id", "zz@192.0.2.9");
    let unknown_tag = at_once(&call).set("from-tag", "stranger");
    for request in [unknown_call, unknown_tag] {
        let reply = daemon.request(&request).ok();
        assert_eq!(reply.text("warning"), NOT_FOUND);
        assert_eq!(daemon.request(&request.flag("fatal")).error(), NOT_FOUND);
    }
    assert!(call.exists());
    assert_eq!(daemon.request(&Request::new("delete")).error(), "No call-id in message");
}

#[test]
fn a_scheduled_delete_lets_media_flow_until_then() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon);
    let reply = daemon.request(&call.ask("delete").set("from-tag", "alice").set("delete delay", 2)).ok();
    assert_eq!(reply.int(&["totals", "RTP", "packets"]), 5);
    bob.speaks_to(&mut alice);
    assert!(call.exists());
    until("the call goes", Duration::from_secs(5), || {
        std::thread::sleep(Duration::from_millis(50));
        (!call.exists()).then_some(())
    });
    is_closed(alice.remote().rtp());
}

#[test]
fn the_delay_may_be_a_decimal_string_and_defaults_to_the_option() {
    let daemon = Daemon::builder().arg("--delete-delay=0").start();
    let (call, ..) = talk(&daemon);
    let _ = daemon.request(&call.ask("delete")).ok();
    assert!(!call.exists());
    let (call, ..) = talk(&daemon);
    let _ = daemon.request(&call.ask("delete").set("delete_delay", "30")).ok();
    assert!(call.exists());
    let _ = daemon.request(&call.ask("delete").set("delete_delay", -1)).ok();
    assert!(!call.exists());
}

#[test]
fn an_offer_takes_a_scheduled_delete_back() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon);
    let _ = daemon.request(&call.ask("delete").set("delete-delay", 1)).ok();
    call.connects(&mut alice, &mut bob);
    std::thread::sleep(Duration::from_millis(2500));
    assert!(call.exists());
    alice.speaks_to(&mut bob);
}

#[test]
fn a_fast_delete_has_no_statistics() {
    let daemon = Daemon::start();
    let (call, ..) = talk(&daemon);
    let reply = daemon.request(&at_once(&call).flag("fast")).ok();
    assert_eq!(reply.value.keys(), ["result"]);
    assert!(!call.exists());
}

#[test]
fn the_id_can_be_used_again_at_once() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = talk(&daemon);
    for _ in 0..5 {
        call.hangs_up(&alice);
        call.connects(&mut alice, &mut bob);
        alice.speaks_to(&mut bob);
    }
}
