//! Rules of ng-control.md §3.1 and §1.3, one test each, and the `bencode` crate as independent reference.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn bytes(text: &str) -> Value<'_> {
    Value::from(text)
}

fn encoded(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out);
    out
}

#[test]
fn strings() {
    assert_eq!(decode(b"0:"), Ok(bytes("")));
    assert_eq!(decode(b"4:ping"), Ok(bytes("ping")));
    assert_eq!(decode(b"3:\xff\x00e"), Ok(Value::from(&b"\xff\x00e"[..])));
    for bad in
        ["00:", "01:a", "5:ping", "4ping", "4", "4:", "99999999999999999999:a", "18446744073709551615:a"]
    {
        assert!(decode(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn integers() {
    for (text, number) in [
        ("i0e", 0),
        ("i-5e", -5),
        ("i+5e", 5),
        ("i9223372036854775807e", i64::MAX),
        ("i-9223372036854775808e", i64::MIN),
    ] {
        assert_eq!(decode(text.as_bytes()), Ok(Value::Int(number)), "{text}");
    }
    for bad in ["ie", "i-e", "i00e", "i05e", "i5", "i 5e", "i5 e", "i9223372036854775808e", "i5.0e"] {
        assert!(decode(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn containers_keep_order_and_duplicates() {
    let value = decode(b"d1:bi1e1:ali2e0:e1:bi3ee").unwrap();
    let dict = value.as_dict().unwrap();
    let keys: Vec<_> = dict.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"b", b"a", b"b"]);
    assert_eq!(dict.int("b"), Some(1));
    assert_eq!(dict.list("a").map(<[_]>::len), Some(2));
}

#[test]
fn tolerated_missing_ends_at_the_very_end() {
    assert_eq!(decode(b"d7:command4:ping"), decode(b"d7:command4:pinge"));
    assert_eq!(decode(b"d5:flagsl5:fatal"), decode(b"d5:flagsl5:fatalee"));
    assert_eq!(decode(b"d"), Ok(Value::Dict(Dict::new())));
}

#[test]
fn tolerated_trailing_bytes() {
    assert_eq!(decode(b"d7:command4:pingexyz\n"), decode(b"d7:command4:pinge"));
}

#[test]
fn not_tolerated() {
    assert_eq!(decode(b"di1e1:ae"), Err(DecodeError::Key(1)));
    assert_eq!(decode(b"d7:command"), Err(DecodeError::End(10)));
    assert_eq!(decode(b"d7:commande"), Err(DecodeError::Type(10)));
    assert_eq!(decode(b"d1:a9:xe"), Err(DecodeError::Truncated(4)));
    assert_eq!(decode(b"lxe"), Err(DecodeError::Type(1)));
    assert_eq!(decode(b"li5"), Err(DecodeError::Integer(1)));
    assert_eq!(decode(b"l5"), Err(DecodeError::Length(1)));
    assert_eq!(decode(b""), Err(DecodeError::End(0)));
}

#[test]
fn depth_and_elements_are_limited() {
    let nested = [vec![b'l'; 65_000], vec![b'e'; 65_000]].concat();
    assert_eq!(decode(&nested), Err(DecodeError::Depth(MAX_DEPTH)));
    let deepest = [vec![b'l'; MAX_DEPTH], vec![b'e'; MAX_DEPTH]].concat();
    assert!(decode(&deepest).is_ok());
    let many = [b"l".to_vec(), b"0:".repeat(70_000), b"e".to_vec()].concat();
    assert!(matches!(decode(&many), Err(DecodeError::Elements(_))));
}

#[test]
fn encodes_in_insertion_order() {
    let dict =
        Dict::new().with("z", 1).with("a", -20).with("list", Value::list(["x", ""])).with("d", Dict::new());
    assert_eq!(encoded(&dict.into()), b"d1:zi1e1:ai-20e4:listl1:x0:e1:ddee");
    assert_eq!(encoded(&Value::Int(i64::MIN)), b"i-9223372036854775808e");
    assert_eq!(encoded(&Value::Null), b"0:");
}

#[test]
fn scanner_is_stricter_than_the_decoder() {
    for (text, expected) in [
        ("d7:command4:pinge", Progress::Complete(17)),
        ("d7:command4:pingexyz", Progress::Complete(17)),
        ("d7:command4:ping", Progress::Incomplete),
        ("0:", Progress::Complete(2)),
        ("i0e", Progress::Complete(3)),
        ("i-12e", Progress::Complete(5)),
        ("i-0e", Progress::Invalid),
        ("i-05e", Progress::Invalid),
        ("i05e", Progress::Invalid),
        ("i+5e", Progress::Invalid),
        ("ie", Progress::Invalid),
        ("i-e", Progress::Invalid),
        ("i", Progress::Incomplete),
        ("00:", Progress::Invalid),
        ("01:a", Progress::Invalid),
        ("x", Progress::Invalid),
        ("{}", Progress::Invalid),
        ("di1e1:ae", Progress::Invalid),
        ("d1:ae", Progress::Invalid),
        ("e", Progress::Invalid),
        ("9999999999999999999:", Progress::Invalid),
        ("", Progress::Incomplete),
        ("ld1:al0:i3eeee", Progress::Complete(14)),
    ] {
        assert_eq!(Scanner::new().push(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn scanner_limits_depth() {
    let mut scanner = Scanner::new();
    assert_eq!(scanner.push(&[b'l'; MAX_DEPTH]), Progress::Incomplete);
    assert_eq!(scanner.clone().push(&[b'e'; MAX_DEPTH]), Progress::Complete(MAX_DEPTH));
    assert_eq!(scanner.push(b"l"), Progress::Invalid);
}

/// Values with sorted unique keys, which is what the reference can hold.
fn any_value() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::from),
        any::<i64>().prop_map(Value::Int),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::btree_map("[a-z ]{0,9}", inner, 0..8).prop_map(|entries| {
                let mut dict = Dict::new();
                for (key, value) in entries {
                    dict.push(key, value);
                }
                Value::Dict(dict)
            }),
        ]
    })
}

fn reference(value: &Value<'_>) -> bencode::Bencode {
    match value {
        Value::Bytes(text) => bencode::Bencode::ByteString(text.to_vec()),
        Value::Int(number) => bencode::Bencode::Number(*number),
        Value::List(list) => bencode::Bencode::List(list.iter().map(reference).collect()),
        Value::Dict(dict) => {
            let entries: BTreeMap<_, _> = dict
                .iter()
                .map(|(key, value)| (bencode::util::ByteString::from_slice(key), reference(value)))
                .collect();
            bencode::Bencode::Dict(entries)
        }
        Value::Null => bencode::Bencode::Empty,
    }
}

proptest! {
    #[test]
    fn reference_decodes_what_we_encode(value in any_value()) {
        let ours = encoded(&value);
        prop_assert_eq!(bencode::from_vec(ours).unwrap(), reference(&value));
    }

    #[test]
    fn we_decode_what_the_reference_encodes(value in any_value()) {
        let theirs = reference(&value).to_bytes().unwrap();
        prop_assert_eq!(decode(&theirs).unwrap(), value);
    }

    #[test]
    fn write_then_parse_is_identity(value in any_value()) {
        let ours = encoded(&value);
        prop_assert_eq!(decode(&ours).unwrap(), value.clone());
        prop_assert_eq!(Scanner::new().push(&ours), Progress::Complete(ours.len()));
    }

    #[test]
    fn scanner_does_not_depend_on_the_pieces(value in any_value(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let ours = encoded(&value);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(ours.len())).collect();
        cuts.sort_unstable();
        let mut scanner = Scanner::new();
        let mut from = 0;
        for cut in cuts {
            prop_assert_eq!(scanner.push(&ours[from..cut]), Progress::Incomplete);
            from = cut;
        }
        prop_assert_eq!(scanner.push(&ours[from..]), Progress::Complete(ours.len() - from));
    }

    #[test]
    fn what_the_scanner_completes_the_decoder_takes(data in prop::collection::vec(prop::sample::select(&b"dlie0123:-abc"[..]), 0..40)) {
        if let Progress::Complete(length) = Scanner::new().push(&data) {
            prop_assert!(decode(&data[..length]).is_ok());
        }
    }

    #[test]
    fn any_bytes_end_without_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&data);
        let _ = Scanner::new().push(&data);
    }
}
