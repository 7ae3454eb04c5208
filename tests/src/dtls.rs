//! DTLS-SRTP for phones (RFC 5764), by the library and nothing of the daemon's.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{ErrorCode, Ssl, SslContextBuilder, SslMethod, SslOptions, SslStream, SslVerifyMode};
use openssl::x509::{X509, X509Extension, X509Name};

use crate::srtp::{MASTER, Srtp};

/// The suite phones negotiate.
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";
const PROFILE: &str = "SRTP_AES128_CM_SHA1_80";

/// Bytes of a datagram at most.
const MTU: u32 = 1200;

/// Bytes of a master key; the salt follows.
const KEY: usize = 16;

/// A certificate with its key.
pub struct Identity {
    x509: X509,
    key: PKey<Private>,
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// A new one.
    ///
    /// # Panics
    /// When the library fails.
    #[must_use]
    pub fn new() -> Self {
        Self::with_filler(0)
    }

    /// One whose certificate carries so many bytes nobody needs.
    ///
    /// # Panics
    /// When the library fails.
    #[must_use]
    pub fn with_filler(bytes: usize) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_nid(Nid::COMMONNAME, "phone").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        if bytes > 0 {
            builder.set_version(2).unwrap();
            let kind = Asn1Object::from_str("1.3.6.1.4.1.55555.1").unwrap();
            let filler = Asn1OctetString::new_from_bytes(&vec![7; bytes]).unwrap();
            builder.append_extension(X509Extension::new_from_der(&kind, false, &filler).unwrap()).unwrap();
        }
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { x509: builder.build(), key }
    }

    /// The value of `a=fingerprint`.
    ///
    /// # Panics
    /// When the library fails.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.x509)
    }
}

fn fingerprint(x509: &X509) -> String {
    let digest = x509.digest(MessageDigest::sha256()).unwrap();
    let pairs: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("sha-256 {}", pairs.join(":"))
}

/// What a client says first.
///
/// # Panics
/// When the library fails.
#[must_use]
pub fn client_hello() -> Vec<u8> {
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).unwrap();
    builder.set_tlsext_use_srtp(PROFILE).unwrap();
    let mut ssl = Ssl::new(&builder.build()).unwrap();
    ssl.set_connect_state();
    let mut stream = SslStream::new(ssl, Cut(Vec::new())).unwrap();
    // It waits for a reply in vain.
    let _ = stream.do_handshake();
    std::mem::take(&mut stream.get_mut().0)
}

/// A line nothing comes from; it keeps what is sent.
#[derive(Debug)]
struct Cut(Vec<u8>);

impl Read for Cut {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket as the library sees it: only DTLS, from and to one place.
#[derive(Debug)]
struct Line {
    socket: UdpSocket,
    remote: SocketAddr,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let (length, from) = self.socket.recv_from(buffer)?;
            if from == self.remote && (20..64).contains(&buffer[0]) {
                return Ok(length);
            }
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send_to(bytes, self.remote)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Who begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// The phone.
    Phone,
    /// The other side.
    Other,
}

/// An association that is through its handshake.
#[derive(Debug)]
pub struct Association {
    stream: SslStream<Line>,
    /// The other side's fingerprint, as `a=fingerprint` would say it.
    pub fingerprint: String,
    /// What protects packets of the phone.
    pub outbound: Srtp,
    /// What protects packets for the phone.
    pub inbound: Srtp,
}

impl Association {
    /// Shakes hands over a socket. `None`: it did not work out within the time.
    ///
    /// # Panics
    /// When the library fails otherwise than by a failed handshake.
    #[must_use]
    pub fn shake(
        identity: &Identity,
        socket: &UdpSocket,
        remote: SocketAddr,
        begins: Begins,
        limit: Duration,
    ) -> Option<Self> {
        let mut builder = SslContextBuilder::new(SslMethod::dtls()).unwrap();
        builder.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
        builder.set_certificate(&identity.x509).unwrap();
        builder.set_private_key(&identity.key).unwrap();
        builder.set_tlsext_use_srtp(PROFILE).unwrap();
        builder.set_options(SslOptions::NO_QUERY_MTU);
        let mut ssl = Ssl::new(&builder.build()).unwrap();
        ssl.set_mtu(MTU).unwrap();
        match begins {
            Begins::Phone => ssl.set_connect_state(),
            Begins::Other => ssl.set_accept_state(),
        }
        let socket = socket.try_clone().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut stream = SslStream::new(ssl, Line { socket, remote }).unwrap();
        let end = Instant::now() + limit;
        while let Err(error) = stream.do_handshake() {
            let waits = matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE);
            if !waits || Instant::now() > end {
                return None;
            }
        }
        let mut exported = [0; 2 * MASTER];
        stream.ssl().export_keying_material(&mut exported, "EXTRACTOR-dtls_srtp", None).unwrap();
        let (keys, salts) = exported.split_at(2 * KEY);
        let master = |side: usize| {
            let salt = MASTER - KEY;
            let key = &keys[side * KEY..(side + 1) * KEY];
            let master = [key, &salts[side * salt..(side + 1) * salt]].concat();
            Srtp::new(SUITE, master.as_slice().try_into().unwrap()).unwrap()
        };
        let (own, other) = if begins == Begins::Phone { (0, 1) } else { (1, 0) };
        let fingerprint = fingerprint(&stream.ssl().peer_certificate()?);
        Some(Self { stream, fingerprint, outbound: master(own), inbound: master(other) })
    }

    /// Shakes hands as a client that wants no SRTP; whether it worked out.
    ///
    /// # Panics
    /// When the library fails.
    #[must_use]
    pub fn without_profile(
        identity: &Identity,
        socket: &UdpSocket,
        remote: SocketAddr,
        limit: Duration,
    ) -> bool {
        let mut builder = SslContextBuilder::new(SslMethod::dtls()).unwrap();
        builder.set_verify(SslVerifyMode::NONE);
        builder.set_certificate(&identity.x509).unwrap();
        builder.set_private_key(&identity.key).unwrap();
        let mut ssl = Ssl::new(&builder.build()).unwrap();
        ssl.set_connect_state();
        let socket = socket.try_clone().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut stream = SslStream::new(ssl, Line { socket, remote }).unwrap();
        let end = Instant::now() + limit;
        while stream.do_handshake().is_err() {
            if Instant::now() > end {
                return false;
            }
        }
        true
    }

    /// Closes.
    pub fn close(&mut self) {
        // Whether the other side answers does not matter.
        let _ = self.stream.shutdown();
    }

    /// Waits for the other side to close.
    #[must_use]
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut data = [0; 64];
        while Instant::now() < end {
            match self.stream.ssl_read(&mut data) {
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => return true,
                _ => {}
            }
        }
        false
    }
}
