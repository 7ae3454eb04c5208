//! The order and spelling of all rows.

use std::ops::Range;

use super::edits::{self, Edits, LevelEdits, attribute, flag, named, named_bytes};
use super::{
    CodecOut, CopiedAttributes, DirectionOut, DtlsOut, IceOut, LegacyOsrtp, MediaAttributes, MediaBody,
    MediaHead, MediaOut, Passed, ProtocolOut, RtcpOut, SessionOut, T38ErrorCorrection, T38Out,
};
use crate::sdp::write::{line, network_address, number};
use crate::sdp::{Bandwidth, Candidate, CryptoParams, CryptoPrint, ExtMap, MediaType};

/// A printed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The body.
    pub body: Vec<u8>,
    /// Where the version of the `o=` line stands.
    version: Range<usize>,
}

impl Printed {
    /// Writes another version into the `o=` line.
    pub fn set_version(&mut self, version: u64) {
        let text = version.to_string();
        let end = self.version.start + text.len();
        self.body.splice(self.version.clone(), text.into_bytes());
        self.version.end = end;
    }

    /// Counts versions by changes of the body (sdp.md §6.1 note 4): `stored` is the last body sent to this receiver with that rule, `version` the one
    /// printed. A body that differs gets the next version and is stored.
    pub fn count_version(&mut self, version: &mut u64, stored: &mut Option<Box<[u8]>>) {
        match stored {
            Some(last) if **last == *self.body => return,
            Some(_) => {
                *version = version.wrapping_add(1);
                self.set_version(*version);
            }
            None => {}
        }
        *stored = Some(self.body.as_slice().into());
    }
}

/// Prints a body.
#[must_use]
pub fn print(session: &SessionOut<'_>, media: &[MediaOut<'_>], edits: &Edits<'_>) -> Printed {
    let mut out = Vec::with_capacity(512 + media.iter().map(likely_len).sum::<usize>());
    let version = print_session(&mut out, session, edits);
    for media in media {
        print_media(&mut out, media, edits);
    }
    Printed { body: out, version }
}

/// About how many octets a section takes, rather too many than too few.
fn likely_len(media: &MediaOut<'_>) -> usize {
    const HEAD: usize = 768;
    const CODEC: usize = 64;
    const CANDIDATE: usize = 96;
    const CRYPTO: usize = 128;
    let listed = match &media.body {
        MediaBody::Inactive(_) => 0,
        MediaBody::Regenerated(_, attributes) => {
            let candidates = attributes.ice.as_ref().map_or(0, |ice| ice.candidates.len());
            candidates * CANDIDATE + attributes.crypto.len() * CRYPTO
        }
        MediaBody::Copied(copied) => copied.attributes.iter().map(|text| text.len() + 4).sum(),
    };
    HEAD + media.codecs.len() * CODEC + listed
}

fn print_session(out: &mut Vec<u8>, session: &SessionOut<'_>, edits: &Edits<'_>) -> Range<usize> {
    line(out, b'v', b"0");
    let version = print_origin(out, session);
    line(out, b's', session.name);
    for (letter, text) in
        [(b'i', session.information), (b'u', session.uri), (b'e', session.email), (b'p', session.phone)]
    {
        if !text.is_empty() {
            line(out, letter, text);
        }
    }
    print_bandwidth(out, session.bandwidth);
    line(out, b't', if session.timing.is_empty() { b"0 0" } else { session.timing });
    print_session_attributes(out, session, edits);
    version
}

fn print_origin(out: &mut Vec<u8>, session: &SessionOut<'_>) -> Range<usize> {
    let origin = session.origin;
    out.extend_from_slice(b"o=");
    out.extend_from_slice(&origin.username);
    out.push(b' ');
    out.extend_from_slice(&origin.session_id);
    out.push(b' ');
    let start = out.len();
    number(out, origin.version);
    let end = out.len();
    out.extend_from_slice(b" IN ");
    out.extend_from_slice(&origin.address_type);
    out.push(b' ');
    out.extend_from_slice(&origin.address);
    out.extend_from_slice(b"\r\n");
    start..end
}

