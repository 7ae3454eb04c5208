//! Real WebRTC clients call a desk phone through the daemon.

mod chromium;
mod desk_phone;
mod tone;
mod webrtcbin;

use std::time::Duration;

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;
use serde_json::Value as Json;

use chromium::{Browser, MICROPHONE};
use desk_phone::{DeskPhone, VOICE};
use webrtcbin::WebRtcBin;

/// How long a call may take until it is heard and seen on both sides; the machine may be busy with video.
const WAIT: Duration = Duration::from_secs(30);

/// A tone is recognised when this part of what is heard is it. The rest is the codec's noise and the gaps of a busy machine.
const RECOGNISED: f64 = 0.8;

/// How far, in decibels, the tone stands out in the browser's ears.
const STANDS_OUT: f64 = 20.0;

/// The resolution of the browser's ears, in hertz.
const RESOLUTION: f64 = 25.0;

/// What a proxy says about an offer of the browser to the phone.
fn to_phone() -> Request {
    let options = Request::empty().set("transport-protocol", "RTP/AVP").set("ICE", "remove");
    options.set("rtcp-mux", list(["demux"])).set("bundle", "accept").set("replace", list(["origin"]))
}

/// The payload type of an encoding in a description.
fn payload_type(sdp: &str, encoding: &str) -> u8 {
    let lines = sdp.lines().filter_map(|line| line.strip_prefix("a=rtpmap:"));
    let found = lines.filter_map(|line| line.split_once(' ')).find(|(_, name)| *name == encoding);
    found.and_then(|(number, _)| number.parse().ok()).unwrap_or_else(|| panic!("no {encoding} in {sdp}"))
}

/// A browser and a desk phone in one call.
struct Talk<'d> {
    browser: &'d Browser,
    daemon: &'d Daemon,
    call: Call<'d>,
    phone: Phone,
    desk: DeskPhone,
}

impl<'d> Talk<'d> {
    fn new(browser: &'d Browser, daemon: &'d Daemon, vp8: u8) -> Self {
        let call = Call::new(daemon);
        let audio = MediaPlan::new("audio", "RTP/AVP").format(0, "PCMU/8000");
        let video = MediaPlan::new("video", "RTP/AVP").format(vp8, "VP8/90000");
        let phone = call.phone(1, "desk").media(audio).media(video).build();
        let desk = DeskPhone::lifts(&phone);
        Self { browser, daemon, call, phone, desk }
    }

    /// The browser offers what its page says now, and gets the answer of the phone.
    #[track_caller]
    fn browser_offers(&mut self, options: &Request) -> String {
        let offer = self.browser.call("offer", false);
        self.offers(offer.as_str().unwrap(), options)
    }

    #[track_caller]
    fn offers(&mut self, sdp: &str, options: &Request) -> String {
        let mut request = self.call.ask("offer").set("from-tag", "browser").set("sdp", sdp);
        if self.call.exists() {
            request = request.set("to-tag", "desk");
        }
        let reply = self.daemon.request(&request.with(&to_phone()).with(options)).ok();
        self.phone.takes(reply.sdp());
        let answer = self.call.ask("answer").set("from-tag", "browser").set("to-tag", "desk");
        let answer =
            answer.set("sdp", self.phone.answer_sdp()).set("replace", list(["origin"])).with(options);
        let reply = self.daemon.request(&answer).ok().sdp().to_string();
        self.desk.follows(&self.phone);
        self.browser.call("accept", reply.as_str());
        reply
    }

    /// The phone offers, and gets the answer of the browser. Returns what the browser was offered.
    #[track_caller]
    fn phone_offers(&mut self, options: &Request) -> String {
        let known = self.call.exists();
        let mut request = self.call.ask("offer").set("from-tag", "desk").set("sdp", self.phone.offer_sdp());
        if known {
            request = request.set("to-tag", "browser");
        }
        let offer = self.daemon.request(&request.with(options)).ok().sdp().to_string();
        let answer = self.browser.call("answer", offer.as_str());
        let request = self.call.ask("answer").set("from-tag", "desk").set("to-tag", "browser");
        let request = request.set("sdp", answer.as_str().unwrap()).set("ICE", "remove");
        let reply = self.daemon.request(&request.set("bundle", list(["accept"]))).ok();
        self.phone.takes(reply.sdp());
        self.desk.follows(&self.phone);
        offer
    }

