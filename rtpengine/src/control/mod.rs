//! The control side: requests in, the shard that owns the call, replies out.

pub mod cookies;
pub mod limits;
