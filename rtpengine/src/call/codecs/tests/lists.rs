//! List operations one by one (`codecs.md` §§4.4, 5).

use super::super::list::{CodecList, Entry};
use super::*;
use std::sync::Arc;

fn list(sdp: &str) -> CodecList {
    let mut pair = Pair::new();
    pair.offer(sdp, "");
    pair.a.list
}

fn entry(number: u8, name: &str, clock: u32) -> Entry {
    Entry::new(number, Arc::new(rtpengine_common::codec::Codec::new(name, clock, 1, None, true, &all)))
}

/// `codecs.md` §5, insertion mark: where it is after populating and how it passes on.
#[test]
fn the_insertion_mark() {
    let te = "telephone-event/8000";
    let mut list = list(&format!("8 100={te} 0 101={te} 3"));
    assert_eq!(list.marked(), Some(100));
    list.insert_before_mark(entry(9, "G722", 8000));
    assert_eq!((show(&list), list.marked()), (format!("8 9 100={te} 0 101={te} 3"), Some(100)));
    list.insert_before_mark(entry(102, "telephone-event", 16000));
    assert_eq!(list.marked(), Some(100), "another supplemental does not take it");
    list.remove(|e| e.payload_type == 8 || e.payload_type == 102);
    assert_eq!(list.marked(), Some(100));
    list.remove(|e| e.payload_type == 100);
    assert_eq!(list.marked(), Some(0), "it passes to whatever is behind");
    list.insert_before_mark(entry(4, "G723", 8000));
    assert_eq!(show(&list), format!("9 4 0 101={te} 3"));
    list.remove(|e| matches!(e.payload_type, 0 | 3 | 101));
    assert_eq!(list.marked(), None);
    list.insert_before_mark(entry(5, "DVI4", 8000));
    list.insert_before_mark(entry(13, "CN", 8000));
    assert_eq!(list.marked(), Some(13), "the first supplemental while there is none");
    list.insert_before_mark(entry(7, "LPC", 8000));
    assert_eq!(show(&list), "9 4 5 7 13");
    list.remove(|_| true);
    assert_eq!(list.marked(), None);
}

/// Numbers stay unique and below 128.
#[test]
fn numbers_are_unique() {
    let mut list = list("8");
    assert!(!list.insert_before_mark(entry(8, "G722", 8000)));
    assert!(!list.insert_before_mark(entry(128, "G722", 8000)));
    for number in (0..128).filter(|&n| n != 8) {
        assert!(list.push(entry(number, "x", 1)));
    }
    assert!(!list.push(entry(8, "x", 1)));
    assert_eq!(list.entries().len(), 128);
}

fn touched(sdp: &str, flags: &str) -> Vec<u32> {
    let mut pair = Pair::new();
    pair.offer(sdp, flags);
    let rates = [8000, 16000, 32000, 48000];
    rates.into_iter().filter(|&rate| pair.b.list.touched().contains(rate)).collect()
}

/// Touched rates (§§5.1, 5.3, 5.4, 5.6, 9).
#[test]
fn touched_rates_of_the_receiver() {
    let sdp = "8 96=opus/48000/2 97=speex/16000 101=telephone-event/8000";
    assert!(touched(sdp, "").is_empty());
    assert_eq!(touched(sdp, "strip=opus"), [48000]);
    assert!(touched(sdp, "strip=telephone-event").is_empty(), "stripping a supplemental touches nothing");
    assert_eq!(touched(sdp, "strip=all offer=PCMA"), [8000, 16000, 48000]);
    assert_eq!(touched(sdp, "mask=speex"), [16000]);
    assert_eq!(touched(sdp, "transcode=speex/32000"), [32000]);
    assert!(touched(sdp, "transcode=PCMA,opus").is_empty(), "there already");
    assert_eq!(touched("8", "transcode=telephone-event"), [8000, 16000, 32000, 48000]);
    assert!(touched(sdp, "strip=all").is_empty(), "restored anew");
}

