//! The lines scripts read: call detail records, RTCP, DTMF (spec/operations.md §5.5, §5.6, §12). Plain data in, one
//! line out.

use std::fmt::{self, Display, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::word_enum;

/// `key=value, ` pairs; the comma and the blank follow each pair.
#[derive(Debug, Default)]
pub struct Pairs(String);

impl Pairs {
    /// Begins with a text.
    pub fn starting_with(text: &str) -> Self {
        Pairs(text.to_owned())
    }

    /// Adds a pair.
    pub fn add(&mut self, key: impl Display, value: impl Display) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{key}={value}, ");
        self
    }

    /// The line with its last comma and blank.
    pub fn finish(self) -> String {
        self.0
    }

    /// The line without its last comma and blank.
    pub fn finish_trimmed(mut self) -> String {
        self.0.truncate(self.0.trim_end_matches(", ").len());
        self.0
    }
}

word_enum! {
    /// Why a party ended.
    pub enum Termination {
        /// No media.
        Timeout = "TIMEOUT",
        /// By signalling.
        Regular = "REGULAR",
        /// By the operator.
        Forced = "FORCED",
        /// No media on muted streams.
        SilentTimeout = "SILENT_TIMEOUT",
        /// Life over.
        FinalTimeout = "FINAL_TIMEOUT",
        /// Never answered.
        OfferTimeout = "OFFER_TIMEOUT",
        /// Not known.
        Unknown = "UNKNOWN",
    }
}

word_enum! {
    /// Which tag of the dialogue a party's is.
    pub enum TagType {
        /// The caller's.
        FromTag = "FROM_TAG",
        /// The callee's.
        ToTag = "TO_TAG",
        /// Not known.
        Unknown = "UNKNOWN",
    }
}

/// An ended call.
#[derive(Debug, Clone)]
pub struct Cdr<'a> {
    /// Call-id.
    pub call_id: &'a str,
    /// Address of the controlling agent.
    pub created_from: &'a str,
    /// Last signalling, since 1970.
    pub last_signal: Duration,
    /// Type of service.
    pub tos: u8,
    /// The parties in order.
    pub parties: Vec<CdrParty<'a>>,
}

/// A party of an ended call.
#[derive(Debug, Clone)]
pub struct CdrParty<'a> {
    /// Since 1970.
    pub start: Duration,
    /// Since 1970.
    pub end: Duration,
    /// Why it ended.
    pub termination: Termination,
    /// Its tag.
    pub tag: &'a str,
    /// Which tag that is.
    pub tag_type: TagType,
    /// Tags of the parties it receives from, each once.
    pub remote_tags: Vec<&'a str>,
    /// Its media in order.
    pub medias: Vec<CdrMedia>,
}

/// A media of an ended call.
#[derive(Debug, Clone)]
pub struct CdrMedia {
    /// Number of the `m=` line.
    pub index: u32,
    /// Payload type last received.
    pub payload_type: Option<u8>,
    /// Its ports, fallback RTCP left out.
    pub ports: Vec<CdrPort>,
}

/// A port of an ended call.
#[derive(Debug, Clone)]
pub struct CdrPort {
    /// RTCP, else RTP.
    pub rtcp: bool,
    /// The peer.
    pub endpoint: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
    /// Counted.
    pub packets: u64,
    /// Counted.
    pub bytes: u64,
    /// Counted.
    pub errors: u64,
    /// Since 1970.
    pub last_packet: Duration,
    /// Type of service of received packets.
    pub tos: u8,
}

struct Stamp(Duration);

impl Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

impl Cdr<'_> {
    /// The line; the trailing comma and blank stay.
    pub fn line(&self) -> String {
        let mut pairs = Pairs::default();
        pairs
            .add("ci", self.call_id)
            .add("created_from", self.created_from)
            .add("last_signal", self.last_signal.as_secs())
            .add("tos", self.tos);
        for (number, party) in self.parties.iter().enumerate() {
            party.add_to(&mut pairs, number);
        }
        pairs.finish()
    }
}

impl CdrParty<'_> {
    fn add_to(&self, pairs: &mut Pairs, number: usize) {
        let key = |name: &str| format!("ml{number}_{name}");
        pairs
            .add(key("start_time"), Stamp(self.start))
            .add(key("end_time"), Stamp(self.end))
            .add(key("duration"), Stamp(self.end.saturating_sub(self.start)))
            .add(key("termination"), self.termination.word())
            .add(key("local_tag"), self.tag)
            .add(key("local_tag_type"), self.tag_type.word());
        for tag in &self.remote_tags {
            pairs.add(key("remote_tag"), tag);
        }
        for media in &self.medias {
            match media.payload_type {
                Some(payload_type) => pairs.add("payload_type", payload_type),
                None => pairs.add("payload_type", "unknown"),
            };
            for port in &media.ports {
                port.add_to(pairs, number, media.index);
            }
        }
    }
}

