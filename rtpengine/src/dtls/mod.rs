//! DTLS-SRTP (RFC 5764; media-plane.md §10). No I/O and no logging: datagrams go in, datagrams and events come out.
//!
//! [`Certificate`] is what the daemon shows, [`Context`] what all associations under it share, [`Association`] one handshake with
//! one peer; a client whose address nothing vouches for shows a cookie first ([`Context::greet`]). The protocol is OpenSSL's, over memory instead of a socket. Two things it does not let us inject: its randomness, and
//! the clock of its retransmission timer, which [`Association::poll`] consults.

mod association;
mod certificate;
mod context;
mod cookie;
mod exercise;
mod pipe;
mod reach;

#[cfg(test)]
mod tests;

pub use association::{Association, Event, Keys, NoKeys, Role};
pub use certificate::{Certificate, CertificateOptions, KeyKind, SignatureHash};
pub use context::{Context, ContextOptions};
pub use cookie::{Greeting, Opening, is_verify_request};
pub use exercise::exercise;
pub use reach::Reach;
