//! Moving a call to another shard: its sockets stay open and keep what arrives meanwhile, so no packet is lost.

use super::Owner;
use super::calls::{CallSlot, Resident};
use super::core::{CALL_TICK, Shard, Timer};
use super::desk::NO_STREAM;
use super::message::{FromShard, Moving, ToShard};
use super::tally::Contribution;
use crate::call::ids::{Name, SocketKey};
use crate::report::counters::Gauge;
use std::collections::HashMap;

impl Shard {
    /// Takes a call out and sends it to another shard. Control is told where it is by the shard that has it in the end.
    pub(super) fn give(&mut self, id: &Name, to: u16) {
        let peer = self.peers.get(usize::from(to)).filter(|_| to != self.index).cloned();
        let (Some(slot), Some(peer)) = (self.calls.find(id.as_bytes()), peer) else {
            self.report(FromShard::Moved { ids: vec![id.clone()], shard: self.index });
            return;
        };
        let Some(moving) = self.take_out(slot) else { return };
        if let Err(ToShard::Take(moving)) = peer.send(ToShard::Take(Box::new(moving))) {
            // The other inbox is full: the call stays here.
            self.take_in(*moving);
        }
    }

    pub(super) fn take_out(&mut self, slot: CallSlot) -> Option<Moving> {
        let Resident { call, sockets, cpu, contribution, parked } = self.calls.remove(slot)?;
        contribution.leave(&self.stats);
        let mut moving = Vec::with_capacity(sockets.len());
        for key in sockets {
            let stream = self.sockets.get(key).map_or(NO_STREAM, |entry| entry.owner.stream);
            if let Some(socket) = self.sockets.detach(&self.readiness, key) {
                moving.push((key, socket, stream));
            }
        }
        self.stats.shift(Gauge::Sockets, -i64::try_from(moving.len()).unwrap_or(0));
        let waiting = parked.map(|parked| parked.into_orders()).unwrap_or_default();
        Some(Moving { call, sockets: moving, cpu, waiting })
    }

    /// Takes a call in that another shard gave.
    pub(super) fn take_in(&mut self, moving: Moving) {
        let Moving { call, sockets, cpu, waiting } = moving;
        let key = call.key;
        let ids: Vec<Name> = call.signalling.ids.iter().cloned().collect();
        let contribution = Contribution::enter(&self.stats, &call);
        let open = Vec::with_capacity(sockets.len());
        let slot = self.calls.insert(Resident { call, sockets: open, cpu, contribution, parked: None });
        let mut names: HashMap<SocketKey, SocketKey> = HashMap::with_capacity(sockets.len());
        for (old, socket, stream) in sockets {
            let owner = Owner { call: slot, stream };
            // A socket that cannot be watched is closed: the call goes on with the others.
            if let Ok(new) = self.sockets.insert(&self.readiness, socket, owner) {
                names.insert(old, new);
            }
        }
        self.stats.shift(Gauge::Sockets, i64::try_from(names.len()).unwrap_or(0));
        if let Some(resident) = self.calls.get_mut(slot) {
            resident.sockets.extend(names.values());
            resident.call.rename_sockets(&|old| names.get(&old).copied().unwrap_or(LOST));
        }
        self.wheel.set(self.now.instant + CALL_TICK, (slot, key, Timer::Tick));
        self.poll_call(slot);
        self.look_after_coders(slot);
        self.report(FromShard::Moved { ids, shard: self.index });
        self.serve_all(waiting);
    }
}

/// The name of a socket that could not be taken along: it leads nowhere.
const LOST: SocketKey = SocketKey { slot: u32::MAX, generation: u32::MAX };
