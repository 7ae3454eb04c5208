//! Media held in memory, and copies of database media in a directory (players.md §4.2).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

/// The largest file that is taken into memory.
pub const MAX_CONTENT: u64 = 512 * 1024 * 1024;

/// The content of a media file. The gauge falls when nobody has it any more.
#[derive(Debug)]
pub struct Content {
    octets: Box<[u8]>,
    gauge: Arc<AtomicU64>,
}

impl Content {
    /// Counts the octets in `gauge` as long as the content is held.
    #[must_use]
    pub fn new(octets: Vec<u8>, gauge: &Arc<AtomicU64>) -> Arc<Self> {
        gauge.fetch_add(octets.len() as u64, Ordering::Relaxed);
        Arc::new(Self { octets: octets.into(), gauge: Arc::clone(gauge) })
    }
}

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.gauge.fetch_sub(self.octets.len() as u64, Ordering::Relaxed);
    }
}

/// One thing held, and since when.
#[derive(Debug)]
struct Held<V> {
    value: V,
    loaded: Instant,
    used: Instant,
    modified: Option<SystemTime>,
}

/// Things held under a key.
#[derive(Debug)]
pub struct Store<K, V> {
    entries: Mutex<BTreeMap<K, Held<V>>>,
}

impl<K, V> Default for Store<K, V> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

impl<K: Ord + Clone, V: Clone> Store<K, V> {
    /// What is held, which counts as a use.
    pub fn get(&self, key: &K, now: Instant) -> Option<V> {
        let mut entries = self.entries.lock();
        let held = entries.get_mut(key)?;
        held.used = now;
        Some(held.value.clone())
    }

    /// Whether it is held.
    pub fn contains(&self, key: &K) -> bool {
        self.entries.lock().contains_key(key)
    }

    /// Holds something, in place of what was there; its last use stays.
    pub fn put(&self, key: K, value: V, modified: Option<SystemTime>, now: Instant) {
        let mut entries = self.entries.lock();
        let used = entries.get(&key).map_or(now, |held| held.used);
        entries.insert(key, Held { value, loaded: now, used, modified });
    }

    /// Lets something go. Says whether it was there.
    pub fn evict(&self, key: &K) -> bool {
        self.entries.lock().remove(key).is_some()
    }

    /// Lets everything go; tells what it was.
    pub fn evict_all(&self) -> Vec<K> {
        std::mem::take(&mut *self.entries.lock()).into_keys().collect()
    }

    /// Lets go of what was not used for so long; tells what it was.
    pub fn expire(&self, unused: Duration, now: Instant) -> Vec<K> {
        let mut entries = self.entries.lock();
        let old = |held: &Held<V>| now.saturating_duration_since(held.used) >= unused;
        let gone: Vec<K> = entries.iter().filter(|(_, held)| old(held)).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| drop(entries.remove(key)));
        gone
    }

    /// What is held, with the time of the last change of where it came from.
    pub fn keys(&self) -> Vec<(K, Option<SystemTime>)> {
        self.entries.lock().iter().map(|(key, held)| (key.clone(), held.modified)).collect()
    }

    /// What is held since when and when it was used last, as ages.
    pub fn ages(&self, now: Instant) -> Vec<(K, Duration, Duration)> {
        let entries = self.entries.lock();
        let age = |at: Instant| now.saturating_duration_since(at);
        entries.iter().map(|(key, held)| (key.clone(), age(held.loaded), age(held.used))).collect()
    }
}

/// Reads a whole file, if it is one and not too large.
///
/// # Errors
/// If it cannot be read, is no regular file, or is too large.
pub fn read_file(path: &Path) -> io::Result<(Vec<u8>, Option<SystemTime>)> {
    let file = open_file(path)?;
    let metadata = file.metadata()?;
    let mut octets = Vec::new();
    file.take(MAX_CONTENT + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > MAX_CONTENT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large to be held in memory"));
    }
    Ok((octets, metadata.modified().ok()))
}

/// Opens a regular file; a pipe or a device could keep a thread waiting for ever.
///
/// # Errors
/// If it cannot be opened, or is something else.
pub fn open_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let file =
        fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// The directory of copies of database media.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Makes the directory if it is not there, for nobody else to look into.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    /// Ids of the copies there are.
    #[must_use]
    pub fn ids(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".blob")?.parse().ok()).collect()
    }

    /// The file of an id.
    #[must_use]
    pub fn file(&self, id: u64) -> PathBuf {
        self.path.join(format!("{id}.blob"))
    }

    /// Stores a copy; a reader sees the old one or the new one, never a part.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&self, id: u64, octets: &[u8]) -> io::Result<()> {
        let part = self.path.join(format!("{id}.part"));
        let written = fs::File::create(&part).and_then(|mut file| file.write_all(octets));
        written.and_then(|()| fs::rename(&part, self.file(id))).inspect_err(|_| {
            // What could not be written whole is no use.
            let _ = fs::remove_file(&part);
        })
    }

    /// Removes a copy. Says whether there was one.
    pub fn remove(&self, id: u64) -> bool {
        fs::remove_file(self.file(id)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gauge_falls_with_the_last_reference() {
        let gauge = Arc::new(AtomicU64::new(0));
        let store = Store::default();
        let now = Instant::now();
        store.put(1u64, Content::new(vec![0; 100], &gauge), None, now);
        let held = store.get(&1, now).unwrap();
        assert!(store.evict(&1));
        assert!(!store.evict(&1));
        assert_eq!(gauge.load(Ordering::Relaxed), 100);
        drop(held);
        assert_eq!(gauge.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_not_used_expires() {
        let store: Store<u64, ()> = Store::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        store.put(1, (), None, start);
        store.put(2, (), None, start);
        assert!(store.get(&2, at(8)).is_some());
        let ages = store.ages(at(10));
        let seconds = |n| Duration::from_secs(n);
        assert_eq!(ages, [(1, seconds(10), seconds(10)), (2, seconds(10), seconds(2))]);
        assert_eq!(store.expire(seconds(5), at(10)), [1]);
        store.put(2, (), None, at(11));
        assert_eq!(store.ages(at(12))[0].2, seconds(4), "a reload is no use");
        assert_eq!(store.evict_all(), [2]);
    }

    #[test]
    fn copies_in_a_directory() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(&directory.path).unwrap().permissions().mode() & 0o777, 0o700);
        directory.put(17, b"RIFF").unwrap();
        assert_eq!(directory.ids(), [17]);
        assert_eq!(read_file(&directory.file(17)).unwrap().0, b"RIFF");
        assert!(directory.remove(17));
        assert!(!directory.remove(17));
        assert!(read_file(root.path()).is_err(), "a directory is no file");
    }
}
