//! `play media`, `stop media`, `play DTMF`: whom they are about (ng-control.md §11.8, players.md).

use rtpengine_common::ng::{Command, Reply, Request};

use super::Call;
use super::block::Selected;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::PartyId;
use super::party::PartyFlags;
use crate::player::Source;

impl Call {
    /// The three commands, after their checks, in order.
    pub(super) fn play(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let selected = self.selected(request)?;
        let parties = self.participants(selected)?;
        match request.command {
            Command::PlayDtmf => self.play_dtmf(request, &parties, ctx),
            Command::PlayMedia if Source::of(&request.play.source).is_none() => Err(Error::NoMediaFile),
            Command::PlayMedia => self.play_media(request, &parties, ctx),
            _ => self.stop_media(&parties, selected == Selected::All, ctx),
        }
    }

    /// The parties a command of this kind is about.
    pub(super) fn participants(&self, selected: Selected) -> Result<Vec<PartyId>, Error> {
        match selected {
            Selected::Party(party) => Ok(vec![party]),
            Selected::All => Ok(self.living_parties()),
            Selected::Call => Err(Error::NoParticipant),
        }
    }

    pub(super) fn living_parties(&self) -> Vec<PartyId> {
        let parties = self.signalling.party_ids();
        parties.filter(|(_, party)| !party.flags.contains(PartyFlags::DELETED)).map(|(id, _)| id).collect()
    }
}
