//! Whatever is accepted comes out with every media, codec and unknown attribute, and can be read again.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rtpengine_common::sdp::{
    AddressSource, ExtractOptions, Extracted, ParseOptions, StreamParams, extract, parse,
};

use super::Talk;

/// A codec: number, name, parameters, feedback.
#[derive(Clone, Debug)]
struct Codec {
    number: u8,
    name: Option<String>,
    fmtp: Option<String>,
    feedback: Vec<String>,
}

impl Codec {
    fn is_companion(&self) -> bool {
        self.name.as_ref().is_some_and(|name| name.starts_with("telephone") || name.starts_with("CN"))
    }
}

/// A section as a party sends it.
#[derive(Clone, Debug)]
struct Section {
    kind: &'static str,
    protocol: &'static str,
    count: Option<u8>,
    /// Of RTP, else format words.
    codecs: Vec<Codec>,
    unknown: Vec<String>,
    /// Lines that the rules regenerate or drop.
    known: Vec<String>,
    mid: bool,
    ice: bool,
    mux: bool,
    keys: u8,
}

const RTP: [&str; 6] =
    ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"];

impl Section {
    fn is_rtp(&self) -> bool {
        RTP.contains(&self.protocol)
    }

    fn print(&self, text: &mut String, index: usize, port: usize) {
        let count = self.count.filter(|_| self.is_rtp()).map_or(String::new(), |count| format!("/{count}"));
        let formats: Vec<String> = self.codecs.iter().map(|codec| codec.number.to_string()).collect();
        let formats = if self.is_rtp() { formats.join(" ") } else { "words of it".to_owned() };
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        line(&format!("m={} {port}{count} {} {formats}", self.kind, self.protocol));
        if self.mid {
            line(&format!("a=mid:{index}"));
        }
        // Known and unknown ones take turns.
        for at in 0..self.unknown.len().max(self.known.len()) {
            self.unknown
                .get(at)
                .into_iter()
                .chain(self.known.get(at))
                .for_each(|text| line(&format!("a={text}")));
        }
        for codec in self.codecs.iter().filter(|_| self.is_rtp()) {
            let number = codec.number;
            codec.name.iter().for_each(|name| line(&format!("a=rtpmap:{number} {name}")));
            codec.fmtp.iter().for_each(|fmtp| line(&format!("a=fmtp:{number} {fmtp}")));
            codec.feedback.iter().for_each(|value| line(&format!("a=rtcp-fb:{number} {value}")));
        }
        if self.ice {
            line("a=ice-ufrag:abcd");
            line("a=ice-pwd:abcdefghijklmnopqrstuvwx");
            for at in 1..=10 {
                line(&format!("a=candidate:{at} 1 UDP {} 10.0.0.{at} {port} typ host", 1000 + at));
            }
        }
        if self.mux {
            line("a=rtcp-mux");
        }
        for tag in 1..=self.keys {
            line(&format!(
                "a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            ));
        }
    }
}

#[derive(Clone, Debug)]
struct Sdp {
    unknown: Vec<String>,
    sections: Vec<Section>,
}

impl Sdp {
    fn print(&self, address: &str, port: usize) -> String {
        let mut text = format!("v=0\no=- 1 1 IN IP4 {address}\ns=-\nc=IN IP4 {address}\nt=0 0\n");
        for attribute in &self.unknown {
            let _ = writeln!(text, "a={attribute}");
        }
        for (at, section) in self.sections.iter().enumerate() {
            section.print(&mut text, at + 1, port + 20 * at);
        }
        text
    }
}

fn unknown() -> impl Strategy<Value = Vec<String>> {
    let attribute = prop_oneof![
        "X-[a-z]{1,8}",
        "X-[a-z]{1,4}:[!#-&(-\\[\\]-~][ !#-&(-\\[\\]-~]{0,20}",
        select(vec![
            "ssrc:5 cname:q",
            "msid:a b",
            "rtcp-rsize",
            "bundle-only",
            "direction:active",
            "Sendrecv"
        ])
        .prop_map(str::to_owned),
    ];
    vec(attribute, 0..6)
}

fn known() -> impl Strategy<Value = Vec<String>> {
    let lines = vec![
        "sendonly",
        "ptime:30",
        "maxptime:60",
        "label:l",
        "rtcp:4321",
        "extmap:1 urn:one",
        "extmap:7/sendonly urn:seven more",
        "extmap-allow-mixed",
        "setup:actpass",
        "fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33",
        "tls-id:x",
        "rtcp-fb:* nack",
        "crypto:",
        "rtpmap:broken",
        "candidate:broken",
        "remote-candidates:1 10.0.0.1 4000",
        "T38FaxVersion:0",
        "rtpengine:123456789abc",
    ];
    subsequence(lines, 0..=8).prop_map(|lines| lines.into_iter().map(str::to_owned).collect())
}

fn codecs() -> impl Strategy<Value = Vec<Codec>> {
    const NAMES: [&str; 7] = [
        "PCMU/8000",
        "telephone-event/8000",
        "X-codec/90000",
        "H264/90000",
        "L16/44100/2",
        "AMR/8000",
        "CN/16000",
    ];
    let codec = (
        option::weighted(0.9, select(&NAMES[..]).prop_map(str::to_owned)),
        option::of("[a-z]{1,6}=[0-9a-f]{1,6}"),
        vec(select(vec!["nack", "nack pli", "ccm fir"]).prop_map(str::to_owned), 0..3),
    );
    (subsequence((96u8..=127).collect::<Vec<_>>(), 1..=20).prop_shuffle(), vec(codec, 20)).prop_map(
        |(numbers, codecs)| {
            let mut companions = std::collections::HashSet::new();
            let codecs = numbers.into_iter().zip(codecs);
            codecs
                .map(|(number, (name, fmtp, feedback))| Codec { number, name, fmtp, feedback })
                // Each companion once: of two with one clock rate an answer does not tell which was meant.
                .filter(|codec| !codec.is_companion() || companions.insert(codec.name.clone()))
                .collect::<Vec<_>>()
        },
    )
}

fn section() -> impl Strategy<Value = Section> {
    let protocol = prop_oneof![6 => select(&RTP[..]), 1 => Just("udptl"), 1 => Just("UDP/DTLS/SCTP")];
    let kind = select(vec!["audio", "video", "text", "application", "something"]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), 0u8..3, option::weighted(0.1, 1u8..4));
    (kind, protocol, codecs(), unknown(), known(), flags).prop_map(
        |(kind, protocol, codecs, unknown, known, (mid, ice, mux, keys, count))| Section {
            kind,
            protocol,
            count,
            codecs,
            unknown,
            known,
            mid,
            ice,
            mux,
            keys,
        },
    )
}

fn sdp() -> impl Strategy<Value = Sdp> {
    (unknown(), vec(section(), 1..6)).prop_map(|(unknown, sections)| Sdp { unknown, sections })
}

/// What the other side says: some of the codecs, attributes of its own.
fn answer(offer: &Sdp) -> BoxedStrategy<Sdp> {
    let sections: Vec<_> = offer.sections.iter().cloned().map(answer_section).collect();
    (unknown(), sections).prop_map(|(unknown, sections)| Sdp { unknown, sections }).boxed()
}

fn answer_section(offered: Section) -> BoxedStrategy<Section> {
    let all = offered.codecs.clone();
    let some = subsequence(all.clone(), 1..=all.len());
    (some, unknown(), known(), any::<[bool; 2]>())
        .prop_map(move |(codecs, unknown, known, [ice, mux])| Section {
            codecs,
            unknown,
            known,
            ice,
            mux,
            ..offered.clone()
        })
        .boxed()
}

fn options() -> impl Strategy<Value = String> {
    let all = vec![
        "'ICE':'remove'",
        "'ICE':'force'",
        "'rtcp-mux':['offer']",
        "'rtcp-mux':['demux']",
        "'rtcp-mux':['require']",
        "'bundle':['offer']",
        "'bundle':['require']",
        "'bundle':['accept']",
        "'transport-protocol':'RTP/AVP'",
        "'transport-protocol':'UDP/TLS/RTP/SAVPF'",
        "'OSRTP':['offer']",
        "'flags':['generate-mid','trickle-ICE','full-rtcp-attribute']",
        "'flags':['original-sendrecv','no-rtcp-attribute']",
        "'flags':['strip-extmap']",
        "'replace':['origin-full','session-name']",
        "'SDES':['off']",
        "'DTLS':'off'",
        "'ptime':40",
        "'media-address':'192.0.2.9'",
    ];
    let keys = |options: &[&'static str]| {
        let mut seen = std::collections::HashSet::new();
        options
            .iter()
            .copied()
            .filter(|option| seen.insert(option.split(':').next().map(str::to_owned)))
            .collect::<Vec<_>>()
    };
    subsequence(all, 0..=6).prop_shuffle().prop_map(move |options| keys(&options).join(","))
}

fn read(body: &str) -> Extracted {
    let options = ParseOptions { reject_invalid: true, fragment: false, music_on_hold: None };
    let parsed = parse(body.as_bytes(), &options).unwrap_or_else(|error| panic!("{error}: {body}"));
    // `rtpmap` of a number without a name is printed as `/0`.
    assert!(parsed.warnings.iter().all(|warning| warning.name == "rtpmap"), "{:?}: {body}", parsed.warnings);
    let options = ExtractOptions {
        fragment: false,
        addresses: AddressSource::Sdp,
        accept_legacy_osrtp: false,
        force_relay: false,
    };
    extract(&parsed, &options).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn passed(stream: &StreamParams) -> Vec<String> {
    // Our own mark of bundled sections is not one of theirs.
    stream.attributes.passthrough().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// What `shown` shows of what `section` said; `codecs` are those the rules keep.
fn check(section: &Section, shown: &StreamParams, bundled: bool) {
    assert_eq!(shown.media_type_text.as_bytes(), section.kind.as_bytes());
    let mut attributes = passed(shown);
    if bundled {
        let own = attributes.iter().position(|text| text == "bundle-only").expect("our own mark");
        attributes.remove(own);
    }
    if !section.is_rtp() {
        assert_eq!(shown.protocol_text.as_bytes(), section.protocol.as_bytes());
        assert_eq!(shown.formats.as_bytes(), b"words of it");
        assert!(section.unknown.iter().all(|text| attributes.contains(text)), "{attributes:?}");
        return;
    }
    let feedback = section.known.iter().filter(|text| text.starts_with("rtcp-fb:*"));
    let expected: Vec<String> = feedback.chain(&section.unknown).cloned().collect();
    assert_eq!(attributes, expected);
    let mut left: Vec<&Codec> = section.codecs.iter().collect();
    assert_eq!(shown.codecs.len(), left.len(), "{:?}", shown.codecs);
    for codec in &shown.codecs {
        let at =
            left.iter().position(|known| known.number == codec.payload_type).expect("a number that was said");
        let known = left.remove(at);
        let name = format!("{}/{}", codec.name, codec.clock_rate);
        let name = if codec.channels > 1 { format!("{name}/{}", codec.channels) } else { name };
        assert_eq!(name, known.name.clone().unwrap_or_else(|| "/0".to_owned()));
        assert_eq!(codec.fmtp.as_bytes(), known.fmtp.as_deref().unwrap_or_default().as_bytes());
        let feedback: Vec<_> = codec.rtcp_fb.iter().map(rtpengine_common::sdp::Text::as_bytes).collect();
        assert_eq!(feedback, known.feedback.iter().map(String::as_bytes).collect::<Vec<_>>());
    }
}

/// The body as the party it is shown to reads it.
fn check_body(sent: &Sdp, shown: &str, offer: bool) {
    let read = read(shown);
    let unknown: Vec<_> = read
        .session
        .attributes
        .passthrough()
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    assert_eq!(unknown, sent.unknown);
    assert_eq!(read.streams.len(), sent.sections.len(), "{shown}");
    for (section, stream) in sent.sections.iter().zip(&read.streams) {
        let own = passed(stream).iter().filter(|text| *text == "bundle-only").count();
        let theirs = section.unknown.iter().filter(|text| *text == "bundle-only").count();
        assert!(own == theirs || (offer && own == theirs + 1));
        check(section, stream, own > theirs);
        if offer && section.is_rtp() {
            let order: Vec<u8> = stream.codecs.iter().map(|codec| codec.payload_type).collect();
            assert_eq!(order, section.codecs.iter().map(|codec| codec.number).collect::<Vec<_>>());
        }
        assert!(stream.port >= 30000);
    }
}

proptest! {
    /// sdp.md §5.1: an offer, its answer, and the offer again.
    #[test]
    fn everything_the_rules_keep_is_kept(
        (offer, answer) in sdp().prop_flat_map(|offer| {
            let answers = answer(&offer);
            (Just(offer), answers)
        }),
        options in options(),
        again in options(),
    ) {
        let mut talk = Talk::with_dtls();
        let shown = talk.offer(&[&offer.print("10.0.0.1", 4000)], &options);
        check_body(&offer, &shown.0, true);
        let shown = talk.answer(&[&answer.print("10.0.0.2", 6000)], "");
        check_body(&answer, &shown.0, false);
        let shown = talk.reoffer(&[&offer.print("10.0.0.1", 4000)], &again);
        check_body(&offer, &shown.0, true);
    }
}
