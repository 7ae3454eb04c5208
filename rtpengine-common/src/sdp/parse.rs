//! Bytes to [`Sdp`] (sdp.md §2).

use super::address::parse_connection;
use super::attribute::parse_attribute;
use super::error::{ParseError, ParseErrorKind, Warning};
use super::model::{
    BandwidthType, Common, MAX_BODY_LEN, MAX_MEDIA, MAX_SESSIONS, MAX_WARNINGS, Media, Origin, Sdp, Session,
};
use super::token::{Tokens, leading_number, number, split_once, split_token};

/// What a body is parsed with besides its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions<'o> {
    /// A blank line is a syntax error, not the end (`--reject-invalid-sdp`).
    pub reject_invalid: bool,
    /// The body is a trickle fragment and need not begin with `v=` (sdp.md §14.7).
    pub fragment: bool,
    /// Name of the attribute that tells of music on hold (`--moh-attr-name`).
    pub music_on_hold: Option<&'o [u8]>,
}

/// Parses a body.
///
/// # Errors
/// The first line that is at fault. Attributes never are: a bad one is dropped with a warning.
pub fn parse<'a>(body: &'a [u8], options: &ParseOptions<'_>) -> Result<Sdp<'a>, ParseError> {
    if body.len() > MAX_BODY_LEN {
        return Err(ParseError { offset: MAX_BODY_LEN, kind: ParseErrorKind::TooLarge });
    }
    let mut parser = Parser { options: *options, sdp: Sdp { body, ..Sdp::default() }, media_count: 0 };
    for (offset, line) in (Lines { body, offset: 0, reject_invalid: options.reject_invalid }) {
        parser.line(offset, line).map_err(|kind| ParseError { offset, kind })?;
    }
    Ok(parser.finish())
}

/// The lines of a body with the places they begin at.
struct Lines<'a> {
    body: &'a [u8],
    offset: usize,
    reject_invalid: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.offset;
        let rest = self.body.get(offset..)?;
        if rest.len() < 2 {
            return None;
        }
        if !self.reject_invalid && matches!(rest.first(), Some(b'\r' | b'\n')) {
            self.offset = self.body.len();
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end)?;
        let used = rest.len().min(end + 1);
        self.offset = offset + used;
        Some((offset, line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

/// Bytes of a usual attribute line.
const USUAL_LINE: usize = 32;
/// Attributes of a section of a browser.
const USUAL_ATTRIBUTES: usize = 64;

/// Sections of a call with sound and pictures.
const USUAL_MEDIA: usize = 2;

struct Parser<'a, 'o> {
    options: ParseOptions<'o>,
    sdp: Sdp<'a>,
    media_count: usize,
}

/// Where a line that can stand at both levels belongs.
fn innermost<'s, 'a>(session: &'s mut Session<'a>) -> &'s mut Common<'a> {
    let Session { common, media, .. } = session;
    media.last_mut().map_or(common, |media| &mut media.common)
}

impl<'a> Parser<'a, '_> {
    fn line(&mut self, offset: usize, line: &'a [u8]) -> Result<(), ParseErrorKind> {
        let (letter, value) = match line {
            [letter, b'=', value @ ..] => (*letter, value),
            _ => return Err(ParseErrorKind::MissingEquals),
        };
        if letter == b'v' {
            return self.version(value);
        }
        if self.sdp.sessions.is_empty() {
            if !self.options.fragment {
                return Err(ParseErrorKind::NoSession);
            }
            self.sdp.sessions.push(Session { implicit: true, ..Session::default() });
        }
        let Some(session) = self.sdp.sessions.last_mut() else { return Err(ParseErrorKind::NoSession) };
        match letter {
            b'm' => {
                self.media_count += 1;
                if self.media_count > MAX_MEDIA {
                    return Err(ParseErrorKind::TooManyMedia);
                }
                let media = parse_media(value).ok_or(ParseErrorKind::Media)?;
                if session.media.is_empty() {
                    session.media.reserve_exact(USUAL_MEDIA);
                }
                session.media.push(media);
            }
            b'o' => origin(session, value)?,
            b's' | b't' | b'u' | b'e' | b'p' => session_text(session, letter, value)?,
            b'i' => innermost(session).information = Some(value),
            b'c' => connection(innermost(session), value)?,
            b'b' => bandwidth(innermost(session), value),
            b'a' => self.attribute(offset, value),
            b'k' | b'r' | b'z' => {}
            _ => return Err(ParseErrorKind::UnknownLine),
        }
        Ok(())
    }

    /// A fragment that begins with lines that are dropped has no session from them.
    fn finish(mut self) -> Sdp<'a> {
        let nothing = Session { implicit: true, ..Session::default() };
        if self.sdp.sessions.first() == Some(&nothing) {
            self.sdp.sessions.remove(0);
        }
        self.sdp
    }

    fn version(&mut self, value: &[u8]) -> Result<(), ParseErrorKind> {
        if value != b"0" {
            return Err(ParseErrorKind::Version);
        }
        if self.sdp.sessions.len() >= MAX_SESSIONS {
            return Err(ParseErrorKind::TooManySessions);
        }
        // Nearly always the only one.
        self.sdp.sessions.reserve_exact(1);
        self.sdp.sessions.push(Session::default());
        Ok(())
    }

    fn attribute(&mut self, offset: usize, value: &'a [u8]) {
        match parse_attribute(value, self.options.music_on_hold) {
            Ok(attribute) => {
                if let Some(session) = self.sdp.sessions.last_mut() {
                    let attributes = &mut innermost(session).attributes;
                    // A section with one attribute has a dozen more as a rule.
                    if attributes.is_empty() {
                        let rest = self.sdp.body.len().saturating_sub(offset);
                        attributes.reserve((rest / USUAL_LINE).clamp(1, USUAL_ATTRIBUTES));
                    }
                    attributes.push(attribute);
                }
            }
            Err((kind, cause)) if self.sdp.warnings.len() < MAX_WARNINGS => {
                self.sdp.warnings.push(Warning { name: kind.name(), offset, cause });
            }
            Err(_) => {}
        }
    }
}

