//! Re-INVITEs: hold and resume, changed addresses, and which local ports stay (`ng-control.md` 10.6).

use rtpengine_tests::prelude::*;

struct Talk<'d> {
    call: Call<'d>,
    alice: Phone,
    bob: Phone,
}

impl<'d> Talk<'d> {
    fn start(daemon: &'d Daemon) -> Self {
        let call = Call::new(daemon);
        let (alice, bob) = call.phones();
        let mut talk = Self { call, alice, bob };
        talk.renew(&Request::empty());
        talk.flows();
        talk
    }

    /// Alice offers again.
    #[track_caller]
    fn renew(&mut self, options: &Request) {
        self.call.offer_with(&mut self.alice, &mut self.bob, options);
        self.call.answer(&mut self.bob, &mut self.alice);
    }

    #[track_caller]
    fn flows(&mut self) {
        self.alice.speaks_to(&mut self.bob);
        self.bob.speaks_to(&mut self.alice);
    }

    /// The daemon's ports towards Alice and towards Bob.
    fn ports(&self) -> (u16, u16) {
        (self.alice.remote().port(), self.bob.remote().port())
    }
}

#[test]
fn the_same_addresses_keep_the_same_ports() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let before = talk.ports();
    talk.renew(&Request::empty());
    assert_eq!(talk.ports(), before);
    talk.flows();
}

#[test]
fn either_side_can_offer_again() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let before = talk.ports();
    talk.call.offer(&mut talk.bob, &mut talk.alice);
    talk.call.answer(&mut talk.alice, &mut talk.bob);
    assert_eq!(talk.ports(), before);
    talk.flows();
}

#[test]
fn a_changed_address_changes_the_ports_towards_the_other_side() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let (towards_alice, towards_bob) = talk.ports();
    let old = talk.alice.moves_to(daemon.network().phone(5));
    talk.renew(&Request::empty());
    let moved = talk.ports();
    assert_eq!(moved.0, towards_alice);
    assert_ne!(moved.1, towards_bob);
    talk.flows();
    // Back at the earlier address the earlier ports are there again.
    let new = talk.alice.returns_to(old);
    talk.renew(&Request::empty());
    assert_eq!(talk.ports(), (towards_alice, towards_bob));
    talk.flows();
    talk.alice.returns_to(new);
    talk.renew(&Request::empty());
    assert_eq!(talk.ports(), moved);
    talk.flows();
}

#[test]
fn a_changed_answer_address_changes_the_ports_towards_the_offerer() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let (towards_alice, towards_bob) = talk.ports();
    talk.call.offer(&mut talk.alice, &mut talk.bob);
    talk.bob.moves_to(daemon.network().phone(6));
    talk.call.answer(&mut talk.bob, &mut talk.alice);
    assert_ne!(talk.ports().0, towards_alice);
    assert_eq!(talk.ports().1, towards_bob);
    talk.flows();
}

#[test]
fn port_latching_keeps_the_ports_for_a_changed_address() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let before = talk.ports();
    talk.alice.moves_to(daemon.network().phone(5));
    talk.renew(&Request::empty().flag("port-latching"));
    assert_eq!(talk.ports(), before);
    talk.flows();
}

#[test]
fn hold_with_sendonly_stops_one_way_and_keeps_the_ports() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let before = talk.ports();
    talk.alice.media[0].set_direction("sendonly");
    talk.bob.media[0].set_direction("recvonly");
    talk.renew(&Request::empty());
    assert_eq!(talk.bob.remote().direction(), Some("sendonly"));
    assert_eq!(talk.alice.remote().direction(), Some("recvonly"));
    assert_eq!(talk.ports(), before);
    talk.alice.speaks_to(&mut talk.bob);
    talk.bob.sends();
    talk.alice.hears_nothing();
    talk.alice.media[0].set_direction("sendrecv");
    talk.bob.media[0].set_direction("sendrecv");
    talk.renew(&Request::empty());
    assert_eq!(talk.bob.remote().direction(), Some("sendrecv"));
    assert_eq!(talk.ports(), before);
    talk.flows();
}

