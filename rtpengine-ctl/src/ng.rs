//! Any ng command from the command line: `ng <command> [--key value …] [--flag …] [--sdp FILE|-]`.
//!
//! Which names take a value is read off the reference list of the protocol; a name that is not in it takes a value if one
//! follows. A key given several times becomes a list.

use std::io::Read;
use std::path::Path;

use rtpengine_common::ng::client::{ClientError, TcpClient, UdpClient};
use rtpengine_common::ng::reference::{self, KeyRow};
use rtpengine_common::ng::{Command, Dict, Encoding, Value};

use super::command_line::CommandLine;
use super::target::Target;
use super::{Status, show};

/// What can be wrong with the arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Print the help text.
    Help,
    /// Say this.
    Text(String),
}

/// A request and how to show its reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    dict: Dict<'static>,
    json: bool,
    tcp: bool,
}

/// Keys whose value on the command line is the name of a file (`-` = standard input).
const FILE_KEYS: &[&str] = &["sdp", "blob"];

pub(crate) fn run(target: &Target, line: &CommandLine, arguments: &[String]) -> Status {
    let request = match build(arguments, &read_file) {
        Ok(request) => request,
        Err(Problem::Help) => {
            print!("{}", help());
            return Status::Success;
        }
        Err(Problem::Text(text)) => {
            eprintln!("{text}\nTry: rtpengine-ctl ng --help");
            return Status::Usage;
        }
    };
    match send(target, line.tcp || request.tcp, &request.dict) {
        Ok(reply) => report(&reply, line.json || request.json),
        Err(text) => {
            eprintln!("{}:{}: {text}", target.host, target.port);
            Status::NoReply
        }
    }
}

fn send(target: &Target, tcp: bool, request: &Dict<'_>) -> Result<Dict<'static>, String> {
    let addresses = target.addresses().map_err(|error| super::text::strerror(&error))?;
    let io = |error: std::io::Error| super::text::strerror(&error);
    let reply = if tcp {
        TcpClient::connect(addresses.as_slice()).map_err(io)?.request(request)
    } else {
        UdpClient::connect(addresses.as_slice()).map_err(io)?.request(request)
    };
    reply.map_err(|error| match error {
        ClientError::Io(error) => super::text::strerror(&error),
        other => other.to_string(),
    })
}

fn report(reply: &Dict<'_>, json: bool) -> Status {
    if json {
        let mut out = vec![];
        Encoding::Json.write(reply, &mut out);
        println!("{}", String::from_utf8_lossy(&out));
    } else {
        print!("{}", show::readable(reply));
    }
    match reply.text("result") {
        Some("error" | "load limit") => Status::Failure,
        _ => Status::Success,
    }
}

fn read_file(name: &str) -> std::io::Result<Vec<u8>> {
    if name != "-" {
        return std::fs::read(Path::new(name));
    }
    let mut bytes = vec![];
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<Vec<u8>>;

/// Makes the request from the words behind `ng`.
pub(crate) fn build(arguments: &[String], read: ReadFile) -> Result<Request, Problem> {
    let words = arguments.iter().take_while(|word| !word.starts_with("--")).count();
    let (name, mut rest) = arguments.split_at(words);
    if rest.first().is_some_and(|word| word == "--help") || arguments.is_empty() {
        return Err(Problem::Help);
    }
    let command = command(&name.join(" "))?;
    let mut request = Builder { keys: reference::keys(), entries: vec![], flags: vec![] };
    let (mut json, mut tcp) = (false, false);
    while let Some((word, after)) = rest.split_first() {
        let name = word.strip_prefix("--").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Problem::Text(format!("'{word}' is neither a key nor a flag")))?;
        rest = after;
        match name {
            "json" => json = true,
            "tcp" => tcp = true,
            _ => rest = request.take(name, after, read)?,
        }
    }
    Ok(Request { dict: request.dict(command), json, tcp })
}

/// The command of a name in which hyphens, underscores and blanks are alike.
fn command(name: &str) -> Result<Command, Problem> {
    let plain = |name: &str| name.replace(['-', '_'], " ").to_ascii_lowercase();
    let info = Command::ALL.iter().find(|info| plain(info.name) == plain(name));
    info.map(|info| info.command).ok_or_else(|| Problem::Text(format!("No ng command is called '{name}'")))
}

struct Builder {
    keys: Vec<KeyRow>,
    entries: Vec<(String, Vec<Value<'static>>)>,
    flags: Vec<Value<'static>>,
}

impl Builder {
    /// Takes one `--name`, with its value if it has one; returns the words left.
    fn take<'a>(&mut self, name: &str, after: &'a [String], read: ReadFile) -> Result<&'a [String], Problem> {
        if let Some((key, value)) = name.split_once('=') {
            self.key(key, value, read)?;
            return Ok(after);
        }
        let follows = after.first().filter(|word| !word.starts_with("--"));
        let is_key = self.row(name).is_some();
        match (follows, after.split_first()) {
            (Some(value), Some((_, rest))) if is_key || !is_flag(name) => {
                self.key(name, value, read)?;
                Ok(rest)
            }
            _ if is_key && !is_flag(name) => Err(Problem::Text(format!("--{name} needs a value"))),
            _ => {
                self.flags.push(Value::from(name.to_owned()));
                Ok(after)
            }
        }
    }

    fn row(&self, name: &str) -> Option<&KeyRow> {
        self.keys.iter().find(|row| row.name == name || row.synonyms.contains(&name))
    }

    fn key(&mut self, name: &str, value: &str, read: ReadFile) -> Result<(), Problem> {
        let value = if FILE_KEYS.contains(&name) {
            let bytes = read(value)
                .map_err(|error| Problem::Text(format!("{value}: {}", super::text::strerror(&error))))?;
            Value::from(bytes)
        } else if self.row(name).is_some_and(|row| row.value_type == "integer") {
            let number = value.parse::<i64>();
            Value::Int(number.map_err(|_| Problem::Text(format!("--{name} needs a number, not '{value}'")))?)
        } else {
            Value::from(value.to_owned())
        };
        match self.entries.iter_mut().find(|(key, _)| key == name) {
            Some((_, values)) => values.push(value),
            None => self.entries.push((name.to_owned(), vec![value])),
        }
        Ok(())
    }

    fn dict(self, command: Command) -> Dict<'static> {
        let mut dict = Dict::new().with("command", command.name());
        for (name, values) in self.entries {
            let is_list = self.keys.iter().any(|row| {
                row.value_type == "list" && (row.name == name || row.synonyms.contains(&name.as_str()))
            });
            let mut values = values;
            let value = match (values.len(), is_list) {
                (1, false) => values.remove(0),
                _ => Value::List(values),
            };
            dict.push(name.into_bytes(), value);
        }
        if !self.flags.is_empty() {
            dict.push("flags", Value::List(self.flags));
        }
        dict
    }
}

