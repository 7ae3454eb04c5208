//! Whole bodies, line by line: the worked examples of `sdp.md` 26 and the line orders of its sections 4 and 5.

use rtpengine_tests::prelude::*;
use rtpengine_tests::sdp::{assert_body, body};

struct Talk<'d> {
    daemon: &'d Daemon,
    call: Call<'d>,
    /// The daemon's address.
    here: String,
}

impl<'d> Talk<'d> {
    fn new(daemon: &'d Daemon) -> Self {
        Self { daemon, call: Call::new(daemon), here: daemon.network().relay(0).to_string() }
    }

    #[track_caller]
    fn offer(&self, lines: &[&str], options: &Request) -> String {
        let request = self.call.ask("offer").set("from-tag", "a").set("sdp", body(lines)).with(options);
        self.daemon.request(&request).ok().sdp().to_string()
    }

    #[track_caller]
    fn answer(&self, lines: &[&str], options: &Request) -> String {
        let request = self.call.ask("answer").set("from-tag", "a").set("to-tag", "b").set("sdp", body(lines));
        self.daemon.request(&request.with(options)).ok().sdp().to_string()
    }

    /// Compares a body with lines in which `HERE`, `PORT1`, `RTCP1`, `PORT2` … stand for the daemon's values.
    #[track_caller]
    fn is(&self, text: &str, expected: &[&str]) {
        let sections = Sdp::parse(text).sections;
        let names: Vec<_> = (1..=sections.len()).map(|n| (format!("PORT{n}"), format!("RTCP{n}"))).collect();
        let mut numbers = Vec::new();
        for ((rtp, rtcp), section) in names.iter().zip(&sections) {
            numbers.push((rtp.as_str(), section.port()));
            numbers.push((rtcp.as_str(), section.port().wrapping_add(1)));
        }
        let lines: Vec<_> = expected.iter().map(|line| line.replace("HERE", &self.here)).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_body(text, &lines, &numbers);
    }
}

#[test]
fn example_a_a_plain_call_with_unknown_attributes() {
    let daemon = Daemon::start();
    let talk = Talk::new(&daemon);
    let offer = talk.offer(
        &[
            "v=0",
            "o=ua1 77 3 IN IP4 10.7.7.1",
            "s=demo",
            "c=IN IP4 10.7.7.1",
            "b=TIAS:64000",
            "b=AS:96",
            "t=0 0",
            "a=tool:x",
            "m=audio 18000 RTP/AVP 3 118",
            "a=maxptime:60",
            "a=X-foo:",
            "a=rtpmap:118 telephone-event/8000",
            "a=fmtp:118 0-11",
            "a=recvonly",
            "a=ssrc:5 cname:q",
        ],
        &Request::empty().flag("generate mid"),
    );
    talk.is(
        &offer,
        &[
            "v=0",
            "o=ua1 77 3 IN IP4 10.7.7.1",
            "s=demo",
            "b=AS:96",
            "b=TIAS:64000",
            "t=0 0",
            "a=tool:x",
            "m=audio PORT1 RTP/AVP 3 118",
            "c=IN IP4 HERE",
            "a=mid:1",
            "a=rtpmap:3 GSM/8000",
            "a=rtpmap:118 telephone-event/8000",
            "a=fmtp:118 0-11",
            "a=X-foo",
            "a=ssrc:5 cname:q",
            "a=recvonly",
            "a=rtcp:RTCP1",
            "a=maxptime:60",
        ],
    );
}

#[test]
fn example_b_demux_with_hold() {
    let daemon = Daemon::start();
    let talk = Talk::new(&daemon);
    let offer = talk.offer(
        &[
            "v=0",
            "o=- 1 1 IN IP4 10.7.7.1",
            "s=-",
            "t=0 0",
            "m=audio 19000 RTP/AVP 3",
            "c=IN IP4 0.0.0.0",
            "a=rtcp-mux",
            "a=recvonly",
        ],
        &Request::empty().list("rtcp-mux", ["demux"]).flag("full rtcp attribute"),
    );
    talk.is(
        &offer,
        &[
            "v=0",
            "o=- 1 1 IN IP4 10.7.7.1",
            "s=-",
            "t=0 0",
            "m=audio PORT1 RTP/AVP 3",
            "c=IN IP4 0.0.0.0",
            "a=rtpmap:3 GSM/8000",
            "a=inactive",
            "a=rtcp:RTCP1 IN IP4 HERE",
        ],
    );
    let answer = talk.answer(
        &[
            "v=0",
            "o=- 2 2 IN IP4 10.7.7.2",
            "s=-",
            "t=0 0",
            "m=audio 20000 RTP/AVP 3",
            "c=IN IP4 10.7.7.2",
            "a=inactive",
        ],
        &Request::empty(),
    );
    talk.is(
        &answer,
        &[
            "v=0",
            "o=- 2 2 IN IP4 10.7.7.2",
            "s=-",
            "t=0 0",
            "m=audio PORT1 RTP/AVP 3",
            "c=IN IP4 HERE",
            "a=rtpmap:3 GSM/8000",
            "a=inactive",
            "a=rtcp:PORT1",
            "a=rtcp-mux",
        ],
    );
}

