//! The programs that do not exist yet: `--help` and `--version` work, anything else says the truth and fails.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, Command};

/// The whole program.
pub fn main(program: &'static str, version: &'static str, about: &'static str) -> ExitCode {
    let (text, ok) = answer(program, version, about, std::env::args_os());
    if ok {
        print!("{text}");
        return ExitCode::SUCCESS;
    }
    eprint!("{text}");
    ExitCode::FAILURE
}

fn answer(
    program: &'static str,
    version: &'static str,
    about: &'static str,
    args: impl IntoIterator<Item = OsString>,
) -> (String, bool) {
    let command = Command::new(program).version(version).about(format!("{about}.\nNot built yet.")).arg(
        Arg::new("anything")
            .num_args(0..)
            .allow_hyphen_values(true)
            .trailing_var_arg(true)
            .hide(true)
            .value_parser(clap::value_parser!(OsString)),
    );
    match command.try_get_matches_from(args) {
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            (error.to_string(), true)
        }
        _ => (format!("{program}: not built yet\n"), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(args: &[&str]) -> (String, bool) {
        let args = std::iter::once(&"prog").chain(args).map(OsString::from);
        answer("prog", "1.2", "Does things", args)
    }

    #[test]
    fn help_and_version_work_and_nothing_else_does() {
        assert_eq!(ask(&["--version"]), ("prog 1.2\n".into(), true));
        let (help, ok) = ask(&["--help"]);
        assert!(ok && help.contains("Does things") && help.contains("Not built yet"), "{help}");
        for args in [&[][..], &["file"], &["-x", "--foo=1"]] {
            assert_eq!(ask(args), ("prog: not built yet\n".into(), false), "{args:?}");
        }
    }
}
