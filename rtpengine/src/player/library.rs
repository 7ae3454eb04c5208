//! All that can be played: opened on side threads, encoded once for everybody where the operator wants that.

mod opened;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtpengine_common::codec::engine::demuxer::Demuxed;

use self::opened::{Body, CacheKey, Cached, Opened, demux};

use super::command::{
    Kind, MediaCommand, Stores, evicted, evicted_file, evicted_ids, loaded, reloaded, with_id,
};
use super::database::Database;
use super::pool::Pool;
use super::source::{Answer, Media, OpenError, Source, Sources};
use super::store::{Content, Directory, Store, read_file};
use crate::flow::Level;
use crate::options::Players as Settings;
use crate::report::log;

/// Threads for players, and for databases (one that hangs leaves another).
const PLAYER_THREADS: usize = 2;
const DATABASE_THREADS: usize = 2;

/// Whoever asked for media so long ago does not wait any more: behind a database that hangs nothing piles up.
const FORGOTTEN: Duration = Duration::from_secs(10);

struct Inner {
    settings: Settings,
    database: Option<Database>,
    directory: Option<Directory>,
    files: Store<PathBuf, Arc<Content>>,
    rows: Store<u64, Arc<Content>>,
    copies: Store<u64, ()>,
    cache: Mutex<HashMap<CacheKey, Cached>>,
    players: Pool,
    encoders: Pool,
    databases: Pool,
    media_octets: Arc<AtomicU64>,
    cached_octets: Arc<AtomicU64>,
    timers: Mutex<Timers>,
}

/// When stores are looked after next.
#[derive(Debug, Default)]
struct Timers {
    files: Option<Instant>,
    rows: Option<Instant>,
    copies: Option<Instant>,
    expiry: Option<Instant>,
}

/// The library.
#[derive(Clone)]
pub struct Library(Arc<Inner>);

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// How threads prepare themselves.
#[derive(Clone)]
pub struct Begin {
    /// Those that encode for players who wait.
    pub player: Arc<dyn Fn() + Send + Sync>,
    /// Those that fill the cache (players.md §4.1 rule 2).
    pub encoder: Arc<dyn Fn() + Send + Sync>,
}

impl Library {
    /// Makes the library and its threads, and loads what is to be there from the start. The error text is fatal.
    ///
    /// # Errors
    /// What the operator wants preloaded is not there, or a thread or the directory cannot be made.
    pub fn start(settings: &Settings, begin: &Begin) -> Result<(Self, Vec<JoinHandle<()>>), OpenError> {
        let failed = |error: std::io::Error| OpenError(format!("Failed to start media threads: {error}"));
        let (players, mut threads) = Pool::start("player", PLAYER_THREADS, &begin.player).map_err(failed)?;
        let (encoders, more) = Pool::start("encoder", 1, &begin.encoder).map_err(failed)?;
        threads.extend(more);
        let (databases, more) = Pool::start("media-db", DATABASE_THREADS, &begin.player).map_err(failed)?;
        threads.extend(more);
        let directory = settings.cache_directory.clone().map(Directory::open).transpose();
        let directory =
            directory.map_err(|error| OpenError(format!("Failed to create db-media-cache: {error}")))?;
        let inner = Inner {
            database: Database::new(&settings.database),
            directory,
            settings: settings.clone(),
            files: Store::default(),
            rows: Store::default(),
            copies: Store::default(),
            cache: Mutex::default(),
            players,
            encoders,
            databases,
            media_octets: Arc::default(),
            cached_octets: Arc::default(),
            timers: Mutex::default(),
        };
        let library = Self(Arc::new(inner));
        library.preload()?;
        Ok((library, threads))
    }

    fn preload(&self) -> Result<(), OpenError> {
        let inner = &self.0;
        let failed = |what: &str| OpenError(format!("Failed to preload {what}"));
        for path in &inner.settings.files.preload {
            let path = PathBuf::from(path);
            if inner.files.contains(&path) {
                return Err(failed("media files"));
            }
            inner.load_file(&path).map_err(|error| {
                log::core(Level::Error, &format!("Failed to read media file '{}': {error}", path.display()));
                failed("media files")
            })?;
        }
        let ids = |list: &[String]| {
            let number = |text: &String| text.parse::<u64>().ok().filter(|id| *id > 0);
            list.iter().map(number).collect::<Option<Vec<u64>>>()
        };
        let invalid = || OpenError("Invalid DB ID string number".into());
        for id in ids(&inner.settings.database_media.preload).ok_or_else(invalid)? {
            inner.load_row(id).map_err(|error| {
                log::core(Level::Error, &error.to_string());
                failed("DB media")
            })?;
        }
        let now = Instant::now();
        for id in inner.directory.as_ref().map(Directory::ids).unwrap_or_default() {
            inner.copies.put(id, (), None, now);
        }
        for id in ids(&inner.settings.database_cache.preload).ok_or_else(invalid)? {
            if inner.copies.contains(&id) {
                continue;
            }
            inner.load_copy(id).map_err(|error| {
                log::core(Level::Error, &error.to_string());
                failed("cached DB media")
            })?;
        }
        Ok(())
    }

