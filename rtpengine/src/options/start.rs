//! From the command line to [`Settings`]: which file is read, in which order things are laid over each other, and
//! the options that print something instead of starting (spec/operations.md §2.1 item 1, §4.2, §4.3).

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::path::Path;

use rtpengine_common::config::KeyFile;
use rtpengine_common::options::{CommandLine, OptionError, Values, command};

use super::settings::{Inputs, Settings};
use super::{DEFAULT_CONFIG_FILE, table::table};

/// What the command line asks for.
#[derive(Debug, Clone)]
pub enum Startup {
    /// Start the daemon.
    Run(Box<Settings>),
    /// Print the text on standard output, status 0.
    Help(String),
    /// Print `Version: …` on standard error, status 0.
    Version,
    /// Print the codec list, status 0.
    Codecs,
    /// Print the capabilities of the rtpproxy protocol, status 0.
    RtpproxyCapabilities,
    /// Work on the firewall rules only.
    Nftables(NftablesAction, Box<Settings>),
}

/// One of the stand-alone firewall actions (kernel.md §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NftablesAction {
    /// `--nftables-start`
    Start,
    /// `--nftables-stop`
    Stop,
    /// `--nftables-status`
    Status,
}

/// Where options come from besides the command line; a trait so that tests need no files, names or variables.
pub trait OptionSources {
    /// The text of a file.
    fn read_file(&self, path: &Path) -> io::Result<String>;
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// The addresses of a host name.
    fn resolve(&self, host: &str) -> Vec<IpAddr>;
    /// Processors of the machine; none when unknown.
    fn processors(&self) -> Option<usize>;
}

/// The real ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSources;

impl OptionSources for SystemSources {
    fn read_file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn resolve(&self, host: &str) -> Vec<IpAddr> {
        let Ok(addresses) = (host, 0).to_socket_addrs() else { return vec![] };
        let mut unique = vec![];
        for address in addresses {
            if !unique.contains(&address.ip()) {
                unique.push(address.ip());
            }
        }
        unique
    }

    fn processors(&self) -> Option<usize> {
        std::thread::available_parallelism().ok().map(NonZeroUsize::get)
    }
}

const ABOUT: &str = "Media relay for SIP and WebRTC";

/// Reads command line and configuration file. `args` begins with the program's name.
pub fn startup(
    args: impl IntoIterator<Item = OsString>,
    sources: &dyn OptionSources,
) -> Result<Startup, OptionError> {
    let args: Vec<OsString> = args.into_iter().collect();
    refuse_rtpproxy(&args)?;
    let given = match command::parse("rtpengine", ABOUT, table(), args)? {
        CommandLine::Help(text) => return Ok(Startup::Help(text)),
        CommandLine::Options(given) => given,
    };
    let mut values = Values::new(table());
    values.read_command_line(given.clone());
    for (name, action) in [
        ("version", Startup::Version),
        ("codecs", Startup::Codecs),
        ("rtpproxy-caps", Startup::RtpproxyCapabilities),
    ] {
        if values.flag(name) {
            return Ok(action);
        }
    }
    let file = config_file(&values, sources)?;
    if let Some(file) = &file {
        values.read_file(file, &values.text("config-section").unwrap_or_default())?;
        // Only flags that are set are in `given`, so one of the file stays on.
        values.read_command_line(given);
        values.trim_texts();
    }
    values.check()?;
    let inputs = Inputs {
        values: &values,
        file: file.as_ref(),
        resolve: &|host| sources.resolve(host),
        variable: &|name| sources.variable(name),
        processors: sources.processors(),
    };
    let action = nftables_action(&values)?;
    let settings = Settings::read(&inputs, action.is_some())?;
    Ok(match action {
        Some(action) => Startup::Nftables(action, Box::new(settings)),
        None => Startup::Run(Box::new(settings)),
    })
}

/// The rtpproxy command line (rtpproxy.md §1.2) has other options with the same letters: reading it by our rules would
/// start something nobody asked for.
fn refuse_rtpproxy(args: &[OsString]) -> Result<(), OptionError> {
    let name = args.first().and_then(|program| Path::new(program).file_name()).unwrap_or_default();
    let name = name.to_string_lossy();
    let asked = name == "rtpproxy"
        || name.starts_with("rtpproxy_")
        || args.get(1).is_some_and(|arg| arg == "--rtpproxy");
    if asked { Err(OptionError::invalid("The rtpproxy command line: not built yet")) } else { Ok(()) }
}

/// The configuration file, if one is to be read (operations.md §4.3).
fn config_file(values: &Values, sources: &dyn OptionSources) -> Result<Option<KeyFile>, OptionError> {
    let chosen = values.text("config-file");
    if chosen.as_deref() == Some("none") {
        return Ok(None);
    }
    let path = chosen.as_deref().unwrap_or(DEFAULT_CONFIG_FILE);
    let text = match sources.read_file(Path::new(path)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && chosen.is_none() => return Ok(None),
        Err(error) => return Err(OptionError::syntax(strerror(&error))),
    };
    KeyFile::parse(&text).map(Some).map_err(|error| OptionError::syntax(error.to_string()))
}

/// The system's words for an error, without the `(os error N)` that Rust adds.
fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn nftables_action(values: &Values) -> Result<Option<NftablesAction>, OptionError> {
    let actions = [
        ("nftables-start", NftablesAction::Start),
        ("nftables-stop", NftablesAction::Stop),
        ("nftables-status", NftablesAction::Status),
    ];
    let mut asked = actions.iter().filter(|(name, _)| values.flag(name)).map(|(_, action)| *action);
    let first = asked.next();
    if asked.next().is_some() {
        return Err(OptionError::invalid(
            "Cannot do more than one of --nftables-start, --nftables-stop or --nftables-status",
        ));
    }
    Ok(first)
}
