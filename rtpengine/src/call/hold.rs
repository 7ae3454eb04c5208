//! Music on hold (players.md §7): who configured it, when it starts and stops.

use std::sync::Arc;

use rtpengine_common::ng::{Command, MohMode, MusicOnHold, Request};
use rtpengine_common::sdp::{Direction, Extracted, MediaType};

use super::Call;
use super::codec_bridge;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::{MediaId, PartyId};
use super::media::MediaFlags;
use super::playing::{Role, Wish, plays};
use super::settings::Settings;
use crate::player::source::Position;
use crate::player::{Plan, Source};

impl Call {
    /// What may have to be opened for an offer that puts somebody on hold. The SDP is not read for that: an offer that only looks like one
    /// opens a file in vain.
    pub(super) fn hold_question(&self, request: &Request) -> Option<Source> {
        let holds = |sdp: &[u8]| {
            [b"a=sendonly".as_slice(), b"a=inactive"]
                .iter()
                .any(|word| sdp.windows(word.len()).any(|w| w == *word))
        };
        if request.command != Command::Offer || !request.sdp.as_ref().is_some_and(|sdp| holds(sdp.as_bytes()))
        {
            return None;
        }
        let call = &self.signalling;
        let sender = request.from_tag().and_then(|tag| call.by_tag(tag.as_bytes()));
        if is_reflected(request) {
            let named = request.to_tag().and_then(|tag| call.by_tag(tag.as_bytes()));
            let other = named.or_else(|| sender.and_then(|party| call.first_offer_answer_peer(party)));
            return other.and_then(|party| source_of(call.party(party).hold_music.as_deref()));
        }
        let given = source_of(request.music_on_hold.as_ref());
        given.or_else(|| sender.and_then(|party| source_of(call.party(party).hold_music.as_deref())))
    }

    /// Whether the music can be played that an offer is going to start: to be asked before the offer changes anything, as it is refused
    /// without.
    pub(super) fn check_music(
        &self,
        request: &Request,
        extracted: &Extracted,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let Some(source) = self.hold_question(request).filter(|_| plays()) else { return Ok(()) };
        let mut streams = extracted.streams.iter();
        let first = streams.find(|params| params.media_type == MediaType::Audio && params.port != 0);
        let held = first.is_some_and(|params| !params.direction.receive);
        let foreign = ctx.settings.moh_prevent_double && extracted.session.music_on_hold;
        let call = &self.signalling;
        let sender = request.from_tag().and_then(|tag| call.by_tag(tag.as_bytes()));
        let other = sender.and_then(|party| call.first_offer_answer_peer(party));
        if !held || foreign || other.is_some_and(|party| self.holds_music(party)) {
            return Ok(());
        }
        self.opened(&source, ctx).map(drop)
    }

    /// Remembers what a message says about music on hold; an offer starts or stops it.
    pub(super) fn music_on_hold(
        &mut self,
        (sender, receiver): (PartyId, PartyId),
        request: &Request,
        extracted: &Extracted,
        answer: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        if let Some(given) = &request.music_on_hold {
            self.signalling.party_mut(sender).hold_music = Some(Box::new(given.clone()));
        }
        if !plays() {
            return Ok(());
        }
        if answer {
            self.keep_held(receiver);
            return Ok(());
        }
        if !self.is_on_hold(sender) {
            self.end_hold(sender, ctx);
            return Ok(());
        }
        let whose = if is_reflected(request) { receiver } else { sender };
        let Some(source) = source_of(self.signalling.party(whose).hold_music.as_deref()) else {
            return Ok(());
        };
        let foreign = ctx.settings.moh_prevent_double && extracted.session.music_on_hold;
        if foreign || self.holds_music(receiver) {
            return Ok(());
        }
        let media = self.opened(&source, ctx)?;
        let wish = Wish {
            plan: plan(ctx.settings),
            block: true,
            set: Arc::new(codec_bridge::options(request)),
            holder: Some(sender),
            music_of: Some(whose),
            holder_sends: self
                .first_audio(sender)
                .is_some_and(|id| self.signalling.media(id).has(MediaFlags::RECV)),
        };
        self.begin_player(receiver, Role::Media, &media, &wish, ctx)
    }

    /// Somebody who hears music and was shown `sendrecv` has answered: its holder stays as it announced itself (players.md §7.3).
    fn keep_held(&mut self, holder: PartyId) {
        let Some(held) = self.held_by(holder).filter(|held| is_sendrecv(self.heard_music(*held))) else {
            return;
        };
        let (Some(id), sends) = (self.first_audio(holder), self.holder_sends(held)) else { return };
        let flags = &mut self.signalling.media_mut(id).flags;
        flags.remove(MediaFlags::SEND);
        flags.set(MediaFlags::RECV, sends);
        self.compile_sources(id);
    }

    /// The first audio media of a party announces that it does not receive.
    fn is_on_hold(&self, party: PartyId) -> bool {
        self.first_audio(party).is_some_and(|id| !self.signalling.media(id).has(MediaFlags::SEND))
    }

    pub(super) fn first_audio(&self, party: PartyId) -> Option<MediaId> {
        let call = &self.signalling;
        call.party(party).medias.iter().copied().find(|&id| {
            let media = call.media(id);
            media.media_type == MediaType::Audio && !media.has(MediaFlags::REJECTED)
        })
    }

    /// The settings of the music that a party hears, while it hears it: of whoever's music it is (players.md §7.2 rule 7).
    pub(super) fn heard_music(&self, party: PartyId) -> Option<&MusicOnHold> {
        self.signalling.party(self.music_heard(party)?).hold_music.as_deref()
    }

    /// The direction that an offer shows to one put on hold while music plays in mode `sendrecv` (players.md §7.3): as if nothing were
    /// on hold.
    pub(super) fn hold_direction(&self, id: MediaId) -> Option<Direction> {
        let party = self.signalling.media(id).party;
        let shown = self.first_audio(party) == Some(id) && is_sendrecv(self.heard_music(party));
        shown.then_some(Direction { send: true, receive: true })
    }
}

fn is_sendrecv(music: Option<&MusicOnHold>) -> bool {
    music.is_some_and(|music| music.mode == MohMode::SendRecv)
}

fn is_reflected(request: &Request) -> bool {
    request.music_on_hold.as_ref().is_some_and(|music| music.mode == MohMode::Reflect)
}

fn source_of(music: Option<&MusicOnHold>) -> Option<Source> {
    music.and_then(|music| Source::of(&music.source))
}

/// How long music on hold plays (players.md §7.2 rule 3).
fn plan(settings: &Settings) -> Plan {
    let budget = settings.moh_max_duration;
    Plan {
        times: settings.moh_max_repeats.max(1),
        budget_ms: budget.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        from: Position::Beginning,
    }
}
