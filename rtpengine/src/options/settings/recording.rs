//! Recording (recording.md §1, §22.2).

use std::path::PathBuf;
use std::time::Duration;

use rtpengine_common::log::Level;
use rtpengine_common::options::{OptionError, Values};
use rtpengine_common::word_enum;

use super::{Message, count, non_empty, seconds, word};
use crate::options::words::RecordingSink;

word_enum! {
    /// Who stores packets.
    pub enum RecordingMethod {
        /// The daemon, as capture files.
        Pcap = "pcap",
        /// A recording daemon, through a sink.
        Proc = "proc",
        /// Both.
        All = "all",
    }
}

word_enum! {
    /// Link layer of capture files.
    pub enum RecordingFormat {
        /// IP.
        Raw = "raw",
        /// Ethernet.
        Eth = "eth",
    }
}

/// Recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Spool directory, without a `/` at the end.
    pub directory: PathBuf,
    /// Who stores packets.
    pub method: RecordingMethod,
    /// Link layer of capture files.
    pub format: RecordingFormat,
    /// Packets as received.
    pub ingress: bool,
    /// Packets as sent.
    pub egress: bool,
    /// Default DTMF codes.
    pub codes: Vsc,
    /// The user-space sink.
    pub sink: Sink,
}

/// DTMF codes that steer recording (recording.md §9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vsc {
    /// Start.
    pub start: Option<String>,
    /// Stop.
    pub stop: Option<String>,
    /// Start or stop.
    pub start_stop: Option<String>,
    /// Pause.
    pub pause: Option<String>,
    /// Pause or resume.
    pub pause_resume: Option<String>,
    /// Start, pause or resume.
    pub start_pause_resume: Option<String>,
}

/// The user-space sink (recording.md §22.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// Which sink.
    pub choice: RecordingSink,
    /// Bytes per segment.
    pub segment_bytes: u64,
    /// Bytes buffered per shard.
    pub buffer_bytes: u64,
    /// Bytes left free; none = the larger of 64 MiB and 2 % of the file system.
    pub reserve_bytes: Option<u64>,
    /// Most bytes taken; none = no limit of its own.
    pub max_bytes: Option<u64>,
    /// Uncollected data is removed after this long.
    pub expire: Duration,
    /// Named pipes.
    pub fifos: bool,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Recording {
    /// None when there is no directory or the method is unknown (an error in the log, not the end).
    pub(super) fn read(values: &Values, messages: &mut Vec<Message>) -> Result<Option<Self>, OptionError> {
        let method = values.text("recording-method").unwrap_or_default();
        let format = values.text("recording-format").unwrap_or_default();
        let both = values.flag("record-both");
        let egress = values.flag("record-egress");
        let (codes, sink) = (Vsc::read(values), Sink::read(values));
        let Some(directory) = non_empty(values.text("recording-dir")) else { return Ok(None) };
        let Some(method) = RecordingMethod::from_word(&method) else {
            messages.push((Level::Error, format!("Recording method '{method}' not supported")));
            return Ok(None);
        };
        let format = RecordingFormat::from_word(&format).ok_or_else(|| {
            OptionError::invalid(format!("Invalid value for recording format \"{format}\"."))
        })?;
        Ok(Some(Recording {
            directory: directory.strip_suffix('/').unwrap_or(&directory).into(),
            method,
            format,
            ingress: both || !egress,
            egress: both || egress,
            codes,
            sink,
        }))
    }
}

impl Vsc {
    fn read(values: &Values) -> Self {
        Vsc {
            start: values.text("vsc-start-rec"),
            stop: values.text("vsc-stop-rec"),
            start_stop: values.text("vsc-start-stop-rec"),
            pause: values.text("vsc-pause-rec"),
            pause_resume: values.text("vsc-pause-resume-rec"),
            start_pause_resume: values.text("vsc-start-pause-resume-rec"),
        }
    }
}

impl Sink {
    fn read(values: &Values) -> Self {
        let amount = |name: &str, unit: u64| count(values, name) as u64 * unit;
        Sink {
            choice: word(values, "recording-sink", RecordingSink::from_word),
            segment_bytes: amount("recording-sink-segment", KIB),
            buffer_bytes: amount("recording-sink-buffer", MIB),
            reserve_bytes: u64::try_from(values.int("recording-sink-reserve")).ok().map(|size| size * MIB),
            max_bytes: Some(amount("recording-sink-max", MIB)).filter(|size| *size > 0),
            expire: seconds(values, "recording-sink-expire"),
            fifos: values.flag("recording-fifos"),
        }
    }
}
