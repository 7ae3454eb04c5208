//! Publish, subscribe, create (`codecs.md` §§5.9, 7.3; `sdp.md` §22).

use super::*;

fn published(sdp: &str, flags: &str) -> Result<String, NothingToPublish> {
    let config = TranscodeConfig::default();
    let environment = Environment { support: &all, transcode_config: &config };
    let mut media = MediaCodecs::new(true);
    let report = with_section(sdp, false, |s| publish(&mut media, s, &options(flags), &environment));
    report.map(|_| show(&media.list))
}

/// `codecs.md` §5.9.
#[test]
fn rule_5_9_publish() {
    let sdp = "97=foo/8000 96=opus/48000/2 8 101=telephone-event/48000 102=telephone-event/8000";
    let first = "96=opus/48000/2 101=telephone-event/48000";
    let pcma = "8 102=telephone-event/8000";
    for (flags, expected) in [
        ("", Ok(first)),
        ("accept=PCMA", Ok(pcma)),
        ("accept=G722,PCMA,opus", Ok(pcma)),
        ("accept=foo,opus", Ok(first)),
        ("accept=foo,any,opus", Ok("97=foo/8000 102=telephone-event/8000")),
        ("accept=any", Ok("97=foo/8000 102=telephone-event/8000")),
        ("accept=all", Ok("96=opus/48000/2 8 101=telephone-event/48000 102=telephone-event/8000")),
        ("accept=all,any", Ok(sdp)),
        ("accept=G722", Err(NothingToPublish)),
        ("strip=opus", Ok(pcma)),
    ] {
        assert_eq!(published(sdp, flags), expected.map(str::to_owned), "{flags}");
    }
    assert_eq!(published("97=foo/8000", ""), Err(NothingToPublish));
    assert_eq!(published("97=foo/8000", "accept=all"), Err(NothingToPublish));
    assert_eq!(NothingToPublish.to_string(), "Publish error");
}

struct Subscription {
    pair: Pair,
    subscriber: MediaCodecs,
}

impl Subscription {
    /// A called B, and a third party subscribes to A.
    fn new(offer: &str, answer: &str) -> Self {
        let mut pair = Pair::new();
        pair.offer(offer, "");
        pair.answer(answer, "");
        Self { pair, subscriber: MediaCodecs::new(true) }
    }

    fn request(&mut self, flags: &str) -> String {
        let environment = Environment { support: &all, transcode_config: &self.pair.config };
        let report =
            subscribe_request(&self.pair.a, &mut self.subscriber, false, &options(flags), &environment);
        self.pair.warnings = report.warnings;
        show(&self.subscriber.list)
    }

    fn answer(&mut self, sdp: &str, flags: &str) -> Result<String, NotAllCodecsAccepted> {
        let environment = Environment { support: &all, transcode_config: &self.pair.config };
        let taken = with_section(sdp, false, |s| {
            subscribe_answer(&self.pair.a, &mut self.subscriber, s, &options(flags), &environment)
        });
        taken.map(|_| show(&self.subscriber.list))
    }

    fn handlers(&self) -> String {
        let environment = Environment { support: &all, transcode_config: &self.pair.config };
        show_handlers(&handlers(&self.pair.a, &self.subscriber, &HandlerPolicy::default(), &environment))
    }
}

/// `codecs.md` §7.3.
#[test]
fn rule_7_3_subscribe() {
    let te = "101=telephone-event/8000";
    let mut call = Subscription::new(&format!("8 0 9 {te}"), &format!("8 0 {te}"));
    assert_eq!(call.request(""), format!("8 0 {te}"));
    assert_eq!(call.answer(&format!("0 8 {te}"), ""), Ok(format!("0 8 {te}")));
    assert_eq!(call.handlers(), "8=8 0=0 101=101");
    assert_eq!(call.answer(&format!("0 {te}"), ""), Err(NotAllCodecsAccepted));
    assert_eq!(show(&call.subscriber.list), format!("0 8 {te}"), "nothing changed");
    assert_eq!(call.answer(&format!("0 {te}"), "allow-transcoding"), Ok(format!("0 {te}")));
    assert_eq!(call.handlers(), "8>0 0=0 101=101");
    assert_eq!(
        call.request("transcode=opus strip=PCMU"),
        format!("8 96=opus/48000/2|useinbandfec=1 97=telephone-event/48000|0-15 {te}")
    );
    assert_eq!(
        call.answer("96=opus/48000/2 97=telephone-event/48000", "allow-transcoding").as_deref(),
        Ok("96=opus/48000/2 97=telephone-event/48000")
    );
    assert_eq!(call.handlers(), "8>96 0>96 101>96");
    assert_eq!(call.request("mask=all transcode=G722"), "9");
    assert_eq!(call.request("strip=all offer=PCMU"), "0");
    assert_eq!(call.request("strip=all"), format!("8 0 {te}"));
    assert_eq!(call.pair.warnings, [Warning::ListEmpty]);
}

/// `sdp.md` §22, `ng-control.md` §11.10.
#[test]
fn create_and_its_answer() {
    let config = TranscodeConfig::default();
    let environment = Environment { support: &all, transcode_config: &config };
    let mut media = MediaCodecs::new(true);
    let mut offer = |codecs: &[&str], flags: &str| {
        let codecs: Vec<_> = codecs.iter().map(|&codec| codec.to_owned()).collect();
        create(&mut media, &codecs, &options(flags), &environment);
        show(&media.list)
    };
    assert_eq!(offer(&[], ""), "0 8");
    assert_eq!(offer(&["G722", "PCMA", "foo/8000"], ""), "0 8 9");
    assert_eq!(offer(&[], "offer=opus strip=all except=G722,opus"), "9 96=opus/48000/2|useinbandfec=1");
    assert_eq!(offer(&["GSM"], "offer=speex strip=opus"), "9 3");
    let report = with_section("8 0 9", false, |s| {
        create_answer(&mut media, s, &options("set=G722//////x--1 strip=PCMA"), &environment)
    });
    assert_eq!((show(&media.list).as_str(), report.warnings.len()), ("0 9", 0));
    assert!(media.list.get(9).unwrap().codec.options.is_some());
    let mut video = MediaCodecs::new(false);
    create(&mut video, &["VP8/90000".to_owned()], &options(""), &environment);
    assert_eq!(show(&video.list), "96=VP8/90000");
}
