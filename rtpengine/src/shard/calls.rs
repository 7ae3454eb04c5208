//! The calls of a shard: a slab, and the call-ids that lead into it.

use super::parking::Parked;
use super::tally::Contribution;
use crate::call::Call;
use crate::call::ids::{CallKey, Name, SocketKey};
use crate::net::prefetch::prefetch;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Position of a call in its shard's table; only the call's own sockets and timers hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallSlot(pub(super) u32);

impl CallSlot {
    /// The number of the slot, for cursors.
    pub(super) fn position(self) -> u32 {
        self.0
    }
}

/// A call with what its shard knows about it.
#[derive(Debug)]
pub struct Resident {
    /// The call itself.
    pub call: Box<Call>,
    /// Every socket it has open, those of superseded port sets included.
    pub sockets: Vec<SocketKey>,
    /// The CPU its sockets prefer, with `--socket-cpu-affinity`.
    pub cpu: Option<u32>,
    /// What it has added to the gauges.
    pub contribution: Contribution,
    /// Requests that wait for media to be opened.
    pub(super) parked: Option<Box<Parked>>,
}

/// All calls of a shard.
#[derive(Debug, Default)]
pub struct CallTable {
    slots: Vec<Option<Resident>>,
    free: Vec<u32>,
    ids: HashMap<Arc<[u8]>, CallSlot, RandomState>,
    count: usize,
}

impl CallTable {
    /// Takes a call in under all its ids.
    pub fn insert(&mut self, resident: Resident) -> CallSlot {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let slot = CallSlot(slot);
        for id in &resident.call.signalling.ids {
            self.ids.insert(Arc::clone(&id.0), slot);
        }
        self.slots[slot.0 as usize] = Some(resident);
        self.count += 1;
        slot
    }

    /// The call of an id.
    pub fn find(&self, id: &[u8]) -> Option<CallSlot> {
        self.ids.get(id).copied()
    }

    /// The call in a slot.
    pub fn get(&self, slot: CallSlot) -> Option<&Resident> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    /// Asks for the memory of a slot.
    #[inline]
    pub(super) fn prefetch(&self, slot: CallSlot) {
        if let Some(place) = self.slots.get(slot.0 as usize) {
            prefetch(place);
        }
    }

    /// The call in a slot, to work on it.
    pub fn get_mut(&mut self, slot: CallSlot) -> Option<&mut Resident> {
        self.slots.get_mut(slot.0 as usize)?.as_mut()
    }

    /// The call in a slot, if it still is the one a timer or a side thread was told about.
    pub fn get_keyed(&mut self, slot: CallSlot, key: CallKey) -> Option<&mut Resident> {
        self.get_mut(slot).filter(|resident| resident.call.key == key)
    }

    /// Takes a call out.
    pub fn remove(&mut self, slot: CallSlot) -> Option<Resident> {
        let resident = self.slots.get_mut(slot.0 as usize)?.take()?;
        for id in &resident.call.signalling.ids {
            self.ids.remove(&id.0);
        }
        self.free.push(slot.0);
        self.count -= 1;
        Some(resident)
    }

    /// Lets more ids lead to a call.
    pub fn lead(&mut self, ids: &[Name], slot: CallSlot) {
        for id in ids {
            self.ids.insert(Arc::clone(&id.0), slot);
        }
    }

    /// All calls.
    pub fn iter(&self) -> impl Iterator<Item = (CallSlot, &Resident)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(at, slot)| Some((CallSlot(u32::try_from(at).ok()?), slot.as_ref()?)))
    }

    /// The occupied slot at or after a position: for cursors that look at a few calls per turn.
    pub fn next_from(&self, position: u32) -> Option<(CallSlot, &Resident)> {
        self.slots
            .iter()
            .enumerate()
            .skip(position as usize)
            .find_map(|(at, slot)| Some((CallSlot(u32::try_from(at).ok()?), slot.as_ref()?)))
    }

    /// Number of calls.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
