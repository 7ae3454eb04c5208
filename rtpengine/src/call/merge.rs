//! Two calls become one (ng-control.md §10.8).

use super::Call;
use super::codecs::DtmfBlock;
use super::ids::{MediaId, PartyId, StreamId};
use super::party::{Party, PartyFlags};
use super::signalling::{CallFlags, Signalling};
use crate::flow::Offsets;

/// Marks of a whole call that its parties take along into another call.
const CARRIED: [(CallFlags, PartyFlags); 3] = [
    (CallFlags::BLOCK_MEDIA, PartyFlags::BLOCK_MEDIA),
    (CallFlags::SILENCE_MEDIA, PartyFlags::SILENCE_MEDIA),
    (CallFlags::FORWARDING, PartyFlags::FORWARDING),
];

/// Marks that hold for the joined call if either had them.
const JOINED: CallFlags = CallFlags::DROP_TRAFFIC
    .union(CallFlags::RECORDING)
    .union(CallFlags::RECORDING_SET_UP)
    .union(CallFlags::DEBUG)
    .union(CallFlags::NO_JITTER_BUFFER);

impl Call {
    /// Whether the calls can be merged: no tag, primary or alias, exists in both.
    #[must_use]
    pub fn can_merge(&self, other: &Self) -> bool {
        let living = |party: &&Party| !party.flags.contains(PartyFlags::DELETED);
        let tags = |party| {
            let party: &Party = party;
            party.tag.iter().chain(&party.aliases)
        };
        let theirs = other.signalling.parties.iter().filter(living).flat_map(tags);
        let mut common = theirs.filter(|tag| self.signalling.by_tag(tag.as_bytes()).is_some());
        common.next().is_none()
    }

    /// Takes another call in: its parties, medias, streams and links are renumbered behind the own ones, and all its ids lead here. Its
    /// sockets have to be known to this call's shard.
    ///
    /// # Errors
    /// Some tag exists in both: the other call comes back as it was.
    pub fn merge(&mut self, other: Box<Self>) -> Result<(), Box<Self>> {
        if !self.can_merge(&other) {
            return Err(other);
        }
        // The surviving call keeps its own certificate.
        let Self {
            key: _,
            signalling: mut theirs,
            plane,
            fragments,
            newcomers: _,
            dtls: _,
            agents,
            players,
            codecs: _,
            remotes,
            jitter: _,
        } = *other;
        let edges = self.signalling.edges_made;
        let parties = u32::try_from(self.signalling.parties.len()).unwrap_or(u32::MAX);
        self.newcomers.get_or_insert(PartyId::at(self.signalling.parties.len()));
        let offsets = self.plane.merge(plane, parties, edges);
        self.agents.merge(agents, offsets.medias, offsets.streams);
        self.players.merge(players, &offsets);
        renumber(&mut theirs, &offsets);
        let own = &mut self.signalling;
        let ids = u16::try_from(own.ids.len()).unwrap_or(u16::MAX);
        let carried = CARRIED.iter().filter(|(call, _)| theirs.flags.contains(*call));
        let carried = carried.fold(PartyFlags::empty(), |all, (_, flag)| all | *flag);
        for party in &mut theirs.parties {
            party.call_id = party.call_id.saturating_add(ids);
            party.flags |= carried;
            if theirs.dtmf != DtmfBlock::Off {
                party.dtmf.get_or_insert_default().mode = theirs.dtmf;
            }
            // What was to end with the joining call ends with its parties.
            party.deletion = party.deletion.or(theirs.deletion);
            if party.label.as_ref().is_some_and(|label| own.by_label(label.as_bytes()).is_some()) {
                party.label = None;
            }
        }
        own.ids.extend(theirs.ids);
        own.parties.extend(theirs.parties);
        own.medias.extend(theirs.medias);
        own.edges.extend(theirs.edges);
        own.edges_made += theirs.edges_made;
        own.flags |= theirs.flags & JOINED;
        own.last_signal = own.last_signal.max(theirs.last_signal);
        own.metadata = own.metadata.take().or(theirs.metadata);
        own.created_from = own.created_from.take().or(theirs.created_from);
        own.xmlrpc_callback = own.xmlrpc_callback.or(theirs.xmlrpc_callback);
        own.dtmf_log = own.dtmf_log.or(theirs.dtmf_log);
        own.dtmf_logged |= theirs.dtmf_logged;
        self.fragments.extend(fragments);
        self.merge_remotes(remotes, offsets.medias, offsets.edges);
        self.compile_all();
        Ok(())
    }

    /// Whether all these calls and this one can be merged.
    pub(super) fn can_merge_all(&self, others: &[&Self]) -> bool {
        let all = || std::iter::once(self).chain(others.iter().copied());
        all().enumerate().all(|(at, one)| all().skip(at + 1).all(|two| one.can_merge(two)))
    }
}

fn renumber(call: &mut Signalling, by: &Offsets) {
    let party = |id: &mut PartyId| id.0 += by.parties;
    let media = |id: &mut MediaId| id.0 += by.medias;
    let stream = |id: &mut StreamId| id.0 += by.streams;
    for state in &mut call.parties {
        state.medias.iter_mut().for_each(media);
        state.associated.iter_mut().for_each(party);
    }
    for state in &mut call.medias {
        party(&mut state.party);
        state.streams.iter_mut().for_each(stream);
        state.bundle.iter_mut().for_each(media);
    }
    for edge in &mut call.edges {
        edge.id.0 += by.edges;
        media(&mut edge.source);
        media(&mut edge.sink);
    }
}
