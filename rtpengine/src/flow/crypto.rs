//! SRTP on the packet path: whose keys, which index (media-plane.md §2.1, §9).

use std::fmt;
use std::sync::Arc;

use rtpengine_common::rtcp::Compound;
use rtpengine_common::rtp::PacketIndex;
use rtpengine_common::srtp::{Context, KeyError, Parameters, Replay, SrtpError};

use crate::call::ids::StreamId;

use super::events::Notice;
use super::ingress::RtpFields;
use super::packet::Packet;
use super::plane::{MediaPlane, Plane};
use super::spec::FlowKind;
use super::ssrc::{Replays, SsrcEntry};
use super::stream::Stream;

/// Keys of one direction with what was derived from them, shared by the streams that use them.
pub struct Crypto {
    parameters: Parameters,
    context: Context,
}

impl Crypto {
    /// Derives the session keys.
    ///
    /// # Errors
    /// When the key does not fit its suite (`Failed to generate SRTP session keys`).
    pub fn new(parameters: Parameters) -> Result<Arc<Self>, KeyError> {
        let context = Context::new(&parameters)?;
        Ok(Arc::new(Self { parameters, context }))
    }

    /// What was negotiated.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.context, f)
    }
}

/// Keys of a stream; `None` where nothing is negotiated (yet).
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// What the peer protects with.
    pub incoming: Option<Arc<Crypto>>,
    /// What we protect with.
    pub outgoing: Option<Arc<Crypto>>,
}

fn same(one: Option<&Arc<Crypto>>, other: Option<&Arc<Crypto>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.parameters == other.parameters,
        _ => false,
    }
}

impl Keys {
    /// Puts other keys in force. Equal ones keep their context. Returns whether anything changed.
    pub(super) fn replace(&mut self, keys: Keys) -> bool {
        let kept = |old: &Option<Arc<Crypto>>, new: &Option<Arc<Crypto>>| {
            same(old.as_ref(), new.as_ref()) || old.is_none() && new.is_none()
        };
        let (incoming, outgoing) =
            (kept(&self.incoming, &keys.incoming), kept(&self.outgoing, &keys.outgoing));
        if !incoming {
            self.incoming = keys.incoming;
        }
        if !outgoing {
            self.outgoing = keys.outgoing;
        }
        !(incoming && outgoing)
    }
}

/// A packet that cannot be unprotected or protected.
pub(super) struct Unusable;

impl Plane {
    /// Decides for each stream whether its SRTP passes untouched. Asked once after specs or keys changed.
    #[cold]
    pub(super) fn plan_crypto(&mut self) {
        self.crypto_stale = false;
        for at in 0..self.streams.len() {
            let untouched = self.passes_untouched(&self.streams[at]);
            self.streams[at].untouched = untouched;
        }
    }

    /// "RTP untouched" of media-plane.md §2.1: one SRTP sink with the same keys, and nothing that wants to look inside.
    fn passes_untouched(&self, stream: &Stream) -> bool {
        let spec = &stream.spec;
        let [sink] = spec.rtp.as_slice() else { return false };
        let Some(other) = self.streams.get(sink.to.index()) else { return false };
        let plain_sink = sink.actions.is_none()
            && sink.transcode.is_none()
            && sink.mirrors.is_empty()
            && spec.rtcp.len() <= 1;
        let sdes = |stream: &Stream| stream.spec.srtp && !stream.spec.dtls && !stream.spec.recrypt;
        let keys = |stream: &Stream| match stream.spec.head {
            None => Some(stream.keys.clone()),
            Some(head) => self.streams.get(head.index()).map(|head| head.keys.clone()),
        };
        let (Some(ours), Some(theirs)) = (keys(stream), keys(other)) else { return false };
        plain_sink
            && sdes(stream)
            && sdes(other)
            && same(ours.incoming.as_ref(), theirs.outgoing.as_ref())
            && same(theirs.incoming.as_ref(), ours.outgoing.as_ref())
    }

    /// The index an RTP packet probably has, and the one before it. A new SSRC of a ciphered stream gets no entry yet: forged
    /// packets must not push out the real ones.
    pub(super) fn estimate_index(
        media: &mut MediaPlane,
        fields: &RtpFields,
        ciphered: bool,
    ) -> (PacketIndex, PacketIndex) {
        if ciphered && media.ssrc_in.get(fields.ssrc).is_none() {
            return (PacketIndex::default(), PacketIndex::default().estimate(fields.sequence_number));
        }
        let (entry, _) = media.ssrc_in.touch(fields.ssrc);
        (entry.index(), entry.advance_index(fields.sequence_number))
    }

