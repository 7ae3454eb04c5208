//! The T.38 gateway in SDP (codecs.md §19.1, §19.2).

use super::super::{Desk, audio, lines, port};
use crate::call::media::MediaFlags;
use crate::flow::{Arrival, Events, Packet, Place, Purpose, Turn};

const DEFAULTS: [&str; 7] = [
    "a=T38FaxVersion:0",
    "a=T38MaxBitRate:14400",
    "a=T38FaxRateManagement:transferredTCF",
    "a=T38FaxMaxBuffer:1800",
    "a=T38FaxMaxDatagram:512",
    "a=T38FaxUdpEC:t38UDPRedundancy",
    "a=sendrecv",
];

fn image(address: &str, port: u16, attributes: &str) -> String {
    format!(
        "v=0\no=- 1 1 IN IP4 {address}\ns=t\nc=IN IP4 {address}\nt=0 0\nm=image {port} udptl t38\n{attributes}"
    )
}

/// The lines of the only section, its port replaced by a P.
fn section(body: &str) -> Vec<String> {
    let local = port(body, 0);
    let from_media = lines(body).into_iter().skip_while(|line| !line.starts_with("m="));
    let shown = |line: &str| {
        if local == 0 {
            return line.to_owned();
        }
        line.replacen(&format!(" {local} "), " P ", 1).replacen(
            &format!("a=rtcp:{}", local.wrapping_add(1)),
            "a=rtcp:P",
            1,
        )
    };
    from_media.map(shown).collect()
}

/// The section that `force` makes and every other image section of the gateway.
fn image_section(attributes: &[&str]) -> Vec<String> {
    let head = ["m=image P udptl t38", "c=IN IP4 192.0.2.200"];
    head.iter().chain(attributes).map(|&line| line.to_owned()).collect()
}

const FORCE: &str = "\"T.38\":[\"force\"]";
const DECODE: &str = "\"T.38\":[\"decode\"]";

/// Both ends of the gateway are marked as such, and no packet goes past it.
fn has_gateway(desk: &Desk) -> bool {
    let media = |tag| desk.call.signalling.media(desk.media(tag, 0));
    let marked = ["a", "b"].map(|tag| media(tag).has(MediaFlags::GENERATOR));
    let spec = |tag| desk.call.plane.stream(desk.rtp(tag, 0)).unwrap().spec();
    let fed = ["a", "b"].map(|tag| spec(tag).fax && desk.sinks(tag, 0).is_empty());
    assert_eq!(marked, fed);
    assert_eq!(marked[0], marked[1]);
    marked[0]
}

