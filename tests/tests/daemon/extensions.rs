//! RTP header extensions, bundles that are taken apart, and media that is no RTP (`media-plane.md` 14, 15 and 16).

use rtpengine_tests::phone::{MediaPlan, receive};
use rtpengine_tests::prelude::*;

const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const TOFFSET: &str = "urn:ietf:params:rtp-hdrext:toffset";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// A header extension of this profile and body.
fn extension(profile: u16, body: &[u8]) -> Vec<u8> {
    let words = (body.len() / 4) as u16;
    [&profile.to_be_bytes()[..], &words.to_be_bytes(), body].concat()
}

/// The next packet of a phone with a header extension, as it would leave.
fn with_extension(phone: &mut Phone, index: usize, extension: &[u8]) -> (Rtp, Vec<u8>) {
    let packet = Rtp { extra: extension.to_vec(), ..phone.next_packet(index) };
    let mut bytes = packet.encode();
    if !extension.is_empty() {
        bytes[0] |= 0x10;
    }
    (packet, bytes)
}

fn sends_with(phone: &mut Phone, index: usize, extension: &[u8]) -> Rtp {
    let (packet, bytes) = with_extension(phone, index, extension);
    let to = phone.media[index].remote().rtp();
    phone.media[index].rtp_socket().send_to(&bytes, to).unwrap();
    packet
}

/// The header extension that arrives; `X` says whether there is one.
#[track_caller]
fn arrives(phone: &Phone, index: usize) -> Vec<u8> {
    phone.receives_on(index).0.extra
}

fn plan(ids: &[(u8, &str)]) -> MediaPlan {
    ids.iter().fold(MediaPlan::audio(), |plan, (id, uri)| plan.attribute(&format!("extmap:{id} {uri}")))
}

#[test]
fn without_extmap_extensions_pass_byte_for_byte() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    for odd in [extension(0xbede, &[0x30, 0x7f, 0x40, 1]), extension(0x4242, &[1, 2, 3, 4, 5, 6, 7, 8])] {
        sends_with(&mut alice, 0, &odd);
        assert_eq!(arrives(&bob, 0), odd, "rule 14.1");
    }
}

#[test]
fn a_transcoded_packet_has_the_extension_of_its_source() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let audio = |number: u8, name: &str| MediaPlan::new("audio", "RTP/AVP").format(number, name);
    let mut alice = call.phone(0, "alice").media(audio(0, "PCMU/8000")).build();
    let mut bob = call.phone(1, "bob").media(audio(8, "PCMA/8000")).build();
    let codec =
        Request::empty().set("codec", dict([("mask", list(["PCMU"])), ("transcode", list(["PCMA"]))]));
    call.offer_with(&mut alice, &mut bob, &codec);
    call.answer(&mut bob, &mut alice);
    for odd in [extension(0xbede, &[0x30, 0x7f, 0x40, 1]), extension(0x4242, &[1, 2, 3, 4]), Vec::new()] {
        sends_with(&mut alice, 0, &odd);
        let (heard, _) = bob.receives_on(0);
        assert_eq!((heard.payload_type, heard.extra), (8, odd), "rules 14.1 and 14.7");
    }
}

#[test]
fn padding_passes_untouched_and_ends_at_a_transcoder() {
    let daemon = Daemon::start();
    for (number, name, kept) in [(0, "PCMU/8000", true), (8, "PCMA/8000", false)] {
        let call = Call::new(&daemon);
        let audio = |number: u8, name: &str| MediaPlan::new("audio", "RTP/AVP").format(number, name);
        let mut alice = call.phone(0, "alice").media(audio(0, "PCMU/8000")).build();
        let mut bob = call.phone(1, "bob").media(audio(number, name)).build();
        let codec = Request::empty().set("codec", dict([("transcode", list(["PCMA"]))]));
        call.offer_with(&mut alice, &mut bob, &if kept { Request::empty() } else { codec });
        call.answer(&mut bob, &mut alice);
        let packet = alice.next_packet(0);
        let mut bytes = packet.encode();
        bytes[0] |= 0x20;
        bytes.extend([0, 0, 0, 4]);
        alice.media[0].rtp_socket().send_to(&bytes, alice.remote().rtp()).unwrap();
        let (heard, _) = receive(bob.media[0].rtp_socket(), SOON).expect("a packet");
        if kept {
            assert_eq!(heard, bytes);
        } else {
            let plain = packet.encode();
            assert_eq!((heard[0], heard.len()), (plain[0], plain.len()), "rule 3.2 row 11");
        }
    }
}

