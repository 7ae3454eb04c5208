//! The rules of ng-control.md §3 to §9 about what a request means.

mod flags;
mod flags_string;
mod keys;
mod structures;

use super::*;
use crate::bencode::Dict;
use crate::ng::{Error, Message};

fn try_parse(encoding_and_text: &str, defaults: &Defaults) -> Result<Box<Request>, Error> {
    let message = Message::decode(encoding_and_text.as_bytes()).expect("test message decodes");
    Request::parse(&message, defaults)
}

/// A request from JSON members (without the braces) for this command.
fn json(command: &str, members: &str) -> Box<Request> {
    let comma = if members.is_empty() { "" } else { "," };
    try_parse(&format!("{{\"command\":\"{command}\"{comma}{members}}}"), &Defaults::default()).unwrap()
}

/// An offer from JSON members.
fn offer(members: &str) -> Box<Request> {
    json("offer", members)
}

/// An offer with these flags.
fn flags(words: &[&str]) -> Box<Request> {
    command_with_flags("offer", words)
}

fn command_with_flags(command: &str, words: &[&str]) -> Box<Request> {
    let dict = Dict::new().with("command", command).with("flags", Value::list(words.iter().copied()));
    dictionary(dict)
}

/// An offer with this flags string.
fn string(text: &str) -> Box<Request> {
    command_with_string("offer", text)
}

fn command_with_string(command: &str, text: &str) -> Box<Request> {
    dictionary(Dict::new().with("command", command).with("rtpp-flags", text))
}

fn dictionary(dict: Dict<'_>) -> Box<Request> {
    let message = Message { encoding: crate::ng::Encoding::Bencode, dict };
    Request::parse(&message, &Defaults::default()).unwrap()
}

/// The same request without what tells how it was written.
fn essence(mut request: Box<Request>) -> Box<Request> {
    request.has_rtpp_flags = false;
    request.has_to_tag_key = false;
    request.encoding = crate::ng::Encoding::Bencode;
    request
}

use crate::ng::Value;

fn texts(list: &[crate::ng::ByteString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
