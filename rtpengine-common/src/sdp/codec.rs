//! The formats of an RTP section (sdp.md §3 rule 5, §17.2).

use super::text::Text;
use crate::codec::table::StaticPayloadType;

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

impl Codec {
    /// A payload type without `rtpmap`: its static definition, else unnamed with clock 0.
    #[must_use]
    pub fn undefined(payload_type: u8) -> Self {
        let fixed = StaticPayloadType::by_number(payload_type);
        let (name, clock_rate, channels) =
            fixed.map_or(("", 0, 1), |fixed| (fixed.name, fixed.clock, fixed.channels));
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
