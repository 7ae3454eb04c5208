//! What of two replies must be equal, once everything random has been named by its order of appearance.

use std::collections::{BTreeMap, HashMap};

use crate::ng::{Reply, Value};
use crate::sdp::{Sdp, Section};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs, free of everything that varies from call to call: the key into the table of accepted kinds.
    pub kind: String,
    /// What we said.
    pub ours: String,
    /// What the peer said.
    pub peers: String,
}

/// The names given to what is random, in order of appearance in one call at one daemon.
#[derive(Debug, Default)]
pub struct Names {
    given: HashMap<(&'static str, String), usize>,
    next: HashMap<&'static str, usize>,
}

impl Names {
    fn name(&mut self, kind: &'static str, text: &str) -> String {
        let next = self.next.entry(kind).or_insert(0);
        let number = *self.given.entry((kind, text.to_string())).or_insert_with(|| {
            *next += 1;
            *next
        });
        format!("<{kind} {number}>")
    }

    /// Gives names to the ports of a reply in the order of its sections, before anything else is looked at: the two
    /// daemons print other lines in other places.
    pub fn learn(&mut self, reply: &Reply) {
        let Some(text) = reply.value.get("sdp").and_then(Value::text) else { return };
        for section in &Sdp::parse(text).sections {
            if section.port() != 0 {
                self.name("port", &section.port().to_string());
                self.name("port", &section.rtcp().port().to_string());
            }
        }
    }

    fn port(&mut self, number: &str) -> String {
        if number == "0" { "0".into() } else { self.name("port", number) }
    }

    /// An attribute with everything random replaced.
    fn attribute(&mut self, name: &str, value: &str) -> String {
        let words: Vec<&str> = value.split(' ').collect();
        match name {
            "ice-ufrag" | "ice-pwd" => self.name("secret", value),
            "tls-id" => self.name("association", value),
            "rtcp" => {
                let rest = words[1..].join(" ");
                format!("{} {rest}", self.port(words[0])).trim_end().to_string()
            }
            "candidate" if words.len() > 7 => {
                let port = self.port(words[5]);
                format!(
                    "F {} {} {} {} {port} {}",
                    words[1],
                    words[2],
                    words[3],
                    words[4],
                    words[6..].join(" ")
                )
            }
            "crypto" if words.len() > 2 => {
                let key = words[2].strip_prefix("inline:").unwrap_or(words[2]);
                let (key, rest) = key.split_once('|').map_or((key, ""), |(key, rest)| (key, rest));
                let key = if key.starts_with("kkkk") || key.starts_with("aaaa") {
                    "theirs".to_string()
                } else {
                    format!("{} characters", key.len())
                };
                format!("{} {} {key} {rest} {}", words[0], words[1], words[3..].join(" "))
            }
            "fingerprint" => format!("{} {} characters", words[0], words.get(1).map_or(0, |text| text.len())),
            "rtpengine" => "ID".into(),
            _ => value.to_string(),
        }
    }
}

/// Compares the replies to an offer or answer.
pub fn replies(replies: &[Reply; 2], names: &mut [Names; 2]) -> Vec<Difference> {
    let mut found = Vec::new();
    let [ours, peers] = replies;
    if ours.result() != peers.result() {
        differ(&mut found, "result", ours.result(), peers.result());
        return found;
    }
    differ(&mut found, "error-reason", ours.text("error-reason"), peers.text("error-reason"));
    if ours.result() != "ok" {
        return found;
    }
    let [ours, peers] = [ours, peers].map(|reply| Sdp::parse(reply.sdp()));
    for letter in ['o', 's', 't', 'i'] {
        let [a, b] = [&ours, &peers].map(|sdp| sdp.line(letter).unwrap_or_default().to_string());
        differ(&mut found, &format!("session {letter}="), &a, &b);
    }
    let [a, b] = [&ours, &peers].map(|sdp| bandwidths(&sdp.session));
    differ(&mut found, "session b=", &a, &b);
    let [name_ours, name_peers] = names;
    let a = attributes(&ours.session, name_ours);
    let b = attributes(&peers.session, name_peers);
    compare_attributes(&mut found, "session", &a, &b);
    differ(&mut found, "sections", &ours.sections.len().to_string(), &peers.sections.len().to_string());
    for (a, b) in ours.sections.iter().zip(&peers.sections) {
        section(&mut found, a, b, name_ours, name_peers);
        if found.iter().any(|difference| !in_step(difference)) {
            break;
        }
    }
    found
}

/// Whether the two daemons still count their ports alike after a difference.
#[must_use]
pub fn in_step(difference: &Difference) -> bool {
    !difference.kind.starts_with("held section") && !difference.kind.starts_with("latched section")
}

/// The number in the name of a port: earlier ports have smaller ones.
#[must_use]
pub fn name_number(name: &str) -> Option<u32> {
    name.trim_end_matches('>').rsplit(' ').next()?.parse().ok()
}

fn differ(found: &mut Vec<Difference>, kind: &str, ours: &str, peers: &str) {
    if ours != peers {
        found.push(Difference { kind: kind.into(), ours: ours.into(), peers: peers.into() });
    }
}

fn bandwidths(lines: &[String]) -> String {
    let mut all: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("b=")).collect();
    all.sort_unstable();
    all.join(" ")
}

