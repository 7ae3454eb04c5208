//! Header extensions and bundles through the plane (media-plane.md §14, §15).

use std::sync::Arc;

use rtpengine_common::srtp::{Context, MasterKey, Parameters, Suite};
use smallvec::smallvec;

use crate::call::ids::{MediaId, StreamId};

use super::tests::*;
use super::*;

const MID: u8 = 5;

fn negotiated(ids: &[u8], mid_id: Option<u8>, mid: &[u8]) -> Option<Arc<Extensions>> {
    Some(Arc::new(Extensions { ids: ids.to_vec(), mid_id, mid: mid.into(), allow_mixed: false }))
}

/// A packet with an extension of this profile and body, and the payload `x`.
fn extended(profile: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = rtp(PCMU, 1, b"");
    bytes[0] |= 0x10;
    bytes.extend(profile.to_be_bytes());
    bytes.extend((body.len() as u16 / 4).to_be_bytes());
    bytes.extend(body);
    bytes.push(b'x');
    bytes
}

fn plain() -> Vec<u8> {
    rtp(PCMU, 1, b"x")
}

/// What B gets of a packet from A.
fn through(input: Option<Arc<Extensions>>, output: Option<Arc<Extensions>>, packet: &[u8]) -> Vec<u8> {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.extensions = input);
    call.change(B_RTP, |spec| spec.extensions = output);
    call.receive(A_RTP, packet).remove(0).bytes
}

const RECEIVED: [u8; 8] = [0x30, 0x7f, 0x40, 0x01, 0x70, 0x22, 0, 0];

#[test]
fn example_14_own_mid_first_and_unknown_ids_dropped() {
    let got = through(
        negotiated(&[3, 4, 7], None, b""),
        negotiated(&[3, MID], Some(MID), b"a1"),
        &extended(0xbede, &RECEIVED),
    );
    assert_eq!(got, extended(0xbede, &[0x51, 0x61, 0x31, 0x30, 0x7f, 0, 0, 0]));
}

#[test]
fn rule_14_1_without_extmap_on_both_sides_bytes_pass() {
    let odd = extended(0x4242, &[1, 2, 3, 4]);
    assert_eq!(through(None, None, &odd), odd);
}

#[test]
fn rule_14_2_elements_need_both_sides_and_nothing_left_means_no_extension() {
    let packet = extended(0xbede, &RECEIVED);
    assert_eq!(through(negotiated(&[3], None, b""), None, &packet), plain());
    assert_eq!(through(None, negotiated(&[3], None, b""), &packet), plain());
    let both = through(negotiated(&[3, 7], None, b""), negotiated(&[7], None, b""), &packet);
    assert_eq!(both, extended(0xbede, &[0x70, 0x22, 0, 0]));
}

#[test]
fn rule_14_2_3_mid_is_made_without_an_extension_and_never_copied() {
    let output = negotiated(&[MID], Some(MID), b"a1");
    assert_eq!(through(None, output, &plain()), extended(0xbede, &[0x51, 0x61, 0x31, 0]));
    let foreign = extended(0xbede, &[0x51, b'z', b'z', 0]);
    let unknown = negotiated(&[MID], Some(MID), b"");
    assert_eq!(through(negotiated(&[MID], Some(MID), b"q"), unknown, &foreign), plain());
    assert_eq!(through(negotiated(&[MID], Some(MID), b"q"), None, &foreign), plain());
}

#[test]
fn rule_14_3_two_byte_form_for_large_ids() {
    let both = negotiated(&[3, 20], None, b"");
    let got = through(both.clone(), both, &extended(0xbede, &[0x30, 0x7f, 0, 0]));
    assert_eq!(got, extended(0x1000, &[3, 1, 0x7f, 0]));
}

#[test]
fn rule_14_4_long_values_change_the_form_for_good_or_are_left_out() {
    let long = [&[3, 17], &[9; 17][..], &[4, 1, 8, 0, 0]].concat();
    let packet = extended(0x1002, &long);
    let strict = negotiated(&[3, 4], None, b"");
    assert_eq!(through(strict.clone(), strict.clone(), &packet), extended(0xbede, &[0x40, 8, 0, 0]));
    let mixed = Extensions { ids: vec![3, 4], allow_mixed: true, ..Extensions::default() };
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.extensions = strict);
    call.change(B_RTP, |spec| spec.extensions = Some(Arc::new(mixed)));
    assert_eq!(call.receive(A_RTP, &packet)[0].bytes, extended(0x1000, &long));
    let short = call.receive(A_RTP, &extended(0xbede, &[0x40, 8, 0, 0]));
    assert_eq!(short[0].bytes, extended(0x1000, &[4, 1, 8, 0]), "for good");
}

#[test]
fn rule_14_6_other_profiles_disappear_when_rebuilding() {
    let both = negotiated(&[3], None, b"");
    assert_eq!(through(both.clone(), both, &extended(0x4242, &[0x30, 0x7f, 0, 0])), plain());
}

