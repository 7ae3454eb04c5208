//! The layout of records (spec/operations.md §5.3): pure text work.

use std::fmt::{self, Write};

use super::context::floor_char_boundary;
use super::{Context, Facility, Level, LogSettings, Subsystem};

/// Length limit of syslog records when none was chosen.
const SYSLOG_LIMIT: usize = 500;
/// A limit below this would leave no room for a word between the continuation marks.
const SHORTEST_LIMIT: usize = 16;

/// A record on its way to the writer: formatted, not yet cut into lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Seconds and microseconds since 1970.
    pub(super) time: (u64, u32),
    /// Where syslog puts it.
    pub(super) facility: Facility,
    /// How severe it is.
    pub(super) level: Level,
    /// An ordinary record has a head (level word); the lines of the extra facilities are bare.
    pub(super) bare: bool,
    /// Context and text.
    pub(super) context: String,
    /// `[subsystem] text`
    pub(super) text: String,
}

impl Record {
    /// Formats an ordinary record.
    pub(super) fn new(
        settings: &LogSettings,
        time: (u64, u32),
        subsystem: Subsystem,
        level: Level,
        context: &Context,
        message: fmt::Arguments,
    ) -> Self {
        let mut head = String::new();
        context.write(settings, &mut head);
        let mut text = String::with_capacity(80);
        // Writing to a String cannot fail.
        let _ = write!(text, "[{}] {message}", subsystem.name());
        text.truncate(text.trim_end_matches('\n').len());
        Record { time, facility: settings.facility, level, bare: false, context: head, text }
    }

    /// A line of one of the extra facilities.
    pub(super) fn bare(time: (u64, u32), facility: Facility, text: String) -> Self {
        Record { time, facility, level: Level::Info, bare: true, context: String::new(), text }
    }

    /// Calls `line` for every line of the record, without time and without newline.
    pub(super) fn lines(&self, settings: &LogSettings, mut line: impl FnMut(&str)) {
        if self.bare {
            return line(&self.text);
        }
        let limit = length_limit(settings);
        let mut out = String::with_capacity(self.context.len() + self.text.len() + 16);
        let mut rest = self.text.as_str();
        let mut first = true;
        loop {
            let (piece, next) = cut(rest, limit, settings.split_lines);
            out.clear();
            out.push_str(self.level.word());
            out.push_str(": ");
            out.push_str(&self.context);
            if !first {
                out.push_str("... ");
            }
            out.push_str(piece);
            let Some(next) = next else { return line(&out) };
            out.push_str(" ...");
            line(&out);
            rest = next;
            first = false;
        }
    }
}

fn length_limit(settings: &LogSettings) -> Option<usize> {
    match usize::try_from(settings.max_line_length) {
        Err(_) => None,
        Ok(0) if settings.to_stderr => None,
        Ok(0) => Some(SYSLOG_LIMIT),
        Ok(limit) => Some(limit.max(SHORTEST_LIMIT)),
    }
}

/// The next piece of a text and what is left after it.
fn cut(text: &str, limit: Option<usize>, split_lines: bool) -> (&str, Option<&str>) {
    let newline = if split_lines { text.find('\n') } else { None };
    let end = limit.filter(|limit| text.len() > *limit).map(|limit| floor_char_boundary(text, limit));
    match (newline, end) {
        (Some(newline), end) if end.is_none_or(|end| newline <= end) => {
            let piece = text[..newline].strip_suffix('\r').unwrap_or(&text[..newline]);
            (piece, Some(&text[newline + 1..]))
        }
        (_, Some(end)) if end > 0 => (&text[..end], Some(&text[end..])),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(settings: &LogSettings, text: &str) -> Vec<String> {
        let context = Context::call("abc");
        let record =
            Record::new(settings, (0, 0), Subsystem::Control, Level::Debug, &context, format_args!("{text}"));
        let mut lines = vec![];
        record.lines(settings, |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn one_line() {
        let settings = LogSettings { to_stderr: true, ..LogSettings::default() };
        assert_eq!(lines(&settings, "hello\n\n"), ["DEBUG: [abc]: [control] hello"]);
        assert_eq!(lines(&settings, &"x".repeat(1000)).len(), 1);
    }

    #[test]
    fn a_length_limit_counts_the_subsystem_and_marks_continuations() {
        let settings = LogSettings { max_line_length: 40, ..LogSettings::default() };
        assert_eq!(
            lines(&settings, "Dump for 'offer' from 127.0.0.1:5 and so on, to the end of the line"),
            [
                "DEBUG: [abc]: [control] Dump for 'offer' from 127.0.0. ...",
                "DEBUG: [abc]: ... 1:5 and so on, to the end of the line",
            ]
        );
        let default = LogSettings::default();
        assert_eq!(lines(&default, &"x".repeat(490)).len(), 1);
        assert_eq!(lines(&default, &"x".repeat(491)).len(), 2);
    }

    #[test]
    fn split_at_newlines() {
        let settings = LogSettings { split_lines: true, max_line_length: -1, ..LogSettings::default() };
        assert_eq!(
            lines(&settings, "<v=0\r\no=-\n>"),
            ["DEBUG: [abc]: [control] <v=0 ...", "DEBUG: [abc]: ... o=- ...", "DEBUG: [abc]: ... >"]
        );
    }

    proptest::proptest! {
        #[test]
        fn pieces_together_are_the_text(text in "\\PC{0,200}", limit in -1i32..100) {
            let settings = LogSettings { max_line_length: limit, ..LogSettings::default() };
            let pieces = lines(&settings, &text);
            let joined: String = pieces.iter().enumerate().map(|(at, line)| {
                let line = line.strip_prefix("DEBUG: [abc]: ").unwrap();
                let line = if at > 0 { line.strip_prefix("... ").unwrap() } else { line };
                if at + 1 < pieces.len() { line.strip_suffix(" ...").unwrap() } else { line }
            }).collect();
            proptest::prop_assert_eq!(joined, format!("[control] {text}"));
        }
    }
}
