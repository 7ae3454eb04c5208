use proptest::prelude::*;

use super::*;

/// A packet with CSRCs, an extension and padding.
fn sample() -> Vec<u8> {
    let mut packet = vec![0xb2, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef];
    packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    packet.extend([0xbe, 0xde, 0, 2, 0x30, 0x7f, 0x40, 0x01, 0x70, 0x22, 0, 0]);
    packet.extend([1, 2, 3, 4, 0, 0, 3]);
    packet
}

#[test]
fn reads_every_field() {
    let bytes = sample();
    let packet = RtpPacket::parse(&bytes).unwrap();
    assert!(packet.marker());
    assert_eq!(packet.payload_type(), 8);
    assert_eq!(packet.sequence_number(), 0x1234);
    assert_eq!(packet.timestamp(), 160);
    assert_eq!(packet.ssrc(), 0xdead_beef);
    assert_eq!(packet.csrcs().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(packet.payload(), [1, 2, 3, 4, 0, 0, 3]);
    assert_eq!(packet.media(), Some(&[1, 2, 3, 4][..]));
    let elements: Vec<_> = packet.extension().unwrap().elements().map(|e| (e.id, e.value)).collect();
    assert_eq!(elements, [(3, &[0x7f][..]), (4, &[0x01][..]), (7, &[0x22][..])]);
}

#[test]
fn setters_touch_only_their_field() {
    let mut bytes = sample();
    let mut packet = RtpPacketMut::parse(&mut bytes).unwrap();
    packet.set_payload_type(0xff);
    packet.set_marker(false);
    packet.set_sequence_number(0xabcd);
    packet.set_timestamp(0x0102_0304);
    packet.set_ssrc(0x0506_0708);
    packet.payload_mut()[0] = 9;
    let view = packet.view();
    assert_eq!((view.payload_type(), view.marker()), (127, false));
    assert_eq!((view.sequence_number(), view.timestamp(), view.ssrc()), (0xabcd, 0x0102_0304, 0x0506_0708));
    let mut expected = sample();
    expected[1..12].copy_from_slice(&[0x7f, 0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8]);
    expected[32] = 9;
    assert_eq!(bytes, expected);
}

#[test]
fn refuses_what_is_no_rtp() {
    let bytes = sample();
    assert_eq!(RtpPacket::parse(&bytes[..11]).unwrap_err(), RtpError::ShortHeader);
    assert_eq!(RtpPacket::parse(&bytes[..19]).unwrap_err(), RtpError::ShortCsrc);
    assert_eq!(RtpPacket::parse(&bytes[..23]).unwrap_err(), RtpError::ShortExtension);
    assert_eq!(RtpPacket::parse(&bytes[..31]).unwrap_err(), RtpError::ShortExtension);
    assert!(RtpPacket::parse(&bytes[..32]).is_ok());
    let mut version = bytes;
    version[0] ^= 0xc0;
    assert_eq!(RtpPacket::parse(&version).unwrap_err(), RtpError::Version);
}

#[test]
fn padding_is_removed_only_when_sound() {
    let mut bytes = sample();
    let length = bytes.len();
    assert_eq!(remove_padding(&mut bytes), Some(length - 3));
    assert_eq!(bytes[0], 0x92);
    for bad in [0, 8] {
        let mut bytes = sample();
        bytes[length - 1] = bad;
        assert_eq!(remove_padding(&mut bytes), None);
        assert_eq!(bytes[0], 0xb2);
    }
}

#[test]
fn first_bytes_decide() {
    let stun = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(classify(&stun), PacketKind::Stun);
    assert_eq!(classify(&stun[..19]), PacketKind::Other);
    assert_eq!(classify(&[20]), PacketKind::Dtls);
    assert_eq!(classify(&[63, 0xfe]), PacketKind::Dtls);
    assert_eq!(classify(&[64]), PacketKind::Other);
    assert_eq!(classify(&[0x80, 200, 0, 1, 0, 0, 0, 0]), PacketKind::Rtcp);
    assert_eq!(classify(&[0x80, 194, 0, 1, 0, 0, 0, 0]), PacketKind::Rtcp);
    assert_eq!(classify(&[0x80, 193, 0, 1, 0, 0, 0, 0]), PacketKind::Rtp);
    assert_eq!(classify(&[0x80, 224, 0, 1, 0, 0, 0, 0]), PacketKind::Rtp);
    assert_eq!(classify(&[0x80, 200, 0, 1]), PacketKind::Rtp);
    assert_eq!(classify(b"\x10\x00\x00\x01ZRTP"), PacketKind::Zrtp);
    assert_eq!(classify(&[]), PacketKind::Other);
}

#[test]
fn elements_end_at_what_cannot_be_read() {
    let elements = |profile, body: &'static [u8]| {
        Extension { profile, body }.elements().map(|e| (e.id, e.value)).collect::<Vec<_>>()
    };
    // Padding between elements, then one that is cut off.
    assert_eq!(
        elements(PROFILE_ONE_BYTE, &[0x10, 1, 0, 0, 0x21, 2, 3, 0x3f]),
        [(1, &[1][..]), (2, &[2, 3][..])]
    );
    assert_eq!(elements(PROFILE_ONE_BYTE, &[0x10, 1, 0xf0, 0, 0x10, 1, 0, 0]), [(1, &[1][..])]);
    assert_eq!(elements(PROFILE_ONE_BYTE, &[0x01, 1, 0x10, 1]), []);
    assert_eq!(elements(0x100f, &[0, 200, 1, 7, 15, 0, 9, 9]), [(200, &[7][..]), (15, &[][..])]);
    assert_eq!(elements(0x1234, &[0x10, 1, 0, 0]), []);
}

