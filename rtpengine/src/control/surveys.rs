//! Snapshots of calls for the operator (operations.md 6.3, 6.4), taken on the thread of their shard.

use super::cli::listing::{CallDetails, MediaDetails, PartyDetails, PortDetails, SessionRow};
use crate::call::Call;
use crate::call::ctx::Now;
use crate::call::ids::{MediaId, Name, PartyId, StreamId};
use crate::call::media::Media;
use crate::call::signalling::CallFlags;
use crate::flow::Component;
use rtpengine_common::log::lines::TagType;
use std::time::{Duration, Instant};

/// Shown for a call that is not stored in Redis.
const NOT_STORED: i32 = -1;

/// The line of a call in a list.
pub(super) fn row(call: &Call) -> SessionRow {
    let signalling = &call.signalling;
    SessionRow {
        call_id: signalling.ids.first().map(Name::to_string).unwrap_or_default(),
        deleted: signalling.deletion.is_some(),
        created: signalling.created_us / 1_000_000,
        proxy: signalling.created_from.as_deref().unwrap_or_default().to_owned(),
        redis_database: NOT_STORED,
        foreign: signalling.flags.contains(CallFlags::FOREIGN),
        recording: signalling.flags.contains(CallFlags::RECORDING),
    }
}

/// Everything about a call.
pub(super) fn details(call: &Call, now: Now) -> CallDetails {
    let signalling = &call.signalling;
    CallDetails {
        row: row(call),
        aliases: signalling.ids.iter().skip(1).map(Name::to_string).collect(),
        tos: signalling.tos,
        last_signal: signalling.last_signal.0,
        last_redis_update: 0,
        parties: signalling.party_ids().map(|(id, _)| party(call, id, now)).collect(),
    }
}

fn party(call: &Call, id: PartyId, now: Now) -> PartyDetails {
    let signalling = &call.signalling;
    let party = signalling.party(id);
    let name = |name: &Option<Name>| name.as_ref().map(Name::to_string).unwrap_or_default();
    let other = |media: MediaId| {
        let media = signalling.media(media);
        (name(&signalling.party(media.party).tag), media.index)
    };
    let medias = || party.medias.iter().copied();
    let age = now.unix_s().saturating_sub(party.created);
    PartyDetails {
        tag: name(&party.tag),
        tag_type: tag_type(id, party.tag.is_some()),
        label: name(&party.label),
        branch: name(&party.branch),
        duration: Duration::from_secs(age),
        aliases: party.aliases.iter().map(Name::to_string).collect(),
        subscribed_to: medias().flat_map(|m| signalling.edges_to(m).map(|edge| other(edge.source))).collect(),
        subscribers: medias().flat_map(|m| signalling.edges_from(m).map(|edge| other(edge.sink))).collect(),
        medias: medias().map(|media| media_details(call, media, now)).collect(),
    }
}

/// The party that opened the call has the From tag of its dialogue.
fn tag_type(id: PartyId, tagged: bool) -> TagType {
    match (id.index(), tagged) {
        (_, false) => TagType::Unknown,
        (0, true) => TagType::FromTag,
        (_, true) => TagType::ToTag,
    }
}

fn media_details(call: &Call, id: MediaId, now: Now) -> MediaDetails {
    let media = call.signalling.media(id);
    let plane = call.plane.media(id);
    let entry = plane.and_then(|plane| media.codecs.list.get(plane.most_received()?));
    let codec = entry.map(|entry| match entry.codec.channels {
        ..=1 => format!("{}/{}", entry.codec.name, entry.codec.clock),
        channels => format!("{}/{}/{channels}", entry.codec.name, entry.codec.clock),
    });
    MediaDetails {
        index: media.index,
        kind: String::from_utf8_lossy(&media.kind).into_owned(),
        protocol: media
            .protocol
            .as_ref()
            .map(|protocol| String::from_utf8_lossy(protocol.name()).into_owned()),
        codec,
        ports: media.streams.iter().filter_map(|stream| port(call, id, media, *stream, now)).collect(),
    }
}

fn port(call: &Call, id: MediaId, _: &Media, stream: StreamId, now: Now) -> Option<PortDetails> {
    let stream = call.plane.stream(stream)?;
    let counters = stream.counters_in();
    let recent =
        call.plane.media(id).and_then(|plane| plane.ssrc_in.by_recency().first().map(|entry| entry.ssrc()));
    Some(PortDetails {
        local: stream.selected().map(|socket| socket.address),
        peer: stream.endpoint(),
        rtcp: stream.component() == Component::Rtcp,
        ssrc: recent.unwrap_or(0),
        packets: counters.packets,
        bytes: counters.bytes,
        errors: counters.errors,
        last_user: unix(stream.last_packet(), now),
        last_kernel: 0,
    })
}

/// Unix seconds of a moment on the monotonic clock.
fn unix(at: Instant, now: Now) -> u64 {
    now.unix_s().saturating_sub(now.instant.saturating_duration_since(at).as_secs())
}
