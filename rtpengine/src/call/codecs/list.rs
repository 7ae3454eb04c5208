//! The ordered payload-type list of a media (`codecs.md` §5).

use std::sync::Arc;

use rtpengine_common::codec::{Codec, IndexString, Supplemental};
use smallvec::SmallVec;

/// Marks of a list entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The daemon put this entry in; the party does not (necessarily) speak it.
    pub for_transcoding: bool,
    /// The party's codec is used even if the other side rejects it (`accept`, `consume`).
    pub accepted: bool,
    /// In an original list: a former codec of the receiver, not of the SDP at hand (`codecs.md` §5.1(4)).
    pub removed: bool,
}

/// One payload type of a list. Small, because every party of every call keeps some: the codec itself is shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The codec, shared by all lists that hold it unchanged.
    pub codec: Arc<Codec>,
    /// What an answer prints for it where that differs from [`Entry::codec`]: format parameters after the answer
    /// conversion (`codecs.md` §17). The encoder goes by [`Entry::codec`].
    pub shown: Option<Arc<Codec>>,
    /// The payload number.
    pub payload_type: u8,
    /// The number under which an asymmetric answer named it, if another one (`codecs.md` §5.1(3)).
    pub answered_as: Option<u8>,
    /// Marks.
    pub marks: Marks,
}

impl Entry {
    /// An entry without marks.
    #[must_use]
    pub fn new(payload_type: u8, codec: Arc<Codec>) -> Self {
        Self { codec, shown: None, payload_type, answered_as: None, marks: Marks::default() }
    }

    /// Takes over from a former entry of the same codec: marks, packet time, bit rate, coder options
    /// (`codecs.md` §5.1(1)).
    pub(super) fn inherit(&mut self, former: &Self) {
        self.marks.for_transcoding = former.marks.for_transcoding;
        self.marks.accepted = former.marks.accepted;
        let (new, old) = (&self.codec, &former.codec);
        if (new.ptime, new.bitrate, &new.options) == (old.ptime, old.bitrate, &old.options) {
            return;
        }
        let codec = Arc::make_mut(&mut self.codec);
        codec.ptime = former.codec.ptime;
        codec.bitrate = former.codec.bitrate;
        codec.options.clone_from(&former.codec.options);
    }

    /// What is printed.
    #[must_use]
    pub fn printed(&self) -> &Codec {
        self.shown.as_ref().unwrap_or(&self.codec)
    }
}

/// The clock rates whose companions are brought in order (`codecs.md` §§5, 9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    all: bool,
    rates: SmallVec<[u32; 4]>,
}

impl Touched {
    /// Is this rate touched?
    #[must_use]
    pub fn contains(&self, clock: u32) -> bool {
        self.all || self.rates.contains(&clock)
    }

    /// Adding or accepting this codec touches its rate; a supplemental touches all.
    pub(super) fn by(&mut self, codec: &Codec) {
        if codec.is_audio() { self.rate(codec.clock) } else { self.all() }
    }

    /// Marks one rate.
    pub(super) fn rate(&mut self, clock: u32) {
        if !self.contains(clock) {
            self.rates.push(clock);
        }
    }

    /// Marks all rates.
    pub(super) fn all(&mut self) {
        self.all = true;
        self.rates.clear();
    }
}

/// The bit of a payload number; none for numbers that do not exist.
pub(super) fn bit(payload_type: u8) -> u128 {
    1u128.checked_shl(payload_type.into()).unwrap_or(0)
}

impl FromIterator<Entry> for CodecList {
    /// The entries in order; of those with the same number the first.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut list = Self::default();
        for entry in entries {
            list.push(entry);
        }
        list
    }
}

/// The ordered payload-type list. Payload numbers are unique and below 128.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodecList {
    /// Shared by lists that are the same: the snapshot of an offer, and the original list of a message.
    entries: Arc<[Entry]>,
    /// The payload numbers in use, one bit each.
    numbers: u128,
    /// Position of the insertion mark (`codecs.md` §5).
    mark: Option<u8>,
    pub(super) touched: Touched,
}

