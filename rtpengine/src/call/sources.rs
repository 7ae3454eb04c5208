//! Which medias a subscription or a transfer is about (ng-control.md §11.1, §11.9).

use rtpengine_common::ng::{All, Request};

use super::Call;
use super::block::Selected;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::{MediaId, PartyId};
use super::party::PartyFlags;

impl Call {
    /// The source medias a request names, in the order in which they are to be shown. Parties of calls that were merged for the request are none.
    pub(super) fn sources(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Vec<MediaId>, Error> {
        self.selected(request)?;
        if request.all != All::All {
            for tag in request.from_tags.iter().filter(|tag| self.signalling.by_tag(tag.as_bytes()).is_none())
            {
                ctx.warn(format!("Given from-tag {} not found", tag.to_text()));
            }
        }
        self.find_sources(request)
    }

    /// The same without any trace.
    pub(super) fn find_sources(&self, request: &Request) -> Result<Vec<MediaId>, Error> {
        if request.all == All::All {
            return found(self.signalled_medias());
        }
        let there = |party: &PartyId| !self.is_newcomer(*party);
        if let Selected::Party(party) = self.selected(request)? {
            let medias = &self.signalling.party(party).medias;
            return found(medias.iter().copied().filter(|_| there(&party)).collect());
        }
        let mut named: Vec<PartyId> = Vec::new();
        for party in request.from_tags.iter().filter_map(|tag| self.signalling.by_tag(tag.as_bytes())) {
            if there(&party) && !named.contains(&party) {
                named.push(party);
            }
        }
        found(named.iter().flat_map(|&party| self.signalling.party(party).medias.iter().copied()).collect())
    }

    fn is_newcomer(&self, party: PartyId) -> bool {
        self.newcomers.is_some_and(|first| party >= first)
    }

    /// All medias, in creation order, of the parties that have sent an offer or answer themselves.
    fn signalled_medias(&self) -> Vec<MediaId> {
        let call = &self.signalling;
        let speaks = |id: &MediaId| {
            let party = call.media(*id).party;
            let flags = call.party(party).flags;
            !self.is_newcomer(party)
                && flags.contains(PartyFlags::SPOKE)
                && !flags.contains(PartyFlags::DELETED)
        };
        (0..call.medias.len()).map(MediaId::at).filter(speaks).collect()
    }
}

fn found(medias: Vec<MediaId>) -> Result<Vec<MediaId>, Error> {
    if medias.is_empty() { Err(Error::NoMedias) } else { Ok(medias) }
}
