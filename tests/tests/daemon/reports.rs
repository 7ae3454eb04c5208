//! RTCP that the daemon makes itself (`media-plane.md` 13.5).

use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;

#[test]
fn reports_are_made_on_request_and_those_of_the_phones_end_here() {
    let daemon = Daemon::builder().arg("--rtcp-interval=1").start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let options = Request::empty().flag("generate RTCP");
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer_with(&mut bob, &mut alice, &options);
    alice.speaks_to(&mut bob);
    // Not forwarded: the next that Bob hears is the daemon's.
    alice.sends_rtcp(&[Rtcp::Bye { ssrc: 7 }]);
    let (packets, _) = until("a report comes", 4 * SOON, || {
        let (bytes, from) = receive(bob.media[0].rtcp_socket(), SOON)?;
        Some((Rtcp::parse(&bytes).expect("RTCP"), from))
    });
    let Rtcp::Sr { ssrc, packets: count, bytes, .. } = packets[0] else { panic!("{packets:?}") };
    assert_eq!(ssrc, alice.media[0].next.ssrc);
    assert_eq!((count, bytes), (5, 5 * 172));
    let Rtcp::Sdes { ssrc: described, cname } = &packets[1] else { panic!("{packets:?}") };
    assert_eq!(*described, ssrc);
    assert!(cname.len() == 12 && cname.chars().all(|c| c.is_ascii_hexdigit()), "{cname}");
    assert_eq!(packets.len(), 2, "{packets:?}");
}
