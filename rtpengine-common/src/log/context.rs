//! What a record is about (spec/operations.md §5.3): an explicit argument of every record, made of borrowed texts so
//! that it costs nothing when the record is not written.

use std::fmt::{self, Write};

use super::settings::{ContextFormat, LogSettings};

/// Longest context in bytes.
const CONTEXT_LIMIT: usize = 299;

/// How the call's state changes what is logged about it (operations.md §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallRule {
    /// By the subsystem's level.
    #[default]
    Normal,
    /// Everything: the call is in debug mode.
    Debug,
    /// At most level 5: the call belongs to another instance.
    Foreign,
}

/// Call, party, media or socket of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject<'a> {
    None,
    Call(&'a str),
    Media { call: &'a str, tag: &'a str, index: u32 },
    Stream { call: &'a str, tag: &'a str, index: u32, port: u16 },
    Socket { call: Option<&'a str>, port: u16 },
    Text(&'a str),
}

/// The context of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    subject: Subject<'a>,
    pub(super) rule: CallRule,
}

impl<'a> Context<'a> {
    /// Nothing in particular.
    pub const NONE: Context<'static> = Context::about(Subject::None);

    const fn about(subject: Subject<'a>) -> Self {
        Context { subject, rule: CallRule::Normal }
    }

    /// A call.
    pub const fn call(call: &'a str) -> Self {
        Self::about(Subject::Call(call))
    }

    /// A media (or its ICE agent); `index` is the number of the `m=` line from 1.
    pub const fn media(call: &'a str, tag: &'a str, index: u32) -> Self {
        Self::about(Subject::Media { call, tag, index })
    }

    /// A local port whose stream is known.
    pub const fn stream(call: &'a str, tag: &'a str, index: u32, port: u16) -> Self {
        Self::about(Subject::Stream { call, tag, index, port })
    }

    /// A local port without stream, of a call or of none.
    pub const fn socket(call: Option<&'a str>, port: u16) -> Self {
        Self::about(Subject::Socket { call, port })
    }

    /// A bare text, such as the call-id of a request.
    pub const fn text(text: &'a str) -> Self {
        Self::about(Subject::Text(text))
    }

    /// The same for a call with a rule of its own.
    pub const fn with_rule(self, rule: CallRule) -> Self {
        Context { subject: self.subject, rule }
    }

    /// Appends the context as it stands in a record.
    pub(super) fn write(&self, settings: &LogSettings, out: &mut String) {
        let start = out.len();
        let form = Form { settings, subject: self.subject };
        // Writing to a String cannot fail.
        let _ = match settings.format {
            ContextFormat::Default => write!(out, "{}", Plain(&form)),
            ContextFormat::Parsable => write!(out, "{}", Parsable(&form)),
        };
        if out.len() - start > CONTEXT_LIMIT {
            out.truncate(floor_char_boundary(out, start + CONTEXT_LIMIT));
        }
    }
}

/// The largest char boundary not after `at`.
pub(super) fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

struct Form<'a> {
    settings: &'a LogSettings,
    subject: Subject<'a>,
}

struct Plain<'a>(&'a Form<'a>);
struct Parsable<'a>(&'a Form<'a>);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, suffix) = (&self.0.settings.mark_prefix, &self.0.settings.mark_suffix);
        match self.0.subject {
            Subject::None => Ok(()),
            Subject::Call(text) | Subject::Text(text) => write!(f, "[{prefix}{text}{suffix}]: "),
            Subject::Media { call, tag, index } => {
                write!(f, "[{prefix}{call}{suffix}/{prefix}{tag}{suffix}/{index}]: ")
            }
            Subject::Stream { call, tag, index, port } => {
                write!(f, "[{prefix}{call}{suffix}/{prefix}{tag}{suffix}/{index} port {port:5}]: ")
            }
            Subject::Socket { call: Some(call), port } => {
                write!(f, "[{prefix}{call}{suffix} port {port:5}]: ")
            }
            Subject::Socket { call: None, port } => write!(f, "[no call, port {port:5}]: "),
        }
    }
}

impl fmt::Display for Parsable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subject {
            Subject::None | Subject::Socket { call: None, .. } => Ok(()),
            Subject::Call(text) | Subject::Text(text) => write!(f, "[ID=\"{text}\"]: "),
            Subject::Media { call, tag, index } => {
                write!(f, "[ID=\"{call}\" tag=\"{tag}\" index=\"{index}\"]: ")
            }
            Subject::Stream { call, tag, index, port } => {
                write!(f, "[ID=\"{call}\" tag=\"{tag}\" index=\"{index}\" port=\"{port:5}\"]: ")
            }
            Subject::Socket { call: Some(call), port } => write!(f, "[ID=\"{call}\" port=\"{port:5}\"]: "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(context: Context) -> (String, String) {
        let mut settings =
            LogSettings { mark_prefix: "<".into(), mark_suffix: ">".into(), ..LogSettings::default() };
        let (mut plain, mut parsable) = (String::new(), String::new());
        context.write(&settings, &mut plain);
        settings.format = ContextFormat::Parsable;
        context.write(&settings, &mut parsable);
        (plain, parsable)
    }

    #[test]
    fn operations_5_3_contexts() {
        let expect = |context, plain: &str, parsable: &str| {
            assert_eq!(both(context), (plain.to_owned(), parsable.to_owned()));
        };
        expect(Context::NONE, "", "");
        expect(Context::call("c"), "[<c>]: ", "[ID=\"c\"]: ");
        expect(
            Context::stream("c", "t", 2, 400),
            "[<c>/<t>/2 port   400]: ",
            "[ID=\"c\" tag=\"t\" index=\"2\" port=\"  400\"]: ",
        );
        expect(Context::socket(Some("c"), 40000), "[<c> port 40000]: ", "[ID=\"c\" port=\"40000\"]: ");
        expect(Context::socket(None, 40000), "[no call, port 40000]: ", "");
        expect(Context::media("c", "t", 1), "[<c>/<t>/1]: ", "[ID=\"c\" tag=\"t\" index=\"1\"]: ");
        expect(Context::text("s"), "[<s>]: ", "[ID=\"s\"]: ");
    }

    #[test]
    fn a_long_context_is_cut_between_characters() {
        let call = "é".repeat(200);
        let (plain, _) = both(Context::call(&call));
        assert_eq!(plain.len(), 298);
    }
}
