//! Whether a new call is taken, and by which shard (ng-control.md §14).

use rtpengine_common::ng::{Command, Reply, Request};

use super::Router;
use super::records::log_refusal;
use crate::control::limits::{Present, Refusal};
use crate::report::counters::{Counter, Gauge};
use crate::shard::Shard;

/// A shard with this share of its time spent awake (thousandths) gets no new calls while another has room.
const BUSY: u64 = 700;

impl Router {
    /// The limits, which hold for offers only (ng-control.md 14).
    pub(super) fn admit(&self, command: Command) -> Result<(), Refusal> {
        if command != Command::Offer {
            return Ok(());
        }
        let limits = *self.state.limits.read();
        let (load, cpu) = self.state.load.get();
        let foreign: u64 =
            self.stats.iter().map(|b| u64::try_from(b.gauge(Gauge::ForeignSessions)).unwrap_or(0)).sum();
        let present = Present {
            own_sessions: (self.directory.len() as u64).saturating_sub(foreign),
            load,
            cpu,
            bandwidth: self.state.rates.get().bytes_total(),
        };
        limits.check(&present).inspect_err(|refusal| log_refusal(*refusal, &limits, &present))
    }

    pub(super) fn refusal(&self, shard: &Shard, refusal: Refusal, request: &Request) -> Reply {
        if refusal == Refusal::Sessions {
            shard.stats().count(Counter::RejectedSessions, 1);
        }
        if request.supports_load_limit {
            return Reply::load_limit(refusal.to_string());
        }
        Reply::error(Refusal::Sessions.to_string())
    }

    /// The first shard that is not busy; the least busy one if all are (packet-path.md: few busy shards, not many sleepy ones).
    pub(super) fn shard_with_room(&self) -> u16 {
        let busy = |at: &usize| self.stats[*at].busy();
        let shards = 0..self.stats.len();
        let chosen = shards.clone().find(|at| busy(at) < BUSY).or_else(|| shards.min_by_key(busy));
        chosen.and_then(|at| u16::try_from(at).ok()).unwrap_or(0)
    }
}