fn is_flag(name: &str) -> bool {
    reference::flags().iter().any(|row| row.name == name || row.synonyms.contains(&name))
}

fn help() -> String {
    let mut text = String::from(
        "rtpengine-ctl [OPTION...] ng COMMAND [--KEY VALUE...] [--FLAG...]\n\n\
         Sends a request of the ng protocol and prints the reply.\n\n\
         Options: --ip ADDR[:PORT] (127.0.0.1), --port N (2223), --config-file FILE, --tcp, --json\n\
         --sdp and --blob take the name of a file, - for standard input. --KEY=VALUE works too.\n\
         A key given several times becomes a list. Status: 0 ok, 1 error reply, 2 bad arguments, 3 no reply.\n\n\
         Commands:\n",
    );
    for info in Command::ALL {
        text.push_str(&format!("  {:<20} {}\n", info.name.replace(' ', "-"), info.meaning));
    }
    text.push_str("\nKeys:\n");
    for row in reference::keys() {
        text.push_str(&format!("  --{:<28} {}\n", row.name, row.meaning));
    }
    text.push_str("\nFlags: see rtpengine(8); any name without a value is sent as a flag.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, Problem> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        build(&words, &|name| Ok(format!("content of {name}").into_bytes()))
    }

    fn json(line: &str) -> String {
        let mut out = vec![];
        Encoding::Json.write(&request(line).unwrap().dict, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn problem(line: &str) -> String {
        match request(line).unwrap_err() {
            Problem::Text(text) => text,
            Problem::Help => "help".into(),
        }
    }

    #[test]
    fn requests() {
        assert_eq!(json("ping"), r#"{"command":"ping"}"#);
        assert_eq!(
            json("offer --call-id 1 --from-tag a --sdp x.sdp --ICE=remove --trust-address"),
            r#"{"command":"offer","call-id":"1","from-tag":"a","sdp":"content of x.sdp","ICE":"remove","flags":["trust-address"]}"#
        );
        assert_eq!(json("start-recording --call-id 1"), r#"{"command":"start recording","call-id":"1"}"#);
        assert_eq!(json("block dtmf --call-id=1"), r#"{"command":"block DTMF","call-id":"1"}"#);
        assert_eq!(
            json("offer --replace origin --replace username"),
            r#"{"command":"offer","replace":["origin","username"]}"#
        );
        assert_eq!(json("query --unheard-of x"), r#"{"command":"query","unheard-of":"x"}"#);
        let request = request("ping --json --tcp").unwrap();
        assert!(request.json && request.tcp);
    }

    #[test]
    fn every_command_has_a_name_for_the_command_line() {
        for info in Command::ALL {
            let name = info.name.replace(' ', "-");
            assert_eq!(command(&name), Ok(info.command));
        }
    }

    #[test]
    fn problems() {
        assert_eq!(problem("pong"), "No ng command is called 'pong'");
        assert_eq!(problem("query x --call-id"), "No ng command is called 'query x'");
        assert_eq!(problem("query --call-id"), "--call-id needs a value");
        assert_eq!(problem("query --call-id 1 x"), "'x' is neither a key nor a flag");
        assert_eq!(problem("--help"), "help");
        assert_eq!(problem("offer --help"), "help");
        let missing = build(&["offer".into(), "--sdp".into(), "x".into()], &|_| {
            Err(std::io::Error::from_raw_os_error(2))
        });
        assert_eq!(missing, Err(Problem::Text("x: No such file or directory".into())));
    }
}
