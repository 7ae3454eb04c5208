//! DTLS-SRTP: what SDP says about it (`sdp.md` 13, `media-plane.md` 10.1).

use rtpengine_tests::prelude::*;
use rtpengine_tests::secure::encrypted;

#[test]
fn an_offer_shows_role_fingerprint_and_identity() {
    let daemon = Daemon::start();
    daemon.logs("Generating new DTLS certificate");
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    let section = bob.remote();
    assert_eq!(section.protocol(), "UDP/TLS/RTP/SAVPF");
    assert_eq!(section.value("setup"), Some("actpass"));
    let fingerprint = section.value("fingerprint").unwrap().strip_prefix("sha-256 ").unwrap();
    assert_eq!(fingerprint.split(':').count(), 32);
    assert!(fingerprint.split(':').all(|pair| {
        pair.len() == 2 && pair.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c))
    }));
    let identity = section.value("tls-id").unwrap();
    assert!(
        identity.len() == 32 && identity.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
    );
}

#[test]
fn the_certificate_is_that_of_the_process_and_its_hash_that_of_the_request() {
    let daemon = Daemon::start();
    let fingerprint = |hash: &str| {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = call.phones();
        let options = encrypted().set("DTLS-fingerprint", hash);
        call.offer_with(&mut alice, &mut bob, &options);
        bob.remote().value("fingerprint").unwrap().to_string()
    };
    let first = fingerprint("sha-1");
    assert_eq!(first.split(' ').next(), Some("sha-1"));
    assert_eq!(fingerprint("sha-1"), first);
    assert_eq!(fingerprint("sha-512").len(), "sha-512 ".len() + 64 * 3 - 1);
}

#[test]
fn an_rsa_key_on_request() {
    let arguments = ["--dtls-cert-cipher=RSA", "--dtls-signature=SHA-1"];
    let daemon = Daemon::builder().args(arguments).start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &encrypted());
    assert!(bob.remote().value("fingerprint").is_some());
    assert!(!daemon.log().contains("not effective"), "{}", daemon.log());
}

#[test]
fn a_key_that_cannot_be_made_ends_the_start() {
    let arguments = ["--dtls-cert-cipher=RSA", "--dtls-rsa-key-size=1"];
    let (status, log) = Daemon::builder().args(arguments).spawn().ends();
    assert!(!status.success());
    assert!(log.contains("Failed to generate a DTLS certificate"), "{log}");
}
