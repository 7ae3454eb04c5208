//! The rules of `sdp.md` one by one: a section in, options, and the lines that come out.

use rtpengine_tests::prelude::*;

use super::sdp_rules::{Dialogue, PLAIN, flag, lines, none};

/// Rule, received section, options, emitted section.
type Row = (&'static str, &'static [&'static str], fn() -> Request, &'static [&'static str]);

const ROWS: &[Row] = &[
    (
        "9.1 none",
        PLAIN,
        none,
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=rtcp:RTCP"],
    ),
    (
        "9.1 full",
        PLAIN,
        || flag("full-rtcp-attribute"),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:RTCP IN IP4 HERE",
        ],
    ),
    (
        "9.1 no",
        &["m=audio 4000 RTP/AVP 0", "a=rtcp-mux"],
        || flag("no-rtcp-attribute"),
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=rtcp-mux"],
    ),
    (
        "9.1(1) require",
        PLAIN,
        || none().list("rtcp-mux", ["require"]),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:PORT",
            "a=rtcp-mux",
        ],
    ),
    (
        "3(11) a=rtcp equal to the RTP port counts as rtcp-mux",
        &["m=audio 4000 RTP/AVP 0", "a=rtcp:4000"],
        none,
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
            "a=rtcp-mux",
        ],
    ),
    (
        "8(5) original-sendrecv prints what was received, last of the unknown",
        &["m=audio 4000 RTP/AVP 0", "a=recvonly", "a=X:1"],
        || flag("original-sendrecv"),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=X:1",
            "a=recvonly",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "8(5) original-sendrecv without any",
        PLAIN,
        || flag("original-sendrecv"),
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=rtcp:RTCP"],
    ),
    (
        "7.2 a port count is never printed, and asks for more ports",
        &["m=audio 4000/2 RTP/AVP 0"],
        none,
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=rtcp:RTCP"],
    ),
    (
        "15.1 a received mid is copied, and generate-mid does not replace it",
        &["m=audio 4000 RTP/AVP 0", "a=mid:speech"],
        || flag("generate-mid"),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=mid:speech",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "16(2) strip, and mask in the offer",
        &[
            "m=audio 4000 RTP/AVP 0",
            "a=extmap:1 urn:one",
            "a=extmap:2 urn:two",
            "a=extmap:3 urn:three",
            "a=extmap:15 urn:bad-id",
        ],
        || none().set("extmap", dict([("strip", list(["URN:two"])), ("mask", list(["urn:three"]))])),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=extmap-allow-mixed",
            "a=extmap:1 urn:one",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "16 strip-extmap",
        &["m=audio 4000 RTP/AVP 0", "a=extmap:1 urn:one"],
        || flag("strip-extmap"),
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=rtcp:RTCP"],
    ),
    (
        "17.2 unknown numbers, static and dynamic",
        &["m=audio 4000 RTP/AVP 77 19 0", "a=fmtp:77 x=y", "a=rtcp-fb:77 nack"],
        none,
        &[
            "m=audio PORT RTP/AVP 77 19 0",
            "c=IN IP4 HERE",
            "a=rtpmap:77 /0",
            "a=fmtp:77 x=y",
            "a=rtcp-fb:77 nack",
            "a=rtpmap:19 /0",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "17.2 opus parameters in their order",
        &[
            "m=audio 4000 RTP/AVP 96",
            "a=rtpmap:96 opus/48000/2",
            "a=fmtp:96 minptime=10;maxaveragebitrate=20000; useinbandfec=1;stereo=0",
        ],
        none,
        &[
            "m=audio PORT RTP/AVP 96",
            "c=IN IP4 HERE",
            "a=rtpmap:96 opus/48000/2",
            "a=fmtp:96 stereo=0; useinbandfec=1; maxaveragebitrate=20000; minptime=10",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "17.3 ptime and maxptime",
        &["m=audio 4000 RTP/AVP 0", "a=ptime:30", "a=maxptime:60"],
        || none().set("ptime", 40),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
            "a=ptime:40",
            "a=maxptime:60",
        ],
    ),
    (
        "17.4 label, 5 bandwidth order and i=",
        &[
            "m=audio 4000 RTP/AVP 0",
            "b=TIAS:1",
            "b=CT:2",
            "b=RS:3",
            "b=RR:4",
            "b=AS:5",
            "i=info",
            "a=label:l",
        ],
        none,
        &[
            "m=audio PORT RTP/AVP 0",
            "i=info",
            "c=IN IP4 HERE",
            "b=AS:5",
            "b=RR:4",
            "b=RS:3",
            "b=CT:2",
            "b=TIAS:1",
            "a=label:l",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "7.1(3), 8(3) a zero address",
        &["m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"],
        none,
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=rtpmap:0 PCMU/8000", "a=sendonly", "a=rtcp:RTCP"],
    ),
    (
        "8(3) a zero address takes the rest of recvonly",
        &["m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=recvonly"],
        || none().list("replace", ["zero-address"]),
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=inactive", "a=rtcp:RTCP"],
    ),
    (
        "7.1(1) the media address",
        PLAIN,
        || none().set("media-address", "2001:db8::7"),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP6 2001:db8::7",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "10.1(3) the transport protocol; rtcp-fb lines stay",
        &["m=audio 4000 RTP/AVPF 0", "a=rtcp-fb:0 nack", "a=rtcp-fb:* ccm fir"],
        || none().set("transport-protocol", "rtp/avp"),
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=rtcp-fb:0 nack",
            "a=rtcp-fb:* ccm fir",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "10 an unknown protocol is copied and the option has no effect",
        &[
            "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel",
            "a=sctp-port:5000",
            "a=setup:actpass",
            "a=mid:d",
        ],
        || none().set("transport-protocol", "RTP/SAVP"),
        &[
            "m=application PORT UDP/DTLS/SCTP webrtc-datachannel",
            "c=IN IP4 HERE",
            "a=sctp-port:5000",
            "a=setup:actpass",
            "a=mid:d",
        ],
    ),
    (
        "17.1 an empty format list of an unknown protocol",
        &["m=application 4000 FOO"],
        none,
        &["m=application PORT FOO ", "c=IN IP4 HERE"],
    ),
    (
        "10 the spelling of known protocols",
        &["m=image 4000 UDPTL t38"],
        none,
        &["m=image PORT udptl t38", "c=IN IP4 HERE"],
    ),
    (
        "7.3 a rejected section",
        &["m=audio 0 RTP/AVP 0 8 101", "b=AS:5", "a=mid:x", "a=rtpmap:101 telephone-event/8000", "a=X:1"],
        none,
        &["m=audio 0 RTP/AVP 0 8 101", "c=IN IP4 0.0.0.0", "b=AS:5", "a=mid:x"],
    ),
    (
        "2.2, 2.4 k=, r=, z= vanish, odd bandwidths and foreign loop marks too",
        &["m=audio 4000 RTP/AVP 0", "k=clear:x", "r=1", "z=1", "b=XX:7", "a=rtpengine:0123456789ab", "a=X:"],
        none,
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=X",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "14.2 ICE=remove",
        &[
            "m=audio 4000 RTP/AVP 0",
            "a=ice-ufrag:abcd",
            "a=ice-pwd:abcdefghijklmnopqrstuvwxyz",
            "a=candidate:1 1 UDP 1 198.51.100.1 4000 typ host",
            "a=end-of-candidates",
        ],
        || none().set("ICE", "remove"),
        &["m=audio PORT RTP/AVP 0", "c=IN IP4 HERE", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=rtcp:RTCP"],
    ),
    (
        "18 sdp-attr by flags",
        &["m=audio 4000 RTP/AVP 0", "a=X-old:1", "a=Y"],
        || {
            let flags = [
                "sdp-attr-add-audio-new:a--b",
                "sdp-attr-remove-audio-y",
                "sdp-attr-substitute-audio-x-old>X",
            ];
            Request::empty().list("flags", flags)
        },
        &[
            "m=audio PORT RTP/AVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=X",
            "a=sendrecv",
            "a=rtcp:RTCP",
            "a=new:a=b",
        ],
    ),
    (
        "codec strip and offer",
        &["m=audio 4000 RTP/AVP 0 8 9 101", "a=rtpmap:101 telephone-event/8000"],
        || none().set("codec", dict([("strip", list(["PCMA", "G722"]))])),
        &[
            "m=audio PORT RTP/AVP 0 101",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ],
    ),
    (
        "codec strip all but one that is offered",
        &["m=audio 4000 RTP/AVP 0 8 9"],
        || none().list("flags", ["codec-strip-all", "codec-offer-PCMA"]),
        &["m=audio PORT RTP/AVP 8", "c=IN IP4 HERE", "a=rtpmap:8 PCMA/8000", "a=sendrecv", "a=rtcp:RTCP"],
    ),
];

#[test]
fn sections_of_offers() {
    let daemon = Daemon::start();
    let mut wrong = Vec::new();
    for (rule, received, options, expected) in ROWS {
        let dialogue = Dialogue::new(&daemon);
        let reply = daemon.request(&dialogue.offer_request(received, &options()));
        let Some(sdp) = reply.value.get("sdp").and_then(Value::text) else {
            wrong.push(format!("{rule}: {:?}", reply.value));
            continue;
        };
        let got = lines(&daemon, &Sdp::parse(sdp).sections[0]);
        if got != *expected {
            wrong.push(format!("{rule}:\n  got      {got:#?}\n  expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{} rules broken:\n{}", wrong.len(), wrong.join("\n"));
}
