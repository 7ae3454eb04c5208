//! What happens once per second, and when a call has been silent for too long (media-plane.md §3.6, §13.6, §19.1).

use std::time::{Duration, Instant};

use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

use super::events::Events;
use super::plane::{Plane, Turn};
use super::stream::{Component, Stream};

/// The smallest RTP packet, of a payload type nobody uses, to open the way through a NAT.
const PIERCE: [u8; 12] = [0x80, 0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];

/// What a tick is to do besides piercing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickOptions {
    /// `--measure-rtp`: sample the jitter estimates.
    pub measure_rtp: bool,
}

/// The timeouts of media-plane.md §19.1; zero is "off" for the final one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `--timeout`
    pub media: Duration,
    /// `--silent-timeout`
    pub silent: Duration,
    /// `--offer-timeout`
    pub offer: Duration,
    /// `--final-timeout`
    pub last: Duration,
}

/// Why a call is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutReason {
    /// TIMEOUT
    Media,
    /// SILENT_TIMEOUT
    Silent,
    /// OFFER_TIMEOUT
    Offer,
    /// FINAL_TIMEOUT
    Final,
}

/// How one stream stands.
#[derive(Clone, Copy, Debug)]
struct Standing {
    reason: TimeoutReason,
    /// When it runs out.
    deadline: Instant,
}

impl Plane {
    /// The call timer.
    pub fn tick<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, options: TickOptions) {
        for stream in 0..self.streams.len() {
            self.pierce(turn.out, StreamId::at(stream));
        }
        if options.measure_rtp {
            self.sample_jitter(turn.events);
        }
    }

    /// `pierce NAT`: until the peer is confirmed, opens the way to it with a few bytes from each socket of the stream.
    /// Also called by each signalling step that fills the stream.
    pub fn pierce<T: Transmit>(&mut self, out: &mut T, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id.index()) else { return };
        let Some(endpoint) = stream.endpoint().filter(|_| stream.wants_piercing()) else { return };
        for place in &stream.places {
            if out.send(place.socket.key, endpoint, &PIERCE) {
                stream.outgoing.count(PIERCE.len());
            }
        }
    }

    /// The sampled estimate replaces the running one (media-plane.md §13.6 rule 9).
    fn sample_jitter(&mut self, events: &mut Events) {
        for stream in self.streams.iter().filter(|stream| stream.component == Component::Rtp) {
            let Some(payload_types) = &stream.spec.payload_types else { continue };
            let Some(media) = self.medias.get_mut(stream.media.index()) else { continue };
            for entry in media.ssrc_in.iter_mut() {
                let rate = entry.most_used_payload_type().and_then(|number| payload_types.clock_rate(number));
                if let Some(sample_ms) = rate.and_then(|rate| entry.sample_jitter(rate)) {
                    events.tally.measured_jitter.add(u64::from(sample_ms));
                }
            }
        }
    }

    /// Whether the call is to be closed (ng-control.md §10.10). `created` is when it came into being.
    #[must_use]
    pub fn timed_out(&self, now: Instant, created: Instant, timeouts: &Timeouts) -> Option<TimeoutReason> {
        if !timeouts.last.is_zero() && now.saturating_duration_since(created) >= timeouts.last {
            return Some(TimeoutReason::Final);
        }
        let standings = || self.streams.iter().map(|stream| stream.standing(timeouts));
        let watched = standings().any(|standing| standing.reason == TimeoutReason::Media);
        let good = standings().any(|standing| {
            standing.deadline > now && !(watched && standing.reason == TimeoutReason::Silent)
        });
        if good {
            return None;
        }
        // The stream that kept the call alive longest says why it ends.
        let counts = |standing: &Standing| !(watched && standing.reason == TimeoutReason::Silent);
        standings().filter(counts).max_by_key(|standing| standing.deadline).map(|standing| standing.reason)
    }
}

impl Stream {
    fn wants_piercing(&self) -> bool {
        let connecting = (self.spec.dtls && self.keys.outgoing.is_none()) || self.ice_activity().is_some();
        self.spec.pierce_nat && self.peer.filled && !self.confirmed() && !connecting
    }

    fn standing(&self, timeouts: &Timeouts) -> Standing {
        let (reason, limit) = if !self.spec.receives || self.places.is_empty() {
            (TimeoutReason::Silent, timeouts.silent)
        } else if self.peer.filled {
            (TimeoutReason::Media, timeouts.media)
        } else {
            (TimeoutReason::Offer, timeouts.offer)
        };
        Standing { reason, deadline: self.ice_activity().unwrap_or(self.last_packet) + limit }
    }
}
