//! Looking at many calls without holding up packets: a shard shows a surveyor what fits into a slice of each turn.

use crate::call::Call;
use crate::call::ctx::Now;
use std::any::Any;
use std::fmt::Debug;
use std::time::Duration;

/// Time of one turn that surveys may take.
pub const SLICE: Duration = Duration::from_micros(200);

/// What is to become of a call that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// The operator ends it (reason FORCED).
    Terminate,
}

/// Looks at calls one by one, on their shard's thread.
pub trait Survey: Send + Debug {
    /// Looks at a call, and may change marks on it.
    fn visit(&mut self, call: &mut Call, now: Now) -> Verdict;
    /// Gives the asking side its own type back.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}
