//! Which media of a bundle a packet belongs to (media-plane.md §15).

use rtpengine_common::rtcp::Compound;
use rtpengine_common::rtp::RtpPacket;

use crate::call::ids::StreamId;

use super::ingress::RtpFields;
use super::plane::{MediaPlane, Plane};
use super::stream::Stream;

impl Plane {
    /// The stream whose sockets, endpoint, keys and SSRCs a stream uses: its own, or those of the bundle's head.
    #[inline]
    pub(super) fn transport(&self, id: StreamId) -> Option<&Stream> {
        let stream = self.streams.get(id.index())?;
        match stream.spec.head {
            None => Some(stream),
            Some(head) => self.streams.get(head.index()),
        }
    }

    /// The media whose SSRC tables a stream's packets count in.
    #[inline]
    pub(super) fn ssrc_media(&mut self, id: StreamId) -> Option<&mut MediaPlane> {
        let media = self.transport(id)?.media.index();
        self.medias.get_mut(media)
    }

    /// The stream that handles an RTP packet which came in for `stream`: first hit of MID, SSRC memory, payload type. With it
    /// the member that a known MID named: to be remembered once the packet turned out authentic.
    pub(super) fn demultiplex(
        &self,
        id: StreamId,
        bytes: &[u8],
        fields: &RtpFields,
    ) -> (StreamId, Option<StreamId>) {
        let stream = &self.streams[id.index()];
        let Some(bundle) = &stream.spec.bundle else { return (id, None) };
        let extension = RtpPacket::parse(bytes).ok().and_then(|packet| packet.extension());
        let mid = bundle.mid_id.zip(extension).and_then(|(id, extension)| extension.find(id));
        if let Some(member) = mid.and_then(|mid| bundle.by_mid(mid)) {
            return (self.known_or(member, id), Some(member));
        }
        let entry = self.medias.get(stream.media.index()).and_then(|media| media.ssrc_in.get(fields.ssrc));
        let remembered = entry.and_then(|entry| entry.member);
        let hit = remembered.or_else(|| bundle.by_payload_type(fields.payload_type));
        (hit.map_or(id, |member| self.known_or(member, id)), None)
    }

    /// The same for RTCP: SSRC memory of the sender.
    pub(super) fn demultiplex_rtcp(&self, id: StreamId, bytes: &[u8]) -> StreamId {
        let stream = &self.streams[id.index()];
        if stream.spec.bundle.is_none() {
            return id;
        }
        let sender = Compound::parse(bytes).ok().and_then(|compound| compound.packets().next()?.ssrc());
        let media = self.medias.get(stream.media.index());
        let entry = media.zip(sender).and_then(|(media, sender)| media.ssrc_in.get(sender));
        entry.and_then(|entry| entry.member).map_or(id, |member| self.known_or(member, id))
    }

    fn known_or(&self, member: StreamId, socket_owner: StreamId) -> StreamId {
        if member.index() < self.streams.len() { member } else { socket_owner }
    }
}
