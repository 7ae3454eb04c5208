//! Where lines go: standard error, or the local syslog socket spoken to directly.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::record::Record;
use super::{Level, LogSettings};

/// The local syslog socket.
const SYSLOG_SOCKET: &str = "/dev/log";

/// Something that takes lines.
pub(super) trait Output: Send {
    /// Takes one line of a record.
    fn line(&mut self, settings: &LogSettings, record: &Record, line: &str);
    /// Hands over what is gathered.
    fn flush(&mut self);
}

/// Standard error, gathered into one write per batch.
#[derive(Debug)]
pub(super) struct Stderr<W> {
    target: W,
    gathered: Vec<u8>,
}

/// Gather at most this much before writing.
const BATCH_BYTES: usize = 32 * 1024;

impl<W: Write> Stderr<W> {
    pub(super) fn new(target: W) -> Self {
        Stderr { target, gathered: Vec::new() }
    }
}

impl<W: Write + Send> Output for Stderr<W> {
    fn line(&mut self, settings: &LogSettings, record: &Record, line: &str) {
        if settings.timestamps {
            let (seconds, microseconds) = record.time;
            // Writing to a Vec cannot fail.
            let _ = write!(self.gathered, "[{seconds}.{microseconds:06}] ");
        }
        self.gathered.extend_from_slice(line.as_bytes());
        self.gathered.push(b'\n');
        if self.gathered.len() >= BATCH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        // Nobody is left to be told when standard error is closed.
        let _ = self.target.write_all(&self.gathered);
        self.gathered.clear();
    }
}

/// The syslog daemon's socket (message form of RFC 3164 as local writers send it, without host name).
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    socket: Option<UnixDatagram>,
    message: String,
}

impl Syslog {
    pub(super) fn new() -> Self {
        Self::at(Path::new(SYSLOG_SOCKET))
    }

    fn at(path: &Path) -> Self {
        Syslog { path: path.to_owned(), socket: None, message: String::new() }
    }

    fn connect(&mut self) -> io::Result<&UnixDatagram> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(&self.path)?;
                socket
            }
        };
        Ok(self.socket.insert(socket))
    }

    /// Sends the message; a socket that went away (syslog restarted) is opened again once.
    fn send(&mut self) {
        for _ in 0..2 {
            let message = std::mem::take(&mut self.message);
            let sent = self.connect().and_then(|socket| socket.send(message.as_bytes()));
            self.message = message;
            match sent {
                Ok(_) => return,
                Err(_) => self.socket = None,
            }
        }
    }
}

impl Output for Syslog {
    fn line(&mut self, settings: &LogSettings, record: &Record, line: &str) {
        let priority = u32::from(record.facility.number()) * 8 + record.level.number().unsigned_abs();
        self.message.clear();
        let time = local_time(record.time.0);
        // Writing to a String cannot fail.
        let _ = write!(self.message, "<{priority}>{time} {}[{}]: {line}", settings.name, std::process::id());
        self.send();
    }

    fn flush(&mut self) {}
}

fn local_time(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let zoned = timestamp.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::system());
    zoned.strftime("%b %e %H:%M:%S").to_string()
}

/// The outputs of one phase of the program's life (operations.md §5.1).
pub(super) struct Outputs {
    /// Ordinary records.
    pub(super) main: Box<dyn Output>,
    /// A copy of warnings and worse, before daemonising.
    pub(super) copy: Option<Box<dyn Output>>,
    /// The lines of the extra facilities: syslog always, because their option names a syslog facility.
    pub(super) extra: Syslog,
}

impl Outputs {
    /// For these settings; `attached` is false once standard error has been given up.
    pub(super) fn new(settings: &LogSettings, attached: bool) -> Self {
        let stderr = || Box::new(Stderr::new(io::stderr())) as Box<dyn Output>;
        let (main, copy) = match (settings.to_stderr, attached) {
            (true, true) => (stderr(), None),
            (false, true) => (Box::new(Syslog::new()) as Box<dyn Output>, Some(stderr())),
            (_, false) => (Box::new(Syslog::new()) as Box<dyn Output>, None),
        };
        Outputs { main, copy, extra: Syslog::new() }
    }

    pub(super) fn write(&mut self, settings: &LogSettings, record: &Record) {
        record.lines(settings, |line| {
            if record.bare {
                return self.extra.line(settings, record, line);
            }
            self.main.line(settings, record, line);
            if record.level <= Level::Warning
                && let Some(copy) = &mut self.copy
            {
                copy.line(settings, record, line);
            }
        });
    }

    pub(super) fn flush(&mut self) {
        self.main.flush();
        self.extra.flush();
        if let Some(copy) = &mut self.copy {
            copy.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Facility, Subsystem};
    use super::*;

    fn record(settings: &LogSettings, level: Level) -> Record {
        Record::new(
            settings,
            (1_700_000_000, 42),
            Subsystem::Core,
            level,
            &Context::NONE,
            format_args!("hello"),
        )
    }

    #[test]
    fn standard_error_lines() {
        let mut settings = LogSettings { to_stderr: true, ..LogSettings::default() };
        let mut output = Stderr::new(Vec::new());
        let record = record(&settings, Level::Info);
        record.lines(&settings, |line| output.line(&settings, &record, line));
        settings.timestamps = false;
        record.lines(&settings, |line| output.line(&settings, &record, line));
        output.flush();
        assert_eq!(
            String::from_utf8(output.target).unwrap(),
            "[1700000000.000042] INFO: [core] hello\nINFO: [core] hello\n"
        );
    }

    #[test]
    fn syslog_datagrams_survive_a_restart_of_syslog() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let settings =
            LogSettings { facility: Facility::from_name("local1").unwrap(), ..LogSettings::default() };
        let mut output = Syslog::at(&path);
        let record = record(&settings, Level::Warning);
        for _ in 0..2 {
            let daemon = UnixDatagram::bind(&path).unwrap();
            record.lines(&settings, |line| output.line(&settings, &record, line));
            let mut buffer = [0; 500];
            let length = daemon.recv(&mut buffer).unwrap();
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            // local1 = 17, warning = 4
            assert!(text.starts_with("<140>"), "{text}");
            let end = format!(" rtpengine[{}]: WARNING: [core] hello", std::process::id());
            assert!(text.ends_with(&end), "{text}");
            drop(daemon);
            std::fs::remove_file(&path).unwrap();
        }
        // Nobody listens: the record is lost, the program is not.
        record.lines(&settings, |line| output.line(&settings, &record, line));
    }
}
