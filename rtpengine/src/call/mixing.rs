//! The audio player: for whom the daemon mixes what they hear (players.md §8).

use std::sync::Arc;

use rtpengine_common::codec::{Codec, Linked};
use rtpengine_common::ng::{AudioPlayer, Flag, Request};
use rtpengine_common::sdp::MediaType;

use super::Call;
use super::codecs::Entry;
use super::ctx::Ctx;
use super::edge::EdgeFlags;
use super::ids::{MediaId, PartyId, StreamId};
use super::media::{Media, MediaFlags};
use super::party::PartyFlags;
use super::playing::{Role, plays};
use super::settings::{AudioPlayerMode, Settings};
use crate::flow::MixSpec;
use crate::player::Output;

impl Call {
    /// What an offer or answer makes of the audio players of its two parties.
    pub(super) fn update_mixers(
        &mut self,
        (sender, receiver): (PartyId, PartyId),
        request: &Request,
        answer: bool,
        ctx: &mut Ctx<'_>,
    ) {
        let flags = &mut self.signalling.party_mut(sender).flags;
        match request.audio_player {
            AudioPlayer::Force => flags.insert(PartyFlags::AUDIO_PLAYER),
            AudioPlayer::Off => flags.remove(PartyFlags::AUDIO_PLAYER),
            AudioPlayer::On | AudioPlayer::Default => {}
        }
        if !plays() {
            return;
        }
        for party in [sender, receiver] {
            self.renew_injections(party);
        }
        let transcoding = match request.audio_player {
            AudioPlayer::On => true,
            AudioPlayer::Off => false,
            AudioPlayer::Force | AudioPlayer::Default => {
                ctx.settings.audio_player == AudioPlayerMode::Transcoding
            }
        };
        let starts = answer || request.has(Flag::EarlyMedia);
        for party in [sender, receiver] {
            for media in self.signalling.party(party).medias.clone() {
                self.update_mixer(media, transcoding, starts, ctx);
            }
        }
    }

    fn update_mixer(&mut self, id: MediaId, transcoding: bool, starts: bool, ctx: &mut Ctx<'_>) {
        let had = self.signalling.media(id).has(MediaFlags::AUDIO_PLAYER);
        let forced =
            self.signalling.party(self.signalling.media(id).party).flags.contains(PartyFlags::AUDIO_PLAYER)
                || ctx.settings.audio_player == AudioPlayerMode::Always;
        let injected = self.is_injected_into(id);
        let mixed = injected || self.is_mixed_into(id);
        if !forced && !mixed && !transcoding && !had {
            return;
        }
        self.signalling.media_mut(id).flags.remove(MediaFlags::AUDIO_PLAYER);
        let asked_for = forced || transcoding && self.is_transcoded_to(id);
        self.put_mixer(id, asked_for || mixed, ctx);
        let flags = &mut self.signalling.media_mut(id).flags;
        let was_injected = flags.contains(MediaFlags::INJECTION_PLAYER);
        flags.set(MediaFlags::INJECTION_PLAYER, !asked_for && (injected || mixed && was_injected));
        if starts
            && self.signalling.media(id).has(MediaFlags::AUDIO_PLAYER)
            && let Some(stream) = self.signalling.media(id).rtp()
        {
            self.plane.start_mixer(stream, ctx.now.instant);
        }
    }

    /// A party goes, and its audio players with it.
    pub(super) fn forget_mixers(&mut self, party: PartyId) {
        for &media in &self.signalling.party(party).medias {
            if let Some(stream) = self.signalling.media(media).rtp() {
                self.plane.set_mixer(stream, None, [0; 18]);
            }
        }
    }

    /// Whether something that is sent to this media is transcoded, the audio player left aside.
    fn is_transcoded_to(&mut self, id: MediaId) -> bool {
        self.renew_handlers(&[id]);
        let mut edges = self.signalling.edges_to(id).filter(|edge| !edge.flags.contains(EdgeFlags::INJECT));
        edges.any(|edge| edge.codecs.transcodes())
    }