    /// Deciphers an RTP packet in place. `index` is the estimate for its SSRC.
    pub(super) fn unprotect_rtp(
        &mut self,
        id: StreamId,
        packet: &mut Packet,
        fields: &RtpFields,
        index: PacketIndex,
        say: &mut dyn FnMut(Notice),
    ) -> Result<(), Unusable> {
        let Some(crypto) = self.transport(id).and_then(|stream| stream.keys.incoming.as_ref()) else {
            say(Notice::NoSrtpSuite {});
            return Err(Unusable);
        };
        let unprotected = crypto.context.unprotect_rtp(packet.bytes_mut(), index);
        let unprotected = unprotected.map_err(|error| refuse(error, say))?;
        packet.truncate(unprotected.len);
        let packets = usize::from(self.replay_window);
        let Some(media) = self.ssrc_media(id) else { return Err(Unusable) };
        let (entry, _) = media.ssrc_in.touch(fields.ssrc);
        if packets != 0 && unprotected.authentic && !entry.admits(packets, unprotected.index.raw(), false) {
            say(Notice::Replayed {});
            return Err(Unusable);
        }
        if unprotected.index != index {
            say(Notice::RocReset { from: index.roc(), to: unprotected.index.roc() });
        }
        entry.set_index(unprotected.index);
        Ok(())
    }

    /// Deciphers an RTCP packet in place, with the keys of the media's RTCP stream.
    pub(super) fn unprotect_rtcp(
        &mut self,
        id: StreamId,
        packet: &mut Packet,
        say: &mut dyn FnMut(Notice),
    ) -> Result<(), Unusable> {
        let Some(stream) = self.transport(id) else { return Err(Unusable) };
        let media = self.medias.get(stream.media.index());
        let sibling = media.and_then(|media| media.rtcp).and_then(|id| self.streams.get(id.index()));
        let keys =
            sibling.and_then(|sibling| sibling.keys.incoming.as_ref()).or(stream.keys.incoming.as_ref());
        let Some(crypto) = keys else {
            say(Notice::NoSrtcpSuite {});
            return Err(Unusable);
        };
        let plain_agreed = crypto.parameters.session.unencrypted_srtcp;
        let unprotected = crypto.context.unprotect_rtcp(packet.bytes_mut());
        let unprotected = unprotected.map_err(|error| refuse(error, say))?;
        packet.truncate(unprotected.len);
        let packets = usize::from(self.replay_window);
        if packets == 0 {
            return Ok(());
        }
        if !unprotected.authentic {
            // Nobody vouches for it. Who asked for replay protection takes that only where it was negotiated.
            return if plain_agreed { Ok(()) } else { Err(refuse(SrtpError::RtcpAuthentication, say)) };
        }
        let sender =
            packet.bytes().get(4..8).and_then(|ssrc| ssrc.try_into().ok()).map_or(0, u32::from_be_bytes);
        let Some(media) = self.ssrc_media(id) else { return Err(Unusable) };
        if !media.ssrc_in.touch(sender).0.admits(packets, unprotected.index, true) {
            say(Notice::Replayed {});
            return Err(Unusable);
        }
        Ok(())
    }

    /// Whether RTP that leaves through a stream is to be enciphered.
    pub(super) fn protects(&self, from: Option<StreamId>, to: StreamId) -> bool {
        let untouched = from.is_some_and(|from| self.streams[from.index()].untouched);
        !untouched
            && self.streams.get(to.index()).is_some_and(|to| to.spec.srtp && to.spec.kind != FlowKind::Raw)
    }

    /// Enciphers an RTP packet in place for the peer of a stream.
    pub(super) fn protect_rtp(
        &self,
        to: StreamId,
        packet: &mut Packet,
        index: PacketIndex,
        say: &mut dyn FnMut(Notice),
    ) -> Result<(), Unusable> {
        let Some(crypto) = self.transport(to).and_then(|stream| stream.keys.outgoing.as_ref()) else {
            say(Notice::NoSrtpSuite {});
            return Err(Unusable);
        };
        let (room, len) = packet.room_mut();
        let len = crypto.context.protect_rtp(room, len, index).map_err(|error| refuse(error, say))?;
        packet.set_len(len);
        Ok(())
    }

    /// Enciphers an RTCP packet in place for the peer of a stream.
    pub(super) fn protect_rtcp(
        &mut self,
        to: StreamId,
        packet: &mut Packet,
        say: &mut dyn FnMut(Notice),
    ) -> Result<(), Unusable> {
        let Some(crypto) = self.transport(to).and_then(|stream| stream.keys.outgoing.clone()) else {
            say(Notice::NoSrtcpSuite {});
            return Err(Unusable);
        };
        let sender =
            Compound::parse(packet.bytes()).ok().and_then(|compound| compound.packets().next()?.ssrc());
        let index = match (self.ssrc_media(to), sender) {
            (Some(media), Some(sender)) => media.ssrc_out.touch(sender).0.next_srtcp_index(),
            _ => return Err(Unusable),
        };
        let (room, len) = packet.room_mut();
        let len = crypto.context.protect_rtcp(room, len, index).map_err(|error| refuse(error, say))?;
        packet.set_len(len);
        Ok(())
    }
}

impl SsrcEntry {
    /// Whether an authentic packet was not seen before; it is remembered then.
    fn admits(&mut self, packets: usize, index: u32, rtcp: bool) -> bool {
        let replays = self.replay.get_or_insert_with(|| Replays::new(packets));
        let window = if rtcp { &mut replays.rtcp } else { &mut replays.rtp };
        let new = window.check(index) == Replay::New;
        if new {
            window.accept(index);
        }
        new
    }
}

fn refuse(error: SrtpError, say: &mut dyn FnMut(Notice)) -> Unusable {
    say(error.into());
    Unusable
}
