//! Audio that changes its codec on the way through the daemon.

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;

/// A phone that speaks these formats alone.
fn phone(call: &Call<'_>, number: u8, tag: &str, formats: &[(u8, &str)]) -> Phone {
    phone_with(call, number, tag, formats, |plan| plan)
}

fn phone_with(
    call: &Call<'_>,
    number: u8,
    tag: &str,
    formats: &[(u8, &str)],
    change: impl FnOnce(MediaPlan) -> MediaPlan,
) -> Phone {
    let plan = MediaPlan::new("audio", "RTP/AVP");
    let plan = formats.iter().fold(plan, |plan, (number, rtpmap)| plan.format(*number, rtpmap));
    call.phone(number, tag).media(change(plan)).build()
}

const PCMU: (u8, &str) = (0, "PCMU/8000");
const PCMA: (u8, &str) = (8, "PCMA/8000");
const G722: (u8, &str) = (9, "G722/8000");
const OPUS: (u8, &str) = (96, "opus/48000/2");
const EVENTS: (u8, &str) = (101, "telephone-event/8000");

fn codec(key: &'static str, names: &[&str]) -> Request {
    Request::empty().set("codec", dict([(key, list(names.iter().copied()))]))
}

/// Alice speaks `from`, bob only `to`, which the daemon adds to her offer.
fn connect(call: &Call<'_>, from: &[(u8, &str)], to: &[(u8, &str)]) -> (Phone, Phone) {
    let (mut alice, mut bob) = (phone(call, 0, "alice", from), phone(call, 1, "bob", to));
    let names: Vec<&str> = to.iter().filter_map(|(_, rtpmap)| rtpmap.split('/').next()).collect();
    call.offer_with(&mut alice, &mut bob, &codec("transcode", &names));
    call.answer(&mut bob, &mut alice);
    (alice, bob)
}

/// ITU-T G.711 by its definition: the sample of an octet, 16 bits.
fn mu_law(octet: u8) -> i32 {
    let octet = !octet;
    let magnitude = ((i32::from(octet & 15) << 3) + 0x84) << ((octet >> 4) & 7);
    if octet & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}

fn a_law(octet: u8) -> i32 {
    let octet = octet ^ 0x55;
    let (segment, step) = (i32::from(octet >> 4) & 7, i32::from(octet & 15) << 4);
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if octet & 0x80 != 0 { magnitude } else { -magnitude }
}

/// The octet whose sample is nearest.
fn is_nearest(law: fn(u8) -> i32, octet: u8, sample: i32) -> bool {
    let distance = |octet: u8| (law(octet) - sample).abs();
    let best = (0..=255).map(distance).min().unwrap_or_default();
    // Borders are those of the encoders' 14 bits.
    distance(octet) <= best + 4
}

#[test]
fn pcmu_and_pcma_are_exact_both_ways_with_numbers_times_and_source_kept() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = connect(&call, &[PCMU], &[PCMA]);
    let octets: Vec<u8> = (0..=255).collect();
    for at in 0..16 {
        let payload: Vec<u8> = octets.iter().copied().cycle().skip(at * 16).take(160).collect();
        let sent = alice.says(&payload, 160);
        let (heard, from) = bob.receives();
        assert_eq!(from, bob.remote().rtp());
        let numbers = |p: &Rtp| (p.sequence_number, p.timestamp, p.ssrc, p.marker, p.payload.len());
        assert_eq!((heard.payload_type, numbers(&heard)), (8, numbers(&sent)));
        for (octet, made) in payload.iter().zip(&heard.payload) {
            assert!(is_nearest(a_law, *made, mu_law(*octet)), "{octet:#x} became {made:#x}");
        }
        let sent = bob.says(&payload, 160);
        let (heard, _) = alice.receives();
        assert_eq!((heard.payload_type, numbers(&heard)), (0, numbers(&sent)));
        for (octet, made) in payload.iter().zip(&heard.payload) {
            assert!(is_nearest(mu_law, *made, a_law(*octet)), "{octet:#x} became {made:#x}");
        }
    }
}

