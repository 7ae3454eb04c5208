//! What opens and holds media for players.

use super::Fatal;
use crate::options::Settings;
use crate::player::{Sources, Stores};
use std::sync::Arc;

/// The library as calls and as the operator see it.
pub(super) struct Library {
    pub(super) sources: Arc<dyn Sources>,
    pub(super) stores: Arc<dyn Stores>,
}

/// Starts the library; without playback there is none.
#[cfg(feature = "codec")]
pub(super) fn library(settings: &Settings) -> Result<Option<Library>, Fatal> {
    use super::threads::set_scheduling;
    use crate::options::Scheduling;
    use crate::player::library::{self, Begin};
    if settings.players.threads == 0 {
        return Ok(None);
    }
    let (media, idle) = (settings.threads.scheduling, settings.threads.idle_scheduling);
    // Filling the cache yields to everything else (players.md 4.1).
    let low =
        Scheduling { policy: idle.policy, priority: if idle.priority == 0 { 10 } else { idle.priority } };
    let begin = Begin {
        player: Arc::new(move || set_scheduling(media)),
        encoder: Arc::new(move || set_scheduling(low)),
    };
    // The threads end with the program: what they do has no effect beyond it.
    let (library, _) = library::Library::start(&settings.players, &begin).map_err(Fatal::new)?;
    Ok(Some(Library { sources: Arc::new(library.clone()), stores: Arc::new(library) }))
}

/// Without the audio engines nothing is played.
#[cfg(not(feature = "codec"))]
pub(super) fn library(_: &Settings) -> Result<Option<Library>, Fatal> {
    Ok(None)
}