fn attributes(lines: &[String], names: &mut Names) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in lines.iter().filter_map(|line| line.strip_prefix("a=")) {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let value = names.attribute(name, value);
        all.entry(name.to_string()).or_default().push(value);
    }
    all
}

fn section(
    found: &mut Vec<Difference>,
    ours: &Section,
    peers: &Section,
    name_ours: &mut Names,
    name_peers: &mut Names,
) {
    let port = [name_ours.port(&ours.port().to_string()), name_peers.port(&peers.port().to_string())];
    // The sender's word passed on: it does not receive.
    let held = matches!(ours.direction(), Some("sendonly" | "inactive"));
    let state = match ours.port() {
        0 => "rejected section",
        _ if held && port[0] != port[1] => "held section",
        _ if name_number(&port[0]) < name_number(&port[1]) => "latched section",
        _ => "section",
    };
    if peers.formats() == [""] && ours.formats() != [""] {
        differ(found, "section emptied by the peer", &ours.formats().join(" "), "");
        return;
    }
    let mut check = |what: &str, a: &str, b: &str| differ(found, &format!("{state} {what}"), a, b);
    check("type", ours.kind(), peers.kind());
    check("port", &port[0], &port[1]);
    check("protocol", ours.protocol(), peers.protocol());
    let companions = [companions(ours), companions(peers)];
    let plain = |section: &Section, companions: &[String]| {
        let formats = section.formats().into_iter().map(str::to_string);
        formats.filter(|format| !companions.contains(format)).collect::<Vec<_>>().join(" ")
    };
    check("formats", &plain(ours, &companions[0]), &plain(peers, &companions[1]));
    check("companion formats", &companions[0].join(" "), &companions[1].join(" "));
    let moved = companions[0] == companions[1] && ours.formats() != peers.formats();
    if moved && plain(ours, &companions[0]) == plain(peers, &companions[1]) {
        check("companion position", &ours.formats().join(" "), &peers.formats().join(" "));
    }
    check("address", &ours.address().to_string(), &peers.address().to_string());
    check("b=", &bandwidths(&ours.lines), &bandwidths(&peers.lines));
    let mut a = attributes(&ours.lines, name_ours);
    let mut b = attributes(&peers.lines, name_peers);
    if companions[0] != companions[1] || moved {
        // Noted above; their lines would only say it again.
        for (attributes, companions) in [(&mut a, &companions[0]), (&mut b, &companions[1])] {
            drop_lines_of(attributes, companions);
        }
    }
    if !a.contains_key("ice-ufrag") && !b.contains_key("ice-ufrag") {
        for name in ["ice-options", "end-of-candidates"] {
            if let Some(values) = b.remove(name) {
                let kind = format!("{state} without ICE a={name} only the peer's");
                differ(found, &kind, "absent", &values.join("; "));
            }
        }
    }
    compare_attributes(found, state, &a, &b);
}

/// The payload types of a section that only accompany its codecs: telephone events and comfort noise.
fn companions(section: &Section) -> Vec<String> {
    let lines = section.values("rtpmap").into_iter().filter_map(|line| line.split_once(' '));
    let companions =
        lines.filter(|(_, name)| name.starts_with("telephone-event/") || name.starts_with("CN/"));
    companions.map(|(number, _)| number.to_string()).collect()
}

