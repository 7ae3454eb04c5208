//! Waiting on conditions: nothing here sleeps and hopes.

use std::time::{Duration, Instant};

/// How long an expected packet or reply may take (`media-plane.md` 0.4).
pub const SOON: Duration = Duration::from_secs(1);

/// How long a test listens before it says that nothing came (`media-plane.md` 0.4).
pub const QUIET: Duration = Duration::from_millis(100);

/// Asks `condition` again and again until it gives a value, at most for `limit`.
///
/// # Panics
/// When the limit passes first; `what` names the condition in the message.
pub fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