/// A 20 ms packet of a tone of `hertz` in PCMA, the `at`-th.
fn tone(hertz: f64, at: usize) -> Vec<u8> {
    let sample = |n: usize| {
        let value = (std::f64::consts::TAU * hertz * (at * 160 + n) as f64 / 8000.0).sin() * 8000.0;
        let nearest = (0..=255).min_by_key(|octet| (a_law(*octet) - value as i32).abs());
        nearest.unwrap_or_default()
    };
    (0..160).map(sample).collect()
}

/// The share of a signal's power that is at this frequency.
fn purity(samples: &[i32], hertz: f64) -> f64 {
    let angle = |n: usize| std::f64::consts::TAU * hertz * n as f64 / 8000.0;
    let sum =
        |f: fn(f64) -> f64| samples.iter().enumerate().map(|(n, s)| f64::from(*s) * f(angle(n))).sum::<f64>();
    let power: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (sum(f64::sin).powi(2) + sum(f64::cos).powi(2)) * 2.0 / (samples.len() as f64 * power.max(1.0))
}

/// What of a stream is to be continuous.
fn assert_continuous(packets: &[Rtp], step: u32) {
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1), "{pair:?}");
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(step), "{pair:?}");
        assert_eq!((pair[1].ssrc, pair[1].payload_type), (pair[0].ssrc, pair[0].payload_type));
    }
}

/// A tone from PCMA into another codec, from there back, and listened to.
fn round_trip(daemon: &Daemon, other: (u8, &str), step: u32) {
    const PACKETS: usize = 30;
    let call = Call::new(daemon);
    let (mut alice, mut bob) = connect(&call, &[PCMA], &[other]);
    for at in 0..PACKETS {
        alice.says(&tone(500.0, at), 160);
    }
    let count = PACKETS - 2;
    let forth: Vec<Rtp> = (0..count).map(|_| bob.receives().0).collect();
    assert_continuous(&forth, step);
    assert_eq!((forth[0].payload_type, forth[0].marker), (other.0, false), "{other:?}");
    for packet in &forth {
        bob.says(&packet.payload, step);
    }
    let back: Vec<Rtp> = (0..count - 2).map(|_| alice.receives().0).collect();
    assert_continuous(&back, 160);
    let samples: Vec<i32> = back[5..].iter().flat_map(|p| &p.payload).map(|octet| a_law(*octet)).collect();
    let purity = purity(&samples, 500.0);
    assert!(purity > 0.9, "{other:?}: {purity}");
    let loudest = samples.iter().map(|s| s.abs()).max().unwrap_or_default();
    assert!((4000..12000).contains(&loudest), "{other:?}: {loudest}");
    call.hangs_up(&alice);
}

#[test]
fn a_tone_survives_the_way_through_other_codecs_and_back() {
    let daemon = Daemon::start();
    for (other, step) in [
        (PCMU, 160),
        (G722, 160),
        (OPUS, 960),
        ((3, "GSM/8000"), 160),
        ((97, "speex/16000"), 320),
        ((98, "L16/16000"), 320),
    ] {
        round_trip(&daemon, other, step);
    }
}

