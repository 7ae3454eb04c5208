//! Exact bodies.

use crate::call::tests::{Desk, audio, lines, port};

#[test]
fn sdp_26_a_plain_call_with_unknown_attributes() {
    let mut desk = Desk::new();
    let offer = "v=0\no=ua1 77 3 IN IP4 10.7.7.1\ns=demo\nc=IN IP4 10.7.7.1\nb=TIAS:64000\nb=AS:96\nt=0 0\na=tool:x\n\
        m=audio 18000 RTP/AVP 3 118\na=maxptime:60\na=X-foo:\na=rtpmap:118 telephone-event/8000\na=fmtp:118 0-11\na=recvonly\na=ssrc:5 cname:q\n";
    let body = desk.offer("a", offer, "\"flags\":[\"generate mid\"]");
    let port = port(&body, 0);
    let expected = format!(
        "v=0|o=ua1 77 3 IN IP4 10.7.7.1|s=demo|b=AS:96|b=TIAS:64000|t=0 0|a=tool:x|m=audio {port} RTP/AVP 3 118|\
         c=IN IP4 192.0.2.200|a=mid:1|a=rtpmap:3 GSM/8000|a=rtpmap:118 telephone-event/8000|a=fmtp:118 0-11|a=X-foo|\
         a=ssrc:5 cname:q|a=recvonly|a=rtcp:{}|a=maxptime:60",
        port + 1
    );
    assert_eq!(lines(&body).join("|"), expected);
}

#[test]
fn sdp_26_b_demux_with_hold() {
    let mut desk = Desk::new();
    let offer = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 19000 RTP/AVP 3\na=rtcp-mux\na=recvonly\n";
    let more = "\"rtcp-mux\":[\"demux\"],\"flags\":[\"full rtcp attribute\"]";
    let body = desk.offer("a", offer, more);
    let port_b = port(&body, 0);
    let section: Vec<_> = lines(&body).into_iter().skip_while(|l| !l.starts_with("m=")).collect();
    assert_eq!(
        section,
        [
            format!("m=audio {port_b} RTP/AVP 3").as_str(),
            "c=IN IP4 0.0.0.0",
            "a=rtpmap:3 GSM/8000",
            "a=inactive",
            &format!("a=rtcp:{} IN IP4 192.0.2.200", port_b + 1),
        ]
    );
    let answer = desk.answer("a", "b", &audio("10.0.0.2", 4000).replace("0 8", "3"), "");
    let port_a = port(&answer, 0);
    assert!(answer.contains(&format!("a=rtcp:{port_a}\r\na=rtcp-mux\r\n")), "{answer}");
}

#[test]
fn sdp_7_2_ports_stay_with_the_endpoint_and_change_with_it() {
    let mut desk = Desk::new();
    let first = desk.offer("a", &audio("10.0.0.1", 4000), "");
    let back = desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let same = desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4000), "");
    assert_eq!(port(&first, 0), port(&same, 0));
    let moved = desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4002), "");
    assert_ne!(port(&first, 0), port(&moved, 0));
    let answered = desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    assert_eq!(port(&back, 0), port(&answered, 0), "the other side did not move");
    let returned = desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4000), "");
    assert_eq!(port(&first, 0), port(&returned, 0));
    let latched = desk.sdp(
        "offer",
        "\"from-tag\":\"a\",\"to-tag\":\"b\"",
        &audio("10.0.0.1", 4010),
        "\"flags\":[\"port-latching\"]",
    );
    assert_eq!(port(&first, 0), port(&latched, 0));
}

#[test]
fn sdp_7_3_a_rejected_section_is_printed_without_attributes() {
    let mut desk = Desk::new();
    let two = audio("10.0.0.1", 4000) + "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n";
    let body = desk.offer("a", &two, "");
    let section: Vec<_> = lines(&body).into_iter().skip_while(|l| !l.starts_with("m=video")).collect();
    assert_eq!(section, ["m=video 0 RTP/AVP 96", "c=IN IP4 0.0.0.0"]);
}

#[test]
fn sdp_19_removed_sections_come_back_rejected() {
    let mut desk = Desk::new();
    let offer = "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=t\nc=IN IP4 10.0.0.1\nt=0 0\nm=video 6000 RTP/AVP 96\na=mid:v\n\
        m=audio 4000 RTP/AVP 0\na=mid:a\n";
    let body = desk.offer("a", offer, "\"sdp-media-remove\":[\"video\"]");
    assert_eq!(lines(&body).iter().filter(|l| l.starts_with("m=")).count(), 1);
    let answer = desk.answer("a", "b", &audio("10.0.0.2", 5000).replace("0 8", "0"), "");
    let section: Vec<_> = lines(&answer).into_iter().skip_while(|l| !l.starts_with("m=")).take(3).collect();
    assert_eq!(section, ["m=video 0 RTP/AVP 96", "c=IN IP4 0.0.0.0", "a=mid:v"]);
}

#[test]
fn sdp_12_5_an_answer_has_one_crypto_line_with_the_answerers_key() {
    let mut desk = Desk::new();
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let offer = audio("10.0.0.1", 4000).replace("RTP/AVP", "RTP/SAVP")
        + &format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{key}\n");
    let body = desk.offer("a", &offer, "\"DTLS\":\"off\"");
    let crypto: Vec<_> = lines(&body).into_iter().filter(|l| l.starts_with("a=crypto")).collect();
    assert_eq!(crypto.len(), 12);
    assert_eq!(crypto[0], format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{key}"));
    assert!(crypto[1].starts_with("a=crypto:4 AEAD_AES_256_GCM inline:"), "{crypto:?}");
    let other = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e";
    let answer = audio("10.0.0.2", 5000).replace("RTP/AVP", "RTP/SAVP")
        + &format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{other}\n");
    let body = desk.answer("a", "b", &answer, "");
    let crypto: Vec<_> = lines(&body).into_iter().filter(|l| l.starts_with("a=crypto")).collect();
    assert_eq!(crypto, [format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{other}")]);
}

#[test]
fn sdp_14_candidates_and_their_priorities() {
    let mut desk = Desk::on(&["192.0.2.200", "2001:db8:7::200"]);
    let body = desk.offer("a", &audio("10.0.0.1", 4000), "\"ICE\":\"force\"");
    let priorities: Vec<_> = lines(&body)
        .into_iter()
        .filter(|l| l.starts_with("a=candidate"))
        .map(|l| l.split(' ').nth(3).expect("a priority"))
        .collect();
    assert_eq!(priorities, ["2130706431", "2130706175", "2130706430", "2130706174"]);
    assert!(body.contains("a=ice-ufrag:") && body.contains("a=ice-pwd:"));
}

#[test]
fn sdp_6_1_origin_and_version() {
    let mut desk = Desk::new();
    let more = "\"replace\":[\"origin\",\"SDP version\"]";
    let body = desk.offer("a", &audio("10.0.0.1", 4000), more);
    assert_eq!(lines(&body)[1], "o=- 1 1 IN IP4 192.0.2.200");
    let again = desk.offer("a", &audio("10.0.0.1", 4000), more);
    assert_eq!(lines(&again)[1], "o=- 1 1 IN IP4 192.0.2.200", "nothing changed");
    let changed = desk.offer("a", &audio("10.0.0.1", 4000).replace("0 8", "8"), more);
    assert_eq!(lines(&changed)[1], "o=- 1 2 IN IP4 192.0.2.200");
}