#[test]
fn builder_keeps_to_its_form() {
    let mut short = ExtensionBuilder::new(ExtensionForm::OneByte);
    assert_eq!(short.push(15, &[1]), Err(PushError::NotShort { id: 15, length: 1 }));
    assert_eq!(short.push(3, &[]), Err(PushError::NotShort { id: 3, length: 0 }));
    assert_eq!(short.push(3, &[0; 17]), Err(PushError::NotShort { id: 3, length: 17 }));
    assert_eq!(short.push(0, &[0]), Err(PushError::Invalid { id: 0, length: 1 }));
    assert!(short.is_empty() && short.finish().is_none());
    let mut long = ExtensionBuilder::new(ExtensionForm::TwoByte);
    assert_eq!(long.push(1, &[0; 256]), Err(PushError::Invalid { id: 1, length: 256 }));
    assert_eq!(long.push(255, &[]), Ok(()));
    assert_eq!(long.finish(), Some(Extension { profile: PROFILE_TWO_BYTE, body: &[255, 0, 0, 0] }));
    let pushed = (0..20).filter(|_| long.push(1, &[7; 255]).is_ok()).count();
    assert_eq!(pushed, 7, "bounded");
}

/// The example of media-plane.md 14: {3: level, 5: MID "a1"} towards B, ids 3, 4 and 7 from A.
#[test]
fn rebuilds_the_example_of_the_specification() {
    let mut room = [0; 96];
    let packet = [&[0x90, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1][..], &sample()[20..32], b"payload"].concat();
    let span = 40..40 + packet.len();
    room[span.clone()].copy_from_slice(&packet);

    let mut builder = ExtensionBuilder::new(ExtensionForm::OneByte);
    builder.push(5, b"a1").unwrap();
    for element in RtpPacket::parse(&packet).unwrap().extension().unwrap().elements() {
        if element.id == 3 {
            builder.push(element.id, element.value).unwrap();
        }
    }
    let moved = replace_extension(&mut room, span, builder.finish()).unwrap();
    let rebuilt = RtpPacket::parse(&room[moved.clone()]).unwrap();
    assert_eq!(room[moved.clone()][12..24], [0xbe, 0xde, 0, 2, 0x51, 0x61, 0x31, 0x30, 0x7f, 0, 0, 0]);
    assert_eq!(rebuilt.payload(), b"payload");

    let stripped = replace_extension(&mut room, moved, None).unwrap();
    assert_eq!(stripped, 52..71);
    assert!(!RtpPacket::parse(&room[stripped]).unwrap().has_extension());
}

#[test]
fn extension_growth_uses_the_tail_when_the_head_is_full() {
    let packet = RtpHeader { ssrc: 7, ..RtpHeader::default() }.to_bytes();
    let body = [0x10, 1, 0, 0];
    let extension = Some(Extension { profile: PROFILE_ONE_BYTE, body: &body });
    let mut room = [0; 24];
    room[4..16].copy_from_slice(&packet);
    room[16..20].copy_from_slice(b"data");
    assert_eq!(replace_extension(&mut room, 4..20, extension), Err(ReplaceError::NoRoom));
    let mut room = [room.as_slice(), &[0; 4]].concat();
    assert_eq!(replace_extension(&mut room, 4..20, extension), Ok(4..28));
    let rebuilt = RtpPacket::parse(&room[4..28]).unwrap();
    assert_eq!((rebuilt.payload(), rebuilt.extension()), (&b"data"[..], extension));
    let odd = Some(Extension { profile: PROFILE_ONE_BYTE, body: &body[..3] });
    assert_eq!(replace_extension(&mut room, 4..28, odd), Err(ReplaceError::Length));
}

#[test]
fn index_follows_the_rollover() {
    let mut index = PacketIndex::default();
    assert_eq!(index.update(0xfffe).raw(), 0xfffe);
    assert_eq!(index.update(0x0001).raw(), 0x1_0001);
    assert_eq!(index.update(0xffff).raw(), 0xffff, "an older packet moves the index back");
    assert_eq!(index.update(0x0002).raw(), 0x1_0002);
    // Backwards across 0 with ROC 0 stays in ROC 0.
    let mut index = PacketIndex::from_raw(5);
    assert_eq!(index.update(0xfff0).raw(), 0xfff0);
    // Exactly half the range is no rollover in either direction.
    assert_eq!(PacketIndex::from_raw(0x2_0010).estimate(0x8010).raw(), 0x2_8010);
    assert_eq!(PacketIndex::from_raw(0x2_8010).estimate(0x0010).raw(), 0x2_0010);
    assert_eq!(PacketIndex::from_raw(0x2_8011).estimate(0x0010).raw(), 0x3_0010);
    assert_eq!(PacketIndex::from_raw(0xffff_ffff).estimate(0).raw(), 0, "ROC is kept modulo 2^16");
}