/// `codecs.md` §19.1(2) and (3): audio goes out as image, and the answer comes back as audio of one codec.
#[test]
fn rule_19_1_force() {
    let mut desk = Desk::new();
    let offer = desk.offer("a", &audio("10.0.0.1", 4000), FORCE);
    assert_eq!(section(&offer), image_section(&DEFAULTS));
    let answer =
        desk.answer("a", "b", &image("10.0.0.2", 5000, "a=T38FaxVersion:3\na=T38FaxUdpEC:t38UDPFEC\n"), "");
    assert_eq!(
        section(&answer),
        ["m=audio P RTP/AVP 0", "c=IN IP4 192.0.2.200", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "a=rtcp:P"]
    );
    assert!(has_gateway(&desk));
    // The next offer without flags keeps the gateway and what it said.
    let again = desk.sdp("offer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &audio("10.0.0.1", 4000), "");
    assert_eq!(again, offer);
    assert!(has_gateway(&desk));
    // From the other side too: there it is the image that is offered.
    let back = desk.sdp("offer", "\"from-tag\":\"b\",\"to-tag\":\"a\"", &image("10.0.0.2", 5000, ""), "");
    assert_eq!(section(&back).first().map(String::as_str), Some("m=audio P RTP/AVP 0 8"));
    assert!(has_gateway(&desk));
}

/// `codecs.md` §19.2: what the flags of the offer change in the section.
#[test]
fn rule_19_2_values() {
    let shown = |more: &str| {
        let body = Desk::new().offer("a", &audio("10.0.0.1", 4000), more);
        [0, 2, 5].map(|n| section(&body)[n + 2].clone())
    };
    let fec = shown("\"T38\":[\"force\",\"FEC\",\"no-ECM\"]");
    assert_eq!(
        fec,
        ["a=T38FaxVersion:0", "a=T38FaxRateManagement:transferredTCF", "a=T38FaxUdpEC:t38UDPFEC"]
    );
    assert_eq!(shown("\"flags\":[\"T38-force\"],\"T38-version\":2")[0], "a=T38FaxVersion:2");
}

/// `codecs.md` §19.1(1) and (3), §19.2: image goes out as audio, and the answer comes back as image with what was received.
#[test]
fn rule_19_1_decode() {
    let mut desk = Desk::new();
    let offered = image(
        "10.0.0.1",
        4000,
        "a=T38FaxVersion:1\na=T38FaxRateManagement:localTCF\na=T38FaxUdpEC:t38UDPFEC\na=T38FaxUdpFECMaxSpan:5\na=T38MaxBitRate:9600\n",
    );
    let offer = desk.offer("a", &offered, DECODE);
    let audio_section = [
        "m=audio P RTP/AVP 0 8",
        "c=IN IP4 192.0.2.200",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=sendrecv",
        "a=rtcp:P",
    ];
    assert_eq!(section(&offer), audio_section);
    let answer = desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let image = image_section(&[
        "a=T38FaxVersion:1",
        "a=T38MaxBitRate:14400",
        "a=T38FaxRateManagement:localTFC",
        "a=T38FaxMaxBuffer:1800",
        "a=T38FaxMaxDatagram:512",
        "a=T38FaxUdpEC:t38UDPFEC",
        "a=sendrecv",
    ]);
    assert_eq!(section(&answer), image);
    assert!(has_gateway(&desk));
    let back = desk.sdp("offer", "\"from-tag\":\"b\",\"to-tag\":\"a\"", &audio("10.0.0.2", 5000), "");
    assert_eq!(section(&back), image);
}

/// `codecs.md` §19.1(1): transport and codecs of what `decode` makes.
#[test]
fn rule_19_1_1_transport_and_codecs() {
    let more = format!(
        "{DECODE},\"transport-protocol\":\"RTP/SAVP\",\"codec\":{{\"transcode\":[\"PCMA\",\"G722\"]}}"
    );
    let body = Desk::new().offer("a", &image("10.0.0.1", 4000, ""), &more);
    let section = section(&body);
    assert_eq!(section.first().map(String::as_str), Some("m=audio P RTP/SAVP 8 9"));
    assert!(section.iter().any(|line| line.starts_with("a=crypto:")), "{section:?}");
}

/// From an audio call to fax and back, as re-INVITEs do it (`codecs.md` §19.1(1) and (4)).
#[test]
fn re_invite_to_fax_and_back() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000).replace("0 8", "8 0"), "");
    desk.answer("a", "b", &audio("10.0.0.2", 5000).replace("0 8", "8"), "");
    assert!(!has_gateway(&desk));
    // The callee detects fax; the caller stays with the audio it had.
    let tags = "\"from-tag\":\"b\",\"to-tag\":\"a\"";
    let offer = desk.sdp("offer", tags, &image("10.0.0.2", 5000, ""), DECODE);
    assert_eq!(section(&offer).first().map(String::as_str), Some("m=audio P RTP/AVP 8"));
    let answer = desk.answer("b", "a", &audio("10.0.0.1", 4000).replace("0 8", "8"), "");
    assert_eq!(section(&answer), image_section(&DEFAULTS));
    assert!(has_gateway(&desk));
    // And back: another kind ends it.
    let offer = desk.sdp("offer", tags, &audio("10.0.0.2", 5000).replace("0 8", "8"), "");
    assert_eq!(section(&offer).first().map(String::as_str), Some("m=audio P RTP/AVP 8"));
    let answer = desk.answer("b", "a", &audio("10.0.0.1", 4000).replace("0 8", "8"), "");
    assert_eq!(section(&answer).first().map(String::as_str), Some("m=audio P RTP/AVP 8"));
    assert!(!has_gateway(&desk));
    assert_eq!((desk.sinks("a", 0).len(), desk.sinks("b", 0).len()), (1, 1));
}

/// `codecs.md` §19.1(4): `stop` goes back to pass-through.
#[test]
fn rule_19_1_4_stop() {
    let mut desk = Desk::new();
    desk.offer("a", &image("10.0.0.1", 4000, "a=T38FaxVersion:0\n"), DECODE);
    desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
    let tags = "\"from-tag\":\"a\",\"to-tag\":\"b\"";
    let offer = desk.sdp(
        "offer",
        tags,
        &image("10.0.0.1", 4000, "a=T38FaxVersion:0\na=X-own\n"),
        "\"T.38\":[\"stop\"]",
    );
    assert_eq!(section(&offer), image_section(&["a=T38FaxVersion:0", "a=X-own"]), "copied as it is");
    let answer = desk.answer("a", "b", &image("10.0.0.2", 5000, "a=T38FaxVersion:0\n"), "");
    assert_eq!(section(&answer), image_section(&["a=T38FaxVersion:0"]));
    assert!(!has_gateway(&desk));
    // The same where audio was forced into image.
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), FORCE);
    desk.answer("a", "b", &image("10.0.0.2", 5000, ""), "");
    let offer = desk.sdp("offer", tags, &audio("10.0.0.1", 4000), "\"T.38\":[\"stop\"]");
    assert_eq!(section(&offer).first().map(String::as_str), Some("m=audio P RTP/AVP 0 8"));
}

