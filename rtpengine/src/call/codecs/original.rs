//! What a message offered before options changed it, plus what the receiver had before (`codecs.md` §5).

use std::sync::Arc;

use rtpengine_common::codec::{IndexString, Supplemental};

use super::list::{Entry, bit};

/// The original list of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Original {
    /// The SDP's own codecs, in SDP order.
    own: Arc<[Entry]>,
    /// Former codecs of the receiver, in the order in which they are looked at.
    former: Vec<Entry>,
    /// Payload numbers of the former codecs; on a clash they win.
    former_numbers: u128,
}

impl Original {
    /// The codecs of the SDP at hand.
    pub(super) fn of(own: Arc<[Entry]>) -> Self {
        Self { own, ..Self::default() }
    }

    /// Adds former codecs of the receiver, in the order in which they are to be found (`codecs.md` §5.1(4)).
    pub(super) fn merge<'a>(&mut self, former: impl Iterator<Item = &'a Entry>) {
        for entry in former {
            let mut entry = entry.clone();
            entry.marks.removed = true;
            self.former_numbers |= bit(entry.payload_type);
            self.former.push(entry);
        }
    }

    /// The SDP's own codecs, also those whose number a former codec has.
    pub(super) fn own(&self) -> &Arc<[Entry]> {
        &self.own
    }

    /// All entries in the order of look-ups: the SDP's own, then the former ones.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let clashes = |entry: &&Entry| self.former_numbers & bit(entry.payload_type) == 0;
        self.own.iter().filter(clashes).chain(&self.former)
    }

    /// The entries under an index string.
    pub(super) fn find<'a>(&'a self, index: &'a IndexString<'_>) -> impl Iterator<Item = &'a Entry> {
        self.entries().filter(|entry| index.finds(&entry.codec))
    }

    /// The entry with this number.
    pub(super) fn get(&self, payload_type: u8) -> Option<&Entry> {
        self.entries().find(|entry| entry.payload_type == payload_type)
    }

    /// The first entry with this supplemental codec at this rate.
    pub(super) fn supplemental(&self, kind: Supplemental, clock: u32) -> Option<&Entry> {
        self.entries().find(|e| e.codec.supplemental == Some(kind) && e.codec.clock == clock)
    }
}

/// An entry as it comes back into a list: the mark *removed* is a matter of the original list only.
pub(super) fn returning(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    entry.marks.removed = false;
    entry
}
