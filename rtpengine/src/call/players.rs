//! `play media`, `stop media`, `play DTMF`: whom they are about (ng-control.md §11.8, players.md).

use rtpengine_common::ng::{Command, Reply, Request};
use rtpengine_common::sdp::MediaType;

use super::Call;
use super::block::Selected;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::{MediaId, PartyId};
use super::party::PartyFlags;

/// Shortest and longest digit or pause in ms.
const TONE_MS: std::ops::RangeInclusive<i32> = 100..=5000;

impl Call {
    /// The three commands, after their checks, in order.
    pub(super) fn play(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let selected = self.selected(request)?;
        let parties = self.participants(selected)?;
        match request.command {
            Command::PlayDtmf => self.play_dtmf(request, &parties, ctx),
            Command::PlayMedia if request.play.source.is_empty() => Err(Error::NoMediaFile),
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

    fn living_parties(&self) -> Vec<PartyId> {
        let parties = self.signalling.party_ids();
        parties.filter(|(_, party)| !party.flags.contains(PartyFlags::DELETED)).map(|(id, _)| id).collect()
    }

    fn play_dtmf(&self, request: &Request, parties: &[PartyId], ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let given = [("duration", request.dtmf.duration_ms), ("pause", request.dtmf.pause_ms)];
        for (name, value) in given {
            if value.is_some_and(|ms| ms != 0 && !TONE_MS.contains(&ms)) {
                ctx.warn(format!("Invalid value ({}) specified for '{name}'", value.unwrap_or_default()));
            }
        }
        if request.dtmf.digit.is_none() {
            return Err(Error::CodeRange);
        }
        for &party in parties {
            self.dtmf_path(party)?;
        }
        Err(Error::Unsupported)
    }

    /// Whether digits in the name of a party would reach somebody.
    fn dtmf_path(&self, party: PartyId) -> Result<(), Error> {
        let call = &self.signalling;
        let is_audio = |id: MediaId| call.media(id).media_type == MediaType::Audio;
        let media = call.party(party).medias.iter().copied().find(|&id| is_audio(id));
        let media = media.ok_or(Error::NoDtmfMedia)?;
        let mut sinks = call.edges_from(media).filter(|e| e.flags.is_plain());
        sinks.find(|e| is_audio(e.sink)).ok_or(Error::NoDtmfSink)?;
        let stream = call.media(media).rtp().and_then(|stream| self.plane.stream(stream));
        if stream.and_then(crate::flow::Stream::selected).is_none() {
            return Err(Error::NoDtmfStream);
        }
        let plane = self.plane.media(media).ok_or(Error::NoDtmfStream)?;
        if plane.ssrc_in.by_recency().is_empty() {
            return Err(Error::NoDtmfSsrc);
        }
        plane.most_received().map(|_| ()).ok_or(Error::NoDtmfPayloadType)
    }
}
