//! §21, §10.1 rule 5 and §17.5: what music on hold and the T.38 gateway make of sections.

use std::sync::Arc;
use std::time::Duration;

use super::{AUDIO, Body, Talk};
use crate::player::{Media, OpenError, Output, Plan, Source, Track};

const HELD: &[&str] = &["m=audio 4000 RTP/AVP 0", "a=sendonly"];
const INACTIVE: &[&str] = &["m=audio 4000 RTP/AVP 0", "a=inactive"];
const MUSIC: &str = "'moh':{'file':'music.wav'}";

/// A file that plays nothing.
#[derive(Debug)]
struct Silence(Source);

impl Media for Silence {
    fn source(&self) -> &Source {
        &self.0
    }

    fn duration(&self) -> Option<Duration> {
        None
    }

    fn play(&self, _output: &Output, _plan: &Plan) -> Result<Arc<Track>, OpenError> {
        Ok(Track::private(None))
    }
}

/// A call with a file that can be played, and an attribute that tells of it.
fn with_music() -> Talk {
    let mut talk = Talk::new();
    talk.settings.moh_attribute = Some("on-hold".into());
    let source = Source::File("music.wav".into());
    let media: Arc<dyn Media> = Arc::new(Silence(source.clone()));
    talk.call.answer_questions(vec![(source, Ok(media))]);
    talk
}

fn told(body: &Body) -> bool {
    body.session().contains(&"a=on-hold")
}

/// sdp.md §21 start: an offer that holds, of a party with a source, or with the other's source where it is reflected; §21 point 1: and
/// in each SDP to who hears it, as long as it plays.
#[test]
fn music_starts_and_stops_with_offers() {
    for hold in [HELD, INACTIVE] {
        let mut talk = with_music();
        assert!(!told(&talk.offer(AUDIO, MUSIC)));
        talk.answer(AUDIO, "");
        assert!(told(&talk.reoffer(hold, "")), "{hold:?}");
        assert!(!told(&talk.answer(AUDIO, "")), "the holder is not told");
        assert!(told(&talk.reoffer(hold, "")), "still");
        talk.answer(AUDIO, "");
        assert!(!told(&talk.reoffer(AUDIO, "")), "stopped");
    }
    assert!(told(&with_music().offer(HELD, MUSIC)), "in the first offer");
    assert!(!told(&with_music().offer(&["m=audio 4000 RTP/AVP 0", "a=recvonly"], MUSIC)));
    assert!(!told(&with_music().offer(&["m=video 4000 RTP/AVP 31", "a=sendonly"], MUSIC)), "no audio");
    let mut talk = with_music();
    talk.offer(AUDIO, "");
    talk.answer(AUDIO, MUSIC);
    assert!(!told(&talk.reoffer(HELD, "")), "the source is the other's");
    assert!(told(&talk.reoffer(HELD, "'moh':{'mode':'reflect'}")));
}

/// sdp.md §4 row 8, §21 point 1: where the attribute stands, and that it needs a name.
#[test]
fn the_attribute_of_music_on_hold() {
    let mut talk = with_music();
    let shown =
        talk.offer(HELD, &format!("{MUSIC},'flags':['loop-protect'],'ICE':'force','ICE-lite':'forward'"));
    assert_eq!(shown.session()[4..], ["a=rtpengine:000000000000", "a=on-hold", "a=ice-lite"]);
    let mut talk = with_music();
    talk.settings.moh_attribute = None;
    let shown = talk.offer(HELD, MUSIC);
    assert_eq!(shown.session().len(), 4);
    assert_eq!(shown.direction(0), "sendonly", "as the holder sent it");
}

/// sdp.md §21 point 2: a zero address for the section that is played to.
#[test]
fn a_held_section_without_address() {
    let mut talk = with_music();
    let sdp = [HELD, &["m=video 4002 RTP/AVP 31"]].concat();
    let shown = talk.offer(&sdp, "'moh':{'file':'music.wav','connection':'zero'}");
    assert_eq!([shown.address(0), shown.address(1)], ["IP4 0.0.0.0", "IP4 HERE"]);
    talk.answer(&["m=audio 5000 RTP/AVP 0", "m=video 5002 RTP/AVP 31"], "");
    assert_eq!(talk.reoffer(&[AUDIO, &["m=video 4002 RTP/AVP 31"]].concat(), "").address(0), "IP4 HERE");
}

