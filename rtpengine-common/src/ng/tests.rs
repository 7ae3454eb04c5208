//! Cookies, encodings, replies and the TCP framer: the rules of ng-control.md §1 to §4.

use proptest::prelude::*;

use super::*;

#[test]
fn cookie_is_everything_before_the_first_space() {
    let split = split(b"a\xff_1 d7:command4:pinge").unwrap();
    assert_eq!((split.cookie, split.payload), (&b"a\xff_1"[..], &b"d7:command4:pinge"[..]));
    assert_eq!(super::split(b"x  y").unwrap().payload, b" y");
    assert_eq!(super::split(b"x ").unwrap().payload, b"");
}

#[test]
fn no_cookie_is_dropped_rule_1_2_6() {
    for datagram in [&b""[..], b" ", b" d7:command4:pinge", b"d7:command4:pinge", b"abc"] {
        assert_eq!(split(datagram), None);
    }
}

#[test]
fn first_byte_decides_the_encoding_rule_3() {
    assert_eq!(Message::decode(b"d7:command4:pinge").unwrap().encoding, Encoding::Bencode);
    assert_eq!(Message::decode(b"{\"command\":\"ping\"}").unwrap().encoding, Encoding::Json);
    for (payload, encoding, error) in [
        (&b""[..], Encoding::Bencode, "Invalid data (no payload)"),
        (b"x", Encoding::Bencode, "Invalid NG data format"),
        (b"4:ping", Encoding::Bencode, "Invalid NG data format"),
        (b" {}", Encoding::Bencode, "Invalid NG data format"),
        (b"d7:command", Encoding::Bencode, "Could not decode bencode dictionary"),
        (b"d1:xe", Encoding::Bencode, "Could not decode bencode dictionary"),
        (b"{", Encoding::Json, "Failed to parse JSON document"),
        (b"{\"a\":1} x", Encoding::Json, "Failed to parse JSON document"),
        (b"{\"a\":\"\xff\"}", Encoding::Json, "Failed to parse JSON document"),
        (b"{\"a\":01}", Encoding::Json, "Failed to parse JSON document"),
    ] {
        let rejected = Message::decode(payload).unwrap_err();
        assert_eq!((rejected.encoding, rejected.error.to_string().as_str()), (encoding, error));
    }
}

#[test]
fn json_values_rule_3_2() {
    let text = br#"{"z":1,"a":true,"a":false,"n":null,"f":1.5,"big":18446744073709551615,"s":"a\u0000b","e":"\u00e4\n","l":[1,"x",[]],"d":{"k\u0000x":"v"}}"#;
    let message = Message::decode(text).unwrap();
    let dict = &message.dict;
    let keys: Vec<_> = dict.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [&b"z"[..], b"a", b"a", b"n", b"f", b"big", b"s", b"e", b"l", b"d"]);
    assert_eq!(dict.int("a"), Some(1));
    for key in ["n", "f", "big"] {
        assert_eq!(dict.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!(dict.text("s"), Some("a"));
    assert_eq!(dict.text("e"), Some("ä\n"));
    assert_eq!(dict.dict("d").and_then(|d| d.text("k")), Some("v"));
}

#[test]
fn json_depth_is_bounded() {
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(60_000), "]".repeat(60_000));
    assert_eq!(Message::decode(nested.as_bytes()).unwrap_err().error, Error::JsonDocument);
}

