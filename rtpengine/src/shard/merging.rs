//! Requests that name several call-ids: their calls become one (ng-control.md §10.8, §11.10).

use super::calls::{CallSlot, Resident};
use super::core::Shard;
use super::tally::Contribution;
use crate::call::ids::SocketKey;
use crate::call::{Call, Done};
use rtpengine_common::ng::{Command, Request};

/// The commands that merge the calls they name.
pub fn merges(command: Command) -> bool {
    matches!(command, Command::Connect | Command::Mesh | Command::InjectStart | Command::InjectStop)
}

/// What a call leaves behind in its shard while it is handed to another one.
struct Left {
    sockets: Vec<SocketKey>,
    cpu: Option<u32>,
    contribution: Contribution,
    streams: u32,
}

impl Shard {
    /// Carries out a request that may merge the calls of all its ids into the first one. Control has seen to it that they are all here.
    pub(super) fn join(&mut self, first: CallSlot, request: &Request, id: &[u8]) -> Option<Done> {
        let mut joining = Vec::new();
        // An id that leads nowhere is the command's to refuse.
        for slot in request.call_ids().filter_map(|id| self.calls.find(id.as_bytes())) {
            if slot != first && !joining.contains(&slot) {
                joining.push(slot);
            }
        }
        let (mut calls, mut left) = (Vec::new(), Vec::new());
        for slot in joining {
            let Some(Resident { call, sockets, cpu, contribution }) = self.calls.remove(slot) else {
                continue;
            };
            let streams = u32::try_from(call.plane.stream_count()).unwrap_or(u32::MAX);
            left.push(Left { sockets, cpu, contribution, streams });
            calls.push(*call);
        }
        let offset = self.calls.get(first).map_or(0, |resident| resident.call.plane.stream_count());
        let (done, back) = self.work(first, |call, ctx| call.join(request, id, calls, ctx))?;
        if back.is_empty() {
            self.absorb(first, left, u32::try_from(offset).unwrap_or(u32::MAX));
        } else {
            self.put_back(back, left);
        }
        Some(done)
    }

    /// Calls that were not merged stay as they were. Taken from the end, each gets the place that was freed last: its own, so its
    /// sockets and timers still lead to it.
    fn put_back(&mut self, calls: Vec<Call>, left: Vec<Left>) {
        for (call, left) in calls.into_iter().zip(left).rev() {
            let Left { sockets, cpu, contribution, .. } = left;
            self.calls.insert(Resident { call: Box::new(call), sockets, cpu, contribution });
        }
    }

    /// The sockets of merged calls lead to the surviving one, whose streams theirs come behind.
    fn absorb(&mut self, first: CallSlot, left: Vec<Left>, mut offset: u32) {
        for Left { sockets, contribution, streams, .. } in left {
            for key in &sockets {
                if let Some(entry) = self.sockets.get_mut(*key) {
                    entry.owner.call = first;
                    entry.owner.stream.0 = entry.owner.stream.0.saturating_add(offset);
                }
            }
            offset = offset.saturating_add(streams);
            contribution.leave(&self.stats);
            if let Some(resident) = self.calls.get_mut(first) {
                resident.sockets.extend(sockets);
            }
        }
        if let Some(resident) = self.calls.get(first) {
            let ids = resident.call.signalling.ids.clone();
            self.calls.lead(&ids, first);
        }
    }
}