impl CdrPort {
    fn add_to(&self, pairs: &mut Pairs, party: usize, index: u32) {
        let protocol = if self.rtcp { "rtcp" } else { "rtp" };
        let key = |name: &str| format!("ml{party}_midx{index}_{protocol}_{name}");
        pairs
            .add(key("endpoint_ip"), self.endpoint.ip())
            .add(key("endpoint_port"), self.endpoint.port())
            .add(key("local_relay_ip"), self.local.ip())
            .add(key("local_relay_port"), self.local.port())
            .add(key("relayed_packets"), self.packets)
            .add(key("relayed_bytes"), self.bytes)
            .add(key("relayed_errors"), self.errors)
            .add(key("last_packet"), self.last_packet.as_secs())
            .add(key("in_tos_tclass"), self.tos);
    }
}

/// A DTMF event as it is reported (operations.md §12); member order is the wire's.
#[derive(Debug, Clone, Serialize)]
pub struct DtmfEvent<'a> {
    /// Call-id.
    pub callid: &'a str,
    /// Tag of the sender.
    pub source_tag: &'a str,
    /// Label of the sender, empty if none.
    pub source_label: &'a str,
    /// All tags of the call.
    pub tags: Vec<&'a str>,
    /// Always `DTMF`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Address the event came from.
    pub source_ip: String,
    /// 0 to 15.
    pub event: u8,
    /// In ms; see [`dtmf_duration_ms`].
    pub duration: u32,
    /// 0 to 63.
    pub volume: u8,
}

impl DtmfEvent<'_> {
    /// The JSON object without blanks.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The duration of a DTMF event in ms from RTP units, with the historic integer divisions; clock rate 0 counts as 8000.
pub fn dtmf_duration_ms(units: u32, clock_rate: u32) -> u32 {
    let clock_rate = if clock_rate == 0 { 8000 } else { clock_rate };
    let microseconds = u64::from(units) * u64::from(1_000_000 / clock_rate);
    u32::try_from(microseconds / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_5_5_cdr() {
        let seconds = Duration::from_secs;
        let port = CdrPort {
            rtcp: false,
            endpoint: "10.0.0.9:4000".parse().unwrap(),
            local: "[::1]:30000".parse().unwrap(),
            packets: 1,
            bytes: 2,
            errors: 3,
            last_packet: seconds(1010),
            tos: 184,
        };
        let cdr = Cdr {
            call_id: "c",
            created_from: "127.0.0.1:5",
            last_signal: seconds(1000),
            tos: 184,
            parties: vec![CdrParty {
                start: seconds(1000),
                end: Duration::new(1012, 5000),
                termination: Termination::SilentTimeout,
                tag: "a",
                tag_type: TagType::FromTag,
                remote_tags: vec!["b"],
                medias: vec![
                    CdrMedia { index: 1, payload_type: Some(8), ports: vec![port] },
                    CdrMedia { index: 2, payload_type: None, ports: vec![] },
                ],
            }],
        };
        assert_eq!(
            cdr.line(),
            "ci=c, created_from=127.0.0.1:5, last_signal=1000, tos=184, ml0_start_time=1000.000000, \
             ml0_end_time=1012.000005, ml0_duration=12.000005, ml0_termination=SILENT_TIMEOUT, ml0_local_tag=a, \
             ml0_local_tag_type=FROM_TAG, ml0_remote_tag=b, payload_type=8, ml0_midx1_rtp_endpoint_ip=10.0.0.9, \
             ml0_midx1_rtp_endpoint_port=4000, ml0_midx1_rtp_local_relay_ip=::1, \
             ml0_midx1_rtp_local_relay_port=30000, ml0_midx1_rtp_relayed_packets=1, ml0_midx1_rtp_relayed_bytes=2, \
             ml0_midx1_rtp_relayed_errors=3, ml0_midx1_rtp_last_packet=1010, ml0_midx1_rtp_in_tos_tclass=184, \
             payload_type=unknown, "
        );
    }

    #[test]
    fn operations_5_6_pairs_lose_the_last_comma() {
        let mut pairs = Pairs::starting_with("[c] ");
        pairs.add("version", 2).add("padding", 0);
        assert_eq!(pairs.finish_trimmed(), "[c] version=2, padding=0");
        assert_eq!(Pairs::starting_with("[c] ").finish_trimmed(), "[c] ");
    }

    #[test]
    fn operations_12_dtmf() {
        let event = DtmfEvent {
            callid: "c\"",
            source_tag: "a",
            source_label: "",
            tags: vec!["a", "b"],
            kind: "DTMF",
            timestamp: 100,
            source_ip: "10.0.0.1".into(),
            event: 11,
            duration: dtmf_duration_ms(800, 0),
            volume: 10,
        };
        assert_eq!(
            event.line(),
            "{\"callid\":\"c\\\"\",\"source_tag\":\"a\",\"source_label\":\"\",\"tags\":[\"a\",\"b\"],\"type\":\"DTMF\",\
             \"timestamp\":100,\"source_ip\":\"10.0.0.1\",\"event\":11,\"duration\":100,\"volume\":10}"
        );
        assert_eq!(dtmf_duration_ms(44_100, 44_100), 970);
    }
}