/// sdp.md §21 point 3: shown as if nothing were held; the holder is answered what fits its own direction.
#[test]
fn a_held_section_that_looks_alive() {
    for (hold, answered) in [(HELD, "recvonly"), (INACTIVE, "inactive")] {
        let mut talk = with_music();
        talk.offer(AUDIO, "'moh':{'file':'music.wav','mode':'sendrecv'}");
        talk.answer(AUDIO, "");
        assert_eq!(talk.reoffer(hold, "").direction(0), "sendrecv");
        assert_eq!(talk.answer(AUDIO, "").direction(0), answered);
    }
}

/// sdp.md §21 double: somebody else plays already: no music here, and its attribute is passed on.
#[test]
fn music_is_not_played_twice() {
    let sdp = ["v=0", "o=- 1 1 IN IP4 10.0.0.1", "c=IN IP4 10.0.0.1", "a=on-hold", "a=X", HELD[0], HELD[1]];
    for (prevent, zero) in [(true, false), (false, true)] {
        let mut talk = with_music();
        talk.settings.moh_prevent_double = prevent;
        let shown = talk.offer(&sdp, "'moh':{'file':'music.wav','connection':'zero'}");
        assert!(told(&shown));
        assert_eq!(shown.session().iter().filter(|line| **line == "a=on-hold").count(), 1, "{shown:?}");
        assert_eq!(shown.address(0) == "IP4 0.0.0.0", zero, "played here: {zero}");
    }
}

/// sdp.md §21 start: what cannot be played is an error of the offer.
#[test]
fn music_that_cannot_be_played() {
    let rows = [
        ("'moh':{'file':'other.wav'}", "Failed to start media playback from file"),
        ("'moh':{'blob':'x'}", "Failed to start media playback from blob"),
        ("'moh':{'db-id':7}", "Failed to start media playback from database"),
    ];
    for (options, error) in rows {
        assert_eq!(with_music().refused_offer(HELD, options), error);
    }
}

/// sdp.md §10.1 rule 5: the gateway switches type and protocol, there and back. §17.5: the lines of an image section it makes.
#[test]
fn sections_of_the_fax_gateway() {
    let mut talk = Talk::new();
    let forced = talk.offer(&["m=audio 4000 RTP/AVP 0 8", "a=X"], "'T.38':['force']");
    assert_eq!(
        forced.section(0),
        [
            "m=image PORT udptl t38",
            "c=IN IP4 HERE",
            "a=T38FaxVersion:0",
            "a=T38MaxBitRate:14400",
            "a=T38FaxRateManagement:transferredTCF",
            "a=T38FaxMaxBuffer:1800",
            "a=T38FaxMaxDatagram:512",
            "a=T38FaxUdpEC:t38UDPRedundancy",
            "a=sendrecv",
        ]
    );
    let back = talk.answer(&["m=image 5000 udptl t38"], "");
    assert_eq!(back.media(0), "m=audio PORT RTP/AVP 0");
    for (options, protocol) in [("", "RTP/AVP"), (",'transport-protocol':'RTP/AVPF'", "RTP/AVPF")] {
        let mut talk = Talk::new();
        let decoded = talk.offer(&["m=image 4000 udptl t38"], &format!("'T.38':['decode']{options}"));
        assert_eq!((decoded.protocol(0).as_str(), decoded.formats(0).as_str()), (protocol, "0 8"));
        let back = talk.answer(&[&format!("m=audio 5000 {protocol} 8")], "");
        assert_eq!(back.media(0), "m=image PORT udptl t38");
        assert_eq!(back.names(0).last().map(String::as_str), Some("sendrecv"));
        let tags = talk.reoffer(&["m=image 4000 udptl t38", "a=Y"], "'T.38':['stop']");
        assert_eq!(
            tags.section(0),
            ["m=image PORT udptl t38", "c=IN IP4 HERE", "a=Y"],
            "no gateway any more"
        );
    }
}