#[test]
fn rule_14_only_the_sink_concerned_sees_the_change() {
    let mut call = Fixture::new();
    call.change(B_RTP, |spec| spec.extensions = negotiated(&[MID], Some(MID), b"a1"));
    call.change(A_RTP, |spec| spec.rtp.push(SinkSpec::forward(None, A_RTP)));
    let sent = call.receive(A_RTP, &plain());
    assert_eq!(sent[0].bytes, extended(0xbede, &[0x51, 0x61, 0x31, 0]));
    assert_eq!(sent[1].bytes, plain());
}

const C_RTP: StreamId = StreamId(4);
const D_RTP: StreamId = StreamId(5);

/// Party A sends audio (its stream 0, the head) and video (stream 4) over one socket; the other party has separate ports
/// for both, audio on 2 and video on 5.
fn bundled() -> Fixture {
    let mut call = Fixture::new();
    for (stream, peer) in [(C_RTP, None), (D_RTP, Some("198.51.100.2:5100"))] {
        let media = call.plane.add_media();
        assert_eq!(call.plane.add_stream(media, Component::Rtp, call.now), stream);
        if let Some(peer) = peer {
            call.plane.set_sockets(stream, &[socket(stream.0)]);
            call.plane.fill(stream, at(peer), Learning::Off, call.now);
        }
    }
    let video = Arc::new(PayloadTypes::new([(96, 90_000)]));
    let to_a = negotiated(&[MID], Some(MID), b"v");
    for (stream, sink, head, extensions) in [(C_RTP, D_RTP, Some(A_RTP), to_a), (D_RTP, C_RTP, None, None)] {
        call.plane.set_spec(
            stream,
            FlowSpec {
                receives: true,
                own_sdp: true,
                payload_types: Some(video.clone()),
                rtp: smallvec![SinkSpec::forward(None, sink)],
                rtcp: smallvec![RtcpSinkSpec {
                    edge: None,
                    to: sink,
                    strip_feedback: false,
                    translate: false
                }],
                head,
                extensions,
                ..FlowSpec::default()
            },
        );
    }
    let member = |stream, mid: &[u8], payload_types: &[u8]| BundleMember {
        stream,
        mid: mid.into(),
        payload_types: payload_types.to_vec(),
    };
    let members = vec![member(A_RTP, b"a", &[PCMU, 101]), member(C_RTP, b"v", &[96, 101])];
    call.change(A_RTP, |spec| {
        spec.bundle = Some(Arc::new(Bundle { mid_id: Some(MID), members }));
        spec.extensions = negotiated(&[MID], Some(MID), b"a");
    });
    call
}

fn with_ssrc(mut packet: Vec<u8>, payload_type: u8, ssrc: u8) -> Vec<u8> {
    packet[1] = payload_type;
    packet[8..12].copy_from_slice(&[0, 0, 0, ssrc]);
    packet
}

fn went_to(call: &mut Fixture, packet: &[u8]) -> Vec<u32> {
    call.receive(A_RTP, packet).iter().map(|sent| sent.from.slot).collect()
}

#[test]
fn rule_15_2_mid_then_ssrc_memory_then_unique_payload_type_then_the_socket() {
    let mut call = bundled();
    let video_mid = extended(0xbede, &[0x50, b'v', 0, 0]);
    let audio_mid = extended(0xbede, &[0x50, b'a', 0, 0]);
    assert_eq!(went_to(&mut call, &with_ssrc(plain(), 96, 1)), [D_RTP.0], "unique payload type");
    assert_eq!(went_to(&mut call, &with_ssrc(plain(), 101, 1)), [B_RTP.0], "ambiguous: the socket's media");
    assert_eq!(went_to(&mut call, &with_ssrc(video_mid.clone(), 101, 2)), [D_RTP.0], "MID");
    assert_eq!(went_to(&mut call, &with_ssrc(plain(), 101, 2)), [D_RTP.0], "SSRC memory");
    assert_eq!(went_to(&mut call, &with_ssrc(plain(), PCMU, 2)), [D_RTP.0], "SSRC before payload type");
    assert_eq!(went_to(&mut call, &with_ssrc(audio_mid, 101, 2)), [B_RTP.0], "the memory is overwritten");
    assert_eq!(went_to(&mut call, &with_ssrc(plain(), 101, 2)), [B_RTP.0]);
    let unknown = extended(0xbede, &[0x50, b'?', 0, 0]);
    assert_eq!(went_to(&mut call, &with_ssrc(unknown, 96, 3)), [D_RTP.0], "an unknown MID is no hit");
    let rtcp_of_2 = {
        went_to(&mut call, &with_ssrc(video_mid, 101, 2));
        let mut report = rtcp(201, 2);
        report[4..8].copy_from_slice(&[0, 0, 0, 2]);
        went_to(&mut call, &report)
    };
    assert_eq!(rtcp_of_2, [D_RTP.0]);
    assert_eq!(call.stream(C_RTP).counters_in().packets, 7);
}