#[test]
fn only_what_both_sides_negotiated_passes() {
    let daemon = Daemon::start();
    for secure in [false, true] {
        let call = Call::new(&daemon);
        let mut alice = call.phone(0, "alice").media(plan(&[(3, LEVEL), (4, TOFFSET)])).build();
        let answers = plan(&[(3, LEVEL)]);
        let answers = if secure { answers.secure(SUITE) } else { answers };
        let mut bob = call.phone(1, "bob").media(answers).build();
        let protocol = if secure { "RTP/SAVP" } else { "RTP/AVP" };
        let options = Request::empty().set("transport-protocol", protocol).set("DTLS", "off");
        call.offer_with(&mut alice, &mut bob, &options);
        assert_eq!(bob.remote().values("extmap"), [format!("3 {LEVEL}"), format!("4 {TOFFSET}")]);
        call.answer(&mut bob, &mut alice);
        // Ids 3, 4 and 7, of which Bob knows 3.
        sends_with(&mut alice, 0, &extension(0xbede, &[0x30, 0x7f, 0x40, 1, 0x70, 0x22, 0, 0]));
        assert_eq!(arrives(&bob, 0), extension(0xbede, &[0x30, 0x7f, 0, 0]), "rule 14.2.2");
        sends_with(&mut alice, 0, &extension(0xbede, &[0x40, 1, 0, 0]));
        assert!(arrives(&bob, 0).is_empty(), "rule 14.2.4");
        sends_with(&mut alice, 0, &extension(0x1000, &[3, 1, 0x55, 0]));
        assert_eq!(
            arrives(&bob, 0),
            extension(0xbede, &[0x30, 0x55, 0, 0]),
            "rule 14.3: both forms are read"
        );
        sends_with(&mut alice, 0, &extension(0x4242, &[0x30, 0x7f, 0, 0]));
        assert!(arrives(&bob, 0).is_empty(), "rule 14.6");
        sends_with(&mut alice, 0, &[]);
        assert!(arrives(&bob, 0).is_empty());
    }
}

#[test]
fn strip_and_mask_keep_elements_from_the_other_side() {
    let daemon = Daemon::start();
    for option in ["strip", "mask"] {
        let call = Call::new(&daemon);
        let mut alice = call.phone(0, "alice").media(plan(&[(3, LEVEL), (4, TOFFSET)])).build();
        let mut bob = call.phone(1, "bob").media(plan(&[(3, LEVEL)])).build();
        let options = Request::empty().set("extmap", dict([(option, list([TOFFSET]))]));
        call.offer_with(&mut alice, &mut bob, &options);
        assert_eq!(bob.remote().values("extmap"), [format!("3 {LEVEL}")]);
        call.answer(&mut bob, &mut alice);
        let answered = alice.remote().values("extmap");
        let expected: &[String] = match option {
            "mask" => &[format!("4 {TOFFSET}"), format!("3 {LEVEL}")],
            _ => &[format!("3 {LEVEL}")],
        };
        assert_eq!(answered, expected);
        sends_with(&mut alice, 0, &extension(0xbede, &[0x30, 0x7f, 0x40, 1]));
        assert_eq!(arrives(&bob, 0), extension(0xbede, &[0x30, 0x7f, 0, 0]), "rule 14.8 with {option}");
    }
}

