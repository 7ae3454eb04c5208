//! Large messages: answered with work and memory that grow no faster than the message, or refused. Allocations are counted instead of time.

use allocation_counter::{AllocationInfo, measure};

use super::super::super::{Fate, media::MediaFlags};
use super::*;
use rtpengine_common::sdp::{MAX_CANDIDATES, MAX_MEDIA};

const AUDIO: &str = "m=audio 4000 RTP/AVP 0 8\n";

fn head() -> &'static str {
    "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=t\nc=IN IP4 10.0.0.1\nt=0 0\n"
}

/// What offer and answer with this body allocate.
fn cost(sdp: &str) -> AllocationInfo {
    let mut desk = Desk::new();
    desk.ports.limit = 100_000;
    measure(|| {
        desk.offer("a", sdp, "");
        desk.answer("a", "b", sdp, "");
    })
}

/// Ten times the input may allocate that many times more often and in bytes: a bit more than ten.
fn is_linear(name: &str, small: &AllocationInfo, large: &AllocationInfo) {
    let times = large.count_total as f64 / small.count_total as f64;
    assert!(times < 15.0, "{name}: {} allocations became {}", small.count_total, large.count_total);
    let times = large.bytes_total as f64 / small.bytes_total as f64;
    assert!(times < 15.0, "{name}: {} bytes became {}", small.bytes_total, large.bytes_total);
}

#[test]
fn work_grows_with_the_sections() {
    let body = |sections: usize| head().to_owned() + &AUDIO.repeat(sections);
    is_linear("sections", &cost(&body(10)), &cost(&body(100)));
}

#[test]
fn work_grows_with_the_lines() {
    let lines = |line: &str, count: usize| format!("{}{AUDIO}{}", head(), line.repeat(count));
    for line in [
        "a=x:1\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm\n",
        "a=rtpmap:96 X/8000\n",
        "a=fmtp:0 a=b\n",
        "a=rtcp-fb:0 nack\n",
        "a=extmap:1 urn:x\n",
        "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\n",
        "b=AS:1\n",
    ] {
        is_linear(line, &cost(&lines(line, 300)), &cost(&lines(line, 3000)));
    }
}

#[test]
fn work_grows_with_the_formats() {
    let body = |count: usize| format!("{}m=audio 4000 RTP/AVP{}\n", head(), " 0".repeat(count));
    is_linear("formats", &cost(&body(1000)), &cost(&body(10_000)));
}

#[test]
fn the_work_of_a_branch_grows_with_the_branches() {
    let branch = |before: usize| {
        let mut desk = Desk::new();
        desk.ports.limit = 100_000;
        for n in 0..before {
            desk.offer("a", &caller(), &format!("\"via-branch\":\"b{n}\""));
        }
        measure(|| {
            desk.offer("a", &caller(), "\"via-branch\":\"last\"");
        })
    };
    is_linear("branches", &branch(50), &branch(500));
}

#[test]
fn more_sections_than_the_bound_are_refused() {
    let body = |sections: usize| head().to_owned() + &AUDIO.repeat(sections);
    let mut desk = Desk::new();
    desk.offer("a", &body(MAX_MEDIA), "");
    let mut desk = Desk::new();
    let done = desk.exchange("offer", "\"from-tag\":\"a\"", &body(MAX_MEDIA + 1), "");
    assert_eq!(Desk::error(&done), "Failed to parse SDP");
    assert!(matches!(done.fate, Fate::Destroy(_)));
    assert!(desk.log.iter().any(|line| line.text.contains("media")), "{:?}", desk.log);
    // The lists of create and transform as well.
    for (command, entry, error) in [
        ("create", "{\"type\":\"audio\"}", "failed to set up call/monologue"),
        (
            "transform",
            "{\"type\":\"audio\",\"destination\":{\"family\":\"IP4\",\"address\":\"10.0.0.1\",\"port\":9}}",
            "Failed to set up transform",
        ),
    ] {
        let list = |count: usize| format!("\"media\":[{}]", vec![entry; count].join(","));
        assert_eq!(Desk::new().refused(command, &list(MAX_MEDIA)), "none", "{command}");
        let mut desk = Desk::new();
        assert_eq!(desk.refused(command, &list(MAX_MEDIA + 1)), error, "{command}");
        assert!(desk.ports.open.is_empty());
    }
}

#[test]
fn candidates_are_taken_up_to_the_bound() {
    let ice = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\n";
    let line = "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\n".repeat(10_000);
    let mut desk = Desk::new();
    let body = desk.offer("a", &format!("{}{AUDIO}{ice}{line}", head()), "");
    let media = desk.call.signalling.media(desk.media("a", 0));
    assert!(media.has(MediaFlags::ICE));
    assert_eq!(media.section.candidates.len(), MAX_CANDIDATES);
    assert!(body.len() < 2000, "the reply has our own candidates only");
    let said = |desk: &Desk| {
        desk.log.iter().filter(|line| line.text == "Maximum number of ICE candidates exceeded").count()
    };
    assert_eq!(said(&desk), 1);
    // As many as fit are nothing to speak of; one that comes later by a fragment is.
    let mut desk = Desk::new();
    let fits: String = line.split_inclusive('\n').take(MAX_CANDIDATES).collect();
    let trickle = "a=ice-options:trickle\n";
    desk.offer("a", &format!("{}{AUDIO}{ice}{trickle}{fits}", head()), "");
    assert_eq!(said(&desk), 0);
    let more = format!("{AUDIO}{ice}a=candidate:2 1 UDP 1 192.0.2.1 11 typ host\n");
    desk.exchange("offer", "\"from-tag\":\"a\"", &more, "\"flags\":[\"fragment\"]");
    assert_eq!(said(&desk), 1);
    assert_eq!(desk.call.signalling.media(desk.media("a", 0)).section.candidates.len(), MAX_CANDIDATES);
}
