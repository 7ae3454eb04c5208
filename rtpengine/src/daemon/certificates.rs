//! The DTLS certificate over the life of the process (media-plane.md §10.1): made at start, renewed before it runs out.

use crate::dtls::{Certificate, CertificateOptions, Context, ContextOptions, KeyKind, SignatureHash};
use crate::flow::Level;
use crate::options::Settings;
use crate::options::words::{DtlsCertCipher, DtlsSignature};
use crate::report::log;
use crate::shard::shared::Shared;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often it is asked whether a new one is needed.
const CHECK_PERIOD: Duration = Duration::from_secs(30 * 24 * 60 * 60 / 7);

fn options(settings: &Settings) -> CertificateOptions {
    CertificateOptions {
        key: match settings.dtls.cert_cipher {
            DtlsCertCipher::Prime256v1 => KeyKind::Prime256v1,
            DtlsCertCipher::Rsa => KeyKind::Rsa(settings.dtls.rsa_bits),
        },
        signature: match settings.dtls.signature {
            DtlsSignature::Sha256 => SignatureHash::Sha256,
            DtlsSignature::Sha1 => SignatureHash::Sha1,
        },
        common_name: settings.general.software_id.clone(),
    }
}

fn unix_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// How certificates are made, and handshakes with them done.
struct Options {
    certificate: CertificateOptions,
    handshake: ContextOptions,
}

impl Options {
    fn new(settings: &Settings) -> Self {
        let mtu = u32::try_from(settings.dtls.mtu).unwrap_or(u32::MAX);
        Self {
            certificate: options(settings),
            handshake: ContextOptions { ciphers: settings.dtls.ciphers.clone(), mtu },
        }
    }

    fn generate(&self) -> io::Result<Arc<Context>> {
        log::core(Level::Info, "Generating new DTLS certificate");
        let certificate = Certificate::generate(&self.certificate, unix_s())
            .map_err(|error| io::Error::other(format!("Failed to generate a DTLS certificate: {error}")))?;
        let context = Context::new(certificate, &self.handshake);
        context.map(Arc::new).map_err(|error| io::Error::other(format!("Failed to prepare DTLS: {error}")))
    }
}

/// The first certificate.
pub(super) fn first(settings: &Settings) -> io::Result<Arc<Context>> {
    Options::new(settings).generate()
}

/// Looks after the certificate in force.
pub(super) struct Renewal {
    shared: Arc<Shared>,
    options: Options,
    next: Instant,
}

impl Renewal {
    pub(super) fn new(shared: Arc<Shared>, settings: &Settings, now: Instant) -> Self {
        Self { shared, options: Options::new(settings), next: now + CHECK_PERIOD }
    }

    /// Puts a new certificate in force, for calls to come, if a check is due and the present one is half through.
    pub(super) fn check(&mut self, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + CHECK_PERIOD;
        let present = self.shared.settings();
        if present.dtls.as_ref().is_some_and(|dtls| !dtls.certificate().is_due(unix_s())) {
            return;
        }
        match self.options.generate() {
            Ok(dtls) => self.shared.change_settings(|settings| settings.dtls = Some(dtls)),
            Err(error) => log::core(Level::Error, &error.to_string()),
        }
    }
}