    /// Gives a media an audio player, or takes it away, and lets the flows follow.
    pub(super) fn put_mixer(&mut self, id: MediaId, wanted: bool, ctx: &mut Ctx<'_>) {
        let spec = wanted.then(|| self.mix_spec(id, ctx.settings)).flatten();
        let Some(stream) = self.signalling.media(id).rtp() else { return };
        let mut random = [0; 18];
        ctx.random.fill(&mut random);
        let there = self.plane.set_mixer(stream, spec, random);
        self.mixer_is(id, there);
    }

    /// Takes the audio player of a media away.
    pub(super) fn remove_mixer(&mut self, id: MediaId) {
        if let Some(stream) = self.signalling.media(id).rtp() {
            self.plane.set_mixer(stream, None, [0; 18]);
        }
        self.mixer_is(id, false);
    }

    fn mixer_is(&mut self, id: MediaId, there: bool) {
        self.signalling.media_mut(id).flags.set(MediaFlags::AUDIO_PLAYER, there);
        self.renew_handlers(&[id]);
        self.compile_sources(id);
    }

    /// What the audio player of a media would make: its first codec that can be encoded.
    fn mix_spec(&self, id: MediaId, settings: &Settings) -> Option<MixSpec> {
        let media = self.signalling.media(id);
        let entry = mix_entry(media)?;
        let ptime = entry.codec.packet_time(entry.payload_type, media.codecs.packet_time.ptime);
        Some(MixSpec {
            codec: Arc::clone(&entry.codec),
            payload_type: entry.payload_type,
            ptime,
            buffer: settings.audio_buffer,
            delay: settings.audio_delay,
        })
    }

    /// Whether a media can have an audio player.
    pub(super) fn can_be_mixed(&self, id: MediaId) -> bool {
        let media = self.signalling.media(id);
        media.rtp().is_some() && mix_entry(media).is_some()
    }

    /// Whether a player that starts for a media is mixed; in mode `play-media` the audio player begins with it.
    pub(super) fn mixes_for_playback(&mut self, id: MediaId, ctx: &mut Ctx<'_>) -> bool {
        if !self.signalling.media(id).has(MediaFlags::AUDIO_PLAYER)
            && ctx.settings.audio_player == AudioPlayerMode::PlayMedia
        {
            self.put_mixer(id, true, ctx);
        }
        self.signalling.media(id).has(MediaFlags::AUDIO_PLAYER)
    }

    /// Linear sound as the audio player of a stream takes it.
    pub(super) fn mixed_output(&self, stream: StreamId) -> Option<Output> {
        let format = self.plane.mix_format(stream)?;
        let codec = Codec::new("L16", format.rate, format.channels, None, true, &Linked);
        Some(Output { codec: Arc::new(codec), payload_type: 0, ptime: 20 })
    }

    /// Playback is over: the audio player it brought with it ends at once (players.md §8.2 rule 7).
    pub(super) fn end_playback_mixer(&mut self, party: PartyId, role: Role, ctx: &mut Ctx<'_>) {
        let Some(id) = self.mixed_media(party, role) else { return };
        let forced = self.signalling.party(party).flags.contains(PartyFlags::AUDIO_PLAYER);
        let needed = forced || self.is_mixed_into(id) || self.is_injected_into(id);
        if ctx.settings.audio_player == AudioPlayerMode::PlayMedia && !needed {
            self.put_mixer(id, false, ctx);
        }
        self.end_injection_mixer(id);
    }
}

/// The codec an audio player sends to a media: its first one that can be encoded.
fn mix_entry(media: &Media) -> Option<&Entry> {
    let fits = media.media_type == MediaType::Audio && media.is_rtp() && !media.has(MediaFlags::REJECTED);
    let mut entries = media.codecs.list.entries().iter().filter(|_| fits);
    entries.find(|entry| entry.codec.is_audio() && entry.codec.is_supported())
}
