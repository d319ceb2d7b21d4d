//! The wall clock: no other file of the program reads it. Durations and deadlines are measured with
//! [`std::time::Instant`] instead, because the wall clock may jump.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z; 0 while the system's clock is set before that.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
