//! RTP (RFC 3550): views over packets, first-byte demultiplexing, header extensions, and the
//! per-source arithmetic of sequence numbers and jitter.
//!
//! Everything here is a pure function or a small plain struct: no clock, no allocation. A packet is
//! a byte slice that stays where it is; [`RtpPacket`] looks at it, [`RtpPacketMut`] changes fields in
//! place and [`replace_extension`] moves the header inside the buffer around it.

mod demux;
mod extension;
mod jitter;
mod packet;
mod sequence;

#[cfg(test)]
mod tests;

pub use demux::{PacketKind, classify, is_dtls, is_rtcp, is_rtp, is_stun, is_zrtp};
pub use extension::{
    Element, Elements, Extension, ExtensionBuilder, ExtensionForm, PROFILE_ONE_BYTE, PROFILE_TWO_BYTE,
    PushError, ReplaceError, replace_extension,
};
pub use jitter::{JitterEstimator, arrival_in_clock_units};
pub use packet::{HEADER_LEN, RtpError, RtpHeader, RtpPacket, RtpPacketMut, remove_padding};
pub use sequence::{Arrival, LossTracker, PacketIndex};

/// Runs every reader and rewriter of this module over foreign bytes, for the property tests and the
/// fuzz target. Panics when one of them breaks its promise.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let _ = classify(bytes);
    let Ok(packet) = RtpPacket::parse(bytes) else { return };
    let (payload, start) = (packet.payload(), packet.payload_start());
    assert_eq!(payload.len() + start, bytes.len());
    assert!(packet.media().is_none_or(|media| media.len() <= payload.len()));
    let mut builder = ExtensionBuilder::new(ExtensionForm::TwoByte);
    for element in packet.extension().iter().flat_map(Extension::elements) {
        assert!(element.id != 0 && element.value.len() <= 255);
        let _ = builder.push(element.id, element.value);
    }
    let rebuilt = builder.finish();
    let mut room = vec![0; 64];
    room.extend_from_slice(bytes);
    room.resize(room.len() + 64, 0);
    let span = 64..64 + bytes.len();
    if let Ok(moved) = replace_extension(&mut room, span, rebuilt) {
        let view = RtpPacket::parse(&room[moved]).expect("rewriting keeps a packet valid");
        assert_eq!(view.extension(), rebuilt);
        assert_eq!(view.payload(), payload);
        assert!(view.csrcs().eq(packet.csrcs()));
        assert_eq!((view.ssrc(), view.timestamp()), (packet.ssrc(), packet.timestamp()));
    }
    let mut copy = bytes.to_vec();
    if let Some(length) = remove_padding(&mut copy) {
        let view = RtpPacket::parse(&copy[..length]).expect("unpadded packet is valid");
        assert_eq!(Some(view.payload()), packet.media());
    }
}