/// Touched rates of the sender (§§5.5, 5.7) and that they are kept for the answer.
#[test]
fn touched_rates_of_the_sender() {
    for (flags, expected) in [
        ("accept=PCMA", vec![8000]),
        ("accept=PCMA/8000/1", vec![8000]),
        ("accept=telephone-event", vec![8000, 16000, 48000]),
        ("mask=opus", vec![48000]),
        ("mask=all", vec![8000, 16000, 48000]),
        ("ignore=opus", vec![48000]),
        ("consume=opus", vec![48000]),
        ("accept=G722", vec![]),
    ] {
        let mut pair = Pair::new();
        pair.offer("8 96=opus/48000/2 101=telephone-event/8000", flags);
        let rates: Vec<_> =
            [8000, 16000, 48000].into_iter().filter(|&r| pair.a.offered.touched().contains(r)).collect();
        assert_eq!(rates, expected, "{flags}");
        pair.answer("8", "");
        assert_eq!(pair.a.list.touched(), pair.a.offered.touched());
    }
}

/// `codecs.md` §5.3: forms of `except` and of names.
#[test]
fn rule_5_3_strip() {
    let sdp = "8 0 96=opus/48000/2 97=speex/16000 98=speex/8000";
    for (flags, expected) in [
        ("strip=all except=opus/48000/2,PCMU", "0 96=opus/48000/2"),
        ("strip=full except=speex/8000", "98=speex/8000"),
        ("strip=all except=SPEEX", "97=speex/16000 98=speex/8000"),
        ("strip=all except=opus/48000,PCMA", "8"),
        ("strip=speex", "8 0 96=opus/48000/2"),
        ("strip=speex/16000,PCMA/8000/1", "0 96=opus/48000/2 98=speex/8000"),
        ("strip=speex/16000/1/5000", sdp),
        ("mask=all except=PCMA", "8"),
        ("consume=all except=PCMA", "8"),
    ] {
        assert_eq!(Pair::new().offer(sdp, flags), expected, "{flags}");
    }
}

/// `codecs.md` §5.4: order given, existing names are left, nothing foreign comes in.
#[test]
fn rule_5_4_offer() {
    let sdp = "8 0 97=speex/16000 98=speex/8000 101=telephone-event/8000 102=telephone-event/16000";
    for (flags, expected) in [
        ("strip=all offer=speex,PCMA", "97=speex/16000 98=speex/8000 8"),
        ("strip=all offer=speex/8000,speex", "98=speex/8000"),
        (
            "strip=PCMU offer=PCMA,PCMU",
            "8 97=speex/16000 98=speex/8000 0 101=telephone-event/8000 102=telephone-event/16000",
        ),
        ("strip=all offer=PCMU,G722", "0"),
        (
            "strip=all offer=telephone-event,PCMA,speex",
            "102=telephone-event/16000 8 97=speex/16000 98=speex/8000 101=telephone-event/8000",
        ),
    ] {
        assert_eq!(Pair::new().offer(sdp, flags), expected, "{flags}");
    }
}

/// `codecs.md` §§4.4, 5.5: what `accept` takes.
#[test]
fn rule_4_4_accept_candidates() {
    let accepted = |flags: &str| {
        let mut pair = Pair::new();
        pair.offer(
            "97=AMR/8000|mode-set=0 98=AMR/8000|octet-align=1 99=AMR/8000|octet-align=1;mode-set=0 8",
            flags,
        );
        let marked = pair.a.list.entries().iter().filter(|e| e.marks.accepted && e.marks.for_transcoding);
        marked.map(|e| e.payload_type).collect::<Vec<_>>()
    };
    assert_eq!(accepted("accept=AMR"), [97, 98, 99], "a bare name takes every entry with that name");
    assert_eq!(accepted("accept=amr/8000"), [97, 98, 99]);
    assert_eq!(accepted("accept=AMR/8000/1///octet-align--1"), [98], "exact and broader ones");
    assert_eq!(
        accepted("accept=AMR/8000/1///octet-align--1;mode-set--0").len(),
        0,
        "a comma cannot stand in a list item"
    );
    assert_eq!(accepted("accept=AMR/8000/1///mode-set--0"), [97]);
    assert_eq!(accepted("accept=all"), [97, 98, 99, 8]);
    assert_eq!(accepted("accept=full"), [97, 98, 99, 8]);
    assert_eq!(accepted("always-transcode"), [97, 98, 99, 8]);
    assert!(accepted("accept=G722,AMR/16000").is_empty());
    assert_eq!(accepted("consume=all except=AMR"), [8]);
    assert_eq!(accepted("ignore=PCMA consume=PCMA"), [8], "consume brings back what ignore took");
    assert!(accepted("ignore=PCMA accept=PCMA").is_empty());
}

