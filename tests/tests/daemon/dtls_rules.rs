//! DTLS associations over their life (`media-plane.md` 9.5, 10.3 to 10.6): when they begin, end and are made anew.

use std::time::Duration;

use rtpengine_tests::checks::Checks;
use rtpengine_tests::dtls::{Association, Begins, Identity, client_hello};
use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;
use rtpengine_tests::secure::{HANDSHAKE, encrypted, plan, shake, talk};

const FIRST_ID: &str = "tls-id:0123456789abcdef0123456789abcdef";

/// A phone with plain RTP, and one with this media.
fn phones(call: &Call<'_>, plan: MediaPlan) -> (Phone, Phone) {
    (call.phone(0, "alice").build(), call.phone(1, "bob").media(plan).build())
}

fn connect(call: &Call<'_>, alice: &mut Phone, bob: &mut Phone) {
    call.offer_with(alice, bob, &encrypted());
    call.answer(bob, alice);
}

/// Another exchange, with the answer changed on its way.
fn again(daemon: &Daemon, call: &Call<'_>, alice: &mut Phone, bob: &mut Phone, change: (&str, &str)) {
    call.offer_with(alice, bob, &encrypted());
    let sdp = bob.answer_sdp();
    assert!(sdp.contains(change.0), "{sdp}");
    let answer =
        call.answer_request(bob, alice, &Request::empty()).set("sdp", sdp.replace(change.0, change.1));
    alice.takes(daemon.request(&answer).ok().sdp());
}

fn id(phone: &Phone) -> String {
    phone.remote().value("tls-id").expect("a tls-id").to_string()
}

#[test]
fn rule_10_6_2_another_or_no_tls_id_restarts() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active").attribute(FIRST_ID));
    connect(&call, &mut alice, &mut bob);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    let mut before = id(&bob);
    let other = FIRST_ID.replace("0123", "3210");
    for change in [(FIRST_ID, other.as_str()), (FIRST_ID, "unknown:1")] {
        again(&daemon, &call, &mut alice, &mut bob, change);
        assert!(keys.is_closed_within(HANDSHAKE), "the old one is closed");
        daemon.logs("TLS-ID changed, restarting DTLS");
        keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
        talk(&mut alice, &mut bob, &mut keys);
        // What the next offer shows is that of the association in force.
        call.offer_with(&mut alice, &mut bob, &encrypted());
        assert_ne!(id(&bob), before);
        before = id(&bob);
    }
}

#[test]
fn rules_10_6_2_and_3_without_change_nothing_is_sent_and_a_changed_role_restarts_with_the_same_identity() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
    connect(&call, &mut alice, &mut bob);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
    let before = id(&bob);
    connect(&call, &mut alice, &mut bob);
    assert!(receive(bob.media[0].rtp_socket(), Duration::from_millis(1500)).is_none());
    assert_eq!(id(&bob), before);
    // Now we are to begin.
    again(&daemon, &call, &mut alice, &mut bob, ("setup:active", "setup:passive"));
    assert!(keys.is_closed_within(HANDSHAKE), "the old one is closed");
    let mut keys = shake(&bob, &identity, Begins::Other).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
    call.offer_with(&mut alice, &mut bob, &encrypted());
    assert_eq!(id(&bob), before);
}

#[test]
fn rule_10_6_2_an_ice_restart_restarts_where_nobody_has_a_tls_id() {
    for hidden in [false, true] {
        let daemon = Daemon::start();
        let call = Call::new(&daemon);
        let identity = Identity::new();
        let (mut alice, mut bob) = phones(&call, plan(&identity, "active").mux());
        let mut checks = Checks::new("bob");
        let socket = bob.media[0].rtp_socket().try_clone().unwrap();
        for line in checks.attributes(&[socket.local_addr().unwrap()]) {
            bob.media[0].add_attribute(&line);
        }
        let options = Request::empty().set("ICE", "force").set("rtcp-mux", list(["offer"]));
        call.offer_with(&mut alice, &mut bob, &options.clone().with(&encrypted()));
        call.answer_with(&mut bob, &mut alice, &options);
        checks.takes(bob.remote());
        checks.connect(&[(&socket, bob.remote().rtp())], false, HANDSHAKE).unwrap();
        let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
        daemon.logs("ICE negotiated: new peer for component 1 is");
        let options = if hidden { options.flag("no-tls-id") } else { options };
        // The other side's offer brings the new credentials.
        let sdp = bob.offer_sdp().replace("bobfrag", "nextfrag");
        let request =
            call.offer_request(&mut bob, &alice, &options.clone().set("transport-protocol", "RTP/AVP"));
        alice.takes(daemon.request(&request.set("sdp", sdp)).ok().sdp());
        let answer = call.answer_request(&mut alice, &bob, &options);
        bob.takes(daemon.request(&answer).ok().sdp());
        if hidden {
            daemon.logs(
                "ICE restart without TLS-ID detected, but no-tls-id flag is active - skipping DTLS restart",
            );
            assert!(!daemon.log().contains("ICE restart without TLS-ID, restarting DTLS"));
            assert!(!keys.is_closed_within(Duration::from_millis(500)));
        } else {
            daemon.logs("ICE restart without TLS-ID, restarting DTLS");
            assert!(keys.is_closed_within(HANDSHAKE), "the old one is closed");
        }
    }
}

