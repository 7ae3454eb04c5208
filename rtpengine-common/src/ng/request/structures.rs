//! Keys whose value is a structure of its own (ng-control.md §6.3, §8.4 to §8.8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::escapes::unescape;
use super::numbers::{Source, clamp, integer};
use super::parser::Parser;
use super::{
    AddressFamily, CodecSpec, Codecs, Conversion, Destination, MediaSource, MediaSpec, MediaType, MeshTags,
    MohMode, Request, SdpAttributes, SdpLevel, Warning,
};
use crate::bencode::{Dict, Value};
use crate::ng::{ByteString, Error};

/// `SDES` values that name suites: `no-`, `only-`, `order:`, `offerer_pref:`.
pub(super) fn sdes_suites(request: &mut Request, value: &[u8]) -> bool {
    let sdes = &mut request.sdes;
    if let Some(suite) = value.strip_prefix(b"no-").filter(|suite| !suite.is_empty()) {
        sdes.exclude.push(unescape(suite));
    } else if let Some(suite) = value.strip_prefix(b"only-").filter(|suite| !suite.is_empty()) {
        sdes.only.push(unescape(suite));
    } else if let Some(suites) = value.strip_prefix(b"order:") {
        sdes.order.extend(suites_of(suites));
    } else if let Some(suites) = value.strip_prefix(b"offerer_pref:") {
        sdes.offerer_preference.extend(suites_of(suites));
    } else {
        return false;
    }
    true
}

/// Suites divided by semicolons.
fn suites_of(list: &[u8]) -> impl Iterator<Item = ByteString> {
    list.split(|byte| *byte == b';').filter(|suite| !suite.is_empty()).map(unescape)
}

/// The list of this name in the `codec` dictionary, and whether every command knows it.
fn codec_list<'c>(codecs: &'c mut Codecs, name: &[u8]) -> Option<(&'c mut Vec<ByteString>, bool)> {
    Some(match name {
        b"strip" => (&mut codecs.strip, true),
        b"offer" => (&mut codecs.offer, true),
        b"except" => (&mut codecs.except, true),
        b"ignore" => (&mut codecs.ignore, true),
        b"transcode" => (&mut codecs.transcode, false),
        b"mask" => (&mut codecs.mask, false),
        b"set" => (&mut codecs.set, false),
        b"accept" => (&mut codecs.accept, false),
        b"consume" => (&mut codecs.consume, false),
        _ => return None,
    })
}

/// `codec`: lists that the command does not know are dropped without a word, so that a proxy may send the same flags in
/// an answer (ng-control.md §8.6, codecs.md §3.1).
pub(super) fn codec(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    for (name, list) in entries(value) {
        codec_member(parser, name, list);
    }
    Ok(())
}

/// One member of the `codec` dictionary.
pub(super) fn codec_member(parser: &mut Parser<'_>, name: &[u8], list: &Value<'_>) {
    let adds_codecs = parser.request.command.adds_codecs();
    match codec_list(&mut parser.request.codecs, name) {
        None => parser.request.warn(Warning::unknown_value("codec", name)),
        Some((_, false)) if !adds_codecs => {}
        Some(_) => parser.each_string(list, |parser, text| {
            if let Some((list, _)) = codec_list(&mut parser.request.codecs, name) {
                list.push(unescape(text));
            }
        }),
    }
}

/// `extmap`
pub(super) fn extmap(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    for (name, list) in entries(value) {
        match name {
            b"strip" => parser.each_string(list, |p, text| p.request.extmap.strip.push(unescape(text))),
            b"mask" => parser.each_string(list, |p, text| p.request.extmap.mask.push(unescape(text))),
            _ => parser.request.warn(Warning::unknown_value("extmap", name)),
        }
    }
    Ok(())
}

/// `sdp-attr` (sdp.md §18)
pub(super) fn sdp_attr(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    let levels = value.as_dict().ok_or(Error::WrongType)?;
    for (name, operations) in levels.iter() {
        let operations = operations.as_dict().ok_or(Error::WrongContent)?;
        let level = sdp_level(name).ok_or(Error::UnsupportedSection)?;
        for (operation, values) in operations.iter() {
            sdp_attr_operation(parser, level, operation, values)?;
        }
    }
    Ok(())
}

