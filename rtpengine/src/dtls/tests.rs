//! Two associations with each other, over a network that loses, repeats, reorders and corrupts.

use std::time::{Duration, Instant};

use openssl::ssl::{Ssl, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rtpengine_common::sdp::{Fingerprint, FingerprintHash};
use rtpengine_common::srtp::Suite;

use super::*;

mod certificates;
mod cookies;

const CIPHERS: &str = "DEFAULT:!NULL:!aNULL:!SHA256:!SHA384:!aECDH:!AESGCM+AES256:!aPSK";

fn context_of(key: KeyKind, mtu: u32) -> Context {
    let options =
        CertificateOptions { key, signature: SignatureHash::Sha256, common_name: "rtpengine-test".into() };
    let certificate = Certificate::generate(&options, 1_700_000_000).expect("generates");
    Context::new(certificate, &ContextOptions { ciphers: CIPHERS.into(), mtu }).expect("a context")
}

fn context() -> Context {
    context_of(KeyKind::Prime256v1, 1200)
}

fn print(context: &Context, hash: FingerprintHash) -> Fingerprint {
    context.certificate().fingerprint(hash).clone()
}

/// A client and a server with what they have told so far.
struct Pair {
    ends: [Association; 2],
    events: [Vec<Event>; 2],
    datagrams: usize,
    longest: usize,
}

impl Pair {
    fn new(client: Association, server: Association) -> Self {
        Self { ends: [client, server], events: [Vec::new(), Vec::new()], datagrams: 0, longest: 0 }
    }

    /// Both know each other's fingerprints.
    fn between(client: &Context, server: &Context) -> Self {
        let of = |context| Some(print(context, FingerprintHash::Sha256));
        Self::new(
            Association::new(client, Role::Active, of(server)),
            Association::new(server, Role::Passive, of(client)),
        )
    }

    /// What an end has to send; its events are kept.
    fn drain(&mut self, end: usize) -> Vec<Vec<u8>> {
        let sent: Vec<_> = std::iter::from_fn(|| self.ends[end].poll_transmit()).collect();
        self.events[end].extend(std::iter::from_fn(|| self.ends[end].poll_event()));
        self.datagrams += sent.len();
        self.longest = sent.iter().map(Vec::len).chain([self.longest]).max().unwrap_or_default();
        sent
    }

    /// Carries datagrams to and fro until nobody has anything to send; `network` may change what is on the way.
    fn exchange(&mut self, mut network: impl FnMut(&mut Vec<Vec<u8>>)) {
        loop {
            let mut quiet = true;
            for end in 0..2 {
                let mut flight = self.drain(end);
                network(&mut flight);
                quiet &= flight.is_empty();
                flight.iter().for_each(|datagram| self.ends[1 - end].handle_packet(datagram));
            }
            if quiet {
                return;
            }
        }
    }

    fn connect(&mut self) {
        self.ends[0].poll();
        self.exchange(|_| {});
    }

    fn keys(&self, end: usize) -> Option<&Keys> {
        self.events[end].iter().find_map(|event| match event {
            Event::Connected(keys) => Some(&**keys),
            _ => None,
        })
    }

    #[track_caller]
    fn is_connected(&self) {
        assert!(self.ends.iter().all(Association::is_connected), "{:?} {:?}", self.ends, self.events);
        let (client, server) = (self.keys(0).expect("keys"), self.keys(1).expect("keys"));
        assert_eq!(client.incoming, server.outgoing);
        assert_eq!(client.outgoing, server.incoming);
        assert_ne!(client.incoming, client.outgoing);
    }
}

#[test]
fn a_handshake_gives_both_the_same_keys() {
    let (client, server) = (context(), context());
    let mut pair = Pair::between(&client, &server);
    pair.connect();
    pair.is_connected();
    for end in 0..2 {
        assert_eq!(pair.events[end][0], Event::Accepted);
        assert_eq!(pair.events[end].len(), 2);
        assert!(pair.ends[end].is_verified());
    }
    assert_eq!(
        pair.keys(0).map(|keys| keys.incoming.suite),
        Some(Suite::AeadAes256Gcm),
        "the first of our order"
    );
}

#[test]
fn the_first_flight_begins_as_section_10_2_says() {
    let own = context();
    let mut client = Association::new(&own, Role::Active, None);
    assert!(client.poll_transmit().is_none() && !client.has_begun());
    client.poll();
    let hello = client.poll_transmit().expect("a ClientHello");
    assert_eq!(hello[..11], [0x16, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(client.has_begun());
    client.poll();
    assert!(client.poll_transmit().is_none(), "not repeated at once");
}

#[test]
fn datagrams_keep_to_the_mtu() {
    for mtu in [576, 1200] {
        let (client, server) = (context_of(KeyKind::Rsa(2048), mtu), context_of(KeyKind::Rsa(2048), mtu));
        let mut pair = Pair::between(&client, &server);
        pair.connect();
        pair.is_connected();
        let limit = mtu as usize - 48;
        assert!(pair.longest <= limit && pair.longest > limit / 2, "{} of {limit}", pair.longest);
    }
}

#[test]
fn a_wrong_fingerprint_ends_the_handshake_with_an_alert() {
    let (client, server) = (context(), context());
    for hash in [FingerprintHash::Sha1, FingerprintHash::Sha512] {
        let wrong = Some(print(&client, hash));
        let mut pair = Pair::new(
            Association::new(&client, Role::Active, wrong),
            Association::new(&server, Role::Passive, None),
        );
        pair.connect();
        assert_eq!(pair.events[0][0], Event::Rejected);
        assert!(matches!(pair.events[0][1], Event::Failed(_)));
        assert!(pair.ends[0].is_over() && !pair.ends[0].is_verified());
        assert!(pair.ends[1].is_over(), "told by the alert: {:?}", pair.events[1]);
        assert!(pair.keys(0).is_none() && pair.keys(1).is_none());
    }
}

#[test]
fn without_a_fingerprint_acceptance_is_provisional() {
    let (client, server) = (context(), context());
    let mut pair = Pair::new(
        Association::new(&client, Role::Active, None),
        Association::new(&server, Role::Passive, None),
    );
    pair.connect();
    pair.is_connected();
    assert!(pair.ends.iter().all(|end| !end.is_verified()));
    pair.ends[0].set_fingerprint(print(&server, FingerprintHash::Sha384));
    pair.ends[1].set_fingerprint(print(&server, FingerprintHash::Sha384));
    assert_eq!(pair.ends[0].poll_event(), Some(Event::Accepted));
    assert_eq!(pair.ends[1].poll_event(), Some(Event::Rejected));
    assert!(pair.ends[0].is_verified() && !pair.ends[1].is_verified());
}

#[test]
fn a_fingerprint_that_comes_during_the_handshake_counts() {
    let (client, server) = (context(), context());
    let mut pair = Pair::new(
        Association::new(&client, Role::Active, None),
        Association::new(&server, Role::Passive, None),
    );
    pair.ends[0].poll();
    pair.ends[0].set_fingerprint(print(&client, FingerprintHash::Sha256));
    pair.exchange(|_| {});
    assert_eq!(pair.events[0][0], Event::Rejected);
}

/// Carries on, timers included, until both are connected.
fn persist(pair: &mut Pair, mut network: impl FnMut(&mut Vec<Vec<u8>>)) {
    let end = Instant::now() + Duration::from_secs(60);
    while !pair.ends.iter().all(Association::is_connected) {
        assert!(Instant::now() < end, "{:?} {:?}", pair.ends, pair.events);
        pair.ends.iter_mut().for_each(Association::poll);
        pair.exchange(&mut network);
        // The library's timer runs by its own clock.
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_lost_is_repeated() {
    let (client, server) = (context(), context());
    let mut pair = Pair::between(&client, &server);
    let mut flights = 0;
    persist(&mut pair, |flight| {
        flights += usize::from(!flight.is_empty());
        // The first flight of each side is lost on the way.
        if !flight.is_empty() && (flights == 1 || flights == 3) {
            flight.clear();
        }
    });
    pair.is_connected();
    assert!(flights > 4, "{flights}");
}

#[test]
fn the_last_flight_is_repeated_when_the_peer_asks_again() {
    let (client, server) = (context(), context());
    let mut pair = Pair::between(&client, &server);
    pair.ends[0].poll();
    // ClientHello, ServerHello to Done, Certificate to Finished; the server's Finished is lost.
    for end in [0, 1, 0] {
        pair.drain(end).iter().for_each(|datagram| pair.ends[1 - end].handle_packet(datagram));
    }
    assert!(!pair.drain(1).is_empty() && pair.ends[1].is_connected() && !pair.ends[0].is_connected());
    persist(&mut pair, |_| {});
    pair.is_connected();
}

#[test]
fn order_does_not_matter_and_neither_do_repetitions() {
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..5 {
        let (client, server) = (context_of(KeyKind::Rsa(2048), 576), context_of(KeyKind::Rsa(2048), 576));
        let mut pair = Pair::between(&client, &server);
        persist(&mut pair, |flight| {
            if let Some(twice) = flight.first().filter(|_| random.random_bool(0.5)).cloned() {
                flight.push(twice);
            }
            flight.shuffle(&mut random);
        });
        pair.is_connected();
    }
}

#[test]
fn closing_is_told_and_the_keys_remain() {
    let (client, server) = (context(), context());
    let mut pair = Pair::between(&client, &server);
    pair.connect();
    pair.ends[0].close();
    let told = pair.drain(0);
    assert_eq!(told.len(), 1);
    pair.ends[1].handle_packet(&told[0]);
    assert_eq!(pair.ends[1].poll_event(), Some(Event::Closed));
    assert!(pair.ends.iter().all(Association::is_over));
    // Nothing more comes from either.
    pair.ends.iter_mut().for_each(Association::poll);
    pair.ends[1].handle_packet(&told[0]);
    pair.ends[0].close();
    assert!(pair.drain(0).is_empty() && pair.drain(1).is_empty());
}

#[test]
fn one_that_never_connected_leaves_silently() {
    let own = context();
    for role in [Role::Active, Role::Passive] {
        let mut association = Association::new(&own, role, None);
        association.close();
        association.poll();
        assert!(association.is_over() && association.poll_transmit().is_none());
    }
}

/// A foreign endpoint of one version, with or without `use_srtp`.
fn foreign(version: SslVersion, profiles: Option<&str>, own: &Certificate) -> SslContextBuilder {
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).expect("a context");
    builder.set_security_level(0);
    builder.set_min_proto_version(Some(version)).expect("a version");
    builder.set_max_proto_version(Some(version)).expect("a version");
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_certificate(own.x509()).expect("fits");
    builder.set_private_key(own.key()).expect("fits");
    if let Some(profiles) = profiles {
        builder.set_tlsext_use_srtp(profiles).expect("profiles");
    }
    builder
}

/// What our server says to a foreign client.
fn serve(version: SslVersion, profiles: Option<&str>) -> Vec<Event> {
    let (own, theirs) = (context(), context());
    let foreign = foreign(version, profiles, theirs.certificate()).build();
    let mut client = Ssl::new(&foreign).expect("made");
    client.set_connect_state();
    let mut client = openssl::ssl::SslStream::new(client, pipe::Pipe::default()).expect("made");
    let mut server = Association::new(&own, Role::Passive, None);
    for _ in 0..10 {
        // It waits for more, or is through.
        let _ = client.do_handshake();
        while let Some(datagram) = client.get_mut().take() {
            server.handle_packet(&datagram);
        }
        while let Some(datagram) = server.poll_transmit() {
            client.get_mut().put(&datagram);
            let _ = client.do_handshake();
        }
    }
    std::iter::from_fn(|| server.poll_event()).collect()
}

#[test]
fn both_versions_are_spoken() {
    for version in [SslVersion::DTLS1, SslVersion::DTLS1_2] {
        let events = serve(version, Some("SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80"));
        let [Event::Connected(keys)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(keys.incoming.suite, Suite::AesCm128HmacSha1_80, "our order counts");
    }
}

#[test]
fn without_a_profile_there_are_no_keys() {
    let events = serve(SslVersion::DTLS1_2, None);
    assert_eq!(events, [Event::NoKeys(NoKeys::NoProfile)]);
    let Event::NoKeys(error) = &events[0] else { unreachable!() };
    assert_eq!(error.to_string(), "no SRTP protection profile negotiated");
}

#[test]
fn a_peer_without_certificate_is_refused() {
    let own = context();
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).expect("a context");
    builder.set_verify(SslVerifyMode::NONE);
    let mut client = Ssl::new(&builder.build()).expect("made");
    client.set_connect_state();
    let mut client = openssl::ssl::SslStream::new(client, pipe::Pipe::default()).expect("made");
    let mut server = Association::new(&own, Role::Passive, None);
    for _ in 0..10 {
        let _ = client.do_handshake();
        while let Some(datagram) = client.get_mut().take() {
            server.handle_packet(&datagram);
        }
        while let Some(datagram) = server.poll_transmit() {
            client.get_mut().put(&datagram);
            let _ = client.do_handshake();
        }
    }
    assert!(matches!(server.poll_event(), Some(Event::Failed(_))));
    assert!(server.is_over());
}

#[test]
fn rubbish_does_not_disturb_a_connection() {
    let (client, server) = (context(), context());
    let mut pair = Pair::between(&client, &server);
    pair.connect();
    let mut random = StdRng::seed_from_u64(3);
    for length in 0..400 {
        let mut rubbish = vec![0; length];
        random.fill(&mut rubbish[..]);
        if let Some(first) = rubbish.first_mut() {
            *first = 20 + *first % 44;
        }
        pair.ends.iter_mut().for_each(|end| end.handle_packet(&rubbish));
    }
    assert!(pair.ends.iter().all(Association::is_connected));
    pair.ends[1].close();
    let told = pair.drain(1);
    pair.ends[0].handle_packet(&told[0]);
    assert!(pair.ends[0].is_over(), "still listening");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_from_outside_makes_it_panic_or_lie(
        packets in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..400, any::<u8>(), any::<bool>()), 1..40),
        seed: u64,
    ) {
        thread_local! {
            static CONTEXTS: (Context, Context) = (context(), context());
        }
        CONTEXTS.with(|(client, server)| {
            let mut random = StdRng::seed_from_u64(seed);
            let mut pair = Pair::between(client, server);
            pair.ends[0].poll();
            for (which, position, value, corrupt) in packets {
                for end in 0..2 {
                    let mut flight = pair.drain(end);
                    if !flight.is_empty() && corrupt {
                        let at = which.index(flight.len());
                        let len = flight[at].len();
                        flight[at][position % len] = value;
                    }
                    if random.random_bool(0.1) {
                        flight.push(vec![value; position]);
                    }
                    flight.iter().for_each(|datagram| pair.ends[1 - end].handle_packet(datagram));
                }
            }
            // Keys there are only when both agree.
            if let (Some(client), Some(server)) = (pair.keys(0), pair.keys(1)) {
                assert_eq!(client.incoming, server.outgoing);
                assert_eq!(client.outgoing, server.incoming);
            }
        });
    }

    #[test]
    fn steps_of_any_kind_stay_within_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        exercise(&bytes);
    }
}
