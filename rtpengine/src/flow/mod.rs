//! What happens to a packet: the run-time half of a call. No I/O, no clock, no allocation on the plain path.
//!
//! Signalling compiles a [`FlowSpec`] per stream and hands it to the [`Plane`], which keeps what must survive a
//! recompile (learned addresses, counters, SSRC tables) and executes the spec for each datagram.

mod buffers;
mod bundle;
mod chains;
mod coders;
mod coding;
mod crypto;
mod delay;
mod dtmf;
mod events;
mod exercise;
mod extension;
#[cfg(feature = "codec")]
mod fax;
mod ingress;
mod jitter;
mod learn;
mod loop_check;
mod mixing;
mod mos;
mod moving;
mod own;
mod packet;
mod plane;
mod quality;
mod reception;
mod reports;
mod rtcp;
mod schedule;
mod sink;
mod spec;
mod ssrc;
mod stream;
mod tick;
mod transcode;
mod translate;

#[cfg(test)]
mod bundle_tests;
#[cfg(all(test, feature = "codec"))]
mod coding_tests;
#[cfg(test)]
mod crypto_tests;
#[cfg(test)]
mod own_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;

pub use buffers::BufferSpec;
pub use chains::{Chain, ChainFigures, Chains};
pub use coding::{CoderJob, Elsewhere};
pub use crypto::{Crypto, Keys};
pub use dtmf::{DtmfNotice, DtmfSpec, InjectError, Injection};
pub use events::{Event, Events, Level, Notice, QualityTally, Samples, Tally};
#[doc(hidden)]
pub use exercise::exercise;
#[cfg(feature = "codec")]
pub use fax::FaxSpec;
pub use jitter::JitterSettings;
pub use mixing::MixSpec;
pub use mos::{Conditions, MosFormula, MosOptions};
pub use own::OwnPacket;
pub use packet::{HEAD_ROOM, MAX_PACKET, Packet, TAIL_ROOM};
pub use plane::{Arrival, DropCause, MediaPlane, Outcome, PayloadTypeCount, Plane, Received, Turn};
pub use quality::{Quality, QualitySample};
pub use reports::ReportOptions;
pub use schedule::{Offsets, Place, Purpose, Wake};
pub use spec::{
    Bundle, BundleMember, Extensions, FlowKind, FlowSpec, Learning, MirrorSpec, PayloadTypes, PtAction,
    PtTable, RtcpSinkSpec, SinkSpec, SourcePolicy,
};
pub use ssrc::{MAX_SSRCS, SsrcEntry, SsrcTable};
pub use stream::{Component, Counters, Stream};
pub use tick::{TickOptions, TimeoutReason, Timeouts};
pub use transcode::{CodecFault, Gaps, SeenDigit, Transcode};
