//! What a party is made to hear: files, rows of the database, music on hold, announcements (players.md §§1–3).
//!
//! Opening media takes time: [`Call::questions`] says what a request needs opened, the shard has that done while the request waits, and
//! hands the answers to the call with the request.

mod announcing;
mod running;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use rtpengine_common::ng::{Command, Flag, Reply, Request};
use rtpengine_common::sdp::MediaType;

pub(super) use self::slots::Players;

use super::Call;
use super::codec_bridge;
use super::codecs::CodecOptions;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::{MediaId, PartyId, StreamId};
use super::media::MediaFlags;
use crate::flow::{Level, Place, Purpose, Wake};
use crate::player::playback::AHEAD;
use crate::player::source::Position;
use crate::player::{Answer, Media, Output, Plan, Source, Start};

/// What a player is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `play media`, and music on hold.
    Media,
    /// What a party hears when recording starts.
    Announcement,
}

/// How something is played.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub plan: Plan,
    /// Nothing else is sent to the party meanwhile.
    pub block: bool,
    /// Options of the encoder.
    pub set: Arc<CodecOptions>,
    /// The party that holds, for music on hold.
    pub holder: Option<PartyId>,
    /// The party whose music it is: the holder, or the one who hears it.
    pub music_of: Option<PartyId>,
    /// That party announced that it sends all the same.
    pub holder_sends: bool,
}

/// Where a party hears what is played, and as what.
struct Outlet {
    media: MediaId,
    stream: StreamId,
    output: Output,
}

impl Wish {
    pub(super) fn of(request: &Request) -> Self {
        let play = &request.play;
        let from = play.start_position.map_or(Position::Beginning, Position::Ticks);
        let times = play.repeat_times.and_then(|times| u32::try_from(times).ok()).unwrap_or(1).max(1);
        let budget_ms = play.repeat_duration_ms.map(u64::from);
        Self {
            plan: Plan { times, budget_ms, from },
            block: request.has(Flag::BlockEgress),
            set: Arc::new(codec_bridge::options(request)),
            holder: None,
            music_of: None,
            holder_sends: false,
        }
    }
}

/// Whether this build plays media at all.
pub(super) fn plays() -> bool {
    cfg!(feature = "codec")
}

/// The text for a source that cannot be played (players.md §1.2 rule 4).
pub(super) fn failure(source: &Source) -> Error {
    match source {
        Source::File(_) => Error::PlayFile,
        Source::Blob(_) => Error::PlayBlob,
        Source::Database(_) => Error::PlayDatabase,
    }
}

impl Call {
    /// What has to be opened before the request can be carried out. Nothing for a request that fails anyway.
    #[must_use]
    pub fn questions(&self, request: &Request) -> Vec<Source> {
        if !plays() {
            return Vec::new();
        }
        let sources = match request.command {
            Command::PlayMedia => self.play_question(request),
            Command::Offer | Command::Answer => {
                let announcement = request
                    .has(Flag::RecordingAnnouncement)
                    .then(|| Source::of(&request.play.source))
                    .flatten();
                self.hold_question(request).into_iter().chain(announcement).collect()
            }
            _ => return Vec::new(),
        };
        let open = |source: &Source| self.players.answers.iter().any(|(known, _)| known == source);
        sources.into_iter().filter(|source| !open(source)).collect()
    }

    fn play_question(&self, request: &Request) -> Vec<Source> {
        let parties = self.selected(request).and_then(|selected| self.participants(selected));
        let hears = |party: &PartyId| !self.holds_music(*party);
        if !parties.is_ok_and(|parties| parties.iter().any(hears)) {
            return Vec::new();
        }
        Source::of(&request.play.source).into_iter().collect()
    }

    /// What was opened for the next request.
    pub fn answer_questions(&mut self, answers: Vec<(Source, Answer)>) {
        self.players.answers = answers;
    }

    /// What was opened for the next request, taken back.
    pub fn take_answers(&mut self) -> Vec<(Source, Answer)> {
        std::mem::take(&mut self.players.answers)
    }

    /// An opened source.
    pub(super) fn opened(&self, source: &Source, ctx: &mut Ctx<'_>) -> Result<Arc<dyn Media>, Error> {
        let answer = self.players.answers.iter().find(|(known, _)| known == source);
        match answer.map(|(_, answer)| answer) {
            Some(Ok(media)) => Ok(Arc::clone(media)),
            Some(Err(error)) => {
                ctx.log(Level::Error, format!("Failed to open {source}: {error}"));
                Err(failure(source))
            }
            None => {
                ctx.log(Level::Error, format!("Failed to open {source}: no media is played here"));
                Err(failure(source))
            }
        }
    }

