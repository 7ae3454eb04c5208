//! `inject start` and `inject stop`: the audio of one party is mixed into what another one hears (ng-control.md §11.10).

use rtpengine_common::ng::{Command, Reply, Request, present};
use rtpengine_common::sdp::MediaType;

use super::Call;
use super::ctx::Ctx;
use super::edge::EdgeFlags;
use super::error::Error;
use super::ids::{MediaId, PartyId};
use super::media::MediaFlags;
use super::party::PartyFlags;
use super::playing::plays;
use crate::flow::Level;

/// Why there is nothing to mix, or nothing to mix it into.
const NO_AUDIO: &str = "No audio media to inject";

impl Call {
    pub(super) fn inject(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let to = request.to_tag().ok_or(Error::NoToTag)?;
        let source = present(&request.source_tag).ok_or(Error::NoSourceTag)?;
        if !self.leads_here(request.source_call_id.iter()) {
            return Err(Error::UnknownCallIds);
        }
        let sink = self.signalling.by_tag(to.as_bytes()).ok_or(Error::ToTagNotFound)?;
        let from = self.signalling.by_tag(source.as_bytes()).ok_or(Error::SourceTagNotFound)?;
        if sink == from {
            return Err(Error::InjectSelf);
        }
        if request.command == Command::InjectStop {
            return self.stop_injection(from, sink);
        }
        let started = self.injection_pairs(from, sink).and_then(|pairs| {
            self.start_injection(&pairs, ctx).then_some(()).ok_or("The audio player cannot be opened")
        });
        started.map_err(|reason| {
            ctx.log(Level::Error, reason);
            Error::InjectStart
        })?;
        Ok(Reply::ok())
    }

    /// Whether a party of another call can be injected once the calls are one: a command that fails leaves them apart.
    pub(super) fn may_inject(&self, request: &Request, others: &[&Self]) -> Result<(), Error> {
        if !self.can_merge_all(others) {
            return Err(Error::InjectMerge);
        }
        let find = |tag: &[u8]| {
            let mut calls = std::iter::once(self).chain(others.iter().copied());
            calls.find_map(|call| Some((call, call.signalling.by_tag(tag)?)))
        };
        let to = request.to_tag().ok_or(Error::NoToTag)?;
        let source = present(&request.source_tag).ok_or(Error::NoSourceTag)?;
        let (sink_call, sink) = find(to.as_bytes()).ok_or(Error::ToTagNotFound)?;
        let (source_call, from) = find(source.as_bytes()).ok_or(Error::SourceTagNotFound)?;
        if std::ptr::eq(sink_call, source_call) {
            // The further ids add nothing: what can be said is said when the command is carried out.
            return Ok(());
        }
        // Between calls there are no links.
        if request.command == Command::InjectStop {
            return Err(Error::InjectStop);
        }
        let mixes = !sink_call.injectable(sink).is_empty() && !source_call.heard(from).is_empty();
        if mixes { Ok(()) } else { Err(Error::InjectStart) }
    }

    /// The audio medias a party sends.
    fn heard(&self, party: PartyId) -> Vec<MediaId> {
        let call = &self.signalling;
        let audio = |id: &MediaId| {
            let media = call.media(*id);
            media.media_type == MediaType::Audio && media.is_rtp() && !media.has(MediaFlags::REJECTED)
        };
        call.party(party).medias.iter().copied().filter(audio).collect()
    }

    /// The medias of a party that can have an audio player.
    fn injectable(&self, party: PartyId) -> Vec<MediaId> {
        if !plays() {
            return Vec::new();
        }
        let medias = self.signalling.party(party).medias.iter().copied();
        medias.filter(|&id| self.can_be_mixed(id)).collect()
    }

