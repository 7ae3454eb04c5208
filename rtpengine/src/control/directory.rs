//! Which shard owns a call-id. An entry counts the requests under way for it, so that two offers for a new id meet in one shard and the
//! number of sessions is never overrun.

use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

/// What is known about a call-id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    shard: u16,
    /// Requests sent to the shard and not answered yet.
    pending: u32,
    /// Whether a call exists, as far as the shard has said.
    live: bool,
}

/// All call-ids in use.
#[derive(Debug, Default)]
pub struct Directory {
    entries: HashMap<Arc<[u8]>, Entry, RandomState>,
}

impl Directory {
    /// The shard of an id.
    pub fn find(&self, id: &[u8]) -> Option<u16> {
        self.entries.get(id).map(|entry| entry.shard)
    }

    /// Notes that a request for a known id is under way. `false` if the id is unknown.
    pub fn begin(&mut self, id: &[u8]) -> bool {
        self.entries.get_mut(id).map(|entry| entry.pending += 1).is_some()
    }

    /// Makes an entry for a new id, with one request under way.
    pub fn create(&mut self, id: &[u8], shard: u16) {
        self.entries.insert(id.into(), Entry { shard, pending: 1, live: false });
    }

    /// Whether a call exists under the id.
    pub fn is_live(&self, id: &[u8]) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.live)
    }

    /// A request is answered; `live` says whether the id leads to a call now.
    pub fn finish(&mut self, id: &[u8], live: bool) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.pending = entry.pending.saturating_sub(1);
            entry.live = live;
            if !live && entry.pending == 0 {
                self.entries.remove(id);
            }
        }
    }

    /// A call of the id is over. With requests under way the last of them says what is true then.
    pub fn ended(&mut self, id: &Arc<[u8]>) {
        if let Slot::Occupied(mut slot) = self.entries.entry(Arc::clone(id)) {
            if slot.get().pending == 0 {
                slot.remove();
            } else {
                slot.get_mut().live = false;
            }
        }
    }

    /// The call of an id is in another shard now.
    pub fn moved(&mut self, id: &[u8], shard: u16) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.shard = shard;
        }
    }

    /// Number of ids, the ones whose first request is under way included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The ids, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter(|(_, entry)| entry.live).map(|(id, _)| &**id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_offers_for_a_new_id_meet_in_one_shard_and_count_once() {
        let mut directory = Directory::default();
        assert!(!directory.begin(b"a"));
        directory.create(b"a", 3);
        assert!(directory.begin(b"a"));
        assert_eq!((directory.find(b"a"), directory.len()), (Some(3), 1));
        assert_eq!(directory.ids().count(), 0, "not listed before it exists");
        directory.finish(b"a", false);
        assert_eq!(directory.len(), 1, "the second offer is still under way");
        directory.finish(b"a", true);
        assert_eq!(directory.ids().count(), 1);
    }

    #[test]
    fn an_end_that_overtakes_a_request_does_not_lose_the_new_call() {
        let mut directory = Directory::default();
        directory.create(b"a", 0);
        directory.finish(b"a", true);
        // A new offer is sent while the end of the old call is still on its way here.
        assert!(directory.begin(b"a"));
        directory.ended(&b"a".as_slice().into());
        directory.finish(b"a", true);
        assert_eq!(directory.find(b"a"), Some(0));
        directory.ended(&b"a".as_slice().into());
        assert!(directory.is_empty());
    }
}
