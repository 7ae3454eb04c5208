//! Ending parties and calls (ng-control.md §10.7).

use std::time::Duration;

use super::ctx::Now;
use super::ids::PartyId;
use super::party::PartyFlags;
use super::signalling::Signalling;

/// What a `delete` names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Target<'a> {
    /// From-tag; empty if absent.
    pub from_tag: &'a [u8],
    /// To-tag, if it counts (§11.4); else empty.
    pub to_tag: &'a [u8],
    /// Via-branch; empty if absent.
    pub branch: &'a [u8],
    /// Position of the call-id of the request among the call's ids.
    pub call_id: u16,
}

/// What a deletion comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deletion {
    /// Neither call nor party is meant.
    NotFound,
    /// The entire call, now or at its deletion time.
    Call,
    /// These parties, now or at their deletion time; the call goes on.
    Parties(Vec<PartyId>),
}

impl Signalling {
    /// Marks what the request names for deletion after `delay`; zero is left to the caller to carry out at once.
    pub(super) fn delete_marked(&mut self, target: &Target<'_>, delay: Duration, now: Now) -> Deletion {
        if target.from_tag.is_empty() {
            return self.delete_by_id(target.call_id, delay, now);
        }
        let Some(party) = self.deletion_target(target) else { return Deletion::NotFound };
        let gone = self.cascade(vec![party]);
        self.finish(gone, delay, now)
    }

    /// Without a tag: everything, or in a merged call the parties of that call-id (§10.7 rule 8).
    fn delete_by_id(&mut self, call_id: u16, delay: Duration, now: Now) -> Deletion {
        if self.ids.len() <= 1 {
            self.mark_call(delay, now);
            return Deletion::Call;
        }
        let named: Vec<PartyId> = self
            .party_ids()
            .filter(|(_, p)| p.call_id == call_id && !p.flags.contains(PartyFlags::DELETED))
            .map(|(id, _)| id)
            .collect();
        for &party in &named {
            self.dissociate(party);
        }
        self.finish(named, delay, now)
    }

    fn deletion_target(&self, target: &Target<'_>) -> Option<PartyId> {
        let by_branch = if target.branch.is_empty() { None } else { self.by_branch(target.branch) };
        if target.to_tag.is_empty() {
            return by_branch.or_else(|| self.by_tag(target.from_tag));
        }
        self.by_tag(target.to_tag).or(by_branch).or_else(|| {
            let from = self.by_tag(target.from_tag)?;
            let peer = self.only_peer(from)?;
            self.party(peer).tag.is_none().then_some(from)
        })
    }

    /// The parties that go with `gone`: those left without any association (§10.7 rule 5).
    fn cascade(&mut self, mut gone: Vec<PartyId>) -> Vec<PartyId> {
        let mut at = 0;
        while let Some(&party) = gone.get(at) {
            at += 1;
            for other in self.dissociate(party) {
                if !self.party(other).is_associated() && !gone.contains(&other) {
                    gone.push(other);
                }
            }
        }
        gone
    }

    /// Drops all associations of a party and says with whom they were.
    fn dissociate(&mut self, party: PartyId) -> Vec<PartyId> {
        let others = std::mem::take(&mut self.party_mut(party).associated).into_vec();
        for &other in &others {
            self.party_mut(other).associated.retain(|p| *p != party);
        }
        others
    }

    fn finish(&mut self, gone: Vec<PartyId>, delay: Duration, now: Now) -> Deletion {
        if !self.parties.iter().any(Party::is_live_and_associated) {
            self.mark_call(delay, now);
            return Deletion::Call;
        }
        for &party in &gone {
            self.party_mut(party).deletion = Some(now.instant + delay);
        }
        Deletion::Parties(gone)
    }

    fn mark_call(&mut self, delay: Duration, now: Now) {
        self.deletion = Some(now.instant + delay);
    }
}

use super::party::Party;

impl Party {
    fn is_live_and_associated(&self) -> bool {
        !self.flags.contains(PartyFlags::DELETED) && self.is_associated()
    }
}
