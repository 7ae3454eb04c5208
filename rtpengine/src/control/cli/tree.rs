//! The tables of commands: one per level, walked by the words of a line, printed by `help` and `usage` (operations.md §6.2).

use rtpengine_common::log::Subsystem;

use super::listing;
use super::number;
use super::tunables::Tunable;
use super::{CallAction, CliCommand, Params, Sessions};
use crate::player::command::{Kind, MediaCommand};

/// An understood command, or an answer that says why not.
type Parsed = Result<CliCommand, String>;

/// One word of a level.
struct Node {
    word: &'static str,
    parameters: &'static str,
    help: &'static str,
    then: Then,
}

/// What follows a word.
enum Then {
    /// Another level.
    Level(&'static [Node]),
    /// The words left are parameters.
    Command(fn(&[&str]) -> Parsed),
    /// A setting to show.
    List(Tunable),
    /// A setting to change.
    Set(Tunable),
    /// A fixed command.
    Fixed(CliCommand),
}

const fn level(word: &'static str, help: &'static str, nodes: &'static [Node]) -> Node {
    Node { word, parameters: "", help, then: Then::Level(nodes) }
}

const fn command(
    word: &'static str,
    parameters: &'static str,
    help: &'static str,
    run: fn(&[&str]) -> Parsed,
) -> Node {
    Node { word, parameters, help, then: Then::Command(run) }
}

const fn fixed(word: &'static str, help: &'static str, command: CliCommand) -> Node {
    Node { word, parameters: "", help, then: Then::Fixed(command) }
}

const fn list(word: &'static str, help: &'static str, tunable: Tunable) -> Node {
    Node { word, parameters: "", help, then: Then::List(tunable) }
}

const fn set(word: &'static str, parameters: &'static str, help: &'static str, tunable: Tunable) -> Node {
    Node { word, parameters, help, then: Then::Set(tunable) }
}

static TOP: &[Node] = &[
    command("usage", "", "Print this list", |_| Err(usage())),
    level("list", "Show state and settings", LIST),
    level("terminate", "End calls at once", TERMINATE),
    level("set", "Change settings", SET),
    level("get", "Same as list", LIST),
    level("params", "All settings", PARAMS),
    command("ksadd", "<keyspace>", "Subscribe to a Redis keyspace", no_keyspaces),
    command("ksrm", "<keyspace>", "Unsubscribe from a Redis keyspace", no_keyspaces),
    command("kslist", "", "List the subscribed Redis keyspaces", no_keyspaces),
    fixed("active", "Make all calls own ones", CliCommand::Active),
    fixed("standby", "Make all calls foreign ones", CliCommand::Standby),
    command("debug", "<call-id> [on|off]", "Log everything about a call", debug),
    command("call", "<call-id> <command>", "Work on one call", call),
    level("media", "Media files and caches", MEDIA),
];

static LIST: &[Node] = &[
    fixed("numsessions", "Number of calls", CliCommand::ListNumSessions),
    level("sessions", "Calls", SESSIONS),
    fixed("totals", "All statistics", CliCommand::ListTotals),
    fixed("counters", "Counters per second", CliCommand::ListCounters),
    fixed("maxopenfiles", "Limit of open files", CliCommand::ListMaxOpenFiles),
    list("maxsessions", "Limit of own calls", Tunable::MaxSessions),
    list("maxcpu", "Limit of processor use", Tunable::MaxCpu),
    list("maxload", "Limit of the load average", Tunable::MaxLoad),
    list("maxbw", "Limit of received bytes per second", Tunable::MaxBandwidth),
    list("timeout", "Time-out without media", Tunable::Timeout),
    list("silenttimeout", "Time-out of muted streams", Tunable::SilentTimeout),
    list("offertimeout", "Time-out without answer", Tunable::OfferTimeout),
    list("finaltimeout", "Longest life of a call", Tunable::FinalTimeout),
    command("loglevels", "", "Names and descriptions of the log subsystems", |_| Err(listing::subsystems())),
    command("loglevel", "[subsystem]", "Log levels", list_log_level),
    list("redisallowederrors", "Redis failures before a pause", Tunable::RedisAllowedErrors),
    list("redisdisabletime", "Pause after Redis failures", Tunable::RedisDisableTime),
    list("redisconnecttimeout", "Time-out of connecting to Redis", Tunable::RedisConnectTimeout),
    list("rediscmdtimeout", "Time-out of Redis commands", Tunable::RedisCommandTimeout),
    list("controltos", "Type of service of ng replies", Tunable::ControlTos),
    list("deletedelay", "Delay of deletion", Tunable::DeleteDelay),
    fixed("interfaces", "Local addresses and their ports", CliCommand::ListInterfaces),
    fixed("jsonstats", "All statistics as JSON", CliCommand::ListJsonStats),
    fixed("transcoders", "Active transcoders", CliCommand::ListTranscoders),
];

static SESSIONS: &[Node] = &[
    fixed("all", "Every call", CliCommand::ListSessions(Sessions::All)),
    fixed("own", "Calls of this instance", CliCommand::ListSessions(Sessions::Own)),
    fixed("foreign", "Calls of other instances", CliCommand::ListSessions(Sessions::Foreign)),
    fixed("recording", "Calls being recorded", CliCommand::ListSessions(Sessions::Recording)),
    Node {
        word: "",
        parameters: "<call-id>",
        help: "One call in detail",
        then: Then::Command(|words| Ok(CliCommand::ListSessions(Sessions::Call(one(words)?.to_owned())))),
    },
];

static TERMINATE: &[Node] = &[
    fixed("all", "Every call", CliCommand::Terminate(Sessions::All)),
    fixed("own", "Calls of this instance", CliCommand::Terminate(Sessions::Own)),
    fixed("foreign", "Calls of other instances", CliCommand::Terminate(Sessions::Foreign)),
    Node {
        word: "",
        parameters: "<call-id>",
        help: "One call",
        then: Then::Command(|words| Ok(CliCommand::Terminate(Sessions::Call(one(words)?.to_owned())))),
    },
];

static SET: &[Node] = &[
    command("maxopenfiles", "<uint>", "Limit of open files", max_open_files),
    set("maxsessions", "<int>", "Limit of own calls, -1 for none", Tunable::MaxSessions),
    set("maxcpu", "<float>", "Limit of processor use in percent", Tunable::MaxCpu),
    set("maxload", "<float>", "Limit of the load average", Tunable::MaxLoad),
    set("maxbw", "<uint>", "Limit of received bytes per second", Tunable::MaxBandwidth),
    set("timeout", "<uint>", "Seconds without media", Tunable::Timeout),
    set("silenttimeout", "<uint>", "Seconds without media on muted streams", Tunable::SilentTimeout),
    set("offertimeout", "<uint>", "Seconds without answer", Tunable::OfferTimeout),
    set("finaltimeout", "<uint>", "Longest life of a call in seconds", Tunable::FinalTimeout),
    command("loglevel", "[subsystem] <int>", "Log level", set_log_level),
    set(
        "redisallowederrors",
        "<int>",
        "Redis failures before a pause, -1 for never",
        Tunable::RedisAllowedErrors,
    ),
    set("redisdisabletime", "<uint>", "Pause after Redis failures in seconds", Tunable::RedisDisableTime),
    command("redisdisable", "<0|1>", "Writing to the write database", redis_disable),
    set(
        "redisconnecttimeout",
        "<uint>",
        "Time-out of connecting to Redis in ms",
        Tunable::RedisConnectTimeout,
    ),
    set("rediscmdtimeout", "<uint>", "Time-out of Redis commands in ms", Tunable::RedisCommandTimeout),
    set("controltos", "<uint>", "Type of service of ng replies", Tunable::ControlTos),
    set("deletedelay", "<uint>", "Delay of deletion in seconds", Tunable::DeleteDelay),
];

static PARAMS: &[Node] = &[
    fixed("start", "Values at start-up", CliCommand::Params(Params::Start)),
    fixed("current", "Values now", CliCommand::Params(Params::Current)),
    fixed("diff", "What was changed since", CliCommand::Params(Params::Diff)),
    fixed("revert", "Undo the changes", CliCommand::Params(Params::Revert)),
];

static MEDIA: &[Node] = &[
    level("list", "Media held in memory", MEDIA_LIST),
    level("add", "Read media into memory", MEDIA_ADD),
    level("reload", "Read media again", MEDIA_RELOAD),
    level("evict", "Forget media", MEDIA_EVICT),
];

static MEDIA_LIST: &[Node] = &[
    command("files", "", "Media files", |_| media(MediaCommand::List(Kind::Files))),
    command("dbs", "", "Database media", |_| media(MediaCommand::List(Kind::Rows))),
    command("caches", "", "Entries of the database cache", |_| media(MediaCommand::List(Kind::Copies))),
    command("players", "", "Encoded streams", |_| media(MediaCommand::ListPlayers)),
];

static MEDIA_ADD: &[Node] = &[
    command("file", "<path>", "", |words| load_file(words, false)),
    command("db", "<id>", "", |words| load_id(words, Kind::Rows, false)),
    command("cache", "<id>", "", |words| load_id(words, Kind::Copies, false)),
];

static MEDIA_RELOAD: &[Node] = &[
    command("file", "<path>", "", |words| load_file(words, true)),
    command("db", "<id>", "", |words| load_id(words, Kind::Rows, true)),
    command("cache", "<id>", "", |words| load_id(words, Kind::Copies, true)),
    command("files", "", "", |_| media(MediaCommand::ReloadAll(Kind::Files))),
    command("dbs", "", "", |_| media(MediaCommand::ReloadAll(Kind::Rows))),
    command("caches", "", "", |_| media(MediaCommand::ReloadAll(Kind::Copies))),
];

static MEDIA_EVICT: &[Node] = &[
    command("file", "<path>", "", |words| media(MediaCommand::EvictFile(one(words)?.to_owned()))),
    command("db", "<id>...", "", |words| evict_ids(words, Kind::Rows)),
    command("cache", "<id>...", "", |words| evict_ids(words, Kind::Copies)),
    command("files", "", "", |_| media(MediaCommand::EvictAll(Kind::Files))),
    command("dbs", "", "", |_| media(MediaCommand::EvictAll(Kind::Rows))),
    command("caches", "", "", |_| media(MediaCommand::EvictAll(Kind::Copies))),
    command("players", "", "", |_| media(MediaCommand::EvictPlayers)),
];

const MORE: &str = "More parameters required.\n";

/// Walks the tables.
pub(super) fn parse(line: &str) -> Parsed {
    if line.is_empty() {
        return Err("Incomplete command: \n".to_owned());
    }
    let words: Vec<&str> = line.split(' ').collect();
    walk(TOP, &words)
}

fn walk(nodes: &'static [Node], words: &[&str]) -> Parsed {
    let Some((word, rest)) = words.split_first() else { return Err(MORE.to_owned()) };
    if *word == "help" {
        return Err(help(nodes));
    }
    // A level may end with a node without a word: anything else that stands there is its parameter.
    let named = nodes.iter().find(|node| node.word == *word && !node.word.is_empty());
    let open = nodes.iter().find(|node| node.word.is_empty() && !word.is_empty());
    match (named, open) {
        (Some(node), _) => run(node, rest),
        (None, Some(node)) => run(node, words),
        (None, None) => Err(format!("Unknown command: {word}\n")),
    }
}

fn run(node: &'static Node, rest: &[&str]) -> Parsed {
    match &node.then {
        Then::Level(nodes) => walk(nodes, rest),
        Then::Command(run) => run(rest),
        Then::List(tunable) => Ok(CliCommand::List(*tunable)),
        Then::Set(tunable) => tunable.change(one(rest)?).map(CliCommand::Set),
        Then::Fixed(command) => Ok(command.clone()),
    }
}

/// Width of the first column of `help` and `usage`.
const COLUMN: usize = 50;

fn entry(node: &Node) -> String {
    let separator = if node.word.is_empty() || node.parameters.is_empty() { "" } else { " " };
    let head = format!("{}{separator}{}", node.word, node.parameters);
    if node.help.is_empty() { head } else { format!("{head:<COLUMN$}: {}", node.help) }
}

fn help(nodes: &[Node]) -> String {
    let lines = nodes.iter().map(|node| format!("\t{}\n", entry(node)));
    format!("Available sub-commands at this level:\n{}", lines.collect::<String>())
}

fn usage() -> String {
    let mut out = String::from("    Supported commands are:\n\n");
    for node in TOP {
        branch(node, 1, &mut out);
        out.push('\n');
    }
    out
}

/// The tree is four levels deep.
fn branch(node: &Node, depth: usize, out: &mut String) {
    out.push_str(&"    ".repeat(depth));
    out.push_str(&entry(node));
    out.push('\n');
    if let Then::Level(nodes) = node.then {
        for node in nodes {
            branch(node, depth + 1, out);
        }
    }
}

fn one<'a>(words: &[&'a str]) -> Result<&'a str, String> {
    words.first().copied().filter(|word| !word.is_empty()).ok_or_else(|| MORE.to_owned())
}

