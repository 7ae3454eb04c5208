//! Severity of a log record (spec/operations.md §5.2; the numbers are syslog's).

/// How severe a record is; smaller is more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// 0: the program cannot go on at all.
    Emergency,
    /// 1
    Alert,
    /// 2: the program ends.
    Critical,
    /// 3: something asked for was not done.
    Error,
    /// 4: something looks wrong.
    Warning,
    /// 5
    Notice,
    /// 6: the normal course of things.
    Info,
    /// 7
    Debug,
}

impl Level {
    /// The number in syslog and options.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The word in a record.
    pub const fn word(self) -> &'static str {
        match self {
            Level::Emergency => "EMERG",
            Level::Alert => "ALERT",
            Level::Critical => "CRIT",
            Level::Error => "ERR",
            Level::Warning => "WARNING",
            Level::Notice => "NOTICE",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
        }
    }
}
