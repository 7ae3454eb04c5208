//! Byte-exact tests of what is printed, one file per subject.

mod attributes;
mod candidates;
mod origin;
mod properties;
mod rows;

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::sdp::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));
const KEY40: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn origin(username: &str, id: &str, version: u64, address: &str) -> SessionOrigin {
    SessionOrigin {
        username: username.into(),
        session_id: id.into(),
        version,
        address_type: "IP4".into(),
        address: address.into(),
    }
}

fn ua1() -> SessionOrigin {
    origin("ua1", "77", 3, "10.7.7.1")
}

fn section<'a>(protocol: Transport, body: MediaBody<'a>) -> MediaOut<'a> {
    MediaOut {
        media_type: b"audio",
        port: 30012,
        protocol: ProtocolOut::Known(protocol),
        formats: b"",
        codecs: vec![codec(0, b"PCMU")],
        information: b"",
        connection: HERE,
        bandwidth: Bandwidth::default(),
        body,
        legacy_osrtp: LegacyOsrtp::None,
    }
}

fn codec(payload_type: u8, name: &[u8]) -> CodecOut<'_> {
    CodecOut { payload_type, name, clock_rate: 8000, channels: 1, fmtp: b"".into(), rtcp_fb: Vec::new() }
}

fn regenerated(attributes: MediaAttributes<'_>) -> MediaBody<'_> {
    MediaBody::Regenerated(MediaHead::default(), Box::new(attributes))
}

fn printed(session: &SessionOut<'_>, media: &[MediaOut<'_>], edits: &Edits<'_>) -> String {
    String::from_utf8(print(session, media, edits).body).expect("text")
}

/// The lines of a section without their ends; checks that every line has the right one.
fn media_lines(media: &MediaOut<'_>, edits: &Edits<'_>) -> Vec<String> {
    let origin = ua1();
    let body = printed(&SessionOut::new(&origin, b"-"), std::slice::from_ref(media), edits);
    let lines = lines(&body);
    lines.into_iter().skip_while(|line| !line.starts_with("m=")).collect()
}

fn lines(body: &str) -> Vec<String> {
    let whole = body.strip_suffix("\r\n").expect("the last line ends in CR LF, and no blank line follows");
    let lines: Vec<_> = whole.split("\r\n").map(str::to_owned).collect();
    assert!(lines.iter().all(|line| !line.is_empty() && !line.contains(['\r', '\n'])), "{lines:?}");
    lines
}

fn session_lines(session: &SessionOut<'_>, edits: &Edits<'_>) -> Vec<String> {
    lines(&printed(session, &[], edits))
}

fn attributes_of(protocol: Transport, attributes: MediaAttributes<'_>) -> Vec<String> {
    let lines = media_lines(&section(protocol, regenerated(attributes)), &Edits::default());
    lines.into_iter().skip(2).collect()
}

fn bandwidth(values: &[(BandwidthType, u64)]) -> Bandwidth {
    let mut bandwidth = Bandwidth::default();
    for (kind, value) in values {
        bandwidth.set(*kind, *value);
    }
    bandwidth
}

fn extmaps() -> [ExtMap; 2] {
    [ExtMap { id: 3, uri: "urn:a".into() }, ExtMap { id: 1, uri: "urn:b".into() }]
}
