//! Random but valid offers and answers.

use std::net::IpAddr;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::ng::Request;
use crate::sdp::{self, Sdp, Section};

/// A codec: payload type, `rtpmap` (none for the static ones that go without), `fmtp`, `rtcp-fb`.
type Codec = (u8, Option<&'static str>, Option<&'static str>, &'static [&'static str]);

const AUDIO: &[Codec] = &[
    (0, None, None, &[]),
    (8, Some("PCMA/8000"), None, &[]),
    (3, None, None, &[]),
    (9, Some("G722/8000"), None, &[]),
    (18, Some("G729/8000"), Some("annexb=no"), &[]),
    (96, Some("opus/48000/2"), Some("useinbandfec=1"), &["transport-cc"]),
    (97, Some("speex/16000"), None, &[]),
    (101, Some("telephone-event/8000"), Some("0-15"), &[]),
    (13, None, None, &[]),
];

const VIDEO: &[Codec] = &[
    (100, Some("VP8/90000"), None, &["nack", "nack pli", "ccm fir"]),
    (102, Some("H264/90000"), Some("profile-level-id=42e01f;packetization-mode=1"), &["nack pli"]),
    (34, Some("H263/90000"), None, &[]),
];

const SUITES: &[(&str, usize)] = &[
    ("AES_CM_128_HMAC_SHA1_80", 40),
    ("AES_CM_128_HMAC_SHA1_32", 40),
    ("AES_256_CM_HMAC_SHA1_80", 62),
    ("AEAD_AES_128_GCM", 38),
];

const FINGERPRINT: &str =
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

#[derive(Clone, Debug)]
struct Media {
    kind: &'static str,
    protocol: &'static str,
    codecs: Vec<Codec>,
    port: u16,
    rejected: bool,
    mux: bool,
    direction: Option<&'static str>,
    mid: Option<String>,
    ptime: Option<u8>,
    ice: bool,
    suites: Vec<(u32, &'static str, usize)>,
    dtls: bool,
    explicit_rtcp: bool,
    extra: Vec<&'static str>,
}

/// How a call goes about rtcp-mux. To come and go over re-offers it needs new ports here (media-plane.md 1.6.6) where
/// the peer goes on with old ones, so it varies only within calls of one offer and one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mux {
    /// Every party and media for itself, and with options.
    Varied,
    /// Everybody.
    Everywhere,
    /// Nobody.
    Nowhere,
}

/// A party that makes offers and answers.
#[derive(Clone, Debug)]
pub struct Party {
    mux: Mux,
    /// Its tag.
    pub tag: &'static str,
    address: IpAddr,
    media: Vec<Media>,
    version: u32,
    session: Vec<&'static str>,
    bandwidth: bool,
}

const DIRECTIONS: &[&str] = &["sendrecv", "sendonly", "recvonly", "inactive"];
const EXTRA: &[&str] = &[
    "X-unknown:value",
    "ssrc:12345 cname:user",
    "silenceSupp:off - - - -",
    "msid:a b",
    "X-flag",
    "rtcp-rsize",
];
const SESSION: &[&str] = &["X-session:value", "tool:x", "msid-semantic: WMS"];

impl Party {
    /// A party with random medias.
    #[must_use]
    pub fn new(tag: &'static str, address: IpAddr, mux: Mux, random: &mut StdRng) -> Self {
        let count = *[1, 1, 1, 2, 2, 3].choose(random).unwrap_or(&1);
        let media = (0..count).map(|number| Media::new(number, mux, random)).collect();
        let session = SESSION.iter().filter(|_| random.random_bool(0.2)).copied().collect();
        Self { mux, tag, address, media, version: 1, session, bandwidth: random.random_bool(0.2) }
    }

    /// What a party does between two offers: moves, holds, rejects, adds a media.
    pub fn changes(&mut self, random: &mut StdRng) {
        for media in &mut self.media {
            if random.random_bool(0.2) {
                media.port += 100;
            }
            if random.random_bool(0.3) {
                media.direction = DIRECTIONS.choose(random).copied();
            }
            // For good: what comes back depends on sets of ports that are not seen from here.
            media.rejected |= random.random_bool(0.1);
        }
        if self.media.len() < 4 && random.random_bool(0.1) {
            self.media.push(Media::new(self.media.len(), self.mux, random));
        }
    }