#[test]
fn rule_10_6_4_new_ports_make_a_new_association_and_nothing_goes_to_the_old_ones() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
    connect(&call, &mut alice, &mut bob);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    let (before, port) = (id(&bob), bob.remote().rtp());
    let mut carol = call.phone(2, "bob").media(plan(&identity, "active")).build();
    for (options, kept) in [(Request::empty().flag("port-latching"), true), (Request::empty(), false)] {
        // Bob offers from elsewhere: the ports Alice sees change unless they are latched.
        let old = alice.remote().rtp();
        let offer = carol.offer_sdp().replace("setup:active", "setup:actpass");
        let request =
            call.offer_request(&mut carol, &alice, &options.clone().set("transport-protocol", "RTP/AVP"));
        alice.takes(daemon.request(&request.set("sdp", offer)).ok().sdp());
        assert_eq!(alice.remote().rtp() == old, kept);
        let answer = call.answer_request(&mut alice, &carol, &options);
        carol.takes(daemon.request(&answer).ok().sdp());
        if kept {
            assert_eq!((id(&carol), carol.remote().rtp()), (before.clone(), port), "latched");
        }
    }
    assert!(!keys.is_closed_within(Duration::from_millis(500)), "nothing is sent to the old place");
}

#[test]
fn rule_10_5_7_a_peer_that_closes_leaves_its_keys_in_use() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
    connect(&call, &mut alice, &mut bob);
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
    keys.close();
    daemon.logs("DTLS peer has closed the connection");
    bob.drains();
    talk(&mut alice, &mut bob, &mut keys);
}

#[test]
fn rule_10_5_1_without_a_profile_there_are_no_keys() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
    connect(&call, &mut alice, &mut bob);
    let remote = bob.remote().rtp();
    assert!(Association::without_profile(&identity, bob.media[0].rtp_socket(), remote, HANDSHAKE));
    daemon.logs("Failed to set up SRTP after DTLS negotiation: no SRTP protection profile negotiated");
    alice.sends();
    bob.hears_nothing();
    daemon.logs("SRTP output wanted, but no crypto suite was negotiated");
}

#[test]
fn rule_10_5_6_packets_beside_a_handshake_are_dropped() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
    connect(&call, &mut alice, &mut bob);
    bob.media[0].rtp_socket().send_to(&client_hello(), bob.remote().rtp()).unwrap();
    assert!(receive(bob.media[0].rtp_socket(), SOON).is_some());
    alice.sends();
    bob.sends();
    alice.hears_nothing();
    bob.hears_nothing();
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    talk(&mut alice, &mut bob, &mut keys);
}

#[test]
fn rule_10_5_2_nothing_is_sent_to_no_place() {
    let daemon = Daemon::start();
    let identity = Identity::new();
    for (address, port) in [("0.0.0.0", None), ("127.0.0.1", Some(9))] {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = phones(&call, plan(&identity, "passive"));
        call.offer_with(&mut alice, &mut bob, &encrypted());
        let own = bob.media[0].rtp_address();
        let sdp = bob.answer_sdp().replace(&format!("c=IN IP4 {}", own.ip()), &format!("c=IN IP4 {address}"));
        let sdp = match port {
            Some(port) => sdp.replace(&format!("m=audio {}", own.port()), &format!("m=audio {port}")),
            None => sdp,
        };
        let answer = call.answer_request(&mut bob, &alice, &Request::empty()).set("sdp", sdp);
        alice.takes(daemon.request(&answer).ok().sdp());
        bob.hears_nothing();
        let out = ["tags", "bob", "medias", "0", "streams", "0", "stats_out", "packets"];
        // Longer than the call's timer takes.
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(call.query().int(&out), 0, "{address}");
    }
}