#[test]
fn large_ids_make_the_two_byte_form() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let both = [(3, LEVEL), (20, TOFFSET)];
    let plan = || {
        let plan = MediaPlan::audio().attribute("extmap-allow-mixed");
        both.iter().fold(plan, |plan, (id, uri)| plan.attribute(&format!("extmap:{id} {uri}")))
    };
    let mut alice = call.phone(0, "alice").media(plan()).build();
    let mut bob = call.phone(1, "bob").media(plan()).build();
    call.connects(&mut alice, &mut bob);
    sends_with(&mut alice, 0, &extension(0xbede, &[0x30, 0x7f, 0, 0]));
    assert_eq!(arrives(&bob, 0), extension(0x1000, &[3, 1, 0x7f, 0]), "rule 14.3");
    sends_with(&mut alice, 0, &extension(0x1000, &[20, 3, 1, 2, 3, 0, 0, 0]));
    assert_eq!(arrives(&bob, 0), extension(0x1000, &[20, 3, 1, 2, 3, 0, 0, 0]));
}

/// Alice offers audio and video in a bundle with the MID extension, Bob has a port for each.
fn bundle<'d>(daemon: &'d Daemon, accept: bool) -> (Call<'d>, Phone, Phone) {
    let call = Call::new(daemon);
    let extmap = format!("extmap:5 {MID}");
    let audio = MediaPlan::audio().attribute("mid:a").attribute(&extmap).mux();
    let video = MediaPlan::video().format(0, "PCMU/8000").attribute("mid:v").attribute(&extmap).mux();
    let mut alice = call.phone(0, "alice").media(audio).media(video).build();
    alice.extra.push("a=group:BUNDLE a v".into());
    let video = MediaPlan::video().format(0, "PCMU/8000");
    let mut bob = call.phone(1, "bob").media(MediaPlan::audio()).media(video).build();
    let options = Request::empty().set("rtcp-mux", list(["demux", "accept"]));
    let options = if accept { options.set("bundle", list(["accept"])) } else { options };
    call.offer_with(&mut alice, &mut bob, &options);
    assert_ne!(bob.media[0].remote().port(), bob.media[1].remote().port());
    call.answer(&mut bob, &mut alice);
    (call, alice, bob)
}

#[test]
fn an_offered_bundle_is_broken_unless_it_is_accepted() {
    let daemon = Daemon::start();
    let (_call, mut alice, mut bob) = bundle(&daemon, false);
    assert_ne!(alice.media[0].remote().port(), alice.media[1].remote().port());
    for index in 0..2 {
        alice.speaks_on(index, &mut bob);
        bob.speaks_on(index, &mut alice);
    }
}

#[test]
fn an_accepted_bundle_is_taken_apart_and_put_together() {
    let daemon = Daemon::start();
    let (_call, mut alice, bob) = bundle(&daemon, true);
    let head = alice.media[0].remote().rtp();
    assert_eq!(alice.media[1].remote().rtp(), head);
    let mid = |name: u8| extension(0xbede, &[0x50, name, 0, 0]);
    let socket = alice.media[0].rtp_socket().try_clone().unwrap();
    // With its MID a packet of a payload type that both medias have finds its way; then its SSRC does.
    let mut reach = |index: usize, payload_type: u8, ssrc: u32, extension: &[u8]| {
        alice.media[index].next.payload_type = payload_type;
        alice.media[index].next.ssrc = ssrc;
        let (packet, bytes) = with_extension(&mut alice, index, extension);
        socket.send_to(&bytes, head).unwrap();
        packet
    };
    for (media, payload_type, ssrc, extension) in [
        (1, 0, 11, mid(b'v')),
        (1, 0, 11, Vec::new()),
        (0, 0, 22, mid(b'a')),
        (0, 0, 22, Vec::new()),
        // Unique payload types do without.
        (1, 96, 33, Vec::new()),
        (0, 8, 44, Vec::new()),
    ] {
        let packet = reach(media, payload_type, ssrc, &extension);
        let (heard, _) = bob.receives_on(media);
        assert_eq!(heard.payload, packet.payload, "media {media}, type {payload_type}, rule 15.2");
        assert!(heard.extra.is_empty(), "the MID is for the bundle alone");
    }
    // RTCP goes where its SSRC went.
    let report = [Rtcp::Rr { ssrc: 11, reports: Vec::new() }];
    socket.send_to(&Rtcp::encode(&report), head).unwrap();
    let (bytes, _) = receive(bob.media[1].rtcp_socket(), SOON).expect("a report");
    assert_eq!(Rtcp::parse(&bytes).as_deref(), Some(&report[..]));
    // Back, everything comes from one port and says which media it is.
    let mut bob = bob;
    for (index, name) in [(0, b'a'), (1, b'v')] {
        let packet = bob.sends_on(index);
        let (bytes, from) = receive(&socket, SOON).expect("a packet");
        let heard = Rtp::parse(&bytes).expect("RTP");
        assert_eq!((from, heard.payload, heard.extra), (head, packet.payload, mid(name)), "rule 15.4");
    }
}