fn no_keyspaces(_: &[&str]) -> Parsed {
    Err("Keyspace notification feature has not been configured.\n".to_owned())
}

fn list_log_level(words: &[&str]) -> Parsed {
    match words.first() {
        None => Ok(CliCommand::ListLogLevel(None)),
        Some(name) => match Subsystem::from_name(name) {
            Some(subsystem) => Ok(CliCommand::ListLogLevel(Some(subsystem))),
            None => Err(String::new()),
        },
    }
}

fn set_log_level(words: &[&str]) -> Parsed {
    let level = |text: &str| number::integer(text).ok().and_then(|level| i32::try_from(level).ok());
    match *words {
        [text] => match level(text) {
            Some(level) => Ok(CliCommand::SetLogLevel(None, level)),
            None => Err(MORE.to_owned()),
        },
        [name, text, ..] => {
            let level = level(text).unwrap_or(0);
            match Subsystem::from_name(name) {
                Some(subsystem) => Ok(CliCommand::SetLogLevel(Some(subsystem), level)),
                // The historic program reports success for an unknown subsystem too.
                None => Err(listing::log_level_set(level)),
            }
        }
        [] => Err(MORE.to_owned()),
    }
}

/// Fewest open files that may be set.
const FEWEST_FILES: u64 = 65_536;