impl CodecList {
    /// A list of these entries, in order, nothing touched.
    pub(super) fn from_entries(entries: impl Into<Arc<[Entry]>>) -> Self {
        let entries = entries.into();
        let mut list =
            Self { numbers: entries.iter().fold(0, |bits, e| bits | bit(e.payload_type)), ..Self::default() };
        list.mark =
            entries.iter().position(|e| !e.codec.is_audio()).and_then(|position| u8::try_from(position).ok());
        list.entries = entries;
        list
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries in order, to be kept as they are now.
    pub(super) fn shared(&self) -> Arc<[Entry]> {
        Arc::clone(&self.entries)
    }

    /// No codec at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The clock rates marked as touched.
    #[must_use]
    pub fn touched(&self) -> &Touched {
        &self.touched
    }

    /// The entry with this payload number.
    #[must_use]
    pub fn get(&self, payload_type: u8) -> Option<&Entry> {
        if !self.has_number(payload_type) {
            return None;
        }
        self.entries.iter().find(|entry| entry.payload_type == payload_type)
    }

    /// Is this payload number in use?
    #[must_use]
    pub fn has_number(&self, payload_type: u8) -> bool {
        self.numbers & bit(payload_type) != 0
    }

    /// The first entry with this supplemental codec at this clock rate.
    #[must_use]
    pub fn supplemental(&self, kind: Supplemental, clock: u32) -> Option<&Entry> {
        self.entries.iter().find(|e| e.codec.supplemental == Some(kind) && e.codec.clock == clock)
    }

    /// Is there an entry under this index?
    pub(super) fn has_index(&self, index: &IndexString<'_>) -> bool {
        self.entries.iter().any(|entry| index.finds(&entry.codec))
    }

    /// Gives mutable entries for marks and codec settings; numbers and order must stay.
    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        Arc::make_mut(&mut self.entries).iter_mut()
    }

    /// Marks entries as accepted and for transcoding, and their rates as touched.
    pub(super) fn accept(&mut self, choose: impl Fn(&Entry) -> bool) {
        if !self.entries.iter().any(&choose) {
            return;
        }
        for entry in Arc::make_mut(&mut self.entries) {
            if choose(entry) {
                entry.marks.accepted = true;
                entry.marks.for_transcoding = true;
                self.touched.by(&entry.codec);
            }
        }
    }

    /// Appends an entry; `false` if its number is taken.
    pub(super) fn push(&mut self, entry: Entry) -> bool {
        self.insert(self.entries.len(), entry)
    }

    /// Puts an entry directly before the insertion mark; `false` if its number is taken.
    pub(super) fn insert_before_mark(&mut self, entry: Entry) -> bool {
        self.insert(self.mark.map_or(self.entries.len(), usize::from), entry)
    }

    fn insert(&mut self, position: usize, entry: Entry) -> bool {
        if self.entries.len() >= 128 || entry.payload_type > 127 || self.has_number(entry.payload_type) {
            return false;
        }
        let position = position.min(self.entries.len());
        let at = u8::try_from(position).ok();
        self.mark = match self.mark {
            Some(mark) if at.is_some_and(|at| at <= mark) => mark.checked_add(1),
            None if !entry.codec.is_audio() => at,
            mark => mark,
        };
        self.numbers |= bit(entry.payload_type);
        let mut entries = self.entries.to_vec();
        entries.insert(position, entry);
        self.entries = entries.into();
        true
    }

    /// Removes entries. Where the marked entry goes, the mark passes to the one behind it.
    pub(super) fn remove(&mut self, choose: impl Fn(&Entry) -> bool) {
        if !self.entries.iter().any(&choose) {
            return;
        }
        let marked = self.mark.map(usize::from);
        let mut position = 0;
        let mut kept = 0usize;
        let mut mark = None;
        let mut numbers = 0;
        let mut entries = self.entries.to_vec();
        entries.retain(|entry| {
            if marked.is_some_and(|marked| position >= marked) && mark.is_none() {
                mark = Some(kept);
            }
            position += 1;
            let keep = !choose(entry);
            kept += usize::from(keep);
            if keep {
                numbers |= bit(entry.payload_type);
            }
            keep
        });
        self.numbers = numbers;
        self.entries = entries.into();
        self.mark = mark.filter(|&mark| mark < self.entries.len()).and_then(|mark| u8::try_from(mark).ok());
    }

    /// Removes entries as [`CodecList::remove`] does; the rates of removed audio codecs are touched.
    pub(super) fn strip(&mut self, choose: impl Fn(&Entry) -> bool) {
        for entry in self.entries.iter().filter(|entry| entry.codec.is_audio() && choose(entry)) {
            self.touched.rate(entry.codec.clock);
        }
        self.remove(choose);
    }

    #[cfg(test)]
    pub(super) fn marked(&self) -> Option<u8> {
        self.mark.and_then(|mark| self.entries.get(usize::from(mark))).map(|entry| entry.payload_type)
    }
}
