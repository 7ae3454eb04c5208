//! A shard: one thread that owns its calls, their sockets and timers.

pub mod pace;
pub mod wheel;
