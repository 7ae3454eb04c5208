//! Music on hold (players.md §7).

use rtpengine_tests::prelude::*;

use super::*;

fn hold_music(file: &str, mode: Option<&str>) -> Request {
    let mut entries = vec![("file", file)];
    entries.extend(mode.map(|mode| ("mode", mode)));
    Request::empty().set("moh", dict(entries))
}

#[test]
fn music_on_hold_starts_and_stops_with_the_offer() {
    let daemon = Daemon::builder().arg("--moh-attr-name=on-hold-music").start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &hold_music(&file, None));
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    alice.media[0].set_direction("sendonly");
    let reply = call.offer(&mut alice, &mut bob);
    assert!(reply.sdp().contains("a=on-hold-music\r\n"), "{}", reply.sdp());
    assert!(reply.sdp().contains("a=sendonly\r\n"));
    let packets = listens(&bob, 12);
    assert_eq!(markers(&packets), [0], "no marker at the loop");
    bob.media[0].set_direction("recvonly");
    call.answer(&mut bob, &mut alice);
    let refused = daemon.request(&stop(&call, &bob));
    assert_eq!(refused.error(), "Currently MoH ongoing, ignore stop media.");
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let more = listens(&bob, 10);
    assert_eq!(more[0].ssrc, packets[0].ssrc);
    assert_eq!(markers(&more), [0; 0], "another player was ignored");
    alice.media[0].set_direction("sendrecv");
    bob.media[0].set_direction("sendrecv");
    let reply = call.offer(&mut alice, &mut bob);
    assert!(!reply.sdp().contains("on-hold-music"));
    call.answer(&mut bob, &mut alice);
    bob.drains();
    alice.speaks_to(&mut bob);
    is_silent(&bob);
}

#[test]
fn music_on_hold_in_its_other_modes() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &hold_music(&file, Some("sendrecv")));
    call.answer(&mut bob, &mut alice);
    alice.media[0].set_direction("inactive");
    let reply = call.offer(&mut alice, &mut bob);
    assert!(reply.sdp().contains("a=sendrecv\r\n"), "{}", reply.sdp());
    listens(&bob, 5);
    let reply = call.answer(&mut bob, &mut alice);
    assert!(reply.sdp().contains("a=inactive\r\n"), "{}", reply.sdp());
    listens(&bob, 5);
    // Reflected: the one put on hold hears its own source.
    let call = Call::new(&daemon);
    let (mut carol, mut dave) = call.phones();
    call.offer(&mut carol, &mut dave);
    call.answer_with(&mut dave, &mut carol, &hold_music(&file, None));
    carol.media[0].set_direction("sendonly");
    let reflect = Request::empty().set("moh", dict([("mode", "reflect")]));
    call.offer_with(&mut carol, &mut dave, &reflect);
    listens(&dave, 5);
    // A source that is not there is an error of the offer.
    let call = Call::new(&daemon);
    let (mut erin, mut frank) = call.phones();
    call.connects(&mut erin, &mut frank);
    erin.media[0].set_direction("sendonly");
    let request = call.offer_request(&mut erin, &frank, &hold_music("/nowhere.wav", None));
    assert_eq!(daemon.request(&request).error(), "Failed to start media playback from file");
}
