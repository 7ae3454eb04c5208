use super::*;

fn one(value: &str) -> Entry {
    KeyFile::parse(&format!("[s]\nk = {value}")).unwrap().group("s").unwrap().get("k").unwrap().clone()
}

#[test]
fn sections_merge_and_the_last_key_wins() {
    let file = KeyFile::parse("# c\n\n[a]\nx=1\n[b]\ny =  2\n[a]\n x = 3\nz=\n").unwrap();
    let a = file.group("a").unwrap();
    assert_eq!(a.get("x").unwrap().raw(), "3");
    assert_eq!(a.get("z").unwrap().raw(), "");
    assert_eq!(file.group("b").unwrap().get("y").unwrap().raw(), "2");
    assert_eq!(a.entries().map(|(key, _)| key).collect::<Vec<_>>(), ["x", "z"]);
    assert!(file.group("c").is_none());
}

#[test]
fn what_is_not_a_key_file_is_refused() {
    assert_eq!(KeyFile::parse("x=1\n[a]"), Err(KeyFileError::NoGroup));
    assert_eq!(KeyFile::parse("[a]\nfoo"), Err(KeyFileError::Line("foo".into())));
    assert!(matches!(KeyFile::parse("[a\nx=1"), Err(KeyFileError::Group(_))));
    assert!(matches!(KeyFile::parse("[]\nx=1"), Err(KeyFileError::Group(_))));
    assert!(matches!(KeyFile::parse("[a]\n=1"), Err(KeyFileError::Key(_))));
}

#[test]
fn escapes_and_lists() {
    assert_eq!(one(r"\sa\tb\\c").string().unwrap(), " a\tb\\c");
    assert_eq!(one(r"a;b").string().unwrap(), "a;b");
    assert_eq!(one(r"a\;b; c ;").list().unwrap(), ["a;b", " c "]);
    assert_eq!(one("").list().unwrap(), Vec::<String>::new());
    assert_eq!(one(r"a\;").string(), Err(ValueError::Escape("\\;".into())));
    assert_eq!(one(r"a\").string(), Err(ValueError::EscapeAtEnd));
}

#[test]
fn types() {
    assert!(one("true").boolean().unwrap());
    assert!(!one("0 ").boolean().unwrap());
    assert!(one("yes").boolean().is_err());
    assert_eq!(one("-12").integer(), Ok(-12));
    assert!(one("0x10").integer().is_err());
    assert_eq!(one("99999999999999999999").integer(), Err(ValueError::Range("99999999999999999999".into())));
    assert_eq!(one("1.5").float(), Ok(1.5));
    assert!(one("nan").float().is_err());
}

#[test]
fn prefixed_sections_come_in_file_order() {
    let file = KeyFile::parse("[i-b]\n[i-]\n[other]\n[i-a]\n[i]").unwrap();
    let idents: Vec<_> = file.groups_with_prefix("i").map(|(ident, _)| ident).collect();
    assert_eq!(idents, ["b", "a"]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,20}(\n\\[?[a-z =\\\\;\\]#]{0,12}){0,8}") {
        if let Ok(file) = KeyFile::parse(&text) {
            for group in &file.groups {
                for (_, entry) in group.entries() {
                    let _ = (entry.string(), entry.list(), entry.boolean(), entry.integer(), entry.float());
                }
            }
        }
    }
}