fn max_open_files(words: &[&str]) -> Parsed {
    let text = one(words)?;
    match number::unsigned(text) {
        Ok(files) if files >= FEWEST_FILES => Ok(CliCommand::SetMaxOpenFiles(files)),
        Ok(files) => Err(format!("Fail setting open_files to {files}; can't set it under {FEWEST_FILES}\n")),
        Err(number::NumberError::NoDigits) => {
            Err(format!("Fail setting open_files to {text}; no digits found\n"))
        }
        Err(number::NumberError::Range) => Err(format!("Fail setting open_files to {text}; errno = 34\n")),
    }
}

fn redis_disable(words: &[&str]) -> Parsed {
    let text = one(words)?;
    Err(match number::integer(text) {
        Ok(1) => "No redis write to disable\n".to_owned(),
        Ok(0) => "No redis write to re-enable\n".to_owned(),
        Ok(number) => format!("Invalid redis-disable value {number}, must be >= 0\n"),
        Err(_) => format!("Invalid redis-disable value {text}, must be >= 0\n"),
    })
}

fn media(command: MediaCommand) -> Parsed {
    Ok(CliCommand::Media(command))
}

fn load_file(words: &[&str], again: bool) -> Parsed {
    media(MediaCommand::LoadFile { path: one(words)?.to_owned(), again })
}

