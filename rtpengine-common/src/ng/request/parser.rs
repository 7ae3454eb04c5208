//! From a dictionary to a request, driven by the tables.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt as _};

use super::escapes::unescape;
use super::flags::{MEANINGFUL, PLAIN};
use super::keys::{KEYS, Kind};
use super::numbers::{Source, integer};
use super::prefixes::PREFIXES;
use super::warning::excerpt;
use super::words::{Effect, Word, WordList};
use super::{Defaults, Flag, Request, StopRecording, Warning, rtpp_flags};
use crate::bencode::{Dict, Value};
use crate::ng::{ByteString, Command, Encoding, Error, Message};

impl Request {
    /// Parses a decoded message: command, then start values, the templates `default` and the one named like the command,
    /// then the keys in wire order (ng-control.md §4).
    pub fn parse(message: &Message<'_>, defaults: &Defaults) -> Result<Box<Self>, Error> {
        let command = Command::from_name(message.command_name()?).ok_or(Error::UnrecognizedCommand)?;
        let request = Box::new(Self::new(command, message.encoding, defaults));
        if !command.info().evaluates_options {
            return Ok(direct(request, message));
        }
        let mut parser = Parser::new(request, defaults);
        parser.automatic_templates();
        parser.dictionary(&message.dict, message.encoding)?;
        Ok(parser.finish())
    }
}

/// Keys of commands without options are looked up directly: the first occurrence counts (ng-control.md §3.3.2, §11.5).
fn direct(mut request: Box<Request>, message: &Message<'_>) -> Box<Request> {
    let text = |key| message.dict.bytes(key).map(ByteString::from);
    match request.command {
        Command::Query => {
            request.call_id = text("call-id");
            request.from_tag = text("from-tag");
            request.to_tag = text("to-tag");
            request.has_to_tag_key = request.to_tag.is_some();
        }
        Command::List => {
            let limit = message.dict.get("limit");
            request.limit = limit.and_then(|value| integer(value, Source::Message(message.encoding)));
        }
        Command::Cli => request.body = text("body"),
        _ => {}
    }
    request
}

/// The request while it is being read.
pub(crate) struct Parser<'d> {
    pub(crate) request: Box<Request>,
    /// Key `blob64` as written: decoded at the end, if there is no `blob` with something in it.
    pub(crate) blob64: Option<ByteString>,
    defaults: &'d Defaults,
    template_depth: u8,
    templates_used: u8,
}

impl<'d> Parser<'d> {
    /// Templates inside each other.
    const MAX_TEMPLATE_DEPTH: u8 = 8;
    /// Templates per request.
    const MAX_TEMPLATES: u8 = 64;

    pub(crate) fn new(request: Box<Request>, defaults: &'d Defaults) -> Self {
        Self { request, blob64: None, defaults, template_depth: 0, templates_used: 0 }
    }

    fn automatic_templates(&mut self) {
        if self.defaults.templates.is_empty() {
            return;
        }
        for name in ["default", self.request.command.name()] {
            if let Some(flags) = self.defaults.templates.get(name.as_bytes()) {
                self.flags_string_of_template(name.as_bytes(), flags);
            }
        }
    }