fn drop_lines_of(attributes: &mut BTreeMap<String, Vec<String>>, numbers: &[String]) {
    for name in ["rtpmap", "fmtp", "rtcp-fb"] {
        if let Some(values) = attributes.get_mut(name) {
            values.retain(|value| !numbers.iter().any(|number| value.split(' ').next() == Some(number)));
        }
    }
    attributes.retain(|_, values| !values.is_empty());
}

fn compare_attributes(
    found: &mut Vec<Difference>,
    place: &str,
    ours: &BTreeMap<String, Vec<String>>,
    peers: &BTreeMap<String, Vec<String>>,
) {
    for (name, values) in ours {
        match peers.get(name) {
            None => differ(found, &format!("{place} a={name} only ours"), &values.join("; "), "absent"),
            Some(others) => {
                differ(found, &format!("{place} a={name} value"), &values.join("; "), &others.join("; "));
            }
        }
    }
    for (name, values) in peers.iter().filter(|(name, _)| !ours.contains_key(*name)) {
        differ(found, &format!("{place} a={name} only the peer's"), "absent", &values.join("; "));
    }
}

/// Compares what both say about the state of a call.
#[must_use]
pub fn queries(replies: &[Reply; 2]) -> Vec<Difference> {
    let mut found = Vec::new();
    differ(&mut found, "query result", replies[0].result(), replies[1].result());
    let [ours, peers] = [&replies[0], &replies[1]].map(|reply| reply.value.get("tags").cloned());
    let (Some(ours), Some(peers)) = (ours, peers) else { return found };
    differ(&mut found, "query tags", &ours.keys().join(" "), &peers.keys().join(" "));
    for (tag, ours) in ours.entries() {
        let Some(peers) = peers.get(&String::from_utf8_lossy(tag)) else { continue };
        let [a, b] = [ours, peers].map(|party| party.get("medias").map_or(&[][..], Value::items));
        differ(&mut found, "query medias", &a.len().to_string(), &b.len().to_string());
        for (ours, peers) in a.iter().zip(b) {
            for key in ["type", "protocol"] {
                let [a, b] =
                    [ours, peers].map(|media| media.get(key).and_then(Value::text).unwrap_or_default());
                differ(&mut found, &format!("query media {key}"), a, b);
            }
            let [a, b] = [ours, peers].map(|media| media.get("streams").map_or(&[][..], Value::items));
            let closed = a.first().is_some_and(|stream| stream.get("local port").is_none());
            let what = if closed { "query closed media flag" } else { "query media flag" };
            flags(&mut found, what, ours, peers);
            for (ours, peers) in a.iter().zip(b) {
                let what = if closed { "query closed stream flag" } else { "query stream flag" };
                flags(&mut found, what, ours, peers);
                let [a, b] = [ours, peers].map(|stream| stream.get("local port").is_some().to_string());
                let what = if muxed(ours) {
                    "query muxed RTCP stream has a port"
                } else {
                    "query stream has a port"
                };
                differ(&mut found, what, &a, &b);
                let [a, b] = [ours, peers].map(|stream| format!("{:?}", stream.get("advertised endpoint")));
                differ(&mut found, "query stream advertised endpoint", &a, &b);
            }
        }
    }
    found
}

/// Whether this is the RTCP stream of a media that has RTP and RTCP on one port.
fn muxed(stream: &Value) -> bool {
    let flags = stream.get("flags").map_or(&[][..], Value::items);
    flags.contains(&"fallback RTCP".into())
}

fn flags(found: &mut Vec<Difference>, what: &str, ours: &Value, peers: &Value) {
    let [ours, peers] = [ours, peers].map(|value| {
        let items = value.get("flags").map_or(&[][..], Value::items);
        items.iter().filter_map(Value::text).collect::<Vec<_>>()
    });
    // Where packet times were set, more than the codecs decides about transcoding.
    let repacketized = ours.contains(&"ptime-override");
    let name = |flag: &str| match flag {
        "transcoding" if repacketized => format!("{what} repacketizing"),
        _ => format!("{what} {flag}"),
    };
    for flag in ours.iter().filter(|flag| !peers.contains(flag)) {
        differ(found, &format!("{} only ours", name(flag)), "set", "absent");
    }
    for flag in peers.iter().filter(|flag| !ours.contains(flag)) {
        differ(found, &format!("{} only the peer's", name(flag)), "absent", "set");
    }
}
