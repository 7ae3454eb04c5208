//! Session descriptions (RFC 8866): parsing, what an offer or answer means for the relay, and printing.
//!
//! 1. [`parse()`] turns a body into an [`Sdp`] that borrows from it: every line, with the values of known attributes typed.
//! 2. [`extract()`] turns that into what a call remembers: [`SessionParams`] and one [`StreamParams`] per section, owned and cheap to clone.
//! 3. [`Sdp::write`] prints a parsed body again; [`out::print`] prints the body that goes to a receiver, from plain data for each row.
//!
//! The behaviour is that of the project's SDP specification, sections 2 and 3.

mod address;
mod attribute;
pub mod candidate;
mod codec;
pub mod crypto;
mod direction;
mod error;
mod extract;
pub mod fingerprint;
mod media_type;
mod model;
pub mod out;
mod parse;
mod stream;
mod text;
mod token;
pub mod transport;
mod write;

pub use address::{AddressFamily, parse_ip};
pub use attribute::{Attribute, AttributeKind, AttributeValue, Group, RtcpAttribute, Rtpmap};
pub use candidate::{Candidate, CandidateLine, CandidateType, MAX_CANDIDATES};
pub use codec::Codec;
pub use crypto::{CryptoError, CryptoParams, CryptoPrint, Mki};
pub use direction::{Direction, Setup};
pub use error::{AttributeError, PARSE_FAILED, ParseError, ParseErrorKind, Warning};
pub use extract::{AddressSource, ExtractError, ExtractOptions, extract};
pub use fingerprint::{Fingerprint, FingerprintHash};
pub use media_type::MediaType;
pub use model::{
    Bandwidth, BandwidthType, Common, MAX_BODY_LEN, MAX_MEDIA, MAX_SESSIONS, MAX_WARNINGS, Media, Origin,
    Sdp, Session,
};
pub use parse::{ParseOptions, parse};
pub use stream::{
    Attributes, BundleGroups, Directions, ExtMap, Extracted, IceParams, RtcpEndpoint, SessionOrigin,
    SessionParams, StreamParams,
};
pub use text::Text;
pub use transport::Transport;

#[cfg(test)]
mod tests;

/// Checks on any bytes what must hold for every body: parsing ends without a panic; what was parsed, printed and parsed again is the same; printing
/// that gives the same bytes; extraction ends as well. For property tests and fuzzing.
///
/// # Panics
/// If something does not hold.
#[doc(hidden)]
pub fn exercise(body: &[u8]) {
    for (reject_invalid, fragment) in [(false, false), (false, true), (true, false), (true, true)] {
        let options = ParseOptions { reject_invalid, fragment, music_on_hold: Some(b"hold") };
        let Ok(sdp) = parse(body, &options) else { continue };
        let printed = sdp.write();
        let again = parse(&printed, &options).expect("a printed body parses");
        assert_eq!(sdp.sessions, again.sessions);
        assert!(again.warnings.is_empty());
        assert_eq!(printed, again.write());
        for accept_legacy_osrtp in [false, true] {
            let options = ExtractOptions { fragment, accept_legacy_osrtp, ..ExtractOptions::default() };
            assert_eq!(extract(&sdp, &options), extract(&again, &options));
        }
    }
}
