//! The `rtpp-flags` string and templates (ng-control.md §9.1): keys and flags in one line of text.
//!
//! Malformed input never fails a request and never swallows what follows it: brackets are matched in one pass before
//! anything is read, and a bracket without its partner is skipped alone.

use std::borrow::Cow;

use super::numbers::Source;
use super::parser::Parser;
use super::warning::excerpt;
use super::{Flag, Transport, TransportProtocol, Warning, structures};
use crate::bencode::{Dict, MAX_DEPTH, Value};

/// Evaluates a flags string.
pub(crate) fn read(parser: &mut Parser<'_>, text: &[u8]) {
    let mut reader = Reader { text, at: 0, closing: match_brackets(text), selection: None, directions: 0 };
    while let Some(token) = reader.token(parser) {
        reader.evaluate(parser, &token);
    }
    if let Some(selection) = reader.selection {
        selection.apply(parser);
    }
}

/// A token of the outermost level.
struct Token<'t> {
    key: &'t [u8],
    /// Absent also when nothing follows the `=`.
    value: Option<Value<'t>>,
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// Positions of opening brackets with those of their partners, ascending.
    closing: Vec<(usize, usize)>,
    selection: Option<Selection>,
    directions: u8,
}

/// The brackets that open a container: at the beginning of an element or after the first `=` of one. A `]` closes the
/// innermost open one. Containers nested too deeply count as unmatched.
fn match_brackets(text: &[u8]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut may_open = true;
    let mut seen_equals = false;
    for (at, byte) in text.iter().enumerate() {
        let opens = may_open && *byte == b'[';
        match byte {
            b'[' if opens => {
                open.push(pairs.len());
                pairs.push((at, usize::MAX));
                seen_equals = false;
            }
            b']' => {
                if let Some(pair) = open.pop().and_then(|index| pairs.get_mut(index)) {
                    pair.1 = at;
                }
                seen_equals = false;
            }
            _ => {}
        }
        may_open = match byte {
            b' ' => true,
            b'=' => !seen_equals,
            b'[' => opens,
            b']' => true,
            _ => false,
        };
        seen_equals = match byte {
            b' ' => false,
            b'=' => true,
            _ => seen_equals,
        };
    }
    pairs.retain(|(_, close)| *close != usize::MAX);
    pairs
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn slice(&self, from: usize, to: usize) -> &'t [u8] {
        self.text.get(from..to).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// The partner of the bracket that opens here, if it does.
    fn closing(&self, at: usize) -> Option<usize> {
        let index = self.closing.binary_search_by_key(&at, |(open, _)| *open).ok()?;
        self.closing.get(index).map(|(_, close)| *close)
    }

    /// The position of the first of these bytes from here on, or the end.
    fn until(&self, stop: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.iter().position(|byte| stop(*byte)).map_or(self.text.len(), |offset| self.at + offset)
    }

    /// The next token of the outermost level; what cannot be understood is skipped with a warning.
    fn token(&mut self, parser: &mut Parser<'_>) -> Option<Token<'t>> {
        loop {
            self.skip_spaces();
            let start = self.at;
            match self.peek()? {
                b'[' => {
                    // A group without a key goes as a whole, a bracket without its partner alone.
                    self.at = self.closing(start).unwrap_or(start) + 1;
                    malformed(parser, self.slice(start, self.at));
                }
                b']' | b'=' => {
                    self.at += 1;
                    malformed(parser, self.slice(start, self.at));
                }
                _ => {
                    if let Some(token) = self.key_and_value(parser) {
                        return Some(token);
                    }
                }
            }
        }
    }

    fn key_and_value(&mut self, parser: &mut Parser<'_>) -> Option<Token<'t>> {
        let start = self.at;
        let end = self.until(|byte| matches!(byte, b' ' | b'='));
        let key = self.slice(start, end);
        self.at = end;
        if self.peek() != Some(b'=') {
            return Some(Token { key, value: None });
        }
        self.at += 1;
        match self.peek() {
            None | Some(b' ') => Some(Token { key, value: None }),
            Some(b'[') => {
                let value = self.container(parser);
                if value.is_none() {
                    self.at += 1;
                    malformed(parser, self.slice(start, self.at));
                }
                Some(Token { key, value: Some(value?) })
            }
            Some(_) => {
                let from = self.at;
                self.at = self.until(|byte| byte == b' ');
                Some(Token { key, value: Some(bytes(self.slice(from, self.at))) })
            }
        }
    }

    /// The container that begins here, if its bracket has a partner; the position is then behind that.
    fn container(&mut self, parser: &mut Parser<'_>) -> Option<Value<'t>> {
        self.nested(parser, MAX_DEPTH)
    }

    fn nested(&mut self, parser: &mut Parser<'_>, depth: usize) -> Option<Value<'t>> {
        let close = self.closing(self.at)?;
        let depth = depth.checked_sub(1)?;
        self.at += 1;
        self.skip_spaces();
        let value = if self.peek() != Some(b'[') && self.first_element_has_value() {
            Value::Dict(self.entries(parser, close, depth))
        } else {
            Value::List(self.items(parser, close, depth))
        };
        self.at = close + 1;
        Some(value)
    }

    /// Whether the element here contains `=` followed by something.
    fn first_element_has_value(&self) -> bool {
        let end = self.until(|byte| matches!(byte, b' ' | b'=' | b']'));
        let next = self.text.get(end + 1);
        self.text.get(end) == Some(&b'=') && next.is_some_and(|byte| !matches!(byte, b' ' | b']'))
    }

    fn items(&mut self, parser: &mut Parser<'_>, close: usize, depth: usize) -> Vec<Value<'t>> {
        let mut items = Vec::new();
        loop {
            self.skip_spaces();
            if self.at >= close {
                return items;
            }
            let start = self.at;
            if self.closing(start).is_some() {
                match self.nested(parser, depth) {
                    Some(item) => items.push(item),
                    None => self.skip_group(parser, start),
                }
                continue;
            }
            self.at = self.until(|byte| matches!(byte, b' ' | b']')).min(close);
            // `name=[...]` has no place in a list.
            match self.opening_within(start, self.at) {
                Some(open) => self.skip_group(parser, open),
                None => items.push(bytes(self.slice(start, self.at))),
            }
        }
    }

    fn entries(&mut self, parser: &mut Parser<'_>, close: usize, depth: usize) -> Dict<'t> {
        let mut dict = Dict::new();
        loop {
            self.skip_spaces();
            if self.at >= close {
                return dict;
            }
            let start = self.at;
            let end = self.until(|byte| matches!(byte, b' ' | b'=' | b']')).min(close);
            let key = self.slice(start, end);
            if self.text.get(end) != Some(&b'=') || key.is_empty() {
                parser.request.warn(Warning::DictionaryEnded(excerpt(self.slice(start, close))));
                return dict;
            }
            self.at = end + 1;
            let from = self.at;
            if self.closing(from).is_some() {
                match self.nested(parser, depth) {
                    Some(value) => {
                        dict.push(key, value);
                    }
                    None => self.skip_group(parser, from),
                }
                continue;
            }
            self.at = self.until(|byte| matches!(byte, b' ' | b']')).min(close);
            match self.slice(from, self.at) {
                b"" => malformed(parser, self.slice(start, self.at)),
                value => {
                    dict.push(key, bytes(value));
                }
            }
        }
    }

    /// The first opening bracket with a partner in this range.
    fn opening_within(&self, from: usize, to: usize) -> Option<usize> {
        let first = self.closing.partition_point(|(open, _)| *open < from);
        self.closing.get(first).map(|(open, _)| *open).filter(|open| *open < to)
    }

    fn skip_group(&mut self, parser: &mut Parser<'_>, open: usize) {
        let close = self.closing(open).unwrap_or(open);
        malformed(parser, self.slice(open, close + 1));
        self.at = close + 1;
    }

    fn evaluate(&mut self, parser: &mut Parser<'_>, token: &Token<'_>) {
        match &token.value {
            None => self.word(parser, token.key),
            Some(value) => self.pair(parser, token.key, value),
        }
    }

    /// A token without value: a special one or an element of `flags`.
    fn word(&mut self, parser: &mut Parser<'_>, word: &[u8]) {
        if let Some(protocol) = Transport::from_name(word).filter(|protocol| *protocol != Transport::Udptl) {
            parser.request.transport_protocol = Some(TransportProtocol::Use(protocol));
            return;
        }
        match word {
            b"internal" | b"external" => self.direction(parser, word),
            _ if self.select(word) => {}
            _ => parser.flag(word),
        }
    }

    /// `RTP`, `SRTP`, `AVP`, `AVPF`, `DTLS`.
    fn select(&mut self, word: &[u8]) -> bool {
        let mut selection = self.selection.unwrap_or_default();
        match word {
            b"RTP" => selection.secure = false,
            b"SRTP" => selection.secure = true,
            b"AVP" => selection.feedback = false,
            b"AVPF" => selection.feedback = true,
            b"DTLS" => selection.tls = true,
            _ => return false,
        }
        self.selection = Some(selection);
        true
    }

    fn pair(&mut self, parser: &mut Parser<'_>, key: &[u8], value: &Value<'_>) {
        if let Some(list) = codec_form(key) {
            return structures::codec_member(parser, list, value);
        }
        match (key, value) {
            (b"to-tag" | b"to_tag", _) => parser.request.set_flag(Flag::ToTag),
            (b"from-tag", _) => parser.request.set_flag(Flag::Directional),
            (b"direction", Value::Bytes(name)) => return self.direction(parser, name),
            (b"direction", _) => self.directions = 2,
            _ => {}
        }
        // Errors of structures have become warnings, as the source is a flags string.
        let _ = parser.key(key, value, Source::Flags);
    }

    /// The first one is towards the sender, the second one towards the receiver.
    fn direction(&mut self, parser: &mut Parser<'_>, name: &[u8]) {
        match self.directions {
            0 => parser.request.from_interface = Some(name.into()),
            1 => parser.request.to_interface = Some(name.into()),
            _ => return parser.request.warn(Warning::TooManyDirections(excerpt(name))),
        }
        self.directions += 1;
    }
}

/// The member of the `codec` dictionary that this key of a flags string stands for.
fn codec_form(key: &[u8]) -> Option<&[u8]> {
    match key {
        b"transcode" => Some(key),
        _ => key.strip_prefix(b"codec-").filter(|list| {
            let known: [&[u8]; 9] = [
                b"transcode",
                b"strip",
                b"offer",
                b"mask",
                b"set",
                b"accept",
                b"except",
                b"consume",
                b"ignore",
            ];
            known.contains(list)
        }),
    }
}

fn bytes(text: &[u8]) -> Value<'_> {
    Value::Bytes(Cow::Borrowed(text))
}

fn malformed(parser: &mut Parser<'_>, text: &[u8]) {
    parser.request.warn(Warning::Malformed(excerpt(text)));
}

/// The transport protocol as collected from single words.
#[derive(Clone, Copy, Default)]
struct Selection {
    secure: bool,
    feedback: bool,
    tls: bool,
}

impl Selection {
    fn apply(self, parser: &mut Parser<'_>) {
        // SRTP and DTLS together name no protocol: then the words have no effect.
        let Some(protocol) = Transport::from_properties(self.secure, self.feedback, self.tls) else { return };
        parser.request.transport_protocol = Some(TransportProtocol::Use(protocol));
    }
}
