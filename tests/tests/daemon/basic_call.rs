//! Two phones, one call, and a caller with several callees.

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
fn media_ports_are_even_and_in_the_range() {
    let daemon = Daemon::start();
    let (_call, alice, bob) = Call::connected(&daemon);
    for phone in [&alice, &bob] {
        let section = phone.remote();
        assert!(section.port().is_multiple_of(2));
        assert!((daemon.ports().first..=daemon.ports().last).contains(&section.port()));
        assert_eq!(section.rtcp().port(), section.port() + 1);
    }
}

#[test]
fn rtcp_flows_both_ways_on_its_own_port() {
    let daemon = Daemon::start();
    let (_call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let report = alice.sends_rtcp(&alice.sender_report());
    bob.hears_rtcp(&report);
    let report = bob.sends_rtcp(&bob.sender_report());
    alice.hears_rtcp(&report);
}

#[test]
fn many_calls_do_not_mix() {
    let daemon = Daemon::start();
    let calls: Vec<_> = (0..8).map(|_| Call::new(&daemon)).collect();
    let mut phones: Vec<_> = (calls.iter().zip(0..))
        .map(|(call, number)| {
            let mut alice = call.phone(0, &format!("alice-{number}")).build();
            let mut bob = call.phone(1, &format!("bob-{number}")).build();
            call.connects(&mut alice, &mut bob);
            (alice, bob)
        })
        .collect();
    for (alice, bob) in &mut phones {
        alice.speaks_to(bob);
        bob.speaks_to(alice);
    }
    calls[3].hangs_up(&phones[3].0);
    for (number, (alice, bob)) in phones.iter_mut().enumerate() {
        if number != 3 {
            alice.speaks_to(bob);
        }
    }
}

#[test]
fn a_burst_arrives_whole_and_in_order() {
    let daemon = Daemon::start();
    let (_call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    let burst: Vec<_> = (0..50).map(|_| alice.sends()).collect();
    for packet in &burst {
        bob.hears(packet);
    }
}

#[test]
fn early_media_reaches_the_caller_before_the_answer() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    let tone = bob.sends();
    let (heard, _) = alice.receives();
    assert_eq!(heard, tone);
}

fn branch(name: &str) -> Request {
    Request::empty().set("via-branch", name)
}

#[test]
fn of_forked_branches_the_answered_one_talks() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let mut carol = call.phone(2, "carol").build();
    call.offer_with(&mut alice, &mut bob, &branch("b1"));
    call.offer_with(&mut alice, &mut carol, &branch("b2"));
    assert_ne!(bob.remote().port(), carol.remote().port(), "each branch has its own ports");
    for phone in [&mut bob, &mut carol] {
        let tone = phone.sends();
        assert_eq!(alice.receives().0, tone, "early media of every branch reaches the caller");
    }
    call.answer_with(&mut bob, &mut alice, &branch("b1"));
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    carol.sends();
    alice.hears_nothing();
    carol.hears_nothing();
    // The 200 OK comes from the other branch: the caller moves there.
    call.answer_with(&mut carol, &mut alice, &branch("b2"));
    alice.speaks_to(&mut carol);
    carol.speaks_to(&mut alice);
    bob.sends();
    alice.hears_nothing();
    bob.hears_nothing();
}

#[test]
fn a_serial_fork_leaves_a_stub_of_the_first_branch() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let mut carol = call.phone(2, "carol").build();
    call.offer_with(&mut alice, &mut bob, &branch("b1"));
    call.offer_with(&mut alice, &mut carol, &branch("b2"));
    let delete = call.ask("delete").set("from-tag", "alice").set("via-branch", "b1").set("delete-delay", 0);
    let _ = daemon.request(&delete).ok();
    call.answer_with(&mut carol, &mut alice, &branch("b2"));
    alice.speaks_to(&mut carol);
    carol.speaks_to(&mut alice);
    let query = call.query();
    assert_eq!(query.at(&["tags"]).keys(), ["alice", "<untagged 1>", "carol"]);
    let stub = query.at(&["tags", "<untagged 1>", "medias", "0", "streams", "0"]);
    assert_eq!(stub.get("local port"), None);
}

#[test]
fn a_changed_to_tag_is_an_alias_of_the_same_party() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    bob.tag = "bob-2".into();
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    bob.speaks_to(&mut alice);
    let query = call.query();
    assert_eq!(query.at(&["tags"]).keys(), ["alice", "bob-2"]);
    assert_eq!(*query.at(&["tags", "bob-2", "tag-aliases"]), list(["bob"]));
}

#[test]
fn a_new_branch_is_another_party() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    bob.tag = "bob-2".into();
    call.answer_with(&mut bob, &mut alice, &Request::empty().flag("new-branch"));
    assert_eq!(call.query().at(&["tags"]).keys(), ["alice", "bob", "bob-2"]);
}
