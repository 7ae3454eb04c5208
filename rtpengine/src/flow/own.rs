//! Media packets the daemon makes itself: transcoded ones, those of players, injected digits.

use rtpengine_common::rtp::{Extension, RtpHeader};
use smallvec::SmallVec;

use crate::call::ctx::Transmit;
use crate::call::ids::{EdgeId, StreamId};

use super::ingress::RtpFields;
use super::plane::{Plane, Turn};
use super::schedule::Offsets;

/// A media packet of the daemon's own that leaves later ([`Plane::send_media_at`]).
#[derive(Clone, Debug)]
pub struct OwnPacket {
    /// The stream in whose stead it is sent, where there is one.
    pub from: Option<StreamId>,
    /// The link it belongs to; who takes a link away takes its packets back.
    pub edge: Option<EdgeId>,
    /// The streams that send it, each to its own peer: the sink, and who listens to what goes there.
    pub to: SmallVec<[StreamId; 1]>,
    /// Its header.
    pub header: RtpHeader,
    /// Header extension to pass on, profile and body.
    pub extension: Option<(u16, Box<[u8]>)>,
    /// Its payload, at most [`MAX_PACKET`](super::MAX_PACKET) bytes with the header.
    pub payload: Vec<u8>,
}

impl OwnPacket {
    pub(super) fn shift(&mut self, by: &Offsets) {
        if let Some(from) = &mut self.from {
            from.0 += by.streams;
        }
        if let Some(edge) = &mut self.edge {
            edge.0 += by.edges;
        }
        self.to.iter_mut().for_each(|stream| stream.0 += by.streams);
    }
}

impl Plane {
    /// Sends a media packet of the daemon's own through a stream to its peer, at once. What a forwarded packet gets it gets too: it is
    /// counted for its SSRC among those the media sends and for the stream, its header extension is made for the peer (MID included),
    /// and it is enciphered. The caller knows whether the media is to be sent to at all (`sendonly`, `blackhole`).
    ///
    /// `from` is the stream in whose stead it is sent, where there is one: `extension`, a received one, is read as that media's.
    /// `false`: there is nowhere to send to (yet), or no keys.
    pub fn send_media<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, to): (Option<StreamId>, StreamId),
        header: &RtpHeader,
        extension: Option<Extension<'_>>,
        payload: &[u8],
    ) -> bool {
        let Some(route) = self.route(to) else { return false };
        let head = header.to_bytes();
        turn.spare.compose(&head, payload);
        if extension.is_some() {
            // An extension that finds no room is left out: the packet is not worth less without it.
            let _ = turn.spare.replace_extension(extension);
        }
        let len = turn.spare.len();
        let fields = RtpFields {
            payload_type: header.payload_type & 0x7f,
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            payload: len.saturating_sub(payload.len()),
        };
        let index = self.account_sent(route.media, &fields, len);
        let (events, now) = (&mut *turn.events, turn.now.instant);
        let mut say = |notice| events.push(now, to, notice);
        if self.rebuilds_extension(from, to, turn.spare.bytes()) {
            self.rebuild_extension(from, to, turn.spare, &mut say);
        }
        if self.protects(None, to) {
            let Some(index) = index else { return false };
            if self.protect_rtp(to, turn.spare, index, &mut say).is_err() {
                return false;
            }
        }
        self.send(turn.out, to, route, turn.spare.bytes());
        true
    }

    /// Sends a packet whose time has come.
    pub(super) fn send_packet<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, packet: &OwnPacket) {
        let extension =
            packet.extension.as_ref().map(|(profile, body)| Extension { profile: *profile, body });
        for &to in &packet.to {
            self.send_media(turn, (packet.from, to), &packet.header, extension, &packet.payload);
        }
    }
}