#[test]
fn fax_passes_raw_and_its_peer_is_learned() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let plan = || MediaPlan::new("image", "udptl").attribute("T38FaxVersion:0");
    let mut alice = call.phone(0, "alice").media(plan()).build();
    let mut bob = call.phone(1, "bob").media(plan()).build();
    call.offer(&mut alice, &mut bob);
    assert_eq!(bob.remote().protocol(), "udptl");
    call.answer(&mut bob, &mut alice);
    // It may look like RTCP, DTLS or anything.
    for packet in [vec![0, 1, 2], [vec![0x80, 200], vec![0; 40]].concat(), vec![22; 50], vec![0xff; 1400]] {
        alice.media[0].rtp_socket().send_to(&packet, alice.remote().rtp()).unwrap();
        let (bytes, from) = receive(bob.media[0].rtp_socket(), SOON).expect("UDPTL");
        assert_eq!((bytes, from), (packet, bob.remote().rtp()), "rule 16.1");
    }
    // Bob is behind a NAT: his answers come from elsewhere, and what is for him goes there.
    let nat = std::net::UdpSocket::bind((daemon.network().phone(6), 0)).unwrap();
    nat.send_to(&[1, 2, 3, 4], bob.remote().rtp()).unwrap();
    let (bytes, _) = receive(alice.media[0].rtp_socket(), SOON).expect("UDPTL");
    assert_eq!(bytes, [1, 2, 3, 4]);
    alice.media[0].rtp_socket().send_to(&[5; 20], alice.remote().rtp()).unwrap();
    assert_eq!(receive(&nat, SOON).map(|(bytes, _)| bytes), Some(vec![5; 20]), "rule 16.2");
    let query = call.query();
    let stats = |name: &str| query.int(&["tags", "alice", "medias", "0", "streams", "0", "stats", name]);
    assert_eq!((stats("packets"), stats("errors")), (5, 0));
}

#[test]
fn zrtp_passes_on_plain_media_and_not_beside_srtp() {
    let daemon = Daemon::start();
    let hello = [&[0x10, 0, 0, 1][..], b"ZRTP", &[1, 2, 3, 4], &[0x50; 40]].concat();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    alice.media[0].rtp_socket().send_to(&hello, alice.remote().rtp()).unwrap();
    let (bytes, _) = receive(bob.media[0].rtp_socket(), SOON).expect("ZRTP");
    assert_eq!(bytes, hello, "rule 16.5");
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").media(MediaPlan::audio().secure(SUITE)).build();
    let mut bob = call.phone(1, "bob").build();
    let options = Request::empty().set("transport-protocol", "RTP/AVP").set("DTLS", "off");
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    alice.media[0].rtp_socket().send_to(&hello, alice.remote().rtp()).unwrap();
    assert!(receive(bob.media[0].rtp_socket(), QUIET).is_none());
    alice.speaks_to(&mut bob);
}
