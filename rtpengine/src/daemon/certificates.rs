//! The DTLS certificate over the life of the process (media-plane.md §10.1): made at start, renewed before it runs out.

use crate::dtls::{Certificate, CertificateOptions, KeyKind, SignatureHash};
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

fn generate(options: &CertificateOptions) -> io::Result<Arc<Certificate>> {
    log::core(Level::Info, "Generating new DTLS certificate");
    let certificate = Certificate::generate(options, unix_s());
    certificate
        .map(Arc::new)
        .map_err(|error| io::Error::other(format!("Failed to generate a DTLS certificate: {error}")))
}

/// The first certificate.
pub(super) fn first(settings: &Settings) -> io::Result<Arc<Certificate>> {
    generate(&options(settings))
}

/// Looks after the certificate in force.
pub(super) struct Renewal {
    shared: Arc<Shared>,
    options: CertificateOptions,
    next: Instant,
}

impl Renewal {
    pub(super) fn new(shared: Arc<Shared>, settings: &Settings, now: Instant) -> Self {
        Self { shared, options: options(settings), next: now + CHECK_PERIOD }
    }

    /// Puts a new certificate in force, for calls to come, if a check is due and the present one is half through.
    pub(super) fn check(&mut self, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + CHECK_PERIOD;
        let present = self.shared.settings();
        if present.certificate.as_ref().is_some_and(|certificate| !certificate.is_due(unix_s())) {
            return;
        }
        match generate(&self.options) {
            Ok(certificate) => {
                self.shared.change_settings(|settings| settings.certificate = Some(certificate));
            }
            Err(error) => log::core(Level::Error, &error.to_string()),
        }
    }
}
