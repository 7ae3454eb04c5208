//! Requests about several calls: the calls are brought together on one shard first.

use rtpengine_common::ng::Request;

use super::{Router, Running};
use crate::call::ids::Name;
use crate::report::counters::Counter;
use crate::shard::Shard;
use crate::shard::inbox::CAPACITY;
use crate::shard::message::ToShard;

impl Router {
    /// Asks for the calls of a request to be moved to the shard of the first one. `true`: the request has to wait for that.
    pub(super) fn bring_together(&mut self, shard: &Shard, request: &Request) -> bool {
        let mut ids = request.call_ids();
        let Some(to) = ids.next().and_then(|id| self.directory.find(id.as_bytes())) else { return false };
        for id in ids {
            let from = self.directory.find(id.as_bytes()).unwrap_or(to);
            if from == to {
                continue;
            }
            let give = ToShard::Give { id: Name::from(id.as_bytes()), to };
            if self.shards.get(usize::from(from)).is_some_and(|mailbox| mailbox.send(give).is_ok()) {
                self.moving += 1;
            } else {
                shard.stats().count(Counter::InboxFull, 1);
            }
        }
        self.moving > 0
    }

    /// Keeps a request until calls have moved. All requests wait, whatever their call: a move takes less than two turns of a loop, and
    /// nothing can overtake it.
    pub(super) fn hold(&mut self, shard: &Shard, request: Box<Request>, running: Running) {
        if self.held.len() < CAPACITY {
            self.held.push_back((request, running));
            return;
        }
        self.drop_request(shard, &running);
    }

    /// Calls are where they were to go; when the last of them is, the requests that waited go on.
    pub(super) fn moved(&mut self, shard: &mut Shard, ids: &[Name], to: u16) {
        ids.iter().for_each(|id| self.directory.moved(id.as_bytes(), to));
        self.moving = self.moving.saturating_sub(1);
        if self.moving > 0 {
            return;
        }
        for (request, running) in std::mem::take(&mut self.held) {
            self.route(shard, request, running);
        }
    }
}
