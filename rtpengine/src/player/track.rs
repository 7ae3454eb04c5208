//! Encoded sound: one side appends, any number of players read. Pieces are shared, so a listener more costs no copy.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Pieces a private track may hold that were not read yet; then its encoder pauses.
const AHEAD: usize = 4;
/// With so few left the encoder goes on.
const LOW: usize = 2;

/// Some packets in a row.
#[derive(Debug, Default)]
pub struct Piece {
    octets: Vec<u8>,
    packets: Vec<PacketEnd>,
}

#[derive(Clone, Copy, Debug)]
struct PacketEnd {
    end: usize,
    duration: u32,
}

/// One packet of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The RTP payload.
    pub payload: &'a [u8],
    /// How long it sounds, in units of the RTP clock.
    pub duration: u32,
}

impl Piece {
    /// Appends a packet.
    pub fn push(&mut self, payload: &[u8], duration: u32) {
        self.octets.extend_from_slice(payload);
        self.packets.push(PacketEnd { end: self.octets.len(), duration });
    }

    /// Number of packets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Nothing in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    fn frame(&self, at: usize) -> Option<Frame<'_>> {
        let packet = self.packets.get(at)?;
        let start =
            at.checked_sub(1).and_then(|before| self.packets.get(before)).map_or(0, |before| before.end);
        Some(Frame { payload: self.octets.get(start..packet.end)?, duration: packet.duration })
    }

    fn size(&self) -> u64 {
        self.octets.len() as u64
    }
}

/// A packet of the source file was read: where its sound lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Time since the beginning of the track, in µs.
    pub at_us: u64,
    /// Position in ticks of the file's time base.
    pub position: i64,
}

/// Carries on with a track whose reader wants more.
pub trait Resume: Send + Sync {
    /// Takes the paused work back. It is given back if it cannot be taken now.
    ///
    /// # Errors
    /// When the queue is full.
    fn resume(&self, work: Box<dyn Any + Send>) -> Result<(), Box<dyn Any + Send>>;
}

#[derive(Default)]
struct State {
    /// Number of the first piece still held.
    base: usize,
    pieces: VecDeque<Arc<Piece>>,
    marks: VecDeque<Mark>,
    /// It will not grow any more; the time it takes, in µs.
    end: Option<u64>,
    /// Work that waits for room.
    paused: Option<Box<dyn Any + Send>>,
}

/// Encoded sound of one source in one codec.
pub struct Track {
    state: Mutex<State>,
    /// Everything is kept, for other readers and repetitions.
    shared: bool,
    resume: Option<Arc<dyn Resume>>,
    /// Sum over all shared tracks.
    gauge: Option<Arc<AtomicU64>>,
    size: AtomicU64,
}

impl fmt::Debug for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Track")
            .field("shared", &self.shared)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Track {
    /// A track for one reader; what has been read is forgotten.
    #[must_use]
    pub fn private(resume: Option<Arc<dyn Resume>>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            shared: false,
            resume,
            gauge: None,
            size: AtomicU64::new(0),
        })
    }

    /// A track that is kept whole; `gauge` counts its octets as long as anybody has it.
    #[must_use]
    pub fn shared(gauge: Option<Arc<AtomicU64>>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), shared: true, resume: None, gauge, size: AtomicU64::new(0) })
    }

    /// Whether it holds one pass for many readers.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Octets of payload held.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// Appends packets and the marks of what they were made of. `false`: enough for now.
    pub fn append(&self, piece: Piece, marks: &[Mark]) -> bool {
        let size = piece.size();
        self.size.fetch_add(size, Ordering::Relaxed);
        if let Some(gauge) = &self.gauge {
            gauge.fetch_add(size, Ordering::Relaxed);
        }
        let mut state = self.state.lock();
        state.marks.extend(marks);
        if !piece.is_empty() {
            state.pieces.push_back(Arc::new(piece));
        }
        self.shared || state.pieces.len() < AHEAD
    }

    /// Nothing more comes; the whole takes this many µs.
    pub fn finish(&self, length_us: u64) {
        self.state.lock().end = Some(length_us);
    }

    /// How long it is in µs, once that is known.
    #[must_use]
    pub fn length_us(&self) -> Option<u64> {
        self.state.lock().end
    }

    /// Keeps work until a reader has made room; given back if there is room again already.
    pub fn pause(&self, work: Box<dyn Any + Send>) -> Option<Box<dyn Any + Send>> {
        let mut state = self.state.lock();
        if self.shared || state.pieces.len() <= LOW {
            return Some(work);
        }
        state.paused = Some(work);
        None
    }

    /// The position of the source that was read last when reading has got this far.
    #[must_use]
    pub fn position_at(&self, at_us: u64) -> Option<i64> {
        let state = self.state.lock();
        let reached = state.marks.iter().take_while(|mark| mark.at_us <= at_us).last();
        reached.or(state.marks.front()).map(|mark| mark.position)
    }

    /// The piece of this number, for a reader that has played up to `played_us`.
    fn piece(&self, number: usize, played_us: u64) -> Option<Arc<Piece>> {
        let mut state = self.state.lock();
        if !self.shared {
            while state.base < number && state.pieces.pop_front().is_some() {
                state.base += 1;
            }
            while state.marks.get(1).is_some_and(|next| next.at_us <= played_us) {
                state.marks.pop_front();
            }
            if state.pieces.len() <= LOW
                && let (Some(resume), Some(work)) = (&self.resume, state.paused.take())
            {
                state.paused = resume.resume(work).err();
            }
        }
        let at = number.checked_sub(state.base)?;
        state.pieces.get(at).cloned()
    }

    fn ended(&self, number: usize) -> bool {
        let state = self.state.lock();
        state.end.is_some() && number >= state.base + state.pieces.len()
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        if let Some(gauge) = &self.gauge {
            gauge.fetch_sub(self.size(), Ordering::Relaxed);
        }
    }
}

