//! What the log says about a call that ended: its final statistics, and the CDR line (operations.md 5.4, 5.5).

use super::log;
use crate::call::ctx::Now;
use crate::call::ids::{Name, PartyId};
use crate::call::signalling::CallFlags;
use crate::call::{Call, CloseReason};
use crate::control::cli::inquiry::details;
use crate::control::cli::listing::{CallDetails, MediaDetails, PartyDetails, PortDetails};
use crate::flow::Level;
use rtpengine_common::log::CallRule;
use rtpengine_common::log::lines::{Cdr, CdrMedia, CdrParty, CdrPort, Termination};
use std::net::SocketAddr;
use std::time::Duration;

/// Writes the records of an ended call of our own.
pub fn ended(call: &Call, reason: CloseReason, now: Now) {
    if call.signalling.flags.contains(CallFlags::FOREIGN) {
        return;
    }
    let rule = log::rule_of(call.signalling.flags);
    if rule == CallRule::Debug || log::wanted(Level::Info) {
        let id = call.signalling.ids.first().map_or(&[][..], Name::as_bytes);
        log::call(Level::Info, rule, id, "Final packet stats:");
        for party in details(call, now).parties {
            party.text().lines().for_each(|line| log::call(Level::Info, rule, id, line));
        }
    }
    rtpengine_common::log::cdr(|| line(call, &details(call, now), reason, now));
}

fn line(call: &Call, details: &CallDetails, reason: CloseReason, now: Now) -> String {
    let parties = details.parties.iter().enumerate();
    let cdr = Cdr {
        call_id: &details.row.call_id,
        created_from: &details.row.proxy,
        last_signal: Duration::from_secs(details.last_signal),
        tos: details.tos,
        parties: parties.map(|(at, party)| cdr_party(call, PartyId::at(at), party, reason, now)).collect(),
    };
    cdr.line()
}

fn cdr_party<'a>(
    call: &Call,
    id: PartyId,
    party: &'a PartyDetails,
    reason: CloseReason,
    now: Now,
) -> CdrParty<'a> {
    let mut remote_tags: Vec<&str> = Vec::new();
    for (tag, _) in &party.subscribed_to {
        if !remote_tags.contains(&tag.as_str()) {
            remote_tags.push(tag);
        }
    }
    let signalled = call.signalling.party(id);
    let medias = signalled.medias.iter().zip(&party.medias).map(|(id, media)| {
        let payload_type = call.plane.media(*id).and_then(crate::flow::MediaPlane::most_received);
        cdr_media(media, payload_type)
    });
    CdrParty {
        start: Duration::from_secs(signalled.created),
        end: Duration::from_micros(now.unix_us),
        termination: termination(reason),
        tag: &party.tag,
        tag_type: party.tag_type,
        remote_tags,
        medias: medias.collect(),
    }
}

fn cdr_media(media: &MediaDetails, payload_type: Option<u8>) -> CdrMedia {
    CdrMedia { index: media.index, payload_type, ports: media.ports.iter().filter_map(cdr_port).collect() }
}

/// A stream without a socket (multiplexed RTCP, a closed one) has no port.
fn cdr_port(port: &PortDetails) -> Option<CdrPort> {
    let local = port.local?;
    // A peer that never told its address shows as the unspecified one.
    let unknown = SocketAddr::new(crate::net::socket::unspecified(local.ip()), 0);
    Some(CdrPort {
        rtcp: port.rtcp,
        endpoint: port.peer.unwrap_or(unknown),
        local,
        packets: port.packets,
        bytes: port.bytes,
        errors: port.errors,
        last_packet: Duration::from_secs(port.last_user),
        // Received type of service is not looked at.
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
