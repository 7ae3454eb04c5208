//! Trickle ICE fragments: candidates that come after their SDP (sdp.md §14.7, ng-control.md §11.3).

use std::time::{Duration, Instant};

use rtpengine_common::sdp::{Extracted, MAX_CANDIDATES, StreamParams};

use super::Call;
use super::commands::TOO_MANY_CANDIDATES;
use super::ctx::{Ctx, Now};
use super::ids::{MediaId, PartyId};
use super::media::MediaFlags;
use crate::flow::Level;

/// How long a fragment waits for its party.
const PATIENCE: Duration = Duration::from_secs(3);
/// Fragments that wait at the most; later ones are dropped.
pub(super) const MAX_WAITING: usize = 32;

/// A fragment that came before its party.
#[derive(Debug)]
pub(super) struct Waiting {
    until: Instant,
    tag: Box<[u8]>,
    extracted: Extracted,
}

impl Call {
    /// Applies a fragment to the medias of its party, or keeps it until that appears.
    pub(super) fn fragment(&mut self, tag: &[u8], extracted: &Extracted, ctx: &mut Ctx<'_>) {
        if let Some(party) = self.signalling.by_tag(tag) {
            self.update_candidates(party, extracted, ctx);
            return;
        }
        if self.fragments.len() >= MAX_WAITING {
            ctx.warn("Too many trickle ICE fragments are waiting for their party, dropping one");
            return;
        }
        let until = ctx.now.instant + PATIENCE;
        self.fragments.push(Waiting { until, tag: tag.into(), extracted: extracted.clone() });
    }

    /// Applies what waited for this party.
    pub(super) fn apply_fragments(&mut self, party: PartyId, ctx: &mut Ctx<'_>) {
        let (mine, others): (Vec<Waiting>, Vec<Waiting>) = std::mem::take(&mut self.fragments)
            .into_iter()
            .partition(|waiting| self.signalling.party(party).has_tag(&waiting.tag));
        self.fragments = others;
        let now = ctx.now.instant;
        for waiting in mine.into_iter().filter(|waiting| waiting.until > now) {
            self.update_candidates(party, &waiting.extracted, ctx);
        }
    }

    /// Forgets fragments that waited too long; true if nothing but such fragments kept the call.
    pub(super) fn expire_fragments(&mut self, now: Now) -> bool {
        let waited = !self.fragments.is_empty();
        self.fragments.retain(|waiting| waiting.until > now.instant);
        waited && self.fragments.is_empty() && self.signalling.parties.is_empty()
    }

    fn update_candidates(&mut self, party: PartyId, extracted: &Extracted, ctx: &mut Ctx<'_>) {
        for params in &extracted.streams {
            let Some(id) = self.fragment_media(party, params) else {
                ctx.log(Level::Warning, "No matching media for trickle ICE update found");
                continue;
            };
            let media = self.signalling.media_mut(id);
            if !media.has(MediaFlags::ICE) {
                ctx.log(Level::Warning, "Media for trickle ICE update is not ICE-enabled");
            } else if !media.has(MediaFlags::TRICKLE_ICE) {
                ctx.log(Level::Warning, "Media for trickle ICE update is not trickle-ICE-enabled");
            } else if let Some(ice) = &params.ice {
                let known = &mut media.section.candidates;
                let room = MAX_CANDIDATES.saturating_sub(known.len());
                *known = known.iter().chain(ice.candidates.iter().take(room)).cloned().collect();
                if ice.candidates.len() > room {
                    ctx.warn(TOO_MANY_CANDIDATES);
                }
                if ice.end_of_candidates {
                    media.flags.insert(MediaFlags::END_OF_CANDIDATES);
                }
            }
        }
    }

    /// The media a section of a fragment is about, unless it is about another generation of ICE (media-plane.md §11.10 rule 4).
    fn fragment_media(&self, party: PartyId, params: &StreamParams) -> Option<MediaId> {
        let media = self.fragment_section(party, params)?;
        let known = self.signalling.media(media).ice.as_ref().map(|ice| &ice.peer_ufrag);
        let said = params.ice.as_ref().map(|ice| &ice.ufrag);
        let other = known
            .zip(said)
            .is_some_and(|(known, said)| !known.is_empty() && !said.is_empty() && known != said);
        (!other).then_some(media)
    }

    fn fragment_section(&self, party: PartyId, params: &StreamParams) -> Option<MediaId> {
        let medias = &self.signalling.party(party).medias;
        let by_mid = params.mid.as_ref().and_then(|mid| {
            medias.iter().copied().find(|&id| self.signalling.media(id).mid.as_ref() == Some(mid))
        });
        by_mid.or_else(|| medias.get((params.index as usize).checked_sub(1)?).copied())
    }
}
