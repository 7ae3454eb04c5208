//! Real WebRTC clients call a desk phone through the daemon.

mod chromium;
mod desk_phone;
mod tone;

use std::time::Duration;

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;
use serde_json::Value as Json;

use chromium::{Browser, MICROPHONE};
use desk_phone::{DeskPhone, VOICE};

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
    options.set("rtcp-mux", list(["demux"])).set("bundle", list(["accept"])).set("replace", list(["origin"]))
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

#[test]
fn a_browser_calls_a_desk_phone() {
    let daemon = Daemon::builder().arg("--log-level=7").start();
    let Some(browser) = Browser::start("a call of a browser") else { return };
    browser.run("open().then(addTracks)");
    let offer = browser.call("offer", false);
    let offer = offer.as_str().unwrap();
    let mut talk = Talk::new(&browser, &daemon, payload_type(offer, "VP8/90000"));
    println!("{offer}");
    let answer = talk.offers(offer, &Request::empty());
    println!("{answer}");
    talk.flows();
    println!("{}", browser.figures());
}