#[test]
fn example_c_srtp_with_new_keys() {
    let daemon = Daemon::start();
    let talk = Talk::new(&daemon);
    let head = ["v=0", "o=- 1 1 IN IP4 10.7.7.1", "s=-", "c=IN IP4 10.7.7.1", "t=0 0"];
    let key = "inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let crypto = format!("a=crypto:4 AES_192_CM_HMAC_SHA1_80 {key}");
    let section = ["m=audio 18000 RTP/SAVP 0", &crypto];
    let options =
        ["only-AES_192_CM_HMAC_SHA1_80", "only-AES_CM_128_HMAC_SHA1_32", "order:AES_CM_128_HMAC_SHA1_32"];
    let options = Request::empty().list("SDES", options).set("DTLS", "off");
    let offer = talk.offer(&[&head[..], &section[..]].concat(), &options);
    let lines = Sdp::parse(&offer).sections[0].values("crypto").join("\n");
    let (first, second) = lines.split_once('\n').unwrap();
    assert!(first.starts_with("5 AES_CM_128_HMAC_SHA1_32 inline:"), "{first}");
    assert_eq!(first.len(), "5 AES_CM_128_HMAC_SHA1_32 inline:".len() + 40);
    assert_eq!(second, format!("4 AES_192_CM_HMAC_SHA1_80 {key}"));
    let crypto = "a=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
    let section = ["m=audio 20000 RTP/SAVP 0", crypto];
    let answer = talk.answer(&[&head[..], &section[..]].concat(), &Request::empty());
    let section = &Sdp::parse(&answer).sections[0];
    let lines = section.values("crypto");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("4 AES_192_CM_HMAC_SHA1_80 inline:"), "{lines:?}");
    assert_eq!(lines[0].len(), "4 AES_192_CM_HMAC_SHA1_80 inline:".len() + 51);
    assert!(!lines[0].contains("AAAAAAAAAA"), "a new key");
}

