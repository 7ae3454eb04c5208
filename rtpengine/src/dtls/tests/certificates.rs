//! Certificates of peers, however large.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::SslStream;
use openssl::x509::{X509, X509Extension, X509Name};

use super::super::certificate::fingerprint_of;
use super::*;

/// A certificate with an extension of so many bytes.
fn certificate(bytes: usize) -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "large").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let kind = Asn1Object::from_str("1.3.6.1.4.1.55555.1").unwrap();
    let filler = Asn1OctetString::new_from_bytes(&vec![7; bytes]).unwrap();
    builder.append_extension(X509Extension::new_from_der(&kind, false, &filler).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// A line that keeps whatever is written.
#[derive(Default)]
struct Line {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.incoming.pop_front() else { return Err(io::ErrorKind::WouldBlock.into()) };
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Ok(datagram.len())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.push_back(bytes.to_vec());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client with such a certificate calls; what our server says, and how many datagrams it received.
fn call(bytes: usize, right: bool) -> (Vec<Event>, Association, usize) {
    let (x509, key) = certificate(bytes);
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_certificate(&x509).unwrap();
    builder.set_private_key(&key).unwrap();
    builder.set_tlsext_use_srtp("SRTP_AES128_CM_SHA1_80").unwrap();
    builder.set_options(openssl::ssl::SslOptions::NO_QUERY_MTU);
    let mut client = Ssl::new(&builder.build()).unwrap();
    client.set_mtu(1200).unwrap();
    client.set_connect_state();
    let mut client = SslStream::new(client, Line::default()).unwrap();
    let own = context();
    let seen = if right { x509 } else { certificate(10).0 };
    let print = fingerprint_of(&seen, FingerprintHash::Sha256).unwrap();
    let mut server = Association::new(&own, Role::Passive, Some(print));
    let mut received = 0;
    for _ in 0..10 {
        // It waits for more, or is through.
        let _ = client.do_handshake();
        while let Some(datagram) = client.get_mut().outgoing.pop_front() {
            received += 1;
            server.handle_packet(&datagram);
        }
        client.get_mut().incoming.extend(std::iter::from_fn(|| server.poll_transmit()));
    }
    (std::iter::from_fn(|| server.poll_event()).collect(), server, received)
}

#[test]
fn a_certificate_of_64_kib_arrives_in_pieces() {
    let (events, server, received) = call(64 * 1024, true);
    assert!(received > 50, "{received} datagrams");
    assert!(matches!(events.as_slice(), [Event::Accepted, Event::Connected(_)]), "{events:?}");
    assert!(server.is_connected());
}

#[test]
fn one_of_64_kib_with_another_fingerprint_is_refused() {
    let (events, server, _) = call(64 * 1024, false);
    assert!(matches!(events.as_slice(), [Event::Rejected, Event::Failed(_)]), "{events:?}");
    assert!(server.is_over());
}

/// The library's own limit: 100 KiB of certificates. Nothing beyond is kept.
#[test]
fn larger_ones_end_the_handshake() {
    let (events, server, _) = call(200 * 1024, true);
    assert!(matches!(events.as_slice(), [Event::Failed(_)]), "{events:?}");
    assert!(server.is_over());
}