#[test]
fn rule_10_3_2_a_certificate_is_looked_at_when_its_fingerprint_comes() {
    let daemon = Daemon::start();
    for right in [true, false] {
        let call = Call::new(&daemon);
        let (identity, other) = (Identity::new(), Identity::new());
        let (mut alice, mut bob) = phones(&call, plan(if right { &identity } else { &other }, "active"));
        call.offer_with(&mut alice, &mut bob, &encrypted());
        // Before the answer nobody knows which certificate is the right one.
        let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
        let rejected = "DTLS: Peer certificate rejected - fingerprint mismatch";
        let texts = if right {
            vec!["DTLS: Peer certificate accepted"]
        } else {
            vec![rejected, "Error setting stream flags"]
        };
        assert!(texts.iter().all(|text| !daemon.log().contains(text)));
        // The command itself succeeds.
        call.answer(&mut bob, &mut alice);
        texts.iter().for_each(|text| daemon.logs(text));
        if right {
            talk(&mut alice, &mut bob, &mut keys);
        }
    }
}

#[test]
fn rule_9_5_4_dtls_ends_sdes() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let identity = Identity::new();
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
    call.offer_with(&mut alice, &mut bob, &encrypted().set("DTLS", list(["passive"])));
    assert!(bob.remote().has("crypto") && bob.remote().has("fingerprint"), "the client decides");
    // It does so with its first packet.
    let mut keys = shake(&bob, &identity, Begins::Phone).expect("a handshake");
    call.answer(&mut bob, &mut alice);
    talk(&mut alice, &mut bob, &mut keys);
    call.offer_with(&mut alice, &mut bob, &encrypted());
    talk(&mut alice, &mut bob, &mut keys);
}

#[test]
fn rule_10_4_4_roles_are_asked_for_in_the_offer() {
    let daemon = Daemon::start();
    let identity = Identity::new();
    for role in ["passive", "active"] {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
        call.offer_with(&mut alice, &mut bob, &encrypted());
        call.answer_with(&mut bob, &mut alice, &Request::empty().set("DTLS", role));
        daemon.logs(&format!("Ignoring DTLS={role} flag in answer as it is too late"));
    }
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
    call.offer_with(&mut alice, &mut bob, &encrypted().set("DTLS", "sometimes"));
    daemon.logs("Unknown 'DTLS' flag encountered: 'sometimes'");
}

#[test]
fn rule_10_4_1_the_option_prefers_the_passive_role_and_active_undoes_it() {
    let daemon = Daemon::builder().arg("--dtls-passive").start();
    let identity = Identity::new();
    for (options, setup) in
        [(Request::empty(), "passive"), (Request::empty().set("DTLS", "active"), "active")]
    {
        let call = Call::new(&daemon);
        let mut alice = call.phone(0, "alice").media(plan(&identity, "actpass")).build();
        let mut bob = call.phone(1, "bob").build();
        call.offer_with(&mut alice, &mut bob, &options.set("transport-protocol", "RTP/AVP"));
        call.answer(&mut bob, &mut alice);
        assert_eq!(alice.remote().value("setup"), Some(setup));
    }
}

#[test]
fn rule_9_5_6_keys_are_logged_on_request() {
    let key = "--- AES_CM_128_HMAC_SHA1_80 key ";
    for (arguments, shown) in
        [(vec![], false), (vec!["--log-srtp-keys"], true), (vec!["--log-level=7"], true)]
    {
        let daemon = Daemon::builder().args(arguments).start();
        let call = Call::new(&daemon);
        let identity = Identity::new();
        let (mut alice, mut bob) = phones(&call, plan(&identity, "active"));
        connect(&call, &mut alice, &mut bob);
        shake(&bob, &identity, Begins::Phone).expect("a handshake");
        daemon.logs("DTLS-SRTP successfully negotiated using AES_CM_128_HMAC_SHA1_80");
        let log = daemon.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(key)).collect();
        assert_eq!(lines.len(), if shown { 2 } else { 0 }, "{lines:?}");
        assert!(lines.iter().all(|line| line.contains(" salt ")), "{lines:?}");
    }
}

#[test]
fn section_10_2_bad_options_end_the_start() {
    for (argument, text) in [
        ("--dtls-mtu=575", "Invalid --dtls-mtu (575)"),
        ("--dtls-rsa-key-size=-1", "Invalid --dtls-rsa-key-size (-1)"),
        ("--dtls-signature=MD5", "Invalid --dtls-signature option ('MD5')"),
        ("--dtls-cert-cipher=secp384r1", "Invalid --dtls-cert-cipher option ('secp384r1')"),
        ("--jitter-buffer=-1", "Invalid negative jitter buffer size"),
    ] {
        let (status, log) = Daemon::builder().arg(argument).spawn().ends();
        assert!(!status.success() && log.contains(text), "{argument}: {log}");
    }
}
