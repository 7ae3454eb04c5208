//! Two phones, one call.

use rtpengine_tests::prelude::*;

#[test]
fn audio_flows_both_ways_and_ends_with_the_call() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    assert_eq!(bob.remote().address(), daemon.network().relay(0));
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    call.hangs_up(&alice);
    assert!(!call.exists());
}

#[test]
fn rtcp_flows_both_ways_on_its_own_port() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let report = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&report);
    let report = bob.sends_rtcp(&bob.sender_report());
    alice.hears_rtcp(&report);
}