#[test]
fn hold_with_the_zero_address_passes_on_and_keeps_the_ports() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let before = talk.ports();
    talk.alice.media[0].on_hold = true;
    talk.call.offer(&mut talk.alice, &mut talk.bob);
    let section = talk.bob.remote();
    assert!(section.address().is_unspecified());
    assert_eq!((section.direction(), section.port()), (Some("sendonly"), before.1));
    talk.bob.media[0].set_direction("recvonly");
    talk.call.answer(&mut talk.bob, &mut talk.alice);
    talk.alice.media[0].on_hold = false;
    talk.bob.media[0].set_direction("sendrecv");
    talk.renew(&Request::empty());
    assert_eq!(talk.ports(), before);
    talk.flows();
}

#[test]
fn replace_zero_address_gives_the_held_side_a_real_one() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    talk.alice.media[0].on_hold = true;
    talk.renew(&Request::empty().list("replace", ["zero-address"]));
    assert_eq!(talk.bob.remote().address(), daemon.network().relay(0));
    assert_eq!(talk.bob.remote().direction(), Some("sendonly"));
}

#[test]
fn a_held_party_that_moved_keeps_its_ports_unless_latching_is_refused() {
    let daemon = Daemon::start();
    for (refused, stays) in [(false, true), (true, false)] {
        let mut talk = Talk::start(&daemon);
        let before = talk.ports();
        talk.alice.moves_to(daemon.network().phone(5));
        talk.alice.media[0].set_direction("sendonly");
        talk.bob.media[0].set_direction("recvonly");
        let options = if refused { Request::empty().flag("no-port-latching") } else { Request::empty() };
        talk.renew(&options);
        assert_eq!(talk.ports().1 == before.1, stays, "no-port-latching: {refused}");
        talk.alice.speaks_to(&mut talk.bob);
    }
}

#[test]
fn packets_of_the_superseded_ports_still_arrive() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon);
    let old = talk.bob.remote().rtp();
    talk.alice.moves_to(daemon.network().phone(5));
    talk.renew(&Request::empty());
    talk.flows();
    assert_ne!(talk.bob.remote().rtp(), old);
    // Superseded sets stay open until the call ends: nobody else can bind their ports.
    assert!(std::net::UdpSocket::bind(old).is_err());
    talk.call.hangs_up(&talk.alice);
    until("the ports are closed", SOON, || std::net::UdpSocket::bind(old).ok());
}

#[test]
fn with_rtcp_mux_the_ports_stay_too() {
    let daemon = Daemon::start();
    // Also while held, and when only one side speaks ICE.
    for (direction, ice) in [("sendrecv", false), ("inactive", false), ("sendrecv", true), ("inactive", true)]
    {
        let call = Call::new(&daemon);
        let plan = || rtpengine_tests::phone::MediaPlan::audio().mux();
        let mut alice = call.phone(0, "alice").media(plan()).build();
        let mut bob = call.phone(1, "bob").media(plan()).build();
        alice.media[0].set_direction(direction);
        bob.media[0].set_direction(direction);
        if ice {
            for attribute in ["ice-ufrag:abcd1234", "ice-pwd:abcdefghijklmnopqrstuvwxyz"] {
                alice.media[0].add_attribute(attribute);
            }
        }
        let options = Request::empty().set("ICE", "remove");
        let mut ports = Vec::new();
        for _ in 0..3 {
            call.offer_with(&mut alice, &mut bob, &options);
            call.answer(&mut bob, &mut alice);
            ports.push((alice.remote().port(), bob.remote().port()));
        }
        assert_eq!(ports[1..], [ports[0]; 2], "{direction}, ICE of the caller: {ice}");
    }
}