    fn expire(&self) {
        let (inner, now) = (&self.0, Instant::now());
        if let Some(unused) = inner.settings.files.expire {
            inner.files.expire(unused, now);
        }
        if let Some(unused) = inner.settings.database_media.expire {
            inner.rows.expire(unused, now);
        }
        if let (Some(unused), Some(directory)) = (inner.settings.database_cache.expire, &inner.directory) {
            for id in inner.copies.expire(unused, now) {
                directory.remove(id);
            }
        }
    }

    /// Names of what is held, and the seconds since it was loaded and used.
    fn held(&self, kind: Kind) -> Vec<(String, Duration, Duration)> {
        let (inner, now) = (&self.0, Instant::now());
        let named = |ages: Vec<(u64, Duration, Duration)>| {
            ages.into_iter().map(|(id, loaded, used)| (id.to_string(), loaded, used)).collect()
        };
        match kind {
            Kind::Files => {
                let ages = inner.files.ages(now).into_iter();
                ages.map(|(path, loaded, used)| (path.display().to_string(), loaded, used)).collect()
            }
            Kind::Rows => named(inner.rows.ages(now)),
            Kind::Copies => named(inner.copies.ages(now)),
        }
    }

    /// One line per encoded source (players.md §10).
    fn cached_players(&self) -> String {
        let cache = self.0.cache.lock();
        let line = |((source, ..), cached): (&CacheKey, &Cached)| {
            format!("{source} for {} {}\n", cached.payload_type, cached.codec)
        };
        let mut lines: Vec<String> = cache.iter().map(line).collect();
        lines.sort_unstable();
        lines.concat()
    }

    /// Reads a file into memory, anew if it is there. May take long.
    fn load_file(&self, path: &str) -> bool {
        self.0.load_file(Path::new(path)).is_ok()
    }

    /// Reads a row into memory or into the directory, anew if it is there. May take long.
    fn load_id(&self, kind: Kind, id: u64) -> bool {
        match kind {
            Kind::Files => false,
            Kind::Rows => self.0.load_row(id).is_ok(),
            Kind::Copies => self.0.load_copy(id).is_ok(),
        }
    }

    /// Whether a file is held.
    fn has_file(&self, path: &str) -> bool {
        self.0.files.contains(&PathBuf::from(path))
    }

    /// Whether a row or a copy is held.
    fn has_id(&self, kind: Kind, id: u64) -> bool {
        match kind {
            Kind::Files => false,
            Kind::Rows => self.0.rows.contains(&id),
            Kind::Copies => self.0.copies.contains(&id),
        }
    }

    /// Reads all that is held again, files only if they were changed. Tells how many were read. May take long.
    fn reload_all(&self, kind: Kind) -> usize {
        let inner = &self.0;
        match kind {
            Kind::Files => {
                let changed = |(path, before): &(PathBuf, Option<_>)| {
                    let present = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
                    present.is_some() && present != *before
                };
                let files = inner.files.keys().into_iter().filter(changed);
                files.filter(|(path, _)| inner.load_file(path).is_ok()).count()
            }
            Kind::Rows => inner.rows.keys().iter().filter(|(id, _)| inner.load_row(*id).is_ok()).count(),
            Kind::Copies => inner.copies.keys().iter().filter(|(id, _)| inner.load_copy(*id).is_ok()).count(),
        }
    }

    /// Lets a file go.
    fn evict_file(&self, path: &str) -> bool {
        self.0.files.evict(&PathBuf::from(path))
    }

    /// Lets a row or a copy go.
    fn evict_id(&self, kind: Kind, id: u64) -> bool {
        match kind {
            Kind::Files => false,
            Kind::Rows => self.0.rows.evict(&id),
            Kind::Copies => {
                let removed = self.0.directory.as_ref().is_some_and(|directory| directory.remove(id));
                self.0.copies.evict(&id) || removed
            }
        }
    }

    /// Lets everything of a kind go; tells how many.
    fn evict_all(&self, kind: Kind) -> usize {
        match kind {
            Kind::Files => self.0.files.evict_all().len(),
            Kind::Rows => self.0.rows.evict_all().len(),
            Kind::Copies => {
                let gone = self.0.copies.evict_all();
                if let Some(directory) = &self.0.directory {
                    for id in &gone {
                        directory.remove(*id);
                    }
                }
                gone.len()
            }
        }
    }

