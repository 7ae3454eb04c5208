//! Media players (players.md): sources, encoded sound, and what is sent when.
//!
//! | module | what | feature |
//! | --- | --- | --- |
//! | [`source`] | what can be played, and the interface to whoever opens it | |
//! | [`track`] | encoded sound that one side appends and any number of players read | |
//! | [`command`] | what the operator asks of the stores | |
//! | [`playback`] | one player: a track and the time in, packets out | |
//! | `pool` | side threads with a bounded queue | |
//! | `encoding` | a file becomes a track | `codec` |
//! | `store` | media held in memory, and copies of database media in a directory | |
//! | `database` | media out of MariaDB | `codec` |
//! | `library` | all of that behind [`source::Sources`] | `codec` |
//!
//! Opening, decoding and databases are work of side threads. A shard only reads tracks, which are shared by all players of a cached
//! source, and the state of a player depends on nothing but the track and the time it is told.

pub mod command;
#[cfg(feature = "codec")]
pub mod database;
#[cfg(feature = "codec")]
mod encoding;
#[cfg(feature = "codec")]
pub mod library;
pub mod playback;
pub mod pool;
pub mod source;
pub mod store;
pub mod track;

pub use command::{MediaCommand, Stores};
pub use playback::{Action, Outgoing, Player, Start};
pub use source::{Answer, Media, OpenError, Output, Plan, Source, Sources};
pub use track::Track;