    /// Both hear the other's tone, and pictures go round: from the browser's camera over the phone to its screen.
    #[track_caller]
    fn flows(&self) {
        self.desk.forgets();
        let before = (self.browser.figures(), self.desk.counts());
        let waited = std::panic::Location::caller().line();
        let done = |what: &str, condition: &mut dyn FnMut() -> bool| {
            let what = format!("line {waited}: {what}");
            let start = std::time::Instant::now();
            while !condition() {
                assert!(
                    start.elapsed() < WAIT,
                    "{what}\nbrowser: {}\nhears {}\ndesk: {:?}, hears {}\n{}",
                    self.browser.figures(),
                    self.browser.run("heard()"),
                    self.desk.counts(),
                    self.desk.hears(MICROPHONE),
                    self.call.query().value.to_json(),
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        };
        done("the phone hears the browser", &mut || self.desk.hears(MICROPHONE) > RECOGNISED);
        done("the browser hears the phone", &mut || hears_voice(&self.browser.run("heard()")));
        let more = |name: &str, by: u64| {
            let start = before.0[name].as_u64().unwrap();
            self.browser.figure(name) >= start + by
        };
        done("pictures reach the phone", &mut || self.desk.counts().frames >= before.1.frames + 15);
        done("pictures come back", &mut || more("frames", 15));
        done("sound comes on", &mut || more("audio", 50));
    }
}

fn hears_voice(heard: &Json) -> bool {
    let number = |name: &str| heard[name].as_f64().unwrap_or_default();
    (number("frequency") - VOICE).abs() < RESOLUTION && number("above") > STANDS_OUT
}

/// The values of an attribute in a description.
fn values<'s>(sdp: &'s str, name: &str) -> Vec<&'s str> {
    let lines = sdp.lines().filter_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'));
    lines.collect()
}

/// The browser has called the phone, and both were heard and seen.
#[track_caller]
fn connected<'d>(browser: &'d Browser, daemon: &'d Daemon) -> (Talk<'d>, String) {
    browser.run("open().then(addTracks)");
    let offer = browser.call("offer", false);
    let offer = offer.as_str().unwrap();
    let mut talk = Talk::new(browser, daemon, payload_type(offer, "VP8/90000"));
    let answer = talk.offers(offer, &Request::empty());
    talk.flows();
    (talk, answer)
}

#[test]
fn a_browser_calls_a_desk_phone() {
    let Some(browser) = Browser::start("a call of a browser") else { return };
    let daemon = Daemon::start();
    let (talk, answer) = connected(&browser, &daemon);
    // One bundle on one port.
    assert_eq!(values(&answer, "group"), ["BUNDLE 0 1"]);
    let figures = browser.figures();
    assert_eq!(figures["transports"], 1);
    assert_eq!(figures["role"], "controlling");
    assert_eq!(figures["dtlsRole"], "server", "the daemon begins");
    daemon.logs("DTLS: Peer certificate accepted");
    daemon.logs("ICE negotiated: new peer for component 1 is");
    until("RTCP of the browser reaches the phone", WAIT, || (talk.desk.counts().reports > 0).then_some(()));
    assert_eq!(talk.desk.counts().foreign, 0);
    let _ = talk.call.hangs_up(&talk.phone);
    until("the browser is told that the call has ended", WAIT, || {
        (browser.figures()["dtls"] == "closed").then_some(())
    });
}

