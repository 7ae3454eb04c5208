//! What the log says about a call that ended: its final statistics, and the CDR line (operations.md 5.4, 5.5).

use super::{details, log};
use crate::call::ctx::Now;
use crate::call::ids::{MediaId, Name, PartyId};
use crate::call::signalling::CallFlags;
use crate::call::{Call, CloseReason};
use crate::flow::{Component, Level, Stream};
use rtpengine_common::log::lines::{Cdr, CdrMedia, CdrParty, CdrPort, Termination};
use std::net::SocketAddr;
use std::time::Duration;

/// Writes the records of an ended call of our own.
pub fn ended(call: &Call, reason: CloseReason, now: Now) {
    if call.signalling.flags.contains(CallFlags::FOREIGN) {
        return;
    }
    let id = call.signalling.ids.first().map_or(&[][..], Name::as_bytes);
    if log::wanted(Level::Info) {
        log::call(Level::Info, id, "Final packet stats:");
        for party in details::details(call, now).parties {
            party.text().lines().for_each(|line| log::call(Level::Info, id, line));
        }
    }
    rtpengine_common::log::cdr(|| line(call, reason, now));
}

fn line(call: &Call, reason: CloseReason, now: Now) -> String {
    let signalling = &call.signalling;
    let tags: Vec<String> = signalling
        .parties
        .iter()
        .map(|party| party.tag.as_ref().map(Name::to_string).unwrap_or_default())
        .collect();
    let id = signalling.ids.first().map(Name::to_string).unwrap_or_default();
    let parties = signalling.party_ids().map(|(party, _)| cdr_party(call, party, &tags, reason, now));
    let cdr = Cdr {
        call_id: &id,
        created_from: signalling.created_from.as_deref().unwrap_or_default(),
        last_signal: Duration::from_secs(signalling.last_signal.0),
        tos: signalling.tos,
        parties: parties.collect(),
    };
    cdr.line()
}

fn cdr_party<'a>(
    call: &Call,
    id: PartyId,
    tags: &'a [String],
    reason: CloseReason,
    now: Now,
) -> CdrParty<'a> {
    let signalling = &call.signalling;
    let party = signalling.party(id);
    let mut remote_tags: Vec<&str> = Vec::new();
    for edge in party.medias.iter().flat_map(|media| signalling.edges_to(*media)) {
        let tag = tags.get(signalling.media(edge.source).party.index()).map_or("", String::as_str);
        if !remote_tags.contains(&tag) {
            remote_tags.push(tag);
        }
    }
    CdrParty {
        start: Duration::from_secs(party.created),
        end: Duration::from_micros(now.unix_us),
        termination: termination(reason),
        tag: tags.get(id.index()).map_or("", String::as_str),
        tag_type: details::tag_type(id, party.tag.is_some()),
        remote_tags,
        medias: party.medias.iter().map(|media| cdr_media(call, *media, now)).collect(),
    }
}

fn cdr_media(call: &Call, id: MediaId, now: Now) -> CdrMedia {
    let media = call.signalling.media(id);
    let streams = media.streams.iter().filter_map(|stream| call.plane.stream(*stream));
    CdrMedia {
        index: media.index,
        payload_type: call.plane.media(id).and_then(|plane| plane.most_received()),
        ports: streams.filter_map(|stream| cdr_port(stream, now)).collect(),
    }
}

fn cdr_port(stream: &Stream, now: Now) -> Option<CdrPort> {
    let counters = stream.counters_in();
    let local = stream.selected()?.address;
    // A peer that never told its address shows as the unspecified one.
    let unknown = SocketAddr::new(crate::net::socket::unspecified(local.ip()), 0);
    Some(CdrPort {
        rtcp: stream.component() == Component::Rtcp,
        endpoint: stream.endpoint().unwrap_or(unknown),
        local,
        packets: counters.packets,
        bytes: counters.bytes,
        errors: counters.errors,
        last_packet: Duration::from_secs(details::unix(stream.last_packet(), now)),
        tos: 0,
    })
}

fn termination(reason: CloseReason) -> Termination {
    match reason {
        CloseReason::Regular => Termination::Regular,
        CloseReason::Timeout => Termination::Timeout,
        CloseReason::SilentTimeout => Termination::SilentTimeout,
        CloseReason::OfferTimeout => Termination::OfferTimeout,
        CloseReason::FinalTimeout => Termination::FinalTimeout,
        CloseReason::Forced => Termination::Forced,
    }
}