    /// The next offer.
    pub fn offer(&mut self) -> String {
        self.version += 1;
        let mut lines = self.head();
        for media in &self.media {
            media.offer_lines(&mut lines);
        }
        sdp::body(&lines)
    }

    /// The answer to an offer. The same choices give the same answer to offers that differ only in what is random.
    pub fn answer(&mut self, offer: &str, choices: &mut StdRng) -> String {
        let sections = Sdp::parse(offer).sections;
        while self.media.len() < sections.len() {
            let number = self.media.len();
            self.media.push(Media::new(number, self.mux, choices));
        }
        self.version += 1;
        let mut lines = self.head();
        for (media, section) in self.media.iter_mut().zip(&sections) {
            media.answer_lines(section, &mut lines, choices);
        }
        sdp::body(&lines)
    }

    /// Takes over what an answer settled: rejected medias.
    pub fn remembers(&mut self, answer: &str) {
        for (media, section) in self.media.iter_mut().zip(&Sdp::parse(answer).sections) {
            media.rejected |= section.port() == 0;
        }
    }

    /// Whether nothing is left to talk about.
    #[must_use]
    pub fn has_rejected_everything(&self) -> bool {
        self.media.iter().all(|media| media.rejected)
    }

    fn head(&self) -> Vec<String> {
        let family = if self.address.is_ipv4() { "IP4" } else { "IP6" };
        let mut lines = vec![
            "v=0".to_string(),
            format!("o={} 77 {} IN {family} {}", self.tag, self.version, self.address),
            format!("s={}'s session", self.tag),
            format!("c=IN {family} {}", self.address),
        ];
        if self.bandwidth {
            lines.push("b=AS:84".into());
        }
        lines.push("t=0 0".into());
        lines.extend(self.session.iter().map(|text| format!("a={text}")));
        lines
    }
}

impl Media {
    fn new(number: usize, mux: Mux, random: &mut StdRng) -> Self {
        let audio = number == 0 || random.random_bool(0.5);
        let all = if audio { AUDIO } else { VIDEO };
        let mut codecs: Vec<Codec> = all.iter().filter(|_| random.random_bool(0.5)).copied().collect();
        if codecs.is_empty() {
            codecs.push(all[0]);
        }
        codecs.shuffle(random);
        let secure = random.random_bool(0.3);
        let feedback = random.random_bool(0.2);
        let dtls = secure && random.random_bool(0.4);
        let protocol = match (secure, dtls && random.random_bool(0.7), feedback) {
            (false, _, false) => "RTP/AVP",
            (false, _, true) => "RTP/AVPF",
            (true, false, false) => "RTP/SAVP",
            (true, false, true) => "RTP/SAVPF",
            (true, true, false) => "UDP/TLS/RTP/SAVP",
            (true, true, true) => "UDP/TLS/RTP/SAVPF",
        };
        let suites = if secure && (!dtls || random.random_bool(0.3)) {
            let mut chosen: Vec<_> = SUITES.iter().filter(|_| random.random_bool(0.5)).copied().collect();
            if chosen.is_empty() {
                chosen.push(SUITES[0]);
            }
            (1..).zip(chosen).map(|(tag, (name, length))| (tag, name, length)).collect()
        } else {
            Vec::new()
        };
        let mux = match mux {
            Mux::Varied => random.random_bool(0.4),
            Mux::Everywhere => true,
            Mux::Nowhere => false,
        };
        Self {
            kind: if audio { "audio" } else { "video" },
            protocol,
            codecs,
            port: 20000 + 1000 * number as u16 + 2 * random.random_range(0..40),
            rejected: number > 0 && random.random_bool(0.1),
            mux,
            direction: if random.random_bool(0.3) { DIRECTIONS.choose(random).copied() } else { None },
            mid: random.random_bool(0.3).then(|| format!("m{number}")),
            ptime: random.random_bool(0.3).then_some(20),
            ice: random.random_bool(0.25),
            suites,
            dtls,
            explicit_rtcp: !mux && random.random_bool(0.4),
            extra: EXTRA.iter().filter(|_| random.random_bool(0.15)).copied().collect(),
        }
    }

