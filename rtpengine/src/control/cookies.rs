//! Duplicate detection (ng-control.md 2): replies kept under the peer's address and the cookie, so that a retransmitted request is answered
//! again and never executed twice.

use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// After this time without a change of generation the next lookup makes one.
const GENERATION: Duration = Duration::from_secs(30);

/// Bytes of replies after which a generation ends early. At a kilobyte a reply this is 4,000 requests a second kept for the full time; only a
/// flood beyond that shortens it, and the memory stays bounded.
const GENERATION_BYTES: usize = 128 << 20;

const CHUNK: usize = 256 << 10;

/// What is known about a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Never seen: it is to be executed, and `finish` called with its reply.
    New,
    /// Being executed: the asker has been noted and will be handed out by `finish`.
    Running,
    /// Answered before with these bytes.
    Answered(&'a [u8]),
}

/// The cache. `W` is where a reply goes.
#[derive(Debug)]
pub struct Cookies<W> {
    running: HashMap<Key, Vec<W>, RandomState>,
    current: Generation,
    old: Generation,
    changed: Instant,
    hash: RandomState,
}

/// Names a request: the peer's IP address and the cookie. The port may differ between retransmissions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    peer: IpAddr,
    cookie: Box<[u8]>,
}

impl Key {
    /// The name of a request.
    pub fn new(peer: IpAddr, cookie: &[u8]) -> Self {
        Self { peer, cookie: cookie.into() }
    }

    /// The cookie.
    pub fn cookie(&self) -> &[u8] {
        &self.cookie
    }
}

impl<W> Cookies<W> {
    /// An empty cache.
    pub fn new(now: Instant) -> Self {
        Self {
            running: HashMap::default(),
            current: Generation::default(),
            old: Generation::default(),
            changed: now,
            hash: RandomState::default(),
        }
    }

    /// Looks a request up. A new one counts as running from now on; `waiter` is kept only if it already was.
    pub fn begin(&mut self, now: Instant, key: &Key, waiter: W) -> Seen<'_> {
        self.age(now);
        if let Some(waiters) = self.running.get_mut(key) {
            waiters.push(waiter);
            return Seen::Running;
        }
        let hash = self.hash.hash_one(key);
        if self.current.find(hash, key).is_none() && self.old.find(hash, key).is_none() {
            self.running.insert(key.clone(), Vec::new());
            return Seen::New;
        }
        match self.current.find(hash, key).or_else(|| self.old.find(hash, key)) {
            Some(reply) => Seen::Answered(reply),
            None => Seen::New,
        }
    }

    /// Stores the reply of a request and gives those who asked for it meanwhile.
    pub fn finish(&mut self, key: &Key, reply: &[u8]) -> Vec<W> {
        let hash = self.hash.hash_one(key);
        self.current.store(hash, key, reply);
        self.running.remove(key).unwrap_or_default()
    }

    /// Forgets a request that was not executed, so that a retransmission is. Gives those who have been waiting for its reply.
    pub fn abandon(&mut self, key: &Key) -> Vec<W> {
        self.running.remove(key).unwrap_or_default()
    }

    fn age(&mut self, now: Instant) {
        let full = self.current.bytes >= GENERATION_BYTES;
        if !full && now.saturating_duration_since(self.changed) < GENERATION {
            return;
        }
        let next = Generation::with_capacity(self.current.entries.len());
        self.old = std::mem::replace(&mut self.current, next);
        self.changed = now;
    }
}

/// Replies of one period, in chunks without anything to drop one by one: letting go of a million of them takes no time.
#[derive(Debug, Default)]
struct Generation {
    index: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    entries: Vec<Entry>,
    chunks: Vec<Vec<u8>>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    peer: IpAddr,
    chunk: u32,
    start: u32,
    cookie: u32,
    reply: u32,
    /// The entry before this one with the same hash.
    before: Option<u32>,
}

impl Generation {
    fn with_capacity(entries: usize) -> Self {
        Self {
            index: HashMap::with_capacity_and_hasher(entries, BuildHasherDefault::default()),
            entries: Vec::with_capacity(entries),
            ..Self::default()
        }
    }

    fn find(&self, hash: u64, key: &Key) -> Option<&[u8]> {
        let mut at = self.index.get(&hash).copied();
        while let Some(number) = at {
            let entry = self.entries.get(number as usize)?;
            let from_start = self.chunks.get(entry.chunk as usize)?.get(entry.start as usize..)?;
            let (cookie, rest) = from_start.split_at_checked(entry.cookie as usize)?;
            if entry.peer == key.peer && cookie == &*key.cookie {
                return rest.get(..entry.reply as usize);
            }
            at = entry.before;
        }
        None
    }

