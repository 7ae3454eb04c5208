//! Clients that show a cookie before they get a flight.

use std::net::IpAddr;

use super::*;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 77));

/// A server behind its gate, and what a client has been asked.
struct Gate<'a> {
    context: &'a Context,
    asked: usize,
}

impl Gate<'_> {
    /// Takes a datagram of the client for the server; what is said without one is returned.
    fn take(&mut self, server: &mut Association, source: IpAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        if server.has_begun() {
            server.handle_packet(datagram);
            return None;
        }
        match self.context.greet(source, 1000, datagram) {
            Greeting::NotHello => None,
            Greeting::Ask { reply, .. } => {
                assert!(reply.len() <= datagram.len());
                assert!(!server.has_begun() && server.poll_transmit().is_none());
                self.asked += 1;
                Some(reply)
            }
            Greeting::Welcome(opening) => {
                server.welcome(opening);
                server.handle_packet(datagram);
                None
            }
        }
    }
}

/// Shakes hands through the gate. `lose` says whether the gate's n-th reply gets lost, `source` where the client's n-th datagram comes
/// from. Returns how often the client was asked, and how often a timer was needed.
fn shake(
    pair: &mut Pair,
    context: &Context,
    lose: impl Fn(usize) -> bool,
    source: impl Fn(usize) -> IpAddr,
) -> (usize, usize) {
    let mut gate = Gate { context, asked: 0 };
    let (mut sent, mut timers) = (0, 0);
    let end = Instant::now() + Duration::from_secs(30);
    pair.ends[0].poll();
    while !pair.ends.iter().all(Association::is_connected) {
        assert!(Instant::now() < end, "{:?} {:?}", pair.ends, pair.events);
        let mut quiet = true;
        for datagram in pair.drain(0) {
            quiet = false;
            let reply = gate.take(&mut pair.ends[1], source(sent), &datagram);
            sent += 1;
            if let Some(reply) = reply.filter(|_| !lose(gate.asked)) {
                pair.ends[0].handle_packet(&reply);
            }
        }
        for datagram in pair.drain(1) {
            quiet = false;
            pair.ends[0].handle_packet(&datagram);
        }
        if quiet {
            pair.ends[0].poll();
            let repeated = pair.drain(0);
            timers += usize::from(!repeated.is_empty());
            for datagram in repeated {
                if let Some(reply) = gate.take(&mut pair.ends[1], source(sent), &datagram)
                    && !lose(gate.asked)
                {
                    pair.ends[0].handle_packet(&reply);
                }
                sent += 1;
            }
            // The library's timer runs by its own clock.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    assert!((0..2).all(|end| pair.drain(end).is_empty()));
    (gate.asked, timers)
}

#[test]
fn the_handshake_goes_on_after_the_cookie() {
    for key in [KeyKind::Prime256v1, KeyKind::Rsa(2048)] {
        let (client, server) = (context_of(key, 576), context_of(key, 576));
        let mut pair = Pair::between(&client, &server);
        assert_eq!(shake(&mut pair, &server, |_| false, |_| HOME), (1, 0));
        pair.is_connected();
        assert!(pair.ends.iter().all(Association::is_verified));
    }
}

#[test]
fn a_lost_request_costs_one_repetition_and_no_more() {
    let (client, server) = (context(), context());
    let mut pair = Pair::between(&client, &server);
    assert_eq!(shake(&mut pair, &server, |asked| asked == 1, |_| HOME), (2, 1));
    pair.is_connected();
}

#[test]
fn a_client_whose_address_changes_is_asked_again() {
    let (client, server) = (context(), context());
    let mut pair = Pair::between(&client, &server);
    let source = |sent| if sent == 0 { HOME } else { ELSEWHERE };
    assert_eq!(shake(&mut pair, &server, |_| false, source), (2, 0));
    pair.is_connected();
}

#[test]
fn other_versions_show_cookies_too() {
    for version in [SslVersion::DTLS1, SslVersion::DTLS1_2] {
        let (own, theirs) = (context(), context());
        let foreign = foreign(version, Some("SRTP_AES128_CM_SHA1_80"), theirs.certificate()).build();
        let mut client = Ssl::new(&foreign).expect("made");
        client.set_connect_state();
        let mut client = openssl::ssl::SslStream::new(client, pipe::Pipe::default()).expect("made");
        let mut server = Association::new(&own, Role::Passive, None);
        let mut gate = Gate { context: &own, asked: 0 };
        for _ in 0..10 {
            // It waits for more, or is through.
            let _ = client.do_handshake();
            while let Some(datagram) = client.get_mut().take() {
                if let Some(reply) = gate.take(&mut server, HOME, &datagram) {
                    client.get_mut().put(&reply);
                    let _ = client.do_handshake();
                }
            }
            while let Some(datagram) = server.poll_transmit() {
                client.get_mut().put(&datagram);
                let _ = client.do_handshake();
            }
        }
        assert_eq!(gate.asked, 1);
        assert!(server.is_connected(), "{version:?}");
    }
}

#[test]
fn only_a_server_that_has_not_begun_is_opened() {
    let own = context();
    let opening = Opening { record: 1, message: 1 };
    let mut client = Association::new(&own, Role::Active, None);
    client.welcome(opening);
    assert!(!client.has_begun());
    let mut server = Association::new(&own, Role::Passive, None);
    server.welcome(opening);
    assert!(server.has_begun() && server.poll_transmit().is_none(), "the library's own request goes nowhere");
    server.welcome(opening);
    server.handle_packet(&[22; 30]);
    assert!(server.poll_transmit().is_none_or(|alert| alert.len() <= 30));
}
