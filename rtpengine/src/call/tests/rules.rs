//! Lists of the rules of a document: each rule names its tests, or says in words why there is none. A rule whose test does not exist is
//! noticed here, and one that is missing from a list.

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A rule: its number, what it is about, and its tests by file (see [`FOLDERS`]) and function; or `- ` and why there is none.
pub(crate) type Rule = (&'static str, &'static str, &'static [&'static str]);

/// What the first part of a test's name stands for, below the workspace.
const FOLDERS: &[(&str, &str)] = &[
    ("browser", "tests/tests/browser"),
    ("daemon", "tests/tests/daemon"),
    ("common", "rtpengine-common/src"),
    ("call", "rtpengine/src/call/tests"),
    ("negotiation", "rtpengine/src/call/codecs/tests"),
    ("dtmf", "rtpengine/src/call/dtmf"),
    ("control", "rtpengine/src/control"),
    ("codecs", "rtpengine/src/call/codecs"),
    ("dtls", "rtpengine/src/dtls"),
    ("flow", "rtpengine/src/flow"),
    ("ice", "rtpengine/src/ice"),
    ("net", "rtpengine/src/net"),
    ("player", "rtpengine/src/player"),
    ("shard", "rtpengine/src/shard"),
    ("report", "rtpengine/src/report"),
    ("options", "rtpengine/src/options"),
];

/// The names of the functions with `#[test]` in a file, and of those in `proptest!`.
fn tests_of(text: &str) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| marked) {
            names.extend(rest.split('(').next().map(str::to_owned));
            marked = false;
        }
    }
    names
}

fn load(file: &str) -> HashSet<String> {
    let (folder, rest) = file.split_once('/').unwrap_or_else(|| panic!("no folder in {file}"));
    let folder =
        FOLDERS.iter().find(|(name, _)| *name == folder).unwrap_or_else(|| panic!("no folder {folder}")).1;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(rest).with_extension("rs");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    tests_of(&text)
}

/// Each rule has tests that exist, or a reason.
#[track_caller]
pub(crate) fn are_tested(rules: &[Rule]) {
    let mut files: HashMap<&str, HashSet<String>> = HashMap::new();
    let mut wrong = Vec::new();
    for (rule, _, tests) in rules {
        if tests.is_empty() {
            wrong.push(format!("{rule} has neither test nor reason"));
        }
        for test in *tests {
            if let Some(reason) = test.strip_prefix("- ") {
                if reason.len() < 30 || tests.len() > 1 {
                    wrong.push(format!("{rule}: the reason says too little, or stands beside a test"));
                }
                continue;
            }
            let Some((file, name)) = test.split_once("::") else {
                wrong.push(format!("{rule}: {test} is no test"));
                continue;
            };
            if !files.entry(file).or_insert_with(|| load(file)).contains(name) {
                wrong.push(format!("{rule}: there is no test {test}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each rule is in the list once, and of the sections in `counted` all numbers from 1 to so many.
#[track_caller]
pub(super) fn are_listed(rules: &[Rule], counted: &[(&str, usize)]) {
    let mut seen = HashSet::new();
    for (rule, about, _) in rules {
        assert!(seen.insert(*rule), "{rule} is listed twice");
        assert!(!about.is_empty(), "{rule} is about nothing");
    }
    for (section, count) in counted {
        for number in 1..=*count {
            let rule = format!("{section}.{number}");
            assert!(seen.contains(rule.as_str()), "{rule} is not listed");
        }
        assert!(!seen.contains(format!("{section}.{}", count + 1).as_str()), "{section} has {count} rules");
    }
}
