//! Two calls become one (ng-control.md §10.8): the joining one's parties, medias, links and streams come after the own ones.

use super::Call;
use super::ids::PartyId;
use super::party::PartyFlags;
use super::signalling::{CallFlags, Signalling};

/// What marked a whole call marks its parties once it is a part of another one.
const BECOMES_PARTY: [(CallFlags, PartyFlags); 4] = [
    (CallFlags::BLOCK_MEDIA, PartyFlags::BLOCK_MEDIA),
    (CallFlags::SILENCE_MEDIA, PartyFlags::SILENCE_MEDIA),
    (CallFlags::BLOCK_DTMF, PartyFlags::BLOCK_DTMF),
    (CallFlags::FORWARDING, PartyFlags::FORWARDING),
];

impl Call {
    /// Takes another call in; all its ids lead here from now on.
    ///
    /// # Errors
    /// Some tag exists in both: the other call comes back as it was.
    pub fn merge(&mut self, other: Box<Self>) -> Result<(), Box<Self>> {
        if self.signalling.shares_tag_with(&other.signalling) {
            return Err(other);
        }
        let edges = u32::try_from(self.signalling.edges.len()).unwrap_or(u32::MAX);
        // The surviving call keeps its own certificate.
        let Self { key: _, signalling, plane, fragments, newcomers: _, dtls: _, agents } = *other;
        self.newcomers.get_or_insert(PartyId::at(self.signalling.parties.len()));
        let (medias, streams) = self.plane.merge(plane, edges);
        self.agents.merge(agents, medias, streams);
        self.signalling.append(signalling, medias, streams);
        self.fragments.extend(fragments);
        Ok(())
    }
}

impl Signalling {
    fn shares_tag_with(&self, other: &Self) -> bool {
        let tags = |call: &Self| {
            let parties = call.parties.iter();
            parties.flat_map(|party| party.tag.iter().chain(&party.aliases)).cloned().collect::<Vec<_>>()
        };
        let own = tags(self);
        tags(other).iter().any(|tag| own.contains(tag))
    }

    fn append(&mut self, other: Self, medias: u32, streams: u32) {
        let parties = PartyId::at(self.parties.len()).0;
        let ids = u16::try_from(self.ids.len()).unwrap_or(u16::MAX);
        for mut party in other.parties {
            party.call_id = party.call_id.saturating_add(ids);
            party.medias.iter_mut().for_each(|media| media.0 += medias);
            party.associated.iter_mut().for_each(|party| party.0 += parties);
            for (call, flag) in BECOMES_PARTY {
                if other.flags.contains(call) {
                    party.flags.insert(flag);
                }
            }
            self.parties.push(party);
        }
        for mut media in other.medias {
            media.party.0 += parties;
            media.streams.iter_mut().for_each(|stream| stream.0 += streams);
            if let Some(head) = &mut media.bundle {
                head.0 += medias;
            }
            self.medias.push(media);
        }
        for mut edge in other.edges {
            edge.source.0 += medias;
            edge.sink.0 += medias;
            self.edges.push(edge);
        }
        self.ids.extend(other.ids);
        self.last_signal = self.last_signal.max(other.last_signal);
        // A call that joins one that stays is not to be deleted with it, nor does it keep that one from being deleted.
        let marks = CallFlags::BLOCK_MEDIA | CallFlags::SILENCE_MEDIA | CallFlags::BLOCK_DTMF;
        self.flags.insert(other.flags - marks - CallFlags::FORWARDING - CallFlags::FOREIGN);
    }
}