#[test]
fn packets_of_20_ms_become_packets_of_30_and_back() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = (phone(&call, 0, "alice", &[PCMU]), phone(&call, 1, "bob", &[PCMU]));
    let options = Request::empty().set("ptime", 30).set("ptime-reverse", 20);
    call.offer_with(&mut alice, &mut bob, &options);
    assert!(bob.remote().has("ptime:30"), "{:?}", bob.remote().lines);
    call.answer(&mut bob, &mut alice);
    let sent: Vec<Rtp> = (0..9_u8).map(|n| alice.says(&[n; 160], 160)).collect();
    let heard: Vec<Rtp> = (0..6).map(|_| bob.receives().0).collect();
    assert_continuous(&heard, 240);
    assert_eq!((heard[0].sequence_number, heard[0].timestamp), (sent[0].sequence_number, sent[0].timestamp));
    let spoken: Vec<u8> = sent.iter().flat_map(|p| p.payload.clone()).collect();
    assert_eq!(heard.iter().flat_map(|p| p.payload.clone()).collect::<Vec<u8>>(), spoken);
    for n in 0..4_u8 {
        bob.says(&[n; 240], 240);
    }
    let heard: Vec<Rtp> = (0..6).map(|_| alice.receives().0).collect();
    assert_continuous(&heard, 160);
    assert!(heard.iter().all(|p| p.payload.len() == 160));
}

#[test]
fn events_pass_beside_transcoded_audio_at_its_time() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) =
        (phone(&call, 0, "alice", &[PCMU, EVENTS]), phone(&call, 1, "bob", &[PCMA, (100, EVENTS.1)]));
    call.offer_with(&mut alice, &mut bob, &codec("transcode", &["PCMA"]));
    // Bob answers with the number that he was offered.
    bob = phone(&call, 1, "bob", &[PCMA, EVENTS]);
    call.offer_with(&mut alice, &mut bob, &codec("transcode", &["PCMA"]));
    call.answer(&mut bob, &mut alice);
    let first = alice.says(&[0xff; 160], 160);
    let audio = bob.receives().0;
    assert_eq!((audio.payload_type, audio.timestamp), (8, first.timestamp));
    let start = alice.media[0].next.timestamp;
    alice.media[0].next.payload_type = 101;
    for (n, flags) in [0_u8, 0, 0x80, 0x80, 0x80].into_iter().enumerate() {
        alice.media[0].next.marker = n == 0;
        let duration = 160 * (n.min(2) as u16 + 1);
        let [high, low] = duration.to_be_bytes();
        alice.media[0].next.timestamp = start;
        alice.says(&[5, flags | 10, high, low], 0);
        let heard = bob.receives().0;
        assert_eq!((heard.payload_type, heard.marker, heard.timestamp), (101, n == 0, start));
        assert_eq!(heard.payload, [5, flags | 10, high, low]);
        assert_eq!(heard.sequence_number, first.sequence_number.wrapping_add(1 + n as u16));
    }
    alice.media[0].next.payload_type = 0;
    alice.media[0].next.timestamp = start.wrapping_add(480);
    alice.says(&[0xff; 160], 160);
    let audio = bob.receives().0;
    assert_eq!((audio.payload_type, audio.timestamp), (8, start.wrapping_add(480)));
}

#[test]
fn a_new_exchange_changes_the_codec_in_the_middle_of_the_call() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = connect(&call, &[PCMU], &[PCMA]);
    let mut last = None;
    for n in 0..3_u8 {
        alice.says(&[n; 160], 160);
        last = Some(bob.receives().0);
    }
    // Alice turns to PCMA: nothing is left to do.
    let mut alice_now = phone(&call, 0, "alice", &[PCMA]);
    std::mem::swap(&mut alice_now.media[0].next, &mut alice.media[0].next);
    alice_now.media[0].next.payload_type = 8;
    call.offer(&mut alice_now, &mut bob);
    call.answer(&mut bob, &mut alice_now);
    let sent = alice_now.says(&[7; 160], 160);
    assert_eq!(bob.receives().0, sent);
    // And to G.722.
    let mut alice_last = phone(&call, 0, "alice", &[G722]);
    std::mem::swap(&mut alice_last.media[0].next, &mut alice_now.media[0].next);
    alice_last.media[0].next.payload_type = 9;
    call.offer_with(&mut alice_last, &mut bob, &codec("transcode", &["PCMA"]));
    call.answer(&mut bob, &mut alice_last);
    for n in 0..5_u8 {
        alice_last.says(&[n; 160], 160);
    }
    let heard: Vec<Rtp> = (0..4).map(|_| bob.receives().0).collect();
    assert_continuous(&heard, 160);
    assert_eq!(heard[0].payload_type, 8);
    assert_eq!(heard[0].ssrc, last.expect("heard before").ssrc);
}