    fn dictionary(&mut self, dict: &Dict<'_>, encoding: Encoding) -> Result<(), Error> {
        for (key, value) in dict.iter() {
            self.key(key, value, Source::Message(encoding))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Box<Request> {
        self.decode_blob64();
        if self.request.has(Flag::StrictSource) && self.request.has(Flag::MediaHandover) {
            self.request.warn(Warning::StrictSourceAndHandover);
        }
        self.request
    }

    /// One key with its value. Errors are possible only from the message itself (ng-control.md §13 B).
    pub(crate) fn key(&mut self, name: &[u8], value: &Value<'_>, source: Source) -> Result<(), Error> {
        let Some(position) = INDEX.keys.find(name) else {
            self.request.warn(Warning::UnknownKey(excerpt(name)));
            return Ok(());
        };
        let Some(key) = KEYS.get(position) else { return Ok(()) };
        match key.kind {
            Kind::Text(field) => {
                if let Value::Bytes(text) = value {
                    *field(&mut self.request) = Some(text.as_ref().into());
                }
            }
            Kind::Integer(set) => {
                if let Some(number) = integer(value, source) {
                    set(&mut self.request, number);
                }
            }
            Kind::Word(list) => {
                if let Value::Bytes(text) = value {
                    self.word(list, text);
                }
            }
            Kind::Words(list) => self.each_string(value, |parser, text| parser.word(list, text)),
            Kind::Strings(field) => {
                self.each_string(value, |parser, text| field(&mut parser.request).push(unescape(text)));
            }
            Kind::Custom(read, _) => return self.custom(key.names[0], read, value, source),
            Kind::Ignored => {}
        }
        Ok(())
    }

    fn custom(
        &mut self,
        key: &'static str,
        read: ReadKey,
        value: &Value<'_>,
        source: Source,
    ) -> Result<(), Error> {
        match (read(self, value, source), source) {
            (Err(error), Source::Flags) => {
                self.request.warn(Warning::BadStructure { key, error });
                Ok(())
            }
            (result, _) => result,
        }
    }

    /// The elements of a list of strings; a plain string is split at commas (ng-control.md §3.3).
    pub(crate) fn each_string(&mut self, value: &Value<'_>, mut take: impl FnMut(&mut Self, &[u8])) {
        match value {
            Value::Bytes(text) => {
                text.split(|byte| *byte == b',')
                    .filter(|part| !part.is_empty())
                    .for_each(|part| take(self, part));
            }
            Value::List(list) => {
                list.iter()
                    .filter_map(Value::as_bytes)
                    .filter(|text| !text.is_empty())
                    .for_each(|text| take(self, text));
            }
            Value::Int(_) | Value::Dict(_) | Value::Null => {}
        }
    }

    /// One value out of a list of words.
    pub(crate) fn word(&mut self, list: &WordList, value: &[u8]) {
        if let Some(word) = list.find(value) {
            return self.apply(word, list.key, value);
        }
        let taken = list.other.is_some_and(|take| take(&mut self.request, value));
        if !taken && !value.is_empty() {
            self.request.warn(Warning::unknown_value(list.key, value));
        }
    }

    /// One element of `flags`: a word of the table, or a prefix form.
    pub(crate) fn flag(&mut self, value: &[u8]) {
        if let Some(word) = INDEX.flags.find(value).and_then(flag_word) {
            return self.apply(word, "flags", value);
        }
        let command = self.request.command;
        let prefix = PREFIXES.iter().find_map(|form| Some((form, form.rest(value, command)?)));
        match prefix {
            Some((form, rest)) => (form.apply)(self, rest),
            None => self.request.warn(Warning::UnknownFlag(excerpt(value))),
        }
    }

    fn apply(&mut self, word: &Word, key: &'static str, value: &[u8]) {
        let request = &mut self.request;
        match word.effect {
            Effect::Flag(flag) => request.set_flag(flag),
            Effect::Do(set) => set(request),
            Effect::NotInAnswer(set) if request.command != Command::Answer => set(request),
            Effect::NotInAnswer(_) => request.warn(Warning::NotInAnswer { key, value: excerpt(value) }),
            Effect::Obsolete => request.warn(Warning::Obsolete(excerpt(value))),
        }
    }

    /// Evaluates the template of this name here (ng-control.md §9.3).
    pub(crate) fn template(&mut self, name: &[u8]) {
        let defaults = self.defaults;
        match defaults.templates.get(name) {
            Some(flags) => self.flags_string_of_template(name, flags),
            None => self.request.warn(Warning::UnknownTemplate(excerpt(name))),
        }
    }

    fn flags_string_of_template(&mut self, name: &[u8], flags: &[u8]) {
        if self.template_depth == Self::MAX_TEMPLATE_DEPTH || self.templates_used == Self::MAX_TEMPLATES {
            return self.request.warn(Warning::TemplateDepth(excerpt(name)));
        }
        self.template_depth += 1;
        self.templates_used += 1;
        rtpp_flags::read(self, flags);
        self.template_depth -= 1;
    }
}

impl Request {
    /// Sets a flag together with the choice that the order of some of them makes.
    pub(crate) fn set_flag(&mut self, flag: Flag) {
        self.flags.set(flag);
        match flag {
            Flag::Pause => self.recording.stop = StopRecording::Pause,
            Flag::DiscardRecording => self.recording.stop = StopRecording::Discard,
            _ => {}
        }
    }
}

/// What reads a key of its own kind.
pub(crate) type ReadKey = fn(&mut Parser<'_>, &Value<'_>, Source) -> Result<(), Error>;

/// All words of the `flags` list, in the order of the manual.
pub(crate) fn flag_words() -> impl Iterator<Item = &'static Word> {
    PLAIN.iter().chain(MEANINGFUL)
}

fn flag_word(position: usize) -> Option<&'static Word> {
    PLAIN.get(position).or_else(|| MEANINGFUL.get(position.checked_sub(PLAIN.len())?))
}

/// Spelling → position in its table.
struct Index {
    keys: Names,
    flags: Names,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| Index {
    keys: Names::new(KEYS.iter().map(|key| key.names)),
    flags: Names::new(flag_words().map(|word| word.names)),
});

struct Names {
    positions: HashMap<&'static [u8], usize>,
    longest: usize,
}

impl Names {
    fn new(table: impl Iterator<Item = &'static [&'static str]>) -> Self {
        let mut positions = HashMap::new();
        let mut longest = 0;
        for (position, names) in table.enumerate() {
            for name in names {
                longest = longest.max(name.len());
                positions.insert(name.as_bytes(), position);
            }
        }
        Self { positions, longest }
    }

    /// The position of the row with this spelling; a blank may stand for each hyphen.
    fn find(&self, name: &[u8]) -> Option<usize> {
        if !name.contains(&b' ') {
            return self.positions.get(name).copied();
        }
        if name.len() > self.longest {
            return None;
        }
        let hyphens: Vec<u8> = name.iter().map(|byte| if *byte == b' ' { b'-' } else { *byte }).collect();
        self.positions.get(hyphens.as_slice()).copied()
    }
}