#[test]
fn example_d_candidates_and_their_priorities() {
    let network = Network::enter();
    let Some(v6) = network.relay_v6(0, "the candidates of an interface with two families") else { return };
    let daemon = Daemon::builder().interface(&network.relay(0)).interface(&v6).start();
    let sdp =
        ["v=0", "o=- 1 1 IN IP4 10.7.7.1", "s=-", "c=IN IP4 10.7.7.1", "t=0 0", "m=audio 18000 RTP/AVP 0"];
    for (family, first) in [("IP4", network.relay(0)), ("IP6", v6)] {
        let talk = Talk::new(&daemon);
        let options = Request::empty().set("ICE", "force").set("address-family", family);
        let offer = talk.offer(&sdp, &options);
        let section = &Sdp::parse(&offer).sections[0];
        assert_eq!(section.address(), first);
        let candidates = section.values("candidate");
        let words: Vec<Vec<&str>> = candidates.iter().map(|line| line.split(' ').collect()).collect();
        let column = |index: usize| words.iter().map(|words| words[index]).collect::<Vec<_>>();
        assert_eq!(column(1), ["1", "1", "2", "2"]);
        assert_eq!(column(2), ["UDP"; 4]);
        assert_eq!(column(3), ["2130706431", "2130706175", "2130706430", "2130706174"]);
        assert_eq!(column(7), ["host"; 4]);
        let first = first.to_string();
        assert_eq!((column(4)[0], column(4)[2]), (&first[..], &first[..]));
        assert_eq!(column(5)[0], section.port().to_string());
        for foundation in column(0) {
            assert_eq!(foundation.len(), 16);
            assert!(foundation.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_eq!(section.value("ice-ufrag").map(str::len), Some(8));
        assert_eq!(section.value("ice-pwd").map(str::len), Some(26));
    }
}

#[test]
fn the_session_lines_stand_in_their_order() {
    let daemon = Daemon::start();
    let talk = Talk::new(&daemon);
    let offer = talk.offer(
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=name",
            "i=info",
            "u=http://example.com/",
            "e=mail@example.com",
            "p=+1 555",
            "c=IN IP4 10.0.0.1",
            "b=CT:1",
            "b=RS:2",
            "b=X-odd:7",
            "b=RR:3",
            "t=1 2",
            "k=clear:x",
            "a=second-unknown:1",
            "a=msid-semantic: WMS",
            "m=audio 18000 RTP/AVP 0",
            "i=section info",
            "b=RS:4",
            "b=AS:5",
            "a=label:L1",
            "a=sendrecv",
            "a=ptime:30",
            "a=rtcp-fb:* nack",
            "a=unknown",
        ],
        &Request::empty().flag("loop-protect"),
    );
    let id = offer.lines().find_map(|line| line.strip_prefix("a=rtpengine:")).unwrap().trim_end().to_string();
    assert_eq!(id.len(), 12);
    assert!(id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{id}");
    talk.is(
        &offer.replace(&id, "ID"),
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=name",
            "i=info",
            "u=http://example.com/",
            "e=mail@example.com",
            "p=+1 555",
            "b=RR:3",
            "b=RS:2",
            "b=CT:1",
            "t=1 2",
            "a=rtpengine:ID",
            "a=second-unknown:1",
            "a=msid-semantic: WMS",
            "m=audio PORT1 RTP/AVP 0",
            "i=section info",
            "c=IN IP4 HERE",
            "b=AS:5",
            "b=RS:4",
            "a=label:L1",
            "a=rtpmap:0 PCMU/8000",
            "a=rtcp-fb:* nack",
            "a=unknown",
            "a=sendrecv",
            "a=rtcp:RTCP1",
            "a=ptime:30",
        ],
    );
    // The own marker on every session: unchanged back, and nothing else happens.
    let again = talk.call.ask("offer").set("from-tag", "other").set("sdp", &offer).flag("loop-protect");
    assert_eq!(talk.daemon.request(&again).ok().sdp(), offer);
}

#[test]
fn video_keeps_its_formats_and_feedback() {
    let daemon = Daemon::start();
    let talk = Talk::new(&daemon);
    let offer = talk.offer(
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=-",
            "c=IN IP4 10.0.0.1",
            "t=0 0",
            "m=video 18000 RTP/AVPF 96 97",
            "a=rtcp-fb:97 nack pli",
            "a=rtpmap:97 H264/90000",
            "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1",
            "a=rtcp-fb:96 nack",
            "a=rtcp-fb:96 ccm fir",
            "a=rtpmap:96 VP8/90000",
            "a=extmap:3 urn:example:three",
            "a=extmap:1/sendonly urn:example:one and more",
        ],
        &Request::empty(),
    );
    talk.is(
        &offer,
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=-",
            "t=0 0",
            "m=video PORT1 RTP/AVPF 96 97",
            "c=IN IP4 HERE",
            "a=rtpmap:96 VP8/90000",
            "a=rtcp-fb:96 nack",
            "a=rtcp-fb:96 ccm fir",
            "a=rtpmap:97 H264/90000",
            "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1",
            "a=rtcp-fb:97 nack pli",
            "a=extmap-allow-mixed",
            "a=extmap:3 urn:example:three",
            "a=extmap:1 urn:example:one",
            "a=sendrecv",
            "a=rtcp:RTCP1",
        ],
    );
}

#[test]
fn a_section_without_rtp_is_copied() {
    let daemon = Daemon::start();
    let talk = Talk::new(&daemon);
    let offer = talk.offer(
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=-",
            "c=IN IP4 10.0.0.1",
            "t=0 0",
            "m=image 18000 udptl t38",
            "a=T38FaxVersion:0",
            "a=T38MaxBitRate:14400",
            "a=sendonly",
            "m=message 18002 TCP/MSRP *",
            "a=path:msrp://10.0.0.1:18002/x;tcp",
        ],
        &Request::empty(),
    );
    talk.is(
        &offer,
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=-",
            "t=0 0",
            "m=image PORT1 udptl t38",
            "c=IN IP4 HERE",
            "a=T38FaxVersion:0",
            "a=T38MaxBitRate:14400",
            "a=sendonly",
            "m=message 18002 TCP/MSRP *",
            "c=IN IP4 10.0.0.1",
            "a=path:msrp://10.0.0.1:18002/x;tcp",
        ],
    );
}

