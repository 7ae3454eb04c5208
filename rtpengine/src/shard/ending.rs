//! What is counted when a call ends (operations.md 8.1 rule 4).

use crate::call::ctx::Now;
use crate::call::{Call, CloseReason};
use crate::report::counters::{Block, Counter};

/// Counts an ended call of our own.
pub(super) fn count(stats: &Block, call: &Call, reason: CloseReason, now: Now) {
    let by_reason = match reason {
        CloseReason::Regular => Counter::RegularSessions,
        CloseReason::Timeout => Counter::TimeoutSessions,
        CloseReason::SilentTimeout => Counter::SilentTimeoutSessions,
        CloseReason::OfferTimeout => Counter::OfferTimeoutSessions,
        CloseReason::FinalTimeout => Counter::FinalTimeoutSessions,
        CloseReason::Forced => Counter::ForcedSessions,
    };
    stats.count(by_reason, 1);
    stats.count(Counter::ManagedSessions, 1);
    let lasted = now.instant.saturating_duration_since(call.signalling.created);
    stats.count(Counter::CallDuration, u64::try_from(lasted.as_micros()).unwrap_or(0));
    let millis = u64::try_from(lasted.as_millis()).unwrap_or(0);
    stats.count(Counter::CallDuration2, millis.saturating_mul(millis));
}
