//! The bridging matrix (`media-plane.md` 9.6): every kind of phone talks to every other through one daemon. A kind is a
//! profile with the way its keys are agreed on, with RTP and RTCP on one port or two, with ICE or without. `MATRIX=17` runs the
//! pair with that number alone, as a failure names it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rtpengine_tests::checks::Checks;
use rtpengine_tests::dtls::{Association, Begins, Identity};
use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;

/// Calls that are under way at the same time: each spends most of its time waiting.
const TOGETHER: usize = 12;

/// A handshake has a retransmission in it at most.
const HANDSHAKE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keying {
    Plain,
    /// Keys in the SDP of a profile without encryption (RFC 8643).
    Opportunistic,
    Sdes,
    Dtls,
}

/// What a phone is like.
#[derive(Clone, Copy, Debug)]
struct Kind {
    protocol: &'static str,
    keying: Keying,
    mux: bool,
    ice: bool,
}

const PROTOCOLS: [(&str, Keying); 8] = [
    ("RTP/AVP", Keying::Plain),
    ("RTP/AVPF", Keying::Plain),
    ("RTP/AVP", Keying::Opportunistic),
    ("RTP/AVPF", Keying::Opportunistic),
    ("RTP/SAVP", Keying::Sdes),
    ("RTP/SAVPF", Keying::Sdes),
    ("UDP/TLS/RTP/SAVP", Keying::Dtls),
    ("UDP/TLS/RTP/SAVPF", Keying::Dtls),
];

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (protocol, keying) in PROTOCOLS {
        for (mux, ice) in [(false, false), (false, true), (true, false), (true, true)] {
            kinds.push(Kind { protocol, keying, mux, ice });
        }
    }
    kinds
}

impl Kind {
    fn sends_feedback(&self) -> bool {
        self.protocol.ends_with('F')
    }
}

/// A phone of a kind, with what its handshakes need.
struct Side {
    kind: Kind,
    phone: Phone,
    checks: Checks,
    begins: Begins,
    /// It offers, so the daemon is the controlled one.
    offers: bool,
}

impl Side {
    /// `number` varies what does not belong to the kind: suite and role.
    fn new(call: &Call<'_>, identity: &Identity, kind: Kind, offers: bool, number: usize) -> Self {
        let (place, tag) = if offers { (0, "alice") } else { (1, "bob") };
        let mut plan = MediaPlan::audio();
        let suites = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"];
        let (mut begins, number) = (Begins::Phone, number % 6);
        match kind.keying {
            Keying::Plain => {}
            Keying::Sdes | Keying::Opportunistic => plan = plan.secure(suites[number % 2]),
            Keying::Dtls => {
                let roles =
                    if offers { ["actpass", "active", "passive"] } else { ["active", "passive", "active"] };
                let setup = roles[number % 3];
                begins = if setup == "active" { Begins::Phone } else { Begins::Other };
                plan = plan.attribute(&format!("setup:{setup}"));
                plan = plan.attribute(&format!("fingerprint:{}", identity.fingerprint()));
            }
        }
        plan = plan.protocol(kind.protocol);
        if kind.mux {
            plan = plan.mux();
        }
        let mut phone = call.phone(place, tag).media(plan).build();
        let checks = Checks::new(tag);
        if kind.ice {
            let media = &phone.media[0];
            let rtcp = media.rtcp_socket().local_addr().unwrap();
            let sockets = [media.rtp_address(), rtcp];
            let sockets = if kind.mux && !offers { &sockets[..1] } else { &sockets[..] };
            for line in checks.attributes(sockets) {
                phone.media[0].add_attribute(&line);
            }
        }
        Self { kind, phone, checks, begins, offers }
    }

