//! DTMF without coders: telephone-event payloads, when events begin and end, digit strings that act, digits to be sent
//! (`codecs.md` §18). Tones as samples are in [`super::stream`].

mod event;
mod inject;
mod mask;
#[cfg(all(test, feature = "codec"))]
mod proofs;
mod trigger;
mod watch;

pub use event::EventPayload;
pub use inject::{Digit, Fate, Injected, Injector, Output, Placed};
pub use mask::{Cover, Mask, Mode, Policy, Reproduced};
pub use trigger::Matcher;
pub use watch::{EventWatch, Seen};

/// Highest number of a DTMF event (RFC 4733 §3.2).
pub const MAX_EVENT: u8 = 15;
/// Softest level, in -dBm0.
pub const MAX_VOLUME: u8 = 63;

/// The sign of a DTMF event; `None` above 15.
#[must_use]
pub fn sign(event: u8) -> Option<u8> {
    b"0123456789*#ABCD".get(usize::from(event)).copied()
}