fn sdp_level(name: &[u8]) -> Option<SdpLevel> {
    match name {
        b"none" | b"global" => Some(SdpLevel::Session),
        _ => MediaType::known(name).map(SdpLevel::Media),
    }
}

fn sdp_attr_operation(
    parser: &mut Parser<'_>,
    level: SdpLevel,
    operation: &[u8],
    values: &Value<'_>,
) -> Result<(), Error> {
    match operation {
        b"add" | b"remove" => {}
        b"substitute" => {
            for pair in values.as_list().unwrap_or_default().iter().filter_map(Value::as_list) {
                if let [Value::Bytes(from), Value::Bytes(to), ..] = pair {
                    attributes(parser, level).substitute.push((unescape(from), unescape(to)));
                }
            }
        }
        _ => return Err(Error::UnknownManipulation),
    }
    parser.each_string(values, |parser, text| manipulate(parser, level, operation, text));
    Ok(())
}

/// One string form of a manipulation.
fn manipulate(parser: &mut Parser<'_>, level: SdpLevel, operation: &[u8], text: &[u8]) {
    match operation {
        b"add" => attributes(parser, level).add.push(added_attribute(text)),
        b"remove" => attributes(parser, level).remove.push(unescape(text)),
        _ => match text.iter().position(|byte| *byte == b'>') {
            Some(arrow) => {
                let (from, to) = (&text[..arrow], &text[arrow + 1..]);
                attributes(parser, level).substitute.push((unescape(from), unescape(to)));
            }
            None => parser.request.warn(Warning::unknown_value("sdp-attr", text)),
        },
    }
}

fn attributes<'p>(parser: &'p mut Parser<'_>, level: SdpLevel) -> &'p mut SdpAttributes {
    parser.request.sdp_attr.level_mut(level)
}

/// An attribute to add: whether or not it is written with `a=`, which is taken off.
fn added_attribute(text: &[u8]) -> ByteString {
    let text = unescape(text);
    text.strip_prefix(b"a=").map_or_else(|| text.clone(), ByteString::from)
}

/// The flag forms `sdp-attr-add-LEVEL-VALUE` and so on.
pub(super) fn attribute_flag(parser: &mut Parser<'_>, operation: &'static str, rest: &[u8]) {
    let hyphen = rest.iter().position(|byte| *byte == b'-');
    let split = hyphen.and_then(|at| Some((sdp_level(rest.get(..at)?)?, rest.get(at + 1..)?)));
    match split {
        Some((level, value)) if !value.is_empty() => manipulate(parser, level, operation.as_bytes(), value),
        _ => parser.request.warn(Warning::unknown_value("sdp-attr", rest)),
    }
}

/// `sdp-media-remove` (sdp.md §19)
pub(super) fn sdp_media_remove(
    parser: &mut Parser<'_>,
    value: &Value<'_>,
    source: Source,
) -> Result<(), Error> {
    let is_list = matches!(value, Value::List(_));
    let is_token = source == Source::Flags && matches!(value, Value::Bytes(_));
    if !is_list && !is_token {
        return Err(Error::WrongType);
    }
    let mut unknown = false;
    parser.each_string(value, |parser, text| match MediaType::from_option(text) {
        Some(named) => parser.request.sdp_media_remove.push(named),
        None => unknown = true,
    });
    if unknown { Err(Error::UnsupportedSection) } else { Ok(()) }
}

/// `moh` (players.md §7.1)
pub(super) fn music_on_hold(parser: &mut Parser<'_>, value: &Value<'_>, source: Source) -> Result<(), Error> {
    let Some(dict) = value.as_dict() else { return Ok(()) };
    let mut moh = parser.request.music_on_hold.take().unwrap_or_default();
    for (name, member) in dict.iter() {
        match name {
            b"file" => set_text(&mut moh.source.file, member),
            b"blob" => set_text(&mut moh.source.blob, member),
            b"db-id" | b"db id" => set_db_id(&mut moh.source, integer(member, source)),
            b"mode" => moh.mode = moh_mode(member),
            b"connection" => moh.zero_connection |= member.as_bytes() == Some(b"zero"),
            _ => parser.request.warn(Warning::unknown_value("moh", name)),
        }
    }
    parser.request.music_on_hold = Some(moh);
    Ok(())
}

