//! The SSRCs of a media in one direction: index, counters, loss and jitter (media-plane.md §8, §9.4).

use arrayvec::ArrayVec;
use rtpengine_common::rtp::{Arrival, JitterEstimator, LossTracker, PacketIndex, arrival_in_clock_units};
use rtpengine_common::srtp::ReplayWindow;

use crate::call::ids::StreamId;

use super::quality::Quality;

/// SSRCs kept per media and direction.
pub const MAX_SSRCS: usize = 20;

/// Payload types remembered per SSRC for finding the most used one.
const PT_WINDOW: usize = 32;
/// Distinct payload types listed per SSRC.
const PT_LIST: usize = 16;

/// What the plane knows about one SSRC.
#[derive(Clone, Debug)]
pub struct SsrcEntry {
    ssrc: u32,
    index: PacketIndex,
    srtcp_index: u32,
    /// Packets seen, RTP and RTCP, where replay protection is on.
    pub(super) replay: Option<Box<Replays>>,
    /// The stream of the bundle it belongs to, learned from a packet with a known MID.
    pub(super) member: Option<StreamId>,
    packets: u64,
    bytes: u64,
    last_timestamp: u32,
    loss: LossTracker,
    jitter: JitterEstimator,
    /// Most recent use in the table's own count.
    used: u32,
    payload_types: PtTracker,
    quality: Option<Box<Quality>>,
}

/// Replay windows of one SSRC.
#[derive(Clone, Debug)]
pub(super) struct Replays {
    pub(super) rtp: ReplayWindow,
    pub(super) rtcp: ReplayWindow,
}

impl Replays {
    pub(super) fn new(packets: usize) -> Box<Self> {
        Box::new(Self { rtp: ReplayWindow::new(packets), rtcp: ReplayWindow::new(packets) })
    }
}

#[derive(Clone, Debug)]
struct PtTracker {
    window: [u8; PT_WINDOW],
    filled: u8,
    next: u8,
    last: u8,
    distinct: ArrayVec<u8, PT_LIST>,
}

/// Result of looking at one sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tracked {
    pub(super) lost: u32,
    pub(super) duplicate: bool,
    pub(super) skipped: u32,
    pub(super) reset: bool,
    pub(super) reordered: bool,
}

impl SsrcEntry {
    fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            index: PacketIndex::default(),
            srtcp_index: 0,
            replay: None,
            member: None,
            packets: 0,
            bytes: 0,
            last_timestamp: 0,
            loss: LossTracker::default(),
            jitter: JitterEstimator::default(),
            used: 0,
            quality: None,
            payload_types: PtTracker {
                window: [0; PT_WINDOW],
                filled: 0,
                next: 0,
                last: u8::MAX,
                distinct: ArrayVec::new(),
            },
        }
    }

    /// The SSRC.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets counted.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes of whole RTP packets, header included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// RTP timestamp of the last packet.
    #[must_use]
    pub fn last_timestamp(&self) -> u32 {
        self.last_timestamp
    }

    /// Highest sequence number, extended by the cycles in its upper half.
    #[must_use]
    pub fn extended_sequence(&self) -> u32 {
        self.loss.extended_highest()
    }

    /// Packets that never came (counted when they are 32 packets old).
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.loss.lost()
    }

    /// Packets that came again.
    #[must_use]
    pub fn duplicates(&self) -> u32 {
        self.loss.duplicates()
    }

    /// The jitter estimate as kept: 16 times the RFC 3550 value, in timestamp units.
    #[must_use]
    pub fn jitter_times_16(&self) -> u32 {
        self.jitter.scaled()
    }

    /// The packet index of the last packet: roll-over counter and sequence number (media-plane.md §9.4).
    #[must_use]
    pub fn index(&self) -> PacketIndex {
        self.index
    }

    /// Sets the packet index (restoring a call, re-synchronising after a failed authentication).
    pub fn set_index(&mut self, index: PacketIndex) {
        self.index = index;
    }

    /// The index the next SRTCP packet of this sender gets (media-plane.md §9.4 rule 6).
    #[must_use]
    pub fn srtcp_index(&self) -> u32 {
        self.srtcp_index
    }

    /// Sets the SRTCP index (restoring a call).
    pub fn set_srtcp_index(&mut self, index: u32) {
        self.srtcp_index = index & 0x7fff_ffff;
    }

    pub(super) fn next_srtcp_index(&mut self) -> u32 {
        let index = self.srtcp_index;
        self.set_srtcp_index(index + 1);
        index
    }

    /// Starts counting anew: other keys, or another peer.
    pub(super) fn reset_indices(&mut self) {
        (self.index, self.srtcp_index, self.replay) = (PacketIndex::default(), 0, None);
    }

    /// What RTCP told; `None` before the first report.
    #[must_use]
    pub fn quality(&self) -> Option<&Quality> {
        self.quality.as_deref()
    }

    pub(super) fn quality_mut(&mut self) -> &mut Quality {
        self.quality.get_or_insert_default()
    }

    /// The payload type most packets of the last 32 had.
    #[must_use]
    pub fn most_used_payload_type(&self) -> Option<u8> {
        self.payload_types.most_used()
    }

    /// Up to 16 payload types seen, the one that came up last first.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        self.payload_types.distinct.iter().rev().copied()
    }

    /// Moves the index to a packet's sequence number and returns it (media-plane.md §9.4 rules 1, 2).
    pub(super) fn advance_index(&mut self, sequence: u16) -> PacketIndex {
        self.index.update(sequence)
    }

    /// Counts a packet.
    #[inline]
    pub(super) fn count(&mut self, bytes: usize, timestamp: u32, payload_type: u8) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.last_timestamp = timestamp;
        self.payload_types.note(payload_type);
    }

    /// Loss tracking (media-plane.md §8.6). `None` for the packet that was due.
    #[inline]
    pub(super) fn track(&mut self, sequence: u16) -> Option<Tracked> {
        let (lost, highest) = (self.loss.lost(), self.loss.extended_highest());
        let arrival = self.loss.update(sequence);
        let advance = self.loss.extended_highest().wrapping_sub(highest);
        let lost = self.loss.lost().wrapping_sub(lost);
        let due = arrival == Arrival::First || arrival == Arrival::Advance && advance == 1;
        (!due || lost != 0).then(|| Tracked {
            lost,
            skipped: if arrival == Arrival::Advance { advance.saturating_sub(1) } else { 0 },
            duplicate: arrival == Arrival::Duplicate,
            reset: arrival == Arrival::Reset,
            reordered: arrival == Arrival::Late,
        })
    }

    /// RFC 3550 A.8 with the arrival time in microseconds.
    pub(super) fn measure_jitter(&mut self, arrival_us: u64, timestamp: u32, clock_rate: u32) {
        self.jitter.update(arrival_in_clock_units(arrival_us, clock_rate), timestamp);
    }

    /// The sampling of `--measure-rtp`: the value in milliseconds, which also replaces the running estimate.
    pub(super) fn sample_jitter(&mut self, clock_rate: u32) -> Option<u32> {
        self.jitter.sample(clock_rate)
    }
}

