//! Recording announcements: what a party hears when recording starts (players.md §3.1).

use rtpengine_common::ng::{Flag, Request};

use super::super::Call;
use super::super::ctx::Ctx;
use super::super::ids::PartyId;
use super::{Role, Wish, plays};
use crate::flow::Level;
use crate::player::Source;

impl Call {
    /// Flag `recording announcement`: something is ready for when recording starts (players.md §3.1).
    pub(in crate::call) fn prepare_announcement(
        &mut self,
        party: PartyId,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) {
        if !request.has(Flag::RecordingAnnouncement) || !plays() {
            return;
        }
        let Some(source) = Source::of(&request.play.source) else { return };
        match self.opened(&source, ctx) {
            Ok(media) => {
                let slot = self.players.slot_or_new(party, Role::Announcement, ctx);
                slot.media = Some(media);
                slot.wish = Wish::of(request);
            }
            Err(_) => ctx.log(Level::Error, "Failed to add media player for recording announcement"),
        }
    }

    /// Recording starts: those who are to be told hear it.
    pub(in crate::call) fn announce_recording(&mut self, ctx: &mut Ctx<'_>) {
        let ready = self.players.slots.iter().filter(|slot| slot.role == Role::Announcement);
        let ready: Vec<_> =
            ready.filter_map(|slot| Some((slot.party, slot.media.clone()?, slot.wish.clone()))).collect();
        for (party, media, wish) in ready {
            if self.begin_player(party, Role::Announcement, &media, &wish, ctx).is_err() {
                ctx.log(Level::Error, "Failed to start media player for recording announcement");
            }
        }
    }
}
