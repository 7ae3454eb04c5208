//! What a call contributes to gauges while it lives, and to counters when it ends (operations.md 8.1 rules 2 to 4).

use crate::call::ctx::Now;
use crate::call::media::MediaFlags;
use crate::call::signalling::CallFlags;
use crate::call::{Call, CloseReason};
use crate::flow::{Component, Stream};
use crate::report::counters::{Block, Counter, Gauge};
use std::net::SocketAddr;
use std::time::Duration;

/// A stream counts as active for so long after a packet.
const ACTIVE: Duration = Duration::from_secs(2);

/// What a call has added to the gauges of its shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contribution {
    families: Option<Gauge>,
    foreign: bool,
    active: i64,
    /// Medias whose packets are transcoded.
    transcoded: i64,
}

impl Contribution {
    /// Counts a call that came into the shard.
    pub(super) fn enter(stats: &Block, call: &Call) -> Self {
        stats.shift(Gauge::Sessions, 1);
        let mut contribution = Self::default();
        contribution.signalled(stats, call);
        contribution
    }

    /// Something was signalled.
    pub(super) fn signalled(&mut self, stats: &Block, call: &Call) {
        let families = self.families.or_else(|| families(call));
        let foreign = call.signalling.flags.contains(CallFlags::FOREIGN);
        let transcoded = call.signalling.medias.iter().filter(|media| media.has(MediaFlags::TRANSCODING));
        let transcoded = i64::try_from(transcoded.count()).unwrap_or(0);
        self.change(stats, Self { families, foreign, transcoded, ..*self });
    }

    /// A second has passed.
    pub(super) fn ticked(&mut self, stats: &Block, call: &Call, now: Now) {
        let active = rtp_streams(call).filter(|stream| {
            stream.received() && now.instant.saturating_duration_since(stream.last_packet()) <= ACTIVE
        });
        let active = i64::try_from(active.count()).unwrap_or(0);
        self.change(stats, Self { active, ..*self });
    }

    /// Takes everything back: the call leaves the shard.
    pub(super) fn leave(mut self, stats: &Block) {
        stats.shift(Gauge::Sessions, -1);
        self.change(stats, Self::default());
    }

    fn change(&mut self, stats: &Block, next: Self) {
        if *self == next {
            return;
        }
        if self.families != next.families {
            if let Some(gauge) = self.families {
                stats.shift(gauge, -1);
            }
            if let Some(gauge) = next.families {
                stats.shift(gauge, 1);
            }
        }
        stats.shift(Gauge::ForeignSessions, i64::from(next.foreign) - i64::from(self.foreign));
        stats.shift(Gauge::UserspaceStreams, next.active - self.active);
        stats.shift(Gauge::TranscodedMedia, next.transcoded - self.transcoded);
        *self = next;
    }
}

fn rtp_streams(call: &Call) -> impl Iterator<Item = &Stream> {
    let medias = call.signalling.medias.iter();
    medias
        .filter_map(|media| call.plane.stream(media.rtp()?))
        .filter(|stream| stream.component() == Component::Rtp)
}

/// The gauge for the address families of a call, once its answer is known.
fn families(call: &Call) -> Option<Gauge> {
    let mut sides = call.signalling.parties.iter().map(|party| {
        let streams = party.medias.iter().filter_map(|media| {
            let media = call.signalling.medias.get(media.index())?;
            call.plane.stream(media.rtp()?)?.advertised()
        });
        streams.fold((false, false), |(v4, v6), address| (v4 || address.is_ipv4(), v6 || address.is_ipv6()))
    });
    let offer = sides.next()?;
    let answer = sides.fold((false, false), |sum, side| (sum.0 || side.0, sum.1 || side.1));
    gauge_of(offer, answer)
}

/// The table of rule 2; each side as (uses IPv4, uses IPv6).
fn gauge_of(offer: (bool, bool), answer: (bool, bool)) -> Option<Gauge> {
    Some(match (offer, answer) {
        ((false, false), _) | (_, (false, false)) => return None,
        ((true, false), (true, _)) | ((true, true), (true, false)) => Gauge::Ipv4Sessions,
        ((false, true), (_, true)) | ((true, true), (false, true)) => Gauge::Ipv6Sessions,
        ((true, false), (false, true)) | ((false, true), (true, false)) | ((true, true), (true, true)) => {
            Gauge::MixedSessions
        }
    })
}

/// Counts an ended call.
pub(super) fn count_end(stats: &Block, call: &Call, reason: CloseReason, now: Now) {
    let foreign = call.signalling.flags.contains(CallFlags::FOREIGN);
    if foreign && reason != CloseReason::FinalTimeout {
        stats.count(Counter::ForeignSessions, 1);
        return;
    }
    stats.count(
        match reason {
            CloseReason::Regular => Counter::RegularSessions,
            CloseReason::Timeout => Counter::TimeoutSessions,
            CloseReason::SilentTimeout => Counter::SilentTimeoutSessions,
            CloseReason::OfferTimeout => Counter::OfferTimeoutSessions,
            CloseReason::FinalTimeout => Counter::FinalTimeoutSessions,
            CloseReason::Forced => Counter::ForcedSessions,
        },
        1,
    );
    if foreign {
        return;
    }
    stats.count(Counter::ManagedSessions, 1);
    let lasted = now.instant.saturating_duration_since(call.signalling.created);
    stats.count(Counter::CallDuration, u64::try_from(lasted.as_micros()).unwrap_or(0));
    let millis = u64::try_from(lasted.as_millis()).unwrap_or(0);
    stats.count(Counter::CallDuration2, millis.saturating_mul(millis));
    for (side, sink) in first_streams(call) {
        match (side.counters_in().packets, sink.counters_in().packets) {
            (0, 0) => stats.count(Counter::NoPacketHalves, 1),
            (_, 0) => stats.count(Counter::OneWaySessions, 1),
            _ => {}
        }
    }
}

/// The first RTP stream of every party with the first stream it goes to.
fn first_streams(call: &Call) -> impl Iterator<Item = (&Stream, &Stream)> {
    call.signalling.parties.iter().filter_map(|party| {
        let media = call.signalling.medias.get(party.medias.first()?.index())?;
        let side = call.plane.stream(media.rtp()?)?;
        let sink = call.plane.stream(side.spec().rtp.first()?.to)?;
        Some((side, sink))
    })
}

/// Where a call was controlled from, as `created_from` shows it.
pub(super) fn agent_text(agent: SocketAddr) -> Box<str> {
    agent.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_offer_and_answer() {
        use Gauge::{Ipv4Sessions as V4, Ipv6Sessions as V6, MixedSessions as Mixed};
        let (four, six, both, none) = ((true, false), (false, true), (true, true), (false, false));
        let table = [
            (four, four, V4),
            (four, both, V4),
            (four, six, Mixed),
            (six, six, V6),
            (six, both, V6),
            (six, four, Mixed),
            (both, four, V4),
            (both, six, V6),
            (both, both, Mixed),
        ];
        for (offer, answer, expected) in table {
            assert_eq!(gauge_of(offer, answer), Some(expected), "{offer:?} {answer:?}");
        }
        assert_eq!(gauge_of(four, none), None);
        assert_eq!(gauge_of(none, four), None);
    }
}
