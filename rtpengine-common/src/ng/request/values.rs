//! Keys whose values are read by rules of their own, without being structures (ng-control.md §6).

use std::net::IpAddr;

use super::numbers::{Source, clamp, integer};
use super::parser::Parser;
use super::warning::excerpt;
use super::{AddressFamily, Request, Tos, Transport, TransportProtocol, Warning, rtpp_flags, words};
use crate::bencode::Value;
use crate::ng::{ByteString, Error};

pub(super) fn flags(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    parser.each_string(value, Parser::flag);
    Ok(())
}

pub(super) fn to_tag(parser: &mut Parser<'_>, value: &Value<'_>, source: Source) -> Result<(), Error> {
    if let Value::Bytes(tag) = value {
        parser.request.to_tag = Some(tag.as_ref().into());
        parser.request.has_to_tag_key |= source != Source::Flags;
    }
    Ok(())
}

/// Only a list counts; more than two elements are ignored.
pub(super) fn direction(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    let mut names = value.as_list().unwrap_or_default().iter().filter_map(Value::as_bytes);
    if let Some(name) = names.next() {
        parser.request.from_interface = Some(name.into());
    }
    if let Some(name) = names.next() {
        parser.request.to_interface = Some(name.into());
    }
    Ok(())
}

pub(super) fn address(
    parser: &mut Parser<'_>,
    key: &'static str,
    value: &Value<'_>,
    field: fn(&mut Request) -> &mut Option<IpAddr>,
) -> Result<(), Error> {
    if let Value::Bytes(text) = value {
        match parse_address(text) {
            Some(address) => *field(&mut parser.request) = Some(address),
            None => parser.request.warn(Warning::unknown_value(key, text)),
        }
    }
    Ok(())
}

fn parse_address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// [family, address], or an address alone. An empty list is no address (ng-control.md §16.3).
pub(super) fn received_from(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    let mut parts: Vec<ByteString> = Vec::new();
    parser.each_string(value, |_, text| parts.push(text.into()));
    let address = match parts.as_slice() {
        [] => return Ok(()),
        [address] => parse_address(address),
        [family, address, ..] => parse_address(address)
            .filter(|ip| AddressFamily::from_name(family) == Some(AddressFamily::of(*ip))),
    };
    match address {
        Some(address) => parser.request.received_from = Some(address),
        None => {
            parser.request.warn(Warning::unknown_value("received-from", &parts.join(&b' ')));
        }
    }
    Ok(())
}

pub(super) fn transport_protocol(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    let Value::Bytes(name) = value else { return Ok(()) };
    let chosen = match Transport::from_name(name) {
        Some(protocol) => TransportProtocol::Use(protocol),
        None if name.eq_ignore_ascii_case(b"accept") => TransportProtocol::Accept,
        None => {
            parser.request.warn(Warning::unknown_value("transport-protocol", name));
            return Ok(());
        }
    };
    parser.request.transport_protocol = Some(chosen);
    Ok(())
}

pub(super) fn supports(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    parser.each_string(value, |parser, feature| match feature {
        b"load limit" => parser.request.supports_load_limit = true,
        _ => parser.request.warn(Warning::UnknownSupport(excerpt(feature))),
    });
    Ok(())
}

pub(super) fn template(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    if let Value::Bytes(name) = value {
        parser.template(name);
    }
    Ok(())
}

pub(super) fn rtpp_flags_key(
    parser: &mut Parser<'_>,
    value: &Value<'_>,
    source: Source,
) -> Result<(), Error> {
    let Value::Bytes(flags) = value else { return Ok(()) };
    // A flags string inside a flags string has no blanks and so nothing to say that the outer one could not.
    if source == Source::Flags {
        parser.request.warn(Warning::Malformed(excerpt(flags)));
        return Ok(());
    }
    parser.request.has_rtpp_flags = true;
    rtpp_flags::read(parser, flags);
    Ok(())
}

pub(super) fn tos(number: i64) -> Tos {
    match u8::try_from(number) {
        Ok(value) => Tos::Value(value),
        Err(_) if number < 0 => Tos::Unchanged,
        Err(_) => Tos::Default,
    }
}

/// A string of one character is the digit itself, everything else the number of the event.
pub(super) fn digit(parser: &mut Parser<'_>, value: &Value<'_>, source: Source) -> Result<(), Error> {
    let character = value.as_bytes().and_then(|text| if let [one] = text { Some(*one) } else { None });
    parser.request.dtmf.digit = match character {
        Some(character @ b'0'..=b'9') => Some(character - b'0'),
        Some(b'*') => Some(10),
        Some(b'#') => Some(11),
        Some(character) => {
            b"ABCD".iter().position(|c| *c == character.to_ascii_uppercase()).map(|at| 12 + at as u8)
        }
        None => {
            integer(value, source).and_then(|event| u8::try_from(event).ok()).filter(|event| *event <= 15)
        }
    };
    Ok(())
}

pub(super) fn pause(parser: &mut Parser<'_>, value: &Value<'_>, source: Source) -> Result<(), Error> {
    match (integer(value, source), value) {
        (Some(number), _) => parser.request.dtmf.pause_ms = Some(clamp(number)),
        (None, Value::Bytes(text)) => parser.word(&words::PAUSE, text),
        (None, _) => {}
    }
    Ok(())
}

pub(super) fn frequencies(parser: &mut Parser<'_>, value: &Value<'_>, source: Source) -> Result<(), Error> {
    let mut add = |number: Option<i64>| {
        let number = number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        parser.request.dtmf.frequencies.extend(number);
    };
    match value {
        Value::List(list) => list.iter().for_each(|item| add(integer(item, source))),
        Value::Bytes(text) => {
            text.split(|byte| *byte == b',').for_each(|part| add(integer(&part.into(), source)));
        }
        Value::Int(number) => add(Some(*number)),
        Value::Dict(_) | Value::Null => {}
    }
    Ok(())
}

pub(super) fn log_destination(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    let Value::Bytes(text) = value else { return Ok(()) };
    match value.as_str().and_then(|text| text.parse().ok()) {
        Some(destination) => parser.request.dtmf.log_destination = Some(destination),
        None => {
            parser.request.warn(Warning::unknown_value("dtmf-log-dest", text));
        }
    }
    Ok(())
}