#[test]
fn the_origin_follows_the_replace_options() {
    let daemon = Daemon::start();
    let sdp = |version: u32, port: u16| {
        vec![
            "v=0".to_string(),
            format!("o=user{version} 5 {version} IN IP4 10.0.0.{version}"),
            format!("s=name{version}"),
            "c=IN IP4 10.0.0.1".to_string(),
            "t=0 0".to_string(),
            format!("m=audio {port} RTP/AVP 0"),
        ]
    };
    let relay = daemon.network().relay(0).to_string();
    // After offers with versions 1, 1 and 2 (the second with the same body as the first).
    let rows: [(&[&str], [String; 3], &str); 6] = [
        (
            &[],
            origins("user1 5 1 IN IP4 10.0.0.1", "user1 5 1 IN IP4 10.0.0.1", "user2 5 2 IN IP4 10.0.0.2"),
            "name2",
        ),
        (
            &["origin"],
            origins(
                &format!("user1 5 1 IN IP4 {relay}"),
                &format!("user1 5 1 IN IP4 {relay}"),
                &format!("user2 5 2 IN IP4 {relay}"),
            ),
            "name2",
        ),
        (
            &["username"],
            origins("user1 5 1 IN IP4 10.0.0.1", "user1 5 1 IN IP4 10.0.0.1", "user1 5 2 IN IP4 10.0.0.2"),
            "name2",
        ),
        (
            &["session-name"],
            origins("user1 5 1 IN IP4 10.0.0.1", "user1 5 1 IN IP4 10.0.0.1", "user2 5 2 IN IP4 10.0.0.2"),
            "name1",
        ),
        (
            &["force-increment-sdp-ver"],
            origins("user1 5 1 IN IP4 10.0.0.1", "user1 5 2 IN IP4 10.0.0.1", "user2 5 3 IN IP4 10.0.0.2"),
            "name2",
        ),
        (
            &["origin-full"],
            origins(
                &format!("user1 5 1 IN IP4 {relay}"),
                &format!("user1 5 1 IN IP4 {relay}"),
                &format!("user1 5 2 IN IP4 {relay}"),
            ),
            "name2",
        ),
    ];
    for (options, expected, name) in rows {
        let talk = Talk::new(&daemon);
        let options = Request::empty().list("replace", options.iter().copied());
        let mut last = String::new();
        for (version, origin) in [1, 1, 2].into_iter().zip(expected) {
            let lines = sdp(version, 18000);
            last = talk.offer(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &options);
            assert_eq!(Sdp::parse(&last).line('o'), Some(&origin[..]), "{options:?}");
        }
        assert_eq!(Sdp::parse(&last).line('s'), Some(name), "{options:?}");
    }
}

fn origins(first: &str, second: &str, third: &str) -> [String; 3] {
    [first, second, third].map(str::to_string)
}

#[test]
fn the_input_grammar_is_lenient_where_it_says_so() {
    let daemon = Daemon::start();
    // Bare line feeds, no end of the last line, text after a blank line.
    for sdp in [
        "v=0\no=x 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0",
        "v=0\r\no=x 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\nm=audio 4000 RTP/AVP 0\r\n\r\nrubbish",
    ] {
        let talk = Talk::new(&daemon);
        let request = talk.call.ask("offer").set("from-tag", "a").set("sdp", sdp);
        let reply = daemon.request(&request).ok();
        talk.is(
            reply.sdp(),
            &[
                "v=0",
                "o=x 1 1 IN IP4 10.0.0.1",
                "s=-",
                "t=0 0",
                "m=audio PORT1 RTP/AVP 0",
                "c=IN IP4 HERE",
                "a=rtpmap:0 PCMU/8000",
                "a=sendrecv",
                "a=rtcp:RTCP1",
            ],
        );
    }
    let strict = Daemon::builder().arg("--reject-invalid-sdp").start();
    let sdp = "v=0\r\no=x 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n\r\n";
    let request = Request::new("offer").set("call-id", "c").set("from-tag", "a").set("sdp", sdp);
    assert_eq!(strict.request(&request).error(), "Failed to parse SDP");
}

#[test]
fn manipulations_change_the_printed_attributes() {
    let daemon = Daemon::start();
    let talk = Talk::new(&daemon);
    let audio = dict([
        ("add", list(["added"])),
        ("remove", list(["X-gone", "rtpmap:8"])),
        ("substitute", list([list(["sendrecv", "sendonly"]), list(["X-old:1", "X-new:2"])])),
    ]);
    let global = dict([("add", list(["first", "second"]))]);
    let options = Request::empty().set("sdp-attr", dict([("audio", audio), ("none", global)]));
    let offer = talk.offer(
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=-",
            "c=IN IP4 10.0.0.1",
            "t=0 0",
            "a=tool:y",
            "m=audio 18000 RTP/AVP 0 8",
            "a=X-gone:whatever",
            "a=X-old:1",
            "m=video 18002 RTP/AVP 31",
            "a=X-gone:stays",
        ],
        &options,
    );
    talk.is(
        &offer,
        &[
            "v=0",
            "o=x 5 6 IN IP4 10.0.0.1",
            "s=-",
            "t=0 0",
            "a=tool:y",
            "a=first",
            "a=second",
            "m=audio PORT1 RTP/AVP 0 8",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=X-new:2",
            "a=sendonly",
            "a=rtcp:RTCP1",
            "a=added",
            "m=video PORT2 RTP/AVP 31",
            "c=IN IP4 HERE",
            "a=rtpmap:31 H261/90000",
            "a=X-gone:stays",
            "a=sendrecv",
            "a=rtcp:RTCP2",
        ],
    );
}
