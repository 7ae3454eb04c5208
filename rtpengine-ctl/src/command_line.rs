//! The options before the command (spec/operations.md §6.11). The grammar is the historic client's, with single dashes
//! allowed in front of long names.

/// The historic usage line.
pub(crate) const USAGE: &str = "\n    rtpengine-ctl [ -ip <ipaddress>[:<port>] -port <port> ] <command>\n\n";

const DEFAULT_CONFIG_FILE: &str = "/etc/rtpengine/rtpengine.conf";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// `--version`
    Version,
    /// No command, `--help`, or something that is not understood.
    Usage,
    /// A command of the text protocol.
    Text(String),
    /// The words behind `ng`.
    Ng(Vec<String>),
}

/// The parsed arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// `--ip`, as written.
    pub(crate) ip: Option<String>,
    /// `--port`
    pub(crate) port: Option<u16>,
    /// `--config-file`
    pub(crate) config_file: String,
    /// ng over TCP.
    pub(crate) tcp: bool,
    /// ng reply as JSON.
    pub(crate) json: bool,
    /// What is to be done.
    pub(crate) task: Task,
}

impl CommandLine {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut line = CommandLine {
            ip: None,
            port: None,
            config_file: DEFAULT_CONFIG_FILE.to_owned(),
            tcp: false,
            json: false,
            task: Task::Usage,
        };
        let mut words = arguments.into_iter().peekable();
        while let Some(word) = words.next_if(|word| word.starts_with('-') && word.len() > 1) {
            if line.option(&word, &mut words).is_none() {
                line.task = Task::Usage;
                return line;
            }
            if line.task == Task::Version {
                return line;
            }
        }
        let words: Vec<String> = words.collect();
        line.task = match words.split_first() {
            None => Task::Usage,
            Some((first, rest)) if first == "ng" => Task::Ng(rest.to_vec()),
            Some(_) => Task::Text(words.join(" ").trim().to_owned()),
        };
        line
    }

    /// One option; nothing when it is not understood or asks for help.
    fn option(&mut self, word: &str, rest: &mut impl Iterator<Item = String>) -> Option<()> {
        let name = word.trim_start_matches('-');
        let (name, inline) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        match (name, &inline) {
            ("tcp", None) => self.tcp = true,
            ("json", None) => self.json = true,
            ("version" | "v", None) => self.task = Task::Version,
            ("ip", _) => self.ip = Some(inline.or_else(|| rest.next())?),
            ("port", _) => self.port = Some(port(&inline.or_else(|| rest.next())?)?),
            ("config-file", _) => self.config_file = inline.or_else(|| rest.next())?,
            _ => return None,
        }
        Some(())
    }
}

/// A port, 1 to 65535.
pub(crate) fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> CommandLine {
        CommandLine::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_precede_the_command() {
        let line = parse("-ip 10.0.0.1:99 --port=7 --config-file x list sessions --ip");
        assert_eq!(
            (line.ip.as_deref(), line.port, line.config_file.as_str()),
            (Some("10.0.0.1:99"), Some(7), "x")
        );
        assert_eq!(line.task, Task::Text("list sessions --ip".into()));
        assert_eq!(parse("--json ng ping --x").task, Task::Ng(vec!["ping".into(), "--x".into()]));
    }

    #[test]
    fn whatever_is_not_understood_shows_the_usage() {
        for line in ["", "--help", "-h", "--foo list", "--port 0 list", "--port 65536 list", "--port", "-ip"]
        {
            assert_eq!(parse(line).task, Task::Usage, "{line}");
        }
        assert_eq!(parse("--version").task, Task::Version);
    }
}