#[test]
fn rule_8_5_a_bundle_counts_ssrcs_at_its_head() {
    let mut call = bundled();
    call.receive(A_RTP, &with_ssrc(plain(), 96, 7));
    let ssrcs =
        |call: &Fixture, media| call.plane.media(MediaId(media)).expect("exists").ssrc_in.get(7).is_some();
    assert!(ssrcs(&call, 0) && !ssrcs(&call, 2));
    assert_eq!(call.plane.media(MediaId(2)).and_then(MediaPlane::most_received), Some(96));
}

#[test]
fn rule_15_4_output_to_a_bundled_receiver_leaves_through_the_head_with_its_own_mid() {
    let mut call = bundled();
    let packet = with_ssrc(plain(), 96, 9);
    call.receive_from(D_RTP, "198.51.100.2:5100", &packet);
    let sent = call.out.sent.remove(0);
    assert_eq!((sent.from, sent.to), to(A_RTP));
    assert_eq!(sent.bytes, with_ssrc(extended(0xbede, &[0x50, b'v', 0, 0]), 96, 9));
    assert_eq!(call.stream(C_RTP).counters_out().packets, 1);
    assert!(call.plane.media(MediaId(0)).expect("exists").ssrc_out.get(9).is_some());
}

#[test]
fn rule_15_1_srtp_contexts_belong_to_the_head() {
    let suite = Suite::AeadAes256Gcm;
    let [from_a, to_a] =
        [1, 2].map(|seed| Parameters::plain(suite, MasterKey::generate(suite, |bytes| bytes.fill(seed))));
    let mut call = bundled();
    for stream in [A_RTP, C_RTP] {
        call.change(stream, |spec| spec.srtp = true);
    }
    let crypto = |parameters: &Parameters| Crypto::new(parameters.clone()).ok();
    call.plane.set_keys(A_RTP, Keys { incoming: crypto(&from_a), outgoing: crypto(&to_a) });
    let packet = with_ssrc(plain(), 96, 9);
    let phone = Context::new(&from_a).expect("key fits");
    let mut room = packet.clone();
    room.resize(400, 0);
    let len = phone.protect_rtp(&mut room, packet.len(), Default::default()).expect("protects");
    assert_eq!(call.receive(A_RTP, &room[..len])[0].bytes, packet);
    call.receive_from(D_RTP, "198.51.100.2:5100", &packet);
    let mut sent = call.out.sent.remove(0).bytes;
    let phone = Context::new(&to_a).expect("key fits");
    assert!(phone.unprotect_rtp(&mut sent, Default::default()).is_ok());
}

#[test]
fn rule_15_1_own_sockets_of_a_member_still_take_its_packets() {
    let mut call = bundled();
    call.plane.set_sockets(C_RTP, &[socket(9)]);
    call.receive_on(C_RTP, socket(9).key, "192.0.2.1:4100", &with_ssrc(plain(), 96, 1));
    assert_eq!(call.out.sent.remove(0).from.slot, D_RTP.0);
}

#[test]
fn rule_15_2_only_authentic_packets_are_remembered() {
    let suite = Suite::AesCm128HmacSha1_80;
    let from_a = Parameters::plain(suite, MasterKey::generate(suite, |bytes| bytes.fill(1)));
    let mut call = bundled();
    for stream in [A_RTP, C_RTP] {
        call.change(stream, |spec| spec.srtp = true);
    }
    let crypto = Crypto::new(from_a.clone()).ok();
    call.plane.set_keys(A_RTP, Keys { incoming: crypto.clone(), outgoing: crypto });
    let phone = Context::new(&from_a).expect("key fits");
    let protect = |packet: &[u8]| {
        let mut room = packet.to_vec();
        room.resize(packet.len() + 100, 0);
        let len = phone.protect_rtp(&mut room, packet.len(), Default::default()).expect("protects");
        room.truncate(len);
        room
    };
    let audio_mid = with_ssrc(extended(0xbede, &[0x50, b'a', 0, 0]), 101, 2);
    let video_mid = with_ssrc(extended(0xbede, &[0x50, b'v', 0, 0]), 101, 2);
    assert_eq!(went_to(&mut call, &protect(&audio_mid)), [B_RTP.0]);
    let mut forged = protect(&video_mid);
    *forged.last_mut().expect("has a tag") ^= 1;
    assert!(went_to(&mut call, &forged).is_empty());
    assert_eq!(went_to(&mut call, &protect(&with_ssrc(plain(), 101, 2))), [B_RTP.0]);
}

#[test]
fn rule_14_2_1_a_bundle_has_the_form_of_its_head() {
    let mut call = bundled();
    call.change(A_RTP, |spec| spec.extensions = negotiated(&[MID, 20], Some(MID), b"a"));
    call.receive_from(D_RTP, "198.51.100.2:5100", &with_ssrc(plain(), 96, 9));
    assert_eq!(call.out.sent.remove(0).bytes, with_ssrc(extended(0x1000, &[MID, 1, b'v', 0]), 96, 9));
}