#[test]
fn a_browser_trickles_its_candidates() {
    let Some(browser) = Browser::start("trickled candidates of a browser") else { return };
    let daemon = Daemon::start();
    browser.run("open().then(addTracks)");
    let offer = browser.call("offer", true);
    let offer = offer.as_str().unwrap();
    assert!(values(offer, "candidate").is_empty());
    let mut talk = Talk::new(&browser, &daemon, payload_type(offer, "VP8/90000"));
    talk.offers(offer, &Request::empty());
    browser.run("gathered()");
    let candidates = browser.run("candidates");
    let candidates = candidates.as_array().unwrap();
    assert!(!candidates.is_empty());
    for candidate in candidates {
        let text = |name: &str| candidate[name].as_str().unwrap_or_else(|| panic!("no {name}"));
        let fragment = format!(
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{}\r\na={}\r\n",
            values(offer, "ice-ufrag")[0],
            values(offer, "ice-pwd")[0],
            text("sdpMid"),
            text("candidate"),
        );
        let request = talk.call.ask("offer").set("from-tag", "browser").set("sdp", fragment);
        let reply = daemon.request(&request.flag("fragment")).ok();
        assert_eq!(reply.value.keys(), ["result"]);
    }
    talk.flows();
}

#[test]
fn a_desk_phone_calls_a_browser() {
    let Some(browser) = Browser::start("a call to a browser") else { return };
    let daemon = Daemon::start();
    browser.run("open()");
    let mut talk = Talk::new(&browser, &daemon, 96);
    let answer = talk.phone_offers(&Request::empty().flag("WebRTC"));
    assert_eq!(values(&answer, "group"), ["BUNDLE 1 2"]);
    talk.flows();
    let figures = browser.figures();
    assert_eq!(figures["transports"], 1);
    assert_eq!(figures["role"], "controlled");
    assert_eq!(figures["dtlsRole"], "client", "the browser begins");
    // The same again changes nothing.
    let again = talk.phone_offers(&Request::empty().flag("WebRTC"));
    assert_eq!(values(&again, "ice-ufrag"), values(&answer, "ice-ufrag"));
    talk.flows();
}

#[test]
fn a_browser_without_bundle_has_a_transport_for_each_media() {
    let Some(browser) = Browser::start("a browser without bundle") else { return };
    let daemon = Daemon::start();
    browser.run("open({ bundlePolicy: 'max-compat' }).then(addTracks)");
    let offer = browser.call("offer", false);
    let offer = offer.as_str().unwrap();
    let mut talk = Talk::new(&browser, &daemon, payload_type(offer, "VP8/90000"));
    let options = Request::empty().set("bundle", "reject");
    let answer = talk.offers(offer, &options);
    assert!(values(&answer, "group").is_empty());
    talk.flows();
    assert_eq!(browser.figures()["transports"], 2);
}

#[test]
fn a_reinvite_of_a_browser_goes_on_where_it_was() {
    let Some(browser) = Browser::start("a re-INVITE of a browser") else { return };
    let daemon = Daemon::start();
    let (mut talk, first) = connected(&browser, &daemon);
    let second = talk.browser_offers(&Request::empty());
    for name in ["ice-ufrag", "fingerprint", "tls-id", "setup"] {
        assert_eq!(values(&first, name), values(&second, name));
    }
    talk.flows();
    // And one of the phone: the browser answers in the role it has.
    talk.phone_offers(&Request::empty());
    talk.flows();
    assert_eq!(daemon.log().matches("DTLS-SRTP successfully negotiated").count(), 1);
}