    pub(super) fn play_media(
        &mut self,
        request: &Request,
        parties: &[PartyId],
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        if !plays() {
            return Err(Error::Unsupported);
        }
        let source = Source::of(&request.play.source).ok_or(Error::NoMediaFile)?;
        let wish = Wish::of(request);
        let mut reply = Reply::ok();
        let mut told = false;
        for &party in parties {
            if self.holds_music(party) {
                continue;
            }
            let media = self.opened(&source, ctx)?;
            self.begin_player(party, Role::Media, &media, &wish, ctx)?;
            let length = media.duration().and_then(|length| i64::try_from(length.as_millis()).ok());
            if let Some(length) = length.filter(|length| *length > 0 && !told) {
                reply = reply.with("duration", length);
            }
            told = true;
        }
        Ok(reply)
    }

    /// What delay buffers hold for the media that plays now is not sent any more (§3 rule 8, media-plane.md §18.2 rule 4).
    fn discard_delayed_for(&mut self, party: PartyId, role: Role) {
        let slot = self.players.slot(party, role);
        let Some((media, _)) = slot.and_then(|slot| slot.target) else { return };
        let call = &self.signalling;
        for edge in call.edges_to(media).filter(|edge| edge.flags.is_plain()) {
            if let Some(stream) = call.media(edge.source).rtp() {
                self.plane.discard_delayed(stream);
            }
        }
    }

