//! Where media is sent when it does not come from where the SDP says (`media-plane.md` 4).

use std::net::UdpSocket;
use std::time::Duration;

use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;
use rtpengine_tests::rtp::Rtp;

/// A call between Alice, whose packets will come from elsewhere, and Bob.
struct Talk<'d> {
    call: Call<'d>,
    alice: Phone,
    bob: Phone,
}

impl<'d> Talk<'d> {
    /// Alice offers with `options`; Bob's side is confirmed by packets of his own.
    fn start(daemon: &'d Daemon, options: &Request) -> Self {
        let call = Call::new(daemon);
        let (mut alice, mut bob) = call.phones();
        call.offer_with(&mut alice, &mut bob, options);
        call.answer(&mut bob, &mut alice);
        Self { call, alice, bob }
    }

    /// Bob speaks, and it arrives at `socket` and not at Alice's advertised address.
    #[track_caller]
    fn bob_reaches(&mut self, socket: &UdpSocket) {
        let packet = self.bob.sends();
        let heard = receive(socket, SOON).unwrap_or_else(|| panic!("nothing reaches {socket:?}"));
        assert_eq!(Rtp::parse(&heard.0), Some(packet));
        self.alice.hears_nothing();
    }

    /// Bob speaks, and it arrives at Alice's advertised address.
    #[track_caller]
    fn bob_reaches_alice(&mut self) {
        self.bob.speaks_to(&mut self.alice);
    }

    /// Alice speaks through `socket` and Bob hears it.
    #[track_caller]
    fn alice_speaks_from(&mut self, socket: &UdpSocket) {
        let packet = self.alice.sends_from(socket);
        self.bob.hears(&packet);
    }

    /// Alice speaks through `socket` and Bob does not hear it.
    #[track_caller]
    fn alice_is_dropped_from(&mut self, socket: &UdpSocket) {
        self.alice.sends_from(socket);
        self.bob.hears_nothing();
    }

    /// The stream of Alice's RTP in a query.
    fn stream(&self) -> Value {
        self.call.query().at(&["tags", "alice", "medias", "0", "streams", "0"]).clone()
    }

    fn is_confirmed(&self) -> bool {
        self.stream().get("flags").is_some_and(|flags| flags.items().contains(&"confirmed".into()))
    }

    /// Alice speaks through `socket` until the daemon takes its address as final.
    fn alice_is_confirmed_at(&mut self, socket: &UdpSocket) {
        until("the address is confirmed", Duration::from_secs(5), || {
            std::thread::sleep(Duration::from_millis(50));
            self.alice_speaks_from(socket);
            self.is_confirmed().then_some(())
        });
    }
}

/// A socket at another address than Alice's, and one at hers with another port.
fn elsewhere(daemon: &Daemon) -> (UdpSocket, UdpSocket) {
    let bind = |number| UdpSocket::bind((daemon.network().phone(number), 0)).unwrap();
    (bind(7), bind(0))
}

fn learning(mode: &str) -> Request {
    Request::empty().set("endpoint-learning", mode)
}

#[test]
fn heuristic_learning_follows_a_nat() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty());
    let (nat, _) = elsewhere(&daemon);
    talk.alice_speaks_from(&nat);
    talk.bob_reaches(&nat);
    let stream = talk.stream();
    let port = |key: &str| stream.get(key).and_then(|endpoint| endpoint.get("port")).and_then(Value::int);
    assert_eq!(port("endpoint"), Some(nat.local_addr().unwrap().port().into()));
    assert_eq!(port("advertised endpoint"), Some(talk.alice.media[0].rtp_address().port().into()));
}

#[test]
fn heuristic_learning_prefers_what_is_most_like_the_advertised_address() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty());
    let (other_address, other_port) = elsewhere(&daemon);
    talk.alice_speaks_from(&other_address);
    talk.bob_reaches(&other_address);
    talk.alice_speaks_from(&other_port);
    talk.bob_reaches(&other_port);
    talk.alice_speaks_from(&other_address);
    talk.bob_reaches(&other_port);
    assert!(!talk.is_confirmed());
    // Within the three seconds a packet from exactly the advertised address confirms it at once.
    let packet = talk.alice.sends();
    talk.bob.hears(&packet);
    assert!(talk.is_confirmed());
    talk.alice_speaks_from(&other_port);
    talk.bob_reaches_alice();
}

#[test]
fn heuristic_learning_with_strict_source_drops_the_less_alike() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty().flag("strict-source"));
    let (other_address, other_port) = elsewhere(&daemon);
    talk.alice_speaks_from(&other_address);
    talk.alice_speaks_from(&other_port);
    talk.alice_is_dropped_from(&other_address);
    let errors = talk.stream().get("stats").and_then(|stats| stats.get("errors")).and_then(Value::int);
    assert_eq!(errors, Some(1));
    talk.alice_is_confirmed_at(&other_port);
    talk.alice_is_dropped_from(&other_address);
    talk.bob_reaches(&other_port);
}

#[test]
fn delayed_learning_follows_every_packet_and_confirms_after_three_seconds() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &learning("delayed"));
    let (first, second) = elsewhere(&daemon);
    talk.alice_speaks_from(&second);
    talk.bob_reaches(&second);
    talk.alice_speaks_from(&first);
    talk.bob_reaches(&first);
    talk.alice_is_confirmed_at(&first);
    talk.alice_speaks_from(&second);
    talk.bob_reaches(&first);
}