fn print_session_attributes(out: &mut Vec<u8>, session: &SessionOut<'_>, edits: &Edits<'_>) {
    let first = edits.of(session.first_media_type);
    if let Some(id) = session.loop_id {
        named_bytes(out, first, "rtpengine", id);
    }
    if let Some(name) = session.music_on_hold {
        flag(out, first, name);
    }
    if session.ice_lite {
        flag(out, first, b"ice-lite");
    }
    for members in &session.bundles {
        attribute(out, &edits.session, |line| {
            line.text(b"group").cut().text(b":BUNDLE").cut();
            for mid in members {
                line.text(b" ").text(mid);
            }
            line.cut();
        });
    }
    for group in &session.groups {
        edits::received(out, first, group);
    }
    for text in &session.passthrough {
        edits::received(out, &edits.session, text);
    }
    edits::additions(out, &edits.session);
}

fn print_bandwidth(out: &mut Vec<u8>, bandwidth: Bandwidth) {
    for (kind, value) in bandwidth.iter() {
        out.extend_from_slice(b"b=");
        out.extend_from_slice(kind.name().as_bytes());
        out.push(b':');
        number(out, value);
        out.extend_from_slice(b"\r\n");
    }
}

fn print_media(out: &mut Vec<u8>, media: &MediaOut<'_>, edits: &Edits<'_>) {
    let own = edits.of(MediaType::from_name(media.media_type));
    let plain = media.protocol.plain();
    if let Some(plain) = plain {
        match media.legacy_osrtp {
            LegacyOsrtp::BareBefore => print_media_line(out, media, 0, plain),
            LegacyOsrtp::OfferBoth => print_section(out, media, plain, edits),
            LegacyOsrtp::None | LegacyOsrtp::BareAfter => {}
        }
    }
    print_section(out, media, media.protocol, edits);
    if let (Some(plain), LegacyOsrtp::BareAfter) = (plain, media.legacy_osrtp) {
        print_media_line(out, media, 0, plain);
    }
    edits::additions(out, own);
}

fn print_section(out: &mut Vec<u8>, media: &MediaOut<'_>, protocol: ProtocolOut<'_>, edits: &Edits<'_>) {
    let own = edits.of(MediaType::from_name(media.media_type));
    print_media_line(out, media, media.port, protocol);
    if !media.information.is_empty() {
        line(out, b'i', media.information);
    }
    out.extend_from_slice(b"c=");
    network_address(out, media.connection);
    out.extend_from_slice(b"\r\n");
    print_bandwidth(out, media.bandwidth);
    match &media.body {
        MediaBody::Inactive(head) => print_head(out, head, own),
        MediaBody::Regenerated(head, attributes) => {
            print_head(out, head, own);
            if protocol.is_rtp() {
                media.codecs.iter().for_each(|codec| print_codec(out, codec, own));
            }
            print_attributes(out, attributes, protocol, own, edits);
        }
        MediaBody::Copied(copied) => print_copied(out, copied, own, edits),
    }
}