#[test]
fn examples_of_section_18() {
    let reply = Reply::pong();
    assert_eq!(reply.to_vec(Encoding::Bencode, Some(b"77_a")), b"77_a d6:result4:ponge");
    assert_eq!(reply.to_vec(Encoding::Json, Some(b"77_b")), br#"77_b {"result":"pong"}"#);
    let rejected = Message::decode(b"x").unwrap_err();
    assert_eq!(
        Reply::from_error(&rejected).to_vec(rejected.encoding, Some(b"77_c")),
        b"77_c d6:result5:error12:error-reason22:Invalid NG data formate"
    );
    let mut deleted = Reply::ok();
    deleted.warning("Call-ID not found or tags didn't match");
    assert_eq!(
        deleted.to_vec(Encoding::Json, None),
        br#"{"warning":"Call-ID not found or tags didn't match","result":"ok"}"#
    );
    assert_eq!(
        Reply::load_limit("CPU usage limit exceeded").to_vec(Encoding::Json, None),
        br#"{"result":"load limit","message":"CPU usage limit exceeded"}"#
    );
}

#[test]
fn result_comes_last_and_keys_survive_a_failure_rule_4_8() {
    let mut reply =
        Reply::ok().with("sdp", "v=0\r\n").with("n", -1_i64).with("list", Value::list([1_u32, 2]));
    assert_eq!(reply.to_vec(Encoding::Json, None), br#"{"sdp":"v=0\r\n","n":-1,"list":[1,2],"result":"ok"}"#);
    assert_eq!(reply.to_vec(Encoding::Bencode, None), b"d3:sdp5:v=0\r\n1:ni-1e4:listli1ei2ee6:result2:oke");
    reply.fail("Ran out of ports");
    assert!(reply.is_error());
    assert!(
        reply
            .to_vec(Encoding::Json, None)
            .ends_with(br#""result":"error","error-reason":"Ran out of ports"}"#)
    );
    assert_eq!(reply.to_dict().text("error-reason"), Some("Ran out of ports"));
}

#[test]
fn json_escapes_control_characters_only() {
    let reply = Reply::ok().with("s", "a\"\\\u{8}\u{c}\n\r\t\u{1}\u{7f}ä/");
    assert_eq!(
        reply.to_vec(Encoding::Json, None),
        "{\"s\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\u{7f}ä/\",\"result\":\"ok\"}".as_bytes()
    );
    let broken = Reply::ok().with("s", &b"\xff"[..]);
    assert_eq!(broken.to_vec(Encoding::Json, None), "{\"s\":\"\u{fffd}\",\"result\":\"ok\"}".as_bytes());
}

#[test]
fn commands_in_the_order_of_the_statistics() {
    let names: Vec<_> = Command::ALL.iter().map(|info| info.name).collect();
    assert_eq!(
        names.join(", "),
        "ping, offer, answer, delete, query, list, start recording, stop recording, pause recording, start forwarding, \
         stop forwarding, block DTMF, unblock DTMF, block media, unblock media, play media, stop media, play DTMF, \
         statistics, silence media, unsilence media, publish, subscribe request, subscribe answer, unsubscribe, \
         inject start, inject stop, connect, cli, transform, create, create answer, mesh"
    );
    for (position, info) in Command::ALL.iter().enumerate() {
        assert_eq!(info.command as usize, position);
        assert_eq!(Command::from_name(info.name.as_bytes()), Some(info.command));
        assert_eq!(info.command.info(), info);
    }
    assert_eq!(Command::from_name(b"CLI"), Some(Command::Cli));
    for wrong in ["Ping", "play  media", "play dtmf", "", "offer "] {
        assert_eq!(Command::from_name(wrong.as_bytes()), None, "{wrong}");
    }
    assert_eq!(Command::BlockDtmf.short_name(), "BlkDTMF");
}

fn units(framer: &mut Framer) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some(unit) = framer.next_unit() {
        found.push((unit.cookie.to_vec(), unit.payload.to_vec()));
    }
    found
}

#[test]
fn several_units_without_separator_rule_1_3_2() {
    let mut framer = Framer::default();
    framer.push(b"1 d7:command4:pinge2 d7:command4:pinge3 d7:comm");
    let found = units(&mut framer);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], (b"2".to_vec(), b"d7:command4:pinge".to_vec()));
    assert_eq!(framer.pending(), 9);
    framer.push(b"and4:pinge");
    assert_eq!(units(&mut framer), [(b"3".to_vec(), b"d7:command4:pinge".to_vec())]);
    assert_eq!(framer.pending(), 0);
}

