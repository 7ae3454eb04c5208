//! The audio player: for whom the daemon mixes what they hear (players.md §8).

use std::sync::Arc;

use rtpengine_common::codec::{Codec, Linked};
use rtpengine_common::ng::{AudioPlayer, Flag, Request};
use rtpengine_common::sdp::MediaType;

use super::Call;
use super::ctx::Ctx;
use super::ids::{MediaId, PartyId, StreamId};
use super::media::MediaFlags;
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
                || ctx.settings.audio_player == AudioPlayerMode::Always
                || self.is_mixed_into(id);
        if !forced && !transcoding && !had {
            return;
        }
        self.signalling.media_mut(id).flags.remove(MediaFlags::AUDIO_PLAYER);
        let wanted = forced || transcoding && self.is_transcoded_to(id);
        self.put_mixer(id, wanted, ctx);
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
        self.signalling.edges.iter().any(|edge| edge.sink == id && edge.codecs.transcodes())
    }

    /// Gives a media an audio player, or takes it away, and lets the flows follow.
    fn put_mixer(&mut self, id: MediaId, wanted: bool, ctx: &mut Ctx<'_>) {
        let spec = wanted.then(|| self.mix_spec(id, ctx.settings)).flatten();
        let Some(stream) = self.signalling.media(id).rtp() else { return };
        let mut random = [0; 18];
        ctx.random.fill(&mut random);
        let there = self.plane.set_mixer(stream, spec, random);
        self.signalling.media_mut(id).flags.set(MediaFlags::AUDIO_PLAYER, there);
        self.renew_handlers(&[id]);
        self.compile_sources(id);
    }

    /// What the audio player of a media would make: its first codec that can be encoded.
    fn mix_spec(&self, id: MediaId, settings: &Settings) -> Option<MixSpec> {
        let media = self.signalling.media(id);
        let fits = media.media_type == MediaType::Audio && media.is_rtp() && !media.has(MediaFlags::REJECTED);
        if !fits {
            return None;
        }
        let entries = media.codecs.list.entries().iter();
        let entry = entries.into_iter().find(|e| e.codec.is_audio() && e.codec.is_supported())?;
        let ptime = entry.codec.packet_time(entry.payload_type, media.codecs.packet_time.ptime);
        Some(MixSpec {
            codec: Arc::clone(&entry.codec),
            payload_type: entry.payload_type,
            ptime,
            buffer: settings.audio_buffer,
            delay: settings.audio_delay,
        })
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
        if ctx.settings.audio_player == AudioPlayerMode::PlayMedia && !forced && !self.is_mixed_into(id) {
            self.put_mixer(id, false, ctx);
        }
    }
}
