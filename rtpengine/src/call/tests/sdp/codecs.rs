//! §17: formats, packet times, labels.

use super::{AUDIO, Body, Talk, play};

/// sdp.md §17.1: what stands behind the protocol.
#[test]
fn formats() {
    let rows: [(&str, &[&str], &str, &str); 9] = [
        ("without RTP the text", &["m=image 4000 udptl t38 x"], "", "t38 x"),
        ("also where it is empty", &["m=application 4000 FOO"], "", ""),
        ("with a space as received", &["m=application 4000 FOO "], "", ""),
        ("with RTP the list", &["m=audio 4000 RTP/AVP 8 0 101"], "", "8 0 101"),
        ("as options made it", &["m=audio 4000 RTP/AVP 8 0 9"], "'codec':{'strip':['PCMA']}", "0 9"),
        ("an empty one: the text", &["m=audio 4000 RTP/AVP"], "", "0"),
        ("rejected: the text", &["m=audio 0 RTP/AVP 8 0 101"], "'codec':{'strip':['PCMA']}", "8 0 101"),
        (
            "rejected, with another protocol there is none",
            &["m=audio 0 RTP/AVP 8 0"],
            "'transport-protocol':'RTP/SAVP'",
            "0",
        ),
        (
            "no codec is left and that is allowed",
            &["m=audio 4000 RTP/AVP 0 8"],
            "'flags':['allow-no-codec-media','codec-strip-all']",
            "0 8",
        ),
    ];
    for (what, sdp, options, expected) in rows {
        assert_eq!(Talk::new().offer(sdp, options).formats(0), expected, "{what}");
    }
    let empty = Talk::new().offer(&["m=audio 4000 RTP/AVP", "a=X"], "");
    assert_eq!(
        empty.section(0),
        ["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=X", "a=sendrecv", "a=rtcp:RTCP"]
    );
    assert_eq!(Talk::new().offer(&["m=application 0 FOO"], "").section(0)[0], "m=application 0 FOO ");
}

/// sdp.md §17.1: a section rejected by the answer shows the answerer's text if the protocols are the same, else the offerer's own.
#[test]
fn formats_of_rejected_answers() {
    for (options, expected) in [("", "8 3"), ("'transport-protocol':'RTP/AVPF'", "0 8")] {
        let mut talk = Talk::new();
        talk.offer(&["m=audio 4000 RTP/AVP 0 8"], options);
        let protocol = if options.is_empty() { "RTP/AVP" } else { "RTP/AVPF" };
        let back = talk.answer(&[&format!("m=audio 0 {protocol} 8 3")], "");
        assert_eq!((back.port(0), back.formats(0).as_str()), (0, expected), "{options}");
    }
}

/// sdp.md §17.2 rtpmap: static types are completed, others without a name print an empty one; channels only from two on.
#[test]
fn rtpmap_lines() {
    let rows = [
        (0, "PCMU/8000"),
        (3, "GSM/8000"),
        (4, "G723/8000"),
        (5, "DVI4/8000"),
        (6, "DVI4/16000"),
        (7, "LPC/8000"),
        (8, "PCMA/8000"),
        (9, "G722/8000"),
        (10, "L16/44100"),
        (11, "L16/44100/2"),
        (12, "QCELP/8000"),
        (13, "CN/8000"),
        (14, "MPA/90000"),
        (15, "G728/8000"),
        (16, "DVI4/11025"),
        (17, "DVI4/22050"),
        (18, "G729/8000"),
        (25, "CelB/90000"),
        (26, "JPEG/90000"),
        (28, "nv/90000"),
        (31, "H261/90000"),
        (32, "MPV/90000"),
        (33, "MP2T/90000"),
        (34, "H263/90000"),
        (1, "/0"),
        (19, "/0"),
        (35, "/0"),
        (77, "/0"),
        (127, "/0"),
    ];
    for (number, name) in rows {
        let shown = Talk::new().offer(&[&format!("m=audio 4000 RTP/AVP {number}")], "");
        assert_eq!(shown.all(0, "rtpmap"), [format!("{number} {name}")]);
    }
    for (received, expected) in [
        ("96 opus/48000/2", "96 opus/48000/2"),
        ("96 PCMA/8000/1", "96 PCMA/8000"),
        ("96 L16/44100/x", "96 L16/44100"),
        ("96 Some-Thing/90000", "96 Some-Thing/90000"),
        ("96 broken", "96 /0"),
    ] {
        let shown = Talk::new().offer(&["m=audio 4000 RTP/AVP 96", &format!("a=rtpmap:{received}")], "");
        assert_eq!(shown.all(0, "rtpmap"), [expected]);
    }
}

