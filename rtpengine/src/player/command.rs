//! The operator's commands about media held in memory (players.md §10).

/// What kind of store a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Files.
    Files,
    /// Rows of the database.
    Rows,
    /// Copies of rows in the directory.
    Copies,
}

/// A command of `media …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaCommand {
    /// `list files`, `dbs`, `caches`
    List(Kind),
    /// `list players`
    ListPlayers,
    /// `add file`, `reload file`
    LoadFile {
        /// Its path.
        path: String,
        /// `reload`: only what is held already.
        again: bool,
    },
    /// `add db`, `add cache`, `reload db`, `reload cache`
    LoadId {
        /// `Rows` or `Copies`.
        kind: Kind,
        /// The number, or what was given for it.
        id: String,
        /// `reload`: only what is held already.
        again: bool,
    },
    /// `reload files`, `dbs`, `caches`
    ReloadAll(Kind),
    /// `evict file`
    EvictFile(String),
    /// `evict db`, `evict cache`
    EvictIds(Kind, Vec<String>),
    /// `evict files`, `dbs`, `caches`
    EvictAll(Kind),
    /// `evict players`
    EvictPlayers,
}

/// What the commands work on.
pub trait Stores: Send + Sync + std::fmt::Debug {
    /// Octets of media in memory, and of payload in the player cache.
    fn sizes(&self) -> (u64, u64);
    /// Carries a command out and tells the answer; see [`MediaCommand::is_quick`].
    fn carry_out(&self, command: &MediaCommand) -> String;
    /// Has a command carried out on a side thread, which then calls `tell`.
    fn carry_out_later(&self, command: MediaCommand, tell: Box<dyn FnOnce(String) + Send>);
    /// Reloads and expires what is due; to be called about once per second.
    fn look_after(&self, now: std::time::Instant);
}

impl MediaCommand {
    /// It asks neither a disk for content nor a database.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        !matches!(self, Self::LoadFile { .. } | Self::LoadId { .. } | Self::ReloadAll(_))
    }

    /// The answer of a program that holds nothing.
    #[must_use]
    pub fn answer_without_stores(&self) -> String {
        match self {
            Self::List(_) | Self::ListPlayers => String::new(),
            Self::LoadFile { path, .. } => loaded(path, false),
            Self::LoadId { id, .. } => with_id(id, |_| loaded(id, false)),
            Self::ReloadAll(kind) => reloaded(*kind, 0),
            Self::EvictFile(path) => evicted_file(path, false),
            Self::EvictIds(_, ids) => evicted_ids(ids, |_| false),
            Self::EvictAll(kind) => evicted(*kind, 0),
            Self::EvictPlayers => evicted(Kind::Copies, 0),
        }
    }
}

/// `Success`, or what could not be loaded.
#[must_use]
pub fn loaded(what: &str, success: bool) -> String {
    if success { "Success\n".into() } else { format!("Failed to reload '{what}'\n") }
}

/// The answer for a database id, if it is one.
#[must_use]
pub fn with_id(text: &str, answer: impl FnOnce(u64) -> String) -> String {
    match text.parse::<u64>().ok().filter(|id| *id != 0) {
        Some(id) => answer(id),
        None => format!("Invalid ID '{text}'\n"),
    }
}

/// How many entries of a kind were read again.
#[must_use]
pub fn reloaded(kind: Kind, count: usize) -> String {
    let what = if kind == Kind::Files { "media files" } else { "media entries" };
    format!("{count} {what} reloaded\n")
}

/// Whether a file was let go.
#[must_use]
pub fn evicted_file(path: &str, success: bool) -> String {
    if success { "Success\n".into() } else { format!("Failed to evict '{path}'") }
}

/// Which entries were let go.
#[must_use]
pub fn evicted_ids(ids: &[String], evict: impl Fn(u64) -> bool) -> String {
    let one = |text: &String| {
        with_id(
            text,
            |id| if evict(id) { format!("Success ({id})\n") } else { format!("Failed to evict {id}\n") },
        )
    };
    ids.iter().map(one).collect()
}

/// How many entries of a kind were let go; those of the player cache count as copies.
#[must_use]
pub fn evicted(kind: Kind, count: usize) -> String {
    let what = match kind {
        Kind::Files => "media files",
        Kind::Rows => "DB media entries",
        Kind::Copies => "DB cache entries",
    };
    format!("{count} {what} evicted\n")
}
