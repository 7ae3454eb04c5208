//! DTLS-SRTP (RFC 5764; media-plane.md §10). No I/O, no clock, no logging: datagrams and the time go in, datagrams and events
//! come out.

mod certificate;

pub use certificate::{Certificate, CertificateOptions, KeyKind, SignatureHash};
