//! Which medias a subscription or a transfer is about (ng-control.md §11.1, §11.9).

use rtpengine_common::ng::{All, Request};

use super::Call;
use super::block::Selected;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::{MediaId, PartyId};
use super::party::PartyFlags;

impl Call {
    /// The source medias a request names, in the order in which they are to be shown.
    pub(super) fn sources(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Vec<MediaId>, Error> {
        if request.all == All::All {
            return found(self.signalled_medias());
        }
        if let Selected::Party(party) = self.selected(request)? {
            return found(self.signalling.party(party).medias.to_vec());
        }
        let mut parties: Vec<PartyId> = Vec::new();
        for tag in &request.from_tags {
            match self.signalling.by_tag(tag.as_bytes()) {
                Some(party) if !parties.contains(&party) => parties.push(party),
                Some(_) => {}
                None => ctx.warn(format!("Given from-tag {} not found", tag.to_text())),
            }
        }
        found(parties.iter().flat_map(|&party| self.signalling.party(party).medias.iter().copied()).collect())
    }

    /// All medias, in creation order, of the parties that have sent an offer or answer themselves.
    fn signalled_medias(&self) -> Vec<MediaId> {
        let call = &self.signalling;
        let speaks = |id: &MediaId| {
            let flags = call.party(call.media(*id).party).flags;
            flags.contains(PartyFlags::SPOKE) && !flags.contains(PartyFlags::DELETED)
        };
        (0..call.medias.len()).map(MediaId::at).filter(speaks).collect()
    }
}

fn found(medias: Vec<MediaId>) -> Result<Vec<MediaId>, Error> {
    if medias.is_empty() { Err(Error::NoMedias) } else { Ok(medias) }
}