fn load_id(words: &[&str], kind: Kind, again: bool) -> Parsed {
    media(MediaCommand::LoadId { kind, id: one(words)?.to_owned(), again })
}

fn evict_ids(words: &[&str], kind: Kind) -> Parsed {
    one(words)?;
    media(MediaCommand::EvictIds(kind, words.iter().map(|&word| word.to_owned()).collect()))
}

fn on_off(words: &[&str]) -> Result<bool, String> {
    match words.first() {
        None | Some(&"on" | &"enable") => Ok(true),
        Some(&"off" | &"disable") => Ok(false),
        Some(other) => Err(format!("Invalid on/off flag ('{other}') specified\n")),
    }
}

fn debug(words: &[&str]) -> Parsed {
    let (call_id, rest) = named(words, "No call ID specified\n")?;
    Ok(CliCommand::Debug { call_id, on: on_off(rest)? })
}

fn named<'w, 'a>(words: &'w [&'a str], missing: &str) -> Result<(String, &'w [&'a str]), String> {
    match words.split_first() {
        Some((name, rest)) if !name.is_empty() => Ok(((*name).to_owned(), rest)),
        _ => Err(missing.to_owned()),
    }
}

fn call(words: &[&str]) -> Parsed {
    let (call_id, rest) = named(words, "No call ID specified\n")?;
    let (word, rest) = rest.split_first().ok_or(MORE)?;
    let action = match *word {
        "info" => CallAction::Info,
        "terminate" => CallAction::Terminate,
        "debug" => CallAction::Debug(on_off(rest)?),
        "tag" => party(rest)?,
        other => return Err(format!("Unknown command: {other}\n")),
    };
    Ok(CliCommand::Call { call_id, action })
}

fn party(words: &[&str]) -> Result<CallAction, String> {
    let (tag, rest) = named(words, "No tag specified\n")?;
    let (word, rest) = rest.split_first().ok_or(MORE)?;
    match *word {
        "info" => Ok(CallAction::PartyInfo(tag)),
        "delay" => {
            let text = one(rest)?;
            let delay = number::integer(text).ok().and_then(|delay| u32::try_from(delay).ok());
            let delay_ms = delay.ok_or_else(|| format!("Invalid delay {text}\n"))?;
            Ok(CallAction::PartyDelay { tag, delay_ms })
        }
        "detect-dtmf" => match one(rest)? {
            "0" => Ok(CallAction::PartyDetectDtmf { tag, on: false }),
            "1" => Ok(CallAction::PartyDetectDtmf { tag, on: true }),
            other => Err(format!("Invalid setting {other}\n")),
        },
        other => Err(format!("Unknown command: {other}\n")),
    }
}