fn moh_mode(value: &Value<'_>) -> MohMode {
    match value.as_bytes() {
        Some(b"sendrecv") => MohMode::SendRecv,
        Some(b"reflect") => MohMode::Reflect,
        _ => MohMode::SendOnly,
    }
}

fn set_text(field: &mut Option<ByteString>, value: &Value<'_>) {
    if let Value::Bytes(text) = value {
        *field = Some(text.as_ref().into());
    }
}

/// Takes over an id above 0.
pub(super) fn set_db_id(source: &mut MediaSource, id: Option<i64>) {
    if let Some(id) = id {
        source.db_id = u64::try_from(id).ok().filter(|id| *id > 0);
    }
}

/// `tags` (`mesh`)
pub(super) fn tags(parser: &mut Parser<'_>, value: &Value<'_>, _: Source) -> Result<(), Error> {
    for entry in value.as_list().unwrap_or_default().iter().filter_map(Value::as_dict) {
        let from = entry.bytes("from").filter(|from| !from.is_empty()).ok_or(Error::EmptyFromTag)?;
        let mut to = Vec::new();
        for (_, list) in entry.iter().filter(|(name, _)| *name == b"to") {
            parser.each_string(list, |_, text| to.push(unescape(text)));
        }
        parser.request.tags.push(MeshTags { from: from.into(), to });
    }
    Ok(())
}

/// `media` (`create`, `transform`)
pub(super) fn media(parser: &mut Parser<'_>, value: &Value<'_>, source: Source) -> Result<(), Error> {
    for entry in value.as_list().unwrap_or_default().iter().filter_map(Value::as_dict) {
        let mut media = MediaSpec::default();
        for (name, member) in entry.iter() {
            match name {
                b"id" => set_text(&mut media.id, member),
                b"type" => set_text(&mut media.media_type, member),
                b"codec" | b"codecs" => media_codecs(parser, &mut media, member, source),
                b"destination" => media.destination = member.as_dict().map(|dict| destination(dict, source)),
                _ => parser.request.warn(Warning::unknown_value("media", name)),
            }
        }
        parser.request.medias.push(media);
    }
    Ok(())
}

/// Strings are codecs of `create`, dictionaries are conversions of `transform`.
fn media_codecs(parser: &mut Parser<'_>, media: &mut MediaSpec, value: &Value<'_>, source: Source) {
    parser.each_string(value, |_, text| media.codecs.push(unescape(text)));
    for entry in value.as_list().unwrap_or_default().iter().filter_map(Value::as_dict) {
        let side = |name| entry.dict(name).map(|dict| codec_spec(dict, source)).unwrap_or_default();
        media.conversions.push(Conversion { input: side("input"), output: side("output") });
    }
}

fn codec_spec(dict: &Dict<'_>, source: Source) -> CodecSpec {
    let text = |name: &str| dict.bytes(name).map(ByteString::from);
    let number = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| dict.get(name))?;
        integer(value, source).map(clamp)
    };
    CodecSpec {
        codec: text("codec"),
        payload_type: number(["payload type", "payload-type"]),
        clock_rate: number(["clock rate", "clock-rate"]),
        channels: number(["channels", "channels"]),
        format: text("format"),
        options: text("options"),
    }
}

fn destination(dict: &Dict<'_>, source: Source) -> Destination {
    let family = ["family", "address family", "address-family"].iter().find_map(|name| dict.bytes(name));
    Destination {
        family: family.and_then(AddressFamily::from_name),
        address: dict.text("address").and_then(|text| text.parse().ok()),
        port: dict
            .get("port")
            .and_then(|value| integer(value, source))
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0),
    }
}

fn entries<'v, 'a>(value: &'v Value<'a>) -> impl Iterator<Item = (&'v [u8], &'v Value<'a>)> {
    value.as_dict().into_iter().flat_map(Dict::iter)
}

impl Parser<'_> {
    /// `blob64` counts only if there is no `blob` with something in it (players.md §1.1).
    pub(super) fn decode_blob64(&mut self) {
        let present = self.request.play.source.blob.as_ref().is_some_and(|blob| !blob.is_empty());
        let Some(text) = self.blob64.take().filter(|_| !present) else {
            return;
        };
        match STANDARD.decode(text.as_bytes()) {
            Ok(blob) => self.request.play.source.blob = Some(blob.into()),
            Err(_) => self.request.warn(Warning::unknown_value("blob64", &text)),
        }
    }
}