    fn store(&mut self, hash: u64, key: &Key, reply: &[u8]) {
        let length = key.cookie.len() + reply.len();
        let numbers =
            (u32::try_from(self.entries.len()), u32::try_from(key.cookie.len()), u32::try_from(reply.len()));
        let (Ok(number), Ok(cookie), Ok(reply_length)) = numbers else { return };
        if self.chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < length) {
            self.chunks.push(Vec::with_capacity(CHUNK.max(length)));
        }
        let place = self.chunks.len() - 1;
        let chunk = &mut self.chunks[place];
        // Chunks are at most as long as one message or CHUNK, and GENERATION_BYTES bounds their number.
        let (Ok(place), Ok(start)) = (u32::try_from(place), u32::try_from(chunk.len())) else { return };
        chunk.extend_from_slice(&key.cookie);
        chunk.extend_from_slice(reply);
        self.bytes += length + size_of::<Entry>();
        let before = self.index.insert(hash, number);
        self.entries.push(Entry { peer: key.peer, chunk: place, start, cookie, reply: reply_length, before });
    }
}

/// Takes a hash as it is.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(peer: &str, cookie: &str) -> Key {
        Key::new(peer.parse().unwrap(), cookie.as_bytes())
    }

    #[test]
    fn a_duplicate_waits_and_later_ones_get_the_stored_reply() {
        let now = Instant::now();
        let mut cookies = Cookies::new(now);
        let request = key("192.0.2.1", "abc");
        assert_eq!(cookies.begin(now, &request, 1), Seen::New);
        assert_eq!(cookies.begin(now, &request, 2), Seen::Running);
        assert_eq!(cookies.begin(now, &request, 3), Seen::Running);
        assert_eq!(cookies.finish(&request, b"reply"), [2, 3]);
        assert_eq!(cookies.begin(now, &request, 4), Seen::Answered(b"reply"));
    }

    #[test]
    fn the_same_cookie_of_another_peer_is_another_request() {
        let now = Instant::now();
        let mut cookies = Cookies::new(now);
        cookies.begin(now, &key("192.0.2.1", "abc"), ());
        cookies.finish(&key("192.0.2.1", "abc"), b"one");
        assert_eq!(cookies.begin(now, &key("192.0.2.2", "abc"), ()), Seen::New);
        cookies.finish(&key("192.0.2.2", "abc"), b"two");
        assert_eq!(cookies.begin(now, &key("192.0.2.1", "abc"), ()), Seen::Answered(b"one"));
    }

    #[test]
    fn an_abandoned_request_may_be_tried_again() {
        let now = Instant::now();
        let mut cookies = Cookies::new(now);
        let request = key("192.0.2.1", "abc");
        cookies.begin(now, &request, 1);
        cookies.begin(now, &request, 2);
        assert_eq!(cookies.abandon(&request), [2]);
        assert_eq!(cookies.begin(now, &request, 3), Seen::New);
    }

    #[test]
    fn entries_live_for_one_to_two_generations() {
        let start = Instant::now();
        let mut cookies = Cookies::new(start);
        let request = key("2001:db8::1", "abc");
        cookies.begin(start, &request, ());
        cookies.finish(&request, b"reply");
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(cookies.begin(later(31), &request, ()), Seen::Answered(b"reply"));
        assert_eq!(cookies.begin(later(59), &request, ()), Seen::Answered(b"reply"));
        assert_eq!(cookies.begin(later(62), &request, ()), Seen::New);
    }

    #[test]
    fn entries_with_one_hash_are_told_apart() {
        let mut generation = Generation::default();
        generation.store(5, &key("192.0.2.1", "a"), b"1");
        generation.store(5, &key("192.0.2.1", "b"), b"2");
        assert_eq!(generation.find(5, &key("192.0.2.1", "a")), Some(&b"1"[..]));
        assert_eq!(generation.find(5, &key("192.0.2.1", "b")), Some(&b"2"[..]));
        assert_eq!(generation.find(5, &key("192.0.2.1", "c")), None);
    }

    #[test]
    fn large_replies_have_chunks_of_their_own() {
        let mut generation = Generation::default();
        let large = vec![7; CHUNK * 2];
        generation.store(1, &key("192.0.2.1", "a"), b"small");
        generation.store(2, &key("192.0.2.1", "b"), &large);
        generation.store(3, &key("192.0.2.1", "c"), b"tail");
        assert_eq!(generation.find(2, &key("192.0.2.1", "b")), Some(&large[..]));
        assert_eq!(generation.find(3, &key("192.0.2.1", "c")), Some(&b"tail"[..]));
    }
}