    fn offer_lines(&self, lines: &mut Vec<String>) {
        let port = if self.rejected { 0 } else { self.port };
        self.section(port, self.protocol, &self.codecs, self.direction, lines);
        if let Some(mid) = &self.mid {
            lines.push(format!("a=mid:{mid}"));
        }
        if self.mux {
            lines.push("a=rtcp-mux".into());
        }
        if self.ice {
            self.ice_lines(lines);
        }
        for (tag, name, length) in &self.suites {
            lines.push(format!("a=crypto:{tag} {name} inline:{}", "k".repeat(*length)));
        }
        if self.dtls {
            lines.push("a=setup:actpass".into());
            lines.push(format!("a=fingerprint:{FINGERPRINT}"));
        }
    }

    fn answer_lines(&mut self, offered: &Section, lines: &mut Vec<String>, choices: &mut StdRng) {
        self.rejected |= offered.port() == 0 || choices.random_bool(0.1);
        let reject = self.rejected;
        let (all, fallback) = if offered.kind() == "video" { (VIDEO, VIDEO) } else { (AUDIO, AUDIO) };
        // A number may stand for something else that the daemon has added.
        let maps = offered.values("rtpmap");
        let meant = |format: &str, name: Option<&str>| {
            let map = maps.iter().find_map(|map| map.split_once(' ').filter(|(number, _)| *number == format));
            map.is_none_or(|(_, map)| name.is_none_or(|name| name == map))
        };
        let known = |format: &str| {
            let codec = all.iter().find(|codec| codec.0.to_string() == format).copied();
            codec.filter(|codec| meant(format, codec.1))
        };
        let mut codecs: Vec<Codec> = offered.formats().into_iter().filter_map(known).collect();
        codecs.retain(|_| choices.random_bool(0.7));
        if codecs.is_empty() {
            codecs.extend(offered.formats().into_iter().find_map(known).or(fallback.first().copied()));
        }
        let direction = match offered.direction() {
            Some("sendonly") => Some("recvonly"),
            Some("recvonly") => Some("sendonly"),
            Some("inactive") => Some("inactive"),
            _ => None,
        };
        let port = if reject { 0 } else { self.port };
        let own = Self { kind: if offered.kind() == "video" { "video" } else { "audio" }, ..self.clone() };
        own.section(port, offered.protocol(), &codecs, direction, lines);
        if let Some(mid) = offered.value("mid") {
            lines.push(format!("a=mid:{mid}"));
        }
        if reject {
            return;
        }
        if offered.has("rtcp-mux") && self.mux {
            lines.push("a=rtcp-mux".into());
        }
        if offered.has("ice-ufrag") && choices.random_bool(0.8) {
            self.ice_lines(lines);
        }
        if !offered.protocol().contains("SAVP") {
            return;
        }
        let dtls = offered.has("fingerprint") && (!offered.has("crypto") || choices.random_bool(0.5));
        if dtls {
            lines.push(format!("a=setup:{}", if choices.random_bool(0.5) { "active" } else { "passive" }));
            lines.push(format!("a=fingerprint:{FINGERPRINT}"));
            return;
        }
        let wanted = SUITES.choose(choices).unwrap_or(&SUITES[0]);
        let offered_suite = |name: &str| {
            let mut lines = offered.values("crypto").into_iter();
            lines.find(|line| line.split(' ').nth(1) == Some(name)).and_then(|line| line.split(' ').next())
        };
        let chosen =
            std::iter::once(wanted).chain(SUITES).find_map(|suite| offered_suite(suite.0).zip(Some(suite)));
        if let Some((tag, (name, length))) = chosen {
            lines.push(format!("a=crypto:{tag} {name} inline:{}", "a".repeat(*length)));
        }
    }

    fn section(
        &self,
        port: u16,
        protocol: &str,
        codecs: &[Codec],
        direction: Option<&str>,
        lines: &mut Vec<String>,
    ) {
        let formats: Vec<_> = codecs.iter().map(|codec| codec.0.to_string()).collect();
        lines.push(format!("m={} {port} {protocol} {}", self.kind, formats.join(" ")));
        for (number, rtpmap, fmtp, feedback) in codecs {
            lines.extend(rtpmap.map(|text| format!("a=rtpmap:{number} {text}")));
            lines.extend(fmtp.map(|text| format!("a=fmtp:{number} {text}")));
            lines.extend(feedback.iter().map(|text| format!("a=rtcp-fb:{number} {text}")));
        }
        lines.extend(self.extra.iter().map(|text| format!("a={text}")));
        lines.extend(direction.map(|text| format!("a={text}")));
        lines.extend(self.ptime.map(|time| format!("a=ptime:{time}")));
        if self.explicit_rtcp {
            lines.push(format!("a=rtcp:{}", self.port + 1));
        }
    }

