//! The players of a call, one for each party and purpose.

use std::sync::Arc;
use std::time::Instant;

use super::super::ctx::Ctx;
use super::super::ids::{MediaId, PartyId, StreamId};
use super::{Role, Wish};
use crate::flow::Offsets;
use crate::player::{Answer, Media, Plan, Player, Source};

/// The players of a call.
#[derive(Debug, Default)]
pub(in crate::call) struct Players {
    pub(super) slots: Vec<Slot>,
    /// What was opened for the request at work.
    pub(super) answers: Vec<(Source, Answer)>,
}

/// One player of a party. It stays, with its numbers, until the call ends.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) party: PartyId,
    pub(super) role: Role,
    pub(super) player: Player,
    /// What is played, or was last, or will be when recording starts.
    pub(super) media: Option<Arc<dyn Media>>,
    pub(super) wish: Wish,
    /// Where it goes.
    pub(super) target: Option<(MediaId, StreamId)>,
    /// Other media is suppressed for it.
    pub(super) blocks: bool,
    /// It is mixed with what else comes for the party (players.md §8.2 rule 6).
    pub(super) mixed: bool,
    pub(super) report_due: Option<Instant>,
    /// The moment it has asked to be woken at.
    pub(super) woken: Option<Instant>,
}

impl Players {
    pub(super) fn slot(&self, party: PartyId, role: Role) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.party == party && slot.role == role)
    }

    pub(super) fn slot_mut(&mut self, party: PartyId, role: Role) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.party == party && slot.role == role)
    }

    pub(super) fn slot_or_new(&mut self, party: PartyId, role: Role, ctx: &mut Ctx<'_>) -> &mut Slot {
        let known = self.slots.iter().position(|slot| slot.party == party && slot.role == role);
        let at = known.unwrap_or_else(|| {
            let mut random = [0; 10];
            ctx.random.fill(&mut random);
            self.slots.push(Slot {
                party,
                role,
                player: Player::new(random),
                media: None,
                wish: Wish {
                    plan: Plan::default(),
                    block: false,
                    set: Arc::default(),
                    holder: None,
                    music_of: None,
                    holder_sends: false,
                },
                target: None,
                blocks: false,
                mixed: false,
                report_due: None,
                woken: None,
            });
            self.slots.len() - 1
        });
        &mut self.slots[at]
    }

    /// Takes over the players of a joining call.
    pub(in crate::call) fn merge(&mut self, other: Self, by: &Offsets) {
        for mut slot in other.slots {
            slot.party.0 += by.parties;
            for party in [&mut slot.wish.holder, &mut slot.wish.music_of].into_iter().flatten() {
                party.0 += by.parties;
            }
            if let Some((media, stream)) = &mut slot.target {
                media.0 += by.medias;
                stream.0 += by.streams;
            }
            self.slots.push(slot);
        }
    }
}
