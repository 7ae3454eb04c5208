//! Announcements, music on hold and the media database (players.md).

use std::path::PathBuf;
use std::time::Duration;

use rtpengine_common::log::Level;
use rtpengine_common::options::{OptionError, Values};

use super::{Message, count, non_empty, seconds_or_off};
use crate::options::table::PLAYERS;

/// Announcements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Players {
    /// Playback threads; 0 = no playback.
    pub threads: usize,
    /// Keep encoded announcements.
    pub cache: bool,
    /// Media files.
    pub files: MediaCache,
    /// Database media.
    pub database_media: MediaCache,
    /// The cache of database media on disk.
    pub database_cache: MediaCache,
    /// Where that cache is.
    pub cache_directory: Option<PathBuf>,
    /// How often expired media is looked for.
    pub expiry_interval: Option<Duration>,
    /// The media database.
    pub database: Database,
    /// Music on hold.
    pub hold: MusicOnHold,
}

/// One kind of media kept in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaCache {
    /// Read at start.
    pub preload: Vec<String>,
    /// Read at first use and kept.
    pub on_demand: bool,
    /// How often changes are looked for.
    pub reload: Option<Duration>,
    /// When unused media is forgotten.
    pub expire: Option<Duration>,
}

/// The media database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Host.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// User.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Query with `%llu` exactly once.
    pub query: Option<String>,
}

/// Music on hold (players.md §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MusicOnHold {
    /// Longest duration; none = unlimited.
    pub max_duration: Option<Duration>,
    /// Most repeats.
    pub max_repeats: usize,
    /// SDP attribute that marks such a session.
    pub attribute: Option<String>,
    /// No music when both hold.
    pub prevent_double: bool,
}

/// `moh-max-duration` when not given.
const HOLD_DEFAULT: Duration = Duration::from_secs(1800);
const ON_DEMAND: [&str; 3] = ["on-demand", "on demand", "ondemand"];

impl Players {
    pub(super) fn read(
        values: &Values,
        threads: usize,
        messages: &mut Vec<Message>,
    ) -> Result<Self, OptionError> {
        if cfg!(not(feature = "codec")) {
            let given = PLAYERS.iter().filter(|option| values.origin(option.long).is_some());
            messages.extend(given.map(|option| {
                (Level::Warning, format!("Option --{} has no effect: this build plays no media", option.long))
            }));
        }
        Ok(Players {
            threads,
            cache: values.flag("player-cache"),
            files: MediaCache::read(
                values,
                "preload-media-files",
                "media-files-reload",
                "media-files-expire",
            ),
            database_media: MediaCache::read(
                values,
                "preload-db-media",
                "db-media-reload",
                "db-media-expire",
            ),
            database_cache: MediaCache::read(
                values,
                "preload-db-cache",
                "db-cache-reload",
                "db-cache-expire",
            ),
            cache_directory: non_empty(values.text("db-media-cache")).map(PathBuf::from),
            expiry_interval: seconds_or_off(values, "expiry-timer"),
            database: Database::read(values)?,
            hold: MusicOnHold {
                max_duration: match u64::try_from(values.int("moh-max-duration")) {
                    Ok(0) => None,
                    Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
                    Err(_) => Some(HOLD_DEFAULT),
                },
                max_repeats: count(values, "moh-max-repeats"),
                attribute: non_empty(values.text("moh-attr-name")),
                prevent_double: values.flag("moh-prevent-double-hold"),
            },
        })
    }
}

impl MediaCache {
    fn read(values: &Values, preload: &str, reload: &str, expire: &str) -> Self {
        let mut names: Vec<_> =
            values.list(preload).iter().map(|name| name.trim_start().to_owned()).collect();
        let listed = names.len();
        names.retain(|name| !ON_DEMAND.contains(&name.as_str()));
        MediaCache {
            on_demand: names.len() < listed,
            preload: names,
            reload: seconds_or_off(values, reload),
            expire: seconds_or_off(values, expire),
        }
    }
}

impl Database {
    fn read(values: &Values) -> Result<Self, OptionError> {
        let query = non_empty(values.text("mysql-query"));
        if let Some(query) = &query {
            check_query(query)?;
        }
        Ok(Database {
            host: values.text("mysql-host"),
            port: u16::try_from(values.int("mysql-port")).ok().filter(|port| *port != 0),
            user: values.text("mysql-user"),
            password: values.text("mysql-pass"),
            query,
        })
    }
}

fn check_query(query: &str) -> Result<(), OptionError> {
    if !query.contains("%llu") {
        return Err(OptionError::invalid(format!("No '%llu' present in --mysql-query='{query}'")));
    }
    match query.matches('%').count() {
        1 => Ok(()),
        n => Err(OptionError::invalid(format!(
            "Too many '%' placeholders ({n}) present in --mysql-query='{query}'"
        ))),
    }
}
