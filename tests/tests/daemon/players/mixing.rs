//! The audio player (players.md §8), and who is injected.

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;

use super::*;

/// The level of a packet: the mean of its samples without their signs.
fn level(packet: &Rtp) -> i32 {
    let sum: i32 = packet.payload.iter().map(|&octet| linear(octet).abs()).sum();
    sum / packet.payload.len().max(1) as i32
}

/// Sends a packet of one loudness.
fn speaks(phone: &mut Phone, octet: u8) -> Rtp {
    let mut packet = phone.next_packet(0);
    packet.payload = vec![octet; 160];
    let to = phone.media[0].remote().rtp();
    phone.media[0].rtp_socket().send_to(&packet.encode(), to).unwrap();
    packet
}

#[test]
fn a_forced_audio_player_is_a_constant_stream() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 400);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let force = Request::empty().set("audio-player", "force");
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &force);
    // Bob said so in his answer: what goes to him is mixed.
    let silence = listens(&bob, 5);
    assert_eq!(markers(&silence), [0]);
    for pair in silence.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    assert!(silence.iter().all(|packet| packet.payload == [0xff; 160]), "digital silence");
    is_silent(&alice);
    let spoken = speaks(&mut alice, 0x90);
    let heard = until("the mix", SOON, || {
        let packet = bob.receives().0;
        packet.payload.contains(&0x90).then_some(packet)
    });
    assert_ne!(heard.ssrc, spoken.ssrc);
    assert_eq!(heard.ssrc, silence[0].ssrc);
    assert_eq!((&heard.payload[..40], &heard.payload[40..]), (&[0xff; 40][..], &[0x90; 120][..]));
    let rest = bob.receives().0;
    assert_eq!((&rest.payload[..40], &rest.payload[40..]), (&[0x90; 40][..], &[0xff; 120][..]));
    // Playback is one more voice in the same stream.
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let mixed: Vec<Rtp> = (0..22).map(|_| bob.receives().0).collect();
    assert!(mixed.iter().all(|packet| packet.ssrc == heard.ssrc && !packet.marker));
    let loud: Vec<Rtp> = mixed.iter().filter(|packet| level(packet) > 3000).cloned().collect();
    assert!((16..=20).contains(&loud.len()), "{}", loud.len());
    assert!((hertz(&loud) - 440.0).abs() < 20.0);
    // Without force everything is as before.
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &Request::empty().set("audio-player", "off"));
    bob.drains();
    let spoken = speaks(&mut alice, 0x91);
    bob.hears(&spoken);
}

/// players.md §8.2 rule 7.
#[test]
fn an_audio_player_for_the_time_of_a_playback() {
    let daemon = Daemon::builder().arg("--audio-player=play-media").start();
    let (_folder, file) = folder(8000, 100);
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let mut packets = listens(&bob, 1);
    // Two on a machine that keeps time; one that is late ends the playback all the same.
    while let Some((data, _)) = rtpengine_tests::phone::receive(bob.media[0].rtp_socket(), QUIET) {
        packets.extend(Rtp::parse(&data));
    }
    assert!(packets.len() <= 2, "{packets:?}");
    assert_eq!(markers(&packets), [0]);
    assert_eq!(packets[0].payload[..40], [0xff; 40], "the delay of a new source");
    assert!(packets.iter().all(|packet| packet.ssrc == packets[0].ssrc && level(packet) > 3000));
    alice.speaks_to(&mut bob);
}

#[test]
fn transcoded_directions_can_have_an_audio_player() {
    let daemon = Daemon::builder().arg("--audio-player=transcoding").start();
    let call = Call::new(&daemon);
    let mut alice =
        call.phone(0, "alice").media(MediaPlan::new("audio", "RTP/AVP").format(0, "PCMU/8000")).build();
    let mut bob =
        call.phone(1, "bob").media(MediaPlan::new("audio", "RTP/AVP").format(8, "PCMA/8000")).build();
    let transcode =
        Request::empty().set("codec", dict([("transcode", list(["PCMA"])), ("mask", list(["PCMU"]))]));
    call.offer_with(&mut alice, &mut bob, &transcode);
    call.answer(&mut bob, &mut alice);
    let (to_bob, to_alice) = (listens(&bob, 3), listens(&alice, 3));
    assert!(to_bob.iter().all(|packet| packet.payload_type == 8 && packet.payload == [0xd5; 160]));
    assert!(to_alice.iter().all(|packet| packet.payload_type == 0 && packet.payload == [0xff; 160]));
    speaks(&mut alice, 0x90);
    until("it is heard", SOON, || bob.receives().0.payload.iter().any(|&octet| octet != 0xd5).then_some(()));
    call.hangs_up(&alice);
}