    fn ice_lines(&self, lines: &mut Vec<String>) {
        lines.push("a=ice-ufrag:abcd1234".into());
        lines.push("a=ice-pwd:abcdefghijklmnopqrstuvwxyz".into());
        lines.push(format!("a=candidate:1 1 UDP 2130706431 192.0.2.1 {} typ host", self.port));
        if !self.mux {
            lines.push(format!("a=candidate:1 2 UDP 2130706430 192.0.2.1 {} typ host", self.port + 1));
        }
    }
}

fn words(random: &mut StdRng, chance: f64, all: &[&'static str]) -> Vec<&'static str> {
    all.iter().filter(|_| random.random_bool(chance)).copied().collect()
}

/// Options of an offer.
pub fn offer_options(call: Mux, random: &mut StdRng) -> Request {
    let mut options = common_options(random);
    if random.random_bool(0.3) {
        let choices =
            ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"];
        options = options.set("transport-protocol", *choices.choose(random).unwrap_or(&"RTP/AVP"));
    }
    if random.random_bool(0.3) {
        let choices = ["remove", "force", "default"];
        options = options.set("ICE", *choices.choose(random).unwrap_or(&"remove"));
    }
    let mut mux = words(random, 0.1, &["offer", "require", "demux"]);
    // Never both of these two, which contradict each other.
    mux.extend([None, None, None, Some("accept"), Some("reject")].choose(random).copied().flatten());
    options = options.list("rtcp-mux", if call == Mux::Varied { mux } else { Vec::new() });
    options = options.list(
        "flags",
        words(
            random,
            0.07,
            &[
                "generate mid",
                "reset",
                "trickle ICE",
                "port latching",
                "no port latching",
                "reject ICE",
                "pad crypto",
            ],
        ),
    );
    if random.random_bool(0.15) {
        options = options.set("DTLS", *["off", "passive"].choose(random).unwrap_or(&"off"));
    }
    if random.random_bool(0.15) {
        let choices = ["off", "no-AES_CM_128_HMAC_SHA1_32", "pad", "unencrypted_srtp", "lifetime"];
        options = options.list("SDES", choices.choose(random).copied());
    }
    if random.random_bool(0.15) {
        let strip = words(random, 0.3, &["PCMA", "opus", "G722", "telephone-event", "VP8"]);
        let except = words(random, 0.1, &["PCMA", "opus"]);
        let codec = [("strip", crate::ng::list(strip)), ("except", crate::ng::list(except))];
        options = options.set("codec", crate::ng::dict(codec));
    } else if random.random_bool(0.15) {
        let mut transcode = vec!["PCMU", "PCMA", "G722", "GSM", "opus"];
        transcode.shuffle(random);
        transcode.truncate(random.random_range(0..3));
        let mask = words(random, 0.15, &["PCMA", "opus", "G722"]);
        let codec = [("transcode", crate::ng::list(transcode)), ("mask", crate::ng::list(mask))];
        options = options.set("codec", crate::ng::dict(codec));
    }
    if random.random_bool(0.1) {
        options = options.set("ptime", 40);
    }
    if random.random_bool(0.05) {
        options = options.set("ptime-reverse", 30);
    }
    if random.random_bool(0.08) {
        options = options.list("OSRTP", ["offer"]);
    }
    options
}

/// Options of an answer.
pub fn answer_options(random: &mut StdRng) -> Request {
    common_options(random)
}

fn common_options(random: &mut StdRng) -> Request {
    let replace =
        words(random, 0.1, &["origin", "session-connection", "session-name", "username", "zero-address"]);
    let flags = [
        "trust address",
        "symmetric",
        "asymmetric",
        "original sendrecv",
        "full rtcp attribute",
        "no rtcp attribute",
        "strict source",
        "media handover",
    ];
    let options = Request::empty().list("replace", replace).list("flags", words(random, 0.07, &flags));
    if random.random_bool(0.05) { options.set("media-address", "192.0.2.99") } else { options }
}