fn origin<'a>(session: &mut Session<'a>, value: &'a [u8]) -> Result<(), ParseErrorKind> {
    if !session.media.is_empty() {
        return Err(ParseErrorKind::OriginInMedia);
    }
    if session.origin.is_some() {
        return Err(ParseErrorKind::Origin);
    }
    session.origin = Some(parse_origin(value).ok_or(ParseErrorKind::Origin)?);
    Ok(())
}

fn parse_origin(value: &[u8]) -> Option<Origin<'_>> {
    let mut tokens = Tokens::new(value);
    let username = tokens.token()?;
    let session_id = tokens.token()?;
    let version = tokens.token()?;
    let version = leading_number(version).map_or(0, |(version, _)| version);
    let network_type = tokens.token()?;
    let address_type = tokens.token()?;
    let address = tokens.token()?;
    Some(Origin { username, session_id, version, network_type, address_type, address })
}

fn session_text<'a>(session: &mut Session<'a>, letter: u8, value: &'a [u8]) -> Result<(), ParseErrorKind> {
    if !session.media.is_empty() {
        return Err(ParseErrorKind::InMedia(char::from(letter)));
    }
    let field = match letter {
        b's' => &mut session.name,
        b't' => &mut session.timing,
        b'u' => &mut session.uri,
        b'e' => &mut session.email,
        _ => &mut session.phone,
    };
    *field = Some(value);
    Ok(())
}

fn connection(common: &mut Common<'_>, value: &[u8]) -> Result<(), ParseErrorKind> {
    if common.connection.is_some() {
        return Err(ParseErrorKind::Connection);
    }
    common.connection = Some(parse_connection(value).ok_or(ParseErrorKind::Connection)?);
    Ok(())
}

fn bandwidth(common: &mut Common<'_>, value: &[u8]) {
    if value.len() < 4 {
        return;
    }
    let Some((name, amount)) = split_once(value, b':') else { return };
    if let Some(kind) = BandwidthType::from_name(name) {
        common.bandwidth.set(kind, number(amount).unwrap_or(0));
    }
}

fn parse_media(value: &[u8]) -> Option<Media<'_>> {
    let mut tokens = Tokens::new(value);
    let media_type = tokens.token()?;
    let (port, port_count) = parse_port(tokens.token()?)?;
    let (protocol, formats) = split_token(tokens.rest()?);
    if protocol.is_empty() {
        return None;
    }
    let formats = formats.unwrap_or_default();
    Some(Media { media_type, port, port_count, protocol, formats, common: Common::default() })
}

/// `PORT` or `PORT/COUNT`; anything else after the digits is ignored.
fn parse_port(token: &[u8]) -> Option<(u16, u8)> {
    let (port, rest) = leading_number(token)?;
    let port = u16::try_from(port).ok()?;
    let count = match rest.strip_prefix(b"/") {
        Some(count) => number::<u8>(count).filter(|count| matches!(count, 1..=10))?,
        None => 1,
    };
    Some((port, count))
}