    /// Empties the player cache; tells how many entries there were. Players that use one keep it.
    fn evict_players(&self) -> usize {
        std::mem::take(&mut *self.0.cache.lock()).len()
    }
}

fn overload() -> OpenError {
    OpenError("Too much media is waiting to be opened".into())
}

fn due(next: &mut Option<Instant>, interval: Option<Duration>, now: Instant) -> bool {
    let Some(interval) = interval else { return false };
    let is_due = next.is_some_and(|at| at <= now);
    if next.is_none() || is_due {
        *next = Some(now + interval);
    }
    is_due
}

impl Stores for Library {
    fn sizes(&self) -> (u64, u64) {
        (self.0.media_octets.load(Ordering::Relaxed), self.0.cached_octets.load(Ordering::Relaxed))
    }

    fn carry_out(&self, command: &MediaCommand) -> String {
        let seconds = |(name, loaded, used): (String, Duration, Duration)| {
            format!("{name}, loaded {} s ago, last used {} s ago\n", loaded.as_secs(), used.as_secs())
        };
        match command {
            MediaCommand::List(kind) => self.held(*kind).into_iter().map(seconds).collect(),
            MediaCommand::ListPlayers => self.cached_players(),
            MediaCommand::LoadFile { path, again } => {
                loaded(path, (!again || self.has_file(path)) && self.load_file(path))
            }
            MediaCommand::LoadId { kind, id: text, again } => with_id(text, |id| {
                loaded(text, (!again || self.has_id(*kind, id)) && self.load_id(*kind, id))
            }),
            MediaCommand::ReloadAll(kind) => reloaded(*kind, self.reload_all(*kind)),
            MediaCommand::EvictFile(path) => evicted_file(path, self.evict_file(path)),
            MediaCommand::EvictIds(kind, ids) => evicted_ids(ids, |id| self.evict_id(*kind, id)),
            MediaCommand::EvictAll(kind) => evicted(*kind, self.evict_all(*kind)),
            MediaCommand::EvictPlayers => evicted(Kind::Copies, self.evict_players()),
        }
    }

    fn carry_out_later(&self, command: MediaCommand, tell: Box<dyn FnOnce(String) + Send>) {
        let tell = Arc::new(Mutex::new(Some(tell)));
        let (library, teller) = (self.clone(), Arc::clone(&tell));
        let files = matches!(command, MediaCommand::LoadFile { .. } | MediaCommand::ReloadAll(Kind::Files));
        let pool = if files { &self.0.players } else { &self.0.databases };
        let queued = pool.submit(Box::new(move || {
            let answer = library.carry_out(&command);
            let tell = teller.lock().take();
            if let Some(tell) = tell {
                tell(answer);
            }
        }));
        if queued.is_err() {
            let tell = tell.lock().take();
            if let Some(tell) = tell {
                tell(format!("{}\n", overload()));
            }
        }
    }

    fn look_after(&self, now: Instant) {
        let settings = &self.0.settings;
        let mut timers = self.0.timers.lock();
        let run = |pool: &Pool, work: fn(&Library)| {
            let library = self.clone();
            // With a full queue the next run does it.
            let _ = pool.submit(Box::new(move || work(&library)));
        };
        if due(&mut timers.files, settings.files.reload, now) {
            run(&self.0.players, |library| {
                library.reload_all(Kind::Files);
            });
        }
        if due(&mut timers.rows, settings.database_media.reload, now) {
            run(&self.0.databases, |library| {
                library.reload_all(Kind::Rows);
            });
        }
        if due(&mut timers.copies, settings.database_cache.reload, now) {
            run(&self.0.databases, |library| {
                library.reload_all(Kind::Copies);
            });
        }
        if due(&mut timers.expiry, settings.expiry_interval, now) {
            run(&self.0.players, Library::expire);
        }
    }
}

impl Sources for Library {
    fn known(&self, source: &Source) -> Option<Arc<dyn Media>> {
        if !self.0.settings.cache {
            return None;
        }
        let cache = self.0.cache.lock();
        let (_, cached) = cache.iter().find(|((known, ..), _)| known == source)?;
        Some(Arc::new(Opened {
            library: Arc::downgrade(&self.0),
            source: source.clone(),
            body: Body::Elsewhere,
            duration: cached.duration,
            spare: Mutex::new(None),
        }))
    }

