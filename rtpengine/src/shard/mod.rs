//! A shard: one thread that owns its calls, their sockets and timers.

pub mod calls;
pub mod coders;
mod core;
mod desk;
mod dtmf;
pub mod errands;
pub mod inbox;
mod merging;
pub mod message;
mod moving;
pub mod pace;
mod packets;
mod parking;
mod remotes;
mod requests;
pub mod run;
pub mod shared;
pub mod survey;
pub mod tally;
pub mod wheel;

pub use self::core::Shard;
pub use requests::creates;

pub use merging::merges;

use crate::call::ids::StreamId;
use calls::CallSlot;

/// Whom the packets of a socket concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    call: CallSlot,
    stream: StreamId,
}

#[cfg(all(test, feature = "codec"))]
mod parking_tests;
#[cfg(all(test, feature = "codec"))]
mod remotes_tests;
#[cfg(test)]
pub(crate) mod tests;