/// sdp.md §17.2 fmtp: opus in the order of the specification, all others as they came. §17.2 rtcp-fb: each value in its order.
#[test]
fn parameters_of_codecs() {
    let head = ["m=audio PORT RTP/AVPF 96 97", "c=IN IP4 HERE"];
    let tail = ["a=sendrecv", "a=rtcp:RTCP"];
    let whole = |lines: &[&'static str]| [&head[..], lines, &tail].concat();
    play(&[
        (
            "§17.2 fmtp",
            &[
                "m=audio 4000 RTP/AVPF 96 97",
                "a=fmtp:97 mode-set=0,2 ; octet-align=1",
                "a=rtpmap:97 AMR/8000",
                "a=rtpmap:96 opus/48000/2",
                "a=fmtp:96 minptime=10;sprop-maxcapturerate=16000;maxaveragebitrate=20000;maxplaybackrate=8000;\
                 cbr=1;usedtx=1;useinbandfec=1;sprop-stereo=1;stereo=0;x=y",
            ],
            "",
            &whole(&[
                "a=rtpmap:96 opus/48000/2",
                "a=fmtp:96 stereo=0; sprop-stereo=1; useinbandfec=1; usedtx=1; cbr=1; maxplaybackrate=8000; \
                 maxaveragebitrate=20000; sprop-maxcapturerate=16000; minptime=10",
                "a=rtpmap:97 AMR/8000",
                "a=fmtp:97 mode-set=0,2 ; octet-align=1",
            ]),
        ),
        (
            "§17.2 rtcp-fb, for AVP as well; unnamed codecs have theirs",
            &[
                "m=audio 4000 RTP/AVPF 96 97",
                "a=rtcp-fb:96 nack",
                "a=rtpmap:96 VP8/90000",
                "a=rtcp-fb:97 ccm fir",
                "a=rtcp-fb:96 nack pli",
                "a=fmtp:97 a",
                "a=fmtp:97 b",
                "a=rtcp-fb:98 nack",
            ],
            "",
            &whole(&[
                "a=rtpmap:96 VP8/90000",
                "a=rtcp-fb:96 nack",
                "a=rtcp-fb:96 nack pli",
                "a=rtpmap:97 /0",
                "a=fmtp:97 b",
                "a=rtcp-fb:97 ccm fir",
            ]),
        ),
        (
            "§17.2 fmtp: opus with nothing we know",
            &[
                "m=audio 4000 RTP/AVPF 96 97",
                "a=rtpmap:96 opus/48000/2",
                "a=fmtp:96 x=y",
                "a=rtpmap:97 AMR/8000",
            ],
            "",
            &whole(&["a=rtpmap:96 opus/48000/2", "a=rtpmap:97 AMR/8000"]),
        ),
    ]);
}

fn time(body: &Body, name: &str) -> Option<u32> {
    body.value(0, name).map(|value| value.parse().expect("a number"))
}

/// sdp.md §17.3 ptime: received ones are for both legs unless locked; a lock works from the next message on.
#[test]
fn packet_times() {
    let with = |ptime: &'static str| ["m=audio 4000 RTP/AVP 0", ptime];
    let mut talk = Talk::new();
    assert_eq!(time(&talk.offer(&with("a=ptime:30"), ""), "ptime"), Some(30));
    assert_eq!(time(&talk.answer(AUDIO, ""), "ptime"), Some(30), "the offerer's own comes back");
    assert_eq!(time(&talk.answer(&with("a=ptime:40"), ""), "ptime"), Some(40));
    assert_eq!(time(&talk.reoffer(AUDIO, ""), "ptime"), Some(40), "absence leaves it");

    let mut talk = Talk::new();
    assert_eq!(time(&talk.offer(&with("a=ptime:30"), "'ptime':40"), "ptime"), Some(40));
    assert_eq!(time(&talk.answer(&with("a=ptime:50"), ""), "ptime"), Some(30), "locked on both legs");
    assert_eq!(time(&talk.reoffer(&with("a=ptime:60"), ""), "ptime"), Some(40));
    assert_eq!(
        time(&talk.answer(&with("a=ptime:50"), "'ptime':70,'ptime-reverse':70"), "ptime"),
        Some(30),
        "only offers"
    );

    for key in ["ptime-reverse", "reverse-ptime", "ptime reverse", "reverse ptime"] {
        let mut talk = Talk::new();
        let shown = talk.offer(&with("a=ptime:30"), &format!("'{key}':20"));
        assert_eq!(time(&shown, "ptime"), Some(30), "the receiver is shown what was received");
        assert_eq!(time(&talk.answer(&with("a=ptime:50"), ""), "ptime"), Some(20), "{key}");
    }
    assert!(!Talk::new().offer(AUDIO, "").has(0, "ptime"));
    assert!(!Talk::new().offer(&with("a=ptime:x"), "").has(0, "ptime"));
    let udptl = ["m=image 4000 udptl t38"];
    assert!(!Talk::new().offer(&udptl, "'ptime':20").has(0, "ptime"), "only with RTP");
}

/// sdp.md §17.3 maxptime: that of the last SDP, for both legs.
#[test]
fn longest_packet_times() {
    let with = ["m=audio 4000 RTP/AVP 0", "a=maxptime:60"];
    let mut talk = Talk::new();
    assert_eq!(time(&talk.offer(&with, ""), "maxptime"), Some(60));
    assert_eq!(time(&talk.answer(AUDIO, ""), "maxptime"), None);
    assert_eq!(time(&talk.reoffer(&with, ""), "maxptime"), Some(60));
    assert_eq!(time(&talk.reoffer(AUDIO, ""), "maxptime"), None);
}

/// sdp.md §17.4: a label follows each message of the other side; for SIPREC it is the number of the source media.
#[test]
fn labels() {
    let with = |label: &'static str| ["m=audio 4000 RTP/AVP 0", label];
    let mut talk = Talk::new();
    assert_eq!(talk.offer(&with("a=label:one"), "").value(0, "label"), Some("one"));
    assert_eq!(talk.answer(&with("a=label:two"), "").value(0, "label"), Some("two"));
    assert_eq!(talk.reoffer(AUDIO, "").value(0, "label"), None, "cleared");
    talk.reoffer(&with("a=label:three"), "");
    assert_eq!(talk.subscribe("").value(0, "label"), Some("three"));
    let both = talk.ask_for("subscribe request", "'flags':['all','SIPREC'],'to-tag':'rec'");
    assert_eq!([both.value(0, "label"), both.value(1, "label")], [Some("0"), Some("1")], "{both:?}");
    let again = talk.ask_for("subscribe request", "'flags':['all','SIPREC'],'to-tag':'rec'");
    assert_eq!([again.value(0, "label"), again.value(1, "label")], [Some("0"), Some("1")]);
}
