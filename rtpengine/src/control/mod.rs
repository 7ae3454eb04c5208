//! The control side: requests in, the shard that owns the call, replies out.

pub mod cli;
pub mod cookies;
pub mod datagrams;
pub mod directory;
pub mod http;
pub mod limits;
pub mod listeners;
pub mod proxies;
pub mod router;
pub mod stream;
