//! What the options of recording, players, DTMF and of single commands can be (ng-control.md §6.3).

use std::net::{IpAddr, SocketAddr};

use super::AddressFamily;
use crate::ng::ByteString;

/// Key `record-call`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordCall {
    /// `yes`, `on`, or the flag `record-call`.
    Start,
    /// `no`, `off`
    Stop,
    /// `discard`, or the flag `discard-recording`.
    Discard,
}

/// What `stop recording` does (ng-control.md §11.6); the last mention decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum StopRecording {
    /// Ends the recording.
    #[default]
    Stop,
    /// Key or flag `pause`.
    Pause,
    /// Flag `discard-recording`.
    Discard,
}

/// Keys of recording (ng-control.md §6.3, recording.md §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Recording {
    /// Key `record-call` alone; with the flags: [`crate::ng::Request::record_call`].
    pub call: Option<RecordCall>,
    /// What `stop recording` does.
    pub stop: StopRecording,
    /// Output file.
    pub file: Option<ByteString>,
    /// Output directory.
    pub path: Option<ByteString>,
    /// Output name pattern.
    pub pattern: Option<ByteString>,
    /// Number of mixing slots of the call.
    pub media_slots: Option<i32>,
    /// Slot of the offering side's media.
    pub media_slot_offer: Option<i32>,
    /// Slot of the other side's media.
    pub media_slot_answer: Option<i32>,
    /// DTMF codes that control recording.
    pub vsc: RecordingVsc,
}

/// DTMF codes that control recording (codecs.md §18.8). An empty string removes one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RecordingVsc {
    /// `vsc-start-rec`
    pub start: Option<ByteString>,
    /// `vsc-stop-rec`
    pub stop: Option<ByteString>,
    /// `vsc-start-stop-rec`
    pub start_stop: Option<ByteString>,
    /// `vsc-pause-rec`
    pub pause: Option<ByteString>,
    /// `vsc-pause-resume-rec`
    pub pause_resume: Option<ByteString>,
    /// `vsc-start-pause-resume-rec`
    pub start_pause_resume: Option<ByteString>,
}

/// The source of a player (players.md §1.1): `file`, else `blob`, else `db-id` above 0.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MediaSource {
    /// Key `file`.
    pub file: Option<ByteString>,
    /// Key `blob`, or `blob64` decoded.
    pub blob: Option<ByteString>,
    /// Key `db-id`, above 0.
    pub db_id: Option<u64>,
}

impl MediaSource {
    /// Whether no source is given.
    pub fn is_empty(&self) -> bool {
        self.file.is_none() && self.blob.is_none() && self.db_id.is_none()
    }
}

/// Keys of `play media`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Play {
    /// What to play.
    pub source: MediaSource,
    /// How often.
    pub repeat_times: Option<i32>,
    /// For how long, in ms.
    pub repeat_duration_ms: Option<u32>,
    /// From which position, in ticks of the file's time base.
    pub start_position: Option<i64>,
}

/// Key `moh`: music on hold of the sending party (players.md §7.1).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MusicOnHold {
    /// What to play.
    pub source: MediaSource,
    /// What the other party is shown.
    pub mode: MohMode,
    /// `connection` = `zero`: the SDP carries a zero address.
    pub zero_connection: bool,
}

/// `moh` → `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum MohMode {
    /// The default.
    #[default]
    SendOnly,
    /// The other party is shown `sendrecv`.
    SendRecv,
    /// The source of the party put on hold is played to itself.
    Reflect,
}

/// Key `DTMF-security`: what becomes of DTMF (codecs.md §18.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DtmfSecurity {
    /// It passes.
    Off,
    /// Events are dropped.
    Drop,
    /// Silence.
    Silence,
    /// A single tone.
    Tone,
    /// Random digits.
    Random,
    /// The digit 0.
    Zero,
    /// The digit given by `digit`.
    Digit,
}

/// Keys of DTMF (ng-control.md §6.3).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dtmf {
    /// Key `DTMF-security`; the default depends on the triggers: [`crate::ng::Request::dtmf_security`].
    pub security: Option<DtmfSecurity>,
    /// The mode that a trigger starts.
    pub security_trigger: Option<DtmfSecurity>,
    /// The mode after the end of a trigger.
    pub security_trigger_end: Option<DtmfSecurity>,
    /// Key `DTMF-delay`.
    pub delay_ms: Option<u32>,
    /// Digits that start the block; an empty string removes the trigger.
    pub trigger: Option<ByteString>,
    /// Digits that end it.
    pub trigger_end: Option<ByteString>,
    /// Time after which it ends by itself.
    pub trigger_end_time_ms: Option<u32>,
    /// Number of digits after which it ends.
    pub trigger_end_digits: Option<u32>,
    /// Keys `code`, `digit`: event 0 to 15. `None` also for what is no digit.
    pub digit: Option<u8>,
    /// Key `duration`, as given.
    pub duration_ms: Option<i32>,
    /// Key `pause`, as given.
    pub pause_ms: Option<i32>,
    /// Key `volume` in dB, as given.
    pub volume: Option<i32>,
    /// Tone frequencies in Hz.
    pub frequencies: Vec<u32>,
    /// Key `dtmf-log-dest`.
    pub log_destination: Option<SocketAddr>,
}

/// An entry of `tags` (`mesh`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MeshTags {
    /// The party that gets subscribed to by the others.
    pub from: ByteString,
    /// The others.
    pub to: Vec<ByteString>,
}

/// An entry of `media` (`create`, `transform`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MediaSpec {
    /// `id` (transform).
    pub id: Option<ByteString>,
    /// `type`.
    pub media_type: Option<ByteString>,
    /// `codecs` (create): codec strings.
    pub codecs: Vec<ByteString>,
    /// `codecs` (transform): what comes in and what goes out.
    pub conversions: Vec<Conversion>,
    /// `destination` (transform).
    pub destination: Option<Destination>,
}

/// A conversion of `transform`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Conversion {
    /// What arrives.
    pub input: CodecSpec,
    /// What is sent.
    pub output: CodecSpec,
}

/// A codec given by its parts. Numbers not given are absent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CodecSpec {
    /// `codec`: the name.
    pub codec: Option<ByteString>,
    /// `payload type`
    pub payload_type: Option<i32>,
    /// `clock rate` in Hz.
    pub clock_rate: Option<i32>,
    /// `channels`
    pub channels: Option<i32>,
    /// `format`: the format parameters.
    pub format: Option<ByteString>,
    /// `options`: codec options.
    pub options: Option<ByteString>,
}

/// Where `transform` sends to. What is missing or bad is absent: the command then fails.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Destination {
    /// `family`
    pub family: Option<AddressFamily>,
    /// `address`
    pub address: Option<IpAddr>,
    /// `port`, not 0.
    pub port: Option<u16>,
}
