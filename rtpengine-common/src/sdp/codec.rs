//! The formats of an RTP section (sdp.md §3 rule 5, §17.2).

use super::text::Text;

/// One payload type of a section as signalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// Payload type, 0…127.
    pub payload_type: u8,
    /// Encoding name as received; empty if the number has no definition.
    pub name: Text,
    /// Clock rate in Hz; 0 if the number has no definition.
    pub clock_rate: u32,
    /// Channels, at least 1.
    pub channels: u32,
    /// Format parameters as received; empty if there are none.
    pub fmtp: Text,
    /// Values of `a=rtcp-fb` for this payload type, in order.
    pub rtcp_fb: Vec<Text>,
}

/// Payload types with a meaning of their own (RFC 3551 §6): number, name, clock rate, channels.
const STATIC: [(u8, &str, u32, u32); 24] = [
    (0, "PCMU", 8000, 1),
    (3, "GSM", 8000, 1),
    (4, "G723", 8000, 1),
    (5, "DVI4", 8000, 1),
    (6, "DVI4", 16000, 1),
    (7, "LPC", 8000, 1),
    (8, "PCMA", 8000, 1),
    (9, "G722", 8000, 1),
    (10, "L16", 44100, 1),
    (11, "L16", 44100, 2),
    (12, "QCELP", 8000, 1),
    (13, "CN", 8000, 1),
    (14, "MPA", 90000, 1),
    (15, "G728", 8000, 1),
    (16, "DVI4", 11025, 1),
    (17, "DVI4", 22050, 1),
    (18, "G729", 8000, 1),
    (25, "CelB", 90000, 1),
    (26, "JPEG", 90000, 1),
    (28, "nv", 90000, 1),
    (31, "H261", 90000, 1),
    (32, "MPV", 90000, 1),
    (33, "MP2T", 90000, 1),
    (34, "H263", 90000, 1),
];

/// The definition of a static payload type: name, clock rate, channels.
#[must_use]
pub fn static_payload_type(payload_type: u8) -> Option<(&'static str, u32, u32)> {
    STATIC
        .iter()
        .find(|(number, ..)| *number == payload_type)
        .map(|(_, name, clock_rate, channels)| (*name, *clock_rate, *channels))
}

impl Codec {
    /// A payload type without `rtpmap`: its static definition, else unnamed with clock 0.
    #[must_use]
    pub fn undefined(payload_type: u8) -> Self {
        let (name, clock_rate, channels) = static_payload_type(payload_type).unwrap_or(("", 0, 1));
        Codec {
            payload_type,
            name: Text::constant(name.as_bytes()),
            clock_rate,
            channels,
            fmtp: Text::EMPTY,
            rtcp_fb: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_definition_are_unnamed() {
        let codec = Codec::undefined(11);
        assert_eq!((codec.name, codec.clock_rate, codec.channels), (Text::from("L16"), 44100, 2));
        let codec = Codec::undefined(2);
        assert_eq!((codec.name, codec.clock_rate, codec.channels), (Text::EMPTY, 0, 1));
    }
}
