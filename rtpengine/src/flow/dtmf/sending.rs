//! What leaves along a link into which digits were put.

use rtpengine_common::rtp::RtpHeader;
use smallvec::SmallVec;

use super::super::ingress::RtpFields;
use super::super::packet::Packet;
use super::super::plane::{Plane, Turn};
use super::super::spec::PtAction;
use super::injecting::Step;
use crate::call::ctx::Transmit;
use crate::call::ids::{EdgeId, StreamId};

impl Plane {
    /// Whether digits were put into what this stream sends.
    #[inline]
    pub(in crate::flow) fn has_injections(&self, stream: StreamId) -> bool {
        let state = self.streams.get(stream.index());
        state.and_then(|state| state.rare.as_ref()).is_some_and(|rare| rare.injections.is_some())
    }

    /// Sends a packet along the link at position `number`, or the event packets that stand for it.
    #[cold]
    pub(in crate::flow) fn forward_with_digits<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        from: StreamId,
        (number, edge): (usize, EdgeId),
        packet: &mut Packet,
        header: &RtpFields,
    ) {
        match self.inject_into(from, edge, packet.bytes(), header, self.blocks_audio(from, number)) {
            Step::Untouched => self.forward_treated(turn, from, number, packet, Some(header)),
            Step::Swallowed => {}
            Step::Shifted(offset) => {
                let sequence_number = header.sequence_number.wrapping_add(offset);
                let mut own = Packet::new();
                own.copy_from(packet.bytes());
                if let Some(place) = own.bytes_mut().get_mut(2..4) {
                    place.copy_from_slice(&sequence_number.to_be_bytes());
                }
                let header = RtpFields { sequence_number, ..*header };
                self.forward_treated(turn, from, number, &mut own, Some(&header));
            }
            Step::Replaced { payload_type, placed, first, copies } => {
                let targets = self.targets(from, number);
                for copy in 0..copies {
                    let header = RtpHeader {
                        marker: placed.first && copy == 0,
                        payload_type,
                        sequence_number: first.wrapping_add(copy.into()),
                        timestamp: placed.timestamp,
                        ssrc: header.ssrc,
                    };
                    for &to in &targets {
                        self.send_media(turn, (Some(from), to), &header, None, &placed.payload.to_bytes());
                    }
                }
            }
        }
    }

    /// Whether a link lets no audio pass (`block media`): there are no packets then that digits could replace.
    fn blocks_audio(&self, from: StreamId, number: usize) -> bool {
        let sink = self.streams.get(from.index()).and_then(|stream| stream.spec.rtp.get(number));
        sink.and_then(|sink| sink.actions.as_ref()).is_some_and(|table| table.default == PtAction::Drop)
    }

    /// The streams a link leads to, egress subscribers included.
    fn targets(&self, from: StreamId, number: usize) -> SmallVec<[StreamId; 2]> {
        let sink = self.streams.get(from.index()).and_then(|stream| stream.spec.rtp.get(number));
        let mirrors = sink.map(|sink| sink.mirrors.iter().map(|mirror| mirror.to)).into_iter().flatten();
        sink.map(|sink| sink.to).into_iter().chain(mirrors).collect()
    }
}
