//! What all associations under one certificate have in common (media-plane.md §10.2).

use std::net::IpAddr;

use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use openssl::ssl::{
    SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use rtpengine_common::srtp::Suite;

use super::certificate::Certificate;
use super::cookie::{Cookies, Greeting};

/// Bytes of an MTU that IP and UDP take.
const LOWER_LAYERS: u32 = 48;

/// Certificates of a peer's chain, its own not counted.
const CHAIN_DEPTH: u32 = 4;

/// DTLS 1.0 needs it: its signatures are of SHA-1. What may be negotiated says the list of ciphers; whom we talk to says the
/// signalled fingerprint.
const SECURITY_LEVEL: u32 = 0;

/// Options of handshakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextOptions {
    /// `--dtls-ciphers`, in the notation of OpenSSL.
    pub ciphers: String,
    /// `--dtls-mtu`: largest packet in bytes, IP and UDP included.
    pub mtu: u32,
}

/// Certificate and parameters of associations.
pub struct Context {
    certificate: Certificate,
    pub(super) ssl: SslContext,
    /// The same for a server whose client has shown its cookie: it counts messages as one that asked for it.
    pub(super) ssl_after_cookie: SslContext,
    pub(super) mtu: u32,
    cookies: Cookies,
}

impl Context {
    /// Prepares for handshakes with a certificate.
    ///
    /// # Errors
    /// When the library does not know the ciphers.
    pub fn new(certificate: Certificate, options: &ContextOptions) -> Result<Self, ErrorStack> {
        let ssl = library_context(&certificate, options)?.build();
        let mut asking = library_context(&certificate, options)?;
        asking.set_options(SslOptions::COOKIE_EXCHANGE);
        // Who comes so far has shown a cookie of ours; what the library makes goes nowhere.
        asking.set_cookie_generate_cb(|_, cookie| {
            cookie.fill(0);
            Ok(1)
        });
        asking.set_cookie_verify_cb(|_, _| true);
        let mut secret = [0; 32];
        rand_bytes(&mut secret)?;
        let cookies = Cookies::new(&secret);
        let mtu = options.mtu.saturating_sub(LOWER_LAYERS);
        Ok(Self { certificate, ssl, ssl_after_cookie: asking.build(), mtu, cookies })
    }

    /// What is to be done with the first datagram of a client whose address nothing vouches for. `now` is the time in seconds.
    #[must_use]
    pub fn greet(&self, source: IpAddr, now: u64, datagram: &[u8]) -> Greeting {
        self.cookies.greet(source, now, datagram)
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

fn library_context(
    certificate: &Certificate,
    options: &ContextOptions,
) -> Result<SslContextBuilder, ErrorStack> {
    let mut builder = SslContextBuilder::new(SslMethod::dtls())?;
    builder.set_security_level(SECURITY_LEVEL);
    builder.set_min_proto_version(Some(SslVersion::DTLS1))?;
    builder.set_max_proto_version(Some(SslVersion::DTLS1_2))?;
    builder.set_cipher_list(&options.ciphers)?;
    builder.set_tlsext_use_srtp(&Suite::dtls_profiles())?;
    builder.set_options(SslOptions::NO_QUERY_MTU | SslOptions::NO_TICKET);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    // Whether the certificate is the right one is for each association to say; here it is only demanded.
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    builder.set_verify_depth(CHAIN_DEPTH);
    builder.set_certificate(certificate.x509())?;
    builder.set_private_key(certificate.key())?;
    Ok(builder)
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
