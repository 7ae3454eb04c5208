//! What the log options say (spec/operations.md §3.2 "General, logging").

use super::{Facility, Subsystem};
use crate::word_enum;

word_enum! {
    /// How the call is named in log records (operations.md §5.3).
    pub enum ContextFormat {
        /// `[CALLID/TAG/INDEX]: `
        Default = "default",
        /// `[ID="CALLID" tag="TAG"]: `
        Parsable = "parsable",
    }
}

/// Everything the log needs to know before its first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Facility of ordinary records.
    pub facility: Facility,
    /// Level per subsystem, in the order of [`Subsystem::ALL`].
    pub levels: Vec<i32>,
    /// Standard error instead of syslog.
    pub to_stderr: bool,
    /// One record per line.
    pub split_lines: bool,
    /// 0: 500 bytes for syslog, unlimited for standard error; negative: unlimited.
    pub max_line_length: i32,
    /// Time in front of lines on standard error.
    pub timestamps: bool,
    /// Identity in syslog.
    pub name: String,
    /// Put before sensitive values.
    pub mark_prefix: String,
    /// Put after sensitive values.
    pub mark_suffix: String,
    /// Facility of CDR lines; none = no such lines.
    pub cdr: Option<Facility>,
    /// Facility of RTCP lines.
    pub rtcp: Option<Facility>,
    /// Facility of DTMF lines.
    pub dtmf: Option<Facility>,
    /// Form of the context.
    pub format: ContextFormat,
    /// SRTP keys at error level.
    pub srtp_keys: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        let levels = Subsystem::ALL.iter().map(|subsystem| match subsystem {
            Subsystem::Internals => -1,
            _ => 6,
        });
        LogSettings {
            facility: Facility::DAEMON,
            levels: levels.collect(),
            to_stderr: false,
            split_lines: false,
            max_line_length: 0,
            timestamps: true,
            name: "rtpengine".to_owned(),
            mark_prefix: String::new(),
            mark_suffix: String::new(),
            cdr: None,
            rtcp: None,
            dtmf: None,
            format: ContextFormat::Default,
            srtp_keys: false,
        }
    }
}
