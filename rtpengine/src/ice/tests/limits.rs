//! What strangers, floods and silent peers can and cannot bring about.

use super::*;
use crate::ice::MAX_CANDIDATES;
use crate::ice::incoming::{MAX_REFUSALS, REFUSAL_PERIOD};

/// Strangers get so many errors each period, whatever they send; the peer is answered all the time.
#[test]
fn strangers_are_refused_so_often_only() {
    let mut bench = Bench::muxed(Role::Controlled);
    let wrong = IntegrityKey::new(b"wrong");
    let storm = |bench: &mut Bench| {
        for _ in 0..10 * MAX_REFUSALS {
            let bytes = bench.request().role(true, 1).finish(&wrong);
            assert_eq!(bench.handle(1, "198.51.100.1:9", &bytes), Handled::Refused);
        }
        let replies = bench.sent();
        assert!(replies.iter().all(|reply| error_code(reply) == Some(401)));
        replies.len()
    };
    assert_eq!(storm(&mut bench), MAX_REFUSALS as usize);
    assert_eq!(storm(&mut bench), 0);
    let request = bench.request().role(true, 1);
    assert_eq!(bench.send_request(1, "192.0.2.7:1", request), Handled::Consumed);
    assert_eq!(Message::parse(&bench.sent()[0].bytes).unwrap().class(), Class::Success);
    bench.now += REFUSAL_PERIOD;
    assert_eq!(storm(&mut bench), MAX_REFUSALS as usize);
    assert!(bench.notices().len() <= 16, "not one for each");
}

/// Ten thousand addresses that know the password, over two sockets: memory and work stay bounded, and what worked goes on.
#[test]
fn ten_thousand_pairs_are_not_made() {
    let locals =
        (1..=2).map(|slot| local(slot, slot as u16, 1, &format!("203.0.113.{slot}:30000"))).collect();
    let mut bench = Bench::new(Role::Controlled, locals);
    nominate(&mut bench, "192.0.2.7:1");
    assert_eq!(bench.agent.phase(), Phase::Completed);
    for number in 0..10_000_u32 {
        let from = SocketAddr::from((std::net::Ipv4Addr::from(0xc633_6400 + number), 4000)).to_string();
        let request = bench.request().role(true, 1);
        bench.send_request(1 + number % 2, &from, request);
    }
    assert_eq!(bench.agent.remote_candidates().len(), MAX_CANDIDATES);
    assert!(bench.agent.pairs.len() <= 2 * MAX_CANDIDATES);
    assert!(bench.agent.triggered.len() <= bench.agent.pairs.len());
    bench.sent();
    // Triggered checks keep to the pace: 50 new ones each second, and the repetitions of those under way.
    let sent = bench.pass(Duration::from_secs(1)).len();
    assert!(sent <= 50 * 4, "{sent} in a second");
    assert_eq!(bench.agent.selected(1).unwrap().1, address("192.0.2.7:1"));
    let request = bench.request().role(true, 1);
    bench.send_request(1, "192.0.2.7:1", request);
    assert_eq!(Message::parse(&bench.sent()[0].bytes).unwrap().class(), Class::Success);
}

/// A peer that was given up comes back: its request makes its pair be checked, and the check is new consent.
#[test]
fn consent_comes_back_with_a_check() {
    let mut bench = Bench::muxed(Role::Controlled);
    bench.agent.settings.consent = true;
    let peer = "192.0.2.7:1";
    nominate(&mut bench, peer);
    assert_eq!(bench.agent.phase(), Phase::Completed);
    bench.pass(Duration::from_secs(40));
    assert!(bench.events().contains(&Event::ConsentLost { component: 1 }));
    assert!(bench.agent.selected(1).is_none() && !bench.agent.is_usable());
    assert!(bench.pass(Duration::from_secs(60)).is_empty(), "nothing is sent");
    let request = bench.request().role(true, 1);
    bench.send_request(1, peer, request);
    for (_, packet) in bench.pass(Duration::from_millis(60)) {
        if Message::parse(&packet.bytes).unwrap().class() == Class::Request {
            bench.answer(1, &packet);
        }
    }
    assert_eq!(bench.agent.selected(1).unwrap().1, address(peer));
    assert!(bench.events().iter().any(|event| matches!(event, Event::Selected { .. })));
    // It is asked for consent again.
    assert!(!bench.pass(Duration::from_secs(7)).is_empty());
}

proptest! {
    #[test]
    fn steps_of_any_kind_stay_within_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        exercise(&bytes);
    }
}
