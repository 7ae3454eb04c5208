//! What can be played, and the interface between calls and whoever opens media.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rtpengine_common::codec::Codec;
use rtpengine_common::ng::MediaSource;

use super::track::Track;

/// Where media comes from (players.md §1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A local file.
    File(PathBuf),
    /// The content of a file, out of a request.
    Blob(Arc<[u8]>),
    /// A row of the database.
    Database(u64),
}

impl Source {
    /// The source a request names: file, else blob, else database (players.md §1.2 rule 1).
    #[must_use]
    pub fn of(given: &MediaSource) -> Option<Self> {
        use std::os::unix::ffi::OsStrExt;
        if let Some(path) = given.file.as_ref().filter(|path| !path.is_empty()) {
            return Some(Self::File(std::ffi::OsStr::from_bytes(path.as_bytes()).into()));
        }
        if let Some(blob) = given.blob.as_ref().filter(|blob| !blob.is_empty()) {
            return Some(Self::Blob(blob.as_bytes().into()));
        }
        given.db_id.map(Self::Database)
    }
}

/// As `media list players` shows it (players.md §10).
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "media file '{}'", path.display()),
            Self::Blob(_) => f.write_str("binary media blob"),
            Self::Database(id) => write!(f, "DB media file #{id}"),
        }
    }
}

/// What a player sends: an entry of the receiver's codec list.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The codec with the receiver's parameters.
    pub codec: Arc<Codec>,
    /// Its number there.
    pub payload_type: u8,
    /// Packet time in ms.
    pub ptime: u32,
}

/// Which part of a source is played, and how often (players.md §3 rule 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Number of times, at least 1.
    pub times: u32,
    /// Time for repetitions in ms; `None` is no limit.
    pub budget_ms: Option<u64>,
    /// Where to begin.
    pub from: Position,
}

/// A place in the media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Position {
    /// The first sound.
    #[default]
    Beginning,
    /// Ticks of the file's time base.
    Ticks(i64),
    /// Time since the beginning.
    After(Duration),
}

impl Default for Plan {
    fn default() -> Self {
        Self { times: 1, budget_ms: None, from: Position::Beginning }
    }
}

/// Why media could not be opened or played; the client is told only the kind of source (players.md §1.2 rule 4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// An opened source: it exists, is media, and has sound that can be decoded.
pub trait Media: Send + Sync + fmt::Debug {
    /// Where it came from.
    fn source(&self) -> &Source;
    /// Its length, if it tells.
    fn duration(&self) -> Option<Duration>;
    /// Has it encoded; a side thread does so while the track is read. A track that is shared holds one pass, whatever the plan.
    ///
    /// # Errors
    /// If too much is waiting to be encoded.
    fn play(&self, output: &Output, plan: &Plan) -> Result<Arc<Track>, OpenError>;
}

/// What became of a source.
pub type Answer = Result<Arc<dyn Media>, OpenError>;

/// Opens sources.
pub trait Sources: Send + Sync + fmt::Debug {
    /// A source that is open already: no need to wait for it.
    fn known(&self, source: &Source) -> Option<Arc<dyn Media>>;
    /// Opens a source on a side thread, which then calls `tell`; at once if nothing can be opened.
    fn open(&self, source: &Source, tell: Box<dyn FnOnce(Answer) + Send>);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_of_sources() {
        let mut given = MediaSource { db_id: Some(7), ..MediaSource::default() };
        assert_eq!(Source::of(&given), Some(Source::Database(7)));
        given.blob = Some(b"RIFF".as_slice().into());
        assert_eq!(Source::of(&given).unwrap().to_string(), "binary media blob");
        given.file = Some(b"/tmp/x.wav".as_slice().into());
        assert_eq!(Source::of(&given).unwrap().to_string(), "media file '/tmp/x.wav'");
        assert_eq!(Source::of(&MediaSource::default()), None);
    }
}