#[test]
fn immediate_learning_confirms_the_first_packet() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &learning("immediate"));
    let (first, second) = elsewhere(&daemon);
    talk.alice_speaks_from(&first);
    assert!(talk.is_confirmed());
    talk.bob_reaches(&first);
    talk.alice_speaks_from(&second);
    talk.bob_reaches(&first);
}

#[test]
fn without_learning_the_advertised_address_is_used() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty().flag("endpoint-learning-off"));
    let (nat, _) = elsewhere(&daemon);
    talk.alice_speaks_from(&nat);
    talk.bob_reaches_alice();
}

#[test]
fn without_learning_and_strict_only_the_advertised_address_passes() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &learning("off").flag("strict-source"));
    let (nat, _) = elsewhere(&daemon);
    talk.alice_is_dropped_from(&nat);
    talk.alice.speaks_to(&mut talk.bob);
    talk.alice_is_dropped_from(&nat);
    talk.bob_reaches_alice();
}

#[test]
fn the_default_mode_comes_from_the_command_line() {
    let daemon = Daemon::builder().arg("--endpoint-learning=OFF").start();
    let mut talk = Talk::start(&daemon, &Request::empty());
    let (nat, _) = elsewhere(&daemon);
    talk.alice_speaks_from(&nat);
    talk.bob_reaches_alice();
}

#[test]
fn media_handover_follows_a_confirmed_peer() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &learning("immediate").flag("media-handover"));
    let (first, second) = elsewhere(&daemon);
    talk.alice_speaks_from(&first);
    talk.bob_reaches(&first);
    talk.alice_speaks_from(&second);
    talk.bob_reaches(&second);
    // Back at the source learned first, one packet confirms anew and the next one moves the endpoint.
    talk.alice_speaks_from(&first);
    talk.alice_speaks_from(&first);
    talk.bob_reaches(&first);
    let stream = talk.stream();
    let flags = stream.get("flags").unwrap();
    assert!(flags.items().contains(&"media handover".into()), "{flags:?}");
}

#[test]
fn strict_source_drops_a_stranger_after_confirmation() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty().flag("strict-source"));
    talk.alice.speaks_to(&mut talk.bob);
    let (stranger, _) = elsewhere(&daemon);
    talk.alice_is_dropped_from(&stranger);
    talk.alice.speaks_to(&mut talk.bob);
    let stream = talk.stream();
    let flags = stream.get("flags").unwrap();
    assert!(flags.items().contains(&"strict source address".into()), "{flags:?}");
}

#[test]
fn settings_belong_to_the_party_that_sent_them() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty().flag("strict-source"));
    talk.alice.speaks_to(&mut talk.bob);
    talk.bob.speaks_to(&mut talk.alice);
    // Bob did not ask for it: anyone may speak for him.
    let stranger = UdpSocket::bind((daemon.network().phone(8), 0)).unwrap();
    let packet = talk.bob.sends_from(&stranger);
    talk.alice.hears(&packet);
}

#[test]
fn asymmetric_media_goes_to_the_advertised_address() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty().flag("asymmetric"));
    let (nat, _) = elsewhere(&daemon);
    talk.alice_speaks_from(&nat);
    talk.bob_reaches_alice();
    talk.alice_speaks_from(&nat);
}

#[test]
fn asymmetric_and_strict_accepts_only_the_learned_source() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &learning("immediate").flag("asymmetric").flag("strict-source"));
    let (nat, stranger) = elsewhere(&daemon);
    talk.alice_speaks_from(&nat);
    talk.alice_is_dropped_from(&stranger);
    talk.alice_speaks_from(&nat);
    talk.bob_reaches_alice();
}

#[test]
fn a_re_offer_starts_learning_anew() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &learning("immediate"));
    let (first, second) = elsewhere(&daemon);
    talk.alice_speaks_from(&first);
    talk.bob_reaches(&first);
    talk.call.offer_with(&mut talk.alice, &mut talk.bob, &learning("immediate"));
    talk.call.answer(&mut talk.bob, &mut talk.alice);
    talk.alice_speaks_from(&second);
    talk.bob_reaches(&second);
}

#[test]
fn rtcp_is_learned_by_itself() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &Request::empty());
    talk.alice.speaks_to(&mut talk.bob);
    let report = talk.alice.sender_report();
    let nat = UdpSocket::bind((daemon.network().phone(7), 0)).unwrap();
    nat.send_to(&Rtcp::encode(&report), talk.alice.remote().rtcp()).unwrap();
    talk.bob.hears_rtcp(&report);
    let report = talk.bob.sends_rtcp(&talk.bob.sender_report());
    let heard = receive(&nat, SOON).and_then(|(data, _)| Rtcp::parse(&data));
    assert_eq!(heard, Some(report));
    talk.bob_reaches_alice();
}

#[test]
fn an_unknown_mode_is_ignored_with_a_warning() {
    let daemon = Daemon::start();
    let mut talk = Talk::start(&daemon, &learning("psychic"));
    daemon.logs("Unknown 'endpoint-learning' flag encountered: 'psychic'");
    talk.alice.speaks_to(&mut talk.bob);
}