/// ng-control.md §11.10: a prompter whom only Bob hears, mixed with what Alice says.
#[test]
fn injected_audio_is_mixed_into_what_a_party_hears() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    alice.speaks_to(&mut bob);
    let own = alice.next_packet(0).ssrc;
    let mut prompter = call.phone(2, "prompter").build();
    prompter.media[0].set_direction("sendonly");
    let publish = call.ask("publish").set("from-tag", "prompter").set("sdp", prompter.offer_sdp());
    prompter.takes(daemon.request(&publish).ok().sdp());
    let inject = |command: &str| call.ask(command).set("to-tag", &bob.tag).set("source-tag", "prompter");
    assert_eq!(daemon.request(&inject("inject stop")).error(), "Failed to stop inject");
    daemon.request(&inject("inject start")).ok();
    let prompted = speaks(&mut prompter, 0x90);
    // Nobody else hears him, and Bob hears a stream of its own that goes on without him.
    let first = until("the mix", SOON, || {
        let packet = bob.receives().0;
        packet.payload.contains(&0x90).then_some(packet)
    });
    assert!(![prompted.ssrc, own].contains(&first.ssrc));
    is_silent(&alice);
    // Both at once: their sound is added up.
    let alone = linear(0x90).max(linear(0xa0));
    let loud = until("both voices", SOON, || {
        speaks(&mut alice, 0xa0);
        speaks(&mut prompter, 0x90);
        let packet = bob.receives().0;
        assert_eq!(packet.ssrc, first.ssrc);
        packet.payload.iter().map(|&octet| linear(octet)).find(|&sample| sample > alone)
    });
    assert!((loud - linear(0x90) - linear(0xa0)).abs() <= 512, "the sum: {loud}");
    daemon.request(&inject("inject stop")).ok();
    bob.drains();
    speaks(&mut prompter, 0x90);
    is_silent(&bob);
    let spoken = speaks(&mut alice, 0x91);
    bob.hears(&spoken);
}

/// ng-control.md, flag `egress`: copies of what is sent in the stead of the source, mixed here.
#[test]
fn an_egress_subscriber_gets_what_the_audio_player_sends() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &Request::empty().set("audio-player", "force"));
    let mut spy = call.phone(2, "spy").build();
    let subscribe =
        call.ask("subscribe request").set("from-tag", &alice.tag).set("to-tag", "spy").flag("egress");
    spy.takes(daemon.request(&subscribe).ok().sdp());
    spy.media[0].set_direction("recvonly");
    let answer = call.ask("subscribe answer").set("to-tag", "spy").set("sdp", spy.answer_sdp());
    daemon.request(&answer).ok();
    let first = spy.receives().0;
    let same = until("the same packet", SOON, || {
        let packet = bob.receives().0;
        (packet.sequence_number == first.sequence_number).then_some(packet)
    });
    assert_eq!(first, same);
    speaks(&mut alice, 0x90);
    until("it is heard", SOON, || spy.receives().0.payload.contains(&0x90).then_some(()));
    is_silent(&alice);
}

/// ng-control.md, flag `egress`: packets sent on behalf of the source. What is played to the one who hears it is not, and where it takes
/// the place of the source there is nothing to copy.
#[test]
fn an_egress_subscriber_does_not_get_what_is_played_beside_its_source() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    let mut spy = call.phone(2, "spy").build();
    let subscribe =
        call.ask("subscribe request").set("from-tag", &alice.tag).set("to-tag", "spy").flag("egress");
    spy.takes(daemon.request(&subscribe).ok().sdp());
    spy.media[0].set_direction("recvonly");
    let answer = call.ask("subscribe answer").set("to-tag", "spy").set("sdp", spy.answer_sdp());
    daemon.request(&answer).ok();
    let (_folder, file) = folder(8000, 10_000);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    assert_ne!(bob.receives().0.ssrc, alice.media[0].next.ssrc, "the file");
    let spoken = alice.sends();
    spy.hears(&spoken);
    daemon.request(&play(&call, &bob).set("file", &file).flag("block-egress")).ok();
    alice.sends();
    spy.hears_nothing();
}
