//! Hiding the digits of a stream's source: what arrived is noted here, transcoders ask when something leaves (codecs.md §18.7).

use std::sync::Arc;

use rtpengine_common::codec::Codec;
use rtpengine_common::codec::dtmf::{Mask, Policy, Seen};
use rtpengine_common::codec::stream::ToneListener;
use rtpengine_common::rtp::RtpPacket;

use super::super::ingress::RtpFields;
use super::super::plane::Plane;
use super::watching::{DtmfNotice, dice};
use crate::call::ids::StreamId;

/// What is to be known of a source's digits, and what hides them.
#[derive(Clone, Debug)]
pub struct DtmfSpec {
    /// How digits are hidden.
    pub policy: Policy,
    /// Clock of the source's audio in Hz.
    pub clock: u32,
    /// Audio that is listened to for tones: payload type, codec, packet time in ms. Empty where the source sends events.
    pub listen: Vec<(u8, Arc<Codec>, u32)>,
}

impl PartialEq for DtmfSpec {
    fn eq(&self, other: &Self) -> bool {
        let numbers =
            |spec: &Self| spec.listen.iter().map(|(number, _, ptime)| (*number, *ptime)).collect::<Vec<_>>();
        let same_codec = |a: &(u8, Arc<Codec>, u32), b: &(u8, Arc<Codec>, u32)| {
            a.1.has_name(&b.1.name) && a.1.clock == b.1.clock
        };
        (&self.policy, self.clock) == (&other.policy, other.clock)
            && numbers(self) == numbers(other)
            && self.listen.iter().zip(&other.listen).all(|(a, b)| same_codec(a, b))
    }
}

impl Eq for DtmfSpec {}

/// What is known of the digits of a stream's source.
#[derive(Default)]
pub(in crate::flow) struct Hidden {
    /// Transcoders have it with each packet, as it is then, wherever they work.
    pub(in crate::flow) mask: Option<Arc<Mask>>,
    listener: Option<(u32, Box<ToneListener>)>,
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hidden").field("mask", &self.mask).finish_non_exhaustive()
    }
}

impl Plane {
    /// Another spec is in force for a stream: what hides its digits follows. Digits it knows stay known.
    pub(in crate::flow) fn respecify_dtmf(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let Some(spec) = stream.spec.dtmf.clone() else {
            if let Some(rare) = &mut stream.rare {
                rare.hidden = Hidden::default();
            }
            return;
        };
        let hidden = &mut stream.rare_mut().hidden;
        if spec.listen.is_empty() {
            hidden.listener = None;
        }
        match &mut hidden.mask {
            Some(mask) => Arc::make_mut(mask).set_policy(spec.policy.clone()),
            None => hidden.mask = Some(Arc::new(Mask::new(spec.policy.clone(), spec.clock))),
        }
    }

    /// Handlers were built anew: single tones begin with their first frequency again.
    pub fn rebuild_masks(&mut self) {
        let masks = self.streams.iter_mut().filter_map(|stream| stream.rare.as_mut()?.hidden.mask.as_mut());
        masks.map(Arc::make_mut).for_each(|mask| mask.set_policy(mask.policy().clone()));
    }

    /// Notes a digit of a stream's source for what hides it. `clock`: of its moments.
    pub(in crate::flow) fn note_hidden(&mut self, id: StreamId, seen: Seen, random: u8) {
        let rare = self.streams.get_mut(id.index()).and_then(|stream| stream.rare.as_mut());
        let Some(mask) = rare.and_then(|rare| rare.hidden.mask.as_mut()) else { return };
        let mask = Arc::make_mut(mask);
        match seen {
            Seen::Started { event, volume, timestamp } => mask.started(timestamp, event, volume, random),
            Seen::Ended { timestamp, duration, .. } => {
                mask.ended(timestamp.wrapping_add(duration.into()).wrapping_sub(1));
            }
        }
    }

    /// Listens to an audio packet, where that is wanted.
    #[cold]
    pub(in crate::flow) fn listen(&mut self, id: StreamId, bytes: &[u8], header: &RtpFields, salt: u64) {
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let Some(spec) = stream.spec.dtmf.clone() else { return };
        let known = spec.listen.iter().find(|(number, ..)| *number == header.payload_type);
        let (Some((number, codec, ptime)), Ok(packet)) = (known, RtpPacket::parse(bytes)) else { return };
        let hidden = &mut stream.rare_mut().hidden;
        let fresh = hidden.listener.as_ref().is_none_or(|(ssrc, _)| *ssrc != header.ssrc);
        if fresh {
            hidden.listener = ToneListener::open().ok().map(|listener| (header.ssrc, Box::new(listener)));
        }
        let Some((_, listener)) = &mut hidden.listener else { return };
        let mut all = Vec::new();
        let payload = packet.media().unwrap_or_else(|| packet.payload());
        // What cannot be decoded is silent; the transcoder complains of it if somebody is to hear it.
        let _ = listener.push(*number, (codec, *ptime), header.timestamp, payload, &mut all);
        for seen in all {
            self.note_hidden(id, seen, dice(salt, header.timestamp));
            self.note_dtmf(DtmfNotice { stream: id, from: None, clock: codec.clock, seen, injected: false });
        }
    }
}
