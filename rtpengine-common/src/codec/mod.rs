//! Codecs as data: the one table, codec strings, format parameters and their comparison (`codecs.md` §§1–4).
//!
//! * [`table`]: what is known of each codec by name, and the static payload numbers.
//! * [`support`]: what is implemented; negotiation takes it as an argument ([`EngineSupport`]).
//! * [`definition`]: [`Codec`], one codec of one payload type as SDP or an option described it.
//! * [`text`]: codec strings (`name/clock/channels/bitrate/ptime/fmtp/options`) and index strings.
//! * [`compare`]: is one codec the other one, a broader one, another one.
//! * [`fmtp`], [`amr`], [`evs`]: format parameters.
//! * [`engine`]: what decodes and encodes; [`stream`]: the same for RTP packets of one SSRC.

pub mod amr;
pub mod compare;
pub mod definition;
pub mod engine;
pub mod evs;
pub mod fmtp;
pub mod stream;
pub mod support;
pub mod table;
pub mod text;

pub use compare::{Match, basic_match, compare};
pub use definition::{Codec, Format};
pub use support::{EngineSupport, Linked, Support, support_lines};
pub use table::{CODECS, CodecDef, CodecId, Supplemental};
pub use text::{CodecString, IndexString};
