//! The command line: an option table as a `clap` command, and what was typed as [`CommandLine`].
//!
//! `clap` does the splitting (`--name=value`, `-xvalue`, grouped flags, `--`); types and error texts are ours
//! (operations.md §3.1).

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::{Check, Kind, OptionDef, OptionError, Value};

/// Positional arguments are allowed anywhere and ignored.
const IGNORED: &str = "\u{0}ignored";

/// What was typed.
#[derive(Debug)]
pub enum CommandLine {
    /// `--help`, `-h` or `-?`: the text to print on standard output.
    Help(String),
    /// The options given, in table order, with their values.
    Options(Vec<(&'static str, Value)>),
}

/// Builds the `clap` command for a table.
pub fn build(program: &'static str, about: &'static str, table: &'static [OptionDef]) -> Command {
    let mut command = Command::new(program)
        .about(about)
        .disable_version_flag(true)
        .disable_help_flag(true)
        .args_override_self(true)
        .override_usage(format!("{program} [OPTION]..."))
        .max_term_width(110)
        .arg(Arg::new(IGNORED).num_args(0..).hide(true).value_parser(clap::value_parser!(OsString)))
        .arg(
            Arg::new("help")
                .long("help")
                .short('h')
                .short_alias('?')
                .action(ArgAction::Help)
                .help("Print this text"),
        );
    for option in table {
        command = command.arg(argument(option));
    }
    command
}

/// One row as a `clap` argument.
fn argument(option: &'static OptionDef) -> Arg {
    let mut arg = Arg::new(option.long).long(option.long).help(help_text(option));
    if !option.section.is_empty() {
        arg = arg.help_heading(option.section);
    }
    if let Some(letter) = option.short {
        arg = arg.short(letter);
    }
    if !option.aliases.is_empty() {
        arg = arg.aliases(option.aliases.iter().copied());
    }
    let arg = match option.kind {
        Kind::Flag => return arg.action(ArgAction::SetTrue),
        Kind::List => arg.action(ArgAction::Append),
        Kind::Int(_) | Kind::Int64(_) | Kind::Float(_) | Kind::Str(_) | Kind::File(_) => {
            arg.action(ArgAction::Set)
        }
    };
    arg.num_args(1)
        .value_name(option.value_name)
        .allow_hyphen_values(true)
        .value_parser(clap::value_parser!(OsString))
}

/// The help sentence with words, default and the honest note about effect.
pub fn help_text(option: &OptionDef) -> String {
    let mut text = option.help.to_owned();
    if let Check::Words { words, .. } = option.check {
        let names: Vec<_> = words.iter().filter_map(|spellings| spellings.first().copied()).collect();
        text.push_str(&format!("; one of: {}", names.join(", ")));
    }
    let default = option.default_description();
    if !default.is_empty() {
        text.push_str(&format!(" [default: {default}]"));
    }
    match option.effect {
        super::Effect::Effective => {}
        super::Effect::NotYet => text.push_str(" [not yet effective]"),
        super::Effect::Without(reason) => text.push_str(&format!(" [without effect: {reason}]")),
    }
    text
}

/// Parses a command line; `args` begins with the program's name.
pub fn parse(
    program: &'static str,
    about: &'static str,
    table: &'static [OptionDef],
    args: impl IntoIterator<Item = OsString>,
) -> Result<CommandLine, OptionError> {
    let matches = match build(program, about, table).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(CommandLine::Help(error.render().to_string()));
        }
        Err(error) => return Err(OptionError::Syntax(reason(&error))),
    };
    let mut given = Vec::new();
    for option in table {
        if option.kind == Kind::Flag {
            if matches.get_flag(option.long) {
                given.push((option.long, Value::Flag(true)));
            }
            continue;
        }
        let Some(raw) = matches.get_many::<OsString>(option.long) else { continue };
        let texts = raw.map(|text| utf8(option, text)).collect::<Result<Vec<_>, _>>()?;
        if option.kind == Kind::List {
            given.push((option.long, Value::List(texts)));
        } else if let Some(text) = texts.last() {
            given.push((option.long, typed(option, text)?));
        }
    }
    Ok(CommandLine::Options(given))
}

fn utf8(option: &OptionDef, text: &OsString) -> Result<String, OptionError> {
    text.to_str().map(str::to_owned).ok_or_else(|| {
        OptionError::syntax(format!("Argument of --{} is not UTF-8; write it in UTF-8", option.long))
    })
}

/// The reason in the words of operations.md §3.1.
fn reason(error: &clap::Error) -> String {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => text.as_str(),
        Some(ContextValue::Strings(texts)) => texts.first().map_or("", String::as_str),
        _ => "",
    };
    let name = argument.split([' ', '=', '<']).next().unwrap_or(argument);
    match error.kind() {
        ErrorKind::UnknownArgument => format!("Unknown option {name}"),
        ErrorKind::TooManyValues => format!("Option {name} takes no argument"),
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            format!("Missing argument for {name}")
        }
        _ => error.render().to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

/// A command-line text as the option's type.
fn typed(option: &OptionDef, text: &str) -> Result<Value, OptionError> {
    match option.kind {
        Kind::Int(_) => {
            let value = integer(option, text)?;
            i32::try_from(value).map(Value::Int).map_err(|_| out_of_range(option, text))
        }
        Kind::Int64(_) => integer(option, text).map(Value::Int64),
        Kind::Float(_) => {
            text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::Float).ok_or_else(
                || OptionError::syntax(format!("Cannot parse double value “{text}” for --{}", option.long)),
            )
        }
        Kind::Str(_) | Kind::File(_) | Kind::List | Kind::Flag => Ok(Value::Text(text.to_owned())),
    }
}

fn out_of_range(option: &OptionDef, text: &str) -> OptionError {
    OptionError::syntax(format!("Integer value “{text}” for --{} out of range", option.long))
}

fn integer(option: &OptionDef, text: &str) -> Result<i64, OptionError> {
    match parse_integer(text) {
        Ok(value) => Ok(value),
        Err(IntegerError::Range) => Err(out_of_range(option, text)),
        Err(IntegerError::Syntax) => {
            Err(OptionError::syntax(format!("Cannot parse integer value “{text}” for --{}", option.long)))
        }
    }
}

/// Why a text is no integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerError {
    /// Not a number.
    Syntax,
    /// More than 64 bits.
    Range,
}

/// An integer as `strtol` with base 0 reads it: optional sign, decimal, `0x` hexadecimal or leading-0 octal; the
/// whole text must be used up.
pub fn parse_integer(text: &str) -> Result<i64, IntegerError> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => (16, hexadecimal),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(IntegerError::Syntax);
    }
    let magnitude = i128::from_str_radix(digits, radix).map_err(|_| IntegerError::Range)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| IntegerError::Range)
}
