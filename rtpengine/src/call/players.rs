//! `play media`, `stop media`, `play DTMF`: what can be said about them without players (ng-control.md §11.8, players.md).

use rtpengine_common::ng::{Command, Reply, Request};

use super::Call;
use super::block::Selected;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::PartyId;
use super::party::PartyFlags;

impl Call {
    /// The checks of the three commands, in their order. What passes them is refused: this build has no players.
    pub(super) fn play(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let parties = match self.selected(request)? {
            Selected::Party(party) => vec![party],
            Selected::All => self.living_parties(),
            Selected::Call => return Err(Error::NoParticipant),
        };
        match request.command {
            Command::PlayMedia if request.play.source.is_empty() => Err(Error::NoMediaFile),
            Command::StopMedia => Err(Error::NotPlaying),
            Command::PlayDtmf => self.play_dtmf(request, &parties, ctx),
            _ => Err(Error::Unsupported),
        }
    }

    fn living_parties(&self) -> Vec<PartyId> {
        let parties = self.signalling.party_ids();
        parties.filter(|(_, party)| !party.flags.contains(PartyFlags::DELETED)).map(|(id, _)| id).collect()
    }
}