#[test]
fn one_side_enciphers_and_the_other_has_another_codec() {
    let daemon = Daemon::start();
    for secure_first in [false, true] {
        let call = Call::new(&daemon);
        let suite =
            |on: bool| move |plan: MediaPlan| if on { plan.secure("AES_CM_128_HMAC_SHA1_80") } else { plan };
        let mut alice = phone_with(&call, 0, "alice", &[PCMU], suite(secure_first));
        let mut bob = phone_with(&call, 1, "bob", &[PCMA], suite(!secure_first));
        let protocol = if secure_first { "RTP/AVP" } else { "RTP/SAVP" };
        let options = codec("transcode", &["PCMA"]).set("DTLS", "off").set("transport-protocol", protocol);
        call.offer_with(&mut alice, &mut bob, &options);
        call.answer(&mut bob, &mut alice);
        for n in 0..20_u8 {
            let sent = alice.says(&[n; 160], 160);
            let heard = bob.receives().0;
            assert_eq!((heard.payload_type, heard.sequence_number), (8, sent.sequence_number));
            assert!(is_nearest(a_law, heard.payload[0], mu_law(n)));
            bob.says(&[n; 160], 160);
            let heard = alice.receives().0;
            assert!(is_nearest(mu_law, heard.payload[0], a_law(n)));
        }
        call.hangs_up(&alice);
    }
}

#[test]
fn reports_beside_transcoded_audio_tell_what_was_sent_here() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[PCMU], &[G722]);
    let mut last = None;
    for n in 0..4_u8 {
        alice.says(&[n; 160], 160);
        if n != 0 {
            last = Some(bob.receives().0);
        }
    }
    let last = last.expect("three came");
    let ssrc = last.ssrc;
    let info = |packets, bytes, timestamp| Rtcp::Sr {
        ssrc,
        ntp: 77,
        timestamp,
        packets,
        bytes,
        reports: Vec::new(),
    };
    alice.sends_rtcp(&[info(4000, 1, 5)]);
    let (heard, _) = bob.receives_rtcp();
    assert_eq!(heard, [info(3, 3 * 172, last.timestamp)]);
}

/// Payloads that are none.
fn rubbish(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn rubbish_in_every_codec_hurts_nobody() {
    let daemon = Daemon::start();
    let codecs = [
        (9, "G722/8000"),
        (96, "opus/48000/2"),
        (3, "GSM/8000"),
        (97, "speex/8000"),
        (98, "AMR/8000"),
        (99, "AMR-WB/16000"),
        (18, "G729/8000"),
        (4, "G723/8000"),
        (100, "iLBC/8000"),
        (102, "L16/44100/2"),
        (0, "PCMU/8000"),
    ];
    for (number, name) in codecs {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = connect(&call, &[(number, name)], &[PCMA]);
        for n in 0..40_u32 {
            let len = [0, 1, 2, 3, 7, 10, 20, 33, 38, 50, 160, 320, 1400][n as usize % 13];
            alice.says(&rubbish(n * 7919 + u32::from(number), len), 160);
        }
        bob.drains();
        bob.says(&tone(500.0, 0), 160);
        call.hangs_up(&alice);
    }
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[PCMU], &[PCMA]);
    alice.says(&[0xff; 160], 160);
    assert_eq!(bob.receives().0.payload_type, 8);
}

