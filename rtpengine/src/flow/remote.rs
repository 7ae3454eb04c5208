//! Packets that a remote endpoint transcodes (codecs.md §11.2(3)): they leave by a socket of their own, and what comes back there goes to
//! the sink.

use std::net::SocketAddr;

use rtpengine_common::rtp::is_rtcp;

use crate::call::ctx::Transmit;
use crate::call::ids::{EdgeId, SocketKey, StreamId};

use super::chains::Chain;
use super::ingress::RtpFields;
use super::packet::Packet;
use super::plane::{DropCause, Outcome, Plane, Received, Turn};
use super::sink::silence;

/// The way of one payload type of a link to a remote transcoder and back.
#[derive(Clone, Debug)]
pub struct RemoteWay {
    /// The stream its packets come in on.
    pub from: StreamId,
    /// The link they are of.
    pub edge: EdgeId,
    /// Their number.
    pub payload_type: u8,
    /// The socket they leave by, and to which what they became comes.
    pub socket: SocketKey,
    /// Where they go; whoever sends to the socket, this stays.
    pub to: SocketAddr,
    /// Where they are counted.
    pub chain: Option<Chain>,
}

impl Plane {
    /// All ways to remote transcoders; those there were before are over.
    pub fn set_remote_ways(&mut self, ways: Vec<RemoteWay>) {
        if self.seldom.is_some() || !ways.is_empty() {
            self.seldom.get_or_insert_default().remote = ways;
        }
    }

    fn remote_ways(&self) -> &[RemoteWay] {
        self.seldom.as_ref().map_or(&[], |seldom| &seldom.remote)
    }

    /// Sends a packet to the remote transcoder of its payload type on that link, unmodified; `fill` replaces the octets of its payload.
    /// `false`: there is none.
    pub(super) fn send_to_remote<T: Transmit>(
        &self,
        turn: &mut Turn<'_, T>,
        edge: Option<EdgeId>,
        packet: &Packet,
        header: &RtpFields,
        fill: Option<u8>,
    ) -> bool {
        let is_it = |way: &&RemoteWay| Some(way.edge) == edge && way.payload_type == header.payload_type;
        let Some(way) = self.remote_ways().iter().find(is_it) else { return false };
        if let Some(chain) = &way.chain {
            chain.count(Some(packet.len().saturating_sub(header.payload)), 0);
        }
        let Some(fill) = fill else {
            turn.out.send(way.socket, way.to, packet.bytes());
            return true;
        };
        turn.spare.copy_from(packet.bytes());
        silence(turn.spare.bytes_mut(), header, fill);
        turn.out.send(way.socket, way.to, turn.spare.bytes());
        true
    }

    /// Takes what came back from a remote transcoder: `None` if the socket is no such way. RTP goes to the sink as it is; who sent it is
    /// neither asked nor learned, and RTCP is not part of this.
    #[inline]
    pub(super) fn receive_from_remote<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        socket: SocketKey,
        packet: &mut Packet,
    ) -> Option<Received> {
        let way = self.remote_ways().iter().find(|way| way.socket == socket)?;
        let (from, edge) = (way.from, way.edge);
        let dropped = |cause| Some(Received { outcome: Outcome::Dropped(cause), error: false });
        if self.drop_traffic {
            return dropped(DropCause::TrafficDropped);
        }
        let header = RtpFields::read(packet.bytes()).filter(|_| !is_rtcp(packet.bytes()));
        let Some(header) = header else { return dropped(DropCause::NoSocket) };
        if self.crypto_stale {
            self.plan_crypto();
        }
        let spec = self.streams.get(from.index()).map(|stream| &stream.spec);
        let number = spec.and_then(|spec| spec.rtp.iter().position(|sink| sink.edge == Some(edge)));
        let Some(number) = number else { return dropped(DropCause::NoSocket) };
        self.deliver_to(turn, from, number, packet, Some(&header), None);
        Some(Received { outcome: Outcome::Accepted, error: false })
    }
}