/// A place in a track.
#[derive(Debug)]
pub struct Reader {
    track: Arc<Track>,
    piece: Option<Arc<Piece>>,
    /// Number of the piece.
    number: usize,
    /// Packet in the piece.
    at: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A packet.
    Frame(Frame<'a>),
    /// It is not encoded yet.
    Later,
    /// Nothing more.
    End,
}

impl Reader {
    /// At the beginning.
    #[must_use]
    pub fn new(track: Arc<Track>) -> Self {
        Self { track, piece: None, number: 0, at: 0 }
    }

    /// The track.
    #[must_use]
    pub fn track(&self) -> &Arc<Track> {
        &self.track
    }

    /// Back to the beginning, of a shared track.
    pub fn rewind(&mut self) {
        (self.piece, self.number, self.at) = (None, 0, 0);
    }

    /// Makes the next packet there is the present one; `played_us` is how far the listener has heard.
    pub fn fetch(&mut self, played_us: u64) -> Next<'_> {
        if self.piece.as_ref().is_some_and(|piece| self.at >= piece.len()) {
            self.piece = None;
            self.number += 1;
            self.at = 0;
        }
        if self.piece.is_none() {
            self.piece = self.track.piece(self.number, played_us);
        }
        match self.piece.as_ref().and_then(|piece| piece.frame(self.at)) {
            Some(frame) => Next::Frame(frame),
            None if self.track.ended(self.number) => Next::End,
            None => Next::Later,
        }
    }

    /// Takes the present packet: its payload. Empty if none was fetched.
    pub fn take(&mut self) -> &[u8] {
        self.at += 1;
        let frame = self.piece.as_ref().and_then(|piece| piece.frame(self.at - 1));
        frame.map_or(&[], |frame| frame.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn piece(numbers: &[u8]) -> Piece {
        let mut piece = Piece::default();
        numbers.iter().for_each(|n| piece.push(&[*n; 3], 160));
        piece
    }

    fn read(reader: &mut Reader) -> Option<u8> {
        match reader.fetch(0) {
            Next::Frame(frame) => {
                assert_eq!((frame.payload.len(), frame.duration), (3, 160));
                let number = frame.payload[0];
                reader.take();
                Some(number)
            }
            Next::Later | Next::End => None,
        }
    }

    #[test]
    fn readers_of_a_shared_track_do_not_disturb_each_other() {
        let gauge = Arc::new(AtomicU64::new(0));
        let track = Track::shared(Some(Arc::clone(&gauge)));
        let mut early = Reader::new(Arc::clone(&track));
        assert_eq!(early.fetch(0), Next::Later);
        assert!(track.append(piece(&[1, 2]), &[]));
        assert_eq!((read(&mut early), read(&mut early), read(&mut early)), (Some(1), Some(2), None));
        assert!(track.append(piece(&[3]), &[]));
        track.finish(60_000);
        assert_eq!((read(&mut early), early.fetch(0)), (Some(3), Next::End));
        let mut late = Reader::new(Arc::clone(&track));
        assert_eq!(read(&mut late), Some(1));
        late.rewind();
        assert_eq!((read(&mut late), read(&mut late), read(&mut late)), (Some(1), Some(2), Some(3)));
        assert_eq!(gauge.load(Ordering::Relaxed), 9);
        drop((track, early, late));
        assert_eq!(gauge.load(Ordering::Relaxed), 0, "the last reference counts");
    }

    struct Count(AtomicUsize, AtomicUsize);

    impl Resume for Count {
        fn resume(&self, work: Box<dyn Any + Send>) -> Result<(), Box<dyn Any + Send>> {
            if self.1.load(Ordering::Relaxed) > 0 {
                self.1.fetch_sub(1, Ordering::Relaxed);
                return Err(work);
            }
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    #[test]
    fn a_private_track_pauses_its_encoder_and_forgets() {
        let count = Arc::new(Count(AtomicUsize::new(0), AtomicUsize::new(1)));
        let track = Track::private(Some(Arc::clone(&count) as Arc<dyn Resume>));
        let mut reader = Reader::new(Arc::clone(&track));
        for number in 0..AHEAD - 1 {
            assert!(track.append(piece(&[number as u8]), &[Mark { at_us: number as u64, position: 10 }]));
        }
        assert!(!track.append(piece(&[9]), &[]));
        assert!(track.pause(Box::new(())).is_none());
        assert_eq!(read(&mut reader), Some(0));
        assert_eq!(count.0.load(Ordering::Relaxed), 0, "still enough");
        assert_eq!(read(&mut reader), Some(1));
        assert_eq!(read(&mut reader), Some(2), "the queue was full: the work is kept");
        assert_eq!(read(&mut reader), Some(9));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(track.state.lock().pieces.len() <= 1);
        assert!(track.pause(Box::new(())).is_some(), "there is room");
    }

    #[test]
    fn positions_follow_the_marks() {
        let track = Track::shared(None);
        assert_eq!(track.position_at(5), None);
        let marks = [(0, 100), (20, 260), (40, 420)].map(|(at_us, position)| Mark { at_us, position });
        track.append(Piece::default(), &marks);
        for (at, position) in [(0, 100), (19, 100), (20, 260), (1000, 420)] {
            assert_eq!(track.position_at(at), Some(position), "{at}");
        }
    }
}
