//! From a stream to its sinks: what is sent, where, and what of it is counted (media-plane.md §3.4).

use std::net::SocketAddr;

use rtpengine_common::codec::stream::WITHHELD;
use rtpengine_common::rtcp::{Compound, is_feedback, strip_feedback};
use rtpengine_common::rtp::{PacketIndex, RtpPacket};

use crate::call::ctx::Transmit;
use crate::call::ids::{SocketKey, StreamId};

use super::events::Notice;
use super::extension::rebuild;
use super::ingress::RtpFields;
use super::packet::Packet;
use super::plane::{Arrival, Plane, Turn};
use super::spec::{PtAction, PtTable};
use super::stream::{Rare, Stream};

/// What a sink makes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Untouched,
    Silenced(u8),
    NotSent,
}

/// One stream a packet goes to.
#[derive(Clone, Copy)]
struct Target {
    from: StreamId,
    to: StreamId,
    /// The payload is to be filled with this byte.
    fill: Option<u8>,
    /// Nobody needs the packet afterwards.
    last: bool,
}

/// From where to where, and whose SSRCs.
#[derive(Clone, Copy)]
pub(super) struct Route {
    from: SocketKey,
    endpoint: SocketAddr,
    pub(super) media: usize,
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
        let (count, fax) = (spec.rtp.len(), spec.fax);
        if spec.blackhole || !spec.receives {
            return;
        }
        if fax {
            #[cfg(feature = "codec")]
            self.feed_fax(turn, arrival.stream, packet.bytes());
            if count == 0 {
                return;
            }
        }
        if count == 0 {
            turn.events.push(turn.now.instant, arrival.stream, Notice::NoSink { from: arrival.source });
            return;
        }
        for number in 0..count {
            self.forward_to(turn, arrival.stream, number, packet, header);
        }
    }

    /// Sends a packet to one sink and its mirrors, or what stands for it.
    fn forward_to<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        from: StreamId,
        number: usize,
        packet: &mut Packet,
        header: Option<&RtpFields>,
    ) {
        let sink = self.streams[from.index()].spec.rtp.get(number).filter(|sink| sink.delivers);
        let Some(sink) = sink else { return };
        match (header, sink.edge) {
            (Some(header), Some(edge)) if self.has_injections(from) => {
                self.forward_with_digits(turn, from, (number, edge), packet, header);
            }
            _ => self.forward_treated(turn, from, number, packet, header),
        }
    }

    /// Sends a packet to one sink and its mirrors as the sink's table says.
    pub(super) fn forward_treated<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        from: StreamId,
        number: usize,
        packet: &mut Packet,
        header: Option<&RtpFields>,
    ) {
        let Stream { spec, rare, .. } = &mut self.streams[from.index()];
        let Some(sink) = spec.rtp.get(number).filter(|sink| sink.delivers) else { return };
        let treatment = sink
            .actions
            .as_ref()
            .map_or(Treatment::Untouched, |table| treat(table, rare, packet.bytes(), header));
        let fill = match treatment {
            Treatment::NotSent => {
                if let Some(header) = header
                    && sink.transcode.is_some()
                    && !sink.mixed
                {
                    // What comes behind it is not to wait for it.
                    let withheld = RtpFields { payload_type: WITHHELD, ..*header };
                    self.transcode(turn, (from, number), packet, &withheld, None);
                }
                return;
            }
            Treatment::Untouched => None,
            Treatment::Silenced(fill) => Some(fill),
        };
        if sink.mixed
            && let Some(header) = header
        {
            return self.mix(turn, (from, number), packet, header, fill);
        }
        if sink.transcode.is_some()
            && let Some(header) = header
        {
            return self.transcode(turn, (from, number), packet, header, fill);
        }
        let last_sink = number + 1 == spec.rtp.len();
        let mirrors = sink.mirrors.len();
        let target = Target { from, to: sink.to, fill, last: last_sink && mirrors == 0 };
        self.deliver(turn, target, packet, header);
        for place in 0..mirrors {
            let to = self.streams[from.index()].spec.rtp[number].mirrors[place].to;
            let target = Target { to, last: last_sink && place + 1 == mirrors, ..target };
            self.deliver(turn, target, packet, header);
        }
    }

    /// Sends a media packet through one stream and accounts it to the SSRCs its media sends.
    fn deliver<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        target: Target,
        packet: &mut Packet,
        header: Option<&RtpFields>,
    ) {
        let Some(route) = self.route(target.to) else { return };
        let len = packet.len();
        let index = header.and_then(|header| self.account_sent(route.media, header, len));
        let protect = self.protects(Some(target.from), target.to);
        let extend = self.rebuilds_extension(Some(target.from), target.to, packet.bytes());
        if !protect && !extend && target.fill.is_none() {
            self.send(turn.out, target.to, route, packet.bytes());
            return;
        }
        let work = if target.last {
            packet
        } else {
            turn.spare.copy_from(packet.bytes());
            &mut *turn.spare
        };
        if let (Some(fill), Some(header)) = (target.fill, header) {
            silence(work.bytes_mut(), header, fill);
        }
        let (events, now) = (&mut *turn.events, turn.now.instant);
        let mut say = |notice| events.push(now, target.to, notice);
        if extend {
            self.rebuild_extension(Some(target.from), target.to, work, &mut say);
        }
        if protect {
            let Some(index) = index else { return };
            if self.protect_rtp(target.to, work, index, &mut say).is_err() {
                return;
            }
        }
        self.send(turn.out, target.to, route, work.bytes());
    }

    /// Whether the header extension is rebuilt for a sink: one of the two medias negotiated any, and there is one, or one
    /// to be made.
    pub(super) fn rebuilds_extension(&self, from: Option<StreamId>, to: StreamId, bytes: &[u8]) -> bool {
        let extensions =
            |id: StreamId| self.streams.get(id.index()).and_then(|stream| stream.spec.extensions.as_ref());
        let (input, output) = (from.and_then(extensions), extensions(to));
        if input.is_none() && output.is_none() {
            return false;
        }
        let present = bytes.first().is_some_and(|first| first & 0x10 != 0);
        present || output.is_some_and(|output| output.own_mid().is_some())
    }

    pub(super) fn rebuild_extension(
        &mut self,
        from: Option<StreamId>,
        id: StreamId,
        packet: &mut Packet,
        say: &mut dyn FnMut(Notice),
    ) {
        let Some(to) = self.streams.get(id.index()) else { return };
        let Some(head) = self.transport(id) else { return };
        // A bundle has the form of its head (media-plane.md §14 rule 2).
        let two_byte = head.spec.extensions.as_ref().is_some_and(|head| head.needs_two_byte());
        let head = head.media.index();
        let Some(media) = self.medias.get_mut(head) else { return };
        media.two_byte |= two_byte;
        let from = from.and_then(|from| self.streams.get(from.index()));
        let input = from.and_then(|from| from.spec.extensions.as_deref());
        rebuild(packet, input, to.spec.extensions.as_deref(), &mut media.two_byte, say);
    }

    /// Sends RTCP to the RTCP sinks; direction does not matter.
    pub(super) fn forward_rtcp<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &Packet,
    ) {
        let count = self.streams[arrival.stream.index()].spec.rtcp.len();
        if count == 0 {
            turn.events.push(turn.now.instant, arrival.stream, Notice::NoSink { from: arrival.source });
        }
        for number in 0..count {
            let sink = &self.streams[arrival.stream.index()].spec.rtcp[number];
            let (to, strip, translate) =
                (sink.to, sink.strip_feedback && has_feedback(packet.bytes()), sink.translate);
            if !strip && !translate && !self.protects(None, to) {
                if let Some(route) = self.route(to) {
                    self.send(turn.out, to, route, packet.bytes());
                }
                continue;
            }
            turn.spare.copy_from(packet.bytes());
            if strip {
                let kept = strip_feedback(turn.spare.bytes_mut());
                turn.spare.truncate(kept);
            }
            if translate {
                self.translate_reports(to, turn.spare.bytes_mut());
            }
            if !turn.spare.is_empty() {
                self.send_spare_rtcp(turn, to);
            }
        }
    }

    /// Enciphers what is in the spare buffer, if need be, and sends it through a stream as RTCP.
    pub(super) fn send_spare_rtcp<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, to: StreamId) {
        let Some(route) = self.route(to) else { return };
        let (events, now) = (&mut *turn.events, turn.now.instant);
        let mut say = |notice| events.push(now, to, notice);
        if self.protects(None, to) && self.protect_rtcp(to, turn.spare, &mut say).is_err() {
            return;
        }
        self.send(turn.out, to, route, turn.spare.bytes());
    }

    /// Counts a packet for the SSRC it is sent with and returns its index.
    pub(super) fn account_sent(
        &mut self,
        media: usize,
        header: &RtpFields,
        len: usize,
    ) -> Option<PacketIndex> {
        let (entry, _) = self.medias.get_mut(media)?.ssrc_out.touch(header.ssrc);
        let index = entry.advance_index(header.sequence_number);
        entry.track(header.sequence_number);
        entry.count(len, header.timestamp, header.payload_type);
        Some(index)
    }

    /// The way out of a stream: `None` when there is nowhere to send to, or not yet (media-plane.md §3.4).
    pub(super) fn route(&self, to: StreamId) -> Option<Route> {
        let stream = self.transport(to)?;
        let from = stream.selected()?.key;
        let endpoint =
            stream.endpoint().filter(|endpoint| endpoint.port() != 0 && !endpoint.ip().is_unspecified())?;
        let waiting = stream.spec.nat_wait && !stream.received;
        (!waiting).then_some(Route { from, endpoint, media: stream.media.index() })
    }

    /// Sends a datagram and counts it.
    pub(super) fn send<T: Transmit>(&mut self, out: &mut T, to: StreamId, route: Route, bytes: &[u8]) {
        let counters = &mut self.streams[to.index()].outgoing;
        if out.send(route.from, route.endpoint, bytes) {
            counters.count(bytes.len());
        } else {
            counters.errors += 1;
        }
    }
}

/// What the table of a sink says about a packet.
fn treat(
    table: &PtTable,
    rare: &mut Option<Box<Rare>>,
    bytes: &[u8],
    header: Option<&RtpFields>,
) -> Treatment {
    let Some(header) = header else {
        return if table.default == PtAction::Drop { Treatment::NotSent } else { Treatment::Untouched };
    };
    if table.block_short.contains(&header.payload_type)
        && is_short(&mut rare.get_or_insert_default().short_norms, bytes, header)
    {
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