    /// `stop media`. With `all` those who hear nothing do not matter, unless nobody does.
    pub(super) fn stop_media(
        &mut self,
        parties: &[PartyId],
        all: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        if !plays() {
            return Err(Error::Unsupported);
        }
        let mut last = None;
        let mut refused = None;
        for &party in parties {
            match self.stop_player(party, ctx) {
                Ok(position) => last = Some(position),
                Err(error) if all => refused = refused.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        let position = last.ok_or_else(|| refused.unwrap_or(Error::NotPlaying))?;
        Ok(Reply::ok().with("last-frame-pos", position))
    }

    fn stop_player(&mut self, party: PartyId, ctx: &mut Ctx<'_>) -> Result<i64, Error> {
        if self.holds_music(party) {
            return Err(Error::HoldPlaying);
        }
        let slot = self.players.slot_mut(party, Role::Media).ok_or(Error::NotPlaying)?;
        let position = slot.player.stop(ctx.now.instant);
        slot.media = None;
        let position = position.ok_or(Error::NotPlaying)?;
        self.stop_blocking(party, Role::Media);
        self.end_playback_mixer(party, Role::Media, ctx);
        Ok(position)
    }

    /// Whether music on hold plays to a party.
    pub(super) fn holds_music(&self, party: PartyId) -> bool {
        self.holder_of(party).is_some()
    }

    /// The media into whose audio player a player was mixed.
    pub(super) fn mixed_media(&self, party: PartyId, role: Role) -> Option<MediaId> {
        let slot = self.players.slot(party, role).filter(|slot| slot.mixed)?;
        slot.target.map(|(media, _)| media)
    }

    /// Whether some player is being mixed into the audio player of a media.
    pub(super) fn is_mixed_into(&self, media: MediaId) -> bool {
        let mut slots = self.players.slots.iter().filter(|slot| slot.mixed && slot.player.is_playing());
        slots.any(|slot| slot.target.is_some_and(|(target, _)| target == media))
    }

    /// Who put a party on hold, while it hears music.
    fn holder_of(&self, party: PartyId) -> Option<PartyId> {
        let slot = self.players.slot(party, Role::Media).filter(|slot| slot.player.is_playing())?;
        slot.wish.holder
    }

    /// Whose music on hold a party hears.
    pub(super) fn music_heard(&self, party: PartyId) -> Option<PartyId> {
        let slot = self.players.slot(party, Role::Media).filter(|slot| slot.player.is_playing())?;
        slot.wish.music_of
    }

    /// Who hears music because of this party.
    pub(super) fn held_by(&self, holder: PartyId) -> Option<PartyId> {
        let mut slots = self.players.slots.iter();
        let held = slots.find(|slot| slot.wish.holder == Some(holder) && slot.player.is_playing())?;
        Some(held.party)
    }

    /// Whether the one who put this party on hold sends all the same.
    pub(super) fn holder_sends(&self, party: PartyId) -> bool {
        self.players.slot(party, Role::Media).is_some_and(|slot| slot.wish.holder_sends)
    }

    /// Ends music on hold that this party started.
    pub(super) fn end_hold(&mut self, holder: PartyId, ctx: &Ctx<'_>) {
        let mut ended = Vec::new();
        for slot in self.players.slots.iter_mut().filter(|slot| slot.wish.holder == Some(holder)) {
            slot.player.stop(ctx.now.instant);
            slot.media = None;
            slot.wish.holder = None;
            ended.push(slot.party);
        }
        for party in ended {
            self.stop_blocking(party, Role::Media);
        }
    }

    /// Lets a party hear something from now on, and nothing any more of what was held back for it.
    pub(super) fn begin_player(
        &mut self,
        party: PartyId,
        role: Role,
        media: &Arc<dyn Media>,
        wish: &Wish,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        self.start_player(party, role, media, wish, ctx)?;
        self.discard_delayed_for(party, role);
        Ok(())
    }

    /// Lets a party hear something, in place of what its player played.
    fn start_player(
        &mut self,
        party: PartyId,
        role: Role,
        media: &Arc<dyn Media>,
        wish: &Wish,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let source = media.source();
        let Some(outlet) = self.outlet(party, wish, ctx) else { return Err(failure(source)) };
        let mixed = self.mixes_for_playback(outlet.media, ctx);
        let output =
            if mixed { self.mixed_output(outlet.stream).unwrap_or(outlet.output) } else { outlet.output };
        let track = media.play(&output, &wish.plan).map_err(|error| {
            ctx.log(Level::Error, format!("Failed to play {source}: {error}"));
            failure(source)
        })?;
        self.stop_blocking(party, role);
        let now = ctx.now.instant;
        let slot = self.players.slot_or_new(party, role, ctx);
        let times = wish.plan.times;
        slot.player.stop(now);
        let lead = if mixed { AHEAD } else { Duration::ZERO };
        slot.player.start(&Start { track, output, times, lead });
        slot.mixed = mixed;
        slot.media = Some(Arc::clone(media));
        slot.wish = wish.clone();
        slot.target = Some((outlet.media, outlet.stream));
        slot.report_due = None;
        slot.blocks = wish.block;
        slot.woken = Some(now);
        self.plane.wake_at(now, Wake { purpose: Purpose::Player, place: Place::Party(party) });
        if wish.block {
            self.set_blocking(outlet.media);
        }
        Ok(())
    }

    /// Where a party hears a player: its first audio media that may be sent to, and its first codec that can be encoded
    /// (players.md §1.2 rules 6, 7). Music on hold is played whatever the direction.
    fn outlet(&self, party: PartyId, wish: &Wish, ctx: &mut Ctx<'_>) -> Option<Outlet> {
        let call = &self.signalling;
        let fits = |id: &MediaId| {
            let media = call.media(*id);
            media.media_type == MediaType::Audio
                && media.is_rtp()
                && !media.has(MediaFlags::REJECTED)
                && (media.has(MediaFlags::SEND) || wish.holder.is_some())
                && media.rtp().and_then(|stream| self.plane.stream(stream)).is_some()
        };
        let Some(id) = call.party(party).medias.iter().copied().find(fits) else {
            ctx.log(Level::Error, "No suitable SDP section for media playback");
            return None;
        };
        let media = call.media(id);
        let entry = media.codecs.list.entries().iter().find(|e| e.codec.is_audio() && e.codec.is_supported());
        let Some(entry) = entry else {
            ctx.log(Level::Error, "No supported output codec found in SDP");
            return None;
        };
        let codec = wish.set.applied_to(entry);
        let ptime = codec.packet_time(entry.payload_type, media.codecs.packet_time.ptime);
        let output = Output { codec, payload_type: entry.payload_type, ptime };
        Some(Outlet { media: id, stream: media.rtp()?, output })
    }

    /// Other media towards this one is suppressed.
    fn set_blocking(&mut self, media: MediaId) {
        self.signalling.media_mut(media).flags.insert(MediaFlags::BLOCK_EGRESS);
        self.compile_sources(media);
    }

    /// The player of a party does not suppress other media any more.
    fn stop_blocking(&mut self, party: PartyId, role: Role) {
        let Some(slot) = self.players.slot_mut(party, role) else { return };
        if !std::mem::take(&mut slot.blocks) {
            return;
        }
        let Some((media, _)) = slot.target else { return };
        let others =
            self.players.slots.iter().any(|slot| slot.blocks && slot.target.is_some_and(|t| t.0 == media));
        if !others {
            self.signalling.media_mut(media).flags.remove(MediaFlags::BLOCK_EGRESS);
            self.compile_sources(media);
        }
    }

    /// Compiles the medias whose packets go to this one.
    pub(super) fn compile_sources(&mut self, sink: MediaId) {
        let mut sources: Vec<MediaId> =
            self.signalling.edges.iter().filter(|edge| edge.sink == sink).map(|edge| edge.source).collect();
        sources.push(sink);
        sources.sort_unstable();
        sources.dedup();
        sources.into_iter().for_each(|media| self.compile(media));
    }

    /// These parties are to go, now or later: what plays to them ends at once (ng-control.md §10.7 rule 5). What was played stays held
    /// until they are gone (§4.1 rule 4).
    pub(super) fn end_players(&mut self, parties: &[PartyId], ctx: &mut Ctx<'_>) {
        for &party in parties {
            for role in [Role::Media, Role::Announcement] {
                let Some(slot) = self.players.slot_mut(party, role).filter(|slot| slot.player.is_playing())
                else {
                    continue;
                };
                slot.player.end();
                self.stop_blocking(party, role);
                self.end_playback_mixer(party, role, ctx);
            }
        }
    }

    /// A party goes: nothing is played to it any more.
    pub(super) fn forget_players(&mut self, party: PartyId) {
        for role in [Role::Media, Role::Announcement] {
            self.stop_blocking(party, role);
        }
        self.players.slots.retain(|slot| slot.party != party);
    }
}
