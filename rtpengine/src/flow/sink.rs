//! From a stream to its sinks: what is sent, where, and what of it is counted (media-plane.md §3.4).

use rtpengine_common::rtcp::{Compound, is_feedback, strip_feedback};
use rtpengine_common::rtp::RtpPacket;

use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

use super::events::Notice;
use super::ingress::RtpFields;
use super::packet::Packet;
use super::plane::{Arrival, Plane, Turn};
use super::spec::{PtAction, PtTable};
use super::stream::Stream;

/// What a sink makes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Untouched,
    Silenced(u8),
    NotSent,
}

impl Plane {
    /// Sends a packet to the RTP sinks. `header` is `None` for what is not read as RTP.
    pub(super) fn forward<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
        header: Option<&RtpFields>,
    ) {
        let spec = &self.streams[arrival.stream.index()].spec;
        let count = spec.rtp.len();
        if spec.blackhole || !spec.receives {
            return;
        }
        if count == 0 {
            turn.events.push(turn.now.instant, arrival.stream, Notice::NoSink { from: arrival.source });
            return;
        }
        for number in 0..count {
            self.forward_to(turn, arrival.stream, number, packet, header);
        }
    }

    /// Sends a packet to one sink. The last sink works in place, another one that changes the packet on a copy.
    fn forward_to<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        from: StreamId,
        number: usize,
        packet: &mut Packet,
        header: Option<&RtpFields>,
    ) {
        let Stream { spec, short_norms, .. } = &mut self.streams[from.index()];
        let Some(sink) = spec.rtp.get(number).filter(|sink| sink.delivers) else { return };
        let last = number + 1 == spec.rtp.len();
        let treatment = sink
            .actions
            .as_ref()
            .map_or(Treatment::Untouched, |table| treat(table, short_norms, packet.bytes(), header));
        let (to, mirrors) = (sink.to, sink.mirrors.len());
        let work = match treatment {
            Treatment::NotSent => return,
            Treatment::Untouched => packet,
            Treatment::Silenced(_) if last => packet,
            Treatment::Silenced(_) => {
                turn.spare.copy_from(packet.bytes());
                &mut *turn.spare
            }
        };
        if let (Treatment::Silenced(fill), Some(header)) = (treatment, header) {
            silence(work.bytes_mut(), header, fill);
        }
        for mirror in 0..mirrors {
            let mirror = self.streams[from.index()].spec.rtp[number].mirrors[mirror].to;
            self.send_media(turn.out, mirror, work.bytes(), header);
        }
        self.send_media(turn.out, to, work.bytes(), header);
    }

    /// Sends RTCP to the RTCP sinks; direction does not matter.
    pub(super) fn forward_rtcp<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
    ) {
        let count = self.streams[arrival.stream.index()].spec.rtcp.len();
        if count == 0 {
            turn.events.push(turn.now.instant, arrival.stream, Notice::NoSink { from: arrival.source });
        }
        for number in 0..count {
            let sink = &self.streams[arrival.stream.index()].spec.rtcp[number];
            let to = sink.to;
            let work = if sink.strip_feedback && has_feedback(packet.bytes()) {
                turn.spare.copy_from(packet.bytes());
                let kept = strip_feedback(turn.spare.bytes_mut());
                turn.spare.truncate(kept);
                &*turn.spare
            } else {
                &*packet
            };
            if work.is_empty() {
                continue;
            }
            self.send_from(turn.out, to, work.bytes());
        }
    }

    /// Sends a media packet through a stream and accounts it to the SSRCs its media sends.
    fn send_media<T: Transmit>(
        &mut self,
        out: &mut T,
        to: StreamId,
        bytes: &[u8],
        header: Option<&RtpFields>,
    ) {
        let Some(media) = self.send_from(out, to, bytes) else { return };
        let (Some(header), Some(media)) = (header, self.medias.get_mut(media)) else { return };
        let (entry, _) = media.ssrc_out.touch(header.ssrc);
        entry.advance_index(header.sequence_number);
        entry.track(header.sequence_number);
        entry.count(bytes.len(), header.timestamp, header.payload_type);
    }

    /// Sends a datagram from a stream's selected socket to its endpoint and counts it. Returns the stream's media when
    /// there was somewhere to send to.
    pub(super) fn send_from<T: Transmit>(
        &mut self,
        out: &mut T,
        to: StreamId,
        bytes: &[u8],
    ) -> Option<usize> {
        let stream = self.streams.get_mut(to.index())?;
        let from = stream.selected()?.key;
        let endpoint =
            stream.endpoint().filter(|endpoint| endpoint.port() != 0 && !endpoint.ip().is_unspecified())?;
        if stream.spec.nat_wait && !stream.received {
            return None;
        }
        if out.send(from, endpoint, bytes) {
            stream.outgoing.count(bytes.len());
        } else {
            stream.outgoing.errors += 1;
        }
        Some(stream.media.index())
    }
}

/// What the table of a sink says about a packet.
fn treat(
    table: &PtTable,
    short_norms: &mut Vec<(u8, u16)>,
    bytes: &[u8],
    header: Option<&RtpFields>,
) -> Treatment {
    let Some(header) = header else {
        return if table.default == PtAction::Drop { Treatment::NotSent } else { Treatment::Untouched };
    };
    if table.block_short.contains(&header.payload_type) && is_short(short_norms, bytes, header) {
        return Treatment::NotSent;
    }
    match table.action(header.payload_type) {
        PtAction::Forward => Treatment::Untouched,
        PtAction::Silence(fill) => Treatment::Silenced(fill),
        PtAction::Drop => Treatment::NotSent,
    }
}

/// `block short`: whether the payload is shorter than the first one of its payload type (media-plane.md §7.5).
fn is_short(norms: &mut Vec<(u8, u16)>, bytes: &[u8], header: &RtpFields) -> bool {
    let len = u16::try_from(bytes.len().saturating_sub(header.payload)).unwrap_or(u16::MAX);
    let Some(&(_, norm)) = norms.iter().find(|(payload_type, _)| *payload_type == header.payload_type) else {
        norms.push((header.payload_type, len));
        return false;
    };
    len < norm
}

/// Fills the payload; header, extension, padding and length stay (media-plane.md §17).
fn silence(bytes: &mut [u8], header: &RtpFields, fill: u8) {
    let padding = RtpPacket::parse(bytes).ok().and_then(|packet| packet.padding_len()).unwrap_or(0);
    let end = bytes.len().saturating_sub(padding);
    if let Some(payload) = bytes.get_mut(header.payload..end) {
        payload.fill(fill);
    }
}

fn has_feedback(bytes: &[u8]) -> bool {
    let mut packets = Compound::parse(bytes).ok().into_iter().flat_map(|compound| compound.packets());
    packets.any(|packet| is_feedback(packet.packet_type()))
}
