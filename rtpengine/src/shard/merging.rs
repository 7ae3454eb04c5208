//! Requests that name several call-ids: their calls become one before the request is carried out (ng-control.md 10.8, 11.10).

use super::calls::{CallSlot, Resident};
use super::core::Shard;
use crate::call::Call;
use crate::call::error::Error;
use crate::call::unknown_call;
use rtpengine_common::ng::{Command, Request};

/// The commands that merge the calls they name.
pub fn merges(command: Command) -> bool {
    matches!(command, Command::Connect | Command::Mesh | Command::InjectStart | Command::InjectStop)
}

/// What the client is told when two calls cannot become one.
fn collision(command: Command) -> Error {
    match command {
        Command::Mesh => Error::MeshMerge,
        Command::InjectStart | Command::InjectStop => Error::InjectMerge,
        _ => Error::ConnectMerge,
    }
}

impl Shard {
    /// Merges the calls of all ids of a request into the first one. Control has seen to it that they are all here. Nothing is changed
    /// unless all of them exist and the request can be carried out.
    pub(super) fn gather(&mut self, first: CallSlot, request: &Request) -> Result<(), Error> {
        if !merges(request.command) {
            return Ok(());
        }
        let mut joining = Vec::new();
        for id in request.call_ids() {
            let slot = self.calls.find(id.as_bytes()).ok_or_else(|| unknown_call(request.command))?;
            if slot != first && !joining.contains(&slot) {
                joining.push(slot);
            }
        }
        let Some(call) = self.calls.get(first).map(|resident| &*resident.call) else {
            return Err(unknown_call(request.command));
        };
        let others: Vec<&Call> =
            joining.iter().filter_map(|slot| self.calls.get(*slot)).map(|resident| &*resident.call).collect();
        call.may_join(request, &others)?;
        joining
            .into_iter()
            .try_for_each(|slot| self.merge(first, slot).map_err(|()| collision(request.command)))
    }

    fn merge(&mut self, first: CallSlot, slot: CallSlot) -> Result<(), ()> {
        let Some(Resident { call, sockets, cpu, contribution, parked }) = self.calls.remove(slot) else {
            return Err(());
        };
        let Some(resident) = self.calls.get_mut(first) else { return Err(()) };
        let ids = call.signalling.ids.clone();
        let offset = u32::try_from(resident.call.plane.stream_count()).unwrap_or(u32::MAX);
        self.at_work = Some(first);
        let merged = resident.call.merge(call);
        self.at_work = None;
        if let Err(call) = merged {
            // Its slot is the one that was freed last, so its sockets still lead to it.
            self.calls.insert(Resident { call, sockets, cpu, contribution, parked });
            return Err(());
        }
        for key in &sockets {
            if let Some(entry) = self.sockets.get_mut(*key) {
                entry.owner.call = first;
                entry.owner.stream.0 = entry.owner.stream.0.saturating_add(offset);
            }
        }
        resident.sockets.extend(sockets);
        self.orphans.extend(parked.map(|parked| parked.into_orders()).unwrap_or_default());
        contribution.leave(&self.stats);
        self.calls.lead(&ids, first);
        self.look_after_coders(first);
        Ok(())
    }
}