#[test]
fn payload_types_that_were_not_answered_pass_in_between_and_are_renumbered() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[PCMU, PCMA], &[G722]);
    let mut stray = Vec::new();
    for at in 0..20 {
        let audio = at % 3 == 0;
        alice.media[0].next.payload_type = if audio { 0 } else { 8 };
        let sent = alice.says(&tone(500.0, at), 160);
        if !audio {
            stray.push((sent.timestamp, sent.payload));
        }
    }
    let mut heard: Vec<Rtp> = (0..19).map(|_| bob.receives().0).collect();
    heard.sort_by_key(|packet| packet.sequence_number);
    for pair in heard.windows(2) {
        assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1));
    }
    let (passed, made): (Vec<Rtp>, Vec<Rtp>) = heard.into_iter().partition(|packet| packet.payload_type == 8);
    assert_eq!(passed.into_iter().map(|p| (p.timestamp, p.payload)).collect::<Vec<_>>(), stray);
    assert!(made.iter().all(|packet| packet.payload_type == 9));
    assert!(made.windows(2).all(|pair| pair[1].timestamp == pair[0].timestamp.wrapping_add(160)));
}

#[test]
fn frames_of_silence_become_comfort_noise() {
    let daemon =
        Daemon::builder().arg("--silence-detect=1").arg("--cn-payload=40").arg("--cn-payload=3").start();
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[PCMU], &[PCMA, (13, "CN/8000")]);
    alice.says(&[0xff; 160], 160);
    let heard = bob.receives().0;
    assert_eq!((heard.payload_type, heard.payload), (13, vec![40, 3]));
    alice.says(&[0x10; 160], 160);
    assert_eq!(bob.receives().0.payload_type, 8);
}

#[test]
fn ipv6_and_ipv4_with_different_codecs() {
    let network = Network::enter();
    let Some(relay) = network.relay_v6(0, "transcoding between IPv6 and IPv4") else { return };
    let daemon = Daemon::builder().interface(&network.relay(0)).interface(&relay).start();
    let call = Call::new(&daemon);
    let plan = |format: (u8, &str)| MediaPlan::new("audio", "RTP/AVP").format(format.0, format.1);
    let mut alice = call.phone(0, "alice").address(network.phone_v6(0)).media(plan(PCMU)).build();
    let mut bob = call.phone(1, "bob").media(plan(PCMA)).build();
    let options = codec("transcode", &["PCMA"]).set("address-family", "IP4");
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    assert!(alice.remote().address().is_ipv6() && bob.remote().address().is_ipv4());
    for n in 0..5_u8 {
        alice.says(&[n; 160], 160);
        assert!(is_nearest(a_law, bob.receives().0.payload[0], mu_law(n)));
        bob.says(&[n; 160], 160);
        assert!(is_nearest(mu_law, alice.receives().0.payload[0], a_law(n)));
    }
}

#[test]
fn coder_threads_keep_order_and_pace() {
    let daemon = Daemon::builder().arg("--codec-num-threads=2").start();
    for (other, step) in [(PCMU, 160), (G722, 160), (OPUS, 960)] {
        round_trip(&daemon, other, step);
    }
    // Calls that end while their audio is with a coder.
    for _ in 0..10 {
        let call = Call::new(&daemon);
        let (mut alice, mut bob) = connect(&call, &[PCMA], &[OPUS]);
        for at in 0..5 {
            alice.says(&tone(500.0, at), 160);
        }
        bob.says(&rubbish(7, 40), 960);
        call.hangs_up(&alice);
    }
    round_trip(&daemon, G722, 160);
}

