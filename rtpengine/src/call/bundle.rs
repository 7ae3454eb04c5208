//! BUNDLE: which sections share a transport (sdp.md §15.3, §15.4).

use rtpengine_common::ng::Bundle;
use rtpengine_common::sdp::Extracted;

use super::exchange::{Exchange, uses_mid_extension};
use super::extmap::MID_URI;
use super::ids::{MediaId, PartyId};
use super::media::MediaFlags;
use super::party::PartyFlags;
use super::signalling::Signalling;

impl Exchange<'_, '_> {
    /// Accepts the sender's bundle and offers one to the receiver, as far as asked for.
    pub(super) fn bundle(&mut self, extracted: &Extracted) {
        let options = self.request.bundle;
        let (sender, receiver) = (self.sender, self.receiver);
        let call = &mut self.call.signalling;
        receive(call, sender, extracted, options);
        if options.offer && !self.answer {
            call.party_mut(receiver).flags.insert(PartyFlags::BUNDLES);
            offer(call, receiver, options.require);
        }
        unbundle(call, sender);
        unbundle(call, receiver);
    }
}

/// Accepts the bundle of a party's own SDP, as far as asked for; [`unbundle`] is to follow.
pub(super) fn receive(call: &mut Signalling, party: PartyId, extracted: &Extracted, options: Bundle) {
    let groups = &extracted.session.bundle;
    if options.accept && !groups.is_empty() {
        call.party_mut(party).flags.insert(PartyFlags::BUNDLES);
    } else if options.reject {
        call.party_mut(party).flags.remove(PartyFlags::BUNDLES);
    }
    if call.party(party).flags.contains(PartyFlags::BUNDLES) {
        assign(call, party, |mid| groups.head_of(mid).map(|head| head.as_bytes().to_vec()));
    } else {
        clear(call, party);
    }
}

fn clear(call: &mut Signalling, party: PartyId) {
    for id in call.party(party).medias.clone() {
        let media = call.media_mut(id);
        media.bundle = None;
        media.flags.remove(MediaFlags::BUNDLE_ONLY);
    }
}

/// Rebuilds the assignment of a party's sections from its groups: `head_of` says the first mid of the group a mid is in.
fn assign(call: &mut Signalling, party: PartyId, head_of: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let medias = call.party(party).medias.clone();
    let by_mid = |call: &Signalling, mid: &[u8]| {
        medias.iter().copied().find(|&id| call.media(id).mid.as_ref().is_some_and(|m| m.as_bytes() == mid))
    };
    for &id in &medias {
        let head =
            call.media(id).mid.as_ref().and_then(|mid| head_of(mid)).and_then(|mid| by_mid(call, &mid));
        let media = call.media_mut(id);
        media.bundle = head;
        media.flags.set(MediaFlags::BUNDLE_ONLY, head.is_some_and(|head| head != id));
    }
}

/// All enabled sections with a mid join one group, headed by the first of them; an existing group is used again.
fn offer(call: &mut Signalling, party: PartyId, require: bool) {
    let enabled: Vec<MediaId> = call
        .party(party)
        .medias
        .iter()
        .copied()
        .filter(|&id| !call.media(id).has(MediaFlags::REJECTED) && call.media(id).mid.is_some())
        .collect();
    let Some(&first) = enabled.first() else { return };
    let head = enabled.iter().find_map(|&id| call.media(id).bundle).unwrap_or(first);
    for &id in &enabled {
        let media = call.media_mut(id);
        media.bundle.get_or_insert(head);
        if require && id != head {
            media.flags.insert(MediaFlags::BUNDLE_ONLY);
        }
    }
    add_mid_extensions(call, &enabled);
}

/// Gives every RTP section of the bundle the MID extension, under the number another section uses or the lowest free one.
fn add_mid_extensions(call: &mut Signalling, medias: &[MediaId]) {
    let used = medias.iter().find_map(|&id| call.media(id).extmaps.id_of(MID_URI));
    let free = (1..=254u8).filter(|id| *id != 15).find(|number| {
        !medias.iter().any(|&id| call.media(id).extmaps.list.iter().any(|e| e.map.id == *number))
    });
    let Some(number) = used.or(free) else { return };
    for &id in medias {
        let media = call.media_mut(id);
        if media.is_rtp() && !uses_mid_extension(media) {
            media.extmaps.add_mid(number);
        }
    }
}

/// Takes out the sections that cannot share the head's transport (§15.3, media-plane.md §15 rule 5).
pub(super) fn unbundle(call: &mut Signalling, party: PartyId) {
    let medias = call.party(party).medias.clone();
    let out: Vec<MediaId> = medias.iter().copied().filter(|&id| !fits(call, &medias, id)).collect();
    for &id in &medias {
        let alone = call.media(id).bundle.is_some_and(|head| out.contains(&head) || out.contains(&id));
        if alone {
            let media = call.media_mut(id);
            media.bundle = None;
            media.flags.remove(MediaFlags::BUNDLE_ONLY);
        }
    }
}

fn fits(call: &Signalling, medias: &[MediaId], id: MediaId) -> bool {
    let media = call.media(id);
    let Some(head) = media.bundle else { return true };
    let head = call.media(head);
    if media.has(MediaFlags::REJECTED) || media.wanted_ports != head.wanted_ports {
        return false;
    }
    if !media.is_rtp() {
        return true;
    }
    if let Some(number) = media.extmaps.id_of(MID_URI) {
        let mid_fits = media.mid.as_ref().is_some_and(|mid| !mid.is_empty() && mid.len() <= 255);
        return mid_fits && head.extmaps.id_of(MID_URI) == Some(number);
    }
    // Without the extension payload types have to tell the sections apart.
    let clash = |other: MediaId| {
        let other = call.media(other);
        other.bundle == media.bundle
            && other.codecs.list.formats().any(|pt| media.codecs.list.get(pt).is_some())
    };
    !medias.iter().any(|&other| other != id && clash(other))
}

/// The groups printed for a party: the mids of each, head first.
pub(super) fn groups(call: &Signalling, party: PartyId) -> Vec<Vec<&[u8]>> {
    if !call.party(party).flags.contains(PartyFlags::BUNDLES) {
        return Vec::new();
    }
    let medias = &call.party(party).medias;
    let mid = |id: MediaId| call.media(id).mid.as_ref().map(rtpengine_common::sdp::Text::as_bytes);
    let mut heads: Vec<MediaId> = medias.iter().filter_map(|&id| call.media(id).bundle).collect();
    heads.sort_unstable();
    heads.dedup();
    heads
        .iter()
        .map(|&head| {
            let members =
                medias.iter().copied().filter(|&id| id != head && call.media(id).bundle == Some(head));
            std::iter::once(head).chain(members).filter_map(mid).collect()
        })
        .collect()
}
