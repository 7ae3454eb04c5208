//! An opened source: where its octets are, and its sound, encoded for one listener or once for everybody.

use std::fmt;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rtpengine_common::codec::Codec;
use rtpengine_common::codec::engine::demuxer::Demuxer;

use super::super::encoding::{Encoding, Queue, Task};
use super::super::pool::Pool;
use super::super::source::{Media, OpenError, Output, Plan, Source};
use super::super::store::{Content, open_file};
use super::super::track::Track;
use super::{Inner, overload};
use crate::flow::Level;
use crate::report::log;

/// Encoded sources that are kept; the next one pushes out an arbitrary one nobody listens to.
const MAX_CACHED: usize = 10_000;

/// What identifies an encoded source (players.md §4.1 rule 1).
pub(super) type CacheKey = (Source, String, u32);

/// An encoded source, and what lists say of it.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) track: Arc<Track>,
    pub(super) duration: Option<Duration>,
    pub(super) payload_type: u8,
    pub(super) codec: String,
}

/// Where the octets of an opened source are.
#[derive(Clone)]
pub(super) enum Body {
    File(PathBuf),
    Memory(Arc<Content>),
    /// Not looked for: the encoded sound is in the cache.
    Elsewhere,
}

struct SharedContent(Arc<Content>);

impl AsRef<[u8]> for SharedContent {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

fn extension(source: &Source) -> Option<&str> {
    match source {
        Source::File(path) => path.extension()?.to_str(),
        Source::Blob(_) | Source::Database(_) => None,
    }
}

pub(super) fn demux(source: &Source, body: &Body) -> Result<Demuxer, OpenError> {
    let told = |error: &dyn fmt::Display| OpenError(error.to_string());
    match body {
        Body::File(path) => {
            let file = open_file(path).map_err(|error| told(&error))?;
            Demuxer::open(Box::new(file), extension(source))
        }
        Body::Memory(content) => {
            Demuxer::open(Box::new(Cursor::new(SharedContent(Arc::clone(content)))), extension(source))
        }
        Body::Elsewhere => return Err(OpenError("not loaded".into())),
    }
    .map_err(|error| told(&error))
}

/// An opened source.
pub(super) struct Opened {
    pub(super) library: Weak<Inner>,
    pub(super) source: Source,
    pub(super) body: Body,
    pub(super) duration: Option<Duration>,
    /// Open already and at the beginning: for whoever plays it first.
    pub(super) spare: Mutex<Option<Demuxer>>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("source", &self.source.to_string()).finish_non_exhaustive()
    }
}

impl Media for Opened {
    fn source(&self) -> &Source {
        &self.source
    }

    fn duration(&self) -> Option<Duration> {
        self.duration
    }

    fn play(&self, output: &Output, plan: &Plan) -> Result<Arc<Track>, OpenError> {
        let library = self.library.upgrade().ok_or_else(overload)?;
        if library.settings.cache {
            return self.play_cached(&library, output);
        }
        let track = Track::private(Some(Arc::new(Queue)));
        self.encode(&library, &library.players, output, plan, &track)?;
        Ok(track)
    }
}

impl Opened {
    fn play_cached(&self, library: &Arc<Inner>, output: &Output) -> Result<Arc<Track>, OpenError> {
        let key = (self.source.clone(), description(&output.codec), output.ptime);
        let mut cache = library.cache.lock();
        if let Some(cached) = cache.get(&key) {
            return Ok(Arc::clone(&cached.track));
        }
        let track = Track::shared(Some(Arc::clone(&library.cached_octets)));
        // Once for all passes, from the beginning (players.md §4.1 rule 3, §3 rule 6).
        self.encode(library, &library.encoders, output, &Plan::default(), &track)?;
        if cache.len() >= MAX_CACHED
            && let Some(idle) = cache.iter().find(|(_, cached)| Arc::strong_count(&cached.track) == 1)
        {
            let idle = idle.0.clone();
            cache.remove(&idle);
        }
        let codec = shown(&output.codec);
        let (payload_type, duration) = (output.payload_type, self.duration);
        cache.insert(key, Cached { track: Arc::clone(&track), duration, payload_type, codec });
        Ok(track)
    }

    /// Queues the encoding of a track. What fails then ends the track.
    fn encode(
        &self,
        library: &Arc<Inner>,
        pool: &Pool,
        output: &Output,
        plan: &Plan,
        track: &Arc<Track>,
    ) -> Result<(), OpenError> {
        let spare = self.spare.lock().take();
        let (library, source, body) = (Arc::clone(library), self.source.clone(), self.body.clone());
        let (output, plan, track, work) = (output.clone(), *plan, Arc::downgrade(track), pool.clone());
        let job = move || {
            let Some(track) = track.upgrade() else { return };
            let opened = match (spare, body) {
                (Some(demuxer), _) => Ok(demuxer),
                (None, Body::Elsewhere) => library.find(&source).and_then(|body| demux(&source, &body)),
                (None, body) => demux(&source, &body),
            };
            let encoding = opened.and_then(|demuxer| {
                Encoding::new(demuxer, &output, &plan).map_err(|error| OpenError(error.to_string()))
            });
            let failure = match encoding {
                Ok(encoding) => Task::new(encoding, &track, &work).submit().err().map(|_| overload()),
                Err(error) => Some(error),
            };
            if let Some(error) = failure {
                log::core(Level::Error, &format!("Failed to play {source}: {error}"));
                track.finish(0);
            }
        };
        pool.submit(Box::new(job)).map_err(|_| overload())
    }
}

/// All that the encoded sound depends on.
fn description(codec: &Codec) -> String {
    let Codec { name, clock, channels, fmtp, bitrate, options, .. } = codec;
    format!("{name}/{clock}/{channels}/{bitrate} {fmtp:?} {options:?}")
}

/// A codec as lists show it.
fn shown(codec: &Codec) -> String {
    match codec.channels {
        0 | 1 => format!("{}/{}", codec.name, codec.clock),
        channels => format!("{}/{}/{channels}", codec.name, codec.clock),
    }
}