    fn open(&self, source: &Source, tell: Box<dyn FnOnce(Answer) + Send>) {
        let pool = self.0.pool_for(source);
        let asked = Instant::now();
        let (library, source) = (Arc::clone(&self.0), source.clone());
        let tell = Arc::new(Mutex::new(Some(tell)));
        let teller = Arc::clone(&tell);
        let queued = pool.submit(Box::new(move || {
            let late = asked.elapsed() > FORGOTTEN;
            let answer = if late { Err(overload()) } else { library.open(&source) };
            let tell = teller.lock().take();
            if let Some(tell) = tell {
                tell(answer);
            }
        }));
        if queued.is_err() {
            let tell = tell.lock().take();
            if let Some(tell) = tell {
                tell(Err(overload()));
            }
        }
    }
}

impl Inner {
    /// Opens a source and tries whether it has sound.
    fn open(self: &Arc<Self>, source: &Source) -> Answer {
        let body = self.find(source)?;
        let mut demuxer = demux(source, &body)?;
        let mut samples = Vec::new();
        let first = demuxer.read(&mut samples).map_err(|error| OpenError(error.to_string()))?;
        if first == Demuxed::End && samples.is_empty() {
            return Err(OpenError("no sound in it".into()));
        }
        demuxer.rewind();
        Ok(Arc::new(Opened {
            library: Arc::downgrade(self),
            source: source.clone(),
            body,
            duration: demuxer.duration(),
            spare: Mutex::new(Some(demuxer)),
        }))
    }

    /// Who opens a source: what is held here does not wait for a database.
    fn pool_for(&self, source: &Source) -> &Pool {
        match source {
            Source::Database(id) if !self.rows.contains(id) && !self.copies.contains(id) => &self.databases,
            _ => &self.players,
        }
    }

    /// Memory, directory, where it comes from (players.md §4.2).
    fn find(&self, source: &Source) -> Result<Body, OpenError> {
        let now = Instant::now();
        match source {
            Source::Blob(octets) => Ok(Body::Memory(Content::new(octets.to_vec(), &self.media_octets))),
            Source::File(path) => {
                if let Some(content) = self.files.get(path, now) {
                    return Ok(Body::Memory(content));
                }
                if self.settings.files.on_demand {
                    let content = self.load_file(path).map_err(|error| OpenError(error.to_string()))?;
                    return Ok(Body::Memory(content));
                }
                Ok(Body::File(path.clone()))
            }
            Source::Database(id) => self.find_row(*id, now).map(Body::Memory),
        }
    }

    fn find_row(&self, id: u64, now: Instant) -> Result<Arc<Content>, OpenError> {
        if let Some(content) = self.rows.get(&id, now) {
            return Ok(content);
        }
        let content = self.fetch_row(id, now)?;
        if self.settings.database_media.on_demand {
            self.rows.put(id, Arc::clone(&content), None, now);
        }
        Ok(content)
    }

    /// A row from its copy, or from the database, which makes the copy.
    fn fetch_row(&self, id: u64, now: Instant) -> Result<Arc<Content>, OpenError> {
        if let Some(directory) = &self.directory
            && let Ok((octets, _)) = read_file(&directory.file(id))
        {
            if self.copies.get(&id, now).is_none() {
                self.copies.put(id, (), None, now);
            }
            return Ok(Content::new(octets, &self.media_octets));
        }
        let octets = self.ask(id)?;
        self.copy(id, &octets);
        Ok(Content::new(octets, &self.media_octets))
    }

    fn ask(&self, id: u64) -> Result<Vec<u8>, OpenError> {
        let database = self.database.as_ref();
        database.ok_or_else(|| OpenError("No media database is configured".into()))?.fetch(id)
    }

    /// Stores a copy of a row. Without it the row is asked for again.
    fn copy(&self, id: u64, octets: &[u8]) -> bool {
        let Some(directory) = &self.directory else { return false };
        match directory.put(id, octets) {
            Ok(()) => {
                self.copies.put(id, (), None, Instant::now());
                true
            }
            Err(error) => {
                log::core(
                    Level::Warning,
                    &format!("Failed to store DB media #{id} in db-media-cache: {error}"),
                );
                false
            }
        }
    }

    fn load_file(&self, path: &Path) -> std::io::Result<Arc<Content>> {
        let (octets, modified) = read_file(path)?;
        let content = Content::new(octets, &self.media_octets);
        self.files.put(path.to_owned(), Arc::clone(&content), modified, Instant::now());
        Ok(content)
    }

    fn load_row(&self, id: u64) -> Result<(), OpenError> {
        let octets = self.ask(id)?;
        self.copy(id, &octets);
        self.rows.put(id, Content::new(octets, &self.media_octets), None, Instant::now());
        Ok(())
    }

    fn load_copy(&self, id: u64) -> Result<(), OpenError> {
        let octets = self.ask(id)?;
        if self.copy(id, &octets) { Ok(()) } else { Err(OpenError("No copy could be stored".into())) }
    }
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