#[test]
fn gaps_are_filled_until_the_source_returns_or_the_limit_is_reached() {
    let daemon = Daemon::builder().args(["--dtx-delay=50", "--max-dtx=1"]).start();
    // What a program does when it transcodes for the first time is not what is looked at here.
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[PCMA], &[PCMU]);
    alice.says(&[0x2a; 160], 160);
    bob.receives();
    call.hangs_up(&alice);
    let call = Call::new(&daemon);
    let (mut alice, bob) = connect(&call, &[PCMA], &[PCMU]);
    let start = std::time::Instant::now();
    let sent = alice.says(&[0x2a; 160], 30 * 160);
    let (first, _) = bob.receives();
    assert!(start.elapsed().as_millis() >= 50, "it waits for its turn");
    assert_eq!(
        (first.sequence_number, first.timestamp, first.ssrc),
        (sent.sequence_number, sent.timestamp, sent.ssrc)
    );
    let mut heard = vec![first];
    // A gap of 29 frames, then the next packet, which comes long before its time also where the machine is slow.
    heard.extend((0..4).map(|_| bob.receives().0));
    assert!(start.elapsed().as_millis() >= 130, "one in 20 ms");
    assert!(heard[1..].iter().all(|fill| fill.payload == [0xff; 160]), "silence");
    alice.says(&[0x2a; 160], 160);
    loop {
        let (packet, _) = bob.receives();
        heard.push(packet);
        let last = &heard[heard.len() - 1];
        if last.payload == heard[0].payload {
            break;
        }
        assert!(last.payload == [0xff; 160] && heard.len() < 60, "{last:?}");
    }
    let last = &heard[heard.len() - 1];
    assert!(last.timestamp.wrapping_sub(sent.timestamp) >= 29 * 160, "not before its time");
    for pair in heard.windows(2) {
        assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
        assert_eq!((pair[1].payload_type, pair[1].marker, pair[1].ssrc), (0, false, sent.ssrc));
    }
    // A second after the last packet the filling ends.
    let mut fills = 0;
    while start.elapsed().as_millis() < 900 {
        bob.receives();
        fills += 1;
    }
    assert!(fills > 5, "{fills}");
    let quiet = std::time::Duration::from_millis(200);
    bob.media[0].rtp_socket().set_read_timeout(Some(quiet)).expect("a timeout");
    while bob.media[0].rtp_socket().recv(&mut [0; 1500]).is_ok() {
        assert!(start.elapsed().as_secs() < 3, "the filling does not end");
    }
    // Numbers nobody signalled are dropped.
    let mut stranger = alice.next_packet(0);
    stranger.payload_type = 77;
    alice.media[0].rtp_socket().send_to(&stranger.encode(), alice.remote().rtp()).unwrap();
    bob.hears_nothing();
}

/// Calls whose codecs open at the same time, on a shard that relays others: what opens slowly keeps nobody waiting so long that a packet
/// is lost, its own packets least of all.
#[test]
fn no_packet_is_lost_while_many_codecs_open_on_a_busy_shard() {
    const PACKETS: usize = 25;
    const AMR: (u8, &str) = (97, "AMR/8000");
    for option in ["--codec-num-threads=0", "--codec-num-threads=1"] {
        let daemon = Daemon::builder().args(["--num-threads=1", option]).start();
        let relayed: Vec<_> = (0..30).map(|_| Call::new(&daemon)).collect();
        let mut pairs: Vec<(Phone, Phone, usize)> = Vec::new();
        for call in &relayed {
            let (alice, bob) = connect(call, &[PCMA], &[PCMA]);
            pairs.push((alice, bob, PACKETS));
        }
        let transcoded: Vec<_> = (0..20).map(|_| Call::new(&daemon)).collect();
        for (call, codec) in transcoded.iter().zip([OPUS, G722, AMR, PCMU].into_iter().cycle()) {
            let (alice, bob) = connect(call, &[PCMA], &[codec]);
            // What changes its rate holds a packet back.
            let expected = if codec == G722 { PACKETS - 1 } else { PACKETS };
            pairs.push((alice, bob, expected));
        }
        for at in 0..PACKETS {
            let payload = tone(500.0, at);
            pairs.iter_mut().for_each(|(alice, ..)| {
                alice.says(&payload, 160);
            });
        }
        for (_, bob, expected) in &pairs {
            let heard: Vec<Rtp> = (0..*expected).map(|_| bob.receives().0).collect();
            for pair in heard.windows(2) {
                assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1), "{pair:?}");
            }
        }
    }
}