/// `codecs.md` §5.6, rules 1 to 4.
#[test]
fn rule_5_6_transcode() {
    let offered = |sdp: &str, flags: &str| Pair::new().offer(sdp, flags);
    // 1: an exact match is there, whatever the bit rate.
    assert_eq!(
        offered("97=AMR/8000|octet-align=1", "transcode=AMR/8000/1/12200"),
        "97=AMR/8000|octet-align=1"
    );
    // 2: an index is satisfied by any parameters, also when the entry is still in the list.
    assert_eq!(offered("97=AMR/8000", "transcode=AMR"), "97=AMR/8000");
    assert_eq!(offered("97=AMR/8000 8", "strip=AMR transcode=AMR"), "8 97=AMR/8000");
    assert_eq!(offered("97=speex/8000 8", "transcode=speex"), "97=speex/8000 8");
    assert_eq!(offered("97=speex/8000 8", "strip=speex transcode=speex"), "8 97=speex/8000");
    // A string that is no index is compared in full.
    assert_eq!(
        offered("97=AMR/8000 8", "transcode=AMR/8000/1///octet-align--1"),
        "97=AMR/8000 8 96=AMR/8000|octet-align=1"
    );
    // 3: strip=full leaves the exact match only.
    assert_eq!(
        offered("97=AMR/8000 8", "strip=full transcode=AMR"),
        "96=AMR/8000|octet-align=1;mode-change-capability=2"
    );
    assert_eq!(offered("97=opus/48000/2|x=1 8", "strip=full transcode=opus"), "97=opus/48000/2");
    // 4: a new one, spelled as in the string, before the mark.
    assert_eq!(
        offered("8 101=telephone-event/8000", "transcode=gsm"),
        "8 3=gsm/8000 101=telephone-event/8000"
    );
}

/// `codecs.md` §8(2) and (3).
#[test]
fn rule_8_payload_numbers() {
    let offered = |sdp: &str, flags: &str| Pair::new().offer(sdp, flags);
    assert_eq!(offered("8=foo/8000", "transcode=PCMA"), "8=foo/8000 96=PCMA/8000");
    assert_eq!(
        offered("8=foo/8000 0", "strip=foo transcode=PCMA"),
        "0 96=PCMA/8000",
        "held in the original list"
    );
    assert_eq!(offered("0", "transcode=PCMA/16000"), "0 96=PCMA/16000");
    assert_eq!(
        offered("18=G729a/8000 0", "strip=full transcode=G729"),
        "18|annexb=yes",
        "a basically equal codec"
    );
    assert_eq!(
        offered("96=opus/48000/2 98=foo/1 0", "strip=opus transcode=speex/8000,speex/16000,speex/32000"),
        "98=foo/1 0 97=speex/8000 99=speex/16000 100=speex/32000"
    );
}

/// `codecs.md` §5.1(1): what an entry inherits on a re-offer, and from whom.
#[test]
fn rule_5_1_1_inheritance() {
    let mut pair = Pair::new();
    pair.offer("8 97=AMR/8000|octet-align=1", "accept=AMR set=AMR/8000/1/12200");
    pair.offer("8 97=AMR/8000|octet-align=1;mode-set=7", "");
    let own = pair.a.list.get(97).unwrap();
    assert!(own.marks.accepted && own.marks.for_transcoding, "broader before, narrower now");
    assert_eq!((own.codec.bitrate, own.codec.fmtp.as_deref()), (12200, Some("octet-align=1;mode-set=7")));
    assert!(pair.a.list.touched().contains(8000));
    pair.offer("8 97=AMR/8000|octet-align=1", "");
    assert!(!pair.a.list.get(97).unwrap().marks.accepted, "narrower before is different");
    // A receiver without such an entry starts with what the sender's side inherited.
    let mut pair = Pair::new();
    pair.offer("8 0", "accept=PCMA");
    pair.b = MediaCodecs::new(true);
    pair.offer("8 0", "");
    assert!(pair.b.list.get(8).unwrap().marks.accepted);
    assert!(!pair.b.list.get(0).unwrap().marks.accepted);
}

/// Lists share codecs, and an idle call is small.
#[test]
fn lists_are_small() {
    assert!(size_of::<Entry>() <= 24, "{}", size_of::<Entry>());
    assert!(size_of::<CodecList>() <= 96, "{}", size_of::<CodecList>());
    let mut pair = Pair::new();
    pair.offer("8 0 101=telephone-event/8000", "");
    let (own, theirs) = (&pair.a.list.entries()[0], &pair.b.offered.entries()[0]);
    assert!(Arc::ptr_eq(&own.codec, &theirs.codec));
}