fn print_media_line(out: &mut Vec<u8>, media: &MediaOut<'_>, port: u16, protocol: ProtocolOut<'_>) {
    out.extend_from_slice(b"m=");
    out.extend_from_slice(media.media_type);
    out.push(b' ');
    number(out, port);
    out.push(b' ');
    match protocol {
        ProtocolOut::Known(protocol) => out.extend_from_slice(protocol.name().as_bytes()),
        ProtocolOut::Unknown(text) => out.extend_from_slice(text),
    }
    if !protocol.is_rtp() {
        out.push(b' ');
        out.extend_from_slice(media.formats);
    } else if media.codecs.is_empty() {
        out.push(b' ');
        out.extend_from_slice(if media.formats.is_empty() { b"0" } else { media.formats });
    } else {
        for codec in &media.codecs {
            out.push(b' ');
            number(out, codec.payload_type);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn print_head(out: &mut Vec<u8>, head: &MediaHead<'_>, edits: &LevelEdits<'_>) {
    if let Some(mid) = head.mid {
        named_bytes(out, edits, "mid", mid);
    }
    if let Some(label) = head.label {
        named_bytes(out, edits, "label", label);
    }
    if head.bundle_only {
        flag(out, edits, b"bundle-only");
    }
}

fn print_codec(out: &mut Vec<u8>, codec: &CodecOut<'_>, edits: &LevelEdits<'_>) {
    attribute(out, edits, |line| {
        line.text(b"rtpmap").cut().text(b":").number(codec.payload_type).cut();
        line.text(b" ").text(codec.name).text(b"/").number(codec.clock_rate);
        if codec.channels > 1 {
            line.text(b"/").number(codec.channels);
        }
        line.cut();
    });
    let mut format_line = |name: &[u8], text: &[u8]| {
        attribute(out, edits, |line| {
            line.text(name).cut().text(b":").number(codec.payload_type).cut().text(b" ").text(text).cut();
        });
    };
    if !codec.fmtp.is_empty() {
        format_line(b"fmtp", &codec.fmtp);
    }
    for feedback in &codec.rtcp_fb {
        format_line(b"rtcp-fb", feedback);
    }
}

fn print_attributes(
    out: &mut Vec<u8>,
    attributes: &MediaAttributes<'_>,
    protocol: ProtocolOut<'_>,
    own: &LevelEdits<'_>,
    edits: &Edits<'_>,
) {
    print_extmaps(out, &attributes.extmaps, attributes.extmap_one_byte, own);
    print_passed(out, &attributes.passed, attributes.direction, own, edits);
    if let DirectionOut::Generated(direction) = attributes.direction {
        flag(out, own, direction.name().as_bytes());
    }
    if protocol.is_rtp() {
        print_rtcp(out, attributes.rtcp, attributes.rtcp_mux, own);
    }
    if protocol.is_srtp() {
        for params in &attributes.crypto {
            print_crypto(out, params, attributes.crypto_print, own);
        }
        if let Some(dtls) = &attributes.dtls {
            print_dtls(out, dtls, own);
        }
    }
    if protocol.is_rtp() {
        for (name, value) in [("ptime", attributes.ptime), ("maxptime", attributes.maxptime)] {
            if value != 0 {
                named(out, own, name, value);
            }
        }
    }
    if let Some(ice) = &attributes.ice {
        print_ice(out, ice, own);
    }
}

fn print_extmaps(out: &mut Vec<u8>, extmaps: &[&ExtMap], one_byte: bool, edits: &LevelEdits<'_>) {
    if !extmaps.is_empty() && !one_byte {
        flag(out, edits, b"extmap-allow-mixed");
    }
    for extmap in extmaps {
        attribute(out, edits, |line| {
            line.text(b"extmap").cut().text(b":").number(extmap.id).text(b" ").text(&extmap.uri).cut();
        });
    }
}

fn print_passed(
    out: &mut Vec<u8>,
    passed: &Passed<'_>,
    direction: DirectionOut,
    own: &LevelEdits<'_>,
    edits: &Edits<'_>,
) {
    let level = match passed {
        Passed::Source(source_type, texts) => {
            let level = edits.of(*source_type);
            texts.iter().for_each(|text| edits::received(out, level, text));
            level
        }
        Passed::T38(parameters) => {
            print_t38(out, *parameters, own);
            own
        }
    };
    if let DirectionOut::Original(directions) = direction {
        directions.iter().for_each(|direction| flag(out, level, direction.name().as_bytes()));
    }
}

fn print_t38(out: &mut Vec<u8>, parameters: T38Out, edits: &LevelEdits<'_>) {
    named(out, edits, "T38FaxVersion", parameters.version);
    named(out, edits, "T38MaxBitRate", 14400);
    let rate_management = if parameters.local_tcf { "localTFC" } else { "transferredTCF" };
    named(out, edits, "T38FaxRateManagement", rate_management);
    named(out, edits, "T38FaxMaxBuffer", 1800);
    named(out, edits, "T38FaxMaxDatagram", 512);
    let error_correction = match parameters.error_correction {
        T38ErrorCorrection::None => "t38UDPNoEC",
        T38ErrorCorrection::Fec => "t38UDPFEC",
        T38ErrorCorrection::Redundancy => "t38UDPRedundancy",
    };
    named(out, edits, "T38FaxUdpEC", error_correction);
}

fn print_rtcp(out: &mut Vec<u8>, rtcp: Option<RtcpOut>, mux: bool, edits: &LevelEdits<'_>) {
    if let Some(rtcp) = rtcp {
        attribute(out, edits, |line| {
            line.text(b"rtcp").cut().text(b":").number(rtcp.port).cut();
            if let Some(address) = rtcp.address {
                line.text(b" ").network_address(address);
            }
        });
    }
    if mux {
        flag(out, edits, b"rtcp-mux");
    }
}

fn print_crypto(out: &mut Vec<u8>, params: &CryptoParams, print: CryptoPrint, edits: &LevelEdits<'_>) {
    attribute(out, edits, |line| {
        line.text(b"crypto").cut().text(b":").write(|out| params.write_marked(out, print));
    });
}

fn print_dtls(out: &mut Vec<u8>, dtls: &DtlsOut<'_>, edits: &LevelEdits<'_>) {
    named_bytes(out, edits, "setup", dtls.setup.name().as_bytes());
    attribute(out, edits, |line| {
        let hash = dtls.fingerprint.hash().name();
        line.text(b"fingerprint").cut().text(b":").text(hash.as_bytes()).cut();
        line.text(b" ").write(|out| {
            dtls.fingerprint.write_digest(out);
            []
        });
    });
    if let Some(id) = dtls.tls_id {
        attribute(out, edits, |line| {
            line.text(b"tls-id").cut().text(b":").text(id);
        });
    }
}

fn print_ice(out: &mut Vec<u8>, ice: &IceOut<'_>, edits: &LevelEdits<'_>) {
    named_bytes(out, edits, "ice-ufrag", ice.ufrag);
    named_bytes(out, edits, "ice-pwd", ice.pwd);
    let options = match (ice.trickle, ice.ice2) {
        (true, true) => Some("trickle ice2"),
        (true, false) => Some("trickle"),
        (false, true) => Some("ice2"),
        (false, false) => None,
    };
    if let Some(options) = options {
        named(out, edits, "ice-options", options);
    }
    for candidate in &ice.candidates {
        print_candidate(out, candidate, edits);
    }
    if !ice.remote_candidates.is_empty() {
        attribute(out, edits, |line| {
            line.text(b"remote-candidates").cut();
            let mut separator = b":";
            for (component, address, port) in &ice.remote_candidates {
                line.text(separator)
                    .number(*component)
                    .text(b" ")
                    .address(*address)
                    .text(b" ")
                    .number(*port)
                    .cut();
                separator = b" ";
            }
        });
    }
    if ice.trickle {
        flag(out, edits, b"end-of-candidates");
    }
}

fn print_candidate(out: &mut Vec<u8>, candidate: &Candidate, edits: &LevelEdits<'_>) {
    let Candidate { foundation, component, priority, address, port, kind, related } = candidate;
    attribute(out, edits, |line| {
        line.text(b"candidate").cut().text(b":").text(foundation).cut();
        line.text(b" ").number(*component).cut().text(b" UDP").cut().text(b" ").number(*priority).cut();
        line.text(b" ").address(*address).text(b" ").number(*port).cut();
        line.text(b" typ ").text(kind.name().as_bytes()).cut();
        if let Some((address, port)) = related {
            line.text(b" raddr ").address(*address).text(b" rport ").number(*port);
        }
        line.cut();
    });
}

fn print_copied(out: &mut Vec<u8>, copied: &CopiedAttributes<'_>, own: &LevelEdits<'_>, edits: &Edits<'_>) {
    let source = edits.of(copied.source_type);
    for text in &copied.attributes {
        edits::received(out, source, text);
    }
    for candidate in &copied.candidates {
        print_candidate(out, candidate, own);
    }
    if copied.end_of_candidates {
        flag(out, own, b"end-of-candidates");
    }
}