#[test]
fn loss_counts_when_the_window_has_passed() {
    let mut tracker = LossTracker::default();
    assert_eq!(tracker.update(0xfff0), Arrival::First);
    // Two missing, one of which comes late.
    assert_eq!(tracker.update(0xfff3), Arrival::Advance);
    assert_eq!(tracker.update(0xfff2), Arrival::Late);
    assert_eq!(tracker.update(0xfff2), Arrival::Duplicate);
    assert_eq!(tracker.update(0xfff3), Arrival::Duplicate);
    for step in 1..=30_u16 {
        tracker.update(0xfff3_u16.wrapping_add(step));
    }
    assert_eq!(tracker.lost(), 1);
    assert_eq!(tracker.extended_highest(), 0x1_0011);
    assert_eq!(tracker.duplicates(), 2);
    tracker.update(tracker.extended_highest() as u16 + 32);
    assert_eq!(tracker.lost(), 33);
    assert_eq!(tracker.update(0x4000), Arrival::Reset);
    assert_eq!(tracker.lost(), 33);
}

#[test]
fn jitter_follows_the_appendix() {
    let mut jitter = JitterEstimator::default();
    jitter.update(0, 0);
    jitter.update(160, 160);
    assert_eq!(jitter.scaled(), 0);
    jitter.update(320 + 80, 320);
    assert_eq!(jitter.scaled(), 80);
    jitter.update(480, 480);
    assert_eq!(jitter.scaled(), 80 + 80 - ((80 + 8) >> 4));
    assert_eq!(jitter.clock_units(), 155 >> 4);
    jitter.update(480 + 200_000, 640);
    assert_eq!(jitter.scaled(), 155, "a jump is no jitter");
    assert_eq!(jitter.sample(8000), Some(19));
    assert_eq!(jitter.scaled(), 19);
    assert_eq!(jitter.sample(8000), Some(2));
    assert_eq!(jitter.sample(8000), Some(0));
    assert_eq!(jitter.sample(8000), None);
    assert_eq!(arrival_in_clock_units(1_020_000, 8000), 8160);
    assert_eq!(arrival_in_clock_units(u64::MAX, u32::MAX), arrival_in_clock_units(u64::MAX, u32::MAX));
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    #[test]
    fn header_round_trips(marker: bool, payload_type in 0..128_u8, sequence_number: u16, timestamp: u32, ssrc: u32) {
        let header = RtpHeader { marker, payload_type, sequence_number, timestamp, ssrc };
        let bytes = header.to_bytes();
        let packet = RtpPacket::parse(&bytes).unwrap();
        prop_assert_eq!(packet.marker(), marker);
        prop_assert_eq!(packet.payload_type(), payload_type);
        prop_assert_eq!(packet.sequence_number(), sequence_number);
        prop_assert_eq!(packet.timestamp(), timestamp);
        prop_assert_eq!(packet.ssrc(), ssrc);
    }

    #[test]
    fn elements_round_trip(
        elements in proptest::collection::vec((1..15_u8, proptest::collection::vec(any::<u8>(), 1..17)), 0..12),
        long: bool,
    ) {
        let form = if long { ExtensionForm::TwoByte } else { ExtensionForm::OneByte };
        let mut builder = ExtensionBuilder::new(form);
        for (id, value) in &elements {
            builder.push(*id, value).unwrap();
        }
        let read: Vec<_> = builder.finish().map_or(vec![], |extension| {
            extension.elements().map(|e| (e.id, e.value.to_vec())).collect()
        });
        prop_assert_eq!(read, elements);
    }

    /// Every packet left out of a stream is counted once, wherever the numbers wrap.
    #[test]
    fn every_missing_packet_is_counted(first: u16, missing in proptest::collection::vec(1..300_u32, 0..60)) {
        let mut tracker = LossTracker::default();
        let mut expected = std::collections::BTreeSet::new();
        let mut gap = 0;
        for offset in 0..360 {
            // A gap that fills the window is a jump with rules of its own.
            if missing.contains(&offset) && gap < 30 {
                gap += 1;
                expected.insert(offset);
                continue;
            }
            gap = 0;
            tracker.update(first.wrapping_add(offset as u16));
        }
        prop_assert_eq!(tracker.lost(), expected.len() as u32);
        prop_assert_eq!(tracker.duplicates(), 0);
        prop_assert_eq!(tracker.extended_highest(), u32::from(first) + 359);
    }
}