    /// Which medias an injection links, or why it cannot be.
    fn injection_pairs(&self, from: PartyId, sink: PartyId) -> Result<Vec<(MediaId, MediaId)>, &'static str> {
        let call = &self.signalling;
        let sinks = self.injectable(sink);
        let first = *sinks.first().ok_or(NO_AUDIO)?;
        let counterpart = |&source: &MediaId| {
            let media = call.media(source);
            let same_mid = |id: &&MediaId| media.mid.is_some() && call.media(**id).mid == media.mid;
            let same_index = |id: &&MediaId| call.media(**id).index == media.index;
            let found = sinks.iter().find(same_mid).or_else(|| sinks.iter().find(same_index));
            (source, found.copied().unwrap_or(first))
        };
        let pairs: Vec<_> = self.heard(from).iter().map(counterpart).collect();
        if pairs.is_empty() {
            return Err(NO_AUDIO);
        }
        // Whoever hears the source already would hear it twice.
        let linked = |&(source, sink): &(MediaId, MediaId)| {
            call.edges_from(source).any(|edge| edge.sink == sink && edge.flags.is_plain())
        };
        if pairs.iter().any(linked) { Err("The parties hear each other already") } else { Ok(pairs) }
    }

    /// Links the pairs and gives the sinks their audio players. `false`: one cannot be opened, and nothing was changed.
    fn start_injection(&mut self, pairs: &[(MediaId, MediaId)], ctx: &mut Ctx<'_>) -> bool {
        let known = self.signalling.edges.len();
        for &(source, sink) in pairs {
            self.signalling.link_injected(source, sink);
        }
        for &(_, sink) in pairs {
            let media = self.signalling.media_mut(sink);
            if !media.has(MediaFlags::AUDIO_PLAYER) {
                media.flags.insert(MediaFlags::INJECTION_PLAYER);
            }
            self.put_mixer(sink, true, ctx);
        }
        let mixed = pairs.iter().all(|&(_, sink)| self.signalling.media(sink).has(MediaFlags::AUDIO_PLAYER));
        if !mixed {
            self.signalling.edges.truncate(known);
            self.injections_ended(pairs);
        }
        mixed
    }

    fn stop_injection(&mut self, from: PartyId, sink: PartyId) -> Result<Reply, Error> {
        let call = &self.signalling;
        let mut pairs = self.injections_of(&call.party(from).medias);
        pairs.retain(|&(_, media)| call.media(media).party == sink);
        if pairs.is_empty() {
            return Err(Error::InjectStop);
        }
        self.unlink(|a, b, flags| flags.contains(EdgeFlags::INJECT) && (a, b) == (from, sink));
        self.injections_ended(&pairs);
        Ok(Reply::ok())
    }

    /// The injections that start at some of these medias, from source to sink.
    pub(super) fn injections_of(&self, sources: &[MediaId]) -> Vec<(MediaId, MediaId)> {
        let edges = self.signalling.edges.iter().filter(|edge| edge.flags.contains(EdgeFlags::INJECT));
        let own = edges.filter(|edge| sources.contains(&edge.source));
        own.map(|edge| (edge.source, edge.sink)).collect()
    }

    /// Links between these sources and sinks are gone: audio players that were there for them end, and what is left is put in force.
    pub(super) fn injections_ended(&mut self, pairs: &[(MediaId, MediaId)]) {
        for &(source, sink) in pairs {
            let transcoding = self.signalling.edges_from(source).any(|edge| edge.codecs.transcodes());
            self.signalling.media_mut(source).flags.set(MediaFlags::TRANSCODING, transcoding);
            self.compile(source);
            self.end_injection_mixer(sink);
        }
    }

    /// Takes away the audio player that only injections needed, if there is none left.
    pub(super) fn end_injection_mixer(&mut self, id: MediaId) {
        let media = self.signalling.media(id);
        let forced = self.signalling.party(media.party).flags.contains(PartyFlags::AUDIO_PLAYER);
        let only_for_them = media.has(MediaFlags::INJECTION_PLAYER) && !forced;
        if !only_for_them || self.is_injected_into(id) || self.is_mixed_into(id) {
            return;
        }
        self.signalling.media_mut(id).flags.remove(MediaFlags::INJECTION_PLAYER);
        self.remove_mixer(id);
    }

    /// Whether the audio of somebody else is injected into what this media hears.
    pub(super) fn is_injected_into(&self, id: MediaId) -> bool {
        self.signalling.edges_to(id).any(|edge| edge.flags.contains(EdgeFlags::INJECT))
    }

    /// What a party's audio is injected into follows what it negotiated.
    pub(super) fn renew_injections(&mut self, party: PartyId) {
        for (source, _) in self.injections_of(&self.signalling.party(party).medias) {
            self.renew_injected(source);
            self.compile(source);
        }
    }
}