impl PtTracker {
    fn note(&mut self, payload_type: u8) {
        if let Some(slot) = self.window.get_mut(usize::from(self.next)) {
            *slot = payload_type;
        }
        self.next = (self.next + 1) % PT_WINDOW as u8;
        self.filled = self.filled.saturating_add(1).min(PT_WINDOW as u8);
        if self.last != payload_type {
            self.last = payload_type;
            self.list(payload_type);
        }
    }

    fn list(&mut self, payload_type: u8) {
        self.distinct.retain(|known| *known != payload_type);
        if self.distinct.is_full() {
            self.distinct.remove(0);
        }
        self.distinct.push(payload_type);
    }

    fn most_used(&self) -> Option<u8> {
        let seen = &self.window[..usize::from(self.filled)];
        let count = |payload_type: u8| seen.iter().filter(|other| **other == payload_type).count();
        self.distinct.iter().copied().max_by_key(|payload_type| count(*payload_type))
    }
}

/// At most [`MAX_SSRCS`] entries; the one used longest ago makes room for a new one.
#[derive(Clone, Debug, Default)]
pub struct SsrcTable {
    entries: Vec<SsrcEntry>,
    /// Place of the entry used last.
    current: u8,
    uses: u32,
    /// No SRTCP index below this was left unused by an entry that made room: with the same keys none must come twice.
    srtcp_floor: u32,
}

impl SsrcTable {
    /// The entries, most recently used first.
    #[must_use]
    pub fn by_recency(&self) -> Vec<&SsrcEntry> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        entries
    }

    /// The entry of an SSRC, if there is one.
    #[must_use]
    pub fn get(&self, ssrc: u32) -> Option<&SsrcEntry> {
        self.entries.iter().find(|entry| entry.ssrc == ssrc)
    }

    /// The entry of an SSRC, to be changed, if there is one.
    pub fn get_mut(&mut self, ssrc: u32) -> Option<&mut SsrcEntry> {
        self.entries.iter_mut().find(|entry| entry.ssrc == ssrc)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut SsrcEntry> {
        self.entries.iter_mut()
    }

    /// The entry of an SSRC, made when it is new; it becomes the most recently used one. Also says whether it was made.
    #[inline]
    pub(super) fn touch(&mut self, ssrc: u32) -> (&mut SsrcEntry, bool) {
        let current = usize::from(self.current);
        let hit = self.entries.get(current).is_some_and(|entry| entry.ssrc == ssrc);
        let (place, new) = if hit { (current, false) } else { self.change_to(ssrc) };
        (&mut self.entries[place], new)
    }

    #[cold]
    fn change_to(&mut self, ssrc: u32) -> (usize, bool) {
        self.uses = self.uses.wrapping_add(1);
        let found = self.entries.iter().position(|entry| entry.ssrc == ssrc);
        let place = found.unwrap_or_else(|| self.make_room(ssrc));
        self.entries[place].used = self.uses;
        self.current = place as u8;
        (place, found.is_none())
    }

    fn make_room(&mut self, ssrc: u32) -> usize {
        if self.entries.len() < MAX_SSRCS {
            // One media seldom has more than one: grow by single entries.
            self.entries.reserve_exact(1);
            self.entries.push(SsrcEntry::new(ssrc));
            return self.entries.len() - 1;
        }
        let oldest = (0..self.entries.len()).min_by_key(|&place| self.entries[place].used).unwrap_or(0);
        self.srtcp_floor = self.srtcp_floor.max(self.entries[oldest].srtcp_index);
        self.entries[oldest] = SsrcEntry { srtcp_index: self.srtcp_floor, ..SsrcEntry::new(ssrc) };
        oldest
    }
}

#[cfg(test)]
impl SsrcTable {
    pub(super) fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<SsrcEntry>()
    }
}
