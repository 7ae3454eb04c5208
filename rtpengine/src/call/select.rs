//! Which two parties an offer or answer is between (ng-control.md §10.3).

use super::ctx::Now;
use super::ids::PartyId;
use super::party::PartyFlags;
use super::signalling::Signalling;

/// What the message says about the two sides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Selection<'a> {
    /// Tag of the side that sent the SDP (offer: from-tag, answer: to-tag).
    pub sender_tag: &'a [u8],
    /// Tag of the other side; empty if the message has none.
    pub other_tag: &'a [u8],
    /// Via-branch; empty if the message has none.
    pub branch: &'a [u8],
    /// The message is an answer.
    pub answer: bool,
    /// Flag `new-branch`.
    pub new_branch: bool,
    /// Flag `provisional`.
    pub provisional: bool,
    /// The party that the alias key leads to, when the sender's tag is not known (§10.4).
    pub alias: Option<PartyId>,
    /// Position of the call-id of the message in the call's list.
    pub call_id: u16,
}

/// Finds or makes the sender and the other side, in this order; `None` is `Invalid dialogue association`.
pub(super) fn select(call: &mut Signalling, what: &Selection<'_>, now: Now) -> Option<(PartyId, PartyId)> {
    let known = (!what.other_tag.is_empty()).then(|| call.by_tag(what.other_tag)).flatten();
    let (sender, other) = match known {
        Some(other) => (sender_for(call, what, other, now), other),
        None => without_other(call, what, now)?,
    };
    if sender == other {
        return None;
    }
    // A tag that found its party as an alias stays one; only a new tag becomes the primary.
    if !call.party(sender).has_tag(what.sender_tag) {
        call.party_mut(sender).set_tag(what.sender_tag);
    }
    if !what.answer {
        replace_branch(call, other, what.branch);
    }
    call.associate(sender, other);
    call.deletion = None;
    Some((sender, other))
}

/// Case 1 and 1b: no other tag, or one nobody has.
fn without_other(call: &mut Signalling, what: &Selection<'_>, now: Now) -> Option<(PartyId, PartyId)> {
    let Some(sender) = find_sender(call, what) else {
        let sender = call.new_party(what.call_id, now);
        call.party_mut(sender).set_tag(what.sender_tag);
        let other = untagged(call, what, now);
        return Some((sender, other));
    };
    let other = if !what.other_tag.is_empty() {
        untagged(call, what, now)
    } else if what.branch.is_empty() {
        call.first_offer_answer_peer(sender)?
    } else {
        call.by_branch(what.branch).unwrap_or_else(|| untagged(call, what, now))
    };
    Some((sender, other))
}

/// Case 2: the other side is known.
fn sender_for(call: &mut Signalling, what: &Selection<'_>, other: PartyId, now: Now) -> PartyId {
    if let Some(sender) = find_sender(call, what) {
        return sender;
    }
    let by_branch = if what.branch.is_empty() { None } else { call.by_branch(what.branch) };
    let Some(candidate) = by_branch.or_else(|| call.first_offer_answer_peer(other)) else {
        return call.new_party(what.call_id, now);
    };
    let party = call.party(candidate);
    let free = party.tag.is_none()
        || (what.answer
            && !what.new_branch
            && (what.provisional || !party.flags.contains(PartyFlags::FINAL_RESPONSE)));
    if free { candidate } else { call.new_party(what.call_id, now) }
}

/// A later offer with another branch gives it to the side that has one (§10.2 rule 3), unless the branch is somebody else's.
fn replace_branch(call: &mut Signalling, other: PartyId, branch: &[u8]) {
    if !branch.is_empty() && call.party(other).branch.is_some() && call.by_branch(branch).is_none() {
        call.party_mut(other).branch = Some(branch.into());
    }
}

fn find_sender(call: &Signalling, what: &Selection<'_>) -> Option<PartyId> {
    call.by_tag(what.sender_tag).or(what.alias)
}

fn untagged(call: &mut Signalling, what: &Selection<'_>, now: Now) -> PartyId {
    let id = call.new_party(what.call_id, now);
    if !what.branch.is_empty() {
        call.party_mut(id).branch = Some(what.branch.into());
    }
    id
}