    /// Does what comes between SDP and media.
    fn connects(&mut self, identity: &Identity) {
        assert_eq!(self.phone.remote().protocol(), self.kind.protocol);
        assert_eq!(self.phone.media[0].is_muxed(), self.kind.mux, "rtcp-mux");
        assert_eq!(self.phone.remote().has("ice-ufrag"), self.kind.ice, "ICE");
        let in_sdp = matches!(self.kind.keying, Keying::Sdes | Keying::Opportunistic);
        if self.offers {
            // Offers of ours have both ways; an answer has the one that was chosen.
            assert_eq!(self.phone.remote().has("crypto"), in_sdp, "keys in the SDP");
            assert_eq!(self.phone.remote().has("fingerprint"), self.kind.keying == Keying::Dtls, "DTLS");
        }
        let media = &self.phone.media[0];
        let mut components = vec![(media.rtp_socket(), media.remote().rtp())];
        if !self.kind.mux {
            components.push((media.rtcp_socket(), media.rtcp_remote()));
        }
        if self.kind.ice {
            self.checks.takes(media.remote());
            self.checks.connect(&components, self.offers, HANDSHAKE).unwrap();
        }
        let mut associations = Vec::new();
        if self.kind.keying == Keying::Dtls {
            for (socket, remote) in components {
                let association = Association::shake(identity, socket, remote, self.begins, HANDSHAKE);
                let association = association.unwrap_or_else(|| panic!("no handshake with {remote}"));
                assert_eq!(media.remote().value("fingerprint"), Some(association.fingerprint.as_str()));
                associations.push(association);
            }
        }
        let media = &mut self.phone.media[0];
        media.uses_associations(associations);
        if self.kind.ice {
            media.answers_checks(self.checks.clone());
        }
    }

    /// RTP and RTCP to the other; feedback arrives where it is known.
    fn talks_to(&mut self, other: &Self) {
        for _ in 0..2 {
            let packet = self.phone.sends();
            other.phone.hears(&packet);
        }
        let mut report = self.phone.sender_report();
        let feedback = Rtcp::Other { count: 1, kind: 206, body: vec![7; 8] };
        if self.kind.sends_feedback() {
            report.push(feedback.clone());
        }
        self.phone.sends_rtcp(&report);
        if !other.kind.sends_feedback() {
            report.retain(|packet| *packet != feedback);
        }
        other.phone.hears_rtcp(&report);
        let packet = self.phone.sends();
        other.phone.hears(&packet);
    }
}

fn options(from: Kind, to: Kind) -> Request {
    let mux = if to.mux { "offer" } else { "demux" };
    let mux = if from.mux { vec![mux, "accept"] } else { vec![mux] };
    let ice = if to.ice { "force" } else { "remove" };
    let options =
        Request::empty().set("transport-protocol", to.protocol).set("rtcp-mux", list(mux)).set("ICE", ice);
    if to.keying == Keying::Opportunistic { options.set("OSRTP", list(["offer"])) } else { options }
}

/// A call of its own for one pair: connect, talk, offer and answer the same again, talk.
fn talk(daemon: &Daemon, identity: &Identity, from: Kind, to: Kind, number: usize) {
    let call = Call::new(daemon);
    let mut alice = Side::new(&call, identity, from, true, number);
    let mut bob = Side::new(&call, identity, to, false, number / 2);
    let options = options(from, to);
    let accepts = from.keying == Keying::Opportunistic;
    let accept = if accepts { Request::empty().set("OSRTP", list(["accept-RFC"])) } else { Request::empty() };
    call.offer_with(&mut alice.phone, &mut bob.phone, &options);
    call.answer_with(&mut bob.phone, &mut alice.phone, &accept);
    alice.connects(identity);
    bob.connects(identity);
    alice.talks_to(&bob);
    bob.talks_to(&alice);
    let ports = (alice.phone.remote().rtp(), bob.phone.remote().rtp());
    call.offer_with(&mut alice.phone, &mut bob.phone, &options);
    call.answer_with(&mut bob.phone, &mut alice.phone, &accept);
    assert_eq!((alice.phone.remote().rtp(), bob.phone.remote().rtp()), ports, "ports of the re-offer");
    alice.talks_to(&bob);
    bob.talks_to(&alice);
    call.hangs_up(&alice.phone);
}

#[test]
fn every_kind_of_phone_talks_to_every_other() {
    let daemon = Daemon::builder().media_ports(4000).arg("--log-level=5").start();
    let identity = Identity::new();
    let pairs: Vec<_> =
        kinds().into_iter().flat_map(|from| kinds().into_iter().map(move |to| (from, to))).collect();
    let wanted = std::env::var("MATRIX").ok().and_then(|number| number.parse::<usize>().ok());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(from, to)) = pairs.get(number) else { return };
                    if wanted.is_some_and(|wanted| wanted != number) {
                        continue;
                    }
                    let done = catch_unwind(AssertUnwindSafe(|| talk(&daemon, &identity, from, to, number)));
                    if let Err(panic) = done {
                        let text = panic.downcast_ref::<String>().cloned();
                        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                        let text: String = text.unwrap_or_default().chars().take(300).collect();
                        failed.lock().unwrap().push(format!("{number}: {from:?} to {to:?}: {text}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} pairs fail:\n{}", failed.len(), pairs.len(), failed.join("\n"));
}
