//! Where the daemon is: command line, else its own configuration file, else the well-known ports on this machine.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use rtpengine_common::config::KeyFile;

use super::command_line::{CommandLine, port};

/// An address with port, the host not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Address or host name.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
}

const LOCAL: &str = "127.0.0.1";
const TEXT_PORT: u16 = 9900;
const NG_PORT: u16 = 2223;

impl Target {
    /// The addresses of the host.
    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

/// The listeners of a configuration file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    text: Option<String>,
    ng: Option<String>,
    ng_tcp: Option<String>,
}

impl Configuration {
    /// Reads the file if there is one that can be read.
    pub(crate) fn read(path: &str) -> Self {
        let Ok(text) = std::fs::read_to_string(path) else { return Self::default() };
        match KeyFile::parse(&text) {
            Ok(file) => Self::from_file(&file),
            Err(error) => {
                eprintln!("{path} is left out: {error}");
                Self::default()
            }
        }
    }

    fn from_file(file: &KeyFile) -> Self {
        let first = |key: &str| {
            let list = file.group("rtpengine")?.get(key)?.list().ok()?;
            list.first().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        Configuration { text: first("listen-cli"), ng: first("listen-ng"), ng_tcp: first("listen-tcp-ng") }
    }
}

/// The daemon's text protocol.
pub(crate) fn text(line: &CommandLine, configuration: &Configuration) -> Target {
    choose(line, configuration.text.as_deref(), TEXT_PORT)
}

/// The daemon's ng protocol.
pub(crate) fn ng(line: &CommandLine, configuration: &Configuration) -> Target {
    let configured = if line.tcp { &configuration.ng_tcp } else { &configuration.ng };
    choose(line, configured.as_deref(), NG_PORT)
}

fn choose(line: &CommandLine, configured: Option<&str>, default_port: u16) -> Target {
    let mut target = Target { host: LOCAL.to_owned(), port: default_port };
    if let Some(text) = configured {
        apply(&mut target, text);
    }
    if let Some(text) = &line.ip {
        apply(&mut target, text);
    }
    target.port = line.port.unwrap_or(target.port);
    target
}

/// A bare number is a port; otherwise an address with an optional port.
fn apply(target: &mut Target, text: &str) {
    if let Some(port) = port(text) {
        target.port = port;
        return;
    }
    if text.parse::<IpAddr>().is_ok() {
        target.host = text.to_owned();
        return;
    }
    let (host, digits) = match text.rsplit_once(':') {
        Some((host, digits)) if port(digits).is_some() => (host, port(digits)),
        _ => (text, None),
    };
    target.host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    target.port = digits.unwrap_or(target.port);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &str) -> CommandLine {
        CommandLine::parse(arguments.split_whitespace().map(str::to_owned))
    }

    fn chosen(arguments: &str, listen: Option<&str>) -> String {
        let configuration = Configuration { text: listen.map(str::to_owned), ng: None, ng_tcp: None };
        let target = text(&line(arguments), &configuration);
        format!("{} {}", target.host, target.port)
    }

    #[test]
    fn command_line_wins_over_the_file() {
        assert_eq!(chosen("x", None), "127.0.0.1 9900");
        assert_eq!(chosen("x", Some("77")), "127.0.0.1 77");
        assert_eq!(chosen("x", Some("localhost:2224")), "localhost 2224");
        assert_eq!(chosen("x", Some("10.0.0.1")), "10.0.0.1 9900");
        assert_eq!(chosen("-ip 10.0.0.2 x", Some("10.0.0.1:5")), "10.0.0.2 5");
        assert_eq!(chosen("-ip 10.0.0.2:6 x", Some("5")), "10.0.0.2 6");
        assert_eq!(chosen("-port 8 -ip 10.0.0.2:6 x", None), "10.0.0.2 8");
        assert_eq!(chosen("-ip [::1]:6 x", None), "::1 6");
        assert_eq!(chosen("-ip ::1 x", None), "::1 9900");
        assert_eq!(ng(&line("ng ping"), &Configuration::default()).port, 2223);
    }

    #[test]
    fn the_first_listener_of_the_file() {
        let file = KeyFile::parse("[rtpengine]\nlisten-cli = 5; 6\nlisten-ng = localhost:7\n").unwrap();
        let configuration = Configuration::from_file(&file);
        assert_eq!(configuration.text.as_deref(), Some("5"));
        assert_eq!(configuration.ng.as_deref(), Some("localhost:7"));
    }
}
