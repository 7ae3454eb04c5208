//! Documents made from an option table: the option list of a manual page, the sample configuration.

use std::fmt::Write;

use super::{Check, Effect, Kind, OptionDef, Scope};

/// Makes a text safe inside a roff line.
pub fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    match escaped.chars().next() {
        Some('.' | '\'') => format!("\\&{escaped}"),
        _ => escaped,
    }
}

/// The options as `.SS` sections with one tagged paragraph each, for a page of section 1 or 8.
pub fn manual_options(table: &[OptionDef]) -> String {
    let mut out = String::new();
    for section in sections(table) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, ".SS {}", roff(section));
        for option in table.iter().filter(|option| option.section == section) {
            let _ = writeln!(out, ".TP\n{}\n{}", names(option), roff(&sentence(option)));
            if let Some(note) = effect_note(option) {
                let _ = writeln!(out, ".br\n\\fI{}\\fR", roff(&note));
            }
        }
    }
    out
}

fn sections(table: &[OptionDef]) -> Vec<&'static str> {
    let mut sections = vec![];
    for option in table {
        if !sections.contains(&option.section) {
            sections.push(option.section);
        }
    }
    sections
}

fn names(option: &OptionDef) -> String {
    let mut out = String::from(".BR ");
    if let Some(letter) = option.short {
        let _ = write!(out, "\\-{letter} , \" \" ");
    }
    let _ = write!(out, "\\-\\-{}", roff(option.long));
    if option.kind != Kind::Flag {
        let _ = write!(out, " \"=\\fI{}\\fR\"", roff(option.value_name));
    }
    out
}

/// The help sentence with words, default and aliases.
fn sentence(option: &OptionDef) -> String {
    let mut text = format!("{}.", option.help.trim_end_matches('.'));
    if let Check::Words { words, .. } = option.check {
        let spelt: Vec<_> = words.iter().map(|spellings| spellings.join(" = ")).collect();
        let _ = write!(text, " One of: {}.", spelt.join("; "));
    }
    let default = option.default_description();
    if !default.is_empty() {
        let _ = write!(text, " Default: {default}.");
    }
    if option.kind == Kind::List {
        text.push_str(" May be given several times.");
    }
    if let Some(alias) = option.aliases.first() {
        let _ = write!(text, " Also known as --{alias}.");
    }
    if option.scope == Scope::CommandLine {
        text.push_str(" Command line only.");
    }
    text
}

fn effect_note(option: &OptionDef) -> Option<String> {
    match option.effect {
        Effect::Effective => None,
        Effect::NotYet => {
            Some("Not yet effective: accepted and checked, and using it logs a warning.".to_owned())
        }
        Effect::Without(reason) => Some(format!("Without effect: {reason}.")),
    }
}

/// The section of a sample configuration: every key as a comment with its default, except those in `active`, which get
/// that value.
pub fn sample_section(name: &str, table: &[OptionDef], active: &[(&str, &str)]) -> String {
    let mut out = format!("[{name}]\n");
    for section in sections(table) {
        let keys: Vec<_> =
            table.iter().filter(|option| option.section == section && option.scope == Scope::Both).collect();
        if !keys.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "\n### {section}");
        }
        for option in keys {
            let _ = writeln!(out, "\n# {}", sentence(option));
            if let Some(note) = effect_note(option) {
                let _ = writeln!(out, "# {note}");
            }
            match active.iter().find(|(key, _)| *key == option.long) {
                Some((key, value)) => {
                    let _ = writeln!(out, "{key} = {value}");
                }
                None => {
                    let _ = writeln!(
                        out,
                        "{}",
                        format!("# {} = {}", option.long, sample_value(option)).trim_end()
                    );
                }
            }
        }
    }
    out
}

fn sample_value(option: &OptionDef) -> String {
    match option.kind {
        Kind::Flag => "false".to_owned(),
        Kind::Int(n) => n.to_string(),
        Kind::Int64(n) => n.to_string(),
        Kind::Float(n) => n.to_string(),
        Kind::Str(Some(text)) | Kind::File(Some(text)) => text.to_owned(),
        Kind::Str(None) | Kind::File(None) | Kind::List => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: [OptionDef; 3] = [
        OptionDef::int("port-min", 5, "Lowest port").short('m').under("A"),
        OptionDef::list("x", "[A:]B", "Something.").under("B").not_yet(),
        OptionDef::flag("version", "Print it").under("A").command_line_only(),
    ];

    #[test]
    fn manual() {
        assert_eq!(
            manual_options(&TABLE),
            ".SS A\n.TP\n.BR \\-m , \" \" \\-\\-port\\-min \"=\\fIINT\\fR\"\nLowest port. Default: 5.\n\
             .TP\n.BR \\-\\-version\nPrint it. Command line only.\n\
             .SS B\n.TP\n.BR \\-\\-x \"=\\fI[A:]B\\fR\"\nSomething. May be given several times.\n.br\n\
             \\fINot yet effective: accepted and checked, and using it logs a warning.\\fR\n"
        );
        assert_eq!(roff(".x\\y"), "\\&.x\\ey");
    }

    #[test]
    fn sample() {
        let text = sample_section("s", &TABLE, &[("x", "1;2")]);
        assert!(text.starts_with("[s]\n\n### A\n\n# Lowest port. Default: 5.\n# port-min = 5\n"), "{text}");
        assert!(text.ends_with("using it logs a warning.\nx = 1;2\n"), "{text}");
        assert!(!text.contains("version"));
    }
}
