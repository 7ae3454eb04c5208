//! Keys with structures: ng-control.md §8.6 to §8.8, §13 B, sdp.md §18 and §19.

use super::*;

fn error(members: &str) -> Error {
    try_parse(&format!("{{\"command\":\"offer\",{members}}}"), &Defaults::default()).unwrap_err()
}

#[test]
fn codec_dictionary_by_command_rule_8_6() {
    let members = r#""codec":{"strip":["a"],"offer":["b"],"except":["c"],"ignore":["d"],"transcode":["e"],"mask":["f"],"set":["g"],"accept":["h"],"consume":["i"]}"#;
    for command in ["offer", "subscribe request", "publish", "play media"] {
        let codecs = json(command, members).codecs;
        assert_eq!(
            [codecs.transcode, codecs.mask, codecs.set, codecs.accept, codecs.consume].map(|list| list.len()),
            [1; 5],
            "{command}"
        );
    }
    let answer = json("answer", members);
    let codecs = &answer.codecs;
    assert_eq!([&codecs.strip, &codecs.offer, &codecs.except, &codecs.ignore].map(Vec::len), [1; 4]);
    assert_eq!(
        [&codecs.transcode, &codecs.mask, &codecs.set, &codecs.accept, &codecs.consume].map(Vec::len),
        [0; 5]
    );
    assert_eq!(answer.warnings, []);
    assert_eq!(offer(r#""codec":{"foo":["x"]}"#).warnings.len(), 1);
}

#[test]
fn set_applies_to_all_prefixes() {
    let prefixes: Vec<_> = set_prefixes(b"AMR/8000/1/7400").collect();
    assert_eq!(prefixes, [&b"AMR/8000/1/7400"[..], b"AMR/8000/1", b"AMR/8000", b"AMR"]);
    assert_eq!(set_prefixes(b"GSM").count(), 1);
}

#[test]
fn sdp_attr_manipulations() {
    let request = offer(
        r#""sdp-attr":{"none":{"add":["a=tool:x","lang:de..x"]},"audio":{"remove":"ptime,label","substitute":[["a--b","c"],"d>e>f","g",["only"]]},"global":{"remove":["t"]}}"#,
    );
    let session = request.sdp_attr.level(SdpLevel::Session).unwrap();
    assert_eq!(texts(&session.add), ["tool:x", "lang:de x"]);
    assert_eq!(texts(&session.remove), ["t"]);
    let audio = request.sdp_attr.level(SdpLevel::Media(MediaType::Audio)).unwrap();
    assert_eq!(texts(&audio.remove), ["ptime", "label"]);
    let expected: Vec<(crate::ng::ByteString, crate::ng::ByteString)> =
        vec![("a=b".into(), "c".into()), ("d".into(), "e>f".into())];
    assert_eq!(audio.substitute, expected);
    assert_eq!(request.sdp_attr.level(SdpLevel::Media(MediaType::Video)), None);
    assert_eq!(request.warnings, [Warning::UnknownValue { key: "sdp-attr", value: "g".into() }]);
}

#[test]
fn the_four_errors_of_section_13_b() {
    for (members, expected) in [
        (r#""sdp-attr":"x""#, Error::WrongType),
        (r#""sdp attr":["x"]"#, Error::WrongType),
        (r#""sdp-media-remove":"video""#, Error::WrongType),
        (r#""sdp-media-remove":{"a":1}"#, Error::WrongType),
        (r#""sdp-attr":{"audio":["x"]}"#, Error::WrongContent),
        (r#""sdp-attr":{"news":{}}"#, Error::UnsupportedSection),
        (r#""sdp-attr":{"other":{}}"#, Error::UnsupportedSection),
        (r#""sdp-media-remove":["video","news"]"#, Error::UnsupportedSection),
        (r#""sdp-attr":{"audio":{"replace":["x"]}}"#, Error::UnknownManipulation),
        (r#""tags":[{"to":["x"]}]"#, Error::EmptyFromTag),
        (r#""tags":[{"from":""}]"#, Error::EmptyFromTag),
    ] {
        assert_eq!(error(members), expected, "{members}");
    }
}

#[test]
fn the_same_in_a_flags_string_is_a_warning() {
    for text in [
        "sdp-attr=x",
        "sdp-attr=[audio=x]",
        "sdp-attr=[news=[add=[x]]]",
        "sdp-media-remove=news",
        "tags=[[to=x]]",
    ] {
        let request = string(&format!("{text} reset"));
        assert!(
            matches!(request.warnings[..], [Warning::BadStructure { .. }]),
            "{text}: {:?}",
            request.warnings
        );
        assert!(request.has(Flag::Reset), "{text}");
    }
}

#[test]
fn sdp_media_remove_types() {
    let request = offer(r#""sdp media remove":["video",5,"other","application"]"#);
    assert_eq!(request.sdp_media_remove, [MediaType::Video, MediaType::Other, MediaType::Application]);
    assert_eq!(string("sdp-media-remove=video,text").sdp_media_remove, [MediaType::Video, MediaType::Text]);
}

#[test]
fn extmap_lists() {
    let extmap = offer(r#""extmap":{"strip":["urn:a","all"],"mask":"urn:b"}"#).extmap;
    assert_eq!(
        (texts(&extmap.strip), texts(&extmap.mask)),
        (vec!["urn:a".into(), "all".into()], vec!["urn:b".into()])
    );
}

#[test]
fn music_on_hold() {
    let moh = offer(r#""MoH":{"file":"/a","db-id":"3","mode":"reflect","connection":"zero"}"#)
        .music_on_hold
        .unwrap();
    assert_eq!(moh.source.file.unwrap(), "/a");
    assert_eq!((moh.source.db_id, moh.mode, moh.zero_connection), (Some(3), MohMode::Reflect, true));
    let other = offer(r#""moh":{"mode":"x","connection":"one","foo":1}"#);
    let moh = other.music_on_hold.unwrap();
    assert_eq!((moh.mode, moh.zero_connection), (MohMode::SendOnly, false));
    assert_eq!(other.warnings.len(), 1);
    assert_eq!(offer("").music_on_hold, None);
}

#[test]
fn mesh_tags() {
    let request = json("mesh", r#""calls":["a","b"],"tags":[{"from":"x","to":["y","z..1"]},{"from":"q"}]"#);
    assert_eq!(
        request.tags,
        [
            MeshTags { from: "x".into(), to: vec!["y".into(), "z 1".into()] },
            MeshTags { from: "q".into(), to: vec![] }
        ]
    );
}

#[test]
fn medias_of_create_and_transform() {
    let create =
        json("create", r#""media":[{"type":"audio","codecs":["PCMA","opus/48000/2"]},{"type":"video"}]"#);
    assert_eq!(create.medias.len(), 2);
    assert_eq!(create.medias[0].media_type.as_ref().unwrap(), &"audio");
    assert_eq!(texts(&create.medias[0].codecs), ["PCMA", "opus/48000/2"]);

    let transform = json(
        "transform",
        r#""media":[{"id":"1","type":"audio","codec":[{"input":{"codec":"PCMA","payload type":8,"clock rate":8000,"channels":"1","format":"f","options":"o"},"output":{"codec":"opus"}}],"destination":{"address family":"IP4","address":"192.0.2.1","port":4000}}]"#,
    );
    let media = &transform.medias[0];
    assert_eq!(media.id.as_ref().unwrap(), &"1");
    let input = &media.conversions[0].input;
    assert_eq!((input.payload_type, input.clock_rate, input.channels), (Some(8), Some(8000), Some(1)));
    assert_eq!((input.format.as_ref().unwrap(), input.options.as_ref().unwrap()), (&"f".into(), &"o".into()));
    assert_eq!(media.conversions[0].output.codec.as_ref().unwrap(), &"opus");
    let destination = media.destination.as_ref().unwrap();
    assert_eq!(destination.family, Some(AddressFamily::Ip4));
    assert_eq!((destination.address, destination.port), ("192.0.2.1".parse().ok(), Some(4000)));

    let bad = json("transform", r#""media":[{"destination":{"address":"x","port":70000}}]"#);
    assert_eq!(bad.medias[0].destination, Some(Destination::default()));
}
