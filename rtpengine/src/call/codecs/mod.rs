//! Codec negotiation: what the parties of a call see of each other's codecs, and what happens to each payload type.
//!
//! Everything here is data transformation (`codecs.md` §§3–13): no sockets, no audio, no clock. A media keeps a
//! [`MediaCodecs`] between messages; each message is one function:
//!
//! | message | function |
//! | --- | --- |
//! | offer | [`offer()`], then [`handlers()`] receiver → sender |
//! | answer | [`answer()`], then [`handlers()`] in both directions |
//! | publish | [`publish()`] |
//! | subscribe request, answer | [`subscribe_request()`], [`subscribe_answer()`] |
//! | create, create answer | [`create()`], [`create_answer()`] |
//!
//! A [`CodecList`] prints itself into SDP ([`CodecList::formats`], [`CodecList::write_attributes`]). [`handlers()`] gives
//! the table payload type → action that the packet path is compiled from.

mod answer;
mod companions;
mod handlers;
mod list;
mod message;
mod numbers;
mod offer;
mod operations;
mod options;
mod original;
mod packet_time;
mod populate;
mod preferences;
mod print;
mod subscribe;
#[cfg(test)]
mod tests;

pub use answer::answer;
pub use handlers::{
    Action, DtmfBlock, Handler, HandlerKey, HandlerPolicy, HandlerTable, SinkPolicy, SourcePolicy, handlers,
};
pub use list::{CodecList, Entry, Marks, Touched};
pub use message::{Environment, MediaCodecs, Report, SdpCodec, Section, Warning};
pub use offer::offer;
pub use options::CodecOptions;
pub use packet_time::{PacketTime, apply_packet_times};
pub use preferences::{TranscodeConfig, TranscodeConfigError, TranscodeRule};
pub use subscribe::{
    NotAllCodecsAccepted, NothingToPublish, create, create_answer, publish, subscribe_answer,
    subscribe_request,
};