#[test]
fn hold_and_resume_by_both() {
    let Some(browser) = Browser::start("hold of a browser") else { return };
    let daemon = Daemon::start();
    let (mut talk, _) = connected(&browser, &daemon);
    for (said, towards_phone) in [("sendonly", "recvonly"), ("inactive", "inactive")] {
        browser.call("direct", said);
        talk.phone.media.iter_mut().for_each(|media| media.set_direction(towards_phone));
        talk.desk.mute(true);
        talk.browser_offers(&Request::empty());
        assert_eq!(talk.phone.remote().direction(), Some(said));
        assert_eq!(browser.run("directions()"), serde_json::json!([said, said]));
        browser.call("direct", "sendrecv");
        talk.phone.media.iter_mut().for_each(|media| media.set_direction("sendrecv"));
        talk.desk.mute(false);
        talk.browser_offers(&Request::empty());
        assert_eq!(browser.run("directions()"), serde_json::json!(["sendrecv", "sendrecv"]));
        talk.flows();
    }
    // Now the phone: what it says as music is heard, and it hears nothing.
    talk.phone.media.iter_mut().for_each(|media| media.set_direction("sendonly"));
    talk.phone_offers(&Request::empty());
    assert_eq!(browser.run("directions()"), serde_json::json!(["recvonly", "recvonly"]));
    until("the music is heard", WAIT, || hears_voice(&browser.run("heard()")).then_some(()));
    talk.phone.media.iter_mut().for_each(|media| media.set_direction("sendrecv"));
    browser.call("direct", "sendrecv");
    talk.phone_offers(&Request::empty());
    assert_eq!(browser.run("directions()"), serde_json::json!(["sendrecv", "sendrecv"]));
    talk.flows();
}

#[test]
fn a_browser_restarts_ice() {
    let Some(browser) = Browser::start("an ICE restart of a browser") else { return };
    let daemon = Daemon::start();
    let (mut talk, first) = connected(&browser, &daemon);
    browser.run("connection.restartIce()");
    // It keeps its DTLS association, which only a word of the proxy tells from one that names none.
    let second = talk.browser_offers(&Request::empty().flag("no-tls-id"));
    assert_ne!(values(&first, "ice-ufrag"), values(&second, "ice-ufrag"));
    talk.flows();
}

/// A desk phone with audio alone, at work.
fn desk_with_audio(call: &Call<'_>) -> (Phone, DeskPhone) {
    let plan = MediaPlan::new("audio", "RTP/AVP").format(0, "PCMU/8000");
    let phone = call.phone(1, "desk").media(plan).build();
    let desk = DeskPhone::lifts(&phone);
    (phone, desk)
}

/// Both hear the other's tone.
#[track_caller]
fn both_hear(peer: &WebRtcBin, desk: &DeskPhone) {
    let state = || format!("{} {:?}", peer.get("state"), desk.counts());
    until("the phone hears webrtcbin", WAIT, || (desk.hears(MICROPHONE) > RECOGNISED).then_some(()));
    let hears = || peer.call("heard", VOICE).as_f64().is_some_and(|share| share > RECOGNISED);
    until("webrtcbin hears the phone", WAIT, || hears().then_some(()));
    assert_eq!(peer.get("state")["connection"], "connected", "{}", state());
}

#[test]
fn webrtcbin_calls_a_desk_phone() {
    let network = Network::enter();
    let Some(peer) = WebRtcBin::start("a call of webrtcbin", network.phone(0)) else { return };
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut phone, desk) = desk_with_audio(&call);
    let offer = peer.get("offer");
    let request = call.ask("offer").set("from-tag", "peer").set("sdp", offer.as_str().unwrap());
    phone.takes(daemon.request(&request.with(&to_phone())).ok().sdp());
    let request = call.ask("answer").set("from-tag", "peer").set("to-tag", "desk");
    let reply = daemon.request(&request.set("sdp", phone.answer_sdp())).ok();
    peer.call("accept", reply.sdp());
    desk.follows(&phone);
    both_hear(&peer, &desk);
}

#[test]
fn a_desk_phone_calls_webrtcbin() {
    let network = Network::enter();
    let Some(peer) = WebRtcBin::start("a call to webrtcbin", network.phone(0)) else { return };
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut phone, desk) = desk_with_audio(&call);
    let request = call.ask("offer").set("from-tag", "desk").set("sdp", phone.offer_sdp());
    let reply = daemon.request(&request.flag("WebRTC")).ok();
    let answer = peer.call("answer", reply.sdp());
    let request = call.ask("answer").set("from-tag", "desk").set("to-tag", "peer").set("ICE", "remove");
    let reply = daemon.request(&request.set("sdp", answer.as_str().unwrap())).ok();
    phone.takes(reply.sdp());
    desk.follows(&phone);
    both_hear(&peer, &desk);
}
