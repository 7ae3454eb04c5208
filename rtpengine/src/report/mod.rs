//! What the daemon tells about itself: counters and the lists of figures made of them.

pub mod cdr;
pub mod counters;
pub mod log;
pub mod metrics;
pub mod rates;
pub mod statistics;