/// `codecs.md` §19.1(5), and flags where they mean nothing: nothing changes.
#[test]
fn rule_19_1_5_without_gateway() {
    let mut desk = Desk::new();
    let plain = desk.offer("a", &image("10.0.0.1", 4000, "a=T38FaxVersion:1\n"), FORCE);
    assert_eq!(section(&plain), image_section(&["a=T38FaxVersion:1"]), "image is not to be forced");
    let plain = Desk::new().offer("a", &audio("10.0.0.1", 4000), DECODE);
    assert_eq!(section(&plain).first().map(String::as_str), Some("m=audio P RTP/AVP 0 8"));
    let video = audio("10.0.0.1", 4000).replace("m=audio", "m=video");
    let plain = Desk::new().offer("a", &video, FORCE);
    assert_eq!(section(&plain).first().map(String::as_str), Some("m=video P RTP/AVP 0 8"));
}

/// A refused section stays refused on the side that asked.
#[test]
fn refused() {
    let mut desk = Desk::new();
    desk.offer("a", &audio("10.0.0.1", 4000), FORCE);
    let answer = desk.answer("a", "b", &image("10.0.0.2", 0, ""), "");
    assert_eq!(section(&answer), ["m=audio 0 RTP/AVP 0 8", "c=IN IP4 0.0.0.0"]);
    let mut desk = Desk::new();
    desk.offer("a", &image("10.0.0.1", 4000, ""), DECODE);
    let answer = desk.answer("a", "b", &audio("10.0.0.2", 0), "");
    assert_eq!(section(&answer), ["m=image 0 udptl t38", "c=IN IP4 0.0.0.0"]);
}

/// What the call sends, as text: from which port and what.
#[derive(Default)]
struct Wire(Vec<(u32, Vec<u8>)>);

impl crate::call::ctx::Transmit for Wire {
    fn send(&mut self, from: crate::call::ids::SocketKey, _: std::net::SocketAddr, bytes: &[u8]) -> bool {
        self.0.push((from.slot, bytes.to_vec()));
        true
    }
}

impl Desk {
    /// Lets time pass up to `ms` after now, a millisecond at a time, and returns what was sent.
    fn runs(&mut self, ms: u64, arrivals: &[(&str, Vec<u8>)]) -> Vec<(u32, Vec<u8>)> {
        let (mut wire, mut spare, mut packet) = (Wire::default(), Packet::new(), Packet::new());
        let mut events = Events::new(crate::flow::Level::Debug);
        for at in 0..=ms {
            let now = crate::call::ctx::Now {
                instant: self.now.instant + std::time::Duration::from_millis(at),
                unix_us: self.now.unix_us + at * 1000,
            };
            let mut turn = Turn { now, out: &mut wire, events: &mut events, spare: &mut spare };
            if at == 0 {
                for (tag, bytes) in arrivals {
                    let stream = self.rtp(tag, 0);
                    let socket = self.call.plane.stream(stream).unwrap().selected().unwrap().key;
                    let source = self.call.plane.stream(stream).unwrap().advertised().unwrap();
                    packet.copy_from(bytes);
                    self.call.receive(Arrival { stream, socket, source }, &mut packet, &mut turn);
                }
            }
            while let Some(wake) = self.call.plane.run_due(&mut turn) {
                if let (Purpose::Fax, Place::Stream(image)) = (wake.purpose, wake.place) {
                    self.call.plane.run_fax(&mut turn, image);
                }
            }
        }
        self.now.instant += std::time::Duration::from_millis(ms + 1);
        wire.0
    }
}

/// Packets through the gateway: both sides are sent to when both are known, RTP at its pace, and what one says the other hears.
#[test]
fn rule_19_5_packets() {
    let mut desk = Desk::new();
    let offer = desk.offer("a", &audio("10.0.0.1", 4000), FORCE);
    assert_eq!(desk.runs(100, &[]).len(), 0, "nobody to talk to yet");
    let answer = desk.answer("a", "b", &image("10.0.0.2", 5000, ""), "");
    let (to_a, to_b) = (u32::from(port(&answer, 0)), u32::from(port(&offer, 0)));
    let sent = desk.runs(200, &[]);
    let of = |sent: &[(u32, Vec<u8>)], from| {
        sent.iter().filter(|(port, _)| *port == from).map(|(_, b)| b.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(&sent, to_a).len(), 10, "{sent:?}");
    let rtp = |n: u16| {
        let mut bytes = vec![0x80, 0];
        bytes.extend(n.to_be_bytes());
        bytes.extend((u32::from(n) * 160).to_be_bytes());
        bytes.extend([0, 0, 0, 9]);
        bytes.resize(172, 0xff);
        bytes
    };
    assert_eq!(of(&sent, to_b).first().map(Vec::as_slice), Some(&[0, 0, 1, 0, 0, 0][..]), "no signal");
    let sent = desk.runs(20, &[("a", rtp(1)), ("b", vec![0, 0, 1, 2, 0, 0])]);
    assert_eq!(of(&sent, to_a).len(), 1, "neither is forwarded as it is: {sent:?}");
    // What is blocked is not sent, and goes on later.
    desk.ask("block media", "\"from-tag\":\"b\"");
    assert!(of(&desk.runs(100, &[]), to_a).is_empty());
    desk.ask("unblock media", "\"from-tag\":\"b\"");
    assert_eq!(of(&desk.runs(100, &[]), to_a).len(), 5);
}
