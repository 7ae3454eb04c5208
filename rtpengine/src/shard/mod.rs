//! A shard: one thread that owns its calls, their sockets and timers.

pub mod inbox;
pub mod pace;
pub mod wheel;
