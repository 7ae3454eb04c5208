//! ICE (RFC 8445, RFC 5245 peers included): a full and lite agent for one media, without sockets, clock
//! or threads. media-plane.md 11 is its contract.
//!
//! The owner feeds it STUN packets ([`Agent::handle_packet`]) and time ([`Agent::poll`] at
//! [`Agent::next_timeout`]), and drains what it wants to send ([`Agent::poll_transmit`]) and to say
//! ([`Agent::poll_event`]). Signalling goes in through [`Agent::set_remote`], [`Agent::add_candidates`]
//! and [`Agent::restart`].
//!
//! Design in short: candidates and pairs sit in two append-only lists until a restart drops both, so a
//! position names a pair for the agent's life. One *run* happens at most every 20 ms and sends one new
//! check or the due retransmissions. Everything that concludes something (usable, nominated,
//! completed) is recomputed from the pair list, which is bounded by the limit on candidates.

mod agent;
mod candidate;
mod conclude;
mod credentials;
mod events;
mod exercise;
mod incoming;
mod pair;
mod run;

#[cfg(test)]
mod netem;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_network;

pub use agent::{Agent, Local, Phase, Role, Settings};
pub use candidate::{Foundation, MAX_CANDIDATES, RemoteCandidate, priority};
pub use credentials::Credentials;
pub use events::{Event, Handled, Notice, Transmit};
pub use exercise::exercise;

use std::time::Duration;

/// Least time between two runs of one agent.
pub const PACING: Duration = Duration::from_millis(20);
/// Time to the first retransmission; doubles with each.
pub const FIRST_RETRANSMISSION: Duration = Duration::from_millis(100);
/// Retransmissions before a pair has failed.
pub const MAX_RETRANSMISSIONS: u32 = 7;
/// Controlling: from the first complete set of succeeded pairs to nomination.
pub const NOMINATION_DELAY: Duration = Duration::from_millis(100);
/// Completed for so long, a nomination moves the stream whatever its priority. Before, the highest of
/// all nominated sets counts: peers with aggressive nomination (RFC 5245) nominate every pair.
pub const RENOMINATION_AGE: Duration = Duration::from_secs(3);
