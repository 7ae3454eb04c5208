//! Transcoding of RTP: packets of one source SSRC on their way to one sink (`codecs.md` §§14–16, 18.1–18.3).
//!
//! [`RtpTranscoder`] is a state machine without sockets or clocks: packets and the time go in, packets with the time at which they leave
//! come out. It owns the sequencer, one decoder per payload number of the source, one encoder per payload number towards the sink
//! (shared by all source numbers that lead to it, §10.5), sequence numbers and timestamps.
//!
//! What a payload number becomes is a [`Route`]; numbers without one are forwarded with adjusted sequence numbers.

mod chain;
#[cfg(not(feature = "spandsp"))]
mod deaf;
mod detection;
mod digits;
#[cfg(test)]
mod digits_tests;
mod dtx;
#[cfg(feature = "spandsp")]
mod ear;
mod events;
mod filling;
#[cfg(test)]
mod filling_tests;
#[cfg(feature = "spandsp")]
mod listener;
mod numbering;
mod outgoing;
mod pacing;
mod sequencer;
#[cfg(test)]
mod tests;
mod tone;
mod transcoder;

#[cfg(not(feature = "spandsp"))]
pub use deaf::ToneListener;
pub use digits::Passing;
pub use dtx::GapFilling;
pub use filling::Known;
#[cfg(feature = "spandsp")]
pub use listener::ToneListener;
pub use outgoing::{OutPacket, Outgoing};
pub use pacing::Pacer;
pub use sequencer::{Sequencer, SequencerCounters, Stored};
pub use tone::Sound;
pub use transcoder::{RtpTranscoder, SilenceDetection, Taken};

use std::sync::Arc;

use super::compare::{Match, compare};
use super::definition::Codec;
use super::engine::{decoded_format, encoded_format};

/// What happens to one payload number of the source.
#[derive(Clone, Debug)]
pub struct Route {
    /// The source's number.
    pub input_payload_type: u8,
    /// The source's codec: audio, CN or telephone-event.
    pub input: Arc<Codec>,
    /// Its packet time in ms.
    pub input_ptime: u32,
    /// The number towards the sink; for telephone-event that of the audio whose events these are.
    pub output_payload_type: u8,
    /// The codec towards the sink, with the sink's own parameters.
    pub output: Arc<Codec>,
    /// Its packet time in ms.
    pub output_ptime: u32,
    /// The sink's telephone-event number for the output clock; without one events become tones.
    pub dtmf: Option<u8>,
    /// The sink's CN number for the output clock.
    pub cn: Option<u8>,
    /// Look for DTMF tones in the audio (`codecs.md` §10.4).
    pub detect_tones: bool,
}

impl Route {
    /// Whether opening its coders takes long: one of them, or the conversion between rates of which neither is a multiple of the other.
    #[must_use]
    pub fn opens_slowly(&self) -> bool {
        let slow = |codec: &Codec| codec.def().is_some_and(|def| def.slow_open);
        let decoded = decoded_format(&self.input, &self.output);
        let (from, to) = (decoded.rate, encoded_format(&self.output, decoded).rate);
        let odd = from.max(to).checked_rem(from.min(to)) != Some(0);
        slow(&self.input) || slow(&self.output) || (self.input.is_audio() && odd)
    }
}

/// A tone that was found in audio and turned into an event, when it ends (`codecs.md` §18.6). Event packets are seen where they arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenEvent {
    /// Event number.
    pub event: u8,
    /// Volume in -dBm0.
    pub volume: u8,
    /// Duration in units of `clock`.
    pub duration: u16,
    /// Clock rate in Hz.
    pub clock: u32,
}

impl PartialEq for Route {
    /// Equal routes go on untouched when routes are set anew (`codecs.md` §6).
    fn eq(&self, other: &Self) -> bool {
        let numbers = |r: &Self| (r.input_payload_type, r.output_payload_type, r.dtmf, r.cn, r.detect_tones);
        numbers(self) == numbers(other)
            && compare(&self.input, &other.input) == Match::Exact
            && compare(&self.output, &other.output) == Match::Exact
    }
}

/// Stands for the number of a packet that is kept from the sink (blocked media, `block DTMF` in mode `drop`): it takes its turn in the order
/// of packets, so that what comes behind it does not wait for it, leaves its gap in the sequence numbers (`codecs.md` §18.5(5)) and nothing
/// else. No packet has such a number.
pub const WITHHELD: u8 = u8::MAX;

/// A packet of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InPacket<'a> {
    /// Payload number, or [`WITHHELD`].
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence_number: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Payload without padding.
    pub payload: &'a [u8],
}