#[test]
fn unparseable_bytes_stay_until_the_limit_rule_1_3_4() {
    let mut framer = Framer::new(100);
    framer.push(b"1 {\"command\":\"ping\"}");
    assert_eq!(units(&mut framer), []);
    assert!(!framer.is_overfull());
    framer.push(&[b' '; 100]);
    assert_eq!(units(&mut framer), []);
    assert!(framer.is_overfull());
}

#[test]
fn the_limit_is_about_the_remainder_only() {
    let mut framer = Framer::new(100);
    framer.push(&b"1 d7:command4:pinge".repeat(50));
    assert!(framer.is_overfull());
    assert_eq!(units(&mut framer).len(), 50);
    assert!(!framer.is_overfull());
}

#[test]
fn error_texts_to_the_letter_section_13() {
    for (error, text) in [
        (Error::NoPayload, "Invalid data (no payload)"),
        (Error::DataFormat, "Invalid NG data format"),
        (Error::Bencode, "Could not decode bencode dictionary"),
        (Error::JsonDocument, "Failed to parse JSON document"),
        (Error::JsonDictionary, "Could not decode JSON dictionary"),
        (Error::NoCommand, "Dictionary contains no key \"command\""),
        (Error::UnrecognizedCommand, "Unrecognized command"),
        (Error::Unsupported, "unsupported"),
        (Error::WrongType, "wrong type used"),
        (Error::WrongContent, "wrong content given"),
        (Error::UnsupportedSection, "unsupported sdp section"),
        (Error::UnknownManipulation, "unknown manipulation command"),
        (Error::EmptyFromTag, "Empty/missing from-tag"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

fn json_value() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof!["[^\u{0}]{0,12}".prop_map(Value::from), any::<i64>().prop_map(Value::Int)];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec(("[^\u{0}]{0,6}", inner), 0..6).prop_map(|entries| {
                let mut dict = Dict::new();
                for (key, value) in entries {
                    dict.push(key, value);
                }
                Value::Dict(dict)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn json_written_then_parsed_is_identity(value in json_value()) {
        let dict = Dict::new().with("value", value);
        let mut out = Vec::new();
        Encoding::Json.write(&dict, &mut out);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
        prop_assert_eq!(Message::decode(&out).unwrap().dict, dict);
    }

    #[test]
    fn the_framer_does_not_depend_on_the_pieces(pieces in prop::collection::vec(1_usize..20, 1..200)) {
        let stream = b"77_a d7:command4:pinge77_b d5:flagsl1:ai-5eee5 i3e0:x l0:lee".repeat(4);
        let mut whole = Framer::default();
        whole.push(&stream);
        let expected = units(&mut whole);
        let mut framer = Framer::default();
        let mut found = Vec::new();
        let mut rest = &stream[..];
        for size in pieces.iter().cycle() {
            let (piece, tail) = rest.split_at((*size).min(rest.len()));
            framer.push(piece);
            found.extend(units(&mut framer));
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_datagram_ends_without_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(split) = split(&data)
            && let Ok(message) = Message::decode(split.payload) {
                let _ = Request::parse(&message, &Defaults::default());
            }
        let mut framer = Framer::default();
        framer.push(&data);
        let _ = units(&mut framer);
    }
}

/// What is nested as deep as bencode allows can be said in JSON and is read again; found by fuzzing.
#[test]
fn both_encodings_nest_equally_deep() {
    let depth = crate::bencode::MAX_DEPTH - 1;
    let payload = [b"d1:k".to_vec(), vec![b'l'; depth], vec![b'e'; depth], b"e".to_vec()].concat();
    let message = Message::decode(&payload).expect("as deep as allowed");
    let mut written = Vec::new();
    Encoding::Json.write(&message.dict, &mut written);
    assert_eq!(Message::decode(&written).expect("as deep in JSON").dict, message.dict);
    let deeper = [b"d1:k".to_vec(), vec![b'l'; depth + 1], vec![b'e'; depth + 1], b"e".to_vec()].concat();
    assert!(Message::decode(&deeper).is_err());
}
