//! Rules of media-plane.md that no other test of the plane looks at.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rtpengine_common::rtcp::{Compound, Element, RtcpError, SdesItemType};
use rtpengine_common::srtp::{MasterKey, Parameters, SrtpError, Suite};

use crate::call::ids::MediaId;

use super::tests::*;
use super::*;

fn packet_of(ssrc: u32, payload_type: u8, sequence: u16) -> Vec<u8> {
    let mut packet = rtp(payload_type, sequence, &[0; 160]);
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

fn keys() -> Keys {
    let suite = Suite::AesCm128HmacSha1_80;
    let crypto = |seed: u8| {
        Crypto::new(Parameters::plain(suite, MasterKey::generate(suite, |bytes| bytes.fill(seed)))).ok()
    };
    Keys { incoming: crypto(1), outgoing: crypto(2) }
}

fn reports(call: &mut Fixture) -> Vec<Sent> {
    call.out.sent.clear();
    let mut spare = Packet::new();
    let mut turn = Turn { now: call.now, out: &mut call.out, events: &mut call.events, spare: &mut spare };
    let options = ReportOptions { interval: Duration::from_secs(5), cname: "0123456789ab", random: 0 };
    call.plane.generate_reports(&mut turn, &options);
    std::mem::take(&mut call.out.sent)
}

#[test]
fn rule_3_6_no_piercing_while_ice_or_dtls_are_set_up() {
    let mut call = Fixture::new();
    call.change(A_RTP, |spec| spec.pierce_nat = true);
    let now = call.now.instant;
    call.plane.set_ice_activity(A_RTP, Some(now));
    assert!(call.tick().is_empty());
    call.plane.set_ice_activity(A_RTP, None);
    assert_eq!(call.tick().len(), 1);
    call.change(A_RTP, |spec| (spec.dtls, spec.srtp) = (true, true));
    assert!(call.tick().is_empty());
    call.plane.set_keys(A_RTP, keys());
    assert_eq!(call.tick().len(), 1);
}

#[test]
fn rule_4_3_3_mode_off_and_ice_confirm_with_the_first_packet_from_anywhere() {
    for ice in [false, true] {
        let mut call = Fixture::new();
        if ice {
            call.change(A_RTP, |spec| spec.ice = true);
            call.plane.allow_source(A_RTP, to(A_RTP).0, "192.0.2.9:9".parse().expect("an address"));
        } else {
            let now = call.now;
            call.plane.fill(A_RTP, to(A_RTP).1, Learning::Off, now);
        }
        assert_eq!(call.receive_from(A_RTP, "192.0.2.9:9", &rtp(PCMU, 1, b"")), Outcome::Accepted);
        assert!(call.stream(A_RTP).confirmed(), "ICE {ice}");
    }
}

#[test]
fn rule_7_4_the_last_32_packets_decide_and_16_numbers_are_listed() {
    let mut call = Fixture::new();
    let entry = |call: &Fixture| -> (Option<u8>, Vec<u8>) {
        let media = call.plane.media(MediaId(0)).expect("exists");
        let entry = media.ssrc_in.get(7).expect("seen");
        (entry.most_used_payload_type(), entry.payload_types().collect())
    };
    for sequence in 0..20 {
        call.receive(A_RTP, &packet_of(7, 8, sequence));
    }
    for sequence in 20..32 {
        call.receive(A_RTP, &packet_of(7, 0, sequence));
    }
    assert_eq!(entry(&call), (Some(8), vec![0, 8]));
    // Four more: of the last 32 there are 16 each; one more and the newer one has most.
    for sequence in 32..37 {
        call.receive(A_RTP, &packet_of(7, 0, sequence));
    }
    assert_eq!(entry(&call).0, Some(0));
    for number in 0..20_u16 {
        call.receive(A_RTP, &packet_of(7, 30 + number as u8, 40 + number));
    }
    assert_eq!(entry(&call).1, (34..50).rev().collect::<Vec<u8>>());
}

#[test]
fn rule_9_4_7_a_dtls_restart_starts_the_indices_anew() {
    let mut call = Fixture::new();
    for sequence in [0xffff, 0, 1] {
        call.receive(A_RTP, &packet_of(7, PCMU, sequence));
    }
    let roc = |call: &Fixture| {
        let media = call.plane.media(MediaId(0)).expect("exists");
        media.ssrc_in.get(7).map(|entry| entry.index().roc())
    };
    assert_eq!(roc(&call), Some(1));
    call.plane.reset_indices(A_RTP);
    call.receive(A_RTP, &packet_of(7, PCMU, 2));
    assert_eq!(roc(&call), Some(0));
}

#[test]
fn rule_9_4_5_reordered_packets_keep_their_place_in_the_index_of_the_receiver() {
    let mut call = Fixture::new();
    let sent: Vec<u32> = [0xfffe, 0, 0xffff, 0, 1]
        .into_iter()
        .map(|sequence| {
            call.receive(A_RTP, &packet_of(7, PCMU, sequence));
            let media = call.plane.media(MediaId(1)).expect("exists");
            media.ssrc_out.get(7).expect("sent").index().raw()
        })
        .collect();
    assert_eq!(sent, [0xfffe, 0x1_0000, 0xffff, 0x1_0000, 0x1_0001]);
}

#[test]
fn rule_13_2_rtcp_without_a_sink_makes_statistics_only() {
    let mut call = Fixture::new();
    call.change(A_RTCP, |spec| spec.rtcp.clear());
    assert!(call.receive(A_RTCP, &rtcp(201, 2)).is_empty());
    assert_eq!(call.stream(A_RTCP).counters_in().packets, 1);
}

#[test]
fn rule_13_5_2_thirty_blocks_and_a_mid_item_where_medias_are_bundled() {
    let mut call = Fixture::new();
    for stream in [A_RTP, B_RTP, A_RTCP, B_RTCP] {
        call.change(stream, |spec| (spec.generate_rtcp, spec.rtcp_terminated) = (true, true));
    }
    let member = BundleMember { stream: B_RTP, mid: (*b"v1").into(), payload_types: vec![PCMU] };
    call.change(B_RTP, |spec| spec.bundle = Some(Arc::new(Bundle { mid_id: None, members: vec![member] })));
    assert!(reports(&mut call).is_empty());
    call.receive(A_RTP, &packet_of(7, PCMU, 1));
    for ssrc in 0..MAX_SSRCS as u32 {
        call.receive(B_RTP, &packet_of(100 + ssrc, PCMU, 1));
    }
    call.after(6000);
    let sent = reports(&mut call);
    let to_b: Vec<_> = sent.iter().filter(|packet| packet.from == to(B_RTCP).0).collect();
    let [to_b] = to_b.as_slice() else { panic!("one report: {}", to_b.len()) };
    let compound = Compound::parse(&to_b.bytes).expect("valid");
    let elements: Vec<_> = compound.packets().map(|packet| packet.element()).collect();
    let [Element::SenderReport(report), Element::SourceDescription(sdes)] = &elements[..] else {
        panic!("SR and SDES: {elements:?}");
    };
    assert_eq!(report.blocks().count(), MAX_SSRCS, "all of them: fewer than thirty");
    let chunk = sdes.chunks().next().expect("one chunk");
    let items: Vec<_> = chunk.items().map(|item| (item.item_type, item.value)).collect();
    assert_eq!(
        items,
        [(SdesItemType::Cname, &b"0123456789ab"[..]), (SdesItemType::from_number(15), &b"v1"[..])]
    );
    assert_eq!(to_b.bytes.len() % 4, 0);
    // Nobody is bundled at the other side.
    let to_a = sent.iter().find(|packet| packet.from == to(A_RTCP).0).expect("reports to A");
    assert!(!to_a.bytes.windows(2).any(|bytes| bytes == b"v1"));
}

#[test]
fn rule_13_6_9_the_sample_replaces_the_estimate_of_a_source() {
    let mut call = Fixture::new();
    for sequence in 1..200 {
        // Every other packet is 20 ms late.
        call.after(if sequence % 2 == 0 { 40 } else { 0 });
        call.receive(A_RTP, &packet_of(7, PCMU, sequence));
    }
    let estimate = |call: &Fixture| {
        let media = call.plane.media(MediaId(0)).expect("exists");
        media.ssrc_in.get(7).expect("seen").jitter_times_16()
    };
    let before = estimate(&call);
    assert!(before >> 4 > 100, "{before}");
    call.tick();
    assert_eq!(call.events.tally.measured_jitter.count, 1);
    assert_eq!(call.events.tally.measured_jitter.max, u64::from(before * 1000 / 8000));
    assert_eq!(estimate(&call), before * 1000 / 8000);
    for _ in 0..4 {
        call.tick();
    }
    assert_eq!(estimate(&call), 0, "idle");
    let samples = call.events.tally.measured_jitter.count;
    call.tick();
    assert_eq!(call.events.tally.measured_jitter.count, samples, "a zero is no sample");
}

#[test]
fn section_23_texts_about_packets_are_as_printed() {
    let [a, b] = ["192.0.2.1:4000", "[2001:db8::1]:5000"].map(|text| text.parse().expect("an address"));
    let rows: [(Notice, &str); 23] = [
        (Notice::PeerConfirmed { peer: a }, "Confirmed peer address as 192.0.2.1:4000"),
        (Notice::PeerHandover { peer: b }, "Peer address changed to [2001:db8::1]:5000"),
        (
            Notice::PeerChanged { from: a, to: b },
            "Peer address changed from 192.0.2.1:4000 to [2001:db8::1]:5000",
        ),
        (
            Notice::SocketSwitched { from: a, to: b },
            "Switching local socket from 192.0.2.1:4000 to [2001:db8::1]:5000",
        ),
        (
            Notice::SocketNotInList { from: a, to: b },
            "Not switching from local socket 192.0.2.1:4000 to [2001:db8::1]:5000 (not in list)",
        ),
        (
            Notice::StrictSource { got: a, on: b, expected: b, selected: a },
            "Drop due to strict-source attribute; got 192.0.2.1:4000 -> [2001:db8::1]:5000, \
             expected [2001:db8::1]:5000 -> 192.0.2.1:4000",
        ),
        (
            Notice::StrictSourceLearning { got: a, best: b },
            "Drop during learning due to strict-source attribute; got 192.0.2.1:4000, best match [2001:db8::1]:5000",
        ),
        (
            Notice::Loop { from: a },
            "More than 30 duplicate packets detected, dropping packet from 192.0.2.1:4000to avoid potential loop",
        ),
        (SrtpError::RtpAuthentication.into(), "Discarded invalid SRTP packet: authentication failed"),
        (SrtpError::RtpDecryption.into(), "Discarded SRTP packet: decryption failed"),
        (SrtpError::ShortRtcp.into(), "Discarded invalid SRTCP packet: short packet"),
        (SrtpError::RtcpAuthentication.into(), "Discarded invalid SRTCP packet: authentication failed"),
        (SrtpError::Short.into(), "Invalid SRTP/SRTCP packet received (short packet)"),
        (Notice::RocReset { from: 3, to: 4 }, "Detected unexpected SRTP ROC reset (from 3 to 4)"),
        (Notice::NoSrtpSuite {}, "SRTP output wanted, but no crypto suite was negotiated"),
        (Notice::NoSrtcpSuite {}, "SRTP output wanted, but no crypto suite was negotiated"),
        (
            Notice::UnknownPayloadType { payload_type: 77, from: a },
            "RTP packet with unknown payload type 77 received from 192.0.2.1:4000",
        ),
        (Notice::NoSink { from: a }, "Media packet from 192.0.2.1:4000 discarded due to lack of sink"),
        (Notice::Truncated {}, "UDP packet possibly truncated"),
        (Notice::ReportWithoutPayloadType {}, "No payload type known for RTCP RR, discarding"),
        (
            Notice::ReportInvalidPayloadType { payload_type: 9 },
            "Invalid RTP payload type 9, discarding RTCP RR",
        ),
        (Notice::UnknownRtcp { packet_type: 210 }, "Ignoring unknown RTCP packet type 210"),
        (
            Notice::InvalidRtcp { error: RtcpError::ShortElement { packet_type: 200, length: 8, min: 28 } },
            "Invalid RTCP packet type 200 (short: 8 < 28)",
        ),
    ];
    for (notice, text) in &rows {
        assert_eq!(notice.to_string(), *text);
    }
    let kinds: HashSet<_> = rows.iter().map(|(_, text)| text).collect();
    assert_eq!(kinds.len(), rows.len() - 1, "only missing keys have one text for RTP and RTCP");
}
